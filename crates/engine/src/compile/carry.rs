//! Carrying all headers of one pair of addresses through the forwarding graph at once.
//!
//! No gate looks at a port to decide *where* a packet goes next, so one walk per pair of addresses finds every gate; the
//! headers that pass are the intersection of what the gates let through. A walk is a worklist of states ([`At`]): where
//! AWS picks one of several ways and nobody can tell which, every one of them is followed.

use std::net::IpAddr;

use ipnet::IpNet;
use reach_model::Call;
use reach_model::network::{
    Attachment, Direction, EndpointKind, Idx, InterfaceKind, NatGateway, NetworkInterface, Peering, Ref, RouteTable,
    Subnet, TransitGatewayTable, Vpc, VpcEndpoint,
};
use reach_packets::{IcmpSet, IntervalSet, PortRanges, PortSet, Protocol};

use super::Compiled;
use super::gate::{Gate, Test, Told};
use super::groups::{Reference, Standing};
use super::headers::HeaderId;
use super::space::is_private;
use crate::host::{self, Liveness};
use crate::reason::{Assumption, Code, Leg, Site};

/// Where a flow starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An address of an interface.
    Interface(Idx<NetworkInterface>, IpAddr),
    /// An address that no interface of the snapshot has.
    Outside(IpAddr),
}

impl Source {
    /// The address as the client knows it.
    pub fn address(self) -> IpAddr {
        match self {
            Source::Interface(_, address) | Source::Outside(address) => address,
        }
    }
}

/// What a flow is meant to reach.
#[derive(Debug, Clone, Copy)]
pub struct Aim<'a> {
    /// The destination that the client writes into its packet.
    pub address: IpAddr,
    /// The interface that is meant.
    pub interface: Option<Idx<NetworkInterface>>,
    /// The sources that a public service admits (EK-14).
    pub admission: Option<&'a [IpNet]>,
}

/// A state of a walk.
#[derive(Debug, Clone, Copy)]
pub(super) enum At<'n> {
    /// Inside the sender's host.
    Host(Idx<NetworkInterface>),
    /// Past the services that nothing stands before, for the headers that they do not take.
    Unserved(Idx<NetworkInterface>),
    /// Taken by such a service.
    Served,
    /// Out of an interface.
    Leave(Idx<NetworkInterface>),
    /// Out of a subnet by its table.
    Route(Idx<Subnet>),
    /// The VPC's own delivery; from which subnet, where from one.
    Deliver(Idx<Vpc>, Option<Idx<Subnet>>),
    /// In the subnet of the destination.
    Arrive(Idx<Subnet>),
    /// On the internet's side of the gateways.
    Internet { egress_only: bool },
    /// From the internet towards a public address.
    FromInternet,
    /// From a network that AWS routes to and the snapshot does not hold.
    FromNetwork,
    /// Through a NAT gateway, by one of its addresses.
    Translate(Idx<NatGateway>, Idx<Subnet>, usize),
    /// Out of a translator's interface.
    Emit(Idx<Subnet>),
    /// In a transit gateway: the entry attachment and the zone that the packet came from.
    Transit(Idx<Attachment>, Option<&'n str>),
    /// Out of a transit gateway by the n-th attachment of the chosen route.
    TransitExit(Idx<Attachment>, Idx<Attachment>, Option<&'n str>),
    /// Into a VPC by the attachment's interface in a subnet.
    TransitLanding(Idx<Attachment>, Idx<Attachment>, Idx<Subnet>),
}

/// What a step leads to.
pub(super) enum Next<'n> {
    Go(At<'n>),
    /// Any of these, and nobody can tell which.
    AnyOf(Vec<At<'n>>),
    /// These headers go one way, the others another.
    Split(HeaderId, At<'n>, At<'n>),
    End,
}

/// The border between VPCs that a packet crossed (SG-19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Border {
    None,
    Peering {
        same_region: bool,
    },
    /// `None`: whether references work is not in the snapshot.
    Transit {
        referencing: Option<bool>,
    },
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Responder {
    Interface(Idx<NetworkInterface>),
    Internet {
        egress_only: bool,
    },
    /// A service behind a gateway endpoint of this VPC.
    GatewayEndpoint(Idx<Vpc>),
    /// Something that no gate stands before.
    Unfiltered,
    /// Nobody that the snapshot knows.
    Nobody,
}

/// A rewrite that its maker undoes for the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rewrite {
    /// EK-37: a pod's packet got its node's address.
    Cni { node: Idx<NetworkInterface>, pod_interface: Idx<NetworkInterface>, pod: IpAddr },
    /// RT-23: a NAT gateway's.
    Nat { gateway: Idx<NatGateway>, outside: IpAddr, inside: IpAddr },
}

/// What a walk forwards leaves behind for the reply.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    pub(super) source: Source,
    /// The destination that the client wrote.
    pub(super) asked: IpAddr,
    pub(super) responder: Responder,
    /// Source and destination as the responder sees them.
    pub(super) seen: (IpAddr, IpAddr),
    pub(super) rewrites: Vec<Rewrite>,
    /// RT-28: a NAT gateway's packet crossed this peering.
    pub(super) nat_over_peering: Option<(Idx<NatGateway>, Idx<Peering>)>,
    /// The gateway endpoint that it took.
    pub(super) endpoint: Option<Idx<VpcEndpoint>>,
    /// RT-12: an edge table steered the packet to an appliance.
    pub(super) edge_redirected: bool,
    /// CT-5: something tracks every flow.
    pub(super) auto_tracked: bool,
    /// U-6: something may track every flow.
    pub(super) maybe_auto_tracked: bool,
}

impl Memory {
    /// Whether a NAT gateway rewrote the client's port.
    pub(super) fn rewrites_port(&self) -> bool {
        self.rewrites.iter().any(|rewrite| matches!(rewrite, Rewrite::Nat { .. }))
    }
}

/// A packet of every header under way.
#[derive(Debug, Clone)]
pub(super) struct Carry<'n> {
    pub(super) leg: Leg,
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    /// The headers that take this way.
    pub(super) headers: HeaderId,
    pub(super) sender: Option<Idx<NetworkInterface>>,
    /// M-7: the sender's groups still stand behind the packet.
    pub(super) identity: bool,
    pub(super) border: Border,
    /// The sender lies in a network that the snapshot does not hold.
    pub(super) unseen_sender: bool,
    /// SG-34: the source address is a client's that the snapshot does not hold.
    pub(super) hidden: bool,
    pub(super) expected: Option<Idx<NetworkInterface>>,
    pub(super) admission: Option<&'n [IpNet]>,
    pub(super) gates: Vec<Gate>,
    /// The route tables that were asked, for cutting ranges of addresses.
    pub(super) tables: Vec<Idx<RouteTable>>,
    pub(super) transit_tables: Vec<Idx<TransitGatewayTable>>,
    pub(super) memory: Memory,
    /// Defaults that the way relies on, for these headers.
    pub(super) assumptions: Vec<(Assumption, HeaderId)>,
    hops: u8,
}

/// No real way has this many route decisions; a loop does (RT-7).
const MAX_HOPS: u8 = 32;

/// No question follows more than this many ways.
const MAX_WAYS: usize = 256;

impl<'n> Carry<'n> {
    fn start(source: Source, aim: Aim<'n>) -> Self {
        let memory = Memory {
            source,
            asked: aim.address,
            responder: Responder::Nobody,
            seen: (source.address(), aim.address),
            rewrites: Vec::new(),
            nat_over_peering: None,
            endpoint: None,
            edge_redirected: false,
            auto_tracked: false,
            maybe_auto_tracked: false,
        };
        Self {
            leg: Leg::Forward,
            source: source.address(),
            destination: aim.address,
            headers: HeaderId::ALL,
            sender: None,
            identity: true,
            border: Border::None,
            unseen_sender: false,
            hidden: false,
            expected: aim.interface,
            admission: aim.admission,
            gates: Vec::with_capacity(8),
            tables: Vec::new(),
            transit_tables: Vec::new(),
            memory,
            assumptions: Vec::new(),
            hops: 0,
        }
    }

    fn answer(&self) -> Self {
        let memory = self.memory.clone();
        let (source, destination) = (memory.seen.1, memory.seen.0);
        Self {
            leg: Leg::Return,
            source,
            destination,
            headers: self.headers,
            sender: None,
            identity: true,
            border: Border::None,
            unseen_sender: false,
            hidden: false,
            expected: None,
            admission: None,
            gates: Vec::with_capacity(4),
            tables: Vec::new(),
            transit_tables: Vec::new(),
            memory,
            assumptions: Vec::new(),
            hops: 0,
        }
    }

    pub(super) fn gate(&mut self, site: Site, test: Test) {
        let seen = (self.source, self.destination);
        let pool = self.leg == Leg::Return && self.memory.rewrites_port();
        self.gates.push(Gate { site, test, seen, pool });
    }

    pub(super) fn refuse(&mut self, site: Site, code: Code, semantics: &'static str) {
        self.gate(site, Test::Refuse(Told::new(code, semantics)));
    }

    /// Ends a way with a denial.
    pub(super) fn stop(&mut self, site: Site, code: Code, semantics: &'static str) -> Next<'n> {
        self.refuse(site, code, semantics);
        Next::End
    }

    pub(super) fn doubt(&mut self, site: Site, told: Told) {
        self.gate(site, Test::Doubt(told));
    }

    /// Ends a way where nobody can see: what is left to judge is whether the destination would refuse anything that
    /// could come.
    pub(super) fn opaque(&mut self, site: Site, told: Told) -> Next<'n> {
        self.doubt(site, told);
        if let (Leg::Forward, Some(at)) = (self.leg, self.expected) {
            self.gate(Site::Interface(at), Test::Unseen { at });
        }
        Next::End
    }

    pub(super) fn assume(&mut self, assumption: Assumption) {
        self.assumptions.push((assumption, self.headers));
    }

    /// Counts a route decision; false in a loop.
    pub(super) fn hop(&mut self) -> bool {
        self.hops += 1;
        self.hops <= MAX_HOPS
    }
}

/// Kinds of interfaces that have no security groups at all (SG-26).
const fn has_no_groups(kind: InterfaceKind) -> bool {
    use InterfaceKind as Kind;
    matches!(
        kind,
        Kind::NatGateway
            | Kind::TransitGateway
            | Kind::GatewayLoadBalancer
            | Kind::GatewayLoadBalancerEndpoint
            | Kind::NetworkLoadBalancer
    )
}

impl<'n> Compiled<'n> {
    /// Every way of a flow's first packets.
    pub(super) fn ways(&self, source: Source, aim: Aim<'n>) -> Vec<Carry<'n>> {
        let carry = Carry::start(source, aim);
        let at = match source {
            Source::Interface(interface, _) => At::Host(interface),
            Source::Outside(address) if is_private(address) => At::FromNetwork,
            Source::Outside(_) => At::FromInternet,
        };
        let mut ways = self.follow(carry, at);
        for way in &mut ways {
            way.memory.seen = (way.source, way.destination);
        }
        ways
    }

    /// Every way of the replies to a flow that went `way`; `None` where nobody knows who answers.
    pub(super) fn replies(&self, way: &Carry<'n>) -> Option<Vec<Carry<'n>>> {
        let carry = way.answer();
        let at = match carry.memory.responder {
            Responder::Nobody => return None,
            Responder::Unfiltered => At::Served,
            Responder::Interface(interface) => At::Leave(interface),
            Responder::Internet { egress_only: false } => At::FromInternet,
            // RT-19: the egress-only gateway brings its own replies back.
            Responder::Internet { egress_only: true } => match self.network.vpcs_of(carry.destination).first() {
                Some(vpc) => At::Deliver(*vpc, None),
                None => return None,
            },
            Responder::GatewayEndpoint(vpc) => At::Deliver(vpc, None),
        };
        Some(self.follow(carry, at))
    }

    fn follow(&self, carry: Carry<'n>, at: At<'n>) -> Vec<Carry<'n>> {
        let mut open = vec![(carry, at)];
        let mut done = Vec::with_capacity(1);
        while let Some((mut carry, mut at)) = open.pop() {
            loop {
                match self.step(&mut carry, at) {
                    Next::Go(next) => at = next,
                    Next::AnyOf(ways) => {
                        open.extend(ways.into_iter().rev().map(|next| (carry.clone(), next)));
                        break;
                    }
                    Next::Split(headers, there, here) => {
                        let (inside, outside) = self.split(carry.headers, headers);
                        open.push((Carry { headers: outside, ..carry.clone() }, here));
                        open.push((Carry { headers: inside, ..carry }, there));
                        break;
                    }
                    Next::End => {
                        done.push(carry);
                        break;
                    }
                }
            }
            if done.len() >= MAX_WAYS {
                break;
            }
        }
        done
    }

    fn split(&self, whole: HeaderId, by: HeaderId) -> (HeaderId, HeaderId) {
        let (whole, by) = (self.headers.get(whole), self.headers.get(by));
        (self.headers.intern(whole.intersect(&by)), self.headers.intern(whole.subtract(&by)))
    }

    fn step(&self, carry: &mut Carry<'n>, at: At<'n>) -> Next<'n> {
        match at {
            At::Host(interface) => self.leave_host(carry, interface),
            At::Unserved(interface) => self.unserved(carry, interface),
            At::Served => {
                carry.memory.responder = Responder::Unfiltered;
                Next::End
            }
            At::Leave(interface) => self.leave(carry, interface),
            At::Route(subnet) => self.route(carry, subnet),
            At::Deliver(vpc, from) => self.deliver(carry, vpc, from),
            At::Arrive(subnet) => self.arrive(carry, subnet),
            At::Internet { egress_only } => self.internet(carry, egress_only),
            At::FromInternet => self.enter_from_internet(carry),
            At::FromNetwork => self.enter_from_network(carry),
            At::Translate(gateway, subnet, position) => self.translate(carry, gateway, subnet, position),
            At::Emit(subnet) => self.emit(carry, subnet),
            At::Transit(entry, zone) => self.transit(carry, entry, zone),
            At::TransitExit(entry, exit, zone) => self.transit_exit(carry, entry, exit, zone),
            At::TransitLanding(entry, exit, subnet) => self.transit_landing(carry, entry, exit, subnet),
        }
    }

    /// Out of an interface: its groups, then its subnet.
    fn leave(&self, carry: &mut Carry<'n>, from: Idx<NetworkInterface>) -> Next<'n> {
        // CT-2, CT-3: a reply passes groups by state, or by the rule that makes state unnecessary.
        if carry.leg == Leg::Forward {
            self.groups_at(carry, from, Direction::Egress);
        }
        let interface = self.network.interfaces.get(from);
        let Some(subnet) = interface.subnet.as_ref().and_then(Ref::known) else {
            let mut told = Told::new(Code::NotCollected, "RT-1").call(Call::DescribeSubnets);
            if let Some(subnet) = &interface.subnet {
                told = told.note(subnet.id(&self.network.subnets).to_string());
            }
            return carry.opaque(Site::Interface(from), told);
        };
        // RT-4, NA-4: inside a subnet delivery is at layer 2; no network ACL, no route.
        if self.network.subnets.get(subnet).contains(carry.destination) {
            return Next::Go(At::Arrive(subnet));
        }
        self.acl_at(carry, subnet, Direction::Egress, false);
        match self.back_over_peering(carry, subnet) {
            Some(next) => next,
            None => Next::Go(At::Route(subnet)),
        }
    }

    /// RT-28: a reply to a NAT gateway over a peering needs no route back; only a network ACL stops it.
    fn back_over_peering(&self, carry: &mut Carry<'n>, from: Idx<Subnet>) -> Option<Next<'n>> {
        if carry.leg == Leg::Forward {
            return None;
        }
        let (nat, peering) = carry.memory.nat_over_peering?;
        match carry.memory.rewrites.last() {
            Some(Rewrite::Nat { outside, .. }) if *outside == carry.destination => {}
            _ => return None,
        }
        let subnet = self.network.nat_gateways.get(nat).subnet.as_ref().and_then(Ref::known)?;
        let vpc = self.network.subnets.get(from).vpc.as_ref().and_then(Ref::known)?;
        self.network.peerings.get(peering).other_side(&self.network.vpcs.get(vpc).id)?;
        self.acl_at(carry, subnet, Direction::Ingress, false);
        Some(Next::Go(At::Arrive(subnet)))
    }

    /// SG-1, SG-26: the groups of an interface, or their absence.
    pub(super) fn groups_at(&self, carry: &mut Carry<'n>, at: Idx<NetworkInterface>, direction: Direction) {
        let interface = self.network.interfaces.get(at);
        let site = Site::Interface(at);
        if interface.groups.is_empty() {
            // SG-26: where a kind carries no groups, absent is "pass", not "no rules".
            if !has_no_groups(interface.kind) {
                let told = Told::new(Code::UnknownResource, "SG-26").note("lists no security group");
                carry.doubt(site, told.direction(direction));
            }
            return;
        }
        let references = match direction {
            Direction::Ingress => self.of_sender(carry, at),
            Direction::Egress => self.of_receiver(carry, at),
        };
        let hidden = direction == Direction::Ingress && carry.hidden;
        carry.gate(site, Test::Groups { at, direction, references, hidden });
    }

    /// M-7, SG-18, SG-19: which references an ingress rule at `at` can match: those to the sender's groups.
    fn of_sender(&self, carry: &Carry<'n>, at: Idx<NetworkInterface>) -> Vec<Reference> {
        let Some(sender) = carry.sender else {
            // API-20: a host of an account that is not in the snapshot may carry the group or not.
            let works = matches!(
                carry.border,
                Border::Peering { same_region: true } | Border::Transit { referencing: Some(true) | None }
            );
            if carry.unseen_sender && works {
                let call = Some(Call::DescribeNetworkInterfaces);
                return vec![Reference::OnlyNamed(Standing::Unknown(Code::UnknownPeeredSgs, call))];
            }
            return Vec::new();
        };
        let to_endpoint = self.network.interfaces.get(at).kind == InterfaceKind::VpcEndpoint;
        let standing = match carry.border {
            _ if !carry.identity => Standing::Lost,
            // SG-19: not for interface endpoints, even where the gateway supports references.
            Border::Transit { .. } if to_endpoint => Standing::Unsupported,
            Border::None | Border::Peering { same_region: true } | Border::Transit { referencing: Some(true) } => {
                Standing::Counts
            }
            Border::Transit { referencing: None } => {
                Standing::Unknown(Code::NotCollected, Some(Call::DescribeTransitGateways))
            }
            Border::Peering { same_region: false } | Border::Transit { referencing: Some(false) } => {
                Standing::Unsupported
            }
        };
        vec![Reference::Carried(self.groups.profile_of(sender), standing)]
    }

    /// SG-18, SG-19: which references an egress rule at `at` can match: those to the groups of whoever has the
    /// destination, in the VPC itself or over an active peering of the same Region.
    fn of_receiver(&self, carry: &Carry<'n>, at: Idx<NetworkInterface>) -> Vec<Reference> {
        let address = carry.destination;
        let profile = |owner: Idx<NetworkInterface>| self.groups.profile_of(owner);
        let elsewhere = || self.network.addresses.owners_anywhere(address);
        let Some(vpc) = self.network.interfaces.get(at).vpc.as_ref().and_then(Ref::known) else {
            let unknown = Standing::Unknown(Code::NotCollected, Some(Call::DescribeVpcs));
            let owners = elsewhere();
            if owners.is_empty() {
                return vec![Reference::Any(unknown)];
            }
            return owners.into_iter().map(|owner| Reference::Carried(profile(owner), unknown)).collect();
        };
        let unlisted = Standing::Unknown(Code::NotCollected, Some(Call::DescribeNetworkInterfaces));
        if self.network.vpcs.get(vpc).contains(address) {
            return match self.network.addresses.owner(vpc, address) {
                Some(owner) => vec![Reference::Carried(profile(owner), Standing::Counts)],
                None if self.may_hold_others(vpc) => vec![Reference::Any(unlisted)],
                None => Vec::new(),
            };
        }
        let mut references = Vec::new();
        for &peering in self.peerings_of(vpc) {
            let peering = self.network.peerings.get(peering);
            let Some(side) = peering.other_side(&self.network.vpcs.get(vpc).id) else { continue };
            let near = peering.same_region();
            match side.vpc.as_ref().and_then(|id| self.network.vpcs.find(id)) {
                Some(other) => match self.network.addresses.owner(other, address) {
                    Some(owner) => {
                        let standing = if near { Standing::Counts } else { Standing::Unsupported };
                        references.push(Reference::Carried(profile(owner), standing));
                    }
                    None if near && self.network.vpcs.get(other).contains(address) && self.may_hold_others(other) => {
                        references.push(Reference::Any(unlisted));
                    }
                    None => {}
                },
                None if near && side.cidrs.iter().any(|net| net.contains(&address)) => {
                    let call = Some(Call::DescribeNetworkInterfaces);
                    references.push(Reference::OnlyNamed(Standing::Unknown(Code::UnknownPeeredSgs, call)));
                }
                None => {}
            }
        }
        // SG-19: over a transit gateway references serve ingress only.
        references.extend(elsewhere().into_iter().map(|o| Reference::Carried(profile(o), Standing::Unsupported)));
        references
    }

    /// Whether an address of the VPC that no listed interface has may be somebody's.
    pub(super) fn may_hold_others(&self, vpc: Idx<Vpc>) -> bool {
        !self.network.every_interface_known(vpc) || self.is_shared_in(vpc)
    }

    /// RT-52: in a VPC that another account shares, the snapshot holds only its own interfaces.
    pub(super) fn is_shared_in(&self, vpc: Idx<Vpc>) -> bool {
        let accounts = &self.network.account_owners;
        let owner = &self.network.vpcs.get(vpc).owner;
        owner.as_ref().is_some_and(|owner| !accounts.is_empty() && !accounts.contains(owner))
    }

    /// The network ACL of a subnet, once per crossing (NA-1, NA-4, NA-11).
    pub(super) fn acl_at(&self, carry: &mut Carry<'n>, subnet: Idx<Subnet>, direction: Direction, unconfirmed: bool) {
        let place = self.network.subnets.get(subnet);
        match place.acl {
            Some(acl) => carry.gate(Site::Acl(acl), Test::Acl { acl, direction, unconfirmed }),
            None => {
                // Which ACL is the default one is only known of a VPC that is in the snapshot.
                let known = place.vpc.as_ref().and_then(Ref::known).is_some();
                let call = if known { Call::DescribeNetworkAcls } else { Call::DescribeVpcs };
                let told = Told::new(Code::NotCollected, "NA-1").call(call).direction(direction);
                carry.doubt(Site::Subnet(subnet), told);
            }
        }
    }

    /// The VPC's own delivery (RT-3): into the subnet that holds the destination.
    fn deliver(&self, carry: &mut Carry<'n>, vpc: Idx<Vpc>, from: Option<Idx<Subnet>>) -> Next<'n> {
        let Some(subnet) = self.network.subnet_of(vpc, carry.destination) else {
            if self.network.collected_for(Some(vpc), Call::DescribeSubnets) && !self.is_shared_in(vpc) {
                return carry.stop(Site::Vpc(vpc), Code::NoPossibleDestination, "M-6b");
            }
            let told = Told::new(Code::NotCollected, "M-6b").call(Call::DescribeSubnets);
            return carry.opaque(Site::Vpc(vpc), told);
        };
        if from != Some(subnet) {
            self.acl_at(carry, subnet, Direction::Ingress, false);
        }
        Next::Go(At::Arrive(subnet))
    }

    /// Into the interface that has the destination address.
    fn arrive(&self, carry: &mut Carry<'n>, subnet: Idx<Subnet>) -> Next<'n> {
        let site = Site::Subnet(subnet);
        let Some(vpc) = self.network.subnets.get(subnet).vpc.as_ref().and_then(Ref::known) else {
            let told = Told::new(Code::NotCollected, "M-6b").call(Call::DescribeVpcs);
            return carry.opaque(site, told);
        };
        let Some(owner) = self.network.addresses.owner(vpc, carry.destination) else {
            // M-6b: an address that nobody owns is no host, however open the filters are.
            if !self.may_hold_others(vpc) {
                return carry.stop(site, Code::NoPossibleDestination, "M-6b");
            }
            let told = Told::new(Code::NotCollected, "M-6b").call(Call::DescribeNetworkInterfaces);
            return carry.opaque(site, told);
        };
        match carry.leg {
            Leg::Forward => self.accept(carry, owner),
            Leg::Return => self.take_back(carry, owner),
        }
    }

    /// The first packet at the interface that has its destination.
    fn accept(&self, carry: &mut Carry<'n>, owner: Idx<NetworkInterface>) -> Next<'n> {
        let interface = self.network.interfaces.get(owner);
        let site = Site::Interface(owner);
        match interface.kind {
            // RT-25, RT-25a: what is no reply is dropped, from outside and from inside.
            InterfaceKind::NatGateway => return carry.stop(site, Code::NgwUnsolicited, "RT-25a"),
            InterfaceKind::TransitGateway => {
                return carry.stop(site, Code::NoPossibleDestination, "RT-25a");
            }
            _ => {}
        }
        // RT-35: with overlapping CIDRs the packet may end in the wrong VPC.
        if carry.expected.is_some_and(|expected| expected != owner) {
            carry.refuse(site.clone(), Code::NoPossibleDestination, "RT-35");
        }
        match host::liveness(self.network, interface) {
            Liveness::Live => {}
            Liveness::Dead => carry.refuse(site.clone(), Code::NoPossibleDestination, "M-6b"),
            Liveness::Unknown(call) => {
                carry.doubt(site.clone(), Told::new(Code::NotCollected, "M-6b").call(call));
            }
        }
        self.groups_at(carry, owner, Direction::Ingress);
        carry.memory.responder = Responder::Interface(owner);
        let opaque = |carry: &mut Carry<'n>, told| {
            carry.memory.responder = Responder::Nobody;
            carry.doubt(site.clone(), told);
        };
        match interface.kind {
            kind if kind.is_load_balancer() => {
                carry.memory.auto_tracked |= kind == InterfaceKind::NetworkLoadBalancer;
                let told = Told::new(Code::UnsupportedComponent, "LB-1").note("a load balancer's back legs");
                opaque(carry, told);
            }
            InterfaceKind::GatewayLoadBalancerEndpoint => {
                opaque(carry, Told::new(Code::UnsupportedComponent, "RT-48"));
            }
            // SG-35: nothing connects to a function's interface; SG-34: nor to a connect endpoint's.
            InterfaceKind::Lambda => carry.refuse(site, Code::NoPossibleDestination, "SG-35"),
            InterfaceKind::InstanceConnectEndpoint => {
                carry.refuse(site, Code::NoPossibleDestination, "SG-34");
            }
            InterfaceKind::VpcEndpoint => {
                let own = || self.endpoints_of(owner).iter().map(|&idx| self.network.endpoints.get(idx));
                // PL-7: behind an endpoint of VPC Lattice a policy decides that the snapshot does not hold.
                if own().any(|endpoint| endpoint.kind == EndpointKind::Lattice) {
                    let told = Told::new(Code::UnsupportedComponent, "PL-7").note("VPC Lattice");
                    opaque(carry, told);
                    return Next::End;
                }
                // PL-4: flows to an endpoint are tracked whatever the rules say.
                carry.memory.auto_tracked = true;
                // PL-7: only an available endpoint answers.
                if own().any(|endpoint| !endpoint.available) {
                    carry.refuse(site.clone(), Code::BadState, "PL-7");
                }
                // PL-2: endpoints answer no ping.
                let icmp = PortSet::of_protocol(Protocol::ICMP).union(&PortSet::of_protocol(Protocol::ICMPV6));
                let rest = self.headers.intern(PortSet::full().subtract(&icmp));
                carry.gate(site, Test::Only(rest, Told::new(Code::ProtocolRestriction, "PL-2")));
            }
            _ => {}
        }
        Next::End
    }

    /// A reply at the interface that has its destination: the client's, or a translator's.
    fn take_back(&self, carry: &mut Carry<'n>, owner: Idx<NetworkInterface>) -> Next<'n> {
        if self.network.interfaces.get(owner).kind == InterfaceKind::NatGateway {
            return self.translate_back(carry, owner);
        }
        let site = Site::Interface(owner);
        let mut client = match carry.memory.source {
            Source::Interface(interface, address) => Some((interface, address)),
            Source::Outside(_) => None,
        };
        if let Some(&Rewrite::Cni { node, pod_interface, pod }) = carry.memory.rewrites.last() {
            client = Some((pod_interface, pod));
            if owner == node {
                carry.memory.rewrites.pop();
                carry.destination = pod;
                client = Some((owner, pod));
            }
        }
        // The reply must reach the client, from the address that the client asked.
        if client != Some((owner, carry.destination)) {
            return carry.stop(site, Code::NoPossibleDestination, "RT-35");
        }
        if carry.source != carry.memory.asked {
            return carry.stop(site, Code::NgwSourceAddressReassign, "M-6");
        }
        Next::End
    }
}

/// TCP, UDP and ICMP: what a NAT gateway translates (RT-24).
pub(super) fn translatable() -> PortSet {
    PortSet::tcp(PortRanges::full())
        .union(&PortSet::udp(PortRanges::full()))
        .union(&PortSet::of_protocol(Protocol::ICMP))
}

/// TCP and echo requests of either family: what a gateway endpoint takes (PL-11).
pub(super) fn for_gateway_endpoint() -> PortSet {
    let echo = PortSet::icmp(IcmpSet::kind(8)).union(&PortSet::icmpv6(IcmpSet::kind(128)));
    PortSet::tcp(IntervalSet::full()).union(&echo)
}
