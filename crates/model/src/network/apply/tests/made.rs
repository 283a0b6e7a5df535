//! Tables, network ACLs and prefix lists that a scenario makes and deletes, and values that are not known yet.

use super::*;
use crate::change::unknown_id;

fn named(call: &str, kind: &str, name: &str) -> Value {
    json!({call: {"VpcId": "vpc-1", "TagSpecifications": [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]}})
}

fn table(name: &str) -> Value {
    named("CreateRouteTable", "route-table", name)
}

#[test]
fn a_new_table_has_the_local_route_and_is_found_by_its_name() {
    let network = after([
        table("t"),
        json!({"CreateRoute": {"RouteTableId": "new:t", "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1"}}),
        json!({"DisassociateRouteTable": {"AssociationId": "rtbassoc-a"}}),
        json!({"AssociateRouteTable": {"RouteTableId": "new:t", "SubnetId": "subnet-a"}}),
        json!({"DeleteRouteTable": {"RouteTableId": "rtb-1"}}),
    ]);
    let expected = changed(|value| {
        let tables = value["RouteTables"].as_array_mut().unwrap();
        tables.retain(|table| table["RouteTableId"] != "rtb-1");
        tables.push(json!({"RouteTableId": "rtb-new-t", "VpcId": "vpc-1", "Associations": [
            {"RouteTableAssociationId": "rtbassoc-new-a", "Main": false, "SubnetId": "subnet-a", "AssociationState": {"State": "associated"}}],
            "Routes": [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"},
                {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-1", "Origin": "CreateRoute", "State": "active"}]}));
    });
    let of = |network: &Network| {
        let table = network.route_tables.get(network.route_tables.find_text("rtb-new-t").unwrap());
        format!("{:?} {:?} {:?}", table.routes, table.associations, table.vpc)
    };
    assert_eq!(of(&network), of(&expected));
    assert!(network.route_tables.find_text("rtb-1").is_none());
    let subnet = network.subnets.get(network.subnets.find_text("subnet-a").unwrap());
    assert_eq!(subnet.route_table, network.route_tables.find_text("rtb-new-t"));
}

#[test]
fn a_subnet_without_a_table_of_its_own_follows_the_main_one() {
    let network = after([json!({"DisassociateRouteTable": {"AssociationId": "rtbassoc-a"}})]);
    same(&network, &changed(|value| value["RouteTables"][1]["Associations"] = json!([])));
    let disassociate = |id: &str| json!({"DisassociateRouteTable": {"AssociationId": id}});
    assert_eq!(code(disassociate("rtbassoc-main")), "InvalidParameterValue");
    assert_eq!(code(disassociate("rtbassoc-0")), "InvalidAssociationID.NotFound");
    assert_eq!(code(json!({"DeleteRouteTable": {"RouteTableId": "rtb-1"}})), "DependencyViolation");
    assert_eq!(code(json!({"DeleteRouteTable": {"RouteTableId": "rtb-main"}})), "DependencyViolation");
}

#[test]
fn a_new_network_acl_denies_and_goes_when_no_subnet_uses_it() {
    let acl = named("CreateNetworkAcl", "network-acl", "n");
    let network = after([acl.clone()]);
    let made = network.acls.get(network.acls.find_text("acl-new-n").unwrap());
    assert!(made.entries.len() == 2 && made.entries.iter().all(|entry| !entry.allow && entry.number == 32767));
    let replace = json!({"ReplaceNetworkAclAssociation": {"AssociationId": "aclassoc-a", "NetworkAclId": "new:n"}});
    let mut network = after([acl.clone(), replace]);
    let delete = json!({"DeleteNetworkAcl": {"NetworkAclId": "new:n"}});
    assert_eq!(refused(&mut network, delete.clone()), "DependencyViolation");
    same(&after([acl, delete]), &super::network());
    assert_eq!(code(json!({"DeleteNetworkAcl": {"NetworkAclId": "acl-1"}})), "InvalidParameterValue");
}

#[test]
fn a_new_prefix_list_goes_when_nothing_names_it() {
    let create = |input: Value| json!({"CreateManagedPrefixList": input});
    let list = create(
        json!({"PrefixListName": "l", "AddressFamily": "IPv4", "MaxEntries": 3, "Entries": [{"Cidr": "192.0.2.0/24"}]}),
    );
    let rule = json!({"AuthorizeSecurityGroupIngress": {"GroupId": "sg-b", "IpPermissions": [
        {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": "new:l"}]}]}});
    let mut network = after([list.clone(), rule]);
    let made = network.prefix_lists.get(network.prefix_lists.find_text("pl-new-l").unwrap());
    assert_eq!(made.cidrs.as_deref(), Some(&["192.0.2.0/24".parse().unwrap()][..]));
    let delete = json!({"DeleteManagedPrefixList": {"PrefixListId": "new:l"}});
    assert_eq!(refused(&mut network, delete.clone()), "DependencyViolation");
    same(&after([list, delete]), &super::network());
    let too_many = json!({"PrefixListName": "l", "AddressFamily": "IPv4", "MaxEntries": 1, "Entries": [{"Cidr": "192.0.2.0/24"}, {"Cidr": "198.51.100.0/24"}]});
    assert_eq!(code(create(too_many)), "PrefixListMaxEntriesExceeded");
    assert_eq!(
        code(create(json!({"PrefixListName": "l", "AddressFamily": "IPv5", "MaxEntries": 1}))),
        "InvalidParameterValue"
    );
    assert_eq!(code(json!({"DeleteManagedPrefixList": {"PrefixListId": "pl-s3"}})), "OperationNotPermitted");
}

/// What is not known yet is taken where the snapshot is complete, too, and leaves a hole there.
#[test]
fn values_that_are_not_known_yet() {
    let rule = |list: &str| {
        json!({"AuthorizeSecurityGroupIngress": {"GroupId": "sg-b", "IpPermissions": [
            {"IpProtocol": "-1", "PrefixListIds": [{"PrefixListId": list}]}]}})
    };
    assert_eq!(code(rule("pl-0")), "InvalidPrefixListID.NotFound");
    let network = after([rule(&unknown_id("pl-", "x"))]);
    assert_eq!(network.groups.get(group(&network, "sg-b")).ingress.len(), 1);
    let groups = |id: &str| json!({"ModifyNetworkInterfaceAttribute": {"NetworkInterfaceId": "eni-b", "Groups": [id]}});
    assert_eq!(code(groups("sg-0")), "InvalidGroup.NotFound");
    let network = after([groups(&unknown_id("sg-", "x"))]);
    let eni = network.interfaces.get(network.interfaces.find_text("eni-b").unwrap());
    assert!(matches!(&*eni.groups, [Ref::Missing(_)]));
    let subnet = |network: &Network| {
        let subnet = network.subnets.get(network.subnets.find_text("subnet-a").unwrap());
        (subnet.acl.is_some(), subnet.route_table.is_some())
    };
    let acl = json!({"ReplaceNetworkAclAssociation": {"AssociationId": "aclassoc-a", "NetworkAclId": unknown_id("acl-", "x")}});
    assert_eq!(subnet(&after([acl])), (false, true));
    let table = json!({"AssociateRouteTable": {"RouteTableId": unknown_id("rtb-", "x"), "SubnetId": "subnet-a"}});
    assert_eq!(code(table.clone()), "Resource.AlreadyAssociated");
    let network = after([json!({"DisassociateRouteTable": {"AssociationId": "rtbassoc-a"}}), table]);
    assert_eq!(subnet(&network), (true, false));
    let entries = json!({"ModifyManagedPrefixList": {"PrefixListId": "pl-1", "AddEntries": [{"Cidr": "unknown"}]}});
    let network = after([entries]);
    assert_eq!(network.prefix_lists.get(network.prefix_lists.find_text("pl-1").unwrap()).cidrs, None);
    let route = |id: &str| json!({"CreateRoute": {"RouteTableId": "rtb-2", "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": id}});
    assert_eq!(code(route("nat-0")), "InvalidNatGatewayID.NotFound");
    after([route(&unknown_id("nat-", "x"))]);
}
