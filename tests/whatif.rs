//! What changes do: the rules CT-7 to CT-16, laws, and every difference against packets of the reference engine.

mod connections;
mod laws;
mod packets;

use reach_engine::whatif::{Difference, End, FlowSet, State, difference};
use reach_model::Network;
use reach_model::change::Change;
use reach_packets::{Protocol, Transport};
use serde_json::Value;

use crate::estate::Estate;

/// A network after changes; how AWS would refuse one of them.
pub(crate) fn changed(network: &Network, changes: &[Value]) -> Result<Network, String> {
    let mut after = network.clone();
    for change in changes {
        let change = Change::from_value(change.clone())?;
        after.apply(&change).map_err(|refusal| refusal.to_string())?;
    }
    Ok(after)
}

/// What changes do to an estate.
pub(crate) fn whatif(estate: &Estate, changes: &[Value]) -> Told {
    let network = estate.network();
    let after = changed(&network, changes).unwrap_or_else(|error| panic!("{error}"));
    let found = difference(&State::new(&network), &State::new(&after)).unwrap_or_else(|error| panic!("{error}"));
    Told { found }
}

/// A difference, to be asked about.
pub(crate) struct Told {
    pub(crate) found: Difference,
}

/// Which sets hold a flow, by list.
pub(crate) type Lists = [(&'static str, usize); 6];

fn end_holds(found: &Difference, end: &End, address: std::net::IpAddr) -> bool {
    match end {
        End::Inside(list) => {
            list.iter().any(|party| found.parties[*party as usize].net().is_some_and(|net| net.contains(&address)))
        }
        End::Outside(set) => set.0.contains(address),
    }
}

pub(crate) fn traffic_holds(set: &FlowSet, protocol: Protocol, transport: Transport) -> bool {
    let source = match transport {
        Transport::Ports { source, .. } => set.traffic.source_ports.as_ref().is_none_or(|ports| ports.contains(source)),
        _ => true,
    };
    source && set.traffic.headers.contains_point(protocol, &transport)
}

/// How often each list holds a flow.
pub(crate) fn lists(found: &Difference, holds: impl Fn(&FlowSet) -> bool) -> Lists {
    let connections = &found.connections;
    [
        ("gained", &found.gained),
        ("lost", &found.lost),
        ("undecided", &found.undecided),
        ("cut_now", &connections.cut_now),
        ("survive_until_idle", &connections.survive_until_idle),
        ("unknown", &connections.unknown),
    ]
    .map(|(name, list)| (name, list.iter().filter(|set| holds(set)).count()))
}

impl Told {
    /// The lists that hold a flow: `tcp 443` from a client's port 40000, `icmp 8/0`, `47`.
    pub(crate) fn of(&self, from: &str, to: &str, what: &str) -> Vec<&'static str> {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        let (protocol, rest) = what.split_once(' ').unwrap_or((what, ""));
        let protocol: Protocol = protocol.parse().unwrap();
        let transport = match rest.split_once('/') {
            Some((kind, code)) => Transport::Icmp { kind: kind.parse().unwrap(), code: code.parse().unwrap() },
            None if protocol.has_ports() => Transport::Ports { source: 40_000, destination: rest.parse().unwrap() },
            None => Transport::Opaque,
        };
        let found = &self.found;
        let lists = lists(found, |set| {
            end_holds(found, &set.from, from)
                && end_holds(found, &set.to, to)
                && traffic_holds(set, protocol, transport)
        });
        lists.iter().filter(|(_, count)| *count > 0).map(|(name, _)| *name).collect()
    }

    /// The idle timeout of a surviving flow of TCP or UDP.
    pub(crate) fn idle(&self, from: &str, to: &str) -> Vec<Option<u32>> {
        let (from, to) = (from.parse().unwrap(), to.parse().unwrap());
        let found = &self.found;
        let own = found.connections.survive_until_idle.iter();
        own.filter(|set| end_holds(found, &set.from, from) && end_holds(found, &set.to, to))
            .map(|set| set.idle_timeout_s)
            .collect()
    }
}
