//! What classes of addresses must not forget: asking a set asks by class, and every helper compares that with the answer
//! pair by pair, and the matrix with both.

use serde_json::json;

use crate::estate::Estate;

const OPEN: &[&str] = &["egress -1 0.0.0.0/0", "ingress -1 0.0.0.0/0"];

/// Four interfaces in one subnet and four in another, all open.
fn eight() -> Estate {
    let mut estate = Estate::new();
    estate.group("sg-open", OPEN);
    for n in 1..=4 {
        estate.instance(&format!("a{n}"), &format!("10.0.1.{}", 10 + n), &["sg-open"]);
        estate.instance(&format!("b{n}"), &format!("10.0.2.{}", 10 + n), &["sg-open"]);
    }
    estate
}

#[test]
fn rt14_ek37_pods_leave_by_the_public_address_of_their_own_node() {
    let mut estate = Estate::new();
    estate.internet().group("sg-open", OPEN).cluster("c", json!({}));
    for n in 1..=4 {
        let (name, address) = (format!("n{n}"), format!("10.0.9.{}", 10 * n));
        estate.node("c", &name, &address, &["sg-open"]);
        estate.secondary(&name, &format!("10.0.9.{}", 10 * n + 1), None);
        estate.secondary(&name, &format!("10.0.9.{}", 10 * n + 2), None);
    }
    estate.public("n1", "52.0.0.1").public("n2", "52.0.0.2");
    let said = estate.ask("pod", "internet", "tcp 443");
    said.is("P P R");
    let pairs = said.answer.pairs;
    assert_eq!((pairs.total, pairs.reachable, pairs.blocked), (8, 4, 4));
}

#[test]
fn sg27_rt47_a_route_s_own_target_takes_what_is_addressed_to_it() {
    let mut estate = eight();
    estate.route("rtb-main", "10.0.2.0/24 eni-b1");
    let said = estate.ask("10.0.1.0/24", "10.0.2.0/24", "tcp 443");
    let pairs = said.answer.pairs;
    assert_eq!((pairs.total, pairs.blocked, pairs.unknown), (16, 12, 4));
}

#[test]
fn sg30_m10_interfaces_that_share_an_address_are_told_apart() {
    let mut estate = eight();
    estate.eni("b4", |eni| {
        eni["PrivateIpAddress"] = json!("10.0.2.13");
        eni["PrivateIpAddresses"][0]["PrivateIpAddress"] = json!("10.0.2.13");
    });
    estate.rules("sg-open", &["egress tcp 80 0.0.0.0/0"]);
    estate.ask("vpc-1", "vpc-1", "tcp 443");
}

#[test]
fn rt15_interfaces_that_share_a_public_address_are_told_apart() {
    let mut estate = Estate::new();
    estate.internet().group("sg-open", OPEN);
    for n in 1..=6 {
        estate.instance(&format!("p{n}"), &format!("10.0.9.{}", 10 + n), &["sg-open"]);
        estate.public(&format!("p{n}"), "52.0.0.1");
    }
    let pairs = estate.ask("internet", "vpc-1", "tcp 80").answer.pairs;
    assert_eq!((pairs.total, pairs.reachable, pairs.blocked), (6, 1, 5));
}

#[test]
fn m6b_what_passes_from_some_of_the_outside_is_told_of_all_of_it() {
    let mut estate = Estate::new();
    estate.internet().group("sg-some", &["ingress tcp 8443 203.0.113.0/25", "ingress tcp 10000 198.51.100.0/26"]);
    estate.instance("p", "10.0.9.10", &["sg-some"]).public("p", "52.0.0.1");
    let said = estate.ask("internet", "10.0.9.10", "tcp 8443,10000");
    said.is("P P R");
    assert_eq!(said.allowed, ["tcp 8443,10000"]);
}

#[test]
fn rt29_the_addresses_of_a_deleted_gateway_are_nobodys() {
    let mut estate = Estate::new();
    estate.internet().nat().group("sg-open", OPEN).instance("p", "10.0.9.10", &["sg-open"]).public("p", "52.0.0.1");
    estate.each("NatGateways", |nat| {
        nat["State"] = json!("deleted");
        nat["NatGatewayAddresses"][0]["PublicIp"] = json!("198.51.100.9");
    });
    estate.ask("10.0.9.10", "internet", "tcp 80").is("R R R");
    estate.ask("10.0.9.10", "internet/198.51.100.9", "tcp 80").is("R R R");
}

#[test]
fn sg30_a_delegated_prefix_that_a_cidr_cuts_still_belongs_to_its_host() {
    let mut estate = eight();
    estate.rules("sg-open", &["egress tcp 80 0.0.0.0/0", "ingress tcp 80 10.0.1.72/29"]);
    estate.eni("a1", |eni| eni["Ipv4Prefixes"] = json!([{"Ipv4Prefix": "10.0.1.64/28"}]));
    estate.secondary("a2", "10.0.1.40", None);
    let said = estate.ask("10.0.1.0/24", "10.0.1.0/24", "tcp 443");
    // The prefix and its host's own address, both ways; the two addresses of another host, both ways.
    assert_eq!((said.answer.pairs.total, said.answer.pairs.reachable), (30, 4));
}

#[test]
fn sg30_m10_a_host_delivers_an_address_that_is_also_somebody_else_s() {
    let mut estate = eight();
    estate.rules("sg-open", &["egress tcp 80 0.0.0.0/0"]);
    // A second interface on the host of b3, whose first address b4 has, too.
    estate.interface("b3x", "10.0.2.30", &["sg-open"]);
    estate.eni("b3x", |eni| {
        eni["Attachment"] = json!({"InstanceId": "i-b3", "InstanceOwnerId": crate::estate::ACCOUNT, "DeviceIndex": 1,
            "Status": "attached"});
    });
    estate.eni("b4", |eni| {
        eni["PrivateIpAddress"] = json!("10.0.2.13");
        eni["PrivateIpAddresses"][0]["PrivateIpAddress"] = json!("10.0.2.13");
    });
    estate.ask("vpc-1", "vpc-1", "tcp 443");
}

#[test]
fn cidrs_that_no_rule_of_the_ends_names_tell_nothing_apart() {
    let mut estate = eight();
    // Another group's rules cut the subnet into single addresses.
    let lines: Vec<String> = (11..=14).map(|n| format!("ingress tcp 443 10.0.1.{n}/32")).collect();
    estate.group("sg-far", &lines.iter().map(String::as_str).collect::<Vec<_>>());
    estate.rules("sg-open", &["egress -1 0.0.0.0/0", "ingress tcp 443 10.0.1.12/31"]);
    let said = estate.ask("10.0.1.0/24", "10.0.2.0/24", "tcp 443");
    assert_eq!((said.answer.pairs.total, said.answer.pairs.reachable), (16, 8));
}

#[test]
fn na2_a_delegated_prefix_is_cut_by_every_entry_inside_it() {
    let mut estate = eight();
    estate.eni("a1", |eni| {
        eni["Ipv4Prefixes"] = json!([{"Ipv4Prefix": "10.0.1.64/28"}, {"Ipv4Prefix": "10.0.1.80/28"}]);
    });
    // An entry for another stretch of the subnet stands before the one that cuts the prefix.
    estate.acl(
        "acl-b",
        "vpc-1",
        &[
            "10 ingress deny 6 10.0.1.0/28 22-22",
            "20 ingress deny 6 10.0.1.72/29 443-443",
            "100 ingress allow -1 0.0.0.0/0",
            "100 egress allow -1 0.0.0.0/0",
        ],
    );
    estate.acl_for("acl-b", "subnet-b");
    let said = estate.ask("10.0.1.0/24", "10.0.2.0/24", "tcp 443");
    assert_eq!((said.answer.pairs.total, said.answer.pairs.partial), (24, 4));
}

#[test]
fn m6_a_prefix_towards_the_outside_is_judged_whole() {
    let mut estate = eight();
    estate.internet().nat().route("rtb-main", "0.0.0.0/0 nat-1");
    estate.eni("a1", |eni| eni["Ipv4Prefixes"] = json!([{"Ipv4Prefix": "10.0.1.64/28"}]));
    estate.acl(
        "acl-n",
        "vpc-1",
        &["20 ingress deny 6 10.0.1.72/29 443-443", "100 ingress allow -1 0.0.0.0/0", "100 egress allow -1 0.0.0.0/0"],
    );
    estate.acl_for("acl-n", "subnet-pub");
    estate.ask("10.0.1.64/28", "internet", "tcp 443").is("P P R");
    estate.ask("10.0.1.64/29", "internet", "tcp 443").is("R R R");
    estate.ask("10.0.1.72/29", "internet", "tcp 443").is("B B -");
}
