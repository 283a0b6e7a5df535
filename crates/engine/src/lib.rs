//! From a validated network to verdicts.
//!
//! [`compile`] is the engine that answers: the network as sets, all headers at once. [`simulate`] is the reference engine:
//! one packet, hop by hop, then its reply; it judges the witness of every answer. [`pair`] is the form of a pair's question
//! and answer, [`question`] that of sets of endpoints. An answer carries its reasons as data; [`explain`] makes text of
//! them, last.

pub mod compile;
pub mod endpoint;
pub mod explain;
pub mod fix;
pub mod host;
pub mod pair;
pub mod question;
pub mod reason;
pub mod simulate;
pub mod verdict;
pub mod whatif;

pub use verdict::Verdict;
