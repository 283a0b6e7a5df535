//! VPCs and subnets: how many, in which blocks, and how big, so that everything that is planned has an address.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::cluster::{Cluster, Mode};
use super::service::Service;
use super::{REGION, Table, net};
use crate::profile::Settings;

/// The letters of the Region's zones.
pub(crate) const ZONES: [char; 3] = ['a', 'b', 'c'];
/// Hosts of the shared-services VPC, and of the one behind the transit gateway.
pub(crate) const SMALL_VPC_HOSTS: usize = 2;

/// What a VPC is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Holds services.
    Main,
    /// Shared services, peered with every main VPC.
    Shared,
    /// Stands for the premises: behind the transit gateway.
    Premises,
}

/// What a subnet is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    Public,
    App,
    Data,
    /// Addresses of pods.
    Pods,
    /// The transit gateway's interfaces.
    Transit,
    /// The subnets of a small VPC.
    Hosts,
}

impl Tier {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::App => "app",
            Self::Data => "data",
            Self::Pods => "pods",
            Self::Transit => "transit",
            Self::Hosts => "hosts",
        }
    }

    /// How many triples of subnets a main VPC has for it.
    pub(crate) const fn sets(self, enis: usize) -> usize {
        match (self, enis) {
            (Self::App, 100_001..) => 6,
            (Self::App, 20_001..) => 5,
            (Self::Data, 100_001..) => 4,
            (Self::App, 1_000..) | (Self::Data, 20_001..) => 3,
            (Self::Public, 10_001..) | (Self::Data, 1_000..) => 2,
            _ => 1,
        }
    }
}

/// A VPC.
#[derive(Debug)]
pub(crate) struct Vpc {
    pub(crate) name: String,
    pub(crate) role: Role,
    /// The primary CIDR first.
    pub(crate) blocks: Vec<Ipv4Net>,
    pub(crate) v6: Option<Ipv6Net>,
}

/// A subnet.
#[derive(Debug)]
pub(crate) struct Subnet {
    pub(crate) vpc: usize,
    pub(crate) tier: Tier,
    pub(crate) set: usize,
    pub(crate) zone: usize,
    pub(crate) net: Ipv4Net,
    pub(crate) v6: Option<Ipv6Net>,
    /// Whether it has a network ACL of its own.
    pub(crate) custom_acl: bool,
}

impl Subnet {
    /// `eu-west-1a`.
    pub(crate) fn zone_name(&self) -> String {
        format!("{REGION}{}", ZONES.get(self.zone).unwrap_or(&'a'))
    }

    /// `euw1-az1`.
    pub(crate) fn zone_id(&self) -> String {
        format!("euw1-az{}", self.zone + 1)
    }
}

/// All VPCs and subnets.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) vpcs: Table<Vpc>,
    pub(crate) subnets: Table<Subnet>,
    by_use: BTreeMap<(usize, Tier, usize, usize), usize>,
    /// The subnets of each VPC that services may be in.
    spread: Vec<Vec<usize>>,
    /// Delegated prefixes on each node that has some.
    pub(crate) prefixes: usize,
    /// Triples of subnets for pods.
    pub(crate) pod_sets: usize,
}

impl Places {
    /// The subnet of that use.
    pub(crate) fn find(&self, vpc: usize, tier: Tier, set: usize, zone: usize) -> usize {
        self.by_use.get(&(vpc, tier, set, zone)).copied().unwrap_or(0)
    }

    /// The `ordinal`th of all subnets of a main VPC that services may be in.
    pub(crate) fn spread(&self, vpc: usize, ordinal: usize) -> usize {
        let subnets = self.spread.get(vpc).map_or(&[][..], Vec::as_slice);
        subnets.get(ordinal % subnets.len().max(1)).copied().unwrap_or(0)
    }
}

/// Prefixes that fit into a triple of the biggest subnets.
const PREFIXES_OF_SET: usize = 3 * 3_500;
/// Triples of pod subnets that fit beside each other.
const POD_SETS: usize = 5;

/// How many addresses are wanted of each subnet of one main VPC.
type Wanted = BTreeMap<(Tier, usize, usize), usize>;

pub(crate) fn places(
    enis: usize,
    mains: usize,
    settings: Settings,
    services: &[Service],
    clusters: &[Cluster],
) -> Places {
    let prefix_nodes = |vpc: usize| -> usize {
        let groups = clusters.iter().filter(|c| c.vpc == vpc).flat_map(|c| &c.node_groups);
        groups.filter(|group| group.mode == Mode::Prefixes).map(|group| group.nodes).sum()
    };
    let most = (0..mains).map(prefix_nodes).max().unwrap_or(0);
    let prefixes = (PREFIXES_OF_SET * POD_SETS).checked_div(most).map_or(0, |each| each.clamp(1, 16));
    let pod_sets = (most * prefixes).div_ceil(PREFIXES_OF_SET);
    let mut places = Places {
        vpcs: Table::new(Vec::new()),
        subnets: Table::new(Vec::new()),
        by_use: BTreeMap::new(),
        spread: Vec::new(),
        prefixes,
        pod_sets,
    };
    for vpc in 0..mains {
        let wanted = wanted(vpc, enis, settings, services, clusters, &places);
        let base = u32::try_from(vpc).unwrap_or(0) * 16;
        let mut pool = Pool::new((10 << 24) + (base << 16));
        let mut pods = Pool::new((100 << 24) + ((64 + base) << 16));
        let byte = u128::try_from(vpc + 1).unwrap_or(1);
        let v6 = Ipv6Addr::from((0x2a05_d018_u128 << 96) | (byte << 72));
        let mut nets: Vec<((Tier, usize, usize), u8)> =
            wanted.iter().map(|(&key, &size)| (key, length(key.0, size))).collect();
        // Big ones first: what comes later stays aligned.
        nets.sort_by_key(|&(_, length)| length);
        let mut placed: BTreeMap<(Tier, usize, usize), Ipv4Net> = BTreeMap::new();
        for (key, length) in nets {
            placed.insert(key, if key.0 == Tier::Pods { pods.take(length) } else { pool.take(length) });
        }
        let mut blocks = pool.blocks();
        if placed.keys().any(|key| key.0 == Tier::Pods) {
            blocks.extend(pods.blocks());
        }
        places.vpcs.0.push(Vpc {
            name: if mains == 1 { "prod".to_owned() } else { format!("prod-{}", vpc + 1) },
            role: Role::Main,
            blocks,
            v6: Ipv6Net::new(v6, 56).ok(),
        });
        let mut spread = Vec::new();
        for (number, (&(tier, set, zone), &net)) in placed.iter().enumerate() {
            let segments = u128::from(v6) | (u128::try_from(number).unwrap_or(0) << 64);
            let dual = matches!(tier, Tier::Public | Tier::App | Tier::Data);
            let position = places.subnets.len();
            if dual {
                spread.push(position);
            }
            let custom_acl = dual && (settings.scattered || number % 4 == 3);
            places.by_use.insert((vpc, tier, set, zone), position);
            let v6 = if dual { Ipv6Net::new(segments.into(), 64).ok() } else { None };
            places.subnets.0.push(Subnet { vpc, tier, set, zone, net, v6, custom_acl });
        }
        places.spread.push(spread);
    }
    for (role, name, block) in [
        (Role::Shared, "shared-services", net(Ipv4Addr::new(172, 28, 0, 0), 16)),
        (Role::Premises, "datacentre", net(Ipv4Addr::new(192, 168, 0, 0), 20)),
    ] {
        let vpc = places.vpcs.len();
        places.vpcs.0.push(Vpc { name: name.to_owned(), role, blocks: vec![block], v6: None });
        let mut pool = Pool::new(block.network().into());
        for zone in 0..ZONES.len() {
            places.by_use.insert((vpc, Tier::Hosts, 0, zone), places.subnets.len());
            let net = pool.take(24);
            let subnet = Subnet { vpc, tier: Tier::Hosts, set: 0, zone, net, v6: None, custom_acl: false };
            places.subnets.0.push(subnet);
        }
    }
    places
}

fn wanted(
    vpc: usize,
    enis: usize,
    settings: Settings,
    services: &[Service],
    clusters: &[Cluster],
    places: &Places,
) -> Wanted {
    let mut wanted = Wanted::new();
    for zone in 0..ZONES.len() {
        for tier in [Tier::Public, Tier::App, Tier::Data] {
            wanted.extend((0..tier.sets(enis)).map(|set| ((tier, set, zone), 32)));
        }
        wanted.extend((0..places.pod_sets).map(|set| ((Tier::Pods, set, zone), 32)));
        wanted.insert((Tier::Transit, 0, zone), 0);
    }
    let dense: Vec<(Tier, usize, usize)> =
        wanted.keys().copied().filter(|key| matches!(key.0, Tier::Public | Tier::App | Tier::Data)).collect();
    let mut add = |tier, set, total: usize| {
        for zone in 0..ZONES.len() {
            *wanted.entry((tier, set, zone)).or_default() += total.div_ceil(ZONES.len());
        }
    };
    for cluster in clusters.iter().filter(|cluster| cluster.vpc == vpc) {
        add(Tier::App, cluster.set, cluster.planes);
        for group in &cluster.node_groups {
            add(Tier::App, cluster.set, group.nodes * group.mode.addresses());
            if group.mode == Mode::Prefixes {
                for set in 0..places.pod_sets {
                    let nodes = group.nodes.div_ceil(places.pod_sets) + ZONES.len();
                    add(Tier::Pods, set, nodes * (16 * places.prefixes + 2) + 64);
                }
            }
        }
    }
    for service in services.iter().filter(|service| service.vpc == vpc) {
        if settings.scattered {
            let each = service.size.div_ceil(dense.len().max(1));
            for key in &dense {
                *wanted.entry(*key).or_default() += each;
            }
        } else {
            for zone in 0..ZONES.len() {
                *wanted.entry((service.tier, service.set, zone)).or_default() += service.size.div_ceil(ZONES.len());
            }
        }
    }
    wanted
}

/// The length of a subnet with room for so many addresses: a /24 at least, a /28 for the transit gateway.
fn length(tier: Tier, addresses: usize) -> u8 {
    if tier == Tier::Transit {
        return 28;
    }
    let room = u32::try_from(addresses + addresses / 8 + 16).unwrap_or(u32::MAX).next_power_of_two();
    u8::try_from(32 - room.trailing_zeros()).unwrap_or(16).clamp(16, 24)
}

/// Hands out networks one after the other.
struct Pool {
    start: u32,
    next: u32,
}

impl Pool {
    const fn new(start: u32) -> Self {
        Self { start, next: start }
    }

    fn take(&mut self, length: u8) -> Ipv4Net {
        let size = 1_u32 << (32 - u32::from(length));
        let start = self.next.next_multiple_of(size);
        self.next = start + size;
        net(start.into(), length)
    }

    /// The /16 blocks that hold everything that was handed out.
    fn blocks(&self) -> Vec<Ipv4Net> {
        let count = (self.next - self.start).div_ceil(1 << 16).max(1);
        (0..count).map(|block| net((self.start + (block << 16)).into(), 16)).collect()
    }
}
