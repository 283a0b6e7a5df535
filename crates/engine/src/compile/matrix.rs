//! Every flow of a population: rows, special pairs, and what hosts deliver themselves.

use std::collections::BTreeMap;

use reach_packets::{IntervalSet, IpSet, PortSet, Protocol, Transport};
use rustc_hash::FxHashMap;

use super::bits::{ones, words};
use super::groups::ProfileId;
use super::headers::{Algebra, HeaderId};
use super::link::Links;
use super::population::{Population, Position};
use super::row::{Rows, Run, Scratch, Term};
use super::told::sample;
use super::{Aim, Compiled, Source};
use crate::endpoint::representative;
use crate::pair::{Contradiction, POOL, Replay, asked_from_outside};
use crate::simulate::{Start, Target};
use crate::verdict::Verdict;

/// Pairs of members that one kernel delivers between: how many, a member with itself among them, and one of two members.
type Together = (u64, Option<(Position, Position)>);

/// What terms of one run have in common where they are joined: sources, first destination, client ports, certainty.
type Ends = (Box<[u64]>, usize, Position, HeaderId, bool);

/// The complete, exact set of flows between the members of a population.
#[derive(Debug)]
pub struct Matrix<'c, 'n> {
    compiled: &'c Compiled<'n>,
    population: &'c Population,
    rows: Rows<'c, 'n>,
    /// Ordered pairs of members that a kernel delivers between, by classes: what is no matter of rows. Their number, a
    /// member with itself among them, and one pair of two members.
    local: FxHashMap<(Position, Position), Together>,
    /// The same, by destination class.
    local_into: FxHashMap<Position, Vec<(Position, u64)>>,
    /// Members in units of their own, by class: of these only the pair with itself is no pair.
    alone: Vec<u64>,
}

/// A part of a matrix, with what it owns: [`Term`] for keeping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flows {
    /// A bit for each source class, from `start` on.
    pub from: Box<[u64]>,
    /// The position of the first word of `from`.
    pub start: usize,
    /// Destination classes.
    pub to: Vec<Position>,
    /// Destination headers (D).
    pub headers: HeaderId,
    /// Client ports, as TCP and UDP headers (S).
    pub back: HeaderId,
    /// Whether they pass for certain; else it is unknown.
    pub certain: bool,
    /// Whether a host's own kernel delivers them.
    pub local: bool,
    /// How many pairs of members they are of.
    pub pairs: u64,
}

/// What rows hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Sets of flows with everything but their ends in common.
    pub terms: u64,
    /// Pairs of classes over all terms.
    pub class_pairs: u64,
    /// Words that were read to find them: what the sweep costs, on any machine.
    pub words: u64,
}

/// Flows between classes and addresses outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideFlows {
    /// The classes inside.
    pub classes: Vec<Position>,
    /// The addresses outside.
    pub addresses: IpSet,
    /// Destination headers (D).
    pub headers: HeaderId,
    /// Client ports, as TCP and UDP headers (S).
    pub back: HeaderId,
    /// Whether they pass for certain; else it is unknown.
    pub certain: bool,
    /// How many pairs they are of: one for each member.
    pub pairs: u64,
}

impl Flows {
    /// Whether a class is among the sources.
    pub fn has_source(&self, class: Position) -> bool {
        let word = (class as usize / 64).checked_sub(self.start).and_then(|at| self.from.get(at));
        word.is_some_and(|word| word >> (class % 64) & 1 == 1)
    }

    /// The source classes, ascending.
    pub fn sources(&self) -> impl Iterator<Item = Position> + '_ {
        let base = u32::try_from(self.start * 64).unwrap_or(u32::MAX);
        ones(&self.from).map(move |class| base + class)
    }
}

impl<'c, 'n> Matrix<'c, 'n> {
    /// Prepares the rows. O(N + what [`Rows::new`] takes).
    pub fn new(compiled: &'c Compiled<'n>, population: &'c Population, links: &'c Links) -> Self {
        let rows = Rows::new(compiled, population, links);
        let mut alone: Vec<u64> = (0..population.classes().len())
            .map(|class| population.size(u32::try_from(class).unwrap_or(u32::MAX)))
            .collect();
        let mut local: FxHashMap<(Position, Position), Together> = FxHashMap::default();
        for unit in population.shared_units() {
            let mut counts: FxHashMap<Position, Vec<Position>> = FxHashMap::default();
            for &member in unit {
                counts.entry(population.class_of(member)).or_default().push(member);
            }
            for (&from, sources) in &counts {
                if let Some(alone) = alone.get_mut(from as usize) {
                    *alone -= sources.len() as u64;
                }
                for (&to, destinations) in &counts {
                    let (count, sample) = local.entry((from, to)).or_default();
                    *count += sources.len() as u64 * destinations.len() as u64;
                    // Members stand in the order of the snapshot, so the smallest pair is the same on every run.
                    let (a, b) = (sources.first().copied(), destinations.iter().copied());
                    let own = a.and_then(|a| b.clone().find(|&b| a != b).map(|b| (a, b)));
                    *sample = [*sample, own].into_iter().flatten().min();
                }
            }
        }
        let mut local_into: FxHashMap<Position, Vec<(Position, u64)>> = FxHashMap::default();
        for (&(from, to), &(count, _)) in &local {
            local_into.entry(to).or_default().push((from, count));
        }
        Self { compiled, population, rows, local, local_into, alone }
    }

    /// The rows.
    pub fn rows(&self) -> &Rows<'c, 'n> {
        &self.rows
    }

    /// How many pairs of members a term is of: those on different hosts.
    pub fn pairs(&self, from: &[u64], start: usize, to: &[Position]) -> u64 {
        let base = u32::try_from(start * 64).unwrap_or(u32::MAX);
        let sources: u64 = ones(from).map(|class| self.population.size(base + class)).sum();
        let has = |class: Position| {
            let word = (class as usize / 64).checked_sub(start).and_then(|at| from.get(at));
            word.is_some_and(|word| word >> (class % 64) & 1 == 1)
        };
        let mut pairs = 0;
        for &class in to {
            pairs += sources * self.population.size(class);
            if has(class) {
                pairs -= self.alone.get(class as usize).copied().unwrap_or(0);
            }
            for &(source, count) in self.local_into.get(&class).into_iter().flatten() {
                if has(source) {
                    pairs -= count;
                }
            }
        }
        pairs
    }

    /// The terms of one run, those of equal ends and client ports joined.
    pub fn run(&self, run: &Run, scratch: &mut Scratch<'_>) -> Vec<Flows> {
        let mut algebra = self.compiled.algebra();
        let mut flows: Vec<Flows> = Vec::new();
        let mut known: FxHashMap<Ends, usize> = FxHashMap::default();
        self.rows.row(run, scratch, |term: Term<'_>| {
            let first = term.to.first().copied().unwrap_or(0);
            let key = (term.from.into(), term.start, first, term.back, term.certain);
            match known.get(&key).and_then(|&at| flows.get_mut(at)) {
                Some(own) => own.headers = algebra.union(own.headers, term.headers),
                None => {
                    flows.push(Flows {
                        from: term.from.into(),
                        start: term.start,
                        to: term.to.to_vec(),
                        headers: term.headers,
                        back: term.back,
                        certain: term.certain,
                        local: false,
                        pairs: self.pairs(term.from, term.start, term.to),
                    });
                    known.insert(key, flows.len() - 1);
                }
            }
        });
        flows.retain(|flows| flows.pairs > 0);
        flows
    }

    /// Computes every row on all threads and adds up what it holds.
    pub fn sweep(&self) -> Totals {
        use rayon::prelude::*;
        self.rows
            .runs()
            .par_iter()
            .map_init(
                || self.rows.scratch(),
                |scratch, run| {
                    let mut totals = Totals::default();
                    let before = scratch.words();
                    self.rows.row(run, scratch, |term| {
                        totals.terms += 1;
                        let classes: u64 = term.from.iter().map(|word| u64::from(word.count_ones())).sum();
                        totals.class_pairs += classes * term.to.len() as u64;
                    });
                    totals.words = scratch.words() - before;
                    totals
                },
            )
            .reduce(Totals::default, |a, b| Totals {
                terms: a.terms + b.terms,
                class_pairs: a.class_pairs + b.class_pairs,
                words: a.words + b.words,
            })
    }

    /// How many pairs have flows at all, among some that share no pair with others: certain ones, and beside them pairs
    /// whose flows are all unknown.
    pub fn reached(&self, flows: &[Flows]) -> (u64, u64) {
        let width = words(self.population.classes().len());
        let mut by_end: BTreeMap<(&[Position], bool), [Vec<u64>; 2]> = BTreeMap::new();
        for flows in flows {
            let planes = by_end.entry((&flows.to, flows.local)).or_insert_with(|| [vec![0; width], vec![0; width]]);
            let [certain, any] = planes;
            for (word, own) in any.iter_mut().skip(flows.start).zip(&flows.from) {
                *word |= own;
            }
            if flows.certain {
                for (word, own) in certain.iter_mut().skip(flows.start).zip(&flows.from) {
                    *word |= own;
                }
            }
        }
        let (mut certain_pairs, mut unknown_pairs) = (0, 0);
        for ((to, local), [certain, any]) in by_end {
            let count = |bits: &[u64]| match (local, to) {
                (true, &[to]) => ones(bits).map(|from| self.local_pairs(from, to)).sum(),
                _ => self.pairs(bits, 0, to),
            };
            let (sure, all): (u64, u64) = (count(&certain), count(&any));
            certain_pairs += sure;
            unknown_pairs += all - sure;
        }
        (certain_pairs, unknown_pairs)
    }

    /// How many pairs of members of two classes one kernel delivers between.
    fn local_pairs(&self, from: Position, to: Position) -> u64 {
        let own = self.local.get(&(from, to)).map_or(0, |(count, _)| *count);
        // A pair of a member with itself is no pair.
        let selves = if from == to {
            self.population.size(from) - self.alone.get(from as usize).copied().unwrap_or(0)
        } else {
            0
        };
        own - selves
    }

    /// Has the reference engine judge one flow of a set: the witness of what is about to be told.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] where it judges otherwise: a bug in one of the two engines.
    pub fn check(&self, flows: &Flows) -> Result<(), Box<Contradiction>> {
        let mut ends = flows.to.iter().flat_map(|&to| flows.sources().map(move |from| (from, to)));
        let Some((a, b)) = ends.find_map(|(from, to)| self.sample(from, to, flows.local)) else { return Ok(()) };
        let members = self.population.members();
        let (Some(a), Some(b)) = (members.get(a as usize), members.get(b as usize)) else { return Ok(()) };
        let start = Start::Interface(a.interface, a.address());
        let target = Target { address: b.address(), interface: Some(b.interface), admission: None };
        self.check_flow(start, target, flows.headers, flows.back, flows.certain)
    }

    /// As [`Self::check`], for flows from or to the outside.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn check_outside(&self, flows: &OutsideFlows, inbound: bool) -> Result<(), Box<Contradiction>> {
        let first = flows.classes.first().and_then(|&class| self.population.members_of(class).first());
        let member = first.and_then(|&member| self.population.members().get(member as usize));
        let (Some(member), Some(remote)) = (member, representative(&flows.addresses)) else { return Ok(()) };
        let own = member.address();
        if !inbound {
            let target = Target { address: remote, interface: None, admission: None };
            let start = Start::Interface(member.interface, own);
            return self.check_flow(start, target, flows.headers, flows.back, flows.certain);
        }
        let address = asked_from_outside(self.compiled.network, member.interface, own, remote);
        let target = Target { address, interface: Some(member.interface), admission: None };
        self.check_flow(Start::Outside(remote), target, flows.headers, flows.back, flows.certain)
    }

    fn check_flow(
        &self,
        start: Start,
        target: Target<'_>,
        headers: HeaderId,
        back: HeaderId,
        certain: bool,
    ) -> Result<(), Box<Contradiction>> {
        let (headers, back) = (self.compiled.headers.get(headers), self.compiled.headers.get(back));
        let Some((protocol, transport)) = sample(&headers) else { return Ok(()) };
        let client = if protocol == Protocol::UDP { back.udp_ports() } else { back.tcp_ports() };
        let transport = match (transport, client.first_from(1024).or_else(|| client.first())) {
            (Transport::Ports { destination, .. }, Some(source)) => Transport::Ports { source, destination },
            // Nothing of the lane comes back, so nothing of it is in the set.
            (Transport::Ports { .. }, None) => return Ok(()),
            (transport, _) => transport,
        };
        let replay = Replay::of(self.compiled.network, start, target, protocol, transport, Some(POOL.0));
        let said = replay.back.map_or(replay.forward, |back| replay.forward.and(back));
        // Of a translator's pool some ports may pass and others not: then one port of it proves nothing.
        let open = matches!(said, Verdict::Unknown | Verdict::Partial) || replay.translated;
        if (certain && said == Verdict::Reachable) || (!certain && open) {
            return Ok(());
        }
        let compiled = if certain { Verdict::Reachable } else { Verdict::Unknown };
        Err(Box::new(Contradiction {
            about: replay.flow.to_string(),
            compiled: (compiled, None),
            reference: (replay.forward, replay.back),
        }))
    }

    /// The flows that no row has: over special links, and inside hosts. In a fixed order.
    pub fn others(&self) -> Vec<Flows> {
        let mut algebra = self.compiled.algebra();
        let mut all = Vec::new();
        for place in 0..self.population.places().len() {
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            let sources = self.rows.special(place);
            if sources.is_empty() {
                continue;
            }
            let own = (0..u32::try_from(self.population.classes().len()).unwrap_or(u32::MAX))
                .filter(|&class| self.population.classes().get(class as usize).is_some_and(|c| c.place == place));
            for to in own {
                for &from in &sources {
                    self.pair_of_classes(from, to, false, &mut algebra, &mut all);
                }
            }
        }
        let role = |class: Position| {
            let place = self.population.classes().get(class as usize).map(|class| class.place);
            place.and_then(|place| self.population.places().get(place as usize)).map(|place| place.role)
        };
        let asked = |from: Position, to: Position| {
            role(from).is_some_and(|role| role.source) && role(to).is_some_and(|role| role.destination)
        };
        let mut local: Vec<(Position, Position)> = self.local.keys().copied().collect();
        local.retain(|&(from, to)| asked(from, to));
        local.sort_unstable_by_key(|&(from, to)| (to, from));
        for (from, to) in local {
            self.pair_of_classes(from, to, true, &mut algebra, &mut all);
        }
        all
    }

    /// The flows between every class and `outside`: from it where `inbound`, else to it. Groups look at remote addresses
    /// alone, so all classes of one place and profile are one. In a fixed order.
    pub fn outside(&self, outside: &IpSet, inbound: bool) -> Vec<OutsideFlows> {
        use rayon::prelude::*;
        let mut alike: FxHashMap<(Position, ProfileId), Vec<Position>> = FxHashMap::default();
        for (position, class) in (0..).zip(self.population.classes()) {
            let role = self.population.places().get(class.place as usize).map(|place| place.role);
            if role.is_some_and(|role| if inbound { role.destination } else { role.source }) {
                alike.entry((class.place, class.profile)).or_default().push(position);
            }
        }
        let mut alike: Vec<Vec<Position>> = alike.into_values().collect();
        alike.sort_unstable();
        let found: Vec<Vec<OutsideFlows>> = alike
            .into_par_iter()
            .map_init(
                || self.compiled.algebra(),
                |algebra, classes| {
                    let first = classes.first().and_then(|&class| self.population.members_of(class).first());
                    let Some(member) = first.and_then(|&member| self.population.members().get(member as usize)) else {
                        return Vec::new();
                    };
                    let pairs = classes.iter().map(|&class| self.population.size(class)).sum();
                    let flows = self.compiled.flows_outside(*member, outside, inbound, algebra);
                    let flows = flows.into_iter().map(|(addresses, headers, back, certain)| OutsideFlows {
                        classes: classes.clone(),
                        addresses,
                        headers,
                        back,
                        certain,
                        pairs,
                    });
                    flows.collect()
                },
            )
            .collect();
        found.into_iter().flatten().collect()
    }

    /// The flows between two classes, found on a pair of members: on different hosts, or on one.
    fn pair_of_classes(
        &self,
        from: Position,
        to: Position,
        local: bool,
        algebra: &mut Algebra<'_>,
        all: &mut Vec<Flows>,
    ) {
        let (bits, start) = ([1_u64 << (from % 64)], from as usize / 64);
        let pairs = if local { self.local_pairs(from, to) } else { self.pairs(&bits, start, &[to]) };
        let Some((a, b)) = self.sample(from, to, local).filter(|_| pairs > 0) else { return };
        let members = self.population.members();
        let (Some(a), Some(b)) = (members.get(a as usize), members.get(b as usize)) else { return };
        let aim = Aim { address: b.address(), interface: Some(b.interface), admission: None };
        for (headers, back, certain) in self.compiled.flows(Source::Interface(a.interface, a.address()), aim, algebra) {
            all.push(Flows { from: bits.into(), start, to: vec![to], headers, back, certain, local, pairs });
        }
    }

    /// Two members of the classes, on one host or not.
    fn sample(&self, from: Position, to: Position, local: bool) -> Option<(Position, Position)> {
        if local {
            return self.local.get(&(from, to)).and_then(|(_, sample)| *sample);
        }
        let sources = self.population.members_of(from);
        let destinations = self.population.members_of(to);
        let fits = |a: Position, b: Position| a != b && !self.population.on_one_host(a, b);
        sources.iter().find_map(|&a| destinations.iter().map(|&b| (a, b)).find(|&(a, b)| fits(a, b)))
    }
}

/// The part of a header set that has ports.
pub(super) fn ported(headers: HeaderId, algebra: &mut Algebra<'_>) -> HeaderId {
    let all = algebra.intern(PortSet::tcp(IntervalSet::full()).union(&PortSet::udp(IntervalSet::full())));
    algebra.intersect(headers, all)
}
