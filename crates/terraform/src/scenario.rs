//! From facts to calls: what goes, what comes, in an order that AWS takes.
//!
//! Each phase looks at the network as the phases before it left it: a rule that is there already is not made again, one
//! that is gone is not revoked again, and both are told. A call that AWS would refuse is told and left out.

mod associate;
mod filter;
mod life;
mod route;

use std::collections::{BTreeMap, BTreeSet};

use reach_model::Network;
use reach_model::change::{Change, unknown_id};

use crate::document::{Plan, Resource};
use crate::fact::{Fact, Id};
use crate::{Refused, Remark, Scenario, Step, Unsupported};

/// A fact that goes or comes, and the resource (by position) whose fact it is.
#[derive(Debug, Clone, PartialEq)]
struct Turn {
    resource: usize,
    fact: Fact,
}

struct Builder<'p> {
    plan: &'p Plan,
    /// The network as the steps so far leave it.
    network: Network,
    scenario: Scenario,
    gone: Vec<Turn>,
    come: Vec<Turn>,
    /// Ids of what stands under the address of a resource that is taken over.
    taken_over: BTreeMap<String, String>,
    /// Addresses of what the plan makes and cannot be made here.
    not_made: BTreeSet<String>,
}

/// What `plan` does to `network`.
///
/// All steps together turn the network into the one after the apply, as far as the plan knows it and this program
/// understands it; `unsupported`, `remarks`, `refused` and `problems` say how far that is. Deterministic: steps stand in
/// the order of their phases (what is made, what is taken away, what is added, associations, what is deleted), and
/// within a phase in the order of the plan.
pub fn scenario(plan: &Plan, network: &Network) -> Scenario {
    let mut builder = Builder {
        plan,
        network: network.clone(),
        scenario: Scenario {
            unsupported: plan.unsupported.clone(),
            remarks: plan.remarks.clone(),
            problems: plan.problems.clone(),
            ..Scenario::default()
        },
        gone: Vec::new(),
        come: Vec::new(),
        taken_over: BTreeMap::new(),
        not_made: BTreeSet::new(),
    };
    builder.turns();
    builder.make();
    builder.take_away();
    builder.replace_endpoints();
    builder.add();
    builder.associate();
    builder.delete();
    builder.scenario
}

impl Builder<'_> {
    /// What goes and what comes. What one resource gives up and another takes over stays.
    fn turns(&mut self) {
        for (position, resource) in self.plan.resources.iter().enumerate() {
            let gone = resource.before.iter().filter(|fact| !resource.after.contains(fact));
            self.gone.extend(gone.map(|fact| Turn { resource: position, fact: fact.clone() }));
            let come = resource.after.iter().filter(|fact| !resource.before.contains(fact));
            self.come.extend(come.map(|fact| Turn { resource: position, fact: fact.clone() }));
        }
        let movable = |fact: &Fact| {
            !matches!(fact, Fact::Group { .. } | Fact::Acl { .. } | Fact::Table { .. } | Fact::List { .. })
        };
        let takers: BTreeMap<&Fact, usize> = self.come.iter().map(|turn| (&turn.fact, turn.resource)).collect();
        let mut moved: Vec<(usize, usize)> = Vec::new();
        let mut stay: BTreeSet<Fact> = BTreeSet::new();
        for gone in self.gone.iter().filter(|turn| movable(&turn.fact)) {
            if let Some(taker) = takers.get(&gone.fact) {
                moved.push((gone.resource, *taker));
                stay.insert(gone.fact.clone());
            }
        }
        self.gone.retain(|turn| !stay.contains(&turn.fact));
        self.come.retain(|turn| !stay.contains(&turn.fact));
        for (from, to) in moved {
            let text = format!(
                "gives up what {} takes over: it stays, if Terraform does the two in an order in which it does",
                self.address(to)
            );
            self.remark(from, text);
        }
    }

    fn resource(&self, position: usize) -> Option<&Resource> {
        self.plan.resources.get(position)
    }

    fn address(&self, position: usize) -> String {
        self.resource(position).map(|resource| resource.address.clone()).unwrap_or_default()
    }

    fn kind(&self, position: usize) -> &str {
        self.resource(position).map_or("", |resource| resource.kind.as_str())
    }

    fn remark(&mut self, position: usize, text: impl Into<String>) {
        let remark = Remark { address: self.address(position), text: text.into() };
        if !self.scenario.remarks.contains(&remark) {
            self.scenario.remarks.push(remark);
        }
    }

    fn leave_out(&mut self, position: usize, why: impl Into<String>) {
        let Some(resource) = self.resource(position) else { return };
        let unsupported = Unsupported {
            address: resource.address.clone(),
            kind: resource.kind.clone(),
            actions: resource.actions.clone(),
            why: why.into(),
        };
        if !self.scenario.unsupported.contains(&unsupported) {
            self.scenario.unsupported.push(unsupported);
        }
    }

    /// Makes a change; whether AWS would take it.
    fn push(&mut self, position: usize, change: Change) -> bool {
        if let Err(refusal) = self.network.apply(&change) {
            let address = self.address(position);
            self.scenario.refused.push(Refused { address, change, refusal });
            return false;
        }
        let address = self.address(position);
        if let Some(last) = self.scenario.steps.last_mut()
            && last.address == address
        {
            last.changes.push(change);
            return true;
        }
        if let Some(resource) = self.plan.resources.get(position) {
            self.scenario.steps.push(Step {
                address,
                previous_address: resource.previous_address.clone(),
                actions: resource.actions.clone(),
                changes: vec![change],
                sensitive: resource.sensitive,
            });
        }
        true
    }

    /// An id as calls name it; `None` where it is known after apply, or of what cannot be made here.
    fn text(&self, id: &Id) -> Option<String> {
        match id {
            Id::Known(text) => Some(text.clone()),
            Id::Made(address) if self.not_made.contains(address) => None,
            Id::Made(address) => {
                Some(self.taken_over.get(address).cloned().unwrap_or_else(|| format!("new:{address}")))
            }
            Id::Unknown(_) => None,
        }
    }

    /// An id as calls name it, one that is not known as such.
    fn text_or_unknown(&self, id: &Id, prefix: &str) -> String {
        self.text(id).unwrap_or_else(|| match id {
            Id::Known(text) | Id::Made(text) | Id::Unknown(text) => unknown_id(prefix, text),
        })
    }

    /// The text of an id that must be known to change anything; notes where it is not.
    fn subject(&mut self, position: usize, id: &Id, what: &str) -> Option<String> {
        let text = self.text(id);
        if let Some(text) = &text
            && !self.holds_id(text)
        {
            self.leave_out(position, format!("{text} is not in the snapshot"));
            return None;
        }
        if text.is_none() {
            match id {
                // Told where it could not be made.
                Id::Made(address) if self.not_made.contains(address) && *address == self.address(position) => {}
                Id::Made(address) => {
                    self.leave_out(position, format!("it is of {address}, which is not part of the changes"));
                }
                _ => self.leave_out(position, format!("which {what} it changes is known after apply")),
            }
        }
        text
    }

    /// Whether the network holds what an id names, as far as its kind can be changed.
    fn holds_id(&self, text: &str) -> bool {
        let network = &self.network;
        match text.split_once('-').map(|(prefix, _)| prefix) {
            Some("sg") => network.groups.find_text(text).is_some(),
            Some("acl") => network.acls.find_text(text).is_some(),
            Some("rtb") => network.route_tables.find_text(text).is_some(),
            Some("pl") => network.prefix_lists.find_text(text).is_some(),
            Some("subnet") => network.subnets.find_text(text).is_some(),
            Some("vpc") => network.vpcs.find_text(text).is_some(),
            Some("eni") => network.interfaces.find_text(text).is_some(),
            _ => true,
        }
    }

    /// The id that a scenario's name for something stands for in the network.
    fn real<'n>(&'n self, kind: reach_model::network::MadeKind, text: &'n str) -> &'n str {
        let made = text.strip_prefix("new:").and_then(|name| self.network.made.get(&(kind, name.into())));
        made.map_or(text, |id| id)
    }

    fn come(&self, of: impl Fn(&Fact) -> bool) -> Vec<Turn> {
        self.come.iter().filter(|turn| of(&turn.fact)).cloned().collect()
    }

    fn gone(&self, of: impl Fn(&Fact) -> bool) -> Vec<Turn> {
        self.gone.iter().filter(|turn| of(&turn.fact)).cloned().collect()
    }
}
