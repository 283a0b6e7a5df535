//! The reference engine's judgement of one pair: pieces of ports and addresses, one packet for each.
//!
//! Asked ports, source ports and addresses are cut into pieces that no rule on the path tells apart, one packet stands for
//! each piece, and the verdicts are put together. Nothing is skipped: the cuts come from every table that any of the
//! packets met.

use reach_model::network::Network;
use reach_packets::{Family, Flow, IntervalSet, IpSet, PortRanges, Protocol, Transport};

use super::cuts::Cuts;
use super::{
    Allowed, AllowedPorts, Ask, Cell, Frame, Lane, POOL, PairAnswer, ends, frame, merge, put_together, refused,
    show_runs, unique,
};
use crate::endpoint::{Destination, Endpoint, default_source_ports, representative};
use crate::reason::{Assumption, Code, Leg, Outcome, Reason, SaidOf, Site};
use crate::simulate::{self, Session, Start, Target, Trace, icmp_reply};
use crate::verdict::Verdict;

/// Judges one pair. Cost: one walk per piece of ports, source ports and addresses.
pub fn judge(network: &Network, from: &Endpoint, to: &Destination, ask: &Ask) -> PairAnswer {
    let Frame { sources, destinations, lanes } = match frame(network, from, to, ask) {
        Ok(frame) => frame,
        Err(answer) => return *answer,
    };
    // Addresses: single ones at once, ranges piece by piece until no table met has a boundary inside a piece.
    let mut cuts = Cuts::default();
    cuts.add_hosts(network, from);
    cuts.add_admission(&to.endpoint);
    let mut cells: Vec<Cell>;
    loop {
        cells = Vec::new();
        let mut met = cuts.clone();
        for source in cuts.pieces(&sources) {
            for destination in cuts.pieces(&destinations) {
                let Some(answer) = cell(network, from, to, ask, &lanes, (&source, &destination), &mut met) else {
                    continue;
                };
                cells.push(Cell { source: source.clone(), destination, answer });
            }
        }
        let single = sources.count() <= 1 && destinations.count() <= 1;
        if single || !cuts.grows(&met) {
            break;
        }
        cuts = met;
    }
    put_together(network, from, to, cells)
}

/// One piece of the asked ports.
struct Piece {
    what: AllowedPorts,
    protocol: Protocol,
    transport: Transport,
    forward: Verdict,
    back: Option<Verdict>,
    source_ports: PortRanges,
    translated: Option<PortRanges>,
    runs: Vec<(Trace, Session)>,
    replies: Vec<Trace>,
}

impl Piece {
    fn verdict(&self) -> Verdict {
        self.back.map_or(self.forward, |back| self.forward.and(back))
    }

    /// Which of the ways that AWS may pick let the first packet pass, or may.
    fn ways(&self) -> Vec<bool> {
        self.runs.iter().map(|(trace, _)| trace.verdict() != Verdict::Blocked).collect()
    }
}

/// Judges all asked ports for one piece of source and destination addresses.
fn cell(
    network: &Network,
    from: &Endpoint,
    to: &Destination,
    ask: &Ask,
    lanes: &[Lane],
    (sources, destinations): (&IpSet, &IpSet),
    met: &mut Cuts,
) -> Option<PairAnswer> {
    let source = representative(sources)?;
    let destination = representative(destinations)?;
    let (start, target) = ends(network, from, &to.endpoint, source, destination);
    let client_ports = ask.source_ports.clone().unwrap_or_else(|| default_source_ports(network, from));
    let mut pieces: Vec<Piece> = Vec::new();
    for lane in lanes {
        match (lane, &to.ports) {
            (Lane::Ports(protocol, asked), Some(map)) => {
                // EK-42: kube-proxy translates at the sender's node; the asked port is the service's.
                for &(_, port, target_port) in map.iter().filter(|(p, port, _)| p == protocol && asked.contains(*port))
                {
                    let inner = Lane::Ports(*protocol, IntervalSet::single(target_port));
                    for mut piece in judge_lane(network, start, target, &inner, &client_ports, met) {
                        piece.what = AllowedPorts::Ports(*protocol, IntervalSet::single(port));
                        pieces.push(piece);
                    }
                }
            }
            // A service has ports and nothing else.
            (_, Some(_)) => {}
            (_, None) => pieces.extend(judge_lane(network, start, target, lane, &client_ports, met)),
        }
    }
    if pieces.is_empty() {
        return Some(refused(Code::NoPossibleDestination, "EK-42", from));
    }
    Some(summarise(pieces, start, target))
}

/// Judges one lane: cuts the asked points by what the path's filters tell apart, one packet for each piece.
fn judge_lane(
    network: &Network,
    start: Start,
    target: Target<'_>,
    lane: &Lane,
    client_ports: &PortRanges,
    met: &mut Cuts,
) -> Vec<Piece> {
    let first_source = client_ports.first().unwrap_or(1024);
    let mut pieces: Vec<Piece> = Vec::new();
    let walk = |protocol: Protocol, transport: Transport, what: AllowedPorts| {
        let runs = simulate::forward(network, start, target, protocol, transport);
        let forward = Verdict::over(runs.iter().map(|(trace, _)| trace.verdict())).unwrap_or(Verdict::Unknown);
        Piece {
            what,
            protocol,
            transport,
            forward,
            back: None,
            source_ports: PortRanges::empty(),
            translated: None,
            runs,
            replies: Vec::new(),
        }
    };
    let probe_cuts = |protocol: Protocol, transport: Transport, met: &mut Cuts| {
        let mut own = Cuts::default();
        for (trace, _) in simulate::forward(network, start, target, protocol, transport) {
            own.add(network, &trace);
        }
        met.merge(&own);
        own
    };
    match lane {
        Lane::Ports(protocol, asked) => {
            let Some(first) = asked.first() else { return pieces };
            let transport = |port| Transport::Ports { source: first_source, destination: port };
            let parts = if asked.count() == 1 {
                vec![asked.clone()]
            } else {
                probe_cuts(*protocol, transport(first), met).port_pieces(network, *protocol, asked)
            };
            for part in parts {
                let Some(port) = sample(&part) else { continue };
                let what = AllowedPorts::Ports(*protocol, part);
                pieces.push(walk(*protocol, transport(port), what));
            }
            judge_port_replies(network, *protocol, client_ports, &mut pieces, met);
        }
        Lane::Icmp(protocol, asked) => {
            let Some((kind, code)) = asked.first() else { return pieces };
            let parts = if asked.points().count() == 1 {
                vec![asked.clone()]
            } else {
                let family = if *protocol == Protocol::ICMP { Family::V4 } else { Family::V6 };
                let mut own = probe_cuts(*protocol, Transport::Icmp { kind, code }, met);
                // The filters that a reply meets, whichever message it answers.
                for (_, session) in simulate::forward(network, start, target, *protocol, Transport::Icmp { kind, code })
                {
                    if session.has_responder() {
                        for reply in simulate::reply(network, &session, Transport::Icmp { kind, code }, None) {
                            own.add(network, &reply);
                        }
                    }
                }
                own.icmp_pieces(network, *protocol, family, asked)
            };
            for part in parts {
                let Some((kind, code)) = part.first() else { continue };
                let what = AllowedPorts::Icmp(*protocol, part);
                let mut piece = walk(*protocol, Transport::Icmp { kind, code }, what);
                judge_icmp_reply(network, *protocol, kind, code, &mut piece);
                pieces.push(piece);
            }
        }
        Lane::Protocols(asked) => {
            let Some(first) = asked.first() else { return pieces };
            let parts = if asked.count() == 1 {
                vec![asked.clone()]
            } else {
                probe_cuts(Protocol::new(first), Transport::Opaque, met).protocol_pieces(network, asked)
            };
            for part in parts {
                let Some(number) = part.first() else { continue };
                let what = AllowedPorts::Protocols(part);
                pieces.push(walk(Protocol::new(number), Transport::Opaque, what));
            }
        }
    }
    for piece in &pieces {
        for trace in piece.runs.iter().map(|(trace, _)| trace).chain(&piece.replies) {
            met.add(network, trace);
        }
    }
    pieces
}

/// A port that stands for its piece: one that people know, else the first that anybody uses.
fn sample(part: &PortRanges) -> Option<u16> {
    let known = [443, 80, 22, 53, 10250].into_iter().find(|&port| part.contains(port));
    known.or_else(|| part.first_from(1)).or_else(|| part.first())
}

/// Judges the reply to a ping or its kin; other messages have none.
fn judge_icmp_reply(network: &Network, protocol: Protocol, kind: u8, code: u8, piece: &mut Piece) {
    let family = if protocol == Protocol::ICMP { Family::V4 } else { Family::V6 };
    let Some(answer) = icmp_reply(family, kind) else { return };
    if piece.forward == Verdict::Blocked {
        return;
    }
    let transport = Transport::Icmp { kind: answer, code };
    let mut verdicts = Vec::new();
    for (trace, session) in &piece.runs {
        if trace.verdict() == Verdict::Blocked {
            continue;
        }
        if !session.has_responder() {
            verdicts.push(Verdict::Unknown);
            continue;
        }
        for reply in simulate::reply(network, session, transport, None) {
            verdicts.push(reply.verdict());
            piece.replies.push(reply);
        }
    }
    piece.back = Verdict::over(verdicts);
}

/// Judges the replies of a TCP or UDP lane. No rule looks at a reply's source port (M-2), so the answer is one for all
/// pieces whose first packet passes by the same ways.
fn judge_port_replies(
    network: &Network,
    protocol: Protocol,
    client_ports: &PortRanges,
    pieces: &mut [Piece],
    met: &mut Cuts,
) {
    let mut judged: Vec<Vec<bool>> = Vec::new();
    for first in 0..pieces.len() {
        let Some(ways) = pieces.get(first).map(Piece::ways) else { continue };
        if ways.contains(&true) && !judged.contains(&ways) {
            judge_replies_by(network, protocol, client_ports, pieces, first, &ways, met);
            judged.push(ways);
        }
    }
}

/// As [`judge_port_replies`], for the pieces that pass by `ways`; `first` is the first of them.
fn judge_replies_by(
    network: &Network,
    protocol: Protocol,
    client_ports: &PortRanges,
    pieces: &mut [Piece],
    first: usize,
    ways: &[bool],
    met: &mut Cuts,
) {
    let Some(piece) = pieces.get(first) else { return };
    let Transport::Ports { destination: service, .. } = piece.transport else { return };
    let runs: Vec<&(Trace, Session)> =
        piece.runs.iter().filter(|(trace, _)| trace.verdict() != Verdict::Blocked).collect();
    let mut own = Cuts::default();
    let pool = PortRanges::range(POOL.0, POOL.1);
    let answer = |port: u16| Transport::Ports { source: service, destination: port };
    let mut per_source: Vec<(PortRanges, Vec<Verdict>)> = vec![(client_ports.clone(), Vec::new())];
    let mut per_pool: Vec<(PortRanges, Vec<Verdict>)> = Vec::new();
    let mut replies = Vec::new();
    let mut opaque = false;
    // First one probe to learn which filters the reply meets, then one walk for each piece they cut.
    for (_, session) in &runs {
        if !session.has_responder() {
            opaque = true;
            continue;
        }
        let Some(port) = client_ports.first() else { continue };
        let pool_port = session.rewrites_port().then_some(POOL.0);
        for reply in simulate::reply(network, session, answer(port), pool_port) {
            own.add(network, &reply);
        }
    }
    met.merge(&own);
    let source_parts = own.port_pieces(network, protocol, client_ports);
    let pool_parts = own.port_pieces(network, protocol, &pool);
    if runs.iter().any(|(_, session)| session.has_responder()) {
        per_source = source_parts.into_iter().map(|part| (part, Vec::new())).collect();
    }
    for (_, session) in &runs {
        if !session.has_responder() {
            continue;
        }
        let rewrites = session.rewrites_port();
        if rewrites && per_pool.is_empty() {
            per_pool = pool_parts.iter().map(|part| (part.clone(), Vec::new())).collect();
        }
        for (part, verdicts) in &mut per_source {
            let Some(port) = part.first() else { continue };
            if rewrites {
                for (pool_part, pool_verdicts) in &mut per_pool {
                    for reply in simulate::reply(network, session, answer(port), pool_part.first()) {
                        verdicts.push(reply.verdict());
                        pool_verdicts.push(reply.verdict());
                        replies.push(reply);
                    }
                }
            } else {
                for reply in simulate::reply(network, session, answer(port), None) {
                    verdicts.push(reply.verdict());
                    replies.push(reply);
                }
            }
        }
    }
    if opaque {
        for (_, verdicts) in &mut per_source {
            verdicts.push(Verdict::Unknown);
        }
    }
    let passing = |parts: &[(PortRanges, Vec<Verdict>)]| {
        let parts = parts.iter().filter(|(_, v)| Verdict::over(v.iter().copied()).is_some_and(Verdict::passes));
        parts.fold(PortRanges::empty(), |all, (part, _)| all.union(part))
    };
    let source_ports = passing(&per_source);
    let back = Verdict::over(per_source.iter().filter_map(|(_, verdicts)| Verdict::over(verdicts.iter().copied())));
    let translated = (!per_pool.is_empty()).then(|| passing(&per_pool));
    for (position, piece) in pieces.iter_mut().enumerate() {
        if piece.ways() != ways {
            continue;
        }
        piece.back = back;
        piece.source_ports.clone_from(&source_ports);
        piece.translated.clone_from(&translated);
        if position == first {
            piece.replies = std::mem::take(&mut replies);
        }
    }
}

/// Puts the pieces of one cell together.
fn summarise(pieces: Vec<Piece>, start: Start, target: Target<'_>) -> PairAnswer {
    let verdict = Verdict::over(pieces.iter().map(Piece::verdict)).unwrap_or(Verdict::Unknown);
    let forward = Verdict::over(pieces.iter().map(|piece| piece.forward)).unwrap_or(Verdict::Unknown);
    let back = Verdict::over(pieces.iter().filter(|p| p.forward != Verdict::Blocked).filter_map(|piece| piece.back));
    let shown = pieces
        .iter()
        .position(|piece| piece.verdict() == Verdict::Reachable)
        .or_else(|| pieces.iter().position(|piece| piece.verdict() == Verdict::Partial))
        .or_else(|| pieces.iter().position(|piece| piece.forward.passes()))
        .unwrap_or(0);
    let mut reasons: Vec<Reason> = Vec::new();
    let mut assumptions: Vec<Assumption> = Vec::new();
    for piece in &pieces {
        for (_, session) in &piece.runs {
            assumptions.extend(session.assumptions());
        }
        if piece.verdict() == Verdict::Reachable {
            continue;
        }
        // A denial decides whatever is unknown beside it (M-4), so only denials explain a blocked piece.
        let denials_only = piece.verdict() == Verdict::Blocked;
        let traces = piece.runs.iter().map(|(trace, _)| trace).chain(&piece.replies);
        for step in traces.flat_map(|trace| &trace.steps) {
            match &step.outcome {
                Outcome::Blocked(reason) => reasons.push(reason.clone()),
                Outcome::Unknown(reason) if !denials_only => reasons.push(reason.clone()),
                _ => {}
            }
        }
        let pool = PortRanges::range(POOL.0, POOL.1);
        if let Some(translated) = piece.translated.as_ref().filter(|t| !t.is_empty() && **t != pool) {
            let nat = piece.runs.iter().flat_map(|(trace, _)| &trace.steps).find_map(|step| match step.site {
                Site::NatGateway(_) => Some(step.site.clone()),
                _ => None,
            });
            reasons.push(Reason {
                leg: Leg::Return,
                code: Code::RemapEphemeralPort,
                direction: None,
                site: nat.unwrap_or(Site::Internet),
                rule: None,
                semantics: "NA-9",
                note: Some(translated.to_string().into()),
                call: None,
                packet: SaidOf::default(),
            });
        }
    }
    unique(&mut reasons);
    assumptions.sort_unstable();
    assumptions.dedup();
    let allowed = allowed(&pieces);
    let translated = pieces.iter().find_map(|piece| piece.translated.clone());
    let mut answer =
        PairAnswer { back, allowed, reasons, translated, assumptions, ..PairAnswer::bare(verdict, forward) };
    if let Some(piece) = pieces.into_iter().nth(shown) {
        show(&mut answer, piece, start, target);
    }
    answer
}

/// Fills in the witness and its path.
fn show(answer: &mut PairAnswer, piece: Piece, start: Start, target: Target<'_>) {
    let transport = match (piece.transport, piece.source_ports.first()) {
        (Transport::Ports { destination, .. }, Some(source)) => Transport::Ports { source, destination },
        (transport, _) => transport,
    };
    answer.witness =
        Some(Flow { source: start.address(), destination: target.address, protocol: piece.protocol, transport });
    show_runs(answer, piece.runs, piece.replies, piece.forward, piece.back);
}

/// What passes, one entry per protocol and distinct set of source ports.
fn allowed(pieces: &[Piece]) -> Vec<Allowed> {
    let passing = pieces.iter().filter(|piece| piece.verdict().passes());
    merge(passing.map(|piece| Allowed { what: piece.what.clone(), source_ports: piece.source_ports.clone() }))
}
