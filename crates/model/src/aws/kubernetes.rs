//! The parts of Kubernetes objects that decide where a flow starts or ends (EK-63), as `kubectl get … -o json` prints
//! them: a `List` whose items are told apart by `kind`.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{List, Scalar, Text};

/// `metadata` of any object.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Metadata {
    pub name: Option<Text>,
    pub namespace: Option<Text>,
    pub uid: Option<Text>,
    /// Grows with every change of the object.
    pub resource_version: Option<Text>,
    pub labels: Option<BTreeMap<Text, Option<Text>>>,
}

/// `kind: Pod`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Pod {
    pub metadata: Metadata,
    pub spec: PodSpec,
    pub status: PodStatus,
}

/// `Pod.spec`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSpec {
    pub node_name: Option<Text>,
    pub host_network: Option<bool>,
    pub containers: List<Container>,
}

/// `Pod.status`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodStatus {
    pub phase: Option<Text>,
    pub conditions: List<PodCondition>,
    #[serde(rename = "podIP")]
    pub pod_ip: Option<Text>,
    #[serde(rename = "podIPs")]
    pub pod_ips: List<PodIp>,
    #[serde(rename = "hostIP")]
    pub host_ip: Option<Text>,
}

/// `Pod.status.conditions[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodCondition {
    #[serde(rename = "type")]
    pub kind: Option<Text>,
    /// `True`, `False`, `Unknown`.
    pub status: Option<Text>,
}

/// `Pod.status.podIPs[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodIp {
    pub ip: Option<Text>,
}

/// A container of a pod or pod template.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Container {
    pub name: Option<Text>,
    pub env: List<EnvVar>,
    pub ports: List<ContainerPort>,
}

/// An environment variable with a literal value.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EnvVar {
    pub name: Option<Text>,
    pub value: Option<Scalar>,
}

/// A named container port.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ContainerPort {
    pub name: Option<Text>,
    pub container_port: Option<i64>,
    pub protocol: Option<Text>,
}

/// `kind: Node`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Node {
    pub metadata: Metadata,
    pub spec: NodeSpec,
    pub status: NodeStatus,
}

/// `Node.spec`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeSpec {
    /// `aws:///eu-west-1a/i-0123…`.
    #[serde(rename = "providerID")]
    pub provider_id: Option<Text>,
}

/// `Node.status`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeStatus {
    pub addresses: List<NodeAddress>,
}

/// `Node.status.addresses[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeAddress {
    #[serde(rename = "type")]
    pub kind: Option<Text>,
    pub address: Option<Text>,
}

/// `kind: Service`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Service {
    pub metadata: Metadata,
    pub spec: ServiceSpec,
}

/// `Service.spec`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceSpec {
    #[serde(rename = "clusterIP")]
    pub cluster_ip: Option<Text>,
    #[serde(rename = "clusterIPs")]
    pub cluster_ips: List<Text>,
    #[serde(rename = "type")]
    pub kind: Option<Text>,
    pub ports: List<ServicePort>,
    pub selector: Option<BTreeMap<Text, Option<Text>>>,
}

/// `Service.spec.ports[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServicePort {
    pub name: Option<Text>,
    pub protocol: Option<Text>,
    pub port: Option<i64>,
    /// A number or the name of a container port.
    pub target_port: Option<Scalar>,
}

/// `kind: EndpointSlice`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EndpointSlice {
    pub metadata: Metadata,
    pub address_type: Option<Text>,
    pub endpoints: List<SliceEndpoint>,
    pub ports: List<SlicePort>,
}

/// `EndpointSlice.endpoints[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SliceEndpoint {
    pub addresses: List<Text>,
    pub conditions: SliceConditions,
}

/// `EndpointSlice.endpoints[].conditions`: absent `ready` means ready.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SliceConditions {
    pub ready: Option<bool>,
}

/// `EndpointSlice.ports[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SlicePort {
    pub name: Option<Text>,
    pub protocol: Option<Text>,
    pub port: Option<i64>,
}

/// `kind: DaemonSet`: `aws-node` holds the CNI's environment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DaemonSet {
    pub metadata: Metadata,
    pub spec: DaemonSetSpec,
}

/// `DaemonSet.spec`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DaemonSetSpec {
    pub template: PodTemplate,
}

/// `DaemonSet.spec.template`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodTemplate {
    pub spec: PodSpec,
}

/// `kind: APIService`: an API that the control plane may serve by a service of the cluster's.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ApiService {
    pub metadata: Metadata,
    pub spec: ApiServiceSpec,
}

/// `APIService.spec`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ApiServiceSpec {
    /// Absent for APIs that the control plane serves itself.
    pub service: Option<ServiceReference>,
}

/// A service that the control plane calls.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ServiceReference {
    pub namespace: Option<Text>,
    pub name: Option<Text>,
    /// The service's port; 443 where it is absent.
    pub port: Option<i64>,
}

/// `kind: ValidatingWebhookConfiguration`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ValidatingWebhookConfiguration {
    pub metadata: Metadata,
    pub webhooks: List<Webhook>,
}

/// `kind: MutatingWebhookConfiguration`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MutatingWebhookConfiguration {
    pub metadata: Metadata,
    pub webhooks: List<Webhook>,
}

/// One webhook of a configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Webhook {
    pub name: Option<Text>,
    pub client_config: WebhookClientConfig,
    /// `Fail` (the default) or `Ignore`.
    pub failure_policy: Option<Text>,
}

/// Whom a webhook calls: a service or a URL.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WebhookClientConfig {
    pub service: Option<ServiceReference>,
    pub url: Option<Text>,
}
