//! Interval sets against a list of all 256 bytes.

use std::collections::{BTreeMap, hash_map::DefaultHasher};
use std::hash::{Hash, Hasher};

use proptest::prelude::*;

use super::{bytes, laws, ports};
use crate::IntervalSet;

laws!(bytes_keep_the_laws, IntervalSet<u8>, bytes());
laws!(ports_keep_the_laws, IntervalSet<u16>, ports());

type Model = Vec<bool>;

fn model(set: &IntervalSet<u8>) -> Model {
    (0..=255).map(|point| set.contains(point)).collect()
}

fn is_canonical(set: &IntervalSet<u8>) -> bool {
    let ranges: Vec<(u8, u8)> = set.iter_ranges().collect();
    let apart = ranges.windows(2).all(|pair| u16::from(pair[0].1) + 1 < u16::from(pair[1].0));
    apart && ranges.iter().all(|(low, high)| low <= high)
}

fn hash(set: &IntervalSet<u8>) -> u64 {
    let mut hasher = DefaultHasher::new();
    set.hash(&mut hasher);
    hasher.finish()
}

proptest! {
    #[test]
    fn membership_is_a_homomorphism(a in bytes(), b in bytes()) {
        let (left, right) = (model(&a), model(&b));
        let both = |f: fn(bool, bool) -> bool| -> Model { left.iter().zip(&right).map(|(&x, &y)| f(x, y)).collect() };
        prop_assert_eq!(model(&a.union(&b)), both(|x, y| x || y));
        prop_assert_eq!(model(&a.intersect(&b)), both(|x, y| x && y));
        prop_assert_eq!(model(&a.subtract(&b)), both(|x, y| x && !y));
        prop_assert_eq!(model(&a.complement()), both(|x, _| !x));
        prop_assert_eq!(a.contains_set(&b), both(|x, y| x || !y).iter().all(|&holds| holds));
        prop_assert_eq!(a.intersects(&b), both(|x, y| x && y).iter().any(|&holds| holds));
    }

    #[test]
    fn results_are_canonical(a in bytes(), b in bytes()) {
        for set in [a.union(&b), a.intersect(&b), a.subtract(&b), a.complement(), a.clone()] {
            prop_assert!(is_canonical(&set), "{set}");
        }
        // Equality and hashes are those of the members.
        prop_assert_eq!(a == b, model(&a) == model(&b));
        let points = (0..=255).rev().filter(|&point| a.contains(point));
        let rebuilt: IntervalSet<u8> = points.map(|point| (point, point)).collect();
        prop_assert_eq!(hash(&rebuilt), hash(&a));
        prop_assert_eq!(rebuilt, a);
    }

    #[test]
    fn queries_agree_with_the_model(a in bytes(), from in any::<u8>()) {
        let members: Vec<u8> = (0..=255).filter(|&point| a.contains(point)).collect();
        prop_assert_eq!(a.count(), u128::try_from(members.len()).unwrap());
        prop_assert_eq!(a.first(), members.first().copied());
        prop_assert_eq!(a.last(), members.last().copied());
        prop_assert_eq!(a.first_from(from), members.iter().copied().find(|&point| point >= from));
    }

    #[test]
    fn building_is_union(ranges in proptest::collection::vec(any::<(u8, u8)>(), 0..12)) {
        let single = |&(low, high): &(u8, u8)| IntervalSet::range(low, high);
        let union = ranges.iter().map(single).fold(IntervalSet::empty(), |set, one| set.union(&one));
        prop_assert_eq!(IntervalSet::from_ranges(ranges), union);
    }

    #[test]
    fn partition_is_the_classes_of_members(set in bytes(), by in proptest::collection::vec(bytes(), 0..7)) {
        let mut classes: BTreeMap<Vec<bool>, Vec<(u8, u8)>> = BTreeMap::new();
        for point in (0..=255).filter(|&point| set.contains(point)) {
            let memberships = by.iter().map(|other| other.contains(point)).collect();
            classes.entry(memberships).or_default().push((point, point));
        }
        let mut expected: Vec<IntervalSet<u8>> = classes.into_values().map(IntervalSet::from_ranges).collect();
        expected.sort_by_key(IntervalSet::first);
        prop_assert_eq!(set.partition(&by), expected);
    }

    #[test]
    fn pieces_are_disjoint_whole_and_unsplit(set in ports(), by in proptest::collection::vec(ports(), 0..5)) {
        let pieces = set.partition(&by);
        let mut union = IntervalSet::empty();
        for piece in &pieces {
            prop_assert!(!piece.is_empty());
            prop_assert!(!piece.intersects(&union));
            union = union.union(piece);
            for other in &by {
                prop_assert!(piece.is_subset(other) || !piece.intersects(other), "{piece} is split by {other}");
            }
        }
        prop_assert_eq!(union, set);
        prop_assert!(pieces.windows(2).all(|pair| pair[0].first() < pair[1].first()));
    }
}
