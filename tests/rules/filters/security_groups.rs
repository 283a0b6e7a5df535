//! SG-1 to SG-17, SG-23 to SG-33: what one group says of one packet, and what no group is asked about.

use serde_json::json;

use crate::estate::{Estate, ask};

const OUT: &str = "egress -1 0.0.0.0/0";
const OUT6: &str = "egress -1 ::/0";
const A: &str = "10.0.1.10";
const B: &str = "10.0.2.20";
const A6: &str = "2600:1:0:1::10";
const B6: &str = "2600:1:0:2::20";

/// The playground's pair where A may send everything and B's group has these ingress rules.
fn into_b(rules: &[&str]) -> Estate {
    let mut lines = vec![OUT, OUT6];
    lines.extend(rules);
    let mut estate = Estate::two(&[OUT, OUT6], &lines);
    estate.dual_stack();
    estate
}

#[test]
fn sg1_without_a_matching_rule_nothing_passes() {
    let estate = into_b(&["ingress tcp 22 10.0.0.0/16", "ingress tcp 80 10.9.0.0/16"]);
    let passes = estate.ask(A, B, "tcp 22");
    passes.is("R R R").only(&[]);
    assert!(passes.decided_by.contains(&"sg-b ingress tcp 22 10.0.0.0/16".to_owned()), "{:?}", passes.decided_by);
    assert!(passes.decided_by.contains(&"sg-a egress all 0.0.0.0/0".to_owned()), "{:?}", passes.decided_by);
    for what in ["tcp 23", "tcp 80", "udp 22"] {
        let refused = estate.ask(A, B, what);
        refused.is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
        assert_eq!(refused.reasons, ["ENI_SG_RULES_MISMATCH sg-b SG-1"]);
    }
}

#[test]
fn sg1_egress_rules_are_allow_only_too() {
    let estate = Estate::two(&["egress tcp 22 10.0.2.0/24"], &["ingress -1 0.0.0.0/0"]);
    estate.ask(A, B, "tcp 22").is("R R R");
    let refused = estate.ask(A, B, "tcp 23");
    refused.is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
    assert_eq!(refused.reasons, ["ENI_SG_RULES_MISMATCH sg-a SG-1"]);
}

#[test]
fn sg2_the_union_of_all_groups_decides() {
    let mut estate = Estate::new();
    estate.group("sg-a", &[OUT]).group("sg-b1", &["ingress tcp 22 203.0.113.1/32"]);
    estate.group("sg-b2", &["ingress tcp 22 10.0.0.0/16"]).group("sg-b3", &[]);
    estate.instance("a", A, &["sg-a"]);
    let one = estate.clone().instance("b", B, &["sg-b1"]).ask(A, B, "tcp 22");
    one.is("B B -");
    estate.clone().instance("b", B, &["sg-b1", "sg-b2"]).ask(A, B, "tcp 22").is("R R R");
    estate.clone().instance("b", B, &["sg-b2", "sg-b1", "sg-b3"]).ask(A, B, "tcp 22").is("R R R");
    // Of several groups the interface is the resource.
    let refused = estate.instance("b", B, &["sg-b1", "sg-b2"]).ask(A, B, "tcp 23");
    assert_eq!(refused.is("B B -").reasons, ["ENI_SG_RULES_MISMATCH eni-b SG-1"]);
}

#[test]
fn sg3_a_group_without_rules_says_so() {
    let estate = Estate::two(&[OUT], &[OUT]);
    let refused = estate.ask(A, B, "tcp 443");
    assert_eq!(refused.is("B B -").reasons, ["SG_HAS_NO_RULES sg-b SG-3"]);
    let estate = Estate::two(&["ingress tcp 443 0.0.0.0/0"], &["ingress tcp 443 0.0.0.0/0"]);
    let refused = estate.ask(A, B, "tcp 443");
    assert_eq!(refused.is("B B -").reasons, ["SG_HAS_NO_RULES sg-a SG-3"]);
    // Replies to what came in leave all the same.
    let estate = Estate::two(&[OUT], &["ingress tcp 443 0.0.0.0/0"]);
    estate.ask(A, B, "tcp 443").is("R R R");
}

#[test]
fn sg3_ipv6_has_only_the_rules_that_are_there() {
    let mut estate = Estate::two(&[OUT], &["ingress -1 0.0.0.0/0", "ingress -1 ::/0"]);
    estate.dual_stack();
    estate.ask(A, B, "tcp 443").is("R R R");
    estate.ask(A6, B6, "tcp 443").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
}

#[test]
fn sg4_the_default_group_admits_itself_only() {
    let mut estate = Estate::new();
    estate.group("sg-default", &["ingress -1 sg-default", OUT]).group("sg-a", &[OUT]);
    estate.instance("a", A, &["sg-a"]).instance("b", B, &["sg-default"]).instance("d", "10.0.2.30", &["sg-default"]);
    estate.ask(A, B, "tcp 443").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
    estate.ask("eni-d", B, "tcp 443").is("R R R");
}

#[test]
fn sg5_each_interface_of_an_instance_is_judged_alone() {
    let mut estate = Estate::two(&[OUT], &["ingress tcp 443 0.0.0.0/0"]);
    estate.group("sg-closed", &[]).interface("b2", "10.0.2.21", &["sg-closed"]);
    estate.eni("b2", |eni| eni["Attachment"] = json!({"InstanceId": "i-b", "DeviceIndex": 1, "Status": "attached"}));
    estate.ask(A, B, "tcp 443").is("R R R");
    estate.ask(A, "10.0.2.21", "tcp 443").is("B B -").only(&["SG_HAS_NO_RULES"]);
}

#[test]
fn sg6_groups_filter_inside_a_subnet_and_give_members_nothing() {
    let mut estate = Estate::new();
    estate.group("sg-a", &[OUT, "ingress tcp 80 10.0.1.0/24"]);
    estate.instance("a", A, &["sg-a"]).instance("a2", "10.0.1.11", &["sg-a"]);
    estate.ask(A, "10.0.1.11", "tcp 80").is("R R R");
    estate.ask(A, "10.0.1.11", "tcp 81").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
}

#[test]
fn sg8_protocols_by_name_and_by_number() {
    for (rule, what, other) in [
        ("ingress tcp 443 0.0.0.0/0", "tcp 443", "udp 443"),
        ("ingress 6 443 0.0.0.0/0", "tcp 443", "udp 443"),
        ("ingress udp 53 0.0.0.0/0", "udp 53", "tcp 53"),
        ("ingress 17 53 0.0.0.0/0", "udp 53", "tcp 53"),
        ("ingress icmp 8/-1 0.0.0.0/0", "icmp 8/0", "icmp 13/0"),
        ("ingress 1 8/-1 0.0.0.0/0", "icmp 8/0", "icmp 13/0"),
        ("ingress icmpv6 128/-1 ::/0", "icmpv6 128/0", "icmpv6 129/0"),
        ("ingress 58 128/-1 ::/0", "icmpv6 128/0", "icmpv6 129/0"),
        ("ingress -1 0.0.0.0/0", "tcp 1", "tcp 1 v6"),
    ] {
        let network = into_b(&[rule]).network();
        assert!(ask(&network, "eni-a", "eni-b", what).forward.passes(), "{rule}: {what}");
        ask(&network, "eni-a", "eni-b", other).is("B B -");
    }
}

#[test]
fn sg9_minus_one_and_other_protocols_ignore_ports() {
    let all = into_b(&["ingress -1 22-22 10.0.0.0/16"]);
    for what in ["tcp 3306", "udp 1", "icmp 8/0"] {
        all.ask(A, B, what).is("R R R");
    }
    all.ask(A, B, "50").is("R R -");
    let gre = into_b(&["ingress 47 22-22 10.0.0.0/16"]);
    gre.ask(A, B, "47").is("R R -");
    gre.ask(A, B, "tcp 22").is("B B -");
    gre.ask(A, B, "50").is("B B -");
}

#[test]
fn sg10_port_ranges_are_inclusive_and_of_the_destination() {
    let estate = into_b(&["ingress tcp 100-200 0.0.0.0/0"]);
    estate.ask(A, B, "tcp 100").is("R R R");
    estate.ask(A, B, "tcp 200").is("R R R");
    estate.ask(A, B, "tcp 99").is("B B -");
    estate.ask(A, B, "tcp 201").is("B B -");
    // M-2: a rule never looks at the source port.
    estate.ask(A, B, "tcp 80 from 150").is("B B -");
    estate.ask(A, B, "tcp 150 from 80").is("R R R");
    let every = into_b(&["ingress tcp 0-65535 0.0.0.0/0"]);
    for what in ["tcp 0", "tcp 65535", "tcp"] {
        every.ask(A, B, what).is("R R R");
    }
    every.ask(A, B, "udp 53").is("B B -");
}

#[test]
fn sg10_an_egress_rule_names_the_remote_port() {
    let estate = Estate::two(&["egress tcp 443 0.0.0.0/0"], &["ingress -1 0.0.0.0/0"]);
    estate.ask(A, B, "tcp 443 from 50000").is("R R R");
    estate.ask(A, B, "tcp 50000 from 443").is("B B -");
}

#[test]
fn sg11_icmp_fields_are_type_and_code_never_a_range() {
    let echo = into_b(&["ingress icmp 8/0 0.0.0.0/0"]);
    echo.ask(A, B, "icmp 8/0").is("R R R");
    for what in ["icmp 8/1", "icmp 13/0", "icmp 5/0", "icmp 0/0"] {
        echo.ask(A, B, what).is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
    }
    let any_code = into_b(&["ingress icmp 3/-1 0.0.0.0/0"]);
    any_code.ask(A, B, "icmp 3/4").is("R R -");
    any_code.ask(A, B, "icmp 3/1").is("R R -");
    any_code.ask(A, B, "icmp 4/0").is("B B -");
    let unreachable = into_b(&["ingress icmp 3/4 0.0.0.0/0"]);
    unreachable.ask(A, B, "icmp 3/4").is("R R -");
    unreachable.ask(A, B, "icmp 3/3").is("B B -");
    let all = into_b(&["ingress icmp -1/-1 0.0.0.0/0"]);
    all.ask(A, B, "icmp 8/0").is("R R R");
    all.ask(A, B, "icmp 255/255").is("R R -");
    // Type -1 forces code -1.
    into_b(&["ingress icmp -1/4 0.0.0.0/0"]).ask(A, B, "icmp 8/0").is("R R R");
    let absent = into_b(&["ingress icmpv6 ::/0"]);
    absent.ask(A6, B6, "icmpv6 128/0").is("R R R");
    absent.ask(A6, B6, "icmpv6 135/0").is("R R -");
}

#[test]
fn sg12_icmp_is_not_icmpv6() {
    let wrong = into_b(&["ingress icmp -1/-1 ::/0", "ingress icmpv6 -1/-1 0.0.0.0/0"]);
    wrong.ask(A6, B6, "icmpv6 128/0").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
    wrong.ask(A, B, "icmp 8/0").is("B B -");
    let right = into_b(&["ingress icmpv6 -1/-1 ::/0", "ingress icmp -1/-1 0.0.0.0/0"]);
    right.ask(A6, B6, "icmpv6 128/0").is("R R R");
    right.ask(A, B, "icmp 8/0").is("R R R");
}

#[test]
fn sg13_other_protocols_match_by_number_and_address() {
    let estate = into_b(&["ingress 50 10.0.1.10/32", "ingress 47 10.9.0.0/16", "ingress 132 10.0.0.0/16"]);
    estate.ask(A, B, "50").is("R R -");
    estate.ask(A, B, "132").is("R R -");
    estate.ask(A, B, "47").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
    estate.ask(A, B, "51").is("B B -");
}

#[test]
fn sg14_a_packed_permission_is_one_rule_per_peer() {
    let mut estate = Estate::two(&[OUT, OUT6], &[OUT]);
    estate.dual_stack();
    estate.document(json!({"PrefixListId": "pl-1", "Entries": [{"Cidr": "10.0.9.0/24"}]}));
    estate.group("sg-x", &[OUT]).instance("x", "10.0.1.11", &["sg-x"]).instance("p", "10.0.9.9", &["sg-x"]);
    let packed =
        |ranges: serde_json::Value, v6: serde_json::Value, lists: serde_json::Value, groups: serde_json::Value| {
            let mut estate = estate.clone();
            estate.change("SecurityGroups", "GroupId", "sg-b", |group| {
            group["IpPermissions"] = json!([{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": ranges,
                "Ipv6Ranges": v6, "PrefixListIds": lists, "UserIdGroupPairs": groups}]);
        });
            estate.network()
        };
    let all = packed(
        json!([{"CidrIp": "10.0.1.10/32"}]),
        json!([{"CidrIpv6": "2600:1:0:1::/64"}]),
        json!([{"PrefixListId": "pl-1"}]),
        json!([{"GroupId": "sg-x", "UserId": "111122223333"}]),
    );
    for from in [A, A6, "10.0.1.11"] {
        ask(&all, from, "eni-b", "tcp 443").is("R R R");
    }
    ask(&all, "eni-p", B, "tcp 443").is("R R R");
    ask(&all, A, B, "tcp 80").is("B B -");
    // Four empty lists match nothing: neither everything nor an error.
    let none = packed(json!([]), json!([]), json!([]), json!([]));
    ask(&none, A, B, "tcp 443").is("B B -").only(&["SG_HAS_NO_RULES"]);
}

#[test]
fn sg15_absent_ports_and_minus_one_are_alike() {
    let by_rules = |rule: serde_json::Value| {
        let mut estate = Estate::two(&[OUT], &[OUT]);
        estate.change("SecurityGroups", "GroupId", "sg-b", |group| {
            group["IpPermissions"] = json!([{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]);
        });
        estate.add("SecurityGroupRules", rule);
        estate.ask(A, B, "tcp 443")
    };
    let object = |port: Option<i32>| {
        json!({"SecurityGroupRuleId": "sgr-1", "GroupId": "sg-b", "IsEgress": false, "IpProtocol": "-1",
            "FromPort": port, "ToPort": port, "CidrIpv4": "10.0.0.0/8"})
    };
    // The rule object is recognised as the packed form's rule and gives its id.
    for port in [Some(-1), None] {
        let said = by_rules(object(port));
        said.is("R R R");
        assert!(said.decided_by.contains(&"sgr-1".to_owned()), "{:?}", said.decided_by);
    }
    for (from, to) in [(json!(-1), json!(-1)), (json!(null), json!(null))] {
        let mut estate = Estate::two(&[OUT], &[]);
        estate.change("SecurityGroups", "GroupId", "sg-b", |group| {
            group["IpPermissions"] = json!([{"IpProtocol": "-1", "FromPort": from, "ToPort": to,
                "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]);
        });
        estate.ask(A, B, "tcp 443").is("R R R");
        estate.ask(A, B, "47").is("R R -");
    }
}

#[test]
fn sg16_cidrs_match_the_address_on_the_packet_there() {
    // Host bits are cleared.
    let said = into_b(&["ingress tcp 443 10.0.1.77/24"]).ask(A, B, "tcp 443");
    said.is("R R R");
    assert!(said.decided_by.contains(&"sg-b ingress tcp 443 10.0.1.0/24".to_owned()), "{:?}", said.decided_by);
    // Behind a NAT gateway the source is the gateway's address.
    let mut estate = Estate::two(&[OUT], &[]);
    estate.internet().nat().peer(&["ingress tcp 80 10.0.1.10/32", "ingress tcp 443 10.0.9.5/32"]);
    estate.table("rtb-a", "vpc-1", &["10.1.0.0/16 nat-1"]).associate("rtb-a", "subnet-a");
    estate.route("rtb-pub", "10.1.0.0/16 pcx-1");
    estate.ask(A, "10.1.1.30", "tcp 443").is("R R R");
    estate.ask(A, "10.1.1.30", "tcp 80").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
}

#[test]
fn sg17_a_list_is_the_union_of_its_entries() {
    let mut estate = into_b(&["ingress tcp 443 pl-1"]);
    estate.document(json!({"PrefixListId": "pl-1", "Entries": [{"Cidr": "10.9.0.0/16"}, {"Cidr": "10.0.1.0/28"}]}));
    estate.instance("far", "10.0.1.99", &["sg-a"]);
    let network = estate.network();
    let said = ask(&network, A, B, "tcp 443");
    said.is("R R R");
    assert!(said.decided_by.contains(&"sg-b ingress tcp 443 pl-1".to_owned()), "{:?}", said.decided_by);
    ask(&network, "10.0.1.99", B, "tcp 443").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
    ask(&network, A, B, "tcp 80").is("B B -");
}

#[test]
fn sg17_an_unresolved_list_is_unknown_not_empty() {
    let estate = into_b(&["ingress tcp 443 pl-1"]);
    for listed in [false, true] {
        let mut estate = estate.clone();
        if listed {
            estate.document(
                json!({"PrefixLists": [{"PrefixListId": "pl-1", "PrefixListName": "x", "AddressFamily": "IPv4"}]}),
            );
            estate.without("PrefixLists");
        }
        let said = estate.ask(A, B, "tcp 443");
        said.is("U U R").only(&["NOT_COLLECTED"]);
        assert!(said.messages[0].contains("get-managed-prefix-list-entries"), "{:?}", said.messages);
        assert!(said.messages[0].contains("pl-1"), "{:?}", said.messages);
        // What the list cannot decide is not unknown.
        estate.ask(A, B, "tcp 80").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
    }
    // Another rule that admits makes the list unimportant, wherever it stands.
    into_b(&["ingress tcp 443 pl-1", "ingress tcp 443 10.0.0.0/16"]).ask(A, B, "tcp 443").is("R R R");
    let mut out = Estate::two(&["egress tcp 443 pl-1"], &["ingress -1 0.0.0.0/0"]);
    out.ask(A, B, "tcp 443").is("U U R").only(&["NOT_COLLECTED"]);
    out.document(json!({"PrefixListId": "pl-1", "Entries": [{"Cidr": "10.0.2.0/24"}]}));
    out.ask(A, B, "tcp 443").is("R R R");
}

#[test]
fn sg17_a_truncated_list_is_unknown() {
    let mut estate = into_b(&["ingress tcp 443 pl-1"]);
    estate.document(json!({"PrefixListId": "pl-1", "Entries": [{"Cidr": "10.9.0.0/16"}], "NextToken": "more"}));
    estate.ask(A, B, "tcp 443").is("U U R").only(&["NOT_COLLECTED"]);
}

#[test]
fn sg17_a_list_has_one_family() {
    let mut estate = into_b(&["ingress tcp 443 pl-1"]);
    estate.without("PrefixLists");
    // The family alone says that the missing entries cannot match.
    estate.document(json!({"PrefixLists": [{"PrefixListId": "pl-1", "PrefixListName": "x", "AddressFamily": "IPv6"}]}));
    estate.ask(A, B, "tcp 443").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
    estate.ask(A6, B6, "tcp 443").is("U U R").only(&["NOT_COLLECTED"]);
    estate.document(json!({"PrefixListId": "pl-1", "Entries": [{"Cidr": "2600:1::/56"}]}));
    estate.ask(A6, B6, "tcp 443").is("R R R");
    estate.ask(A, B, "tcp 443").is("B B -");
}

#[test]
fn sg17_aws_lists_come_with_their_cidrs() {
    let mut estate = into_b(&["ingress tcp 443 pl-s3"]);
    estate.add(
        "PrefixLists",
        json!({"PrefixListId": "pl-s3", "PrefixListName": "com.amazonaws.us-east-1.s3",
        "Cidrs": ["10.0.1.0/24"]}),
    );
    estate.ask(A, B, "tcp 443").is("R R R");
    estate.ask(A, B, "tcp 80").is("B B -");
    // The entries' own call says what the list holds now.
    estate.document(json!({"PrefixListId": "pl-s3", "Entries": [{"Cidr": "10.9.0.0/16"}]}));
    estate.ask(A, B, "tcp 443").is("B B -");
}

/// Rows of SG-23: A's group admits nothing, its network ACL denies everything, its table has no route.
fn sealed() -> Estate {
    let mut estate = Estate::two(&[], &[]);
    estate.dual_stack();
    estate.acl("acl-closed", "vpc-1", &[]).acl_for("acl-closed", "subnet-a");
    estate
}

#[test]
fn sg23_na10_amazon_services_are_never_filtered() {
    let network = sealed().network();
    for (from, to, what) in [
        (A, "10.0.0.2", "udp 53"),
        (A, "10.0.0.2", "tcp 53"),
        (A, "169.254.169.253", "udp 53"),
        (A6, "fd00:ec2::253", "udp 53"),
        (A, "169.254.169.254", "tcp 80"),
        (A6, "fd00:ec2::254", "tcp 80"),
        (A, "169.254.170.2", "tcp 80"),
        (A, "169.254.169.250", "tcp 1688"),
        (A, "169.254.169.251", "tcp 1688"),
        (A6, "fd00:ec2::250", "tcp 1688"),
        (A, "169.254.169.123", "udp 123"),
        (A6, "fd00:ec2::123", "udp 123"),
    ] {
        let said = ask(&network, from, to, what);
        said.is("R R R").only(&[]).tracks("- -");
        assert!(said.path.iter().any(|step| step == "never_filtered eni-a allowed"), "{to} {what}: {:?}", said.path);
    }
}

#[test]
fn sg23_only_the_named_service_of_an_address_is_free() {
    let network = sealed().network();
    for (from, to, what) in [
        (A, "169.254.169.250", "tcp 80"),
        (A, "169.254.169.250", "udp 1688"),
        (A, "169.254.169.252", "tcp 1688"),
        (A6, "fd00:ec2::250", "tcp 80"),
        (A, "169.254.169.123", "tcp 123"),
        (A, "169.254.169.123", "udp 124"),
        (A6, "fd00:ec2::123", "udp 124"),
        (A, "169.254.170.3", "tcp 80"),
        (A6, "fd00:ec2::255", "tcp 80"),
    ] {
        ask(&network, from, to, what).is("B B -").because(&["SG_HAS_NO_RULES", "SUBNET_ACL_RESTRICTION"]);
    }
    // Cut exactly, also where the free port stands at an end of what is asked.
    for (to, what, allowed) in [
        ("169.254.169.123", "udp 122-124", "udp 123"),
        ("169.254.169.123", "udp 123-124", "udp 123"),
        ("169.254.169.123", "udp 100-123", "udp 123"),
        ("169.254.169.250", "tcp 1687-1689", "tcp 1688"),
        ("169.254.169.251", "tcp 1688-2000", "tcp 1688"),
    ] {
        assert_eq!(ask(&network, A, to, what).is("P P R").allowed, [allowed]);
    }
}

#[test]
fn sg23_the_resolver_needs_dns_support() {
    let mut estate = sealed();
    let network = estate.dns("vpc-1", "EnableDnsSupport", Some(false)).network();
    for (from, to) in [(A, "10.0.0.2"), (A, "169.254.169.253"), (A6, "fd00:ec2::253")] {
        ask(&network, from, to, "udp 53").is("B B -").because(&["NO_POSSIBLE_DESTINATION"]);
    }
    // The switch is the resolver's alone.
    ask(&network, A, "169.254.169.254", "tcp 80").is("R R R");
    // Unsaid, AWS's default counts and is told.
    let said = sealed().dns("vpc-1", "EnableDnsSupport", None).ask(A, "10.0.0.2", "udp 53");
    assert_eq!(said.is("R R R").assumptions, 1);
}

#[test]
fn sg23_the_resolver_is_at_the_primary_cidr_only() {
    let mut estate = sealed();
    estate.change("Vpcs", "VpcId", "vpc-1", |vpc| {
        let secondary = json!({"CidrBlock": "100.64.0.0/16", "CidrBlockState": {"State": "associated"}});
        vpc["CidrBlockAssociationSet"].as_array_mut().unwrap().insert(0, secondary);
    });
    estate.subnet("subnet-s", "vpc-1", "100.64.1.0/24", "us-east-1a").instance("s", "100.64.1.5", &["sg-a"]);
    estate.ask("100.64.1.5", "10.0.0.2", "udp 53").is("R R R");
    estate.ask("100.64.1.5", "100.64.0.2", "udp 53").is("B B -");
    // Nor is another VPC's resolver free.
    estate.peer(&[]);
    estate.ask(A, "10.1.0.2", "udp 53").is("B B -").because(&["SG_HAS_NO_RULES"]);
}

#[test]
fn sg24_other_resolvers_and_services_are_filtered() {
    let mut closed = Estate::two(&[], &["ingress -1 0.0.0.0/0"]);
    closed.internet().public("a", "198.51.100.10");
    closed.table("rtb-a", "vpc-1", &["0.0.0.0/0 igw-1"]).associate("rtb-a", "subnet-a");
    let mut open = closed.clone();
    open.rules("sg-a", &[OUT]);
    // A public resolver, a resolver of one's own (CoreDNS, an endpoint), an NTP pool.
    for (to, what) in [("8.8.8.8", "udp 53"), (B, "udp 53"), (B, "tcp 53"), ("203.0.113.123", "udp 123")] {
        closed.ask(A, to, what).is("B B -").because(&["SG_HAS_NO_RULES"]);
        open.ask(A, to, what).is("R R R");
    }
}

#[test]
fn sg24_lattice_addresses_meet_the_client_s_groups() {
    Estate::two(&[], &[]).ask(A, "169.254.171.5", "tcp 443").is("B B -").only(&["SG_HAS_NO_RULES"]);
    Estate::two(&[OUT], &[]).ask(A, "169.254.171.5", "tcp 443").is("U U U").only(&["UNSUPPORTED_COMPONENT"]);
    // Its IPv6 addresses lie in the range that SG-25 calls unroutable; its list says which.
    let mut estate = Estate::two(&[OUT6], &[]);
    estate.dual_stack().prefix_list("pl-l", "com.amazonaws.us-east-1.ipv6.vpc-lattice", &["fd00:ec2:80::/64"]);
    estate.ask(A6, "fd00:ec2:80::5", "tcp 443").is("U U U").only(&["UNSUPPORTED_COMPONENT"]);
    estate.ask(A6, "fd00:ec2:81::5", "tcp 443").is("B B -").only(&["CANNOT_ROUTE"]);
}

#[test]
fn sg24_an_interface_endpoint_is_filtered() {
    let mut estate = Estate::two(&[OUT], &[]);
    estate.group("sg-e", &["ingress tcp 443 10.0.1.0/24"]).interface("e", "10.0.2.50", &["sg-e"]);
    estate.eni("e", |eni| eni["InterfaceType"] = json!("vpc_endpoint"));
    estate.ask(A, "10.0.2.50", "tcp 443").is("R R R");
    estate.ask(A, "10.0.2.50", "tcp 80").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
}

#[test]
fn sg25_reserved_link_local_ranges_are_never_forwarded() {
    let mut estate = Estate::two(&[OUT, OUT6], &[]);
    estate.dual_stack().internet().public("a", "198.51.100.10");
    estate.table("rtb-a", "vpc-1", &["0.0.0.0/0 igw-1", "::/0 igw-1"]).associate("rtb-a", "subnet-a");
    for to in ["169.254.168.1", "169.254.169.1", "169.254.170.9"] {
        estate.ask(A, to, "tcp 80").is("B B -").only(&["CANNOT_ROUTE"]);
    }
    estate.ask(A6, "fd00:ec2::1", "tcp 80").is("B B -").only(&["CANNOT_ROUTE"]);
    estate.ask(A, "203.0.113.1", "tcp 80").is("R R R");
}

#[test]
fn sg26_kinds_without_groups_pass_and_others_never_lack_one() {
    // A NAT gateway's interface has none: its subnet's network ACL is the only filter.
    let mut estate = Estate::two(&[OUT], &[]);
    estate.internet().nat().table("rtb-a", "vpc-1", &["0.0.0.0/0 nat-1"]).associate("rtb-a", "subnet-a");
    estate.ask(A, "internet", "tcp 443").is("R R R");
    // An instance's interface without groups is a hole in the snapshot, at either end.
    let estate = Estate::two(&[OUT], &["ingress -1 0.0.0.0/0"]);
    estate.ask(A, B, "tcp 443").is("R R R");
    for name in ["a", "b"] {
        let mut estate = estate.clone();
        estate.eni(name, |eni| eni["Groups"] = json!([]));
        estate.ask(A, B, "tcp 443").is("U U R").only(&["UNKNOWN_RESOURCE"]);
    }
    // What refuses elsewhere refuses still.
    let mut estate = Estate::two(&[OUT], &[]);
    estate.eni("a", |eni| eni["Groups"] = json!([]));
    estate.ask(A, B, "tcp 443").is("B B -").only(&["SG_HAS_NO_RULES"]);
}

#[test]
fn sg26_a_load_balancer_without_groups_is_not_refused_by_them() {
    for (kind, description) in [("network_load_balancer", "ELB net/x/1"), ("gateway_load_balancer", "ELB gwy/x/1")] {
        let mut estate = Estate::two(&[OUT], &[]);
        estate.interface("lb", "10.0.2.60", &[]);
        estate.eni("lb", |eni| {
            eni["InterfaceType"] = json!(kind);
            eni["Description"] = json!(description);
        });
        let said = estate.ask(A, "10.0.2.60", "tcp 443");
        assert!(!said.codes.contains(&"SG_HAS_NO_RULES"), "{:?}", said.codes);
        assert!(!said.path.iter().any(|step| step.starts_with("sg_ingress")), "{:?}", said.path);
        // With groups it has a gate like any other.
        estate.group("sg-lb", &[]).eni("lb", |eni| eni["Groups"] = json!([{"GroupId": "sg-lb"}]));
        estate.ask(A, "10.0.2.60", "tcp 443").is("B B -").because(&["SG_HAS_NO_RULES"]);
    }
}

#[test]
fn sg27_a_forwarding_interface_needs_its_check_off() {
    let mut estate = Estate::two(&[OUT], &["ingress -1 0.0.0.0/0"]);
    estate.group("sg-f", &["ingress -1 0.0.0.0/0", OUT]).instance("f", "10.0.9.70", &["sg-f"]);
    estate.table("rtb-a", "vpc-1", &["10.0.2.0/24 eni-f"]).associate("rtb-a", "subnet-a");
    estate.ask(A, B, "tcp 443").is("B B -").only(&["ENI_SOURCE_DEST_CHECK_RESTRICTION"]);
    estate.eni("f", |eni| eni["SourceDestCheck"] = json!(false));
    let said = estate.ask(A, B, "tcp 443");
    assert!(!said.codes.contains(&"ENI_SOURCE_DEST_CHECK_RESTRICTION"), "{:?}", said.codes);
}

#[test]
fn sg28_requester_managed_interfaces_obey_their_groups() {
    let mut estate = Estate::two(&[OUT], &[]);
    estate.group("sg-rds", &["ingress tcp 5432 sg-a"]).interface("rds", "10.0.2.80", &["sg-rds"]);
    estate.eni("rds", |eni| {
        eni["RequesterManaged"] = json!(true);
        eni["RequesterId"] = json!("amazon-rds");
        eni["Description"] = json!("RDSNetworkInterface");
    });
    estate.ask(A, "10.0.2.80", "tcp 5432").is("R R R");
    estate.ask(A, "10.0.2.80", "tcp 5433").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
}

#[test]
fn sg30_a_host_reaches_itself_whatever_is_closed() {
    let mut estate = sealed();
    estate.secondary("a", "10.0.1.99", None);
    estate.interface("a2", "10.0.2.40", &["sg-a"]);
    estate.eni("a2", |eni| eni["Attachment"] = json!({"InstanceId": "i-a", "DeviceIndex": 1, "Status": "attached"}));
    estate.eni("a", |eni| {
        eni["Ipv4Prefixes"] = json!([{"Ipv4Prefix": "10.0.1.64/28"}]);
        eni["Ipv6Prefixes"] = json!([{"Ipv6Prefix": "2600:1:0:1:5::/80"}]);
    });
    let network = estate.network();
    for (from, to) in [
        (A, A),
        ("eni-a", "eni-a"),
        (A, "10.0.1.99"),
        ("10.0.1.99", A),
        (A, "10.0.2.40"),
        ("10.0.2.40", A),
        (A, "10.0.1.70"),
        ("10.0.1.70", "10.0.1.71"),
        (A6, A6),
        (A6, "2600:1:0:1:5::1"),
    ] {
        let said = ask(&network, from, to, "tcp 443");
        said.is("R R R").only(&[]);
        assert!(said.path.iter().any(|step| step.starts_with("host_local")), "{from} -> {to}: {:?}", said.path);
    }
    ask(&network, A, B, "tcp 443").is("B B -");
}

#[test]
fn sg30_the_own_public_address_goes_out_and_comes_back() {
    let mut estate = Estate::two(&[OUT, "ingress tcp 443 10.0.0.0/16", "ingress tcp 80 198.51.100.10/32"], &[]);
    estate.internet().public("a", "198.51.100.10");
    estate.table("rtb-a", "vpc-1", &["0.0.0.0/0 igw-1"]).associate("rtb-a", "subnet-a");
    estate.ask(A, "198.51.100.10", "tcp 443").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
    estate.ask(A, "198.51.100.10", "tcp 80").is("R R R");
    estate.ask(A, A, "tcp 443").is("R R R");
}

#[test]
fn sg30_another_instance_in_the_same_subnet_is_another_host() {
    let mut estate = Estate::two(&[], &[]);
    estate.instance("a2", "10.0.1.11", &["sg-a"]);
    estate.ask(A, "10.0.1.11", "tcp 443").is("B B -").because(&["SG_HAS_NO_RULES"]);
}

/// A public pair in internet-routed subnets.
fn hairpin(rule: &str) -> Estate {
    let mut estate = Estate::two(&[OUT], &[OUT, rule]);
    estate.internet().public("a", "198.51.100.10").public("b", "198.51.100.20");
    estate.route("rtb-main", "0.0.0.0/0 igw-1");
    estate
}

#[test]
fn sg31_by_public_address_the_source_is_public_too() {
    for (rule, by_public, by_private) in [
        ("ingress tcp 443 sg-a", "B B -", "R R R"),
        ("ingress tcp 443 10.0.0.0/16", "B B -", "R R R"),
        ("ingress tcp 443 198.51.100.10/32", "R R R", "B B -"),
    ] {
        let estate = hairpin(rule);
        estate.ask(A, "198.51.100.20", "tcp 443").is(by_public);
        estate.ask(A, B, "tcp 443").is(by_private);
    }
}

/// The documented exemptions and nothing else (SG-33). A's VPC has a publicly routable primary and secondary CIDR.
fn mailer() -> Estate {
    let mut estate = Estate::empty();
    estate.vpc("vpc-1", "192.0.2.0/24");
    estate.change("Vpcs", "VpcId", "vpc-1", |vpc| {
        let secondary = json!({"CidrBlock": "203.0.113.0/24", "CidrBlockState": {"State": "associated"}});
        vpc["CidrBlockAssociationSet"].as_array_mut().unwrap().push(secondary);
    });
    estate.route("rtb-main", "203.0.113.0/24 local").vpc_ipv6("vpc-1", "2600:1::/56");
    estate.subnet("subnet-a", "vpc-1", "192.0.2.0/26", "us-east-1a").subnet_ipv6("subnet-a", "2600:1:0:1::/64");
    estate.subnet("subnet-b", "vpc-1", "192.0.2.64/26", "us-east-1b");
    estate.subnet("subnet-s", "vpc-1", "203.0.113.0/26", "us-east-1b").subnet_ipv6("subnet-s", "2600:1:0:2::/64");
    estate.group("sg-a", &[OUT, OUT6, "ingress -1 0.0.0.0/0", "ingress -1 ::/0"]);
    estate.instance("a", "192.0.2.10", &["sg-a"]).ipv6("a", "2600:1:0:1::10");
    estate.instance("b", "192.0.2.70", &["sg-a"]);
    estate.instance("s", "203.0.113.10", &["sg-a"]).ipv6("s", "2600:1:0:2::10");
    estate
}

#[test]
fn sg33_port_25_is_blocked_outside_the_exempt_ranges() {
    let network = mailer().network();
    ask(&network, "192.0.2.10", "192.0.2.70", "tcp 25").is("R R R");
    // Literally read, neither the VPC's secondary public CIDR nor its IPv6 is exempt.
    for (from, to) in [("192.0.2.10", "203.0.113.10"), ("2600:1:0:1::10", "2600:1:0:2::10")] {
        let said = ask(&network, from, to, "tcp 25");
        said.is("B B -").only(&["EC2_PORT_25_RESTRICTION"]);
        assert_eq!(said.assumptions, 1);
        ask(&network, from, to, "tcp 24").is("R R R");
        ask(&network, from, to, "udp 25").is("R R R");
        // The port is cut out of a range, also where a range begins with it.
        for (what, allowed) in [("tcp 20-30", "tcp 20-24,26-30"), ("tcp 25-30", "tcp 26-30")] {
            assert_eq!(ask(&network, from, to, what).is("P P R").allowed, [allowed]);
        }
    }
}

#[test]
fn sg33_private_ranges_are_exempt() {
    for (cidr, subnet, address) in [
        ("10.1.0.0/16", "10.1.1.0/24", "10.1.1.9"),
        ("172.20.0.0/16", "172.20.1.0/24", "172.20.1.9"),
        ("192.168.0.0/16", "192.168.1.0/24", "192.168.1.9"),
        ("100.64.0.0/16", "100.64.1.0/24", "100.64.1.9"),
    ] {
        let mut estate = Estate::two(&[OUT], &[]);
        estate.vpc("vpc-2", cidr).subnet("subnet-p", "vpc-2", subnet, "us-east-1a").peering("pcx-1", "vpc-1", "vpc-2");
        estate.group_in("sg-2", "vpc-2", &["ingress -1 0.0.0.0/0"]).instance("c", address, &["sg-2"]);
        estate.route("rtb-main", &format!("{cidr} pcx-1")).route("rtb-main-vpc-2", "10.0.0.0/16 pcx-1");
        estate.ask(A, address, "tcp 25").is("R R R");
    }
    let mut estate = Estate::two(&[OUT6], &["ingress -1 ::/0"]);
    estate.vpc_ipv6("vpc-1", "fd12:1::/56");
    estate.subnet_ipv6("subnet-a", "fd12:1:0:1::/64").subnet_ipv6("subnet-b", "fd12:1:0:2::/64");
    estate.ipv6("a", "fd12:1:0:1::10").ipv6("b", "fd12:1:0:2::20");
    estate.ask("fd12:1:0:1::10", "fd12:1:0:2::20", "tcp 25").is("R R R");
}

#[test]
fn sg33_mail_to_the_internet_is_blocked_also_through_a_nat_gateway() {
    let mut estate = Estate::two(&[OUT], &[]);
    estate.internet().nat().table("rtb-a", "vpc-1", &["0.0.0.0/0 nat-1"]).associate("rtb-a", "subnet-a");
    estate.ask(A, "internet", "tcp 25").is("B B -").only(&["EC2_PORT_25_RESTRICTION"]);
    estate.ask(A, "internet", "tcp 587").is("R R R");
    estate.public("b", "198.51.100.20").table("rtb-b", "vpc-1", &["0.0.0.0/0 igw-1"]).associate("rtb-b", "subnet-b");
    // Only what goes out is blocked: mail may come in.
    estate.rules("sg-b", &["ingress tcp 25 0.0.0.0/0"]);
    estate.ask("internet", B, "tcp 25").is("R R R");
}

#[test]
fn sg36_reserved_and_unused_addresses_are_no_host() {
    let estate = Estate::two(&[OUT], &["ingress -1 0.0.0.0/0"]);
    for to in ["10.0.2.0", "10.0.2.3", "10.0.2.255", "10.0.2.99"] {
        estate.ask(A, to, "tcp 443").is("B B -").only(&["NO_POSSIBLE_DESTINATION"]);
    }
}

/// M-10: the two calls that name the ranges of a list may differ.
#[test]
fn sg26_entries_that_differ_from_the_summary() {
    let said = |entries: serde_json::Value| {
        let mut estate = into_b(&["ingress tcp 443 pl-1"]);
        estate.prefix_list("pl-1", "com.amazonaws.us-east-1.s3", &["10.0.1.0/24"]);
        estate.document(json!({"PrefixListId": "pl-1", "Entries": entries}));
        let warned = estate.network().warnings.iter().any(|line| line.contains("`describe-prefix-lists` names"));
        (estate.ask("10.0.1.10", "10.0.2.20", "tcp 443"), warned)
    };
    let (same, warned) = said(json!([{"Cidr": "10.0.1.0/24"}]));
    same.is("R R R");
    assert!(!warned);
    // The entries are the list's own.
    let (other, warned) = said(json!([{"Cidr": "10.9.0.0/16"}]));
    other.is("B B -");
    assert!(warned);
    // A list of AWS's is never empty.
    let (none, warned) = said(json!([]));
    none.is("R R R");
    assert!(warned);
}
