//! EKS clusters, their CNI settings, and the Kubernetes objects that lie beside them.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::build::Builder;
use super::filter::cidr;
use super::table::{Ref, Resource};
use super::{SecurityGroup, Vpc};
use crate::aws::{self, Text};
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
    /// `controlPlaneEgressMode` (EK-13).
    pub egress_mode: Option<Text>,
    /// `serviceIpv4Cidr` and `serviceIpv6Cidr`.
    pub service_cidrs: Vec<IpNet>,
    pub ipv6: bool,
    /// A local cluster on Outposts (EK-33).
    pub outpost: bool,
    pub cni: CniSettings,
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

/// A pod.
#[derive(Debug, Clone)]
pub struct Pod {
    pub namespace: Text,
    pub name: Text,
    pub node: Option<Text>,
    pub host_network: bool,
    pub running: bool,
    pub addresses: Vec<IpAddr>,
}

/// A service, with the endpoints behind it.
#[derive(Debug, Clone)]
pub struct Service {
    pub namespace: Text,
    pub name: Text,
    pub cluster_ips: Vec<IpAddr>,
    pub ports: Vec<ServicePort>,
}

/// A port of a service and what stands behind it.
#[derive(Debug, Clone)]
pub struct ServicePort {
    /// `tcp`, `udp`, …
    pub protocol: Text,
    pub port: u16,
    /// Ready endpoints: address and port on the pod.
    pub endpoints: Vec<(IpAddr, u16)>,
}

/// The Kubernetes objects of the snapshot; `None` lists were not there.
#[derive(Debug, Clone, Default)]
pub struct Kubernetes {
    /// Whether any pod list was read.
    pub has_pods: bool,
    pub pods: Vec<Pod>,
    pub services: Vec<Service>,
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
        builder.network.clusters.push(Cluster {
            name,
            scope: cluster.at.scope,
            vpc,
            security_group,
            additional_groups,
            // AWS's defaults for a new cluster: public on, private off.
            public_access: config.endpoint_public_access != Some(false),
            private_access: config.endpoint_private_access == Some(true),
            public_access_cidrs,
            egress_mode: config.control_plane_egress_mode.clone(),
            service_cidrs,
            ipv6: network_config.ip_family.as_deref() == Some("ipv6"),
            outpost: value.outpost_config.is_some(),
            cni,
        });
    }
    kubernetes(builder);
}

/// Reads the CNI's environment from the `aws-node` `DaemonSet`, else from the add-on's configuration.
fn cni_settings(builder: &Builder<'_>, cluster: &str) -> CniSettings {
    let resources = &builder.snapshot.resources;
    let mut settings = CniSettings::default();
    let only_cluster = resources.clusters.len() == 1;
    for addon in &resources.addons {
        let of_cluster = addon.value.cluster_name.as_deref().map_or(only_cluster, |name| name == cluster);
        if !of_cluster || addon.value.addon_name.as_deref() != Some("vpc-cni") {
            continue;
        }
        let Some(text) = &addon.value.configuration_values else { continue };
        let Ok(serde_json::Value::Object(values)) = serde_json::from_str(text) else { continue };
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

fn text_or(value: Option<&Text>, default: &str) -> Text {
    value.cloned().unwrap_or_else(|| default.into())
}

fn addresses<'a>(texts: impl Iterator<Item = &'a Text>) -> Vec<IpAddr> {
    let mut list: Vec<IpAddr> = Vec::new();
    for address in texts.filter_map(|text| text.parse().ok()) {
        if !list.contains(&address) {
            list.push(address);
        }
    }
    list
}

/// Builds pods and services from the kubectl lists.
fn kubernetes(builder: &mut Builder<'_>) {
    let resources = &builder.snapshot.resources;
    let mut pods = Vec::with_capacity(resources.pods.len());
    for pod in &resources.pods {
        let status = &pod.value.status;
        let listed = status.pod_ips.iter().filter_map(|ip| ip.ip.as_ref());
        pods.push(Pod {
            namespace: text_or(pod.value.metadata.namespace.as_ref(), "default"),
            name: text_or(pod.value.metadata.name.as_ref(), ""),
            node: pod.value.spec.node_name.clone(),
            host_network: pod.value.spec.host_network == Some(true),
            running: status.phase.as_deref().is_none_or(|phase| matches!(phase, "Running")),
            addresses: addresses(status.pod_ip.iter().chain(listed)),
        });
    }
    let mut services = Vec::with_capacity(resources.services.len());
    for service in &resources.services {
        let value = &service.value;
        let namespace = text_or(value.metadata.namespace.as_ref(), "default");
        let name = text_or(value.metadata.name.as_ref(), "");
        let ports = value.spec.ports.iter().filter_map(|port| service_port(resources, &namespace, &name, port));
        services.push(Service {
            cluster_ips: addresses(value.spec.cluster_ip.iter().chain(&value.spec.cluster_ips)),
            ports: ports.collect(),
            namespace,
            name,
        });
    }
    builder.network.kubernetes = Arc::new(Kubernetes { has_pods: !resources.pods.is_empty(), pods, services });
}

/// One port of a service with its ready endpoints: the slices that belong to the service, joined by port name (EK-42).
fn service_port(
    resources: &crate::snapshot::Resources,
    namespace: &str,
    name: &str,
    port: &aws::ServicePort,
) -> Option<ServicePort> {
    let number = port.port.and_then(|port| u16::try_from(port).ok())?;
    let label: &str = "kubernetes.io/service-name";
    let mut endpoints: Vec<(IpAddr, u16)> = Vec::new();
    for slice in &resources.endpoint_slices {
        let metadata = &slice.value.metadata;
        let owner = metadata.labels.as_ref().and_then(|labels| labels.get(label)).and_then(|name| name.as_deref());
        if owner != Some(name) || metadata.namespace.as_deref().unwrap_or("default") != namespace {
            continue;
        }
        // A slice names its ports as the service does; a single unnamed port has no name on either side.
        let same = |p: &&aws::SlicePort| p.name.as_deref().unwrap_or("") == port.name.as_deref().unwrap_or("");
        let Some(target) = slice.value.ports.iter().find(same).and_then(|p| p.port) else { continue };
        let Ok(target) = u16::try_from(target) else { continue };
        for endpoint in slice.value.endpoints.iter().filter(|endpoint| endpoint.conditions.ready != Some(false)) {
            endpoints.extend(addresses(endpoint.addresses.iter()).into_iter().map(|address| (address, target)));
        }
    }
    let protocol = port.protocol.as_deref().unwrap_or("TCP").to_ascii_lowercase();
    Some(ServicePort { protocol: protocol.into(), port: number, endpoints })
}
