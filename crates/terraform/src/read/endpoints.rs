//! VPC endpoints, and the API endpoint of EKS clusters.

use super::{ENDPOINTS, GROUPS, Side, TABLES};
use crate::fact::{Fact, Id};
use crate::value::{Field, View};

/// `aws_vpc_endpoint`
pub(super) fn endpoint(side: Side<'_, '_>) -> Vec<Fact> {
    let Some(own) = side.own() else { return Vec::new() };
    let kind = side.get("vpc_endpoint_type").text().known();
    let service = match side.get("service_name").text() {
        Field::Known(service) => Some(service),
        Field::Unknown | Field::Absent => None,
    };
    let vpc = side.get("vpc_id").id(&[]);
    let mut facts = vec![Fact::Endpoint { id: own.clone(), kind, vpc, service }];
    if !side.now && side.stage.deleted {
        return facts;
    }
    let link = |key: &str, kinds: &[&str]| side.get(key).ids(kinds).unwrap_or_default();
    for table in link("route_table_ids", TABLES) {
        facts.push(Fact::EndpointTable { endpoint: own.clone(), table });
    }
    for group in link("security_group_ids", GROUPS) {
        facts.push(Fact::EndpointGroup { endpoint: own.clone(), group });
    }
    for subnet in link("subnet_ids", &[]) {
        facts.push(Fact::EndpointSubnet { endpoint: own.clone(), subnet });
    }
    match side.get("private_dns_enabled").flag() {
        Field::Known(on) => facts.push(Fact::EndpointDns { endpoint: own.clone(), on }),
        // Terraform's default where it is not set.
        Field::Absent => {}
        Field::Unknown if side.get("private_dns_enabled").is_left_to_aws() => {
            facts.push(Fact::EndpointDns { endpoint: own.clone(), on: false });
        }
        Field::Unknown => side.view.context.leave_out("private_dns_enabled is known after apply"),
    }
    side.leave_out_changes(&["policy"], "whom an endpoint's policy admits is not part of the answer");
    facts
}

fn association(side: Side<'_, '_>, key: &str, kinds: &[&str], fact: impl Fn(Id, Id) -> Fact) -> Vec<Fact> {
    match (side.get("vpc_endpoint_id").id(ENDPOINTS), side.get(key).id(kinds)) {
        (Some(endpoint), Some(other)) => vec![fact(endpoint, other)],
        _ => {
            side.view.problem(format!("names no endpoint or no {key}"));
            Vec::new()
        }
    }
}

/// `aws_vpc_endpoint_route_table_association`
pub(super) fn table_association(side: Side<'_, '_>) -> Vec<Fact> {
    association(side, "route_table_id", TABLES, |endpoint, table| Fact::EndpointTable { endpoint, table })
}

/// `aws_vpc_endpoint_security_group_association`
pub(super) fn group_association(side: Side<'_, '_>) -> Vec<Fact> {
    if side.get("replace_default_association").flag().known() == Some(true) {
        side.view.context.leave_out("replace_default_association: the endpoint loses the VPC's default group");
    }
    association(side, "security_group_id", GROUPS, |endpoint, group| Fact::EndpointGroup { endpoint, group })
}

/// `aws_vpc_endpoint_subnet_association`
pub(super) fn subnet_association(side: Side<'_, '_>) -> Vec<Fact> {
    association(side, "subnet_id", &[], |endpoint, subnet| Fact::EndpointSubnet { endpoint, subnet })
}

/// `aws_eks_cluster`: who may reach its API endpoint.
pub(super) fn cluster(side: Side<'_, '_>) -> Vec<Fact> {
    let context = side.view.context;
    if side.now && side.stage.created {
        context.leave_out("a new cluster has no interfaces in the snapshot, so its flows are not told");
    }
    if !side.now && side.stage.deleted {
        context.leave_out("the cluster goes away, and the flows of its interfaces with it: not part of the answer");
    }
    if side.stage.created || side.stage.deleted {
        return Vec::new();
    }
    let Some(name) = side.get("name").text().known().or_else(|| side.get("id").text().known()) else {
        side.get("name").problem("is missing");
        return Vec::new();
    };
    let blocks = side.get("vpc_config");
    let Some(config) = blocks.items().and_then(|items| items.into_iter().next()) else {
        if blocks.is_unknown() {
            context.leave_out("vpc_config is known after apply");
        }
        return Vec::new();
    };
    let flag = |key: &str| match config.get(key).flag() {
        Field::Known(on) => Some(on),
        Field::Unknown => {
            context.leave_out(format!("{key} is known after apply"));
            None
        }
        Field::Absent => None,
    };
    let (public, private) = (flag("endpoint_public_access"), flag("endpoint_private_access"));
    let list = config.get("public_access_cidrs");
    let cidrs = match list.items() {
        Some(items) if items.iter().any(View::is_unknown) => {
            context.leave_out("public_access_cidrs is known after apply");
            None
        }
        Some(items) => {
            let mut cidrs: Vec<_> = items.iter().filter_map(|item| item.cidr().known()).collect();
            cidrs.sort();
            Some(cidrs).filter(|cidrs| !cidrs.is_empty())
        }
        None if list.is_left_to_aws() => None,
        None => {
            context.leave_out("public_access_cidrs is known after apply");
            None
        }
    };
    if let (true, Some(old)) = (side.now, side.old) {
        let old = old.get("vpc_config").items().and_then(|items| items.into_iter().next());
        for key in ["security_group_ids", "subnet_ids"] {
            if old.as_ref().is_some_and(|old| !config.get(key).same_value(&old.get(key))) {
                context.leave_out(format!("{key} changes: the control plane's interfaces are EKS's to make"));
            }
        }
    }
    vec![Fact::Cluster { name, public, private, cidrs }]
}
