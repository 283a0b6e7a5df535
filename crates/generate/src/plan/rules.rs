//! The rules of security groups.

use std::net::Ipv4Addr;

use ipnet::{Ipv4Net, Ipv6Net};

use super::cluster::Cluster;
use super::group::{Group, Peer, Rule, common as common_of};
use super::place::{Places, Role, Tier, ZONES};
use super::service::{Calls, Service};
use super::{OFFICES, PrefixList, S3, net};
use crate::profile::Settings;
use crate::random::Random;

/// Groups whose rules are being written.
#[derive(Debug)]
pub(crate) struct Draft<'p> {
    groups: &'p mut [Group],
    settings: Settings,
    places: &'p Places,
    lists: &'p [PrefixList],
    random: Random,
}

/// Every protocol.
const ALL: &str = "-1";
const TCP: &str = "tcp";
const UDP: &str = "udp";

impl<'p> Draft<'p> {
    pub(crate) fn new(
        groups: &'p mut [Group],
        settings: Settings,
        places: &'p Places,
        lists: &'p [PrefixList],
        seed: u64,
    ) -> Self {
        Self { groups, settings, places, lists, random: Random::new(seed, "rules") }
    }

    fn push(&mut self, group: usize, rule: Rule) {
        if let Some(group) = self.groups.get_mut(group) {
            group.rules.push(rule);
        }
    }

    fn ingress(&mut self, group: usize, protocol: &'static str, ports: (u16, u16), peer: Peer) {
        let ports = Some((ports.0.into(), ports.1.into()));
        self.push(group, Rule { egress: false, protocol, ports, peer });
    }

    fn egress(&mut self, group: usize, protocol: &'static str, ports: (u16, u16), peer: Peer) {
        let ports = Some((ports.0.into(), ports.1.into()));
        self.push(group, Rule { egress: true, protocol, ports, peer });
    }

    fn all(&mut self, group: usize, egress: bool, peer: Peer) {
        self.push(group, Rule { egress, protocol: ALL, ports: None, peer });
    }

    /// The rule that AWS gives a new group.
    fn open_egress(&mut self, group: usize, dual: bool) {
        self.all(group, true, Peer::V4(Ipv4Net::default()));
        if dual {
            self.all(group, true, Peer::V6(Ipv6Net::default()));
        }
    }

    /// A single address of 10.128.0.0/9, where no VPC is: of a host that nobody remembers.
    fn legacy_address(&mut self) -> Peer {
        let host = u32::try_from(self.random.below(40_000)).unwrap_or(0);
        Peer::V4(net((0x0a80_0000 + host * 11).into(), 32))
    }

    /// The CIDR of one of a VPC's subnets for services.
    fn subnet(&mut self, vpc: usize) -> Peer {
        let ordinal = self.random.below(1_000);
        Peer::V4(self.places.subnets.at(self.places.spread(vpc, ordinal)).net)
    }

    fn list(&mut self) -> Peer {
        let customer = self.lists.len().saturating_sub(OFFICES);
        Peer::List(OFFICES + self.random.below(customer))
    }

    /// Brings the rules into the order of their packed form, each once.
    pub(crate) fn finish(self) {
        for group in self.groups {
            let mut known = std::collections::BTreeSet::new();
            let key = |rule: &Rule| (rule.egress, rule.protocol, rule.ports);
            group.rules.retain(|rule| known.insert((key(rule), peer_key(&rule.peer))));
            group.rules.sort_by_key(key);
        }
    }
}

fn peer_key(peer: &Peer) -> (u8, u128, u8) {
    match *peer {
        Peer::V4(net) => (0, u32::from(net.network()).into(), net.prefix_len()),
        Peer::V6(net) => (1, net.network().into(), net.prefix_len()),
        Peer::Group(group) => (2, group as u128, 0),
        Peer::Stale(number) => (3, number as u128, 0),
        Peer::List(list) => (4, list as u128, 0),
    }
}

/// Everything inside: 10.0.0.0/8.
fn inside() -> Peer {
    Peer::V4(net(Ipv4Addr::new(10, 0, 0, 0), 8))
}

/// The groups that every VPC has.
pub(crate) fn common(draft: &mut Draft<'_>) {
    for (vpc, place) in draft.places.vpcs.iter().enumerate() {
        let groups = common_of(vpc);
        let dual = place.v6.is_some();
        draft.all(groups.default, false, Peer::Group(groups.default));
        draft.open_egress(groups.default, dual);
        for (number, base) in groups.bases.into_iter().enumerate() {
            draft.push(base, Rule { egress: false, protocol: "icmp", ports: Some((-1, -1)), peer: inside() });
            draft.ingress(base, TCP, (22, 22), Peer::Group(groups.admin));
            draft.ingress(base, TCP, (22, 22), Peer::List(OFFICES));
            draft.ingress(base, TCP, (9100, 9100), Peer::Group(groups.monitoring));
            draft.ingress(base, TCP, (9100, 9100), Peer::V4(net(Ipv4Addr::new(172, 28, 0, 0), 16)));
            draft.ingress(base, UDP, (161, 162), Peer::V4(net(Ipv4Addr::new(192, 168, 0, 0), 20)));
            if number == 3 {
                for _ in 0..6 {
                    let address = draft.legacy_address();
                    draft.ingress(base, TCP, (10_050, 10_051), address);
                }
            }
            for block in &place.blocks {
                draft.egress(base, UDP, (53, 53), Peer::V4(*block));
            }
            draft.egress(base, UDP, (123, 123), Peer::V4(Ipv4Net::default()));
            draft.egress(base, TCP, (443, 443), Peer::List(S3));
        }
        draft.ingress(groups.monitoring, TCP, (9093, 9094), Peer::Group(groups.monitoring));
        draft.open_egress(groups.monitoring, dual);
        for block in &place.blocks {
            draft.ingress(groups.endpoints, TCP, (443, 443), Peer::V4(*block));
        }
        draft.ingress(groups.admin, TCP, (22, 22), Peer::List(OFFICES));
        draft.ingress(groups.admin, TCP, (22, 22), inside());
        draft.open_egress(groups.admin, dual);
        if place.role != Role::Main {
            draft.ingress(groups.bases[0], TCP, (443, 443), inside());
            draft.ingress(groups.bases[0], TCP, (389, 389), inside());
            draft.open_egress(groups.bases[0], false);
        }
    }
}

/// The groups of teams.
pub(crate) fn teams(draft: &mut Draft<'_>, teams: &[Vec<usize>]) {
    for (vpc, teams) in teams.iter().enumerate() {
        for &team in teams {
            let port = u16::try_from(draft.random.between(7_000, 7_999)).unwrap_or(7_000);
            draft.ingress(team, TCP, (port, port), Peer::Group(team));
            draft.ingress(team, TCP, (8_125, 8_126), Peer::Group(common_of(vpc).monitoring));
            draft.ingress(team, TCP, (3_389, 3_389), Peer::Group(common_of(vpc).admin));
            for _ in 0..draft.random.between(0, 3) {
                let subnet = draft.subnet(vpc);
                draft.ingress(team, TCP, (port, port), subnet);
            }
            draft.egress(team, TCP, (port, port), Peer::Group(team));
        }
    }
}

/// Big groups: 200 rules in, 30 out, of references and slices of the VPC.
pub(crate) fn pools(draft: &mut Draft<'_>, pools: &[Vec<usize>]) {
    const PORTS: [u16; 12] = [22, 53, 80, 443, 3306, 5432, 6379, 8080, 8443, 9090, 9092, 27017];
    if draft.settings.membership != crate::profile::Membership::Pool {
        return;
    }
    for (vpc, pool) in pools.iter().enumerate() {
        for &group in pool {
            draft.egress(group, TCP, (443, 443), Peer::V4(Ipv4Net::default()));
            for number in 0..230 {
                let egress = number >= 200;
                let port =
                    draft.random.pick(&PORTS).unwrap_or(443) + u16::try_from(draft.random.below(10)).unwrap_or(0);
                let peer = match draft.random.below(10) {
                    0..7 => Peer::Group(draft.random.pick(pool).unwrap_or(group)),
                    _ => slice(draft, vpc),
                };
                let protocol = if draft.random.chance(85) { TCP } else { UDP };
                if egress {
                    draft.egress(group, protocol, (port, port), peer);
                } else {
                    draft.ingress(group, protocol, (port, port), peer);
                }
            }
        }
    }
}

/// A slice of a subnet: a sixteenth, or all.
fn slice(draft: &mut Draft<'_>, vpc: usize) -> Peer {
    let Peer::V4(whole) = draft.subnet(vpc) else { return inside() };
    let length = (whole.prefix_len() + 4).min(28);
    let part = u32::try_from(draft.random.below(16)).unwrap_or(0) << (32 - u32::from(length));
    Peer::V4(net((u32::from(whole.network()) + part).into(), length))
}

/// The group of each service.
pub(crate) fn services(draft: &mut Draft<'_>, services: &[Service], own: &[usize], calls: &Calls) {
    for (number, service) in services.iter().enumerate() {
        let Some(&group) = own.get(number) else { continue };
        let vpc = service.vpc;
        let commons = common_of(vpc);
        let callers = calls.callers.get(number).map_or(&[][..], Vec::as_slice);
        for &caller in callers {
            let Some(&caller) = own.get(caller) else { continue };
            draft.ingress(group, TCP, service.ports, Peer::Group(caller));
            if draft.random.chance(50) {
                draft.ingress(group, TCP, (8_081, 8_081), Peer::Group(caller));
            }
        }
        if service.tier == Tier::Public {
            let world = draft.random.chance(75);
            let peer = if world { Peer::V4(Ipv4Net::default()) } else { Peer::List(OFFICES) };
            draft.ingress(group, TCP, (443, 443), peer);
            draft.ingress(group, TCP, (80, 80), peer);
            if world {
                draft.ingress(group, TCP, (443, 443), Peer::V6(Ipv6Net::default()));
                draft.ingress(group, TCP, (80, 80), Peer::V6(Ipv6Net::default()));
            }
        } else {
            behind(draft, service, group);
        }
        draft.ingress(group, TCP, (9_101, 9_101), Peer::Group(commons.monitoring));
        for _ in 0..draft.random.between(0, draft.settings.addresses) {
            let address = draft.legacy_address();
            draft.ingress(group, TCP, service.ports, address);
        }
        let long = draft.settings.list_entries > 100;
        if draft.random.chance(if long { 5 } else { 20 }) {
            let list = draft.list();
            draft.ingress(group, TCP, service.ports, list);
        }
        if draft.places.vpcs.at(vpc).role == Role::Main && mains(draft.places) > 1 && number % 500 == 17 {
            draft.ingress(group, TCP, service.ports, Peer::Stale(number));
        }
        if service.restricted {
            restricted(draft, service, group, services, own, calls.callees.get(number).map_or(&[][..], Vec::as_slice));
        } else {
            draft.open_egress(group, true);
        }
    }
}

/// What is let in by other than its callers.
fn behind(draft: &mut Draft<'_>, service: &Service, group: usize) {
    let vpc = service.vpc;
    if draft.random.chance(60) {
        draft.all(group, false, Peer::Group(group));
    }
    // The health checks of balancers come from the public subnets.
    for zone in 0..ZONES.len() {
        let public = draft.places.find(vpc, Tier::Public, 0, zone);
        let peer = Peer::V4(draft.places.subnets.at(public).net);
        draft.ingress(group, TCP, service.ports, peer);
    }
    for _ in 0..draft.random.between(0, 4) {
        let subnet = draft.subnet(vpc);
        draft.ingress(group, TCP, service.ports, subnet);
    }
    if draft.random.chance(15) {
        let block = draft.places.vpcs.at(vpc).blocks.first().copied().unwrap_or_default();
        draft.ingress(group, TCP, service.ports, Peer::V4(block));
    }
    if draft.random.chance(20) {
        draft.ingress(group, UDP, (8_600, 8_600), Peer::Group(group));
        draft.ingress(group, TCP, (8_300, 8_302), Peer::Group(group));
    }
}

fn restricted(
    draft: &mut Draft<'_>,
    service: &Service,
    group: usize,
    services: &[Service],
    own: &[usize],
    callees: &[usize],
) {
    draft.egress(group, TCP, (443, 443), Peer::V4(Ipv4Net::default()));
    let blocks = draft.places.vpcs.at(service.vpc).blocks.clone();
    for block in blocks.into_iter().take(3) {
        draft.egress(group, UDP, (53, 53), Peer::V4(block));
        draft.egress(group, TCP, (53, 53), Peer::V4(block));
    }
    for &callee in callees {
        if let (Some(other), Some(&to)) = (services.get(callee), own.get(callee)) {
            draft.egress(group, TCP, other.ports, Peer::Group(to));
        }
    }
}

fn mains(places: &Places) -> usize {
    places.vpcs.iter().filter(|vpc| vpc.role == Role::Main).count()
}

/// The groups of clusters: what EKS makes, and what older templates made beside it.
pub(crate) fn clusters(draft: &mut Draft<'_>, clusters: &[Cluster]) {
    for cluster in clusters {
        let groups = &cluster.groups;
        draft.all(groups.cluster, false, Peer::Group(groups.cluster));
        draft.open_egress(groups.cluster, false);
        for &pods in &groups.pods {
            // DNS from and to the nodes, the kubelet's probes, and each other.
            for &nodes in &groups.nodes {
                draft.ingress(pods, TCP, (1, 65_535), Peer::Group(nodes));
                draft.ingress(nodes, UDP, (53, 53), Peer::Group(pods));
                draft.ingress(nodes, TCP, (53, 53), Peer::Group(pods));
            }
            draft.all(pods, false, Peer::Group(pods));
            draft.open_egress(pods, false);
        }
        if let (true, Some(&control), Some(&nodes)) = (cluster.old, groups.additional.first(), groups.nodes.first()) {
            draft.ingress(control, TCP, (443, 443), Peer::Group(nodes));
            draft.egress(control, TCP, (1_025, 65_535), Peer::Group(nodes));
            draft.egress(control, TCP, (443, 443), Peer::Group(nodes));
            draft.all(nodes, false, Peer::Group(nodes));
            draft.ingress(nodes, TCP, (1_025, 65_535), Peer::Group(control));
            draft.ingress(nodes, TCP, (443, 443), Peer::Group(control));
            draft.open_egress(nodes, false);
        } else if let Some(&nodes) = groups.nodes.first() {
            draft.ingress(nodes, TCP, (30_000, 32_767), inside());
        }
    }
}
