//! The answers of AWS, in the words of its API.

mod cluster;
mod filter;
mod gateway;
mod interface;
mod place;
mod routing;

use std::io;

use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::files::Files;
use crate::plan::Plan;

/// When everything was made.
const MADE: &str = "2026-03-03T08:10:00+00:00";

/// Writes all answers; returns the number of interfaces.
pub(crate) fn write(plan: &Plan, files: &mut Files) -> io::Result<usize> {
    place::write(plan, files)?;
    routing::write(plan, files)?;
    filter::write(plan, files)?;
    gateway::write(plan, files)?;
    cluster::write(plan, files)?;
    interface::write(plan, files)
}

/// `[{"Key": "Name", "Value": …}]`.
fn name_tag(name: &str) -> Value {
    json!([{"Key": "Name", "Value": name}])
}

/// A tag.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tag<'p> {
    key: &'p str,
    value: &'p str,
}

/// Something that is written as its text.
#[derive(Debug, Clone, Copy)]
struct Text<T>(T);

impl<T: std::fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
