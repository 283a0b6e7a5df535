//! `reach fetch` as a process, against AWS on loopback: our own server with its troubles, and moto.

mod denied;
mod faults;
mod kill;
mod limits;
mod moto;
mod same;
pub(crate) mod server;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::Value;

use self::server::Server;
use crate::cli::{Run, finish, program};

/// `reach fetch` from `url` with credentials that are none.
pub(crate) fn fetch(directory: &Path, url: &str, words: &str) -> Command {
    let mut command = program(directory);
    command.envs(ENVIRONMENT);
    command.args(["fetch", "--region", "eu-west-1", "--rate", "1000", "--endpoint-url", url]);
    command.args(words.split_whitespace());
    command
}

/// What keeps the machine's own credentials and settings out.
pub(crate) const ENVIRONMENT: [(&str, &str); 10] = [
    ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
    ("AWS_SECRET_ACCESS_KEY", "not-a-secret-but-kept-as-one"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
    ("AWS_CONFIG_FILE", "/nowhere"),
    ("AWS_SHARED_CREDENTIALS_FILE", "/nowhere"),
    ("AWS_PROFILE", ""),
    ("AWS_REGION", ""),
    ("AWS_DEFAULT_REGION", ""),
    ("AWS_ENDPOINT_URL", ""),
    ("AWS_SESSION_TOKEN", ""),
];

/// Fetches from `server` into a file of a new directory.
fn fetched(server: &Server, words: &str) -> (tempfile::TempDir, Run) {
    let directory = tempfile::tempdir().unwrap();
    let run = finish(&mut fetch(directory.path(), &server.url(), &format!("{words} --out snapshot.json")));
    (directory, run)
}

fn document(directory: &Path) -> Value {
    serde_json::from_slice(&fs::read(directory.join("snapshot.json")).unwrap()).unwrap()
}

/// The records of a call.
fn records(document: &Value, call: &str) -> Vec<Value> {
    let calls = document["calls"].as_array().unwrap();
    calls.iter().filter(|record| record["call"] == call).cloned().collect()
}

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo")
}

/// Questions that between them touch every kind of collection.
const QUESTIONS: &str = "\
{\"id\": 1, \"from\": \"node\", \"to\": \"controlplane\", \"port\": 443}
{\"id\": 2, \"from\": \"controlplane\", \"to\": \"node\", \"port\": 10250}
{\"id\": 3, \"from\": \"node\", \"to\": \"node\", \"protocol\": \"udp\", \"port\": 53}
{\"id\": 4, \"from\": \"node\", \"to\": \"apiserver\", \"port\": 443}
{\"id\": 5, \"from\": \"node\", \"to\": \"internet\", \"port\": 443}
{\"id\": 6, \"from\": \"node\", \"to\": \"aws/ecr.api\", \"port\": 443}
{\"id\": 7, \"from\": \"node\", \"to\": \"aws/s3\", \"port\": 443}
{\"id\": 8, \"from\": \"pod\", \"to\": \"pod\", \"port\": 8080}
{\"id\": 9, \"from\": \"pod\", \"to\": \"controlplane\", \"port\": 443}
{\"id\": 10, \"from\": \"internet\", \"to\": \"node\", \"port\": \"22,443\"}
{\"id\": 11, \"from\": \"node\", \"to\": \"10.0.0.0/8\", \"port\": \"1-65535\"}
";

/// The answers to [`QUESTIONS`] by id, as the program gives them.
fn answers(snapshots: &[&Path]) -> BTreeMap<u64, Value> {
    let directory = tempfile::tempdir().unwrap();
    let mut command = program(directory.path());
    command.args(["query", "--batch", "-", "--output", "jsonl"]).write_stdin(QUESTIONS);
    for snapshot in snapshots {
        command.arg("--snapshot").arg(snapshot);
    }
    let run = finish(&mut command);
    let lines = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let answers: BTreeMap<u64, Value> = lines.map(|answer| (answer["id"].as_u64().unwrap(), answer)).collect();
    assert_eq!(answers.len(), QUESTIONS.lines().count(), "{run}");
    answers
}
