//! What happens before a packet reaches an interface, and after it left one: instances, nodes, pods, the CNI.

use std::net::IpAddr;

use reach_model::Call;
use reach_model::ids::InstanceId;
use reach_model::network::{Cluster, Idx, Instance, InterfaceKind, Network, NetworkInterface, Pod, Ref, tag};

/// Whether the owner of an interface can send and receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// It can.
    Live,
    /// The instance is stopped or terminated, or the interface hangs on nothing.
    Dead,
    /// The instance is not in the snapshot: the call would tell.
    Unknown(Call),
}

/// Judges an interface by its instance (API-4: the interface stays attached while the instance is stopped).
pub fn liveness(network: &Network, interface: &NetworkInterface) -> Liveness {
    match interface.instance() {
        Some(Ref::Known(instance)) if network.instances.get(*instance).is_live() => Liveness::Live,
        Some(Ref::Known(_)) => Liveness::Dead,
        Some(Ref::Missing(_)) => {
            let owner = interface.attachment.as_ref().and_then(|a| a.instance_owner.as_deref());
            // A service's instance in an account of AWS's own is never listed.
            let foreign = owner.is_some() && interface.owner.is_some() && owner != interface.owner.as_deref();
            if foreign { Liveness::Live } else { Liveness::Unknown(Call::DescribeInstances) }
        }
        None if interface.kind == InterfaceKind::Branch => {
            let trunk = interface.trunk.as_ref().and_then(|id| network.interfaces.find(id));
            trunk.map_or(Liveness::Live, |trunk| liveness(network, network.interfaces.get(trunk)))
        }
        // An unattached interface carries its groups but sends nothing (SG-18).
        None if interface.attachment.is_none() && interface.status.as_deref() == Some("available") => Liveness::Dead,
        None => Liveness::Live,
    }
}

/// The instance whose kernel an interface belongs to: a branch interface's is its trunk's, or its pod's node.
pub fn host(network: &Network, interface: &NetworkInterface) -> Option<InstanceId> {
    if let Some(instance) = interface.instance() {
        return Some(instance.id(&network.instances).clone());
    }
    if let Some(trunk) = &interface.trunk {
        let trunk = network.interfaces.find(trunk)?;
        return network.interfaces.get(trunk).instance().map(|instance| instance.id(&network.instances).clone());
    }
    if interface.kind != InterfaceKind::Branch {
        return None;
    }
    // Without the trunk associations the pod that has the address tells its node.
    let has = |pod: &&Pod| pod.addresses.iter().any(|address| interface.owns(*address));
    let node = network.kubernetes.pods.iter().find(has)?.node.as_ref()?;
    let named = network.instances.iter().find(|(_, instance)| instance.private_dns_name.as_deref() == Some(&**node));
    named.map(|(_, instance)| instance.id.clone())
}

/// Whether two interfaces belong to the kernel of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colocation {
    /// They do.
    Same,
    /// They do not; what hangs on no instance shares none.
    Apart,
    /// The node of a pod's branch interface is not in the snapshot.
    Unseen,
}

/// Judges two interfaces by their hosts.
pub fn colocation(network: &Network, a: &NetworkInterface, b: &NetworkInterface) -> Colocation {
    let unseen = |interface: &NetworkInterface| interface.kind == InterfaceKind::Branch;
    match (host(network, a), host(network, b)) {
        (Some(a), Some(b)) if a == b => Colocation::Same,
        (None, Some(_)) if unseen(a) => Colocation::Unseen,
        (Some(_), None) if unseen(b) => Colocation::Unseen,
        (None, None) if unseen(a) && unseen(b) => Colocation::Unseen,
        _ => Colocation::Apart,
    }
}

/// The name of the cluster that an instance is a node of, by its tags.
pub fn cluster_name(instance: &Instance) -> Option<&str> {
    for key in ["eks:cluster-name", "aws:eks:cluster-name"] {
        if let Some(name) = tag(&instance.tags, key) {
            return Some(name);
        }
    }
    instance.tags.iter().find_map(|(key, _)| key.strip_prefix("kubernetes.io/cluster/"))
}

/// The node group of a node, by the tags of the tools that make node groups.
pub fn node_group(instance: &Instance) -> Option<&str> {
    ["eks:nodegroup-name", "alpha.eksctl.io/nodegroup-name", "karpenter.sh/nodepool", "aws:autoscaling:groupName"]
        .into_iter()
        .find_map(|key| tag(&instance.tags, key))
}

/// A pod's place: the node that carries it and how its packets reach the wire.
#[derive(Debug, Clone, Copy)]
pub struct PodPlace<'n> {
    /// The node.
    pub node: Option<Idx<Instance>>,
    /// The cluster, where the snapshot holds it.
    pub cluster: Option<&'n Cluster>,
    /// Whether the pod has a branch interface of its own (EK-46).
    pub branch: bool,
    /// Whether the node runs Windows (EK-41).
    pub windows: bool,
}

/// Tells whether `address` on `interface` is a pod's: a secondary address or delegated prefix of a node's interface
/// (EK-34, EK-35), or a branch interface (EK-46). The primary address of any other interface is the node's own.
pub fn pod_place<'n>(network: &'n Network, interface: &NetworkInterface, address: IpAddr) -> Option<PodPlace<'n>> {
    if interface.kind == InterfaceKind::Branch {
        let node = host(network, interface).and_then(|id| network.instances.find(&id));
        let name = node.and_then(|node| cluster_name(network.instances.get(node)));
        let cluster = find_cluster(network, name).or_else(|| only_cluster_of(network, interface));
        return Some(PodPlace { node, cluster, branch: true, windows: false });
    }
    let node = interface.instance().and_then(Ref::known)?;
    let instance = network.instances.get(node);
    let name = cluster_name(instance)?;
    let own = interface.addresses.iter().find(|own| own.ip == address);
    let of_pod = match own {
        Some(own) if address.is_ipv4() => !own.primary,
        // A node's IPv6 addresses are its own; pods of IPv6 clusters live in delegated prefixes (EK-40).
        Some(_) => false,
        None => interface.prefixes.iter().any(|net| net.contains(&address)),
    };
    of_pod.then(|| PodPlace {
        node: Some(node),
        cluster: find_cluster(network, Some(name)),
        branch: false,
        windows: instance.windows,
    })
}

/// The one cluster of an interface's VPC, where there is just one.
fn only_cluster_of<'n>(network: &'n Network, interface: &NetworkInterface) -> Option<&'n Cluster> {
    let mut of_vpc =
        network.clusters.iter().filter(|(_, cluster)| cluster.vpc.is_some() && cluster.vpc == interface.vpc);
    let (_, first) = of_vpc.next()?;
    of_vpc.next().is_none().then_some(first)
}

fn find_cluster<'n>(network: &'n Network, name: Option<&str>) -> Option<&'n Cluster> {
    let idx = network.clusters.find(&name?.into())?;
    Some(network.clusters.get(idx))
}

/// The primary interface of a node.
pub fn primary_interface(network: &Network, node: Idx<Instance>) -> Option<Idx<NetworkInterface>> {
    let list = &network.instances.get(node).interfaces;
    list.iter()
        .copied()
        .find(|&idx| network.interfaces.get(idx).is_primary_interface())
        .or_else(|| list.first().copied().filter(|_| list.len() == 1))
}

/// The cluster whose control plane an interface belongs to (EK-9): the description names it, or the requester is EKS.
///
/// `RequesterManaged` is never looked at: published answers show `false` where the documents say otherwise.
pub fn control_plane_of(network: &Network, interface: &NetworkInterface) -> Option<Box<str>> {
    if interface.instance().is_some() {
        return None;
    }
    if let Some(name) = interface.description.strip_prefix("Amazon EKS ").filter(|name| !name.is_empty()) {
        return Some(name.trim().into());
    }
    if !interface.requester_id.as_deref().is_some_and(|id| id.ends_with(":AmazonEKS")) {
        return None;
    }
    // Without a description the cluster security group tells whose it is.
    let of_group = |cluster: &Cluster| cluster.security_group.as_ref().is_some_and(|g| interface.groups.contains(g));
    network.clusters.iter().find(|(_, cluster)| of_group(cluster)).map(|(_, cluster)| cluster.name.clone())
}
