//! Sets of unsigned integers as canonical lists of closed intervals.

use std::fmt;
use std::hash::Hash;
use std::str::FromStr;

use crate::error::ParseError;
use crate::text;

mod sealed {
    pub trait Sealed {}
}

/// An unsigned integer that an [`IntervalSet`] can hold: `u8`, `u16`, `u32` or `u128`.
///
/// The trait is sealed: the algebra counts on its laws.
pub trait Point: Copy + Ord + Hash + fmt::Debug + sealed::Sealed + 'static {
    /// The smallest point.
    const MIN: Self;
    /// The largest point.
    const MAX: Self;

    /// The next point, or `None` at [`Point::MAX`].
    fn succ(self) -> Option<Self>;

    /// The point before, or `None` at [`Point::MIN`].
    fn pred(self) -> Option<Self>;

    /// The number of points from `self` to `high`, both included, saturating at [`u128::MAX`];
    /// 0 if `high` is smaller.
    fn count_to(self, high: Self) -> u128;
}

macro_rules! points {
    ($($integer:ty),*) => {$(
        impl sealed::Sealed for $integer {}

        impl Point for $integer {
            const MIN: Self = Self::MIN;
            const MAX: Self = Self::MAX;

            fn succ(self) -> Option<Self> {
                self.checked_add(1)
            }

            fn pred(self) -> Option<Self> {
                self.checked_sub(1)
            }

            fn count_to(self, high: Self) -> u128 {
                high.checked_sub(self).map_or(0, |distance| u128::from(distance).saturating_add(1))
            }
        }
    )*};
}

points!(u8, u16, u32, u128);

/// A set of unsigned integers: sorted, disjoint and non-adjacent closed intervals.
///
/// The form is canonical, so two sets are equal (and hash alike) exactly when they have the same
/// members. The order of sets is that of their interval lists: total, but not that of inclusion.
///
/// With `n` and `m` intervals in the two operands, operations take `O(n + m)` unless told.
///
/// The text form is a comma list of numbers and ranges such as `443,1024-65535`, or `none` for
/// the empty set. It parses back; items may come in any order, overlap and have spaces around.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntervalSet<T> {
    ranges: Vec<(T, T)>,
}

/// A set of TCP or UDP ports, with a text form such as `443,1024-65535`.
pub type PortRanges = IntervalSet<u16>;

impl<T> Default for IntervalSet<T> {
    fn default() -> Self {
        Self { ranges: Vec::new() }
    }
}

impl<T: Point> IntervalSet<T> {
    /// The set without members.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The set of all points.
    pub fn full() -> Self {
        Self { ranges: vec![(T::MIN, T::MAX)] }
    }

    /// The set of one point.
    pub fn single(point: T) -> Self {
        Self { ranges: vec![(point, point)] }
    }

    /// The points from `low` to `high`, both included; empty if `low` is larger than `high`.
    pub fn range(low: T, high: T) -> Self {
        if low <= high { Self { ranges: vec![(low, high)] } } else { Self::empty() }
    }

    /// The union of closed ranges in any order; reversed ones are empty. `O(n log n)`.
    pub fn from_ranges<I: IntoIterator<Item = (T, T)>>(ranges: I) -> Self {
        let mut unsorted: Vec<(T, T)> = ranges.into_iter().filter(|(low, high)| low <= high).collect();
        unsorted.sort_unstable();
        Self::from_sorted(unsorted.into_iter())
    }

    /// The union of non-empty ranges whose low ends ascend.
    fn from_sorted(sorted: impl Iterator<Item = (T, T)>) -> Self {
        let mut ranges: Vec<(T, T)> = Vec::with_capacity(sorted.size_hint().0);
        for (low, high) in sorted {
            match ranges.last_mut() {
                // Overlaps the last range or touches it: both become one.
                Some((_, last)) if last.succ().is_none_or(|next| low <= next) => *last = (*last).max(high),
                _ => ranges.push((low, high)),
            }
        }
        Self { ranges }
    }

    /// The set with these intervals, which must be sorted, disjoint and non-adjacent.
    pub(crate) fn from_canonical(ranges: Vec<(T, T)>) -> Self {
        debug_assert_eq!(Self::from_sorted(ranges.iter().copied()).ranges, ranges, "not canonical");
        Self { ranges }
    }

    /// Whether there are no members. `O(1)`.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether every point is a member. `O(1)`.
    pub fn is_full(&self) -> bool {
        self.ranges.first() == Some(&(T::MIN, T::MAX))
    }

    /// Whether `point` is a member. `O(log n)`.
    pub fn contains(&self, point: T) -> bool {
        self.first_from(point) == Some(point)
    }

    /// Whether every member of `other` is one of `self`.
    pub fn contains_set(&self, other: &Self) -> bool {
        let mut own = self.ranges.iter().peekable();
        other.ranges.iter().all(|&(low, high)| {
            while own.next_if(|&&(_, end)| end < low).is_some() {}
            own.peek().is_some_and(|&&(start, end)| start <= low && high <= end)
        })
    }

    /// Whether every member of `self` is one of `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        other.contains_set(self)
    }

    /// Whether the two sets have a member in common. Allocates nothing.
    pub fn intersects(&self, other: &Self) -> bool {
        self.overlaps(other).next().is_some()
    }

    /// The members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut left = self.ranges.iter().copied().peekable();
        let mut right = other.ranges.iter().copied().peekable();
        Self::from_sorted(std::iter::from_fn(|| match (left.peek(), right.peek()) {
            (Some(a), Some(b)) if b < a => right.next(),
            (Some(_), _) => left.next(),
            (None, _) => right.next(),
        }))
    }

    /// The members of both sets.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self { ranges: self.overlaps(other).collect() }
    }

    /// The overlaps of the intervals of both sets, ascending. Each overlap ends where an interval
    /// of one of the sets ends, after which that set has a gap: so the overlaps never touch.
    fn overlaps<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = (T, T)> + 'a {
        let mut left = self.ranges.iter().copied().peekable();
        let mut right = other.ranges.iter().copied().peekable();
        std::iter::from_fn(move || {
            loop {
                let (&(low, high), &(other_low, other_high)) = (left.peek()?, right.peek()?);
                // The interval that ends first overlaps nothing that comes later.
                if high <= other_high {
                    left.next();
                } else {
                    right.next();
                }
                let overlap = (low.max(other_low), high.min(other_high));
                if overlap.0 <= overlap.1 {
                    return Some(overlap);
                }
            }
        })
    }

    /// The members of `self` that are not in `other`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        self.intersect(&other.complement())
    }

    /// The points that are not members.
    #[must_use]
    pub fn complement(&self) -> Self {
        let mut ranges = Vec::with_capacity(self.ranges.len().saturating_add(1));
        let mut start = Some(T::MIN);
        for &(low, high) in &self.ranges {
            if let (Some(gap_low), Some(gap_high)) = (start, low.pred())
                && gap_low <= gap_high
            {
                ranges.push((gap_low, gap_high));
            }
            start = high.succ();
        }
        ranges.extend(start.map(|low| (low, T::MAX)));
        Self { ranges }
    }

    /// The intervals, ascending, as pairs of their first and last point.
    pub fn iter_ranges(&self) -> impl ExactSizeIterator<Item = (T, T)> + DoubleEndedIterator + Clone + '_ {
        self.ranges.iter().copied()
    }

    /// The smallest member. `O(1)`.
    pub fn first(&self) -> Option<T> {
        self.ranges.first().map(|&(low, _)| low)
    }

    /// The largest member. `O(1)`.
    pub fn last(&self) -> Option<T> {
        self.ranges.last().map(|&(_, high)| high)
    }

    /// The smallest member that is not below `point`. `O(log n)`.
    pub fn first_from(&self, point: T) -> Option<T> {
        let index = self.ranges.partition_point(|&(_, high)| high < point);
        self.ranges.get(index).map(|&(low, _)| low.max(point))
    }

    /// The number of members, saturating at [`u128::MAX`]. `O(n)`.
    pub fn count(&self) -> u128 {
        self.ranges.iter().fold(0, |sum: u128, &(low, high)| sum.saturating_add(low.count_to(high)))
    }
}

impl<T: Point> FromIterator<(T, T)> for IntervalSet<T> {
    fn from_iter<I: IntoIterator<Item = (T, T)>>(ranges: I) -> Self {
        Self::from_ranges(ranges)
    }
}

impl<T: Point + fmt::Display> fmt::Display for IntervalSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str(text::NONE);
        }
        text::write_list(f, self.iter_ranges().map(|(low, high)| text::Range(low, high)), ",")
    }
}

/// Parses the text form. Fails on empty text or items, on what is not a number, on numbers above
/// the largest point and on reversed ranges.
impl<T: Point + FromStr + fmt::Display> FromStr for IntervalSet<T> {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: &str = "a number or a range such as `5-9`";
        if text.trim() == text::NONE {
            return Ok(Self::empty());
        }
        text::items(text, ',', "a list of numbers")?.map(|item| text::range(item, EXPECTED)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str) -> PortRanges {
        text.parse().unwrap()
    }

    #[test]
    fn construction_is_canonical() {
        let set = IntervalSet::from_ranges([(5_u8, 9), (200, 255), (10, 12), (7, 8), (3, 1), (250, 252)]);
        assert_eq!(set.iter_ranges().collect::<Vec<_>>(), [(5, 12), (200, 255)]);
        assert_eq!(IntervalSet::range(3_u8, 2), IntervalSet::empty());
        assert_eq!(IntervalSet::from_ranges([(0_u8, 99), (100, 255)]), IntervalSet::full());
        assert!(IntervalSet::<u128>::default().is_empty());
    }

    #[test]
    fn edges_of_the_domain() {
        let (bottom, top) = (IntervalSet::single(0_u16), IntervalSet::single(u16::MAX));
        assert_eq!(bottom.complement(), IntervalSet::range(1, u16::MAX));
        assert_eq!(top.complement(), IntervalSet::range(0, u16::MAX - 1));
        assert_eq!(bottom.union(&top).complement(), IntervalSet::range(1, u16::MAX - 1));
        assert_eq!(PortRanges::full().complement(), PortRanges::empty());
        assert_eq!(PortRanges::empty().complement(), PortRanges::full());
    }

    #[test]
    fn queries() {
        let set = ports("22,80-90");
        assert_eq!((set.first(), set.last(), set.count()), (Some(22), Some(90), 12));
        assert_eq!((set.first_from(23), set.first_from(85), set.first_from(91)), (Some(80), Some(85), None));
        assert!(set.contains(80) && set.contains(90) && !set.contains(91) && !set.contains(0));
        assert!(set.contains_set(&ports("22,81,83-90")) && !set.contains_set(&ports("22-80")));
        assert!(ports("22").is_subset(&set) && !set.is_subset(&ports("22")));
        assert!(set.intersects(&ports("0-22")) && !set.intersects(&ports("23-79,91-65535")));
        assert!(!set.is_full() && PortRanges::full().is_full());
    }

    #[test]
    fn counts_saturate() {
        assert_eq!(IntervalSet::<u8>::full().count(), 256);
        assert_eq!(IntervalSet::<u128>::full().count(), u128::MAX);
        assert_eq!(IntervalSet::range(1_u128, u128::MAX).count(), u128::MAX);
        assert_eq!(IntervalSet::<u32>::full().count(), 1 << 32);
    }

    #[test]
    fn text_forms() {
        assert_eq!(ports(" 1024-65535 , 443").to_string(), "443,1024-65535");
        assert_eq!(PortRanges::full().to_string(), "0-65535");
        assert_eq!(ports("none").to_string(), "none");
        let error = |text: &str| text.parse::<PortRanges>().unwrap_err().to_string();
        assert_eq!(error("70000"), "`70000` is out of range 0-65535");
        assert_eq!(error("443,90-80"), "range `90-80` is reversed");
        assert_eq!(error(" "), "empty text where a list of numbers is expected");
        assert_eq!(error("443,"), "`443,` has an empty item");
        for text in ["http", "-5", "5-", "1-2-3", "+5", "5 - 9", "all"] {
            assert!(error(text).ends_with("is not a number or a range such as `5-9`"), "{text}");
        }
    }
}
