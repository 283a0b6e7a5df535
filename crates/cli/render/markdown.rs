//! Answers for pull requests and chats: what the text says, in Markdown.

use std::fmt::Write as _;

use reach_engine::Verdict;
use reach_engine::explain;
use reach_engine::reason::Step;

use super::Told;
use super::ends::{self, End};
use super::reasons::{self, Cluster};
use super::{facts, rules};

/// More names or addresses than this are counted, not shown.
const SHOWN: usize = 6;

/// Renders the answer.
pub(crate) fn render(told: &Told<'_>, explain: bool) -> String {
    let mut page = Page(String::new());
    let answer = told.answer;
    page.line(format_args!(
        "### **{}**: {} → {}, {}",
        answer.verdict,
        code(told.from),
        code(told.to),
        escape(&facts::traffic(told.asked))
    ));
    page.line("");
    if let Some(id) = told.id {
        page.line(format_args!("Question {}  ", code(id.get().trim_matches('"'))));
    }
    let back = match answer.back {
        Some(back) => format!(", return {back}"),
        None if answer.forward == Verdict::Blocked => String::new(),
        None => ", no reply to judge".to_owned(),
    };
    page.line(format_args!("{}; forward {}{back}.", facts::counts(&answer.pairs), answer.forward));
    for cluster in reasons::clusters(told, explain) {
        page.cluster(told, &cluster, explain);
    }
    if answer.truncated {
        page.line("\nMore groups were found than are shown; the counts are of all pairs.");
    }
    if !answer.assumptions.is_empty() {
        page.line("\nAssumed:\n");
        for &assumption in &answer.assumptions {
            page.line(format_args!("- {}", escape(explain::assumption(assumption))));
        }
    }
    page.0
}

struct Page(String);

impl Page {
    fn line(&mut self, text: impl std::fmt::Display) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{text}");
    }

    fn cluster(&mut self, told: &Told<'_>, cluster: &Cluster<'_>, explain: bool) {
        let group = cluster.first;
        let answer = &group.answer;
        let noun = if cluster.pairs == 1 { "pair" } else { "pairs" };
        self.line(format_args!("\n#### {}: {} {noun}\n", answer.verdict, cluster.pairs));
        if answer.verdict == Verdict::Partial || !facts::is_point(&told.question.ask) {
            for allowed in &answer.allowed {
                let from = if allowed.source_ports.is_empty() {
                    String::new()
                } else {
                    format!(" from the client's ports {}", allowed.source_ports)
                };
                self.line(format_args!("- passes: {}{from}", code(&facts::allowed_set(allowed).to_string())));
            }
            let refused = facts::refused(told, group);
            if answer.verdict == Verdict::Partial
                && !facts::is_carved(group)
                && !refused.is_empty()
                && !answer.allowed.is_empty()
            {
                self.line(format_args!("- refused: {}", code(&refused.to_string())));
            }
        }
        for why in reasons::whys(told, cluster) {
            let leg = match why.legs {
                (false, true) => "on the way back: ",
                (true, true) => "both ways: ",
                _ => "",
            };
            let also =
                if why.also.is_empty() { String::new() } else { format!(" (the same for {})", why.also.join(", ")) };
            self.line(format_args!(
                "- **why**: {leg}{}{} (`{}`, {}; look at {})",
                escape(&why.sentence),
                escape(&also),
                why.code,
                why.semantics,
                escape(&why.place)
            ));
            for command in &why.commands {
                self.line(format_args!("  - run {}", code(command)));
            }
        }
        let (from, to) = cluster.ends(told);
        let limit = if explain { usize::MAX } else { SHOWN };
        self.line(format_args!("- from: {}", who(from, limit)));
        self.line(format_args!("- to: {}", who(to, limit)));
        if let Some(carved) = &answer.outside {
            for (word, nets) in [
                ("reachable", &carved.reachable),
                ("partial", &carved.partial),
                ("blocked", &carved.blocked),
                ("unknown", &carved.unknown),
            ] {
                if !nets.is_empty() {
                    let shown: Vec<String> = nets.iter().take(limit).map(|net| code(&net.to_string())).collect();
                    let label = if facts::is_carved(group) { "only" } else { "except" };
                    self.line(format_args!("- {label} {word}: {}{}", shown.join(", "), more(nets.len(), limit)));
                }
            }
        }
        if answer.forward_path.is_empty() {
            return;
        }
        let flow = answer.witness.map_or_else(|| "one packet".to_owned(), |flow| flow.to_string());
        self.line(format_args!("\n<details><summary>Path of <code>{}</code></summary>\n", html(&flow)));
        self.path(told, "forward", &answer.forward_path);
        if !answer.return_path.is_empty() {
            self.line("");
            self.path(told, "return", &answer.return_path);
        }
        self.line("\n</details>");
    }

    fn path(&mut self, told: &Told<'_>, leg: &str, steps: &[Step]) {
        let network = told.network;
        self.line(format_args!("| {leg} | step | outcome | resource | rule |"));
        self.line("| --- | --- | --- | --- | --- |");
        for facts::Shown { number, step, beyond } in facts::shown(steps, true) {
            let rule = step.rule.as_ref().map_or_else(String::new, |rule| {
                let name = code(&explain::rule(network, rule));
                rules::rule(network, rule).map_or_else(|| name.clone(), |text| format!("{name}: {}", escape(&text)))
            });
            let rewritten = step.rewritten.map(|(source, destination)| format!(" now {source} → {destination}"));
            self.line(format_args!(
                "| {} | {} | {} | {} | {rule}{} |",
                number,
                step.stage.as_str().replace('_', " "),
                match (facts::passes(step), beyond) {
                    (true, true) => format!("({})", step.outcome.as_str()),
                    (true, false) => step.outcome.as_str().to_owned(),
                    (false, _) => format!("**{}**", step.outcome.as_str()),
                },
                code(&facts::step_resource(network, step)),
                rewritten.unwrap_or_default(),
            ));
        }
    }
}

fn who(ends: Vec<End>, limit: usize) -> String {
    let (names, hidden) = ends::named(ends, limit, false);
    let texts: Vec<String> = names
        .into_iter()
        .map(|(name, addresses)| match (name, addresses.join(", ")) {
            (Some(name), addresses) if addresses.is_empty() => code(&name),
            (Some(name), addresses) => format!("{} ({addresses})", code(&name)),
            (None, addresses) => addresses,
        })
        .collect();
    let more = if hidden > 0 { format!(" … and {hidden} more") } else { String::new() };
    format!("{}{more}", texts.join(", "))
}

fn more(count: usize, limit: usize) -> String {
    if count > limit { format!(" … and {} more", count - limit) } else { String::new() }
}

/// Text as code: on one line, no backtick in it, and no bar that would end a table's cell.
pub(crate) fn code(text: &str) -> String {
    let text: String = text
        .chars()
        .map(|c| if c.is_control() || c == '`' { '\u{fffd}' } else { c })
        .collect::<String>()
        .replace('|', "\\|");
    format!("`{text}`")
}

/// Text that Markdown must not take for markup.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut in_code = false;
    for letter in text.chars() {
        match letter {
            // Sentences hold commands in backticks; in them nothing is markup.
            '`' => in_code = !in_code,
            '\\' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' if !in_code => escaped.push('\\'),
            _ => {}
        }
        escaped.push(if letter.is_control() { ' ' } else { letter });
    }
    escaped
}

pub(crate) fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(code("a`b|c\nd"), "`a\u{fffd}b\\|c\u{fffd}d`");
        assert_eq!(escape("*a* <b> `x_y`"), "\\*a\\* \\<b\\> `x_y`");
        assert_eq!(html("a -> <b>"), "a -&gt; &lt;b&gt;");
    }
}
