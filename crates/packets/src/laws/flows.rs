//! Flow sets against a list of flows that has one of every kind the generated cubes tell apart.
//!
//! Cubes are made of few addresses, ports and messages. The list pairs all of these, and one of
//! each field that no cube names, so two sets with the same members in the list are equal.

use std::net::IpAddr;
use std::sync::LazyLock;

use proptest::prelude::*;

use crate::{Cube, Flow, FlowSet, IcmpSet, IntervalSet, IpSet, PortRanges, PortSet, Protocol, Transport};

/// Addresses that cubes name, and the first of each family, which none names.
const ADDRESSES: [&str; 7] = ["10.0.0.0", "10.0.0.1", "10.0.0.2", "2600::1", "2600::2", "0.0.0.0", "::"];
const NAMED_ADDRESSES: usize = 5;
/// Ports that cubes name, and one that none names.
const PORTS: [u16; 3] = [22, 23, 0];
const NAMED_PORTS: usize = 2;

static FLOWS: LazyLock<Vec<Flow>> = LazyLock::new(|| {
    let ports = PORTS.into_iter().flat_map(|source| {
        let transports = PORTS.map(|destination| Transport::Ports { source, destination });
        transports.into_iter().flat_map(|transport| [(Protocol::TCP, transport), (Protocol::UDP, transport)])
    });
    let messages = [(8, 0), (8, 1), (3, 0)].into_iter().flat_map(|(kind, code)| {
        [Protocol::ICMP, Protocol::ICMPV6].map(|protocol| (protocol, Transport::Icmp { kind, code }))
    });
    let others = [50, 51].map(|number| (Protocol::new(number), Transport::Opaque));
    let transports: Vec<(Protocol, Transport)> = ports.chain(messages).chain(others).collect();
    let addresses: [IpAddr; 7] = ADDRESSES.map(|address| address.parse().unwrap());
    let pairs = addresses.into_iter().flat_map(|source| addresses.map(|destination| (source, destination)));
    let all = pairs.flat_map(|(source, destination)| {
        transports.iter().map(move |&(protocol, transport)| Flow { source, destination, protocol, transport })
    });
    all.filter(Flow::is_well_formed).collect()
});

/// Either the picked items of a list, or the complement of these.
fn addresses() -> impl Strategy<Value = IpSet> {
    let picks = proptest::sample::subsequence(&ADDRESSES[..NAMED_ADDRESSES], 0..=NAMED_ADDRESSES);
    (picks, any::<bool>()).prop_map(|(picks, inverted)| {
        let set: IpSet = picks.into_iter().map(|address| address.parse::<IpAddr>().unwrap()).collect();
        if inverted { set.complement() } else { set }
    })
}

fn ports() -> impl Strategy<Value = PortRanges> {
    let picks = proptest::sample::subsequence(&PORTS[..NAMED_PORTS], 0..=NAMED_PORTS);
    (picks, any::<bool>()).prop_map(|(picks, inverted)| {
        let set: PortRanges = picks.into_iter().map(|port| (port, port)).collect();
        if inverted { set.complement() } else { set }
    })
}

fn messages() -> impl Strategy<Value = IcmpSet> {
    let single = IcmpSet::single(8, 0);
    let whole = IcmpSet::kind(8);
    proptest::sample::select(vec![
        IcmpSet::empty(),
        single.clone(),
        whole.clone(),
        whole.subtract(&single),
        whole.complement(),
        IcmpSet::full(),
    ])
}

fn lanes() -> impl Strategy<Value = PortSet> {
    let protocols = proptest::sample::select(vec![
        IntervalSet::empty(),
        IntervalSet::empty(),
        IntervalSet::single(50),
        IntervalSet::single(50).complement(),
        IntervalSet::full(),
    ]);
    (ports(), ports(), messages(), messages(), protocols).prop_map(|(tcp, udp, icmp, icmpv6, protocols)| {
        let lanes = [PortSet::udp(udp), PortSet::icmp(icmp), PortSet::icmpv6(icmpv6), PortSet::protocols(&protocols)];
        lanes.iter().fold(PortSet::tcp(tcp), |set, lane| set.union(lane))
    })
}

fn cubes() -> impl Strategy<Value = Cube> {
    (addresses(), addresses(), lanes(), ports()).prop_map(|(sources, destinations, ports, source_ports)| Cube {
        sources,
        destinations,
        ports,
        source_ports,
    })
}

fn flow_sets() -> impl Strategy<Value = FlowSet> {
    proptest::collection::vec(cubes(), 0..4).prop_map(FlowSet::from_cubes)
}

fn members(set: &FlowSet) -> Vec<bool> {
    FLOWS.iter().map(|flow| set.contains(flow)).collect()
}

/// Checks what every flow set must keep.
fn is_sound(set: &FlowSet) -> Result<(), TestCaseError> {
    for (index, cube) in set.cubes().iter().enumerate() {
        prop_assert_eq!(cube.clone().normalized(), Some(cube.clone()));
        prop_assert_eq!(cube.clone().by_family().count(), 1);
        for later in set.cubes().iter().skip(index + 1) {
            prop_assert!(!cube.intersects(later) && cube.intersect(later).is_none(), "{cube}\n{later}");
        }
    }
    prop_assert_eq!(set.witness().is_none(), set.is_empty());
    prop_assert!(set.witness().is_none_or(|flow| set.contains(&flow)));
    prop_assert_eq!(set.is_empty(), members(set).iter().all(|&member| !member));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn cubes_agree_with_their_members(a in cubes(), b in cubes()) {
        let (left, right) = (FlowSet::from_cube(a.clone()), FlowSet::from_cube(b.clone()));
        let contains = |cubes: &[Cube], flow: &Flow| cubes.iter().filter(|cube| cube.contains(flow)).count();
        let pieces = a.subtract(&b);
        prop_assert!(pieces.len() <= 4);
        let both: Vec<Cube> = a.intersect(&b).into_iter().collect();
        for flow in FLOWS.iter() {
            let (x, y) = (a.contains(flow), b.contains(flow));
            prop_assert_eq!((left.contains(flow), right.contains(flow)), (x, y), "normalizing moved {}", flow);
            prop_assert_eq!(contains(&pieces, flow), usize::from(x && !y), "{}", flow);
            prop_assert_eq!(contains(&both, flow), usize::from(x && y), "{}", flow);
        }
        prop_assert_eq!(a.intersects(&b), !both.is_empty());
        prop_assert_eq!(a.is_empty(), left.is_empty());
        prop_assert_eq!(a.witness(), left.witness());
        super::round_trips(&a)?;
    }

    #[test]
    fn membership_is_a_homomorphism(a in flow_sets(), b in flow_sets()) {
        let (left, right) = (members(&a), members(&b));
        let both = |f: fn(bool, bool) -> bool| -> Vec<bool> { left.iter().zip(&right).map(|(&x, &y)| f(x, y)).collect() };
        for (set, expected) in [
            (a.union(&b), both(|x, y| x || y)),
            (a.intersect(&b), both(|x, y| x && y)),
            (a.subtract(&b), both(|x, y| x && !y)),
            (a.complement(), both(|x, _| !x)),
        ] {
            is_sound(&set)?;
            prop_assert_eq!(members(&set), expected, "{}", set);
        }
        prop_assert_eq!(a.is_subset(&b), both(|x, y| !x || y).iter().all(|&holds| holds));
        prop_assert_eq!(a.intersects(&b), both(|x, y| x && y).iter().any(|&holds| holds));
        prop_assert_eq!(a.equivalent(&b), left == right);
    }

    #[test]
    fn laws_hold_up_to_equivalence(a in flow_sets(), b in flow_sets()) {
        prop_assert!(a.union(&b).equivalent(&b.union(&a)));
        prop_assert!(a.intersect(&b).equivalent(&b.intersect(&a)));
        prop_assert!(a.union(&a).equivalent(&a) && a.intersect(&a).equivalent(&a));
        prop_assert!(a.union(&b).complement().equivalent(&a.complement().intersect(&b.complement())));
        prop_assert!(a.subtract(&b).equivalent(&a.intersect(&b.complement())));
        prop_assert!(a.subtract(&b).union(&a.intersect(&b)).equivalent(&a));
        prop_assert!(a.subtract(&a).is_empty());
    }

    #[test]
    fn text_round_trips(set in flow_sets()) {
        let text = set.to_string();
        let parsed: FlowSet = text.parse().map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        prop_assert!(parsed.equivalent(&set));
        prop_assert_eq!(parsed.to_string(), text);
    }
}
