//! Header sets by number: hash-consed [`PortSet`]s and the operations on them.
//!
//! A set that was seen once has one number for good, so equality is a comparison of integers and an operation that was
//! done once is a table probe. Numbers are handed out in the order of first sight; nothing that is printed depends on
//! them.

use std::sync::{Arc, RwLock};

use reach_packets::{PortSet, Protocol, Transport};
use rustc_hash::FxHashMap;

/// The number of a header set in its [`Headers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeaderId(u32);

impl HeaderId {
    /// The set without members.
    pub const EMPTY: Self = Self(0);
    /// Every protocol, port and message.
    pub const ALL: Self = Self(1);

    /// Whether it is the empty set.
    pub const fn is_empty(self) -> bool {
        self.0 == Self::EMPTY.0
    }
}

/// Numbers and their sets.
#[derive(Debug, Default)]
struct Store {
    sets: Vec<Arc<PortSet>>,
    ids: FxHashMap<Arc<PortSet>, HeaderId>,
}

impl Store {
    fn find(&self, set: &PortSet) -> Option<HeaderId> {
        self.ids.get(set).copied()
    }

    fn insert(&mut self, set: PortSet) -> HeaderId {
        let id = HeaderId(u32::try_from(self.sets.len()).unwrap_or(u32::MAX));
        debug_assert!(id.0 >> 31 == 0, "caches of operations hold 31 bits of a number");
        let set = Arc::new(set);
        self.sets.push(Arc::clone(&set));
        self.ids.insert(set, id);
        id
    }
}

/// All header sets of a compiled network; shared by all threads that ask it.
#[derive(Debug)]
pub struct Headers {
    store: RwLock<Store>,
}

impl Default for Headers {
    fn default() -> Self {
        let mut store = Store::default();
        store.insert(PortSet::empty());
        store.insert(PortSet::full());
        Self { store: RwLock::new(store) }
    }
}

impl Headers {
    /// The number of `set`.
    pub fn intern(&self, set: PortSet) -> HeaderId {
        if let Some(id) = self.read(|store| store.find(&set)) {
            return id;
        }
        let mut store = self.store.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Another thread may have been faster between the two locks.
        store.find(&set).unwrap_or_else(|| store.insert(set))
    }

    /// The set of a number.
    pub fn get(&self, id: HeaderId) -> Arc<PortSet> {
        self.read(|store| store.sets.get(id.0 as usize).cloned()).unwrap_or_default()
    }

    /// How many sets there are.
    pub fn len(&self) -> usize {
        self.read(|store| store.sets.len())
    }

    /// Never: the empty set and the full one are always there.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn read<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
        look(&self.store.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// An operation on two sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union = 1,
    Intersect = 2,
    Subtract = 3,
}

/// How many results a cache remembers at first and at most; powers of two. One question asks for little, a sweep for
/// much.
const CACHE: [usize; 2] = [1 << 8, 1 << 15];

/// Operations on header sets with the cache of one thread.
#[derive(Debug)]
pub struct Algebra<'h> {
    headers: &'h Headers,
    /// Direct-mapped: operation and operands in the first word, the result in the second.
    cache: Vec<(u64, u32)>,
    /// How many results were put into the cache since it has this size.
    put: usize,
    /// The sets that this thread has seen, by number, so that looking at one takes no lock.
    seen: Vec<Arc<PortSet>>,
}

impl<'h> Algebra<'h> {
    /// A cold cache over `headers`.
    pub fn new(headers: &'h Headers) -> Self {
        let [first, _] = CACHE;
        Self { headers, cache: vec![(0, 0); first], put: 0, seen: Vec::new() }
    }

    /// The sets behind the numbers.
    pub fn headers(&self) -> &'h Headers {
        self.headers
    }

    /// The set of a number.
    pub fn get(&self, id: HeaderId) -> Arc<PortSet> {
        self.headers.get(id)
    }

    /// The number of a set.
    pub fn intern(&self, set: PortSet) -> HeaderId {
        self.headers.intern(set)
    }

    /// In either. O(1) where it was asked before.
    pub fn union(&mut self, a: HeaderId, b: HeaderId) -> HeaderId {
        match (a, b) {
            (HeaderId::EMPTY, other) | (other, HeaderId::EMPTY) => other,
            (HeaderId::ALL, _) | (_, HeaderId::ALL) => HeaderId::ALL,
            _ if a == b => a,
            _ => self.cached(Operation::Union, a.min(b), a.max(b)),
        }
    }

    /// In both. O(1) where it was asked before.
    pub fn intersect(&mut self, a: HeaderId, b: HeaderId) -> HeaderId {
        match (a, b) {
            (HeaderId::ALL, other) | (other, HeaderId::ALL) => other,
            (HeaderId::EMPTY, _) | (_, HeaderId::EMPTY) => HeaderId::EMPTY,
            _ if a == b => a,
            _ => self.cached(Operation::Intersect, a.min(b), a.max(b)),
        }
    }

    /// In `a` and not in `b`. O(1) where it was asked before.
    pub fn subtract(&mut self, a: HeaderId, b: HeaderId) -> HeaderId {
        match (a, b) {
            (HeaderId::EMPTY, _) | (_, HeaderId::ALL) => HeaderId::EMPTY,
            (a, HeaderId::EMPTY) => a,
            _ if a == b => HeaderId::EMPTY,
            _ => self.cached(Operation::Subtract, a, b),
        }
    }

    /// Whether they share a member.
    pub fn meets(&mut self, a: HeaderId, b: HeaderId) -> bool {
        !self.intersect(a, b).is_empty()
    }

    /// Whether all of `a` is in `b`.
    pub fn is_subset(&mut self, a: HeaderId, b: HeaderId) -> bool {
        self.subtract(a, b).is_empty()
    }

    /// Whether one point is in a set. O(log intervals).
    pub fn contains(&mut self, id: HeaderId, protocol: Protocol, transport: &Transport) -> bool {
        match id {
            HeaderId::EMPTY => false,
            HeaderId::ALL => true,
            _ => {
                if self.seen.len() <= id.0 as usize {
                    let seen = &mut self.seen;
                    self.headers.read(|store| seen.extend(store.sets.iter().skip(seen.len()).cloned()));
                }
                self.seen.get(id.0 as usize).is_some_and(|set| set.contains_point(protocol, transport))
            }
        }
    }

    fn cached(&mut self, operation: Operation, a: HeaderId, b: HeaderId) -> HeaderId {
        // 31 bits for each number, as memory ends long before the numbers do, and two for the operation. These stand last:
        // the product carries upwards only, and its upper bits choose the slot.
        let key = u64::from(a.0) << 33 | u64::from(b.0) << 2 | operation as u64;
        let mixed = key.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let spread = usize::try_from(mixed >> 40).unwrap_or(0);
        let slot = spread & (self.cache.len() - 1);
        if let Some((known, result)) = self.cache.get(slot)
            && *known == key
        {
            return HeaderId(*result);
        }
        let (left, right) = (self.headers.get(a), self.headers.get(b));
        let set = match operation {
            Operation::Union => left.union(&right),
            Operation::Intersect => left.intersect(&right),
            Operation::Subtract => left.subtract(&right),
        };
        let result = self.headers.intern(set);
        let [_, most] = CACHE;
        self.put += 1;
        if self.put > self.cache.len() && self.cache.len() < most {
            self.cache = vec![(0, 0); (self.cache.len() * 4).min(most)];
            self.put = 0;
        }
        let slot = spread & (self.cache.len() - 1);
        if let Some(entry) = self.cache.get_mut(slot) {
            *entry = (key, result.0);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reach_packets::PortRanges;

    #[test]
    fn equal_sets_have_one_number_and_operations_are_the_sets_own() {
        let headers = Headers::default();
        let mut algebra = Algebra::new(&headers);
        let web = algebra.intern(PortSet::tcp(PortRanges::range(80, 90)));
        let more = algebra.intern(PortSet::tcp(PortRanges::range(85, 443)));
        assert_eq!(web, headers.intern(PortSet::tcp(PortRanges::range(80, 90))));
        for _ in 0..2 {
            let both = algebra.intersect(web, more);
            assert_eq!(*algebra.get(both), PortSet::tcp(PortRanges::range(85, 90)));
            let either = algebra.union(web, more);
            assert_eq!(*algebra.get(either), PortSet::tcp(PortRanges::range(80, 443)));
            let rest = algebra.subtract(web, more);
            assert_eq!(*algebra.get(rest), PortSet::tcp(PortRanges::range(80, 84)));
        }
        assert!(algebra.is_subset(web, HeaderId::ALL) && !algebra.is_subset(HeaderId::ALL, web));
    }
}
