//! SG-18 to SG-22, M-7: groups as peers of rules.

use serde_json::json;

use crate::estate::{Estate, ask};

const OUT: &str = "egress -1 0.0.0.0/0";
const A: &str = "10.0.1.10";
const B: &str = "10.0.2.20";
const C: &str = "10.1.1.30";

/// A and C joined by a transit gateway that supports references, C's group with these rules.
fn transit(a: &[&str], c: &[&str]) -> Estate {
    let mut estate = Estate::two(a, &[]);
    estate.two_by_transit().rules("sg-2", c);
    estate.change("TransitGateways", "TransitGatewayId", "tgw-1", |tgw| tgw["Options"] = support("enable"));
    for id in ATTACHMENTS {
        estate.change("TransitGatewayVpcAttachments", "TransitGatewayAttachmentId", id, |a| {
            a["Options"] = support("enable");
        });
    }
    estate
}

const ATTACHMENTS: [&str; 2] = ["tgw-attach-vpc-1", "tgw-attach-vpc-2"];

fn support(word: &str) -> serde_json::Value {
    json!({"SecurityGroupReferencingSupport": word})
}

#[test]
fn sg18_a_reference_means_the_members_private_addresses() {
    let mut estate = Estate::two(&[OUT, "egress -1 ::/0"], &["ingress tcp 5432 sg-a"]);
    estate.dual_stack().secondary("a", "10.0.1.77", None);
    estate.eni("a", |eni| {
        eni["Ipv4Prefixes"] = json!([{"Ipv4Prefix": "10.0.1.64/28"}]);
        eni["Ipv6Prefixes"] = json!([{"Ipv6Prefix": "2600:1:0:1:5::/80"}]);
    });
    estate.group("sg-x", &[OUT]).instance("x", "10.0.1.11", &["sg-x"]);
    let network = estate.network();
    for from in [A, "10.0.1.77", "10.0.1.70"] {
        ask(&network, from, B, "tcp 5432").is("R R R");
    }
    for from in ["2600:1:0:1::10", "2600:1:0:1:5::9"] {
        ask(&network, from, "2600:1:0:2::20", "tcp 5432").is("R R R");
    }
    ask(&network, "10.0.1.11", B, "tcp 5432").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
    ask(&network, A, B, "tcp 5433").is("B B -");
}

#[test]
fn sg18_an_egress_reference_means_the_members_private_addresses() {
    let mut estate = Estate::two(&["egress tcp 5432 sg-b"], &["ingress -1 0.0.0.0/0", "ingress -1 ::/0"]);
    estate.dual_stack().secondary("b", "10.0.2.77", None);
    estate.eni("b", |eni| {
        eni["Ipv4Prefixes"] = json!([{"Ipv4Prefix": "10.0.2.64/28"}]);
        eni["Ipv6Prefixes"] = json!([{"Ipv6Prefix": "2600:1:0:2:5::/80"}]);
    });
    estate.group("sg-x", &["ingress -1 0.0.0.0/0"]).instance("x", "10.0.2.21", &["sg-x"]);
    let network = estate.network();
    for to in [B, "10.0.2.77", "10.0.2.70"] {
        ask(&network, A, to, "tcp 5432").is("R R R");
    }
    for to in ["2600:1:0:2::20", "2600:1:0:2:5::9"] {
        ask(&network, "2600:1:0:1::10", to, "tcp 5432").is("R R R");
    }
    ask(&network, A, "10.0.2.21", "tcp 5432").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
}

#[test]
fn sg18_the_edges_of_a_delegated_prefix() {
    let mut estate = Estate::two(&[OUT], &["ingress tcp 5432 sg-a"]);
    estate.eni("a", |eni| eni["Ipv4Prefixes"] = json!([{"Ipv4Prefix": "10.0.1.64/28"}]));
    let network = estate.network();
    for from in ["10.0.1.64", "10.0.1.79"] {
        ask(&network, from, B, "tcp 5432").is("R R R");
    }
    for from in ["10.0.1.63", "10.0.1.80"] {
        ask(&network, from, B, "tcp 5432").is("B B -").because(&["ENI_ADDRESS_RESTRICTION"]);
    }
}

#[test]
fn sg18_the_rules_of_the_referenced_group_are_not_imported() {
    let mut estate = Estate::two(&[OUT], &["ingress tcp 443 sg-open"]);
    estate.group("sg-open", &["ingress -1 0.0.0.0/0"]);
    estate.ask(A, B, "tcp 443").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
}

#[test]
fn sg18_an_unattached_member_sends_and_receives_nothing() {
    let mut estate = Estate::two(&[OUT], &["ingress tcp 443 sg-a", OUT]);
    estate.interface("idle", "10.0.1.60", &["sg-a"]);
    estate.ask("10.0.1.60", B, "tcp 443").is("R R R");
    estate.eni("idle", |eni| {
        eni["Attachment"] = json!(null);
        eni["Status"] = json!("available");
    });
    estate.ask("10.0.1.60", B, "tcp 443").is("B B -").only(&["BAD_STATE"]);
    estate.ask(B, "10.0.1.60", "tcp 443").is("B B -").because(&["NO_POSSIBLE_DESTINATION"]);
}

#[test]
fn sg19_references_work_over_a_peering_of_one_region() {
    let mut ingress = Estate::two(&[OUT], &[]);
    ingress.peer(&["ingress tcp 443 sg-a"]);
    ingress.ask(A, C, "tcp 443").is("R R R");
    ingress.ask(B, C, "tcp 443").is("B B -");
    let mut egress = Estate::two(&["egress tcp 443 sg-2"], &[]);
    egress.peer(&["ingress tcp 443 10.0.0.0/16"]);
    egress.ask(A, C, "tcp 443").is("R R R");
    egress.ask(A, B, "tcp 443").is("B B -");
    for estate in [&mut ingress, &mut egress] {
        estate.change("VpcPeeringConnections", "VpcPeeringConnectionId", "pcx-1", |peering| {
            peering["AccepterVpcInfo"]["Region"] = json!("eu-west-1");
        });
        estate.ask(A, C, "tcp 443").is("B B -").only(&["SG_REFERENCING_SUPPORT"]);
    }
}

#[test]
fn sg19_cidrs_work_over_a_peering_of_two_regions() {
    let mut estate = Estate::two(&["egress tcp 443 10.1.0.0/16"], &[]);
    estate.peer(&["ingress tcp 443 10.0.0.0/16"]);
    estate.change("VpcPeeringConnections", "VpcPeeringConnectionId", "pcx-1", |peering| {
        peering["AccepterVpcInfo"]["Region"] = json!("eu-west-1");
    });
    estate.ask(A, C, "tcp 443").is("R R R");
}

#[test]
fn sg19_over_a_transit_gateway_all_three_must_support_references() {
    let estate = transit(&[OUT], &["ingress tcp 443 sg-a", "ingress tcp 80 10.0.0.0/16"]);
    estate.ask(A, C, "tcp 443").is("R R R");
    // The attachment's default is `enable`, the gateway's `disable`.
    let mut defaults = estate.clone();
    for id in ATTACHMENTS {
        defaults.change("TransitGatewayVpcAttachments", "TransitGatewayAttachmentId", id, |a| a["Options"] = json!({}));
    }
    defaults.ask(A, C, "tcp 443").is("R R R");
    defaults.change("TransitGateways", "TransitGatewayId", "tgw-1", |tgw| tgw["Options"] = json!({}));
    defaults.ask(A, C, "tcp 443").is("B B -").only(&["SG_REFERENCING_SUPPORT"]);
    for (key, id_key, id) in [
        ("TransitGateways", "TransitGatewayId", "tgw-1"),
        ("TransitGatewayVpcAttachments", "TransitGatewayAttachmentId", ATTACHMENTS[0]),
        ("TransitGatewayVpcAttachments", "TransitGatewayAttachmentId", ATTACHMENTS[1]),
    ] {
        let mut estate = estate.clone();
        estate.change(key, id_key, id, |element| element["Options"] = support("disable"));
        estate.ask(A, C, "tcp 443").is("B B -").only(&["SG_REFERENCING_SUPPORT"]);
        estate.ask(A, C, "tcp 80").is("R R R");
    }
}

#[test]
fn sg19_over_a_transit_gateway_that_was_not_described_it_is_unknown() {
    let mut estate = transit(&[OUT], &["ingress tcp 443 sg-a", "ingress tcp 80 10.0.0.0/16"]);
    estate.without("TransitGateways");
    let said = estate.ask(A, C, "tcp 443");
    said.is("U U R").only(&["NOT_COLLECTED"]);
    assert!(said.messages.iter().any(|m| m.contains("describe-transit-gateways")), "{:?}", said.messages);
    estate.ask(A, C, "tcp 80").is("R R R");
}

#[test]
fn sg19_over_a_transit_gateway_only_ingress_rules_refer() {
    let estate = transit(&["egress tcp 443 sg-2"], &["ingress -1 0.0.0.0/0"]);
    estate.ask(A, C, "tcp 443").is("B B -").only(&["SG_REFERENCING_SUPPORT"]);
}

#[test]
fn sg19_over_a_transit_gateway_not_for_endpoints_nor_in_use1_az3() {
    let estate = transit(&[OUT], &["ingress tcp 443 sg-a"]);
    let mut endpoint = estate.clone();
    endpoint.eni("c", |eni| eni["InterfaceType"] = json!("vpc_endpoint"));
    endpoint.ask(A, C, "tcp 443").is("B B -").only(&["SG_REFERENCING_SUPPORT"]);
    for subnet in ["subnet-a", "subnet-t2"] {
        let mut estate = estate.clone();
        estate.change("Subnets", "SubnetId", subnet, |s| s["AvailabilityZoneId"] = json!("use1-az3"));
        estate.ask(A, C, "tcp 443").is("B B -").only(&["SG_REFERENCING_SUPPORT"]);
    }
    let mut elsewhere = estate.clone();
    elsewhere.change("Subnets", "SubnetId", "subnet-t2", |s| s["AvailabilityZoneId"] = json!("use1-az1"));
    elsewhere.ask(A, C, "tcp 443").is("R R R");
}

#[test]
fn sg19_a_shared_group_refers_to_itself_in_every_vpc_of_its() {
    let mut estate = Estate::two(&["ingress tcp 443 sg-a", "egress tcp 443 sg-a"], &[]);
    estate.peer(&[]);
    estate.eni("c", |eni| eni["Groups"] = json!([{"GroupId": "sg-a"}]));
    estate.add("SecurityGroupVpcAssociations", json!({"GroupId": "sg-a", "VpcId": "vpc-2", "State": "associated"}));
    estate.ask(A, C, "tcp 443").is("R R R");
    estate.ask(C, A, "tcp 443").is("R R R");
    estate.ask(A, C, "tcp 80").is("B B -");
}

#[test]
fn sg19_m7_a_nat_gateway_clears_the_identity() {
    let mut estate = Estate::two(&[OUT], &[]);
    estate.internet().nat().peer(&["ingress tcp 443 sg-a", "ingress tcp 80 10.0.9.5/32"]);
    estate.table("rtb-a", "vpc-1", &["10.1.0.0/16 nat-1"]).associate("rtb-a", "subnet-a");
    estate.route("rtb-pub", "10.1.0.0/16 pcx-1");
    estate.ask(A, C, "tcp 443").is("B B -").only(&["SG_REFERENCES_NOT_PRESERVED"]);
    estate.ask(A, C, "tcp 80").is("R R R");
}

#[test]
fn sg19_m7_an_internet_gateway_clears_the_identity() {
    let mut estate = Estate::two(&[OUT], &["ingress tcp 443 sg-a", "ingress tcp 80 198.51.100.10/32"]);
    estate.internet().public("a", "198.51.100.10").public("b", "198.51.100.20").route("rtb-main", "0.0.0.0/0 igw-1");
    estate.ask(A, "198.51.100.20", "tcp 443").is("B B -");
    estate.ask(A, "198.51.100.20", "tcp 80").is("R R R");
    estate.ask(A, B, "tcp 443").is("R R R");
}

#[test]
fn m7_what_an_internet_gateway_clears_is_told_as_lost() {
    let mut estate = Estate::two(&[OUT], &["ingress tcp 443 sg-a"]);
    estate.internet().public("a", "198.51.100.10").public("b", "198.51.100.20").route("rtb-main", "0.0.0.0/0 igw-1");
    estate.ask(A, "198.51.100.20", "tcp 443").is("B B -").only(&["SG_REFERENCES_NOT_PRESERVED"]);
}

#[test]
fn sg18_an_egress_reference_never_means_a_public_address() {
    let mut estate = Estate::two(&["egress tcp 443 sg-b"], &["ingress -1 0.0.0.0/0"]);
    estate.internet().public("a", "198.51.100.10").public("b", "198.51.100.20").route("rtb-main", "0.0.0.0/0 igw-1");
    estate.ask(A, "198.51.100.20", "tcp 443").is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
    estate.ask(A, B, "tcp 443").is("R R R");
}

#[test]
fn sg21_a_stale_rule_matches_nothing() {
    // The peering is gone: the rule is still there, the reference no longer works.
    let mut estate = Estate::two(&[OUT], &[]);
    estate.peer(&["ingress tcp 443 sg-a"]);
    for status in ["deleted", "pending-acceptance", "rejected", "expired"] {
        let mut estate = estate.clone();
        estate.change("VpcPeeringConnections", "VpcPeeringConnectionId", "pcx-1", |peering| {
            peering["Status"]["Code"] = json!(status);
        });
        estate.ask(A, C, "tcp 443").is("B B -");
    }
    // An egress rule that refers over the dead peering admits nothing either.
    let mut egress = Estate::two(&["egress tcp 443 sg-2"], &[]);
    egress.peer(&["ingress -1 0.0.0.0/0"]);
    egress
        .change("VpcPeeringConnections", "VpcPeeringConnectionId", "pcx-1", |p| p["Status"]["Code"] = json!("deleted"));
    let said = egress.ask(A, C, "tcp 443");
    said.is("B B -");
    assert!(said.reasons.iter().any(|r| r.contains(" sg-a ")), "{:?}", said.reasons);
}

#[test]
fn sg21_a_reference_to_a_deleted_group_matches_nothing_and_harms_nothing() {
    let mut estate = Estate::two(&[OUT], &["ingress tcp 443 sg-gone", "ingress tcp 80 sg-a"]);
    estate.change("SecurityGroups", "GroupId", "sg-b", |group| {
        group["IpPermissions"][0]["UserIdGroupPairs"] = json!([{"GroupId": "sg-gone"}]);
    });
    estate.ask(A, B, "tcp 443").is("B B -").only(&["ENI_SG_RULES_MISMATCH"]);
    estate.ask(A, B, "tcp 80").is("R R R");
}

#[test]
fn sg22_self_references_cover_all_members() {
    let mut estate = Estate::new();
    estate.group("sg-self", &["ingress -1 sg-self", "egress -1 sg-self"]).group("sg-x", &[OUT]);
    estate.instance("a", A, &["sg-self"]).instance("b", B, &["sg-self"]).instance("x", "10.0.1.11", &["sg-x"]);
    estate.ask(A, B, "tcp 443").is("R R R");
    estate.ask(B, A, "udp 53").is("R R R");
    estate.ask("10.0.1.11", B, "tcp 443").is("B B -");
    estate.ask(A, "10.0.1.11", "tcp 443").is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
}
