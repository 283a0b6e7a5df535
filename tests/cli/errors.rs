//! Bad input: one clear message for everything that is wrong, exit 2, nothing on standard output.

use super::{Run, demo_without, files, reach, reach_in, reach_with_input};

fn refused(run: &Run) {
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{run}");
    assert!(!run.stderr.contains("panicked"), "{run}");
}

#[test]
fn ports_and_protocols_and_selectors_are_complained_of_together() {
    let run = reach("query --snapshot demo --from nobody --to node --port 70000 --source-port 9-5 --protocol sctp");
    refused(&run);
    insta::assert_snapshot!(run, @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: --port: `70000` is out of range 0-65535
    error: --source-port: range `9-5` is reversed
    error: --protocol: `sctp` is not a protocol: tcp, udp, icmp, icmpv6 or a number
    error: `nobody` is not a selector
    hint: `sctp` is protocol 132
    hint: candidates: `apiserver`, `aws/s3`, `controlplane`, `eni-…`, `i-…`, `internet`, `name/NAME`, `node`, `pod`, `tag/KEY=VALUE`
    ");
}

#[test]
fn parts_that_do_not_go_together() {
    insta::assert_snapshot!(reach("query --snapshot demo --from node --to node --port 443 --protocol icmp"), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: --port: a port needs protocol tcp or udp, and `icmp` has no ports
    ");
    insta::assert_snapshot!(reach("query --snapshot demo --from node --to node --icmp 8 --protocol tcp"), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: --icmp: an ICMP type needs protocol icmp or icmpv6, and the protocol is `tcp`
    ");
    insta::assert_snapshot!(reach("query --snapshot demo --from node --to node --icmp 8 --family ipv6 --protocol icmp"), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: --family: `icmp` is a protocol of IPv4; that of IPv6 is `icmpv6`
    ");
    insta::assert_snapshot!(reach("query --snapshot demo --from node --to node --batch - --port 443"), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: the argument '--from <SELECTOR>' cannot be used with '--batch <FILE>'

    Usage: reach query [OPTIONS] --from <SELECTOR> --to <SELECTOR>
           reach query [OPTIONS] --batch <FILE>

    For more information, try '--help'.
    ");
}

#[test]
fn a_service_that_is_not_known_is_guessed() {
    let run = reach("query --snapshot demo --from node --to node --port htpts");
    refused(&run);
    insta::assert_snapshot!(run, @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: --port: `htpts` is not a port, a range or the name of a service
    hint: did you mean `https`?
    ");
}

#[test]
fn a_selector_without_a_match_lists_candidates() {
    let run = reach("query --snapshot demo --from node/gpu --to node --port 443");
    refused(&run);
    insta::assert_snapshot!(run, @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `node/gpu` matches no running node of cluster `demo`
    hint: candidates: `node/batch`, `node/general`
    ");
}

#[test]
fn a_selector_that_stands_for_nobody_is_an_error() {
    let directory = files(&[
        ("vpcs.json", r#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]}"#),
        ("subnets.json", r#"{"Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.0.0/24"}]}"#),
        ("nobody.json", r#"{"Reservations": [], "NetworkInterfaces": []}"#),
    ]);
    let run = reach_in(directory.path(), "query --snapshot . --from 10.0.0.5 --to node --port 443");
    refused(&run);
}

#[test]
fn a_selector_whose_members_were_not_collected_is_unknown() {
    let directory = files(&[("vpcs.json", r#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]}"#)]);
    for selector in ["node", "tag/tier=web", "vpc-1", "i-0abc", "10.0.0.0/24"] {
        let run = reach_in(
            directory.path(),
            &format!("query --snapshot . --from internet/198.51.100.9 --to {selector} --port 443"),
        );
        let text = run.to_string();
        assert!(text.starts_with("exit code: 3"), "{selector}: {text}");
        assert!(text.contains("aws ec2 describe-"), "{selector}: {text}");
    }
}

#[test]
fn no_snapshot_is_given() {
    let run = reach("query --from node --to node");
    refused(&run);
    insta::assert_snapshot!(run, @r#"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: no snapshot is given
    hint: pass `--snapshot PATH`, set `REACH_SNAPSHOT`, or write `snapshot = "PATH"` into reach.toml; `--snapshot demo` is a cluster to try
    "#);
}

#[test]
fn a_path_that_is_not_there_or_holds_nothing() {
    let run = reach("query --snapshot nowhere --from node --to node --port 70000");
    refused(&run);
    insta::assert_snapshot!(run, @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: --port: `70000` is out of range 0-65535
    error: nowhere: no such file or directory
    ");
    let directory = files(&[("notes/readme.txt", "no JSON here")]);
    let run = reach_in(directory.path(), "snapshot validate notes");
    refused(&run);
    assert!(
        run.stderr.starts_with("error: notes: no AWS answers found\nhint: an AWS answer is a JSON object"),
        "{run}"
    );
}

#[test]
fn every_problem_of_every_file_is_named_with_file_and_path() {
    let directory = files(&[
        ("aws/broken.json", "{\"Vpcs\": [}"),
        ("aws/types.json", r#"{"SecurityGroups": [{"GroupId": "sg-1", "IpPermissions": [{"FromPort": "x"}]}]}"#),
    ]);
    let run = reach_in(directory.path(), "snapshot validate aws");
    refused(&run);
    insta::assert_snapshot!(run, @r#"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: aws/broken.json: line 1, column 11: expected value
    error: aws/types.json: SecurityGroups[0].IpPermissions[0].FromPort: invalid type: string "x", expected a number
    "#);
}

#[test]
fn content_that_cannot_be_is_named_with_file_and_path() {
    let directory = files(&[
        (
            "aws/sg.json",
            r#"{"SecurityGroups": [{"GroupId": "sg-1", "VpcId": "vpc-1", "IpPermissionsEgress": [], "IpPermissions": [
                {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 80, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
                {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/33"}]},
                {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 70000, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]}]}"#,
        ),
        ("aws/vpcs.json", r#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}]}"#),
    ]);
    let run = reach_in(directory.path(), "query --snapshot aws --from node --to node --port 443");
    refused(&run);
    insta::assert_snapshot!(run, @r#"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: aws/sg.json: SecurityGroups[0].IpPermissions[0].FromPort: 443 is greater than ToPort 80
    error: aws/sg.json: SecurityGroups[0].IpPermissions[1].IpRanges[0].CidrIp: "10.0.0.0/33" is not a CIDR
    error: aws/sg.json: SecurityGroups[0].IpPermissions[2].ToPort: 70000 is not a port (0-65535)
    "#);
}

#[test]
fn files_that_contradict_each_other_are_an_error() {
    let subnet =
        |cidr: &str| format!(r#"{{"Subnets": [{{"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "{cidr}"}}]}}"#);
    let (one, other) = (subnet("10.0.0.0/24"), subnet("10.0.1.0/24"));
    let directory = files(&[("aws/one.json", &one), ("aws/other.json", &other)]);
    let run = reach_in(directory.path(), "snapshot validate aws");
    refused(&run);
    insta::assert_snapshot!(run, @r#"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: aws/other.json: Subnets[0].CidrBlock: `subnet-1` is given twice with different content: "10.0.1.0/24" here, "10.0.0.0/24" in aws/one.json: Subnets[0]
    hint: keep the newer of two answers to the same call, remove the other
    "#);
}

#[test]
fn a_batch_that_is_not_there() {
    let run = reach("query --snapshot demo --batch questions.jsonl");
    refused(&run);
    insta::assert_snapshot!(run, @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: questions.jsonl: no such file or directory
    ");
    let run = reach_with_input("query --snapshot - --batch -", "");
    refused(&run);
    let run = reach_with_input("query --snapshot demo --batch - --output dot", "");
    refused(&run);
}

#[test]
fn a_flag_that_does_not_exist_is_guessed() {
    let run = reach("query --form node");
    refused(&run);
    assert!(run.stderr.contains("a similar argument exists: '--from'"), "{run}");
}

#[test]
fn what_cannot_be_written_is_a_failure_of_its_own() {
    let run = reach("snapshot pack demo -o nowhere/demo.json");
    assert_eq!((run.code, run.stdout.as_str()), (Some(4), ""));
    insta::assert_snapshot!(run.stderr, @"error: `nowhere/demo.json` cannot be written: no such file or directory");
}

#[test]
fn a_collection_that_was_not_collected_is_unknown_and_named() {
    let directory = demo_without(&["describe-network-acls"]);
    let run = reach_in(directory.path(), "query --snapshot demo-copy --from node/general --to 10.0.98.21 --port 443");
    assert_eq!(run.code, Some(3), "{run}");
    let run = reach_in(directory.path(), "query --snapshot demo-copy --from 10.0.40.10 --to 10.0.98.21 --port 443");
    assert_eq!(run.code, Some(3), "{run}");
    insta::assert_snapshot!(run, @r"
    exit code: 3
    ----- stdout -----
    unknown 10.0.40.10 -> 10.0.98.21, tcp 443
    forward unknown, return unknown

      why      both ways: subnet-0de000000000a0032 cannot be judged: `aws ec2 describe-network-acls` is
               not in the snapshot (the same for subnet-0de000000000c0096)
               NOT_COLLECTED NA-1 · look at subnet-0de000000000a0032
               run aws ec2 describe-network-acls
      from     demo-general-1 (10.0.40.10)
      to       Amazon EKS demo (10.0.98.21)
      path     tcp 10.0.40.10:32768 -> 10.0.98.21:443
        sg egress     allowed  sgr-0de000000c1057e01 (all to 0.0.0.0/0)
        nacl egress   UNKNOWN  subnet-0de000000000a0032
        route         allowed  rtb-0de00000000000a00 10.0.0.0/16 (to local)
        nacl ingress  UNKNOWN  subnet-0de000000000c0096
        sg ingress    allowed  sgr-0de000000c1057a01 (all from sg-0de000000000c1057)
      reply    tcp 10.0.98.21:443 -> 10.0.40.10:32768
        nacl egress   UNKNOWN  subnet-0de000000000c0096
        route         allowed  rtb-0de00000000000c00 10.0.0.0/16 (to local)
        nacl ingress  UNKNOWN  subnet-0de000000000a0032
    ----- stderr -----
    ");
}

#[test]
fn what_a_file_holds_cannot_command_the_terminal() {
    let directory = files(&[("aws/vpcs.json", r#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "\u001b[2J"}]}"#)]);
    let run = reach_in(directory.path(), "snapshot validate aws");
    refused(&run);
    assert!(!run.stderr.contains('\u{1b}'), "{run}");
}
