//! Route selection: which table, which route, what a route's state does, edge tables.

use serde_json::json;

use crate::estate::{Estate, OPEN};

/// A in `subnet-a`, B in `subnet-b`, both open; `vpc-2` with C behind `pcx-1` and routes back.
fn peered() -> Estate {
    let mut estate = open();
    estate.second_vpc().peering("pcx-1", "vpc-1", "vpc-2").route("rtb-main-vpc-2", "10.0.0.0/16 pcx-1");
    estate
}

/// A in `subnet-a`, B in `subnet-b`, both with an open group.
fn open() -> Estate {
    let mut estate = Estate::new();
    estate.group("sg-o", OPEN).instance("a", "10.0.1.10", &["sg-o"]).instance("b", "10.0.2.20", &["sg-o"]);
    estate
}

/// An open estate whose A has a public address and lies in a subnet that routes to `igw-1`.
fn public() -> Estate {
    let mut estate = open();
    estate.internet().associate("rtb-pub", "subnet-a").public("a", "203.0.113.10");
    estate
}

#[test]
fn rt1_explicit_association_beats_main_table() {
    let mut estate = peered();
    estate.table("rtb-own", "vpc-1", &["10.1.0.0/16 pcx-1"]);
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
    estate.associate("rtb-own", "subnet-a");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    // B's subnet still has the main table alone.
    estate.ask("10.0.2.20", "10.1.1.30", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
}

#[test]
fn rt1_the_main_table_does_not_add_to_an_explicit_one() {
    let mut estate = peered();
    estate.route("rtb-main", "10.1.0.0/16 pcx-1");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    estate.table("rtb-own", "vpc-1", &[]).associate("rtb-own", "subnet-a");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
}

#[test]
fn rt1_an_association_that_ended_does_not_count() {
    let mut estate = peered();
    estate.route("rtb-main", "10.1.0.0/16 pcx-1");
    estate.table("rtb-own", "vpc-1", &[]).associate("rtb-own", "subnet-a");
    estate.change("RouteTables", "RouteTableId", "rtb-own", |table| {
        table["Associations"][0]["AssociationState"]["State"] = json!("disassociated");
    });
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
}

#[test]
fn rt1_tables_that_were_not_collected_leave_it_unknown() {
    let mut estate = open();
    estate.without("RouteTables");
    estate.ask("10.0.1.10", "10.0.2.20", "tcp 443").is("U U U").because(&["NOT_COLLECTED"]);
    // Inside a subnet nothing is routed (RT-4).
    estate.instance("a2", "10.0.1.11", &["sg-o"]);
    estate.ask("10.0.1.10", "10.0.1.11", "tcp 443").is("R R R");
}

#[test]
fn rt2_longest_prefix_beats_origin() {
    // T-58: a propagated /24 beats a static /16; at equal length the static one wins.
    let mut estate = peered();
    estate.route("rtb-main", "10.1.0.0/16 pcx-1").route("rtb-main", "10.1.1.0/24 vgw-1 propagated");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
    let mut estate = peered();
    estate.route("rtb-main", "10.1.0.0/16 vgw-1 propagated").route("rtb-main", "10.1.0.0/16 pcx-1");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
}

#[test]
fn rt2_longest_prefix_wins_in_either_order() {
    for routes in [["10.1.0.0/16 pcx-1", "10.1.1.0/24 vgw-1"], ["10.1.1.0/24 vgw-1", "10.1.0.0/16 pcx-1"]] {
        let mut estate = peered();
        estate.route("rtb-main", routes[0]).route("rtb-main", routes[1]);
        estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
    }
}

#[test]
fn rt2_families_are_looked_up_apart() {
    let mut estate = public();
    estate.vpc_ipv6("vpc-1", "2600:1f18:1::/56").subnet_ipv6("subnet-a", "2600:1f18:1:1::/64");
    estate.ipv6("a", "2600:1f18:1:1::a");
    estate.ask("10.0.1.10", "internet", "tcp 443 v4").is("R R R");
    estate.ask("eni-a", "internet", "tcp 443 v6").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
    estate.route("rtb-pub", "::/0 igw-1");
    estate.ask("eni-a", "internet", "tcp 443 v6").is("R R R");
}

#[test]
fn rt4_inside_a_subnet_nothing_is_routed() {
    let mut estate = open();
    estate.instance("a2", "10.0.1.11", &["sg-o"]);
    // A route for the subnet's own CIDR cannot catch it.
    estate.interface("fw", "10.0.9.9", &["sg-o"]).eni("fw", |eni| eni["SourceDestCheck"] = json!(false));
    estate.route("rtb-main", "10.0.1.0/24 eni-fw").route("rtb-main", "10.0.2.0/24 eni-fw");
    estate.ask("10.0.1.10", "10.0.1.11", "tcp 443").is("R R R");
    estate.ask("10.0.1.10", "10.0.2.20", "tcp 443").is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
}

#[test]
fn rt5_static_beats_prefix_list_beats_propagated() {
    let list = |estate: &mut Estate| {
        estate.prefix_list("pl-c", "c", &["10.1.0.0/16"]);
    };
    // Static over list.
    for routes in [["10.1.0.0/16 pcx-1", "pl-c vgw-1"], ["pl-c vgw-1", "10.1.0.0/16 pcx-1"]] {
        let mut estate = peered();
        list(&mut estate);
        estate.route("rtb-main", routes[0]).route("rtb-main", routes[1]);
        estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    }
    // List over propagated.
    for routes in [["10.1.0.0/16 vgw-1 propagated", "pl-c pcx-1"], ["pl-c pcx-1", "10.1.0.0/16 vgw-1 propagated"]] {
        let mut estate = peered();
        list(&mut estate);
        estate.route("rtb-main", routes[0]).route("rtb-main", routes[1]);
        estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    }
    // The control: the same propagated route alone.
    let mut estate = peered();
    estate.route("rtb-main", "10.1.0.0/16 vgw-1 propagated");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
}

#[test]
fn rt5_two_lists_with_different_targets_are_unknown() {
    let mut estate = peered();
    estate.prefix_list("pl-c", "c", &["10.1.0.0/16"]).prefix_list("pl-d", "d", &["10.1.0.0/16", "10.7.0.0/16"]);
    estate.route("rtb-main", "pl-c pcx-1").route("rtb-main", "pl-d vgw-1");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("U U U").because(&["UNDOCUMENTED_BEHAVIOUR"]);
    // The same target: nothing to choose.
    let mut estate = peered();
    estate.prefix_list("pl-c", "c", &["10.1.0.0/16"]).prefix_list("pl-d", "d", &["10.1.0.0/16"]);
    estate.route("rtb-main", "pl-c pcx-1").route("rtb-main", "pl-d pcx-1");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    // A longer entry decides, whatever its list.
    let mut estate = peered();
    estate.prefix_list("pl-c", "c", &["10.1.0.0/16", "10.1.1.0/24"]).prefix_list("pl-d", "d", &["10.1.0.0/16"]);
    estate.route("rtb-main", "pl-d vgw-1").route("rtb-main", "pl-c pcx-1");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
}

#[test]
fn rt5_a_route_server_against_a_propagated_route_is_unknown_in_either_order() {
    for routes in [
        ["10.1.0.0/16 vgw-1 propagated", "10.1.0.0/16 pcx-1 advertised"],
        ["10.1.0.0/16 pcx-1 advertised", "10.1.0.0/16 vgw-1 propagated"],
    ] {
        let mut estate = peered();
        estate.route("rtb-main", routes[0]).route("rtb-main", routes[1]);
        estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("U U U").because(&["UNDOCUMENTED_BEHAVIOUR"]);
    }
}

#[test]
fn rt5_a_route_server_yields_to_static_and_list_and_to_a_longer_prefix() {
    let routes = [
        ["10.1.0.0/16 vgw-1 advertised", "10.1.0.0/16 pcx-1"],
        ["10.1.0.0/16 pcx-1", "10.1.0.0/16 vgw-1 advertised"],
        ["10.1.0.0/16 vgw-1 advertised", "pl-c pcx-1"],
        ["pl-c pcx-1", "10.1.0.0/16 vgw-1 advertised"],
        ["10.1.0.0/16 vgw-1 advertised", "10.1.1.0/24 pcx-1"],
    ];
    for pair in routes {
        let mut estate = peered();
        estate.prefix_list("pl-c", "c", &["10.1.0.0/16"]);
        estate.route("rtb-main", pair[0]).route("rtb-main", pair[1]);
        estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    }
    // A tie below the longest prefix decides nothing.
    let mut estate = peered();
    estate.route("rtb-main", "10.1.0.0/16 vgw-1 propagated").route("rtb-main", "10.1.0.0/16 vgw-2 advertised");
    estate.route("rtb-main", "10.1.1.0/24 pcx-1");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
}

#[test]
fn rt5_a_route_server_against_local_is_unknown() {
    for first in [true, false] {
        let mut estate = open();
        if first {
            estate.route("rtb-main", "10.0.0.0/16 vgw-1 advertised");
        } else {
            estate.change("RouteTables", "RouteTableId", "rtb-main", |table| {
                let mut routes = vec![json!({"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "vgw-1",
                    "Origin": "Advertisement", "State": "active"})];
                routes.extend(table["Routes"].as_array().unwrap().iter().cloned());
                table["Routes"] = json!(routes);
            });
        }
        estate.ask("10.0.1.10", "10.0.2.20", "tcp 443").is("U U U").because(&["UNDOCUMENTED_BEHAVIOUR"]);
    }
}

#[test]
fn rt6_propagated_routes_never_beat_local() {
    let mut estate = open();
    estate.route("rtb-main", "10.0.2.0/24 vgw-1 propagated").route("rtb-main", "10.0.0.0/16 vgw-1 propagated");
    estate.ask("10.0.1.10", "10.0.2.20", "tcp 443").is("R R R");
    // A static one for the entire CIDR of a subnet does.
    let mut estate = open();
    estate.interface("fw", "10.0.9.9", &["sg-o"]).eni("fw", |eni| eni["SourceDestCheck"] = json!(false));
    estate.route("rtb-main", "10.0.2.0/24 eni-fw");
    estate.ask("10.0.1.10", "10.0.2.20", "tcp 443").is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
}

#[test]
fn rt7_without_a_route_nothing_leaves() {
    let mut estate = Estate::new();
    estate.group("sg-a", &["egress -1 0.0.0.0/0"]).instance("a", "10.0.1.10", &["sg-a"]);
    estate.ask("10.0.1.10", "internet", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
}

#[test]
fn rt8_a_blackhole_wins_and_drops_without_falling_back() {
    // T-60.
    let mut estate = public();
    estate.ask("10.0.1.10", "internet", "tcp 443").is("R R R");
    estate.route("rtb-pub", "198.51.100.0/24 nat-x blackhole");
    estate.ask("10.0.1.10", "internet/198.51.100.9", "tcp 443").is("B B -").because(&["BAD_STATE_ROUTE"]);
    estate.ask("10.0.1.10", "internet/203.0.113.200", "tcp 443").is("R R R");
    // At equal length a static blackhole beats a propagated route.
    let mut estate = peered();
    estate.route("rtb-main", "10.1.0.0/16 vgw-1 propagated").route("rtb-main", "10.1.0.0/16 pcx-gone blackhole");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["BAD_STATE_ROUTE"]);
}

#[test]
fn rt8_a_blackhole_drops_the_reply_too() {
    let mut estate = peered();
    estate.route("rtb-main", "10.1.0.0/16 pcx-1").route("rtb-main-vpc-2", "10.0.1.0/24 pcx-gone blackhole");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B R B").because(&["BAD_STATE_ROUTE"]);
    estate.ask("10.0.2.20", "10.1.1.30", "tcp 443").is("R R R");
}

#[test]
fn rt8_filtered_is_unknown() {
    let mut estate = peered();
    estate.route("rtb-main", "10.1.0.0/16 pcx-1 filtered");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("U U U").because(&["UNDOCUMENTED_BEHAVIOUR"]);
    // Where it does not win it does not matter.
    estate.route("rtb-main", "10.1.1.0/24 pcx-1");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
}

#[test]
fn rt10_a_list_stands_for_its_entries() {
    let mut estate = peered();
    estate.prefix_list("pl-c", "c", &["10.1.1.0/24", "10.77.0.0/16"]).route("rtb-main", "pl-c pcx-1");
    estate.instance("d", "10.1.2.40", &["sg-2"]);
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    estate.ask("10.0.1.10", "10.1.2.40", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
}

#[test]
fn rt10_a_list_without_entries_is_unknown_only_where_it_could_match() {
    let mut estate = peered();
    estate.route("rtb-main", "10.1.0.0/16 pcx-1").route("rtb-main", "pl-unseen vgw-1");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("U U U").because(&["NOT_COLLECTED"]);
    // The VPC's own subnet is layer 2.
    estate.instance("a2", "10.0.1.11", &["sg-o"]);
    estate.ask("10.0.1.10", "10.0.1.11", "tcp 443").is("R R R");
    // A static host route cannot be beaten: static wins at equal length.
    estate.route("rtb-main", "10.1.1.30/32 pcx-1");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
}

#[test]
fn rt10_a_list_of_the_other_family_cannot_match() {
    let mut estate = peered();
    estate.add("PrefixLists", json!({"PrefixListId": "pl-six", "PrefixListName": "six", "AddressFamily": "IPv6"}));
    estate.route("rtb-main", "10.1.0.0/16 pcx-1").route("rtb-main", "pl-six vgw-1");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
}

#[test]
fn rt10_a_gateway_endpoints_list_cannot_match_private_addresses() {
    let mut estate = peered();
    estate.add(
        "VpcEndpoints",
        json!({"VpcEndpointId": "vpce-g", "VpcEndpointType": "Gateway", "VpcId": "vpc-1",
        "ServiceName": "com.amazonaws.us-east-1.s3", "State": "available"}),
    );
    estate.route("rtb-main", "10.1.0.0/16 pcx-1").route("rtb-main", "pl-unseen vpce-g");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    estate.ask("10.0.1.10", "10.0.2.20", "tcp 443").is("R R R");
    estate.ask("10.0.1.10", "internet/198.51.100.9", "tcp 443").is("U U U").because(&["NOT_COLLECTED"]);
}

#[test]
fn rt11_some_link_local_addresses_are_never_routed() {
    let mut estate = public();
    estate.vpc_ipv6("vpc-1", "2600:1f18:1::/56").subnet_ipv6("subnet-a", "2600:1f18:1:1::/64");
    estate.ipv6("a", "2600:1f18:1:1::a").route("rtb-pub", "::/0 igw-1");
    estate.ask("eni-a", "169.254.168.5", "tcp 80").is("B B -").because(&["CANNOT_ROUTE"]);
    estate.ask("eni-a", "169.254.170.9", "tcp 80").is("B B -").because(&["CANNOT_ROUTE"]);
    estate.ask("eni-a", "fd00:ec2::77", "tcp 80").is("B B -").because(&["CANNOT_ROUTE"]);
    // Lattice lies in that range and is not modelled.
    estate.ask("eni-a", "169.254.171.5", "tcp 80").is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
}

#[test]
fn rt12_an_edge_table_steers_what_comes_in() {
    let mut estate = public();
    estate.ask("internet/198.51.100.9", "eni-a", "tcp 443").is("R R R");
    estate.instance("fw", "10.0.9.9", &["sg-o"]).public("fw", "203.0.113.99");
    estate.eni("fw", |eni| eni["SourceDestCheck"] = json!(false));
    estate.table("rtb-edge", "vpc-1", &["10.0.1.0/24 eni-fw"]);
    estate.change("RouteTables", "RouteTableId", "rtb-edge", |table| {
        table["Associations"] =
            json!([{"Main": false, "GatewayId": "igw-1", "AssociationState": {"State": "associated"}}]);
    });
    // T-69: the reply would leave past the appliance.
    estate.ask("internet/198.51.100.9", "eni-a", "tcp 443").is("B U B").because(&["INGRESS_RTB_TRAFFIC_REDIRECTION"]);
    // Through the appliance both ways: it is not modelled.
    estate.table("rtb-in", "vpc-1", &["0.0.0.0/0 eni-fw"]);
    estate.change("RouteTables", "RouteTableId", "rtb-pub", |table| {
        table["Associations"].as_array_mut().unwrap().retain(|a| a["SubnetId"] != "subnet-a");
    });
    estate.associate("rtb-in", "subnet-a");
    estate.ask("internet/198.51.100.9", "eni-a", "tcp 443").is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
    // Another subnet is not steered.
    estate.ask("internet/198.51.100.9", "eni-fw", "tcp 443").is("R R R");
}

#[test]
fn rt12_an_edge_table_steers_replies_that_come_in() {
    let mut estate = public();
    estate.instance("fw", "10.0.9.9", &["sg-o"]).public("fw", "203.0.113.99");
    estate.eni("fw", |eni| eni["SourceDestCheck"] = json!(false));
    estate.table("rtb-edge", "vpc-1", &["10.0.1.0/24 eni-fw"]);
    estate.change("RouteTables", "RouteTableId", "rtb-edge", |table| {
        table["Associations"] =
            json!([{"Main": false, "GatewayId": "igw-1", "AssociationState": {"State": "associated"}}]);
    });
    estate.ask("eni-a", "internet/198.51.100.9", "tcp 443").is("U R U").because(&["UNSUPPORTED_COMPONENT"]);
    // An appliance that checks destinations drops what is not for it.
    estate.eni("fw", |eni| eni["SourceDestCheck"] = json!(true));
    estate.ask("eni-a", "internet/198.51.100.9", "tcp 443").is("B R B").because(&["ENI_SOURCE_DEST_CHECK_RESTRICTION"]);
}

#[test]
fn rt12_local_and_blackhole_routes_of_an_edge_table() {
    let mut estate = public();
    estate.table("rtb-edge", "vpc-1", &[]);
    estate.change("RouteTables", "RouteTableId", "rtb-edge", |table| {
        table["Associations"] =
            json!([{"Main": false, "GatewayId": "igw-1", "AssociationState": {"State": "associated"}}]);
    });
    estate.ask("internet/198.51.100.9", "eni-a", "tcp 443").is("R R R");
    estate.route("rtb-edge", "10.0.1.0/24 eni-gone blackhole");
    estate.ask("internet/198.51.100.9", "eni-a", "tcp 443").is("B B -").because(&["BAD_STATE_ROUTE"]);
}

#[test]
fn rt12_a_route_server_tie_in_an_edge_table_is_unknown() {
    let mut estate = public();
    estate.table("rtb-edge", "vpc-1", &["10.0.0.0/16 eni-fw advertised"]);
    estate.change("RouteTables", "RouteTableId", "rtb-edge", |table| {
        table["Associations"] =
            json!([{"Main": false, "GatewayId": "igw-1", "AssociationState": {"State": "associated"}}]);
    });
    assert_eq!(
        estate.ask("internet/198.51.100.9", "eni-a", "tcp 443").forward,
        reach_engine::verdict::Verdict::Unknown
    );
}

#[test]
fn rt47_appliances_are_unknown_unless_their_check_drops() {
    let mut estate = open();
    estate.instance("fw", "10.0.9.9", &["sg-o"]).route("rtb-main", "10.0.2.0/24 eni-fw");
    estate.ask("10.0.1.10", "10.0.2.20", "tcp 443").is("B B -").because(&["ENI_SOURCE_DEST_CHECK_RESTRICTION"]);
    estate.eni("fw", |eni| eni["SourceDestCheck"] = json!(false));
    let said = estate.ask("10.0.1.10", "10.0.2.20", "tcp 443");
    said.is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
    assert!(said.reasons.iter().any(|r| r.starts_with("UNSUPPORTED_COMPONENT eni-fw")), "{:?}", said.reasons);
    // Another gate still denies for certain: nothing admits SSH at B.
    estate.group("sg-web", &["ingress tcp 443 0.0.0.0/0"]);
    estate.eni("b", |eni| eni["Groups"] = json!([{"GroupId": "sg-web"}]));
    estate.ask("10.0.1.10", "10.0.2.20", "tcp 22").is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
    estate.ask("10.0.1.10", "10.0.2.20", "tcp 443").is("U U U");
}

#[test]
fn rt20_rt45_opaque_targets_are_unknown_by_name() {
    for target in ["lgw-1", "cagw-1", "vgw-1"] {
        let mut estate = open();
        estate.route("rtb-main", &format!("192.168.0.0/16 {target}"));
        let said = estate.ask("10.0.1.10", "192.168.3.4", "tcp 443");
        said.is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
        assert!(said.reasons.iter().any(|r| r.contains(target)), "{:?}", said.reasons);
        // The sender's own gates still deny for certain.
        estate.group("sg-none", &[]);
        estate.eni("a", |eni| eni["Groups"] = json!([{"GroupId": "sg-none"}]));
        estate.ask("10.0.1.10", "192.168.3.4", "tcp 443").is("B B -").because(&["SG_HAS_NO_RULES"]);
    }
    for field in ["CoreNetworkArn", "OdbNetworkArn"] {
        let mut estate = open();
        estate.change("RouteTables", "RouteTableId", "rtb-main", |table| {
            let route = json!({"DestinationCidrBlock": "192.168.0.0/16", field: "arn:aws:x:core", "State": "active"});
            table["Routes"].as_array_mut().unwrap().push(route);
        });
        estate.ask("10.0.1.10", "192.168.3.4", "tcp 443").is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
    }
}

#[test]
fn rt46_propagated_routes_count_as_installed() {
    let mut estate = open();
    estate.route("rtb-main", "192.168.0.0/16 vgw-1 propagated");
    estate.ask("10.0.1.10", "192.168.3.4", "tcp 443").is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
    // Withdrawn: the route is not there.
    open().ask("10.0.1.10", "192.168.3.4", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
}

#[test]
fn rt48_a_gateway_load_balancer_endpoint_is_unknown() {
    let mut estate = public();
    estate.add(
        "VpcEndpoints",
        json!({"VpcEndpointId": "vpce-gwlb", "VpcEndpointType": "GatewayLoadBalancer",
        "VpcId": "vpc-1", "ServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-1", "State": "available"}),
    );
    estate.route("rtb-pub", "198.51.100.0/24 vpce-gwlb");
    let said = estate.ask("10.0.1.10", "internet/198.51.100.9", "tcp 443");
    said.is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
    assert!(said.reasons.iter().any(|r| r.contains("vpce-gwlb")), "{:?}", said.reasons);
}

#[test]
fn api_a_target_outside_the_snapshot_is_unknown_by_call() {
    for route in ["192.168.0.0/16 pcx-x", "192.168.0.0/16 nat-x", "192.168.0.0/16 igw-x", "192.168.0.0/16 vpce-x"] {
        let mut estate = open();
        estate.route("rtb-main", route);
        estate.ask("10.0.1.10", "192.168.3.4", "tcp 443").is("U U U").because(&["NOT_COLLECTED"]);
    }
}

#[test]
fn selectors_a_private_outside_address_enters_where_the_table_says() {
    // Nothing names a way for it.
    let mut estate = open();
    estate.ask("192.168.3.4", "10.0.1.10", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
    // A VPN gateway: what lies beyond is unknown, the gates on the way are judged.
    estate.route("rtb-main", "192.168.0.0/16 vgw-1 propagated");
    estate.ask("192.168.3.4", "10.0.1.10", "tcp 443").is("U U U");
    estate.group("sg-web", &["ingress tcp 443 192.168.0.0/16"]);
    estate.eni("a", |eni| eni["Groups"] = json!([{"GroupId": "sg-web"}]));
    estate.ask("192.168.3.4", "10.0.1.10", "tcp 443").is("U U U");
    estate.ask("192.168.3.4", "10.0.1.10", "tcp 22").is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
    estate.acl("acl-n", "vpc-1", &["100 ingress deny -1 192.168.0.0/16", "200 ingress allow -1 0.0.0.0/0"]);
    estate.acl_for("acl-n", "subnet-a");
    estate.ask("192.168.3.4", "10.0.1.10", "tcp 443").is("B B -").because(&["SUBNET_ACL_RESTRICTION"]);
    // By an internet gateway nothing private comes in.
    let estate = public();
    estate.ask("192.168.3.4", "10.0.1.10", "tcp 443").is("B B -");
    // A blackhole.
    let mut estate = open();
    estate.route("rtb-main", "192.168.0.0/16 vgw-1 blackhole");
    estate.ask("192.168.3.4", "10.0.1.10", "tcp 443").is("B B -").because(&["BAD_STATE_ROUTE"]);
    // An inactive peering carries nothing, either way.
    let mut estate = open();
    estate.second_vpc().peering("pcx-1", "vpc-1", "vpc-2").route("rtb-main", "192.168.0.0/16 pcx-1");
    estate
        .change("VpcPeeringConnections", "VpcPeeringConnectionId", "pcx-1", |p| p["Status"]["Code"] = json!("deleted"));
    assert_eq!(estate.ask("192.168.3.4", "10.0.1.10", "tcp 443").verdict, reach_engine::verdict::Verdict::Blocked);
}

#[test]
fn m6b_an_address_that_nobody_has_is_no_host() {
    let estate = open();
    estate.ask("10.0.1.10", "10.0.2.99", "tcp 443").is("B B -").because(&["NO_POSSIBLE_DESTINATION"]);
    estate.ask("10.0.1.10", "10.0.77.1", "tcp 443").is("B B -").because(&["NO_POSSIBLE_DESTINATION"]);
    estate.ask("10.0.1.10", "10.0.2.20", "tcp 443").is("R R R");
}
