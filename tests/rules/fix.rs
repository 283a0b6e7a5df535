//! Fixes: one test for each kind of gate, and laws that hold for all of them.

use proptest::prelude::*;
use reach_engine::compile::Compiled;
use reach_engine::endpoint::Endpoint;
use reach_engine::fix::{self, Fix, Repair};
use reach_engine::question::{self, Engine};
use reach_engine::verdict::Verdict;
use reach_model::Network;
use reach_model::change::Change;
use serde_json::{Value, json};

use crate::estate::{Estate, OPEN, parse_ask};

/// What both engines say of a question on a changed network; interfaces that a change made are no sources.
fn verdict(network: &Network, known: usize, (from, to, what): (&str, &str, &str)) -> Verdict {
    let mut question = reach_eks::question(network, from, to, None, parse_ask(what)).unwrap();
    let made = |end: &Endpoint| end.interface().is_some_and(|interface| interface.position() >= known);
    let made: Vec<bool> = question.from.iter().map(made).collect();
    for (sources, _) in &mut question.products {
        sources.retain(|position| !made[*position]);
    }
    let compiled = Compiled::new(network);
    let answer = question::ask(&compiled, &question, Engine::Both).unwrap_or_else(|error| panic!("{error}"));
    if answer.pairs.reachable == answer.pairs.total { Verdict::Reachable } else { answer.verdict }
}

fn repair(network: &Network, from: &str, to: &str, what: &str) -> Repair {
    let question = |network: &Network| reach_eks::question(network, from, to, None, parse_ask(what));
    fix::fix(network, question, Engine::Compiled).unwrap_or_else(|error| panic!("{error}"))
}

/// The network after all of `changes` but the one at `left_out`; `None` where AWS would refuse one.
fn after(network: &Network, changes: &[Change], left_out: Option<usize>) -> Option<Network> {
    let mut network = network.clone();
    for (_, change) in changes.iter().enumerate().filter(|(position, _)| Some(*position) != left_out) {
        network.apply(change).ok()?;
    }
    Some(network)
}

/// Every fix is one for both engines, and none has a change too many.
fn check_fixes(network: &Network, from: &str, to: &str, what: &str) -> Repair {
    let repair = repair(network, from, to, what);
    if let Repair::Fixed(fixes) = &repair {
        assert!((1..=fix::MAX_FIXES).contains(&fixes.len()));
        let known = network.interfaces.len();
        for Fix { changes, pairs, .. } in fixes {
            assert!(!changes.is_empty());
            let mended = after(network, changes, None).expect("AWS takes every change");
            assert_eq!(verdict(&mended, known, (from, to, what)), Verdict::Reachable, "{changes:#?}");
            assert_eq!(pairs.reachable, pairs.total);
            for position in 0..changes.len() {
                if let Some(less) = after(network, changes, Some(position)) {
                    let without = verdict(&less, known, (from, to, what));
                    assert_ne!(without, Verdict::Reachable, "{position} of {changes:#?} is not needed");
                }
            }
        }
    }
    repair
}

/// One line for each rule, entry, route or setting of a change.
fn told(change: &Change) -> Vec<String> {
    let Value::Object(call) = serde_json::to_value(change).unwrap() else { panic!("an object") };
    let (name, input) = call.into_iter().next().unwrap();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(permissions) = input["IpPermissions"].as_array() {
        let direction = name.trim_start_matches("AuthorizeSecurityGroup").to_lowercase();
        let mut lines = Vec::new();
        for permission in permissions {
            let ports = match (&permission["FromPort"], &permission["ToPort"]) {
                (Value::Null, _) => String::new(),
                (from, to) if from == to => format!(" {from}"),
                (from, to) => format!(" {from}-{to}"),
            };
            let lists = [
                ("UserIdGroupPairs", "GroupId"),
                ("IpRanges", "CidrIp"),
                ("Ipv6Ranges", "CidrIpv6"),
                ("PrefixListIds", "PrefixListId"),
            ];
            for (list, key) in lists {
                for peer in permission[list].as_array().into_iter().flatten() {
                    let (group, protocol) = (text(&input["GroupId"]), text(&permission["IpProtocol"]));
                    lines.push(format!("{group} {direction} {protocol}{ports} {}", text(&peer[key])));
                }
            }
        }
        return lines;
    }
    let Value::Object(input) = input else { panic!("an object") };
    let words: Vec<String> = input.iter().map(|(key, value)| format!("{key}={}", text(value))).collect();
    vec![format!("{name} {}", words.join(" "))]
}

/// The lines of each fix.
fn lines(repair: &Repair) -> Vec<Vec<String>> {
    let Repair::Fixed(fixes) = repair else { return Vec::new() };
    fixes.iter().map(|fix| fix.changes.iter().flat_map(told).collect()).collect()
}

/// Asserts what the fixes are, after all laws.
#[track_caller]
fn mends(estate: &Estate, from: &str, to: &str, what: &str, expected: &[&[&str]]) {
    let repair = check_fixes(&estate.network(), from, to, what);
    assert_eq!(lines(&repair), expected, "{repair:?}");
}

const CLOSED: &[&str] = &["egress -1 0.0.0.0/0"];

#[test]
fn a_rule_refers_to_the_others_group_first_and_names_its_address_next() {
    mends(
        &Estate::two(CLOSED, CLOSED),
        "i-a",
        "i-b",
        "tcp 443",
        &[&["sg-b ingress tcp 443 sg-a"], &["sg-b ingress tcp 443 10.0.1.10/32"]],
    );
}

#[test]
fn both_ends_are_opened_where_both_refuse() {
    mends(
        &Estate::two(&[], &[]),
        "i-a",
        "i-b",
        "udp 53",
        &[
            &["sg-a egress udp 53 sg-b", "sg-b ingress udp 53 sg-a"],
            &["sg-a egress udp 53 10.0.2.20/32", "sg-b ingress udp 53 10.0.1.10/32"],
        ],
    );
}

#[test]
fn only_the_ports_that_are_missing_are_opened() {
    let b = &["ingress tcp 80 sg-a", "ingress tcp 443-500 10.0.0.0/16", "egress -1 0.0.0.0/0"];
    let repair = check_fixes(&Estate::two(CLOSED, b).network(), "i-a", "i-b", "tcp 80,443,8443,9000-9001");
    assert_eq!(lines(&repair)[0], ["sg-b ingress tcp 8443 sg-a", "sg-b ingress tcp 9000-9001 sg-a"]);
}

#[test]
fn the_group_with_the_fewest_other_members_is_written_to() {
    let mut estate = Estate::two(CLOSED, CLOSED);
    estate.group("sg-wide", CLOSED);
    estate.eni("b", |eni| eni["Groups"] = json!([{"GroupId": "sg-wide"}, {"GroupId": "sg-b"}]));
    estate.eni("a", |eni| eni["Groups"] = json!([{"GroupId": "sg-wide"}, {"GroupId": "sg-a"}]));
    let repair = check_fixes(&estate.network(), "i-a", "i-b", "tcp 443");
    assert_eq!(lines(&repair)[0], ["sg-b ingress tcp 443 sg-a"]);
}

#[test]
fn one_group_that_all_carry_is_one_rule() {
    let mut estate = Estate::two(CLOSED, CLOSED);
    estate.group("sg-nodes", CLOSED);
    for (name, address) in [("n1", "10.0.1.21"), ("n2", "10.0.2.22"), ("n3", "10.0.2.23")] {
        estate.instance(name, address, &["sg-nodes"]);
    }
    let repair = check_fixes(&estate.network(), "sg-nodes", "i-b", "tcp 443");
    assert_eq!(
        lines(&repair),
        [
            vec!["sg-b ingress tcp 443 sg-nodes"],
            vec!["sg-b ingress tcp 443 10.0.1.0/24", "sg-b ingress tcp 443 10.0.2.0/24"],
        ]
    );
}

#[test]
fn icmp_and_everything_are_one_rule_each() {
    let estate = Estate::two(CLOSED, CLOSED);
    let first = |what| lines(&check_fixes(&estate.network(), "i-a", "i-b", what))[0].clone();
    assert_eq!(first("icmp 8/*"), ["sg-b ingress icmp 8--1 sg-a"]);
    assert_eq!(first("all"), ["sg-b ingress -1 sg-a"]);
    assert_eq!(first("50"), ["sg-b ingress 50 sg-a"]);
}

#[test]
fn a_peered_group_is_referred_to_and_one_of_another_region_is_not() {
    let mut estate = Estate::two(CLOSED, CLOSED);
    estate.peer(CLOSED);
    let first = |estate: &Estate| lines(&check_fixes(&estate.network(), "i-a", "i-c", "tcp 443"))[0].clone();
    assert_eq!(first(&estate), ["sg-2 ingress tcp 443 sg-a"]);
    estate.change("VpcPeeringConnections", "VpcPeeringConnectionId", "pcx-1", |peering| {
        peering["AccepterVpcInfo"]["Region"] = json!("eu-west-1");
    });
    assert_eq!(first(&estate), ["sg-2 ingress tcp 443 10.0.1.10/32"]);
}

#[test]
fn behind_a_translator_the_address_that_is_seen_is_named() {
    let mut estate = Estate::two(CLOSED, CLOSED);
    estate.internet().nat().route("rtb-main", "0.0.0.0/0 nat-1");
    estate.group("sg-x", CLOSED).instance("x", "10.0.9.30", &["sg-x"]).public("x", "198.51.100.30");
    // A asks for X by its public address: X sees the NAT gateway's.
    let repair = check_fixes(&estate.network(), "i-a", "198.51.100.30", "tcp 443");
    assert_eq!(lines(&repair), [["sg-x ingress tcp 443 198.51.100.5/32"]]);
}

#[test]
fn the_internet_is_let_in_by_everywhere_and_a_literal_address_by_itself() {
    let mut estate = Estate::two(CLOSED, CLOSED);
    estate.internet().group("sg-w", CLOSED).instance("w", "10.0.9.30", &["sg-w"]).public("w", "198.51.100.30");
    mends(&estate, "internet", "i-w", "tcp 443", &[&["sg-w ingress tcp 443 0.0.0.0/0"]]);
    mends(&estate, "203.0.113.7", "i-w", "tcp 443", &[&["sg-w ingress tcp 443 203.0.113.7/32"]]);
}

#[test]
fn a_gateway_endpoints_service_is_let_out_by_its_list() {
    let mut estate = Estate::two(&[], CLOSED);
    estate.s3_gateway(&["rtb-main"]);
    mends(&estate, "i-a", "aws/s3", "tcp 443", &[&["sg-a egress tcp 443 pl-s3"]]);
}

#[test]
fn an_entry_of_a_list_that_a_rule_names_is_another_way() {
    let b = &["ingress tcp 443 pl-1", "egress -1 0.0.0.0/0"];
    let mut estate = Estate::two(CLOSED, b);
    estate.add(
        "PrefixLists",
        json!({"PrefixListId": "pl-1", "PrefixListName": "clients", "AddressFamily": "IPv4", "MaxEntries": 3,
            "Version": 4, "Cidrs": ["10.0.2.0/24"]}),
    );
    mends(
        &estate,
        "i-a",
        "i-b",
        "tcp 443",
        &[
            &["sg-b ingress tcp 443 sg-a"],
            &[r#"ModifyManagedPrefixList AddEntries=[{"Cidr":"10.0.1.10/32"}] CurrentVersion=4 PrefixListId=pl-1"#],
            &["sg-b ingress tcp 443 10.0.1.10/32"],
        ],
    );
    // A full list is no way.
    estate.change("PrefixLists", "PrefixListId", "pl-1", |list| list["MaxEntries"] = json!(1));
    let repair = check_fixes(&estate.network(), "i-a", "i-b", "tcp 443");
    assert_eq!(lines(&repair).len(), 2);
}

/// B's subnet with a network ACL of these lines.
fn with_acl(lines: &[&str]) -> Estate {
    let mut estate = Estate::two(OPEN, OPEN);
    estate.acl("acl-b", "vpc-1", lines).acl_for("acl-b", "subnet-b");
    estate
}

#[test]
fn an_entry_goes_before_the_one_that_denies() {
    let estate = with_acl(&[
        "100 ingress deny tcp 10.0.0.0/16 443",
        "200 ingress allow -1 0.0.0.0/0",
        "100 egress allow -1 0.0.0.0/0",
    ]);
    mends(
        &estate,
        "i-a",
        "i-b",
        "tcp 443",
        &[&["CreateNetworkAclEntry CidrBlock=10.0.1.0/24 Egress=false NetworkAclId=acl-b \
            PortRange={\"From\":443,\"To\":443} Protocol=6 RuleAction=allow RuleNumber=90"]],
    );
}

#[test]
fn where_no_entry_matches_the_next_number_is_taken() {
    let estate = with_acl(&["100 ingress allow tcp 0.0.0.0/0 80", "100 egress allow -1 0.0.0.0/0"]);
    let repair = check_fixes(&estate.network(), "i-a", "i-b", "tcp 443");
    assert!(lines(&repair)[0][0].ends_with("RuleNumber=110"), "{repair:?}");
}

#[test]
fn no_denying_entry_gives_way_to_an_admission() {
    let estate = with_acl(&[
        "1 ingress deny tcp 10.0.0.0/16 443",
        "200 ingress allow -1 0.0.0.0/0",
        "100 egress allow -1 0.0.0.0/0",
    ]);
    // In its place 443 from one subnet could be let in, and with it what else the entry stops.
    let repair = check_fixes(&estate.network(), "i-a", "i-b", "tcp 443");
    assert!(matches!(repair, Repair::Impossible), "{repair:?}");
}

#[test]
fn a_reply_is_let_through_to_the_clients_ports() {
    let estate = with_acl(&["100 ingress allow -1 0.0.0.0/0", "100 egress allow tcp 0.0.0.0/0 443"]);
    mends(
        &estate,
        "i-a",
        "i-b",
        "tcp 443",
        &[&["CreateNetworkAclEntry CidrBlock=10.0.1.0/24 Egress=true NetworkAclId=acl-b \
            PortRange={\"From\":32768,\"To\":60999} Protocol=6 RuleAction=allow RuleNumber=110"]],
    );
    let repair = check_fixes(&estate.network(), "i-a", "i-b", "icmp 8/*");
    let message = r#"IcmpTypeCode={"Code":-1,"Type":0}"#;
    assert!(lines(&repair)[0][0].contains(message), "{repair:?}");
}

#[test]
fn behind_a_translator_its_port_pool_is_let_in() {
    let mut estate = Estate::two(OPEN, OPEN);
    estate.internet().nat().route("rtb-main", "0.0.0.0/0 nat-1");
    estate.acl("acl-p", "vpc-1", &["100 ingress allow -1 10.0.0.0/16", "100 egress allow -1 0.0.0.0/0"]);
    estate.acl_for("acl-p", "subnet-pub");
    mends(
        &estate,
        "i-a",
        "internet",
        "tcp 443",
        &[&["CreateNetworkAclEntry CidrBlock=0.0.0.0/0 Egress=false NetworkAclId=acl-p \
            PortRange={\"From\":1024,\"To\":65535} Protocol=6 RuleAction=allow RuleNumber=110"]],
    );
}

#[test]
fn a_subnet_uses_the_table_of_its_siblings_or_its_own_gets_a_route() {
    let mut estate = Estate::two(OPEN, OPEN);
    estate.internet().nat();
    estate.table("rtb-private", "vpc-1", &["0.0.0.0/0 nat-1"]).associate("rtb-private", "subnet-b");
    mends(
        &estate,
        "i-a",
        "internet",
        "tcp 443",
        &[
            &["AssociateRouteTable RouteTableId=rtb-private SubnetId=subnet-a"],
            &["CreateRoute DestinationCidrBlock=0.0.0.0/0 NatGatewayId=nat-1 RouteTableId=rtb-main"],
        ],
    );
}

#[test]
fn an_explicit_association_is_replaced_by_its_id() {
    let mut estate = Estate::two(OPEN, OPEN);
    estate.internet().nat();
    estate.table("rtb-private", "vpc-1", &["0.0.0.0/0 nat-1"]).associate("rtb-private", "subnet-b");
    estate.table("rtb-old", "vpc-1", &[]).associate("rtb-old", "subnet-a");
    estate.change("RouteTables", "RouteTableId", "rtb-old", |table| {
        table["Associations"][0]["RouteTableAssociationId"] = json!("rtbassoc-a");
    });
    let repair = check_fixes(&estate.network(), "i-a", "internet", "tcp 443");
    assert_eq!(lines(&repair)[0], ["ReplaceRouteTableAssociation AssociationId=rtbassoc-a RouteTableId=rtb-private"]);
}

#[test]
fn a_table_that_would_take_other_ways_away_is_not_proposed() {
    let mut estate = Estate::two(OPEN, OPEN);
    estate.internet().nat().second_vpc().peering("pcx-1", "vpc-1", "vpc-2");
    estate.table("rtb-private", "vpc-1", &["0.0.0.0/0 nat-1"]).associate("rtb-private", "subnet-b");
    estate.route("rtb-main", "10.1.0.0/16 pcx-1");
    let repair = check_fixes(&estate.network(), "i-a", "internet", "tcp 443");
    assert_eq!(lines(&repair).len(), 1, "{repair:?}");
    assert!(lines(&repair)[0][0].starts_with("CreateRoute "), "{repair:?}");
}

#[test]
fn a_blackhole_is_replaced() {
    let mut estate = Estate::two(OPEN, OPEN);
    estate.internet().nat().route("rtb-main", "0.0.0.0/0 nat-gone blackhole");
    mends(
        &estate,
        "i-a",
        "internet",
        "tcp 443",
        &[&["ReplaceRoute DestinationCidrBlock=0.0.0.0/0 NatGatewayId=nat-1 RouteTableId=rtb-main"]],
    );
}

#[test]
fn a_public_host_gets_a_route_to_the_internet_gateway() {
    let mut estate = Estate::two(OPEN, OPEN);
    estate.internet().public("a", "198.51.100.40");
    let repair = check_fixes(&estate.network(), "i-a", "internet", "tcp 443");
    assert!(
        lines(&repair).contains(&vec![
            "CreateRoute DestinationCidrBlock=0.0.0.0/0 GatewayId=igw-1 RouteTableId=rtb-main".to_owned()
        ]),
        "{repair:?}"
    );
}

#[test]
fn a_peering_needs_a_route_on_both_sides() {
    let mut estate = Estate::two(OPEN, OPEN);
    estate.second_vpc().peering("pcx-1", "vpc-1", "vpc-2");
    mends(
        &estate,
        "i-a",
        "i-c",
        "tcp 443",
        &[&[
            "CreateRoute DestinationCidrBlock=10.1.0.0/16 RouteTableId=rtb-main VpcPeeringConnectionId=pcx-1",
            "CreateRoute DestinationCidrBlock=10.0.0.0/16 RouteTableId=rtb-main-vpc-2 VpcPeeringConnectionId=pcx-1",
        ]],
    );
}

#[test]
fn a_transit_gateway_needs_a_route_on_both_sides() {
    let mut estate = Estate::two(OPEN, OPEN);
    estate.two_by_transit();
    estate.each("RouteTables", |table| {
        table["Routes"].as_array_mut().unwrap().retain(|route| route["TransitGatewayId"].is_null());
    });
    let repair = check_fixes(&estate.network(), "i-a", "i-c", "tcp 443");
    assert_eq!(
        lines(&repair)[0],
        [
            "CreateRoute DestinationCidrBlock=10.1.0.0/16 RouteTableId=rtb-main TransitGatewayId=tgw-1",
            "CreateRoute DestinationCidrBlock=10.0.0.0/16 RouteTableId=rtb-main-vpc-2 TransitGatewayId=tgw-1",
        ]
    );
}

#[test]
fn ipv6_leaves_by_an_egress_only_gateway() {
    let mut estate = Estate::two(OPEN, OPEN);
    estate.dual_stack().add(
        "EgressOnlyInternetGateways",
        json!({"EgressOnlyInternetGatewayId": "eigw-1", "Attachments": [{"VpcId": "vpc-1", "State": "attached"}]}),
    );
    let repair = check_fixes(&estate.network(), "i-a", "internet", "tcp 443 v6");
    assert_eq!(
        lines(&repair)[0],
        ["CreateRoute DestinationIpv6CidrBlock=::/0 EgressOnlyInternetGatewayId=eigw-1 RouteTableId=rtb-main"]
    );
}

#[test]
fn a_mended_route_reveals_the_next_gate() {
    let mut estate = Estate::two(&[], OPEN);
    estate.second_vpc().rules("sg-2", CLOSED).peering("pcx-1", "vpc-1", "vpc-2");
    let repair = check_fixes(&estate.network(), "i-a", "i-c", "tcp 443");
    let first = &lines(&repair)[0];
    assert_eq!(first.len(), 4, "{first:?}");
    assert!(first.contains(&"sg-2 ingress tcp 443 sg-a".to_owned()), "{first:?}");
}

#[test]
fn a_service_without_a_way_gets_an_endpoint_or_a_route() {
    let mut estate = Estate::two(OPEN, OPEN);
    estate.internet().nat();
    mends(
        &estate,
        "i-a",
        "aws/ecr.api",
        "tcp 443",
        &[
            &[
                r#"CreateVpcEndpoint PrivateDnsEnabled=true SecurityGroupIds=["sg-a"] ServiceName=com.amazonaws.us-east-1.ecr.api SubnetIds=["subnet-a"] VpcEndpointType=Interface VpcId=vpc-1"#,
            ],
            &["CreateRoute DestinationCidrBlock=0.0.0.0/0 NatGatewayId=nat-1 RouteTableId=rtb-main"],
        ],
    );
}

#[test]
fn no_second_endpoint_is_made_for_a_name_that_is_taken() {
    let mut estate = Estate::two(OPEN, OPEN);
    estate.group("sg-e", OPEN).interface_endpoint("eks", "eks", "10.0.1.200", &["sg-e"]);
    estate.each("VpcEndpoints", |endpoint| endpoint["State"] = json!("pending"));
    let repair = check_fixes(&estate.network(), "i-a", "aws/eks", "tcp 443");
    assert!(matches!(repair, Repair::Impossible), "{repair:?}");
}

#[test]
fn a_new_endpoints_group_admits_the_senders() {
    let estate = Estate::two(CLOSED, CLOSED);
    let repair = check_fixes(&estate.network(), "i-a", "aws/ecr.api", "tcp 443");
    let first = &lines(&repair)[0];
    assert!(first[0].starts_with("CreateVpcEndpoint "), "{first:?}");
    assert_eq!(first[1..], ["sg-a ingress tcp 443 sg-a"]);
}

#[test]
fn a_new_endpoint_is_no_source_of_the_question_that_it_mends() {
    let estate = Estate::two(OPEN, OPEN);
    for from in ["sg-a", "10.0.1.0/24", "subnet-a"] {
        let repair = check_fixes(&estate.network(), from, "aws/ecr.api", "tcp 443");
        assert!(lines(&repair)[0][0].starts_with("CreateVpcEndpoint "), "{repair:?}");
    }
}

#[test]
fn s3_gets_a_gateway_endpoint_with_the_tables_of_the_senders() {
    let mut estate = Estate::two(OPEN, OPEN);
    estate.prefix_list("pl-s3", "com.amazonaws.us-east-1.s3", &["52.216.0.0/15"]);
    let repair = check_fixes(&estate.network(), "i-a", "aws/s3", "tcp 443");
    assert_eq!(
        lines(&repair)[0],
        [
            r#"CreateVpcEndpoint RouteTableIds=["rtb-main"] ServiceName=com.amazonaws.us-east-1.s3 VpcEndpointType=Gateway VpcId=vpc-1"#
        ]
    );
    // An endpoint that serves other tables gets this one, too.
    let mut estate = Estate::two(OPEN, OPEN);
    estate.table("rtb-b", "vpc-1", &[]).associate("rtb-b", "subnet-b").s3_gateway(&["rtb-b"]);
    let repair = check_fixes(&estate.network(), "i-a", "aws/s3", "tcp 443");
    assert_eq!(lines(&repair)[0], [r#"ModifyVpcEndpoint AddRouteTableIds=["rtb-main"] VpcEndpointId=vpce-s3"#]);
}

#[test]
fn an_endpoints_own_group_is_opened() {
    let mut estate = Estate::two(CLOSED, CLOSED);
    estate.interface_endpoint("ecr", "ecr.api", "10.0.2.90", &["sg-b"]);
    let repair = check_fixes(&estate.network(), "i-a", "aws/ecr.api", "tcp 443");
    assert_eq!(lines(&repair)[0], ["sg-b ingress tcp 443 sg-a"]);
}

/// A cluster whose public endpoint admits one address, with a node behind a NAT gateway.
fn admitting(private_access: bool) -> Estate {
    let mut estate = Estate::two(OPEN, OPEN);
    estate.internet().nat().route("rtb-main", "0.0.0.0/0 nat-1");
    estate.cluster("prod", json!({"publicAccessCidrs": ["203.0.113.0/24"], "endpointPrivateAccess": private_access}));
    estate.node("prod", "n", "10.0.1.50", &["sg-a"]);
    estate.control_plane("prod", "x1", "10.0.2.60", &["sg-b"]);
    estate
}

#[test]
fn the_arriving_address_is_listed_or_the_private_endpoint_enabled() {
    mends(
        &admitting(false),
        "node",
        "apiserver",
        "tcp 443",
        &[
            &[
                r#"UpdateClusterConfig name=prod resourcesVpcConfig={"publicAccessCidrs":["203.0.113.0/24","198.51.100.5/32"]}"#,
            ],
            &[r#"UpdateClusterConfig name=prod resourcesVpcConfig={"endpointPrivateAccess":true}"#],
        ],
    );
    let repair = check_fixes(&admitting(true).network(), "192.0.2.9", "apiserver", "tcp 443");
    assert_eq!(
        lines(&repair),
        [[
            r#"UpdateClusterConfig name=prod resourcesVpcConfig={"publicAccessCidrs":["203.0.113.0/24","192.0.2.9/32"]}"#
        ]]
    );
}

#[test]
fn what_no_change_mends_is_impossible() {
    let mut estate = Estate::two(OPEN, OPEN);
    estate.internet();
    // No public address.
    assert!(matches!(repair(&estate.network(), "internet", "i-b", "tcp 443"), Repair::Impossible));
    // No way to another VPC.
    estate.second_vpc();
    assert!(matches!(repair(&estate.network(), "i-a", "i-c", "tcp 443"), Repair::Impossible));
    // A transit gateway's own table.
    let mut estate = Estate::two(OPEN, OPEN);
    estate.two_by_transit().retain("TransitGatewayPropagations", |_| false);
    assert!(matches!(repair(&estate.network(), "i-a", "i-c", "tcp 443"), Repair::Impossible | Repair::Unknown));
}

#[test]
fn what_the_snapshot_does_not_hold_is_unknown() {
    let mut estate = Estate::two(OPEN, OPEN);
    estate.without("NetworkAcls");
    assert!(matches!(repair(&estate.network(), "i-a", "i-b", "tcp 443"), Repair::Unknown));
    // Also where a rule would mend the rest.
    let mut estate = Estate::two(CLOSED, CLOSED);
    estate.without("NetworkAcls");
    assert!(matches!(repair(&estate.network(), "i-a", "i-b", "tcp 443"), Repair::Unknown));
}

#[test]
fn what_works_is_left_alone() {
    assert!(matches!(repair(&Estate::two(OPEN, OPEN).network(), "i-a", "i-b", "tcp 443"), Repair::AlreadyReachable));
}

#[test]
fn a_quota_that_a_rule_would_pass_is_told_and_one_that_is_hard_is_kept() {
    let lines_of = |count: u16| {
        let rules = (0..count).map(|i| format!("ingress tcp {} 192.0.2.0/24", 1000 + i));
        rules.chain(["egress -1 0.0.0.0/0".to_owned()]).collect::<Vec<String>>()
    };
    let text = lines_of(60);
    let b: Vec<&str> = text.iter().map(String::as_str).collect();
    let Repair::Fixed(fixes) = check_fixes(&Estate::two(CLOSED, &b).network(), "i-a", "i-b", "tcp 443") else {
        panic!("a fix")
    };
    let quota: Vec<_> = fixes[0].quota.iter().map(|q| (q.resource.as_str(), q.rules, q.limit)).collect();
    assert_eq!(quota, [("sg-b", 61, 60)]);
    let text = lines_of(1000);
    let b: Vec<&str> = text.iter().map(String::as_str).collect();
    assert!(matches!(repair(&Estate::two(CLOSED, &b).network(), "i-a", "i-b", "tcp 443"), Repair::Impossible));
}

/// A small estate with holes: rules, entries, tables and gateways that are there or not.
fn estates() -> impl Strategy<Value = (Estate, &'static str, &'static str, &'static str)> {
    let rule = prop::sample::select(vec![
        "ingress tcp 443 sg-a",
        "ingress tcp 0-1023 10.0.1.0/24",
        "ingress udp 53 sg-b",
        "ingress -1 sg-a",
        "ingress tcp 443 10.0.0.0/16",
        "ingress icmp 8/-1 0.0.0.0/0",
        "egress tcp 443 sg-b",
        "egress tcp 80-8080 0.0.0.0/0",
        "egress -1 10.0.2.0/24",
        "egress udp 0-65535 10.0.0.0/8",
    ]);
    let rules = prop::collection::vec(rule, 0..4);
    let entry = prop::sample::select(vec![
        "10 ingress deny tcp 10.0.1.0/24 443",
        "20 ingress allow tcp 0.0.0.0/0 0-1024",
        "30 ingress deny -1 10.0.0.0/16",
        "40 ingress allow -1 0.0.0.0/0",
        "10 egress allow tcp 0.0.0.0/0 1024-40000",
        "15 egress deny udp 10.0.0.0/8 32768-50000",
        "20 egress allow -1 0.0.0.0/0",
        "12 egress deny icmp 0.0.0.0/0 0/-1",
    ]);
    let entries = prop::collection::vec(entry, 0..6);
    let from = prop::sample::select(vec!["i-a", "sg-a", "10.0.1.0/24", "internet", "i-c"]);
    let to = prop::sample::select(vec!["i-b", "sg-b", "internet", "i-c", "aws/ecr.api", "203.0.113.9"]);
    let what = prop::sample::select(vec!["tcp 443", "tcp 80,443,8000-8100", "udp 53", "icmp 8/0", "all", "tcp"]);
    (rules.clone(), rules, entries, any::<[bool; 8]>(), from, to, what).prop_map(
        |(a, b, mut entries, [acl, internet, nat, private, peer, routes, public, more], from, to, what)| {
            let mut estate = Estate::two(&a, &b);
            if acl {
                // One entry a number and direction.
                let key = |line: &&str| line.split(' ').take(2).map(str::to_owned).collect::<Vec<_>>();
                entries.sort_by_key(key);
                entries.dedup_by_key(|line| key(&*line));
                estate.acl("acl-b", "vpc-1", &entries).acl_for("acl-b", "subnet-b");
                if more {
                    estate.acl_for("acl-b", "subnet-pub");
                }
            }
            if internet {
                estate.internet();
                if public {
                    estate.public("b", "198.51.100.20");
                }
                if nat {
                    estate.nat();
                }
                if private && nat {
                    estate.table("rtb-private", "vpc-1", &["0.0.0.0/0 nat-1"]).associate("rtb-private", "subnet-b");
                }
            }
            estate.second_vpc();
            if peer {
                estate.rules("sg-2", &b).peering("pcx-1", "vpc-1", "vpc-2");
                if routes {
                    estate.route("rtb-main", "10.1.0.0/16 pcx-1");
                }
            }
            if more {
                estate.instance("a2", "10.0.1.11", &["sg-a"]).instance("b2", "10.0.2.21", &["sg-b", "sg-a"]);
            }
            (estate, from, to, what)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn every_fix_mends_and_needs_all_its_changes((estate, from, to, what) in estates()) {
        let network = estate.network();
        if reach_eks::question(&network, from, to, None, parse_ask(what)).is_ok() && from != to {
            check_fixes(&network, from, to, what);
        }
    }
}
