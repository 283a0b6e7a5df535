//! Kinds of resources that matter to reachability and are not understood.

/// The beginning of a type's name, and why a change of such a resource matters. The longest beginning counts.
const KINDS: &[(&str, &str)] = &[
    ("aws_alb", "load balancers forward connections to their targets"),
    ("aws_autoscaling_group", "its instances come and go"),
    ("aws_customer_gateway", "a VPN leads to it"),
    ("aws_default_subnet", "interfaces are in subnets, and routes and network ACLs are theirs"),
    ("aws_default_vpc", "everything is in VPCs"),
    ("aws_dx_", "Direct Connect leads traffic from and to other networks"),
    ("aws_ec2_carrier_gateway", "routes lead to it"),
    ("aws_ec2_client_vpn", "clients of the VPN enter by it"),
    ("aws_ec2_instance_connect_endpoint", "connections to instances enter by it"),
    ("aws_ec2_local_gateway", "routes lead to it"),
    ("aws_ec2_network_insights", "it changes no packet"),
    ("aws_ec2_subnet_cidr_reservation", "it decides which addresses interfaces get"),
    ("aws_ec2_transit_gateway", "routes between networks lead over it"),
    ("aws_egress_only_internet_gateway", "routes to the internet lead to it"),
    ("aws_eip", "it is the public address of an interface"),
    ("aws_eks_addon", "its settings decide which addresses and groups pods have"),
    ("aws_eks_fargate_profile", "its pods get interfaces of their own"),
    ("aws_eks_node_group", "its nodes come and go"),
    ("aws_elb", "load balancers forward connections to their targets"),
    ("aws_flow_log", ""),
    ("aws_globalaccelerator", "it forwards connections to endpoints"),
    ("aws_internet_gateway", "routes to the internet lead to it"),
    ("aws_launch_template", "new instances get their groups from it"),
    ("aws_lb", "load balancers forward connections to their targets"),
    ("aws_nat_gateway", "routes to the internet lead to it, and it translates addresses"),
    ("aws_network_interface_attachment", "the interface gets an instance or loses it"),
    ("aws_networkfirewall_", "a firewall filters what is routed to it"),
    ("aws_networkmanager_", "core networks route between VPCs"),
    ("aws_placement_group", ""),
    ("aws_ram_", "subnets and prefix lists may be shared by it"),
    ("aws_route53_resolver", "names are resolved by it"),
    ("aws_security_group_vpc_association", "interfaces of another VPC may use the group"),
    ("aws_vpc_security_group_vpc_association", "interfaces of another VPC may use the group"),
    ("aws_subnet", "interfaces are in subnets, and routes and network ACLs are theirs"),
    ("aws_verifiedaccess", "connections enter by it"),
    ("aws_vpc", "everything is in VPCs"),
    ("aws_vpc_block_public_access", "it stops traffic of internet gateways"),
    ("aws_vpc_dhcp_options", "it decides who resolves names"),
    ("aws_vpc_endpoint_policy", ""),
    ("aws_vpc_endpoint_connection_notification", ""),
    ("aws_vpc_endpoint_service", "endpoints lead to the service"),
    ("aws_vpc_ipv4_cidr_block_association", "addresses of the VPC and its local routes"),
    ("aws_vpc_ipv6_cidr_block_association", "addresses of the VPC and its local routes"),
    ("aws_vpc_peering_connection", "routes to another VPC lead over it"),
    ("aws_vpclattice", "services are reached by it"),
    ("aws_vpn_", "routes to other networks lead to it"),
    ("awscc_ec2_", "a resource of the network, by the Cloud Control provider, which is not read"),
    ("awscc_eks_", "a resource of a cluster, by the Cloud Control provider, which is not read"),
    ("awscc_elasticloadbalancingv2_", "a load balancer, by the Cloud Control provider, which is not read"),
    ("awscc_networkfirewall_", "a firewall, by the Cloud Control provider, which is not read"),
    ("aws_cloudformation_stack", "a stack may hold resources of the network"),
    ("aws_db_instance", "its interfaces come and go, and their groups are its own to set"),
    ("aws_rds_cluster", "its interfaces come and go, and their groups are its own to set"),
    ("aws_elasticache_", "its interfaces come and go, and their groups are its own to set"),
    ("aws_opensearch_", "its interfaces come and go, and their groups are its own to set"),
    ("aws_msk_", "its interfaces come and go, and their groups are its own to set"),
    ("aws_efs_mount_target", "its interface comes and goes, and its groups are its own to set"),
    ("aws_lambda_function", "in a VPC its interfaces come and go, and their groups are its own to set"),
    ("aws_ecs_service", "its tasks have interfaces, and their groups are its own to set"),
    ("aws_spot_instance_request", "an instance with interfaces of its own"),
];

/// Why a change of a resource of this kind matters; `None` where it does not.
pub(crate) fn why(kind: &str) -> Option<&'static str> {
    let matching = KINDS.iter().filter(|(start, _)| kind.starts_with(start));
    matching.max_by_key(|(start, _)| start.len()).map(|(_, why)| *why).filter(|why| !why.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_beginning_counts() {
        assert_eq!(why("aws_vpc"), Some("everything is in VPCs"));
        assert!(why("aws_vpc_peering_connection_accepter").is_some_and(|why| why.contains("another VPC")));
        assert_eq!(why("aws_flow_log"), None);
        assert_eq!(why("aws_s3_bucket"), None);
        assert!(why("aws_ec2_transit_gateway_route").is_some());
        assert!(why("awscc_ec2_security_group").is_some());
    }
}
