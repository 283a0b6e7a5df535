//! EKS clusters, node groups and add-ons (API-17); camelCase.

use serde::Deserialize;

use super::{List, Text};

/// `eks describe-cluster` → `cluster`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Cluster {
    pub name: Option<Text>,
    pub arn: Option<Text>,
    pub version: Option<Text>,
    pub endpoint: Option<Text>,
    pub status: Option<Text>,
    pub resources_vpc_config: Option<ClusterVpcConfig>,
    pub kubernetes_network_config: Option<KubernetesNetworkConfig>,
    pub remote_network_config: Option<RemoteNetworkConfig>,
    pub compute_config: Option<Enabled>,
    pub outpost_config: Option<OutpostConfig>,
}

/// `cluster.resourcesVpcConfig`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterVpcConfig {
    pub subnet_ids: List<Text>,
    pub security_group_ids: List<Text>,
    pub cluster_security_group_id: Option<Text>,
    pub vpc_id: Option<Text>,
    pub endpoint_public_access: Option<bool>,
    pub endpoint_private_access: Option<bool>,
    pub public_access_cidrs: Option<Vec<Text>>,
    pub control_plane_egress_mode: Option<Text>,
}

/// `cluster.kubernetesNetworkConfig`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct KubernetesNetworkConfig {
    pub service_ipv4_cidr: Option<Text>,
    pub service_ipv6_cidr: Option<Text>,
    pub ip_family: Option<Text>,
}

/// `cluster.remoteNetworkConfig`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RemoteNetworkConfig {
    pub remote_node_networks: List<RemoteNetwork>,
    pub remote_pod_networks: List<RemoteNetwork>,
}

/// A list of CIDRs of a hybrid cluster.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RemoteNetwork {
    pub cidrs: List<Text>,
}

/// `{"enabled": …}`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Enabled {
    pub enabled: Option<bool>,
}

/// `cluster.outpostConfig`: present for a local cluster on Outposts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct OutpostConfig {
    pub outpost_arns: List<Text>,
}

/// `eks describe-nodegroup` → `nodegroup`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Nodegroup {
    pub nodegroup_name: Option<Text>,
    pub nodegroup_arn: Option<Text>,
    pub cluster_name: Option<Text>,
    pub status: Option<Text>,
    pub subnets: List<Text>,
    pub resources: Option<NodegroupResources>,
}

/// `nodegroup.resources`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodegroupResources {
    pub auto_scaling_groups: List<AutoScalingGroup>,
    pub remote_access_security_group: Option<Text>,
}

/// `nodegroup.resources.autoScalingGroups[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AutoScalingGroup {
    pub name: Option<Text>,
}

/// `eks describe-fargate-profile` → `fargateProfile`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct FargateProfile {
    pub fargate_profile_name: Option<Text>,
    pub fargate_profile_arn: Option<Text>,
    pub cluster_name: Option<Text>,
    pub subnets: List<Text>,
}

/// `eks describe-addon` → `addon`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Addon {
    pub addon_name: Option<Text>,
    pub addon_arn: Option<Text>,
    pub cluster_name: Option<Text>,
    pub addon_version: Option<Text>,
    /// JSON text (or YAML): may hold the CNI's environment.
    pub configuration_values: Option<Text>,
}
