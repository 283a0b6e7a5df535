//! The smallest changes that make a question reachable, each verified by asking the same question on the network that it
//! would leave.
//!
//! Every reason that blocks a pair names its gate and the packet that the gate saw. `propose` turns each into changes
//! that would open just that gate, in the order in which they are to be tried; `search` makes them on a copy of the
//! network and asks again, since a mended route may reveal the next gate. Where a gate can be opened in more than one
//! way (a group or a CIDR, another table or another route), each way is followed to its end and is a fix of its own. What
//! a fix can do without is dropped. Nothing is told that was not asked on the network that all its changes leave.

mod acls;
mod groups;
mod merge;
mod peers;
mod propose;
mod quota;
mod routes;
mod search;
mod services;
mod traffic;

use reach_model::change::Change;
use reach_model::network::Network;

use crate::question::{Answer, AskError, Engine, PairCounts, Question};

pub use self::quota::Quota;

/// Changes that make every pair of a question reachable. Nothing is ever applied.
#[derive(Debug, Clone)]
pub struct Fix {
    /// In the order in which they would be made.
    pub changes: Vec<Change>,
    /// AWS's default quotas that the changed resources would pass.
    pub quota: Vec<Quota>,
    /// The pairs of the question on the changed network: all of them reachable.
    pub pairs: PairCounts,
}

/// What came of looking for fixes.
#[derive(Debug, Clone)]
pub enum Repair {
    /// Nothing is to be mended.
    AlreadyReachable,
    /// Smallest first; security group references before CIDRs.
    Fixed(Vec<Fix>),
    /// No change that this program knows of makes it reachable.
    Impossible,
    /// What the snapshot does not hold decides, before or after every change.
    Unknown,
}

/// A question with its answer on the network as it is, and what mends it.
#[derive(Debug, Clone)]
pub struct Mended {
    pub question: Question,
    pub answer: Answer,
    pub repair: Repair,
}

/// Why no fix was looked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FixError<E> {
    /// The selectors mean nothing.
    #[error(transparent)]
    Selector(E),
    #[error(transparent)]
    Ask(#[from] AskError),
}

/// How many fixes are told.
pub const MAX_FIXES: usize = 3;

/// Looks for the smallest changes that make all pairs reachable. `question` is asked again on every changed network,
/// since a change may alter what a name means there.
///
/// # Errors
///
/// As [`crate::question::ask`], and whatever `question` says on the network as it is.
pub fn fix<E>(
    network: &Network,
    question: impl Fn(&Network) -> Result<Question, E>,
    engine: Engine,
) -> Result<Repair, FixError<E>> {
    mend(network, question, engine).map(|mended| mended.repair)
}

/// As [`fix`], with the answer on the network as it is beside it.
///
/// # Errors
///
/// As [`fix`].
pub fn mend<E>(
    network: &Network,
    question: impl Fn(&Network) -> Result<Question, E>,
    engine: Engine,
) -> Result<Mended, FixError<E>> {
    let asked = question(network).map_err(FixError::Selector)?;
    let answer = search::ask(network, &asked, engine)?;
    let again = |network: &Network| question(network).ok();
    let repair = search::Search::new(network, &again, engine).run(&asked, &answer)?;
    Ok(Mended { question: asked, answer, repair })
}
