//! `reach snapshot`.

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
      account and Region not named  45 calls complete
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
      account and Region not named  41 calls complete

    missing: every answer that passes through it is unknown
      - ec2 describe-network-acls: not collected
        run aws ec2 describe-network-acls

    missing: answers that meet one of these are unknown
      - ec2 describe-nat-gateways: not collected for nat-0de00000000000a00, nat-0de00000000000b00,
        nat-0de00000000000c00
        run aws ec2 describe-nat-gateways

    missing: AWS's default is assumed, and answers say so
      - ec2 describe-dhcp-options: not collected
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
