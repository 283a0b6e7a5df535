//! What a change would do, for code scanning: SARIF 2.1.0, one run, one result for each set of flows and for everything
//! that is not part of the answer.

use serde_json::{Value, json};

use super::text::{due, summary};
use super::{List, Told, by_ends, ends};
use crate::exit::ExitCode;
use crate::render::check::sarif::{SCHEMA, hash, printable};
use crate::render::facts;

/// More ends than this are counted, not shown.
const ENDS: usize = 5;

/// The rules: their ids, levels and what they say.
const RULES: [(&str, &str, &str); 10] = [
    ("whatif.lost", "error", "Flows are lost: reachable before, blocked after"),
    ("whatif.cut-now", "error", "Open connections are cut at once"),
    ("whatif.until-idle", "warning", "Open connections stay until they are idle and cannot be made again"),
    ("whatif.gained", "note", "Flows are gained: blocked before, reachable after"),
    ("whatif.undecided", "warning", "Whether flows change is not known"),
    ("whatif.unknown-connections", "warning", "What becomes of open connections is not known"),
    ("whatif.broken", "error", "An expectation or a requirement is broken"),
    ("whatif.not-understood", "warning", "A resource that matters changes and is not understood"),
    ("whatif.refused", "error", "AWS would refuse the change as the snapshot is"),
    ("whatif.not-read", "error", "A value of the plan could not be read"),
];

struct Found {
    rule: &'static str,
    text: String,
    resources: Vec<String>,
}

/// Renders the log; `artifact` is the file that code scanning is pointed to.
pub(crate) fn render(told: &Told<'_>, artifact: &str, exit: ExitCode) -> Vec<u8> {
    let rules = RULES.iter().map(|(id, level, text)| {
        json!({
            "id": id,
            "shortDescription": {"text": text},
            "fullDescription": {"text": text},
            "defaultConfiguration": {"level": level},
            "properties": {"tags": ["network"], "precision": "very-high"},
        })
    });
    let kind = if told.resources.is_some() { "diff" } else { "whatif" };
    let mut notes =
        vec![json!({"level": "note", "descriptor": {"id": "whatif.summary"}, "message": {"text": summary(told)}})];
    for (address, text) in told.plan.iter().flat_map(|plan| plan.remarks()) {
        let text = printable(&if address.is_empty() { text.to_owned() } else { format!("{address}: {text}") });
        notes.push(json!({"level": "note", "descriptor": {"id": "whatif.remark"}, "message": {"text": text}}));
    }
    let run = json!({
        "tool": {"driver": {
            "name": "reach",
            "version": env!("CARGO_PKG_VERSION"),
            "semanticVersion": env!("CARGO_PKG_VERSION"),
            "rules": rules.collect::<Vec<_>>(),
        }},
        // The category: a later run of the same kind takes this one's place.
        "automationDetails": {"id": format!("reach/{kind}/{artifact}/")},
        "invocations": [{
            "executionSuccessful": !matches!(exit, ExitCode::Input),
            "exitCode": exit.number(),
            "toolExecutionNotifications": notes,
        }],
        "columnKind": "unicodeCodePoints",
        "results": found(told).iter().map(|found| result(found, artifact)).collect::<Vec<_>>(),
    });
    // Writing to memory does not fail.
    let log = json!({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]});
    let mut bytes = serde_json::to_vec_pretty(&log).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

fn found(told: &Told<'_>) -> Vec<Found> {
    let mut all = Vec::new();
    if let Some(plan) = told.plan {
        for (address, call, text) in plan.refused() {
            let text = format!("AWS would refuse {call} of {address}: {text}");
            all.push(Found { rule: "whatif.refused", text, resources: vec![address.to_owned()] });
        }
        for problem in &plan.scenario.problems {
            all.push(Found { rule: "whatif.not-read", text: problem.to_string(), resources: Vec::new() });
        }
    }
    for change in told.verdicts.iter().filter(|change| change.breaks()) {
        let (name, expected) = change.expected.as_ref().map_or(("", None), |(name, own)| (name, Some(own)));
        let expected = expected.map_or_else(String::new, ToString::to_string);
        let question = format!("{} -> {}, {}", change.from, change.to, facts::traffic(&change.asked));
        let text = format!("{name}: {question} is {} and was {}; expected is {expected}.", change.after, change.before);
        all.push(Found { rule: "whatif.broken", text, resources: Vec::new() });
    }
    for change in told.findings().iter().filter(|change| change.breaks()) {
        let text = format!("{}: {} before, {} after.", change.id, change.before.as_str(), change.after.as_str());
        all.push(Found { rule: "whatif.broken", text, resources: Vec::new() });
    }
    for (rule, list, word) in [
        ("whatif.lost", List::Lost, "Lost"),
        ("whatif.cut-now", List::CutNow, "Cut now"),
        ("whatif.undecided", List::Undecided, "Undecided"),
        ("whatif.unknown-connections", List::Unknown, "Open connections, unknown"),
        ("whatif.until-idle", List::UntilIdle, "Open connections stay until they are idle"),
        ("whatif.gained", List::Gained, "Gained"),
    ] {
        for (item, traffic) in by_ends(&told.items(list)) {
            let [from, to] = ends(told, item, ENDS);
            let due = due(told, item.names(), str::to_owned).map_or_else(String::new, |due| format!(", {due}"));
            let text = format!("{word}: {traffic}: {from} → {to}{due}.");
            all.push(Found { rule, text, resources: item.names().to_vec() });
        }
    }
    let unsupported = told.plan.iter().flat_map(|plan| plan.scenario.unsupported.iter().map(move |own| (plan, own)));
    for (plan, own) in unsupported {
        let actions: Vec<&str> = own.actions.iter().map(|action| action.as_str()).collect();
        let text = format!("{} ({}) is not understood: {}.", own.address, actions.join(", "), plan.why(own));
        all.push(Found { rule: "whatif.not-understood", text, resources: vec![own.address.clone()] });
    }
    all
}

fn result(found: &Found, artifact: &str) -> Value {
    let index = RULES.iter().position(|(id, ..)| *id == found.rule).unwrap_or_default();
    let level = RULES.get(index).map_or("error", |(_, level, _)| level);
    let mut location = json!({
        "physicalLocation": {"artifactLocation": {"uri": artifact}, "region": {"startLine": 1, "startColumn": 1}},
    });
    let logical: Vec<Value> = found
        .resources
        .iter()
        .map(|id| json!({"name": printable(id), "fullyQualifiedName": printable(id), "kind": "resource"}))
        .collect();
    if let (false, Some(object)) = (logical.is_empty(), location.as_object_mut()) {
        object.insert("logicalLocations".to_owned(), logical.into());
    }
    let text: Vec<String> = found.text.lines().map(printable).collect();
    let text = text.join("\n");
    let identity = format!("{} {text}", found.rule);
    json!({
        "ruleId": found.rule,
        "ruleIndex": index,
        "kind": "fail",
        "level": level,
        "message": {"text": text},
        "locations": [location],
        "partialFingerprints": {
            "reach/v1": format!("{:016x}", hash(&identity)),
            "primaryLocationLineHash": format!("{:016x}:1", hash(&identity)),
        },
    })
}
