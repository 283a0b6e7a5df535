//! What is said of a fetch when it is over.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use reach_fetch::{Fetched, Outcome, Place};
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

/// What has no answer: denied calls by action, each with the permission that is missing; then what failed, by reason; then
/// what is not there.
pub(super) fn problems(outcomes: &[Outcome]) -> Vec<String> {
    let mut denied: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut others: BTreeMap<(&str, &str, &str), BTreeSet<String>> = BTreeMap::new();
    for outcome in outcomes {
        let call = outcome.ask.call.name();
        let Some(fault) = &outcome.fault else { continue };
        if fault.is_permission() {
            let action = outcome.ask.call.action().unwrap_or_else(|| call.clone());
            let line = format!("{call} was denied ({}): allow the action `{action}`", fault.code);
            denied.entry(line).or_default().insert(place(&outcome.place));
        } else {
            let key = (word(outcome), fault.code.as_str(), fault.message.as_str());
            others.entry(key).or_default().insert(format!("{call} in {}", place(&outcome.place)));
        }
    }
    let mut lines: Vec<String> = denied
        .into_iter()
        .map(|(line, places)| {
            let places: Vec<String> = places.into_iter().collect();
            line.replacen(" was denied", &format!(" in {} was denied", places.join(", ")), 1)
        })
        .collect();
    lines.extend(others.into_iter().map(|((word, code, message), calls)| {
        let named: Vec<&str> = calls.iter().take(NAMED).map(String::as_str).collect();
        let more = calls.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{more}: {word}: {message} ({code})", named.join(", "))
    }));
    lines
}

/// More calls than this are counted where one reason holds for all.
const NAMED: usize = 4;

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
    for outcome in outcomes.iter().filter(|outcome| outcome.status == Status::Truncated) {
        warn(&format!(
            "{}: {}: AWS answers in part and says that there is more",
            place(&outcome.place),
            command(outcome)
        ));
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
