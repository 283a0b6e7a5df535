//! Answers for people: the verdict, why, who, and the way of the packet.

use std::fmt::Write as _;

use reach_engine::Verdict;
use reach_engine::explain;
use reach_engine::question::Group;
use reach_engine::reason::{Outcome, Step};
use reach_engine::simulate::Tracking;
use reach_packets::{Flow, PortSet};

use super::Told;
use super::ends::{self, End};
use super::layout::{BOLD, DIM, PLAIN, Page, Span, solid, span, verdict as verdict_style};
use super::reasons::{self, Cluster};
use super::{facts, rules};

/// The margin of labels.
const MARGIN: usize = 11;

/// The indent of a path's steps.
const STEPS: usize = 4;

/// More names or addresses than this are counted, not shown.
const SHOWN: usize = 6;

/// More reasons than this are counted, not shown, unless everything is asked for.
const REASONS: usize = 10;

/// More groups than this are counted, not shown, unless everything is asked for.
const GROUPS: usize = 20;

/// Renders the answer in lines of `width` columns.
pub(crate) fn render(told: &Told<'_>, explain: bool, width: usize) -> String {
    let mut page = Page::new(width);
    let answer = told.answer;
    let mut title = Vec::new();
    if let Some(id) = told.id {
        title.push(span(DIM, format_args!("[{}]", id.get().trim_matches('"'))));
    }
    title.push(span(verdict_style(answer.verdict), answer.verdict));
    title.push(span(BOLD, format_args!("{} -> {},", told.from, told.to)));
    title.push(span(PLAIN, facts::traffic(told.asked)));
    page.paragraph(0, &span(PLAIN, ""), &title);
    page.paragraph(0, &span(PLAIN, ""), &[span(PLAIN, summary(told))]);
    let clusters = reasons::clusters(told, explain);
    let limit = if explain { usize::MAX } else { GROUPS };
    for (number, cluster) in clusters.iter().take(limit).enumerate() {
        page.blank();
        if clusters.len() > 1 {
            heading(&mut page, number + 1, cluster);
        }
        body(&mut page, told, cluster, explain);
    }
    let hidden = clusters.len().saturating_sub(limit);
    if hidden > 0 {
        page.blank();
        page.paragraph(
            0,
            &span(PLAIN, ""),
            &[span(DIM, format_args!("… and {hidden} more groups; --explain shows them"))],
        );
    }
    if answer.truncated {
        page.blank();
        let note = "there are more groups than are kept; the counts are of all pairs";
        page.paragraph(0, &span(PLAIN, ""), &[span(DIM, note)]);
    }
    if !answer.assumptions.is_empty() {
        page.blank();
        for (position, &assumption) in answer.assumptions.iter().enumerate() {
            let label = if position == 0 { "assumed" } else { "" };
            page.paragraph(MARGIN, &span(BOLD, label), &[span(DIM, explain::assumption(assumption))]);
        }
    }
    page.into_text()
}

/// The line of counts: over pairs, or the two directions of the only pair.
fn summary(told: &Told<'_>) -> String {
    let answer = told.answer;
    let directions = directions(answer.forward, answer.back);
    if answer.pairs.total == 1 { directions } else { format!("{}; {directions}", facts::counts(&answer.pairs)) }
}

/// `forward reachable, return blocked`.
fn directions(forward: Verdict, back: Option<Verdict>) -> String {
    match back {
        Some(back) => format!("forward {forward}, return {back}"),
        None if forward == Verdict::Blocked => "forward blocked".to_owned(),
        None => format!("forward {forward}, no reply to judge"),
    }
}

fn heading(page: &mut Page, number: usize, cluster: &Cluster<'_>) {
    let answer = &cluster.first.answer;
    let noun = if cluster.pairs == 1 { "pair" } else { "pairs" };
    page.paragraph(
        0,
        &span(PLAIN, ""),
        &[
            span(DIM, format_args!("{number}.")),
            span(verdict_style(answer.verdict), answer.verdict),
            span(PLAIN, format_args!("{} {noun}, {}", cluster.pairs, directions(answer.forward, answer.back))),
        ],
    );
}

fn body(page: &mut Page, told: &Told<'_>, cluster: &Cluster<'_>, explain: bool) {
    let group = cluster.first;
    passes(page, told, group);
    why(page, told, cluster, explain);
    near(page, told, cluster.first);
    let (from, to) = cluster.ends(told);
    who(page, "from", from, explain);
    who(page, "to", to, explain);
    outside(page, group, explain);
    path(page, told, cluster, explain);
    if explain {
        details(page, told, group);
    }
}

/// What passes and what does not, where the question leaves that open.
fn passes(page: &mut Page, told: &Told<'_>, group: &Group) {
    let answer = &group.answer;
    let limited = answer.verdict == Verdict::Partial;
    let refused = facts::refused(told, group);
    // All that was asked, or nothing of it: there is nothing to list.
    if answer.verdict == Verdict::Blocked || !limited && (facts::is_point(&told.question.ask) || refused.is_empty()) {
        return;
    }
    let carved = facts::is_carved(group);
    let asked_ports = facts::source_ports(told);
    for (position, allowed) in answer.allowed.iter().enumerate() {
        let label = if position == 0 { "passes" } else { "" };
        let mut spans = vec![span(PLAIN, facts::allowed_set(allowed))];
        let ports = allowed.source_ports.to_string();
        if !allowed.source_ports.is_empty() && Some(&ports) != asked_ports.as_ref() {
            spans.push(span(PLAIN, format_args!("from the client's ports {ports}")));
        }
        if carved {
            spans.push(span(PLAIN, "for some addresses"));
        }
        page.paragraph(MARGIN, &label_span(label), &spans);
    }
    if limited && !carved && !refused.is_empty() && !answer.allowed.is_empty() {
        page.paragraph(MARGIN, &label_span("refused"), &[span(PLAIN, in_words(&refused))]);
    }
    if let Some(translated) = &answer.translated
        && limited
    {
        page.paragraph(
            MARGIN,
            &label_span("replies"),
            &[span(PLAIN, format_args!("come back to the translator's ports {translated}"))],
        );
    }
}

fn in_words(set: &PortSet) -> String {
    if set.is_full() { "everything".to_owned() } else { set.to_string() }
}

fn why(page: &mut Page, told: &Told<'_>, cluster: &Cluster<'_>, explain: bool) {
    let whys = reasons::whys(told, cluster);
    let limit = if explain { usize::MAX } else { REASONS };
    for (position, why) in whys.iter().take(limit).enumerate() {
        let label = if position == 0 { "why" } else { "" };
        let mut sentence = Vec::new();
        match why.legs {
            (false, true) => sentence.push(span(BOLD, "on the way back:")),
            (true, true) => sentence.push(span(BOLD, "both ways:")),
            _ => {}
        }
        if !facts::is_point(&told.question.ask) && why.commands.is_empty() {
            sentence.push(span(PLAIN, "for example,"));
        }
        sentence.push(span(PLAIN, &why.sentence));
        if !why.also.is_empty() {
            sentence.push(span(PLAIN, format_args!("(the same for {})", ends::shortened(&why.also, SHOWN))));
        }
        page.paragraph(MARGIN, &label_span(label), &sentence);
        let detail = format!("{} {} · look at {}", why.code, why.semantics, why.place);
        page.paragraph(MARGIN, &span(PLAIN, ""), &[span(DIM, detail)]);
        for command in &why.commands {
            page.paragraph(MARGIN, &span(PLAIN, ""), &[span(PLAIN, "run"), solid(BOLD, command)]);
        }
    }
    if whys.len() > limit {
        let more = whys.len() - limit;
        page.paragraph(
            MARGIN,
            &span(PLAIN, ""),
            &[span(DIM, format_args!("… and {more} more reasons; --explain shows all"))],
        );
    }
}

/// The endpoints by name, with their addresses.
fn who(page: &mut Page, label: &str, ends: Vec<End>, explain: bool) {
    let limit = if explain { usize::MAX } else { SHOWN };
    let (names, hidden) = ends::named(ends, limit, explain);
    let texts: Vec<String> = names
        .into_iter()
        .map(|(name, addresses)| match (name, addresses.join(", ")) {
            (Some(name), addresses) if addresses.is_empty() => name,
            (Some(name), addresses) => format!("{name} ({addresses})"),
            (None, addresses) => addresses,
        })
        .collect();
    let mut spans = vec![span(PLAIN, texts.join(", "))];
    if hidden > 0 {
        spans.push(solid(PLAIN, format_args!("… and {hidden} more")));
    }
    page.paragraph(MARGIN, &label_span(label), &spans);
}

/// The parts of the outside that are judged otherwise.
fn outside(page: &mut Page, group: &Group, explain: bool) {
    let Some(carved) = &group.answer.outside else { return };
    let limit = if explain { usize::MAX } else { SHOWN };
    let lists = [
        (Verdict::Reachable, &carved.reachable),
        (Verdict::Partial, &carved.partial),
        (Verdict::Blocked, &carved.blocked),
        (Verdict::Unknown, &carved.unknown),
    ];
    let mut label = if facts::is_carved(group) { "only" } else { "except" };
    for (verdict, nets) in lists.into_iter().filter(|(_, nets)| !nets.is_empty()) {
        let nets: Vec<String> = nets.iter().map(ToString::to_string).collect();
        page.paragraph(
            MARGIN,
            &label_span(label),
            &[span(PLAIN, format_args!("{}:", ends::shortened(&nets, limit))), span(verdict_style(verdict), verdict)],
        );
        label = "";
    }
}

fn path(page: &mut Page, told: &Told<'_>, cluster: &Cluster<'_>, explain: bool) {
    let answer = &cluster.first.answer;
    if answer.forward_path.is_empty() {
        return;
    }
    let flow = answer.witness.map_or_else(|| "one packet".to_owned(), |flow| flow.to_string());
    let mut title = vec![span(PLAIN, flow)];
    if cluster.pairs > 1 {
        title.push(span(DIM, format_args!("(one of {} pairs)", cluster.pairs)));
    }
    page.paragraph(MARGIN, &label_span("path"), &title);
    steps(page, told, &answer.forward_path, explain);
    let troubled = !answer.return_path.iter().all(facts::passes);
    if answer.return_path.is_empty() || !(explain || troubled) {
        return;
    }
    let reply = answer.witness.as_ref().and_then(Flow::reversed);
    let reply = reply.map_or_else(|| "its reply".to_owned(), |flow| flow.to_string());
    page.paragraph(MARGIN, &label_span("reply"), &[span(PLAIN, reply)]);
    steps(page, told, &answer.return_path, explain);
}

/// One row a step.
fn steps(page: &mut Page, told: &Told<'_>, steps: &[Step], explain: bool) {
    let network = told.network;
    let mut rows: Vec<Vec<Span>> = Vec::new();
    for facts::Shown { number, step, beyond } in facts::shown(steps, explain) {
        let plain = if beyond && facts::passes(step) { DIM } else { PLAIN };
        let outcome = match &step.outcome {
            // The packet never gets here; in brackets what would become of it.
            Outcome::Allowed | Outcome::Tracked if beyond => span(DIM, "(allowed)"),
            Outcome::Allowed => span(verdict_style(Verdict::Reachable), "allowed"),
            Outcome::Tracked => span(verdict_style(Verdict::Reachable), "tracked"),
            Outcome::Blocked(_) => span(verdict_style(Verdict::Blocked), "BLOCKED"),
            Outcome::Unknown(_) => span(verdict_style(Verdict::Unknown), "UNKNOWN"),
        };
        let site = facts::step_resource(network, step);
        let rule = step.rule.as_ref().map(|rule| {
            let name = explain::rule(network, rule);
            rules::rule(network, rule).map_or_else(|| name.clone(), |text| format!("{name} ({text})"))
        });
        let mut what = match (&rule, explain) {
            (Some(rule), true) if !rule.starts_with(&site) => format!("{site}, {rule}"),
            (Some(rule), _) => rule.clone(),
            (None, _) => site,
        };
        if let Some((source, destination)) = step.rewritten {
            let _ = write!(what, ", now {source} -> {destination}");
        }
        let mut row = Vec::new();
        if explain {
            row.push(span(DIM, format_args!("{number:>2}")));
        }
        row.extend([span(plain, step.stage.as_str().replace('_', " ")), outcome, span(plain, what)]);
        rows.push(row);
    }
    page.table(STEPS, &rows);
}

/// Rules that nearly admit what is refused.
fn near(page: &mut Page, told: &Told<'_>, group: &Group) {
    let mut label = "nearly";
    for near in &group.answer.near {
        page.paragraph(MARGIN, &label_span(label), &[span(PLAIN, explain::near_miss(told.network, near))]);
        label = "";
    }
}

/// What only `--explain` shows.
fn details(page: &mut Page, told: &Told<'_>, group: &Group) {
    let answer = &group.answer;
    let admitting: Vec<String> = answer.admitted_by.iter().map(|rule| explain::rule(told.network, rule)).collect();
    if !admitting.is_empty() {
        page.paragraph(MARGIN, &label_span("admitted"), &listed(&admitting));
    }
    let rules: Vec<String> = answer.decided_by.iter().map(|rule| explain::rule(told.network, rule)).collect();
    if !rules.is_empty() {
        page.paragraph(MARGIN, &label_span("rules"), &listed(&rules));
    }
    let end = |name: &str, tracking: Option<Tracking>| tracking.map(|t| format!("{name} {}", t.as_str()));
    let tracking = [end("source", answer.tracking.0), end("destination", answer.tracking.1)];
    let tracking: Vec<String> = tracking.into_iter().flatten().collect();
    if !tracking.is_empty() {
        page.paragraph(MARGIN, &label_span("tracking"), &[span(PLAIN, tracking.join(", "))]);
    }
}

/// A list of which each item stays on one line.
fn listed(items: &[String]) -> Vec<Span> {
    let last = items.len().saturating_sub(1);
    let item = |(position, text)| solid(PLAIN, format_args!("{text}{}", if position == last { "" } else { "," }));
    items.iter().enumerate().map(item).collect()
}

fn label_span(label: &str) -> Span {
    span(BOLD, format_args!("  {label}"))
}
