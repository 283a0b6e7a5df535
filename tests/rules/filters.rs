//! Security groups, connection tracking, network ACLs.

use crate::estate::Estate;

/// A in `subnet-a`, B in `subnet-b`.
fn two(groups_a: &[&str], groups_b: &[&str], a: &[&str], b: &[&str]) -> Estate {
    let mut estate = Estate::new();
    estate.group("sg-a", a).group("sg-b", b);
    estate.instance("a", "10.0.1.10", groups_a).instance("b", "10.0.2.20", groups_b);
    estate
}

#[test]
fn sg1_no_matching_rule_is_a_denial() {
    let estate = two(&["sg-a"], &["sg-b"], &["egress -1 0.0.0.0/0"], &["ingress tcp 22 10.0.0.0/16"]);
    estate.ask("10.0.1.10", "10.0.2.20", "tcp 22").is("R R R");
    estate.ask("10.0.1.10", "10.0.2.20", "tcp 23").is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
}
