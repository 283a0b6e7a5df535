//! NAT gateways.

use serde_json::json;

use crate::estate::{Estate, OPEN};

/// P (10.0.1.10) in `subnet-a` whose main table leads to `nat-1` in `subnet-pub`.
fn private() -> Estate {
    let mut estate = Estate::new();
    estate.group("sg-o", OPEN).instance("p", "10.0.1.10", &["sg-o"]);
    estate.internet().nat().route("rtb-main", "0.0.0.0/0 nat-1");
    estate
}

fn nat(estate: &mut Estate, change: impl FnOnce(&mut serde_json::Value)) {
    estate.change("NatGateways", "NatGatewayId", "nat-1", change);
}

/// [`private`] with `vpc-2` behind `pcx-1`, reached through the NAT gateway; no route back.
fn to_peer(rule: &str) -> Estate {
    let mut estate = private();
    estate.second_vpc().peering("pcx-1", "vpc-1", "vpc-2").route("rtb-pub", "10.1.0.0/16 pcx-1");
    estate.route("rtb-main", "10.1.0.0/16 nat-1");
    estate.group_in("sg-c", "vpc-2", &[rule]);
    estate.eni("c", |eni| eni["Groups"] = json!([{"GroupId": "sg-c"}]));
    estate
}

#[test]
fn rt23_the_chain_to_the_internet() {
    let mut estate = private();
    let said = estate.ask("10.0.1.10", "internet", "tcp 443");
    said.is("R R R");
    assert_eq!(said.tracking.0, Some(reach_engine::simulate::Tracking::Automatic));
    // The gateway's subnet needs the way on.
    estate.table("rtb-none", "vpc-1", &[]);
    estate.change("RouteTables", "RouteTableId", "rtb-pub", |table| table["Associations"] = json!([]));
    estate.associate("rtb-none", "subnet-pub");
    estate.ask("10.0.1.10", "internet", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
}

#[test]
fn rt23_the_internet_sees_the_elastic_address() {
    let mut estate = private();
    estate.cluster("c1", json!({"publicAccessCidrs": ["198.51.100.5/32"]}));
    estate.ask("10.0.1.10", "apiserver", "tcp 443").is("R R R");
    let mut estate = private();
    estate.cluster("c1", json!({"publicAccessCidrs": ["10.0.9.5/32", "10.0.1.10/32"]}));
    estate.ask("10.0.1.10", "apiserver", "tcp 443").is("B B -").because(&["EKS_PUBLIC_ACCESS_CIDR_MISMATCH"]);
}

#[test]
fn rt24_tcp_udp_and_icmp_only() {
    // T-72.
    let estate = private();
    estate.ask("10.0.1.10", "internet", "udp 53").is("R R R");
    estate.ask("10.0.1.10", "internet", "icmp 8/0").is("R R R");
    for protocol in ["132", "50", "47"] {
        estate.ask("10.0.1.10", "internet", protocol).is("B B -").because(&["PROTOCOL_RESTRICTION"]);
    }
}

#[test]
fn rt24_the_port_is_rewritten_to_the_gateways_pool() {
    let mut estate = private();
    estate.acl(
        "acl-n",
        "vpc-1",
        &[
            "100 egress allow -1 0.0.0.0/0",
            "100 ingress allow -1 10.0.0.0/16",
            "110 ingress allow tcp 0.0.0.0/0 32768-65535",
        ],
    );
    estate.acl_for("acl-n", "subnet-pub");
    // The client's own range would pass; the gateway's pool does only in part.
    let said = estate.ask("10.0.1.10", "internet/203.0.113.77", "tcp 443");
    said.is("P R P").because(&["REMAP_EPHEMERAL_PORT"]);
    // The client's subnet sees the client's port again.
    let mut estate = private();
    estate.acl("acl-n", "vpc-1", &["100 egress allow -1 0.0.0.0/0", "110 ingress allow tcp 0.0.0.0/0 32768-60999"]);
    estate.acl_for("acl-n", "subnet-a");
    estate.ask("10.0.1.10", "internet/203.0.113.77", "tcp 443").is("R R R");
    estate
        .ask("10.0.1.10", "internet/203.0.113.77", "tcp 443 from 1024-2000")
        .is("B R B")
        .because(&["SUBNET_ACL_RESTRICTION"]);
}

#[test]
fn na12_the_gateways_subnet_sees_client_and_service_port() {
    // T-48.
    let mut estate = private();
    estate.acl(
        "acl-n",
        "vpc-1",
        &[
            "100 egress allow -1 0.0.0.0/0",
            "100 ingress allow tcp 10.0.1.0/24 80",
            "110 ingress allow tcp 0.0.0.0/0 1024-65535",
        ],
    );
    estate.acl_for("acl-n", "subnet-pub");
    estate.ask("10.0.1.10", "internet/203.0.113.77", "tcp 443").is("B B -").because(&["SUBNET_ACL_RESTRICTION"]);
    estate.ask("10.0.1.10", "internet/203.0.113.77", "tcp 80").is("R R R");
    // T-49.
    let mut estate = private();
    estate.acl("acl-n", "vpc-1", &["100 egress allow -1 0.0.0.0/0", "100 ingress allow -1 10.0.0.0/16"]);
    estate.acl_for("acl-n", "subnet-pub");
    estate.ask("10.0.1.10", "internet/203.0.113.77", "tcp 443").is("B R B").because(&["SUBNET_ACL_RESTRICTION"]);
}

#[test]
fn na12_the_gateways_subnet_on_the_way_out_and_back() {
    // Out: the destination on its service port.
    let mut estate = private();
    estate.acl(
        "acl-n",
        "vpc-1",
        &["90 egress deny tcp 203.0.113.77/32 443", "100 egress allow -1 0.0.0.0/0", "100 ingress allow -1 0.0.0.0/0"],
    );
    estate.acl_for("acl-n", "subnet-pub");
    estate.ask("10.0.1.10", "internet/203.0.113.77", "tcp 443").is("B B -").because(&["SUBNET_ACL_RESTRICTION"]);
    estate.ask("10.0.1.10", "internet/203.0.113.78", "tcp 443").is("R R R");
    // Back: out of the gateway's subnet to the client's port.
    let mut estate = private();
    estate.acl(
        "acl-n",
        "vpc-1",
        &[
            "90 egress deny tcp 10.0.1.10/32 40000-65535",
            "100 egress allow -1 0.0.0.0/0",
            "100 ingress allow -1 0.0.0.0/0",
        ],
    );
    estate.acl_for("acl-n", "subnet-pub");
    estate.ask("10.0.1.10", "internet/203.0.113.77", "tcp 443 from 39999").is("R R R");
    estate
        .ask("10.0.1.10", "internet/203.0.113.77", "tcp 443 from 40000")
        .is("B R B")
        .because(&["SUBNET_ACL_RESTRICTION"]);
}

#[test]
fn na12_client_and_gateway_in_one_subnet() {
    let mut estate = private();
    estate.table("rtb-mixed", "vpc-1", &["203.0.113.0/24 nat-1", "0.0.0.0/0 igw-1"]);
    estate.change("RouteTables", "RouteTableId", "rtb-pub", |table| table["Associations"] = json!([]));
    estate.associate("rtb-mixed", "subnet-pub").instance("q", "10.0.9.30", &["sg-o"]);
    // The gateway's own packets to 203.0.113.0/24 would come back to it: no way.
    estate.ask("10.0.9.30", "internet/203.0.113.77", "tcp 443").is("B B -");
}

#[test]
fn na12_between_gateway_and_server_of_one_subnet_nothing_is_evaluated() {
    // The client's packet enters the gateway's subnet; from there on delivery is at layer 2 (NA-4).
    let mut estate = private();
    estate.route("rtb-main", "10.0.9.0/24 nat-1").instance("q", "10.0.9.30", &["sg-o"]);
    estate.acl(
        "acl-n",
        "vpc-1",
        &["100 ingress allow tcp 10.0.1.0/24 443", "100 egress allow tcp 10.0.1.0/24 1024-65535"],
    );
    estate.acl_for("acl-n", "subnet-pub");
    estate.ask("10.0.1.10", "10.0.9.30", "tcp 443").is("R R R");
    estate.ask("10.0.1.10", "10.0.9.30", "tcp 80").is("B B -").because(&["SUBNET_ACL_RESTRICTION"]);
}

#[test]
fn rt25_nothing_unsolicited_comes_in_from_outside() {
    let estate = private();
    estate.ask("internet/203.0.113.77", "198.51.100.5", "tcp 443").is("B B -").because(&["NGW_UNSOLICITED_INBOUND"]);
    estate.ask("internet/203.0.113.77", "nat-1", "tcp 443").is("B B -").because(&["NGW_UNSOLICITED_INBOUND"]);
    estate.ask("internet/203.0.113.77", "10.0.1.10", "tcp 443").is("B B -");
}

#[test]
fn rt25a_nothing_unsolicited_from_inside() {
    let mut estate = private();
    estate.ask("10.0.1.10", "10.0.9.5", "tcp 443").is("B B -").because(&["NGW_UNSOLICITED_INBOUND"]);
    estate.ask("10.0.1.10", "10.0.9.5", "icmp 8/0").is("B B -").because(&["NGW_UNSOLICITED_INBOUND"]);
    // Its elastic address from inside, by way of a public instance.
    estate.instance("q", "10.0.9.30", &["sg-o"]).public("q", "203.0.113.30");
    estate.ask("10.0.9.30", "198.51.100.5", "tcp 443").is("B B -").because(&["NGW_UNSOLICITED_INBOUND"]);
    // A NAT gateway starts nothing.
    estate.ask("nat-1", "10.0.1.10", "tcp 443").is("B B -");
    // A transit gateway's interface neither.
    estate.interface("tgw", "10.0.2.4", &[]).eni("tgw", |eni| {
        eni["InterfaceType"] = json!("transit_gateway");
        eni["SourceDestCheck"] = json!(false);
    });
    estate.ask("10.0.1.10", "10.0.2.4", "tcp 443").is("B B -");
    estate.ask("eni-tgw", "10.0.1.10", "tcp 443").is("B B -");
}

#[test]
fn rt26_a_private_gateway_has_no_way_to_the_internet() {
    let make_private = |estate: &mut Estate| {
        nat(estate, |nat| {
            nat["ConnectivityType"] = json!("private");
            nat["NatGatewayAddresses"][0].as_object_mut().unwrap().remove("PublicIp");
        });
        estate.eni("nat-1", |eni| {
            eni["PrivateIpAddresses"][0].as_object_mut().unwrap().remove("Association");
        });
    };
    let mut estate = private();
    make_private(&mut estate);
    estate.ask("10.0.1.10", "internet", "tcp 443").is("B B -").because(&["IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"]);
    let mut estate = to_peer("ingress tcp 443 10.0.9.5/32");
    make_private(&mut estate);
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
}

#[test]
fn rt27_not_by_a_peering_but_by_a_transit_gateway() {
    // T-63.
    let mut estate = private();
    estate.second_vpc().peering("pcx-1", "vpc-1", "vpc-2");
    estate
        .route("rtb-main-vpc-2", "0.0.0.0/0 pcx-1")
        .route("rtb-main", "10.1.0.0/16 pcx-1")
        .route("rtb-pub", "10.1.0.0/16 pcx-1");
    estate.ask("10.1.1.30", "internet", "tcp 443").is("B B -").because(&["PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"]);
    let mut estate = private();
    estate.two_by_transit().route("rtb-pub", "10.1.0.0/16 tgw-1");
    estate.change("RouteTables", "RouteTableId", "rtb-main-vpc-2", |_| ());
    estate.route("rtb-main-vpc-2", "0.0.0.0/0 tgw-1");
    estate.change("TransitGatewayStaticRoutes", "TransitGatewayRouteTableId", "tgw-rtb-1", |table| {
        table["Routes"] = json!([{"DestinationCidrBlock": "0.0.0.0/0", "Type": "static", "State": "active",
            "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "tgw-attach-vpc-1"}]}]);
    });
    estate.ask("10.1.1.30", "internet", "tcp 443").is("R R R");
    // Without the way back from the gateway's subnet the reply is lost.
    estate.change("RouteTables", "RouteTableId", "rtb-pub", |table| {
        table["Routes"].as_array_mut().unwrap().retain(|route| route["DestinationCidrBlock"] != "10.1.0.0/16");
    });
    assert_eq!(estate.ask("10.1.1.30", "internet", "tcp 443").back, Some(reach_engine::verdict::Verdict::Blocked));
}

#[test]
fn rt28_return_to_sender() {
    // T-64.
    to_peer("ingress tcp 443 10.0.9.5/32").ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    to_peer("ingress tcp 443 10.0.1.10/32")
        .ask("10.0.1.10", "10.1.1.30", "tcp 443")
        .is("B B -")
        .because(&["ENI_SG_RULES_MISMATCH"]);
    // Without the NAT gateway the route back is needed.
    let mut estate = to_peer("ingress tcp 443 0.0.0.0/0");
    estate.route("rtb-main", "10.1.1.0/24 pcx-1");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B R B").because(&["NO_ROUTE_TO_DESTINATION"]);
    estate.route("rtb-main-vpc-2", "10.0.0.0/16 pcx-1");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
}

#[test]
fn rt28_only_network_acls_stop_it() {
    let mut estate = to_peer("ingress tcp 443 10.0.9.5/32");
    estate.acl(
        "acl-n",
        "vpc-2",
        &["100 ingress allow -1 0.0.0.0/0", "90 egress deny -1 10.0.9.5/32", "100 egress allow -1 0.0.0.0/0"],
    );
    estate.acl_for("acl-n", "subnet-c");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B R B").because(&["SUBNET_ACL_RESTRICTION"]);
    // The gateway's own subnet.
    let mut estate = to_peer("ingress tcp 443 10.0.9.5/32");
    estate.acl(
        "acl-n",
        "vpc-1",
        &["90 ingress deny -1 10.1.0.0/16", "100 ingress allow -1 0.0.0.0/0", "100 egress allow -1 0.0.0.0/0"],
    );
    estate.acl_for("acl-n", "subnet-pub");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B R B").because(&["SUBNET_ACL_RESTRICTION"]);
    // The client's subnet.
    let mut estate = to_peer("ingress tcp 443 10.0.9.5/32");
    estate.acl(
        "acl-n",
        "vpc-1",
        &["90 ingress deny -1 10.1.0.0/16", "100 ingress allow -1 0.0.0.0/0", "100 egress allow -1 0.0.0.0/0"],
    );
    estate.acl_for("acl-n", "subnet-a");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B R B").because(&["SUBNET_ACL_RESTRICTION"]);
}

#[test]
fn rt28_not_over_a_transit_gateway() {
    let mut estate = private();
    estate.two_by_transit().route("rtb-pub", "10.1.0.0/16 tgw-1");
    estate.change("RouteTables", "RouteTableId", "rtb-main", |table| {
        for route in table["Routes"].as_array_mut().unwrap() {
            if route["DestinationCidrBlock"] == "10.1.0.0/16" {
                *route = json!({"DestinationCidrBlock": "10.1.0.0/16", "NatGatewayId": "nat-1", "State": "active"});
            }
        }
    });
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    estate.change("RouteTables", "RouteTableId", "rtb-main-vpc-2", |table| {
        table["Routes"].as_array_mut().unwrap().retain(|route| route["DestinationCidrBlock"] != "10.0.0.0/16");
    });
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B R B").because(&["NO_ROUTE_TO_DESTINATION"]);
}

#[test]
fn rt32_behind_a_nat_gateway_references_fail() {
    let mut estate = to_peer("ingress tcp 443 sg-o");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -");
    estate.route("rtb-main", "10.1.1.0/24 pcx-1").route("rtb-main-vpc-2", "10.0.0.0/16 pcx-1");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
}

#[test]
fn rt29_state_and_zone() {
    for state in ["pending", "failed", "deleting", "deleted"] {
        let mut estate = private();
        nat(&mut estate, |nat| nat["State"] = json!(state));
        estate.ask("10.0.1.10", "internet", "tcp 443").is("B B -").because(&["BAD_STATE"]);
    }
    // Another zone's gateway works.
    let mut estate = private();
    estate.instance("b", "10.0.2.20", &["sg-o"]);
    estate.ask("10.0.2.20", "internet", "tcp 443").is("R R R");
    estate.without("NatGateways");
    estate.ask("10.0.2.20", "internet", "tcp 443").is("U U U").because(&["NOT_COLLECTED"]);
}

#[test]
fn rt23_several_addresses_make_it_partial_where_they_differ() {
    let several = |status: &str| {
        let mut estate = to_peer("ingress tcp 443 10.0.9.5/32");
        estate.secondary("nat-1", "10.0.9.6", Some("198.51.100.6"));
        nat(&mut estate, |nat| {
            let address = json!({"NetworkInterfaceId": "eni-nat-1", "PrivateIp": "10.0.9.6", "PublicIp": "198.51.100.6",
                "IsPrimary": false, "Status": status});
            nat["NatGatewayAddresses"].as_array_mut().unwrap().push(address);
        });
        estate
    };
    several("succeeded").ask("10.0.1.10", "10.1.1.30", "tcp 443").is("P P R");
    several("succeeded").ask("10.0.1.10", "internet", "tcp 443").is("R R R");
    // An address that is not there yet carries nothing.
    several("failed").ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
}

#[test]
fn rt30_a_regional_gateway_is_unknown_by_name() {
    let mut estate = private();
    nat(&mut estate, |nat| {
        nat["AvailabilityMode"] = json!("regional");
        nat.as_object_mut().unwrap().remove("SubnetId");
    });
    let said = estate.ask("10.0.1.10", "internet", "tcp 443");
    said.is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
    assert!(said.reasons.iter().any(|r| r.contains("nat-1")), "{:?}", said.reasons);
    estate.ask("10.0.1.10", "internet", "47").is("B B -").because(&["PROTOCOL_RESTRICTION"]);
}

#[test]
fn rt31_nat64_is_unknown_by_name() {
    let mut estate = private();
    estate.vpc_ipv6("vpc-1", "2600:1f18:1::/56").subnet_ipv6("subnet-a", "2600:1f18:1:1::/64");
    estate.ipv6("p", "2600:1f18:1:1::a").route("rtb-main", "64:ff9b::/96 nat-1");
    let said = estate.ask("eni-p", "internet/64:ff9b::cb00:714d", "tcp 443");
    said.is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
    assert!(said.reasons.iter().any(|r| r.contains("nat-1")), "{:?}", said.reasons);
}

#[test]
fn rt23_local_destinations_behind_the_gateway_see_its_private_address() {
    // A route for a whole subnet leads through the gateway (RT-6).
    let mut estate = private();
    estate.route("rtb-main", "10.0.2.0/24 nat-1").group("sg-b", &["ingress tcp 443 10.0.9.5/32"]);
    estate.instance("b", "10.0.2.20", &["sg-b"]);
    estate.ask("10.0.1.10", "10.0.2.20", "tcp 443").is("R R R");
    estate.group("sg-n", &["ingress tcp 443 10.0.1.10/32", "ingress tcp 443 sg-o"]);
    estate.eni("b", |eni| eni["Groups"] = json!([{"GroupId": "sg-n"}]));
    estate.ask("10.0.1.10", "10.0.2.20", "tcp 443").is("B B -");
}
