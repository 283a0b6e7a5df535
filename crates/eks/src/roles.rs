//! Who plays which part in a cluster: nodes, control-plane interfaces, pods.

use std::collections::BTreeSet;
use std::net::IpAddr;

use reach_engine::endpoint::Endpoint;
use reach_engine::host;
use reach_model::network::{Idx, Instance, InterfaceKind, NetworkInterface, Pod, Ref, Vpc, tag};
use reach_model::{Call, Network};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::SelectorError;

/// A cluster by name; described, or known only by what carries its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// Its name.
    pub name: Box<str>,
    /// Its VPC, where the snapshot tells.
    pub vpc: Option<Idx<Vpc>>,
}

/// The clusters of the snapshot: those that `eks describe-cluster` described, else those that control-plane interfaces
/// and node tags name.
pub fn clusters(network: &Network) -> Vec<Cluster> {
    if !network.clusters.is_empty() {
        let described = network.clusters.iter();
        return described
            .map(|(_, c)| Cluster { name: c.name.clone(), vpc: c.vpc.as_ref().and_then(Ref::known) })
            .collect();
    }
    let mut names: BTreeSet<Box<str>> = BTreeSet::new();
    names.extend(network.interfaces.iter().filter_map(|(_, e)| host::control_plane_of(network, e)));
    names.extend(network.instances.iter().filter_map(|(_, i)| host::cluster_name(i)).map(Box::from));
    let vpc = |name: &str| {
        let of_plane =
            network.interfaces.iter().find(|(_, e)| host::control_plane_of(network, e).as_deref() == Some(name));
        of_plane.and_then(|(_, e)| e.vpc.as_ref()).and_then(Ref::known)
    };
    names.into_iter().map(|name| Cluster { vpc: vpc(&name), name }).collect()
}

/// The one cluster that a role without a cluster's name means.
pub(crate) fn one_cluster(network: &Network, wanted: Option<&str>, selector: &str) -> Result<Cluster, SelectorError> {
    let all = clusters(network);
    let qualified = |c: &Cluster| format!("cluster/{}/{selector}", c.name);
    if let Some(wanted) = wanted {
        let exact = all.iter().find(|c| &*c.name == wanted);
        return exact.cloned().ok_or_else(|| {
            let names = all.iter().map(|c| c.name.to_string());
            SelectorError::with(format!("no cluster named `{wanted}` is in the snapshot"), names)
        });
    }
    match all.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(SelectorError::new(format!(
            "`{selector}` needs an EKS cluster, and the snapshot holds none (`aws eks describe-cluster` describes one)"
        ))),
        many => Err(SelectorError::with(
            format!("`{selector}` is ambiguous: the snapshot holds {} clusters", many.len()),
            many.iter().map(qualified),
        )),
    }
}

/// The live nodes of a cluster, all or of one node group.
pub fn nodes(network: &Network, cluster: &str, group: Option<&str>) -> Vec<Idx<Instance>> {
    network
        .instances
        .iter()
        .filter(|(_, instance)| host::cluster_name(instance) == Some(cluster) && instance.is_live())
        .filter(|(_, instance)| group.is_none_or(|group| host::node_group(instance) == Some(group)))
        .map(|(idx, _)| idx)
        .collect()
}

/// The node groups of a cluster, for candidates.
pub(crate) fn node_groups(network: &Network, cluster: &str) -> BTreeSet<String> {
    let instances = network.instances.iter().filter(|(_, i)| host::cluster_name(i) == Some(cluster));
    instances.filter_map(|(_, instance)| host::node_group(instance)).map(str::to_owned).collect()
}

/// The control-plane interfaces of a cluster (EK-8, EK-9).
pub fn control_plane(network: &Network, cluster: &str) -> Vec<Idx<NetworkInterface>> {
    let interfaces = network.interfaces.iter();
    interfaces
        .filter(|(_, e)| host::control_plane_of(network, e).as_deref() == Some(cluster))
        .map(|(idx, _)| idx)
        .collect()
}

/// Which listed pods are a cluster's: lists of several clusters may lie in one snapshot, or the list of another one.
pub(crate) struct Listed<'n> {
    network: &'n Network,
    cluster: &'n Cluster,
    /// Instances by the names that Kubernetes gives its nodes.
    nodes: FxHashMap<&'n str, Idx<Instance>>,
    alone: bool,
}

impl<'n> Listed<'n> {
    pub(crate) fn new(network: &'n Network, cluster: &'n Cluster) -> Self {
        let by_dns = network.instances.iter().filter_map(|(idx, i)| Some((i.private_dns_name.as_deref()?, idx)));
        let by_provider = network
            .kubernetes
            .nodes
            .iter()
            .filter_map(|(name, instance)| Some((&**name, network.instances.find_text(instance.as_deref()?)?)));
        let nodes = by_dns.chain(by_provider).collect();
        Self { network, cluster, nodes, alone: clusters(network).len() == 1 }
    }

    /// Whether an address is of something of the cluster's: by its node, else by its VPC. `None` where nobody has it.
    pub(crate) fn owns(&self, address: IpAddr) -> Option<bool> {
        let owners = self.network.addresses.owners_anywhere(address);
        let of_cluster = |&idx: &Idx<NetworkInterface>| {
            let interface = self.network.interfaces.get(idx);
            let in_vpc = interface.vpc.as_ref().and_then(Ref::known) == self.cluster.vpc;
            match interface.instance().and_then(Ref::known) {
                // An instance without any cluster's tag may be a node of whichever cluster is there.
                Some(node) => host::cluster_name(self.network.instances.get(node))
                    .map_or(in_vpc, |name| name == &*self.cluster.name),
                None => in_vpc,
            }
        };
        (!owners.is_empty()).then(|| owners.iter().any(of_cluster))
    }

    /// Whether a pod's node can send and receive, as far as the snapshot tells.
    fn is_live(&self, pod: &Pod) -> bool {
        let node = pod.node.as_deref().and_then(|name| self.nodes.get(name));
        node.is_none_or(|&node| self.network.instances.get(node).is_live())
    }

    /// Whether a pod runs in the cluster; one that nothing places anywhere is taken to be, where there is just one.
    pub(crate) fn has(&self, pod: &Pod) -> bool {
        let node = pod.node.as_deref().and_then(|name| self.nodes.get(name));
        if let Some(&node) = node
            && let Some(name) = host::cluster_name(self.network.instances.get(node))
        {
            return name == &*self.cluster.name;
        }
        pod.addresses.iter().find_map(|&address| self.owns(address)).unwrap_or(self.alone)
    }
}

/// The pods of a cluster: the running ones of the kubectl lists, and every CNI address that no listed
/// pod explains unless the lists cover all nodes; without lists, every CNI address, delegated prefix, branch
/// interface and Fargate interface.
pub fn pods(network: &Network, cluster: &Cluster) -> Vec<Endpoint> {
    let nodes = nodes(network, &cluster.name, None);
    let listed = Listed::new(network, cluster);
    let mut endpoints: Vec<Endpoint> = Vec::new();
    let mut explained: FxHashSet<IpAddr> = FxHashSet::default();
    let mut of_cluster: Vec<&Pod> = Vec::new();
    for pod in network.kubernetes.pods.iter().filter(|pod| pod.running && listed.has(pod) && listed.is_live(pod)) {
        explained.extend(&pod.addresses);
        of_cluster.push(pod);
        if !pod.host_network
            && let Some(endpoint) = pod_endpoint(network, cluster, pod)
        {
            endpoints.push(endpoint);
        }
    }
    let unexplained = |interface: &NetworkInterface| {
        let explains = |address: &reach_model::network::InterfaceAddress| explained.contains(&address.ip);
        (interface.kind == InterfaceKind::Branch || is_fargate(interface)) && !interface.addresses.iter().any(explains)
    };
    let own = |interface: &NetworkInterface| interface.vpc.as_ref().and_then(Ref::known) == cluster.vpc;
    // An interface that a pod alone can have, and no listed pod has, tells that not all pods were listed.
    let whole = network.collected_for(cluster.vpc, Call::KubectlGet)
        && !network.interfaces.iter().any(|(_, interface)| own(interface) && unexplained(interface));
    if whole && !of_cluster.is_empty() && lists_cover(network, &nodes, &of_cluster) {
        return endpoints;
    }
    for &node in &nodes {
        for &idx in &network.instances.get(node).interfaces {
            cni_addresses(network, idx, &explained, &mut endpoints);
        }
    }
    for (idx, interface) in network.interfaces.iter().filter(|(_, e)| e.kind == InterfaceKind::Branch || is_fargate(e))
    {
        let node = host::host(network, interface).and_then(|id| network.instances.find(&id));
        let of_cluster =
            node.is_none_or(|node| host::cluster_name(network.instances.get(node)) == Some(&*cluster.name));
        let in_vpc = cluster.vpc.is_none() || interface.vpc.as_ref().and_then(Ref::known) == cluster.vpc;
        let listed = interface.addresses.iter().any(|address| explained.contains(&address.ip));
        if of_cluster && in_vpc && !listed {
            endpoints.push(Endpoint::primary(network, idx));
        }
    }
    endpoints
}

/// Whether an interface is a Fargate pod's (EK-50): EKS tags it with the profile that placed the pod.
pub(crate) fn is_fargate(interface: &NetworkInterface) -> bool {
    tag(&interface.tags, "eks:fargate-profile").is_some()
}

/// The secondary addresses and delegated prefixes of a node's interface that no listed pod explains.
fn cni_addresses(
    network: &Network,
    idx: Idx<NetworkInterface>,
    explained: &FxHashSet<IpAddr>,
    endpoints: &mut Vec<Endpoint>,
) {
    let interface = network.interfaces.get(idx);
    for address in interface.addresses.iter().filter(|address| address.ip.is_ipv4() && !address.primary) {
        if !explained.contains(&address.ip) {
            endpoints.push(Endpoint::address(idx, address.ip));
        }
    }
    endpoints.extend(interface.prefixes.iter().map(|&net| Endpoint::Prefix { interface: idx, net }));
}

/// Whether every node of the cluster is named by some listed pod: `kubectl get pods -A` names at least the CNI's own
/// pod on each.
fn lists_cover(network: &Network, nodes: &[Idx<Instance>], pods: &[&Pod]) -> bool {
    let names: FxHashSet<&str> = pods.iter().filter_map(|pod| pod.node.as_deref()).collect();
    let hosts: FxHashSet<IpAddr> =
        pods.iter().filter(|pod| pod.host_network).flat_map(|pod| pod.addresses.iter().copied()).collect();
    nodes.iter().all(|&node| {
        let instance = network.instances.get(node);
        let address = instance.interfaces.first().and_then(|&idx| network.interfaces.get(idx).primary()).map(|a| a.ip);
        instance.private_dns_name.as_deref().is_some_and(|name| names.contains(name))
            || address.is_some_and(|address| hosts.contains(&address))
    })
}

/// A listed pod's endpoint: the interface that owns its address, or the bare address where a CNI of another kind gave
/// it one that no VPC knows (S13).
pub(crate) fn pod_endpoint(network: &Network, cluster: &Cluster, pod: &Pod) -> Option<Endpoint> {
    let first = pod.addresses.first()?;
    let owners = network.addresses.owners_anywhere(*first);
    let in_vpc =
        |idx: &Idx<NetworkInterface>| network.interfaces.get(*idx).vpc.as_ref().and_then(Ref::known) == cluster.vpc;
    let owner =
        owners.iter().copied().find(|idx| cluster.vpc.is_some() && in_vpc(idx)).or_else(|| owners.first().copied());
    let Some(interface) = owner else { return Some(Endpoint::literal(*first)) };
    let owns = |address: &&IpAddr| network.interfaces.get(interface).owns(**address);
    let v4 = pod.addresses.iter().filter(owns).find(|a| a.is_ipv4()).copied();
    let v6 = pod.addresses.iter().filter(owns).find(|a| a.is_ipv6()).copied();
    Some(Endpoint::Interface { interface, v4, v6 })
}
