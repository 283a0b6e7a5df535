//! Who is at the other side of a gate, as the gate sees it: interfaces, addresses, CIDRs.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use reach_model::network::{
    AttachmentKind, Direction, Idx, InterfaceKind, Network, NetworkInterface, PrefixList, Ref, Subnet, Vpc,
};
use reach_packets::Family;

use crate::endpoint::Endpoint;
use crate::host;

/// More CIDRs of subnets than this are told as the VPC's.
const SUBNETS: usize = 3;

/// More CIDRs of an outside than this are told as the whole family.
const OUTSIDE: usize = 8;

/// The other side of a gate.
#[derive(Debug, Clone, Default)]
pub(super) struct Remote {
    /// The interfaces whose own addresses are seen; empty where some are not an interface's.
    pub(super) interfaces: BTreeSet<Idx<NetworkInterface>>,
    /// The addresses that are seen, with the interface that has each.
    pub(super) addresses: BTreeSet<(IpNet, Option<Idx<NetworkInterface>>)>,
    /// What is seen of the outside.
    pub(super) outside: BTreeSet<IpNet>,
    /// The lists of the services that are meant.
    pub(super) lists: BTreeSet<Idx<PrefixList>>,
}

/// All addresses of a family.
pub(super) fn everywhere(family: Family) -> Option<IpNet> {
    let text = if family == Family::V4 { "0.0.0.0/0" } else { "::/0" };
    text.parse().ok()
}

/// The subnet of an interface.
pub(super) fn subnet_of(network: &Network, interface: Idx<NetworkInterface>) -> Option<Idx<Subnet>> {
    network.interfaces.get(interface).subnet.as_ref().and_then(Ref::known)
}

/// The VPC of an interface.
pub(super) fn vpc_of(network: &Network, interface: Idx<NetworkInterface>) -> Option<Idx<Vpc>> {
    network.interfaces.get(interface).vpc.as_ref().and_then(Ref::known)
}

/// The addresses of an end in a family, as CIDRs.
fn own_nets(endpoint: &Endpoint, family: Family) -> Vec<IpNet> {
    match endpoint {
        Endpoint::Interface { v4, v6, .. } => {
            let address = if family == Family::V4 { v4 } else { v6 };
            address.iter().map(|address| IpNet::from(*address)).collect()
        }
        Endpoint::Prefix { net, .. } if Family::of(net.addr()) == family => vec![*net],
        _ => Vec::new(),
    }
}

/// AWS's own lists of a service: `aws/s3` and `com.amazonaws.us-east-1.s3`.
fn lists_of(network: &Network, name: &str, family: Family) -> Vec<Idx<PrefixList>> {
    let Some(service) = name.strip_prefix("aws/") else { return Vec::new() };
    let named = |text: &str| {
        let rest = text.strip_prefix("com.amazonaws.").and_then(|rest| rest.split_once('.'));
        rest.is_some_and(|(_, label)| label == service)
    };
    let lists = network.prefix_lists.iter().filter(|(_, list)| {
        list.name.as_deref().is_some_and(named)
            && list.cidrs.iter().flatten().any(|net| Family::of(net.addr()) == family)
    });
    lists.map(|(idx, _)| idx).collect()
}

impl Remote {
    /// The other side of a gate at which packets of a group look like `seen`: every end's own addresses where the one
    /// that was told of is an end's own, else the address that was seen, which a translator gave it.
    pub(super) fn of(network: &Network, ends: &[Endpoint], seen: IpAddr) -> Self {
        let family = Family::of(seen);
        let mut remote = Self::default();
        let holds = |end: &Endpoint| match end {
            Endpoint::Outside(outside) => outside.addresses.contains(seen),
            _ => own_nets(end, family).iter().any(|net| net.contains(&seen)),
        };
        if ends.iter().any(holds) {
            for end in ends {
                remote.add(network, end, family);
            }
            return remote;
        }
        // The CNI gave pods the address of their node (EK-37).
        let nodes: Option<Vec<Idx<NetworkInterface>>> = ends.iter().map(|end| node_of(network, end)).collect();
        let owners = network.addresses.owners_anywhere(seen);
        if let (Some(nodes), [owner]) = (nodes, &owners[..])
            && nodes.contains(owner)
        {
            for node in nodes {
                let end = Endpoint::primary(network, node);
                remote.add(network, &end, family);
            }
            return remote;
        }
        remote.addresses.insert((IpNet::from(seen), owners.first().copied().filter(|_| owners.len() == 1)));
        remote
    }

    fn add(&mut self, network: &Network, end: &Endpoint, family: Family) {
        match end {
            Endpoint::Outside(outside) => {
                let all = everywhere(family);
                let lists = outside.name.as_deref().map_or_else(Vec::new, |name| lists_of(network, name, family));
                if !lists.is_empty() {
                    self.lists.extend(lists);
                    return;
                }
                let nets = outside.addresses.of_family(family).cidrs();
                if outside.by_default_range || nets.len() > OUTSIDE {
                    self.outside.extend(all);
                } else {
                    self.outside.extend(nets);
                }
            }
            Endpoint::Interface { interface, .. } | Endpoint::Prefix { interface, .. } => {
                self.interfaces.insert(*interface);
                self.addresses.extend(own_nets(end, family).into_iter().map(|net| (net, Some(*interface))));
            }
            Endpoint::Unresolved(_) => {}
        }
    }

    /// Takes in another.
    pub(super) fn merge(&mut self, other: &Self) {
        self.interfaces.extend(&other.interfaces);
        self.addresses.extend(&other.addresses);
        self.outside.extend(&other.outside);
        self.lists.extend(&other.lists);
    }

    /// As few CIDRs as people would write: the address where there is one (its subnet for a network ACL), else the
    /// subnets, else the VPC.
    pub(super) fn nets(&self, network: &Network, by_subnet: bool) -> Vec<IpNet> {
        let mut nets: BTreeSet<IpNet> = self.outside.clone();
        if let (Some((net, _)), 1, false) = (self.addresses.first(), self.addresses.len(), by_subnet) {
            nets.insert(*net);
            return nets.into_iter().collect();
        }
        let mut subnets: BTreeSet<(IpNet, Option<Idx<Vpc>>)> = BTreeSet::new();
        for (net, interface) in &self.addresses {
            let address = net.addr();
            let subnet = match interface {
                Some(interface) => subnet_of(network, *interface),
                None => network.vpcs_of(address).into_iter().find_map(|vpc| network.subnet_of(vpc, address)),
            };
            let of_subnet = subnet.and_then(|subnet| {
                let subnet = network.subnets.get(subnet);
                let cidr = subnet.cidrs().find(|cidr| cidr.contains(net))?;
                Some((cidr, subnet.vpc.as_ref().and_then(Ref::known)))
            });
            subnets.insert(of_subnet.unwrap_or((*net, None)));
        }
        if subnets.len() > SUBNETS {
            subnets = subnets.into_iter().map(|(net, vpc)| (vpc_net(network, net, vpc), vpc)).collect();
        }
        nets.extend(subnets.into_iter().map(|(net, _)| net));
        IpNet::aggregate(&nets.into_iter().collect())
    }
}

/// The CIDR of a VPC that holds a subnet's.
fn vpc_net(network: &Network, net: IpNet, vpc: Option<Idx<Vpc>>) -> IpNet {
    let Some(vpc) = vpc.map(|vpc| network.vpcs.get(vpc)) else { return net };
    let v4 = vpc.cidrs_v4.iter().copied().map(IpNet::V4);
    v4.chain(vpc.cidrs_v6.iter().copied().map(IpNet::V6)).find(|cidr| cidr.contains(&net)).unwrap_or(net)
}

/// The primary interface of the node that carries a pod.
fn node_of(network: &Network, end: &Endpoint) -> Option<Idx<NetworkInterface>> {
    let interface = network.interfaces.get(end.interface()?);
    let node = network.instances.find(&host::host(network, interface)?)?;
    host::primary_interface(network, node)
}

/// Whether a rule of `local` in `direction` may refer to a group of `remote` (SG-19).
pub(super) fn reference_works(
    network: &Network,
    local: Idx<NetworkInterface>,
    remote: Idx<NetworkInterface>,
    direction: Direction,
) -> bool {
    let (Some(here), Some(there)) = (vpc_of(network, local), vpc_of(network, remote)) else { return false };
    if here == there {
        return true;
    }
    let (here, there) = (&network.vpcs.get(here).id, &network.vpcs.get(there).id);
    let peered = network.peerings.iter().any(|(_, peering)| {
        peering.is_active()
            && peering.same_region()
            && peering.other_side(here).is_some_and(|side| side.vpc.as_ref() == Some(there))
    });
    if peered {
        return true;
    }
    let attached = |vpc: &reach_model::ids::VpcId, gateway: &reach_model::ids::TransitGatewayId| {
        network.attachments.iter().any(|(_, attachment)| {
            attachment.gateway.as_ref() == Some(gateway)
                && attachment.kind == AttachmentKind::Vpc(vpc.clone())
                && attachment.security_group_referencing
        })
    };
    direction == Direction::Ingress
        && network.interfaces.get(local).kind != InterfaceKind::VpcEndpoint
        && network.transit_gateways.iter().any(|(_, gateway)| {
            gateway.security_group_referencing && attached(here, &gateway.id) && attached(there, &gateway.id)
        })
}
