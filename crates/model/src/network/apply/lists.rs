//! Changes of network ACLs and prefix lists.

use ipnet::IpNet;
use reach_packets::Family;

use super::quota::{check_product, is_of_aws};
use super::{Refusal, lookup};
use crate::aws::{self, Scalar};
use crate::change::{
    DeleteNetworkAclEntry, ModifyManagedPrefixList, NetworkAclEntry as Input, ReplaceNetworkAclAssociation, UNKNOWN,
    is_unknown,
};
use crate::network::filter::{cidr, parse_acl_entry};
use crate::network::{
    Direction, Network, NetworkAclAssociation, NetworkAclEntry, Peer, PrefixList, Ref, RuleProtocol, SecurityGroupRule,
};

/// Entries of a network ACL per direction and family, AWS's final denial among them, after every raise of the quota.
const ENTRIES: usize = 40;

/// Entries of a prefix list at most.
pub(super) const LIST_ENTRIES: i64 = 1000;

/// Entries that one call can add or remove.
pub(super) const ENTRIES_PER_CALL: usize = 100;

/// The last number that users can give; the final denials have higher ones (NA-2).
const LAST_NUMBER: u32 = 32766;

/// The entry that a call asks for, checked as AWS checks it and as AWS keeps it.
fn entry(input: &Input) -> Result<NetworkAclEntry, Refusal> {
    if !(1..=LAST_NUMBER).contains(&input.rule_number) {
        return Err(Refusal::value(format!("{} is not a rule number (1-{LAST_NUMBER})", input.rule_number)));
    }
    if input.protocol.is_empty() {
        return Err(Refusal::missing("Protocol"));
    }
    match (&input.cidr_block, &input.ipv6_cidr_block) {
        (None, None) => return Err(Refusal::missing("CidrBlock or Ipv6CidrBlock")),
        (Some(_), Some(_)) => {
            return Err(Refusal::combination("CidrBlock and Ipv6CidrBlock cannot be used together"));
        }
        _ => {}
    }
    let shape = aws::NetworkAclEntry {
        egress: Some(input.egress),
        rule_number: Some(i64::from(input.rule_number)),
        protocol: Some(Scalar(input.protocol.as_str().into())),
        rule_action: Some(input.rule_action.as_str().into()),
        cidr_block: input.cidr_block.as_deref().map(Into::into),
        ipv6_cidr_block: input.ipv6_cidr_block.as_deref().map(Into::into),
        port_range: input
            .port_range
            .map(|range| aws::PortRange { from: Some(i64::from(range.from)), to: Some(i64::from(range.to)) }),
        icmp_type_code: input
            .icmp_type_code
            .map(|range| aws::IcmpTypeCode { kind: Some(range.kind), code: Some(range.code) }),
    };
    let mut entry = parse_acl_entry(&shape).map_err(|problems| {
        let text = problems.into_iter().map(|(field, message)| format!("{}: {message}", field.trim_start_matches('.')));
        Refusal::value(text.collect::<Vec<_>>().join("; "))
    })?;
    // NA-6: what counts depends on the protocol, and everything else is dropped.
    let number = match entry.protocol {
        RuleProtocol::Number(number) => Some(number.number()),
        RuleProtocol::Any => None,
    };
    let (ports, icmp) = match (number, entry.cidr) {
        (Some(6 | 17), _) => (true, false),
        (Some(1), _) | (Some(58), IpNet::V6(_)) => (false, true),
        _ => (false, false),
    };
    if ports && entry.ports.is_none() {
        return Err(Refusal::missing("PortRange"));
    }
    if icmp && entry.icmp.is_none() {
        return Err(Refusal::missing("IcmpTypeCode"));
    }
    entry.ports = entry.ports.filter(|_| ports);
    entry.icmp = entry.icmp.filter(|_| icmp);
    Ok(entry)
}

fn is_v4(net: IpNet) -> bool {
    matches!(net, IpNet::V4(_))
}

fn check_entries(others: impl Iterator<Item = IpNet>, entry: &NetworkAclEntry, acl: &str) -> Result<(), Refusal> {
    let count = others.filter(|net| is_v4(*net) == is_v4(entry.cidr)).count() + 1;
    if count > ENTRIES {
        let direction = entry.direction.as_str();
        return Err(Refusal::new(
            "NetworkAclEntryLimitExceeded",
            format!("{count} {direction} entries of {acl} are more than {ENTRIES}"),
        ));
    }
    Ok(())
}

/// `CreateNetworkAclEntry`.
pub(super) fn create_entry(network: &mut Network, input: &Input) -> Result<(), Refusal> {
    let idx = lookup::acl(network, &input.network_acl_id)?;
    let entry = entry(input)?;
    let acl = network.acls.get(idx);
    if acl.entries.iter().any(|own| own.direction == entry.direction && own.number == entry.number) {
        return Err(Refusal::new(
            "NetworkAclEntryAlreadyExists",
            format!("the {} entry {} of {} already exists", entry.direction.as_str(), entry.number, acl.id),
        ));
    }
    let others = acl.entries.iter().filter(|own| own.direction == entry.direction).map(|own| own.cidr);
    check_entries(others, &entry, acl.id.as_str())?;
    let after = |own: &NetworkAclEntry| own.direction == entry.direction && own.number > entry.number;
    let position = acl.entries.iter().position(after).unwrap_or(acl.entries.len());
    network.acls.get_mut(idx).entries.insert(position, entry);
    Ok(())
}

fn absent(input: &str, number: u32, direction: Direction) -> Refusal {
    let message = format!("the {} entry {number} of {input} does not exist", direction.as_str());
    Refusal::new("InvalidNetworkAclEntry.NotFound", message)
}

/// `ReplaceNetworkAclEntry`.
pub(super) fn replace_entry(network: &mut Network, input: &Input) -> Result<(), Refusal> {
    let idx = lookup::acl(network, &input.network_acl_id)?;
    let entry = entry(input)?;
    let acl = network.acls.get(idx);
    let same = |own: &NetworkAclEntry| own.direction == entry.direction && own.number == entry.number;
    let position = acl.entries.iter().position(same);
    let position = position.ok_or_else(|| absent(acl.id.as_str(), entry.number, entry.direction))?;
    let family = acl.entries.get(position).is_some_and(|own| is_v4(own.cidr) == is_v4(entry.cidr));
    if !family {
        let others = acl.entries.iter().filter(|own| own.direction == entry.direction).map(|own| own.cidr);
        check_entries(others, &entry, acl.id.as_str())?;
    }
    if let Some(own) = network.acls.get_mut(idx).entries.get_mut(position) {
        *own = entry;
    }
    Ok(())
}

/// `DeleteNetworkAclEntry`.
pub(super) fn delete_entry(network: &mut Network, input: &DeleteNetworkAclEntry) -> Result<(), Refusal> {
    let idx = lookup::acl(network, &input.network_acl_id)?;
    let direction = if input.egress { Direction::Egress } else { Direction::Ingress };
    if input.rule_number > LAST_NUMBER {
        return Err(Refusal::value(format!("{} is not a rule number (1-{LAST_NUMBER})", input.rule_number)));
    }
    let acl = network.acls.get(idx);
    let same = |own: &NetworkAclEntry| own.direction == direction && own.number == input.rule_number;
    let position = acl.entries.iter().position(same);
    let position = position.ok_or_else(|| absent(acl.id.as_str(), input.rule_number, direction))?;
    network.acls.get_mut(idx).entries.remove(position);
    Ok(())
}

/// `ReplaceNetworkAclAssociation`: the association is another one afterwards, as AWS's answer says. With a network ACL
/// that is not known yet, the subnet's is not known.
pub(super) fn replace_association(network: &mut Network, input: &ReplaceNetworkAclAssociation) -> Result<(), Refusal> {
    if input.association_id.is_empty() {
        return Err(Refusal::missing("AssociationId"));
    }
    let found = network.acls.iter().find_map(|(idx, acl)| {
        let position = acl.associations.iter().position(|own| *own.id == *input.association_id)?;
        Some((idx, position, acl.associations.get(position)?.subnet.clone()))
    });
    let (old, position, subnet) = found.ok_or_else(|| {
        let message = format!("the association ID '{}' does not exist", input.association_id);
        Refusal::new("InvalidAssociationID.NotFound", message)
    })?;
    if is_unknown(&input.network_acl_id) {
        network.acls.get_mut(old).associations.remove(position);
        if let Some(subnet) = network.subnets.find(&subnet) {
            network.subnets.get_mut(subnet).acl = None;
        }
        return Ok(());
    }
    let new = lookup::acl(network, &input.network_acl_id)?;
    if lookup::differ(network.acls.get(old).vpc.as_ref(), network.acls.get(new).vpc.as_ref()) {
        return Err(Refusal::value(format!("{} belongs to another VPC than {subnet}", input.network_acl_id)));
    }
    network.acls.get_mut(old).associations.remove(position);
    let id = format!("aclassoc-new-{}", subnet.as_str().trim_start_matches("subnet-")).into();
    if let Some(subnet) = network.subnets.find(&subnet) {
        network.subnets.get_mut(subnet).acl = Some(new);
    }
    network.acls.get_mut(new).associations.push(NetworkAclAssociation { id, subnet });
    Ok(())
}

/// `ModifyManagedPrefixList`: removals before additions; a version for each change of the entries.
pub(super) fn modify_prefix_list(network: &mut Network, input: &ModifyManagedPrefixList) -> Result<(), Refusal> {
    let idx = lookup::prefix_list(network, &input.prefix_list_id)?;
    let list = network.prefix_lists.get(idx);
    if is_of_aws(list) {
        return Err(Refusal::new("OperationNotPermitted", format!("{} is AWS's own list", list.id)));
    }
    let changes_entries = !input.add_entries.is_empty() || !input.remove_entries.is_empty();
    if changes_entries && input.max_entries.is_some() {
        return Err(Refusal::combination(
            "the entries and the maximum entries of a prefix list cannot be modified in the same request",
        ));
    }
    if let (Some(asked), Some(own)) = (input.current_version, list.version)
        && asked != own
    {
        let message = format!("{} has version {own}, not {asked}", list.id);
        return Err(Refusal::new("PrefixListVersionMismatch", message));
    }
    if input.add_entries.len() > ENTRIES_PER_CALL || input.remove_entries.len() > ENTRIES_PER_CALL {
        return Err(Refusal::value(format!("the number of entries per request cannot exceed {ENTRIES_PER_CALL}")));
    }
    let mut after = PrefixList { cidrs: None, ..list.clone() };
    let mut cidrs = list.cidrs.clone();
    for entry in &input.remove_entries {
        let net = list_cidr(list, &entry.cidr)?;
        if let Some(cidrs) = &mut cidrs {
            let position = cidrs.iter().position(|own| *own == net).ok_or_else(|| {
                Refusal::new("InvalidPrefixListModification", format!("{net} is not an entry of {}", list.id))
            })?;
            cidrs.remove(position);
        }
    }
    for entry in &input.add_entries {
        // With an entry that is not known yet, what the list holds is not known.
        if entry.cidr == UNKNOWN {
            cidrs = None;
            continue;
        }
        let net = list_cidr(list, &entry.cidr)?;
        // An entry that is there gets another description, which nobody here reads.
        if let Some(cidrs) = &mut cidrs
            && !cidrs.contains(&net)
        {
            cidrs.push(net);
        }
    }
    if let Some(max) = input.max_entries {
        if !(1..=LIST_ENTRIES).contains(&max) {
            return Err(Refusal::value(format!("a prefix list has 1 to {LIST_ENTRIES} entries, not {max}")));
        }
        after.max_entries = u32::try_from(max).ok();
    }
    let count = cidrs.as_ref().map_or(0, Vec::len);
    if let Some(max) = after.max_entries.and_then(|max| usize::try_from(max).ok())
        && count > max
    {
        let message = format!("{count} entries are more than the {max} that {} can have", list.id);
        return Err(Refusal::new("PrefixListMaxEntriesExceeded", message));
    }
    if changes_entries {
        after.version = after.version.map(|version| version + 1);
    }
    after.cidrs = cidrs;
    check_references(network, idx, &after)?;
    *network.prefix_lists.get_mut(idx) = after;
    Ok(())
}

pub(super) fn list_cidr(list: &PrefixList, text: &str) -> Result<IpNet, Refusal> {
    let net = cidr(text).ok_or_else(|| Refusal::value(format!("CIDR block {text} is malformed")))?;
    let fits = list.family.is_none_or(|family| (family == Family::V4) == is_v4(net));
    if fits { Ok(net) } else { Err(Refusal::value(format!("{net} is not of the family of {}", list.id))) }
}

/// A list that grows counts for more in every group that names it (SG-17).
fn check_references(
    network: &Network,
    idx: crate::network::Idx<PrefixList>,
    after: &PrefixList,
) -> Result<(), Refusal> {
    let (before, now) = (super::quota::weight(network.prefix_lists.get(idx)), super::quota::weight(after));
    if now <= before {
        return Ok(());
    }
    let names = |rule: &&SecurityGroupRule| rule.peer == Peer::PrefixList(Ref::Known(idx));
    for (group_idx, group) in network.groups.iter() {
        let counts = network.rule_counts(group_idx);
        for (rules, counted) in [
            (&group.ingress, counts.ingress_v4.max(counts.ingress_v6)),
            (&group.egress, counts.egress_v4.max(counts.egress_v6)),
        ] {
            let more = rules.iter().filter(names).count() * (now - before);
            if more > 0 {
                check_product(network, group_idx, counted + more)?;
            }
        }
    }
    Ok(())
}
