//! Who is on both sides of a change: addresses by interface, in classes that neither network tells apart.

use std::collections::BTreeMap;

use indexmap::{IndexMap, IndexSet};
use ipnet::IpNet;
use reach_model::ids::EniId;
use reach_model::network::{
    GroupPeer, IdleTimeouts, Idx, Network, NetworkInterface, Peer, PrefixList, Ref, SecurityGroup, SecurityGroupRule,
};
use reach_packets::{Family, IpSet};
use rustc_hash::{FxHashMap, FxHashSet};

use super::State;
use crate::compile::population::{Member, Population, Position, Role};
use crate::host;

/// An address of an interface, or a piece of a delegated prefix, on either side of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Party {
    pub before: Option<Member>,
    pub after: Option<Member>,
}

impl Party {
    /// The address or prefix.
    pub fn net(&self) -> Option<IpNet> {
        self.before.or(self.after).map(|member| member.net)
    }

    fn family(&self) -> Family {
        self.net().map_or(Family::V4, |net| Family::of(net.addr()))
    }
}

/// The number of a [`Party`].
pub type PartyId = u32;

/// Parties that nothing tells apart, before and after.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) family: Family,
    pub(super) before: Option<Position>,
    pub(super) after: Option<Position>,
    pub(super) members: Vec<PartyId>,
    /// The groups of its interfaces, or of the node that its packets leave by, say something else.
    pub(super) changed: bool,
}

/// All parties, sorted.
#[derive(Debug)]
pub(super) struct Ends {
    pub(super) parties: Vec<Party>,
    pub(super) classes: Vec<Class>,
    /// By party: whoever has the same number shares a kernel.
    pub(super) units: Vec<u32>,
    /// Parties that share a kernel, for every kernel of more than one.
    pub(super) shared: Vec<Vec<PartyId>>,
    pub(super) class_of: Vec<u32>,
}

/// The populations of two networks whose prefixes are cut by both; `None` where they are already.
pub(super) fn aligned(before: &State<'_>, after: &State<'_>) -> (Option<Population>, Option<Population>) {
    let pieces = |state: &State<'_>| {
        let mut pieces: BTreeMap<EniId, Vec<IpNet>> = BTreeMap::new();
        for member in state.population.members() {
            let id = &state.compiled.network().interfaces.get(member.interface).id;
            pieces.entry(id.clone()).or_default().push(member.net);
        }
        for list in pieces.values_mut() {
            list.sort_unstable();
        }
        pieces
    };
    let whole = |pieces: &BTreeMap<EniId, Vec<IpNet>>| {
        pieces.values().flatten().all(|net| net.prefix_len() == net.max_prefix_len())
    };
    let (old, new) = (pieces(before), pieces(after));
    let differs = |a: &BTreeMap<EniId, Vec<IpNet>>, b: &BTreeMap<EniId, Vec<IpNet>>| {
        a.iter().any(|(id, nets)| b.get(id).is_some_and(|other| other != nets))
    };
    if (whole(&old) && whole(&new)) || !differs(&old, &new) {
        return (None, None);
    }
    let cut = |state: &State<'_>, by: &BTreeMap<EniId, Vec<IpNet>>| {
        let network = state.compiled.network();
        let mut nets: Vec<(Idx<NetworkInterface>, IpNet, Role)> = Vec::new();
        for member in state.population.members() {
            let cuts = by.get(&network.interfaces.get(member.interface).id).into_iter().flatten();
            let inside = cuts.filter(|net| member.net.contains(*net)).map(|net| IpSet::from(*net));
            let inside: Vec<IpSet> = inside.collect();
            let parts =
                if inside.is_empty() { vec![member.net.into()] } else { IpSet::from(member.net).partition(&inside) };
            nets.extend(parts.iter().flat_map(IpSet::cidrs).map(|net| (member.interface, net, Role::BOTH)));
        }
        Population::new(&state.compiled, nets)
    };
    (Some(cut(before, &new)), Some(cut(after, &old)))
}

/// What the members of a class have in common: family, class before and after, timeouts; and themselves, where they stand
/// alone.
type Key = (Family, Option<Position>, Option<Position>, Option<IdleTimeouts>, Option<PartyId>);

impl Ends {
    /// Sorts everybody of two networks. O(N log N).
    pub(super) fn new((before, old): (&State<'_>, &Population), (after, new): (&State<'_>, &Population)) -> Self {
        let (was, is) = (before.compiled.network(), after.compiled.network());
        let key =
            |network: &Network, member: &Member| (network.interfaces.get(member.interface).id.clone(), member.net);
        let mut parties: IndexMap<(EniId, IpNet), [Option<Position>; 2]> = IndexMap::new();
        for (position, member) in (0..).zip(old.members()) {
            parties.entry(key(was, member)).or_default()[0] = Some(position);
        }
        for (position, member) in (0..).zip(new.members()) {
            parties.entry(key(is, member)).or_default()[1] = Some(position);
        }
        let positions: Vec<[Option<Position>; 2]> = parties.into_values().collect();
        let member = |population: &Population, position: Option<Position>| {
            position.and_then(|position| population.members().get(position as usize)).copied()
        };
        let parties: Vec<Party> =
            positions.iter().map(|[b, a]| Party { before: member(old, *b), after: member(new, *a) }).collect();
        let (units, odd) = units(&positions, old, new);
        let mut shared: BTreeMap<u32, Vec<PartyId>> = BTreeMap::new();
        for (party, unit) in (0..).zip(&units) {
            shared.entry(*unit).or_default().push(party);
        }
        let changes = Changes::new(was, is);
        let timeouts = |party: &Party| party.before.map(|member| before.compiled.idle_timeouts(member.interface));
        let mut classes: IndexMap<Key, Vec<PartyId>> = IndexMap::new();
        for (id, (party, [b, a])) in (0..).zip(parties.iter().zip(&positions)) {
            let class = |population: &Population, position: &Option<Position>| position.map(|p| population.class_of(p));
            let alone = odd.contains(&id).then_some(id);
            let key = (party.family(), class(old, b), class(new, a), timeouts(party), alone);
            classes.entry(key).or_default().push(id);
        }
        let mut class_of = vec![0; parties.len()];
        let classes: Vec<Class> = (0..)
            .zip(classes)
            .map(|(number, ((family, before, after, ..), members))| {
                for member in &members {
                    if let Some(class) = class_of.get_mut(*member as usize) {
                        *class = number;
                    }
                }
                let first = members.first().and_then(|first| parties.get(*first as usize));
                let changed = first.is_none_or(|party| changes.of(party));
                Class { family, before, after, members, changed }
            })
            .collect();
        let shared = shared.into_values().filter(|list| list.len() > 1).collect();
        Self { parties, classes, units, shared, class_of }
    }

    pub(super) fn party(&self, id: PartyId) -> Option<&Party> {
        self.parties.get(id as usize)
    }

    pub(super) fn unit(&self, id: PartyId) -> u32 {
        self.units.get(id as usize).copied().unwrap_or(u32::MAX)
    }

    /// Two members of the classes on different hosts.
    pub(super) fn apart(&self, from: &Class, to: &Class) -> Option<(PartyId, PartyId)> {
        from.members
            .iter()
            .find_map(|&a| to.members.iter().map(|&b| (a, b)).find(|&(a, b)| a != b && self.unit(a) != self.unit(b)))
    }
}

/// The leader of a set of parties; paths are halved on the way.
fn root(parent: &mut [u32], mut at: u32) -> u32 {
    while let Some(&next) = parent.get(at as usize) {
        if next == at {
            break;
        }
        let above = parent.get(next as usize).copied().unwrap_or(next);
        if let Some(own) = parent.get_mut(at as usize) {
            *own = above;
        }
        at = next;
    }
    at
}

/// Kernels on both sides: whoever shares one before or after has one number. Beside it the parties that share a kernel
/// with some before and with others after.
fn units(positions: &[[Option<Position>; 2]], old: &Population, new: &Population) -> (Vec<u32>, FxHashSet<PartyId>) {
    let mut parent: Vec<u32> = (0..u32::try_from(positions.len()).unwrap_or(u32::MAX)).collect();
    for (side, population) in [old, new].into_iter().enumerate() {
        let mut first: FxHashMap<u32, u32> = FxHashMap::default();
        for (id, own) in (0..).zip(positions) {
            let Some(position) = own.get(side).copied().flatten() else { continue };
            let leader = *first.entry(population.unit_of(position)).or_insert(id);
            let (a, b) = (root(&mut parent, leader), root(&mut parent, id));
            if let Some(entry) = parent.get_mut(a.max(b) as usize) {
                *entry = a.min(b);
            }
        }
    }
    let roots: Vec<u32> =
        (0..positions.len()).map(|id| root(&mut parent, u32::try_from(id).unwrap_or(u32::MAX))).collect();
    let mut kernels: FxHashMap<u32, [FxHashSet<u32>; 2]> = FxHashMap::default();
    for (root, own) in roots.iter().zip(positions) {
        for ((population, position), kernels) in
            [old, new].into_iter().zip(own).zip(kernels.entry(*root).or_default().iter_mut())
        {
            kernels.extend(position.map(|position| population.unit_of(position)));
        }
    }
    let odd = (0..)
        .zip(&roots)
        .filter(|(_, root)| kernels.get(root).is_some_and(|sides| sides.iter().any(|kernels| kernels.len() > 1)));
    let odd = odd.map(|(id, _)| id).collect();
    (roots, odd)
}

/// Whose groups say something else.
struct Changes<'n> {
    was: &'n Network,
    is: &'n Network,
    groups: FxHashSet<&'n str>,
}

impl<'n> Changes<'n> {
    fn new(was: &'n Network, is: &'n Network) -> Self {
        let mut groups: FxHashSet<&'n str> = FxHashSet::default();
        if was.groups.is_shared_with(&is.groups) && was.prefix_lists.is_shared_with(&is.prefix_lists) {
            return Self { was, is, groups };
        }
        let mut ids: IndexSet<&'n str> = IndexSet::new();
        ids.extend(was.groups.iter().map(|(_, group)| group.id.as_str()));
        ids.extend(is.groups.iter().map(|(_, group)| group.id.as_str()));
        for id in ids {
            let find = |network: &'n Network| network.groups.find_text(id).map(|idx| network.groups.get(idx));
            let same = match (find(was), find(is)) {
                (Some(a), Some(b)) => same_rules(was, a, is, b),
                (None, None) => true,
                _ => false,
            };
            if !same {
                groups.insert(id);
            }
        }
        Self { was, is, groups }
    }

    fn of(&self, party: &Party) -> bool {
        let (Some(before), Some(after)) = (party.before, party.after) else { return true };
        let (a, b) = (groups_of(self.was, before), groups_of(self.is, after));
        a != b || a.iter().any(|group| self.groups.contains(group.as_str()))
    }
}

/// The groups that a member's packets meet at its host: its interface's, and those of the node that a pod leaves by.
fn groups_of(network: &Network, member: Member) -> Vec<String> {
    let interface = network.interfaces.get(member.interface);
    let ids = |interface: &NetworkInterface| {
        let mut ids: Vec<String> =
            interface.groups.iter().map(|group| group.id(&network.groups).as_str().to_owned()).collect();
        ids.sort_unstable();
        ids
    };
    let mut groups = ids(interface);
    let node = host::host(network, interface).and_then(|id| network.instances.find(&id));
    if let Some(primary) = node.and_then(|node| host::primary_interface(network, node))
        && primary != member.interface
    {
        groups.push(String::new());
        groups.extend(ids(network.interfaces.get(primary)));
    }
    groups
}

fn same_rules(was: &Network, a: &SecurityGroup, is: &Network, b: &SecurityGroup) -> bool {
    let same = |a: &[SecurityGroupRule], b: &[SecurityGroupRule]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_rule(was, a, is, b))
    };
    same(&a.ingress, &b.ingress) && same(&a.egress, &b.egress)
}

fn same_rule(was: &Network, a: &SecurityGroupRule, is: &Network, b: &SecurityGroupRule) -> bool {
    let list = |network: &Network, list: &Ref<PrefixList>| {
        list.known().and_then(|idx| network.prefix_lists.get(idx).cidrs.clone())
    };
    let group = |a: &GroupPeer, b: &GroupPeer| {
        a.group.id(&was.groups) == b.group.id(&is.groups)
            && a.group.known().is_some() == b.group.known().is_some()
            && (&a.owner, &a.peering, &a.peering_status) == (&b.owner, &b.peering, &b.peering_status)
    };
    let peers = match (&a.peer, &b.peer) {
        (Peer::Cidr(a), Peer::Cidr(b)) => a == b,
        (Peer::PrefixList(a), Peer::PrefixList(b)) => {
            a.id(&was.prefix_lists) == b.id(&is.prefix_lists) && list(was, a) == list(is, b)
        }
        (Peer::Group(a), Peer::Group(b)) => group(a, b),
        _ => false,
    };
    peers && (a.protocol, a.from_port, a.to_port) == (b.protocol, b.from_port, b.to_port)
}
