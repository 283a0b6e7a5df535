//! Against moto, another's implementation of AWS's API: an estate is built by API calls, described by boto3 and fetched
//! by `reach`; the two descriptions must be one.
//!
//! `ci.sh` installs moto into a virtual environment; without it these tests say that they are skipped. What moto gets
//! wrong is no behaviour of AWS's: nothing is asserted of verdicts but that both descriptions lead to the same.

use std::collections::BTreeMap;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{ENVIRONMENT, answers, document, fetch};
use crate::cli::finish;

/// The virtual environment: `REACH_MOTO`, else `target/moto`.
fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("REACH_MOTO")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/moto"), PathBuf::from);
    path.join("bin/moto_server").exists().then_some(path)
}

struct Moto {
    child: Child,
    url: String,
}

impl Moto {
    fn start(installed: &Path) -> Self {
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let child = Command::new(installed.join("bin/moto_server"))
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moto = Self { child, url: format!("http://127.0.0.1:{port}") };
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(start.elapsed() < Duration::from_secs(60), "moto does not start");
            thread::sleep(Duration::from_millis(50));
        }
        moto
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Without what two descriptions of one thing may differ in: nothing said, times, and what a client adds.
fn essence(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let time = |key: &str| key.ends_with("Time") || key.ends_with("At") || key.contains("Timestamp");
            let said = |value: &Value| {
                !value.is_null()
                    && *value != Value::Array(Vec::new())
                    && *value != Value::Object(serde_json::Map::new())
            };
            Value::Object(
                members
                    .iter()
                    .filter(|(key, _)| !time(key) && *key != "ResponseMetadata")
                    .map(|(key, value)| (key.clone(), essence(value)))
                    .filter(|(_, value)| said(value))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(essence).collect()),
        other => other.clone(),
    }
}

#[test]
fn an_estate_built_by_api_calls_is_fetched_as_boto3_describes_it() {
    let Some(installed) = installed() else {
        println!("skipped: moto is not installed (./ci.sh moto)");
        return;
    };
    let moto = Moto::start(&installed);
    let directory = tempfile::tempdir().unwrap();
    let described = directory.path().join("described");
    let mut build = Command::new(installed.join("bin/python"));
    // To boto3 an empty name of a profile is the name of one.
    build.envs(ENVIRONMENT).env_remove("AWS_PROFILE");
    build.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fetch/moto_estate.py")).arg(&moto.url).arg(&described);
    let output = build.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let run = finish(&mut fetch(directory.path(), &moto.url, "--page-size 5 --out snapshot.json"));
    assert_eq!(run.code, Some(0), "{run}");
    let document = document(directory.path());
    let mut compared: BTreeMap<String, usize> = BTreeMap::new();
    for record in document["calls"].as_array().unwrap().iter().filter(|record| record["status"] == "complete") {
        let mut name = record["call"].as_str().unwrap().replace(' ', "-");
        for value in record["arguments"].as_object().into_iter().flat_map(|arguments| arguments.values()) {
            name = format!("{name}-{}", value.as_str().unwrap().replace([':', '/', ','], "_"));
        }
        let file = described.join(format!("{name}.json"));
        // What boto3 was not asked, or was refused.
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let wanted = essence(&serde_json::from_str(&text).unwrap());
        let got = essence(&record["answer"]);
        assert_eq!(got, wanted, "{name}");
        *compared.entry(record["call"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert!(compared.len() >= 25, "only {compared:?}");
    for call in [
        "ec2 describe-network-interfaces",
        "ec2 get-managed-prefix-list-entries",
        "eks describe-cluster",
        "elbv2 describe-target-health",
        "ec2 describe-vpc-peering-connections",
    ] {
        assert!(compared.contains_key(call), "{call} is not among {compared:?}");
    }

    // The same questions have the same answers. The directory's layout tells account and Region.
    let placed = directory.path().join("files/accounts/123456789012/eu-west-1");
    fs::create_dir_all(placed.parent().unwrap()).unwrap();
    fs::rename(&described, &placed).unwrap();
    let verdicts = |path: &Path| -> BTreeMap<u64, Value> {
        answers(&[path]).into_iter().map(|(id, answer)| (id, answer["verdict"].clone())).collect()
    };
    let (wanted, got) = (verdicts(&directory.path().join("files")), verdicts(&directory.path().join("snapshot.json")));
    assert_eq!(got, wanted);
    // moto deals addresses by chance, so which verdicts come is chance, too.
    assert!(got.values().filter(|verdict| !verdict.is_null()).count() >= 8, "{got:?}");
}
