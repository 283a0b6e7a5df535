//! A small account, as AWS answers it, and what a change can touch of it in words.

use std::collections::BTreeSet;

use reach_model::Network;
use reach_model::import::import_documents;
use reach_model::network::{Peer, Ref, Resource, Table, build};
use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";

/// One VPC `vpc-1` with subnets a and b, a second one `vpc-2` peered by `pcx-1`, gateways, groups, tables, endpoints, an
/// instance and a cluster.
pub(crate) fn estate() -> Value {
    let association = |id: &str, subnet: &str| json!({"RouteTableAssociationId": id, "Main": false, "SubnetId": subnet, "AssociationState": {"State": "associated"}});
    let local = |cidr: &str| json!({"DestinationCidrBlock": cidr, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"});
    let route = |cidr: &str, key: &str, id: &str| json!({"DestinationCidrBlock": cidr, key: id, "Origin": "CreateRoute", "State": "active"});
    let s3 =
        json!({"DestinationPrefixListId": "pl-s3", "GatewayId": "vpce-s3", "Origin": "CreateRoute", "State": "active"});
    let eni = |id: &str, kind: &str, subnet: &str, ip: &str, group: &str| {
        json!({"NetworkInterfaceId": id, "SubnetId": subnet, "VpcId": "vpc-1", "InterfaceType": kind, "Description": "",
            "Status": "in-use", "OwnerId": ACCOUNT, "Groups": [{"GroupId": group}], "PrivateIpAddress": ip,
            "SourceDestCheck": true, "PrivateIpAddresses": [{"PrivateIpAddress": ip, "Primary": true}]})
    };
    let mut attached = eni("eni-a", "interface", "subnet-a", "10.0.1.10", "sg-a");
    attached["Attachment"] =
        json!({"InstanceId": "i-a", "InstanceOwnerId": ACCOUNT, "DeviceIndex": 0, "Status": "attached"});
    let group = |id: &str, name: &str, ingress: Value, egress: Value| {
        json!({"GroupId": id, "GroupName": name, "VpcId": "vpc-1", "OwnerId": ACCOUNT,
            "IpPermissions": ingress, "IpPermissionsEgress": egress})
    };
    let cidr = |protocol: &str, from: i64, to: i64, cidr: &str| {
        let mut permission = json!({"IpProtocol": protocol, "IpRanges": [{"CidrIp": cidr}]});
        if protocol != "-1" {
            permission["FromPort"] = json!(from);
            permission["ToPort"] = json!(to);
        }
        permission
    };
    let entry = |number: u32, egress: bool, port: Option<u16>, cidr: &str| {
        let mut entry =
            json!({"RuleNumber": number, "Egress": egress, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": cidr});
        if let Some(port) = port {
            entry["Protocol"] = json!("6");
            entry["PortRange"] = json!({"From": port, "To": port});
        }
        entry
    };
    let acl = |id: &str, default: bool, mut entries: Vec<Value>, associations: Value| {
        for egress in [true, false] {
            entries.push(json!({"RuleNumber": 32767, "Egress": egress, "Protocol": "-1", "RuleAction": "deny", "CidrBlock": "0.0.0.0/0"}));
        }
        json!({"NetworkAclId": id, "VpcId": "vpc-1", "IsDefault": default, "Entries": entries, "Associations": associations})
    };
    json!({
        "Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "OwnerId": ACCOUNT, "DhcpOptionsId": "dopt-1"},
            {"VpcId": "vpc-2", "CidrBlock": "10.1.0.0/16", "OwnerId": ACCOUNT}],
        "Subnets": [
            {"SubnetId": "subnet-a", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24", "AvailabilityZone": "a", "OwnerId": ACCOUNT},
            {"SubnetId": "subnet-b", "VpcId": "vpc-1", "CidrBlock": "10.0.2.0/24", "AvailabilityZone": "b", "OwnerId": ACCOUNT}],
        "RouteTables": [
            {"RouteTableId": "rtb-main", "VpcId": "vpc-1", "Routes": [local("10.0.0.0/16"), route("192.168.0.0/16", "VpcPeeringConnectionId", "pcx-1")],
             "Associations": [{"RouteTableAssociationId": "rtbassoc-main", "Main": true, "AssociationState": {"State": "associated"}}]},
            {"RouteTableId": "rtb-1", "VpcId": "vpc-1", "Associations": [association("rtbassoc-a", "subnet-a")],
             "Routes": [local("10.0.0.0/16"), route("0.0.0.0/0", "NatGatewayId", "nat-1"), s3]},
            {"RouteTableId": "rtb-3", "VpcId": "vpc-1", "Associations": [], "Routes": [local("10.0.0.0/16")]}],
        "NetworkAcls": [
            acl("acl-1", true, vec![entry(100, false, None, "0.0.0.0/0"), entry(100, true, None, "0.0.0.0/0")], json!([
                {"NetworkAclAssociationId": "aclassoc-a", "NetworkAclId": "acl-1", "SubnetId": "subnet-a"}])),
            acl("acl-2", false, vec![entry(100, false, Some(443), "10.0.0.0/8"), entry(300, true, Some(443), "10.0.0.0/8")], json!([
                {"NetworkAclAssociationId": "aclassoc-b", "NetworkAclId": "acl-2", "SubnetId": "subnet-b"}]))],
        "SecurityGroups": [
            group("sg-a", "a", json!([cidr("tcp", 443, 443, "10.0.0.0/16")]), json!([cidr("-1", 0, 0, "0.0.0.0/0")])),
            group("sg-b", "b", json!([cidr("tcp", 22, 22, "192.168.0.0/16")]), json!([cidr("-1", 0, 0, "172.16.0.0/12")])),
            group("sg-free", "free", json!([{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-free", "UserId": ACCOUNT}]}]), json!([])),
            group("sg-default", "default", json!([{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-default", "UserId": ACCOUNT}]}]),
                json!([cidr("-1", 0, 0, "0.0.0.0/0")]))],
        "NetworkInterfaces": [attached, eni("eni-b", "interface", "subnet-b", "10.0.2.4", "sg-b"),
            eni("eni-sts-a", "vpc_endpoint", "subnet-a", "10.0.1.20", "sg-a"), eni("eni-sts-b", "vpc_endpoint", "subnet-b", "10.0.2.20", "sg-a")],
        "Reservations": [{"Instances": [{"InstanceId": "i-a", "State": {"Name": "running"}, "Tags": []}]}],
        "InternetGateways": [{"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": "vpc-1", "State": "available"}]}],
        "EgressOnlyInternetGateways": [],
        "NatGateways": [{"NatGatewayId": "nat-1", "State": "available", "VpcId": "vpc-1", "SubnetId": "subnet-b", "NatGatewayAddresses": []}],
        "VpcPeeringConnections": [{"VpcPeeringConnectionId": "pcx-1", "Status": {"Code": "active"},
            "RequesterVpcInfo": {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}, "AccepterVpcInfo": {"VpcId": "vpc-2", "CidrBlock": "10.1.0.0/16"}}],
        "VpcEndpoints": [
            {"VpcEndpointId": "vpce-s3", "VpcEndpointType": "Gateway", "VpcId": "vpc-1", "State": "available",
             "ServiceName": "com.amazonaws.us-east-1.s3", "RouteTableIds": ["rtb-1"]},
            {"VpcEndpointId": "vpce-sts", "VpcEndpointType": "Interface", "VpcId": "vpc-1", "State": "available", "PrivateDnsEnabled": false,
             "ServiceName": "com.amazonaws.us-east-1.sts", "NetworkInterfaceIds": ["eni-sts-a", "eni-sts-b"]}],
        "PrefixLists": [
            {"PrefixListId": "pl-1", "PrefixListName": "mine", "AddressFamily": "IPv4", "MaxEntries": 5, "Version": 3, "OwnerId": ACCOUNT,
             "Cidrs": ["192.0.2.0/24"]},
            {"PrefixListId": "pl-s3", "PrefixListName": "com.amazonaws.us-east-1.s3", "AddressFamily": "IPv4", "OwnerId": "AWS",
             "Cidrs": ["52.216.0.0/15"]}],
        "TransitGateways": [], "TransitGatewayAttachments": [], "DhcpOptions": [],
        "cluster": {"name": "prod", "resourcesVpcConfig": {"vpcId": "vpc-1", "endpointPublicAccess": true,
            "endpointPrivateAccess": false, "publicAccessCidrs": ["0.0.0.0/0"]}},
    })
}

pub(crate) fn built(value: &Value) -> Network {
    // The entries of prefix lists come from a call of their own.
    let mut value = value.clone();
    let mut documents = Vec::new();
    for list in value["PrefixLists"].as_array_mut().unwrap() {
        let entries = list.as_object_mut().unwrap().remove("Cidrs").unwrap();
        let entries: Vec<Value> = entries.as_array().unwrap().iter().map(|cidr| json!({"Cidr": cidr})).collect();
        let id = list["PrefixListId"].as_str().unwrap();
        documents.push((format!("{id}.json"), json!({"PrefixListId": id, "Entries": entries})));
    }
    let cluster = value.as_object_mut().unwrap().remove("cluster").unwrap();
    documents.push(("cluster.json".to_owned(), json!({"cluster": cluster})));
    documents.push(("estate.json".to_owned(), value));
    let texts: Vec<(String, String)> = documents.into_iter().map(|(name, value)| (name, value.to_string())).collect();
    let snapshot = import_documents(texts.iter().map(|(name, text)| (name.clone(), text.as_bytes())));
    build(&snapshot.unwrap_or_else(|errors| panic!("{errors}"))).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The estate after `change` was made in its answers.
pub(crate) fn changed(change: impl FnOnce(&mut Value)) -> Network {
    let mut value = estate();
    change(&mut value);
    built(&value)
}

/// The element of `key` with this id.
pub(crate) fn of<'v>(value: &'v mut Value, key: &str, id: &str) -> &'v mut Value {
    let own = ["NetworkInterfaceId", "GroupId", "NetworkAclId", "RouteTableId", "VpcEndpointId", "PrefixListId"];
    let list = value[key].as_array_mut().unwrap();
    list.iter_mut().find(|element| own.iter().any(|key| element[*key] == id)).unwrap_or_else(|| panic!("no {id}"))
}

fn lines<T: Resource>(table: &Table<T>, told: &mut BTreeSet<String>, mut tell: impl FnMut(&T) -> String) {
    for (_, item) in table.iter().filter(|(idx, _)| table.holds(*idx)) {
        told.insert(tell(item));
    }
}

/// Everything that a plan can change, in words; the order of rules and routes is nothing that AWS promises.
pub(crate) fn told(network: &Network) -> Vec<String> {
    let mut told = BTreeSet::new();
    lines(&network.groups, &mut told, |group| {
        let rules = |rules: &[reach_model::network::SecurityGroupRule]| {
            let of = |rule: &reach_model::network::SecurityGroupRule| {
                let peer = match &rule.peer {
                    Peer::Cidr(net) => net.to_string(),
                    Peer::PrefixList(list) => list.id(&network.prefix_lists).to_string(),
                    Peer::Group(peer) => peer.group.id(&network.groups).to_string(),
                };
                format!("{:?} {:?}-{:?} {peer}", rule.protocol, rule.from_port, rule.to_port)
            };
            rules.iter().map(of).collect::<BTreeSet<_>>()
        };
        format!("{} {:?} {:?}", group.id, rules(&group.ingress), rules(&group.egress))
    });
    lines(&network.acls, &mut told, |acl| {
        let entries: BTreeSet<String> = acl.entries.iter().map(|entry| format!("{entry:?}")).collect();
        format!("{} {entries:#?}", acl.id)
    });
    lines(&network.subnets, &mut told, |subnet| {
        let acl = subnet.acl.map(|idx| network.acls.get(idx).id.to_string());
        let table = subnet.route_table.map(|idx| network.route_tables.get(idx).id.to_string());
        format!("{} {acl:?} {table:?}", subnet.id)
    });
    lines(&network.vpcs, &mut told, |vpc| {
        let table = vpc.main_route_table.map(|idx| network.route_tables.get(idx).id.to_string());
        format!("{} {table:?}", vpc.id)
    });
    lines(&network.route_tables, &mut told, |table| {
        let routes: BTreeSet<String> = table.routes.iter().map(|route| format!("{route:?}")).collect();
        format!("{} {} {routes:?}", table.id, table.main)
    });
    lines(&network.prefix_lists, &mut told, |list| format!("{} {:?} {:?}", list.id, list.max_entries, list.cidrs));
    lines(&network.interfaces, &mut told, |interface| {
        let groups: BTreeSet<_> = interface.groups.iter().map(|group| group.id(&network.groups).to_string()).collect();
        format!("{} {groups:?} {} {:?}", interface.id, interface.source_dest_check, interface.addresses)
    });
    lines(&network.endpoints, &mut told, |endpoint| {
        let interfaces = endpoint.interfaces.iter().filter_map(Ref::known).map(|idx| &network.interfaces.get(idx).id);
        format!("{} {} {} {:?}", endpoint.id, endpoint.service, endpoint.private_dns, interfaces.collect::<Vec<_>>())
    });
    lines(&network.clusters, &mut told, |cluster| {
        format!(
            "{} {} {} {:?}",
            cluster.name, cluster.public_access, cluster.private_access, cluster.public_access_cidrs
        )
    });
    told.into_iter().collect()
}
