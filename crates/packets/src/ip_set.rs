//! Sets of IP addresses of both families.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Subnets, Ipv6Subnets};

use crate::error::{ParseError, snippet};
use crate::interval_set::IntervalSet;
use crate::protocol::Family;
use crate::text;

/// A set of IPv4 and IPv6 addresses: one interval set per family, over the addresses as numbers.
///
/// Equal sets have equal forms. Operations cost what they cost on the interval sets.
///
/// The text form is a comma list of address blocks such as `10.0.0.0/8,192.168.0.7,2600::/16`,
/// with single addresses written without a prefix length, or `none`. What is printed is the
/// smallest list of blocks, ascending and IPv4 first.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpSet {
    v4: IntervalSet<u32>,
    v6: IntervalSet<u128>,
}

impl IpSet {
    /// The set without members.
    pub fn empty() -> Self {
        Self::default()
    }

    /// All addresses of both families.
    pub fn full() -> Self {
        Self { v4: IntervalSet::full(), v6: IntervalSet::full() }
    }

    /// All addresses of one family.
    pub fn family_full(family: Family) -> Self {
        Self::full().of_family(family)
    }

    /// The set of these addresses, given as numbers in host byte order.
    pub fn from_intervals(v4: IntervalSet<u32>, v6: IntervalSet<u128>) -> Self {
        Self { v4, v6 }
    }

    /// The IPv4 members as numbers.
    pub fn v4(&self) -> &IntervalSet<u32> {
        &self.v4
    }

    /// The IPv6 members as numbers.
    pub fn v6(&self) -> &IntervalSet<u128> {
        &self.v6
    }

    /// The members of one family.
    #[must_use]
    pub fn of_family(&self, family: Family) -> Self {
        match family {
            Family::V4 => Self { v4: self.v4.clone(), v6: IntervalSet::empty() },
            Family::V6 => Self { v4: IntervalSet::empty(), v6: self.v6.clone() },
        }
    }

    /// Whether there are members of this family. `O(1)`.
    pub fn has_family(&self, family: Family) -> bool {
        match family {
            Family::V4 => !self.v4.is_empty(),
            Family::V6 => !self.v6.is_empty(),
        }
    }

    /// Whether there are no members. `O(1)`.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Whether every address of both families is a member. `O(1)`.
    pub fn is_full(&self) -> bool {
        self.v4.is_full() && self.v6.is_full()
    }

    /// Whether `address` is a member. `O(log n)`.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.v4.contains(address.to_bits()),
            IpAddr::V6(address) => self.v6.contains(address.to_bits()),
        }
    }

    /// Whether every member of `self` is one of `other`.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.v4.is_subset(&other.v4) && self.v6.is_subset(&other.v6)
    }

    /// Whether every member of `other` is one of `self`.
    pub fn contains_set(&self, other: &Self) -> bool {
        other.is_subset(self)
    }

    /// Whether the two sets have a member in common.
    pub fn intersects(&self, other: &Self) -> bool {
        Family::ALL.into_iter().any(|family| self.intersects_in(other, family))
    }

    /// Whether the two sets have a member of this family in common.
    pub fn intersects_in(&self, other: &Self, family: Family) -> bool {
        match family {
            Family::V4 => self.v4.intersects(&other.v4),
            Family::V6 => self.v6.intersects(&other.v6),
        }
    }

    /// The members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self { v4: self.v4.union(&other.v4), v6: self.v6.union(&other.v6) }
    }

    /// The members of both sets.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self { v4: self.v4.intersect(&other.v4), v6: self.v6.intersect(&other.v6) }
    }

    /// The members of `self` that are not in `other`.
    #[must_use]
    pub fn subtract(&self, other: &Self) -> Self {
        Self { v4: self.v4.subtract(&other.v4), v6: self.v6.subtract(&other.v6) }
    }

    /// The addresses of both families that are not members.
    #[must_use]
    pub fn complement(&self) -> Self {
        Self { v4: self.v4.complement(), v6: self.v6.complement() }
    }

    /// The smallest member, IPv4 before IPv6.
    pub fn first(&self) -> Option<IpAddr> {
        Family::ALL.into_iter().find_map(|family| self.first_in(family))
    }

    /// The smallest member of this family.
    pub fn first_in(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => self.v4.first().map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits))),
            Family::V6 => self.v6.first().map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits))),
        }
    }

    /// The number of members of both families, saturating at [`u128::MAX`].
    pub fn count(&self) -> u128 {
        self.v4.count().saturating_add(self.v6.count())
    }

    /// The fewest address blocks that cover exactly the members, ascending and IPv4 first.
    ///
    /// At most `2 b - 2` blocks per interval, where `b` is 32 or 128 address bits.
    pub fn cidrs(&self) -> Vec<IpNet> {
        self.blocks().collect()
    }

    fn blocks(&self) -> impl Iterator<Item = IpNet> + '_ {
        // No block spans two intervals, as they do not touch: the fewest blocks of each interval
        // are the fewest of all.
        let v4 = self.v4.iter_ranges().flat_map(|(low, high)| {
            Ipv4Subnets::new(Ipv4Addr::from_bits(low), Ipv4Addr::from_bits(high), 0).map(IpNet::V4)
        });
        let v6 = self.v6.iter_ranges().flat_map(|(low, high)| {
            Ipv6Subnets::new(Ipv6Addr::from_bits(low), Ipv6Addr::from_bits(high), 0).map(IpNet::V6)
        });
        v4.chain(v6)
    }

    /// The equivalence classes of the members of each family under membership in each set of
    /// `by`, as [`IntervalSet::partition`] makes them. Each piece has members of one family only;
    /// the IPv4 pieces come first.
    #[must_use]
    pub fn partition(&self, by: &[Self]) -> Vec<Self> {
        let v4 = self.v4.partition_by(by.iter().map(|set| &set.v4));
        let v6 = self.v6.partition_by(by.iter().map(|set| &set.v6));
        let v4 = v4.into_iter().map(|v4| Self { v4, v6: IntervalSet::empty() });
        let v6 = v6.into_iter().map(|v6| Self { v4: IntervalSet::empty(), v6 });
        v4.chain(v6).collect()
    }
}

/// The set of one address.
impl From<IpAddr> for IpSet {
    fn from(address: IpAddr) -> Self {
        Self::from(IpNet::from(address))
    }
}

/// The addresses of a block. Bits past the prefix length are ignored.
impl From<IpNet> for IpSet {
    fn from(block: IpNet) -> Self {
        Self::from_iter([block])
    }
}

/// The union of address blocks in any order. `O(n log n)` for `n` blocks.
impl FromIterator<IpNet> for IpSet {
    fn from_iter<I: IntoIterator<Item = IpNet>>(blocks: I) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for block in blocks {
            match block {
                IpNet::V4(block) => v4.push((block.network().to_bits(), block.broadcast().to_bits())),
                IpNet::V6(block) => v6.push((block.network().to_bits(), block.broadcast().to_bits())),
            }
        }
        Self { v4: IntervalSet::from_ranges(v4), v6: IntervalSet::from_ranges(v6) }
    }
}

/// The set of addresses in any order. `O(n log n)` for `n` addresses.
impl FromIterator<IpAddr> for IpSet {
    fn from_iter<I: IntoIterator<Item = IpAddr>>(addresses: I) -> Self {
        addresses.into_iter().map(IpNet::from).collect()
    }
}

/// A block that prints without its prefix length when it is a single address.
struct Block(IpNet);

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(block) = self;
        if block.prefix_len() == block.max_prefix_len() { write!(f, "{}", block.addr()) } else { write!(f, "{block}") }
    }
}

impl fmt::Display for IpSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str(text::NONE);
        }
        text::write_list(f, self.blocks().map(Block), ",")
    }
}

/// Parses the text form. Fails on empty text or items, on what is no address or block, and on
/// blocks with bits set past their prefix length: they are mistyped more often than meant.
impl FromStr for IpSet {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if text.trim() == text::NONE {
            return Ok(Self::empty());
        }
        text::items(text, ',', "a list of addresses and blocks")?.map(parse_block).collect()
    }
}

fn parse_block(text: &str) -> Result<IpNet, ParseError> {
    let malformed = || ParseError::malformed(text, "an address or a block such as `10.0.0.0/8` or `2600::/16`");
    if !text.contains('/') {
        return text.parse::<IpAddr>().map(IpNet::from).map_err(|_| malformed());
    }
    let block: IpNet = text.parse().map_err(|_| malformed())?;
    if block.trunc() != block {
        return Err(ParseError::HostBits { text: snippet(text), block: block.trunc() });
    }
    Ok(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ips(text: &str) -> IpSet {
        text.parse().unwrap()
    }

    #[test]
    fn text_forms() {
        for text in ["none", "10.0.0.0/8", "10.0.0.1", "0.0.0.0/0,::/0", "255.255.255.255,::ffff:10.0.0.1", "2600::/16"]
        {
            assert_eq!(ips(text).to_string(), text);
        }
        assert_eq!(ips("10.0.1.0/24, 10.0.0.0/24").to_string(), "10.0.0.0/23");
        assert_eq!(ips("::1/128,10.0.0.1/32").to_string(), "10.0.0.1,::1");
    }

    #[test]
    fn bad_text_is_refused() {
        let error = |text: &str| text.parse::<IpSet>().unwrap_err().to_string();
        assert_eq!(error("10.0.0.5/24"), "`10.0.0.5/24` has bits set past its prefix, the block is `10.0.0.0/24`");
        assert_eq!(error("10.0.0.0/8,"), "`10.0.0.0/8,` has an empty item");
        assert_eq!(error(""), "empty text where a list of addresses and blocks is expected");
        for text in ["10.0.0", "10.0.0.0/33", "::/129", "any", "010.0.0.1", "10.0.0.0/", "1.2.3.4-1.2.3.5"] {
            assert!(error(text).contains("is not an address or a block such as"), "{text}");
        }
    }

    #[test]
    fn cover_is_minimal() {
        let hole = IpSet::family_full(Family::V4).subtract(&ips("10.0.0.1"));
        assert_eq!(hole.cidrs().len(), 32);
        assert_eq!(hole.cidrs().into_iter().collect::<IpSet>(), hole);
        let wide = IpSet::from_intervals(IntervalSet::empty(), IntervalSet::range(1, u128::MAX - 1));
        assert_eq!(wide.cidrs().len(), 254);
        assert_eq!(wide.cidrs().into_iter().collect::<IpSet>(), wide);
        assert_eq!(IpSet::full().cidrs().len(), 2);
    }

    #[test]
    fn host_bits_of_a_block_are_ignored() {
        assert_eq!(IpSet::from("10.0.0.5/24".parse::<IpNet>().unwrap()), ips("10.0.0.0/24"));
    }

    #[test]
    fn members() {
        let set = ips("10.0.0.0/30,2600::7");
        assert!(set.contains("10.0.0.3".parse().unwrap()) && !set.contains("10.0.0.4".parse().unwrap()));
        assert!(set.contains("2600::7".parse().unwrap()) && !set.contains("2600::8".parse().unwrap()));
        assert_eq!(set.count(), 5);
        assert_eq!(set.first(), "10.0.0.0".parse().ok());
        assert_eq!(set.first_in(Family::V6), "2600::7".parse().ok());
        assert_eq!(set.of_family(Family::V6), ips("2600::7"));
        assert!(set.contains_set(&ips("10.0.0.2/31")) && set.intersects(&ips("2600::/16")));
        assert!(!set.intersects_in(&ips("2600::/16"), Family::V4));
        assert_eq!(
            ["10.0.0.1", "10.0.0.0"].map(|ip| ip.parse::<IpAddr>().unwrap()).into_iter().collect::<IpSet>(),
            ips("10.0.0.0/31")
        );
    }

    #[test]
    fn partition_keeps_families_apart() {
        let by = [ips("10.0.0.0/8,2600::/16"), ips("10.1.0.0/16")];
        let pieces = ips("10.0.0.0/7,2600::/16").partition(&by);
        assert_eq!(pieces.len(), 4);
        assert_eq!(pieces.iter().map(|piece| piece.cidrs().len()).collect::<Vec<_>>(), [8, 1, 1, 1]);
        assert_eq!(pieces.last(), Some(&ips("2600::/16")));
    }
}
