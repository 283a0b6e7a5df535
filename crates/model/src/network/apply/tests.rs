//! Every change against what building from the changed answers gives: build from A and apply, build from B, compare.

#![expect(clippy::needless_pass_by_value, reason = "calls are written where they are made")]

use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::import::import_documents;
use crate::network::{Idx, Ref, Resource, SecurityGroup, Table, build};

mod endpoints;
mod filters;
mod made;
mod places;
mod routes;

const ACCOUNT: &str = "111122223333";

/// One VPC `vpc-1` with subnets a (zone a) and b (zone b), a second one `vpc-2` peered by `pcx-1`, gateways, groups,
/// tables with ids for their associations, an instance and a cluster.
fn estate() -> Value {
    let association = |id: &str, subnet: &str| {
        json!({"RouteTableAssociationId": id, "Main": false, "SubnetId": subnet,
        "AssociationState": {"State": "associated"}})
    };
    let local = |cidr: &str| json!({"DestinationCidrBlock": cidr, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"});
    let route = |cidr: &str, key: &str, id: &str| json!({"DestinationCidrBlock": cidr, key: id, "Origin": "CreateRoute", "State": "active"});
    let eni = |id: &str, subnet: &str, vpc: &str, ip: &str, groups: &[&str]| {
        let groups: Vec<Value> = groups.iter().map(|id| json!({"GroupId": id})).collect();
        json!({"NetworkInterfaceId": id, "SubnetId": subnet, "VpcId": vpc, "InterfaceType": "interface", "Description": "",
            "Status": "in-use", "OwnerId": ACCOUNT, "Groups": groups, "PrivateIpAddress": ip, "SourceDestCheck": true,
            "PrivateIpAddresses": [{"PrivateIpAddress": ip, "Primary": true}]})
    };
    let mut attached = eni("eni-a", "subnet-a", "vpc-1", "10.0.1.10", &["sg-a"]);
    attached["Attachment"] =
        json!({"InstanceId": "i-a", "InstanceOwnerId": ACCOUNT, "DeviceIndex": 0, "Status": "attached"});
    let denials = |egress: bool| {
        [
            json!({"RuleNumber": 32767, "Egress": egress, "Protocol": "-1", "RuleAction": "deny", "CidrBlock": "0.0.0.0/0"}),
            json!({"RuleNumber": 32768, "Egress": egress, "Protocol": "-1", "RuleAction": "deny", "Ipv6CidrBlock": "::/0"}),
        ]
    };
    let mut entries = vec![json!({"RuleNumber": 100, "Egress": false, "Protocol": "6", "RuleAction": "allow",
        "CidrBlock": "10.0.0.0/8", "PortRange": {"From": 443, "To": 443}})];
    entries.extend(denials(false));
    entries.extend(denials(true));
    json!({
        "Vpcs": [
            {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "OwnerId": ACCOUNT, "DhcpOptionsId": "dopt-1"},
            {"VpcId": "vpc-2", "CidrBlock": "10.1.0.0/16", "OwnerId": ACCOUNT,
             "Ipv6CidrBlockAssociationSet": [{"Ipv6CidrBlock": "2600:1::/56", "Ipv6CidrBlockState": {"State": "associated"}}]},
            {"VpcId": "vpc-3", "CidrBlock": "10.2.0.0/16", "OwnerId": ACCOUNT}],
        "Subnets": [
            {"SubnetId": "subnet-a", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/28", "AvailabilityZone": "a", "OwnerId": ACCOUNT},
            {"SubnetId": "subnet-b", "VpcId": "vpc-1", "CidrBlock": "10.0.2.0/24", "AvailabilityZone": "b", "OwnerId": ACCOUNT},
            {"SubnetId": "subnet-b2", "VpcId": "vpc-1", "CidrBlock": "10.0.3.0/24", "AvailabilityZone": "b", "OwnerId": ACCOUNT},
            {"SubnetId": "subnet-c", "VpcId": "vpc-2", "CidrBlock": "10.1.1.0/24", "AvailabilityZone": "a", "OwnerId": ACCOUNT}],
        "RouteTables": [
            {"RouteTableId": "rtb-main", "VpcId": "vpc-1", "Routes": [local("10.0.0.0/16")],
             "Associations": [{"RouteTableAssociationId": "rtbassoc-main", "Main": true, "AssociationState": {"State": "associated"}}]},
            {"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": [association("rtbassoc-a", "subnet-a")],
             "Routes": [local("10.0.0.0/16"), route("0.0.0.0/0", "NatGatewayId", "nat-1")]},
            {"RouteTableId": "rtb-2", "VpcId": "vpc-2", "Associations": [], "Routes": [local("10.1.0.0/16")]}],
        "NetworkAcls": [
            {"NetworkAclId": "acl-1", "VpcId": "vpc-1", "IsDefault": true, "Entries": entries, "Associations": [
                {"NetworkAclAssociationId": "aclassoc-a", "NetworkAclId": "acl-1", "SubnetId": "subnet-a"},
                {"NetworkAclAssociationId": "aclassoc-b", "NetworkAclId": "acl-1", "SubnetId": "subnet-b"}]},
            {"NetworkAclId": "acl-2", "VpcId": "vpc-1", "IsDefault": false, "Entries": [], "Associations": []},
            {"NetworkAclId": "acl-3", "VpcId": "vpc-2", "IsDefault": true, "Entries": [], "Associations": []}],
        "SecurityGroups": [
            {"GroupId": "sg-a", "GroupName": "a", "VpcId": "vpc-1", "OwnerId": ACCOUNT, "IpPermissions": [
                {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/16"}],
                 "UserIdGroupPairs": [{"GroupId": "sg-b", "UserId": ACCOUNT}]}], "IpPermissionsEgress": []},
            {"GroupId": "sg-b", "GroupName": "b", "VpcId": "vpc-1", "OwnerId": ACCOUNT, "IpPermissions": [], "IpPermissionsEgress": []},
            {"GroupId": "sg-free", "GroupName": "free", "VpcId": "vpc-1", "OwnerId": ACCOUNT, "IpPermissions": [], "IpPermissionsEgress": []},
            {"GroupId": "sg-default", "GroupName": "default", "VpcId": "vpc-1", "OwnerId": ACCOUNT, "IpPermissions": [], "IpPermissionsEgress": []},
            {"GroupId": "sg-2", "GroupName": "two", "VpcId": "vpc-2", "OwnerId": ACCOUNT, "IpPermissions": [
                {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "UserIdGroupPairs": [{"GroupId": "sg-free", "UserId": ACCOUNT,
                 "VpcPeeringConnectionId": "pcx-1", "PeeringStatus": "active"}]}], "IpPermissionsEgress": []},
            {"GroupId": "sg-3", "GroupName": "three", "VpcId": "vpc-3", "OwnerId": ACCOUNT, "IpPermissions": [], "IpPermissionsEgress": []}],
        "NetworkInterfaces": [attached, eni("eni-b", "subnet-b", "vpc-1", "10.0.2.4", &["sg-b"]),
            eni("eni-c", "subnet-c", "vpc-2", "10.1.1.30", &["sg-2"])],
        "Reservations": [{"Instances": [{"InstanceId": "i-a", "State": {"Name": "running"}, "Tags": [{"Key": "Name", "Value": "a"}]}]}],
        "InternetGateways": [{"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": "vpc-1", "State": "available"}]}],
        "EgressOnlyInternetGateways": [],
        "NatGateways": [{"NatGatewayId": "nat-1", "State": "available", "VpcId": "vpc-1", "SubnetId": "subnet-b", "NatGatewayAddresses": []}],
        "VpcPeeringConnections": [{"VpcPeeringConnectionId": "pcx-1", "Status": {"Code": "active"},
            "RequesterVpcInfo": {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}, "AccepterVpcInfo": {"VpcId": "vpc-2", "CidrBlock": "10.1.0.0/16"}}],
        "VpcEndpoints": [],
        "PrefixLists": [
            {"PrefixListId": "pl-1", "PrefixListName": "mine", "AddressFamily": "IPv4", "MaxEntries": 5, "Version": 3, "OwnerId": ACCOUNT,
             "Cidrs": ["192.0.2.0/24"]},
            {"PrefixListId": "pl-s3", "PrefixListName": "com.amazonaws.us-east-1.s3", "AddressFamily": "IPv4", "OwnerId": "AWS",
             "Cidrs": ["52.216.0.0/15", "54.231.0.0/16"]}],
        "TransitGateways": [], "TransitGatewayAttachments": [],
        "DhcpOptions": [],
    })
}

fn built(value: &Value) -> Network {
    let cluster = json!({"cluster": {"name": "prod", "resourcesVpcConfig": {"vpcId": "vpc-1", "endpointPublicAccess": true,
        "endpointPrivateAccess": false, "publicAccessCidrs": ["0.0.0.0/0"]}}});
    // The entries of prefix lists come from a call of their own.
    let mut value = value.clone();
    let mut documents = vec![("cluster.json".to_owned(), cluster)];
    for list in value["PrefixLists"].as_array_mut().unwrap() {
        let entries = list.as_object_mut().unwrap().remove("Cidrs").unwrap();
        let entries: Vec<Value> = entries.as_array().unwrap().iter().map(|cidr| json!({"Cidr": cidr})).collect();
        let id = list["PrefixListId"].as_str().unwrap();
        documents.push((format!("{id}.json"), json!({"PrefixListId": id, "Entries": entries})));
    }
    documents.push(("estate.json".to_owned(), value));
    let texts: Vec<(String, String)> = documents.into_iter().map(|(name, value)| (name, value.to_string())).collect();
    let snapshot = import_documents(texts.iter().map(|(name, text)| (name.clone(), text.as_bytes())));
    build(&snapshot.unwrap_or_else(|errors| panic!("{errors}"))).unwrap_or_else(|errors| panic!("{errors}"))
}

fn network() -> Network {
    built(&estate())
}

/// The estate after `change` was made in its answers.
fn changed(change: impl FnOnce(&mut Value)) -> Network {
    let mut value = estate();
    change(&mut value);
    built(&value)
}

fn call(value: Value) -> Change {
    Change::from_value(value).unwrap_or_else(|error| panic!("{error}"))
}

/// Applies calls in order.
fn after(calls: impl IntoIterator<Item = Value>) -> Network {
    let mut network = network();
    for value in calls {
        network.apply(&call(value.clone())).unwrap_or_else(|error| panic!("{value}: {error}"));
    }
    network
}

/// The code that a call is refused with; the network must be untouched.
fn refused(network: &mut Network, value: Value) -> &'static str {
    let before = told(network);
    let refusal = network.apply(&call(value.clone())).expect_err(&value.to_string());
    assert_eq!(told(network), before, "{value} was refused and changed something");
    refusal.code
}

/// The code that a call is refused with.
fn code(value: Value) -> &'static str {
    refused(&mut network(), value)
}

fn table<T: Resource + Debug>(text: &mut String, name: &str, table: &Table<T>) {
    for (idx, item) in table.iter().filter(|(idx, _)| table.holds(*idx)) {
        writeln!(text, "{name} {idx:?}: {item:#?}").unwrap();
    }
}

/// Everything that a change can touch, in words.
fn told(network: &Network) -> String {
    let mut text = String::new();
    table(&mut text, "vpc", &network.vpcs);
    table(&mut text, "subnet", &network.subnets);
    table(&mut text, "group", &network.groups);
    table(&mut text, "acl", &network.acls);
    table(&mut text, "list", &network.prefix_lists);
    table(&mut text, "interface", &network.interfaces);
    table(&mut text, "instance", &network.instances);
    table(&mut text, "endpoint", &network.endpoints);
    table(&mut text, "table", &network.route_tables);
    table(&mut text, "gateway", &network.internet_gateways);
    table(&mut text, "cluster", &network.clusters);
    writeln!(text, "{:?}", network.account_owners).unwrap();
    for (_, interface) in network.interfaces.iter() {
        for address in &interface.addresses {
            writeln!(text, "{} {:?}", address.ip, network.addresses.owners_anywhere(address.ip)).unwrap();
        }
    }
    text
}

#[track_caller]
fn same(left: &Network, right: &Network) {
    let (left, right) = (told(left), told(right));
    for (a, b) in left.lines().zip(right.lines()) {
        assert_eq!(a, b, "\n{left}\n--- instead of ---\n{right}");
    }
    assert_eq!(left.len(), right.len(), "\n{left}\n--- instead of ---\n{right}");
}

fn group(network: &Network, id: &str) -> Idx<SecurityGroup> {
    network.groups.find_text(id).unwrap()
}

#[test]
fn unknown_fields_are_refused_by_name_and_dry_runs_are_not() {
    let error = Change::parse(r#"{"DeleteRoute": {"RouteTableId": "rtb-1", "Moon": 1}}"#).unwrap_err();
    assert!(error.contains("Moon") && error.contains("DeleteRoute"), "{error}");
    let error = Change::parse(r#"{"RebootMoon": {}}"#).unwrap_err();
    assert!(error.contains("RebootMoon"), "{error}");
    let error = Change::parse(r#"{"DeleteRoute": {"RouteTableId": 1}}"#).unwrap_err();
    assert!(error.contains("DeleteRoute.RouteTableId"), "{error}");
    let text = r#"{"DeleteSecurityGroup": {"GroupId": "sg-1", "DryRun": true}}"#;
    assert!(matches!(Change::parse(text), Ok(Change::DeleteSecurityGroup(_))));
    assert!(Change::parse("[]").is_err() && Change::parse("{}").is_err());
}

#[test]
fn a_change_of_rules_leaves_everything_else_shared() {
    let base = network();
    let mut other = base.clone();
    other
        .apply(&call(json!({"AuthorizeSecurityGroupIngress": {"GroupId": "sg-b", "IpPermissions": [
            {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}})))
        .unwrap();
    assert!(Arc::ptr_eq(&base.addresses, &other.addresses));
    let eni = base.interfaces.find_text("eni-a").unwrap();
    assert!(std::ptr::eq(base.interfaces.get(eni), other.interfaces.get(eni)));
    let sg = group(&base, "sg-a");
    assert!(!std::ptr::eq(base.groups.get(sg), other.groups.get(sg)));
    assert!(base.groups.get(group(&base, "sg-b")).ingress.is_empty());
}
