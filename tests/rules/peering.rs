//! VPC peering.

use serde_json::json;

use crate::estate::{Estate, OPEN};

/// A (10.0.1.10, open) in `vpc-1`, C (10.1.1.30, open) in `vpc-2`, `pcx-1` with routes in both main tables.
fn peered() -> Estate {
    let mut estate = Estate::new();
    estate.group("sg-o", OPEN).instance("a", "10.0.1.10", &["sg-o"]);
    estate.second_vpc().peering("pcx-1", "vpc-1", "vpc-2");
    estate.route("rtb-main", "10.1.0.0/16 pcx-1").route("rtb-main-vpc-2", "10.0.0.0/16 pcx-1");
    estate
}

fn drop_route(estate: &mut Estate, table: &str, destination: &str) {
    estate.change("RouteTables", "RouteTableId", table, |table| {
        table["Routes"].as_array_mut().unwrap().retain(|route| route["DestinationCidrBlock"] != destination);
    });
}

#[test]
fn rt33_routes_on_both_sides() {
    // T-61.
    let mut estate = peered();
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    estate.ask("10.1.1.30", "10.0.1.10", "tcp 443").is("R R R");
    drop_route(&mut estate, "rtb-main-vpc-2", "10.0.0.0/16");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B R B").because(&["NO_ROUTE_TO_DESTINATION"]);
    estate.ask("10.1.1.30", "10.0.1.10", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
}

#[test]
fn rt33_the_peering_must_be_active() {
    for state in ["pending-acceptance", "provisioning", "deleted", "expired", "failed", "rejected"] {
        let mut estate = peered();
        estate
            .change("VpcPeeringConnections", "VpcPeeringConnectionId", "pcx-1", |p| p["Status"]["Code"] = json!(state));
        estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["BAD_STATE"]);
    }
    let mut estate = peered();
    estate.without("VpcPeeringConnections");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("U U U").because(&["NOT_COLLECTED"]);
}

#[test]
fn rt33_no_transitivity() {
    // vpc-1 — vpc-2 — vpc-3: routes do not help.
    let mut estate = peered();
    estate.vpc("vpc-3", "10.2.0.0/16").subnet("subnet-e", "vpc-3", "10.2.1.0/24", "us-east-1a");
    estate.group_in("sg-3", "vpc-3", OPEN).instance("e", "10.2.1.50", &["sg-3"]).peering("pcx-2", "vpc-2", "vpc-3");
    estate.route("rtb-main", "10.2.0.0/16 pcx-1").route("rtb-main-vpc-2", "10.2.0.0/16 pcx-2");
    estate.route("rtb-main-vpc-3", "10.0.0.0/16 pcx-2").route("rtb-main-vpc-3", "10.1.0.0/16 pcx-2");
    estate.ask("10.0.1.10", "10.2.1.50", "tcp 443").is("B B -").because(&["PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"]);
    estate.ask("10.1.1.30", "10.2.1.50", "tcp 443").is("R R R");
    // A route to a peering of other VPCs.
    estate.route("rtb-main", "10.2.1.0/24 pcx-2");
    estate.ask("10.0.1.10", "10.2.1.50", "tcp 443").is("B B -").because(&["DISCONNECTED_VPCS"]);
}

/// The primary range of a VPC that the snapshot lacks is not all of it.
#[test]
fn rt34_ranges_that_a_peering_does_not_list_are_unknown() {
    let mut estate = Estate::two(OPEN, OPEN);
    estate
        .peering("pcx-9", "vpc-1", "vpc-9")
        .route("rtb-main", "10.9.0.0/16 pcx-9")
        .route("rtb-main", "100.64.0.0/16 pcx-9");
    let side = |set: &[&str]| {
        let set: Vec<_> = set.iter().map(|cidr| json!({"CidrBlock": cidr})).collect();
        json!({"VpcId": "vpc-9", "OwnerId": "999999999999", "Region": "us-east-1", "CidrBlock": "10.9.0.0/16", "CidrBlockSet": set})
    };
    let mut with = |set: &[&str]| {
        let side = side(set);
        estate.change("VpcPeeringConnections", "VpcPeeringConnectionId", "pcx-9", |peering| {
            peering["AccepterVpcInfo"] = side;
        });
        estate.ask("10.0.1.10", "100.64.0.7", "tcp 443")
    };
    with(&[]).is("U U U");
    with(&["10.9.0.0/16"]).is("B B -").because(&["PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"]);
    with(&["10.9.0.0/16", "100.64.0.0/16"]).is("U U U");
}

#[test]
fn rt34_no_edge_to_edge() {
    // The peer's internet gateway.
    let mut estate = peered();
    estate.internet();
    estate.route("rtb-main", "0.0.0.0/0 igw-1").route("rtb-main-vpc-2", "0.0.0.0/0 pcx-1").public("c", "203.0.113.30");
    estate.ask("10.1.1.30", "internet", "tcp 443").is("B B -").because(&["PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"]);
    // The peer's virtual private gateway and transit gateway.
    for target in ["vgw-1", "tgw-1"] {
        let mut estate = peered();
        estate.route("rtb-main", &format!("192.168.0.0/16 {target}")).route("rtb-main-vpc-2", "192.168.0.0/16 pcx-1");
        estate.ask("10.1.1.30", "192.168.3.4", "tcp 443").is("B B -").because(&["PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"]);
    }
}

#[test]
fn rt35_a_narrower_route_does_not_restrict_the_other_direction() {
    let mut estate = peered();
    drop_route(&mut estate, "rtb-main", "10.1.0.0/16");
    estate.route("rtb-main", "10.1.1.30/32 pcx-1").instance("d", "10.1.2.40", &["sg-2"]);
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    estate.ask("10.0.1.10", "10.1.2.40", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
    // D reaches A, whose reply has no way back.
    estate.ask("10.1.2.40", "10.0.1.10", "tcp 443").is("B R B").because(&["NO_ROUTE_TO_DESTINATION"]);
}

/// `vpc-2` and `vpc-3` with one CIDR, both peers of `vpc-1`, whose route leads to `vpc-2`.
fn overlapping() -> Estate {
    let mut estate = peered();
    estate.vpc("vpc-3", "10.1.0.0/16").subnet("subnet-e", "vpc-3", "10.1.7.0/24", "us-east-1a");
    estate.group_in("sg-3", "vpc-3", OPEN).instance("e", "10.1.7.50", &["sg-3"]).peering("pcx-2", "vpc-1", "vpc-3");
    estate.route("rtb-main-vpc-3", "10.0.0.0/16 pcx-2");
    estate
}

#[test]
fn rt35_replies_to_overlapping_peers_go_to_the_wrong_vpc() {
    let mut estate = overlapping();
    estate.ask("10.1.7.50", "10.0.1.10", "tcp 443").is("B R B");
    estate.ask("10.1.1.30", "10.0.1.10", "tcp 443").is("R R R");
    estate.ask("10.0.1.10", "10.1.7.50", "tcp 443").is("B B -");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    // A narrower route repairs it.
    estate.route("rtb-main", "10.1.7.0/24 pcx-2");
    estate.ask("10.1.7.50", "10.0.1.10", "tcp 443").is("R R R");
}

#[test]
fn rt35_the_same_address_in_two_peers_is_the_routes_choice() {
    let mut estate = overlapping();
    estate.subnet("subnet-f", "vpc-3", "10.1.1.0/24", "us-east-1a");
    estate.interface("twin", "10.1.1.30", &["sg-2"]).eni("twin", |eni| {
        eni["SubnetId"] = json!("subnet-f");
        eni["VpcId"] = json!("vpc-3");
        eni["Groups"] = json!([{"GroupId": "sg-3"}]);
    });
    // By address: the one that A's route leads to. By interface: the other one is not reached.
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    estate.ask("10.0.1.10", "eni-c", "tcp 443").is("R R R");
    estate.ask("10.0.1.10", "eni-twin", "tcp 443").is("B B -").because(&["NO_POSSIBLE_DESTINATION"]);
    estate.ask("eni-twin", "10.0.1.10", "tcp 443").is("B R B");
}

#[test]
fn rt33_a_reply_that_leaves_to_the_internet_is_lost() {
    // The peer's CIDR looks public; B's table knows no way to it but the internet gateway.
    let mut estate = Estate::new();
    estate.group("sg-o", OPEN).instance("a", "10.0.1.10", &["sg-o"]).public("a", "203.0.113.10");
    estate.internet().associate("rtb-pub", "subnet-a");
    estate
        .vpc("vpc-2", "44.0.0.0/16")
        .subnet("subnet-c", "vpc-2", "44.0.1.0/24", "us-east-1a")
        .group_in("sg-2", "vpc-2", OPEN);
    estate
        .instance("c", "44.0.1.30", &["sg-2"])
        .peering("pcx-1", "vpc-1", "vpc-2")
        .route("rtb-main-vpc-2", "10.0.0.0/16 pcx-1");
    estate.ask("44.0.1.30", "10.0.1.10", "tcp 443").is("B R B");
    estate.route("rtb-pub", "44.0.0.0/16 pcx-1");
    estate.ask("44.0.1.30", "10.0.1.10", "tcp 443").is("R R R");
}

#[test]
fn rt33_overlapping_vpcs_cannot_reach_each_other() {
    let mut estate = Estate::new();
    estate.group("sg-o", OPEN).instance("a", "10.0.1.10", &["sg-o"]);
    estate.vpc("vpc-2", "10.0.0.0/16").peering("pcx-1", "vpc-1", "vpc-2");
    estate.group_in("sg-2", "vpc-2", OPEN).subnet("subnet-z", "vpc-2", "10.0.77.0/24", "us-east-1a");
    estate.instance("z", "10.0.77.7", &["sg-2"]);
    estate.route("rtb-main", "10.0.77.0/24 pcx-1").route("rtb-main-vpc-2", "10.0.1.0/24 pcx-1");
    estate.ask("10.0.1.10", "eni-z", "tcp 443").is("R R R");
    drop_route(&mut estate, "rtb-main", "10.0.77.0/24");
    // The local route keeps it at home.
    estate.ask("10.0.1.10", "eni-z", "tcp 443").is("B B -").because(&["NO_POSSIBLE_DESTINATION"]);
}

#[test]
fn rt36_ipv6_needs_cidrs_and_routes_on_both_sides() {
    let mut estate = peered();
    estate
        .vpc_ipv6("vpc-1", "2600:1f18:1::/56")
        .subnet_ipv6("subnet-a", "2600:1f18:1:1::/64")
        .ipv6("a", "2600:1f18:1:1::a");
    estate
        .vpc_ipv6("vpc-2", "2600:1f18:2::/56")
        .subnet_ipv6("subnet-c", "2600:1f18:2:1::/64")
        .ipv6("c", "2600:1f18:2:1::c");
    estate.ask("eni-a", "eni-c", "tcp 443 v4").is("R R R");
    estate.ask("eni-a", "eni-c", "tcp 443 v6").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
    estate.route("rtb-main", "2600:1f18:2::/56 pcx-1");
    estate.ask("eni-a", "eni-c", "tcp 443 v6").is("B R B").because(&["NO_ROUTE_TO_DESTINATION"]);
    estate.route("rtb-main-vpc-2", "2600:1f18:1::/56 pcx-1");
    estate.ask("eni-a", "eni-c", "tcp 443 v6").is("R R R");
    // Not to an IPv6 address that is not the peer's.
    estate.route("rtb-main", "2600:1f18:3::/56 pcx-1");
    estate
        .ask("eni-a", "internet/2600:1f18:3::9", "tcp 443")
        .is("B B -")
        .because(&["PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"]);
}

#[test]
fn rt36_the_peers_resolver_is_not_reachable() {
    let estate = peered();
    estate.ask("10.0.1.10", "10.0.0.2", "udp 53").is("R R R");
    estate.ask("10.0.1.10", "10.1.0.2", "udp 53").is("B B -").because(&["NO_POSSIBLE_DESTINATION"]);
}

#[test]
fn sg19_references_over_a_peering_need_one_region() {
    let referencing = |egress: bool| {
        let mut estate = peered();
        if egress {
            estate.group("sg-a", &["egress tcp 443 sg-2"]);
            estate.eni("a", |eni| eni["Groups"] = json!([{"GroupId": "sg-a"}]));
        } else {
            estate.group_in("sg-c", "vpc-2", &["ingress tcp 443 sg-o"]);
            estate.eni("c", |eni| eni["Groups"] = json!([{"GroupId": "sg-c"}]));
        }
        estate
    };
    for egress in [false, true] {
        let mut estate = referencing(egress);
        estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
        estate.change("VpcPeeringConnections", "VpcPeeringConnectionId", "pcx-1", |p| {
            p["AccepterVpcInfo"]["Region"] = json!("eu-west-1");
        });
        estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["SG_REFERENCING_SUPPORT"]);
    }
    // Addresses work across Regions.
    let mut estate = peered();
    estate.change("VpcPeeringConnections", "VpcPeeringConnectionId", "pcx-1", |p| {
        p["AccepterVpcInfo"]["Region"] = json!("eu-west-1");
    });
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
}

#[test]
fn rt33_an_unseen_peer_vpc_is_unknown_within_its_cidrs() {
    let mut estate = Estate::new();
    estate.group("sg-o", OPEN).instance("a", "10.0.1.10", &["sg-o"]);
    estate.add(
        "VpcPeeringConnections",
        json!({"VpcPeeringConnectionId": "pcx-1", "Status": {"Code": "active"},
        "RequesterVpcInfo": {"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"},
        "AccepterVpcInfo": {"VpcId": "vpc-77", "CidrBlock": "10.7.0.0/16", "CidrBlockSet": [{"CidrBlock": "10.7.0.0/16"}]}}),
    );
    estate.route("rtb-main", "10.0.0.0/8 pcx-1");
    estate.ask("10.0.1.10", "10.7.1.1", "tcp 443").is("U U U").because(&["UNKNOWN_RESOURCE"]);
    estate.ask("10.0.1.10", "10.8.1.1", "tcp 443").is("B B -").because(&["PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"]);
    // From there: the groups still decide what is certain.
    estate.group("sg-web", &["ingress tcp 443 10.7.0.0/16"]);
    estate.eni("a", |eni| eni["Groups"] = json!([{"GroupId": "sg-web"}]));
    estate.ask("10.7.1.1", "10.0.1.10", "tcp 443").is("U U U");
    estate.ask("10.7.1.1", "10.0.1.10", "tcp 22").is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
}

#[test]
fn rt13_the_far_side_delivers_by_its_local_routing() {
    // C's subnet table plays no part on the way in, only on the way back.
    let mut estate = peered();
    estate.table("rtb-c", "vpc-2", &[]).associate("rtb-c", "subnet-c");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B R B").because(&["NO_ROUTE_TO_DESTINATION"]);
}

#[test]
fn na11_a_peering_crosses_both_network_acls() {
    let denying = |line: &str, vpc: &str, subnet: &str| {
        let mut estate = peered();
        estate.acl("acl-n", vpc, &[line, "200 ingress allow -1 0.0.0.0/0", "200 egress allow -1 0.0.0.0/0"]);
        estate.acl_for("acl-n", subnet);
        estate
    };
    let cases = [
        ("90 egress deny tcp 10.1.1.30/32 443", "vpc-1", "subnet-a", "B B -"),
        ("90 ingress deny tcp 10.0.1.10/32 443", "vpc-2", "subnet-c", "B B -"),
        ("90 egress deny tcp 10.0.1.10/32 1024-65535", "vpc-2", "subnet-c", "B R B"),
        ("90 ingress deny tcp 10.1.1.30/32 1024-65535", "vpc-1", "subnet-a", "B R B"),
        ("90 ingress deny tcp 10.1.1.31/32", "vpc-1", "subnet-a", "R R R"),
    ];
    for (line, vpc, subnet, expected) in cases {
        denying(line, vpc, subnet).ask("10.0.1.10", "10.1.1.30", "tcp 443").is(expected);
    }
}
