//! Resources by the ids that calls name them by, with AWS's words for those that are not there.

use std::borrow::Borrow;
use std::str::FromStr;

use super::Refusal;
use crate::ids::{EniId, NetworkAclId, PrefixListId, RouteTableId, SecurityGroupId, VpcEndpointId};
use crate::network::{
    Idx, MadeKind, Network, NetworkAcl, NetworkInterface, PrefixList, Ref, Resource, RouteTable, SecurityGroup, Subnet,
    Table, Vpc, VpcEndpoint,
};

/// How AWS words that something is not there.
pub(super) struct Kind {
    noun: &'static str,
    parameter: &'static str,
    malformed: &'static str,
    pub(super) not_found: &'static str,
}

impl Kind {
    pub(super) fn not_found(&self, id: &str) -> Refusal {
        Refusal::new(self.not_found, format!("the {} '{id}' does not exist", self.noun))
    }
}

pub(super) const GROUP: Kind = Kind {
    noun: "security group",
    parameter: "GroupId",
    malformed: "InvalidGroupId.Malformed",
    not_found: "InvalidGroup.NotFound",
};

pub(super) const PREFIX_LIST: Kind = Kind {
    noun: "prefix list",
    parameter: "PrefixListId",
    malformed: "InvalidPrefixListId.Malformed",
    not_found: "InvalidPrefixListID.NotFound",
};

pub(super) const INTERFACE: Kind = Kind {
    noun: "network interface",
    parameter: "NetworkInterfaceId",
    malformed: "InvalidNetworkInterfaceId.Malformed",
    not_found: "InvalidNetworkInterfaceID.NotFound",
};

pub(super) const SUBNET: Kind = Kind {
    noun: "subnet",
    parameter: "SubnetId",
    malformed: "InvalidSubnetID.Malformed",
    not_found: "InvalidSubnetID.NotFound",
};

pub(super) const ENDPOINT: Kind = Kind {
    noun: "VPC endpoint",
    parameter: "VpcEndpointId",
    malformed: "InvalidVpcEndpointId.Malformed",
    not_found: "InvalidVpcEndpointId.NotFound",
};

const VPC: Kind =
    Kind { noun: "VPC", parameter: "VpcId", malformed: "InvalidVpcID.Malformed", not_found: "InvalidVpcID.NotFound" };

const ACL: Kind = Kind {
    noun: "network ACL",
    parameter: "NetworkAclId",
    malformed: "InvalidNetworkAclID.Malformed",
    not_found: "InvalidNetworkAclID.NotFound",
};

const ROUTE_TABLE: Kind = Kind {
    noun: "route table",
    parameter: "RouteTableId",
    malformed: "InvalidRouteTableId.Malformed",
    not_found: "InvalidRouteTableID.NotFound",
};

/// The id that `text` stands for: what a scenario calls `new:…` has one of another name.
fn real<'a>(network: &'a Network, kind: MadeKind, text: &'a str) -> &'a str {
    let made = text.strip_prefix("new:").and_then(|name| network.made.get(&(kind, name.into())));
    made.map_or(text, |id| id)
}

/// A reference to `text`, resolved where the table holds it.
pub(super) fn reference<T>(table: &Table<T>, text: &str, kind: &Kind) -> Result<Ref<T>, Refusal>
where
    T: Resource,
    T::Id: FromStr,
{
    if let Some(idx) = table.find_text(text) {
        return Ok(Ref::Known(idx));
    }
    if text.is_empty() {
        return Err(Refusal::missing(kind.parameter));
    }
    // A name that nothing was made under is a name that is not found, whatever its form.
    if text.starts_with("new:") {
        return Err(kind.not_found(text));
    }
    match text.parse() {
        Ok(id) => Ok(Ref::Missing(id)),
        Err(_) => Err(Refusal::new(kind.malformed, format!("invalid id: \"{text}\""))),
    }
}

fn find<T>(table: &Table<T>, text: &str, kind: &Kind) -> Result<Idx<T>, Refusal>
where
    T: Resource,
    T::Id: FromStr,
{
    match reference(table, text, kind)? {
        Ref::Known(idx) => Ok(idx),
        Ref::Missing(_) => Err(kind.not_found(text)),
    }
}

pub(super) fn group_reference(network: &Network, text: &str) -> Result<Ref<SecurityGroup>, Refusal> {
    reference::<SecurityGroup>(&network.groups, real(network, MadeKind::SecurityGroup, text), &GROUP)
}

pub(super) fn list_reference(network: &Network, text: &str) -> Result<Ref<PrefixList>, Refusal> {
    reference::<PrefixList>(&network.prefix_lists, real(network, MadeKind::PrefixList, text), &PREFIX_LIST)
}

pub(super) fn endpoint_reference(network: &Network, text: &str) -> Result<Ref<VpcEndpoint>, Refusal> {
    reference::<VpcEndpoint>(&network.endpoints, real(network, MadeKind::Endpoint, text), &ENDPOINT)
}

pub(super) fn group(network: &Network, text: &str) -> Result<Idx<SecurityGroup>, Refusal> {
    find(&network.groups, real(network, MadeKind::SecurityGroup, text), &GROUP)
}

pub(super) fn endpoint(network: &Network, text: &str) -> Result<Idx<VpcEndpoint>, Refusal> {
    find(&network.endpoints, real(network, MadeKind::Endpoint, text), &ENDPOINT)
}

pub(super) fn vpc(network: &Network, text: &str) -> Result<Idx<Vpc>, Refusal> {
    find(&network.vpcs, text, &VPC)
}

pub(super) fn subnet(network: &Network, text: &str) -> Result<Idx<Subnet>, Refusal> {
    find(&network.subnets, text, &SUBNET)
}

pub(super) fn interface(network: &Network, text: &str) -> Result<Idx<NetworkInterface>, Refusal> {
    find(&network.interfaces, text, &INTERFACE)
}

pub(super) fn acl(network: &Network, text: &str) -> Result<Idx<NetworkAcl>, Refusal> {
    find(&network.acls, real(network, MadeKind::NetworkAcl, text), &ACL)
}

pub(super) fn route_table(network: &Network, text: &str) -> Result<Idx<RouteTable>, Refusal> {
    find(&network.route_tables, real(network, MadeKind::RouteTable, text), &ROUTE_TABLE)
}

pub(super) fn prefix_list(network: &Network, text: &str) -> Result<Idx<PrefixList>, Refusal> {
    find(&network.prefix_lists, real(network, MadeKind::PrefixList, text), &PREFIX_LIST)
}

/// A resource that can be made, with an id of its own for what was just made under `name`.
pub(super) trait Made: Resource {
    const KIND: MadeKind;
    const PREFIX: &'static str;
}

impl Made for SecurityGroup {
    const KIND: MadeKind = MadeKind::SecurityGroup;
    const PREFIX: &'static str = SecurityGroupId::PREFIX;
}

impl Made for VpcEndpoint {
    const KIND: MadeKind = MadeKind::Endpoint;
    const PREFIX: &'static str = VpcEndpointId::PREFIX;
}

impl Made for NetworkAcl {
    const KIND: MadeKind = MadeKind::NetworkAcl;
    const PREFIX: &'static str = NetworkAclId::PREFIX;
}

impl Made for RouteTable {
    const KIND: MadeKind = MadeKind::RouteTable;
    const PREFIX: &'static str = RouteTableId::PREFIX;
}

impl Made for PrefixList {
    const KIND: MadeKind = MadeKind::PrefixList;
    const PREFIX: &'static str = PrefixListId::PREFIX;
}

/// An id that no resource of `table` has: `sg-new-web`.
pub(super) fn fresh<T>(table: &Table<T>, prefix: &str, name: &str) -> Result<T::Id, Refusal>
where
    T: Resource,
    T::Id: FromStr,
{
    let keep = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let stem: String = prefix.chars().chain("new-".chars()).chain(name.chars().map(keep)).collect();
    // Deleted resources keep their shells, and a name may be used again.
    let taken = |text: &str| table.iter().any(|(_, item)| Borrow::<str>::borrow(item.id()) == text);
    let id = if taken(&stem) {
        (2..u32::MAX).map(|n| format!("{stem}-{n}")).find(|id| !taken(id)).unwrap_or_default()
    } else {
        stem
    };
    id.parse().map_err(|_| Refusal::value(format!("\"{name}\" is no name")))
}

/// Remembers that `new:NAME` is `id`, for each of these names.
pub(super) fn remember<T: Made>(network: &mut Network, id: &str, names: &[&str]) {
    for name in names {
        let name = name.strip_prefix("new:").unwrap_or(name);
        network.made.insert((T::KIND, name.into()), id.into());
    }
}

/// Ids of what AWS makes along the way.
pub(super) const INTERFACE_PREFIX: &str = EniId::PREFIX;

/// Whether `vpc` is surely another one than `other`.
pub(super) fn differ(vpc: Option<&Ref<Vpc>>, other: Option<&Ref<Vpc>>) -> bool {
    matches!((vpc, other), (Some(a), Some(b)) if a != b)
}
