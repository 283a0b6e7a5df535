//! Addresses: what is public is moved, prefix by prefix, so that containment stays what it was.
//!
//! The construction is that of Xu, Fan, Ammar and Moon ("Prefix-preserving IP address anonymization", 2002): bit *i* is
//! flipped as a keyed function of the *i* bits before it says. Two addresses then share their first *k* bits afterwards
//! exactly when they did before. Here some prefixes flip nothing: those above and inside of a range that must stay where
//! it is, and those inside a VPC's own range, whose host parts mean something.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use rustc_hash::FxHashMap;

use super::Key;

/// Ranges that mean something of their own: they stay where they are, address by address.
const FIXED: [IpNet; 13] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
    v4(224, 0, 0, 0, 3),
    v6(0, 128),
    v6(1, 128),
    v6(0xfc00 << 112, 7),
    v6(0xfe80 << 112, 10),
    v6(0xff00 << 112, 8),
];

/// Global unicast addresses: they are moved, and stay global.
const GLOBAL: IpNet = v6(0x2000 << 112, 3);

/// IPv6 addresses that hold an IPv4 address: for translation (RFC 6052), and as sockets write them.
const EMBEDDED: [IpNet; 2] = [v6(0x64_ff9b << 96, 96), v6(0xffff << 32, 96)];

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length))
}

const fn v6(bits: u128, length: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::from_bits(bits), length))
}

/// A prefix: its bits from the left, and how many of them count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Prefix {
    v4: bool,
    bits: u128,
    length: u8,
}

impl Prefix {
    fn of(net: IpNet) -> Self {
        Self { v4: net.addr().is_ipv4(), bits: bits(net.network()), length: net.prefix_len() }
    }

    /// Whether `other` lies in it.
    fn holds(self, other: Prefix) -> bool {
        self.v4 == other.v4 && self.length <= other.length && agree(self.bits, other.bits, self.length)
    }
}

/// Whether the first `length` bits are the same.
fn agree(a: u128, b: u128, length: u8) -> bool {
    (a ^ b).checked_shr(128 - u32::from(length)).unwrap_or(0) == 0
}

/// The bits of an address, from the left.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)) << 96,
        IpAddr::V6(address) => u128::from(address),
    }
}

/// The address of these bits.
fn address(v4: bool, bits: u128) -> IpAddr {
    if v4 {
        let octets = bits.to_be_bytes();
        let [a, b, c, d, ..] = octets;
        return IpAddr::V4(Ipv4Addr::new(a, b, c, d));
    }
    IpAddr::V6(Ipv6Addr::from(bits))
}

/// Moves public addresses.
#[derive(Debug)]
pub(super) struct Addresses {
    key: Key,
    /// Nothing above these flips.
    whole: Vec<Prefix>,
    /// Nothing inside these flips.
    still: Vec<Prefix>,
    /// What is inside these is as the IPv4 address at the end of it.
    embedded: Vec<Prefix>,
    seen: FxHashMap<(IpAddr, u8), IpAddr>,
}

impl Addresses {
    /// `own` are the ranges of the snapshot's VPCs: they are moved as a whole.
    pub(super) fn new(key: &Key, own: &[IpNet]) -> Self {
        let fixed = FIXED.into_iter().map(Prefix::of);
        let embedded = EMBEDDED.into_iter().map(Prefix::of);
        Self {
            key: key.clone(),
            whole: fixed.clone().chain([Prefix::of(GLOBAL)]).chain(embedded.clone()).collect(),
            still: fixed.chain(own.iter().copied().map(Prefix::of)).collect(),
            embedded: embedded.collect(),
            seen: FxHashMap::default(),
        }
    }

    /// Whether the bit behind `prefix` is another one afterwards.
    fn flips(&self, prefix: Prefix) -> bool {
        if self.embedded.iter().any(|net| net.holds(prefix)) {
            return self.flips(Prefix { v4: true, bits: prefix.bits << 96, length: prefix.length - 96 });
        }
        let above = |net: &Prefix| net.length > prefix.length && prefix.holds(*net);
        if self.whole.iter().any(above) || self.still.iter().any(|net| net.holds(prefix)) {
            return false;
        }
        let mut input = [0; 18];
        let (family, rest) = input.split_at_mut(1);
        let (length, text) = rest.split_at_mut(1);
        family.fill(u8::from(prefix.v4));
        length.fill(prefix.length);
        text.copy_from_slice(&prefix.bits.to_be_bytes());
        self.key.number("bit", &input) & 1 == 1
    }

    /// Moves the first `length` bits of an address.
    fn moved(&mut self, of: IpAddr, length: u8) -> IpAddr {
        if let Some(known) = self.seen.get(&(of, length)) {
            return *known;
        }
        let (v4, before) = (of.is_ipv4(), bits(of));
        let mut after = before;
        for position in 0..length {
            let mask = u128::MAX.checked_shl(128 - u32::from(position)).unwrap_or(0);
            if self.flips(Prefix { v4, bits: before & mask, length: position }) {
                after ^= 1 << (127 - u32::from(position));
            }
        }
        let moved = address(v4, after);
        self.seen.insert((of, length), moved);
        moved
    }

    /// The address that stands for this one.
    pub(super) fn address(&mut self, of: IpAddr) -> IpAddr {
        self.moved(of, if of.is_ipv4() { 32 } else { 128 })
    }

    /// The range that stands for this one. Its length is the same; host bits that are not zero stay so.
    pub(super) fn net(&mut self, of: IpNet) -> IpNet {
        let depth = if of.trunc() == of { of.prefix_len() } else { of.max_prefix_len() };
        let moved = self.moved(of.addr(), depth);
        IpNet::new(moved, of.prefix_len()).unwrap_or(of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn addresses(own: &[&str]) -> Addresses {
        let own: Vec<IpNet> = own.iter().map(|text| text.parse().unwrap()).collect();
        Addresses::new(&Key::of_secret(b"a key for tests"), &own)
    }

    /// How many leading bits two addresses of one family share.
    fn shared(a: IpAddr, b: IpAddr) -> u32 {
        (bits(a) ^ bits(b)).leading_zeros().min(if a.is_ipv4() { 32 } else { 128 })
    }

    fn class(address: IpAddr) -> Option<usize> {
        let nets = FIXED.into_iter().chain([GLOBAL]).chain(EMBEDDED);
        nets.enumerate().find(|(_, net)| net.contains(&address)).map(|(position, _)| position)
    }

    /// An address near another one, or anywhere.
    fn pairs() -> impl Strategy<Value = (IpAddr, IpAddr)> {
        let v4 = (any::<u32>(), any::<u32>(), 0_u32..=32).prop_map(|(a, b, keep)| {
            let mask = u32::MAX.checked_shl(32 - keep).unwrap_or(0);
            (IpAddr::V4(a.into()), IpAddr::V4(((a & mask) | (b & !mask)).into()))
        });
        let first = prop_oneof![
            any::<u128>(),
            any::<u128>().prop_map(|n| (n >> 3) | (1 << 125)),
            any::<u32>().prop_map(|n| (0x64_ff9b << 96) | u128::from(n))
        ];
        let v6 = (first, any::<u128>(), 0_u32..=128).prop_map(|(a, b, keep)| {
            let mask = u128::MAX.checked_shl(128 - keep).unwrap_or(0);
            (IpAddr::V6(a.into()), IpAddr::V6(((a & mask) | (b & !mask)).into()))
        });
        prop_oneof![v4, v6]
    }

    proptest! {
        #[test]
        fn two_addresses_share_as_many_bits_after_as_before((a, b) in pairs()) {
            let mut map = addresses(&["44.1.0.0/16", "2600:1f18:1:2300::/56"]);
            prop_assert_eq!(shared(map.address(a), map.address(b)), shared(a, b));
        }

        #[test]
        fn an_address_stays_in_its_class((a, _) in pairs()) {
            let mut map = addresses(&[]);
            let after = map.address(a);
            prop_assert_eq!(class(after), class(a));
            if class(a).is_some_and(|position| position < FIXED.len()) {
                prop_assert_eq!(after, a);
            }
        }

        #[test]
        fn a_range_holds_what_it_held((a, b) in pairs(), length in 0_u8..=128) {
            let mut map = addresses(&["44.1.0.0/16"]);
            let net = IpNet::new(a, length.min(if a.is_ipv4() { 32 } else { 128 })).unwrap().trunc();
            let after = map.net(net);
            prop_assert_eq!(after.prefix_len(), net.prefix_len());
            prop_assert_eq!(after.trunc(), after);
            prop_assert_eq!(after.contains(&map.address(b)), net.contains(&b));
        }
    }

    #[test]
    fn public_addresses_move_and_special_ones_stay() {
        let mut map = addresses(&[]);
        for fixed in
            ["10.1.2.3", "100.64.0.1", "169.254.169.254", "0.0.0.0", "255.255.255.255", "::", "::1", "fd00:ec2::253"]
        {
            let fixed: IpAddr = fixed.parse().unwrap();
            assert_eq!(map.address(fixed), fixed);
        }
        for moved in
            ["203.0.113.10", "52.94.1.2", "2600:1f18::1", "2001:db8::1", "64:ff9b::cb00:710a", "::ffff:203.0.113.10"]
        {
            let moved: IpAddr = moved.parse().unwrap();
            assert_ne!(map.address(moved), moved);
        }
        for text in ["0.0.0.0/0", "::/0", "0.0.0.0/1", "128.0.0.0/1", "10.0.0.0/16", "2000::/3"] {
            let net: IpNet = text.parse().unwrap();
            assert_eq!(map.net(net), net);
        }
    }

    #[test]
    fn an_embedded_address_is_that_of_ipv4() {
        let mut map = addresses(&[]);
        let IpAddr::V4(plain) = map.address("203.0.113.10".parse().unwrap()) else { panic!() };
        let IpAddr::V6(embedded) = map.address("64:ff9b::203.0.113.10".parse().unwrap()) else { panic!() };
        assert_eq!(embedded.octets()[12..], plain.octets());
        assert!(embedded.to_string().starts_with("64:ff9b::"));
    }

    #[test]
    fn host_parts_inside_a_vpc_stay() {
        let mut map = addresses(&["44.1.0.0/16", "2600:1f18:1:2300::/56"]);
        let after = map.address("44.1.0.2".parse().unwrap()).to_string();
        assert!(after.ends_with(".0.2") && !after.starts_with("44.1."), "{after}");
        let after = map.address("2600:1f18:1:23ab::1:2".parse().unwrap()).to_string();
        assert!(after.ends_with("ab::1:2") && !after.starts_with("2600:1f18:1:23"), "{after}");
    }

    #[test]
    fn another_key_moves_otherwise() {
        let other = Key::of_secret(b"another key for tests").clone();
        let address: IpAddr = "203.0.113.10".parse().unwrap();
        assert_ne!(Addresses::new(&other, &[]).address(address), addresses(&[]).address(address));
    }
}
