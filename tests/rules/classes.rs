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
