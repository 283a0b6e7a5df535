//! `reach query --batch`: one question a line, one answer a line, in the same order.
//!
//! What is there to read is answered and written at once: a program may write a line and wait for its answer. Where many
//! lines are there, they are shared among threads; the output does not depend on that.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use anstyle::{AnsiColor, Style};
use reach_engine::compile::Compiled;
use reach_engine::question::{self, AskError, Engine};
use reach_packets::Family;
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::value::RawValue;

use super::query;
use crate::args::{Format, Query};
use crate::ask::{self, Icmp, Names, Terms};
use crate::config::Config;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::load::{self, Count, Voice};
use crate::output::{Output, Stop};
use crate::render::{Told, json, layout, markdown, text};

/// At most this many lines are held.
const LINES: usize = 4096;

/// Lines that one thread takes at a time.
const BLOCK: usize = 16;

/// More threads than this are not worth their start for a chunk of lines.
const THREADS: usize = 8;

/// What is asked of every line.
struct Batch<'a> {
    compiled: &'a Compiled<'a>,
    engine: Engine,
    /// Whether the engines differed about some line.
    contradicted: AtomicBool,
    cluster: Option<&'a str>,
    format: Format,
    explain: bool,
    width: usize,
}

/// A line of the input with its number.
type Numbered = (usize, Vec<u8>);

pub(crate) fn run(file: &Path, query: &Query, config: &Config, voice: Voice) -> Result<ExitCode, Stop> {
    let format = config.output(query.output).unwrap_or(Format::Jsonl);
    if matches!(format, Format::Dot | Format::Mermaid) {
        let hint = "use `--output jsonl`, `text` or `markdown`";
        return Err(Failure::input("a graph shows one answer, and `--batch` gives many").with_hint(hint).into());
    }
    let paths = config.snapshot(&query.source.snapshot);
    let from_stdin = file == Path::new("-");
    if from_stdin && paths.as_ref().is_ok_and(|paths| paths.iter().any(|path| path == Path::new("-"))) {
        return Err(Failure::input("`--batch` and `--snapshot` cannot both read standard input").into());
    }
    let input = load::lines(file);
    let network = paths.and_then(|paths| load::network(&paths, voice));
    let (input, network) = match (input, network) {
        (Ok(input), Ok(network)) => (input, network),
        (Err(mut failure), Err(other)) => {
            failure.merge(other);
            return Err(failure.into());
        }
        (Err(failure), _) | (_, Err(failure)) => return Err(failure.into()),
    };
    let batch = Batch {
        compiled: &Compiled::new(&network),
        engine: query.engine.into(),
        contradicted: AtomicBool::new(false),
        cluster: config.cluster(query.cluster.as_deref()),
        format,
        explain: query.explain,
        width: layout::width(),
    };
    let quiet = voice == Voice::Quiet;
    let mut output = if format == Format::Text { Output::styled(quiet) } else { Output::plain(quiet) };
    let (questions, errors) = batch.stream(input, file, &mut output)?;
    if errors == 0 {
        return Ok(ExitCode::Ok);
    }
    if !quiet {
        let of = Count(questions, "question");
        let failure = Failure::input(format!("{errors} of {of} could not be answered"));
        failure.print();
    }
    let contradicted = batch.contradicted.load(Ordering::Relaxed);
    Ok(if contradicted { ExitCode::Contradiction } else { ExitCode::Input })
}

impl Batch<'_> {
    /// Answers all lines of `input`; tells how many there were and how many have no answer.
    fn stream(&self, input: impl Read, file: &Path, output: &mut Output) -> Result<(usize, usize), Stop> {
        let mut reader = BufReader::with_capacity(1 << 18, input);
        let failed = |error: io::Error| Failure::io(format!("`{}` cannot be read", file.display()), &error);
        let (mut number, mut questions, mut errors) = (0, 0, 0);
        let mut lines: Vec<Numbered> = Vec::new();
        loop {
            lines.clear();
            // Waits for a line, then takes what has arrived with it.
            loop {
                let mut line = Vec::new();
                if reader.read_until(b'\n', &mut line).map_err(failed)? == 0 {
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
            if lines.is_empty() && reader.fill_buf().map_err(failed)?.is_empty() {
                return Ok((questions, errors));
            }
            for (bytes, failures) in self.answer_all(&lines) {
                output.write(&bytes)?;
                errors += failures;
            }
            questions += lines.len();
            output.flush()?;
        }
    }

    /// The answers to `lines` in order, in blocks, with the number of lines in each that have none.
    fn answer_all(&self, lines: &[Numbered]) -> Vec<(Vec<u8>, usize)> {
        let threads =
            thread::available_parallelism().map_or(1, usize::from).min(THREADS).min(lines.len().div_ceil(BLOCK));
        if threads < 2 {
            return vec![self.answer_block(lines)];
        }
        let blocks: Vec<&[Numbered]> = lines.chunks(BLOCK).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            let mut done = Vec::new();
            loop {
                let position = next.fetch_add(1, Ordering::Relaxed);
                let Some(block) = blocks.get(position) else { return done };
                done.push((position, self.answer_block(block)));
            }
        };
        let mut answers: Vec<(usize, (Vec<u8>, usize))> = thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let results = workers.into_iter().map(|worker| match worker.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            results.flatten().collect()
        });
        answers.sort_unstable_by_key(|&(position, _)| position);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }

    fn answer_block(&self, lines: &[Numbered]) -> (Vec<u8>, usize) {
        let mut out = Vec::with_capacity(lines.len() * 1024);
        let mut errors = 0;
        for (number, line) in lines {
            if let Err(error) = self.answer(*number, line, &mut out) {
                errors += 1;
                self.contradicted.fetch_or(error.contradiction, Ordering::Relaxed);
                self.write_error(&error, &mut out);
            }
            if matches!(self.format, Format::Text | Format::Markdown) {
                out.push(b'\n');
            }
        }
        (out, errors)
    }

    /// Appends the answer to a line.
    fn answer<'l>(&self, number: usize, line: &'l [u8], out: &mut Vec<u8>) -> Result<(), LineError<'l>> {
        let text =
            std::str::from_utf8(line).map_err(|_| LineError::new(None, format!("line {number}: is not UTF-8 text")))?;
        let text = text.trim().trim_start_matches('\u{feff}');
        let line: Line<'_> = serde_json::from_str(text).map_err(|error| diagnose(number, text, &error))?;
        let Line { id, from, to, .. } = &line;
        let id = *id;
        if !is_id(id) {
            return Err(LineError::new(None, format!("line {number}: id: must be a string or a number")));
        }
        let family = match line.family.as_ref().map(Scalar::as_str) {
            None => None,
            Some(text) if text.eq_ignore_ascii_case("ipv4") => Some(Family::V4),
            Some(text) if text.eq_ignore_ascii_case("ipv6") => Some(Family::V6),
            Some(text) => {
                return Err(LineError::new(id, format!("family: `{text}` is neither `ipv4` nor `ipv6`")));
            }
        };
        let terms = Terms {
            protocol: line.protocol.as_ref().map(Scalar::as_str),
            port: line.port.as_ref().map(Scalar::as_str),
            source_port: line.source_port.as_ref().map(Scalar::as_str),
            icmp: Icmp::Parts(line.icmp_type.as_ref().map(Scalar::as_str), line.icmp_code.as_ref().map(Scalar::as_str)),
            family,
        };
        let (ask, asked) = ask::parse(&terms, Names::Keys)
            .map_err(|complaints| LineError::new(id, [complaints.errors, complaints.hints].concat().join("; ")))?;
        let question = reach_eks::question(self.compiled.network(), from, to, self.cluster, ask).map_err(|error| {
            LineError { id, message: error.message, candidates: error.candidates, contradiction: false }
        })?;
        let answer = question::ask(self.compiled, &question, self.engine).map_err(|error| match error {
            AskError::NoPair => LineError::new(id, query::no_pair_message(from, to)),
            AskError::TooMany(_) => LineError::new(id, error.to_string()),
            AskError::Contradiction(error) => {
                LineError { contradiction: true, ..LineError::new(id, error.to_string()) }
            }
        })?;
        let told = Told {
            network: self.compiled.network(),
            question: &question,
            answer: &answer,
            from,
            to,
            asked: &asked,
            id,
        };
        match self.format {
            Format::Text => out.extend(text::render(&told, self.explain, self.width).into_bytes()),
            Format::Markdown => out.extend(markdown::render(&told, self.explain).into_bytes()),
            _ => {
                let start = out.len();
                if let Err(error) = json::write(&told, false, &mut *out) {
                    out.truncate(start);
                    return Err(LineError::new(id, error.to_string()));
                }
            }
        }
        Ok(())
    }

    fn write_error(&self, error: &LineError<'_>, out: &mut Vec<u8>) {
        /// What is written in text instead of a verdict.
        const ERROR: Style = AnsiColor::Red.on_default().bold();
        let LineError { id, message, candidates, .. } = error;
        // Writing to memory does not fail.
        let _ = match self.format {
            Format::Text | Format::Markdown => {
                let id = id.map_or_else(String::new, |id| format!("[{}] ", id.get().trim_matches('"')));
                let list = query::candidates(candidates);
                let list = list.map_or_else(String::new, |list| format!("\ncandidates: {}", layout::printable(&list)));
                let message = layout::printable(message);
                let styled = self.format == Format::Text;
                let style = if styled { ERROR } else { Style::new() };
                writeln!(out, "{id}{style}error:{style:#} {message}{list}")
            }
            _ => json::write_error(*id, message, candidates, out),
        };
    }
}

/// Why a line has no answer.
struct LineError<'l> {
    id: Option<&'l RawValue>,
    message: String,
    candidates: Vec<String>,
    /// The engines differ.
    contradiction: bool,
}

impl<'l> LineError<'l> {
    fn new(id: Option<&'l RawValue>, message: String) -> Self {
        Self { id, message, candidates: Vec::new(), contradiction: false }
    }
}

/// A question.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line<'a> {
    #[serde(borrow, default)]
    pub(super) id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) from: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) to: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) protocol: Option<Scalar<'a>>,
    #[serde(borrow, default)]
    pub(super) port: Option<Scalar<'a>>,
    #[serde(borrow, default)]
    pub(super) source_port: Option<Scalar<'a>>,
    #[serde(borrow, default)]
    pub(super) icmp_type: Option<Scalar<'a>>,
    #[serde(borrow, default)]
    pub(super) icmp_code: Option<Scalar<'a>>,
    #[serde(borrow, default)]
    pub(super) family: Option<Scalar<'a>>,
}

/// The keys of a question.
const KEYS: [&str; 9] = ["id", "from", "to", "protocol", "port", "source_port", "icmp_type", "icmp_code", "family"];

/// A string, or a number as its text.
pub(super) struct Scalar<'a>(Cow<'a, str>);

impl Scalar<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = Scalar<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a number")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Scalar(text.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Scalar(text.to_owned().into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Scalar(number.to_string().into()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Scalar(number.to_string().into()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Scalar(number.to_string().into()))
            }
        }

        deserializer.deserialize_any(Text)
    }
}

fn is_id(id: Option<&RawValue>) -> bool {
    id.is_none_or(|id| !id.get().starts_with(['{', '[', 't', 'f']))
}

/// Says all that is wrong with a line that is no question.
fn diagnose<'l>(number: usize, text: &'l str, error: &serde_json::Error) -> LineError<'l> {
    #[derive(Deserialize)]
    struct Id<'a> {
        #[serde(borrow, default)]
        id: Option<&'a RawValue>,
    }
    if error.is_syntax() || error.is_eof() {
        let message = error.to_string();
        let message = message.split(" at line ").next().unwrap_or_default();
        return LineError::new(None, format!("line {number}, column {}: is not JSON: {message}", error.column()));
    }
    let id = serde_json::from_str::<Id<'_>>(text).ok().and_then(|line| line.id).filter(|&id| is_id(Some(id)));
    let told = |mut problems: Vec<String>| {
        if id.is_none() {
            for problem in &mut problems {
                problem.insert_str(0, &format!("line {number}: "));
            }
        }
        LineError::new(id, problems.join("; "))
    };
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(text) else {
        return told(vec!["a JSON object is expected".to_owned()]);
    };
    let mut problems = Vec::new();
    let unknown: Vec<String> =
        object.keys().filter(|key| !KEYS.contains(&key.as_str())).map(|key| format!("`{key}`")).collect();
    if !unknown.is_empty() {
        let (is, a) = if unknown.len() == 1 { ("is", "a key") } else { ("are", "keys") };
        let keys = KEYS.join(", ");
        problems.push(format!("{} {is} not {a} of a question (those are {keys})", unknown.join(", ")));
    }
    for (key, value) in object.iter().filter(|(key, _)| KEYS.contains(&key.as_str())) {
        let (fits, expected) = match key.as_str() {
            "id" => (is_id(id), "a string or a number"),
            "from" | "to" => (value.is_string(), "a selector in quotes"),
            _ => (value.is_string() || value.is_number() || value.is_null(), "a string or a number"),
        };
        if !fits {
            problems.push(format!("{key}: {expected} is expected"));
        }
    }
    for key in ["from", "to"] {
        if !object.contains_key(key) {
            problems.push(format!("`{key}` is missing"));
        }
    }
    if problems.is_empty() {
        let message = error.to_string();
        problems.push(message.split(" at line ").next().unwrap_or_default().to_owned());
    }
    told(problems)
}
