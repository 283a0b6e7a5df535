//! What AWS said about an account, typed: the `describe-*` shapes, the snapshot they come in, and the validated
//! network that is built from them.
//!
//! Data flows one way: JSON files → [`Snapshot`] (`import`) → [`Network`] (`network`). Nothing here decides whether a
//! packet passes.

pub mod api;
pub mod aws;
pub mod change;
pub mod document;
mod draining;
pub mod ids;
pub mod import;
pub mod network;
pub mod policy;
pub mod questions;
pub mod redact;
pub mod script;
pub mod snapshot;
pub mod summary;
pub mod time;

pub use api::Call;
pub use document::Document;
pub use import::{ImportErrors, import, import_documents};
pub use network::Network;
pub use snapshot::Snapshot;
