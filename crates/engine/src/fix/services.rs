//! AWS services without a way to them, and the API endpoint's list of admitted sources (PL-1, PL-5, PL-10, EK-14).

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use reach_model::change::{Change, ClusterAccess, CreateVpcEndpoint, ModifyVpcEndpoint, UpdateClusterConfig};
use reach_model::network::{
    Direction, EndpointKind, Idx, Network, NetworkInterface, Ref, SecurityGroup, Subnet, Vpc, VpcEndpoint,
};
use reach_packets::Family;

use super::groups::admits_all;
use super::peers::{everywhere, subnet_of, vpc_of};
use super::propose::{Choices, Proposal, Round, Trouble};
use crate::endpoint::{Endpoint, Outside, region_of};
use crate::question::Group;
use crate::reason::{Code, Leg};

/// Services whose endpoints are gateways, for nothing (PL-10).
const BY_GATEWAY: [&str; 2] = ["s3", "dynamodb"];

/// The port of AWS's services.
const HTTPS: u16 = 443;

/// CIDRs that a cluster's endpoint takes.
const ADMITTED: usize = 40;

/// The service that a group asks for, where no endpoint of the VPC stands for it.
fn service(group: &Group) -> Option<&str> {
    group.to.iter().find_map(|end| match end {
        Endpoint::Outside(outside) => outside.name.as_deref()?.strip_prefix("aws/"),
        _ => None,
    })
}

/// Whether a gate says that there is no way, not that a filter refuses.
fn no_way(trouble: &Trouble<'_>) -> bool {
    trouble.reason.leg == Leg::Forward
        && !matches!(
            trouble.reason.code,
            Code::EniSgRulesMismatch
                | Code::SgHasNoRules
                | Code::SgReferencesNotPreserved
                | Code::SgReferencingSupport
                | Code::SubnetAclRestriction
                | Code::EksPublicAccessCidrMismatch
        )
}

/// Endpoints for services that have no way; the groups that they serve, whose other gates are looked at when the name
/// means the endpoint.
pub(super) fn proposals<'a>(
    round: &Round<'a>,
    troubles: &mut [Trouble<'a>],
    choices: &mut Choices,
    proposals: &mut Vec<Proposal>,
) -> Vec<&'a Group> {
    let network = round.network;
    let mut served: Vec<&'a Group> = Vec::new();
    let mut wanted: BTreeMap<(&'a str, Idx<Vpc>), BTreeSet<Idx<NetworkInterface>>> = BTreeMap::new();
    for trouble in troubles.iter().filter(|trouble| no_way(trouble)) {
        let Some(service) = service(trouble.group) else { continue };
        let senders = trouble.group.from.iter().filter_map(Endpoint::interface);
        let mut senders = senders.filter_map(|interface| Some((vpc_of(network, interface)?, interface))).peekable();
        if senders.peek().is_none() {
            continue;
        }
        choices.services = true;
        if round.strategy.public_service {
            continue;
        }
        for (vpc, interface) in senders {
            wanted.entry((service, vpc)).or_default().insert(interface);
        }
        served.push(trouble.group);
    }
    for ((service, vpc), senders) in wanted {
        let mut options = Vec::new();
        if BY_GATEWAY.contains(&service) {
            options.push(vec![gateway(network, service, vpc, &senders)]);
        }
        if !is_on_its_way(network, service, vpc) {
            options.push(vec![interface(round, service, vpc, &senders)]);
        }
        proposals.push(Proposal { options });
    }
    served
}

fn service_name(network: &Network, service: &str, vpc: Idx<Vpc>) -> String {
    let region = region_of(network, vpc).unwrap_or_else(|| "REGION".to_owned());
    let vendor = if region.starts_with("cn-") { "cn.com" } else { "com" };
    format!("{vendor}.amazonaws.{region}.{service}")
}

/// Whether an endpoint that does not work yet, or no more, holds the service's name: AWS refuses a second one with private
/// DNS (PL-5).
fn is_on_its_way(network: &Network, service: &str, vpc: Idx<Vpc>) -> bool {
    let id = &network.vpcs.get(vpc).id;
    network.endpoints.iter().any(|(_, endpoint)| {
        let of_service = endpoint.vpc.as_ref() == Some(id) && endpoint.service_label() == service;
        of_service && endpoint.kind == EndpointKind::Interface && endpoint.private_dns && !endpoint.available
    })
}

/// The endpoint of a service that a VPC has.
fn known<'n>(network: &'n Network, service: &str, vpc: Idx<Vpc>, kind: EndpointKind) -> Option<&'n VpcEndpoint> {
    let id = &network.vpcs.get(vpc).id;
    let endpoints = network.endpoints.iter().map(|(_, endpoint)| endpoint);
    endpoints
        .filter(|endpoint| endpoint.vpc.as_ref() == Some(id) && endpoint.kind == kind && endpoint.available)
        .find(|endpoint| endpoint.service_label() == service)
}

/// PL-10: a gateway endpoint with the senders' route tables.
fn gateway(network: &Network, service: &str, vpc: Idx<Vpc>, senders: &BTreeSet<Idx<NetworkInterface>>) -> Change {
    let subnets = senders.iter().filter_map(|interface| subnet_of(network, *interface));
    let tables = subnets.filter_map(|subnet| network.subnets.get(subnet).route_table);
    let tables: BTreeSet<String> = tables.map(|table| network.route_tables.get(table).id.to_string()).collect();
    let route_table_ids: Vec<String> = tables.into_iter().collect();
    if let Some(endpoint) = known(network, service, vpc, EndpointKind::Gateway) {
        return Change::ModifyVpcEndpoint(ModifyVpcEndpoint {
            vpc_endpoint_id: endpoint.id.to_string(),
            add_route_table_ids: route_table_ids,
            ..ModifyVpcEndpoint::default()
        });
    }
    Change::CreateVpcEndpoint(CreateVpcEndpoint {
        vpc_endpoint_type: Some("Gateway".to_owned()),
        vpc_id: network.vpcs.get(vpc).id.to_string(),
        service_name: service_name(network, service, vpc),
        route_table_ids,
        ..CreateVpcEndpoint::default()
    })
}

/// PL-1, PL-5: an interface endpoint with private DNS, one subnet in each zone of the senders.
fn interface(round: &Round<'_>, service: &str, vpc: Idx<Vpc>, senders: &BTreeSet<Idx<NetworkInterface>>) -> Change {
    let network = round.network;
    if let Some(endpoint) = known(network, service, vpc, EndpointKind::Interface).filter(|e| !e.private_dns) {
        return Change::ModifyVpcEndpoint(ModifyVpcEndpoint {
            vpc_endpoint_id: endpoint.id.to_string(),
            private_dns_enabled: Some(true),
            ..ModifyVpcEndpoint::default()
        });
    }
    let mut zones: BTreeMap<Option<&str>, Idx<Subnet>> = BTreeMap::new();
    for subnet in senders.iter().filter_map(|interface| subnet_of(network, *interface)) {
        let zone = network.subnets.get(subnet).zone.as_deref();
        let id = |subnet: Idx<Subnet>| &network.subnets.get(subnet).id;
        let best = zones.entry(zone).or_insert(subnet);
        if id(subnet) < id(*best) {
            *best = subnet;
        }
    }
    let group = endpoint_group(round, vpc, senders);
    Change::CreateVpcEndpoint(CreateVpcEndpoint {
        vpc_endpoint_type: Some("Interface".to_owned()),
        vpc_id: network.vpcs.get(vpc).id.to_string(),
        service_name: service_name(network, service, vpc),
        subnet_ids: zones.into_values().map(|subnet| network.subnets.get(subnet).id.to_string()).collect(),
        security_group_ids: group.map(|group| network.groups.get(group).id.to_string()).into_iter().collect(),
        private_dns_enabled: Some(true),
        ..CreateVpcEndpoint::default()
    })
}

/// The group of a new endpoint: one of the VPC's endpoints that admits the senders, else one of the senders' own that
/// does, else one that most senders carry and that gets a rule.
fn endpoint_group(
    round: &Round<'_>,
    vpc: Idx<Vpc>,
    senders: &BTreeSet<Idx<NetworkInterface>>,
) -> Option<Idx<SecurityGroup>> {
    let network = round.network;
    let id = &network.vpcs.get(vpc).id;
    let mut of_endpoints: BTreeMap<Idx<SecurityGroup>, usize> = BTreeMap::new();
    let endpoints = network.endpoints.iter().filter(|(_, endpoint)| endpoint.vpc.as_ref() == Some(id));
    for interface in endpoints.flat_map(|(_, endpoint)| endpoint.interfaces.iter().filter_map(Ref::known)) {
        for group in network.interfaces.get(interface).groups.iter().filter_map(Ref::known) {
            *of_endpoints.entry(group).or_default() += 1;
        }
    }
    let mut of_senders: BTreeMap<Idx<SecurityGroup>, usize> = BTreeMap::new();
    for interface in senders {
        for group in network.interfaces.get(*interface).groups.iter().filter_map(Ref::known) {
            *of_senders.entry(group).or_default() += 1;
        }
    }
    let admits = |group: &Idx<SecurityGroup>| admits_all(network, *group, Direction::Ingress, HTTPS, senders);
    let most = |groups: &BTreeMap<Idx<SecurityGroup>, usize>, only: bool| {
        let fit = groups.iter().filter(|(group, _)| !only || admits(group));
        fit.min_by_key(|(group, count)| (std::cmp::Reverse(**count), &network.groups.get(**group).id)).map(|(g, _)| *g)
    };
    most(&of_endpoints, true)
        .or_else(|| most(&of_senders, true))
        .or_else(|| most(&of_endpoints, false))
        .or_else(|| most(&of_senders, false))
}

/// EK-14: the arriving addresses in the cluster's list, or its private endpoint.
pub(super) fn admission(round: &Round<'_>, troubles: &[Trouble<'_>], choices: &mut Choices) -> Option<Vec<Proposal>> {
    if troubles.is_empty() {
        return Some(Vec::new());
    }
    let network = round.network;
    let mut arriving: BTreeMap<Vec<IpNet>, BTreeSet<IpNet>> = BTreeMap::new();
    for trouble in troubles {
        let outside = trouble.group.to.iter().find_map(|end| match end {
            Endpoint::Outside(outside) if outside.admission.is_some() => Some(outside),
            _ => None,
        });
        let admitted = outside.and_then(|outside| outside.admission.clone())?;
        let seen = trouble.packet()?.source;
        let all = |outside: &Outside| outside.by_default_range && outside.addresses.contains(seen);
        let internet = trouble.group.from.iter().any(|end| matches!(end, Endpoint::Outside(outside) if all(outside)));
        let list = arriving.entry(admitted).or_default();
        if internet {
            list.extend(everywhere(Family::of(seen)));
            continue;
        }
        let asked = trouble.group.from.iter().filter_map(|end| match end {
            Endpoint::Outside(outside) if outside.addresses.contains(seen) => Some(outside.addresses.cidrs()),
            _ => None,
        });
        let asked: Vec<IpNet> = asked.flatten().collect();
        if asked.is_empty() {
            list.insert(seen.into());
        } else {
            list.extend(asked);
        }
    }
    choices.admission = true;
    let mut proposals = Vec::new();
    for (admitted, arriving) in arriving {
        let mut cidrs = admitted.clone();
        cidrs.extend(arriving.iter().filter(|net| !admitted.contains(net)));
        let mut options = Vec::new();
        for (_, cluster) in network.clusters.iter().filter(|(_, cluster)| cluster.public_access_cidrs == admitted) {
            let access = |access: ClusterAccess| {
                vec![Change::UpdateClusterConfig(UpdateClusterConfig {
                    name: cluster.name.to_string(),
                    resources_vpc_config: access,
                })]
            };
            // EK-18: the list of a cluster of IPv4 has no other addresses, though by default it says so of everywhere.
            let fits = |net: &&IpNet| cluster.ipv6 || net.addr().is_ipv4();
            let cidrs: Vec<String> = cidrs.iter().filter(fits).map(ToString::to_string).collect();
            let listed = (cidrs.len() <= ADMITTED).then(|| {
                let cidrs = Some(cidrs);
                access(ClusterAccess { public_access_cidrs: cidrs, ..ClusterAccess::default() })
            });
            let private = (!cluster.private_access)
                .then(|| access(ClusterAccess { endpoint_private_access: Some(true), ..ClusterAccess::default() }));
            if round.strategy.private_api {
                options.extend(private.into_iter().chain(listed));
            } else {
                options.extend(listed.into_iter().chain(private));
            }
        }
        if options.is_empty() {
            return None;
        }
        proposals.push(Proposal { options });
    }
    Some(proposals)
}
