//! Rounds of changes until nothing refuses any more, then what can be done without.

use reach_model::change::Change;
use reach_model::network::Network;

use super::merge::{cidrs, merged, size};
use super::propose::{Choices, PeerStrategy, Round, Strategy};
use super::{Fix, MAX_FIXES, Repair, quota};
use crate::compile::Compiled;
use crate::endpoint::Endpoint;
use crate::question::{self, Answer, AskError, Engine, PairCounts, Question};
use crate::verdict::Verdict;

/// A mended gate may reveal the next one; a way has fewer gates than this.
const ROUNDS: usize = 40;

/// Asks a question on a network.
///
/// # Errors
///
/// As [`question::ask`].
pub(super) fn ask(network: &Network, question: &Question, engine: Engine) -> Result<Answer, AskError> {
    question::ask(&Compiled::new(network), question, engine)
}

/// The search for fixes of one question.
pub(super) struct Search<'a, F> {
    network: &'a Network,
    question: &'a F,
    engine: Engine,
}

/// Where one strategy led.
enum Outcome {
    /// The changes, with the network that they left and the pairs of the question on it.
    Fixed(Vec<Change>, Box<Network>, PairCounts),
    Impossible,
    Unknown,
}

impl<'a, F: Fn(&Network) -> Option<Question>> Search<'a, F> {
    pub(super) fn new(network: &'a Network, question: &'a F, engine: Engine) -> Self {
        Self { network, question, engine }
    }

    /// Follows every strategy that makes a difference.
    ///
    /// # Errors
    ///
    /// [`AskError::Contradiction`] where the engines differ about a changed network.
    pub(super) fn run(&self, asked: &Question, answer: &Answer) -> Result<Repair, AskError> {
        if all_pass(answer.pairs) {
            return Ok(Repair::AlreadyReachable);
        }
        let mut choices = Choices::default();
        let plain =
            Strategy { peers: PeerStrategy::Reference, new_route: false, public_service: false, private_api: false };
        let mut outcomes = vec![self.follow(plain, asked, answer, &mut choices)?];
        let mut strategies: Vec<Strategy> = Vec::new();
        if choices.services {
            strategies.push(Strategy { public_service: true, ..plain });
            // The way to the public addresses may be mended in two ways, too.
            strategies.push(Strategy { public_service: true, new_route: true, ..plain });
        }
        if choices.routes {
            strategies.push(Strategy { new_route: true, ..plain });
        }
        if choices.admission {
            strategies.push(Strategy { private_api: true, ..plain });
        }
        if choices.lists {
            strategies.push(Strategy { peers: PeerStrategy::List, ..plain });
        }
        if choices.references {
            strategies.push(Strategy { peers: PeerStrategy::Cidr, ..plain });
        }
        for strategy in strategies {
            outcomes.push(self.follow(strategy, asked, answer, &mut choices)?);
        }
        let samples = samples(answer);
        let unknown = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Unknown));
        let mut fixes: Vec<Fix> = Vec::new();
        for outcome in outcomes {
            let Outcome::Fixed(changes, network, pairs) = outcome else { continue };
            let Some(fix) = self.verified(changes, (*network, pairs), &samples)? else { continue };
            if !fixes.iter().any(|known| known.changes == fix.changes) {
                fixes.push(fix);
            }
        }
        if fixes.is_empty() {
            return Ok(if unknown { Repair::Unknown } else { Repair::Impossible });
        }
        // Stable: what is alike stays in the order of the strategies.
        fixes.sort_by_key(|fix| (size(&fix.changes), cidrs(&fix.changes)));
        fixes.truncate(MAX_FIXES);
        Ok(Repair::Fixed(fixes))
    }

    /// Follows one strategy: changes and asks until nothing refuses any more.
    fn follow(
        &self,
        strategy: Strategy,
        asked: &Question,
        answer: &Answer,
        choices: &mut Choices,
    ) -> Result<Outcome, AskError> {
        let mut network = self.network.clone();
        let mut made: Vec<Change> = Vec::new();
        let mut refused: Vec<Change> = Vec::new();
        let mut later: Option<(Question, Answer)> = None;
        let samples = samples(answer);
        for _ in 0..ROUNDS {
            let (asked, answer) = later.as_ref().map_or((asked, answer), |(asked, answer)| (asked, answer));
            let round = Round::new(&network, asked, answer, strategy);
            if round.troubles().is_empty() {
                return Ok(Outcome::Unknown);
            }
            let Some(proposals) = round.proposals(choices) else { return Ok(Outcome::Impossible) };
            let mut progress = false;
            let earlier = made.len();
            for proposal in proposals {
                for option in proposal.options {
                    if option.iter().all(|change| made.contains(change)) {
                        // Made for another gate in this round; what an earlier round made was no help.
                        if option.iter().any(|change| !made.iter().take(earlier).any(|own| own == change)) {
                            break;
                        }
                        continue;
                    }
                    if option.iter().any(|change| refused.contains(change)) {
                        continue;
                    }
                    let mut changed = network.clone();
                    let fresh: Vec<Change> = option.into_iter().filter(|change| !made.contains(change)).collect();
                    match fresh.iter().find(|change| changed.apply(change).is_err()) {
                        None => {
                            network = changed;
                            made.extend(fresh);
                            progress = true;
                            break;
                        }
                        Some(change) => refused.push(change.clone()),
                    }
                }
            }
            if !progress {
                return Ok(Outcome::Impossible);
            }
            let Some(asked) = self.again(&network) else { return Ok(Outcome::Impossible) };
            // In numbers first: groups of millions of pairs are made only where they are looked at.
            let compiled = Compiled::new(&network);
            if self.passes_some(&compiled, &asked, &samples)? {
                match counted(&compiled, &asked, self.engine)? {
                    None => return Ok(Outcome::Impossible),
                    Some(pairs) if all_pass(pairs) => {
                        drop(compiled);
                        return Ok(Outcome::Fixed(made, Box::new(network), pairs));
                    }
                    Some(_) => {}
                }
            }
            let answer = match question::ask(&compiled, &asked, self.engine) {
                Ok(answer) => answer,
                Err(AskError::Contradiction(error)) => return Err(error.into()),
                Err(_) => return Ok(Outcome::Impossible),
            };
            drop(compiled);
            later = Some((asked, answer));
        }
        Ok(Outcome::Impossible)
    }

    /// The question on a changed network. An endpoint's new interfaces may carry a group or lie in a range that was
    /// asked about; they are whom the name means now, but they were never meant as sources.
    fn again(&self, network: &Network) -> Option<Question> {
        let mut question = (self.question)(network)?;
        let known = self.network.interfaces.len();
        let Question { from, products, .. } = &mut question;
        let meant = |position: &usize| {
            let interface = from.get(*position).and_then(Endpoint::interface);
            interface.is_none_or(|interface| interface.position() < known)
        };
        for (sources, _) in products.iter_mut() {
            sources.retain(meant);
        }
        Some(question)
    }

    /// The network after these changes and the question on it; `None` where AWS would refuse one of them, or where
    /// nothing is left to ask.
    fn changed(&self, changes: &[Change]) -> Option<(Network, Question)> {
        let mut network = self.network.clone();
        for change in changes {
            network.apply(change).ok()?;
        }
        let asked = self.again(&network)?;
        Some((network, asked))
    }

    /// The network and the pairs of the question after these changes, where all of them are reachable.
    ///
    /// `samples` are pairs of which one is likely not to be, and are asked first.
    fn after(
        &self,
        changes: &[Change],
        samples: &[(Endpoint, Endpoint)],
    ) -> Result<Option<(Network, PairCounts)>, AskError> {
        let Some((network, asked)) = self.changed(changes) else { return Ok(None) };
        let compiled = Compiled::new(&network);
        if !self.passes_some(&compiled, &asked, samples)? {
            return Ok(None);
        }
        let pairs = counted(&compiled, &asked, self.engine)?.filter(|pairs| all_pass(*pairs));
        drop(compiled);
        Ok(pairs.map(|pairs| (network, pairs)))
    }

    /// Whether all of the sampled pairs are reachable, or none was sampled: the rest is still to be asked about.
    fn passes_some(
        &self,
        compiled: &Compiled<'_>,
        asked: &Question,
        samples: &[(Endpoint, Endpoint)],
    ) -> Result<bool, AskError> {
        let Some(few) = sampled(asked, samples) else { return Ok(true) };
        Ok(counted(compiled, &few, self.engine)?.is_none_or(all_pass))
    }

    /// Drops what can be done without; what is left was asked after as it is told.
    fn verified(
        &self,
        mut changes: Vec<Change>,
        mut last: (Network, PairCounts),
        samples: &[(Endpoint, Endpoint)],
    ) -> Result<Option<Fix>, AskError> {
        let mut position = changes.len();
        while position > 0 && changes.len() > 1 {
            position -= 1;
            let mut rest = changes.clone();
            rest.remove(position);
            if let Some(after) = self.after(&rest, samples)? {
                (changes, last) = (rest, after);
            }
        }
        let told = merged(&changes);
        if told != changes {
            match self.after(&told, &[])? {
                Some(after) => last = after,
                None => return Ok(None),
            }
        }
        let (network, pairs) = last;
        Ok(Some(Fix { quota: quota::passed(&network, &told), changes: told, pairs }))
    }
}

/// How many groups give a sample.
const SAMPLES: usize = 16;

/// The first and the last pair of groups that something refuses, of as many of them as are sampled, far apart: a change
/// too few leaves out some subnet or some group, seldom one host.
fn samples(answer: &Answer) -> Vec<(Endpoint, Endpoint)> {
    let refused = answer.groups.iter().filter(|group| group.answer.verdict != Verdict::Reachable);
    let refused: Vec<&question::Group> = refused.collect();
    let step = refused.len().div_ceil(SAMPLES).max(1);
    let mut samples = Vec::new();
    for group in refused.into_iter().step_by(step) {
        let mut pairs = group.from.iter().flat_map(|from| group.to.iter().map(move |to| (from, to)));
        let mut backwards = group.from.iter().rev().flat_map(|from| group.to.iter().rev().map(move |to| (from, to)));
        for (from, to) in pairs.find(|(from, to)| from != to).into_iter().chain(backwards.find(|(from, to)| from != to))
        {
            samples.push((from.clone(), to.clone()));
        }
    }
    samples.dedup();
    samples
}

/// The sampled pairs of a question; `None` where it has none of them, or few others.
fn sampled(asked: &Question, samples: &[(Endpoint, Endpoint)]) -> Option<Question> {
    let count: usize = asked.products.iter().map(|(from, to)| from.len() * to.len()).sum();
    if count <= 4 * SAMPLES {
        return None;
    }
    let mut few = Question {
        from: Vec::new(),
        to: Vec::new(),
        products: Vec::new(),
        ask: asked.ask.clone(),
        assumptions: Vec::new(),
    };
    for (from, to) in samples {
        let source = asked.from.iter().position(|own| own == from);
        let target = asked.to.iter().position(|own| own.endpoint == *to);
        let (Some(source), Some(target)) = (source, target) else { continue };
        let paired =
            |(sources, targets): &(Vec<usize>, Vec<usize>)| sources.contains(&source) && targets.contains(&target);
        if asked.products.iter().any(paired) {
            few.products.push((vec![few.from.len()], vec![few.to.len()]));
            few.from.push(from.clone());
            few.to.extend(asked.to.get(target).cloned());
        }
    }
    (!few.products.is_empty()).then_some(few)
}

/// The pairs of a question; `None` where it is none.
fn counted(compiled: &Compiled<'_>, asked: &Question, engine: Engine) -> Result<Option<PairCounts>, AskError> {
    match question::count(compiled, asked, engine) {
        Ok(pairs) => Ok(Some(pairs)),
        Err(AskError::Contradiction(error)) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

fn all_pass(pairs: PairCounts) -> bool {
    pairs.total > 0 && pairs.reachable == pairs.total
}
