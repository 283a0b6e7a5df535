//! `reach query`: one question, or a batch of them.

use std::borrow::Cow;

use reach_eks::SelectorError;
use reach_engine::compile::Compiled;
use reach_engine::pair::Ask;
use reach_engine::question::{self, AskError};

use super::batch;
use crate::args::{Format, Query};
use crate::ask::{self, Complaints, Icmp, Names, Terms};
use crate::config::Config;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::load::{self, Voice};
use crate::output::{Output, Stop};
use crate::render::{Told, graph, json, layout, markdown, text};

/// More candidates than this are not listed.
const CANDIDATES: usize = 12;

pub(crate) fn run(query: &Query, config: &Config, voice: Voice) -> Result<ExitCode, Stop> {
    if let Some(file) = &query.batch {
        return batch::run(file, query, config, voice);
    }
    let (Some(from), Some(to)) = (query.from.as_deref(), query.to.as_deref()) else {
        return Err(Failure::input("`--from` and `--to` are needed, or `--batch`").into());
    };
    let terms = Terms {
        protocol: query.protocol.as_deref(),
        port: query.port.as_deref(),
        source_port: query.source_port.as_deref(),
        icmp: query.icmp.as_deref().map_or(Icmp::All, Icmp::Text),
        family: query.family.map(Into::into),
    };
    let parsed = ask::parse(&terms, Names::Flags).map_err(complain);
    let network = config.snapshot(&query.source.snapshot).and_then(|paths| load::network(&paths, voice));
    // What is wrong with ports, snapshot and selectors is told in one go.
    let (parsed, network) = match (parsed, network) {
        (Ok(parsed), Ok(network)) => (parsed, network),
        (Err(mut failure), Err(other)) => {
            failure.merge(other);
            return Err(failure.into());
        }
        (Err(mut failure), Ok(network)) => {
            let nothing = Ask { lanes: Vec::new(), source_ports: None, family: terms.family };
            if let Err(error) =
                reach_eks::question(&network, from, to, config.cluster(query.cluster.as_deref()), nothing)
            {
                failure.merge(unresolved(&error));
            }
            return Err(failure.into());
        }
        (Ok(_), Err(failure)) => return Err(failure.into()),
    };
    let (ask, asked) = parsed;
    let cluster = config.cluster(query.cluster.as_deref());
    let question = reach_eks::question(&network, from, to, cluster, ask).map_err(|error| unresolved(&error))?;
    let compiled = Compiled::new(&network);
    let answer = question::ask(&compiled, &question, query.engine.into()).map_err(|error| failed(&error, from, to))?;
    let told = Told { network: &network, question: &question, answer: &answer, from, to, asked: &asked, id: None };
    let quiet = voice == Voice::Quiet;
    let format = config.output(query.output).unwrap_or(Format::Text);
    let mut output = if format == Format::Text { Output::styled(quiet) } else { Output::plain(quiet) };
    output.write(&render(&told, format, query.explain)?)?;
    output.flush()?;
    Ok(ExitCode::of(answer.verdict, query.expect.map(Into::into)))
}

/// The answer in a form.
pub(crate) fn render(told: &Told<'_>, format: Format, explain: bool) -> Result<Vec<u8>, Stop> {
    let text = match format {
        Format::Text => text::render(told, explain, layout::width()),
        Format::Json | Format::Jsonl => {
            let mut bytes = Vec::new();
            json::write(told, format == Format::Json, &mut bytes).map_err(|error| Stop::of_write(&error))?;
            return Ok(bytes);
        }
        Format::Markdown => markdown::render(told, explain),
        Format::Dot => graph::dot(told),
        Format::Mermaid => graph::mermaid(told),
    };
    Ok(text.into_bytes())
}

/// A question without an answer.
pub(super) fn failed(error: &AskError, from: &str, to: &str) -> Failure {
    match error {
        AskError::NoPair => no_pair(from, to),
        AskError::TooMany(_) => Failure::input(error.to_string()),
        AskError::Contradiction(error) => Failure::contradiction(error),
    }
}

pub(super) fn complain(complaints: Complaints) -> Failure {
    Failure { exit: ExitCode::Input, errors: complaints.errors, hints: complaints.hints }
}

pub(super) fn unresolved(error: &SelectorError) -> Failure {
    let failure = Failure::input(error.message.clone());
    match candidates(&error.candidates) {
        Some(list) => failure.with_hint(format!("candidates: {list}")),
        None => failure,
    }
}

/// Candidates in backticks, the first of them where there are many.
pub(crate) fn candidates(list: &[String]) -> Option<String> {
    let shown: Vec<Cow<'_, str>> = list.iter().take(CANDIDATES).map(|text| Cow::from(format!("`{text}`"))).collect();
    let more = list.len().saturating_sub(CANDIDATES);
    let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
    (!list.is_empty()).then(|| format!("{}{tail}", shown.join(", ")))
}

/// A question that asks nobody.
pub(crate) fn no_pair(from: &str, to: &str) -> Failure {
    Failure::input(no_pair_message(from, to)).with_hint("an endpoint with itself is no pair")
}

pub(crate) fn no_pair_message(from: &str, to: &str) -> String {
    format!("from `{from}` to `{to}` no pair is left to ask about")
}
