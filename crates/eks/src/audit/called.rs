//! Whom the control plane calls: admission webhooks and aggregated APIs, on the port of the pod behind their service
//! (EK-10, EK-42); without the objects, the ports of components that were named.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use reach_model::network::{ApiService, Service, ServiceReference, Webhook, WebhookClient};
use reach_packets::Protocol;

use super::ask::{self, Recipe};
use super::finding::{Asked, Finding, Remark, Source, Status};
use super::table::{self, CALLED_LEVEL, Component, End, Traffic};
use super::{AuditError, Scene};

/// Something that the control plane calls.
struct Called {
    /// `eks.webhook.NAME` or `eks.apiservice.NAME`.
    prefix: String,
    /// What is called, for the title.
    what: String,
    source: Source,
}

/// One finding for each webhook and port of the pods behind it.
pub(super) fn webhooks(scene: &Scene<'_>) -> Result<Vec<Finding>, AuditError> {
    let mut findings: Vec<Finding> = Vec::new();
    for webhook in &scene.network.kubernetes.webhooks {
        let called = Called {
            prefix: format!("eks.webhook.{}", webhook.name),
            what: format!("the API server reaches the webhook {}", webhook.name),
            source: table::WEBHOOK_PAGE,
        };
        let found = match &webhook.client {
            WebhookClient::Service(service) => by_service(scene, &called, service)?,
            WebhookClient::Url(url) => vec![by_url(scene, &called, url)?],
            WebhookClient::None => {
                let mut finding = called.blank(443);
                finding.status = Status::Unknown;
                finding.remarks.push(remark("EKS_WEBHOOK_WITHOUT_CLIENT", "it names neither a service nor a URL"));
                vec![finding]
            }
        };
        for mut finding in found {
            consequence(webhook, &mut finding);
            add(&mut findings, finding);
        }
    }
    Ok(findings)
}

/// One finding for each aggregated API and port of the pods behind it.
pub(super) fn api_services(scene: &Scene<'_>) -> Result<Vec<Finding>, AuditError> {
    let mut findings: Vec<Finding> = Vec::new();
    for ApiService { name, service } in &scene.network.kubernetes.api_services {
        let called = Called {
            prefix: format!("eks.apiservice.{name}"),
            what: format!("the API server reaches the aggregated API {name}"),
            source: table::API_SERVICE_PAGE,
        };
        for finding in by_service(scene, &called, service)? {
            add(&mut findings, finding);
        }
    }
    Ok(findings)
}

/// One finding for each port of a component that was named, whether it runs or not.
pub(super) fn component(scene: &Scene<'_>, component: &Component) -> Result<Vec<Finding>, AuditError> {
    let source = Source { semantics: "EK-10", title: component.title, url: component.url };
    let mut findings = Vec::new();
    for &(port, use_of_it) in component.ports {
        let title = format!("the API server reaches {} on {port} ({use_of_it})", component.title);
        let id = format!("eks.also.{}.tcp-{port}", component.name);
        let mut finding = ask::blank(id, CALLED_LEVEL, title, source);
        let traffic = Traffic::Ports(Protocol::TCP, port, port);
        let (from, to) = (End::ControlPlane.selector(), End::Nodes.selector());
        let asked = Asked { from: from.clone(), to: to.clone(), protocol: "tcp", port: traffic.port(), family: None };
        finding.question = Some(asked.clone());
        ask::judge(scene, &mut finding, vec![(asked, Recipe::new(&from, &to, traffic, None))], (false, true))?;
        findings.push(finding);
    }
    Ok(findings)
}

/// Keeps one finding for each id: several configurations may call the same webhook.
fn add(findings: &mut Vec<Finding>, finding: Finding) {
    match findings.iter_mut().find(|known| known.id == finding.id) {
        // Of two the worse is told.
        Some(known) if finding.status < known.status => *known = finding,
        Some(_) => {}
        None => findings.push(finding),
    }
}

impl Called {
    fn blank(&self, port: u16) -> Finding {
        ask::blank(format!("{}.tcp-{port}", self.prefix), CALLED_LEVEL, self.what.clone(), self.source)
    }
}

fn remark(code: &'static str, message: impl Into<String>) -> Remark {
    Remark { code, resource: None, semantics: "EK-42", message: message.into() }
}

/// What a failure of the webhook means to whoever creates objects.
fn consequence(webhook: &Webhook, finding: &mut Finding) {
    if !matches!(finding.status, Status::Fail | Status::Partial) {
        return;
    }
    let message = if webhook.ignores_failure {
        format!("failurePolicy of {} is Ignore: requests wait for the timeout, then pass unchecked", webhook.name)
    } else {
        format!("failurePolicy of {} is Fail: the requests that it is to see are refused", webhook.name)
    };
    finding.remarks.push(Remark { code: "EKS_FAILURE_POLICY", resource: None, semantics: "EK-10", message });
}

/// Follows service port → target port → the pods' addresses; one finding for each port on a pod.
fn by_service(scene: &Scene<'_>, called: &Called, reference: &ServiceReference) -> Result<Vec<Finding>, AuditError> {
    let ServiceReference { namespace, name, port } = reference;
    let selector = format!("svc/{namespace}/{name}");
    let services = &scene.network.kubernetes.services;
    let service = services.iter().find(|service| service.namespace == *namespace && service.name == *name);
    let service_port = service.and_then(|s| s.ports.iter().find(|p| p.port == *port && &*p.protocol == "tcp"));
    let mut targets: BTreeSet<u16> = BTreeSet::new();
    if let Some(found) = service_port {
        // Objects of another cluster's lists: their endpoints are that cluster's.
        let own = |address: IpAddr| scene.listed.owns(address) != Some(false);
        targets.extend(found.endpoints.iter().filter(|(address, _)| own(*address)).map(|(_, target)| *target));
        if targets.is_empty() && !found.endpoints.is_empty() {
            return Ok(Vec::new());
        }
    }
    if targets.is_empty() {
        let on_pod = service_port.and_then(|found| found.target).unwrap_or(*port);
        let mut finding = called.blank(on_pod);
        finding.question = Some(asked(&selector, *port));
        finding.status = Status::Unknown;
        finding.remarks.push(match (service, service_port) {
            (None, _) => remark(
                "NOT_COLLECTED",
                format!("the service {namespace}/{name} is not in the snapshot (`kubectl get services -A -o json`)"),
            ),
            (Some(_), None) => {
                remark("EKS_SERVICE_PORT", format!("the service {namespace}/{name} has no TCP port {port}"))
            }
            (Some(service), Some(_)) if service.observed => {
                // Nobody is there to be reached, whatever the network does.
                finding.status = Status::NotApplicable;
                remark(
                    "EKS_NO_READY_ENDPOINT",
                    format!(
                        "the service {namespace}/{name} has no ready endpoint: calls fail whatever the network does"
                    ),
                )
            }
            _ => remark(
                "NOT_COLLECTED",
                format!("what stands behind {namespace}/{name} is not known (`kubectl get endpointslices -A -o json`)"),
            ),
        });
        return Ok(vec![finding]);
    }
    let mut findings = Vec::new();
    for target in targets {
        let mut finding = called.blank(target);
        if target != *port {
            finding.title = format!("{} (service port {port}, pod port {target})", called.what);
        }
        let asked = asked(&selector, *port);
        finding.question = Some(asked.clone());
        let traffic = Traffic::Ports(Protocol::TCP, *port, *port);
        let recipe = Recipe::new(&asked.from, &selector, traffic, None).on_target(target);
        ask::judge(scene, &mut finding, vec![(asked, recipe)], (false, false))?;
        if let Some(service) = service {
            overlay(scene, service, target, &mut finding);
        }
        findings.push(finding);
    }
    Ok(findings)
}

/// Says so where pods have addresses that no VPC knows: the control plane cannot route to an overlay.
fn overlay(scene: &Scene<'_>, service: &Service, target: u16, finding: &mut Finding) {
    let network = scene.network;
    let endpoints = service.ports.iter().flat_map(|port| &port.endpoints).filter(|(_, port)| *port == target);
    let outside: BTreeSet<IpAddr> =
        endpoints.map(|(address, _)| *address).filter(|address| network.vpcs_of(*address).is_empty()).collect();
    let Some(first) = outside.first() else { return };
    if finding.status == Status::Pass {
        return;
    }
    let mut message = format!(
        "{first} lies in no CIDR of the VPC: the pod is on an overlay network, to which the control plane has no route; \
         give the pod hostNetwork and a port of its own"
    );
    if matches!(target, 10250 | 10260) {
        let _ = write!(message, " (not {target}: on the node that is the kubelet's or the cloud controller's)");
    }
    finding.remarks.push(remark("EKS_OVERLAY_POD", message));
}

fn asked(selector: &str, port: u16) -> Asked {
    let from = End::ControlPlane.selector();
    Asked { from, to: selector.to_owned(), protocol: "tcp", port: Some(port.to_string()), family: None }
}

/// A webhook that is called by its URL (EK-13).
fn by_url(scene: &Scene<'_>, called: &Called, url: &str) -> Result<Finding, AuditError> {
    let Some((host, port)) = host_and_port(url) else {
        let mut finding = called.blank(443);
        finding.status = Status::Unknown;
        finding
            .remarks
            .push(remark("EKS_WEBHOOK_URL", format!("`{url}` is not a URL of the form https://HOST:PORT/…")));
        return Ok(finding);
    };
    let mut finding = called.blank(port);
    let address = host.parse::<IpAddr>().ok();
    let says = |code, message: String| Remark { code, resource: None, semantics: "EK-13", message };
    if host.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| address.is_loopback()) {
        let message = format!("{url} is inside the control plane: no packet enters the VPC");
        finding.remarks.push(says("EKS_WEBHOOK_LOOPBACK", message));
        return Ok(finding);
    }
    match scene.described.map(|cluster| cluster.egress_mode.as_deref().unwrap_or("AWS_MANAGED")) {
        Some("AWS_MANAGED") => {
            let message = format!("controlPlaneEgressMode is AWS_MANAGED: {url} is called from AWS's side");
            finding.remarks.push(says("EKS_WEBHOOK_AWS_MANAGED", message));
        }
        Some("CUSTOMER_ROUTED") => match address {
            Some(address) => {
                let from = End::ControlPlane.selector();
                // An address inside the VPC is whoever has it.
                let inside = scene.network.vpcs_of(address).is_empty();
                let to = if inside { format!("internet/{address}") } else { address.to_string() };
                let traffic = Traffic::Ports(Protocol::TCP, port, port);
                let asked =
                    Asked { from: from.clone(), to: to.clone(), protocol: "tcp", port: traffic.port(), family: None };
                finding.question = Some(asked.clone());
                let recipe = Recipe::new(&from, &to, traffic, None);
                ask::judge(scene, &mut finding, vec![(asked, recipe)], (false, false))?;
            }
            None => {
                finding.status = Status::Unknown;
                let message = format!("the addresses of {host} are not in the snapshot (`dig {host}` inside the VPC)");
                finding.remarks.push(says("EKS_WEBHOOK_NAME", message));
            }
        },
        Some(mode) => {
            finding.status = Status::Unknown;
            finding.remarks.push(says("UNDOCUMENTED_BEHAVIOUR", format!("AWS does not say what {mode} lets out")));
        }
        None => {
            finding.status = Status::Unknown;
            let message = "controlPlaneEgressMode is not in the snapshot (`aws eks describe-cluster`)".to_owned();
            finding.remarks.push(says("NOT_COLLECTED", message));
        }
    }
    Ok(finding)
}

/// Host and port of an `https` URL; IPv6 addresses stand in brackets.
fn host_and_port(url: &str) -> Option<(&str, u16)> {
    let rest = url.strip_prefix("https://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        Some(port) => port.parse().ok()?,
        None => 443,
    };
    (!host.is_empty()).then_some((host, port))
}

#[cfg(test)]
mod tests {
    use super::host_and_port;

    #[test]
    fn urls_of_webhooks() {
        assert_eq!(host_and_port("https://127.0.0.1:23443/mutate"), Some(("127.0.0.1", 23443)));
        assert_eq!(host_and_port("https://hooks.example.com"), Some(("hooks.example.com", 443)));
        assert_eq!(host_and_port("https://[2001:db8::1]:8443/x"), Some(("2001:db8::1", 8443)));
        assert_eq!(host_and_port("https://user@example.com?x"), Some(("example.com", 443)));
        assert_eq!(host_and_port("http://example.com"), None);
        assert_eq!(host_and_port("https://example.com:none/"), None);
    }
}
