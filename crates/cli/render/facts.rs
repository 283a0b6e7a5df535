//! What several renderers say of an answer.

use std::collections::BTreeSet;
use std::net::IpAddr;

use reach_engine::endpoint::{Destination, Endpoint, default_source_ports};
use reach_engine::explain;
use reach_engine::pair::{Allowed, AllowedPorts, Ask, Lane, judge};
use reach_engine::question::{Group, PairCounts, Question};
use reach_engine::reason::{Leg, Outcome, Reason, RuleRef, Site, Stage, Step};
use reach_model::Network;
use reach_model::network::{Direction, Peer, RouteTarget, RuleProtocol, SecurityGroupRule};
use reach_packets::{Family, Flow, IcmpSet, PortRanges, PortSet, Protocol, Transport};

use super::Told;
use crate::ask::Asked;

/// One end of a group, in the address family of its witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// The interface's id.
    pub(crate) eni: Option<String>,
    pub(crate) place: Where,
    /// What people call it.
    pub(crate) name: Option<String>,
}

/// The addresses of an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Where {
    Address(IpAddr),
    Blocks(Vec<String>),
    Nowhere,
}

/// The ends of a group: who asks, and who is asked.
pub(crate) fn ends<'a>(
    network: &'a Network,
    group: &'a Group,
) -> (impl Iterator<Item = End> + 'a, impl Iterator<Item = End> + 'a) {
    let witness = group.answer.witness.as_ref();
    let source = witness.map(|flow| Family::of(flow.source));
    let destination = witness.map(|flow| Family::of(flow.destination));
    let view = |family: Option<Family>| move |endpoint: &Endpoint| end(network, endpoint, family);
    (group.from.iter().map(view(source)), group.to.iter().map(view(destination)))
}

fn end(network: &Network, endpoint: &Endpoint, family: Option<Family>) -> End {
    let name = explain::endpoint_name(network, endpoint);
    let family = family.unwrap_or(if endpoint.has(Family::V6) && !endpoint.has(Family::V4) { Family::V6 } else { Family::V4 });
    let eni = endpoint.interface().map(|idx| network.interfaces.get(idx).id.to_string());
    let place = match endpoint {
        Endpoint::Interface { v4, v6, .. } => {
            let (wanted, other) = if family == Family::V4 { (v4, v6) } else { (v6, v4) };
            wanted.or(*other).map_or(Where::Nowhere, Where::Address)
        }
        Endpoint::Prefix { net, .. } => Where::Blocks(vec![net.to_string()]),
        Endpoint::Outside(outside) if outside.by_default_range => {
            let all = if family == Family::V4 { "0.0.0.0/0" } else { "::/0" };
            Where::Blocks(vec![all.to_owned()])
        }
        Endpoint::Outside(outside) if outside.addresses.count() == 1 => {
            outside.addresses.first().map_or(Where::Nowhere, Where::Address)
        }
        Endpoint::Outside(outside) => {
            let own = outside.addresses.of_family(family);
            let addresses = if own.is_empty() { &outside.addresses } else { &own };
            Where::Blocks(addresses.cidrs().iter().map(ToString::to_string).collect())
        }
        Endpoint::Unresolved(_) => Where::Nowhere,
    };
    End { eni, place, name }
}

/// The client's ports that were asked about, as text: given, or the default where all sources share one.
pub(crate) fn source_ports(told: &Told<'_>) -> Option<String> {
    if let Some(text) = &told.asked.source_port {
        return Some(text.clone());
    }
    let has_ports = told.question.ask.lanes.iter().any(|lane| matches!(lane, Lane::Ports(..)));
    let mut defaults = told.question.from.iter().map(|endpoint| default_source_ports(told.network, endpoint));
    let first = defaults.next().filter(|_| has_ports)?;
    defaults.all(|other| other == first).then(|| first.to_string())
}

/// What was asked, in words: `tcp 443`, `icmp 8/0`, `every protocol`, `protocol 50`.
pub(crate) fn traffic(asked: &Asked) -> String {
    let mut text = match asked.protocol.as_str() {
        "all" => "every protocol and port".to_owned(),
        protocol if protocol.bytes().all(|byte| byte.is_ascii_digit()) => format!("protocol {protocol}"),
        protocol => protocol.to_owned(),
    };
    if let Some(detail) = asked.ports.as_ref().or(asked.icmp.as_ref()) {
        text.push(' ');
        text.push_str(detail);
        // Names are shown beside their numbers.
        if let Some(written) = asked.port.as_ref().filter(|port| port.bytes().any(|b| b.is_ascii_alphabetic())) {
            text.push_str(&format!(", {written}"));
        }
    } else if matches!(asked.protocol.as_str(), "tcp" | "udp") {
        text.push_str(", every port");
    }
    if let Some(ports) = &asked.source_port {
        text.push_str(&format!(" from port {ports}"));
    }
    if let Some(family) = asked.family {
        text.push_str(&format!(", {family}"));
    }
    text
}

/// `10 of 12 pairs reachable, 2 blocked`.
pub(crate) fn counts(pairs: &PairCounts) -> String {
    let noun = if pairs.total == 1 { "pair" } else { "pairs" };
    let mut text = format!("{} of {} {noun} reachable", pairs.reachable, pairs.total);
    for (count, word) in [(pairs.partial, "partial"), (pairs.blocked, "blocked"), (pairs.unknown, "unknown")] {
        if count > 0 {
            text.push_str(&format!(", {count} {word}"));
        }
    }
    text
}

/// What was asked and what of it passes, as sets.
pub(crate) fn asked_set(ask: &Ask, family: Option<Family>) -> PortSet {
    let exists = |lane: &&Lane| match (lane, family) {
        (Lane::Icmp(Protocol::ICMP, _), Some(family)) => family == Family::V4,
        (Lane::Icmp(..), Some(family)) => family == Family::V6,
        _ => true,
    };
    ask.lanes.iter().filter(exists).fold(PortSet::empty(), |set, lane| {
        set.union(&match lane {
            Lane::Ports(protocol, ports) => ports_of(*protocol, ports.clone()),
            Lane::Icmp(protocol, messages) => messages_of(*protocol, messages.clone()),
            Lane::Protocols(numbers) => PortSet::protocols(numbers),
        })
    })
}

/// What passes.
pub(crate) fn allowed_set(allowed: &Allowed) -> PortSet {
    match &allowed.what {
        AllowedPorts::Ports(protocol, ports) => ports_of(*protocol, ports.clone()),
        AllowedPorts::Icmp(protocol, messages) => messages_of(*protocol, messages.clone()),
        AllowedPorts::Protocols(numbers) => PortSet::protocols(numbers),
    }
}

fn ports_of(protocol: Protocol, ports: PortRanges) -> PortSet {
    if protocol == Protocol::UDP { PortSet::udp(ports) } else { PortSet::tcp(ports) }
}

fn messages_of(protocol: Protocol, messages: IcmpSet) -> PortSet {
    if protocol == Protocol::ICMPV6 { PortSet::icmpv6(messages) } else { PortSet::icmp(messages) }
}

/// The family that the group's pairs were judged in.
pub(crate) fn family(group: &Group) -> Option<Family> {
    group.answer.witness.map(|flow| Family::of(flow.destination))
}

/// What of the question does not pass for certain in this group.
pub(crate) fn refused(told: &Told<'_>, group: &Group) -> PortSet {
    let asked = asked_set(&told.question.ask, family(group));
    group.answer.allowed.iter().fold(asked, |left, allowed| left.subtract(&allowed_set(allowed)))
}

/// Whether the question is about a single port, message or protocol.
pub(crate) fn is_point(ask: &Ask) -> bool {
    match ask.lanes.as_slice() {
        [Lane::Ports(_, ports)] => ports.count() == 1,
        [Lane::Icmp(_, messages)] => messages.points().count() == 1,
        [Lane::Protocols(numbers)] => numbers.count() == 1,
        _ => false,
    }
}

/// For each reason of the group the flow that its sentence is said of.
///
/// The witness shows what passes: of what is refused beside it, a reason must not be told with the witness' port. Where
/// several ports are asked about, single ones of them are asked again until one shows the reason.
pub(crate) fn flows(told: &Told<'_>, group: &Group) -> Vec<Option<Flow>> {
    let reasons = &group.answer.reasons;
    let ask = &told.question.ask;
    if is_point(ask) || reasons.is_empty() {
        return vec![group.answer.witness; reasons.len()];
    }
    let Some((from, to)) = pair(told.question, group) else { return vec![group.answer.witness; reasons.len()] };
    let mut points = first_points(&refused(told, group));
    points.extend(group.answer.witness.map(|flow| (flow.protocol, flow.transport)));
    points.extend(reasons.iter().filter_map(|reason| entry_point(told.network, reason, &asked_set(ask, family(group)))));
    let mut flows: Vec<Option<Flow>> = vec![None; reasons.len()];
    for (protocol, transport) in points {
        if flows.iter().all(Option::is_some) {
            break;
        }
        let Some(lane) = lane(protocol, transport) else { continue };
        let single = Ask { lanes: vec![lane], ..ask.clone() };
        let answer = judge(told.network, from, to, &single);
        for (flow, reason) in flows.iter_mut().zip(reasons) {
            if flow.is_none() && answer.reasons.contains(reason) {
                *flow = answer.witness;
            }
        }
    }
    flows
}

/// The pair that the group's witness is of.
fn pair<'a>(question: &'a Question, group: &'a Group) -> Option<(&'a Endpoint, &'a Destination)> {
    let lone = group.from.len() == 1 && group.to.len() == 1;
    let pairs = group.from.iter().flat_map(|from| group.to.iter().map(move |to| (from, to)));
    let (from, to) = pairs.into_iter().find(|(from, to)| lone || from != to)?;
    let to = question.to.iter().find(|destination| destination.endpoint == *to)?;
    Some((from, to))
}

/// Readable points of every lane: a port that people know, then the first ones of some intervals.
fn first_points(set: &PortSet) -> Vec<(Protocol, Transport)> {
    /// More intervals than this are not looked at.
    const INTERVALS: usize = 4;
    /// Ports that everybody knows.
    const KNOWN: [u16; 5] = [443, 80, 22, 53, 10250];
    let mut points = Vec::new();
    for lane in set.lanes() {
        match lane {
            reach_packets::Lane::Ports(protocol, ports) => {
                let known = KNOWN.into_iter().find(|&port| ports.contains(port));
                let first = ports.iter_ranges().take(INTERVALS).map(|(low, high)| low.max(1).min(high));
                points.extend(known.into_iter().chain(first).map(|port| (protocol, Transport::Ports { source: 0, destination: port })));
            }
            reach_packets::Lane::Icmp(protocol, messages) => {
                points.extend(messages.first().map(|(kind, code)| (protocol, Transport::Icmp { kind, code })));
            }
            reach_packets::Lane::Other(numbers) => {
                points.extend(numbers.first().map(|number| (Protocol::new(number), Transport::Opaque)));
            }
        }
    }
    points
}

/// A point that the network ACL entry of a reason decides, where it names ports.
fn entry_point(network: &Network, reason: &Reason, asked: &PortSet) -> Option<(Protocol, Transport)> {
    let Some(RuleRef::AclEntry(acl, direction, number)) = &reason.rule else { return None };
    let entries = &network.acls.get(*acl).entries;
    let entry = entries.iter().find(|entry| entry.direction == *direction && entry.number == *number)?;
    let (low, high) = entry.ports?;
    let ports = PortRanges::range(low, high);
    let protocols = match entry.protocol {
        RuleProtocol::Number(protocol) => vec![protocol],
        RuleProtocol::Any => vec![Protocol::TCP, Protocol::UDP],
    };
    protocols.into_iter().find_map(|protocol| {
        let own = if protocol == Protocol::UDP { asked.udp_ports() } else { asked.tcp_ports() };
        let port = own.intersect(&ports).first()?;
        Some((protocol, Transport::Ports { source: 0, destination: port }))
    })
}

fn lane(protocol: Protocol, transport: Transport) -> Option<Lane> {
    Some(match transport {
        Transport::Ports { destination, .. } => Lane::Ports(protocol, PortRanges::single(destination)),
        Transport::Icmp { kind, code } => Lane::Icmp(protocol, IcmpSet::single(kind, code)),
        Transport::Opaque => {
            let numbers = PortSet::of_protocol(protocol).other_protocols().clone();
            (!numbers.is_empty()).then_some(Lane::Protocols(numbers))?
        }
    })
}

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

/// What a rule says: `tcp 443 from sg-…`, `allow tcp 0-65535 to 10.0.0.0/8`, `to nat-…`.
pub(crate) fn rule(network: &Network, rule: &RuleRef) -> Option<String> {
    match rule {
        RuleRef::GroupRule(group, direction, position) => {
            let group = network.groups.get(*group);
            let rules = if *direction == Direction::Ingress { &group.ingress } else { &group.egress };
            let rule = rules.get(*position as usize)?;
            // Without an id the rule is named by what it says.
            rule.id.as_ref()?;
            Some(group_rule(network, rule, *direction))
        }
        RuleRef::AclEntry(acl, direction, number) => {
            let entries = &network.acls.get(*acl).entries;
            let entry = entries.iter().find(|entry| entry.direction == *direction && entry.number == *number)?;
            let action = if entry.allow { "allow" } else { "deny" };
            let ports = match (entry.ports, entry.icmp) {
                (Some((low, high)), _) => format!(" {}", PortRanges::range(low, high)),
                (None, Some((kind, code))) => {
                    let part = |part: Option<u8>| part.map_or_else(|| "*".to_owned(), |part| part.to_string());
                    format!(" {}/{}", part(kind), part(code))
                }
                (None, None) => String::new(),
            };
            let peer = peer_word(*direction);
            Some(format!("{action} {}{ports} {peer} {}", protocol(entry.protocol), entry.cidr))
        }
        RuleRef::Route(table, net) => {
            let routes = &network.route_tables.get(*table).routes;
            let route = routes.iter().find(|route| match &route.destination {
                reach_model::network::Destination::Cidr(cidr) => cidr == net,
                reach_model::network::Destination::PrefixList(_) => false,
            })?;
            Some(format!("to {}", target(network, &route.target)?))
        }
        RuleRef::TransitRoute(..) => None,
    }
}

const fn peer_word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    }
}

fn protocol(protocol: RuleProtocol) -> String {
    match protocol {
        RuleProtocol::Any => "all".to_owned(),
        RuleProtocol::Number(protocol) if protocol.name().is_some() => protocol.to_string(),
        RuleProtocol::Number(protocol) => format!("protocol {protocol}"),
    }
}

fn group_rule(network: &Network, rule: &SecurityGroupRule, direction: Direction) -> String {
    let peer = match &rule.peer {
        Peer::Cidr(net) => net.to_string(),
        Peer::PrefixList(list) => list.id(&network.prefix_lists).to_string(),
        Peer::Group(peer) => peer.group.id(&network.groups).to_string(),
    };
    let ports = match (rule.protocol, rule.from_port, rule.to_port) {
        (RuleProtocol::Number(protocol), Some(from), Some(to)) if protocol.has_ports() => {
            format!(" {}", PortRanges::range(from, to))
        }
        (RuleProtocol::Number(protocol), Some(kind), code) if protocol.is_icmp() => {
            format!(" {kind}/{}", code.map_or_else(|| "*".to_owned(), |code| code.to_string()))
        }
        _ => String::new(),
    };
    format!("{}{ports} {} {peer}", protocol(rule.protocol), peer_word(direction))
}

fn target(network: &Network, target: &RouteTarget) -> Option<String> {
    Some(match target {
        RouteTarget::Local => "local".to_owned(),
        RouteTarget::InternetGateway(gateway) => gateway.id(&network.internet_gateways).to_string(),
        RouteTarget::EgressOnlyGateway(gateway) => gateway.id(&network.egress_only_gateways).to_string(),
        RouteTarget::NatGateway(gateway) => gateway.id(&network.nat_gateways).to_string(),
        RouteTarget::Peering(peering) => peering.id(&network.peerings).to_string(),
        RouteTarget::TransitGateway(gateway) => gateway.id(&network.transit_gateways).to_string(),
        RouteTarget::VpnGateway(gateway) => gateway.to_string(),
        RouteTarget::Endpoint(endpoint) => endpoint.id(&network.endpoints).to_string(),
        RouteTarget::Interface(interface) => interface.id(&network.interfaces).to_string(),
        RouteTarget::Instance(instance) => instance.id(&network.instances).to_string(),
        RouteTarget::Other(text) => text.to_string(),
        RouteTarget::None => return None,
    })
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
        (Site::Interface(_) | Site::Subnet(_) | Site::Instance(_), None) => kind.to_owned(),
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
    let network = told.network;
    let mut whys: Vec<(String, String, Why)> = Vec::new();
    for (number, group) in cluster.groups.iter().enumerate() {
        let flows = if number == 0 { flows(told, group) } else { vec![None; group.answer.reasons.len()] };
        for (reason, flow) in group.answer.reasons.iter().zip(flows) {
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
                sentence: explain::message(network, reason, flow.as_ref()),
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

/// The steps of a path that people are shown: all, or in short those that a rule decided, that changed the packet, or
/// that it did not pass.
pub(crate) fn shown(steps: &[Step], all: bool) -> Vec<(usize, &Step)> {
    let passes = |step: &Step| matches!(step.outcome, Outcome::Allowed | Outcome::Tracked);
    let stopped = steps.iter().any(|step| matches!(step.outcome, Outcome::Blocked(_)));
    let numbered = || steps.iter().enumerate().map(|(position, step)| (position + 1, step));
    // What is stopped is not delivered, although the walk looks at every gate behind.
    let told = |step: &Step| !(stopped && step.stage == Stage::Deliver && passes(step));
    let short = numbered().filter(|(_, step)| !passes(step) || step.rule.is_some() || step.rewritten.is_some());
    let short: Vec<(usize, &Step)> = short.collect();
    if all || short.is_empty() { numbered().filter(|(_, step)| told(step)).collect() } else { short }
}

/// The resource of a step: where it failed the one that is to blame.
pub(crate) fn step_resource(network: &Network, step: &Step) -> String {
    match &step.outcome {
        Outcome::Blocked(reason) | Outcome::Unknown(reason) if reason.direction.is_some() => {
            match explain::groups(network, reason).as_slice() {
                [] => explain::site_id(network, &step.site),
                groups => format!("{} of {}", groups.join(", "), explain::site_id(network, &step.site)),
            }
        }
        _ => explain::site_id(network, &step.site),
    }
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
