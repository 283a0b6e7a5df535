//! Who can be at an end of a flow: addresses, not interfaces.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;
use reach_model::Call;
use reach_model::network::{Idx, Network, NetworkInterface, Vpc};
use reach_packets::{Family, IntervalSet, IpSet, Protocol};

use crate::reason::Code;

/// One end of a pair.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// An interface by one address of each family that it is asked in.
    Interface { interface: Idx<NetworkInterface>, v4: Option<IpAddr>, v6: Option<IpAddr> },
    /// A delegated prefix: every address in it, as one endpoint.
    Prefix { interface: Idx<NetworkInterface>, net: IpNet },
    /// Addresses that no interface of the snapshot has.
    Outside(Arc<Outside>),
    /// Something that was asked for by name and that the snapshot cannot turn into addresses.
    Unresolved(Arc<Unresolved>),
}

/// Why a name has no addresses: the answer is unknown, by this reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Unresolved {
    /// What was asked for.
    pub name: Box<str>,
    pub code: Code,
    pub semantics: &'static str,
    /// What is missing.
    pub note: Option<String>,
    /// The call that would settle it.
    pub call: Option<Call>,
}

/// Addresses outside: one, a range, or all of the internet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outside {
    /// What it is called: `internet`, `aws/s3`; `None` for a literal address.
    pub name: Option<Box<str>>,
    pub addresses: IpSet,
    /// Judge by the default range, which no route, rule or entry singles out, and list the others.
    pub by_default_range: bool,
    /// Sources that the service itself admits.
    pub admission: Option<Vec<IpNet>>,
}

impl Endpoint {
    /// An interface by its primary address, with an IPv6 address beside it.
    pub fn primary(network: &Network, interface: Idx<NetworkInterface>) -> Self {
        let addresses = &network.interfaces.get(interface).addresses;
        let v4 = addresses.iter().find(|own| own.ip.is_ipv4()).map(|own| own.ip);
        let v6 = addresses.iter().find(|own| own.ip.is_ipv6()).map(|own| own.ip);
        Endpoint::Interface { interface, v4, v6 }
    }

    /// An interface by exactly this address.
    pub fn address(interface: Idx<NetworkInterface>, address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Endpoint::Interface { interface, v4: Some(address), v6: None },
            IpAddr::V6(_) => Endpoint::Interface { interface, v4: None, v6: Some(address) },
        }
    }

    /// A literal address outside.
    pub fn literal(address: IpAddr) -> Self {
        Endpoint::Outside(Arc::new(Outside {
            name: None,
            addresses: address.into(),
            by_default_range: false,
            admission: None,
        }))
    }

    /// The whole internet.
    pub fn internet(network: &Network) -> Self {
        Endpoint::Outside(Arc::new(Outside {
            name: Some("internet".into()),
            addresses: internet_addresses(network),
            by_default_range: true,
            admission: None,
        }))
    }

    /// The interface, where there is one.
    pub fn interface(&self) -> Option<Idx<NetworkInterface>> {
        match self {
            Endpoint::Interface { interface, .. } | Endpoint::Prefix { interface, .. } => Some(*interface),
            Endpoint::Outside(_) | Endpoint::Unresolved(_) => None,
        }
    }

    /// Its addresses in `family`.
    pub fn addresses(&self, family: Family) -> IpSet {
        match self {
            Endpoint::Interface { v4, v6, .. } => {
                let address = if family == Family::V4 { v4 } else { v6 };
                address.map_or_else(IpSet::empty, IpSet::from)
            }
            Endpoint::Prefix { net, .. } => IpSet::from(*net).of_family(family),
            Endpoint::Outside(outside) => outside.addresses.of_family(family),
            Endpoint::Unresolved(_) => IpSet::empty(),
        }
    }

    /// Whether it has an address of `family`.
    pub fn has(&self, family: Family) -> bool {
        match self {
            Endpoint::Interface { v4, v6, .. } => {
                if family == Family::V4 {
                    v4.is_some()
                } else {
                    v6.is_some()
                }
            }
            Endpoint::Prefix { net, .. } => Family::of(net.addr()) == family,
            Endpoint::Outside(outside) => outside.addresses.has_family(family),
            Endpoint::Unresolved(_) => false,
        }
    }
}

/// A destination with what stands before it: a Kubernetes service's port mapping (EK-42).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Destination {
    pub endpoint: Endpoint,
    /// Protocol, asked port, port at the endpoint; `None` where ports are not translated.
    pub ports: Option<Vec<(Protocol, u16, u16)>>,
}

impl From<Endpoint> for Destination {
    fn from(endpoint: Endpoint) -> Self {
        Self { endpoint, ports: None }
    }
}

/// The source ports that a client of this kind really uses (NA-9).
pub fn default_source_ports(network: &Network, endpoint: &Endpoint) -> IntervalSet<u16> {
    let interface = endpoint.interface().map(|idx| network.interfaces.get(idx));
    let host = interface.and_then(|interface| crate::host::host(network, interface));
    let Some(host) = host else { return IntervalSet::range(1024, u16::MAX) };
    let windows = network.instances.find(&host).is_some_and(|idx| network.instances.get(idx).windows);
    if windows { IntervalSet::range(49152, u16::MAX) } else { IntervalSet::range(32768, 60999) }
}

/// The Region of a VPC, by the zones of its subnets: `us-east-1a`, `us-gov-west-1b`, `us-west-2-lax-1a`.
pub fn region_of(network: &Network, vpc: Idx<Vpc>) -> Option<String> {
    let zone = network.vpcs.get(vpc).subnets.iter().find_map(|&subnet| network.subnets.get(subnet).zone.as_deref())?;
    let mut parts = Vec::new();
    for part in zone.split('-') {
        parts.push(
            part.trim_end_matches(|c: char| c.is_ascii_alphabetic() && part.starts_with(|d: char| d.is_ascii_digit())),
        );
        if part.starts_with(|c: char| c.is_ascii_digit()) {
            return Some(parts.join("-"));
        }
    }
    None
}

/// All public addresses, documentation ranges among them, without those of the snapshot itself.
fn internet_addresses(network: &Network) -> IpSet {
    let v4 = |a, b, c, d, len| IpNet::new(Ipv4Addr::new(a, b, c, d).into(), len).ok();
    let reserved: IpSet = [
        v4(0, 0, 0, 0, 8),
        v4(10, 0, 0, 0, 8),
        v4(100, 64, 0, 0, 10),
        v4(127, 0, 0, 0, 8),
        v4(169, 254, 0, 0, 16),
        v4(172, 16, 0, 0, 12),
        v4(192, 168, 0, 0, 16),
        v4(224, 0, 0, 0, 3),
    ]
    .into_iter()
    .flatten()
    .collect();
    let global: IpSet = IpNet::new(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0).into(), 3).ok().into_iter().collect();
    let everything = IpSet::family_full(Family::V4).subtract(&reserved).union(&global);
    let mut own: Vec<IpNet> = Vec::new();
    for (_, vpc) in network.vpcs.iter() {
        own.extend(vpc.cidrs_v4.iter().copied().map(IpNet::V4));
        own.extend(vpc.cidrs_v6.iter().copied().map(IpNet::V6));
    }
    let public =
        network.interfaces.iter().flat_map(|(_, interface)| interface.addresses.iter().filter_map(|a| a.public));
    let nat = network.nat_gateways.iter().filter(|(_, nat)| nat.exists());
    let of_nat = nat.flat_map(|(_, nat)| nat.addresses.iter().filter_map(|address| address.public));
    own.extend(public.chain(of_nat).map(|address| IpNet::from(IpAddr::V4(address))));
    let own: IpSet = own.into_iter().collect();
    everything.subtract(&own)
}

/// Readable representatives of the internet: documentation addresses.
const PREFERRED: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, 9)),
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9)),
];

/// An address of `set` that stands for all of it.
pub(crate) fn representative(set: &IpSet) -> Option<IpAddr> {
    PREFERRED.into_iter().find(|&address| set.contains(address)).or_else(|| set.first())
}
