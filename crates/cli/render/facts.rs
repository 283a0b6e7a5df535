//! What several renderers say of a question and of its answer.

use std::fmt::Write as _;

use reach_engine::endpoint::default_source_ports;
use reach_engine::explain;
use reach_engine::pair::{Allowed, AllowedPorts, Ask, Carved, Lane};
use reach_engine::question::{Group, PairCounts};
use reach_engine::reason::{Outcome, Stage, Step};
use reach_model::Network;
use reach_packets::{Family, IcmpSet, PortRanges, PortSet, Protocol};

use super::Told;
use crate::ask::Asked;

/// The client's ports that were asked about, as text: given, or the default where all sources share one.
pub(crate) fn source_ports(told: &Told<'_>) -> Option<String> {
    if let Some(text) = &told.asked.source_port {
        return Some(text.clone());
    }
    let has_ports = told.question.ask.lanes.iter().any(|lane| matches!(lane, Lane::Ports(..)));
    let mut defaults = told.question.from.iter().map(|endpoint| default_source_ports(told.network, endpoint));
    let first = defaults.next().filter(|_| has_ports)?;
    defaults.all(|other| other == first).then(|| first.to_string())
}

/// What was asked, in words: `tcp 443 (https)`, `icmp 8/0`, `every protocol and port`, `protocol 50`.
pub(crate) fn traffic(asked: &Asked) -> String {
    let mut text = match asked.protocol.as_str() {
        "all" => "every protocol and port".to_owned(),
        protocol if protocol.bytes().all(|byte| byte.is_ascii_digit()) => format!("protocol {protocol}"),
        protocol => protocol.to_owned(),
    };
    // Writing to a string does not fail.
    let _ = match (&asked.ports, &asked.port, &asked.icmp) {
        // Names are shown beside their numbers.
        (Some(ports), Some(written), _) if written.bytes().any(|byte| byte.is_ascii_alphabetic()) => {
            write!(text, " {ports} ({written})")
        }
        (Some(detail), ..) | (None, _, Some(detail)) => write!(text, " {detail}"),
        _ if matches!(asked.protocol.as_str(), "tcp" | "udp") => write!(text, ", every port"),
        _ => Ok(()),
    };
    if let Some(ports) = &asked.source_port {
        let _ = write!(text, " from port {ports}");
    }
    if let Some(family) = asked.family {
        let _ = write!(text, ", {family}");
    }
    text
}

/// `10 of 12 pairs reachable, 2 blocked`.
pub(crate) fn counts(pairs: &PairCounts) -> String {
    let noun = if pairs.total == 1 { "pair" } else { "pairs" };
    let mut text = format!("{} of {} {noun} reachable", pairs.reachable, pairs.total);
    for (count, word) in [(pairs.partial, "partial"), (pairs.blocked, "blocked"), (pairs.unknown, "unknown")] {
        if count > 0 {
            let _ = write!(text, ", {count} {word}");
        }
    }
    text
}

/// What was asked and what of it passes, as sets.
pub(crate) fn asked_set(ask: &Ask, family: Option<Family>) -> PortSet {
    let exists = |lane: &&Lane| match (lane, family) {
        (Lane::Icmp(Protocol::ICMP, _), Some(family)) => family == Family::V4,
        (Lane::Icmp(..), Some(family)) => family == Family::V6,
        _ => true,
    };
    ask.lanes.iter().filter(exists).fold(PortSet::empty(), |set, lane| {
        set.union(&match lane {
            Lane::Ports(protocol, ports) => ports_of(*protocol, ports.clone()),
            Lane::Icmp(protocol, messages) => messages_of(*protocol, messages.clone()),
            Lane::Protocols(numbers) => PortSet::protocols(numbers),
        })
    })
}

/// What passes.
pub(crate) fn allowed_set(allowed: &Allowed) -> PortSet {
    match &allowed.what {
        AllowedPorts::Ports(protocol, ports) => ports_of(*protocol, ports.clone()),
        AllowedPorts::Icmp(protocol, messages) => messages_of(*protocol, messages.clone()),
        AllowedPorts::Protocols(numbers) => PortSet::protocols(numbers),
    }
}

fn ports_of(protocol: Protocol, ports: PortRanges) -> PortSet {
    if protocol == Protocol::UDP { PortSet::udp(ports) } else { PortSet::tcp(ports) }
}

fn messages_of(protocol: Protocol, messages: IcmpSet) -> PortSet {
    if protocol == Protocol::ICMPV6 { PortSet::icmpv6(messages) } else { PortSet::icmp(messages) }
}

/// The family that the group's pairs were judged in.
pub(crate) fn family(group: &Group) -> Option<Family> {
    group.answer.witness.map(|flow| Family::of(flow.destination))
}

/// Whether only parts of the outside pass, and all the rest of it does not.
pub(crate) fn is_carved(group: &Group) -> bool {
    let answer = &group.answer;
    let stopped =
        answer.forward_path.iter().chain(&answer.return_path).any(|step| matches!(step.outcome, Outcome::Blocked(_)));
    let passes = |carved: &Carved| !carved.reachable.is_empty() || !carved.partial.is_empty();
    stopped && answer.outside.as_ref().is_some_and(passes)
}

/// What of the question does not pass for certain in this group.
pub(crate) fn refused(told: &Told<'_>, group: &Group) -> PortSet {
    let asked = asked_set(&told.question.ask, family(group));
    group.answer.allowed.iter().fold(asked, |left, allowed| left.subtract(&allowed_set(allowed)))
}

/// Whether the question is about a single port, message or protocol.
pub(crate) fn is_point(ask: &Ask) -> bool {
    match ask.lanes.as_slice() {
        [Lane::Ports(_, ports)] => ports.count() == 1,
        [Lane::Icmp(_, messages)] => messages.points().count() == 1,
        [Lane::Protocols(numbers)] => numbers.count() == 1,
        _ => false,
    }
}

/// Whether the packet passes a step.
pub(crate) const fn passes(step: &Step) -> bool {
    matches!(step.outcome, Outcome::Allowed | Outcome::Tracked)
}

/// A step that people are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shown<'a> {
    /// Its number in the path.
    pub(crate) number: usize,
    pub(crate) step: &'a Step,
    /// The packet was stopped before: the walk goes on only to find what else is in the way.
    pub(crate) beyond: bool,
}

/// The steps of a path that people are shown: all, or in short those that a rule decided, that changed the packet, or
/// that it did not pass. Behind the step that stops the packet those that would stop it, too.
pub(crate) fn shown(steps: &[Step], all: bool) -> Vec<Shown<'_>> {
    let stop = steps.iter().position(|step| matches!(step.outcome, Outcome::Blocked(_))).unwrap_or(usize::MAX);
    let numbered = steps.iter().enumerate();
    let every = numbered.map(|(position, step)| Shown { number: position + 1, step, beyond: position > stop });
    // What is stopped is not delivered.
    let every: Vec<Shown<'_>> =
        every.filter(|shown| !(shown.beyond && shown.step.stage == Stage::Deliver && passes(shown.step))).collect();
    if all {
        return every;
    }
    let telling = |shown: &&Shown<'_>| {
        let Shown { step, beyond, .. } = shown;
        !passes(step) || !beyond && (step.rule.is_some() || step.rewritten.is_some())
    };
    let short: Vec<Shown<'_>> = every.iter().filter(telling).copied().collect();
    if short.is_empty() { every } else { short }
}

/// The resource of a step: where it failed the one that is to blame.
pub(crate) fn step_resource(network: &Network, step: &Step) -> String {
    match &step.outcome {
        Outcome::Blocked(reason) | Outcome::Unknown(reason) if reason.direction.is_some() => {
            match explain::groups(network, reason).as_slice() {
                [] => explain::site_id(network, &step.site),
                groups => format!("{} of {}", groups.join(", "), explain::site_id(network, &step.site)),
            }
        }
        _ => explain::site_id(network, &step.site),
    }
}
