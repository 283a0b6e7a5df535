//! `reach whatif --terraform-plan` as a process, on the demo.

use serde_json::{Value, json};

use super::{Run, files, finish, program};

/// The batch nodes' group: they admit one another. The general nodes and the control plane have the other.
const BATCH: &str = "sg-0de000000000ba7c0";
const SHARED: &str = "sg-0de000000000c1057";

/// A rule as a plan writes it.
fn rule(group: &str, port: u16, peer: &Value) -> Value {
    let mut rule = json!({"type": "ingress", "security_group_id": group, "protocol": "tcp", "from_port": port,
        "to_port": port, "self": false, "cidr_blocks": null, "ipv6_cidr_blocks": null, "prefix_list_ids": null,
        "source_security_group_id": null, "description": "", "timeouts": null});
    for (key, value) in peer.as_object().unwrap() {
        rule[key] = value.clone();
    }
    rule
}

fn resource(address: &str, actions: &[&str], before: &Value, after: &Value) -> Value {
    let kind = address.rsplit('.').nth(1).unwrap();
    json!({"address": address, "mode": "managed", "type": kind, "name": "x",
        "change": {"actions": actions, "before": before, "after": after, "after_unknown": {}, "before_sensitive": {},
            "after_sensitive": {}}})
}

fn created(address: &str, after: &Value) -> Value {
    resource(address, &["create"], &Value::Null, after)
}

/// The batch nodes do not admit one another any more.
fn apart() -> Value {
    let mut rule = rule(BATCH, 0, &json!({"self": true, "protocol": "-1"}));
    rule["id"] = json!("sgrule-1");
    resource("module.nodes.aws_security_group_rule.among", &["delete"], &rule, &Value::Null)
}

/// The batch nodes may call the API.
fn api() -> Value {
    created("module.nodes.aws_security_group_rule.api", &rule(SHARED, 443, &json!({"source_security_group_id": BATCH})))
}

fn run(resources: &[Value], words: &str) -> Run {
    let plan = json!({"format_version": "1.2", "terraform_version": "1.9.8", "planned_values": {},
        "resource_changes": resources});
    run_text(&plan.to_string(), words)
}

fn run_text(plan: &str, words: &str) -> Run {
    let directory = files(&[("plan.json", plan)]);
    let mut command = program(directory.path());
    finish(command.args(format!("whatif --snapshot demo --terraform-plan plan.json {words}").split_whitespace()))
}

fn answer(resources: &[Value], words: &str) -> (Value, Option<i32>) {
    let run = run(resources, &format!("{words} --output json"));
    (serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run}")), run.code)
}

/// What every set of a list is due to.
fn causes(list: &Value) -> Vec<Vec<&str>> {
    let sets = list.as_array().unwrap();
    sets.iter()
        .map(|set| {
            let causes = set["causes"].as_array().unwrap();
            causes.iter().map(|cause| cause.as_str().unwrap().rsplit('.').next().unwrap()).collect()
        })
        .collect()
}

#[test]
fn what_is_lost_and_gained_names_the_address_that_it_is_due_to() {
    let (answer, code) = answer(&[apart(), api()], "");
    assert_eq!(code, Some(1));
    assert_eq!(answer["id"], "plan.json");
    assert!(causes(&answer["lost"]).iter().all(|names| names == &["among"]) && !causes(&answer["lost"]).is_empty());
    assert_eq!(causes(&answer["gained"]), [["api"]]);
    let surviving = causes(&answer["connections"]["survive_until_idle"]);
    assert!(!surviving.is_empty() && surviving.iter().all(|names| names == &["among"]));
    let steps = answer["terraform"]["steps"].as_array().unwrap();
    assert_eq!(steps[0]["address"], "module.nodes.aws_security_group_rule.among");
    assert_eq!(steps[1]["calls"], json!(["AuthorizeSecurityGroupIngress"]));
}

/// Where two resources let the same through, neither alone is needed, and both are told.
#[test]
fn what_two_resources_do_alike_is_due_to_both() {
    let batch = ["10.0.48.0/28", "10.0.80.0/28", "10.0.112.0/28"];
    let wide = created("aws_security_group_rule.wide", &rule(SHARED, 443, &json!({"cidr_blocks": batch})));
    let (answer, code) = answer(&[api(), wide], "");
    assert_eq!(code, Some(0));
    assert_eq!(causes(&answer["gained"]), [["api", "wide"]]);
}

#[test]
fn what_is_not_understood_is_shown_everywhere_and_never_harmless() {
    let nat = resource("aws_nat_gateway.b", &["update"], &json!({"id": "nat-1"}), &json!({"id": "nat-1"}));
    for output in ["text", "markdown", "json", "jsonl", "sarif"] {
        let run = run(&[api(), nat.clone()], &format!("--output {output}"));
        assert_eq!(run.code, Some(3), "{run}");
        assert!(run.stdout.contains("aws_nat_gateway.b"), "{run}");
    }
    // Something worse counts more.
    assert_eq!(run(&[apart(), nat.clone()], "").code, Some(1));
    // What does not matter to packets does not.
    let bucket = created("aws_s3_bucket.logs", &json!({"bucket": "logs"}));
    assert_eq!(run(&[api(), bucket], "").code, Some(0));
    assert!(run(&[nat], "").stdout.starts_with("plan.json: changes no flow; but 1 resource is not understood\n"));
}

#[test]
fn refused_calls_and_values_that_cannot_be_read_are_errors_that_lose_nothing() {
    let in_use = resource(
        "aws_security_group.batch",
        &["delete"],
        &json!({"id": BATCH, "name": "x", "vpc_id": "vpc-0de00000000000001", "ingress": [], "egress": []}),
        &Value::Null,
    );
    let mut unreadable = rule(SHARED, 443, &json!({"cidr_blocks": ["10.0.0.0/16"]}));
    unreadable["from_port"] = json!("http");
    let unreadable = created("aws_security_group_rule.odd", &unreadable);
    for (resource, word) in [(in_use, "DependencyViolation"), (unreadable, "is not a whole number")] {
        for output in ["text", "markdown", "json", "sarif"] {
            let run = run(&[api(), resource.clone()], &format!("--output {output}"));
            assert_eq!(run.code, Some(2), "{run}");
            assert!(
                run.stdout.replace('\n', " ").replace("  ", "").contains(&word.replace("  ", "")) || output == "text",
                "{run}"
            );
            // The rest has its answer.
            assert!(run.stdout.contains("443"), "{run}");
        }
    }
}

#[test]
fn sensitive_values_are_kept_back() {
    let secret = "198.51.100.77/32";
    // The general nodes' group lets the internet's host 198.51.100.77 in: only it, and only on a port that is secret, too.
    let mut open =
        created("aws_security_group_rule.open", &rule(BATCH, 7443, &json!({"cidr_blocks": [secret, "10.0.0.0/8"]})));
    open["change"]["after_sensitive"] = json!({"cidr_blocks": true, "from_port": true});
    for output in ["text", "markdown", "json", "jsonl", "sarif"] {
        let run = run(&[apart(), open.clone()], &format!("--output {output}"));
        assert!(run.stdout.contains("(sensitive)"), "{run}");
        assert!(!run.stdout.contains("198.51.100.77") && !run.stdout.contains("7443"), "{run}");
    }
    // What another resource opens around a secret would tell it by what is left out.
    let mut narrow =
        created("aws_security_group_rule.narrow", &rule(SHARED, 443, &json!({"source_security_group_id": BATCH})));
    narrow["change"]["after_sensitive"] = json!({"from_port": true});
    let mut wide =
        created("aws_security_group_rule.wide", &rule(SHARED, 400, &json!({"source_security_group_id": BATCH})));
    wide["change"]["after"]["to_port"] = json!(499);
    let other =
        created("aws_security_group_rule.other", &rule(BATCH, 9100, &json!({"source_security_group_id": SHARED})));
    let shown = run(&[narrow, other.clone()], "--output json").stdout;
    assert!(!shown.contains("\"443\"") && shown.contains("\"9100\"") && shown.contains("(sensitive)"), "{shown}");
    let shown = run(&[wide, other], "--output json").stdout;
    assert!(shown.contains("\"400-499\"") && !shown.contains("(sensitive)"), "{shown}");
    // A refusal would name the rule.
    let mut again = created("aws_security_group_rule.again", &rule(BATCH, 7443, &json!({"cidr_blocks": [secret]})));
    again["change"]["after_sensitive"] = json!({"cidr_blocks": true});
    let run = run(&[open, again], "--output json");
    assert!(!run.stdout.contains("198.51.100.77"), "{run}");
}

#[test]
fn with_very_many_resources_it_is_said_that_causes_were_not_sought() {
    let rules: Vec<Value> = (0..65)
        .map(|n| {
            let rule = rule(SHARED, 2000 + n, &json!({"source_security_group_id": BATCH}));
            created(&format!("aws_security_group_rule.many[{n}]"), &rule)
        })
        .collect();
    let (answer, code) = answer(&rules, "");
    assert_eq!((code, &answer["terraform"]["attributed"]), (Some(0), &json!(false)));
    assert_eq!(causes(&answer["gained"]), [Vec::<&str>::new()]);
    let text = run(&rules, "").stdout;
    assert!(text.contains("more than 64 resources change") && !text.contains("due to aws"), "{text}");
}

#[test]
fn a_comment_for_a_pull_request() {
    let nat = resource("aws_nat_gateway.b", &["update"], &json!({"id": "nat-1"}), &json!({"id": "nat-1"}));
    insta::assert_snapshot!(run(&[apart(), api(), nat], "--output markdown --check eks"), @r#"
    exit code: 1
    ----- stdout -----
    ### plan.json: 3 sets of flows lost, 1 set of flows gained; but 1 resource is not understood

    | requirement | level | before | after |
    | --- | --- | --- | --- |
    | `eks.api.node-to-controlplane.tcp-443` | minimum | partial | pass |
    | `eks.api.pod-to-controlplane.tcp-443` | minimum | partial | pass |

    | what | traffic | from | to | due to |
    | --- | --- | --- | --- | --- |
    | **lost** | every protocol and port | demo-batch-1 (10.0.48.10 and 3 more) | demo-batch-2 (10.0.80.10 and 3 more), demo-batch-3 (10.0.112.10 and 3 more) | `module.nodes.aws_security_group_rule.among` |
    | **lost** | every protocol and port | demo-batch-2 (10.0.80.10 and 3 more) | demo-batch-1 (10.0.48.10 and 3 more), demo-batch-3 (10.0.112.10 and 3 more) | `module.nodes.aws_security_group_rule.among` |
    | **lost** | every protocol and port | demo-batch-3 (10.0.112.10 and 3 more) | demo-batch-1 (10.0.48.10 and 3 more), demo-batch-2 (10.0.80.10 and 3 more) | `module.nodes.aws_security_group_rule.among` |
    | gained | tcp 443 | demo-batch-1 (10.0.48.10 and 3 more), demo-batch-2 (10.0.80.10 and 3 more), demo-batch-3 (10.0.112.10 and 3 more) | Amazon EKS demo (10.0.34.21 and 2 more), demo-general-1 (10.0.40.10 and 7 more), demo-general-2 (10.0.41.10 and 7 more), demo-general-3 (10.0.72.10 and 7 more), demo-general-4 (10.0.73.10 and 7 more), and 2 more | `module.nodes.aws_security_group_rule.api` |

    Open connections stay up; they cannot reconnect (first failures after 180 s idle).

    - **not understood**: `aws_nat_gateway.b` (update): routes to the internet lead to it, and it translates addresses

    <details><summary>Open connections that stay until they are idle</summary>

    | traffic | from | to | due to |
    | --- | --- | --- | --- |
    | tcp (5 days); udp (180 s); icmp (no documented timeout); every other protocol (600 s) | demo-batch-1 (10.0.48.10 and 3 more) | demo-batch-2 (10.0.80.10 and 3 more), demo-batch-3 (10.0.112.10 and 3 more) | `module.nodes.aws_security_group_rule.among` |
    | tcp (5 days); udp (180 s); icmp (no documented timeout); every other protocol (600 s) | demo-batch-2 (10.0.80.10 and 3 more) | demo-batch-1 (10.0.48.10 and 3 more), demo-batch-3 (10.0.112.10 and 3 more) | `module.nodes.aws_security_group_rule.among` |
    | tcp (5 days); udp (180 s); icmp (no documented timeout); every other protocol (600 s) | demo-batch-3 (10.0.112.10 and 3 more) | demo-batch-1 (10.0.48.10 and 3 more), demo-batch-2 (10.0.80.10 and 3 more) | `module.nodes.aws_security_group_rule.among` |

    </details>

    <details><summary>What the plan does</summary>

    - `module.nodes.aws_security_group_rule.among`: RevokeSecurityGroupIngress
    - `module.nodes.aws_security_group_rule.api`: AuthorizeSecurityGroupIngress

    </details>

    ----- stderr -----
    "#);
}

#[test]
fn documents_that_are_no_plan_are_told_with_what_to_run() {
    for (text, word) in [
        ("{", "not JSON"),
        (r#"{"format_version": "9.0", "resource_changes": []}"#, "is not supported"),
        (r#"{"lineage": "x", "serial": 3}"#, "this is a state file"),
    ] {
        let run = run_text(text, "");
        assert_eq!(run.code, Some(2));
        assert!(run.stderr.starts_with("error: plan.json: ") && run.stderr.contains(word), "{run}");
        assert!(run.stderr.contains("terraform show -json"), "{run}");
    }
    let directory = files(&[]);
    let run = super::reach_in(directory.path(), "whatif --snapshot demo --terraform-plan nowhere.json");
    assert_eq!(run.code, Some(2));
    let run = super::reach_in(directory.path(), "whatif --snapshot demo");
    assert_eq!(run.code, Some(2));
}

#[test]
fn a_plan_comes_from_standard_input_too() {
    let plan = json!({"format_version": "1.2", "planned_values": {}, "resource_changes": [apart()]}).to_string();
    let run = super::reach_with_input("whatif --snapshot demo --terraform-plan - --output json", &plan);
    assert_eq!(run.code, Some(1));
    let answer: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(answer["id"], "<stdin>");
}

/// Every form of a plan's answer, for the schemas.
pub(super) fn answers(output: &str) -> Vec<Value> {
    let nat = resource("aws_nat_gateway.b", &["update"], &json!({"id": "nat-1"}), &json!({"id": "nat-1"}));
    let mut odd = created("aws_security_group_rule.odd", &rule(SHARED, 443, &json!({"cidr_blocks": ["10.0.0.0/16"]})));
    odd["change"]["after"]["to_port"] = json!("http");
    let mut secret = api();
    secret["change"]["after_sensitive"] = json!({"from_port": true});
    let lists = [vec![apart(), api(), nat], vec![odd, apart()], vec![apart(), secret], vec![]];
    lists
        .iter()
        .map(|list| serde_json::from_str(&run(list, &format!("--check eks --output {output}")).stdout).unwrap())
        .collect()
}
