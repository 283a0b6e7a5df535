//! Fixes: for people, for pull requests, and as `reach.fix/1`, described by `schemas/fix.schema.json`.

use std::fmt::Write as _;
use std::io;

use reach_engine::fix::{Fix, Quota, Repair};
use serde::Serialize;

use super::change::{self, Rule};
use super::layout::{BOLD, DIM, PLAIN, Page, Span, solid, span, verdict as verdict_style};
use super::{Told, facts, json, markdown, reasons};

use reach_engine::Verdict;

/// The schema of fixes.
pub(crate) const SCHEMA: &str = "reach.fix/1";

/// The margin of labels.
const MARGIN: usize = 11;

/// More reasons than this are counted, not shown.
const REASONS: usize = 10;

/// What came of it, in one word of the JSON output.
const fn status(repair: &Repair) -> &'static str {
    match repair {
        Repair::AlreadyReachable => "already_reachable",
        Repair::Fixed(_) => "fixed",
        Repair::Impossible => "impossible",
        Repair::Unknown => "unknown",
    }
}

fn fixes(repair: &Repair) -> &[Fix] {
    match repair {
        Repair::Fixed(fixes) => fixes,
        _ => &[],
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    question: json::Asked<'a>,
    status: &'static str,
    fixes: Vec<FixView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasons: Option<Vec<json::ReasonView>>,
}

/// A fix, as every document tells it.
#[derive(Debug, Serialize)]
pub(crate) struct FixView {
    changes: Vec<serde_json::Value>,
    rules: Vec<Rule>,
    aws_cli: Vec<String>,
    terraform: String,
    verified: bool,
    quota: Vec<QuotaView>,
}

#[derive(Debug, Serialize)]
struct QuotaView {
    resource: String,
    rules: u64,
    limit: u64,
}

impl From<&Fix> for FixView {
    fn from(fix: &Fix) -> Self {
        Self {
            changes: fix.changes.iter().map(change::api).collect(),
            rules: fix.changes.iter().flat_map(change::rules).collect(),
            aws_cli: fix.changes.iter().map(change::aws_cli).collect(),
            terraform: change::terraform(&fix.changes),
            verified: fix.pairs.total > 0 && fix.pairs.reachable == fix.pairs.total,
            quota: fix
                .quota
                .iter()
                .map(|Quota { resource, rules, limit }| QuotaView {
                    resource: resource.clone(),
                    rules: *rules,
                    limit: *limit,
                })
                .collect(),
        }
    }
}

/// Writes the document.
pub(crate) fn write(told: &Told<'_>, repair: &Repair, pretty: bool, mut writer: impl io::Write) -> io::Result<()> {
    let open = matches!(repair, Repair::Impossible | Repair::Unknown);
    let document = Document {
        schema: SCHEMA,
        question: json::Asked::new(told),
        status: status(repair),
        fixes: fixes(repair).iter().map(FixView::from).collect(),
        reasons: open.then(|| json::reasons(told)),
    };
    if pretty {
        serde_json::to_writer_pretty(&mut writer, &document)?;
    } else {
        serde_json::to_writer(&mut writer, &document)?;
    }
    writer.write_all(b"\n")
}

/// The first line: what came of it.
fn headline(repair: &Repair) -> (&'static str, Verdict) {
    match repair {
        Repair::AlreadyReachable => ("already reachable", Verdict::Reachable),
        Repair::Fixed(_) => ("can be fixed", Verdict::Reachable),
        Repair::Impossible => ("cannot be fixed", Verdict::Blocked),
        Repair::Unknown => ("unknown", Verdict::Unknown),
    }
}

/// What there is to say beside fixes.
const fn remark(repair: &Repair) -> &'static str {
    match repair {
        Repair::AlreadyReachable => "Nothing is to be mended.",
        Repair::Fixed(_) => "Nothing was applied.",
        Repair::Impossible => "No change of rules, entries, routes, endpoints or lists that reach knows makes it so.",
        Repair::Unknown => "What the snapshot does not hold decides; no fix could be verified.",
    }
}

/// `verified: …`.
fn verified(fix: &Fix) -> String {
    let pairs = fix.pairs;
    let noun = if pairs.total == 1 { "pair" } else { "pairs" };
    format!("asked again on the changed snapshot, {} of {} {noun} reachable", pairs.reachable, pairs.total)
}

/// A quota that a fix would pass.
pub(crate) fn over(quota: &Quota) -> String {
    format!("{} would have {}, and AWS's default is {} (it can be raised)", quota.resource, quota.rules, quota.limit)
}

/// What is in the way, one sentence each.
fn in_the_way(told: &Told<'_>) -> Vec<reasons::Why> {
    let mut whys: Vec<reasons::Why> = Vec::new();
    for cluster in reasons::clusters(told, false) {
        for why in reasons::whys(told, &cluster) {
            if !whys.iter().any(|known| known.sentence == why.sentence) {
                whys.push(why);
            }
        }
    }
    whys
}

/// Renders for people, in lines of `width` columns.
pub(crate) fn text(told: &Told<'_>, repair: &Repair, width: usize) -> String {
    let mut page = Page::new(width);
    let none = span(PLAIN, "");
    let (word, verdict) = headline(repair);
    page.paragraph(
        0,
        &none,
        &[
            span(verdict_style(verdict), word),
            span(BOLD, format_args!("{} -> {},", told.from, told.to)),
            span(PLAIN, facts::traffic(told.asked)),
        ],
    );
    page.paragraph(0, &none, &[span(PLAIN, format_args!("{} now", facts::counts(&told.answer.pairs)))]);
    let whys = in_the_way(told);
    if !whys.is_empty() {
        page.blank();
    }
    for (position, why) in whys.iter().take(REASONS).enumerate() {
        let label = if position == 0 { "why" } else { "" };
        let mut spans = Vec::new();
        match why.legs {
            (false, true) => spans.push(span(PLAIN, "on the way back:")),
            (true, true) => spans.push(span(PLAIN, "both ways:")),
            _ => {}
        }
        spans.push(span(PLAIN, &why.sentence));
        page.paragraph(MARGIN, &label_span(label), &spans);
        for command in &why.commands {
            page.paragraph(MARGIN, &none, &[span(PLAIN, "run"), solid(BOLD, command)]);
        }
    }
    if whys.len() > REASONS {
        let more = whys.len() - REASONS;
        page.paragraph(MARGIN, &none, &[span(DIM, format_args!("… and {more} more; `reach query` shows them"))]);
    }
    let list = fixes(repair);
    for (position, fix) in list.iter().enumerate() {
        page.blank();
        let number = if list.len() == 1 { "fix".to_owned() } else { format!("fix {}", position + 1) };
        for (position, words) in fix.changes.iter().flat_map(change::words).enumerate() {
            let label = if position == 0 { number.as_str() } else { "" };
            page.paragraph(MARGIN, &label_span(label), &[span(PLAIN, words)]);
        }
        for quota in &fix.quota {
            page.paragraph(MARGIN, &label_span("quota"), &[span(verdict_style(Verdict::Partial), over(quota))]);
        }
        page.paragraph(MARGIN, &label_span("verified"), &[span(PLAIN, verified(fix))]);
        page.blank();
        for command in fix.changes.iter().map(change::aws_cli) {
            page.paragraph(0, &none, &[solid(PLAIN, command)]);
        }
        page.blank();
        for line in change::terraform(&fix.changes).lines() {
            // Indentation is part of it, and so is the line.
            page.paragraph(0, &none, &[solid(DIM, line)]);
        }
    }
    page.blank();
    page.paragraph(0, &none, &[span(PLAIN, remark(repair))]);
    page.into_text()
}

fn label_span(label: &str) -> Span {
    span(BOLD, format_args!("  {label}"))
}

/// Renders for pull requests and chats.
pub(crate) fn markdown(told: &Told<'_>, repair: &Repair) -> String {
    let mut page = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| {
        // Writing to a string does not fail.
        let _ = writeln!(page, "{text}");
    };
    let (word, _) = headline(repair);
    let (code, escape) = (markdown::code, markdown::escape);
    let traffic = escape(&facts::traffic(told.asked));
    line(format_args!("### **{word}**: {} → {}, {traffic}\n", code(told.from), code(told.to)));
    line(format_args!("{} now.\n", facts::counts(&told.answer.pairs)));
    for why in in_the_way(told) {
        let leg = match why.legs {
            (false, true) => "on the way back: ",
            (true, true) => "both ways: ",
            _ => "",
        };
        line(format_args!("- {leg}{} (`{}`, {})", escape(&why.sentence), why.code, why.semantics));
        for command in &why.commands {
            line(format_args!("  - run {}", code(command)));
        }
    }
    for (position, fix) in fixes(repair).iter().enumerate() {
        line(format_args!("\n#### Fix {}\n", position + 1));
        for words in fix.changes.iter().flat_map(change::words) {
            line(format_args!("- {}", escape(&words)));
        }
        for quota in &fix.quota {
            line(format_args!("- **quota**: {}", escape(&over(quota))));
        }
        line(format_args!("- verified: {}\n", verified(fix)));
        line(format_args!("```sh"));
        for command in fix.changes.iter().map(change::aws_cli) {
            line(format_args!("{command}"));
        }
        line(format_args!("```\n\n```hcl\n{}```", change::terraform(&fix.changes)));
    }
    line(format_args!("\n{}", remark(repair)));
    page
}
