//! One module per command.

pub(crate) mod batch;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod fetch;
pub(crate) mod fix;
pub(crate) mod generate;
pub(crate) mod man;
pub(crate) mod matrix;
pub(crate) mod query;
mod redact;
pub(crate) mod snapshot;
pub(crate) mod whatif;
