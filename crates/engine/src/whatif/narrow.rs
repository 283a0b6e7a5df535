//! A difference, as far as one question goes.

use reach_packets::{Family, IpSet, PortRanges, PortSet};
use rustc_hash::FxHashSet;

use super::{Connections, Difference, End, FlowSet, IpSetKey, PartyId, Traffic};
use crate::compile::link::possible_in;

/// What a question is about.
#[derive(Debug, Clone)]
pub struct Scope {
    pub from: Side,
    pub to: Side,
    /// The family asked about; `None` for both.
    pub family: Option<Family>,
    /// The headers asked about.
    pub headers: PortSet,
    /// The client's ports, where the question names them.
    pub source_ports: Option<PortRanges>,
}

/// One side of a question.
#[derive(Debug, Clone, Default)]
pub struct Side {
    pub inside: FxHashSet<PartyId>,
    pub outside: IpSet,
}

impl Side {
    fn of(&self, end: &End) -> Option<End> {
        match end {
            End::Inside(list) => {
                let own: Vec<PartyId> = list.iter().copied().filter(|party| self.inside.contains(party)).collect();
                (!own.is_empty()).then(|| End::Inside(own.into()))
            }
            End::Outside(IpSetKey(set)) => {
                let own = set.intersect(&self.outside);
                (!own.is_empty()).then_some(End::Outside(IpSetKey(own)))
            }
        }
    }
}

impl Scope {
    fn of_traffic(&self, traffic: &Traffic) -> Vec<Traffic> {
        let mut parts: Vec<Traffic> = Vec::new();
        if self.family.is_some_and(|family| family != traffic.family) {
            return parts;
        }
        let wanted = self.headers.intersect(&traffic.headers);
        let everything = possible_in(traffic.family);
        if wanted == everything && self.source_ports.as_ref().is_none_or(PortRanges::is_full) {
            return vec![traffic.clone()];
        }
        let full = PortRanges::full();
        let clients = traffic.source_ports.as_ref().unwrap_or(&full);
        let clients = self.source_ports.as_ref().map_or_else(|| clients.clone(), |own| clients.intersect(own));
        let mut add = |headers: PortSet, source_ports: Option<PortRanges>| {
            let silent = source_ports.as_ref().is_some_and(PortRanges::is_empty);
            if !headers.is_empty() && !silent {
                parts.push(Traffic { family: traffic.family, headers, source_ports });
            }
        };
        add(PortSet::tcp(wanted.tcp_ports().clone()), Some(clients.clone()));
        add(PortSet::udp(wanted.udp_ports().clone()), Some(clients));
        add(PortSet::icmp(wanted.icmp_messages().clone()), None);
        add(PortSet::icmpv6(wanted.icmpv6_messages().clone()), None);
        add(PortSet::protocols(wanted.other_protocols()), None);
        parts
    }

    fn of_list(&self, list: &[FlowSet]) -> Vec<FlowSet> {
        let mut found: Vec<FlowSet> = Vec::new();
        for set in list {
            let (Some(from), Some(to)) = (self.from.of(&set.from), self.to.of(&set.to)) else { continue };
            // An end with itself is no pair.
            if let (End::Inside(a), End::Inside(b)) = (&from, &to)
                && a.len() == 1
                && a == b
            {
                continue;
            }
            for traffic in self.of_traffic(&set.traffic) {
                found.push(FlowSet { traffic, from: from.clone(), to: to.clone(), idle_timeout_s: set.idle_timeout_s });
            }
        }
        found.sort();
        found
    }
}

impl Difference {
    /// The part of it that a question is about.
    #[must_use]
    pub fn narrowed(self, scope: &Scope) -> Self {
        let Connections { cut_now, survive_until_idle, unknown } = &self.connections;
        Self {
            gained: scope.of_list(&self.gained),
            lost: scope.of_list(&self.lost),
            undecided: scope.of_list(&self.undecided),
            connections: Connections {
                cut_now: scope.of_list(cut_now),
                survive_until_idle: scope.of_list(survive_until_idle),
                unknown: scope.of_list(unknown),
            },
            parties: self.parties,
            outside: self.outside,
        }
    }
}
