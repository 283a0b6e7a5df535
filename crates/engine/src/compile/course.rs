//! The ways of a flow as an open connection meets them: what stands there for every packet, and what is only asked of the
//! first one.
//!
//! Network ACLs, routes and gateways judge every packet (CT-11, CT-16). Security groups judge the first one, and the later
//! ones only where their interface keeps no state (CT-3, CT-7, CT-8). How each interface tracks is told here by header
//! sets; the reference engine tells it packet by packet, and the two share nothing.

use std::net::IpAddr;

use ipnet::IpNet;
use reach_model::ids::EniId;
use reach_model::network::{
    Direction, IdleTimeouts, Idx, NetworkInterface, Peer, Ref, RuleProtocol, SecurityGroup, SecurityGroupRule,
};
use reach_packets::{Family, IntervalSet, IpSet, PortRanges, PortSet};

use super::acls::Passes;
use super::carry::{Aim, Carry, Memory, Responder, Rewrite, Source};
use super::gate::{Gate, Test};
use super::groups::Reference;
use super::headers::{Algebra, HeaderId};
use super::{Compiled, link};
use crate::host;
use crate::pair::POOL;

/// One way of a flow.
#[derive(Debug, Clone)]
pub(crate) struct Course {
    /// The headers that take it.
    pub(crate) headers: HeaderId,
    /// What all but security groups let pass, with the answers of ICMP folded in (D).
    pub(crate) forward: Passes,
    /// The client's ports whose replies all but security groups let pass (S).
    pub(crate) back: Passes,
    /// What groups that replies are asked by let pass (CT-15).
    pub(crate) reply_groups: Passes,
    /// The security groups on the way.
    pub(crate) filters: Vec<Filter>,
    pub(crate) path: Path,
}

/// What must stay the same for a connection to stay up although every packet passes (CT-14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path {
    /// Source and destination as the responder sees them.
    seen: (IpAddr, IpAddr),
    /// What keeps state of its own on the way: NAT gateways, the gateway endpoint.
    by: Vec<Box<str>>,
    /// A NAT gateway is among them.
    pub(crate) translated: bool,
}

/// The groups of an interface on a way.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    pub(crate) at: EniId,
    pub(crate) direction: Direction,
    pub(crate) passes: Passes,
    /// Flows that the interface keeps no state of (CT-3).
    pub(crate) untracked: HeaderId,
    /// Flows of which AWS does not document whether it does (U-3, U-6).
    pub(crate) unclear: HeaderId,
    pub(crate) idle: IdleTimeouts,
}

/// What an interface keeps no state of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Untracked {
    pub(crate) certain: HeaderId,
    /// AWS does not document it.
    pub(crate) unclear: HeaderId,
}

impl<'n> Compiled<'n> {
    /// The ways between two addresses. O(one walk there and back).
    pub(crate) fn courses(&self, source: Source, aim: Aim<'n>, algebra: &mut Algebra<'_>) -> Vec<Course> {
        self.ways(source, aim).iter().map(|way| self.course(way, algebra)).collect()
    }

    fn course(&self, way: &Carry<'n>, algebra: &mut Algebra<'_>) -> Course {
        let others = |gate: &&Gate| !matches!(gate.test, Test::Groups { .. });
        let mut forward = self.weigh_all(way.gates.iter().filter(others), HeaderId::ALL, algebra);
        let (back, reply_groups) = self.back(way, algebra);
        link::only_answered(&mut forward, back, algebra);
        let filters = way.gates.iter().filter_map(|gate| {
            let Test::Groups { at, direction, references, hidden } = &gate.test else { return None };
            let passes = self.weigh(gate, HeaderId::ALL, algebra);
            let remote = (!hidden).then(|| gate.remote(*direction));
            let untracked =
                self.untracked(*at, *direction, (Family::of(gate.seen.1), remote), references, &way.memory, algebra);
            let interface = self.network.interfaces.get(*at);
            Some(Filter {
                at: interface.id.clone(),
                direction: *direction,
                passes,
                untracked: untracked.certain,
                unclear: untracked.unclear,
                idle: self.idle_timeouts(*at),
            })
        });
        let filters = filters.collect();
        let mut by: Vec<Box<str>> = Vec::new();
        for rewrite in &way.memory.rewrites {
            if let Rewrite::Nat { gateway, .. } = rewrite {
                by.push(self.network.nat_gateways.get(*gateway).id.as_str().into());
            }
        }
        by.extend(way.memory.endpoint.map(|endpoint| self.network.endpoints.get(endpoint).id.as_str().into()));
        if let Responder::Internet { egress_only } = way.memory.responder {
            by.push(if egress_only { "egress-only" } else { "internet" }.into());
        }
        let path = Path { seen: way.memory.seen, by, translated: way.memory.rewrites_port() };
        Course { headers: way.headers, forward, back, reply_groups, filters, path }
    }

    /// What replies pass: by all but groups, and by groups. As client ports for TCP and UDP, as messages for ICMP.
    fn back(&self, way: &Carry<'n>, algebra: &mut Algebra<'_>) -> (Passes, Passes) {
        let Some(replies) = self.replies(way) else {
            // Nobody knows who answers.
            return (Passes { must: HeaderId::EMPTY, may: HeaderId::ALL }, Passes::ALL);
        };
        let mut all: Option<(Passes, Passes)> = None;
        for reply in &replies {
            let mut own = [Passes::ALL, Passes::ALL];
            for (groups, own) in [false, true].into_iter().zip(&mut own) {
                let of_kind = || reply.gates.iter().filter(move |gate| gate.asks_groups() == groups);
                let client = self.weigh_all(of_kind().filter(|gate| !gate.pool), HeaderId::ALL, algebra);
                let pool = self.weigh_all(of_kind().filter(|gate| gate.pool), HeaderId::ALL, algebra);
                let pool = of_pool(pool, algebra);
                own.must = algebra.intersect(client.must, pool.must);
                own.may = algebra.intersect(client.may, pool.may);
            }
            let [others, groups] = own;
            // Of several ways nobody knows which one a reply takes.
            all = Some(match all {
                None => (others, groups),
                Some((a, b)) => (either(a, others, algebra), either(b, groups, algebra)),
            });
        }
        all.unwrap_or((Passes { must: HeaderId::EMPTY, may: HeaderId::EMPTY }, Passes::ALL))
    }

    /// How long an interface keeps state for connections that say nothing.
    pub(crate) fn idle_timeouts(&self, at: Idx<NetworkInterface>) -> IdleTimeouts {
        let interface = self.network.interfaces.get(at);
        if let Some(Ref::Known(instance)) = interface.instance() {
            return interface.timeouts.or(IdleTimeouts::defaults(Some(self.network.instances.get(*instance))));
        }
        let host = host::host(self.network, interface).and_then(|id| self.network.instances.find(&id));
        interface.timeouts.or(IdleTimeouts::defaults(host.map(|host| self.network.instances.get(host))))
    }

    /// What an interface keeps no state of, among all flows whose first packet passes there in direction `initiating`, to
    /// or from `remote` where that is known. O(rules of the interface).
    pub(super) fn untracked(
        &self,
        at: Idx<NetworkInterface>,
        initiating: Direction,
        (family, remote): (Family, Option<IpAddr>),
        references: &[Reference],
        memory: &Memory,
        algebra: &mut Algebra<'_>,
    ) -> Untracked {
        let none = Untracked { certain: HeaderId::EMPTY, unclear: HeaderId::EMPTY };
        // CT-5: whatever the rules say.
        if memory.auto_tracked {
            return none;
        }
        let tcp = algebra.intern(PortSet::tcp(PortRanges::full()));
        let udp = algebra.intern(PortSet::udp(PortRanges::full()));
        // CT-4: everything else is tracked.
        let ported = algebra.union(tcp, udp);
        if self.network.interfaces.get(at).groups.iter().any(|group| matches!(group, Ref::Missing(_))) {
            return Untracked { certain: HeaderId::EMPTY, unclear: ported };
        }
        // CT-3 (b): one rule that lets every reply out, by protocol.
        let (mut replies, mut nearly) = (HeaderId::EMPTY, HeaderId::EMPTY);
        for (_, _, rule) in self.placed_rules(at, opposite(initiating)) {
            if !is_everywhere(&rule.peer, family) {
                continue;
            }
            let lane = match rule.protocol {
                RuleProtocol::Any => ported,
                RuleProtocol::Number(reach_packets::Protocol::TCP) => tcp,
                RuleProtocol::Number(reach_packets::Protocol::UDP) => udp,
                RuleProtocol::Number(_) => continue,
            };
            let ports = (rule.from_port.unwrap_or(0), rule.to_port.unwrap_or(u16::MAX));
            if rule.protocol == RuleProtocol::Any || ports == (0, u16::MAX) {
                replies = algebra.union(replies, lane);
            } else if ports == (1, u16::MAX) {
                // U-3: 1-65535 as "all ports".
                nearly = algebra.union(nearly, lane);
            }
        }
        if replies.is_empty() && nearly.is_empty() {
            return none;
        }
        // CT-3 (a): rules that admit from or to everywhere; beside them narrower ones that admit this peer (U-3).
        let (mut open, mut narrow) = (HeaderId::EMPTY, HeaderId::EMPTY);
        for (group, position, rule) in self.placed_rules(at, initiating) {
            let headers = self.groups.headers_of(group, initiating, position);
            if is_everywhere(&rule.peer, family) {
                open = algebra.union(open, headers);
            } else if self.is_narrow_match(&rule.peer, remote, references) {
                narrow = algebra.union(narrow, headers);
            }
        }
        open = algebra.intersect(open, ported);
        let nearly = algebra.subtract(nearly, replies);
        let mut unclear = algebra.intersect(open, nearly);
        let mut certain = algebra.intersect(open, replies);
        let doubtful = if memory.maybe_auto_tracked { certain } else { algebra.intersect(certain, narrow) };
        certain = algebra.subtract(certain, doubtful);
        unclear = algebra.union(unclear, doubtful);
        let closed = algebra.subtract(replies, open);
        let pieces = self.everywhere_in_pieces(at, initiating, family, closed, algebra);
        Untracked { certain, unclear: algebra.union(unclear, pieces) }
    }

    /// The rules of an interface's groups in a direction, with their places.
    fn placed_rules(
        &self,
        at: Idx<NetworkInterface>,
        direction: Direction,
    ) -> impl Iterator<Item = (Idx<SecurityGroup>, usize, &'n SecurityGroupRule)> {
        let network = self.network;
        let groups = network.interfaces.get(at).groups.iter().filter_map(Ref::known);
        groups.flat_map(move |idx| {
            let group = network.groups.get(idx);
            let rules = match direction {
                Direction::Ingress => &group.ingress,
                Direction::Egress => &group.egress,
            };
            (0..).zip(rules).map(move |(position, rule)| (idx, position, rule))
        })
    }

    /// Whether a rule for less than everywhere admits this peer, or may.
    fn is_narrow_match(&self, peer: &Peer, remote: Option<IpAddr>, references: &[Reference]) -> bool {
        match peer {
            Peer::Cidr(net) => net.prefix_len() > 0 && remote.is_none_or(|remote| net.contains(&remote)),
            Peer::PrefixList(list) => {
                let entries = list.known().and_then(|list| self.network.prefix_lists.get(list).cidrs.as_ref());
                let holds =
                    |entries: &Vec<IpNet>| remote.is_none_or(|remote| entries.iter().any(|net| net.contains(&remote)));
                entries.is_none_or(holds)
            }
            Peer::Group(peer) => self.groups.may_refer(references, peer),
        }
    }

    /// U-3: of `headers`, those that rules admit from or to everywhere by several CIDRs or by a prefix list.
    fn everywhere_in_pieces(
        &self,
        at: Idx<NetworkInterface>,
        direction: Direction,
        family: Family,
        headers: HeaderId,
        algebra: &mut Algebra<'_>,
    ) -> HeaderId {
        let mut rules: Vec<(HeaderId, IpSet)> = Vec::new();
        for (group, position, rule) in self.placed_rules(at, direction) {
            let nets: IpSet = match &rule.peer {
                Peer::Cidr(net) => (*net).into(),
                Peer::PrefixList(list) => {
                    let list = list.known().map(|idx| self.network.prefix_lists.get(idx));
                    list.and_then(|list| list.cidrs.as_ref()).into_iter().flatten().copied().collect()
                }
                Peer::Group(_) => continue,
            };
            let nets = nets.of_family(family);
            let own = algebra.intersect(self.groups.headers_of(group, direction, position), headers);
            if !nets.is_empty() && !own.is_empty() {
                rules.push((own, nets));
            }
        }
        let everything = IpSet::family_full(family);
        let union = |rules: &mut dyn Iterator<Item = &IpSet>| rules.fold(IpSet::empty(), |all, nets| all.union(nets));
        if !everything.is_subset(&union(&mut rules.iter().map(|(_, nets)| nets))) {
            return HeaderId::EMPTY;
        }
        let mut atoms = vec![headers];
        for (own, _) in &rules {
            super::pair::cut(&mut atoms, *own, algebra);
        }
        let mut found = HeaderId::EMPTY;
        for atom in atoms {
            let mut own = Vec::new();
            for (headers, nets) in &rules {
                if algebra.meets(*headers, atom) {
                    own.push(nets);
                }
            }
            if everything.is_subset(&union(&mut own.into_iter())) {
                found = algebra.union(found, atom);
            }
        }
        found
    }
}

fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Ingress => Direction::Egress,
        Direction::Egress => Direction::Ingress,
    }
}

fn is_everywhere(peer: &Peer, family: Family) -> bool {
    matches!(peer, Peer::Cidr(net) if net.prefix_len() == 0 && Family::of(net.addr()) == family)
}

/// What passes whichever of two ways is taken.
fn either(a: Passes, b: Passes, algebra: &mut Algebra<'_>) -> Passes {
    Passes { must: algebra.intersect(a.must, b.must), may: algebra.union(a.may, b.may) }
}

/// What gates at a translator's own ports come to for the client: a translator picks one of its pool for each connection.
fn of_pool(passes: Passes, algebra: &mut Algebra<'_>) -> Passes {
    if passes == Passes::ALL {
        return passes;
    }
    let pool = IntervalSet::range(POOL.0, POOL.1);
    let [mut must, mut may] = [passes.must, passes.may];
    for (pool, lane) in [
        (PortSet::tcp(pool.clone()), PortSet::tcp(PortRanges::full())),
        (PortSet::udp(pool), PortSet::udp(PortRanges::full())),
    ] {
        let (pool, lane) = (algebra.intern(pool), algebra.intern(lane));
        let (all, some) = (algebra.is_subset(pool, must), algebra.meets(pool, may));
        must = if all { algebra.union(must, lane) } else { algebra.subtract(must, lane) };
        may = if some { algebra.union(may, lane) } else { algebra.subtract(may, lane) };
    }
    Passes { must, may }
}
