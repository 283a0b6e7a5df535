//! Answers as text: for people, for programs, as graphs. Nothing here decides anything.

pub(crate) mod change;
pub(crate) mod check;
pub(crate) mod ends;
pub(crate) mod facts;
pub(crate) mod fix;
pub(crate) mod graph;
pub(crate) mod json;
pub(crate) mod layout;
pub(crate) mod markdown;
pub(crate) mod matrix;
pub(crate) mod reasons;
pub(crate) mod rules;
pub(crate) mod text;
pub(crate) mod whatif;

use reach_engine::question::{Answer, Question};
use reach_model::Network;
use serde_json::value::RawValue;

use crate::ask::Asked;

/// An answer, and what is needed to tell it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    pub(crate) network: &'a Network,
    pub(crate) question: &'a Question,
    pub(crate) answer: &'a Answer,
    /// The selectors and terms as they were written.
    pub(crate) from: &'a str,
    pub(crate) to: &'a str,
    pub(crate) asked: &'a Asked,
    /// The id of a batch's question.
    pub(crate) id: Option<&'a RawValue>,
}
