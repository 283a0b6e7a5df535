//! M-1 to M-8, and how an answer is told.

use serde_json::json;

use crate::estate::Estate;

const OUT: &str = "egress -1 0.0.0.0/0";
const IN: &str = "ingress -1 0.0.0.0/0";
const A: &str = "10.0.1.10";
const B: &str = "10.0.2.20";

#[test]
fn m1_families_are_separate_worlds() {
    let mut estate = Estate::two(&[OUT], &[IN, "ingress -1 ::/0"]);
    estate.dual_stack();
    // IPv4 where both ends have it; the IPv4 rule says nothing of IPv6.
    estate.ask("eni-a", "eni-b", "tcp 443").is("R R R");
    estate.ask("eni-a", "eni-b", "tcp 443 v4").is("R R R");
    estate.ask("eni-a", "eni-b", "tcp 443 v6").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
    estate.ask("eni-a", "eni-b", "icmpv6 128/0").is("B B -");
    // Routes are per family too.
    let mut routes = Estate::two(&[OUT, "egress -1 ::/0"], &[IN, "ingress -1 ::/0"]);
    routes.dual_stack();
    routes.ask("eni-a", "eni-b", "tcp 443 v6").is("R R R");
    routes.change("RouteTables", "RouteTableId", "rtb-main", |table| {
        table["Routes"].as_array_mut().unwrap().retain(|route| route["DestinationCidrBlock"].is_string());
    });
    routes.ask("eni-a", "eni-b", "tcp 443 v6").is("B B -").only(&["NO_ROUTE_TO_DESTINATION"]);
    routes.ask("eni-a", "eni-b", "tcp 443 v4").is("R R R");
}

#[test]
fn m1_ends_without_a_common_family() {
    let mut estate = Estate::two(&[OUT], &[IN]);
    estate.dual_stack();
    estate.ask(A, "2600:1:0:2::20", "tcp 443").is("B B -").only(&["NO_COMMON_ADDRESS_FAMILY"]);
    estate.ask(A, B, "tcp 443 v6").is("B B -").only(&["NO_COMMON_ADDRESS_FAMILY"]);
}

#[test]
fn m1_ipv6_where_one_end_has_nothing_else() {
    let mut estate = Estate::two(&[OUT, "egress -1 ::/0"], &[]);
    estate.dual_stack().group("sg-six", &["ingress tcp 443 2600:1:0:1::/64"]).instance(
        "six",
        "2600:1:0:2::66",
        &["sg-six"],
    );
    estate.ask("eni-a", "eni-six", "tcp 443").is("R R R");
    estate.ask("eni-a", "eni-six", "tcp 80").is("B B -");
}

#[test]
fn m3_protocols_without_a_reply_have_no_return() {
    let estate = Estate::two(&[OUT], &[IN]);
    for (what, expected) in [
        ("47", "R R -"),
        ("50", "R R -"),
        ("132", "R R -"),
        ("icmp 3/4", "R R -"),
        ("icmp 0/0", "R R -"),
        ("icmp 8/0", "R R R"),
        ("icmp 13/0", "R R R"),
        ("icmp 15/0", "R R R"),
        ("icmp 17/0", "R R R"),
        ("udp 53", "R R R"),
    ] {
        estate.ask(A, B, what).is(expected);
    }
    // A blocked return does not touch them.
    let mut one_way = Estate::two(&[OUT], &[IN]);
    one_way.acl("acl-b", "vpc-1", &["1 ingress allow -1 0.0.0.0/0"]).acl_for("acl-b", "subnet-b");
    for (what, expected) in
        [("47", "R R -"), ("icmp 3/4", "R R -"), ("icmp 8/0", "B R B"), ("udp 53", "B R B"), ("tcp 1", "B R B")]
    {
        one_way.ask(A, B, what).is(expected);
    }
}

#[test]
fn m3_icmp_replies_by_type() {
    let only = |reply: &str| {
        let mut estate = Estate::two(&[OUT, "egress -1 ::/0"], &[IN, "ingress -1 ::/0"]);
        estate.dual_stack().acl_for("acl-1", "subnet-a");
        let family = if reply.starts_with("129") { "icmpv6 ::/0" } else { "icmp 0.0.0.0/0" };
        let line = format!("1 egress allow {family} {reply}/-1");
        estate.acl("acl-b", "vpc-1", &["1 ingress allow -1 0.0.0.0/0", "2 ingress allow -1 ::/0", &line]);
        estate.acl_for("acl-b", "subnet-b");
        estate
    };
    for (kind, reply) in [(8, "0"), (13, "14"), (15, "16"), (17, "18")] {
        only(reply).ask(A, B, &format!("icmp {kind}/0")).is("R R R");
        only("3").ask(A, B, &format!("icmp {kind}/0")).is("B R B");
    }
    only("129").ask("eni-a", "eni-b", "icmpv6 128/0").is("R R R");
    only("129").ask("eni-a", "eni-b", "icmpv6 2/0").is("R R -");
}

#[test]
fn m3_mixed_messages_return_only_where_there_is_a_reply() {
    let mut estate = Estate::two(&[OUT], &[IN]);
    estate.ask(A, B, "icmp").is("R R R");
    estate
        .acl("acl-b", "vpc-1", &["1 ingress allow -1 0.0.0.0/0", "1 egress allow icmp 0.0.0.0/0 0/-1"])
        .acl_for("acl-b", "subnet-b");
    let said = estate.ask(A, B, "icmp");
    said.is("P R P");
    assert_eq!(said.allowed.len(), 1);
    assert!(!said.allowed[0].contains("13") || said.allowed[0].contains("0-12"), "{:?}", said.allowed);
}

#[test]
fn m3_an_echo_s_code_comes_back_with_it() {
    // Asked one by one and asked together must say the same.
    let mut estate = Estate::two(&[OUT], &[IN]);
    estate
        .acl("acl-b", "vpc-1", &["1 ingress allow -1 0.0.0.0/0", "1 egress allow icmp 0.0.0.0/0 0/0"])
        .acl_for("acl-b", "subnet-b");
    let one = estate.ask(A, B, "icmp 8/5").verdict;
    let zero = estate.ask(A, B, "icmp 8/0").verdict;
    let both = estate.ask(A, B, "icmp 8/*").verdict;
    assert_eq!(both == zero, one == zero, "8/0 {zero:?}, 8/5 {one:?}, 8 {both:?}");
}

#[test]
fn m4_partial_names_the_ports_that_pass() {
    let estate = Estate::two(
        &[OUT],
        &["ingress tcp 80 0.0.0.0/0", "ingress tcp 443 0.0.0.0/0", "ingress tcp 8000-8080 0.0.0.0/0"],
    );
    let said = estate.ask(A, B, "tcp");
    assert_eq!(said.is("P P R").allowed, ["tcp 80,443,8000-8080"]);
    assert_eq!(said.source_ports, ["32768-60999"]);
    said.only(&["ENI_SG_RULES_MISMATCH"]);
    assert_eq!(estate.ask(A, B, "tcp 79-81,443").is("P P R").allowed, ["tcp 80,443"]);
    assert_eq!(estate.ask(A, B, "tcp 80,443,8000-8010").is("R R R").allowed, ["tcp 80,443,8000-8010"]);
    assert!(estate.ask(A, B, "tcp 1-79").is("B B -").allowed.is_empty());
}

#[test]
fn m4_partial_beside_unknown_is_partial() {
    // 80 passes, 22 does not, 443 depends on a list that is not in the snapshot.
    let estate = Estate::two(&[OUT], &["ingress tcp 80 0.0.0.0/0", "ingress tcp 443 pl-1"]);
    assert_eq!(estate.ask(A, B, "tcp 22,80,443").is("P P R").allowed, ["tcp 80"]);
    estate.ask(A, B, "tcp 80,443").is("U U R");
    estate.ask(A, B, "tcp 22,443").is("U U R");
    estate.ask(A, B, "tcp 22,80").is("P P R");
}

#[test]
fn m4_all_judges_every_lane() {
    let estate = Estate::two(
        &[OUT],
        &["ingress tcp 443 0.0.0.0/0", "ingress icmp 8/-1 0.0.0.0/0", "ingress 50 0.0.0.0/0", "ingress 47 0.0.0.0/0"],
    );
    let said = estate.ask(A, B, "all");
    assert_eq!(said.is("P P R").allowed, ["tcp 443", "icmp 8/*", "47,50"]);
    let open = Estate::two(&[OUT], &[IN]).ask(A, B, "all");
    assert_eq!(open.is("R R R").allowed[..2], ["tcp 0-65535", "udp 0-65535"]);
    assert_eq!(open.allowed.len(), 4, "{:?}", open.allowed);
    assert!(Estate::two(&[OUT], &[]).ask(A, B, "all").is("B B -").allowed.is_empty());
}

#[test]
fn m4_what_each_filter_names_is_cut_out() {
    let groups =
        Estate::two(&[OUT], &["ingress icmp 3/4 0.0.0.0/0", "ingress icmp 8/-1 0.0.0.0/0", "ingress 50 0.0.0.0/0"]);
    assert_eq!(groups.ask(A, B, "icmp").is("P P R").allowed, ["icmp 3/4,8/*"]);
    assert_eq!(groups.ask(A, B, "all").is("P P R").allowed, ["icmp 3/4,8/*", "50"]);
    let mut acls = Estate::two(&[OUT], &[IN]);
    acls.acl(
        "acl-b",
        "vpc-1",
        &["1 ingress allow icmp 0.0.0.0/0 3/4", "2 ingress allow 47 0.0.0.0/0", "3 ingress allow 132 0.0.0.0/0"],
    );
    acls.acl_for("acl-b", "subnet-b");
    assert_eq!(acls.ask(A, B, "icmp").is("P P -").allowed, ["icmp 3/4"]);
    assert_eq!(acls.ask(A, B, "all").is("P P -").allowed, ["icmp 3/4", "47,132"]);
}

#[test]
fn m5_every_failing_stage_is_told() {
    let mut estate = Estate::two(&[], &[]);
    estate.acl("acl-x", "vpc-1", &[]).acl_for("acl-x", "subnet-a").acl_for("acl-x", "subnet-b");
    let said = estate.ask(A, B, "tcp 443");
    said.is("B B -").only(&["SG_HAS_NO_RULES", "SUBNET_ACL_RESTRICTION"]);
    assert_eq!(said.reasons.len(), 4, "{:?}", said.reasons);
    let order: Vec<&str> = said.path.iter().filter_map(|step| step.split(' ').next()).collect();
    assert_eq!(order, ["sg_egress", "nacl_egress", "route", "nacl_ingress", "sg_ingress", "deliver"]);
}

#[test]
fn m5_a_blocked_forward_has_no_return() {
    let mut estate = Estate::two(&[OUT], &[]);
    estate.acl("acl-b", "vpc-1", &["1 ingress allow -1 0.0.0.0/0"]).acl_for("acl-b", "subnet-b");
    estate.ask(A, B, "tcp 443").is("B B -").only(&["SG_HAS_NO_RULES"]);
}

#[test]
fn m6_the_reply_has_routes_of_its_own() {
    let mut estate = Estate::two(&[OUT], &[IN]);
    estate.table("rtb-b", "vpc-1", &[]).associate("rtb-b", "subnet-b");
    estate.ask(A, B, "tcp 443").is("R R R");
    estate.change("RouteTables", "RouteTableId", "rtb-b", |table| table["Routes"] = json!([]));
    estate.ask(A, B, "tcp 443").is("B R B").only(&["NO_ROUTE_TO_DESTINATION"]);
}

#[test]
fn m6_replies_pass_the_groups_of_both_ends() {
    // Neither end has a rule in the reply's direction.
    let said = Estate::two(&["egress tcp 443 10.0.2.0/24"], &["ingress tcp 443 10.0.1.0/24"]).ask(A, B, "tcp 443");
    said.is("R R R");
    assert_eq!(said.path.iter().filter(|step| step.ends_with("tracked")).count(), 2, "{:?}", said.path);
    // What B starts itself is another matter.
    Estate::two(&["egress tcp 443 10.0.2.0/24"], &["ingress tcp 443 10.0.1.0/24"]).ask(B, A, "tcp 443").is("B B -");
}

#[test]
fn m6b_delivery_needs_a_live_host() {
    let mut estate = Estate::two(&[OUT], &[IN]);
    estate.ask(A, "10.0.2.99", "tcp 443").is("B B -").only(&["NO_POSSIBLE_DESTINATION"]);
    estate.ask(A, "10.0.77.1", "tcp 443").is("B B -").only(&["NO_POSSIBLE_DESTINATION"]);
    estate.without("Reservations").add(
        "Reservations",
        json!({"Instances": [{"InstanceId": "i-a", "State": {"Name": "running"}},
        {"InstanceId": "i-b", "State": {"Name": "terminated"}}]}),
    );
    estate.ask(A, B, "tcp 443").is("B B -").only(&["NO_POSSIBLE_DESTINATION"]);
}
