//! Route tables, network ACLs and prefix lists that changes make and delete.

use reach_packets::Family;

use super::lists::{ENTRIES_PER_CALL, LIST_ENTRIES, list_cidr};
use super::{Refusal, lookup};
use crate::change::{
    CreateManagedPrefixList, CreateNetworkAcl, CreateRouteTable, DeleteManagedPrefixList, DeleteNetworkAcl,
    DeleteRouteTable, UNKNOWN, name_in,
};
use crate::network::filter::cidr;
use crate::network::{
    Destination, Direction, Network, NetworkAcl, NetworkAclEntry, Peer, PrefixList, Ref, Route, RouteOrigin,
    RouteState, RouteTable, RouteTarget, RuleProtocol, Tags,
};

/// Numbers of the final denials, IPv4 and IPv6 (NA-2).
const DENIALS: [(u32, &str); 2] = [(32767, "0.0.0.0/0"), (32768, "::/0")];

fn dependent(id: &str, what: &str) -> Refusal {
    Refusal::new("DependencyViolation", format!("resource {id} has a dependent object: {what}"))
}

/// `CreateRouteTable`: with the VPC's local routes (RT-3).
pub(super) fn create_table(network: &mut Network, input: &CreateRouteTable) -> Result<(), Refusal> {
    let vpc = lookup::vpc(network, &input.vpc_id)?;
    let name = name_in(&input.tag_specifications);
    let id = lookup::fresh(&network.route_tables, <RouteTable as lookup::Made>::PREFIX, name.unwrap_or("table"))?;
    let of = network.vpcs.get(vpc);
    let v4 = of.cidrs_v4.iter().copied().map(ipnet::IpNet::V4);
    let nets = v4.chain(of.cidrs_v6.iter().copied().map(ipnet::IpNet::V6));
    let local = |net| Route {
        destination: Destination::Cidr(net),
        target: RouteTarget::Local,
        origin: RouteOrigin::Static,
        state: RouteState::Active,
    };
    let table = RouteTable {
        id: id.clone(),
        vpc: Some(Ref::Known(vpc)),
        main: false,
        subnets: Vec::new(),
        gateways: Vec::new(),
        associations: Vec::new(),
        routes: nets.map(local).collect(),
        tags: Tags::default(),
    };
    network.route_tables.push(table);
    lookup::remember::<RouteTable>(network, id.as_str(), name.as_slice());
    Ok(())
}

/// `DeleteRouteTable`: not while anything is associated with it.
pub(super) fn delete_table(network: &mut Network, input: &DeleteRouteTable) -> Result<(), Refusal> {
    let idx = lookup::route_table(network, &input.route_table_id)?;
    let table = network.route_tables.get(idx);
    let id = table.id.clone();
    if table.main {
        return Err(dependent(id.as_str(), "the VPC whose main table it is"));
    }
    if let Some(subnet) = table.subnets.first() {
        return Err(dependent(id.as_str(), subnet.as_str()));
    }
    if let Some(gateway) = table.gateways.first() {
        return Err(dependent(id.as_str(), gateway));
    }
    network.route_tables.forget(idx);
    let shell = RouteTable {
        id,
        vpc: None,
        main: false,
        subnets: Vec::new(),
        gateways: Vec::new(),
        associations: Vec::new(),
        routes: Vec::new(),
        tags: Tags::default(),
    };
    *network.route_tables.get_mut(idx) = shell;
    Ok(())
}

/// `CreateNetworkAcl`: nothing but the final denials, IPv6's where the VPC has it (NA-2).
pub(super) fn create_acl(network: &mut Network, input: &CreateNetworkAcl) -> Result<(), Refusal> {
    let vpc = lookup::vpc(network, &input.vpc_id)?;
    let name = name_in(&input.tag_specifications);
    let id = lookup::fresh(&network.acls, <NetworkAcl as lookup::Made>::PREFIX, name.unwrap_or("acl"))?;
    let families = if network.vpcs.get(vpc).cidrs_v6.is_empty() { 1 } else { 2 };
    let denials = |direction| {
        let nets = DENIALS.into_iter().take(families).filter_map(|(number, text)| Some((number, cidr(text)?)));
        nets.map(move |(number, cidr)| NetworkAclEntry {
            direction,
            number,
            protocol: RuleProtocol::Any,
            allow: false,
            cidr,
            ports: None,
            icmp: None,
        })
    };
    let acl = NetworkAcl {
        id: id.clone(),
        vpc: Some(Ref::Known(vpc)),
        is_default: false,
        entries: denials(Direction::Egress).chain(denials(Direction::Ingress)).collect(),
        associations: Vec::new(),
        tags: Tags::default(),
    };
    network.acls.push(acl);
    lookup::remember::<NetworkAcl>(network, id.as_str(), name.as_slice());
    Ok(())
}

/// `DeleteNetworkAcl`: not the default one, and not while a subnet uses it.
pub(super) fn delete_acl(network: &mut Network, input: &DeleteNetworkAcl) -> Result<(), Refusal> {
    let idx = lookup::acl(network, &input.network_acl_id)?;
    let acl = network.acls.get(idx);
    let id = acl.id.clone();
    if acl.is_default {
        return Err(Refusal::value(format!("cannot delete the default network ACL {id}")));
    }
    if let Some((_, subnet)) = network.subnets.iter().find(|(_, subnet)| subnet.acl == Some(idx)) {
        return Err(dependent(id.as_str(), subnet.id.as_str()));
    }
    network.acls.forget(idx);
    let shell = NetworkAcl {
        id,
        vpc: None,
        is_default: false,
        entries: Vec::new(),
        associations: Vec::new(),
        tags: Tags::default(),
    };
    *network.acls.get_mut(idx) = shell;
    Ok(())
}

/// `CreateManagedPrefixList`: found by its id, and by `new:` and its name.
pub(super) fn create_list(network: &mut Network, input: &CreateManagedPrefixList) -> Result<(), Refusal> {
    if input.prefix_list_name.is_empty() {
        return Err(Refusal::missing("PrefixListName"));
    }
    if input.prefix_list_name.starts_with("com.amazonaws") {
        return Err(Refusal::value("the name of a prefix list cannot start with com.amazonaws"));
    }
    let family = match &*input.address_family {
        "IPv4" => Family::V4,
        "IPv6" => Family::V6,
        "" => return Err(Refusal::missing("AddressFamily")),
        other => return Err(Refusal::value(format!("\"{other}\" is neither IPv4 nor IPv6"))),
    };
    if !(1..=LIST_ENTRIES).contains(&input.max_entries) {
        return Err(Refusal::value(format!(
            "a prefix list has 1 to {LIST_ENTRIES} entries, not {}",
            input.max_entries
        )));
    }
    if input.entries.len() > ENTRIES_PER_CALL {
        return Err(Refusal::value(format!("the number of entries per request cannot exceed {ENTRIES_PER_CALL}")));
    }
    let count = i64::try_from(input.entries.len()).unwrap_or(i64::MAX);
    if count > input.max_entries {
        let message = format!("{count} entries are more than the {} that the list can have", input.max_entries);
        return Err(Refusal::new("PrefixListMaxEntriesExceeded", message));
    }
    let name = input.prefix_list_name.strip_prefix("new:").unwrap_or(&input.prefix_list_name);
    let id = lookup::fresh(&network.prefix_lists, <PrefixList as lookup::Made>::PREFIX, name)?;
    let mut list = PrefixList {
        id: id.clone(),
        name: Some(input.prefix_list_name.as_str().into()),
        family: Some(family),
        max_entries: u32::try_from(input.max_entries).ok(),
        version: Some(1),
        cidrs: None,
    };
    let mut cidrs = Some(Vec::new());
    for entry in &input.entries {
        if entry.cidr == UNKNOWN {
            cidrs = None;
            continue;
        }
        let net = list_cidr(&list, &entry.cidr)?;
        match &mut cidrs {
            Some(cidrs) if cidrs.contains(&net) => {
                return Err(Refusal::value(format!("{net} is an entry more than once")));
            }
            Some(cidrs) => cidrs.push(net),
            None => {}
        }
    }
    list.cidrs = cidrs;
    network.prefix_lists.push(list);
    lookup::remember::<PrefixList>(network, id.as_str(), &[name]);
    Ok(())
}

/// `DeleteManagedPrefixList`: not while a rule or a route names it.
pub(super) fn delete_list(network: &mut Network, input: &DeleteManagedPrefixList) -> Result<(), Refusal> {
    let idx = lookup::prefix_list(network, &input.prefix_list_id)?;
    let list = network.prefix_lists.get(idx);
    let id = list.id.clone();
    if super::quota::is_of_aws(list) {
        return Err(Refusal::new("OperationNotPermitted", format!("{id} is AWS's own list")));
    }
    let names = |peer: &Peer| *peer == Peer::PrefixList(Ref::Known(idx));
    let mut groups = network.groups.iter().map(|(_, group)| group);
    if let Some(group) = groups.find(|group| group.ingress.iter().chain(&group.egress).any(|rule| names(&rule.peer))) {
        return Err(dependent(id.as_str(), group.id.as_str()));
    }
    let leads = |route: &Route| route.destination == Destination::PrefixList(Ref::Known(idx));
    if let Some((_, table)) = network.route_tables.iter().find(|(_, table)| table.routes.iter().any(leads)) {
        return Err(dependent(id.as_str(), table.id.as_str()));
    }
    network.prefix_lists.forget(idx);
    let shell = PrefixList { id, name: None, family: None, max_entries: None, version: None, cidrs: None };
    *network.prefix_lists.get_mut(idx) = shell;
    Ok(())
}
