//! Network interfaces, the instances that own them, and the services behind them.

use std::borrow::Borrow;
use std::collections::hash_map::Entry;
use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use rustc_hash::FxHashMap;

use super::build::Builder;
use super::filter::{cidr_v4, cidr_v6};
use super::table::{Idx, Ref, Resource};
use super::timeout::IdleTimeouts;
use super::{SecurityGroup, Subnet, Tags, Vpc, name_of, tags};
use crate::api::Call;
use crate::aws::{self, AddressText, Name};
use crate::ids::{EniId, InstanceId, SecurityGroupId, VpcEndpointId, VpcId};
use crate::snapshot::{Located, Place};

/// A network interface.
#[derive(Debug, Clone)]
pub struct NetworkInterface {
    pub id: EniId,
    /// The Name tag, else the name of the instance it belongs to.
    pub name: Option<Name>,
    pub kind: InterfaceKind,
    pub description: Name,
    pub owner: Option<Name>,
    pub requester_id: Option<Name>,
    pub vpc: Option<Ref<Vpc>>,
    pub subnet: Option<Ref<Subnet>>,
    /// Primary address first, then secondary IPv4, then IPv6.
    pub addresses: Box<[InterfaceAddress]>,
    /// Delegated prefixes (`Ipv4Prefixes`, `Ipv6Prefixes`): every address in them is the interface's (EK-35).
    pub prefixes: Box<[IpNet]>,
    pub groups: Box<[Ref<SecurityGroup>]>,
    pub source_dest_check: bool,
    pub deny_all_igw_traffic: bool,
    pub attachment: Option<InterfaceAttachment>,
    /// `in-use`, `available`, …
    pub status: Option<Name>,
    /// The trunk interface of a branch interface.
    pub trunk: Option<EniId>,
    /// Its own `ConnectionTrackingConfiguration` (CT-12).
    pub timeouts: IdleTimeouts,
    pub tags: Tags,
}

impl Resource for NetworkInterface {
    type Id = EniId;

    fn id(&self) -> &EniId {
        &self.id
    }
}

impl NetworkInterface {
    /// The primary address: IPv4 where there is one, else the first IPv6 address.
    pub fn primary(&self) -> Option<&InterfaceAddress> {
        self.addresses.first()
    }

    /// Whether `address` is one of the interface's own: primary, secondary, IPv6, or in a delegated prefix.
    pub fn owns(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.ip == address) || self.prefixes.iter().any(|net| net.contains(&address))
    }

    /// The public address associated with `address`.
    pub fn public_of(&self, address: IpAddr) -> Option<Ipv4Addr> {
        self.addresses.iter().find(|own| own.ip == address).and_then(|own| own.public)
    }

    /// The instance it is attached to.
    pub fn instance(&self) -> Option<&Ref<Instance>> {
        self.attachment.as_ref().and_then(|attachment| attachment.instance.as_ref())
    }

    /// Whether it is device 0 of an instance.
    pub fn is_primary_interface(&self) -> bool {
        self.attachment.as_ref().is_some_and(|a| a.device_index == Some(0) && a.network_card.unwrap_or(0) == 0)
    }
}

/// One address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterfaceAddress {
    pub ip: IpAddr,
    pub primary: bool,
    /// The public address that the internet gateway maps to it.
    pub public: Option<Ipv4Addr>,
}

/// How an interface hangs on an instance or a service.
#[derive(Debug, Clone)]
pub struct InterfaceAttachment {
    pub instance: Option<Ref<Instance>>,
    /// The account of the instance; foreign for control-plane and service interfaces.
    pub instance_owner: Option<Name>,
    pub device_index: Option<i64>,
    pub network_card: Option<i64>,
}

/// What kind of thing an interface is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InterfaceKind {
    /// An instance's, or a service's that behaves like one.
    Interface,
    /// The trunk of branch interfaces; carries the node's own traffic like any other.
    Trunk,
    /// A pod's own interface (EK-46).
    Branch,
    NatGateway,
    TransitGateway,
    /// An interface endpoint.
    VpcEndpoint,
    GatewayLoadBalancerEndpoint,
    /// An application load balancer's node.
    ApplicationLoadBalancer,
    NetworkLoadBalancer,
    GatewayLoadBalancer,
    ClassicLoadBalancer,
    Lambda,
    /// An EC2 Instance Connect endpoint.
    InstanceConnectEndpoint,
    /// A service of AWS's that the model does not know.
    Other,
}

impl InterfaceKind {
    /// From `InterfaceType` and, where that says just `interface`, the description (LB-6).
    fn of(kind: Option<&str>, description: &str) -> Self {
        match kind {
            Some("nat_gateway" | "natGateway") => InterfaceKind::NatGateway,
            Some("transit_gateway") => InterfaceKind::TransitGateway,
            Some("vpc_endpoint") => InterfaceKind::VpcEndpoint,
            Some("gateway_load_balancer_endpoint") => InterfaceKind::GatewayLoadBalancerEndpoint,
            Some("network_load_balancer") => InterfaceKind::NetworkLoadBalancer,
            Some("gateway_load_balancer") => InterfaceKind::GatewayLoadBalancer,
            Some("lambda") => InterfaceKind::Lambda,
            Some("trunk") => InterfaceKind::Trunk,
            Some("branch") => InterfaceKind::Branch,
            Some("ec2_instance_connect_endpoint") => InterfaceKind::InstanceConnectEndpoint,
            Some("load_balancer" | "interface" | "efa" | "efa-only") | None => match description {
                d if d.starts_with("ELB app/") => InterfaceKind::ApplicationLoadBalancer,
                d if d.starts_with("ELB net/") => InterfaceKind::NetworkLoadBalancer,
                d if d.starts_with("ELB gwy/") => InterfaceKind::GatewayLoadBalancer,
                d if d.starts_with("ELB ") => InterfaceKind::ClassicLoadBalancer,
                d if d.starts_with("aws-k8s-branch-eni") => InterfaceKind::Branch,
                d if d.starts_with("Interface for NAT Gateway") => InterfaceKind::NatGateway,
                d if d.starts_with("Network Interface for Transit Gateway Attachment") => InterfaceKind::TransitGateway,
                d if d.starts_with("VPC Endpoint Interface") => InterfaceKind::VpcEndpoint,
                d if d.starts_with("EC2 Instance Connect Endpoint") => InterfaceKind::InstanceConnectEndpoint,
                d if d.starts_with("AWS Lambda VPC ENI") => InterfaceKind::Lambda,
                _ => InterfaceKind::Interface,
            },
            Some(_) => InterfaceKind::Other,
        }
    }

    /// Whether a load balancer stands behind it.
    pub const fn is_load_balancer(self) -> bool {
        matches!(
            self,
            InterfaceKind::ApplicationLoadBalancer
                | InterfaceKind::NetworkLoadBalancer
                | InterfaceKind::GatewayLoadBalancer
                | InterfaceKind::ClassicLoadBalancer
        )
    }
}

/// An EC2 instance.
#[derive(Debug, Clone)]
pub struct Instance {
    pub id: InstanceId,
    pub name: Option<Name>,
    pub state: Option<Name>,
    pub windows: bool,
    /// `m5.large`.
    pub instance_type: Option<Name>,
    pub private_dns_name: Option<Name>,
    /// Its interfaces, device 0 first.
    pub interfaces: Vec<Idx<NetworkInterface>>,
    pub tags: Tags,
}

impl Resource for Instance {
    type Id = InstanceId;

    fn id(&self) -> &InstanceId {
        &self.id
    }
}

impl Instance {
    /// Whether it sends and receives; stopped and terminated instances do neither (API-4).
    pub fn is_live(&self) -> bool {
        self.state.as_deref().is_none_or(|state| matches!(state, "running" | "pending"))
    }
}

/// A VPC endpoint.
#[derive(Debug, Clone)]
pub struct VpcEndpoint {
    pub id: VpcEndpointId,
    pub name: Option<Name>,
    pub kind: EndpointKind,
    pub vpc: Option<VpcId>,
    /// `com.amazonaws.eu-west-1.s3`.
    pub service: Box<str>,
    pub available: bool,
    pub private_dns: bool,
    /// Private DNS serves only the inbound resolver endpoint; names inside the VPC stay public (PL-15).
    pub private_dns_inbound_only: bool,
    pub interfaces: Vec<Ref<NetworkInterface>>,
    pub tags: Tags,
}

impl Resource for VpcEndpoint {
    type Id = VpcEndpointId;

    fn id(&self) -> &VpcEndpointId {
        &self.id
    }
}

impl VpcEndpoint {
    /// The service without vendor and Region: `s3`, `ecr.api`.
    pub fn service_label(&self) -> &str {
        let mut parts = self.service.splitn(4, '.');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some("com" | "cn"), Some("amazonaws"), Some(_region), Some(label)) => label,
            (Some("com"), Some("amazonaws"), Some(label), None) => label,
            _ => &self.service,
        }
    }
}

/// `VpcEndpointType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointKind {
    Interface,
    Gateway,
    GatewayLoadBalancer,
    /// `Resource` and `ServiceNetwork`: Lattice.
    Lattice,
}

/// A load balancer, as far as this version names it.
#[derive(Debug, Clone)]
pub struct LoadBalancer {
    pub name: Box<str>,
    pub arn: Box<str>,
    pub kind: Box<str>,
    /// Its nodes' interfaces, by description (LB-6).
    pub interfaces: Vec<Idx<NetworkInterface>>,
}

/// An EC2 Instance Connect endpoint (SG-34).
#[derive(Debug, Clone)]
pub struct InstanceConnectEndpoint {
    pub id: Box<str>,
    pub preserve_client_ip: bool,
    pub interfaces: Vec<EniId>,
}

/// Builds instances, so that interfaces can refer to them.
pub(super) fn instances(builder: &mut Builder<'_>, instances: &[Located<aws::Instance>]) {
    builder.network.instances.reserve(instances.len());
    for instance in instances {
        let value = &instance.value;
        let Some(id) = builder.id::<InstanceId>(&value.instance_id, instance.at, ".InstanceId") else { continue };
        let platform = value.platform.as_deref().or(value.platform_details.as_deref()).unwrap_or("");
        builder.network.instances.push(Instance {
            id,
            name: name_of(&value.tags),
            state: value.state.as_ref().and_then(|state| state.name.clone()),
            windows: platform.to_ascii_lowercase().contains("windows"),
            instance_type: value.instance_type.clone(),
            private_dns_name: value.private_dns_name.clone(),
            interfaces: Vec::new(),
            tags: tags(&value.tags),
        });
    }
}

/// Builds interfaces from their own call, and from the instances where that call was not made.
pub(super) fn interfaces(
    builder: &mut Builder<'_>,
    interfaces: impl IntoIterator<Item: Borrow<Located<aws::NetworkInterface>>>,
    instances: impl IntoIterator<Item: Borrow<Located<aws::Instance>>>,
) {
    let interfaces = interfaces.into_iter();
    builder.network.interfaces.reserve(interfaces.size_hint().0);
    for interface in interfaces {
        let interface = interface.borrow();
        add_interface(builder, &interface.value, None, interface.at, &"");
    }
    let mut disagreements: Vec<String> = Vec::new();
    for instance in instances {
        let instance = instance.borrow();
        let vpc = instance.value.vpc_id.as_deref().unwrap_or_default();
        let complete =
            builder.snapshot.coverage.is_complete_for(instance.at.scope, vpc, Call::DescribeNetworkInterfaces);
        for (i, interface) in instance.value.network_interfaces.iter().enumerate() {
            let Some(text) = interface.network_interface_id.as_deref() else { continue };
            match builder.network.interfaces.find_text(text) {
                Some(idx) => {
                    compare(builder, idx, interface, instance.value.instance_id.as_deref(), &mut disagreements);
                }
                // The interfaces' own call is the better witness where it was made; snapshots are not atomic (M-10).
                None if complete => {
                    builder.network.interfaces_left_out.insert(instance.at.scope);
                    disagreements.push(format!(
                        "{text} of {} is not in describe-network-interfaces and is left out",
                        instance.value.instance_id.as_deref().unwrap_or("an instance")
                    ));
                }
                None => {
                    let path = format_args!(".NetworkInterfaces[{i}]");
                    add_interface(builder, interface, instance.value.instance_id.as_ref(), instance.at, &path);
                }
            }
        }
    }
    for line in disagreements {
        builder.warn(line);
    }
    trunks(builder);
    owners(builder);
}

/// Warns where `describe-instances` and `describe-network-interfaces` tell different stories about one interface.
fn compare(
    builder: &Builder<'_>,
    idx: Idx<NetworkInterface>,
    other: &aws::NetworkInterface,
    instance: Option<&str>,
    lines: &mut Vec<String>,
) {
    let own = builder.network.interfaces.get(idx);
    let groups = || own.groups.iter().map(|g| g.id(&builder.network.groups).as_str());
    let theirs = || other.groups.iter().filter_map(|g| g.group_id.as_deref());
    let same_groups = || {
        if theirs().next().is_none() || groups().eq(theirs()) {
            return true;
        }
        let (mut groups, mut theirs): (Vec<&str>, Vec<&str>) = (groups().collect(), theirs().collect());
        groups.sort_unstable();
        theirs.sort_unstable();
        groups == theirs
    };
    let address = match &other.private_ip_address {
        Some(AddressText::V4(address)) => Some(IpAddr::V4(*address)),
        Some(AddressText::Other(text)) => text.parse().ok(),
        None => None,
    };
    let differs = if !same_groups() {
        "groups"
    } else if address.is_some_and(|address| !own.owns(address)) {
        "addresses"
    } else {
        return;
    };
    lines.push(format!(
        "describe-instances ({}) and describe-network-interfaces disagree about the {differs} of {}; the interface's own call is used",
        instance.unwrap_or("an instance"),
        own.id
    ));
}

fn add_interface(
    builder: &mut Builder<'_>,
    value: &aws::NetworkInterface,
    owner: Option<&Name>,
    at: Place,
    path: &dyn fmt::Display,
) {
    let problems = builder.problem_count();
    let id = builder.id::<EniId>(&value.network_interface_id, at, format_args!("{path}.NetworkInterfaceId"));
    let Some(id) = id else {
        if owner.is_some() {
            builder.excuse_problems(problems);
        }
        return;
    };
    let description = value.description.clone().unwrap_or_default();
    let vpc = builder.optional_ref(&value.vpc_id, at, format_args!("{path}.VpcId"), |n| &n.vpcs);
    let subnet = builder.optional_ref(&value.subnet_id, at, format_args!("{path}.SubnetId"), |n| &n.subnets);
    let of_subnet = subnet.as_ref().and_then(Ref::known).and_then(|s| builder.network.subnets.get(s).vpc.clone());
    let vpc = vpc.or(of_subnet);
    let mut groups = Vec::with_capacity(value.groups.len());
    for (i, group) in value.groups.iter().enumerate() {
        let known = group.group_id.as_deref().and_then(|id| builder.network.groups.find_text(id)).map(Ref::Known);
        let reference = known.or_else(|| {
            let path = format_args!("{path}.Groups[{i}].GroupId");
            builder.id::<SecurityGroupId>(&group.group_id, at, path).map(Ref::Missing)
        });
        if let Some(reference) = reference
            && !groups.contains(&reference)
        {
            groups.push(reference);
        }
    }
    let (addresses, prefixes) = addresses(builder, value, at, path);
    let attachment = value.attachment.as_ref();
    let instance = attachment.and_then(|a| a.instance_id.as_ref()).or(owner);
    let instance = instance.and_then(|id| builder.network.instances.reference_to(id));
    let attachment = (attachment.is_some() || owner.is_some()).then(|| InterfaceAttachment {
        instance,
        instance_owner: attachment.and_then(|a| a.instance_owner_id.clone()),
        device_index: attachment.and_then(|a| a.device_index),
        network_card: attachment.and_then(|a| a.network_card_index),
    });
    // What an instance says of its interfaces is second-hand: where it is garbled (redacted addresses), the interface
    // is left out with a warning, and the interfaces' own call is what is missing.
    if owner.is_some() && builder.excuse_problems(problems) {
        return;
    }
    builder.network.interfaces.push(NetworkInterface {
        id,
        name: name_of(&value.tag_set),
        kind: InterfaceKind::of(value.interface_type.as_deref(), &description),
        description,
        owner: value.owner_id.clone(),
        requester_id: value.requester_id.clone(),
        vpc,
        subnet,
        addresses: addresses.into_boxed_slice(),
        prefixes: prefixes.into_boxed_slice(),
        groups: groups.into_boxed_slice(),
        source_dest_check: value.source_dest_check != Some(false),
        deny_all_igw_traffic: value.deny_all_igw_traffic == Some(true),
        attachment,
        status: value.status.clone(),
        trunk: None,
        timeouts: value.connection_tracking_configuration.as_deref().map(IdleTimeouts::of).unwrap_or_default(),
        tags: tags(&value.tag_set),
    });
}

/// The addresses and delegated prefixes of an interface.
fn addresses(
    builder: &mut Builder<'_>,
    value: &aws::NetworkInterface,
    at: Place,
    path: &dyn fmt::Display,
) -> (Vec<InterfaceAddress>, Vec<IpNet>) {
    let mut addresses: Vec<InterfaceAddress> = Vec::with_capacity(value.private_ip_addresses.len());
    let private = |builder: &mut Builder<'_>, text: &AddressText, path: fmt::Arguments<'_>| match text {
        AddressText::V4(address) => Some(*address),
        AddressText::Other(text) => builder.ipv4(text, at, format_args!("{path}.PrivateIpAddress")),
    };
    let public =
        |builder: &mut Builder<'_>, association: Option<&aws::AddressAssociation>, path: fmt::Arguments<'_>| {
            let text = association?.public_ip.as_ref()?;
            builder.ipv4(text, at, format_args!("{path}.Association.PublicIp"))
        };
    for (i, address) in value.private_ip_addresses.iter().enumerate() {
        let Some(text) = &address.private_ip_address else { continue };
        let Some(ip) = private(builder, text, format_args!("{path}.PrivateIpAddresses[{i}]")) else { continue };
        let path = format_args!("{path}.PrivateIpAddresses[{i}]");
        let public = public(builder, address.association.as_deref(), path);
        let primary = address.primary.unwrap_or(value.private_ip_address.as_ref() == Some(text));
        addresses.push(InterfaceAddress { ip: ip.into(), primary, public });
    }
    if let Some(text) = &value.private_ip_address
        && let Some(ip) = private(builder, text, format_args!("{path}"))
        && !addresses.iter().any(|own| own.ip == IpAddr::V4(ip))
    {
        let public = public(builder, value.association.as_deref(), format_args!("{path}"));
        addresses.push(InterfaceAddress { ip: ip.into(), primary: true, public });
    }
    addresses.sort_by_key(|address| !address.primary);
    // One address counts once, however often it is listed.
    let mut seen: Vec<IpAddr> = Vec::with_capacity(addresses.len());
    addresses.retain(|address| {
        let fresh = !seen.contains(&address.ip);
        if fresh {
            seen.push(address.ip);
        }
        fresh
    });
    let first_v6 = addresses.is_empty();
    for (i, address) in value.ipv6_addresses.iter().enumerate() {
        let Some(text) = &address.ipv6_address else { continue };
        match text.parse::<Ipv6Addr>() {
            Ok(ip) => {
                addresses.push(InterfaceAddress { ip: ip.into(), primary: first_v6 && i == 0, public: None });
            }
            Err(_) => builder.problem(
                at,
                &format!("{path}.Ipv6Addresses[{i}].Ipv6Address"),
                format!("\"{text}\" is not an IPv6 address"),
            ),
        }
    }
    let mut prefixes = Vec::new();
    let v4 = value.ipv4_prefixes.iter().enumerate().filter_map(|(i, prefix)| {
        prefix.ipv4_prefix.as_ref().map(|text| (format!("Ipv4Prefixes[{i}].Ipv4Prefix"), text, cidr_v4(text)))
    });
    let v6 = value.ipv6_prefixes.iter().enumerate().filter_map(|(i, prefix)| {
        prefix.ipv6_prefix.as_ref().map(|text| (format!("Ipv6Prefixes[{i}].Ipv6Prefix"), text, cidr_v6(text)))
    });
    for (field, text, net) in v4.chain(v6) {
        match net {
            Some(net) => prefixes.push(net),
            None => builder.problem(at, &format!("{path}.{field}"), format!("\"{text}\" is not a CIDR")),
        }
    }
    (addresses, prefixes)
}

/// Joins branch interfaces with their trunks.
fn trunks(builder: &mut Builder<'_>) {
    for association in &builder.snapshot.resources.trunk_associations {
        let branch = association.value.branch_interface_id.as_deref().and_then(|text| text.parse().ok());
        let trunk = association.value.trunk_interface_id.as_deref().and_then(|text| text.parse().ok());
        if let (Some(branch), Some(trunk)) = (branch, trunk)
            && let Some(idx) = builder.network.interfaces.find(&branch)
        {
            let branch = builder.network.interfaces.get_mut(idx);
            branch.kind = InterfaceKind::Branch;
            branch.trunk = Some(trunk);
        }
    }
}

/// Lists each instance's interfaces and names interfaces after their instances.
fn owners(builder: &mut Builder<'_>) {
    let network = &mut builder.network;
    let mut owned: Vec<(Idx<Instance>, Idx<NetworkInterface>)> = Vec::new();
    for (idx, interface) in network.interfaces.iter() {
        if let Some(instance) = interface.instance().and_then(Ref::known) {
            owned.push((instance, idx));
        }
    }
    for (instance, idx) in owned {
        let name = network.instances.get(instance).name.clone();
        network.instances.get_mut(instance).interfaces.push(idx);
        let interface = network.interfaces.get_mut(idx);
        if interface.name.is_none() {
            interface.name = name;
        }
    }
    for idx in network.instances.indices() {
        let mut list = std::mem::take(&mut network.instances.get_mut(idx).interfaces);
        let order = |idx: Idx<NetworkInterface>| {
            let interface = network.interfaces.get(idx);
            let attachment = interface.attachment.as_ref();
            (attachment.and_then(|a| a.network_card), attachment.and_then(|a| a.device_index), &interface.id)
        };
        list.sort_by(|&a, &b| order(a).cmp(&order(b)));
        list.shrink_to_fit();
        network.instances.get_mut(idx).interfaces = list;
    }
}

/// Builds VPC endpoints, load balancers and instance connect endpoints; interfaces exist by now.
pub(super) fn services(builder: &mut Builder<'_>) {
    let resources = &builder.snapshot.resources;
    let mut described: FxHashMap<&str, Vec<Idx<NetworkInterface>>> = FxHashMap::default();
    for (idx, interface) in builder.network.interfaces.iter().filter(|(_, e)| e.description.starts_with("ELB ")) {
        described.entry(&interface.description).or_default().push(idx);
    }
    let mut balancers = Vec::new();
    for balancer in &resources.load_balancers {
        let Some(name) = balancer.value.load_balancer_name.clone() else { continue };
        let arn = balancer.value.load_balancer_arn.clone().unwrap_or_default();
        let kind = balancer.value.kind.clone().unwrap_or_else(|| "application".into());
        // The description is `ELB app/<name>/<id>`, the ARN ends in `loadbalancer/app/<name>/<id>` (LB-6).
        let tail = arn.split_once(":loadbalancer/").map(|(_, tail)| format!("ELB {tail}"));
        let interfaces = tail.and_then(|tail| described.get(&*tail).cloned()).unwrap_or_default();
        balancers.push(LoadBalancer { name, arn, kind, interfaces });
    }
    for balancer in &resources.classic_load_balancers {
        let Some(name) = balancer.value.load_balancer_name.clone() else { continue };
        let tail = format!("ELB {name}");
        let interfaces = described.get(&*tail).cloned().unwrap_or_default();
        balancers.push(LoadBalancer { name, arn: "".into(), kind: "classic".into(), interfaces });
    }
    builder.network.load_balancers = balancers;
    for endpoint in &resources.instance_connect_endpoints {
        let interfaces: Vec<EniId> =
            endpoint.value.network_interface_ids.iter().filter_map(|text| text.parse().ok()).collect();
        for idx in interfaces.iter().filter_map(|id| builder.network.interfaces.find(id)).collect::<Vec<_>>() {
            builder.network.interfaces.get_mut(idx).kind = InterfaceKind::InstanceConnectEndpoint;
        }
        builder.network.instance_connect_endpoints.push(InstanceConnectEndpoint {
            id: endpoint.value.instance_connect_endpoint_id.clone().unwrap_or_default(),
            preserve_client_ip: endpoint.value.preserve_client_ip == Some(true),
            interfaces,
        });
    }
}

/// Builds VPC endpoints before routes refer to them; their interfaces are resolved afterwards.
pub(super) fn endpoints(builder: &mut Builder<'_>) {
    for endpoint in &builder.snapshot.resources.vpc_endpoints {
        let value = &endpoint.value;
        let Some(id) = builder.id::<VpcEndpointId>(&value.vpc_endpoint_id, endpoint.at, ".VpcEndpointId") else {
            continue;
        };
        let kind = match value.vpc_endpoint_type.as_deref() {
            Some("Interface") => EndpointKind::Interface,
            Some("GatewayLoadBalancer") => EndpointKind::GatewayLoadBalancer,
            Some("Resource" | "ServiceNetwork") => EndpointKind::Lattice,
            // Answers older than interface endpoints have no type.
            _ => EndpointKind::Gateway,
        };
        let interfaces = value.network_interface_ids.iter().filter_map(|text| text.parse().ok());
        let interfaces = interfaces.map(|id| builder.network.interfaces.reference(id)).collect();
        let inbound_only =
            value.dns_options.as_ref().and_then(|o| o.private_dns_only_for_inbound_resolver_endpoint) == Some(true);
        builder.network.endpoints.push(VpcEndpoint {
            id,
            name: name_of(&value.tags),
            kind,
            vpc: value.vpc_id.as_deref().and_then(|text| text.parse().ok()),
            service: value.service_name.clone().unwrap_or_default(),
            available: value.state.as_deref().is_none_or(|state| state.eq_ignore_ascii_case("available")),
            private_dns: value.private_dns_enabled == Some(true),
            private_dns_inbound_only: inbound_only,
            interfaces,
            tags: tags(&value.tags),
        });
    }
}

/// Who owns which address: the inverse of the interfaces' address lists.
#[derive(Debug, Clone, Default)]
pub struct AddressIndex {
    v4: FxHashMap<Ipv4Addr, Owners>,
    v6: FxHashMap<Ipv6Addr, Owners>,
    /// Delegated prefixes by VPC, sorted by network address.
    prefixes: FxHashMap<Idx<Vpc>, Vec<(IpNet, Idx<NetworkInterface>)>>,
    public: FxHashMap<Ipv4Addr, (Idx<NetworkInterface>, IpAddr)>,
}

/// An interface that has a certain address, and its VPC.
type Owner = (Option<Idx<Vpc>>, Idx<NetworkInterface>);

/// All interfaces that have a certain address, in order: nearly always one, several where VPCs overlap.
#[derive(Debug, Clone)]
enum Owners {
    One(Owner),
    #[expect(clippy::box_collection, reason = "half the size of each of the many that are alone")]
    Many(Box<Vec<Owner>>),
}

impl Owners {
    fn push(&mut self, owner: Owner) {
        match self {
            Self::One(first) => *self = Self::Many(Box::new(vec![*first, owner])),
            Self::Many(owners) => owners.push(owner),
        }
    }

    fn as_slice(&self) -> &[Owner] {
        match self {
            Self::One(owner) => std::slice::from_ref(owner),
            Self::Many(owners) => owners,
        }
    }
}

fn add<A: Eq + Hash>(map: &mut FxHashMap<A, Owners>, address: A, owner: Owner) {
    match map.entry(address) {
        Entry::Vacant(entry) => {
            entry.insert(Owners::One(owner));
        }
        Entry::Occupied(mut entry) => entry.get_mut().push(owner),
    }
}

fn remove<A: Eq + Hash>(map: &mut FxHashMap<A, Owners>, address: &A, idx: Idx<NetworkInterface>) {
    let Some(owners) = map.get_mut(address) else { return };
    let mut rest = owners.as_slice().iter().copied().filter(|(_, owner)| *owner != idx);
    match rest.next() {
        None => {
            map.remove(address);
        }
        Some(first) => {
            let mut left = Owners::One(first);
            rest.for_each(|owner| left.push(owner));
            *owners = left;
        }
    }
}

impl AddressIndex {
    pub(super) fn build(builder: &Builder<'_>) -> Self {
        let mut index = Self::default();
        let all = || builder.network.interfaces.iter().flat_map(|(_, interface)| &interface.addresses);
        index.v4.reserve(all().filter(|address| address.ip.is_ipv4()).count());
        for (idx, interface) in builder.network.interfaces.iter() {
            let vpc = interface.vpc.as_ref().and_then(Ref::known);
            for address in &interface.addresses {
                if let Some(public) = address.public {
                    index.public.entry(public).or_insert((idx, address.ip));
                }
                match address.ip {
                    IpAddr::V4(ip) => add(&mut index.v4, ip, (vpc, idx)),
                    IpAddr::V6(ip) => add(&mut index.v6, ip, (vpc, idx)),
                }
            }
            let Some(vpc) = vpc else { continue };
            for prefix in &interface.prefixes {
                index.prefixes.entry(vpc).or_default().push((*prefix, idx));
            }
        }
        for list in index.prefixes.values_mut() {
            list.sort();
        }
        index
    }

    /// Notes that an interface of `vpc` has `address`.
    pub(super) fn add(&mut self, address: IpAddr, vpc: Option<Idx<Vpc>>, idx: Idx<NetworkInterface>) {
        match address {
            IpAddr::V4(ip) => add(&mut self.v4, ip, (vpc, idx)),
            IpAddr::V6(ip) => add(&mut self.v6, ip, (vpc, idx)),
        }
    }

    /// Forgets everything that the interface at `idx` has, which is `interface`.
    pub(super) fn remove(&mut self, idx: Idx<NetworkInterface>, interface: &NetworkInterface) {
        for address in &interface.addresses {
            match address.ip {
                IpAddr::V4(ip) => remove(&mut self.v4, &ip, idx),
                IpAddr::V6(ip) => remove(&mut self.v6, &ip, idx),
            }
            if let Some(public) = address.public
                && self.public.get(&public).is_some_and(|(owner, _)| *owner == idx)
            {
                self.public.remove(&public);
            }
        }
        if !interface.prefixes.is_empty() {
            self.prefixes.values_mut().for_each(|list| list.retain(|(_, owner)| *owner != idx));
        }
    }

    fn exact(&self, address: IpAddr) -> &[Owner] {
        let owners = match address {
            IpAddr::V4(ip) => self.v4.get(&ip),
            IpAddr::V6(ip) => self.v6.get(&ip),
        };
        owners.map_or(&[], Owners::as_slice)
    }

    /// The interface that owns `address` inside `vpc`, by address or delegated prefix. O(log |prefixes|).
    pub fn owner(&self, vpc: Idx<Vpc>, address: IpAddr) -> Option<Idx<NetworkInterface>> {
        if let Some((_, idx)) = self.exact(address).iter().find(|(of, _)| *of == Some(vpc)) {
            return Some(*idx);
        }
        let list = self.prefixes.get(&vpc)?;
        let after = list.partition_point(|(net, _)| net.network() <= address);
        // Delegated prefixes of one VPC never overlap, so the last one that starts at or before the address decides.
        let (net, idx) = list.get(after.checked_sub(1)?)?;
        net.contains(&address).then_some(*idx)
    }

    /// The interface and private address behind a public IPv4 address.
    pub fn owner_of_public(&self, address: Ipv4Addr) -> Option<(Idx<NetworkInterface>, IpAddr)> {
        self.public.get(&address).copied()
    }

    /// Whether several interfaces have `address`, by address or delegated prefix. O(|VPCs with prefixes|).
    pub fn is_shared(&self, address: IpAddr) -> bool {
        let exact = self.exact(address);
        if exact.len() > 1 {
            return true;
        }
        let own = exact.first().map(|&(_, idx)| idx);
        let mut held = self.prefixes.values().filter_map(|list| {
            let after = list.partition_point(|(net, _)| net.network() <= address);
            let (net, idx) = list.get(after.checked_sub(1)?)?;
            net.contains(&address).then_some(*idx)
        });
        match own {
            Some(own) => held.any(|idx| idx != own),
            None => held.next().is_some() && held.next().is_some(),
        }
    }

    /// All interfaces that have `address` (several where VPCs overlap).
    pub fn owners_anywhere(&self, address: IpAddr) -> Vec<Idx<NetworkInterface>> {
        let mut owners: Vec<_> = self.exact(address).iter().map(|&(_, idx)| idx).collect();
        for list in self.prefixes.values() {
            let after = list.partition_point(|(net, _)| net.network() <= address);
            if let Some((net, idx)) = after.checked_sub(1).and_then(|i| list.get(i))
                && net.contains(&address)
                && !owners.contains(idx)
            {
                owners.push(*idx);
            }
        }
        owners.sort();
        owners
    }
}
