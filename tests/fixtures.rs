//! The estates below `fixtures/`: made here, written with `UPDATE_FIXTURES=1 cargo test fixtures`, compared otherwise.
//!
//! Every story is asked by the program as a process: what `reach query` answers is asserted and kept as `answer.txt`.

mod control_plane;
mod dress;
mod module_rules;
mod paths;
mod pods;
mod readme;
mod story;
mod tools;
mod world;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use reach_eks::audit::{Options, Status, audit};
use reach_model::import::import_documents;
use serde_json::Value;

use self::story::{Asked, Story};
use self::world::World;
use crate::cli::{finish, program};

/// All stories in the order of the index.
fn stories() -> Vec<Story> {
    let mut all: Vec<Story> = [control_plane::STORIES, paths::STORIES, pods::STORIES].concat();
    all.sort_by_key(|story| story.directory);
    all.extend(tools::STORIES);
    all
}

/// The questions of the story in a directory, as words of `reach query`.
pub(crate) fn questions(directory: &str) -> Vec<String> {
    let stories = stories();
    let story = stories.iter().find(|story| story.directory == directory);
    let asks = |story: &Story| {
        let world = (story.build)();
        story.asks.iter().map(|ask| world.told(ask.words)).collect()
    };
    story.map(asks).unwrap_or_default()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn update() -> bool {
    std::env::var_os("UPDATE_FIXTURES").is_some()
}

/// Writes a directory's files and removes others, or compares; answers what differs.
fn settle(directory: &Path, files: &BTreeMap<String, String>, wrong: &mut Vec<String>) {
    let on_disk = |name: &str| fs::read_to_string(directory.join(name)).unwrap_or_default();
    let present = fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path());
    let stale: Vec<PathBuf> = present
        .filter(|path| path.is_file())
        .filter(|path| !files.contains_key(path.file_name().unwrap().to_str().unwrap()))
        .collect();
    if update() {
        fs::create_dir_all(directory).unwrap();
        for path in &stale {
            fs::remove_file(path).unwrap();
        }
    } else {
        wrong.extend(stale.iter().map(|path| format!("{} is made by no story", path.display())));
    }
    for (name, text) in files {
        if on_disk(name) == *text {
            continue;
        }
        if update() {
            fs::write(directory.join(name), text).unwrap();
        } else {
            wrong.push(format!("{} is not what its story makes", directory.join(name).display()));
        }
    }
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().skip(1).map(str::to_owned).collect()
}

/// What the program prints in the root of the repository: standard output, else what went wrong.
fn said(line: &str) -> (Option<i32>, String) {
    let run = finish(program(&root()).args(words(line)));
    let text = if run.stdout.is_empty() { run.stderr } else { run.stdout };
    (run.code, text)
}

/// The commands whose output is kept. `check eks` and `fix` join once the program has them, together with the tests below
/// that wait for them.
const KEPT: &[&str] = &["query", "check eks", "fix"];

/// The questions of a story as a reader sees them, with their answers. An audit is long: it is kept where packets do not
/// tell the fault, and for what tools create.
fn answers(story: &Story, world: &World) -> String {
    let mut lines: Vec<String> =
        story.asks.iter().map(|ask| readme::command(story, world, "query", ask.words)).collect();
    let audited = story.directory.starts_with("s06") || !readme::is_scenario(story.directory);
    if KEPT.contains(&"check eks") && audited {
        lines.push(readme::audit(story, world));
    }
    if KEPT.contains(&"fix") {
        lines.extend(story.fixes.iter().map(|fix| readme::command(story, world, "fix", fix.words)));
    }
    let one = |line: String| {
        let (_, text) = said(&line);
        let text: String = text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect();
        format!("$ {line}\n\n{text}")
    };
    lines.into_iter().map(one).collect::<Vec<_>>().join("\n")
}

/// Whether an answer gives this reason.
fn gives(world: &World, answer: &Value, expected: &str) -> bool {
    let groups = answer["answers"].as_array().unwrap();
    let (resource, word) = expected.split_once(' ').unwrap_or(("", expected));
    if resource == "tracking" {
        return groups.iter().all(|group| group["tracking"]["destination"] == word);
    }
    let resource = world.id(resource);
    groups.iter().flat_map(|group| group["reasons"].as_array().unwrap()).any(|reason| {
        let listed = reason["groups"].as_array().into_iter().flatten().any(|group| *group == *resource);
        (resource.is_empty() || reason["resource"] == *resource || listed)
            && (reason["code"] == word || reason["direction"] == word)
    })
}

/// What is wrong with the JSON answer to a question of a story.
fn misjudged(story: &Story, world: &World, asked: &Asked) -> Vec<String> {
    let line = format!("{} --output json", readme::command(story, world, "query", asked.words));
    let (_, text) = said(&line);
    let Ok(answer) = serde_json::from_str::<Value>(&text) else { return vec![format!("{line}: {text}")] };
    let mut wrong = Vec::new();
    if answer["verdict"] != asked.verdict {
        wrong.push(format!("{line}: {} instead of {}", answer["verdict"], asked.verdict));
    }
    if let Some((reachable, total)) = asked.pairs {
        let pairs = &answer["pairs"];
        if pairs["reachable"] != reachable || pairs["total"] != total {
            wrong.push(format!("{line}: {pairs} instead of {reachable} of {total}"));
        }
    }
    for because in asked.because {
        if !gives(world, &answer, because) {
            let reasons: Vec<&Value> =
                answer["answers"].as_array().into_iter().flatten().map(|group| &group["reasons"]).collect();
            wrong.push(format!("{line}: no reason `{because}` ({}) in {reasons:?}", world.told(because)));
        }
    }
    wrong
}

#[test]
fn files_are_what_the_stories_make_and_answers_what_they_tell() {
    let all = stories();
    let mut wrong = Vec::new();
    for story in &all {
        let world = (story.build)();
        let directory = root().join("fixtures").join(story.directory);
        let mut files = world.files();
        files.extend(world.others.iter().map(|(name, text)| ((*name).to_owned(), text.clone())));
        files.insert("README.md".to_owned(), readme::page(story, &world));
        // The answers come from the files, so these are written first.
        let kept = fs::read_to_string(directory.join("answer.txt")).unwrap_or_default();
        files.insert("answer.txt".to_owned(), kept);
        settle(&directory, &files, &mut wrong);
        files.insert("answer.txt".to_owned(), answers(story, &world));
        settle(&directory, &files, &mut wrong);
        for asked in story.asks.iter().filter(|asked| !asked.verdict.is_empty()) {
            wrong.extend(misjudged(story, &world, asked));
        }
    }
    let index = BTreeMap::from([("README.md".to_owned(), readme::index(&all))]);
    settle(&root().join("fixtures"), &index, &mut wrong);
    assert!(wrong.is_empty(), "run UPDATE_FIXTURES=1 cargo test fixtures where files differ:\n{}", wrong.join("\n"));
}

#[test]
fn fixtures_are_small() {
    let mut total = 0;
    for story in stories() {
        let directory = root().join("fixtures").join(story.directory);
        let sizes = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
        let size: u64 = sizes.sum();
        assert!(size < 70_000, "{} takes {size} bytes", directory.display());
        total += size;
    }
    assert!(total < 1_700_000, "all fixtures together take {total} bytes");
}

/// What is wrong with findings, told by a function from an id to its status.
fn misfound<'f>(story: &Story, status: impl Fn(&str) -> Option<&'f str>) -> Vec<String> {
    let wrong = story.findings.iter().filter(|(id, expected)| status(id) != Some(expected));
    wrong.map(|(id, expected)| format!("{}: {id} is {:?} instead of {expected}", story.directory, status(id))).collect()
}

#[test]
fn findings_are_what_the_stories_tell() {
    let mut wrong = Vec::new();
    for story in stories() {
        let world = (story.build)();
        let files = world.files().into_iter().map(|(name, text)| (name, text.into_bytes())).collect::<Vec<_>>();
        let network = reach_model::network::build(&import_documents(files).unwrap()).unwrap();
        let cluster = &reach_eks::clusters(&network)[0];
        let clients = story.clients().iter().map(|client| world.id(client)).collect();
        let audit = audit(&network, cluster, &Options { clients, ..Options::default() }).unwrap();
        let status = |id: &str| audit.findings.iter().find(|f| f.id == id).map(|f| f.status.as_str());
        wrong.extend(misfound(&story, status));
        // Nothing is missing from these estates: what is unknown is told by the story.
        let told = |id: &str| story.findings.iter().any(|(known, status)| *known == id && *status == "unknown");
        let unknown = audit.findings.iter().filter(|finding| finding.status == Status::Unknown);
        for finding in unknown.filter(|finding| !told(&finding.id)) {
            wrong.push(format!("{}: {} is unknown", story.directory, finding.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn check_prints_the_findings_of_the_stories() {
    let mut wrong = Vec::new();
    for story in stories() {
        let world = (story.build)();
        let line = format!("{} --output json", readme::audit(&story, &world));
        let (_, text) = said(&line);
        match serde_json::from_str::<Value>(&text) {
            Ok(report) => {
                let findings = report["findings"].as_array().unwrap();
                let found = |id: &str| findings.iter().find(|finding| finding["id"] == id);
                wrong.extend(misfound(&story, |id| found(id).and_then(|finding| finding["status"].as_str())));
            }
            Err(_) => wrong.push(format!("{line}: {text}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn fixes_are_what_the_stories_tell() {
    let mut wrong = Vec::new();
    for story in stories() {
        let world = (story.build)();
        for fix in story.fixes {
            let line = format!("{} --output json", readme::command(&story, &world, "fix", fix.words));
            let (_, text) = said(&line);
            let Ok(report) = serde_json::from_str::<Value>(&text) else {
                wrong.push(format!("{line}: {text}"));
                continue;
            };
            if report["status"] != fix.status {
                wrong.push(format!("{line}: {} instead of {}", report["status"], fix.status));
            }
            let first = &report["fixes"][0];
            if story.directory.starts_with("s22") && first["quota"][0]["rules"] != 61 {
                wrong.push(format!("{line}: no quota is passed: {}", first["quota"]));
            }
            if fix.status == "fixed" && first["verified"] != true {
                wrong.push(format!("{line}: the first fix was not verified"));
            }
            let rules: Vec<String> = first["rules"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|rule| {
                    let text = |key: &str| rule[key].as_str().map_or_else(|| rule[key].to_string(), str::to_owned);
                    ["resource", "direction", "protocol", "port", "peer"].map(text).join(" ")
                })
                .collect();
            let calls =
                first["changes"].as_array().into_iter().flatten().flat_map(|change| change.as_object().unwrap().keys());
            let calls: Vec<&str> = calls.map(String::as_str).collect();
            if let [rule] = fix.rules
                && let Some(call) = rule.strip_prefix("call ")
            {
                if !calls.iter().all(|found| *found == call) || calls.is_empty() {
                    wrong.push(format!("{line}: {calls:?} instead of {call}"));
                }
                continue;
            }
            let expected: Vec<String> = fix.rules.iter().map(|rule| world.told(rule)).collect();
            if !expected.is_empty() && !rules.iter().all(|rule| expected.contains(rule)) {
                wrong.push(format!("{line}: {rules:?} instead of {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The answers to the scenarios of a story's `changes.jsonl`, by id.
fn changed(directory: &str) -> BTreeMap<String, Value> {
    let line = format!("reach whatif --snapshot fixtures/{directory} --changes fixtures/{directory}/changes.jsonl");
    let (_, text) = said(&format!("{line} --output jsonl"));
    let answers = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|_| panic!("{text}")));
    answers.map(|answer| (answer["id"].as_str().unwrap().to_owned(), answer)).collect()
}

#[test]
fn the_upgrade_of_the_module_is_seen_before_it_happens() {
    let (before, after) = ("s04-before-the-upgrade", "s04-pods-cannot-talk-after-upgrade");
    let answer = &changed(before)["module-v17-to-v18"];
    assert!(answer["error"].is_null(), "{answer}");
    assert!(
        !answer["lost"].as_array().unwrap().is_empty() && answer["gained"].as_array().unwrap().is_empty(),
        "{answer}"
    );
    let (code, text) = said(&format!("reach diff fixtures/{before} fixtures/{after} --output json"));
    assert_eq!(code, Some(1), "{text}");
}

#[test]
fn an_untracked_session_dies_with_its_rule_and_a_tracked_one_lives_on() {
    let answers = changed("s28-ssh-session-after-the-rule-was-removed");
    let connections = |id: &str| &answers[id]["connections"];
    let list = |id: &str, key: &str| connections(id)[key].as_array().unwrap().clone();
    let (open, office) = ("no-more-ssh-to-jump-open", "no-more-ssh-to-jump-office");
    assert!(!list(open, "cut_now").is_empty() && list(open, "survive_until_idle").is_empty(), "{}", connections(open));
    assert!(list(office, "cut_now").is_empty(), "{}", connections(office));
    assert_eq!(list(office, "survive_until_idle")[0]["idle_timeout_s"], 432_000);
}
