//! Helpers shared by the text forms: lists, numbers and ranges.

use std::fmt;
use std::str::FromStr;

use crate::error::{ParseError, snippet};
use crate::interval_set::Point;

/// The text of a set without members.
pub(crate) const NONE: &str = "none";

/// The items of `text` between the characters `separator`, with white space trimmed.
///
/// Fails when the text or one of its items is empty.
pub(crate) fn items<'a>(
    text: &'a str,
    separator: char,
    expected: &'static str,
) -> Result<impl Iterator<Item = &'a str>, ParseError> {
    if text.trim().is_empty() {
        return Err(ParseError::empty(expected));
    }
    let items = text.split(separator).map(str::trim);
    if items.clone().any(str::is_empty) {
        return Err(ParseError::EmptyItem { text: snippet(text.trim()) });
    }
    Ok(items)
}

/// A decimal number of type `T`, digits only.
pub(crate) fn number<T: Point + FromStr + fmt::Display>(text: &str, expected: &'static str) -> Result<T, ParseError> {
    // The standard parsers accept a leading `+` as well, which would print back differently.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ParseError::malformed(text, expected));
    }
    text.parse().map_err(|_| ParseError::OutOfRange { text: snippet(text), max: T::MAX.to_string() })
}

/// `N` or `N-M` as a closed range.
pub(crate) fn range<T: Point + FromStr + fmt::Display>(
    text: &str,
    expected: &'static str,
) -> Result<(T, T), ParseError> {
    let Some((low, high)) = text.split_once('-') else {
        let only = number(text, expected)?;
        return Ok((only, only));
    };
    if low.is_empty() || high.is_empty() || high.contains('-') {
        return Err(ParseError::malformed(text, expected));
    }
    let (low, high) = (number(low, expected)?, number(high, expected)?);
    if low > high {
        return Err(ParseError::Reversed { text: snippet(text) });
    }
    Ok((low, high))
}

/// A closed range that prints as `N` or `N-M`.
pub(crate) struct Range<T>(pub(crate) T, pub(crate) T);

impl<T: Point + fmt::Display> fmt::Display for Range<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(low, high) = self;
        if low == high { write!(f, "{low}") } else { write!(f, "{low}-{high}") }
    }
}

/// Writes `items` with `separator` between them.
pub(crate) fn write_list<I>(f: &mut fmt::Formatter<'_>, items: I, separator: &str) -> fmt::Result
where
    I: IntoIterator<Item: fmt::Display>,
{
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}
