//! From a validated network to verdicts.
//!
//! [`simulate`] is the reference engine: one packet, hop by hop, then its reply. [`pair`] asks it about the port sets
//! of one pair of endpoints, [`question`] about sets of endpoints. An answer carries its reasons as data; [`explain`]
//! makes text of them, last.

pub mod compile;
pub mod endpoint;
pub mod explain;
pub mod host;
pub mod pair;
pub mod question;
pub mod reason;
pub mod simulate;
pub mod verdict;

pub use verdict::Verdict;
