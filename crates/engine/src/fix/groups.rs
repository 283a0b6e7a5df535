//! Rules of security groups: which group is to admit what, from whom (SG-1, SG-18, SG-19).

use std::collections::BTreeSet;

use ipnet::IpNet;
use reach_model::change::{
    Change, GroupReference, GroupRules, IpPermission, IpRange, Ipv6Range, ModifyManagedPrefixList, PrefixListEntry,
    PrefixListReference,
};
use reach_model::network::{
    Direction, Idx, NetworkInterface, Peer, PrefixList, Ref, RuleProtocol, SecurityGroup, SecurityGroupRule,
};
use reach_packets::{Family, PortSet};

use super::peers::{Remote, reference_works};
use super::propose::{Choices, PeerStrategy, Proposal, Round, Trouble};
use super::quota;
use super::traffic::{self, Form};
use crate::reason::{Code, Site};

/// What a gate of groups has to admit.
struct Demand {
    direction: Direction,
    at: Idx<NetworkInterface>,
    /// The groups of the interface that can be written to.
    groups: Vec<Idx<SecurityGroup>>,
    headers: PortSet,
    family: Family,
    remote: Remote,
    /// References do not work on this path, or the sender's identity is lost on it.
    no_references: bool,
}

/// One peer of a rule that is to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum NewPeer {
    Group(Idx<SecurityGroup>),
    Net(IpNet),
    List(Idx<PrefixList>),
}

/// Rules for every gate; `None` where one of them cannot be opened by a rule.
pub(super) fn proposals(round: &Round<'_>, troubles: &[Trouble<'_>], choices: &mut Choices) -> Option<Vec<Proposal>> {
    let mut demands: Vec<Demand> = troubles.iter().map(|trouble| demand(round, trouble)).collect::<Option<_>>()?;
    let mut proposals = Vec::new();
    while let Some(first) = demands.first() {
        let direction = first.direction;
        let chosen = choose(round, &demands, direction)?;
        let (own, rest): (Vec<Demand>, Vec<Demand>) =
            demands.into_iter().partition(|d| d.direction == direction && d.groups.contains(&chosen));
        demands = rest;
        let mut alike: Vec<(PortSet, Family, Vec<Demand>)> = Vec::new();
        for demand in own {
            match alike.iter_mut().find(|(headers, family, _)| *headers == demand.headers && *family == demand.family) {
                Some((_, _, list)) => list.push(demand),
                None => alike.push((demand.headers.clone(), demand.family, vec![demand])),
            }
        }
        for (headers, family, list) in alike {
            let asked = traffic::asked(&round.question.ask, family);
            let forms = traffic::forms(&headers, &asked, family);
            propose(round, chosen, direction, &forms, family, &list, choices, &mut proposals);
        }
    }
    Some(proposals)
}

fn demand(round: &Round<'_>, trouble: &Trouble<'_>) -> Option<Demand> {
    let network = round.network;
    let (Site::Interface(at), Some(direction), Some(packet)) =
        (&trouble.reason.site, trouble.reason.direction, trouble.packet())
    else {
        return None;
    };
    let (senders, receivers) = trouble.ends();
    let remote = match direction {
        Direction::Ingress => Remote::of(network, senders, packet.source),
        Direction::Egress => Remote::of(network, receivers, packet.destination),
    };
    let family = packet.family();
    let groups: Vec<_> = network.interfaces.get(*at).groups.iter().filter_map(Ref::known).collect();
    Some(Demand {
        direction,
        at: *at,
        groups,
        headers: traffic::missing(round.question, trouble.group, family),
        family,
        remote,
        no_references: matches!(trouble.reason.code, Code::SgReferencesNotPreserved | Code::SgReferencingSupport),
    })
}

/// The group to write to: one that most gates share, then the one with the fewest other members, then one with room.
fn choose(round: &Round<'_>, demands: &[Demand], direction: Direction) -> Option<Idx<SecurityGroup>> {
    let network = round.network;
    let own = || demands.iter().filter(|demand| demand.direction == direction);
    let candidates: BTreeSet<Idx<SecurityGroup>> = own().flat_map(|demand| demand.groups.iter().copied()).collect();
    let rank = |group: Idx<SecurityGroup>| {
        let gates: Vec<&Demand> = own().filter(|demand| demand.groups.contains(&group)).collect();
        let family = gates.first().map_or(Family::V4, |demand| demand.family);
        let rules = quota::rules(network, group, direction, family) + 1;
        let most = gates.iter().map(|demand| network.interfaces.get(demand.at).groups.len()).max().unwrap_or(0);
        // The product of rules and groups of an interface cannot be raised.
        if rules * most as u64 > quota::PRODUCT {
            return None;
        }
        let crowded = rules > quota::GROUP_RULES;
        let id = &network.groups.get(group).id;
        Some((std::cmp::Reverse(gates.len()), round.members(group), crowded, id, group))
    };
    candidates.into_iter().filter_map(rank).min().map(|(.., group)| group)
}

#[expect(clippy::too_many_arguments, reason = "one private stage of proposals, with its parts by name")]
fn propose(
    round: &Round<'_>,
    group: Idx<SecurityGroup>,
    direction: Direction,
    forms: &[Form],
    family: Family,
    demands: &[Demand],
    choices: &mut Choices,
    proposals: &mut Vec<Proposal>,
) {
    let network = round.network;
    let mut by_reference: BTreeSet<Idx<NetworkInterface>> = BTreeSet::new();
    let mut by_net = Remote::default();
    for demand in demands {
        let works = |interface: &Idx<NetworkInterface>| {
            !demand.no_references
                && network.interfaces.get(*interface).groups.iter().any(|group| group.known().is_some())
                && reference_works(network, demand.at, *interface, direction)
        };
        if !demand.remote.interfaces.is_empty() && demand.remote.interfaces.iter().all(works) {
            by_reference.extend(&demand.remote.interfaces);
            let mut rest = demand.remote.clone();
            rest.interfaces.clear();
            rest.addresses.clear();
            by_net.merge(&rest);
        } else {
            by_net.merge(&demand.remote);
        }
    }
    // Each peer with what else could stand in its place.
    let mut peers: Vec<(Vec<NewPeer>, Vec<NewPeer>)> = Vec::new();
    for (peer, of_peer) in references(round, by_reference) {
        choices.references = true;
        let mut addressed = Remote::default();
        for demand in demands {
            let own = demand.remote.addresses.iter();
            let own = own.filter(|(_, interface)| interface.is_some_and(|interface| of_peer.contains(&interface)));
            addressed.addresses.extend(own.copied());
        }
        let nets: Vec<NewPeer> = addressed.nets(network, false).into_iter().map(NewPeer::Net).collect();
        let reference = vec![NewPeer::Group(peer)];
        peers.push(match round.strategy.peers {
            PeerStrategy::Cidr => (nets, reference),
            _ => (reference, nets),
        });
    }
    let lists = std::mem::take(&mut by_net.lists);
    let whole = super::peers::everywhere(family).map(NewPeer::Net);
    peers.extend(lists.into_iter().map(|list| (vec![NewPeer::List(list)], whole.into_iter().collect())));
    peers.extend(by_net.nets(network, false).into_iter().map(|net| (vec![NewPeer::Net(net)], Vec::new())));
    for form in forms {
        let listed = list_entries(round, group, direction, *form, demands);
        choices.lists |= !listed.is_empty();
        if round.strategy.peers == PeerStrategy::List && !listed.is_empty() {
            proposals.extend(listed.into_iter().map(|change| Proposal { options: vec![vec![change]] }));
            continue;
        }
        for (first, second) in &peers {
            let changes = |peers: &[NewPeer]| -> Vec<Change> {
                peers.iter().map(|peer| authorize(round, group, direction, *form, *peer)).collect()
            };
            let options = [first, second].into_iter().filter(|peers| !peers.is_empty());
            proposals.push(Proposal { options: options.map(|peers| changes(peers)).collect() });
        }
    }
}

/// Groups that together are carried by all interfaces, each with the interfaces that it stands for: the one that most
/// carry first, then the one with the fewest other members.
fn references(
    round: &Round<'_>,
    mut interfaces: BTreeSet<Idx<NetworkInterface>>,
) -> Vec<(Idx<SecurityGroup>, BTreeSet<Idx<NetworkInterface>>)> {
    let network = round.network;
    let mut chosen = Vec::new();
    while !interfaces.is_empty() {
        let mut carried: std::collections::BTreeMap<Idx<SecurityGroup>, usize> = std::collections::BTreeMap::new();
        for interface in &interfaces {
            for group in network.interfaces.get(*interface).groups.iter().filter_map(Ref::known) {
                *carried.entry(group).or_default() += 1;
            }
        }
        let best = carried.into_iter().min_by_key(|(group, count)| {
            (std::cmp::Reverse(*count), round.members(*group), network.groups.get(*group).id.clone())
        });
        let Some((group, _)) = best else { break };
        let of_group = |idx: &Idx<NetworkInterface>| {
            network.interfaces.get(*idx).groups.iter().any(|own| own.known() == Some(group))
        };
        let (own, rest): (BTreeSet<_>, BTreeSet<_>) = interfaces.into_iter().partition(of_group);
        interfaces = rest;
        chosen.push((group, own));
    }
    chosen
}

fn authorize(round: &Round<'_>, group: Idx<SecurityGroup>, direction: Direction, form: Form, peer: NewPeer) -> Change {
    let network = round.network;
    let own = network.groups.get(group);
    let mut permission = IpPermission {
        ip_protocol: form.protocol.map_or_else(|| "-1".to_owned(), |protocol| protocol.to_string()),
        from_port: form.ports.map(|(from, _)| i64::from(from)),
        to_port: form.ports.map(|(_, to)| i64::from(to)),
        ..IpPermission::default()
    };
    match peer {
        NewPeer::Group(other) => {
            let other = network.groups.get(other);
            let foreign = other.owner != own.owner;
            permission.user_id_group_pairs.push(GroupReference {
                group_id: other.id.to_string(),
                user_id: other.owner.as_ref().filter(|_| foreign).map(ToString::to_string),
                ..GroupReference::default()
            });
        }
        NewPeer::Net(net @ IpNet::V4(_)) => {
            permission.ip_ranges.push(IpRange { cidr_ip: net.to_string(), description: None });
        }
        NewPeer::Net(net @ IpNet::V6(_)) => {
            permission.ipv6_ranges.push(Ipv6Range { cidr_ipv6: net.to_string(), description: None });
        }
        NewPeer::List(list) => {
            let prefix_list_id = network.prefix_lists.get(list).id.to_string();
            permission.prefix_list_ids.push(PrefixListReference { prefix_list_id, description: None });
        }
    }
    let rules = GroupRules {
        group_id: own.id.to_string(),
        ip_permissions: vec![permission],
        security_group_rule_ids: Vec::new(),
    };
    match direction {
        Direction::Ingress => Change::AuthorizeSecurityGroupIngress(rules),
        Direction::Egress => Change::AuthorizeSecurityGroupEgress(rules),
    }
}

/// Whether a rule is of all the ports of a form.
fn admits(rule: &SecurityGroupRule, form: Form) -> bool {
    match (rule.protocol, form.protocol) {
        (RuleProtocol::Any, _) => true,
        (RuleProtocol::Number(_), None) => false,
        (RuleProtocol::Number(own), Some(protocol)) if own != protocol => false,
        (RuleProtocol::Number(own), _) if own.has_ports() => {
            let (low, high) = (rule.from_port.unwrap_or(0), rule.to_port.unwrap_or(u16::MAX));
            form.ports.is_none_or(|(from, to)| i32::from(low) <= from && to <= i32::from(high))
        }
        // SG-15: an absent type or code is any.
        (RuleProtocol::Number(_), _) => rule.from_port.is_none(),
    }
}

/// SG-17: entries for the customer's own prefix lists that a rule names for these ports already.
fn list_entries(
    round: &Round<'_>,
    group: Idx<SecurityGroup>,
    direction: Direction,
    form: Form,
    demands: &[Demand],
) -> Vec<Change> {
    let network = round.network;
    let own = network.groups.get(group);
    let rules = if direction == Direction::Ingress { &own.ingress } else { &own.egress };
    let mut nets: BTreeSet<IpNet> = BTreeSet::new();
    for demand in demands {
        nets.extend(demand.remote.nets(network, false));
    }
    let Some(family) = nets.first().map(|net| Family::of(net.addr())) else { return Vec::new() };
    let lists = rules.iter().filter(|rule| admits(rule, form)).filter_map(|rule| match &rule.peer {
        Peer::PrefixList(list) => list.known(),
        _ => None,
    });
    let fits = |idx: &Idx<PrefixList>| {
        let list = network.prefix_lists.get(*idx);
        let Some(cidrs) = &list.cidrs else { return false };
        let of_family = list.family.or_else(|| cidrs.first().map(|net| Family::of(net.addr())));
        let of_aws = list.name.as_deref().is_some_and(|name| name.starts_with("com.amazonaws."));
        !of_aws && of_family.is_none_or(|own| own == family) && quota::list_room(list) >= nets.len()
    };
    let Some(list) = lists.into_iter().find(fits) else { return Vec::new() };
    let list = network.prefix_lists.get(list);
    let entries = nets.into_iter().map(|net| PrefixListEntry { cidr: net.to_string(), description: None });
    vec![Change::ModifyManagedPrefixList(ModifyManagedPrefixList {
        prefix_list_id: list.id.to_string(),
        current_version: quota::list_version(list),
        add_entries: entries.collect(),
        ..ModifyManagedPrefixList::default()
    })]
}

/// Whether a rule of the group admits a TCP port for all these interfaces, each by one rule.
pub(super) fn admits_all(
    network: &reach_model::Network,
    group: Idx<SecurityGroup>,
    direction: Direction,
    port: u16,
    remotes: &BTreeSet<Idx<NetworkInterface>>,
) -> bool {
    let own = network.groups.get(group);
    let rules = if direction == Direction::Ingress { &own.ingress } else { &own.egress };
    let ports = Some((i32::from(port), i32::from(port)));
    let form = Form { protocol: Some(reach_packets::Protocol::TCP), ports };
    let named = |rule: &SecurityGroupRule, remote: &NetworkInterface| {
        let in_net = |net: &IpNet| remote.primary().is_some_and(|own| net.contains(&own.ip));
        match &rule.peer {
            Peer::Cidr(net) => in_net(net),
            Peer::PrefixList(list) => {
                let list = list.known().map(|idx| network.prefix_lists.get(idx));
                list.is_some_and(|list| list.cidrs.iter().flatten().any(in_net))
            }
            Peer::Group(peer) => remote.groups.contains(&peer.group),
        }
    };
    let rules: Vec<&SecurityGroupRule> = rules.iter().filter(|rule| admits(rule, form)).collect();
    remotes.iter().all(|remote| rules.iter().any(|rule| named(rule, network.interfaces.get(*remote))))
}
