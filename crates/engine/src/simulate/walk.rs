//! The walk of a packet: out of a host, through its subnet, along a route, into another host (M-5, M-6).

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use reach_model::Call;
use reach_model::network::{
    Direction, EndpointKind, Idx, InterfaceKind, Network, NetworkInterface, Ref, Subnet, Vpc, VpcEndpoint,
};
use reach_packets::{Family, Flow, Protocol, Transport};

use super::route::{is_link_local, is_private};
use super::{Choices, End, Responder, Session, Start, Target, Trace, Translation};
use crate::host::{self, Colocation, Liveness};
use crate::reason::{Assumption, Code, Leg, Outcome, Reason, SaidOf, Site, Stage, Step};

/// A packet under way.
#[derive(Debug, Clone)]
pub(super) struct Packet {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) protocol: Protocol,
    pub(super) transport: Transport,
    /// The interface that sent it, where that one is in the snapshot (M-7).
    pub(super) sender: Option<Idx<NetworkInterface>>,
    pub(super) identity: Identity,
    pub(super) crossing: Crossing,
    /// The sender lies in a network that AWS routes to but the snapshot does not hold.
    pub(super) unseen_sender: bool,
    /// The source address is a client's that the snapshot does not hold (SG-34 with client address preservation).
    pub(super) source_hidden: bool,
}

/// Whether the sender's security groups still stand behind the packet (M-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    Intact,
    Lost,
}

/// The border between VPCs that the packet crossed (SG-19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Crossing {
    None,
    Peering {
        same_region: bool,
    },
    /// `None`: whether references work is not in the snapshot.
    Transit {
        referencing: Option<bool>,
    },
}

/// No real path has this many route decisions; a loop does (RT-7).
const MAX_HOPS: u8 = 32;

/// The state of a walk.
pub(super) struct Walk<'n> {
    pub(super) network: &'n Network,
    pub(super) leg: Leg,
    pub(super) packet: Packet,
    pub(super) steps: Vec<Step>,
    pub(super) choices: &'n mut Choices,
    /// The interface that is meant by the question.
    pub(super) expected: Option<Idx<NetworkInterface>>,
    pub(super) admission: Option<&'n [IpNet]>,
    /// For a reply: the client's port, which a NAT gateway puts back.
    pub(super) client_transport: Transport,
    /// See [`Trace::unseen`].
    pub(super) unseen: Option<Idx<NetworkInterface>>,
    hops: u8,
}

/// Sends a first packet.
pub(super) fn forward<'n>(
    network: &'n Network,
    start: Start,
    target: Target<'n>,
    protocol: Protocol,
    transport: Transport,
    choices: &'n mut Choices,
) -> (Trace, Session) {
    let packet = Packet {
        source: start.address(),
        destination: target.address,
        protocol,
        transport,
        sender: None,
        identity: Identity::Intact,
        crossing: Crossing::None,
        unseen_sender: false,
        source_hidden: false,
    };
    let mut session = Session {
        start,
        protocol,
        asked: target.address,
        responder: Responder::Nobody,
        seen: (start.address(), target.address),
        translations: Vec::new(),
        nat_over_peering: None,
        edge_redirected: false,
        auto_tracked: false,
        maybe_auto_tracked: false,
        source_tracking: None,
        destination_tracking: None,
        assumptions: Vec::new(),
    };
    let mut walk = Walk {
        network,
        leg: Leg::Forward,
        packet,
        steps: Vec::with_capacity(12),
        choices,
        expected: target.interface,
        admission: target.admission,
        client_transport: transport,
        unseen: None,
        hops: 0,
    };
    let end = match start {
        Start::Interface(interface, _) => walk.start(interface, &mut session),
        Start::Outside(_) if is_private(start.address()) => walk.enter_from_outside_network(&mut session),
        Start::Outside(_) => walk.enter_from_internet(&mut session),
    };
    session.seen = (walk.packet.source, walk.packet.destination);
    walk.judge_tracking(&mut session);
    let unseen = walk.unseen;
    (Trace { steps: walk.steps, end, unseen }, session)
}

/// Sends the reply of a flow.
pub(super) fn reply<'n>(
    network: &'n Network,
    session: &Session,
    transport: Transport,
    pool_port: Option<u16>,
    choices: &'n mut Choices,
) -> Trace {
    let beyond = match (transport, pool_port) {
        (Transport::Ports { source, .. }, Some(port)) => Transport::Ports { source, destination: port },
        _ => transport,
    };
    let rewrites = session.rewrites_port();
    let packet = Packet {
        source: session.seen.1,
        destination: session.seen.0,
        protocol: session.protocol,
        transport: if rewrites { beyond } else { transport },
        sender: None,
        identity: Identity::Intact,
        crossing: Crossing::None,
        unseen_sender: false,
        source_hidden: false,
    };
    let mut session = session.clone();
    let mut walk = Walk {
        network,
        leg: Leg::Return,
        packet,
        steps: Vec::with_capacity(12),
        choices,
        expected: None,
        admission: None,
        client_transport: transport,
        unseen: None,
        hops: 0,
    };
    let end = match session.responder {
        Responder::Unfiltered => {
            let site = match session.start {
                Start::Interface(idx, _) => Site::Interface(idx),
                Start::Outside(_) => Site::Internet,
            };
            walk.passed(site, Stage::Deliver);
            End::Delivered
        }
        Responder::Interface(interface) => walk.leave(interface, &mut session),
        Responder::Internet { egress_only } => walk.reply_from_internet(egress_only, &mut session),
        Responder::GatewayEndpoint(vpc) => walk.deliver_in_vpc(vpc, None, &mut session),
        Responder::Nobody => End::Opaque,
    };
    Trace { steps: walk.steps, end, unseen: None }
}

impl Walk<'_> {
    /// A reason at `site` in this leg.
    pub(super) fn reason(
        &self,
        code: Code,
        direction: Option<Direction>,
        site: Site,
        semantics: &'static str,
    ) -> Reason {
        let packet = Flow {
            source: self.packet.source,
            destination: self.packet.destination,
            protocol: self.packet.protocol,
            transport: self.packet.transport,
        };
        Reason {
            leg: self.leg,
            code,
            direction,
            site,
            rule: None,
            semantics,
            note: None,
            call: None,
            packet: SaidOf(Some(packet)),
        }
    }

    pub(super) fn passed(&mut self, site: Site, stage: Stage) {
        self.steps.push(Step { site, stage, outcome: Outcome::Allowed, rule: None, rewritten: None });
    }

    pub(super) fn blocked(&mut self, site: Site, stage: Stage, code: Code, semantics: &'static str) {
        let outcome = Outcome::Blocked(self.reason(code, None, site.clone(), semantics));
        self.steps.push(Step { site, stage, outcome, rule: None, rewritten: None });
    }

    /// Ends the walk with a denial.
    pub(super) fn stop(&mut self, site: Site, stage: Stage, code: Code, semantics: &'static str) -> End {
        self.blocked(site, stage, code, semantics);
        End::Stopped
    }

    pub(super) fn unknown(
        &mut self,
        site: Site,
        stage: Stage,
        code: Code,
        semantics: &'static str,
        note: Option<String>,
        call: Option<Call>,
    ) {
        let reason = self.reason(code, None, site.clone(), semantics);
        let outcome = Outcome::Unknown(Reason { note: note.map(Into::into), call, ..reason });
        self.steps.push(Step { site, stage, outcome, rule: None, rewritten: None });
    }

    /// Ends the walk where nobody can see: what is left to judge is whether the destination would refuse anything that
    /// could possibly come.
    pub(super) fn opaque(
        &mut self,
        site: Site,
        stage: Stage,
        code: Code,
        semantics: &'static str,
        note: Option<String>,
        call: Option<Call>,
    ) -> End {
        self.unknown(site, stage, code, semantics, note, call);
        if let (Leg::Forward, Some(expected)) = (self.leg, self.expected) {
            self.security_groups_of_unseen_sender(expected);
        }
        End::Opaque
    }

    /// A rewrite of source or destination.
    pub(super) fn rewrite(&mut self, site: Site, stage: Stage) {
        let rewritten = Some((self.packet.source, self.packet.destination));
        self.steps.push(Step { site, stage, outcome: Outcome::Allowed, rule: None, rewritten });
    }

    pub(super) fn hop(&mut self) -> bool {
        self.hops += 1;
        self.hops <= MAX_HOPS
    }

    /// The first packet inside its host: local delivery, the CNI's translation, then the interface.
    fn start(&mut self, interface: Idx<NetworkInterface>, session: &mut Session) -> End {
        let sender = self.network.interfaces.get(interface);
        if let Some(end) = self.stays_on_host(interface, session) {
            return end;
        }
        let leaves_by = self.cni_translation(interface, session);
        self.packet.sender = Some(leaves_by);
        let site = Site::Interface(leaves_by);
        match host::liveness(self.network, sender) {
            Liveness::Live => {}
            Liveness::Dead => self.blocked(site.clone(), Stage::Deliver, Code::BadState, "API-4"),
            Liveness::Unknown(call) => {
                self.unknown(site.clone(), Stage::Deliver, Code::NotCollected, "API-4", None, Some(call));
            }
        }
        match sender.kind {
            // PL-2: connections go from client to endpoint only.
            InterfaceKind::VpcEndpoint => self.blocked(site, Stage::Endpoint, Code::VpceIntraVpcTraffic, "PL-2"),
            // RT-24, RT-42: translators and gateways start nothing themselves.
            InterfaceKind::NatGateway | InterfaceKind::TransitGateway => {
                self.blocked(site, Stage::Deliver, Code::ProtocolRestriction, "RT-25a");
            }
            InterfaceKind::GatewayLoadBalancerEndpoint | InterfaceKind::GatewayLoadBalancer => {
                self.unknown(site, Stage::Endpoint, Code::UnsupportedComponent, "RT-48", None, None);
            }
            InterfaceKind::InstanceConnectEndpoint => {
                let preserves = self.network.instance_connect_endpoints.iter();
                let preserves = preserves.filter(|e| e.interfaces.contains(&sender.id)).any(|e| e.preserve_client_ip);
                // SG-34: with client address preservation the target sees a client that is not in the snapshot.
                self.packet.source_hidden = preserves;
            }
            InterfaceKind::Lambda => session.auto_tracked = true,
            _ => {}
        }
        // SG-27, outbound: the source must be one of the interface's own addresses.
        let leaves = self.network.interfaces.get(leaves_by);
        if leaves.source_dest_check && !leaves.owns(self.packet.source) && !self.packet.source_hidden {
            let site = Site::Interface(leaves_by);
            self.blocked(site, Stage::SourceDestCheck, Code::EniSourceDestCheckRestriction, "SG-27");
        }
        if let Some(end) = self.never_filtered(leaves_by, session) {
            return end;
        }
        if let Some(end) = self.control_plane_egress(leaves_by, session) {
            return end;
        }
        self.port_25(leaves_by, session);
        self.leave(leaves_by, session)
    }

    /// SG-30, EK-36, EK-47: what the host's own kernel delivers never reaches an interface.
    fn stays_on_host(&mut self, from: Idx<NetworkInterface>, session: &mut Session) -> Option<End> {
        let sender = self.network.interfaces.get(from);
        // SG-24: the EKS Pod Identity agent is a process of the node's own, never on the wire.
        let agent = match self.packet.destination {
            IpAddr::V4(address) => address == Ipv4Addr::new(169, 254, 170, 23),
            IpAddr::V6(address) => address.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23],
        };
        if self.packet.destination.is_loopback() {
            self.passed(Site::Interface(from), Stage::HostLocal);
            session.responder = Responder::Unfiltered;
            return Some(End::Delivered);
        }
        if agent {
            let node = host::host(self.network, sender).and_then(|id| self.network.instances.find(&id))?;
            host::cluster_name(self.network.instances.get(node))?;
            self.passed(Site::Instance(node), Stage::HostLocal);
            session.responder = Responder::Unfiltered;
            return Some(End::Delivered);
        }
        let same_address = self.packet.source == self.packet.destination;
        if !same_address {
            let to = match sender.vpc.as_ref().and_then(Ref::known) {
                Some(vpc) => self.network.addresses.owner(vpc, self.packet.destination)?,
                // Without the VPC's description the interface that is meant is still the destination's owner.
                None => self.expected.filter(|&to| {
                    let to = self.network.interfaces.get(to);
                    to.vpc == sender.vpc && to.owns(self.packet.destination)
                })?,
            };
            let receiver = self.network.interfaces.get(to);
            let together = host::colocation(self.network, sender, receiver);
            if together == Colocation::Apart {
                return None;
            }
            if [sender, receiver].into_iter().any(|interface| interface.kind == InterfaceKind::Branch) {
                let place = host::pod_place(self.network, sender, self.packet.source)
                    .or_else(|| host::pod_place(self.network, receiver, self.packet.destination));
                let settings = place.and_then(|place| place.cluster).map(|cluster| &cluster.cni);
                let standard = settings.and_then(|settings| settings.standard_enforcing);
                if standard.is_none() && !settings.is_some_and(|settings| settings.observed) {
                    session.assumptions.push(Assumption::CniStrict);
                }
                // EK-47: strict mode sends even same-node traffic out through the branch interface.
                if standard != Some(true) {
                    return None;
                }
            }
            if together == Colocation::Unseen {
                // Whether the two share a node decides whether any filter is asked at all.
                let note = Some("which node carries the pod's branch interface".to_owned());
                let call = Some(Call::DescribeTrunkInterfaceAssociations);
                self.unknown(Site::Interface(from), Stage::HostLocal, Code::NotCollected, "EK-47", note, call);
                return Some(End::Opaque);
            }
        }
        let site = sender.instance().and_then(Ref::known).map_or(Site::Interface(from), Site::Instance);
        match host::liveness(self.network, sender) {
            Liveness::Live => {}
            Liveness::Dead => self.blocked(site.clone(), Stage::Deliver, Code::BadState, "API-4"),
            Liveness::Unknown(call) => {
                self.unknown(site.clone(), Stage::Deliver, Code::NotCollected, "API-4", None, Some(call));
            }
        }
        self.passed(site, Stage::HostLocal);
        session.responder = Responder::Unfiltered;
        Some(End::Delivered)
    }

    /// EK-37 to EK-41, EK-44, EK-47: a pod's packet that leaves the VPC's CIDRs gets the node's primary address.
    fn cni_translation(&mut self, from: Idx<NetworkInterface>, session: &mut Session) -> Idx<NetworkInterface> {
        let sender = self.network.interfaces.get(from);
        let Some(place) = host::pod_place(self.network, sender, self.packet.source) else { return from };
        let Some(vpc) = sender.vpc.as_ref().and_then(Ref::known) else { return from };
        let destination = self.packet.destination;
        let crosses_family = Family::of(self.packet.source) != Family::of(destination);
        // EK-40: no translation of IPv6; IPv4 destinations of an IPv6 pod leave by the node's IPv4 address.
        let inside = self.network.vpcs.get(vpc).contains(destination);
        if !destination.is_ipv4() || (inside && !crosses_family) || is_link_local(destination) {
            return from;
        }
        let settings = place.cluster.map(|cluster| cluster.cni.clone()).unwrap_or_default();
        let mut assume = |assumption| {
            if !settings.observed {
                session.assumptions.push(assumption);
            }
        };
        if place.branch {
            if settings.standard_enforcing.is_none() {
                assume(Assumption::CniStrict);
            }
            // EK-47: strict mode never translates.
            if settings.standard_enforcing != Some(true) {
                return from;
            }
        }
        // EK-41: Windows nodes always translate.
        if !place.windows && !crosses_family {
            if settings.external_snat.is_none() {
                assume(Assumption::CniSnat);
            }
            let excluded = settings.exclude_snat_cidrs.iter().flatten().any(|net| net.contains(&destination));
            if settings.external_snat == Some(true) || excluded {
                return from;
            }
        }
        let node_interface = place.node.and_then(|node| host::primary_interface(self.network, node));
        let node_address = node_interface.and_then(|idx| {
            let addresses = &self.network.interfaces.get(idx).addresses;
            addresses.iter().find(|address| address.primary && address.ip.is_ipv4()).map(|address| address.ip)
        });
        let (Some(node_interface), Some(node_address)) = (node_interface, node_address) else {
            let site = Site::Interface(from);
            let note = Some("the node's primary interface".to_owned());
            let call = Some(Call::DescribeNetworkInterfaces);
            self.unknown(site, Stage::CniSnat, Code::UnknownResource, "EK-37", note, call);
            return from;
        };
        session.translations.push(Translation::Cni { node_interface, pod_interface: from, pod: self.packet.source });
        self.packet.source = node_address;
        self.rewrite(Site::Interface(node_interface), Stage::CniSnat);
        node_interface
    }

    /// SG-23, NA-10: destinations that no group, no network ACL and no route stands before.
    fn never_filtered(&mut self, from: Idx<NetworkInterface>, session: &mut Session) -> Option<End> {
        let vpc = self.network.interfaces.get(from).vpc.as_ref().and_then(Ref::known);
        let destination = self.packet.destination;
        let port = match self.packet.transport {
            Transport::Ports { destination, .. } => Some(destination),
            _ => None,
        };
        let resolver = vpc.and_then(|vpc| self.network.vpcs.get(vpc).resolver());
        let is_resolver = match destination {
            IpAddr::V4(address) => Some(address) == resolver || address == Ipv4Addr::new(169, 254, 169, 253),
            IpAddr::V6(address) => address.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x253],
        };
        let site = Site::Interface(from);
        // Which address is the resolver's follows from the VPC's primary CIDR, at least a /28.
        if let (None, None, IpAddr::V4(address)) = (vpc, self.expected, destination)
            && address.octets()[3] % 16 == 2
        {
            let call = Some(Call::DescribeVpcs);
            let note = Some("whether this is the address of the VPC's resolver".to_owned());
            self.unknown(site, Stage::Unfiltered, Code::NotCollected, "SG-23", note, call);
            return Some(End::Opaque);
        }
        if is_resolver {
            match vpc.and_then(|vpc| self.network.vpcs.get(vpc).dns_support) {
                Some(false) => {
                    return Some(self.stop(site, Stage::Unfiltered, Code::NoPossibleDestination, "SG-23"));
                }
                Some(true) => {}
                None => session.assumptions.push(Assumption::DnsSupport),
            }
        }
        let served = is_resolver
            || match destination {
                IpAddr::V4(address) => match address.octets() {
                    // Instance metadata; ECS task metadata.
                    [169, 254, 169, 254] | [169, 254, 170, 2] => true,
                    // Windows licence activation.
                    [169, 254, 169, 250 | 251] => self.packet.protocol == Protocol::TCP && port == Some(1688),
                    // Amazon Time Sync.
                    [169, 254, 169, 123] => self.packet.protocol == Protocol::UDP && port == Some(123),
                    _ => false,
                },
                IpAddr::V6(address) => match address.segments() {
                    [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] => true,
                    [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x250] => {
                        self.packet.protocol == Protocol::TCP && port == Some(1688)
                    }
                    [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x123] => self.packet.protocol == Protocol::UDP && port == Some(123),
                    _ => false,
                },
            };
        if !served {
            return None;
        }
        self.passed(site, Stage::Unfiltered);
        session.responder = Responder::Unfiltered;
        Some(End::Delivered)
    }

    /// EK-13: what the control plane sends to the outside leaves on AWS's side, unless the cluster routes it itself.
    fn control_plane_egress(&mut self, from: Idx<NetworkInterface>, session: &mut Session) -> Option<End> {
        let destination = self.packet.destination;
        if is_private(destination) || !self.network.vpcs_of(destination).is_empty() {
            return None;
        }
        let name = host::control_plane_of(self.network, self.network.interfaces.get(from))?;
        let cluster = self.network.clusters.find(&name).map(|idx| self.network.clusters.get(idx));
        let site = Site::Interface(from);
        match cluster.and_then(|cluster| cluster.egress_mode.as_deref()) {
            Some("CUSTOMER_ROUTED") => return None,
            Some("AWS_MANAGED") => {}
            None => session.assumptions.push(Assumption::ControlPlaneEgress),
            Some(mode) => {
                let note = Some(format!("the control plane's egress mode {mode}"));
                return Some(self.opaque(site, Stage::Deliver, Code::Undocumented, "EK-13", note, None));
            }
        }
        self.passed(site, Stage::Unfiltered);
        session.responder = Responder::Unfiltered;
        Some(End::Delivered)
    }

    /// SG-33: outbound port 25 is blocked unless AWS lifted it, except to private space and the VPC's primary CIDR.
    fn port_25(&mut self, from: Idx<NetworkInterface>, session: &mut Session) {
        let to_25 = matches!(self.packet.transport, Transport::Ports { destination: 25, .. });
        if self.packet.protocol != Protocol::TCP || !to_25 || is_private(self.packet.destination) {
            return;
        }
        let interface = self.network.interfaces.get(from);
        let primary =
            interface.vpc.as_ref().and_then(Ref::known).and_then(|v| self.network.vpcs.get(v).cidrs_v4.first());
        if let (Some(net), IpAddr::V4(address)) = (primary, self.packet.destination)
            && net.contains(&address)
        {
            return;
        }
        if interface.instance().is_none() && interface.kind != InterfaceKind::Branch {
            return;
        }
        session.assumptions.push(Assumption::Port25Blocked);
        self.blocked(Site::Interface(from), Stage::PortRestriction, Code::Ec2Port25Restriction, "SG-33");
    }

    /// Out of an interface: its groups, then its subnet.
    pub(super) fn leave(&mut self, from: Idx<NetworkInterface>, session: &mut Session) -> End {
        match self.leg {
            Leg::Forward => self.security_groups(from, Direction::Egress),
            // CT-2, CT-3: a reply passes by state, or by the rule that makes state unnecessary.
            Leg::Return => self.tracked(from, Stage::SgEgress),
        }
        let interface = self.network.interfaces.get(from);
        let Some(subnet) = interface.subnet.as_ref().and_then(Ref::known) else {
            let site = Site::Interface(from);
            let note = interface.subnet.as_ref().map(|subnet| subnet.id(&self.network.subnets).to_string());
            let call = Some(Call::DescribeSubnets);
            return self.opaque(site, Stage::Route, Code::NotCollected, "RT-1", note, call);
        };
        // RT-4, NA-4: inside a subnet delivery is at layer 2; no network ACL, no route.
        if self.network.subnets.get(subnet).contains(self.packet.destination) {
            return self.arrive(subnet, session);
        }
        self.network_acl(subnet, Direction::Egress, false);
        if let Some(end) = self.return_to_sender(subnet, session) {
            return end;
        }
        self.route(subnet, session)
    }

    /// A gate that a tracked or untracked reply passes without a rule of its own.
    pub(super) fn tracked(&mut self, at: Idx<NetworkInterface>, stage: Stage) {
        if self.network.interfaces.get(at).groups.is_empty() {
            return;
        }
        let site = Site::Interface(at);
        self.steps.push(Step { site, stage, outcome: Outcome::Tracked, rule: None, rewritten: None });
    }

    /// The VPC's own delivery (RT-3): into the subnet that holds the destination, through its network ACL.
    pub(super) fn deliver_in_vpc(&mut self, vpc: Idx<Vpc>, from: Option<Idx<Subnet>>, session: &mut Session) -> End {
        let Some(subnet) = self.network.subnet_of(vpc, self.packet.destination) else {
            let site = Site::Vpc(vpc);
            if self.network.collected_for(Some(vpc), Call::DescribeSubnets) && !self.is_shared_in(vpc) {
                return self.stop(site, Stage::Deliver, Code::NoPossibleDestination, "M-6b");
            }
            let call = Some(Call::DescribeSubnets);
            return self.opaque(site, Stage::Deliver, Code::NotCollected, "M-6b", None, call);
        };
        if from != Some(subnet) {
            self.network_acl(subnet, Direction::Ingress, false);
        }
        self.arrive(subnet, session)
    }

    /// RT-52: in a VPC that another account shares, the snapshot holds only its own interfaces.
    pub(super) fn is_shared_in(&self, vpc: Idx<Vpc>) -> bool {
        let owners = &self.network.account_owners;
        self.network.vpcs.get(vpc).owner.as_ref().is_some_and(|owner| !owners.is_empty() && !owners.contains(owner))
    }

    /// Into the interface that owns the destination address.
    pub(super) fn arrive(&mut self, subnet: Idx<Subnet>, session: &mut Session) -> End {
        let place = self.network.subnets.get(subnet);
        let site = Site::Subnet(subnet);
        let Some(vpc) = place.vpc.as_ref().and_then(Ref::known) else {
            return self.opaque(site, Stage::Deliver, Code::NotCollected, "M-6b", None, Some(Call::DescribeVpcs));
        };
        let Some(owner) = self.network.addresses.owner(vpc, self.packet.destination) else {
            // M-6b: an address that nobody owns is no host, however open the filters are.
            if self.network.every_interface_known(vpc) && !self.is_shared_in(vpc) {
                return self.stop(site, Stage::Deliver, Code::NoPossibleDestination, "M-6b");
            }
            let call = Some(Call::DescribeNetworkInterfaces);
            return self.opaque(site, Stage::Deliver, Code::NotCollected, "M-6b", None, call);
        };
        match self.leg {
            Leg::Forward => self.accept(owner, session),
            Leg::Return => self.take_back(owner, session),
        }
    }

    /// The first packet at the destination's interface.
    fn accept(&mut self, owner: Idx<NetworkInterface>, session: &mut Session) -> End {
        let interface = self.network.interfaces.get(owner);
        let site = Site::Interface(owner);
        match interface.kind {
            // RT-25, RT-25a: what is no reply is dropped, from outside and from inside.
            InterfaceKind::NatGateway => {
                return self.stop(site, Stage::NatGateway, Code::NgwUnsolicited, "RT-25a");
            }
            InterfaceKind::TransitGateway => {
                return self.stop(site, Stage::TransitGateway, Code::NoPossibleDestination, "RT-25a");
            }
            _ => {}
        }
        if self.expected.is_some_and(|expected| expected != owner) {
            // RT-35: with overlapping CIDRs the packet may end in the wrong VPC.
            self.blocked(site.clone(), Stage::Deliver, Code::NoPossibleDestination, "RT-35");
        }
        match host::liveness(self.network, interface) {
            Liveness::Live => {}
            Liveness::Dead => self.blocked(site.clone(), Stage::Deliver, Code::NoPossibleDestination, "M-6b"),
            Liveness::Unknown(call) => {
                self.unknown(site.clone(), Stage::Deliver, Code::NotCollected, "M-6b", None, Some(call));
            }
        }
        self.security_groups(owner, Direction::Ingress);
        session.responder = Responder::Interface(owner);
        match interface.kind {
            kind if kind.is_load_balancer() => {
                session.responder = Responder::Nobody;
                session.auto_tracked |= kind == InterfaceKind::NetworkLoadBalancer;
                let note = Some("a load balancer's back legs".to_owned());
                self.unknown(site, Stage::Deliver, Code::UnsupportedComponent, "LB-1", note, None);
                return End::Opaque;
            }
            InterfaceKind::GatewayLoadBalancerEndpoint => {
                session.responder = Responder::Nobody;
                self.unknown(site, Stage::Endpoint, Code::UnsupportedComponent, "RT-48", None, None);
                return End::Opaque;
            }
            // SG-35: only outbound connections start at a function's interface; nothing connects to it.
            InterfaceKind::Lambda => return self.stop(site, Stage::Deliver, Code::NoPossibleDestination, "SG-35"),
            InterfaceKind::InstanceConnectEndpoint => {
                return self.stop(site, Stage::Deliver, Code::NoPossibleDestination, "SG-34");
            }
            InterfaceKind::VpcEndpoint => {
                // PL-7: behind an endpoint of VPC Lattice a policy decides that the snapshot does not hold.
                let lattice = self.network.endpoints.iter().any(|(_, endpoint)| {
                    endpoint.kind == EndpointKind::Lattice && endpoint.interfaces.contains(&Ref::Known(owner))
                });
                if lattice {
                    session.responder = Responder::Nobody;
                    let note = Some("VPC Lattice".to_owned());
                    self.unknown(site, Stage::Endpoint, Code::UnsupportedComponent, "PL-7", note, None);
                    return End::Opaque;
                }
                // PL-4: flows to an endpoint are tracked whatever the rules say.
                session.auto_tracked = true;
                // PL-7: only an available endpoint answers.
                let is_mine = |e: &VpcEndpoint| e.interfaces.contains(&Ref::Known(owner));
                if self.network.endpoints.iter().any(|(_, endpoint)| is_mine(endpoint) && !endpoint.available) {
                    self.blocked(site.clone(), Stage::Endpoint, Code::BadState, "PL-7");
                }
                // PL-2: endpoints answer no ping.
                if self.packet.protocol.is_icmp() {
                    self.blocked(site.clone(), Stage::Endpoint, Code::ProtocolRestriction, "PL-2");
                }
            }
            _ => {}
        }
        self.passed(site, Stage::Deliver);
        End::Delivered
    }

    /// A reply at the interface that its destination address belongs to: the client's, or a translator's.
    fn take_back(&mut self, owner: Idx<NetworkInterface>, session: &mut Session) -> End {
        let interface = self.network.interfaces.get(owner);
        if interface.kind == InterfaceKind::NatGateway {
            return self.translate_back(owner, session);
        }
        let site = Site::Interface(owner);
        let mut expected = match session.start {
            Start::Interface(interface, address) => Some((interface, address)),
            Start::Outside(_) => None,
        };
        if let Some(&Translation::Cni { node_interface, pod_interface, pod }) = session.translations.last() {
            if owner == node_interface {
                self.tracked(owner, Stage::SgIngress);
                self.packet.destination = pod;
                self.rewrite(site.clone(), Stage::CniSnat);
                session.translations.pop();
                expected = Some((owner, pod));
            } else {
                expected = Some((pod_interface, pod));
            }
        } else {
            self.tracked(owner, Stage::SgIngress);
        }
        // The reply must reach the client, from the address that the client asked.
        let arrived =
            expected.is_some_and(|(interface, address)| interface == owner && address == self.packet.destination);
        if !arrived {
            return self.stop(site, Stage::Deliver, Code::NoPossibleDestination, "RT-35");
        }
        if self.packet.source != session.asked {
            return self.stop(site, Stage::Deliver, Code::NgwSourceAddressReassign, "M-6");
        }
        self.passed(site, Stage::Deliver);
        End::Delivered
    }

    /// Judges both ends' tracking, from the packet as each end sees it.
    fn judge_tracking(&mut self, session: &mut Session) {
        let beyond = (self.packet.source, self.packet.destination);
        if let Responder::Interface(interface) = session.responder {
            session.destination_tracking = self.tracking(interface, Direction::Ingress, session);
        }
        if let Start::Interface(interface, address) = session.start
            && session.responder != Responder::Unfiltered
        {
            let (interface, address) = match session.translations.first() {
                Some(&Translation::Cni { node_interface, .. }) => {
                    let node = self.network.interfaces.get(node_interface);
                    (node_interface, node.primary().map_or(address, |primary| primary.ip))
                }
                _ => (interface, address),
            };
            (self.packet.source, self.packet.destination) = (address, session.asked);
            session.source_tracking = self.tracking(interface, Direction::Egress, session);
            (self.packet.source, self.packet.destination) = beyond;
        }
    }
}
