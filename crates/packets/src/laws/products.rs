//! Address, ICMP and port sets: the laws, and membership lane by lane.

use ipnet::IpNet;
use proptest::prelude::*;

use super::{icmps, ips, laws, port_sets};
use crate::{Family, Flow, IcmpSet, IpSet, PortSet, Protocol, Transport};

laws!(icmps_keep_the_laws, IcmpSet, icmps());
laws!(ips_keep_the_laws, IpSet, ips());
laws!(port_sets_keep_the_laws, PortSet, port_sets());

fn transports() -> impl Strategy<Value = (Protocol, Transport)> {
    let port = || prop_oneof![0..8_u16, any::<u16>()];
    let ports = (prop_oneof![Just(Protocol::TCP), Just(Protocol::UDP)], port(), port())
        .prop_map(|(protocol, source, destination)| (protocol, Transport::Ports { source, destination }));
    let icmp = (prop_oneof![Just(Protocol::ICMP), Just(Protocol::ICMPV6)], 0..4_u8, any::<u8>())
        .prop_map(|(protocol, kind, code)| (protocol, Transport::Icmp { kind, code }));
    let other = any::<u8>()
        .prop_map(Protocol::new)
        .prop_filter("has a lane of its own", |protocol| protocol.name().is_none())
        .prop_map(|protocol| (protocol, Transport::Opaque));
    prop_oneof![ports, icmp, other]
}

fn flows() -> impl Strategy<Value = Flow> {
    let v4 = (any::<[u8; 4]>(), any::<[u8; 4]>()).prop_map(|(a, b)| (a.into(), b.into()));
    let v6 = (any::<[u16; 8]>(), any::<[u16; 8]>()).prop_map(|(a, b)| (a.into(), b.into()));
    (prop_oneof![v4, v6], transports()).prop_map(|((source, destination), (protocol, transport))| Flow {
        source,
        destination,
        protocol,
        transport,
    })
}

proptest! {
    #[test]
    fn flows_round_trip(flow in flows()) {
        prop_assert!(flow.is_well_formed());
        super::round_trips(&flow)?;
        if let Some(reply) = flow.reversed() {
            prop_assert!(reply.is_well_formed());
            prop_assert_eq!((reply.source, reply.destination), (flow.destination, flow.source));
            if flow.protocol.has_ports() {
                prop_assert_eq!(reply.reversed(), Some(flow));
            }
        } else {
            prop_assert!(flow.protocol.is_icmp());
        }
    }

    #[test]
    fn port_membership_is_a_homomorphism(a in port_sets(), b in port_sets(), (protocol, transport) in transports()) {
        let (x, y) = (a.contains_point(protocol, &transport), b.contains_point(protocol, &transport));
        prop_assert_eq!(a.union(&b).contains_point(protocol, &transport), x || y);
        prop_assert_eq!(a.intersect(&b).contains_point(protocol, &transport), x && y);
        prop_assert_eq!(a.subtract(&b).contains_point(protocol, &transport), x && !y);
        prop_assert_eq!(a.complement().contains_point(protocol, &transport), !x);
        let single = PortSet::single(protocol, &transport);
        prop_assert_eq!(single.is_subset(&a), x);
        prop_assert!(single.contains_point(protocol, &transport));
        prop_assert_eq!(a.with_ports().union(&a.without_ports()), a);
    }

    #[test]
    fn icmp_membership_is_a_homomorphism(a in icmps(), b in icmps(), kind in 0..4_u8, code in any::<u8>()) {
        let (x, y) = (a.contains(kind, code), b.contains(kind, code));
        prop_assert_eq!(a.union(&b).contains(kind, code), x || y);
        prop_assert_eq!(a.subtract(&b).contains(kind, code), x && !y);
        prop_assert_eq!(IcmpSet::single(kind, code).is_subset(&a), x);
    }

    #[test]
    fn blocks_cover_exactly_and_minimally(set in ips()) {
        let blocks = set.cidrs();
        prop_assert_eq!(blocks.iter().copied().collect::<IpSet>(), set.clone());
        // A cover of disjoint blocks is minimal when no two are the halves of one.
        prop_assert_eq!(IpNet::aggregate(&blocks).len(), blocks.len());
        let count = |block: IpNet| IpSet::from(block).count();
        let sum = blocks.into_iter().fold(0_u128, |sum, block| sum.saturating_add(count(block)));
        prop_assert_eq!(sum, set.count());
    }

    #[test]
    fn address_pieces_are_disjoint_whole_and_unsplit(set in ips(), by in proptest::collection::vec(ips(), 0..4)) {
        let mut union = IpSet::empty();
        for piece in set.partition(&by) {
            prop_assert!(piece.has_family(Family::V4) != piece.has_family(Family::V6));
            prop_assert!(!piece.intersects(&union));
            union = union.union(&piece);
            for other in &by {
                prop_assert!(piece.is_subset(other) || !piece.intersects(other));
            }
        }
        prop_assert_eq!(union, set);
    }

    #[test]
    fn first_address_is_the_smallest_member(set in ips()) {
        prop_assert_eq!(set.first().is_none(), set.is_empty());
        for family in Family::ALL {
            let first = set.first_in(family);
            prop_assert_eq!(first.is_some(), set.has_family(family));
            prop_assert!(first.is_none_or(|first| set.contains(first) && Family::of(first) == family));
        }
    }
}
