//! Sets of packet headers: disjoint unions of cubes.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::cube::Cube;
use crate::error::ParseError;
use crate::flow::Flow;
use crate::protocol::Family;
use crate::text;

/// A set of well-formed packet headers, as a union of disjoint, non-empty and normalized cubes of
/// one address family each.
///
/// The cubes depend on how the set was built: they are not canonical, so there is no `==`. Use
/// [`FlowSet::equivalent`] to compare two sets. The cubes are the same for the same operations on
/// the same operands; those of IPv4 come first, and then they are in the order of [`Cube`].
///
/// Below, `c` and `d` are the numbers of cubes of the two operands and `w` is the number of
/// intervals in the largest of their cubes. After every operation, cubes that differ in one field
/// are merged, which takes `O(p log p)` comparisons of `O(w)` for `p` cubes before merging.
///
/// The text form is that of the cubes, one a line, or `none` for the empty set. It parses back to
/// an equivalent set. When parsed, blank lines are skipped and lines may overlap.
#[derive(Clone, Debug, Default)]
pub struct FlowSet {
    cubes: Vec<Cube>,
}

/// Up to this many cubes, debug builds check after each operation that they are disjoint. The
/// check takes a comparison of every two cubes, so larger sets are left out.
const CHECKED_CUBES: usize = 32;

impl FlowSet {
    /// The set without members.
    pub fn empty() -> Self {
        Self::default()
    }

    /// All well-formed headers.
    pub fn full() -> Self {
        Self::from_cube(Cube::full())
    }

    /// The headers of one cube, which become one cube for each family.
    pub fn from_cube(cube: Cube) -> Self {
        Self { cubes: cube.by_family().collect() }
    }

    /// The set that contains only `flow`; empty if the flow is not well formed.
    pub fn single(flow: &Flow) -> Self {
        Self::from_cube(Cube::single(flow))
    }

    /// The union of cubes, which may overlap. `O(p c w)` for `c` cubes and `p` disjoint pieces.
    pub fn from_cubes<I: IntoIterator<Item = Cube>>(cubes: I) -> Self {
        let mut disjoint: Vec<Cube> = Vec::new();
        for cube in cubes.into_iter().flat_map(Cube::by_family) {
            let news = outside(vec![cube], &disjoint);
            disjoint.extend(news);
        }
        Self::from_disjoint(disjoint)
    }

    /// The set of disjoint cubes, normalized and of one family: merges them and puts them in order.
    fn from_disjoint(mut cubes: Vec<Cube>) -> Self {
        merge(&mut cubes);
        let is_v6 = |cube: &Cube| cube.sources.has_family(Family::V6);
        cubes.sort_unstable_by(|a, b| is_v6(a).cmp(&is_v6(b)).then_with(|| a.cmp(b)));
        let set = Self { cubes };
        debug_assert!(set.cubes.len() > CHECKED_CUBES || set.is_disjoint(), "overlapping cubes:\n{set}");
        set
    }

    fn is_disjoint(&self) -> bool {
        let mut cubes = self.cubes.iter();
        while let Some(cube) = cubes.next() {
            if cubes.clone().any(|later| cube.intersects(later)) {
                return false;
            }
        }
        true
    }

    /// The disjoint cubes that make up the set.
    pub fn cubes(&self) -> &[Cube] {
        &self.cubes
    }

    /// Whether there are no members. `O(1)`.
    pub fn is_empty(&self) -> bool {
        self.cubes.is_empty()
    }

    /// Whether `flow` is a member. `O(c log w)`.
    pub fn contains(&self, flow: &Flow) -> bool {
        self.cubes.iter().any(|cube| cube.contains(flow))
    }

    /// Some member, or `None` if there is none: that of the first cube, chosen as
    /// [`Cube::witness`] tells, or of a later one if only that has a usual header. `O(c)`.
    pub fn witness(&self) -> Option<Flow> {
        let among = |foreign_icmp| self.cubes.iter().find_map(|cube| cube.witness_among(foreign_icmp));
        among(false).or_else(|| among(true))
    }

    /// Whether every member of `self` is one of `other`. Costs as much as a subtraction.
    pub fn is_subset(&self, other: &Self) -> bool {
        // Cube by cube, so that the first header outside ends it.
        self.cubes.iter().all(|cube| outside(vec![cube.clone()], &other.cubes).is_empty())
    }

    /// Whether the two sets have the same members. Costs as much as two subtractions.
    pub fn equivalent(&self, other: &Self) -> bool {
        self.cubes == other.cubes || self.is_subset(other) && other.is_subset(self)
    }

    /// Whether the two sets have a member in common. `O(c d w)`, allocates nothing.
    pub fn intersects(&self, other: &Self) -> bool {
        self.cubes.iter().any(|cube| other.cubes.iter().any(|other| cube.intersects(other)))
    }

    /// The members of either set. `O(p c w)` for the `p` pieces of `other` that are new.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut cubes = outside(other.cubes.clone(), &self.cubes);
        cubes.extend_from_slice(&self.cubes);
        Self::from_disjoint(cubes)
    }

    /// The members of both sets. `O(c d w)`.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        let pairs = self.cubes.iter().flat_map(|cube| other.cubes.iter().map(move |other| (cube, other)));
        Self::from_disjoint(pairs.filter_map(|(cube, other)| cube.intersect(other)).collect())
    }

    /// The members of `self` that are not in `other`. `O(p d w)` for `p` pieces.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        Self::from_disjoint(outside(self.cubes.clone(), &other.cubes))
    }

    /// The well-formed headers that are not members.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self::full().subtract(self)
    }
}

/// The headers of `cubes` in none of `others`. The result is disjoint if `cubes` are.
fn outside(mut cubes: Vec<Cube>, others: &[Cube]) -> Vec<Cube> {
    for other in others {
        if !cubes.iter().any(|cube| cube.intersects(other)) {
            continue;
        }
        let mut left = Vec::with_capacity(cubes.len());
        for cube in cubes {
            if cube.intersects(other) { left.extend(cube.subtract(other)) } else { left.push(cube) }
        }
        cubes = left;
    }
    cubes
}

/// A field along which cubes merge.
struct Field {
    /// Compares all other fields.
    compare_others: fn(&Cube, &Cube) -> Ordering,
    /// Adds the field of the second cube to that of the first.
    join: fn(&mut Cube, &Cube),
}

const FIELDS: [Field; 4] = [
    Field {
        compare_others: |a, b| {
            (&a.source_ports, &a.ports, &a.destinations).cmp(&(&b.source_ports, &b.ports, &b.destinations))
        },
        join: |a, b| a.sources = a.sources.union(&b.sources),
    },
    Field {
        compare_others: |a, b| (&a.source_ports, &a.ports, &a.sources).cmp(&(&b.source_ports, &b.ports, &b.sources)),
        join: |a, b| a.destinations = a.destinations.union(&b.destinations),
    },
    Field {
        compare_others: |a, b| {
            (&a.source_ports, &a.sources, &a.destinations).cmp(&(&b.source_ports, &b.sources, &b.destinations))
        },
        join: |a, b| a.ports = a.ports.union(&b.ports),
    },
    Field {
        compare_others: |a, b| (&a.ports, &a.sources, &a.destinations).cmp(&(&b.ports, &b.sources, &b.destinations)),
        join: |a, b| a.source_ports = a.source_ports.union(&b.source_ports),
    },
];

/// Merges cubes that differ in one field only, until none do.
///
/// The cubes must be disjoint, normalized and of one family each, which makes each merge exact:
/// cubes that agree in one of the address fields are of one family, and cubes that differ only in
/// their source ports have no lane without ports, for otherwise they would overlap.
fn merge(cubes: &mut Vec<Cube>) {
    loop {
        let before = cubes.len();
        for field in &FIELDS {
            if cubes.len() < 2 {
                return;
            }
            cubes.sort_unstable_by(field.compare_others);
            cubes.dedup_by(|next, kept| {
                let same = (field.compare_others)(next, kept) == Ordering::Equal;
                if same {
                    (field.join)(kept, next);
                }
                same
            });
        }
        if cubes.len() == before {
            return;
        }
    }
}

impl From<Cube> for FlowSet {
    fn from(cube: Cube) -> Self {
        Self::from_cube(cube)
    }
}

impl FromIterator<Cube> for FlowSet {
    fn from_iter<I: IntoIterator<Item = Cube>>(cubes: I) -> Self {
        Self::from_cubes(cubes)
    }
}

impl fmt::Display for FlowSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str(text::NONE);
        }
        text::write_list(f, &self.cubes, "\n")
    }
}

/// Parses the text form. Fails on text that is blank, and when a line does not parse as a cube.
impl FromStr for FlowSet {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.trim() {
            "" => Err(ParseError::empty("a set of flows")),
            text::NONE => Ok(Self::empty()),
            text => text.lines().filter(|line| !line.trim().is_empty()).map(str::parse::<Cube>).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flows(text: &str) -> FlowSet {
        text.parse().unwrap()
    }

    #[test]
    fn text_forms() {
        for text in ["none", "0.0.0.0/0 -> 0.0.0.0/0 : all\n::/0 -> ::/0 : all", "10.0.0.1 -> 10.0.0.2 : tcp 1 from 2"]
        {
            assert_eq!(flows(text).to_string(), text);
        }
        assert_eq!(
            flows("10.0.0.1,::1 -> 10.0.0.2,::2 : all").to_string(),
            "10.0.0.1 -> 10.0.0.2 : all\n::1 -> ::2 : all"
        );
        let two = "10.0.0.1 -> 10.0.0.2 : tcp 1\n10.0.0.3 -> 10.0.0.4 : tcp 2";
        assert_eq!(flows(&format!("\n{two}\n\n")).to_string(), two);
        assert_eq!(flows("10.0.0.1 -> 10.0.0.2 : none").to_string(), "none");
        assert_eq!(" \n".parse::<FlowSet>().unwrap_err().to_string(), "empty text where a set of flows is expected");
        assert!("none\nnone".parse::<FlowSet>().is_err());
    }

    #[test]
    fn overlapping_lines_become_disjoint() {
        let set = flows("10.0.0.0/24 -> 10.1.0.1 : tcp 1-10\n10.0.0.7 -> 10.1.0.0/24 : tcp 5-20");
        assert!(set.is_disjoint());
        assert!(set.contains(&"tcp 10.0.0.7:1 -> 10.1.0.1:7".parse().unwrap()));
        assert!(set.contains(&"tcp 10.0.0.7:1 -> 10.1.0.9:20".parse().unwrap()));
        assert!(!set.contains(&"tcp 10.0.0.8:1 -> 10.1.0.9:20".parse().unwrap()));
    }

    #[test]
    fn cubes_merge_along_every_field() {
        let merged = |lines: &str| flows(lines).to_string();
        assert_eq!(merged("10.0.0.0 -> ::,1.1.1.1 : all\n10.0.0.1 -> 1.1.1.1 : all"), "10.0.0.0/31 -> 1.1.1.1 : all");
        assert_eq!(merged("1.1.1.1 -> 10.0.0.0 : all\n1.1.1.1 -> 10.0.0.1 : all"), "1.1.1.1 -> 10.0.0.0/31 : all");
        assert_eq!(
            merged("1.1.1.1 -> 2.2.2.2 : tcp 1\n1.1.1.1 -> 2.2.2.2 : icmp *"),
            "1.1.1.1 -> 2.2.2.2 : tcp 1; icmp *"
        );
        assert_eq!(
            merged("1.1.1.1 -> 2.2.2.2 : tcp 1 from 1\n1.1.1.1 -> 2.2.2.2 : tcp 1 from 2"),
            "1.1.1.1 -> 2.2.2.2 : tcp 1 from 1-2"
        );
    }

    #[test]
    fn a_hole_is_filled_again() {
        let hole = flows("10.0.0.0/8 -> 10.0.9.4 : tcp 443 from 1024-65535");
        let holed = hole.complement();
        assert!(!holed.intersects(&hole) && !holed.is_empty());
        assert!(holed.union(&hole).equivalent(&FlowSet::full()));
        assert!(hole.is_subset(&FlowSet::full()) && !FlowSet::full().is_subset(&hole));
        assert_eq!(holed.union(&hole).to_string(), FlowSet::full().to_string());
    }

    #[test]
    fn ordered_rules_evaluate_exactly() {
        // First match wins: deny one port from one block, then allow the block, then deny all.
        let deny = flows("10.0.1.0/24 -> 0.0.0.0/0 : tcp 22");
        let allow = flows("10.0.0.0/16 -> 0.0.0.0/0 : tcp *");
        let open = allow.subtract(&deny);
        assert!(!open.contains(&"tcp 10.0.1.9:4000 -> 1.1.1.1:22".parse().unwrap()));
        assert!(open.contains(&"tcp 10.0.1.9:4000 -> 1.1.1.1:23".parse().unwrap()));
        assert!(open.contains(&"tcp 10.0.2.9:4000 -> 1.1.1.1:22".parse().unwrap()));
        let witness = open.intersect(&flows("10.0.1.0/24 -> 9.9.9.9 : all")).witness().unwrap();
        assert_eq!(witness.to_string(), "tcp 10.0.1.0:32768 -> 9.9.9.9:1");
        assert_eq!(FlowSet::empty().witness(), None);
        let icmpv6 = flows("10.0.0.1,::1 -> 10.0.0.2,::2 : icmpv6 *");
        assert_eq!(icmpv6.witness().unwrap().to_string(), "icmpv6 ::1 -> ::2 128/0");
        assert_eq!(FlowSet::single(&witness).witness(), Some(witness));
    }
}
