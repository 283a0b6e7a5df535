//! Security groups and their rules.

use super::{GROUPS, LISTS, Side, protocol};
use crate::fact::{Fact, Header, Id, Peer};
use crate::value::{Field, View};

/// Protocol and ports of a rule.
struct Read {
    header: Header,
    /// Whether something of it is not known, and the header holds whatever it may be.
    wider: bool,
}

fn port(view: &View<'_>) -> Field<Option<u16>> {
    match view.number() {
        Field::Unknown => Field::Unknown,
        Field::Absent | Field::Known(-1) => Field::Known(None),
        Field::Known(number) => match u16::try_from(number) {
            Ok(port) => Field::Known(Some(port)),
            Err(_) => {
                view.problem(format!("{number} is not a port (-1 to 65535)"));
                Field::Unknown
            }
        },
    }
}

fn header(text: &View<'_>, from: &View<'_>, to: &View<'_>) -> Read {
    let (low, high) = (port(from), port(to));
    let number = match protocol(text) {
        Field::Known(number) => number,
        Field::Unknown => return Read { header: Header::whole(None), wider: true },
        Field::Absent => {
            text.problem("is missing");
            return Read { header: Header::whole(None), wider: true };
        }
    };
    match (low, high) {
        (Field::Known(low), Field::Known(high)) if matches!(number, Some(6 | 17)) && low > high => {
            from.problem("is greater than to_port");
            Read { header: Header::whole(number), wider: true }
        }
        (Field::Known(low), Field::Known(high)) => {
            let header = Header { protocol: number, from: low, to: high };
            Read { header: header.kept(), wider: false }
        }
        _ => Read { header: Header::whole(number), wider: crate::fact::keeps_ports(number) },
    }
}

/// A group as rules name it: `sg-…` or `ACCOUNT/sg-…`.
fn group_peer(id: Id) -> Peer {
    match id {
        Id::Unknown(label) => Peer::Unknown(label),
        Id::Known(text) => match text.rsplit_once('/') {
            Some((account, group)) => {
                let account = account.rsplit('/').next().unwrap_or(account);
                Peer::Group(Id::Known(group.to_owned()), Some(account.to_owned()))
            }
            None => Peer::Group(Id::Known(text), None),
        },
        made @ Id::Made(_) => Peer::Group(made, None),
    }
}

fn list_peer(id: Id) -> Peer {
    match id {
        Id::Unknown(label) => Peer::Unknown(label),
        id => Peer::List(id),
    }
}

fn cidr_peer(view: &View<'_>) -> Option<Peer> {
    match view.cidr() {
        Field::Known(net) => Some(Peer::Cidr(net)),
        Field::Unknown if view.is_left_to_aws() => None,
        Field::Unknown => Some(Peer::Unknown(view.label())),
        Field::Absent => None,
    }
}

fn cidr_peers(view: &View<'_>, peers: &mut Vec<Peer>) {
    match view.items() {
        Some(items) => peers.extend(items.iter().filter_map(cidr_peer)),
        None if view.is_left_to_aws() => {}
        None => peers.push(Peer::Unknown(view.label())),
    }
}

/// The peers that inline rules and `aws_security_group_rule` have.
fn peers(rule: &View<'_>, own: &Id, inline: bool) -> Vec<Peer> {
    let mut peers = Vec::new();
    cidr_peers(&rule.get("cidr_blocks"), &mut peers);
    cidr_peers(&rule.get("ipv6_cidr_blocks"), &mut peers);
    peers.extend(rule.get("prefix_list_ids").ids(LISTS).into_iter().flatten().map(list_peer));
    let itself = || group_peer(own.clone());
    match rule.get("self").flag() {
        Field::Known(true) => peers.push(itself()),
        Field::Unknown if !rule.get("self").is_left_to_aws() => peers.push(Peer::Unknown(rule.get("self").label())),
        _ => {}
    }
    if inline {
        peers.extend(rule.get("security_groups").ids(GROUPS).into_iter().flatten().map(group_peer));
        return peers;
    }
    let source = rule.get("source_security_group_id");
    // AWS's answer fills it in, so that it is known after apply in every new rule. It excludes other peers.
    let filled_in = source.is_unknown() && source.expression.is_none();
    if !source.is_left_to_aws() && (!filled_in || peers.is_empty()) {
        peers.extend(source.id(GROUPS).map(group_peer));
    }
    peers
}

fn rules(group: &Id, egress: bool, read: &Read, peers: Vec<Peer>, label: &str) -> Vec<Fact> {
    let fact = |peer| Fact::Rule { group: group.clone(), egress, header: read.header, peer };
    if read.wider {
        // Whom it admits does not matter where it is not known to what.
        return vec![fact(Peer::Unknown(label.to_owned()))];
    }
    peers.into_iter().map(fact).collect()
}

fn inline(side: Side<'_, '_>, own: &Id, egress: bool, adopted: bool) -> Vec<Fact> {
    let list = side.get(if egress { "egress" } else { "ingress" });
    let Some(items) = list.items() else {
        let label = list.label();
        let whole = Header::whole(None);
        let peer = if side.now && side.stage.created && list.expression.is_none() {
            // A group that is taken over has the rules that it is given, and no others.
            if adopted && side.view.context.resolver.is_configured() {
                side.view
                    .context
                    .remark("the plan shows no inline rules of the default group: it is taken to lose all");
                return Vec::new();
            }
            Peer::Inline(label)
        } else {
            Peer::Unknown(label)
        };
        return vec![Fact::Rule { group: own.clone(), egress, header: whole, peer }];
    };
    let mut facts = Vec::new();
    for item in items {
        if item.is_unknown() {
            let peer = Peer::Unknown(item.label());
            facts.push(Fact::Rule { group: own.clone(), egress, header: Header::whole(None), peer });
            continue;
        }
        let read = header(&item.get("protocol"), &item.get("from_port"), &item.get("to_port"));
        facts.extend(rules(own, egress, &read, peers(&item, own, true), &item.label()));
    }
    facts
}

/// `aws_security_group`
pub(super) fn group(side: Side<'_, '_>) -> Vec<Fact> {
    let Some(own) = side.own() else { return Vec::new() };
    let vpc = side.get("vpc_id");
    let vpc = if vpc.is_left_to_aws() { None } else { vpc.id(&[]) };
    let mut facts = vec![Fact::Group { id: own.clone(), vpc }];
    // What goes with its group need not be revoked.
    if side.now || !side.stage.deleted {
        facts.extend(inline(side, &own, false, false));
        facts.extend(inline(side, &own, true, false));
    }
    facts
}

/// `aws_default_security_group`: taken over when created, left as it is when deleted.
pub(super) fn default_group(side: Side<'_, '_>) -> Vec<Fact> {
    if side.goes() {
        side.view.context.remark("Terraform leaves a default group as it is when it is removed");
        return Vec::new();
    }
    let Some(own) = side.own() else { return Vec::new() };
    let mut facts = Vec::new();
    if side.now && side.stage.created {
        facts.push(Fact::DefaultGroup { id: own.clone(), vpc: side.get("vpc_id").id(&[]) });
    }
    facts.extend(inline(side, &own, false, true));
    facts.extend(inline(side, &own, true, true));
    facts
}

/// The group that a rule belongs to.
fn group_of(side: Side<'_, '_>) -> Option<Id> {
    let view = side.get("security_group_id");
    let id = view.id(GROUPS);
    if id.is_none() {
        view.problem("is missing");
    }
    id
}

/// `aws_security_group_rule`
pub(super) fn rule(side: Side<'_, '_>) -> Vec<Fact> {
    let Some(group) = group_of(side) else { return Vec::new() };
    let kind = side.get("type");
    let egress = match kind.text() {
        Field::Known(text) if text == "egress" => true,
        Field::Known(text) if text == "ingress" => false,
        _ => {
            kind.problem("is neither ingress nor egress");
            return Vec::new();
        }
    };
    let (text, from, to) = (side.get("protocol"), side.get("from_port"), side.get("to_port"));
    let read = header(&text, &from, &to);
    rules(&group, egress, &read, peers(side.view, &group, false), side.view.context.address)
}

fn single(side: Side<'_, '_>, egress: bool) -> Vec<Fact> {
    let Some(group) = group_of(side) else { return Vec::new() };
    let (text, from, to) = (side.get("ip_protocol"), side.get("from_port"), side.get("to_port"));
    let read = header(&text, &from, &to);
    let mut peers: Vec<Peer> = ["cidr_ipv4", "cidr_ipv6"].iter().filter_map(|key| cidr_peer(&side.get(key))).collect();
    let set = |view: &View<'_>| !view.is_left_to_aws();
    let list = side.get("prefix_list_id");
    peers.extend(list.id(LISTS).filter(|_| set(&list)).map(list_peer));
    let referenced = side.get("referenced_security_group_id");
    peers.extend(referenced.id(GROUPS).filter(|_| set(&referenced)).map(group_peer));
    if peers.is_empty() {
        side.view.problem("names no peer");
    }
    rules(&group, egress, &read, peers, side.view.context.address)
}

/// `aws_vpc_security_group_ingress_rule`
pub(super) fn ingress_rule(side: Side<'_, '_>) -> Vec<Fact> {
    single(side, false)
}

/// `aws_vpc_security_group_egress_rule`
pub(super) fn egress_rule(side: Side<'_, '_>) -> Vec<Fact> {
    single(side, true)
}
