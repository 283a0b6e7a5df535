use std::fs;

use super::*;
use crate::import::{import, import_documents};
use crate::snapshot::Snapshot;

/// A directory with something of everything.
fn directory() -> tempfile::TempDir {
    let temporary = tempfile::tempdir().unwrap();
    let files = [
        (
            "vpcs.json",
            "{\n  \"Vpcs\": [{\"VpcId\": \"vpc-1\", \"Moons\": [1.50, 2]}],\n  \"Extra\": {\"b\": 1, \"a\": 2}\n}\n",
        ),
        (
            "accounts/111111111111/eu-west-1/sg.json",
            r#"{"SecurityGroups": [{"GroupId": "sg-1"}], "NextToken": "more"}"#,
        ),
        ("get-managed-prefix-list-entries-pl-0a1.json", r#"{"Entries": [{"Cidr": "10.0.0.0/8"}]}"#),
        (
            "dump.json",
            r#"{"VpcId": "vpc-1", "Subnets": [{"SubnetId": "subnet-1"}], "EnableDnsSupport": {"Value": true},
                "EnableDnsHostnames": {"Value": false}, "Reservations": [{"Instances": [{"InstanceId": "i-1"}]}],
                "Moons": [{"MoonId": 7}], "clusters": ["prod"]}"#,
        ),
        ("routes.json", r#"{"Routes": [], "AdditionalRoutesAvailable": false}"#),
        ("health-web.json", r#"{"TargetHealthDescriptions": [{"Target": {"Id": "i-1"}}]}"#),
        ("tg.json", r#"{"TargetGroups": [{"TargetGroupArn": "arn:aws:x/1", "TargetGroupName": "web"}]}"#),
        (
            "kubectl.json",
            r#"{"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": [
                {"kind": "Pod", "metadata": {"name": "a"}}]}"#,
        ),
        ("package.json", r#"{"name": "x", "version": "1"}"#),
        ("array.json", "[1]"),
    ];
    for (name, text) in files {
        let path = temporary.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    temporary
}

fn pack_one(path: &Path) -> Document {
    pack(&[path.to_owned()]).unwrap()
}

fn bytes(document: &Document) -> Vec<u8> {
    document.to_bytes().unwrap()
}

fn read(text: &[u8]) -> Result<Snapshot, ImportErrors> {
    import_documents([("snap.json", text)])
}

#[test]
fn a_packed_directory_reads_as_the_directory_does() {
    let temporary = directory();
    let root = temporary.path();
    let direct = import(&[root.to_owned()]).unwrap();
    let packed = read(&bytes(&pack_one(root))).unwrap();
    let prefix = format!("{}/", root.display());
    assert_eq!(format!("{direct:#?}").replace(&prefix, ""), format!("{packed:#?}"));
    assert!(packed.files.contains(&"accounts/111111111111/eu-west-1/sg.json".to_owned()));
    assert!(packed.files.contains(&"package.json".to_owned()));
    assert_eq!(packed.resources.target_health.len(), 1);
}

#[test]
fn answers_are_copied_through_as_text() {
    let temporary = directory();
    let text = String::from_utf8(bytes(&pack_one(temporary.path()))).unwrap();
    let original = fs::read_to_string(temporary.path().join("vpcs.json")).unwrap();
    assert!(text.contains(original.trim_end()));
    assert!(text.contains(r#""name": "x", "version": "1""#));
    assert!(text.contains(r#"{"Moons":[{"MoonId": 7}]}"#));
}

#[test]
fn every_call_has_a_record_of_its_own() {
    let temporary = directory();
    let document = pack_one(temporary.path());
    let of = |call: &str| document.calls.iter().find(|record| record.call.as_deref() == Some(call)).unwrap();
    let groups = of("ec2 describe-security-groups");
    assert_eq!((groups.account.as_deref(), groups.region.as_deref()), (Some("111111111111"), Some("eu-west-1")));
    assert_eq!(groups.status, Status::Truncated);
    let entries = of("ec2 get-managed-prefix-list-entries");
    assert_eq!(entries.arguments["PrefixListId"], "pl-0a1");
    let attribute = of("ec2 describe-vpc-attribute");
    assert_eq!(attribute.source.as_deref(), Some("dump.json"));
    assert_eq!(
        attribute.answer.as_ref().unwrap().get(),
        r#"{"VpcId":"vpc-1","EnableDnsSupport":{"Value": true},"EnableDnsHostnames":{"Value": false}}"#
    );
    assert_eq!(of("ec2 describe-subnets").status, Status::Complete);
    let others = document.calls.iter().filter(|record| record.call.is_none()).count();
    assert_eq!(others, 3);
}

#[test]
fn the_same_directory_gives_the_same_bytes_and_a_document_packs_to_itself() {
    let temporary = directory();
    let first = bytes(&pack_one(temporary.path()));
    assert_eq!(first, bytes(&pack_one(temporary.path())));
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("snap.json");
    let dated = Document { created: Some("2026-01-02T03:04:05Z".into()), ..pack_one(temporary.path()) };
    fs::write(&file, bytes(&dated)).unwrap();
    assert_eq!(bytes(&pack_one(&file)), bytes(&dated));
    assert_eq!(import(&[file]).unwrap().created.as_deref(), Some("2026-01-02T03:04:05Z"));
}

#[test]
fn a_document_is_saved_whole_and_compressed_by_its_name() {
    let temporary = directory();
    let document = pack_one(temporary.path());
    let target = tempfile::tempdir().unwrap();
    let (plain, small) = (target.path().join("snap.json"), target.path().join("snap.json.zst"));
    document.save(&plain).unwrap();
    document.save(&small).unwrap();
    document.save(&small).unwrap();
    assert_eq!(fs::read(&plain).unwrap(), bytes(&document));
    assert_eq!(fs::read(&small).unwrap()[..4], [0x28, 0xb5, 0x2f, 0xfd]);
    assert_eq!(fs::read_dir(target.path()).unwrap().count(), 2);
    let (plain, small) = (import(&[plain]).unwrap(), import(&[small]).unwrap());
    assert_eq!(format!("{plain:?}"), format!("{small:?}"));
    assert!(document.save(Path::new("no/such/directory/snap.json")).is_err());
}

#[cfg(unix)]
#[test]
fn a_saved_document_has_the_permissions_of_a_new_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let target = tempfile::tempdir().unwrap();
    let (ours, theirs) = (target.path().join("a.json"), target.path().join("b.json"));
    Document::default().save(&ours).unwrap();
    fs::write(&theirs, "").unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
    assert_eq!(mode(&ours), mode(&theirs));
}

#[test]
fn a_newer_or_foreign_schema_is_refused_clearly() {
    let error = read(br#"{"schema": "reach.snapshot/2", "calls": []}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "snap.json: schema: `reach.snapshot/2` is not supported: this version of reach reads `reach.snapshot/1`"
    );
    assert!(!error.hints().is_empty());
    assert_eq!(read(br#"{"schema": "reach.query/1"}"#).unwrap_err().to_string(), "snapshot: no AWS answers found");
}

#[test]
fn what_became_of_every_call_is_told() {
    let scope = Scope { account: Some("111111111111".into()), region: Some("eu-west-1".into()) };
    let answer = |text: &str| serde_json::from_str::<Box<RawValue>>(text).unwrap();
    let refused = |call, status, code: &str| Record {
        error_code: Some(code.into()),
        ..Record::without_answer(Some(call), &scope, status)
    };
    let mut truncated = Record::complete(Call::DescribeSubnets, &scope, answer(r#"{"Subnets": []}"#));
    truncated.status = Status::Truncated;
    let mut attribute =
        Record::complete(Call::DescribeVpcAttribute, &scope, answer(r#"{"EnableDnsSupport": {"Value": true}}"#));
    attribute.arguments.insert("VpcId".to_owned(), "vpc-1".to_owned());
    let document = Document {
        created: Some("2026-01-02T03:04:05Z".into()),
        calls: vec![
            Record::complete(Call::DescribeVpcs, &scope, answer(r#"{"Vpcs": [{"VpcId": "vpc-1"}]}"#)),
            refused(Call::DescribeNatGateways, Status::Denied, "UnauthorizedOperation"),
            refused(Call::DescribeRouteTables, Status::Failed, "InternalError"),
            Record::without_answer(Some(Call::DescribeNetworkAcls), &scope, Status::NotCollected),
            truncated,
            attribute,
        ],
    };
    let snapshot = read(&bytes(&document)).unwrap();
    let status = |call| snapshot.coverage.status(1, call);
    assert_eq!(snapshot.coverage.scopes[1], scope);
    assert_eq!(status(Call::DescribeVpcs), CallStatus::Complete);
    assert_eq!(status(Call::DescribeNatGateways), CallStatus::Denied("UnauthorizedOperation".into()));
    assert_eq!(status(Call::DescribeRouteTables), CallStatus::Failed("InternalError".into()));
    assert_eq!(status(Call::DescribeNetworkAcls), CallStatus::NotCollected);
    assert_eq!(status(Call::DescribeSubnets), CallStatus::Truncated);
    assert_eq!(snapshot.resources.vpc_attributes[0].value.vpc_id.as_deref(), Some("vpc-1"));
    assert_eq!(snapshot.locate(snapshot.resources.vpcs[0].at, ".VpcId"), "snap.json: calls[0].answer: Vpcs[0].VpcId");
}

#[test]
fn faults_in_a_document_name_the_file_the_answer_came_from() {
    let text = r#"{"schema": "reach.snapshot/1", "calls": [
        {"call": "ec2 describe-vpcs", "status": "complete", "source": "a/vpcs.json", "answer": {"Vpcs": [{"VpcId": 5}]}}]}"#;
    let error = read(text.as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "a/vpcs.json: Vpcs[0].VpcId: invalid type: number 5, expected a string");
}

#[test]
fn faulty_records_are_all_reported() {
    let text = r#"{"schema": "reach.snapshot/1", "calls": [
        {"call": "ec2 describe-vpcs", "status": "complete"},
        {"call": "ec2 describe-vpcs", "status": "perhaps", "answer": {}},
        {"call": "ec2 describe-vpcs", "status": "complete", "answer": []},
        {"call": 7, "status": "denied"},
        {"status": "denied", "call": "ec2 describe-moons"}]}"#;
    let error = read(text.as_bytes()).unwrap_err();
    let lines: Vec<String> = error.to_string().lines().map(ToOwned::to_owned).collect();
    assert_eq!(lines[0], "snap.json: calls[0].answer: is missing");
    assert!(lines[1].starts_with("snap.json: calls[1].status: unknown variant `perhaps`"), "{}", lines[1]);
    assert_eq!(lines[2], "snap.json: calls[2].answer: is not an object");
    assert_eq!(lines[3], "snap.json: calls[3].call: invalid type: number 7, expected a string");
    assert_eq!(lines.len(), 4);
    let none = read(br#"{"schema": "reach.snapshot/1"}"#).unwrap_err();
    assert_eq!(none.to_string(), "snap.json: calls: is missing or not an array");
}

#[test]
fn several_paths_keep_their_files_apart() {
    let temporary = tempfile::tempdir().unwrap();
    for (name, id) in [("prod", "vpc-1"), ("dev", "vpc-2")] {
        let directory = temporary.path().join(name);
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("vpcs.json"), format!(r#"{{"Vpcs": [{{"VpcId": "{id}"}}]}}"#)).unwrap();
        pack_one(&directory).save(&temporary.path().join(format!("{name}.json.zst"))).unwrap();
    }
    let sources = |paths: &[&str]| -> Vec<String> {
        let paths: Vec<PathBuf> = paths.iter().map(|name| temporary.path().join(name)).collect();
        let document = pack(&paths).unwrap();
        let snapshot = import(&paths).unwrap();
        assert_eq!((snapshot.files.len(), snapshot.resources.vpcs.len()), (2, 2));
        document.calls.iter().map(|record| record.source.as_deref().unwrap().to_owned()).collect()
    };
    assert_eq!(sources(&["prod", "dev"]), ["prod/vpcs.json", "dev/vpcs.json"]);
    assert_eq!(sources(&["prod.json.zst", "dev.json.zst"]), ["prod.json.zst/vpcs.json", "dev.json.zst/vpcs.json"]);
    let missing = pack(&[temporary.path().join("none")]).unwrap_err();
    assert_eq!(missing.problems.len(), 1);
}

#[test]
fn recorded_cases_survive_packing() {
    let Some(root) = crate::import::tests::shared("cases/traps") else { return };
    let mut directories: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    directories.sort();
    for directory in directories.into_iter().filter(|path| path.is_dir()) {
        let direct = import(std::slice::from_ref(&directory)).unwrap();
        let packed = read(&bytes(&pack_one(&directory))).unwrap();
        let prefix = format!("{}/", directory.display());
        assert_eq!(format!("{direct:?}").replace(&prefix, ""), format!("{packed:?}"));
    }
}
