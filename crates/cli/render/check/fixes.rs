//! Fixes as reports tell them.

use reach_engine::fix::{Fix, Quota};
use serde::Serialize;
use serde_json::Value;

use crate::render::change::{self, Rule};

/// A fix for programs.
#[derive(Debug, Serialize)]
pub(crate) struct FixView<'a> {
    changes: Vec<Value>,
    rules: Vec<Rule>,
    aws_cli: Vec<String>,
    terraform: String,
    verified: bool,
    quota: Vec<QuotaView<'a>>,
}

#[derive(Debug, Serialize)]
struct QuotaView<'a> {
    resource: &'a str,
    rules: u64,
    limit: u64,
}

impl<'a> FixView<'a> {
    pub(crate) fn new(fix: &'a Fix) -> Self {
        let quota = |quota: &'a Quota| {
            let Quota { resource, rules, limit } = quota;
            QuotaView { resource, rules: *rules, limit: *limit }
        };
        Self {
            changes: fix.changes.iter().map(change::api).collect(),
            rules: fix.changes.iter().flat_map(change::rules).collect(),
            aws_cli: fix.changes.iter().map(change::aws_cli).collect(),
            terraform: change::terraform(&fix.changes),
            verified: fix.pairs.total > 0 && fix.pairs.reachable == fix.pairs.total,
            quota: fix.quota.iter().map(quota).collect(),
        }
    }
}

/// A quota that a fix would pass.
pub(crate) fn quota(quota: &Quota) -> String {
    let Quota { resource, rules, limit } = quota;
    format!("{resource} would have {rules}, and AWS's default is {limit} (it can be raised)")
}
