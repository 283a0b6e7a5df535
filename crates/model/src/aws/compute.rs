//! Network interfaces, instances, endpoints and load balancers (API-3, API-4, API-10, API-15, API-16).

use serde::Deserialize;

use super::text::unique;
use super::{AddressText, GroupIdentifier, List, Name, StateHolder, StatusCode, Tag, Text};

/// `describe-network-interfaces` → `NetworkInterfaces[]` (tags are `TagSet` here).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct NetworkInterface {
    #[serde(deserialize_with = "unique")]
    pub network_interface_id: Option<Name>,
    /// An open string: real answers hold values that no API model lists (`nat_gateway` beside `natGateway`).
    pub interface_type: Option<Name>,
    pub description: Option<Name>,
    pub status: Option<Name>,
    pub vpc_id: Option<Name>,
    pub subnet_id: Option<Name>,
    pub availability_zone: Option<Name>,
    pub owner_id: Option<Name>,
    pub requester_id: Option<Name>,
    pub requester_managed: Option<bool>,
    pub source_dest_check: Option<bool>,
    pub groups: List<GroupIdentifier>,
    pub private_ip_address: Option<AddressText>,
    pub private_ip_addresses: List<PrivateAddress>,
    pub ipv6_addresses: List<Ipv6Address>,
    pub ipv4_prefixes: List<Ipv4Prefix>,
    pub ipv6_prefixes: List<Ipv6Prefix>,
    pub association: Option<Box<AddressAssociation>>,
    pub attachment: Option<Attachment>,
    pub connection_tracking_configuration: Option<Box<ConnectionTracking>>,
    pub deny_all_igw_traffic: Option<bool>,
    pub tag_set: List<Tag>,
}

/// `PrivateIpAddresses[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct PrivateAddress {
    pub private_ip_address: Option<AddressText>,
    pub primary: Option<bool>,
    pub association: Option<Box<AddressAssociation>>,
}

/// A public address that belongs to one private address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AddressAssociation {
    pub public_ip: Option<Text>,
    pub carrier_ip: Option<Text>,
}

/// `Ipv6Addresses[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Ipv6Address {
    pub ipv6_address: Option<Text>,
}

/// `Ipv4Prefixes[]`: a delegated /28.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Ipv4Prefix {
    pub ipv4_prefix: Option<Text>,
}

/// `Ipv6Prefixes[]`: a delegated /80.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Ipv6Prefix {
    pub ipv6_prefix: Option<Text>,
}

/// `Attachment`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Attachment {
    pub instance_id: Option<Name>,
    pub instance_owner_id: Option<Name>,
    pub device_index: Option<i64>,
    pub network_card_index: Option<i64>,
    pub status: Option<Name>,
}

/// `ConnectionTrackingConfiguration`, in seconds.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ConnectionTracking {
    pub tcp_established_timeout: Option<i64>,
    pub udp_timeout: Option<i64>,
    pub udp_stream_timeout: Option<i64>,
}

/// `describe-instances` → `Reservations[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Reservation {
    pub instances: List<Instance>,
}

/// `Reservations[].Instances[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Instance {
    #[serde(deserialize_with = "unique")]
    pub instance_id: Option<Name>,
    pub state: Option<InstanceState>,
    pub instance_type: Option<Name>,
    pub platform: Option<Name>,
    pub platform_details: Option<Name>,
    #[serde(deserialize_with = "unique")]
    pub private_dns_name: Option<Name>,
    pub private_ip_address: Option<AddressText>,
    pub public_ip_address: Option<AddressText>,
    pub vpc_id: Option<Name>,
    pub subnet_id: Option<Name>,
    pub security_groups: List<GroupIdentifier>,
    pub source_dest_check: Option<bool>,
    pub network_interfaces: List<NetworkInterface>,
    pub tags: List<Tag>,
}

/// `{"Name": "running", "Code": 16}`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct InstanceState {
    pub name: Option<Name>,
}

/// `describe-addresses` → `Addresses[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Address {
    pub public_ip: Option<Text>,
    pub allocation_id: Option<Text>,
    pub network_interface_id: Option<Text>,
    pub private_ip_address: Option<Text>,
}

/// `describe-trunk-interface-associations` → `InterfaceAssociations[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TrunkAssociation {
    pub branch_interface_id: Option<Text>,
    pub trunk_interface_id: Option<Text>,
}

/// `describe-vpc-endpoints` → `VpcEndpoints[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct VpcEndpoint {
    pub vpc_endpoint_id: Option<Text>,
    pub vpc_endpoint_type: Option<Text>,
    pub vpc_id: Option<Text>,
    pub service_name: Option<Text>,
    pub state: Option<Text>,
    pub route_table_ids: List<Text>,
    pub subnet_ids: List<Text>,
    pub groups: List<GroupIdentifier>,
    pub network_interface_ids: List<Text>,
    pub private_dns_enabled: Option<bool>,
    pub dns_options: Option<EndpointDnsOptions>,
    pub tags: List<Tag>,
}

/// `VpcEndpoints[].DnsOptions`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct EndpointDnsOptions {
    pub private_dns_only_for_inbound_resolver_endpoint: Option<bool>,
}

/// `describe-instance-connect-endpoints` → `InstanceConnectEndpoints[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct InstanceConnectEndpoint {
    pub instance_connect_endpoint_id: Option<Text>,
    pub network_interface_ids: List<Text>,
    pub preserve_client_ip: Option<bool>,
    pub state: Option<Text>,
    pub vpc_id: Option<Text>,
    pub subnet_id: Option<Text>,
}

/// `elbv2 describe-load-balancers` → `LoadBalancers[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct LoadBalancer {
    pub load_balancer_arn: Option<Text>,
    pub load_balancer_name: Option<Text>,
    #[serde(rename = "Type")]
    pub kind: Option<Text>,
    pub scheme: Option<Text>,
    pub vpc_id: Option<Text>,
    pub state: Option<StatusCode>,
    pub security_groups: List<Text>,
    pub availability_zones: List<LoadBalancerZone>,
}

/// `LoadBalancers[].AvailabilityZones[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct LoadBalancerZone {
    pub zone_name: Option<Text>,
    pub subnet_id: Option<Text>,
}

/// `elb describe-load-balancers` → `LoadBalancerDescriptions[]` (classic).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct ClassicLoadBalancer {
    pub load_balancer_name: Option<Text>,
    #[serde(rename = "VPCId")]
    pub vpc_id: Option<Text>,
}

/// `elbv2 describe-listeners` → `Listeners[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Listener {
    pub listener_arn: Option<Text>,
    pub load_balancer_arn: Option<Text>,
    pub protocol: Option<Text>,
    pub port: Option<i64>,
}

/// `elbv2 describe-target-groups` → `TargetGroups[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TargetGroup {
    pub target_group_arn: Option<Text>,
    pub target_group_name: Option<Text>,
    pub target_type: Option<Text>,
    pub protocol: Option<Text>,
    pub port: Option<i64>,
    pub vpc_id: Option<Text>,
}

/// `elbv2 describe-target-health` → `TargetHealthDescriptions[]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct TargetHealth {
    pub target: Option<Target>,
    pub target_health: Option<StateHolder>,
}

/// `TargetHealthDescriptions[].Target`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Target {
    pub id: Option<Text>,
    pub port: Option<i64>,
}
