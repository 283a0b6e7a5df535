//! Inside the sender's host: what its kernel delivers itself, the CNI's translation, and the services that nothing stands
//! before.

use std::net::{IpAddr, Ipv4Addr};

use reach_model::Call;
use reach_model::network::{Idx, InterfaceKind, NetworkInterface, Ref};
use reach_packets::{Family, PortRanges, PortSet};

use super::Compiled;
use super::carry::{At, Carry, Next, Rewrite};
use super::gate::{Test, Told};
use super::space::{is_link_local, is_private};
use crate::host::{self, Colocation, Liveness};
use crate::reason::{Assumption, Code, Site};

impl<'n> Compiled<'n> {
    /// The first packet inside its host.
    pub(super) fn leave_host(&self, carry: &mut Carry<'n>, from: Idx<NetworkInterface>) -> Next<'n> {
        if let Some(next) = self.on_host(carry, from) {
            return next;
        }
        let interface = self.network.interfaces.get(from);
        let wire = self.snat(carry, from);
        carry.sender = Some(wire);
        let site = Site::Interface(wire);
        self.alive(carry, interface, &site);
        match interface.kind {
            // PL-2: connections go from client to endpoint only.
            InterfaceKind::VpcEndpoint => carry.refuse(site.clone(), Code::VpceIntraVpcTraffic, "PL-2"),
            // RT-24, RT-42: translators and gateways start nothing themselves.
            InterfaceKind::NatGateway | InterfaceKind::TransitGateway => {
                carry.refuse(site.clone(), Code::ProtocolRestriction, "RT-25a");
            }
            InterfaceKind::GatewayLoadBalancerEndpoint | InterfaceKind::GatewayLoadBalancer => {
                carry.doubt(site.clone(), Told::new(Code::UnsupportedComponent, "RT-48"));
            }
            InterfaceKind::InstanceConnectEndpoint => {
                // SG-34: with client address preservation the target sees a client that is not in the snapshot.
                let mut own = self.network.instance_connect_endpoints.iter();
                carry.hidden = own.any(|e| e.preserve_client_ip && e.interfaces.contains(&interface.id));
            }
            InterfaceKind::Lambda => carry.memory.auto_tracked = true,
            _ => {}
        }
        // SG-27, outbound: the source must be one of the interface's own addresses.
        let leaves = self.network.interfaces.get(wire);
        if leaves.source_dest_check && !carry.hidden && !leaves.owns(carry.source) {
            carry.refuse(site, Code::EniSourceDestCheckRestriction, "SG-27");
        }
        self.services(carry, wire)
    }

    /// API-4: a stopped instance neither sends nor receives.
    fn alive(&self, carry: &mut Carry<'n>, interface: &NetworkInterface, site: &Site) {
        match host::liveness(self.network, interface) {
            Liveness::Live => {}
            Liveness::Dead => carry.refuse(site.clone(), Code::BadState, "API-4"),
            Liveness::Unknown(call) => {
                carry.doubt(site.clone(), Told::new(Code::NotCollected, "API-4").call(call));
            }
        }
    }

    /// SG-30, EK-36, EK-47: what the host's own kernel delivers.
    fn on_host(&self, carry: &mut Carry<'n>, from: Idx<NetworkInterface>) -> Option<Next<'n>> {
        let sender = self.network.interfaces.get(from);
        if carry.destination.is_loopback() {
            return Some(Next::Go(At::Served));
        }
        // SG-24: the EKS Pod Identity agent is a process of the node's own.
        let agent = match carry.destination {
            IpAddr::V4(address) => address == Ipv4Addr::new(169, 254, 170, 23),
            IpAddr::V6(address) => address.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23],
        };
        if agent {
            let node = host::host(self.network, sender).and_then(|id| self.network.instances.find(&id))?;
            host::cluster_name(self.network.instances.get(node))?;
            return Some(Next::Go(At::Served));
        }
        if carry.source != carry.destination {
            let receiver = match sender.vpc.as_ref().and_then(Ref::known) {
                Some(vpc) => self.network.addresses.owner(vpc, carry.destination)?,
                None => carry.expected.filter(|&to| {
                    let to = self.network.interfaces.get(to);
                    to.vpc == sender.vpc && to.owns(carry.destination)
                })?,
            };
            let receiver = self.network.interfaces.get(receiver);
            let together = host::colocation(self.network, sender, receiver);
            if together == Colocation::Apart {
                return None;
            }
            if sender.kind == InterfaceKind::Branch || receiver.kind == InterfaceKind::Branch {
                let pod = host::pod_place(self.network, sender, carry.source)
                    .or_else(|| host::pod_place(self.network, receiver, carry.destination));
                let cni = pod.and_then(|pod| pod.cluster).map(|cluster| &cluster.cni);
                let standard = cni.and_then(|cni| cni.standard_enforcing);
                if standard.is_none() && !cni.is_some_and(|cni| cni.observed) {
                    carry.assume(Assumption::CniStrict);
                }
                // EK-47: strict mode sends even same-node traffic out through the branch interface.
                if standard != Some(true) {
                    return None;
                }
            }
            if together == Colocation::Unseen {
                let told = Told::new(Code::NotCollected, "EK-47")
                    .note("which node carries the pod's branch interface")
                    .call(Call::DescribeTrunkInterfaceAssociations);
                // On one node no filter would be asked, so not even the destination's groups are certain to refuse.
                carry.doubt(Site::Interface(from), told);
                return Some(Next::End);
            }
        }
        let site = sender.instance().and_then(Ref::known).map_or(Site::Interface(from), Site::Instance);
        self.alive(carry, sender, &site);
        Some(Next::Go(At::Served))
    }

    /// EK-37 to EK-41, EK-44, EK-47: a pod's packet that leaves the VPC gets the node's primary address.
    fn snat(&self, carry: &mut Carry<'n>, from: Idx<NetworkInterface>) -> Idx<NetworkInterface> {
        let sender = self.network.interfaces.get(from);
        let (Some(pod), Some(vpc)) =
            (host::pod_place(self.network, sender, carry.source), sender.vpc.as_ref().and_then(Ref::known))
        else {
            return from;
        };
        // EK-40: IPv6 is never translated; an IPv6 pod's IPv4 packets always are.
        let crosses = Family::of(carry.source) != Family::of(carry.destination);
        let stays = self.network.vpcs.get(vpc).contains(carry.destination) && !crosses;
        if carry.destination.is_ipv6() || stays || is_link_local(carry.destination) {
            return from;
        }
        let cni = pod.cluster.map(|cluster| &cluster.cni);
        let observed = cni.is_some_and(|cni| cni.observed);
        if pod.branch {
            let standard = cni.and_then(|cni| cni.standard_enforcing);
            if standard.is_none() && !observed {
                carry.assume(Assumption::CniStrict);
            }
            // EK-47: strict mode never translates.
            if standard != Some(true) {
                return from;
            }
        }
        // EK-41: Windows nodes always translate.
        if !crosses && !pod.windows {
            let external = cni.and_then(|cni| cni.external_snat);
            if external.is_none() && !observed {
                carry.assume(Assumption::CniSnat);
            }
            let mut exclusions = cni.and_then(|cni| cni.exclude_snat_cidrs.as_ref()).into_iter().flatten();
            if external == Some(true) || exclusions.any(|net| net.contains(&carry.destination)) {
                return from;
            }
        }
        let node = pod.node.and_then(|node| host::primary_interface(self.network, node));
        let address = node.and_then(|node| {
            let mut own = self.network.interfaces.get(node).addresses.iter();
            own.find(|address| address.primary && address.ip.is_ipv4()).map(|address| address.ip)
        });
        let (Some(node), Some(address)) = (node, address) else {
            let told = Told::new(Code::UnknownResource, "EK-37")
                .note("the node's primary interface")
                .call(Call::DescribeNetworkInterfaces);
            carry.doubt(Site::Interface(from), told);
            return from;
        };
        carry.memory.rewrites.push(Rewrite::Cni { node, pod_interface: from, pod: carry.source });
        carry.source = address;
        node
    }

    /// SG-23, NA-10: destinations that no group, no network ACL and no route stands before.
    fn services(&self, carry: &mut Carry<'n>, from: Idx<NetworkInterface>) -> Next<'n> {
        let vpc = self.network.interfaces.get(from).vpc.as_ref().and_then(Ref::known);
        let site = Site::Interface(from);
        let vpc = vpc.map(|vpc| self.network.vpcs.get(vpc));
        let resolver = match carry.destination {
            IpAddr::V4(address) => {
                if vpc.is_none() && carry.expected.is_none() && address.octets()[3] % 16 == 2 {
                    // Which address is the resolver's follows from the VPC's primary CIDR, at least a /28.
                    let told = Told::new(Code::NotCollected, "SG-23")
                        .note("whether this is the address of the VPC's resolver")
                        .call(Call::DescribeVpcs);
                    return carry.opaque(site, told);
                }
                address == Ipv4Addr::new(169, 254, 169, 253)
                    || vpc.and_then(reach_model::network::Vpc::resolver) == Some(address)
            }
            IpAddr::V6(address) => address.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x253],
        };
        if resolver {
            match vpc.and_then(|vpc| vpc.dns_support) {
                Some(true) => {}
                Some(false) => return carry.stop(site, Code::NoPossibleDestination, "SG-23"),
                None => carry.assume(Assumption::DnsSupport),
            }
            return Next::Go(At::Served);
        }
        match service(carry.destination) {
            Some(Service::Metadata) => Next::Go(At::Served),
            Some(Service::Activation) => {
                let headers = self.headers.intern(PortSet::tcp(PortRanges::single(1688)));
                Next::Split(headers, At::Served, At::Unserved(from))
            }
            Some(Service::Time) => {
                let headers = self.headers.intern(PortSet::udp(PortRanges::single(123)));
                Next::Split(headers, At::Served, At::Unserved(from))
            }
            None => Next::Go(At::Unserved(from)),
        }
    }

    /// EK-13 and SG-33, then the wire.
    pub(super) fn unserved(&self, carry: &mut Carry<'n>, from: Idx<NetworkInterface>) -> Next<'n> {
        let interface = self.network.interfaces.get(from);
        let inside = is_private(carry.destination) || !self.network.vpcs_of(carry.destination).is_empty();
        if !inside && let Some(name) = host::control_plane_of(self.network, interface) {
            // EK-13: the control plane's outbound leaves on AWS's side, unless the cluster routes it itself.
            let cluster = self.network.clusters.find(&name).map(|idx| self.network.clusters.get(idx));
            match cluster.and_then(|cluster| cluster.egress_mode.as_deref()) {
                Some("CUSTOMER_ROUTED") => {}
                Some("AWS_MANAGED") => return Next::Go(At::Served),
                None => {
                    carry.assume(Assumption::ControlPlaneEgress);
                    return Next::Go(At::Served);
                }
                Some(mode) => {
                    let told =
                        Told::new(Code::Undocumented, "EK-13").note(format!("the control plane's egress mode {mode}"));
                    return carry.opaque(Site::Interface(from), told);
                }
            }
        }
        self.mail(carry, from);
        Next::Go(At::Leave(from))
    }

    /// SG-33: outbound port 25 is blocked, except to private space and the VPC's primary CIDR.
    fn mail(&self, carry: &mut Carry<'n>, from: Idx<NetworkInterface>) {
        let interface = self.network.interfaces.get(from);
        let of_instance = interface.instance().is_some() || interface.kind == InterfaceKind::Branch;
        let vpc = interface.vpc.as_ref().and_then(Ref::known).map(|vpc| self.network.vpcs.get(vpc));
        let primary = vpc
            .and_then(|vpc| vpc.cidrs_v4.first())
            .is_some_and(|net| matches!(carry.destination, IpAddr::V4(address) if net.contains(&address)));
        if !of_instance || primary || is_private(carry.destination) {
            return;
        }
        let mail = PortSet::tcp(PortRanges::single(25));
        let rest = self.headers.intern(PortSet::full().subtract(&mail));
        carry.assumptions.push((Assumption::Port25Blocked, self.headers.intern(mail)));
        let told = Told::new(Code::Ec2Port25Restriction, "SG-33");
        carry.gate(Site::Interface(from), Test::Only(rest, told));
    }
}

/// A link-local service that nothing stands before (SG-23).
enum Service {
    /// Instance metadata, ECS task metadata.
    Metadata,
    /// Windows licence activation.
    Activation,
    /// Amazon Time Sync.
    Time,
}

fn service(address: IpAddr) -> Option<Service> {
    match address {
        IpAddr::V4(v4) => match v4.octets() {
            [169, 254, 169, 254] | [169, 254, 170, 2] => Some(Service::Metadata),
            [169, 254, 169, 250 | 251] => Some(Service::Activation),
            [169, 254, 169, 123] => Some(Service::Time),
            _ => None,
        },
        IpAddr::V6(v6) => match v6.segments() {
            [0xfd00, 0xec2, 0, 0, 0, 0, 0, last] => match last {
                0x254 => Some(Service::Metadata),
                0x250 => Some(Service::Activation),
                0x123 => Some(Service::Time),
                _ => None,
            },
            _ => None,
        },
    }
}
