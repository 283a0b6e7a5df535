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

    | what | traffic | from | to |
    | --- | --- | --- | --- |
    | **lost** | every protocol and port | demo-batch-1 (10.0.48.10 and 3 more) | demo-batch-2 (10.0.80.10 and 3 more), demo-batch-3 (10.0.112.10 and 3 more) |
    | **lost** | every protocol and port | demo-batch-2 (10.0.80.10 and 3 more) | demo-batch-1 (10.0.48.10 and 3 more), demo-batch-3 (10.0.112.10 and 3 more) |
    | **lost** | every protocol and port | demo-batch-3 (10.0.112.10 and 3 more) | demo-batch-1 (10.0.48.10 and 3 more), demo-batch-2 (10.0.80.10 and 3 more) |

    Open connections stay up; they cannot reconnect (first failures after 180 s idle).

    <details><summary>Open connections that stay until they are idle</summary>

    | traffic | from | to |
    | --- | --- | --- |
    | tcp (5 days); udp (180 s); icmp (no documented timeout); every other protocol (600 s) | demo-batch-1 (10.0.48.10 and 3 more) | demo-batch-2 (10.0.80.10 and 3 more), demo-batch-3 (10.0.112.10 and 3 more) |
    | tcp (5 days); udp (180 s); icmp (no documented timeout); every other protocol (600 s) | demo-batch-2 (10.0.80.10 and 3 more) | demo-batch-1 (10.0.48.10 and 3 more), demo-batch-3 (10.0.112.10 and 3 more) |
    | tcp (5 days); udp (180 s); icmp (no documented timeout); every other protocol (600 s) | demo-batch-3 (10.0.112.10 and 3 more) | demo-batch-1 (10.0.48.10 and 3 more), demo-batch-2 (10.0.80.10 and 3 more) |

    </details>

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

#[test]
fn two_snapshots_tell_the_resources_that_it_is_due_to() {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let words = "diff s04-before-the-upgrade s04-pods-cannot-talk-after-upgrade";
    let run = reach_in(&fixtures, &format!("{words} --output json"));
    assert_eq!(run.code, Some(1));
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let resources = answer["resources"].as_array().unwrap();
    assert_eq!(resources.len(), 1);
    assert_eq!((&resources[0]["kind"], &resources[0]["change"]), (&"security group".into(), &"changed".into()));
    let removed = resources[0]["removed"].as_array().unwrap();
    assert!(removed.contains(&"egress all 0.0.0.0/0".into()), "{removed:?}");
    for set in answer["lost"].as_array().unwrap() {
        assert_eq!(set["causes"][0], resources[0]["resource"]);
    }
    let text = reach_in(&fixtures, words).stdout;
    assert!(text.contains("(due to sg-09c654c004d1a972c)") && text.contains("- egress all 0.0.0.0/0"), "{text}");
    let nothing = reach_in(&fixtures, "diff demo demo --output json");
    let nothing: serde_json::Value = serde_json::from_str(&nothing.stdout).unwrap();
    assert_eq!(nothing["resources"], serde_json::json!([]));
}

#[test]
fn the_audit_tells_only_what_changes() {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let words = "diff s04-before-the-upgrade s04-pods-cannot-talk-after-upgrade --check eks --output json";
    let findings = |words: &str| {
        let run = reach_in(&fixtures, words);
        let answer: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        (answer["findings"].clone(), run.code)
    };
    let (changed, code) = findings(words);
    assert_eq!(code, Some(1));
    let changed = changed.as_array().unwrap();
    assert!(!changed.is_empty() && changed.iter().all(|finding| finding["before"] != finding["after"]));
    assert!(changed.iter().any(|finding| finding["id"] == "eks.node-to-node.all" && finding["before"] == "pass"));
    // Backwards nothing breaks, and nothing is lost.
    let back = "diff s04-pods-cannot-talk-after-upgrade s04-before-the-upgrade --check eks --output json";
    assert_eq!(findings(back).1, Some(0));
    assert!(findings("diff demo demo --output json").0.is_null());
    assert_eq!(findings("diff demo demo --check eks --output json").0, serde_json::json!([]));
    assert_eq!(reach("diff demo demo --level minimum").code, Some(2), "--level belongs to --check");
    // A cluster that the second snapshot does not describe may be gone, or was not collected.
    let empty = super::files(&[("other/vpcs.json", r#"{"Vpcs": []}"#)]);
    let run = reach_in(empty.path(), "diff demo other --check eks --output json");
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let findings = answer["findings"].as_array().unwrap();
    assert!(!findings.is_empty() && findings.iter().all(|finding| finding["after"] == "unknown"), "{run}");
    let wrong = reach("diff demo demo --check eks --cluster nobody");
    assert_eq!(wrong.code, Some(2));
    assert!(wrong.stderr.contains("no cluster named `nobody`"), "{wrong}");
}

/// A requirement that breaks is a 1, even where the question that is asked loses nothing; above the level it is not.
#[test]
fn a_broken_requirement_decides_up_to_its_level() {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let words = "diff s04-before-the-upgrade s04-pods-cannot-talk-after-upgrade --check eks \
                 --from node --to controlplane --port 443";
    assert_eq!(reach_in(&fixtures, words).code, Some(1));
    assert_eq!(reach_in(&fixtures, &format!("{words} --level minimum")).code, Some(0));
}

#[test]
fn a_batch_is_ranked_harmless_first_and_errors_last() {
    let group = |call: &str, group: &str, permission: &str| {
        format!(r#"{{"{call}": {{"GroupId": "{group}", "IpPermissions": [{permission}]}}}}"#)
    };
    let (batch, shared) = ("sg-0de000000000ba7c0", "sg-0de000000000c1057");
    let among = r#"{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-0de000000000ba7c0"}]}"#;
    let api = r#"{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": "sg-0de000000000ba7c0"}]}"#;
    let anywhere = r#"{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}"#;
    let lines = [
        ("refused", group("AuthorizeSecurityGroupIngress", "sg-0", api)),
        ("much", group("RevokeSecurityGroupEgress", batch, anywhere)),
        ("some", group("RevokeSecurityGroupIngress", batch, among)),
        ("gains", group("AuthorizeSecurityGroupIngress", shared, api)),
        ("nothing", String::new()),
        ("nothing either", String::new()),
    ];
    let lines: Vec<String> =
        lines.iter().map(|(id, change)| format!(r#"{{"id": "{id}", "changes": [{change}]}}"#)).collect();
    let order = |words: &str| -> Vec<String> {
        let run = reach_with_input(&format!("whatif --snapshot demo --changes - {words}"), &lines.join("\n"));
        assert_eq!(run.code, Some(2));
        let lines = run.stdout.lines();
        let ids = lines.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].clone());
        ids.map(|id| id.as_str().unwrap().to_owned()).collect()
    };
    let ranked = ["nothing", "nothing either", "gains", "some", "much", "refused"];
    assert_eq!(order("--rank --output jsonl"), ranked);
    assert_eq!(order("--output jsonl"), ["refused", "much", "some", "gains", "nothing", "nothing either"]);
    for output in ["text", "markdown"] {
        let words = format!("whatif --snapshot demo --changes - --rank --output {output}");
        let run = reach_with_input(&words, &lines.join("\n"));
        let places = ranked.map(|id| run.stdout.find(&format!("{id}: ")).unwrap());
        assert!(places.is_sorted(), "{run}");
    }
}

#[test]
fn a_log_for_code_scanning_is_of_one_scenario() {
    let run = reach_with_input("whatif --snapshot demo --changes - --output sarif", LINES);
    assert_eq!(run.code, Some(2));
    assert!(run.stderr.contains("`--changes` are many scenarios"), "{run}");
}
