//! Changes as AWS API calls: the call's own name and its own JSON input, `{"AuthorizeSecurityGroupIngress": {"GroupId":
//! "sg-…", "IpPermissions": […]}}`.
//!
//! Values may be unknown, as Terraform's are before an apply ([`UNKNOWN`], [`unknown_id`]): what they name is as good as
//! outside the snapshot, so that answers which depend on it are `unknown`.
//!
//! A change is data. [`Network::apply`](crate::Network::apply) says what the network would be after it, or how AWS would
//! refuse it.

mod made;
mod unknown;

use serde::{Deserialize, Serialize};

pub use made::{
    CreateManagedPrefixList, CreateNetworkAcl, CreateRouteTable, DeleteManagedPrefixList, DeleteNetworkAcl,
    DeleteRouteTable, DisassociateRouteTable, TagSpecification, name_in,
};
pub use unknown::{UNKNOWN, is_unknown, unknown_id};

/// One call that changes the network, by the API's name of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    AuthorizeSecurityGroupIngress(GroupRules),
    AuthorizeSecurityGroupEgress(GroupRules),
    RevokeSecurityGroupIngress(GroupRules),
    RevokeSecurityGroupEgress(GroupRules),
    CreateSecurityGroup(CreateSecurityGroup),
    DeleteSecurityGroup(DeleteSecurityGroup),
    ModifyNetworkInterfaceAttribute(ModifyNetworkInterfaceAttribute),
    CreateNetworkAclEntry(NetworkAclEntry),
    ReplaceNetworkAclEntry(NetworkAclEntry),
    DeleteNetworkAclEntry(DeleteNetworkAclEntry),
    ReplaceNetworkAclAssociation(ReplaceNetworkAclAssociation),
    CreateRoute(Route),
    ReplaceRoute(Route),
    DeleteRoute(DeleteRoute),
    AssociateRouteTable(AssociateRouteTable),
    ReplaceRouteTableAssociation(ReplaceRouteTableAssociation),
    DisassociateRouteTable(DisassociateRouteTable),
    CreateRouteTable(CreateRouteTable),
    DeleteRouteTable(DeleteRouteTable),
    CreateNetworkAcl(CreateNetworkAcl),
    DeleteNetworkAcl(DeleteNetworkAcl),
    CreateManagedPrefixList(CreateManagedPrefixList),
    DeleteManagedPrefixList(DeleteManagedPrefixList),
    ModifyManagedPrefixList(ModifyManagedPrefixList),
    CreateVpcEndpoint(CreateVpcEndpoint),
    ModifyVpcEndpoint(ModifyVpcEndpoint),
    DeleteVpcEndpoints(DeleteVpcEndpoints),
    ModifyVpcAttribute(ModifyVpcAttribute),
    /// `eks update-cluster-config`: who may reach the API endpoint, and from where.
    UpdateClusterConfig(UpdateClusterConfig),
    CreateTags(TagResources),
    DeleteTags(TagResources),
}

/// Fields that calls may have and that change nothing of what they do.
const EMPTY: [&str; 3] = ["DryRun", "ClientToken", "clientRequestToken"];

impl Change {
    /// Reads one call: `{"NameOfTheCall": {…}}`, as [`Self::from_value`].
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::from_value(serde_json::from_str(text).map_err(|error| error.to_string())?)
    }

    /// Reads one call. `DryRun` and tokens are accepted: whatever a change is asked of here is a dry run. Other fields
    /// that this program does not know are refused by name, since nobody could say what they would change.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and where.
    pub fn from_value(mut value: serde_json::Value) -> Result<Self, String> {
        let calls = value.as_object_mut().ok_or("a change is an object: {\"NameOfTheCall\": {…}}")?;
        if calls.len() != 1 {
            return Err(format!("a change is one call, not {}", calls.len()));
        }
        for input in calls.values_mut().filter_map(serde_json::Value::as_object_mut) {
            input.retain(|name, _| !EMPTY.contains(&name.as_str()));
        }
        serde_path_to_error::deserialize(value).map_err(|error| error.to_string())
    }
}

/// Input of the calls that add and remove rules of a security group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct GroupRules {
    pub group_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ip_permissions: Vec<IpPermission>,
    /// Only where rules are removed: by their ids instead.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_group_rule_ids: Vec<String>,
}

/// One permission: several peers of one protocol and port range.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct IpPermission {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all.
    pub ip_protocol: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_port: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_port: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ip_ranges: Vec<IpRange>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ipv6_ranges: Vec<Ipv6Range>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prefix_list_ids: Vec<PrefixListReference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub user_id_group_pairs: Vec<GroupReference>,
}

/// `IpRanges[]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct IpRange {
    pub cidr_ip: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// `Ipv6Ranges[]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct Ipv6Range {
    #[serde(rename = "CidrIpv6")]
    pub cidr_ipv6: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// `PrefixListIds[]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct PrefixListReference {
    pub prefix_list_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// `UserIdGroupPairs[]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct GroupReference {
    pub group_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_peering_connection_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Input of `CreateSecurityGroup`. A scenario names what it makes `new:ANYTHING` in `GroupName`'s place later.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateSecurityGroup {
    pub group_name: String,
    pub description: String,
    pub vpc_id: String,
}

/// Input of `DeleteSecurityGroup`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteSecurityGroup {
    pub group_id: String,
}

/// Input of `ModifyNetworkInterfaceAttribute`: one attribute a call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifyNetworkInterfaceAttribute {
    pub network_interface_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_dest_check: Option<AttributeValue>,
}

/// `{"Value": true}`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct AttributeValue {
    pub value: bool,
}

/// Input of `CreateNetworkAclEntry` and `ReplaceNetworkAclEntry`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct NetworkAclEntry {
    pub network_acl_id: String,
    pub rule_number: u32,
    /// A number, or `-1` for all.
    pub protocol: String,
    /// `allow` or `deny`.
    pub rule_action: String,
    pub egress: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cidr_block: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_cidr_block: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port_range: Option<PortRange>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp_type_code: Option<IcmpTypeCode>,
}

/// `PortRange`, inclusive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct PortRange {
    pub from: u16,
    pub to: u16,
}

/// `IcmpTypeCode`; -1 stands for any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct IcmpTypeCode {
    #[serde(rename = "Type")]
    pub kind: i64,
    pub code: i64,
}

/// Input of `DeleteNetworkAclEntry`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteNetworkAclEntry {
    pub network_acl_id: String,
    pub rule_number: u32,
    pub egress: bool,
}

/// Input of `ReplaceNetworkAclAssociation`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct ReplaceNetworkAclAssociation {
    pub association_id: String,
    pub network_acl_id: String,
}

/// Input of `CreateRoute` and `ReplaceRoute`: one destination, one target.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct Route {
    pub route_table_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_cidr_block: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_ipv6_cidr_block: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_prefix_list_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nat_gateway_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transit_gateway_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_peering_connection_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub egress_only_internet_gateway_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_interface_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_endpoint_id: Option<String>,
    /// `ReplaceRoute` only: back to the local target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local_target: Option<bool>,
}

/// Input of `DeleteRoute`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteRoute {
    pub route_table_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_cidr_block: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_ipv6_cidr_block: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_prefix_list_id: Option<String>,
}

/// Input of `AssociateRouteTable`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct AssociateRouteTable {
    pub route_table_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subnet_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway_id: Option<String>,
}

/// Input of `ReplaceRouteTableAssociation`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct ReplaceRouteTableAssociation {
    pub association_id: String,
    pub route_table_id: String,
}

/// Input of `ModifyManagedPrefixList`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifyManagedPrefixList {
    pub prefix_list_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_version: Option<i64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_entries: Vec<PrefixListEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove_entries: Vec<PrefixListEntry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_entries: Option<i64>,
}

/// An entry of a prefix list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct PrefixListEntry {
    pub cidr: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Input of `CreateVpcEndpoint`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateVpcEndpoint {
    /// `Interface` or `Gateway` (the API's default).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vpc_endpoint_type: Option<String>,
    pub vpc_id: String,
    /// `com.amazonaws.eu-west-1.ecr.api`.
    pub service_name: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnet_ids: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_group_ids: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub route_table_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_dns_enabled: Option<bool>,
}

/// Input of `ModifyVpcEndpoint`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifyVpcEndpoint {
    pub vpc_endpoint_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_security_group_ids: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove_security_group_ids: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_route_table_ids: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove_route_table_ids: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add_subnet_ids: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remove_subnet_ids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private_dns_enabled: Option<bool>,
}

/// Input of `DeleteVpcEndpoints`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteVpcEndpoints {
    pub vpc_endpoint_ids: Vec<String>,
}

/// Input of `ModifyVpcAttribute`: one attribute a call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct ModifyVpcAttribute {
    pub vpc_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_dns_support: Option<AttributeValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_dns_hostnames: Option<AttributeValue>,
}

/// Input of EKS's `UpdateClusterConfig`, as far as the network is concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateClusterConfig {
    pub name: String,
    pub resources_vpc_config: ClusterAccess,
}

/// `resourcesVpcConfig` of `UpdateClusterConfig`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterAccess {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_public_access: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint_private_access: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_access_cidrs: Option<Vec<String>>,
}

/// Input of `CreateTags` and `DeleteTags`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct TagResources {
    pub resources: Vec<String>,
    pub tags: Vec<Tag>,
}

/// A tag; without a value `DeleteTags` removes the key whatever its value is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct Tag {
    pub key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}
