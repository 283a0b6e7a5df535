use super::*;

#[test]
fn attributes_of_a_vpc() {
    let modify = |input: Value| json!({"ModifyVpcAttribute": input});
    let network = after([modify(json!({"VpcId": "vpc-1", "EnableDnsSupport": {"Value": false}}))]);
    assert_eq!(network.vpcs.get(network.vpcs.find_text("vpc-1").unwrap()).dns_support, Some(false));
    let mut network = network;
    let hostnames = modify(json!({"VpcId": "vpc-1", "EnableDnsHostnames": {"Value": true}}));
    assert_eq!(refused(&mut network, hostnames.clone()), "InvalidParameterValue");
    let network = after([hostnames]);
    assert_eq!(network.vpcs.get(network.vpcs.find_text("vpc-1").unwrap()).dns_hostnames, Some(true));
    assert_eq!(code(modify(json!({"VpcId": "vpc-0", "EnableDnsSupport": {"Value": true}}))), "InvalidVpcID.NotFound");
    let two = json!({"VpcId": "vpc-1", "EnableDnsSupport": {"Value": true}, "EnableDnsHostnames": {"Value": true}});
    assert_eq!(code(modify(two)), "InvalidParameterCombination");
}

#[test]
fn access_to_a_cluster() {
    let update = |config: Value| json!({"UpdateClusterConfig": {"name": "prod", "resourcesVpcConfig": config}});
    let network = after([update(json!({"endpointPrivateAccess": true, "publicAccessCidrs": ["203.0.113.0/24"]}))]);
    let cluster = network.clusters.get(network.clusters.find_text("prod").unwrap());
    assert!(cluster.public_access && cluster.private_access);
    assert_eq!(cluster.public_access_cidrs, ["203.0.113.0/24".parse().unwrap()]);
    let invalid = "InvalidParameterException";
    assert_eq!(code(update(json!({"endpointPublicAccess": false}))), invalid);
    assert_eq!(code(update(json!({"endpointPublicAccess": true}))), invalid, "already so");
    assert_eq!(code(update(json!({}))), invalid);
    for bad in ["10.0.0.0/8", "moon", "2600::/32", "100.64.1.0/24"] {
        assert_eq!(code(update(json!({"publicAccessCidrs": [bad]}))), invalid, "{bad}");
    }
    let cidrs = |count: u8| (1..=count).map(|n| format!("203.0.113.{n}/32")).collect::<Vec<_>>();
    assert_eq!(code(update(json!({"publicAccessCidrs": cidrs(41)}))), invalid);
    after([update(json!({"publicAccessCidrs": cidrs(40)}))]);
    let other = json!({"UpdateClusterConfig": {"name": "dev", "resourcesVpcConfig": {"endpointPublicAccess": false}}});
    assert_eq!(code(other), "ResourceNotFoundException");
}

#[test]
fn tags_and_the_names_that_follow_from_them() {
    let create = |ids: &[&str], key: &str, value: &str| json!({"CreateTags": {"Resources": ids, "Tags": [{"Key": key, "Value": value}]}});
    let tags = json!([{"Key": "Name", "Value": "x"}]);
    let expected = changed(|value| {
        for (key, position) in
            [("Vpcs", 0), ("Subnets", 0), ("SecurityGroups", 0), ("NetworkAcls", 0), ("RouteTables", 0)]
        {
            value[key][position]["Tags"] = tags.clone();
        }
        value["NetworkInterfaces"][1]["TagSet"] = tags.clone();
        value["Reservations"][0]["Instances"][0]["Tags"] = tags.clone();
    });
    let all = ["vpc-1", "subnet-a", "sg-a", "acl-1", "rtb-main", "eni-b", "i-a", "vol-1"];
    same(&after([create(&all, "Name", "x")]), &expected);

    let delete = |tag: Value| json!({"DeleteTags": {"Resources": ["i-a"], "Tags": tag}});
    let bare = changed(|value| value["Reservations"][0]["Instances"][0]["Tags"] = json!([]));
    same(&after([delete(json!([{"Key": "Name"}]))]), &bare);
    same(&after([delete(json!([]))]), &bare);
    same(&after([delete(json!([{"Key": "Name", "Value": "other"}]))]), &network());

    assert_eq!(code(create(&["vpc-1", "sg-0"], "a", "b")), "InvalidGroup.NotFound");
    assert_eq!(code(create(&["i-0"], "a", "b")), "InvalidInstanceID.NotFound");
    assert_eq!(code(create(&["vpc-1"], "aws:x", "b")), "InvalidParameterValue");
    let many: Vec<Value> = (0..51).map(|n| json!({"Key": format!("k{n}"), "Value": ""})).collect();
    assert_eq!(code(json!({"CreateTags": {"Resources": ["vpc-1"], "Tags": many}})), "TagLimitExceeded");
}
