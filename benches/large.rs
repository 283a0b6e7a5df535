//! Large synthetic estates, end to end, against a fair scan of pairs and against decision diagrams.
//!
//! `cargo bench --bench large -- realistic:64000 uniq:64000 …` measures those estates, without arguments the ones of
//! `docs/PERFORMANCE.md`. `-- growth` measures how all pairs grow: with interfaces while services stay as many, and with
//! the words that the rows read. `--markdown` prints the tables of the documentation, `--test` is a smoke test. Before
//! anything is timed, the answers of all three are compared on some thousands of pairs.
//!
//! Every estate is measured by a process of its own, so that memory is that estate's. Times are medians of this run on
//! this machine: of the clock where several threads work (import, links, operands, all pairs on two) or little time is
//! taken, else of the processor, so that other work on the machine counts less. Compare ratios.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a bench that cannot go on stops where it is, and what it prints is its result"
)]

mod baseline;
mod report;

use std::hint::black_box;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use baseline::bdd::{Asked, Diagrams};
use baseline::scan::Scan;
use reach_engine::compile::Compiled;
use reach_engine::compile::headers::Algebra;
use reach_engine::compile::link::{LinkId, Links, Worth};
use reach_engine::compile::lookup::Lookup;
use reach_engine::compile::matrix::Matrix;
use reach_engine::compile::population::Population;
use reach_engine::verdict::Verdict;
use reach_generate::{Layout, Profile, Request};
use reach_model::Network;
use reach_model::network::Direction;
use reach_packets::{Protocol, Transport};
use report::{Table, count, exponent, median, seconds};
use serde::{Deserialize, Serialize};

/// Counts what is allocated, for the memory that the compiled form holds.
#[global_allocator]
static ALLOCATOR: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, usize::MAX);

/// The flow that concrete questions ask about: protocol, port, client port.
const FLOW: (Protocol, u16, u16) = (Protocol::TCP, 443, 40_000);

/// What was measured of one estate. Times in seconds, those of questions for one question.
#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    profile: String,
    enis: u64,
    json: u64,
    members: u64,
    classes: u64,
    profiles: u64,
    rules: f64,
    import: f64,
    build: f64,
    compile: f64,
    sort: f64,
    links: f64,
    operands: f64,
    one_thread: f64,
    two_threads: f64,
    words: u64,
    /// Bytes allocated for the compiled form, its classes, links, operands and the index of addresses.
    held: u64,
    /// The most memory that the process had, up to all pairs; in kB.
    high_water: u64,
    questions: Option<Questions>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Questions {
    row: f64,
    concrete: f64,
    pair: f64,
    scan_concrete: f64,
    scan_pair: f64,
    /// By putting addresses into functions.
    bdd_pair: f64,
    /// By sets of packets that are joined and projected.
    bdd_packets: f64,
    bdd_build: f64,
    bdd_addresses: u64,
    bdd_nodes: u64,
    /// How many pairs were compared, and how many of them had any flow.
    compared: (u64, u64),
}

impl Measured {
    fn all_of_compile(&self) -> f64 {
        self.compile + self.sort + self.links + self.operands
    }

    fn per_eni(&self) -> u64 {
        self.held / self.enis
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn number(count: u64) -> f64 {
    count as f64
}

fn timed<T>(what: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = what();
    (result, start.elapsed().as_secs_f64())
}

/// The processor time that this thread has had: on a shared machine it says more than the clock about work of one thread.
/// The kernel adds it up in ticks of some milliseconds.
fn on_processor() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds: Option<u64> = text.split_whitespace().next().and_then(|first| first.parse().ok());
    number(nanoseconds.unwrap_or(0)) / 1e9
}

/// What is shorter is timed by the clock: ticks would be too coarse.
const SHORT: f64 = 0.2;

/// As [`timed`], in processor time of this thread where that is long enough.
fn worked<T>(what: impl FnOnce() -> T) -> (T, f64) {
    let start = on_processor();
    let (result, clock) = timed(what);
    let time = on_processor() - start;
    (result, if time > SHORT { time } else { clock })
}

/// The result of the last run, and the median time of `times`.
fn repeated<T>(times: usize, timer: fn(&mut dyn FnMut() -> T) -> (T, f64), mut what: impl FnMut() -> T) -> (T, f64) {
    let (mut result, first) = timer(&mut what);
    let mut all = vec![first];
    for _ in 1..times {
        drop(result);
        let (next, time) = timer(&mut what);
        result = next;
        all.push(time);
    }
    (result, median(all))
}

/// The median time of one of many questions.
fn each<Q>(rounds: usize, questions: &[Q], mut ask: impl FnMut(&Q)) -> f64 {
    let round = |()| worked(|| questions.iter().for_each(&mut ask)).1 / number(questions.len() as u64);
    median(std::iter::repeat_n((), rounds).map(round).collect())
}

/// A line of `/proc/self/status`, in kB.
fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
}

/// Numbers that are the same on every machine.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % bound as u64).unwrap()
    }
}

/// What is asked, and who is asked about.
struct Asking<'c, 'n> {
    compiled: &'c Compiled<'n>,
    population: &'c Population,
    links: &'c Links,
    lookup: &'c Lookup<'c, 'n>,
    scan: Scan,
}

impl Asking<'_, '_> {
    fn end(&self, member: u32) -> baseline::End {
        let member = self.population.members().get(member as usize).unwrap();
        (member.interface, member.address())
    }

    /// Whether the baselines can be asked about a pair: its ends are on two hosts, the snapshot tells all of their
    /// groups' rules, and references count between them.
    fn is_plain(&self, (from, to): (u32, u32)) -> Option<LinkId> {
        let class = |member| self.population.classes().get(self.population.class_of(member) as usize);
        let (source, destination) = (class(from)?, class(to)?);
        let link = self.links.between(source.place, destination.place);
        let whole = |profile, direction| self.compiled.groups.profile(profile).side(direction).whole;
        let counts = Some(Worth::Counts);
        let plain = !self.population.on_one_host(from, to)
            && link != LinkId::SPECIAL
            && link != LinkId::DEAD
            && self.links.get(link).egress == counts
            && self.links.get(link).ingress == counts
            && !self.links.get(link).is_doubtful()
            && whole(source.profile, Direction::Egress)
            && whole(destination.profile, Direction::Ingress);
        plain.then_some(link)
    }

    /// Compares the three answers about a pair; `None` where it is not a plain one, else whether it has flows.
    fn compare(
        &self,
        pair: (u32, u32),
        algebra: &mut Algebra<'_>,
        diagrams: Option<(&mut Diagrams<'_>, &Asked, &Asked)>,
    ) -> Option<bool> {
        let (from, to) = pair;
        let between = *self.links.get(self.is_plain(pair)?);
        let link = algebra.get(between.forward.must);
        let rectangle = self.lookup.pair(from, to, algebra)?;
        let own = algebra.get(rectangle.headers.must);
        let mut buffers = self.scan.buffers();
        let any = self.scan.pair(from, to, &mut buffers);
        let scanned = self.scan.answer(&buffers);
        assert_eq!(any, !scanned.is_empty(), "{pair:?}");
        assert_eq!(scanned.intersect(&link), *own, "the scan differs about {pair:?}");
        let (protocol, port, source) = FLOW;
        let passes = self.lookup.passes(pair, FLOW, algebra) == Verdict::Reachable;
        let there = Transport::Ports { source, destination: port };
        let back = Transport::Ports { source: port, destination: source };
        let scanned = self.scan.passes(from, to, protocol, port)
            && link.contains_point(protocol, &there)
            && algebra.get(between.back.must).contains_point(protocol, &back);
        assert_eq!(scanned, passes, "the concrete scan differs about {pair:?}");
        if let Some((diagrams, source, destination)) = diagrams {
            let link = diagrams.headers(&link);
            let expected = diagrams.headers(&own);
            assert!(diagrams.is(source, destination, &link, &expected), "the diagrams differ about {pair:?}");
        }
        Some(!own.is_empty())
    }

    fn questions(&self, matrix: &Matrix<'_, '_>, thorough: bool) -> Questions {
        let mut algebra = self.compiled.algebra();
        let members = self.population.members().len();
        let mut draw = Draw(1);
        let asked: Vec<(u32, u32)> =
            (0..if thorough { 1_000_000 } else { 2_000 }).map(|_| (draw.below(members), draw.below(members))).collect();
        let mut compared = (0, 0);
        let mut add = |outcome: Option<bool>| {
            compared.0 += u64::from(outcome.is_some());
            compared.1 += u64::from(outcome == Some(true));
        };
        for &pair in asked.iter().take(4_000) {
            add(self.compare(pair, &mut algebra, None));
        }
        // Functions are built for some of the interfaces only: in the largest estates each has its own.
        let mut diagrams = Diagrams::new(self.compiled.network());
        let mut few: Vec<u32> = (0..if thorough { 200 } else { 20 }).map(|_| draw.below(members)).collect();
        let mut ends: Vec<Asked> = Vec::new();
        let ((), build) = timed(|| {
            for &member in &few {
                // Where functions are large, fewer have to do.
                if diagrams.nodes() < 10_000_000 {
                    ends.push(diagrams.end(self.end(member)));
                }
            }
        });
        few.truncate(ends.len());
        let nodes = diagrams.nodes() as u64;
        let mut pick = || (draw.below(few.len()) as usize, draw.below(few.len()) as usize);
        let grid: Vec<(usize, usize)> = (0..if thorough { 20_000 } else { 200 }).map(|_| pick()).collect();
        for &(a, b) in grid.iter().take(2_000) {
            let pair = (*few.get(a).unwrap(), *few.get(b).unwrap());
            let own = (&mut diagrams, ends.get(a).unwrap(), ends.get(b).unwrap());
            add(self.compare(pair, &mut algebra, Some(own)));
        }
        // Not those that were compared: their results are still in the diagrams' cache.
        let rest = grid.get(2_000.min(grid.len() / 2)..).unwrap();
        let (first, second) = rest.split_at(rest.len() / 2);
        let bdd_pair = each(1, first, |&(a, b)| {
            black_box(Diagrams::pair(ends.get(a).unwrap(), ends.get(b).unwrap()));
        });
        let bdd_packets = each(1, second, |&(a, b)| {
            black_box(diagrams.packets(ends.get(a).unwrap(), ends.get(b).unwrap()));
        });
        let addresses = ends.len() as u64;
        drop((ends, diagrams));
        let concrete = each(5, &asked, |&pair| {
            black_box(self.lookup.passes(pair, FLOW, &mut algebra));
        });
        let pair = each(5, &asked, |&(from, to)| {
            black_box(self.lookup.pair(from, to, &mut algebra));
        });
        let (protocol, port, _) = FLOW;
        let scan_concrete = each(3, &asked, |&(from, to)| {
            black_box(self.scan.passes(from, to, protocol, port));
        });
        let mut buffers = self.scan.buffers();
        let scan_pair = each(3, &asked, |&(from, to)| {
            black_box(self.scan.pair(from, to, &mut buffers));
        });
        let runs = matrix.rows().runs();
        let rows: Vec<u32> = (0..2_000).map(|_| draw.below(runs.len())).collect();
        let mut scratch = matrix.rows().scratch();
        let row = each(3, &rows, |&run| {
            matrix.rows().row(runs.get(run as usize).unwrap(), &mut scratch, |term| {
                black_box(term.from.len());
            });
        });
        Questions {
            row,
            concrete,
            pair,
            scan_concrete,
            scan_pair,
            bdd_pair,
            bdd_packets,
            bdd_build: build,
            bdd_addresses: addresses,
            bdd_nodes: nodes,
            compared,
        }
    }
}

/// Measures the estate in `directory`; with `questions`, also single questions and the baselines.
fn measure(directory: &Path, profile: &str, enis: u64, questions: bool) -> Measured {
    let files = std::fs::read_dir(directory).unwrap().filter_map(|entry| entry.ok()?.metadata().ok());
    let json = files.map(|file| file.len()).sum();
    let paths = [directory.to_path_buf()];
    let (snapshot, import) = timed(|| reach_model::import(&paths).unwrap_or_else(|error| panic!("{error}")));
    let (network, build) =
        timed(|| reach_model::network::build_owned(snapshot).unwrap_or_else(|error| panic!("{error}")));
    let before = ALLOCATOR.allocated();
    let times = if enis > 100_000 { 3 } else { 5 };
    let (compiled, compile) = repeated(times, |what| worked(what), || Compiled::new(&network));
    let (population, sort) = repeated(times, |what| worked(what), || Population::of(&compiled));
    let (links, link) = repeated(times, |what| timed(what), || Links::new(&compiled, &population));
    let (matrix, operands) = repeated(times, |what| timed(what), || Matrix::new(&compiled, &population, &links));
    let lookup = Lookup::new(&compiled, &population, &links);
    let held = (ALLOCATOR.allocated() - before) as u64;
    let (one, two) = (pool(1), pool(2));
    let (_, one_thread) = one.install(|| repeated(3, |what| worked(what), || matrix.sweep()));
    let (totals, two_threads) = two.install(|| repeated(times, |what| timed(what), || matrix.sweep()));
    let high_water = status("VmHWM");
    let ends = || population.members().iter().map(|member| (member.interface, member.address())).collect::<Vec<_>>();
    let questions = questions.then(|| {
        let scan = Scan::new(&network, &ends());
        let asking = Asking { compiled: &compiled, population: &population, links: &links, lookup: &lookup, scan };
        asking.questions(&matrix, enis > 1_000)
    });
    Measured {
        profile: profile.to_owned(),
        enis,
        json,
        members: population.members().len() as u64,
        classes: population.classes().len() as u64,
        profiles: compiled.groups.profiles().len() as u64,
        rules: rules_of(&network),
        import,
        build,
        compile,
        sort,
        links: link,
        operands,
        one_thread,
        two_threads,
        words: totals.words,
        held,
        high_water,
        questions,
    }
}

/// How many rules the groups of an interface hold, on average.
fn rules_of(network: &Network) -> f64 {
    let sizes: Vec<u64> =
        network.groups.iter().map(|(_, group)| (group.ingress.len() + group.egress.len()) as u64).collect();
    let own = |idx| baseline::groups_of(network, idx).into_iter().filter_map(|group| sizes.get(group as usize));
    let sum: u64 = network.interfaces.indices().flat_map(own).sum();
    number(sum) / number(network.interfaces.len() as u64)
}

/// Generates an estate and has a process of its own measure it.
fn estate(profile: Profile, enis: usize, services: Option<usize>, questions: bool) -> Measured {
    let directory = std::env::temp_dir().join(format!("reach-large-{}-{profile}-{enis}", std::process::id()));
    let request = Request { enis, profile, services, seed: 1, layout: Layout::Aws };
    reach_generate::generate(&request, &directory).unwrap_or_else(|error| panic!("{error}"));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("--measure")
        .arg(&directory)
        .args([profile.as_str(), &enis.to_string(), if questions { "questions" } else { "rows" }])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    let ended = child.wait().unwrap();
    let _ = std::fs::remove_dir_all(&directory);
    assert!(ended.success(), "{profile}:{enis}: {ended}");
    serde_json::from_str(&text).unwrap()
}

fn table(measured: &[Measured], markdown: bool) {
    let mut table = Table::default();
    let mut row = |name: &str, cell: &dyn Fn(&Measured) -> String| table.row(name, measured.iter().map(cell));
    let asked = |measured: &Measured, of: &dyn Fn(&Questions) -> String| {
        measured.questions.as_ref().map_or_else(|| "-".to_owned(), of)
    };
    let times = |ratio: f64| format!("{} x", if ratio >= 100.0 { count(whole(ratio)) } else { format!("{ratio:.1}") });
    row("estate", &|m| format!("{} {}", m.profile, count(m.enis)));
    row("addresses", &|m| count(m.members));
    row("classes", &|m| count(m.classes));
    row("sets of groups", &|m| count(m.profiles));
    row("rules an interface", &|m| count(whole(m.rules)));
    row("JSON, MB", &|m| count(m.json / 1_000_000));
    row("import", &|m| format!("{} ({} MB/s)", seconds(m.import), count(whole(number(m.json) / 1e6 / m.import))));
    row("build", &|m| seconds(m.build));
    row("compile", &|m| seconds(m.compile));
    row("classes", &|m| seconds(m.sort));
    row("links", &|m| seconds(m.links));
    row("operands", &|m| seconds(m.operands));
    row("compile to operands, sum", &|m| seconds(m.all_of_compile()));
    row("all pairs, 1 thread", &|m| seconds(m.one_thread));
    row("all pairs, 2 threads", &|m| seconds(m.two_threads));
    let scan_all = |m: &Measured, q: &Questions| q.scan_pair * number(m.members) * number(m.members);
    row("all pairs by scan, 1 thread, extrapolated", &|m| asked(m, &|q| seconds(scan_all(m, q))));
    row("… to all pairs, 1 thread", &|m| asked(m, &|q| times(scan_all(m, q) / m.one_thread)));
    row("row of a destination", &|m| asked(m, &|q| seconds(q.row)));
    row("concrete question", &|m| asked(m, &|q| seconds(q.concrete)));
    row("… by scan", &|m| {
        asked(m, &|q| format!("{} ({})", seconds(q.scan_concrete), times(q.scan_concrete / q.concrete)))
    });
    row("symbolic pair", &|m| asked(m, &|q| seconds(q.pair)));
    row("… by scan", &|m| asked(m, &|q| format!("{} ({})", seconds(q.scan_pair), times(q.scan_pair / q.pair))));
    // With few addresses all pairs have been asked before, and what is timed is the cache of operations.
    let diagrams = |m: &Measured, of: &dyn Fn(&Questions) -> f64| {
        let cell = |q: &Questions| match q.bdd_addresses {
            ..100 => "-".to_owned(),
            _ => format!("{} ({})", seconds(of(q)), times(of(q) / q.pair)),
        };
        asked(m, &cell)
    };
    row("… by diagrams, addresses put in", &|m| diagrams(m, &|q| q.bdd_pair));
    row("… by diagrams, joined and projected", &|m| diagrams(m, &|q| q.bdd_packets));
    row("diagrams: addresses, nodes, time to build", &|m| {
        asked(m, &|q| format!("{}, {}, {}", q.bdd_addresses, count(q.bdd_nodes), seconds(q.bdd_build)))
    });
    row("pairs compared (with flows)", &|m| {
        asked(m, &|q| format!("{} ({})", count(q.compared.0), count(q.compared.1)))
    });
    row("compiled form, bytes an interface", &|m| count(m.per_eni()));
    row("peak memory, MB", &|m| count(m.high_water / 1000));
    table.print(markdown);
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "for printing, and never negative")]
fn whole(number: f64) -> u64 {
    number.round() as u64
}

/// How all pairs grow.
fn growth(sizes: &[usize], services: usize, markdown: bool) {
    let mut table = Table::default();
    table.row("interfaces", ["services", "classes", "words read", "all pairs, 1 thread"].map(ToOwned::to_owned));
    let mut measured = |services: Option<usize>| -> Vec<Measured> {
        let all = sizes.iter().map(|&enis| estate(Profile::Realistic, enis, services, false));
        let all: Vec<Measured> = all.collect();
        for m in &all {
            let services = services.map_or_else(|| "growing".to_owned(), |services| count(services as u64));
            table.row(&count(m.enis), [services, count(m.classes), count(m.words), seconds(m.one_thread)]);
        }
        all
    };
    let (fixed, growing) = (measured(Some(services)), measured(None));
    table.print(markdown);
    println!();
    let print = |name: &str, points: Vec<(f64, f64)>| {
        let (exponent, fit) = exponent(&points);
        println!("{name}: exponent {exponent:.2}, R² {fit:.3}");
    };
    print("all pairs in interfaces, services fixed", fixed.iter().map(|m| (number(m.enis), m.one_thread)).collect());
    print(
        "all pairs in interfaces, services growing",
        growing.iter().map(|m| (number(m.enis), m.one_thread)).collect(),
    );
    let all = fixed.iter().chain(&growing);
    print("all pairs in words read", all.map(|m| (number(m.words), m.one_thread)).collect());
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [flag, directory, profile, enis, what] = arguments.as_slice()
        && flag == "--measure"
    {
        let measured = measure(Path::new(directory), profile, enis.parse().unwrap(), what == "questions");
        println!("{}", serde_json::to_string(&measured).unwrap());
        return;
    }
    let markdown = arguments.iter().any(|argument| argument == "--markdown");
    if arguments.iter().any(|argument| argument == "--test") {
        let measured = Profile::ALL.map(|profile| estate(profile, 200, None, true));
        table(&measured, markdown);
        growth(&[100, 200, 400], 8, markdown);
        return;
    }
    let mut asked: Vec<&str> = arguments.iter().map(String::as_str).filter(|text| !text.starts_with("--")).collect();
    if asked.is_empty() {
        asked = vec!["realistic:64000", "realistic:256000", "realistic:512000", "uniq:64000", "max:16000"];
    }
    if asked == ["growth"] {
        growth(&[16_000, 32_000, 64_000, 128_000, 256_000], 2_000, markdown);
        return;
    }
    let measured: Vec<Measured> = asked
        .into_iter()
        .map(|text| {
            let (profile, enis) = text.split_once(':').unwrap_or((text, "64000"));
            match (profile.parse(), enis.parse()) {
                (Ok(profile), Ok(enis)) => estate(profile, enis, None, true),
                _ => panic!("`{text}` is not PROFILE:ENIS"),
            }
        })
        .collect();
    table(&measured, markdown);
}
