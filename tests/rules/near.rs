//! Which rules admit, and which nearly do.

use reach_engine::compile::near::Miss;

use crate::estate::{Estate, Said};

const OUT: &str = "egress -1 0.0.0.0/0";
const A: &str = "10.0.1.10";
const B: &str = "10.0.2.20";

fn near(said: &Said) -> Vec<Miss> {
    said.answer.groups.iter().flat_map(|group| group.answer.near.iter().map(|near| near.miss)).collect()
}

fn asked(rules: &[&str]) -> Said {
    Estate::two(&[OUT], rules).ask(A, B, "tcp 443")
}

#[test]
fn a_rule_with_the_right_peer_and_another_port_is_nearest() {
    let said = asked(&["ingress tcp 443 sg-b", "ingress tcp 8443 10.0.1.0/24", "ingress udp 443 10.0.1.0/24"]);
    said.is("B B -");
    assert_eq!(near(&said), [Miss::Headers, Miss::NotCarried]);
}

#[test]
fn a_cidr_that_is_one_bit_too_narrow() {
    // 10.0.1.10 lies in 10.0.1.8/29, and 10.0.1.12/30 is its other half.
    assert_eq!(near(&asked(&["ingress tcp 443 10.0.1.12/30"])), [Miss::OneBit]);
    assert_eq!(near(&asked(&["ingress tcp 443 10.0.9.0/24"])), []);
}

#[test]
fn a_rule_for_everywhere_in_the_other_family() {
    assert_eq!(near(&asked(&["ingress tcp 443 ::/0"])), [Miss::Family]);
}

#[test]
fn a_reference_that_does_not_count_on_the_way() {
    let mut estate = Estate::two(&[OUT], &["ingress tcp 443 sg-a"]);
    estate.two_by_transit().rules("sg-2", &["ingress tcp 443 sg-a"]);
    let said = estate.ask(A, "10.1.1.30", "tcp 443");
    said.is("B B -");
    assert_eq!(near(&said), [Miss::Reference]);
}

#[test]
fn every_rule_that_admits_is_named() {
    let said = asked(&[
        "ingress tcp 443 sg-a",
        "ingress -1 10.0.0.0/8",
        "ingress tcp 440-450 10.0.1.10/32",
        "ingress tcp 80 sg-a",
    ]);
    said.is("R R R");
    let group = &said.answer.groups[0].answer;
    // One of the sender's, three of the receiver's.
    assert_eq!(group.admitted_by.len(), 4);
    assert!(group.near.is_empty());
}
