//! Ids as AWS writes them: a prefix and seventeen hexadecimal digits, the same for the same seed.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::random::scatter;

/// `eni-0123456789abcdef0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Id {
    prefix: &'static str,
    value: u64,
}

impl Id {
    /// The digits alone, for names that AWS derives from an id.
    pub(crate) const fn value(self) -> u64 {
        self.value
    }

    /// The same digits under another prefix: an attachment of an interface, an association of an address.
    pub(crate) const fn with(self, prefix: &'static str) -> Self {
        Self { prefix, ..self }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-0{:016x}", self.prefix, self.value)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Makes the ids of one estate. Two numbers of one prefix never meet: the digits are a one-to-one function of the number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ids {
    seed: u64,
}

impl Ids {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The id of the `number`th thing with this prefix.
    pub(crate) fn of(self, prefix: &'static str, number: usize) -> Id {
        let key = prefix.bytes().fold(scatter(self.seed), |key, byte| scatter(key ^ u64::from(byte)));
        Id { prefix, value: scatter(key ^ number as u64) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_look_like_those_of_aws_and_differ() {
        let ids = Ids::new(7);
        let text = ids.of("eni", 0).to_string();
        assert_eq!(text.len(), "eni-0123456789abcdef0".len());
        assert_eq!(text, ids.of("eni", 0).to_string());
        assert_ne!(ids.of("eni", 0), ids.of("eni", 1));
        assert_ne!(ids.of("eni", 0).value(), ids.of("sg", 0).value());
        assert_ne!(ids.of("eni", 0), Ids::new(8).of("eni", 0));
        let attachment = ids.of("eni", 3).with("eni-attach").to_string();
        assert_eq!(
            attachment.trim_start_matches("eni-attach-"),
            ids.of("eni", 3).to_string().trim_start_matches("eni-")
        );
    }
}
