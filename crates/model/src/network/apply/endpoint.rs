//! Changes of VPC endpoints.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::filter::groups_of;
use super::quota::check_groups;
use super::{Refusal, lookup, routing};
use crate::aws::Name;
use crate::change::{CreateVpcEndpoint, DeleteVpcEndpoints, ModifyVpcEndpoint};
use crate::ids::{EniId, VpcEndpointId};
use crate::network::{
    Destination, EndpointKind, IdleTimeouts, Idx, InterfaceAddress, InterfaceAttachment, InterfaceKind, Network,
    NetworkInterface, PrefixList, Ref, Route, RouteOrigin, RouteState, RouteTable, RouteTarget, SecurityGroup, Subnet,
    Tags, Vpc, VpcEndpoint,
};

/// Addresses at the start of every subnet that are AWS's own.
const RESERVED: u32 = 4;

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new("InvalidParameter", message)
}

/// The prefix list of a gateway endpoint's service.
///
/// A gateway endpoint is nothing but routes to that list (PL-9). Where the snapshot does not hold the list, its id is
/// not known and neither are the routes: that is this program's refusal, not AWS's, and its code says so.
fn list_of(network: &Network, service: &str) -> Result<Idx<PrefixList>, Refusal> {
    let mut lists = network.prefix_lists.iter();
    let found = lists.find(|(_, list)| list.name.as_deref() == Some(service)).map(|(idx, _)| idx);
    found.ok_or_else(|| {
        let message = format!(
            "the snapshot holds no prefix list of the name {service}, so the routes of the endpoint are not known \
             (collect describe-managed-prefix-lists)"
        );
        Refusal::new("UnknownPrefixList", message)
    })
}

/// The tables that a list of ids names, each once, all of `vpc`.
fn tables(network: &Network, ids: &[String], vpc: Option<Idx<Vpc>>) -> Result<Vec<Idx<RouteTable>>, Refusal> {
    let mut tables: Vec<Idx<RouteTable>> = Vec::new();
    for text in ids {
        let idx = lookup::route_table(network, text)?;
        if lookup::differ(network.route_tables.get(idx).vpc.as_ref(), vpc.map(Ref::Known).as_ref()) {
            return Err(invalid(format!("route table {text} belongs to another VPC")));
        }
        if !tables.contains(&idx) {
            tables.push(idx);
        }
    }
    Ok(tables)
}

/// The subnets that a list of ids names, all of `vpc`, at most one in a zone with `taken`, which have one already.
fn subnets(
    network: &Network,
    ids: &[String],
    vpc: Option<Idx<Vpc>>,
    taken: &[Idx<Subnet>],
) -> Result<Vec<Idx<Subnet>>, Refusal> {
    let mut subnets: Vec<Idx<Subnet>> = Vec::new();
    for text in ids {
        let idx = lookup::subnet(network, text)?;
        let subnet = network.subnets.get(idx);
        if lookup::differ(subnet.vpc.as_ref(), vpc.map(Ref::Known).as_ref()) {
            return Err(invalid(format!("subnet {text} belongs to another VPC")));
        }
        let same_zone = |other: &Idx<Subnet>| {
            let zone = &network.subnets.get(*other).zone;
            *other == idx || (zone.is_some() && *zone == subnet.zone)
        };
        if taken.iter().chain(&subnets).any(same_zone) {
            let message = format!("{text} is not the only subnet of its zone");
            return Err(Refusal::new("DuplicateSubnetsInSameZone", message));
        }
        subnets.push(idx);
    }
    Ok(subnets)
}

/// The first free IPv4 address of a subnet after those that AWS keeps for itself.
fn free_address(network: &Network, subnet: Idx<Subnet>) -> Result<Ipv4Addr, Refusal> {
    let subnet = network.subnets.get(subnet);
    let Some(net) = subnet.cidr_v4 else {
        return Err(invalid(format!("{} has no IPv4 CIDR", subnet.id)));
    };
    let vpc = subnet.vpc.as_ref().and_then(Ref::known);
    let taken = |address: Ipv4Addr| match vpc {
        Some(vpc) => network.addresses.owner(vpc, address.into()).is_some(),
        None => !network.addresses.owners_anywhere(address.into()).is_empty(),
    };
    let first = u32::from(net.network()).saturating_add(RESERVED);
    // The last one is AWS's, too.
    let mut free = (first..u32::from(net.broadcast())).map(Ipv4Addr::from).filter(|address| !taken(*address));
    free.next()
        .ok_or_else(|| Refusal::new("InsufficientFreeAddressesInSubnet", format!("{} has no free address", subnet.id)))
}

/// An interface that an endpoint is to get.
#[derive(Debug)]
struct Planned {
    id: EniId,
    subnet: Idx<Subnet>,
    address: Ipv4Addr,
}

fn plan(network: &Network, label: &str, subnets: &[Idx<Subnet>]) -> Result<Vec<Planned>, Refusal> {
    let interface = |subnet: &Idx<Subnet>| {
        let address = free_address(network, *subnet)?;
        let tail = network.subnets.get(*subnet).id.as_str().trim_start_matches("subnet-").to_owned();
        let id = lookup::fresh(&network.interfaces, lookup::INTERFACE_PREFIX, &format!("{label}-{tail}"))?;
        Ok(Planned { id, subnet: *subnet, address })
    };
    subnets.iter().map(interface).collect()
}

/// Makes the planned interfaces of an endpoint.
fn build(
    network: &mut Network,
    endpoint: &VpcEndpointId,
    kind: EndpointKind,
    groups: &[Ref<SecurityGroup>],
    planned: Vec<Planned>,
) -> Vec<Ref<NetworkInterface>> {
    let mut built = Vec::with_capacity(planned.len());
    for Planned { id, subnet, address } in planned {
        let vpc = network.subnets.get(subnet).vpc.clone();
        let known = vpc.as_ref().and_then(Ref::known);
        let owner = network.subnets.get(subnet).owner.clone().or_else(|| network.vpcs.get(known?).owner.clone());
        let kind = match kind {
            EndpointKind::GatewayLoadBalancer => InterfaceKind::GatewayLoadBalancerEndpoint,
            _ => InterfaceKind::VpcEndpoint,
        };
        let idx = network.interfaces.push(NetworkInterface {
            id,
            name: None,
            kind,
            description: Name::from(&*format!("VPC Endpoint Interface {endpoint}")),
            owner: owner.map(|owner| Name::from(&*owner)),
            requester_id: None,
            vpc,
            subnet: Some(Ref::Known(subnet)),
            addresses: Box::new([InterfaceAddress { ip: address.into(), primary: true, public: None }]),
            prefixes: Box::new([]),
            groups: groups.into(),
            source_dest_check: true,
            deny_all_igw_traffic: false,
            attachment: Some(InterfaceAttachment {
                instance: None,
                instance_owner: Some(Name::from("amazon-aws")),
                device_index: Some(1),
                network_card: None,
            }),
            status: Some(Name::from("in-use")),
            trunk: None,
            timeouts: IdleTimeouts::default(),
            tags: Tags::default(),
        });
        Arc::make_mut(&mut network.addresses).add(IpAddr::V4(address), known, idx);
        built.push(Ref::Known(idx));
    }
    built
}

/// The groups of a new endpoint: those that are named, else the VPC's default one (PL-1).
fn groups(network: &Network, ids: &[String], vpc: Idx<Vpc>) -> Result<Vec<Ref<SecurityGroup>>, Refusal> {
    if !ids.is_empty() {
        return groups_of(network, ids, Some(&Ref::Known(vpc)));
    }
    let mut all = network.groups.iter();
    let default = all.find(|(_, group)| group.vpc == Some(Ref::Known(vpc)) && group.name.as_deref() == Some("default"));
    match default {
        Some((idx, _)) => Ok(vec![Ref::Known(idx)]),
        None => Err(Refusal::new(
            "InvalidGroup.NotFound",
            format!("no group is named, and the default one of {} is not in the snapshot", network.vpcs.get(vpc).id),
        )),
    }
}

/// Refuses private DNS where the VPC or another endpoint is in its way (PL-5).
fn check_private_dns(
    network: &Network,
    vpc: Idx<Vpc>,
    service: &str,
    own: Option<Idx<VpcEndpoint>>,
) -> Result<(), Refusal> {
    let of = network.vpcs.get(vpc);
    if of.dns_support == Some(false) || of.dns_hostnames == Some(false) {
        let message = format!(
            "enabling private DNS requires both enableDnsSupport and enableDnsHostnames set to true for {}",
            of.id
        );
        return Err(invalid(message));
    }
    let mut others = network.endpoints.iter().filter(|(idx, _)| Some(*idx) != own);
    let conflict =
        others.find(|(_, e)| e.private_dns && e.vpc.as_ref() == Some(&of.id) && *e.service == *service && e.available);
    match conflict {
        Some((_, other)) => Err(invalid(format!(
            "private DNS cannot be set: {} already has the DNS domain of {service} in {}",
            other.id, of.id
        ))),
        None => Ok(()),
    }
}

/// `CreateVpcEndpoint`: found by its id, by `new:` and the service's label (`new:ecr.api`) or whole name.
pub(super) fn create(network: &mut Network, input: &CreateVpcEndpoint) -> Result<(), Refusal> {
    let vpc = lookup::vpc(network, &input.vpc_id)?;
    if input.service_name.is_empty() {
        return Err(Refusal::missing("ServiceName"));
    }
    let kind = match input.vpc_endpoint_type.as_deref() {
        None | Some("Gateway") => EndpointKind::Gateway,
        Some("Interface") => EndpointKind::Interface,
        Some("GatewayLoadBalancer") => EndpointKind::GatewayLoadBalancer,
        Some(other @ ("Resource" | "ServiceNetwork")) => {
            return Err(Refusal::new("UnsupportedOperation", format!("endpoints of type {other} cannot be made here")));
        }
        Some(other) => return Err(Refusal::value(format!("\"{other}\" is not a type of endpoint"))),
    };
    let mut endpoint = VpcEndpoint {
        // Replaced below, once everything else is known to be in order.
        id: lookup::fresh(&network.endpoints, <VpcEndpoint as lookup::Made>::PREFIX, "endpoint")?,
        name: None,
        kind,
        vpc: Some(network.vpcs.get(vpc).id.clone()),
        service: input.service_name.as_str().into(),
        available: true,
        private_dns: false,
        private_dns_inbound_only: false,
        interfaces: Vec::new(),
        tags: Tags::default(),
    };
    let label = endpoint.service_label().to_owned();
    endpoint.id = lookup::fresh(&network.endpoints, <VpcEndpoint as lookup::Made>::PREFIX, &label)?;
    let id = endpoint.id.clone();
    if kind == EndpointKind::Gateway {
        if !input.subnet_ids.is_empty() || !input.security_group_ids.is_empty() {
            return Err(invalid("subnets and security groups are for interface endpoints"));
        }
        if input.private_dns_enabled == Some(true) {
            return Err(invalid("private DNS is for interface endpoints"));
        }
        let list = list_of(network, &input.service_name)?;
        let tables = tables(network, &input.route_table_ids, Some(vpc))?;
        let destination = Destination::PrefixList(Ref::Known(list));
        for table in &tables {
            routing::check_new(network, *table, &destination)?;
        }
        let idx = network.endpoints.push(endpoint);
        for table in tables {
            routing::push_route(network, table, route(list, idx));
        }
    } else {
        if !input.route_table_ids.is_empty() {
            return Err(invalid("route tables are for gateway endpoints"));
        }
        let balancer = kind == EndpointKind::GatewayLoadBalancer;
        let groups = match (balancer, input.security_group_ids.is_empty()) {
            (true, true) => Vec::new(),
            (true, false) => return Err(invalid("security groups are for interface endpoints")),
            (false, _) => groups(network, &input.security_group_ids, vpc)?,
        };
        let subnets = subnets(network, &input.subnet_ids, Some(vpc), &[])?;
        if balancer && subnets.len() != 1 {
            return Err(invalid("a Gateway Load Balancer endpoint has one subnet"));
        }
        endpoint.private_dns = !balancer && input.private_dns_enabled.unwrap_or(true);
        if endpoint.private_dns {
            check_private_dns(network, vpc, &input.service_name, None)?;
        }
        let planned = plan(network, &label, &subnets)?;
        endpoint.interfaces = build(network, &id, kind, &groups, planned);
        network.endpoints.push(endpoint);
    }
    lookup::remember::<VpcEndpoint>(network, id.as_str(), &[&label, &input.service_name]);
    Ok(())
}

fn route(list: Idx<PrefixList>, endpoint: Idx<VpcEndpoint>) -> Route {
    Route {
        destination: Destination::PrefixList(Ref::Known(list)),
        target: RouteTarget::Endpoint(Ref::Known(endpoint)),
        origin: RouteOrigin::Static,
        state: RouteState::Active,
    }
}

/// Takes interfaces away: from the table, the addresses, and the routes that lead to them.
fn remove_interfaces(network: &mut Network, gone: &[Idx<NetworkInterface>]) {
    if gone.is_empty() {
        return;
    }
    let leads = |route: &Route| matches!(&route.target, RouteTarget::Interface(Ref::Known(idx)) if gone.contains(idx));
    let tables = network.route_tables.iter().filter(|(_, table)| table.routes.iter().any(leads));
    for table in tables.map(|(idx, _)| idx).collect::<Vec<_>>() {
        for route in network.route_tables.get_mut(table).routes.iter_mut().filter(|route| leads(route)) {
            if let RouteTarget::Interface(interface) = &mut route.target {
                *interface = Ref::Missing(interface.id(&network.interfaces).clone());
            }
            route.state = RouteState::Blackhole;
        }
    }
    let addresses = Arc::make_mut(&mut network.addresses);
    for idx in gone {
        addresses.remove(*idx, network.interfaces.get(*idx));
        network.interfaces.forget(*idx);
        let shell = network.interfaces.get_mut(*idx);
        *shell = NetworkInterface {
            id: shell.id.clone(),
            name: None,
            kind: InterfaceKind::Other,
            description: Name::from(""),
            owner: None,
            requester_id: None,
            vpc: None,
            subnet: None,
            addresses: Box::new([]),
            prefixes: Box::new([]),
            groups: Box::new([]),
            source_dest_check: true,
            deny_all_igw_traffic: false,
            attachment: None,
            status: None,
            trunk: None,
            timeouts: IdleTimeouts::default(),
            tags: Tags::default(),
        };
    }
}

/// `DeleteVpcEndpoints`: all of them or, where one is not there, none.
pub(super) fn delete(network: &mut Network, input: &DeleteVpcEndpoints) -> Result<(), Refusal> {
    if input.vpc_endpoint_ids.is_empty() {
        return Err(Refusal::missing("VpcEndpointIds"));
    }
    let mut gone: Vec<Idx<VpcEndpoint>> = Vec::new();
    for text in &input.vpc_endpoint_ids {
        let idx = lookup::endpoint(network, text)?;
        if !gone.contains(&idx) {
            gone.push(idx);
        }
    }
    for idx in gone {
        let endpoint = network.endpoints.get(idx);
        let (id, gateway) = (endpoint.id.clone(), endpoint.kind == EndpointKind::Gateway);
        let interfaces: Vec<_> = endpoint.interfaces.iter().filter_map(Ref::known).collect();
        let leads = |route: &Route| route.target == RouteTarget::Endpoint(Ref::Known(idx));
        let tables = network.route_tables.iter().filter(|(_, table)| table.routes.iter().any(leads));
        for table in tables.map(|(idx, _)| idx).collect::<Vec<_>>() {
            let routes = &mut network.route_tables.get_mut(table).routes;
            // A gateway endpoint's routes go with it; those to a Gateway Load Balancer's stay and lead nowhere (RT-8).
            if gateway {
                routes.retain(|route| !leads(route));
            }
            for route in routes.iter_mut().filter(|route| leads(route)) {
                route.target = RouteTarget::Endpoint(Ref::Missing(id.clone()));
                route.state = RouteState::Blackhole;
            }
        }
        remove_interfaces(network, &interfaces);
        network.endpoints.forget(idx);
        let shell = network.endpoints.get_mut(idx);
        *shell = VpcEndpoint {
            id,
            name: None,
            kind: shell.kind,
            vpc: None,
            service: "".into(),
            available: false,
            private_dns: false,
            private_dns_inbound_only: false,
            interfaces: Vec::new(),
            tags: Tags::default(),
        };
    }
    Ok(())
}

/// `ModifyVpcEndpoint`.
pub(super) fn modify(network: &mut Network, input: &ModifyVpcEndpoint) -> Result<(), Refusal> {
    let idx = lookup::endpoint(network, &input.vpc_endpoint_id)?;
    match network.endpoints.get(idx).kind {
        EndpointKind::Gateway => modify_gateway(network, idx, input),
        EndpointKind::Interface => modify_interface(network, idx, input),
        EndpointKind::GatewayLoadBalancer | EndpointKind::Lattice => {
            let message = format!("{} has nothing that can be modified here", input.vpc_endpoint_id);
            Err(Refusal::new("UnsupportedOperation", message))
        }
    }
}

fn modify_gateway(network: &mut Network, idx: Idx<VpcEndpoint>, input: &ModifyVpcEndpoint) -> Result<(), Refusal> {
    let for_interfaces = !input.add_security_group_ids.is_empty()
        || !input.remove_security_group_ids.is_empty()
        || !input.add_subnet_ids.is_empty()
        || !input.remove_subnet_ids.is_empty()
        || input.private_dns_enabled.is_some();
    if for_interfaces {
        return Err(invalid("subnets, security groups and private DNS are for interface endpoints"));
    }
    let endpoint = network.endpoints.get(idx);
    let vpc = endpoint.vpc.as_ref().and_then(|id| network.vpcs.find(id));
    let leads = |route: &Route| route.target == RouteTarget::Endpoint(Ref::Known(idx));
    let removed = tables(network, &input.remove_route_table_ids, vpc)?;
    for table in &removed {
        let table = network.route_tables.get(*table);
        if !table.routes.iter().any(leads) {
            return Err(invalid(format!("{} is not associated with {}", table.id, endpoint.id)));
        }
    }
    let mut added = Vec::new();
    if !input.add_route_table_ids.is_empty() {
        let list = list_of(network, &endpoint.service)?;
        for table in tables(network, &input.add_route_table_ids, vpc)? {
            // A table that has the route keeps it.
            let has = network.route_tables.get(table).routes.iter().any(leads);
            if has && !removed.contains(&table) {
                continue;
            }
            if !has {
                routing::check_new(network, table, &Destination::PrefixList(Ref::Known(list)))?;
            }
            added.push((table, route(list, idx)));
        }
    }
    for table in removed {
        network.route_tables.get_mut(table).routes.retain(|route| !leads(route));
    }
    for (table, route) in added {
        routing::push_route(network, table, route);
    }
    Ok(())
}

fn modify_interface(network: &mut Network, idx: Idx<VpcEndpoint>, input: &ModifyVpcEndpoint) -> Result<(), Refusal> {
    if !input.add_route_table_ids.is_empty() || !input.remove_route_table_ids.is_empty() {
        return Err(invalid("route tables are for gateway endpoints"));
    }
    let endpoint = network.endpoints.get(idx);
    let id = endpoint.id.clone();
    let label = endpoint.service_label().to_owned();
    let vpc = endpoint.vpc.as_ref().and_then(|id| network.vpcs.find(id));
    let interfaces: Vec<_> = endpoint.interfaces.iter().filter_map(Ref::known).collect();
    let subnet_of = |interface: &Idx<NetworkInterface>| network.interfaces.get(*interface).subnet.as_ref()?.known();

    // AWS keeps one list of groups for the endpoint, and gives it to every interface.
    let mut groups: Vec<Ref<SecurityGroup>> = match (interfaces.first(), vpc) {
        (Some(first), _) => network.interfaces.get(*first).groups.to_vec(),
        (None, Some(vpc)) if !input.add_subnet_ids.is_empty() => self::groups(network, &[], vpc)?,
        _ => Vec::new(),
    };
    let changes_groups = !input.add_security_group_ids.is_empty() || !input.remove_security_group_ids.is_empty();
    let added = groups_of(network, &input.add_security_group_ids, vpc.map(Ref::Known).as_ref())?;
    for text in &input.remove_security_group_ids {
        let group = lookup::group_reference(network, text)?;
        if !groups.contains(&group) {
            return Err(invalid(format!("{text} is not a security group of {id}")));
        }
        groups.retain(|own| *own != group);
    }
    for group in added {
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    if changes_groups && groups.is_empty() {
        return Err(invalid(format!("{id} must have at least one security group")));
    }
    if changes_groups {
        check_groups(network, &groups)?;
    }

    let mut gone: Vec<Idx<NetworkInterface>> = Vec::new();
    for text in &input.remove_subnet_ids {
        let subnet = lookup::subnet(network, text)?;
        let own = interfaces.iter().copied().filter(|interface| subnet_of(interface) == Some(subnet));
        let before = gone.len();
        gone.extend(own);
        if gone.len() == before {
            return Err(invalid(format!("{text} is not a subnet of {id}")));
        }
    }
    let stay: Vec<_> = interfaces.iter().copied().filter(|interface| !gone.contains(interface)).collect();
    let taken: Vec<_> = stay.iter().filter_map(subnet_of).collect();
    let planned = plan(network, &label, &subnets(network, &input.add_subnet_ids, vpc, &taken)?)?;
    if let (Some(true), false, Some(vpc)) = (input.private_dns_enabled, endpoint.private_dns, vpc) {
        check_private_dns(network, vpc, &endpoint.service, Some(idx))?;
    }

    if changes_groups {
        for interface in &stay {
            network.interfaces.get_mut(*interface).groups = groups.clone().into_boxed_slice();
        }
    }
    remove_interfaces(network, &gone);
    let built = build(network, &id, EndpointKind::Interface, &groups, planned);
    let endpoint = network.endpoints.get_mut(idx);
    endpoint.interfaces.retain(|own| own.known().is_none_or(|own| !gone.contains(&own)));
    endpoint.interfaces.extend(built);
    if let Some(private_dns) = input.private_dns_enabled {
        endpoint.private_dns = private_dns;
    }
    Ok(())
}
