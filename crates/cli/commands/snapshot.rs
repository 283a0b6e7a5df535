//! `reach snapshot`: what a snapshot holds, whether it is sound, and one file of many.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use reach_model::summary::{Missing, ScopeSummary, Summary, summarise};
use reach_model::{Document, document, policy, script};
use serde::Serialize;

use super::redact;
use crate::args::{InfoFormat, Place, Snapshot};
use crate::config::Config;
use crate::demo;
use crate::exit::ExitCode;
use crate::failure::{Failure, tell, warn};
use crate::load::{self, Count, Voice};
use crate::output::{Output, Stop};
use crate::render::layout::{self, BOLD, DIM, PLAIN, Page, Span, solid, span};

/// The schema of `reach snapshot info --output json`.
const INFO_SCHEMA: &str = "reach.snapshot-info/1";

pub(crate) fn run(command: &Snapshot, config: Result<Config, Failure>, voice: Voice) -> Result<ExitCode, Stop> {
    match command {
        Snapshot::Info { place, summary: true, .. } => brief(&paths(place, &config?)?, voice),
        Snapshot::Info { place, output, .. } => info(&paths(place, &config?)?, *output, voice),
        Snapshot::Validate { place } => validate(&paths(place, &config?)?, voice),
        Snapshot::Pack { place, out } => save(&packed(&paths(place, &config?)?)?, out, voice),
        Snapshot::Redact { place, out, key_file, map } => {
            redact::run(&paths(place, &config?)?, out, key_file.as_deref(), map.as_deref(), voice)
        }
        Snapshot::IamPolicy => {
            Output::plain(voice == Voice::Quiet).finish(policy::iam_policy().as_bytes())?;
            Ok(ExitCode::Ok)
        }
        Snapshot::Script => {
            Output::plain(voice == Voice::Quiet).finish(script::script().as_bytes())?;
            Ok(ExitCode::Ok)
        }
    }
}

fn paths(place: &Place, config: &Config) -> Result<Vec<PathBuf>, Failure> {
    let given = if place.paths.is_empty() { &place.source.snapshot } else { &place.paths };
    config.snapshot(given)
}

fn info(paths: &[PathBuf], format: InfoFormat, voice: Voice) -> Result<ExitCode, Stop> {
    #[derive(Serialize)]
    struct Told {
        schema: &'static str,
        #[serde(flatten)]
        summary: Summary,
    }
    let summary = summarise(&load::snapshot(paths)?);
    let quiet = voice == Voice::Quiet;
    match format {
        InfoFormat::Json => {
            let told = Told { schema: INFO_SCHEMA, summary };
            let mut bytes = serde_json::to_vec_pretty(&told).map_err(|error| Stop::of_write(&error.into()))?;
            bytes.push(b'\n');
            Output::plain(quiet).finish(&bytes)?;
        }
        InfoFormat::Text => Output::styled(quiet).finish(overview(&summary).as_bytes())?,
    }
    Ok(ExitCode::Ok)
}

/// What can be pasted anywhere: numbers and states, and nothing that names anybody.
fn brief(paths: &[PathBuf], voice: Voice) -> Result<ExitCode, Stop> {
    let summary = summarise(&load::snapshot(paths)?);
    let mut text = format!("reach {}, {}\n", env!("CARGO_PKG_VERSION"), document::SCHEMA);
    let kinds: Vec<String> = summary.resources.iter().map(|count| format!("{} {}", count.count, count.kind)).collect();
    let _ = writeln!(text, "resources: {}", if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") });
    let accounts: BTreeSet<&str> = summary.scopes.iter().filter_map(|scope| scope.account.as_deref()).collect();
    let regions: BTreeSet<&str> = summary.scopes.iter().filter_map(|scope| scope.region.as_deref()).collect();
    let _ = writeln!(
        text,
        "read: {}, {}, {}",
        Count(summary.files, "answer"),
        Count(accounts.len(), "named account"),
        Count(regions.len(), "named Region")
    );
    let mut states: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let calls = summary.scopes.iter().flat_map(|scope| &scope.calls);
    let told = calls.clone().filter(|call| call.status != "complete");
    let missing = summary.missing.iter().filter(|missing| missing.role != "referenced" || !missing.ids.is_empty());
    for call in told.chain(missing.map(|missing| &missing.state)) {
        let code = call.error_code.as_deref().map_or_else(String::new, |code| format!(" ({})", shown(code)));
        states.entry(format!("{}{code}", call.status.replace('_', " "))).or_default().insert(&call.call);
    }
    let _ = writeln!(text, "complete: {}", Count(calls.filter(|call| call.status == "complete").count(), "call"));
    for (state, calls) in states {
        let _ = writeln!(text, "{state}: {}", calls.into_iter().collect::<Vec<_>>().join(", "));
    }
    let span = summary.span.as_ref().map_or_else(|| "not told".to_owned(), reach_model::time::Span::words);
    let _ = writeln!(text, "time from the first call to the last: {span}");
    let _ = writeln!(text, "warnings: {}", summary.warnings.len());
    Output::styled(voice == Voice::Quiet).finish(text.as_bytes())?;
    Ok(ExitCode::Ok)
}

/// An error code of AWS's; what does not look like one may be anything.
fn shown(code: &str) -> &str {
    let plain = code.len() < 64 && code.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'.');
    if plain { code } else { "another code" }
}

/// The margin of what stands below a heading.
const MARGIN: usize = 2;

fn overview(summary: &Summary) -> String {
    let mut page = Page::new(layout::width());
    heading(&mut page, &Count(summary.files, "file").to_string());
    let rows: Vec<Vec<Span>> = summary
        .resources
        .iter()
        .map(|count| {
            let call = format!("{} {}", if count.call.starts_with("kubectl") { "" } else { "aws" }, count.call);
            vec![span(PLAIN, format_args!("{:>6}", count.count)), span(PLAIN, count.kind), span(DIM, call.trim())]
        })
        .collect();
    page.table(MARGIN, &rows);
    page.blank();
    heading(&mut page, "coverage");
    let rows: Vec<Vec<Span>> = summary.scopes.iter().map(coverage).collect();
    page.table(MARGIN, &rows);
    if let Some(taken) = &summary.span {
        let (words, from, to) = (taken.words(), &taken.earliest, &taken.latest);
        let text = format!("the calls were made over {words}, from {from} to {to}");
        page.paragraph(MARGIN, &span(PLAIN, ""), &[span(PLAIN, text)]);
    }
    let groups: [(&str, &str); 3] = [
        ("structural", "missing: every answer that passes through it is unknown"),
        ("referenced", "missing: answers that meet one of these are unknown"),
        ("switch", "missing: AWS's default is assumed, and answers say so"),
    ];
    for (role, title) in groups {
        // A referenced collection without ids: nothing in the snapshot needs it.
        let needed = |missing: &&Missing| missing.role == role && (role != "referenced" || !missing.ids.is_empty());
        let list: Vec<&Missing> = summary.missing.iter().filter(needed).collect();
        if list.is_empty() {
            continue;
        }
        page.blank();
        heading(&mut page, title);
        for missing in list {
            lacking(&mut page, missing);
        }
    }
    let idle = |missing: &&Missing| missing.role == "referenced" && missing.ids.is_empty();
    let idle: Vec<&str> = summary.missing.iter().filter(idle).map(|missing| &*missing.state.call).collect();
    if !idle.is_empty() {
        page.blank();
        heading(&mut page, "not collected, and nothing in the snapshot refers to it");
        let last = idle.len() - 1;
        let item = |(position, call)| solid(DIM, format_args!("{call}{}", if position == last { "" } else { "," }));
        page.paragraph(MARGIN, &span(PLAIN, ""), &idle.into_iter().enumerate().map(item).collect::<Vec<_>>());
    }
    if !summary.warnings.is_empty() {
        page.blank();
        heading(&mut page, &Count(summary.warnings.len(), "warning").to_string());
        for warning in &summary.warnings {
            page.paragraph(MARGIN + 2, &span(PLAIN, "  -"), &[span(PLAIN, warning)]);
        }
    }
    page.into_text()
}

fn heading(page: &mut Page, text: &str) {
    page.paragraph(0, &span(PLAIN, ""), &[span(BOLD, text)]);
}

fn place_of(account: Option<&str>, region: Option<&str>) -> String {
    match (account, region) {
        (Some(account), Some(region)) => format!("{account} {region}"),
        (Some(one), None) | (None, Some(one)) => one.to_owned(),
        (None, None) => "account and Region not named".to_owned(),
    }
}

fn coverage(scope: &ScopeSummary) -> Vec<Span> {
    let with = |status: &str| scope.calls.iter().filter(|call| call.status == status).count();
    let mut text = format!("{} complete", Count(with("complete"), "call"));
    for status in ["truncated", "denied", "failed", "not_collected"] {
        if with(status) > 0 {
            let _ = write!(text, ", {} {}", with(status), status.replace('_', " "));
        }
    }
    vec![span(PLAIN, place_of(scope.account.as_deref(), scope.region.as_deref())), span(PLAIN, text)]
}

/// More ids than this are counted, not shown.
const IDS: usize = 8;

fn lacking(page: &mut Page, missing: &Missing) {
    let mut state = missing.state.status.replace('_', " ");
    if let Some(code) = &missing.state.error_code {
        let _ = write!(state, " ({code})");
    }
    if missing.account.is_some() || missing.region.is_some() {
        let _ = write!(state, " in {}", place_of(missing.account.as_deref(), missing.region.as_deref()));
    }
    let mut spans = vec![span(PLAIN, format_args!("{}: {state}", missing.state.call))];
    if !missing.ids.is_empty() {
        let mut ids = missing.ids.iter().take(IDS).cloned().collect::<Vec<_>>().join(", ");
        if missing.ids.len() > IDS {
            let _ = write!(ids, ", … and {} more", missing.ids.len() - IDS);
        }
        spans.push(span(DIM, format_args!("for {ids}")));
    }
    page.paragraph(MARGIN + 2, &span(PLAIN, "  -"), &spans);
    let questions = missing.questions.join("; ");
    page.paragraph(MARGIN + 2, &span(PLAIN, ""), &[span(DIM, format_args!("needed for {questions}"))]);
    for command in missing.commands.iter().take(IDS) {
        page.paragraph(MARGIN + 2, &span(PLAIN, ""), &[span(PLAIN, "run"), solid(BOLD, command)]);
    }
    if missing.commands.len() > IDS {
        let more = missing.commands.len() - IDS;
        page.paragraph(
            MARGIN + 2,
            &span(PLAIN, ""),
            &[span(DIM, format_args!("… and {more} more such commands (`--output json` has them all)"))],
        );
    }
}

fn validate(paths: &[PathBuf], voice: Voice) -> Result<ExitCode, Stop> {
    let snapshot = load::snapshot(paths)?;
    let files = snapshot.files.len();
    let network = load::build(snapshot)?;
    if voice != Voice::Quiet {
        network.warnings.iter().for_each(|warning| warn(warning));
    }
    let mut text = format!("ok: {}", Count(files, "file"));
    if !network.warnings.is_empty() {
        let _ = write!(text, ", {}", Count(network.warnings.len(), "warning"));
    }
    text.push('\n');
    Output::styled(voice == Voice::Quiet).finish(text.as_bytes())?;
    Ok(ExitCode::Ok)
}

/// Everything at `paths` as one document.
pub(super) fn packed(paths: &[PathBuf]) -> Result<Document, Failure> {
    // What is no file is written into one: packing copies files.
    let scratch = if paths.iter().any(|path| crate::config::is_word(path)) { Some(scratch()?) } else { None };
    let mut files: Vec<PathBuf> = Vec::new();
    for path in paths {
        match (path.to_str(), &scratch) {
            (Some("demo"), Some(scratch)) => {
                files.push(unpack_demo(scratch.path()).map_err(|error| temporary(&error))?);
            }
            (Some("-"), Some(scratch)) => {
                let file = scratch.path().join("stdin.json");
                fs::write(&file, load::stdin()?).map_err(|error| temporary(&error))?;
                files.push(file);
            }
            _ => files.push(path.clone()),
        }
    }
    document::pack(&files).map_err(load::broken)
}

/// Writes a document to a file, or to standard output for `-`.
pub(super) fn save(document: &Document, out: &Path, voice: Voice) -> Result<ExitCode, Stop> {
    if out == Path::new("-") {
        let bytes = document.to_bytes().map_err(|error| Failure::io("the snapshot cannot be packed", &error))?;
        Output::plain(voice == Voice::Quiet).finish(&bytes)?;
        return Ok(ExitCode::Ok);
    }
    document.save(out).map_err(|error| Failure::io(format!("`{}` cannot be written", out.display()), &error))?;
    if voice == Voice::Verbose {
        tell(&format!("{} written to {}", Count(document.calls.len(), "answer"), out.display()));
    }
    Ok(ExitCode::Ok)
}

fn scratch() -> Result<tempfile::TempDir, Failure> {
    tempfile::tempdir().map_err(|error| temporary(&error))
}

fn temporary(error: &std::io::Error) -> Failure {
    Failure::io("a temporary file cannot be written", error)
}

fn unpack_demo(scratch: &Path) -> std::io::Result<PathBuf> {
    let directory = scratch.join("demo");
    fs::create_dir_all(&directory)?;
    for (name, bytes) in demo::FILES {
        fs::write(directory.join(name), bytes)?;
    }
    Ok(directory)
}
