//! EKS as far as paths are concerned: the API's endpoints, pods, services.

use reach_engine::verdict::Verdict;
use serde_json::{Value, json};

use crate::estate::{Estate, OPEN};

/// Cluster `c1`: node N (10.0.1.10), control-plane interface X (10.0.2.9), both with `sg-c`, which is open to itself and
/// outward.
fn cluster(config: Value) -> Estate {
    let mut estate = Estate::new();
    estate.group("sg-c", &["ingress -1 sg-c", "egress -1 0.0.0.0/0"]).cluster("c1", config);
    estate.node("c1", "n", "10.0.1.10", &["sg-c"]).control_plane("c1", "x", "10.0.2.9", &["sg-c"]);
    estate
}

fn public() -> Value {
    json!({"publicAccessCidrs": ["198.51.100.5/32"]})
}

fn both() -> Value {
    json!({"endpointPrivateAccess": true, "publicAccessCidrs": ["203.0.113.77/32"]})
}

fn private() -> Value {
    json!({"endpointPublicAccess": false, "endpointPrivateAccess": true})
}

/// The node's subnet leads to `nat-1` (198.51.100.5).
fn behind_nat(config: Value) -> Estate {
    let mut estate = cluster(config);
    estate.internet().nat().route("rtb-main", "0.0.0.0/0 nat-1");
    estate
}

/// A peered VPC with C; routes both ways.
fn peer(estate: &mut Estate) {
    estate.second_vpc().peering("pcx-1", "vpc-1", "vpc-2").route("rtb-main", "10.1.0.0/16 pcx-1");
    estate.route("rtb-main-vpc-2", "10.0.0.0/16 pcx-1");
}

fn custom_dns(estate: &mut Estate) {
    estate.change("DhcpOptions", "DhcpOptionsId", "dopt-1", |options| {
        options["DhcpConfigurations"][0]["Values"] = json!([{"Value": "10.0.0.53"}]);
    });
}

#[test]
fn ek14_public_only_judges_by_the_nat_gateways_address() {
    behind_nat(public()).ask("node", "apiserver", "tcp 443").is("R R R");
    // T-87: cluster groups play no part.
    let mut estate = behind_nat(json!({"publicAccessCidrs": ["203.0.113.77/32"]}));
    estate.ask("node", "apiserver", "tcp 443").is("B B -").because(&["EKS_PUBLIC_ACCESS_CIDR_MISMATCH"]);
    estate.group("sg-x", &[]).eni("x", |eni| eni["Groups"] = json!([{"GroupId": "sg-x"}]));
    estate.ask("node", "apiserver", "tcp 443").is("B B -").because(&["EKS_PUBLIC_ACCESS_CIDR_MISMATCH"]);
    let mut estate = behind_nat(public());
    estate.group("sg-x", &[]).eni("x", |eni| eni["Groups"] = json!([{"GroupId": "sg-x"}]));
    estate.ask("node", "apiserver", "tcp 443").is("R R R");
    // The node's own gates do.
    let mut estate = behind_nat(public());
    estate.group("sg-n", &["egress -1 10.0.0.0/16"]).eni("n", |eni| eni["Groups"] = json!([{"GroupId": "sg-n"}]));
    estate.ask("node", "apiserver", "tcp 443").is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
    cluster(public()).ask("node", "apiserver", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
}

#[test]
fn ek14_public_only_judges_a_public_node_by_its_own_address() {
    for (cidr, expected) in [("203.0.113.10/32", "R R R"), ("10.0.1.10/32", "B B -"), ("198.51.100.5/32", "B B -")] {
        let mut estate = cluster(json!({"publicAccessCidrs": [cidr]}));
        estate.internet().associate("rtb-pub", "subnet-a").public("n", "203.0.113.10");
        estate.ask("node", "apiserver", "tcp 443").is(expected);
    }
}

#[test]
fn ek14_no_list_is_everywhere() {
    let mut estate = behind_nat(json!({}));
    estate.ask("node", "apiserver", "tcp 443").is("R R R");
    estate = behind_nat(json!({"publicAccessCidrs": null}));
    estate.ask("node", "apiserver", "tcp 443").is("R R R");
}

#[test]
fn ek14_private_access_is_judged_by_groups_not_by_the_list() {
    // T-88.
    for config in [both(), private()] {
        let mut estate = behind_nat(config);
        estate.ask("node", "apiserver", "tcp 443").is("R R R");
        estate.group("sg-x", &[]).eni("x", |eni| eni["Groups"] = json!([{"GroupId": "sg-x"}]));
        estate.ask("node", "apiserver", "tcp 443").is("B B -").because(&["SG_HAS_NO_RULES"]);
    }
}

#[test]
fn ek14_outside_clients() {
    let office = "internet/203.0.113.77";
    cluster(both()).ask(office, "apiserver", "tcp 443").is("R R R");
    cluster(both())
        .ask("internet/203.0.113.78", "apiserver", "tcp 443")
        .is("B B -")
        .because(&["EKS_PUBLIC_ACCESS_CIDR_MISMATCH"]);
    cluster(public()).ask(office, "apiserver", "tcp 443").is("B B -").because(&["EKS_PUBLIC_ACCESS_CIDR_MISMATCH"]);
    cluster(private()).ask(office, "apiserver", "tcp 443").is("B B -");
    // All of the internet: blocked by its default range, with the office carved out.
    let said = cluster(both()).ask("internet", "apiserver", "tcp 443");
    assert_eq!(said.verdict, Verdict::Partial, "{:?}", said.messages);
    let outside = said.answer.groups[0].answer.outside.clone().unwrap();
    assert_eq!(outside.reachable.iter().map(ToString::to_string).collect::<Vec<_>>(), ["203.0.113.77/32"]);
    assert_eq!(cluster(json!({})).ask("internet", "apiserver", "tcp 443").verdict, Verdict::Reachable);
}

#[test]
fn ek17_a_peered_client() {
    // Public and private: the peer resolves public addresses, for which it has no way.
    let mut estate = cluster(both());
    peer(&mut estate);
    estate.ask("10.1.1.30", "apiserver", "tcp 443").is("B B -").because(&["NO_ROUTE_TO_DESTINATION"]);
    // With a way of its own it is judged by the list.
    estate.add(
        "InternetGateways",
        json!({"InternetGatewayId": "igw-2", "Attachments": [{"VpcId": "vpc-2", "State": "available"}]}),
    );
    estate.route("rtb-main-vpc-2", "0.0.0.0/0 igw-2").public("c", "203.0.113.77");
    estate.ask("10.1.1.30", "apiserver", "tcp 443").is("R R R");
    // Private only: the control plane's own addresses, through the peering.
    let mut estate = cluster(private());
    peer(&mut estate);
    estate.ask("10.1.1.30", "apiserver", "tcp 443").is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
    estate.group("sg-p", &["ingress tcp 443 10.1.0.0/16"]);
    estate.eni("x", |eni| eni["Groups"] = json!([{"GroupId": "sg-c"}, {"GroupId": "sg-p"}]));
    estate.ask("10.1.1.30", "apiserver", "tcp 443").is("R R R");
}

#[test]
fn ek15_the_vpcs_resolver_decides() {
    let mut estate = behind_nat(both());
    custom_dns(&mut estate);
    estate.ask("node", "apiserver", "tcp 443").is("U U U");
    let mut estate = behind_nat(both());
    estate.dns("vpc-1", "EnableDnsSupport", Some(false));
    estate.ask("node", "apiserver", "tcp 443").is("U U U");
    // Without host names the private zone does not work: public addresses, judged by the list.
    let mut estate = behind_nat(both());
    estate.dns("vpc-1", "EnableDnsHostnames", Some(false));
    estate.ask("node", "apiserver", "tcp 443").is("B B -").because(&["EKS_PUBLIC_ACCESS_CIDR_MISMATCH"]);
    // Private only: public DNS answers with the private addresses, too.
    let mut estate = behind_nat(private());
    custom_dns(&mut estate);
    estate.ask("node", "apiserver", "tcp 443").is("R R R");
    // Public only: nothing depends on the resolver.
    let mut estate = behind_nat(public());
    custom_dns(&mut estate);
    estate.ask("node", "apiserver", "tcp 443").is("R R R");
}

#[test]
fn ek18_the_public_endpoint_speaks_ipv6_for_ipv6_clusters_only() {
    let dual = |config: Value| {
        let mut estate = cluster(config);
        estate.vpc_ipv6("vpc-1", "2600:1f18:1::/56").subnet_ipv6("subnet-a", "2600:1f18:1:1::/64");
        estate.ipv6("n", "2600:1f18:1:1::a").internet().associate("rtb-pub", "subnet-a").route("rtb-pub", "::/0 igw-1");
        estate.group("sg-o", OPEN).eni("n", |eni| eni["Groups"] = json!([{"GroupId": "sg-o"}]));
        estate.ask("node", "apiserver", "tcp 443 v6")
    };
    dual(json!({"publicAccessCidrs": ["0.0.0.0/0"]})).is("B B -").because(&["NO_COMMON_ADDRESS_FAMILY"]);
    let ipv6 = json!({"serviceIpv6Cidr": "fd00:1::/108", "ipFamily": "ipv6"});
    dual(json!({"publicAccessCidrs": ["::/0"], "kubernetesNetworkConfig": ipv6})).is("R R R");
    dual(json!({"publicAccessCidrs": ["0.0.0.0/0"], "kubernetesNetworkConfig": ipv6}))
        .is("B B -")
        .because(&["EKS_PUBLIC_ACCESS_CIDR_MISMATCH"]);
}

#[test]
fn ek33_local_clusters_are_unknown() {
    let estate =
        cluster(json!({"outpostConfig": {"controlPlaneInstanceType": "m5.large"}, "endpointPrivateAccess": true}));
    estate.ask("node", "apiserver", "tcp 443").is("U U U").because(&["UNSUPPORTED_COMPONENT"]);
}

#[test]
fn ek9_control_planes_are_recognised_without_requester_managed() {
    // T-105: whatever RequesterManaged says.
    for managed in [json!(true), json!(false), Value::Null] {
        let mut estate = cluster(private());
        estate.eni("x", |eni| eni["RequesterManaged"] = managed);
        estate.ask("node", "controlplane", "tcp 443").is("R R R");
    }
    // The requester and the cluster's group tell it without a description.
    let mut estate = cluster(json!({"clusterSecurityGroupId": "sg-c"}));
    estate.eni("x", |eni| eni["Description"] = json!(""));
    estate.ask("node", "controlplane", "tcp 443").is("R R R");
    // Another cluster's is not this one's; an instance's never is.
    let mut estate = cluster(private());
    estate.control_plane("c2", "y", "10.0.2.10", &["sg-c"]);
    assert_eq!(estate.ask("node", "controlplane", "tcp 443").answer.pairs.total, 1);
    let mut estate = cluster(private());
    estate.eni("n", |eni| eni["Description"] = json!("Amazon EKS c1"));
    assert_eq!(estate.ask("node", "controlplane", "tcp 443").answer.pairs.total, 1);
}

#[test]
fn ek9_control_planes_that_were_not_collected_are_unknown() {
    let mut estate = cluster(private());
    estate.without("NetworkInterfaces");
    let said = estate.ask("10.0.1.10", "apiserver", "tcp 443");
    assert_eq!(said.verdict, Verdict::Unknown, "{:?}", said.messages);
    assert!(said.messages.iter().any(|m| m.contains("describe-network-interfaces")), "{:?}", said.messages);
}

#[test]
fn ek12_the_api_service_leads_to_the_control_plane_in_every_mode() {
    for config in [public(), both(), private()] {
        let mut estate = cluster(config);
        estate.ask("node", "172.20.0.1", "tcp 443").is("R R R");
        estate.ask("node", "172.20.0.1", "tcp 80").is("B B -");
        // Another address of the service CIDR needs the objects (T-96).
        estate.ask("node", "172.20.0.10", "udp 53").is("U U U").because(&["NOT_COLLECTED"]);
        estate.group("sg-x", &[]).eni("x", |eni| eni["Groups"] = json!([{"GroupId": "sg-x"}]));
        estate.ask("node", "172.20.0.1", "tcp 443").is("B B -").because(&["SG_HAS_NO_RULES"]);
    }
}

#[test]
fn ek12_the_first_address_of_an_ipv6_service_cidr() {
    let mut estate =
        cluster(json!({"kubernetesNetworkConfig": {"serviceIpv6Cidr": "fd00:1::/108", "ipFamily": "ipv6"}}));
    estate
        .vpc_ipv6("vpc-1", "2600:1f18:1::/56")
        .subnet_ipv6("subnet-a", "2600:1f18:1:1::/64")
        .ipv6("n", "2600:1f18:1:1::a");
    estate.subnet_ipv6("subnet-b", "2600:1f18:1:2::/64").ipv6("x", "2600:1f18:1:2::9");
    estate.group("sg-o", OPEN).eni("n", |eni| eni["Groups"] = json!([{"GroupId": "sg-o"}]));
    estate.eni("x", |eni| eni["Groups"] = json!([{"GroupId": "sg-o"}]));
    estate.ask("node", "fd00:1::1", "tcp 443").is("R R R");
    estate.ask("node", "fd00:1::5", "tcp 443").is("U U U").because(&["NOT_COLLECTED"]);
}

#[test]
fn ek13_what_the_control_plane_sends_outside() {
    let routed = json!({"controlPlaneEgressMode": "CUSTOMER_ROUTED"});
    // T-103.
    cluster(routed.clone())
        .ask("controlplane", "internet/203.0.113.5", "tcp 443")
        .is("B B -")
        .because(&["NO_ROUTE_TO_DESTINATION"]);
    behind_nat(routed.clone()).ask("controlplane", "internet/203.0.113.5", "tcp 443").is("R R R");
    let mut estate = behind_nat(routed);
    estate.group("sg-x", &["egress -1 10.0.0.0/16"]).eni("x", |eni| eni["Groups"] = json!([{"GroupId": "sg-x"}]));
    estate.ask("controlplane", "internet/203.0.113.5", "tcp 443").is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
    let managed = cluster(json!({"controlPlaneEgressMode": "AWS_MANAGED"})).ask(
        "controlplane",
        "internet/203.0.113.5",
        "tcp 443",
    );
    assert_eq!((managed.verdict, managed.assumptions), (Verdict::Reachable, 0));
    let default = cluster(json!({})).ask("controlplane", "internet/203.0.113.5", "tcp 443");
    assert_eq!((default.verdict, default.assumptions), (Verdict::Reachable, 1));
    cluster(json!({"controlPlaneEgressMode": "CUSTOMER_ISOLATED"}))
        .ask("controlplane", "internet/203.0.113.5", "tcp 443")
        .is("U U U");
    // Inside the VPC it always leaves by its interface.
    let mut estate = cluster(json!({"controlPlaneEgressMode": "AWS_MANAGED"}));
    estate.group("sg-x", &[]).eni("x", |eni| eni["Groups"] = json!([{"GroupId": "sg-x"}]));
    estate.ask("controlplane", "node", "tcp 10250").is("B B -").because(&["SG_HAS_NO_RULES"]);
}

/// [`cluster`] with a pod at 10.0.1.101 (secondary address of N's primary interface), a peer with C, and this CNI.
fn with_pod(env: &[(&str, &str)]) -> Estate {
    let mut estate = cluster(private());
    peer(&mut estate);
    estate.secondary("n", "10.0.1.101", None);
    if !env.is_empty() {
        estate.cni(env);
    }
    estate
}

fn only(estate: &mut Estate, rule: &str) {
    estate.group_in("sg-d", "vpc-2", &[rule]).eni("c", |eni| eni["Groups"] = json!([{"GroupId": "sg-d"}]));
}

#[test]
fn ek34_ek35_pods_have_the_groups_of_their_interface() {
    let mut estate = with_pod(&[]);
    estate.eni("n", |eni| eni["Ipv4Prefixes"] = json!([{"Ipv4Prefix": "10.0.1.64/28"}]));
    // T-99: an address and a prefix; references cover both.
    assert_eq!(estate.ask("pod", "controlplane", "tcp 443").is("R R R").answer.pairs.total, 2);
    estate.ask("10.0.1.70", "controlplane", "tcp 443").is("R R R");
    estate.ask("controlplane", "10.0.1.70", "tcp 8443").is("R R R");
    // The node's primary address is no pod.
    assert_eq!(estate.ask("node", "controlplane", "tcp 443").answer.pairs.total, 1);
}

#[test]
fn ek36_pods_of_one_node_never_meet_a_group() {
    let mut estate = with_pod(&[]);
    estate.secondary("n", "10.0.1.102", None).group("sg-none", &[]);
    estate.eni("n", |eni| eni["Groups"] = json!([{"GroupId": "sg-none"}]));
    estate.ask("10.0.1.101", "10.0.1.102", "tcp 80").is("R R R");
    estate.ask("10.0.1.101", "10.0.1.10", "tcp 10250").is("R R R");
    estate.ask("10.0.1.101", "controlplane", "tcp 443").is("B B -").because(&["SG_HAS_NO_RULES"]);
}

#[test]
fn ek37_off_vpc_the_node_speaks_for_its_pods() {
    // T-90.
    let seen_as = |env: &[(&str, &str)], rule: &str| {
        let mut estate = with_pod(env);
        only(&mut estate, rule);
        estate.ask("10.0.1.101", "10.1.1.30", "tcp 5432")
    };
    let (pod, node) = ("ingress tcp 5432 10.0.1.101/32", "ingress tcp 5432 10.0.1.10/32");
    assert_eq!(seen_as(&[], node).is("R R R").assumptions, 1);
    seen_as(&[], pod).is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
    let default = &[("AWS_VPC_K8S_CNI_EXTERNALSNAT", "false")];
    assert_eq!(seen_as(default, node).is("R R R").assumptions, 0);
    seen_as(default, pod).is("B B -");
    let external = &[("AWS_VPC_K8S_CNI_EXTERNALSNAT", "true")];
    seen_as(external, pod).is("R R R");
    seen_as(external, node).is("B B -");
    let excluded = &[("AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS", "10.9.0.0/16,10.1.0.0/16")];
    seen_as(excluded, pod).is("R R R");
    seen_as(excluded, node).is("B B -");
    let elsewhere = &[("AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS", "10.9.0.0/16")];
    seen_as(elsewhere, node).is("R R R");
}

#[test]
fn ek37_inside_all_cidrs_of_the_vpc_nothing_is_translated() {
    let mut estate = with_pod(&[]);
    estate.change("Vpcs", "VpcId", "vpc-1", |vpc| {
        vpc["CidrBlockAssociationSet"]
            .as_array_mut()
            .unwrap()
            .push(json!({"CidrBlock": "100.64.0.0/16", "CidrBlockState": {"State": "associated"}}));
    });
    estate.route("rtb-main", "100.64.0.0/16 local").subnet("subnet-s", "vpc-1", "100.64.1.0/24", "us-east-1a");
    estate.group("sg-s", &["ingress tcp 80 10.0.1.101/32"]).instance("s", "100.64.1.5", &["sg-s"]);
    estate.ask("10.0.1.101", "100.64.1.5", "tcp 80").is("R R R");
    estate.ask("10.0.1.10", "100.64.1.5", "tcp 80").is("B B -");
}

#[test]
fn ek38_what_comes_from_outside_is_not_translated() {
    let mut estate = with_pod(&[]);
    estate.group("sg-n", &["ingress tcp 80 10.1.0.0/16"]).eni("n", |eni| eni["Groups"] = json!([{"GroupId": "sg-n"}]));
    estate.ask("10.1.1.30", "10.0.1.101", "tcp 80").is("R R R");
}

/// A pod at 10.0.2.101 on N's second interface `eni-n2` (subnet b, group `sg-p`).
fn second_interface(rules: &[&str], env: &[(&str, &str)]) -> Estate {
    let mut estate = with_pod(env);
    estate.group("sg-p", rules).interface("n2", "10.0.2.100", &["sg-p"]).secondary("n2", "10.0.2.101", None);
    estate.eni("n2", |eni| {
        eni["Attachment"] = json!({"InstanceId": "i-n", "DeviceIndex": 1, "Status": "attached"});
    });
    estate
}

#[test]
fn ek39_ek44_off_vpc_by_the_primary_interface_in_vpc_by_the_pods_own() {
    // T-91: the pod's group has no egress at all.
    let estate = second_interface(&[], &[("AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "true")]);
    estate.ask("10.0.2.101", "10.1.1.30", "tcp 443").is("R R R");
    estate.ask("10.0.2.101", "controlplane", "tcp 443").is("B B -").because(&["SG_HAS_NO_RULES"]);
    let estate = second_interface(&[], &[("AWS_VPC_K8S_CNI_EXTERNALSNAT", "true")]);
    estate.ask("10.0.2.101", "10.1.1.30", "tcp 443").is("B B -").because(&["SG_HAS_NO_RULES"]);
    // The primary interface's network ACL and table apply, not those of the pod's subnet.
    let mut estate = second_interface(OPEN, &[]);
    estate.acl("acl-n", "vpc-1", &[]).acl_for("acl-n", "subnet-b");
    estate.ask("10.0.2.101", "10.1.1.30", "tcp 443").is("R R R");
    let mut estate = second_interface(OPEN, &[]);
    estate.acl("acl-n", "vpc-1", &[]).acl_for("acl-n", "subnet-a");
    estate.ask("10.0.2.101", "10.1.1.30", "tcp 443").is("B B -").because(&["SUBNET_ACL_RESTRICTION"]);
}

#[test]
fn ek40_ipv6_pods() {
    let mut estate = cluster(json!({"endpointPrivateAccess": true,
        "kubernetesNetworkConfig": {"serviceIpv6Cidr": "fd00:1::/108", "ipFamily": "ipv6"}}));
    peer(&mut estate);
    estate
        .vpc_ipv6("vpc-1", "2600:1f18:1::/56")
        .subnet_ipv6("subnet-a", "2600:1f18:1:1::/64")
        .ipv6("n", "2600:1f18:1:1::a");
    estate.eni("n", |eni| eni["Ipv6Prefixes"] = json!([{"Ipv6Prefix": "2600:1f18:1:1:100::/80"}]));
    estate.group("sg-o", OPEN).eni("n", |eni| eni["Groups"] = json!([{"GroupId": "sg-o"}]));
    estate
        .internet()
        .associate("rtb-pub", "subnet-a")
        .route("rtb-pub", "::/0 igw-1")
        .route("rtb-pub", "10.1.0.0/16 pcx-1");
    // No translation of IPv6.
    estate.ask("2600:1f18:1:1:100::5", "internet", "tcp 443 v6").is("R R R");
    estate.ask("internet/2001:db8::9", "2600:1f18:1:1:100::5", "tcp 443").is("R R R");
    // An IPv4 destination sees the node's IPv4 address, inside the VPC too.
    only(&mut estate, "ingress tcp 443 10.0.1.10/32");
    estate.ask("2600:1f18:1:1:100::5", "10.1.1.30", "tcp 443").is("R R R");
    estate.group("sg-v4", &["ingress tcp 443 10.0.1.10/32"]).instance("v", "10.0.2.44", &["sg-v4"]);
    estate.ask("2600:1f18:1:1:100::5", "10.0.2.44", "tcp 443").is("R R R");
    // EXTERNALSNAT cannot spare it: the families differ.
    let mut external = estate.clone();
    external.cni(&[("AWS_VPC_K8S_CNI_EXTERNALSNAT", "true")]);
    external.ask("2600:1f18:1:1:100::5", "10.1.1.30", "tcp 443").is("R R R");
    // The way back across families does not exist.
    estate.ask("10.0.2.44", "2600:1f18:1:1:100::5", "tcp 443").is("B B -").because(&["NO_COMMON_ADDRESS_FAMILY"]);
    // The node's own IPv6 address is no pod.
    estate.ask("2600:1f18:1:1::a", "10.0.2.44", "tcp 443").is("B B -").because(&["NO_COMMON_ADDRESS_FAMILY"]);
}

#[test]
fn ek41_windows_nodes_always_translate() {
    let mut estate =
        with_pod(&[("AWS_VPC_K8S_CNI_EXTERNALSNAT", "true"), ("AWS_VPC_K8S_CNI_EXCLUDE_SNAT_CIDRS", "10.1.0.0/16")]);
    only(&mut estate, "ingress tcp 443 10.0.1.10/32");
    estate.ask("10.0.1.101", "10.1.1.30", "tcp 443").is("B B -");
    estate.each("Reservations", |reservation| {
        if reservation["Instances"][0]["InstanceId"] == "i-n" {
            reservation["Instances"][0]["Platform"] = json!("windows");
        }
    });
    estate.ask("10.0.1.101", "10.1.1.30", "tcp 443").is("R R R");
    assert_eq!(
        estate.ask("10.0.1.101", "10.1.1.30", "tcp 443").answer.groups[0]
            .answer
            .witness
            .as_ref()
            .unwrap()
            .source
            .to_string(),
        "10.0.1.101"
    );
}

/// A service `shop/web` at 172.20.0.50: port 80 to 8080 of a pod at 10.0.1.101, port 53/udp to none that is ready.
fn service(estate: &mut Estate) {
    estate.document(json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"clusterIP": "172.20.0.50", "clusterIPs": ["172.20.0.50"], "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}},
        {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": {"name": "web-x", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}},
            "addressType": "IPv4", "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            "endpoints": [{"addresses": ["10.0.1.101"], "conditions": {"ready": true}},
                {"addresses": ["10.0.1.102"], "conditions": {"ready": false}}]}]}));
}

#[test]
fn ek42_a_service_is_its_ready_endpoints_on_their_port() {
    let mut estate = with_pod(&[]);
    service(&mut estate);
    estate
        .group("sg-n", &["ingress tcp 8080 10.0.2.0/24"])
        .eni("n", |eni| eni["Groups"] = json!([{"GroupId": "sg-n"}]));
    estate.group("sg-o", OPEN).node("c1", "m", "10.0.2.30", &["sg-o"]);
    for to in ["172.20.0.50", "svc/shop/web"] {
        let said = estate.ask("10.0.2.30", to, "tcp 80");
        said.is("R R R");
        assert_eq!(said.answer.pairs.total, 1);
        assert_eq!(said.allowed, ["tcp 80"]);
        estate.ask("10.0.2.30", to, "tcp 8080").is("B B -");
        estate.ask("10.0.2.30", to, "udp 80").is("B B -");
    }
    estate.eni("n", |eni| eni["Groups"] = json!([{"GroupId": "sg-c"}]));
    estate.ask("10.0.2.30", "svc/shop/web", "tcp 80").is("B B -").because(&["ENI_SG_RULES_MISMATCH"]);
    // Without the objects: unknown.
    with_pod(&[]).ask("node", "svc/shop/web", "tcp 80").is("U U U").because(&["NOT_COLLECTED"]);
}

#[test]
fn ek42_endpoints_are_those_of_the_senders_vpc() {
    let mut estate = with_pod(&[]);
    service(&mut estate);
    // An earlier interface of another VPC has the same address.
    estate.vpc("vpc-0", "10.0.0.0/16").subnet("subnet-0", "vpc-0", "10.0.1.0/24", "us-east-1a").group_in(
        "sg-0",
        "vpc-0",
        &[],
    );
    estate.interface("zero", "10.0.1.101", &["sg-0"]).eni("zero", |eni| {
        eni["SubnetId"] = json!("subnet-0");
        eni["VpcId"] = json!("vpc-0");
    });
    estate.first("NetworkInterfaces", "NetworkInterfaceId", "eni-zero").node("c1", "m", "10.0.2.30", &["sg-c"]);
    estate.ask("10.0.2.30", "svc/shop/web", "tcp 80").is("R R R");
}

/// Two branch-interface pods P (10.0.1.201) and Q (10.0.1.202) on N, with these ingress rules.
fn branches(env: &[(&str, &str)], rules: &[&str]) -> Estate {
    let mut estate = with_pod(env);
    estate.eni("n", |eni| eni["InterfaceType"] = json!("trunk"));
    estate.group("sg-p", rules);
    for (name, address) in [("p", "10.0.1.201"), ("q", "10.0.1.202")] {
        estate.interface(name, address, &["sg-p"]).eni(name, |eni| {
            eni["InterfaceType"] = json!("branch");
            eni["Description"] = json!("aws-k8s-branch-eni");
            eni.as_object_mut().unwrap().remove("Attachment");
        });
        estate.add(
            "InterfaceAssociations",
            json!({"AssociationId": format!("trunk-assoc-{name}"),
            "BranchInterfaceId": format!("eni-{name}"), "TrunkInterfaceId": "eni-n", "InterfaceProtocol": "VLAN"}),
        );
    }
    estate
}

const STANDARD: &[(&str, &str)] = &[("POD_SECURITY_GROUP_ENFORCING_MODE", "standard")];
const STRICT: &[(&str, &str)] = &[("POD_SECURITY_GROUP_ENFORCING_MODE", "strict")];

#[test]
fn ek47_strict_pods_always_leave_the_node() {
    // T-93.
    for env in [&[][..], STRICT] {
        let estate = branches(env, &["egress -1 0.0.0.0/0"]);
        estate.ask("10.0.1.201", "10.0.1.202", "tcp 80").is("B B -").because(&["SG_HAS_NO_RULES"]);
        estate.ask("10.0.1.10", "10.0.1.202", "tcp 80").is("B B -").because(&["SG_HAS_NO_RULES"]);
        branches(env, &["egress -1 0.0.0.0/0", "ingress -1 sg-p"])
            .ask("10.0.1.201", "10.0.1.202", "tcp 80")
            .is("R R R");
    }
}

#[test]
fn ek47_standard_pods_of_one_node_are_not_filtered() {
    let estate = branches(STANDARD, &[]);
    estate.ask("10.0.1.201", "10.0.1.202", "tcp 80").is("R R R");
    estate.ask("10.0.1.10", "10.0.1.202", "tcp 80").is("R R R");
    // From another host of the VPC they are.
    estate.ask("controlplane", "10.0.1.202", "tcp 8443").is("B B -").because(&["SG_HAS_NO_RULES"]);
    estate.ask("10.0.1.202", "controlplane", "tcp 443").is("B B -").because(&["SG_HAS_NO_RULES"]);
}

#[test]
fn ek46_without_the_trunk_associations_a_pods_node_is_unknown_where_that_decides() {
    let mut estate = branches(STANDARD, &[]);
    estate.without("InterfaceAssociations");
    let said = estate.ask("10.0.1.201", "10.0.1.202", "tcp 80");
    assert_eq!(said.verdict, Verdict::Unknown, "{:?}", said.messages);
    assert!(said.messages.iter().any(|m| m.contains("describe-trunk-interface-associations")), "{:?}", said.messages);
    // Strict pods leave the node by their own interface, whichever node it is.
    let mut estate = branches(STRICT, &["egress -1 0.0.0.0/0"]);
    estate.without("InterfaceAssociations");
    estate.ask("10.0.1.201", "10.0.1.202", "tcp 80").is("B B -").because(&["SG_HAS_NO_RULES"]);
}

#[test]
fn ek47_off_vpc_by_mode() {
    let (pod, node) = ("ingress tcp 443 10.0.1.201/32", "ingress tcp 443 10.0.1.10/32");
    let seen_as = |env: &[(&str, &str)], rules: &[&str], at: &str| {
        let mut estate = branches(env, rules);
        only(&mut estate, at);
        estate.ask("10.0.1.201", "10.1.1.30", "tcp 443")
    };
    let out = &["egress -1 0.0.0.0/0"][..];
    // Strict: never translated, the branch's groups decide.
    seen_as(STRICT, out, pod).is("R R R");
    seen_as(STRICT, out, node).is("B B -");
    seen_as(STRICT, &[], pod).is("B B -").because(&["SG_HAS_NO_RULES"]);
    // Standard: translated, only the primary interface's groups decide.
    seen_as(STANDARD, &[], node).is("R R R");
    seen_as(STANDARD, &[], pod).is("B B -");
    // Standard with EXTERNALSNAT: not translated, the branch's groups decide.
    let external = &[("POD_SECURITY_GROUP_ENFORCING_MODE", "standard"), ("AWS_VPC_K8S_CNI_EXTERNALSNAT", "true")];
    seen_as(external, out, pod).is("R R R");
    seen_as(external, &[], pod).is("B B -").because(&["SG_HAS_NO_RULES"]);
}

#[test]
fn selectors_pods_by_list() {
    let mut estate = with_pod(&[]);
    estate.secondary("n", "10.0.1.102", None);
    let pod = |name: &str, address: &str, host: bool, phase: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"},
            "spec": {"nodeName": "ip-10-0-1-10", "hostNetwork": host},
            "status": {"phase": phase, "podIP": address, "podIPs": [{"ip": address}]}})
    };
    estate.document(json!({"apiVersion": "v1", "kind": "List", "items": [
        pod("cart-1", "10.0.1.101", false, "Running"), pod("proxy", "10.0.1.10", true, "Running"),
        pod("done", "10.0.1.102", false, "Succeeded")]}));
    estate.ask("pod/shop/cart-1", "controlplane", "tcp 443").is("R R R");
    estate.ask("pod/shop/cart", "controlplane", "tcp 443").is("R R R");
    // Host-network pods are left out; a finished pod's address is nobody's.
    assert_eq!(estate.ask("pod", "controlplane", "tcp 443").answer.pairs.total, 1);
    let (_, candidates) = estate.refused("pod/shop/zzz", "controlplane");
    assert!(candidates.contains(&"pod/shop/cart-1".to_owned()), "{candidates:?}");
    estate.refused("pod/shop/done", "controlplane");
}

#[test]
fn selectors_nodes_by_group_and_clusters_by_name() {
    let mut estate = cluster(private());
    estate.node("c1", "m", "10.0.1.11", &["sg-c"]);
    estate.each("Reservations", |reservation| {
        let name = if reservation["Instances"][0]["InstanceId"] == "i-m" { "blue" } else { "green" };
        reservation["Instances"][0]["Tags"]
            .as_array_mut()
            .unwrap()
            .push(json!({"Key": "eks:nodegroup-name", "Value": name}));
    });
    let total = |from: &str| estate.ask(from, "controlplane", "tcp 443").answer.pairs.total;
    assert_eq!((total("node"), total("node/blue"), total("cluster/c1/node")), (2, 1, 2));
    assert_eq!(estate.ask("node", "node", "tcp 443").answer.pairs.total, 2);
    let (_, candidates) = estate.refused("node/red", "controlplane");
    assert_eq!(candidates, ["node/blue", "node/green"]);
    estate.cluster("c2", json!({}));
    let (message, candidates) = estate.refused("node", "10.0.1.10");
    assert!(message.contains("ambiguous"), "{message}");
    assert_eq!(candidates, ["cluster/c1/node", "cluster/c2/node"]);
}

#[test]
fn ek37_the_addons_settings_are_json_or_yaml() {
    let of = |text: &str| {
        let mut estate = cluster(private());
        estate.document(json!({"addon": {"addonName": "vpc-cni", "clusterName": "c1", "configurationValues": text}}));
        let network = estate.network();
        let (_, cluster) = network.clusters.iter().next().unwrap();
        (cluster.cni.external_snat, network.warnings.clone())
    };
    assert_eq!(of("{\"env\": {\"AWS_VPC_K8S_CNI_EXTERNALSNAT\": \"true\"}}"), (Some(true), Vec::new()));
    assert_eq!(of("env:\n  AWS_VPC_K8S_CNI_EXTERNALSNAT: \"true\"\n"), (Some(true), Vec::new()));
    assert_eq!(of("env:\n  AWS_VPC_K8S_CNI_EXTERNALSNAT: true\n"), (Some(true), Vec::new()));
    assert_eq!(of(""), (None, Vec::new()));
    let (unread, warnings) = of("env: [");
    assert_eq!(unread, None);
    assert!(warnings.iter().any(|warning| warning.contains("configurationValues")), "{warnings:?}");
}
