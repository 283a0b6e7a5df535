//! What selectors mean.

use reach_engine::verdict::Verdict;
use serde_json::json;

use crate::estate::{Estate, OPEN};

/// A, A2 in `subnet-a`, B in `subnet-b`, all open.
fn three() -> Estate {
    let mut estate = Estate::new();
    estate.group("sg-o", OPEN).instance("a", "10.0.1.10", &["sg-o"]).instance("a2", "10.0.1.11", &["sg-o"]);
    estate.instance("b", "10.0.2.20", &["sg-o"]);
    estate
}

fn pairs(estate: &Estate, from: &str, to: &str) -> u64 {
    estate.ask(from, to, "tcp 443").answer.pairs.total
}

#[test]
fn selectors_resources_stand_for_their_primary_addresses() {
    let mut estate = three();
    estate.secondary("a", "10.0.1.99", None);
    assert_eq!(pairs(&estate, "subnet-a", "10.0.2.20"), 2);
    assert_eq!(pairs(&estate, "sg-o", "sg-o"), 6);
    assert_eq!(pairs(&estate, "vpc-1", "i-b"), 2);
    assert_eq!(pairs(&estate, "i-a", "eni-b"), 1);
    // A CIDR is every address in it.
    assert_eq!(pairs(&estate, "10.0.1.0/24", "10.0.2.20"), 3);
    assert_eq!(pairs(&estate, "name/a", "name/b"), 1);
    assert_eq!(pairs(&estate, "tag/Name=a2", "subnet-b"), 1);
}

#[test]
fn selectors_translators_take_no_part() {
    let mut estate = three();
    estate.internet().nat().interface("tgw", "10.0.2.4", &[]);
    estate.eni("tgw", |eni| eni["InterfaceType"] = json!("transit_gateway"));
    assert_eq!(pairs(&estate, "vpc-1", "10.0.2.20"), 2);
    assert_eq!(pairs(&estate, "10.0.0.0/16", "10.0.2.20"), 2);
}

#[test]
fn selectors_delegated_prefixes_are_one_endpoint() {
    let mut estate = three();
    estate.eni("a", |eni| eni["Ipv4Prefixes"] = json!([{"Ipv4Prefix": "10.0.1.64/28"}]));
    assert_eq!(pairs(&estate, "10.0.1.0/24", "10.0.2.20"), 3);
    estate.ask("10.0.1.70", "10.0.2.20", "tcp 443").is("R R R");
}

#[test]
fn selectors_a_range_inside_a_delegated_prefix_is_that_range() {
    let mut estate = three();
    estate.eni("a", |eni| eni["Ipv4Prefixes"] = json!([{"Ipv4Prefix": "10.0.1.64/28"}]));
    estate.ask("10.0.1.64/30", "10.0.2.20", "tcp 443").is("R R R");
    estate.ask("10.0.2.20", "10.0.1.72/29", "tcp 443").is("R R R");
}

#[test]
fn selectors_sets_over_interfaces_that_were_not_collected_are_unknown() {
    let mut estate = three();
    estate.truncated("NetworkInterfaces");
    let said = estate.ask("subnet-a", "10.0.2.20", "tcp 443");
    assert_ne!(said.verdict, Verdict::Reachable, "{:?}", said.path);
    said.because(&["NOT_COLLECTED"]);
}

#[test]
fn selectors_self_pairs() {
    let estate = three();
    // Two single selectors of one endpoint: host-local.
    estate.ask("10.0.1.10", "i-a", "tcp 443").is("R R R");
    assert_eq!(pairs(&estate, "10.0.1.10", "i-a"), 1);
    // Among sets it is no pair.
    assert_eq!(pairs(&estate, "10.0.1.10", "subnet-a"), 1);
    assert_eq!(pairs(&estate, "subnet-a", "subnet-a"), 2);
    let network = estate.network();
    let question =
        reach_eks::question(&network, "subnet-b", "subnet-b", None, crate::estate::parse_ask("tcp 443")).unwrap();
    // One endpoint on either side, from a set: asked host-locally, as two single selectors are.
    let compiled = reach_engine::compile::Compiled::new(&network);
    assert!(reach_engine::question::ask(&compiled, &question, reach_engine::question::Engine::Both).is_ok());
}

#[test]
fn selectors_selectors_that_match_nothing() {
    let estate = three();
    for selector in [
        "i-zzz",
        "eni-zzz",
        "subnet-zzz",
        "sg-zzz",
        "vpc-zzz",
        "name/zzz",
        "tag/a=b",
        "lb/zzz",
        "nonsense",
        "internet/nowhere",
        "10.0.0.1/33",
        "node",
        "controlplane",
        "pod",
        "apiserver",
        "tag/novalue",
        "10.0.9.0/24",
        "aws/",
        "svc/web",
        "svc/shop/",
    ] {
        let (message, _) = estate.refused(selector, "10.0.2.20");
        assert!(!message.is_empty());
        estate.refused("10.0.1.10", selector);
    }
    // A name that is close is offered.
    let (_, candidates) = estate.refused("A2", "10.0.2.20");
    assert!(candidates.contains(&"name/a2".to_owned()), "{candidates:?}");
    let (_, candidates) = estate.refused("10.0.1.7/24", "10.0.2.20");
    assert_eq!(candidates, ["10.0.1.0/24"]);
}

#[test]
fn selectors_prefixes_of_ids() {
    let mut estate = three();
    assert_eq!(pairs(&estate, "eni-b", "10.0.1.10"), 1);
    estate.instance("web-1", "10.0.2.21", &["sg-o"]).instance("web-2", "10.0.2.22", &["sg-o"]);
    estate.ask("i-web-1", "10.0.2.20", "tcp 443").is("R R R");
    let (message, candidates) = estate.refused("i-web", "10.0.2.20");
    assert!(message.contains("ambiguous"), "{message}");
    assert_eq!(candidates, ["i-web-1", "i-web-2"]);
    // An id that is also another's prefix is itself.
    assert_eq!(pairs(&estate, "i-a", "10.0.2.20"), 1);
    // An unambiguous prefix is enough.
    estate.instance("zeta", "10.0.2.23", &["sg-o"]).ask("i-ze", "10.0.2.20", "tcp 443").is("R R R");
}

/// `vpc-2` with `vpc-1`'s CIDR and B's twin.
fn twins() -> Estate {
    let mut estate = three();
    estate
        .vpc("vpc-2", "10.0.0.0/16")
        .subnet("subnet-z", "vpc-2", "10.0.2.0/24", "us-east-1a")
        .group_in("sg-2", "vpc-2", OPEN);
    estate.interface("twin", "10.0.2.20", &["sg-2"]).eni("twin", |eni| {
        eni["SubnetId"] = json!("subnet-z");
        eni["VpcId"] = json!("vpc-2");
    });
    estate
}

#[test]
fn selectors_an_ambiguous_address_is_an_error_with_candidates() {
    let estate = twins();
    let (message, candidates) = estate.refused("10.0.2.20", "10.0.1.10");
    assert!(message.contains("ambiguous"), "{message}");
    assert_eq!(candidates, ["vpc-1/10.0.2.20", "vpc-2/10.0.2.20"]);
    let (_, candidates) = estate.refused("internet", "10.0.2.20");
    assert_eq!(candidates, ["vpc-1/10.0.2.20", "vpc-2/10.0.2.20"]);
    // Qualified it is none.
    estate.ask("vpc-1/10.0.2.20", "10.0.1.10", "tcp 443").is("R R R");
    // As a destination it is resolved along the source's routes.
    estate.ask("10.0.1.10", "10.0.2.20", "tcp 443").is("R R R");
}

#[test]
fn selectors_a_range_as_destination_is_the_sources_own_vpc_first() {
    let estate = twins();
    let said = estate.ask("10.0.1.10", "10.0.2.0/24", "tcp 443");
    said.is("R R R");
    assert_eq!(said.answer.pairs.total, 1);
    assert_eq!(pairs(&estate, "vpc-2/10.0.2.0/24", "10.0.2.0/24"), 1);
}

#[test]
fn selectors_public_addresses() {
    let mut estate = three();
    estate.internet().associate("rtb-pub", "subnet-a").public("a", "203.0.113.10");
    // As a source the interface that has it; as a destination the way by the internet.
    estate.ask("203.0.113.10", "10.0.2.20", "tcp 443").is("R R R");
    estate.ask("internet/198.51.100.9", "203.0.113.10", "tcp 443").is("R R R");
    estate.ask("10.0.2.20", "203.0.113.10", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
}

#[test]
fn selectors_stopped_instances_neither_send_nor_receive() {
    for state in ["stopped", "terminated", "stopping", "shutting-down"] {
        let mut estate = three();
        estate.each("Reservations", |reservation| {
            if reservation["Instances"][0]["InstanceId"] == "i-b" {
                reservation["Instances"][0]["State"]["Name"] = json!(state);
            }
        });
        estate.ask("10.0.1.10", "10.0.2.20", "tcp 443").is("B B -").because(&["NO_POSSIBLE_DESTINATION"]);
        estate.ask("10.0.2.20", "10.0.1.10", "tcp 443").is("B B -").because(&["BAD_STATE"]);
        assert_eq!(pairs(&estate, "vpc-1", "10.0.1.10"), 1);
    }
}

#[test]
fn selectors_prefix_lists_and_endpoints() {
    let mut estate = three();
    estate.prefix_list("pl-b", "b", &["10.0.2.0/24", "10.0.2.20/32"]).s3_gateway(&["rtb-main"]);
    assert_eq!(pairs(&estate, "10.0.1.10", "pl-b"), 1);
    estate.ask("10.0.1.10", "vpce-s3", "tcp 443").is("R R R");
    estate.add("PrefixLists", json!({"PrefixListId": "pl-none", "PrefixListName": "none"}));
    estate.ask("10.0.1.10", "pl-none", "tcp 443").is("U U U").because(&["NOT_COLLECTED"]);
}

#[test]
fn m1_ends_without_a_common_family() {
    let mut estate = three();
    estate.vpc_ipv6("vpc-1", "2600:1f18:1::/56").subnet_ipv6("subnet-b", "2600:1f18:1:2::/64");
    estate.instance("six", "2600:1f18:1:2::6", &["sg-o"]);
    estate.ask("10.0.1.10", "eni-six", "tcp 443").is("B B -").because(&["NO_COMMON_ADDRESS_FAMILY"]);
    estate.ask("10.0.1.10", "10.0.2.20", "tcp 443 v6").is("B B -").because(&["NO_COMMON_ADDRESS_FAMILY"]);
}

#[test]
fn an_end_with_itself_is_no_pair_however_it_is_named() {
    let mut estate = Estate::two(OPEN, OPEN);
    estate.dual_stack();
    // By instance both addresses, by CIDR one: the node's own is no other end.
    let total = |from: &str, to: &str, what: &str| estate.ask(from, to, what).answer.pairs.total;
    assert_eq!(total("vpc-1", "10.0.0.0/16", "tcp 443"), 2);
    assert_eq!(total("vpc-1", "2600:1::/56", "tcp 443"), 2);
    assert_eq!(total("10.0.0.0/16", "vpc-1", "tcp 443"), 2);
}
