//! Reports for tickets and pull requests: a table of all findings, then those about which something is to be done.

use std::fmt::Write as _;

use reach_eks::audit::{Level, Remark};
use reach_engine::fix::Fix;

use super::{Entry, Report, Subject, text, word};
use crate::render::change;
use crate::render::fix::over;
use crate::render::markdown::{code, escape};

/// More names than this are counted, not shown.
const SHOWN: usize = 6;

/// Renders the report.
pub(crate) fn render(report: &Report<'_>, explain: bool) -> String {
    let mut page = String::new();
    let status = report.status().as_str();
    match report.subject {
        Subject::Cluster(name, level) => {
            line(&mut page, format_args!("## **{status}**: cluster {}, level {}\n", code(name), level.as_str()));
            line(&mut page, format_args!("{}.", report.weighing().in_words()));
        }
        Subject::Policy(file, description) => {
            line(&mut page, format_args!("## **{status}**: policy {}\n", code(file)));
            if let Some(description) = description {
                line(&mut page, format_args!("{}\n", escape(description)));
            }
            let counts = report.weighing();
            line(&mut page, format_args!("{} of {} as expected.", counts.pass, counts.total));
        }
    }
    let is_policy = matches!(report.subject, Subject::Policy(..));
    let third = if is_policy { "verdict" } else { "level" };
    line(&mut page, format_args!("\n| status | finding | {third} | pairs | what |\n| --- | --- | --- | --- | --- |"));
    let entries = report.ordered();
    let entries: Vec<&Entry<'_>> = entries.into_iter().chain(&report.also).collect();
    for entry in &entries {
        row(&mut page, entry);
    }
    for entry in entries.iter().filter(|entry| entry.is_open()) {
        open(&mut page, report, entry, explain);
    }
    if !report.remarks.is_empty() {
        line(&mut page, "\n### Remarks\n");
        for remark in report.remarks {
            line(&mut page, format_args!("- {}", remarked(remark)));
        }
    }
    if report.all().any(|entry| !entry.fixes.is_empty()) {
        line(&mut page, "\nNothing was applied: every fix was verified on paper.");
    }
    page
}

fn line(page: &mut String, text: impl std::fmt::Display) {
    // Writing to a string does not fail.
    let _ = writeln!(page, "{text}");
}

fn row(page: &mut String, entry: &Entry<'_>) {
    let status = word(entry.status);
    let status = if entry.is_open() { format!("**{status}**") } else { status.to_owned() };
    let third = match entry.expected {
        Some(expected) => expected.verdict.as_str(),
        None => entry.level.map_or("", Level::as_str),
    };
    let pairs = match entry.pairs.total {
        0 => String::new(),
        total => format!("{} of {total}", entry.pairs.reachable),
    };
    line(page, format_args!("| {status} | {} | {third} | {pairs} | {} |", code(entry.id), escape(&entry.title)));
}

fn open(page: &mut String, report: &Report<'_>, entry: &Entry<'_>, explain: bool) {
    line(page, format_args!("\n### **{}**: {}\n", word(entry.status), code(entry.id)));
    let mut lead = escape(&entry.title);
    if let Some(level) = entry.level {
        let _ = write!(lead, " ({}{})", level.as_str(), if entry.weighs { "" } else { "; it decides nothing" });
    }
    line(page, format_args!("{lead}\n"));
    body(page, report, entry, explain);
}

/// What is said about an entry, as a list, and its fix.
pub(super) fn body(page: &mut String, report: &Report<'_>, entry: &Entry<'_>, explain: bool) {
    if let Some(expected) = entry.expected {
        let compared = entry.compared().unwrap_or_default();
        line(page, format_args!("- **verdict**: {compared} (line {})", expected.at.line));
        if let Some(why) = expected.why {
            line(page, format_args!("- **because**: {}", escape(why)));
        }
    }
    if let Some(which) = entry.which() {
        line(page, format_args!("- **pairs**: {}", escape(&which)));
    }
    for each in entry.each() {
        line(page, format_args!("  - {}", escape(&each)));
    }
    if let Some(refused) = entry.refused() {
        line(page, format_args!("- **refused**: {}", code(&refused)));
    }
    for why in entry.whys(report.network) {
        let leg = match why.legs {
            (false, true) => "on the way back: ",
            (true, true) => "both ways: ",
            _ => "",
        };
        let also = if why.also.is_empty() { String::new() } else { format!(" (the same for {})", why.also.join(", ")) };
        line(
            page,
            format_args!(
                "- **why**: {leg}{}{} ({}, {}; look at {})",
                escape(&why.sentence),
                escape(&also),
                code(why.code),
                why.semantics,
                escape(&why.place)
            ),
        );
        for command in &why.commands {
            line(page, format_args!("  - run {}", code(command)));
        }
    }
    for remark in entry.remarks {
        line(page, format_args!("- **why**: {}", remarked(remark)));
    }
    for (name, rule) in entry.admitted_by(report.network) {
        let rule = rule.map_or_else(String::new, |rule| format!(": {}", escape(&rule)));
        line(page, format_args!("- **admitted** by {}{rule}", code(&name)));
    }
    let telling = entry.telling();
    let limit = if explain { usize::MAX } else { SHOWN };
    for (label, sources) in [("from", true), ("to", false)] {
        if let Some(names) = text::names(report, entry, &telling, sources, limit, explain) {
            line(page, format_args!("- **{label}**: {}", escape(&names)));
        }
    }
    if let Some(source) = entry.source {
        line(page, format_args!("- **rule**: {}, [{}]({})", source.semantics, escape(source.title), source.url));
        for row in entry.rows {
            line(page, format_args!("  - {}", escape(&row.to_string())));
        }
    }
    let limit = if explain { usize::MAX } else { 1 };
    for (position, fix) in entry.fixes.iter().take(limit).enumerate() {
        let label = if position == 0 { "Fix" } else { "Or" };
        mend(page, label, fix, explain);
    }
    if let Some(sentence) = entry.without_fix() {
        line(page, format_args!("- **fix**: {sentence}"));
    }
    let again: Vec<String> = entry.asked_again(report.again).into_iter().collect();
    if !again.is_empty() {
        line(page, "\nAsk again:\n");
        fenced(page, "sh", &again.join("\n"));
    }
}

fn mend(page: &mut String, label: &str, fix: &Fix, explain: bool) {
    let words: Vec<String> = fix.changes.iter().flat_map(change::words).map(|words| escape(&words)).collect();
    line(page, format_args!("\n{label}: {}\n", words.join("; ")));
    let commands: Vec<String> = fix.changes.iter().map(change::aws_cli).collect();
    fenced(page, "sh", &commands.join("\n"));
    for quota in &fix.quota {
        line(page, format_args!("\nBut {}.", escape(&over(quota))));
    }
    if explain {
        line(page, "");
        let calls: Vec<String> = fix.changes.iter().map(|change| change::api(change).to_string()).collect();
        fenced(page, "json", &calls.join("\n"));
        line(page, "");
        fenced(page, "hcl", change::terraform(&fix.changes).trim_end());
    }
}

fn remarked(remark: &Remark) -> String {
    let about = remark.resource.as_deref().filter(|id| !remark.message.contains(id));
    let about = about.map_or_else(String::new, |id| format!("{}: ", code(id)));
    format!("{about}{} ({}, {})", escape(&remark.message), code(remark.code), remark.semantics)
}

/// A block of code that nothing in it can end.
fn fenced(page: &mut String, language: &str, text: &str) {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(3.max(longest + 1));
    let text: String = text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect();
    line(page, format_args!("{fence}{language}\n{text}\n{fence}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_cannot_leave_its_block() {
        let mut page = String::new();
        fenced(&mut page, "sh", "a\n```\n# b\u{7}");
        assert_eq!(page, "````sh\na\n```\n# b\u{fffd}\n````\n");
    }
}
