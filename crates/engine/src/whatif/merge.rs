//! What happens to pairs of classes, told in few sets of flows.
//!
//! The rule, in this order, and no other, so that the same change is told in the same words on every run:
//!
//! 1. **Traffic.** Between two ends the flows of a list are cut by protocol; destination ports that go with equal client
//!    ports are one set. Where that is everything a packet of the family can be, it is one set, `all`.
//! 2. **Ends.** Pairs with equal traffic are put together: sources with the same destinations, or destinations with the
//!    same sources, whichever makes fewer sets, the former where both do.
//! 3. **Hosts.** An end with itself is no pair. Where what a host delivers itself fares otherwise, a set is cut by host:
//!    the ends that share no host with the other side; then for each host its own ends with all others', or, with more
//!    than [`HOSTS`] hosts, one half of the hosts with the other, and so on.
//! 4. **Order.** By traffic, then by the first end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reach_packets::{Family, IpSet, PortRanges, PortSet, Protocol};
use rustc_hash::{FxHashMap, FxHashSet};

use super::ends::{Ends, PartyId};
use super::outside::Outer;
use super::pairs::{Category, Outcome, Pair, sets};
use crate::compile::headers::Headers;
use crate::compile::link::possible_in;

/// One side of a set of flows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// Addresses of the snapshot, ascending.
    Inside(Arc<[PartyId]>),
    /// Addresses outside.
    Outside(IpSetKey),
}

/// Addresses as ranges, IPv4 first.
type RangesKey = (Vec<(u32, u32)>, Vec<(u128, u128)>);

/// Family, lane, destination ranges, client ranges, and whether there are any.
type TrafficKey = (bool, u8, Vec<(u64, u64)>, Vec<(u16, u16)>, bool);

/// A set of addresses that can be ordered.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IpSetKey(pub IpSet);

impl IpSetKey {
    fn key(&self) -> RangesKey {
        (self.0.v4().iter_ranges().collect(), self.0.v6().iter_ranges().collect())
    }
}

impl PartialOrd for IpSetKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for IpSetKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// Destination headers of one protocol, or of all, and the client's ports.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Traffic {
    pub family: Family,
    pub headers: PortSet,
    /// `None` for what has no ports, and where every client's port is meant with `all`.
    pub source_ports: Option<PortRanges>,
}

impl Traffic {
    fn new(family: Family, headers: PortSet, back: &PortSet) -> Self {
        let all = headers == possible_in(family);
        let ports = if headers.udp_ports().is_empty() { back.tcp_ports() } else { back.udp_ports() };
        let source_ports = (headers.has_ports() && !all).then(|| ports.clone());
        Self { family, headers, source_ports }
    }

    /// Whether it is everything that packets of its family can be.
    pub fn is_all(&self) -> bool {
        self.headers == possible_in(self.family)
    }

    /// Places traffic in order: everything, TCP, UDP, ICMP, the rest; then by ports.
    fn key(&self) -> TrafficKey {
        let points = |ranges: &PortRanges| -> Vec<(u64, u64)> {
            ranges.iter_ranges().map(|(a, b)| (u64::from(a), u64::from(b))).collect()
        };
        let headers = &self.headers;
        let (lane, list) = if self.is_all() {
            (0, Vec::new())
        } else if !headers.tcp_ports().is_empty() {
            (1, points(headers.tcp_ports()))
        } else if !headers.udp_ports().is_empty() {
            (2, points(headers.udp_ports()))
        } else if headers.intersects(&PortSet::of_protocol(Protocol::ICMP)) {
            (3, points(headers.icmp_messages().points()))
        } else if headers.intersects(&PortSet::of_protocol(Protocol::ICMPV6)) {
            (4, points(headers.icmpv6_messages().points()))
        } else {
            (5, headers.other_protocols().iter_ranges().map(|(a, b)| (u64::from(a), u64::from(b))).collect())
        };
        let sources = self.source_ports.iter().flat_map(PortRanges::iter_ranges).collect();
        (self.family == Family::V6, lane, list, sources, self.source_ports.is_some())
    }
}

impl PartialOrd for Traffic {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Traffic {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

/// A set of flows: all of `from` with all of `to`, an end with itself left out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowSet {
    pub traffic: Traffic,
    pub from: End,
    pub to: End,
    /// For connections that survive: after how many idle seconds they are judged as new. `None` where AWS documents none.
    pub idle_timeout_s: Option<u32>,
}

/// More hosts than this on both sides are told by halves.
const HOSTS: usize = 32;

type Lines = BTreeMap<(Category, Traffic), Vec<Pair>>;

/// All sets of flows, by list.
pub(super) fn merged(
    ends: &Ends,
    pairs: &[(Pair, Outcome)],
    outer: &[Outer],
    headers: &Headers,
) -> BTreeMap<Category, Vec<FlowSet>> {
    let mut lines: Lines = BTreeMap::new();
    let mut traffic: FxHashMap<_, Traffic> = FxHashMap::default();
    let mut of = |family: Family, rect| {
        traffic
            .entry((family, rect))
            .or_insert_with(|| {
                let (d, s) = sets(headers, rect);
                Traffic::new(family, d, &s)
            })
            .clone()
    };
    for (pair, outcome) in pairs {
        let family = ends.classes.get(pair.from as usize).map_or(Family::V4, |class| class.family);
        for (category, rects) in outcome {
            for rect in rects {
                lines.entry((*category, of(family, *rect))).or_default().push(*pair);
            }
        }
    }
    let mut all: BTreeMap<Category, Vec<FlowSet>> = BTreeMap::new();
    let mut add = |category: Category, traffic: &Traffic, from: End, to: End| {
        let idle_timeout_s = if let Category::Survives(idle) = category { idle } else { None };
        all.entry(category).or_default().push(FlowSet { traffic: traffic.clone(), from, to, idle_timeout_s });
    };
    for ((category, traffic), pairs) in &lines {
        for (from, to) in products(ends, pairs) {
            add(*category, traffic, End::Inside(from.into()), End::Inside(to.into()));
        }
    }
    let mut outward: BTreeMap<(Category, Traffic, bool), BTreeMap<u32, IpSet>> = BTreeMap::new();
    for Outer { classes, addresses, inbound, outcome } in outer {
        for (category, rects) in outcome {
            for rect in rects {
                let family = if addresses.has_family(Family::V4) { Family::V4 } else { Family::V6 };
                let by_class = outward.entry((*category, of(family, *rect), *inbound)).or_default();
                for class in classes {
                    let own = by_class.entry(*class).or_insert_with(IpSet::empty);
                    *own = own.union(addresses);
                }
            }
        }
    }
    for ((category, traffic, inbound), by_class) in outward {
        let mut alike: BTreeMap<IpSetKey, Vec<PartyId>> = BTreeMap::new();
        for (class, addresses) in by_class {
            let members = ends.classes.get(class as usize).map(|class| &class.members);
            alike.entry(IpSetKey(addresses)).or_default().extend(members.into_iter().flatten());
        }
        for (addresses, mut members) in alike {
            members.sort_unstable();
            let (inside, outside) = (End::Inside(members.into()), End::Outside(addresses));
            let (from, to) = if inbound { (outside, inside) } else { (inside, outside) };
            add(category, &traffic, from, to);
        }
    }
    for list in all.values_mut() {
        list.sort();
    }
    all
}

/// Pairs of classes as products of parties.
fn products(ends: &Ends, pairs: &[Pair]) -> Vec<(Vec<PartyId>, Vec<PartyId>)> {
    let mut apart: BTreeSet<(u32, u32)> = BTreeSet::new();
    let mut local: BTreeSet<(u32, u32)> = BTreeSet::new();
    for pair in pairs {
        if pair.local { &mut local } else { &mut apart }.insert((pair.from, pair.to));
    }
    let by_source = grouped(apart.iter().copied());
    let by_destination: Vec<(Vec<u32>, Vec<u32>)> =
        grouped(apart.iter().map(|&(from, to)| (to, from))).into_iter().map(|(to, from)| (from, to)).collect();
    let best = if by_destination.len() < by_source.len() { by_destination } else { by_source };
    let mut found: Vec<(Vec<PartyId>, Vec<PartyId>)> = Vec::new();
    for (from, to) in best {
        let (sources, destinations) = (members(ends, &from), members(ends, &to));
        let meeting = meeting(ends, &sources, &destinations);
        // Pairs of classes whose hosts deliver between them.
        let mut inside: BTreeSet<(u32, u32)> = BTreeSet::new();
        for unit in &meeting {
            for &a in &unit.0 {
                for &b in unit.1.iter().filter(|&&b| b != a) {
                    inside.insert((class_of(ends, a), class_of(ends, b)));
                }
            }
        }
        if inside.iter().all(|pair| local.contains(pair)) {
            // They fare alike: nothing is to be cut.
            local.retain(|pair| !inside.contains(pair));
            found.push((sources, destinations));
            continue;
        }
        cut(&sources, &destinations, &meeting, &mut found);
    }
    // What is left of the hosts' own.
    let mut own: BTreeSet<(Vec<PartyId>, Vec<PartyId>)> = BTreeSet::new();
    for unit in &ends.shared {
        let mut by_class: BTreeMap<u32, Vec<PartyId>> = BTreeMap::new();
        for &party in unit {
            by_class.entry(class_of(ends, party)).or_default().push(party);
        }
        let here = local.iter().filter(|(from, to)| by_class.contains_key(from) && by_class.contains_key(to));
        for (from, to) in grouped(here.copied()) {
            let of = |classes: &[u32]| {
                let mut list: Vec<PartyId> =
                    classes.iter().filter_map(|c| by_class.get(c)).flatten().copied().collect();
                list.sort_unstable();
                list
            };
            let (from, to) = (of(&from), of(&to));
            if from.len() > 1 || to.len() > 1 || from != to {
                own.insert((from, to));
            }
        }
    }
    found.extend(own);
    found
}

fn class_of(ends: &Ends, party: PartyId) -> u32 {
    ends.class_of.get(party as usize).copied().unwrap_or(0)
}

/// Sources with the same destinations are one.
fn grouped(pairs: impl Iterator<Item = (u32, u32)>) -> Vec<(Vec<u32>, Vec<u32>)> {
    let mut targets: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for (from, to) in pairs {
        targets.entry(from).or_default().push(to);
    }
    let mut sources: BTreeMap<Vec<u32>, Vec<u32>> = BTreeMap::new();
    for (from, to) in targets {
        sources.entry(to).or_default().push(from);
    }
    let mut groups: Vec<(Vec<u32>, Vec<u32>)> = sources.into_iter().map(|(to, from)| (from, to)).collect();
    groups.sort_unstable();
    groups
}

fn members(ends: &Ends, classes: &[u32]) -> Vec<PartyId> {
    let classes = classes.iter().filter_map(|class| ends.classes.get(*class as usize));
    let mut members: Vec<PartyId> = classes.flat_map(|class| class.members.iter().copied()).collect();
    members.sort_unstable();
    members
}

/// Parties of both sides by host, for hosts that have two of them.
fn meeting(ends: &Ends, from: &[PartyId], to: &[PartyId]) -> Vec<(Vec<PartyId>, Vec<PartyId>)> {
    let mut by_unit: FxHashMap<u32, (Vec<PartyId>, Vec<PartyId>)> = FxHashMap::default();
    for &party in from {
        by_unit.entry(ends.unit(party)).or_default().0.push(party);
    }
    for &party in to {
        if let Some((_, own)) = by_unit.get_mut(&ends.unit(party)) {
            own.push(party);
        }
    }
    let pairs = |(a, b): &(Vec<PartyId>, Vec<PartyId>)| match (a.as_slice(), b.as_slice()) {
        (_, []) => false,
        ([a], [b]) => a != b,
        _ => true,
    };
    let mut meeting: Vec<_> = by_unit.into_values().filter(pairs).collect();
    meeting.sort_unstable();
    meeting
}

/// A product without what hosts deliver themselves.
fn cut(
    from: &[PartyId],
    to: &[PartyId],
    meeting: &[(Vec<PartyId>, Vec<PartyId>)],
    found: &mut Vec<(Vec<PartyId>, Vec<PartyId>)>,
) {
    let met: FxHashSet<PartyId> = meeting.iter().flat_map(|(a, _)| a.iter().copied()).collect();
    let without = |list: &[PartyId], out: &FxHashSet<PartyId>| -> Vec<PartyId> {
        list.iter().copied().filter(|party| !out.contains(party)).collect()
    };
    let mut push = |from: Vec<PartyId>, to: Vec<PartyId>| {
        if !from.is_empty() && !to.is_empty() {
            found.push((from, to));
        }
    };
    push(without(from, &met), to.to_vec());
    if meeting.len() <= HOSTS {
        for (a, b) in meeting {
            let own: FxHashSet<PartyId> = b.iter().copied().collect();
            push(a.clone(), without(to, &own));
        }
        return;
    }
    let there: FxHashSet<PartyId> = meeting.iter().flat_map(|(_, b)| b.iter().copied()).collect();
    let mut all: Vec<PartyId> = met.into_iter().collect();
    all.sort_unstable();
    push(all, without(to, &there));
    let mut open = vec![meeting];
    while let Some(hosts) = open.pop() {
        if hosts.len() < 2 {
            continue;
        }
        let (low, high) = hosts.split_at(hosts.len() / 2);
        let side = |hosts: &[(Vec<PartyId>, Vec<PartyId>)], which: bool| {
            let lists = hosts.iter().flat_map(|(a, b)| if which { a } else { b });
            let mut list: Vec<PartyId> = lists.copied().collect();
            list.sort_unstable();
            list
        };
        push(side(low, true), side(high, false));
        push(side(high, true), side(low, false));
        open.extend([high, low]);
    }
}
