//! The grammar of selectors and the resources behind them.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use reach_engine::endpoint::{Destination, Endpoint, Outside};
use reach_engine::host::{self, Liveness};
use reach_engine::reason::{Assumption, Code};
use reach_engine::simulate::is_private_address;
use reach_model::network::{
    EndpointKind, Idx, Instance, InterfaceKind, NetworkInterface, Ref, Resource, Table, Vpc, tag,
};
use reach_model::{Call, Network};
use reach_packets::IpSet;

use crate::SelectorError;
use crate::names::{self, unresolved};
use crate::roles::{self, Cluster};

/// What narrows a selector.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scope<'s> {
    pub(crate) cluster: Option<&'s str>,
    pub(crate) vpc: Option<Idx<Vpc>>,
}

/// Who asks for a destination.
pub(crate) struct View<'a> {
    /// The VPC of the source.
    pub(crate) place: Option<Idx<Vpc>>,
    /// The source lies outside all VPCs.
    pub(crate) outside: bool,
    pub(crate) assumptions: &'a mut Vec<Assumption>,
}

/// The endpoints that a `--from` selector means.
pub(crate) fn sources(network: &Network, scope: Scope<'_>, text: &str) -> Result<Vec<Endpoint>, SelectorError> {
    let mut assumptions = Vec::new();
    let view = View { place: None, outside: true, assumptions: &mut assumptions };
    let found = resolve(network, scope, text, view, true)?;
    Ok(found.into_iter().map(|destination| destination.endpoint).collect())
}

/// The destinations that a `--to` selector means to a source.
pub(crate) fn destinations(
    network: &Network,
    scope: Scope<'_>,
    text: &str,
    view: View<'_>,
) -> Result<Vec<Destination>, SelectorError> {
    resolve(network, scope, text, view, false)
}

/// Resolves a selector; where a collection that it enumerates was not collected in full, what may be missing from the
/// set is one more endpoint of which nothing is known.
fn resolve(
    network: &Network,
    scope: Scope<'_>,
    text: &str,
    view: View<'_>,
    source: bool,
) -> Result<Vec<Destination>, SelectorError> {
    let text = text.trim();
    if let Some((qualifier, rest)) = qualified(text) {
        let scope = match qualifier {
            Qualifier::Cluster(name) => Scope { cluster: Some(name), ..scope },
            Qualifier::Vpc(id) => Scope { vpc: Some(find_one(&network.vpcs, id)?), ..scope },
        };
        return resolve(network, scope, rest, view, source);
    }
    let (calls, one) = enumerates(network, text);
    let missing = calls.iter().copied().find(|&call| !network.collected_for(scope.vpc, call));
    let found = match (find(network, scope, text, view, source), missing) {
        (Err(_), Some(_)) => Vec::new(),
        (found, _) => found?,
    };
    match missing {
        Some(call) if !one || found.is_empty() => {
            let note = if found.is_empty() { "who is meant" } else { "whether these are all" };
            let unseen = unresolved(text, Code::NotCollected, "M-4", note, Some(call));
            Ok(found.into_iter().chain([unseen]).collect())
        }
        _ => Ok(found),
    }
}

/// The collections that a selector looks through, and whether it means one thing rather than a set.
fn enumerates(network: &Network, text: &str) -> (&'static [Call], bool) {
    const HOSTS: &[Call] = &[Call::DescribeInstances, Call::DescribeNetworkInterfaces];
    const INTERFACES: &[Call] = &[Call::DescribeNetworkInterfaces];
    match text.split_once('/').map_or(text, |(head, _)| head) {
        "pod" if text != "pod" => (&[], true),
        "node" | "pod" | "name" | "tag" => (HOSTS, false),
        "controlplane" => (INTERFACES, false),
        _ => match text.split_once('-').map(|(kind, _)| kind) {
            Some("i") => (&[Call::DescribeInstances], true),
            Some("eni") => (INTERFACES, true),
            Some("subnet") => (&[Call::DescribeSubnets, Call::DescribeNetworkInterfaces], false),
            Some("sg") => (&[Call::DescribeSecurityGroups, Call::DescribeNetworkInterfaces], false),
            Some("vpc") => (&[Call::DescribeVpcs, Call::DescribeNetworkInterfaces], false),
            _ => match text.parse::<IpNet>() {
                Ok(net) if !network.vpcs_of(net.network()).is_empty() => (INTERFACES, false),
                _ => (&[], true),
            },
        },
    }
}

fn find(
    network: &Network,
    scope: Scope<'_>,
    text: &str,
    mut view: View<'_>,
    source: bool,
) -> Result<Vec<Destination>, SelectorError> {
    let nothing =
        || SelectorError::with(format!("`{text}` matches nothing in the snapshot"), suggestions(network, text));
    let whole = |endpoints: Vec<Endpoint>| -> Vec<Destination> { endpoints.into_iter().map(Into::into).collect() };
    let (head, rest) = text.split_once('/').map_or((text, None), |(head, rest)| (head, Some(rest)));
    let found: Vec<Destination> = match (head, rest) {
        ("node", group) => whole(node_endpoints(network, scope, text, group)?),
        ("controlplane", None) => {
            let cluster = roles::one_cluster(network, scope.cluster, text)?;
            whole(control_plane_endpoints(network, &cluster)?)
        }
        ("apiserver", None) => {
            let cluster = roles::one_cluster(network, scope.cluster, text)?;
            if source {
                whole(control_plane_endpoints(network, &cluster)?)
            } else {
                names::api_server(network, &cluster, &mut view)?
            }
        }
        ("pod", None) => {
            let cluster = roles::one_cluster(network, scope.cluster, text)?;
            whole(roles::pods(network, &cluster).into_iter().map(|pod| overlay(pod, source)).collect())
        }
        ("pod", Some(rest)) => whole(vec![overlay(pod_by_name(network, scope, text, rest)?, source)]),
        ("svc", Some(rest)) => {
            if !rest.split_once('/').is_some_and(|(namespace, name)| !namespace.is_empty() && !name.is_empty()) {
                return Err(SelectorError::new(format!("`{text}` is not of the form `svc/NAMESPACE/NAME`")));
            }
            service_by_name(network, rest, view.place)
        }
        ("internet", None) => vec![Endpoint::internet(network).into()],
        ("internet", Some(address)) => {
            let address: IpAddr = address
                .parse()
                .map_err(|_| SelectorError::new(format!("`{address}` in `{text}` is not an IP address")))?;
            outsider(network, address)
        }
        ("aws", Some("")) => {
            return Err(SelectorError::new("`aws/` names no service: `aws/s3`, `aws/ecr.api`".to_owned()));
        }
        ("aws", Some(service)) => names::aws_service(network, service, &mut view),
        ("lb", Some(name)) => load_balancer(network, name)?,
        ("name", Some(name)) => whole(by_tag(network, scope, |tags| tag(tags, "Name") == Some(name))),
        ("tag", Some(pair)) => {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| SelectorError::new(format!("`{text}` is not of the form `tag/KEY=VALUE`")))?;
            whole(by_tag(network, scope, |tags| tag(tags, key) == Some(value)))
        }
        _ => {
            if let Ok(address) = text.parse::<IpAddr>() {
                address_selector(network, scope, text, address, &view, source)?
            } else if let Ok(net) = text.parse::<IpNet>() {
                if net.trunc() != net {
                    let hint = net.trunc().to_string();
                    return Err(SelectorError::with(format!("`{text}` has host bits set"), [hint]));
                }
                // VPCs may share a CIDR; the source's own comes first.
                let own = view.place.filter(|&vpc| {
                    !source
                        && network.vpcs.get(vpc).contains(net.network())
                        && network.vpcs.get(vpc).contains(net.broadcast())
                });
                cidr_selector(network, Scope { vpc: scope.vpc.or(own), ..scope }, net)
            } else if text.contains('/') && text.split('/').next().is_some_and(|a| a.parse::<IpAddr>().is_ok()) {
                return Err(SelectorError::new(format!("`{text}` is not a CIDR")));
            } else {
                whole(by_id(network, scope, text)?)
            }
        }
    };
    if found.is_empty() { Err(nothing()) } else { Ok(found) }
}

/// A pod whose address no interface has lives on an overlay network. What its node makes of the source address is the
/// overlay's business and not in the snapshot; to it, the VPC has no route (S13).
fn overlay(pod: Endpoint, source: bool) -> Endpoint {
    let Endpoint::Outside(outside) = &pod else { return pod };
    if !source {
        return pod;
    }
    let name = outside.addresses.first().map_or_else(|| "pod".to_owned(), |address| address.to_string());
    let note = "which address an overlay network gives what its pods send";
    unresolved(&name, Code::UnsupportedComponent, "EK-34", note, None).endpoint
}

enum Qualifier<'s> {
    Cluster(&'s str),
    Vpc(&'s str),
}

/// `cluster/NAME/SELECTOR` and `vpc-…/SELECTOR`.
fn qualified(text: &str) -> Option<(Qualifier<'_>, &str)> {
    let (head, rest) = text.split_once('/')?;
    if head == "cluster" {
        let (name, selector) = rest.split_once('/')?;
        return Some((Qualifier::Cluster(name), selector));
    }
    head.starts_with("vpc-").then_some((Qualifier::Vpc(head), rest))
}

/// Whether a qualified scope leaves an interface in.
fn in_scope(network: &Network, scope: Scope<'_>, idx: Idx<NetworkInterface>) -> bool {
    scope.vpc.is_none() || network.interfaces.get(idx).vpc.as_ref().and_then(Ref::known) == scope.vpc
}

fn node_endpoints(
    network: &Network,
    scope: Scope<'_>,
    text: &str,
    group: Option<&str>,
) -> Result<Vec<Endpoint>, SelectorError> {
    let cluster = roles::one_cluster(network, scope.cluster, text)?;
    let nodes = roles::nodes(network, &cluster.name, group);
    if nodes.is_empty() {
        let groups = roles::node_groups(network, &cluster.name).into_iter().map(|group| format!("node/{group}"));
        return Err(SelectorError::with(
            format!("`{text}` matches no running node of cluster `{}`", cluster.name),
            groups,
        ));
    }
    let endpoints = nodes.into_iter().filter_map(|node| instance_endpoint(network, node));
    Ok(endpoints.filter(|endpoint| endpoint.interface().is_none_or(|idx| in_scope(network, scope, idx))).collect())
}

/// `node`, `i-…`: the primary address of the primary interface.
fn instance_endpoint(network: &Network, instance: Idx<Instance>) -> Option<Endpoint> {
    let list = &network.instances.get(instance).interfaces;
    let idx = host::primary_interface(network, instance).or_else(|| list.first().copied())?;
    Some(Endpoint::primary(network, idx))
}

fn control_plane_endpoints(network: &Network, cluster: &Cluster) -> Result<Vec<Endpoint>, SelectorError> {
    let interfaces = roles::control_plane(network, &cluster.name);
    if interfaces.is_empty() {
        return Err(names::no_control_plane(&cluster.name));
    }
    Ok(interfaces.into_iter().map(|idx| Endpoint::primary(network, idx)).collect())
}

fn pod_by_name(network: &Network, scope: Scope<'_>, text: &str, rest: &str) -> Result<Endpoint, SelectorError> {
    let (namespace, name) = rest
        .split_once('/')
        .ok_or_else(|| SelectorError::new(format!("`{text}` is not of the form `pod/NAMESPACE/NAME`")))?;
    if !network.kubernetes.has_pods {
        let call = Some(Call::KubectlGet);
        return Ok(unresolved(text, Code::NotCollected, "EK-63", "the pod's address", call).endpoint);
    }
    let pods = &network.kubernetes.pods;
    let exact = pods.iter().find(|pod| &*pod.namespace == namespace && &*pod.name == name);
    let prefixed: Vec<_> =
        pods.iter().filter(|pod| &*pod.namespace == namespace && pod.name.starts_with(name)).collect();
    let pod = match (exact, prefixed.as_slice()) {
        (Some(pod), _) => pod,
        (None, [pod]) => *pod,
        (None, []) => {
            let near = pods.iter().filter(|p| p.name.contains(name) || &*p.namespace == namespace);
            let near = near.map(|pod| format!("pod/{}/{}", pod.namespace, pod.name));
            return Err(SelectorError::with(format!("`{text}` matches no pod of the snapshot"), near));
        }
        (None, many) => {
            let names = many.iter().map(|pod| format!("pod/{}/{}", pod.namespace, pod.name));
            return Err(SelectorError::with(format!("`{text}` is ambiguous: {} pods begin so", many.len()), names));
        }
    };
    if !pod.running {
        return Err(SelectorError::new(format!("pod `{namespace}/{}` is not running", pod.name)));
    }
    let cluster =
        roles::one_cluster(network, scope.cluster, text).unwrap_or(Cluster { name: "".into(), vpc: scope.vpc });
    roles::pod_endpoint(network, &cluster, pod)
        .ok_or_else(|| SelectorError::new(format!("pod `{namespace}/{}` has no address yet", pod.name)))
}

fn service_by_name(network: &Network, rest: &str, place: Option<Idx<Vpc>>) -> Vec<Destination> {
    let name = format!("svc/{rest}");
    let found = rest.split_once('/').and_then(|(namespace, name)| {
        network.kubernetes.services.iter().find(|s| &*s.namespace == namespace && &*s.name == name)
    });
    match found {
        Some(service) => names::service(network, service, place),
        None if network.kubernetes.services.is_empty() => {
            let call = Some(Call::KubectlGet);
            vec![unresolved(&name, Code::NotCollected, "EK-42", "the endpoints behind it", call)]
        }
        None => Vec::new(),
    }
}

/// `lb/NAME`: one endpoint per node of the load balancer.
fn load_balancer(network: &Network, name: &str) -> Result<Vec<Destination>, SelectorError> {
    let exact: Vec<_> = network.load_balancers.iter().filter(|lb| &*lb.name == name).collect();
    let Some(balancer) = exact.first() else {
        let names = network.load_balancers.iter().map(|lb| format!("lb/{}", lb.name));
        return Err(SelectorError::with(format!("no load balancer named `{name}` is in the snapshot"), names));
    };
    if balancer.interfaces.is_empty() {
        let note = "a load balancer whose interfaces are not in the snapshot";
        return Ok(vec![unresolved(&format!("lb/{name}"), Code::UnsupportedComponent, "LB-1", note, None)]);
    }
    Ok(balancer.interfaces.iter().map(|&idx| Endpoint::primary(network, idx).into()).collect())
}

/// Instances with the tag, and interfaces with it that belong to none of them.
fn by_tag(network: &Network, scope: Scope<'_>, matches: impl Fn(&reach_model::network::Tags) -> bool) -> Vec<Endpoint> {
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for (idx, instance) in network.instances.iter().filter(|(_, instance)| instance.is_live()) {
        if matches(&instance.tags) {
            endpoints.extend(instance_endpoint(network, idx));
        }
    }
    for (idx, interface) in network.interfaces.iter() {
        if interface.instance().is_none() && matches(&interface.tags) && takes_part(network, idx) {
            endpoints.push(Endpoint::primary(network, idx));
        }
    }
    endpoints.retain(|endpoint| endpoint.interface().is_none_or(|idx| in_scope(network, scope, idx)));
    endpoints
}

/// Whether an interface can start or receive traffic: not a translator's, not of a stopped instance.
fn takes_part(network: &Network, idx: Idx<NetworkInterface>) -> bool {
    let interface = network.interfaces.get(idx);
    !matches!(interface.kind, InterfaceKind::NatGateway | InterfaceKind::TransitGateway)
        && host::liveness(network, interface) != Liveness::Dead
        && !interface.addresses.is_empty()
}

/// A literal address: the interface that owns it, a service address, or an address outside.
fn address_selector(
    network: &Network,
    scope: Scope<'_>,
    text: &str,
    address: IpAddr,
    view: &View<'_>,
    source: bool,
) -> Result<Vec<Destination>, SelectorError> {
    let own = |idx: Idx<NetworkInterface>| vec![Endpoint::address(idx, address).into()];
    let literal = || outsider(network, address);
    if let Some(vpc) = scope.vpc.or(view.place)
        && network.vpcs.get(vpc).contains(address)
    {
        return Ok(network.addresses.owner(vpc, address).map_or_else(literal, own));
    }
    if source
        && let IpAddr::V4(v4) = address
        && let Some((idx, private)) = network.addresses.owner_of_public(v4)
    {
        return Ok(vec![Endpoint::address(idx, private).into()]);
    }
    if !source && let Some(found) = names::cluster_ip(network, address, view.place) {
        return Ok(found);
    }
    let owners = network.addresses.owners_anywhere(address);
    match owners.as_slice() {
        [] => Ok(literal()),
        [one] => Ok(own(*one)),
        // The routes of a source inside a VPC lead to one of them.
        _ if !source && !view.outside => Ok(literal()),
        many => {
            let vpcs = many.iter().filter_map(|&idx| network.interfaces.get(idx).vpc.as_ref());
            let candidates = vpcs.map(|vpc| format!("{}/{text}", vpc.id(&network.vpcs)));
            Err(SelectorError::with(format!("`{text}` is ambiguous: {} interfaces have it", many.len()), candidates))
        }
    }
}

/// A host outside. Where interfaces are left out of the snapshot, a public address that none of the others has may be one
/// of theirs, behind rules that nobody sees (M-4).
fn outsider(network: &Network, address: IpAddr) -> Vec<Destination> {
    let known = match address {
        IpAddr::V4(v4) => network.addresses.owner_of_public(v4).is_some(),
        IpAddr::V6(_) => false,
    } || !network.vpcs_of(address).is_empty();
    if known || is_private_address(address) || !network.may_own_elsewhere() {
        return vec![Endpoint::literal(address).into()];
    }
    let call = Some(Call::DescribeNetworkInterfaces);
    vec![unresolved(&address.to_string(), Code::NotCollected, "M-4", "whose address it is", call)]
}

/// A CIDR: every address and delegated prefix in it; a range outside where it holds none.
fn cidr_selector(network: &Network, scope: Scope<'_>, net: IpNet) -> Vec<Destination> {
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for (idx, interface) in network.interfaces.iter() {
        if !in_scope(network, scope, idx) || !takes_part(network, idx) {
            continue;
        }
        let addresses = interface.addresses.iter().filter(|address| net.contains(&address.ip));
        endpoints.extend(addresses.map(|address| Endpoint::address(idx, address.ip)));
        // A range that is narrower than a delegated prefix is the part of it that it names.
        let common = |prefix: &IpNet| match (net.contains(prefix), prefix.contains(&net)) {
            (true, _) => Some(*prefix),
            (_, true) => Some(net),
            _ => None,
        };
        let prefixes = interface.prefixes.iter().filter_map(common);
        endpoints.extend(prefixes.map(|net| Endpoint::Prefix { interface: idx, net }));
    }
    if endpoints.is_empty() && network.vpcs_of(net.network()).is_empty() {
        endpoints.push(range(None, IpSet::from(net)));
    }
    endpoints.into_iter().map(Into::into).collect()
}

fn range(name: Option<Box<str>>, addresses: IpSet) -> Endpoint {
    Endpoint::Outside(Arc::new(Outside { name, addresses, by_default_range: false, admission: None }))
}

/// An id or an unambiguous prefix of one.
fn by_id(network: &Network, scope: Scope<'_>, text: &str) -> Result<Vec<Endpoint>, SelectorError> {
    let members = |keep: &dyn Fn(&NetworkInterface) -> bool| -> Vec<Endpoint> {
        let interfaces = network.interfaces.iter().filter(|(idx, e)| keep(e) && takes_part(network, *idx));
        interfaces.map(|(idx, _)| Endpoint::primary(network, idx)).collect()
    };
    let kind = text.split_once('-').map_or("", |(kind, _)| kind);
    let endpoints = match kind {
        "i" => match find_one(&network.instances, text) {
            Ok(instance) => instance_endpoint(network, instance).into_iter().collect(),
            // An interface may name an instance that was not collected.
            Err(error) => {
                let of_instance = |e: &NetworkInterface| {
                    e.is_primary_interface() && e.instance().is_some_and(|i| i.id(&network.instances).as_str() == text)
                };
                let found = members(&of_instance);
                if found.is_empty() {
                    return Err(error);
                }
                found
            }
        },
        "eni" => vec![Endpoint::primary(network, find_one(&network.interfaces, text)?)],
        "subnet" => {
            let subnet = Ref::Known(find_one(&network.subnets, text)?);
            members(&|e| e.subnet.as_ref() == Some(&subnet))
        }
        "sg" => {
            let group = Ref::Known(find_one(&network.groups, text)?);
            members(&|e| e.groups.contains(&group))
        }
        "vpc" => {
            let vpc = Ref::Known(find_one(&network.vpcs, text)?);
            members(&|e| e.vpc.as_ref() == Some(&vpc))
        }
        "vpce" => endpoint_addresses(network, find_one(&network.endpoints, text)?),
        "nat" => {
            let nat = network.nat_gateways.get(find_one(&network.nat_gateways, text)?);
            let interfaces = nat.addresses.iter().filter_map(|a| a.interface.as_ref().and_then(Ref::known));
            interfaces.map(|idx| Endpoint::primary(network, idx)).collect()
        }
        "pl" => {
            let list = network.prefix_lists.get(find_one(&network.prefix_lists, text)?);
            match &list.cidrs {
                Some(cidrs) => {
                    let mut found: Vec<Endpoint> = Vec::new();
                    for destination in cidrs.iter().flat_map(|&net| cidr_selector(network, scope, net)) {
                        if !found.contains(&destination.endpoint) {
                            found.push(destination.endpoint);
                        }
                    }
                    found
                }
                None => {
                    let call = Some(Call::GetManagedPrefixListEntries);
                    vec![unresolved(text, Code::NotCollected, "SG-17", "its entries", call).endpoint]
                }
            }
        }
        _ => {
            let message = format!("`{text}` is not a selector");
            return Err(SelectorError::with(message, suggestions(network, text)));
        }
    };
    Ok(endpoints
        .into_iter()
        .filter(|endpoint| endpoint.interface().is_none_or(|idx| in_scope(network, scope, idx)))
        .collect())
}

/// An interface endpoint's interfaces; a gateway endpoint stands for the service's public ranges (PL-9).
fn endpoint_addresses(network: &Network, idx: Idx<reach_model::network::VpcEndpoint>) -> Vec<Endpoint> {
    let endpoint = network.endpoints.get(idx);
    if endpoint.kind == EndpointKind::Gateway {
        let lists = network.prefix_lists.iter().filter(|(_, list)| list.name.as_deref() == Some(&*endpoint.service));
        let nets: Vec<IpNet> = lists.flat_map(|(_, list)| list.cidrs.iter().flatten().copied()).collect();
        if nets.is_empty() {
            let call = Some(Call::GetManagedPrefixListEntries);
            return vec![
                unresolved(endpoint.id.as_str(), Code::NotCollected, "PL-9", "the service's ranges", call).endpoint,
            ];
        }
        return vec![range(Some(endpoint.id.as_str().into()), nets.into_iter().collect())];
    }
    let known = endpoint.interfaces.iter().filter_map(Ref::known);
    known.map(|idx| Endpoint::primary(network, idx)).collect()
}

/// The resource with this id, or with an id that begins so and no other.
fn find_one<T: Resource>(table: &Table<T>, text: &str) -> Result<Idx<T>, SelectorError> {
    let mut exact = None;
    let mut prefixed: Vec<(String, Idx<T>)> = Vec::new();
    for (idx, item) in table.iter() {
        let id = item.id().to_string();
        if id == text {
            exact.get_or_insert(idx);
        } else if id.starts_with(text) {
            prefixed.push((id, idx));
        }
    }
    match (exact, prefixed.as_slice()) {
        (Some(idx), _) => Ok(idx),
        (None, [(_, idx)]) => Ok(*idx),
        (None, []) => {
            let stem = text.get(..text.len().min(8)).unwrap_or(text);
            let near = table.iter().map(|(_, item)| item.id().to_string()).filter(|id| id.starts_with(stem));
            Err(SelectorError::with(format!("`{text}` matches nothing in the snapshot"), near))
        }
        (None, many) => Err(SelectorError::with(
            format!("`{text}` is ambiguous: {} ids begin so", many.len()),
            many.iter().map(|(id, _)| id.clone()),
        )),
    }
}

/// What a person may have meant by a word that is no selector.
fn suggestions(network: &Network, text: &str) -> Vec<String> {
    let lower = text.to_ascii_lowercase();
    let mut list: Vec<String> = Vec::new();
    for (_, instance) in network.instances.iter() {
        if let Some(name) = instance.name.as_deref()
            && (name.eq_ignore_ascii_case(text) || name.to_ascii_lowercase().contains(&lower))
        {
            list.push(format!("name/{name}"));
        }
    }
    list.extend(
        network.load_balancers.iter().filter(|lb| lb.name.contains(&lower)).map(|lb| format!("lb/{}", lb.name)),
    );
    if list.is_empty() {
        list = [
            "node",
            "controlplane",
            "pod",
            "apiserver",
            "internet",
            "aws/s3",
            "name/NAME",
            "tag/KEY=VALUE",
            "i-…",
            "eni-…",
        ]
        .map(str::to_owned)
        .to_vec();
    }
    list
}
