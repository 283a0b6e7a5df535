#!/usr/bin/env bash
# One script for people and machines: `./ci.sh` runs everything, `./ci.sh STEP…` runs steps.
#
#   fmt     formatting
#   lint    clippy with the lint table of Cargo.toml, warnings are errors
#   doc     rustdoc without warnings
#   moto    an AWS to fetch from, in a virtual environment below target/ (skipped without python3 or network)
#   test    all tests of the workspace, `reach fetch` among it
#   bench   every bench once (a smoke run, no timings)
#   smoke   the README's first command, from a release build
#   cases   recorded answers of other tools, where a `../shared/cases` folder lies beside the checkout
#   fuzz    a minute of fuzzing per target, where cargo-fuzz is installed (not part of `all`)
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-never}" INSTA_UPDATE=no

say() { printf '\n== %s\n' "$*"; }

fmt() { say fmt; cargo fmt --all --check; }
lint() { say lint; cargo clippy --workspace --all-targets --features fetch --locked -- -D warnings; }
doc() { say doc; RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked; }

# Where moto cannot be had, the tests that need it say that they are skipped.
moto() {
  say moto
  local venv="${CARGO_TARGET_DIR:-$PWD/target}/moto"
  if [ ! -x "$venv/bin/moto_server" ]; then
    command -v python3 >/dev/null || { apt-get update -qq && apt-get install -y -qq python3 python3-venv; } || true
    python3 -m venv "$venv" && "$venv/bin/pip" install --quiet --requirement tests/fetch/requirements.txt ||
      { rm -rf "$venv"; echo "skipped: moto cannot be installed here"; return; }
  fi
  # The shapes that answers are read by are those of AWS's models.
  "$venv/bin/python" crates/fetch/shapes/make.py --check
}

test_() { moto; say test; REACH_MOTO="${CARGO_TARGET_DIR:-$PWD/target}/moto" cargo test --workspace --features fetch --locked; }

bench() {
  say "bench (smoke)"
  cargo bench --locked --features fetch --bench import --bench simulate --bench compile --bench audit --bench large --bench fetch -- --test
}

# What is released knows AWS.
release() { cargo build --release --features fetch --locked; }

smoke() {
  say smoke
  release
  local reach="${CARGO_TARGET_DIR:-target}/release/reach" code=0
  "$reach" query --snapshot demo --from node --to controlplane --port 443 || code=$?
  # The demo holds one deliberate fault: some pairs are blocked, and the exit code says so.
  test "$code" -eq 1
  # Without the feature: no AWS SDK, and a word on how to do.
  cargo build --locked
  local said
  said="$("${CARGO_TARGET_DIR:-target}/debug/reach" fetch --out x.json 2>&1)" && return 1
  grep -q 'reach snapshot script' <<<"$said"
  grep -q 'features: *fetch' <<<"$("$reach" --version)"
}

# expected KIND LIST RUNNER FOLDER: the recorded cases of a kind that fail are exactly those of the list. Every case is judged
# by both engines; where they differ there is no answer, and the case fails.
expected() {
  local out failed waiting
  out="$(mktemp)"
  REACH_ENGINE=both python3 "$3" --reach "${CARGO_TARGET_DIR:-target}/release/reach" "$4" --only "$1" --show 100000 >"$out" || true
  failed="$(sed -n 's/^FAIL [^:]*: \([^ :]*\).*/\1/p' "$out" | sort)"
  waiting="$(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$2" | awk '{print $1}' | sort)"
  echo "recorded cases, $1: $(tail -n 1 "$out")"
  if [ "$failed" != "$waiting" ]; then
    diff <(echo "$waiting") <(echo "$failed") || true
    grep '^FAIL' "$out" | head -n 40
    echo "the failing cases are not those that $2 expects"
    return 1
  fi
}

# Cases that wait for a later capability are listed in tests/waiting.txt; any other failure, and any listed case that
# passes by now, is an error.
cases() {
  say cases
  local folder="../shared/cases" runner="../shared/tools/run_cases.py"
  if [ ! -d "$folder" ] || [ ! -f "$runner" ]; then
    echo "skipped: no ../shared/cases beside the checkout"
    return
  fi
  command -v python3 >/dev/null || { apt-get update -qq && apt-get install -y -qq python3; }
  release
  expected cases tests/waiting.txt "$runner" "$folder"
  # What changes do: the exceptions are argued in the list.
  expected whatif tests/waiting-whatif.txt "$runner" "$folder"
  # Findings of the audit and fixes: no exception.
  local kind
  for kind in check fix; do
    echo "recorded cases, $kind:"
    REACH_ENGINE=both python3 "$runner" --reach "${CARGO_TARGET_DIR:-target}/release/reach" "$folder" --only "$kind" --show 100000
  done
}

fuzz() {
  say fuzz
  cargo fuzz --version >/dev/null 2>&1 || { echo "skipped: cargo-fuzz is not installed"; return; }
  for target in flow_text import selector; do
    (cd fuzz && RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none "$target" -- -max_total_time=60)
  done
}

all() { fmt; lint; doc; test_; bench; smoke; cases; say "all green"; }

if [ "$#" -eq 0 ]; then set -- all; fi
for step in "$@"; do
  case "$step" in
    test) test_ ;;
    fmt|lint|doc|moto|bench|smoke|cases|fuzz|all) "$step" ;;
    *) echo "unknown step: $step" >&2; exit 2 ;;
  esac
done
