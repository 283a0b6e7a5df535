//! The snapshot document: one versioned JSON file that keeps AWS's answers as they were read and says what became of
//! every call.
//!
//! `{"schema": "reach.snapshot/1", "created": …, "calls": [{"call": "ec2 describe-subnets", "status": "complete",
//! "answer": {…}, …}, …]}`. Answers are copied through as text: unknown keys and unknown kinds of resources stay.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::api::{Argument, Call};
use crate::aws::Text;
use crate::import::discover::{self, Source};
use crate::import::scan::Object;
use crate::import::{self, Answer, Content, ImportErrors, Meaning, Problem, Roots, meaning};
use crate::snapshot::{CallStatus, Scope};
use crate::time::is_time;

/// The schema that this version reads and writes.
pub const SCHEMA: &str = "reach.snapshot/1";

/// What stands before the version in the schema of every snapshot document.
const SCHEMA_PREFIX: &str = "reach.snapshot/";

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All pages were read.
    Complete,
    /// A page was not followed.
    Truncated,
    /// AWS refused.
    Denied,
    /// The call failed otherwise.
    Failed,
    /// The call was not made.
    NotCollected,
}

/// One call: where it was made, what it was asked, what became of it, and the answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    /// Twelve digits, where known.
    #[serde(default)]
    pub account: Option<Text>,
    /// `eu-west-1`, where known.
    #[serde(default)]
    pub region: Option<Text>,
    /// `ec2 describe-subnets`; absent for a file that answers no call of [`Call::ALL`].
    #[serde(default)]
    pub call: Option<Text>,
    /// What the call was told, by the API's names: `PrefixListId`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arguments: BTreeMap<String, String>,
    /// What became of the call.
    pub status: Status,
    /// AWS's error code of a call that was denied or failed.
    #[serde(default)]
    pub error_code: Option<Text>,
    /// When the call was made (RFC 3339), where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Text>,
    /// When its last page was read (RFC 3339), where known: what has pages is read over a span of time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Text>,
    /// The VPCs that the call was limited to; empty: it was not. The answer says nothing of what lies in other VPCs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub vpcs: Vec<Text>,
    /// The file that held the answer; messages name it.
    #[serde(default)]
    pub source: Option<Text>,
    /// The answer as AWS gave it.
    #[serde(skip_deserializing)]
    pub answer: Option<Box<RawValue>>,
}

impl Record {
    /// A call without arguments whose answer is complete.
    pub fn complete(call: Call, scope: &Scope, answer: Box<RawValue>) -> Self {
        Self { answer: Some(answer), ..Self::without_answer(Some(call), scope, Status::Complete) }
    }

    /// A call that has no answer.
    pub fn without_answer(call: Option<Call>, scope: &Scope, status: Status) -> Self {
        Self {
            account: scope.account.clone(),
            region: scope.region.clone(),
            call: call.map(|call| call.name().into()),
            arguments: BTreeMap::new(),
            status,
            error_code: None,
            time: None,
            until: None,
            vpcs: Vec::new(),
            source: None,
            answer: None,
        }
    }

    pub(crate) fn scope(&self) -> Scope {
        Scope { account: self.account.clone(), region: self.region.clone() }
    }

    /// The status in the terms of the coverage; `None` for what is no call.
    pub(crate) fn call_status(&self) -> Option<CallStatus> {
        self.call.as_ref()?;
        let code = || self.error_code.clone().unwrap_or_default();
        Some(match self.status {
            Status::Complete => CallStatus::Complete,
            Status::Truncated => CallStatus::Truncated,
            Status::Denied => CallStatus::Denied(code()),
            Status::Failed => CallStatus::Failed(code()),
            Status::NotCollected => CallStatus::NotCollected,
        })
    }
}

/// A snapshot as one file.
#[derive(Debug, Clone, Default)]
pub struct Document {
    /// When it was made (RFC 3339), where known.
    pub created: Option<Text>,
    /// The calls, in the order in which their answers are read.
    pub calls: Vec<Record>,
}

impl Document {
    /// Writes the document: the head on the first line, then one call a line (answers keep their own line breaks). The
    /// same document gives the same bytes.
    pub fn write_to(&self, mut writer: impl Write) -> io::Result<()> {
        writer.write_all(b"{\"schema\":")?;
        serde_json::to_writer(&mut writer, SCHEMA)?;
        writer.write_all(b",\"created\":")?;
        serde_json::to_writer(&mut writer, &self.created)?;
        writer.write_all(b",\"calls\":[")?;
        for (position, record) in self.calls.iter().enumerate() {
            writer.write_all(if position == 0 { b"\n" } else { b",\n" })?;
            serde_json::to_writer(&mut writer, record)?;
        }
        writer.write_all(b"\n]}\n")
    }

    /// The document as bytes, not compressed.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.write_to(&mut bytes)?;
        Ok(bytes)
    }

    /// Writes the document to `path`, compressed where it ends in `.zst`. The file is there in full or not at all.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let compressed = path.extension().is_some_and(|extension| extension == "zst");
        write_whole(path, |buffered| {
            if !compressed {
                return self.write_to(buffered);
            }
            let mut encoder = zstd::Encoder::new(buffered, zstd::DEFAULT_COMPRESSION_LEVEL)?;
            encoder.include_checksum(true)?;
            self.write_to(&mut encoder)?;
            encoder.finish().map(drop)
        })
    }
}

/// Writes a file beside `path` and gives it that name when it is complete: it is there in full or not at all.
///
/// # Errors
///
/// What `write` or the file system says; then nothing is left behind.
pub fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut io::BufWriter<&mut std::fs::File>) -> io::Result<()>,
) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".reach-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // What any new file gets; the umask takes its part away.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(directory)?;
    let mut buffered = io::BufWriter::with_capacity(1 << 16, file.as_file_mut());
    write(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Whether `object` is a snapshot document, of any version.
pub(crate) fn is_document(object: &Object<'_>) -> bool {
    object.text_of("schema").is_some_and(|schema| schema.starts_with(SCHEMA_PREFIX))
}

/// The records of a document, with their answers.
pub(crate) fn records<'a>(object: &Object<'a>, file: &str) -> Result<Vec<(Record, Option<Object<'a>>)>, Vec<Problem>> {
    let schema = object.text_of("schema").unwrap_or_default();
    if &*schema != SCHEMA {
        let message = format!("`{schema}` is not supported: this version of reach reads `{SCHEMA}`");
        return Err(vec![
            Problem::new(file, "schema", message).with_hint("use the version of reach that wrote it, or a newer one"),
        ]);
    }
    let Some(calls) = object.get("calls").and_then(import::scan::elements) else {
        return Err(vec![Problem::new(file, "calls", "is missing or not an array".to_owned())]);
    };
    let mut records = Vec::new();
    let mut problems = Vec::new();
    let bad_time = |path: &str, time: &str| {
        Problem::new(file, path, format!("\"{time}\" is not a time in the form of RFC 3339"))
            .with_hint("a time is written like 2026-11-24T17:41:41Z")
    };
    problems.extend(object.text_of("created").filter(|time| !is_time(time)).map(|time| bad_time("created", &time)));
    for (position, call) in calls.into_iter().enumerate() {
        let at = |path: &str| format!("calls[{position}]{path}");
        let record = match import::object::<Record>(call) {
            Ok(record) => record,
            Err(faults) => {
                let fault = |fault: import::Fault| Problem::new(file, &at(&fault.path), fault.message);
                problems.extend(faults.into_iter().map(fault));
                continue;
            }
        };
        let known = problems.len();
        for (field, time) in [(".time", &record.time), (".until", &record.until)] {
            problems.extend(time.as_deref().filter(|time| !is_time(time)).map(|time| bad_time(&at(field), time)));
        }
        let raw = Object::scan(call.get()).ok().flatten().and_then(|call| call.get("answer"));
        let answer = raw.and_then(|raw| Object::scan(raw.get()).ok().flatten());
        if raw.is_some() && answer.is_none() {
            problems.push(Problem::new(file, &at(".answer"), "is not an object".to_owned()));
            continue;
        }
        if answer.is_none() && matches!(record.status, Status::Complete | Status::Truncated) {
            problems.push(Problem::new(file, &at(".answer"), "is missing".to_owned()));
            continue;
        }
        if problems.len() == known {
            records.push((record, answer));
        }
    }
    if problems.is_empty() { Ok(records) } else { Err(problems) }
}

/// Puts everything at `paths` into one document: directories and files as [`import`](import::import) finds them,
/// documents as they are. JSON objects that answer no known call are kept, too; other JSON is left out.
///
/// # Errors
///
/// Unreadable files, broken JSON, and a path without any AWS answer.
pub fn pack(paths: &[PathBuf]) -> Result<Document, ImportErrors> {
    let found = discover::discover(paths);
    let mut roots = Roots::new(paths.len());
    let mut problems = Vec::new();
    for (root, problem) in found.problems {
        roots.failed(root);
        problems.push(problem);
    }
    let labels = labels(paths);
    let mut document = Document::default();
    for source in &found.sources {
        let name = format!("{}{}", labels.get(source.root).map_or("", String::as_str), source.relative);
        match pack_source(source, &name, paths.len(), &mut document) {
            Ok(any) => roots.found(source.root, any),
            Err(more) => {
                roots.failed(source.root);
                problems.extend(more);
            }
        }
    }
    problems.extend(
        roots.empty().filter_map(|root| paths.get(root)).map(|path| import::nothing_found(&path.to_string_lossy())),
    );
    if problems.is_empty() { Ok(document) } else { Err(ImportErrors::new(problems)) }
}

/// What stands before the relative names of each path's files: nothing for one path; for several the last part of each
/// path, or the whole of it where the last parts are alike.
fn labels(paths: &[PathBuf]) -> Vec<String> {
    if paths.len() < 2 {
        return vec![String::new(); paths.len()];
    }
    let whole = |path: &PathBuf| path.to_string_lossy().trim_end_matches('/').to_owned();
    let last = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
    let short: Vec<String> = paths.iter().map(|path| last(path).unwrap_or_else(|| whole(path))).collect();
    let distinct = short.iter().collect::<BTreeSet<_>>().len() == short.len();
    paths
        .iter()
        .zip(short)
        .map(|(path, short)| match (path.is_dir(), distinct) {
            (true, true) => format!("{short}/"),
            (true, false) => format!("{}/", whole(path)),
            // A file brings its own name.
            (false, true) => String::new(),
            (false, false) => {
                path.parent().map_or_else(String::new, |parent| format!("{}/", whole(&parent.to_owned())))
            }
        })
        .collect()
}

fn pack_source(source: &Source<'_>, name: &str, paths: usize, document: &mut Document) -> Result<bool, Vec<Problem>> {
    let text = source.text().map_err(|problem| vec![problem])?;
    match import::content(source, &text, "")? {
        Content::NoObject => Ok(false),
        Content::Answer(answer) => Ok(pack_answer(&answer, name, document)),
        Content::Document { created, records } => {
            document.created = import::earlier(document.created.take(), created);
            for (mut record, answer) in records {
                record.answer = answer.and_then(|answer| serde_json::from_str(answer.object.text).ok());
                if let Some(inner) = record.source.take() {
                    let prefix = if paths > 1 { format!("{name}/") } else { String::new() };
                    record.source = Some(format!("{prefix}{inner}").into());
                }
                document.calls.push(record);
            }
            Ok(true)
        }
    }
}

/// One record per call that the file answers, and one for what is left over.
fn pack_answer(answer: &Answer<'_>, name: &str, document: &mut Document) -> bool {
    let mut found = false;
    let mut calls: Vec<Call> = Vec::new();
    let mut owners: Vec<Option<Call>> = Vec::new();
    for (key, value) in &answer.object.members {
        let owner = match meaning(answer, key, value) {
            Meaning::Answer(call) => Some(call),
            Meaning::WithoutId(_) | Meaning::Kept => {
                found = true;
                None
            }
            Meaning::Foreign(_) | Meaning::Sibling | Meaning::Unknown => None,
        };
        if let Some(call) = owner {
            found = true;
            if !calls.contains(&call) {
                calls.push(call);
            }
        }
        owners.push(owner);
    }
    let record = |call: Option<Call>, text: &str| {
        let truncated = call.is_some() && answer.continuation().is_some();
        let status = if truncated { Status::Truncated } else { Status::Complete };
        let mut record = Record::without_answer(call, &answer.scope, status);
        if let Some(call) = call
            && let Argument::Each(argument) = call.argument()
            && let Some(id) = answer.id(call)
        {
            record.arguments.insert(argument.to_owned(), id.into());
        }
        record.source = Some(name.into());
        record.answer = serde_json::from_str(text).ok();
        record
    };
    if let (0 | 1, call) = (calls.len(), calls.first().copied()) {
        document.calls.push(record(call, answer.object.text));
        return found;
    }
    // Ids and tokens go with every call of the file; arrays and objects that are no answer go into a record of their own.
    let members = || answer.object.members.iter().zip(&owners);
    let scalar = |value: &RawValue| !value.get().starts_with(['{', '[']);
    let part = |wanted: &dyn Fn(Option<Call>, &RawValue) -> bool| {
        let members: Vec<String> = members()
            .filter(|((_, value), owner)| wanted(**owner, value))
            .map(|((key, value), _)| format!("{}:{}", serde_json::Value::from(&**key), value.get()))
            .collect();
        format!("{{{}}}", members.join(","))
    };
    for &call in &calls {
        let text = part(&|owner, value| owner == Some(call) || (owner.is_none() && scalar(value)));
        document.calls.push(record(Some(call), &text));
    }
    if members().any(|((_, value), owner)| owner.is_none() && !scalar(value)) {
        let text = part(&|owner, value| owner.is_none() && !scalar(value));
        document.calls.push(record(None, &text));
    }
    found
}

#[cfg(test)]
mod tests;
