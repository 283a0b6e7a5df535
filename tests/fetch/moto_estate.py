#!/usr/bin/env python3
"""Builds an estate through the AWS API at an endpoint, then writes what boto3 describes of it, one file per call.

usage: moto_estate.py URL DIRECTORY"""
import datetime, json, pathlib, sys
import boto3

URL, OUT = sys.argv[1], pathlib.Path(sys.argv[2])
OUT.mkdir(parents=True)


def client(service):
    return boto3.client(service, endpoint_url=URL, region_name='eu-west-1')


ec2, eks, elb = client('ec2'), client('eks'), client('elbv2')


def tags(kind, **pairs):
    return [{'ResourceType': kind, 'Tags': [{'Key': k, 'Value': v} for k, v in pairs.items()]}]


# Two VPCs, peered; the first with a cluster, a way out and endpoints.
vpc = ec2.create_vpc(CidrBlock='10.20.0.0/16', TagSpecifications=tags('vpc', Name='shop'))['Vpc']['VpcId']
other = ec2.create_vpc(CidrBlock='10.30.0.0/16', TagSpecifications=tags('vpc', Name='data'))['Vpc']['VpcId']
for attribute in ('EnableDnsSupport', 'EnableDnsHostnames'):
    ec2.modify_vpc_attribute(VpcId=vpc, **{attribute: {'Value': True}})


def subnet(vpc, cidr, zone):
    return ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=f'eu-west-1{zone}')['Subnet']['SubnetId']


public = subnet(vpc, '10.20.0.0/24', 'a')
private = [subnet(vpc, '10.20.1.0/24', 'a'), subnet(vpc, '10.20.2.0/24', 'b')]
data = subnet(other, '10.30.1.0/24', 'a')
gateway = ec2.create_internet_gateway()['InternetGateway']['InternetGatewayId']
ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)


def table(vpc, subnets, **target):
    made = ec2.create_route_table(VpcId=vpc)['RouteTable']['RouteTableId']
    if target:
        ec2.create_route(RouteTableId=made, DestinationCidrBlock='0.0.0.0/0', **target)
    for one in subnets:
        ec2.associate_route_table(RouteTableId=made, SubnetId=one)
    return made


table(vpc, [public], GatewayId=gateway)
address = ec2.allocate_address(Domain='vpc')['AllocationId']
nat = ec2.create_nat_gateway(SubnetId=public, AllocationId=address)['NatGateway']['NatGatewayId']
inner = table(vpc, private, NatGatewayId=nat)
peering = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=other)['VpcPeeringConnection']['VpcPeeringConnectionId']
ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
ec2.create_route(RouteTableId=inner, DestinationCidrBlock='10.30.0.0/16', VpcPeeringConnectionId=peering)
back = table(other, [data])
ec2.create_route(RouteTableId=back, DestinationCidrBlock='10.20.0.0/16', VpcPeeringConnectionId=peering)

# Groups of every form of rule.
office = ec2.create_managed_prefix_list(PrefixListName='office & co', MaxEntries=9, AddressFamily='IPv4', Entries=[
    {'Cidr': f'198.51.100.{n * 16}/28', 'Description': f'floor {n} <main>'} for n in range(7)])['PrefixList']['PrefixListId']


def group(name, vpc=vpc):
    return ec2.create_security_group(GroupName=name, Description=f'{name} group', VpcId=vpc)['GroupId']


node, plane, endpoint, store = group('node'), group('plane'), group('endpoint'), group('store', other)


def admit(group, protocol, low, high, **peers):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {'IpProtocol': protocol, 'FromPort': low, 'ToPort': high, **peers}])


admit(plane, 'tcp', 443, 443, UserIdGroupPairs=[{'GroupId': node, 'Description': 'nodes'}])
admit(node, 'tcp', 10250, 10250, UserIdGroupPairs=[{'GroupId': plane}])
admit(node, 'udp', 53, 53, UserIdGroupPairs=[{'GroupId': node}])
admit(node, 'tcp', 22, 22, PrefixListIds=[{'PrefixListId': office}])
admit(endpoint, 'tcp', 443, 443, IpRanges=[{'CidrIp': '10.20.0.0/16'}], Ipv6Ranges=[{'CidrIpv6': '::/0'}])
admit(store, 'tcp', 5432, 5432, IpRanges=[{'CidrIp': '10.20.0.0/16', 'Description': 'the shop'}])
acl = ec2.create_network_acl(VpcId=vpc)['NetworkAcl']['NetworkAclId']
for number, egress, protocol in ((100, False, '-1'), (100, True, '-1')):
    ec2.create_network_acl_entry(NetworkAclId=acl, RuleNumber=number, Egress=egress, Protocol=protocol,
                                 RuleAction='allow', CidrBlock='0.0.0.0/0')
ec2.create_vpc_endpoint(VpcId=vpc, ServiceName='com.amazonaws.eu-west-1.s3', VpcEndpointType='Gateway', RouteTableIds=[inner])
ec2.create_vpc_endpoint(VpcId=vpc, ServiceName='com.amazonaws.eu-west-1.ecr.api', VpcEndpointType='Interface',
                        SubnetIds=private, SecurityGroupIds=[endpoint], PrivateDnsEnabled=True)

# A cluster: nodes with secondary addresses, control-plane interfaces, a node group.
eks.create_cluster(name='shop', version='1.33', roleArn='arn:aws:iam::123456789012:role/eks', resourcesVpcConfig={
    'subnetIds': private, 'securityGroupIds': [plane], 'endpointPublicAccess': True, 'endpointPrivateAccess': True})
eks.create_nodegroup(clusterName='shop', nodegroupName='general', subnets=private,
                     nodeRole='arn:aws:iam::123456789012:role/node', instanceTypes=['m5.large'])
for one in private:
    ec2.create_network_interface(SubnetId=one, Groups=[plane], Description='Amazon EKS shop')
image = ec2.describe_images(Owners=['amazon'])['Images'][0]['ImageId']
nodes = []
for number, one in enumerate(private * 3):
    nodes += [made['InstanceId'] for made in ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, InstanceType='m5.large',
        NetworkInterfaces=[{'DeviceIndex': 0, 'SubnetId': one, 'Groups': [node], 'SecondaryPrivateIpAddressCount': 3}],
        TagSpecifications=tags('instance', Name=f'node {number}'))['Instances']]
for one in nodes:
    ec2.create_tags(Resources=[one], Tags=[{'Key': 'kubernetes.io/cluster/shop', 'Value': 'owned'},
                                           {'Key': 'eks:nodegroup-name', 'Value': 'general'}])
ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=data, SecurityGroupIds=[store])

# A load balancer in front of the nodes.
balancer = elb.create_load_balancer(Name='web', Type='network', Scheme='internal', Subnets=private)['LoadBalancers'][0]['LoadBalancerArn']
target = elb.create_target_group(Name='nodes', Protocol='TCP', Port=30080, VpcId=vpc, TargetType='instance')['TargetGroups'][0]['TargetGroupArn']
elb.create_listener(LoadBalancerArn=balancer, Protocol='TCP', Port=80,
                    DefaultActions=[{'Type': 'forward', 'TargetGroupArn': target}])
elb.register_targets(TargetGroupArn=target, Targets=[{'Id': one, 'Port': 30080} for one in nodes])


def plain(value):
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if key != 'ResponseMetadata'}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, datetime.datetime) else value


def describe(service, client, operation, **arguments):
    name = operation.replace('_', '-')
    key = ''.join('-' + str(value).translate(str.maketrans(':/,', '___')) for _, value in sorted(arguments.items()))
    try:
        if client.can_paginate(operation):
            answer = client.get_paginator(operation).paginate(**arguments).build_full_result()
        else:
            answer = getattr(client, operation)(**arguments)
    except Exception as error:  # what moto does not know, nobody can compare
        print(f'not described: {name}: {error}', file=sys.stderr)
        return {}
    (OUT / f'{service}-{name}{key}.json').write_text(json.dumps(plain(answer)))
    return answer


for operation in '''describe_vpcs describe_subnets describe_route_tables describe_network_acls describe_security_groups
        describe_security_group_rules describe_network_interfaces describe_instances describe_internet_gateways
        describe_egress_only_internet_gateways describe_nat_gateways describe_addresses describe_vpc_peering_connections
        describe_vpc_endpoints describe_prefix_lists describe_transit_gateways describe_transit_gateway_attachments
        describe_transit_gateway_vpc_attachments describe_transit_gateway_peering_attachments
        describe_transit_gateway_route_tables describe_vpn_gateways describe_vpn_connections describe_customer_gateways
        describe_carrier_gateways describe_dhcp_options'''.split():
    describe('ec2', ec2, operation)
for one in describe('ec2', ec2, 'describe_managed_prefix_lists').get('PrefixLists', []):
    describe('ec2', ec2, 'get_managed_prefix_list_entries', PrefixListId=one['PrefixListId'])
for one in ec2.describe_vpcs()['Vpcs']:
    for attribute in ('enableDnsSupport', 'enableDnsHostnames'):
        describe('ec2', ec2, 'describe_vpc_attribute', VpcId=one['VpcId'], Attribute=attribute)
for one in describe('elbv2', elb, 'describe_load_balancers').get('LoadBalancers', []):
    describe('elbv2', elb, 'describe_listeners', LoadBalancerArn=one['LoadBalancerArn'])
    describe('elbv2', elb, 'describe_load_balancer_attributes', LoadBalancerArn=one['LoadBalancerArn'])
for one in describe('elbv2', elb, 'describe_target_groups').get('TargetGroups', []):
    describe('elbv2', elb, 'describe_target_health', TargetGroupArn=one['TargetGroupArn'])
    describe('elbv2', elb, 'describe_target_group_attributes', TargetGroupArn=one['TargetGroupArn'])
describe('eks', eks, 'list_clusters')
describe('eks', eks, 'describe_cluster', name='shop')
describe('eks', eks, 'list_nodegroups', clusterName='shop')
describe('eks', eks, 'describe_nodegroup', clusterName='shop', nodegroupName='general')
