//! What a change would do, as a comment on a pull request.

use std::fmt::Write as _;

use reach_engine::whatif::{Connections, FlowSet};

use super::text::{CUT, UNKNOWN, summary, title};
use super::{Error, Told, by_ends, survive, who};
use crate::render::facts;
use crate::render::markdown::{code, escape};

/// More sets than this are counted, not shown.
const SETS: usize = 40;

/// More ends than this are counted, not shown.
const ENDS: usize = 5;

fn sets(out: &mut String, told: &Told<'_>, heading: &str, list: &[FlowSet]) {
    if list.is_empty() {
        return;
    }
    // Writing to a string does not fail.
    let _ = writeln!(out, "**{heading}**\n\n| traffic | from | to |\n| --- | --- | --- |");
    let list = by_ends(list);
    for (set, traffic) in list.iter().take(SETS) {
        let [from, to] = [&set.from, &set.to].map(|end| escape(&who(told, end, ENDS)));
        let _ = writeln!(out, "| {} | {from} | {to} |", escape(traffic));
    }
    if list.len() > SETS {
        let _ = writeln!(out, "\n… and {} more.", list.len() - SETS);
    }
    out.push('\n');
}

/// The answer to a scenario.
pub(crate) fn render(told: &Told<'_>) -> String {
    let mut out = String::new();
    let found = told.found;
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
    sets(&mut out, told, "Lost", &found.lost);
    sets(&mut out, told, "Gained", &found.gained);
    sets(&mut out, told, "Undecided", &found.undecided);
    let Connections { cut_now, survive_until_idle, unknown } = &found.connections;
    sets(&mut out, told, &format!("Cut now: {CUT}"), cut_now);
    sets(&mut out, told, &format!("Until idle: {}", survive(survive_until_idle)), survive_until_idle);
    sets(&mut out, told, &format!("Unknown: {UNKNOWN}"), unknown);
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
    out
}

/// A line without an answer.
pub(crate) fn error(error: &Error<'_>) -> String {
    let id = error.id.map_or("The change", |id| id.get().trim_matches('"'));
    format!("### {}: refused\n\n{}\n\n", escape(id), escape(&error.text()))
}
