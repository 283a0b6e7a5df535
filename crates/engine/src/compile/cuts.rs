//! What can tell the addresses of a range apart: the prefixes of every table that some way met.

use std::collections::BTreeSet;

use ipnet::IpNet;
use reach_model::network::{Destination, Direction, Idx, NetworkAcl, PrefixList, Ref, RouteTable, TransitGatewayTable};
use reach_packets::IpSet;

use super::carry::Carry;
use super::gate::Test;
use super::groups::ProfileId;
use super::trie::Trie;
use super::{Compiled, space};

/// Every table that some way met: what can tell addresses apart.
#[derive(Debug, Default)]
pub(super) struct Met {
    pub(super) groups: BTreeSet<(ProfileId, Direction)>,
    acls: BTreeSet<(Idx<NetworkAcl>, Direction)>,
    tables: BTreeSet<Idx<RouteTable>>,
    transit: BTreeSet<Idx<TransitGatewayTable>>,
    /// What else does.
    pub(super) nets: Vec<IpNet>,
}

impl Met {
    pub(super) fn add(&mut self, compiled: &Compiled<'_>, carry: &Carry<'_>) {
        for gate in &carry.gates {
            match &gate.test {
                Test::Groups { at, direction, .. } => {
                    self.groups.insert((compiled.groups.profile_of(*at), *direction));
                }
                Test::Acl { acl, direction, .. } => {
                    self.acls.insert((*acl, *direction));
                }
                _ => {}
            }
        }
        self.tables.extend(&carry.tables);
        self.transit.extend(&carry.transit_tables);
    }

    /// How many tables there are: it grows as long as new ones turn up.
    pub(super) fn size(&self) -> usize {
        self.groups.len() + self.acls.len() + self.tables.len() + self.transit.len()
    }

    /// Their prefixes; those of groups only where they are to cut, too.
    pub(super) fn trie(&self, compiled: &Compiled<'_>, with_groups: bool) -> Trie {
        let network = compiled.network;
        let entries =
            |list: &Ref<PrefixList>| list.known().and_then(|idx| network.prefix_lists.get(idx).cidrs.as_ref());
        let mut nets: Vec<IpNet> = space::prefixes().chain(self.nets.iter().copied()).collect();
        let mut lists: BTreeSet<Idx<PrefixList>> = BTreeSet::new();
        for &(profile, direction) in self.groups.iter().filter(|_| with_groups) {
            let side = compiled.groups.profile(profile).side(direction);
            nets.extend(side.nodes.iter().filter_map(|(node, _)| compiled.trie.net(*node)));
            lists.extend(side.lists.iter().map(|(list, _)| *list));
        }
        for list in lists {
            nets.extend(network.prefix_lists.get(list).cidrs.iter().flatten().copied());
        }
        for &(acl, direction) in &self.acls {
            let entries = network.acls.get(acl).entries.iter();
            nets.extend(entries.filter(|entry| entry.direction == direction).map(|entry| entry.cidr));
        }
        for &table in &self.tables {
            nets.extend(compiled.tables.nets(table));
        }
        for &table in &self.transit {
            for route in network.transit_gateway_tables.get(table).routes.iter().flatten() {
                match &route.destination {
                    Destination::Cidr(net) => nets.push(*net),
                    Destination::PrefixList(list) => nets.extend(entries(list).into_iter().flatten().copied()),
                }
            }
        }
        Trie::new(nets)
    }
}

/// The pieces of `set` that no prefix cuts.
pub(super) fn atoms(trie: &Trie, set: &IpSet) -> Vec<IpSet> {
    trie.nodes().map(|node| trie.atom(node).intersect(set)).filter(|piece| !piece.is_empty()).collect()
}
