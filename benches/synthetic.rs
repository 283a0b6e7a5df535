//! A deterministic estate of any size for the benches: one VPC, 32 subnets with a route table each, 8 network ACLs,
//! a NAT gateway, one security group per 20 interfaces with 24 rules of CIDRs and references, running instances.

use serde_json::{Value, json};

const ACCOUNT: &str = "111122223333";
const SUBNETS: usize = 32;
const ACLS: usize = 8;

/// A small linear congruential generator: the same numbers on every machine.
pub(crate) struct Lcg(pub(crate) u64);

impl Lcg {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % bound
    }
}

/// The private address of interface `n`.
pub(crate) fn address(n: usize) -> String {
    let (subnet, host) = (n % SUBNETS, n / SUBNETS + 10);
    format!("10.0.{}.{}", subnet * 8 + host / 256, host % 256)
}

/// The files of the directory.
pub(crate) fn files(interfaces: usize) -> Vec<(String, Vec<u8>)> {
    let mut random = Lcg(7);
    let groups = (interfaces / 20).max(4);
    let group_id = |g: usize| format!("sg-{g:017x}");
    let open = |egress: bool| json!({"RuleNumber": 100, "Egress": egress, "Protocol": "-1", "RuleAction": "allow", "CidrBlock": "0.0.0.0/0"});
    let subnets: Vec<Value> = (0..SUBNETS)
        .map(|s| json!({"SubnetId": format!("subnet-{s:017x}"), "VpcId": "vpc-1", "CidrBlock": format!("10.0.{}.0/21", s * 8),
            "AvailabilityZone": format!("eu-west-1{}", ["a", "b", "c"].get(s % 3).unwrap_or(&"a")), "OwnerId": ACCOUNT}))
        .collect();
    let tables: Vec<Value> = (0..SUBNETS)
        .map(|s| {
            let mut routes = vec![
                json!({"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"}),
                json!({"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1", "Origin": "CreateRoute", "State": "active"}),
            ];
            routes.extend((0..20).map(|r| json!({"DestinationCidrBlock": format!("172.16.{r}.0/24"), "VpcPeeringConnectionId": "pcx-1",
                "Origin": "CreateRoute", "State": "active"})));
            json!({"RouteTableId": format!("rtb-{s:017x}"), "VpcId": "vpc-1", "Routes": routes,
                "Associations": [{"Main": false, "SubnetId": format!("subnet-{s:017x}"), "AssociationState": {"State": "associated"}}]})
        })
        .collect();
    let acls: Vec<Value> = (0..ACLS)
        .map(|a| {
            let mut entries: Vec<Value> = (0..8)
                .map(|n| {
                    json!({"RuleNumber": 10 + n, "Egress": n % 2 == 0, "Protocol": "6", "RuleAction": "deny",
                    "CidrBlock": format!("192.168.{n}.0/24"), "PortRange": {"From": 1, "To": 1023}})
                })
                .collect();
            entries.extend([open(true), open(false)]);
            let of_acl =
                (0..SUBNETS).filter(|s| s % ACLS == a).map(|s| json!({"SubnetId": format!("subnet-{s:017x}")}));
            json!({"NetworkAclId": format!("acl-{a:017x}"), "VpcId": "vpc-1", "IsDefault": a == 0, "Entries": entries,
                "Associations": of_acl.collect::<Vec<_>>()})
        })
        .collect();
    let security_groups: Vec<Value> = (0..groups)
        .map(|g| {
            let rules: Vec<Value> = (0..24)
                .map(|r| {
                    let port = [22, 53, 80, 443, 5432, 8080, 8443, 9090].get(r % 8).unwrap_or(&22) + random.below(3);
                    let (cidrs, groups) = if r % 2 == 0 {
                        (json!([{"CidrIp": format!("10.0.{}.0/24", random.below(256))}]), json!([]))
                    } else {
                        (json!([]), json!([{"GroupId": group_id(random.below(groups)), "UserId": ACCOUNT}]))
                    };
                    json!({"IpProtocol": if r % 8 == 1 { "udp" } else { "tcp" }, "FromPort": port, "ToPort": port + r % 4,
                        "IpRanges": cidrs, "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": groups})
                })
                .collect();
            json!({"GroupId": group_id(g), "GroupName": format!("group-{g}"), "VpcId": "vpc-1", "OwnerId": ACCOUNT,
                "Description": "synthetic", "IpPermissions": rules, "IpPermissionsEgress": [{"IpProtocol": "-1",
                "IpRanges": [{"CidrIp": "0.0.0.0/0"}], "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []}]})
        })
        .collect();
    let mut enis: Vec<Value> = Vec::with_capacity(interfaces);
    let mut instances: Vec<Value> = Vec::with_capacity(interfaces);
    for n in 0..interfaces {
        let members: Vec<Value> =
            (0..=(n % 3)).map(|k| json!({"GroupId": group_id((n / 20 + k * 7) % groups), "GroupName": "g"})).collect();
        enis.push(json!({"NetworkInterfaceId": format!("eni-{n:017x}"), "InterfaceType": "interface", "Description": "",
            "Status": "in-use", "SubnetId": format!("subnet-{:017x}", n % SUBNETS), "VpcId": "vpc-1", "OwnerId": ACCOUNT,
            "AvailabilityZone": "eu-west-1a", "MacAddress": "02:00:00:00:00:00", "RequesterManaged": false,
            "SourceDestCheck": true, "Groups": members, "PrivateIpAddress": address(n), "Ipv6Addresses": [],
            "PrivateIpAddresses": [{"PrivateIpAddress": address(n), "Primary": true, "PrivateDnsName": "x"}], "TagSet": [],
            "Attachment": {"InstanceId": format!("i-{n:017x}"), "InstanceOwnerId": ACCOUNT, "DeviceIndex": 0, "Status": "attached"}}));
        instances.push(json!({"InstanceId": format!("i-{n:017x}"), "State": {"Name": "running", "Code": 16},
            "Tags": [{"Key": "Name", "Value": format!("host-{n}")}]}));
    }
    enis.push(json!({"NetworkInterfaceId": "eni-nat", "InterfaceType": "nat_gateway", "Description": "", "Status": "in-use",
        "SubnetId": "subnet-00000000000000000", "VpcId": "vpc-1", "OwnerId": ACCOUNT, "SourceDestCheck": false, "Groups": [],
        "PrivateIpAddress": "10.0.0.5", "PrivateIpAddresses": [{"PrivateIpAddress": "10.0.0.5", "Primary": true,
        "Association": {"PublicIp": "198.51.100.5"}}]}));
    let documents = [
        json!({"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16", "OwnerId": ACCOUNT}]}),
        json!({"Subnets": subnets}),
        json!({"RouteTables": tables}),
        json!({"NetworkAcls": acls}),
        json!({"SecurityGroups": security_groups}),
        json!({"NetworkInterfaces": enis}),
        json!({"Reservations": [{"Instances": instances}]}),
        json!({"NatGateways": [{"NatGatewayId": "nat-1", "State": "available", "SubnetId": "subnet-00000000000000000",
            "VpcId": "vpc-1", "NatGatewayAddresses": [{"NetworkInterfaceId": "eni-nat", "PrivateIp": "10.0.0.5",
            "PublicIp": "198.51.100.5", "IsPrimary": true}]}]}),
        json!({"VpcPeeringConnections": [], "InternetGateways": [], "VpcEndpoints": [], "PrefixLists": []}),
    ];
    let name = |value: &Value| value.as_object().and_then(|o| o.keys().next().cloned()).unwrap_or_default();
    documents.iter().map(|d| (format!("{}.json", name(d)), serde_json::to_vec_pretty(d).unwrap_or_default())).collect()
}
