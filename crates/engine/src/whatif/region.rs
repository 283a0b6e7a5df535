//! Sets of flows between two addresses, and what changes between two of them.
//!
//! A flow is a destination header and, for TCP and UDP, a client's port. Everything here is a list of rectangles of the
//! two (the D×S lemma); a rectangle lies in one lane: TCP, UDP, ICMP, ICMPv6 or all other protocols. Where there are no
//! ports, its other side is everything.

use std::sync::Arc;

use indexmap::IndexMap;
use reach_packets::{PortRanges, PortSet, Protocol};
use rustc_hash::FxHashMap;

use crate::compile::acls::Passes;
use crate::compile::course::Course;
use crate::compile::headers::{Algebra, HeaderId, Headers};
use crate::compile::pair::cut;

/// Destination headers and client ports.
pub(super) type Rect = (HeaderId, HeaderId);

/// A rectangle, and whether it passes for certain.
pub(super) type Judged = (HeaderId, HeaderId, bool);

/// Header sets of both networks under the numbers of one table.
#[derive(Debug)]
pub(super) struct Common<'h> {
    pub(super) algebra: Algebra<'h>,
    /// By network: the numbers there and here.
    known: [FxHashMap<HeaderId, HeaderId>; 2],
    /// TCP, UDP, ICMP, ICMPv6, and all other protocols: the lanes that rectangles lie in.
    lanes: [HeaderId; 5],
}

/// Which network a number comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Before,
    After,
}

/// What two sets of flows have to do with each other.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) gained: Vec<Rect>,
    pub(super) lost: Vec<Rect>,
    pub(super) undecided: Vec<Rect>,
    /// All that was reachable before.
    pub(super) was: Vec<Rect>,
}

impl<'h> Common<'h> {
    pub(super) fn new(headers: &'h Headers) -> Self {
        let algebra = Algebra::new(headers);
        let lanes = [
            PortSet::tcp(PortRanges::full()),
            PortSet::udp(PortRanges::full()),
            PortSet::of_protocol(Protocol::ICMP),
            PortSet::of_protocol(Protocol::ICMPV6),
            PortSet::protocols(PortSet::full().other_protocols()),
        ];
        let lanes = lanes.map(|lane| algebra.intern(lane));
        Self { algebra, known: Default::default(), lanes }
    }

    /// A number of one network's table as one of this table.
    pub(super) fn take(&mut self, when: When, from: &Headers, id: HeaderId) -> HeaderId {
        let [before, after] = &mut self.known;
        let known = if when == When::Before { before } else { after };
        *known.entry(id).or_insert_with(|| {
            let set: Arc<PortSet> = from.get(id);
            self.algebra.intern(set.as_ref().clone())
        })
    }

    fn passes(&mut self, when: When, from: &Headers, passes: Passes) -> Passes {
        Passes { must: self.take(when, from, passes.must), may: self.take(when, from, passes.may) }
    }

    /// Rectangles of one network under the numbers of this table.
    pub(super) fn rects(&mut self, when: When, from: &Headers, list: Vec<Judged>) -> Vec<Judged> {
        list.into_iter().map(|(d, s, certain)| (self.take(when, from, d), self.take(when, from, s), certain)).collect()
    }

    /// Ways of one network under the numbers of this table.
    pub(super) fn courses(&mut self, when: When, from: &Headers, mut list: Vec<Course>) -> Vec<Course> {
        for course in &mut list {
            course.headers = self.take(when, from, course.headers);
            course.forward = self.passes(when, from, course.forward);
            course.back = self.passes(when, from, course.back);
            course.reply_groups = self.passes(when, from, course.reply_groups);
            for filter in &mut course.filters {
                filter.passes = self.passes(when, from, filter.passes);
                filter.untracked = self.take(when, from, filter.untracked);
                filter.unclear = self.take(when, from, filter.unclear);
            }
        }
        list
    }

    /// The lanes: TCP, UDP, ICMP, ICMPv6, and all other protocols.
    pub(super) fn lanes(&self) -> [HeaderId; 5] {
        self.lanes
    }

    /// The lane that a rectangle's headers lie in, and whether it has ports.
    pub(super) fn lane_of(&mut self, headers: HeaderId) -> (HeaderId, bool) {
        for (position, lane) in self.lanes.into_iter().enumerate() {
            if self.algebra.meets(headers, lane) {
                return (lane, position < 2);
            }
        }
        (HeaderId::EMPTY, false)
    }

    /// Compares two sets of flows.
    pub(super) fn compare(&mut self, before: &[Judged], after: &[Judged]) -> Compared {
        let mut compared = Compared::default();
        for (position, lane) in self.lanes.into_iter().enumerate() {
            let lane = (lane, position < 2);
            let (before, after) = (self.in_lane(lane, before), self.in_lane(lane, after));
            let all = before.iter().chain(&after).fold(HeaderId::EMPTY, |all, (d, ..)| self.algebra.union(all, *d));
            let mut atoms = if all.is_empty() { Vec::new() } else { vec![all] };
            for (d, ..) in before.iter().chain(&after) {
                cut(&mut atoms, *d, &mut self.algebra);
            }
            let mut found: [IndexMap<HeaderId, HeaderId>; 4] = Default::default();
            for atom in atoms {
                let (was, was_open) = self.of_atom(atom, &before);
                let (is, is_open) = self.of_atom(atom, &after);
                let algebra = &mut self.algebra;
                let (any_before, any_after) = (algebra.union(was, was_open), algebra.union(is, is_open));
                let gained = algebra.subtract(is, any_before);
                let lost = algebra.subtract(was, any_after);
                // What is unknown on one side and something else on the other.
                let both = algebra.intersect(was_open, is_open);
                let open = algebra.union(was_open, is_open);
                let undecided = algebra.subtract(open, both);
                for (sources, list) in [gained, lost, undecided, was].into_iter().zip(&mut found) {
                    if !sources.is_empty() {
                        let headers = list.entry(sources).or_insert(HeaderId::EMPTY);
                        *headers = algebra.union(*headers, atom);
                    }
                }
            }
            let [gained, lost, undecided, was] = found.map(|list| list.into_iter().map(|(s, d)| (d, s)));
            compared.gained.extend(gained);
            compared.lost.extend(lost);
            compared.undecided.extend(undecided);
            compared.was.extend(was);
        }
        compared
    }

    /// The parts of rectangles in a lane.
    fn in_lane(&mut self, (lane, has_ports): (HeaderId, bool), list: &[Judged]) -> Vec<Judged> {
        let mut parts = Vec::with_capacity(list.len());
        for &(d, s, certain) in list {
            let d = self.algebra.intersect(d, lane);
            let s = if has_ports { self.algebra.intersect(s, lane) } else { HeaderId::ALL };
            if !d.is_empty() && !s.is_empty() {
                parts.push((d, s, certain));
            }
        }
        parts
    }

    /// The client ports of an atom: certain ones, and those of which it is unknown.
    fn of_atom(&mut self, atom: HeaderId, list: &[Judged]) -> Rect {
        let (mut certain, mut open) = (HeaderId::EMPTY, HeaderId::EMPTY);
        for &(d, s, sure) in list {
            if self.algebra.meets(atom, d) {
                let own = if sure { &mut certain } else { &mut open };
                *own = self.algebra.union(*own, s);
            }
        }
        (certain, self.algebra.subtract(open, certain))
    }

    /// What two lists of rectangles have in common, and what of the first one is left.
    pub(super) fn divide(&mut self, list: &[Rect], by: &[Rect]) -> (Vec<Rect>, Vec<Rect>) {
        let (mut inside, mut rest) = (Vec::new(), list.to_vec());
        for &(d, s) in by {
            let mut left = Vec::with_capacity(rest.len());
            for (own_d, own_s) in rest {
                let (d, s) = (self.algebra.intersect(own_d, d), self.algebra.intersect(own_s, s));
                if d.is_empty() || s.is_empty() {
                    left.push((own_d, own_s));
                    continue;
                }
                inside.push((d, s));
                let parts = [(self.algebra.subtract(own_d, d), own_s), (d, self.algebra.subtract(own_s, s))];
                left.extend(parts.into_iter().filter(|(d, s)| !d.is_empty() && !s.is_empty()));
            }
            rest = left;
        }
        (inside, rest)
    }

    /// The same flows in the fewest rectangles of one rule: equal client ports are joined.
    pub(super) fn joined(&mut self, list: Vec<Rect>) -> Vec<Rect> {
        let mut by_lane: IndexMap<(HeaderId, HeaderId), HeaderId> = IndexMap::new();
        for (d, s) in list {
            let (lane, _) = self.lane_of(d);
            let headers = by_lane.entry((lane, s)).or_insert(HeaderId::EMPTY);
            *headers = self.algebra.union(*headers, d);
        }
        by_lane.into_iter().map(|((_, s), d)| (d, s)).collect()
    }
}
