//! Equivalence classes of the members of an interval set.

use std::collections::HashMap;

use crate::interval_set::{IntervalSet, Point};

impl<T: Point> IntervalSet<T> {
    /// The equivalence classes of the members under membership in each set of `by`: two members
    /// are in one piece exactly when no set of `by` contains one of them and not the other.
    ///
    /// The pieces are not empty, disjoint, together equal to `self`, and in the order of their
    /// first points. With `N` intervals in all sets and `k` sets in `by`, the time is
    /// `O(N log N + N log k)` expected, however the sets overlap.
    #[must_use]
    pub fn partition(&self, by: &[Self]) -> Vec<Self> {
        self.partition_by(by.iter())
    }

    /// As [`IntervalSet::partition`], for sets that do not lie in one slice.
    pub(crate) fn partition_by<'a>(&self, by: impl ExactSizeIterator<Item = &'a Self>) -> Vec<Self> {
        // `None` stands for `self`, which decides what is kept but not which class it is in.
        let mut membership = Membership::new(by.len());
        let mut toggles: Vec<(T, Option<usize>)> = Vec::new();
        let own = self.iter_ranges().map(|range| (range, None));
        let others = by.enumerate().flat_map(|(index, set)| set.iter_ranges().map(move |range| (range, Some(index))));
        for ((low, high), set) in own.chain(others) {
            toggles.push((low, set));
            toggles.extend(high.succ().map(|end| (end, set)));
        }
        toggles.sort_unstable();

        let mut classes: HashMap<usize, usize> = HashMap::new();
        let mut pieces: Vec<Vec<(T, T)>> = Vec::new();
        let mut inside = false;
        let mut toggles = toggles.into_iter().peekable();
        while let Some((low, set)) = toggles.next() {
            match set {
                Some(index) => membership.toggle(index),
                None => inside = !inside,
            }
            // What lies between two cuts is of one class; a cut with toggles left is not over.
            let high = match toggles.peek() {
                Some(&(next, _)) if next == low => continue,
                Some(&(next, _)) => next.pred().unwrap_or(low),
                None => T::MAX,
            };
            if inside {
                let class = *classes.entry(membership.identity()).or_insert(pieces.len());
                if class == pieces.len() {
                    pieces.push(Vec::new());
                }
                // Never touches the piece's last interval: the toggles at `low` changed either
                // the class or `inside`.
                if let Some(piece) = pieces.get_mut(class) {
                    piece.push((low, high));
                }
            }
        }
        pieces.into_iter().map(Self::from_canonical).collect()
    }
}

/// The sets that the sweep of a partition is inside of, with an exact identity.
///
/// A binary tree over one bit per set, in which equal subtrees of one height get equal numbers:
/// the number of the root then identifies all bits. Toggling one bit renumbers only the path
/// above it, so a cut costs `O(log k)` where comparing whole bit vectors would cost `O(k)`.
struct Membership {
    /// A heap: the root is at 1, the children of `i` are at `2 i` and `2 i + 1`.
    numbers: Vec<usize>,
    /// The number of each pair of child numbers. Bits are 0 and 1, so pairs count from 2.
    pairs: HashMap<(usize, usize), usize>,
    leaves: usize,
}

impl Membership {
    fn new(sets: usize) -> Self {
        let leaves = sets.next_power_of_two();
        let mut membership = Self { numbers: vec![0; leaves.saturating_mul(2)], pairs: HashMap::new(), leaves };
        for node in (1..leaves).rev() {
            membership.renumber(node);
        }
        membership
    }

    fn toggle(&mut self, set: usize) {
        let mut node = self.leaves.saturating_add(set);
        if let Some(bit) = self.numbers.get_mut(node) {
            *bit ^= 1;
        }
        while node > 1 {
            node /= 2;
            self.renumber(node);
        }
    }

    fn renumber(&mut self, node: usize) {
        let left = node.saturating_mul(2);
        let pair = (self.number(left), self.number(left.saturating_add(1)));
        let next = self.pairs.len().saturating_add(2);
        let number = *self.pairs.entry(pair).or_insert(next);
        if let Some(slot) = self.numbers.get_mut(node) {
            *slot = number;
        }
    }

    fn number(&self, node: usize) -> usize {
        self.numbers.get(node).copied().unwrap_or(0)
    }

    fn identity(&self) -> usize {
        self.number(1)
    }
}

#[cfg(test)]
mod tests {
    use crate::PortRanges;

    fn ports(text: &str) -> PortRanges {
        text.parse().unwrap()
    }

    #[test]
    fn partition_makes_equivalence_classes() {
        let by = [ports("10-19,30-39"), ports("15-34"), ports("65535"), ports("none")];
        let pieces = PortRanges::full().partition(&by);
        let texts: Vec<String> = pieces.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["0-9,40-65534", "10-14,35-39", "15-19,30-34", "20-29", "65535"]);
        assert_eq!(ports("5,12").partition(&[]), [ports("5,12")]);
        assert!(PortRanges::empty().partition(&by).is_empty());
        assert_eq!(ports("5-12").partition(&by), [ports("5-9"), ports("10-12")]);
    }

    #[test]
    fn equal_memberships_are_one_class_for_any_number_of_sets() {
        // Each set is the one before moved by a port: all enter one by one and leave one by one.
        for count in 1..=9_u16 {
            let by: Vec<PortRanges> = (0..count).map(|index| PortRanges::range(index, 100 + index)).collect();
            let pieces = PortRanges::full().partition(&by);
            assert_eq!(pieces.len(), usize::from(count) * 2);
            assert_eq!(pieces.iter().map(PortRanges::count).sum::<u128>(), 65536);
        }
    }
}
