//! Plans of Terraform and `OpenTofu` (`terraform show -json PLAN`) as changes of a network.
//!
//! [`read`] takes the document apart, without any network: every resource that is understood becomes the [`Fact`]s that
//! it stands for before and after. [`scenario`] compares them with a network and says which calls of AWS's API lead from
//! one to the other, in an order in which [`Network::apply`](reach_model::Network::apply) takes them.
//!
//! ```text
//! plan.json → Plan (facts before, facts after) → Scenario (calls in order, what is not understood, remarks)
//! ```
//!
//! What a plan does not know yet is never read as empty: a rule whose peer is known after apply becomes one whose peer
//! is a prefix list outside the snapshot (`pl-unknown-…`), and so on ([`reach_model::change::unknown_id`]). A resource
//! that the plan makes is called `new:ADDRESS`.

mod document;
mod fact;
mod kinds;
mod read;
mod resolve;
mod scenario;
mod value;

use std::fmt;

use reach_model::change::Change;
use reach_model::network::Refusal;

pub use document::{Action, Plan, Resource, read};
pub use fact::{Fact, Header, Id, Peer, Target};
pub use scenario::scenario;

/// What is wrong with a plan, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    pub file: String,
    /// JSON path: `resource_changes[3].change.after.ingress[0].from_port`; empty where the whole file is meant.
    pub path: String,
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            write!(f, "{}: {}", self.file, self.message)
        } else {
            write!(f, "{}: {}: {}", self.file, self.path, self.message)
        }
    }
}

/// What one resource of a plan does, or one part of it: an address may have several steps, since a group's rules go
/// before the groups that they name, and the group itself after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `module.eks.aws_security_group.node[0]`
    pub address: String,
    /// The address that it had before a `moved` block.
    pub previous_address: Option<String>,
    pub actions: Vec<Action>,
    pub changes: Vec<Change>,
    /// Whether the plan marks a value in the changes as sensitive: whoever tells of the step keeps its values back.
    pub sensitive: bool,
}

/// A resource whose change matters and is not part of the changes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unsupported {
    pub address: String,
    /// `aws_nat_gateway`
    pub kind: String,
    pub actions: Vec<Action>,
    /// Why it matters, or what of it is not known.
    pub why: String,
}

/// Something that a reader of the answer should know.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Remark {
    pub address: String,
    pub text: String,
}

/// A call of the plan that AWS would refuse, as the snapshot is. It is not among the changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub address: String,
    pub change: Change,
    pub refusal: Refusal,
}

/// What a plan does to a network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scenario {
    /// In order: every change is accepted by the network that those before it leave.
    pub steps: Vec<Step>,
    /// What changes and is not part of `steps`, in order of the plan.
    pub unsupported: Vec<Unsupported>,
    pub remarks: Vec<Remark>,
    pub refused: Vec<Refused>,
    /// Values of the plan that could not be read; the rest of it is there.
    pub problems: Vec<Problem>,
}

impl Scenario {
    /// All changes in order, each with the address of the resource that makes it.
    pub fn changes(&self) -> impl Iterator<Item = (&str, &Change)> {
        self.steps.iter().flat_map(|step| step.changes.iter().map(|change| (step.address.as_str(), change)))
    }
}
