//! One flow of every set, judged by the reference engine on both networks before anything is told.

use std::net::IpAddr;

use reach_model::Network;
use reach_packets::{Family, Protocol, Transport};

use super::{Difference, End, FlowSet, Party};
use crate::compile::population::Member;
use crate::compile::told::sample;
use crate::endpoint::representative;
use crate::pair::{Contradiction, POOL, Replay, asked_from_outside};
use crate::simulate::{Start, Target};
use crate::verdict::Verdict;

/// More sets than this are checked in part: every n-th.
const CHECKED: usize = 400;

/// Checks what was gained and what was lost.
pub(super) fn check(before: &Network, after: &Network, found: &Difference) -> Result<(), Box<Contradiction>> {
    for (list, expected) in
        [(&found.gained, (Verdict::Blocked, Verdict::Reachable)), (&found.lost, (Verdict::Reachable, Verdict::Blocked))]
    {
        let step = list.len().div_ceil(CHECKED).max(1);
        for set in list.iter().step_by(step) {
            for (network, is_after, expected) in [(before, false, expected.0), (after, true, expected.1)] {
                check_on(network, is_after, &found.parties, set, expected)?;
            }
        }
    }
    Ok(())
}

/// The ends of one flow of a set.
fn ends(network: &Network, is_after: bool, parties: &[Party], set: &FlowSet) -> Option<(Start, Target<'static>)> {
    let member = |id: u32| -> Option<Member> {
        let party = parties.get(id as usize)?;
        if is_after { party.after } else { party.before }
    };
    match (&set.from, &set.to) {
        (End::Inside(from), End::Inside(to)) => {
            let a = from.first()?;
            let (a, b) = match to.iter().find(|b| *b != a) {
                Some(b) => (a, b),
                None => (from.iter().find(|a| Some(*a) != to.first())?, to.first()?),
            };
            let (a, b) = (member(*a)?, member(*b)?);
            let target = Target { address: b.address(), interface: Some(b.interface), admission: None };
            Some((Start::Interface(a.interface, a.address()), target))
        }
        (End::Inside(from), End::Outside(to)) => {
            let (a, remote) = (member(*from.first()?)?, representative(&to.0)?);
            let target = Target { address: remote, interface: None, admission: None };
            Some((Start::Interface(a.interface, a.address()), target))
        }
        (End::Outside(from), End::Inside(to)) => {
            let (remote, b): (IpAddr, Member) = (representative(&from.0)?, member(*to.first()?)?);
            let address = asked_from_outside(network, b.interface, b.address(), remote);
            Some((Start::Outside(remote), Target { address, interface: Some(b.interface), admission: None }))
        }
        (End::Outside(_), End::Outside(_)) => None,
    }
}

fn check_on(
    network: &Network,
    is_after: bool,
    parties: &[Party],
    set: &FlowSet,
    expected: Verdict,
) -> Result<(), Box<Contradiction>> {
    // An end that is not there yet, or no more, reaches nobody.
    let Some((start, target)) = ends(network, is_after, parties, set) else { return Ok(()) };
    let Some((protocol, transport)) = sample(&set.traffic.headers) else { return Ok(()) };
    let transport = match (transport, &set.traffic.source_ports) {
        (Transport::Ports { destination, .. }, Some(ports)) => {
            let Some(source) = ports.first_from(1024).or_else(|| ports.first()) else { return Ok(()) };
            Transport::Ports { source, destination }
        }
        (Transport::Ports { destination, .. }, None) => Transport::Ports { source: 40_000, destination },
        (transport, _) => transport,
    };
    let foreign = if set.traffic.family == Family::V4 { Protocol::ICMPV6 } else { Protocol::ICMP };
    if protocol == foreign {
        return Ok(());
    }
    let replay = Replay::of(network, start, target, protocol, transport, Some(POOL.0));
    let said = replay.back.map_or(replay.forward, |back| replay.forward.and(back));
    // Of a translator's pool some ports may pass and others not: then one port of it proves nothing.
    if said == expected || replay.translated {
        return Ok(());
    }
    Err(Box::new(Contradiction {
        about: format!("{} {}", replay.flow, if is_after { "after the change" } else { "before the change" }),
        compiled: (expected, None),
        reference: (replay.forward, replay.back),
    }))
}
