//! What a change would do, as a comment on a pull request: the verdict in one line, what is lost, gained and cut in one
//! table, the rest folded away.

use std::fmt::Write as _;

use super::text::{CUT, UNKNOWN, due, summary, title};
use super::{Error, List, Told, by_ends, ends, resources, survive};
use crate::render::facts;
use crate::render::markdown::{code, escape};

/// More sets than this are counted, not shown.
const SETS: usize = 40;

/// Rows of the table that is not folded.
const ROWS: usize = 12;

/// More ends than this are counted, not shown.
const ENDS: usize = 5;

/// A table of lists. Writing to a string does not fail.
fn table(out: &mut String, told: &Told<'_>, lists: &[(&str, List)], limit: usize) {
    let any_due = lists.iter().any(|(_, list)| told.items(*list).iter().any(|item| !item.names().is_empty()));
    let (head, line) = if any_due { (" due to |", " --- |") } else { ("", "") };
    let mut rows = Vec::new();
    for (word, list) in lists {
        for (item, traffic) in by_ends(&told.items(*list)) {
            let [from, to] = ends(told, item, ENDS).map(|end| escape(&end));
            let word = if word.is_empty() { String::new() } else { format!(" {word} |") };
            let due = due(told, item.names(), code).unwrap_or_default();
            let due = due.strip_prefix("due to ").unwrap_or(&due);
            let due = if any_due { format!(" {due} |") } else { String::new() };
            rows.push(format!("|{word} {} | {from} | {to} |{due}", escape(&traffic)));
        }
    }
    if rows.is_empty() {
        return;
    }
    let worded = lists.iter().any(|(word, _)| !word.is_empty());
    let (first, rule) = if worded { (" what |", " --- |") } else { ("", "") };
    let _ = writeln!(out, "|{first} traffic | from | to |{head}\n|{rule} --- | --- | --- |{line}");
    for row in rows.iter().take(limit) {
        let _ = writeln!(out, "{row}");
    }
    if rows.len() > limit {
        let _ = writeln!(out, "\n… and {} more.", rows.len() - limit);
    }
    out.push('\n');
}

fn folded(out: &mut String, title: &str, body: &str) {
    if !body.is_empty() {
        let _ = writeln!(out, "<details><summary>{title}</summary>\n\n{}\n\n</details>\n", body.trim_end());
    }
}

/// The answer to a scenario.
pub(crate) fn render(told: &Told<'_>) -> String {
    let mut out = String::new();
    let connections = &told.found.connections;
    let _ = writeln!(out, "### {}: {}\n", escape(&title(told)), summary(told));
    if !told.verdicts.is_empty() {
        let _ = writeln!(out, "| question | before | after | expected |\n| --- | --- | --- | --- |");
        for change in told.verdicts {
            let expected = change
                .expected
                .as_ref()
                .map_or_else(String::new, |(name, expected)| format!("{expected} ({})", escape(name)));
            let question = format!("{} → {}, {}", change.from, change.to, facts::traffic(&change.asked));
            let _ = writeln!(out, "| {} | {} | {} | {expected} |", escape(&question), change.before, change.after);
        }
        out.push('\n');
    }
    if !told.findings().is_empty() {
        let _ = writeln!(out, "| requirement | level | before | after |\n| --- | --- | --- | --- |");
        for change in told.findings() {
            let [before, after] = [change.before, change.after].map(|status| status.as_str().replace('_', " "));
            let _ = writeln!(out, "| {} | {} | {before} | {after} |", code(&change.id), change.level.as_str());
        }
        out.push('\n');
    }
    refused(&mut out, told);
    let main = [
        ("**lost**", List::Lost),
        ("**cut now**", List::CutNow),
        ("undecided", List::Undecided),
        ("gained", List::Gained),
    ];
    table(&mut out, told, &main, ROWS);
    if !connections.cut_now.is_empty() {
        let _ = writeln!(out, "Where it says cut now, {CUT}.\n");
    }
    if !connections.survive_until_idle.is_empty() {
        let _ = writeln!(out, "{}.\n", capital(&survive(&connections.survive_until_idle)));
    }
    if !connections.unknown.is_empty() {
        let _ = writeln!(out, "{}.\n", capital(UNKNOWN));
    }
    left_out(&mut out, told);
    for quota in told.quota {
        let _ = writeln!(
            out,
            "- quota: {} would count {}, and AWS's default is {}",
            code(&quota.resource),
            quota.rules,
            quota.limit
        );
    }
    if !told.quota.is_empty() {
        out.push('\n');
    }
    let rows: usize = main.iter().map(|(_, list)| by_ends(&told.items(*list)).len()).sum();
    let mut body = String::new();
    if rows > ROWS {
        table(&mut body, told, &main, SETS);
    }
    folded(&mut out, "Everything that is lost, cut, undecided or gained", &body);
    for (title, list) in [
        ("Open connections that stay until they are idle", List::UntilIdle),
        ("Open connections of which it is not known", List::Unknown),
    ] {
        let mut body = String::new();
        table(&mut body, told, &[("", list)], SETS);
        folded(&mut out, title, &body);
    }
    let mut body = String::new();
    for line in resources::lines(told) {
        let _ = writeln!(body, "- {} {}", code(&line.resource), escape(&line.text));
    }
    folded(&mut out, "Resources that changed", &body);
    folded(&mut out, "What the plan does", &plan(told));
    out
}

fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What makes the answer one about a part of the plan only: it is not folded.
fn refused(out: &mut String, told: &Told<'_>) {
    let Some(plan) = told.plan else { return };
    for (address, call, text) in plan.refused() {
        let _ = writeln!(out, "- **refused**: {}: {call}: {}", code(address), escape(&text));
    }
    for problem in &plan.scenario.problems {
        let _ = writeln!(out, "- **not read**: {}", escape(&problem.to_string()));
    }
    if !plan.scenario.refused.is_empty() || !plan.scenario.problems.is_empty() {
        out.push('\n');
    }
}

fn left_out(out: &mut String, told: &Told<'_>) {
    let Some(plan) = told.plan else { return };
    for own in &plan.scenario.unsupported {
        let actions: Vec<&str> = own.actions.iter().map(|action| action.as_str()).collect();
        let _ = writeln!(
            out,
            "- **not understood**: {} ({}): {}",
            code(&own.address),
            actions.join(", "),
            escape(plan.why(own))
        );
    }
    if !plan.scenario.unsupported.is_empty() {
        out.push('\n');
    }
}

/// Resources of a plan with their calls, and remarks. Values are not told.
fn plan(told: &Told<'_>) -> String {
    let mut out = String::new();
    let Some(plan) = told.plan else { return out };
    for step in &plan.scenario.steps {
        let calls: Vec<String> = step.changes.iter().map(super::call).collect();
        let before = step.previous_address.as_ref().map_or_else(String::new, |old| format!(" (before: {})", code(old)));
        let _ = writeln!(out, "- {}{before}: {}", code(&step.address), calls.join(", "));
    }
    for (address, text) in plan.remarks() {
        let address = if address.is_empty() { "the plan".to_owned() } else { code(address) };
        let _ = writeln!(out, "- note: {address}: {}", escape(text));
    }
    if !plan.attributed {
        let _ = writeln!(out, "- note: more than 64 resources change; which of them flows are due to was not sought");
    }
    out
}

/// A line without an answer.
pub(crate) fn error(error: &Error<'_>) -> String {
    let id = error.id.map_or("The change", |id| id.get().trim_matches('"'));
    format!("### {}: refused\n\n{}\n\n", escape(id), escape(&error.text()))
}
