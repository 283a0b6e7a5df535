//! Sets of what a header carries past its addresses: protocol and destination port, or ICMP type
//! and code.

use crate::flow::{Flow, Transport};
use crate::icmp_set::IcmpSet;
use crate::interval_set::{IntervalSet, PortRanges};
use crate::protocol::Protocol;

/// A set of protocols with destination ports, or with ICMP types and codes.
///
/// It has five lanes: destination ports for TCP and for UDP, messages for ICMP and for ICMPv6, and
/// the numbers of all other protocols, of which nothing more is looked at. Source ports are not
/// part of it. Equal sets have equal forms. Operations cost what they cost on the lanes.
///
/// The text form lists the lanes that are not empty, such as
/// `tcp 22,443; udp 53; icmp 8/0; icmpv6 *; other 47,50`, where `*` is a whole lane. The full set
/// is `all` and the empty one is `none`. When parsed, lanes may come in any order and repeat.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortSet {
    tcp: PortRanges,
    udp: PortRanges,
    icmp: IcmpSet,
    icmpv6: IcmpSet,
    /// Never holds the number of a protocol with a lane of its own, so that the form is canonical.
    other: IntervalSet<u8>,
}

/// One part of a [`PortSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane<'a> {
    /// The destination ports of TCP or UDP.
    Ports(Protocol, &'a PortRanges),
    /// The messages of ICMP or ICMPv6.
    Icmp(Protocol, &'a IcmpSet),
    /// The numbers of the protocols without a lane of their own.
    Other(&'a IntervalSet<u8>),
}

/// All protocol numbers without a lane of their own.
pub(crate) fn all_other() -> IntervalSet<u8> {
    Protocol::NAMED
        .map(|(protocol, _)| (protocol.number(), protocol.number()))
        .into_iter()
        .collect::<IntervalSet<u8>>()
        .complement()
}

impl PortSet {
    /// The set without members.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Every protocol with every port, type and code.
    pub fn full() -> Self {
        Self {
            tcp: PortRanges::full(),
            udp: PortRanges::full(),
            icmp: IcmpSet::full(),
            icmpv6: IcmpSet::full(),
            other: all_other(),
        }
    }

    /// All of one protocol.
    pub fn of_protocol(protocol: Protocol) -> Self {
        match protocol {
            Protocol::TCP => Self::tcp(PortRanges::full()),
            Protocol::UDP => Self::udp(PortRanges::full()),
            Protocol::ICMP => Self::icmp(IcmpSet::full()),
            Protocol::ICMPV6 => Self::icmpv6(IcmpSet::full()),
            _ => Self { other: IntervalSet::single(protocol.number()), ..Self::empty() },
        }
    }

    /// TCP to these destination ports.
    pub fn tcp(ports: PortRanges) -> Self {
        Self { tcp: ports, ..Self::empty() }
    }

    /// UDP to these destination ports.
    pub fn udp(ports: PortRanges) -> Self {
        Self { udp: ports, ..Self::empty() }
    }

    /// These messages of ICMP.
    pub fn icmp(messages: IcmpSet) -> Self {
        Self { icmp: messages, ..Self::empty() }
    }

    /// These messages of ICMPv6.
    pub fn icmpv6(messages: IcmpSet) -> Self {
        Self { icmpv6: messages, ..Self::empty() }
    }

    /// All of the protocols with these numbers, those with a lane of their own included.
    pub fn protocols(numbers: &IntervalSet<u8>) -> Self {
        let named = Protocol::NAMED.into_iter().filter(|(protocol, _)| numbers.contains(protocol.number()));
        let other = Self { other: numbers.intersect(&all_other()), ..Self::empty() };
        named.fold(other, |set, (protocol, _)| set.union(&Self::of_protocol(protocol)))
    }

    /// The set that holds only the protocol and destination port, or type and code, of one header.
    /// Empty if the transport is not the one of the protocol.
    pub fn single(protocol: Protocol, transport: &Transport) -> Self {
        match (protocol, *transport) {
            (Protocol::TCP, Transport::Ports { destination, .. }) => Self::tcp(IntervalSet::single(destination)),
            (Protocol::UDP, Transport::Ports { destination, .. }) => Self::udp(IntervalSet::single(destination)),
            (Protocol::ICMP, Transport::Icmp { kind, code }) => Self::icmp(IcmpSet::single(kind, code)),
            (Protocol::ICMPV6, Transport::Icmp { kind, code }) => Self::icmpv6(IcmpSet::single(kind, code)),
            (_, Transport::Opaque) if protocol.name().is_none() => Self::of_protocol(protocol),
            _ => Self::empty(),
        }
    }

    /// The destination ports of TCP.
    pub fn tcp_ports(&self) -> &PortRanges {
        &self.tcp
    }

    /// The destination ports of UDP.
    pub fn udp_ports(&self) -> &PortRanges {
        &self.udp
    }

    /// The messages of ICMP.
    pub fn icmp_messages(&self) -> &IcmpSet {
        &self.icmp
    }

    /// The messages of ICMPv6.
    pub fn icmpv6_messages(&self) -> &IcmpSet {
        &self.icmpv6
    }

    /// The numbers of the protocols without a lane of their own.
    pub fn other_protocols(&self) -> &IntervalSet<u8> {
        &self.other
    }

    /// The lanes that are not empty, in the order in which they print.
    pub fn lanes(&self) -> impl Iterator<Item = Lane<'_>> {
        [
            (!self.tcp.is_empty()).then_some(Lane::Ports(Protocol::TCP, &self.tcp)),
            (!self.udp.is_empty()).then_some(Lane::Ports(Protocol::UDP, &self.udp)),
            (!self.icmp.is_empty()).then_some(Lane::Icmp(Protocol::ICMP, &self.icmp)),
            (!self.icmpv6.is_empty()).then_some(Lane::Icmp(Protocol::ICMPV6, &self.icmpv6)),
            (!self.other.is_empty()).then_some(Lane::Other(&self.other)),
        ]
        .into_iter()
        .flatten()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.lanes().next().is_none()
    }

    /// Whether everything is a member.
    pub fn is_full(&self) -> bool {
        *self == Self::full()
    }

    /// Whether some members carry ports: the TCP or the UDP lane is not empty.
    pub fn has_ports(&self) -> bool {
        !self.tcp.is_empty() || !self.udp.is_empty()
    }

    /// The members that carry ports.
    #[must_use]
    pub fn with_ports(&self) -> Self {
        Self { tcp: self.tcp.clone(), udp: self.udp.clone(), ..Self::empty() }
    }

    /// The members that do not carry ports.
    #[must_use]
    pub fn without_ports(&self) -> Self {
        Self { tcp: PortRanges::empty(), udp: PortRanges::empty(), ..self.clone() }
    }

    /// Whether the flow's protocol and destination port, or type and code, are a member.
    pub fn contains(&self, flow: &Flow) -> bool {
        self.contains_point(flow.protocol, &flow.transport)
    }

    /// Whether this protocol and destination port, or type and code, are a member; never if the
    /// transport is not the one of the protocol. `O(log n)`.
    pub fn contains_point(&self, protocol: Protocol, transport: &Transport) -> bool {
        match (protocol, *transport) {
            (Protocol::TCP, Transport::Ports { destination, .. }) => self.tcp.contains(destination),
            (Protocol::UDP, Transport::Ports { destination, .. }) => self.udp.contains(destination),
            (Protocol::ICMP, Transport::Icmp { kind, code }) => self.icmp.contains(kind, code),
            (Protocol::ICMPV6, Transport::Icmp { kind, code }) => self.icmpv6.contains(kind, code),
            (_, Transport::Opaque) => self.other.contains(protocol.number()),
            _ => false,
        }
    }

    /// Whether every member of `self` is one of `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.tcp.is_subset(&other.tcp)
            && self.udp.is_subset(&other.udp)
            && self.icmp.is_subset(&other.icmp)
            && self.icmpv6.is_subset(&other.icmpv6)
            && self.other.is_subset(&other.other)
    }

    /// Whether the two sets have a member in common.
    pub fn intersects(&self, other: &Self) -> bool {
        self.intersects_with_ports(other) || self.intersects_without_ports(other)
    }

    /// Whether the two sets have a member with ports in common.
    pub(crate) fn intersects_with_ports(&self, other: &Self) -> bool {
        self.tcp.intersects(&other.tcp) || self.udp.intersects(&other.udp)
    }

    /// Whether the two sets have a member without ports in common.
    pub(crate) fn intersects_without_ports(&self, other: &Self) -> bool {
        self.icmp.intersects(&other.icmp)
            || self.icmpv6.intersects(&other.icmpv6)
            || self.other.intersects(&other.other)
    }

    /// The members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self {
            tcp: self.tcp.union(&other.tcp),
            udp: self.udp.union(&other.udp),
            icmp: self.icmp.union(&other.icmp),
            icmpv6: self.icmpv6.union(&other.icmpv6),
            other: self.other.union(&other.other),
        }
    }

    /// The members of both sets.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self {
            tcp: self.tcp.intersect(&other.tcp),
            udp: self.udp.intersect(&other.udp),
            icmp: self.icmp.intersect(&other.icmp),
            icmpv6: self.icmpv6.intersect(&other.icmpv6),
            other: self.other.intersect(&other.other),
        }
    }

    /// The members of `self` that are not in `other`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        Self {
            tcp: self.tcp.subtract(&other.tcp),
            udp: self.udp.subtract(&other.udp),
            icmp: self.icmp.subtract(&other.icmp),
            icmpv6: self.icmpv6.subtract(&other.icmpv6),
            other: self.other.subtract(&other.other),
        }
    }

    /// Everything that is not a member.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self::full().subtract(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str) -> PortSet {
        text.parse().unwrap()
    }

    #[test]
    fn members() {
        let set = ports("tcp 443; icmp 8/*; other 50");
        let to = |destination| Transport::Ports { source: 1, destination };
        assert!(set.contains_point(Protocol::TCP, &to(443)) && !set.contains_point(Protocol::TCP, &to(444)));
        assert!(!set.contains_point(Protocol::UDP, &to(443)));
        assert!(set.contains(&"icmp 10.0.0.1 -> 10.0.0.2 8/3".parse().unwrap()));
        assert!(set.contains(&"50 10.0.0.1 -> 10.0.0.2".parse().unwrap()));
        // A transport of another protocol is never a member.
        for protocol in [0, 1, 6, 17, 50, 58].map(Protocol::new) {
            let fits = |transport| PortSet::full().contains_point(protocol, &transport);
            assert_eq!(fits(to(1)), protocol.has_ports());
            assert_eq!(fits(Transport::Icmp { kind: 0, code: 0 }), protocol.is_icmp());
            assert_eq!(fits(Transport::Opaque), protocol.name().is_none());
            assert!(PortSet::single(protocol, &to(1)).is_empty() != protocol.has_ports());
        }
    }

    #[test]
    fn lanes_and_parts() {
        let set = ports("udp 53; other 50");
        assert_eq!(set.lanes().map(|lane| lane.to_string()).collect::<Vec<_>>(), ["udp 53", "other 50"]);
        assert!(set.has_ports());
        assert_eq!((set.with_ports(), set.without_ports()), (ports("udp 53"), ports("other 50")));
        assert!(!set.without_ports().has_ports());
    }

    #[test]
    fn protocols_reach_every_lane() {
        assert_eq!(PortSet::protocols(&IntervalSet::full()), PortSet::full());
        assert_eq!(PortSet::protocols(&IntervalSet::range(5, 7)), ports("tcp *; other 5,7"));
        let all = (0..=255).map(|number| PortSet::of_protocol(Protocol::new(number)));
        assert_eq!(all.fold(PortSet::empty(), |set, one| set.union(&one)), PortSet::full());
        assert!(PortSet::full().complement().is_empty());
    }
}
