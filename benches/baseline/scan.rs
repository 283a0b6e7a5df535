//! The fair scan: for two addresses, one pass over the rules of both sides.
//!
//! This is what a careful program does without sets of interfaces: nothing is looked up by name, a rule's peer is two
//! machine words, its ports are a stretch of precomputed header atoms, a reference is first tested against a word with a
//! bit for each of the peer's groups, a pass ends when everything is admitted, and the other side is only looked at if
//! this one admits something. It costs what there are rules.

use std::net::IpAddr;

use ipnet::IpNet;
use reach_model::network::{Direction, Network, Peer, SecurityGroupRule};
use reach_packets::{IcmpSet, IntervalSet, PortSet, Protocol};

use super::{END, End, LANE, LANES, OTHER, groups_of, rules, stretch};

/// What a rule admits, as points of the line and as atoms, both ends included.
#[derive(Debug, Clone, Copy)]
struct Span {
    low: u32,
    high: u32,
    first: u32,
    last: u32,
}

/// The rules of one group in one direction, by kind of peer: what is compared stands apart from what a match admits.
#[derive(Debug, Default)]
struct Rules {
    v4: Vec<(u32, u32)>,
    v4_spans: Vec<Span>,
    v6: Vec<(u128, u128)>,
    v6_spans: Vec<Span>,
    groups: Vec<u32>,
    group_spans: Vec<Span>,
    /// A position in the prefix lists.
    lists: Vec<(u32, Span)>,
}

/// An address with what rules ask of it.
#[derive(Debug)]
struct Side {
    address: IpAddr,
    v4: u32,
    v6: u128,
    /// Where its groups stand.
    groups: std::ops::Range<usize>,
    /// A bit for each of its groups, by their number modulo 64.
    marks: u64,
}

/// The rules of a network, and the ends that can be asked about.
#[derive(Debug)]
pub(crate) struct Scan {
    ingress: Vec<Rules>,
    egress: Vec<Rules>,
    sides: Vec<Side>,
    groups: Vec<u32>,
    /// First and last addresses of every prefix list's entries, sorted and disjoint, by family.
    lists: Vec<[Vec<(u128, u128)>; 2]>,
    /// Where each atom begins on the line.
    atoms: Vec<u32>,
}

/// Admitted atoms, a bit each.
#[derive(Debug)]
pub(crate) struct Buffers {
    out: Vec<u64>,
    into: Vec<u64>,
}

impl Scan {
    /// Prepares the rules, and the ends in the order given.
    pub(crate) fn new(network: &Network, ends: &[End]) -> Self {
        let both = [Direction::Ingress, Direction::Egress];
        let all = both.into_iter().flat_map(|direction| rules(network, direction)).flatten();
        let mut atoms: Vec<u32> = vec![0, END];
        atoms.extend(all.filter_map(stretch).flat_map(|(low, high)| [low, high + 1]));
        atoms.sort_unstable();
        atoms.dedup();
        let mut groups: Vec<u32> = Vec::new();
        let mut sides: Vec<Side> = Vec::with_capacity(ends.len());
        for &(interface, address) in ends {
            let own = groups_of(network, interface);
            let (v4, v6) = match address {
                IpAddr::V4(address) => (u32::from(address), 0),
                IpAddr::V6(address) => (0, u128::from(address)),
            };
            let start = groups.len();
            let marks = own.iter().fold(0, |marks, group| marks | 1 << (group % 64));
            groups.extend(own);
            sides.push(Side { address, v4, v6, groups: start..groups.len(), marks });
        }
        let lists = network.prefix_lists.iter().map(|(_, list)| entries(list.cidrs.as_deref().unwrap_or_default()));
        let side = |direction| rules(network, direction).map(|rules| prepare(rules, &atoms)).collect();
        Self { ingress: side(both[0]), egress: side(both[1]), lists: lists.collect(), sides, groups, atoms }
    }

    /// Buffers for one thread.
    pub(crate) fn buffers(&self) -> Buffers {
        let width = self.atoms.len().div_ceil(64);
        Buffers { out: vec![0; width], into: vec![0; width] }
    }

    /// Everything that the groups of both ends admit, in `buffers.into`; tells whether that is anything.
    pub(crate) fn pair(&self, from: u32, to: u32, buffers: &mut Buffers) -> bool {
        let (Some(source), Some(destination)) = (self.sides.get(from as usize), self.sides.get(to as usize)) else {
            return false;
        };
        if !self.admitted(&self.ingress, destination, source, &mut buffers.into)
            || !self.admitted(&self.egress, source, destination, &mut buffers.out)
        {
            buffers.into.fill(0);
            return false;
        }
        let mut any = 0;
        for (word, other) in buffers.into.iter_mut().zip(&buffers.out) {
            *word &= other;
            any |= *word;
        }
        any != 0
    }

    fn admitted(&self, rules: &[Rules], own: &Side, peer: &Side, atoms: &mut [u64]) -> bool {
        atoms.fill(0);
        let mut some = false;
        let whole = u32::try_from(self.atoms.len() - 2).unwrap_or(u32::MAX);
        self.matching(rules, own, peer, |span| {
            some = true;
            let (first, last) = (span.first as usize, span.last as usize);
            let (head, tail) = (u64::MAX << (first % 64), u64::MAX >> (63 - last % 64));
            match atoms.get_mut(first / 64..=last / 64) {
                Some([only]) => *only |= head & tail,
                Some([start, middle @ .., end]) => {
                    *start |= head;
                    middle.fill(u64::MAX);
                    *end |= tail;
                }
                _ => {}
            }
            span.first == 0 && span.last == whole
        });
        some
    }

    /// Whether the groups of both ends admit a packet; each side's pass ends at the first rule that does.
    pub(crate) fn passes(&self, from: u32, to: u32, protocol: Protocol, port: u16) -> bool {
        let (Some(source), Some(destination)) = (self.sides.get(from as usize), self.sides.get(to as usize)) else {
            return false;
        };
        let lane = (0..).zip(LANES).find(|(_, own)| *own == protocol).map(|(lane, _)| lane * LANE + u32::from(port));
        let point = lane.unwrap_or(OTHER + u32::from(protocol.number()));
        let hit = |span: &Span| span.low <= point && point <= span.high;
        self.matching(&self.ingress, destination, source, hit) && self.matching(&self.egress, source, destination, hit)
    }

    /// Hands on what the rules of `own` admit whose peer is `peer`, until `hit` says that it is enough.
    fn matching(&self, rules: &[Rules], own: &Side, peer: &Side, mut hit: impl FnMut(&Span) -> bool) -> bool {
        let carried = self.groups.get(peer.groups.clone()).unwrap_or_default();
        let of_own = self.groups.get(own.groups.clone()).unwrap_or_default();
        for rules in of_own.iter().filter_map(|group| rules.get(*group as usize)) {
            if peer.address.is_ipv4() {
                for (&(net, mask), span) in rules.v4.iter().zip(&rules.v4_spans) {
                    if peer.v4 & mask == net && hit(span) {
                        return true;
                    }
                }
            } else {
                for (&(net, mask), span) in rules.v6.iter().zip(&rules.v6_spans) {
                    if peer.v6 & mask == net && hit(span) {
                        return true;
                    }
                }
            }
            for (group, span) in rules.groups.iter().zip(&rules.group_spans) {
                if peer.marks >> (group % 64) & 1 == 1 && carried.contains(group) && hit(span) {
                    return true;
                }
            }
            for (list, span) in &rules.lists {
                if self.lists.get(*list as usize).is_some_and(|list| holds(list, peer)) && hit(span) {
                    return true;
                }
            }
        }
        false
    }

    /// The answer of the last [`Scan::pair`] as a header set, for comparing.
    pub(crate) fn answer(&self, buffers: &Buffers) -> PortSet {
        let mut lanes: [Vec<(u16, u16)>; 4] = Default::default();
        let mut others: Vec<(u8, u8)> = Vec::new();
        for (atom, ends) in self.atoms.windows(2).enumerate() {
            let &[low, after] = ends else { continue };
            if buffers.into.get(atom / 64).is_none_or(|word| word >> (atom % 64) & 1 == 0) {
                continue;
            }
            // An atom that no rule cuts may run across lanes.
            for (lane, ranges) in (0..).zip(&mut lanes) {
                let (low, high) = (low.max(lane * LANE), (after - 1).min(lane * LANE + LANE - 1));
                if low <= high {
                    ranges.push((word(low - lane * LANE), word(high - lane * LANE)));
                }
            }
            let (low, high) = (low.max(OTHER), after - 1);
            if low <= high {
                others.push((byte(low - OTHER), byte(high - OTHER)));
            }
        }
        let [tcp, udp, icmp, icmpv6] = lanes.map(|ranges| ranges.into_iter().collect::<IntervalSet<u16>>());
        let named: IntervalSet<u8> = LANES.map(|own| (own.number(), own.number())).into_iter().collect();
        let others = others.into_iter().collect::<IntervalSet<u8>>().subtract(&named);
        PortSet::tcp(tcp)
            .union(&PortSet::udp(udp))
            .union(&PortSet::icmp(IcmpSet::from_points(icmp)))
            .union(&PortSet::icmpv6(IcmpSet::from_points(icmpv6)))
            .union(&PortSet::protocols(&others))
    }
}

fn word(point: u32) -> u16 {
    u16::try_from(point).unwrap()
}

fn byte(point: u32) -> u8 {
    u8::try_from(point).unwrap()
}

fn holds(list: &[Vec<(u128, u128)>; 2], peer: &Side) -> bool {
    let [v4, v6] = list;
    let (ranges, address) = if peer.address.is_ipv4() { (v4, u128::from(peer.v4)) } else { (v6, peer.v6) };
    let after = ranges.partition_point(|(first, _)| *first <= address);
    after.checked_sub(1).and_then(|at| ranges.get(at)).is_some_and(|(_, last)| address <= *last)
}

fn entries(cidrs: &[IpNet]) -> [Vec<(u128, u128)>; 2] {
    let mut ranges: [Vec<(u128, u128)>; 2] = Default::default();
    let [v4, v6] = &mut ranges;
    for cidr in cidrs {
        match cidr {
            IpNet::V4(net) => v4.push((u32::from(net.network()).into(), u32::from(net.broadcast()).into())),
            IpNet::V6(net) => v6.push((net.network().into(), net.broadcast().into())),
        }
    }
    for list in &mut ranges {
        list.sort_unstable_by_key(|(first, last)| (*first, std::cmp::Reverse(*last)));
        // Nested entries add nothing.
        let mut end = None;
        list.retain(|(_, last)| {
            let fresh = end.is_none_or(|end| *last > end);
            end = end.max(Some(*last));
            fresh
        });
    }
    ranges
}

fn prepare(rules: &[SecurityGroupRule], atoms: &[u32]) -> Rules {
    let mut prepared = Rules::default();
    let position = |bound: u32| u32::try_from(atoms.partition_point(|atom| *atom < bound)).unwrap();
    for rule in rules {
        let Some((low, high)) = stretch(rule) else { continue };
        let span = Span { low, high, first: position(low), last: position(high + 1) - 1 };
        match &rule.peer {
            Peer::Cidr(IpNet::V4(net)) => {
                prepared.v4.push((net.network().into(), net.netmask().into()));
                prepared.v4_spans.push(span);
            }
            Peer::Cidr(IpNet::V6(net)) => {
                prepared.v6.push((net.network().into(), net.netmask().into()));
                prepared.v6_spans.push(span);
            }
            Peer::Group(peer) => {
                if let Some(group) = peer.group.known() {
                    prepared.groups.push(u32::try_from(group.position()).unwrap());
                    prepared.group_spans.push(span);
                }
            }
            Peer::PrefixList(list) => {
                if let Some(list) = list.known() {
                    prepared.lists.push((u32::try_from(list.position()).unwrap(), span));
                }
            }
        }
    }
    prepared
}
