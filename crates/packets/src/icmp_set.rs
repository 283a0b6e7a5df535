//! Sets of ICMP types and codes.

use std::fmt;
use std::str::FromStr;

use crate::error::ParseError;
use crate::interval_set::IntervalSet;
use crate::text;

/// A set of ICMP messages by type and code.
///
/// It is an interval set over `type * 256 + code`, so that all codes of a type are one interval.
/// Operations cost what they cost there.
///
/// The text form is a comma list of `T/C` (one code), `T/C-D` (a range of codes), `T/*` (all
/// codes of a type), `T-U/*` (all codes of a range of types) and `*` (everything), or `none`. What
/// is printed is the same for equal sets, with every run of whole types as one item.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IcmpSet(IntervalSet<u16>);

impl IcmpSet {
    /// The set without members.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The set of all types and codes.
    pub fn full() -> Self {
        Self(IntervalSet::full())
    }

    /// One type with one code.
    pub fn single(kind: u8, code: u8) -> Self {
        Self(IntervalSet::single(point(kind, code)))
    }

    /// One type with all its codes.
    pub fn kind(kind: u8) -> Self {
        Self::kinds(kind, kind)
    }

    /// All codes of the types from `low` to `high`, both included; empty if `low` is larger.
    pub fn kinds(low: u8, high: u8) -> Self {
        if low > high {
            return Self::empty();
        }
        Self(IntervalSet::range(point(low, u8::MIN), point(high, u8::MAX)))
    }

    /// The set of messages whose `type * 256 + code` is in `points`.
    pub fn from_points(points: IntervalSet<u16>) -> Self {
        Self(points)
    }

    /// The members as values of `type * 256 + code`.
    pub fn points(&self) -> &IntervalSet<u16> {
        &self.0
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every type and code is a member.
    pub fn is_full(&self) -> bool {
        self.0.is_full()
    }

    /// Whether this type with this code is a member.
    pub fn contains(&self, kind: u8, code: u8) -> bool {
        self.0.contains(point(kind, code))
    }

    /// Whether every member of `self` is one of `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.is_subset(&other.0)
    }

    /// Whether the two sets have a member in common.
    pub fn intersects(&self, other: &Self) -> bool {
        self.0.intersects(&other.0)
    }

    /// The members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0))
    }

    /// The members of both sets.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self(self.0.intersect(&other.0))
    }

    /// The members of `self` that are not in `other`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        Self(self.0.subtract(&other.0))
    }

    /// The types and codes that are not members.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self(self.0.complement())
    }

    /// The member with the smallest type, and the smallest code of it.
    pub fn first(&self) -> Option<(u8, u8)> {
        self.0.first().map(parts)
    }
}

fn point(kind: u8, code: u8) -> u16 {
    u16::from_be_bytes([kind, code])
}

fn parts(point: u16) -> (u8, u8) {
    let [kind, code] = point.to_be_bytes();
    (kind, code)
}

/// One item of the text form.
enum Item {
    /// Codes of one type.
    Codes { kind: u8, low: u8, high: u8 },
    /// All codes of a range of types.
    Kinds { low: u8, high: u8 },
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Codes { kind, low, high } => write!(f, "{kind}/{}", text::Range(low, high)),
            Self::Kinds { low, high } => write!(f, "{}/*", text::Range(low, high)),
        }
    }
}

/// The items of one interval: the codes before the first whole type, the whole types, and the
/// codes after the last one.
fn items(low: u16, high: u16) -> impl Iterator<Item = Item> {
    let ((kind, code), (end_kind, end_code)) = (parts(low), parts(high));
    let whole_start = code == u8::MIN;
    let whole_end = end_code == u8::MAX;
    if kind == end_kind && !(whole_start && whole_end) {
        return [Some(Item::Codes { kind, low: code, high: end_code }), None, None].into_iter().flatten();
    }
    let head = (!whole_start).then_some(Item::Codes { kind, low: code, high: u8::MAX });
    let tail = (!whole_end).then_some(Item::Codes { kind: end_kind, low: u8::MIN, high: end_code });
    let first = if whole_start { Some(kind) } else { kind.checked_add(1) };
    let last = if whole_end { Some(end_kind) } else { end_kind.checked_sub(1) };
    let body = first.zip(last).filter(|(first, last)| first <= last).map(|(low, high)| Item::Kinds { low, high });
    [head, body, tail].into_iter().flatten()
}

impl fmt::Display for IcmpSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str(text::NONE);
        }
        if self.is_full() {
            return f.write_str("*");
        }
        text::write_list(f, self.0.iter_ranges().flat_map(|(low, high)| items(low, high)), ",")
    }
}

/// Parses the text form. Fails on empty text or items, on items of another form, on numbers above
/// 255 and on reversed ranges.
impl FromStr for IcmpSet {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.trim() == text::NONE {
            return Ok(Self::empty());
        }
        let ranges: Result<IntervalSet<u16>, ParseError> =
            text::items(text, ',', "a list of icmp types and codes")?.map(parse_item).collect();
        Ok(Self(ranges?))
    }
}

fn parse_item(text: &str) -> Result<(u16, u16), ParseError> {
    const EXPECTED: &str = "an icmp type and code such as `8/0`, `3/0-15`, `8/*` or `9-18/*`";
    if text == "*" {
        return Ok((u16::MIN, u16::MAX));
    }
    let malformed = || ParseError::malformed(text, EXPECTED);
    let (kinds, codes) = text.split_once('/').ok_or_else(malformed)?;
    let (low, high): (u8, u8) = text::range(kinds, EXPECTED)?;
    if codes == "*" {
        return Ok((point(low, u8::MIN), point(high, u8::MAX)));
    }
    // Some codes of several types would be several intervals, and rule lists have no such thing.
    if low != high {
        return Err(malformed());
    }
    let (first, last): (u8, u8) = text::range(codes, EXPECTED)?;
    Ok((point(low, first), point(low, last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn icmp(text: &str) -> IcmpSet {
        text.parse().unwrap()
    }

    #[test]
    fn text_round_trips() {
        for text in [
            "none",
            "*",
            "8/0",
            "8/*",
            "0/*,8/*",
            "3/0-15",
            "9-18/*",
            "3/4-255,4/*",
            "3/4-255,4/0-9",
            "3/255,4/0",
            "3/255,4-6/*,7/0-3",
            "0-254/*,255/0-254",
            "0/1-255,1-255/*",
        ] {
            assert_eq!(icmp(text).to_string(), text);
        }
    }

    #[test]
    fn printing_is_canonical() {
        assert_eq!(icmp("3/0-254, 3/255, 4/*").to_string(), "3-4/*");
        assert_eq!(icmp("0-255/*").to_string(), "*");
        assert_eq!(icmp("8/0,*"), IcmpSet::full());
    }

    #[test]
    fn bad_text_is_refused() {
        let error = |text: &str| text.parse::<IcmpSet>().unwrap_err().to_string();
        assert_eq!(error("8/256"), "`256` is out of range 0-255");
        assert_eq!(error("9-8/*"), "range `9-8` is reversed");
        assert_eq!(error("8/0,,*"), "`8/0,,*` has an empty item");
        assert_eq!(error(""), "empty text where a list of icmp types and codes is expected");
        for text in ["8", "8/", "/0", "3-4/0", "*/0", "8/0/0", "echo"] {
            assert!(error(text).contains("is not an icmp type and code such as"), "{text}");
        }
    }

    #[test]
    fn members() {
        let set = IcmpSet::kind(8).union(&IcmpSet::single(3, 4));
        assert!(set.contains(8, 0) && set.contains(8, 255) && set.contains(3, 4) && !set.contains(3, 5));
        assert_eq!(set.first(), Some((3, 4)));
        assert_eq!(set.points().count(), 257);
        assert_eq!(set.subtract(&IcmpSet::kind(8)), IcmpSet::single(3, 4));
        assert_eq!(IcmpSet::from_points(set.points().clone()), set);
        assert!(IcmpSet::kinds(9, 8).is_empty() && IcmpSet::kinds(0, 255).is_full());
        assert!(IcmpSet::single(8, 0).is_subset(&set) && set.intersects(&IcmpSet::single(8, 0)));
    }
}
