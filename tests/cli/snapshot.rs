//! `reach snapshot`.

use serde_json::Value;

use super::{demo_without, files, reach, reach_in, reach_with_input};

#[test]
fn info_counts_and_covers() {
    insta::assert_snapshot!(reach("snapshot info demo"), @r"
    exit code: 0
    ----- stdout -----
    49 files
           1  VPCs                          aws ec2 describe-vpcs
           6  subnets                       aws ec2 describe-subnets
           5  route tables                  aws ec2 describe-route-tables
           1  network ACLs                  aws ec2 describe-network-acls
           5  security groups               aws ec2 describe-security-groups
          11  security group rules          aws ec2 describe-security-group-rules
          34  network interfaces            aws ec2 describe-network-interfaces
          10  instances                     aws ec2 describe-instances
           1  internet gateways             aws ec2 describe-internet-gateways
           3  NAT gateways                  aws ec2 describe-nat-gateways
           4  Elastic IP addresses          aws ec2 describe-addresses
           5  VPC endpoints                 aws ec2 describe-vpc-endpoints
           4  prefix lists                  aws ec2 describe-managed-prefix-lists
           2  prefix lists with entries     aws ec2 get-managed-prefix-list-entries
           2  VPC attributes                aws ec2 describe-vpc-attribute
           1  DHCP option sets              aws ec2 describe-dhcp-options
           1  block public access settings  aws ec2 describe-vpc-block-public-access-options
           1  EKS clusters                  aws eks describe-cluster
           2  node groups                   aws eks describe-nodegroup
           1  add-ons                       aws eks describe-addon

    coverage
      account and Region not named  46 calls complete
    ----- stderr -----
    ");
}

#[test]
fn info_says_what_is_missing_for_which_question_and_how_to_get_it() {
    let directory =
        demo_without(&["describe-network-acls", "describe-nat-gateways", "describe-dhcp", "describe-vpn-g"]);
    insta::assert_snapshot!(reach_in(directory.path(), "snapshot info demo-copy"), @r"
    exit code: 0
    ----- stdout -----
    45 files
           1  VPCs                          aws ec2 describe-vpcs
           6  subnets                       aws ec2 describe-subnets
           5  route tables                  aws ec2 describe-route-tables
           5  security groups               aws ec2 describe-security-groups
          11  security group rules          aws ec2 describe-security-group-rules
          34  network interfaces            aws ec2 describe-network-interfaces
          10  instances                     aws ec2 describe-instances
           1  internet gateways             aws ec2 describe-internet-gateways
           4  Elastic IP addresses          aws ec2 describe-addresses
           5  VPC endpoints                 aws ec2 describe-vpc-endpoints
           4  prefix lists                  aws ec2 describe-managed-prefix-lists
           2  prefix lists with entries     aws ec2 get-managed-prefix-list-entries
           2  VPC attributes                aws ec2 describe-vpc-attribute
           1  block public access settings  aws ec2 describe-vpc-block-public-access-options
           1  EKS clusters                  aws eks describe-cluster
           2  node groups                   aws eks describe-nodegroup
           1  add-ons                       aws eks describe-addon

    coverage
      account and Region not named  42 calls complete

    missing: every answer that passes through it is unknown
      - ec2 describe-network-acls: not collected
        needed for anything between two subnets or to the outside
        run aws ec2 describe-network-acls

    missing: answers that meet one of these are unknown
      - ec2 describe-nat-gateways: not collected for nat-0de00000000000a00, nat-0de00000000000b00,
        nat-0de00000000000c00
        needed for anything through a NAT gateway (node to the internet from a private subnet)
        run aws ec2 describe-nat-gateways

    missing: AWS's default is assumed, and answers say so
      - ec2 describe-dhcp-options: not collected
        needed for apiserver as an end (node to apiserver, client to apiserver); aws/… (node to ecr.api,
        s3, sts, …)
        run aws ec2 describe-dhcp-options

    not collected, and nothing in the snapshot refers to it
      ec2 describe-vpn-gateways
    ----- stderr -----
    ");
}

#[test]
fn validate_is_short_where_all_is_well() {
    insta::assert_snapshot!(reach("snapshot validate demo"), @r"
    exit code: 0
    ----- stdout -----
    ok: 49 files
    ----- stderr -----
    ");
    let run = reach("snapshot validate demo -q");
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(0), "", ""));
}

#[test]
fn a_packed_snapshot_gives_the_same_answers() {
    let directory = demo_without(&[]);
    for file in ["packed.json", "packed.json.zst"] {
        let run = reach_in(directory.path(), &format!("snapshot pack demo-copy -o {file}"));
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(0), "", ""));
        let question = "--from node --to controlplane --port 443 --output json";
        let packed = reach_in(directory.path(), &format!("query --snapshot {file} {question}"));
        assert_eq!(packed, reach(&format!("query --snapshot demo {question}")), "{file}");
    }
    let size = |file: &str| std::fs::metadata(directory.path().join(file)).unwrap().len();
    assert!(size("packed.json.zst") * 5 < size("packed.json"));
    let magic = std::fs::read(directory.path().join("packed.json.zst")).unwrap();
    assert!(magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
}

#[test]
fn packing_is_deterministic_and_works_on_words() {
    let demo = reach("snapshot pack demo -o -");
    assert_eq!(demo.code, Some(0));
    assert_eq!(demo, reach("snapshot pack demo -o -"));
    let directory = demo_without(&[]);
    assert_eq!(reach_in(directory.path(), "snapshot pack demo-copy -o -").stdout, demo.stdout);
    let again = reach_with_input("snapshot pack - -o -", &demo.stdout);
    assert_eq!(again.code, Some(0));
    assert_eq!(again.stdout.lines().count(), demo.stdout.lines().count());
}

#[test]
fn several_snapshots_are_merged() {
    let directory = files(&[(
        "more/vpcs.json",
        r#"{"Vpcs": [{"VpcId": "vpc-0f00000000000001", "CidrBlock": "172.20.0.0/16", "OwnerId": "999988887777"}]}"#,
    )]);
    let run = reach_in(directory.path(), "snapshot info demo more");
    assert!(run.stdout.contains("2  VPCs"), "{run}");
    let run = reach_in(directory.path(), "snapshot info --snapshot more --snapshot demo");
    assert!(run.stdout.contains("2  VPCs"), "{run}");
}

#[test]
fn script_is_a_shell_script() {
    let run = reach("snapshot script");
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert!(run.stdout.starts_with("#!/bin/sh\n"));
    assert!(run.stdout.contains("aws ec2 describe-security-groups"));
}

/// A document of these records.
fn document(records: &str) -> tempfile::TempDir {
    files(&[("snap.json", &format!("{{\"schema\": \"reach.snapshot/1\", \"calls\": [{records}]}}"))])
}

#[test]
fn validate_prints_all_problems_of_a_document() {
    let directory = document(
        r#"{"call": "ec2 describe-vpcs", "status": "complete"},
        {"call": "ec2 describe-vpcs", "status": "perhaps", "answer": {"Vpcs": []}},
        {"call": "ec2 describe-vpcs", "status": "complete", "time": "yesterday", "answer": {"Vpcs": []}},
        {"call": "ec2 describe-vpcs", "status": "complete", "answer": []},
        {"call": 7, "status": "denied"}"#,
    );
    insta::assert_snapshot!(reach_in(directory.path(), "snapshot validate snap.json"), @r#"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: snap.json: calls[0].answer: is missing
    error: snap.json: calls[1].status: unknown variant `perhaps`, expected one of `complete`, `truncated`, `denied`, `failed`, `not_collected`
    error: snap.json: calls[2].time: "yesterday" is not a time in the form of RFC 3339
    error: snap.json: calls[3].answer: is not an object
    error: snap.json: calls[4].call: invalid type: number 7, expected a string
    hint: a time is written like 2026-11-24T17:41:41Z
    "#);
}

#[test]
fn validate_prints_the_problems_of_all_documents() {
    let directory = files(&[
        ("new.json", r#"{"schema": "reach.snapshot/2", "calls": []}"#),
        ("odd.json", r#"{"schema": "reach.snapshot/1", "created": "now", "calls": []}"#),
        ("cut.json", r#"{"schema": "reach.snapshot/1", "calls": ["#),
        ("sg.json", r#"{"SecurityGroups": [{"GroupId": 5}]}"#),
    ]);
    let run = reach_in(directory.path(), "snapshot validate .");
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    for line in [
        "cut.json: line 1, column",
        "new.json: schema: `reach.snapshot/2` is not supported: this version of reach reads `reach.snapshot/1`",
        "odd.json: created: \"now\" is not a time in the form of RFC 3339",
        "sg.json: SecurityGroups[0].GroupId: invalid type",
    ] {
        assert!(run.stderr.contains(line), "{line}\n{run}");
    }
}

#[test]
fn a_call_of_a_newer_version_is_warned_about() {
    let directory = document(
        r#"{"call": "ec2 describe-moons", "status": "complete", "answer": {"Moons": [{"MoonId": "moon-1"}]}},
        {"call": "ec2 describe-vpcs", "status": "complete", "answer": {"Vpcs": []}}"#,
    );
    insta::assert_snapshot!(reach_in(directory.path(), "snapshot validate snap.json"), @r"
    exit code: 0
    ----- stdout -----
    ok: 2 files, 1 warning
    ----- stderr -----
    warning: snap.json: calls[0].call: `ec2 describe-moons` is not read
    ");
}

#[test]
fn a_long_time_between_calls_is_warned_about() {
    let at = |first: &str, last: &str| {
        document(&format!(
            r#"{{"call": "ec2 describe-vpcs", "status": "complete", "time": "{last}", "answer": {{"Vpcs": []}}}},
            {{"call": "ec2 describe-subnets", "status": "complete", "time": "{first}", "answer": {{"Subnets": []}}}}"#
        ))
    };
    let long = at("2026-11-24T08:00:00Z", "2026-11-24T10:15:01+01:00");
    let run = reach_in(long.path(), "snapshot validate snap.json");
    let warning = "the calls were made over 1 h 15 min, from 2026-11-24T08:00:00Z to 2026-11-24T10:15:01+01:00";
    assert!(run.stderr.contains(warning), "{run}");
    let summary: Value =
        serde_json::from_str(&reach_in(long.path(), "snapshot info snap.json --output json").stdout).unwrap();
    assert_eq!((&summary["span"]["seconds"], &summary["span"]["long"]), (&4501.into(), &true.into()));
    let run = reach_in(long.path(), "snapshot info snap.json --summary");
    assert!(run.stdout.contains("time from the first call to the last: 1 h 15 min\nwarnings: 1\n"), "{run}");
    let short = at("2026-11-24T08:00:00Z", "2026-11-24T08:15:00Z");
    let run = reach_in(short.path(), "snapshot info snap.json");
    assert!(run.stdout.contains("the calls were made over 15 min, from") && !run.stdout.contains("warning"), "{run}");
}

#[test]
fn the_summary_for_tickets_names_nobody() {
    let directory = document(
        r#"{"account": "123456789012", "region": "eu-west-1", "call": "ec2 describe-vpcs", "status": "complete",
            "answer": {"Vpcs": [{"VpcId": "vpc-0123456789abcdef0", "CidrBlock": "10.0.0.0/16"}]}},
        {"account": "123456789012", "region": "eu-west-1", "call": "ec2 describe-subnets", "status": "denied",
            "error_code": "UnauthorizedOperation"},
        {"account": "123456789012", "region": "eu-west-1", "call": "ec2 describe-addresses", "status": "failed",
            "error_code": "payments of 123456789012"}"#,
    );
    let run = reach_in(directory.path(), "snapshot info snap.json --summary");
    insta::assert_snapshot!(run, @r"
    exit code: 0
    ----- stdout -----
    reach 0.1.0, reach.snapshot/1
    resources: 1 VPCs
    read: 1 answer, 1 named account, 1 named Region
    complete: 1 call
    denied (UnauthorizedOperation): ec2 describe-subnets
    failed (another code): ec2 describe-addresses
    not collected: ec2 describe-dhcp-options, ec2 describe-network-acls, ec2 describe-network-interfaces, ec2 describe-route-tables, ec2 describe-security-groups, ec2 describe-vpc-attribute, ec2 describe-vpc-block-public-access-exclusions, ec2 describe-vpc-block-public-access-options
    time from the first call to the last: not told
    warnings: 0
    ----- stderr -----
    ");
}

#[test]
fn the_iam_policy_is_json_with_a_statement_for_each_service() {
    let run = reach("snapshot iam-policy");
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    let policy: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(policy["Version"], "2012-10-17");
    let ids: Vec<&str> = policy["Statement"].as_array().unwrap().iter().map(|s| s["Sid"].as_str().unwrap()).collect();
    assert_eq!(ids, ["Ec2Read", "ElbRead", "EksRead"]);
    // What the script asks of AWS is allowed, but for classic load balancers.
    let allowed = run.stdout.to_ascii_lowercase();
    let script = reach("snapshot script").stdout;
    let words: Vec<&str> = script.split_whitespace().collect();
    let mut asked = 0;
    for call in words.windows(3).filter(|words| words[0] == "aws" && ["ec2", "eks", "elbv2"].contains(&words[1])) {
        let service = if call[1] == "elbv2" { "elasticloadbalancing" } else { call[1] };
        let action = format!("\"{service}:{}\"", call[2].replace('-', ""));
        // Launch templates are listed to ask for their versions.
        if call[2] == "describe-launch-templates" {
            continue;
        }
        asked += 1;
        assert!(allowed.contains(&action), "{action}");
    }
    assert!(asked > 40, "{asked}");
}

#[test]
fn version_1_of_the_document_stays_readable() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/snapshots/v1.json");
    let ask = |words: &str| {
        let run = reach(&format!("query --snapshot {file} {words} --output json"));
        serde_json::from_str::<Value>(&run.stdout).unwrap_or_else(|_| panic!("{run}"))
    };
    // Both pages of the groups, arguments of a call, a denied call, one that is not read.
    for (words, verdict) in [
        ("--from 10.1.1.10 --to 10.1.2.10 --port 5432", "reachable"),
        ("--from i-00000000000000001 --to name/db --port 6379", "reachable"),
        ("--from 10.1.1.10 --to 10.1.2.10 --port 22", "blocked"),
        ("--from 10.1.2.10 --to 10.1.1.10 --port 443", "blocked"),
        ("--from name/web --to internet --port 443", "unknown"),
    ] {
        assert_eq!(ask(words)["verdict"], verdict, "{words}");
    }
    let unknown = ask("--from name/web --to internet --port 443").to_string();
    assert!(unknown.contains("aws ec2 describe-nat-gateways"), "{unknown}");
    let run = reach(&format!("snapshot info {file} --output json"));
    let summary: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(summary["created"], "2026-11-24T08:00:00Z");
    let states = &summary["scopes"].as_array().unwrap().last().unwrap()["calls"];
    let state = |call: &str| {
        let states = states.as_array().unwrap().iter();
        states.clone().find(|state| state["call"] == call).map(|state| state["status"].as_str().unwrap().to_owned())
    };
    assert_eq!(state("ec2 describe-nat-gateways").as_deref(), Some("denied"));
    assert_eq!(state("ec2 describe-transit-gateways").as_deref(), Some("failed"));
    assert_eq!(state("ec2 describe-vpn-gateways"), None);
}
