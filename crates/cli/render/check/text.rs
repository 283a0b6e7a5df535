//! Reports for people: the verdict, then what is to be done, then what is in order.

use std::collections::BTreeSet;

use anstyle::{AnsiColor, Style};
use reach_eks::audit::{Remark, Status};
use reach_engine::endpoint::Endpoint;
use reach_engine::fix::Fix;
use reach_engine::question::Group;
use reach_engine::{Verdict, explain};
use reach_packets::Family;

use super::{Entry, Report, Subject};
use crate::render::change;
use crate::render::ends::{self, End};
use crate::render::facts;
use crate::render::fix::over;
use crate::render::layout::{BOLD, DIM, PLAIN, Page, Span, solid, span, verdict as verdict_style};

/// The margin of labels.
const MARGIN: usize = 11;

/// More names, reasons or rules than this are counted, not shown, unless everything is asked for.
const SHOWN: usize = 6;

/// More rows of AWS's tables than this are counted, not shown, unless everything is asked for.
const ROWS: usize = 2;

/// The style of a status.
const fn style(status: Status) -> Style {
    match status {
        Status::Fail => verdict_style(Verdict::Blocked),
        Status::Partial => verdict_style(Verdict::Partial),
        Status::Unknown => verdict_style(Verdict::Unknown),
        Status::Pass => AnsiColor::Green.on_default(),
        Status::NotApplicable => DIM,
    }
}

/// The word where there is little room.
const fn short(status: Status) -> &'static str {
    if matches!(status, Status::NotApplicable) { "n/a" } else { status.as_str() }
}

/// Renders the report in lines of `width` columns.
pub(crate) fn render(report: &Report<'_>, explain: bool, width: usize) -> String {
    let mut page = Page::new(width);
    head(&mut page, report);
    let entries = report.ordered();
    let mut above = false;
    for entry in entries.iter().filter(|entry| entry.is_open()) {
        page.blank();
        if !entry.weighs && !above {
            above = true;
            line(&mut page, &[span(BOLD, "above the asked level")]);
            page.blank();
        }
        open(&mut page, report, entry, explain);
    }
    for status in [Status::Pass, Status::NotApplicable] {
        let settled: Vec<&Entry<'_>> = entries.iter().copied().filter(|entry| entry.status == status).collect();
        if settled.is_empty() {
            continue;
        }
        page.blank();
        if explain {
            for entry in settled {
                in_full(&mut page, report, entry);
            }
        } else {
            rows(&mut page, &settled, width);
        }
    }
    besides(&mut page, report, explain, width);
    if !report.remarks.is_empty() {
        page.blank();
        remarks(&mut page, report.remarks);
    }
    if report.all().any(|entry| !entry.fixes.is_empty()) {
        page.blank();
        line(&mut page, &[span(DIM, "nothing was applied: every fix was verified on paper, and is yours to make")]);
    }
    page.into_text()
}

/// What was asked about by name.
fn besides(page: &mut Page, report: &Report<'_>, explain: bool, width: usize) {
    if report.also.is_empty() {
        return;
    }
    page.blank();
    line(page, &[span(BOLD, "also asked about"), span(DIM, "(it decides nothing)")]);
    for entry in report.also.iter().filter(|entry| entry.is_open()) {
        page.blank();
        open(page, report, entry, explain);
    }
    let settled: Vec<&Entry<'_>> = report.also.iter().filter(|entry| !entry.is_open()).collect();
    if !settled.is_empty() {
        page.blank();
        rows(page, &settled, width);
    }
}

fn line(page: &mut Page, spans: &[Span]) {
    page.paragraph(0, &span(PLAIN, ""), spans);
}

/// The verdict of all in the first line.
fn head(page: &mut Page, report: &Report<'_>) {
    let status = report.status();
    let counts = report.weighing();
    let mut spans = vec![span(style(status).bold(), status.as_str())];
    match report.subject {
        Subject::Cluster(name, level) => {
            spans.push(span(BOLD, format_args!("cluster {name},")));
            spans.push(span(PLAIN, format_args!("level {}: {}", level.as_str(), counts.in_words())));
        }
        Subject::Policy(file, _) => {
            spans.push(span(BOLD, format_args!("{file}:")));
            let mut text = format!("{} of {} as expected", counts.pass, counts.total);
            for (count, word) in [(counts.fail, "not"), (counts.unknown, "unknown")] {
                if count > 0 {
                    text = format!("{text}, {count} {word}");
                }
            }
            spans.push(span(PLAIN, text));
        }
    }
    line(page, &spans);
    if let Subject::Policy(_, Some(description)) = report.subject {
        line(page, &[span(PLAIN, description)]);
    }
    let above = report.entries.iter().filter(|entry| !entry.weighs && entry.is_open()).count();
    if above > 0 {
        let noun = if above == 1 { "finding" } else { "findings" };
        line(page, &[span(DIM, format_args!("{above} more {noun} above that level"))]);
    }
}

/// What all entries begin with.
fn title(page: &mut Page, entry: &Entry<'_>) {
    let mut spans = vec![span(BOLD, entry.id)];
    if let Some(level) = entry.level {
        spans.push(span(DIM, format_args!("({})", level.as_str())));
    }
    page.paragraph(MARGIN, &span(style(entry.status), short(entry.status)), &spans);
    labelled(page, "", &[span(PLAIN, &entry.title)]);
}

fn labelled(page: &mut Page, label: &str, spans: &[Span]) {
    page.paragraph(MARGIN, &span(BOLD, format_args!("  {label}")), spans);
}

/// An entry about which something is to be done.
fn open(page: &mut Page, report: &Report<'_>, entry: &Entry<'_>, explain: bool) {
    title(page, entry);
    if let Some(expected) = entry.expected {
        let line = expected.at.line;
        let compared = entry.compared().unwrap_or_default();
        labelled(page, "verdict", &[span(PLAIN, compared), span(DIM, format_args!("(line {line})"))]);
        if let Some(why) = expected.why {
            labelled(page, "because", &[span(PLAIN, why)]);
        }
    }
    if let Some(which) = entry.which() {
        labelled(page, "pairs", &[span(PLAIN, which)]);
    }
    for each in entry.each() {
        labelled(page, "", &[span(PLAIN, each)]);
    }
    if let Some(refused) = entry.refused() {
        labelled(page, "refused", &[span(PLAIN, refused)]);
    }
    why(page, report, entry, explain);
    who(page, report, entry, explain);
    if let Some(source) = entry.source {
        let spans = [span(PLAIN, format_args!("{}: {}", source.semantics, source.title)), solid(DIM, source.url)];
        labelled(page, "rule", &spans);
        let limit = if explain { usize::MAX } else { ROWS };
        for row in entry.rows.iter().take(limit) {
            labelled(page, "", &[span(DIM, row)]);
        }
        let more = entry.rows.len().saturating_sub(limit);
        if more > 0 {
            let noun = if more == 1 { "row" } else { "rows" };
            labelled(page, "", &[span(DIM, format_args!("… and {more} more {noun} of AWS's tables"))]);
        }
    }
    let limit = if explain { usize::MAX } else { 1 };
    for (position, fix) in entry.fixes.iter().take(limit).enumerate() {
        let label = if position == 0 { "fix" } else { "or" };
        mend(page, label, fix, explain);
    }
    let more = entry.fixes.len().saturating_sub(limit);
    if more > 0 {
        let noun = if more == 1 { "another way" } else { "other ways" };
        labelled(page, "", &[span(DIM, format_args!("… and {more} {noun}; --explain shows all"))]);
    }
    if let Some(sentence) = entry.without_fix() {
        labelled(page, "fix", &[span(PLAIN, sentence)]);
    }
    let mut label = "ask";
    for command in entry.asked_again(report.again) {
        labelled(page, label, &[solid(DIM, command)]);
        label = "";
    }
}

fn why(page: &mut Page, report: &Report<'_>, entry: &Entry<'_>, explain: bool) {
    let limit = if explain { usize::MAX } else { SHOWN };
    let whys = entry.whys(report.network);
    // Of many ports a reason speaks of one.
    let is_example = entry.answers.iter().any(|answered| !facts::is_point(&answered.question.ask));
    let mut label = "why";
    for why in whys.iter().take(limit) {
        let mut sentence = Vec::new();
        match why.legs {
            (false, true) => sentence.push(span(BOLD, "on the way back:")),
            (true, true) => sentence.push(span(BOLD, "both ways:")),
            _ => {}
        }
        if is_example && why.commands.is_empty() {
            sentence.push(span(PLAIN, "for example,"));
        }
        sentence.push(span(PLAIN, &why.sentence));
        if !why.also.is_empty() {
            let also = ends::shortened(&why.also, limit);
            sentence.push(span(PLAIN, format_args!("(the same for {also})")));
        }
        labelled(page, label, &sentence);
        label = "";
        let detail = format!("{} {} · look at {}", why.code, why.semantics, why.place);
        labelled(page, "", &[span(DIM, detail)]);
        for command in &why.commands {
            labelled(page, "", &[span(PLAIN, "run"), solid(BOLD, command)]);
        }
    }
    if whys.len() > limit {
        let more = whys.len() - limit;
        labelled(page, "", &[span(DIM, format_args!("… and {more} more reasons; --explain shows all"))]);
    }
    for remark in entry.remarks {
        told(page, label, remark);
        label = "";
    }
    let admitting = entry.admitted_by(report.network);
    let mut label = "admitted";
    for (name, rule) in admitting.iter().take(limit) {
        let mut spans = vec![span(PLAIN, "by"), solid(PLAIN, name)];
        spans.extend(rule.as_ref().map(|rule| span(PLAIN, format_args!("({rule})"))));
        labelled(page, label, &spans);
        label = "";
    }
    if admitting.len() > limit {
        let more = admitting.len() - limit;
        labelled(page, "", &[span(DIM, format_args!("… and {more} more rules; --explain shows all"))]);
    }
}

fn told(page: &mut Page, label: &str, remark: &Remark) {
    let about = remark.resource.as_deref().filter(|id| !remark.message.contains(id));
    let mut spans = Vec::new();
    spans.extend(about.map(|id| solid(PLAIN, format_args!("{id}:"))));
    spans.push(span(PLAIN, &remark.message));
    labelled(page, label, &spans);
    labelled(page, "", &[span(DIM, format_args!("{} {}", remark.code, remark.semantics))]);
}

fn remarks(page: &mut Page, list: &[Remark]) {
    for (position, remark) in list.iter().enumerate() {
        told(page, if position == 0 { "note" } else { "" }, remark);
    }
}

/// The ends of the flows that make it what it is.
fn who(page: &mut Page, report: &Report<'_>, entry: &Entry<'_>, explain: bool) {
    let limit = if explain { usize::MAX } else { SHOWN };
    let telling = entry.telling();
    for (label, sources) in [("from", true), ("to", false)] {
        let texts = names(report, entry, &telling, sources, limit, explain);
        if let Some(texts) = texts {
            labelled(page, label, &[span(PLAIN, texts)]);
        }
    }
}

/// One side of some groups, by name; `None` where there is nobody.
pub(super) fn names(
    report: &Report<'_>,
    entry: &Entry<'_>,
    groups: &[&Group],
    sources: bool,
    limit: usize,
    with_ids: bool,
) -> Option<String> {
    let side = |group: &'_ &Group| if sources { group.from.clone() } else { group.to.clone() };
    let wanted: BTreeSet<Endpoint> = groups.iter().flat_map(side).collect();
    let mut seen: BTreeSet<&Endpoint> = BTreeSet::new();
    let mut list: Vec<End> = Vec::new();
    for answered in &entry.answers {
        let witness = answered.answer.groups.iter().find_map(|group| group.answer.witness);
        let family = witness.map(|flow| Family::of(flow.destination));
        let question = answered.question;
        let all: Vec<&Endpoint> =
            if sources { question.from.iter().collect() } else { question.to.iter().map(|to| &to.endpoint).collect() };
        for endpoint in all.into_iter().filter(|endpoint| wanted.contains(endpoint)) {
            if seen.insert(endpoint) {
                list.push(ends::end(report.network, endpoint, family));
            }
        }
    }
    if list.is_empty() {
        return None;
    }
    let (names, hidden) = ends::named(list, limit, with_ids);
    let mut texts: Vec<String> = names
        .into_iter()
        .map(|(name, addresses)| match (name, addresses.join(", ")) {
            (Some(name), addresses) if addresses.is_empty() => name,
            (Some(name), addresses) => format!("{name} ({addresses})"),
            (None, addresses) => addresses,
        })
        .collect();
    if hidden > 0 {
        texts.push(format!("… and {hidden} more"));
    }
    Some(texts.join(", "))
}

/// A fix in words and as commands.
fn mend(page: &mut Page, label: &str, fix: &Fix, explain: bool) {
    let mut label = label;
    for words in fix.changes.iter().flat_map(change::words) {
        labelled(page, label, &[span(PLAIN, words)]);
        label = "";
    }
    for change in &fix.changes {
        labelled(page, "", &[solid(BOLD, change::aws_cli(change))]);
    }
    for quota in &fix.quota {
        labelled(page, "", &[span(PLAIN, format_args!("but {}", over(quota)))]);
    }
    if explain {
        for change in &fix.changes {
            labelled(page, "", &[solid(DIM, change::api(change))]);
        }
        for line in change::terraform(&fix.changes).lines() {
            labelled(page, "", &[solid(DIM, line)]);
        }
    }
}

/// Entries that are in order, one line each: a title that does not fit ends in an ellipsis.
fn rows(page: &mut Page, entries: &[&Entry<'_>], width: usize) {
    let widest = entries.iter().map(|entry| entry.id.chars().count()).max().unwrap_or(0);
    let room = width.saturating_sub(4 + 2 + widest + 2);
    let rows: Vec<Vec<Span>> = entries
        .iter()
        .map(|entry| {
            let told = match entry.expected {
                Some(expected) => format!("{}: {}", entry.title, expected.verdict),
                None => entry.title.to_string(),
            };
            let mut title = told.clone();
            if told.chars().count() > room {
                title = told.chars().take(room.saturating_sub(1)).collect();
                title.truncate(title.trim_end().len());
                title.push('…');
            }
            vec![
                span(style(entry.status), format_args!("{:<4}", short(entry.status))),
                span(PLAIN, entry.id),
                solid(DIM, title),
            ]
        })
        .collect();
    page.table(0, &rows);
}

fn in_full(page: &mut Page, report: &Report<'_>, entry: &Entry<'_>) {
    title(page, entry);
    if let Some(compared) = entry.compared() {
        labelled(page, "verdict", &[span(PLAIN, compared)]);
    }
    if let Some(which) = entry.which() {
        labelled(page, "pairs", &[span(PLAIN, which)]);
    }
    for (position, remark) in entry.remarks.iter().enumerate() {
        told(page, if position == 0 { "note" } else { "" }, remark);
    }
    let rules: Vec<String> = entry.decided_by(report.network).into_iter().collect();
    if !rules.is_empty() {
        labelled(page, "rules", &[span(PLAIN, rules.join(", "))]);
    }
    let assumed: BTreeSet<&'static str> = entry
        .answers
        .iter()
        .flat_map(|answered| &answered.answer.assumptions)
        .map(|&assumption| explain::assumption(assumption))
        .collect();
    for assumption in assumed {
        labelled(page, "assumed", &[span(DIM, assumption)]);
    }
}
