//! CT-7 to CT-16: what becomes of connections that are open when a change is made.

use serde_json::{Value, json};

use super::whatif;
use crate::estate::Estate;

const A: &str = "10.0.1.10";
const B: &str = "10.0.2.20";
const OUT: &str = "egress -1 0.0.0.0/0";

fn revoke(group: &str, direction: &str, permission: &Value) -> Value {
    json!({format!("RevokeSecurityGroup{direction}"): {"GroupId": group, "IpPermissions": [permission]}})
}

fn tcp(port: u16, cidr: &str) -> Value {
    json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr}]})
}

fn all(cidr: &str) -> Value {
    json!({"IpProtocol": "-1", "IpRanges": [{"CidrIp": cidr}]})
}

#[test]
fn ct7_an_untracked_flow_is_cut_with_its_rule() {
    let estate = Estate::two(&[OUT], &["ingress tcp 443 0.0.0.0/0", OUT]);
    let told = whatif(&estate, &[revoke("sg-b", "Ingress", &tcp(443, "0.0.0.0/0"))]);
    assert_eq!(told.of(A, B, "tcp 443"), ["lost", "cut_now"]);
}

#[test]
fn ct8_a_tracked_flow_survives_its_rule() {
    let estate = Estate::two(&[OUT], &["ingress tcp 443 10.0.0.0/16", OUT]);
    let told = whatif(&estate, &[revoke("sg-b", "Ingress", &tcp(443, "10.0.0.0/16"))]);
    assert_eq!(told.of(A, B, "tcp 443"), ["lost", "survive_until_idle"]);
    assert_eq!(told.idle(A, B), [Some(432_000)]);
    // The sender's side: no rule admits everything inbound.
    let told = whatif(&estate, &[revoke("sg-a", "Egress", &all("0.0.0.0/0"))]);
    assert_eq!(told.of(A, B, "tcp 443"), ["lost", "survive_until_idle"]);
}

#[test]
fn ct7_without_state_a_flow_needs_its_replies_rule_too() {
    // The flow itself stays admitted; it had no state, and from now on it would need some.
    let estate = Estate::two(&[OUT], &["ingress tcp 443 0.0.0.0/0", OUT]);
    let told = whatif(&estate, &[revoke("sg-b", "Egress", &all("0.0.0.0/0"))]);
    assert_eq!(told.of(A, B, "tcp 443"), ["unknown"]);
}

#[test]
fn ct4_icmp_and_others_are_always_tracked() {
    let estate = Estate::two(&[OUT], &["ingress -1 0.0.0.0/0", OUT]);
    let told = whatif(&estate, &[revoke("sg-b", "Ingress", &all("0.0.0.0/0"))]);
    assert_eq!(told.of(A, B, "tcp 443"), ["lost", "cut_now"]);
    assert_eq!(told.of(A, B, "udp 53"), ["lost", "cut_now"]);
    assert_eq!(told.of(A, B, "icmp 8/0"), ["lost", "survive_until_idle"]);
    assert_eq!(told.of(A, B, "47"), ["lost", "survive_until_idle"]);
    // AWS documents 600 s for other protocols, and nothing for ICMP.
    assert_eq!(told.idle(A, B), [None, Some(600)]);
}

#[test]
fn ct9_another_set_of_groups_leaves_tracked_connections_alive() {
    let mut estate = Estate::two(&[OUT], &["ingress tcp 22 10.0.0.0/16", "ingress tcp 80 0.0.0.0/0", OUT]);
    estate.group("sg-isolation", &[]);
    let change =
        json!({"ModifyNetworkInterfaceAttribute": {"NetworkInterfaceId": "eni-b", "Groups": ["sg-isolation"]}});
    let told = whatif(&estate, &[change]);
    assert_eq!(told.of(A, B, "tcp 22"), ["lost", "survive_until_idle"]);
    assert_eq!(told.of(A, B, "tcp 80"), ["lost", "cut_now"]);
}

#[test]
fn ct9_a_reference_to_a_group_that_its_carrier_loses_is_a_rule_that_is_gone() {
    let mut estate = Estate::two(&[OUT], &["ingress tcp 22 sg-a", OUT]);
    estate.group("sg-other", &[OUT]);
    let change = json!({"ModifyNetworkInterfaceAttribute": {"NetworkInterfaceId": "eni-a", "Groups": ["sg-other"]}});
    assert_eq!(whatif(&estate, &[change]).of(A, B, "tcp 22"), ["lost", "survive_until_idle"]);
}

#[test]
fn ct11_network_acls_cut_at_once_in_either_direction() {
    let mut estate = Estate::two(&[OUT], &["ingress tcp 22 10.0.0.0/16"]);
    estate.acl("acl-b", "vpc-1", &["100 ingress allow -1 0.0.0.0/0", "100 egress allow -1 0.0.0.0/0"]);
    estate.acl_for("acl-b", "subnet-b");
    let deny = |egress: bool, from: u16, to: u16| {
        json!({"CreateNetworkAclEntry": {"NetworkAclId": "acl-b", "RuleNumber": 50, "Protocol": "6", "RuleAction": "deny",
            "Egress": egress, "CidrBlock": "10.0.1.0/24", "PortRange": {"From": from, "To": to}}})
    };
    assert_eq!(whatif(&estate, &[deny(false, 22, 22)]).of(A, B, "tcp 22"), ["lost", "cut_now"]);
    // The replies' ephemeral ports: the connections from those ports end, others do not.
    let told = whatif(&estate, &[deny(true, 32_768, 50_000)]);
    assert_eq!(told.of(A, B, "tcp 22"), ["lost", "cut_now"]);
    let cut = &told.found.connections.cut_now;
    assert_eq!(cut[0].traffic.source_ports.as_ref().unwrap().to_string(), "32768-50000");
}

#[test]
fn ct11_ct16_routes_cut_at_once() {
    let mut estate = Estate::two(&[OUT], &[OUT]);
    estate.internet().nat().table("rtb-a", "vpc-1", &["0.0.0.0/0 nat-1"]).associate("rtb-a", "subnet-a");
    let gone = json!({"DeleteRoute": {"RouteTableId": "rtb-a", "DestinationCidrBlock": "0.0.0.0/0"}});
    assert_eq!(whatif(&estate, &[gone]).of(A, "203.0.113.9", "tcp 443"), ["lost", "cut_now"]);
}

#[test]
fn ct14_another_nat_gateway_cuts_what_goes_through_the_old_one() {
    let mut estate = Estate::two(&[OUT], &[OUT]);
    estate.internet().nat().table("rtb-a", "vpc-1", &["0.0.0.0/0 nat-1"]).associate("rtb-a", "subnet-a");
    estate.interface("nat-2", "10.0.9.6", &[]).public("nat-2", "198.51.100.6");
    estate.eni("nat-2", |eni| {
        eni["InterfaceType"] = json!("nat_gateway");
        eni["SourceDestCheck"] = json!(false);
    });
    estate.add(
        "NatGateways",
        json!({"NatGatewayId": "nat-2", "State": "available", "SubnetId": "subnet-pub", "VpcId": "vpc-1",
        "ConnectivityType": "public", "NatGatewayAddresses": [{"NetworkInterfaceId": "eni-nat-2", "PrivateIp": "10.0.9.6",
        "PublicIp": "198.51.100.6", "IsPrimary": true, "Status": "succeeded"}]}),
    );
    let other = json!({"ReplaceRoute": {"RouteTableId": "rtb-a", "DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": "nat-2"}});
    // It can be made again at once, so nothing is lost.
    assert_eq!(whatif(&estate, &[other]).of(A, "203.0.113.9", "tcp 443"), ["cut_now"]);
}

#[test]
fn ct14_a_gateway_endpoint_that_comes_or_goes_cuts_connections_to_its_service() {
    let mut estate = Estate::two(&[OUT], &[OUT]);
    estate.internet().nat().table("rtb-a", "vpc-1", &["0.0.0.0/0 nat-1"]).associate("rtb-a", "subnet-a");
    estate.s3_gateway(&["rtb-a"]);
    let gone = json!({"DeleteVpcEndpoints": {"VpcEndpointIds": ["vpce-s3"]}});
    let told = whatif(&estate, &[gone]);
    assert_eq!(told.of(A, "52.216.1.1", "tcp 443"), ["cut_now"]);
    assert!(told.of(A, "203.0.113.9", "tcp 443").is_empty());
}

#[test]
fn ct5_an_automatically_tracked_path_survives_rules_that_would_be_untracked() {
    let open = ["ingress -1 0.0.0.0/0", OUT];
    let mut estate = Estate::two(&open, &open);
    estate.internet().nat().table("rtb-a", "vpc-1", &["0.0.0.0/0 nat-1"]).associate("rtb-a", "subnet-a");
    let told = whatif(&estate, &[revoke("sg-a", "Egress", &all("0.0.0.0/0"))]);
    // CT-12: the NAT gateway forgets after 350 s, before the interface does.
    assert_eq!(told.of(A, "203.0.113.9", "tcp 443"), ["lost", "survive_until_idle"]);
    assert!(told.idle(A, "203.0.113.9").contains(&Some(350)));
    assert_eq!(told.of(A, B, "tcp 443"), ["lost", "cut_now"]);
}

#[test]
fn ct12_the_timeout_is_the_interface_s_own_else_its_type_s() {
    let mut estate = Estate::two(&[OUT], &["ingress tcp 443 10.0.0.0/16", "ingress udp 53 10.0.0.0/16", OUT]);
    estate.instance("v6", "10.0.2.21", &["sg-b"]).instance("set", "10.0.2.22", &["sg-b"]);
    estate.each("Reservations", |reservation| {
        if reservation["Instances"][0]["InstanceId"] == "i-v6" {
            reservation["Instances"][0]["InstanceType"] = json!("c8gn.xlarge");
        }
    });
    estate.eni("set", |eni| {
        eni["ConnectionTrackingConfiguration"] = json!({"TcpEstablishedTimeout": 600, "UdpStreamTimeout": 60});
    });
    let told = whatif(&estate, &[revoke("sg-b", "Ingress", &tcp(443, "10.0.0.0/16"))]);
    for (to, seconds) in [(B, 432_000), ("10.0.2.21", 350), ("10.0.2.22", 600)] {
        assert_eq!(told.idle(A, to), [Some(seconds)], "{to}");
    }
    let udp = json!({"IpProtocol": "udp", "FromPort": 53, "ToPort": 53, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]});
    let told = whatif(&estate, &[revoke("sg-b", "Ingress", &udp)]);
    for (to, seconds) in [(B, 180), ("10.0.2.22", 60)] {
        assert_eq!(told.idle(A, to), [Some(seconds)], "{to}");
    }
}

#[test]
fn ct12_of_two_interfaces_that_refuse_the_shorter_timeout_counts() {
    let mut estate = Estate::two(&[OUT], &["ingress tcp 443 sg-a"]);
    estate.eni("a", |eni| eni["ConnectionTrackingConfiguration"] = json!({"TcpEstablishedTimeout": 900}));
    let both = [
        revoke("sg-a", "Egress", &all("0.0.0.0/0")),
        revoke(
            "sg-b",
            "Ingress",
            &json!({"IpProtocol": "tcp",
        "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": "sg-a"}]}),
        ),
    ];
    assert_eq!(whatif(&estate, &both).idle(A, B), [Some(900)]);
    // Only the far end refuses: the near end's timeout is nobody's business.
    assert_eq!(whatif(&estate, &both[1..]).idle(A, B), [Some(432_000)]);
}

#[test]
fn ct16_an_interface_that_is_gone_ends_its_connections() {
    let mut estate = Estate::two(&[OUT], &[OUT]);
    estate.interface_endpoint("ecr", "ecr.api", "10.0.2.50", &["sg-b"]).rules("sg-b", &["ingress tcp 443 10.0.0.0/16"]);
    let gone = json!({"DeleteVpcEndpoints": {"VpcEndpointIds": ["vpce-ecr"]}});
    assert_eq!(whatif(&estate, &[gone]).of(A, "10.0.2.50", "tcp 443"), ["lost", "cut_now"]);
}

#[test]
fn ct3_families_are_judged_separately() {
    let mut estate = Estate::two(&[OUT, "egress -1 ::/0"], &["ingress tcp 443 0.0.0.0/0", "ingress tcp 443 ::/0", OUT]);
    estate.dual_stack();
    let both = json!({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
        "Ipv6Ranges": [{"CidrIpv6": "::/0"}]});
    let told = whatif(&estate, &[revoke("sg-b", "Ingress", &both)]);
    assert_eq!(told.of(A, B, "tcp 443"), ["lost", "cut_now"]);
    assert_eq!(told.of("2600:1:0:1::10", "2600:1:0:2::20", "tcp 443"), ["lost", "survive_until_idle"]);
}

#[test]
fn m4_what_the_snapshot_does_not_hold_leaves_flows_undecided() {
    let estate = Estate::two(&[OUT], &["ingress tcp 443 10.0.0.0/16"]);
    let list =
        json!({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{"PrefixListId": "pl-far"}]});
    let mut estate = estate;
    estate.add("PrefixLists", json!({"PrefixListId": "pl-far", "PrefixListName": "far"}));
    let changes = [
        json!({"AuthorizeSecurityGroupIngress": {"GroupId": "sg-b", "IpPermissions": [list]}}),
        revoke("sg-b", "Ingress", &tcp(443, "10.0.0.0/16")),
    ];
    let told = whatif(&estate, &changes);
    assert_eq!(told.of(A, B, "tcp 443"), ["undecided", "unknown"]);
}
