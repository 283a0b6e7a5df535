//! Reports for code scanning: SARIF 2.1.0, one run, one rule for each finding.

use std::fmt::Write as _;

use reach_eks::audit::{Level, Remark, Status};
use serde_json::{Value, json};

use super::{Entry, Report, Subject, junit, markdown, word};

/// The schema that the log follows.
pub(crate) const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Renders the report.
pub(crate) fn render(report: &Report<'_>) -> serde_json::Result<Vec<u8>> {
    let run = json!({
        "tool": {"driver": {
            "name": "reach",
            "version": env!("CARGO_PKG_VERSION"),
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": report.all().map(rule).collect::<Vec<_>>(),
        }},
        // The category: a later run of the same kind takes this one's place.
        "automationDetails": {"id": category(report)},
        "invocations": [{
            "executionSuccessful": true,
            "exitCode": report.exit().number(),
            "toolExecutionNotifications": report.remarks.iter().map(notification).collect::<Vec<_>>(),
        }],
        "columnKind": "unicodeCodePoints",
        "results": report.all().enumerate().map(|(index, entry)| result(report, index, entry)).collect::<Vec<_>>(),
    });
    let mut bytes = serde_json::to_vec_pretty(&json!({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}))?;
    bytes.push(b'\n');
    Ok(bytes)
}

fn category(report: &Report<'_>) -> String {
    match report.subject {
        Subject::Cluster(name, _) => format!("reach/eks/{name}/"),
        Subject::Policy(file, _) => format!("reach/policy/{file}/"),
    }
}

/// The level of a result that is none of success.
fn level(entry: &Entry<'_>) -> &'static str {
    match entry.status {
        Status::Fail | Status::Partial if entry.weighs => "error",
        Status::Fail | Status::Partial => "warning",
        Status::Unknown => "note",
        Status::Pass | Status::NotApplicable => "none",
    }
}

fn rule(entry: &Entry<'_>) -> Value {
    let mut tags = vec!["network"];
    tags.extend(entry.level.map(Level::as_str));
    tags.extend(entry.source.map(|source| source.semantics));
    let title = printable(&entry.title);
    let mut rule = json!({
        "id": printable(entry.id),
        "shortDescription": {"text": title},
        "fullDescription": {"text": title},
        "defaultConfiguration": {"level": if entry.weighs { "error" } else { "warning" }},
        "properties": {"tags": tags, "precision": "very-high"},
    });
    if let (Some(source), Some(object)) = (entry.source, rule.as_object_mut()) {
        let text = format!("{}: {} ({})", source.semantics, source.title, source.url);
        let markdown = format!("{}: [{}]({})", source.semantics, source.title, source.url);
        object.insert("helpUri".to_owned(), source.url.into());
        object.insert("help".to_owned(), json!({"text": text, "markdown": markdown}));
    }
    if let (Some(why), Some(object)) = (entry.expected.and_then(|expected| expected.why), rule.as_object_mut()) {
        object.insert("fullDescription".to_owned(), json!({"text": printable(why)}));
    }
    rule
}

fn result(report: &Report<'_>, index: usize, entry: &Entry<'_>) -> Value {
    let kind = match entry.status {
        Status::Pass => "pass",
        Status::NotApplicable => "notApplicable",
        Status::Fail | Status::Partial | Status::Unknown => "fail",
    };
    let status = entry.compared().unwrap_or_else(|| word(entry.status).to_owned());
    let title = printable(&entry.title);
    // The first sentence is what lists show.
    let mut text = format!("{title}: {status}.");
    let mut markdown = format!("**{}**: {}\n\n", status, crate::render::markdown::escape(&entry.title));
    if entry.is_open() {
        let body = junit::body(report, entry);
        text = format!("{text}\n{}", body.lines().map(printable).collect::<Vec<_>>().join("\n"));
        markdown::body(&mut markdown, report, entry, false);
    }
    let line = entry.expected.map_or(1, |expected| expected.at.line);
    let column = entry.expected.map_or(1, |expected| expected.at.column);
    let logical: Vec<Value> = entry
        .resources(report.network)
        .into_iter()
        .map(|id| json!({"name": printable(&id), "fullyQualifiedName": printable(&id), "kind": "resource"}))
        .collect();
    let mut location = json!({
        "physicalLocation": {
            "artifactLocation": {"uri": report.artifact},
            "region": {"startLine": line, "startColumn": column},
        },
    });
    if let (false, Some(object)) = (logical.is_empty(), location.as_object_mut()) {
        object.insert("logicalLocations".to_owned(), logical.into());
    }
    let identity = identity(report, entry);
    json!({
        "ruleId": printable(entry.id),
        "ruleIndex": index,
        "kind": kind,
        "level": level(entry),
        "message": {"text": text, "markdown": markdown.trim_end()},
        "locations": [location],
        "partialFingerprints": {
            "reach/v1": printable(&identity),
            // What code scanning tells results apart by: not the line, which moves.
            "primaryLocationLineHash": format!("{:016x}:1", hash(&identity)),
        },
        "properties": {
            "status": entry.status.as_str(),
            "pairs": {"total": entry.pairs.total, "reachable": entry.pairs.reachable},
        },
    })
}

/// What stays the same from run to run: the finding of the cluster, or the question of the policy.
fn identity(report: &Report<'_>, entry: &Entry<'_>) -> String {
    match (report.subject, entry.question) {
        (Subject::Policy(..), Some(question)) => question.command(""),
        _ => format!("{}{}", category(report), entry.id),
    }
}

/// FNV-1a in 64 bits: it needs to be stable, and nothing else.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn notification(remark: &Remark) -> Value {
    json!({
        "level": "note",
        "descriptor": {"id": remark.code},
        "message": {"text": printable(&remark.message)},
    })
}

pub(crate) fn printable(text: &str) -> String {
    crate::render::layout::printable(text)
}

/// A path as a URI that code scanning takes: relative where it lies below the working directory.
pub(crate) fn uri(path: &std::path::Path) -> String {
    let below =
        std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok().map(std::path::Path::to_owned));
    let path = below.as_deref().unwrap_or(path);
    let text = path.to_string_lossy().replace('\\', "/");
    let text = text.strip_prefix("./").unwrap_or(&text);
    let mut uri = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(byte)),
            // Writing to a string does not fail.
            _ => {
                let _ = write!(uri, "%{byte:02X}");
            }
        }
    }
    if path.is_absolute() { format!("file://{uri}") } else { uri }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn paths_become_uris() {
        assert_eq!(uri(Path::new("./policies/a b.toml")), "policies/a%20b.toml");
        assert_eq!(uri(Path::new("/nowhere/a:b")), "file:///nowhere/a%3Ab");
        let here = std::env::current_dir().unwrap();
        assert_eq!(uri(&here.join("p.toml")), "p.toml");
    }

    #[test]
    fn the_hash_is_that_of_the_specification() {
        assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
    }
}
