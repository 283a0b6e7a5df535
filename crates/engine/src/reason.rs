//! What a verdict rests on, as data: steps, reasons, and the rules they name. Text is made last (`explain`).

use std::borrow::Cow;
use std::net::IpAddr;

use ipnet::IpNet;
use reach_model::Call;
use reach_model::network::{
    Attachment, Direction, EgressOnlyGateway, Idx, Instance, InternetGateway, NatGateway, NetworkAcl, NetworkInterface,
    Peering, RouteTable, SecurityGroup, Subnet, TransitGateway, TransitGatewayTable, Vpc, VpcEndpoint,
};
use reach_packets::Flow;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// Why a flow is blocked or unknown. Reachability Analyzer's own names where it has one (M-8).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The code as answers spell it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }
        }
    };
}

codes! {
    /// No rule of the interface's groups admits the packet.
    EniSgRulesMismatch = "ENI_SG_RULES_MISMATCH";
    /// None of the interface's groups has a rule in that direction.
    SgHasNoRules = "SG_HAS_NO_RULES";
    /// A group reference would match, but the sender's identity was lost on the way.
    SgReferencesNotPreserved = "SG_REFERENCES_NOT_PRESERVED";
    /// A group reference would match, but references do not work over this path.
    SgReferencingSupport = "SG_REFERENCING_SUPPORT";
    /// The referenced group's members lie outside the snapshot.
    UnknownPeeredSgs = "UNKNOWN_PEERED_SGS";
    /// A network ACL entry denies the packet.
    SubnetAclRestriction = "SUBNET_ACL_RESTRICTION";
    /// The source/destination check drops what is neither from nor to the interface.
    EniSourceDestCheckRestriction = "ENI_SOURCE_DEST_CHECK_RESTRICTION";
    /// No interface has the source address.
    EniAddressRestriction = "ENI_ADDRESS_RESTRICTION";
    /// No route matches.
    NoRouteToDestination = "NO_ROUTE_TO_DESTINATION";
    /// The address can never be routed, or the path loops.
    CannotRoute = "CANNOT_ROUTE";
    /// The route that wins is a blackhole.
    BadStateRoute = "BAD_STATE_ROUTE";
    /// A resource on the path is not in a working state.
    BadState = "BAD_STATE";
    /// An attachment on the path is not in a working state, or is missing.
    BadStateAttachment = "BAD_STATE_ATTACHMENT";
    /// Nobody has that address, or who has it is not running.
    NoPossibleDestination = "NO_POSSIBLE_DESTINATION";
    /// A private address without a public one cannot leave by an internet gateway.
    IgwPublicIpAssociationForEgress = "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS";
    /// From the internet an address is reached only by a public address that is associated with it.
    IgwPrivateIpAssociationForIngress = "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS";
    /// An internet gateway drops packets to RFC 1918 addresses.
    IgwDestinationNotInRfc1918Egress = "IGW_DESTINATION_ADDRESS_NOT_IN_RFC1918_EGRESS";
    /// An internet gateway drops packets to RFC 6598 addresses.
    IgwDestinationNotInRfc6598Egress = "IGW_DESTINATION_ADDRESS_NOT_IN_RFC6598_EGRESS";
    /// An internet gateway drops packets from RFC 1918 addresses.
    IgwSourceNotInRfc1918Ingress = "IGW_SOURCE_ADDRESS_NOT_IN_RFC1918_INGRESS";
    /// An internet gateway drops packets from RFC 6598 addresses.
    IgwSourceNotInRfc6598Ingress = "IGW_SOURCE_ADDRESS_NOT_IN_RFC6598_INGRESS";
    /// What comes in is steered through an appliance, what goes out is not.
    IngressRtbTrafficRedirection = "INGRESS_RTB_TRAFFIC_REDIRECTION";
    /// VPC block public access.
    VpcBlockPublicAccessEnabled = "VPC_BLOCK_PUBLIC_ACCESS_ENABLED";
    /// The reply would be given another source address than the one that was asked.
    NgwSourceAddressReassign = "NGW_SOURCE_ADDRESS_REASSIGN";
    /// A NAT gateway accepts no connection, only replies.
    NgwUnsolicited = "NGW_UNSOLICITED_INBOUND";
    /// Only part of a translator's port pool gets its reply.
    RemapEphemeralPort = "REMAP_EPHEMERAL_PORT";
    /// The component does not carry this protocol.
    ProtocolRestriction = "PROTOCOL_RESTRICTION";
    /// An egress-only gateway carries no connection that was started outside.
    EgressOnlyGatewayInbound = "EGRESS_ONLY_GATEWAY_INBOUND";
    /// Through a peering only addresses of the two VPCs are reached.
    PcxRequiresAddressInVpcCidr = "PCX_REQUIRES_ADDRESS_IN_VPC_CIDR";
    /// The VPC is not a side of the peering.
    DisconnectedVpcs = "DISCONNECTED_VPCS";
    /// The zone has no interface of the transit gateway.
    TgwRouteAzRestriction = "TGW_ROUTE_AZ_RESTRICTION";
    /// The attachment is associated with no transit gateway route table.
    TgwAttachMissingAssociation = "TGW_ATTACH_MISSING_TGW_RTB_ASSOCIATION";
    /// The transit gateway's table has no route.
    TgwRtbNoRoute = "TGW_RTB_NO_ROUTE_TO_TGW_ATTACHMENT";
    /// The transit gateway's route is a blackhole.
    TgwRtbBadStateRoute = "TGW_RTB_BAD_STATE_ROUTE";
    /// The transit gateway's routes are not in the snapshot.
    TgwRtbRoutesAreUnknown = "TGW_RTB_ROUTES_ARE_UNKNOWN";
    /// A gateway endpoint carries TCP and ICMP echo only.
    VpceGatewayProtocolRestriction = "VPCE_GATEWAY_PROTOCOL_RESTRICTION";
    /// A gateway endpoint serves its own VPC only.
    VpceGatewayEgressSourceAddressRestriction = "VPCE_GATEWAY_EGRESS_SOURCE_ADDRESS_RESTRICTION";
    /// A service never starts a connection into the VPC.
    VpceIntraVpcTraffic = "VPCE_INTRA_VPC_TRAFFIC";
    /// EC2 blocks outbound port 25 by default.
    Ec2Port25Restriction = "EC2_PORT_25_RESTRICTION";
    /// The source of the request is not in the cluster's `publicAccessCidrs`.
    EksPublicAccessCidrMismatch = "EKS_PUBLIC_ACCESS_CIDR_MISMATCH";
    /// The cluster's endpoint cannot be reached from there by name.
    EksNoPublicEndpoint = "EKS_NO_PUBLIC_ENDPOINT";
    /// The two ends have no address family in common.
    NoCommonFamily = "NO_COMMON_ADDRESS_FAMILY";
    /// The address is outside the snapshot.
    UnknownDestination = "UNKNOWN_DESTINATION";
    /// A resource that is referred to is not in the snapshot.
    UnknownResource = "UNKNOWN_RESOURCE";
    /// A collection that decides was not collected.
    NotCollected = "NOT_COLLECTED";
    /// A component that this version does not model decides.
    UnsupportedComponent = "UNSUPPORTED_COMPONENT";
    /// AWS does not document what decides here.
    Undocumented = "UNDOCUMENTED_BEHAVIOUR";
}

/// The way of a packet: the first one, or the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leg {
    /// The first packet.
    Forward,
    /// The reply.
    Return,
}

impl Leg {
    /// `forward` or `return`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Leg::Forward => "forward",
            Leg::Return => "return",
        }
    }
}

/// Where on the path something happened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Site {
    Interface(Idx<NetworkInterface>),
    Instance(Idx<Instance>),
    Subnet(Idx<Subnet>),
    Vpc(Idx<Vpc>),
    Acl(Idx<NetworkAcl>),
    RouteTable(Idx<RouteTable>),
    InternetGateway(Idx<InternetGateway>),
    EgressOnlyGateway(Idx<EgressOnlyGateway>),
    NatGateway(Idx<NatGateway>),
    Peering(Idx<Peering>),
    TransitGateway(Idx<TransitGateway>),
    Attachment(Idx<Attachment>),
    TransitGatewayTable(Idx<TransitGatewayTable>),
    Endpoint(Idx<VpcEndpoint>),
    /// The other side of an internet gateway.
    Internet,
    /// Something that is known by name only.
    Named(Box<str>),
}

/// The rule, entry or route that decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleRef {
    /// The n-th rule of a group in a direction.
    GroupRule(Idx<SecurityGroup>, Direction, u32),
    /// An entry of a network ACL by number; 0 where nothing matched at all.
    AclEntry(Idx<NetworkAcl>, Direction, u32),
    /// A route by the prefix that matched.
    Route(Idx<RouteTable>, IpNet),
    /// A transit gateway's route by the prefix that matched.
    TransitRoute(Idx<TransitGatewayTable>, IpNet),
}

/// One cause of a verdict.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason {
    pub leg: Leg,
    pub code: Code,
    /// Seen from the site, where a filter decided.
    pub direction: Option<Direction>,
    pub site: Site,
    pub rule: Option<RuleRef>,
    /// The rule of `docs/SEMANTICS.md` that says so.
    pub semantics: &'static str,
    /// A name or number that belongs into the sentence.
    pub note: Option<Cow<'static, str>>,
    /// For an unknown: the call that would settle it.
    pub call: Option<Call>,
    /// The packet that it was said of.
    pub packet: SaidOf,
}

/// The packet that a reason was said of, as the gate saw it: after every translation before the gate.
///
/// It belongs to the telling, not to the reason: two reasons that differ only in it are the same.
#[derive(Debug, Clone, Copy, Default)]
pub struct SaidOf(pub Option<Flow>);

impl PartialEq for SaidOf {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for SaidOf {}

impl PartialOrd for SaidOf {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SaidOf {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

impl std::hash::Hash for SaidOf {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}

/// What a stage did to the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    HostLocal,
    CniSnat,
    SourceDestCheck,
    Unfiltered,
    PortRestriction,
    SgEgress,
    SgIngress,
    AclEgress,
    AclIngress,
    Route,
    InternetGateway,
    EgressOnlyGateway,
    NatGateway,
    Peering,
    TransitGateway,
    TransitRoute,
    Endpoint,
    EdgeRoute,
    Admission,
    Deliver,
}

impl Stage {
    /// The step's name in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Stage::HostLocal => "host_local",
            Stage::CniSnat => "cni_snat",
            Stage::SourceDestCheck => "source_dest_check",
            Stage::Unfiltered => "never_filtered",
            Stage::PortRestriction => "port_restriction",
            Stage::SgEgress => "sg_egress",
            Stage::SgIngress => "sg_ingress",
            Stage::AclEgress => "nacl_egress",
            Stage::AclIngress => "nacl_ingress",
            Stage::Route => "route",
            Stage::InternetGateway => "internet_gateway",
            Stage::EgressOnlyGateway => "egress_only_gateway",
            Stage::NatGateway => "nat_gateway",
            Stage::Peering => "peering",
            Stage::TransitGateway => "transit_gateway",
            Stage::TransitRoute => "transit_gateway_route",
            Stage::Endpoint => "endpoint",
            Stage::EdgeRoute => "edge_route",
            Stage::Admission => "admission",
            Stage::Deliver => "deliver",
        }
    }
}

/// The outcome of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It passes.
    Allowed,
    /// It passes because the flow is tracked, or was admitted as a reply; no rule was asked.
    Tracked,
    /// It does not pass.
    Blocked(Reason),
    /// Not decided by the snapshot.
    Unknown(Reason),
}

impl Outcome {
    /// The word in answers.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Outcome::Allowed => "allowed",
            Outcome::Tracked => "tracked",
            Outcome::Blocked(_) => "blocked",
            Outcome::Unknown(_) => "unknown",
        }
    }
}

/// One step of a packet's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub site: Site,
    pub stage: Stage,
    pub outcome: Outcome,
    pub rule: Option<RuleRef>,
    /// Source and destination after the step, where it rewrote one of them.
    pub rewritten: Option<(IpAddr, IpAddr)>,
}

/// A documented default that was used because the snapshot does not say otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assumption {
    /// `enableDnsSupport` is true.
    DnsSupport,
    /// `enableDnsHostnames` is what AWS sets for that kind of VPC.
    DnsHostnames,
    /// The DHCP option set names Amazon's resolver.
    DhcpOptions,
    /// VPC block public access is off.
    BlockPublicAccessOff,
    /// Nothing is excluded from VPC block public access.
    NoBlockPublicAccessExclusions,
    /// Outbound port 25 is blocked.
    Port25Blocked,
    /// The CNI translates what leaves the VPC (`AWS_VPC_K8S_CNI_EXTERNALSNAT=false`).
    CniSnat,
    /// Pod security groups are enforced strictly.
    CniStrict,
    /// The cluster's endpoint has public access from everywhere and no private access, EKS's default.
    ClusterAccess,
    /// Webhook calls and the like leave on AWS's side (`controlPlaneEgressMode=AWS_MANAGED`).
    ControlPlaneEgress,
}
