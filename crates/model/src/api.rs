//! The read-only AWS calls that a snapshot is made of, and how their answers are recognised.
//!
//! One table serves the import (which top-level key is which call), the coverage (what was not collected), the
//! `unknown` answers (the call that would settle them) and `reach snapshot script`.

use std::fmt;

/// What role a collection plays in a verdict when it was not collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Every answer that passes through it is unknown.
    Structural,
    /// Unknown only where a route, a rule, an interface or the question refers to it.
    Referenced,
    /// AWS's documented default is assumed and listed.
    Switch,
    /// Decides no packet; names, labels and other capabilities use it.
    Informative,
}

/// What a call must be told before it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// Nothing: one call per account and Region.
    None,
    /// One call per id of this kind, whose option is named here (`--prefix-list-id`).
    Each(&'static str),
}

macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident: $service:literal $operation:literal $key:literal $role:ident $argument:expr;)*) => {
        /// One read-only AWS call.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Call {
            $($(#[$doc])* $name,)*
        }

        impl Call {
            /// Every call, in the order of the table.
            pub const ALL: &'static [Call] = &[$(Call::$name,)*];

            /// The AWS CLI's service name: `ec2`, `eks`, `elbv2`, `elb`, `kubectl`.
            pub const fn service(self) -> &'static str {
                match self { $(Call::$name => $service,)* }
            }

            /// The AWS CLI's operation name.
            pub const fn operation(self) -> &'static str {
                match self { $(Call::$name => $operation,)* }
            }

            /// The top-level key of the answer.
            pub const fn key(self) -> &'static str {
                match self { $(Call::$name => $key,)* }
            }

            /// What it means when the call was not made.
            pub const fn role(self) -> Role {
                match self { $(Call::$name => Role::$role,)* }
            }

            /// What the call must be told.
            pub const fn argument(self) -> Argument {
                match self { $(Call::$name => $argument,)* }
            }
        }
    };
}

calls! {
    /// VPCs.
    DescribeVpcs: "ec2" "describe-vpcs" "Vpcs" Structural Argument::None;
    /// Subnets.
    DescribeSubnets: "ec2" "describe-subnets" "Subnets" Structural Argument::None;
    /// Route tables.
    DescribeRouteTables: "ec2" "describe-route-tables" "RouteTables" Structural Argument::None;
    /// Network ACLs.
    DescribeNetworkAcls: "ec2" "describe-network-acls" "NetworkAcls" Structural Argument::None;
    /// Security groups with their packed permissions.
    DescribeSecurityGroups: "ec2" "describe-security-groups" "SecurityGroups" Structural Argument::None;
    /// One object per rule, with its id.
    DescribeSecurityGroupRules: "ec2" "describe-security-group-rules" "SecurityGroupRules" Informative Argument::None;
    /// Network interfaces.
    DescribeNetworkInterfaces: "ec2" "describe-network-interfaces" "NetworkInterfaces" Structural Argument::None;
    /// Instances: their state and tags.
    DescribeInstances: "ec2" "describe-instances" "Reservations" Referenced Argument::None;
    /// Internet gateways.
    DescribeInternetGateways: "ec2" "describe-internet-gateways" "InternetGateways" Referenced Argument::None;
    /// Egress-only internet gateways.
    DescribeEgressOnlyInternetGateways: "ec2" "describe-egress-only-internet-gateways" "EgressOnlyInternetGateways" Referenced Argument::None;
    /// NAT gateways.
    DescribeNatGateways: "ec2" "describe-nat-gateways" "NatGateways" Referenced Argument::None;
    /// Elastic IP addresses.
    DescribeAddresses: "ec2" "describe-addresses" "Addresses" Informative Argument::None;
    /// VPC peering connections.
    DescribeVpcPeeringConnections: "ec2" "describe-vpc-peering-connections" "VpcPeeringConnections" Referenced Argument::None;
    /// VPC endpoints.
    DescribeVpcEndpoints: "ec2" "describe-vpc-endpoints" "VpcEndpoints" Referenced Argument::None;
    /// Prefix lists of customers and of AWS services, without their entries.
    DescribeManagedPrefixLists: "ec2" "describe-managed-prefix-lists" "PrefixLists" Referenced Argument::None;
    /// The entries of one prefix list.
    GetManagedPrefixListEntries: "ec2" "get-managed-prefix-list-entries" "Entries" Referenced Argument::Each("PrefixListId");
    /// AWS's own service prefix lists, with their CIDRs.
    DescribePrefixLists: "ec2" "describe-prefix-lists" "PrefixLists" Informative Argument::None;
    /// Transit gateways.
    DescribeTransitGateways: "ec2" "describe-transit-gateways" "TransitGateways" Referenced Argument::None;
    /// Attachments of every kind, with their association.
    DescribeTransitGatewayAttachments: "ec2" "describe-transit-gateway-attachments" "TransitGatewayAttachments" Referenced Argument::None;
    /// VPC attachments, with their subnets and options.
    DescribeTransitGatewayVpcAttachments: "ec2" "describe-transit-gateway-vpc-attachments" "TransitGatewayVpcAttachments" Referenced Argument::None;
    /// Peerings between transit gateways.
    DescribeTransitGatewayPeeringAttachments: "ec2" "describe-transit-gateway-peering-attachments" "TransitGatewayPeeringAttachments" Referenced Argument::None;
    /// Transit gateway route tables.
    DescribeTransitGatewayRouteTables: "ec2" "describe-transit-gateway-route-tables" "TransitGatewayRouteTables" Referenced Argument::None;
    /// The attachments associated with one transit gateway route table.
    GetTransitGatewayRouteTableAssociations: "ec2" "get-transit-gateway-route-table-associations" "Associations" Referenced Argument::Each("TransitGatewayRouteTableId");
    /// The attachments that propagate to one transit gateway route table.
    GetTransitGatewayRouteTablePropagations: "ec2" "get-transit-gateway-route-table-propagations" "TransitGatewayRouteTablePropagations" Referenced Argument::Each("TransitGatewayRouteTableId");
    /// The routes of one transit gateway route table.
    SearchTransitGatewayRoutes: "ec2" "search-transit-gateway-routes" "Routes" Referenced Argument::Each("TransitGatewayRouteTableId");
    /// Virtual private gateways.
    DescribeVpnGateways: "ec2" "describe-vpn-gateways" "VpnGateways" Referenced Argument::None;
    /// VPN connections.
    DescribeVpnConnections: "ec2" "describe-vpn-connections" "VpnConnections" Informative Argument::None;
    /// Customer gateways.
    DescribeCustomerGateways: "ec2" "describe-customer-gateways" "CustomerGateways" Informative Argument::None;
    /// Carrier gateways.
    DescribeCarrierGateways: "ec2" "describe-carrier-gateways" "CarrierGateways" Informative Argument::None;
    /// Local gateways of Outposts.
    DescribeLocalGateways: "ec2" "describe-local-gateways" "LocalGateways" Informative Argument::None;
    /// One attribute of one VPC.
    DescribeVpcAttribute: "ec2" "describe-vpc-attribute" "EnableDnsSupport" Switch Argument::Each("VpcId");
    /// DHCP option sets.
    DescribeDhcpOptions: "ec2" "describe-dhcp-options" "DhcpOptions" Switch Argument::None;
    /// Block public access of the account and Region.
    DescribeVpcBlockPublicAccessOptions: "ec2" "describe-vpc-block-public-access-options" "VpcBlockPublicAccessOptions" Switch Argument::None;
    /// Exclusions from block public access.
    DescribeVpcBlockPublicAccessExclusions: "ec2" "describe-vpc-block-public-access-exclusions" "VpcBlockPublicAccessExclusions" Switch Argument::None;
    /// Security groups used in other VPCs.
    DescribeSecurityGroupVpcAssociations: "ec2" "describe-security-group-vpc-associations" "SecurityGroupVpcAssociations" Referenced Argument::None;
    /// Rules of one VPC's groups that refer to groups which are gone.
    DescribeStaleSecurityGroups: "ec2" "describe-stale-security-groups" "StaleSecurityGroupSet" Informative Argument::Each("VpcId");
    /// The VPCs that refer to one group over a peering or a transit gateway.
    DescribeSecurityGroupReferences: "ec2" "describe-security-group-references" "SecurityGroupReferenceSet" Informative Argument::Each("GroupId");
    /// The groups that interfaces of one VPC may have.
    GetSecurityGroupsForVpc: "ec2" "get-security-groups-for-vpc" "SecurityGroupForVpcs" Informative Argument::Each("VpcId");
    /// Branch interfaces and their trunks.
    DescribeTrunkInterfaceAssociations: "ec2" "describe-trunk-interface-associations" "InterfaceAssociations" Referenced Argument::None;
    /// EC2 Instance Connect endpoints.
    DescribeInstanceConnectEndpoints: "ec2" "describe-instance-connect-endpoints" "InstanceConnectEndpoints" Referenced Argument::None;
    /// What one type of instance can do.
    DescribeInstanceTypes: "ec2" "describe-instance-types" "InstanceTypes" Informative Argument::Each("InstanceTypes");
    /// The versions of one launch template.
    DescribeLaunchTemplateVersions: "ec2" "describe-launch-template-versions" "LaunchTemplateVersions" Informative Argument::Each("LaunchTemplateId");
    /// Application, network and gateway load balancers.
    DescribeLoadBalancers: "elbv2" "describe-load-balancers" "LoadBalancers" Referenced Argument::None;
    /// The attributes of one load balancer.
    DescribeLoadBalancerAttributes: "elbv2" "describe-load-balancer-attributes" "Attributes" Informative Argument::Each("LoadBalancerArn");
    /// The listeners of one load balancer.
    DescribeListeners: "elbv2" "describe-listeners" "Listeners" Referenced Argument::Each("LoadBalancerArn");
    /// The rules of one listener.
    DescribeRules: "elbv2" "describe-rules" "Rules" Informative Argument::Each("ListenerArn");
    /// Target groups.
    DescribeTargetGroups: "elbv2" "describe-target-groups" "TargetGroups" Referenced Argument::None;
    /// The attributes of one target group.
    DescribeTargetGroupAttributes: "elbv2" "describe-target-group-attributes" "Attributes" Informative Argument::Each("TargetGroupArn");
    /// The targets of one target group.
    DescribeTargetHealth: "elbv2" "describe-target-health" "TargetHealthDescriptions" Referenced Argument::Each("TargetGroupArn");
    /// Classic load balancers.
    DescribeClassicLoadBalancers: "elb" "describe-load-balancers" "LoadBalancerDescriptions" Informative Argument::None;
    /// The names of the clusters.
    ListClusters: "eks" "list-clusters" "clusters" Informative Argument::None;
    /// One cluster.
    DescribeCluster: "eks" "describe-cluster" "cluster" Referenced Argument::Each("name");
    /// The names of the node groups of one cluster.
    ListNodegroups: "eks" "list-nodegroups" "nodegroups" Informative Argument::Each("clusterName");
    /// One node group.
    DescribeNodegroup: "eks" "describe-nodegroup" "nodegroup" Informative Argument::Each("clusterName");
    /// The names of the Fargate profiles of one cluster.
    ListFargateProfiles: "eks" "list-fargate-profiles" "fargateProfileNames" Informative Argument::Each("clusterName");
    /// One Fargate profile.
    DescribeFargateProfile: "eks" "describe-fargate-profile" "fargateProfile" Informative Argument::Each("clusterName");
    /// The names of the add-ons of one cluster.
    ListAddons: "eks" "list-addons" "addons" Informative Argument::Each("clusterName");
    /// One add-on: `vpc-cni` may hold the CNI's settings.
    DescribeAddon: "eks" "describe-addon" "addon" Switch Argument::Each("clusterName");
    /// Kubernetes objects: a `List` whose items are told apart by `kind`.
    KubectlGet: "kubectl" "get" "items" Informative Argument::None;
}

/// What the Kubernetes list is asked for: nodes, pods and what sends traffic to them.
const KUBERNETES_KINDS: &str = "nodes,pods,services,endpointslices,daemonsets,validatingwebhookconfigurations,\
                                mutatingwebhookconfigurations,apiservices";

/// The attributes of a VPC, one call each.
pub(crate) const VPC_ATTRIBUTES: [&str; 2] = ["enableDnsSupport", "enableDnsHostnames"];

/// `search-transit-gateway-routes` insists on a filter: this one lets every route through.
pub(crate) const ROUTE_FILTER: &str = "--filters Name=state,Values=active,blackhole";

impl Call {
    /// `ec2 describe-subnets`: the name a snapshot document uses.
    pub fn name(self) -> String {
        format!("{} {}", self.service(), self.operation())
    }

    /// The call of that [`name`](Call::name).
    pub fn parse(name: &str) -> Option<Self> {
        let (service, operation) = name.split_once(' ')?;
        Self::ALL.iter().copied().find(|call| call.service() == service && call.operation() == operation)
    }

    /// The IAM action that allows the call: `ec2:DescribeVpcs`. `None` where AWS is not asked, or where the call is left
    /// to `reach snapshot script`: classic load balancers.
    pub fn action(self) -> Option<String> {
        let service = match self.service() {
            "elbv2" => "elasticloadbalancing",
            "kubectl" | "elb" => return None,
            service => service,
        };
        let mut action = format!("{service}:");
        for word in self.operation().split('-') {
            let mut letters = word.chars();
            action.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
            action.push_str(letters.as_str());
        }
        Some(action)
    }

    /// The AWS CLI's option for the id that the call is asked for: `--prefix-list-id`.
    pub fn option(self) -> Option<String> {
        let Argument::Each(argument) = self.argument() else { return None };
        let mut option = String::from("-");
        for (position, letter) in argument.char_indices() {
            if position == 0 || letter.is_ascii_uppercase() {
                option.push('-');
            }
            option.push(letter.to_ascii_lowercase());
        }
        Some(option)
    }

    /// The commands that ask about `id`, ready to be typed; usually one.
    pub fn commands(self, id: &str) -> Vec<String> {
        let Some(option) = self.option() else { return vec![self.to_string()] };
        let command = format!("{self} {option} {id}");
        match self {
            Call::DescribeVpcAttribute => {
                VPC_ATTRIBUTES.iter().map(|attribute| format!("{command} --attribute {attribute}")).collect()
            }
            Call::SearchTransitGatewayRoutes => vec![format!("{command} {ROUTE_FILTER}")],
            Call::DescribeAddon => vec![format!("{command} --addon-name vpc-cni")],
            _ => vec![command],
        }
    }
}

impl Role {
    /// The word that outputs use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Structural => "structural",
            Role::Referenced => "referenced",
            Role::Switch => "switch",
            Role::Informative => "informative",
        }
    }
}

impl fmt::Display for Call {
    /// The command a person would type: `aws ec2 describe-subnets`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.service() == "kubectl" {
            return write!(f, "kubectl {} {KUBERNETES_KINDS} -A -o json", self.operation());
        }
        write!(f, "aws {} {}", self.service(), self.operation())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_is_found_by_its_name() {
        for &call in Call::ALL {
            assert_eq!(Call::parse(&call.name()), Some(call));
        }
        assert_eq!(Call::parse("ec2 describe-moons"), None);
    }

    #[test]
    fn an_argument_becomes_the_option_of_the_command() {
        assert_eq!(Call::GetManagedPrefixListEntries.option().as_deref(), Some("--prefix-list-id"));
        assert_eq!(Call::ListNodegroups.option().as_deref(), Some("--cluster-name"));
        assert_eq!(Call::DescribeCluster.option().as_deref(), Some("--name"));
        assert_eq!(Call::DescribeVpcs.option(), None);
        assert_eq!(
            Call::GetManagedPrefixListEntries.commands("pl-1"),
            ["aws ec2 get-managed-prefix-list-entries --prefix-list-id pl-1"]
        );
        assert_eq!(Call::DescribeVpcAttribute.commands("vpc-1").len(), 2);
    }
}
