use super::*;

const ECR: &str = "com.amazonaws.us-east-1.ecr.api";
const S3: &str = "com.amazonaws.us-east-1.s3";

fn interface(subnets: &[&str], groups: &[&str]) -> Value {
    json!({"CreateVpcEndpoint": {"VpcEndpointType": "Interface", "VpcId": "vpc-1", "ServiceName": ECR, "SubnetIds": subnets,
        "SecurityGroupIds": groups}})
}

fn gateway(tables: &[&str]) -> Value {
    json!({"CreateVpcEndpoint": {"VpcId": "vpc-1", "ServiceName": S3, "RouteTableIds": tables}})
}

/// What the interface endpoint's answers would be.
fn eni(id: &str, subnet: &str, address: &str, group: &str) -> Value {
    json!({"NetworkInterfaceId": id, "SubnetId": subnet, "VpcId": "vpc-1", "InterfaceType": "vpc_endpoint",
        "Description": "VPC Endpoint Interface vpce-new-ecr-api", "Status": "in-use", "OwnerId": ACCOUNT, "SourceDestCheck": true,
        "Groups": [{"GroupId": group}], "PrivateIpAddress": address,
        "PrivateIpAddresses": [{"PrivateIpAddress": address, "Primary": true}],
        "Attachment": {"InstanceOwnerId": "amazon-aws", "DeviceIndex": 1, "Status": "attached"}})
}

fn endpoint(interfaces: &[&str], private_dns: bool) -> Value {
    json!({"VpcEndpointId": "vpce-new-ecr-api", "VpcEndpointType": "Interface", "VpcId": "vpc-1", "ServiceName": ECR,
        "State": "available", "PrivateDnsEnabled": private_dns, "NetworkInterfaceIds": interfaces})
}

fn push(value: &mut Value, key: &str, element: Value) {
    value[key].as_array_mut().unwrap().push(element);
}

#[test]
fn an_interface_endpoint_gets_an_interface_in_each_subnet() {
    let expected = changed(|value| {
        push(value, "NetworkInterfaces", eni("eni-new-ecr-api-a", "subnet-a", "10.0.1.4", "sg-b"));
        // 10.0.2.4 is eni-b's.
        push(value, "NetworkInterfaces", eni("eni-new-ecr-api-b", "subnet-b", "10.0.2.5", "sg-b"));
        push(value, "VpcEndpoints", endpoint(&["eni-new-ecr-api-a", "eni-new-ecr-api-b"], true));
    });
    let made = after([interface(&["subnet-a", "subnet-b"], &["sg-b"])]);
    same(&made, &expected);
    let vpc = made.vpcs.find_text("vpc-1").unwrap();
    assert_eq!(made.addresses.owner(vpc, "10.0.2.5".parse().unwrap()), made.interfaces.find_text("eni-new-ecr-api-b"));

    // Without a group, the VPC's default one.
    let made = after([interface(&["subnet-b"], &[])]);
    let eni = made.interfaces.get(made.interfaces.find_text("eni-new-ecr-api-b").unwrap());
    assert_eq!(*eni.groups, [Ref::Known(group(&made, "sg-default"))]);
}

#[test]
fn endpoints_that_aws_would_refuse() {
    assert_eq!(code(interface(&["subnet-b", "subnet-b2"], &[])), "DuplicateSubnetsInSameZone");
    assert_eq!(code(interface(&["subnet-0"], &[])), "InvalidSubnetID.NotFound");
    assert_eq!(code(interface(&["subnet-c"], &[])), "InvalidParameter");
    assert_eq!(code(interface(&["subnet-b"], &["sg-2"])), "InvalidGroup.NotFound");
    let mut network = after([interface(&["subnet-a"], &[])]);
    assert_eq!(
        refused(&mut network, interface(&["subnet-a"], &[])),
        "InvalidParameter",
        "private DNS of one service twice"
    );
    let hostnames = json!({"ModifyVpcAttribute": {"VpcId": "vpc-1", "EnableDnsHostnames": {"Value": false}}});
    let mut network = after([hostnames]);
    assert_eq!(refused(&mut network, interface(&["subnet-a"], &[])), "InvalidParameter");
    let mut quiet = interface(&["subnet-a"], &[]);
    quiet["CreateVpcEndpoint"]["PrivateDnsEnabled"] = json!(false);
    // A /28 has eleven addresses of its own, and one is eni-a's.
    for _ in 0..10 {
        network.apply(&call(quiet.clone())).unwrap();
    }
    assert_eq!(refused(&mut network, quiet), "InsufficientFreeAddressesInSubnet");
    let other = json!({"CreateVpcEndpoint": {"VpcId": "vpc-1", "ServiceName": "com.amazonaws.us-east-1.dynamodb"}});
    assert_eq!(code(other), "UnknownPrefixList");
    assert_eq!(code(gateway(&["rtb-2"])), "InvalidParameter");
    assert_eq!(code(gateway(&["rtb-0"])), "InvalidRouteTableID.NotFound");
}

#[test]
fn a_gateway_endpoint_is_routes() {
    let with = |tables: &[usize]| {
        let tables = tables.to_vec();
        changed(move |value| {
            push(
                value,
                "VpcEndpoints",
                json!({"VpcEndpointId": "vpce-new-s3", "VpcEndpointType": "Gateway", "VpcId": "vpc-1",
                "ServiceName": S3, "State": "available", "RouteTableIds": []}),
            );
            for table in tables {
                let route = json!({"DestinationPrefixListId": "pl-s3", "GatewayId": "vpce-new-s3", "Origin": "CreateRoute", "State": "active"});
                value["RouteTables"][table]["Routes"].as_array_mut().unwrap().push(route);
            }
        })
    };
    let mut network = after([gateway(&["rtb-1"])]);
    same(&network, &with(&[1]));
    assert_eq!(refused(&mut network, gateway(&["rtb-main", "rtb-1"])), "RouteAlreadyExists");
    let delete = json!({"DeleteRoute": {"RouteTableId": "rtb-1", "DestinationPrefixListId": "pl-s3"}});
    assert_eq!(refused(&mut network, delete), "InvalidParameterValue");
    let modify = json!({"ModifyVpcEndpoint": {"VpcEndpointId": "new:s3", "AddRouteTableIds": ["rtb-main"], "RemoveRouteTableIds": ["rtb-1"]}});
    network.apply(&call(modify.clone())).unwrap();
    same(&network, &with(&[0]));
    assert_eq!(refused(&mut network, modify), "InvalidParameter");
    network.apply(&call(json!({"DeleteVpcEndpoints": {"VpcEndpointIds": ["vpce-new-s3"]}}))).unwrap();
    same(&network, &super::network());
    assert_eq!(code(json!({"DeleteVpcEndpoints": {"VpcEndpointIds": ["vpce-0"]}})), "InvalidVpcEndpointId.NotFound");
}

#[test]
fn an_interface_endpoint_is_modified_and_deleted() {
    let modify = |input: Value| {
        let mut input = input;
        input["VpcEndpointId"] = json!("new:ecr.api");
        json!({"ModifyVpcEndpoint": input})
    };
    let mut network = after([interface(&["subnet-a"], &["sg-b"])]);
    assert_eq!(refused(&mut network, modify(json!({"RemoveSecurityGroupIds": ["sg-b"]}))), "InvalidParameter");
    assert_eq!(refused(&mut network, modify(json!({"RemoveSubnetIds": ["subnet-b"]}))), "InvalidParameter");
    assert_eq!(refused(&mut network, modify(json!({"AddRouteTableIds": ["rtb-1"]}))), "InvalidParameter");
    assert_eq!(
        refused(&mut network, modify(json!({"AddSubnetIds": ["subnet-b", "subnet-b2"]}))),
        "DuplicateSubnetsInSameZone"
    );
    let change = json!({"AddSecurityGroupIds": ["sg-free"], "RemoveSecurityGroupIds": ["sg-b"], "AddSubnetIds": ["subnet-b2"],
        "PrivateDnsEnabled": false});
    network.apply(&call(modify(change))).unwrap();
    let expected = changed(|value| {
        push(value, "NetworkInterfaces", eni("eni-new-ecr-api-a", "subnet-a", "10.0.1.4", "sg-free"));
        push(value, "NetworkInterfaces", eni("eni-new-ecr-api-b2", "subnet-b2", "10.0.3.4", "sg-free"));
        push(value, "VpcEndpoints", endpoint(&["eni-new-ecr-api-a", "eni-new-ecr-api-b2"], false));
    });
    same(&network, &expected);
    network.apply(&call(modify(json!({"RemoveSubnetIds": ["subnet-a"]})))).unwrap();
    let vpc = network.vpcs.find_text("vpc-1").unwrap();
    assert_eq!(network.addresses.owner(vpc, "10.0.1.4".parse().unwrap()), None);
    assert!(network.interfaces.find_text("eni-new-ecr-api-a").is_none());
    network.apply(&call(json!({"DeleteVpcEndpoints": {"VpcEndpointIds": ["new:ecr.api"]}}))).unwrap();
    same(&network, &super::network());
    // The names are free again.
    network.apply(&call(interface(&["subnet-a"], &["sg-b"]))).unwrap();
}
