//! Values of a plan: what is known, what is known after apply, and where it stands.

use std::cell::{Cell, RefCell};

use ipnet::IpNet;
use serde_json::Value;

use crate::Problem;
use crate::fact::Id;
use crate::resolve::Resolver;

/// A value that may be known after apply. One that cannot be read is told as a problem, and then as good as unknown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Field<T> {
    Known(T),
    Unknown,
    /// Null, empty, or not there.
    Absent,
}

impl<T> Field<T> {
    pub(crate) fn known(self) -> Option<T> {
        match self {
            Field::Known(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Field::Unknown)
    }
}

/// What the reader of one resource needs at hand.
#[derive(Debug)]
pub(crate) struct Context<'p> {
    pub(crate) file: &'p str,
    pub(crate) address: &'p str,
    pub(crate) problems: &'p RefCell<Vec<Problem>>,
    pub(crate) resolver: &'p Resolver<'p>,
    /// Whether a value that was read is marked as sensitive.
    pub(crate) sensitive: Cell<bool>,
    /// What of the resource is left out, in words.
    pub(crate) left_out: RefCell<Vec<String>>,
    pub(crate) remarks: RefCell<Vec<String>>,
}

impl Context<'_> {
    pub(crate) fn leave_out(&self, why: impl Into<String>) {
        let why = why.into();
        let mut list = self.left_out.borrow_mut();
        if !list.contains(&why) {
            list.push(why);
        }
    }

    pub(crate) fn remark(&self, text: impl Into<String>) {
        let text = text.into();
        let mut list = self.remarks.borrow_mut();
        if !list.contains(&text) {
            list.push(text);
        }
    }
}

const NOTHING: &Value = &Value::Null;

/// One value of `before` or `after`, with its part of `after_unknown` and `after_sensitive`, and its expression.
#[derive(Debug, Clone)]
pub(crate) struct View<'p> {
    pub(crate) context: &'p Context<'p>,
    value: &'p Value,
    unknown: &'p Value,
    sensitive: &'p Value,
    /// The expression of the configuration; `None` where the configuration does not show it.
    pub(crate) expression: Option<&'p Value>,
    pub(crate) path: String,
}

fn part<'p>(value: &'p Value, key: &str) -> &'p Value {
    match value {
        Value::Bool(true) => value,
        other => other.get(key).unwrap_or(NOTHING),
    }
}

fn position(value: &Value, position: usize) -> &Value {
    match value {
        Value::Bool(true) => value,
        other => other.get(position).unwrap_or(NOTHING),
    }
}

impl<'p> View<'p> {
    pub(crate) fn new(
        context: &'p Context<'p>,
        value: &'p Value,
        unknown: &'p Value,
        sensitive: &'p Value,
        expression: Option<&'p Value>,
        path: String,
    ) -> Self {
        Self { context, value, unknown, sensitive, expression, path }
    }

    /// The attribute `key`.
    pub(crate) fn get(&self, key: &str) -> View<'p> {
        View {
            context: self.context,
            value: self.value.get(key).unwrap_or(NOTHING),
            unknown: part(self.unknown, key),
            sensitive: part(self.sensitive, key),
            // An attribute that holds objects has one expression for all of them.
            expression: self.expression.and_then(|expression| match expression.get("references") {
                Some(_) => Some(expression),
                None => expression.get(key),
            }),
            path: format!("{}.{key}", self.path),
        }
    }

    /// Whether the whole value is known after apply.
    pub(crate) fn is_unknown(&self) -> bool {
        *self.unknown == Value::Bool(true)
    }

    /// Whether it is known after apply only because AWS chooses it: the configuration does not set it.
    pub(crate) fn is_left_to_aws(&self) -> bool {
        self.is_unknown() && self.expression.is_none() && self.context.resolver.is_configured()
    }

    pub(crate) fn is_absent(&self) -> bool {
        self.value.is_null() && !self.is_unknown()
    }

    /// Whether anything in it is known after apply.
    pub(crate) fn holds_unknown(&self) -> bool {
        fn holds(value: &Value) -> bool {
            match value {
                Value::Bool(on) => *on,
                Value::Array(items) => items.iter().any(holds),
                Value::Object(map) => map.values().any(holds),
                _ => false,
            }
        }
        holds(self.unknown)
    }

    /// Whether both are known and alike, in any order of a list's elements; what is not there is like what is empty.
    pub(crate) fn same_value(&self, other: &View<'_>) -> bool {
        fn sorted(value: &Value) -> Vec<String> {
            match value {
                Value::Null => Vec::new(),
                Value::Array(items) => {
                    let mut texts: Vec<String> = items.iter().map(Value::to_string).collect();
                    texts.sort();
                    texts
                }
                other => vec![other.to_string()],
            }
        }
        self.is_unknown() == other.is_unknown() && sorted(self.value) == sorted(other.value)
    }

    fn note_sensitive(&self) {
        if *self.sensitive == Value::Bool(true) {
            self.context.sensitive.set(true);
        }
    }

    /// A value in a message: a sensitive one is kept back.
    fn shown(&self) -> String {
        if *self.sensitive == Value::Bool(true) { "a sensitive value".to_owned() } else { self.value.to_string() }
    }

    pub(crate) fn problem(&self, message: impl Into<String>) {
        let problem = Problem { file: self.context.file.to_owned(), path: self.path.clone(), message: message.into() };
        self.context.problems.borrow_mut().push(problem);
    }

    fn wrong(&self, expected: &str) {
        self.problem(format!("{} is not {expected}", self.shown()));
    }

    /// The elements of a list or a set; a single object counts as one. `None` where the whole is unknown.
    pub(crate) fn items(&self) -> Option<Vec<View<'p>>> {
        // Elements that are known after apply may be left out of the value.
        if self.is_unknown() || (self.value.is_null() && self.holds_unknown()) {
            return None;
        }
        let view = |index: usize, value: &'p Value| View {
            context: self.context,
            value,
            unknown: position(self.unknown, index),
            sensitive: position(self.sensitive, index),
            expression: match self.expression {
                Some(Value::Array(blocks)) => blocks.get(index),
                other => other,
            },
            path: format!("{}[{index}]", self.path),
        };
        match self.value {
            Value::Null => Some(Vec::new()),
            Value::Array(items) => Some(items.iter().enumerate().map(|(index, item)| view(index, item)).collect()),
            _ => {
                self.wrong("a list");
                Some(Vec::new())
            }
        }
    }

    pub(crate) fn text(&self) -> Field<String> {
        if self.is_unknown() {
            return Field::Unknown;
        }
        self.note_sensitive();
        match self.value {
            Value::Null => Field::Absent,
            Value::String(text) if text.is_empty() => Field::Absent,
            Value::String(text) => Field::Known(text.clone()),
            Value::Number(number) => Field::Known(number.to_string()),
            _ => {
                self.wrong("a string");
                Field::Unknown
            }
        }
    }

    pub(crate) fn number(&self) -> Field<i64> {
        if self.is_unknown() {
            return Field::Unknown;
        }
        self.note_sensitive();
        let number = match self.value {
            Value::Null => return Field::Absent,
            Value::String(text) if text.is_empty() => return Field::Absent,
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        match number {
            Some(number) => Field::Known(number),
            None => {
                self.wrong("a whole number");
                Field::Unknown
            }
        }
    }

    pub(crate) fn flag(&self) -> Field<bool> {
        if self.is_unknown() {
            return Field::Unknown;
        }
        match self.value {
            Value::Null => Field::Absent,
            Value::Bool(on) => Field::Known(*on),
            Value::String(text) if text == "true" || text == "false" => Field::Known(text == "true"),
            _ => {
                self.wrong("true or false");
                Field::Unknown
            }
        }
    }

    /// A CIDR, its host bits cut off as AWS does.
    pub(crate) fn cidr(&self) -> Field<IpNet> {
        match self.text() {
            Field::Known(text) => match text.parse::<IpNet>() {
                Ok(net) => Field::Known(net.trunc()),
                Err(_) => {
                    self.wrong("a CIDR");
                    Field::Unknown
                }
            },
            Field::Unknown => Field::Unknown,
            Field::Absent => Field::Absent,
        }
    }

    /// What an id that is not known yet may be called.
    pub(crate) fn label(&self) -> String {
        let path = self.path.split_once(".change.").map_or(self.path.as_str(), |(_, rest)| rest);
        let path = path.strip_prefix("after.").or_else(|| path.strip_prefix("before.")).unwrap_or(path);
        format!("{}.{path}", self.context.address)
    }

    /// An id; one that is known after apply is what its expression names, where that is a resource of `kinds` that the
    /// plan makes.
    pub(crate) fn id(&self, kinds: &[&str]) -> Option<Id> {
        match self.text() {
            Field::Known(text) => Some(Id::Known(text)),
            Field::Absent => None,
            Field::Unknown => {
                let made = self.expression.and_then(|expression| self.context.resolver.one(expression, kinds));
                Some(made.map_or_else(|| Id::Unknown(self.label()), Id::Made))
            }
        }
    }

    /// A list of ids, sorted. A list that the configuration does not set has none, whatever AWS will put there.
    pub(crate) fn ids(&self, kinds: &[&str]) -> Option<Vec<Id>> {
        let mut ids = Vec::new();
        match self.items() {
            None => {
                let set = self.expression.map(|expression| self.context.resolver.all(expression, kinds));
                match set {
                    Some(found) => {
                        // Whatever else the expression names may be part of the list, too.
                        if found.made.is_empty() || found.opaque || found.inputs {
                            ids.push(Id::Unknown(self.label()));
                        }
                        ids.extend(found.made.into_iter().map(Id::Made));
                    }
                    None if self.context.resolver.is_configured() => return None,
                    None => ids.push(Id::Unknown(self.label())),
                }
            }
            Some(items) => {
                let unknown = items.iter().filter(|item| item.is_unknown()).count();
                let made = self.expression.filter(|_| unknown > 0);
                let made = made.map(|expression| self.context.resolver.all(expression, kinds));
                let made = made.filter(|found| !found.opaque && found.made.len() == unknown);
                let made = made.map(|found| found.made).unwrap_or_default();
                ids.extend(made.iter().cloned().map(Id::Made));
                for item in items {
                    match item.text() {
                        Field::Known(text) => ids.push(Id::Known(text)),
                        Field::Unknown if made.is_empty() => ids.push(Id::Unknown(item.label())),
                        Field::Unknown | Field::Absent => {}
                    }
                }
                if ids.is_empty() && self.value.is_null() {
                    return None;
                }
            }
        }
        ids.sort();
        ids.dedup();
        Some(ids)
    }
}
