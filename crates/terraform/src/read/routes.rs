//! Route tables, routes, and what tables are associated with.

use super::{ENDPOINTS, LISTS, Side, TABLES};
use crate::fact::{Destination, Fact, Id, Target};
use crate::value::{Field, View};

/// Arguments that name a target. Where AWS answers with several, the first counts: an interface before its instance.
const TARGETS: [&str; 11] = [
    "network_interface_id",
    "gateway_id",
    "nat_gateway_id",
    "transit_gateway_id",
    "vpc_peering_connection_id",
    "egress_only_gateway_id",
    "vpc_endpoint_id",
    "instance_id",
    "carrier_gateway_id",
    "local_gateway_id",
    "core_network_arn",
];

fn target(view: &View<'_>) -> Option<Target> {
    let mut unknown = None;
    for key in TARGETS {
        let part = view.get(key);
        match part.text() {
            Field::Known(text) => return Some(Target::Named(key, Id::Known(text))),
            Field::Absent => {}
            Field::Unknown if part.is_left_to_aws() || unknown.is_some() => {}
            Field::Unknown => {
                let made = part.id(if key == "vpc_endpoint_id" { ENDPOINTS } else { &[] });
                unknown = match made {
                    Some(made @ Id::Made(_)) => Some(Target::Named(key, made)),
                    _ => Some(Target::Unknown(view.label())),
                };
            }
        }
    }
    unknown
}

fn destination(view: &View<'_>, keys: [&str; 3]) -> Option<Destination> {
    let [v4, v6, list] = keys.map(|key| view.get(key));
    for part in [&v4, &v6] {
        match part.cidr() {
            Field::Known(net) => return Some(Destination::Cidr(net)),
            Field::Unknown if !part.is_left_to_aws() => return Some(Destination::Unknown(part.label())),
            _ => {}
        }
    }
    if list.is_left_to_aws() {
        return None;
    }
    list.id(LISTS).map(|id| match id {
        Id::Unknown(label) => Destination::Unknown(label),
        id => Destination::List(id),
    })
}

fn one(view: &View<'_>, table: &Id, keys: [&str; 3]) -> Option<Fact> {
    let Some(destination) = destination(view, keys) else {
        view.problem("names no destination");
        return None;
    };
    let Some(target) = target(view) else {
        view.problem("names no target");
        return None;
    };
    Some(Fact::Route { table: table.clone(), destination, target })
}

fn inline(side: Side<'_, '_>, own: &Id, facts: &mut Vec<Fact>) {
    let list = side.get("route");
    let everything = |label: String| Fact::Route {
        table: own.clone(),
        destination: Destination::Unknown(label.clone()),
        target: Target::Unknown(label),
    };
    let Some(items) = list.items() else {
        facts.push(everything(list.label()));
        return;
    };
    for item in items {
        if item.is_unknown() {
            facts.push(everything(item.label()));
        } else {
            let keys = ["cidr_block", "ipv6_cidr_block", "destination_prefix_list_id"];
            facts.extend(one(&item, own, keys));
        }
    }
}

/// `aws_route_table`
pub(super) fn table(side: Side<'_, '_>) -> Vec<Fact> {
    let Some(own) = side.own() else { return Vec::new() };
    let mut facts = vec![Fact::Table { id: own.clone(), vpc: side.get("vpc_id").id(&[]) }];
    if side.now || !side.stage.deleted {
        inline(side, &own, &mut facts);
    }
    side.leave_out_changes(&["propagating_vgws"], "propagated routes are not part of the changes");
    facts
}

/// `aws_default_route_table`: taken over when created, left as it is when deleted.
pub(super) fn default_table(side: Side<'_, '_>) -> Vec<Fact> {
    if side.goes() {
        side.view.context.remark("Terraform leaves a main route table as it is when it is removed");
        return Vec::new();
    }
    let Some(own) = side.get("default_route_table_id").id(&[]) else { return Vec::new() };
    let mut facts = Vec::new();
    if side.now && side.stage.created {
        facts.push(Fact::Adopted { id: own.clone() });
    }
    inline(side, &own, &mut facts);
    facts
}

/// `aws_route`
pub(super) fn route(side: Side<'_, '_>) -> Vec<Fact> {
    let Some(table) = side.get("route_table_id").id(TABLES) else {
        side.get("route_table_id").problem("is missing");
        return Vec::new();
    };
    let keys = ["destination_cidr_block", "destination_ipv6_cidr_block", "destination_prefix_list_id"];
    one(side.view, &table, keys).into_iter().collect()
}

/// `aws_route_table_association`
pub(super) fn association(side: Side<'_, '_>) -> Vec<Fact> {
    let table = side.get("route_table_id").id(TABLES);
    let (subnet, gateway) = (side.get("subnet_id"), side.get("gateway_id"));
    let set = |view: &View<'_>| if view.is_left_to_aws() { None } else { view.id(&[]) };
    match (table, set(&subnet), set(&gateway)) {
        (Some(table), Some(subnet), _) => vec![Fact::TableSubnet { table, subnet }],
        (Some(table), None, Some(gateway)) => vec![Fact::TableGateway { table, gateway }],
        _ => {
            side.view.problem("names no table, or neither a subnet nor a gateway");
            Vec::new()
        }
    }
}

/// `aws_main_route_table_association`
pub(super) fn main_association(side: Side<'_, '_>) -> Vec<Fact> {
    let (table, vpc) = (side.get("route_table_id").id(TABLES), side.get("vpc_id").id(&[]));
    let original = side.get("original_route_table_id").text().known();
    match (table, vpc) {
        (Some(table), Some(vpc)) => vec![Fact::TableMain { table, vpc, original }],
        _ => {
            side.view.problem("names no table or no VPC");
            Vec::new()
        }
    }
}
