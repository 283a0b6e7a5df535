//! What is said of a fetch when it is over.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use reach_fetch::{FaultKind, Fetched, Outcome, Place};
use reach_model::document::Status;

use crate::failure::{tell as note, warn};
use crate::load::Count;

/// `123456789012 eu-west-1`.
pub(super) fn place(place: &Place) -> String {
    match &place.account {
        Some(account) => format!("{account} {}", place.region),
        None => place.region.clone(),
    }
}

/// One call, for `-v`.
pub(super) fn line(outcome: &Outcome) -> String {
    let mut line = format!("{}: {}", place(&outcome.place), command(outcome));
    let _ = write!(line, ": {}", Count(outcome.elements, "element"));
    if outcome.pages != 1 {
        let _ = write!(line, ", {}", Count(outcome.pages as usize, "page"));
    }
    if outcome.retries == 1 {
        line.push_str(", 1 retry");
    } else if outcome.retries > 1 {
        let _ = write!(line, ", {} retries", outcome.retries);
    }
    let _ = write!(line, ", {:.2} s", outcome.took.as_secs_f64());
    if let Some(fault) = &outcome.fault {
        let _ = write!(line, "; {} ({})", word(outcome), fault.code);
    }
    line
}

/// `ec2 get-managed-prefix-list-entries pl-1`.
fn command(outcome: &Outcome) -> String {
    let mut text = outcome.ask.call.name();
    for value in outcome.ask.arguments.values() {
        let _ = match value.split_once(',') {
            Some((first, rest)) => write!(text, " {first} and {} more", rest.split(',').count()),
            None => write!(text, " {value}"),
        };
    }
    text
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome.status {
        Status::Complete => "complete",
        Status::Truncated => "truncated",
        Status::Denied => "denied",
        Status::Failed => "failed",
        Status::NotCollected => "not there",
    }
}

/// What has no answer: denied calls by action, each with the permission that is missing; then what failed.
pub(super) fn problems(outcomes: &[Outcome]) -> Vec<String> {
    let mut denied: BTreeMap<(String, String, String), BTreeSet<String>> = BTreeMap::new();
    // What failed for one reason is told once.
    let mut failed: BTreeMap<&str, (String, BTreeSet<String>)> = BTreeMap::new();
    for outcome in outcomes {
        let Some(fault) = &outcome.fault else { continue };
        match fault.kind {
            FaultKind::Denied => {
                let action = outcome.ask.call.action().unwrap_or_else(|| outcome.ask.call.name());
                let call = outcome.ask.call.name();
                denied.entry((action, fault.code.clone(), call)).or_default().insert(place(&outcome.place));
            }
            FaultKind::Failed => {
                let text = || format!("{}: {}", place(&outcome.place), fault.message);
                let entry = failed.entry(&fault.code).or_insert_with(|| (text(), BTreeSet::new()));
                entry.1.insert(outcome.ask.call.name());
            }
            FaultKind::Absent => {}
        }
    }
    let mut lines: Vec<String> = denied
        .into_iter()
        .map(|((action, code, call), places)| {
            let places: Vec<String> = places.into_iter().collect();
            format!("{call} was denied ({code}) in {}: allow the action `{action}`", places.join(", "))
        })
        .collect();
    lines.extend(failed.into_iter().map(|(code, (text, calls))| {
        let first = calls.first().map_or("", String::as_str);
        let more = if calls.len() > 1 { format!(" and {} more", calls.len() - 1) } else { String::new() };
        format!("{first}{more} failed: {text} ({code})")
    }));
    lines
}

/// Says what was fetched, and warns of what was not.
pub(super) fn tell(fetched: &Fetched, out: &Path) {
    let outcomes = &fetched.outcomes;
    for remark in &fetched.remarks {
        warn(remark);
    }
    for outcome in outcomes.iter().filter(|outcome| !outcome.changed.is_empty()) {
        warn(&format!(
            "{}: {}: {} changed while it was read (the later state is kept): {}",
            place(&outcome.place),
            outcome.ask.call.name(),
            Count(outcome.changed.len(), "element"),
            outcome.changed.join(", ")
        ));
    }
    for problem in problems(outcomes) {
        warn(&problem);
    }
    let with = |wanted: Status| outcomes.iter().filter(|outcome| outcome.status == wanted).count();
    let mut text = format!("{} complete", Count(with(Status::Complete), "call"));
    for (status, word) in
        [(Status::Denied, "denied"), (Status::Failed, "failed"), (Status::NotCollected, "not there to be called")]
    {
        if with(status) > 0 {
            let _ = write!(text, ", {} {word}", with(status));
        }
    }
    let retries: u32 = outcomes.iter().map(|outcome| outcome.retries).sum();
    if retries > 0 {
        let _ = write!(text, ", {retries} requests sent again");
    }
    let seconds = outcomes.iter().map(|outcome| outcome.took).max().unwrap_or_default().as_secs_f64();
    let _ = write!(text, ", the longest {seconds:.1} s");
    if out != Path::new("-") {
        let _ = write!(text, ": {}", out.display());
    }
    note(&text);
    if with(Status::Denied) + with(Status::Failed) > 0 {
        note("answers that depend on what is missing are `unknown`; `reach snapshot info` tells which");
    }
}
