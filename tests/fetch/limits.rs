//! A fetch that stays within VPCs or a cluster knows what lies there, and knows that it does not know the rest.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::server::{Server, Trouble};
use super::{answers, demo, document, fetched, records};

fn vpcs(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path.join("describe-vpcs.json")).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    value["Vpcs"].as_array().unwrap().iter().map(|vpc| vpc["VpcId"].as_str().unwrap().to_owned()).collect()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

#[test]
fn a_cluster_names_the_vpc_to_stay_within() {
    let server = Server::start(demo(), Trouble { page: Some(3), ..Trouble::default() });
    let (directory, run) = fetched(&server, "--cluster demo");
    assert_eq!(run.code, Some(0), "{run}");
    let document = document(directory.path());
    let interfaces = &records(&document, "ec2 describe-network-interfaces")[0];
    assert_eq!(interfaces["vpcs"].as_array().unwrap().len(), 1);
    assert!(records(&document, "eks list-clusters").is_empty());
    // Groups of other VPCs may refer to this one's.
    assert!(records(&document, "ec2 describe-security-groups")[0].get("vpcs").is_none());
    let (wanted, got) = (answers(&[&demo()]), answers(&[&directory.path().join("snapshot.json")]));
    for id in 1..=4 {
        assert_eq!(got[&id]["verdict"], wanted[&id]["verdict"], "question {id}");
    }
}

#[test]
fn a_cluster_that_is_not_there_is_an_error() {
    let server = Server::start(demo(), Trouble::default());
    let (_directory, run) = fetched(&server, "--cluster dmeo");
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("cluster `dmeo` in 111122223333 eu-west-1"), "{run}");
}

/// Within one VPC of a peered pair: what passes through the other is unknown, and no verdict changes.
#[test]
fn what_lies_in_other_vpcs_is_unknown_and_not_absent() {
    for name in ["s19-peered-database-sees-node-address", "s25-group-reference-to-another-vpc"] {
        let estate = fixture(name);
        let vpcs = vpcs(&estate);
        assert!(vpcs.len() > 1, "{name}");
        let server = Server::start(&estate, Trouble::default());
        let wanted = all_pairs(&estate);
        for vpc in &vpcs {
            let (directory, run) = fetched(&server, &format!("--vpc {vpc}"));
            assert_eq!(run.code, Some(0), "{run}");
            let got = all_pairs(&directory.path().join("snapshot.json"));
            let mut compared = 0;
            for (question, verdict) in &wanted {
                let Some(limited) = got.get(question) else { continue };
                compared += 1;
                assert!(
                    limited == verdict || limited == "unknown",
                    "{name} within {vpc}: {question}: {verdict}, now {limited}"
                );
            }
            assert!(compared > 0, "{name} within {vpc}");
        }
    }
}

/// The verdict between any two private addresses of the estate, by the question that asks for it.
fn all_pairs(snapshot: &Path) -> std::collections::BTreeMap<String, String> {
    let estate = snapshot.parent().filter(|_| snapshot.is_file());
    let _ = estate;
    let mut addresses: Vec<String> = Vec::new();
    for name in ["s19-peered-database-sees-node-address", "s25-group-reference-to-another-vpc"] {
        let text = std::fs::read_to_string(fixture(name).join("describe-network-interfaces.json")).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let list = value["NetworkInterfaces"].as_array().unwrap().clone();
        addresses.extend(list.iter().filter_map(|one| Some(one["PrivateIpAddress"].as_str()?.to_owned())));
    }
    addresses.sort();
    addresses.dedup();
    let mut lines = String::new();
    for from in &addresses {
        for to in addresses.iter().filter(|to| *to != from) {
            for port in [443, 3306, 5432] {
                let question = format!("{from} {to} {port}");
                lines.push_str(&serde_json::json!({"id": question, "from": from, "to": to, "port": port}).to_string());
                lines.push('\n');
            }
        }
    }
    let directory = tempfile::tempdir().unwrap();
    let mut command = crate::cli::program(directory.path());
    command.args(["query", "--batch", "-", "--output", "jsonl", "--snapshot"]).arg(snapshot).write_stdin(lines);
    let run = crate::cli::finish(&mut command);
    let answers = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    answers
        .filter_map(|answer| Some((answer["id"].as_str()?.to_owned(), answer["verdict"].as_str()?.to_owned())))
        .collect()
}
