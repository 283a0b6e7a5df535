//! What is fetched answers as the files do that were served.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::Value;

use super::server::{Fault, Server, Trouble};
use super::{answers, demo, fetch, fetched};
use crate::cli::{finish, program};

/// The estates below `fixtures/`.
fn estates() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let entries = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let has_interfaces = |path: &PathBuf| path.join("describe-network-interfaces.json").exists();
    let mut estates: Vec<PathBuf> = entries.filter(has_interfaces).collect();
    estates.sort();
    estates
}

/// The files that no call to AWS writes: what Kubernetes says.
fn kubernetes(estate: &Path, into: &Path) -> bool {
    let mut any = false;
    for entry in fs::read_dir(estate).unwrap() {
        let path = entry.unwrap().path();
        let Ok(Value::Object(object)) = serde_json::from_slice(&fs::read(&path).unwrap()) else { continue };
        if object.contains_key("kind") {
            fs::create_dir_all(into).unwrap();
            fs::copy(&path, into.join(path.file_name().unwrap())).unwrap();
            any = true;
        }
    }
    any
}

fn audit(snapshots: &[&Path]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let mut command = program(directory.path());
    command.args(["check", "eks", "--output", "json"]);
    for snapshot in snapshots {
        command.arg("--snapshot").arg(snapshot);
    }
    finish(&mut command).stdout
}

/// Every estate of ours, in pages of three with every fourth request in trouble.
#[test]
fn every_estate_answers_as_its_files_do() {
    let estates = estates();
    assert!(estates.len() > 30, "{}", estates.len());
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(estate) = estates.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(difference) = difference(estate) {
                        wrong.lock().unwrap().push(format!("{}: {difference}", estate.display()));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn difference(estate: &Path) -> Option<String> {
    let faults = vec![Fault::Throttle, Fault::Broken, Fault::Drop, Fault::Cut, Fault::Truncate];
    let trouble = Trouble { page: Some(3), every: Some(4), faults, ..Trouble::default() };
    let server = Server::start(estate, trouble);
    let (directory, run) = fetched(&server, "");
    if run.code != Some(0) {
        return Some(run.to_string());
    }
    let (document, lists) = (directory.path().join("snapshot.json"), directory.path().join("kubernetes"));
    let mut snapshots: Vec<&Path> = vec![&document];
    if kubernetes(estate, &lists) {
        snapshots.push(&lists);
    }
    let (wanted, got) = (answers(&[estate]), answers(&snapshots));
    for (id, wanted) in &wanted {
        if got[id] != *wanted {
            return Some(format!("question {id}:\n  files:   {wanted:.200}\n  fetched: {:.200}", got[id]));
        }
    }
    let (wanted, got) = (audit(&[estate]), audit(&snapshots));
    (wanted != got).then(|| format!("the audits differ:\n{wanted}\n{got}"))
}

/// The line that the issue of every user begins with.
#[test]
fn a_compressed_snapshot_answers_the_first_question() {
    let server = Server::start(demo(), Trouble::default());
    let directory = tempfile::tempdir().unwrap();
    let run = finish(&mut fetch(directory.path(), &server.url(), "--out x.json.zst"));
    assert_eq!(run.code, Some(0), "{run}");
    let asked = |snapshot: &str| {
        let mut command = program(directory.path());
        command.args(["query", "--snapshot", snapshot, "--from", "node", "--to", "controlplane", "--port", "443"]);
        finish(&mut command).stdout
    };
    assert!(asked("demo").contains("18 of 27 pairs"), "{}", asked("demo"));
    assert_eq!(asked("x.json.zst"), asked("demo"));
}

/// Sizes of pages decide nothing, and neither does the order in which calls end.
#[test]
fn two_fetches_differ_in_nothing_but_times() {
    let without_times = |directory: &Path| {
        let mut document = super::document(directory);
        document["created"] = Value::Null;
        for record in document["calls"].as_array_mut().unwrap() {
            let record = record.as_object_mut().unwrap();
            record.remove("time");
            record.remove("until");
        }
        document
    };
    let one = fetched(&Server::start(demo(), Trouble { page: Some(2), ..Trouble::default() }), "").0;
    let other = fetched(&Server::start(demo(), Trouble::default()), "--page-size 7").0;
    let (one, other) = (without_times(one.path()), without_times(other.path()));
    for (one, other) in one["calls"].as_array().unwrap().iter().zip(other["calls"].as_array().unwrap()) {
        assert_eq!(one, other);
    }
    assert_eq!(one, other);
}
