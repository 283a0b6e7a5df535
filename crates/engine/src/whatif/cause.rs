//! Whether two differences speak of the same flows: what tells which of several changes a set of flows is due to.
//!
//! Flows that a scenario loses are due to one of its changes where they are not lost without it; where no single one
//! decides (two changes stop the same flow), to those that lose them alone. Both are questions about flows that two
//! differences have in common, and both are exact.

use std::collections::HashMap;

use ipnet::IpNet;
use reach_model::Network;
use reach_model::ids::EniId;
use reach_packets::PortRanges;

use super::{Difference, End, FlowSet, PartyId, Traffic};

/// The parties of one difference by their numbers in another.
#[derive(Debug)]
pub struct Alike {
    numbers: Vec<Vec<PartyId>>,
}

/// The interface and the addresses of a party.
fn key(found: &Difference, (before, after): (&Network, &Network), id: usize) -> Option<(EniId, IpNet)> {
    let party = found.parties.get(id)?;
    let (network, member) = match (party.before, party.after) {
        (Some(member), _) => (before, member),
        (None, Some(member)) => (after, member),
        (None, None) => return None,
    };
    Some((network.interfaces.get(member.interface).id.clone(), member.net))
}

impl Alike {
    /// Finds everybody of `own` in `other`, by interface and address. Each stands with the networks that it compares.
    pub fn new(own: (&Difference, (&Network, &Network)), other: (&Difference, (&Network, &Network))) -> Self {
        let mut known: HashMap<EniId, Vec<(IpNet, PartyId)>> = HashMap::new();
        for (number, id) in (0..other.0.parties.len()).zip(0..) {
            if let Some((interface, net)) = key(other.0, other.1, number) {
                known.entry(interface).or_default().push((net, id));
            }
        }
        let overlaps = |a: &IpNet, b: &IpNet| a.contains(b) || b.contains(a);
        let numbers = (0..own.0.parties.len()).map(|number| {
            let Some((interface, net)) = key(own.0, own.1, number) else { return Vec::new() };
            let list = known.get(&interface).into_iter().flatten();
            list.filter(|(other, _)| overlaps(other, &net)).map(|(_, id)| *id).collect()
        });
        Self { numbers: numbers.collect() }
    }

    /// Whether any flow of `set`, which is the own difference's, is in `list`, which is the other's.
    pub fn shares(&self, set: &FlowSet, list: &[FlowSet]) -> bool {
        list.iter().any(|other| {
            traffic_meets(&set.traffic, &other.traffic)
                && match (self.common(&set.from, &other.from), self.common(&set.to, &other.to)) {
                    (Common::Nobody, _) | (_, Common::Nobody) => false,
                    // An end with itself is no pair.
                    (Common::One(from), Common::One(to)) => from != to,
                    _ => true,
                }
        })
    }

    /// Whether `list`, which is the other's, holds `set` as it is.
    pub fn holds(&self, set: &FlowSet, list: &[FlowSet]) -> bool {
        let same = |own: &End, other: &End| match (own, other) {
            (End::Outside(a), End::Outside(b)) => a == b,
            (End::Inside(own), End::Inside(other)) => {
                let translated = own.iter().map(|id| self.numbers.get(*id as usize).map(Vec::as_slice));
                let mut found: Vec<PartyId> = Vec::with_capacity(own.len());
                for numbers in translated {
                    // A prefix that the other cuts in pieces is not the same.
                    let Some([one]) = numbers else { return false };
                    found.push(*one);
                }
                found.sort_unstable();
                found.as_slice() == &**other
            }
            _ => false,
        };
        list.iter()
            .any(|other| set.traffic == other.traffic && same(&set.from, &other.from) && same(&set.to, &other.to))
    }

    fn common(&self, own: &End, other: &End) -> Common {
        match (own, other) {
            (End::Outside(a), End::Outside(b)) if a.0.intersects(&b.0) => Common::Several,
            (End::Inside(own), End::Inside(other)) => {
                let translated = own.iter().filter_map(|id| self.numbers.get(*id as usize)).flatten();
                let mut found = Common::Nobody;
                for id in translated.filter(|id| other.binary_search(id).is_ok()) {
                    match found {
                        Common::Nobody => found = Common::One(*id),
                        Common::One(one) if one == *id => {}
                        _ => return Common::Several,
                    }
                }
                found
            }
            _ => Common::Nobody,
        }
    }
}

enum Common {
    Nobody,
    One(PartyId),
    Several,
}

fn traffic_meets(a: &Traffic, b: &Traffic) -> bool {
    let full = PortRanges::full();
    let ports = |traffic: &Traffic| traffic.source_ports.clone().unwrap_or_else(|| full.clone());
    a.family == b.family && a.headers.intersects(&b.headers) && !ports(a).intersect(&ports(b)).is_empty()
}
