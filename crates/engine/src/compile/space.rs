//! Parts of the address space that mean something of their own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// RFC 1918, RFC 6598 and unique local addresses: never a host on the internet.
const PRIVATE: [IpNet; 5] =
    [v4(10, 0, 0, 0, 8), v4(172, 16, 0, 0, 12), v4(192, 168, 0, 0, 16), SHARED, v6(0xfc00, 0, 7)];

/// RFC 6598.
const SHARED: IpNet = v4(100, 64, 0, 0, 10);

/// RT-11: never forwarded, not even under a larger route.
const UNROUTABLE: [IpNet; 2] = [v4(169, 254, 168, 0, 22), v6(0xfd00, 0x0ec2, 32)];

/// SG-36: neither broadcast nor multicast exists in a VPC, and reserved space is nobody's.
const NO_HOST: [IpNet; 4] = [v4(0, 0, 0, 0, 8), v4(224, 0, 0, 0, 3), v6(0xff00, 0, 8), UNSPECIFIED];

const UNSPECIFIED: IpNet = v6(0, 0, 128);

/// Link-local addresses.
const LINK_LOCAL: [IpNet; 2] = [v4(169, 254, 0, 0, 16), v6(0xfe80, 0, 10)];

/// SG-24: the IPv4 link-local range of VPC Lattice.
const LATTICE: IpNet = v4(169, 254, 171, 0, 24);

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> IpNet {
    IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length))
}

const fn v6(first: u16, second: u16, length: u8) -> IpNet {
    IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), length))
}

fn within(address: IpAddr, nets: &[IpNet]) -> bool {
    nets.iter().any(|net| net.contains(&address))
}

pub(super) fn is_private(address: IpAddr) -> bool {
    within(address, &PRIVATE)
}

pub(super) fn is_shared(address: IpAddr) -> bool {
    SHARED.contains(&address)
}

pub(super) fn is_unroutable(address: IpAddr) -> bool {
    within(address, &UNROUTABLE)
}

pub(super) fn is_no_host(address: IpAddr) -> bool {
    within(address, &NO_HOST)
}

pub(super) fn is_link_local(address: IpAddr) -> bool {
    within(address, &LINK_LOCAL)
}

pub(super) fn is_lattice(address: IpAddr) -> bool {
    LATTICE.contains(&address)
}

/// The prefixes of this module, for cutting address ranges.
pub(super) fn prefixes() -> impl Iterator<Item = IpNet> {
    PRIVATE.into_iter().chain(UNROUTABLE).chain(NO_HOST).chain(LINK_LOCAL).chain([LATTICE])
}
