//! The validated network: every resource typed, every reference resolved or recorded as missing.
//!
//! A `Network` says what is configured; what a configuration *does* to a packet is the engines' business. Dangling
//! references are kept as [`Ref::Missing`], and collections that were not collected are `None`: neither is ever read
//! as empty.

mod apply;
mod build;
mod cluster;
mod filter;
mod interface;
mod kubernetes;
mod place;
mod routing;
mod table;
mod timeout;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

pub use apply::{Refusal, RuleCounts};
pub use build::{BuildErrors, build, build_owned};
pub use cluster::{Cluster, CniSettings};
pub use filter::{
    Direction, GroupPeer, NetworkAcl, NetworkAclAssociation, NetworkAclEntry, Peer, PrefixList, RuleProtocol,
    SecurityGroup, SecurityGroupRule,
};
pub use interface::{
    AddressIndex, EndpointKind, Instance, InstanceConnectEndpoint, InterfaceAddress, InterfaceAttachment,
    InterfaceKind, LoadBalancer, NetworkInterface, VpcEndpoint,
};
pub use kubernetes::{ApiService, Kubernetes, Pod, Service, ServicePort, ServiceReference, Webhook, WebhookClient};
pub use place::{BlockMode, DnsServers, Subnet, Vpc};
pub use routing::{
    AssociatedWith, Association, Attachment, AttachmentKind, Destination, EgressOnlyGateway, InternetGateway,
    NatAddress, NatGateway, Peering, PeeringSide, Route, RouteOrigin, RouteState, RouteTable, RouteTableAssociation,
    RouteTarget, TransitGateway, TransitGatewayRoute, TransitGatewayTable,
};
pub use table::{Idx, Ref, Resource, Table};
pub use timeout::IdleTimeouts;

use crate::api::Call;
use crate::aws::{Name, Tag};
use crate::ids::{TransitGatewayAttachmentId, TransitGatewayId};
use crate::snapshot::{CallStatus, Coverage, ScopeIndex};

/// Tags by key, sorted.
pub type Tags = Box<[(Name, Name)]>;

/// What a change can make that later changes refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MadeKind {
    SecurityGroup,
    Endpoint,
    NetworkAcl,
    RouteTable,
    PrefixList,
}

/// Everything that the snapshot says about the network.
#[derive(Debug, Clone, Default)]
pub struct Network {
    pub vpcs: Table<Vpc>,
    pub subnets: Table<Subnet>,
    pub groups: Table<SecurityGroup>,
    pub acls: Table<NetworkAcl>,
    pub prefix_lists: Table<PrefixList>,
    pub interfaces: Table<NetworkInterface>,
    pub instances: Table<Instance>,
    pub endpoints: Table<VpcEndpoint>,
    pub load_balancers: Vec<LoadBalancer>,
    pub instance_connect_endpoints: Vec<InstanceConnectEndpoint>,
    pub route_tables: Table<RouteTable>,
    pub internet_gateways: Table<InternetGateway>,
    pub egress_only_gateways: Table<EgressOnlyGateway>,
    pub nat_gateways: Table<NatGateway>,
    pub peerings: Table<Peering>,
    pub transit_gateways: Table<TransitGateway>,
    pub attachments: Table<Attachment>,
    pub transit_gateway_tables: Table<TransitGatewayTable>,
    /// Peerings between transit gateways: the attachment and its two ends.
    pub gateway_peerings: Vec<(TransitGatewayAttachmentId, [Option<TransitGatewayId>; 2])>,
    pub clusters: Table<Cluster>,
    pub kubernetes: Arc<Kubernetes>,
    pub addresses: Arc<AddressIndex>,
    pub coverage: Coverage,
    /// Scopes whose instances name interfaces that the otherwise whole list of interfaces lacks (M-10).
    pub interfaces_left_out: BTreeSet<ScopeIndex>,
    /// Accounts whose security groups are in the snapshot: the accounts it was taken in (RT-52).
    pub account_owners: BTreeSet<Box<str>>,
    /// Ids of what changes have made, by kind and by the name that a scenario knows it under (`new:web`).
    pub made: BTreeMap<(MadeKind, Box<str>), Box<str>>,
    /// Disagreements that do not stop an analysis.
    pub warnings: Vec<String>,
}

impl Network {
    /// Whether `call` was answered in full in `scope`, for every VPC.
    pub fn collected(&self, scope: ScopeIndex, call: Call) -> bool {
        self.coverage.is_complete(scope, call)
    }

    /// Whether `call` was answered in full for `vpc`, or for every VPC where none is named.
    pub fn collected_for(&self, vpc: Option<Idx<Vpc>>, call: Call) -> bool {
        match vpc {
            Some(vpc) => {
                let vpc = self.vpcs.get(vpc);
                self.coverage.is_complete_for(vpc.scope, vpc.id.as_str(), call)
            }
            // Every place that EC2 was asked in, whatever came of it, and that of every VPC.
            None => {
                let mut scopes: BTreeSet<ScopeIndex> = self.asked().collect();
                scopes.extend(self.vpcs.iter().map(|(_, vpc)| vpc.scope));
                !scopes.is_empty() && scopes.into_iter().all(|scope| self.collected(scope, call))
            }
        }
    }

    /// The accounts and Regions in which EC2 was asked anything. Files that name none speak for all: alone they are one.
    fn asked(&self) -> impl Iterator<Item = ScopeIndex> {
        let asked = self.coverage.calls.keys().filter(|(_, call)| call.service() == "ec2").map(|&(scope, _)| scope);
        let scopes: BTreeSet<ScopeIndex> = asked.collect();
        let several = scopes.len() > 1;
        scopes.into_iter().filter(move |&scope| scope != 0 || !several)
    }

    /// Whether a public address that no interface has may be one of an interface that the snapshot leaves out: of a VPC
    /// that it was not limited to, or of a place where AWS refused to list interfaces.
    pub fn may_own_elsewhere(&self) -> bool {
        let call = Call::DescribeNetworkInterfaces;
        let told = |scope: ScopeIndex| self.coverage.status(scope, call) == CallStatus::Complete;
        let any = self.asked().any(told);
        any && self.asked().any(|scope| !self.collected(scope, call))
    }

    /// Whether an address of `vpc` that no interface of the snapshot has is surely nobody's.
    pub fn every_interface_known(&self, vpc: Idx<Vpc>) -> bool {
        self.collected_for(Some(vpc), Call::DescribeNetworkInterfaces)
            && !self.interfaces_left_out.contains(&self.vpcs.get(vpc).scope)
    }

    /// The subnet of `vpc` that holds `address`. O(|subnets of the VPC|).
    pub fn subnet_of(&self, vpc: Idx<Vpc>, address: IpAddr) -> Option<Idx<Subnet>> {
        let subnets = &self.vpcs.get(vpc).subnets;
        subnets.iter().copied().find(|&subnet| self.subnets.get(subnet).contains(address))
    }

    /// The VPCs whose CIDRs hold `address`, in input order.
    pub fn vpcs_of(&self, address: IpAddr) -> Vec<Idx<Vpc>> {
        self.vpcs.iter().filter(|(_, vpc)| vpc.contains(address)).map(|(idx, _)| idx).collect()
    }
}

/// Sorted key-value pairs of a tag list.
fn tags(list: &[Tag]) -> Tags {
    let mut tags = Vec::with_capacity(list.len());
    tags.extend(list.iter().filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()))));
    tags.sort();
    tags.into_boxed_slice()
}

/// The `Name` tag, where it is not empty.
fn name_of(list: &[Tag]) -> Option<Name> {
    let tag = list.iter().find(|tag| tag.key.as_deref() == Some("Name"))?;
    tag.value.clone().filter(|name| !name.is_empty())
}

/// The value of a tag.
pub fn tag<'t>(tags: &'t [(Name, Name)], key: &str) -> Option<&'t str> {
    tags.binary_search_by(|(k, _)| (**k).cmp(key)).ok().and_then(|i| tags.get(i)).map(|(_, value)| &**value)
}
