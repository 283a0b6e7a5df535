use super::*;

fn permission(protocol: &str, from: i64, to: i64, cidr: &str) -> Value {
    json!({"IpProtocol": protocol, "FromPort": from, "ToPort": to, "IpRanges": [{"CidrIp": cidr}]})
}

fn authorize(group: &str, permissions: Value) -> Value {
    json!({"AuthorizeSecurityGroupIngress": {"GroupId": group, "IpPermissions": permissions}})
}

fn revoke(group: &str, permissions: Value) -> Value {
    json!({"RevokeSecurityGroupIngress": {"GroupId": group, "IpPermissions": permissions}})
}

#[test]
fn rules_are_added_as_answers_would_show_them() {
    let permissions = json!([
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 81, "IpRanges": [{"CidrIp": "10.0.0.7/24", "Description": "x"}],
         "Ipv6Ranges": [{"CidrIpv6": "::/0"}], "PrefixListIds": [{"PrefixListId": "pl-1"}],
         "UserIdGroupPairs": [{"GroupId": "sg-b"}, {"GroupId": "sg-2"}]},
        {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
        {"IpProtocol": "-1", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]);
    let expected = changed(|value| {
        value["SecurityGroups"][1]["IpPermissions"] = json!([
            {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 81, "IpRanges": [{"CidrIp": "10.0.0.0/24"}],
             "Ipv6Ranges": [{"CidrIpv6": "::/0"}], "PrefixListIds": [{"PrefixListId": "pl-1"}],
             "UserIdGroupPairs": [{"GroupId": "sg-b", "UserId": ACCOUNT}, {"GroupId": "sg-2", "UserId": ACCOUNT,
                "VpcPeeringConnectionId": "pcx-1", "PeeringStatus": "active"}]},
            {"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
            {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]);
    });
    same(&after([authorize("sg-b", permissions)]), &expected);
    let egress = json!({"AuthorizeSecurityGroupEgress": {"GroupId": "sg-b", "IpPermissions": [permission("17", 53, 53, "10.0.0.0/8")]}});
    let expected = changed(|value| {
        value["SecurityGroups"][1]["IpPermissionsEgress"] = json!([permission("udp", 53, 53, "10.0.0.0/8")]);
    });
    same(&after([egress]), &expected);
}

#[test]
fn rules_that_aws_would_refuse() {
    let one = |permission: Value| code(authorize("sg-a", json!([permission])));
    assert_eq!(one(permission("tcp", 443, 443, "10.0.0.0/16")), "InvalidPermission.Duplicate");
    assert_eq!(one(permission("6", 443, 443, "10.0.200.0/16")), "InvalidPermission.Duplicate");
    let pair = json!({"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "UserIdGroupPairs": [{"GroupId": "sg-b"}]});
    assert_eq!(one(pair), "InvalidPermission.Duplicate");
    assert_eq!(one(permission("moon", 1, 1, "10.0.0.0/8")), "InvalidPermission.Malformed");
    assert_eq!(one(json!({"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1})), "InvalidPermission.Malformed");
    for (from, to, cidr) in [(2, 1, "10.0.0.0/8"), (1, 70000, "10.0.0.0/8"), (-1, -1, "10.0.0.0/8"), (1, 1, "10.0.0/8")]
    {
        assert_eq!(one(permission("tcp", from, to, cidr)), "InvalidParameterValue");
    }
    assert_eq!(one(json!({"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]})), "InvalidParameterValue");
    assert_eq!(one(permission("icmp", -1, 3, "10.0.0.0/8")), "InvalidParameterValue");
    let twice = json!([permission("tcp", 1, 1, "10.0.0.0/8"), permission("tcp", 1, 1, "10.0.0.1/8")]);
    assert_eq!(code(authorize("sg-a", twice)), "InvalidParameterValue");
    assert_eq!(code(authorize("sg-a", json!([]))), "MissingParameter");
    assert_eq!(code(authorize("sg-0", json!([]))), "InvalidGroup.NotFound");
    assert_eq!(code(authorize("new:0", json!([]))), "InvalidGroup.NotFound");
    assert_eq!(code(authorize("eni-a", json!([]))), "InvalidGroupId.Malformed");
    assert_eq!(code(authorize("", json!([]))), "MissingParameter");
    let to = |id: &str| json!({"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": id}]});
    assert_eq!(one(to("sg-0")), "InvalidGroup.NotFound");
    assert_eq!(one(to("sg-3")), "InvalidGroup.NotFound");
    // Another account's group is not in the snapshot.
    let foreign = json!({"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-0", "UserId": "999900009999"}]});
    after([authorize("sg-a", json!([foreign]))]);
    // The second of two permissions is wrong: the first is not made either (checked in `refused`).
    let half = json!([permission("tcp", 1, 1, "10.0.0.0/8"), permission("tcp", 443, 443, "10.0.0.0/16")]);
    assert_eq!(code(authorize("sg-a", half)), "InvalidPermission.Duplicate");
}

#[test]
fn rules_are_revoked_by_what_they_are_or_by_their_ids() {
    let expected = changed(|value| {
        value["SecurityGroups"][0]["IpPermissions"][0]["IpRanges"] = json!([]);
    });
    same(&after([revoke("sg-a", json!([permission("tcp", 443, 443, "10.0.0.0/16")]))]), &expected);
    let part = json!([{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/16"}, {"CidrIp": "10.0.0.0/17"}]}]);
    assert_eq!(code(revoke("sg-a", part)), "InvalidPermission.NotFound");
    assert_eq!(code(revoke("sg-a", json!([permission("tcp", 443, 444, "10.0.0.0/16")]))), "InvalidPermission.NotFound");
    let by_id = |id: &str| json!({"RevokeSecurityGroupIngress": {"GroupId": "sg-a", "SecurityGroupRuleIds": [id]}});
    let with_ids = |value: &mut Value| {
        value["SecurityGroupRules"] = json!([{"SecurityGroupRuleId": "sgr-1", "GroupId": "sg-a", "IsEgress": false,
            "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv4": "10.0.0.0/16"}]);
    };
    let mut network = changed(with_ids);
    assert_eq!(refused(&mut network, by_id("sgr-2")), "InvalidSecurityGroupRuleId.NotFound");
    network.apply(&call(by_id("sgr-1"))).unwrap();
    same(&network, &expected);
}

#[test]
fn the_hard_product_of_rules_and_groups_is_refused_and_the_default_quota_is_not() {
    let rules = |count: usize| {
        let ranges: Vec<Value> =
            (0..count).map(|n| json!({"CidrIp": format!("172.16.{}.{}/32", n / 256, n % 256)})).collect();
        json!([{"IpProtocol": "udp", "FromPort": 1, "ToPort": 1, "IpRanges": ranges}])
    };
    let network = after([authorize("sg-b", rules(61))]);
    assert_eq!(network.rule_counts(group(&network, "sg-b")).ingress_v4, 61);
    after([authorize("sg-b", rules(1000))]);
    assert_eq!(code(authorize("sg-b", rules(1001))), "RulesPerSecurityGroupLimitExceeded");
    let two =
        json!({"ModifyNetworkInterfaceAttribute": {"NetworkInterfaceId": "eni-b", "Groups": ["sg-b", "sg-free"]}});
    let mut network = after([two.clone(), authorize("sg-b", rules(500))]);
    assert_eq!(
        refused(&mut network, authorize("sg-b", json!([permission("tcp", 1, 1, "10.0.0.0/8")]))),
        "RulesPerSecurityGroupLimitExceeded"
    );
    // The other direction and the other family have limits of their own.
    network
        .apply(&call(json!({"AuthorizeSecurityGroupIngress": {"GroupId": "sg-b", "IpPermissions": [
        {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}]}})))
        .unwrap();
    let mut network = after([authorize("sg-b", rules(501))]);
    assert_eq!(refused(&mut network, two), "RulesPerSecurityGroupLimitExceeded");
}

#[test]
fn rules_count_in_their_families() {
    let network = after([authorize(
        "sg-b",
        json!([
        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "10.0.0.0/8"}], "Ipv6Ranges": [{"CidrIpv6": "::/0"}],
         "PrefixListIds": [{"PrefixListId": "pl-1"}, {"PrefixListId": "pl-s3"}], "UserIdGroupPairs": [{"GroupId": "sg-a"}]}]),
    )]);
    // A CIDR, a reference, five for the list's MaxEntries, one for S3's weight; an IPv6 CIDR and the reference.
    let counts = network.rule_counts(group(&network, "sg-b"));
    assert_eq!(counts, RuleCounts { ingress_v4: 8, ingress_v6: 2, egress_v4: 0, egress_v6: 0 });
    assert_eq!(counts.largest(), 8);
}

#[test]
fn a_new_group_is_found_by_its_name() {
    let create =
        |name: &str, vpc: &str| json!({"CreateSecurityGroup": {"GroupName": name, "Description": "d", "VpcId": vpc}});
    let expected = changed(|value| {
        value["SecurityGroups"].as_array_mut().unwrap().push(
            json!({"GroupId": "sg-new-web", "GroupName": "web", "VpcId": "vpc-1",
            "OwnerId": ACCOUNT, "IpPermissions": [permission("tcp", 1, 1, "10.0.0.0/8")],
            "IpPermissionsEgress": [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}),
        );
    });
    let open = authorize("new:web", json!([permission("tcp", 1, 1, "10.0.0.0/8")]));
    same(&after([create("web", "vpc-1"), open]), &expected);
    let mut network = after([create("new:web", "vpc-2")]);
    let made = network.groups.get(group(&network, "sg-new-web"));
    assert_eq!(made.name.as_deref(), Some("new:web"));
    assert_eq!(made.egress.len(), 2, "the VPC has IPv6");
    assert_eq!(refused(&mut network, create("new:web", "vpc-2")), "InvalidGroup.Duplicate");
    // The same name in another VPC is another group, and the one that is meant from then on.
    network.apply(&call(create("new:web", "vpc-1"))).unwrap();
    network.apply(&call(json!({"DeleteSecurityGroup": {"GroupId": "new:web"}}))).unwrap();
    assert!(network.groups.find_text("sg-new-web").is_some() && network.groups.find_text("sg-new-web-2").is_none());
    assert_eq!(code(create("a", "vpc-1")), "InvalidGroup.Duplicate");
    assert_eq!(code(create("default", "vpc-1")), "InvalidGroup.Reserved");
    assert_eq!(code(create("sg-x", "vpc-1")), "InvalidParameterValue");
    assert_eq!(code(create("x", "vpc-9")), "InvalidVpcID.NotFound");
}

#[test]
fn a_group_is_deleted_where_nothing_holds_it() {
    let delete = |id: &str| json!({"DeleteSecurityGroup": {"GroupId": id}});
    assert_eq!(code(delete("sg-a")), "DependencyViolation");
    assert_eq!(code(delete("sg-b")), "DependencyViolation");
    assert_eq!(code(delete("sg-default")), "CannotDelete");
    // sg-2 of a peered VPC names sg-free: its rule goes stale (SG-21).
    let network = after([delete("sg-free")]);
    assert!(network.groups.find_text("sg-free").is_none());
    let rule = &network.groups.get(group(&network, "sg-2")).ingress[0];
    let crate::network::Peer::Group(peer) = &rule.peer else { panic!("{rule:?}") };
    assert_eq!(peer.group, Ref::Missing("sg-free".parse().unwrap()));
    assert_eq!(peer.owner, None);
    let mut network = network;
    assert_eq!(refused(&mut network, delete("sg-free")), "InvalidGroup.NotFound");
    // A group that only itself names goes, too; one that a group of the same VPC names does not.
    let on_itself = authorize("sg-free", json!([{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-free"}]}]));
    after([on_itself, delete("sg-free")]);
    let mut network =
        after([authorize("sg-b", json!([{"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-free"}]}]))]);
    assert_eq!(refused(&mut network, delete("sg-free")), "DependencyViolation");
}

#[test]
fn interfaces_change_groups_and_their_check() {
    let modify = |input: Value| json!({"ModifyNetworkInterfaceAttribute": input});
    let expected =
        changed(|value| value["NetworkInterfaces"][1]["Groups"] = json!([{"GroupId": "sg-free"}, {"GroupId": "sg-a"}]));
    same(&after([modify(json!({"NetworkInterfaceId": "eni-b", "Groups": ["sg-free", "sg-a", "sg-free"]}))]), &expected);
    let expected = changed(|value| value["NetworkInterfaces"][0]["SourceDestCheck"] = json!(false));
    same(&after([modify(json!({"NetworkInterfaceId": "eni-a", "SourceDestCheck": {"Value": false}}))]), &expected);
    let groups = |id: &str, groups: Value| code(modify(json!({"NetworkInterfaceId": id, "Groups": groups})));
    assert_eq!(groups("eni-0", json!(["sg-a"])), "InvalidNetworkInterfaceID.NotFound");
    assert_eq!(groups("eni-b", json!(["sg-0"])), "InvalidGroup.NotFound");
    assert_eq!(groups("eni-b", json!(["sg-2"])), "InvalidGroup.NotFound");
    assert_eq!(groups("eni-b", json!([])), "InvalidParameterValue");
    assert_eq!(code(modify(json!({"NetworkInterfaceId": "eni-b"}))), "InvalidParameterCombination");
    let mut network = network();
    let names: Vec<String> = (0..17).map(|n| format!("g{n}")).collect();
    for name in &names {
        network.apply(&call(json!({"CreateSecurityGroup": {"GroupName": name, "VpcId": "vpc-1"}}))).unwrap();
    }
    let all: Vec<String> = names.iter().map(|name| format!("new:{name}")).collect();
    let many = |groups: &[String]| modify(json!({"NetworkInterfaceId": "eni-b", "Groups": groups}));
    assert_eq!(refused(&mut network, many(&all)), "SecurityGroupsPerInterfaceLimitExceeded");
    network.apply(&call(many(&all[1..]))).unwrap();
}

fn acl_entry(number: u32, egress: bool) -> Value {
    json!({"NetworkAclId": "acl-1", "RuleNumber": number, "Protocol": "6", "RuleAction": "deny", "Egress": egress,
        "CidrBlock": "10.9.0.1/16", "PortRange": {"From": 1, "To": 2}})
}

#[test]
fn entries_of_network_acls() {
    let stored = |number: u32, egress: bool| {
        json!({"RuleNumber": number, "Egress": egress, "Protocol": "6", "RuleAction": "deny", "CidrBlock": "10.9.0.0/16",
            "PortRange": {"From": 1, "To": 2}})
    };
    let expected = changed(|value| {
        value["NetworkAcls"][0]["Entries"].as_array_mut().unwrap().insert(0, stored(50, false));
    });
    same(&after([json!({"CreateNetworkAclEntry": acl_entry(50, false)})]), &expected);
    let expected = changed(|value| value["NetworkAcls"][0]["Entries"][0] = stored(100, false));
    same(&after([json!({"ReplaceNetworkAclEntry": acl_entry(100, false)})]), &expected);
    let expected = changed(|value| drop(value["NetworkAcls"][0]["Entries"].as_array_mut().unwrap().remove(0)));
    let delete = |number: u32, egress: bool| json!({"DeleteNetworkAclEntry": {"NetworkAclId": "acl-1", "RuleNumber": number, "Egress": egress}});
    same(&after([delete(100, false)]), &expected);

    assert_eq!(code(json!({"CreateNetworkAclEntry": acl_entry(100, false)})), "NetworkAclEntryAlreadyExists");
    after([json!({"CreateNetworkAclEntry": acl_entry(100, true)})]);
    assert_eq!(code(json!({"ReplaceNetworkAclEntry": acl_entry(100, true)})), "InvalidNetworkAclEntry.NotFound");
    assert_eq!(code(delete(100, true)), "InvalidNetworkAclEntry.NotFound");
    assert_eq!(code(delete(32767, false)), "InvalidParameterValue");
    assert_eq!(code(json!({"CreateNetworkAclEntry": acl_entry(32767, false)})), "InvalidParameterValue");
    let with = |field: &str, value: Value| {
        let mut entry = acl_entry(7, false);
        entry[field] = value;
        code(json!({"CreateNetworkAclEntry": entry}))
    };
    assert_eq!(with("NetworkAclId", json!("acl-0")), "InvalidNetworkAclID.NotFound");
    assert_eq!(with("RuleAction", json!("drop")), "InvalidParameterValue");
    assert_eq!(with("CidrBlock", json!("10.9")), "InvalidParameterValue");
    assert_eq!(with("Ipv6CidrBlock", json!("::/0")), "InvalidParameterCombination");
    assert_eq!(with("PortRange", json!(null)), "MissingParameter");
    assert_eq!(with("PortRange", json!({"From": 9, "To": 2})), "InvalidParameterValue");
    assert_eq!(with("Protocol", json!("1")), "MissingParameter");
}

#[test]
fn a_network_acl_has_forty_entries_a_direction_and_family_at_most() {
    let mut network = network();
    // One entry and AWS's denial are there.
    for number in 1..=38 {
        network.apply(&call(json!({"CreateNetworkAclEntry": acl_entry(number, false)}))).unwrap();
    }
    assert_eq!(
        refused(&mut network, json!({"CreateNetworkAclEntry": acl_entry(39, false)})),
        "NetworkAclEntryLimitExceeded"
    );
    network.apply(&call(json!({"CreateNetworkAclEntry": acl_entry(39, true)}))).unwrap();
    let v6 = json!({"NetworkAclId": "acl-1", "RuleNumber": 39, "Protocol": "-1", "RuleAction": "deny", "Egress": false, "Ipv6CidrBlock": "::/0"});
    network.apply(&call(json!({"CreateNetworkAclEntry": v6}))).unwrap();
}

#[test]
fn a_subnet_gets_another_network_acl() {
    let replace =
        |id: &str, acl: &str| json!({"ReplaceNetworkAclAssociation": {"AssociationId": id, "NetworkAclId": acl}});
    let expected = changed(|value| {
        value["NetworkAcls"][0]["Associations"].as_array_mut().unwrap().remove(0);
        value["NetworkAcls"][1]["Associations"] =
            json!([{"NetworkAclAssociationId": "aclassoc-new-a", "SubnetId": "subnet-a"}]);
    });
    let mut network = after([replace("aclassoc-a", "acl-2")]);
    same(&network, &expected);
    assert_eq!(refused(&mut network, replace("aclassoc-a", "acl-1")), "InvalidAssociationID.NotFound");
    assert_eq!(code(replace("aclassoc-a", "acl-0")), "InvalidNetworkAclID.NotFound");
    assert_eq!(code(replace("aclassoc-a", "acl-3")), "InvalidParameterValue");
}

#[test]
fn prefix_lists_change_entries_or_size() {
    let modify = |input: Value| {
        let mut input = input;
        if input.get("PrefixListId").is_none() {
            input["PrefixListId"] = json!("pl-1");
        }
        json!({"ModifyManagedPrefixList": input})
    };
    let expected = changed(|value| {
        value["PrefixLists"][0]["Cidrs"] = json!(["198.51.100.0/24", "203.0.113.0/24"]);
        value["PrefixLists"][0]["Version"] = json!(4);
    });
    let entries = json!({"CurrentVersion": 3, "RemoveEntries": [{"Cidr": "192.0.2.0/24"}],
        "AddEntries": [{"Cidr": "198.51.100.0/24"}, {"Cidr": "203.0.113.9/24"}]});
    same(&after([modify(entries.clone())]), &expected);
    let expected = changed(|value| value["PrefixLists"][0]["MaxEntries"] = json!(9));
    same(&after([modify(json!({"MaxEntries": 9}))]), &expected);
    assert_eq!(code(modify(json!({"PrefixListId": "pl-0"}))), "InvalidPrefixListID.NotFound");
    assert_eq!(code(modify(json!({"PrefixListId": "pl-s3", "MaxEntries": 3}))), "OperationNotPermitted");
    assert_eq!(
        code(modify(json!({"CurrentVersion": 2, "AddEntries": [{"Cidr": "10.0.0.0/8"}]}))),
        "PrefixListVersionMismatch"
    );
    assert_eq!(
        code(modify(json!({"MaxEntries": 9, "AddEntries": [{"Cidr": "10.0.0.0/8"}]}))),
        "InvalidParameterCombination"
    );
    assert_eq!(code(modify(json!({"RemoveEntries": [{"Cidr": "10.0.0.0/8"}]}))), "InvalidPrefixListModification");
    assert_eq!(code(modify(json!({"AddEntries": [{"Cidr": "::/0"}]}))), "InvalidParameterValue");
    let many: Vec<Value> = (0..5).map(|n| json!({"Cidr": format!("10.{n}.0.0/16")})).collect();
    assert_eq!(code(modify(json!({"AddEntries": many}))), "PrefixListMaxEntriesExceeded");
    // Two rules with a list of 501 entries count for more than can be.
    let named = |port: i64| json!({"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "PrefixListIds": [{"PrefixListId": "pl-1"}]});
    let mut network = after([authorize("sg-b", json!([named(1), named(2)]))]);
    assert_eq!(refused(&mut network, modify(json!({"MaxEntries": 501}))), "RulesPerSecurityGroupLimitExceeded");
    network.apply(&call(modify(json!({"MaxEntries": 500})))).unwrap();
}
