//! JSON files to a [`Snapshot`]: what the AWS CLI printed, what Batfish collected, or a snapshot document.
//!
//! The stages: `discover` finds the sources, `scan` takes their top level apart, `recognise` tells which call a key
//! answers, `decode` makes typed elements, `gather` keeps every element once and notes which calls were made, and
//! `reconcile` compares elements that were given twice. Every stage goes on after a problem, so that one run names all
//! of them. A large file without a fault takes a short cut, `stream`, from its bytes to `gather`.

mod batfish;
mod decode;
pub(crate) mod discover;
mod element;
mod gather;
mod read;
mod recognise;
mod reconcile;
pub(crate) mod scan;
mod stream;

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use serde_json::value::RawValue;

pub(crate) use decode::{Fault, humanise, object};
use discover::{Found, Source};
use gather::Gather;
pub(crate) use read::{Answer, Content, content, earlier, prefix};
pub(crate) use recognise::{Meaning, meaning};
use scan::Object;
use stream::{Declined, Sizes};

use crate::api::Call;
use crate::snapshot::Snapshot;
use crate::time::Span;

/// One thing that is wrong with the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as the user would name it.
    pub file: String,
    /// The JSON path in the file; empty where the problem is the file itself.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it, where that helps.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem without a hint.
    pub fn new(file: &str, path: &str, message: String) -> Self {
        Self { file: file.to_owned(), path: path.to_owned(), message, hint: None }
    }

    /// Adds a hint.
    #[must_use]
    pub fn with_hint(self, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..self }
    }
}

impl fmt::Display for Problem {
    /// One line: `sg.json: SecurityGroups[3].GroupId: …`. The hint is not part of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, path, message, .. } = self;
        match &**path {
            "" => write!(f, "{file}: {message}"),
            path => write!(f, "{file}: {path}: {message}"),
        }
    }
}

/// Everything that is wrong with the input, sorted by file and then in the order of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportErrors {
    /// The problems; never empty.
    pub problems: Vec<Problem>,
}

impl ImportErrors {
    /// `problems`, sorted by file; those of one file keep their order.
    pub fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|a, b| a.file.cmp(&b.file));
        problems.dedup();
        Self { problems }
    }

    /// The hints, each once.
    pub fn hints(&self) -> Vec<&str> {
        let mut hints: Vec<&str> = Vec::new();
        for hint in self.problems.iter().filter_map(|problem| problem.hint.as_deref()) {
            if !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        hints
    }
}

impl fmt::Display for ImportErrors {
    /// One line per problem.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.problems.iter().enumerate() {
            let end = if position == 0 { "" } else { "\n" };
            write!(f, "{end}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ImportErrors {}

/// Reads a snapshot from `paths`: directories of AWS answers, single files, snapshot documents; several are merged.
///
/// O(bytes). Large files are read in blocks, by several threads; others, and those with anything odd about them, in about
/// three passes with one file in memory at a time.
///
/// # Errors
///
/// Every problem in every file: unreadable, no JSON, wrong types, contradictions; and a path without any AWS answer.
pub fn import(paths: &[PathBuf]) -> Result<Snapshot, ImportErrors> {
    let names: Vec<String> = paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    run(&discover::discover(paths), &names, Sizes::default())
}

/// Reads a snapshot from documents in memory: name and bytes of each, as [`import`] would read files of that name.
///
/// # Errors
///
/// As [`import`].
pub fn import_documents<'a, N, B>(documents: impl IntoIterator<Item = (N, B)>) -> Result<Snapshot, ImportErrors>
where
    N: Into<String>,
    B: Into<Cow<'a, [u8]>>,
{
    let sources = documents.into_iter().map(|(name, bytes)| Source::in_memory(name.into(), bytes.into())).collect();
    run(&Found { sources, problems: Vec::new() }, &["snapshot".to_owned()], Sizes::default())
}

fn run(Found { sources, problems }: &Found<'_>, paths: &[String], sizes: Sizes) -> Result<Snapshot, ImportErrors> {
    let mut gather = Gather::new();
    let mut roots = Roots::new(paths.len());
    let mut problems: Vec<Problem> = problems
        .iter()
        .map(|(root, problem)| {
            roots.failed(*root);
            problem.clone()
        })
        .collect();
    for (number, source) in sources.iter().enumerate() {
        if let Ok(any) = streamed(source, number, sizes, &mut gather) {
            roots.found(source.root, any);
            continue;
        }
        let any = source.text().map_err(|problem| vec![problem]).and_then(|text| {
            let any = match content(source, &text, &prefix(source, paths.len()))? {
                Content::NoObject => false,
                Content::Answer(answer) => gather.answer(number, 0, &answer),
                Content::Document { created, records } => {
                    let known = gather.snapshot.created.take();
                    gather.snapshot.created = read::earlier(known, created);
                    let times =
                        records.iter().flat_map(|(record, _)| [record.time.as_deref(), record.until.as_deref()]);
                    let times = times.flatten().filter_map(Span::at);
                    gather.snapshot.span = gather.snapshot.span.take().into_iter().chain(times).reduce(Span::with);
                    for (position, (record, answer)) in records.iter().enumerate() {
                        // A newer version may have made calls that this one does not read.
                        let unread = |name: &&str| {
                            record.status != crate::document::Status::NotCollected && Call::parse(name).is_none()
                        };
                        if let Some(name) = record.call.as_deref().filter(unread) {
                            let warning = format!("{}: calls[{position}].call: `{name}` is not read", source.name);
                            gather.snapshot.warnings.push(warning);
                        }
                        match answer {
                            Some(answer) => {
                                gather.answer(number, position, answer);
                            }
                            None => gather.told(record),
                        }
                    }
                    true
                }
            };
            Ok(any)
        });
        match any {
            Ok(any) => roots.found(source.root, any),
            Err(more) => {
                roots.failed(source.root);
                problems.extend(more);
            }
        }
    }
    gather.finish();
    let span = gather.snapshot.span.as_ref().filter(|span| span.long);
    if let Some(span) = span {
        let warning = format!(
            "the calls were made over {}, from {} to {}: what changed in between may be seen half",
            span.words(),
            span.earliest,
            span.latest
        );
        gather.snapshot.warnings.push(warning);
    }
    problems.extend(roots.empty().filter_map(|root| paths.get(root)).map(|path| nothing_found(path)));
    let Gather { mut snapshot, problems: more, pairs, .. } = gather;
    problems.extend(more);
    let outcome = reconcile::reconcile(sources, paths.len(), &pairs, &snapshot);
    problems.extend(outcome.problems);
    snapshot.warnings.extend(outcome.warnings);
    if problems.is_empty() { Ok(snapshot) } else { Err(ImportErrors::new(problems)) }
}

/// Takes in a large file the fast way; whether there was anything of AWS's in it. Where that is declined, nothing has
/// happened.
fn streamed(source: &Source<'_>, number: usize, sizes: Sizes, gather: &mut Gather) -> Result<bool, Declined> {
    let mut input = source.open(sizes.file).ok_or(Declined)?;
    let members = stream::members(&mut *input, sizes)?;
    let nothing = RawValue::from_string("[]".to_owned()).map_err(|_| Declined)?;
    let mut texts: Vec<(String, Option<Box<RawValue>>)> = Vec::new();
    let mut decoded = Vec::new();
    for (key, value) in members {
        let (text, elements) = match value {
            stream::Value::Text(text) => (Some(text), None),
            stream::Value::List(elements) => (None, Some(elements)),
        };
        texts.push((key, text));
        decoded.push(elements);
    }
    let members = texts.iter().map(|(key, text)| (Cow::Borrowed(&**key), text.as_deref().unwrap_or(&nothing)));
    let object = Object { text: "", members: members.collect() };
    let is_document = crate::document::is_document(&object);
    let answer = Answer { file: source.name.clone(), scope: source.scope.clone(), object, record: None };
    // Both need the text of the whole file.
    if is_document || answer.kubernetes_object().is_some() {
        return Err(Declined);
    }
    Ok(gather.decoded(number, 0, &answer, decoded))
}

/// Which of the given paths held something.
#[derive(Debug)]
pub(crate) struct Roots(Vec<(bool, bool)>);

impl Roots {
    pub(crate) fn new(paths: usize) -> Self {
        Self(vec![(false, false); paths])
    }

    /// Notes whether a source of `root` held an AWS answer.
    pub(crate) fn found(&mut self, root: usize, any: bool) {
        if let Some((found, _)) = self.0.get_mut(root) {
            *found |= any;
        }
    }

    /// Notes that a source of `root` could not be read.
    pub(crate) fn failed(&mut self, root: usize) {
        if let Some((_, failed)) = self.0.get_mut(root) {
            *failed = true;
        }
    }

    /// The paths that held nothing, and of which nothing else was said.
    pub(crate) fn empty(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().enumerate().filter(|(_, state)| **state == (false, false)).map(|(root, _)| root)
    }
}

/// A path without a single AWS answer, and what was looked for.
pub(crate) fn nothing_found(path: &str) -> Problem {
    let mut keys: Vec<&str> = Vec::new();
    for call in Call::ALL {
        if !keys.contains(&call.key()) {
            keys.push(call.key());
        }
    }
    let hint = format!(
        "an AWS answer is a JSON object with one of the top-level keys {}; `reach snapshot script` prints the commands \
         that write them",
        keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
    );
    Problem::new(path, "", "no AWS answers found".to_owned()).with_hint(&hint)
}

#[cfg(test)]
pub(crate) mod tests;
