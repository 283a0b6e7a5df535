//! Route tables as tries: which route a destination takes.

use std::net::IpAddr;

use ipnet::IpNet;
use reach_model::Call;
use reach_model::network::{
    Destination, EndpointKind, Idx, Network, PrefixList, Ref, Route, RouteOrigin, RouteState, RouteTable, RouteTarget,
};
use reach_packets::Family;

use super::trie::{Node, Trie};
use crate::reason::Code;

/// The order among routes of one prefix (RT-5): the first present wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Preference {
    Static,
    FromList,
    Propagated,
    Advertised,
}

/// Which way a table sends a destination.
#[derive(Debug, Clone, PartialEq)]
pub enum Way<'n> {
    /// By this route, matched by this prefix.
    Route(&'n Route, IpNet),
    /// By none (RT-7).
    None,
    /// The snapshot, or AWS's documentation, does not tell.
    Undecided { code: Code, semantics: &'static str, call: Option<Call>, note: String },
}

/// One route table.
#[derive(Debug)]
struct Table {
    trie: Trie,
    /// The routes of exactly each node's prefix, best first.
    routes: Vec<Vec<(Preference, usize)>>,
    /// Routes by a prefix list whose entries the snapshot does not hold.
    unread: Vec<usize>,
}

/// All route tables, by position.
#[derive(Debug)]
pub struct Tables<'n> {
    network: &'n Network,
    tables: Vec<Table>,
}

impl<'n> Tables<'n> {
    /// Builds the trie of every table. O(P log P) for P prefixes, those of lists among them.
    pub fn new(network: &'n Network) -> Self {
        let tables = network.route_tables.iter().map(|(_, table)| compile(network, table)).collect();
        Self { network, tables }
    }

    /// The prefixes that the table tells apart.
    pub fn nets(&self, table: Idx<RouteTable>) -> impl Iterator<Item = IpNet> {
        self.tables
            .get(table.position())
            .into_iter()
            .flat_map(|table| table.trie.nodes().filter_map(|n| table.trie.net(n)))
    }

    /// The way of a destination: longest prefix first, then RT-5's order. O(log P + depth).
    pub fn way(&self, table: Idx<RouteTable>, destination: IpAddr) -> Way<'n> {
        let Some(own) = self.tables.get(table.position()) else { return Way::None };
        let routes = &self.network.route_tables.get(table).routes;
        let node = own.trie.node_of(destination);
        let at = |node: Node| own.routes.get(node.position()).map_or(&[][..], Vec::as_slice);
        let route = |position: usize| routes.get(position);
        let local = own.trie.ancestors(node).flat_map(at).any(|&(preference, position)| {
            preference != Preference::FromList && route(position).is_some_and(|r| r.target == RouteTarget::Local)
        });
        // RT-6: what a VPN or Direct Connect propagates never beats the VPC's own addresses.
        let stands = |entry: &&(Preference, usize)| !(local && entry.0 == Preference::Propagated);
        let winner = own.trie.ancestors(node).find_map(|node| {
            let mut list = at(node).iter().filter(stands).peekable();
            list.peek().is_some().then(|| (node, list.copied().collect::<Vec<_>>()))
        });
        // RT-10: a list without entries may hold anything, but nothing beats a static route to the address alone.
        let settled = winner.as_ref().is_some_and(|(node, list)| {
            let host = own.trie.net(*node).is_some_and(|net| net.prefix_len() == net.max_prefix_len());
            host && list.first().is_some_and(|(preference, _)| *preference == Preference::Static)
        });
        if !settled
            && let Some(route) =
                own.unread.iter().filter_map(|&i| route(i)).find(|route| self.may_hold(route, destination, local))
        {
            let note = match &route.destination {
                Destination::PrefixList(list) => list.id(&self.network.prefix_lists).to_string(),
                Destination::Cidr(net) => net.to_string(),
            };
            let call = Some(Call::GetManagedPrefixListEntries);
            return Way::Undecided { code: Code::NotCollected, semantics: "RT-10", call, note };
        }
        let Some((node, list)) = winner else { return Way::None };
        let (Some(net), Some(&(preference, first))) = (own.trie.net(node), list.first()) else { return Way::None };
        let Some(best) = route(first) else { return Way::None };
        let undocumented = |semantics, note| Way::Undecided { code: Code::Undocumented, semantics, call: None, note };
        // RT-5: where a route server's routes stand beside propagated and local ones is not documented.
        let beside_server = list
            .iter()
            .any(|&(p, i)| p == Preference::Advertised && route(i).is_some_and(|other| other.target != best.target));
        if beside_server && (preference == Preference::Propagated || best.target == RouteTarget::Local) {
            return undocumented("RT-5", format!("the rank of a route server's route to {net}"));
        }
        let rivals = || list.iter().filter(|(p, _)| *p == preference).filter_map(|&(_, i)| route(i));
        if rivals().any(|rival| rival.state == RouteState::Filtered) {
            return undocumented("RT-8", format!("the route state `filtered` of {net}"));
        }
        if rivals().any(|rival| rival.target != best.target) {
            match preference {
                Preference::Static => {}
                Preference::FromList => {
                    return undocumented("RT-5", format!("two prefix lists with different targets hold {net}"));
                }
                Preference::Propagated => return undocumented("RT-5", format!("several gateways propagate {net}")),
                Preference::Advertised => {
                    return undocumented("RT-5", format!("a route server advertises {net} twice"));
                }
            }
        }
        Way::Route(best, net)
    }

    /// RT-10: whether a list without entries could hold the destination.
    fn may_hold(&self, route: &Route, destination: IpAddr, local: bool) -> bool {
        let Destination::PrefixList(list) = &route.destination else { return false };
        let family = list.known().and_then(|list| self.network.prefix_lists.get(list).family);
        if family.is_some_and(|family| family != Family::of(destination)) {
            return false;
        }
        // PL-9: the lists of gateway endpoints hold a service's public ranges.
        let of_service = match &route.target {
            RouteTarget::Endpoint(Ref::Known(endpoint)) => {
                self.network.endpoints.get(*endpoint).kind == EndpointKind::Gateway
            }
            _ => false,
        };
        !of_service || !(local || super::space::is_private(destination))
    }
}

fn compile(network: &Network, table: &RouteTable) -> Table {
    let entries = |list: &Ref<PrefixList>| list.known().and_then(|idx| network.prefix_lists.get(idx).cidrs.as_ref());
    let mut nets: Vec<(IpNet, Preference, usize)> = Vec::new();
    let mut unread = Vec::new();
    for (position, route) in table.routes.iter().enumerate() {
        match &route.destination {
            Destination::Cidr(net) => {
                let preference = match route.origin {
                    RouteOrigin::Static => Preference::Static,
                    RouteOrigin::Propagated => Preference::Propagated,
                    RouteOrigin::Advertised => Preference::Advertised,
                };
                nets.push((net.trunc(), preference, position));
            }
            Destination::PrefixList(list) => match entries(list) {
                Some(cidrs) => nets.extend(cidrs.iter().map(|net| (net.trunc(), Preference::FromList, position))),
                None => unread.push(position),
            },
        }
    }
    let trie = Trie::new(nets.iter().map(|(net, ..)| *net));
    let mut routes: Vec<Vec<(Preference, usize)>> = vec![Vec::new(); trie.len()];
    for (net, preference, position) in nets {
        if let Some(list) = trie.node(&net).and_then(|node| routes.get_mut(node.position())) {
            list.push((preference, position));
        }
    }
    for list in &mut routes {
        list.sort_unstable();
        list.dedup();
    }
    Table { trie, routes, unread }
}
