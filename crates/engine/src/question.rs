//! Questions over sets of endpoints: every pair is judged, pairs with the same answer for the same reasons are told
//! together.

use std::collections::BTreeMap;

use reach_model::network::Network;

use crate::compile::Compiled;
use crate::endpoint::{Destination, Endpoint};
use crate::pair::{self, Allowed, Ask, Carved, Contradiction, PairAnswer};
use crate::reason::{Assumption, Reason, RuleRef, Site};
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
    fn add(&mut self, verdict: Verdict) {
        self.total += 1;
        match verdict {
            Verdict::Reachable => self.reachable += 1,
            Verdict::Blocked => self.blocked += 1,
            Verdict::Partial => self.partial += 1,
            Verdict::Unknown => self.unknown += 1,
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
    /// The engines contradict each other.
    #[error(transparent)]
    Contradiction(#[from] Box<Contradiction>),
}

/// What pairs must have in common to be told together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    verdict: Verdict,
    forward: Verdict,
    back: Option<Verdict>,
    reasons: Vec<Reason>,
    allowed: Vec<Allowed>,
    tracking: (Option<Tracking>, Option<Tracking>),
    outside: Option<Carved>,
}

/// The first answer of its kind, the pairs that have it, and the rules that decided any of them.
type Class = (PairAnswer, Vec<(usize, usize)>, Vec<RuleRef>);

/// Answers a question.
///
/// # Errors
///
/// [`AskError::NoPair`] where there is nothing to judge, [`AskError::Contradiction`] where the engines differ.
pub fn ask(compiled: &Compiled<'_>, question: &Question, engine: Engine) -> Result<Answer, AskError> {
    let network = compiled.network();
    let mut algebra = compiled.algebra();
    let judge = |from: &Endpoint, to: &Destination| {
        if engine == Engine::Reference {
            return Ok(pair::judge(network, from, to, &question.ask));
        }
        let answer = compiled.judge(from, to, &question.ask, &mut algebra)?;
        if engine == Engine::Both {
            pair::compare(&answer, &pair::judge(network, from, to, &question.ask), from, to)?;
        }
        Ok(answer)
    };
    ask_by(network, question, judge)
}

/// Judges every pair of the question. Cost: |from| × |to| pair judgements.
fn ask_by(
    network: &Network,
    question: &Question,
    mut judge: impl FnMut(&Endpoint, &Destination) -> Result<PairAnswer, Box<Contradiction>>,
) -> Result<Answer, AskError> {
    let single = question.from.len() == 1 && question.to.len() == 1;
    let mut pairs = PairCounts::default();
    let (mut forwards, mut backs) = (Vec::new(), Vec::new());
    let mut assumptions = question.assumptions.clone();
    let mut classes: BTreeMap<Key, Class> = BTreeMap::new();
    for (i, j) in question.pairs() {
        let (Some(from), Some(to)) = (question.from.get(i), question.to.get(j)) else { continue };
        // Among sets an endpoint with itself is no pair; two single selectors are asked host-locally.
        if !single && *from == to.endpoint {
            continue;
        }
        let answer = judge(from, to)?;
        pairs.add(answer.verdict);
        forwards.push(answer.forward);
        if answer.forward != Verdict::Blocked {
            backs.extend(answer.back);
        }
        assumptions.extend(&answer.assumptions);
        let key = Key {
            verdict: answer.verdict,
            forward: answer.forward,
            back: answer.back,
            reasons: answer.reasons.iter().map(|reason| alike(network, reason)).collect(),
            allowed: answer.allowed.clone(),
            tracking: answer.tracking,
            outside: answer.outside.clone(),
        };
        match classes.get_mut(&key) {
            Some((_, list, rules)) => {
                list.push((i, j));
                let fresh: Vec<RuleRef> = answer.decided_by.into_iter().filter(|rule| !rules.contains(rule)).collect();
                rules.extend(fresh);
            }
            None => {
                let rules = answer.decided_by.clone();
                classes.insert(key, (answer, vec![(i, j)], rules));
            }
        }
    }
    let (Some(verdict), Some(forward)) = (over_counts(pairs), Verdict::over(forwards)) else {
        return Err(AskError::NoPair);
    };
    assumptions.sort_unstable();
    assumptions.dedup();
    let mut groups: Vec<((usize, usize), Group)> = Vec::new();
    for (answer, list, rules) in classes.into_values() {
        for (from, to) in products(question, &list) {
            let first = (from.first().copied().unwrap_or(0), to.first().copied().unwrap_or(0));
            let members =
                |positions: &[usize]| positions.iter().filter_map(|&i| question.from.get(i).cloned()).collect();
            let targets: Vec<Endpoint> =
                to.iter().filter_map(|&j| question.to.get(j)).map(|to| to.endpoint.clone()).collect();
            let count = list.iter().filter(|(i, j)| from.contains(i) && to.contains(j)).count();
            // The witness is of a pair of this group, not of another one with the same answer.
            let witness = list.iter().find(|(i, j)| from.contains(i) && to.contains(j));
            let answer = match witness {
                Some(&(i, j)) if Some(&(i, j)) != list.first() => match (question.from.get(i), question.to.get(j)) {
                    (Some(from), Some(to)) => judge(from, to)?,
                    _ => answer.clone(),
                },
                _ => answer.clone(),
            };
            let mut answer = answer;
            answer.decided_by.clone_from(&rules);
            let group = Group { answer, from: members(&from), to: targets, pairs: count as u64 };
            groups.push((first, group));
        }
    }
    // What does not work comes first, then in the order of the question.
    let severity = |verdict: Verdict| match verdict {
        Verdict::Blocked => 0,
        Verdict::Partial => 1,
        Verdict::Unknown => 2,
        Verdict::Reachable => 3,
    };
    groups.sort_by_key(|(first, group)| (severity(group.answer.verdict), *first));
    let truncated = groups.len() > MAX_GROUPS;
    groups.truncate(MAX_GROUPS);
    let groups = groups.into_iter().map(|(_, group)| group).collect();
    Ok(Answer { verdict, forward, back: Verdict::over(backs), pairs, groups, truncated, assumptions })
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

/// Splits pairs into products of sources and destinations, self-pairs not counted.
fn products(question: &Question, pairs: &[(usize, usize)]) -> Vec<(Vec<usize>, Vec<usize>)> {
    let mut by_source: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &(i, j) in pairs {
        by_source.entry(i).or_default().push(j);
    }
    let merge = |with_self: bool| {
        let mut merged: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
        for (&i, targets) in &by_source {
            let mut targets = targets.clone();
            if with_self && let Some(own) = question.from.get(i) {
                // The missing self-pair must not split a square.
                targets.extend(question.to.iter().position(|to| to.endpoint == *own));
                targets.sort_unstable();
                targets.dedup();
            }
            merged.entry(targets).or_default().push(i);
        }
        merged.into_iter().map(|(to, from)| (from, to)).collect::<Vec<_>>()
    };
    let (plain, square) = (merge(false), merge(true));
    let mut best = if square.len() < plain.len() { square } else { plain };
    best.sort();
    best
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

    #[test]
    fn a_square_without_its_diagonal_is_one_group() {
        let question = square(4);
        let pairs: Vec<(usize, usize)> =
            (0..4).flat_map(|i| (0..4).map(move |j| (i, j))).filter(|(i, j)| i != j).collect();
        assert_eq!(products(&question, &pairs), vec![(vec![0, 1, 2, 3], vec![0, 1, 2, 3])]);
    }

    #[test]
    fn pairs_that_make_no_product_are_split() {
        let question = square(3);
        let groups = products(&question, &[(0, 1), (0, 2), (1, 2)]);
        let mut back: Vec<(usize, usize)> = groups
            .iter()
            .flat_map(|(from, to)| from.iter().flat_map(move |&i| to.iter().map(move |&j| (i, j))))
            .filter(|(i, j)| i != j)
            .collect();
        back.sort_unstable();
        assert_eq!(back, vec![(0, 1), (0, 2), (1, 2)]);
    }
}
