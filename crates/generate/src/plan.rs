//! What an estate consists of, decided from the seed before anything is written: VPCs, subnets, services, groups,
//! prefix lists, clusters. Interfaces are not in it; they follow from it, one at a time ([`crate::walk`]).

pub(crate) mod cluster;
pub(crate) mod group;
pub(crate) mod names;
pub(crate) mod place;
pub(crate) mod rules;
pub(crate) mod service;

use ipnet::Ipv4Net;

use crate::id::Ids;
use crate::profile::{self, Membership, Settings};
use crate::random::Random;
use crate::{MAXIMUM_OF_VPC, Request};

pub(crate) use cluster::{Cluster, Mode, NodeGroup};
pub(crate) use group::{Group, Peer, Rule};
pub(crate) use names::RouteTable;
pub(crate) use place::{Places, Role, Subnet, Tier, ZONES};
pub(crate) use service::{Kind, Service};

/// The account that owns everything.
pub(crate) const ACCOUNT: &str = "111122223333";
/// The Region of everything.
pub(crate) const REGION: &str = "eu-west-1";

/// A list whose positions are the names of its elements.
#[derive(Debug)]
pub(crate) struct Table<T>(Vec<T>);

impl<T> Table<T> {
    pub(crate) const fn new(list: Vec<T>) -> Self {
        Self(list)
    }

    /// The element at a position that this table gave out.
    pub(crate) fn at(&self, position: usize) -> &T {
        match self.0.get(position) {
            Some(element) => element,
            None => unreachable!("position {position} is none of this table's"),
        }
    }

    pub(crate) fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    pub(crate) const fn len(&self) -> usize {
        self.0.len()
    }
}

/// A customer's or a service's prefix list.
#[derive(Debug)]
pub(crate) struct PrefixList {
    pub(crate) name: String,
    /// One of AWS's own.
    pub(crate) of_aws: bool,
    pub(crate) entries: Vec<Ipv4Net>,
}

/// The plan of an estate.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) ids: Ids,
    pub(crate) settings: Settings,
    pub(crate) places: Places,
    pub(crate) services: Table<Service>,
    pub(crate) groups: Table<Group>,
    pub(crate) lists: Table<PrefixList>,
    pub(crate) clusters: Table<Cluster>,
    /// The interface endpoints of each main VPC, as parts of service names.
    pub(crate) endpoints: &'static [&'static str],
    /// The groups from which interfaces draw, by main VPC.
    pub(crate) pools: Table<Vec<usize>>,
}

impl Plan {
    /// Decides everything.
    pub(crate) fn new(request: &Request) -> Self {
        let (enis, seed) = (request.enis, request.seed);
        let settings = request.profile.settings();
        let mains = enis.div_ceil(MAXIMUM_OF_VPC).max(1);
        let endpoints: &[&str] = if enis < 200 { &["ecr.api"] } else { &["ecr.api", "sts", "logs"] };
        let mut clusters = if settings.clusters { cluster::clusters(enis, mains, seed) } else { Vec::new() };
        let of_clusters: usize = clusters.iter().map(Cluster::interfaces).sum();
        let fixed = mains * ZONES.len() * (2 + endpoints.len()) + 1 + 2 * place::SMALL_VPC_HOSTS;
        let workloads = enis.saturating_sub(fixed + of_clusters);
        let count = request.services.unwrap_or_else(|| profile::services(enis));
        let mut services = service::services(enis, count, workloads, mains, settings, seed);
        let places = place::places(enis, mains, settings, &services, &clusters);
        let lists = prefix_lists(settings, seed);
        let (groups, pools) = group::groups(settings, seed, &places, &mut services, &mut clusters, &lists, workloads);
        Self {
            ids: Ids::new(seed),
            settings,
            places,
            services: Table::new(services),
            groups: Table::new(groups),
            lists: Table::new(lists),
            clusters: Table::new(clusters),
            endpoints,
            pools: Table::new(pools),
        }
    }

    /// How many VPCs hold the services.
    pub(crate) fn mains(&self) -> usize {
        self.places.vpcs.iter().filter(|vpc| vpc.role == Role::Main).count()
    }

    /// The rules of all groups, one peer each.
    pub(crate) fn rules(&self) -> usize {
        self.groups.iter().map(|group| group.rules.len()).sum()
    }

    /// Whether interfaces draw their groups.
    pub(crate) fn draws(&self) -> bool {
        self.settings.membership != Membership::Services
    }
}

/// AWS's two lists for gateway endpoints.
pub(crate) const S3: usize = 0;
/// The first customer list: the offices.
pub(crate) const OFFICES: usize = 2;

fn prefix_lists(settings: Settings, seed: u64) -> Vec<PrefixList> {
    const NAMES: [&str; 6] = ["offices", "vpn-clients", "scanners", "partners", "build-farm", "payment-providers"];
    let of_aws = |service: &str, entries: &[([u8; 4], u8)]| PrefixList {
        name: format!("com.amazonaws.{REGION}.{service}"),
        of_aws: true,
        entries: entries.iter().map(|&(address, length)| net(address.into(), length)).collect(),
    };
    let mut lists = vec![
        of_aws("s3", &[([3, 5, 64, 0], 21), ([16, 12, 18, 0], 23), ([52, 92, 0, 0], 17), ([52, 218, 0, 0], 17)]),
        of_aws("dynamodb", &[([52, 94, 24, 0], 23), ([52, 94, 26, 0], 23), ([52, 119, 240, 0], 21)]),
    ];
    let mut random = Random::new(seed, "prefix lists");
    for number in 0..settings.lists {
        let name = NAMES.get(number).map_or_else(|| format!("feed-{number}"), |&name| name.to_owned());
        // The offices are few everywhere: every host refers to them.
        let full = settings.list_entries > 100 && number > 0;
        let length = if full { settings.list_entries } else { random.between(4, 20) };
        let mut entries: Vec<Ipv4Net> = (0..length)
            .map(|_| {
                // Outside addresses: 185.0.0.0/8 in slices of 16 to 256 addresses, single ones where lists are long.
                let bits = if full { 32 } else { random.between(24, 28) };
                net(
                    (0xb900_0000 + u32::try_from(random.below(1 << 24)).unwrap_or(0)).into(),
                    bits.try_into().unwrap_or(32),
                )
            })
            .collect();
        entries.sort_unstable();
        entries.dedup();
        lists.push(PrefixList { name, of_aws: false, entries });
    }
    lists
}

/// Changes the element at a position that the list has.
pub(crate) fn change<T>(list: &mut [T], position: usize, change: impl FnOnce(&mut T)) {
    if let Some(element) = list.get_mut(position) {
        change(element);
    }
}

/// The network of an address and a length.
pub(crate) fn net(address: std::net::Ipv4Addr, length: u8) -> Ipv4Net {
    Ipv4Net::new(address, length.min(32)).map_or_else(|_| Ipv4Net::default(), |net| net.trunc())
}
