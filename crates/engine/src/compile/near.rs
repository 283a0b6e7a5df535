//! All rules that admit a witness, and the rules that nearly would.

use std::net::IpAddr;

use ipnet::IpNet;
use reach_model::network::{Direction, GroupPeer, Idx, NetworkInterface, Peer, Ref, SecurityGroup};
use reach_packets::{Family, Flow, Protocol, Transport};

use super::Compiled;
use super::carry::{Aim, Source};
use super::gate::{Gate, Test};
use super::headers::{Algebra, HeaderId};
use crate::endpoint::{Destination, Endpoint};
use crate::pair::PairAnswer;
use crate::reason::{RuleRef, Site};
use crate::simulate::is_private_address;

/// How a rule fails to admit a packet, nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Miss {
    /// The peer is right, protocol or port are not.
    Headers,
    /// It references the sender's group, whose identity was lost on the way or does not count there.
    Reference,
    /// The CIDR would hold the address if it were one bit shorter.
    OneBit,
    /// It references a group that the other end does not carry.
    NotCarried,
    /// It admits these headers, but of the other address family.
    Family,
}

impl Miss {
    /// The word, as in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Miss::Headers => "wrong_port",
            Miss::Reference => "reference_lost",
            Miss::OneBit => "one_bit_short",
            Miss::NotCarried => "not_in_group",
            Miss::Family => "other_family",
        }
    }
}

/// A rule that nearly admits what its gate refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    pub miss: Miss,
    /// The interface whose gate refuses.
    pub site: Site,
    pub direction: Direction,
    pub rule: RuleRef,
    /// The address at the other end, as the gate sees it.
    pub remote: IpAddr,
}

/// No answer names more near misses than this.
const NEAR: usize = 4;

impl Compiled<'_> {
    /// Adds to an answer all rules of security groups that admit its witness, and near misses of those that refuse it.
    /// O(rules of both ends).
    pub fn explain(&self, answer: &mut PairAnswer, from: &Endpoint, to: &Destination, algebra: &mut Algebra<'_>) {
        let Some(flow) = answer.witness else { return };
        let source = match from.interface() {
            Some(interface) => Source::Interface(interface, flow.source),
            None => Source::Outside(flow.source),
        };
        let aim = Aim { address: flow.destination, interface: to.endpoint.interface(), admission: None };
        let Some(way) = self.ways(source, aim).into_iter().next() else { return };
        let mut near: Vec<NearMiss> = Vec::new();
        for gate in &way.gates {
            let Test::Groups { at, direction, .. } = &gate.test else { continue };
            let said = self.say(gate, HeaderId::ALL, algebra);
            if algebra.contains(said.admitted, flow.protocol, &flow.transport) {
                self.admitting(gate, *at, *direction, &flow, algebra, &mut answer.admitted_by);
            } else if !algebra.contains(said.unknown, flow.protocol, &flow.transport) {
                self.nearly(gate, (*at, *direction), &flow, algebra, &mut near);
            }
        }
        near.sort_by_key(|near| near.miss);
        near.truncate(NEAR);
        answer.near = near;
    }

    fn rules_at(
        &self,
        at: Idx<NetworkInterface>,
        direction: Direction,
    ) -> impl Iterator<Item = (Idx<SecurityGroup>, usize)> + '_ {
        let groups = self.network.interfaces.get(at).groups.iter().filter_map(Ref::known);
        groups.flat_map(move |group| {
            let own = self.network.groups.get(group);
            let rules = if direction == Direction::Ingress { &own.ingress } else { &own.egress };
            (0..rules.len()).map(move |position| (group, position))
        })
    }

    fn peer_of(&self, group: Idx<SecurityGroup>, direction: Direction, position: usize) -> Option<&Peer> {
        let group = self.network.groups.get(group);
        let rules = if direction == Direction::Ingress { &group.ingress } else { &group.egress };
        rules.get(position).map(|rule| &rule.peer)
    }

    /// Every rule that admits the flow at a gate.
    fn admitting(
        &self,
        gate: &Gate,
        at: Idx<NetworkInterface>,
        direction: Direction,
        flow: &Flow,
        algebra: &mut Algebra<'_>,
        rules: &mut Vec<RuleRef>,
    ) {
        for (group, position) in self.rules_at(at, direction) {
            let headers = self.groups.headers_of(group, direction, position);
            let Some(peer) = self.peer_of(group, direction, position) else { continue };
            if algebra.contains(headers, flow.protocol, &flow.transport) && self.fits(gate, peer, direction, true) {
                let position = u32::try_from(position).unwrap_or(u32::MAX);
                let rule = RuleRef::GroupRule(group, direction, position);
                if !rules.contains(&rule) {
                    rules.push(rule);
                }
            }
        }
    }

    /// Whether a rule's peer is the other end of a gate; `counting`: only where references count there.
    fn fits(&self, gate: &Gate, peer: &Peer, direction: Direction, counting: bool) -> bool {
        let remote = gate.remote(direction);
        match peer {
            Peer::Cidr(net) => net.contains(&remote),
            Peer::PrefixList(list) => {
                let list = list.known().and_then(|idx| self.network.prefix_lists.get(idx).cidrs.as_ref());
                list.is_some_and(|cidrs| cidrs.iter().any(|net| net.contains(&remote)))
            }
            Peer::Group(peer) => self.carried(gate, peer, counting),
        }
    }

    fn carried(&self, gate: &Gate, peer: &GroupPeer, counting: bool) -> bool {
        let Test::Groups { references, .. } = &gate.test else { return false };
        self.groups.references(references, peer).is_some_and(|counts| counts || !counting)
    }

    fn nearly(
        &self,
        gate: &Gate,
        (at, direction): (Idx<NetworkInterface>, Direction),
        flow: &Flow,
        algebra: &mut Algebra<'_>,
        near: &mut Vec<NearMiss>,
    ) {
        let remote = gate.remote(direction);
        for (group, position) in self.rules_at(at, direction) {
            let Some(peer) = self.peer_of(group, direction, position) else { continue };
            let headers = self.groups.headers_of(group, direction, position);
            let right = algebra.contains(headers, flow.protocol, &flow.transport);
            let miss = match peer {
                _ if !right => self.fits(gate, peer, direction, true).then_some(Miss::Headers),
                Peer::Cidr(net) => one_bit_short(*net, remote).or_else(|| other_family(*net, remote)),
                Peer::PrefixList(_) => None,
                Peer::Group(group) if self.carried(gate, group, false) => Some(Miss::Reference),
                // Somebody outside carries no group at all.
                Peer::Group(_) => is_private_address(remote).then_some(Miss::NotCarried),
            };
            // Rules of other protocols are no near miss for a port, but for ICMP and the like.
            let miss = miss.filter(|miss| *miss != Miss::Headers || Self::same_protocol(headers, flow, algebra));
            if let Some(miss) = miss {
                let position = u32::try_from(position).unwrap_or(u32::MAX);
                let rule = RuleRef::GroupRule(group, direction, position);
                near.push(NearMiss { miss, site: Site::Interface(at), direction, rule, remote });
            }
        }
    }

    fn same_protocol(headers: HeaderId, flow: &Flow, algebra: &Algebra<'_>) -> bool {
        let set = algebra.get(headers);
        match flow.transport {
            Transport::Ports { .. } if flow.protocol == Protocol::UDP => !set.udp_ports().is_empty(),
            Transport::Ports { .. } => !set.tcp_ports().is_empty(),
            Transport::Icmp { .. } => !set.icmp_messages().is_empty() || !set.icmpv6_messages().is_empty(),
            Transport::Opaque => true,
        }
    }
}

fn one_bit_short(net: IpNet, remote: IpAddr) -> Option<Miss> {
    let wider = net.supernet()?;
    (!net.contains(&remote) && wider.contains(&remote)).then_some(Miss::OneBit)
}

fn other_family(net: IpNet, remote: IpAddr) -> Option<Miss> {
    (net.prefix_len() == 0 && Family::of(net.addr()) != Family::of(remote)).then_some(Miss::Family)
}
