//! Scenarios, one a line: read as they come, worked out in parallel, told in order.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::str;

use rayon::prelude::*;
use reach_engine::whatif::State;
use reach_model::Network;
use reach_model::change::Change;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::asked::{Baseline, Questions};
use super::{Unanswered, answer, exit, printed, told};
use crate::args::WhatifFormat;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::load::Count;
use crate::output::{Output, Stop};
use crate::render::whatif::{Error, Weight, json, markdown, text};

/// A line of the input.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    changes: Vec<serde_json::Value>,
}

/// What came of one line.
pub(super) struct Worked {
    bytes: Vec<u8>,
    exit: ExitCode,
    /// What it breaks; `None` where it has no answer.
    weight: Option<Weight>,
}

/// Everything that scenarios are worked out with.
pub(super) struct Work<'w> {
    pub(super) network: &'w Network,
    pub(super) state: &'w State<'w>,
    pub(super) questions: &'w Questions,
    pub(super) audited: Option<&'w Baseline>,
    pub(super) format: WhatifFormat,
    pub(super) width: usize,
}

impl Work<'_> {
    /// The answer to one line, as it is written.
    fn scenario(&self, number: usize, line: &[u8]) -> Worked {
        let fail = |error: &Error<'_>, exit: ExitCode| {
            let bytes = match self.format {
                WhatifFormat::Text => text::error(error).into_bytes(),
                WhatifFormat::Markdown => markdown::error(error).into_bytes(),
                _ => json::error(error, self.format == WhatifFormat::Json),
            };
            Worked { bytes, exit, weight: None }
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
        match answer((self.network, self.state), (&changed, &after), self.questions, self.audited) {
            Ok(answer) => {
                let told = told((self.network, &changed), id, &answer);
                let bytes = printed(&told, self.format, self.width);
                Worked { bytes, exit: exit(&told), weight: Some(told.weight()) }
            }
            Err(Unanswered::Contradiction(error)) => fail(&plain(id, error.to_string(), None), ExitCode::Contradiction),
            Err(Unanswered::Other(message)) => fail(&plain(id, message, None), ExitCode::Input),
        }
    }
}

/// At most this many scenarios are held, where they need not be ranked.
const LINES: usize = 256;

/// Works out every line of a file and tells the answers, in order, or the harmless ones first.
pub(super) fn run(
    work: &Work<'_>,
    (file, input): (&Path, Box<dyn Read>),
    ranked: bool,
    quiet: bool,
) -> Result<ExitCode, Stop> {
    let mut output = if work.format == WhatifFormat::Text { Output::styled(quiet) } else { Output::plain(quiet) };
    let mut reader = BufReader::with_capacity(1 << 18, input);
    let failed = |error: io::Error| Failure::io(format!("`{}` cannot be read", file.display()), &error);
    let (mut number, mut scenarios, mut refused, mut exit) = (0, 0, 0, ExitCode::Ok);
    let mut held: Vec<Worked> = Vec::new();
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
        let worked: Vec<Worked> = lines.par_iter().map(|(number, line)| work.scenario(*number, line)).collect();
        for one in worked {
            exit = exit.and(one.exit);
            refused += usize::from(matches!(one.exit, ExitCode::Input | ExitCode::Contradiction));
            if ranked {
                held.push(one);
            } else {
                output.write(&one.bytes)?;
            }
        }
        output.flush()?;
        if ended {
            break;
        }
    }
    // Stable: those that weigh the same stay in their order.
    held.sort_by(|a, b| (a.weight.is_none(), &a.weight).cmp(&(b.weight.is_none(), &b.weight)));
    for one in held {
        output.write(&one.bytes)?;
    }
    output.flush()?;
    if scenarios == 0 {
        return Err(Failure::input(format!("`{}` holds no scenario", file.display())).into());
    }
    if refused > 0 && !quiet {
        let of = Count(scenarios, "scenario");
        Failure::input(format!("{refused} of {of} could not be answered")).print();
    }
    Ok(exit)
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
