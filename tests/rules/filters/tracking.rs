//! CT-1 to CT-6: which end keeps state for a flow.

use serde_json::json;

use crate::estate::{Estate, ask};

const OUT: &str = "egress -1 0.0.0.0/0";
const A: &str = "10.0.1.10";
const B: &str = "10.0.2.20";

/// B's word for a flow from A.
fn inbound(rules: &[&str], what: &str) -> String {
    let said = Estate::two(&[OUT], rules).ask(A, B, what);
    said.is("R R R");
    said.tracking.1.unwrap().as_str().to_owned()
}

#[test]
fn ct1_ct2_each_end_judges_by_its_own_rules() {
    let open = ["ingress -1 0.0.0.0/0", OUT];
    let narrow = ["ingress tcp 443 10.0.0.0/16"];
    Estate::two(&open, &open).ask(A, B, "tcp 443").is("R R R").tracks("untracked untracked");
    Estate::two(&open, &narrow).ask(A, B, "tcp 443").is("R R R").tracks("untracked tracked");
    Estate::two(&[OUT], &open).ask(A, B, "tcp 443").is("R R R").tracks("tracked untracked");
    // CT-2: no rule of the other direction is needed at either end.
    Estate::two(&["egress tcp 443 10.0.2.0/24"], &narrow).ask(A, B, "tcp 443").is("R R R").tracks("tracked tracked");
}

#[test]
fn ct6_the_example_of_aws() {
    let rules = ["ingress tcp 22 10.0.1.10/32", "ingress tcp 80 0.0.0.0/0", "ingress icmp -1/-1 0.0.0.0/0", OUT];
    assert_eq!(inbound(&rules, "tcp 22"), "tracked");
    assert_eq!(inbound(&rules, "tcp 80"), "untracked");
    assert_eq!(inbound(&rules, "icmp 8/0"), "tracked");
    // The instance's own connections: no ingress rule of everywhere with all ports.
    let mut estate = Estate::two(&["ingress -1 0.0.0.0/0"], &rules);
    estate.instance("c", "10.0.1.11", &["sg-a"]);
    estate.ask(B, A, "tcp 443").is("R R R").tracks("tracked tracked");
}

#[test]
fn ct6_all_open_is_untracked_either_way() {
    let open = ["ingress -1 0.0.0.0/0", OUT];
    for what in ["tcp 443", "udp 53"] {
        let estate = Estate::two(&open, &open);
        estate.ask(A, B, what).tracks("untracked untracked");
        estate.ask(B, A, what).tracks("untracked untracked");
    }
}

#[test]
fn ct6_replies_need_all_ports_to_everywhere() {
    let https = "ingress tcp 443 0.0.0.0/0";
    for (egress, word) in [
        (Some("egress tcp 443 0.0.0.0/0"), "tracked"),
        (Some("egress tcp 0-65535 0.0.0.0/0"), "untracked"),
        (Some("egress -1 0.0.0.0/0"), "untracked"),
        (Some("egress udp 0-65535 0.0.0.0/0"), "tracked"),
        (Some("egress tcp 0-65535 10.0.0.0/8"), "tracked"),
        (Some("egress -1 10.0.0.0/8"), "tracked"),
        (Some("egress -1 ::/0"), "tracked"),
        (None, "tracked"),
        // U-3: literally not 0-65535.
        (Some("egress tcp 1-65535 0.0.0.0/0"), "unknown"),
    ] {
        let rules: Vec<&str> = [https].into_iter().chain(egress).collect();
        assert_eq!(inbound(&rules, "tcp 443"), word, "{egress:?}");
    }
}

#[test]
fn ct6_the_initiating_rule_must_be_of_everywhere() {
    assert_eq!(inbound(&["ingress tcp 443 sg-a", OUT], "tcp 443"), "tracked");
    assert_eq!(inbound(&["ingress tcp 443 10.0.0.0/8", OUT], "tcp 443"), "tracked");
    assert_eq!(inbound(&["ingress tcp 443 0.0.0.0/0", OUT], "tcp 443"), "untracked");
    assert_eq!(inbound(&["ingress tcp 443 0.0.0.0/0", "ingress -1 10.0.0.0/8", OUT], "tcp 80"), "tracked");
}

#[test]
fn ct6_the_cluster_security_group_tracks() {
    let mut estate = Estate::new();
    estate.group("sg-eks", &["ingress -1 sg-eks", OUT]);
    estate.instance("a", A, &["sg-eks"]).instance("b", B, &["sg-eks"]);
    estate.ask(A, B, "tcp 10250").is("R R R").tracks("tracked tracked");
}

#[test]
fn ct6_u3_what_aws_does_not_say_is_unknown() {
    let halves = ["ingress tcp 443 0.0.0.0/1", "ingress tcp 443 128.0.0.0/1", OUT];
    assert_eq!(inbound(&halves, "tcp 443"), "unknown");
    assert_eq!(inbound(&halves[..1].iter().copied().chain([OUT]).collect::<Vec<_>>(), "tcp 443"), "tracked");
    assert_eq!(inbound(&["ingress tcp 80 0.0.0.0/0", "ingress tcp 80 10.0.1.10/32", OUT], "tcp 80"), "unknown");
    assert_eq!(inbound(&["ingress tcp 80 0.0.0.0/0", "ingress tcp 80 sg-a", OUT], "tcp 80"), "unknown");
    // A narrow rule that does not match this client leaves the literal case.
    assert_eq!(inbound(&["ingress tcp 80 0.0.0.0/0", "ingress tcp 80 10.0.1.11/32", OUT], "tcp 80"), "untracked");
    assert_eq!(inbound(&["ingress tcp 80 0.0.0.0/0", "ingress tcp 80 sg-b", OUT], "tcp 80"), "untracked");
    assert_eq!(inbound(&["ingress tcp 80 0.0.0.0/0", "ingress tcp 81 10.0.1.10/32", OUT], "tcp 80"), "untracked");
}

#[test]
fn ct6_u3_prefix_lists() {
    let with = |entries: serde_json::Value, rules: &[&str]| {
        let mut estate = Estate::two(&[OUT], rules);
        estate.document(json!({"PrefixListId": "pl-1", "Entries": entries}));
        let said = estate.ask(A, B, "tcp 443");
        said.is("R R R");
        said.tracking.1.unwrap().as_str()
    };
    let by_list = ["ingress tcp 443 pl-1", OUT];
    assert_eq!(with(json!([{"Cidr": "0.0.0.0/0"}]), &by_list), "unknown");
    assert_eq!(with(json!([{"Cidr": "10.0.0.0/8"}]), &by_list), "tracked");
    // Beside the rule of everywhere a list matters only where it matches this client.
    let beside = ["ingress tcp 443 0.0.0.0/0", "ingress tcp 443 pl-1", OUT];
    assert_eq!(with(json!([{"Cidr": "10.0.0.0/8"}]), &beside), "unknown");
    assert_eq!(with(json!([{"Cidr": "192.0.2.0/24"}]), &beside), "untracked");
    assert_eq!(with(json!([{"Cidr": "2600::/12"}]), &beside), "untracked");
}

#[test]
fn ct6_rules_of_several_groups_are_judged_together() {
    let mut estate = Estate::new();
    estate.group("sg-a", &[OUT]).group("sg-in", &["ingress tcp 443 0.0.0.0/0"]).group("sg-out", &[OUT]);
    estate.instance("a", A, &["sg-a"]);
    estate.clone().instance("b", B, &["sg-in", "sg-out"]).ask(A, B, "tcp 443").tracks("tracked untracked");
    estate.instance("b", B, &["sg-in"]).ask(A, B, "tcp 443").is("R R R").tracks("tracked tracked");
}

#[test]
fn ct3_families_are_judged_separately() {
    let rules = ["ingress tcp 443 0.0.0.0/0", "ingress tcp 443 ::/0"];
    for (egress, v4, v6) in [
        (vec![OUT], "untracked", "tracked"),
        (vec!["egress -1 ::/0"], "tracked", "untracked"),
        (vec![OUT, "egress -1 ::/0"], "untracked", "untracked"),
    ] {
        let lines: Vec<&str> = rules.into_iter().chain(egress).collect();
        let mut estate = Estate::two(&[OUT, "egress -1 ::/0"], &lines);
        estate.dual_stack();
        estate.ask(A, B, "tcp 443").is("R R R").tracks(&format!("tracked {v4}"));
        estate.ask("eni-a", "eni-b", "tcp 443 v6").is("R R R").tracks(&format!("tracked {v6}"));
    }
}

#[test]
fn ct4_everything_but_tcp_and_udp_is_tracked() {
    let open = ["ingress -1 0.0.0.0/0", "ingress -1 ::/0", OUT, "egress -1 ::/0"];
    let mut estate = Estate::two(&open, &open);
    estate.dual_stack();
    let network = estate.network();
    for what in ["icmp 8/0", "47", "50", "132"] {
        ask(&network, A, B, what).tracks("tracked tracked");
    }
    ask(&network, "eni-a", "eni-b", "icmpv6 128/0").tracks("tracked tracked");
    ask(&network, A, B, "tcp 1").tracks("untracked untracked");
}

/// All-open groups: only the path can make the flow tracked.
fn open() -> Estate {
    let open = ["ingress -1 0.0.0.0/0", "ingress -1 ::/0", OUT, "egress -1 ::/0"];
    Estate::two(&open, &open)
}

#[test]
fn ct5_a_nat_gateway_tracks() {
    let mut estate = open();
    estate.internet().nat().table("rtb-a", "vpc-1", &["0.0.0.0/0 nat-1"]).associate("rtb-a", "subnet-a");
    estate.ask(A, "internet", "tcp 443").is("R R R").tracks("automatic -");
    estate.ask(A, B, "tcp 443").tracks("untracked untracked");
}

#[test]
fn ct5_an_internet_gateway_does_not() {
    let mut estate = open();
    estate.internet().public("a", "198.51.100.10").route("rtb-main", "0.0.0.0/0 igw-1");
    estate.ask(A, "internet", "tcp 443").is("R R R").tracks("untracked -");
    estate.ask("internet", A, "tcp 443").is("R R R").tracks("- untracked");
}

#[test]
fn ct5_an_egress_only_gateway_tracks() {
    let mut estate = open();
    estate.dual_stack().add(
        "EgressOnlyInternetGateways",
        json!({"EgressOnlyInternetGatewayId": "eigw-1",
        "Attachments": [{"VpcId": "vpc-1", "State": "attached"}]}),
    );
    estate.route("rtb-main", "::/0 eigw-1");
    estate.ask("2600:1:0:1::10", "internet/2001:db8::9", "tcp 443").is("R R R").tracks("automatic -");
}

#[test]
fn ct5_an_interface_endpoint_tracks() {
    let mut estate = open();
    estate.interface("e", "10.0.2.50", &["sg-b"]).eni("e", |eni| eni["InterfaceType"] = json!("vpc_endpoint"));
    estate.ask(A, "10.0.2.50", "tcp 443").is("R R R").tracks("automatic automatic");
}

#[test]
fn ct5_a_function_s_interface_tracks() {
    let mut estate = open();
    estate.interface("f", "10.0.1.50", &["sg-a"]).eni("f", |eni| eni["InterfaceType"] = json!("lambda"));
    estate.ask("10.0.1.50", B, "tcp 443").is("R R R").tracks("automatic automatic");
}

#[test]
fn ct5_only_dynamodb_among_gateway_endpoints_tracks() {
    for (service, word) in [("dynamodb", "automatic -"), ("s3", "untracked -")] {
        let mut estate = open();
        estate.document(json!({"PrefixListId": "pl-1", "Entries": [{"Cidr": "203.0.113.0/24"}]}));
        estate.add("VpcEndpoints", json!({"VpcEndpointId": "vpce-1", "VpcEndpointType": "Gateway", "VpcId": "vpc-1",
            "ServiceName": format!("com.amazonaws.us-east-1.{service}"), "State": "available", "RouteTableIds": ["rtb-main"]}));
        estate.route("rtb-main", "pl-1 vpce-1");
        estate.ask(A, "203.0.113.9", "tcp 443").is("R R R").tracks(word);
    }
}

#[test]
fn ct5_u6_a_transit_gateway_may_track() {
    let mut estate = open();
    estate.two_by_transit();
    estate.ask(A, "10.1.1.30", "tcp 443").is("R R R").tracks("unknown unknown");
    // What the rules make tracked is tracked either way.
    let mut tracked = Estate::two(&[OUT], &[]);
    tracked.two_by_transit().rules("sg-2", &["ingress tcp 443 10.0.0.0/8"]);
    tracked.ask(A, "10.1.1.30", "tcp 443").tracks("tracked tracked");
}

#[test]
fn ct1_a_peering_changes_nothing() {
    let mut estate = open();
    estate.peer(&["ingress tcp 443 10.0.0.0/8"]);
    estate.ask(A, "10.1.1.30", "tcp 443").is("R R R").tracks("untracked tracked");
}

#[test]
fn ct1_groups_outside_the_snapshot_leave_tracking_unknown() {
    let mut estate = open();
    estate.eni("b", |eni| eni["Groups"] = json!([{"GroupId": "sg-b"}, {"GroupId": "sg-elsewhere"}]));
    estate.ask(A, B, "tcp 443").is("R R R").tracks("untracked unknown");
}

#[test]
fn ct5_an_automatic_path_needs_no_rules_to_be_known() {
    let mut estate = open();
    estate.internet().nat().table("rtb-a", "vpc-1", &["0.0.0.0/0 nat-1"]).associate("rtb-a", "subnet-a");
    estate.eni("a", |eni| eni["Groups"] = json!([{"GroupId": "sg-a"}, {"GroupId": "sg-elsewhere"}]));
    estate.ask(A, "internet", "tcp 443").is("R R R").tracks("automatic -");
}
