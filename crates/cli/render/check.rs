//! What a check found, in five forms. An audit of a cluster and a policy are told alike: as entries of a report.

pub(crate) mod json;
pub(crate) mod junit;
pub(crate) mod markdown;
pub(crate) mod sarif;
pub(crate) mod text;

use std::borrow::Cow;
use std::cmp::Reverse;

use indexmap::IndexSet;
use reach_eks::audit::table::Row;
use reach_eks::audit::{Asked, Audit, Finding, Level, Mend, Placement, Remark, Source, Status};
use reach_engine::fix::Fix;
use reach_engine::question::{Answer, Group, PairCounts, Question};
use reach_engine::{Verdict, explain};
use reach_model::Network;
use reach_packets::{Family, PortSet};

use super::facts;
use super::reasons::{self, Why};
use crate::ask;
use crate::exit::ExitCode;
use crate::policy::{Expectation, Place};

/// The schema of reports.
pub(crate) const SCHEMA: &str = "reach.check/1";

/// What was checked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Subject<'a> {
    /// A cluster; findings up to this level weigh.
    Cluster(&'a str, Level),
    /// A policy by its file, with its description.
    Policy(&'a str, Option<&'a str>),
}

/// A report, and what is needed to tell it.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    pub(crate) network: &'a Network,
    pub(crate) subject: Subject<'a>,
    /// In the order of the table or the file.
    pub(crate) entries: Vec<Entry<'a>>,
    /// What was asked about by name, besides: it decides nothing.
    pub(crate) also: Vec<Entry<'a>>,
    pub(crate) remarks: &'a [Remark],
    /// What a question needs besides itself to be asked again: `--snapshot demo`.
    pub(crate) again: &'a str,
    /// The file that code scanning is pointed to: a URI, relative where it can be.
    pub(crate) artifact: &'a str,
}

/// One finding, or one expectation with its answer.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) id: &'a str,
    pub(crate) status: Status,
    /// One line.
    pub(crate) title: Cow<'a, str>,
    /// Whether it weighs: at or below the asked level.
    pub(crate) weighs: bool,
    pub(crate) level: Option<Level>,
    pub(crate) expected: Option<Expected<'a>>,
    pub(crate) question: Option<Terms<'a>>,
    pub(crate) pairs: PairCounts,
    /// One for each family and client.
    pub(crate) answers: Vec<Answered<'a>>,
    pub(crate) placement: &'a [Placement],
    pub(crate) remarks: &'a [Remark],
    /// Each mends all of it; smallest first.
    pub(crate) fixes: &'a [Fix],
    pub(crate) mend: Mend,
    pub(crate) source: Option<Source>,
    /// The rows of AWS's tables that open it.
    pub(crate) rows: &'a [Row],
}

/// What a policy expects.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) wanted: Verdict,
    pub(crate) verdict: Verdict,
    pub(crate) why: Option<&'a str>,
    pub(crate) at: Place,
}

/// A question as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Terms<'a> {
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) protocol: &'a str,
    pub(crate) port: Option<&'a str>,
    pub(crate) source_port: Option<&'a str>,
    pub(crate) icmp: Option<&'a str>,
    pub(crate) family: Option<Family>,
    pub(crate) cluster: Option<&'a str>,
}

/// A question with its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered<'a> {
    pub(crate) terms: Terms<'a>,
    pub(crate) question: &'a Question,
    pub(crate) answer: &'a Answer,
}

impl<'a> Terms<'a> {
    fn of_finding(asked: &'a Asked) -> Self {
        Self {
            from: &asked.from,
            to: &asked.to,
            protocol: asked.protocol,
            port: asked.port.as_deref(),
            source_port: None,
            icmp: None,
            family: asked.family,
            cluster: None,
        }
    }

    fn of_expectation(expectation: &'a Expectation) -> Self {
        let ask::Asked { protocol, port, source_port, icmp, family, .. } = &expectation.asked;
        Self {
            from: &expectation.ends.from.0,
            to: &expectation.ends.to.0,
            protocol,
            port: port.as_deref(),
            source_port: source_port.as_deref(),
            icmp: icmp.as_deref(),
            family: *family,
            cluster: expectation.ends.cluster.as_ref().map(|(name, _)| name.as_str()),
        }
    }

    /// What is asked about, in words.
    pub(crate) fn traffic(&self) -> String {
        let asked = ask::Asked {
            protocol: self.protocol.to_owned(),
            port: self.port.map(str::to_owned),
            ports: self.port.map(str::to_owned),
            source_port: self.source_port.map(str::to_owned),
            icmp: self.icmp.map(str::to_owned),
            family: self.family,
        };
        facts::traffic(&asked)
    }

    /// The command that asks it again, with every step.
    pub(crate) fn command(&self, again: &str) -> String {
        let mut words = vec!["reach query".to_owned()];
        if !again.is_empty() {
            words.push(again.to_owned());
        }
        let family = self.family.map(|family| if family == Family::V4 { "ipv4" } else { "ipv6" });
        let protocol =
            (self.protocol != "all" && !(self.protocol == "tcp" && self.port.is_some())).then_some(self.protocol);
        let icmp = self.icmp.map(|messages| messages.trim_end_matches("/*"));
        let flags = [
            ("--cluster", self.cluster),
            ("--from", Some(self.from)),
            ("--to", Some(self.to)),
            ("--protocol", protocol),
            ("--port", self.port),
            ("--source-port", self.source_port),
            ("--icmp", icmp),
            ("--family", family),
        ];
        for (flag, value) in flags {
            if let Some(value) = value {
                words.push(format!("{flag} {}", quoted(value)));
            }
        }
        words.join(" ")
    }
}

/// A word as a POSIX shell reads it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,@%+=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

impl<'a> Entry<'a> {
    fn of_finding(finding: &'a Finding, weighs: bool) -> Self {
        let answers = finding.answers.iter().map(|judged| Answered {
            terms: Terms::of_finding(&judged.asked),
            question: &judged.question,
            answer: &judged.answer,
        });
        Self {
            id: &finding.id,
            status: finding.status,
            title: Cow::Borrowed(&finding.title),
            weighs,
            level: Some(finding.level),
            expected: None,
            question: finding.question.as_ref().map(Terms::of_finding),
            pairs: finding.pairs,
            answers: answers.collect(),
            placement: &finding.placement,
            remarks: &finding.remarks,
            fixes: &finding.fixes,
            mend: finding.mend,
            source: Some(finding.source),
            rows: finding.rows,
        }
    }

    /// An expectation with its answer and, where more is expected to pass, what would make it so.
    pub(crate) fn of_expectation(
        expectation: &'a Expectation,
        question: &'a Question,
        answer: &'a Answer,
        (mend, fixes): (Mend, &'a [Fix]),
    ) -> Self {
        let terms = Terms::of_expectation(expectation);
        let (expected, verdict) = (expectation.verdict, answer.verdict);
        Self {
            id: &expectation.id,
            status: match verdict {
                verdict if verdict == expected => Status::Pass,
                Verdict::Unknown => Status::Unknown,
                _ => Status::Fail,
            },
            title: format!("{} -> {}, {}", terms.from, terms.to, terms.traffic()).into(),
            weighs: true,
            level: None,
            expected: Some(Expected { wanted: expected, verdict, why: expectation.why.as_deref(), at: expectation.at }),
            question: Some(terms),
            pairs: answer.pairs,
            answers: vec![Answered { terms, question, answer }],
            placement: &[],
            remarks: &[],
            fixes,
            mend,
            source: None,
            rows: &[],
        }
    }

    /// Whether something is to be done.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self.status, Status::Fail | Status::Partial | Status::Unknown)
    }

    /// Whether too much passes: what is asked for is what admits it, not what stops the rest.
    pub(crate) fn is_too_open(&self) -> bool {
        let Some(Expected { wanted, verdict, .. }) = self.expected else { return false };
        match wanted {
            Verdict::Blocked => verdict.passes(),
            Verdict::Partial => verdict == Verdict::Reachable,
            Verdict::Reachable | Verdict::Unknown => false,
        }
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = &'a Group> {
        self.answers.iter().flat_map(|answered| &answered.answer.groups)
    }

    /// The groups that make it what it is: those that do not pass, or those that should not.
    pub(crate) fn telling(&self) -> Vec<&'a Group> {
        let open = self.is_too_open();
        self.groups().filter(|group| if open { group.answer.verdict.passes() } else { !is_fine(group) }).collect()
    }

    /// Why, each cause once.
    pub(crate) fn whys(&self, network: &Network) -> Vec<Why> {
        if self.is_too_open() {
            return Vec::new();
        }
        reasons::whys_of(network, self.groups().filter(|group| !is_fine(group)))
    }

    /// The rules that decided, by name, each once.
    pub(crate) fn decided_by(&self, network: &Network) -> IndexSet<String> {
        let rules = self.groups().flat_map(|group| &group.answer.decided_by);
        rules.map(|rule| explain::rule(network, rule)).collect()
    }

    /// The rules that admit what should not pass, by name and with what they say.
    pub(crate) fn admitted_by(&self, network: &Network) -> IndexSet<(String, Option<String>)> {
        if !self.is_too_open() {
            return IndexSet::new();
        }
        let rules = self.telling().into_iter().flat_map(|group| &group.answer.admitted_by);
        rules.map(|rule| (explain::rule(network, rule), super::rules::rule(network, rule))).collect()
    }

    /// `8 of 12 pairs reachable, 4 blocked: all of node group b fail`.
    pub(crate) fn which(&self) -> Option<String> {
        if self.pairs.total == 0 {
            return None;
        }
        let mut text = match self.question {
            Some(_) => facts::counts(&self.pairs),
            None => resources(&self.pairs),
        };
        let placed: Vec<String> = self.placement.iter().filter_map(placed).collect();
        if !placed.is_empty() {
            text = format!("{text}: {}", placed.join(", "));
        }
        Some(text)
    }

    /// Where there are several answers, what each that does not all pass says: by client, by address family.
    pub(crate) fn each(&self) -> Vec<String> {
        if self.answers.len() < 2 {
            return Vec::new();
        }
        let open = self.answers.iter().filter(|answered| answered.answer.verdict != Verdict::Reachable);
        let told = open.map(|Answered { terms, answer, .. }| {
            let counts = facts::counts(&answer.pairs);
            format!("{} -> {}, {}: {counts}", terms.from, terms.to, terms.traffic())
        });
        told.collect()
    }

    /// What does not pass for certain of pairs that pass in part: `tcp 23`.
    pub(crate) fn refused(&self) -> Option<String> {
        let mut refused = PortSet::empty();
        for Answered { question, answer, .. } in &self.answers {
            let partial = answer.groups.iter().filter(|group| group.answer.verdict == Verdict::Partial);
            for group in partial.filter(|group| !facts::is_carved(group)) {
                let asked = facts::asked_set(&question.ask, facts::family(group));
                let left = group.answer.allowed.iter().fold(asked, |left, a| left.subtract(&facts::allowed_set(a)));
                refused = refused.union(&left);
            }
        }
        let told = !self.is_too_open() && !refused.is_empty();
        told.then(|| if refused.is_full() { "everything".to_owned() } else { refused.to_string() })
    }

    /// What is said where a fix was looked for in vain.
    pub(crate) const fn without_fix(&self) -> Option<&'static str> {
        match self.mend {
            Mend::Impossible => Some("no change that reach knows of would make it pass"),
            Mend::Unknown => Some("beyond what is known to refuse, the snapshot does not decide"),
            Mend::Found | Mend::NotSought => None,
        }
    }

    /// What asks again, for each answer that makes it what it is; nothing where no packet is asked about.
    pub(crate) fn asked_again(&self, again: &str) -> IndexSet<String> {
        let telling = self.answers.iter().filter(|a| self.is_too_open() || a.answer.verdict != Verdict::Reachable);
        telling.map(|answered| answered.terms.command(again)).collect()
    }

    /// `expected blocked, is reachable`.
    pub(crate) fn compared(&self) -> Option<String> {
        let Expected { wanted, verdict, .. } = self.expected?;
        Some(if wanted == verdict {
            format!("is {verdict}, as expected")
        } else {
            format!("expected {wanted}, is {verdict}")
        })
    }

    /// The ids of the resources that are to blame, each once; without one those of the remarks.
    pub(crate) fn resources(&self, network: &Network) -> IndexSet<String> {
        let reasons = self.telling().into_iter().flat_map(|group| &group.answer.reasons);
        let mut ids: IndexSet<String> = reasons.map(|reason| explain::resource(network, reason)).collect();
        ids.extend(self.remarks.iter().filter_map(|remark| remark.resource.clone()));
        ids
    }
}

fn is_fine(group: &Group) -> bool {
    group.answer.verdict == Verdict::Reachable
}

/// Of a requirement that is not about packets.
fn resources(counts: &PairCounts) -> String {
    let noun = if counts.total == 1 { "resource" } else { "resources" };
    let mut text = format!("{} of {} {noun} as required", counts.reachable, counts.total);
    if counts.unknown > 0 {
        text = format!("{text}, {} unknown", counts.unknown);
    }
    text
}

/// `all of node group b fail`, `node group c: 3 of 6 pass`; nothing of those who all pass.
fn placed(placement: &Placement) -> Option<String> {
    let Placement { kind, name, pairs, .. } = placement;
    let PairCounts { total, reachable, blocked, unknown, .. } = *pairs;
    if reachable == total {
        None
    } else if blocked == total {
        Some(format!("all of {kind} {name} fail"))
    } else if unknown == total {
        Some(format!("{kind} {name} unknown"))
    } else {
        Some(format!("{reachable} of {total} of {kind} {name} pass"))
    }
}

/// Entries by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Counts {
    pub(crate) total: usize,
    pub(crate) fail: usize,
    pub(crate) partial: usize,
    pub(crate) unknown: usize,
    pub(crate) pass: usize,
    pub(crate) not_applicable: usize,
}

impl Counts {
    fn of<'e, 'a: 'e>(entries: impl IntoIterator<Item = &'e Entry<'a>>) -> Self {
        let mut counts = Self::default();
        for entry in entries {
            counts.total += 1;
            *match entry.status {
                Status::Fail => &mut counts.fail,
                Status::Partial => &mut counts.partial,
                Status::Unknown => &mut counts.unknown,
                Status::Pass => &mut counts.pass,
                Status::NotApplicable => &mut counts.not_applicable,
            } += 1;
        }
        counts
    }

    /// `2 fail, 1 unknown, 9 pass`: what is zero is not told.
    pub(crate) fn in_words(&self) -> String {
        let parts = [
            (self.fail, "fail"),
            (self.partial, "partial"),
            (self.unknown, "unknown"),
            (self.pass, "pass"),
            (self.not_applicable, "not applicable"),
        ];
        let told = parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
        told.collect::<Vec<_>>().join(", ")
    }
}

impl<'a> Report<'a> {
    /// The audit of a cluster.
    pub(crate) fn of_audit(
        network: &'a Network,
        audit: &'a Audit,
        level: Level,
        again: &'a str,
        artifact: &'a str,
    ) -> Self {
        Self {
            network,
            subject: Subject::Cluster(&audit.cluster, level),
            entries: audit.findings.iter().map(|finding| Entry::of_finding(finding, finding.level <= level)).collect(),
            also: audit.also.iter().map(|finding| Entry::of_finding(finding, false)).collect(),
            remarks: &audit.remarks,
            again,
            artifact,
        }
    }

    /// All entries.
    pub(crate) fn counts(&self) -> Counts {
        Counts::of(&self.entries)
    }

    /// The entries that weigh.
    pub(crate) fn weighing(&self) -> Counts {
        Counts::of(self.entries.iter().filter(|entry| entry.weighs))
    }

    /// `fail`, `unknown` or `pass`: over the entries that weigh.
    pub(crate) fn status(&self) -> Status {
        let counts = self.weighing();
        match (counts.fail + counts.partial, counts.unknown) {
            (0, 0) => Status::Pass,
            (0, _) => Status::Unknown,
            _ => Status::Fail,
        }
    }

    /// How the run ends.
    pub(crate) fn exit(&self) -> ExitCode {
        match self.status() {
            Status::Fail | Status::Partial => ExitCode::No,
            Status::Unknown => ExitCode::Unknown,
            Status::Pass | Status::NotApplicable => ExitCode::Ok,
        }
    }

    /// The entries, and what was asked about besides.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Entry<'a>> {
        self.entries.iter().chain(&self.also)
    }

    /// What is to be done first: what weighs before what does not, failures before unknowns, low levels before high
    /// ones; then in the order of the table.
    pub(crate) fn ordered(&self) -> Vec<&Entry<'a>> {
        let mut entries: Vec<&Entry<'a>> = self.entries.iter().collect();
        entries.sort_by_key(|entry| {
            let open = entry.is_open();
            (Reverse(open), Reverse(open && entry.weighs), entry.status, entry.level)
        });
        entries
    }

    /// `reach check eks demo`, `reach check policy.toml`.
    pub(crate) fn name(&self) -> String {
        match self.subject {
            Subject::Cluster(name, _) => format!("reach check eks {name}"),
            Subject::Policy(file, _) => format!("reach check {file}"),
        }
    }
}

/// The word for people: `not applicable`.
pub(crate) fn word(status: Status) -> &'static str {
    if status == Status::NotApplicable { "not applicable" } else { status.as_str() }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod words {
    use super::*;

    #[test]
    fn words_are_quoted_for_the_shell() {
        assert_eq!(quoted("internet/203.0.113.7"), "internet/203.0.113.7");
        assert_eq!(quoted("name/it's me"), r"'name/it'\''s me'");
        assert_eq!(quoted("name/$(rm -rf)"), "'name/$(rm -rf)'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn placement_says_who_fails() {
        let placement = |reachable, blocked, partial, unknown| Placement {
            side: "to",
            kind: "node group",
            name: "b".to_owned(),
            pairs: PairCounts { total: reachable + blocked + partial + unknown, reachable, blocked, partial, unknown },
        };
        assert_eq!(placed(&placement(0, 4, 0, 0)).unwrap(), "all of node group b fail");
        assert_eq!(placed(&placement(1, 2, 0, 1)).unwrap(), "1 of 4 of node group b pass");
        assert_eq!(placed(&placement(0, 0, 0, 2)).unwrap(), "node group b unknown");
        assert_eq!(placed(&placement(4, 0, 0, 0)), None);
    }

    #[test]
    fn a_question_is_asked_again_as_it_is_typed() {
        let terms = Terms {
            from: "node",
            to: "name/two words",
            protocol: "icmp",
            port: None,
            source_port: None,
            icmp: Some("8/*"),
            family: Some(Family::V4),
            cluster: Some("c"),
        };
        assert_eq!(
            terms.command("--snapshot demo"),
            "reach query --snapshot demo --cluster c --from node --to 'name/two words' --protocol icmp --icmp 8 --family \
             ipv4"
        );
        let tcp = Terms { protocol: "tcp", port: Some("443"), icmp: None, family: None, cluster: None, ..terms };
        assert_eq!(tcp.command(""), "reach query --from node --to 'name/two words' --port 443");
    }
}
