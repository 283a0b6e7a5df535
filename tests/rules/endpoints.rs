//! PrivateLink and gateway endpoints.

use reach_engine::simulate::Tracking;
use serde_json::json;

use crate::estate::{Estate, OPEN};

/// A (10.0.1.10, open, no public address) in `subnet-a`; the main table leads to S3 by `vpce-s3`.
fn gateway() -> Estate {
    let mut estate = Estate::new();
    estate.group("sg-o", OPEN).instance("a", "10.0.1.10", &["sg-o"]).s3_gateway(&["rtb-main"]);
    estate
}

/// A and an interface endpoint of STS at 10.0.2.50 with this ingress rule.
fn interface(rule: &str) -> Estate {
    let mut estate = Estate::new();
    estate.group("sg-o", OPEN).instance("a", "10.0.1.10", &["sg-o"]).group("sg-e", &[rule]);
    estate.interface_endpoint("sts", "sts", "10.0.2.50", &["sg-e"]);
    estate
}

#[test]
fn pl9_the_route_of_the_table_decides() {
    let mut estate = gateway();
    estate.ask("10.0.1.10", "aws/s3", "tcp 443").is("R R R");
    estate.ask("10.0.1.10", "internet/52.217.1.1", "tcp 443").is("R R R");
    estate.ask("10.0.1.10", "internet/52.218.1.1", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
    // A table without the route.
    estate.table("rtb-other", "vpc-1", &[]).associate("rtb-other", "subnet-a");
    estate.ask("10.0.1.10", "aws/s3", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
}

#[test]
fn pl9_it_beats_the_default_route_and_a_longer_one_beats_it() {
    let mut estate = gateway();
    estate.route("rtb-main", "0.0.0.0/0 nat-x blackhole");
    estate.ask("10.0.1.10", "aws/s3", "tcp 443").is("R R R");
    estate.route("rtb-main", "52.216.0.0/16 nat-x blackhole");
    estate.ask("10.0.1.10", "internet/52.216.1.1", "tcp 443").is("B B -").because(&["BAD_STATE_ROUTE"]);
    estate.ask("10.0.1.10", "internet/52.217.1.1", "tcp 443").is("R R R");
    estate.ask("10.0.1.10", "aws/s3", "tcp 443").is("P P R");
}

#[test]
fn pl9_an_equal_static_route_beats_it() {
    let mut estate = gateway();
    estate.internet().route("rtb-main", "52.216.0.0/15 igw-1");
    estate.ask("10.0.1.10", "aws/s3", "tcp 443").is("B B -").because(&["IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS"]);
    estate.public("a", "203.0.113.10");
    estate.ask("10.0.1.10", "aws/s3", "tcp 443").is("R R R");
}

#[test]
fn pl10_groups_by_list_and_network_acls_by_range() {
    let with_group = |rule: &str| {
        let mut estate = gateway();
        estate.group("sg-a", &[rule]);
        estate.eni("a", |eni| eni["Groups"] = json!([{"GroupId": "sg-a"}]));
        estate.ask("10.0.1.10", "aws/s3", "tcp 443")
    };
    with_group("egress tcp 443 pl-s3").is("R R R");
    with_group("egress tcp 443 52.216.0.0/15").is("R R R");
    with_group("egress tcp 443 10.0.0.0/8").is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
    let with_acl = |lines: &[&str]| {
        let mut estate = gateway();
        estate.acl("acl-n", "vpc-1", lines).acl_for("acl-n", "subnet-a");
        estate.ask("10.0.1.10", "aws/s3", "tcp 443")
    };
    // T-57.
    with_acl(&["100 egress allow -1 10.0.0.0/16", "100 ingress allow -1 0.0.0.0/0"])
        .is("B B -")
        .because(&["SUBNET_ACL_RESTRICTION"]);
    with_acl(&["100 egress allow -1 0.0.0.0/0", "100 ingress allow -1 10.0.0.0/16"])
        .is("B R B")
        .because(&["SUBNET_ACL_RESTRICTION"]);
    with_acl(&["100 egress allow tcp 52.216.0.0/15 443", "100 ingress allow tcp 52.216.0.0/15 1024-65535"]).is("R R R");
}

#[test]
fn pl11_tcp_and_echo_requests_only() {
    let estate = gateway();
    estate.ask("10.0.1.10", "aws/s3", "icmp 8/0").is("R R R");
    for what in ["udp 443", "icmp 13/0", "47"] {
        estate.ask("10.0.1.10", "aws/s3", what).is("B B -").because(&["VPCE_GATEWAY_PROTOCOL_RESTRICTION"]);
    }
}

#[test]
fn pl12_not_for_peers_nor_transit() {
    // T-82.
    let mut estate = gateway();
    estate.second_vpc().peering("pcx-1", "vpc-1", "vpc-2").route("rtb-main", "10.1.0.0/16 pcx-1");
    estate.route("rtb-main-vpc-2", "52.216.0.0/15 pcx-1");
    estate
        .ask("10.1.1.30", "internet/52.216.1.1", "tcp 443")
        .is("B B -")
        .because(&["PCX_REQUIRES_ADDRESS_IN_VPC_CIDR"]);
    let mut estate = gateway();
    estate.two_by_transit().route("rtb-main-vpc-2", "52.216.0.0/15 tgw-1");
    estate.change("TransitGatewayStaticRoutes", "TransitGatewayRouteTableId", "tgw-rtb-1", |table| {
        table["Routes"] = json!([{"DestinationCidrBlock": "52.216.0.0/15", "Type": "static", "State": "active",
            "TransitGatewayAttachments": [{"TransitGatewayAttachmentId": "tgw-attach-vpc-1"}]}]);
    });
    let said = estate.ask("10.1.1.30", "internet/52.216.1.1", "tcp 443");
    said.because(&["VPCE_GATEWAY_EGRESS_SOURCE_ADDRESS_RESTRICTION"]);
    assert_eq!(said.forward, reach_engine::verdict::Verdict::Blocked);
}

#[test]
fn pl7_the_state_counts() {
    let mut estate = gateway();
    estate.change("VpcEndpoints", "VpcEndpointId", "vpce-s3", |e| e["State"] = json!("deleting"));
    estate.ask("10.0.1.10", "internet/52.216.1.1", "tcp 443").is("B B -").because(&["BAD_STATE"]);
}

#[test]
fn pl7_the_state_of_an_interface_endpoint_counts_however_it_is_named() {
    let mut estate = interface("ingress tcp 443 10.0.0.0/16");
    for to in ["10.0.2.50", "vpce-sts"] {
        estate.ask("10.0.1.10", to, "tcp 443").is("R R R");
    }
    for state in ["pendingAcceptance", "pending", "deleting", "failed", "rejected", "expired"] {
        estate.change("VpcEndpoints", "VpcEndpointId", "vpce-sts", |e| e["State"] = json!(state));
        for to in ["10.0.2.50", "vpce-sts"] {
            estate.ask("10.0.1.10", to, "tcp 443").is("B B -").only(&["BAD_STATE"]);
        }
    }
}

#[test]
fn pl13_ipv6_ignores_it() {
    let mut estate = gateway();
    estate
        .vpc_ipv6("vpc-1", "2600:1f18:1::/56")
        .subnet_ipv6("subnet-a", "2600:1f18:1:1::/64")
        .ipv6("a", "2600:1f18:1:1::a");
    estate.ask("eni-a", "internet/2600:1fa0::5", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
    estate.internet().route("rtb-main", "::/0 igw-1");
    estate.ask("eni-a", "internet/2600:1fa0::5", "tcp 443").is("R R R");
}

#[test]
fn ct5_only_dynamodb_tracks_by_itself() {
    let mut estate = gateway();
    assert_eq!(estate.ask("10.0.1.10", "aws/s3", "tcp 443").tracking.0, Some(Tracking::Untracked));
    estate.prefix_list("pl-ddb", "com.amazonaws.us-east-1.dynamodb", &["52.94.0.0/22"]);
    estate.add(
        "VpcEndpoints",
        json!({"VpcEndpointId": "vpce-ddb", "VpcEndpointType": "Gateway", "VpcId": "vpc-1",
        "ServiceName": "com.amazonaws.us-east-1.dynamodb", "State": "available"}),
    );
    estate.route("rtb-main", "pl-ddb vpce-ddb");
    let said = estate.ask("10.0.1.10", "aws/dynamodb", "tcp 443");
    said.is("R R R");
    assert_eq!(said.tracking.0, Some(Tracking::Automatic));
}

#[test]
fn pl1_an_ordinary_destination() {
    let said = interface("ingress tcp 443 10.0.1.0/24").ask("10.0.1.10", "aws/sts", "tcp 443");
    said.is("R R R");
    // PL-4.
    assert_eq!(said.tracking, (Some(Tracking::Automatic), Some(Tracking::Automatic)));
    interface("ingress tcp 443 sg-o").ask("10.0.1.10", "aws/sts", "tcp 443").is("R R R");
    interface("ingress tcp 443 10.0.3.0/24")
        .ask("10.0.1.10", "aws/sts", "tcp 443")
        .is("B B -")
        .because(&["ENI_SG_RULES_MISMATCH"]);
    let mut estate = interface("ingress tcp 443 10.0.1.0/24");
    estate.acl("acl-n", "vpc-1", &["100 ingress allow -1 0.0.0.0/0"]).acl_for("acl-n", "subnet-b");
    estate.ask("10.0.1.10", "aws/sts", "tcp 443").is("B R B").because(&["SUBNET_ACL_RESTRICTION"]);
}

#[test]
fn pl2_only_from_client_to_endpoint() {
    // T-81. The endpoint's own egress rules do not matter for replies.
    let mut estate = interface("ingress -1 0.0.0.0/0");
    estate.ask("10.0.1.10", "vpce-sts", "tcp 443").is("R R R");
    estate.ask("10.0.1.10", "vpce-sts", "icmp 8/0").is("B B -");
    estate.group("sg-e2", OPEN);
    estate.eni("sts", |eni| eni["Groups"] = json!([{"GroupId": "sg-e2"}]));
    estate.ask("vpce-sts", "10.0.1.10", "tcp 443").is("B B -").because(&["VPCE_INTRA_VPC_TRAFFIC"]);
}

#[test]
fn pl3_over_a_peering() {
    let reached = |rule: &str, region: &str| {
        let mut estate = interface(rule);
        estate.second_vpc().peering("pcx-1", "vpc-1", "vpc-2").route("rtb-main", "10.1.0.0/16 pcx-1");
        estate.route("rtb-main-vpc-2", "10.0.0.0/16 pcx-1");
        estate.change("VpcPeeringConnections", "VpcPeeringConnectionId", "pcx-1", |p| {
            p["AccepterVpcInfo"]["Region"] = json!(region);
        });
        estate.ask("10.1.1.30", "vpce-sts", "tcp 443")
    };
    reached("ingress tcp 443 10.1.0.0/16", "us-east-1").is("R R R");
    reached("ingress tcp 443 sg-2", "us-east-1").is("R R R");
    reached("ingress tcp 443 sg-2", "eu-west-1").is("B B -").because(&["SG_REFERENCING_SUPPORT"]);
    reached("ingress tcp 443 10.0.0.0/16", "us-east-1").is("B B -");
}

#[test]
fn pl3_over_a_transit_gateway_without_references() {
    let reached = |rule: &str| {
        let mut estate = interface(rule);
        estate.subnet("subnet-t1b", "vpc-1", "10.0.8.16/28", "us-east-1b").two_by_transit();
        estate.change("TransitGatewayVpcAttachments", "TransitGatewayAttachmentId", "tgw-attach-vpc-1", |a| {
            a["SubnetIds"] = json!(["subnet-t1", "subnet-t1b"]);
        });
        estate.change("TransitGateways", "TransitGatewayId", "tgw-1", |g| {
            g["Options"] = json!({"SecurityGroupReferencingSupport": "enable"});
        });
        estate.ask("10.1.1.30", "vpce-sts", "tcp 443")
    };
    reached("ingress tcp 443 10.1.0.0/16").is("R R R");
    reached("ingress tcp 443 sg-2").is("B B -").because(&["SG_REFERENCING_SUPPORT"]);
}

#[test]
fn pl5_private_dns_decides_where_the_name_leads() {
    // To the endpoint; without private DNS to public addresses, for which there is no route.
    let to_endpoint = |estate: &Estate| estate.ask("10.0.1.10", "aws/sts", "tcp 443");
    let rule = "ingress tcp 443 0.0.0.0/0";
    to_endpoint(&interface(rule)).is("R R R");
    let mut estate = interface(rule);
    estate.change("VpcEndpoints", "VpcEndpointId", "vpce-sts", |e| e["PrivateDnsEnabled"] = json!(false));
    to_endpoint(&estate).is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
    let mut estate = interface(rule);
    estate.dns("vpc-1", "EnableDnsHostnames", Some(false));
    to_endpoint(&estate).is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
    let mut estate = interface(rule);
    estate.change("VpcEndpoints", "VpcEndpointId", "vpce-sts", |e| e["State"] = json!("pendingAcceptance"));
    to_endpoint(&estate).is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
    // Another service's name.
    interface(rule).ask("10.0.1.10", "aws/ecr.api", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
}

#[test]
fn pl5_foreign_resolvers_are_unknown() {
    let mut estate = interface("ingress tcp 443 0.0.0.0/0");
    estate.change("DhcpOptions", "DhcpOptionsId", "dopt-1", |options| {
        options["DhcpConfigurations"][0]["Values"] = json!([{"Value": "10.0.0.53"}]);
    });
    estate.ask("10.0.1.10", "aws/sts", "tcp 443").is("U U U");
    // The endpoint by its id needs no name.
    estate.ask("10.0.1.10", "vpce-sts", "tcp 443").is("R R R");
    let mut estate = interface("ingress tcp 443 0.0.0.0/0");
    estate.dns("vpc-1", "EnableDnsSupport", Some(false));
    estate.ask("10.0.1.10", "aws/sts", "tcp 443").is("U U U");
}

#[test]
fn pl5_attributes_that_were_not_collected_are_assumptions() {
    let mut estate = interface("ingress tcp 443 0.0.0.0/0");
    assert_eq!(estate.ask("10.0.1.10", "aws/sts", "tcp 443").is("R R R").assumptions, 0);
    estate.dns("vpc-1", "EnableDnsSupport", None).dns("vpc-1", "EnableDnsHostnames", None).without("DhcpOptions");
    assert_eq!(estate.ask("10.0.1.10", "aws/sts", "tcp 443").is("R R R").assumptions, 3);
    estate.without("VpcEndpoints");
    estate.ask("10.0.1.10", "aws/sts", "tcp 443").is("U U U").because(&["NOT_COLLECTED"]);
}

#[test]
fn pl5_the_name_changes_in_its_own_vpc_only() {
    let mut estate = interface("ingress tcp 443 0.0.0.0/0");
    estate.second_vpc().peering("pcx-1", "vpc-1", "vpc-2").route("rtb-main", "10.1.0.0/16 pcx-1");
    estate.route("rtb-main-vpc-2", "10.0.0.0/16 pcx-1");
    estate.ask("10.1.1.30", "aws/sts", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
    estate.ask("10.1.1.30", "vpce-sts", "tcp 443").is("R R R");
}

#[test]
fn pl1_an_endpoint_without_its_interface_is_unknown() {
    let mut estate = interface("ingress tcp 443 0.0.0.0/0");
    estate.change("VpcEndpoints", "VpcEndpointId", "vpce-sts", |e| e["NetworkInterfaceIds"] = json!(["eni-gone"]));
    estate.ask("10.0.1.10", "aws/sts", "tcp 443").is("U U U").because(&["NOT_COLLECTED"]);
}

#[test]
fn pl15_s3_by_both_kinds() {
    let mut estate = gateway();
    estate.group("sg-closed", &[]).interface_endpoint("s3i", "s3", "10.0.2.60", &["sg-closed"]);
    estate.ask("10.0.1.10", "aws/s3", "tcp 443").is("B B -").because(&["SG_HAS_NO_RULES"]);
    // For inbound resolver endpoints only: names inside the VPC lead to the gateway.
    estate.change("VpcEndpoints", "VpcEndpointId", "vpce-s3i", |e| {
        e["DnsOptions"] = json!({"PrivateDnsOnlyForInboundResolverEndpoint": true});
    });
    estate.ask("10.0.1.10", "aws/s3", "tcp 443").is("R R R");
}

#[test]
fn pl8_another_regions_endpoint_is_not_what_the_name_means() {
    let mut estate = interface("ingress tcp 443 0.0.0.0/0");
    estate.change("VpcEndpoints", "VpcEndpointId", "vpce-sts", |e| {
        e["ServiceName"] = json!("com.amazonaws.eu-west-1.sts");
        e["ServiceRegion"] = json!("eu-west-1");
    });
    estate.ask("10.0.1.10", "aws/sts", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
    estate.ask("10.0.1.10", "vpce-sts", "tcp 443").is("R R R");
}

#[test]
fn pl12_another_regions_list_is_not_this_regions_service() {
    let mut estate = gateway();
    estate.prefix_list("pl-far", "com.amazonaws.eu-west-1.s3", &["3.5.0.0/19"]);
    estate.ask("10.0.1.10", "aws/s3", "tcp 443").is("R R R");
    estate.ask("10.0.1.10", "internet/3.5.1.1", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
}

#[test]
fn pl7_lattice_endpoints_are_unknown_behind() {
    for kind in ["Resource", "ServiceNetwork"] {
        let mut estate = interface("ingress tcp 443 0.0.0.0/0");
        estate.change("VpcEndpoints", "VpcEndpointId", "vpce-sts", |e| e["VpcEndpointType"] = json!(kind));
        estate.ask("10.0.1.10", "vpce-sts", "tcp 443").is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
        // The groups on the client's side are certain.
        estate.ask("10.0.1.10", "vpce-sts", "tcp 80").is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
    }
}

#[test]
fn sg34_an_instance_connect_endpoint_that_keeps_client_addresses() {
    let reached = |preserve: bool, rule: &str| {
        let mut estate = Estate::new();
        estate.group("sg-eice", OPEN).group("sg-t", &[rule]).instance("t", "10.0.2.20", &["sg-t"]);
        estate.interface("eice", "10.0.1.44", &["sg-eice"]);
        estate.add(
            "InstanceConnectEndpoints",
            json!({"InstanceConnectEndpointId": "eice-1", "PreserveClientIp": preserve,
            "NetworkInterfaceIds": ["eni-eice"], "VpcId": "vpc-1", "SubnetId": "subnet-a", "State": "create-complete"}),
        );
        estate.ask("eni-eice", "10.0.2.20", "tcp 22")
    };
    reached(false, "ingress tcp 22 10.0.1.44/32").is("R R R");
    reached(true, "ingress tcp 22 sg-eice").is("R R R");
    assert_eq!(reached(true, "ingress tcp 22 10.0.1.44/32").forward, reach_engine::verdict::Verdict::Unknown);
    reached(false, "ingress tcp 22 192.168.0.0/16").is("B B -");
}

#[test]
fn lb1_load_balancers_are_unknown_by_name() {
    let mut estate = Estate::new();
    estate.group("sg-o", OPEN).instance("a", "10.0.1.10", &["sg-o"]).interface("alb", "10.0.2.70", &["sg-o"]);
    estate.eni("alb", |eni| eni["Description"] = json!("ELB app/web/0123456789abcdef"));
    estate.add("LoadBalancers", json!({"LoadBalancerName": "web", "Type": "application",
        "LoadBalancerArn": "arn:aws:elasticloadbalancing:us-east-1:111122223333:loadbalancer/app/web/0123456789abcdef"}));
    let said = estate.ask("10.0.1.10", "lb/web", "tcp 443");
    said.is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
    assert!(said.reasons.iter().any(|r| r.contains("eni-alb")), "{:?}", said.reasons);
    estate.group("sg-none", &[]);
    estate.eni("alb", |eni| eni["Groups"] = json!([{"GroupId": "sg-none"}]));
    estate.ask("10.0.1.10", "lb/web", "tcp 443").is("B B -").because(&["SG_HAS_NO_RULES"]);
}
