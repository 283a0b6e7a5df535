//! What a change would do, in an operator's words.

use anstyle::{AnsiColor, Style};
use reach_engine::Verdict;
use reach_engine::whatif::{Connections, FlowSet};

use super::{Error, Told, by_ends, survive, who};
use crate::render::facts;
use crate::render::layout::{BOLD, DIM, PLAIN, Page, Span, printable, span, verdict};

/// The margin of labels.
const MARGIN: usize = 11;

/// More sets than this are counted, not shown.
const SETS: usize = 12;

/// More ends than this are counted, not shown.
const ENDS: usize = 3;

/// The name of a scenario: its id, without quotes.
pub(super) fn title(told: &Told<'_>) -> String {
    match told.id {
        Some(id) => id.get().trim_matches('"').to_owned(),
        None if told.diff => "Between the two snapshots".to_owned(),
        None => "The change".to_owned(),
    }
}

/// What comes of it, in one line.
pub(super) fn summary(told: &Told<'_>) -> String {
    let found = told.found;
    if found.is_empty() {
        return "changes no flow".to_owned();
    }
    let mut parts = Vec::new();
    for (list, word) in [(&found.lost, "lost"), (&found.gained, "gained"), (&found.undecided, "undecided")] {
        if !list.is_empty() {
            let sets = if list.len() == 1 { "set" } else { "sets" };
            parts.push(format!("{} {sets} of flows {word}", list.len()));
        }
    }
    if parts.is_empty() {
        return "no flow is gained or lost; open connections are touched".to_owned();
    }
    parts.join(", ")
}

/// The sentence above a list of connections.
pub(super) const CUT: &str = "open connections are cut at once";
pub(super) const UNKNOWN: &str = "what becomes of open connections is not documented, or not in the snapshot";

fn sets(page: &mut Page, told: &Told<'_>, label: &Span, list: &[FlowSet]) {
    let list = by_ends(list);
    for (position, (set, traffic)) in list.iter().take(SETS).enumerate() {
        let blank = span(PLAIN, "");
        let label = if position == 0 { label } else { &blank };
        let ends = format!("{} → {}", who(told, &set.from, ENDS), who(told, &set.to, ENDS));
        page.paragraph(MARGIN, label, &[span(BOLD, format!("{traffic}:")), span(PLAIN, ends)]);
    }
    if list.len() > SETS {
        let more = format!("… and {} more (--output json has all)", list.len() - SETS);
        page.paragraph(MARGIN, &span(PLAIN, ""), &[span(DIM, more)]);
    }
}

/// The answer to a scenario.
pub(crate) fn render(told: &Told<'_>, width: usize) -> String {
    let mut page = Page::new(width);
    let found = told.found;
    let broken = told.verdicts.iter().any(super::VerdictChange::breaks);
    let style = if !found.lost.is_empty() || broken {
        verdict(Verdict::Blocked)
    } else if !found.undecided.is_empty() {
        verdict(Verdict::Unknown)
    } else {
        verdict(Verdict::Reachable)
    };
    page.paragraph(0, &span(PLAIN, ""), &[span(BOLD, format!("{}:", title(told))), span(style, summary(told))]);
    for change in told.verdicts {
        let mut spans = vec![
            span(PLAIN, format!("{} → {}, {}:", change.from, change.to, facts::traffic(&change.asked))),
            span(verdict(change.before), change.before),
            span(PLAIN, "→"),
            span(verdict(change.after), change.after),
        ];
        if let Some((name, expected)) = &change.expected {
            let holds = if *expected == change.after { "as" } else { "but" };
            spans.push(span(DIM, format!("({holds} `{name}` expects {expected})")));
        }
        page.paragraph(MARGIN, &span(DIM, "verdict"), &spans);
    }
    sets(&mut page, told, &span(verdict(Verdict::Blocked), "lost"), &found.lost);
    sets(&mut page, told, &span(verdict(Verdict::Reachable), "gained"), &found.gained);
    sets(&mut page, told, &span(verdict(Verdict::Unknown), "undecided"), &found.undecided);
    let Connections { cut_now, survive_until_idle, unknown } = &found.connections;
    if !cut_now.is_empty() {
        page.paragraph(MARGIN, &span(DIM, "cut"), &[span(verdict(Verdict::Blocked), CUT)]);
        sets(&mut page, told, &span(PLAIN, ""), cut_now);
    }
    if !survive_until_idle.is_empty() {
        let sentence = survive(survive_until_idle);
        page.paragraph(MARGIN, &span(DIM, "stay"), &[span(verdict(Verdict::Partial), sentence)]);
        sets(&mut page, told, &span(PLAIN, ""), survive_until_idle);
    }
    if !unknown.is_empty() {
        page.paragraph(MARGIN, &span(DIM, "unknown"), &[span(verdict(Verdict::Unknown), UNKNOWN)]);
        sets(&mut page, told, &span(PLAIN, ""), unknown);
    }
    for quota in told.quota {
        let text = format!("{} would count {}, and AWS's default is {}", quota.resource, quota.rules, quota.limit);
        page.paragraph(MARGIN, &span(verdict(Verdict::Partial), "quota"), &[span(PLAIN, text)]);
    }
    page.blank();
    page.into_text()
}

/// A line without an answer.
pub(crate) fn error(error: &Error<'_>) -> String {
    const ERROR: Style = AnsiColor::Red.on_default().bold();
    let id = error.id.map_or_else(String::new, |id| format!("{}: ", printable(id.get().trim_matches('"'))));
    format!("{id}{ERROR}error:{ERROR:#} {}\n\n", printable(&error.text()))
}
