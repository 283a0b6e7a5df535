//! Which call a top-level key is the answer to. The key decides, never the file's name; a few keys that other services
//! use as well are told apart by the keys beside them or by what is in them.

use serde_json::value::RawValue;

use super::read::Answer;
use super::scan::{each_has, elements, has, is_text_array};
use crate::api::{Argument, Call};

/// What a top-level key means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The answer to this call.
    Answer(Call),
    /// The answer to this call, but nothing tells the id it was asked for.
    WithoutId(Call),
    /// A key that could be the answer to this call, in a file that does not look like it.
    Foreign(Call),
    /// An answer of AWS that decides nothing here: kept, not read.
    Kept,
    /// Goes with the keys beside it: an id, a token, metadata.
    Sibling,
    /// Nothing of AWS's, as far as is known here.
    Unknown,
}

/// Kubernetes kinds that are read.
pub(crate) const KUBERNETES_KINDS: [&str; 8] = [
    "Pod",
    "Node",
    "Service",
    "EndpointSlice",
    "DaemonSet",
    "APIService",
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
];

/// Keys that say that there is more than the answer holds.
pub(crate) const CONTINUATIONS: [&str; 4] = ["NextToken", "NextMarker", "nextToken", "AdditionalRoutesAvailable"];

/// Keys that accompany an answer.
const SIBLINGS: [&str; 22] = [
    "NextToken",
    "NextMarker",
    "nextToken",
    "AdditionalRoutesAvailable",
    "ResponseMetadata",
    "PrefixListId",
    "TransitGatewayRouteTableId",
    "TransitGatewayId",
    "TargetGroupArn",
    "LoadBalancerArn",
    "ListenerArn",
    "LaunchTemplateId",
    "VpcId",
    "OwnerId",
    "clusterName",
    "nodegroupName",
    "addonName",
    "addonVersion",
    "principalArn",
    "apiVersion",
    "kind",
    "metadata",
];

/// Answers to calls that decide no packet. A file with one of these alone is AWS's, if of no use.
const KEPT: [&str; 55] = [
    "AvailabilityZones",
    "AutoScalingGroups",
    "DBInstances",
    "DomainStatusList",
    "Firewall",
    "FirewallPolicies",
    "FirewallPolicy",
    "Firewalls",
    "FlowLogs",
    "Images",
    "InstanceStatuses",
    "IpamPools",
    "Ipams",
    "KeyPairs",
    "LaunchTemplates",
    "LoadBalancerAttributes",
    "LocalGatewayRouteTableVirtualInterfaceGroupAssociations",
    "LocalGatewayRouteTableVpcAssociation",
    "LocalGatewayRouteTableVpcAssociations",
    "LocalGatewayRouteTables",
    "LocalGatewayVirtualInterfaceGroups",
    "LocalGatewayVirtualInterfaces",
    "NetworkInsightsAccessScopeAnalyses",
    "NetworkInsightsAccessScopeContent",
    "NetworkInsightsAccessScopes",
    "NetworkInsightsAnalyses",
    "NetworkInsightsPaths",
    "Regions",
    "ServiceConfigurations",
    "ServiceDetails",
    "ServiceNames",
    "Snapshots",
    "TagDescriptions",
    "Tags",
    "TransitGatewayConnectPeers",
    "TransitGatewayConnects",
    "TransitGatewayMulticastDomains",
    "TransitGatewayPolicyTables",
    "TransitGatewayPrefixListReferences",
    "Volumes",
    "VpcEndpointConnections",
    "accessEntries",
    "accessEntry",
    "accessPolicies",
    "associatedAccessPolicies",
    "configurationSchema",
    "identityProviderConfig",
    "identityProviderConfigs",
    "insight",
    "insights",
    "podIdentityConfiguration",
    "tags",
    "update",
    "updateIds",
    "association",
];

/// What `key` means beside the other keys of `answer`.
pub(crate) fn meaning(answer: &Answer<'_>, key: &str, value: &RawValue) -> Meaning {
    if value.get() == "null" {
        return Meaning::Unknown;
    }
    // A document tells which call it was, also where the list is empty.
    let recorded = answer.record.as_ref().and_then(|record| Call::parse(record.call.as_deref()?));
    if let Some(call) = recorded.filter(|call| call.key() == key && call.argument() == Argument::None) {
        return Meaning::Answer(call);
    }
    match key {
        "PrefixLists" if each_has(value, &["Cidrs"]) => Meaning::Answer(Call::DescribePrefixLists),
        "PrefixLists" => Meaning::Answer(Call::DescribeManagedPrefixLists),
        "Entries" => keyed(answer, Call::GetManagedPrefixListEntries, || each_has(value, &["Cidr"])),
        "Routes" => keyed(answer, Call::SearchTransitGatewayRoutes, || {
            answer.object.get("AdditionalRoutesAvailable").is_some() || each_has(value, &["TransitGatewayAttachments"])
        }),
        "Associations" => keyed(answer, Call::GetTransitGatewayRouteTableAssociations, || {
            each_has(value, &["TransitGatewayAttachmentId"])
        }),
        "TransitGatewayRouteTablePropagations" => keyed(answer, Call::GetTransitGatewayRouteTablePropagations, || true),
        "EnableDnsSupport" | "EnableDnsHostnames" => {
            keyed(answer, Call::DescribeVpcAttribute, || has(value, &["Value"]))
        }
        "TransitGatewayStaticRoutes" => Meaning::Answer(Call::SearchTransitGatewayRoutes),
        "TransitGatewayPropagations" => Meaning::Answer(Call::GetTransitGatewayRouteTablePropagations),
        "LoadBalancerListeners" => Meaning::Answer(Call::DescribeListeners),
        "LoadBalancerTargetHealth" => Meaning::Answer(Call::DescribeTargetHealth),
        "Rules" if answer.told("ListenerArn").is_some() || each_has(value, &["RuleArn"]) => {
            Meaning::Answer(Call::DescribeRules)
        }
        "Attributes" if answer.told("TargetGroupArn").is_some() => Meaning::Answer(Call::DescribeTargetGroupAttributes),
        "Attributes" if answer.told("LoadBalancerArn").is_some() => {
            Meaning::Answer(Call::DescribeLoadBalancerAttributes)
        }
        "Rules" | "Attributes" if elements(value).is_some() => Meaning::Kept,
        "cluster" => known_if(has(value, &["name", "arn"]), Call::DescribeCluster),
        "nodegroup" => known_if(has(value, &["nodegroupName"]), Call::DescribeNodegroup),
        "fargateProfile" => known_if(has(value, &["fargateProfileName"]), Call::DescribeFargateProfile),
        "addon" => known_if(has(value, &["addonName"]), Call::DescribeAddon),
        "clusters" => known_if(is_text_array(value), Call::ListClusters),
        "nodegroups" => known_if(is_text_array(value), Call::ListNodegroups),
        "fargateProfileNames" => known_if(is_text_array(value), Call::ListFargateProfiles),
        "addons" if each_has(value, &["addonVersions"]) => Meaning::Kept,
        "addons" => known_if(is_text_array(value), Call::ListAddons),
        "associations" if each_has(value, &["associationArn", "associationId"]) => Meaning::Kept,
        "items" => {
            let list = answer.object.text_of("kind").is_some_and(|kind| kind.ends_with("List"));
            known_if(list && elements(value).is_some(), Call::KubectlGet)
        }
        // One object, as `kubectl get daemonset aws-node -o json` prints it.
        "kind" if answer.kubernetes_object().is_some() => Meaning::Answer(Call::KubectlGet),
        _ => other(answer, key),
    }
}

fn other(answer: &Answer<'_>, key: &str) -> Meaning {
    if let Some(&call) = Call::ALL.iter().find(|call| call.key() == key) {
        // `Rules` and `Attributes` reach this place when they are not even arrays.
        return if matches!(key, "Rules" | "Attributes") { Meaning::Unknown } else { Meaning::Answer(call) };
    }
    if SIBLINGS.contains(&key) {
        return Meaning::Sibling;
    }
    let known = |key: &str| KEPT.contains(&key) || SIBLINGS.contains(&key);
    let common_word = key.starts_with(|letter: char| letter.is_ascii_lowercase());
    // `tags`, `update` and the like are everyone's words: they are AWS's only where nothing else stands beside them.
    if KEPT.contains(&key) && (!common_word || answer.object.members.iter().all(|(key, _)| known(key))) {
        return Meaning::Kept;
    }
    Meaning::Unknown
}

fn known_if(known: bool, call: Call) -> Meaning {
    if known { Meaning::Answer(call) } else { Meaning::Unknown }
}

fn keyed(answer: &Answer<'_>, call: Call, looks_right: impl FnOnce() -> bool) -> Meaning {
    if answer.id(call).is_some() {
        Meaning::Answer(call)
    } else if looks_right() {
        Meaning::WithoutId(call)
    } else {
        Meaning::Foreign(call)
    }
}
