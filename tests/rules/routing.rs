//! Routes, gateways, peerings, transit gateways, endpoints.

use crate::estate::Estate;

#[test]
fn rt7_without_a_route_nothing_leaves() {
    let mut estate = Estate::new();
    estate.group("sg-a", &["egress -1 0.0.0.0/0"]).instance("a", "10.0.1.10", &["sg-a"]);
    estate.ask("10.0.1.10", "internet", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
}
