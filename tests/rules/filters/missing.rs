//! M-4 and structural collections: what was not collected is never read as empty.

use serde_json::json;

use crate::estate::{Estate, Said};

const OUT: &str = "egress -1 0.0.0.0/0";
const IN: &str = "ingress -1 0.0.0.0/0";
const A: &str = "10.0.1.10";
const B: &str = "10.0.2.20";

#[track_caller]
fn names(said: &Said, call: &str) {
    assert!(said.messages.iter().any(|m| m.contains(call)), "{call} is not in {:?}", said.messages);
}

/// Every structural collection and the instances, with the call that would settle it.
const CALLS: [(&str, &str); 7] = [
    ("NetworkAcls", "describe-network-acls"),
    ("SecurityGroups", "describe-security-groups"),
    ("Subnets", "describe-subnets"),
    ("RouteTables", "describe-route-tables"),
    ("NetworkInterfaces", "describe-network-interfaces"),
    ("Reservations", "describe-instances"),
    ("Vpcs", "describe-vpcs"),
];

#[test]
fn m4_a_missing_collection_makes_the_answer_unknown_and_names_the_call() {
    for (key, call) in CALLS {
        let mut estate = Estate::two(&[OUT], &[IN]);
        estate.ask(A, B, "tcp 443").is("R R R");
        estate.without(key);
        let said = estate.ask(A, B, "tcp 443");
        assert_eq!(said.verdict.as_str(), "unknown", "{key}: {:?} {:?}", said.messages, said.path);
        if key != "Vpcs" {
            names(&said, call);
        }
    }
}

#[test]
fn m4_a_source_whose_groups_admit_nothing_stays_blocked() {
    for (key, _) in CALLS {
        if matches!(key, "SecurityGroups" | "NetworkInterfaces") {
            continue;
        }
        let mut estate = Estate::two(&[], &[IN]);
        estate.without(key);
        estate.ask(A, B, "tcp 443").is("B B -").only(&["SG_HAS_NO_RULES"]);
        let mut estate = Estate::two(&["egress tcp 80 0.0.0.0/0"], &[IN]);
        estate.without(key);
        estate.ask(A, B, "tcp 443").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
    }
}

#[test]
fn m4_a_destination_that_admits_nobody_stays_blocked() {
    for (key, _) in CALLS {
        if matches!(key, "SecurityGroups" | "NetworkInterfaces") {
            continue;
        }
        let mut estate = Estate::two(&[OUT], &[]);
        estate.without(key);
        estate.ask(A, B, "tcp 443").is("B B -").only(&["SG_HAS_NO_RULES"]);
        // No rule could match, whoever the sender is by then.
        let mut estate =
            Estate::two(&[OUT], &["ingress tcp 80 0.0.0.0/0", "ingress udp 443 0.0.0.0/0", "ingress tcp 443 ::/0"]);
        estate.without(key);
        estate.ask(A, B, "tcp 443").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
    }
}

#[test]
fn m4_without_vpcs_what_no_group_can_stop_is_not_called_blocked() {
    // SG-23: whether 10.0.0.2 is the resolver follows from the VPC's CIDR.
    let mut estate = Estate::two(&[], &[]);
    estate.ask(A, "10.0.0.2", "udp 53").is("R R R");
    estate.without("Vpcs");
    let said = estate.ask(A, "10.0.0.2", "udp 53");
    said.is("U U U");
    names(&said, "describe-vpcs");
    estate.ask(A, B, "udp 53").is("B B -");
    // SG-30: two addresses of one interface are one host, whatever its VPC is.
    let mut estate = Estate::two(&[], &[]);
    estate.secondary("a", "10.0.1.77", None).without("Vpcs");
    estate.ask(A, "10.0.1.77", "tcp 80").is("R R R");
}

#[test]
fn m4_without_interfaces_nothing_is_said_of_public_addresses() {
    let mut estate = Estate::two(&[OUT, IN], &[]);
    estate.internet().associate("rtb-pub", "subnet-a").public("a", "203.0.113.10");
    estate.ask("internet/198.51.100.9", A, "tcp 22").is("R R R");
    estate.without("NetworkInterfaces").without("Reservations");
    let said = estate.ask("internet/198.51.100.9", A, "tcp 22");
    assert_eq!(said.verdict.as_str(), "unknown");
    names(&said, "describe-network-interfaces");
}

#[test]
fn m10_an_interface_that_only_its_instance_names_leaves_unowned_addresses_open() {
    let mut estate = Estate::two(&[OUT], &[IN]);
    estate.ask(A, "10.0.2.99", "tcp 443").is("B B -").because(&["NO_POSSIBLE_DESTINATION"]);
    estate.instance("z", "10.0.2.99", &["sg-b"]);
    estate.each("Reservations", |reservation| {
        for instance in reservation["Instances"].as_array_mut().unwrap() {
            if instance["InstanceId"] == "i-z" {
                instance["NetworkInterfaces"] = serde_json::json!([{"NetworkInterfaceId": "eni-z"}]);
            }
        }
    });
    estate.retain("NetworkInterfaces", |eni| eni["NetworkInterfaceId"] != "eni-z");
    assert!(estate.network().warnings.iter().any(|w| w.contains("eni-z")), "{:?}", estate.network().warnings);
    let said = estate.ask(A, "10.0.2.99", "tcp 443");
    assert_eq!(said.verdict.as_str(), "unknown");
    names(&said, "describe-network-interfaces");
    estate.ask(A, B, "tcp 443").is("R R R");
    // Nor is it said to carry no group.
    estate.rules("sg-a", &["egress tcp 443 sg-b"]);
    assert_eq!(estate.ask(A, "10.0.2.99", "tcp 443").verdict.as_str(), "unknown");
}

#[test]
fn m4_acls_do_not_matter_inside_a_subnet() {
    let mut estate = Estate::two(&[OUT], &[]);
    estate.group("sg-x", &[IN]).instance("a2", "10.0.1.11", &["sg-x"]);
    estate.without("NetworkAcls").without("RouteTables");
    estate.ask(A, "10.0.1.11", "tcp 443").is("R R R");
}

#[test]
fn m4_a_denial_outweighs_an_unknown_wherever_both_stand() {
    // Unknown at the source's groups, a denial at each later stage.
    let unknown_source = |b: &[&str]| {
        let mut estate = Estate::two(&[OUT], b);
        estate.eni("a", |eni| eni["Groups"] = json!([{"GroupId": "sg-elsewhere"}]));
        estate
    };
    unknown_source(&[IN]).ask(A, B, "tcp 443").is("U U R").only(&["NOT_COLLECTED"]);
    unknown_source(&["ingress tcp 80 0.0.0.0/0"]).ask(A, B, "tcp 443").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
    let mut denied = unknown_source(&[IN]);
    denied.acl("acl-b", "vpc-1", &[]).acl_for("acl-b", "subnet-b");
    denied.ask(A, B, "tcp 443").is("B B -").only(&["SUBNET_ACL_RESTRICTION"]);
    // Unknown on the way, a denial on the way back.
    let mut back = unknown_source(&[IN]);
    back.acl("acl-b", "vpc-1", &["1 ingress allow -1 0.0.0.0/0"]).acl_for("acl-b", "subnet-b");
    back.ask(A, B, "tcp 443").is("B U B").only(&["SUBNET_ACL_RESTRICTION"]);
    // Unknown at the destination, a denial at the source.
    let mut estate = Estate::two(&[], &[]);
    estate.eni("b", |eni| eni["Groups"] = json!([{"GroupId": "sg-elsewhere"}]));
    estate.ask(A, B, "tcp 443").is("B B -").only(&["SG_HAS_NO_RULES"]);
    // No route, and a destination that nobody can judge.
    let mut estate = Estate::two(&[OUT], &[]);
    estate.eni("b", |eni| eni["Groups"] = json!([{"GroupId": "sg-elsewhere"}]));
    estate.change("RouteTables", "RouteTableId", "rtb-main", |table| table["Routes"] = json!([]));
    estate.ask(A, B, "tcp 443").is("B B -").only(&["NO_ROUTE_TO_DESTINATION"]);
}

#[test]
fn m4_a_known_group_that_admits_makes_a_missing_one_unimportant() {
    let mut estate = Estate::two(&[OUT], &["ingress tcp 443 0.0.0.0/0"]);
    estate.eni("b", |eni| eni["Groups"] = json!([{"GroupId": "sg-elsewhere"}, {"GroupId": "sg-b"}]));
    estate.ask(A, B, "tcp 443").is("R R R");
    let said = estate.ask(A, B, "tcp 80");
    said.is("U U R");
    names(&said, "sg-elsewhere");
    names(&said, "describe-security-groups");
}

#[test]
fn m4_a_stopped_host_is_certain_and_an_unseen_one_is_not() {
    let mut estate = Estate::two(&[OUT], &[IN]);
    estate.without("Reservations").add(
        "Reservations",
        json!({"Instances": [{"InstanceId": "i-a", "State": {"Name": "running"}},
        {"InstanceId": "i-b", "State": {"Name": "stopped"}}]}),
    );
    estate.ask(A, B, "tcp 443").is("B B -").only(&["NO_POSSIBLE_DESTINATION"]);
    estate.ask(B, A, "tcp 443").is("B B -").because(&["BAD_STATE"]);
}

#[test]
fn m4_a_truncated_listing_of_acls_says_nothing_of_subnets_it_does_not_name() {
    let mut estate = Estate::two(&[OUT], &[IN]);
    estate
        .acl("acl-a", "vpc-1", &["1 ingress allow -1 0.0.0.0/0", "1 egress allow -1 0.0.0.0/0"])
        .acl_for("acl-a", "subnet-a");
    estate.ask(A, B, "tcp 443").is("R R R");
    // Whether `subnet-b` has an ACL of its own stands on the page that was not read.
    estate.truncated("NetworkAcls");
    let said = estate.ask(A, B, "tcp 443");
    said.is("U U U");
    names(&said, "describe-network-acls");
}

#[test]
fn m4_a_truncated_listing_of_tables_says_nothing_of_subnets_it_does_not_name() {
    let mut estate = Estate::two(&[OUT], &[IN]);
    estate.table("rtb-a", "vpc-1", &[]).associate("rtb-a", "subnet-a");
    estate.truncated("RouteTables");
    let said = estate.ask(A, B, "tcp 443");
    said.is("U R U");
    names(&said, "describe-route-tables");
}

#[test]
fn m4_a_truncated_listing_of_rules_does_not_make_a_group() {
    let rule = |port: i32| {
        json!({"SecurityGroupRuleId": format!("sgr-{port}"), "GroupId": "sg-b", "IsEgress": false, "IpProtocol": "tcp",
            "FromPort": port, "ToPort": port, "CidrIpv4": "0.0.0.0/0"})
    };
    let out = json!({"SecurityGroupRuleId": "sgr-o", "GroupId": "sg-a", "IsEgress": true, "IpProtocol": "-1", "CidrIpv4": "0.0.0.0/0"});
    let mut estate = Estate::two(&[OUT], &[]);
    estate.without("SecurityGroups").add("SecurityGroupRules", out).add("SecurityGroupRules", rule(443));
    estate.ask(A, B, "tcp 443").is("R R R");
    estate.ask(A, B, "tcp 80").is("B B -");
    estate.truncated("SecurityGroupRules");
    let said = estate.ask(A, B, "tcp 80");
    assert_eq!(said.verdict.as_str(), "unknown", "{:?}", said.messages);
}

#[test]
fn m4_an_egress_reference_to_an_unseen_interface_is_unknown() {
    let mut estate = Estate::two(&["egress tcp 443 sg-b"], &[IN]);
    estate.ask(A, "10.0.2.99", "tcp 443").is("B B -").because(&["ENI_SG_RULES_MISMATCH", "NO_POSSIBLE_DESTINATION"]);
    estate.truncated("NetworkInterfaces");
    // Who has 10.0.2.99, and which groups, stands on the page that was not read.
    let said = estate.ask(A, "10.0.2.99", "tcp 443");
    said.is("U U U");
    names(&said, "describe-network-interfaces");
    estate.ask(A, B, "tcp 443").is("R R R");
    estate.ask(A, "10.0.2.99", "tcp 80").is("B B -");
}

#[test]
fn m4_a_peer_s_group_outside_the_snapshot_is_unknown() {
    // The peer VPC is another account's: only the peering tells its CIDR.
    let mut estate = Estate::two(
        &["egress tcp 443 sg-far", "egress tcp 22 10.1.0.0/16"],
        &["ingress tcp 443 sg-far", "ingress tcp 80 10.1.0.0/16"],
    );
    estate.add("VpcPeeringConnections", json!({"VpcPeeringConnectionId": "pcx-1", "Status": {"Code": "active"},
        "RequesterVpcInfo": {"VpcId": "vpc-1", "Region": "us-east-1", "CidrBlock": "10.0.0.0/16"},
        "AccepterVpcInfo": {"VpcId": "vpc-far", "OwnerId": "444455556666", "Region": "us-east-1", "CidrBlock": "10.1.0.0/16"}}));
    estate.route("rtb-main", "10.1.0.0/16 pcx-1");
    let said = estate.ask("10.1.1.30", B, "tcp 443");
    said.because(&["UNKNOWN_PEERED_SGS"]);
    assert_eq!(said.verdict.as_str(), "unknown");
    estate.ask(A, "10.1.1.30", "tcp 443").because(&["UNKNOWN_PEERED_SGS"]);
    // No rule of B could admit it, whoever sends.
    estate.ask("10.1.1.30", B, "tcp 8080").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
    // Between Regions the reference cannot work, seen or not.
    estate.change("VpcPeeringConnections", "VpcPeeringConnectionId", "pcx-1", |p| {
        p["AccepterVpcInfo"]["Region"] = json!("eu-west-1");
    });
    estate.ask("10.1.1.30", B, "tcp 443").is("B B -");
    estate.ask(A, "10.1.1.30", "tcp 443").is("B B -");
}

#[test]
fn m4_an_egress_reference_without_the_vpc_is_unknown() {
    let mut estate = Estate::two(&["egress tcp 443 sg-b"], &[IN]);
    estate.instance("a2", "10.0.1.11", &["sg-a"]).without("Vpcs");
    let said = estate.ask(A, B, "tcp 443");
    assert_eq!(said.verdict.as_str(), "unknown", "{:?}", said.messages);
    // Who has that address is known, and does not carry the group.
    estate.ask(A, "10.0.1.11", "tcp 443").is("B B -");
}

#[test]
fn sg30_the_own_address_needs_no_filter_but_a_host_that_runs() {
    for (key, _) in CALLS {
        let mut estate = Estate::two(&[], &[]);
        estate.without(key);
        match key {
            "NetworkInterfaces" => continue,
            // A stopped instance does not even talk to itself.
            "Reservations" => estate.ask(A, A, "tcp 443").is("U U R").only(&["NOT_COLLECTED"]),
            _ => estate.ask(A, A, "tcp 443").is("R R R"),
        };
    }
}

#[test]
fn m4_a_list_of_the_other_family_admits_no_unseen_sender() {
    let mut estate = Estate::two(&[OUT], &["ingress tcp 443 pl-6"]);
    estate.add("PrefixLists", json!({"PrefixListId": "pl-6", "PrefixListName": "x", "AddressFamily": "IPv6"}));
    estate.without("RouteTables");
    estate.ask(A, B, "tcp 443").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
    estate.change("PrefixLists", "PrefixListId", "pl-6", |list| list["AddressFamily"] = json!("IPv4"));
    estate.ask(A, B, "tcp 443").is("U U U");
}
