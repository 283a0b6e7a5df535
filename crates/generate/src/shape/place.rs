//! VPCs, their attributes and options, and subnets.

use std::io;

use serde_json::{Value, json};

use super::name_tag;
use crate::files::Files;
use crate::plan::{ACCOUNT, Plan, REGION, Tier};

pub(super) fn write(plan: &Plan, files: &mut Files) -> io::Result<()> {
    let options = plan.ids.of("dopt", 0);
    files.list("ec2-describe-vpcs", "Vpcs", |list| {
        for (number, vpc) in plan.places.vpcs.iter().enumerate() {
            let id = plan.vpc_id(number);
            let blocks: Vec<Value> = vpc
                .blocks
                .iter()
                .enumerate()
                .map(|(position, block)| {
                    json!({"AssociationId": plan.ids.of("vpc-cidr-assoc", number * 64 + position), "CidrBlock": block,
                        "CidrBlockState": {"State": "associated"}})
                })
                .collect();
            let v6: Vec<Value> = vpc
                .v6
                .iter()
                .map(|block| {
                    json!({"AssociationId": plan.ids.of("vpc-cidr-assoc", number * 64 + 63), "Ipv6CidrBlock": block,
                        "Ipv6CidrBlockState": {"State": "associated"}, "NetworkBorderGroup": REGION, "Ipv6Pool": "Amazon",
                        "Ipv6AddressAttribute": "public", "IpSource": "amazon"})
                })
                .collect();
            list.push(&json!({"OwnerId": ACCOUNT, "InstanceTenancy": "default", "Ipv6CidrBlockAssociationSet": v6,
                "CidrBlockAssociationSet": blocks, "IsDefault": false, "Tags": name_tag(&vpc.name),
                "BlockPublicAccessStates": {"InternetGatewayBlockMode": "off"}, "VpcId": id, "State": "available",
                "CidrBlock": vpc.blocks.first(), "DhcpOptionsId": options}))?;
        }
        Ok(())
    })?;
    files.list("ec2-describe-subnets", "Subnets", |list| {
        for (number, subnet) in plan.places.subnets.iter().enumerate() {
            let id = plan.subnet_id(number);
            let letter = subnet.zone_name().chars().next_back().unwrap_or('a');
            let vpc = plan.places.vpcs.at(subnet.vpc);
            let name = format!("{}-{}-{}{letter}", vpc.name, subnet.tier.as_str(), subnet.set + 1);
            let v6: Vec<Value> = subnet
                .v6
                .iter()
                .map(|block| {
                    json!({"AssociationId": id.with("subnet-cidr-assoc"), "Ipv6CidrBlock": block,
                        "Ipv6CidrBlockState": {"State": "associated"}, "Ipv6AddressAttribute": "public", "IpSource": "amazon"})
                })
                .collect();
            list.push(&json!({"AvailabilityZoneId": subnet.zone_id(), "MapCustomerOwnedIpOnLaunch": false, "OwnerId": ACCOUNT,
                "AssignIpv6AddressOnCreation": false, "Ipv6CidrBlockAssociationSet": v6, "Tags": name_tag(&name),
                "SubnetArn": format!("arn:aws:ec2:{REGION}:{ACCOUNT}:subnet/{id}"), "EnableDns64": false, "Ipv6Native": false,
                "PrivateDnsNameOptionsOnLaunch": {"HostnameType": "ip-name", "EnableResourceNameDnsARecord": false,
                    "EnableResourceNameDnsAAAARecord": false},
                "BlockPublicAccessStates": {"InternetGatewayBlockMode": "off"}, "SubnetId": id, "State": "available",
                "VpcId": plan.vpc_id(subnet.vpc), "CidrBlock": subnet.net, "AvailableIpAddressCount": 0,
                "AvailabilityZone": subnet.zone_name(), "DefaultForAz": false,
                "MapPublicIpOnLaunch": subnet.tier == Tier::Public}))?;
        }
        Ok(())
    })?;
    files.list("ec2-describe-dhcp-options", "DhcpOptions", |list| {
        list.push(&json!({"OwnerId": ACCOUNT, "Tags": [], "DhcpOptionsId": options, "DhcpConfigurations": [
            {"Key": "domain-name", "Values": [{"Value": format!("{REGION}.compute.internal")}]},
            {"Key": "domain-name-servers", "Values": [{"Value": "AmazonProvidedDNS"}]}]}))
    })?;
    for number in 0..plan.places.vpcs.len() {
        let id = plan.vpc_id(number);
        for (attribute, key) in [("enableDnsSupport", "EnableDnsSupport"), ("enableDnsHostnames", "EnableDnsHostnames")]
        {
            let name = format!("ec2-describe-vpc-attribute-{id}-{attribute}");
            files.object(&name, &json!({key: {"Value": true}, "VpcId": id}))?;
        }
    }
    let options = json!({"VpcBlockPublicAccessOptions": {"AwsAccountId": ACCOUNT, "AwsRegion": REGION,
        "State": "default-state", "InternetGatewayBlockMode": "off", "ManagedBy": "account", "ExclusionsAllowed": "allowed"}});
    files.object("ec2-describe-vpc-block-public-access-options", &options)
}
