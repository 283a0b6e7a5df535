//! `reach whatif` and `reach diff` as a process.

use super::{files, reach, reach_in, reach_with_input};

const LINES: &str = r#"
{"id": "shut", "changes": [{"RevokeSecurityGroupIngress": {"GroupId": "sg-0de000000000ba7c0", "IpPermissions": [{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-0de000000000ba7c0"}]}]}}]}
{"id": "nothing", "changes": []}

{"id": "no such group", "changes": [{"AuthorizeSecurityGroupIngress": {"GroupId": "sg-0", "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]}}]}
{"id": "wrong shape", "changes": [{"DeleteRoute": {"RouteTableId": 7}}]}
{"id": "unknown key", "change": []}
{"id": "cut off
"#;

#[test]
fn every_line_has_its_answer_in_order_and_wrong_ones_stop_nobody() {
    let run = reach_with_input("whatif --snapshot demo --changes - --output jsonl", LINES);
    assert_eq!(run.code, Some(2));
    let answers: Vec<serde_json::Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<&str> = answers.iter().map(|answer| answer["id"].as_str().unwrap_or("-")).collect();
    assert_eq!(ids, ["shut", "nothing", "no such group", "wrong shape", "unknown key", "-"]);
    assert!(answers[1]["error"].is_null() && answers[1]["lost"].as_array().unwrap().is_empty());
    let error = |position: usize| answers[position]["error"].as_str().unwrap();
    assert!(error(2).starts_with("InvalidGroup.NotFound: "), "{}", error(2));
    assert!(error(2).ends_with("(line 5, changes[0].AuthorizeSecurityGroupIngress)"), "{}", error(2));
    assert!(error(3).contains("changes[0].DeleteRoute.RouteTableId"), "{}", error(3));
    assert!(error(4).contains("unknown field `change`"), "{}", error(4));
    assert!(error(5).contains("is not JSON") && error(5).ends_with("(line 8)"), "{}", error(5));
    assert_eq!(run.stderr, "error: 4 of 6 scenarios could not be answered\n");
}

#[test]
fn exit_codes_say_what_came_of_it() {
    let code =
        |line: &str, words: &str| reach_with_input(&format!("whatif --snapshot demo --changes - {words}"), line).code;
    let open = r#"{"changes": [{"AuthorizeSecurityGroupIngress": {"GroupId": "sg-0de000000000c1057", "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": "sg-0de000000000ba7c0"}]}]}}]}"#;
    let shut = LINES.lines().nth(1).unwrap();
    assert_eq!(code(open, ""), Some(0));
    assert_eq!(code(shut, ""), Some(1));
    assert_eq!(code("[]", ""), Some(2));
    assert_eq!(code("", ""), Some(2));
    // Narrowed to what the change does not touch.
    assert_eq!(code(shut, "--from internet --to node --port 22"), Some(0));
}

#[test]
fn a_question_and_a_policy_are_asked_before_and_after() {
    let policy =
        "[[expect]]\nname = \"api\"\nfrom = \"node\"\nto = \"controlplane\"\nport = 443\nverdict = \"partial\"\n";
    let change = r#"{"id": "open", "changes": [{"AuthorizeSecurityGroupIngress": {"GroupId": "sg-0de000000000c1057", "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": "sg-0de000000000ba7c0"}]}]}}]}"#;
    let directory = files(&[("policy.toml", policy), ("changes.jsonl", change)]);
    let words = "whatif --snapshot demo --changes changes.jsonl --policy policy.toml --output json";
    let run = reach_in(directory.path(), words);
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let verdict = &answer["verdict_changes"][0];
    assert_eq!((&verdict["before"], &verdict["after"]), (&"partial".into(), &"reachable".into()));
    assert_eq!((&verdict["name"], &verdict["expected"]), (&"api".into(), &"partial".into()));
    assert_eq!(run.code, Some(1), "an expectation is broken");
    let line = r#"{"from":"node","to":"controlplane","port":443}"#;
    let mut command = super::program(directory.path());
    command.args(["whatif", "--snapshot", "demo", "--changes", "changes.jsonl", "--output", "json", "--query", line]);
    let answer: serde_json::Value = serde_json::from_str(&super::finish(&mut command).stdout).unwrap();
    assert_eq!(answer["verdict_changes"][0]["question"]["from"], "node");
    let gained = answer["gained"].as_array().unwrap();
    assert!(!gained.is_empty() && gained.iter().all(|set| set["protocol"] == "tcp" && set["ports"] == "443"));
}

#[test]
fn an_operator_reads_what_happens_to_open_connections() {
    let lines = LINES.lines().take(6).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(reach_with_input("whatif --snapshot demo --changes -", &lines), @r#"
    exit code: 2
    ----- stdout -----
    shut: 3 sets of flows lost
    lost       every protocol and port: demo-batch-1 (10.0.48.10 and 3 more) → demo-batch-2 (10.0.80.10
               and 3 more), demo-batch-3 (10.0.112.10 and 3 more)
               every protocol and port: demo-batch-2 (10.0.80.10 and 3 more) → demo-batch-1 (10.0.48.10
               and 3 more), demo-batch-3 (10.0.112.10 and 3 more)
               every protocol and port: demo-batch-3 (10.0.112.10 and 3 more) → demo-batch-1 (10.0.48.10
               and 3 more), demo-batch-2 (10.0.80.10 and 3 more)
    stay       open connections stay up; they cannot reconnect (first failures after 180 s idle)
               tcp (5 days); udp (180 s); icmp (no documented timeout); every other protocol (600 s):
               demo-batch-1 (10.0.48.10 and 3 more) → demo-batch-2 (10.0.80.10 and 3 more), demo-batch-3
               (10.0.112.10 and 3 more)
               tcp (5 days); udp (180 s); icmp (no documented timeout); every other protocol (600 s):
               demo-batch-2 (10.0.80.10 and 3 more) → demo-batch-1 (10.0.48.10 and 3 more), demo-batch-3
               (10.0.112.10 and 3 more)
               tcp (5 days); udp (180 s); icmp (no documented timeout); every other protocol (600 s):
               demo-batch-3 (10.0.112.10 and 3 more) → demo-batch-1 (10.0.48.10 and 3 more),
               demo-batch-2 (10.0.80.10 and 3 more)

    nothing: changes no flow

    no such group: error: InvalidGroup.NotFound: the security group 'sg-0' does not exist (line 5, changes[0].AuthorizeSecurityGroupIngress)

    wrong shape: error: invalid type: integer `7`, expected a string (line 6, changes[0].DeleteRoute.RouteTableId)

    ----- stderr -----
    error: 2 of 4 scenarios could not be answered
    "#);
    let markdown = reach_with_input("whatif --snapshot demo --changes - --output markdown", &lines);
    insta::assert_snapshot!(markdown, @r#"
    exit code: 2
    ----- stdout -----
    ### shut: 3 sets of flows lost

    **Lost**

    | traffic | from | to |
    | --- | --- | --- |
    | every protocol and port | demo-batch-1 (10.0.48.10 and 3 more) | demo-batch-2 (10.0.80.10 and 3 more), demo-batch-3 (10.0.112.10 and 3 more) |
    | every protocol and port | demo-batch-2 (10.0.80.10 and 3 more) | demo-batch-1 (10.0.48.10 and 3 more), demo-batch-3 (10.0.112.10 and 3 more) |
    | every protocol and port | demo-batch-3 (10.0.112.10 and 3 more) | demo-batch-1 (10.0.48.10 and 3 more), demo-batch-2 (10.0.80.10 and 3 more) |

    **Until idle: open connections stay up; they cannot reconnect (first failures after 180 s idle)**

    | traffic | from | to |
    | --- | --- | --- |
    | tcp (5 days); udp (180 s); icmp (no documented timeout); every other protocol (600 s) | demo-batch-1 (10.0.48.10 and 3 more) | demo-batch-2 (10.0.80.10 and 3 more), demo-batch-3 (10.0.112.10 and 3 more) |
    | tcp (5 days); udp (180 s); icmp (no documented timeout); every other protocol (600 s) | demo-batch-2 (10.0.80.10 and 3 more) | demo-batch-1 (10.0.48.10 and 3 more), demo-batch-3 (10.0.112.10 and 3 more) |
    | tcp (5 days); udp (180 s); icmp (no documented timeout); every other protocol (600 s) | demo-batch-3 (10.0.112.10 and 3 more) | demo-batch-1 (10.0.48.10 and 3 more), demo-batch-2 (10.0.80.10 and 3 more) |

    ### nothing: changes no flow

    ### no such group: refused

    InvalidGroup.NotFound: the security group 'sg-0' does not exist (line 5, changes\[0\].AuthorizeSecurityGroupIngress)

    ### wrong shape: refused

    invalid type: integer `7`, expected a string (line 6, changes\[0\].DeleteRoute.RouteTableId)

    ----- stderr -----
    error: 2 of 4 scenarios could not be answered
    "#);
}

#[test]
fn two_snapshots_are_compared() {
    assert_eq!(reach("diff demo demo").code, Some(0));
    assert!(reach("diff demo demo").stdout.contains("changes no flow"));
    assert_eq!(reach("diff demo no-such-directory").code, Some(2));
}
