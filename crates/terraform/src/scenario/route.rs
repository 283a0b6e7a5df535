//! Routes, and the endpoints that routes lead to.

use std::collections::BTreeMap;

use ipnet::IpNet;
use reach_model::change::{
    Change, CreateVpcEndpoint, DeleteRoute, DeleteVpcEndpoints, ModifyVpcEndpoint, Route, unknown_id,
};
use reach_model::network::{self, EndpointKind, MadeKind, Ref, RouteOrigin, RouteTarget};

use super::Builder;
use crate::document::Action;
use crate::fact::{Destination, Fact, Id, Target};

/// What a plan changes of an endpoint.
#[derive(Debug, Default)]
struct Links {
    tables: [Vec<String>; 2],
    groups: [Vec<String>; 2],
    subnets: [Vec<String>; 2],
    dns: Option<bool>,
}

impl Links {
    fn is_empty(&self) -> bool {
        let lists = self.tables.iter().chain(&self.groups).chain(&self.subnets);
        lists.into_iter().all(Vec::is_empty) && self.dns.is_none()
    }
}

impl Builder<'_> {
    /// The static route of a table to a destination, in the network as it is.
    fn live_route(&self, table: &str, destination: &Destination) -> Option<&network::Route> {
        let idx = self.network.route_tables.find_text(self.real(MadeKind::RouteTable, table))?;
        let text = match destination {
            Destination::Cidr(_) => String::new(),
            Destination::List(id) => self.text(id)?,
            Destination::Unknown(label) => unknown_id("pl-", label),
        };
        let text = self.real(MadeKind::PrefixList, &text);
        let mut routes = self.network.route_tables.get(idx).routes.iter();
        routes.find(|route| {
            let same = match (&route.destination, destination) {
                (network::Destination::Cidr(own), Destination::Cidr(net)) => own.trunc() == *net,
                (network::Destination::PrefixList(list), Destination::List(_) | Destination::Unknown(_)) => {
                    list.id(&self.network.prefix_lists).as_str() == text
                }
                _ => false,
            };
            same && route.origin == RouteOrigin::Static
        })
    }

    fn bare_route(&self, table: String, destination: &Destination) -> Route {
        let mut route = Route { route_table_id: table, ..Route::default() };
        match destination {
            Destination::Cidr(net @ IpNet::V4(_)) => route.destination_cidr_block = Some(net.to_string()),
            Destination::Cidr(net @ IpNet::V6(_)) => route.destination_ipv6_cidr_block = Some(net.to_string()),
            Destination::List(id) => route.destination_prefix_list_id = Some(self.text_or_unknown(id, "pl-")),
            Destination::Unknown(label) => route.destination_prefix_list_id = Some(unknown_id("pl-", label)),
        }
        route
    }

    /// Routes that go and that no other to their destination replaces; of a main table that is taken over, all.
    pub(super) fn take_routes(&mut self) {
        let mut going: Vec<(usize, Id, Destination)> = Vec::new();
        for turn in self.gone(|fact| matches!(fact, Fact::Route { .. })) {
            let Fact::Route { table, destination, .. } = turn.fact else { continue };
            going.push((turn.resource, table, destination));
        }
        for (position, id) in self.adopted("aws_default_route_table") {
            let Some(idx) = self.network.route_tables.find_text(&id) else { continue };
            for route in &self.network.route_tables.get(idx).routes {
                let own = match &route.target {
                    RouteTarget::Local => false,
                    RouteTarget::Endpoint(Ref::Known(endpoint)) => {
                        self.network.endpoints.get(*endpoint).kind != EndpointKind::Gateway
                    }
                    _ => route.origin == RouteOrigin::Static,
                };
                let destination = match &route.destination {
                    network::Destination::Cidr(net) => Destination::Cidr(net.trunc()),
                    network::Destination::PrefixList(list) => {
                        Destination::List(Id::Known(list.id(&self.network.prefix_lists).to_string()))
                    }
                };
                if own {
                    going.push((position, Id::Known(id.clone()), destination));
                }
            }
        }
        for (position, id, destination) in going {
            let replaced = self.come.iter().any(|turn| {
                matches!(&turn.fact, Fact::Route { table, destination: new, .. } if *table == id && *new == destination)
            });
            if replaced {
                continue;
            }
            let Some(table) = self.subject(position, &id, "route table") else { continue };
            if self.live_route(&table, &destination).is_none() {
                let text = format!(
                    "the route that it takes from {table} is not in the snapshot, which may be older or newer than the state"
                );
                self.remark(position, text);
                continue;
            }
            let route = self.bare_route(table, &destination);
            let input = DeleteRoute {
                route_table_id: route.route_table_id,
                destination_cidr_block: route.destination_cidr_block,
                destination_ipv6_cidr_block: route.destination_ipv6_cidr_block,
                destination_prefix_list_id: route.destination_prefix_list_id,
            };
            self.push(position, Change::DeleteRoute(input));
        }
    }

    fn aim(&mut self, position: usize, route: &mut Route, target: &Target) {
        let (key, id) = match target {
            Target::Named(key, id) => (*key, id),
            Target::Unknown(label) => {
                route.nat_gateway_id = Some(unknown_id("nat-", label));
                return;
            }
        };
        let text = self.text_or_unknown(id, "vpce-");
        match key {
            "network_interface_id" => route.network_interface_id = Some(text),
            "instance_id" => route.instance_id = Some(text),
            "nat_gateway_id" => route.nat_gateway_id = Some(text),
            "transit_gateway_id" => route.transit_gateway_id = Some(text),
            "vpc_peering_connection_id" => route.vpc_peering_connection_id = Some(text),
            "egress_only_gateway_id" => route.egress_only_internet_gateway_id = Some(text),
            "vpc_endpoint_id" => route.vpc_endpoint_id = Some(self.endpoint_name(text)),
            "gateway_id" if text == "local" => route.local_target = Some(true),
            "gateway_id" if text.starts_with("vpce-") => route.vpc_endpoint_id = Some(text),
            "gateway_id" => route.gateway_id = Some(text),
            other => {
                self.leave_out(position, format!("{other}: what is routed there is not followed"));
                route.nat_gateway_id = Some(unknown_id("nat-", &text));
            }
        }
    }

    pub(super) fn add_routes(&mut self) {
        for turn in self.come(|fact| matches!(fact, Fact::Route { .. })) {
            let Fact::Route { table, destination, target } = turn.fact else { continue };
            let Some(table) = self.subject(turn.resource, &table, "route table") else { continue };
            let mut route = self.bare_route(table.clone(), &destination);
            self.aim(turn.resource, &mut route, &target);
            let replaces = self.live_route(&table, &destination).is_some();
            // A table has the local route from the start.
            if route.local_target == Some(true) && !replaces {
                continue;
            }
            let owned = self.gone.iter().any(|gone| {
                matches!(&gone.fact, Fact::Route { table: own, destination: old, .. }
                    if self.text(own).as_deref() == Some(&*table) && *old == destination)
            });
            let adopted = self.kind(turn.resource) == "aws_default_route_table";
            if replaces && !owned && !adopted && route.local_target.is_none() {
                let text = format!(
                    "{table} has a route to that destination already: AWS refuses a second one, unless the snapshot is newer than the plan"
                );
                self.remark(turn.resource, text);
            }
            let change = if replaces { Change::ReplaceRoute(route) } else { Change::CreateRoute(route) };
            self.push(turn.resource, change);
        }
    }

    /// What a scenario calls an endpoint that the plan makes: by its service.
    fn endpoint_name(&self, text: String) -> String {
        let Some(address) = text.strip_prefix("new:") else { return text };
        let facts = self.plan.resources.iter().flat_map(|resource| &resource.after);
        let service = facts.into_iter().find_map(|fact| match fact {
            Fact::Endpoint { id: Id::Made(own), service, .. } if own == address => service.clone(),
            _ => None,
        });
        service.map_or(text.clone(), |service| format!("new:{service}"))
    }

    /// Endpoints that go, then those that come: a new one may need the names that an old one has.
    pub(super) fn replace_endpoints(&mut self) {
        for turn in self.gone(|fact| matches!(fact, Fact::Endpoint { .. })) {
            let Fact::Endpoint { id: Id::Known(id), .. } = &turn.fact else { continue };
            if !self.resource(turn.resource).is_some_and(|resource| resource.actions.contains(&Action::Delete)) {
                continue;
            }
            if self.network.endpoints.find_text(id).is_none() {
                self.gone_already(turn.resource, id);
                continue;
            }
            let input = DeleteVpcEndpoints { vpc_endpoint_ids: vec![id.clone()] };
            self.push(turn.resource, Change::DeleteVpcEndpoints(input));
        }
        for turn in self.come(|fact| matches!(fact, Fact::Endpoint { id: Id::Made(_), .. })) {
            let Fact::Endpoint { id, kind, vpc, service } = turn.fact else { continue };
            let Id::Made(address) = &id else { continue };
            let Some(service_name) = service else {
                self.not_made.insert(address.clone());
                self.leave_out(turn.resource, "the service of the new endpoint is known after apply");
                continue;
            };
            let known = vpc.as_ref().and_then(|vpc| self.text(vpc));
            let Some(vpc_id) = known.filter(|vpc| self.network.vpcs.find_text(vpc).is_some()) else {
                self.not_made.insert(address.clone());
                self.leave_out(turn.resource, "it is made in a VPC that is not in the snapshot");
                continue;
            };
            let (links, left) = self.links(&id);
            for (position, what) in left {
                self.leave_out(position, format!("which {what} the endpoint gets is known after apply"));
            }
            let take = |[_, come]: [Vec<String>; 2]| come;
            let kind = kind.unwrap_or_else(|| "Gateway".to_owned());
            let input = CreateVpcEndpoint {
                private_dns_enabled: (kind == "Interface").then_some(links.dns.unwrap_or(false)),
                vpc_endpoint_type: Some(kind),
                vpc_id,
                service_name,
                subnet_ids: take(links.subnets),
                security_group_ids: take(links.groups),
                route_table_ids: take(links.tables),
            };
            if !self.push(turn.resource, Change::CreateVpcEndpoint(input)) {
                self.not_made.insert(address.clone());
            }
        }
    }

    /// What goes and comes at an endpoint, and what of it cannot be told (by resource).
    fn links(&self, endpoint: &Id) -> (Links, Vec<(usize, &'static str)>) {
        let mut links = Links::default();
        let mut left = Vec::new();
        for (side, turns) in [&self.gone, &self.come].into_iter().enumerate() {
            for turn in turns {
                let (list, id, what, prefix) = match &turn.fact {
                    Fact::EndpointTable { endpoint: own, table } if own == endpoint => {
                        (&mut links.tables, table, "route table", None)
                    }
                    Fact::EndpointGroup { endpoint: own, group } if own == endpoint => {
                        (&mut links.groups, group, "security group", Some("sg-"))
                    }
                    Fact::EndpointSubnet { endpoint: own, subnet } if own == endpoint => {
                        (&mut links.subnets, subnet, "subnet", None)
                    }
                    Fact::EndpointDns { endpoint: own, on } if own == endpoint => {
                        if side == 1 {
                            links.dns = Some(*on);
                        }
                        continue;
                    }
                    _ => continue,
                };
                let text = match prefix {
                    Some(prefix) => Some(self.text_or_unknown(id, prefix)),
                    None => self.text(id),
                };
                match (text, list.get_mut(side)) {
                    (Some(text), Some(list)) if !list.contains(&text) => list.push(text),
                    (None, _) => left.push((turn.resource, what)),
                    _ => {}
                }
            }
        }
        (links, left)
    }

    /// Endpoints that stay: their tables, groups, subnets and names.
    pub(super) fn modify_endpoints(&mut self) {
        let mut endpoints: BTreeMap<Id, usize> = BTreeMap::new();
        for turn in self.gone.iter().chain(&self.come) {
            let (Fact::EndpointTable { endpoint, .. }
            | Fact::EndpointGroup { endpoint, .. }
            | Fact::EndpointSubnet { endpoint, .. }
            | Fact::EndpointDns { endpoint, .. }) = &turn.fact
            else {
                continue;
            };
            // The endpoint's own resource speaks first.
            let own = self.kind(turn.resource) == "aws_vpc_endpoint";
            match endpoints.get_mut(endpoint) {
                Some(position) if own => *position = turn.resource,
                Some(_) => {}
                None => {
                    endpoints.insert(endpoint.clone(), turn.resource);
                }
            }
        }
        for (endpoint, position) in endpoints {
            let id = match &endpoint {
                Id::Known(id) => id.clone(),
                Id::Unknown(_) => {
                    self.leave_out(position, "which endpoint it changes is known after apply");
                    continue;
                }
                // Made with all its links.
                Id::Made(_) => continue,
            };
            let (mut links, left) = self.links(&endpoint);
            for (position, what) in left {
                self.leave_out(position, format!("which {what} the endpoint gets is known after apply"));
            }
            let Some(idx) = self.network.endpoints.find_text(&id) else {
                self.gone_already(position, &id);
                continue;
            };
            let live = self.network.endpoints.get(idx);
            let interfaces =
                || live.interfaces.iter().filter_map(Ref::known).map(|idx| self.network.interfaces.get(idx));
            let tables: Vec<String> = self
                .network
                .route_tables
                .iter()
                .filter(|(_, table)| {
                    table.routes.iter().any(|route| route.target == RouteTarget::Endpoint(Ref::Known(idx)))
                })
                .map(|(_, table)| table.id.to_string())
                .collect();
            let subnets: Vec<String> = interfaces()
                .filter_map(|interface| interface.subnet.as_ref())
                .map(|subnet| subnet.id(&self.network.subnets).to_string())
                .collect();
            let groups: Vec<String> = interfaces()
                .take(1)
                .flat_map(|interface| &interface.groups)
                .map(|group| group.id(&self.network.groups).to_string())
                .collect();
            for (lists, live) in
                [(&mut links.tables, tables), (&mut links.subnets, subnets), (&mut links.groups, groups)]
            {
                let [gone, come] = lists;
                gone.retain(|id| live.contains(id));
                come.retain(|id| !live.contains(id));
            }
            links.dns = links.dns.filter(|dns| *dns != live.private_dns);
            if links.is_empty() {
                continue;
            }
            let [remove_route_table_ids, add_route_table_ids] = links.tables;
            let [remove_security_group_ids, add_security_group_ids] = links.groups;
            let [remove_subnet_ids, add_subnet_ids] = links.subnets;
            let input = ModifyVpcEndpoint {
                vpc_endpoint_id: id,
                add_security_group_ids,
                remove_security_group_ids,
                add_route_table_ids,
                remove_route_table_ids,
                add_subnet_ids,
                remove_subnet_ids,
                private_dns_enabled: links.dns,
            };
            self.push(position, Change::ModifyVpcEndpoint(input));
        }
    }
}
