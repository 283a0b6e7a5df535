//! Route selection: longest prefix, then the tie-breaks.

use std::net::IpAddr;

use ipnet::IpNet;
use reach_model::Call;
use reach_model::network::{
    Destination, EndpointKind, Idx, Network, Ref, Route, RouteOrigin, RouteState, RouteTable, RouteTarget,
};

use crate::reason::Code;

/// What a route table says of a destination.
#[derive(Debug, Clone, PartialEq)]
pub enum RouteChoice<'n> {
    /// This route, by this prefix.
    Route(&'n Route, IpNet),
    /// RT-7: no route, no way.
    NoRoute,
    /// What decides is not in the snapshot, or AWS does not say.
    Unknown(Code, &'static str, Option<Call>, String),
}

/// The rank of a route among those of equal prefix length (RT-5): lower wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Static,
    PrefixList,
    Propagated,
    Advertised,
}

/// Chooses the route of `table` for `destination` (RT-2, RT-5, RT-6, RT-8, RT-10), whatever the order of the listing.
/// O(|routes| + |prefix-list entries|).
pub fn choose_route(network: &Network, table: Idx<RouteTable>, destination: IpAddr) -> RouteChoice<'_> {
    let table = network.route_tables.get(table);
    let local = table.routes.iter().any(|route| {
        route.target == RouteTarget::Local
            && matches!(&route.destination, Destination::Cidr(net) if net.contains(&destination))
    });
    let mut candidates: Vec<(&Route, IpNet, Rank)> = Vec::new();
    let mut unseen: Option<&Route> = None;
    for route in &table.routes {
        let (net, rank) = match &route.destination {
            Destination::Cidr(net) if net.contains(&destination) => {
                let rank = match route.origin {
                    RouteOrigin::Static => Rank::Static,
                    RouteOrigin::Propagated => Rank::Propagated,
                    RouteOrigin::Advertised => Rank::Advertised,
                };
                (*net, rank)
            }
            Destination::Cidr(_) => continue,
            Destination::PrefixList(list) => {
                let list = list.known().map(|idx| network.prefix_lists.get(idx));
                match list.and_then(|list| list.cidrs.as_ref()) {
                    Some(cidrs) => {
                        let longest =
                            cidrs.iter().filter(|net| net.contains(&destination)).max_by_key(|n| n.prefix_len());
                        let Some(net) = longest else { continue };
                        (*net, Rank::PrefixList)
                    }
                    None => {
                        if could_match(network, route, destination, local) {
                            unseen.get_or_insert(route);
                        }
                        continue;
                    }
                }
            }
        };
        // RT-6: what a VPN or Direct Connect propagates never beats the VPC's own addresses.
        if !(local && rank == Rank::Propagated) {
            candidates.push((route, net, rank));
        }
    }
    let longest = candidates.iter().map(|(_, net, _)| net.prefix_len()).max();
    candidates.retain(|(_, net, _)| Some(net.prefix_len()) == longest);
    let first = candidates.iter().min_by_key(|(_, _, rank)| *rank).copied();
    // RT-10: a list without entries may hold anything, but no entry beats a static route to the address alone.
    if let Some(route) = unseen
        && !first.is_some_and(|(_, net, rank)| rank == Rank::Static && net.prefix_len() == net.max_prefix_len())
    {
        let call = Some(Call::GetManagedPrefixListEntries);
        return RouteChoice::Unknown(Code::NotCollected, "RT-10", call, list_name(network, route));
    }
    let Some((route, net, rank)) = first else { return RouteChoice::NoRoute };
    // A route server's routes against propagated and local ones of the same prefix: the order is not documented (RT-5).
    let unranked = (rank == Rank::Propagated || route.target == RouteTarget::Local)
        && candidates.iter().any(|(other, _, rank)| *rank == Rank::Advertised && other.target != route.target);
    if unranked {
        let note = format!("the rank of a route server's route to {net}");
        return RouteChoice::Unknown(Code::Undocumented, "RT-5", None, note);
    }
    candidates.retain(|(_, _, other)| *other == rank);
    if candidates.iter().any(|(route, _, _)| route.state == RouteState::Filtered) {
        return RouteChoice::Unknown(Code::Undocumented, "RT-8", None, format!("the route state `filtered` of {net}"));
    }
    if candidates.iter().any(|(other, _, _)| other.target != route.target) {
        // RT-5: of two prefix lists AWS picks one at random and keeps it; who announces better is not in the table.
        let note = match rank {
            Rank::Static => return RouteChoice::Route(route, net),
            Rank::PrefixList => format!("two prefix lists with different targets hold {net}"),
            Rank::Propagated => format!("several gateways propagate {net}"),
            Rank::Advertised => format!("a route server advertises {net} twice"),
        };
        return RouteChoice::Unknown(Code::Undocumented, "RT-5", None, note);
    }
    RouteChoice::Route(route, net)
}

/// Whether a prefix list whose entries are not in the snapshot could hold `destination`.
fn could_match(network: &Network, route: &Route, destination: IpAddr, local: bool) -> bool {
    let Destination::PrefixList(list) = &route.destination else { return false };
    let list = list.known().map(|idx| network.prefix_lists.get(idx));
    if list.and_then(|list| list.family).is_some_and(|family| family != reach_packets::Family::of(destination)) {
        return false;
    }
    // The lists of gateway endpoints hold a service's public ranges (PL-9), never private addresses of a VPC.
    let gateway_endpoint = match &route.target {
        RouteTarget::Endpoint(Ref::Known(endpoint)) => network.endpoints.get(*endpoint).kind == EndpointKind::Gateway,
        _ => false,
    };
    !(gateway_endpoint && (local || is_private(destination)))
}

fn list_name(network: &Network, route: &Route) -> String {
    match &route.destination {
        Destination::PrefixList(list) => list.id(&network.prefix_lists).to_string(),
        Destination::Cidr(net) => net.to_string(),
    }
}

/// RFC 1918, RFC 6598 and unique local addresses.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_private() || is_rfc6598(address),
        IpAddr::V6(v6) => (v6.segments()[0] & 0xfe00) == 0xfc00,
    }
}

/// 100.64.0.0/10.
pub(super) fn is_rfc6598(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.octets()[0] == 100 && (v4.octets()[1] & 0xc0) == 64)
}

/// RT-11: 169.254.168.0/22 and `fd00:ec2::/32` are never forwarded.
pub(super) fn is_unroutable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets()[0] == 169 && v4.octets()[1] == 254 && (v4.octets()[2] & 0xfc) == 168,
        IpAddr::V6(v6) => v6.segments()[0] == 0xfd00 && v6.segments()[1] == 0x0ec2,
    }
}

/// Multicast, broadcast, unspecified and reserved addresses.
pub(super) fn is_never_unicast(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets()[0] == 0 || v4.octets()[0] >= 224,
        IpAddr::V6(v6) => v6.is_multicast() || v6.is_unspecified(),
    }
}

/// 169.254.0.0/16 and `fe80::/10`.
pub(super) fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => (v6.segments()[0] & 0xffc0) == 0xfe80,
    }
}
