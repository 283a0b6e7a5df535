//! Stage 5: elements of one identity are looked up again and compared. Only their sources are read a second time.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::decode::{push_index, push_key};
use super::discover::Source;
use super::gather::{Pair, Relation, Spot};
use super::read::{self, Answer, Content};
use super::recognise::KUBERNETES_KINDS;
use super::{Problem, scan};
use crate::snapshot::{Place, Snapshot};

/// What the comparison found.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub problems: Vec<Problem>,
    pub warnings: Vec<String>,
}

/// Compares the elements of every pair.
///
/// O(bytes of the sources that hold one of them).
pub(super) fn reconcile(sources: &[Source<'_>], paths: usize, pairs: &[Pair], snapshot: &Snapshot) -> Outcome {
    let mut outcome = Outcome::default();
    let mut texts: BTreeMap<Spot, Box<RawValue>> = BTreeMap::new();
    let mut spots: Vec<Spot> = pairs.iter().flat_map(|pair| [pair.kept, pair.other]).collect();
    spots.sort_unstable();
    spots.dedup();
    for group in spots.chunk_by(|a, b| a.source == b.source) {
        let Some(source) = group.first().and_then(|spot| sources.get(spot.source)) else { continue };
        if let Err(problem) = extract(source, paths, group, &mut texts) {
            outcome.problems.push(problem);
        }
    }
    for pair in pairs {
        let (Some(kept), Some(other)) = (texts.get(&pair.kept), texts.get(&pair.other)) else { continue };
        if kept.get() == other.get() {
            continue;
        }
        let (Ok(kept), Ok(other)) = (serde_json::from_str(kept.get()), serde_json::from_str(other.get())) else {
            continue;
        };
        report(pair, &kept, &other, snapshot, &mut outcome);
    }
    outcome
}

fn report(pair: &Pair, kept: &Value, other: &Value, snapshot: &Snapshot, outcome: &mut Outcome) {
    let Some(difference) = first_difference(other, kept, pair.relation) else { return };
    let kept_at = snapshot.locate(pair.kept.at, "");
    let file = snapshot.files.get(pair.other.at.file as usize).map_or("", String::as_str);
    let path = format!("{}{}", pair.other.at.path(), difference.path);
    let values = format!("{} here, {} in {kept_at}", difference.here, difference.there);
    match pair.relation {
        Relation::SameCall => {
            let message = format!("`{}` is given twice with different content: {values}", pair.id);
            let problem = Problem::new(file, &path, message);
            outcome
                .problems
                .push(problem.with_hint("keep the newer of two answers to the same call, remove the other"));
        }
        Relation::SameFile => outcome.warnings.push(format!(
            "{file}: {path}: `{}` is given twice with different content: {values}; the latter is used",
            pair.id
        )),
        Relation::OtherScope => outcome.warnings.push(format!(
            "{file}: {path}: accounts or Regions disagree on `{}`: {values}; the latter is used",
            pair.id
        )),
        Relation::Kubernetes => {
            outcome.warnings.push(format!("{file}: {path}: two states of one object: {values}; the latter is used"));
        }
    }
}

/// Copies the text of the elements at `spots`, which all are in `source`.
fn extract(
    source: &Source<'_>,
    paths: usize,
    spots: &[Spot],
    texts: &mut BTreeMap<Spot, Box<RawValue>>,
) -> Result<(), Problem> {
    let changed = || Problem::new(&source.name, "", "changed while it was read".to_owned());
    let text = source.text()?;
    let prefix = read::prefix(source, paths);
    let answers: Vec<Option<Answer<'_>>> = match read::content(source, &text, &prefix).map_err(|_| changed())? {
        Content::NoObject => return Err(changed()),
        Content::Answer(answer) => vec![Some(*answer)],
        Content::Document { records, .. } => records.into_iter().map(|(_, answer)| answer).collect(),
    };
    let same_list = |a: &Spot, b: &Spot| (a.answer, a.at.file, a.at.key) == (b.answer, b.at.file, b.at.key);
    for group in spots.chunk_by(same_list) {
        let Some(first) = group.first() else { continue };
        let answer = answers.get(first.answer).and_then(Option::as_ref).ok_or_else(changed)?;
        let mut list = None;
        for spot in group {
            let raw = locate(answer, spot.at, &mut list).ok_or_else(changed)?;
            texts.insert(*spot, raw.to_owned());
        }
    }
    Ok(())
}

/// The text of the element at `at`. `list` keeps the array of `at.key` between calls.
fn locate<'a>(answer: &Answer<'a>, at: Place, list: &mut Option<Vec<&'a RawValue>>) -> Option<&'a RawValue> {
    if KUBERNETES_KINDS.contains(&at.key) {
        return serde_json::from_str(answer.object.text).ok();
    }
    let value = answer.object.get(at.key)?;
    let Some(index) = at.index else { return Some(value) };
    if list.is_none() {
        *list = scan::elements(value);
    }
    let element = *list.as_ref()?.get(index as usize)?;
    let Some(inner_key) = at.inner_key() else { return Some(element) };
    let inner = scan::Object::scan(element.get()).ok()??.get(inner_key)?;
    let Some(position) = at.inner else { return Some(inner) };
    scan::elements(inner)?.get(position as usize).copied()
}

#[derive(Debug)]
struct Difference {
    path: String,
    here: String,
    there: String,
}

/// The first difference of two values; the order of arrays is no difference. Two accounts' views may differ in tags, two
/// states of a Kubernetes object in what its controllers write all the time.
fn first_difference(here: &Value, there: &Value, relation: Relation) -> Option<Difference> {
    let mut path = Vec::new();
    let ignored: &[&str] = match relation {
        Relation::SameCall | Relation::SameFile => &[],
        Relation::OtherScope => &["Tags", "TagSet"],
        Relation::Kubernetes => &["resourceVersion", "managedFields", "conditions", "generation"],
    };
    let (here, there) = walk(here, there, ignored, &mut path)?;
    let path = path.into_iter().fold(String::new(), |mut text, step| {
        match step {
            Step::Key(key) => push_key(&mut text, key),
            Step::Index(index) => push_index(&mut text, index),
        }
        text
    });
    Some(Difference { path, here: brief(here), there: brief(there) })
}

enum Step<'v> {
    Key(&'v str),
    Index(usize),
}

/// Two values that differ; `None` stands for an absent one.
type Differing<'v> = (Option<&'v Value>, Option<&'v Value>);

fn walk<'v>(here: &'v Value, there: &'v Value, ignored: &[&str], path: &mut Vec<Step<'v>>) -> Option<Differing<'v>> {
    match (here, there) {
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            for key in keys.filter(|key| !ignored.contains(&key.as_str())) {
                path.push(Step::Key(key));
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => {
                        if let Some(found) = walk(a, b, ignored, path) {
                            return Some(found);
                        }
                    }
                    absent => return Some(absent),
                }
                path.pop();
            }
            None
        }
        (Value::Array(a), Value::Array(b)) => {
            if canonical(here) == canonical(there) {
                return None;
            }
            for index in 0..a.len().max(b.len()) {
                path.push(Step::Index(index));
                match (a.get(index), b.get(index)) {
                    (Some(a), Some(b)) => {
                        if let Some(found) = walk(a, b, ignored, path) {
                            return Some(found);
                        }
                    }
                    absent => return Some(absent),
                }
                path.pop();
            }
            None
        }
        _ => (here != there).then_some((Some(here), Some(there))),
    }
}

/// A form that is the same for two values that differ only in the order of arrays and keys.
fn canonical(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let mut items: Vec<String> = items.iter().map(canonical).collect();
            items.sort_unstable();
            format!("[{}]", items.join(","))
        }
        Value::Object(members) => {
            let mut members: Vec<String> = members
                .iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)))
                .collect();
            members.sort_unstable();
            format!("{{{}}}", members.join(","))
        }
        other => other.to_string(),
    }
}

/// A value in a message: short, or only its kind.
fn brief(value: Option<&Value>) -> String {
    const LENGTH: usize = 60;
    match value {
        None => "nothing".to_owned(),
        Some(value) => {
            let text = value.to_string();
            match value {
                Value::Array(_) if text.len() > LENGTH => "another array".to_owned(),
                Value::Object(_) if text.len() > LENGTH => "another object".to_owned(),
                _ if text.len() > LENGTH => format!("{}…", text.chars().take(LENGTH).collect::<String>()),
                _ => text,
            }
        }
    }
}
