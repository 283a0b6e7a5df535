//! Gateways, peerings, the transit gateway, endpoints, load balancers.

use std::io;

use serde_json::{Value, json};

use super::{MADE, name_tag};
use crate::Layout;
use crate::files::Files;
use crate::plan::group::common;
use crate::plan::{ACCOUNT, Kind, Plan, REGION, Role, RouteTable, Tier, ZONES};
use crate::walk::{self, Holder, Interface, balancer_hash};

pub(super) fn write(plan: &Plan, files: &mut Files) -> io::Result<()> {
    let interfaces = walk::fixed(plan);
    internet(plan, files)?;
    nat(plan, files, &interfaces)?;
    peerings(plan, files)?;
    transit(plan, files)?;
    endpoints(plan, files, &interfaces)?;
    balancers(plan, files)?;
    for (call, key) in [
        ("ec2-describe-vpn-gateways", "VpnGateways"),
        ("ec2-describe-vpn-connections", "VpnConnections"),
        ("ec2-describe-customer-gateways", "CustomerGateways"),
        ("ec2-describe-carrier-gateways", "CarrierGateways"),
        ("ec2-describe-instance-connect-endpoints", "InstanceConnectEndpoints"),
        ("ec2-describe-vpc-block-public-access-exclusions", "VpcBlockPublicAccessExclusions"),
        ("ec2-describe-transit-gateway-peering-attachments", "TransitGatewayPeeringAttachments"),
        ("elb-describe-load-balancers", "LoadBalancerDescriptions"),
        ("elbv2-describe-target-groups", "TargetGroups"),
    ] {
        files.list(call, key, |_| Ok(()))?;
    }
    Ok(())
}

fn internet(plan: &Plan, files: &mut Files) -> io::Result<()> {
    files.list("ec2-describe-internet-gateways", "InternetGateways", |list| {
        for vpc in 0..plan.mains() {
            list.push(&json!({"Attachments": [{"State": "available", "VpcId": plan.vpc_id(vpc)}],
                "InternetGatewayId": plan.internet_gateway_id(vpc), "OwnerId": ACCOUNT, "Tags": []}))?;
        }
        Ok(())
    })?;
    files.list("ec2-describe-egress-only-internet-gateways", "EgressOnlyInternetGateways", |list| {
        for vpc in 0..plan.mains() {
            list.push(&json!({"Attachments": [{"State": "attached", "VpcId": plan.vpc_id(vpc)}],
                "EgressOnlyInternetGatewayId": plan.egress_only_id(vpc), "Tags": []}))?;
        }
        Ok(())
    })
}

fn nat(plan: &Plan, files: &mut Files, interfaces: &[Interface]) -> io::Result<()> {
    let gateways: Vec<(usize, usize, &Interface)> = interfaces
        .iter()
        .filter_map(
            |interface| if let Holder::Nat(vpc, zone) = interface.holder { Some((vpc, zone, interface)) } else { None },
        )
        .collect();
    files.list("ec2-describe-nat-gateways", "NatGateways", |list| {
        for &(vpc, zone, interface) in &gateways {
            let id = plan.nat_id(vpc, zone);
            let place = plan.places.subnets.at(interface.subnet);
            let public = interface.public.map(|public| public.address);
            list.push(&json!({"CreateTime": MADE, "NatGatewayAddresses": [{"AllocationId": id.with("eipalloc"),
                "NetworkInterfaceId": interface.id, "PrivateIp": interface.address, "PublicIp": public,
                "AssociationId": id.with("eipassoc"), "IsPrimary": true, "Status": "succeeded",
                "AvailabilityZone": place.zone_name(), "AvailabilityZoneId": place.zone_id()}], "NatGatewayId": id,
                "State": "available", "SubnetId": plan.subnet_id(interface.subnet), "VpcId": plan.vpc_id(vpc), "Tags": [],
                "ConnectivityType": "public", "AvailabilityMode": "zonal"}))?;
        }
        Ok(())
    })?;
    files.list("ec2-describe-addresses", "Addresses", |list| {
        for &(vpc, zone, interface) in &gateways {
            let id = plan.nat_id(vpc, zone);
            list.push(&json!({"AllocationId": id.with("eipalloc"), "AssociationId": id.with("eipassoc"), "Domain": "vpc",
                "NetworkInterfaceId": interface.id, "NetworkInterfaceOwnerId": ACCOUNT,
                "PrivateIpAddress": interface.address, "Tags": [], "PublicIp": interface.public.map(|public| public.address),
                "PublicIpv4Pool": "amazon", "NetworkBorderGroup": REGION}))?;
        }
        Ok(())
    })
}

fn peerings(plan: &Plan, files: &mut Files) -> io::Result<()> {
    let side = |vpc: usize| {
        let place = plan.places.vpcs.at(vpc);
        let blocks: Vec<Value> = place.blocks.iter().map(|block| json!({"CidrBlock": block})).collect();
        let v6: Vec<Value> = place.v6.iter().map(|block| json!({"Ipv6CidrBlock": block})).collect();
        json!({"CidrBlock": place.blocks.first(), "CidrBlockSet": blocks, "Ipv6CidrBlockSet": v6, "OwnerId": ACCOUNT,
            "PeeringOptions": {"AllowDnsResolutionFromRemoteVpc": true, "AllowEgressFromLocalClassicLinkToRemoteVpc": false,
                "AllowEgressFromLocalVpcToRemoteClassicLink": false}, "VpcId": plan.vpc_id(vpc), "Region": REGION})
    };
    files.list("ec2-describe-vpc-peering-connections", "VpcPeeringConnections", |list| {
        for one in 0..plan.mains() {
            // Main VPCs pairwise, each with the shared services.
            for other in one + 1..=plan.shared() {
                list.push(&json!({"AccepterVpcInfo": side(other), "RequesterVpcInfo": side(one),
                    "Status": {"Code": "active", "Message": "Active"}, "Tags": [],
                    "VpcPeeringConnectionId": plan.peering_id(one, other)}))?;
            }
        }
        Ok(())
    })
}

fn transit(plan: &Plan, files: &mut Files) -> io::Result<()> {
    let (gateway, table) = (plan.transit_id(), plan.transit_table_id());
    let attached: Vec<usize> = (0..plan.mains()).chain([plan.premises()]).collect();
    files.list("ec2-describe-transit-gateways", "TransitGateways", |list| {
        list.push(&json!({"TransitGatewayId": gateway, "OwnerId": ACCOUNT, "State": "available", "Description": "",
            "TransitGatewayArn": format!("arn:aws:ec2:{REGION}:{ACCOUNT}:transit-gateway/{gateway}"), "CreationTime": MADE,
            "Options": {"AmazonSideAsn": 64512, "AutoAcceptSharedAttachments": "disable",
                "DefaultRouteTableAssociation": "enable", "AssociationDefaultRouteTableId": table,
                "DefaultRouteTablePropagation": "enable", "PropagationDefaultRouteTableId": table,
                "VpnEcmpSupport": "enable", "DnsSupport": "enable", "SecurityGroupReferencingSupport": "disable",
                "MulticastSupport": "disable"}, "Tags": []}))
    })?;
    files.list("ec2-describe-transit-gateway-attachments", "TransitGatewayAttachments", |list| {
        for &vpc in &attached {
            list.push(&json!({"TransitGatewayAttachmentId": plan.attachment_id(vpc), "TransitGatewayId": gateway,
                "TransitGatewayOwnerId": ACCOUNT, "ResourceOwnerId": ACCOUNT, "ResourceType": "vpc",
                "ResourceId": plan.vpc_id(vpc), "State": "available", "CreationTime": MADE, "Tags": [],
                "Association": {"TransitGatewayRouteTableId": table, "State": "associated"}}))?;
        }
        Ok(())
    })?;
    files.list("ec2-describe-transit-gateway-vpc-attachments", "TransitGatewayVpcAttachments", |list| {
        for &vpc in &attached {
            let main = plan.places.vpcs.at(vpc).role == Role::Main;
            let (tier, zones) = if main { (Tier::Transit, ZONES.len()) } else { (Tier::Hosts, 1) };
            let subnets: Vec<_> =
                (0..zones).map(|zone| plan.subnet_id(plan.places.find(vpc, tier, 0, zone))).collect();
            list.push(&json!({"TransitGatewayAttachmentId": plan.attachment_id(vpc), "TransitGatewayId": gateway,
                "VpcId": plan.vpc_id(vpc), "VpcOwnerId": ACCOUNT, "State": "available", "SubnetIds": subnets,
                "CreationTime": MADE, "Tags": [], "Options": {"DnsSupport": "enable",
                    "SecurityGroupReferencingSupport": "disable", "Ipv6Support": "disable", "ApplianceModeSupport": "disable"}}))?;
        }
        Ok(())
    })?;
    files.list("ec2-describe-transit-gateway-route-tables", "TransitGatewayRouteTables", |list| {
        list.push(&json!({"TransitGatewayRouteTableId": table, "TransitGatewayId": gateway, "State": "available",
            "DefaultAssociationRouteTable": true, "DefaultPropagationRouteTable": true, "CreationTime": MADE, "Tags": []}))
    })?;
    let of_vpc = |vpc: usize, state: (&str, &str)| {
        json!({"TransitGatewayAttachmentId": plan.attachment_id(vpc), "ResourceId": plan.vpc_id(vpc), "ResourceType": "vpc",
            state.0: state.1})
    };
    let associations: Vec<Value> = attached.iter().map(|&vpc| of_vpc(vpc, ("State", "associated"))).collect();
    let propagations: Vec<Value> = attached.iter().map(|&vpc| of_vpc(vpc, ("State", "enabled"))).collect();
    let routes: Vec<Value> = attached
        .iter()
        .flat_map(|&vpc| plan.places.vpcs.at(vpc).blocks.iter().map(move |block| (vpc, block)))
        .map(|(vpc, block)| {
            json!({"DestinationCidrBlock": block, "Type": "propagated", "State": "active", "TransitGatewayAttachments": [
                {"ResourceId": plan.vpc_id(vpc), "TransitGatewayAttachmentId": plan.attachment_id(vpc), "ResourceType": "vpc"}]})
        })
        .collect();
    let name = format!("ec2-get-transit-gateway-route-table-associations-{table}");
    files.object(&name, &json!({"Associations": associations, "TransitGatewayRouteTableId": table}))?;
    let propagated = json!({"TransitGatewayRouteTablePropagations": propagations, "TransitGatewayRouteTableId": table});
    let searched = json!({"Routes": routes, "AdditionalRoutesAvailable": false, "TransitGatewayRouteTableId": table});
    match files.layout() {
        Layout::Aws => {
            files.object(&format!("ec2-get-transit-gateway-route-table-propagations-{table}"), &propagated)?;
            files.object(&format!("ec2-search-transit-gateway-routes-{table}"), &searched)
        }
        Layout::Batfish => {
            files.named("TransitGatewayPropagations", "TransitGatewayPropagations", |list| list.push(&propagated))?;
            // Batfish collects the static routes alone, and derives the others from the propagations: here those are all.
            let fixed = json!({"Routes": [], "AdditionalRoutesAvailable": false, "TransitGatewayRouteTableId": table});
            files.named("TransitGatewayStaticRoutes", "TransitGatewayStaticRoutes", |list| list.push(&fixed))
        }
    }
}

fn endpoints(plan: &Plan, files: &mut Files, interfaces: &[Interface]) -> io::Result<()> {
    let policy = r#"{"Statement": [{"Action": "*", "Effect": "Allow", "Principal": "*", "Resource": "*"}]}"#;
    files.list("ec2-describe-vpc-endpoints", "VpcEndpoints", |list| {
        for vpc in 0..plan.mains() {
            let id = plan.s3_endpoint_id(vpc);
            let tables = [RouteTable::App(0), RouteTable::App(1), RouteTable::App(2), RouteTable::Data];
            list.push(&json!({"VpcEndpointId": id, "VpcEndpointType": "Gateway", "VpcId": plan.vpc_id(vpc),
                "ServiceName": format!("com.amazonaws.{REGION}.s3"), "State": "available", "PolicyDocument": policy,
                "RouteTableIds": tables.map(|table| plan.table_id(vpc, table)), "SubnetIds": [], "Groups": [],
                "IpAddressType": "ipv4", "DnsOptions": {"DnsRecordIpType": "ipv4"}, "PrivateDnsEnabled": false,
                "RequesterManaged": false, "NetworkInterfaceIds": [], "DnsEntries": [], "CreationTimestamp": MADE,
                "Tags": name_tag("s3"), "OwnerId": ACCOUNT, "ServiceRegion": REGION}))?;
            for (number, service) in plan.endpoints.iter().enumerate() {
                let id = plan.endpoint_id(vpc, number);
                let own = || interfaces.iter().filter(|interface| interface.holder == Holder::Endpoint(vpc, number));
                let subnets: Vec<_> = own().map(|interface| plan.subnet_id(interface.subnet)).collect();
                let ids: Vec<_> = own().map(|interface| interface.id).collect();
                let group = common(vpc).endpoints;
                list.push(&json!({"VpcEndpointId": id, "VpcEndpointType": "Interface", "VpcId": plan.vpc_id(vpc),
                    "ServiceName": format!("com.amazonaws.{REGION}.{service}"), "State": "available",
                    "PolicyDocument": policy, "RouteTableIds": [], "SubnetIds": subnets,
                    "Groups": [{"GroupId": plan.group_id(group), "GroupName": plan.groups.at(group).name}],
                    "IpAddressType": "ipv4", "DnsOptions": {"DnsRecordIpType": "ipv4"}, "PrivateDnsEnabled": true,
                    "RequesterManaged": false, "NetworkInterfaceIds": ids, "DnsEntries": [], "CreationTimestamp": MADE,
                    "Tags": name_tag(service), "OwnerId": ACCOUNT, "ServiceRegion": REGION}))?;
            }
        }
        Ok(())
    })
}

fn balancers(plan: &Plan, files: &mut Files) -> io::Result<()> {
    let arn = |kind: &str, name: &str| {
        format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:{kind}/app/{name}/{:016x}", balancer_hash(name))
    };
    let balancers = || plan.services.iter().filter(|service| service.kind == Kind::Balancer);
    files.list("elbv2-describe-load-balancers", "LoadBalancers", |list| {
        for service in balancers() {
            let zones: Vec<Value> = (0..ZONES.len())
                .map(|zone| plan.places.find(service.vpc, Tier::Public, service.set, zone))
                .map(|subnet| {
                    json!({"ZoneName": plan.places.subnets.at(subnet).zone_name(), "SubnetId": plan.subnet_id(subnet),
                        "LoadBalancerAddresses": []})
                })
                .collect();
            let groups: Vec<_> = service.groups.iter().map(|&group| plan.group_id(group)).collect();
            list.push(&json!({"LoadBalancerArn": arn("loadbalancer", &service.name),
                "DNSName": format!("{}-1234567890.{REGION}.elb.amazonaws.com", service.name),
                "CanonicalHostedZoneId": "Z32O12XQLNTSW2", "CreatedTime": MADE, "LoadBalancerName": service.name,
                "Scheme": "internet-facing", "VpcId": plan.vpc_id(service.vpc), "State": {"Code": "active"},
                "Type": "application", "AvailabilityZones": zones, "SecurityGroups": groups,
                "IpAddressType": if service.dual { "dualstack" } else { "ipv4" }}))?;
        }
        Ok(())
    })?;
    let listeners = |name: &str| {
        let listener = format!("{}/{:016x}", arn("listener", name), balancer_hash(name) >> 1);
        json!([{"ListenerArn": listener, "LoadBalancerArn": arn("loadbalancer", name), "Port": 443, "Protocol": "HTTPS",
            "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}]}])
    };
    if files.layout() == Layout::Batfish {
        return files.named("LoadBalancerListeners", "LoadBalancerListeners", |list| {
            for service in balancers() {
                list.push(&json!({"LoadBalancerArn": arn("loadbalancer", &service.name), "Listeners": listeners(&service.name)}))?;
            }
            Ok(())
        });
    }
    for service in balancers() {
        let name = format!("elbv2-describe-listeners-{}", service.name);
        let answer =
            json!({"Listeners": listeners(&service.name), "LoadBalancerArn": arn("loadbalancer", &service.name)});
        files.object(&name, &answer)?;
    }
    Ok(())
}
