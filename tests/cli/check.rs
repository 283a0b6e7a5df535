//! `reach check`: the audit of a cluster, and policies.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{demo_without, files, finish, program, reach, reach_in, reach_with_input};

fn document(run: &super::Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}\n{run}"))
}

fn policies() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/policies");
    let mut paths: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[test]
fn the_audit_of_the_demo_finds_its_fault() {
    let run = reach("check eks --snapshot demo --no-fixes");
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""), "{run}");
    let first = run.stdout.lines().next().unwrap();
    assert!(first.starts_with("fail cluster demo, level recommended: "), "{first}");
    for part in ["all of node group batch fail", "no ingress rule of sg-", "look at the ingress rules of sg-"] {
        assert!(run.stdout.contains(part), "{part}: {run}");
    }
    // What is to be done stands above what is in order, and that has one line each.
    let position = |line: &str| run.stdout.lines().position(|l| l.starts_with(line)).unwrap_or(usize::MAX);
    assert!(position("partial ") < position("pass "), "{run}");
    assert!(position("pass ") < position("n/a "), "{run}");
    let document = document(&reach("check eks --snapshot demo --no-fixes --output json"));
    let count = |status: &str| document["counts"][status].as_u64().unwrap();
    let lines = |word: &str| run.stdout.lines().filter(|line| line.starts_with(word)).count() as u64;
    assert_eq!((lines("pass "), lines("n/a ")), (count("pass"), count("not_applicable")));
    assert_eq!(document["findings"].as_array().unwrap().len() as u64, count("total"));
}

#[test]
fn the_level_decides_the_exit_code_and_nothing_else() {
    let findings = |level: &str| {
        let run = reach(&format!("check eks --snapshot demo --no-fixes --output json --level {level}"));
        let document = document(&run);
        assert_eq!(document["level"], json!(level));
        (run.code, document["findings"].clone())
    };
    assert_eq!(findings("minimum").1, findings("conformance").1);
    assert_eq!(findings("Minimum".to_lowercase().as_str()).0, Some(1));
}

#[test]
fn every_form_of_the_report_is_quiet_when_asked_and_ends_alike() {
    for form in ["text", "json", "markdown", "sarif", "junit"] {
        let run = reach(&format!("check eks --snapshot demo --no-fixes --output {form}"));
        assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""), "{run}");
        let again = reach(&format!("check eks --snapshot demo --no-fixes --output {form}"));
        assert_eq!(run, again);
        let quiet = reach(&format!("check eks --snapshot demo --no-fixes --output {form} -q"));
        assert_eq!((quiet.code, quiet.stdout.as_str(), quiet.stderr.as_str()), (Some(1), "", ""));
    }
}

#[test]
fn a_finding_can_be_asked_again_as_the_report_says() {
    let run = reach("check eks --snapshot demo --no-fixes");
    let commands: Vec<&str> =
        run.stdout.lines().filter_map(|line| line.split_once("reach query ")).map(|p| p.1).collect();
    assert!(commands.len() > 3, "{run}");
    for command in commands {
        let run = reach(&format!("query {command}"));
        assert_eq!(run.code, Some(1), "{command}: {run}");
    }
}

#[test]
fn several_clients_are_one_finding_and_are_told_apart() {
    let words = "check eks --snapshot demo --no-fixes --client 10.0.40.10 --client node/batch --level minimum";
    let run = reach(words);
    for part in [
        "node/batch -> apiserver, tcp 443: 0 of 9 pairs reachable, 9 blocked",
        "reach query --snapshot demo --from node/batch --to apiserver --port 443",
    ] {
        assert!(run.stdout.contains(part), "{part}: {run}");
    }
    let document = document(&reach(&format!("{words} --output json")));
    let finding =
        document["findings"].as_array().unwrap().iter().find(|f| f["id"].as_str().unwrap().contains("client"));
    let finding = finding.unwrap();
    assert_eq!((&finding["status"], finding["answers"].as_array().unwrap().len()), (&json!("partial"), 2));
}

#[test]
fn the_form_of_answers_is_that_of_reports_where_they_have_it() {
    let directory = files(&[("reach.toml", "snapshot = \"demo\"\noutput = \"jsonl\"\n")]);
    let run = reach_in(directory.path(), "check eks --no-fixes");
    assert_eq!(document(&run)["schema"], json!("reach.check/1"));
    let run = reach_in(directory.path(), "check eks --no-fixes --output junit");
    assert!(run.stdout.starts_with("<?xml"), "{run}");
    fs::write(directory.path().join("reach.toml"), "snapshot = \"demo\"\noutput = \"dot\"\n").unwrap();
    assert!(reach_in(directory.path(), "check eks --no-fixes").stdout.starts_with("fail cluster demo"));
}

#[test]
fn which_cluster_is_meant_must_be_clear() {
    insta::assert_snapshot!(reach("check eks --snapshot demo --cluster dmo"), @"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: no cluster named `dmo` is in the snapshot
    hint: candidates: `demo`
    ");
    let directory = demo_without(&["eks-", "describe-instances", "describe-network-interfaces"]);
    insta::assert_snapshot!(reach_in(directory.path(), "check eks --snapshot demo-copy"), @"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: the snapshot holds no EKS cluster
    hint: `aws eks describe-cluster` describes one; `reach snapshot script` collects everything
    ");
    let directory = demo_without(&[]);
    let described = fs::read_to_string(directory.path().join("demo-copy/eks-describe-cluster-demo.json")).unwrap();
    fs::write(
        directory.path().join("demo-copy/second.json"),
        described.replace("\"demo\"", "\"second\"").replace("cluster/demo", "cluster/second"),
    )
    .unwrap();
    insta::assert_snapshot!(reach_in(directory.path(), "check eks --snapshot demo-copy"), @"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: the snapshot holds 2 clusters: `--cluster` says which one to check
    hint: candidates: `demo`, `second`
    ");
    let run = reach_in(directory.path(), "check eks --snapshot demo-copy --cluster demo --no-fixes");
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("reach query --snapshot demo-copy --cluster demo --from"), "{run}");
}

#[test]
fn what_does_not_go_together_is_refused() {
    insta::assert_snapshot!(reach("check policy.toml --snapshot demo --level minimum --client internet"), @"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `--level`, `--client` belong to `reach check eks`, and `policy.toml` is a policy
    ");
    insta::assert_snapshot!(reach("check esk --snapshot demo"), @"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: esk: no such file or directory
    hint: `reach check eks` audits a cluster, `reach check FILE` a policy
    ");
    insta::assert_snapshot!(reach("check - --snapshot -"), @"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: the policy and `--snapshot` cannot both read standard input
    ");
    assert_eq!(reach("check").code, Some(2));
    let run = reach("check eks --snapshot demo --also nothing-known");
    assert_eq!(run.code, Some(2), "{run}");
    let run = reach("check eks --snapshot demo --client nobody");
    assert_eq!(run.code, Some(2), "{run}");
}

#[test]
fn what_the_snapshot_lacks_is_unknown_and_never_green() {
    let directory = demo_without(&["describe-security-group"]);
    let run = reach_in(directory.path(), "check eks --snapshot demo-copy --no-fixes --level minimum");
    assert!(matches!(run.code, Some(1 | 3)), "{run}");
    assert!(run.stdout.contains("unknown"), "{run}");
    assert!(run.stdout.contains("run aws ec2 describe-security-groups"), "{run}");
}

#[test]
fn the_policies_of_the_fixtures_say_how_they_end() {
    assert_eq!(policies().len(), 2);
    for path in policies() {
        let text = fs::read_to_string(&path).unwrap();
        let code = text.lines().next().and_then(|line| line.rsplit_once("exit ")).unwrap().1;
        let code: i32 = code.trim_end_matches('.').parse().unwrap();
        for engine in ["compiled", "both"] {
            let directory = tempfile::tempdir().unwrap();
            let arguments = ["check", path.to_str().unwrap(), "--snapshot", "demo", "--engine", engine];
            let run = finish(program(directory.path()).args(arguments));
            assert_eq!((run.code, run.stderr.as_str()), (Some(code), ""), "{}: {run}", path.display());
        }
    }
}

#[test]
fn the_document_about_policies_shows_policies() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/POLICIES.md")).unwrap();
    let blocks: Vec<&str> = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 1);
    for block in blocks {
        let run = reach_with_input("check - --snapshot demo", block);
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{run}");
    }
}

#[test]
fn a_policy_that_does_not_hold_says_why() {
    let policy = "\
description = \"An example\"

[[expect]]
name = \"api\"
from = \"node/batch\"
to = \"controlplane\"
port = 443
verdict = \"reachable\"
why = \"nodes register\"

[[expect]]
from = \"node\"
to = \"internet\"
port = \"https\"
verdict = \"blocked\"

[[expect]]
from = \"internet\"
to = \"node\"
port = 22
verdict = \"blocked\"
";
    let directory = files(&[("policy.toml", policy)]);
    insta::assert_snapshot!(reach_in(directory.path(), "check policy.toml --snapshot demo --no-fixes"), @"
    exit code: 1
    ----- stdout -----
    fail policy.toml: 1 of 3 as expected, 2 not
    An example

    fail       api
               node/batch -> controlplane, tcp 443
      verdict  expected reachable, is blocked (line 3)
      because  nodes register
      pairs    0 of 9 pairs reachable, 9 blocked
      why      no ingress rule of sg-0de000000000c1057 (eni-0de0000000a002215) admits tcp 443 from
               10.0.48.10 (sg-0de000000000ba7c0)
               ENI_SG_RULES_MISMATCH SG-1 · look at the ingress rules of sg-0de000000000c1057
      from     demo-batch-1 (10.0.48.10), demo-batch-2 (10.0.80.10), demo-batch-3 (10.0.112.10)
      to       Amazon EKS demo (10.0.34.21, 10.0.66.21, 10.0.98.21)
      ask      reach query --snapshot demo --from node/batch --to controlplane --port 443

    fail       expect.2
               node -> internet, tcp https (https)
      verdict  expected blocked, is reachable (line 11)
      pairs    9 of 9 pairs reachable
      admitted by sgr-0de000000c1057e01 (all to 0.0.0.0/0)
      from     demo-general-1 (10.0.40.10), demo-general-2 (10.0.41.10), demo-general-3 (10.0.72.10),
               demo-general-4 (10.0.73.10), demo-general-5 (10.0.104.10), demo-general-6 (10.0.105.10),
               … and 3 more
      to       internet
      ask      reach query --snapshot demo --from node --to internet --port https

    pass  expect.3  internet -> node, tcp 22: blocked
    ----- stderr -----
    ");
    let document = document(&reach_in(directory.path(), "check policy.toml --snapshot demo --no-fixes --output json"));
    let told: Vec<_> = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| [&f["id"], &f["status"], &f["expected"], &f["verdict"], &f["line"]].map(ToString::to_string).join(" "))
        .collect();
    assert_eq!(
        told,
        [
            r#""api" "fail" "reachable" "blocked" 3"#,
            r#""expect.2" "fail" "blocked" "reachable" 11"#,
            r#""expect.3" "pass" "blocked" "blocked" 17"#,
        ]
    );
    assert!(!document["findings"][1]["admitted_by"].as_array().unwrap().is_empty(), "{document:#}");
    let sarif = reach_in(directory.path(), "check policy.toml --snapshot demo --no-fixes --output sarif");
    let log: Value = serde_json::from_str(&sarif.stdout).unwrap();
    let place = &log["runs"][0]["results"][1]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], json!("policy.toml"));
    assert_eq!(place["region"], json!({"startLine": 11, "startColumn": 1}));
}

#[test]
fn unknown_is_judged_apart() {
    let directory = demo_without(&["describe-network-acls"]);
    let expect = |port: u16, verdict: &str| {
        format!("[[expect]]\nfrom = \"node/general\"\nto = \"controlplane\"\nport = {port}\nverdict = \"{verdict}\"\n")
    };
    let check = |policy: &str| {
        fs::write(directory.path().join("p.toml"), policy).unwrap();
        reach_in(directory.path(), "check p.toml --snapshot demo-copy").code
    };
    assert_eq!(check(&expect(443, "reachable")), Some(3));
    assert_eq!(check(&expect(443, "unknown")), Some(0));
    let other = "[[expect]]\nfrom = \"node/batch\"\nto = \"controlplane\"\nport = 443\nverdict = \"unknown\"\n";
    assert_eq!(check(&(expect(443, "reachable") + other)), Some(1));
}

#[test]
fn all_that_is_wrong_with_a_policy_is_told_at_once() {
    let policy = "\
[[expect]]
from = \"nod\"
to = \"internet\"
protcol = \"tcp\"
port = \"htps\"
verdict = \"blocked\"

[[expect]]
from = \"node\"
to = \"name/nobody\"
verdict = \"maybe\"
";
    let directory = files(&[("policy.toml", policy)]);
    insta::assert_snapshot!(reach_in(directory.path(), "check policy.toml --snapshot demo"), @"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: policy.toml:2:8: `nod` is not a selector
    error: policy.toml:4:1: unknown key `protcol`, expected one of `from`, `to`, `protocol`, `port`, `source_port`, `icmp`, `family`, `cluster`, `verdict`, `why`, `name`
    error: policy.toml:5:8: port: `htps` is not a port, a range or the name of a service
    error: policy.toml:10:6: `name/nobody` matches nothing in the snapshot
    error: policy.toml:11:11: `maybe` is no verdict: `reachable`, `blocked`, `partial` or `unknown`
    hint: line 1: did you mean `https`?
    hint: candidates for line 2: `apiserver`, `aws/s3`, `controlplane`, `eni-…`, `i-…`, `internet`, `name/NAME`, `node`, `pod`, `tag/KEY=VALUE`
    hint: candidates for line 10: `apiserver`, `aws/s3`, `controlplane`, `eni-…`, `i-…`, `internet`, `name/NAME`, `node`, `pod`, `tag/KEY=VALUE`
    ");
    let lone = "[[expect]]\nfrom = \"10.0.40.10\"\nto = \"10.0.40.10\"\nverdict = \"blocked\"\n[[expect]]\nfrom = \
                \"controlplane\"\nto = \"node\"\nicmp = \"300\"\nverdict = \"blocked\"\n";
    fs::write(directory.path().join("lone.toml"), lone).unwrap();
    insta::assert_snapshot!(reach_in(directory.path(), "check lone.toml --snapshot demo"), @"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: lone.toml:8:8: icmp: `300` is out of range 0-255
    ");
    // The snapshot's problems are told with the policy's.
    let run = reach_in(directory.path(), "check policy.toml --snapshot nowhere");
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("nowhere") && run.stderr.contains("policy.toml:4:1"), "{run}");
}
