//! Route tables, gateways, peerings and transit gateways.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::build::Builder;
use super::filter::{cidr, cidr_v4, cidr_v6};
use super::table::{Idx, Ref, Resource};
use super::{Instance, Network, NetworkInterface, PrefixList, Subnet, Tags, Vpc, VpcEndpoint, tags};
use crate::aws::{self, Text};
use crate::ids::{
    EgressOnlyGatewayId, InternetGatewayId, NatGatewayId, PeeringId, PrefixListId, RouteTableId, SubnetId,
    TransitGatewayAttachmentId, TransitGatewayId, TransitGatewayRouteTableId, VpcId, VpnGatewayId,
};
use crate::snapshot::Place;

/// A VPC route table.
#[derive(Debug, Clone)]
pub struct RouteTable {
    pub id: RouteTableId,
    pub vpc: Option<Ref<Vpc>>,
    pub main: bool,
    /// Explicitly associated subnets.
    pub subnets: Vec<SubnetId>,
    /// Gateways whose incoming traffic it steers (edge associations, RT-12): `igw-…` or `vgw-…`.
    pub gateways: Vec<Text>,
    /// Its associations, the main one among them, as far as they have ids.
    pub associations: Vec<RouteTableAssociation>,
    pub routes: Vec<Route>,
    pub tags: Tags,
}

/// An association of a route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTableAssociation {
    /// `rtbassoc-…`
    pub id: Text,
    pub with: AssociatedWith,
}

/// What a route table is associated with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssociatedWith {
    /// Every subnet of the VPC that has no association of its own (RT-1).
    Main,
    Subnet(SubnetId),
    /// A gateway (RT-12).
    Gateway(Text),
}

impl Resource for RouteTable {
    type Id = RouteTableId;

    fn id(&self) -> &RouteTableId {
        &self.id
    }
}

/// A route.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    pub destination: Destination,
    pub target: RouteTarget,
    pub origin: RouteOrigin,
    pub state: RouteState,
}

/// What a route matches.
#[derive(Debug, Clone, PartialEq)]
pub enum Destination {
    /// One prefix.
    Cidr(IpNet),
    /// Every entry of a prefix list.
    PrefixList(Ref<PrefixList>),
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq)]
pub enum RouteTarget {
    /// The VPC itself.
    Local,
    InternetGateway(Ref<InternetGateway>),
    EgressOnlyGateway(Ref<EgressOnlyGateway>),
    NatGateway(Ref<NatGateway>),
    Peering(Ref<Peering>),
    TransitGateway(Ref<TransitGateway>),
    VpnGateway(VpnGatewayId),
    /// A gateway endpoint or a Gateway Load Balancer endpoint.
    Endpoint(Ref<VpcEndpoint>),
    /// A forwarding interface; the instance is named beside it.
    Interface(Ref<NetworkInterface>),
    /// An instance without its interface.
    Instance(Ref<Instance>),
    /// Anything that leaves AWS's side of the model: carrier, local, core-network, ODB, route-server next hop.
    Other(Text),
    /// No target is named any more (a blackhole).
    None,
}

impl RouteTarget {
    /// The target as a route table shows it: `local`, `igw-…`; `None` where none is named any more.
    pub fn name(&self, network: &Network) -> Option<String> {
        Some(match self {
            Self::Local => "local".to_owned(),
            Self::InternetGateway(gateway) => gateway.id(&network.internet_gateways).to_string(),
            Self::EgressOnlyGateway(gateway) => gateway.id(&network.egress_only_gateways).to_string(),
            Self::NatGateway(gateway) => gateway.id(&network.nat_gateways).to_string(),
            Self::Peering(peering) => peering.id(&network.peerings).to_string(),
            Self::TransitGateway(gateway) => gateway.id(&network.transit_gateways).to_string(),
            Self::VpnGateway(gateway) => gateway.to_string(),
            Self::Endpoint(endpoint) => endpoint.id(&network.endpoints).to_string(),
            Self::Interface(interface) => interface.id(&network.interfaces).to_string(),
            Self::Instance(instance) => instance.id(&network.instances).to_string(),
            Self::Other(text) => text.to_string(),
            Self::None => return None,
        })
    }
}

/// Who made a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RouteOrigin {
    /// `CreateRouteTable` and `CreateRoute`.
    Static,
    /// `EnableVgwRoutePropagation`.
    Propagated,
    /// `Advertisement`: a route server.
    Advertised,
}

/// `Route.State`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RouteState {
    Active,
    Blackhole,
    /// `filtered`: an enum value that AWS does not document (RT-8).
    Filtered,
}

/// An internet gateway.
#[derive(Debug, Clone)]
pub struct InternetGateway {
    pub id: InternetGatewayId,
    /// VPCs it is attached to, state `available` or `attached`.
    pub vpcs: Vec<VpcId>,
    /// The edge route table that steers what comes in.
    pub edge_table: Option<Idx<RouteTable>>,
}

impl Resource for InternetGateway {
    type Id = InternetGatewayId;

    fn id(&self) -> &InternetGatewayId {
        &self.id
    }
}

/// An egress-only internet gateway.
#[derive(Debug, Clone)]
pub struct EgressOnlyGateway {
    pub id: EgressOnlyGatewayId,
    pub vpcs: Vec<VpcId>,
}

impl Resource for EgressOnlyGateway {
    type Id = EgressOnlyGatewayId;

    fn id(&self) -> &EgressOnlyGatewayId {
        &self.id
    }
}

/// A NAT gateway.
#[derive(Debug, Clone)]
pub struct NatGateway {
    pub id: NatGatewayId,
    /// `pending`, `available`, `deleted`, …
    pub state: Text,
    pub public: bool,
    /// `AvailabilityMode=regional`: no subnet, a route table of its own (RT-30).
    pub regional: bool,
    pub vpc: Option<VpcId>,
    pub subnet: Option<Ref<Subnet>>,
    /// Its addresses, the primary one first.
    pub addresses: Vec<NatAddress>,
}

impl Resource for NatGateway {
    type Id = NatGatewayId;

    fn id(&self) -> &NatGatewayId {
        &self.id
    }
}

impl NatGateway {
    /// Whether it still has its addresses: listings keep deleted and failed gateways for a while (RT-29).
    pub fn exists(&self) -> bool {
        !matches!(&*self.state, "deleted" | "failed")
    }
}

/// One address of a NAT gateway.
#[derive(Debug, Clone)]
pub struct NatAddress {
    pub private: Ipv4Addr,
    pub public: Option<Ipv4Addr>,
    pub interface: Option<Ref<NetworkInterface>>,
}

/// A VPC peering connection.
#[derive(Debug, Clone)]
pub struct Peering {
    pub id: PeeringId,
    /// `active`, `deleted`, …
    pub status: Text,
    pub requester: PeeringSide,
    pub accepter: PeeringSide,
}

impl Resource for Peering {
    type Id = PeeringId;

    fn id(&self) -> &PeeringId {
        &self.id
    }
}

impl Peering {
    /// Whether packets can cross.
    pub fn is_active(&self) -> bool {
        &*self.status == "active"
    }

    /// Whether both sides lie in one Region; absent Regions (old answers) are one (RT-36).
    pub fn same_region(&self) -> bool {
        match (&self.requester.region, &self.accepter.region) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        }
    }

    /// The side opposite to `vpc`.
    pub fn other_side(&self, vpc: &VpcId) -> Option<&PeeringSide> {
        if self.requester.vpc.as_ref() == Some(vpc) {
            Some(&self.accepter)
        } else if self.accepter.vpc.as_ref() == Some(vpc) {
            Some(&self.requester)
        } else {
            None
        }
    }
}

/// One side of a peering.
#[derive(Debug, Clone)]
pub struct PeeringSide {
    pub vpc: Option<VpcId>,
    pub owner: Option<Text>,
    pub region: Option<Text>,
    /// The side's CIDRs as the peering itself reports them.
    pub cidrs: Vec<IpNet>,
    /// Whether those are all: `CidrBlock` alone is the primary one, and nobody knows whether there are others.
    pub whole: bool,
}

impl PeeringSide {
    /// Whether an address may lie in the side's VPC, as far as the peering tells (RT-34).
    pub fn may_hold(&self, address: IpAddr) -> bool {
        !self.whole || self.cidrs.iter().any(|net| net.contains(&address))
    }
}

/// A transit gateway.
#[derive(Debug, Clone)]
pub struct TransitGateway {
    pub id: TransitGatewayId,
    /// `SecurityGroupReferencingSupport`; AWS's default is `disable`.
    pub security_group_referencing: bool,
}

impl Resource for TransitGateway {
    type Id = TransitGatewayId;

    fn id(&self) -> &TransitGatewayId {
        &self.id
    }
}

/// An attachment of a transit gateway.
#[derive(Debug, Clone)]
pub struct Attachment {
    pub id: TransitGatewayAttachmentId,
    /// A peering attachment appears once for each of its two transit gateways.
    pub gateway: Option<TransitGatewayId>,
    pub kind: AttachmentKind,
    pub state: Option<Text>,
    /// The subnets that hold its interfaces; `None` where the VPC attachments were not collected.
    pub subnets: Option<Vec<Ref<Subnet>>>,
    pub appliance_mode: bool,
    /// `SecurityGroupReferencingSupport` of the attachment; AWS's default is `enable`.
    pub security_group_referencing: bool,
    pub association: Association,
}

impl Resource for Attachment {
    type Id = TransitGatewayAttachmentId;

    fn id(&self) -> &TransitGatewayAttachmentId {
        &self.id
    }
}

impl Attachment {
    /// Whether it carries packets; old answers leave the state out.
    pub fn is_available(&self) -> bool {
        self.state.as_deref().is_none_or(|state| state == "available")
    }
}

/// What is attached.
#[derive(Debug, Clone, PartialEq)]
pub enum AttachmentKind {
    Vpc(VpcId),
    /// Another transit gateway.
    Peering(Option<TransitGatewayId>),
    /// `vpn`, `direct-connect-gateway`, `connect`, `network-function`, …
    Other(Text),
}

/// The route table that an attachment's packets are looked up in.
#[derive(Debug, Clone, PartialEq)]
pub enum Association {
    Table(TransitGatewayRouteTableId),
    /// There is none: what enters is dropped (RT-38).
    None,
    /// Neither call that would tell was collected.
    NotCollected,
}

/// A transit gateway route table.
#[derive(Debug, Clone)]
pub struct TransitGatewayTable {
    pub id: TransitGatewayRouteTableId,
    pub gateway: Option<TransitGatewayId>,
    /// `None` where the routes were not collected.
    pub routes: Option<Vec<TransitGatewayRoute>>,
}

impl Resource for TransitGatewayTable {
    type Id = TransitGatewayRouteTableId;

    fn id(&self) -> &TransitGatewayRouteTableId {
        &self.id
    }
}

/// A route of a transit gateway.
#[derive(Debug, Clone)]
pub struct TransitGatewayRoute {
    pub destination: Destination,
    /// `Type=static`, else propagated.
    pub is_static: bool,
    pub blackhole: bool,
    pub attachments: Vec<TransitGatewayAttachmentId>,
}

/// Whether a gateway attachment works: real answers say `available` where the API model says `attached` (API-9).
fn attached(attachment: &aws::GatewayAttachment) -> Option<VpcId> {
    let works = attachment.state.as_deref().is_none_or(|state| matches!(state, "available" | "attached"));
    attachment.vpc_id.as_deref().filter(|_| works).and_then(|text| text.parse().ok())
}

/// Builds gateways, peerings and the transit gateways' parts; route tables come after them.
pub(super) fn gateways(builder: &mut Builder<'_>) {
    let resources = &builder.snapshot.resources;
    for gateway in &resources.internet_gateways {
        let text = &gateway.value.internet_gateway_id;
        let Some(id) = builder.id::<InternetGatewayId>(text, gateway.at, ".InternetGatewayId") else { continue };
        let vpcs: Vec<VpcId> = gateway.value.attachments.iter().filter_map(attached).collect();
        let idx = builder.network.internet_gateways.push(InternetGateway { id, vpcs: vpcs.clone(), edge_table: None });
        for vpc in vpcs {
            if let Some(vpc) = builder.network.vpcs.find(&vpc) {
                builder.network.vpcs.get_mut(vpc).internet_gateway = Some(idx);
            }
        }
    }
    for gateway in &resources.egress_only_gateways {
        let text = &gateway.value.egress_only_internet_gateway_id;
        let path = ".EgressOnlyInternetGatewayId";
        let Some(id) = builder.id::<EgressOnlyGatewayId>(text, gateway.at, path) else { continue };
        let vpcs = gateway.value.attachments.iter().filter_map(attached).collect();
        builder.network.egress_only_gateways.push(EgressOnlyGateway { id, vpcs });
    }
    for gateway in &resources.nat_gateways {
        let text = &gateway.value.nat_gateway_id;
        let Some(id) = builder.id::<NatGatewayId>(text, gateway.at, ".NatGatewayId") else { continue };
        let subnet = builder.optional_ref(&gateway.value.subnet_id, gateway.at, ".SubnetId", |n| &n.subnets);
        let mut addresses: Vec<(bool, NatAddress)> = Vec::new();
        for (i, address) in gateway.value.nat_gateway_addresses.iter().enumerate() {
            // RT-23: an address that is still being assigned, or failed, carries nothing.
            if address.status.as_deref().is_some_and(|status| status != "succeeded") {
                continue;
            }
            let path = format!(".NatGatewayAddresses[{i}]");
            let Some(text) = &address.private_ip else { continue };
            let Some(private) = builder.ipv4(text, gateway.at, format_args!("{path}.PrivateIp")) else { continue };
            let public = match &address.public_ip {
                Some(text) => builder.ipv4(text, gateway.at, format_args!("{path}.PublicIp")),
                None => None,
            };
            let interface = builder.optional_ref(
                &address.network_interface_id,
                gateway.at,
                format_args!("{path}.NetworkInterfaceId"),
                |n| &n.interfaces,
            );
            addresses.push((address.is_primary != Some(false), NatAddress { private, public, interface }));
        }
        addresses.sort_by_key(|(primary, _)| !primary);
        builder.network.nat_gateways.push(NatGateway {
            id,
            state: gateway.value.state.clone().unwrap_or_else(|| "available".into()),
            public: gateway.value.connectivity_type.as_deref() != Some("private"),
            regional: gateway.value.availability_mode.as_deref() == Some("regional"),
            vpc: gateway.value.vpc_id.as_deref().and_then(|text| text.parse().ok()),
            subnet,
            addresses: addresses.into_iter().map(|(_, address)| address).collect(),
        });
    }
    for peering in &resources.peerings {
        let text = &peering.value.vpc_peering_connection_id;
        let Some(id) = builder.id::<PeeringId>(text, peering.at, ".VpcPeeringConnectionId") else { continue };
        let requester = peering_side(peering.value.requester_vpc_info.as_ref());
        let accepter = peering_side(peering.value.accepter_vpc_info.as_ref());
        let status = peering.value.status.as_ref().and_then(|status| status.code.clone());
        let status = status.unwrap_or_else(|| "unknown".into());
        builder.network.peerings.push(Peering { id, status, requester, accepter });
    }
    transit_gateways(builder);
}

fn peering_side(info: Option<&aws::PeeringVpcInfo>) -> PeeringSide {
    let Some(info) = info else {
        return PeeringSide { vpc: None, owner: None, region: None, cidrs: Vec::new(), whole: false };
    };
    let v4 = info.cidr_block_set.iter().filter_map(|c| c.cidr_block.as_deref()).chain(info.cidr_block.as_deref());
    let v6 = info.ipv6_cidr_block_set.iter().filter_map(|c| c.ipv6_cidr_block.as_deref());
    let mut cidrs: Vec<IpNet> = v4.filter_map(cidr_v4).chain(v6.filter_map(cidr_v6)).collect();
    cidrs.sort();
    cidrs.dedup();
    PeeringSide {
        vpc: info.vpc_id.as_deref().and_then(|text| text.parse().ok()),
        owner: info.owner_id.clone(),
        region: info.region.clone(),
        cidrs,
        whole: !info.cidr_block_set.is_empty() || !info.ipv6_cidr_block_set.is_empty(),
    }
}

fn enabled(option: Option<&Text>, default: bool) -> bool {
    option.map_or(default, |text| &**text == "enable")
}

fn transit_gateways(builder: &mut Builder<'_>) {
    let resources = &builder.snapshot.resources;
    for gateway in &resources.transit_gateways {
        let text = &gateway.value.transit_gateway_id;
        let Some(id) = builder.id::<TransitGatewayId>(text, gateway.at, ".TransitGatewayId") else { continue };
        let option = gateway.value.options.as_ref().and_then(|o| o.security_group_referencing_support.as_ref());
        // SG-19: the gateway's default is `disable`.
        let security_group_referencing = enabled(option, false);
        builder.network.transit_gateways.push(TransitGateway { id, security_group_referencing });
    }
    for attachment in &resources.transit_gateway_attachments {
        let value = &attachment.value;
        let path = ".TransitGatewayAttachmentId";
        let text = &value.transit_gateway_attachment_id;
        let Some(id) = builder.id::<TransitGatewayAttachmentId>(text, attachment.at, path) else { continue };
        let kind = match (value.resource_type.as_deref(), &value.resource_id) {
            (Some("vpc"), Some(text)) => match builder.id::<VpcId>(&Some(text.clone()), attachment.at, ".ResourceId") {
                Some(vpc) => AttachmentKind::Vpc(vpc),
                None => continue,
            },
            (Some("peering" | "tgw-peering"), resource) => {
                AttachmentKind::Peering(resource.as_deref().and_then(|text| text.parse().ok()))
            }
            (kind, _) => AttachmentKind::Other(kind.unwrap_or("unknown").into()),
        };
        let table = value.association.as_ref().filter(|a| a.state.as_deref().is_none_or(|s| s == "associated"));
        let table = table.and_then(|a| a.transit_gateway_route_table_id.as_deref()).and_then(|text| text.parse().ok());
        let gateway = value.transit_gateway_id.as_deref().and_then(|text| text.parse().ok());
        // An attachment to another account's gateway: its association is the owner's to see.
        let seen =
            |account: &Text| resources.security_groups.iter().any(|g| g.value.owner_id.as_ref() == Some(account));
        let owners = (&value.transit_gateway_owner_id, &value.resource_owner_id);
        let foreign = matches!(owners, (Some(gateway), Some(resource)) if gateway != resource && !seen(gateway));
        let absent = if foreign { Association::NotCollected } else { Association::None };
        builder.network.attachments.push(Attachment {
            id,
            gateway,
            kind,
            state: value.state.clone(),
            subnets: None,
            appliance_mode: false,
            security_group_referencing: true,
            association: table.map_or(absent, Association::Table),
        });
    }
    vpc_attachments(builder);
    for peering in &resources.transit_gateway_peering_attachments {
        let text = &peering.value.transit_gateway_attachment_id;
        let Some(id) = text.as_deref().and_then(|text| text.parse().ok()) else { continue };
        let side = |info: Option<&aws::TransitGatewayPeer>| {
            info.and_then(|info| info.transit_gateway_id.as_deref())
                .and_then(|text| text.parse::<TransitGatewayId>().ok())
        };
        let pair = [side(peering.value.requester_tgw_info.as_ref()), side(peering.value.accepter_tgw_info.as_ref())];
        builder.network.gateway_peerings.push((id, pair));
    }
    transit_gateway_tables(builder);
}

/// Adds what `describe-transit-gateway-vpc-attachments` alone knows: subnets and options.
fn vpc_attachments(builder: &mut Builder<'_>) {
    for attachment in &builder.snapshot.resources.transit_gateway_vpc_attachments {
        let value = &attachment.value;
        let path = ".TransitGatewayAttachmentId";
        let text = &value.transit_gateway_attachment_id;
        let Some(id) = builder.id::<TransitGatewayAttachmentId>(text, attachment.at, path) else { continue };
        let idx = match builder.network.attachments.find(&id) {
            Some(idx) => idx,
            None => {
                let Some(vpc) = builder.id::<VpcId>(&value.vpc_id, attachment.at, ".VpcId") else { continue };
                builder.network.attachments.push(Attachment {
                    id,
                    gateway: value.transit_gateway_id.as_deref().and_then(|text| text.parse().ok()),
                    kind: AttachmentKind::Vpc(vpc),
                    state: value.state.clone(),
                    subnets: None,
                    appliance_mode: false,
                    security_group_referencing: true,
                    association: Association::NotCollected,
                })
            }
        };
        let mut subnets = Vec::new();
        for (i, text) in value.subnet_ids.iter().enumerate() {
            let path = format!(".SubnetIds[{i}]");
            if let Some(id) = builder.id::<SubnetId>(&Some(text.clone()), attachment.at, &path) {
                subnets.push(builder.network.subnets.reference(id));
            }
        }
        let options = value.options.as_ref();
        let entry = builder.network.attachments.get_mut(idx);
        entry.subnets = Some(subnets);
        entry.appliance_mode = enabled(options.and_then(|o| o.appliance_mode_support.as_ref()), false);
        // SG-19: the attachment's default is `enable`.
        entry.security_group_referencing =
            enabled(options.and_then(|o| o.security_group_referencing_support.as_ref()), true);
        if entry.state.is_none() {
            entry.state.clone_from(&value.state);
        }
    }
}

fn transit_gateway_tables(builder: &mut Builder<'_>) {
    let resources = &builder.snapshot.resources;
    for table in &resources.transit_gateway_route_tables {
        let text = &table.value.transit_gateway_route_table_id;
        let path = ".TransitGatewayRouteTableId";
        let Some(id) = builder.id::<TransitGatewayRouteTableId>(text, table.at, path) else { continue };
        let gateway = table.value.transit_gateway_id.as_deref().and_then(|text| text.parse().ok());
        builder.network.transit_gateway_tables.push(TransitGatewayTable { id, gateway, routes: None });
    }
    for list in &resources.transit_gateway_associations {
        let Some(table) = table_id(builder, &list.value.id, list.at) else { continue };
        let known = builder.network.transit_gateway_tables.find(&table);
        let gateway = known.and_then(|idx| builder.network.transit_gateway_tables.get(idx).gateway.clone());
        for association in &list.value.items {
            let id = association.transit_gateway_attachment_id.as_deref().and_then(|text| text.parse().ok());
            let Some(idx) = id.and_then(|id| side_of(&builder.network, &id, gateway.as_ref())) else { continue };
            let entry = builder.network.attachments.get_mut(idx);
            let works = association.state.as_deref().is_none_or(|state| state == "associated");
            if works && matches!(entry.association, Association::None | Association::NotCollected) {
                entry.association = Association::Table(table.clone());
            }
        }
    }
    for list in &resources.transit_gateway_routes {
        let Some(id) = table_id(builder, &list.value.id, list.at) else { continue };
        let routes = gateway_routes(builder, &list.value.items, list.at);
        let idx = table(builder, id);
        // A listing that was cut short proves nothing about what it does not show.
        let entry = builder.network.transit_gateway_tables.get_mut(idx);
        entry.routes = (!list.value.truncated).then_some(routes);
    }
    derived_tables(builder);
}

/// The attachment as `gateway` lists it: a peering attachment is there once for each of its two gateways.
fn side_of(
    network: &Network,
    id: &TransitGatewayAttachmentId,
    gateway: Option<&TransitGatewayId>,
) -> Option<Idx<Attachment>> {
    let own = network.attachments.iter().find(|(_, side)| side.id == *id && side.gateway.as_ref() == gateway);
    own.map(|(idx, _)| idx).or_else(|| network.attachments.find(id))
}

/// Tables of which only static routes and propagations are known: a propagating VPC attachment installs its CIDRs.
fn derived_tables(builder: &mut Builder<'_>) {
    let resources = &builder.snapshot.resources;
    let mut derived: Vec<(TransitGatewayRouteTableId, Vec<TransitGatewayRoute>, bool)> = Vec::new();
    for list in &resources.transit_gateway_static_routes {
        let Some(id) = table_id(builder, &list.value.id, list.at) else { continue };
        let routes = gateway_routes(builder, &list.value.items, list.at);
        derived.push((id, routes, list.value.truncated));
    }
    for list in &resources.transit_gateway_propagations {
        let Some(id) = table_id(builder, &list.value.id, list.at) else { continue };
        // The static routes of the table must be known as well, else what it holds is not.
        let Some(entry) = derived.iter_mut().find(|(table, _, _)| *table == id) else { continue };
        entry.2 |= list.value.truncated;
        for propagation in &list.value.items {
            if propagation.state.as_deref().is_some_and(|state| state != "enabled") {
                continue;
            }
            let attachment = propagation.transit_gateway_attachment_id.as_deref().and_then(|text| text.parse().ok());
            let Some(attachment) = attachment else { continue };
            let vpc = match builder.network.attachments.find(&attachment).map(|i| builder.network.attachments.get(i)) {
                Some(Attachment { kind: AttachmentKind::Vpc(vpc), .. }) => builder.network.vpcs.find(vpc),
                _ => None,
            };
            let Some(vpc) = vpc else {
                // What an unseen VPC, VPN or Direct Connect gateway propagates is not in the snapshot.
                entry.2 = true;
                continue;
            };
            let vpc = builder.network.vpcs.get(vpc);
            let v4 = vpc.cidrs_v4.iter().copied().map(IpNet::V4);
            let v6 = vpc.cidrs_v6.iter().copied().map(IpNet::V6);
            for net in v4.chain(v6) {
                entry.1.push(TransitGatewayRoute {
                    destination: Destination::Cidr(net),
                    is_static: false,
                    blackhole: false,
                    attachments: vec![attachment.clone()],
                });
            }
        }
    }
    let has_propagations = |id: &TransitGatewayRouteTableId| {
        resources.transit_gateway_propagations.iter().any(|list| *list.value.id == *id.as_str())
    };
    for (id, routes, incomplete) in derived {
        let known = !incomplete && has_propagations(&id);
        let idx = table(builder, id);
        let entry = builder.network.transit_gateway_tables.get_mut(idx);
        if entry.routes.is_none() && known {
            entry.routes = Some(routes);
        }
    }
}

fn table_id(builder: &mut Builder<'_>, text: &Text, at: Place) -> Option<TransitGatewayRouteTableId> {
    builder.id::<TransitGatewayRouteTableId>(&Some(text.clone()), at, "")
}

fn table(builder: &mut Builder<'_>, id: TransitGatewayRouteTableId) -> Idx<TransitGatewayTable> {
    if let Some(idx) = builder.network.transit_gateway_tables.find(&id) {
        return idx;
    }
    builder.network.transit_gateway_tables.push(TransitGatewayTable { id, gateway: None, routes: None })
}

fn gateway_routes(builder: &mut Builder<'_>, list: &[aws::TransitGatewayRoute], at: Place) -> Vec<TransitGatewayRoute> {
    let mut routes = Vec::new();
    for (i, route) in list.iter().enumerate() {
        let destination = if let Some(text) = &route.destination_cidr_block {
            match cidr(text) {
                Some(net) => Destination::Cidr(net),
                None => {
                    builder.problem(at, &format!("[{i}].DestinationCidrBlock"), format!("\"{text}\" is not a CIDR"));
                    continue;
                }
            }
        } else {
            let path = format!("[{i}].PrefixListId");
            let Some(id) = builder.id::<PrefixListId>(&route.prefix_list_id, at, &path) else { continue };
            Destination::PrefixList(builder.network.prefix_lists.reference(id))
        };
        if matches!(route.state.as_deref(), Some("deleting" | "deleted")) {
            continue;
        }
        let ids = route.transit_gateway_attachments.iter();
        routes.push(TransitGatewayRoute {
            destination,
            is_static: route.kind.as_deref() == Some("static"),
            blackhole: route.state.as_deref() == Some("blackhole"),
            attachments: ids
                .filter_map(|a| a.transit_gateway_attachment_id.as_deref())
                .filter_map(|text| text.parse().ok())
                .collect(),
        });
    }
    routes
}

/// Builds route tables; everything a route can name exists by now.
pub(super) fn route_tables(builder: &mut Builder<'_>) {
    for table in &builder.snapshot.resources.route_tables {
        let Some(id) = builder.id::<RouteTableId>(&table.value.route_table_id, table.at, ".RouteTableId") else {
            continue;
        };
        let vpc = builder.optional_ref(&table.value.vpc_id, table.at, ".VpcId", |n| &n.vpcs);
        let live = |a: &&aws::RouteTableAssociation| {
            let state = a.association_state.as_ref().and_then(|s| s.state.as_deref());
            state.is_none_or(|state| matches!(state, "associated" | "associating"))
        };
        let associations: Vec<&aws::RouteTableAssociation> = table.value.associations.iter().filter(live).collect();
        let mut routes = Vec::with_capacity(table.value.routes.len());
        for (i, route) in table.value.routes.iter().enumerate() {
            routes.extend(vpc_route(builder, route, table.at, &format!(".Routes[{i}]")));
        }
        let gateways: Vec<Text> = associations.iter().filter_map(|a| a.gateway_id.clone()).collect();
        let idx = builder.network.route_tables.push(RouteTable {
            id,
            vpc,
            main: associations.iter().any(|a| a.main == Some(true)),
            subnets: associations
                .iter()
                .filter_map(|a| a.subnet_id.as_deref())
                .filter_map(|text| text.parse().ok())
                .collect(),
            gateways: gateways.clone(),
            associations: associations.iter().filter_map(|association| association_of(association)).collect(),
            routes,
            tags: tags(&table.value.tags),
        });
        for gateway in gateways {
            let gateway = gateway.parse().ok().and_then(|id| builder.network.internet_gateways.find(&id));
            if let Some(gateway) = gateway {
                builder.network.internet_gateways.get_mut(gateway).edge_table = Some(idx);
            }
        }
    }
}

fn association_of(association: &aws::RouteTableAssociation) -> Option<RouteTableAssociation> {
    let id = association.route_table_association_id.clone()?;
    let with = if let Some(subnet) = &association.subnet_id {
        AssociatedWith::Subnet(subnet.parse().ok()?)
    } else if let Some(gateway) = &association.gateway_id {
        AssociatedWith::Gateway(gateway.clone())
    } else if association.main == Some(true) {
        AssociatedWith::Main
    } else {
        return None;
    };
    Some(RouteTableAssociation { id, with })
}

fn vpc_route(builder: &mut Builder<'_>, route: &aws::Route, at: Place, path: &str) -> Option<Route> {
    let parsed = if let Some(text) = &route.destination_cidr_block {
        cidr_v4(text).map(Destination::Cidr).ok_or((text, "DestinationCidrBlock"))
    } else if let Some(text) = &route.destination_ipv6_cidr_block {
        cidr_v6(text).map(Destination::Cidr).ok_or((text, "DestinationIpv6CidrBlock"))
    } else {
        let path = format!("{path}.DestinationPrefixListId");
        let id = builder.id::<PrefixListId>(&route.destination_prefix_list_id, at, &path)?;
        Ok(Destination::PrefixList(builder.network.prefix_lists.reference(id)))
    };
    let destination = match parsed {
        Ok(destination) => destination,
        Err((text, field)) => {
            builder.problem(at, &format!("{path}.{field}"), format!("\"{text}\" is not a CIDR"));
            return None;
        }
    };
    let origin = match route.origin.as_deref() {
        Some("EnableVgwRoutePropagation") => RouteOrigin::Propagated,
        Some("Advertisement") => RouteOrigin::Advertised,
        _ => RouteOrigin::Static,
    };
    let state = match route.state.as_deref() {
        Some("blackhole") => RouteState::Blackhole,
        Some("filtered") => RouteState::Filtered,
        _ => RouteState::Active,
    };
    Some(Route { destination, target: route_target(builder, route, at, path), origin, state })
}

fn route_target(builder: &mut Builder<'_>, route: &aws::Route, at: Place, path: &str) -> RouteTarget {
    let network = &builder.network;
    if let Some(text) = &route.gateway_id {
        let target = if &**text == "local" {
            Some(RouteTarget::Local)
        } else if text.starts_with(InternetGatewayId::PREFIX) {
            text.parse().ok().map(|id| RouteTarget::InternetGateway(network.internet_gateways.reference(id)))
        } else if text.starts_with(VpnGatewayId::PREFIX) {
            text.parse().ok().map(RouteTarget::VpnGateway)
        } else if text.starts_with("vpce-") {
            text.parse().ok().map(|id| RouteTarget::Endpoint(network.endpoints.reference(id)))
        } else {
            None
        };
        return target.unwrap_or_else(|| RouteTarget::Other(text.clone()));
    }
    let known = [
        route
            .nat_gateway_id
            .as_ref()
            .map(|text| text.parse().map(|id| RouteTarget::NatGateway(network.nat_gateways.reference(id))).ok()),
        route.transit_gateway_id.as_ref().map(|text| {
            text.parse().map(|id| RouteTarget::TransitGateway(network.transit_gateways.reference(id))).ok()
        }),
        route
            .vpc_peering_connection_id
            .as_ref()
            .map(|text| text.parse().map(|id| RouteTarget::Peering(network.peerings.reference(id))).ok()),
        route.egress_only_internet_gateway_id.as_ref().map(|text| {
            text.parse().map(|id| RouteTarget::EgressOnlyGateway(network.egress_only_gateways.reference(id))).ok()
        }),
        route
            .network_interface_id
            .as_ref()
            .map(|text| text.parse().map(|id| RouteTarget::Interface(network.interfaces.reference(id))).ok()),
        route
            .instance_id
            .as_ref()
            .map(|text| text.parse().map(|id| RouteTarget::Instance(network.instances.reference(id))).ok()),
    ];
    for target in known.into_iter().flatten() {
        match target {
            Some(target) => return target,
            None => builder.problem(at, path, "its target is not an id of the kind that the field names".to_owned()),
        }
    }
    let others = [
        &route.local_gateway_id,
        &route.carrier_gateway_id,
        &route.core_network_arn,
        &route.odb_network_arn,
        &route.ip_address,
    ];
    match others.into_iter().flatten().next() {
        Some(text) => RouteTarget::Other(text.clone()),
        None => RouteTarget::None,
    }
}
