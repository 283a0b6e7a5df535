//! Reports for test runners: JUnit XML, as Ant wrote it first and everybody reads it.

use std::fmt::Write as _;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use reach_eks::audit::Status;

use super::{Entry, Report, Subject, word};
use crate::render::change;

/// How a test case ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failure,
    Error,
    Skipped,
}

fn outcome(entry: &Entry<'_>) -> Outcome {
    match entry.status {
        Status::Pass => Outcome::Passed,
        Status::NotApplicable => Outcome::Skipped,
        _ if !entry.weighs => Outcome::Skipped,
        Status::Fail | Status::Partial => Outcome::Failure,
        Status::Unknown => Outcome::Error,
    }
}

/// Renders the report.
pub(crate) fn render(report: &Report<'_>) -> io::Result<Vec<u8>> {
    let count = |wanted| report.all().filter(|entry| outcome(entry) == wanted).count().to_string();
    let name = xml(&report.name());
    let tests = report.all().count().to_string();
    let (failures, errors, skipped) = (count(Outcome::Failure), count(Outcome::Error), count(Outcome::Skipped));
    let class = xml(&match report.subject {
        Subject::Cluster(name, _) => format!("reach.check.eks.{name}"),
        Subject::Policy(file, _) => format!("reach.check.{file}"),
    });
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let totals = [("tests", &*tests), ("failures", &*failures), ("errors", &*errors)];
    writer.create_element("testsuites").with_attributes(totals).write_inner_content(|writer| {
        let suite = writer.create_element("testsuite").with_attribute(("name", &*name)).with_attributes(totals);
        let suite = suite.with_attributes([("skipped", &*skipped), ("time", "0")]);
        suite.write_inner_content(|writer| report.all().try_for_each(|entry| case(writer, report, entry, &class)))?;
        Ok(())
    })?;
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

fn case(writer: &mut Writer<Vec<u8>>, report: &Report<'_>, entry: &Entry<'_>, class: &str) -> io::Result<()> {
    let id = xml(entry.id);
    let case = writer.create_element("testcase");
    let case = case.with_attributes([("classname", class), ("name", &*id), ("time", "0")]);
    let message = xml(&match entry.compared() {
        Some(compared) => format!("{}: {compared}", entry.title),
        None => format!("{}: {}", word(entry.status), entry.title),
    });
    match outcome(entry) {
        Outcome::Passed => {
            case.write_empty()?;
        }
        Outcome::Skipped => {
            let message =
                if entry.is_open() { format!("{message} (it decides nothing at this level)") } else { message };
            case.write_inner_content(|writer| {
                writer.create_element("skipped").with_attribute(("message", &*message)).write_empty()?;
                Ok(())
            })?;
        }
        outcome @ (Outcome::Failure | Outcome::Error) => {
            let element = if outcome == Outcome::Failure { "failure" } else { "error" };
            let attributes = [("type", entry.status.as_str()), ("message", &*message)];
            let body = xml(&body(report, entry));
            case.write_inner_content(|writer| {
                let element = writer.create_element(element).with_attributes(attributes);
                element.write_text_content(BytesText::new(&body))?;
                Ok(())
            })?;
        }
    }
    Ok(())
}

/// What is said about an entry: plain lines.
pub(super) fn body(report: &Report<'_>, entry: &Entry<'_>) -> String {
    let mut text = String::new();
    let mut line = |label: &str, words: &str| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{label}: {words}");
    };
    if let Some(why) = entry.expected.and_then(|expected| expected.why) {
        line("because", why);
    }
    if let Some(which) = entry.which() {
        line("pairs", &which);
    }
    for each in entry.each() {
        line("pairs", &each);
    }
    if let Some(refused) = entry.refused() {
        line("refused", &refused);
    }
    for why in entry.whys(report.network) {
        let leg = match why.legs {
            (false, true) => "on the way back: ",
            (true, true) => "both ways: ",
            _ => "",
        };
        line("why", &format!("{leg}{} ({} {}; look at {})", why.sentence, why.code, why.semantics, why.place));
        why.commands.iter().for_each(|command| line("run", command));
    }
    for remark in entry.remarks {
        line("why", &format!("{} ({} {})", remark.message, remark.code, remark.semantics));
    }
    for (name, rule) in entry.admitted_by(report.network) {
        line("admitted by", &rule.map_or(name.clone(), |rule| format!("{name} ({rule})")));
    }
    if let Some(source) = entry.source {
        line("rule", &format!("{} {} {}", source.semantics, source.title, source.url));
        entry.rows.iter().for_each(|row| line("row", &row.to_string()));
    }
    if let Some(fix) = entry.fixes.first() {
        fix.changes.iter().flat_map(change::words).for_each(|words| line("fix", &words));
        fix.changes.iter().for_each(|change| line("run", &change::aws_cli(change)));
    }
    for command in entry.asked_again(report.again) {
        line("ask", &command);
    }
    text
}

/// Text with nothing in it that XML cannot hold, escaped or not: names come from tags.
fn xml(text: &str) -> String {
    let fits = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().map(|c| if fits(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_xml_has_no_way_to_write_are_replaced() {
        assert_eq!(xml("a\u{0}\u{1b}[31m\t<&\u{ffff}\u{1f600}"), "a\u{fffd}\u{fffd}[31m\t<&\u{fffd}\u{1f600}");
    }
}
