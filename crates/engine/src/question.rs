//! Questions over sets of endpoints: every pair is judged, pairs with the same answer for the same reasons are told
//! together.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;
use ipnet::IpNet;
use reach_model::network::{Idx, Network, NetworkInterface};
use reach_packets::{Family, PortRanges};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::compile::Compiled;
use crate::compile::headers::Algebra;
use crate::compile::population::{Population, Position, Role, Unit};
use crate::endpoint::{Destination, Endpoint};
use crate::pair::{self, Allowed, Ask, Brief, Carved, Contradiction, PairAnswer};
use crate::reason::{Assumption, Code, Reason, RuleRef, Site};
use crate::simulate::Tracking;
use crate::verdict::Verdict;

/// A question: two sets of endpoints, which of them are paired, and what is asked of each pair.
#[derive(Debug, Clone)]
pub struct Question {
    pub from: Vec<Endpoint>,
    pub to: Vec<Destination>,
    /// Positions in `from` and `to` whose product is asked about. Several products, where a name (`aws/s3`) means
    /// another address in another VPC.
    pub products: Vec<(Vec<usize>, Vec<usize>)>,
    pub ask: Ask,
    /// Defaults that the resolution of names relied on.
    pub assumptions: Vec<Assumption>,
}

impl Question {
    /// Every source with every destination.
    pub fn product(from: Vec<Endpoint>, to: Vec<Destination>, ask: Ask) -> Self {
        let products = vec![((0..from.len()).collect(), (0..to.len()).collect())];
        Self { from, to, products, ask, assumptions: Vec::new() }
    }

    /// The paired positions, in order.
    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        self.products.iter().flat_map(|(from, to)| from.iter().flat_map(move |&i| to.iter().map(move |&j| (i, j))))
    }
}

/// Pairs by verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PairCounts {
    pub total: u64,
    pub reachable: u64,
    pub blocked: u64,
    pub partial: u64,
    pub unknown: u64,
}

impl PairCounts {
    fn add(&mut self, verdict: Verdict, pairs: u64) {
        self.total += pairs;
        match verdict {
            Verdict::Reachable => self.reachable += pairs,
            Verdict::Blocked => self.blocked += pairs,
            Verdict::Partial => self.partial += pairs,
            Verdict::Unknown => self.unknown += pairs,
        }
    }
}

/// Pairs that have the same answer for the same reasons: exactly `from` × `to` without self-pairs.
#[derive(Debug, Clone)]
pub struct Group {
    /// The answer; its witness and path are of the first pair.
    pub answer: PairAnswer,
    pub from: Vec<Endpoint>,
    pub to: Vec<Endpoint>,
    pub pairs: u64,
}

/// The answer to a question.
#[derive(Debug, Clone)]
pub struct Answer {
    pub verdict: Verdict,
    pub forward: Verdict,
    pub back: Option<Verdict>,
    pub pairs: PairCounts,
    pub groups: Vec<Group>,
    /// More than [`MAX_GROUPS`] groups were found; the counts are of all pairs.
    pub truncated: bool,
    pub assumptions: Vec<Assumption>,
}

/// A question about more pairs of classes than this is refused.
pub const MAX_BLOCKS: u64 = 20_000_000;

/// How many groups an answer lists.
pub const MAX_GROUPS: usize = 1000;

/// Which engine judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// Every packet by itself, rule by rule: slow and obvious.
    Reference,
    /// Sets of headers; the reference engine judges the witness of every answer.
    #[default]
    Compiled,
    /// Both, and every answer compared.
    Both,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Two sets without a pair between them: the same single endpoint twice, or an empty set.
    #[error("no pair is left to ask about")]
    NoPair,
    /// The ends are told apart more often than can be held.
    #[error(
        "the two sides make {0} pairs of classes, more than {MAX_BLOCKS}: ask about fewer of them, or let `reach matrix` \
         list all flows"
    )]
    TooMany(u64),
    /// The engines contradict each other.
    #[error(transparent)]
    Contradiction(#[from] Box<Contradiction>),
}

/// What pairs must have in common to be told together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    verdict: Verdict,
    forward: Verdict,
    back: Option<Verdict>,
    reasons: Vec<Reason>,
    allowed: Vec<Allowed>,
    tracking: (Option<Tracking>, Option<Tracking>),
    outside: Option<Carved>,
}

impl Key {
    fn of(network: &Network, answer: &PairAnswer) -> Self {
        Self {
            verdict: answer.verdict,
            forward: answer.forward,
            back: answer.back,
            reasons: answer.reasons.iter().map(|reason| alike(network, reason)).collect(),
            allowed: answer.allowed.clone(),
            tracking: answer.tracking,
            outside: answer.outside.clone(),
        }
    }
}

/// Fewer pairs than this are judged one by one: sorting their ends into classes would take longer.
const FEW: usize = 4;

/// Answers a question.
///
/// # Errors
///
/// [`AskError::NoPair`] where there is nothing to judge, [`AskError::Contradiction`] where the engines differ.
pub fn ask(compiled: &Compiled<'_>, question: &Question, engine: Engine) -> Result<Answer, AskError> {
    answer(compiled, question, engine, Listing::Groups)
}

/// Answers a question in numbers: every pair is judged and every kind of pair has its witness, as by [`ask`], and no
/// groups are made of them.
///
/// # Errors
///
/// As [`ask`].
pub fn count(compiled: &Compiled<'_>, question: &Question, engine: Engine) -> Result<PairCounts, AskError> {
    answer(compiled, question, engine, Listing::Counts).map(|answer| answer.pairs)
}

/// How much of an answer is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listing {
    Groups,
    Counts,
}

fn answer(compiled: &Compiled<'_>, question: &Question, engine: Engine, listing: Listing) -> Result<Answer, AskError> {
    let count: usize = question.products.iter().map(|(from, to)| from.len() * to.len()).sum();
    let sorted = engine != Engine::Reference && count > FEW;
    let blocks = if sorted { by_class(compiled, question)? } else { by_pair(question) };
    // Classes are the compiled engine's own; the other one is asked about every pair.
    let own = if sorted { Engine::Compiled } else { engine };
    let answer = answer_blocks(compiled, question, blocks, own, listing)?;
    if sorted && engine == Engine::Both {
        let reference = answer_blocks(compiled, question, by_pair(question), Engine::Both, Listing::Counts)?;
        let said = |answer: &Answer| (answer.verdict, answer.forward, answer.back, answer.pairs);
        if said(&answer) != said(&reference) {
            return Err(Box::new(Contradiction {
                about: format!("{} pairs by class: {:?} and {:?}", count, answer.pairs, reference.pairs),
                compiled: (answer.forward, answer.back),
                reference: (reference.forward, reference.back),
            })
            .into());
        }
    }
    Ok(answer)
}

/// Pairs that are sure to have the same answer for the same reasons: the product of positions in `from` and `to`, without
/// pairs of an endpoint with itself. Blocks of one `kind` share their answer.
#[derive(Debug, Clone)]
struct Block {
    from: Arc<[usize]>,
    to: Arc<[usize]>,
    kind: usize,
}

/// Every pair by itself.
fn by_pair(question: &Question) -> Vec<Block> {
    let single = is_single(question);
    let mut blocks = Vec::new();
    for (i, j) in question.pairs() {
        // Among sets an endpoint with itself is no pair; two single selectors are asked host-locally.
        if single || !is_self(question, i, j) {
            blocks.push(Block { from: [i].into(), to: [j].into(), kind: blocks.len() });
        }
    }
    blocks
}

fn is_single(question: &Question) -> bool {
    question.from.len() == 1 && question.to.len() == 1
}

fn is_self(question: &Question, i: usize, j: usize) -> bool {
    let (Some(from), Some(to)) = (question.from.get(i), question.to.get(j)) else { return false };
    *from == to.endpoint || is_one_address(from, &to.endpoint, question.ask.only_family())
}

/// Whether two ends that are named differently (a node by both its addresses, and by one of them) are one and the same in
/// the family that the pair would be asked in.
fn is_one_address(a: &Endpoint, b: &Endpoint, only: Option<Family>) -> bool {
    let (
        Endpoint::Interface { interface, v4, v6 },
        Endpoint::Interface { interface: other, v4: other_v4, v6: other_v6 },
    ) = (a, b)
    else {
        return false;
    };
    let v4 = (v4.is_some() && other_v4.is_some() && only != Some(Family::V6)).then_some((v4, other_v4));
    let v6 = (v6.is_some() && other_v6.is_some() && only != Some(Family::V4)).then_some((v6, other_v6));
    interface == other && v4.or(v6).is_some_and(|(own, theirs)| own == theirs)
}

/// For every source the destinations that are itself.
fn selves(question: &Question) -> Vec<Vec<usize>> {
    let mut by_interface: FxHashMap<Idx<NetworkInterface>, Vec<usize>> = FxHashMap::default();
    let mut others: FxHashMap<&Endpoint, Vec<usize>> = FxHashMap::default();
    for (position, to) in question.to.iter().enumerate() {
        match &to.endpoint {
            Endpoint::Interface { interface, .. } => by_interface.entry(*interface).or_default().push(position),
            other => others.entry(other).or_default().push(position),
        }
    }
    let of = |(i, from): (usize, &Endpoint)| match from {
        Endpoint::Interface { interface, .. } => {
            let candidates = by_interface.get(interface).into_iter().flatten().copied();
            candidates.filter(|&j| is_self(question, i, j)).collect()
        }
        other => others.get(other).cloned().unwrap_or_default(),
    };
    question.from.iter().enumerate().map(of).collect()
}

/// The first pair of a block that is one.
fn first_pair(question: &Question, block: &Block) -> Option<(usize, usize)> {
    first_of(question, &block.from, &block.to)
}

/// The first of the pairs of a product that is one.
fn first_of(question: &Question, from: &[usize], to: &[usize]) -> Option<(usize, usize)> {
    let single = is_single(question);
    let mut pairs = from.iter().flat_map(|&i| to.iter().map(move |&j| (i, j)));
    pairs.find(|&(i, j)| single || !is_self(question, i, j))
}

/// Judges one pair of each kind and puts the answers together. Cost: one judgement for each kind.
fn answer_blocks(
    compiled: &Compiled<'_>,
    question: &Question,
    blocks: Vec<Block>,
    engine: Engine,
    listing: Listing,
) -> Result<Answer, AskError> {
    let Judged { blocks, kinds, keys, assumptions, left_out } = judged(compiled, question, blocks, engine)?;
    let own = selves(question);
    let mut pairs = PairCounts::default();
    let mut of_key: Vec<Vec<&Block>> = vec![Vec::new(); keys.len()];
    for block in &blocks {
        let Some(kind) = kinds.get(&block.kind) else { continue };
        pairs.add(kind.verdict, count_pairs(question, &block.from, &block.to, &own));
        if let Some(list) = kind.key.and_then(|key| of_key.get_mut(key)) {
            list.push(block);
        }
    }
    let forward = Verdict::over(kinds.values().map(|kind| kind.forward));
    let open = kinds.values().filter(|kind| kind.forward != Verdict::Blocked);
    let back = Verdict::over(open.filter_map(|kind| kind.back));
    let (Some(verdict), Some(forward)) = (over_counts(pairs), forward) else { return Err(AskError::NoPair) };
    let assumptions = assumptions.into_iter().collect();
    if listing == Listing::Counts {
        return Ok(Answer { verdict, forward, back, pairs, groups: Vec::new(), truncated: true, assumptions });
    }
    // What does not work comes first, then in the order of the question.
    let severity = |verdict: Verdict| match verdict {
        Verdict::Blocked => 0,
        Verdict::Partial => 1,
        Verdict::Unknown => 2,
        Verdict::Reachable => 3,
    };
    let mut found = Vec::new();
    for ((key, entry), list) in keys.iter().zip(&of_key) {
        for (from, to) in products(question, list, &own) {
            let first = (from.first().copied().unwrap_or(0), to.first().copied().unwrap_or(0));
            found.push((severity(key.verdict), first, from, to, entry));
        }
    }
    found.sort_by_key(|(severity, first, ..)| (*severity, *first));
    let truncated = left_out || found.len() > MAX_GROUPS;
    found.truncate(MAX_GROUPS);
    let mut groups: Vec<Group> = Vec::with_capacity(found.len());
    let mut algebra = compiled.algebra();
    for (_, _, from, to, entry) in found {
        // The witness is of a pair of this group, not of another one with the same answer.
        let inside = |(i, j): &(usize, usize)| from.binary_search(i).is_ok() && to.binary_search(j).is_ok();
        let shown = if inside(&entry.pair) { Some(entry.pair) } else { first_of(question, &from, &to) };
        let Some((i, j)) = shown else { continue };
        let mut answer = if (i, j) == entry.pair {
            entry.answer.clone()
        } else {
            judge(compiled, question, engine, (i, j), &mut algebra)?
        };
        answer.decided_by.clone_from(&entry.rules);
        if let (Some(from), Some(to)) = (question.from.get(i), question.to.get(j)) {
            compiled.explain(&mut answer, from, to, &mut algebra);
        }
        let pairs = count_pairs(question, &from, &to, &own);
        let to = to.iter().filter_map(|&j| question.to.get(j)).map(|to| to.endpoint.clone()).collect();
        let from = from.iter().filter_map(|&i| question.from.get(i).cloned()).collect();
        groups.push(Group { answer, from, to, pairs });
    }
    Ok(Answer { verdict, forward, back, pairs, groups, truncated, assumptions })
}

/// Judges one pair by position.
fn judge(
    compiled: &Compiled<'_>,
    question: &Question,
    engine: Engine,
    (from, to): (usize, usize),
    algebra: &mut Algebra<'_>,
) -> Result<PairAnswer, Box<Contradiction>> {
    let network = compiled.network();
    let (Some(from), Some(to)) = (question.from.get(from), question.to.get(to)) else {
        return Ok(pair::refused(Code::NoPossibleDestination, "M-6b", &Endpoint::internet(network)));
    };
    if engine == Engine::Reference {
        return Ok(pair::judge(network, from, to, &question.ask));
    }
    let answer = compiled.judge(from, to, &question.ask, algebra)?;
    if engine == Engine::Both {
        pair::compare(&answer, &pair::judge(network, from, to, &question.ask), from, to)?;
    }
    Ok(answer)
}

/// What is kept of the pairs of one kind.
#[derive(Debug, Clone, Copy)]
struct Kind {
    verdict: Verdict,
    forward: Verdict,
    back: Option<Verdict>,
    /// The position of its key; `None` where there were too many to keep.
    key: Option<usize>,
}

/// The first answer of a key, whose it is, and the rules that decided any of the key's.
struct Entry {
    answer: PairAnswer,
    pair: (usize, usize),
    rules: Vec<RuleRef>,
}

/// Every kind, judged.
struct Judged {
    blocks: Vec<Block>,
    kinds: FxHashMap<usize, Kind>,
    keys: IndexMap<Key, Entry>,
    assumptions: BTreeSet<Assumption>,
    /// Some answers are counted and not kept.
    left_out: bool,
}

/// Blocks that say the same of several ends are told apart up to this many pairs, where the answer names one of them.
const NAMED: u64 = 4096;

/// More different answers than this are not kept: what lies beyond is counted, and its groups are not listed.
const MAX_KEYS: usize = 4 * MAX_GROUPS;

/// Kinds that are judged before what they say is sorted.
const CHUNK: usize = 4096;

/// Judges one pair of each kind, on all threads where there are many. Where the answer names an end itself (a stopped
/// instance, say), its block is taken apart. Memory: O(kinds), and the answers of [`MAX_KEYS`] of them.
fn judged(
    compiled: &Compiled<'_>,
    question: &Question,
    mut blocks: Vec<Block>,
    engine: Engine,
) -> Result<Judged, AskError> {
    use rayon::prelude::*;
    let mut kinds: FxHashMap<usize, Kind> = FxHashMap::default();
    let mut keys: IndexMap<Key, Entry> = IndexMap::new();
    let mut assumptions: BTreeSet<Assumption> = question.assumptions.iter().copied().collect();
    let mut left_out = false;
    let mut next = blocks.iter().map(|block| block.kind + 1).max().unwrap_or(0);
    loop {
        let mut asked: Vec<(usize, (usize, usize))> = Vec::new();
        let mut seen: FxHashSet<usize> = FxHashSet::default();
        for block in blocks.iter().filter(|block| !kinds.contains_key(&block.kind)) {
            if !seen.contains(&block.kind)
                && let Some(pair) = first_pair(question, block)
            {
                seen.insert(block.kind);
                asked.push((block.kind, pair));
            }
        }
        if asked.is_empty() {
            return Ok(Judged { blocks, kinds, keys, assumptions, left_out });
        }
        let mut names_ends: FxHashSet<usize> = FxHashSet::default();
        for chunk in asked.chunks(CHUNK) {
            let full = keys.len() >= MAX_KEYS && engine == Engine::Compiled;
            let work = |&(_, pair): &(usize, (usize, usize)), algebra: &mut Algebra<'_>| {
                let ends = (question.from.get(pair.0), question.to.get(pair.1));
                if let (true, (Some(from), Some(to))) = (full, ends) {
                    return compiled.verdict(from, to, &question.ask, algebra).map(Err);
                }
                judge(compiled, question, engine, pair, algebra).map(Ok)
            };
            let answers: Vec<Result<PairAnswer, Brief>> = if chunk.len() < FEW {
                let mut algebra = compiled.algebra();
                chunk.iter().map(|asked| work(asked, &mut algebra)).collect::<Result<_, _>>()?
            } else {
                let all = chunk.par_iter().map_init(|| compiled.algebra(), |algebra, asked| work(asked, algebra));
                all.collect::<Result<_, _>>()?
            };
            for (&(kind, pair), answer) in chunk.iter().zip(answers) {
                let answer = match answer {
                    Ok(answer) => answer,
                    Err(Brief { verdict, forward, back, assumptions: own }) => {
                        assumptions.extend(own);
                        left_out = true;
                        kinds.insert(kind, Kind { verdict, forward, back, key: None });
                        continue;
                    }
                };
                assumptions.extend(&answer.assumptions);
                if names_an_end(compiled.network(), &answer) {
                    names_ends.insert(kind);
                }
                let (verdict, forward, back) = (answer.verdict, answer.forward, answer.back);
                let key = Key::of(compiled.network(), &answer);
                let position = match keys.get_index_of(&key) {
                    Some(position) => Some(position),
                    None if keys.len() >= MAX_KEYS => None,
                    None => {
                        let rules = Vec::new();
                        Some(keys.insert_full(key, Entry { answer: answer.clone(), pair, rules }).0)
                    }
                };
                if let Some((_, entry)) = position.and_then(|position| keys.get_index_mut(position)) {
                    let fresh = answer.decided_by.into_iter().filter(|rule| !entry.rules.contains(rule));
                    let fresh: Vec<RuleRef> = fresh.collect();
                    entry.rules.extend(fresh);
                }
                left_out |= position.is_none();
                kinds.insert(kind, Kind { verdict, forward, back, key: position });
            }
        }
        let mut apart: Vec<Block> = Vec::with_capacity(blocks.len());
        for block in blocks {
            let pairs = block.from.len() as u64 * block.to.len() as u64;
            if pairs == 1 || pairs > NAMED || !names_ends.contains(&block.kind) {
                apart.push(block);
                continue;
            }
            for &i in block.from.iter() {
                for &j in block.to.iter().filter(|&&j| !is_self(question, i, j)) {
                    apart.push(Block { from: [i].into(), to: [j].into(), kind: next });
                    next += 1;
                }
            }
        }
        blocks = apart;
    }
}

/// Whether a reason speaks of one end alone, so that the ends of one class have different reasons.
fn names_an_end(network: &Network, answer: &PairAnswer) -> bool {
    answer.reasons.iter().any(|reason| {
        matches!(reason.site, Site::Interface(_) | Site::Instance(_)) && alike(network, reason).site == reason.site
    })
}

/// How many pairs a product has, self-pairs not counted.
fn count_pairs(question: &Question, from: &[usize], to: &[usize], own: &[Vec<usize>]) -> u64 {
    let all = from.len() as u64 * to.len() as u64;
    if is_single(question) {
        return all;
    }
    let of = |i: &usize| own.get(*i).into_iter().flatten().filter(|j| to.binary_search(j).is_ok()).count();
    let selves: usize = from.iter().map(of).sum();
    all - selves as u64
}

/// A reason without what does not make it another one: a group gate is the same wherever the same groups stand.
fn alike(network: &Network, reason: &Reason) -> Reason {
    let groups = crate::explain::groups(network, reason);
    if groups.is_empty() {
        return reason.clone();
    }
    Reason { site: Site::Named(groups.join(" ").into()), ..reason.clone() }
}

fn over_counts(counts: PairCounts) -> Option<Verdict> {
    let some = |count: u64, verdict| (count > 0).then_some(verdict);
    Verdict::over(
        [
            some(counts.reachable, Verdict::Reachable),
            some(counts.blocked, Verdict::Blocked),
            some(counts.partial, Verdict::Partial),
            some(counts.unknown, Verdict::Unknown),
        ]
        .into_iter()
        .flatten(),
    )
}

/// Joins blocks to products of sources and destinations, self-pairs not counted.
fn products(question: &Question, blocks: &[&Block], own: &[Vec<usize>]) -> Vec<(Vec<usize>, Vec<usize>)> {
    let mut by_source: BTreeMap<&[usize], Vec<usize>> = BTreeMap::new();
    for block in blocks {
        by_source.entry(&block.from).or_default().extend(block.to.iter());
    }
    let merge = |with_self: bool| {
        let mut merged: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
        for (sources, targets) in &by_source {
            let mut targets = targets.clone();
            // The missing self-pair of a single source must not split a square.
            if with_self && let [only] = sources {
                targets.extend(own.get(*only).into_iter().flatten());
            }
            targets.sort_unstable();
            targets.dedup();
            merged.entry(targets).or_default().extend(*sources);
        }
        let mut merged: Vec<(Vec<usize>, Vec<usize>)> = merged.into_iter().map(|(to, from)| (from, to)).collect();
        for (from, _) in &mut merged {
            from.sort_unstable();
            from.dedup();
        }
        merged
    };
    let (plain, square) = (merge(false), merge(!is_single(question)));
    let mut best = if square.len() < plain.len() { square } else { plain };
    best.sort();
    best
}

/// What an end is to every other: its class, or itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Like {
    /// By class in each family; for sources, the ports that such a client uses.
    Classes(Option<Position>, Option<Position>, Option<PortRanges>),
    /// A delegated prefix that no CIDR cuts, by the class of its addresses.
    Prefix(Position, Option<PortRanges>),
    Itself(usize),
}

/// Sorts the ends into classes: pairs of two classes have one answer, but for those that one kernel delivers between.
fn by_class(compiled: &Compiled<'_>, question: &Question) -> Result<Vec<Block>, AskError> {
    let network = compiled.network();
    // Ranges have members of their own; they are many only where CIDRs cut them.
    let nets = |endpoint: &Endpoint| -> Vec<(Idx<NetworkInterface>, IpNet)> {
        match endpoint {
            Endpoint::Interface { interface, v4, v6 } => {
                [v4, v6].into_iter().flatten().map(|address| (*interface, IpNet::from(*address))).collect()
            }
            Endpoint::Prefix { interface, net } => vec![(*interface, *net)],
            Endpoint::Outside(_) | Endpoint::Unresolved(_) => Vec::new(),
        }
    };
    let ends = question.from.iter().chain(question.to.iter().map(|to| &to.endpoint));
    let mut seen: FxHashSet<(Idx<NetworkInterface>, IpNet)> = FxHashSet::default();
    let members: Vec<_> = ends
        .flat_map(nets)
        .filter(|key| seen.insert(*key))
        .map(|(interface, net)| (interface, net, Role::BOTH))
        .collect();
    let population = Population::among(compiled, &members);
    let positions: FxHashMap<(Idx<NetworkInterface>, IpNet), Position> =
        (0..).zip(population.members()).map(|(position, member)| ((member.interface, member.net), position)).collect();
    // A prefix that CIDRs cut is none of the members, and whatever its interface has tells the kernel that it belongs to.
    let pieces: FxHashMap<Idx<NetworkInterface>, Position> =
        (0..).zip(population.members()).map(|(position, member)| (member.interface, position)).collect();
    let of = |endpoint: &Endpoint, position: usize, ports: Option<PortRanges>| -> (Like, Option<Position>) {
        let found: Vec<Option<Position>> = nets(endpoint).iter().map(|key| positions.get(key).copied()).collect();
        let class = |at: usize| found.get(at).copied().flatten().map(|member| population.class_of(member));
        match endpoint {
            Endpoint::Interface { v4, .. } if !found.is_empty() && found.iter().all(Option::is_some) => {
                let (v4, v6) = if v4.is_some() { (class(0), class(1)) } else { (None, class(0)) };
                (Like::Classes(v4, v6, ports), found.first().copied().flatten())
            }
            Endpoint::Prefix { .. } if found.first().is_some_and(Option::is_some) => {
                (Like::Prefix(class(0).unwrap_or_default(), ports), found.first().copied().flatten())
            }
            Endpoint::Prefix { interface, .. } => (Like::Itself(position), pieces.get(interface).copied()),
            _ => (Like::Itself(position), found.first().copied().flatten()),
        }
    };
    // A public service's own list looks at the very address that a source has outside (EK-14).
    let admits = question.to.iter().any(|to| matches!(&to.endpoint, Endpoint::Outside(o) if o.admission.is_some()));
    let sources: Vec<(Like, Option<Position>)> = (0..)
        .zip(&question.from)
        .map(|(position, from)| {
            let ports = crate::endpoint::default_source_ports(network, from);
            let (like, member) = of(from, position, Some(ports));
            if admits { (Like::Itself(position), member) } else { (like, member) }
        })
        .collect();
    let destinations: Vec<(Like, Option<Position>)> = (0..)
        .zip(&question.to)
        .map(|(position, to)| match &to.ports {
            Some(_) => (Like::Itself(position), None),
            None => of(&to.endpoint, position, None),
        })
        .collect();
    let mut blocks = Vec::new();
    let mut kinds: FxHashMap<(usize, usize, bool), usize> = FxHashMap::default();
    for (from, to) in &question.products {
        // Ends that share a kernel with an end of the other side stand apart, by kernel.
        let unit = |member: Option<Position>| member.map(|member| population.unit_of(member));
        let mut met: FxHashMap<Unit, Vec<&Endpoint>> = FxHashMap::default();
        let targets = to.iter().filter_map(|&j| Some((question.to.get(j)?, destinations.get(j)?)));
        for (target, (_, member)) in targets {
            if let Some(unit) = unit(*member) {
                met.entry(unit).or_default().push(&target.endpoint);
            }
        }
        let shares: FxHashSet<Unit> = from
            .iter()
            .filter_map(|&i| {
                let (endpoint, (_, member)) = (question.from.get(i)?, sources.get(i)?);
                let unit = unit(*member)?;
                met.get(&unit)?.iter().any(|other| *other != endpoint).then_some(unit)
            })
            .collect();
        let sorted = |positions: &[usize], ends: &[(Like, Option<Position>)]| {
            let mut lists: IndexMap<(Like, Option<Unit>), Vec<usize>> = IndexMap::new();
            for &position in positions {
                let Some((like, member)) = ends.get(position) else { continue };
                let unit = unit(*member).filter(|unit| shares.contains(unit));
                lists.entry((like.clone(), unit)).or_default().push(position);
            }
            lists
        };
        let (sources, destinations) = (sorted(from, &sources), sorted(to, &destinations));
        let mut likes: FxHashMap<&Like, usize> = FxHashMap::default();
        let mut number = |like| {
            let next = likes.len();
            *likes.entry(like).or_insert(next)
        };
        let sources: Vec<(usize, Option<Unit>, Arc<[usize]>)> =
            sources.iter().map(|((like, unit), list)| (number(like), *unit, list.as_slice().into())).collect();
        let mut likes: FxHashMap<&Like, usize> = FxHashMap::default();
        let mut number = |like| {
            let next = likes.len();
            *likes.entry(like).or_insert(next)
        };
        let destinations: Vec<(usize, Option<Unit>, Arc<[usize]>)> =
            destinations.iter().map(|((like, unit), list)| (number(like), *unit, list.as_slice().into())).collect();
        let count = sources.len() as u64 * destinations.len() as u64;
        if blocks.len() as u64 + count > MAX_BLOCKS {
            return Err(AskError::TooMany(count));
        }
        // Kinds are of one product: a name may mean another address in another VPC.
        kinds.clear();
        for (source, source_unit, from) in &sources {
            for (destination, destination_unit, to) in &destinations {
                let local = source_unit.is_some() && source_unit == destination_unit;
                let mut block = Block { from: Arc::clone(from), to: Arc::clone(to), kind: 0 };
                if first_pair(question, &block).is_none() {
                    continue;
                }
                block.kind = *kinds.entry((*source, *destination, local)).or_insert(blocks.len());
                blocks.push(block);
            }
        }
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outside(n: u8) -> Endpoint {
        Endpoint::literal(std::net::Ipv4Addr::new(192, 0, 2, n).into())
    }

    fn square(n: u8) -> Question {
        let ask = Ask { lanes: Vec::new(), source_ports: None, family: None };
        Question::product((0..n).map(outside).collect(), (0..n).map(outside).map(Into::into).collect(), ask)
    }

    fn joined(question: &Question, pairs: &[(usize, usize)]) -> Vec<(Vec<usize>, Vec<usize>)> {
        let blocks: Vec<Block> =
            pairs.iter().map(|&(i, j)| Block { from: [i].into(), to: [j].into(), kind: 0 }).collect();
        let own: Vec<Vec<usize>> = (0..question.from.len()).map(|i| vec![i]).collect();
        products(question, &blocks.iter().collect::<Vec<_>>(), &own)
    }

    #[test]
    fn a_square_without_its_diagonal_is_one_group() {
        let question = square(4);
        let pairs: Vec<(usize, usize)> =
            (0..4).flat_map(|i| (0..4).map(move |j| (i, j))).filter(|(i, j)| i != j).collect();
        assert_eq!(joined(&question, &pairs), vec![(vec![0, 1, 2, 3], vec![0, 1, 2, 3])]);
    }

    #[test]
    fn pairs_that_make_no_product_are_split() {
        let question = square(3);
        let groups = joined(&question, &[(0, 1), (0, 2), (1, 2)]);
        let mut back: Vec<(usize, usize)> = groups
            .iter()
            .flat_map(|(from, to)| from.iter().flat_map(move |&i| to.iter().map(move |&j| (i, j))))
            .filter(|(i, j)| i != j)
            .collect();
        back.sort_unstable();
        assert_eq!(back, vec![(0, 1), (0, 2), (1, 2)]);
    }
}
