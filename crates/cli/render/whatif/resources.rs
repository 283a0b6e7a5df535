//! Resources that differ between two snapshots, in words.

use std::collections::BTreeSet;

use reach_engine::whatif::ResourceChange;

use super::Told;

/// More parts of a resource than this are counted, not shown.
const PARTS: usize = 4;

/// More resources than this are counted, not shown.
const RESOURCES: usize = 24;

/// A resource and what of it changed.
pub(super) struct Line {
    pub(super) resource: String,
    pub(super) text: String,
}

/// `added`, `removed`, `changed`.
pub(super) const fn word(change: &ResourceChange) -> &'static str {
    match (change.before, change.after) {
        (false, _) => "added",
        (true, false) => "removed",
        (true, true) => "changed",
    }
}

/// Those that a set of flows may be due to come first, each in the order of kinds.
pub(super) fn lines(told: &Told<'_>) -> Vec<Line> {
    let Some(changes) = told.resources else { return Vec::new() };
    let named: BTreeSet<&str> = told.causes.iter().flat_map(|causes| causes.names()).collect();
    let mut sorted: Vec<&ResourceChange> = changes.iter().collect();
    sorted.sort_by_key(|change| !named.contains(change.id.as_str()));
    let mut lines: Vec<Line> = sorted
        .iter()
        .take(RESOURCES)
        .map(|change| {
            let parts = change.parts.iter().take(PARTS);
            let parts: Vec<String> =
                parts.map(|part| format!("{} {}", if part.added { "+" } else { "-" }, part.text)).collect();
            let more = change.parts.len().saturating_sub(PARTS);
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            let apart = if named.contains(change.id.as_str()) { "" } else { " (at no gate of these flows)" };
            let colon = if parts.is_empty() { "" } else { ": " };
            Line {
                resource: change.id.clone(),
                text: format!("{} {}{apart}{colon}{}{more}", change.kind, word(change), parts.join("; ")),
            }
        })
        .collect();
    if changes.len() > RESOURCES {
        let more = changes.len() - RESOURCES;
        lines.push(Line { resource: "…".to_owned(), text: format!("and {more} more (--output json has all)") });
    }
    lines
}
