//! Every answer is what `schemas/` says.

use std::fs;
use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::{demo_without, reach, reach_in, reach_with_input};

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The query schema, narrowed to answers or to lines without one.
fn query_schema(part: &str) -> Validator {
    let mut schema = schema("query.schema.json");
    schema["anyOf"] = json!([{"$ref": format!("#/$defs/{part}")}]);
    jsonschema::draft202012::new(&schema).unwrap()
}

fn check(validator: &Validator, document: &Value) {
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}\n{document:#}", errors.join("\n"));
}

/// Questions of many kinds about the demo.
fn questions() -> String {
    let ends = ["node", "pod", "controlplane", "internet", "10.0.40.10", "aws/s3", "apiserver", "10.99.0.1"];
    let terms = [
        json!({}),
        json!({"port": 443}),
        json!({"port": "22,1000-2000", "protocol": "udp"}),
        json!({"protocol": "icmp", "icmp_type": 8, "icmp_code": 0}),
        json!({"protocol": "icmpv6"}),
        json!({"protocol": 50}),
        json!({"port": 53, "source_port": "1024-2000", "family": "ipv4"}),
    ];
    let mut lines = String::new();
    for from in ends {
        for to in ends {
            for term in &terms {
                let mut question = term.clone();
                question["from"] = json!(from);
                question["to"] = json!(to);
                question["id"] = json!(format!("{from} {to}"));
                lines.push_str(&question.to_string());
                lines.push('\n');
            }
        }
    }
    lines
}

fn check_lines(stdout: &str) -> (usize, usize) {
    let (answer, unanswered) = (query_schema("answer"), query_schema("unanswered"));
    let (mut answers, mut errors) = (0, 0);
    for line in stdout.lines() {
        let document: Value = serde_json::from_str(line).unwrap();
        if document.get("error").is_some() {
            check(&unanswered, &document);
            errors += 1;
        } else {
            check(&answer, &document);
            check_sums(&document);
            answers += 1;
        }
    }
    (answers, errors)
}

/// A group's pairs are `from` × `to` without self-pairs, and the groups are all pairs.
fn check_sums(document: &Value) {
    let list = |group: &Value, key: &str| group[key].as_array().unwrap().clone();
    let mut total = 0;
    for group in document["answers"].as_array().unwrap() {
        let (from, to) = (list(group, "from"), list(group, "to"));
        let own = from.iter().filter(|end| to.contains(end)).count();
        let lone = from.len() == 1 && to.len() == 1;
        let pairs = if lone { 1 } else { from.len() * to.len() - own };
        assert_eq!(group["pairs"], json!(pairs), "{document:#}");
        total += pairs;
    }
    let counts = &document["pairs"];
    let count = |word: &str| counts[word].as_u64().unwrap();
    assert_eq!(count("total"), total as u64);
    assert_eq!(count("total"), ["reachable", "blocked", "partial", "unknown"].map(count).iter().sum::<u64>());
}

#[test]
fn answers_about_the_demo_follow_the_schema() {
    let run = reach_with_input("query --snapshot demo --batch -", &questions());
    let (answers, errors) = check_lines(&run.stdout);
    assert!(answers > 300, "{answers} answers, {errors} errors");
}

#[test]
fn answers_about_half_a_demo_follow_the_schema() {
    let directory = demo_without(&["describe-network-acls", "describe-nat", "describe-instances", "get-managed"]);
    let questions = questions();
    let mut command = super::program(directory.path());
    let run = super::finish(command.args("query --snapshot demo-copy --batch -".split(' ')).write_stdin(questions));
    let (answers, _) = check_lines(&run.stdout);
    assert!(answers > 100, "{answers} answers");
}

#[test]
fn a_single_answer_follows_the_whole_schema() {
    let whole = jsonschema::draft202012::new(&schema("query.schema.json")).unwrap();
    let run = reach("query --snapshot demo --from node --to controlplane --port 443 --output json");
    check(&whole, &serde_json::from_str(&run.stdout).unwrap());
    check(&whole, &json!({"id": 1, "error": "no"}));
    assert!(!whole.is_valid(&json!({"schema": "reach.query/1"})));
}

#[test]
fn the_summary_of_a_snapshot_follows_its_schema() {
    let validator = jsonschema::draft202012::new(&schema("snapshot-info.schema.json")).unwrap();
    let run = reach("snapshot info demo --output json");
    check(&validator, &serde_json::from_str(&run.stdout).unwrap());
    let directory = demo_without(&["describe-network-acls", "describe-nat", "describe-vpc-attribute"]);
    let run = reach_in(directory.path(), "snapshot info demo-copy --output json");
    let summary: Value = serde_json::from_str(&run.stdout).unwrap();
    check(&validator, &summary);
    assert_eq!(summary["missing"][0]["call"], json!("ec2 describe-network-acls"));
}

#[test]
fn schemas_are_schemas() {
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let schema = schema(&name);
        let error = jsonschema::meta::validate(&schema).err();
        assert!(error.is_none(), "{name}: {error:?}");
    }
}

#[test]
fn the_matrix_in_every_form() {
    let validator = jsonschema::draft202012::new(&schema("matrix.schema.json")).unwrap();
    for unit in ["class", "eni"] {
        let run = reach(&format!("matrix --snapshot demo --output jsonl --group {unit}"));
        for line in run.stdout.lines() {
            check(&validator, &serde_json::from_str(line).unwrap());
        }
        let run = reach(&format!("matrix --snapshot demo --output json --group {unit}"));
        check(&validator, &serde_json::from_str(&run.stdout).unwrap());
    }
}

#[test]
fn reports_follow_their_schema() {
    let validator = jsonschema::draft202012::new(&schema("check.schema.json")).unwrap();
    let run = reach("check eks --snapshot demo --also all --output json");
    check(&validator, &serde_json::from_str(&run.stdout).unwrap());
    let directory = demo_without(&["describe-network-acls", "describe-nat", "describe-instances", "get-managed"]);
    let run = reach_in(directory.path(), "check eks --snapshot demo-copy --client internet --output json");
    check(&validator, &serde_json::from_str(&run.stdout).unwrap());
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/policies");
    for entry in fs::read_dir(policies).unwrap() {
        let policy = fs::read_to_string(entry.unwrap().path()).unwrap();
        let run = reach_with_input("check - --snapshot demo --output json", &policy);
        check(&validator, &serde_json::from_str(&run.stdout).unwrap());
    }
    assert!(!validator.is_valid(&json!({"schema": "reach.check/1"})));
}

#[test]
fn logs_for_code_scanning_follow_the_schema_of_oasis() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/sarif-schema-2.1.0.json");
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    // This pattern is no regular expression (`tests/schemas/README.md`).
    for holder in ["run", "toolComponent"] {
        let language = schema.pointer_mut(&format!("/definitions/{holder}/properties/language")).unwrap();
        assert!(language.as_object_mut().unwrap().remove("pattern").is_some());
    }
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let run = reach("check eks --snapshot demo --also all --output sarif");
    check(&validator, &serde_json::from_str(&run.stdout).unwrap());
    let policy = "[[expect]]\nfrom = \"node\"\nto = \"internet\"\nport = 22\nverdict = \"blocked\"\n";
    let run = reach_with_input("check - --snapshot demo --output sarif", policy);
    check(&validator, &serde_json::from_str(&run.stdout).unwrap());
    for log in super::plan::answers("sarif") {
        check(&validator, &log);
    }
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let words = "diff s04-before-the-upgrade s04-pods-cannot-talk-after-upgrade --check eks --output sarif";
    let log: Value = serde_json::from_str(&reach_in(&fixtures, words).stdout).unwrap();
    check(&validator, &log);
    let rules: std::collections::BTreeSet<&str> =
        log["runs"][0]["results"].as_array().unwrap().iter().map(|result| result["ruleId"].as_str().unwrap()).collect();
    assert!(["whatif.lost", "whatif.until-idle", "whatif.broken"].iter().all(|rule| rules.contains(rule)), "{rules:?}");
}

#[test]
fn fixes_follow_their_schema() {
    let validator = jsonschema::draft202012::new(&schema("fix.schema.json")).unwrap();
    let directory = demo_without(&["describe-network-acls"]);
    let mut seen: std::collections::BTreeSet<String> = std::collections::BTreeSet::new();
    for (snapshot, question) in [
        ("demo", "--from node --to controlplane --port 443"),
        ("demo", "--from controlplane --to node --port 10250 --family ipv4"),
        ("demo", "--from node --to controlplane"),
        ("demo", "--from pod --to node --icmp 8"),
        ("demo", "--from internet --to node --port 22"),
        ("demo", "--from node --to node --protocol 50"),
        ("demo", "--from node --to aws/s3 --port 443"),
        ("demo-copy", "--from node --to controlplane --port 443"),
    ] {
        let run = reach_in(directory.path(), &format!("fix --snapshot {snapshot} {question} --output json"));
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        check(&validator, &document);
        let status = document["status"].as_str().unwrap().to_owned();
        let code = match &*status {
            "impossible" => 1,
            "unknown" => 3,
            _ => 0,
        };
        assert_eq!(run.code, Some(code), "{question}");
        seen.insert(status);
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[test]
fn what_changes_do_follows_its_schema() {
    let validator = jsonschema::draft202012::new(&schema("whatif.schema.json")).unwrap();
    let lines = [
        r#"{"id": 1, "changes": []}"#,
        r#"{"id": "x", "changes": [{"RevokeSecurityGroupEgress": {"GroupId": "sg-0de000000000ba7c0", "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}}]}"#,
        r#"{"changes": [{"DeleteSecurityGroup": {"GroupId": "sg-0de000000000ba7c0"}}]}"#,
        r#"{"changes": [{"NoSuchCall": {}}]}"#,
        "{",
    ];
    let run = reach_with_input("whatif --snapshot demo --changes - --output jsonl", &lines.join("\n"));
    let documents: Vec<Value> = run.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(documents.len(), lines.len());
    for document in &documents {
        check(&validator, document);
    }
    assert!(!documents[1]["lost"].as_array().unwrap().is_empty());
    assert!(documents.iter().skip(2).all(|document| document["error"].is_string()));
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for document in super::plan::answers("json") {
        check(&validator, &document);
        assert!(document["terraform"]["attributed"].as_bool().unwrap() && document["findings"].is_array());
    }
    let words = "diff s04-before-the-upgrade s04-pods-cannot-talk-after-upgrade --output json --check eks";
    check(&validator, &serde_json::from_str(&reach_in(&fixtures, words).stdout).unwrap());
}
