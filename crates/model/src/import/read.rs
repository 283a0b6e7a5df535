//! From a source's text to the answers in it: one for a file of the AWS CLI, many for a snapshot document.

use serde_json::value::RawValue;

use super::discover::Source;
use super::recognise::{CONTINUATIONS, KUBERNETES_KINDS};
use super::scan::{self, Object};
use super::{Problem, humanise};
use crate::api::{Argument, Call};
use crate::aws::Text;
use crate::document::{self, Record};
use crate::snapshot::Scope;

/// One JSON object with what is known about how it was asked for.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    /// The file, as messages name it.
    pub file: String,
    /// The account and Region of the call.
    pub scope: Scope,
    /// The JSON object.
    pub object: Object<'a>,
    /// What a snapshot document records about the call.
    pub record: Option<Record>,
}

/// What a source holds.
#[derive(Debug)]
pub(crate) enum Content<'a> {
    /// JSON, but nothing with keys.
    NoObject,
    /// A file with answers, by their keys.
    Answer(Box<Answer<'a>>),
    /// The records of a snapshot document; those without an answer are only told of.
    Document { created: Option<Text>, records: Vec<(Record, Option<Answer<'a>>)> },
}

/// The earlier of two times in the form of RFC 3339, where any is known.
pub(crate) fn earlier(a: Option<Text>, b: Option<Text>) -> Option<Text> {
    [a, b].into_iter().flatten().min()
}

impl Answer<'_> {
    /// The value of an argument of the call: a sibling key, else what the document records.
    pub(crate) fn told(&self, argument: &str) -> Option<Text> {
        self.object.text_of(argument).or_else(|| {
            let value = self.record.as_ref()?.arguments.get(argument)?;
            (!value.is_empty()).then(|| value.as_str().into())
        })
    }

    /// The id that `call` was asked for: told, else found in the file's name.
    pub(crate) fn id(&self, call: Call) -> Option<Text> {
        let Argument::Each(argument) = call.argument() else { return None };
        self.told(argument).or_else(|| {
            let prefix = match argument {
                "PrefixListId" => "pl-",
                "TransitGatewayRouteTableId" => "tgw-rtb-",
                "VpcId" => "vpc-",
                _ => return None,
            };
            scan::id_in_name(self.stem(), prefix).map(Into::into)
        })
    }

    /// The file's name without directories and extension.
    pub(crate) fn stem(&self) -> &str {
        let name = self.file.rsplit(['/', '\\']).next().unwrap_or_default();
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }

    /// The key that says that AWS has more than this answer holds.
    pub(crate) fn continuation(&self) -> Option<&'static str> {
        let more = |key: &&str| match self.object.get(key).map(RawValue::get) {
            Some(text) => !matches!(text, "\"\"" | "false"),
            None => false,
        };
        CONTINUATIONS.into_iter().find(more).or_else(|| {
            let metadata = self.object.get("metadata")?;
            let is_list = self.object.get("items").is_some();
            let metadata = Object::scan(metadata.get()).ok()??;
            (is_list && metadata.text_of("continue").is_some()).then_some("metadata.continue")
        })
    }

    /// The kind, where the whole object is one Kubernetes object that is read.
    pub(crate) fn kubernetes_object(&self) -> Option<&'static str> {
        self.object.get("metadata")?;
        self.object.get("apiVersion")?;
        let kind = self.object.text_of("kind")?;
        KUBERNETES_KINDS.into_iter().find(|known| *known == &*kind)
    }
}

/// Reads the text of `source`. `prefix` stands before the file names that a document gives.
pub(crate) fn content<'a>(source: &Source<'_>, text: &'a str, prefix: &str) -> Result<Content<'a>, Vec<Problem>> {
    let file = &source.name;
    if text.trim_start().is_empty() {
        let problem = Problem::new(file, "", "is empty".to_owned());
        return Err(vec![problem.with_hint("the call that should have filled it probably failed: repeat it")]);
    }
    let object = match Object::scan(text) {
        Ok(Some(object)) => object,
        Ok(None) => return Ok(Content::NoObject),
        Err(error) => {
            let message = format!("line {}, column {}: {}", error.line(), error.column(), humanise(&error.to_string()));
            return Err(vec![Problem::new(file, "", message)]);
        }
    };
    if document::is_document(&object) {
        let records = document::records(&object, file)?;
        let answers = records.into_iter().enumerate().map(|(position, (record, answer))| {
            let answer = answer.map(|object| Answer {
                file: match &record.source {
                    Some(name) => format!("{prefix}{name}"),
                    None => format!("{file}: calls[{position}].answer"),
                },
                scope: record.scope(),
                object,
                record: Some(record.clone()),
            });
            (record, answer)
        });
        return Ok(Content::Document { created: object.text_of("created"), records: answers.collect() });
    }
    Ok(Content::Answer(Box::new(Answer { file: file.clone(), scope: source.scope.clone(), object, record: None })))
}

/// The names that documents give their files stand alone where one path was given, and behind the document's own name
/// where there are several, which may use the same ones.
pub(crate) fn prefix(source: &Source<'_>, paths: usize) -> String {
    if paths > 1 { format!("{}/", source.name) } else { String::new() }
}
