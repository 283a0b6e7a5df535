//! Changes of routes and of what route tables are associated with.

use ipnet::IpNet;

use super::filter::surely_absent;
use super::quota::weight;
use super::{Refusal, lookup};
use crate::api::Call;
use crate::change::{DeleteRoute, Route as Input, is_unknown};
use crate::ids::{InternetGatewayId, VpnGatewayId};
use crate::network::filter::{cidr, cidr_v4, cidr_v6};
use crate::network::{
    AttachmentKind, Destination, EndpointKind, Idx, Network, NetworkInterface, Peering, Ref, Resource, Route,
    RouteOrigin, RouteState, RouteTable, RouteTarget, Table, Vpc,
};

/// Static routes of a table per family, after every raise of the quota.
const ROUTES: usize = 1000;

/// What cannot be routed at all (RT-11).
const UNROUTABLE: [&str; 2] = ["169.254.168.0/22", "fd00:ec2::/32"];

/// The destination that a call names.
fn destination(
    network: &Network,
    table: &RouteTable,
    v4: Option<&str>,
    v6: Option<&str>,
    list: Option<&str>,
) -> Result<Destination, Refusal> {
    let bad = |text: &str| Refusal::value(format!("value ({text}) for the destination is invalid: not a CIDR block"));
    match (v4, v6, list) {
        (Some(text), None, None) => cidr_v4(text).map(Destination::Cidr).ok_or_else(|| bad(text)),
        (None, Some(text), None) => cidr_v6(text).map(Destination::Cidr).ok_or_else(|| bad(text)),
        (None, None, Some(text)) => {
            let list = lookup::list_reference(network, text)?;
            // A route that is there may name a list that is not in the snapshot.
            let named = table.routes.iter().any(|route| route.destination == Destination::PrefixList(list.clone()));
            let absent = surely_absent(network, table.vpc.as_ref(), Call::DescribeManagedPrefixLists);
            if list.known().is_none() && absent && !named && !is_unknown(text) {
                return Err(lookup::PREFIX_LIST.not_found(text));
            }
            Ok(Destination::PrefixList(list))
        }
        (None, None, None) => Err(Refusal::missing("DestinationCidrBlock")),
        _ => Err(Refusal::combination("a route has one destination")),
    }
}

fn told(network: &Network, destination: &Destination) -> String {
    match destination {
        Destination::Cidr(net) => net.to_string(),
        Destination::PrefixList(list) => list.id(&network.prefix_lists).to_string(),
    }
}

/// The CIDRs of a table's VPC; none where it is not in the snapshot.
fn vpc_nets(network: &Network, vpc: Option<Idx<Vpc>>) -> Vec<IpNet> {
    let Some(vpc) = vpc.map(|idx| network.vpcs.get(idx)) else { return Vec::new() };
    let v4 = vpc.cidrs_v4.iter().copied().map(IpNet::V4);
    v4.chain(vpc.cidrs_v6.iter().copied().map(IpNet::V6)).collect()
}

/// Whether a destination is one of the VPC's own CIDRs: its route is the local one, whatever its target (RT-3).
fn is_local(network: &Network, table: &RouteTable, route: &Route) -> bool {
    let own = || match &route.destination {
        Destination::Cidr(net) => vpc_nets(network, table.vpc.as_ref().and_then(Ref::known)).contains(net),
        Destination::PrefixList(_) => false,
    };
    route.target == RouteTarget::Local || own()
}

/// Whether a route is of a gateway endpoint, whose routes are the endpoint's to change.
fn is_of_endpoint(network: &Network, route: &Route) -> bool {
    match (&route.target, &route.destination) {
        (RouteTarget::Endpoint(Ref::Known(endpoint)), _) => {
            network.endpoints.get(*endpoint).kind == EndpointKind::Gateway
        }
        (RouteTarget::Endpoint(Ref::Missing(_)), Destination::PrefixList(_)) => true,
        _ => false,
    }
}

/// The static route of a table to `destination`.
fn static_route(table: &RouteTable, destination: &Destination) -> Option<usize> {
    let mut own = table.routes.iter();
    own.position(|route| route.origin == RouteOrigin::Static && route.destination == *destination)
}

/// A target of a route that must be there where its kind was collected in full.
fn target_of<T>(
    network: &Network,
    vpc: Option<&Ref<Vpc>>,
    table: &Table<T>,
    text: &str,
    call: Call,
    not_found: &'static str,
) -> Result<Ref<T>, Refusal>
where
    T: Resource,
    T::Id: std::str::FromStr,
{
    if let Some(idx) = table.find_text(text) {
        return Ok(Ref::Known(idx));
    }
    let refused = || Refusal::new(not_found, format!("the ID '{text}' does not exist"));
    let id = text.parse().map_err(|_| refused())?;
    if surely_absent(network, vpc, call) && !is_unknown(text) { Err(refused()) } else { Ok(Ref::Missing(id)) }
}

/// The target that a call names, and whether packets can use it.
fn target(network: &Network, table: &RouteTable, input: &Input) -> Result<(RouteTarget, RouteState), Refusal> {
    let named = [
        &input.gateway_id,
        &input.nat_gateway_id,
        &input.transit_gateway_id,
        &input.vpc_peering_connection_id,
        &input.egress_only_internet_gateway_id,
        &input.network_interface_id,
        &input.instance_id,
        &input.vpc_endpoint_id,
    ];
    match named.into_iter().flatten().count() {
        0 => return Err(Refusal::missing("a target of the route")),
        1 => {}
        _ => return Err(Refusal::combination("a route has one target")),
    }
    let vpc = table.vpc.as_ref();
    let vpc_id = vpc.map(|vpc| vpc.id(&network.vpcs));
    let elsewhere = |text: &str| Refusal::value(format!("{} and {text} belong to different networks", table.id));
    let state = |works: bool| if works { RouteState::Active } else { RouteState::Blackhole };
    if let Some(text) = &input.gateway_id {
        return gateway(network, table, text);
    }
    if let Some(text) = &input.nat_gateway_id {
        let nat = target_of(
            network,
            vpc,
            &network.nat_gateways,
            text,
            Call::DescribeNatGateways,
            "InvalidNatGatewayID.NotFound",
        )?;
        let gateway = nat.known().map(|idx| network.nat_gateways.get(idx));
        if gateway.is_some_and(|gateway| !gateway.exists()) {
            return Err(Refusal::new("InvalidNatGatewayID.NotFound", format!("the ID '{text}' does not exist")));
        }
        if gateway.is_some_and(|gateway| gateway.vpc.is_some() && vpc_id.is_some() && gateway.vpc.as_ref() != vpc_id) {
            return Err(elsewhere(text));
        }
        let works = gateway.is_none_or(|gateway| matches!(&*gateway.state, "available" | "pending"));
        return Ok((RouteTarget::NatGateway(nat), state(works)));
    }
    if let Some(text) = &input.transit_gateway_id {
        let code = "InvalidTransitGatewayID.NotFound";
        let gateway = target_of(network, vpc, &network.transit_gateways, text, Call::DescribeTransitGateways, code)?;
        let attachments = surely_absent(network, vpc, Call::DescribeTransitGatewayAttachments);
        let attached = network.attachments.iter().any(|(_, attachment)| {
            let here = matches!(&attachment.kind, AttachmentKind::Vpc(id) if Some(id) == vpc_id);
            here && attachment.gateway.as_ref().is_some_and(|id| id.as_str() == text) && attachment.is_available()
        });
        if attachments && !attached && vpc_id.is_some() && !is_unknown(text) {
            return Err(Refusal::new(code, format!("transit gateway {text} has no attachment in the VPC")));
        }
        return Ok((RouteTarget::TransitGateway(gateway), RouteState::Active));
    }
    if let Some(text) = &input.vpc_peering_connection_id {
        let code = "InvalidVpcPeeringConnectionID.NotFound";
        let peering = target_of(network, vpc, &network.peerings, text, Call::DescribeVpcPeeringConnections, code)?;
        let known = peering.known().map(|idx| network.peerings.get(idx));
        if known.is_some_and(|peering| vpc_id.is_some_and(|id| peering.other_side(id).is_none())) {
            return Err(elsewhere(text));
        }
        return Ok((RouteTarget::Peering(peering), state(known.is_none_or(Peering::is_active))));
    }
    if let Some(text) = &input.egress_only_internet_gateway_id {
        let code = "InvalidEgressOnlyInternetGatewayId.NotFound";
        let call = Call::DescribeEgressOnlyInternetGateways;
        let gateway = target_of(network, vpc, &network.egress_only_gateways, text, call, code)?;
        let known = gateway.known().map(|idx| network.egress_only_gateways.get(idx));
        if known.is_some_and(|gateway| vpc_id.is_some_and(|id| !gateway.vpcs.contains(id))) {
            return Err(elsewhere(text));
        }
        return Ok((RouteTarget::EgressOnlyGateway(gateway), RouteState::Active));
    }
    if let Some(text) = &input.network_interface_id {
        let code = lookup::INTERFACE.not_found;
        let interface = target_of(network, vpc, &network.interfaces, text, Call::DescribeNetworkInterfaces, code)?;
        let works = match interface.known() {
            Some(idx) if lookup::differ(network.interfaces.get(idx).vpc.as_ref(), vpc) => return Err(elsewhere(text)),
            Some(idx) => forwards(network, idx),
            None => true,
        };
        return Ok((RouteTarget::Interface(interface), state(works)));
    }
    if let Some(text) = &input.instance_id {
        let code = "InvalidInstanceID.NotFound";
        let instance = target_of(network, vpc, &network.instances, text, Call::DescribeInstances, code)?;
        let Some(idx) = instance.known() else { return Ok((RouteTarget::Instance(instance), RouteState::Active)) };
        // AWS names the instance's only interface in the route, beside the instance.
        return match network.instances.get(idx).interfaces.as_slice() {
            [] => Ok((RouteTarget::Instance(instance), state(network.instances.get(idx).is_live()))),
            [one] if lookup::differ(network.interfaces.get(*one).vpc.as_ref(), vpc) => Err(elsewhere(text)),
            [one] => Ok((RouteTarget::Interface(Ref::Known(*one)), state(forwards(network, *one)))),
            _ => Err(Refusal::new("InvalidInstanceID", format!("{text} has several interfaces: name one of them"))),
        };
    }
    let text = input.vpc_endpoint_id.as_deref().unwrap_or("");
    let endpoint = lookup::endpoint_reference(network, text)?;
    match endpoint.known().map(|idx| network.endpoints.get(idx)) {
        None if surely_absent(network, vpc, Call::DescribeVpcEndpoints) && !is_unknown(text) => {
            Err(lookup::ENDPOINT.not_found(text))
        }
        None => Ok((RouteTarget::Endpoint(endpoint), RouteState::Active)),
        Some(known) if known.kind != EndpointKind::GatewayLoadBalancer => {
            Err(Refusal::value(format!("{text} is not a Gateway Load Balancer endpoint")))
        }
        Some(known) if known.vpc.is_some() && vpc_id.is_some() && known.vpc.as_ref() != vpc_id => Err(elsewhere(text)),
        Some(known) => Ok((RouteTarget::Endpoint(endpoint.clone()), state(known.available))),
    }
}

/// An internet or virtual private gateway.
pub(super) fn gateway(network: &Network, table: &RouteTable, text: &str) -> Result<(RouteTarget, RouteState), Refusal> {
    let vpc = table.vpc.as_ref();
    let code = "InvalidGatewayID.NotFound";
    if text.starts_with(VpnGatewayId::PREFIX) {
        // Virtual private gateways have no table of their own: what routes name is all that is known of them.
        let id = text.parse().map_err(|_| Refusal::new(code, format!("the gateway ID '{text}' does not exist")))?;
        return Ok((RouteTarget::VpnGateway(id), RouteState::Active));
    }
    if !text.starts_with(InternetGatewayId::PREFIX) {
        return Err(Refusal::new(code, format!("the gateway ID '{text}' does not exist")));
    }
    let gateway = target_of(network, vpc, &network.internet_gateways, text, Call::DescribeInternetGateways, code)?;
    let known = gateway.known().map(|idx| network.internet_gateways.get(idx));
    if known.is_some_and(|known| vpc.is_some_and(|vpc| !known.vpcs.contains(vpc.id(&network.vpcs)))) {
        return Err(Refusal::value(format!("{} and {text} belong to different networks", table.id)));
    }
    Ok((RouteTarget::InternetGateway(gateway), RouteState::Active))
}

/// Whether an interface can forward what a route sends to it: attached, and its instance is running (RT-8).
fn forwards(network: &Network, idx: Idx<NetworkInterface>) -> bool {
    let interface = network.interfaces.get(idx);
    let attached = interface.attachment.is_some() && interface.status.as_deref().is_none_or(|s| s == "in-use");
    let instance = interface.instance().and_then(Ref::known).map(|instance| network.instances.get(instance));
    attached && instance.is_none_or(crate::network::Instance::is_live)
}

/// Refuses targets that routes inside the VPC's own CIDRs cannot have (RT-3, RT-6).
fn check_inside(
    network: &Network,
    table: &RouteTable,
    destination: &Destination,
    target: &RouteTarget,
) -> Result<(), Refusal> {
    let Destination::Cidr(net) = destination else { return Ok(()) };
    if UNROUTABLE.into_iter().filter_map(cidr).any(|other| other.contains(net)) {
        return Err(Refusal::value(format!("{net} cannot be routed")));
    }
    let Some(vpc) = table.vpc.as_ref().and_then(Ref::known) else { return Ok(()) };
    let own = vpc_nets(network, Some(vpc));
    if !own.iter().any(|own| own.contains(net)) {
        return Ok(());
    }
    let mut subnets = network.vpcs.get(vpc).subnets.iter().flat_map(|subnet| network.subnets.get(*subnet).cidrs());
    let whole = own.contains(net) || subnets.any(|subnet| subnet == *net);
    if !whole && surely_absent(network, table.vpc.as_ref(), Call::DescribeSubnets) {
        return Err(Refusal::value(format!("route destination {net} does not match any subnet CIDR block")));
    }
    let steers = matches!(
        target,
        RouteTarget::Local
            | RouteTarget::NatGateway(_)
            | RouteTarget::Interface(_)
            | RouteTarget::Instance(_)
            | RouteTarget::Endpoint(_)
    );
    if steers { Ok(()) } else { Err(Refusal::value(format!("{net} is local and cannot have this target"))) }
}

/// Refuses more static routes of one family than a table can have; a prefix list counts as in rules.
fn check_routes(network: &Network, table: &RouteTable, more: &Destination) -> Result<(), Refusal> {
    let count = |destination: &Destination| match destination {
        Destination::Cidr(IpNet::V4(_)) | Destination::PrefixList(Ref::Missing(_)) => [1, 0],
        Destination::Cidr(IpNet::V6(_)) => [0, 1],
        Destination::PrefixList(Ref::Known(list)) => {
            let list = network.prefix_lists.get(*list);
            if list.family == Some(reach_packets::Family::V6) { [0, weight(list)] } else { [weight(list), 0] }
        }
    };
    let own =
        table.routes.iter().filter(|route| route.origin == RouteOrigin::Static && route.target != RouteTarget::Local);
    let [more_v4, more_v6] = count(more);
    let [v4, v6] = own.map(|route| count(&route.destination)).fold([more_v4, more_v6], |[a, b], [c, d]| [a + c, b + d]);
    if (more_v4 > 0 && v4 > ROUTES) || (more_v6 > 0 && v6 > ROUTES) {
        let message = format!("{} would have more than {ROUTES} routes", table.id);
        return Err(Refusal::new("RouteLimitExceeded", message));
    }
    Ok(())
}

/// Adds static routes without asking; the caller has checked them.
pub(super) fn push_route(network: &mut Network, table: Idx<RouteTable>, route: Route) {
    network.route_tables.get_mut(table).routes.push(route);
}

/// Refuses a static route to a destination that a table already has one to.
pub(super) fn check_new(network: &Network, table: Idx<RouteTable>, destination: &Destination) -> Result<(), Refusal> {
    let table = network.route_tables.get(table);
    if static_route(table, destination).is_some() {
        let message = format!("the route identified by {} already exists in {}", told(network, destination), table.id);
        return Err(Refusal::new("RouteAlreadyExists", message));
    }
    check_routes(network, table, destination)
}

fn named(network: &Network, table: &RouteTable, input: &Input) -> Result<Destination, Refusal> {
    destination(
        network,
        table,
        input.destination_cidr_block.as_deref(),
        input.destination_ipv6_cidr_block.as_deref(),
        input.destination_prefix_list_id.as_deref(),
    )
}

/// Refuses what an edge table cannot hold (RT-12).
fn check_edge(table: &RouteTable, destination: &Destination, target: &RouteTarget) -> Result<(), Refusal> {
    let steers = matches!(target, RouteTarget::Local | RouteTarget::Interface(_) | RouteTarget::Endpoint(_));
    let fits = steers && matches!(destination, Destination::Cidr(_));
    if !fits && !table.gateways.is_empty() {
        return Err(Refusal::value(format!("{} is associated with a gateway and cannot have this route", table.id)));
    }
    Ok(())
}

/// `CreateRoute`.
pub(super) fn create(network: &mut Network, input: &Input) -> Result<(), Refusal> {
    let idx = lookup::route_table(network, &input.route_table_id)?;
    let table = network.route_tables.get(idx);
    if input.local_target.is_some() {
        return Err(Refusal::combination("LocalTarget is for ReplaceRoute"));
    }
    let destination = named(network, table, input)?;
    let (target, state) = target(network, table, input)?;
    check_new(network, idx, &destination)?;
    check_inside(network, table, &destination, &target)?;
    check_edge(table, &destination, &target)?;
    push_route(network, idx, Route { destination, target, origin: RouteOrigin::Static, state });
    Ok(())
}

fn absent(network: &Network, table: &RouteTable, destination: &Destination) -> Refusal {
    let message = format!("no route with destination {} in {}", told(network, destination), table.id);
    Refusal::new("InvalidRoute.NotFound", message)
}

/// `ReplaceRoute`.
pub(super) fn replace(network: &mut Network, input: &Input) -> Result<(), Refusal> {
    let idx = lookup::route_table(network, &input.route_table_id)?;
    let table = network.route_tables.get(idx);
    let destination = named(network, table, input)?;
    let position = static_route(table, &destination);
    let position = position.ok_or_else(|| absent(network, table, &destination))?;
    let Some(route) = table.routes.get(position) else { return Err(absent(network, table, &destination)) };
    if is_of_endpoint(network, route) {
        return Err(Refusal::value(format!("cannot replace the VPC endpoint route {}", told(network, &destination))));
    }
    let (target, state) = if input.local_target == Some(true) {
        if !is_local(network, table, route) {
            return Err(Refusal::value(format!("{} is not a local route", told(network, &destination))));
        }
        (RouteTarget::Local, RouteState::Active)
    } else {
        target(network, table, input)?
    };
    check_inside(network, table, &destination, &target)?;
    check_edge(table, &destination, &target)?;
    if let Some(route) = network.route_tables.get_mut(idx).routes.get_mut(position) {
        (route.target, route.state) = (target, state);
    }
    Ok(())
}

/// `DeleteRoute`.
pub(super) fn delete(network: &mut Network, input: &DeleteRoute) -> Result<(), Refusal> {
    let idx = lookup::route_table(network, &input.route_table_id)?;
    let table = network.route_tables.get(idx);
    let (v4, v6) = (input.destination_cidr_block.as_deref(), input.destination_ipv6_cidr_block.as_deref());
    let destination = destination(network, table, v4, v6, input.destination_prefix_list_id.as_deref())?;
    let position = static_route(table, &destination);
    let position = position.ok_or_else(|| absent(network, table, &destination))?;
    let Some(route) = table.routes.get(position) else { return Err(absent(network, table, &destination)) };
    if is_local(network, table, route) {
        let message = format!("cannot remove local route {} in route table {}", told(network, &destination), table.id);
        return Err(Refusal::value(message));
    }
    if is_of_endpoint(network, route) {
        return Err(Refusal::value(format!("cannot remove the VPC endpoint route {}", told(network, &destination))));
    }
    network.route_tables.get_mut(idx).routes.remove(position);
    Ok(())
}
