//! Which calls are made: those that need nothing, and those that an answer names the ids for.

use std::collections::{BTreeMap, BTreeSet};

use reach_model::api::{Argument, Call};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// One call with what it is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ask {
    /// The call.
    pub call: Call,
    /// Its arguments by the API's names: `PrefixListId`. Several ids of one argument stand with commas between them.
    pub arguments: BTreeMap<&'static str, String>,
}

impl Ask {
    pub(crate) fn new(call: Call) -> Self {
        Self { call, arguments: BTreeMap::new() }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.arguments.insert(name, value.into());
        self
    }

    /// The argument of that name; empty where the call has none.
    pub(crate) fn argument(&self, name: &str) -> String {
        self.arguments.get(name).cloned().unwrap_or_default()
    }

    /// The ids that stand in the argument of that name.
    pub(crate) fn list(&self, name: &str) -> Vec<String> {
        self.arguments.get(name).map(|ids| ids.split(',').map(str::to_owned).collect()).unwrap_or_default()
    }
}

/// What the snapshot is limited to; empty lists limit nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    /// The ids of VPCs.
    pub vpcs: Vec<String>,
    /// The names of EKS clusters.
    pub clusters: Vec<String>,
}

/// How AWS lets a call be limited to VPCs.
///
/// Collections that tie VPCs together (peerings, transit gateways, security groups that others refer to, prefix lists)
/// are small and are always read whole.
pub(crate) const fn vpc_filter(call: Call) -> Option<&'static str> {
    Some(match call {
        Call::DescribeVpcs
        | Call::DescribeSubnets
        | Call::DescribeRouteTables
        | Call::DescribeNetworkAcls
        | Call::DescribeNetworkInterfaces
        | Call::DescribeInstances
        | Call::DescribeNatGateways
        | Call::DescribeVpcEndpoints => "vpc-id",
        Call::DescribeInternetGateways => "attachment.vpc-id",
        _ => return None,
    })
}

/// Calls that are not made, though the import reads their answers: the load balancers of the previous generation, and
/// what a cluster knows itself.
pub const NOT_MADE: [Call; 2] = [Call::DescribeClassicLoadBalancers, Call::KubectlGet];

/// Calls of services beside EC2, load balancing and EKS that a complete picture would need.
pub const OTHER_SERVICES: [&str; 5] = [
    "network-firewall list-firewalls",
    "network-firewall describe-firewall",
    "vpc-lattice list-service-network-vpc-associations",
    "vpc-lattice list-resource-gateways",
    "lambda get-function-configuration",
];

/// The calls that need no answer of another.
pub(crate) fn first(limits: &Limits) -> Vec<Ask> {
    let made = |call: &&Call| call.argument() == Argument::None && !NOT_MADE.contains(call);
    let mut asks: Vec<Ask> = Call::ALL.iter().filter(made).map(|&call| Ask::new(call)).collect();
    if !limits.clusters.is_empty() {
        asks.retain(|ask| ask.call != Call::ListClusters);
        asks.extend(limits.clusters.iter().flat_map(|name| of_cluster(name)));
    }
    asks
}

/// The call that describes the cluster of that name.
pub(crate) fn describe_cluster(name: &str) -> Ask {
    Ask::new(Call::DescribeCluster).with("name", name)
}

fn of_cluster(name: &str) -> Vec<Ask> {
    let listed = [Call::ListNodegroups, Call::ListFargateProfiles, Call::ListAddons];
    let mut asks = vec![describe_cluster(name)];
    asks.extend(listed.map(|call| Ask::new(call).with("clusterName", name)));
    asks
}

/// Ids of this many groups or types go into one call.
const BATCH: usize = 100;

/// The calls that an answer gives the ids for.
pub(crate) fn follow(ask: &Ask, answer: &str) -> Vec<Ask> {
    match ask.call {
        Call::DescribeVpcs => ids(answer, "Vpcs", "VpcId").iter().flat_map(|id| of_vpc(id)).collect(),
        Call::DescribeManagedPrefixLists => {
            each(answer, "PrefixLists", "PrefixListId", &[Call::GetManagedPrefixListEntries])
        }
        Call::DescribeTransitGatewayRouteTables => each(
            answer,
            "TransitGatewayRouteTables",
            "TransitGatewayRouteTableId",
            &[
                Call::GetTransitGatewayRouteTableAssociations,
                Call::GetTransitGatewayRouteTablePropagations,
                Call::SearchTransitGatewayRoutes,
            ],
        ),
        Call::DescribeSecurityGroups => {
            let groups: Vec<String> = ids(answer, "SecurityGroups", "GroupId").into_iter().collect();
            let batch = |ids: &[String]| Ask::new(Call::DescribeSecurityGroupReferences).with("GroupId", ids.join(","));
            groups.chunks(BATCH).map(batch).collect()
        }
        Call::DescribeInstances => of_instances(answer),
        Call::DescribeLoadBalancers => each(
            answer,
            "LoadBalancers",
            "LoadBalancerArn",
            &[Call::DescribeListeners, Call::DescribeLoadBalancerAttributes],
        ),
        // Only application load balancers choose by rules.
        Call::DescribeListeners => each(answer, "Listeners", "ListenerArn", &[Call::DescribeRules])
            .into_iter()
            .filter(|ask| ask.argument("ListenerArn").contains(":listener/app/"))
            .collect(),
        Call::DescribeTargetGroups => each(
            answer,
            "TargetGroups",
            "TargetGroupArn",
            &[Call::DescribeTargetHealth, Call::DescribeTargetGroupAttributes],
        ),
        Call::ListClusters => names(answer, "clusters").iter().flat_map(|name| of_cluster(name)).collect(),
        Call::ListNodegroups => of_list(ask, answer, "nodegroups", Call::DescribeNodegroup, "nodegroupName"),
        Call::ListFargateProfiles => {
            of_list(ask, answer, "fargateProfileNames", Call::DescribeFargateProfile, "fargateProfileName")
        }
        Call::ListAddons => of_list(ask, answer, "addons", Call::DescribeAddon, "addonName"),
        Call::DescribeNodegroup => launch_template(answer).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The VPC that a description of a cluster names.
pub(crate) fn vpc_of_cluster(answer: &str) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        cluster: Cluster,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Cluster {
        resources_vpc_config: Config,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Config {
        vpc_id: Option<String>,
    }
    serde_json::from_str::<Answer>(answer).ok()?.cluster.resources_vpc_config.vpc_id
}

fn of_vpc(id: &str) -> Vec<Ask> {
    let attribute = |name: &str| Ask::new(Call::DescribeVpcAttribute).with("VpcId", id).with("Attribute", name);
    let mut asks: Vec<Ask> = ["enableDnsSupport", "enableDnsHostnames"].map(attribute).into();
    let others = [Call::DescribeStaleSecurityGroups, Call::GetSecurityGroupsForVpc];
    asks.extend(others.map(|call| Ask::new(call).with("VpcId", id)));
    asks
}

/// The types of the instances, and the launch templates that made them.
fn of_instances(answer: &str) -> Vec<Ask> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Reservation {
        #[serde(default)]
        instances: Vec<Instance>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Instance {
        instance_type: Option<String>,
        #[serde(default)]
        tags: Vec<Tag>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Tag {
        key: Option<String>,
        value: Option<String>,
    }
    let instances: Vec<Instance> =
        elements::<Reservation>(answer, "Reservations").into_iter().flat_map(|found| found.instances).collect();
    let types: BTreeSet<&str> = instances.iter().filter_map(|instance| instance.instance_type.as_deref()).collect();
    let types: Vec<&str> = types.into_iter().collect();
    let batch = |types: &[&str]| Ask::new(Call::DescribeInstanceTypes).with("InstanceTypes", types.join(","));
    let mut asks: Vec<Ask> = types.chunks(BATCH).map(batch).collect();
    let mut templates = BTreeSet::new();
    for instance in &instances {
        let tag = |key: &str| instance.tags.iter().find(|tag| tag.key.as_deref() == Some(key))?.value.as_deref();
        if let Some(id) = tag("aws:ec2launchtemplate:id") {
            templates.insert((id, tag("aws:ec2launchtemplate:version")));
        }
    }
    asks.extend(templates.into_iter().map(|(id, version)| template(id, version)));
    asks
}

fn launch_template(answer: &str) -> Option<Ask> {
    #[derive(Deserialize)]
    struct Answer {
        nodegroup: Nodegroup,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Nodegroup {
        launch_template: Option<Template>,
    }
    #[derive(Deserialize)]
    struct Template {
        id: Option<String>,
        version: Option<String>,
    }
    let named = serde_json::from_str::<Answer>(answer).ok()?.nodegroup.launch_template?;
    Some(template(&named.id?, named.version.as_deref()))
}

fn template(id: &str, version: Option<&str>) -> Ask {
    let ask = Ask::new(Call::DescribeLaunchTemplateVersions).with("LaunchTemplateId", id);
    match version {
        Some(version) => ask.with("Versions", version),
        None => ask,
    }
}

fn each(answer: &str, list: &str, id: &'static str, calls: &[Call]) -> Vec<Ask> {
    let ids = ids(answer, list, id);
    ids.iter().flat_map(|value| calls.iter().map(move |&call| Ask::new(call).with(id, value.as_str()))).collect()
}

fn of_list(ask: &Ask, answer: &str, list: &str, call: Call, argument: &'static str) -> Vec<Ask> {
    let cluster = ask.argument("clusterName");
    let one = |name: &String| Ask::new(call).with("clusterName", cluster.as_str()).with(argument, name.as_str());
    names(answer, list).iter().map(one).collect()
}

/// The texts at `id` of the elements of a list, once each.
fn ids(answer: &str, list: &str, id: &str) -> BTreeSet<String> {
    let elements: Vec<Box<serde_json::value::RawValue>> = elements(answer, list);
    elements.iter().filter_map(|element| crate::answer::text_of(element.get(), id)).collect()
}

fn names(answer: &str, list: &str) -> Vec<String> {
    elements(answer, list)
}

fn elements<T: DeserializeOwned>(answer: &str, list: &str) -> Vec<T> {
    let members: BTreeMap<String, &serde_json::value::RawValue> = serde_json::from_str(answer).unwrap_or_default();
    members.get(list).and_then(|list| serde_json::from_str(list.get()).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_made_first_or_follows() {
        let first: BTreeSet<Call> = first(&Limits::default()).iter().map(|ask| ask.call).collect();
        let answers = [
            (Call::DescribeVpcs, r#"{"Vpcs":[{"VpcId":"vpc-1"}]}"#),
            (Call::DescribeManagedPrefixLists, r#"{"PrefixLists":[{"PrefixListId":"pl-1"}]}"#),
            (
                Call::DescribeTransitGatewayRouteTables,
                r#"{"TransitGatewayRouteTables":[{"TransitGatewayRouteTableId":"tgw-rtb-1"}]}"#,
            ),
            (Call::DescribeSecurityGroups, r#"{"SecurityGroups":[{"GroupId":"sg-1"}]}"#),
            (Call::DescribeInstances, r#"{"Reservations":[{"Instances":[{"InstanceType":"m5.large","Tags":[]}]}]}"#),
            (Call::DescribeLoadBalancers, r#"{"LoadBalancers":[{"LoadBalancerArn":"arn:lb"}]}"#),
            (Call::DescribeListeners, r#"{"Listeners":[{"ListenerArn":"arn:x:listener/app/a/1/2"}]}"#),
            (Call::DescribeTargetGroups, r#"{"TargetGroups":[{"TargetGroupArn":"arn:tg"}]}"#),
            (Call::ListClusters, r#"{"clusters":["c"]}"#),
            (Call::ListNodegroups, r#"{"nodegroups":["n"]}"#),
            (Call::ListFargateProfiles, r#"{"fargateProfileNames":["f"]}"#),
            (Call::ListAddons, r#"{"addons":["a"]}"#),
            (Call::DescribeNodegroup, r#"{"nodegroup":{"launchTemplate":{"id":"lt-1","version":"3"}}}"#),
        ];
        let followed = answers.iter().flat_map(|&(call, answer)| follow(&Ask::new(call), answer));
        let mut made: BTreeSet<Call> = followed.map(|ask| ask.call).collect();
        made.extend(first);
        let all: BTreeSet<Call> = Call::ALL.iter().copied().filter(|call| !NOT_MADE.contains(call)).collect();
        assert_eq!(made, all);
    }

    #[test]
    fn a_call_that_follows_names_what_the_import_needs() {
        let asks = follow(&Ask::new(Call::DescribeManagedPrefixLists), r#"{"PrefixLists":[{"PrefixListId":"pl-1"}]}"#);
        assert_eq!(asks[0].argument("PrefixListId"), "pl-1");
        for ask in follow(&Ask::new(Call::ListClusters), r#"{"clusters":["c"]}"#) {
            let Argument::Each(argument) = ask.call.argument() else { panic!() };
            assert_eq!(ask.argument(argument), "c");
        }
    }

    #[test]
    fn named_clusters_are_not_listed() {
        let asks = first(&Limits { clusters: vec!["c".to_owned()], ..Limits::default() });
        assert!(asks.iter().all(|ask| ask.call != Call::ListClusters));
        assert!(asks.contains(&Ask::new(Call::DescribeCluster).with("name", "c")));
    }

    #[test]
    fn groups_go_in_batches() {
        let groups: Vec<String> = (0..250).map(|number| format!("{{\"GroupId\":\"sg-{number}\"}}")).collect();
        let answer = format!("{{\"SecurityGroups\":[{}]}}", groups.join(","));
        let asks = follow(&Ask::new(Call::DescribeSecurityGroups), &answer);
        assert_eq!(asks.iter().map(|ask| ask.list("GroupId").len()).collect::<Vec<_>>(), [100, 100, 50]);
    }
}
