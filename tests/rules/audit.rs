//! The EKS audit: every requirement, what it counts, and what it says beside the packets.

use reach_eks::audit::{Audit, AuditError, Finding, Level, Options, Status};
use reach_engine::question::Engine;
use reach_model::Network;
use serde_json::{Value, json};

use crate::estate::Estate;

/// Today's default rules of a cluster security group (EK-2).
const DEFAULT: &[&str] = &["ingress -1 sg-c", "egress -1 0.0.0.0/0", "egress -1 sg-c"];

/// Cluster `c1`, private and public access: nodes M (10.0.1.10) and N (10.0.2.10), control plane X (10.0.1.9) and Y
/// (10.0.2.9), one group of these rules on all of them; the internet by a NAT gateway.
fn world(rules: &[&str]) -> Estate {
    let mut estate = Estate::new();
    estate.internet().nat().route("rtb-main", "0.0.0.0/0 nat-1");
    estate.group("sg-c", rules).cluster("c1", json!({"endpointPrivateAccess": true, "clusterSecurityGroupId": "sg-c"}));
    owned(&mut estate, "sg-c", "c1");
    node(&mut estate, "m", "10.0.1.10", &["sg-c"], "blue");
    node(&mut estate, "n", "10.0.2.10", &["sg-c"], "green");
    estate.control_plane("c1", "x", "10.0.1.9", &["sg-c"]).control_plane("c1", "y", "10.0.2.9", &["sg-c"]);
    estate
}

/// The older world: control-plane group `sg-cp`, node group `sg-n`, no cluster security group.
fn older(control_plane: &[&str], nodes: &[&str]) -> Estate {
    let mut estate = Estate::new();
    estate.internet().nat().route("rtb-main", "0.0.0.0/0 nat-1");
    // Each names the other: both are there before the rules are.
    estate.group("sg-n", nodes).group("sg-cp", control_plane);
    estate.cluster("c1", json!({"endpointPrivateAccess": true, "securityGroupIds": ["sg-cp"]}));
    owned(&mut estate, "sg-n", "c1");
    node(&mut estate, "m", "10.0.1.10", &["sg-n"], "blue");
    node(&mut estate, "n", "10.0.2.10", &["sg-n"], "blue");
    estate.control_plane("c1", "x", "10.0.1.9", &["sg-cp"]).control_plane("c1", "y", "10.0.2.9", &["sg-cp"]);
    estate
}

/// AWS's older recommended rows.
fn recommended() -> Estate {
    older(
        &["ingress tcp 443 sg-n", "egress tcp 1025-65535 sg-n"],
        &["ingress -1 sg-n", "ingress tcp 443 sg-cp", "ingress tcp 1025-65535 sg-cp", "egress -1 0.0.0.0/0"],
    )
}

fn node(estate: &mut Estate, name: &str, address: &str, groups: &[&str], group: &str) {
    estate.node("c1", name, address, groups);
    let id = format!("i-{name}");
    estate.each("Reservations", |reservation| {
        if reservation["Instances"][0]["InstanceId"] == *id {
            let tags = reservation["Instances"][0]["Tags"].as_array_mut().unwrap();
            tags.push(json!({"Key": "eks:nodegroup-name", "Value": group}));
        }
    });
}

fn owned(estate: &mut Estate, group: &str, cluster: &str) {
    let tag = json!({"Key": format!("kubernetes.io/cluster/{cluster}"), "Value": "owned"});
    estate.change("SecurityGroups", "GroupId", group, |group| group["Tags"] = json!([tag]));
}

fn try_audit(network: &Network, options: &Options) -> Result<Audit, AuditError> {
    let clusters = reach_eks::clusters(network);
    reach_eks::audit::audit(network, &clusters[0], options)
}

/// Both engines, without fixes.
fn audit(estate: &Estate) -> Audit {
    try_audit(&estate.network(), &Options { engine: Engine::Both, ..Options::default() }).unwrap()
}

fn find<'a>(audit: &'a Audit, id: &str) -> &'a Finding {
    let ids = || audit.findings.iter().map(|finding| &*finding.id).collect::<Vec<_>>();
    audit.findings.iter().find(|finding| finding.id == id).unwrap_or_else(|| panic!("no {id} among {:?}", ids()))
}

fn status(audit: &Audit, id: &str) -> &'static str {
    find(audit, id).status.as_str()
}

fn codes(finding: &Finding) -> Vec<&'static str> {
    finding.remarks.iter().map(|remark| remark.code).collect()
}

const API: &str = "eks.api.node-to-controlplane.tcp-443";
const KUBELET: &str = "eks.kubelet.controlplane-to-node.tcp-10250";
const UDP: &str = "eks.dns.node-to-node.udp-53";
const TCP: &str = "eks.dns.node-to-node.tcp-53";
const ALL: &str = "eks.node-to-node.all";
const WEBHOOK_443: &str = "eks.controlplane-to-node.tcp-443";
const WEBHOOK_HIGH: &str = "eks.controlplane-to-node.tcp-1025-65535";
const CONFORMANCE: &str = "eks.conformance.controlplane-to-node.tcp-0-65535";
const INTERNET: &str = "eks.node-egress.internet";
const TAG: &str = "eks.tag.exactly-one-owned";
const SHARED: &str = "eks.sg.controlplane-shared";
const CIDRS: &str = "eks.endpoint.public-access-cidrs";
const CLIENT: &str = "eks.api.client-to-controlplane.tcp-443";
const PODS: &str = "eks.api.pod-to-controlplane.tcp-443";

#[test]
fn ek2_the_default_group_passes_everything() {
    let audit = audit(&world(DEFAULT));
    for id in [API, KUBELET, UDP, TCP, ALL, WEBHOOK_443, WEBHOOK_HIGH, CONFORMANCE, INTERNET, TAG] {
        assert_eq!(status(&audit, id), "pass", "{id}");
    }
    for service in ["ecr.api", "ecr.dkr", "s3", "sts", "ec2", "eks"] {
        assert_eq!(status(&audit, &format!("eks.node-egress.aws.{service}")), "pass", "{service}");
    }
    assert_eq!(find(&audit, KUBELET).pairs.total, 4);
    assert_eq!(find(&audit, UDP).pairs.total, 2);
    // Every id is there once, whatever applies.
    let mut ids: Vec<&str> = audit.findings.iter().map(|finding| &*finding.id).collect();
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert_eq!(find(&audit, CONFORMANCE).level, Level::Conformance);
    assert!(audit.remarks.iter().all(|remark| remark.code == "NOT_COLLECTED"), "{:?}", audit.remarks);
}

#[test]
fn ek4_the_older_minimum_has_no_row_for_dns() {
    let minimum = &["ingress tcp 443 sg-c", "ingress tcp 10250 sg-c", "egress tcp 443 sg-c", "egress tcp 10250 sg-c"];
    let audit = audit(&world(minimum));
    for id in [API, KUBELET, WEBHOOK_443] {
        assert_eq!(status(&audit, id), "pass", "{id}");
    }
    for id in [UDP, TCP] {
        assert_eq!(status(&audit, id), "fail", "{id}");
        assert!(codes(find(&audit, id)).contains(&"EKS_OLDER_MINIMUM_DNS"), "{:?}", find(&audit, id).remarks);
    }
    for id in [ALL, WEBHOOK_HIGH, CONFORMANCE] {
        assert_eq!(status(&audit, id), "partial", "{id}");
    }
    assert_eq!(status(&audit, INTERNET), "fail");
    assert_eq!(status(&audit, "eks.node-egress.aws.ecr.api"), "fail");
}

#[test]
fn ek5_a_restricted_group_is_not_durable_and_a_flow_needs_both_self_rules() {
    // T-106: without the rule to everywhere the members still reach each other.
    let inside = audit(&world(&["ingress -1 sg-c", "egress -1 sg-c"]));
    for id in [API, KUBELET, UDP, TCP, ALL] {
        assert_eq!(status(&inside, id), "pass", "{id}");
    }
    assert_eq!(status(&inside, INTERNET), "fail");
    assert!(inside.remarks.iter().all(|remark| remark.code != "EKS_RESTRICTION_NOT_DURABLE"));
    // T-108: the rows of today's minimum without the inbound self rule.
    let rows = &["egress -1 sg-c", "egress tcp 443 sg-c", "egress tcp 10250 sg-c", "egress udp 53 sg-c"];
    let outward = audit(&world(rows));
    for id in [API, KUBELET, UDP, TCP, ALL] {
        assert_eq!(status(&outward, id), "fail", "{id}");
        assert!(codes(find(&outward, id)).contains(&"EKS_ONE_SELF_RULE"), "{id}");
    }
    let durable = outward.remarks.iter().find(|remark| remark.code == "EKS_RESTRICTION_NOT_DURABLE").unwrap();
    assert!(durable.message.contains("inbound") && !durable.message.contains("outbound"), "{}", durable.message);
}

#[test]
fn ek20_the_older_tables_contradict_each_other_about_443() {
    let audit = audit(&recommended());
    for id in [API, KUBELET, UDP, TCP, ALL, WEBHOOK_HIGH, INTERNET, TAG, SHARED] {
        assert_eq!(status(&audit, id), "pass", "{id}");
    }
    assert_eq!(status(&audit, WEBHOOK_443), "fail");
    let finding = find(&audit, WEBHOOK_443);
    assert_eq!(finding.remarks[0].code, "EKS_OLDER_TABLES_443");
    assert_eq!(finding.remarks[0].resource.as_deref(), Some("sg-cp"));
    // EK-19: neither table opens privileged ports.
    assert_eq!(status(&audit, CONFORMANCE), "partial");
    assert!(audit.remarks.iter().any(|remark| remark.code == "EKS_OLDER_CLUSTER"), "EK-7");
    assert!(find(&audit, WEBHOOK_443).rows.iter().any(|row| row.to_string().contains("tcp 443")));
}

#[test]
fn ek19_conformance_needs_every_port_on_both_sides() {
    let control_plane = &["ingress tcp 443 sg-n", "egress tcp 0-65535 sg-n"];
    let open = audit(&older(control_plane, &["ingress -1 sg-n", "ingress tcp 0-65535 sg-cp", "egress -1 0.0.0.0/0"]));
    assert_eq!(status(&open, CONFORMANCE), "pass");
    let half =
        audit(&older(control_plane, &["ingress -1 sg-n", "ingress tcp 1025-65535 sg-cp", "egress -1 0.0.0.0/0"]));
    assert_eq!(status(&half, CONFORMANCE), "partial");
}

#[test]
fn ek27_launch_template_groups_are_told() {
    let mut estate = world(DEFAULT);
    estate.group("sg-l", &["egress -1 0.0.0.0/0", "ingress -1 sg-l"]);
    for name in ["m", "n"] {
        estate.eni(name, |eni| eni["Groups"] = json!([{"GroupId": "sg-l"}]));
    }
    let audit = audit(&estate);
    assert_eq!((status(&audit, KUBELET), status(&audit, API)), ("fail", "fail"));
    let remarks: Vec<_> =
        find(&audit, KUBELET).remarks.iter().filter(|r| r.code == "EKS_LAUNCH_TEMPLATE_GROUPS").collect();
    assert_eq!(remarks.len(), 2, "one for each node group");
}

#[test]
fn placement_names_the_node_group_or_the_subnet() {
    let mut estate = world(DEFAULT);
    estate.group("sg-l", &["egress -1 0.0.0.0/0", "ingress tcp 443 sg-c"]);
    estate.eni("n", |eni| eni["Groups"] = json!([{"GroupId": "sg-l"}]));
    let by_group = audit(&estate);
    let finding = find(&by_group, KUBELET);
    assert_eq!(finding.status, Status::Partial);
    let told: Vec<(&str, &str, &str, u64, u64)> =
        finding.placement.iter().map(|p| (p.side, p.kind, &*p.name, p.pairs.reachable, p.pairs.blocked)).collect();
    assert_eq!(told, [("to", "node group", "blue", 2, 0), ("to", "node group", "green", 0, 2)]);
    // Nodes of one group in two subnets, of which one has no way out (S26).
    let mut estate = world(DEFAULT);
    estate.table("rtb-b", "vpc-1", &[]).associate("rtb-b", "subnet-b");
    node(&mut estate, "o", "10.0.2.11", &["sg-c"], "blue");
    let by_subnet = audit(&estate);
    let finding = find(&by_subnet, INTERNET);
    assert_eq!((finding.status, finding.pairs.blocked, finding.pairs.total), (Status::Partial, 2, 3));
    let told: Vec<(&str, &str)> = finding.placement.iter().map(|p| (p.kind, &*p.name)).collect();
    assert_eq!(told, [("subnet", "subnet-a"), ("subnet", "subnet-b")]);
    // Where all fare alike, nobody is named.
    assert!(find(&by_subnet, KUBELET).placement.is_empty());
}

#[test]
fn ek14_public_access_cidrs_judge_the_list_alone() {
    let public = |cidrs: Value| {
        let mut estate = world(DEFAULT);
        estate.without_documents("cluster");
        estate.cluster("c1", json!({"publicAccessCidrs": cidrs, "clusterSecurityGroupId": "sg-c"}));
        estate
    };
    assert_eq!(status(&audit(&world(DEFAULT)), CIDRS), "not_applicable", "private access is on");
    // T-87: 198.51.100.5 is the NAT gateway's.
    assert_eq!(status(&audit(&public(json!(["198.51.100.5/32"]))), CIDRS), "pass");
    let refused = audit(&public(json!(["203.0.113.77/32"])));
    assert_eq!((status(&refused, CIDRS), status(&refused, API)), ("fail", "fail"));
    // What else stops the nodes is no matter of the list.
    let mut estate = public(json!(["198.51.100.5/32"]));
    estate.rules("sg-c", &["ingress -1 sg-c", "egress -1 sg-c"]);
    let closed = audit(&estate);
    assert_eq!((status(&closed, CIDRS), status(&closed, API)), ("pass", "fail"));
    // Nodes that do not get as far as the endpoint say nothing about it.
    let mut estate = public(json!(["198.51.100.5/32"]));
    estate.retain("RouteTables", |table| table["RouteTableId"] != "rtb-main");
    estate.table("rtb-x", "vpc-1", &[]).associate("rtb-x", "subnet-a").associate("rtb-x", "subnet-b");
    let astray = audit(&estate);
    assert_eq!((status(&astray, CIDRS), status(&astray, API)), ("not_applicable", "fail"));
}

#[test]
fn ek12_pods_reach_the_control_plane_in_every_mode() {
    let mut estate = world(DEFAULT);
    assert_eq!(status(&audit(&estate), PODS), "not_applicable", "no pod, no pair");
    estate.secondary("m", "10.0.1.101", None);
    assert_eq!((status(&audit(&estate), PODS), find(&audit(&estate), PODS).pairs.total), ("pass", 2));
    // EK-45: pods with groups of their own.
    estate.group("sg-p", &["egress -1 0.0.0.0/0"]).interface("p", "10.0.1.120", &["sg-p"]);
    estate.eni("p", |eni| eni["InterfaceType"] = json!("branch"));
    let found = audit(&estate);
    assert_eq!((status(&found, PODS), find(&found, PODS).pairs.total), ("partial", 4));
}

#[test]
fn ek50_fargate_pods_are_found_by_their_profile() {
    let mut estate = world(DEFAULT);
    estate.interface("f", "10.0.1.130", &["sg-c"]);
    estate.eni("f", |eni| eni["TagSet"] = json!([{"Key": "eks:fargate-profile", "Value": "batch"}]));
    assert_eq!(find(&audit(&estate), PODS).pairs.total, 2);
}

#[test]
fn clients_are_named_and_merged() {
    let mut estate = world(DEFAULT);
    assert_eq!(status(&audit(&estate), CLIENT), "not_applicable");
    // S15: a bastion without a rule at the control plane.
    estate.group("sg-b", &["egress -1 0.0.0.0/0"]).instance("b", "10.0.1.50", &["sg-b"]);
    estate.instance("k", "10.0.1.51", &["sg-c"]);
    let network = estate.network();
    let of = |clients: &[&str]| {
        let clients = clients.iter().map(|&client| client.to_owned()).collect();
        try_audit(&network, &Options { clients, ..Options::default() })
    };
    let found = of(&["i-b"]).unwrap();
    assert_eq!((status(&found, CLIENT), find(&found, CLIENT).pairs.total), ("fail", 2));
    let found = of(&["i-b", "i-k"]).unwrap();
    assert_eq!((status(&found, CLIENT), find(&found, CLIENT).pairs.total), ("partial", 4));
    assert_eq!(find(&found, CLIENT).question.as_ref().unwrap().from, "i-b, i-k");
    assert!(matches!(of(&["i-nobody"]), Err(AuditError::Selector(_))));
}

#[test]
fn ek21_exactly_one_group_is_owned() {
    let mut estate = world(DEFAULT);
    estate.group("sg-n", &[]);
    owned(&mut estate, "sg-n", "c1");
    for name in ["m", "n"] {
        estate.eni(name, |eni| eni["Groups"] = json!([{"GroupId": "sg-c"}, {"GroupId": "sg-n"}]));
    }
    let options = Options { fixes: true, engine: Engine::Both, ..Options::default() };
    let two = try_audit(&estate.network(), &options).unwrap();
    let finding = find(&two, TAG);
    assert_eq!((finding.status, finding.pairs.blocked), (Status::Fail, 2));
    // EKS puts the cluster group's tag back: the other one is to go.
    let [fix] = &*finding.fixes else { panic!("{:?}", finding.fixes) };
    let change = serde_json::to_value(&fix.changes).unwrap();
    assert_eq!(change[0]["DeleteTags"]["Resources"], json!(["sg-n"]));
    assert_eq!((fix.pairs.reachable, fix.pairs.total), (2, 2));
    assert!(codes(finding).contains(&"EKS_TAGS_MOVE_NO_PACKET"));
    assert_eq!(status(&two, API), "pass", "T-97: tags move no packet");
    // One node of two: partial. The tag of another cluster, or another value, is none.
    estate.eni("n", |eni| eni["Groups"] = json!([{"GroupId": "sg-c"}]));
    assert_eq!(status(&audit(&estate), TAG), "partial");
    owned(&mut estate, "sg-n", "c2");
    assert_eq!(status(&audit(&estate), TAG), "pass");
    estate.change("SecurityGroups", "GroupId", "sg-c", |group| group["Tags"][0]["Value"] = json!("shared"));
    let none = audit(&estate);
    assert_eq!(status(&none, TAG), "fail");
    assert!(codes(find(&none, TAG)).contains(&"EKS_CLUSTER_TAG_MISSING"));
    estate.without("SecurityGroups");
    assert_eq!(status(&audit(&estate), TAG), "unknown");
}

#[test]
fn ek22_a_control_plane_group_is_one_clusters_alone() {
    let mut estate = recommended();
    assert_eq!(status(&audit(&estate), SHARED), "pass");
    estate.instance("db", "10.0.1.60", &["sg-cp"]);
    let unrelated = audit(&estate);
    assert_eq!(status(&unrelated, SHARED), "fail");
    assert!(find(&unrelated, SHARED).remarks[0].message.contains("eni-db"));
    let mut estate = recommended();
    estate.control_plane("c2", "z", "10.0.1.8", &["sg-cp"]);
    let shared = audit(&estate);
    assert_eq!(status(&shared, SHARED), "fail");
    assert!(find(&shared, SHARED).remarks[0].message.contains("cluster c2"));
    // The cluster security group is meant to be on nodes as well.
    assert_eq!(status(&audit(&world(DEFAULT)), SHARED), "not_applicable");
    let mut estate = recommended();
    estate.truncated("NetworkInterfaces");
    assert_eq!(status(&audit(&estate), SHARED), "unknown");
}

#[test]
fn ek24_a_private_cluster_needs_its_endpoints() {
    let private = || {
        let mut estate = world(DEFAULT);
        estate.retain("NatGateways", |_| false);
        estate.change("RouteTables", "RouteTableId", "rtb-main", |table| {
            table["Routes"].as_array_mut().unwrap().retain(|route| route["NatGatewayId"].is_null());
        });
        estate
    };
    let bare = audit(&private());
    for service in ["ecr.api", "ecr.dkr", "s3", "sts", "ec2", "eks"] {
        assert_eq!(status(&bare, &format!("eks.node-egress.aws.{service}")), "fail", "{service}");
    }
    assert_eq!(status(&bare, INTERNET), "fail", "its endpoints are missing: it needs the internet");
    let mut whole = private();
    for (n, service) in ["ecr.api", "ecr.dkr", "sts", "ec2", "eks"].into_iter().enumerate() {
        whole.interface_endpoint(&format!("e{n}"), service, &format!("10.0.1.{}", 200 + n), &["sg-c"]);
    }
    whole.s3_gateway(&["rtb-main"]);
    let whole = audit(&whole);
    assert_eq!(status(&whole, "eks.node-egress.aws.ecr.api"), "pass");
    assert_eq!(status(&whole, "eks.node-egress.aws.s3"), "pass");
    assert_eq!(status(&whole, INTERNET), "not_applicable");
}

#[test]
fn ek24_what_nothing_uses_is_not_asked_about() {
    let mut estate = world(DEFAULT);
    for service in ["logs", "elasticloadbalancing", "autoscaling", "eks-auth", "xray", "ssm", "route53"] {
        assert_eq!(status(&audit(&estate), &format!("eks.node-egress.aws.{service}")), "not_applicable", "{service}");
    }
    // S9: an endpoint whose group admits nobody is a trap, although the internet is there.
    estate.group("sg-e", &[]).interface_endpoint("logs", "logs", "10.0.1.210", &["sg-e"]);
    estate.document(list(&[pod("kube-system", "aws-load-balancer-controller-7d", "10.0.1.101")]));
    let found = audit(&estate);
    assert_eq!(status(&found, "eks.node-egress.aws.logs"), "fail");
    assert_eq!(status(&found, "eks.node-egress.aws.elasticloadbalancing"), "pass");
}

fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

fn pod(namespace: &str, name: &str, address: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {"containers": [{"name": "main", "ports": [{"name": "hook", "containerPort": 9443}]}]},
        "status": {"phase": "Running", "podIP": address, "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn service(name: &str, port: u16, target: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "ops"},
        "spec": {"clusterIP": "172.20.0.40", "selector": {"app": name},
            "ports": [{"name": "https", "port": port, "targetPort": target, "protocol": "TCP"}]}})
}

fn slice(service: &str, port: u16, addresses: &[&str], ready: bool) -> Value {
    let endpoints: Vec<Value> =
        addresses.iter().map(|address| json!({"addresses": [address], "conditions": {"ready": ready}})).collect();
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": format!("{service}-{port}"), "namespace": "ops",
            "labels": {"kubernetes.io/service-name": service}},
        "ports": [{"name": "https", "port": port, "protocol": "TCP"}], "endpoints": endpoints})
}

fn webhook(name: &str, client: &Value, policy: &str) -> Value {
    json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name}, "webhooks": [{"name": name, "clientConfig": client, "failurePolicy": policy}]})
}

fn api_service(name: &str, service: &Value) -> Value {
    json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": name},
        "spec": {"service": service}})
}

fn of_service(name: &str) -> Value {
    json!({"service": {"namespace": "ops", "name": name, "port": 443}})
}

/// Nodes that admit from the control plane only 10250 and 9443.
fn narrow() -> Estate {
    let mut estate = older(
        &["ingress tcp 443 sg-n", "egress -1 0.0.0.0/0"],
        &["ingress -1 sg-n", "ingress tcp 10250 sg-cp", "ingress tcp 9443 sg-cp", "egress -1 0.0.0.0/0"],
    );
    estate.secondary("m", "10.0.1.101", None).secondary("n", "10.0.2.101", None);
    estate
}

#[test]
fn ek42_a_webhook_is_judged_on_the_port_of_its_pods() {
    // S3: service 443, pod 9443. S11: pod 15017, which nothing opens.
    let mut estate = narrow();
    estate.document(list(&[
        service("lb", 443, &json!("hook")),
        slice("lb", 9443, &["10.0.1.101", "10.0.2.101"], true),
        webhook("mpod.elbv2.k8s.aws", &of_service("lb"), "Fail"),
        service("istiod", 443, &json!(15017)),
        slice("istiod", 15017, &["10.0.1.101"], true),
        webhook("sidecar", &of_service("istiod"), "Ignore"),
    ]));
    let found = audit(&estate);
    assert_eq!(status(&found, "eks.webhook.mpod.elbv2.k8s.aws.tcp-9443"), "pass");
    assert_eq!(find(&found, "eks.webhook.mpod.elbv2.k8s.aws.tcp-9443").pairs.total, 4);
    let finding = find(&found, "eks.webhook.sidecar.tcp-15017");
    assert_eq!((finding.status, finding.level), (Status::Fail, Level::Recommended));
    assert!(finding.title.contains("service port 443, pod port 15017"), "{}", finding.title);
    assert!(codes(finding).contains(&"EKS_FAILURE_POLICY"));
    assert!(finding.remarks.iter().any(|remark| remark.message.contains("Ignore")));
}

#[test]
fn ek42_endpoints_by_selector_where_no_slice_was_listed() {
    let mut estate = narrow();
    estate.document(list(&[
        service("lb", 443, &json!("hook")),
        pod("ops", "lb", "10.0.1.101"),
        webhook("by-selector", &of_service("lb"), "Fail"),
    ]));
    assert_eq!(status(&audit(&estate), "eks.webhook.by-selector.tcp-9443"), "pass");
}

#[test]
fn ek42_what_is_not_known_of_a_webhook_is_unknown_and_nobody_is_not_applicable() {
    let mut estate = narrow();
    estate.document(list(&[
        webhook("no-service", &of_service("gone"), "Fail"),
        service("blind", 443, &json!(8443)),
        webhook("no-endpoints", &of_service("blind"), "Fail"),
        service("empty", 443, &json!(8443)),
        slice("empty", 8443, &["10.0.1.101"], false),
        webhook("none-ready", &of_service("empty"), "Fail"),
        service("wrong", 8080, &json!(8443)),
        webhook("no-port", &of_service("wrong"), "Fail"),
        webhook("no-client", &json!({}), "Fail"),
    ]));
    let found = audit(&estate);
    assert_eq!(status(&found, "eks.webhook.no-service.tcp-443"), "unknown");
    assert_eq!(status(&found, "eks.webhook.no-endpoints.tcp-8443"), "unknown");
    assert_eq!(status(&found, "eks.webhook.none-ready.tcp-8443"), "not_applicable");
    assert_eq!(status(&found, "eks.webhook.no-port.tcp-443"), "unknown");
    assert_eq!(status(&found, "eks.webhook.no-client.tcp-443"), "unknown");
    assert!(codes(find(&found, "eks.webhook.none-ready.tcp-8443")).contains(&"EKS_NO_READY_ENDPOINT"));
}

#[test]
fn ek42_each_port_behind_a_service_is_a_finding() {
    let mut estate = narrow();
    estate.document(list(&[
        service("m", 443, &json!("https")),
        slice("m", 9443, &["10.0.1.101"], true),
        slice("m", 10251, &["10.0.2.101"], true),
        api_service("v1beta1.metrics.k8s.io", &json!({"namespace": "ops", "name": "m"})),
        api_service("v1.apps", &Value::Null),
    ]));
    let found = audit(&estate);
    // S2: the port is the pod's, whatever version is installed.
    assert_eq!(status(&found, "eks.apiservice.v1beta1.metrics.k8s.io.tcp-9443"), "pass");
    assert_eq!(status(&found, "eks.apiservice.v1beta1.metrics.k8s.io.tcp-10251"), "fail");
    assert_eq!(find(&found, "eks.apiservice.v1beta1.metrics.k8s.io.tcp-9443").pairs.total, 2);
    assert!(!found.findings.iter().any(|finding| finding.id.contains("v1.apps")), "the control plane serves it itself");
}

#[test]
fn ek42_the_same_webhook_twice_is_one_finding_the_worse_one() {
    let mut estate = narrow();
    estate.document(list(&[
        service("lb", 443, &json!(9443)),
        slice("lb", 9443, &["10.0.1.101"], true),
        webhook("same", &of_service("lb"), "Fail"),
        json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": "same"}, "webhooks": [{"name": "same", "clientConfig": of_service("lb")}]}),
    ]));
    let found = audit(&estate);
    assert_eq!(found.findings.iter().filter(|finding| finding.id.starts_with("eks.webhook.same")).count(), 1);
}

#[test]
fn s13_the_control_plane_has_no_route_to_an_overlay() {
    let mut estate = narrow();
    estate.document(list(&[
        service("cm", 443, &json!(10250)),
        slice("cm", 10250, &["192.168.7.7"], true),
        webhook("webhook.cert-manager.io", &of_service("cm"), "Fail"),
    ]));
    let found = audit(&estate);
    let finding = find(&found, "eks.webhook.webhook.cert-manager.io.tcp-10250");
    assert_eq!(finding.status, Status::Fail);
    let overlay = finding.remarks.iter().find(|remark| remark.code == "EKS_OVERLAY_POD").unwrap();
    assert!(overlay.message.contains("hostNetwork") && overlay.message.contains("not 10250"), "{}", overlay.message);
}

#[test]
fn ek13_webhooks_by_url() {
    let at = |url: &str, mode: Option<&str>| {
        let mut estate = world(DEFAULT);
        if let Some(mode) = mode {
            estate.without_documents("cluster");
            let config = json!({"endpointPrivateAccess": true, "clusterSecurityGroupId": "sg-c",
                "controlPlaneEgressMode": mode});
            estate.cluster("c1", config);
        }
        estate.document(list(&[webhook("w", &json!({"url": url}), "Fail")]));
        let found = audit(&estate);
        let finding = found.findings.iter().find(|finding| finding.id.starts_with("eks.webhook.w.")).unwrap();
        format!("{} {}", finding.id, finding.status.as_str())
    };
    let routed = Some("CUSTOMER_ROUTED");
    assert_eq!(at("https://127.0.0.1:23443/x", routed), "eks.webhook.w.tcp-23443 not_applicable");
    assert_eq!(at("https://198.51.100.60/x", None), "eks.webhook.w.tcp-443 not_applicable");
    assert_eq!(at("https://198.51.100.60:8443/x", routed), "eks.webhook.w.tcp-8443 pass");
    assert_eq!(at("https://hooks.example.com/x", routed), "eks.webhook.w.tcp-443 unknown");
    assert_eq!(at("https://198.51.100.60/x", Some("CUSTOMER_ISOLATED")), "eks.webhook.w.tcp-443 unknown");
    assert_eq!(at("ftp://x", routed), "eks.webhook.w.tcp-443 unknown");
}

#[test]
fn components_are_asked_about_by_name_and_fail_nothing() {
    let network = narrow().network();
    let of = |also: &[&str]| {
        let also = also.iter().map(|&name| name.to_owned()).collect();
        try_audit(&network, &Options { also, ..Options::default() })
    };
    let found = of(&["istio", "aws-load-balancer-controller"]).unwrap();
    let told: Vec<String> = found.also.iter().map(|f| format!("{} {}", f.id, f.status.as_str())).collect();
    assert_eq!(told, ["eks.also.aws-load-balancer-controller.tcp-9443 pass", "eks.also.istio.tcp-15017 fail"]);
    assert!(found.findings.iter().all(|finding| !finding.id.starts_with("eks.also")));
    assert!(of(&["all"]).unwrap().also.len() > 15);
    let Err(AuditError::Selector(error)) = of(&["istoi"]) else { panic!("known") };
    assert!(error.candidates.contains(&"istio".to_owned()));
}

#[test]
fn ek63_lists_of_another_cluster_are_not_this_ones() {
    let mut estate = world(DEFAULT);
    estate.second_vpc().group_in("sg-o", "vpc-2", &["ingress -1 0.0.0.0/0", "egress -1 0.0.0.0/0"]);
    estate.node("c2", "o", "10.1.1.10", &["sg-o"]).secondary("o", "10.1.1.101", None);
    estate.document(list(&[pod("ops", "cart", "10.1.1.101")]));
    let found = audit(&estate);
    assert_eq!(status(&found, PODS), "not_applicable", "the pod is the other cluster's");
    assert!(found.remarks.iter().any(|remark| remark.code == "EKS_FOREIGN_OBJECTS"), "{:?}", found.remarks);
}

#[test]
fn what_was_not_collected_is_never_green() {
    let mut estate = world(DEFAULT);
    estate.without("NetworkInterfaces");
    let blind = audit(&estate);
    for id in [API, KUBELET, SHARED] {
        assert_eq!(status(&blind, id), "unknown", "{id}");
    }
    let mut estate = world(DEFAULT);
    estate.without("Reservations");
    let blind = audit(&estate);
    for id in [API, KUBELET, UDP, INTERNET] {
        assert_eq!(status(&blind, id), "unknown", "{id}");
    }
    // No control-plane interface although all interfaces were listed: nobody can say.
    let mut estate = world(DEFAULT);
    estate.retain("NetworkInterfaces", |eni| eni["Description"] != "Amazon EKS c1");
    let blind = audit(&estate);
    assert_eq!((status(&blind, KUBELET), status(&blind, API)), ("unknown", "unknown"));
    // Without the cluster's description its access mode is not known.
    let mut estate = world(DEFAULT);
    estate.without_documents("cluster");
    let blind = audit(&estate);
    assert_eq!((status(&blind, API), status(&blind, CIDRS), status(&blind, KUBELET)), ("unknown", "unknown", "pass"));
    // No node at all: nothing to ask about.
    let mut estate = world(DEFAULT);
    estate.retain("Reservations", |_| false).retain("NetworkInterfaces", |eni| eni["Description"] == "Amazon EKS c1");
    assert_eq!((status(&audit(&estate), KUBELET), status(&audit(&estate), API)), ("not_applicable", "not_applicable"));
}

#[test]
fn one_node_has_no_other_node() {
    let mut estate = world(DEFAULT);
    estate.retain("Reservations", |r| r["Instances"][0]["InstanceId"] != "i-n");
    estate.retain("NetworkInterfaces", |eni| eni["NetworkInterfaceId"] != "eni-n");
    assert_eq!((status(&audit(&estate), UDP), status(&audit(&estate), ALL)), ("not_applicable", "not_applicable"));
}

#[test]
fn ek40_an_ipv6_cluster_is_asked_in_ipv6_and_out_in_both() {
    let mut estate = world(&["ingress -1 sg-c", "egress -1 sg-c", "egress -1 0.0.0.0/0"]);
    estate.without_documents("cluster");
    let config = json!({"endpointPrivateAccess": true, "clusterSecurityGroupId": "sg-c",
        "kubernetesNetworkConfig": {"serviceIpv6Cidr": "fd00:1::/108", "ipFamily": "ipv6"}});
    estate.cluster("c1", config).vpc_ipv6("vpc-1", "2600:1::/56");
    estate.subnet_ipv6("subnet-a", "2600:1:0:1::/64").subnet_ipv6("subnet-b", "2600:1:0:2::/64");
    for (name, address) in
        [("m", "2600:1:0:1::10"), ("n", "2600:1:0:2::10"), ("x", "2600:1:0:1::9"), ("y", "2600:1:0:2::9")]
    {
        estate.ipv6(name, address);
    }
    let found = audit(&estate);
    let family = |id: &str| find(&found, id).answers.iter().map(|a| a.asked.family).collect::<Vec<_>>();
    assert_eq!(family(KUBELET), [Some(reach_packets::Family::V6)]);
    // T-109: the rule to the internet is of IPv4 alone.
    assert_eq!(family(INTERNET).len(), 2);
    assert_eq!(status(&found, INTERNET), "partial");
}

#[test]
fn ek48_pods_with_groups_of_their_own_need_rules_for_names() {
    const POD_UDP: &str = "eks.dns.pod-to-coredns.udp-53";
    let with = |rules: &[&str]| {
        let mut estate = world(DEFAULT);
        estate.secondary("m", "10.0.1.101", None).secondary("n", "10.0.2.101", None);
        estate.group("sg-p", rules).interface("p", "10.0.1.120", &["sg-p"]);
        estate.eni("p", |eni| eni["InterfaceType"] = json!("branch"));
        estate.add(
            "InterfaceAssociations",
            json!({"AssociationId": "trunk-assoc-1", "BranchInterfaceId": "eni-p",
            "TrunkInterfaceId": "eni-m", "InterfaceProtocol": "VLAN"}),
        );
        estate
    };
    let dns = |estate: &mut Estate| {
        let meta = json!({"name": "kube-dns", "namespace": "kube-system"});
        estate.document(list(&[
            json!({"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"clusterIP": "172.20.0.10",
                "ports": [{"name": "dns", "port": 53, "targetPort": 53, "protocol": "UDP"}]}}),
            json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                "metadata": {"name": "kube-dns-1", "namespace": "kube-system",
                    "labels": {"kubernetes.io/service-name": "kube-dns"}},
                "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}], "endpoints": [{"addresses": ["10.0.2.101"]}]}),
        ]));
    };
    let mut closed = with(&["egress tcp 443 0.0.0.0/0"]);
    let ids = |audit: &Audit| audit.findings.iter().map(|finding| finding.id.clone()).collect::<Vec<_>>();
    assert!(!ids(&audit(&closed)).contains(&POD_UDP.to_owned()), "no service was listed: nodes alone are asked about");
    dns(&mut closed);
    let found = audit(&closed);
    // T-94: nodes are fine, the pod with a group of its own is not.
    assert_eq!((status(&found, UDP), status(&found, POD_UDP)), ("pass", "partial"));
    assert_eq!((find(&found, POD_UDP).pairs.total, find(&found, POD_UDP).pairs.blocked), (2, 1));
    let mut open = with(&["egress -1 0.0.0.0/0"]);
    open.rules("sg-c", &["ingress -1 sg-c", "ingress udp 53 sg-p", "egress -1 0.0.0.0/0"]);
    dns(&mut open);
    assert_eq!(status(&audit(&open), POD_UDP), "pass");
}

#[test]
fn ek34_what_an_overlay_pod_sends_is_unknown() {
    let mut estate = world(DEFAULT);
    estate.document(list(&[pod("ops", "cart", "192.168.7.7")]));
    assert_eq!(status(&audit(&estate), PODS), "unknown");
}

#[test]
fn every_row_of_the_tables_opens_a_requirement() {
    let told: Vec<String> = reach_eks::audit::table::REQUIREMENTS
        .iter()
        .flat_map(|requirement| requirement.rows)
        .map(ToString::to_string)
        .collect();
    for row in [
        "cluster security group, minimum inbound: tcp 443 from the cluster security group itself",
        "cluster security group, minimum inbound: tcp 10250 from the cluster security group itself",
        "cluster security group, minimum outbound: tcp 443 to the cluster security group itself",
        "cluster security group, minimum outbound: tcp 10250 to the cluster security group itself",
        "cluster security group, minimum outbound: tcp 53 to the cluster security group itself",
        "cluster security group, minimum outbound: udp 53 to the cluster security group itself",
        "cluster security group, recommended inbound: all from the cluster security group itself",
        "cluster security group, recommended outbound: all to 0.0.0.0/0",
        "control-plane security group, minimum inbound: tcp 443 from all node security groups",
        "control-plane security group, recommended inbound: tcp 443 from all node security groups",
        "control-plane security group, minimum outbound: tcp 10250 to all node security groups",
        "control-plane security group, recommended outbound: tcp 1025-65535 to all node security groups",
        "control-plane security group, conformance outbound: tcp 0-65535 to all node security groups",
        "node security group, minimum inbound: udp 53 from all node security groups",
        "node security group, minimum inbound: tcp 10250 from the control-plane security group",
        "node security group, recommended inbound: all from all node security groups",
        "node security group, recommended inbound: tcp 443 from the control-plane security group",
        "node security group, recommended inbound: tcp 1025-65535 from the control-plane security group",
        "node security group, conformance inbound: tcp 0-65535 from the control-plane security group",
        "node security group, minimum outbound: tcp 443 to the control-plane security group",
        "node security group, recommended outbound: all to 0.0.0.0/0",
    ] {
        assert!(told.iter().any(|known| known.starts_with(row)), "{row}");
    }
}

/// An IPv6 cluster: M and N as nodes, X and Y as its control plane, all with IPv6 addresses but for `without`.
fn ipv6(rules: &[&str], without: &[&str]) -> Estate {
    let mut estate = world(rules);
    estate.without_documents("cluster");
    let config = json!({"endpointPrivateAccess": true, "clusterSecurityGroupId": "sg-c",
        "kubernetesNetworkConfig": {"serviceIpv6Cidr": "fd00:1::/108", "ipFamily": "ipv6"}});
    estate.cluster("c1", config).vpc_ipv6("vpc-1", "2600:1::/56");
    estate.subnet_ipv6("subnet-a", "2600:1:0:1::/64").subnet_ipv6("subnet-b", "2600:1:0:2::/64");
    for (name, address) in
        [("m", "2600:1:0:1::10"), ("n", "2600:1:0:2::10"), ("x", "2600:1:0:1::9"), ("y", "2600:1:0:2::9")]
    {
        if !without.contains(&name) {
            estate.ipv6(name, address);
        }
    }
    estate
}

#[test]
fn ek40_one_node_without_ipv6_does_not_hide_the_others() {
    // IPv4 among the members is open, IPv6 is not.
    let v4_only = &["ingress -1 10.0.0.0/16", "egress -1 0.0.0.0/0"];
    assert_eq!(status(&audit(&ipv6(v4_only, &[])), KUBELET), "fail");
    assert_eq!(status(&audit(&ipv6(v4_only, &["n"])), KUBELET), "partial");
    assert_eq!(status(&audit(&ipv6(v4_only, &["m", "n"])), KUBELET), "pass");
}

#[test]
fn sg33_port_25_alone_fails_nobody() {
    let open = audit(&ipv6(&["ingress -1 sg-c", "egress -1 sg-c", "egress -1 ::/0"], &[]));
    assert_eq!(status(&open, ALL), "pass");
    assert!(codes(find(&open, ALL)).contains(&"EC2_PORT_25_RESTRICTION"));
    // What else is refused is not forgiven.
    let less = audit(&ipv6(&["ingress -1 sg-c", "egress udp 0-65535 sg-c", "egress tcp 0-8000 sg-c"], &[]));
    assert_eq!(status(&less, ALL), "partial");
}

#[test]
fn ek63_a_partial_pod_list_hides_no_pod_with_an_interface_of_its_own() {
    let mut estate = world(DEFAULT);
    estate.secondary("m", "10.0.1.101", None).secondary("n", "10.0.2.101", None);
    estate.group("sg-p", &[]).interface("p", "10.0.1.120", &["sg-p"]);
    estate.eni("p", |eni| eni["InterfaceType"] = json!("branch"));
    let on = |name: &str, address: &str, node: &str| {
        let mut pod = pod("ops", name, address);
        pod["spec"]["nodeName"] = json!(node);
        pod
    };
    estate.each("Reservations", |reservation| {
        let id = reservation["Instances"][0]["InstanceId"].as_str().unwrap().to_owned();
        reservation["Instances"][0]["PrivateDnsName"] = json!(format!("host-{id}"));
    });
    estate.document(list(&[on("a", "10.0.1.101", "host-i-m"), on("b", "10.0.2.101", "host-i-n")]));
    let found = audit(&estate);
    assert_eq!((status(&found, PODS), find(&found, PODS).pairs.total), ("partial", 6));
}

#[test]
fn ek63_an_untagged_instance_is_no_other_clusters() {
    let untagged = |names: &[&str]| {
        let mut estate = narrow();
        estate.document(list(&[
            service("lb", 443, &json!(15017)),
            slice("lb", 15017, &["10.0.1.101"], true),
            webhook("hook", &of_service("lb"), "Fail"),
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "host-m"},
                "spec": {"providerID": "aws:///us-east-1a/i-m"}}),
        ]));
        estate.each("Reservations", |reservation| {
            let id = reservation["Instances"][0]["InstanceId"].as_str().unwrap().to_owned();
            if names.iter().any(|name| id == format!("i-{name}")) {
                reservation["Instances"][0]["Tags"] = json!([]);
            }
        });
        estate
    };
    // The webhook's pod runs on M, which has lost its tags.
    assert_eq!(status(&audit(&untagged(&["m"])), "eks.webhook.hook.tcp-15017"), "fail");
    // No node at all is known, and yet a Node object speaks of an instance that is there.
    let none = audit(&untagged(&["m", "n"]));
    assert_eq!((status(&none, KUBELET), status(&none, UDP), status(&none, TAG)), ("unknown", "unknown", "unknown"));
}

#[test]
fn what_the_snapshot_lacks_is_unknown_in_findings_about_settings() {
    let mut estate = world(DEFAULT);
    estate.without("Reservations");
    assert_eq!(status(&audit(&estate), TAG), "unknown");
    let mut estate = world(DEFAULT);
    estate.without("VpcEndpoints");
    assert_eq!(status(&audit(&estate), "eks.node-egress.aws.logs"), "unknown");
    // A node group is described and none of its instances is there.
    let mut estate = world(DEFAULT);
    estate.retain("Reservations", |_| false).retain("NetworkInterfaces", |eni| eni["Description"] == "Amazon EKS c1");
    estate.document(json!({"nodegroup": {"nodegroupName": "blue", "clusterName": "c1"}}));
    let empty = audit(&estate);
    assert_eq!((status(&empty, KUBELET), status(&empty, TAG)), ("unknown", "unknown"));
    assert!(empty.remarks.iter().any(|remark| remark.code == "EKS_NODE_GROUP_EMPTY"));
    // EK-15: no resolver, no names.
    let mut estate = world(DEFAULT);
    estate.dns("vpc-1", "EnableDnsSupport", Some(false));
    assert_eq!(status(&audit(&estate), API), "unknown");
    // EK-33.
    let mut estate = world(DEFAULT);
    estate.without_documents("cluster");
    estate.cluster(
        "c1",
        json!({"endpointPrivateAccess": true, "outpostConfig": {"outpostArns": ["arn:aws:outposts:x"]}}),
    );
    let outpost = audit(&estate);
    assert_eq!((status(&outpost, KUBELET), status(&outpost, UDP)), ("unknown", "pass"));
}

#[test]
fn ek14_absent_access_settings_are_an_assumption() {
    let mut estate = world(DEFAULT);
    estate.without_documents("cluster");
    estate.document(json!({"cluster": {"name": "c1", "resourcesVpcConfig": {"vpcId": "vpc-1"}}}));
    let found = audit(&estate);
    let assumed = &find(&found, API).answers[0].answer.assumptions;
    assert!(assumed.contains(&reach_engine::reason::Assumption::ClusterAccess), "{assumed:?}");
    assert!(find(&audit(&world(DEFAULT)), API).answers[0].answer.assumptions.is_empty());
}

#[test]
fn ek24_without_the_endpoints_groups_a_private_cluster_is_unknown() {
    let mut estate = world(DEFAULT);
    estate.retain("NatGateways", |_| false);
    estate.change("RouteTables", "RouteTableId", "rtb-main", |table| {
        table["Routes"].as_array_mut().unwrap().retain(|route| route["NatGatewayId"].is_null());
    });
    for (n, service) in ["ecr.api", "ecr.dkr", "sts", "ec2", "eks"].into_iter().enumerate() {
        estate.interface_endpoint(&format!("e{n}"), service, &format!("10.0.1.{}", 200 + n), &["sg-gone"]);
    }
    estate.s3_gateway(&["rtb-main"]);
    let found = audit(&estate);
    assert_eq!((status(&found, "eks.node-egress.aws.ecr.api"), status(&found, INTERNET)), ("unknown", "unknown"));
}
