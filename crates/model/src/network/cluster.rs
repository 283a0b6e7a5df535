//! EKS clusters, their CNI settings, and the Kubernetes objects that lie beside them.

use ipnet::IpNet;

use super::build::Builder;
use super::filter::cidr;
use super::table::{Ref, Resource};
use super::{SecurityGroup, Vpc};
use crate::aws::Text;
use crate::snapshot::ScopeIndex;

/// An EKS cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    pub name: Text,
    pub scope: ScopeIndex,
    pub vpc: Option<Ref<Vpc>>,
    /// `clusterSecurityGroupId`.
    pub security_group: Option<Ref<SecurityGroup>>,
    /// `securityGroupIds`: additional groups of the control-plane interfaces (EK-6).
    pub additional_groups: Vec<Ref<SecurityGroup>>,
    pub public_access: bool,
    pub private_access: bool,
    /// `publicAccessCidrs`; AWS's default is everywhere (EK-14).
    pub public_access_cidrs: Vec<IpNet>,
    /// Whether the description says all of that; else EKS's defaults stand in.
    pub access_described: bool,
    /// `controlPlaneEgressMode` (EK-13).
    pub egress_mode: Option<Text>,
    /// `serviceIpv4Cidr` and `serviceIpv6Cidr`.
    pub service_cidrs: Vec<IpNet>,
    pub ipv6: bool,
    /// A local cluster on Outposts (EK-33).
    pub outpost: bool,
    pub cni: CniSettings,
    /// The names of its managed node groups that were described.
    pub node_groups: Vec<Text>,
    /// The names of its add-ons that were described.
    pub addons: Vec<Text>,
    /// `remoteNodeNetworks` of hybrid nodes (EK-32).
    pub remote_node_networks: Vec<IpNet>,
}

impl Resource for Cluster {
    type Id = Text;

    fn id(&self) -> &Text {
        &self.name
    }
}

/// The settings of the VPC CNI that decide which address and interface a pod's packet leaves by.
///
/// `None` means that neither the add-on nor the `DaemonSet` said so: the CNI's default applies and is an assumption.
#[derive(Debug, Clone, Default)]
pub struct CniSettings {
    /// `AWS_VPC_K8S_CNI_EXTERNALSNAT` (EK-37); default false.
    pub external_snat: Option<bool>,
    /// `AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS` (EK-37); default none.
    pub exclude_snat_cidrs: Option<Vec<IpNet>>,
    /// `POD_SECURITY_GROUP_ENFORCING_MODE=standard` (EK-47); default strict.
    pub standard_enforcing: Option<bool>,
    /// Whether the environment was seen at all (then absent variables have their defaults for certain).
    pub observed: bool,
}

/// Builds clusters with their CNI settings.
pub(super) fn clusters(builder: &mut Builder<'_>) {
    for cluster in &builder.snapshot.resources.clusters {
        let value = &cluster.value;
        let Some(name) = value.name.clone() else {
            builder.problem(cluster.at, ".name", "is missing".to_owned());
            continue;
        };
        let config = value.resources_vpc_config.clone().unwrap_or_default();
        let path = ".resourcesVpcConfig";
        let vpc = builder.optional_ref(&config.vpc_id, cluster.at, format_args!("{path}.vpcId"), |n| &n.vpcs);
        let group = &config.cluster_security_group_id;
        let security_group =
            builder.optional_ref(group, cluster.at, format_args!("{path}.clusterSecurityGroupId"), |n| &n.groups);
        let mut additional_groups = Vec::new();
        for (i, text) in config.security_group_ids.iter().enumerate() {
            let path = format!("{path}.securityGroupIds[{i}]");
            additional_groups.extend(builder.optional_ref(&Some(text.clone()), cluster.at, &path, |n| &n.groups));
        }
        let mut public_access_cidrs = Vec::new();
        for (i, text) in config.public_access_cidrs.iter().flatten().enumerate() {
            match cidr(text) {
                Some(net) => public_access_cidrs.push(net),
                None => builder.problem(
                    cluster.at,
                    &format!("{path}.publicAccessCidrs[{i}]"),
                    format!("\"{text}\" is not a CIDR"),
                ),
            }
        }
        if config.public_access_cidrs.is_none() {
            public_access_cidrs.extend(cidr("0.0.0.0/0").into_iter().chain(cidr("::/0")));
        }
        let network_config = value.kubernetes_network_config.clone().unwrap_or_default();
        let service_cidrs = [&network_config.service_ipv4_cidr, &network_config.service_ipv6_cidr];
        let service_cidrs = service_cidrs.into_iter().flatten().filter_map(|text| cidr(text)).collect();
        let cni = cni_settings(builder, &name);
        let resources = &builder.snapshot.resources;
        let alone = resources.clusters.len() == 1;
        let own = |owner: Option<&Text>| owner.map_or(alone, |owner| *owner == name);
        let groups = resources.nodegroups.iter().filter(|group| own(group.value.cluster_name.as_ref()));
        let node_groups = groups.filter_map(|group| group.value.nodegroup_name.clone()).collect();
        let addons = resources.addons.iter().filter(|addon| own(addon.value.cluster_name.as_ref()));
        let addons = addons.filter_map(|addon| addon.value.addon_name.clone()).collect();
        let remote = value.remote_network_config.iter().flat_map(|config| config.remote_node_networks.iter());
        let remote = remote.flat_map(|network| network.cidrs.iter()).filter_map(|text| cidr(text)).collect();
        builder.network.clusters.push(Cluster {
            name,
            scope: cluster.at.scope,
            vpc,
            security_group,
            additional_groups,
            // AWS's defaults for a new cluster: public on, private off.
            public_access: config.endpoint_public_access != Some(false),
            private_access: config.endpoint_private_access == Some(true),
            access_described: config.endpoint_public_access.is_some()
                && config.endpoint_private_access.is_some()
                && (config.public_access_cidrs.is_some() || config.endpoint_public_access == Some(false)),
            public_access_cidrs,
            egress_mode: config.control_plane_egress_mode.clone(),
            service_cidrs,
            ipv6: network_config.ip_family.as_deref() == Some("ipv6"),
            outpost: value.outpost_config.is_some(),
            cni,
            node_groups,
            addons,
            remote_node_networks: remote,
        });
    }
}

/// Reads the CNI's environment from the `aws-node` `DaemonSet`, else from the add-on's configuration.
fn cni_settings(builder: &mut Builder<'_>, cluster: &str) -> CniSettings {
    let mut unread = Vec::new();
    let settings = cni_of(builder, cluster, &mut unread);
    for place in unread {
        builder.warn(place);
    }
    settings
}

fn cni_of(builder: &Builder<'_>, cluster: &str, unread: &mut Vec<String>) -> CniSettings {
    let resources = &builder.snapshot.resources;
    let mut settings = CniSettings::default();
    let only_cluster = resources.clusters.len() == 1;
    for addon in &resources.addons {
        let of_cluster = addon.value.cluster_name.as_deref().map_or(only_cluster, |name| name == cluster);
        if !of_cluster || addon.value.addon_name.as_deref() != Some("vpc-cni") {
            continue;
        }
        let Some(text) = addon.value.configuration_values.as_deref().filter(|text| !text.trim().is_empty()) else {
            continue;
        };
        // JSON or YAML, as it was typed; all JSON is YAML, too.
        let values = serde_json::from_str(text).ok().or_else(|| serde_saphyr::from_str(text).ok());
        let Some(serde_json::Value::Object(values)) = values else {
            let place = builder.snapshot.locate(addon.at, ".configurationValues");
            unread.push(format!(
                "{place}: is neither a JSON nor a YAML object, and the CNI's settings in it are not read"
            ));
            continue;
        };
        let Some(serde_json::Value::Object(env)) = values.get("env") else { continue };
        for (name, value) in env {
            let value = match value {
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            settings.set(name, &value);
        }
    }
    for set in &resources.daemon_sets {
        if set.value.metadata.name.as_deref() != Some("aws-node") {
            continue;
        }
        let containers = &set.value.spec.template.spec.containers;
        let env = || containers.iter().flat_map(|container| container.env.iter());
        let owner = env().find(|var| var.name.as_deref() == Some("CLUSTER_NAME")).and_then(|var| var.value.as_ref());
        if !owner.map_or(only_cluster, |name| &*name.0 == cluster) {
            continue;
        }
        settings.observed = true;
        for var in env() {
            if let (Some(name), Some(value)) = (&var.name, &var.value) {
                settings.set(name, &value.0);
            }
        }
    }
    settings
}

impl CniSettings {
    fn set(&mut self, name: &str, value: &str) {
        let truth = || value.eq_ignore_ascii_case("true");
        match name {
            "AWS_VPC_K8S_CNI_EXTERNALSNAT" => self.external_snat = Some(truth()),
            "AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS" => {
                self.exclude_snat_cidrs = Some(value.split(',').filter_map(|text| cidr(text.trim())).collect());
            }
            "POD_SECURITY_GROUP_ENFORCING_MODE" => {
                self.standard_enforcing = Some(value.eq_ignore_ascii_case("standard"));
            }
            _ => {}
        }
    }
}
