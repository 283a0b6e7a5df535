//! Port groups local to a row: the coarsest partition of headers that no rule of the row cuts.

use reach_packets::{IcmpSet, IntervalSet, PortSet, Protocol};
use rustc_hash::FxHashMap;

use super::headers::{HeaderId, Headers};

/// Header points on one line: TCP ports, UDP ports, messages of ICMP and ICMPv6, other protocols.
const LANE: u32 = 1 << 16;
const OTHER: u32 = 4 * LANE;
const END: u32 = OTHER + 256;

/// Ascending, disjoint, both ends included.
type Intervals = Vec<(u32, u32)>;

/// Header sets as intervals on the line, remembered.
#[derive(Debug, Default)]
pub(super) struct Lines {
    intervals: FxHashMap<HeaderId, Box<[(u32, u32)]>>,
    known: FxHashMap<Box<[(u32, u32)]>, HeaderId>,
}

/// One group of headers, and which of the row's sets hold it.
#[derive(Debug, Clone)]
pub(super) struct PortGroup {
    pub(super) headers: HeaderId,
    /// A bit for each of the row's distinct sets.
    pub(super) held_by: Box<[u64]>,
}

impl Lines {
    fn of(&mut self, headers: &Headers, id: HeaderId) -> &[(u32, u32)] {
        self.intervals.entry(id).or_insert_with(|| line(&headers.get(id)))
    }

    /// Groups of headers that some set of `left` and some set of `right` hold, by which of `sets` hold them. `left` and
    /// `right` are positions in `sets`. O(I log I) for I intervals.
    pub(super) fn groups(
        &mut self,
        headers: &Headers,
        sets: &[HeaderId],
        left: &[bool],
        right: &[bool],
    ) -> Vec<PortGroup> {
        let mut bounds: Vec<u32> = vec![0, END];
        for &id in sets {
            for &(low, high) in self.of(headers, id) {
                bounds.extend([low, high + 1]);
            }
        }
        bounds.sort_unstable();
        bounds.dedup();
        let segments = bounds.len() - 1;
        let blocks = sets.len().div_ceil(64);
        let mut held: Vec<u64> = vec![0; segments * blocks];
        for (position, &id) in sets.iter().enumerate() {
            for &(low, high) in self.of(headers, id) {
                let first = bounds.partition_point(|&bound| bound < low);
                let last = bounds.partition_point(|&bound| bound <= high);
                for segment in first..last {
                    if let Some(word) = held.get_mut(segment * blocks + position / 64) {
                        *word |= 1 << (position % 64);
                    }
                }
            }
        }
        let mask = |side: &[bool]| {
            let mut mask = vec![0_u64; blocks];
            for (position, _) in side.iter().enumerate().filter(|(_, own)| **own) {
                if let Some(word) = mask.get_mut(position / 64) {
                    *word |= 1 << (position % 64);
                }
            }
            mask
        };
        let (left, right) = (mask(left), mask(right));
        let meets = |own: &[u64], mask: &[u64]| own.iter().zip(mask).any(|(own, mask)| own & mask != 0);
        let mut order: FxHashMap<&[u64], usize> = FxHashMap::default();
        let mut groups: Vec<(&[u64], Intervals)> = Vec::new();
        for (segment, ends) in bounds.windows(2).enumerate() {
            let (Some(own), [low, after]) = (held.get(segment * blocks..(segment + 1) * blocks), ends) else {
                continue;
            };
            if !meets(own, &left) || !meets(own, &right) {
                continue;
            }
            let at = *order.entry(own).or_insert_with(|| {
                groups.push((own, Vec::new()));
                groups.len() - 1
            });
            if let Some((_, intervals)) = groups.get_mut(at) {
                match intervals.last_mut() {
                    // Lanes are never joined: each has ends of its own.
                    Some((_, high)) if *high + 1 == *low && low % LANE != 0 => *high = after - 1,
                    _ => intervals.push((*low, after - 1)),
                }
            }
        }
        groups
            .into_iter()
            .map(|(own, intervals)| {
                let known = self.known.get(intervals.as_slice()).copied();
                let id = known.unwrap_or_else(|| {
                    let id = headers.intern(unline(&intervals));
                    self.known.insert(intervals.into(), id);
                    id
                });
                PortGroup { headers: id, held_by: own.into() }
            })
            .collect()
    }
}

/// A header set as intervals on the line, never across lanes.
fn line(set: &PortSet) -> Box<[(u32, u32)]> {
    let lanes = [set.tcp_ports(), set.udp_ports(), set.icmp_messages().points(), set.icmpv6_messages().points()];
    let mut intervals: Vec<(u32, u32)> = Vec::new();
    for (base, lane) in (0..).step_by(LANE as usize).zip(lanes) {
        intervals.extend(lane.iter_ranges().map(|(low, high)| (base + u32::from(low), base + u32::from(high))));
    }
    let others = set.other_protocols().iter_ranges();
    intervals.extend(others.map(|(low, high)| (OTHER + u32::from(low), OTHER + u32::from(high))));
    intervals.into()
}

fn unline(intervals: &[(u32, u32)]) -> PortSet {
    let within = |base: u32, size: u32| {
        intervals.iter().filter_map(move |&(low, high)| {
            let (low, high) = (low.max(base), high.min(base + size - 1));
            (low <= high).then(|| (low - base, high - base))
        })
    };
    let ports = |base: u32| -> IntervalSet<u16> {
        let word = |point: u32| u16::try_from(point).unwrap_or(u16::MAX);
        within(base, LANE).map(|(low, high)| (word(low), word(high))).collect()
    };
    let named = [Protocol::TCP, Protocol::UDP, Protocol::ICMP, Protocol::ICMPV6].map(Protocol::number);
    let byte = |point: u32| u8::try_from(point).unwrap_or(u8::MAX);
    let others: IntervalSet<u8> = within(OTHER, 256).map(|(low, high)| (byte(low), byte(high))).collect();
    let others = others.subtract(&named.map(|number| (number, number)).into_iter().collect());
    PortSet::tcp(ports(0))
        .union(&PortSet::udp(ports(LANE)))
        .union(&PortSet::icmp(IcmpSet::from_points(ports(2 * LANE))))
        .union(&PortSet::icmpv6(IcmpSet::from_points(ports(3 * LANE))))
        .union(&PortSet::protocols(&others))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reach_packets::PortRanges;

    #[test]
    fn groups_are_the_coarsest_partition_that_no_set_cuts() {
        let headers = Headers::default();
        let web = headers.intern(PortSet::tcp(PortRanges::range(80, 90)));
        let more = headers.intern(PortSet::tcp(PortRanges::range(85, 443)));
        let sets = [web, more, HeaderId::ALL];
        let mut lines = Lines::default();
        let found = lines.groups(&headers, &sets, &[true, true, false], &[false, false, true]);
        let mut texts: Vec<String> =
            found.iter().map(|group| headers.get(group.headers).tcp_ports().to_string()).collect();
        texts.sort();
        assert_eq!(texts, ["80-84", "85-90", "91-443"]);
        for group in &found {
            let set = headers.get(group.headers);
            for (position, &id) in sets.iter().enumerate() {
                assert_eq!(group.held_by[0] >> position & 1 == 1, set.is_subset(&headers.get(id)));
            }
        }
    }

    #[test]
    fn a_set_and_its_line_are_the_same() {
        let set = PortSet::full().subtract(&PortSet::udp(PortRanges::range(0, 52)));
        assert_eq!(unline(&line(&set)), set);
        assert_eq!(unline(&line(&PortSet::full())), PortSet::full());
    }
}
