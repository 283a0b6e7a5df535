//! What the network would be after a change, and how AWS would refuse it.

use super::Network;
use crate::change::Change;

/// A change that AWS would refuse, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// AWS's error code: `InvalidPermission.Duplicate`.
    pub code: &'static str,
    pub message: String,
}

impl Network {
    /// Makes the network what it would be after `change`. A refused change leaves it as it was.
    ///
    /// # Errors
    ///
    /// How AWS would refuse the call.
    pub fn apply(&mut self, change: &Change) -> Result<(), Refusal> {
        let _ = change;
        Err(Refusal { code: "UnsupportedOperation", message: String::new() })
    }
}
