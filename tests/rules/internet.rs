//! Internet and egress-only gateways, public addresses, block public access, hairpins.

use serde_json::json;

use crate::estate::{Estate, OPEN};

/// A (10.0.1.10, public 203.0.113.10) and B (10.0.2.20) open; both subnets route to `igw-1`.
fn public() -> Estate {
    let mut estate = Estate::new();
    estate.group("sg-o", OPEN).instance("a", "10.0.1.10", &["sg-o"]).instance("b", "10.0.2.20", &["sg-o"]);
    estate.internet().associate("rtb-pub", "subnet-a").associate("rtb-pub", "subnet-b").public("a", "203.0.113.10");
    estate
}

/// [`public`] with IPv6: A at `2600:1f18:1:1::a`, B at `2600:1f18:1:2::b`, `::/0` to `igw-1`.
fn dual() -> Estate {
    let mut estate = public();
    estate.vpc_ipv6("vpc-1", "2600:1f18:1::/56");
    estate.subnet_ipv6("subnet-a", "2600:1f18:1:1::/64").subnet_ipv6("subnet-b", "2600:1f18:1:2::/64");
    estate.ipv6("a", "2600:1f18:1:1::a").ipv6("b", "2600:1f18:1:2::b").route("rtb-pub", "::/0 igw-1");
    estate
}

#[test]
fn rt14_a_public_address_is_needed_on_that_private_address() {
    // T-54, T-55.
    let mut estate = public();
    estate.ask("10.0.1.10", "internet", "tcp 443").is("R R R");
    estate.ask("10.0.2.20", "internet", "tcp 443").is("B B -").because(&["IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"]);
    estate.secondary("b", "10.0.2.21", Some("203.0.113.21"));
    estate.ask("10.0.2.20", "internet", "tcp 443").is("B B -").because(&["IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"]);
    estate.ask("10.0.2.21", "internet", "tcp 443").is("R R R");
    // From outside likewise.
    estate.ask("internet/198.51.100.9", "10.0.2.20", "tcp 443").is("B B -");
    estate.ask("internet/198.51.100.9", "10.0.2.20", "tcp 443").because(&["IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"]);
    estate.ask("internet/198.51.100.9", "10.0.2.21", "tcp 443").is("R R R");
    estate.ask("internet/198.51.100.9", "203.0.113.21", "tcp 443").is("R R R");
}

#[test]
fn rt14_the_gateway_must_be_attached() {
    for (state, expected) in [("available", "R R R"), ("attached", "R R R"), ("detaching", "B B -")] {
        let mut estate = public();
        estate.change("InternetGateways", "InternetGatewayId", "igw-1", |gateway| {
            gateway["Attachments"][0]["State"] = json!(state);
        });
        estate.ask("10.0.1.10", "internet", "tcp 443").is(expected);
    }
    let mut estate = public();
    estate.change("InternetGateways", "InternetGatewayId", "igw-1", |gateway| {
        gateway["Attachments"][0]["VpcId"] = json!("vpc-9");
    });
    estate.ask("10.0.1.10", "internet", "tcp 443").is("B B -").because(&["BAD_STATE_ATTACHMENT"]);
    estate.ask("internet/198.51.100.9", "10.0.1.10", "tcp 443").is("B B -");
    estate.without("InternetGateways");
    estate.ask("10.0.1.10", "internet", "tcp 443").is("U U U").because(&["NOT_COLLECTED"]);
    estate.ask("internet/198.51.100.9", "10.0.1.10", "tcp 443").is("U U U").because(&["NOT_COLLECTED"]);
}

#[test]
fn rt15_inside_the_local_end_is_private_and_the_remote_end_public() {
    let mut estate = public();
    // The group and the network ACL see the outside address and the private one.
    estate.group("sg-out", &["ingress tcp 443 198.51.100.0/24"]);
    estate.eni("a", |eni| eni["Groups"] = json!([{"GroupId": "sg-out"}]));
    estate.ask("internet/198.51.100.9", "10.0.1.10", "tcp 443").is("R R R");
    estate.ask("internet/198.51.101.9", "10.0.1.10", "tcp 443").is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
    // What the ACL says of the public address of the local end is said of nobody.
    let mut estate = public();
    estate.acl(
        "acl-n",
        "vpc-1",
        &[
            "90 egress deny -1 203.0.113.10/32",
            "90 ingress deny -1 203.0.113.10/32",
            "100 egress allow -1 0.0.0.0/0",
            "100 ingress allow -1 0.0.0.0/0",
        ],
    );
    estate.acl_for("acl-n", "subnet-a");
    estate.ask("10.0.1.10", "internet/198.51.100.9", "tcp 443").is("R R R");
    estate.ask("internet/198.51.100.9", "10.0.1.10", "tcp 443").is("R R R");
}

#[test]
fn rt16_private_remote_addresses_never_cross() {
    let estate = public();
    let code = "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS";
    for address in ["192.168.3.4", "172.16.0.1", "172.31.255.255", "10.200.0.1"] {
        estate.ask("10.0.1.10", address, "tcp 443").is("B B -").because(&[code]);
    }
    for address in ["100.64.0.1", "100.127.255.255"] {
        estate.ask("10.0.1.10", address, "tcp 443").is("B B -");
        estate.ask("10.0.1.10", address, "tcp 443").because(&["IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS"]);
    }
    for address in ["172.32.0.1", "100.128.0.1", "100.63.255.255", "11.0.0.1", "192.167.0.1"] {
        estate.ask("10.0.1.10", address, "tcp 443").is("R R R");
    }
    // Nor do private sources.
    estate.ask("192.168.3.4", "10.0.1.10", "tcp 443").is("B B -");
    estate.ask("100.64.9.9", "10.0.1.10", "tcp 443").is("B B -");
}

#[test]
fn rt16_shared_space_of_the_vpc_itself_is_private_inside() {
    let mut estate = public();
    estate.vpc("vpc-3", "100.64.0.0/16").subnet("subnet-x", "vpc-3", "100.64.1.0/24", "us-east-1a");
    estate.subnet("subnet-y", "vpc-3", "100.64.2.0/24", "us-east-1b");
    estate.group_in("sg-3", "vpc-3", OPEN).instance("x", "100.64.1.10", &["sg-3"]).instance(
        "y",
        "100.64.2.20",
        &["sg-3"],
    );
    estate.ask("100.64.1.10", "100.64.2.20", "tcp 443").is("R R R");
    // With a public address of its own it reaches the internet.
    estate.add(
        "InternetGateways",
        json!({"InternetGatewayId": "igw-3", "Attachments": [{"VpcId": "vpc-3", "State": "available"}]}),
    );
    estate.route("rtb-main-vpc-3", "0.0.0.0/0 igw-3").public("x", "203.0.113.33");
    estate.ask("100.64.1.10", "internet", "tcp 443").is("R R R");
    estate.ask("internet", "100.64.1.10", "tcp 443").is("R R R");
    estate.ask("100.64.2.20", "internet", "tcp 443").is("B B -").because(&["IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"]);
    estate.ask("internet/198.51.100.9", "100.64.2.20", "tcp 443").is("B B -");
}

#[test]
fn rt16_a_publicly_routable_vpc_cidr_is_private_inside() {
    let mut estate = public();
    estate.vpc("vpc-3", "44.0.0.0/16").subnet("subnet-x", "vpc-3", "44.0.1.0/24", "us-east-1a");
    estate.subnet("subnet-y", "vpc-3", "44.0.2.0/24", "us-east-1b");
    estate.group_in("sg-3", "vpc-3", OPEN).instance("x", "44.0.1.10", &["sg-3"]).instance("y", "44.0.2.20", &["sg-3"]);
    estate.add(
        "InternetGateways",
        json!({"InternetGatewayId": "igw-3", "Attachments": [{"VpcId": "vpc-3", "State": "available"}]}),
    );
    estate.route("rtb-main-vpc-3", "0.0.0.0/0 igw-3");
    estate.ask("44.0.1.10", "44.0.2.20", "tcp 443").is("R R R");
    // It is no public address: without an association there is no way in or out.
    estate.ask("44.0.1.10", "internet", "tcp 443").is("B B -").because(&["IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"]);
    estate.ask("internet/198.51.100.9", "44.0.1.10", "tcp 443").is("B B -");
    estate.ask("internet/198.51.100.9", "44.0.1.10", "tcp 443").because(&["IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS"]);
    // From another VPC that routes it to its internet gateway, the interface is not what answers.
    estate.ask("10.0.1.10", "eni-x", "tcp 443").is("B B -");
    estate.public("x", "203.0.113.33");
    estate.ask("44.0.1.10", "internet", "tcp 443").is("R R R");
    estate.ask("internet/198.51.100.9", "44.0.1.10", "tcp 443").is("R R R");
}

#[test]
fn rt17_a_public_address_without_the_route_receives_but_cannot_answer() {
    let mut estate = public();
    estate.subnet("subnet-n", "vpc-1", "10.0.3.0/24", "us-east-1a");
    estate.instance("n", "10.0.3.30", &["sg-o"]).public("n", "203.0.113.30");
    estate.ask("internet/198.51.100.9", "10.0.3.30", "tcp 443").is("B R B").because(&["NO_ROUTE_TO_DESTINATION"]);
    estate.ask("10.0.3.30", "internet/198.51.100.9", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
    estate.route("rtb-main", "0.0.0.0/0 igw-1");
    estate.ask("internet/198.51.100.9", "10.0.3.30", "tcp 443").is("R R R");
}

#[test]
fn rt17_a_reply_past_a_nat_gateway_comes_from_the_wrong_address() {
    let mut estate = public();
    estate.nat().subnet("subnet-n", "vpc-1", "10.0.3.0/24", "us-east-1a").route("rtb-main", "0.0.0.0/0 nat-1");
    estate.instance("n", "10.0.3.30", &["sg-o"]).public("n", "203.0.113.30");
    estate.ask("internet/198.51.100.9", "10.0.3.30", "tcp 443").is("B R B");
    estate.ask("10.0.3.30", "internet/198.51.100.9", "tcp 443").is("R R R");
}

#[test]
fn rt18_ipv6_needs_a_route_and_no_public_address() {
    let estate = dual();
    estate.ask("eni-b", "internet", "tcp 443 v6").is("R R R");
    estate.ask("internet", "eni-b", "tcp 443 v6").is("R R R");
    estate.ask("eni-b", "internet", "tcp 443 v4").is("B B -").because(&["IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"]);
    let mut estate = dual();
    estate.subnet("subnet-n", "vpc-1", "10.0.3.0/24", "us-east-1a").subnet_ipv6("subnet-n", "2600:1f18:1:3::/64");
    estate.instance("n", "2600:1f18:1:3::30", &["sg-o"]);
    estate.ask("eni-n", "internet", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
    estate.ask("internet/2001:db8::9", "eni-n", "tcp 443").is("B R B").because(&["NO_ROUTE_TO_DESTINATION"]);
}

#[test]
fn rt18_unique_local_addresses_cannot_use_the_gateway() {
    let mut estate = public();
    estate.vpc_ipv6("vpc-1", "fd12:3456:789a::/48").subnet_ipv6("subnet-a", "fd12:3456:789a:1::/64");
    estate.subnet_ipv6("subnet-b", "fd12:3456:789a:2::/64");
    estate.ipv6("a", "fd12:3456:789a:1::a").ipv6("b", "fd12:3456:789a:2::b").route("rtb-pub", "::/0 igw-1");
    estate.ask("eni-a", "internet", "tcp 443 v6").is("B B -").because(&["IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"]);
    estate.ask("internet/2001:db8::9", "fd12:3456:789a:1::a", "tcp 443").is("B B -");
    // Inside the VPC they work.
    estate.ask("fd12:3456:789a:1::a", "fd12:3456:789a:2::b", "tcp 443").is("R R R");
}

#[test]
fn rt18_private_global_addresses_cannot_use_the_gateway() {
    let mut estate = dual();
    estate.ask("eni-a", "internet", "tcp 443 v6").is("R R R");
    estate.change("Vpcs", "VpcId", "vpc-1", |vpc| {
        vpc["Ipv6CidrBlockAssociationSet"][0]["Ipv6AddressAttribute"] = json!("private");
    });
    estate.ask("eni-a", "internet", "tcp 443 v6").is("B B -").because(&["IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"]);
    estate.ask("internet/2001:db8::9", "2600:1f18:1:1::a", "tcp 443").is("B B -");
    estate.ask("eni-a", "eni-b", "tcp 443 v6").is("R R R");
}

#[test]
fn rt18_deny_all_igw_traffic() {
    let mut estate = dual();
    estate.eni("a", |eni| eni["DenyAllIgwTraffic"] = json!(true));
    estate.ask("eni-a", "internet", "tcp 443 v6").is("B B -").because(&["IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"]);
    estate.ask("internet/2001:db8::9", "2600:1f18:1:1::a", "tcp 443").is("B B -");
    estate.ask("eni-b", "internet", "tcp 443 v6").is("R R R");
    estate.ask("eni-a", "eni-b", "tcp 443 v6").is("R R R");
}

/// [`dual`], but `::/0` leads to `eigw-1`.
fn egress_only() -> Estate {
    let mut estate = dual();
    estate.add(
        "EgressOnlyInternetGateways",
        json!({"EgressOnlyInternetGatewayId": "eigw-1",
        "Attachments": [{"VpcId": "vpc-1", "State": "attached"}]}),
    );
    estate.change("RouteTables", "RouteTableId", "rtb-pub", |table| {
        table["Routes"].as_array_mut().unwrap().retain(|route| route["DestinationIpv6CidrBlock"] != "::/0");
    });
    estate.route("rtb-pub", "::/0 eigw-1");
    estate
}

#[test]
fn rt19_the_egress_only_gateway_carries_connections_from_inside_alone() {
    let mut estate = egress_only();
    let said = estate.ask("eni-a", "internet", "tcp 443 v6");
    said.is("R R R");
    assert_eq!(said.tracking.0, Some(reach_engine::simulate::Tracking::Automatic));
    // In by the internet gateway, out past it by the other: no.
    estate
        .ask("internet/2001:db8::9", "2600:1f18:1:1::a", "tcp 443")
        .is("B R B")
        .because(&["EGRESS_ONLY_GATEWAY_INBOUND"]);
    // Without an internet gateway nothing comes in at all.
    estate.change("InternetGateways", "InternetGatewayId", "igw-1", |gateway| gateway["Attachments"] = json!([]));
    estate.ask("internet/2001:db8::9", "2600:1f18:1:1::a", "tcp 443").is("B B -");
    estate.ask("eni-a", "internet", "tcp 443 v6").is("R R R");
    estate.change("EgressOnlyInternetGateways", "EgressOnlyInternetGatewayId", "eigw-1", |g| {
        g["Attachments"] = json!([]);
    });
    estate.ask("eni-a", "internet", "tcp 443 v6").is("B B -").because(&["BAD_STATE_ATTACHMENT"]);
}

#[test]
fn rt19_replies_by_the_egress_only_gateway_meet_the_network_acl() {
    let mut estate = egress_only();
    estate.acl("acl-n", "vpc-1", &["100 egress allow -1 ::/0", "100 ingress allow tcp ::/0 1024-40000"]);
    estate.acl_for("acl-n", "subnet-a");
    let said = estate.ask("eni-a", "internet", "tcp 443 v6");
    said.is("P R P");
    estate.ask("eni-a", "internet", "tcp 443 from 32768-40000 v6").is("R R R");
    estate.ask("eni-a", "internet", "tcp 443 from 40001-50000 v6").is("B R B").because(&["SUBNET_ACL_RESTRICTION"]);
}

/// [`egress_only`] with a NAT gateway for `subnet-n` (N at 10.0.3.30) and this block mode everywhere.
fn blocking(mode: &str) -> Estate {
    let mut estate = egress_only();
    estate.nat().subnet("subnet-n", "vpc-1", "10.0.3.0/24", "us-east-1a").route("rtb-main", "0.0.0.0/0 nat-1");
    estate.instance("n", "10.0.3.30", &["sg-o"]);
    set_mode(&mut estate, mode);
    estate
}

fn set_mode(estate: &mut Estate, mode: &str) {
    estate.change("Vpcs", "VpcId", "vpc-1", |vpc| {
        vpc["BlockPublicAccessStates"] = json!({"InternetGatewayBlockMode": mode});
    });
    for subnet in ["subnet-a", "subnet-b", "subnet-pub", "subnet-n"] {
        estate.change("Subnets", "SubnetId", subnet, |subnet| {
            subnet["BlockPublicAccessStates"] = json!({"InternetGatewayBlockMode": mode});
        });
    }
}

/// What passes: A out by the internet gateway, A in, N out by the NAT gateway, A out by the egress-only gateway.
fn passes(estate: &Estate) -> [bool; 4] {
    let asked = [
        estate.ask("10.0.1.10", "internet", "tcp 443 v4"),
        estate.ask("internet", "10.0.1.10", "tcp 443 v4"),
        estate.ask("10.0.3.30", "internet", "tcp 443 v4"),
        estate.ask("eni-a", "internet", "tcp 443 v6"),
    ];
    asked.map(|said| {
        if said.verdict == reach_engine::verdict::Verdict::Blocked {
            said.because(&["VPC_BLOCK_PUBLIC_ACCESS_ENABLED"]);
        }
        said.verdict == reach_engine::verdict::Verdict::Reachable
    })
}

#[test]
fn rt21_modes() {
    assert_eq!(passes(&blocking("off")), [true, true, true, true]);
    // T-70.
    assert_eq!(passes(&blocking("block-ingress")), [false, false, true, true]);
    assert_eq!(passes(&blocking("block-bidirectional")), [false, false, false, false]);
}

#[test]
fn rt21_private_ways_are_not_touched() {
    let mut estate = blocking("block-bidirectional");
    estate.second_vpc().peering("pcx-1", "vpc-1", "vpc-2").route("rtb-main-vpc-2", "10.0.0.0/16 pcx-1");
    estate.route("rtb-pub", "10.1.0.0/16 pcx-1");
    estate.ask("10.0.1.10", "10.1.1.30", "tcp 443").is("R R R");
    estate.ask("10.0.1.10", "10.0.2.20", "tcp 443").is("R R R");
}

fn exclude(estate: &mut Estate, resource: &str, mode: &str) {
    estate.add("VpcBlockPublicAccessExclusions", json!({"ExclusionId": format!("vpcbpa-exclude-{resource}"),
        "InternetGatewayExclusionMode": mode, "State": "create-complete",
        "ResourceArn": format!("arn:aws:ec2:us-east-1:111122223333:{}/{resource}", if resource.starts_with("vpc") { "vpc" } else { "subnet" })}));
}

#[test]
fn rt21_exclusions_by_vpc_and_by_subnet() {
    let mut estate = blocking("block-bidirectional");
    exclude(&mut estate, "vpc-1", "allow-bidirectional");
    assert_eq!(passes(&estate), [true, true, true, true]);
    let mut estate = blocking("block-bidirectional");
    exclude(&mut estate, "vpc-1", "allow-egress");
    assert_eq!(passes(&estate), [false, false, true, true]);
    // The subnet of the NAT gateway alone: N's flows touch the gateway there.
    let mut estate = blocking("block-bidirectional");
    exclude(&mut estate, "subnet-pub", "allow-bidirectional");
    assert_eq!(passes(&estate), [false, false, true, false]);
    let mut estate = blocking("block-bidirectional");
    exclude(&mut estate, "subnet-a", "allow-bidirectional");
    assert_eq!(passes(&estate), [true, true, false, true]);
    // An exclusion that was taken back.
    estate.change("VpcBlockPublicAccessExclusions", "ExclusionId", "vpcbpa-exclude-subnet-a", |e| {
        e["State"] = json!("delete-complete");
    });
    assert_eq!(passes(&estate), [false, false, false, false]);
}

#[test]
fn rt21_a_subnet_that_contradicts_its_account_is_a_warning() {
    let mut estate = blocking("off");
    assert!(estate.network().warnings.is_empty());
    estate.document(json!({"VpcBlockPublicAccessOptions": {"InternetGatewayBlockMode": "block-bidirectional"}}));
    let network = estate.network();
    assert!(network.warnings.iter().any(|w| w.contains("block-public-access")), "{:?}", network.warnings);
}

#[test]
fn rt21_exclusions_that_were_not_collected_are_an_assumption() {
    let mut estate = blocking("block-bidirectional");
    estate.without("VpcBlockPublicAccessExclusions");
    let said = estate.ask("10.0.1.10", "internet", "tcp 443 v4");
    said.is("B B -").because(&["VPC_BLOCK_PUBLIC_ACCESS_ENABLED"]);
    assert_eq!(said.assumptions, 1);
    assert_eq!(blocking("off").ask("10.0.1.10", "internet", "tcp 443 v4").assumptions, 0);
}

#[test]
fn rt21_exclusions_do_not_block_where_nothing_is_blocked() {
    let mut estate = blocking("off");
    exclude(&mut estate, "vpc-1", "allow-egress");
    exclude(&mut estate, "subnet-a", "allow-egress");
    assert_eq!(passes(&estate), [true, true, true, true]);
}

#[test]
fn rt21_unset_is_an_assumption() {
    let assumed = |said: &crate::estate::Said| {
        said.answer.assumptions.iter().any(|a| matches!(a, reach_engine::reason::Assumption::BlockPublicAccessOff))
    };
    assert!(assumed(public().ask("10.0.1.10", "internet", "tcp 443").is("R R R")));
    assert!(!assumed(blocking("off").ask("10.0.1.10", "internet", "tcp 443").is("R R R")));
    let mut estate = public();
    estate.document(json!({"VpcBlockPublicAccessOptions": {"AwsAccountId": "111122223333", "InternetGatewayBlockMode": "block-bidirectional"}}));
    estate.ask("10.0.1.10", "internet", "tcp 443").is("B B -").because(&["VPC_BLOCK_PUBLIC_ACCESS_ENABLED"]);
}

#[test]
fn rt21_a_hairpin_comes_in_from_the_internet() {
    // Block-ingress: N's packet leaves by the NAT gateway, but nothing comes in at A.
    let estate = blocking("block-ingress");
    estate.ask("10.0.3.30", "203.0.113.10", "tcp 443").is("B B -").because(&["VPC_BLOCK_PUBLIC_ACCESS_ENABLED"]);
    blocking("off").ask("10.0.3.30", "203.0.113.10", "tcp 443").is("R R R");
}

#[test]
fn rt22_sg31_a_hairpin_arrives_from_the_public_address() {
    let mut estate = public();
    estate.public("b", "203.0.113.20").group("sg-b", &["ingress tcp 443 203.0.113.10/32"]);
    estate.eni("b", |eni| eni["Groups"] = json!([{"GroupId": "sg-b"}]));
    estate.ask("10.0.1.10", "203.0.113.20", "tcp 443").is("R R R");
    // By its private address the same group refuses.
    estate.ask("10.0.1.10", "10.0.2.20", "tcp 443").is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
    for rule in ["ingress tcp 443 10.0.0.0/16", "ingress tcp 443 sg-o"] {
        let mut estate = public();
        estate.public("b", "203.0.113.20").group("sg-b", &[rule]);
        estate.eni("b", |eni| eni["Groups"] = json!([{"GroupId": "sg-b"}]));
        estate.ask("10.0.1.10", "203.0.113.20", "tcp 443").is("B B -");
        estate.ask("10.0.1.10", "10.0.2.20", "tcp 443").is("R R R");
    }
    // A needs a public address of its own.
    let mut estate = public();
    estate.public("b", "203.0.113.20").instance("p", "10.0.1.11", &["sg-o"]);
    estate.ask("10.0.1.11", "203.0.113.20", "tcp 443").is("B B -").because(&["IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"]);
    // Egress too names the public address.
    let mut estate = public();
    estate.public("b", "203.0.113.20").group("sg-a", &["egress tcp 443 10.0.0.0/16"]);
    estate.eni("a", |eni| eni["Groups"] = json!([{"GroupId": "sg-a"}]));
    estate.ask("10.0.1.10", "203.0.113.20", "tcp 443").is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
}

#[test]
fn rt22_a_hairpin_within_one_subnet_crosses_the_network_acl() {
    let mut estate = public();
    estate.instance("p", "10.0.1.11", &["sg-o"]).public("p", "203.0.113.11");
    estate.ask("10.0.1.10", "203.0.113.11", "tcp 443").is("R R R");
    estate.acl(
        "acl-n",
        "vpc-1",
        &["90 ingress deny tcp 203.0.113.10/32 443", "100 ingress allow -1 0.0.0.0/0", "100 egress allow -1 0.0.0.0/0"],
    );
    estate.acl_for("acl-n", "subnet-a");
    estate.ask("10.0.1.10", "203.0.113.11", "tcp 443").is("B B -").because(&["SUBNET_ACL_RESTRICTION"]);
    estate.ask("10.0.1.10", "10.0.1.11", "tcp 443").is("R R R");
}

#[test]
fn rt22_a_hairpin_through_a_nat_gateway_arrives_from_its_elastic_address() {
    let mut estate = public();
    estate.nat().subnet("subnet-n", "vpc-1", "10.0.3.0/24", "us-east-1a").route("rtb-main", "0.0.0.0/0 nat-1");
    estate.instance("n", "10.0.3.30", &["sg-o"]).group("sg-e", &["ingress tcp 443 198.51.100.5/32"]);
    estate.eni("a", |eni| eni["Groups"] = json!([{"GroupId": "sg-e"}]));
    estate.ask("10.0.3.30", "203.0.113.10", "tcp 443").is("R R R");
    estate.group("sg-p", &["ingress tcp 443 10.0.0.0/16"]);
    estate.eni("a", |eni| eni["Groups"] = json!([{"GroupId": "sg-p"}]));
    estate.ask("10.0.3.30", "203.0.113.10", "tcp 443").is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
}

#[test]
fn sg31_a_host_reaches_its_own_public_address_by_the_gateway() {
    let mut estate = public();
    estate.ask("10.0.1.10", "203.0.113.10", "tcp 443").is("R R R");
    estate.group("sg-s", &["ingress -1 10.0.0.0/16", "ingress -1 sg-s", "egress -1 0.0.0.0/0"]);
    estate.eni("a", |eni| eni["Groups"] = json!([{"GroupId": "sg-s"}]));
    estate.ask("10.0.1.10", "203.0.113.10", "tcp 443").is("B B -");
    estate.ask("10.0.1.10", "10.0.1.10", "tcp 443").is("R R R");
}

#[test]
fn selectors_the_internet_is_judged_by_its_default_range() {
    let mut estate = public();
    let list = |nets: &[ipnet::IpNet]| {
        let all: reach_packets::IpSet = nets.iter().copied().collect();
        all.cidrs().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let outside = |said: &crate::estate::Said| said.answer.groups[0].answer.outside.clone().unwrap();
    estate.acl(
        "acl-n",
        "vpc-1",
        &["90 ingress deny -1 45.0.0.0/8", "100 ingress allow -1 0.0.0.0/0", "100 egress allow -1 0.0.0.0/0"],
    );
    estate.acl_for("acl-n", "subnet-a");
    let said = estate.ask("internet", "10.0.1.10", "tcp 443");
    said.is("R R R");
    assert_eq!(list(&outside(&said).blocked), ["45.0.0.0/8"]);
    assert!(outside(&said).reachable.is_empty());
    estate.group("sg-off", &["ingress tcp 443 45.1.0.0/16", "ingress tcp 443 46.0.0.0/8", "egress -1 0.0.0.0/0"]);
    estate.eni("a", |eni| eni["Groups"] = json!([{"GroupId": "sg-off"}]));
    let said = estate.ask("internet", "10.0.1.10", "tcp 443");
    said.is("P P R");
    assert_eq!(list(&outside(&said).reachable), ["46.0.0.0/8"]);
    // A single address is the outside's, too, not the interface's.
    estate
        .group("sg-one", &["ingress tcp 443 203.0.113.77/32"])
        .instance("one", "10.0.2.77", &["sg-one"])
        .public("one", "203.0.113.70");
    let said = estate.ask("internet", "10.0.2.77", "tcp 443");
    said.is("P P R");
    assert_eq!(list(&outside(&said).reachable), ["203.0.113.77/32"]);
    estate.route("rtb-pub", "46.5.0.0/16 nat-x blackhole");
    let said = estate.ask("10.0.1.10", "internet", "tcp 443");
    assert_eq!(list(&outside(&said).blocked), ["45.0.0.0/8", "46.5.0.0/16"]);
    assert_eq!(said.verdict, reach_engine::verdict::Verdict::Reachable);
}
