//! All flows between two ends, all headers at once: what the matrix is made of where rows do not reach.

use std::net::IpAddr;

use indexmap::IndexMap;
use reach_model::network::Direction;
use reach_packets::{Family, IcmpSet, IntervalSet, IpSet, PortRanges, PortSet, Protocol};

use super::Compiled;
use super::carry::{Aim, Source};
use super::cuts::{Met, atoms};
use super::groups::ProfileId;
use super::headers::{Algebra, HeaderId};
use super::pair::Weighed;
use super::population::Member;
use super::trie::Trie;
use crate::endpoint::{Endpoint, representative};
use crate::pair::{Lane, asked_from_outside};
use crate::verdict::Verdict;

/// Ranges of IPv4 and of IPv6 addresses.
type Ranges = (Vec<(u32, u32)>, Vec<(u128, u128)>);

impl<'n> Compiled<'n> {
    /// All that passes between two addresses, all headers at once: disjoint rectangles of destination headers and client
    /// ports, and whether they pass for certain (else it is unknown). O(one walk).
    pub fn flows(&self, source: Source, aim: Aim<'n>, algebra: &mut Algebra<'_>) -> Vec<(HeaderId, HeaderId, bool)> {
        let family = Family::of(source.address());
        let ways: Vec<Weighed<'n>> =
            self.ways(source, aim).into_iter().map(|carry| self.weighed(carry, HeaderId::ALL, algebra)).collect();
        let full = PortRanges::full();
        let ping = if family == Family::V4 { Protocol::ICMP } else { Protocol::ICMPV6 };
        let lanes = [
            Lane::Ports(Protocol::TCP, full.clone()),
            Lane::Ports(Protocol::UDP, full.clone()),
            Lane::Icmp(ping, IcmpSet::full()),
            Lane::Protocols(PortSet::full().other_protocols().clone()),
        ];
        // By certainty and lane; in each, headers of equal client ports are one.
        let mut found: [[Vec<(HeaderId, HeaderId)>; 3]; 2] = Default::default();
        let mut add = |lane: usize, headers: HeaderId, back: HeaderId, verdict: Verdict, algebra: &mut Algebra<'_>| {
            let Some(list) = found.get_mut(usize::from(verdict != Verdict::Reachable)).and_then(|l| l.get_mut(lane))
            else {
                return;
            };
            if verdict == Verdict::Blocked {
                return;
            }
            match list.iter_mut().find(|(_, own)| *own == back) {
                Some((known, _)) => *known = algebra.union(*known, headers),
                None => list.push((headers, back)),
            }
        };
        for (position, lane) in lanes.iter().enumerate() {
            for piece in Self::lane(&ways, lane, &full, algebra) {
                match lane {
                    Lane::Ports(..) => {
                        for &(ports, verdict) in &piece.parts {
                            add(position, piece.headers, ports, piece.forward.and(verdict), algebra);
                        }
                    }
                    _ => add(2, piece.headers, HeaderId::EMPTY, piece.verdict(), algebra),
                }
            }
        }
        // Lanes say nothing of each other, so one rectangle may hold a part of each.
        let mut flows = Vec::new();
        for (lanes, certain) in found.iter().zip([true, false]) {
            for position in 0..lanes.iter().map(Vec::len).max().unwrap_or(0) {
                let (mut headers, mut back) = (HeaderId::EMPTY, HeaderId::EMPTY);
                for &(own, ports) in lanes.iter().filter_map(|lane| lane.get(position)) {
                    headers = algebra.union(headers, own);
                    back = algebra.union(back, ports);
                }
                flows.push((headers, back, certain));
            }
        }
        flows
    }

    /// All that passes between a member and addresses outside, by the addresses that nothing on the way tells apart.
    /// `inbound`: from them, to the member's public address where it has one (RT-15).
    pub fn flows_outside(
        &self,
        member: Member,
        outside: &IpSet,
        inbound: bool,
        algebra: &mut Algebra<'_>,
    ) -> Vec<(IpSet, HeaderId, HeaderId, bool)> {
        let (met, mut pieces) = self.met_outside(member, outside, inbound);
        for &(profile, direction) in &met.groups {
            let parts = self.told_apart(profile, direction, member.family(), algebra);
            let cut = pieces.iter().flat_map(|piece| parts.iter().map(|part| piece.intersect(part)));
            pieces = cut.filter(|piece| !piece.is_empty()).collect();
        }
        let mut flows: Vec<(IpSet, HeaderId, HeaderId, bool)> = Vec::new();
        for piece in pieces {
            let Some(remote) = representative(&piece) else { continue };
            let (source, aim) = self.ends_outside(member, inbound, remote);
            for (headers, back, certain) in self.flows(source, aim, algebra) {
                let same = flows.iter_mut().find(|(_, h, b, c)| (*h, *b, *c) == (headers, back, certain));
                match same {
                    Some((known, ..)) => *known = known.union(&piece),
                    None => flows.push((piece.clone(), headers, back, certain)),
                }
            }
        }
        flows
    }

    /// Addresses outside in pieces of which nothing on the way says anything different, the way itself included: what
    /// passes, where it goes and how it is tracked is the same for all of a piece.
    pub(crate) fn pieces_outside(&self, member: Member, outside: &IpSet, inbound: bool) -> Vec<IpSet> {
        let (met, _) = self.met_outside(member, outside, inbound);
        atoms(&met.trie(self, true), &outside.of_family(member.family()))
    }

    fn ends_outside(&self, member: Member, inbound: bool, remote: IpAddr) -> (Source, Aim<'n>) {
        let own = member.address();
        if inbound {
            let address = asked_from_outside(self.network, member.interface, own, remote);
            (Source::Outside(remote), Aim { address, interface: Some(member.interface), admission: None })
        } else {
            let aim = Aim { address: remote, interface: None, admission: None };
            (Source::Interface(member.interface, own), aim)
        }
    }

    /// The tables on the ways between a member and addresses outside, and the pieces that they cut these into.
    fn met_outside(&self, member: Member, outside: &IpSet, inbound: bool) -> (Met, Vec<IpSet>) {
        let outside = outside.of_family(member.family());
        let mut met = Met::default();
        met.nets.extend(self.known_to_host(&Endpoint::address(member.interface, member.address())));
        // Where packets go is told by routes; what groups say of an address cuts only afterwards, by what they say.
        loop {
            let pieces = atoms(&met.trie(self, false), &outside);
            let tables = met.size();
            for piece in &pieces {
                let Some(remote) = representative(piece) else { continue };
                let (source, aim) = self.ends_outside(member, inbound, remote);
                for way in self.ways(source, aim) {
                    met.add(self, &way);
                    self.replies(&way).iter().flatten().for_each(|reply| met.add(self, reply));
                }
            }
            if met.size() == tables {
                return (met, pieces);
            }
        }
    }

    /// The addresses of a family in parts of which the rules of a profile say the same. O(K log K) for K prefixes.
    fn told_apart(
        &self,
        profile: ProfileId,
        direction: Direction,
        family: Family,
        algebra: &mut Algebra<'_>,
    ) -> Vec<IpSet> {
        let side = self.groups.profile(profile).side(direction);
        let lists = side.lists.iter().flat_map(|(list, _)| self.network.prefix_lists.get(*list).cidrs.iter().flatten());
        let nets = side.nodes.iter().filter_map(|(node, _)| self.trie.net(*node)).chain(lists.copied());
        let trie = Trie::new(nets.filter(|net| Family::of(net.addr()) == family));
        let mut parts: IndexMap<HeaderId, Ranges> = IndexMap::new();
        for node in trie.nodes() {
            let Some(net) = trie.net(node).filter(|net| Family::of(net.addr()) == family) else { continue };
            let Some(own) = self.trie.node(&net) else { continue };
            let said = self.groups.admitted(profile, direction, (&self.trie, own), None, algebra);
            let atom = trie.atom(node);
            let (v4, v6) = parts.entry(said).or_default();
            v4.extend(atom.v4().iter_ranges());
            v6.extend(atom.v6().iter_ranges());
        }
        let set = |(v4, v6): Ranges| IpSet::from_intervals(IntervalSet::from_ranges(v4), IntervalSet::from_ranges(v6));
        parts.into_values().map(set).collect()
    }
}
