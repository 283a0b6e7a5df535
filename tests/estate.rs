//! Small estates for tests: AWS JSON made in a few lines, imported by the real import, asked by the real selectors.
//!
//! [`Estate::new`] is the conventional playground of the rule tests: one VPC `10.0.0.0/16`, subnets `a` (10.0.1.0/24,
//! zone a), `b` (10.0.2.0/24, zone b) and `pub` (10.0.9.0/24, zone a), open default network ACL, a main table with the
//! local route, every collection present. What a test is about is then added, changed or left out.

#![allow(dead_code, reason = "every test module uses its own part of the playground")]

use std::collections::BTreeMap;

use reach_engine::compile::Compiled;
use reach_engine::pair::{AllowedPorts, Ask, Lane};
use reach_engine::question::{self, Answer, Engine};
use reach_engine::verdict::Verdict;
use reach_engine::{explain, simulate::Tracking};
use reach_model::Network;
use reach_model::import::import_documents;
use reach_packets::{Family, IcmpSet, IntervalSet, PortRanges, Protocol};
use serde_json::{Value, json};

/// The collections of a complete directory, by top-level key.
const COLLECTIONS: &[&str] = &[
    "Vpcs",
    "Subnets",
    "RouteTables",
    "NetworkAcls",
    "SecurityGroups",
    "NetworkInterfaces",
    "Reservations",
    "InternetGateways",
    "EgressOnlyInternetGateways",
    "NatGateways",
    "VpcPeeringConnections",
    "VpcEndpoints",
    "PrefixLists",
    "TransitGateways",
    "TransitGatewayAttachments",
    "TransitGatewayVpcAttachments",
    "TransitGatewayPeeringAttachments",
    "TransitGatewayRouteTables",
    "VpnGateways",
    "DhcpOptions",
    "VpcBlockPublicAccessExclusions",
    "SecurityGroupVpcAssociations",
    "InterfaceAssociations",
    "InstanceConnectEndpoints",
    "LoadBalancers",
    "LoadBalancerDescriptions",
];

/// An account under construction.
#[derive(Debug, Clone)]
pub(crate) struct Estate {
    collections: BTreeMap<String, Vec<Value>>,
    /// Documents with sibling keys or other shapes, by file name.
    documents: BTreeMap<String, Value>,
}

/// Lines of a group that is open both ways.
pub(crate) const OPEN: &[&str] = &["ingress -1 0.0.0.0/0", "egress -1 0.0.0.0/0", "ingress -1 ::/0", "egress -1 ::/0"];

/// The account of everything unless a test says otherwise.
pub(crate) const ACCOUNT: &str = "111122223333";

impl Estate {
    /// Every collection, all empty.
    pub(crate) fn empty() -> Self {
        let collections = COLLECTIONS.iter().map(|key| ((*key).to_owned(), Vec::new())).collect();
        Self { collections, documents: BTreeMap::new() }
    }

    /// The playground described above: `vpc-1`, `subnet-a`, `subnet-b`, `subnet-pub`, `acl-1`, `rtb-main`.
    pub(crate) fn new() -> Self {
        let mut estate = Self::empty();
        estate.vpc("vpc-1", "10.0.0.0/16");
        estate.subnet("subnet-a", "vpc-1", "10.0.1.0/24", "us-east-1a");
        estate.subnet("subnet-b", "vpc-1", "10.0.2.0/24", "us-east-1b");
        estate.subnet("subnet-pub", "vpc-1", "10.0.9.0/24", "us-east-1a");
        estate
    }

    /// Adds an element to a collection.
    pub(crate) fn add(&mut self, key: &str, value: Value) -> &mut Self {
        self.collections.entry(key.to_owned()).or_default().push(value);
        self
    }

    /// Adds a document with sibling keys (`{"PrefixListId": …, "Entries": […]}`), as its own file.
    pub(crate) fn document(&mut self, value: Value) -> &mut Self {
        let taken = self.documents.keys().filter_map(|name| name.strip_prefix("document-")?.strip_suffix(".json"));
        let next = taken.filter_map(|n| n.parse::<usize>().ok()).max().map_or(0, |n| n + 1);
        self.documents.insert(format!("document-{next}.json"), value);
        self
    }

    /// The collection was not collected.
    pub(crate) fn without(&mut self, key: &str) -> &mut Self {
        self.collections.remove(key);
        self
    }

    /// Leaves out the documents with this top-level key.
    pub(crate) fn without_documents(&mut self, key: &str) -> &mut Self {
        self.documents.retain(|_, document| document.get(key).is_none());
        self
    }

    /// Changes the element of `key` whose `id_key` is `id`.
    pub(crate) fn change(&mut self, key: &str, id_key: &str, id: &str, change: impl FnOnce(&mut Value)) -> &mut Self {
        let list = self.collections.get_mut(key).unwrap_or_else(|| panic!("no collection {key}"));
        let element = list.iter_mut().find(|e| e[id_key] == id).unwrap_or_else(|| panic!("no {id} in {key}"));
        change(element);
        self
    }

    /// Changes every element of a collection.
    pub(crate) fn each(&mut self, key: &str, change: impl FnMut(&mut Value)) -> &mut Self {
        self.collections.get_mut(key).into_iter().flatten().for_each(change);
        self
    }

    /// Moves an element to the front of its collection.
    pub(crate) fn first(&mut self, key: &str, id_key: &str, id: &str) -> &mut Self {
        self.collections.get_mut(key).unwrap().sort_by_key(|element| element[id_key] != id);
        self
    }

    /// Keeps the elements of a collection that `keep` likes.
    pub(crate) fn retain(&mut self, key: &str, keep: impl FnMut(&Value) -> bool) -> &mut Self {
        self.collections.entry(key.to_owned()).or_default().retain(keep);
        self
    }

    /// A VPC with a main table (`rtb-main` or `rtb-main-<vpc>`) and an open default network ACL (`acl-1` or
    /// `acl-<vpc>`), IPv4 only.
    pub(crate) fn vpc(&mut self, id: &str, cidr: &str) -> &mut Self {
        let (table, acl) = if id == "vpc-1" {
            ("rtb-main".to_owned(), "acl-1".to_owned())
        } else {
            (format!("rtb-main-{id}"), format!("acl-{id}"))
        };
        self.add(
            "Vpcs",
            json!({"VpcId": id, "CidrBlock": cidr, "OwnerId": ACCOUNT, "State": "available", "DhcpOptionsId": "dopt-1",
                "CidrBlockAssociationSet": [{"CidrBlock": cidr, "CidrBlockState": {"State": "associated"}}]}),
        );
        if self.collections["DhcpOptions"].is_empty() {
            self.add(
                "DhcpOptions",
                json!({"DhcpOptionsId": "dopt-1", "DhcpConfigurations": [
                    {"Key": "domain-name-servers", "Values": [{"Value": "AmazonProvidedDNS"}]}]}),
            );
        }
        for attribute in ["EnableDnsSupport", "EnableDnsHostnames"] {
            self.document(json!({"VpcId": id, attribute: {"Value": true}}));
        }
        self.table(&table, id, &[]);
        self.change("RouteTables", "RouteTableId", &table, |table| {
            table["Associations"] = json!([{"Main": true, "AssociationState": {"State": "associated"}}]);
        });
        self.acl(
            &acl,
            id,
            &[
                "100 ingress allow -1 0.0.0.0/0",
                "100 egress allow -1 0.0.0.0/0",
                "101 ingress allow -1 ::/0",
                "101 egress allow -1 ::/0",
            ],
        );
        self.change("NetworkAcls", "NetworkAclId", &acl, |acl| acl["IsDefault"] = json!(true))
    }

    /// Gives a VPC an IPv6 CIDR (with its local route in every table of the VPC).
    pub(crate) fn vpc_ipv6(&mut self, id: &str, cidr: &str) -> &mut Self {
        self.change("Vpcs", "VpcId", id, |vpc| {
            vpc["Ipv6CidrBlockAssociationSet"] =
                json!([{"Ipv6CidrBlock": cidr, "Ipv6CidrBlockState": {"State": "associated"}}]);
        });
        for table in self.collections.get_mut("RouteTables").into_iter().flatten().filter(|t| t["VpcId"] == id) {
            let route = json!({"DestinationIpv6CidrBlock": cidr, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"});
            table["Routes"].as_array_mut().unwrap().push(route);
        }
        self
    }

    /// A subnet that uses the VPC's main table and default network ACL.
    pub(crate) fn subnet(&mut self, id: &str, vpc: &str, cidr: &str, zone: &str) -> &mut Self {
        self.add(
            "Subnets",
            json!({"SubnetId": id, "VpcId": vpc, "CidrBlock": cidr, "AvailabilityZone": zone, "OwnerId": ACCOUNT}),
        )
    }

    /// Gives a subnet an IPv6 CIDR.
    pub(crate) fn subnet_ipv6(&mut self, id: &str, cidr: &str) -> &mut Self {
        self.change("Subnets", "SubnetId", id, |subnet| {
            subnet["Ipv6CidrBlockAssociationSet"] =
                json!([{"Ipv6CidrBlock": cidr, "Ipv6CidrBlockState": {"State": "associated"}}]);
        })
    }

    /// A route table with the VPC's local route and `routes` (`"0.0.0.0/0 igw-1"`, `"pl-1 vpce-1"`, `"10.9.0.0/16
    /// pcx-1 blackhole"`, `"10.9.0.0/16 vgw-1 propagated"`), associated with no subnet yet.
    pub(crate) fn table(&mut self, id: &str, vpc: &str, routes: &[&str]) -> &mut Self {
        let vpc_value = self.collections["Vpcs"].iter().find(|v| v["VpcId"] == vpc).cloned().unwrap_or_default();
        let mut list = vec![
            json!({"DestinationCidrBlock": vpc_value["CidrBlock"], "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"}),
        ];
        if let Some(cidr) = vpc_value["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].as_str() {
            list.push(json!({"DestinationIpv6CidrBlock": cidr, "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"}));
        }
        list.extend(routes.iter().map(|text| route(text)));
        self.add(
            "RouteTables",
            json!({"RouteTableId": id, "VpcId": vpc, "OwnerId": ACCOUNT, "Associations": [],
            "PropagatingVgws": [], "Routes": list}),
        )
    }

    /// Adds a route to a table.
    pub(crate) fn route(&mut self, table: &str, text: &str) -> &mut Self {
        self.change("RouteTables", "RouteTableId", table, |table| {
            table["Routes"].as_array_mut().unwrap().push(route(text));
        })
    }

    /// Associates a subnet with a table explicitly.
    pub(crate) fn associate(&mut self, table: &str, subnet: &str) -> &mut Self {
        self.change("RouteTables", "RouteTableId", table, |table| {
            let association = json!({"Main": false, "SubnetId": subnet, "AssociationState": {"State": "associated"}});
            table["Associations"].as_array_mut().unwrap().push(association);
        })
    }

    /// A network ACL from lines `NUMBER ingress|egress allow|deny PROTOCOL CIDR [PORTS|TYPE/CODE]`, with AWS's final
    /// denials.
    pub(crate) fn acl(&mut self, id: &str, vpc: &str, lines: &[&str]) -> &mut Self {
        let mut entries: Vec<Value> = lines.iter().map(|line| acl_entry(line)).collect();
        for egress in [true, false] {
            entries.push(json!({"RuleNumber": 32767, "Egress": egress, "Protocol": "-1", "RuleAction": "deny", "CidrBlock": "0.0.0.0/0"}));
            entries.push(json!({"RuleNumber": 32768, "Egress": egress, "Protocol": "-1", "RuleAction": "deny", "Ipv6CidrBlock": "::/0"}));
        }
        self.add(
            "NetworkAcls",
            json!({"NetworkAclId": id, "VpcId": vpc, "OwnerId": ACCOUNT, "IsDefault": false,
            "Associations": [], "Entries": entries}),
        )
    }

    /// Associates a subnet with a network ACL.
    pub(crate) fn acl_for(&mut self, acl: &str, subnet: &str) -> &mut Self {
        self.change("NetworkAcls", "NetworkAclId", acl, |acl| {
            acl["Associations"]
                .as_array_mut()
                .unwrap()
                .push(json!({"SubnetId": subnet, "NetworkAclAssociationId": "aclassoc-1"}));
        })
    }

    /// A security group of `vpc-1` from lines `ingress|egress PROTOCOL [PORTS|TYPE/CODE] PEER`, where PEER is a CIDR, a
    /// `pl-…` or an `sg-…`; `-1` has no ports. Nothing is added: a group without lines has no rules.
    pub(crate) fn group(&mut self, id: &str, lines: &[&str]) -> &mut Self {
        self.group_in(id, "vpc-1", lines)
    }

    /// A security group of another VPC.
    pub(crate) fn group_in(&mut self, id: &str, vpc: &str, lines: &[&str]) -> &mut Self {
        let [ingress, egress] = permissions(lines);
        self.add(
            "SecurityGroups",
            json!({"GroupId": id, "GroupName": id, "VpcId": vpc, "OwnerId": ACCOUNT,
            "IpPermissions": ingress, "IpPermissionsEgress": egress}),
        )
    }

    /// A running instance `i-<name>` with one interface `eni-<name>` at `address` in the subnet that holds it.
    pub(crate) fn instance(&mut self, name: &str, address: &str, groups: &[&str]) -> &mut Self {
        self.interface(name, address, groups);
        let instance = format!("i-{name}");
        self.change("NetworkInterfaces", "NetworkInterfaceId", &format!("eni-{name}"), |eni| {
            eni["Attachment"] =
                json!({"InstanceId": instance, "InstanceOwnerId": ACCOUNT, "DeviceIndex": 0, "Status": "attached"});
        });
        self.add(
            "Reservations",
            json!({"Instances": [{"InstanceId": instance, "State": {"Name": "running"},
            "Tags": [{"Key": "Name", "Value": name}]}]}),
        )
    }

    /// An interface `eni-<name>` of no instance (a service's), at `address`.
    pub(crate) fn interface(&mut self, name: &str, address: &str, groups: &[&str]) -> &mut Self {
        let subnet = self.subnet_of(address);
        let groups: Vec<Value> = groups.iter().map(|group| json!({"GroupId": group, "GroupName": group})).collect();
        let mut eni = json!({"NetworkInterfaceId": format!("eni-{name}"), "InterfaceType": "interface", "Description": "",
            "Status": "in-use", "SubnetId": subnet["SubnetId"], "VpcId": subnet["VpcId"], "OwnerId": ACCOUNT,
            "SourceDestCheck": true, "Groups": groups, "PrivateIpAddresses": [], "Ipv6Addresses": [],
            "Attachment": {"InstanceOwnerId": "amazon-aws", "DeviceIndex": 1, "Status": "attached"}});
        if address.contains(':') {
            eni["Ipv6Addresses"] = json!([{"Ipv6Address": address}]);
        } else {
            eni["PrivateIpAddress"] = json!(address);
            eni["PrivateIpAddresses"] = json!([{"PrivateIpAddress": address, "Primary": true}]);
        }
        self.add("NetworkInterfaces", eni)
    }

    /// Changes an interface.
    pub(crate) fn eni(&mut self, name: &str, change: impl FnOnce(&mut Value)) -> &mut Self {
        self.change("NetworkInterfaces", "NetworkInterfaceId", &format!("eni-{name}"), change)
    }

    /// Adds a secondary IPv4 address, with a public one where given.
    pub(crate) fn secondary(&mut self, name: &str, address: &str, public: Option<&str>) -> &mut Self {
        self.eni(name, |eni| {
            let mut entry = json!({"PrivateIpAddress": address, "Primary": false});
            if let Some(public) = public {
                entry["Association"] = json!({"PublicIp": public});
            }
            eni["PrivateIpAddresses"].as_array_mut().unwrap().push(entry);
        })
    }

    /// Adds an IPv6 address.
    pub(crate) fn ipv6(&mut self, name: &str, address: &str) -> &mut Self {
        self.eni(name, |eni| eni["Ipv6Addresses"].as_array_mut().unwrap().push(json!({"Ipv6Address": address})))
    }

    /// Associates a public address with the primary one.
    pub(crate) fn public(&mut self, name: &str, public: &str) -> &mut Self {
        self.eni(name, |eni| eni["PrivateIpAddresses"][0]["Association"] = json!({"PublicIp": public}))
    }

    /// `igw-1` attached to `vpc-1`, a table `rtb-pub` with `0.0.0.0/0 igw-1` for `subnet-pub`.
    pub(crate) fn internet(&mut self) -> &mut Self {
        self.add(
            "InternetGateways",
            json!({"InternetGatewayId": "igw-1", "Attachments": [{"VpcId": "vpc-1", "State": "available"}]}),
        );
        self.table("rtb-pub", "vpc-1", &["0.0.0.0/0 igw-1"]);
        self.associate("rtb-pub", "subnet-pub")
    }

    /// A public NAT gateway `nat-1` at 10.0.9.5 (198.51.100.5) in `subnet-pub`; needs [`Self::internet`].
    pub(crate) fn nat(&mut self) -> &mut Self {
        self.interface("nat-1", "10.0.9.5", &[]);
        self.public("nat-1", "198.51.100.5");
        self.eni("nat-1", |eni| {
            eni["InterfaceType"] = json!("nat_gateway");
            eni["SourceDestCheck"] = json!(false);
        });
        self.add(
            "NatGateways",
            json!({"NatGatewayId": "nat-1", "State": "available", "SubnetId": "subnet-pub",
            "VpcId": "vpc-1", "ConnectivityType": "public", "NatGatewayAddresses": [{"NetworkInterfaceId": "eni-nat-1",
            "PrivateIp": "10.0.9.5", "PublicIp": "198.51.100.5", "IsPrimary": true, "Status": "succeeded"}]}),
        )
    }

    /// The conventional pair: A at 10.0.1.10 with `sg-a`, B at 10.0.2.20 with `sg-b`, each group from its lines.
    pub(crate) fn two(a: &[&str], b: &[&str]) -> Self {
        let mut estate = Self::new();
        estate.group("sg-a", a).group("sg-b", b);
        estate.instance("a", "10.0.1.10", &["sg-a"]).instance("b", "10.0.2.20", &["sg-b"]);
        estate
    }

    /// Gives the playground's VPC, its subnets and the pair IPv6: A at `2600:1:0:1::10`, B at `2600:1:0:2::20`.
    pub(crate) fn dual_stack(&mut self) -> &mut Self {
        self.vpc_ipv6("vpc-1", "2600:1::/56");
        self.subnet_ipv6("subnet-a", "2600:1:0:1::/64").subnet_ipv6("subnet-b", "2600:1:0:2::/64");
        self.ipv6("a", "2600:1:0:1::10").ipv6("b", "2600:1:0:2::20")
    }

    /// [`Self::second_vpc`] joined with `vpc-1` by the peering `pcx-1`, routes both ways, `sg-2` with these rules.
    pub(crate) fn peer(&mut self, rules: &[&str]) -> &mut Self {
        self.second_vpc().rules("sg-2", rules).peering("pcx-1", "vpc-1", "vpc-2");
        self.route("rtb-main", "10.1.0.0/16 pcx-1").route("rtb-main-vpc-2", "10.0.0.0/16 pcx-1")
    }

    /// Gives a group other rules.
    pub(crate) fn rules(&mut self, id: &str, lines: &[&str]) -> &mut Self {
        let [ingress, egress] = permissions(lines);
        self.change("SecurityGroups", "GroupId", id, |group| {
            group["IpPermissions"] = json!(ingress);
            group["IpPermissionsEgress"] = json!(egress);
        })
    }

    /// The call of `key` stopped after the elements that are there: a page was not followed.
    pub(crate) fn truncated(&mut self, key: &str) -> &mut Self {
        let list = self.collections.remove(key).unwrap_or_default();
        self.document(json!({key: list, "NextToken": "more"}))
    }

    /// An active peering `id` between two VPCs of one Region.
    pub(crate) fn peering(&mut self, id: &str, requester: &str, accepter: &str) -> &mut Self {
        let side = |estate: &Self, vpc: &str| {
            let of = estate.collections["Vpcs"].iter().find(|v| v["VpcId"] == vpc);
            let (cidr, set) = (of.map(|v| v["CidrBlock"].clone()), of.map(|v| v["CidrBlockAssociationSet"].clone()));
            json!({"VpcId": vpc, "OwnerId": ACCOUNT, "Region": "us-east-1", "CidrBlock": cidr, "CidrBlockSet": set})
        };
        let sides = (side(self, requester), side(self, accepter));
        let status = json!({"Code": "active"});
        let peering = json!({"VpcPeeringConnectionId": id, "Status": status, "RequesterVpcInfo": sides.0, "AccepterVpcInfo": sides.1});
        self.add("VpcPeeringConnections", peering)
    }

    /// A second VPC `vpc-2` (10.1.0.0/16) with `subnet-c` (10.1.1.0/24, zone a) and `subnet-d` (10.1.2.0/24, zone b),
    /// a group `sg-2` open both ways and an instance `c` at 10.1.1.30 that carries it.
    pub(crate) fn second_vpc(&mut self) -> &mut Self {
        self.vpc("vpc-2", "10.1.0.0/16");
        self.subnet("subnet-c", "vpc-2", "10.1.1.0/24", "us-east-1a");
        self.subnet("subnet-d", "vpc-2", "10.1.2.0/24", "us-east-1b");
        self.group_in("sg-2", "vpc-2", OPEN).instance("c", "10.1.1.30", &["sg-2"])
    }

    /// A transit gateway with its default options.
    pub(crate) fn transit(&mut self, id: &str) -> &mut Self {
        self.add(
            "TransitGateways",
            json!({"TransitGatewayId": id, "State": "available", "OwnerId": ACCOUNT, "Options": {}}),
        )
    }

    /// An attachment `tgw-attach-<vpc>` of a VPC by these subnets, associated with `table` where that is not empty.
    pub(crate) fn attach(&mut self, gateway: &str, vpc: &str, subnets: &[&str], table: &str) -> &mut Self {
        let id = format!("tgw-attach-{vpc}");
        let association =
            (!table.is_empty()).then(|| json!({"TransitGatewayRouteTableId": table, "State": "associated"}));
        let mut attachment = json!({"TransitGatewayAttachmentId": id, "TransitGatewayId": gateway, "ResourceType": "vpc",
            "ResourceId": vpc, "State": "available"});
        if let Some(association) = association {
            attachment["Association"] = association;
        }
        self.add("TransitGatewayAttachments", attachment);
        self.add(
            "TransitGatewayVpcAttachments",
            json!({"TransitGatewayAttachmentId": id, "TransitGatewayId": gateway,
            "VpcId": vpc, "State": "available", "SubnetIds": subnets, "Options": {"ApplianceModeSupport": "disable"}}),
        )
    }

    /// A transit gateway's table in the layout that Batfish collects: static routes (`10.1.0.0/16 tgw-attach-vpc-2`,
    /// `10.9.0.0/16 blackhole`, `pl-1 tgw-attach-vpc-2`) and the VPCs whose attachments propagate into it.
    pub(crate) fn transit_table(
        &mut self,
        id: &str,
        gateway: &str,
        routes: &[&str],
        propagating: &[&str],
    ) -> &mut Self {
        self.add(
            "TransitGatewayRouteTables",
            json!({"TransitGatewayRouteTableId": id, "TransitGatewayId": gateway,
            "State": "available"}),
        );
        let routes: Vec<Value> = routes.iter().map(|text| transit_route(text)).collect();
        self.add("TransitGatewayStaticRoutes", json!({"TransitGatewayRouteTableId": id, "Routes": routes}));
        let propagations: Vec<Value> = propagating
            .iter()
            .map(|vpc| {
                json!({"TransitGatewayAttachmentId": format!("tgw-attach-{vpc}"), "ResourceId": vpc,
                "ResourceType": "vpc", "State": "enabled"})
            })
            .collect();
        self.add(
            "TransitGatewayPropagations",
            json!({"TransitGatewayRouteTableId": id,
            "TransitGatewayRouteTablePropagations": propagations}),
        )
    }

    /// [`Self::second_vpc`] joined with `vpc-1` by `tgw-1`: attachment subnets `subnet-t1` (10.0.8.0/28) and
    /// `subnet-t2` (10.1.8.0/28) in zone a, one table that both are associated with and propagate into, routes in both
    /// main tables.
    pub(crate) fn two_by_transit(&mut self) -> &mut Self {
        self.second_vpc();
        self.subnet("subnet-t1", "vpc-1", "10.0.8.0/28", "us-east-1a");
        self.subnet("subnet-t2", "vpc-2", "10.1.8.0/28", "us-east-1a");
        self.transit("tgw-1").attach("tgw-1", "vpc-1", &["subnet-t1"], "tgw-rtb-1");
        self.attach("tgw-1", "vpc-2", &["subnet-t2"], "tgw-rtb-1");
        self.transit_table("tgw-rtb-1", "tgw-1", &[], &["vpc-1", "vpc-2"]);
        self.route("rtb-main", "10.1.0.0/16 tgw-1").route("rtb-main-vpc-2", "10.0.0.0/16 tgw-1")
    }

    /// A prefix list with entries; `com.amazonaws.…` names are AWS's own.
    pub(crate) fn prefix_list(&mut self, id: &str, name: &str, cidrs: &[&str]) -> &mut Self {
        self.add("PrefixLists", json!({"PrefixListId": id, "PrefixListName": name, "Cidrs": cidrs}))
    }

    /// A gateway endpoint `vpce-s3` in `vpc-1` with the list `pl-s3` (52.216.0.0/15) and its route in these tables.
    pub(crate) fn s3_gateway(&mut self, tables: &[&str]) -> &mut Self {
        self.prefix_list("pl-s3", "com.amazonaws.us-east-1.s3", &["52.216.0.0/15"]);
        self.add(
            "VpcEndpoints",
            json!({"VpcEndpointId": "vpce-s3", "VpcEndpointType": "Gateway", "VpcId": "vpc-1",
            "ServiceName": "com.amazonaws.us-east-1.s3", "State": "available", "RouteTableIds": tables}),
        );
        for table in tables {
            self.route(table, "pl-s3 vpce-s3");
        }
        self
    }

    /// An interface endpoint `vpce-<name>` with private DNS in `vpc-1`, one interface at `address`.
    pub(crate) fn interface_endpoint(
        &mut self,
        name: &str,
        service: &str,
        address: &str,
        groups: &[&str],
    ) -> &mut Self {
        self.interface(name, address, groups);
        self.eni(name, |eni| eni["InterfaceType"] = json!("vpc_endpoint"));
        let vpc = self.subnet_of(address)["VpcId"].clone();
        self.add(
            "VpcEndpoints",
            json!({"VpcEndpointId": format!("vpce-{name}"), "VpcEndpointType": "Interface",
            "VpcId": vpc, "ServiceName": format!("com.amazonaws.us-east-1.{service}"), "State": "available",
            "PrivateDnsEnabled": true, "NetworkInterfaceIds": [format!("eni-{name}")]}),
        )
    }

    /// An EKS cluster of `vpc-1` (`resourcesVpcConfig` is merged with `config`).
    pub(crate) fn cluster(&mut self, name: &str, config: Value) -> &mut Self {
        let mut cluster = json!({"name": name, "resourcesVpcConfig": {"vpcId": "vpc-1", "endpointPublicAccess": true,
            "endpointPrivateAccess": false, "publicAccessCidrs": ["0.0.0.0/0"]},
            "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16", "ipFamily": "ipv4"}});
        let Value::Object(config) = config else { panic!("not an object") };
        for (key, value) in config {
            if key.starts_with("kubernetes") || key == "outpostConfig" {
                cluster[key] = value;
            } else {
                cluster["resourcesVpcConfig"][key] = value;
            }
        }
        self.document(json!({"cluster": cluster}))
    }

    /// An instance that is a node of `cluster`.
    pub(crate) fn node(&mut self, cluster: &str, name: &str, address: &str, groups: &[&str]) -> &mut Self {
        self.instance(name, address, groups);
        let id = format!("i-{name}");
        let instance = self
            .collections
            .get_mut("Reservations")
            .unwrap()
            .iter_mut()
            .find(|r| r["Instances"][0]["InstanceId"] == *id)
            .unwrap();
        let tags = instance["Instances"][0]["Tags"].as_array_mut().unwrap();
        tags.push(json!({"Key": "eks:cluster-name", "Value": cluster}));
        self
    }

    /// A control-plane interface `eni-<name>` of `cluster` (EK-9).
    pub(crate) fn control_plane(&mut self, cluster: &str, name: &str, address: &str, groups: &[&str]) -> &mut Self {
        self.interface(name, address, groups);
        self.eni(name, |eni| {
            eni["Description"] = json!(format!("Amazon EKS {cluster}"));
            eni["RequesterId"] = json!("AROAEXAMPLE:AmazonEKS");
            eni["RequesterManaged"] = json!(false);
            eni["Attachment"]["InstanceOwnerId"] = json!("999988887777");
        })
    }

    /// The environment of the cluster's `aws-node` `DaemonSet`.
    pub(crate) fn cni(&mut self, env: &[(&str, &str)]) -> &mut Self {
        let env: Vec<Value> = env.iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
        self.document(
            json!({"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "apps/v1", "kind": "DaemonSet",
            "metadata": {"name": "aws-node", "namespace": "kube-system"},
            "spec": {"template": {"spec": {"containers": [{"name": "aws-node", "env": env}]}}}}]}),
        )
    }

    /// Sets or clears a DNS attribute of a VPC, or leaves it out.
    pub(crate) fn dns(&mut self, vpc: &str, attribute: &str, value: Option<bool>) -> &mut Self {
        self.documents.retain(|_, document| document["VpcId"] != vpc || document[attribute].is_null());
        if let Some(value) = value {
            let name = format!("dns-{vpc}-{attribute}.json");
            self.documents.insert(name, json!({"VpcId": vpc, attribute: {"Value": value}}));
        }
        self
    }

    fn subnet_of(&self, address: &str) -> Value {
        let address: std::net::IpAddr = address.parse().unwrap();
        let holds = |subnet: &&Value| {
            let v6 = subnet["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].as_str();
            [subnet["CidrBlock"].as_str(), v6]
                .into_iter()
                .flatten()
                .any(|text| text.parse::<ipnet::IpNet>().is_ok_and(|net| net.contains(&address)))
        };
        self.collections["Subnets"].iter().find(holds).cloned().unwrap_or_else(|| panic!("no subnet holds {address}"))
    }

    /// The files of the directory.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let collections = self.collections.iter().map(|(key, list)| (format!("{key}.json"), json!({key: list})));
        let documents = self.documents.iter().map(|(name, value)| (name.clone(), value.clone()));
        collections.chain(documents).map(|(name, value)| (name, serde_json::to_vec(&value).unwrap())).collect()
    }

    /// Imports and builds; panics with the problems where there are any.
    pub(crate) fn network(&self) -> Network {
        let snapshot = import_documents(self.files()).unwrap_or_else(|errors| panic!("{errors}"));
        reach_model::network::build(&snapshot).unwrap_or_else(|errors| panic!("{errors}"))
    }

    /// Asks by selectors; `what` is `tcp 443`, `udp 53 from 53`, `icmp 8/0`, `icmpv6 128/0`, `all`, `50`, `tcp`.
    pub(crate) fn ask(&self, from: &str, to: &str, what: &str) -> Said {
        ask(&self.network(), from, to, what)
    }
}

impl Estate {
    /// The message and the candidates of a question that selectors refuse.
    pub(crate) fn refused(&self, from: &str, to: &str) -> (String, Vec<String>) {
        let network = self.network();
        let error = reach_eks::question(&network, from, to, None, parse_ask("tcp 443")).expect_err("selectors refuse");
        (error.message, error.candidates)
    }
}

/// Asks a network by selectors.
pub(crate) fn ask(network: &Network, from: &str, to: &str, what: &str) -> Said {
    let question = reach_eks::question(network, from, to, None, parse_ask(what)).unwrap_or_else(|e| panic!("{e}"));
    let compiled = Compiled::new(network);
    // Every rule is asked of both engines, and of the matrix.
    crate::matrix::assert_sum_of_pairs(&compiled);
    let ask = |engine| question::ask(&compiled, &question, engine).unwrap_or_else(|e| panic!("{from} -> {to}: {e}"));
    let answer = ask(Engine::Both);
    let by_class = ask(Engine::Compiled);
    assert_eq!((by_class.verdict, by_class.forward, by_class.back), (answer.verdict, answer.forward, answer.back));
    assert_eq!((by_class.pairs, by_class.groups.len()), (answer.pairs, answer.groups.len()));
    Said::new(network, answer)
}

/// An answer with its data made easy to assert on.
#[derive(Debug)]
pub(crate) struct Said {
    pub verdict: Verdict,
    pub forward: Verdict,
    pub back: Option<Verdict>,
    /// Codes of all reasons, without repetition.
    pub codes: Vec<&'static str>,
    /// `code resource semantics` of every reason.
    pub reasons: Vec<String>,
    pub messages: Vec<String>,
    /// `tcp 443,8080`, `icmp 8/0`, `47,50`.
    pub allowed: Vec<String>,
    /// The client ports whose replies come back, per entry of `allowed`.
    pub source_ports: Vec<String>,
    /// The translator's ports whose replies come back.
    pub translated: Option<String>,
    pub decided_by: Vec<String>,
    pub tracking: (Option<Tracking>, Option<Tracking>),
    /// `stage resource outcome` of the first group's witness, both legs.
    pub path: Vec<String>,
    pub assumptions: usize,
    pub answer: Answer,
}

impl Said {
    fn new(network: &Network, answer: Answer) -> Self {
        let all = || answer.groups.iter().flat_map(|g| &g.answer.reasons);
        let mut codes: Vec<&'static str> = all().map(|r| r.code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        let first = answer.groups.first().map(|group| &group.answer);
        let steps = first.into_iter().flat_map(|a| a.forward_path.iter().chain(&a.return_path));
        Self {
            verdict: answer.verdict,
            forward: answer.forward,
            back: answer.back,
            codes,
            reasons: all()
                .map(|r| format!("{} {} {}", r.code.as_str(), explain::resource(network, r), r.semantics))
                .collect(),
            messages: all().map(|r| explain::message(network, r)).collect(),
            allowed: answer.groups.iter().flat_map(|g| &g.answer.allowed).map(|a| allowed_text(&a.what)).collect(),
            source_ports: answer
                .groups
                .iter()
                .flat_map(|g| &g.answer.allowed)
                .map(|a| a.source_ports.to_string())
                .collect(),
            translated: first.and_then(|a| a.translated.as_ref()).map(ToString::to_string),
            decided_by: answer
                .groups
                .iter()
                .flat_map(|g| &g.answer.decided_by)
                .map(|rule| explain::rule(network, rule))
                .collect(),
            tracking: first.map_or((None, None), |a| a.tracking),
            path: steps
                .map(|s| format!("{} {} {}", s.stage.as_str(), explain::site_id(network, &s.site), s.outcome.as_str()))
                .collect(),
            assumptions: answer.assumptions.len(),
            answer,
        }
    }

    /// Asserts verdict, forward and return at once: `R`, `B`, `P`, `U`, `-` for no return; `"R R R"`.
    #[track_caller]
    pub(crate) fn is(&self, expected: &str) -> &Self {
        let letter = |v: Verdict| match v {
            Verdict::Reachable => "R",
            Verdict::Blocked => "B",
            Verdict::Partial => "P",
            Verdict::Unknown => "U",
        };
        let back = self.back.map_or("-", letter);
        let found = format!("{} {} {back}", letter(self.verdict), letter(self.forward));
        assert_eq!(found, expected, "\nreasons: {:#?}\npath: {:#?}", self.messages, self.path);
        self
    }

    /// Asserts the tracking words of source and destination: `"tracked untracked"`, `-` for an end without one.
    #[track_caller]
    pub(crate) fn tracks(&self, expected: &str) -> &Self {
        let word = |tracking: Option<Tracking>| tracking.map_or("-", Tracking::as_str);
        assert_eq!(
            format!("{} {}", word(self.tracking.0), word(self.tracking.1)),
            expected,
            "\npath: {:#?}",
            self.path
        );
        self
    }

    /// Asserts that exactly these codes are the reasons, in alphabetical order.
    #[track_caller]
    pub(crate) fn only(&self, codes: &[&str]) -> &Self {
        assert_eq!(self.codes, codes, "\nreasons: {:#?}\npath: {:#?}", self.messages, self.path);
        self
    }

    /// Asserts that every one of these codes is among the reasons.
    #[track_caller]
    pub(crate) fn because(&self, codes: &[&str]) -> &Self {
        for code in codes {
            assert!(self.codes.contains(code), "{code} is not in {:?}\npath: {:#?}", self.codes, self.path);
        }
        self
    }
}

fn allowed_text(what: &AllowedPorts) -> String {
    match what {
        AllowedPorts::Ports(protocol, ports) => format!("{protocol} {ports}"),
        AllowedPorts::Icmp(protocol, messages) => format!("{protocol} {messages}"),
        AllowedPorts::Protocols(numbers) => numbers.to_string(),
    }
}

/// `tcp 443`, `udp 53 from 1024-65535`, `icmp 8/0`, `all`, `50`, with `v4`/`v6` at the end for the family.
pub(crate) fn parse_ask(text: &str) -> Ask {
    let mut words: Vec<&str> = text.split(' ').collect();
    let family = match words.last() {
        Some(&"v4") => Some(Family::V4),
        Some(&"v6") => Some(Family::V6),
        _ => None,
    };
    if family.is_some() {
        words.pop();
    }
    let source_ports = words.iter().position(|w| *w == "from").map(|at| words[at + 1].parse::<PortRanges>().unwrap());
    let arg = words.get(1).filter(|w| **w != "from");
    let others = IntervalSet::<u8>::full().subtract(&IntervalSet::from_ranges([(1, 1), (6, 6), (17, 17), (58, 58)]));
    let lanes = match words[0] {
        "all" => vec![
            Lane::Ports(Protocol::TCP, PortRanges::full()),
            Lane::Ports(Protocol::UDP, PortRanges::full()),
            Lane::Icmp(Protocol::ICMP, IcmpSet::full()),
            Lane::Icmp(Protocol::ICMPV6, IcmpSet::full()),
            Lane::Protocols(others),
        ],
        word => {
            let protocol: Protocol = word.parse().unwrap();
            if protocol.has_ports() {
                vec![Lane::Ports(protocol, arg.map_or_else(PortRanges::full, |p| p.parse().unwrap()))]
            } else if protocol.is_icmp() {
                vec![Lane::Icmp(protocol, arg.map_or_else(IcmpSet::full, |p| p.parse().unwrap()))]
            } else {
                vec![Lane::Protocols(IntervalSet::single(protocol.number()))]
            }
        }
    };
    Ask { lanes, source_ports, family }
}

fn route(text: &str) -> Value {
    let words: Vec<&str> = text.split(' ').collect();
    let mut route = json!({"Origin": "CreateRoute", "State": "active"});
    for flag in &words[2..] {
        match *flag {
            "blackhole" | "filtered" => route["State"] = json!(flag),
            "propagated" => route["Origin"] = json!("EnableVgwRoutePropagation"),
            "advertised" => route["Origin"] = json!("Advertisement"),
            other => panic!("unknown route flag {other}"),
        }
    }
    let key = match words[0] {
        d if d.starts_with("pl-") => "DestinationPrefixListId",
        d if d.contains(':') => "DestinationIpv6CidrBlock",
        _ => "DestinationCidrBlock",
    };
    route[key] = json!(words[0]);
    let target = words[1];
    let key = match target.split('-').next().unwrap() {
        "nat" => "NatGatewayId",
        "pcx" => "VpcPeeringConnectionId",
        "tgw" => "TransitGatewayId",
        "eigw" => "EgressOnlyInternetGatewayId",
        "eni" => "NetworkInterfaceId",
        "i" => "InstanceId",
        "lgw" => "LocalGatewayId",
        "cagw" => "CarrierGatewayId",
        _ => "GatewayId",
    };
    route[key] = json!(target);
    route
}

fn transit_route(text: &str) -> Value {
    let (destination, target) = text.split_once(' ').unwrap();
    let mut route = json!({"Type": "static", "State": "active"});
    let key = if destination.starts_with("pl-") { "PrefixListId" } else { "DestinationCidrBlock" };
    route[key] = json!(destination);
    if target == "blackhole" {
        route["State"] = json!("blackhole");
    } else {
        route["TransitGatewayAttachments"] = json!([{"TransitGatewayAttachmentId": target}]);
    }
    route
}

fn acl_entry(line: &str) -> Value {
    let words: Vec<&str> = line.split(' ').collect();
    let protocol = match words[3] {
        "tcp" => "6",
        "udp" => "17",
        "icmp" => "1",
        "icmpv6" => "58",
        other => other,
    };
    let mut entry = json!({"RuleNumber": words[0].parse::<u32>().unwrap(), "Egress": words[1] == "egress",
        "RuleAction": words[2], "Protocol": protocol});
    let key = if words[4].contains(':') { "Ipv6CidrBlock" } else { "CidrBlock" };
    entry[key] = json!(words[4]);
    if let Some(ports) = words.get(5) {
        if let Some((kind, code)) = ports.split_once('/') {
            entry["IcmpTypeCode"] = json!({"Type": kind.parse::<i32>().unwrap(), "Code": code.parse::<i32>().unwrap()});
        } else {
            let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
            entry["PortRange"] = json!({"From": from.parse::<u32>().unwrap(), "To": to.parse::<u32>().unwrap()});
        }
    }
    entry
}

/// The rules of both directions, ingress first.
fn permissions(lines: &[&str]) -> [Vec<Value>; 2] {
    let (mut ingress, mut egress) = (Vec::new(), Vec::new());
    for line in lines {
        let (direction, rest) = line.split_once(' ').unwrap_or((line, ""));
        let list = if direction == "ingress" { &mut ingress } else { &mut egress };
        list.push(permission(rest));
    }
    [ingress, egress]
}

pub(crate) fn permission(text: &str) -> Value {
    let words: Vec<&str> = text.split(' ').collect();
    let (protocol, ports, peer) = match words.as_slice() {
        [protocol, peer] => (*protocol, None, *peer),
        [protocol, ports, peer] => (*protocol, Some(*ports), *peer),
        other => panic!("not a rule: {other:?}"),
    };
    let mut permission =
        json!({"IpProtocol": protocol, "IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []});
    if let Some(ports) = ports {
        let (from, to) = ports.split_once('/').or_else(|| ports.split_once('-')).unwrap_or((ports, ports));
        permission["FromPort"] = json!(from.parse::<i32>().unwrap());
        permission["ToPort"] = json!(to.parse::<i32>().unwrap());
    }
    match peer {
        p if p.starts_with("sg-") => permission["UserIdGroupPairs"] = json!([{"GroupId": p, "UserId": ACCOUNT}]),
        p if p.starts_with("pl-") => permission["PrefixListIds"] = json!([{"PrefixListId": p}]),
        p if p.contains(':') => permission["Ipv6Ranges"] = json!([{"CidrIpv6": p}]),
        p => permission["IpRanges"] = json!([{"CidrIp": p}]),
    }
    permission
}
