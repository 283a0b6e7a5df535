//! Values of a plan that are known after apply: the answer is unknown, neither blocked nor reachable.

#![expect(clippy::needless_pass_by_value, reason = "plans are written where they are made")]

use reach_engine::verdict::Verdict;
use reach_model::Network;
use reach_model::change::Change;
use reach_terraform::{read, scenario};
use serde_json::{Value, json};

use crate::estate::{Estate, OPEN};

/// The network after a plan of these resources.
fn planned(estate: &Estate, resources: Value) -> Network {
    configured(estate, resources, json!([]))
}

/// The same, with the configuration of some resources.
fn configured(estate: &Estate, resources: Value, configuration: Value) -> Network {
    let mut network = estate.network();
    let document = json!({"format_version": "1.2", "resource_changes": resources, "configuration": {"root_module": {"resources": configuration}}});
    let plan = read(&document.to_string(), "plan.json").unwrap();
    let found = scenario(&plan, &network);
    assert!(found.refused.is_empty() && found.problems.is_empty(), "{found:?}");
    assert!(found.changes().next().is_some(), "{found:?}");
    found.changes().for_each(|(_, change): (&str, &Change)| network.apply(change).unwrap());
    network
}

fn new(kind: &str, after: Value, unknown: Value) -> Value {
    json!([{"address": format!("{kind}.x"), "mode": "managed", "type": kind, "name": "x",
        "change": {"actions": ["create"], "before": null, "after": after, "after_unknown": unknown}}])
}

const OUT: &str = "egress -1 0.0.0.0/0";
const A: &str = "10.0.1.10";
const B: &str = "10.0.2.20";

fn unknown(network: &Network, from: &str, to: &str, what: &str) {
    let said = crate::estate::ask(network, from, to, what);
    assert_eq!(said.verdict, Verdict::Unknown, "{from} -> {to} {what}: {:#?}", said.messages);
}

#[test]
fn a_rule_whose_peer_is_known_after_apply_may_admit_anything_of_its_ports() {
    let estate = Estate::two(&[OUT], &[]);
    estate.ask(A, B, "tcp 443").is("B B -");
    let rule = json!({"security_group_id": "sg-b", "ip_protocol": "tcp", "from_port": 443, "to_port": 443});
    for peer in ["cidr_ipv4", "referenced_security_group_id", "prefix_list_id"] {
        let network =
            planned(&estate, new("aws_vpc_security_group_ingress_rule", rule.clone(), json!({"id": true, peer: true})));
        unknown(&network, A, B, "tcp 443");
        crate::estate::ask(&network, A, B, "tcp 80").is("B B -");
        crate::estate::ask(&network, A, B, "udp 443").is("B B -");
    }
}

#[test]
fn a_rule_whose_ports_are_known_after_apply_may_admit_any_of_them() {
    let rule = json!({"security_group_id": "sg-b", "ip_protocol": "tcp", "cidr_ipv4": "10.0.0.0/16"});
    let plan = new("aws_vpc_security_group_ingress_rule", rule, json!({"from_port": true, "to_port": true}));
    let network = planned(&Estate::two(&[OUT], &[]), plan);
    unknown(&network, A, B, "tcp 443");
    crate::estate::ask(&network, A, B, "udp 443").is("B B -");
}

#[test]
fn an_entry_of_a_network_acl_that_is_known_after_apply() {
    let mut estate = Estate::two(&[OUT], OPEN);
    estate.acl_for("acl-1", "subnet-b");
    estate.ask(A, B, "tcp 443").is("R R R");
    let entry =
        json!({"network_acl_id": "acl-1", "rule_number": 10, "egress": false, "protocol": "-1", "rule_action": "deny"});
    unknown(&planned(&estate, new("aws_network_acl_rule", entry, json!({"cidr_block": true}))), A, B, "tcp 443");
}

#[test]
fn a_route_that_is_known_after_apply() {
    let estate = Estate::two(&[OUT], OPEN);
    estate.ask(A, "internet/203.0.113.7", "tcp 443").is("B B -");
    let route = json!({"route_table_id": "rtb-main", "destination_cidr_block": "0.0.0.0/0"});
    let network = planned(&estate, new("aws_route", route, json!({"nat_gateway_id": true})));
    unknown(&network, A, "internet/203.0.113.7", "tcp 443");
    let route = json!({"route_table_id": "rtb-main"});
    let network =
        planned(&estate, new("aws_route", route, json!({"destination_cidr_block": true, "gateway_id": true})));
    unknown(&network, A, "internet/203.0.113.7", "tcp 443");
}

#[test]
fn groups_and_entries_of_lists_that_are_known_after_apply() {
    let mut estate = Estate::two(&[OUT], &["ingress tcp 443 pl-1"]);
    estate.prefix_list("pl-1", "mine", &["192.0.2.0/24"]);
    estate.ask(A, B, "tcp 443").is("B B -");
    let plan = new("aws_ec2_managed_prefix_list_entry", json!({"prefix_list_id": "pl-1"}), json!({"cidr": true}));
    unknown(&planned(&estate, plan), A, B, "tcp 443");
    let plan = new(
        "aws_network_interface_sg_attachment",
        json!({"network_interface_id": "eni-b"}),
        json!({"security_group_id": true}),
    );
    unknown(&planned(&estate, plan), A, B, "tcp 80");
}

#[test]
fn a_group_whose_inline_rules_are_known_after_apply() {
    let estate = Estate::two(&[OUT], &[]);
    let mut plan = new(
        "aws_security_group",
        json!({"name": "new", "vpc_id": "vpc-1"}),
        json!({"id": true, "ingress": true, "egress": []}),
    );
    plan.as_array_mut().unwrap().push(json!({"address": "aws_network_interface_sg_attachment.b", "mode": "managed",
        "type": "aws_network_interface_sg_attachment", "name": "b", "change": {"actions": ["create"], "before": null,
        "after": {"network_interface_id": "eni-b"}, "after_unknown": {"security_group_id": true}}}));
    let configuration = json!([
        {"address": "aws_security_group.x", "expressions": {"vpc_id": {"constant_value": "vpc-1"}}},
        {"address": "aws_network_interface_sg_attachment.b", "expressions": {"security_group_id":
            {"references": ["aws_security_group.x.id", "aws_security_group.x"]}}}]);
    let network = configured(&estate, plan.clone(), configuration.clone());
    assert!(network.interfaces.iter().any(|(_, eni)| eni.groups.len() == 2));
    unknown(&network, A, B, "tcp 443");
    // Rules that are resources of their own say that there are no inline ones.
    let mut rule = new(
        "aws_vpc_security_group_ingress_rule",
        json!({"ip_protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_ipv4": "10.0.0.0/16"}),
        json!({"security_group_id": true}),
    );
    plan.as_array_mut().unwrap().append(rule.as_array_mut().unwrap());
    let mut configuration = configuration;
    configuration
        .as_array_mut()
        .unwrap()
        .push(json!({"address": "aws_vpc_security_group_ingress_rule.x", "expressions":
        {"security_group_id": {"references": ["aws_security_group.x.id", "aws_security_group.x"]}}}));
    let network = configured(&estate, plan, configuration);
    crate::estate::ask(&network, A, B, "tcp 443").is("B B -");
    crate::estate::ask(&network, A, B, "tcp 22").is("R R R");
}
