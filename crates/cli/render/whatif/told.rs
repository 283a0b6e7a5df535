//! What an answer is told with besides its sets: what they are due to, findings, the plan, and what it weighs.

use reach_eks::audit::{Level, Status};
use reach_engine::whatif::{Difference, End, FlowSet};
use reach_terraform::{Plan, Scenario, Unsupported};

use super::Told;

/// The lists of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum List {
    Lost,
    Gained,
    Undecided,
    CutNow,
    UntilIdle,
    Unknown,
}

impl List {
    pub(crate) const ALL: [Self; 6] =
        [Self::Lost, Self::Gained, Self::Undecided, Self::CutNow, Self::UntilIdle, Self::Unknown];

    pub(crate) fn of(self, found: &Difference) -> &[FlowSet] {
        let connections = &found.connections;
        match self {
            List::Lost => &found.lost,
            List::Gained => &found.gained,
            List::Undecided => &found.undecided,
            List::CutNow => &connections.cut_now,
            List::UntilIdle => &connections.survive_until_idle,
            List::Unknown => &connections.unknown,
        }
    }

    /// The lists of another comparison that show that a flow of this one would not be here: without the change it is
    /// something else, for certain or perhaps.
    pub(crate) const fn kin(self) -> &'static [Self] {
        match self {
            List::Lost => &[List::Lost, List::Undecided],
            List::Gained => &[List::Gained, List::Undecided],
            List::Undecided => &[List::Lost, List::Gained, List::Undecided],
            List::CutNow | List::UntilIdle | List::Unknown => &[List::CutNow, List::UntilIdle, List::Unknown],
        }
    }
}

/// What a set is due to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) names: Vec<String>,
    /// Whether its ports and the addresses outside are kept back.
    pub(crate) sensitive: bool,
}

/// What every set of a difference is due to, in the order of its lists.
#[derive(Debug, Clone, Default)]
pub(crate) struct Causes {
    lists: Vec<(List, Vec<Cause>)>,
}

impl Causes {
    /// Asks for the names of every set.
    pub(crate) fn of(found: &Difference, ask: impl Fn(&FlowSet) -> Vec<String>) -> Self {
        let lists = List::ALL.map(|list| {
            let causes = list.of(found).iter().map(&ask).map(|names| Cause { names, sensitive: false });
            (list, causes.collect())
        });
        Self { lists: lists.into() }
    }

    /// As [`Causes::of`], by list and position.
    pub(crate) fn by_position(found: &Difference, ask: impl Fn((List, usize)) -> Vec<String>) -> Self {
        let lists = List::ALL.map(|list| {
            let causes = (0..list.of(found).len()).map(|position| ask((list, position)));
            (list, causes.map(|names| Cause { names, sensitive: false }).collect())
        });
        Self { lists: lists.into() }
    }

    /// Keeps the values of some sets back.
    pub(crate) fn hide(&mut self, hidden: impl Fn((List, usize)) -> bool) {
        for (list, causes) in &mut self.lists {
            for (position, cause) in causes.iter_mut().enumerate() {
                cause.sensitive = hidden((*list, position));
            }
        }
    }

    fn get(&self, list: List, position: usize) -> Option<&Cause> {
        self.lists.iter().find(|(own, _)| *own == list).and_then(|(_, causes)| causes.get(position))
    }

    /// Every name that any set is due to.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.lists.iter().flat_map(|(_, causes)| causes).flat_map(|cause| cause.names.iter().map(String::as_str))
    }
}

/// A set of flows, and what it is due to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item<'a> {
    pub(crate) set: &'a FlowSet,
    pub(crate) cause: Option<&'a Cause>,
}

impl<'a> Item<'a> {
    pub(crate) fn names(&self) -> &'a [String] {
        self.cause.map_or(&[], |cause| &cause.names)
    }

    pub(crate) fn is_sensitive(&self) -> bool {
        self.cause.is_some_and(|cause| cause.sensitive)
    }
}

/// A finding of the audit that has another status.
#[derive(Debug, Clone)]
pub(crate) struct FindingChange {
    pub(crate) id: String,
    pub(crate) level: Level,
    /// Whether it decides about the exit code.
    pub(crate) weighs: bool,
    pub(crate) before: Status,
    pub(crate) after: Status,
}

impl FindingChange {
    /// Whether a requirement that weighs is broken, or more of it than before.
    pub(crate) fn breaks(&self) -> bool {
        self.weighs && matches!(self.after, Status::Fail | Status::Partial) && self.after < self.before
    }

    /// Whether a requirement that weighs is unknown now.
    pub(crate) fn is_lost_from_sight(&self) -> bool {
        self.weighs && self.after == Status::Unknown
    }
}

/// A Terraform plan, and what became of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlanTold<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) scenario: &'a Scenario,
    /// Whether it was sought what each set is due to.
    pub(crate) attributed: bool,
}

impl PlanTold<'_> {
    /// Whether any value of the changes is to be kept back.
    pub(crate) fn holds_sensitive(&self) -> bool {
        self.scenario.steps.iter().any(|step| step.sensitive)
    }

    /// Whether the plan marks a value of the resource as sensitive.
    pub(crate) fn is_sensitive(&self, address: &str) -> bool {
        self.plan.resources.iter().any(|resource| resource.sensitive && resource.address == address)
    }

    /// Why a resource is left out, as far as it may be told: it may name an id.
    pub(crate) fn why<'w>(&self, own: &'w Unsupported) -> &'w str {
        if self.is_sensitive(&own.address) { super::SENSITIVE } else { &own.why }
    }

    /// Calls that AWS would refuse: the address, the call, and the refusal as far as it may be told.
    pub(crate) fn refused(&self) -> Vec<(&str, String, String)> {
        let list = self.scenario.refused.iter().map(|refused| {
            let call = super::call(&refused.change);
            let text = if self.is_sensitive(&refused.address) {
                format!("{}: {}", refused.refusal.code, super::SENSITIVE)
            } else {
                refused.refusal.to_string()
            };
            (refused.address.as_str(), call, text)
        });
        list.collect()
    }

    /// Remarks: the address, and the text as far as it may be told.
    pub(crate) fn remarks(&self) -> Vec<(&str, &str)> {
        let list = self.scenario.remarks.iter().map(|remark| {
            let hidden = self.is_sensitive(&remark.address);
            (remark.address.as_str(), if hidden { super::SENSITIVE } else { remark.text.as_str() })
        });
        list.collect()
    }
}

/// What an answer breaks, so that answers can be ordered: the number of broken expectations and requirements, then pairs
/// of ends that are lost, cut now, undecided and gained.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Weight {
    broken: usize,
    pairs: [u64; 4],
}

impl<'a> Told<'a> {
    /// A list of the difference, each set with what it is due to.
    pub(crate) fn items(&self, list: List) -> Vec<Item<'a>> {
        let causes = self.causes;
        let sets = list.of(self.found).iter().enumerate();
        sets.map(|(position, set)| Item { set, cause: causes.and_then(|causes| causes.get(list, position)) }).collect()
    }

    /// Findings of the audit that have another status.
    pub(crate) fn findings(&self) -> &'a [FindingChange] {
        self.findings.unwrap_or_default()
    }

    /// How many expectations and requirements it breaks.
    pub(crate) fn broken(&self) -> usize {
        let expectations = self.verdicts.iter().filter(|change| change.breaks()).count();
        expectations + self.findings().iter().filter(|change| change.breaks()).count()
    }

    /// What it breaks.
    pub(crate) fn weight(&self) -> Weight {
        let lists = [List::Lost, List::CutNow, List::Undecided, List::Gained];
        Weight { broken: self.broken(), pairs: lists.map(|list| list.of(self.found).iter().map(pairs).sum()) }
    }
}

/// The pairs of ends of a set, an end with itself left out; a range of addresses outside is one end.
fn pairs(set: &FlowSet) -> u64 {
    let count = |end: &End| match end {
        End::Inside(list) => list.len() as u64,
        End::Outside(set) => set.0.cidrs().len() as u64,
    };
    let same = match (&set.from, &set.to) {
        (End::Inside(from), End::Inside(to)) => from.iter().filter(|end| to.binary_search(end).is_ok()).count(),
        _ => 0,
    };
    count(&set.from) * count(&set.to) - same as u64
}
