//! `reach whatif` and `reach diff`: what changes, and what becomes of what is open.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::str;

use rayon::prelude::*;
use reach_engine::endpoint::Endpoint;
use reach_engine::pair::Contradiction;
use reach_engine::question::{self, AskError, Engine, Question};
use reach_engine::whatif::{Difference, Party, Scope, Side, State, difference, passed};
use reach_engine::{Verdict, whatif};
use reach_model::Network;
use reach_model::change::Change;
use reach_model::network::{Idx, NetworkInterface};
use reach_packets::{IpSet, PortSet, Transport};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::query;
use crate::args::{Diff, Format, Narrowing, Whatif, WhatifFormat};
use crate::ask::{self, Asked, Icmp, Names, Terms};
use crate::config::Config;
use crate::exit::ExitCode;
use crate::failure::{Failure, reason};
use crate::load::{self, Count, Voice};
use crate::output::{Output, Stop};
use crate::policy::{self, Policy};
use crate::render::layout;
use crate::render::whatif::{Error, Told, VerdictChange, json, markdown, text};

use super::batch::{Line, Scalar};

/// At most this many scenarios are held.
const LINES: usize = 256;

/// A question about both sides of a change.
struct Asking {
    from: String,
    to: String,
    ask: reach_engine::pair::Ask,
    asked: Asked,
    cluster: Option<String>,
    /// What a policy expects, and under which name.
    expected: Option<(String, Verdict)>,
}

/// What is asked of every scenario.
struct Questions {
    /// The one that the difference is narrowed to.
    narrowing: Option<Asking>,
    expectations: Vec<Asking>,
}

/// A scenario that has an answer.
struct Answer {
    found: Difference,
    verdicts: Vec<VerdictChange>,
    quota: Vec<whatif::Quota>,
}

pub(crate) fn run(arguments: &Whatif, config: &Config, voice: Voice) -> Result<ExitCode, Stop> {
    let format = form(arguments.output, config);
    let file = arguments.changes.as_path();
    let paths = config.snapshot(&arguments.source.snapshot);
    let from_stdin = file == Path::new("-");
    if from_stdin && paths.as_ref().is_ok_and(|paths| paths.iter().any(|path| path == Path::new("-"))) {
        return Err(Failure::input("`--changes` and `--snapshot` cannot both read standard input").into());
    }
    let mut failures: Vec<Failure> = Vec::new();
    let questions = questions(&arguments.narrowing, config).map_err(|failure| failures.push(failure));
    let input = opened(file).map_err(|failure| failures.push(failure));
    let network = paths.and_then(|paths| load::network(&paths, voice)).map_err(|failure| failures.push(failure));
    let (Ok(questions), Ok(input), Ok(network)) = (questions, input, network) else {
        return Err(together(failures).into());
    };
    resolvable(&network, &questions)?;
    let state = State::new(&network);
    let quiet = voice == Voice::Quiet;
    let mut output = if format == WhatifFormat::Text { Output::styled(quiet) } else { Output::plain(quiet) };
    let work = Work { network: &network, state: &state, questions: &questions, format, width: layout::width() };
    let mut reader = BufReader::with_capacity(1 << 18, input);
    let failed = |error: io::Error| Failure::io(format!("`{}` cannot be read", file.display()), &error);
    let (mut number, mut scenarios, mut refused, mut exit) = (0, 0, 0, ExitCode::Ok);
    loop {
        // Waits for a line, then takes what has arrived with it.
        let mut lines: Vec<(usize, Vec<u8>)> = Vec::new();
        let mut ended = false;
        loop {
            let mut line = Vec::new();
            if reader.read_until(b'\n', &mut line).map_err(failed)? == 0 {
                ended = true;
                break;
            }
            number += 1;
            if !line.trim_ascii().is_empty() {
                lines.push((number, line));
            }
            if lines.len() >= LINES || !reader.buffer().contains(&b'\n') {
                break;
            }
        }
        scenarios += lines.len();
        let told: Vec<(Vec<u8>, ExitCode)> =
            lines.par_iter().map(|(number, line)| work.scenario(*number, line)).collect();
        for (bytes, code) in told {
            output.write(&bytes)?;
            exit = exit.and(code);
            refused += usize::from(matches!(code, ExitCode::Input | ExitCode::Contradiction));
        }
        output.flush()?;
        if ended {
            break;
        }
    }
    if scenarios == 0 {
        return Err(Failure::input(format!("`{}` holds no scenario", file.display())).into());
    }
    if refused > 0 && !quiet {
        let of = Count(scenarios, "scenario");
        Failure::input(format!("{refused} of {of} could not be answered")).print();
    }
    Ok(exit)
}

pub(crate) fn diff(arguments: &Diff, config: &Config, voice: Voice) -> Result<ExitCode, Stop> {
    let format = form(arguments.output, config);
    let mut failures: Vec<Failure> = Vec::new();
    let questions = questions(&arguments.narrowing, config).map_err(|failure| failures.push(failure));
    let mut load = |path: &Path| load::network(&[path.to_owned()], voice).map_err(|failure| failures.push(failure));
    let (old, new) = (load(&arguments.old), load(&arguments.new));
    let (Ok(questions), Ok(old), Ok(new)) = (questions, old, new) else {
        return Err(together(failures).into());
    };
    let (before, after) = (State::new(&old), State::new(&new));
    let answer = answer((&old, &before), (&new, &after), &questions).map_err(|error| match error {
        Unanswered::Contradiction(error) => Failure::contradiction(&error),
        Unanswered::Other(message) => Failure::input(message),
    })?;
    let told = told(&old, &new, None, &answer, true);
    let bytes = printed(&told, format, layout::width());
    let quiet = voice == Voice::Quiet;
    let output = if format == WhatifFormat::Text { Output::styled(quiet) } else { Output::plain(quiet) };
    output.finish(&bytes)?;
    Ok(exit(&answer))
}

fn form(given: Option<WhatifFormat>, config: &Config) -> WhatifFormat {
    match (given, config.output(None)) {
        (Some(format), _) => format,
        (None, Some(Format::Json)) => WhatifFormat::Json,
        (None, Some(Format::Jsonl)) => WhatifFormat::Jsonl,
        (None, Some(Format::Markdown)) => WhatifFormat::Markdown,
        (None, _) => WhatifFormat::Text,
    }
}

fn together(failures: Vec<Failure>) -> Failure {
    let mut failures = failures.into_iter();
    let mut first = failures.next().unwrap_or_else(|| Failure::input("nothing is to be done"));
    failures.for_each(|failure| first.merge(failure));
    first
}

fn opened(file: &Path) -> Result<Box<dyn Read>, Failure> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let opened = File::open(file).and_then(|opened| {
        let is_directory = opened.metadata()?.is_dir();
        if is_directory { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(opened) }
    });
    match opened {
        Ok(opened) => Ok(Box::new(opened)),
        Err(error) => Err(Failure::input(format!("{}: {}", file.display(), reason(&error)))),
    }
}

/// Reads the question and the policy.
fn questions(given: &Narrowing, config: &Config) -> Result<Questions, Failure> {
    let cluster = config.cluster(given.cluster.as_deref()).map(str::to_owned);
    let mut narrowing = None;
    if let Some(text) = &given.query {
        let wrong = |error: serde_json::Error| Failure::input(format!("--query: {error}"));
        let line: Line<'_> = serde_json::from_str(text).map_err(wrong)?;
        let family = line.family.as_ref().map(|family| family.as_str().to_ascii_lowercase());
        let family = match family.as_deref() {
            None => None,
            Some("ipv4") => Some(reach_packets::Family::V4),
            Some("ipv6") => Some(reach_packets::Family::V6),
            Some(other) => {
                return Err(Failure::input(format!("--query: family: `{other}` is neither `ipv4` nor `ipv6`")));
            }
        };
        let part = |part: &Option<Scalar<'_>>| part.as_ref().map(|text| text.as_str().to_owned());
        let [protocol, port, source_port, kind, code] =
            [&line.protocol, &line.port, &line.source_port, &line.icmp_type, &line.icmp_code].map(part);
        let terms = Terms {
            protocol: protocol.as_deref(),
            port: port.as_deref(),
            source_port: source_port.as_deref(),
            icmp: Icmp::Parts(kind.as_deref(), code.as_deref()),
            family,
        };
        let (ask, asked) = ask::parse(&terms, Names::Keys).map_err(query::complain)?;
        let (from, to) = (line.from.into_owned(), line.to.into_owned());
        narrowing = Some(Asking { from, to, ask, asked, cluster: cluster.clone(), expected: None });
    } else if let (Some(from), Some(to)) = (&given.from, &given.to) {
        let terms = Terms {
            protocol: given.protocol.as_deref(),
            port: given.port.as_deref(),
            source_port: given.source_port.as_deref(),
            icmp: given.icmp.as_deref().map_or(Icmp::All, Icmp::Text),
            family: given.family.map(Into::into),
        };
        let (ask, asked) = ask::parse(&terms, Names::Flags).map_err(query::complain)?;
        let (from, to) = (from.clone(), to.clone());
        narrowing = Some(Asking { from, to, ask, asked, cluster: cluster.clone(), expected: None });
    }
    let mut expectations = Vec::new();
    if let Some(path) = &given.policy {
        let file = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|error| Failure::input(format!("{file}: {}", reason(&error))))?;
        let Policy { expectations: list, .. } = policy::parse(&text).map_err(|problems| {
            let hints = problems.hints.clone();
            Failure { exit: ExitCode::Input, errors: problems.lines(&file), hints }
        })?;
        expectations.extend(list.into_iter().map(|expectation| Asking {
            from: expectation.ends.from.0,
            to: expectation.ends.to.0,
            ask: expectation.ask,
            asked: expectation.asked,
            cluster: expectation.ends.cluster.map(|(name, _)| name).or_else(|| cluster.clone()),
            expected: Some((expectation.id, expectation.verdict)),
        }));
    }
    Ok(Questions { narrowing, expectations })
}

/// Selectors that mean nobody before any change are told once, not for every scenario.
fn resolvable(network: &Network, questions: &Questions) -> Result<(), Failure> {
    for asking in questions.narrowing.iter().chain(&questions.expectations) {
        asking.question(network).map_err(|error| query::unresolved(&error))?;
    }
    Ok(())
}

impl Asking {
    fn question(&self, network: &Network) -> Result<Question, reach_eks::SelectorError> {
        reach_eks::question(network, &self.from, &self.to, self.cluster.as_deref(), self.ask.clone())
    }
}

/// Why a scenario has no answer.
enum Unanswered {
    Contradiction(Box<Contradiction>),
    Other(String),
}

fn answer(
    (old, before): (&Network, &State<'_>),
    (new, after): (&Network, &State<'_>),
    questions: &Questions,
) -> Result<Answer, Unanswered> {
    let mut found = difference(before, after).map_err(Unanswered::Contradiction)?;
    let mut verdicts = Vec::new();
    for asking in questions.narrowing.iter().chain(&questions.expectations) {
        let was = verdict(old, before, asking)?;
        let is = verdict(new, after, asking)?;
        if was.verdict == is.verdict {
            continue;
        }
        verdicts.push(VerdictChange {
            from: asking.from.clone(),
            to: asking.to.clone(),
            asked: asking.asked.clone(),
            before: was.verdict,
            after: is.verdict,
            expected: asking.expected.clone(),
        });
    }
    if let Some(asking) = &questions.narrowing {
        let scope = scope((old, new), asking, &found).map_err(|error| Unanswered::Other(error.message))?;
        found = found.narrowed(&scope);
    }
    Ok(Answer { found, verdicts, quota: passed(old, new) })
}

/// A verdict; a question that means nobody has none, and counts as unknown.
struct Judged {
    verdict: Verdict,
}

fn verdict(network: &Network, state: &State<'_>, asking: &Asking) -> Result<Judged, Unanswered> {
    let Ok(question) = asking.question(network) else { return Ok(Judged { verdict: Verdict::Unknown }) };
    match question::ask(&state.compiled, &question, Engine::Compiled) {
        Ok(answer) => Ok(Judged { verdict: answer.verdict }),
        Err(AskError::NoPair) => Ok(Judged { verdict: Verdict::Unknown }),
        Err(AskError::Contradiction(error)) => Err(Unanswered::Contradiction(error)),
        Err(error @ AskError::TooMany(_)) => Err(Unanswered::Other(error.to_string())),
    }
}

/// The addresses of each interface, after or before, with their numbers.
type Known = HashMap<(bool, Idx<NetworkInterface>), Vec<(ipnet::IpNet, u32)>>;

/// Who and what a question is about, before or after.
fn scope(
    (old, new): (&Network, &Network),
    asking: &Asking,
    found: &Difference,
) -> Result<Scope, reach_eks::SelectorError> {
    let mut known: Known = HashMap::new();
    for (id, Party { before, after }) in (0..).zip(&found.parties) {
        for (is_after, member) in [(false, before), (true, after)] {
            if let Some(member) = member {
                known.entry((is_after, member.interface)).or_default().push((member.net, id));
            }
        }
    }
    let mut sides = [Side::default(), Side::default()];
    let mut mapped: Option<PortSet> = None;
    for (is_after, network) in [(false, old), (true, new)] {
        // Whoever is not there any more, or not yet, is in the other network.
        let question = match asking.question(network) {
            Ok(question) => question,
            Err(_) if is_after => continue,
            Err(error) => return Err(error),
        };
        // EK-42: behind a service other ports are meant than were asked.
        for (protocol, asked, own) in question.to.iter().filter_map(|to| to.ports.as_ref()).flatten() {
            let set = |port| PortSet::single(*protocol, &Transport::Ports { source: 0, destination: port });
            let headers = mapped.get_or_insert_with(PortSet::empty);
            if asking.ask.headers().intersects(&set(*asked)) {
                *headers = headers.union(&set(*own));
            }
        }
        let ends = [question.from, question.to.into_iter().map(|to| to.endpoint).collect()];
        for (side, endpoints) in sides.iter_mut().zip(ends) {
            for endpoint in endpoints {
                if let Endpoint::Outside(outside) = &endpoint {
                    side.outside = side.outside.union(&outside.addresses);
                }
                let Some(interface) = endpoint.interface() else { continue };
                let nets: IpSet = [reach_packets::Family::V4, reach_packets::Family::V6]
                    .into_iter()
                    .fold(IpSet::empty(), |all, family| all.union(&endpoint.addresses(family)));
                let own = known.get(&(is_after, interface)).into_iter().flatten();
                side.inside.extend(own.filter(|(net, _)| IpSet::from(*net).is_subset(&nets)).map(|(_, id)| *id));
            }
        }
    }
    let [from, to] = sides;
    let headers = mapped.unwrap_or_else(|| asking.ask.headers());
    Ok(Scope { from, to, family: asking.ask.family, headers, source_ports: asking.ask.source_ports.clone() })
}

fn exit(answer: &Answer) -> ExitCode {
    let broken = answer.verdicts.iter().any(VerdictChange::breaks);
    if !answer.found.lost.is_empty() || broken {
        ExitCode::No
    } else if !answer.found.undecided.is_empty() {
        ExitCode::Unknown
    } else {
        ExitCode::Ok
    }
}

fn told<'a>(old: &'a Network, new: &'a Network, id: Option<&'a RawValue>, answer: &'a Answer, diff: bool) -> Told<'a> {
    Told { before: old, after: new, id, found: &answer.found, verdicts: &answer.verdicts, quota: &answer.quota, diff }
}

fn printed(told: &Told<'_>, format: WhatifFormat, width: usize) -> Vec<u8> {
    match format {
        WhatifFormat::Text => text::render(told, width).into_bytes(),
        WhatifFormat::Markdown => markdown::render(told).into_bytes(),
        WhatifFormat::Json | WhatifFormat::Jsonl => json::render(told, format == WhatifFormat::Json),
    }
}

/// A line of the input.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    changes: Vec<serde_json::Value>,
}

/// Everything that scenarios are worked out with.
struct Work<'w> {
    network: &'w Network,
    state: &'w State<'w>,
    questions: &'w Questions,
    format: WhatifFormat,
    width: usize,
}

impl Work<'_> {
    /// The answer to one line, as it is written.
    fn scenario(&self, number: usize, line: &[u8]) -> (Vec<u8>, ExitCode) {
        let fail = |error: &Error<'_>, exit: ExitCode| {
            let bytes = match self.format {
                WhatifFormat::Text => text::error(error).into_bytes(),
                WhatifFormat::Markdown => markdown::error(error).into_bytes(),
                WhatifFormat::Json | WhatifFormat::Jsonl => json::error(error, self.format == WhatifFormat::Json),
            };
            (bytes, exit)
        };
        let plain = |id, message: String, path: Option<String>| Error { id, line: number, message, path };
        let Ok(content) = str::from_utf8(line) else {
            return fail(&plain(None, "is not UTF-8 text".to_owned(), None), ExitCode::Input);
        };
        let content = content.trim().trim_start_matches('\u{feff}');
        let scenario: Scenario<'_> = match serde_json::from_str(content) {
            Ok(scenario) => scenario,
            Err(error) => {
                let id = id_of(content);
                let message = error.to_string();
                let message = message.split(" at line ").next().unwrap_or_default();
                let message = if error.is_syntax() || error.is_eof() {
                    format!("column {}: is not JSON: {message}", error.column())
                } else {
                    message.to_owned()
                };
                return fail(&plain(id, message, None), ExitCode::Input);
            }
        };
        let id = scenario.id;
        if id.is_some_and(|id| id.get().starts_with(['{', '[', 't', 'f'])) {
            let error = plain(None, "must be a string or a number".to_owned(), Some("id".to_owned()));
            return fail(&error, ExitCode::Input);
        }
        let mut changed = self.network.clone();
        for (position, value) in scenario.changes.into_iter().enumerate() {
            let path = match value.as_object().and_then(|calls| calls.keys().next()) {
                Some(call) => format!("changes[{position}].{call}"),
                None => format!("changes[{position}]"),
            };
            let change = match Change::from_value(value) {
                Ok(change) => change,
                Err(message) => {
                    let (own, message) = match message.split_once(": ") {
                        // The place inside the call comes first.
                        Some((own, rest)) if own.chars().all(|c| c.is_alphanumeric() || "._[]".contains(c)) => {
                            (format!("changes[{position}].{own}"), rest.to_owned())
                        }
                        _ => (path, message),
                    };
                    return fail(&plain(id, message, Some(own)), ExitCode::Input);
                }
            };
            if let Err(refusal) = changed.apply(&change) {
                return fail(&plain(id, refusal.to_string(), Some(path)), ExitCode::Input);
            }
        }
        let after = State::new(&changed);
        match answer((self.network, self.state), (&changed, &after), self.questions) {
            Ok(answer) => {
                let told = told(self.network, &changed, id, &answer, false);
                (printed(&told, self.format, self.width), exit(&answer))
            }
            Err(Unanswered::Contradiction(error)) => fail(&plain(id, error.to_string(), None), ExitCode::Contradiction),
            Err(Unanswered::Other(message)) => fail(&plain(id, message, None), ExitCode::Input),
        }
    }
}

/// The id of a line that is no scenario.
fn id_of(content: &str) -> Option<&RawValue> {
    #[derive(Deserialize)]
    struct Id<'a> {
        #[serde(borrow, default)]
        id: Option<&'a RawValue>,
    }
    let id = serde_json::from_str::<Id<'_>>(content).ok().and_then(|line| line.id);
    id.filter(|id| !id.get().starts_with(['{', '[', 't', 'f']))
}
