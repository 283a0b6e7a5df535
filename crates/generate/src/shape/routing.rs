//! Route tables.

use std::io;

use serde_json::{Value, json};

use crate::files::Files;
use crate::plan::{ACCOUNT, Plan, Role, RouteTable, Tier, ZONES};

pub(super) fn write(plan: &Plan, files: &mut Files) -> io::Result<()> {
    files.list("ec2-describe-route-tables", "RouteTables", |list| {
        for (vpc, place) in plan.places.vpcs.iter().enumerate() {
            if place.role != Role::Main {
                list.push(&table(plan, vpc, RouteTable::Main))?;
                continue;
            }
            for kind in [RouteTable::Main, RouteTable::Public, RouteTable::Data, RouteTable::Transit] {
                list.push(&table(plan, vpc, kind))?;
            }
            for zone in 0..ZONES.len() {
                list.push(&table(plan, vpc, RouteTable::App(zone)))?;
            }
        }
        Ok(())
    })
}

/// The table that a subnet of a main VPC is associated with.
const fn table_of(tier: Tier, zone: usize) -> RouteTable {
    match tier {
        Tier::Public => RouteTable::Public,
        Tier::App | Tier::Pods => RouteTable::App(zone),
        Tier::Data => RouteTable::Data,
        Tier::Transit | Tier::Hosts => RouteTable::Transit,
    }
}

fn table(plan: &Plan, vpc: usize, kind: RouteTable) -> Value {
    let id = plan.table_id(vpc, kind);
    let mut associations = Vec::new();
    let association = |number: usize, main: bool, subnet: Option<usize>| {
        let mut value = json!({"Main": main, "RouteTableAssociationId": plan.ids.of("rtbassoc", number), "RouteTableId": id,
            "AssociationState": {"State": "associated"}});
        if let (Some(subnet), Some(object)) = (subnet, value.as_object_mut()) {
            object.insert("SubnetId".to_owned(), json!(plan.subnet_id(subnet)));
        }
        value
    };
    if kind == RouteTable::Main {
        associations.push(association(vpc, true, None));
    }
    let main_vpc = plan.places.vpcs.at(vpc).role == Role::Main;
    for (number, subnet) in plan.places.subnets.iter().enumerate() {
        if main_vpc && subnet.vpc == vpc && table_of(subnet.tier, subnet.zone) == kind {
            associations.push(association(1_000 + number, false, Some(number)));
        }
    }
    json!({"Associations": associations, "PropagatingVgws": [], "RouteTableId": id, "Routes": routes(plan, vpc, kind),
        "Tags": [], "VpcId": plan.vpc_id(vpc), "OwnerId": ACCOUNT})
}

fn route(destination: &str, target: &str, id: &str) -> Value {
    let key = if destination.starts_with("pl-") {
        "DestinationPrefixListId"
    } else if destination.contains(':') {
        "DestinationIpv6CidrBlock"
    } else {
        "DestinationCidrBlock"
    };
    let origin = if id == "local" { "CreateRouteTable" } else { "CreateRoute" };
    json!({key: destination, target: id, "Origin": origin, "State": "active"})
}

fn routes(plan: &Plan, vpc: usize, kind: RouteTable) -> Vec<Value> {
    let place = plan.places.vpcs.at(vpc);
    let mut routes: Vec<Value> =
        place.blocks.iter().map(|block| route(&block.to_string(), "GatewayId", "local")).collect();
    routes.extend(place.v6.iter().map(|block| route(&block.to_string(), "GatewayId", "local")));
    let peering = |other: usize| plan.peering_id(vpc, other).to_string();
    let transit = plan.transit_id().to_string();
    match place.role {
        Role::Main if matches!(kind, RouteTable::Main | RouteTable::Transit) => return routes,
        Role::Main => {
            for (other, of) in plan.places.vpcs.iter().enumerate().filter(|&(other, _)| other != vpc) {
                for block in &of.blocks {
                    routes.push(match of.role {
                        Role::Premises => route(&block.to_string(), "TransitGatewayId", &transit),
                        Role::Main | Role::Shared => {
                            route(&block.to_string(), "VpcPeeringConnectionId", &peering(other))
                        }
                    });
                }
                routes.extend(
                    of.v6.iter().map(|block| route(&block.to_string(), "VpcPeeringConnectionId", &peering(other))),
                );
            }
        }
        Role::Shared => {
            for (other, of) in plan.places.vpcs.iter().enumerate().filter(|(_, of)| of.role == Role::Main) {
                routes.extend(
                    of.blocks.iter().map(|block| route(&block.to_string(), "VpcPeeringConnectionId", &peering(other))),
                );
            }
        }
        Role::Premises => {
            for of in plan.places.vpcs.iter().filter(|of| of.role == Role::Main) {
                routes.extend(of.blocks.iter().map(|block| route(&block.to_string(), "TransitGatewayId", &transit)));
            }
        }
    }
    let internet = plan.internet_gateway_id(vpc).to_string();
    let s3 = plan.list_id(crate::plan::S3).to_string();
    let endpoint = plan.s3_endpoint_id(vpc).to_string();
    match kind {
        RouteTable::Public => {
            routes.push(route("0.0.0.0/0", "GatewayId", &internet));
            routes.push(route("::/0", "GatewayId", &internet));
        }
        RouteTable::App(zone) => {
            routes.push(route("0.0.0.0/0", "NatGatewayId", &plan.nat_id(vpc, zone).to_string()));
            routes.push(route("::/0", "EgressOnlyInternetGatewayId", &plan.egress_only_id(vpc).to_string()));
            routes.push(route(&s3, "GatewayId", &endpoint));
        }
        RouteTable::Data => routes.push(route(&s3, "GatewayId", &endpoint)),
        RouteTable::Main | RouteTable::Transit => {}
    }
    routes
}
