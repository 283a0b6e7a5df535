//! The reference engine: one packet, hop by hop, then its reply.
//!
//! Written straight from the rules of `docs/SEMANTICS.md`, slow and obvious on purpose. A stage that refuses the
//! packet does not end the walk (all reasons are wanted, M-5); a missing route or an opaque component does, since
//! nobody knows where the packet would be.

mod filter;
mod gateway;
mod route;
mod tracking;
mod transit;
mod walk;

use std::net::IpAddr;

use ipnet::IpNet;
use reach_model::network::{Idx, NatGateway, Network, NetworkInterface, Peering, Vpc};
use reach_packets::{Family, Protocol, Transport};

pub use self::route::{RouteChoice, choose_route};
pub use self::tracking::Tracking;
use crate::reason::{Assumption, Outcome, Reason, Step};
use crate::verdict::Verdict;

/// Where a packet starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Start {
    /// An address of an interface.
    Interface(Idx<NetworkInterface>, IpAddr),
    /// An address outside all VPCs of the snapshot.
    Outside(IpAddr),
}

impl Start {
    /// The source address as the client itself knows it.
    pub fn address(self) -> IpAddr {
        match self {
            Start::Interface(_, address) | Start::Outside(address) => address,
        }
    }
}

/// Which address is asked for, and who is meant by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target<'a> {
    /// The destination address that the client writes into its packet.
    pub address: IpAddr,
    /// The interface that is meant; a delivery elsewhere (VPCs may share a CIDR) is not this question's answer.
    pub interface: Option<Idx<NetworkInterface>>,
    /// For a service behind the internet: the sources it admits (`publicAccessCidrs`, EK-14).
    pub admission: Option<&'a [IpNet]>,
}

/// A packet's way and where it ended.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Every stage in order.
    pub steps: Vec<Step>,
    /// Where it ended.
    pub end: End,
    /// The interface whose groups were asked whether they could admit anything that nobody saw coming.
    pub unseen: Option<Idx<NetworkInterface>>,
}

/// Where a walk ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The packet arrived, as far as addressing and routes go.
    Delivered,
    /// It cannot go on; the last step says why.
    Stopped,
    /// What comes next is not in the snapshot or not modelled.
    Opaque,
}

impl Trace {
    /// M-4: a denial anywhere denies, else an unknown anywhere leaves it unknown.
    pub fn verdict(&self) -> Verdict {
        let blocked = self.steps.iter().any(|step| matches!(step.outcome, Outcome::Blocked(_)));
        let unknown = self.steps.iter().any(|step| matches!(step.outcome, Outcome::Unknown(_)));
        match (blocked, unknown || self.end == End::Opaque) {
            (true, _) => Verdict::Blocked,
            (false, true) => Verdict::Unknown,
            (false, false) => Verdict::Reachable,
        }
    }

    /// The reasons of every stage that did not pass.
    pub fn reasons(&self) -> impl Iterator<Item = &Reason> {
        self.steps.iter().filter_map(|step| match &step.outcome {
            Outcome::Blocked(reason) | Outcome::Unknown(reason) => Some(reason),
            Outcome::Allowed | Outcome::Tracked => None,
        })
    }
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Responder {
    /// An interface.
    Interface(Idx<NetworkInterface>),
    /// A host behind the internet gateway or, for IPv6, the egress-only gateway of a VPC.
    Internet { egress_only: bool },
    /// A service behind a gateway endpoint of this VPC.
    GatewayEndpoint(Idx<Vpc>),
    /// Something that no filter and no route stands before: the host itself, the resolver, instance metadata.
    Unfiltered,
    /// Nobody that the snapshot knows.
    Nobody,
}

/// A rewrite on the way that its maker will undo for the reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Translation {
    /// The CNI gave a pod's packet the node's primary address (EK-37).
    Cni { node_interface: Idx<NetworkInterface>, pod_interface: Idx<NetworkInterface>, pod: IpAddr },
    /// A NAT gateway gave it its own (RT-23).
    Nat { gateway: Idx<NatGateway>, outside: IpAddr, inside: IpAddr },
}

/// What a first packet leaves behind for its reply.
#[derive(Debug, Clone)]
pub struct Session {
    pub(crate) start: Start,
    pub(crate) protocol: Protocol,
    /// The destination that the client wrote into its packet.
    pub(crate) asked: IpAddr,
    pub(crate) responder: Responder,
    /// Source and destination as the responder sees them.
    pub(crate) seen: (IpAddr, IpAddr),
    pub(crate) translations: Vec<Translation>,
    /// Set where a NAT gateway's packet crossed this peering: replies come back to it without a route (RT-28).
    pub(crate) nat_over_peering: Option<(Idx<NatGateway>, Idx<Peering>)>,
    /// Set where an edge table steered the packet to an appliance (RT-12).
    pub(crate) edge_redirected: bool,
    /// Something on the path tracks every flow (CT-5).
    pub(crate) auto_tracked: bool,
    /// Something on the path may track every flow; AWS's texts disagree (U-6).
    pub(crate) maybe_auto_tracked: bool,
    pub(crate) source_tracking: Option<Tracking>,
    pub(crate) destination_tracking: Option<Tracking>,
    pub(crate) assumptions: Vec<Assumption>,
}

impl Session {
    /// How each end's interface tracks the flow; `None` for an end without security groups in the snapshot.
    pub fn tracking(&self) -> (Option<Tracking>, Option<Tracking>) {
        (self.source_tracking, self.destination_tracking)
    }

    /// The defaults that the walk relied on.
    pub fn assumptions(&self) -> &[Assumption] {
        &self.assumptions
    }

    /// Whether a translator rewrote the client's port.
    pub fn rewrites_port(&self) -> bool {
        self.translations.iter().any(|t| matches!(t, Translation::Nat { .. }))
    }

    /// Whether the reply can be judged although the first packet's way is not wholly known.
    pub fn has_responder(&self) -> bool {
        self.responder != Responder::Nobody
    }

    /// The source address that the destination sees.
    pub fn seen_source(&self) -> IpAddr {
        self.seen.0
    }
}

/// Where AWS picks one of several ways and nobody can tell which (RT-41): a script of picks, and how many there were.
#[derive(Debug, Clone, Default)]
pub(crate) struct Choices {
    script: Vec<usize>,
    taken: Vec<(usize, usize)>,
}

/// No question follows more than this many combinations of picks; what lies beyond is the same by construction.
const MAX_COMBINATIONS: usize = 256;

impl Choices {
    pub(crate) fn pick(&mut self, arity: usize) -> usize {
        let choice = self.script.get(self.taken.len()).copied().unwrap_or(0);
        self.taken.push((choice, arity));
        choice
    }

    /// The script after this one, in the order of an odometer.
    fn next(&self) -> Option<Vec<usize>> {
        let position = self.taken.iter().rposition(|&(choice, arity)| choice + 1 < arity)?;
        let mut script: Vec<usize> = self.taken.iter().take(position).map(|&(choice, _)| choice).collect();
        script.push(self.taken.get(position)?.0 + 1);
        Some(script)
    }
}

/// Runs `walk` under every combination of picks.
fn every_way<T>(mut walk: impl FnMut(&mut Choices) -> T) -> Vec<T> {
    let mut results = Vec::with_capacity(1);
    let mut script = Vec::new();
    loop {
        let mut choices = Choices { script, taken: Vec::new() };
        results.push(walk(&mut choices));
        match choices.next() {
            Some(next) if results.len() < MAX_COMBINATIONS => script = next,
            _ => return results,
        }
    }
}

/// Sends the first packet of a flow under every way that AWS may pick.
pub fn forward(
    network: &Network,
    start: Start,
    target: Target<'_>,
    protocol: Protocol,
    transport: Transport,
) -> Vec<(Trace, Session)> {
    every_way(|choices| walk::forward(network, start, target, protocol, transport, choices))
}

/// Sends the reply of a flow under every way that AWS may pick.
///
/// `transport` is the reply's own header as the client will see it; beyond a NAT gateway its port is `pool_port`.
pub fn reply(network: &Network, session: &Session, transport: Transport, pool_port: Option<u16>) -> Vec<Trace> {
    every_way(|choices| walk::reply(network, session, transport, pool_port, choices))
}

/// RFC 1918, RFC 6598 and unique local addresses: never a host on the internet.
pub fn is_private_address(address: IpAddr) -> bool {
    route::is_private(address)
}

/// The ICMP message that answers `kind`, where one does.
pub const fn icmp_reply(family: Family, kind: u8) -> Option<u8> {
    match (family, kind) {
        (Family::V4, 8) => Some(0),
        (Family::V4, 13) => Some(14),
        (Family::V4, 15) => Some(16),
        (Family::V4, 17) => Some(18),
        (Family::V6, 128) => Some(129),
        _ => None,
    }
}
