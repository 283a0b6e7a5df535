//! The compiled engine: the network as sets.
//!
//! A verdict is a conjunction of gates and no gate looks at the source port of the packet before it, so the exact answer
//! for two addresses and a protocol is a rectangle: destination ports D times source ports S (the D×S lemma, see
//! `docs/ARCHITECTURE.md`). A gate is a pair of header sets, what it lets pass for certain and what it may let pass; an
//! answer is their intersection.
//!
//! Stages: [`headers`] (sets by number), [`trie`] (prefixes), [`groups`], [`acls`], [`tables`] and [`graph`] (the
//! configuration, folded); `leave`, `carry`, `cross` and `transit` (the gates on a way), `cuts` (ranges of addresses),
//! `weigh` (gates to sets), `pair` (sets to an answer), `course` (what open connections meet), `told` and [`near`] (why not); [`population`] (classes), [`link`]
//! (between places), `plan`, `bits` and [`row`] (who reaches a class), `flows` and [`matrix`] (everything). It shares ids, selectors and who is who with the reference engine, and nothing that
//! decides.

pub mod acls;
mod bits;
mod carry;
pub(crate) mod course;
mod cross;
mod cuts;
mod flows;
mod gate;
pub mod graph;
pub mod groups;
pub mod headers;
mod leave;
pub mod link;
pub mod lookup;
pub mod matrix;
pub mod near;
pub(crate) mod pair;
mod plan;
pub mod population;
pub mod row;
mod space;
pub mod tables;
pub(crate) mod told;
mod transit;
pub mod trie;
mod weigh;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;

use ipnet::IpNet;
use reach_model::network::{Idx, Network, NetworkInterface, Peer, Peering, Ref, Vpc, VpcEndpoint};
use rustc_hash::FxHashMap;

use self::acls::Acls;
pub use self::carry::{Aim, Source};
use self::graph::Forwarding;
use self::groups::Groups;
use self::headers::{Algebra, Headers};
use self::population::Ground;
use self::tables::Tables;
use self::trie::Trie;

/// A network, compiled. Immutable, and shared by all threads that ask it.
#[derive(Debug)]
pub struct Compiled<'n> {
    pub(crate) network: &'n Network,
    pub headers: Headers,
    /// Every CIDR that a security group or a prefix list names.
    pub trie: Trie,
    pub groups: Groups,
    pub acls: Acls,
    pub tables: Tables<'n>,
    pub forwarding: Forwarding,
    /// NAT gateways' public addresses, with the interface and private address behind each.
    nat_publics: FxHashMap<Ipv4Addr, Option<(Idx<NetworkInterface>, IpAddr)>>,
    /// The active peerings of each VPC, by position.
    peerings: Vec<Vec<Idx<Peering>>>,
    /// The endpoints whose interface it is.
    endpoints: FxHashMap<Idx<NetworkInterface>, Vec<Idx<VpcEndpoint>>>,
    /// SG-24: what VPC Lattice's prefix lists hold.
    lattice: Vec<IpNet>,
    /// What sorting addresses into classes needs, made when it is first needed.
    ground: OnceLock<Ground>,
}

impl<'n> Compiled<'n> {
    /// Compiles a network. O(N log N + R log R) for N interfaces and R rules.
    pub fn new(network: &'n Network) -> Self {
        let headers = Headers::default();
        let trie = Trie::new(rule_nets(network));
        let mut algebra = Algebra::new(&headers);
        let groups = Groups::new(network, &trie, &mut algebra);
        let acls = Acls::new(network, &mut algebra);
        let mut nat_publics: FxHashMap<Ipv4Addr, Option<(Idx<NetworkInterface>, IpAddr)>> = FxHashMap::default();
        for (_, nat) in network.nat_gateways.iter().filter(|(_, nat)| nat.exists()) {
            for address in &nat.addresses {
                let Some(public) = address.public else { continue };
                let behind = address.interface.as_ref().and_then(Ref::known);
                let entry = nat_publics.entry(public).or_default();
                *entry = entry.or(behind.map(|interface| (interface, IpAddr::V4(address.private))));
            }
        }
        let mut endpoints: FxHashMap<Idx<NetworkInterface>, Vec<Idx<VpcEndpoint>>> = FxHashMap::default();
        for (idx, endpoint) in network.endpoints.iter() {
            for interface in endpoint.interfaces.iter().filter_map(Ref::known) {
                endpoints.entry(interface).or_default().push(idx);
            }
        }
        let peerings = network.vpcs.iter().map(|(_, vpc)| {
            let of_vpc = network.peerings.iter().filter(|(_, p)| p.is_active() && p.other_side(&vpc.id).is_some());
            of_vpc.map(|(idx, _)| idx).collect()
        });
        let of_lattice = network
            .prefix_lists
            .iter()
            .filter(|(_, list)| list.name.as_deref().is_some_and(|name| name.ends_with("vpc-lattice")));
        let lattice = of_lattice.flat_map(|(_, list)| list.cidrs.iter().flatten().copied()).collect();
        let peerings = peerings.collect();
        let (tables, forwarding) = (Tables::new(network), Forwarding::new(network));
        let ground = OnceLock::new();
        Self {
            network,
            headers,
            trie,
            groups,
            acls,
            tables,
            forwarding,
            nat_publics,
            peerings,
            endpoints,
            lattice,
            ground,
        }
    }

    /// The network that it was compiled from.
    pub fn network(&self) -> &'n Network {
        self.network
    }

    /// The operations of one thread.
    pub fn algebra(&self) -> Algebra<'_> {
        Algebra::new(&self.headers)
    }

    fn peerings_of(&self, vpc: Idx<Vpc>) -> &[Idx<Peering>] {
        self.peerings.get(vpc.position()).map_or(&[], Vec::as_slice)
    }

    fn endpoints_of(&self, interface: Idx<NetworkInterface>) -> &[Idx<VpcEndpoint>] {
        self.endpoints.get(&interface).map_or(&[], Vec::as_slice)
    }
}

/// Every CIDR that a rule names, itself or by a prefix list.
fn rule_nets(network: &Network) -> Vec<IpNet> {
    let rules = network.groups.iter().flat_map(|(_, group)| group.ingress.iter().chain(&group.egress));
    let mut nets: Vec<IpNet> = Vec::new();
    for rule in rules {
        if let Peer::Cidr(net) = &rule.peer {
            nets.push(*net);
        }
    }
    nets.extend(network.prefix_lists.iter().flat_map(|(_, list)| list.cidrs.iter().flatten().copied()));
    nets
}
