//! The snapshot `demo`: the directory `fixtures/demo`, compiled in.

macro_rules! files {
    ($($name:literal,)*) => {
        /// Name and bytes of every file of the demo, sorted by name.
        pub(crate) const FILES: &[(&str, &[u8])] = &[$(
            ($name, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/demo/", $name))),
        )*];
    };
}

files! {
    "describe-addresses.json",
    "describe-carrier-gateways.json",
    "describe-customer-gateways.json",
    "describe-dhcp-options.json",
    "describe-egress-only-internet-gateways.json",
    "describe-instance-connect-endpoints.json",
    "describe-instances.json",
    "describe-internet-gateways.json",
    "describe-launch-template-versions-demo-batch.json",
    "describe-local-gateways.json",
    "describe-managed-prefix-lists.json",
    "describe-nat-gateways.json",
    "describe-network-acls.json",
    "describe-network-interfaces.json",
    "describe-prefix-lists.json",
    "describe-route-tables.json",
    "describe-security-group-rules.json",
    "describe-security-group-vpc-associations.json",
    "describe-security-groups.json",
    "describe-subnets.json",
    "describe-transit-gateway-attachments.json",
    "describe-transit-gateway-peering-attachments.json",
    "describe-transit-gateway-route-tables.json",
    "describe-transit-gateway-vpc-attachments.json",
    "describe-transit-gateways.json",
    "describe-trunk-interface-associations.json",
    "describe-vpc-attribute-enableDnsHostnames.json",
    "describe-vpc-attribute-enableDnsSupport.json",
    "describe-vpc-block-public-access-exclusions.json",
    "describe-vpc-block-public-access-options.json",
    "describe-vpc-endpoints.json",
    "describe-vpc-peering-connections.json",
    "describe-vpcs.json",
    "describe-vpn-connections.json",
    "describe-vpn-gateways.json",
    "eks-describe-addon-vpc-cni.json",
    "eks-describe-cluster-demo.json",
    "eks-describe-nodegroup-batch.json",
    "eks-describe-nodegroup-general.json",
    "eks-list-addons-demo.json",
    "eks-list-clusters.json",
    "eks-list-fargate-profiles-demo.json",
    "eks-list-nodegroups-demo.json",
    "elb-describe-load-balancers.json",
    "elbv2-describe-listeners.json",
    "elbv2-describe-load-balancers.json",
    "elbv2-describe-target-groups.json",
    "get-managed-prefix-list-entries-pl-0de00053.json",
    "get-managed-prefix-list-entries-pl-0de000d8.json",
}
