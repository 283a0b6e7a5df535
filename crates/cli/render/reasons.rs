//! Reasons as people are told them: of which packet, where to look, and what is the same said once.

use std::collections::BTreeSet;
use std::net::IpAddr;

use reach_engine::endpoint::Endpoint;
use reach_engine::explain;
use reach_engine::question::Group;
use reach_engine::reason::{Leg, Reason, Site};
use reach_model::Network;
use reach_model::network::Direction;
use reach_packets::{Family, Flow};

use super::Told;
use super::ends::{End, end};
use super::facts::family;

/// Where to look for a reason: `the ingress rules of sg-…`.
pub(crate) fn place(network: &Network, reason: &Reason) -> String {
    let id = explain::site_id(network, &reason.site);
    let direction = reason.direction.map(Direction::as_str);
    match (&reason.site, direction) {
        (Site::Interface(_), Some(direction)) => match explain::groups(network, reason).as_slice() {
            [] => format!("the {direction} side of {id}"),
            groups => format!("the {direction} rules of {}", groups.join(", ")),
        },
        (Site::Acl(_), Some(direction)) => format!("the {direction} entries of {id}"),
        (Site::RouteTable(_) | Site::TransitGatewayTable(_), _) => format!("the routes of {id}"),
        (Site::Internet, _) => "the internet".to_owned(),
        _ => id,
    }
}

/// Groups that differ only in which interface, subnet or the like is meant: told together to people.
#[derive(Debug)]
pub(crate) struct Cluster<'a> {
    /// The group whose witness is shown.
    pub(crate) first: &'a Group,
    pub(crate) groups: Vec<&'a Group>,
    pub(crate) pairs: u64,
}

/// The groups of the answer; alike ones are told together unless all is to be shown.
pub(crate) fn clusters<'a>(told: &Told<'a>, apart: bool) -> Vec<Cluster<'a>> {
    let mut clusters: Vec<(Vec<String>, Cluster<'a>)> = Vec::new();
    for group in &told.answer.groups {
        let reasons = group.answer.reasons.iter().map(|reason| {
            let leg = reason.leg.as_str();
            format!("{leg} {}", likeness(told.network, reason))
        });
        let mut key: Vec<String> = reasons.collect();
        key.sort_unstable();
        key.dedup();
        let alike = |known: &&mut (Vec<String>, Cluster<'a>)| {
            let (a, b) = (&known.1.first.answer, &group.answer);
            known.0 == key
                && (a.verdict, a.forward, a.back) == (b.verdict, b.forward, b.back)
                && a.allowed == b.allowed
                && (&a.translated, &a.outside) == (&b.translated, &b.outside)
                && family(known.1.first) == family(group)
        };
        match clusters.iter_mut().find(alike).filter(|_| !apart) {
            Some((_, cluster)) => {
                cluster.pairs += group.pairs;
                cluster.groups.push(group);
            }
            None => clusters.push((key, Cluster { first: group, groups: vec![group], pairs: group.pairs })),
        }
    }
    clusters.into_iter().map(|(_, cluster)| cluster).collect()
}

impl Cluster<'_> {
    /// All sources and all destinations, each once and in the order of the question.
    pub(crate) fn ends(&self, told: &Told<'_>) -> (Vec<End>, Vec<End>) {
        let witness = self.first.answer.witness;
        let sources: BTreeSet<&Endpoint> = self.groups.iter().flat_map(|group| &group.from).collect();
        let destinations: BTreeSet<&Endpoint> = self.groups.iter().flat_map(|group| &group.to).collect();
        let from = told.question.from.iter().filter(|endpoint| sources.contains(endpoint));
        let to = told.question.to.iter().map(|to| &to.endpoint).filter(|endpoint| destinations.contains(endpoint));
        let family = |address: fn(Flow) -> IpAddr| witness.map(|flow| Family::of(address(flow)));
        let (source, destination) = (family(|flow| flow.source), family(|flow| flow.destination));
        let from = from.map(|endpoint| end(told.network, endpoint, source)).collect();
        let to = to.map(|endpoint| end(told.network, endpoint, destination)).collect();
        (from, to)
    }
}

/// What makes two reasons the same to a person: the groups, the table or the call, not the interface.
fn likeness(network: &Network, reason: &Reason) -> String {
    let kind = explain::site_kind(&reason.site);
    let groups = explain::groups(network, reason);
    let place = match (&reason.site, reason.call) {
        _ if !groups.is_empty() => groups.join(" "),
        (_, Some(call)) => format!("{kind} {call}"),
        (Site::Interface(_) | Site::Subnet(_) | Site::Instance(_) | Site::NatGateway(_), None) => kind.to_owned(),
        (site, None) => explain::site_id(network, site),
    };
    let direction = if reason.call.is_some() { None } else { reason.direction.map(Direction::as_str) };
    let rule = reason.rule.as_ref().map(|rule| explain::rule(network, rule));
    format!("{} {} {direction:?} {rule:?} {place}", reason.code.as_str(), reason.semantics)
}

/// A reason as people are told it.
#[derive(Debug)]
pub(crate) struct Why {
    pub(crate) sentence: String,
    /// Whether it stops the first packet, and whether it stops the reply.
    pub(crate) legs: (bool, bool),
    pub(crate) code: &'static str,
    pub(crate) semantics: &'static str,
    /// Where to look.
    pub(crate) place: String,
    /// Other resources of which the same is true.
    pub(crate) also: Vec<String>,
    /// What to run to settle it.
    pub(crate) commands: Vec<String>,
}

/// The reasons of a cluster; what is the same for several resources is said once.
pub(crate) fn whys(told: &Told<'_>, cluster: &Cluster<'_>) -> Vec<Why> {
    whys_of(told.network, cluster.groups.iter().copied())
}

/// The reasons of any groups, told as those of a cluster.
pub(crate) fn whys_of<'a>(network: &Network, groups: impl IntoIterator<Item = &'a Group>) -> Vec<Why> {
    let mut whys: Vec<(String, String, Why)> = Vec::new();
    for group in groups {
        for reason in &group.answer.reasons {
            // For a missing collection both ways are one question.
            let leg = if reason.call.is_some() { "" } else { reason.leg.as_str() };
            let key = format!("{leg} {}", likeness(network, reason));
            let legs = (reason.leg == Leg::Forward, reason.leg == Leg::Return);
            let id = explain::site_id(network, &reason.site);
            if let Some((_, first, why)) = whys.iter_mut().find(|(known, ..)| *known == key) {
                why.legs = (why.legs.0 || legs.0, why.legs.1 || legs.1);
                // Interfaces are listed as the ends of the flow.
                if *first != id && !matches!(reason.site, Site::Interface(_)) && !why.also.contains(&id) {
                    why.also.push(id);
                }
                let more: Vec<String> =
                    command(network, reason).into_iter().filter(|command| !why.commands.contains(command)).collect();
                why.commands.extend(more);
                continue;
            }
            let why = Why {
                sentence: explain::message(network, reason),
                legs,
                code: reason.code.as_str(),
                semantics: reason.semantics,
                place: place(network, reason),
                also: Vec::new(),
                commands: command(network, reason),
            };
            whys.push((key, id, why));
        }
    }
    whys.into_iter().map(|(_, _, why)| why).collect()
}

/// The command that would settle an unknown, with the id it is to be asked for where the reason names one.
pub(crate) fn command(network: &Network, reason: &Reason) -> Vec<String> {
    let Some(call) = reason.call else { return Vec::new() };
    let named = [Some(explain::site_id(network, &reason.site)), reason.note.as_ref().map(ToString::to_string)];
    let prefix = match call.option().as_deref() {
        Some("--prefix-list-id") => "pl-",
        Some("--transit-gateway-route-table-id") => "tgw-rtb-",
        Some("--vpc-id") => "vpc-",
        _ => return vec![call.to_string()],
    };
    let id = named.into_iter().flatten().find(|name| name.starts_with(prefix) && !name.contains(' '));
    id.map_or_else(|| vec![call.to_string()], |id| call.commands(&id))
}
