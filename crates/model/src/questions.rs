//! Which questions a call can turn unknown, or answer by an assumption, where it was not answered.

use crate::api::Call;

const ANY: &str = "every question";
const INSIDE: &str = "anything between two subnets or to the outside";
const INTERNET: &str = "anything from or to the internet";
const NAMED: &str = "node, name/… and tag/… as an end";
const TRANSIT: &str = "anything through a transit gateway";
const LISTS: &str = "anything that a rule or route admits by a prefix list";
const SERVICES: &str = "aws/… (node to ecr.api, s3, sts, …)";
const BALANCERS: &str = "lb/… as an end, and targets behind a load balancer";
const APISERVER: &str = "apiserver as an end (node to apiserver, client to apiserver)";
const PODS: &str = "pod to anything outside of its VPC";

/// The kinds of questions that need the answer to `call`, the most frequent first. Empty for a call that decides none.
pub fn questions(call: Call) -> &'static [&'static str] {
    match call {
        Call::DescribeVpcs | Call::DescribeSubnets | Call::DescribeSecurityGroups | Call::DescribeNetworkInterfaces => {
            &[ANY]
        }
        Call::DescribeRouteTables => &[INSIDE, INTERNET, SERVICES],
        Call::DescribeNetworkAcls => &[INSIDE],
        Call::DescribeInstances => {
            &[NAMED, "anything from or to an instance: a stopped one neither sends nor receives"]
        }
        Call::DescribeNatGateways => &["anything through a NAT gateway (node to the internet from a private subnet)"],
        Call::DescribeVpcPeeringConnections => &["anything through a peering"],
        Call::DescribeVpcEndpoints => &[SERVICES, "anything through a gateway endpoint"],
        Call::DescribeManagedPrefixLists | Call::GetManagedPrefixListEntries => &[LISTS],
        Call::DescribeTransitGateways
        | Call::DescribeTransitGatewayAttachments
        | Call::DescribeTransitGatewayVpcAttachments
        | Call::DescribeTransitGatewayPeeringAttachments
        | Call::DescribeTransitGatewayRouteTables
        | Call::GetTransitGatewayRouteTableAssociations
        | Call::GetTransitGatewayRouteTablePropagations
        | Call::SearchTransitGatewayRoutes => &[TRANSIT],
        Call::DescribeVpnGateways => &["anything through a virtual private gateway"],
        Call::DescribeVpcAttribute | Call::DescribeDhcpOptions => &[APISERVER, SERVICES],
        Call::DescribeInternetGateways
        | Call::DescribeEgressOnlyInternetGateways
        | Call::DescribeVpcBlockPublicAccessOptions
        | Call::DescribeVpcBlockPublicAccessExclusions => &[INTERNET],
        Call::DescribeSecurityGroupVpcAssociations => &["anything that a rule of a group of another VPC admits"],
        Call::DescribeTrunkInterfaceAssociations => &["pod with a security group of its own"],
        Call::DescribeInstanceConnectEndpoints => &["anything from an EC2 Instance Connect endpoint"],
        Call::DescribeLoadBalancers
        | Call::DescribeListeners
        | Call::DescribeTargetGroups
        | Call::DescribeTargetHealth => &[BALANCERS],
        Call::DescribeCluster => &[APISERVER, "check eks"],
        Call::DescribeAddon => &[PODS],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Role;

    #[test]
    fn every_call_that_decides_decides_some_question() {
        for &call in Call::ALL {
            let decides = call.role() != Role::Informative;
            assert_eq!(!questions(call).is_empty(), decides, "{call}");
        }
    }
}
