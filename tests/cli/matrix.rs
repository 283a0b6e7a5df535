//! `reach matrix`: every flow, in every form.

use std::collections::{BTreeMap, BTreeSet};

use insta::assert_snapshot;
use serde_json::Value;

use super::{demo_without, reach, reach_in, reach_with_input};

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Positions of a set such as `0-3,7`.
fn numbers(text: &str) -> Vec<u64> {
    let bounds = |part: &str| {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        low.parse().unwrap()..=high.parse().unwrap()
    };
    text.split(',').flat_map(bounds).collect()
}

/// What a flow is but for its ends: protocol, ports, client ports and state.
fn rest(flow: &Value) -> String {
    ["protocol", "ports", "source_ports", "state"].map(|key| flow[key].to_string()).join(" ")
}

#[test]
fn the_summary_is_for_people() {
    assert_snapshot!(reach("matrix --snapshot demo"), @"
    exit code: 0
    ----- stdout -----
    79 addresses of 34 network interfaces, in 22 classes that nothing tells apart

    pairs of addresses                     6,162
      something passes            3,450 (55.9 %)
      unknown whether                  0 (0.0 %)
    reached from outside                       1
    reach the outside                         64
    disjoint sets of flows                    68

    `--output jsonl` lists them; `--group eni` lists single addresses.
    ----- stderr -----
    ");
}

#[test]
fn bytes_are_the_same_for_any_number_of_threads() {
    for form in ["csv", "jsonl", "json", "csv --group eni", "jsonl --group eni"] {
        let run = |threads: u8| reach(&format!("matrix --snapshot demo --output {form} --threads {threads}"));
        let one = run(1);
        assert_eq!(one.code, Some(0), "{one}");
        assert!(one.stdout.lines().count() > 10);
        for threads in [2, 8] {
            assert_eq!(run(threads), one, "{form} {threads}");
        }
    }
}

#[test]
fn classes_stand_for_the_pairs_that_single_addresses_list() {
    let by_class = lines(&reach("matrix --snapshot demo --output jsonl").stdout);
    let single = lines(&reach("matrix --snapshot demo --output jsonl --group eni").stdout);
    // What a number means is told before it is used.
    let mut meaning: BTreeMap<u64, usize> = BTreeMap::new();
    let mut pairs: BTreeMap<String, u64> = BTreeMap::new();
    for line in by_class.iter().skip(1) {
        if let Some(class) = line["class"].as_u64() {
            let size = match (&line["endpoints"], &line["of"]) {
                (Value::Array(endpoints), _) => endpoints.len(),
                (_, Value::String(of)) => numbers(of).iter().map(|number| meaning[number]).sum(),
                _ => panic!("{line}"),
            };
            meaning.insert(class, size);
            continue;
        }
        let ends = ["from", "to"].map(|end| line[end].as_array().unwrap().clone());
        let size = |ends: &[Value]| ends.iter().map(|end| meaning[&end["class"].as_u64().unwrap()]).sum::<usize>();
        assert!(line["pairs"].as_u64().unwrap() <= (size(&ends[0]) * size(&ends[1])) as u64, "{line}");
        *pairs.entry(rest(line)).or_default() += line["pairs"].as_u64().unwrap();
    }
    let mut expanded: BTreeMap<String, u64> = BTreeMap::new();
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for line in single.iter().skip(1) {
        assert!(seen.insert(line.to_string()), "twice: {line}");
        *expanded.entry(rest(line)).or_default() += line["pairs"].as_u64().unwrap();
    }
    assert_eq!(pairs, expanded);
}

/// Every pair of the list is asked by itself, and what is not listed is not reachable.
#[test]
fn the_list_says_what_questions_say() {
    let listed =
        lines(&reach("matrix --snapshot demo --output jsonl --group eni --protocol tcp --port 443,10250").stdout);
    let mut passes: BTreeSet<(String, String, u16)> = BTreeSet::new();
    let mut addresses: BTreeSet<String> = BTreeSet::new();
    let all = lines(&reach("matrix --snapshot demo --output jsonl").stdout);
    for class in all.iter().filter(|line| line["class"].is_u64()) {
        for endpoint in class["endpoints"].as_array().into_iter().flatten() {
            addresses.extend(endpoint["ip"].as_str().map(ToOwned::to_owned));
        }
    }
    for line in listed.iter().skip(1) {
        let ip = |end: &str| line[end][0]["ip"].as_str().map(ToOwned::to_owned);
        if let (Some(from), Some(to)) = (ip("from"), ip("to")) {
            assert_eq!(line["state"], "reachable");
            for port in numbers(line["ports"].as_str().unwrap()) {
                passes.insert((from.clone(), to.clone(), u16::try_from(port).unwrap()));
            }
        }
    }
    let mut questions: Vec<String> = Vec::new();
    let mut asked = Vec::new();
    for (position, from) in addresses.iter().enumerate().step_by(3) {
        for to in addresses.iter().skip(position % 2).step_by(2).filter(|to| *to != from) {
            for port in [443, 10250] {
                asked.push((from.clone(), to.clone(), port));
                let question = serde_json::json!({"from": from, "to": to, "port": port, "source_port": "0-65535"});
                questions.push(question.to_string());
            }
        }
    }
    let run = reach_with_input("query --snapshot demo --batch -", &questions.join("\n"));
    let (mut reachable, mut blocked) = (0, 0);
    for (answer, pair) in lines(&run.stdout).iter().zip(asked) {
        let said = answer["verdict"] == "reachable";
        assert_eq!(said, passes.contains(&pair), "{pair:?} {answer}");
        if said {
            reachable += 1;
        } else {
            blocked += 1;
        }
    }
    assert!(reachable > 100 && blocked > 100, "{reachable} {blocked}");
}

#[test]
fn selectors_and_ports_narrow_the_list() {
    let run = reach("matrix --snapshot demo --from node --to controlplane --group eni --port 443 --output csv");
    let rows: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(rows.first(), Some(&"from,to,protocol,ports,source_ports,state,pairs"));
    assert_eq!(rows.len(), 19, "{run}");
    assert!(rows.iter().skip(1).all(|row| row.ends_with(",tcp,443,0-65535,reachable,1")), "{run}");
    // From outside, nothing inside is a source.
    let run = reach("matrix --snapshot demo --from internet --output csv");
    assert_snapshot!(run, @"
    exit code: 0
    ----- stdout -----
    from,to,protocol,ports,source_ports,state,pairs
    192.0.2.0/24,21,tcp,22,0-65535,reachable,1
    ----- stderr -----
    ");
    let run = reach("matrix --snapshot demo --from nobody --output csv");
    assert_eq!(run.code, Some(2), "{run}");
}

#[test]
fn a_file_appears_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let run = reach_in(directory.path(), "matrix --snapshot demo --out flows.jsonl");
    assert_eq!((run.code, &*run.stdout), (Some(0), ""), "{run}");
    let written = std::fs::read_to_string(directory.path().join("flows.jsonl")).unwrap();
    assert_eq!(written, reach("matrix --snapshot demo --output jsonl").stdout);
    let run = reach_in(directory.path(), "matrix --snapshot demo --out no/such/flows.jsonl");
    assert_eq!(run.code, Some(4), "{run}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn tables_hold_numbers_and_a_second_one_their_meaning() {
    let directory = tempfile::tempdir().unwrap();
    let run = reach_in(directory.path(), "matrix --snapshot demo --output csv --out flows.csv --classes classes.csv");
    assert_eq!(run.code, Some(0), "{run}");
    let classes = std::fs::read_to_string(directory.path().join("classes.csv")).unwrap();
    assert!(classes.starts_with("class,eni,ip,name\n0,eni-"), "{classes}");
    assert_eq!(classes.lines().count(), 80);
    let run = reach("matrix --snapshot demo --output json --classes classes.csv");
    assert_eq!(run.code, Some(2), "{run}");
}

#[test]
fn what_the_snapshot_does_not_tell_of_addresses_is_said() {
    let directory = demo_without(&["network-interfaces", "describe-network-interfaces"]);
    let run = reach_in(directory.path(), "matrix --snapshot demo-copy --output jsonl");
    assert_eq!(run.code, Some(0), "{run}");
    let header = &lines(&run.stdout)[0];
    assert_eq!(header["open"].as_array().map(Vec::len), Some(1), "{header}");
    assert!(run.stderr.contains("describe-network-interfaces"), "{run}");
}

/// Where only a part of a NAT gateway's pool passes, nobody can tell for one connection.
#[test]
fn half_a_pool_is_unknown_and_no_contradiction() {
    use crate::estate::Estate;
    let mut estate = Estate::new();
    estate.internet().nat().group("sg-open", &["egress -1 0.0.0.0/0"]).instance("a", "10.0.1.10", &["sg-open"]);
    estate.table("rtb-nat", "vpc-1", &["0.0.0.0/0 nat-1"]).associate("rtb-nat", "subnet-a");
    estate.acl(
        "acl-half",
        "vpc-1",
        &[
            "100 ingress allow tcp 0.0.0.0/0 32768-65535",
            "110 ingress allow -1 10.0.0.0/16",
            "100 egress allow -1 0.0.0.0/0",
        ],
    );
    estate.acl_for("acl-half", "subnet-pub");
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in estate.files() {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let run =
        reach_in(directory.path(), "matrix --snapshot . --from 10.0.1.10 --to internet --protocol tcp --output csv");
    assert_eq!(run.code, Some(0), "{run}");
    assert!(run.stdout.lines().skip(1).all(|line| line.ends_with("unknown,1")), "{run}");
    assert!(run.stdout.lines().count() > 1, "{run}");
}
