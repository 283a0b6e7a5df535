//! What an audit says, as data; sentences about packets are made by the renderers.

use reach_engine::fix::Fix;
use reach_engine::question::{Answer, PairCounts, Question};
use reach_packets::Family;

use super::ask::Recipe;
use super::table::Row;

/// How much a requirement matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Without it the cluster does not work.
    Minimum,
    /// AWS recommends it.
    Recommended,
    /// CNCF conformance and proxying to privileged ports need it (EK-19).
    Conformance,
}

impl Level {
    /// The word, as everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Minimum => "minimum",
            Level::Recommended => "recommended",
            Level::Conformance => "conformance",
        }
    }
}

/// What came of a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Nothing passes.
    Fail,
    /// Some pairs or ports pass.
    Partial,
    /// The snapshot does not hold what decides: never green.
    Unknown,
    /// Everything passes.
    Pass,
    /// The cluster has no such thing.
    NotApplicable,
}

impl Status {
    /// The word, as everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Fail => "fail",
            Status::Partial => "partial",
            Status::Unknown => "unknown",
            Status::Pass => "pass",
            Status::NotApplicable => "not_applicable",
        }
    }
}

/// The audit of one cluster.
#[derive(Debug)]
pub struct Audit {
    pub cluster: Box<str>,
    /// One for each id, in the order of the table.
    pub findings: Vec<Finding>,
    /// The ports of well-known components that were asked about by name: never a failure by themselves.
    pub also: Vec<Finding>,
    /// What no finding says: why a restriction will not last, what is not evaluated.
    pub remarks: Vec<Remark>,
}

/// What came of one requirement.
#[derive(Debug)]
pub struct Finding {
    /// `eks.kubelet.controlplane-to-node.tcp-10250`.
    pub id: String,
    pub level: Level,
    pub status: Status,
    /// One line: what it is good for.
    pub title: String,
    /// The question that can be asked again; `None` where no packet is asked about.
    pub question: Option<Asked>,
    /// Pairs of all questions; for requirements that are not about packets, the resources looked at.
    pub pairs: PairCounts,
    /// One for each family and client.
    pub answers: Vec<Judged>,
    /// Who fares how, where they do not all fare alike.
    pub placement: Vec<Placement>,
    /// Causes and explanations that no packet's reason says.
    pub remarks: Vec<Remark>,
    /// Smallest first.
    pub fixes: Vec<Fix>,
    pub source: Source,
    /// The rows of AWS's tables that open it.
    pub rows: &'static [Row],
}

/// A question as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub from: String,
    pub to: String,
    /// `tcp`, `udp`, `all`.
    pub protocol: &'static str,
    /// `443`, `1025-65535`; `None` for everything.
    pub port: Option<String>,
    pub family: Option<Family>,
}

/// A question with its answer.
#[derive(Debug)]
pub struct Judged {
    pub asked: Asked,
    pub question: Question,
    pub answer: Answer,
    /// How it is asked of another network.
    pub recipe: Recipe,
}

/// The endpoints of one node group, zone or subnet, and how their pairs fare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// `from` or `to`: the side that tells them apart.
    pub side: &'static str,
    /// `node group`, `zone`, `subnet`.
    pub kind: &'static str,
    pub name: String,
    pub pairs: PairCounts,
}

/// A fact about a resource that bears on a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// `EKS_CLUSTER_TAG_AMBIGUOUS`.
    pub code: &'static str,
    /// The resource's id, where it is about one.
    pub resource: Option<String>,
    /// The rule of `docs/SEMANTICS.md`.
    pub semantics: &'static str,
    pub message: String,
}

/// Where AWS (or the component's own documentation) says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The rule of `docs/SEMANTICS.md`.
    pub semantics: &'static str,
    pub title: &'static str,
    pub url: &'static str,
}
