//! Property tests: the laws of sets, against models that list every member.

mod flows;
mod intervals;
mod products;

use std::fmt::{Debug, Display};
use std::str::FromStr;

use proptest::prelude::*;

use crate::{IcmpSet, IntervalSet, IpSet, PortSet};

/// Checks that `value` parses back from what it prints.
fn round_trips<T: Display + FromStr<Err: Debug> + PartialEq + Debug>(value: &T) -> Result<(), TestCaseError> {
    let text = value.to_string();
    let parsed: T = text.parse().map_err(|error| TestCaseError::fail(format!("`{text}`: {error:?}")))?;
    prop_assert_eq!(&parsed, value, "`{}`", text);
    prop_assert_eq!(parsed.to_string(), text);
    Ok(())
}

/// Sets over all of `u8`, with intervals that often touch, overlap, or reach the ends.
fn bytes() -> impl Strategy<Value = IntervalSet<u8>> {
    let end = || prop_oneof![4 => 0..16_u8, 2 => any::<u8>(), 1 => 250..=255_u8];
    proptest::collection::vec((end(), end()), 0..6)
        .prop_map(|ends| ends.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect())
}

/// Sets of ports that come near each other and reach the ends.
fn ports() -> impl Strategy<Value = IntervalSet<u16>> {
    let end = || prop_oneof![4 => 0..8_u16, 1 => any::<u16>(), 1 => 65533..=65535_u16];
    proptest::collection::vec((end(), end()), 0..4)
        .prop_map(|ends| ends.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect())
}

fn icmps() -> impl Strategy<Value = IcmpSet> {
    let message = || (prop_oneof![0..4_u8, any::<u8>()], prop_oneof![Just(0_u8), Just(255), any::<u8>()]);
    let range = (message(), message()).prop_map(|(a, b)| {
        let (a, b) = (u16::from_be_bytes([a.0, a.1]), u16::from_be_bytes([b.0, b.1]));
        (a.min(b), a.max(b))
    });
    proptest::collection::vec(range, 0..4).prop_map(|ranges| IcmpSet::from_points(ranges.into_iter().collect()))
}

fn ips() -> impl Strategy<Value = IpSet> {
    let v4 = || prop_oneof![3 => 0..8_u32, 1 => any::<u32>(), 1 => u32::MAX - 3..=u32::MAX];
    let v6 = || prop_oneof![3 => 0..8_u128, 1 => any::<u128>(), 1 => u128::MAX - 3..=u128::MAX];
    let v4 = proptest::collection::vec((v4(), v4()), 0..3);
    let v6 = proptest::collection::vec((v6(), v6()), 0..3);
    (v4, v6).prop_map(|(v4, v6)| {
        let v4 = v4.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect();
        let v6 = v6.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect();
        IpSet::from_intervals(v4, v6)
    })
}

fn port_sets() -> impl Strategy<Value = PortSet> {
    (ports(), ports(), icmps(), icmps(), bytes()).prop_map(|(tcp, udp, icmp, icmpv6, numbers)| {
        let lanes = [PortSet::tcp(tcp), PortSet::udp(udp), PortSet::icmp(icmp), PortSet::icmpv6(icmpv6)];
        let other = PortSet::protocols(&numbers).subtract(&PortSet::full().with_ports());
        lanes.iter().fold(other, |set, lane| set.union(lane))
    })
}

/// The laws that every kind of set keeps, and that `==` is equality of sets.
macro_rules! laws {
    ($name:ident, $set:ty, $sets:expr) => {
        proptest! {
            #[test]
            fn $name(a in $sets, b in $sets, c in $sets) {
                let (empty, full) = (<$set>::empty(), <$set>::full());
                // Idempotence, identity and complement.
                prop_assert_eq!(&a.union(&a), &a);
                prop_assert_eq!(&a.intersect(&a), &a);
                prop_assert_eq!(&a.union(&empty), &a);
                prop_assert_eq!(&a.intersect(&full), &a);
                prop_assert_eq!(&a.union(&full), &full);
                prop_assert_eq!(&a.intersect(&empty), &empty);
                prop_assert_eq!(&a.complement().complement(), &a);
                prop_assert_eq!(&a.union(&a.complement()), &full);
                prop_assert_eq!(&a.intersect(&a.complement()), &empty);
                // Commutativity, associativity, distributivity and absorption.
                prop_assert_eq!(a.union(&b), b.union(&a));
                prop_assert_eq!(a.intersect(&b), b.intersect(&a));
                prop_assert_eq!(a.union(&b).union(&c), a.union(&b.union(&c)));
                prop_assert_eq!(a.intersect(&b).intersect(&c), a.intersect(&b.intersect(&c)));
                prop_assert_eq!(a.intersect(&b.union(&c)), a.intersect(&b).union(&a.intersect(&c)));
                prop_assert_eq!(&a.union(&a.intersect(&b)), &a);
                // De Morgan, and subtraction by way of the complement.
                prop_assert_eq!(a.union(&b).complement(), a.complement().intersect(&b.complement()));
                prop_assert_eq!(a.intersect(&b).complement(), a.complement().union(&b.complement()));
                prop_assert_eq!(a.subtract(&b), a.intersect(&b.complement()));
                prop_assert_eq!(&a.subtract(&b).union(&a.intersect(&b)), &a);
                // Queries agree with operations.
                prop_assert_eq!(a.is_subset(&b), a.subtract(&b).is_empty());
                prop_assert_eq!(a.intersects(&b), !a.intersect(&b).is_empty());
                prop_assert_eq!(a.is_empty(), a == empty);
                prop_assert_eq!(a.is_full(), a == full);
                super::round_trips(&a)?;
                super::round_trips(&a.complement())?;
            }
        }
    };
}
use laws;
