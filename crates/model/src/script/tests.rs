use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::*;
use crate::import::import;
use crate::snapshot::CallStatus;

#[test]
fn every_call_of_the_table_occurs() {
    let script = script();
    for call in Call::ALL.iter().filter(|&&call| call != Call::DescribeSecurityGroupReferences) {
        assert!(script.contains(&format!("{call} ")), "{call}");
        if let Some(option) = call.option() {
            let line = script.lines().find(|line| line.contains(&format!("{call} "))).unwrap();
            assert!(line.contains(&format!("{option} \"$")), "{line}");
        }
    }
}

/// Runs `sh`, or `None` with a note where there is none.
fn sh(arguments: &[&str], directory: &Path) -> Option<Output> {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("sh")
        .args(arguments)
        .current_dir(directory)
        .env("PATH", format!("{}:{path}", directory.join("bin").display()))
        .env_remove("OUT")
        .env("KUBE_CONTEXT", "kind")
        .output();
    if output.is_err() {
        println!("skipped: there is no sh");
    }
    output.ok()
}

#[test]
fn the_shell_accepts_it() {
    let temporary = tempfile::tempdir().unwrap();
    fs::write(temporary.path().join("collect.sh"), script()).unwrap();
    let Some(output) = sh(&["-n", "collect.sh"], temporary.path()) else { return };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[cfg(unix)]
#[test]
fn a_run_that_collects_nothing_fails() {
    use std::os::unix::fs::PermissionsExt as _;
    let temporary = tempfile::tempdir().unwrap();
    fs::create_dir(temporary.path().join("bin")).unwrap();
    for name in ["aws", "kubectl"] {
        let path = temporary.path().join("bin").join(name);
        fs::write(&path, "#!/bin/sh\nexit 253\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(temporary.path().join("collect.sh"), script()).unwrap();
    let Some(output) = sh(&["collect.sh"], temporary.path()) else { return };
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).ends_with("error: nothing was collected\n"));
}

/// An `aws` that answers every call with one resource, refuses two, and prints ids where it is asked for text.
const AWS: &str = r#"#!/bin/sh
echo "$*" >>calls.log
case "$*" in
*describe-nat-gateways*) echo "An error occurred (UnauthorizedOperation)" >&2; exit 254 ;;
*describe-carrier-gateways*) exit 0 ;;
esac
case "$*" in
*"--output text") case "$*" in
    *describe-vpcs*) printf 'vpc-0a1\tvpc-0a2\n' ;;
    *describe-managed-prefix-lists*) printf 'pl-0b1\npl-0b2\n' ;;
    *describe-transit-gateway-route-tables*) echo tgw-rtb-0c1 ;;
    *describe-launch-templates*) echo None ;;
    *elbv2\ describe-load-balancers*) echo arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/net/lb/00000000000000d1 ;;
    *describe-listeners*) echo arn:aws:elasticloadbalancing:eu-west-1:1:listener/net/lb/00000000000000d1/00000000000000e1 ;;
    *describe-target-groups*) echo arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/tg/00000000000000f1 ;;
    *list-clusters*) echo prod ;;
    *list-nodegroups*) echo workers ;;
    *list-fargate-profiles*) echo batch ;;
    *list-addons*) echo vpc-cni ;;
    esac ;;
*enableDnsSupport*) echo '{"EnableDnsSupport": {"Value": true}}' ;;
*enableDnsHostnames*) echo '{"EnableDnsHostnames": {"Value": false}}' ;;
*get-managed-prefix-list-entries*) echo '{"Entries": []}' ;;
*search-transit-gateway-routes*) echo '{"Routes": [], "AdditionalRoutesAvailable": false}' ;;
*route-table-associations*) echo '{"Associations": []}' ;;
*describe-target-groups*)
    echo '{"TargetGroups": [{"TargetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/tg/00000000000000f1"}]}' ;;
*describe-target-health*) echo '{"TargetHealthDescriptions": []}' ;;
*"ec2 describe-vpcs"*) echo '{"Vpcs": [{"VpcId": "vpc-0a1"}, {"VpcId": "vpc-0a2"}]}' ;;
*) echo '{}' ;;
esac
"#;

#[cfg(unix)]
#[test]
fn what_it_writes_is_a_directory_that_imports() {
    use std::os::unix::fs::PermissionsExt as _;
    let temporary = tempfile::tempdir().unwrap();
    let root = temporary.path();
    fs::create_dir(root.join("bin")).unwrap();
    for (name, text) in [("aws", AWS), ("kubectl", "#!/bin/sh\necho '{\"kind\": \"List\", \"items\": []}'\n")] {
        let path = root.join("bin").join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(root.join("collect.sh"), script()).unwrap();
    let Some(output) = sh(&["collect.sh", "--profile", "a b"], root) else { return };
    let notes = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{notes}");
    assert!(notes.contains("note: not collected: aws ec2 describe-nat-gateways"), "{notes}");
    let directory = root.join("snapshot");
    assert!(!directory.join("ec2-describe-nat-gateways.json").exists());
    assert!(!directory.join("ec2-describe-carrier-gateways.json").exists());
    let files: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap()).collect();
    assert!(files.iter().all(|file| file.metadata().unwrap().len() > 0));
    assert!(files.iter().all(|file| file.file_name().to_string_lossy().ends_with(".json")));
    let calls = fs::read_to_string(root.join("calls.log")).unwrap();
    assert!(calls.lines().all(|line| line.contains("--profile a b")));
    assert!(calls.contains("eks describe-addon --cluster-name prod --addon-name vpc-cni"));
    assert!(calls.contains("elbv2 describe-rules --listener-arn arn:aws"));
    assert!(!calls.contains("describe-launch-template-versions"));

    let snapshot = import(&[directory]).unwrap();
    assert!(snapshot.warnings.is_empty(), "{:?}", snapshot.warnings);
    let resources = &snapshot.resources;
    let attributes: Vec<_> =
        resources.vpc_attributes.iter().map(|item| item.value.vpc_id.as_deref().unwrap()).collect();
    assert_eq!(attributes, ["vpc-0a1", "vpc-0a1", "vpc-0a2", "vpc-0a2"]);
    let lists: Vec<_> = resources.prefix_list_entries.iter().map(|list| &*list.value.id).collect();
    assert_eq!(lists, ["pl-0b1", "pl-0b2"]);
    assert_eq!(&*resources.transit_gateway_routes[0].value.id, "tgw-rtb-0c1");
    assert!(resources.target_health[0].value.id.ends_with("00000000000000f1"));
    assert_eq!(snapshot.coverage.status(0, Call::KubectlGet), CallStatus::Complete);
    assert_eq!(snapshot.coverage.status(0, Call::DescribeNatGateways), CallStatus::NotCollected);
}
