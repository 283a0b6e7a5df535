//! What AWS said: the typed answers of all calls, where each element came from, and which calls were made.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::Call;
use crate::aws::{self, List, Text};
use crate::time::Span;

/// Index into [`Snapshot::files`].
pub type FileIndex = u32;

/// Index into [`Coverage::scopes`].
pub type ScopeIndex = u32;

/// Where an element stood in the input: file, top-level key and position.
///
/// Rendered as `sg.json: SecurityGroups[3]`; a stage that finds fault with a field appends its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file.
    pub file: FileIndex,
    /// The top-level key (`SecurityGroups`).
    pub key: &'static str,
    /// Position in the array; `None` where the key holds one object.
    pub index: Option<u32>,
    /// Position in the inner array (`Reservations[i].Instances[j]`).
    pub inner: Option<u32>,
    /// The account and Region the call was made in.
    pub scope: ScopeIndex,
}

impl Place {
    /// The key of the list inside each element, for the keys whose elements are lists themselves: AWS's reservations
    /// and the per-id answers that Batfish gathers under one key.
    pub const fn inner_key(self) -> Option<&'static str> {
        match self.key.as_bytes() {
            b"Reservations" => Some("Instances"),
            b"TransitGatewayStaticRoutes" => Some("Routes"),
            b"TransitGatewayPropagations" => Some("TransitGatewayRouteTablePropagations"),
            b"LoadBalancerListeners" => Some("Listeners"),
            b"LoadBalancerTargetHealth" => Some("TargetHealthDescriptions"),
            _ => None,
        }
    }

    /// The JSON path in the file: `SecurityGroups[3]`, `Reservations[0].Instances[1]`.
    pub fn path(self) -> String {
        let position = |index: Option<u32>| index.map_or_else(String::new, |index| format!("[{index}]"));
        let mut path = format!("{}{}", self.key, position(self.index));
        if let Some(list) = self.inner_key().filter(|_| self.index.is_some()) {
            path.push('.');
            path.push_str(list);
            path.push_str(&position(self.inner));
        }
        path
    }
}

/// An element and where it stood.
#[derive(Debug, Clone)]
pub struct Located<T> {
    /// The element.
    pub value: T,
    /// Where it stood.
    pub at: Place,
}

/// A list that AWS returns for one id that the answer itself may not name.
#[derive(Debug, Clone)]
pub struct Keyed<T> {
    /// The id the call was asked for, from a sibling key or the file's name.
    pub id: Text,
    /// The elements.
    pub items: List<T>,
    /// Whether a next page was not followed or AWS said that there is more.
    pub truncated: bool,
}

/// Every resource of every kind, in input order, without duplicates.
#[derive(Debug, Default)]
pub struct Resources {
    pub vpcs: Vec<Located<aws::Vpc>>,
    pub subnets: Vec<Located<aws::Subnet>>,
    pub route_tables: Vec<Located<aws::RouteTable>>,
    pub network_acls: Vec<Located<aws::NetworkAcl>>,
    pub security_groups: Vec<Located<aws::SecurityGroup>>,
    pub security_group_rules: Vec<Located<aws::SecurityGroupRule>>,
    pub security_group_vpc_associations: Vec<Located<aws::SecurityGroupVpcAssociation>>,
    pub network_interfaces: Vec<Located<aws::NetworkInterface>>,
    pub instances: Vec<Located<aws::Instance>>,
    pub trunk_associations: Vec<Located<aws::TrunkAssociation>>,
    pub internet_gateways: Vec<Located<aws::InternetGateway>>,
    pub egress_only_gateways: Vec<Located<aws::EgressOnlyInternetGateway>>,
    pub nat_gateways: Vec<Located<aws::NatGateway>>,
    pub addresses: Vec<Located<aws::Address>>,
    pub peerings: Vec<Located<aws::VpcPeeringConnection>>,
    pub vpc_endpoints: Vec<Located<aws::VpcEndpoint>>,
    pub prefix_lists: Vec<Located<aws::PrefixList>>,
    pub prefix_list_entries: Vec<Located<Keyed<aws::PrefixListEntry>>>,
    pub transit_gateways: Vec<Located<aws::TransitGateway>>,
    pub transit_gateway_attachments: Vec<Located<aws::TransitGatewayAttachment>>,
    pub transit_gateway_vpc_attachments: Vec<Located<aws::TransitGatewayVpcAttachment>>,
    pub transit_gateway_peering_attachments: Vec<Located<aws::TransitGatewayPeeringAttachment>>,
    pub transit_gateway_route_tables: Vec<Located<aws::TransitGatewayRouteTable>>,
    pub transit_gateway_associations: Vec<Located<Keyed<aws::TransitGatewayRouteTableAssociation>>>,
    pub transit_gateway_propagations: Vec<Located<Keyed<aws::TransitGatewayPropagation>>>,
    /// Whole tables as `search-transit-gateway-routes` prints them.
    pub transit_gateway_routes: Vec<Located<Keyed<aws::TransitGatewayRoute>>>,
    /// Only the static routes of a table (Batfish's `TransitGatewayStaticRoutes`).
    pub transit_gateway_static_routes: Vec<Located<Keyed<aws::TransitGatewayRoute>>>,
    pub vpn_gateways: Vec<Located<aws::VpnGateway>>,
    pub vpc_attributes: Vec<Located<aws::VpcAttribute>>,
    pub dhcp_options: Vec<Located<aws::DhcpOptions>>,
    pub block_public_access_options: Vec<Located<aws::BlockPublicAccessOptions>>,
    pub block_public_access_exclusions: Vec<Located<aws::BlockPublicAccessExclusion>>,
    pub instance_connect_endpoints: Vec<Located<aws::InstanceConnectEndpoint>>,
    pub load_balancers: Vec<Located<aws::LoadBalancer>>,
    pub classic_load_balancers: Vec<Located<aws::ClassicLoadBalancer>>,
    pub listeners: Vec<Located<aws::Listener>>,
    pub target_groups: Vec<Located<aws::TargetGroup>>,
    pub target_health: Vec<Located<Keyed<aws::TargetHealth>>>,
    pub clusters: Vec<Located<aws::Cluster>>,
    pub nodegroups: Vec<Located<aws::Nodegroup>>,
    pub fargate_profiles: Vec<Located<aws::FargateProfile>>,
    pub addons: Vec<Located<aws::Addon>>,
    pub pods: Vec<Located<aws::Pod>>,
    pub nodes: Vec<Located<aws::Node>>,
    pub services: Vec<Located<aws::Service>>,
    pub endpoint_slices: Vec<Located<aws::EndpointSlice>>,
    pub daemon_sets: Vec<Located<aws::DaemonSet>>,
    pub api_services: Vec<Located<aws::ApiService>>,
    pub validating_webhooks: Vec<Located<aws::ValidatingWebhookConfiguration>>,
    pub mutating_webhooks: Vec<Located<aws::MutatingWebhookConfiguration>>,
}

/// An account and Region, as far as path or document tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// Twelve digits.
    pub account: Option<Text>,
    /// `eu-west-1`.
    pub region: Option<Text>,
}

/// What became of one call in one scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallStatus {
    /// All pages were read.
    Complete,
    /// A page was not followed: counts as denied.
    Truncated,
    /// AWS refused, with this error code.
    Denied(Text),
    /// The call failed otherwise.
    Failed(Text),
    /// The call was not made.
    NotCollected,
}

/// Which calls were made where.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// The scopes that occur; index 0 is the scope of files that name none.
    pub scopes: Vec<Scope>,
    /// Sorted by scope and call; a pair that is absent was not collected.
    pub calls: BTreeMap<(ScopeIndex, Call), CallStatus>,
    /// Calls that were limited to some VPCs, and to which: of what lies in others they say nothing.
    pub within: BTreeMap<(ScopeIndex, Call), BTreeSet<Text>>,
}

impl Coverage {
    /// The fate of `call` in `scope`. A file that names no account and Region (scope 0) speaks for all of them.
    pub fn status(&self, scope: ScopeIndex, call: Call) -> CallStatus {
        let own = self.calls.get(&(scope, call));
        let unscoped = self.calls.get(&(0, call));
        match (own, unscoped) {
            (Some(status), _) | (None, Some(status)) => status.clone(),
            (None, None) => CallStatus::NotCollected,
        }
    }

    /// Whether `call` was answered in full in `scope`, for every VPC.
    pub fn is_complete(&self, scope: ScopeIndex, call: Call) -> bool {
        self.status(scope, call) == CallStatus::Complete && self.limit(scope, call).is_none()
    }

    /// Whether `call` was answered in full for `vpc` in `scope`.
    pub fn is_complete_for(&self, scope: ScopeIndex, vpc: &str, call: Call) -> bool {
        self.status(scope, call) == CallStatus::Complete
            && self.limit(scope, call).is_none_or(|vpcs| vpcs.contains(vpc))
    }

    /// The VPCs that `call` was limited to in `scope`, where the answer that counts was.
    pub fn limit(&self, scope: ScopeIndex, call: Call) -> Option<&BTreeSet<Text>> {
        let key = if self.calls.contains_key(&(scope, call)) { (scope, call) } else { (0, call) };
        self.within.get(&key)
    }
}

/// Everything that was read.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// When the snapshot was made (RFC 3339), where a document tells; the earliest of several.
    pub created: Option<Text>,
    /// From the first call to the last one, where documents tell times.
    pub span: Option<Span>,
    /// The files, as the user would name them.
    pub files: Vec<String>,
    /// The typed answers.
    pub resources: Resources,
    /// Which calls were made.
    pub coverage: Coverage,
    /// Disagreements that do not stop an analysis: `file: path: message`.
    pub warnings: Vec<String>,
}

impl Snapshot {
    /// `sg.json: SecurityGroups[3]`, with `path` (`.IpPermissions[0]`) appended.
    pub fn locate(&self, at: Place, path: &str) -> String {
        let file = self.files.get(at.file as usize).map_or("", String::as_str);
        format!("{file}: {}{path}", at.path())
    }
}
