//! What a name means to the source that asks: the cluster's API, AWS services, Kubernetes services.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use reach_engine::endpoint::{Destination, Endpoint, Outside, Unresolved, region_of};
use reach_engine::reason::{Assumption, Code};
use reach_model::network::{DnsServers, EndpointKind, Idx, Ref, Service, Vpc};
use reach_model::{Call, Network};
use reach_packets::{Family, IpSet, Protocol};

use crate::SelectorError;
use crate::roles::{self, Cluster};
use crate::select::View;

/// A name without addresses in the snapshot.
pub(crate) fn unresolved(
    name: &str,
    code: Code,
    semantics: &'static str,
    note: &str,
    call: Option<Call>,
) -> Destination {
    let note = (!note.is_empty()).then(|| note.to_owned());
    Endpoint::Unresolved(Arc::new(Unresolved { name: name.into(), code, semantics, note, call })).into()
}

/// How names are answered inside a VPC (EK-15, PL-5).
enum Resolution {
    /// Amazon's resolver, private zones included.
    Private,
    /// Amazon's resolver, but private zones need `enableDnsHostnames`.
    PublicOnly,
    /// Somebody else's servers, or none.
    Unknown(&'static str),
}

/// Judges the DNS settings of a VPC; `private_names` says whether something there depends on private zones.
fn resolution(network: &Network, vpc: Idx<Vpc>, private_names: bool, assumptions: &mut Vec<Assumption>) -> Resolution {
    let vpc = network.vpcs.get(vpc);
    match vpc.dns_servers {
        DnsServers::Custom => return Resolution::Unknown("what the VPC's own DNS servers answer"),
        DnsServers::NotCollected if private_names => assumptions.push(Assumption::DhcpOptions),
        _ => {}
    }
    match vpc.dns_support {
        Some(false) => return Resolution::Unknown("what answers names while enableDnsSupport is off"),
        None if private_names => assumptions.push(Assumption::DnsSupport),
        _ => {}
    }
    match vpc.dns_hostnames {
        Some(false) => Resolution::PublicOnly,
        Some(true) => Resolution::Private,
        None => {
            // Private DNS cannot be switched on without the attribute, so what depends on it implies it.
            if private_names {
                assumptions.push(Assumption::DnsHostnames);
            }
            Resolution::Private
        }
    }
}

/// `apiserver`: the endpoint that the cluster's DNS name resolves to from there (section 7.3, EK-14 to EK-17).
pub(crate) fn api_server(
    network: &Network,
    cluster: &Cluster,
    view: &mut View<'_>,
) -> Result<Vec<Destination>, SelectorError> {
    let described = network.clusters.find(&cluster.name).map(|idx| network.clusters.get(idx));
    let Some(described) = described else {
        let call = Some(Call::DescribeCluster);
        return Ok(vec![unresolved("apiserver", Code::NotCollected, "EK-14", "the endpoint's access mode", call)]);
    };
    if described.outpost {
        let note = "a local cluster on Outposts";
        return Ok(vec![unresolved("apiserver", Code::UnsupportedComponent, "EK-33", note, None)]);
    }
    let inside = view.place.is_some() && view.place == cluster.vpc;
    // EK-15: without the resolver no name is answered at all, whatever the access mode.
    if let Some(vpc) = view.place.map(|vpc| network.vpcs.get(vpc))
        && vpc.dns_support == Some(false)
        && vpc.dns_servers != DnsServers::Custom
    {
        let note = "what answers names while enableDnsSupport is off";
        return Ok(vec![unresolved("apiserver", Code::Undocumented, "EK-15", note, None)]);
    }
    if !described.access_described {
        view.assumptions.push(Assumption::ClusterAccess);
    }
    if !described.private_access && !described.public_access {
        let note = "an endpoint with neither public nor private access, which EKS does not make";
        return Ok(vec![unresolved("apiserver", Code::Undocumented, "EK-14", note, None)]);
    }
    let private = match (described.private_access, described.public_access) {
        // Private only: public DNS answers with the private addresses, too.
        (true, false) => true,
        (true, true) if inside => match view.place.map(|vpc| resolution(network, vpc, true, view.assumptions)) {
            Some(Resolution::Private) | None => true,
            Some(Resolution::PublicOnly) => false,
            Some(Resolution::Unknown(note)) => {
                return Ok(vec![unresolved("apiserver", Code::Undocumented, "EK-15", note, None)]);
            }
        },
        // EK-17: outside the cluster's VPC the name has public addresses.
        (true | false, _) => false,
    };
    if private {
        let interfaces = roles::control_plane(network, &cluster.name);
        if interfaces.is_empty() {
            if !network.collected_for(cluster.vpc, Call::DescribeNetworkInterfaces) {
                let call = Some(Call::DescribeNetworkInterfaces);
                return Ok(vec![unresolved("apiserver", Code::NotCollected, "EK-9", "its interfaces", call)]);
            }
            return Err(no_control_plane(&cluster.name));
        }
        return Ok(interfaces.into_iter().map(|idx| Endpoint::primary(network, idx).into()).collect());
    }
    let addresses = match Endpoint::internet(network) {
        // EK-18: only the public endpoints of IPv6 clusters have IPv6 addresses.
        Endpoint::Outside(outside) if !described.ipv6 => outside.addresses.of_family(Family::V4),
        Endpoint::Outside(outside) => outside.addresses.clone(),
        _ => IpSet::empty(),
    };
    Ok(vec![
        Endpoint::Outside(Arc::new(Outside {
            name: Some("apiserver".into()),
            addresses,
            by_default_range: true,
            admission: Some(described.public_access_cidrs.clone()),
        }))
        .into(),
    ])
}

pub(crate) fn no_control_plane(cluster: &str) -> SelectorError {
    SelectorError::new(format!(
        "no control-plane interface of cluster `{cluster}` is in the snapshot (their description is `Amazon EKS {cluster}`)"
    ))
}

/// `aws/…`: the endpoint that the source's resolver would name (PL-5, PL-9, PL-15): an interface endpoint with private
/// DNS, else the service's public addresses, by gateway endpoint or not as routes decide.
pub(crate) fn aws_service(network: &Network, service: &str, view: &mut View<'_>) -> Vec<Destination> {
    let name = format!("aws/{service}");
    let mut region = None;
    if let Some(vpc) = view.place {
        if !network.collected_for(Some(vpc), Call::DescribeVpcEndpoints) {
            let call = Some(Call::DescribeVpcEndpoints);
            return vec![unresolved(&name, Code::NotCollected, "PL-5", "which endpoint the name resolves to", call)];
        }
        let id = &network.vpcs.get(vpc).id;
        region = region_of(network, vpc);
        let endpoints = network.endpoints.iter().map(|(_, endpoint)| endpoint);
        let private: Vec<_> = endpoints
            .filter(|e| e.vpc.as_ref() == Some(id) && e.kind == EndpointKind::Interface && e.available)
            .filter(|e| e.service_label() == service && e.private_dns && !e.private_dns_inbound_only)
            // PL-8: the name of another Region's service is another name.
            .filter(|e| is_of_region(&e.service, region.as_deref()))
            .collect();
        if !private.is_empty() {
            match resolution(network, vpc, true, view.assumptions) {
                Resolution::Private => {
                    let interfaces = private.iter().flat_map(|endpoint| &endpoint.interfaces);
                    return interfaces
                        .map(|interface| match interface {
                            Ref::Known(idx) => Endpoint::primary(network, *idx).into(),
                            Ref::Missing(id) => {
                                let call = Some(Call::DescribeNetworkInterfaces);
                                unresolved(id.as_str(), Code::NotCollected, "PL-1", "", call)
                            }
                        })
                        .collect();
                }
                Resolution::PublicOnly => {}
                Resolution::Unknown(note) => {
                    return vec![unresolved(&name, Code::Undocumented, "PL-5", note, None)];
                }
            }
        } else if let Resolution::Unknown(note) = resolution(network, vpc, false, view.assumptions) {
            // Foreign servers may still forward to a private zone; without an endpoint there is none to forward to.
            let any = network.endpoints.iter().any(|(_, e)| e.service_label() == service && e.private_dns);
            if any {
                return vec![unresolved(&name, Code::Undocumented, "PL-5", note, None)];
            }
        }
    }
    let addresses = service_addresses(network, service, region.as_deref());
    let by_default_range = addresses.is_none();
    let addresses = addresses.unwrap_or_else(|| match Endpoint::internet(network) {
        Endpoint::Outside(outside) => outside.addresses.clone(),
        _ => IpSet::empty(),
    });
    let outside = Outside { name: Some(name.into()), addresses, by_default_range, admission: None };
    vec![Endpoint::Outside(Arc::new(outside)).into()]
}

/// Whether `com.amazonaws.REGION.SERVICE` is of this Region, or of none in particular (PL-8, PL-12).
fn is_of_region(name: &str, region: Option<&str>) -> bool {
    let name = name.strip_prefix("cn.").unwrap_or(name);
    let named = name.strip_prefix("com.amazonaws.").and_then(|rest| rest.split_once('.')).map(|(region, _)| region);
    match (named, region) {
        (Some(named), Some(region)) => named == region || named == "global",
        _ => true,
    }
}

/// The public ranges of a service in a Region, where a prefix list of AWS's holds them.
fn service_addresses(network: &Network, service: &str, region: Option<&str>) -> Option<IpSet> {
    let mut nets: Vec<IpNet> = Vec::new();
    for (_, list) in network.prefix_lists.iter() {
        let of_service = list.name.as_deref().is_some_and(|name| {
            name.strip_prefix("com.amazonaws.").and_then(|rest| rest.split_once('.')).is_some_and(|(_, s)| s == service)
                && is_of_region(name, region)
        });
        if of_service {
            nets.extend(list.cidrs.iter().flatten());
        }
    }
    (!nets.is_empty()).then(|| nets.into_iter().collect())
}

/// `svc/NAMESPACE/NAME` or a ClusterIP: the ready endpoints behind it, on the target port (EK-42).
///
/// Among VPCs that share a CIDR the sender's own is meant.
pub(crate) fn service(network: &Network, service: &Service, place: Option<Idx<Vpc>>) -> Vec<Destination> {
    let name = format!("svc/{}/{}", service.namespace, service.name);
    let mut by_address: BTreeMap<IpAddr, Vec<(Protocol, u16, u16)>> = BTreeMap::new();
    for port in &service.ports {
        let Ok(protocol) = port.protocol.parse::<Protocol>() else { continue };
        for &(address, target) in &port.endpoints {
            by_address.entry(address).or_default().push((protocol, port.port, target));
        }
    }
    if by_address.is_empty() {
        let call = Some(Call::KubectlGet);
        return vec![unresolved(&name, Code::NotCollected, "EK-42", "the ready endpoints behind it", call)];
    }
    by_address
        .into_iter()
        .map(|(address, ports)| {
            let near = place.and_then(|vpc| network.addresses.owner(vpc, address));
            let owner = near.or_else(|| network.addresses.owners_anywhere(address).first().copied());
            let endpoint = owner.map_or_else(|| Endpoint::literal(address), |idx| Endpoint::address(idx, address));
            Destination { endpoint, ports: Some(ports) }
        })
        .collect()
}

/// Whether `second` is the address after `first`.
fn follows(first: IpAddr, second: IpAddr) -> bool {
    match (first, second) {
        (IpAddr::V4(first), IpAddr::V4(second)) => u32::from(first).checked_add(1) == Some(u32::from(second)),
        (IpAddr::V6(first), IpAddr::V6(second)) => u128::from(first).checked_add(1) == Some(u128::from(second)),
        _ => false,
    }
}

/// A ClusterIP: an address of some cluster's service CIDR; `None` where it is none.
pub(crate) fn cluster_ip(network: &Network, address: IpAddr, place: Option<Idx<Vpc>>) -> Option<Vec<Destination>> {
    if let Some(found) = network.kubernetes.services.iter().find(|s| s.cluster_ips.contains(&address)) {
        let is_api = &*found.namespace == "default" && &*found.name == "kubernetes";
        let has_endpoints = found.ports.iter().any(|port| !port.endpoints.is_empty());
        if has_endpoints || !is_api {
            return Some(service(network, found, place));
        }
    }
    // Clusters often share a service CIDR: the one of the sender's VPC is meant.
    let holds = |c: &&reach_model::network::Cluster| c.service_cidrs.iter().any(|net| net.contains(&address));
    let clusters: Vec<_> = network.clusters.iter().map(|(_, cluster)| cluster).filter(holds).collect();
    let own = |c: &&&reach_model::network::Cluster| place.is_some() && c.vpc.as_ref().and_then(Ref::known) == place;
    let cluster = clusters.iter().find(own).or_else(|| clusters.first())?;
    let in_vpc = !network.vpcs_of(address).is_empty();
    if in_vpc {
        return None;
    }
    // EK-12: the first address is the API's own service; its endpoints are the control-plane interfaces.
    let first = cluster.service_cidrs.iter().any(|net| follows(net.network(), address));
    if first {
        let interfaces = roles::control_plane(network, &cluster.name);
        let ports = Some(vec![(Protocol::TCP, 443, 443)]);
        return Some(
            interfaces
                .into_iter()
                .map(|idx| Destination { endpoint: Endpoint::primary(network, idx), ports: ports.clone() })
                .collect(),
        );
    }
    let call = Some(Call::KubectlGet);
    Some(vec![unresolved(&address.to_string(), Code::NotCollected, "EK-42", "the service with this ClusterIP", call)])
}
