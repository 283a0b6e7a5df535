//! Security groups: which there are, and who has them.

use ipnet::{Ipv4Net, Ipv6Net};

use super::cluster::{Cluster, ClusterGroups};
use super::place::{Places, Role};
use super::rules::{self, Draft};
use super::service::{self, Service};
use super::{PrefixList, change};
use crate::profile::{Membership, Settings};
use crate::random::Random;

/// A security group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) vpc: usize,
    pub(crate) name: String,
    pub(crate) description: &'static str,
    /// The cluster that owns it.
    pub(crate) cluster: Option<String>,
    /// In the order of direction, protocol and ports.
    pub(crate) rules: Vec<Rule>,
}

/// One rule: one peer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) egress: bool,
    pub(crate) protocol: &'static str,
    /// Ports, or ICMP type and code; none for all protocols.
    pub(crate) ports: Option<(i32, i32)>,
    pub(crate) peer: Peer,
}

/// Whom a rule admits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    V4(Ipv4Net),
    V6(Ipv6Net),
    /// A group by position.
    Group(usize),
    /// A group that was deleted in the VPC that the number tells, or behind a deleted peering.
    Stale(usize),
    /// A prefix list by position.
    List(usize),
}

/// The groups that every main VPC has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Common {
    pub(crate) default: usize,
    /// Production, staging, development, legacy.
    pub(crate) bases: [usize; 4],
    pub(crate) monitoring: usize,
    pub(crate) endpoints: usize,
    pub(crate) admin: usize,
}

/// Groups before they have rules.
#[derive(Debug, Default)]
struct Register {
    groups: Vec<Group>,
}

impl Register {
    fn add(&mut self, vpc: usize, name: impl Into<String>, description: &'static str) -> usize {
        let group = Group { vpc, name: name.into(), description, cluster: None, rules: Vec::new() };
        self.groups.push(group);
        self.groups.len() - 1
    }
}

/// The common groups of a VPC are the first of it, in this order.
const OF_VPC: [(&str, &str); 8] = [
    ("default", "default VPC security group"),
    ("base-production", "what every production host needs"),
    ("base-staging", "what every staging host needs"),
    ("base-development", "what every development host needs"),
    ("base-legacy", "hosts that moved from the datacentre"),
    ("monitoring", "scrapers and probes"),
    ("interface-endpoints", "interface VPC endpoints"),
    ("admin", "jump hosts"),
];

/// Position of a common group of a VPC.
pub(crate) const fn common(vpc: usize) -> Common {
    let first = vpc * OF_VPC.len();
    Common {
        default: first,
        bases: [first + 1, first + 2, first + 3, first + 4],
        monitoring: first + 5,
        endpoints: first + 6,
        admin: first + 7,
    }
}

/// Decides the groups, tells services and clusters which are theirs, and writes the rules. The second result is the
/// pool of each main VPC.
pub(crate) fn groups(
    settings: Settings,
    seed: u64,
    places: &Places,
    services: &mut [Service],
    clusters: &mut [Cluster],
    lists: &[PrefixList],
    workloads: usize,
) -> (Vec<Group>, Vec<Vec<usize>>) {
    let mut register = Register::default();
    let mains = places.vpcs.iter().filter(|vpc| vpc.role == Role::Main).count();
    for vpc in 0..places.vpcs.len() {
        for (name, description) in OF_VPC {
            register.add(vpc, name, description);
        }
    }
    let mut random = Random::new(seed, "groups");
    let mut pools = vec![Vec::new(); mains];
    let mut teams: Vec<Vec<usize>> = vec![Vec::new(); mains];
    let mut own = vec![0; services.len()];
    if settings.membership == Membership::Pool {
        let count = (workloads / 6).clamp(12 * mains, 2_400);
        for number in 0..count {
            let group = register.add(number % mains, format!("pool-{number}"), "a group at the quota");
            change(&mut pools, number % mains, |pool| pool.push(group));
        }
    } else {
        let count = (services.len() / 20).max(2 * mains);
        for number in 0..count {
            let team = register.add(number % mains, format!("team-{number}"), "all hosts of a team");
            change(&mut teams, number % mains, |teams| teams.push(team));
        }
        for (slot, service) in own.iter_mut().zip(services.iter_mut()) {
            *slot = register.add(service.vpc, format!("svc-{}", service.name), "one service");
            let of_vpc = teams.get(service.vpc).map_or(&[][..], Vec::as_slice);
            let commons = common(service.vpc);
            let base = match random.below(100) {
                0..60 => 0,
                60..80 => 1,
                80..92 => 2,
                _ => 3,
            };
            service.groups.extend(commons.bases.get(base));
            let team = random.pick(of_vpc);
            service.groups.extend(team);
            service.groups.push(*slot);
            if service.watches {
                service.groups.push(commons.monitoring);
            }
            for _ in 0..EXTRAS {
                service.extras.extend(random.pick(of_vpc).filter(|extra| Some(*extra) != team));
            }
        }
        for (service, &group) in services.iter().zip(&own) {
            change(&mut pools, service.vpc, |pool| pool.push(group));
        }
        for (pool, teams) in pools.iter_mut().zip(&teams) {
            pool.extend(teams);
        }
    }
    if settings.membership == Membership::Drawn {
        // Small estates have too few services for many different fives.
        for (vpc, pool) in pools.iter_mut().enumerate() {
            for number in pool.len()..16 {
                pool.push(register.add(vpc, format!("feature-{number}"), "a feature that some hosts share"));
            }
        }
    }
    let cluster_groups: Vec<ClusterGroups> =
        clusters.iter().map(|cluster| of_cluster(&mut register, cluster, seed)).collect();
    for (cluster, groups) in clusters.iter_mut().zip(cluster_groups) {
        cluster.groups = groups;
    }
    let calls = service::calls(settings, seed, services);
    let mut draft = Draft::new(&mut register.groups, settings, places, lists, seed);
    rules::common(&mut draft);
    rules::teams(&mut draft, &teams);
    rules::pools(&mut draft, &pools);
    if settings.membership != Membership::Pool {
        rules::services(&mut draft, services, &own, &calls);
    }
    rules::clusters(&mut draft, clusters);
    draft.finish();
    (register.groups, pools)
}

/// Groups of which a service's interfaces may have one more.
const EXTRAS: usize = 8;

fn of_cluster(register: &mut Register, cluster: &Cluster, seed: u64) -> ClusterGroups {
    let first = register.groups.len();
    let mut add = |name: String, description| {
        let position = register.add(cluster.vpc, name, description);
        change(&mut register.groups, position, |group| group.cluster = Some(cluster.name.clone()));
        position
    };
    let digits = crate::random::scatter(seed ^ first as u64) % 10_000_000_000;
    let name = &cluster.name;
    let of_eks = add(
        format!("eks-cluster-sg-{name}-{digits}"),
        "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes, as well as any managed workloads.",
    );
    let pods = vec![add(format!("{name}-pods-secure"), "pods with groups of their own")];
    if cluster.old {
        let control = add(format!("{name}-control-plane"), "Cluster communication with worker nodes");
        let nodes = add(format!("{name}-nodes"), "Security group for all nodes in the cluster");
        return ClusterGroups {
            cluster: of_eks,
            planes: vec![of_eks, control],
            additional: vec![control],
            nodes: vec![nodes],
            pods,
        };
    }
    ClusterGroups { cluster: of_eks, planes: vec![of_eks], additional: Vec::new(), nodes: vec![of_eks], pods }
}
