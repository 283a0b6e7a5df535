//! What becomes unknown when AWS refuses one action: the table of `docs/SNAPSHOT.md`, made by asking.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use reach_model::api::{Call, Role};
use serde_json::{Value, json};

use super::server::{Server, Trouble};
use super::{demo, document, fetched};
use crate::cli::{finish, program};
use crate::estate::{Estate, OPEN};

/// What is asked of an estate: the label of the table, from, to, protocol, port.
type Asked = (&'static str, &'static str, &'static str, &'static str, &'static str);

const OF_A_CLUSTER: &[Asked] = &[
    ("node → controlplane", "node", "controlplane", "tcp", "443"),
    ("node → apiserver", "node", "apiserver", "tcp", "443"),
    ("controlplane → node", "controlplane", "node", "tcp", "10250"),
    ("node → node", "node", "node", "udp", "53"),
    ("pod → pod", "pod", "pod", "tcp", "8080"),
    ("node → internet", "node", "internet", "tcp", "443"),
    ("internet → node", "internet", "node", "tcp", "443"),
    ("node → aws/SERVICE", "node", "aws/ecr.api", "tcp", "443"),
    ("node → aws/s3", "node", "aws/s3", "tcp", "443"),
];

const OVER_A_PEERING: &[Asked] = &[("through a peering", "node", "10.129.1.10", "tcp", "5432")];

const OVER_A_TRANSIT_GATEWAY: &[Asked] = &[("through a transit gateway", "10.0.1.10", "10.1.1.30", "tcp", "443")];

const BY_PREFIX_LIST: &[Asked] =
    &[("where a rule or route names a prefix list", "10.0.1.10", "10.0.2.20", "tcp", "443")];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(name)
}

/// An estate made by hand, as files.
fn made(estate: &Estate) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in estate.files() {
        fs::write(directory.path().join(name), text).unwrap();
    }
    directory
}

/// Two VPCs on a transit gateway, whose table is described as AWS does it, not as the builder's layout has it.
fn joined() -> Estate {
    let mut estate = Estate::new();
    estate.group("sg-o", OPEN).instance("a", "10.0.1.10", &["sg-o"]).two_by_transit();
    estate.without("TransitGatewayStaticRoutes").without("TransitGatewayPropagations");
    let to = |vpc: &str, cidr: &str| {
        json!({"DestinationCidrBlock": cidr, "Type": "propagated", "State": "active", "TransitGatewayAttachments": [
            {"TransitGatewayAttachmentId": format!("tgw-attach-{vpc}"), "ResourceType": "vpc", "ResourceId": vpc}]})
    };
    estate.document(json!({"TransitGatewayRouteTableId": "tgw-rtb-1", "AdditionalRoutesAvailable": false,
        "Routes": [to("vpc-1", "10.0.0.0/16"), to("vpc-2", "10.1.0.0/16")]}));
    estate
}

fn listed() -> Estate {
    let mut estate = Estate::two(&["egress -1 0.0.0.0/0"], &["ingress tcp 443 pl-1"]);
    estate.add(
        "PrefixLists",
        json!({"PrefixListId": "pl-1", "PrefixListName": "office", "AddressFamily": "IPv4", "OwnerId": "111122223333"}),
    );
    estate.document(json!({"PrefixListId": "pl-1", "Entries": [{"Cidr": "10.0.1.0/24"}]}));
    estate
}

fn estates() -> Vec<(PathBuf, Option<tempfile::TempDir>, &'static [Asked])> {
    let (joined, listed) = (made(&joined()), made(&listed()));
    vec![
        (demo(), None, OF_A_CLUSTER),
        (fixture("s19-peered-database-sees-node-address"), None, OVER_A_PEERING),
        (joined.path().to_owned(), Some(joined), OVER_A_TRANSIT_GATEWAY),
        (listed.path().to_owned(), Some(listed), BY_PREFIX_LIST),
    ]
}

/// The answers by label.
fn ask(snapshot: &Path, asked: &[Asked]) -> BTreeMap<&'static str, Value> {
    let lines: Vec<String> = asked
        .iter()
        .map(|&(label, from, to, protocol, port)| {
            json!({"id": label, "from": from, "to": to, "protocol": protocol, "port": port}).to_string()
        })
        .collect();
    let directory = tempfile::tempdir().unwrap();
    let mut command = program(directory.path());
    command.args(["query", "--batch", "-", "--output", "jsonl", "--snapshot"]).arg(snapshot);
    let run = finish(command.write_stdin(lines.join("\n")));
    let answers: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), asked.len(), "{run}");
    asked.iter().map(|&(label, ..)| label).zip(answers).collect()
}

/// The verdict; where the snapshot holds so little that the question cannot be put, the program says so by an error.
fn verdict(answer: &Value) -> &str {
    answer["verdict"].as_str().unwrap_or("unanswerable")
}

#[derive(Default)]
struct Row {
    unknown: BTreeSet<&'static str>,
    assumed: bool,
}

#[test]
fn one_refused_action_changes_no_verdict_and_the_table_is_true() {
    let actions: BTreeMap<String, Call> = Call::ALL.iter().filter_map(|&call| Some((call.action()?, call))).collect();
    let estates = estates();
    let tasks: Vec<(usize, &String)> =
        (0..estates.len()).flat_map(|estate| actions.keys().map(move |action| (estate, action))).collect();
    let whole: Vec<BTreeMap<&str, Value>> = estates
        .iter()
        .map(|(path, _, asked)| {
            let server = Server::start(path, Trouble::default());
            let (directory, run) = fetched(&server, "");
            assert_eq!(run.code, Some(0), "{run}");
            ask(&directory.path().join("snapshot.json"), asked)
        })
        .collect();
    let rows: Mutex<BTreeMap<&String, Row>> = Mutex::default();
    let wrong = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                while let Some(&(estate, action)) = tasks.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (path, _, asked) = &estates[estate];
                    let denied = BTreeSet::from([action.clone()]);
                    let server = Server::start(path, Trouble { denied, ..Trouble::default() });
                    let (directory, run) = fetched(&server, "");
                    if run.code != Some(0) {
                        wrong.lock().unwrap().push(format!("{action}: {run}"));
                        continue;
                    }
                    let answers = ask(&directory.path().join("snapshot.json"), asked);
                    let call = actions[action];
                    let told = document(directory.path())["calls"]
                        .as_array()
                        .unwrap()
                        .iter()
                        .any(|record| record["call"] == call.name() && record["status"] == "denied");
                    if let Err(problem) = compare(action, call, told, &whole[estate], &answers, &rows) {
                        wrong.lock().unwrap().push(format!("{}: {problem}", path.display()));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    settle(&table(&actions, &rows.into_inner().unwrap()));
}

/// The calls that would settle it: the one that was refused, or those that cannot be made without its answer.
fn settling(call: Call) -> Vec<Call> {
    match call {
        Call::ListClusters => vec![call, Call::DescribeCluster],
        Call::DescribeManagedPrefixLists => vec![call, Call::GetManagedPrefixListEntries],
        // Either tells which table an attachment has.
        Call::DescribeTransitGatewayAttachments => vec![call, Call::GetTransitGatewayRouteTableAssociations],
        Call::DescribeTransitGatewayRouteTables => vec![call, Call::SearchTransitGatewayRoutes],
        _ => vec![call],
    }
}

fn compare<'a>(
    action: &'a String,
    call: Call,
    told: bool,
    whole: &BTreeMap<&'static str, Value>,
    answers: &BTreeMap<&'static str, Value>,
    rows: &Mutex<BTreeMap<&'a String, Row>>,
) -> Result<(), String> {
    let mut rows = rows.lock().unwrap();
    let row = rows.entry(action).or_default();
    for (&label, before) in whole {
        let after = &answers[label];
        if verdict(before) == verdict(after) {
            let assumptions = |answer: &Value| answer["assumptions"].as_array().map_or(0, Vec::len);
            row.assumed |= assumptions(after) > assumptions(before);
            continue;
        }
        match verdict(after) {
            "unknown" if told => {
                let text = after.to_string();
                if !settling(call).iter().any(|call| text.contains(call.operation())) {
                    return Err(format!("{action}: {label}: unknown without naming the call: {after}"));
                }
            }
            // The error names the call.
            "unanswerable" if after.to_string().contains(call.operation()) => {}
            _ => return Err(format!("{action}: {label}: {} became {after}", verdict(before))),
        }
        row.unknown.insert(label);
    }
    Ok(())
}

fn table(actions: &BTreeMap<String, Call>, rows: &BTreeMap<&String, Row>) -> String {
    let mut text = String::from("| action that is refused | what becomes unknown |\n| --- | --- |\n");
    // In the order of the table of calls: the structure first.
    let mut ordered: Vec<(&String, Call)> = actions.iter().map(|(action, &call)| (action, call)).collect();
    ordered.sort_by_key(|&(_, call)| call);
    for (action, call) in ordered {
        let row = &rows[action];
        let effect = if !row.unknown.is_empty() {
            row.unknown.iter().copied().collect::<Vec<_>>().join(", ")
        } else if row.assumed || call.role() == Role::Switch {
            "nothing: AWS's default is assumed, and answers say so".to_owned()
        } else if call.role() == Role::Informative {
            "nothing: it names and labels".to_owned()
        } else if call.role() == Role::Structural {
            "nothing, while another call tells the same".to_owned()
        } else {
            "nothing of this: only answers that refer to one".to_owned()
        };
        let _ = writeln!(text, "| `{action}` | {effect} |");
    }
    text
}

/// Compares with the document, or writes it with `UPDATE_README=1`.
fn settle(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/SNAPSHOT.md");
    let text = fs::read_to_string(&path).unwrap();
    let (begin, end) = ("<!-- table: actions -->\n", "<!-- end: actions -->");
    let (head, rest) = text.split_once(begin).unwrap();
    let (old, tail) = rest.split_once(end).unwrap();
    let new = format!("\n{table}\n");
    if std::env::var_os("UPDATE_README").is_some() {
        fs::write(&path, format!("{head}{begin}{new}{end}{tail}")).unwrap();
    } else {
        assert!(old == new, "docs/SNAPSHOT.md is not what the fetches show; UPDATE_README=1 writes it:\n{table}");
    }
}
