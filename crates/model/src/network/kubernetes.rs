//! The Kubernetes objects that lie beside the account: pods, services with what stands behind them, and whom the control
//! plane calls.

use std::net::IpAddr;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::build::Builder;
use crate::aws::{self, Text};
use crate::snapshot::Resources;

/// The Kubernetes objects of the snapshot.
#[derive(Debug, Clone, Default)]
pub struct Kubernetes {
    /// Whether any pod list was read.
    pub has_pods: bool,
    pub pods: Vec<Pod>,
    pub services: Vec<Service>,
    /// Whether webhook configurations of both kinds were read: EKS itself brings some, so neither list is ever empty.
    pub has_webhooks: bool,
    pub webhooks: Vec<Webhook>,
    /// Whether any `APIService` was read: every cluster has those that the control plane serves itself.
    pub has_api_services: bool,
    /// The aggregated ones alone: those that a service of the cluster serves.
    pub api_services: Vec<ApiService>,
    /// Nodes by name, with the instance that their `providerID` ends in.
    pub nodes: Vec<(Text, Option<Text>)>,
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
    /// Whether the snapshot tells what stands behind it: a slice of it, or pods that its selector chooses.
    pub observed: bool,
}

/// A port of a service and what stands behind it.
#[derive(Debug, Clone)]
pub struct ServicePort {
    /// `tcp`, `udp`, …
    pub protocol: Text,
    pub port: u16,
    /// The port on the pod, where the service gives a number.
    pub target: Option<u16>,
    /// Ready endpoints: address and port on the pod.
    pub endpoints: Vec<(IpAddr, u16)>,
}

/// A service that the control plane calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceReference {
    pub namespace: Text,
    pub name: Text,
    pub port: u16,
}

/// An admission webhook.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// `webhooks[].name`.
    pub name: Text,
    /// The configuration that it stands in.
    pub configuration: Text,
    pub client: WebhookClient,
    /// `failurePolicy: Ignore`: calls that fail are let pass.
    pub ignores_failure: bool,
}

/// Whom a webhook calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebhookClient {
    Service(ServiceReference),
    Url(Text),
    /// Neither is there.
    None,
}

/// An aggregated API.
#[derive(Debug, Clone)]
pub struct ApiService {
    /// `v1beta1.metrics.k8s.io`.
    pub name: Text,
    pub service: ServiceReference,
}

/// The port of a service reference that names none.
const DEFAULT_PORT: u16 = 443;

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

fn pod_addresses(pod: &aws::Pod) -> Vec<IpAddr> {
    let listed = pod.status.pod_ips.iter().filter_map(|ip| ip.ip.as_ref());
    addresses(pod.status.pod_ip.iter().chain(listed))
}

fn is_running(pod: &aws::Pod) -> bool {
    pod.status.phase.as_deref().is_none_or(|phase| phase == "Running")
}

/// Builds everything that the kubectl lists hold.
pub(super) fn kubernetes(builder: &mut Builder<'_>) {
    let resources = &builder.snapshot.resources;
    let pods = resources.pods.iter().map(|pod| {
        let value = &pod.value;
        Pod {
            namespace: text_or(value.metadata.namespace.as_ref(), "default"),
            name: text_or(value.metadata.name.as_ref(), ""),
            node: value.spec.node_name.clone(),
            host_network: value.spec.host_network == Some(true),
            running: is_running(value),
            addresses: pod_addresses(value),
        }
    });
    let nodes = resources.nodes.iter().filter_map(|node| {
        let provider = node.value.spec.provider_id.as_deref();
        let instance = provider.and_then(|id| id.rsplit('/').next()).filter(|id| id.starts_with("i-"));
        Some((node.value.metadata.name.clone()?, instance.map(Into::into)))
    });
    let validating = resources.validating_webhooks.iter().map(|c| (&c.value.metadata, &c.value.webhooks));
    let mutating = resources.mutating_webhooks.iter().map(|c| (&c.value.metadata, &c.value.webhooks));
    let webhooks =
        validating.chain(mutating).flat_map(|(metadata, list)| list.iter().map(move |w| webhook(metadata, w)));
    let api_services = resources.api_services.iter().filter_map(|api| {
        let service = api.value.spec.service.as_ref()?;
        Some(ApiService { name: api.value.metadata.name.clone()?, service: reference(service)? })
    });
    builder.network.kubernetes = Arc::new(Kubernetes {
        has_pods: !resources.pods.is_empty(),
        pods: pods.collect(),
        services: services(resources),
        has_webhooks: !resources.validating_webhooks.is_empty() && !resources.mutating_webhooks.is_empty(),
        webhooks: webhooks.collect(),
        has_api_services: !resources.api_services.is_empty(),
        api_services: api_services.collect(),
        nodes: nodes.collect(),
    });
}

fn webhook(metadata: &aws::Metadata, webhook: &aws::Webhook) -> Webhook {
    let client = match (&webhook.client_config.service, &webhook.client_config.url) {
        (Some(service), _) => reference(service).map_or(WebhookClient::None, WebhookClient::Service),
        (None, Some(url)) => WebhookClient::Url(url.clone()),
        (None, None) => WebhookClient::None,
    };
    Webhook {
        name: text_or(webhook.name.as_ref(), ""),
        configuration: text_or(metadata.name.as_ref(), ""),
        client,
        ignores_failure: webhook.failure_policy.as_deref() == Some("Ignore"),
    }
}

fn reference(service: &aws::ServiceReference) -> Option<ServiceReference> {
    let port = service.port.and_then(|port| u16::try_from(port).ok()).unwrap_or(DEFAULT_PORT);
    let namespace = text_or(service.namespace.as_ref(), "default");
    Some(ServiceReference { namespace, name: service.name.clone()?, port })
}

/// Namespace and name.
type Key<'a> = (&'a str, &'a str);

fn namespace(metadata: &aws::Metadata) -> &str {
    metadata.namespace.as_deref().unwrap_or("default")
}

/// Builds the services with the ready endpoints behind each port (EK-42).
fn services(resources: &Resources) -> Vec<Service> {
    let label: &str = "kubernetes.io/service-name";
    let mut slices: FxHashMap<Key<'_>, Vec<&aws::EndpointSlice>> = FxHashMap::default();
    for slice in &resources.endpoint_slices {
        let metadata = &slice.value.metadata;
        let owner = metadata.labels.as_ref().and_then(|labels| labels.get(label)).and_then(Option::as_deref);
        if let Some(owner) = owner {
            slices.entry((namespace(metadata), owner)).or_default().push(&slice.value);
        }
    }
    let mut services = Vec::with_capacity(resources.services.len());
    for service in &resources.services {
        let value = &service.value;
        let name = text_or(value.metadata.name.as_ref(), "");
        let of_service = slices.get(&(namespace(&value.metadata), &*name));
        // Where no slice at all was listed, the selector over the listed pods says what the slices would.
        let by_selector = resources.endpoint_slices.is_empty() && !resources.pods.is_empty();
        let selector = value.spec.selector.as_ref().filter(|selector| by_selector && !selector.is_empty());
        let chosen: Vec<&aws::Pod> = match selector {
            Some(selector) => {
                let pods = resources.pods.iter().map(|pod| &pod.value);
                pods.filter(|pod| namespace(&pod.metadata) == namespace(&value.metadata))
                    .filter(|pod| is_ready(pod) && selects(selector, pod))
                    .collect()
            }
            None => Vec::new(),
        };
        let ports = value.spec.ports.iter().filter_map(|port| {
            let number = port.port.and_then(|port| u16::try_from(port).ok())?;
            let endpoints = match of_service {
                Some(slices) => of_slices(slices, port),
                None => of_pods(&chosen, port, number),
            };
            let protocol = port.protocol.as_deref().unwrap_or("TCP").to_ascii_lowercase().into();
            Some(ServicePort { protocol, port: number, target: target_number(port, number), endpoints })
        });
        services.push(Service {
            cluster_ips: addresses(value.spec.cluster_ip.iter().chain(&value.spec.cluster_ips)),
            ports: ports.collect(),
            observed: of_service.is_some() || !chosen.is_empty(),
            namespace: namespace(&value.metadata).into(),
            name,
        });
    }
    services
}

/// The port on the pod, where the service says it by number; a port without a target is its own.
fn target_number(port: &aws::ServicePort, own: u16) -> Option<u16> {
    port.target_port.as_ref().map_or(Some(own), |target| target.0.parse().ok())
}

/// The ready endpoints of a port in a service's slices, joined by port name.
fn of_slices(slices: &[&aws::EndpointSlice], port: &aws::ServicePort) -> Vec<(IpAddr, u16)> {
    let mut endpoints: Vec<(IpAddr, u16)> = Vec::new();
    for slice in slices {
        // A slice names its ports as the service does; a single unnamed port has no name on either side.
        let same = |p: &&aws::SlicePort| p.name.as_deref().unwrap_or("") == port.name.as_deref().unwrap_or("");
        let Some(target) = slice.ports.iter().find(same).and_then(|p| p.port) else { continue };
        let Ok(target) = u16::try_from(target) else { continue };
        for endpoint in slice.endpoints.iter().filter(|endpoint| endpoint.conditions.ready != Some(false)) {
            endpoints.extend(addresses(endpoint.addresses.iter()).into_iter().map(|address| (address, target)));
        }
    }
    endpoints
}

/// The endpoints of a port in the pods that the service's selector chooses: the number, or the container's port of that
/// name.
fn of_pods(pods: &[&aws::Pod], port: &aws::ServicePort, own: u16) -> Vec<(IpAddr, u16)> {
    let mut endpoints = Vec::new();
    for pod in pods {
        let named = || {
            let name = port.target_port.as_ref().map(|target| &*target.0);
            let ports = pod.spec.containers.iter().flat_map(|container| container.ports.iter());
            ports.into_iter().find(|p| p.name.as_deref() == name).and_then(|p| p.container_port)
        };
        let number = target_number(port, own).or_else(|| named().and_then(|port| u16::try_from(port).ok()));
        if let (Some(number), Some(&address)) = (number, pod_addresses(pod).first()) {
            endpoints.push((address, number));
        }
    }
    endpoints
}

/// Whether a pod's labels are as the selector wants them.
fn selects(selector: &std::collections::BTreeMap<Text, Option<Text>>, pod: &aws::Pod) -> bool {
    let labels = pod.metadata.labels.as_ref();
    selector.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key)) == Some(value))
}

fn is_ready(pod: &aws::Pod) -> bool {
    let ready = pod.status.conditions.iter().find(|condition| condition.kind.as_deref() == Some("Ready"));
    is_running(pod) && ready.is_none_or(|condition| condition.status.as_deref() == Some("True"))
}
