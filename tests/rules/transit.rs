//! Transit gateways.

use serde_json::json;

use crate::estate::{Estate, OPEN};

/// A (10.0.1.10, open) in `vpc-1`, C (10.1.1.30, open) in `vpc-2`, joined by `tgw-1` (see `two_by_transit`).
fn joined() -> Estate {
    let mut estate = Estate::new();
    estate.group("sg-o", OPEN).instance("a", "10.0.1.10", &["sg-o"]).two_by_transit();
    estate
}

fn routes(estate: &mut Estate, routes: serde_json::Value) {
    estate.change("TransitGatewayStaticRoutes", "TransitGatewayRouteTableId", "tgw-rtb-1", |table| {
        table["Routes"] = routes;
    });
}

fn propagating(estate: &mut Estate, vpcs: &[&str]) {
    estate.change("TransitGatewayPropagations", "TransitGatewayRouteTableId", "tgw-rtb-1", |table| {
        table["TransitGatewayRouteTablePropagations"]
            .as_array_mut()
            .unwrap()
            .retain(|p| vpcs.iter().any(|vpc| p["ResourceId"] == *vpc));
    });
}

fn attachment(estate: &mut Estate, vpc: &str, change: impl Fn(&mut serde_json::Value)) {
    let id = format!("tgw-attach-{vpc}");
    for key in ["TransitGatewayAttachments", "TransitGatewayVpcAttachments"] {
        estate.change(key, "TransitGatewayAttachmentId", &id, &change);
    }
}

fn subnets(estate: &mut Estate, vpc: &str, subnets: &[&str]) {
    let id = format!("tgw-attach-{vpc}");
    estate
        .change("TransitGatewayVpcAttachments", "TransitGatewayAttachmentId", &id, |a| a["SubnetIds"] = json!(subnets));
}

#[test]
fn rt38_the_whole_way() {
    let mut estate = joined();
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    estate.ask("10.1.1.30", "10.0.1.10", "tcp 443").is("R R R");
    // The reply needs its own route in the transit gateway's table.
    propagating(&mut estate, &["vpc-2"]);
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B R B").because(&["TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT"]);
    propagating(&mut estate, &[]);
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT"]);
}

#[test]
fn rt38_a_propagation_that_ended_installs_nothing() {
    let mut estate = joined();
    estate.change("TransitGatewayPropagations", "TransitGatewayRouteTableId", "tgw-rtb-1", |table| {
        table["TransitGatewayRouteTablePropagations"][1]["State"] = json!("disabled");
    });
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT"]);
}

#[test]
fn rt38_without_association_what_enters_is_dropped() {
    // T-66.
    let mut estate = joined();
    attachment(&mut estate, "vpc-1", |a| drop(a.as_object_mut().unwrap().remove("Association")));
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION"]);
    let mut estate = joined();
    attachment(&mut estate, "vpc-2", |a| drop(a.as_object_mut().unwrap().remove("Association")));
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B R B").because(&["TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION"]);
    let mut estate = joined();
    attachment(&mut estate, "vpc-1", |a| a["Association"]["State"] = json!("disassociated"));
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION"]);
}

#[test]
fn rt38_an_association_that_was_not_collected_is_unknown() {
    let mut estate = joined();
    estate.without("TransitGatewayAttachments");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("U U U").because(&["NOT_COLLECTED"]);
    // The table's own list tells as well.
    estate.document(json!({"TransitGatewayRouteTableId": "tgw-rtb-1", "Associations": [
        {"TransitGatewayAttachmentId": "tgw-attach-vpc-1", "ResourceType": "vpc", "ResourceId": "vpc-1", "State": "associated"},
        {"TransitGatewayAttachmentId": "tgw-attach-vpc-2", "ResourceType": "vpc", "ResourceId": "vpc-2", "State": "associated"}]}));
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
}

#[test]
fn rt38_each_attachment_has_its_own_table() {
    let mut estate = joined();
    estate.transit_table("tgw-rtb-2", "tgw-1", &[], &[]);
    attachment(&mut estate, "vpc-1", |a| a["Association"]["TransitGatewayRouteTableId"] = json!("tgw-rtb-2"));
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT"]);
}

#[test]
fn rt38_attachment_states_and_missing_collections() {
    let mut estate = joined();
    attachment(&mut estate, "vpc-1", |a| a["State"] = json!("deleted"));
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["BAD_STATE_ATTACHMENT"]);
    let mut estate = joined();
    attachment(&mut estate, "vpc-2", |a| a["State"] = json!("pendingAcceptance"));
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["BAD_STATE_ATTACHMENT"]);
    let mut estate = joined();
    estate.without("TransitGatewayAttachments").without("TransitGatewayVpcAttachments");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("U U U").because(&["NOT_COLLECTED"]);
    let mut estate = joined();
    estate.without("TransitGatewayVpcAttachments");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("U U U").because(&["NOT_COLLECTED"]);
    for key in ["TransitGatewayStaticRoutes", "TransitGatewayPropagations"] {
        let mut estate = joined();
        estate.without(key);
        estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("U U U").because(&["TGW_RTB_ROUTES_ARE_UNKNOWN"]);
    }
}

#[test]
fn rt38_routes_that_were_searched() {
    let mut estate = joined();
    estate.without("TransitGatewayStaticRoutes").without("TransitGatewayPropagations");
    let listing = |more: bool| {
        let route = |cidr: &str, vpc: &str| {
            json!({"DestinationCidrBlock": cidr, "Type": "propagated", "State": "active",
                "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": format!("tgw-attach-{vpc}")}]})
        };
        json!({"TransitGatewayRouteTableId": "tgw-rtb-1", "AdditionalRoutesAvailable": more,
            "Routes": [route("10.0.0.0/16", "vpc-1"), route("10.1.0.0/16", "vpc-2")]})
    };
    let mut whole = estate.clone();
    whole.document(listing(false));
    whole.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    estate.document(listing(true));
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("U U U").because(&["TGW_RTB_ROUTES_ARE_UNKNOWN"]);
}

#[test]
fn rt38_a_propagation_of_an_unseen_attachment_leaves_the_table_unknown() {
    let mut estate = joined();
    estate.change("TransitGatewayPropagations", "TransitGatewayRouteTableId", "tgw-rtb-1", |table| {
        table["TransitGatewayRouteTablePropagations"].as_array_mut().unwrap().push(json!({
            "TransitGatewayAttachmentId": "tgw-attach-vpn", "ResourceId": "vpn-1", "ResourceType": "vpn", "State": "enabled"}));
    });
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("U U U").because(&["TGW_RTB_ROUTES_ARE_UNKNOWN"]);
}

#[test]
fn rt39_static_blackhole_beats_propagated() {
    // T-66.
    let mut estate = joined();
    routes(&mut estate, json!([{"DestinationCidrBlock": "10.1.0.0/16", "Type": "static", "State": "blackhole"}]));
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["TGW_RTB_BAD_STATE_ROUTE"]);
    // Longest prefix first.
    let mut estate = joined();
    routes(&mut estate, json!([{"DestinationCidrBlock": "10.0.0.0/8", "Type": "static", "State": "blackhole"}]));
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    routes(&mut estate, json!([{"DestinationCidrBlock": "10.1.1.16/28", "Type": "static", "State": "blackhole"}]));
    estate.instance("d", "10.1.1.40", &["sg-2"]);
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["TGW_RTB_BAD_STATE_ROUTE"]);
    estate.ask("10.0.1.10", "10.1.1.40", "tcp 443").is("R R R");
}

/// A third VPC with `vpc-2`'s CIDR, attached and without hosts.
fn twin(estate: &mut Estate) {
    estate.vpc("vpc-3", "10.1.0.0/16").subnet("subnet-t3", "vpc-3", "10.1.8.0/28", "us-east-1a");
    estate.attach("tgw-1", "vpc-3", &["subnet-t3"], "tgw-rtb-1");
}

#[test]
fn rt39_static_beats_list_beats_propagated() {
    // Static to the right VPC, propagated by the twin.
    let mut estate = joined();
    twin(&mut estate);
    propagating(&mut estate, &["vpc-1"]);
    estate.change("TransitGatewayPropagations", "TransitGatewayRouteTableId", "tgw-rtb-1", |table| {
        table["TransitGatewayRouteTablePropagations"].as_array_mut().unwrap().push(json!({
            "TransitGatewayAttachmentId": "tgw-attach-vpc-3", "ResourceId": "vpc-3", "ResourceType": "vpc", "State": "enabled"}));
    });
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -");
    let to = |vpc: &str| json!([{"TransitGatewayAttachmentId": format!("tgw-attach-{vpc}")}]);
    estate.prefix_list("pl-c", "c", &["10.1.0.0/16"]);
    let list = |vpc: &str| json!({"PrefixListId": "pl-c", "Type": "static", "State": "active", "TransitGatewayAttachments": to(vpc)});
    let fixed = |vpc: &str| json!({"DestinationCidrBlock": "10.1.0.0/16", "Type": "static", "State": "active", "TransitGatewayAttachments": to(vpc)});
    routes(&mut estate, json!([list("vpc-2")]));
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    routes(&mut estate, json!([list("vpc-3"), fixed("vpc-2")]));
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    routes(&mut estate, json!([fixed("vpc-3"), list("vpc-2")]));
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -");
}

#[test]
fn rt39_two_vpcs_that_propagate_one_cidr() {
    // Only one of them propagates, and the list does not say which.
    for order in [["vpc-2", "vpc-3"], ["vpc-3", "vpc-2"]] {
        let mut estate = joined();
        twin(&mut estate);
        estate.change("TransitGatewayPropagations", "TransitGatewayRouteTableId", "tgw-rtb-1", |table| {
            let propagations: Vec<_> = ["vpc-1", order[0], order[1]].iter().map(|vpc| json!({
                "TransitGatewayAttachmentId": format!("tgw-attach-{vpc}"), "ResourceId": vpc, "ResourceType": "vpc", "State": "enabled"})).collect();
            table["TransitGatewayRouteTablePropagations"] = json!(propagations);
        });
        estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("U U U").because(&["UNDOCUMENTED_BEHAVIOUR"]);
    }
}

#[test]
fn rt39_a_list_without_entries_is_unknown_where_it_could_match() {
    let list = json!([{"PrefixListId": "pl-unseen", "Type": "static", "State": "active",
        "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "tgw-attach-vpc-2"}]}]);
    let mut estate = joined();
    routes(&mut estate, list.clone());
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("U U U").because(&["NOT_COLLECTED"]);
    let mut estate = joined();
    estate.add("PrefixLists", json!({"PrefixListId": "pl-unseen", "PrefixListName": "six", "AddressFamily": "IPv6"}));
    routes(&mut estate, list);
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
}

#[test]
fn rt40_the_source_needs_an_attachment_in_its_zone() {
    let mut estate = joined();
    estate.instance("b", "10.0.2.20", &["sg-o"]);
    estate.ask("10.0.2.20", "10.1.1.30", "tcp 443").is("B B -").because(&["TGW_ROUTE_AZ_RESTRICTION"]);
    estate.subnet("subnet-t1b", "vpc-1", "10.0.8.16/28", "us-east-1b");
    subnets(&mut estate, "vpc-1", &["subnet-t1", "subnet-t1b"]);
    estate.ask("10.0.2.20", "10.1.1.30", "tcp 443").is("R R R");
    // On the destination's side the zone does not matter on the way in, but for the reply.
    let mut estate = joined();
    estate.instance("d", "10.1.2.40", &["sg-2"]);
    estate.ask("10.0.1.10", "10.1.2.40", "tcp 443").is("B R B").because(&["TGW_ROUTE_AZ_RESTRICTION"]);
}

#[test]
fn rt40_a_local_zones_parent_is_not_in_the_snapshot() {
    let mut estate = joined();
    estate.subnet("subnet-l", "vpc-1", "10.0.6.0/24", "us-east-1-bos-1a").instance("l", "10.0.6.6", &["sg-o"]);
    assert_eq!(estate.ask("10.0.6.6", "10.1.1.30", "tcp 443").forward, reach_engine::verdict::Verdict::Unknown);
    // Some Regions have long names.
    estate.change("Subnets", "SubnetId", "subnet-l", |subnet| subnet["AvailabilityZone"] = json!("us-gov-west-1a"));
    estate.ask("10.0.6.6", "10.1.1.30", "tcp 443").is("B B -").because(&["TGW_ROUTE_AZ_RESTRICTION"]);
}

/// Attachment subnets of `vpc-2` in zones a, b and c; those of b and c have these lines as network ACL.
fn spread(zones: &[&str], lines: &[&str]) -> Estate {
    let mut estate = joined();
    estate.subnet("subnet-t2b", "vpc-2", "10.1.8.16/28", "us-east-1b");
    estate.subnet("subnet-t2c", "vpc-2", "10.1.8.32/28", "us-east-1c");
    estate.acl("acl-t", "vpc-2", lines).acl_for("acl-t", "subnet-t2b");
    subnets(&mut estate, "vpc-2", zones);
    estate
}

#[test]
fn rt41_the_packet_leaves_in_its_own_zone() {
    let closed: &[&str] = &["100 ingress allow -1 0.0.0.0/0"];
    // Zone a has an attachment subnet: the one in b does not matter.
    spread(&["subnet-t2b", "subnet-t2"], closed).ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    // Zone a has none: any of the others.
    let way = spread(&["subnet-t2b", "subnet-t2c"], closed);
    let said = way.ask("10.0.1.10", "10.1.1.30", "tcp 443");
    assert_eq!(said.forward, reach_engine::verdict::Verdict::Partial, "{:?}", said.messages);
    said.because(&["SUBNET_ACL_RESTRICTION"]);
    // Only the closed one.
    spread(&["subnet-t2b"], closed)
        .ask("10.0.1.10", "10.1.1.30", "tcp 443")
        .is("B B -")
        .because(&["SUBNET_ACL_RESTRICTION"]);
}

#[test]
fn rt41_appliance_mode_hashes_flows_between_zones() {
    let closed: &[&str] = &["100 ingress allow -1 0.0.0.0/0"];
    let with_mode = |mode: &str| {
        let mut estate = spread(&["subnet-t2b", "subnet-t2"], closed);
        estate.change("TransitGatewayVpcAttachments", "TransitGatewayAttachmentId", "tgw-attach-vpc-2", |a| {
            a["Options"]["ApplianceModeSupport"] = json!(mode);
        });
        estate.instance("d", "10.1.2.40", &["sg-2"]);
        estate
    };
    // A (zone a) to C (zone a): the source's zone in either mode.
    with_mode("enable").ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    // A (zone a) to D (zone b): hashed in appliance mode.
    assert_eq!(
        with_mode("disable").ask("10.0.1.10", "10.1.2.40", "tcp 443").forward,
        reach_engine::verdict::Verdict::Reachable
    );
    assert_eq!(
        with_mode("enable").ask("10.0.1.10", "10.1.2.40", "tcp 443").forward,
        reach_engine::verdict::Verdict::Partial
    );
}

#[test]
fn na13_different_subnets_both_directions() {
    let denying = |line: &str, vpc: &str, subnet: &str| {
        let mut estate = joined();
        estate.acl("acl-n", vpc, &[line, "200 ingress allow -1 0.0.0.0/0", "200 egress allow -1 0.0.0.0/0"]);
        estate.acl_for("acl-n", subnet);
        estate.ask("10.0.1.10", "10.1.1.30", "tcp 443")
    };
    // A's subnet: out by destination; back in by source.
    denying("90 egress deny tcp 10.1.1.30/32 443", "vpc-1", "subnet-a")
        .is("B B -")
        .because(&["SUBNET_ACL_RESTRICTION"]);
    denying("90 ingress deny tcp 10.1.1.30/32", "vpc-1", "subnet-a").is("B R B");
    // The gateway's subnet of vpc-1: in by source; the reply goes out by destination.
    denying("90 ingress deny tcp 10.0.1.10/32 443", "vpc-1", "subnet-t1")
        .is("B B -")
        .because(&["SUBNET_ACL_RESTRICTION"]);
    denying("90 egress deny tcp 10.0.1.10/32", "vpc-1", "subnet-t1").is("B R B");
    // The other combinations are not evaluated there.
    denying("90 egress deny tcp 10.1.1.30/32", "vpc-1", "subnet-t1").is("R R R");
    denying("90 ingress deny tcp 10.1.1.30/32", "vpc-1", "subnet-t1").is("R R R");
    // T-51. The gateway's subnet of vpc-2: out by destination; the reply comes in by source.
    denying("90 egress deny tcp 10.1.1.30/32 443", "vpc-2", "subnet-t2")
        .is("B B -")
        .because(&["SUBNET_ACL_RESTRICTION"]);
    denying("90 ingress deny tcp 10.1.1.30/32", "vpc-2", "subnet-t2").is("B R B");
    denying("90 ingress deny tcp 10.0.1.10/32", "vpc-2", "subnet-t2").is("R R R");
    denying("90 egress deny tcp 10.0.1.10/32", "vpc-2", "subnet-t2").is("R R R");
    // C's subnet.
    denying("90 ingress deny tcp 10.0.1.10/32 443", "vpc-2", "subnet-c")
        .is("B B -")
        .because(&["SUBNET_ACL_RESTRICTION"]);
    denying("90 egress deny tcp 10.0.1.10/32", "vpc-2", "subnet-c").is("B R B");
}

#[test]
fn na13_the_same_subnet_both_directions() {
    let denying = |line: &str, vpc: &str, subnet: &str| {
        let mut estate = joined();
        subnets(&mut estate, "vpc-1", &["subnet-a"]);
        subnets(&mut estate, "vpc-2", &["subnet-c"]);
        estate.acl("acl-n", vpc, &[line, "200 ingress allow -1 0.0.0.0/0", "200 egress allow -1 0.0.0.0/0"]);
        estate.acl_for("acl-n", subnet);
        estate.ask("10.0.1.10", "10.1.1.30", "tcp 443")
    };
    // Instance to gateway: out by destination and in by source.
    denying("90 egress deny tcp 10.1.1.30/32 443", "vpc-1", "subnet-a")
        .is("B B -")
        .because(&["SUBNET_ACL_RESTRICTION"]);
    denying("90 ingress deny tcp 10.0.1.10/32 443", "vpc-1", "subnet-a")
        .is("B B -")
        .because(&["SUBNET_ACL_RESTRICTION"]);
    denying("90 egress deny tcp 10.0.1.10/32", "vpc-2", "subnet-c").is("B R B");
    denying("90 ingress deny tcp 10.1.1.30/32", "vpc-2", "subnet-c").is("B R B");
    // Gateway to instance: nothing.
    denying("90 egress deny tcp 10.1.1.30/32", "vpc-2", "subnet-c").is("R R R");
    denying("90 ingress deny tcp 10.0.1.10/32", "vpc-2", "subnet-c").is("R R R");
    denying("90 ingress deny tcp 10.1.1.30/32", "vpc-1", "subnet-a").is("R R R");
    denying("90 egress deny tcp 10.0.1.10/32", "vpc-1", "subnet-a").is("R R R");
}

#[test]
fn rt13_the_attachment_subnets_table_decides_what_comes_in() {
    // T-67: B's subnet has no route back, the attachment subnet's has.
    let mut estate = joined();
    estate.table("rtb-c", "vpc-2", &[]).associate("rtb-c", "subnet-c");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B R B").because(&["NO_ROUTE_TO_DESTINATION"]);
    // A blackhole in the attachment subnet's table.
    let mut estate = joined();
    estate.table("rtb-t", "vpc-2", &["10.1.1.0/24 eni-gone blackhole"]).associate("rtb-t", "subnet-t2");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["BAD_STATE_ROUTE"]);
    // C's own table is the control: the same route there is not on the way in.
    let mut estate = joined();
    estate
        .table("rtb-c", "vpc-2", &["10.1.1.0/24 eni-gone blackhole", "10.0.0.0/16 tgw-1"])
        .associate("rtb-c", "subnet-c");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
}

/// `vpc-2` hangs on `tgw-2` of another Region, peered with `tgw-1` by `tgw-attach-peer`.
fn across(there: &[&str]) -> Estate {
    let mut estate = Estate::new();
    estate.group("sg-o", OPEN).instance("a", "10.0.1.10", &["sg-o"]).second_vpc();
    estate.subnet("subnet-t1", "vpc-1", "10.0.8.0/28", "us-east-1a").subnet(
        "subnet-t2",
        "vpc-2",
        "10.1.8.0/28",
        "us-east-1a",
    );
    estate.transit("tgw-1").transit("tgw-2");
    estate.attach("tgw-1", "vpc-1", &["subnet-t1"], "tgw-rtb-1").attach("tgw-2", "vpc-2", &["subnet-t2"], "tgw-rtb-2");
    for (gateway, table, peer) in [("tgw-1", "tgw-rtb-1", "tgw-2"), ("tgw-2", "tgw-rtb-2", "tgw-1")] {
        estate.add(
            "TransitGatewayAttachments",
            json!({"TransitGatewayAttachmentId": "tgw-attach-peer",
            "TransitGatewayId": gateway, "ResourceType": "peering", "ResourceId": peer, "State": "available",
            "Association": {"TransitGatewayRouteTableId": table, "State": "associated"}}),
        );
    }
    estate.transit_table("tgw-rtb-1", "tgw-1", there, &["vpc-1"]);
    estate.transit_table("tgw-rtb-2", "tgw-2", &["10.0.0.0/16 tgw-attach-peer"], &["vpc-2"]);
    estate.route("rtb-main", "10.1.0.0/16 tgw-1").route("rtb-main-vpc-2", "10.0.0.0/16 tgw-2");
    estate
}

#[test]
fn rt43_peered_gateways_need_static_routes() {
    across(&["10.1.0.0/16 tgw-attach-peer"]).ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    across(&[]).ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT"]);
}

#[test]
fn rt43_no_references_over_peered_gateways() {
    let mut estate = across(&["10.1.0.0/16 tgw-attach-peer"]);
    for gateway in ["tgw-1", "tgw-2"] {
        estate.change("TransitGateways", "TransitGatewayId", gateway, |g| {
            g["Options"] = json!({"SecurityGroupReferencingSupport": "enable"});
        });
    }
    estate.group_in("sg-c", "vpc-2", &["ingress tcp 443 sg-o"]);
    estate.eni("c", |eni| eni["Groups"] = json!([{"GroupId": "sg-c"}]));
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["SG_REFERENCING_SUPPORT"]);
    let mut estate = joined();
    estate.change("TransitGateways", "TransitGatewayId", "tgw-1", |g| {
        g["Options"] = json!({"SecurityGroupReferencingSupport": "enable"});
    });
    estate.group_in("sg-c", "vpc-2", &["ingress tcp 443 sg-o"]);
    estate.eni("c", |eni| eni["Groups"] = json!([{"GroupId": "sg-c"}]));
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
}

#[test]
fn rt43_associations_by_table_belong_to_the_tables_gateway() {
    let mut estate = across(&["10.1.0.0/16 tgw-attach-peer"]);
    // Only the tables' own lists tell the associations.
    estate.each("TransitGatewayAttachments", |a| drop(a.as_object_mut().unwrap().remove("Association")));
    for (table, vpc) in [("tgw-rtb-1", "vpc-1"), ("tgw-rtb-2", "vpc-2")] {
        estate.document(json!({"TransitGatewayRouteTableId": table, "Associations": [
            {"TransitGatewayAttachmentId": format!("tgw-attach-{vpc}"), "ResourceType": "vpc", "ResourceId": vpc, "State": "associated"},
            {"TransitGatewayAttachmentId": "tgw-attach-peer", "ResourceType": "peering", "ResourceId": "tgw-x", "State": "associated"}]}));
    }
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    estate.ask("10.1.1.30", "10.0.1.10", "tcp 443").is("R R R");
}

#[test]
fn rt43_an_unseen_side_is_unknown() {
    let mut estate = across(&["10.1.0.0/16 tgw-attach-peer"]);
    estate.retain("TransitGatewayAttachments", |a| a["TransitGatewayId"] == "tgw-1");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("U U U").because(&["UNKNOWN_RESOURCE"]);
    // C admits nothing on that port: certain all the same.
    estate.group_in("sg-c", "vpc-2", &["ingress tcp 80 10.0.0.0/8"]);
    estate.eni("c", |eni| eni["Groups"] = json!([{"GroupId": "sg-c"}]));
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
}

#[test]
fn rt20_other_attachments_are_unknown_by_name() {
    for kind in ["vpn", "direct-connect-gateway", "connect", "network-function"] {
        let mut estate = joined();
        estate.add(
            "TransitGatewayAttachments",
            json!({"TransitGatewayAttachmentId": "tgw-attach-far",
            "TransitGatewayId": "tgw-1", "ResourceType": kind, "ResourceId": "far-1", "State": "available"}),
        );
        routes(
            &mut estate,
            json!([{"DestinationCidrBlock": "192.168.0.0/16", "Type": "static", "State": "active",
            "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "tgw-attach-far"}]}]),
        );
        estate.route("rtb-main", "192.168.0.0/16 tgw-1");
        let said = estate.ask("10.0.1.10", "192.168.3.4", "tcp 443");
        said.is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
        assert!(said.reasons.iter().any(|r| r.contains("tgw-attach-far")), "{:?}", said.reasons);
    }
}

#[test]
fn rt44_overlapping_vpcs_cannot_reach_each_other() {
    let mut estate = Estate::new();
    estate.group("sg-o", OPEN).instance("a", "10.0.1.10", &["sg-o"]);
    estate.vpc("vpc-2", "10.0.0.0/16").subnet("subnet-z", "vpc-2", "10.0.77.0/24", "us-east-1a");
    estate.group_in("sg-2", "vpc-2", OPEN).instance("z", "10.0.77.7", &["sg-2"]);
    estate.transit("tgw-1").attach("tgw-1", "vpc-1", &["subnet-a"], "tgw-rtb-1").attach(
        "tgw-1",
        "vpc-2",
        &["subnet-z"],
        "tgw-rtb-1",
    );
    estate.transit_table("tgw-rtb-1", "tgw-1", &[], &["vpc-2"]);
    estate.route("rtb-main", "0.0.0.0/0 tgw-1").route("rtb-main-vpc-2", "0.0.0.0/0 tgw-1");
    estate.ask("10.0.1.10", "eni-z", "tcp 443").is("B B -").because(&["NO_POSSIBLE_DESTINATION"]);
}

#[test]
fn rt42_egress_rules_name_no_groups_over_a_transit_gateway() {
    let mut estate = joined();
    estate.change("TransitGateways", "TransitGatewayId", "tgw-1", |g| {
        g["Options"] = json!({"SecurityGroupReferencingSupport": "enable"});
    });
    estate.group("sg-a", &["egress tcp 443 sg-2"]);
    estate.eni("a", |eni| eni["Groups"] = json!([{"GroupId": "sg-a"}]));
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("B B -").because(&["SG_REFERENCING_SUPPORT"]);
}

#[test]
fn rt38_ipv6_by_propagation() {
    let mut estate = joined();
    estate
        .vpc_ipv6("vpc-1", "2600:1f18:1::/56")
        .subnet_ipv6("subnet-a", "2600:1f18:1:1::/64")
        .ipv6("a", "2600:1f18:1:1::a");
    estate
        .vpc_ipv6("vpc-2", "2600:1f18:2::/56")
        .subnet_ipv6("subnet-c", "2600:1f18:2:1::/64")
        .ipv6("c", "2600:1f18:2:1::c");
    estate.ask("eni-a", "eni-c", "tcp 443 v6").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
    estate.route("rtb-main", "2600:1f18:2::/56 tgw-1").route("rtb-main-vpc-2", "2600:1f18:1::/56 tgw-1");
    estate.ask("eni-a", "eni-c", "tcp 443 v6").is("R R R");
}
