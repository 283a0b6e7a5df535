//! AWS's answers: what stays, by the key it stands at.

use serde_json::{Map, Value, json};

use super::words::Words;

/// Keys that hold a word of AWS's vocabulary: an enumeration, a type, a zone, a version.
const WORDS: [&str; 88] = [
    "Action",
    "AddressFamily",
    "Affinity",
    "AmiType",
    "ApplianceModeSupport",
    "Architecture",
    "AutoAcceptSharedAttachments",
    "AvailabilityMode",
    "AvailabilityZone",
    "AvailabilityZoneId",
    "AwsRegion",
    "BootMode",
    "Code",
    "ConnectivityType",
    "ControlPlaneEgressMode",
    "CurrentInstanceBootMode",
    "DefaultRouteTableAssociation",
    "DefaultRouteTablePropagation",
    "DnsRecordIpType",
    "DnsSupport",
    "Domain",
    "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
    "ExclusionsAllowed",
    "FromStatus",
    "HealthCheckPort",
    "HealthCheckProtocol",
    "HostnameType",
    "HttpEndpoint",
    "HttpProtocolIpv6",
    "HttpTokens",
    "Hypervisor",
    "InstanceLifecycle",
    "InstanceMetadataTags",
    "InstanceTenancy",
    "InstanceType",
    "InterfaceProtocol",
    "InterfaceType",
    "InternetGatewayBlockMode",
    "InternetGatewayExclusionMode",
    "IpAddressType",
    "IpProtocol",
    "IpSource",
    "Ipv6AddressAttribute",
    "Ipv6Support",
    "ManagedBy",
    "Mode",
    "MulticastSupport",
    "NetworkBorderGroup",
    "Origin",
    "PeeringStatus",
    "Platform",
    "PlatformDetails",
    "Protocol",
    "ProtocolVersion",
    "Region",
    "RegionName",
    "ResourceType",
    "RootDeviceType",
    "RuleAction",
    "Scheme",
    "SecurityGroupReferencingSupport",
    "State",
    "Status",
    "TargetType",
    "Tenancy",
    "Type",
    "UsageOperation",
    "VirtualizationType",
    "VpcEndpointType",
    "VpnEcmpSupport",
    "ZoneName",
    "addonVersion",
    "amiType",
    "apiVersion",
    "authenticationMode",
    "capacityType",
    "controlPlaneEgressMode",
    "effect",
    "instanceTypes",
    "ipFamily",
    "kind",
    "platformVersion",
    "releaseVersion",
    "status",
    "supportType",
    "tier",
    "types",
    "version",
];

/// Keys that hold an account, or who asked for something.
const OWNERS: [&str; 16] = [
    "AccepterOwnerId",
    "AwsAccountId",
    "GroupOwnerId",
    "InstanceOwnerId",
    "IpOwnerId",
    "NetworkInterfaceOwnerId",
    "OwnerId",
    "PeerOwnerId",
    "PrefixListOwnerId",
    "RequesterId",
    "RequesterOwnerId",
    "ResourceOwnerId",
    "TransitGatewayOwnerId",
    "UserId",
    "VpcEndpointOwner",
    "VpcOwnerId",
];

/// Keys that hold names that somebody gave; EKS's are lists of them, too.
const NAMES: [&str; 24] = [
    "AutoScalingGroupName",
    "ClusterName",
    "GroupName",
    "Groupname",
    "KeyName",
    "LaunchTemplateName",
    "LoadBalancerName",
    "TargetGroupName",
    "addonName",
    "addons",
    "alias",
    "clusterName",
    "clusters",
    "ec2SshKey",
    "fargateProfileName",
    "fargateProfileNames",
    "name",
    "namespace",
    "nodegroup",
    "nodegroupName",
    "nodegroups",
    "owner",
    "podExecutionRole",
    "publisher",
];

/// Keys that hold the name of a host.
const HOSTS: [&str; 3] = ["PrivateDnsName", "Hostname", "PrivateDnsNames"];

/// Tag keys that decide, whose values are names of something else.
const DECIDING: [&str; 20] = [
    "Name",
    "aws:autoscaling:groupName",
    "aws:eks:cluster-name",
    "aws:ec2launchtemplate:id",
    "alpha.eksctl.io/cluster-name",
    "alpha.eksctl.io/nodegroup-name",
    "alpha.eksctl.io/nodegroup-type",
    "cluster.k8s.amazonaws.com/name",
    "eks:cluster-name",
    "eks:fargate-profile",
    "eks:nodegroup-name",
    "eks:kubernetes-node-pool-name",
    "eks:eks-cluster-name",
    "elbv2.k8s.aws/cluster",
    "karpenter.sh/discovery",
    "karpenter.sh/nodepool",
    "karpenter.sh/provisioner-name",
    "node.k8s.amazonaws.com/instance_id",
    "vpcresources.k8s.aws/trunk-eni-id",
    "vpcresources.k8s.aws/vlan-id",
];

/// Marks what belongs to a cluster; the name of the cluster is the rest of the key.
pub(super) const CLUSTER_TAG: &str = "kubernetes.io/cluster/";

/// How descriptions of AWS's own interfaces begin (EK-9, LB-6), and what follows.
const DESCRIPTIONS: [&str; 8] = [
    "aws-K8S-",
    "aws-k8s-branch-eni",
    "Interface for NAT Gateway ",
    "Network Interface for Transit Gateway Attachment ",
    "VPC Endpoint Interface ",
    "EC2 Instance Connect Endpoint ",
    "AWS Lambda VPC ENI-",
    "AWS Lambda VPC ENI ",
];

/// The CNI's settings that are read.
pub(super) const CNI_SETTINGS: [&str; 3] =
    ["AWS_VPC_K8S_CNI_EXTERNALSNAT", "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS", "POD_SECURITY_GROUP_ENFORCING_MODE"];

/// The states of an instance: the only `Name` that is no name.
const INSTANCE_STATES: [&str; 6] = ["pending", "running", "shutting-down", "terminated", "stopping", "stopped"];

/// What stands beside an answer: ids stay ids, tokens only tell that there is more.
pub(super) fn sibling(words: &mut Words<'_>, key: &str, sibling: &Value) -> Value {
    match (key, sibling) {
        // Of a list's metadata only this is read.
        ("metadata", Value::Object(metadata)) => match metadata.get("continue") {
            Some(Value::String(token)) => json!({"continue": words.opaque(token)}),
            _ => json!({}),
        },
        _ => value(words, key, sibling.clone()),
    }
}

/// A value at `key`.
pub(super) fn value(words: &mut Words<'_>, key: &str, value: Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value,
        Value::Number(ref number) => {
            // An account, where somebody forgot the quotes.
            let account = number.as_u64().filter(|number| (100_000_000_000..1_000_000_000_000).contains(number));
            match account.and_then(|account| words.opaque(&account.to_string()).parse::<u64>().ok()) {
                Some(other) => other.into(),
                None => value,
            }
        }
        Value::String(text) => Value::String(self::text(words, key, &text)),
        Value::Array(list) => list.into_iter().map(|element| element_of(words, key, element)).collect(),
        Value::Object(map) if matches!(key, "tags" | "labels" | "Labels" | "annotations") => free(words, map),
        Value::Object(map) => object(words, map),
    }
}

/// An element of the list at `key`.
fn element_of(words: &mut Words<'_>, key: &str, element: Value) -> Value {
    match (key, element) {
        ("Tags" | "TagSet", Value::Object(tag)) => pair(words, tag, |words, key, value| {
            let (key, value) = self::tag(words, key, value);
            (key, value)
        }),
        ("Attributes", Value::Object(attribute)) => pair(words, attribute, |words, key, value| {
            let number = value.len() < 8 && value.bytes().all(|byte| byte.is_ascii_digit());
            let plain = number || matches!(value, "true" | "false");
            (words.word(key), if plain { value.to_owned() } else { words.opaque(value) })
        }),
        ("DhcpConfigurations", Value::Object(option)) => dhcp(words, option),
        (_, Value::Object(instance)) if instance.contains_key("InstanceId") && instance.contains_key("Tags") => {
            let instance = one_cluster(words, instance);
            object(words, instance)
        }
        (_, element) => value(words, key, element),
    }
}

/// An object with keys of AWS's.
fn object(words: &mut Words<'_>, map: Map<String, Value>) -> Value {
    map.into_iter()
        .map(|(key, member)| {
            let member = value(words, &key, member);
            (words.key(&key), member)
        })
        .collect::<Map<_, _>>()
        .into()
}

/// An object whose keys somebody made up.
pub(super) fn free(words: &mut Words<'_>, map: Map<String, Value>) -> Value {
    map.into_iter()
        .map(|(key, member)| match member {
            Value::String(text) => {
                let (key, text) = tag(words, &key, &text);
                (key, Value::String(text))
            }
            other => {
                let member = value(words, "", other);
                (tag(words, &key, "").0, member)
            }
        })
        .collect::<Map<_, _>>()
        .into()
}

/// An object with a `Key` and a `Value` that belong together; what else it holds is as anywhere.
fn pair(
    words: &mut Words<'_>,
    mut map: Map<String, Value>,
    both: impl FnOnce(&mut Words<'_>, &str, &str) -> (String, String),
) -> Value {
    let mut clean = Map::new();
    let (key, text) = (map.remove("Key"), map.remove("Value"));
    let of = |value: &Option<Value>| value.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
    let (new_key, new_text) = both(words, &of(&key), &of(&text));
    for (name, old, new) in [("Key", key, new_key), ("Value", text, new_text)] {
        match old {
            Some(Value::String(_)) => drop(clean.insert(name.to_owned(), Value::String(new))),
            Some(other) => drop(clean.insert(name.to_owned(), value(words, "", other))),
            None => {}
        }
    }
    if let Value::Object(rest) = object(words, map) {
        clean.extend(rest);
    }
    Value::Object(clean)
}

/// A tag: keys that decide stay, and their values are the pseudonyms of what they name.
pub(super) fn tag(words: &mut Words<'_>, key: &str, text: &str) -> (String, String) {
    if let Some(cluster) = key.strip_prefix(CLUSTER_TAG) {
        let value = if matches!(text, "owned" | "shared") { text.to_owned() } else { words.opaque(text) };
        return (format!("{CLUSTER_TAG}{}", words.name(cluster)), value);
    }
    if !DECIDING.contains(&key) {
        return (words.opaque(key), words.opaque(text));
    }
    let value =
        if key.ends_with("/instance_id") || key.ends_with("-eni-id") { words.segment(text) } else { words.name(text) };
    (key.to_owned(), value)
}

/// Of several clusters that tag one instance the first in the order of names counts. Where pseudonyms would be in
/// another order, the tags of the others no longer look like a cluster's.
fn one_cluster(words: &mut Words<'_>, mut instance: Map<String, Value>) -> Map<String, Value> {
    let Some(Value::Array(tags)) = instance.get_mut("Tags") else { return instance };
    let cluster = |tag: &Value| tag.get("Key")?.as_str()?.strip_prefix(CLUSTER_TAG).map(str::to_owned);
    let mut clusters: Vec<String> = tags.iter().filter_map(cluster).collect();
    clusters.sort();
    let Some(first) = clusters.first().cloned() else { return instance };
    let pseudonym = words.name(&first);
    if clusters.iter().all(|other| words.name(other) >= pseudonym) {
        return instance;
    }
    for tag in tags {
        if cluster(tag).is_some_and(|cluster| cluster != first)
            && let Some(key) = tag.get_mut("Key")
        {
            *key = Value::String(words.opaque(key.as_str().unwrap_or_default()));
        }
    }
    instance
}

/// A DHCP option: its name stays, and Amazon's resolver.
fn dhcp(words: &mut Words<'_>, option: Map<String, Value>) -> Value {
    let mut clean = Map::new();
    for (key, member) in option {
        let member = match (&*key, member) {
            ("Key", Value::String(text)) => Value::String(words.word(&text)),
            ("Values", Value::Array(list)) => list
                .into_iter()
                .map(|element| match element.get("Value").and_then(Value::as_str) {
                    Some("AmazonProvidedDNS") => json!({"Value": "AmazonProvidedDNS"}),
                    _ => value(words, "", element),
                })
                .collect(),
            (_, member) => value(words, &key, member),
        };
        clean.insert(words.key(&key), member);
    }
    Value::Object(clean)
}

/// A text at `key`.
pub(super) fn text(words: &mut Words<'_>, key: &str, text: &str) -> String {
    match key {
        "Description" | "description" => description(words, text),
        "ServiceName" | "ServiceNames" | "PrefixListName" => words.service(text),
        "configurationValues" => cni(words, text),
        "GatewayId" if text == "local" => text.to_owned(),
        // `Name` of an instance's state is a word; of anything else it is a name.
        "Name" if INSTANCE_STATES.contains(&text) => text.to_owned(),
        "Name" => words.name(text),
        _ if WORDS.contains(&key) => words.word(text),
        _ if OWNERS.contains(&key) => words.owner(text),
        _ if NAMES.contains(&key) => words.name(text),
        _ if HOSTS.contains(&key) => words.host(text),
        _ => words.anything(text),
    }
}

/// A description: what AWS writes keeps its form, since it tells what an interface is for; what people write goes.
fn description(words: &mut Words<'_>, text: &str) -> String {
    if let Some(cluster) = text.strip_prefix("Amazon EKS ").filter(|cluster| !cluster.is_empty()) {
        return format!("Amazon EKS {}", words.name(cluster.trim()));
    }
    if let Some(balancer) = text.strip_prefix("ELB ").filter(|balancer| !balancer.is_empty()) {
        let kind = ["app/", "net/", "gwy/"].into_iter().find_map(|kind| Some((kind, balancer.strip_prefix(kind)?)));
        return match kind {
            Some((kind, rest)) => {
                let rest: Vec<String> = rest.split('/').map(|part| words.segment(part)).collect();
                format!("ELB {kind}{}", rest.join("/"))
            }
            None => format!("ELB {}", words.name(balancer)),
        };
    }
    for start in DESCRIPTIONS {
        if let Some(rest) = text.strip_prefix(start) {
            return format!("{start}{}", if rest.is_empty() { String::new() } else { words.segment(rest) });
        }
    }
    let bare = DESCRIPTIONS.into_iter().map(str::trim_end).find(|start| *start == text);
    bare.map_or_else(|| words.opaque(text), str::to_owned)
}

/// One setting of the CNI; `None` for those that are not read.
pub(super) fn cni_setting(words: &mut Words<'_>, name: &str, value: &str) -> Option<String> {
    match name {
        "AWS_VPC_K8S_CNI_EXTERNALSNAT" => Some(value.eq_ignore_ascii_case("true").to_string()),
        "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS" => {
            let list = value.split(',').filter_map(|cidr| words.address(cidr.trim()));
            Some(list.collect::<Vec<_>>().join(","))
        }
        "POD_SECURITY_GROUP_ENFORCING_MODE" => {
            Some(if value.eq_ignore_ascii_case("standard") { "standard" } else { "strict" }.to_owned())
        }
        _ => None,
    }
}

/// The settings of an add-on, as JSON text: those of the CNI that are read, and no others.
fn cni(words: &mut Words<'_>, text: &str) -> String {
    let values: Option<Value> = serde_json::from_str(text).ok().or_else(|| serde_saphyr::from_str(text).ok());
    let Some(Value::Object(env)) = values.as_ref().and_then(|values| values.get("env")) else { return String::new() };
    let mut kept = Map::new();
    for (name, value) in env {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if let Some(value) = cni_setting(words, name, &value) {
            kept.insert(name.clone(), Value::String(value));
        }
    }
    if kept.is_empty() { String::new() } else { json!({ "env": kept }).to_string() }
}
