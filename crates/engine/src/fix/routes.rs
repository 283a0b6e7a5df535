//! Routes: another table that knows the way, or a new route to a target that is there (RT-1, RT-2, RT-7, RT-8).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use reach_model::change::{
    AssociateRouteTable, AttributeValue, Change, ModifyNetworkInterfaceAttribute, ReplaceRouteTableAssociation, Route,
};
use reach_model::network::{
    AssociatedWith, AttachmentKind, Destination, Idx, Network, NetworkInterface, Ref, RouteState, RouteTable,
    RouteTarget, Subnet, Vpc,
};
use reach_packets::Family;

use super::peers::{everywhere, subnet_of, vpc_of};
use super::propose::{Choices, Proposal, Round, Trouble};
use crate::endpoint::Endpoint;
use crate::reason::{RuleRef, Site};
use crate::simulate::{RouteChoice, choose_route, is_private_address};
use crate::verdict::Verdict;

/// A way that a table lacks.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Gap {
    table: Idx<RouteTable>,
    /// What a new route would be for.
    destination: IpNet,
    /// The route that wins and leads nowhere.
    blackhole: Option<IpNet>,
}

/// Who lacks it.
#[derive(Debug, Default)]
struct Stranded {
    subnets: BTreeSet<Idx<Subnet>>,
    /// Addresses that are sent to.
    targets: BTreeSet<IpAddr>,
    /// Interfaces that send, with the address they send from.
    senders: BTreeSet<(Idx<NetworkInterface>, IpAddr)>,
}

/// Ways for every table; `None` where there is none.
pub(super) fn proposals(round: &Round<'_>, troubles: &[Trouble<'_>], choices: &mut Choices) -> Option<Vec<Proposal>> {
    let network = round.network;
    let mut gaps: BTreeMap<Gap, Stranded> = BTreeMap::new();
    for trouble in troubles {
        let (Site::RouteTable(table), Some(packet)) = (&trouble.reason.site, trouble.packet()) else { return None };
        let (mut senders, mut receivers) = trouble.ends();
        let mut target = packet.destination;
        let mut sender = packet.source;
        // RT-20: for what comes from outside, it is the way back to the source that the destination's table lacks.
        if trouble.reason.semantics == "RT-20" {
            (senders, receivers) = (receivers, senders);
            (target, sender) = (packet.source, packet.destination);
        }
        let blackhole = match trouble.reason.rule {
            Some(RuleRef::Route(_, net)) => Some(net),
            _ => blackhole(network, *table, target),
        };
        let destination = destination(network, *table, receivers, target)?;
        let stranded = gaps.entry(Gap { table: *table, destination, blackhole }).or_default();
        stranded.targets.insert(target);
        let family = Family::of(target);
        let interfaces = senders.iter().filter_map(|end| Some((end.interface()?, end.addresses(family).first()?)));
        for (interface, address) in interfaces {
            let subnet = subnet_of(network, interface);
            if let Some(subnet) = subnet.filter(|subnet| network.subnets.get(*subnet).route_table == Some(*table)) {
                stranded.subnets.insert(subnet);
                stranded.senders.insert((interface, address));
            }
        }
        if stranded.subnets.is_empty() {
            // A translator or an attachment in between stands in a subnet of its own.
            let near = network.subnets.iter().filter(|(_, subnet)| subnet.route_table == Some(*table));
            let holds = near.filter(|(_, subnet)| subnet.contains(sender)).map(|(idx, _)| idx);
            stranded.subnets.extend(holds);
        }
    }
    let mut proposals = Vec::new();
    for (gap, stranded) in &gaps {
        let others = other_tables(round, gap, stranded);
        let routes = new_routes(network, gap, stranded);
        choices.routes |= !others.is_empty() && !routes.is_empty();
        let mut options: Vec<Vec<Change>> = Vec::new();
        if round.strategy.new_route {
            options.extend(routes.into_iter().map(|route| vec![route]));
            options.extend(Some(others).filter(|others| !others.is_empty()));
        } else {
            options.extend(Some(others).filter(|others| !others.is_empty()));
            options.extend(routes.into_iter().map(|route| vec![route]));
        }
        if options.is_empty() {
            return None;
        }
        proposals.push(Proposal { options });
    }
    Some(proposals)
}

/// The prefix of the blackhole that wins in a table.
fn blackhole(network: &Network, table: Idx<RouteTable>, target: IpAddr) -> Option<IpNet> {
    match choose_route(network, table, target) {
        RouteChoice::Route(route, net) if route.state == RouteState::Blackhole || route.target == RouteTarget::None => {
            Some(net)
        }
        _ => None,
    }
}

fn vpc_of_table(network: &Network, table: Idx<RouteTable>) -> Option<Idx<Vpc>> {
    network.route_tables.get(table).vpc.as_ref().and_then(Ref::known)
}

/// What a new route is for: the other VPC's CIDR, the whole family for the internet, else the range that was asked.
fn destination(network: &Network, table: Idx<RouteTable>, receivers: &[Endpoint], target: IpAddr) -> Option<IpNet> {
    let own = vpc_of_table(network, table);
    let of_vpc = |vpc: Idx<Vpc>| {
        let vpc = network.vpcs.get(vpc);
        let v4 = vpc.cidrs_v4.iter().copied().map(IpNet::V4);
        v4.chain(vpc.cidrs_v6.iter().copied().map(IpNet::V6)).find(|cidr| cidr.contains(&target))
    };
    let ends = receivers.iter().filter_map(Endpoint::interface).filter_map(|interface| vpc_of(network, interface));
    if let Some(cidr) = ends.filter(|vpc| Some(*vpc) != own).find_map(of_vpc) {
        return Some(cidr);
    }
    let peers = peerings(network, own?);
    if let Some(cidr) = peers.into_iter().flat_map(|(_, cidrs)| cidrs).find(|cidr| cidr.contains(&target)) {
        return Some(cidr);
    }
    if !is_private_address(target) {
        return everywhere(Family::of(target));
    }
    let asked = receivers.iter().filter_map(|end| match end {
        Endpoint::Outside(outside) => outside.addresses.cidrs().into_iter().find(|cidr| cidr.contains(&target)),
        _ => None,
    });
    Some(asked.min().unwrap_or_else(|| target.into()))
}

/// The active peerings of a VPC with the CIDRs of the other side.
fn peerings(network: &Network, vpc: Idx<Vpc>) -> Vec<(String, Vec<IpNet>)> {
    let own = &network.vpcs.get(vpc).id;
    let active = network.peerings.iter().filter(|(_, peering)| peering.is_active());
    active
        .filter_map(|(_, peering)| {
            let side = peering.other_side(own)?;
            let mut cidrs = side.cidrs.clone();
            if let Some(vpc) = side.vpc.as_ref().and_then(|id| network.vpcs.find(id)) {
                let vpc = network.vpcs.get(vpc);
                cidrs.extend(vpc.cidrs_v4.iter().copied().map(IpNet::V4));
                cidrs.extend(vpc.cidrs_v6.iter().copied().map(IpNet::V6));
            }
            Some((peering.id.to_string(), cidrs))
        })
        .collect()
}

/// Whether a sender can use a route's target for what it sends.
fn fits(network: &Network, target: &RouteTarget, stranded: &Stranded) -> bool {
    match target {
        RouteTarget::Local | RouteTarget::None | RouteTarget::Other(_) => false,
        RouteTarget::InternetGateway(_) => all_public(network, stranded),
        RouteTarget::NatGateway(nat) => {
            nat.known().is_some_and(|nat| &*network.nat_gateways.get(nat).state == "available")
        }
        RouteTarget::Peering(peering) => peering.known().is_some_and(|idx| network.peerings.get(idx).is_active()),
        _ => true,
    }
}

/// RT-15: whether all senders have a public address to leave by; IPv6 addresses are their own.
fn all_public(network: &Network, stranded: &Stranded) -> bool {
    !stranded.senders.is_empty()
        && stranded.senders.iter().all(|(interface, address)| {
            address.is_ipv6() || network.interfaces.get(*interface).public_of(*address).is_some()
        })
}

/// Another table of the VPC for each subnet: one that subnets of reachable pairs use, then one whose translator stands
/// in the same zone, then the one that most subnets use.
fn other_tables(round: &Round<'_>, gap: &Gap, stranded: &Stranded) -> Vec<Change> {
    let network = round.network;
    let vpc = vpc_of_table(network, gap.table);
    let mut reachable: BTreeSet<Idx<RouteTable>> = BTreeSet::new();
    let groups = round.answer.groups.iter().filter(|group| group.answer.verdict == Verdict::Reachable);
    for end in groups.flat_map(|group| group.from.iter().chain(&group.to)) {
        let subnet = end.interface().and_then(|interface| subnet_of(network, interface));
        reachable.extend(subnet.and_then(|subnet| network.subnets.get(subnet).route_table));
    }
    let knows = |table: Idx<RouteTable>| {
        stranded.targets.iter().all(|target| match choose_route(network, table, *target) {
            RouteChoice::Route(route, _) => route.state == RouteState::Active && fits(network, &route.target, stranded),
            _ => false,
        })
    };
    // What the old table leads to, the new one has to lead to as well: a fix takes no other way away.
    let own: Vec<&reach_model::network::Route> =
        network.route_tables.get(gap.table).routes.iter().filter(|route| route.target != RouteTarget::Local).collect();
    let holds = |table: Idx<RouteTable>| {
        let routes = &network.route_tables.get(table).routes;
        own.iter()
            .filter(|route| route.state == RouteState::Active)
            .all(|old| routes.iter().any(|new| new.destination == old.destination && new.target == old.target))
    };
    let used =
        |table: Idx<RouteTable>| network.subnets.iter().filter(|(_, subnet)| subnet.route_table == Some(table)).count();
    let tables: Vec<(Idx<RouteTable>, usize)> = network
        .route_tables
        .iter()
        .filter(|(idx, table)| *idx != gap.table && vpc_of_table(network, *idx) == vpc && table.gateways.is_empty())
        .map(|(idx, _)| idx)
        .filter(|idx| knows(*idx) && holds(*idx))
        .map(|idx| (idx, used(idx)))
        // A table that no subnet uses may be anything.
        .filter(|(_, used)| *used > 0)
        .collect();
    let mut changes = Vec::new();
    for &subnet in &stranded.subnets {
        let zone = network.subnets.get(subnet).zone.as_deref();
        let best = tables.iter().min_by_key(|(idx, used)| {
            let far = stranded.targets.iter().any(|target| match choose_route(network, *idx, *target) {
                RouteChoice::Route(route, _) => zone_of(network, &route.target).is_some_and(|of| Some(of) != zone),
                _ => true,
            });
            let id = &network.route_tables.get(*idx).id;
            (!reachable.contains(idx), far, std::cmp::Reverse(*used), id)
        });
        let Some((table, _)) = best else { return Vec::new() };
        let Some(change) = associate(network, subnet, gap.table, *table) else { return Vec::new() };
        changes.push(change);
    }
    changes
}

/// The zone of a route's target, where it stands in one.
fn zone_of<'n>(network: &'n Network, target: &RouteTarget) -> Option<&'n str> {
    let RouteTarget::NatGateway(nat) = target else { return None };
    let subnet = network.nat_gateways.get(nat.known()?).subnet.as_ref()?.known()?;
    network.subnets.get(subnet).zone.as_deref()
}

/// RT-1: the call by which a subnet comes to use another table.
fn associate(network: &Network, subnet: Idx<Subnet>, old: Idx<RouteTable>, new: Idx<RouteTable>) -> Option<Change> {
    let id = &network.subnets.get(subnet).id;
    let route_table_id = network.route_tables.get(new).id.to_string();
    let old = network.route_tables.get(old);
    if !old.subnets.contains(id) {
        return Some(Change::AssociateRouteTable(AssociateRouteTable {
            route_table_id,
            subnet_id: Some(id.to_string()),
            gateway_id: None,
        }));
    }
    let own = old.associations.iter().find(|association| association.with == AssociatedWith::Subnet(id.clone()))?;
    Some(Change::ReplaceRouteTableAssociation(ReplaceRouteTableAssociation {
        association_id: own.id.to_string(),
        route_table_id,
    }))
}

/// New routes, or others in a blackhole's place, to what is there and fits: a peering, a transit gateway, and for the
/// internet its gateway or a NAT gateway of the zone.
fn new_routes(network: &Network, gap: &Gap, stranded: &Stranded) -> Vec<Change> {
    let Some(vpc) = vpc_of_table(network, gap.table) else { return Vec::new() };
    let id = &network.vpcs.get(vpc).id;
    let zones: BTreeSet<&str> =
        stranded.subnets.iter().filter_map(|subnet| network.subnets.get(*subnet).zone.as_deref()).collect();
    let public = stranded.targets.iter().all(|target| !is_private_address(*target));
    let family = Family::of(gap.destination.addr());
    let mut targets: Vec<Route> = Vec::new();
    for (peering, cidrs) in peerings(network, vpc) {
        if stranded.targets.iter().all(|target| cidrs.iter().any(|cidr| cidr.contains(target))) {
            targets.push(Route { vpc_peering_connection_id: Some(peering), ..Route::default() });
        }
    }
    let mut attached: Vec<(bool, String)> = Vec::new();
    for (_, attachment) in network.attachments.iter() {
        let (AttachmentKind::Vpc(of), Some(gateway)) = (&attachment.kind, &attachment.gateway) else { continue };
        if of != id || !attachment.is_available() {
            continue;
        }
        let subnets = attachment.subnets.iter().flatten().filter_map(Ref::known);
        let own: BTreeSet<&str> = subnets.filter_map(|subnet| network.subnets.get(subnet).zone.as_deref()).collect();
        attached.push((!zones.is_subset(&own), gateway.to_string()));
    }
    attached.sort();
    let through = |(_, gateway): (bool, String)| Route { transit_gateway_id: Some(gateway), ..Route::default() };
    let attached: Vec<Route> = attached.into_iter().map(through).collect();
    if !public {
        targets.extend(attached);
        return targets.into_iter().map(|target| route(network, gap, target)).collect();
    }
    if all_public(network, stranded)
        && let Some(gateway) = network.vpcs.get(vpc).internet_gateway
    {
        let gateway_id = Some(network.internet_gateways.get(gateway).id.to_string());
        targets.push(Route { gateway_id, ..Route::default() });
    }
    if family == Family::V4 {
        let mut nats: Vec<(bool, String)> = Vec::new();
        for (_, nat) in network.nat_gateways.iter() {
            let subnet = nat.subnet.as_ref().and_then(Ref::known);
            let here = nat.vpc.as_ref() == Some(id);
            // A NAT gateway that sends to itself would be a loop.
            let loops = subnet.is_some_and(|subnet| network.subnets.get(subnet).route_table == Some(gap.table));
            if here && nat.public && &*nat.state == "available" && !loops {
                let zone = subnet.and_then(|subnet| network.subnets.get(subnet).zone.as_deref());
                nats.push((!zone.is_some_and(|zone| zones.contains(zone)), nat.id.to_string()));
            }
        }
        nats.sort();
        targets.extend(nats.into_iter().map(|(_, id)| Route { nat_gateway_id: Some(id), ..Route::default() }));
    } else {
        let gateways = network.egress_only_gateways.iter().filter(|(_, gateway)| gateway.vpcs.contains(id));
        targets.extend(gateways.map(|(_, gateway)| Route {
            egress_only_internet_gateway_id: Some(gateway.id.to_string()),
            ..Route::default()
        }));
    }
    targets.extend(attached);
    targets.into_iter().map(|target| route(network, gap, target)).collect()
}

/// The route with its destination: new, or in a blackhole's place.
fn route(network: &Network, gap: &Gap, target: Route) -> Change {
    let table = network.route_tables.get(gap.table);
    let mut route = Route { route_table_id: table.id.to_string(), ..target };
    let replaced = gap.blackhole.and_then(|net| {
        table.routes.iter().find(|route| {
            route.state == RouteState::Blackhole
                && match &route.destination {
                    Destination::Cidr(own) => *own == net,
                    Destination::PrefixList(list) => {
                        let list = list.known().map(|idx| network.prefix_lists.get(idx));
                        list.is_some_and(|list| list.cidrs.iter().flatten().any(|own| *own == net))
                    }
                }
        })
    });
    let mut name = |net: &IpNet| match net {
        IpNet::V4(net) => route.destination_cidr_block = Some(net.to_string()),
        IpNet::V6(net) => route.destination_ipv6_cidr_block = Some(net.to_string()),
    };
    match replaced.map(|route| &route.destination) {
        None => name(&gap.destination),
        Some(Destination::Cidr(net)) => name(net),
        Some(Destination::PrefixList(list)) => {
            route.destination_prefix_list_id = Some(list.id(&network.prefix_lists).to_string());
        }
    }
    if replaced.is_some() { Change::ReplaceRoute(route) } else { Change::CreateRoute(route) }
}

/// SG-27: the check of an instance that routes send others' packets to.
pub(super) fn forwarding(network: &Network, trouble: &Trouble<'_>) -> Option<Proposal> {
    let Site::Interface(at) = trouble.reason.site else { return None };
    let interface = network.interfaces.get(at);
    let packet = trouble.packet()?;
    // A sender whose address is not its own is no forwarder.
    interface.instance()?;
    if interface.owns(packet.destination) {
        return None;
    }
    Some(Proposal {
        options: vec![vec![Change::ModifyNetworkInterfaceAttribute(ModifyNetworkInterfaceAttribute {
            network_interface_id: interface.id.to_string(),
            source_dest_check: Some(AttributeValue { value: false }),
            ..ModifyNetworkInterfaceAttribute::default()
        })]],
    })
}
