//! Who fares how: half-broken is the usual state, and which node group, zone or subnet is broken is the diagnosis.

use reach_engine::endpoint::Endpoint;
use reach_engine::host;
use reach_engine::question::PairCounts;
use reach_engine::verdict::Verdict;
use reach_model::Network;
use reach_model::network::{Idx, NetworkInterface, Ref};
use rustc_hash::FxHashSet;

use super::Scene;
use super::finding::{Judged, Placement};

/// What tells endpoints apart, in the order in which it is tried.
const KINDS: [&str; 3] = ["node group", "zone", "subnet"];

/// How each node group, zone or subnet fares, by the first of them that tells the answers apart cleanly, else by the
/// first that tells them apart at all; none where all fare alike.
pub(super) fn of(scene: &Scene<'_>, answers: &[Judged]) -> Vec<Placement> {
    let mut mixed = None;
    for kind in KINDS {
        for side in ["from", "to"] {
            let Some(placements) = counted(scene, answers, kind, side) else { continue };
            let words: Vec<Option<Verdict>> = placements.iter().map(|placement| pure(placement.pairs)).collect();
            let alike = words.iter().all(|word| *word == words.first().copied().flatten())
                && words.first().is_some_and(Option::is_some);
            if placements.len() < 2 || alike {
                continue;
            }
            if words.iter().all(Option::is_some) {
                // Where each zone has one subnet, the subnet is what has a route table and a network ACL.
                let finer = (kind == "zone").then(|| counted(scene, answers, "subnet", side)).flatten();
                return finer.filter(|finer| finer.len() == placements.len()).unwrap_or(placements);
            }
            let differ = placements.iter().any(|a| placements.iter().any(|b| share(a.pairs) != share(b.pairs)));
            if differ && mixed.is_none() {
                mixed = Some(placements);
            }
        }
    }
    mixed.unwrap_or_default()
}

/// The one verdict of all pairs.
fn pure(pairs: PairCounts) -> Option<Verdict> {
    let words = [
        (pairs.reachable, Verdict::Reachable),
        (pairs.blocked, Verdict::Blocked),
        (pairs.partial, Verdict::Partial),
        (pairs.unknown, Verdict::Unknown),
    ];
    words.into_iter().find(|(count, _)| *count == pairs.total && pairs.total > 0).map(|(_, verdict)| verdict)
}

/// The reachable part, in thousandths: enough to see that two differ.
fn share(pairs: PairCounts) -> u64 {
    pairs.reachable * 1000 / pairs.total.max(1)
}

/// The pairs of each label on one side; `None` where some endpoint has no such label, or the answers were cut short.
fn counted(scene: &Scene<'_>, answers: &[Judged], kind: &'static str, side: &'static str) -> Option<Vec<Placement>> {
    let mut placements: Vec<Placement> = Vec::new();
    for judged in answers {
        if judged.answer.truncated {
            return None;
        }
        for group in &judged.answer.groups {
            let (own, other) = if side == "from" { (&group.from, &group.to) } else { (&group.to, &group.from) };
            let others: FxHashSet<&Endpoint> = other.iter().collect();
            for endpoint in own {
                let name = label(scene.network, endpoint.interface()?, kind)?;
                // An endpoint with itself is no pair.
                let pairs = others.len() as u64 - u64::from(others.contains(endpoint));
                let position = placements.iter().position(|placement| placement.name == name);
                let position = position.unwrap_or_else(|| {
                    placements.push(Placement { side, kind, name, pairs: PairCounts::default() });
                    placements.len() - 1
                });
                if let Some(placement) = placements.get_mut(position) {
                    placement.add(group.answer.verdict, pairs);
                }
            }
        }
    }
    placements.retain(|placement| placement.pairs.total > 0);
    placements.sort_by(|a, b| a.name.cmp(&b.name));
    Some(placements)
}

impl Placement {
    fn add(&mut self, verdict: Verdict, pairs: u64) {
        self.pairs.total += pairs;
        match verdict {
            Verdict::Reachable => self.pairs.reachable += pairs,
            Verdict::Blocked => self.pairs.blocked += pairs,
            Verdict::Partial => self.pairs.partial += pairs,
            Verdict::Unknown => self.pairs.unknown += pairs,
        }
    }
}

/// The node group, zone or subnet of an interface.
fn label(network: &Network, idx: Idx<NetworkInterface>, kind: &str) -> Option<String> {
    let interface = network.interfaces.get(idx);
    if kind == "node group" {
        let node = host::host(network, interface).and_then(|id| network.instances.find(&id))?;
        return host::node_group(network.instances.get(node)).map(str::to_owned);
    }
    let subnet = network.subnets.get(interface.subnet.as_ref().and_then(Ref::known)?);
    match kind {
        "zone" => subnet.zone.as_deref().map(str::to_owned),
        _ => Some(match subnet.name.as_deref() {
            Some(name) => format!("{} ({name})", subnet.id),
            None => subnet.id.to_string(),
        }),
    }
}
