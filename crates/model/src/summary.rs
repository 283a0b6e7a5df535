//! What a snapshot holds and what it lacks, as data: `reach snapshot info` renders it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::api::{Argument, Call, Role};
use crate::aws::{Route, Text};
use crate::questions::questions;
use crate::snapshot::{CallStatus, Resources, ScopeIndex, Snapshot};
use crate::time::Span;

/// A snapshot at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// When the snapshot was made (RFC 3339), where known.
    pub created: Option<Text>,
    /// From the first call to the last one, where documents tell times: a snapshot is not of one moment (M-10).
    pub span: Option<Span>,
    /// How many files were read.
    pub files: usize,
    /// How many resources there are of each kind that occurs, in the order of the call table.
    pub resources: Vec<Count>,
    /// Which calls were made in which account and Region.
    pub scopes: Vec<ScopeSummary>,
    /// What was not collected in full and can matter, the gravest first.
    pub missing: Vec<Missing>,
    /// What import remarked.
    pub warnings: Vec<String>,
}

/// Resources of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The call that lists them: `ec2 describe-vpcs`.
    pub call: String,
    /// The kind, in the plural: `subnets`.
    pub kind: &'static str,
    /// How many.
    pub count: usize,
}

/// The calls that were made in one account and Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScopeSummary {
    /// Twelve digits; absent where neither path nor document tell.
    pub account: Option<Text>,
    /// The Region.
    pub region: Option<Text>,
    /// The calls, in the order of the call table.
    pub calls: Vec<CallState>,
}

/// What became of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallState {
    /// `ec2 describe-vpcs`.
    pub call: String,
    /// `complete`, `truncated`, `denied`, `failed` or `not_collected`.
    pub status: &'static str,
    /// AWS's error code.
    pub error_code: Option<Text>,
}

/// A call that was not answered in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The account to ask, where known.
    pub account: Option<Text>,
    /// The Region to ask, where known.
    pub region: Option<Text>,
    /// The call and its fate.
    #[serde(flatten)]
    pub state: CallState,
    /// `structural`: answers that pass through it are unknown. `referenced`: only those that meet one of `ids` are.
    /// `switch`: AWS's default is assumed.
    pub role: &'static str,
    /// The ids that something in the snapshot refers to and whose answer is missing. Empty for a `referenced` call:
    /// nothing in the snapshot needs it.
    pub ids: Vec<String>,
    /// The kinds of questions that it can turn unknown, or answer by an assumption.
    pub questions: &'static [&'static str],
    /// The commands to run.
    pub commands: Vec<String>,
}

/// Summarises `snapshot`. O(resources).
pub fn summarise(snapshot: &Snapshot) -> Summary {
    Summary {
        created: snapshot.created.clone(),
        span: snapshot.span.clone(),
        files: snapshot.files.len(),
        resources: counts(&snapshot.resources),
        scopes: scopes(snapshot),
        missing: missing(snapshot),
        warnings: snapshot.warnings.clone(),
    }
}

/// The kinds of resources: the call that lists them, their name, their number.
macro_rules! kinds {
    ($($call:ident $name:literal $list:ident;)*) => {
        fn counts(resources: &Resources) -> Vec<Count> {
            let counts = [$((Call::$call, $name, resources.$list.len()),)*];
            counts
                .into_iter()
                .filter(|&(_, _, count)| count > 0)
                .map(|(call, kind, count)| Count { call: call.name(), kind, count })
                .collect()
        }
    };
}

kinds! {
    DescribeVpcs "VPCs" vpcs;
    DescribeSubnets "subnets" subnets;
    DescribeRouteTables "route tables" route_tables;
    DescribeNetworkAcls "network ACLs" network_acls;
    DescribeSecurityGroups "security groups" security_groups;
    DescribeSecurityGroupRules "security group rules" security_group_rules;
    DescribeNetworkInterfaces "network interfaces" network_interfaces;
    DescribeInstances "instances" instances;
    DescribeInternetGateways "internet gateways" internet_gateways;
    DescribeEgressOnlyInternetGateways "egress-only internet gateways" egress_only_gateways;
    DescribeNatGateways "NAT gateways" nat_gateways;
    DescribeAddresses "Elastic IP addresses" addresses;
    DescribeVpcPeeringConnections "VPC peering connections" peerings;
    DescribeVpcEndpoints "VPC endpoints" vpc_endpoints;
    DescribeManagedPrefixLists "prefix lists" prefix_lists;
    GetManagedPrefixListEntries "prefix lists with entries" prefix_list_entries;
    DescribeTransitGateways "transit gateways" transit_gateways;
    DescribeTransitGatewayAttachments "transit gateway attachments" transit_gateway_attachments;
    DescribeTransitGatewayVpcAttachments "transit gateway VPC attachments" transit_gateway_vpc_attachments;
    DescribeTransitGatewayPeeringAttachments "transit gateway peerings" transit_gateway_peering_attachments;
    DescribeTransitGatewayRouteTables "transit gateway route tables" transit_gateway_route_tables;
    GetTransitGatewayRouteTableAssociations "transit gateway tables with associations" transit_gateway_associations;
    GetTransitGatewayRouteTablePropagations "transit gateway tables with propagations" transit_gateway_propagations;
    SearchTransitGatewayRoutes "transit gateway tables with routes" transit_gateway_routes;
    SearchTransitGatewayRoutes "transit gateway tables with static routes" transit_gateway_static_routes;
    DescribeVpnGateways "virtual private gateways" vpn_gateways;
    DescribeVpcAttribute "VPC attributes" vpc_attributes;
    DescribeDhcpOptions "DHCP option sets" dhcp_options;
    DescribeVpcBlockPublicAccessOptions "block public access settings" block_public_access_options;
    DescribeVpcBlockPublicAccessExclusions "block public access exclusions" block_public_access_exclusions;
    DescribeSecurityGroupVpcAssociations "security group associations" security_group_vpc_associations;
    DescribeTrunkInterfaceAssociations "trunk associations" trunk_associations;
    DescribeInstanceConnectEndpoints "EC2 Instance Connect endpoints" instance_connect_endpoints;
    DescribeLoadBalancers "load balancers" load_balancers;
    DescribeListeners "listeners" listeners;
    DescribeTargetGroups "target groups" target_groups;
    DescribeTargetHealth "target groups with targets" target_health;
    DescribeClassicLoadBalancers "classic load balancers" classic_load_balancers;
    DescribeCluster "EKS clusters" clusters;
    DescribeNodegroup "node groups" nodegroups;
    DescribeFargateProfile "Fargate profiles" fargate_profiles;
    DescribeAddon "add-ons" addons;
    KubectlGet "Kubernetes nodes" nodes;
    KubectlGet "pods" pods;
    KubectlGet "services" services;
    KubectlGet "endpoint slices" endpoint_slices;
    KubectlGet "daemon sets" daemon_sets;
    KubectlGet "API services" api_services;
    KubectlGet "validating webhooks" validating_webhooks;
    KubectlGet "mutating webhooks" mutating_webhooks;
}

fn state(call: Call, status: &CallStatus) -> CallState {
    let (status, error_code) = match status {
        CallStatus::Complete => ("complete", None),
        CallStatus::Truncated => ("truncated", None),
        CallStatus::Denied(code) => ("denied", Some(code)),
        CallStatus::Failed(code) => ("failed", Some(code)),
        CallStatus::NotCollected => ("not_collected", None),
    };
    CallState { call: call.name(), status, error_code: error_code.filter(|code| !code.is_empty()).cloned() }
}

fn scopes(snapshot: &Snapshot) -> Vec<ScopeSummary> {
    let coverage = &snapshot.coverage;
    occupied(snapshot)
        .into_iter()
        .filter_map(|index| {
            let scope = coverage.scopes.get(index as usize)?;
            let calls = coverage.calls.range((index, Call::DescribeVpcs)..).take_while(|((of, _), _)| *of == index);
            let calls = calls.map(|(&(_, call), status)| state(call, status)).collect();
            Some(ScopeSummary { account: scope.account.clone(), region: scope.region.clone(), calls })
        })
        .collect()
}

/// The scopes in which any call was made.
fn occupied(snapshot: &Snapshot) -> BTreeSet<ScopeIndex> {
    snapshot.coverage.calls.keys().map(|&(scope, _)| scope).collect()
}

fn missing(snapshot: &Snapshot) -> Vec<Missing> {
    let coverage = &snapshot.coverage;
    let occupied = occupied(snapshot);
    // Files that name no account speak for all: alone they are a scope of their own.
    let scopes = occupied.iter().copied().filter(|&scope| scope != 0 || occupied.len() == 1);
    let needs = needs(snapshot);
    let none = BTreeSet::new();
    let mut missing = Vec::new();
    for scope in scopes {
        let names = coverage.scopes.get(scope as usize).cloned().unwrap_or_default();
        for &call in Call::ALL {
            let needed = needs.get(&call).unwrap_or(&none);
            let status = coverage.status(scope, call);
            let is_missing = match call.argument() {
                // Per id: what is needed was not answered, whatever became of the call for other ids.
                Argument::Each(_) => !needed.is_empty(),
                Argument::None => status != CallStatus::Complete,
            };
            if call.role() == Role::Informative || !is_missing {
                continue;
            }
            let commands = match call.argument() {
                Argument::None => vec![call.to_string()],
                Argument::Each(_) => needed.iter().flat_map(|id| call.commands(id)).collect(),
            };
            let state = match (status, call.argument()) {
                (CallStatus::Complete, Argument::Each(_)) => state(call, &CallStatus::NotCollected),
                (status, _) => state(call, &status),
            };
            let ids = needed.iter().cloned().collect();
            let (account, region) = (names.account.clone(), names.region.clone());
            let (role, questions) = (call.role(), questions(call));
            missing.push((role, Missing { account, region, state, role: role.as_str(), ids, questions, commands }));
        }
    }
    missing.sort_by_key(|(role, _)| *role);
    missing.into_iter().map(|(_, missing)| missing).collect()
}

/// The ids that something refers to and that no answer explains, by the call that would.
fn needs(snapshot: &Snapshot) -> BTreeMap<Call, BTreeSet<String>> {
    let resources = &snapshot.resources;
    let mut needs: BTreeMap<Call, BTreeSet<String>> = BTreeMap::new();
    let mut need = |call: Call, id: Option<&str>| {
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            needs.entry(call).or_default().insert(id.to_string());
        }
    };
    for table in &resources.route_tables {
        for route in &table.value.routes {
            route_needs(route, &mut need);
        }
    }
    for group in &resources.security_groups {
        let permissions = group.value.ip_permissions.iter().chain(&group.value.ip_permissions_egress);
        for list in permissions.flat_map(|permission| &permission.prefix_list_ids) {
            need(Call::GetManagedPrefixListEntries, list.prefix_list_id.as_deref());
        }
    }
    for rule in &resources.security_group_rules {
        need(Call::GetManagedPrefixListEntries, rule.value.prefix_list_id.as_deref());
    }
    for table in &resources.transit_gateway_routes {
        for route in &table.value.items {
            need(Call::GetManagedPrefixListEntries, route.prefix_list_id.as_deref());
        }
    }
    for interface in &resources.network_interfaces {
        need(Call::DescribeInstances, interface.value.attachment.as_ref().and_then(|a| a.instance_id.as_deref()));
    }
    for table in &resources.transit_gateway_route_tables {
        for call in [
            Call::GetTransitGatewayRouteTableAssociations,
            Call::GetTransitGatewayRouteTablePropagations,
            Call::SearchTransitGatewayRoutes,
        ] {
            need(call, table.value.transit_gateway_route_table_id.as_deref());
        }
    }
    for vpc in &resources.vpcs {
        need(Call::DescribeVpcAttribute, vpc.value.vpc_id.as_deref());
    }
    for balancer in &resources.load_balancers {
        need(Call::DescribeListeners, balancer.value.load_balancer_arn.as_deref());
    }
    for group in &resources.target_groups {
        need(Call::DescribeTargetHealth, group.value.target_group_arn.as_deref());
    }
    for cluster in &resources.clusters {
        need(Call::DescribeAddon, cluster.value.name.as_deref());
    }
    for (call, ids) in &mut needs {
        let answered = answered(snapshot, *call);
        ids.retain(|id| !answered.contains(id.as_str()));
    }
    needs
}

fn route_needs<'r>(route: &'r Route, need: &mut impl FnMut(Call, Option<&'r str>)) {
    need(Call::GetManagedPrefixListEntries, route.destination_prefix_list_id.as_deref());
    need(Call::DescribeNatGateways, route.nat_gateway_id.as_deref());
    need(Call::DescribeTransitGateways, route.transit_gateway_id.as_deref());
    need(Call::DescribeVpcPeeringConnections, route.vpc_peering_connection_id.as_deref());
    need(Call::DescribeEgressOnlyInternetGateways, route.egress_only_internet_gateway_id.as_deref());
    let kind = route.gateway_id.as_deref().and_then(|id| id.split_once('-')).map(|(kind, _)| kind);
    let call = match kind {
        Some("igw") => Call::DescribeInternetGateways,
        Some("vgw") => Call::DescribeVpnGateways,
        Some("vpce") => Call::DescribeVpcEndpoints,
        _ => return,
    };
    need(call, route.gateway_id.as_deref());
}

/// The ids that `call` was answered for.
fn answered(snapshot: &Snapshot, call: Call) -> BTreeSet<&str> {
    let resources = &snapshot.resources;
    macro_rules! ids {
        ($list:ident . $id:ident) => {
            resources.$list.iter().filter_map(|item| item.value.$id.as_deref()).collect()
        };
    }
    macro_rules! keyed {
        ($list:ident) => {
            resources.$list.iter().filter(|item| !item.value.truncated).map(|item| &*item.value.id).collect()
        };
    }
    match call {
        Call::DescribeNatGateways => ids!(nat_gateways.nat_gateway_id),
        Call::DescribeTransitGateways => ids!(transit_gateways.transit_gateway_id),
        Call::DescribeVpcPeeringConnections => ids!(peerings.vpc_peering_connection_id),
        Call::DescribeEgressOnlyInternetGateways => ids!(egress_only_gateways.egress_only_internet_gateway_id),
        Call::DescribeInternetGateways => ids!(internet_gateways.internet_gateway_id),
        Call::DescribeVpnGateways => ids!(vpn_gateways.vpn_gateway_id),
        Call::DescribeVpcEndpoints => ids!(vpc_endpoints.vpc_endpoint_id),
        Call::DescribeInstances => ids!(instances.instance_id),
        Call::DescribeListeners => {
            // One file may hold the listeners of all load balancers: then those without listeners have none.
            let all = snapshot.coverage.calls.keys().any(|&(_, made)| made == Call::DescribeListeners);
            if all { ids!(load_balancers.load_balancer_arn) } else { BTreeSet::new() }
        }
        Call::DescribeTargetHealth => keyed!(target_health),
        Call::GetTransitGatewayRouteTableAssociations => keyed!(transit_gateway_associations),
        Call::GetTransitGatewayRouteTablePropagations => keyed!(transit_gateway_propagations),
        Call::SearchTransitGatewayRoutes => {
            let whole: BTreeSet<&str> = keyed!(transit_gateway_routes);
            let fixed: BTreeSet<&str> = keyed!(transit_gateway_static_routes);
            &whole | &fixed
        }
        Call::GetManagedPrefixListEntries => {
            let entries: BTreeSet<&str> = keyed!(prefix_list_entries);
            let with_cidrs = resources.prefix_lists.iter().filter(|list| list.value.cidrs.is_some());
            let with_cidrs = with_cidrs.filter_map(|list| list.value.prefix_list_id.as_deref()).collect();
            &entries | &with_cidrs
        }
        Call::DescribeVpcAttribute => {
            let attributes = || resources.vpc_attributes.iter().map(|attribute| &attribute.value);
            let support = attributes().filter(|attribute| attribute.enable_dns_support.is_some());
            let support: BTreeSet<&str> = support.filter_map(|attribute| attribute.vpc_id.as_deref()).collect();
            let names = attributes().filter(|attribute| attribute.enable_dns_hostnames.is_some());
            let names: BTreeSet<&str> = names.filter_map(|attribute| attribute.vpc_id.as_deref()).collect();
            &support & &names
        }
        Call::DescribeAddon => {
            // The daemon set says the same, and more.
            let has_name = |set: &&crate::aws::DaemonSet| set.metadata.name.as_deref() == Some("aws-node");
            if resources.daemon_sets.iter().map(|set| &set.value).any(|set| has_name(&set)) {
                ids!(clusters.name)
            } else {
                let addons = resources.addons.iter().map(|addon| &addon.value);
                let addons = addons.filter(|addon| addon.addon_name.as_deref() == Some("vpc-cni"));
                addons.filter_map(|addon| addon.cluster_name.as_deref()).collect()
            }
        }
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::import_documents;

    fn summary(files: &[(&str, &str)]) -> Summary {
        summarise(&import_documents(files.iter().map(|&(name, text)| (name, text.as_bytes()))).unwrap())
    }

    fn find<'s>(summary: &'s Summary, call: &str) -> Option<&'s Missing> {
        summary.missing.iter().find(|missing| missing.state.call == call)
    }

    #[test]
    fn resources_are_counted_in_table_order() {
        let summary = summary(&[(
            "a.json",
            r#"{"Subnets": [{"SubnetId": "subnet-1"}, {"SubnetId": "subnet-2"}], "Vpcs": [{"VpcId": "vpc-1"}]}"#,
        )]);
        let counts: Vec<(&str, usize)> = summary.resources.iter().map(|count| (count.kind, count.count)).collect();
        assert_eq!(counts, [("VPCs", 1), ("subnets", 2)]);
    }

    #[test]
    fn what_is_missing_comes_with_ids_and_commands() {
        let routes = r#"{"RouteTables": [{"RouteTableId": "rtb-1", "Routes": [
            {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-1"},
            {"DestinationPrefixListId": "pl-1", "GatewayId": "vpce-1"},
            {"DestinationPrefixListId": "pl-2", "GatewayId": "vpce-1"}]}]}"#;
        let summary = summary(&[
            ("routes.json", routes),
            ("vpcs.json", r#"{"Vpcs": [{"VpcId": "vpc-1"}]}"#),
            ("pl.json", r#"{"PrefixListId": "pl-2", "Entries": []}"#),
        ]);
        let entries = find(&summary, "ec2 get-managed-prefix-list-entries").unwrap();
        assert_eq!(entries.ids, ["pl-1"]);
        assert_eq!(entries.commands, ["aws ec2 get-managed-prefix-list-entries --prefix-list-id pl-1"]);
        assert_eq!((entries.role, entries.state.status), ("referenced", "not_collected"));
        assert_eq!(find(&summary, "ec2 describe-nat-gateways").unwrap().ids, ["nat-1"]);
        assert_eq!(find(&summary, "ec2 describe-vpc-attribute").unwrap().commands.len(), 2);
        assert!(find(&summary, "ec2 describe-transit-gateways").unwrap().ids.is_empty());
        assert!(find(&summary, "ec2 describe-vpcs").is_none());
        assert_eq!(summary.missing[0].role, "structural");
        assert_eq!(summary.missing.last().unwrap().role, "switch");
    }

    #[test]
    fn a_file_without_account_speaks_for_all_accounts() {
        let summary = summary(&[
            ("vpcs.json", r#"{"Vpcs": []}"#),
            ("accounts/123456789012/eu-west-1/subnets.json", r#"{"Subnets": []}"#),
        ]);
        assert_eq!(summary.scopes.len(), 2);
        assert!(find(&summary, "ec2 describe-vpcs").is_none());
        let acls = find(&summary, "ec2 describe-network-acls").unwrap();
        assert_eq!(acls.region.as_deref(), Some("eu-west-1"));
    }
}
