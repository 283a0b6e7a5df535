//! Rounds of changes until nothing refuses any more, then what can be done without.

use reach_model::change::Change;
use reach_model::network::Network;

use super::merge::{cidrs, merged, size};
use super::propose::{Choices, PeerStrategy, Round, Strategy};
use super::{Fix, MAX_FIXES, Repair, quota};
use crate::compile::Compiled;
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
    Fixed(Vec<Change>),
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
        if is_mended(answer) {
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
        let unknown = outcomes.iter().any(|outcome| matches!(outcome, Outcome::Unknown));
        let mut fixes: Vec<Fix> = Vec::new();
        for outcome in outcomes {
            let Outcome::Fixed(changes) = outcome else { continue };
            let Some(fix) = self.verified(changes)? else { continue };
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
        for _ in 0..ROUNDS {
            let (asked, answer) = later.as_ref().map_or((asked, answer), |(asked, answer)| (asked, answer));
            if is_mended(answer) {
                return Ok(Outcome::Fixed(made));
            }
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
            let Some(asked) = (self.question)(&network) else { return Ok(Outcome::Impossible) };
            let answer = match ask(&network, &asked, self.engine) {
                Ok(answer) => answer,
                Err(AskError::Contradiction(error)) => return Err(error.into()),
                Err(_) => return Ok(Outcome::Impossible),
            };
            later = Some((asked, answer));
        }
        Ok(Outcome::Impossible)
    }

    /// Whether the question is reachable after these changes; the pairs where it is.
    fn after(&self, changes: &[Change]) -> Result<Option<(Network, PairCounts)>, AskError> {
        let mut network = self.network.clone();
        if changes.iter().any(|change| network.apply(change).is_err()) {
            return Ok(None);
        }
        let Some(asked) = (self.question)(&network) else { return Ok(None) };
        match ask(&network, &asked, self.engine) {
            Ok(answer) if is_mended(&answer) => Ok(Some((network, answer.pairs))),
            Ok(_) => Ok(None),
            Err(AskError::Contradiction(error)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }

    /// Drops what can be done without, and asks once more after all that is left.
    fn verified(&self, mut changes: Vec<Change>) -> Result<Option<Fix>, AskError> {
        let mut position = changes.len();
        while position > 0 && changes.len() > 1 {
            position -= 1;
            let mut rest = changes.clone();
            rest.remove(position);
            if self.after(&rest)?.is_some() {
                changes = rest;
            }
        }
        let changes = merged(&changes);
        let after = self.after(&changes)?;
        Ok(after.map(|(network, pairs)| Fix { quota: quota::passed(&network, &changes), changes, pairs }))
    }
}

fn is_mended(answer: &Answer) -> bool {
    answer.verdict == Verdict::Reachable && answer.pairs.total > 0 && answer.pairs.reachable == answer.pairs.total
}
