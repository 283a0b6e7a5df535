//! VPCs, subnets, route tables, filters and prefix lists (API-1, API-2, API-5 to API-8, API-11, API-14).

use serde::Deserialize;

use super::{List, Scalar, StateHolder, Tag, Text};

/// `describe-vpcs` → `Vpcs[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Vpc {
    pub vpc_id: Option<Text>,
    /// The primary IPv4 CIDR: the DNS server is its base + 2.
    pub cidr_block: Option<Text>,
    pub cidr_block_association_set: List<CidrAssociation>,
    pub ipv6_cidr_block_association_set: List<CidrAssociation>,
    pub dhcp_options_id: Option<Text>,
    pub owner_id: Option<Text>,
    pub is_default: Option<bool>,
    pub block_public_access_states: Option<BlockPublicAccessStates>,
    pub encryption_control: Option<StateHolder>,
    pub tags: List<Tag>,
}

/// An element of `CidrBlockAssociationSet` or `Ipv6CidrBlockAssociationSet`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct CidrAssociation {
    pub cidr_block: Option<Text>,
    pub cidr_block_state: Option<StateHolder>,
    pub ipv6_cidr_block: Option<Text>,
    pub ipv6_cidr_block_state: Option<StateHolder>,
    pub ipv6_address_attribute: Option<Text>,
}

/// `BlockPublicAccessStates` of a VPC or a subnet.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct BlockPublicAccessStates {
    pub internet_gateway_block_mode: Option<Text>,
}

/// `describe-vpc-attribute`: one attribute of one VPC.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct VpcAttribute {
    pub vpc_id: Option<Text>,
    pub enable_dns_support: Option<AttributeValue>,
    pub enable_dns_hostnames: Option<AttributeValue>,
}

/// `{"Value": true}`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AttributeValue {
    pub value: Option<bool>,
}

/// `describe-dhcp-options` → `DhcpOptions[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DhcpOptions {
    pub dhcp_options_id: Option<Text>,
    pub dhcp_configurations: List<DhcpConfiguration>,
}

/// One DHCP option.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DhcpConfiguration {
    pub key: Option<Text>,
    pub values: List<DhcpValue>,
}

/// A value of a DHCP option.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct DhcpValue {
    pub value: Option<Text>,
}

/// `describe-subnets` → `Subnets[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Subnet {
    pub subnet_id: Option<Text>,
    pub vpc_id: Option<Text>,
    pub cidr_block: Option<Text>,
    pub ipv6_cidr_block_association_set: List<CidrAssociation>,
    pub availability_zone: Option<Text>,
    pub availability_zone_id: Option<Text>,
    pub owner_id: Option<Text>,
    pub ipv6_native: Option<bool>,
    pub enable_dns64: Option<bool>,
    pub block_public_access_states: Option<BlockPublicAccessStates>,
    pub outpost_arn: Option<Text>,
    pub tags: List<Tag>,
}

/// `describe-security-groups` → `SecurityGroups[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct SecurityGroup {
    pub group_id: Option<Text>,
    pub group_name: Option<Text>,
    pub vpc_id: Option<Text>,
    pub owner_id: Option<Text>,
    pub ip_permissions: List<IpPermission>,
    pub ip_permissions_egress: List<IpPermission>,
    pub tags: List<Tag>,
}

/// One packed permission: several peers of the same protocol and ports (SG-14).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct IpPermission {
    pub ip_protocol: Option<Scalar>,
    pub from_port: Option<i64>,
    pub to_port: Option<i64>,
    pub ip_ranges: List<IpRange>,
    pub ipv6_ranges: List<Ipv6Range>,
    pub prefix_list_ids: List<PrefixListReference>,
    pub user_id_group_pairs: List<GroupReference>,
}

/// `IpRanges[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct IpRange {
    pub cidr_ip: Option<Text>,
}

/// `Ipv6Ranges[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Ipv6Range {
    pub cidr_ipv6: Option<Text>,
}

/// `PrefixListIds[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PrefixListReference {
    pub prefix_list_id: Option<Text>,
}

/// `UserIdGroupPairs[]` and `ReferencedGroupInfo`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct GroupReference {
    pub group_id: Option<Text>,
    /// EC2-Classic and default-VPC answers of old API ages name the group instead.
    pub group_name: Option<Text>,
    pub user_id: Option<Text>,
    pub vpc_id: Option<Text>,
    pub vpc_peering_connection_id: Option<Text>,
    pub peering_status: Option<Text>,
}

/// `describe-security-group-rules` → `SecurityGroupRules[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct SecurityGroupRule {
    pub security_group_rule_id: Option<Text>,
    pub group_id: Option<Text>,
    pub is_egress: Option<bool>,
    pub ip_protocol: Option<Scalar>,
    pub from_port: Option<i64>,
    pub to_port: Option<i64>,
    pub cidr_ipv4: Option<Text>,
    pub cidr_ipv6: Option<Text>,
    pub prefix_list_id: Option<Text>,
    pub referenced_group_info: Option<GroupReference>,
}

/// `describe-security-group-vpc-associations` → `SecurityGroupVpcAssociations[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct SecurityGroupVpcAssociation {
    pub group_id: Option<Text>,
    pub vpc_id: Option<Text>,
    pub state: Option<Text>,
}

/// `describe-network-acls` → `NetworkAcls[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NetworkAcl {
    pub network_acl_id: Option<Text>,
    pub vpc_id: Option<Text>,
    pub is_default: Option<bool>,
    pub associations: List<NetworkAclAssociation>,
    pub entries: List<NetworkAclEntry>,
    pub tags: List<Tag>,
}

/// `NetworkAcls[].Associations[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NetworkAclAssociation {
    pub network_acl_association_id: Option<Text>,
    pub subnet_id: Option<Text>,
}

/// `NetworkAcls[].Entries[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NetworkAclEntry {
    pub egress: Option<bool>,
    pub rule_number: Option<i64>,
    pub protocol: Option<Scalar>,
    pub rule_action: Option<Text>,
    pub cidr_block: Option<Text>,
    pub ipv6_cidr_block: Option<Text>,
    pub port_range: Option<PortRange>,
    pub icmp_type_code: Option<IcmpTypeCode>,
}

/// `{"From": …, "To": …}`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PortRange {
    pub from: Option<i64>,
    pub to: Option<i64>,
}

/// `{"Type": …, "Code": …}`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct IcmpTypeCode {
    #[serde(rename = "Type")]
    pub kind: Option<i64>,
    pub code: Option<i64>,
}

/// `describe-route-tables` → `RouteTables[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RouteTable {
    pub route_table_id: Option<Text>,
    pub vpc_id: Option<Text>,
    pub associations: List<RouteTableAssociation>,
    pub propagating_vgws: List<PropagatingVgw>,
    pub routes: List<Route>,
    pub tags: List<Tag>,
}

/// `RouteTables[].Associations[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RouteTableAssociation {
    pub route_table_association_id: Option<Text>,
    pub main: Option<bool>,
    pub subnet_id: Option<Text>,
    pub gateway_id: Option<Text>,
    pub association_state: Option<StateHolder>,
}

/// `RouteTables[].PropagatingVgws[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PropagatingVgw {
    pub gateway_id: Option<Text>,
}

/// `RouteTables[].Routes[]`: one destination, one target.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Route {
    pub destination_cidr_block: Option<Text>,
    pub destination_ipv6_cidr_block: Option<Text>,
    pub destination_prefix_list_id: Option<Text>,
    pub gateway_id: Option<Text>,
    pub nat_gateway_id: Option<Text>,
    pub instance_id: Option<Text>,
    pub network_interface_id: Option<Text>,
    pub transit_gateway_id: Option<Text>,
    pub vpc_peering_connection_id: Option<Text>,
    pub egress_only_internet_gateway_id: Option<Text>,
    pub local_gateway_id: Option<Text>,
    pub carrier_gateway_id: Option<Text>,
    pub core_network_arn: Option<Text>,
    pub odb_network_arn: Option<Text>,
    pub ip_address: Option<Text>,
    pub origin: Option<Text>,
    pub state: Option<Text>,
}

/// `describe-managed-prefix-lists` and `describe-prefix-lists` → `PrefixLists[]`. Only the second has `Cidrs`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PrefixList {
    pub prefix_list_id: Option<Text>,
    pub prefix_list_name: Option<Text>,
    pub address_family: Option<Text>,
    pub max_entries: Option<i64>,
    pub version: Option<i64>,
    pub owner_id: Option<Text>,
    pub cidrs: Option<Vec<Text>>,
}

/// `get-managed-prefix-list-entries` → `Entries[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PrefixListEntry {
    pub cidr: Option<Text>,
}
