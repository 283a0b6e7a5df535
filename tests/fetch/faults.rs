//! What AWS and the network do wrong, and what the snapshot says of it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reach_model::api::Call;

use super::server::{Fault, Server, Trouble};
use super::{ENVIRONMENT, answers, demo, document, fetch, fetched, records};
use crate::cli::{finish, program};

fn set(actions: &[&str]) -> BTreeSet<String> {
    actions.iter().map(|&action| action.to_owned()).collect()
}

#[test]
fn each_kind_of_trouble_is_overcome() {
    let wanted = answers(&[&demo()]);
    for fault in Fault::ALL {
        let trouble = Trouble { page: Some(5), every: Some(9), faults: vec![fault], ..Trouble::default() };
        let server = Server::start(demo(), trouble);
        let (directory, run) = fetched(&server, "--timeout 1");
        assert_eq!(run.code, Some(0), "{fault:?}: {run}");
        assert!(run.stderr.contains("requests sent again"), "{fault:?}: {run}");
        assert_eq!(answers(&[&directory.path().join("snapshot.json")]), wanted, "{fault:?}");
    }
}

#[test]
fn a_denied_call_is_told_with_the_action_to_allow() {
    let server = Server::start(demo(), Trouble { denied: set(&["ec2:DescribeNetworkAcls"]), ..Trouble::default() });
    let (directory, run) = fetched(&server, "");
    assert_eq!(run.code, Some(0), "{run}");
    let line = "ec2 describe-network-acls in 111122223333 eu-west-1 was denied (UnauthorizedOperation): allow the action \
                `ec2:DescribeNetworkAcls`";
    assert!(run.stderr.contains(line), "{run}");
    let record = &records(&document(directory.path()), "ec2 describe-network-acls")[0];
    assert_eq!(
        (record["status"].as_str(), record["error_code"].as_str()),
        (Some("denied"), Some("UnauthorizedOperation"))
    );
    // A refusal is final: it is not asked again.
    let asked = server.asked();
    assert_eq!(asked.iter().filter(|action| *action == "ec2:DescribeNetworkAcls").count(), 1);
    let mut command = program(directory.path());
    let words = "query --snapshot snapshot.json --from node/general --to controlplane --port 443";
    let answer = finish(command.args(words.split(' ')));
    assert_eq!(answer.code, Some(3), "{answer}");
    assert!(answer.stdout.contains("aws ec2 describe-network-acls"), "{answer}");
}

/// Throttling to the end is a failure, not a refusal: no permission would help.
#[test]
fn throttling_is_told_apart_from_denial() {
    let trouble = Trouble { throttled: set(&["ec2:DescribeVpcs"]), ..Trouble::default() };
    let server = Server::start(demo(), trouble);
    let (directory, run) = fetched(&server, "");
    assert_eq!(run.code, Some(0), "{run}");
    let record = &records(&document(directory.path()), "ec2 describe-vpcs")[0];
    assert_eq!(
        (record["status"].as_str(), record["error_code"].as_str()),
        (Some("failed"), Some("RequestLimitExceeded"))
    );
    assert!(!run.stderr.contains("allow the action"), "{run}");
    let tries = server.asked().iter().filter(|action| *action == "ec2:DescribeVpcs").count();
    assert!(tries > 5, "{tries}");
}

#[test]
fn a_token_that_repeats_ends_the_call() {
    let trouble = Trouble { page: Some(3), circles: set(&["ec2:DescribeNetworkInterfaces"]), ..Trouble::default() };
    let server = Server::start(demo(), trouble);
    let (directory, run) = fetched(&server, "");
    assert_eq!(run.code, Some(0), "{run}");
    let record = &records(&document(directory.path()), "ec2 describe-network-interfaces")[0];
    assert_eq!((record["status"].as_str(), record["error_code"].as_str()), (Some("failed"), Some("RepeatedPageToken")));
    // What was read is kept.
    assert!(record["answer"]["NetworkInterfaces"].as_array().is_some_and(|list| list.len() >= 3));
    assert!(run.stderr.contains("the token of the next page was given before"), "{run}");
}

/// An answer without its list is not an empty list.
#[test]
fn an_answer_that_lacks_its_list_is_a_failure() {
    let empty = set(&["ec2:DescribeNetworkAcls", "eks:ListClusters"]);
    let server = Server::start(demo(), Trouble { empty, ..Trouble::default() });
    let (directory, run) = fetched(&server, "");
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stderr.contains("the answer does not hold `NetworkAcls` (EmptyAnswer)"), "{run}");
    for call in ["ec2 describe-network-acls", "eks list-clusters"] {
        let record = &records(&document(directory.path()), call)[0];
        assert_eq!((record["status"].as_str(), record["error_code"].as_str()), (Some("failed"), Some("EmptyAnswer")));
    }
}

#[test]
fn an_element_that_changes_between_pages_is_kept_once() {
    let trouble = Trouble { page: Some(3), changing: set(&["ec2:DescribeSecurityGroups"]), ..Trouble::default() };
    let server = Server::start(demo(), trouble);
    let (directory, run) = fetched(&server, "");
    assert!(run.stderr.contains("1 element changed while it was read (the later state is kept): sg-"), "{run}");
    let record = &records(&document(directory.path()), "ec2 describe-security-groups")[0];
    let groups = record["answer"]["SecurityGroups"].as_array().unwrap();
    let ids: BTreeSet<&str> = groups.iter().map(|group| group["GroupId"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), groups.len());
    assert_eq!(groups.last().unwrap()["Description"], "changed meanwhile");
    assert_eq!(answers(&[&directory.path().join("snapshot.json")]), answers(&[&demo()]));
}

#[test]
fn without_any_answer_nothing_is_written() {
    let denied = Call::ALL.iter().filter_map(|call| call.action()).collect();
    let server = Server::start(demo(), Trouble { denied, ..Trouble::default() });
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("snapshot.json"), "the old one").unwrap();
    let run = finish(&mut fetch(directory.path(), &server.url(), "--out snapshot.json"));
    assert_eq!(run.code, Some(4), "{run}");
    assert!(run.stderr.contains("nothing could be fetched"), "{run}");
    assert!(run.stderr.contains("allow the action `ec2:DescribeVpcs`"), "{run}");
    assert_eq!(std::fs::read_to_string(directory.path().join("snapshot.json")).unwrap(), "the old one");
}

#[test]
fn nobody_there_and_no_credentials_are_told() {
    let directory = tempfile::tempdir().unwrap();
    let run = finish(&mut fetch(directory.path(), "http://127.0.0.1:9", "--timeout 1 --out snapshot.json"));
    assert_eq!(run.code, Some(4), "{run}");
    assert!(run.stderr.contains("Connection refused") || run.stderr.contains("Unreachable"), "{run}");
    let mut command = fetch(directory.path(), "http://127.0.0.1:9", "--out snapshot.json");
    let run = finish(command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY"));
    assert_eq!(run.code, Some(4), "{run}");
    assert!(run.stderr.contains("no credentials"), "{run}");
    let mut command = program(directory.path());
    command.envs(ENVIRONMENT);
    let run = finish(command.args(["fetch", "--out", "snapshot.json"]));
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("no Region"), "{run}");
}

#[test]
fn the_environment_names_the_endpoint_and_v_names_the_calls() {
    let server = Server::start(demo(), Trouble { page: Some(3), ..Trouble::default() });
    let directory = tempfile::tempdir().unwrap();
    let mut command = program(directory.path());
    command.envs(ENVIRONMENT);
    command.env("AWS_ENDPOINT_URL", server.url()).env("AWS_REGION", "eu-west-1");
    let run = finish(command.args(["fetch", "-v", "--out", "snapshot.json"]));
    assert_eq!(run.code, Some(0), "{run}");
    let line = run.stderr.lines().find(|line| line.contains("ec2 describe-network-interfaces:")).unwrap();
    assert!(line.contains("111122223333 eu-west-1") && line.contains(" pages, ") && line.ends_with(" s"), "{line}");
    assert!(!run.stderr.contains("not-a-secret") && !run.stderr.contains("AKIDTEST"), "{run}");
}

/// Pages follow one another at once: what is slow is the server.
#[test]
fn no_second_is_idle_between_pages() {
    let trouble = Trouble { page: Some(2), slow: Duration::from_millis(5), ..Trouble::default() };
    let server = Server::start(demo(), trouble);
    let start = Instant::now();
    let (_directory, run) = fetched(&server, "-v");
    assert_eq!(run.code, Some(0), "{run}");
    let longest = run.stderr.lines().filter_map(|line| {
        let pages: f64 = line.split(", ").find_map(|part| part.strip_suffix(" pages"))?.parse().ok()?;
        Some(pages)
    });
    let pages = longest.fold(0.0, f64::max);
    assert!(pages >= 10.0, "{run}");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}
