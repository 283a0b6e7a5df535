//! Flows between the snapshot and the addresses outside of it.

use indexmap::IndexMap;
use rayon::prelude::*;
use reach_packets::{Family, IpSet};

use super::State;
use super::ends::{Class, Ends, Party};
use super::pairs::{Bench, Outcome};
use crate::compile::headers::Headers;
use crate::compile::population::{Member, Population};
use crate::compile::{Aim, Source};
use crate::endpoint::representative;
use crate::pair::asked_from_outside;

/// What happens between some classes and some addresses outside.
#[derive(Debug)]
pub(super) struct Outer {
    pub(super) classes: Vec<u32>,
    pub(super) addresses: IpSet,
    pub(super) inbound: bool,
    pub(super) outcome: Outcome,
}

/// Every set of classes and piece of the outside between which something happens.
pub(super) fn compared(
    (before, old): (&State<'_>, &Population),
    (after, new): (&State<'_>, &Population),
    ends: &Ends,
    (outside, same_ground): (&IpSet, bool),
    headers: &Headers,
) -> Vec<Outer> {
    let key = |population: &Population, class: Option<u32>| {
        class.and_then(|class| population.classes().get(class as usize)).map(|class| (class.place, class.profile))
    };
    let mut alike: IndexMap<_, Vec<u32>> = IndexMap::new();
    for (number, class) in (0..).zip(&ends.classes) {
        // Where only groups changed, only whom they belong to can fare otherwise.
        if same_ground && !class.changed {
            continue;
        }
        // Timeouts tell classes apart, too.
        let idle = class.members.first().and_then(|first| ends.party(*first)?.before);
        let idle = idle.map(|member| before.compiled.idle_timeouts(member.interface));
        let key = (class.family, key(old, class.before), key(new, class.after), class.changed, idle);
        alike.entry(key).or_default().push(number);
    }
    let alike: Vec<Vec<u32>> = alike.into_values().collect();
    alike
        .into_par_iter()
        .flat_map_iter(|classes| [(classes.clone(), false), (classes, true)])
        .map_init(
            || Bench::new(before, after, headers),
            |bench, (classes, inbound)| {
                let first = classes.first().and_then(|&class| ends.classes.get(class as usize));
                let party = first.and_then(|class: &Class| ends.party(*class.members.first()?));
                let Some(party) = party else { return Vec::new() };
                of_party((before, after), party, outside, inbound, bench)
                    .into_iter()
                    .map(|(addresses, outcome)| Outer { classes: classes.clone(), addresses, inbound, outcome })
                    .collect()
            },
        )
        .flatten()
        .collect()
}

fn of_party<'b, 'n>(
    (before, after): (&'b State<'n>, &'b State<'n>),
    party: &Party,
    outside: &IpSet,
    inbound: bool,
    bench: &mut Bench<'b, 'n>,
) -> Vec<(IpSet, Outcome)> {
    let pieces = |state: &State<'_>, member: Option<Member>| match member {
        Some(member) => state.compiled.pieces_outside(member, outside, inbound),
        None => Vec::new(),
    };
    let (a, b) = (pieces(before, party.before), pieces(after, party.after));
    let mut atoms: Vec<IpSet> = match (a.is_empty(), b.is_empty()) {
        (true, _) => b,
        (_, true) => a,
        _ if a == b => a,
        _ => {
            let cut =
                |a: &IpSet| b.iter().map(|b| a.intersect(b)).filter(|piece| !piece.is_empty()).collect::<Vec<_>>();
            a.iter().flat_map(cut).collect()
        }
    };
    atoms.retain(|atom| !atom.is_empty());
    let family = party.net().map_or(Family::V4, |net| Family::of(net.addr()));
    let mut found: IndexMap<Outcome, IpSet> = IndexMap::new();
    for atom in atoms {
        let Some(remote) = representative(&atom) else { continue };
        let ends = |state: &State<'n>, member: Option<Member>| {
            let member = member?;
            Some(if inbound {
                let address = asked_from_outside(state.compiled.network(), member.interface, member.address(), remote);
                (Source::Outside(remote), Aim { address, interface: Some(member.interface), admission: None })
            } else {
                let aim = Aim { address: remote, interface: None, admission: None };
                (Source::Interface(member.interface, member.address()), aim)
            })
        };
        let outcome = bench.outcome(ends(before, party.before), ends(after, party.after), family);
        if !outcome.is_empty() {
            let addresses = found.entry(outcome).or_insert_with(IpSet::empty);
            *addresses = addresses.union(&atom);
        }
    }
    found.into_iter().map(|(outcome, addresses)| (addresses, outcome)).collect()
}

/// Whether nothing but groups differs between two networks.
pub(super) fn same_ground(before: &State<'_>, after: &State<'_>) -> bool {
    let (a, b) = (before.compiled.network(), after.compiled.network());
    let same_interfaces = || {
        a.interfaces.is_shared_with(&b.interfaces)
            || (a.interfaces.len() == b.interfaces.len()
                && a.interfaces.iter().zip(b.interfaces.iter()).all(|((_, a), (_, b))| {
                    a.id == b.id
                        && a.source_dest_check == b.source_dest_check
                        && a.groups.is_empty() == b.groups.is_empty()
                        && a.addresses == b.addresses
                        && a.kind == b.kind
                        && a.status == b.status
                }))
    };
    a.vpcs.is_shared_with(&b.vpcs)
        && a.subnets.is_shared_with(&b.subnets)
        && a.acls.is_shared_with(&b.acls)
        && a.prefix_lists.is_shared_with(&b.prefix_lists)
        && a.instances.is_shared_with(&b.instances)
        && a.endpoints.is_shared_with(&b.endpoints)
        && a.route_tables.is_shared_with(&b.route_tables)
        && a.internet_gateways.is_shared_with(&b.internet_gateways)
        && a.egress_only_gateways.is_shared_with(&b.egress_only_gateways)
        && a.nat_gateways.is_shared_with(&b.nat_gateways)
        && a.peerings.is_shared_with(&b.peerings)
        && a.transit_gateways.is_shared_with(&b.transit_gateways)
        && a.attachments.is_shared_with(&b.attachments)
        && a.transit_gateway_tables.is_shared_with(&b.transit_gateway_tables)
        && a.clusters.is_shared_with(&b.clusters)
        && same_interfaces()
}
