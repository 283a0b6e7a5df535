//! The interfaces of a plan, host by host. Every file that speaks of interfaces walks anew; nothing is kept.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::Ipv4Net;

use crate::combine::five;
use crate::id::Id;
use crate::plan::cluster::{BRANCHES, SECONDARY};
use crate::plan::group::common;
use crate::plan::place::SMALL_VPC_HOSTS;
use crate::plan::{Cluster, Kind, Mode, NodeGroup, Plan, Service, Tier, ZONES};
use crate::random::scatter;

/// One network interface.
#[derive(Debug)]
pub(crate) struct Interface {
    pub(crate) id: Id,
    /// `interface`, `nat_gateway`, …
    pub(crate) kind: &'static str,
    pub(crate) description: String,
    pub(crate) subnet: usize,
    pub(crate) address: Ipv4Addr,
    pub(crate) secondary: Vec<Ipv4Addr>,
    pub(crate) prefixes: Vec<Ipv4Net>,
    pub(crate) v6: Option<Ipv6Addr>,
    pub(crate) public: Option<Public>,
    pub(crate) groups: Vec<usize>,
    pub(crate) holder: Holder,
    pub(crate) tags: Vec<(&'static str, String)>,
}

/// A public address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Public {
    pub(crate) address: Ipv4Addr,
    /// That of an Elastic IP address.
    pub(crate) allocation: Option<Id>,
}

/// What an interface is attached to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// The host's instance, as this device.
    Instance(usize),
    /// An AWS service in this account.
    Service(&'static str),
    /// A trunk interface, with this VLAN.
    Trunk(Id, usize),
    /// The NAT gateway of a VPC and zone.
    Nat(usize, usize),
    /// The interface endpoint of a VPC with this number.
    Endpoint(usize, usize),
}

/// An EC2 instance.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(crate) id: Id,
    pub(crate) kind: &'static str,
    pub(crate) tags: Vec<(String, String)>,
}

/// An instance with its interfaces and the branches behind them, or an interface of a service.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) instance: Option<Instance>,
    pub(crate) interfaces: Vec<Interface>,
}

/// Something that is told of every host.
type Visit<'v> = &'v mut dyn FnMut(&Host) -> io::Result<()>;

/// Tells `visit` of every host, always in the same order and with the same addresses.
pub(crate) fn hosts(plan: &Plan, visit: Visit<'_>) -> io::Result<()> {
    let mut walk = Walk::new(plan);
    walk.fixed(visit)?;
    for cluster in plan.clusters.iter() {
        walk.cluster(cluster, visit)?;
    }
    for (number, service) in plan.services.iter().enumerate() {
        walk.service(number, service, visit)?;
    }
    Ok(())
}

/// The interfaces of gateways and endpoints.
pub(crate) fn fixed(plan: &Plan) -> Vec<Interface> {
    let mut interfaces = Vec::new();
    let mut walk = Walk::new(plan);
    // The closure never fails, so neither does this.
    let _ = walk.gateways(&mut |interface| {
        interfaces.push(interface);
        Ok(())
    });
    interfaces
}

struct Walk<'p> {
    plan: &'p Plan,
    /// The next free address of each subnet, counted from its first.
    addresses: Vec<u32>,
    /// Prefixes handed out of each subnet, from its end.
    prefixes: Vec<u32>,
    interfaces: usize,
    instances: usize,
    publics: u32,
    /// Service interfaces of each main VPC so far.
    ordinals: Vec<usize>,
}

impl<'p> Walk<'p> {
    fn new(plan: &'p Plan) -> Self {
        let subnets = plan.places.subnets.len();
        Self {
            plan,
            // The first four addresses of a subnet are AWS's.
            addresses: vec![4; subnets],
            prefixes: vec![1; subnets],
            interfaces: 0,
            instances: 0,
            publics: 0,
            ordinals: vec![0; plan.mains()],
        }
    }

    fn address(&mut self, subnet: usize) -> Ipv4Addr {
        let next = self.addresses.get_mut(subnet).map_or(0, |next| {
            *next += 1;
            *next - 1
        });
        (u32::from(self.plan.places.subnets.at(subnet).net.network()) + next).into()
    }

    fn addresses(&mut self, subnet: usize, count: usize) -> Vec<Ipv4Addr> {
        (0..count).map(|_| self.address(subnet)).collect()
    }

    /// A /28 from the end of a subnet; the last one of all is not AWS's to give.
    fn prefix(&mut self, subnet: usize) -> Ipv4Net {
        let taken = self.prefixes.get_mut(subnet).map_or(0, |taken| {
            *taken += 1;
            *taken
        });
        let end = u32::from(self.plan.places.subnets.at(subnet).net.broadcast());
        crate::plan::net((end - (taken * 16 - 1)).into(), 28)
    }

    fn public(&mut self, allocation: Option<Id>) -> Public {
        self.publics += 1;
        // Of what Amazon announces in this Region.
        Public { address: (0x34d0_0000 + self.publics).into(), allocation }
    }

    fn interface(&mut self, subnet: usize, description: String, groups: &[usize], holder: Holder) -> Interface {
        let id = self.plan.ids.of("eni", self.interfaces);
        self.interfaces += 1;
        Interface {
            id,
            kind: "interface",
            description,
            subnet,
            address: self.address(subnet),
            secondary: Vec::new(),
            prefixes: Vec::new(),
            v6: None,
            public: None,
            groups: groups.to_vec(),
            holder,
            tags: Vec::new(),
        }
    }

    fn instance(&mut self, kind: &'static str, tags: Vec<(String, String)>) -> Instance {
        let id = self.plan.ids.of("i", self.instances);
        self.instances += 1;
        Instance { id, kind, tags }
    }

    fn gateways(&mut self, visit: &mut dyn FnMut(Interface) -> io::Result<()>) -> io::Result<()> {
        let plan = self.plan;
        for vpc in 0..plan.mains() {
            for zone in 0..ZONES.len() {
                let subnet = plan.places.find(vpc, Tier::Public, 0, zone);
                let nat = plan.nat_id(vpc, zone);
                let mut interface =
                    self.interface(subnet, format!("Interface for NAT Gateway {nat}"), &[], Holder::Nat(vpc, zone));
                interface.kind = "nat_gateway";
                interface.public = Some(self.public(Some(nat.with("eipalloc"))));
                visit(interface)?;
                let subnet = plan.places.find(vpc, Tier::App, 0, zone);
                for number in 0..plan.endpoints.len() {
                    let description = format!("VPC Endpoint Interface {}", plan.endpoint_id(vpc, number));
                    let groups = [common(vpc).endpoints];
                    let mut interface = self.interface(subnet, description, &groups, Holder::Endpoint(vpc, number));
                    interface.kind = "vpc_endpoint";
                    visit(interface)?;
                }
                visit(self.transit(vpc, plan.places.find(vpc, Tier::Transit, 0, zone)))?;
            }
        }
        let premises = plan.premises();
        visit(self.transit(premises, plan.places.find(premises, Tier::Hosts, 0, 0)))
    }

    fn transit(&mut self, vpc: usize, subnet: usize) -> Interface {
        let attachment = self.plan.attachment_id(vpc);
        let description = format!("Network Interface for Transit Gateway Attachment {attachment}");
        let mut interface = self.interface(subnet, description, &[], Holder::Service("amazon-aws"));
        interface.kind = "transit_gateway";
        interface
    }

    fn fixed(&mut self, visit: Visit<'_>) -> io::Result<()> {
        self.gateways(&mut |interface| visit(&Host { instance: None, interfaces: vec![interface] }))?;
        let plan = self.plan;
        for (vpc, names) in [(plan.shared(), ["ldap-1", "ldap-2"]), (plan.premises(), ["mainframe-1", "backup-1"])] {
            for (zone, name) in names.iter().enumerate().take(SMALL_VPC_HOSTS) {
                let instance = self.instance("m6i.large", vec![("Name".to_owned(), (*name).to_owned())]);
                let subnet = plan.places.find(vpc, Tier::Hosts, 0, zone);
                let groups = [common(vpc).bases[0]];
                let interface = self.interface(subnet, String::new(), &groups, Holder::Instance(0));
                visit(&Host { instance: Some(instance), interfaces: vec![interface] })?;
            }
        }
        Ok(())
    }

    fn service(&mut self, number: usize, service: &Service, visit: Visit<'_>) -> io::Result<()> {
        let plan = self.plan;
        for ordinal in 0..service.size {
            let subnet = if plan.settings.scattered {
                plan.places.spread(service.vpc, number + ordinal)
            } else {
                plan.places.find(service.vpc, service.tier, service.set, ordinal % ZONES.len())
            };
            let noise = scatter((self.interfaces as u64) ^ plan.ids.of("noise", 0).value());
            let groups = self.groups(service, noise);
            let (holder, description) = held(service, noise);
            let mut interface = self.interface(subnet, description, &groups, holder);
            if service.kind == Kind::Functions {
                interface.kind = "lambda";
            }
            let place = plan.places.subnets.at(subnet);
            if let (true, Some(net)) = (service.dual, place.v6) {
                interface.v6 = Some((u128::from(net.network()) | u128::from(scatter(noise) >> 1)).into());
            }
            let facing = service.kind == Kind::Balancer || noise.is_multiple_of(2);
            if service.tier == Tier::Public && place.tier == Tier::Public && facing {
                interface.public = Some(self.public(None));
            }
            let instance = (service.kind == Kind::Instances).then(|| {
                let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
                let name = format!("{}-{ordinal}", service.name);
                let tags = vec![tag("Name", &name), tag("service", &service.name), tag("tier", service.tier.as_str())];
                self.instance("m6i.large", tags)
            });
            visit(&Host { instance, interfaces: vec![interface] })?;
        }
        Ok(())
    }

    fn groups(&mut self, service: &Service, noise: u64) -> Vec<usize> {
        let plan = self.plan;
        if plan.draws() {
            let ordinal = self.ordinals.get_mut(service.vpc).map_or(0, |next| {
                *next += 1;
                *next - 1
            });
            let pool = plan.pools.at(service.vpc);
            return five(pool.len(), ordinal).into_iter().filter_map(|position| pool.get(position).copied()).collect();
        }
        let mut groups = service.groups.clone();
        // One in twenty-four has one more.
        if (noise >> 20).is_multiple_of(24) {
            let extras = service.extras.len().max(1) as u64;
            let extra = usize::try_from((noise >> 32) % extras).unwrap_or(0);
            groups.extend(service.extras.get(extra));
        }
        groups
    }

    fn cluster(&mut self, cluster: &Cluster, visit: Visit<'_>) -> io::Result<()> {
        let plan = self.plan;
        for plane in 0..cluster.planes {
            let subnet = plan.places.find(cluster.vpc, Tier::App, cluster.set, plane % ZONES.len());
            let description = format!("Amazon EKS {}", cluster.name);
            let holder = Holder::Service("444455556666");
            let interface = self.interface(subnet, description, &cluster.groups.planes, holder);
            visit(&Host { instance: None, interfaces: vec![interface] })?;
        }
        for group in &cluster.node_groups {
            for ordinal in 0..group.nodes {
                let host = self.node(cluster, group, ordinal);
                visit(&host)?;
            }
        }
        Ok(())
    }

    fn node(&mut self, cluster: &Cluster, group: &NodeGroup, ordinal: usize) -> Host {
        let plan = self.plan;
        let zone = ordinal % ZONES.len();
        let subnet = plan.places.find(cluster.vpc, Tier::App, cluster.set, zone);
        let name = &cluster.name;
        let tags = [
            ("Name".to_owned(), format!("{name}-{}-{ordinal}", group.name)),
            ("eks:cluster-name".to_owned(), name.clone()),
            ("eks:nodegroup-name".to_owned(), group.name.to_owned()),
            (format!("kubernetes.io/cluster/{name}"), "owned".to_owned()),
            ("aws:autoscaling:groupName".to_owned(), scaling_group(plan, cluster, group)),
        ];
        let instance = self.instance(group.mode.instance_type(), tags.to_vec());
        let of_cni = [
            ("cluster.k8s.amazonaws.com/name", name.clone()),
            ("node.k8s.amazonaws.com/instance_id", instance.id.to_string()),
        ];
        let nodes = &cluster.groups.nodes;
        let mut primary = self.interface(subnet, String::new(), nodes, Holder::Instance(0));
        let mut interfaces = Vec::with_capacity(group.mode.interfaces());
        match group.mode {
            Mode::Prefixes => {
                let set = ordinal / ZONES.len() % plan.places.pod_sets.max(1);
                let pods = plan.places.find(cluster.vpc, Tier::Pods, set, zone);
                let mut second = self.interface(pods, format!("aws-K8S-{}", instance.id), nodes, Holder::Instance(1));
                second.prefixes = (0..plan.places.prefixes).map(|_| self.prefix(pods)).collect();
                second.tags = of_cni.to_vec();
                interfaces.extend([primary, second]);
            }
            Mode::Secondary => {
                primary.secondary = self.addresses(subnet, SECONDARY);
                let mut second = self.interface(subnet, format!("aws-K8S-{}", instance.id), nodes, Holder::Instance(1));
                second.secondary = self.addresses(subnet, SECONDARY);
                second.tags = of_cni.to_vec();
                interfaces.extend([primary, second]);
            }
            Mode::Branches => {
                let mut trunk = self.interface(subnet, "aws-k8s-trunk-eni".to_owned(), nodes, Holder::Instance(1));
                trunk.kind = "trunk";
                trunk.tags = of_cni.to_vec();
                let of_trunk = trunk.id;
                interfaces.extend([primary, trunk]);
                for vlan in 1..=BRANCHES {
                    let holder = Holder::Trunk(of_trunk, vlan);
                    let groups = &cluster.groups.pods;
                    let mut branch = self.interface(subnet, "aws-k8s-branch-eni".to_owned(), groups, holder);
                    branch.kind = "branch";
                    branch.tags = vec![
                        ("vpcresources.k8s.aws/trunk-eni-id", of_trunk.to_string()),
                        ("vpcresources.k8s.aws/vlan-id", vlan.to_string()),
                        ("eks:eni:owner", "eks-vpc-resource-controller".to_owned()),
                        ("eks:cluster-name", name.clone()),
                    ];
                    interfaces.push(branch);
                }
            }
        }
        Host { instance: Some(instance), interfaces }
    }
}

/// Who holds an interface of a service, and how AWS describes it.
fn held(service: &Service, noise: u64) -> (Holder, String) {
    let name = &service.name;
    match service.kind {
        Kind::Instances => (Holder::Instance(0), String::new()),
        Kind::Balancer => {
            let description = format!("ELB app/{name}/{:016x}", balancer_hash(name));
            (Holder::Service("amazon-elb"), description)
        }
        Kind::Databases => (Holder::Service("amazon-rds"), "RDSNetworkInterface".to_owned()),
        Kind::Functions => {
            (Holder::Service("amazon-aws"), format!("AWS Lambda VPC ENI-{name}-{:08x}", noise & 0xffff_ffff))
        }
    }
}

/// The digits at the end of a load balancer's ARN.
pub(crate) fn balancer_hash(name: &str) -> u64 {
    name.bytes().fold(0, |hash, byte| scatter(hash ^ u64::from(byte)))
}

/// The name of a node group's Auto Scaling group.
pub(crate) fn scaling_group(plan: &Plan, cluster: &Cluster, group: &NodeGroup) -> String {
    let digits = scatter(plan.group_id(cluster.groups.cluster).value());
    format!("eks-{}-{digits:016x}", group.name)
}
