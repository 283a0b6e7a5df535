//! One pair of endpoints: what is asked of it, what is answered, and what both engines have in common in between.
//!
//! The reference engine's judgement is in `pieces`; the compiled one's is in [`crate::compile`]. Neither decides anything
//! here: this is the form of questions and answers, and how the answers for parts of an address range are put together.

mod cuts;
mod pieces;

use std::net::IpAddr;

use ipnet::IpNet;
use reach_model::network::{Idx, Network, NetworkInterface};
use reach_packets::{Family, Flow, IcmpSet, IntervalSet, IpSet, PortRanges, PortSet, Protocol, Transport};

use crate::compile::near::NearMiss;
use crate::endpoint::{Destination, Endpoint, Unresolved, representative};
use crate::host;
use crate::reason::{Assumption, Code, Leg, Reason, RuleRef, SaidOf, Site, Step};
use crate::simulate::{self, Session, Start, Target, Trace, Tracking, icmp_reply};
use crate::verdict::Verdict;

pub use self::pieces::judge;

/// What is asked of every pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The protocols and ports.
    pub lanes: Vec<Lane>,
    /// The client's source ports; `None` for what that kind of client uses.
    pub source_ports: Option<PortRanges>,
    /// The address family; `None` for IPv4 where both ends have it, else IPv6.
    pub family: Option<Family>,
}

impl Ask {
    /// The one family that is asked about, by itself or by its only protocol.
    pub(crate) fn only_family(&self) -> Option<Family> {
        let implied = self.lanes.iter().find_map(Lane::family);
        self.family.or(if self.lanes.len() == 1 { implied } else { None })
    }

    /// The headers of all lanes.
    pub fn headers(&self) -> reach_packets::PortSet {
        self.lanes.iter().fold(reach_packets::PortSet::empty(), |all, lane| all.union(&lane.headers()))
    }
}

/// One protocol lane of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lane {
    /// TCP or UDP ports.
    Ports(Protocol, PortRanges),
    /// Messages of ICMP or ICMPv6.
    Icmp(Protocol, IcmpSet),
    /// Other protocols by number.
    Protocols(IntervalSet<u8>),
}

impl Lane {
    /// Every protocol with every port and message.
    pub fn every() -> Vec<Lane> {
        vec![
            Lane::Ports(Protocol::TCP, PortRanges::full()),
            Lane::Ports(Protocol::UDP, PortRanges::full()),
            Lane::Icmp(Protocol::ICMP, IcmpSet::full()),
            Lane::Icmp(Protocol::ICMPV6, IcmpSet::full()),
            Lane::Protocols(PortSet::full().other_protocols().clone()),
        ]
    }

    /// The family that the lane implies.
    fn family(&self) -> Option<Family> {
        match self {
            Lane::Icmp(Protocol::ICMP, _) => Some(Family::V4),
            Lane::Icmp(..) => Some(Family::V6),
            _ => None,
        }
    }
}

/// Part of what was asked that passes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Allowed {
    pub what: AllowedPorts,
    /// The client ports whose replies come back; empty for protocols without ports.
    pub source_ports: PortRanges,
}

/// The ports, messages or protocols of an [`Allowed`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AllowedPorts {
    Ports(Protocol, PortRanges),
    Icmp(Protocol, IcmpSet),
    Protocols(IntervalSet<u8>),
}

/// What the outside's carve-outs say where they differ from the default range.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Carved {
    pub reachable: Vec<IpNet>,
    pub blocked: Vec<IpNet>,
    pub partial: Vec<IpNet>,
    pub unknown: Vec<IpNet>,
}

/// The answer for one pair.
#[derive(Debug, Clone)]
pub struct PairAnswer {
    pub verdict: Verdict,
    pub forward: Verdict,
    /// `None` where no reply is to be judged.
    pub back: Option<Verdict>,
    pub allowed: Vec<Allowed>,
    pub reasons: Vec<Reason>,
    pub decided_by: Vec<RuleRef>,
    /// Every rule of security groups that admits the witness.
    pub admitted_by: Vec<RuleRef>,
    /// Rules that nearly admit it, nearest first.
    pub near: Vec<NearMiss>,
    /// The witness: one concrete flow that shows the verdict.
    pub witness: Option<Flow>,
    pub forward_path: Vec<Step>,
    pub return_path: Vec<Step>,
    /// How each end tracks the witness.
    pub tracking: (Option<Tracking>, Option<Tracking>),
    /// The translator's ports whose replies come back, where one rewrites the client's port.
    pub translated: Option<PortRanges>,
    pub outside: Option<Carved>,
    pub assumptions: Vec<Assumption>,
}

/// The verdict of one pair without its reasons.
#[derive(Debug, Clone)]
pub struct Brief {
    pub verdict: Verdict,
    pub forward: Verdict,
    pub back: Option<Verdict>,
    pub assumptions: Vec<Assumption>,
}

impl From<PairAnswer> for Brief {
    fn from(answer: PairAnswer) -> Self {
        let PairAnswer { verdict, forward, back, assumptions, .. } = answer;
        Self { verdict, forward, back, assumptions }
    }
}

/// Which part of an answer's address atoms stands for the whole.
pub(crate) struct Cell {
    pub(crate) source: IpSet,
    pub(crate) destination: IpSet,
    pub(crate) answer: PairAnswer,
}

/// What a pair's question comes down to, whichever engine answers it.
pub(crate) struct Frame {
    pub(crate) sources: IpSet,
    pub(crate) destinations: IpSet,
    pub(crate) lanes: Vec<Lane>,
}

/// Reads the question of a pair; an answer where it is settled without looking at the network.
pub(crate) fn frame(network: &Network, from: &Endpoint, to: &Destination, ask: &Ask) -> Result<Frame, Box<PairAnswer>> {
    for end in [from, &to.endpoint] {
        if let Endpoint::Unresolved(unresolved) = end {
            return Err(Box::new(unresolvable(unresolved)));
        }
    }
    let Some((source_family, family)) = families(network, from, &to.endpoint, ask) else {
        return Err(Box::new(refused(Code::NoCommonFamily, "M-1", from)));
    };
    let sources = from.addresses(source_family);
    let mut destinations = to.endpoint.addresses(family);
    if let (Endpoint::Outside(here), Endpoint::Outside(there)) = (from, &to.endpoint)
        && here.by_default_range
        && there.by_default_range
    {
        // A service on the internet for all of the internet: the carve-outs are of the clients, one address serves.
        destinations = representative(&destinations).map_or(destinations, IpSet::from);
    }
    Ok(Frame { sources, destinations, lanes: lanes_of(ask, family) })
}

/// Joins the answers for the pieces of a pair's addresses.
pub(crate) fn put_together(network: &Network, from: &Endpoint, to: &Destination, cells: Vec<Cell>) -> PairAnswer {
    let outside = [from, &to.endpoint].into_iter().any(|end| matches!(end, Endpoint::Outside(o) if o.by_default_range));
    combine(network, from, cells, outside)
}

/// Two engines that judge one flow differently: a bug in one of them, never an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the engines contradict each other about {about}: compiled says {}, reference says {}",
    legs(*.compiled),
    legs(*.reference)
)]
pub struct Contradiction {
    /// The flow, or the pair.
    pub about: String,
    /// Forward and return as the compiled engine judges them.
    pub compiled: (Verdict, Option<Verdict>),
    /// Forward and return as the reference engine judges them.
    pub reference: (Verdict, Option<Verdict>),
}

/// Compares two engines' answers about one pair.
///
/// # Errors
///
/// What differs.
pub(crate) fn compare(
    compiled: &PairAnswer,
    reference: &PairAnswer,
    from: &Endpoint,
    to: &Destination,
) -> Result<(), Box<Contradiction>> {
    let same = compiled.verdict == reference.verdict
        && compiled.forward == reference.forward
        && compiled.back == reference.back
        && compiled.translated == reference.translated
        && compiled.outside == reference.outside
        && sorted(&compiled.allowed) == sorted(&reference.allowed);
    if same {
        return Ok(());
    }
    let witness = compiled.witness.or(reference.witness);
    Err(Box::new(Contradiction {
        about: witness.map_or_else(|| format!("{from:?} -> {:?}", to.endpoint), |flow| flow.to_string()),
        compiled: (compiled.forward, compiled.back),
        reference: (reference.forward, reference.back),
    }))
}

fn sorted(allowed: &[Allowed]) -> Vec<&Allowed> {
    let mut sorted: Vec<&Allowed> = allowed.iter().collect();
    sorted.sort();
    sorted
}

fn legs((forward, back): (Verdict, Option<Verdict>)) -> String {
    match back {
        Some(back) => format!("forward {forward}, return {back}"),
        None => format!("forward {forward}"),
    }
}

/// One flow as the reference engine judges it, under every way that AWS may pick.
pub(crate) struct Replay {
    pub(crate) flow: Flow,
    pub(crate) forward: Verdict,
    pub(crate) back: Option<Verdict>,
    /// A translator rewrites the client's port: one of its pool was tried.
    pub(crate) translated: bool,
    runs: Vec<(Trace, Session)>,
    replies: Vec<Trace>,
}

impl Replay {
    /// Sends the flow and its reply; `pool` is the translator's port where one rewrites the client's.
    pub(crate) fn of(
        network: &Network,
        start: Start,
        target: Target<'_>,
        protocol: Protocol,
        transport: Transport,
        pool: Option<u16>,
    ) -> Self {
        let flow = Flow { source: start.address(), destination: target.address, protocol, transport };
        let runs = simulate::forward(network, start, target, protocol, transport);
        let forward = Verdict::over(runs.iter().map(|(trace, _)| trace.verdict())).unwrap_or(Verdict::Unknown);
        let family = if protocol == Protocol::ICMP { Family::V4 } else { Family::V6 };
        let answer = match transport {
            Transport::Ports { source, destination } => {
                Some(Transport::Ports { source: destination, destination: source })
            }
            Transport::Icmp { kind, code } => icmp_reply(family, kind).map(|kind| Transport::Icmp { kind, code }),
            Transport::Opaque => None,
        };
        let (mut replies, mut verdicts) = (Vec::new(), Vec::new());
        if let Some(answer) = answer {
            for (_, session) in runs.iter().filter(|(trace, _)| trace.verdict() != Verdict::Blocked) {
                if !session.has_responder() {
                    verdicts.push(Verdict::Unknown);
                    continue;
                }
                let pool = pool.filter(|_| session.rewrites_port());
                for reply in simulate::reply(network, session, answer, pool) {
                    verdicts.push(reply.verdict());
                    replies.push(reply);
                }
            }
        }
        let translated = runs.iter().any(|(_, session)| session.rewrites_port());
        Self { flow, forward, back: Verdict::over(verdicts), translated, runs, replies }
    }

    /// Fills in the witness, its path and how it is tracked: of the ways that AWS may pick, the one that shows the
    /// verdict.
    pub(crate) fn show(self, answer: &mut PairAnswer, forward: Verdict, back: Option<Verdict>) {
        answer.witness = Some(self.flow);
        show_runs(answer, self.runs, self.replies, forward, back);
    }
}

/// The families of source and destination; they differ only for an IPv6 pod's IPv4 destination (EK-40).
fn families(network: &Network, from: &Endpoint, to: &Endpoint, ask: &Ask) -> Option<(Family, Family)> {
    let wanted = ask.only_family();
    let candidates =
        [Family::V4, Family::V6].into_iter().filter(|family| wanted.is_none_or(|wanted| wanted == *family));
    for family in candidates {
        if from.has(family) && to.has(family) {
            return Some((family, family));
        }
    }
    let pod = from.interface().is_some_and(|idx| {
        let interface = network.interfaces.get(idx);
        let address = from.addresses(Family::V6).first();
        address.is_some_and(|address| host::pod_place(network, interface, address).is_some())
    });
    let crosses = pod && to.has(Family::V4) && !to.has(Family::V6) && wanted != Some(Family::V6);
    crosses.then_some((Family::V6, Family::V4))
}

/// The lanes that exist in `family`.
fn lanes_of(ask: &Ask, family: Family) -> Vec<Lane> {
    ask.lanes.iter().filter(|lane| lane.family().is_none_or(|implied| implied == family)).cloned().collect()
}

/// A denial without any walk.
pub(crate) fn refused(code: Code, semantics: &'static str, from: &Endpoint) -> PairAnswer {
    let site = from.interface().map_or(Site::Internet, Site::Interface);
    let reason = Reason {
        leg: Leg::Forward,
        code,
        direction: None,
        site,
        rule: None,
        semantics,
        note: None,
        call: None,
        packet: SaidOf::default(),
    };
    without_walk(Verdict::Blocked, reason)
}

/// An end that the snapshot cannot turn into addresses.
fn unresolvable(end: &Unresolved) -> PairAnswer {
    let reason = Reason {
        leg: Leg::Forward,
        code: end.code,
        direction: None,
        site: Site::Named(end.name.clone()),
        rule: None,
        semantics: end.semantics,
        note: end.note.clone().map(Into::into),
        call: end.call,
        packet: SaidOf::default(),
    };
    PairAnswer { back: Some(Verdict::Unknown), ..without_walk(Verdict::Unknown, reason) }
}

fn without_walk(verdict: Verdict, reason: Reason) -> PairAnswer {
    PairAnswer { reasons: vec![reason], ..PairAnswer::bare(verdict, verdict) }
}

impl PairAnswer {
    /// Verdicts, and nothing that tells how they came about.
    pub(crate) fn bare(verdict: Verdict, forward: Verdict) -> Self {
        Self {
            verdict,
            forward,
            back: None,
            allowed: Vec::new(),
            reasons: Vec::new(),
            decided_by: Vec::new(),
            admitted_by: Vec::new(),
            near: Vec::new(),
            witness: None,
            forward_path: Vec::new(),
            return_path: Vec::new(),
            tracking: (None, None),
            translated: None,
            outside: None,
            assumptions: Vec::new(),
        }
    }
}

/// The address by which a host outside asks for an interface's address: from the internet the public one, where there is
/// one; from a private network the address itself.
pub(crate) fn asked_from_outside(
    network: &Network,
    interface: Idx<NetworkInterface>,
    own: IpAddr,
    client: IpAddr,
) -> IpAddr {
    if simulate::is_private_address(client) {
        return own;
    }
    network.interfaces.get(interface).public_of(own).map_or(own, IpAddr::V4)
}

/// Where a walk starts and what it is meant to reach, for one piece of addresses.
pub(crate) fn ends<'a>(
    network: &Network,
    from: &Endpoint,
    to: &'a Endpoint,
    source: IpAddr,
    destination: IpAddr,
) -> (Start, Target<'a>) {
    let start = match from.interface() {
        Some(interface) => Start::Interface(interface, source),
        None => Start::Outside(source),
    };
    let admission = match to {
        Endpoint::Outside(outside) => outside.admission.as_deref(),
        _ => None,
    };
    let interface = to.interface();
    let address = match (start, interface) {
        (Start::Outside(client), Some(interface)) => asked_from_outside(network, interface, destination, client),
        _ => destination,
    };
    (start, Target { address, interface, admission })
}

/// A NAT gateway's port pool (RT-24).
pub(crate) const POOL: (u16, u16) = (1024, u16::MAX);

/// Fills in path and tracking: of the ways that AWS may pick, the one that shows the verdict.
fn show_runs(
    answer: &mut PairAnswer,
    runs: Vec<(Trace, Session)>,
    replies: Vec<Trace>,
    forward: Verdict,
    back: Option<Verdict>,
) {
    let best = runs.iter().position(|(trace, _)| trace.verdict() == forward).unwrap_or(0);
    if let Some((trace, session)) = runs.into_iter().nth(best) {
        answer.tracking = session.tracking();
        answer.forward_path = trace.steps;
    }
    let best = replies.iter().position(|trace| Some(trace.verdict()) == back);
    let best = best.or_else(|| replies.iter().position(|trace| trace.verdict().passes())).unwrap_or(0);
    if let Some(trace) = replies.into_iter().nth(best) {
        answer.return_path = trace.steps;
    }
    let steps = answer.forward_path.iter().chain(&answer.return_path);
    let mut rules: Vec<RuleRef> = Vec::new();
    for rule in steps.filter_map(|step| step.rule.clone()) {
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    answer.decided_by = rules;
}

/// Joins entries of the same protocol and source ports.
pub(crate) fn merge(entries: impl Iterator<Item = Allowed>) -> Vec<Allowed> {
    let mut list: Vec<Allowed> = Vec::new();
    for entry in entries {
        let joined = list.iter_mut().filter(|known| known.source_ports == entry.source_ports).find_map(|known| {
            known.what = match (&known.what, &entry.what) {
                (AllowedPorts::Ports(p, a), AllowedPorts::Ports(q, b)) if p == q => AllowedPorts::Ports(*p, a.union(b)),
                (AllowedPorts::Icmp(p, a), AllowedPorts::Icmp(q, b)) if p == q => AllowedPorts::Icmp(*p, a.union(b)),
                (AllowedPorts::Protocols(a), AllowedPorts::Protocols(b)) => AllowedPorts::Protocols(a.union(b)),
                _ => return None,
            };
            Some(())
        });
        if joined.is_none() {
            list.push(entry);
        }
    }
    list
}

/// Puts the address pieces together: all alike, or by the default range where `internet` is asked.
fn combine(network: &Network, from: &Endpoint, mut cells: Vec<Cell>, by_default_range: bool) -> PairAnswer {
    if cells.is_empty() {
        return refused(Code::NoPossibleDestination, "M-6b", from);
    }
    if cells.len() == 1 && !by_default_range {
        return cells.swap_remove(0).answer;
    }
    if by_default_range {
        let outside = matches!(from, Endpoint::Outside(outside) if outside.by_default_range);
        return by_default(network, cells, outside);
    }
    let verdict = Verdict::over(cells.iter().map(|cell| cell.answer.verdict)).unwrap_or(Verdict::Unknown);
    let forward = Verdict::over(cells.iter().map(|cell| cell.answer.forward)).unwrap_or(Verdict::Unknown);
    let back = Verdict::over(cells.iter().filter_map(|cell| cell.answer.back));
    let shown = cells.iter().position(|cell| cell.answer.verdict.passes()).unwrap_or(0);
    let mut reasons: Vec<Reason> = cells.iter().flat_map(|cell| cell.answer.reasons.iter().cloned()).collect();
    unique(&mut reasons);
    let mut assumptions: Vec<Assumption> = cells.iter().flat_map(|cell| cell.answer.assumptions.clone()).collect();
    assumptions.sort_unstable();
    assumptions.dedup();
    let passing = cells.iter().filter(|cell| cell.answer.verdict.passes());
    let allowed = merge(passing.flat_map(|cell| cell.answer.allowed.iter().cloned()));
    let mut answer = cells.swap_remove(shown).answer;
    answer.allowed = allowed;
    answer.verdict = verdict;
    answer.forward = forward;
    answer.back = back;
    answer.reasons = reasons;
    answer.assumptions = assumptions;
    answer
}

/// Joins cells to one for each piece of the outside: where the end inside is a range whose addresses fare differently, all
/// of them count towards each piece.
fn over_inner_end(network: &Network, cells: Vec<Cell>, from_outside: bool) -> Vec<Cell> {
    let outer = |cell: &Cell| if from_outside { cell.source.clone() } else { cell.destination.clone() };
    let inner = |cell: &Cell| if from_outside { cell.destination.clone() } else { cell.source.clone() };
    let Some(first) = cells.first().map(inner) else { return cells };
    if cells.iter().all(|cell| inner(cell) == first) {
        return cells;
    }
    let pieces: Vec<IpSet> = cells.iter().map(outer).collect();
    let whole = pieces.iter().fold(IpSet::empty(), |whole, piece| whole.union(piece));
    let all_inner = cells.iter().map(inner).fold(IpSet::empty(), |all, part| all.union(&part));
    let joined = whole.partition(&pieces).into_iter().map(|piece| {
        let (source, destination) =
            if from_outside { (piece.clone(), all_inner.clone()) } else { (all_inner.clone(), piece.clone()) };
        let of_piece = cells.iter().filter(|cell| outer(cell).contains_set(&piece)).map(|cell| {
            let (source, destination) = (cell.source.clone(), cell.destination.clone());
            Cell { source, destination, answer: cell.answer.clone() }
        });
        let answer = combine(network, &Endpoint::internet(network), of_piece.collect(), false);
        Cell { source, destination, answer }
    });
    joined.collect()
}

/// The default range decides; where it is blocked but some carve-outs pass, partial.
///
/// `from_outside` tells which end is the outside.
fn by_default(network: &Network, cells: Vec<Cell>, from_outside: bool) -> PairAnswer {
    let cells = over_inner_end(network, cells, from_outside);
    // The default range is the largest piece: the one that nothing singles out.
    let size = |cell: &Cell| if from_outside { cell.source.count() } else { cell.destination.count() };
    let default =
        cells.iter().enumerate().max_by_key(|(i, cell)| (size(cell), std::cmp::Reverse(*i))).map_or(0, |(i, _)| i);
    let mut carved = Carved::default();
    let mut default_answer: Option<PairAnswer> = None;
    let mut others: Vec<Cell> = Vec::new();
    for (position, cell) in cells.into_iter().enumerate() {
        if position == default {
            default_answer = Some(cell.answer);
        } else {
            others.push(cell);
        }
    }
    let Some(mut answer) = default_answer else {
        return refused(Code::NoPossibleDestination, "M-6b", &Endpoint::internet(network));
    };
    // What a gateway endpoint takes is a service's, not the internet (`aws/s3` asks for it).
    others.retain(|cell| !cell.answer.forward_path.iter().any(|step| matches!(step.site, Site::Endpoint(_))));
    for cell in &others {
        if cell.answer.verdict == answer.verdict {
            continue;
        }
        let outside = if from_outside { &cell.source } else { &cell.destination };
        let list = match cell.answer.verdict {
            Verdict::Reachable => &mut carved.reachable,
            Verdict::Blocked => &mut carved.blocked,
            Verdict::Partial => &mut carved.partial,
            Verdict::Unknown => &mut carved.unknown,
        };
        list.extend(outside.cidrs());
    }
    for list in [&mut carved.reachable, &mut carved.blocked, &mut carved.partial, &mut carved.unknown] {
        let merged: IpSet = std::mem::take(list).into_iter().collect();
        *list = merged.cidrs();
    }
    let some_pass = !carved.reachable.is_empty() || !carved.partial.is_empty();
    if answer.verdict == Verdict::Blocked && some_pass {
        answer.verdict = Verdict::Partial;
        let forward_passes = others.iter().any(|cell| cell.answer.forward.passes());
        if answer.forward == Verdict::Blocked && forward_passes {
            answer.forward = Verdict::Partial;
        }
        let backs = others.iter().filter(|cell| cell.answer.verdict.passes()).filter_map(|cell| cell.answer.back);
        answer.back = Verdict::over(backs.chain(answer.back));
        // What passes from or to some of the outside.
        let passing = others.into_iter().filter(|cell| cell.answer.verdict.passes());
        answer.allowed = merge(passing.flat_map(|cell| cell.answer.allowed));
    }
    answer.outside = Some(carved);
    answer
}

/// Keeps the first of equal reasons, denials before unknowns.
pub(crate) fn unique(reasons: &mut Vec<Reason>) {
    let mut kept: Vec<Reason> = Vec::with_capacity(reasons.len());
    for reason in reasons.drain(..) {
        if !kept.contains(&reason) {
            kept.push(reason);
        }
    }
    kept.sort_by_key(|reason| (reason.leg, reason.call.is_some()));
    *reasons = kept;
}
