use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::super::discover::{Found, Source, discover};
use super::super::tests::shared;
use super::super::{ImportErrors, run};
use super::*;
use crate::snapshot::Snapshot;

const WHOLE: Sizes = Sizes { file: u64::MAX, block: 1, value: 0, threads: 1 };

fn cut(block: usize, threads: usize) -> Sizes {
    Sizes { file: 0, block, value: 1 << 20, threads }
}

fn import(files: &[(&str, &[u8])], sizes: Sizes) -> Result<Snapshot, ImportErrors> {
    let sources = files.iter().map(|&(name, bytes)| Source::in_memory(name.to_owned(), Cow::Borrowed(bytes)));
    run(&Found { sources: sources.collect(), problems: Vec::new() }, &["snapshot".to_owned()], sizes)
}

/// Whatever the sizes: what the slow way finds, or its problems.
fn same(files: &[(&str, &[u8])], blocks: &[usize]) {
    let slow = format!("{:?}", import(files, WHOLE));
    for &block in blocks {
        for threads in [1, 3] {
            let fast = format!("{:?}", import(files, cut(block, threads)));
            assert!(fast == slow, "block {block}, {threads} threads, {files:?}\n{fast}\n{slow}");
        }
    }
}

/// Whether the fast way takes `text`.
fn takes(text: &[u8], block: usize) -> bool {
    let mut input = text;
    members(&mut input, cut(block, 2)).is_ok()
}

const BLOCKS: [usize; 9] = [1, 2, 3, 5, 8, 13, 64, 255, 1 << 16];

/// Elements with everything that a cut could hurt.
const GROUPS: &str = r#"{"SecurityGroups": [
    {"GroupId": "sg-1", "GroupName": "a,b],[{\"}\\", "VpcId": "vpc-1", "Unknown": [[{}], {"NextToken": "x"}, "]", "}"]},
    {"GroupId": "sg-2", "GroupName": "\u00e9\ud834\udd1e é 𝄞 , \\\\", "OwnerId": null, "Tags": [{"Key": "\\", "Value": "\""}]} ,
    {"GroupId": "sg-3", "IpPermissions": [{"IpProtocol": 6, "FromPort": -1, "IpRanges": []}], "x": 1.5e3, "y": true}
  ] , "ResponseMetadata": {"a": ["]", {}]}, "Vpcs": [], "Subnets": [ ],"NetworkInterfaces": [{"NetworkInterfaceId": "eni-1",
  "PrivateIpAddress": "010.0.0.1", "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.1", "Primary": true}]}]}"#;

#[test]
fn cuts_change_nothing() {
    let crlf = GROUPS.replace('\n', "\r\n");
    let bom = format!("\u{feff}{GROUPS}\n");
    let compact = serde_json::to_string(&serde_json::from_str::<serde_json::Value>(GROUPS).unwrap()).unwrap();
    let deep = GROUPS.replace("\n    ", &format!("\n{}", " ".repeat(41)));
    for text in [GROUPS, &crlf, &bom, &compact, &deep] {
        same(&[("a.json", text.as_bytes())], &BLOCKS);
        for block in BLOCKS {
            assert!(takes(text.as_bytes(), block), "{block}: {text}");
        }
        assert_eq!(import(&[("a.json", text.as_bytes())], cut(7, 2)).unwrap().resources.security_groups.len(), 3);
    }
}

#[test]
fn tokens_and_siblings_count_wherever_they_stand() {
    for text in [
        r#"{"Subnets": [{"SubnetId": "subnet-1"}], "NextToken": "x"}"#,
        r#"{"NextToken": "x", "Subnets": [{"SubnetId": "subnet-1"}]}"#,
        r#"{"NextToken": "", "Subnets": [{"SubnetId": "subnet-1", "NextToken": "x"}]}"#,
        r#"{"Subnets": [{"SubnetId": "subnet-1"}], "Subnets": [{"SubnetId": "subnet-2"}], "NextToken": null}"#,
        r#"{"\u0053ubnets": [{"SubnetId": "subnet-1"}]}"#,
        r#"{"PrefixListId": "pl-1", "Entries": [{"Cidr": "10.0.0.0/8"}], "Vpcs": [{"VpcId": "vpc-1"}]}"#,
        r#"{"Reservations": [{"Instances": [{"InstanceId": "i-1"}, {"InstanceId": "i-2"}]}, {}, {"Instances": null}]}"#,
    ] {
        same(&[("a.json", text.as_bytes())], &BLOCKS);
        assert!(takes(text.as_bytes(), 4), "{text}");
    }
}

#[test]
fn the_same_element_twice_is_found() {
    let one = br#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}, {"VpcId": "vpc-2"}]}"#;
    let other = br#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.1.0.0/16"}, {"VpcId": "vpc-2"}]}"#;
    let both = br#"{"Vpcs": [{"VpcId": "vpc-1"}, {"VpcId": "vpc-2"}, {"VpcId": "vpc-1", "IsDefault": true}]}"#;
    same(&[("a.json", one), ("b.json", one)], &BLOCKS);
    same(&[("a.json", one), ("b.json", other)], &BLOCKS);
    same(&[("a.json", both)], &BLOCKS);
    assert!(import(&[("a.json", one), ("b.json", other)], cut(9, 2)).is_err());
    let mine = "accounts/111111111111/eu-west-1/vpcs.json";
    let theirs = "accounts/222222222222/eu-west-1/vpcs.json";
    same(&[(mine, one), (theirs, other)], &BLOCKS);
}

#[test]
fn what_is_wrong_is_told_as_ever() {
    for text in [
        r#"{"Vpcs": [{"VpcId": "vpc-1"},]}"#,
        r#"{"Vpcs": [,{"VpcId": "vpc-1"}]}"#,
        r#"{"Vpcs": [{"VpcId": "vpc-1"},,{"VpcId": "vpc-2"}]}"#,
        r#"{"Vpcs": [{"VpcId": "vpc-1"} {"VpcId": "vpc-2"}]}"#,
        r#"{"Vpcs": [{"VpcId": "vpc-1"}}}"#,
        r#"{"Vpcs": [{"VpcId": "vpc-1"}], }"#,
        r#"{"Vpcs": [{"VpcId": "vpc-1"}]} x"#,
        r#"{"Vpcs": [{"VpcId": "vpc-1"}]"#,
        r#"{"Vpcs": [{"VpcId": "vpc-1"}, 5, {"VpcId": 6}, {"Tags": [{"Key": 1}]}]}"#,
        r#"{"Vpcs": [{"VpcId": "vpc-1", "VpcId": "vpc-2"}]}"#,
        r#"{"Vpcs": [{}, {"VpcId": ""}]}"#,
        r#"{"Vpcs": [{"VpcId": "\ud834"}]}"#,
        r#"{"Vpcs": [{"VpcId": "vpc-1", "Other": "\ud834"}]}"#,
        r#"{"Vpcs": [{"VpcId": "vpc-1", "Other": "\x"}]}"#,
        "{\"Vpcs\": [{\"VpcId\": \"vpc-1\", \"Other\": \"a\nb\"}]}",
        r#"{"Vpcs": [{"VpcId": "vpc-1", "Other": 01}]}"#,
        r#"{"Vpcs": {}, "Subnets": 5}"#,
        r#"{"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "x"}, "Vpcs": []}"#,
        r#"{"schema": "reach.snapshot/1", "calls": [], "Vpcs": []}"#,
        r#"{"schema": "reach.snapshot/1", "calls": [{"status": "complete", "call": "ec2 describe-vpcs", "answer": {"Vpcs": []}}]}"#,
        r"[]",
        r"{}",
        "",
        "\u{feff}",
        "null",
    ] {
        same(&[("a.json", text.as_bytes())], &BLOCKS);
    }
    same(&[("a.json", b"{\"Vpcs\": [{\"VpcId\": \"vpc-\xff\"}]}")], &BLOCKS);
    same(&[("a.json", b"{\"Vpcs\": [{\"VpcId\": \"vpc-1\", \"Other\": \"\xc3\"}]}")], &BLOCKS);
    same(&[("a.json", b"\xff\xfe{\0}\0")], &BLOCKS);
}

#[test]
fn no_change_of_one_byte_is_read_differently() {
    let text = br#"{"Vpcs": [{"VpcId": "vpc-1", "a": "\"],"}, {"VpcId": "vpc-2"}], "NextToken": "x", "Subnets": []}"#;
    for position in 0..text.len() {
        same(&[("a.json", &text[..position])], &[4]);
        for byte in *b"\"\\,:[]{} \n0x\xff" {
            let mut text = text.to_vec();
            text[position] = byte;
            same(&[("a.json", &text)], &[4, 33]);
        }
    }
}

#[test]
fn compressed_files_are_read_the_same() {
    let compressed = zstd::encode_all(GROUPS.as_bytes(), 1).unwrap();
    same(&[("a.json.zst", &compressed)], &BLOCKS);
    same(&[("a.json.zst", &compressed[..compressed.len() - 5])], &BLOCKS);
    let source = Source::in_memory("a".to_owned(), Cow::Borrowed(&*compressed));
    assert!(members(&mut *source.open(0).unwrap(), cut(50, 2)).is_ok());
    assert!(source.open(1 << 20).is_none());
}

#[test]
fn a_long_value_beside_the_arrays_is_left_to_the_slow_way() {
    let text = format!(r#"{{"Other": "{}", "Vpcs": [{{"VpcId": "vpc-1"}}]}}"#, "x".repeat(200));
    let sizes = Sizes { value: 100, ..cut(10, 1) };
    assert!(members(&mut text.as_bytes(), sizes).is_err());
    assert_eq!(import(&[("a.json", text.as_bytes())], sizes).unwrap().resources.vpcs.len(), 1);
}

fn directories(root: &Path, found: &mut Vec<PathBuf>) {
    found.push(root.to_owned());
    for entry in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            directories(&entry, found);
        }
    }
}

/// Every file of a folder alone, and all of them together.
fn same_below(root: &Path) -> usize {
    let mut taken = 0;
    let mut roots = Vec::new();
    directories(root, &mut roots);
    for root in roots {
        let names = [root.display().to_string()];
        let read = |sizes| format!("{:?}", run(&discover(std::slice::from_ref(&root)), &names, sizes));
        let slow = read(WHOLE);
        assert!(read(cut(100, 2)) == slow && read(cut(4_000, 2)) == slow, "{}", root.display());
        for source in discover(std::slice::from_ref(&root)).sources {
            taken += usize::from(source.open(0).is_some_and(|mut input| members(&mut *input, cut(900, 1)).is_ok()));
        }
    }
    taken
}

#[test]
fn the_demo_is_read_the_same() {
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/demo");
    assert!(same_below(&demo) > 10);
}

#[test]
fn real_answers_are_read_the_same() {
    let Some(root) = shared("real-json") else { return };
    assert!(same_below(&root) > 100);
}
