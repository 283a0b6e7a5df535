//! Gateways, peerings and transit gateways (API-9, API-12, API-13, API-15).

use serde::Deserialize;

use super::{List, StatusCode, Tag, Text};

/// `describe-internet-gateways` → `InternetGateways[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct InternetGateway {
    pub internet_gateway_id: Option<Text>,
    pub attachments: List<GatewayAttachment>,
    pub tags: List<Tag>,
}

/// An attachment of a gateway to a VPC.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct GatewayAttachment {
    pub vpc_id: Option<Text>,
    pub state: Option<Text>,
}

/// `describe-egress-only-internet-gateways` → `EgressOnlyInternetGateways[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct EgressOnlyInternetGateway {
    pub egress_only_internet_gateway_id: Option<Text>,
    pub attachments: List<GatewayAttachment>,
}

/// `describe-nat-gateways` → `NatGateways[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NatGateway {
    pub nat_gateway_id: Option<Text>,
    pub state: Option<Text>,
    pub connectivity_type: Option<Text>,
    pub availability_mode: Option<Text>,
    pub subnet_id: Option<Text>,
    pub vpc_id: Option<Text>,
    pub route_table_id: Option<Text>,
    pub nat_gateway_addresses: List<NatGatewayAddress>,
    pub tags: List<Tag>,
}

/// `NatGateways[].NatGatewayAddresses[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NatGatewayAddress {
    pub network_interface_id: Option<Text>,
    pub private_ip: Option<Text>,
    pub public_ip: Option<Text>,
    pub is_primary: Option<bool>,
    pub status: Option<Text>,
}

/// `describe-vpc-peering-connections` → `VpcPeeringConnections[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct VpcPeeringConnection {
    pub vpc_peering_connection_id: Option<Text>,
    pub status: Option<StatusCode>,
    pub accepter_vpc_info: Option<PeeringVpcInfo>,
    pub requester_vpc_info: Option<PeeringVpcInfo>,
    pub tags: List<Tag>,
}

/// One side of a peering.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PeeringVpcInfo {
    pub vpc_id: Option<Text>,
    pub owner_id: Option<Text>,
    pub region: Option<Text>,
    pub cidr_block: Option<Text>,
    pub cidr_block_set: List<PeeringCidr>,
    pub ipv6_cidr_block_set: List<PeeringCidr>,
}

/// `CidrBlockSet[]` and `Ipv6CidrBlockSet[]` of a peering.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PeeringCidr {
    pub cidr_block: Option<Text>,
    pub ipv6_cidr_block: Option<Text>,
}

/// `describe-transit-gateways` → `TransitGateways[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TransitGateway {
    pub transit_gateway_id: Option<Text>,
    pub state: Option<Text>,
    pub owner_id: Option<Text>,
    pub options: Option<TransitGatewayOptions>,
}

/// `TransitGateways[].Options` and the options of an attachment.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TransitGatewayOptions {
    pub security_group_referencing_support: Option<Text>,
    pub appliance_mode_support: Option<Text>,
    pub ipv6_support: Option<Text>,
}

/// `describe-transit-gateway-vpc-attachments` → `TransitGatewayVpcAttachments[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TransitGatewayVpcAttachment {
    pub transit_gateway_attachment_id: Option<Text>,
    pub transit_gateway_id: Option<Text>,
    pub vpc_id: Option<Text>,
    pub state: Option<Text>,
    pub subnet_ids: List<Text>,
    pub options: Option<TransitGatewayOptions>,
}

/// `describe-transit-gateway-attachments` → `TransitGatewayAttachments[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TransitGatewayAttachment {
    pub transit_gateway_attachment_id: Option<Text>,
    pub transit_gateway_id: Option<Text>,
    pub transit_gateway_owner_id: Option<Text>,
    pub resource_type: Option<Text>,
    pub resource_id: Option<Text>,
    pub resource_owner_id: Option<Text>,
    pub state: Option<Text>,
    pub association: Option<AttachmentAssociation>,
}

/// `TransitGatewayAttachments[].Association`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AttachmentAssociation {
    pub transit_gateway_route_table_id: Option<Text>,
    pub state: Option<Text>,
}

/// `describe-transit-gateway-peering-attachments` → `TransitGatewayPeeringAttachments[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TransitGatewayPeeringAttachment {
    pub transit_gateway_attachment_id: Option<Text>,
    pub requester_tgw_info: Option<TransitGatewayPeer>,
    pub accepter_tgw_info: Option<TransitGatewayPeer>,
    pub state: Option<Text>,
}

/// One side of a transit gateway peering.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TransitGatewayPeer {
    pub transit_gateway_id: Option<Text>,
    pub owner_id: Option<Text>,
    pub region: Option<Text>,
}

/// `describe-transit-gateway-route-tables` → `TransitGatewayRouteTables[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TransitGatewayRouteTable {
    pub transit_gateway_route_table_id: Option<Text>,
    pub transit_gateway_id: Option<Text>,
    pub state: Option<Text>,
}

/// `get-transit-gateway-route-table-associations` → `Associations[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TransitGatewayRouteTableAssociation {
    pub transit_gateway_attachment_id: Option<Text>,
    pub resource_id: Option<Text>,
    pub resource_type: Option<Text>,
    pub state: Option<Text>,
}

/// `get-transit-gateway-route-table-propagations` → `TransitGatewayRouteTablePropagations[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TransitGatewayPropagation {
    pub transit_gateway_attachment_id: Option<Text>,
    pub resource_id: Option<Text>,
    pub resource_type: Option<Text>,
    pub state: Option<Text>,
}

/// `search-transit-gateway-routes` → `Routes[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TransitGatewayRoute {
    pub destination_cidr_block: Option<Text>,
    pub prefix_list_id: Option<Text>,
    #[serde(rename = "Type")]
    pub kind: Option<Text>,
    pub state: Option<Text>,
    pub transit_gateway_attachments: List<TransitGatewayRouteAttachment>,
}

/// `Routes[].TransitGatewayAttachments[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TransitGatewayRouteAttachment {
    pub transit_gateway_attachment_id: Option<Text>,
    pub resource_id: Option<Text>,
    pub resource_type: Option<Text>,
}

/// `describe-vpn-gateways` → `VpnGateways[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct VpnGateway {
    pub vpn_gateway_id: Option<Text>,
    pub state: Option<Text>,
    pub vpc_attachments: List<GatewayAttachment>,
}

/// `describe-vpc-block-public-access-options` → `VpcBlockPublicAccessOptions`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct BlockPublicAccessOptions {
    pub aws_account_id: Option<Text>,
    pub aws_region: Option<Text>,
    pub internet_gateway_block_mode: Option<Text>,
    pub state: Option<Text>,
}

/// `describe-vpc-block-public-access-exclusions` → `VpcBlockPublicAccessExclusions[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct BlockPublicAccessExclusion {
    pub exclusion_id: Option<Text>,
    pub resource_arn: Option<Text>,
    pub internet_gateway_exclusion_mode: Option<Text>,
    pub state: Option<Text>,
}
