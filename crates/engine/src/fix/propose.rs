//! From the reasons of an answer to changes that would open their gates.

use std::cell::OnceCell;

use reach_model::change::Change;
use reach_model::network::{Idx, Network, SecurityGroup};
use reach_packets::Flow;
use rustc_hash::FxHashMap;

use super::{acls, groups, routes, services};
use crate::endpoint::Endpoint;
use crate::question::{Answer, Group, Question};
use crate::reason::{Code, Leg, Reason};
use crate::verdict::Verdict;

/// How a gate is opened where there is more than one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strategy {
    pub(super) peers: PeerStrategy,
    /// A new route rather than another table for the subnet.
    pub(super) new_route: bool,
    /// The way to a service's public addresses rather than an endpoint in the VPC.
    pub(super) public_service: bool,
    /// The cluster's private endpoint rather than its list of admitted CIDRs.
    pub(super) private_api: bool,
}

/// What a rule names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PeerStrategy {
    /// A security group where a reference can work.
    Reference,
    /// A CIDR.
    Cidr,
    /// Another entry of a prefix list that a rule names already.
    List,
}

/// Where there was more than one way.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one flag for each strategy")]
pub(super) struct Choices {
    pub(super) references: bool,
    pub(super) lists: bool,
    pub(super) routes: bool,
    pub(super) services: bool,
    pub(super) admission: bool,
}

/// One trouble: the ways out of it, best first, each a list of changes.
#[derive(Debug, Clone)]
pub(super) struct Proposal {
    pub(super) options: Vec<Vec<Change>>,
}

/// A question, its answer, and the network that gave it.
#[derive(Debug)]
pub(super) struct Round<'a> {
    pub(super) network: &'a Network,
    pub(super) question: &'a Question,
    pub(super) answer: &'a Answer,
    pub(super) strategy: Strategy,
    members: OnceCell<FxHashMap<Idx<SecurityGroup>, usize>>,
}

/// A gate that refuses pairs of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trouble<'a> {
    pub(super) group: &'a Group,
    pub(super) reason: &'a Reason,
}

impl<'a> Trouble<'a> {
    /// The packet at the gate.
    pub(super) fn packet(&self) -> Option<Flow> {
        self.reason.packet.0
    }

    /// The ends that send on this leg, and those that are sent to.
    pub(super) fn ends(&self) -> (&'a [Endpoint], &'a [Endpoint]) {
        match self.reason.leg {
            Leg::Forward => (&self.group.from, &self.group.to),
            Leg::Return => (&self.group.to, &self.group.from),
        }
    }
}

/// Whether a reason says that something refuses, not that something is unknown.
pub(super) fn blocks(reason: &Reason) -> bool {
    reason.call.is_none()
        && !matches!(
            reason.code,
            Code::UnknownPeeredSgs
                | Code::UnknownDestination
                | Code::UnknownResource
                | Code::NotCollected
                | Code::UnsupportedComponent
                | Code::Undocumented
                | Code::TgwRtbRoutesAreUnknown
        )
}

/// Whether a security group refuses.
fn is_group_gate(code: Code) -> bool {
    matches!(
        code,
        Code::EniSgRulesMismatch | Code::SgHasNoRules | Code::SgReferencesNotPreserved | Code::SgReferencingSupport
    )
}

impl<'a> Round<'a> {
    pub(super) fn new(network: &'a Network, question: &'a Question, answer: &'a Answer, strategy: Strategy) -> Self {
        Self { network, question, answer, strategy, members: OnceCell::new() }
    }

    /// How many interfaces carry a group. O(|interfaces|) once.
    pub(super) fn members(&self, group: Idx<SecurityGroup>) -> usize {
        let members = self.members.get_or_init(|| {
            let mut members: FxHashMap<Idx<SecurityGroup>, usize> = FxHashMap::default();
            for (_, interface) in self.network.interfaces.iter() {
                for group in interface.groups.iter().filter_map(reach_model::network::Ref::known) {
                    *members.entry(group).or_default() += 1;
                }
            }
            members
        });
        members.get(&group).copied().unwrap_or(0)
    }

    /// Every gate that refuses something. A translator's ports are told beside the network ACL that refuses them.
    pub(super) fn troubles(&self) -> Vec<Trouble<'a>> {
        let open = self.answer.groups.iter().filter(|group| group.answer.verdict != Verdict::Reachable);
        open.flat_map(|group| group.answer.reasons.iter().map(move |reason| Trouble { group, reason }))
            .filter(|trouble| blocks(trouble.reason) && trouble.reason.code != Code::RemapEphemeralPort)
            .collect()
    }

    /// Ways out of every trouble; `None` where there is none out of one of them.
    pub(super) fn proposals(&self, choices: &mut Choices) -> Option<Vec<Proposal>> {
        let mut proposals = Vec::new();
        let mut troubles = self.troubles();
        // What a service's name means is another address once the VPC has an endpoint of its own: the rest is looked at
        // then.
        let served = services::proposals(self, &mut troubles, choices, &mut proposals);
        troubles.retain(|trouble| !served.iter().any(|group| std::ptr::eq(*group, trouble.group)));
        let (of_groups, rest): (Vec<_>, Vec<_>) = troubles.into_iter().partition(|t| is_group_gate(t.reason.code));
        let (of_acls, rest): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|t| t.reason.code == Code::SubnetAclRestriction);
        let (of_routes, rest): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|t| matches!(t.reason.code, Code::NoRouteToDestination | Code::BadStateRoute));
        let (of_lists, rest): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|t| t.reason.code == Code::EksPublicAccessCidrMismatch);
        let (of_checks, rest): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|t| t.reason.code == Code::EniSourceDestCheckRestriction);
        if !rest.is_empty() {
            return None;
        }
        proposals.extend(services::admission(self, &of_lists, choices)?);
        for trouble in of_checks {
            proposals.push(routes::forwarding(self.network, &trouble)?);
        }
        proposals.extend(routes::proposals(self, &of_routes, choices)?);
        proposals.extend(acls::proposals(self, &of_acls)?);
        proposals.extend(groups::proposals(self, &of_groups, choices)?);
        Some(proposals)
    }
}
