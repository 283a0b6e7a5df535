//! The EKS audit of a cluster of 1,000 nodes and 15,000 pods: as it should be, and with a fault that most findings feel.
//!
//! Pods are secondary addresses in one estate and delegated prefixes in the other (one pod each is enough for the
//! ranges). Import and the building of the network are not measured.
#![expect(clippy::print_stderr, reason = "what is measured is said beside the times")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use reach_eks::audit::{self, Options, Status};
use reach_model::Network;
use reach_model::import::import_documents;
use reach_model::network::build;
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const NODES: usize = 1_000;
const PODS: usize = 15;
const SUBNETS: usize = 12;

/// How pods get their addresses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pods {
    Secondary,
    Prefixes,
}

/// Address `n` of a subnet: the subnets are 10.0.0.0/17, 10.0.128.0/17, and so on.
fn address(subnet: usize, n: usize) -> String {
    format!("10.{}.{}.{}", subnet / 2, subnet % 2 * 128 + n / 256, n % 256)
}

fn group(id: &str, ingress: &Value, egress: &Value, owned: bool) -> Value {
    let tags = if owned { json!([{"Key": "kubernetes.io/cluster/large", "Value": "owned"}]) } else { json!([]) };
    json!({"GroupId": id, "GroupName": id, "VpcId": "vpc-1", "OwnerId": ACCOUNT, "IpPermissions": ingress,
        "IpPermissionsEgress": egress, "Tags": tags})
}

fn to_group(id: &str) -> Value {
    json!({"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": id, "UserId": ACCOUNT}]})
}

fn to_cidr(cidr: &str, port: u16) -> Value {
    json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]})
}

fn anywhere() -> Value {
    json!({"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]})
}

fn interface(id: &str, subnet: usize, primary: &str, groups: &[&str]) -> Value {
    let groups: Vec<Value> = groups.iter().map(|group| json!({"GroupId": group})).collect();
    json!({"NetworkInterfaceId": id, "InterfaceType": "interface", "VpcId": "vpc-1", "SubnetId": format!("subnet-{subnet}"),
        "OwnerId": ACCOUNT, "PrivateIpAddress": primary, "SourceDestCheck": true, "Status": "in-use", "Groups": groups,
        "PrivateIpAddresses": [{"PrivateIpAddress": primary, "Primary": true}]})
}

fn set(value: &mut Value, key: &str, to: Value) {
    if let Some(object) = value.as_object_mut() {
        object.insert(key.to_owned(), to);
    }
}

/// Node groups `a` to `d`; where something is broken, nodes of `d` carry a group of a launch template instead of the
/// cluster's.
fn network(pods: Pods, broken: bool) -> Option<Network> {
    let mut interfaces: Vec<Value> = Vec::new();
    let mut instances: Vec<Value> = Vec::new();
    for n in 0..NODES {
        let (subnet, slot) = (n % SUBNETS, n / SUBNETS);
        let node_group = ["a", "b", "c", "d"].get(n % 4).copied().unwrap_or("a");
        let own = if broken && node_group == "d" { "sg-template" } else { "sg-cluster" };
        let first = 16 + slot * 256;
        let (eni, instance) = (format!("eni-{n:017x}"), format!("i-{n:017x}"));
        let mut interface = interface(&eni, subnet, &address(subnet, first), &[own]);
        match pods {
            Pods::Secondary => {
                let list = (0..=PODS)
                    .map(|pod| json!({"PrivateIpAddress": address(subnet, first + pod), "Primary": pod == 0}));
                set(&mut interface, "PrivateIpAddresses", list.collect());
            }
            Pods::Prefixes => {
                let list = (1..PODS)
                    .map(|pod| json!({"Ipv4Prefix": format!("{}/28", address(subnet, slot * 256 + 16 * (pod + 1)))}));
                set(&mut interface, "Ipv4Prefixes", list.collect());
            }
        }
        set(
            &mut interface,
            "Attachment",
            json!({"InstanceId": instance, "InstanceOwnerId": ACCOUNT, "DeviceIndex": 0, "Status": "attached"}),
        );
        interfaces.push(interface);
        instances.push(json!({"InstanceId": instance, "State": {"Name": "running"}, "VpcId": "vpc-1",
            "SubnetId": format!("subnet-{subnet}"), "PrivateDnsName": format!("node-{n}"),
            "NetworkInterfaces": [], "Tags": [{"Key": "eks:cluster-name", "Value": "large"},
                {"Key": "eks:nodegroup-name", "Value": node_group}]}));
    }
    for x in 0..2 {
        let mut plane = interface(&format!("eni-plane{x}"), x, &address(x, 8), &["sg-cluster"]);
        set(&mut plane, "Description", json!("Amazon EKS large"));
        set(&mut plane, "RequesterId", json!("AROAEXAMPLE:AmazonEKS"));
        interfaces.push(plane);
    }
    // What else lives in such a VPC: 150 groups with 20 rules each.
    let mut groups = vec![
        group("sg-cluster", &json!([to_group("sg-cluster")]), &json!([anywhere(), to_group("sg-cluster")]), true),
        group("sg-template", &json!([to_cidr("10.0.0.0/16", 22)]), &json!([anywhere()]), true),
    ];
    groups.extend((0..148).map(|g| {
        let rules: Vec<Value> =
            (0..20_u16).map(|r| to_cidr(&format!("10.{}.{}.0/24", g % 6, r * 7), 8000 + r)).collect();
        group(&format!("sg-{g:017x}"), &json!(rules), &json!([anywhere()]), false)
    }));
    let subnets: Vec<Value> = (0..SUBNETS)
        .map(|s| {
            json!({"SubnetId": format!("subnet-{s}"), "VpcId": "vpc-1", "CidrBlock": format!("{}/17", address(s, 0)),
            "AvailabilityZone": format!("eu-west-1{}", ["a", "b", "c"].get(s % 3).unwrap_or(&"a")), "OwnerId": ACCOUNT})
        })
        .collect();
    let entry = |egress: bool| json!({"RuleNumber": 100, "Egress": egress, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"});
    let collections = [
        (
            "Vpcs",
            json!([{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/8", "OwnerId": ACCOUNT,
            "CidrBlockAssociationSet": [{"CidrBlock": "10.0.0.0/8", "CidrBlockState": {"State": "associated"}}]}]),
        ),
        ("Subnets", json!(subnets)),
        (
            "RouteTables",
            json!([{"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": [{"Main": true}], "Routes": [
            {"DestinationCidrBlock": "10.0.0.0/8", "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"},
            {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "Origin": "CreateRoute", "State": "active"}]},
            {"RouteTableId": "rtb-pub", "VpcId": "vpc-1", "Associations": [{"SubnetId": "subnet-pub"}], "Routes": [
            {"DestinationCidrBlock": "10.0.0.0/8", "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"},
            {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "Origin": "CreateRoute", "State": "active"}]}]),
        ),
        (
            "NetworkAcls",
            json!([{"NetworkAclId": "acl-1", "VpcId": "vpc-1", "IsDefault": true,
            "Entries": [entry(true), entry(false)]}]),
        ),
        ("SecurityGroups", json!(groups)),
        ("NetworkInterfaces", json!(interfaces)),
        ("Reservations", json!([{"Instances": instances}])),
        (
            "InternetGateways",
            json!([{"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": "vpc-1", "State": "available"}]}]),
        ),
        (
            "NatGateways",
            json!([{"NatGatewayId": "nat-1", "VpcId": "vpc-1", "SubnetId": "subnet-pub", "State": "available",
            "NatGatewayAddresses": [{"PrivateIp": "10.200.0.5", "PublicIp": "198.51.100.5", "NetworkInterfaceId": "eni-nat"}]}]),
        ),
        ("VpcEndpoints", json!([])),
        ("VpcPeeringConnections", json!([])),
        ("DhcpOptions", json!([])),
        ("InterfaceAssociations", json!([])),
        ("PrefixLists", json!([])),
    ];
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for (key, mut value) in collections {
        if key == "Subnets"
            && let Some(list) = value.as_array_mut()
        {
            list.push(json!({"SubnetId": "subnet-pub", "VpcId": "vpc-1", "CidrBlock": "10.200.0.0/24",
                "AvailabilityZone": "eu-west-1a", "OwnerId": ACCOUNT}));
        }
        files.push((format!("{key}.json"), serde_json::to_vec(&json!({key: value})).ok()?));
    }
    let cluster = json!({"cluster": {"name": "large", "resourcesVpcConfig": {"vpcId": "vpc-1",
        "clusterSecurityGroupId": "sg-cluster", "endpointPrivateAccess": true, "endpointPublicAccess": true}}});
    files.push(("cluster.json".to_owned(), serde_json::to_vec(&cluster).ok()?));
    let snapshot = import_documents(files.iter().map(|(name, text)| (name.as_str(), text.as_slice()))).ok()?;
    build(&snapshot).ok()
}

fn audit(c: &mut Criterion) {
    let mut group = c.benchmark_group("audit of 1,000 nodes and 15,000 pods");
    group.sample_size(10);
    for (name, pods, broken, fixes) in [
        ("sound, secondary addresses", Pods::Secondary, false, false),
        ("sound, prefixes", Pods::Prefixes, false, false),
        ("broken, secondary addresses", Pods::Secondary, true, false),
        ("broken, secondary addresses, with fixes", Pods::Secondary, true, true),
        ("broken, prefixes, with fixes", Pods::Prefixes, true, true),
    ] {
        let Some(network) = network(pods, broken) else {
            eprintln!("{name}: no network");
            continue;
        };
        let clusters = reach_eks::clusters(&network);
        let Some(cluster) = clusters.first() else { continue };
        let options = Options { fixes, ..Options::default() };
        let Ok(once) = audit::audit(&network, cluster, &options) else { continue };
        let failing = once.findings.iter().filter(|finding| matches!(finding.status, Status::Fail | Status::Partial));
        let mended = once.findings.iter().filter(|finding| !finding.fixes.is_empty());
        eprintln!("{name}: {} findings fail, {} have a fix", failing.count(), mended.count());
        group.bench_function(name, |b| {
            b.iter(|| black_box(audit::audit(&network, cluster, &options).is_ok()));
        });
    }
    group.finish();
}

criterion_group!(benches, audit);
criterion_main!(benches);
