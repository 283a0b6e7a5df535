use super::*;

fn route(kind: &str, table: &str, cidr: &str, key: &str, target: &str) -> Value {
    json!({kind: {"RouteTableId": table, "DestinationCidrBlock": cidr, key: target}})
}

fn create(cidr: &str, key: &str, target: &str) -> Value {
    route("CreateRoute", "rtb-main", cidr, key, target)
}

fn stored(cidr: &str, key: &str, target: &str, state: &str) -> Value {
    json!({"DestinationCidrBlock": cidr, key: target, "Origin": "CreateRoute", "State": state})
}

#[test]
fn routes_are_made_with_the_state_of_their_target() {
    let cases = [
        ("0.0.0.0/0", "GatewayId", "igw-1", "GatewayId", "igw-1", "active"),
        ("0.0.0.0/0", "NatGatewayId", "nat-1", "NatGatewayId", "nat-1", "active"),
        ("10.1.0.0/16", "VpcPeeringConnectionId", "pcx-1", "VpcPeeringConnectionId", "pcx-1", "active"),
        ("0.0.0.0/0", "InstanceId", "i-a", "NetworkInterfaceId", "eni-a", "active"),
        ("0.0.0.0/0", "NetworkInterfaceId", "eni-b", "NetworkInterfaceId", "eni-b", "blackhole"),
        ("10.0.2.0/24", "NetworkInterfaceId", "eni-a", "NetworkInterfaceId", "eni-a", "active"),
        ("172.16.0.0/12", "GatewayId", "vgw-1", "GatewayId", "vgw-1", "active"),
    ];
    for (cidr, key, target, stored_key, stored_target, state) in cases {
        let expected = changed(|value| {
            let routes = value["RouteTables"][0]["Routes"].as_array_mut().unwrap();
            routes.push(stored(cidr, stored_key, stored_target, state));
        });
        same(&after([create(cidr, key, target)]), &expected);
    }
}

#[test]
fn routes_that_aws_would_refuse() {
    assert_eq!(code(route("CreateRoute", "rtb-0", "0.0.0.0/0", "GatewayId", "igw-1")), "InvalidRouteTableID.NotFound");
    assert_eq!(code(route("CreateRoute", "rtb-1", "0.0.0.0/0", "GatewayId", "igw-1")), "RouteAlreadyExists");
    assert_eq!(code(create("10.0.0.0/16", "NatGatewayId", "nat-1")), "RouteAlreadyExists");
    assert_eq!(code(create("10.0", "GatewayId", "igw-1")), "InvalidParameterValue");
    assert_eq!(code(create("169.254.168.0/24", "GatewayId", "igw-1")), "InvalidParameterValue");
    assert_eq!(code(create("10.0.2.0/25", "NatGatewayId", "nat-1")), "InvalidParameterValue");
    assert_eq!(code(create("10.0.2.0/24", "GatewayId", "igw-1")), "InvalidParameterValue");
    for (key, target, expected) in [
        ("GatewayId", "igw-0", "InvalidGatewayID.NotFound"),
        ("NatGatewayId", "nat-0", "InvalidNatGatewayID.NotFound"),
        ("TransitGatewayId", "tgw-0", "InvalidTransitGatewayID.NotFound"),
        ("VpcPeeringConnectionId", "pcx-0", "InvalidVpcPeeringConnectionID.NotFound"),
        ("EgressOnlyInternetGatewayId", "eigw-0", "InvalidEgressOnlyInternetGatewayId.NotFound"),
        ("NetworkInterfaceId", "eni-0", "InvalidNetworkInterfaceID.NotFound"),
        ("InstanceId", "i-0", "InvalidInstanceID.NotFound"),
        ("VpcEndpointId", "vpce-0", "InvalidVpcEndpointId.NotFound"),
        ("NetworkInterfaceId", "eni-c", "InvalidParameterValue"),
    ] {
        assert_eq!(code(create("172.16.0.0/16", key, target)), expected, "{target}");
    }
    assert_eq!(code(route("CreateRoute", "rtb-2", "0.0.0.0/0", "GatewayId", "igw-1")), "InvalidParameterValue");
    assert_eq!(
        code(json!({"CreateRoute": {"RouteTableId": "rtb-1", "DestinationCidrBlock": "10.9.0.0/16"}})),
        "MissingParameter"
    );
    let two = json!({"CreateRoute": {"RouteTableId": "rtb-1", "DestinationCidrBlock": "10.9.0.0/16", "GatewayId": "igw-1", "NatGatewayId": "nat-1"}});
    assert_eq!(code(two), "InvalidParameterCombination");
    let list =
        json!({"CreateRoute": {"RouteTableId": "rtb-1", "DestinationPrefixListId": "pl-0", "GatewayId": "igw-1"}});
    assert_eq!(code(list), "InvalidPrefixListID.NotFound");
}

#[test]
fn a_target_that_was_not_collected_is_not_known_to_be_absent() {
    let mut value = estate();
    value.as_object_mut().unwrap().remove("NatGateways");
    let mut network = built(&value);
    network.apply(&call(create("0.0.0.0/0", "NatGatewayId", "nat-9"))).unwrap();
    value["RouteTables"][0]["Routes"].as_array_mut().unwrap().push(stored(
        "0.0.0.0/0",
        "NatGatewayId",
        "nat-9",
        "active",
    ));
    same(&network, &built(&value));
}

#[test]
fn routes_are_replaced_and_deleted() {
    let expected =
        changed(|value| value["RouteTables"][1]["Routes"][1] = stored("0.0.0.0/0", "GatewayId", "igw-1", "active"));
    same(&after([route("ReplaceRoute", "rtb-1", "0.0.0.0/0", "GatewayId", "igw-1")]), &expected);
    let expected = changed(|value| drop(value["RouteTables"][1]["Routes"].as_array_mut().unwrap().remove(1)));
    let delete =
        |table: &str, cidr: &str| json!({"DeleteRoute": {"RouteTableId": table, "DestinationCidrBlock": cidr}});
    same(&after([delete("rtb-1", "0.0.0.0/0")]), &expected);
    assert_eq!(code(delete("rtb-main", "0.0.0.0/0")), "InvalidRoute.NotFound");
    assert_eq!(code(delete("rtb-1", "10.0.0.0/16")), "InvalidParameterValue");
    assert_eq!(code(route("ReplaceRoute", "rtb-main", "0.0.0.0/0", "GatewayId", "igw-1")), "InvalidRoute.NotFound");

    // The target of the local route can be replaced and restored, and the route is still the local one (RT-3).
    let mut network = after([route("ReplaceRoute", "rtb-1", "10.0.0.0/16", "NetworkInterfaceId", "eni-a")]);
    assert_eq!(refused(&mut network, delete("rtb-1", "10.0.0.0/16")), "InvalidParameterValue");
    network.apply(&call(json!({"ReplaceRoute": {"RouteTableId": "rtb-1", "DestinationCidrBlock": "10.0.0.0/16", "LocalTarget": true}}))).unwrap();
    same(&network, &super::network());
    assert_eq!(code(route("ReplaceRoute", "rtb-1", "10.0.0.0/16", "GatewayId", "igw-1")), "InvalidParameterValue");
}

#[test]
fn a_table_has_a_thousand_routes_at_most() {
    let mut network = network();
    for n in 0..1000 {
        network
            .apply(&call(create(&format!("172.{}.{}.0/24", 16 + n / 256, n % 256), "NatGatewayId", "nat-1")))
            .unwrap();
    }
    assert_eq!(refused(&mut network, create("192.168.0.0/24", "NatGatewayId", "nat-1")), "RouteLimitExceeded");
}

#[test]
fn tables_are_associated() {
    let associate = |table: &str, key: &str, id: &str| json!({"AssociateRouteTable": {"RouteTableId": table, key: id}});
    let expected = changed(|value| {
        value["RouteTables"][1]["Associations"]
            .as_array_mut()
            .unwrap()
            .push(json!({"RouteTableAssociationId": "rtbassoc-new-b",
            "SubnetId": "subnet-b", "Main": false}));
    });
    let mut network = after([associate("rtb-1", "SubnetId", "subnet-b")]);
    same(&network, &expected);
    assert_eq!(refused(&mut network, associate("rtb-main", "SubnetId", "subnet-b")), "Resource.AlreadyAssociated");
    assert_eq!(code(associate("rtb-main", "SubnetId", "subnet-a")), "Resource.AlreadyAssociated");
    assert_eq!(code(associate("rtb-1", "SubnetId", "subnet-0")), "InvalidSubnetID.NotFound");
    assert_eq!(code(associate("rtb-0", "SubnetId", "subnet-b")), "InvalidRouteTableID.NotFound");
    assert_eq!(code(associate("rtb-2", "SubnetId", "subnet-b")), "InvalidParameterValue");
    let expected = changed(|value| {
        value["RouteTables"][0]["Associations"]
            .as_array_mut()
            .unwrap()
            .push(json!({"RouteTableAssociationId": "rtbassoc-new-1",
            "GatewayId": "igw-1", "Main": false}));
    });
    let mut network = after([associate("rtb-main", "GatewayId", "igw-1")]);
    same(&network, &expected);
    assert_eq!(refused(&mut network, associate("rtb-1", "GatewayId", "igw-1")), "Resource.AlreadyAssociated");
}

#[test]
fn associations_are_replaced_and_the_main_one_takes_its_subnets_along() {
    let replace =
        |id: &str, table: &str| json!({"ReplaceRouteTableAssociation": {"AssociationId": id, "RouteTableId": table}});
    let expected = changed(|value| {
        value["RouteTables"][1]["Associations"] = json!([]);
        value["RouteTables"][0]["Associations"]
            .as_array_mut()
            .unwrap()
            .push(json!({"RouteTableAssociationId": "rtbassoc-new-a",
            "SubnetId": "subnet-a", "Main": false}));
    });
    same(&after([replace("rtbassoc-a", "rtb-main")]), &expected);
    let expected = changed(|value| {
        value["RouteTables"][0]["Associations"] = json!([]);
        value["RouteTables"][1]["Associations"]
            .as_array_mut()
            .unwrap()
            .push(json!({"RouteTableAssociationId": "rtbassoc-new-1", "Main": true}));
    });
    let network = after([replace("rtbassoc-main", "rtb-1")]);
    same(&network, &expected);
    let subnet = network.subnets.find_text("subnet-b").unwrap();
    assert_eq!(network.subnets.get(subnet).route_table, network.route_tables.find_text("rtb-1"));
    assert_eq!(code(replace("rtbassoc-0", "rtb-1")), "InvalidAssociationID.NotFound");
    assert_eq!(code(replace("rtbassoc-a", "rtb-0")), "InvalidRouteTableID.NotFound");
    assert_eq!(code(replace("rtbassoc-a", "rtb-2")), "InvalidParameterValue");
}
