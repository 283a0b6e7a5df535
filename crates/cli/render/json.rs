//! Answers for programs: `reach.query/1`, described by `schemas/query.schema.json`.

use std::fmt::Display;
use std::io;
use std::net::IpAddr;

use reach_engine::Verdict;
use reach_engine::explain;
use reach_engine::pair::{Allowed, AllowedPorts, Carved};
use reach_engine::question::{Group, PairCounts};
use reach_engine::reason::{Reason, Step};
use reach_engine::simulate::Tracking;
use reach_model::Network;
use reach_packets::{Family, Flow, PortSet, Protocol, Transport};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;

use super::Told;
use super::ends::{self, End, Where};
use super::facts;

/// The schema of answers.
pub(crate) const SCHEMA: &str = "reach.query/1";

/// Writes the answer on one line, or indented for people who read JSON.
pub(crate) fn write(told: &Told<'_>, pretty: bool, mut writer: impl io::Write) -> io::Result<()> {
    let document = Document::new(told);
    if pretty {
        serde_json::to_writer_pretty(&mut writer, &document)?;
    } else {
        serde_json::to_writer(&mut writer, &document)?;
    }
    writer.write_all(b"\n")
}

/// Writes the answer to a line of a batch that has none.
pub(crate) fn write_error(
    id: Option<&RawValue>,
    error: &str,
    candidates: &[String],
    mut writer: impl io::Write,
) -> io::Result<()> {
    serde_json::to_writer(&mut writer, &Unanswered { id, error, candidates })?;
    writer.write_all(b"\n")
}

#[derive(Serialize)]
struct Unanswered<'a> {
    id: Option<&'a RawValue>,
    error: &'a str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    candidates: &'a [String],
}

#[derive(Serialize)]
struct Document<'a, G: Serialize> {
    schema: &'static str,
    id: Option<&'a RawValue>,
    question: Asked<'a>,
    verdict: Verdict,
    forward: Verdict,
    #[serde(rename = "return")]
    back: Option<Verdict>,
    pairs: Pairs,
    answers: G,
    truncated: bool,
    assumptions: Vec<&'static str>,
}

impl<'a> Document<'a, List<std::slice::Iter<'a, Group>, &'a Told<'a>>> {
    fn new(told: &'a Told<'a>) -> Self {
        let answer = told.answer;
        Self {
            schema: SCHEMA,
            id: told.id,
            question: Asked::new(told),
            verdict: answer.verdict,
            forward: answer.forward,
            back: answer.back,
            pairs: answer.pairs.into(),
            answers: List(answer.groups.iter(), told),
            truncated: answer.truncated,
            assumptions: answer.assumptions.iter().map(|&assumption| explain::assumption(assumption)).collect(),
        }
    }
}

/// The question as it was understood.
#[derive(Serialize)]
pub(crate) struct Asked<'a> {
    from: &'a str,
    to: &'a str,
    protocol: &'a str,
    port: Option<&'a str>,
    source_port: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icmp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family: Option<&'static str>,
}

impl<'a> Asked<'a> {
    pub(crate) fn new(told: &Told<'a>) -> Self {
        let asked = told.asked;
        Self {
            from: told.from,
            to: told.to,
            protocol: &asked.protocol,
            port: asked.port.as_deref(),
            source_port: facts::source_ports(told),
            icmp: asked.icmp.as_deref(),
            family: asked.family.map(|family| if family == Family::V4 { "ipv4" } else { "ipv6" }),
        }
    }
}

/// The reasons of all groups, each once.
pub(crate) fn reasons(told: &Told<'_>) -> Vec<ReasonView> {
    let mut seen: Vec<&Reason> = Vec::new();
    for reason in told.answer.groups.iter().flat_map(|group| &group.answer.reasons) {
        if !seen.contains(&reason) {
            seen.push(reason);
        }
    }
    seen.into_iter().map(|reason| ReasonView::new(told.network, reason)).collect()
}

#[derive(Debug, Serialize)]
pub(crate) struct Pairs {
    total: u64,
    reachable: u64,
    blocked: u64,
    partial: u64,
    unknown: u64,
}

impl From<PairCounts> for Pairs {
    fn from(counts: PairCounts) -> Self {
        let PairCounts { total, reachable, blocked, partial, unknown } = counts;
        Self { total, reachable, blocked, partial, unknown }
    }
}

/// Items and what they are told with: an array that is written item by item.
struct List<I, C>(I, C);

impl<'a> Serialize for List<std::slice::Iter<'a, Group>, &'a Told<'a>> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone().map(|group| GroupView::new(self.1, group)))
    }
}

impl<'a> Serialize for List<std::slice::Iter<'a, Step>, &'a Network> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.clone().map(|step| StepView::new(self.1, step)))
    }
}

/// Written as its text.
#[derive(Debug)]
pub(crate) struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[derive(Serialize)]
struct GroupView<'a> {
    verdict: Verdict,
    forward: Verdict,
    #[serde(rename = "return")]
    back: Option<Verdict>,
    from: Vec<End>,
    to: Vec<End>,
    pairs: u64,
    allowed: Vec<AllowedView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    translated_source_ports: Option<String>,
    witness: Option<Witness>,
    reasons: Vec<ReasonView>,
    decided_by: Vec<String>,
    admitted_by: Vec<String>,
    near_misses: Vec<NearView>,
    path: Path<'a>,
    tracking: TrackingView,
    #[serde(skip_serializing_if = "Option::is_none")]
    outside: Option<OutsideView<'a>>,
}

#[derive(Serialize)]
struct NearView {
    miss: &'static str,
    direction: &'static str,
    resource: String,
    rule: String,
    message: String,
}

impl<'a> GroupView<'a> {
    fn new(told: &'a Told<'a>, group: &'a Group) -> Self {
        let (network, answer) = (told.network, &group.answer);
        let (from, to) = ends::ends(network, group);
        Self {
            verdict: answer.verdict,
            forward: answer.forward,
            back: answer.back,
            from: from.collect(),
            to: to.collect(),
            pairs: group.pairs,
            allowed: allowed(told, group),
            translated_source_ports: answer.translated.as_ref().map(ToString::to_string),
            witness: answer.witness.map(Witness),
            reasons: answer.reasons.iter().map(|reason| ReasonView::new(network, reason)).collect(),
            decided_by: answer.decided_by.iter().map(|rule| explain::rule(network, rule)).collect(),
            admitted_by: answer.admitted_by.iter().map(|rule| explain::rule(network, rule)).collect(),
            near_misses: answer
                .near
                .iter()
                .map(|near| NearView {
                    miss: near.miss.as_str(),
                    direction: near.direction.as_str(),
                    resource: explain::site_id(network, &near.site),
                    rule: explain::rule(network, &near.rule),
                    message: explain::near_miss(network, near),
                })
                .collect(),
            path: Path {
                forward: List(answer.forward_path.iter(), network),
                back: List(answer.return_path.iter(), network),
            },
            tracking: TrackingView {
                source: answer.tracking.0.map(Tracking::as_str),
                destination: answer.tracking.1.map(Tracking::as_str),
            },
            outside: answer.outside.as_ref().map(OutsideView::new),
        }
    }
}

impl Serialize for End {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(eni) = &self.eni {
            map.serialize_entry("eni", eni)?;
        }
        match &self.place {
            Where::Address(address) => map.serialize_entry("ip", address)?,
            Where::Blocks(blocks) => match blocks.as_slice() {
                [block] => map.serialize_entry("cidr", block)?,
                blocks => map.serialize_entry("cidrs", blocks)?,
            },
            Where::Nowhere => {}
        }
        if let Some(name) = &self.name {
            map.serialize_entry("name", name)?;
        }
        map.end()
    }
}

/// One protocol's share of what passes.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct AllowedView {
    protocol: String,
    /// `None` for protocols without ports.
    ports: Option<String>,
    /// `None` for protocols without ports.
    source_ports: Option<String>,
}

/// Up to this many protocols without ports are listed one by one.
const LISTED_PROTOCOLS: u128 = 16;

fn allowed(told: &Told<'_>, group: &Group) -> Vec<AllowedView> {
    let list = &group.answer.allowed;
    if let Some(everything) = everything(told, group) {
        return vec![everything];
    }
    list.iter().flat_map(views).collect()
}

/// The one entry that says that all of an `all` question passes, with the same client ports for tcp and udp.
fn everything(told: &Told<'_>, group: &Group) -> Option<AllowedView> {
    let list = &group.answer.allowed;
    if told.asked.protocol != "all" {
        return None;
    }
    let asked = facts::asked_set(&told.question.ask, facts::family(group));
    let passes = list.iter().fold(PortSet::empty(), |set, allowed| set.union(&facts::allowed_set(allowed)));
    let mut ports = list.iter().filter(|allowed| matches!(allowed.what, AllowedPorts::Ports(..)));
    let first = ports.next()?;
    let alike = ports.all(|other| other.source_ports == first.source_ports);
    (passes == asked && alike).then(|| AllowedView {
        protocol: "all".to_owned(),
        ports: None,
        source_ports: Some(first.source_ports.to_string()),
    })
}

fn views(allowed: &Allowed) -> Vec<AllowedView> {
    let without_ports = |protocol: String| AllowedView { protocol, ports: None, source_ports: None };
    match &allowed.what {
        AllowedPorts::Ports(protocol, ports) => vec![AllowedView {
            protocol: protocol.to_string(),
            ports: Some(ports.to_string()),
            source_ports: Some(allowed.source_ports.to_string()),
        }],
        AllowedPorts::Icmp(protocol, messages) => {
            vec![AllowedView { ports: Some(messages.to_string()), ..without_ports(protocol.to_string()) }]
        }
        AllowedPorts::Protocols(numbers) if numbers.count() <= LISTED_PROTOCOLS => {
            let numbers = numbers.iter_ranges().flat_map(|(low, high)| low..=high);
            numbers.map(|number| without_ports(Protocol::new(number).to_string())).collect()
        }
        AllowedPorts::Protocols(numbers) => {
            vec![AllowedView { ports: Some(numbers.to_string()), ..without_ports("other".to_owned()) }]
        }
    }
}

/// A flow, with ports or with ICMP type and code.
struct Witness(Flow);

impl Serialize for Witness {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Flow { source, destination, protocol, transport } = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("protocol", &Shown(protocol))?;
        map.serialize_entry("source", &source)?;
        match transport {
            Transport::Ports { source, destination: port } => {
                map.serialize_entry("source_port", &source)?;
                map.serialize_entry("destination", &destination)?;
                map.serialize_entry("port", &port)?;
            }
            Transport::Icmp { kind, code } => {
                map.serialize_entry("destination", &destination)?;
                map.serialize_entry("icmp_type", &kind)?;
                map.serialize_entry("icmp_code", &code)?;
            }
            Transport::Opaque => map.serialize_entry("destination", &destination)?,
        }
        map.end()
    }
}

/// A reason, as every document tells it.
#[derive(Debug, Serialize)]
pub(crate) struct ReasonView {
    code: &'static str,
    leg: &'static str,
    direction: Option<&'static str>,
    resource: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
    rule: Option<String>,
    semantics: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<Shown<reach_model::Call>>,
}

impl ReasonView {
    pub(crate) fn new(network: &Network, reason: &Reason) -> Self {
        let groups = explain::groups(network, reason);
        Self {
            code: reason.code.as_str(),
            leg: reason.leg.as_str(),
            direction: reason.direction.map(reach_model::network::Direction::as_str),
            resource: explain::resource(network, reason),
            // One group is the resource itself.
            groups: if groups.len() > 1 { groups } else { Vec::new() },
            rule: reason.rule.as_ref().map(|rule| explain::rule(network, rule)),
            semantics: reason.semantics,
            message: explain::message(network, reason),
            call: reason.call.map(Shown),
        }
    }
}

#[derive(Serialize)]
struct Path<'a> {
    forward: List<std::slice::Iter<'a, Step>, &'a Network>,
    #[serde(rename = "return")]
    back: List<std::slice::Iter<'a, Step>, &'a Network>,
}

#[derive(Serialize)]
struct StepView {
    resource: String,
    kind: &'static str,
    step: &'static str,
    outcome: &'static str,
    rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination: Option<IpAddr>,
}

impl StepView {
    fn new(network: &Network, step: &Step) -> Self {
        Self {
            resource: explain::site_id(network, &step.site),
            kind: explain::site_kind(&step.site),
            step: step.stage.as_str(),
            outcome: step.outcome.as_str(),
            rule: step.rule.as_ref().map(|rule| explain::rule(network, rule)),
            source: step.rewritten.map(|(source, _)| source),
            destination: step.rewritten.map(|(_, destination)| destination),
        }
    }
}

#[derive(Serialize)]
struct TrackingView {
    source: Option<&'static str>,
    destination: Option<&'static str>,
}

/// The parts of the outside whose answer differs from that of the default range.
#[derive(Serialize)]
struct OutsideView<'a> {
    reachable: Vec<Shown<&'a dyn Display>>,
    blocked: Vec<Shown<&'a dyn Display>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    partial: Vec<Shown<&'a dyn Display>>,
    unknown: Vec<Shown<&'a dyn Display>>,
}

impl<'a> OutsideView<'a> {
    fn new(carved: &'a Carved) -> Self {
        fn shown<T: Display>(list: &[T]) -> Vec<Shown<&dyn Display>> {
            list.iter().map(|net| Shown(net as &dyn Display)).collect()
        }
        Self {
            reachable: shown(&carved.reachable),
            blocked: shown(&carved.blocked),
            partial: shown(&carved.partial),
            unknown: shown(&carved.unknown),
        }
    }
}
