//! A report that holds everything there can be, in every form.

use std::path::PathBuf;

use quick_xml::Reader;
use quick_xml::events::Event;
use reach_eks::audit::{Mend, Options};
use reach_engine::fix::Quota;
use reach_model::change::Change;
use serde_json::{Value, json};

use super::*;

/// A text that is markup everywhere and fits nowhere.
const HOSTILE: &str = "a<b>&\"c\" ]]> `d` | *e* \u{1b}[31m \u{0} -->";

fn network() -> Network {
    let snapshot = crate::load::snapshot(&[PathBuf::from("demo")]).unwrap();
    crate::load::build(snapshot).unwrap()
}

fn fix(pairs: PairCounts) -> Fix {
    let call = json!({"AuthorizeSecurityGroupIngress": {"GroupId": "sg-1", "IpPermissions": [{
        "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443,
        "UserIdGroupPairs": [{"GroupId": "sg-2", "Description": HOSTILE}]}]}});
    let changes: Vec<Change> = vec![serde_json::from_value(call).unwrap()];
    let quota = vec![Quota { resource: "sg-1".to_owned(), rules: 61, limit: 60 }];
    Fix { changes, quota, pairs: PairCounts { reachable: pairs.total, blocked: 0, ..pairs } }
}

fn remark() -> Remark {
    let message = format!("two groups: {HOSTILE}");
    Remark { code: "EKS_CLUSTER_TAG_AMBIGUOUS", resource: Some("eni-1".to_owned()), semantics: "EK-27", message }
}

/// Every status, at least one of each level; the answers are those of the demo's audit.
fn audit(network: &Network) -> Audit {
    let [cluster] = &reach_eks::clusters(network)[..] else { panic!("the demo is one cluster") };
    let mut real = reach_eks::audit::audit(network, cluster, &Options::default()).unwrap();
    let mut finding = |id: &str, of: &str, level, status| {
        let position = real.findings.iter().position(|finding| finding.id == of).unwrap();
        Finding {
            id: id.to_owned(),
            level,
            status,
            title: format!("what {id} is good for {HOSTILE}"),
            placement: Vec::new(),
            remarks: Vec::new(),
            ..real.findings.remove(position)
        }
    };
    let mut findings = vec![
        finding("eks.pass", "eks.node-egress.aws.s3", Level::Minimum, Status::Pass),
        finding("eks.nothing", "eks.node-egress.aws.xray", Level::Minimum, Status::NotApplicable),
        finding("eks.partial", "eks.api.node-to-controlplane.tcp-443", Level::Recommended, Status::Partial),
        finding("eks.fail", "eks.kubelet.controlplane-to-node.tcp-10250", Level::Minimum, Status::Fail),
        finding("eks.unknown", "eks.dns.node-to-node.udp-53", Level::Recommended, Status::Unknown),
        finding("eks.above", "eks.node-to-node.all", Level::Conformance, Status::Fail),
    ];
    let also = vec![finding("eks.also", "eks.dns.node-to-node.tcp-53", Level::Recommended, Status::Fail)];
    let partial = &mut findings[2];
    let mended = fix(partial.pairs);
    let (blocked, total) = (9, 9);
    let pairs = PairCounts { total, blocked, ..PairCounts::default() };
    partial.placement = vec![Placement { side: "from", kind: "node group", name: format!("batch {HOSTILE}"), pairs }];
    partial.fixes = vec![mended.clone(), mended];
    partial.mend = Mend::Found;
    partial.answers[0].asked.family = Some(Family::V4);
    findings[3].mend = Mend::Impossible;
    findings[4].remarks = vec![remark()];
    Audit { cluster: "demo".into(), findings, also, remarks: vec![Remark { resource: None, ..remark() }] }
}

fn with_report(level: Level, look: impl FnOnce(&Report<'_>)) {
    let network = network();
    let audit = audit(&network);
    look(&Report::of_audit(&network, &audit, level, "--snapshot demo", "demo"));
}

fn follows(schema: &str, document: &Value) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(schema);
    let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    // The pattern of SARIF's languages is no regular expression; none is written.
    for holder in ["run", "toolComponent"] {
        if let Some(language) = schema.pointer_mut(&format!("/definitions/{holder}/properties/language")) {
            language.as_object_mut().unwrap().remove("pattern");
        }
    }
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}\n{document:#}", errors.join("\n"));
}

#[test]
fn the_level_decides_the_exit_code() {
    with_report(Level::Recommended, |report| {
        assert_eq!(report.weighing().in_words(), "1 fail, 1 partial, 1 unknown, 1 pass, 1 not applicable");
        assert_eq!((report.status(), report.exit()), (Status::Fail, ExitCode::No));
    });
    with_report(Level::Minimum, |report| assert_eq!(report.exit(), ExitCode::No));
    let network = network();
    let mut audit = audit(&network);
    audit.findings.retain(|finding| finding.level == Level::Recommended || finding.status == Status::Pass);
    audit.findings.retain(|finding| finding.status != Status::Partial);
    let exit = |level| Report::of_audit(&network, &audit, level, "", "").exit();
    assert_eq!((exit(Level::Minimum), exit(Level::Recommended)), (ExitCode::Ok, ExitCode::Unknown));
}

#[test]
fn what_is_to_be_done_comes_first() {
    with_report(Level::Recommended, |report| {
        let order: Vec<&str> = report.ordered().iter().map(|entry| entry.id).collect();
        assert_eq!(order, ["eks.fail", "eks.partial", "eks.unknown", "eks.above", "eks.pass", "eks.nothing"]);
    });
    with_report(Level::Conformance, |report| {
        let order: Vec<&str> = report.ordered().iter().map(|entry| entry.id).collect();
        assert_eq!(order, ["eks.fail", "eks.above", "eks.partial", "eks.unknown", "eks.pass", "eks.nothing"]);
    });
}

#[test]
fn text_holds_no_control_character_and_says_what_to_do() {
    with_report(Level::Recommended, |report| {
        let text = text::render(report, true, 100);
        let bare: String = anstream::adapter::strip_str(&text).to_string();
        assert!(!bare.chars().any(|c| c.is_control() && c != '\n'), "{bare}");
        assert!(bare.starts_with("fail cluster demo, level recommended: 1 fail, 1 partial, 1 unknown"), "{bare}");
        // Lines are broken between words.
        let bare = bare.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "1 more finding above that level",
            "also asked about (it decides nothing)",
            "sg-1: let in tcp 443 from sg-2",
            "but sg-1 would have 61, and AWS's default is 60 (it can be raised)",
            "no change that reach knows of would make it pass",
            "18 of 27 pairs reachable, 9 blocked: all of node group batch a<b>",
            "reach query --snapshot demo --from node --to apiserver --port 443 --family ipv4",
            "\"AuthorizeSecurityGroupIngress\"",
            "nothing was applied",
        ] {
            assert!(bare.contains(part), "{part}: {bare}");
        }
        let short = text::render(report, false, 100);
        assert!(short.contains("and 1 another way"), "{short}");
    });
}

#[test]
fn markdown_lets_no_name_become_markup() {
    with_report(Level::Recommended, |report| {
        let page = markdown::render(report, true);
        assert!(page.starts_with("## **fail**: cluster `demo`, level recommended\n"), "{page}");
        for row in page.lines().skip_while(|line| !line.starts_with("| ---")).take_while(|line| line.starts_with('|')) {
            let bars = row.replace("\\|", "").matches('|').count();
            assert_eq!(bars, 6, "{row}");
        }
        assert!(!page.chars().any(|c| c.is_control() && c != '\n'), "{page}");
        // Raw angle brackets stand in code only.
        let outside = page.split("```").step_by(2).collect::<String>();
        let outside: String = outside.split('`').step_by(2).collect();
        assert!(!outside.replace("\\<", "").contains("<b"), "{outside}");
    });
}

#[test]
fn json_follows_its_schema() {
    with_report(Level::Recommended, |report| {
        let document: Value = serde_json::from_slice(&json::render(report).unwrap()).unwrap();
        follows("schemas/check.schema.json", &document);
        assert_eq!(document["findings"].as_array().unwrap().len(), 6);
        assert_eq!(document["findings"][2]["fixes"][0]["verified"], json!(true));
        let last = document["findings"][4]["reasons"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&last["code"], &last["leg"]), (&json!("EKS_CLUSTER_TAG_AMBIGUOUS"), &Value::Null));
    });
}

#[test]
fn sarif_follows_the_schema_of_oasis() {
    with_report(Level::Recommended, |report| {
        let log: Value = serde_json::from_slice(&sarif::render(report).unwrap()).unwrap();
        follows("tests/schemas/sarif-schema-2.1.0.json", &log);
        let results = log["runs"][0]["results"].as_array().unwrap();
        let told: Vec<_> = results
            .iter()
            .map(|result| (result["kind"].as_str().unwrap(), result["level"].as_str().unwrap()))
            .collect();
        assert_eq!(
            told,
            [
                ("pass", "none"),
                ("notApplicable", "none"),
                ("fail", "error"),
                ("fail", "error"),
                ("fail", "note"),
                ("fail", "warning"),
                ("fail", "warning"),
            ]
        );
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
        let mut prints = std::collections::BTreeSet::new();
        for result in results {
            let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
            assert_eq!(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], json!("demo"));
            assert!(prints.insert(result["partialFingerprints"].to_string()));
        }
        let blamed = results[3]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"].as_str().unwrap();
        assert!(blamed.starts_with("sg-"), "{blamed}");
        assert_eq!(log["runs"][0]["invocations"][0]["exitCode"], json!(1));
    });
}

/// An element with its attributes, by the names of those that hold it.
type Element = (Vec<String>, Vec<(String, String)>);

/// All elements; an error where it is no XML.
fn elements(xml: &str) -> Vec<Element> {
    let mut reader = Reader::from_str(xml);
    reader.config_mut().check_end_names = true;
    let (mut open, mut found) = (Vec::new(), Vec::new());
    loop {
        let event = reader.read_event().unwrap();
        if let Event::Start(tag) | Event::Empty(tag) = &event {
            let mut path = open.clone();
            path.push(tag.name().as_ref().to_owned());
            let attributes = tag.attributes().map(|attribute| {
                let attribute = attribute.unwrap();
                let key = attribute.key.as_ref().to_owned();
                (key, attribute.normalized_value(quick_xml::XmlVersion::Explicit1_0).unwrap().into_owned())
            });
            found.push((path.clone(), attributes.collect()));
            if matches!(event, Event::Start(_)) {
                open = path;
            }
        }
        match event {
            Event::End(_) => drop(open.pop()),
            Event::Eof => return found,
            _ => {}
        }
    }
}

/// What test runners' schemas allow of the elements that are used here: which attributes each may have and which it
/// must.
fn is_junit(elements: &[Element]) {
    for (path, attributes) in elements {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let (may, must): (&[&str], &[&str]) = match path[..] {
            ["testsuites"] => (&["name", "time", "tests", "failures", "errors"], &[]),
            ["testsuites", "testsuite"] => {
                (&["name", "tests", "failures", "errors", "skipped", "time"], &["name", "tests", "failures", "errors"])
            }
            ["testsuites", "testsuite", "testcase"] => (&["name", "classname", "time"], &["name", "classname"]),
            ["testsuites", "testsuite", "testcase", "failure" | "error" | "skipped"] => (&["type", "message"], &[]),
            _ => panic!("{path:?} is no element of JUnit"),
        };
        let names: Vec<&str> = attributes.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.iter().all(|name| may.contains(name)), "{path:?} {names:?}");
        assert!(must.iter().all(|name| names.contains(name)), "{path:?} {names:?}");
    }
}

#[test]
fn junit_is_xml_that_test_runners_read() {
    with_report(Level::Recommended, |report| {
        let xml = String::from_utf8(junit::render(report).unwrap()).unwrap();
        let elements = elements(&xml);
        is_junit(&elements);
        let count = |name: &str| elements.iter().filter(|(path, _)| path.last().unwrap() == name).count();
        assert_eq!([count("testcase"), count("failure"), count("error"), count("skipped")], [7, 2, 1, 3]);
        let suite = &elements[1].1;
        let totals: Vec<(&str, &str)> = suite.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            totals,
            [
                ("name", "reach check eks demo"),
                ("tests", "7"),
                ("failures", "2"),
                ("errors", "1"),
                ("skipped", "3"),
                ("time", "0"),
            ]
        );
        // What was written comes back, but for what XML has no way to write.
        let message = elements.iter().find(|(path, _)| path.last().unwrap() == "failure").unwrap().1[1].1.clone();
        let written = HOSTILE.replace(['\u{1b}', '\u{0}'], "\u{fffd}");
        assert!(message.ends_with(&written), "{message}");
    });
}
