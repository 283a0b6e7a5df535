//! Reports for programs: `reach.check/1`, described by `schemas/check.schema.json`.

use indexmap::{IndexMap, IndexSet};
use reach_eks::audit::{Placement, Remark, Source};
use reach_engine::reason::Reason;
use reach_engine::{Verdict, explain};
use reach_model::Network;
use reach_packets::Family;
use serde::Serialize;

use super::{Answered, Counts, Entry, Report, SCHEMA, Subject, Terms};
use crate::render::fix::FixView;
use crate::render::json::{Pairs, ReasonView};

/// Renders the report.
pub(crate) fn render(report: &Report<'_>) -> serde_json::Result<Vec<u8>> {
    let (cluster, level, policy, description) = match report.subject {
        Subject::Cluster(name, level) => (Some(name), Some(level.as_str()), None, None),
        Subject::Policy(file, description) => (None, None, Some(file), description),
    };
    let document = Document {
        schema: SCHEMA,
        cluster,
        level,
        policy,
        description,
        status: report.status().as_str(),
        counts: report.counts(),
        findings: report.entries.iter().map(|entry| EntryView::new(report.network, entry)).collect(),
        also: report.also.iter().map(|entry| EntryView::new(report.network, entry)).collect(),
        remarks: report.remarks.iter().map(RemarkView::new).collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&document)?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    status: &'static str,
    counts: Counts,
    findings: Vec<EntryView<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    also: Vec<EntryView<'a>>,
    remarks: Vec<RemarkView<'a>>,
}

#[derive(Serialize)]
struct EntryView<'a> {
    id: &'a str,
    level: Option<&'static str>,
    status: &'static str,
    title: &'a str,
    question: Option<TermsView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<usize>,
    pairs: Pairs,
    answers: Vec<AnswerView<'a>>,
    placement: Vec<PlacementView<'a>>,
    reasons: Vec<Cause<'a>>,
    decided_by: IndexSet<String>,
    #[serde(skip_serializing_if = "IndexSet::is_empty")]
    admitted_by: IndexSet<String>,
    fixes: Vec<FixView>,
    mend: &'static str,
    source: Option<SourceView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rows: Vec<String>,
    assumptions: IndexSet<&'static str>,
}

impl<'a> EntryView<'a> {
    fn new(network: &Network, entry: &'a Entry<'a>) -> Self {
        let expected = entry.expected;
        let assumed = entry.answers.iter().flat_map(|answered| &answered.answer.assumptions);
        Self {
            id: entry.id,
            level: entry.level.map(reach_eks::audit::Level::as_str),
            status: entry.status.as_str(),
            title: &entry.title,
            question: entry.question.map(TermsView::new),
            expected: expected.map(|expected| expected.wanted),
            verdict: expected.map(|expected| expected.verdict),
            why: expected.and_then(|expected| expected.why),
            line: expected.map(|expected| expected.at.line),
            pairs: entry.pairs.into(),
            answers: entry.answers.iter().map(AnswerView::new).collect(),
            placement: entry.placement.iter().map(PlacementView::new).collect(),
            reasons: causes(network, entry),
            decided_by: entry.decided_by(network),
            admitted_by: entry.admitted_by(network).into_iter().map(|(name, _)| name).collect(),
            fixes: entry.fixes.iter().map(FixView::from).collect(),
            mend: entry.mend.as_str(),
            source: entry.source.map(SourceView::new),
            rows: entry.rows.iter().map(ToString::to_string).collect(),
            assumptions: assumed.map(|&assumption| explain::assumption(assumption)).collect(),
        }
    }
}

/// The reasons of all that does not pass, each once; then the remarks.
fn causes<'a>(network: &Network, entry: &'a Entry<'a>) -> Vec<Cause<'a>> {
    let groups = entry.groups().filter(|group| group.answer.verdict != Verdict::Reachable);
    let mut reasons: IndexMap<String, &Reason> = IndexMap::new();
    for reason in groups.flat_map(|group| &group.answer.reasons) {
        // Interfaces with the same groups are one resource; the packet belongs to the telling.
        let groups = explain::groups(network, reason);
        let place = if groups.is_empty() { explain::site_id(network, &reason.site) } else { groups.join(" ") };
        let rule = reason.rule.as_ref().map(|rule| explain::rule(network, rule));
        let Reason { leg, code, direction, semantics, note, call, .. } = reason;
        let key = format!("{:?}", (place, leg, code, direction, semantics, note, call, rule));
        reasons.entry(key).or_insert(reason);
    }
    let told = reasons.into_values().map(|reason| Cause::Reason(ReasonView::new(network, reason)));
    told.chain(entry.remarks.iter().map(|remark| Cause::Remark(RemarkView::new(remark)))).collect()
}

#[derive(Serialize)]
#[serde(untagged)]
enum Cause<'a> {
    Reason(ReasonView),
    Remark(RemarkView<'a>),
}

/// A remark in the form of a reason.
#[derive(Serialize)]
struct RemarkView<'a> {
    code: &'static str,
    leg: Option<&'static str>,
    direction: Option<&'static str>,
    resource: Option<&'a str>,
    rule: Option<&'static str>,
    semantics: &'static str,
    message: &'a str,
}

impl<'a> RemarkView<'a> {
    fn new(remark: &'a Remark) -> Self {
        let Remark { code, resource, semantics, message } = remark;
        Self { code, leg: None, direction: None, resource: resource.as_deref(), rule: None, semantics, message }
    }
}

#[derive(Serialize)]
struct TermsView<'a> {
    from: &'a str,
    to: &'a str,
    protocol: &'a str,
    port: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_port: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icmp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster: Option<&'a str>,
}

impl<'a> TermsView<'a> {
    fn new(terms: Terms<'a>) -> Self {
        let Terms { from, to, protocol, port, source_port, icmp, family, cluster } = terms;
        let family = family.map(|family| if family == Family::V4 { "ipv4" } else { "ipv6" });
        Self { from, to, protocol, port, source_port, icmp, family, cluster }
    }
}

/// The answer to one question, without its groups: `reach query` tells those.
#[derive(Serialize)]
struct AnswerView<'a> {
    question: TermsView<'a>,
    verdict: Verdict,
    forward: Verdict,
    #[serde(rename = "return")]
    back: Option<Verdict>,
    pairs: Pairs,
}

impl<'a> AnswerView<'a> {
    fn new(answered: &Answered<'a>) -> Self {
        let Answered { terms, answer, .. } = *answered;
        Self {
            question: TermsView::new(terms),
            verdict: answer.verdict,
            forward: answer.forward,
            back: answer.back,
            pairs: answer.pairs.into(),
        }
    }
}

#[derive(Serialize)]
struct PlacementView<'a> {
    side: &'static str,
    kind: &'static str,
    name: &'a str,
    pairs: Pairs,
}

impl<'a> PlacementView<'a> {
    fn new(placement: &'a Placement) -> Self {
        let Placement { side, kind, name, pairs } = placement;
        Self { side, kind, name, pairs: (*pairs).into() }
    }
}

#[derive(Serialize)]
struct SourceView {
    semantics: &'static str,
    title: &'static str,
    url: &'static str,
}

impl SourceView {
    const fn new(source: Source) -> Self {
        let Source { semantics, title, url } = source;
        Self { semantics, title, url }
    }
}
