#!/usr/bin/env python3
"""Writes ec2.txt and elbv2.txt: the shapes of the answers that `reach fetch` reads, from botocore's service models.

usage: make.py [--check]    (needs `pip install botocore`; --check compares and changes nothing)

Each file: `Operation -> Shape` lines, then shapes. A shape is its name on a line, then `  Name wire type` lines: the
member's name in the JSON that the AWS CLI prints, its element's name on the wire, and its type: `s` string, `n` number,
`b` boolean, `m` map of strings, `[t]` list of t, else the name of a shape."""
import pathlib, sys
import botocore.session

HERE = pathlib.Path(__file__).parent
OPERATIONS = {
    'ec2': '''DescribeAddresses DescribeCarrierGateways DescribeCustomerGateways DescribeDhcpOptions
        DescribeEgressOnlyInternetGateways DescribeInstanceConnectEndpoints DescribeInstanceTypes DescribeInstances
        DescribeInternetGateways DescribeLaunchTemplateVersions DescribeLocalGateways DescribeManagedPrefixLists
        DescribeNatGateways DescribeNetworkAcls DescribeNetworkInterfaces DescribePrefixLists DescribeRouteTables
        DescribeSecurityGroupReferences DescribeSecurityGroupRules DescribeSecurityGroupVpcAssociations
        DescribeSecurityGroups DescribeStaleSecurityGroups DescribeSubnets DescribeTransitGatewayAttachments
        DescribeTransitGatewayPeeringAttachments DescribeTransitGatewayRouteTables DescribeTransitGatewayVpcAttachments
        DescribeTransitGateways DescribeTrunkInterfaceAssociations DescribeVpcAttribute
        DescribeVpcBlockPublicAccessExclusions DescribeVpcBlockPublicAccessOptions DescribeVpcEndpoints
        DescribeVpcPeeringConnections DescribeVpcs DescribeVpnConnections DescribeVpnGateways
        GetManagedPrefixListEntries GetSecurityGroupsForVpc GetTransitGatewayRouteTableAssociations
        GetTransitGatewayRouteTablePropagations SearchTransitGatewayRoutes''',
    'elbv2': '''DescribeListeners DescribeLoadBalancerAttributes DescribeLoadBalancers DescribeRules
        DescribeTargetGroupAttributes DescribeTargetGroups DescribeTargetHealth''',
}
SCALARS = {'string': 's', 'timestamp': 's', 'blob': 's', 'boolean': 'b', 'integer': 'n', 'long': 'n', 'float': 'n', 'double': 'n', 'map': 'm'}


def kind(shape, shapes):
    if shape.type_name == 'structure':
        if shape.name not in shapes:
            shapes[shape.name] = lines = []
            for name, member in shape.members.items():
                lines.append(f"  {name} {member.serialization.get('name', name)} {kind(member, shapes)}")
        return shape.name
    if shape.type_name == 'list':
        return f'[{kind(shape.member, shapes)}]'
    return SCALARS[shape.type_name]


def text(service):
    model = botocore.session.get_session().get_service_model(service)
    shapes, heads = {}, []
    for name in OPERATIONS[service].split():
        heads.append(f'{name} -> {kind(model.operation_model(name).output_shape, shapes)}')
    body = [line for name in sorted(shapes) for line in [name, *shapes[name]]]
    return '\n'.join([f'# Shapes of answers, {service} {model.api_version}; made by make.py.', *heads, *body]) + '\n'


changed = False
for service in OPERATIONS:
    path, made = HERE / f'{service}.txt', text(service)
    if not path.exists() or path.read_text() != made:
        changed = True
        if '--check' not in sys.argv:
            path.write_text(made)
if '--check' in sys.argv and changed:
    sys.exit('the shapes differ from those of the installed botocore')
