//! Changes as people make them: with the AWS CLI, or in Terraform.

use std::fmt::Write as _;

use reach_model::change::{
    Change, GroupRules, IcmpTypeCode, IpPermission, ModifyManagedPrefixList, NetworkAclEntry, Route, Tag,
};
use serde::Serialize;

/// One rule that a change makes, in the words of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Rule {
    pub(crate) resource: String,
    /// `ingress` or `egress`; `null` where a route or a setting has none.
    pub(crate) direction: Option<&'static str>,
    pub(crate) protocol: String,
    pub(crate) port: String,
    /// A group, a CIDR, a prefix list, or the target of a route.
    pub(crate) peer: String,
}

/// The change as the API's own JSON.
pub(crate) fn api(change: &Change) -> serde_json::Value {
    serde_json::to_value(change).unwrap_or_default()
}

/// What a change opens, one line for each peer: rules and entries, and as lines of the same table routes, associations
/// (to a table), members of prefix lists and endpoints, and CIDRs of a cluster's public endpoint.
pub(crate) fn rules(change: &Change) -> Vec<Rule> {
    match change {
        Change::AuthorizeSecurityGroupIngress(input) => group_rules(input, "ingress"),
        Change::AuthorizeSecurityGroupEgress(input) => group_rules(input, "egress"),
        Change::CreateNetworkAclEntry(entry) | Change::ReplaceNetworkAclEntry(entry) => vec![Rule {
            resource: entry.network_acl_id.clone(),
            direction: Some(if entry.egress { "egress" } else { "ingress" }),
            protocol: protocol_name(&entry.protocol),
            port: acl_ports(entry),
            peer: entry.cidr_block.clone().or_else(|| entry.ipv6_cidr_block.clone()).unwrap_or_default(),
        }],
        Change::CreateRoute(route) | Change::ReplaceRoute(route) => {
            vec![way(&route.route_table_id, target(route).1)]
        }
        Change::AssociateRouteTable(input) => {
            let subject = input.subnet_id.as_ref().or(input.gateway_id.as_ref());
            subject.map(|subject| way(subject, &input.route_table_id)).into_iter().collect()
        }
        Change::ReplaceRouteTableAssociation(input) => vec![way(&input.association_id, &input.route_table_id)],
        Change::ModifyManagedPrefixList(list) => {
            list.add_entries.iter().map(|entry| way(&list.prefix_list_id, &entry.cidr)).collect()
        }
        Change::ModifyVpcEndpoint(input) => {
            let added = input.add_security_group_ids.iter().chain(&input.add_route_table_ids);
            added.map(|peer| way(&input.vpc_endpoint_id, peer)).collect()
        }
        Change::UpdateClusterConfig(input) => {
            let cidrs = input.resources_vpc_config.public_access_cidrs.iter().flatten();
            let admits = |cidr: &String| Rule {
                resource: input.name.clone(),
                direction: Some("ingress"),
                protocol: "tcp".to_owned(),
                port: "443".to_owned(),
                peer: cidr.clone(),
            };
            cidrs.map(admits).collect()
        }
        _ => Vec::new(),
    }
}

/// A line without direction and ports: whatever is sent there goes this way.
fn way(resource: &str, peer: &str) -> Rule {
    let all = || "all".to_owned();
    Rule { resource: resource.to_owned(), direction: None, protocol: all(), port: all(), peer: peer.to_owned() }
}

fn group_rules(input: &GroupRules, direction: &'static str) -> Vec<Rule> {
    let permissions = input.ip_permissions.iter();
    permissions
        .flat_map(|permission| {
            peers(permission).into_iter().map(|(_, peer)| Rule {
                resource: input.group_id.clone(),
                direction: Some(direction),
                protocol: protocol_name(&permission.ip_protocol),
                port: ports(permission),
                peer,
            })
        })
        .collect()
}

/// The peers of a permission, each with Terraform's argument for its kind.
fn peers(permission: &IpPermission) -> Vec<(&'static str, String)> {
    let groups = permission.user_id_group_pairs.iter().map(|pair| ("referenced_security_group_id", &pair.group_id));
    let v4 = permission.ip_ranges.iter().map(|range| ("cidr_ipv4", &range.cidr_ip));
    let v6 = permission.ipv6_ranges.iter().map(|range| ("cidr_ipv6", &range.cidr_ipv6));
    let lists = permission.prefix_list_ids.iter().map(|list| ("prefix_list_id", &list.prefix_list_id));
    groups.chain(v4).chain(v6).chain(lists).map(|(key, peer)| (key, peer.clone())).collect()
}

/// `tcp`, `all`, or a number that has no name.
fn protocol_name(text: &str) -> String {
    let name = match text {
        "-1" => "all",
        "1" => "icmp",
        "6" => "tcp",
        "17" => "udp",
        "58" => "icmpv6",
        other => other,
    };
    name.to_owned()
}

fn range(from: i64, to: i64) -> String {
    match (from, to) {
        (-1, -1) => "all".to_owned(),
        (from, to) if from == to => from.to_string(),
        (from, to) => format!("{from}-{to}"),
    }
}

/// ICMP's type and code: `8`, `3/4`, `all`.
fn message(kind: i64, code: i64) -> String {
    match (kind, code) {
        (-1, _) => "all".to_owned(),
        (kind, -1) => kind.to_string(),
        (kind, code) => format!("{kind}/{code}"),
    }
}

fn ports(permission: &IpPermission) -> String {
    match (permission.from_port, permission.to_port) {
        (Some(kind), Some(code)) if matches!(&*permission.ip_protocol, "icmp" | "icmpv6" | "1" | "58") => {
            message(kind, code)
        }
        (Some(from), Some(to)) => range(from, to),
        _ => "all".to_owned(),
    }
}

fn acl_ports(entry: &NetworkAclEntry) -> String {
    match (entry.port_range, entry.icmp_type_code) {
        (Some(ports), _) => range(i64::from(ports.from), i64::from(ports.to)),
        (None, Some(IcmpTypeCode { kind, code })) => message(kind, code),
        (None, None) => "all".to_owned(),
    }
}

/// What a change does, in words.
pub(crate) fn words(change: &Change) -> Vec<String> {
    let traffic = |rule: &Rule| match (&*rule.protocol, &*rule.port) {
        ("all", _) => "all traffic".to_owned(),
        (protocol, "all" | "0-65535") => format!("all {protocol}"),
        (protocol, port) => format!("{protocol} {port}"),
    };
    let preposition = |rule: &Rule| if rule.direction == Some("egress") { "to" } else { "from" };
    match change {
        Change::AuthorizeSecurityGroupIngress(_) | Change::AuthorizeSecurityGroupEgress(_) => rules(change)
            .iter()
            .map(|rule| {
                let verb = if rule.direction == Some("egress") { "let out" } else { "let in" };
                format!("{}: {verb} {} {} {}", rule.resource, traffic(rule), preposition(rule), rule.peer)
            })
            .collect(),
        Change::CreateNetworkAclEntry(entry) | Change::ReplaceNetworkAclEntry(entry) => {
            let verb = if matches!(change, Change::CreateNetworkAclEntry(_)) { "add" } else { "replace" };
            let text = |rule: &Rule| {
                format!(
                    "{}: {verb} {} entry {} that allows {} {} {}",
                    rule.resource,
                    rule.direction.unwrap_or_default(),
                    entry.rule_number,
                    traffic(rule),
                    preposition(rule),
                    rule.peer
                )
            };
            rules(change).iter().map(text).collect()
        }
        Change::CreateRoute(route) | Change::ReplaceRoute(route) => {
            let verb = if matches!(change, Change::CreateRoute(_)) { "add a" } else { "replace the" };
            let (_, destination) = destination(route);
            let (_, target) = target(route);
            vec![format!("{}: {verb} route for {destination} to {target}", route.route_table_id)]
        }
        Change::AssociateRouteTable(input) => {
            let subject = input.subnet_id.as_ref().or(input.gateway_id.as_ref());
            let subject = subject.map_or("", String::as_str);
            vec![format!("{subject}: use route table {} instead of the main one", input.route_table_id)]
        }
        Change::ReplaceRouteTableAssociation(input) => {
            vec![format!("{}: associate route table {} instead", input.association_id, input.route_table_id)]
        }
        Change::ModifyManagedPrefixList(list) => {
            let entries: Vec<&str> = list.add_entries.iter().map(|entry| entry.cidr.as_str()).collect();
            vec![format!("{}: add {}", list.prefix_list_id, entries.join(", "))]
        }
        Change::CreateVpcEndpoint(input) => {
            let kind = input.vpc_endpoint_type.as_deref().unwrap_or("Gateway").to_lowercase();
            let places = if input.subnet_ids.is_empty() { &input.route_table_ids } else { &input.subnet_ids };
            let groups = if input.security_group_ids.is_empty() {
                String::new()
            } else {
                format!(" with {}", input.security_group_ids.join(", "))
            };
            vec![format!(
                "{}: create the {kind} endpoint {} in {}{groups}",
                input.vpc_id,
                input.service_name,
                places.join(", ")
            )]
        }
        Change::ModifyVpcEndpoint(input) => {
            let mut what = Vec::new();
            if !input.add_route_table_ids.is_empty() {
                what.push(format!("add the route tables {}", input.add_route_table_ids.join(", ")));
            }
            if input.private_dns_enabled == Some(true) {
                what.push("enable private DNS".to_owned());
            }
            vec![format!("{}: {}", input.vpc_endpoint_id, what.join(", "))]
        }
        Change::UpdateClusterConfig(input) => {
            let access = &input.resources_vpc_config;
            let mut what = Vec::new();
            if let Some(cidrs) = &access.public_access_cidrs {
                what.push(format!("set publicAccessCidrs to {}", cidrs.join(", ")));
            }
            if access.endpoint_private_access == Some(true) {
                what.push("enable private access to the API endpoint".to_owned());
            }
            if access.endpoint_public_access == Some(true) {
                what.push("enable public access to the API endpoint".to_owned());
            }
            vec![format!("cluster {}: {}", input.name, what.join(", "))]
        }
        Change::ModifyNetworkInterfaceAttribute(input) => {
            let what = match (&input.groups, input.source_dest_check) {
                (Some(groups), _) => format!("set its security groups to {}", groups.join(", ")),
                (None, Some(check)) if check.value => "switch the source/destination check on".to_owned(),
                (None, _) => "switch the source/destination check off".to_owned(),
            };
            vec![format!("{}: {what}", input.network_interface_id)]
        }
        Change::CreateTags(input) | Change::DeleteTags(input) => {
            let verb = if matches!(change, Change::CreateTags(_)) { "add" } else { "remove" };
            let tag = |tag: &Tag| match &tag.value {
                Some(value) => format!("{}={value}", tag.key),
                None => tag.key.clone(),
            };
            let tags: Vec<String> = input.tags.iter().map(tag).collect();
            vec![format!("{}: {verb} the tag {}", input.resources.join(", "), tags.join(", "))]
        }
        other => vec![call_name(other)],
    }
}

/// Text as one word of a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The name of the API's call.
fn call_name(change: &Change) -> String {
    match api(change) {
        serde_json::Value::Object(map) => map.into_iter().next().map_or_else(String::new, |(name, _)| name),
        _ => String::new(),
    }
}

/// `AuthorizeSecurityGroupIngress` as `authorize-security-group-ingress`; `enableDnsSupport` likewise.
fn dashed(name: &str) -> String {
    let mut text = String::new();
    let mut before_lower = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && before_lower {
            text.push('-');
        }
        before_lower = letter.is_ascii_lowercase() || letter.is_ascii_digit();
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// A command of the AWS CLI that makes the change.
pub(crate) fn aws_cli(change: &Change) -> String {
    let serde_json::Value::Object(whole) = api(change) else { return String::new() };
    let Some((name, serde_json::Value::Object(input))) = whole.into_iter().next() else { return String::new() };
    if let Change::UpdateClusterConfig(input) = change {
        return update_cluster(input);
    }
    let mut command = format!("aws ec2 {}", dashed(&name));
    for (key, value) in input {
        let option = dashed(&key);
        // Writing to a string does not fail.
        let _ = match value {
            // An entry's direction is a pair of flags of its own.
            serde_json::Value::Bool(on) if key == "Egress" => {
                write!(command, " --{}", if on { "egress" } else { "ingress" })
            }
            serde_json::Value::Bool(on) => {
                write!(command, " --{}{option}", if on { "" } else { "no-" })
            }
            serde_json::Value::String(text) => write!(command, " --{option} {}", quoted(&text)),
            serde_json::Value::Array(items) if items.iter().all(serde_json::Value::is_string) => {
                let words: Vec<String> = items.iter().filter_map(|item| item.as_str()).map(quoted).collect();
                write!(command, " --{option} {}", words.join(" "))
            }
            serde_json::Value::Object(map) if key == "SourceDestCheck" => {
                let on = map.get("Value").and_then(serde_json::Value::as_bool) == Some(true);
                write!(command, " --{}{option}", if on { "" } else { "no-" })
            }
            serde_json::Value::Object(map) if key == "PortRange" || key == "IcmpTypeCode" => {
                let parts: Vec<String> = map.iter().map(|(key, value)| format!("{key}={value}")).collect();
                write!(command, " --{option} {}", parts.join(","))
            }
            other => write!(command, " --{option} {}", quoted(&other.to_string())),
        };
    }
    command
}

fn update_cluster(input: &reach_model::change::UpdateClusterConfig) -> String {
    let access = &input.resources_vpc_config;
    let mut parts = Vec::new();
    if let Some(on) = access.endpoint_public_access {
        parts.push(format!("endpointPublicAccess={on}"));
    }
    if let Some(on) = access.endpoint_private_access {
        parts.push(format!("endpointPrivateAccess={on}"));
    }
    if let Some(cidrs) = &access.public_access_cidrs {
        let cidrs: Vec<String> = cidrs.iter().map(|cidr| format!("\"{cidr}\"")).collect();
        parts.push(format!("publicAccessCidrs=[{}]", cidrs.join(",")));
    }
    format!(
        "aws eks update-cluster-config --name {} --resources-vpc-config {}",
        quoted(&input.name),
        quoted(&parts.join(","))
    )
}

/// The destination of a route: Terraform's argument, and the value.
fn destination(route: &Route) -> (&'static str, &str) {
    let keys = [
        ("destination_cidr_block", &route.destination_cidr_block),
        ("destination_ipv6_cidr_block", &route.destination_ipv6_cidr_block),
        ("destination_prefix_list_id", &route.destination_prefix_list_id),
    ];
    first(keys)
}

/// The target of a route, likewise.
fn target(route: &Route) -> (&'static str, &str) {
    let keys = [
        ("gateway_id", &route.gateway_id),
        ("nat_gateway_id", &route.nat_gateway_id),
        ("transit_gateway_id", &route.transit_gateway_id),
        ("vpc_peering_connection_id", &route.vpc_peering_connection_id),
        ("egress_only_gateway_id", &route.egress_only_internet_gateway_id),
        ("network_interface_id", &route.network_interface_id),
        ("vpc_endpoint_id", &route.vpc_endpoint_id),
    ];
    first(keys)
}

fn first<'a>(keys: impl IntoIterator<Item = (&'static str, &'a Option<String>)>) -> (&'static str, &'a str) {
    let mut named = keys.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?)));
    named.next().unwrap_or(("", ""))
}

/// One block of HCL under construction.
struct Block(String);

impl Block {
    fn new(kind: &str, name: &str) -> Self {
        Self(format!("resource \"{kind}\" \"{name}\" {{\n"))
    }

    fn text(&mut self, key: &str, value: &str) {
        self.raw(key, &literal(value));
    }

    fn raw(&mut self, key: &str, value: &str) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "  {key} = {value}");
    }

    fn list(&mut self, key: &str, values: &[String]) {
        if !values.is_empty() {
            let values: Vec<String> = values.iter().map(|value| literal(value)).collect();
            self.raw(key, &format!("[{}]", values.join(", ")));
        }
    }

    /// The block with its equals signs in one column, as `terraform fmt` has them.
    fn end(self) -> String {
        let width =
            self.0.lines().filter_map(|line| line.trim_start().split_once(" = ")).map(|(key, _)| key.len()).max();
        let width = width.unwrap_or(0);
        let lines = self.0.lines().map(|line| match line.strip_prefix("  ").and_then(|line| line.split_once(" = ")) {
            Some((key, value)) => format!("  {key:<width$} = {value}\n"),
            None => format!("{line}\n"),
        });
        format!("{}}}\n", lines.collect::<String>())
    }
}

/// A string of HCL.
fn literal(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('"', "\\\"").replace("${", "$${").replace("%{", "%%{");
    format!("\"{escaped}\"")
}

/// A name for a block: letters, digits and underscores.
fn name(parts: &[&str]) -> String {
    let text = parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join("_");
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}

/// The changes as Terraform has them. What is an argument of a resource that exists already is a comment that says what
/// to set.
pub(crate) fn terraform(changes: &[Change]) -> String {
    let blocks: Vec<String> = changes.iter().flat_map(blocks).collect();
    blocks.join("\n")
}

fn blocks(change: &Change) -> Vec<String> {
    match change {
        Change::AuthorizeSecurityGroupIngress(input) => group_blocks(input, "ingress"),
        Change::AuthorizeSecurityGroupEgress(input) => group_blocks(input, "egress"),
        Change::CreateNetworkAclEntry(entry) => vec![acl_block(entry)],
        Change::ReplaceNetworkAclEntry(entry) => {
            vec![format!("# in place of rule {} of {}:\n{}", entry.rule_number, entry.network_acl_id, acl_block(entry))]
        }
        Change::CreateRoute(route) => vec![route_block(route)],
        Change::ReplaceRoute(route) => {
            let (_, to) = destination(route);
            vec![format!("# in place of the route of {} for {to}:\n{}", route.route_table_id, route_block(route))]
        }
        Change::AssociateRouteTable(input) => {
            let subnet = input.subnet_id.as_deref().unwrap_or_default();
            let mut block = Block::new("aws_route_table_association", &name(&[subnet]));
            block.text("subnet_id", subnet);
            block.text("route_table_id", &input.route_table_id);
            vec![block.end()]
        }
        Change::ReplaceRouteTableAssociation(input) => vec![setting(
            "aws_route_table_association",
            &input.association_id,
            &[("route_table_id", literal(&input.route_table_id))],
        )],
        Change::ModifyManagedPrefixList(list) => list_blocks(list),
        Change::CreateVpcEndpoint(input) => {
            let label = input.service_name.rsplit("amazonaws.").next().unwrap_or(&input.service_name);
            let mut block = Block::new("aws_vpc_endpoint", &name(&[label]));
            block.text("vpc_id", &input.vpc_id);
            block.text("service_name", &input.service_name);
            block.text("vpc_endpoint_type", input.vpc_endpoint_type.as_deref().unwrap_or("Gateway"));
            block.list("subnet_ids", &input.subnet_ids);
            block.list("security_group_ids", &input.security_group_ids);
            block.list("route_table_ids", &input.route_table_ids);
            if let Some(on) = input.private_dns_enabled {
                block.raw("private_dns_enabled", &on.to_string());
            }
            vec![block.end()]
        }
        Change::ModifyVpcEndpoint(input) => {
            let mut blocks = Vec::new();
            for table in &input.add_route_table_ids {
                let kind = "aws_vpc_endpoint_route_table_association";
                let mut block = Block::new(kind, &name(&[&input.vpc_endpoint_id, table]));
                block.text("vpc_endpoint_id", &input.vpc_endpoint_id);
                block.text("route_table_id", table);
                blocks.push(block.end());
            }
            if let Some(on) = input.private_dns_enabled {
                let settings = [("private_dns_enabled", on.to_string())];
                blocks.push(setting("aws_vpc_endpoint", &input.vpc_endpoint_id, &settings));
            }
            blocks
        }
        Change::UpdateClusterConfig(input) => {
            let access = &input.resources_vpc_config;
            let mut settings = Vec::new();
            if let Some(on) = access.endpoint_public_access {
                settings.push(("endpoint_public_access", on.to_string()));
            }
            if let Some(on) = access.endpoint_private_access {
                settings.push(("endpoint_private_access", on.to_string()));
            }
            if let Some(cidrs) = &access.public_access_cidrs {
                let cidrs: Vec<String> = cidrs.iter().map(|cidr| literal(cidr)).collect();
                settings.push(("public_access_cidrs", format!("[{}]", cidrs.join(", "))));
            }
            vec![setting("aws_eks_cluster", &format!("{}, in vpc_config", input.name), &settings)]
        }
        Change::ModifyNetworkInterfaceAttribute(input) => {
            let id = &input.network_interface_id;
            let groups = input.groups.iter().flatten().map(|group| {
                let mut block = Block::new("aws_network_interface_sg_attachment", &name(&[id, group]));
                block.text("security_group_id", group);
                block.text("network_interface_id", id);
                block.end()
            });
            let check = input
                .source_dest_check
                .map(|check| setting("aws_network_interface", id, &[("source_dest_check", check.value.to_string())]));
            groups.chain(check).collect()
        }
        other => vec![format!("# no Terraform for {}\n", call_name(other))],
    }
}

/// An argument of a resource that exists already.
fn setting(kind: &str, id: &str, settings: &[(&str, String)]) -> String {
    let mut text = format!("# in the {kind} of {id}, set:\n");
    for (key, value) in settings {
        // Writing to a string does not fail.
        let _ = writeln!(text, "#   {key} = {value}");
    }
    text
}

fn group_blocks(input: &GroupRules, direction: &str) -> Vec<String> {
    let kind = format!("aws_vpc_security_group_{direction}_rule");
    let mut blocks = Vec::new();
    for permission in &input.ip_permissions {
        for (key, peer) in peers(permission) {
            let protocol = protocol_name(&permission.ip_protocol);
            let block_name = name(&[&input.group_id, &protocol, &ports(permission), &peer]);
            let mut block = Block::new(&kind, &block_name);
            block.text("security_group_id", &input.group_id);
            block.text(key, &peer);
            block.text("ip_protocol", &permission.ip_protocol);
            if let (Some(from), Some(to)) = (permission.from_port, permission.to_port) {
                block.raw("from_port", &from.to_string());
                block.raw("to_port", &to.to_string());
            }
            blocks.push(block.end());
        }
    }
    blocks
}

fn acl_block(entry: &NetworkAclEntry) -> String {
    let direction = if entry.egress { "egress" } else { "ingress" };
    let number = entry.rule_number.to_string();
    let mut block = Block::new("aws_network_acl_rule", &name(&[&entry.network_acl_id, direction, &number]));
    block.text("network_acl_id", &entry.network_acl_id);
    block.raw("rule_number", &number);
    block.raw("egress", &entry.egress.to_string());
    block.text("protocol", &entry.protocol);
    block.text("rule_action", &entry.rule_action);
    if let Some(net) = &entry.cidr_block {
        block.text("cidr_block", net);
    }
    if let Some(net) = &entry.ipv6_cidr_block {
        block.text("ipv6_cidr_block", net);
    }
    if let Some(ports) = entry.port_range {
        block.raw("from_port", &ports.from.to_string());
        block.raw("to_port", &ports.to.to_string());
    }
    if let Some(message) = entry.icmp_type_code {
        block.raw("icmp_type", &message.kind.to_string());
        block.raw("icmp_code", &message.code.to_string());
    }
    block.end()
}

fn route_block(route: &Route) -> String {
    let (key, to) = destination(route);
    let (target_key, by) = target(route);
    let mut block = Block::new("aws_route", &name(&[&route.route_table_id, to]));
    block.text("route_table_id", &route.route_table_id);
    block.text(key, to);
    block.text(target_key, by);
    block.end()
}

fn list_blocks(list: &ModifyManagedPrefixList) -> Vec<String> {
    let entries = list.add_entries.iter();
    entries
        .map(|entry| {
            let kind = "aws_ec2_managed_prefix_list_entry";
            let mut block = Block::new(kind, &name(&[&list.prefix_list_id, &entry.cidr]));
            block.text("prefix_list_id", &list.prefix_list_id);
            block.text("cidr", &entry.cidr);
            block.end()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(json: &str) -> Change {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_rule_of_a_group() {
        let change = change(
            r#"{"AuthorizeSecurityGroupIngress": {"GroupId": "sg-1", "IpPermissions": [{"IpProtocol": "tcp",
            "FromPort": 53, "ToPort": 53, "UserIdGroupPairs": [{"GroupId": "sg-2"}]}]}}"#,
        );
        assert_eq!(
            aws_cli(&change),
            r#"aws ec2 authorize-security-group-ingress --group-id sg-1 --ip-permissions '[{"FromPort":53,"IpProtocol":"tcp","ToPort":53,"UserIdGroupPairs":[{"GroupId":"sg-2"}]}]'"#
        );
        assert_eq!(words(&change), ["sg-1: let in tcp 53 from sg-2"]);
        assert_eq!(
            terraform(&[change]),
            "resource \"aws_vpc_security_group_ingress_rule\" \"sg_1_tcp_53_sg_2\" {
  security_group_id            = \"sg-1\"
  referenced_security_group_id = \"sg-2\"
  ip_protocol                  = \"tcp\"
  from_port                    = 53
  to_port                      = 53
}
"
        );
    }

    #[test]
    fn an_entry_of_a_network_acl() {
        let change = change(
            r#"{"CreateNetworkAclEntry": {"NetworkAclId": "acl-1", "RuleNumber": 90, "Protocol": "6",
            "RuleAction": "allow", "Egress": false, "CidrBlock": "10.0.0.0/16", "PortRange": {"From": 1024, "To": 65535}}}"#,
        );
        assert_eq!(
            aws_cli(&change),
            "aws ec2 create-network-acl-entry --cidr-block 10.0.0.0/16 --ingress --network-acl-id acl-1 \
             --port-range From=1024,To=65535 --protocol 6 --rule-action allow --rule-number 90"
        );
        let [rule] = &rules(&change)[..] else { panic!("one rule") };
        assert_eq!(
            (rule.protocol.as_str(), rule.port.as_str(), rule.direction),
            ("tcp", "1024-65535", Some("ingress"))
        );
    }

    #[test]
    fn the_list_of_a_cluster() {
        let change = change(
            r#"{"UpdateClusterConfig": {"name": "it's", "resourcesVpcConfig": {"publicAccessCidrs": ["198.51.100.5/32"]}}}"#,
        );
        assert_eq!(
            aws_cli(&change),
            r#"aws eks update-cluster-config --name 'it'\''s' --resources-vpc-config 'publicAccessCidrs=["198.51.100.5/32"]'"#
        );
        assert!(terraform(&[change]).contains("#   public_access_cidrs = [\"198.51.100.5/32\"]"));
    }

    #[test]
    fn options_are_spelled_as_the_cli_spells_them() {
        assert_eq!(dashed("AuthorizeSecurityGroupEgress"), "authorize-security-group-egress");
        assert_eq!(dashed("Ipv6CidrBlock"), "ipv6-cidr-block");
        assert_eq!(dashed("DestinationIpv6CidrBlock"), "destination-ipv6-cidr-block");
        assert_eq!(dashed("VpcEndpointId"), "vpc-endpoint-id");
    }
}
