//! Changes of security groups and of the groups of interfaces.

use super::quota::{check_groups, check_product, counts};
use super::{Refusal, lookup};
use crate::api::Call;
use crate::change::{
    CreateSecurityGroup, DeleteSecurityGroup, GroupReference, GroupRules, IpPermission,
    ModifyNetworkInterfaceAttribute, is_unknown,
};
use crate::network::filter::{FieldProblem, cidr_v4, cidr_v6, rule_fields};
use crate::network::{
    AttachmentKind, Direction, GroupPeer, Idx, InterfaceKind, Network, Peer, PrefixList, Ref, RuleProtocol,
    SecurityGroup, SecurityGroupRule, Tags, Vpc,
};

fn malformed(problems: Vec<FieldProblem>) -> Refusal {
    let text = problems.into_iter().map(|(field, message)| format!("{}: {message}", field.trim_start_matches('.')));
    Refusal::value(text.collect::<Vec<_>>().join("; "))
}

/// Protocol and ports of a permission as AWS keeps them, checked as AWS checks them.
fn header(permission: &IpPermission) -> Result<(RuleProtocol, Option<u16>, Option<u16>), Refusal> {
    if permission.ip_protocol.is_empty() {
        return Err(Refusal::missing("IpProtocol"));
    }
    let text = &*permission.ip_protocol;
    if crate::network::filter::protocol(text).is_none() {
        return Err(Refusal::new("InvalidPermission.Malformed", format!("unsupported IP protocol \"{text}\"")));
    }
    let (from, to) = (permission.from_port, permission.to_port);
    let fields = rule_fields(text, from, to).map_err(malformed)?;
    let RuleProtocol::Number(protocol) = fields.0 else { return Ok((fields.0, None, None)) };
    if protocol.has_ports() && !protocol_keeps_ports(fields.0) {
        return Ok((fields.0, None, None));
    }
    if protocol.has_ports() {
        // SG-10: all ports are 0-65535, and -1 is none.
        return match (fields.1, fields.2) {
            (Some(_), Some(_)) => Ok(fields),
            _ if from.is_none() && to.is_none() => Err(Refusal::value("TCP and UDP need both FromPort and ToPort")),
            _ => Err(Refusal::value("TCP/UDP port (-1) out of range")),
        };
    }
    if protocol.is_icmp() {
        if fields.1.is_none() && fields.2.is_some() {
            return Err(Refusal::value("ICMP type -1 goes with code -1 only"));
        }
        return Ok(fields);
    }
    // SG-9: other protocols have no ports, whatever was asked for.
    Ok((fields.0, None, None))
}

/// Whether AWS keeps the ports of a rule of this protocol: TCP, UDP and ICMP (SG-9).
fn protocol_keeps_ports(protocol: RuleProtocol) -> bool {
    matches!(protocol, RuleProtocol::Number(number) if matches!(number.number(), 1 | 6 | 17 | 58))
}

/// Whether two rules are one to AWS: same protocol, ports and peer, whatever the peer's description.
fn same_rule(a: &SecurityGroupRule, b: &SecurityGroupRule) -> bool {
    let ports = |rule: &SecurityGroupRule| {
        if protocol_keeps_ports(rule.protocol) { (rule.from_port, rule.to_port) } else { (None, None) }
    };
    let peers = match (&a.peer, &b.peer) {
        (Peer::Group(a), Peer::Group(b)) => a.group == b.group,
        (a, b) => a == b,
    };
    peers && a.protocol == b.protocol && ports(a) == ports(b)
}

/// The rules that permissions ask for, one peer each (SG-14). `peer_of` reads references to groups.
fn unpack(
    network: &Network,
    permissions: &[IpPermission],
    lists: impl Fn(&str) -> Result<Ref<PrefixList>, Refusal>,
    peer_of: impl Fn(&GroupReference) -> Result<GroupPeer, Refusal>,
) -> Result<Vec<SecurityGroupRule>, Refusal> {
    let mut rules: Vec<SecurityGroupRule> = Vec::new();
    let bad = |text: &str| Refusal::value(format!("CIDR block {text} is malformed"));
    for permission in permissions {
        let (protocol, from_port, to_port) = header(permission)?;
        let mut peers: Vec<Peer> = Vec::new();
        for range in &permission.ip_ranges {
            peers.push(Peer::Cidr(cidr_v4(&range.cidr_ip).ok_or_else(|| bad(&range.cidr_ip))?));
        }
        for range in &permission.ipv6_ranges {
            peers.push(Peer::Cidr(cidr_v6(&range.cidr_ipv6).ok_or_else(|| bad(&range.cidr_ipv6))?));
        }
        for list in &permission.prefix_list_ids {
            peers.push(Peer::PrefixList(lists(&list.prefix_list_id)?));
        }
        for reference in &permission.user_id_group_pairs {
            peers.push(Peer::Group(peer_of(reference)?));
        }
        if peers.is_empty() {
            return Err(Refusal::new("InvalidPermission.Malformed", "a permission names no peer"));
        }
        for peer in peers {
            let rule = SecurityGroupRule { id: None, protocol, from_port, to_port, peer };
            if rules.iter().any(|other| same_rule(other, &rule)) {
                return Err(Refusal::value(format!(
                    "the same permission must not appear multiple times: {}",
                    told(network, &rule)
                )));
            }
            rules.push(rule);
        }
    }
    Ok(rules)
}

/// A rule in the words of AWS's messages.
fn told(network: &Network, rule: &SecurityGroupRule) -> String {
    let peer = match &rule.peer {
        Peer::Cidr(net) => net.to_string(),
        Peer::PrefixList(list) => list.id(&network.prefix_lists).to_string(),
        Peer::Group(peer) => peer.group.id(&network.groups).to_string(),
    };
    let protocol = match rule.protocol {
        RuleProtocol::Any => "ALL".to_owned(),
        RuleProtocol::Number(number) => number.to_string(),
    };
    match (rule.from_port, rule.to_port) {
        (Some(from), Some(to)) => format!("peer: {peer}, {protocol}, from port: {from}, to port: {to}"),
        (Some(from), None) => format!("peer: {peer}, {protocol}, type: {from}"),
        _ => format!("peer: {peer}, {protocol}"),
    }
}

fn rules_of(group: &SecurityGroup, direction: Direction) -> &Vec<SecurityGroupRule> {
    match direction {
        Direction::Ingress => &group.ingress,
        Direction::Egress => &group.egress,
    }
}

fn rules_mut(group: &mut SecurityGroup, direction: Direction) -> &mut Vec<SecurityGroupRule> {
    match direction {
        Direction::Ingress => &mut group.ingress,
        Direction::Egress => &mut group.egress,
    }
}

/// Whether a resource that `call` lists and the snapshot lacks is surely not there.
pub(super) fn surely_absent(network: &Network, vpc: Option<&Ref<Vpc>>, call: Call) -> bool {
    network.collected_for(vpc.and_then(Ref::known), call)
}

/// `AuthorizeSecurityGroupIngress` and `AuthorizeSecurityGroupEgress`.
pub(super) fn authorize(network: &mut Network, input: &GroupRules, direction: Direction) -> Result<(), Refusal> {
    let idx = lookup::group(network, &input.group_id)?;
    if !input.security_group_rule_ids.is_empty() {
        return Err(Refusal::combination("SecurityGroupRuleIds name rules that are there already"));
    }
    if input.ip_permissions.is_empty() {
        return Err(Refusal::missing("IpPermissions"));
    }
    let group = network.groups.get(idx);
    let lists = |text: &str| {
        let list = lookup::list_reference(network, text)?;
        let absent = surely_absent(network, group.vpc.as_ref(), Call::DescribeManagedPrefixLists) && !is_unknown(text);
        if list.known().is_none() && absent { Err(lookup::PREFIX_LIST.not_found(text)) } else { Ok(list) }
    };
    let peer_of = |reference: &GroupReference| group_peer(network, idx, reference, direction);
    let rules = unpack(network, &input.ip_permissions, lists, peer_of)?;
    for rule in &rules {
        if rules_of(group, direction).iter().any(|other| same_rule(other, rule)) {
            let message = format!("the specified rule \"{}\" already exists", told(network, rule));
            return Err(Refusal::new("InvalidPermission.Duplicate", message));
        }
    }
    let after = counts(network, rules_of(group, direction).iter().chain(&rules));
    let more = counts(network, rules.iter());
    // Only the family that grows can pass its limit.
    let grown = after.into_iter().zip(more).filter(|(_, more)| *more > 0).map(|(after, _)| after).max();
    check_product(network, idx, grown.unwrap_or(0))?;
    rules_mut(network.groups.get_mut(idx), direction).extend(rules);
    Ok(())
}

/// A reference to a group as AWS keeps it: with the owner of the group, and the peering that leads to it (SG-19).
fn group_peer(
    network: &Network,
    of: Idx<SecurityGroup>,
    reference: &GroupReference,
    direction: Direction,
) -> Result<GroupPeer, Refusal> {
    let own = network.groups.get(of);
    let group = lookup::group_reference(network, &reference.group_id)?;
    let given =
        match reference.vpc_peering_connection_id.as_deref() {
            None => None,
            Some(text) => Some(text.parse::<crate::ids::PeeringId>().map_err(|_| {
                Refusal::new("InvalidVpcPeeringConnectionId.Malformed", format!("invalid id: \"{text}\""))
            })?),
        };
    let user = reference.user_id.as_deref().map(Box::from);
    let Some(idx) = group.known() else {
        // Other accounts' groups are not in the snapshot; one of this account's that is not there is nowhere.
        let foreign = given.is_some() || (user.is_some() && user != own.owner);
        if !foreign && surely_absent(network, own.vpc.as_ref(), Call::DescribeSecurityGroups) {
            return Err(lookup::GROUP.not_found(&reference.group_id));
        }
        let peering_status = given.as_ref().map(|_| "active".into());
        return Ok(GroupPeer { group, owner: user.or_else(|| own.owner.clone()), peering: given, peering_status });
    };
    let other = network.groups.get(idx);
    let owner = other.owner.clone().or(user).or_else(|| own.owner.clone());
    let (Some(here), Some(there)) = (&own.vpc, &other.vpc) else {
        let peering_status = given.as_ref().map(|_| "active".into());
        return Ok(GroupPeer { group, owner, peering: given, peering_status });
    };
    let (here_id, there_id) = (here.id(&network.vpcs), there.id(&network.vpcs));
    if here == there || other.associated_vpcs.contains(here_id) || own.associated_vpcs.contains(there_id) {
        return Ok(GroupPeer { group, owner, peering: None, peering_status: None });
    }
    let peering = network.peerings.iter().map(|(_, peering)| peering).find(|peering| {
        let joins = peering.other_side(here_id).is_some_and(|side| side.vpc.as_ref() == Some(there_id));
        joins && peering.is_active() && peering.same_region() && given.as_ref().is_none_or(|id| *id == peering.id)
    });
    if let Some(peering) = peering {
        let peering_status = Some("active".into());
        return Ok(GroupPeer { group, owner, peering: Some(peering.id.clone()), peering_status });
    }
    if direction == Direction::Ingress && given.is_none() && share_gateway(network, here_id, there_id) {
        return Ok(GroupPeer { group, owner, peering: None, peering_status: None });
    }
    Err(Refusal::new(
        "InvalidGroup.NotFound",
        format!("{} and {} belong to different networks that nothing joins", own.id, other.id),
    ))
}

/// Whether a transit gateway that refers to groups joins two VPCs (SG-19).
fn share_gateway(network: &Network, a: &crate::ids::VpcId, b: &crate::ids::VpcId) -> bool {
    let of = |vpc: &crate::ids::VpcId| {
        let attachments = network.attachments.iter().map(|(_, attachment)| attachment);
        let vpc = vpc.clone();
        attachments.filter(move |attachment| {
            attachment.kind == AttachmentKind::Vpc(vpc.clone()) && attachment.security_group_referencing
        })
    };
    of(a).filter_map(|attachment| attachment.gateway.as_ref()).any(|gateway| {
        let refers = network.transit_gateways.find(gateway).map(|idx| network.transit_gateways.get(idx));
        refers.is_some_and(|gateway| gateway.security_group_referencing)
            && of(b).any(|attachment| attachment.gateway.as_ref() == Some(gateway))
    })
}

/// `RevokeSecurityGroupIngress` and `RevokeSecurityGroupEgress`.
pub(super) fn revoke(network: &mut Network, input: &GroupRules, direction: Direction) -> Result<(), Refusal> {
    let idx = lookup::group(network, &input.group_id)?;
    let own = rules_of(network.groups.get(idx), direction);
    let mut gone: Vec<usize> = Vec::new();
    match (input.ip_permissions.is_empty(), input.security_group_rule_ids.is_empty()) {
        (true, true) => return Err(Refusal::missing("IpPermissions")),
        (false, false) => {
            return Err(Refusal::combination("IpPermissions and SecurityGroupRuleIds cannot be used together"));
        }
        (true, false) => {
            for id in &input.security_group_rule_ids {
                let position = own.iter().position(|rule| rule.id.as_ref().is_some_and(|own| own.as_str() == id));
                gone.push(position.ok_or_else(|| {
                    let message = format!("the security group rule ID '{id}' does not exist in {}", input.group_id);
                    Refusal::new("InvalidSecurityGroupRuleId.NotFound", message)
                })?);
            }
        }
        (false, true) => {
            // A stale rule can be revoked, too: what it names need not be there.
            let lists = |text: &str| lookup::list_reference(network, text);
            let peer_of = |reference: &GroupReference| {
                let group = lookup::group_reference(network, &reference.group_id)?;
                Ok(GroupPeer { group, owner: None, peering: None, peering_status: None })
            };
            for rule in unpack(network, &input.ip_permissions, lists, peer_of)? {
                let position = own.iter().position(|other| same_rule(other, &rule));
                gone.push(position.ok_or_else(|| {
                    let message = format!("the specified rule \"{}\" does not exist", told(network, &rule));
                    Refusal::new("InvalidPermission.NotFound", message)
                })?);
            }
        }
    }
    let mut position = 0;
    rules_mut(network.groups.get_mut(idx), direction).retain(|_| {
        let stays = !gone.contains(&position);
        position += 1;
        stays
    });
    Ok(())
}

/// `CreateSecurityGroup`: found by its id, and by `new:` and its name.
pub(super) fn create_group(network: &mut Network, input: &CreateSecurityGroup) -> Result<(), Refusal> {
    if input.group_name.is_empty() {
        return Err(Refusal::missing("GroupName"));
    }
    if input.vpc_id.is_empty() {
        return Err(Refusal::new("VPCIdNotSpecified", "no VPC is named, and the default one is not known"));
    }
    let idx = lookup::vpc(network, &input.vpc_id)?;
    if input.group_name == "default" {
        return Err(Refusal::new("InvalidGroup.Reserved", "the name \"default\" is reserved"));
    }
    if input.group_name.starts_with("sg-") {
        return Err(Refusal::value(format!("the name \"{}\" begins with sg-", input.group_name)));
    }
    let bare = input.group_name.strip_prefix("new:").unwrap_or(&input.group_name);
    let same = |group: &SecurityGroup| {
        let name = group.name.as_deref();
        group.vpc == Some(Ref::Known(idx)) && name.is_some_and(|name| name == input.group_name)
    };
    if network.groups.iter().any(|(_, group)| same(group)) {
        let message = format!("the security group '{}' already exists for VPC '{}'", input.group_name, input.vpc_id);
        return Err(Refusal::new("InvalidGroup.Duplicate", message));
    }
    let id = lookup::fresh(&network.groups, <SecurityGroup as lookup::Made>::PREFIX, bare)?;
    let vpc = network.vpcs.get(idx);
    // SG-3: everything may leave, by IPv6 where the VPC has it.
    let everywhere = ["0.0.0.0/0", "::/0"].into_iter().take(if vpc.cidrs_v6.is_empty() { 1 } else { 2 });
    let egress = everywhere.filter_map(crate::network::filter::cidr).map(|net| SecurityGroupRule {
        id: None,
        protocol: RuleProtocol::Any,
        from_port: None,
        to_port: None,
        peer: Peer::Cidr(net),
    });
    let group = SecurityGroup {
        id: id.clone(),
        name: Some(input.group_name.as_str().into()),
        vpc: Some(Ref::Known(idx)),
        associated_vpcs: Vec::new(),
        owner: vpc.owner.clone(),
        ingress: Vec::new(),
        egress: egress.collect(),
        tags: Tags::default(),
    };
    network.account_owners.extend(vpc.owner.clone());
    network.groups.push(group);
    lookup::remember::<SecurityGroup>(network, id.as_str(), &[bare]);
    Ok(())
}

/// `DeleteSecurityGroup`.
pub(super) fn delete_group(network: &mut Network, input: &DeleteSecurityGroup) -> Result<(), Refusal> {
    let idx = lookup::group(network, &input.group_id)?;
    let group = network.groups.get(idx);
    let id = group.id.clone();
    if group.name.as_deref() == Some("default") {
        return Err(Refusal::new("CannotDelete", format!("the default group {id} cannot be deleted by a user")));
    }
    let dependent =
        |what: &str| Err(Refusal::new("DependencyViolation", format!("resource {id} has a dependent object: {what}")));
    let carried = network.interfaces.iter().find(|(_, interface)| interface.groups.contains(&Ref::Known(idx)));
    if let Some((_, interface)) = carried {
        return dependent(interface.id.as_str());
    }
    let names = |rule: &SecurityGroupRule| matches!(&rule.peer, Peer::Group(peer) if peer.group == Ref::Known(idx));
    let naming = |other: &SecurityGroup| other.ingress.iter().chain(&other.egress).any(names);
    // SG-21: groups of the same VPC hold it; rules of others go stale.
    let mut stale: Vec<Idx<SecurityGroup>> = Vec::new();
    for (other_idx, other) in network.groups.iter().filter(|(other, _)| *other != idx) {
        if !naming(other) {
            continue;
        }
        if !lookup::differ(other.vpc.as_ref(), group.vpc.as_ref()) {
            return dependent(other.id.as_str());
        }
        stale.push(other_idx);
    }
    let held = |reference: &Ref<SecurityGroup>| *reference == Ref::Known(idx);
    let clusters = network.clusters.iter().map(|(_, cluster)| cluster);
    let mut holding = clusters.filter(|cluster| {
        cluster.security_group.as_ref().is_some_and(held) || cluster.additional_groups.iter().any(held)
    });
    if let Some(cluster) = holding.next() {
        return dependent(&format!("the EKS cluster {}", cluster.name));
    }
    for other in stale {
        let other = network.groups.get_mut(other);
        for rule in other.ingress.iter_mut().chain(&mut other.egress) {
            if let Peer::Group(peer) = &mut rule.peer
                && peer.group == Ref::Known(idx)
            {
                // AWS shows no owner of a deleted group.
                *peer = GroupPeer { group: Ref::Missing(id.clone()), owner: None, ..peer.clone() };
            }
        }
    }
    network.groups.forget(idx);
    let shell = network.groups.get_mut(idx);
    *shell = SecurityGroup {
        id,
        name: None,
        vpc: None,
        associated_vpcs: Vec::new(),
        owner: None,
        ingress: Vec::new(),
        egress: Vec::new(),
        tags: Tags::default(),
    };
    Ok(())
}

/// The groups that a list of ids names, each once, all usable in `vpc`.
pub(super) fn groups_of(
    network: &Network,
    ids: &[String],
    vpc: Option<&Ref<Vpc>>,
) -> Result<Vec<Ref<SecurityGroup>>, Refusal> {
    let mut groups: Vec<Ref<SecurityGroup>> = Vec::new();
    for text in ids {
        let reference = lookup::group_reference(network, text)?;
        match reference.known().map(|idx| network.groups.get(idx)) {
            Some(group) => {
                let associated = vpc.is_some_and(|vpc| group.associated_vpcs.contains(vpc.id(&network.vpcs)));
                if lookup::differ(group.vpc.as_ref(), vpc) && !associated {
                    let message = format!("the security group '{text}' does not belong to the VPC");
                    return Err(Refusal::new("InvalidGroup.NotFound", message));
                }
            }
            // Groups that are shared from another account are not in the snapshot, but then they are seen in use.
            None => {
                let in_use = network.interfaces.iter().any(|(_, interface)| interface.groups.contains(&reference));
                let absent = surely_absent(network, vpc, Call::DescribeSecurityGroups) && !is_unknown(text);
                if !in_use && absent {
                    return Err(lookup::GROUP.not_found(text));
                }
            }
        }
        if !groups.contains(&reference) {
            groups.push(reference);
        }
    }
    check_groups(network, &groups)?;
    Ok(groups)
}

/// `ModifyNetworkInterfaceAttribute`.
pub(super) fn modify_interface(network: &mut Network, input: &ModifyNetworkInterfaceAttribute) -> Result<(), Refusal> {
    let idx = lookup::interface(network, &input.network_interface_id)?;
    let interface = network.interfaces.get(idx);
    match (&input.groups, input.source_dest_check) {
        (Some(_), Some(_)) => Err(Refusal::combination("fields for multiple attribute types specified")),
        (None, None) => Err(Refusal::combination("no attributes specified")),
        (None, Some(check)) => {
            network.interfaces.get_mut(idx).source_dest_check = check.value;
            Ok(())
        }
        (Some(ids), None) => {
            let groupless = matches!(
                interface.kind,
                InterfaceKind::NatGateway | InterfaceKind::TransitGateway | InterfaceKind::GatewayLoadBalancerEndpoint
            );
            if groupless {
                let message = format!("{} is AWS's own and has no security groups", interface.id);
                return Err(Refusal::new("OperationNotPermitted", message));
            }
            if ids.is_empty() {
                return Err(Refusal::value("an interface must have at least one security group"));
            }
            let groups = groups_of(network, ids, interface.vpc.as_ref())?;
            network.interfaces.get_mut(idx).groups = groups.into_boxed_slice();
            Ok(())
        }
    }
}
