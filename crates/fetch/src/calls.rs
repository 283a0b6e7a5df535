//! One page of each call, by the SDK's clients. The SDK signs, sends and retries; what came back is read from the wire.

use aws_config::SdkConfig;
use aws_sdk_ec2::Client as Ec2;
use aws_sdk_ec2::types::{Filter, InstanceType, VpcAttributeName};
use aws_sdk_eks::Client as Eks;
use aws_sdk_elasticloadbalancingv2::Client as Balancing;
use reach_model::api::Call;

use crate::fault::Fault;
use crate::plan::{Ask, vpc_filter};
use crate::probe::Probe;

/// The clients of one account and Region.
#[derive(Debug, Clone)]
pub(crate) struct Clients {
    ec2: Ec2,
    eks: Eks,
    balancing: Balancing,
}

/// Which page of a call is wanted.
#[derive(Debug)]
pub(crate) struct Turn<'t> {
    /// What AWS gave for it; absent for the first.
    pub token: Option<String>,
    /// How many elements at most, where the user wants fewer than AWS would give.
    pub size: Option<i32>,
    /// The VPCs that calls are limited to, where AWS can do that.
    pub vpcs: &'t [String],
    /// Watches the request.
    pub probe: Probe,
}

/// Sends a request, and reads the errors.
macro_rules! send {
    ($turn:ident, $builder:expr) => {
        $builder.customize().interceptor($turn.probe.clone()).send().await.map_err(|error| Fault::of(&error))?
    };
}

/// A call whose answer has pages of at most so many elements (each at least so many, says EC2).
macro_rules! paged {
    ($turn:ident, $least:literal..=$most:literal, $builder:expr) => {{
        let size = $turn.size.unwrap_or($most).clamp($least, $most);
        let output = send!($turn, $builder.set_next_token($turn.token.clone()).max_results(size));
        Ok(output.next_token().map(str::to_owned))
    }};
}

/// The same, with a filter by VPC where the fetch is limited to some.
macro_rules! filtered {
    ($turn:ident, $call:expr, $least:literal..=$most:literal, $builder:expr) => {
        paged!($turn, $least..=$most, $builder.set_filters(filters($turn, $call)))
    };
}

/// Elastic Load Balancing's pages.
macro_rules! marked {
    ($turn:ident, $builder:expr) => {{
        let size = $turn.size.unwrap_or(400).clamp(1, 400);
        let output = send!($turn, $builder.set_marker($turn.token.clone()).page_size(size));
        Ok(output.next_marker().map(str::to_owned))
    }};
}

/// A call whose answer is whole.
macro_rules! whole {
    ($turn:ident, $builder:expr) => {{
        send!($turn, $builder);
        Ok(None)
    }};
}

impl Clients {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self { ec2: Ec2::new(config), eks: Eks::new(config), balancing: Balancing::new(config) }
    }

    /// Reads one page; the token of the next, where there is one.
    ///
    /// # Errors
    ///
    /// What AWS answers after the SDK's retries.
    pub(crate) async fn page(&self, ask: &Ask, turn: &Turn<'_>) -> Result<Option<String>, Fault> {
        // One future per service: a future is as large as its largest arm, and there are many.
        match ask.call.service() {
            "eks" => Box::pin(self.eks(ask, turn)).await,
            "elbv2" => Box::pin(self.balancing(ask, turn)).await,
            _ => Box::pin(self.ec2(ask, turn)).await,
        }
    }

    async fn ec2(&self, ask: &Ask, turn: &Turn<'_>) -> Result<Option<String>, Fault> {
        let ec2 = &self.ec2;
        let argument = |name: &str| ask.argument(name);
        let call = ask.call;
        match call {
            Call::DescribeVpcs => filtered!(turn, call, 5..=1000, ec2.describe_vpcs()),
            Call::DescribeSubnets => filtered!(turn, call, 5..=1000, ec2.describe_subnets()),
            Call::DescribeRouteTables => filtered!(turn, call, 5..=100, ec2.describe_route_tables()),
            Call::DescribeNetworkAcls => filtered!(turn, call, 5..=1000, ec2.describe_network_acls()),
            Call::DescribeSecurityGroups => paged!(turn, 5..=1000, ec2.describe_security_groups()),
            Call::DescribeSecurityGroupRules => paged!(turn, 5..=1000, ec2.describe_security_group_rules()),
            Call::DescribeNetworkInterfaces => filtered!(turn, call, 5..=1000, ec2.describe_network_interfaces()),
            Call::DescribeInstances => filtered!(turn, call, 5..=1000, ec2.describe_instances()),
            Call::DescribeInternetGateways => filtered!(turn, call, 5..=1000, ec2.describe_internet_gateways()),
            Call::DescribeEgressOnlyInternetGateways => {
                paged!(turn, 5..=255, ec2.describe_egress_only_internet_gateways())
            }
            // Its filters are called `Filter`.
            Call::DescribeNatGateways => {
                paged!(turn, 5..=1000, ec2.describe_nat_gateways().set_filter(filters(turn, call)))
            }
            Call::DescribeAddresses => whole!(turn, ec2.describe_addresses()),
            Call::DescribeVpcPeeringConnections => paged!(turn, 5..=1000, ec2.describe_vpc_peering_connections()),
            Call::DescribeVpcEndpoints => filtered!(turn, call, 5..=1000, ec2.describe_vpc_endpoints()),
            Call::DescribeManagedPrefixLists => paged!(turn, 1..=100, ec2.describe_managed_prefix_lists()),
            Call::GetManagedPrefixListEntries => {
                paged!(turn, 1..=100, ec2.get_managed_prefix_list_entries().prefix_list_id(argument("PrefixListId")))
            }
            Call::DescribePrefixLists => paged!(turn, 5..=1000, ec2.describe_prefix_lists()),
            Call::DescribeTransitGateways => paged!(turn, 5..=1000, ec2.describe_transit_gateways()),
            Call::DescribeTransitGatewayAttachments => {
                paged!(turn, 5..=1000, ec2.describe_transit_gateway_attachments())
            }
            Call::DescribeTransitGatewayVpcAttachments => {
                paged!(turn, 5..=1000, ec2.describe_transit_gateway_vpc_attachments())
            }
            Call::DescribeTransitGatewayPeeringAttachments => {
                paged!(turn, 5..=1000, ec2.describe_transit_gateway_peering_attachments())
            }
            Call::DescribeTransitGatewayRouteTables => {
                paged!(turn, 5..=1000, ec2.describe_transit_gateway_route_tables())
            }
            Call::GetTransitGatewayRouteTableAssociations => paged!(
                turn,
                5..=1000,
                ec2.get_transit_gateway_route_table_associations()
                    .transit_gateway_route_table_id(argument("TransitGatewayRouteTableId"))
            ),
            Call::GetTransitGatewayRouteTablePropagations => paged!(
                turn,
                5..=1000,
                ec2.get_transit_gateway_route_table_propagations()
                    .transit_gateway_route_table_id(argument("TransitGatewayRouteTableId"))
            ),
            Call::SearchTransitGatewayRoutes => paged!(
                turn,
                5..=1000,
                ec2.search_transit_gateway_routes()
                    .transit_gateway_route_table_id(argument("TransitGatewayRouteTableId"))
                    // It insists on a filter: this one lets every route through.
                    .filters(Filter::builder().name("state").values("active").values("blackhole").build())
            ),
            Call::DescribeVpnGateways => whole!(turn, ec2.describe_vpn_gateways()),
            Call::DescribeVpnConnections => whole!(turn, ec2.describe_vpn_connections()),
            Call::DescribeCustomerGateways => whole!(turn, ec2.describe_customer_gateways()),
            Call::DescribeCarrierGateways => paged!(turn, 5..=1000, ec2.describe_carrier_gateways()),
            Call::DescribeLocalGateways => paged!(turn, 5..=1000, ec2.describe_local_gateways()),
            Call::DescribeVpcAttribute => whole!(
                turn,
                ec2.describe_vpc_attribute()
                    .vpc_id(argument("VpcId"))
                    .attribute(VpcAttributeName::from(&*argument("Attribute")))
            ),
            Call::DescribeDhcpOptions => paged!(turn, 5..=1000, ec2.describe_dhcp_options()),
            Call::DescribeVpcBlockPublicAccessOptions => {
                whole!(turn, ec2.describe_vpc_block_public_access_options())
            }
            Call::DescribeVpcBlockPublicAccessExclusions => {
                paged!(turn, 5..=1000, ec2.describe_vpc_block_public_access_exclusions())
            }
            Call::DescribeSecurityGroupVpcAssociations => {
                paged!(turn, 5..=1000, ec2.describe_security_group_vpc_associations())
            }
            Call::DescribeStaleSecurityGroups => {
                paged!(turn, 5..=255, ec2.describe_stale_security_groups().vpc_id(argument("VpcId")))
            }
            Call::DescribeSecurityGroupReferences => {
                whole!(turn, ec2.describe_security_group_references().set_group_id(Some(ask.list("GroupId"))))
            }
            Call::GetSecurityGroupsForVpc => {
                paged!(turn, 5..=1000, ec2.get_security_groups_for_vpc().vpc_id(argument("VpcId")))
            }
            Call::DescribeTrunkInterfaceAssociations => {
                paged!(turn, 5..=255, ec2.describe_trunk_interface_associations())
            }
            Call::DescribeInstanceConnectEndpoints => {
                paged!(turn, 1..=50, ec2.describe_instance_connect_endpoints())
            }
            Call::DescribeInstanceTypes => {
                // Not with `max_results`: AWS takes one or the other.
                let types = ask.list("InstanceTypes").iter().map(|name| InstanceType::from(&**name)).collect();
                let output = send!(
                    turn,
                    ec2.describe_instance_types().set_instance_types(Some(types)).set_next_token(turn.token.clone())
                );
                Ok(output.next_token().map(str::to_owned))
            }
            Call::DescribeLaunchTemplateVersions => {
                let versions = Some(ask.list("Versions")).filter(|versions| !versions.is_empty());
                paged!(
                    turn,
                    1..=200,
                    ec2.describe_launch_template_versions()
                        .launch_template_id(argument("LaunchTemplateId"))
                        .set_versions(versions)
                )
            }
            _ => Err(Fault::unmade()),
        }
    }

    async fn balancing(&self, ask: &Ask, turn: &Turn<'_>) -> Result<Option<String>, Fault> {
        let elb = &self.balancing;
        let argument = |name: &str| ask.argument(name);
        match ask.call {
            Call::DescribeLoadBalancers => marked!(turn, elb.describe_load_balancers()),
            Call::DescribeLoadBalancerAttributes => {
                whole!(turn, elb.describe_load_balancer_attributes().load_balancer_arn(argument("LoadBalancerArn")))
            }
            Call::DescribeListeners => {
                marked!(turn, elb.describe_listeners().load_balancer_arn(argument("LoadBalancerArn")))
            }
            Call::DescribeRules => marked!(turn, elb.describe_rules().listener_arn(argument("ListenerArn"))),
            Call::DescribeTargetGroups => marked!(turn, elb.describe_target_groups()),
            Call::DescribeTargetGroupAttributes => {
                whole!(turn, elb.describe_target_group_attributes().target_group_arn(argument("TargetGroupArn")))
            }
            Call::DescribeTargetHealth => {
                whole!(turn, elb.describe_target_health().target_group_arn(argument("TargetGroupArn")))
            }
            _ => Err(Fault::unmade()),
        }
    }

    async fn eks(&self, ask: &Ask, turn: &Turn<'_>) -> Result<Option<String>, Fault> {
        let eks = &self.eks;
        let argument = |name: &str| ask.argument(name);
        match ask.call {
            Call::ListClusters => paged!(turn, 1..=100, eks.list_clusters()),
            Call::DescribeCluster => whole!(turn, eks.describe_cluster().name(argument("name"))),
            Call::ListNodegroups => {
                paged!(turn, 1..=100, eks.list_nodegroups().cluster_name(argument("clusterName")))
            }
            Call::DescribeNodegroup => whole!(
                turn,
                eks.describe_nodegroup()
                    .cluster_name(argument("clusterName"))
                    .nodegroup_name(argument("nodegroupName"))
            ),
            Call::ListFargateProfiles => {
                paged!(turn, 1..=100, eks.list_fargate_profiles().cluster_name(argument("clusterName")))
            }
            Call::DescribeFargateProfile => whole!(
                turn,
                eks.describe_fargate_profile()
                    .cluster_name(argument("clusterName"))
                    .fargate_profile_name(argument("fargateProfileName"))
            ),
            Call::ListAddons => paged!(turn, 1..=100, eks.list_addons().cluster_name(argument("clusterName"))),
            Call::DescribeAddon => whole!(
                turn,
                eks.describe_addon().cluster_name(argument("clusterName")).addon_name(argument("addonName"))
            ),
            _ => Err(Fault::unmade()),
        }
    }
}

fn filters(turn: &Turn<'_>, call: Call) -> Option<Vec<Filter>> {
    let name = vpc_filter(call).filter(|_| !turn.vpcs.is_empty())?;
    Some(vec![Filter::builder().name(name).set_values(Some(turn.vpcs.to_vec())).build()])
}
