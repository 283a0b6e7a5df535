//! Changes of what route tables are associated with.

use super::routing::gateway;
use super::{Refusal, lookup};
use crate::aws::Text;
use crate::change::{AssociateRouteTable, DisassociateRouteTable, ReplaceRouteTableAssociation, is_unknown};
use crate::network::{AssociatedWith, Idx, Network, Ref, RouteTable, RouteTableAssociation, RouteTarget, Subnet};

/// The subnet's own association, where it has one.
fn own_table(network: &Network, subnet: &Subnet) -> Option<Idx<RouteTable>> {
    let mut tables = network.route_tables.iter();
    tables.find(|(_, table)| table.subnets.contains(&subnet.id)).map(|(idx, _)| idx)
}

fn already(what: &str, with: &str) -> Refusal {
    Refusal::new("Resource.AlreadyAssociated", format!("{what} is already associated with {with}"))
}

fn new_id(what: &str) -> Text {
    let (_, rest) = what.split_once('-').unwrap_or(("", what));
    format!("rtbassoc-new-{rest}").into()
}

/// `AssociateRouteTable`. With a table that is not known yet, the subnet's is not known.
pub(super) fn associate(network: &mut Network, input: &AssociateRouteTable) -> Result<(), Refusal> {
    if let (true, Some(text), None) = (is_unknown(&input.route_table_id), &input.subnet_id, &input.gateway_id) {
        let subnet = lookup::subnet(network, text)?;
        if let Some(own) = own_table(network, network.subnets.get(subnet)) {
            return Err(already(text, network.route_tables.get(own).id.as_str()));
        }
        network.subnets.get_mut(subnet).route_table = None;
        return Ok(());
    }
    let idx = lookup::route_table(network, &input.route_table_id)?;
    let table = network.route_tables.get(idx);
    match (&input.subnet_id, &input.gateway_id) {
        (None, None) => Err(Refusal::missing("SubnetId")),
        (Some(_), Some(_)) => Err(Refusal::combination("SubnetId and GatewayId cannot be used together")),
        (Some(text), None) => {
            let subnet_idx = lookup::subnet(network, text)?;
            let subnet = network.subnets.get(subnet_idx);
            if lookup::differ(subnet.vpc.as_ref(), table.vpc.as_ref()) {
                return Err(Refusal::value(format!("{} and {text} belong to different networks", table.id)));
            }
            if let Some(own) = own_table(network, subnet) {
                return Err(already(text, network.route_tables.get(own).id.as_str()));
            }
            let id = subnet.id.clone();
            link(network, idx, RouteTableAssociation { id: new_id(text), with: AssociatedWith::Subnet(id) });
            Ok(())
        }
        (None, Some(text)) => {
            let (target, _) = gateway(network, table, text)?;
            if matches!(target, RouteTarget::InternetGateway(Ref::Missing(_))) {
                return Err(Refusal::new("InvalidGatewayID.NotFound", format!("'{text}' is not in the snapshot")));
            }
            let holds = |table: &RouteTable| table.gateways.iter().any(|own| **own == **text);
            if let Some((_, own)) = network.route_tables.iter().find(|(_, table)| holds(table)) {
                return Err(already(text, own.id.as_str()));
            }
            let with = AssociatedWith::Gateway(text.as_str().into());
            link(network, idx, RouteTableAssociation { id: new_id(text), with });
            Ok(())
        }
    }
}

/// Makes an association of a table, and what follows from it.
fn link(network: &mut Network, idx: Idx<RouteTable>, association: RouteTableAssociation) {
    match &association.with {
        AssociatedWith::Main => {
            let vpc = network.route_tables.get(idx).vpc.as_ref().and_then(Ref::known);
            network.route_tables.get_mut(idx).main = true;
            if let Some(vpc) = vpc {
                network.vpcs.get_mut(vpc).main_route_table = Some(idx);
            }
        }
        AssociatedWith::Subnet(subnet) => {
            network.route_tables.get_mut(idx).subnets.push(subnet.clone());
            if let Some(subnet) = network.subnets.find(subnet) {
                network.subnets.get_mut(subnet).route_table = Some(idx);
            }
        }
        AssociatedWith::Gateway(text) => {
            network.route_tables.get_mut(idx).gateways.push(text.clone());
            if let Some(gateway) = network.internet_gateways.find_text(text) {
                network.internet_gateways.get_mut(gateway).edge_table = Some(idx);
            }
        }
    }
    network.route_tables.get_mut(idx).associations.push(association);
}

/// `ReplaceRouteTableAssociation`: of a subnet, of a gateway, or of the VPC's main table; the association is another one
/// afterwards, as AWS's answer says.
pub(super) fn replace(network: &mut Network, input: &ReplaceRouteTableAssociation) -> Result<(), Refusal> {
    if input.association_id.is_empty() {
        return Err(Refusal::missing("AssociationId"));
    }
    let found = network.route_tables.iter().find_map(|(idx, table)| {
        let mut own = table.associations.iter().enumerate();
        own.find(|(_, own)| *own.id == *input.association_id).map(|(position, own)| (idx, position, own.with.clone()))
    });
    let (old, position, with) = found.ok_or_else(|| {
        let message = format!("the association ID '{}' does not exist", input.association_id);
        Refusal::new("InvalidAssociationID.NotFound", message)
    })?;
    let new = lookup::route_table(network, &input.route_table_id)?;
    let (before, after) = (network.route_tables.get(old), network.route_tables.get(new));
    if lookup::differ(before.vpc.as_ref(), after.vpc.as_ref()) {
        return Err(Refusal::value(format!("{} and {} belong to different networks", before.id, after.id)));
    }
    let id = match &with {
        AssociatedWith::Main => new_id(after.vpc.as_ref().map_or("main", |vpc| vpc.id(&network.vpcs).as_str())),
        AssociatedWith::Subnet(subnet) => new_id(subnet.as_str()),
        AssociatedWith::Gateway(text) => new_id(text),
    };
    // Subnets that follow the main table do so afterwards; those whose own table is not known stay so (RT-1).
    let followers: Vec<Idx<Subnet>> = match (&with, before.vpc.as_ref().and_then(Ref::known)) {
        (AssociatedWith::Main, Some(vpc)) => {
            let subnets = network.vpcs.get(vpc).subnets.iter().copied();
            let follows = |subnet: &Idx<Subnet>| {
                let subnet = network.subnets.get(*subnet);
                subnet.route_table == Some(old) && !before.subnets.contains(&subnet.id)
            };
            subnets.filter(follows).collect()
        }
        _ => Vec::new(),
    };
    let table = network.route_tables.get_mut(old);
    table.associations.remove(position);
    match &with {
        AssociatedWith::Main => table.main = false,
        AssociatedWith::Subnet(subnet) => table.subnets.retain(|own| own != subnet),
        AssociatedWith::Gateway(text) => table.gateways.retain(|own| own != text),
    }
    link(network, new, RouteTableAssociation { id, with });
    for subnet in followers {
        network.subnets.get_mut(subnet).route_table = Some(new);
    }
    Ok(())
}

/// `DisassociateRouteTable`: the subnet follows the VPC's main table afterwards (RT-1).
pub(super) fn disassociate(network: &mut Network, input: &DisassociateRouteTable) -> Result<(), Refusal> {
    if input.association_id.is_empty() {
        return Err(Refusal::missing("AssociationId"));
    }
    let found = network.route_tables.iter().find_map(|(idx, table)| {
        let mut own = table.associations.iter().enumerate();
        own.find(|(_, own)| *own.id == *input.association_id).map(|(position, own)| (idx, position, own.with.clone()))
    });
    let (idx, position, with) = found.ok_or_else(|| {
        let message = format!("the association ID '{}' does not exist", input.association_id);
        Refusal::new("InvalidAssociationID.NotFound", message)
    })?;
    if with == AssociatedWith::Main {
        return Err(Refusal::value(format!(
            "cannot disassociate the main route table association {}",
            input.association_id
        )));
    }
    let table = network.route_tables.get_mut(idx);
    table.associations.remove(position);
    match with {
        AssociatedWith::Main => {}
        AssociatedWith::Subnet(id) => {
            table.subnets.retain(|own| *own != id);
            if let Some(subnet) = network.subnets.find(&id) {
                let vpc = network.subnets.get(subnet).vpc.as_ref().and_then(Ref::known);
                let main = vpc.and_then(|vpc| network.vpcs.get(vpc).main_route_table);
                network.subnets.get_mut(subnet).route_table = main;
            }
        }
        AssociatedWith::Gateway(text) => {
            table.gateways.retain(|own| *own != text);
            if let Some(gateway) = network.internet_gateways.find_text(&text) {
                network.internet_gateways.get_mut(gateway).edge_table = None;
            }
        }
    }
    Ok(())
}
