//! The one error of the crate: text that does not parse.

/// Why a text form did not parse.
///
/// Each message is one line, in lower case and without a final period, with the offending part
/// of the input in backticks. Control characters of the input are escaped and long input is cut.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Nothing but white space was found.
    #[error("empty text where {expected} is expected")]
    Empty {
        /// What the text must be.
        expected: &'static str,
    },
    /// A list has nothing between two separators, or before the first or after the last one.
    #[error("`{text}` has an empty item")]
    EmptyItem {
        /// The whole list.
        text: String,
    },
    /// The text does not have the form that is expected.
    #[error("`{text}` is not {expected}")]
    Malformed {
        /// The offending part of the input.
        text: String,
        /// What the text must be.
        expected: &'static str,
    },
    /// A number is larger than its field holds.
    #[error("`{text}` is out of range 0-{max}")]
    OutOfRange {
        /// The number as written.
        text: String,
        /// The largest number allowed.
        max: String,
    },
    /// The first number of a range is larger than the second.
    #[error("range `{text}` is reversed")]
    Reversed {
        /// The range as written.
        text: String,
    },
    /// An address block has bits set past its prefix length, so that it names no block.
    #[error("`{text}` has bits set past its prefix, the block is `{block}`")]
    HostBits {
        /// The block as written.
        text: String,
        /// The block with these bits cleared.
        block: ipnet::IpNet,
    },
    /// The two addresses of a flow are of different families.
    #[error("`{text}` mixes IPv4 and IPv6 addresses")]
    MixedFamilies {
        /// The flow as written.
        text: String,
    },
    /// The `other` lane of a port set names a protocol that has a lane of its own.
    #[error("`{text}` covers protocol {number}, which is written as `{lane}`")]
    OwnLane {
        /// The protocol numbers as written.
        text: String,
        /// The protocol's number.
        number: u8,
        /// The name of the protocol's own lane.
        lane: String,
    },
}

/// The longest piece of input, in characters, that a message repeats.
const SNIPPET_CHARS: usize = 80;

impl ParseError {
    pub(crate) fn empty(expected: &'static str) -> Self {
        Self::Empty { expected }
    }

    pub(crate) fn malformed(text: &str, expected: &'static str) -> Self {
        Self::Malformed { text: snippet(text), expected }
    }
}

/// `text` as a message shows it: on one line, and cut when it is long.
pub(crate) fn snippet(text: &str) -> String {
    // `escape_debug` would escape quotes as well, which are harmless between backticks.
    let escaped: String = text
        .chars()
        .take(SNIPPET_CHARS)
        .flat_map(|c| {
            let plain = (!c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}')).then_some(c);
            let escape = plain.is_none().then(|| c.escape_default());
            plain.into_iter().chain(escape.into_iter().flatten())
        })
        .collect();
    if text.chars().nth(SNIPPET_CHARS).is_some() { format!("{escaped}…") } else { escaped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_stay_on_one_line() {
        assert_eq!(ParseError::malformed("a\nb\u{2028}", "a port").to_string(), "`a\\nb\\u{2028}` is not a port");
        assert_eq!(snippet("it's \"é\""), "it's \"é\"");
    }

    #[test]
    fn long_input_is_cut() {
        let long = "x".repeat(SNIPPET_CHARS + 1);
        assert_eq!(snippet(&long).chars().count(), SNIPPET_CHARS + 1);
        assert!(snippet(&long).ends_with('…'));
        let fits = "x".repeat(SNIPPET_CHARS);
        assert_eq!(snippet(&fits), fits);
    }
}
