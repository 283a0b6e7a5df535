//! The boundaries that the tables on a path draw through ports and addresses.

use std::collections::BTreeSet;

use ipnet::IpNet;
use reach_model::network::{
    Destination, Direction, Idx, Network, NetworkAcl, NetworkInterface, Peer, PrefixList, Ref, RouteTable,
    RuleProtocol, TransitGatewayTable,
};
use reach_packets::{Family, IcmpSet, IntervalSet, IpSet, PortRanges, Protocol};

use crate::endpoint::Endpoint;
use crate::reason::{Site, Stage};
use crate::simulate::Trace;

/// Every table that some packet of a question met.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Cuts {
    groups: BTreeSet<(Idx<NetworkInterface>, Direction)>,
    acls: BTreeSet<(Idx<NetworkAcl>, Direction)>,
    tables: BTreeSet<Idx<RouteTable>>,
    transit: BTreeSet<Idx<TransitGatewayTable>>,
    nets: BTreeSet<IpNet>,
}

/// Ranges that routing itself knows: private and link-local ones, and what can be no host (RT-11, RT-16, SG-36).
const SPECIAL: [&str; 14] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "169.254.168.0/22",
    "169.254.171.0/24",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/3",
    "::/128",
    "fc00::/7",
    "fd00:ec2::/32",
    "fe80::/10",
    "ff00::/8",
];

impl Cuts {
    /// Adds the tables that `trace` met.
    pub(super) fn add(&mut self, network: &Network, trace: &Trace) {
        let sizes = (self.groups.len(), self.acls.len(), self.tables.len(), self.transit.len());
        // Groups that could admit leave no step, and yet their ports cut.
        self.groups.extend(trace.unseen.map(|idx| (idx, Direction::Ingress)));
        for step in &trace.steps {
            match (&step.site, step.stage) {
                (Site::Interface(idx), Stage::SgEgress) => {
                    self.groups.insert((*idx, Direction::Egress));
                }
                (Site::Interface(idx), Stage::SgIngress) => {
                    self.groups.insert((*idx, Direction::Ingress));
                }
                (Site::Acl(idx), Stage::AclEgress) => {
                    self.acls.insert((*idx, Direction::Egress));
                }
                (Site::Acl(idx), Stage::AclIngress) => {
                    self.acls.insert((*idx, Direction::Ingress));
                }
                (Site::RouteTable(idx), _) => {
                    self.tables.insert(*idx);
                }
                (Site::TransitGatewayTable(idx), _) => {
                    self.transit.insert(*idx);
                }
                _ => {}
            }
        }
        if sizes != (self.groups.len(), self.acls.len(), self.tables.len(), self.transit.len()) {
            self.collect_nets(network);
        }
    }

    /// Adds what the sender's host itself tells apart: the VPC's CIDRs and the CNI's exclusions (EK-37).
    pub(super) fn add_hosts(&mut self, network: &Network, from: &Endpoint) {
        self.nets.extend(SPECIAL.iter().filter_map(|text| text.parse::<IpNet>().ok()));
        let Some(idx) = from.interface() else { return };
        let interface = network.interfaces.get(idx);
        let family = if from.has(Family::V4) { Family::V4 } else { Family::V6 };
        let Some(address) = from.addresses(family).first() else { return };
        if let Some(place) = crate::host::pod_place(network, interface, address)
            && let Some(cluster) = place.cluster
        {
            self.nets.extend(cluster.cni.exclude_snat_cidrs.iter().flatten().copied());
        }
    }

    /// Adds what a public endpoint's own list tells apart (EK-14).
    pub(super) fn add_admission(&mut self, to: &Endpoint) {
        if let Endpoint::Outside(outside) = to {
            self.nets.extend(outside.admission.iter().flatten().copied());
        }
    }

    /// Adds everything that `other` has.
    pub(super) fn merge(&mut self, other: &Self) {
        self.groups.extend(&other.groups);
        self.acls.extend(&other.acls);
        self.tables.extend(&other.tables);
        self.transit.extend(&other.transit);
        self.nets.extend(&other.nets);
    }

    /// Whether `later` knows boundaries that these do not.
    pub(super) fn grows(&self, later: &Self) -> bool {
        later.nets.len() > self.nets.len()
    }

    /// The pieces of `set` that no boundary cuts.
    pub(super) fn pieces(&self, set: &IpSet) -> Vec<IpSet> {
        if set.count() <= 1 {
            return vec![set.clone()];
        }
        let by: Vec<IpSet> = self.nets.iter().map(|net| IpSet::from(*net)).collect();
        set.partition(&by)
    }

    fn collect_nets(&mut self, network: &Network) {
        let mut nets = std::mem::take(&mut self.nets);
        let list = |nets: &mut BTreeSet<IpNet>, list: &Ref<PrefixList>| {
            let entries = list.known().and_then(|idx| network.prefix_lists.get(idx).cidrs.as_ref());
            nets.extend(entries.into_iter().flatten().copied());
        };
        for &(idx, direction) in &self.groups {
            for group in network.interfaces.get(idx).groups.iter().filter_map(Ref::known) {
                let group = network.groups.get(group);
                let rules = if direction == Direction::Ingress { &group.ingress } else { &group.egress };
                for rule in rules {
                    match &rule.peer {
                        Peer::Cidr(net) => {
                            nets.insert(*net);
                        }
                        Peer::PrefixList(prefixes) => list(&mut nets, prefixes),
                        Peer::Group(_) => {}
                    }
                }
            }
        }
        for &(idx, direction) in &self.acls {
            let entries = network.acls.get(idx).entries.iter();
            nets.extend(entries.filter(|entry| entry.direction == direction).map(|entry| entry.cidr));
        }
        let destinations = |nets: &mut BTreeSet<IpNet>, destination: &Destination| match destination {
            Destination::Cidr(net) => {
                nets.insert(*net);
            }
            Destination::PrefixList(prefixes) => list(nets, prefixes),
        };
        for &idx in &self.tables {
            for route in &network.route_tables.get(idx).routes {
                destinations(&mut nets, &route.destination);
            }
        }
        for &idx in &self.transit {
            for route in network.transit_gateway_tables.get(idx).routes.iter().flatten() {
                destinations(&mut nets, &route.destination);
            }
        }
        self.nets = nets;
    }

    /// The ports that one rule or entry of the met filters names for `protocol`.
    fn port_sets(&self, network: &Network, protocol: Protocol) -> Vec<PortRanges> {
        let mut sets: BTreeSet<PortRanges> = BTreeSet::new();
        for &(idx, direction) in &self.groups {
            for group in network.interfaces.get(idx).groups.iter().filter_map(Ref::known) {
                let group = network.groups.get(group);
                let rules = if direction == Direction::Ingress { &group.ingress } else { &group.egress };
                for rule in rules.iter().filter(|rule| rule.protocol == RuleProtocol::Number(protocol)) {
                    sets.insert(PortRanges::range(rule.from_port.unwrap_or(0), rule.to_port.unwrap_or(u16::MAX)));
                }
            }
        }
        for &(idx, direction) in &self.acls {
            let entries = network.acls.get(idx).entries.iter().filter(|entry| entry.direction == direction);
            for entry in entries.filter(|entry| entry.protocol == RuleProtocol::Number(protocol)) {
                if let Some((from, to)) = entry.ports {
                    sets.insert(PortRanges::range(from, to));
                }
            }
        }
        sets.into_iter().collect()
    }

    /// Pieces of `asked` that no filter tells apart. The ports that stages other than filters know are cut out, too:
    /// mail (SG-33) and the never-filtered services (SG-23).
    pub(super) fn port_pieces(&self, network: &Network, protocol: Protocol, asked: &PortRanges) -> Vec<PortRanges> {
        let mut sets = self.port_sets(network, protocol);
        sets.extend([25, 123, 1688].map(PortRanges::single));
        asked.partition(&sets)
    }

    /// Pieces of `asked` messages; the kinds that have a reply stand alone. A reply carries its request's code, so what
    /// a filter says of replies cuts the requests.
    pub(super) fn icmp_pieces(
        &self,
        network: &Network,
        protocol: Protocol,
        family: Family,
        asked: &IcmpSet,
    ) -> Vec<IcmpSet> {
        let message = |kind: Option<u8>, code: Option<u8>| match (kind, code) {
            (Some(kind), Some(code)) => IcmpSet::single(kind, code),
            (Some(kind), None) => IcmpSet::kind(kind),
            (None, _) => IcmpSet::full(),
        };
        let byte = |port: Option<u16>| port.and_then(|port| u8::try_from(port).ok());
        let requests = (0..=u8::MAX).filter(|&kind| crate::simulate::icmp_reply(family, kind).is_some());
        let mut sets: Vec<IntervalSet<u16>> = Vec::new();
        for &(idx, direction) in &self.groups {
            for group in network.interfaces.get(idx).groups.iter().filter_map(Ref::known) {
                let group = network.groups.get(group);
                let rules = if direction == Direction::Ingress { &group.ingress } else { &group.egress };
                for rule in rules.iter().filter(|rule| rule.protocol == RuleProtocol::Number(protocol)) {
                    sets.push(message(byte(rule.from_port), byte(rule.to_port)).points().clone());
                }
            }
        }
        for &(idx, _) in &self.acls {
            for entry in &network.acls.get(idx).entries {
                let Some((kind, code)) = entry.icmp else { continue };
                sets.push(message(kind, code).points().clone());
                let answered = requests.clone().filter(|&request| crate::simulate::icmp_reply(family, request) == kind);
                sets.extend(answered.map(|request| message(Some(request), code).points().clone()));
            }
        }
        let kinds = requests;
        sets.extend(kinds.map(|kind| IcmpSet::kind(kind).points().clone()));
        asked.points().partition(&sets).into_iter().map(IcmpSet::from_points).collect()
    }

    /// Pieces of `asked` protocol numbers: those that some rule names stand alone.
    pub(super) fn protocol_pieces(&self, network: &Network, asked: &IntervalSet<u8>) -> Vec<IntervalSet<u8>> {
        let mut named: BTreeSet<u8> = BTreeSet::new();
        let mut add = |protocol: RuleProtocol| {
            if let RuleProtocol::Number(number) = protocol {
                named.insert(number.number());
            }
        };
        for &(idx, direction) in &self.groups {
            for group in network.interfaces.get(idx).groups.iter().filter_map(Ref::known) {
                let group = network.groups.get(group);
                let rules = if direction == Direction::Ingress { &group.ingress } else { &group.egress };
                for rule in rules {
                    add(rule.protocol);
                }
            }
        }
        for &(idx, _) in &self.acls {
            network.acls.get(idx).entries.iter().for_each(|entry| add(entry.protocol));
        }
        let sets: Vec<IntervalSet<u8>> = named.into_iter().map(IntervalSet::single).collect();
        asked.partition(&sets)
    }
}
