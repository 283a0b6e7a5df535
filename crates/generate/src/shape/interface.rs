//! Network interfaces, instances, trunk associations: the answers that grow with the estate.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::Serialize;
use serde_json::json;

use super::{MADE, Tag, Text};
use crate::files::Files;
use crate::id::Id;
use crate::plan::{ACCOUNT, Plan, REGION};
use crate::walk::{self, Holder, Host, Instance, Interface};

pub(super) fn write(plan: &Plan, files: &mut Files) -> io::Result<usize> {
    let mut count = 0;
    files.list("ec2-describe-network-interfaces", "NetworkInterfaces", |list| {
        walk::hosts(plan, &mut |host| {
            for interface in &host.interfaces {
                count += 1;
                list.push(&Shape::of(plan, host, interface, false))?;
            }
            Ok(())
        })
    })?;
    files.list("ec2-describe-instances", "Reservations", |list| {
        walk::hosts(plan, &mut |host| {
            let Some(instance) = &host.instance else { return Ok(()) };
            list.push(&ReservationShape::of(plan, host, instance))
        })
    })?;
    files.list("ec2-describe-trunk-interface-associations", "InterfaceAssociations", |list| {
        if plan.clusters.len() == 0 {
            return Ok(());
        }
        walk::hosts(plan, &mut |host| {
            for interface in &host.interfaces {
                if let Holder::Trunk(trunk, vlan) = interface.holder {
                    list.push(
                        &json!({"AssociationId": interface.id.with("trunk-assoc"), "BranchInterfaceId": interface.id,
                        "TrunkInterfaceId": trunk, "InterfaceProtocol": "VLAN", "VlanId": vlan, "Tags": []}),
                    )?;
                }
            }
            Ok(())
        })
    })?;
    Ok(count)
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupShape<'p> {
    group_id: Id,
    group_name: &'p str,
}

fn groups<'p>(plan: &'p Plan, interface: &Interface) -> Vec<GroupShape<'p>> {
    let shape = |&group: &usize| GroupShape { group_id: plan.group_id(group), group_name: &plan.groups.at(group).name };
    interface.groups.iter().map(shape).collect()
}

/// `ip-10-0-1-7.eu-west-1.compute.internal`.
#[derive(Debug, Clone, Copy)]
struct DnsName(Ipv4Addr);

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, third, last] = self.0.octets();
        write!(f, "ip-{first}-{second}-{third}-{last}.{REGION}.compute.internal")
    }
}

/// `ec2-52-208-0-7.eu-west-1.compute.amazonaws.com`.
#[derive(Debug, Clone, Copy)]
struct PublicDnsName(Ipv4Addr);

impl fmt::Display for PublicDnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, third, last] = self.0.octets();
        write!(f, "ec2-{first}-{second}-{third}-{last}.{REGION}.compute.amazonaws.com")
    }
}

#[derive(Debug, Clone, Copy)]
struct Mac(u64);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, _, _, rest @ ..] = self.0.to_be_bytes();
        f.write_str("06")?;
        rest.iter().try_for_each(|byte| write!(f, ":{byte:02x}"))
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssociationShape {
    #[serde(skip_serializing_if = "Option::is_none")]
    allocation_id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    association_id: Option<Id>,
    ip_owner_id: &'static str,
    public_dns_name: Text<PublicDnsName>,
    public_ip: Ipv4Addr,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AttachmentShape {
    attach_time: &'static str,
    attachment_id: Id,
    delete_on_termination: bool,
    device_index: usize,
    network_card_index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance_owner_id: Option<&'static str>,
    status: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AddressShape {
    #[serde(skip_serializing_if = "Option::is_none")]
    association: Option<AssociationShape>,
    primary: bool,
    private_dns_name: Text<DnsName>,
    private_ip_address: Ipv4Addr,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AddressV6 {
    ipv6_address: Ipv6Addr,
    is_primary_ipv6: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Prefix {
    ipv4_prefix: Text<ipnet::Ipv4Net>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Operator {
    managed: bool,
}

/// An interface, as its own call gives it, or within an instance.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Shape<'p> {
    #[serde(skip_serializing_if = "Option::is_none")]
    association: Option<AssociationShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attachment: Option<AttachmentShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    availability_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    availability_zone_id: Option<String>,
    description: &'p str,
    groups: Vec<GroupShape<'p>>,
    interface_type: &'static str,
    ipv6_addresses: Vec<AddressV6>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ipv4_prefixes: Vec<Prefix>,
    mac_address: Text<Mac>,
    network_interface_id: Id,
    owner_id: &'static str,
    private_dns_name: Text<DnsName>,
    private_ip_address: Ipv4Addr,
    private_ip_addresses: Vec<AddressShape>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requester_id: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requester_managed: Option<bool>,
    source_dest_check: bool,
    status: &'static str,
    subnet_id: Id,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag_set: Option<Vec<Tag<'p>>>,
    vpc_id: Id,
    operator: Operator,
}

impl<'p> Shape<'p> {
    /// `within`: as part of the instance's answer, which tells less.
    fn of(plan: &'p Plan, host: &Host, interface: &'p Interface, within: bool) -> Self {
        let place = plan.places.subnets.at(interface.subnet);
        let association = interface.public.map(|public| AssociationShape {
            allocation_id: public.allocation.filter(|_| !within),
            association_id: public.allocation.filter(|_| !within).map(|id| id.with("eipassoc")),
            ip_owner_id: if public.allocation.is_some() { ACCOUNT } else { "amazon" },
            public_dns_name: Text(PublicDnsName(public.address)),
            public_ip: public.address,
        });
        let secondary = interface.secondary.iter().map(|&address| (address, false));
        let addresses =
            std::iter::once((interface.address, true)).chain(secondary).map(|(address, primary)| AddressShape {
                association: association.filter(|_| primary),
                primary,
                private_dns_name: Text(DnsName(address)),
                private_ip_address: address,
            });
        let (owner, requester) = match interface.holder {
            Holder::Instance(_) => (ACCOUNT, None),
            Holder::Nat(..) | Holder::Endpoint(..) => ("amazon-aws", Some("777788889999")),
            Holder::Service(owner) => (owner, Some(owner)),
            Holder::Trunk(..) => (ACCOUNT, Some("AROAEXAMPLEVPCRESOURCE:eks-vpc-resource-controller")),
        };
        let device = if let Holder::Instance(device) = interface.holder { Some(device) } else { None };
        let attachment = (!matches!(interface.holder, Holder::Trunk(..))).then(|| AttachmentShape {
            attach_time: MADE,
            attachment_id: interface.id.with(if device.is_some() { "eni-attach" } else { "ela-attach" }),
            delete_on_termination: device.is_some(),
            device_index: device.unwrap_or(1),
            network_card_index: 0,
            instance_id: host.instance.as_ref().filter(|_| device.is_some() && !within).map(|instance| instance.id),
            instance_owner_id: (!within).then_some(owner),
            status: "attached",
        });
        let tags = interface.tags.iter().map(|(key, value)| Tag { key, value });
        Self {
            association,
            attachment,
            availability_zone: (!within).then(|| place.zone_name()),
            availability_zone_id: (!within).then(|| place.zone_id()),
            description: &interface.description,
            groups: groups(plan, interface),
            interface_type: interface.kind,
            ipv6_addresses: interface
                .v6
                .iter()
                .map(|&ipv6_address| AddressV6 { ipv6_address, is_primary_ipv6: false })
                .collect(),
            ipv4_prefixes: interface.prefixes.iter().map(|&net| Prefix { ipv4_prefix: Text(net) }).collect(),
            mac_address: Text(Mac(interface.id.value())),
            network_interface_id: interface.id,
            owner_id: ACCOUNT,
            private_dns_name: Text(DnsName(interface.address)),
            private_ip_address: interface.address,
            private_ip_addresses: addresses.collect(),
            requester_id: requester.filter(|_| !within),
            requester_managed: (!within).then_some(requester.is_some()),
            source_dest_check: !matches!(interface.kind, "nat_gateway" | "transit_gateway"),
            status: "in-use",
            subnet_id: plan.subnet_id(interface.subnet),
            tag_set: (!within).then(|| tags.collect()),
            vpc_id: plan.vpc_id(place.vpc),
            operator: Operator { managed: false },
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ReservationShape<'p> {
    reservation_id: Id,
    owner_id: &'static str,
    groups: [(); 0],
    instances: [InstanceShape<'p>; 1],
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    code: u8,
    name: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Placement {
    availability_zone_id: String,
    group_name: &'static str,
    tenancy: &'static str,
    availability_zone: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct InstanceShape<'p> {
    architecture: &'static str,
    client_token: &'static str,
    ebs_optimized: bool,
    ena_support: bool,
    hypervisor: &'static str,
    network_interfaces: Vec<Shape<'p>>,
    root_device_name: &'static str,
    root_device_type: &'static str,
    security_groups: Vec<GroupShape<'p>>,
    source_dest_check: bool,
    tags: Vec<Tag<'p>>,
    virtualization_type: &'static str,
    platform_details: &'static str,
    instance_id: Id,
    image_id: &'static str,
    state: State,
    private_dns_name: Text<DnsName>,
    public_dns_name: String,
    ami_launch_index: u8,
    instance_type: &'static str,
    launch_time: &'static str,
    placement: Placement,
    subnet_id: Id,
    vpc_id: Id,
    private_ip_address: Ipv4Addr,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_ip_address: Option<Ipv4Addr>,
}

impl<'p> ReservationShape<'p> {
    fn of(plan: &'p Plan, host: &'p Host, instance: &'p Instance) -> Self {
        let own = host.interfaces.iter().filter(|interface| matches!(interface.holder, Holder::Instance(_)));
        let Some(primary) = host.interfaces.first() else { unreachable!("an instance has an interface") };
        let place = plan.places.subnets.at(primary.subnet);
        let public = primary.public.map(|public| public.address);
        let shape = InstanceShape {
            architecture: "x86_64",
            client_token: "",
            ebs_optimized: true,
            ena_support: true,
            hypervisor: "xen",
            network_interfaces: own.map(|interface| Shape::of(plan, host, interface, true)).collect(),
            root_device_name: "/dev/xvda",
            root_device_type: "ebs",
            security_groups: groups(plan, primary),
            source_dest_check: true,
            tags: instance.tags.iter().map(|(key, value)| Tag { key, value }).collect(),
            virtualization_type: "hvm",
            platform_details: "Linux/UNIX",
            instance_id: instance.id,
            image_id: "ami-0123456789abcdef0",
            state: State { code: 16, name: "running" },
            private_dns_name: Text(DnsName(primary.address)),
            public_dns_name: public.map(|address| PublicDnsName(address).to_string()).unwrap_or_default(),
            ami_launch_index: 0,
            instance_type: instance.kind,
            launch_time: MADE,
            placement: Placement {
                availability_zone_id: place.zone_id(),
                group_name: "",
                tenancy: "default",
                availability_zone: place.zone_name(),
            },
            subnet_id: plan.subnet_id(primary.subnet),
            vpc_id: plan.vpc_id(place.vpc),
            private_ip_address: primary.address,
            public_ip_address: public,
        };
        Self { reservation_id: instance.id.with("r"), owner_id: ACCOUNT, groups: [], instances: [shape] }
    }
}
