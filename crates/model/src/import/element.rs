//! What import must know of an element besides its type: the identity that AWS gives it, and whose view of a shared
//! resource counts.

use crate::aws::{self, Text};
use crate::snapshot::Keyed;

/// The identity of an element among the answers to one call.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// AWS gives it this one.
    Of(Text),
    /// The field that must hold it is absent or empty.
    Missing(&'static str),
    /// Elements of this kind have none.
    Nameless,
}

impl Identity {
    /// Whether it is `id`.
    pub(crate) fn is(&self, id: &str) -> bool {
        matches!(self, Self::Of(own) if **own == *id)
    }
}

/// An element that import keeps once.
pub(crate) trait Element {
    /// Names the kind among all kinds.
    const KIND: &'static str;

    /// Whether it comes from a Kubernetes API server, which every moment may answer differently.
    const KUBERNETES: bool = false;

    /// Tells the kinds apart that share a type.
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    /// The identity.
    fn identity(&self) -> Identity;

    /// The account that owns it: among two accounts' views of it, the owner's counts.
    fn owner(&self) -> Option<&str> {
        None
    }

    /// Among two states of one object the one with the higher version counts.
    fn version(&self) -> u64 {
        0
    }

    /// Takes in `other` where both are parts of one answer; gives it back where they are not.
    fn absorb(&mut self, other: Self) -> Option<Self>
    where
        Self: Sized,
    {
        Some(other)
    }
}

fn required(id: Option<&str>, field: &'static str) -> Identity {
    match id {
        Some(id) if !id.is_empty() => Identity::Of(id.into()),
        _ => Identity::Missing(field),
    }
}

fn optional(id: Option<&Text>) -> Identity {
    id.filter(|id| !id.is_empty()).map_or(Identity::Nameless, |id| Identity::Of(id.clone()))
}

/// An identity of several parts; none where one of them is absent.
fn joint<const N: usize>(parts: [&Option<Text>; N]) -> Identity {
    let mut id = String::new();
    for part in parts {
        let Some(part) = part else { return Identity::Nameless };
        if !id.is_empty() {
            id.push('/');
        }
        id.push_str(part);
    }
    Identity::Of(id.into())
}

/// The ARN, else the parts of the name.
fn named<const N: usize>(arn: Option<&Text>, parts: [&Option<Text>; N]) -> Identity {
    match arn {
        Some(arn) if !arn.is_empty() => Identity::Of(arn.clone()),
        _ => joint(parts),
    }
}

/// Kinds that must have their id, and the field that names the owner.
macro_rules! with_id {
    ($($kind:ident $field:ident $key:literal $($owner:ident)?;)*) => {$(
        impl Element for aws::$kind {
            const KIND: &'static str = stringify!($kind);

            fn identity(&self) -> Identity {
                required(self.$field.as_deref(), $key)
            }

            $(fn owner(&self) -> Option<&str> {
                self.$owner.as_deref()
            })?
        }
    )*};
}

impl Element for aws::TransitGatewayAttachment {
    const KIND: &'static str = "TransitGatewayAttachment";

    fn identity(&self) -> Identity {
        // Each of two peered gateways lists the one attachment, with its own state and association (RT-43).
        match self.resource_type.as_deref() {
            Some("peering" | "tgw-peering") if self.transit_gateway_id.is_some() => {
                joint([&self.transit_gateway_attachment_id, &self.transit_gateway_id])
            }
            _ => required(self.transit_gateway_attachment_id.as_deref(), "TransitGatewayAttachmentId"),
        }
    }
}

with_id! {
    Vpc vpc_id "VpcId" owner_id;
    Subnet subnet_id "SubnetId" owner_id;
    RouteTable route_table_id "RouteTableId";
    NetworkAcl network_acl_id "NetworkAclId";
    SecurityGroup group_id "GroupId" owner_id;
    NetworkInterface network_interface_id "NetworkInterfaceId" owner_id;
    Instance instance_id "InstanceId";
    InternetGateway internet_gateway_id "InternetGatewayId";
    EgressOnlyInternetGateway egress_only_internet_gateway_id "EgressOnlyInternetGatewayId";
    NatGateway nat_gateway_id "NatGatewayId";
    VpcPeeringConnection vpc_peering_connection_id "VpcPeeringConnectionId";
    VpcEndpoint vpc_endpoint_id "VpcEndpointId";
    TransitGateway transit_gateway_id "TransitGatewayId" owner_id;
    TransitGatewayVpcAttachment transit_gateway_attachment_id "TransitGatewayAttachmentId";
    TransitGatewayPeeringAttachment transit_gateway_attachment_id "TransitGatewayAttachmentId";
    TransitGatewayRouteTable transit_gateway_route_table_id "TransitGatewayRouteTableId";
    VpnGateway vpn_gateway_id "VpnGatewayId";
    DhcpOptions dhcp_options_id "DhcpOptionsId";
    LoadBalancer load_balancer_arn "LoadBalancerArn";
    TargetGroup target_group_arn "TargetGroupArn";
}

/// Kinds whose identity is made of what there is.
macro_rules! with_identity {
    ($($kind:ident |$value:ident| $identity:expr;)*) => {$(
        impl Element for aws::$kind {
            const KIND: &'static str = stringify!($kind);

            fn identity(&self) -> Identity {
                let $value = self;
                $identity
            }
        }
    )*};
}

with_identity! {
    SecurityGroupRule |rule| optional(rule.security_group_rule_id.as_ref());
    SecurityGroupVpcAssociation |association| joint([&association.group_id, &association.vpc_id]);
    TrunkAssociation |association| joint([&association.trunk_interface_id, &association.branch_interface_id]);
    Address |address| optional(address.allocation_id.as_ref().or(address.public_ip.as_ref()));
    BlockPublicAccessOptions |options| joint([&options.aws_account_id, &options.aws_region]);
    BlockPublicAccessExclusion |exclusion| optional(exclusion.exclusion_id.as_ref());
    InstanceConnectEndpoint |endpoint| optional(endpoint.instance_connect_endpoint_id.as_ref());
    ClassicLoadBalancer |balancer| joint([&balancer.vpc_id, &balancer.load_balancer_name]);
    Listener |listener| optional(listener.listener_arn.as_ref());
    Cluster |cluster| required(cluster.arn.as_deref().or(cluster.name.as_deref()), "name");
    Nodegroup |group| named(group.nodegroup_arn.as_ref(), [&group.cluster_name, &group.nodegroup_name]);
    FargateProfile |profile| named(profile.fargate_profile_arn.as_ref(), [&profile.cluster_name, &profile.fargate_profile_name]);
    Addon |addon| named(addon.addon_arn.as_ref(), [&addon.cluster_name, &addon.addon_name]);
}

impl Element for aws::PrefixList {
    const KIND: &'static str = "PrefixList";

    /// Two calls describe prefix lists; only one of them gives CIDRs.
    fn kind(&self) -> &'static str {
        if self.cidrs.is_some() { "PrefixList with Cidrs" } else { Self::KIND }
    }

    /// The two calls give different fields of one list; each may give what the other lacks.
    fn absorb(&mut self, other: Self) -> Option<Self> {
        fn agree<T: PartialEq>(one: Option<&T>, other: Option<&T>) -> bool {
            one.is_none() || other.is_none() || one == other
        }
        let alike = agree(self.prefix_list_name.as_ref(), other.prefix_list_name.as_ref())
            && agree(self.address_family.as_ref(), other.address_family.as_ref())
            && agree(self.max_entries.as_ref(), other.max_entries.as_ref())
            && agree(self.version.as_ref(), other.version.as_ref())
            && agree(self.owner_id.as_ref(), other.owner_id.as_ref())
            && self.cidrs == other.cidrs;
        let whole = |list: &Self| list.address_family.is_some() && list.owner_id.is_some();
        // Two full answers are compared to the letter, as all others are.
        if !alike || (whole(self) == whole(&other)) {
            return Some(other);
        }
        self.prefix_list_name = self.prefix_list_name.take().or(other.prefix_list_name);
        self.address_family = self.address_family.take().or(other.address_family);
        self.max_entries = self.max_entries.or(other.max_entries);
        self.version = self.version.or(other.version);
        self.owner_id = self.owner_id.take().or(other.owner_id);
        None
    }

    fn identity(&self) -> Identity {
        required(self.prefix_list_id.as_deref(), "PrefixListId")
    }

    fn owner(&self) -> Option<&str> {
        self.owner_id.as_deref()
    }
}

impl Element for aws::VpcAttribute {
    const KIND: &'static str = "VpcAttribute";

    /// One call per attribute.
    fn kind(&self) -> &'static str {
        if self.enable_dns_support.is_some() { "EnableDnsSupport" } else { "EnableDnsHostnames" }
    }

    fn identity(&self) -> Identity {
        required(self.vpc_id.as_deref(), "VpcId")
    }
}

/// Kubernetes objects: the `uid` where there is one, else namespace and name.
macro_rules! kubernetes {
    ($($kind:ident)*) => {$(
        impl Element for aws::$kind {
            const KIND: &'static str = stringify!($kind);
            const KUBERNETES: bool = true;

            fn identity(&self) -> Identity {
                object_identity(&self.metadata)
            }

            fn version(&self) -> u64 {
                self.metadata.resource_version.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0)
            }
        }
    )*};
}

kubernetes! {
    Pod Node Service EndpointSlice DaemonSet ApiService ValidatingWebhookConfiguration MutatingWebhookConfiguration
}

fn object_identity(metadata: &aws::Metadata) -> Identity {
    if let Some(uid) = metadata.uid.as_ref().filter(|uid| !uid.is_empty()) {
        return Identity::Of(uid.clone());
    }
    let Some(name) = metadata.name.as_ref().filter(|name| !name.is_empty()) else {
        return Identity::Missing("metadata.name");
    };
    Identity::Of(format!("{}/{name}", metadata.namespace.as_deref().unwrap_or_default()).into())
}

/// Names the list that a keyed answer holds.
pub(crate) trait ListKind {
    /// The name among all kinds.
    const LIST: &'static str;
}

impl ListKind for aws::PrefixListEntry {
    const LIST: &'static str = "Entries";
}

impl ListKind for aws::TransitGatewayRouteTableAssociation {
    const LIST: &'static str = "Associations";
}

impl ListKind for aws::TransitGatewayPropagation {
    const LIST: &'static str = "TransitGatewayRouteTablePropagations";
}

impl ListKind for aws::TransitGatewayRoute {
    const LIST: &'static str = "Routes";
}

impl ListKind for aws::TargetHealth {
    const LIST: &'static str = "TargetHealthDescriptions";
}

impl<T: ListKind> Element for Keyed<T> {
    const KIND: &'static str = T::LIST;

    fn identity(&self) -> Identity {
        Identity::Of(self.id.clone())
    }

    /// An answer that AWS cut is a page of the whole.
    fn absorb(&mut self, other: Self) -> Option<Self> {
        if !self.truncated && !other.truncated {
            return Some(other);
        }
        self.truncated = true;
        let items = std::mem::take(&mut self.items.0).into_iter().chain(other.items.0);
        self.items.0 = items.collect();
        None
    }
}
