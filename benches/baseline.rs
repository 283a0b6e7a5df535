//! What the compiled engine is compared with: the same rules read from the same [`Network`], by other means.
//!
//! Both look at security groups alone. Network ACLs, routes and everything else between two places are left out, which
//! makes the comparison a little harder for the engine, which answers for them too.

pub(crate) mod bdd;
pub(crate) mod scan;

use std::net::IpAddr;

use reach_model::network::{Direction, Idx, Network, NetworkInterface, Ref, RuleProtocol, SecurityGroupRule};
use reach_packets::Protocol;

/// Points on one line: TCP ports, UDP ports, messages of ICMP and ICMPv6 (type × 256 + code), other protocols.
pub(crate) const LANE: u32 = 1 << 16;
pub(crate) const OTHER: u32 = 4 * LANE;
pub(crate) const END: u32 = OTHER + 256;

/// Protocols with a lane of their own, in its order.
pub(crate) const LANES: [Protocol; 4] = [Protocol::TCP, Protocol::UDP, Protocol::ICMP, Protocol::ICMPV6];

/// An end of a question: one address of an interface.
pub(crate) type End = (Idx<NetworkInterface>, IpAddr);

/// The points that a rule admits, both ends included: always one stretch of the line. `None` where it admits nothing.
pub(crate) fn stretch(rule: &SecurityGroupRule) -> Option<(u32, u32)> {
    let RuleProtocol::Number(protocol) = rule.protocol else { return Some((0, END - 1)) };
    let lane = (0..).zip(LANES).find(|(_, own)| *own == protocol).map(|(lane, _)| lane);
    let Some(lane) = lane else {
        let point = OTHER + u32::from(protocol.number());
        return Some((point, point));
    };
    let (from, to) = (rule.from_port.map(u32::from), rule.to_port.map(u32::from));
    let (low, high) = match (lane, from, to) {
        (0 | 1, from, to) => (from.unwrap_or(0), to.unwrap_or(LANE - 1)),
        (_, None, _) => (0, LANE - 1),
        (_, Some(kind), None) => (kind * 256, kind * 256 + 255),
        (_, Some(kind), Some(code)) if code < 256 => (kind * 256 + code, kind * 256 + code),
        _ => return None,
    };
    (low <= high && high < LANE).then_some((lane * LANE + low, lane * LANE + high))
}

/// The positions of an interface's groups, sorted; groups that the snapshot only names have no rules to look at.
pub(crate) fn groups_of(network: &Network, interface: Idx<NetworkInterface>) -> Vec<u32> {
    let known = network.interfaces.get(interface).groups.iter().filter_map(Ref::known);
    let mut groups: Vec<u32> = known.map(|group| u32::try_from(group.position()).unwrap()).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// The rules of every group in one direction, by the group's position.
pub(crate) fn rules(network: &Network, direction: Direction) -> impl Iterator<Item = &[SecurityGroupRule]> {
    network.groups.iter().map(move |(_, group)| match direction {
        Direction::Ingress => group.ingress.as_slice(),
        Direction::Egress => group.egress.as_slice(),
    })
}
