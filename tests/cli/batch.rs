//! Many questions: one answer a line, in the same order.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{reach, reach_with_input};

const BATCH: &str = "query --snapshot demo --batch -";

fn answers(stdout: &str) -> Vec<Value> {
    stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn answers_come_in_the_order_of_the_questions() {
    let nodes = ["10.0.40.10", "10.0.41.10", "10.0.48.10", "10.0.72.10"];
    let mut input = String::new();
    for number in 0..500 {
        let (from, to) = (nodes[number % 4], nodes[(number + 1) % 4]);
        input.push_str(&json!({"id": number, "from": from, "to": to, "port": number}).to_string());
        input.push('\n');
    }
    let run = reach_with_input(BATCH, &input);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let lines = answers(&run.stdout);
    assert_eq!(lines.len(), 500);
    for (number, line) in lines.iter().enumerate() {
        assert_eq!(line["id"], json!(number));
        assert_eq!(line["question"]["port"], json!(number.to_string()));
        assert_eq!(line["question"]["from"], json!(nodes[number % 4]));
    }
    // The lines are shared among threads, which must not show.
    assert_eq!(run, reach_with_input(BATCH, &input));
    let alone = reach("query --snapshot demo --from 10.0.41.10 --to 10.0.48.10 --port 1 --output jsonl");
    let mut alone = answers(&alone.stdout);
    alone[0]["id"] = json!(1);
    assert_eq!(lines[1], alone[0]);
}

#[test]
fn a_bad_line_is_an_error_and_the_others_go_on() {
    let input = r#"
{"id": "fine", "from": "node/general", "to": "controlplane", "port": 443}
{"id": "broken", "from": "node"
{"id": "unknown key", "from": "node", "to": "node", "prot": "tcp", "ports": 1}
{"id": "types", "from": 5, "to": "node", "port": [443]}
{"id": "missing", "from": "node"}
{"from": "node", "to": "node", "port": 70000}
{"id": "port", "from": "node", "to": "node", "protocol": "icmp", "port": "443", "icmp_type": 300}
{"id": "selector", "from": "node/gpu", "to": "node"}
{"id": 7, "from": "node", "to": "node", "family": "ipx"}
{"id": [1], "from": "node", "to": "node"}
["node", "node"]
{"id": null, "from": "node/general", "to": "node/general", "protocol": 6, "port": "22", "source_port": null}
"#;
    let run = reach_with_input(BATCH, input);
    assert_eq!(run.code, Some(2));
    let lines = answers(&run.stdout);
    let errors: Vec<String> = lines
        .iter()
        .filter(|line| line["error"].is_string())
        .map(|line| format!("{} {}", line["id"], line["error"].as_str().unwrap()))
        .collect();
    assert_eq!(lines.len(), 12);
    assert_eq!(lines[0]["verdict"], json!("reachable"));
    assert_eq!(lines[11]["verdict"], json!("reachable"));
    assert_eq!(lines[11]["id"], Value::Null);
    insta::assert_snapshot!(errors.join("\n"), @r#"
    null line 3, column 31: is not JSON: EOF while parsing an object
    "unknown key" `ports`, `prot` are not keys of a question (those are id, from, to, protocol, port, source_port, icmp_type, icmp_code, family)
    "types" from: a selector in quotes is expected; port: a string or a number is expected
    "missing" `to` is missing
    null port: `70000` is out of range 0-65535
    "port" icmp_type: `300` is out of range 0-255; port: a port needs protocol tcp or udp, and `icmp` has no ports
    "selector" `node/gpu` matches no running node of cluster `demo`
    7 family: `ipx` is neither `ipv4` nor `ipv6`
    null line 11: id: must be a string or a number
    null line 12: a JSON object is expected
    "#);
    insta::assert_snapshot!(run.stderr, @"error: 10 of 12 questions could not be answered");
    assert_eq!(lines[7]["candidates"], json!(["node/batch", "node/general"]));
}

#[test]
fn an_empty_batch_is_fine() {
    let run = reach_with_input(BATCH, "\n  \n");
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(0), "", ""));
}

#[test]
fn every_verdict_is_an_answer() {
    let input = "{\"from\": \"node/batch\", \"to\": \"controlplane\", \"port\": 443}\n";
    let run = reach_with_input(BATCH, input);
    assert_eq!(run.code, Some(0));
    assert_eq!(answers(&run.stdout)[0]["verdict"], json!("blocked"));
}

#[test]
fn numbers_and_strings_mean_the_same() {
    let input = r#"{"from": "10.0.40.10", "to": "10.0.41.10", "protocol": 17, "port": 53, "source_port": 40000}
{"from": "10.0.40.10", "to": "10.0.41.10", "protocol": "17", "port": "53", "source_port": "40000"}
{"from": "10.0.40.10", "to": "10.0.41.10", "protocol": "udp", "port": "53", "source_port": "40000"}
{"from": "10.0.40.10", "to": "10.0.41.10", "protocol": 1, "icmp_type": 8, "icmp_code": 0}
{"from": "10.0.40.10", "to": "10.0.41.10", "icmp_type": "8", "icmp_code": "0", "family": "IPv4"}
"#;
    let run = reach_with_input(BATCH, input);
    assert_eq!(run.code, Some(0), "{run}");
    let lines = answers(&run.stdout);
    assert_eq!(lines[0], lines[1]);
    assert_eq!(lines[1], lines[2]);
    assert_eq!(lines[3]["answers"], lines[4]["answers"]);
    assert_eq!(lines[4]["question"]["icmp"], json!("8/0"));
    assert_eq!(lines[4]["question"]["family"], json!("ipv4"));
}

#[test]
fn text_in_the_same_order() {
    let input = r#"{"id": "a", "from": "10.0.40.10", "to": "10.0.41.10", "port": 443}
{"id": "b", "from": "10.0.40.10", "to": "nowhere", "port": 443}
"#;
    insta::assert_snapshot!(reach_with_input(&format!("{BATCH} --output text"), input), @r"
    exit code: 2
    ----- stdout -----
    [a] reachable 10.0.40.10 -> 10.0.41.10, tcp 443
    forward reachable, return reachable

      from     demo-general-1 (10.0.40.10)
      to       demo-general-2 (10.0.41.10)
      path     tcp 10.0.40.10:32768 -> 10.0.41.10:443
        sg egress   allowed  sgr-0de000000c1057e01 (all to 0.0.0.0/0)
        sg ingress  allowed  sgr-0de000000c1057a01 (all from sg-0de000000000c1057)

    [b] error: `nowhere` is not a selector
    candidates: `apiserver`, `aws/s3`, `controlplane`, `eni-…`, `i-…`, `internet`, `name/NAME`, `node`, `pod`, `tag/KEY=VALUE`

    ----- stderr -----
    error: 1 of 2 questions could not be answered
    ");
}

#[test]
fn an_answer_does_not_wait_for_the_next_question() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_reach"))
        .args(["query", "--snapshot", "demo", "--batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut questions = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for id in ["first", "second"] {
        writeln!(questions, r#"{{"id": "{id}", "from": "10.0.40.10", "to": "10.0.41.10", "port": 22}}"#).unwrap();
        questions.flush().unwrap();
        let answer: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer["id"], json!(id));
    }
    drop(questions);
    assert!(lines.next().is_none());
    assert!(child.wait().unwrap().success());
}
