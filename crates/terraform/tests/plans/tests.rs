use std::fs;
use std::path::{Path, PathBuf};

use reach_model::Network;
use reach_terraform::{Plan, Scenario, read, scenario};
use serde_json::{Value, json};

use super::estate::{built, changed, estate, of, told};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(name: &str) -> String {
    let path = root().join(format!("fixtures/terraform/{name}.json"));
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn plan(name: &str) -> Plan {
    read(&text(name), &format!("{name}.json")).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn names() -> Vec<String> {
    let files = fs::read_dir(root().join("fixtures/terraform")).unwrap();
    let paths = files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|ext| ext == "json"));
    let mut names: Vec<String> = paths.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn shown(scenario: &Scenario) -> Value {
    let actions =
        |actions: &[reach_terraform::Action]| actions.iter().map(|action| action.as_str()).collect::<Vec<_>>();
    let steps = scenario.steps.iter().map(|step| {
        let mut value = json!({"address": step.address, "actions": actions(&step.actions), "changes": step.changes});
        if let Some(previous) = &step.previous_address {
            value["previous_address"] = json!(previous);
        }
        if step.sensitive {
            value["sensitive"] = json!(true);
        }
        value
    });
    let unsupported = scenario.unsupported.iter().map(
        |item| json!({"address": item.address, "type": item.kind, "actions": actions(&item.actions), "why": item.why}),
    );
    let remarks = scenario.remarks.iter().map(|remark| json!({"address": remark.address, "text": remark.text}));
    let refused = scenario.refused.iter().map(
        |refused| json!({"address": refused.address, "change": refused.change, "refusal": refused.refusal.to_string()}),
    );
    let problems = scenario.problems.iter().map(ToString::to_string);
    json!({"steps": steps.collect::<Vec<_>>(), "unsupported": unsupported.collect::<Vec<_>>(), "remarks": remarks.collect::<Vec<_>>(),
        "refused": refused.collect::<Vec<_>>(), "problems": problems.collect::<Vec<_>>()})
}

/// Every plan below `fixtures/terraform` against `expected/`; `UPDATE_FIXTURES=1` writes what it became.
#[test]
fn the_calls_that_plans_become() {
    let network = built(&estate());
    let mut wrong = Vec::new();
    for name in names() {
        let found = scenario(&plan(&name), &network);
        let found = format!("{}\n", serde_json::to_string_pretty(&shown(&found)).unwrap());
        let path = root().join(format!("fixtures/terraform/expected/{name}.json"));
        if std::env::var_os("UPDATE_FIXTURES").is_some() {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &found).unwrap();
        } else if fs::read_to_string(&path).ok().as_deref() != Some(&found) {
            wrong.push(format!("{name}:\n{found}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "run UPDATE_FIXTURES=1 cargo test -p reach-terraform where these are right:\n{}",
        wrong.join("\n")
    );
}

/// The network after all steps, each of which must be taken.
fn after(scenario: &Scenario) -> Network {
    let mut network = built(&estate());
    for (address, change) in scenario.changes() {
        network.apply(change).unwrap_or_else(|refusal| panic!("{address}: {change:?}: {refusal}"));
    }
    network
}

#[test]
fn every_step_is_taken_in_its_order() {
    let network = built(&estate());
    for name in names() {
        let scenario = scenario(&plan(&name), &network);
        after(&scenario);
        let mine: Vec<_> =
            scenario.refused.iter().map(|refused| format!("{}: {}", refused.address, refused.refusal)).collect();
        assert!(mine.is_empty(), "{name}: {mine:?}");
        assert!(scenario.problems.is_empty(), "{name}: {:?}", scenario.problems);
    }
}

/// The plan's end state is what AWS would answer after the apply.
#[track_caller]
fn same(name: &str, answers: impl FnOnce(&mut Value)) {
    let scenario = scenario(&plan(name), &built(&estate()));
    let (left, right) = (told(&after(&scenario)), told(&changed(answers)));
    for (left, right) in left.iter().zip(&right) {
        assert_eq!(left, right, "{name}");
    }
    assert_eq!(left.len(), right.len(), "{name}: {left:#?}");
}

fn permission(protocol: &str, ports: Option<(i64, i64)>, key: &str, peers: &[Value]) -> Value {
    let mut permission = json!({"IpProtocol": protocol, key: peers});
    if let Some((from, to)) = ports {
        permission["FromPort"] = json!(from);
        permission["ToPort"] = json!(to);
    }
    permission
}

fn cidr(cidr: &str) -> Value {
    json!({"CidrIp": cidr})
}

fn pair(group: &str) -> Value {
    json!({"GroupId": group, "UserId": "111122223333"})
}

#[test]
fn groups_after_the_apply() {
    same("aws_security_group", |value| {
        of(value, "SecurityGroups", "sg-a")["IpPermissions"] = json!([
            permission("tcp", Some((443, 443)), "IpRanges", &[cidr("10.0.0.0/16")]),
            permission("tcp", Some((443, 443)), "UserIdGroupPairs", &[pair("sg-a")]),
            {"IpProtocol": "tcp", "FromPort": 8443, "ToPort": 8443, "Ipv6Ranges": [{"CidrIpv6": "2600:1::/56"}],
             "PrefixListIds": [{"PrefixListId": "pl-1"}], "UserIdGroupPairs": [pair("sg-b")]},
            permission("icmp", Some((8, 0)), "IpRanges", &[cidr("10.0.0.0/8")])]);
    });
    same("aws_vpc_security_group_ingress_rule", |value| {
        of(value, "SecurityGroups", "sg-a")["IpPermissions"] = json!([
            permission("tcp", Some((443, 443)), "IpRanges", &[cidr("10.0.1.0/28")]),
            permission("-1", None, "UserIdGroupPairs", &[pair("sg-b")])
        ]);
    });
    same("aws_vpc_security_group_egress_rule", |value| {
        of(value, "SecurityGroups", "sg-a")["IpPermissionsEgress"] =
            json!([permission("tcp", Some((443, 443)), "PrefixListIds", &[json!({"PrefixListId": "pl-s3"})])]);
    });
    same("aws_default_security_group", |value| {
        let group = of(value, "SecurityGroups", "sg-default");
        group["IpPermissions"] = json!([permission("tcp", Some((22, 22)), "IpRanges", &[cidr("10.0.0.0/16")])]);
        group["IpPermissionsEgress"] = json!([]);
    });
    same("aws_security_group_new", |value| {
        let new = |id: &str, ingress: Value, egress: Value| json!({"GroupId": id, "GroupName": id, "VpcId": "vpc-1", "OwnerId": "111122223333", "IpPermissions": ingress, "IpPermissionsEgress": egress});
        let (db, app) = ("sg-new-aws_security_group-db", "sg-new-aws_security_group-app");
        let to = |group: &str| json!([permission("tcp", Some((5432, 5432)), "UserIdGroupPairs", &[pair(group)])]);
        let groups = value["SecurityGroups"].as_array_mut().unwrap();
        groups.push(new(db, to(app), json!([])));
        groups.push(new(app, json!([]), to(db)));
        of(value, "NetworkInterfaces", "eni-a")["Groups"] = json!([{"GroupId": app}]);
    });
}

#[test]
fn a_replaced_group_goes_after_its_rules_and_is_found_in_a_module() {
    same("replace_group", |value| {
        let groups = value["SecurityGroups"].as_array_mut().unwrap();
        groups.retain(|group| group["GroupId"] != "sg-free");
        let id = "sg-new-module-eks-aws_security_group-node-0-";
        groups.push(json!({"GroupId": id, "GroupName": id, "VpcId": "vpc-1", "OwnerId": "111122223333", "IpPermissionsEgress": [],
            "IpPermissions": [permission("-1", None, "UserIdGroupPairs", &[pair(id)])]}));
        of(value, "NetworkInterfaces", "eni-b")["Groups"] = json!([{"GroupId": id}]);
    });
}

fn entry(number: u32, egress: bool, action: &str, protocol: &str, cidr: &str) -> Value {
    let key = if cidr.contains(':') { "Ipv6CidrBlock" } else { "CidrBlock" };
    json!({"RuleNumber": number, "Egress": egress, "Protocol": protocol, "RuleAction": action, key: cidr})
}

fn with(mut entry: Value, key: &str, value: Value) -> Value {
    entry[key] = value;
    entry
}

fn denials() -> [Value; 2] {
    [true, false].map(|egress| entry(32767, egress, "deny", "-1", "0.0.0.0/0"))
}

#[test]
fn network_acls_after_the_apply() {
    let ports = |from: u16, to: u16| json!({"From": from, "To": to});
    same("aws_network_acl", |value| {
        let acl = of(value, "NetworkAcls", "acl-2");
        acl["Associations"] = json!([{"NetworkAclAssociationId": "aclassoc-x", "SubnetId": "subnet-a"}]);
        let mut entries = vec![
            with(entry(100, false, "deny", "6", "10.0.0.0/8"), "PortRange", ports(443, 443)),
            entry(110, false, "allow", "-1", "0.0.0.0/0"),
            with(entry(120, false, "allow", "58", "2600:1::/56"), "IcmpTypeCode", json!({"Type": 128, "Code": -1})),
            with(entry(200, true, "allow", "6", "0.0.0.0/0"), "PortRange", ports(1024, 65535)),
            // Not the plan's: an entry that the snapshot has beside it.
            with(entry(300, true, "allow", "6", "10.0.0.0/8"), "PortRange", ports(443, 443)),
        ];
        entries.extend(denials());
        acl["Entries"] = json!(entries);
        of(value, "NetworkAcls", "acl-1")["Associations"] =
            json!([{"NetworkAclAssociationId": "aclassoc-y", "SubnetId": "subnet-b"}]);
    });
    same("aws_network_acl_rule", |value| {
        let mut entries = vec![
            with(entry(90, false, "allow", "1", "0.0.0.0/0"), "IcmpTypeCode", json!({"Type": 8, "Code": -1})),
            with(entry(300, true, "allow", "6", "10.0.0.0/8"), "PortRange", ports(1024, 65535)),
        ];
        entries.extend(denials());
        of(value, "NetworkAcls", "acl-2")["Entries"] = json!(entries);
    });
    same("aws_default_network_acl", |value| {
        let mut entries =
            vec![entry(200, false, "allow", "-1", "0.0.0.0/0"), entry(200, true, "allow", "-1", "0.0.0.0/0")];
        entries.extend(denials());
        of(value, "NetworkAcls", "acl-1")["Entries"] = json!(entries);
    });
    same("aws_network_acl_association", |value| {
        of(value, "NetworkAcls", "acl-2")["Associations"] =
            json!([{"NetworkAclAssociationId": "aclassoc-x", "SubnetId": "subnet-a"}]);
        of(value, "NetworkAcls", "acl-1")["Associations"] =
            json!([{"NetworkAclAssociationId": "aclassoc-y", "SubnetId": "subnet-b"}]);
    });
    same("aws_network_acl_new", |value| {
        let acls = value["NetworkAcls"].as_array_mut().unwrap();
        acls.retain(|acl| acl["NetworkAclId"] != "acl-2");
        let mut entries =
            vec![entry(100, false, "allow", "-1", "10.0.0.0/16"), entry(100, true, "allow", "-1", "10.0.0.0/16")];
        entries.extend(denials());
        acls.push(json!({"NetworkAclId": "acl-new-aws_network_acl-new", "VpcId": "vpc-1", "IsDefault": false, "Entries": entries,
            "Associations": [{"NetworkAclAssociationId": "aclassoc-x", "SubnetId": "subnet-b"}]}));
    });
}

fn to(cidr: &str, key: &str, id: &str) -> Value {
    json!({"DestinationCidrBlock": cidr, key: id, "Origin": "CreateRoute", "State": "active"})
}

fn local() -> Value {
    json!({"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local", "Origin": "CreateRouteTable", "State": "active"})
}

fn s3() -> Value {
    json!({"DestinationPrefixListId": "pl-s3", "GatewayId": "vpce-s3", "Origin": "CreateRoute", "State": "active"})
}

fn associated(id: &str, subnet: &str) -> Value {
    json!({"RouteTableAssociationId": id, "Main": false, "SubnetId": subnet, "AssociationState": {"State": "associated"}})
}

#[test]
fn routes_after_the_apply() {
    same("aws_route_table", |value| {
        of(value, "RouteTables", "rtb-1")["Routes"] = json!([
            local(),
            s3(),
            to("0.0.0.0/0", "GatewayId", "igw-1"),
            to("10.1.0.0/16", "VpcPeeringConnectionId", "pcx-1")
        ]);
        value["RouteTables"].as_array_mut().unwrap().push(json!({"RouteTableId": "rtb-new-aws_route_table-new", "VpcId": "vpc-1",
            "Associations": [associated("rtbassoc-x", "subnet-b")], "Routes": [local(), to("10.1.0.0/16", "VpcPeeringConnectionId", "pcx-1")]}));
    });
    same("aws_default_route_table", |value| {
        of(value, "RouteTables", "rtb-main")["Routes"] = json!([local(), to("0.0.0.0/0", "GatewayId", "igw-1")]);
    });
    same("aws_route_table_association", |value| {
        of(value, "RouteTables", "rtb-1")["Associations"] = json!([associated("rtbassoc-x", "subnet-b")]);
    });
    same("aws_route_table_association_moved", |value| {
        of(value, "RouteTables", "rtb-1")["Associations"] = json!([]);
        of(value, "RouteTables", "rtb-3")["Associations"] = json!([associated("rtbassoc-x", "subnet-a")]);
    });
    same("aws_main_route_table_association", |value| {
        of(value, "RouteTables", "rtb-main")["Associations"] = json!([]);
        of(value, "RouteTables", "rtb-3")["Associations"] = json!([
            {"RouteTableAssociationId": "rtbassoc-x", "Main": true, "AssociationState": {"State": "associated"}}]);
    });
}

#[test]
fn interfaces_lists_endpoints_and_clusters_after_the_apply() {
    same("aws_network_interface", |value| {
        let eni = of(value, "NetworkInterfaces", "eni-b");
        eni["Groups"] = json!([{"GroupId": "sg-a"}, {"GroupId": "sg-b"}]);
        eni["SourceDestCheck"] = json!(false);
    });
    same("aws_network_interface_sg_attachment", |value| {
        of(value, "NetworkInterfaces", "eni-b")["Groups"] = json!([{"GroupId": "sg-free"}]);
    });
    same("aws_instance", |value| {
        let eni = of(value, "NetworkInterfaces", "eni-a");
        eni["Groups"] = json!([{"GroupId": "sg-free"}]);
        eni["SourceDestCheck"] = json!(false);
    });
    same("aws_ec2_managed_prefix_list_entry", |value| {
        of(value, "PrefixLists", "pl-1")["Cidrs"] = json!(["198.51.100.0/24"]);
    });
    same("aws_ec2_managed_prefix_list", |value| {
        let list = of(value, "PrefixLists", "pl-1");
        list["Cidrs"] = json!(["198.51.100.0/24"]);
        list["MaxEntries"] = json!(8);
        let id = "pl-new-aws_ec2_managed_prefix_list-new";
        value["PrefixLists"].as_array_mut().unwrap().push(json!({"PrefixListId": id, "PrefixListName": "new",
            "AddressFamily": "IPv4", "MaxEntries": 2, "Version": 1, "OwnerId": "111122223333", "Cidrs": ["203.0.113.0/24"]}));
        of(value, "SecurityGroups", "sg-b")["IpPermissions"].as_array_mut().unwrap().push(permission(
            "tcp",
            Some((443, 443)),
            "PrefixListIds",
            &[json!({"PrefixListId": id})],
        ));
    });
    same("aws_vpc_endpoint_associations", |value| {
        of(value, "RouteTables", "rtb-1")["Routes"].as_array_mut().unwrap().retain(|route| *route != s3());
        of(value, "RouteTables", "rtb-main")["Routes"].as_array_mut().unwrap().push(s3());
        value["NetworkInterfaces"].as_array_mut().unwrap().retain(|eni| eni["NetworkInterfaceId"] != "eni-sts-b");
        of(value, "NetworkInterfaces", "eni-sts-a")["Groups"] = json!([{"GroupId": "sg-free"}]);
        of(value, "VpcEndpoints", "vpce-sts")["NetworkInterfaceIds"] = json!(["eni-sts-a"]);
    });
    same("aws_eks_cluster", |value| {
        let config = &mut value["cluster"]["resourcesVpcConfig"];
        config["endpointPrivateAccess"] = json!(true);
        config["publicAccessCidrs"] = json!(["198.51.100.0/24"]);
    });
}

fn fatal(text: &str) -> String {
    read(text, "plan.json").expect_err(text).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_no_plan_is_refused_and_told_what_to_run() {
    for (text, says) in [
        ("", "not JSON"),
        ("[]", "a plan is an object"),
        ("PK\u{3}\u{4}", "not JSON; run `terraform show -json PLAN`"),
        (r#"{"@level":"info","@message":"Terraform 1.9.8","type":"version"}"#, "stream of messages"),
        ("{\"@level\":\"info\",\"@message\":\"a\"}\n{\"@level\":\"info\",\"@message\":\"b\"}\n", "stream of messages"),
        (
            r#"{"version":4,"terraform_version":"1.9.8","serial":1,"lineage":"x","resources":[]}"#,
            "a state file, not a plan",
        ),
        (r#"{"format_version":"1.0","terraform_version":"1.9.8","values":{"root_module":{}}}"#, "a state, not a plan"),
        (r#"{"format_version":"2.0","resource_changes":[]}"#, "plan.json: format_version: \"2.0\" is not supported"),
        (r#"{"resource_changes":[]}"#, "format_version: is missing"),
        (r#"{"format_version":"1.2"}"#, "resource_changes: is missing"),
    ] {
        let message = fatal(text);
        assert!(message.contains(says) && message.starts_with("plan.json: "), "{text}: {message}");
        assert!(message.contains("terraform show -json") || message.contains("not JSON"), "{message}");
    }
    for version in ["0.1", "0.2", "1.0", "1.2", "1.99"] {
        assert!(read(&format!(r#"{{"format_version":"{version}","resource_changes":[]}}"#), "p").is_ok());
    }
}

#[test]
fn all_problems_are_told_with_their_place_and_the_rest_is_kept() {
    let mut document: Value = serde_json::from_str(&text("aws_security_group")).unwrap();
    let after = &mut document["resource_changes"][0]["change"]["after"];
    after["ingress"][0]["from_port"] = json!("http");
    after["ingress"][1]["cidr_blocks"] = json!(["10.0.0.0/33"]);
    document["resource_changes"]
        .as_array_mut()
        .unwrap()
        .push(json!({"address": "aws_route.x", "type": "aws_route", "change": {"actions": ["explode"]}}));
    let plan = read(&document.to_string(), "plan.json").unwrap();
    let problems: Vec<String> = plan.problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        problems,
        [
            "plan.json: resource_changes[1].change.actions[0]: \"explode\" is not an action",
            "plan.json: resource_changes[0].change.after.ingress[0].from_port: \"http\" is not a whole number",
            "plan.json: resource_changes[0].change.after.ingress[1].cidr_blocks[0]: \"10.0.0.0/33\" is not a CIDR",
        ]
    );
    let scenario = scenario(&plan, &built(&estate()));
    assert_eq!(scenario.problems.len(), 3);
    assert!(scenario.changes().any(|(_, change)| format!("{change:?}").contains("8443")), "{scenario:#?}");
}

#[test]
fn sensitive_values_are_kept_back() {
    let mut document: Value = serde_json::from_str(&text("not_understood")).unwrap();
    let secret = document["resource_changes"].as_array_mut().unwrap().last_mut().unwrap();
    secret["change"]["after"]["cidr_ipv4"] = json!("hunter2");
    let plan = read(&document.to_string(), "plan.json").unwrap();
    let told: Vec<String> = plan.problems.iter().map(ToString::to_string).collect();
    assert!(told.iter().any(|text| text.contains("a sensitive value is not a CIDR")), "{told:?}");
    assert!(!format!("{told:?}").contains("hunter2"));
    let scenario = scenario(&super::tests::plan("not_understood"), &built(&estate()));
    assert!(scenario.steps.iter().any(|step| step.address.ends_with(".secret") && step.sensitive));
}

#[test]
fn a_snapshot_that_is_not_what_the_plan_was_made_from_is_told() {
    // Somebody opened 9999 by hand: the inline group loses it, and the plan's own removal is there already.
    let network = changed(|value| {
        of(value, "SecurityGroups", "sg-a")["IpPermissions"] =
            json!([permission("tcp", Some((9999, 9999)), "IpRanges", &[cidr("0.0.0.0/0")])]);
        of(value, "SecurityGroups", "sg-b")["IpPermissions"] = json!([]);
    });
    let found = scenario(&plan("aws_security_group"), &network);
    assert!(
        found.remarks.iter().any(|remark| remark.text.contains("not those that the plan was made from")),
        "{:?}",
        found.remarks
    );
    let mut after = network.clone();
    found.changes().for_each(|(_, change)| after.apply(change).unwrap());
    let group = after.groups.get(after.groups.find_text("sg-a").unwrap());
    assert!(group.ingress.iter().all(|rule| rule.from_port != Some(9999)));
    assert_eq!(group.ingress.len(), 6);
    let found = scenario(&plan("aws_security_group_rule"), &network);
    assert!(
        found.remarks.iter().any(
            |remark| remark.address == "aws_security_group_rule.ssh" && remark.text.contains("not in the snapshot")
        )
    );
    assert!(found.refused.is_empty(), "{:?}", found.refused);
}

#[test]
fn what_aws_would_refuse_is_told_and_left_out() {
    let mut document: Value = serde_json::from_str(&text("replace_group")).unwrap();
    document["resource_changes"].as_array_mut().unwrap().truncate(2);
    let network = changed(|value| of(value, "NetworkInterfaces", "eni-b")["Groups"] = json!([{"GroupId": "sg-free"}]));
    let found = scenario(&read(&document.to_string(), "plan.json").unwrap(), &network);
    let [refused] = found.refused.as_slice() else { panic!("{:?}", found.refused) };
    assert_eq!(refused.refusal.code, "DependencyViolation");
    assert_eq!(refused.address, "module.eks.aws_security_group.node[0]");
    assert!(found.steps.len() >= 2);
}

#[test]
fn a_rule_that_moves_between_resources_stays() {
    let document = json!({"format_version": "1.2", "resource_changes": [
        {"address": "aws_security_group_rule.old", "mode": "managed", "type": "aws_security_group_rule", "name": "old", "change": {"actions": ["delete"],
         "before": {"type": "ingress", "security_group_id": "sg-a", "protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["10.0.0.0/16"]}, "after": null}},
        {"address": "aws_vpc_security_group_ingress_rule.new", "mode": "managed", "type": "aws_vpc_security_group_ingress_rule", "name": "new", "change": {"actions": ["create"],
         "before": null, "after": {"security_group_id": "sg-a", "ip_protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_ipv4": "10.0.0.0/16"}, "after_unknown": {"id": true}}}]});
    let found = scenario(&read(&document.to_string(), "plan.json").unwrap(), &built(&estate()));
    assert_eq!(found.steps, []);
    assert!(found.remarks.iter().any(|remark| remark.text.contains("takes over")), "{:?}", found.remarks);
}

#[test]
fn what_is_outside_of_the_snapshot_is_told_and_not_refused() {
    let text = text("aws_vpc_security_group_ingress_rule").replace("\"sg-a\"", "\"sg-0elsewhere\"");
    let found = scenario(&read(&text, "plan.json").unwrap(), &built(&estate()));
    assert_eq!((found.steps.len(), found.refused.len()), (0, 0), "{found:?}");
    assert!(found.unsupported.iter().all(|item| item.why == "sg-0elsewhere is not in the snapshot"));
    assert_eq!(found.unsupported.len(), 2);
    // A peer that the snapshot does not hold: whom the rule admits is unknown.
    let text = super::tests::text("aws_vpc_security_group_ingress_rule").replace("\"sg-b\"", "\"sg-0elsewhere\"");
    let found = scenario(&read(&text, "plan.json").unwrap(), &built(&estate()));
    assert!(found.refused.is_empty());
    assert!(
        found.changes().any(|(_, change)| serde_json::to_string(change).unwrap().contains("pl-unknown-sg-0elsewhere"))
    );
}

#[test]
fn a_list_that_shrinks_gives_up_its_entries_first() {
    let mut document: Value = serde_json::from_str(&text("aws_ec2_managed_prefix_list")).unwrap();
    let change = &mut document["resource_changes"][0]["change"];
    change["after"]["max_entries"] = json!(1);
    let found = scenario(&read(&document.to_string(), "plan.json").unwrap(), &built(&estate()));
    assert!(found.refused.is_empty(), "{:?}", found.refused);
    let network = after(&found);
    assert_eq!(network.prefix_lists.get(network.prefix_lists.find_text("pl-1").unwrap()).max_entries, Some(1));
}

/// Real plans, where they lie beside the checkout.
#[test]
fn real_plans_are_read_without_error() {
    let folder = root().join("../shared/real-json/checkov-plans");
    let Ok(files) = fs::read_dir(&folder) else {
        println!("skipped: no ../shared/real-json/checkov-plans beside the checkout");
        return;
    };
    let network = built(&estate());
    let mut count = 0;
    for path in files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|ext| ext == "json"))
    {
        let text = fs::read_to_string(&path).unwrap();
        let plan = read(&text, &path.display().to_string()).unwrap_or_else(|problems| panic!("{problems:?}"));
        assert_eq!(plan.problems, [], "{}", path.display());
        let found = scenario(&plan, &network);
        found.changes().fold(network.clone(), |mut network, (_, change)| {
            network.apply(change).unwrap();
            network
        });
        count += 1;
    }
    assert!(count > 0, "{} holds no plan", folder.display());
}

/// Values of another type in one place, or a text that ends early: told, never a panic.
mod broken {
    use proptest::prelude::*;

    use super::*;

    /// All places of a document below `resource_changes` and `configuration`.
    fn places(value: &Value, at: &str, found: &mut Vec<String>) {
        found.push(at.to_owned());
        match value {
            Value::Array(items) => items.iter().enumerate().for_each(|(i, item)| {
                places(item, &format!("{at}/{i}"), found);
            }),
            Value::Object(map) => map.iter().for_each(|(key, item)| {
                places(item, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
            }),
            _ => {}
        }
    }

    fn odd() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            Just(json!(true)),
            Just(json!(false)),
            Just(json!(-1)),
            Just(json!(1e300)),
            Just(json!(70000)),
            Just(json!("")),
            Just(json!("x[\"")),
            Just(json!("module.")),
            Just(json!("0.0.0.0/0")),
            Just(json!([])),
            Just(json!([true])),
            Just(json!([null, "a"])),
            Just(json!({})),
            Just(json!({"references": ["module.a.b", "var.x", "each.key", "[", "."]})),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn plans_never_panic(file in 0_usize..1000, changes in prop::collection::vec((any::<prop::sample::Index>(), odd()), 1..6), end in any::<prop::sample::Index>()) {
            let names = names();
            let name = &names[file % names.len()];
            let whole = text(name);
            let cut = end.index(whole.len());
            if let Some((start, rest)) = whole.split_at_checked(cut) {
                prop_assert!(read(start, "cut.json").is_err() || rest.trim().is_empty());
            }
            let mut document: Value = serde_json::from_str(&whole).unwrap();
            for (place, value) in changes {
                let mut found = Vec::new();
                places(&document, "", &mut found);
                let at = found[place.index(found.len())].clone();
                *document.pointer_mut(&at).unwrap() = value;
            }
            if let Ok(plan) = read(&document.to_string(), "odd.json") {
                let found = scenario(&plan, &built(&estate()));
                prop_assert_eq!(&found, &scenario(&plan, &built(&estate())));
                after(&found);
            }
        }
    }
}
