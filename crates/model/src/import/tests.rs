use std::path::Path;

use super::*;
use crate::snapshot::CallStatus;

fn read(files: &[(&str, &str)]) -> Result<Snapshot, ImportErrors> {
    import_documents(files.iter().map(|&(name, text)| (name, text.as_bytes())))
}

fn snapshot(files: &[(&str, &str)]) -> Snapshot {
    read(files).unwrap_or_else(|errors| panic!("{errors}"))
}

fn errors(files: &[(&str, &str)]) -> Vec<String> {
    read(files).unwrap_err().problems.iter().map(ToString::to_string).collect()
}

fn warnings(files: &[(&str, &str)]) -> Vec<String> {
    snapshot(files).warnings
}

// Recognition.

#[test]
fn a_file_is_recognised_by_its_keys_not_its_name() {
    let text = r#"{"Vpcs": [{"VpcId": "vpc-1"}], "Subnets": [], "Moons": [{"MoonId": 1}]}"#;
    let snapshot = snapshot(&[("describe-route-tables.json", text)]);
    assert_eq!(snapshot.resources.vpcs.len(), 1);
    assert_eq!(snapshot.coverage.status(0, Call::DescribeVpcs), CallStatus::Complete);
    assert_eq!(snapshot.coverage.status(0, Call::DescribeSubnets), CallStatus::Complete);
    assert_eq!(snapshot.coverage.status(0, Call::DescribeRouteTables), CallStatus::NotCollected);
    assert!(snapshot.warnings.is_empty());
}

#[test]
fn null_is_not_an_empty_answer() {
    let snapshot = snapshot(&[("x.json", r#"{"Vpcs": null, "Subnets": []}"#)]);
    assert_eq!(snapshot.coverage.status(0, Call::DescribeVpcs), CallStatus::NotCollected);
}

#[test]
fn what_is_not_of_aws_is_ignored_beside_answers_and_refused_alone() {
    let others = [
        (
            "template.json",
            r#"{"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Vpc": {"Type": "AWS::EC2::VPC"}}}"#,
        ),
        ("plan.json", r#"{"format_version": "0.1", "planned_values": {}, "variables": {"cluster": {"value": "x"}}}"#),
        (
            "collector.json",
            r#"{"collector_version": "1", "vpcs": [], "subnets": [{"ipv4_cidr_block": "x"}], "instances": []}"#,
        ),
        ("list.json", r#"[{"Vpcs": []}]"#),
        ("ecs.json", r#"{"clusters": [{"clusterArn": "arn:aws:ecs:x"}], "cluster": "main", "items": [1]}"#),
        ("tags.json", r#"{"name": "package", "tags": {}}"#),
    ];
    for other in others {
        assert_eq!(errors(&[other]), ["snapshot: no AWS answers found"], "{}", other.0);
        let both = snapshot(&[("vpcs.json", r#"{"Vpcs": []}"#), other]);
        assert!(both.warnings.is_empty(), "{:?}", both.warnings);
    }
    let error = read(&[others[0]]).unwrap_err();
    assert!(error.hints()[0].contains("`Vpcs`, `Subnets`"));
}

#[test]
fn answers_that_decide_nothing_are_answers_all_the_same() {
    for text in [
        r#"{"KeyPairs": []}"#,
        r#"{"tags": {"a": "b"}}"#,
        r#"{"update": {"id": "x"}}"#,
        r#"{"addonName": "vpc-cni", "addonVersion": "1", "configurationSchema": "{}"}"#,
        r#"{"ServiceDetails": [], "ServiceNames": []}"#,
    ] {
        snapshot(&[("x.json", text)]);
    }
}

#[test]
fn instances_are_taken_out_of_their_reservations() {
    let text =
        r#"{"Reservations": [{"Instances": []}, {"Instances": [{"InstanceId": "i-1"}, {"InstanceId": "i-2"}]}]}"#;
    let snapshot = snapshot(&[("i.json", text)]);
    let second = &snapshot.resources.instances[1];
    assert_eq!(second.value.instance_id.as_deref(), Some("i-2"));
    assert_eq!(snapshot.locate(second.at, ".State"), "i.json: Reservations[1].Instances[1].State");
}

#[test]
fn prefix_lists_of_both_calls_stand_side_by_side() {
    let managed = r#"{"PrefixLists": [{"PrefixListId": "pl-1", "OwnerId": "AWS"}]}"#;
    let service = r#"{"PrefixLists": [{"PrefixListId": "pl-1", "Cidrs": ["192.0.2.0/24"]}]}"#;
    let both = snapshot(&[("a.json", managed), ("b.json", service)]);
    assert_eq!(both.resources.prefix_lists.len(), 2);
    let one = snapshot(&[("b.json", service)]);
    assert_eq!(one.coverage.status(0, Call::DescribeManagedPrefixLists), CallStatus::NotCollected);
    assert_eq!(one.coverage.status(0, Call::DescribePrefixLists), CallStatus::Complete);
}

#[test]
fn kubernetes_lists_are_sorted_by_kind() {
    let list = r#"{"apiVersion": "v1", "kind": "List", "items": [
        {"kind": "Pod", "metadata": {"name": "a", "namespace": "x"}},
        {"kind": "Node", "metadata": {"name": "n"}},
        {"kind": "Service", "metadata": {"name": "s"}},
        {"kind": "EndpointSlice", "metadata": {"name": "e"}},
        {"kind": "DaemonSet", "metadata": {"name": "aws-node"}},
        {"kind": "ConfigMap", "metadata": {"name": "c"}}]}"#;
    let pods = r#"{"apiVersion": "v1", "kind": "PodList", "metadata": {"continue": "more"}, "items": [{"metadata": {"name": "b"}}]}"#;
    let single = r#"{"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "other"}, "spec": {}}"#;
    let snapshot = snapshot(&[("l.json", list), ("p.json", pods), ("d.json", single)]);
    let resources = &snapshot.resources;
    let numbers = [
        resources.pods.len(),
        resources.nodes.len(),
        resources.services.len(),
        resources.endpoint_slices.len(),
        resources.daemon_sets.len(),
    ];
    assert_eq!(numbers, [2, 1, 1, 1, 2]);
    assert_eq!(snapshot.locate(resources.daemon_sets[1].at, ".spec"), "d.json: DaemonSet.spec");
    assert_eq!(snapshot.coverage.status(0, Call::KubectlGet), CallStatus::Truncated);
}

#[test]
fn clusters_and_their_parts_are_single_objects() {
    let snapshot = snapshot(&[
        ("c.json", r#"{"cluster": {"name": "prod", "resourcesVpcConfig": {"vpcId": "vpc-1"}}}"#),
        ("n.json", r#"{"nodegroup": {"nodegroupName": "workers", "clusterName": "prod"}}"#),
        ("m.json", r#"{"nodegroup": {"nodegroupName": "spot", "clusterName": "prod"}}"#),
        ("f.json", r#"{"fargateProfile": {"fargateProfileName": "batch", "clusterName": "prod"}}"#),
        ("a.json", r#"{"addon": {"addonName": "vpc-cni", "clusterName": "prod"}}"#),
        ("l.json", r#"{"clusters": ["prod"], "nextToken": null}"#),
    ]);
    assert_eq!(snapshot.resources.nodegroups.len(), 2);
    assert_eq!(snapshot.coverage.status(0, Call::ListClusters), CallStatus::Complete);
    assert_eq!(snapshot.locate(snapshot.resources.clusters[0].at, ".name"), "c.json: cluster.name");
}

// Answers that do not name what they were asked for.

#[test]
fn the_id_comes_from_a_sibling_key_or_the_files_name() {
    let snapshot = snapshot(&[
        ("x.json", r#"{"PrefixListId": "pl-0a", "Entries": [{"Cidr": "10.0.0.0/8"}]}"#),
        ("dir/get-managed-prefix-list-entries-pl-0b1.json", r#"{"Entries": []}"#),
        (
            "routes_tgw-rtb-0c1.json",
            r#"{"Routes": [{"DestinationCidrBlock": "10.0.0.0/8"}], "AdditionalRoutesAvailable": false}"#,
        ),
        ("assoc-tgw-rtb-0c1.json", r#"{"Associations": []}"#),
        ("prop-tgw-rtb-0c1.json", r#"{"TransitGatewayRouteTablePropagations": []}"#),
        ("describe-vpc-attribute-vpc-0d1-support.json", r#"{"EnableDnsSupport": {"Value": false}}"#),
        ("y.json", r#"{"VpcId": "vpc-0d1", "EnableDnsHostnames": {"Value": true}}"#),
    ]);
    let resources = &snapshot.resources;
    let ids: Vec<&str> = resources.prefix_list_entries.iter().map(|list| &*list.value.id).collect();
    assert_eq!(ids, ["pl-0a", "pl-0b1"]);
    assert_eq!(&*resources.transit_gateway_routes[0].value.id, "tgw-rtb-0c1");
    assert_eq!(&*resources.transit_gateway_associations[0].value.id, "tgw-rtb-0c1");
    assert_eq!(&*resources.transit_gateway_propagations[0].value.id, "tgw-rtb-0c1");
    let attributes = &resources.vpc_attributes;
    assert_eq!(attributes[0].value.enable_dns_support.as_ref().unwrap().value, Some(false));
    assert_eq!(attributes[1].value.vpc_id.as_deref(), Some("vpc-0d1"));
    assert_eq!(snapshot.locate(attributes[1].at, ".Value"), "y.json: EnableDnsHostnames.Value");
    assert!(snapshot.warnings.is_empty());
}

#[test]
fn an_answer_without_any_id_is_a_warning() {
    for (text, key) in [
        (r#"{"Entries": [{"Cidr": "10.0.0.0/8"}]}"#, "PrefixListId"),
        (r#"{"Routes": [], "AdditionalRoutesAvailable": false}"#, "TransitGatewayRouteTableId"),
        (r#"{"Associations": [{"TransitGatewayAttachmentId": "tgw-attach-1"}]}"#, "TransitGatewayRouteTableId"),
        (r#"{"EnableDnsSupport": {"Value": true}}"#, "VpcId"),
        (r#"{"TargetHealthDescriptions": []}"#, "TargetGroupArn"),
    ] {
        let found = warnings(&[("x.json", text)]);
        assert_eq!(found.len(), 1, "{text}");
        assert!(found[0].starts_with("x.json: ") && found[0].contains(key), "{}", found[0]);
    }
    let found = warnings(&[("x.json", r#"{"Vpcs": [], "Routes": [{"path": "/"}], "Entries": [1]}"#)]);
    assert_eq!(found.len(), 2);
}

#[test]
fn a_target_group_is_found_by_the_end_of_its_arn_or_its_name() {
    let groups = r#"{"TargetGroups": [
        {"TargetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/0123456789abcdef", "TargetGroupName": "web"},
        {"TargetGroupArn": "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web-2/fedcba9876543210", "TargetGroupName": "web-2"}]}"#;
    let health = r#"{"TargetHealthDescriptions": []}"#;
    for (name, end) in [
        ("a/describe-target-health-0123456789abcdef.json", "0123456789abcdef"),
        ("a/describe-target-health-web.json", "0123456789abcdef"),
        ("a/describe-target-health-web-2.json", "fedcba9876543210"),
    ] {
        let snapshot = snapshot(&[(name, health), ("z.json", groups)]);
        assert!(snapshot.resources.target_health[0].value.id.ends_with(end), "{name}");
    }
    assert_eq!(warnings(&[("a/websites.json", health), ("z.json", groups)]).len(), 1);
}

#[test]
fn batfishs_layout_is_read() {
    let snapshot = snapshot(&[
        (
            "aws_configs/us-east-1/TransitGatewayStaticRoutes.json",
            r#"{"TransitGatewayStaticRoutes": [{"TransitGatewayRouteTableId": "tgw-rtb-1", "AdditionalRoutesAvailable": true,
                "Routes": [{"DestinationCidrBlock": "10.0.0.0/8"}]}, {"Routes": []}]}"#,
        ),
        (
            "aws_configs/us-east-1/TransitGatewayPropagations.json",
            r#"{"TransitGatewayPropagations": [{"TransitGatewayRouteTableId": "tgw-rtb-1",
                "TransitGatewayRouteTablePropagations": [{"ResourceId": "vpc-1"}]}]}"#,
        ),
        (
            "aws_configs/us-east-1/LoadBalancerTargetHealth.json",
            r#"{"LoadBalancerTargetHealth": [{"TargetGroupArn": "arn:tg", "TargetHealthDescriptions": [{"Target": {"Id": "i-1"}}]}]}"#,
        ),
        (
            "aws_configs/us-east-1/LoadBalancerListeners.json",
            r#"{"LoadBalancerListeners": [{"LoadBalancerArn": "arn:lb", "Listeners": [{"ListenerArn": "arn:l", "Port": 80}]}]}"#,
        ),
        ("aws_configs/us-east-1/LoadBalancerAttributes.json", r#"{"LoadBalancerAttributes": []}"#),
    ]);
    let resources = &snapshot.resources;
    let routes = &resources.transit_gateway_static_routes;
    assert_eq!((routes.len(), &*routes[0].value.id, routes[0].value.truncated), (1, "tgw-rtb-1", true));
    assert_eq!(resources.transit_gateway_propagations[0].value.items.len(), 1);
    assert_eq!(&*resources.target_health[0].value.id, "arn:tg");
    assert_eq!(resources.listeners[0].value.load_balancer_arn.as_deref(), Some("arn:lb"));
    let file = "aws_configs/us-east-1/TransitGatewayStaticRoutes.json";
    assert_eq!(snapshot.locate(routes[0].at, "[0]"), format!("{file}: TransitGatewayStaticRoutes[0].Routes[0]"));
    assert_eq!(snapshot.warnings.len(), 1);
    assert_eq!(snapshot.coverage.scopes[routes[0].at.scope as usize].region.as_deref(), Some("us-east-1"));
}

// Truncation and coverage.

#[test]
fn an_unfollowed_page_is_truncated() {
    let complete = ("a.json", r#"{"Vpcs": [], "NextToken": null}"#);
    for more in [r#""NextToken": "x""#, r#""NextMarker": "x""#, r#""nextToken": "x""#] {
        let text = format!(r#"{{"Vpcs": [], {more}}}"#);
        let snapshot = snapshot(&[complete, ("b.json", &text), ("c.json", r#"{"Vpcs": []}"#)]);
        assert_eq!(snapshot.coverage.status(0, Call::DescribeVpcs), CallStatus::Truncated, "{more}");
        assert_eq!(snapshot.warnings.len(), 1);
        assert!(snapshot.warnings[0].starts_with("b.json: Vpcs: truncated"), "{}", snapshot.warnings[0]);
    }
    for end in [r#""NextToken": """#, r#""AdditionalRoutesAvailable": false"#, r#""NextToken": null"#] {
        let text = format!(r#"{{"Vpcs": [], {end}}}"#);
        assert!(snapshot(&[("b.json", &text)]).coverage.is_complete(0, Call::DescribeVpcs), "{end}");
    }
}

#[test]
fn pages_of_a_keyed_answer_are_put_together_and_stay_truncated() {
    let first = r#"{"PrefixListId": "pl-0a", "Entries": [{"Cidr": "10.0.0.0/8"}], "NextToken": "x"}"#;
    let second = r#"{"PrefixListId": "pl-0a", "Entries": [{"Cidr": "11.0.0.0/8"}]}"#;
    let routes = r#"{"TransitGatewayRouteTableId": "tgw-rtb-1", "Routes": [], "AdditionalRoutesAvailable": true}"#;
    let snapshot = snapshot(&[("1.json", first), ("2.json", second), ("3.json", routes)]);
    let entries = &snapshot.resources.prefix_list_entries;
    assert_eq!((entries.len(), entries[0].value.items.len(), entries[0].value.truncated), (1, 2, true));
    assert!(snapshot.resources.transit_gateway_routes[0].value.truncated);
}

#[test]
fn the_path_gives_every_element_its_scope() {
    let snapshot = snapshot(&[
        ("accounts/111111111111/eu-west-1/vpcs.json", r#"{"Vpcs": [{"VpcId": "vpc-1"}]}"#),
        ("accounts/222222222222/eu-west-1/vpcs.json", r#"{"Vpcs": [{"VpcId": "vpc-2"}]}"#),
        ("subnets.json", r#"{"Subnets": [{"SubnetId": "subnet-1"}]}"#),
    ]);
    let accounts: Vec<Option<&str>> = snapshot
        .resources
        .vpcs
        .iter()
        .map(|vpc| snapshot.coverage.scopes[vpc.at.scope as usize].account.as_deref())
        .collect();
    assert_eq!(accounts, [Some("111111111111"), Some("222222222222")]);
    assert_eq!(snapshot.resources.subnets[0].at.scope, 0);
    assert!(snapshot.coverage.is_complete(2, Call::DescribeSubnets));
    assert!(!snapshot.coverage.is_complete(0, Call::DescribeVpcs));
}

// Faults.

#[test]
fn every_fault_of_every_file_is_reported() {
    let found = errors(&[
        (
            "b.json",
            r#"{"SecurityGroups": [{"GroupId": "sg-1"}, {"GroupId": "sg-2", "IpPermissions": [{"FromPort": "x", "ToPort": "y"}]}]}"#,
        ),
        ("a.json", "{\n  \"Vpcs\": [}\n}"),
        ("c.json", r#"{"Vpcs": {"VpcId": "vpc-1"}, "Subnets": [{"CidrBlock": "10.0.0.0/24"}]}"#),
        ("d.json", ""),
        ("e.json", "\u{0}"),
    ]);
    assert_eq!(
        found,
        [
            "a.json: line 2, column 12: expected value",
            "b.json: SecurityGroups[1].IpPermissions[0].FromPort: invalid type: string \"x\", expected a number",
            "b.json: SecurityGroups[1].IpPermissions[0].ToPort: invalid type: string \"y\", expected a number",
            "c.json: Vpcs: invalid type: an object, expected an array",
            "c.json: Subnets[0]: SubnetId is missing",
            "d.json: is empty",
            "e.json: line 1, column 1: expected value",
        ]
    );
}

#[test]
fn faults_deep_inside_reservations_lists_and_objects_have_their_path() {
    let found = errors(&[
        ("a.json", r#"{"Reservations": [{"Instances": [{"InstanceId": "i-1", "State": {"Name": 5}}]}]}"#),
        ("b-pl-0a1.json", r#"{"Entries": [{"Cidr": 5}]}"#),
        ("c.json", r#"{"cluster": {"name": "x", "resourcesVpcConfig": {"subnetIds": "subnet-1"}}}"#),
        ("d.json", r#"{"kind": "List", "items": [{"kind": "Pod", "metadata": {"name": 7}}]}"#),
        ("e.json", r#"{"VpcId": "vpc-1", "EnableDnsSupport": {"Value": "true"}}"#),
    ]);
    assert_eq!(
        found,
        [
            "a.json: Reservations[0].Instances[0].State.Name: invalid type: number 5, expected a string",
            "b-pl-0a1.json: Entries[0].Cidr: invalid type: number 5, expected a string",
            "c.json: cluster.resourcesVpcConfig.subnetIds: invalid type: string \"subnet-1\", expected an array",
            "d.json: items[0].metadata.name: invalid type: number 7, expected a string",
            "e.json: EnableDnsSupport.Value: invalid type: string \"true\", expected a boolean",
        ]
    );
}

#[test]
fn ids_that_everything_hangs_on_must_be_there() {
    for (key, id) in [
        ("Vpcs", "VpcId"),
        ("Subnets", "SubnetId"),
        ("SecurityGroups", "GroupId"),
        ("NetworkInterfaces", "NetworkInterfaceId"),
        ("RouteTables", "RouteTableId"),
        ("NetworkAcls", "NetworkAclId"),
    ] {
        let text = format!(r#"{{"{key}": [{{"{id}": ""}}]}}"#);
        assert_eq!(errors(&[("x.json", &text)]), [format!("x.json: {key}[0]: {id} is missing")]);
    }
    snapshot(&[("x.json", r#"{"SecurityGroupRules": [{"GroupId": "sg-1"}], "Addresses": [{}], "Listeners": [{}]}"#)]);
}

// Duplicates.

#[test]
fn an_element_that_is_given_twice_alike_is_kept_once() {
    let snapshot = snapshot(&[
        (
            "a.json",
            r#"{"SecurityGroups": [{"GroupId": "sg-1", "IpPermissions": [{"FromPort": 1}, {"FromPort": 2}], "Description": "x"}]}"#,
        ),
        (
            "b.json",
            r#"{"SecurityGroups": [{"Description": "x",  "IpPermissions": [{"FromPort": 2}, {"FromPort": 1}], "GroupId": "sg-1"}]}"#,
        ),
    ]);
    assert_eq!(snapshot.resources.security_groups.len(), 1);
    assert!(snapshot.warnings.is_empty());
}

#[test]
fn an_element_that_is_given_twice_with_different_content_is_an_error() {
    let error = read(&[
        (
            "a.json",
            r#"{"SecurityGroups": [{"GroupId": "sg-0"}, {"GroupId": "sg-1", "IpPermissions": [{"FromPort": 22}]}]}"#,
        ),
        ("b.json", r#"{"SecurityGroups": [{"GroupId": "sg-1", "IpPermissions": [{"FromPort": 443}]}]}"#),
        ("c1.json", r#"{"Reservations": [{"Instances": [{"InstanceId": "i-1"}]}]}"#),
        ("c2.json", r#"{"Reservations": [{"Instances": [{"InstanceId": "i-0"}, {"InstanceId": "i-1", "Extra": 1}]}]}"#),
        (
            "d1.json",
            r#"{"VpcId": "vpc-1", "EnableDnsSupport": {"Value": true}, "EnableDnsHostnames": {"Value": true}}"#,
        ),
        ("d2.json", r#"{"VpcId": "vpc-1", "EnableDnsSupport": {"Value": false}}"#),
        ("e1.json", r#"{"PrefixListId": "pl-0a", "Entries": [{"Cidr": "10.0.0.0/8"}]}"#),
        ("e2-pl-0a.json", r#"{"Entries": [{"Cidr": "10.0.0.0/8"}, {"Cidr": "11.0.0.0/8"}]}"#),
    ])
    .unwrap_err();
    assert_eq!(
        error.to_string().lines().collect::<Vec<_>>(),
        [
            "b.json: SecurityGroups[0].IpPermissions[0].FromPort: `sg-1` is given twice with different content: \
             443 here, 22 in a.json: SecurityGroups[1]",
            "c2.json: Reservations[0].Instances[1].Extra: `i-1` is given twice with different content: \
             1 here, nothing in c1.json: Reservations[0].Instances[0]",
            "d2.json: EnableDnsSupport.Value: `vpc-1` is given twice with different content: \
             false here, true in d1.json: EnableDnsSupport",
            "e2-pl-0a.json: Entries[1]: `pl-0a` is given twice with different content: \
             {\"Cidr\":\"11.0.0.0/8\"} here, nothing in e1.json: Entries",
        ]
    );
    assert_eq!(error.hints().len(), 1);
}

#[test]
fn an_element_that_stands_twice_in_one_file_is_a_warning() {
    let text = r#"{"Vpcs": [{"VpcId": "vpc-1", "IsDefault": true}, {"VpcId": "vpc-1", "IsDefault": false}]}"#;
    let snapshot = snapshot(&[("a.json", text)]);
    assert_eq!(snapshot.resources.vpcs.len(), 1);
    assert_eq!(
        snapshot.warnings,
        ["a.json: Vpcs[1].IsDefault: `vpc-1` is given twice with different content: false here, true in a.json: \
          Vpcs[0]; the latter is used"]
    );
}

#[test]
fn two_accounts_may_see_a_shared_resource_differently() {
    let path = |account: &str| format!("accounts/{account}/eu-west-1/x.json");
    let owner = r#"{"Subnets": [{"SubnetId": "subnet-1", "OwnerId": "222222222222", "VpcId": "vpc-1", "Tags": [{"Key": "a"}]}]}"#;
    let other = r#"{"Subnets": [{"SubnetId": "subnet-1", "OwnerId": "222222222222", "VpcId": "vpc-1"}]}"#;
    let stale = r#"{"Subnets": [{"SubnetId": "subnet-1", "OwnerId": "222222222222", "VpcId": "vpc-2"}]}"#;
    let tags = snapshot(&[(&path("111111111111"), other), (&path("222222222222"), owner)]);
    assert_eq!(tags.resources.subnets.len(), 1);
    assert_eq!(tags.resources.subnets[0].value.tags.len(), 1);
    assert!(tags.warnings.is_empty());
    for order in [[0, 1], [1, 0]] {
        let files = [(path("111111111111"), stale), (path("222222222222"), owner)];
        let files = order.map(|position| (&*files[position].0, files[position].1));
        let snapshot = snapshot(&files);
        assert_eq!(snapshot.resources.subnets[0].value.vpc_id.as_deref(), Some("vpc-1"));
        assert_eq!(
            snapshot.warnings,
            ["accounts/111111111111/eu-west-1/x.json: Subnets[0].VpcId: accounts or Regions disagree on `subnet-1`: \
              \"vpc-2\" here, \"vpc-1\" in accounts/222222222222/eu-west-1/x.json: Subnets[0]; the latter is used"]
        );
    }
}

#[test]
fn the_newer_state_of_a_kubernetes_object_counts() {
    let pod = |version: u32, ip: &str| {
        format!(
            r#"{{"kind": "List", "items": [{{"kind": "Pod", "metadata": {{"name": "a", "uid": "u", "resourceVersion": "{version}"}},
                "status": {{"podIP": "{ip}"}}}}]}}"#
        )
    };
    let (old, new) = (pod(7, "10.0.0.1"), pod(12, "10.0.0.2"));
    for files in [[("a.json", &*old), ("b.json", &*new)], [("a.json", &*new), ("b.json", &*old)]] {
        let snapshot = snapshot(&files);
        assert_eq!(snapshot.resources.pods.len(), 1);
        assert_eq!(snapshot.resources.pods[0].value.status.pod_ip.as_deref(), Some("10.0.0.2"));
        assert_eq!(snapshot.warnings.len(), 1);
    }
    let same = snapshot(&[("a.json", &pod(7, "10.0.0.1")), ("b.json", &pod(8, "10.0.0.1"))]);
    assert!(same.warnings.is_empty());
}

// Order.

/// A small generator of numbers, so that shuffles repeat.
struct Shuffle(u64);

impl Shuffle {
    fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            items.swap(end, usize::try_from(self.0 >> 33).unwrap() % (end + 1));
        }
    }
}

/// The values of all resources, sorted, without their places.
fn values(snapshot: &Snapshot) -> Vec<String> {
    let text = format!("{:?}", snapshot.resources);
    let mut values: Vec<String> = text
        .split("Located { value: ")
        .map(|item| item.split(", at: Place").next().unwrap_or_default().to_owned())
        .skip(1)
        .collect();
    values.sort();
    values
}

#[test]
fn the_order_of_files_and_elements_does_not_matter() {
    let mut files: Vec<(String, &str, Vec<String>)> = Vec::new();
    for (number, (key, id)) in
        [("Vpcs", "VpcId"), ("Subnets", "SubnetId"), ("SecurityGroups", "GroupId")].iter().enumerate()
    {
        for part in 0..3 {
            let elements = (0..5).map(|item| format!(r#"{{"{id}": "x-{number}{}"}}"#, item + part * 3)).collect();
            files.push((format!("accounts/11111111111{part}/eu-west-1/{number}.json"), key, elements));
        }
    }
    let mut shuffle = Shuffle(42);
    let mut seen: Option<(Vec<String>, String)> = None;
    for _ in 0..20 {
        shuffle.shuffle(&mut files);
        let texts: Vec<(String, String)> = files
            .iter_mut()
            .map(|(name, key, elements)| {
                shuffle.shuffle(elements);
                (name.clone(), format!(r#"{{"{key}": [{}]}}"#, elements.join(",")))
            })
            .collect();
        let snapshot = import_documents(texts.iter().map(|(name, text)| (name.as_str(), text.as_bytes()))).unwrap();
        assert!(snapshot.warnings.is_empty());
        let calls: Vec<_> = snapshot
            .coverage
            .calls
            .iter()
            .map(|(&(scope, call), status)| (snapshot.coverage.scopes[scope as usize].clone(), call, status.clone()))
            .collect();
        let mut calls: Vec<String> = calls.iter().map(|call| format!("{call:?}")).collect();
        calls.sort();
        let this = (values(&snapshot), calls.join("\n"));
        assert_eq!(this.0.len(), 33);
        assert_eq!(seen.get_or_insert_with(|| this.clone()), &this);
    }
}

// Paths.

#[test]
fn files_and_directories_are_named_as_the_user_names_them() {
    let temporary = tempfile::tempdir().unwrap();
    let root = temporary.path().join("snap");
    std::fs::create_dir_all(root.join("deep")).unwrap();
    std::fs::write(root.join("deep/a.json"), r#"{"Vpcs": [{"VpcId": 1}]}"#).unwrap();
    std::fs::write(root.join("b.json"), r#"{"Subnets": [{"SubnetId": 1}]}"#).unwrap();
    let missing = root.join("missing");
    let error = import(&[root.clone(), missing.clone()]).unwrap_err();
    let mut expected = [
        format!("{}: Subnets[0].SubnetId: invalid type: number 1, expected a string", root.join("b.json").display()),
        format!("{}: Vpcs[0].VpcId: invalid type: number 1, expected a string", root.join("deep/a.json").display()),
        format!("{}: no such file or directory", missing.display()),
    ];
    expected.sort();
    assert_eq!(error.to_string().lines().collect::<Vec<_>>(), expected);
    let file = import(&[root.join("b.json")]).unwrap_err();
    assert_eq!(file.problems.len(), 1);
}

#[test]
fn a_directory_without_answers_is_an_error() {
    let temporary = tempfile::tempdir().unwrap();
    std::fs::write(temporary.path().join("package.json"), r#"{"name": "x"}"#).unwrap();
    let good = temporary.path().join("good");
    let error = import(&[temporary.path().to_owned()]).unwrap_err();
    assert_eq!(error.to_string(), format!("{}: no AWS answers found", temporary.path().display()));
    assert!(error.hints()[0].contains("`SecurityGroups`"));
    std::fs::create_dir(&good).unwrap();
    std::fs::write(good.join("x.json"), r#"{"Vpcs": []}"#).unwrap();
    assert!(import(&[temporary.path().to_owned()]).is_ok());
}

// Material from outside, where it is there.

/// The folder of shared test material, or `None` with a note.
pub(crate) fn shared(part: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(part);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

fn json_files(directory: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            json_files(&entry, files);
        } else if entry.extension().is_some_and(|extension| extension == "json") {
            files.push(entry);
        }
    }
}

#[test]
fn real_answers_import_alone() {
    let Some(root) = shared("real-json") else { return };
    let mut files = Vec::new();
    json_files(&root, &mut files);
    let mut refused = Vec::new();
    for file in &files {
        if let Err(errors) = import(std::slice::from_ref(file)) {
            let none = errors.problems.iter().all(|problem| problem.message == "no AWS answers found");
            assert!(none, "{errors}");
            refused.push(file.strip_prefix(&root).unwrap().display().to_string());
        }
    }
    println!("{} files, refused: {refused:#?}", files.len());
    let foreign = |name: &String| {
        let text = std::fs::read_to_string(root.join(name)).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let strange = ["AWSTemplateFormatVersion", "Resources", "planned_values", "collector_version"];
        value.is_array()
            || strange.iter().any(|key| value.get(key).is_some())
            || name.starts_with("cloudformation")
            || name.starts_with("np-guard-raw")
    };
    assert!(refused.iter().all(foreign), "{:#?}", refused.iter().filter(|name| !foreign(name)).collect::<Vec<_>>());
}

#[test]
fn recorded_cases_import() {
    let Some(root) = shared("cases") else { return };
    let mut imported = 0;
    let mut pending = vec![root];
    while let Some(directory) = pending.pop() {
        if directory.join("cases.jsonl").is_file() {
            let snapshot = import(&[directory]).unwrap_or_else(|errors| panic!("{errors}"));
            assert!(!snapshot.resources.vpcs.is_empty());
            println!("{:?}", snapshot.warnings);
            imported += 1;
        } else {
            let entries = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
            pending.extend(entries.filter(|entry| entry.is_dir()));
        }
    }
    assert!(imported > 100);
}

/// A document of one account and Region with these records, each `"call", …`.
fn document(records: &[&str]) -> Snapshot {
    let whole = |record: &&str| {
        let status = if record.contains("\"status\"") { "" } else { r#""status": "complete", "# };
        format!(r#"{{"account": "111122223333", "region": "eu-west-1", {status}{record}}}"#)
    };
    let records: Vec<String> = records.iter().map(whole).collect();
    let text = format!(r#"{{"schema": "reach.snapshot/1", "calls": [{}]}}"#, records.join(","));
    import_documents([("snap.json", text.as_bytes())]).unwrap()
}

#[test]
fn a_document_tells_the_call_of_an_empty_list() {
    let snapshot = document(&[r#""call": "ec2 describe-managed-prefix-lists", "answer": {"PrefixLists": []}"#]);
    let scope = 1;
    assert!(snapshot.coverage.is_complete(scope, Call::DescribeManagedPrefixLists));
    assert_eq!(snapshot.coverage.status(scope, Call::DescribePrefixLists), CallStatus::NotCollected);
}

#[test]
fn a_call_within_vpcs_says_nothing_of_others() {
    let call = |vpcs: &str| format!(r#""call": "ec2 describe-subnets", "vpcs": {vpcs}, "answer": {{"Subnets": []}}"#);
    let (one, two, all) = (call(r#"["vpc-1"]"#), call(r#"["vpc-2"]"#), call("[]"));
    let coverage = |records: &[&str]| document(records).coverage;
    let limited = coverage(&[&one]);
    assert!(!limited.is_complete(1, Call::DescribeSubnets));
    assert!(limited.is_complete_for(1, "vpc-1", Call::DescribeSubnets));
    assert!(!limited.is_complete_for(1, "vpc-2", Call::DescribeSubnets));
    let both = coverage(&[&one, &two]);
    assert!(both.is_complete_for(1, "vpc-2", Call::DescribeSubnets) && !both.is_complete(1, Call::DescribeSubnets));
    // What was refused says nothing, neither of these VPCs nor of others.
    let denied = r#""call": "ec2 describe-subnets", "status": "denied", "error_code": "UnauthorizedOperation""#;
    for records in [[&*one, denied], [denied, &*one]] {
        let coverage = coverage(&records);
        assert!(coverage.is_complete_for(1, "vpc-1", Call::DescribeSubnets), "{records:?}");
        assert!(!coverage.is_complete(1, Call::DescribeSubnets), "{records:?}");
    }
    // One that was not limited speaks of all, whichever comes first.
    for records in [[&one, &all], [&all, &one]] {
        assert!(coverage(&records.map(String::as_str)).is_complete(1, Call::DescribeSubnets));
    }
}

#[test]
fn the_two_calls_for_prefix_lists_complete_each_other() {
    let whole = r#"{"PrefixLists": [{"PrefixListId": "pl-1", "PrefixListName": "a", "AddressFamily": "IPv4", "OwnerId": "AWS"}]}"#;
    let part = r#"{"PrefixLists": [{"PrefixListId": "pl-1", "PrefixListName": "a"}]}"#;
    let other = r#"{"PrefixLists": [{"PrefixListId": "pl-1", "PrefixListName": "b"}]}"#;
    let read = |texts: [&str; 2]| {
        import_documents(texts.iter().zip(["a.json", "b.json"]).map(|(text, name)| (name, text.as_bytes())))
    };
    for texts in [[whole, part], [part, whole]] {
        let snapshot = read(texts).unwrap();
        assert_eq!(snapshot.resources.prefix_lists.len(), 1);
        assert_eq!(snapshot.resources.prefix_lists[0].value.address_family.as_deref(), Some("IPv4"));
    }
    // What both say must be the same.
    assert!(read([whole, other]).is_err());
}
