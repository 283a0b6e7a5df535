//! NA-1 to NA-12, NA-16, and M-2 where source ports decide.

use serde_json::json;

use crate::estate::{Estate, Said, ask};

const OUT: &str = "egress -1 0.0.0.0/0";
const IN: &str = "ingress -1 0.0.0.0/0";
const A: &str = "10.0.1.10";
const B: &str = "10.0.2.20";
const OPEN: [&str; 2] = ["100 ingress allow -1 0.0.0.0/0", "100 egress allow -1 0.0.0.0/0"];

/// An open pair; `subnet-b` has an ACL of these lines.
fn acl_b(lines: &[&str]) -> Estate {
    let mut estate = Estate::two(&[OUT, "egress -1 ::/0"], &[IN, "ingress -1 ::/0"]);
    estate.dual_stack().acl("acl-b", "vpc-1", lines).acl_for("acl-b", "subnet-b");
    estate
}

/// `subnet-b` lets out everything and lets in what these lines say.
fn into_b(lines: &[&str]) -> Estate {
    acl_b(
        &lines.iter().copied().chain(["900 egress allow -1 0.0.0.0/0", "901 egress allow -1 ::/0"]).collect::<Vec<_>>(),
    )
}

fn acl_steps(said: &Said) -> Vec<&str> {
    said.path.iter().filter(|step| step.starts_with("nacl")).map(String::as_str).collect()
}

#[test]
fn na1_without_an_association_the_vpc_s_default_acl_counts() {
    let mut estate = Estate::two(&[OUT], &[IN]);
    estate.ask(A, B, "tcp 443").is("R R R");
    estate.change("NetworkAcls", "NetworkAclId", "acl-1", |acl| acl["Entries"] = json!([]));
    estate.ask(A, B, "tcp 443").is("B B -").only(&["SUBNET_ACL_RESTRICTION"]);
    // An explicit association replaces it.
    estate.acl("acl-x", "vpc-1", &OPEN).acl_for("acl-x", "subnet-a").acl_for("acl-x", "subnet-b");
    estate.ask(A, B, "tcp 443").is("R R R");
}

#[test]
fn na1_an_acl_that_is_not_the_default_covers_only_its_subnets() {
    let mut estate = Estate::two(&[OUT], &[IN]);
    estate.acl("acl-x", "vpc-1", &[]).acl_for("acl-x", "subnet-pub");
    estate.ask(A, B, "tcp 443").is("R R R");
}

#[test]
fn na2_the_lowest_number_decides_whatever_the_listing() {
    let deny_first = into_b(&["100 ingress allow tcp 0.0.0.0/0 443", "90 ingress deny -1 10.0.1.0/24"]);
    let said = deny_first.ask(A, B, "tcp 443");
    said.is("B B -").only(&["SUBNET_ACL_RESTRICTION"]);
    assert_eq!(said.reasons, ["SUBNET_ACL_RESTRICTION acl-b NA-2"]);
    assert!(said.messages[0].contains("entry 90 of acl-b"), "{:?}", said.messages);
    let allow_first = into_b(&["100 ingress deny -1 10.0.1.0/24", "90 ingress allow tcp 0.0.0.0/0 443"]);
    let said = allow_first.ask(A, B, "tcp 443");
    said.is("R R R");
    assert!(said.decided_by.contains(&"acl-b ingress 90".to_owned()), "{:?}", said.decided_by);
    allow_first.ask(A, B, "tcp 80").is("B B -");
}

#[test]
fn na2_nothing_matches_is_a_denial_with_or_without_the_final_entries() {
    let mut estate = into_b(&["100 ingress allow tcp 0.0.0.0/0 443"]);
    let said = estate.ask(A, B, "tcp 80");
    said.is("B B -");
    assert!(said.decided_by.contains(&"acl-b ingress 32767".to_owned()), "{:?}", said.decided_by);
    let said = estate.ask("eni-a", "eni-b", "tcp 80 v6");
    said.is("B B -");
    assert!(said.decided_by.contains(&"acl-b ingress 32768".to_owned()), "{:?}", said.decided_by);
    estate.change("NetworkAcls", "NetworkAclId", "acl-b", |acl| {
        acl["Entries"].as_array_mut().unwrap().retain(|entry| entry["RuleNumber"].as_u64() < Some(32767));
    });
    let said = estate.ask(A, B, "tcp 80");
    said.is("B B -").only(&["SUBNET_ACL_RESTRICTION"]);
    assert!(said.decided_by.contains(&"acl-b ingress *".to_owned()), "{:?}", said.decided_by);
}

#[test]
fn na2_directions_have_their_own_numbers() {
    let estate = acl_b(&[
        "100 ingress deny tcp 10.0.0.0/8 22",
        "200 ingress allow -1 0.0.0.0/0",
        "50 egress allow -1 0.0.0.0/0",
    ]);
    estate.ask(A, B, "tcp 22").is("B B -");
    estate.ask(A, B, "tcp 23").is("R R R");
}

#[test]
fn na3_replies_are_judged_by_their_own_ports() {
    let estate = acl_b(&["100 ingress allow tcp 0.0.0.0/0 443", "100 egress allow tcp 0.0.0.0/0 443"]);
    let said = estate.ask(A, B, "tcp 443");
    said.is("B R B").only(&["SUBNET_ACL_RESTRICTION"]);
    assert!(said.messages[0].contains("egress"), "{:?}", said.messages);
    assert!(said.allowed.is_empty());
    acl_b(&["100 ingress allow tcp 0.0.0.0/0 443", "100 egress allow tcp 0.0.0.0/0 1024-65535"])
        .ask(A, B, "tcp 443")
        .is("R R R");
}

#[test]
fn na4_inside_a_subnet_no_acl_is_asked() {
    let mut estate = acl_b(&[]);
    estate.instance("b2", "10.0.2.21", &["sg-2"]).group("sg-2", &[OUT]).ipv6("b2", "2600:1:0:2::21");
    let said = estate.ask("10.0.2.21", B, "tcp 443");
    said.is("R R R");
    assert!(acl_steps(&said).is_empty(), "{:?}", said.path);
    estate.rules("sg-2", &["egress -1 ::/0"]);
    estate.ask("eni-b2", "eni-b", "tcp 443 v6").is("R R R");
    estate.ask(A, B, "tcp 443").is("B B -").only(&["SUBNET_ACL_RESTRICTION"]);
}

#[test]
fn na5_ingress_matches_the_source_and_egress_the_destination() {
    // Entries that name the subnet's own side match nothing.
    let own_side = acl_b(&["100 ingress allow -1 10.0.2.0/24", "100 egress allow -1 0.0.0.0/0"]);
    own_side.ask(A, B, "tcp 443").is("B B -");
    let remote = acl_b(&["100 ingress allow -1 10.0.1.10/32", "100 egress allow -1 10.0.1.10/32"]);
    remote.ask(A, B, "tcp 443").is("R R R");
    let back_own_side = acl_b(&["100 ingress allow -1 10.0.1.10/32", "100 egress allow -1 10.0.2.20/32"]);
    back_own_side.ask(A, B, "tcp 443").is("B R B");
    // The port is the destination's, never the source's.
    into_b(&["100 ingress allow tcp 0.0.0.0/0 443"]).ask(A, B, "tcp 80 from 443").is("B B -");
}

#[test]
fn na6_protocols_are_numbers_and_names_are_read_too() {
    for (line, what, other) in [
        ("100 ingress allow 6 0.0.0.0/0 443", "tcp 443", "udp 443"),
        ("100 ingress allow tcp 0.0.0.0/0 443", "tcp 443", "tcp 80"),
        ("100 ingress allow 17 0.0.0.0/0 53", "udp 53", "tcp 53"),
        ("100 ingress allow 1 0.0.0.0/0 8/-1", "icmp 8/0", "icmp 13/0"),
        ("100 ingress allow 58 ::/0 128/-1", "icmpv6 128/0", "icmpv6 129/0"),
        ("100 ingress allow -1 0.0.0.0/0", "50", "tcp 443 v6"),
        ("100 ingress allow -1 ::/0", "tcp 443 v6", "50 v4"),
        ("100 ingress allow 6 0.0.0.0/0", "tcp 9", "udp 9"),
        ("100 ingress allow 50 0.0.0.0/0", "50", "51"),
    ] {
        let network = into_b(&[line]).network();
        assert!(ask(&network, "eni-a", "eni-b", what).forward.passes(), "{line}: {what}");
        ask(&network, "eni-a", "eni-b", other).is("B B -").only(&["SUBNET_ACL_RESTRICTION"]);
    }
    let mut by_name = into_b(&["100 ingress allow tcp 0.0.0.0/0 443"]);
    by_name.change("NetworkAcls", "NetworkAclId", "acl-b", |acl| acl["Entries"][0]["Protocol"] = json!("tcp"));
    by_name.ask(A, B, "tcp 443").is("R R R");
}

#[test]
fn na6_ports_of_other_protocols_are_ignored() {
    let gre = into_b(&["100 ingress allow 47 0.0.0.0/0 80-80"]);
    gre.ask(A, B, "47").is("R R -");
    gre.ask(A, B, "tcp 80").is("B B -");
    let any = into_b(&["100 ingress allow -1 0.0.0.0/0 80-80"]);
    for what in ["tcp 443", "udp 1", "icmp 8/0"] {
        any.ask(A, B, what).is("R R R");
    }
}

#[test]
fn na6_icmpv6_with_an_ipv4_cidr_is_unknown_for_icmp_where_it_decides() {
    let allow = into_b(&["100 ingress allow 58 0.0.0.0/0"]);
    allow.ask(A, B, "icmp 8/0").is("U U R").only(&["UNDOCUMENTED_BEHAVIOUR"]);
    // Type and code are ignored, and other protocols are not meant.
    into_b(&["100 ingress allow 58 0.0.0.0/0 128/0"]).ask(A, B, "icmp 8/0").is("U U R");
    allow.ask(A, B, "tcp 443").is("B B -");
    allow.ask("eni-a", "eni-b", "icmpv6 128/0").is("B B -");
    // A lower number decides before it, and outside its CIDR it says nothing.
    into_b(&["90 ingress deny icmp 0.0.0.0/0", "100 ingress allow 58 0.0.0.0/0"]).ask(A, B, "icmp 8/0").is("B B -");
    into_b(&["100 ingress allow 58 10.9.0.0/16", "200 ingress allow -1 0.0.0.0/0"]).ask(A, B, "icmp 8/0").is("R R R");
    into_b(&["100 ingress deny 58 0.0.0.0/0", "200 ingress allow -1 0.0.0.0/0"]).ask(A, B, "icmp 8/0").is("U U R");
    // Both readings come to the same: nothing is unknown.
    into_b(&["100 ingress deny 58 0.0.0.0/0"]).ask(A, B, "icmp 8/0").is("B B -").only(&["SUBNET_ACL_RESTRICTION"]);
    into_b(&["100 ingress allow 58 0.0.0.0/0", "200 ingress allow -1 0.0.0.0/0"]).ask(A, B, "icmp 8/0").is("R R R");
    into_b(&["100 ingress allow 58 0.0.0.0/0", "110 ingress deny 58 0.0.0.0/0", "200 ingress allow 1 0.0.0.0/0"])
        .ask(A, B, "icmp 8/0")
        .is("R R R");
}

#[test]
fn na7_icmp_types_and_codes() {
    let one = into_b(&["100 ingress allow icmp 0.0.0.0/0 8/0"]);
    one.ask(A, B, "icmp 8/0").is("R R R");
    one.ask(A, B, "icmp 8/1").is("B B -");
    one.ask(A, B, "icmp 13/0").is("B B -");
    let any_code = into_b(&["100 ingress allow icmp 0.0.0.0/0 3/-1"]);
    any_code.ask(A, B, "icmp 3/4").is("R R -");
    any_code.ask(A, B, "icmp 4/4").is("B B -");
    for all in ["100 ingress allow icmp 0.0.0.0/0 -1/-1", "100 ingress allow icmp 0.0.0.0/0"] {
        into_b(&[all]).ask(A, B, "icmp 13/0").is("R R R");
        into_b(&[all]).ask(A, B, "icmp 3/4").is("R R -");
    }
    let v6 = into_b(&["100 ingress allow icmpv6 ::/0 128/0"]);
    v6.ask("eni-a", "eni-b", "icmpv6 128/0").is("R R R");
    v6.ask("eni-a", "eni-b", "icmpv6 2/0").is("B B -");
    into_b(&["100 ingress allow icmp ::/0"]).ask("eni-a", "eni-b", "icmpv6 128/0").is("B B -");
}

#[test]
fn na7_an_echo_reply_needs_its_own_entry() {
    let lines = |reply| ["100 ingress allow icmp 0.0.0.0/0 8/-1", reply];
    acl_b(&lines("100 egress allow icmp 0.0.0.0/0 0/-1")).ask(A, B, "icmp 8/0").is("R R R");
    acl_b(&lines("100 egress allow icmp 0.0.0.0/0 8/-1")).ask(A, B, "icmp 8/0").is("B R B");
}

#[test]
fn na8_a_custom_acl_denies_by_itself() {
    acl_b(&[]).ask(A, B, "tcp 443").is("B B -").only(&["SUBNET_ACL_RESTRICTION"]);
    // Entries of one family say nothing of the other.
    let v4_only = acl_b(&OPEN);
    v4_only.ask("eni-a", "eni-b", "tcp 443 v4").is("R R R");
    v4_only.ask("eni-a", "eni-b", "tcp 443 v6").is("B B -").only(&["SUBNET_ACL_RESTRICTION"]);
}

/// `subnet-b` answers only to these client ports.
fn answers_to(ports: &str) -> Estate {
    acl_b(&["100 ingress allow -1 0.0.0.0/0", &format!("100 egress allow tcp 0.0.0.0/0 {ports}")])
}

#[test]
fn na9_m2_default_source_ports_are_the_client_s() {
    let whole = |ports: &str| {
        let said = answers_to("0-65535").ask(ports, B, "tcp 443");
        said.is("R R R").source_ports.clone()
    };
    assert_eq!(whole(A), ["32768-60999"]);
    answers_to("32768-60999").ask(A, B, "tcp 443").is("R R R");
    let part = answers_to("40000-65535").ask(A, B, "tcp 443");
    part.is("P R P").only(&["SUBNET_ACL_RESTRICTION"]);
    assert_eq!(part.source_ports, ["40000-60999"]);
    answers_to("1024-32767").ask(A, B, "tcp 443").is("B R B");
}

#[test]
fn na9_windows_instances() {
    for key in ["Platform", "PlatformDetails"] {
        let mut estate = answers_to("49152-65535");
        estate.without("Reservations").add(
            "Reservations",
            json!({"Instances": [
            {"InstanceId": "i-a", "State": {"Name": "running"}, key: "Windows"},
            {"InstanceId": "i-b", "State": {"Name": "running"}}]}),
        );
        let said = estate.ask(A, B, "tcp 443");
        said.is("R R R");
        assert_eq!(said.source_ports, ["49152-65535"]);
    }
    let linux = answers_to("49152-65535").ask(A, B, "tcp 443");
    assert_eq!(linux.is("P R P").source_ports, ["49152-60999"]);
}

#[test]
fn na9_everything_else_uses_1024_to_65535() {
    let mut estate = answers_to("0-65535");
    estate.interface("cp", "10.0.1.50", &["sg-a"]).eni("cp", |eni| eni["Description"] = json!("Amazon EKS blue"));
    estate.interface("fn", "10.0.1.51", &["sg-a"]).eni("fn", |eni| eni["InterfaceType"] = json!("lambda"));
    let network = estate.network();
    for from in ["10.0.1.50", "10.0.1.51"] {
        assert_eq!(ask(&network, from, B, "tcp 443").is("R R R").source_ports, ["1024-65535"]);
    }
    let mut outside = answers_to("32768-65535");
    outside.internet().public("b", "198.51.100.20").route("rtb-main", "0.0.0.0/0 igw-1");
    let said = outside.ask("internet", B, "tcp 443");
    assert_eq!(said.is("P R P").source_ports, ["32768-65535"]);
}

#[test]
fn na9_pods_use_their_node_s_range() {
    let mut estate = answers_to("0-65535");
    estate.secondary("a", "10.0.1.99", None);
    estate.without("Reservations").add("Reservations", json!({"Instances": [
        {"InstanceId": "i-a", "State": {"Name": "running"}, "Tags": [{"Key": "kubernetes.io/cluster/blue", "Value": "owned"}]},
        {"InstanceId": "i-b", "State": {"Name": "running"}}]}));
    assert_eq!(estate.ask("10.0.1.99", B, "tcp 443").is("R R R").source_ports, ["32768-60999"]);
}

#[test]
fn na9_an_asked_source_port_replaces_the_default() {
    let estate = answers_to("32768-65535");
    estate.ask(A, B, "tcp 443 from 40000").is("R R R");
    estate.ask(A, B, "tcp 443 from 1024").is("B R B");
    let part = estate.ask(A, B, "tcp 443 from 30000-40000");
    assert_eq!(part.is("P R P").source_ports, ["32768-40000"]);
    assert_eq!(part.allowed, ["tcp 443"]);
}

#[test]
fn na9_source_port_sets_with_holes() {
    let estate = acl_b(&[
        "100 ingress allow -1 0.0.0.0/0",
        "90 egress deny tcp 0.0.0.0/0 40000-40999",
        "100 egress allow tcp 0.0.0.0/0 1024-65535",
    ]);
    let said = estate.ask(A, B, "tcp 443");
    assert_eq!(said.is("P R P").source_ports, ["32768-39999,41000-60999"]);
    estate.ask(A, B, "tcp 443 from 40500").is("B R B");
}

#[test]
fn na10_network_acls_do_not_stop_amazon_s_own_services() {
    let mut estate = Estate::two(&[OUT], &[]);
    estate.acl("acl-closed", "vpc-1", &[]).acl_for("acl-closed", "subnet-a");
    estate.ask(A, "169.254.169.254", "tcp 80").is("R R R");
    estate.ask(A, "10.0.0.2", "udp 53").is("R R R");
    estate.ask(A, "8.8.8.8", "udp 53").is("B B -").because(&["SUBNET_ACL_RESTRICTION"]);
}

#[test]
fn na11_four_evaluations_between_two_subnets() {
    let said = Estate::two(&[OUT], &[IN]).ask(A, B, "tcp 443");
    // Twice the same ACL is still four times.
    assert_eq!(
        acl_steps(&said),
        [
            "nacl_egress acl-1 allowed",
            "nacl_ingress acl-1 allowed",
            "nacl_egress acl-1 allowed",
            "nacl_ingress acl-1 allowed"
        ]
    );
    let split = |lines_a: &[&str], lines_b: &[&str]| {
        let mut estate = Estate::two(&[OUT], &[IN]);
        estate.acl("acl-a", "vpc-1", lines_a).acl_for("acl-a", "subnet-a");
        estate.acl("acl-b", "vpc-1", lines_b).acl_for("acl-b", "subnet-b");
        estate.ask(A, B, "tcp 443")
    };
    let least_a = ["1 egress allow tcp 10.0.2.20/32 443", "1 ingress allow tcp 10.0.2.20/32 32768-60999"];
    let least_b = ["1 ingress allow tcp 10.0.1.10/32 443", "1 egress allow tcp 10.0.1.10/32 32768-60999"];
    split(&least_a, &least_b).is("R R R");
    for (lines_a, lines_b, expected, reason) in [
        (&least_a[1..], &least_b[..], "B B -", "egress entry 32767 of acl-a"),
        (&least_a[..], &least_b[1..], "B B -", "ingress entry 32767 of acl-b"),
        (&least_a[..], &least_b[..1], "B R B", "egress entry 32767 of acl-b"),
        (&least_a[..1], &least_b[..], "B R B", "ingress entry 32767 of acl-a"),
    ] {
        let said = split(lines_a, lines_b);
        said.is(expected).only(&["SUBNET_ACL_RESTRICTION"]);
        assert_eq!(said.messages.len(), 1, "{:?}", said.messages);
        assert!(said.messages[0].contains(reason), "{:?}", said.messages);
    }
    // Every denial is told, not the first.
    assert_eq!(split(&[], &[]).messages.len(), 2);
}

#[test]
fn na11_one_acl_for_both_subnets_stops_what_comes_into_either() {
    let mut estate = Estate::two(&[OUT], &[IN]);
    estate.acl("acl-x", "vpc-1", &["90 ingress deny -1 10.0.1.10/32", OPEN[0], OPEN[1]]);
    estate.acl_for("acl-x", "subnet-a").acl_for("acl-x", "subnet-b").instance("a2", "10.0.1.11", &["sg-a"]);
    estate.ask(A, B, "tcp 443").is("B B -").only(&["SUBNET_ACL_RESTRICTION"]);
    estate.ask("10.0.1.11", B, "tcp 443").is("R R R");
    estate.rules("sg-a", &[OUT, IN]);
    // Inside the subnet the denial of A is not met; back from B it is.
    estate.ask(A, "10.0.1.11", "tcp 443").is("R R R");
}

/// A in `subnet-a` goes out by the NAT gateway in `subnet-pub`, whose ACL has these lines.
fn through_nat(lines: &[&str]) -> Estate {
    let mut estate = Estate::two(&[OUT], &[]);
    estate.internet().nat().table("rtb-a", "vpc-1", &["0.0.0.0/0 nat-1"]).associate("rtb-a", "subnet-a");
    estate.acl("acl-pub", "vpc-1", lines).acl_for("acl-pub", "subnet-pub");
    estate
}

#[test]
fn na12_the_nat_subnet_is_crossed_four_times() {
    let least = [
        "1 ingress allow tcp 10.0.1.10/32 443",
        "2 egress allow tcp 203.0.113.9/32 443",
        "3 ingress allow tcp 203.0.113.9/32 1024-65535",
        "4 egress allow tcp 10.0.1.10/32 32768-60999",
    ];
    let said = through_nat(&least).ask(A, "internet/203.0.113.9", "tcp 443");
    said.is("R R R");
    assert_eq!(said.translated.as_deref(), Some("1024-65535"));
    assert_eq!(
        acl_steps(&said),
        [
            "nacl_egress acl-1 allowed",
            "nacl_ingress acl-pub allowed",
            "nacl_egress acl-pub allowed",
            "nacl_ingress acl-pub allowed",
            "nacl_egress acl-pub allowed",
            "nacl_ingress acl-1 allowed",
        ]
    );
    for (missing, expected) in [(0, "B B -"), (1, "B B -"), (2, "B R B"), (3, "B R B")] {
        let mut lines = least.to_vec();
        lines.remove(missing);
        through_nat(&lines).ask(A, "internet/203.0.113.9", "tcp 443").is(expected).only(&["SUBNET_ACL_RESTRICTION"]);
    }
    // The service's port on the way in, not only some port.
    let mut wrong = least;
    wrong[0] = "1 ingress allow tcp 10.0.1.0/24 80";
    through_nat(&wrong).ask(A, "internet/203.0.113.9", "tcp 443").is("B B -");
}

#[test]
fn na12_part_of_the_pool_is_partial() {
    let lines = |pool| ["1 ingress allow -1 10.0.0.0/16", "2 egress allow -1 0.0.0.0/0", pool];
    let said = through_nat(&lines("3 ingress allow tcp 0.0.0.0/0 32768-65535")).ask(A, "internet", "tcp 443");
    said.is("P R P").because(&["REMAP_EPHEMERAL_PORT"]);
    assert_eq!(said.translated.as_deref(), Some("32768-65535"));
    // The client's own ports stay as they are: all of them get some replies.
    assert_eq!(said.source_ports, ["32768-60999"]);
    let said = through_nat(&lines("3 ingress allow tcp 0.0.0.0/0 1-1023")).ask(A, "internet", "tcp 443");
    said.is("B R B").only(&["SUBNET_ACL_RESTRICTION"]);
    // An asked source port does not narrow the pool.
    let said = through_nat(&lines("3 ingress allow tcp 0.0.0.0/0 1024-40000")).ask(A, "internet", "tcp 443 from 50000");
    said.is("P R P").because(&["REMAP_EPHEMERAL_PORT"]);
    assert_eq!((said.translated.as_deref(), said.source_ports[0].as_str()), (Some("1024-40000"), "50000"));
}

#[test]
fn na12_behind_the_gateway_the_client_s_port_counts() {
    let mut estate = through_nat(&OPEN);
    estate.acl("acl-a", "vpc-1", &["1 egress allow -1 0.0.0.0/0", "1 ingress allow tcp 0.0.0.0/0 40000-60999"]);
    estate.acl_for("acl-a", "subnet-a");
    let said = estate.ask(A, "internet", "tcp 443");
    said.is("P R P");
    assert!(!said.codes.contains(&"REMAP_EPHEMERAL_PORT"), "{:?}", said.codes);
    assert_eq!((said.translated.as_deref(), said.source_ports[0].as_str()), (Some("1024-65535"), "40000-60999"));
}

/// One table serves the gateway's packets and those of an instance beside it, so the same destination cannot lead to
/// the gateway and beyond it: what U-8 leaves open is met by no flow.
#[test]
fn na12_u8_an_instance_in_the_gateway_s_own_subnet_loops() {
    let mut estate = through_nat(&OPEN);
    estate.instance("p", "10.0.9.9", &["sg-a"]).route("rtb-pub", "203.0.113.0/24 nat-1");
    estate.ask("10.0.9.9", "internet/203.0.113.9", "tcp 443").is("B B -").because(&["CANNOT_ROUTE"]);
}

/// A NAT gateway with two addresses: which one a connection gets is nobody's to know.
#[test]
fn m2_each_port_is_judged_by_the_ways_that_it_can_take() {
    let mut estate = Estate::two(&[OUT], &[]);
    estate.internet().nat().peer(&["ingress tcp 80 10.0.9.5/32", "ingress tcp 443 10.0.9.0/24"]);
    estate.interface("nat-2", "10.0.9.6", &[]).eni("nat-2", |eni| {
        eni["InterfaceType"] = json!("nat_gateway");
        eni["SourceDestCheck"] = json!(false);
    });
    estate.change("NatGateways", "NatGatewayId", "nat-1", |nat| {
        let second = json!({"NetworkInterfaceId": "eni-nat-2", "PrivateIp": "10.0.9.6", "IsPrimary": false, "Status": "succeeded"});
        nat["NatGatewayAddresses"].as_array_mut().unwrap().push(second);
    });
    estate.table("rtb-a", "vpc-1", &["10.1.0.0/16 nat-1"]).associate("rtb-a", "subnet-a");
    estate.route("rtb-pub", "10.1.0.0/16 pcx-1");
    let to = "10.1.1.30";
    estate.ask(A, to, "tcp 443").is("R R R");
    estate.ask(A, to, "tcp 80").is("P P R");
    // The peer answers to one of the two only.
    estate.acl("acl-c", "vpc-2", &["1 egress deny -1 10.0.9.6/32", OPEN[0], OPEN[1]]).acl_for("acl-c", "subnet-c");
    estate.ask(A, to, "tcp 443").is("P R P");
    estate.ask(A, to, "tcp 80").is("P P R");
    for both in ["tcp 80,443", "tcp 443,80"] {
        estate.ask(A, to, both).is("P P P");
    }
}

#[test]
fn na16_path_mtu_messages_need_their_entry() {
    let tcp_only = into_b(&["100 ingress allow tcp 0.0.0.0/0", "101 ingress allow tcp ::/0"]);
    tcp_only.ask(A, B, "icmp 3/4").is("B B -").only(&["SUBNET_ACL_RESTRICTION"]);
    tcp_only.ask("eni-a", "eni-b", "icmpv6 2/0").is("B B -");
    let with = into_b(&["100 ingress allow icmp 0.0.0.0/0 3/4", "101 ingress allow icmpv6 ::/0 2/-1"]);
    with.ask(A, B, "icmp 3/4").is("R R -");
    with.ask("eni-a", "eni-b", "icmpv6 2/0").is("R R -");
    with.ask(A, B, "icmp 3/3").is("B B -");
}
