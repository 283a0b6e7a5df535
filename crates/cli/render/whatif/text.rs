//! What a change would do, in an operator's words.

use super::{Error, List, Told, by_ends, ends, resources, survive};
use crate::render::facts;
use crate::render::layout::{BOLD, DIM, PLAIN, Page, Span, printable, span, verdict};
use anstyle::{AnsiColor, Style};
use reach_engine::Verdict;

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
        None if told.resources.is_some() => "Between the two snapshots".to_owned(),
        None => "The change".to_owned(),
    }
}

/// What comes of it, in one line.
pub(super) fn summary(told: &Told<'_>) -> String {
    let found = told.found;
    let mut parts = Vec::new();
    let mut part = |count: usize, one: &str, many: &str| {
        if count > 0 {
            parts.push(format!("{count} {}", if count == 1 { one } else { many }));
        }
    };
    part(told.verdicts.iter().filter(|change| change.breaks()).count(), "expectation broken", "expectations broken");
    part(told.findings().iter().filter(|change| change.breaks()).count(), "requirement broken", "requirements broken");
    part(found.lost.len(), "set of flows lost", "sets of flows lost");
    part(found.gained.len(), "set of flows gained", "sets of flows gained");
    part(found.undecided.len(), "set of flows undecided", "sets of flows undecided");
    let mut text = match () {
        () if found.is_empty() && parts.is_empty() => "changes no flow".to_owned(),
        () if parts.is_empty() => "no flow is gained or lost; open connections are touched".to_owned(),
        () => parts.join(", "),
    };
    if let Some(plan) = told.plan {
        let scenario = plan.scenario;
        let mut but = Vec::new();
        let mut part = |count: usize, one: &str, many: &str| {
            if count > 0 {
                but.push(format!("{count} {}", if count == 1 { one } else { many }));
            }
        };
        part(scenario.refused.len(), "call would be refused", "calls would be refused");
        part(scenario.problems.len(), "value could not be read", "values could not be read");
        let resources = not_understood(told);
        part(resources, "resource is not understood", "resources are not understood");
        if !but.is_empty() {
            text = format!("{text}; but {}", but.join(", "));
        }
    }
    text
}

/// How many resources of a plan are not understood, in whole or in part.
fn not_understood(told: &Told<'_>) -> usize {
    let list = told.plan.iter().flat_map(|plan| &plan.scenario.unsupported);
    list.map(|own| own.address.as_str()).collect::<std::collections::BTreeSet<_>>().len()
}

/// The sentence above a list of connections.
pub(super) const CUT: &str = "open connections are cut at once";
pub(super) const UNKNOWN: &str = "what becomes of open connections is not documented, or not in the snapshot";

fn sets(page: &mut Page, told: &Told<'_>, label: &Span, list: List) {
    let list = by_ends(&told.items(list));
    for (position, (item, traffic)) in list.iter().take(SETS).enumerate() {
        let blank = span(PLAIN, "");
        let label = if position == 0 { label } else { &blank };
        let [from, to] = ends(told, *item, ENDS);
        let mut spans = vec![span(BOLD, format!("{traffic}:")), span(PLAIN, format!("{from} → {to}"))];
        if let Some(due) = due(told, item.names(), str::to_owned) {
            spans.push(span(DIM, format!("({due})")));
        }
        page.paragraph(MARGIN, label, &spans);
    }
    if list.len() > SETS {
        let more = format!("… and {} more (--output json has all)", list.len() - SETS);
        page.paragraph(MARGIN, &span(PLAIN, ""), &[span(DIM, more)]);
    }
}

/// What a set is due to, in words. Between two snapshots several resources may be, and not all of them need to.
pub(super) fn due(told: &Told<'_>, names: &[String], word: impl Fn(&str) -> String) -> Option<String> {
    let shown: Vec<String> = names.iter().take(ENDS).map(|name| word(name)).collect();
    let more = names.len().saturating_sub(ENDS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let due = if told.resources.is_some() && names.len() > 1 { "due to some of" } else { "due to" };
    (!names.is_empty()).then(|| format!("{due} {}{more}", shown.join(", ")))
}

/// The answer to a scenario.
pub(crate) fn render(told: &Told<'_>, width: usize) -> String {
    let mut page = Page::new(width);
    let found = told.found;
    let plan_of = told.plan.map(|plan| plan.scenario);
    let is_whole = plan_of.is_none_or(|own| own.refused.is_empty() && own.problems.is_empty());
    let style = if !found.lost.is_empty() || told.broken() > 0 || !is_whole {
        verdict(Verdict::Blocked)
    } else if !found.undecided.is_empty() || plan_of.is_some_and(|own| !own.unsupported.is_empty()) {
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
    for change in told.findings() {
        let word = |status: reach_eks::audit::Status| status.as_str().replace('_', " ");
        let style = if change.breaks() { verdict(Verdict::Blocked) } else { PLAIN };
        let spans = [
            span(BOLD, &change.id),
            span(DIM, format!("({}):", change.level.as_str())),
            span(style, format!("{} → {}", word(change.before), word(change.after))),
        ];
        page.paragraph(MARGIN, &span(DIM, "finding"), &spans);
    }
    sets(&mut page, told, &span(verdict(Verdict::Blocked), "lost"), List::Lost);
    sets(&mut page, told, &span(verdict(Verdict::Reachable), "gained"), List::Gained);
    sets(&mut page, told, &span(verdict(Verdict::Unknown), "undecided"), List::Undecided);
    let connections = &found.connections;
    if !connections.cut_now.is_empty() {
        page.paragraph(MARGIN, &span(DIM, "cut"), &[span(verdict(Verdict::Blocked), CUT)]);
        sets(&mut page, told, &span(PLAIN, ""), List::CutNow);
    }
    if !connections.survive_until_idle.is_empty() {
        let sentence = survive(&connections.survive_until_idle);
        page.paragraph(MARGIN, &span(DIM, "stay"), &[span(verdict(Verdict::Partial), sentence)]);
        sets(&mut page, told, &span(PLAIN, ""), List::UntilIdle);
    }
    if !connections.unknown.is_empty() {
        page.paragraph(MARGIN, &span(DIM, "unknown"), &[span(verdict(Verdict::Unknown), UNKNOWN)]);
        sets(&mut page, told, &span(PLAIN, ""), List::Unknown);
    }
    for quota in told.quota {
        let text = format!("{} would count {}, and AWS's default is {}", quota.resource, quota.rules, quota.limit);
        page.paragraph(MARGIN, &span(verdict(Verdict::Partial), "quota"), &[span(PLAIN, text)]);
    }
    plan(&mut page, told);
    for line in resources::lines(told) {
        page.paragraph(MARGIN, &span(DIM, "changed"), &[span(BOLD, line.resource), span(PLAIN, line.text)]);
    }
    page.blank();
    page.into_text()
}

/// What of a plan is not part of the answer.
fn plan(page: &mut Page, told: &Told<'_>) {
    let Some(plan) = told.plan else { return };
    let bad = verdict(Verdict::Blocked);
    for (address, call, text) in plan.refused() {
        page.paragraph(
            MARGIN,
            &span(bad, "refused"),
            &[span(BOLD, format!("{address}:")), span(PLAIN, format!("{call}: {text}"))],
        );
    }
    for problem in &plan.scenario.problems {
        page.paragraph(MARGIN, &span(bad, "problem"), &[span(PLAIN, problem)]);
    }
    for own in &plan.scenario.unsupported {
        let actions: Vec<&str> = own.actions.iter().map(|action| action.as_str()).collect();
        let spans = [
            span(BOLD, &own.address),
            span(PLAIN, format!("({}) is not understood: {}", actions.join(", "), plan.why(own))),
        ];
        page.paragraph(MARGIN, &span(verdict(Verdict::Unknown), "left out"), &spans);
    }
    for (address, text) in plan.remarks() {
        let address = if address.is_empty() { "the plan" } else { address };
        page.paragraph(MARGIN, &span(DIM, "note"), &[span(BOLD, format!("{address}:")), span(PLAIN, text)]);
    }
    if !plan.attributed {
        let text = "more than 64 resources change: which of them a set of flows is due to was not sought";
        page.paragraph(MARGIN, &span(DIM, "note"), &[span(PLAIN, text)]);
    }
}

/// A line without an answer.
pub(crate) fn error(error: &Error<'_>) -> String {
    const ERROR: Style = AnsiColor::Red.on_default().bold();
    let id = error.id.map_or_else(String::new, |id| format!("{}: ", printable(id.get().trim_matches('"'))));
    format!("{id}{ERROR}error:{ERROR:#} {}\n\n", printable(&error.text()))
}
