//! Rules of groups, entries of network ACLs and prefix lists.

use std::collections::{BTreeMap, BTreeSet};

use reach_model::change::{
    Change, DeleteNetworkAclEntry, GroupReference, GroupRules, IcmpTypeCode, IpPermission, IpRange, Ipv6Range,
    ModifyManagedPrefixList, NetworkAclEntry, PortRange, PrefixListEntry, PrefixListReference, UNKNOWN, unknown_id,
};
use reach_model::network::{MadeKind, RuleProtocol, SecurityGroupRule};

use super::{Builder, Turn};
use crate::document::Action;
use crate::fact::{Entry, Fact, Header, Id, Peer, direction};

/// A rule as both sides can be compared: the peer as the network names it.
type Key = (Header, String);

/// Permissions that hold all these rules, one for each header.
pub(super) fn permissions(builder: &Builder<'_>, rules: &[(Header, Peer)]) -> Vec<IpPermission> {
    let mut by_header: BTreeMap<Header, IpPermission> = BTreeMap::new();
    for (header, peer) in rules {
        let permission = by_header.entry(*header).or_insert_with(|| {
            let bound = |bound: Option<u16>| Some(bound.map_or(-1, i64::from));
            let ported = crate::fact::keeps_ports(header.protocol);
            IpPermission {
                ip_protocol: header.protocol_text(),
                from_port: if ported { bound(header.from) } else { None },
                to_port: if ported { bound(header.to) } else { None },
                ..IpPermission::default()
            }
        });
        match peer {
            Peer::Cidr(ipnet::IpNet::V4(net)) => {
                permission.ip_ranges.push(IpRange { cidr_ip: net.to_string(), description: None });
            }
            Peer::Cidr(ipnet::IpNet::V6(net)) => {
                permission.ipv6_ranges.push(Ipv6Range { cidr_ipv6: net.to_string(), description: None });
            }
            Peer::List(id) => {
                let prefix_list_id = builder.text_or_unknown(id, "pl-");
                permission.prefix_list_ids.push(PrefixListReference { prefix_list_id, description: None });
            }
            Peer::Group(id, owner) => match builder.text(id) {
                Some(group_id) => {
                    let user_id = owner.clone();
                    permission.user_id_group_pairs.push(GroupReference {
                        group_id,
                        user_id,
                        ..GroupReference::default()
                    });
                }
                None => {
                    let prefix_list_id = builder.text_or_unknown(id, "pl-");
                    permission.prefix_list_ids.push(PrefixListReference { prefix_list_id, description: None });
                }
            },
            Peer::Unknown(label) | Peer::Inline(label) => {
                let prefix_list_id = unknown_id("pl-", label);
                permission.prefix_list_ids.push(PrefixListReference { prefix_list_id, description: None });
            }
        }
    }
    by_header.into_values().collect()
}

fn live_header(rule: &SecurityGroupRule) -> Header {
    let protocol = match rule.protocol {
        RuleProtocol::Any => None,
        RuleProtocol::Number(number) => Some(number.number()),
    };
    Header { protocol, from: rule.from_port, to: rule.to_port }.kept()
}

impl Builder<'_> {
    fn key(&self, header: Header, peer: &Peer) -> Key {
        let text = match peer {
            Peer::Cidr(net) => net.to_string(),
            Peer::List(id) => {
                let text = self.text_or_unknown(id, "pl-");
                self.real(MadeKind::PrefixList, &text).to_owned()
            }
            Peer::Group(id, _) => match self.text(id) {
                Some(text) => self.real(MadeKind::SecurityGroup, &text).to_owned(),
                None => self.text_or_unknown(id, "pl-"),
            },
            Peer::Unknown(label) | Peer::Inline(label) => unknown_id("pl-", label),
        };
        (header.kept(), text)
    }

    /// The rules that a group has in the network now.
    fn live(&self, group: &str, egress: bool) -> BTreeMap<Key, Peer> {
        let real = self.real(MadeKind::SecurityGroup, group);
        let Some(idx) = self.network.groups.find_text(real) else { return BTreeMap::new() };
        let group = self.network.groups.get(idx);
        let rules = if egress { &group.egress } else { &group.ingress };
        let of = |rule: &SecurityGroupRule| {
            let peer = match &rule.peer {
                reach_model::network::Peer::Cidr(net) => Peer::Cidr(net.trunc()),
                reach_model::network::Peer::PrefixList(list) => {
                    Peer::List(Id::Known(list.id(&self.network.prefix_lists).to_string()))
                }
                reach_model::network::Peer::Group(peer) => {
                    Peer::Group(Id::Known(peer.group.id(&self.network.groups).to_string()), None)
                }
            };
            (self.key(live_header(rule), &peer), peer)
        };
        rules.iter().map(of).collect()
    }

    /// A reference to a group that the network does not hold is as good as unknown: the plan knows it, the snapshot
    /// may be older.
    fn seen(&mut self, position: usize, peer: Peer) -> Peer {
        let absent = match &peer {
            Peer::Group(Id::Known(id), None) if self.network.groups.find_text(id).is_none() => id.clone(),
            Peer::List(Id::Known(id)) if self.network.prefix_lists.find_text(id).is_none() => id.clone(),
            _ => return peer,
        };
        let text = format!("names {absent}, which the snapshot does not hold: whom that admits is unknown");
        self.remark(position, text);
        Peer::Unknown(absent)
    }

    /// Calls about rules of one resource, one for each group and direction.
    fn call(&mut self, position: usize, group: &str, egress: bool, add: bool, rules: &[(Header, Peer)]) {
        if rules.is_empty() {
            return;
        }
        let ip_permissions = permissions(self, rules);
        let input = GroupRules { group_id: group.to_owned(), ip_permissions, ..GroupRules::default() };
        let change = match (add, egress) {
            (true, false) => Change::AuthorizeSecurityGroupIngress(input),
            (true, true) => Change::AuthorizeSecurityGroupEgress(input),
            (false, false) => Change::RevokeSecurityGroupIngress(input),
            (false, true) => Change::RevokeSecurityGroupEgress(input),
        };
        self.push(position, change);
    }

    /// Rules by resource, group and direction, in order of the plan.
    fn by_group(&mut self, turns: Vec<Turn>) -> BTreeMap<(usize, String, bool), Vec<(Header, Peer)>> {
        let mut by_group: BTreeMap<(usize, String, bool), Vec<(Header, Peer)>> = BTreeMap::new();
        for turn in turns {
            let Fact::Rule { group, egress, header, peer } = turn.fact else { continue };
            let Some(group) = self.subject(turn.resource, &group, "security group") else { continue };
            by_group.entry((turn.resource, group, egress)).or_default().push((header, peer));
        }
        by_group
    }

    /// Groups whose inline rules of a direction change: what they have afterwards is what the plan says.
    fn exclusive(&self) -> BTreeSet<(usize, Id, bool)> {
        let mut exclusive = BTreeSet::new();
        for turn in self.gone.iter().chain(&self.come) {
            if let Fact::Rule { group, egress, .. } = &turn.fact
                && matches!(self.kind(turn.resource), "aws_security_group" | "aws_default_security_group")
            {
                exclusive.insert((turn.resource, group.clone(), *egress));
            }
            if let Fact::DefaultGroup { id, .. } = &turn.fact {
                exclusive.insert((turn.resource, id.clone(), false));
                exclusive.insert((turn.resource, id.clone(), true));
            }
        }
        exclusive
    }

    /// What inline groups have in the network and not in the plan.
    fn surplus(&mut self) -> Vec<Turn> {
        let mut surplus = Vec::new();
        for (position, group, egress) in self.exclusive() {
            let Some(text) = self.text(&group) else { continue };
            let of = |facts: &[Fact]| -> BTreeSet<Key> {
                let rules = facts.iter().filter_map(|fact| match fact {
                    Fact::Rule { group: own, egress: side, header, peer } if *own == group && *side == egress => {
                        Some(self.key(*header, peer))
                    }
                    _ => None,
                });
                rules.collect()
            };
            let Some(resource) = self.resource(position) else { continue };
            let (before, after) = (of(&resource.before), of(&resource.after));
            // What others add to it is not theirs to lose.
            let others: BTreeSet<Key> =
                self.come.iter().flat_map(|turn| of(std::slice::from_ref(&turn.fact))).collect();
            let live = self.live(&text, egress);
            let drifted =
                live.keys().any(|key| !before.contains(key)) || before.iter().any(|key| !live.contains_key(key));
            let updated = resource.actions.contains(&Action::Update);
            for ((header, key), peer) in live {
                let key = (header, key);
                if !after.contains(&key) && !before.contains(&key) && !others.contains(&key) {
                    let fact = Fact::Rule { group: group.clone(), egress, header, peer };
                    surplus.push(Turn { resource: position, fact });
                }
            }
            if drifted && updated {
                let side = direction(egress).as_str();
                let text = format!(
                    "the {side} rules of {text} in the snapshot are not those that the plan was made from: after the apply \
                     they are those of the plan"
                );
                self.remark(position, text);
            }
        }
        surplus
    }

    /// What inline groups have in the plan all along, and not in the network.
    fn deficit(&self) -> Vec<Turn> {
        let mut deficit = Vec::new();
        for (position, group, egress) in self.exclusive() {
            let Some(resource) = self.resource(position) else { continue };
            for fact in resource.after.iter().filter(|fact| resource.before.contains(fact)) {
                if matches!(fact, Fact::Rule { group: own, egress: side, .. } if *own == group && *side == egress) {
                    deficit.push(Turn { resource: position, fact: fact.clone() });
                }
            }
        }
        deficit
    }

    /// What goes: rules, entries, routes.
    pub(super) fn take_away(&mut self) {
        let mut turns = self.gone(|fact| matches!(fact, Fact::Rule { .. }));
        turns.extend(self.surplus());
        for ((position, group, egress), rules) in self.by_group(turns) {
            let live = self.live(&group, egress);
            let (there, gone): (Vec<_>, Vec<_>) =
                rules.into_iter().partition(|(header, peer)| live.contains_key(&self.key(*header, peer)));
            if !gone.is_empty() && !matches!(self.kind(position), "aws_security_group" | "aws_default_security_group") {
                let text = format!(
                    "the rule that it takes from {group} is not in the snapshot, which may be older or newer than the state"
                );
                self.remark(position, text);
            }
            self.call(position, &group, egress, false, &there);
        }
        self.take_entries();
        self.take_routes();
    }

    /// What comes: entries of lists before the rules that name the lists.
    pub(super) fn add(&mut self) {
        self.change_lists();
        let mut turns = self.come(|fact| matches!(fact, Fact::Rule { .. }));
        turns.extend(self.deficit());
        for ((position, group, egress), rules) in self.by_group(turns) {
            let mut new = Vec::new();
            let mut keys: BTreeSet<Key> = self.live(&group, egress).into_keys().collect();
            for (header, peer) in rules {
                let peer = self.seen(position, peer);
                if keys.insert(self.key(header, &peer)) {
                    new.push((header, peer));
                } else if !matches!(self.kind(position), "aws_security_group" | "aws_default_security_group") {
                    let text = format!(
                        "{group} has the rule already: AWS refuses it as a duplicate, unless the snapshot is newer than the plan"
                    );
                    self.remark(position, text);
                }
            }
            self.call(position, &group, egress, true, &new);
        }
        self.add_entries();
        self.add_routes();
    }

    fn change_lists(&mut self) {
        let mut lists: BTreeMap<(usize, Id), ModifyManagedPrefixList> = BTreeMap::new();
        let entry = |cidr: Option<ipnet::IpNet>| PrefixListEntry {
            cidr: cidr.map_or_else(|| UNKNOWN.to_owned(), |net| net.to_string()),
            description: None,
        };
        for turn in self.gone(|fact| matches!(fact, Fact::ListEntry { .. })) {
            let Fact::ListEntry { list, cidr } = turn.fact else { continue };
            let Some(cidr) = cidr else { continue };
            if self.holds(&list, cidr) == Some(false) {
                let text = format!(
                    "{cidr} is no entry of the list in the snapshot, which may be older or newer than the state"
                );
                self.remark(turn.resource, text);
                continue;
            }
            lists.entry((turn.resource, list)).or_default().remove_entries.push(entry(Some(cidr)));
        }
        for turn in self.come(|fact| matches!(fact, Fact::ListEntry { .. })) {
            let Fact::ListEntry { list, cidr } = turn.fact else { continue };
            if cidr.is_some_and(|cidr| self.holds(&list, cidr) == Some(true)) {
                continue;
            }
            lists.entry((turn.resource, list)).or_default().add_entries.push(entry(cidr));
        }
        // A list that is to hold more must be allowed to first, one that is to hold less must hold less first.
        let mut smaller = Vec::new();
        for turn in self.come(|fact| matches!(fact, Fact::List { id: Id::Known(_), .. })) {
            let Fact::List { id: Id::Known(id), max: Some(max), .. } = &turn.fact else { continue };
            let input = ModifyManagedPrefixList {
                prefix_list_id: id.clone(),
                max_entries: Some(*max),
                ..ModifyManagedPrefixList::default()
            };
            let idx = self.network.prefix_lists.find_text(id);
            let known = idx.and_then(|idx| self.network.prefix_lists.get(idx).max_entries).map(i64::from);
            if known.is_some_and(|known| known > *max) {
                smaller.push((turn.resource, Change::ModifyManagedPrefixList(input)));
            } else if idx.is_some() && known != Some(*max) {
                self.push(turn.resource, Change::ModifyManagedPrefixList(input));
            }
        }
        for ((position, list), input) in lists {
            let Some(prefix_list_id) = self.subject(position, &list, "prefix list") else { continue };
            // AWS takes 100 entries a call.
            let (mut remove, mut add) = (input.remove_entries, input.add_entries);
            while !remove.is_empty() || !add.is_empty() {
                let take = |list: &mut Vec<PrefixListEntry>| list.drain(..list.len().min(100)).collect();
                let input = ModifyManagedPrefixList {
                    prefix_list_id: prefix_list_id.clone(),
                    remove_entries: take(&mut remove),
                    add_entries: take(&mut add),
                    ..ModifyManagedPrefixList::default()
                };
                self.push(position, Change::ModifyManagedPrefixList(input));
            }
        }
        for (position, change) in smaller {
            self.push(position, change);
        }
    }

    /// Whether a list of the network has an entry; `None` where its entries are not known.
    fn holds(&self, list: &Id, cidr: ipnet::IpNet) -> Option<bool> {
        let text = self.text(list)?;
        let idx = self.network.prefix_lists.find_text(self.real(MadeKind::PrefixList, &text))?;
        Some(self.network.prefix_lists.get(idx).cidrs.as_ref()?.contains(&cidr))
    }

    /// Whether a network ACL has an entry of this number.
    pub(super) fn has_entry(&self, acl: &str, egress: bool, number: u32) -> bool {
        let idx = self.network.acls.find_text(self.real(MadeKind::NetworkAcl, acl));
        let entries = idx.map(|idx| &self.network.acls.get(idx).entries);
        entries.is_some_and(|entries| {
            entries.iter().any(|entry| entry.direction == direction(egress) && entry.number == number)
        })
    }

    /// Entries that go and that no other of their number replaces; of a default network ACL that is taken over, all.
    fn take_entries(&mut self) {
        let coming: BTreeSet<(Id, bool, u32)> = self
            .come
            .iter()
            .filter_map(|turn| match &turn.fact {
                Fact::Entry { acl, egress, number: Some(number), .. } => Some((acl.clone(), *egress, *number)),
                _ => None,
            })
            .collect();
        let mut going: Vec<(usize, Id, bool, u32)> = Vec::new();
        for turn in self.gone(|fact| matches!(fact, Fact::Entry { .. })) {
            let Fact::Entry { acl, egress, number: Some(number), .. } = turn.fact else { continue };
            going.push((turn.resource, acl, egress, number));
        }
        for (position, id) in self.adopted("aws_default_network_acl") {
            let Some(idx) = self.network.acls.find_text(&id) else { continue };
            let own = self.network.acls.get(idx).entries.iter().filter(|entry| entry.number <= 32766);
            let egress = |entry: &reach_model::network::NetworkAclEntry| entry.direction == direction(true);
            let own: Vec<_> = own.map(|entry| (position, Id::Known(id.clone()), egress(entry), entry.number)).collect();
            going.extend(own);
        }
        for (position, id, egress, rule_number) in going {
            if coming.contains(&(id.clone(), egress, rule_number)) {
                continue;
            }
            let Some(network_acl_id) = self.subject(position, &id, "network ACL") else { continue };
            if !self.has_entry(&network_acl_id, egress, rule_number) {
                let text = format!(
                    "the entry {rule_number} that it takes from {network_acl_id} is not in the snapshot, which may be older \
                     or newer than the state"
                );
                self.remark(position, text);
                continue;
            }
            let input = DeleteNetworkAclEntry { network_acl_id, rule_number, egress };
            self.push(position, Change::DeleteNetworkAclEntry(input));
        }
    }

    /// Resources of `kind` that the plan takes over rather than makes, with their ids.
    pub(super) fn adopted(&self, kind: &str) -> Vec<(usize, String)> {
        let of = |(position, resource): (usize, &crate::document::Resource)| {
            if resource.kind != kind || !resource.actions.contains(&Action::Create) {
                return None;
            }
            let id = resource.after.iter().find_map(|fact| match fact {
                Fact::Adopted { id: Id::Known(id) } => Some(id.clone()),
                _ => None,
            });
            id.map(|id| (position, id))
        };
        self.plan.resources.iter().enumerate().filter_map(of).collect()
    }

    fn add_entries(&mut self) {
        for turn in self.come(|fact| matches!(fact, Fact::Entry { .. })) {
            let Fact::Entry { acl, egress, number: Some(number), entry: Some(entry) } = turn.fact else { continue };
            let Some(acl) = self.subject(turn.resource, &acl, "network ACL") else { continue };
            let replaces = self.has_entry(&acl, egress, number);
            let input = input(acl, egress, number, &entry);
            let change =
                if replaces { Change::ReplaceNetworkAclEntry(input) } else { Change::CreateNetworkAclEntry(input) };
            self.push(turn.resource, change);
        }
    }
}

fn input(network_acl_id: String, egress: bool, rule_number: u32, entry: &Entry) -> NetworkAclEntry {
    let (v4, v6) = match entry.cidr {
        ipnet::IpNet::V4(net) => (Some(net.to_string()), None),
        ipnet::IpNet::V6(net) => (None, Some(net.to_string())),
    };
    let (kind, code) = entry.icmp;
    let ports = matches!(&*entry.protocol, "6" | "17");
    let icmp = matches!(&*entry.protocol, "1" | "58");
    NetworkAclEntry {
        network_acl_id,
        rule_number,
        protocol: entry.protocol.clone(),
        rule_action: if entry.allow { "allow" } else { "deny" }.to_owned(),
        egress,
        cidr_block: v4,
        ipv6_cidr_block: v6,
        port_range: ports.then_some(PortRange { from: entry.ports.0, to: entry.ports.1 }),
        icmp_type_code: icmp.then_some(IcmpTypeCode { kind, code }),
    }
}
