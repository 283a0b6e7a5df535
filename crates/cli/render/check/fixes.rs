//! Fixes as reports tell them.

use reach_engine::fix::{Fix, Quota};
use reach_model::change::{Change, GroupRules, IpPermission, NetworkAclEntry, Route};
use serde::Serialize;
use serde_json::Value;

use crate::render::change;

/// A fix for programs.
#[derive(Debug, Serialize)]
pub(crate) struct FixView<'a> {
    changes: &'a [Change],
    rules: Vec<Rule>,
    aws_cli: Vec<String>,
    terraform: String,
    verified: bool,
    quota: Vec<QuotaView<'a>>,
}

/// What a change adds, in the words of rules.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Rule {
    resource: String,
    direction: &'static str,
    protocol: String,
    port: Option<String>,
    peer: String,
}

#[derive(Debug, Serialize)]
struct QuotaView<'a> {
    resource: &'a str,
    rules: u64,
    limit: u64,
}

impl<'a> FixView<'a> {
    pub(crate) fn new(fix: &'a Fix) -> Self {
        Self {
            changes: &fix.changes,
            rules: fix.changes.iter().flat_map(rules).collect(),
            aws_cli: fix.changes.iter().map(change::aws_cli).collect(),
            terraform: change::terraform(&fix.changes),
            verified: fix.pairs.reachable == fix.pairs.total,
            quota: fix
                .quota
                .iter()
                .map(|Quota { resource, rules, limit }| QuotaView { resource, rules: *rules, limit: *limit })
                .collect(),
        }
    }
}

/// The change as the API has it.
pub(crate) fn api(change: &Change) -> Value {
    serde_json::to_value(change).unwrap_or_default()
}

/// A quota that a fix would pass.
pub(crate) fn quota(quota: &Quota) -> String {
    let Quota { resource, rules, limit } = quota;
    format!("{resource} would have {rules} rules; AWS's default quota is {limit}, and can be raised")
}

/// What a change does, in words; one item for each rule.
pub(crate) fn words(change: &Change) -> Vec<String> {
    let each = |verb: &str, preposition: &str| -> Vec<String> {
        let told = rules(change).into_iter().map(|rule| {
            let port = rule.port.map_or_else(String::new, |port| format!(" {port}"));
            let peer = if rule.direction == "egress" { "to" } else { "from" };
            let Rule { resource, direction, protocol, peer: other, .. } = rule;
            format!("{verb} {direction} {protocol}{port} {peer} {other} {preposition} {resource}")
        });
        told.collect()
    };
    match change {
        Change::AuthorizeSecurityGroupIngress(_) | Change::AuthorizeSecurityGroupEgress(_) => each("allow", "in"),
        Change::RevokeSecurityGroupIngress(_) | Change::RevokeSecurityGroupEgress(_) => each("revoke", "in"),
        Change::CreateNetworkAclEntry(entry) | Change::ReplaceNetworkAclEntry(entry) => {
            let by = format!("by entry {} of", entry.rule_number);
            each(&entry.rule_action, &by)
        }
        Change::CreateRoute(route) => vec![format!("route {} in {}", routed(route), route.route_table_id)],
        Change::ReplaceRoute(route) => vec![format!("change the route {} in {}", routed(route), route.route_table_id)],
        Change::ModifyVpcEndpoint(endpoint) if !endpoint.add_security_group_ids.is_empty() => {
            vec![format!("add {} to {}", endpoint.add_security_group_ids.join(", "), endpoint.vpc_endpoint_id)]
        }
        Change::CreateVpcEndpoint(endpoint) => {
            vec![format!("create an endpoint for {} in {}", endpoint.service_name, endpoint.vpc_id)]
        }
        Change::UpdateClusterConfig(update) => match &update.resources_vpc_config.public_access_cidrs {
            Some(cidrs) => vec![format!("let {} reach the public endpoint of {}", cidrs.join(", "), update.name)],
            None => vec![format!("change who reaches the endpoint of {}", update.name)],
        },
        Change::ModifyNetworkInterfaceAttribute(modify) => match &modify.groups {
            Some(groups) => vec![format!("put {} into {}", modify.network_interface_id, groups.join(", "))],
            None => vec![format!("set the source/destination check of {}", modify.network_interface_id)],
        },
        other => {
            let call = api(other);
            let name = call.as_object().and_then(|object| object.keys().next().cloned());
            vec![format!("call {}", name.unwrap_or_default())]
        }
    }
}

fn routed(route: &Route) -> String {
    let destination =
        [&route.destination_cidr_block, &route.destination_ipv6_cidr_block, &route.destination_prefix_list_id];
    let target = [
        &route.gateway_id,
        &route.nat_gateway_id,
        &route.transit_gateway_id,
        &route.vpc_peering_connection_id,
        &route.egress_only_internet_gateway_id,
        &route.network_interface_id,
        &route.instance_id,
        &route.vpc_endpoint_id,
    ];
    let first = |list: &[&Option<String>]| list.iter().find_map(|value| (*value).clone()).unwrap_or_default();
    format!("{} to {}", first(&destination), first(&target))
}

/// The rules that a change adds, removes or sets.
fn rules(change: &Change) -> Vec<Rule> {
    match change {
        Change::AuthorizeSecurityGroupIngress(rules) | Change::RevokeSecurityGroupIngress(rules) => {
            group_rules(rules, "ingress")
        }
        Change::AuthorizeSecurityGroupEgress(rules) | Change::RevokeSecurityGroupEgress(rules) => {
            group_rules(rules, "egress")
        }
        Change::CreateNetworkAclEntry(entry) | Change::ReplaceNetworkAclEntry(entry) => vec![acl_rule(entry)],
        _ => Vec::new(),
    }
}

fn group_rules(rules: &GroupRules, direction: &'static str) -> Vec<Rule> {
    let of_permission = |permission: &IpPermission| -> Vec<Rule> {
        let peers = permission.user_id_group_pairs.iter().map(|pair| &pair.group_id);
        let peers = peers.chain(permission.prefix_list_ids.iter().map(|list| &list.prefix_list_id));
        let peers = peers.chain(permission.ip_ranges.iter().map(|range| &range.cidr_ip));
        let peers = peers.chain(permission.ipv6_ranges.iter().map(|range| &range.cidr_ipv6));
        let icmp = matches!(permission.ip_protocol.as_str(), "icmp" | "icmpv6" | "1" | "58");
        let port = match (permission.from_port, permission.to_port) {
            (Some(from), Some(to)) if icmp => Some(format!("{from}/{to}")),
            (Some(from), Some(to)) if from == to => Some(from.to_string()),
            (Some(from), Some(to)) => Some(format!("{from}-{to}")),
            _ => None,
        };
        let rule = |peer: &String| Rule {
            resource: rules.group_id.clone(),
            direction,
            protocol: protocol(&permission.ip_protocol),
            port: port.clone(),
            peer: peer.clone(),
        };
        peers.map(rule).collect()
    };
    rules.ip_permissions.iter().flat_map(of_permission).collect()
}

fn acl_rule(entry: &NetworkAclEntry) -> Rule {
    let port = match (entry.port_range, entry.icmp_type_code) {
        (Some(range), _) if range.from == range.to => Some(range.from.to_string()),
        (Some(range), _) => Some(format!("{}-{}", range.from, range.to)),
        (None, Some(message)) => Some(format!("{}/{}", message.kind, message.code)),
        (None, None) => None,
    };
    let peer = entry.cidr_block.as_ref().or(entry.ipv6_cidr_block.as_ref());
    Rule {
        resource: entry.network_acl_id.clone(),
        direction: if entry.egress { "egress" } else { "ingress" },
        protocol: protocol(&entry.protocol),
        port,
        peer: peer.cloned().unwrap_or_default(),
    }
}

fn protocol(written: &str) -> String {
    let name = match written {
        "-1" => "all",
        "6" => "tcp",
        "17" => "udp",
        "1" => "icmp",
        "58" => "icmpv6",
        other => other,
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn change(json: Value) -> Change {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn changes_are_told_in_words() {
        let authorize = change(json!({"AuthorizeSecurityGroupIngress": {"GroupId": "sg-1", "IpPermissions": [{
            "IpProtocol": "tcp", "FromPort": 10250, "ToPort": 10250,
            "UserIdGroupPairs": [{"GroupId": "sg-2"}], "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]}}));
        assert_eq!(
            words(&authorize),
            ["allow ingress tcp 10250 from sg-2 in sg-1", "allow ingress tcp 10250 from 10.0.0.0/8 in sg-1"]
        );
        let entry =
            change(json!({"CreateNetworkAclEntry": {"NetworkAclId": "acl-1", "RuleNumber": 90, "Protocol": "6",
            "RuleAction": "allow", "Egress": true, "CidrBlock": "0.0.0.0/0", "PortRange": {"From": 443, "To": 443}}}));
        assert_eq!(words(&entry), ["allow egress tcp 443 to 0.0.0.0/0 by entry 90 of acl-1"]);
        let route = change(json!({"CreateRoute": {"RouteTableId": "rtb-1", "DestinationCidrBlock": "0.0.0.0/0",
            "NatGatewayId": "nat-1"}}));
        assert_eq!(words(&route), ["route 0.0.0.0/0 to nat-1 in rtb-1"]);
        let tags = change(json!({"CreateTags": {"Resources": ["sg-1"], "Tags": [{"Key": "a"}]}}));
        assert_eq!(words(&tags), ["call CreateTags"]);
    }
}
