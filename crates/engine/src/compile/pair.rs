//! The compiled engine's answer for one pair of endpoints.

use ipnet::IpNet;
use reach_packets::{Family, IcmpSet, IntervalSet, IpSet, PortRanges, PortSet, Protocol, Transport};

use super::Compiled;
use super::acls::Passes;
use super::carry::{Aim, Carry, Source};
use super::cuts::{Met, atoms};
use super::gate::Gate;
use super::headers::{Algebra, HeaderId};
use super::told::{Asked, sample};
use crate::endpoint::{Destination, Endpoint, default_source_ports, representative};
use crate::host;
use crate::pair::{
    Allowed, AllowedPorts, Ask, Brief, Cell, Contradiction, Lane, POOL, PairAnswer, Replay, frame, merge, put_together,
    refused, unique,
};
use crate::reason::{Assumption, Code, Leg, Reason, SaidOf, Site};
use crate::simulate;
use crate::verdict::Verdict;

/// Headers that are judged alike.
pub(super) struct Piece {
    what: AllowedPorts,
    pub(super) headers: HeaderId,
    pub(super) forward: Verdict,
    back: Option<Verdict>,
    source_ports: PortRanges,
    /// The client's ports in parts that fare alike.
    pub(super) parts: Vec<(HeaderId, Verdict)>,
    translated: Option<PortRanges>,
    /// The ways of these headers, and whether each lets them pass, or may.
    ways: Vec<(usize, bool)>,
    /// The headers that its replies are judged by; empty for TCP and UDP, whose replies go to the client's ports.
    answers: HeaderId,
}

impl Piece {
    pub(super) fn verdict(&self) -> Verdict {
        self.back.map_or(self.forward, |back| self.forward.and(back))
    }
}

/// A way with what its gates let pass, and its replies.
pub(super) struct Weighed<'n> {
    carry: Carry<'n>,
    passes: Passes,
    /// `None`: nobody knows who answers. Each with what its gates let pass at the client's port and at the pool's.
    replies: Option<Vec<(Carry<'n>, Passes, Passes)>>,
}

/// What a pair of addresses comes down to: ways, pieces of headers, the client's ports, and the ends as the reference
/// engine takes them.
type Cut<'n> = (Vec<Weighed<'n>>, Vec<Piece>, PortRanges, (simulate::Start, simulate::Target<'n>));

/// How replies to a piece fare, by the client's port and by the translator's.
struct Replied {
    back: Option<Verdict>,
    /// The client's ports in parts that fare alike.
    parts: Vec<(HeaderId, Verdict)>,
    source_ports: PortRanges,
    translated: Option<PortRanges>,
}

fn verdict_in(headers: HeaderId, passes: Passes, algebra: &mut Algebra<'_>) -> Verdict {
    if algebra.is_subset(headers, passes.must) {
        Verdict::Reachable
    } else if algebra.meets(headers, passes.may) {
        Verdict::Unknown
    } else {
        Verdict::Blocked
    }
}

/// Cuts sets along another.
pub(crate) fn cut(pieces: &mut Vec<HeaderId>, by: HeaderId, algebra: &mut Algebra<'_>) {
    let mut cut = Vec::with_capacity(pieces.len() + 1);
    for &piece in pieces.iter() {
        for part in [algebra.intersect(piece, by), algebra.subtract(piece, by)] {
            if !part.is_empty() {
                cut.push(part);
            }
        }
    }
    *pieces = cut;
}

impl<'n> Compiled<'n> {
    /// Judges one pair. Cost: one walk for each piece of addresses that the tables on the way tell apart, and one packet
    /// of the reference engine.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] where the reference engine judges the witness differently: a bug in one of the two.
    pub fn judge(
        &self,
        from: &'n Endpoint,
        to: &'n Destination,
        ask: &Ask,
        algebra: &mut Algebra<'_>,
    ) -> Result<PairAnswer, Box<Contradiction>> {
        let frame = match frame(self.network, from, to, ask) {
            Ok(frame) => frame,
            Err(answer) => return Ok(*answer),
        };
        let single = frame.sources.count() <= 1 && frame.destinations.count() <= 1;
        let mut met = Met::default();
        if !single {
            met.nets.extend(self.known_to_host(from));
            if let Endpoint::Outside(outside) = &to.endpoint {
                met.nets.extend(outside.admission.iter().flatten().copied());
            }
        }
        // Ranges are cut by the tables on their way until no new table turns up.
        loop {
            let cuts = met.trie(self, true);
            let pieces = |set: &IpSet| if set.count() <= 1 { vec![set.clone()] } else { atoms(&cuts, set) };
            let tables = met.size();
            let mut cells: Vec<Cell> = Vec::new();
            let destinations = pieces(&frame.destinations);
            for source in pieces(&frame.sources) {
                for destination in &destinations {
                    let part = (&source, destination);
                    let met = (!single).then_some(&mut met);
                    if let Some(answer) = self.cell(from, to, ask, &frame.lanes, part, met, algebra)? {
                        cells.push(Cell { source: source.clone(), destination: destination.clone(), answer });
                    }
                }
            }
            if single || met.size() == tables {
                return Ok(put_together(self.network, from, to, cells));
            }
        }
    }

    /// What the sender's host itself tells apart: the CNI's exclusions (EK-37).
    pub(super) fn known_to_host(&self, from: &Endpoint) -> Vec<IpNet> {
        let Some(interface) = from.interface().map(|idx| self.network.interfaces.get(idx)) else { return Vec::new() };
        let family = if from.has(Family::V4) { Family::V4 } else { Family::V6 };
        let pod = from.addresses(family).first().and_then(|own| host::pod_place(self.network, interface, own));
        let exclusions = pod.and_then(|pod| pod.cluster).and_then(|cluster| cluster.cni.exclude_snat_cidrs.as_ref());
        exclusions.into_iter().flatten().copied().collect()
    }

    /// Judges all asked ports for one piece of source and destination addresses.
    #[expect(clippy::too_many_arguments, reason = "one private stage of judge, with its parts by name")]
    fn cell(
        &self,
        from: &'n Endpoint,
        to: &'n Destination,
        ask: &Ask,
        lanes: &[Lane],
        (sources, destinations): (&IpSet, &IpSet),
        met: Option<&mut Met>,
        algebra: &mut Algebra<'_>,
    ) -> Result<Option<PairAnswer>, Box<Contradiction>> {
        let Some((ways, pieces, client, ends)) = self.pieces(from, to, ask, lanes, (sources, destinations), algebra)
        else {
            return Ok(None);
        };
        if let Some(met) = met {
            for way in &ways {
                met.add(self, &way.carry);
                way.replies.iter().flatten().for_each(|(reply, ..)| met.add(self, reply));
            }
        }
        if pieces.is_empty() {
            return Ok(Some(refused(Code::NoPossibleDestination, "EK-42", from)));
        }
        let mut answer = self.summary(&ways, &pieces, &client, algebra);
        self.witness(&mut answer, &pieces, &client, ends, algebra)?;
        Ok(Some(answer))
    }

    /// Weighs every way between two addresses and cuts the asked headers into what fares alike.
    fn pieces(
        &self,
        from: &'n Endpoint,
        to: &'n Destination,
        ask: &Ask,
        lanes: &[Lane],
        (sources, destinations): (&IpSet, &IpSet),
        algebra: &mut Algebra<'_>,
    ) -> Option<Cut<'n>> {
        let (Some(source), Some(destination)) = (representative(sources), representative(destinations)) else {
            return None;
        };
        let (start, target) = crate::pair::ends(self.network, from, &to.endpoint, source, destination);
        let (begin, aim) = match start {
            simulate::Start::Interface(interface, address) => (Source::Interface(interface, address), target),
            simulate::Start::Outside(address) => (Source::Outside(address), target),
        };
        let aim = Aim { address: aim.address, interface: aim.interface, admission: aim.admission };
        let client = ask.source_ports.clone().unwrap_or_else(|| default_source_ports(self.network, from));
        // Behind a service's port mapping other headers are asked than those of the lanes.
        let within = match &to.ports {
            Some(_) => HeaderId::ALL,
            None => algebra.intern(lanes.iter().fold(PortSet::empty(), |all, lane| all.union(&lane.headers()))),
        };
        let ways: Vec<Weighed<'n>> =
            self.ways(begin, aim).into_iter().map(|carry| self.weighed(carry, within, algebra)).collect();
        let mut pieces: Vec<Piece> = Vec::new();
        for lane in lanes {
            match (lane, &to.ports) {
                // EK-42: kube-proxy translates at the sender's node; the asked port is the service's.
                (Lane::Ports(protocol, asked), Some(map)) => {
                    let own = map.iter().filter(|(p, port, _)| p == protocol && asked.contains(*port));
                    for &(_, port, target) in own {
                        let inner = Lane::Ports(*protocol, IntervalSet::single(target));
                        for mut piece in Self::lane(&ways, &inner, &client, algebra) {
                            piece.what = AllowedPorts::Ports(*protocol, IntervalSet::single(port));
                            pieces.push(piece);
                        }
                    }
                }
                // A service has ports and nothing else.
                (_, Some(_)) => {}
                (lane, None) => pieces.extend(Self::lane(&ways, lane, &client, algebra)),
            }
        }
        Some((ways, pieces, client, (start, target)))
    }

    /// The verdict of one pair, without reasons and without a witness.
    ///
    /// # Errors
    ///
    /// As [`Self::judge`], which is asked for ranges of addresses.
    pub fn verdict(
        &self,
        from: &'n Endpoint,
        to: &'n Destination,
        ask: &Ask,
        algebra: &mut Algebra<'_>,
    ) -> Result<Brief, Box<Contradiction>> {
        let frame = match frame(self.network, from, to, ask) {
            Ok(frame) => frame,
            Err(answer) => return Ok((*answer).into()),
        };
        let single = frame.sources.count() == 1 && frame.destinations.count() == 1;
        let ends = (&frame.sources, &frame.destinations);
        let cut = if single { self.pieces(from, to, ask, &frame.lanes, ends, algebra) } else { None };
        let Some((ways, pieces, ..)) = cut.filter(|(_, pieces, ..)| !pieces.is_empty()) else {
            return self.judge(from, to, ask, algebra).map(Brief::from);
        };
        let over = |verdicts: &mut dyn Iterator<Item = Verdict>| Verdict::over(verdicts).unwrap_or(Verdict::Unknown);
        let open = pieces.iter().filter(|piece| piece.forward != Verdict::Blocked);
        Ok(Brief {
            verdict: over(&mut pieces.iter().map(Piece::verdict)),
            forward: over(&mut pieces.iter().map(|piece| piece.forward)),
            back: Verdict::over(open.filter_map(|piece| piece.back)),
            assumptions: assumed(&ways, &pieces, algebra),
        })
    }

    pub(super) fn weighed(&self, carry: Carry<'n>, within: HeaderId, algebra: &mut Algebra<'_>) -> Weighed<'n> {
        let passes = self.weigh_all(&carry.gates, within, algebra);
        let replies = self.replies(&carry).map(|replies| {
            let weigh = |reply: Carry<'n>| {
                let at_client = self.weigh_all(reply.gates.iter().filter(|gate| !gate.pool), HeaderId::ALL, algebra);
                let at_pool = self.weigh_all(reply.gates.iter().filter(|gate| gate.pool), HeaderId::ALL, algebra);
                (reply, at_client, at_pool)
            };
            replies.into_iter().map(weigh).collect()
        });
        Weighed { carry, passes, replies }
    }

    /// Cuts a lane into what is judged alike.
    pub(super) fn lane(
        ways: &[Weighed<'n>],
        lane: &Lane,
        client: &PortRanges,
        algebra: &mut Algebra<'_>,
    ) -> Vec<Piece> {
        let asked = algebra.intern(lane.headers());
        let mut pieces: Vec<Piece> = Vec::new();
        let mut taken: Vec<HeaderId> = Vec::new();
        for way in ways {
            // Ways that share their headers are alternatives; others split the lane among them.
            if taken.contains(&way.carry.headers) {
                continue;
            }
            taken.push(way.carry.headers);
            let own = algebra.intersect(asked, way.carry.headers);
            let alike = || ways.iter().enumerate().filter(|(_, other)| other.carry.headers == way.carry.headers);
            let mut parts = if own.is_empty() { Vec::new() } else { vec![own] };
            for (_, alternative) in alike() {
                cut(&mut parts, alternative.passes.must, algebra);
                cut(&mut parts, alternative.passes.may, algebra);
            }
            let mut replied: Vec<(Vec<(usize, bool)>, Replied)> = Vec::new();
            for part in parts {
                let verdicts: Vec<(usize, Verdict)> =
                    alike().map(|(i, w)| (i, verdict_in(part, w.passes, algebra))).collect();
                let forward = Verdict::over(verdicts.iter().map(|(_, v)| *v)).unwrap_or(Verdict::Unknown);
                let ways_of: Vec<(usize, bool)> = verdicts.iter().map(|(i, v)| (*i, *v != Verdict::Blocked)).collect();
                let piece = |headers, answers, replied: &Replied, algebra: &Algebra<'_>| Piece {
                    what: lane.part(&algebra.get(headers)),
                    headers,
                    forward,
                    back: replied.back,
                    source_ports: replied.source_ports.clone(),
                    parts: replied.parts.clone(),
                    translated: replied.translated.clone(),
                    ways: ways_of.clone(),
                    answers,
                };
                let nothing = Replied::none();
                if forward == Verdict::Blocked {
                    pieces.push(piece(part, HeaderId::EMPTY, &nothing, algebra));
                    continue;
                }
                match lane {
                    Lane::Ports(protocol, _) => {
                        let known = replied.iter().position(|(of, _)| *of == ways_of);
                        let position = known.unwrap_or_else(|| {
                            let result = Self::port_replies(ways, &ways_of, *protocol, client, algebra);
                            replied.push((ways_of.clone(), result));
                            replied.len() - 1
                        });
                        if let Some((_, result)) = replied.get(position) {
                            pieces.push(piece(part, HeaderId::EMPTY, result, algebra));
                        }
                    }
                    Lane::Icmp(protocol, _) => {
                        for (headers, answers, back) in Self::message_replies(ways, &ways_of, *protocol, part, algebra)
                        {
                            let result = Replied { back, ..Replied::none() };
                            pieces.push(piece(headers, answers, &result, algebra));
                        }
                    }
                    Lane::Protocols(_) => pieces.push(piece(part, HeaderId::EMPTY, &nothing, algebra)),
                }
            }
        }
        pieces
    }

    /// How the replies of a TCP or UDP flow fare: by the client's ports and, behind a translator, by its pool's.
    fn port_replies(
        ways: &[Weighed<'n>],
        passing: &[(usize, bool)],
        protocol: Protocol,
        client: &PortRanges,
        algebra: &mut Algebra<'_>,
    ) -> Replied {
        let of_ports =
            |ports: &PortRanges, algebra: &Algebra<'_>| algebra.intern(Lane::Ports(protocol, ports.clone()).headers());
        let passing: Vec<&Weighed<'n>> =
            passing.iter().filter(|(_, passes)| *passes).filter_map(|(i, _)| ways.get(*i)).collect();
        let mut clients = vec![of_ports(client, algebra)];
        let mut pool = vec![of_ports(&PortRanges::range(POOL.0, POOL.1), algebra)];
        let legs = || passing.iter().filter_map(|way| Some((way, way.replies.as_ref()?)));
        for (_, replies) in legs() {
            for (_, at_client, at_pool) in replies {
                for by in [at_client.must, at_client.may] {
                    cut(&mut clients, by, algebra);
                }
                for by in [at_pool.must, at_pool.may] {
                    cut(&mut pool, by, algebra);
                }
            }
        }
        let rewrites = legs().any(|(way, _)| way.carry.memory.rewrites_port());
        let nobody = passing.iter().any(|way| way.replies.is_none());
        let mut by_pool: Vec<Vec<Verdict>> = vec![Vec::new(); pool.len()];
        let mut by_client: Vec<Vec<Verdict>> = Vec::with_capacity(clients.len());
        for &ports in &clients {
            let mut verdicts = Vec::new();
            for (way, replies) in legs() {
                for (_, at_client, at_pool) in replies {
                    let own = verdict_in(ports, *at_client, algebra);
                    if !way.carry.memory.rewrites_port() {
                        verdicts.push(own);
                        continue;
                    }
                    for (&ports, of_pool) in pool.iter().zip(&mut by_pool) {
                        let both = own.and(verdict_in(ports, *at_pool, algebra));
                        verdicts.push(both);
                        of_pool.push(both);
                    }
                }
            }
            if nobody {
                verdicts.push(Verdict::Unknown);
            }
            by_client.push(verdicts);
        }
        let passes = |parts: &[HeaderId], verdicts: &[Vec<Verdict>], algebra: &Algebra<'_>| {
            let mut ports = PortRanges::empty();
            for (part, verdicts) in parts.iter().zip(verdicts) {
                if Verdict::over(verdicts.iter().copied()).is_some_and(Verdict::passes) {
                    ports = ports.union(&ports_in(&algebra.get(*part), protocol));
                }
            }
            ports
        };
        let parts =
            clients.iter().zip(&by_client).filter_map(|(part, v)| Some((*part, Verdict::over(v.iter().copied())?)));
        Replied {
            parts: parts.collect(),
            back: Verdict::over(by_client.iter().filter_map(|verdicts| Verdict::over(verdicts.iter().copied()))),
            source_ports: passes(&clients, &by_client, algebra),
            translated: rewrites.then(|| passes(&pool, &by_pool, algebra)),
        }
    }

    /// How the answers to messages of ICMP fare: pieces of `asked`, the answers to each, and their verdict.
    fn message_replies(
        ways: &[Weighed<'n>],
        passing: &[(usize, bool)],
        protocol: Protocol,
        asked: HeaderId,
        algebra: &mut Algebra<'_>,
    ) -> Vec<(HeaderId, HeaderId, Option<Verdict>)> {
        let requests: PortSet = answered(protocol)
            .iter()
            .fold(PortSet::empty(), |all, (request, _)| all.union(&of_messages(protocol, IcmpSet::kind(*request))));
        let requests = algebra.intern(requests);
        let silent = algebra.subtract(asked, requests);
        let mut parts = vec![algebra.intersect(asked, requests)];
        parts.retain(|part| !part.is_empty());
        let passing: Vec<&Weighed<'n>> =
            passing.iter().filter(|(_, passes)| *passes).filter_map(|(i, _)| ways.get(*i)).collect();
        for way in &passing {
            for (_, at_client, at_pool) in way.replies.iter().flatten() {
                for by in [at_client.must, at_client.may, at_pool.must, at_pool.may] {
                    let by = algebra.intern(questions(protocol, &algebra.get(by)));
                    cut(&mut parts, by, algebra);
                }
            }
        }
        let mut judged = Vec::with_capacity(parts.len() + 1);
        if !silent.is_empty() {
            judged.push((silent, HeaderId::EMPTY, None));
        }
        for part in parts {
            let answers = algebra.intern(answers(protocol, &algebra.get(part)));
            let mut verdicts = Vec::new();
            for way in &passing {
                match &way.replies {
                    None => verdicts.push(Verdict::Unknown),
                    Some(replies) => {
                        for (_, at_client, at_pool) in replies {
                            let own = verdict_in(answers, *at_client, algebra);
                            verdicts.push(own.and(verdict_in(answers, *at_pool, algebra)));
                        }
                    }
                }
            }
            judged.push((part, answers, Verdict::over(verdicts)));
        }
        judged
    }

    /// Puts the pieces of one cell together.
    fn summary(
        &self,
        ways: &[Weighed<'n>],
        pieces: &[Piece],
        client: &PortRanges,
        algebra: &mut Algebra<'_>,
    ) -> PairAnswer {
        let verdict = Verdict::over(pieces.iter().map(Piece::verdict)).unwrap_or(Verdict::Unknown);
        let forward = Verdict::over(pieces.iter().map(|piece| piece.forward)).unwrap_or(Verdict::Unknown);
        let open = pieces.iter().filter(|piece| piece.forward != Verdict::Blocked);
        let back = Verdict::over(open.filter_map(|piece| piece.back));
        let mut reasons: Vec<Reason> = Vec::new();
        for piece in pieces.iter().filter(|piece| piece.verdict() != Verdict::Reachable) {
            self.reasons_of(ways, piece, client, algebra, &mut reasons);
        }
        let assumptions = assumed(ways, pieces, algebra);
        unique(&mut reasons);
        let passing = pieces.iter().filter(|piece| piece.verdict().passes());
        let allowed = merge(passing.map(|p| Allowed { what: p.what.clone(), source_ports: p.source_ports.clone() }));
        let translated = pieces.iter().find_map(|piece| piece.translated.clone());
        PairAnswer { back, allowed, reasons, translated, assumptions, ..PairAnswer::bare(verdict, forward) }
    }

    /// Why a piece is not reachable: every gate that refuses some of it and, unless something refuses all, every gate
    /// that leaves some of it open (M-4).
    fn reasons_of(
        &self,
        ways: &[Weighed<'n>],
        piece: &Piece,
        client: &PortRanges,
        algebra: &mut Algebra<'_>,
        reasons: &mut Vec<Reason>,
    ) {
        let denials_only = piece.verdict() == Verdict::Blocked;
        let service = match sample(&algebra.get(piece.headers)) {
            Some((protocol, Transport::Ports { destination, .. })) => Some((protocol, destination)),
            _ => None,
        };
        let mut say = |gate: &Gate, leg: Leg, headers: HeaderId, other_port: u16, algebra: &mut Algebra<'_>| {
            let passes = self.weigh(gate, headers, algebra);
            let refused = algebra.subtract(headers, passes.may);
            let maybe = algebra.subtract(passes.may, passes.must);
            let doubted = if denials_only { HeaderId::EMPTY } else { algebra.intersect(headers, maybe) };
            if !refused.is_empty() || !doubted.is_empty() {
                reasons.extend(self.tell(gate, &Asked { leg, refused, doubted, other_port }, algebra));
            }
        };
        let first_client = client.first().unwrap_or(1024);
        for way in piece.ways.iter().filter_map(|(i, _)| ways.get(*i)) {
            for gate in &way.carry.gates {
                say(gate, Leg::Forward, piece.headers, first_client, algebra);
            }
        }
        if piece.back.is_none() {
            return;
        }
        for way in piece.ways.iter().filter(|(_, passes)| *passes).filter_map(|(i, _)| ways.get(*i)) {
            for (reply, ..) in way.replies.iter().flatten() {
                for gate in &reply.gates {
                    match service {
                        Some((protocol, port)) => {
                            let ports = if gate.pool { PortRanges::range(POOL.0, POOL.1) } else { client.clone() };
                            let headers = algebra.intern(Lane::Ports(protocol, ports).headers());
                            say(gate, Leg::Return, headers, port, algebra);
                        }
                        None => say(gate, Leg::Return, piece.answers, 0, algebra),
                    }
                }
            }
        }
        let pool = PortRanges::range(POOL.0, POOL.1);
        if let Some(translated) = piece.translated.as_ref().filter(|ports| !ports.is_empty() && **ports != pool) {
            let nat = piece.ways.iter().filter_map(|(i, _)| ways.get(*i)).find_map(|way| {
                way.carry.gates.iter().find_map(|gate| match gate.site {
                    Site::NatGateway(_) => Some(gate.site.clone()),
                    _ => None,
                })
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

    /// Picks the flow that shows the verdict and has the reference engine judge it: its way is what is shown.
    fn witness(
        &self,
        answer: &mut PairAnswer,
        pieces: &[Piece],
        client: &PortRanges,
        (start, target): (simulate::Start, simulate::Target<'_>),
        algebra: &Algebra<'_>,
    ) -> Result<(), Box<Contradiction>> {
        let with = |verdict: Verdict| pieces.iter().find(|piece| piece.verdict() == verdict);
        let shown = with(Verdict::Reachable)
            .or_else(|| with(Verdict::Partial))
            .or_else(|| pieces.iter().find(|piece| piece.forward.passes()))
            .or_else(|| pieces.first());
        let Some(piece) = shown else { return Ok(()) };
        let Some((protocol, transport)) = sample(&algebra.get(piece.headers)) else { return Ok(()) };
        let source = piece.source_ports.first().or_else(|| client.first()).unwrap_or(1024);
        let transport = match transport {
            Transport::Ports { destination, .. } => Transport::Ports { source, destination },
            other => other,
        };
        let pool = piece.translated.as_ref().map(|ports| ports.first().unwrap_or(POOL.0));
        let replay = Replay::of(self.network, start, target, protocol, transport, pool);
        // Of ports some of which pass, one that passes is sent; where none does, the piece's first.
        let some_port_passes = !piece.source_ports.is_empty();
        let agrees = replay.forward == piece.forward
            && match (piece.back, replay.back) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(_), Some(said)) if some_port_passes => said.passes(),
                (Some(Verdict::Unknown), Some(said)) if transport_has_ports(transport) => !said.passes(),
                (Some(back), Some(said)) => said == back,
            };
        if !agrees {
            return Err(Box::new(Contradiction {
                about: replay.flow.to_string(),
                compiled: (piece.forward, piece.back),
                reference: (replay.forward, replay.back),
            }));
        }
        replay.show(answer, piece.forward, piece.back);
        Ok(())
    }
}

impl Replied {
    /// No reply is to be judged.
    fn none() -> Self {
        Self { back: None, parts: Vec::new(), source_ports: PortRanges::empty(), translated: None }
    }
}

fn transport_has_ports(transport: Transport) -> bool {
    matches!(transport, Transport::Ports { .. })
}

/// The defaults that the ways of some pieces rely on.
fn assumed(ways: &[Weighed<'_>], pieces: &[Piece], algebra: &mut Algebra<'_>) -> Vec<Assumption> {
    let mut assumptions: Vec<Assumption> = Vec::new();
    for piece in pieces {
        for way in piece.ways.iter().filter_map(|(i, _)| ways.get(*i)) {
            for &(assumption, headers) in &way.carry.assumptions {
                if algebra.meets(piece.headers, headers) {
                    assumptions.push(assumption);
                }
            }
        }
    }
    assumptions.sort_unstable();
    assumptions.dedup();
    assumptions
}

/// The messages that are answered, and by which (M-3).
fn answered(protocol: Protocol) -> &'static [(u8, u8)] {
    match protocol {
        Protocol::ICMP => &[(8, 0), (13, 14), (15, 16), (17, 18)],
        Protocol::ICMPV6 => &[(128, 129)],
        _ => &[],
    }
}

fn of_messages(protocol: Protocol, messages: IcmpSet) -> PortSet {
    if protocol == Protocol::ICMP { PortSet::icmp(messages) } else { PortSet::icmpv6(messages) }
}

fn messages_in(set: &PortSet, protocol: Protocol) -> &IcmpSet {
    if protocol == Protocol::ICMP { set.icmp_messages() } else { set.icmpv6_messages() }
}

fn ports_in(set: &PortSet, protocol: Protocol) -> PortRanges {
    if protocol == Protocol::UDP { set.udp_ports().clone() } else { set.tcp_ports().clone() }
}

/// Messages of type `from` as messages of type `to`; an answer carries its request's code.
fn retyped(messages: &IcmpSet, from: u8, to: u8) -> IcmpSet {
    let of_kind = messages.intersect(&IcmpSet::kind(from));
    let base = |kind: u8| u16::from(kind) << 8;
    let shift = |point: u16| point - base(from) + base(to);
    IcmpSet::from_points(of_kind.points().iter_ranges().map(|(low, high)| (shift(low), shift(high))).collect())
}

/// What answers the requests in a set.
fn answers(protocol: Protocol, set: &PortSet) -> PortSet {
    let messages = messages_in(set, protocol);
    let all = answered(protocol).iter().map(|&(request, answer)| retyped(messages, request, answer));
    of_messages(protocol, all.fold(IcmpSet::empty(), |all, some| all.union(&some)))
}

/// The requests whose answers are in a set.
pub(super) fn questions(protocol: Protocol, set: &PortSet) -> PortSet {
    let messages = messages_in(set, protocol);
    let all = answered(protocol).iter().map(|&(request, answer)| retyped(messages, answer, request));
    of_messages(protocol, all.fold(IcmpSet::empty(), |all, some| all.union(&some)))
}

impl Lane {
    /// The lane as a header set.
    pub(crate) fn headers(&self) -> PortSet {
        match self {
            Lane::Ports(Protocol::UDP, ports) => PortSet::udp(ports.clone()),
            Lane::Ports(_, ports) => PortSet::tcp(ports.clone()),
            Lane::Icmp(protocol, messages) => of_messages(*protocol, messages.clone()),
            Lane::Protocols(numbers) => PortSet::protocols(numbers),
        }
    }

    /// The part of a header set that lies in this lane.
    fn part(&self, set: &PortSet) -> AllowedPorts {
        match self {
            Lane::Ports(protocol, _) => AllowedPorts::Ports(*protocol, ports_in(set, *protocol)),
            Lane::Icmp(protocol, _) => AllowedPorts::Icmp(*protocol, messages_in(set, *protocol).clone()),
            Lane::Protocols(_) => AllowedPorts::Protocols(set.other_protocols().clone()),
        }
    }
}
