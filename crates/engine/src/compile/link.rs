//! What lies between two places: every gate but the two ends' groups, folded.

use reach_model::Call;
use reach_model::network::{Destination, Direction, Idx, Network, Ref, Route, RouteOrigin, RouteState, Vpc};
use reach_packets::{Family, IntervalSet, PortSet, Protocol};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Compiled;
use super::acls::Passes;
use super::carry::{Aim, Carry, Source};
use super::gate::{Gate, Test};
use super::groups::{ProfileId, Reference, Standing};
use super::headers::{Algebra, HeaderId};
use super::pair::questions;
use super::population::{Member, Population, Position};
use super::space::is_private;

/// The number of a [`Link`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(u32);

impl LinkId {
    /// Nothing passes, whatever the groups say.
    pub const DEAD: Self = Self(0);
    /// What passes is found pair by pair.
    pub const SPECIAL: Self = Self(1);

    /// The number, for dense side tables.
    pub fn position(self) -> usize {
        self.0 as usize
    }
}

/// What a reference to the other end's groups is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Worth {
    /// It admits.
    Counts,
    /// Whether it admits is unknown.
    Unknown,
    /// It admits nobody.
    Nothing,
}

/// What lies between two places, but for the groups of both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Link {
    /// Headers whose first packets pass, with the answers of ICMP folded in (D).
    pub forward: Passes,
    /// Client ports whose replies pass, as TCP and UDP headers (S).
    pub back: Passes,
    /// Whether the source's groups are asked, and what references there are worth.
    pub egress: Option<Worth>,
    /// Whether the destination's groups are asked, and what references there are worth.
    pub ingress: Option<Worth>,
}

impl Link {
    /// Whether something here is neither certain to pass nor certain not to.
    pub fn is_doubtful(&self) -> bool {
        let unsure = |worth| worth == Some(Worth::Unknown);
        self.forward.must != self.forward.may
            || self.back.must != self.back.may
            || unsure(self.egress)
            || unsure(self.ingress)
    }
}

/// The links between all places of a population.
#[derive(Debug)]
pub struct Links {
    kinds: Vec<Link>,
    places: usize,
    /// By source place and destination place.
    table: Vec<LinkId>,
}

impl Links {
    /// Walks once for each two places. O(P²) walks for P places.
    pub fn new(compiled: &Compiled<'_>, population: &Population) -> Self {
        use rayon::prelude::*;
        let places = population.places().len();
        let apart = Apart::new(compiled);
        let rows: Vec<Vec<Result<Link, LinkId>>> = (0..places)
            .into_par_iter()
            .map_init(
                || compiled.algebra(),
                |algebra, to| {
                    (0..places).map(|from| between(compiled, population, &apart, (from, to), algebra)).collect()
                },
            )
            .collect();
        let nothing = Passes { must: HeaderId::EMPTY, may: HeaderId::EMPTY };
        let none = Link { forward: nothing, back: nothing, egress: None, ingress: None };
        let mut links = vec![none, none];
        let mut ids: FxHashMap<Link, LinkId> = FxHashMap::default();
        let mut table = vec![LinkId::DEAD; places * places];
        for (to, row) in rows.into_iter().enumerate() {
            for (from, link) in row.into_iter().enumerate() {
                let id = link.map_or_else(
                    |id| id,
                    |link| {
                        *ids.entry(link).or_insert_with(|| {
                            links.push(link);
                            LinkId(u32::try_from(links.len() - 1).unwrap_or(u32::MAX))
                        })
                    },
                );
                if let Some(entry) = table.get_mut(to * places + from) {
                    *entry = id;
                }
            }
        }
        Self { kinds: links, places, table }
    }

    /// The link from one place to another. O(1).
    pub fn between(&self, from: Position, to: Position) -> LinkId {
        self.table.get(to as usize * self.places + from as usize).copied().unwrap_or(LinkId::DEAD)
    }

    /// The links into a place, by source place.
    pub fn into(&self, to: Position) -> &[LinkId] {
        let start = to as usize * self.places;
        self.table.get(start..start + self.places).unwrap_or_default()
    }

    /// A link by number.
    #[expect(clippy::indexing_slicing, reason = "numbers are minted by this table and it never shrinks")]
    pub fn get(&self, id: LinkId) -> &Link {
        &self.kinds[id.position()]
    }

    /// A link by its number as a number: below [`Self::len`].
    pub(crate) fn at(&self, position: usize) -> &Link {
        self.get(LinkId(u32::try_from(position).unwrap_or(0)))
    }

    /// How many different links there are.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Never: the two that mean nothing and anything are always there.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }
}

fn between(
    compiled: &Compiled<'_>,
    population: &Population,
    apart: &Apart,
    (from, to): (usize, usize),
    algebra: &mut Algebra<'_>,
) -> Result<Link, LinkId> {
    let (from, to) = (u32::try_from(from).unwrap_or(u32::MAX), u32::try_from(to).unwrap_or(u32::MAX));
    let family = |place: Position| population.places().get(place as usize).map(|place| place.family);
    if family(from) != family(to) {
        return Err(LinkId::DEAD);
    }
    let role = |place: Position| population.places().get(place as usize).map(|place| place.role);
    if !role(from).is_some_and(|role| role.source) || !role(to).is_some_and(|role| role.destination) {
        return Err(LinkId::DEAD);
    }
    let Some((a, b)) = population.apart(from, to) else { return Err(LinkId::DEAD) };
    if apart.holds(compiled, a, b) {
        return Err(LinkId::DEAD);
    }
    fold(compiled, a, b, algebra)
}

/// Which VPCs lead to which, where the snapshot tells for certain: between others no walk is needed.
struct Apart {
    /// By VPC position.
    reached: Vec<Option<FxHashSet<Idx<Vpc>>>>,
}

impl Apart {
    fn new(compiled: &Compiled<'_>) -> Self {
        let network = compiled.network;
        // What was not collected could lead anywhere.
        let whole = STRUCTURE.iter().all(|&call| network.collected_for(None, call));
        let certain = |vpc: Idx<Vpc>| {
            whole
                && !compiled.may_hold_others(vpc)
                && network.vpcs.get(vpc).subnets.iter().all(|&subnet| {
                    let table = network.subnets.get(subnet).route_table.map(|table| network.route_tables.get(table));
                    table.is_some_and(|table| table.routes.iter().all(|route| is_certain(network, route)))
                })
        };
        let reached =
            network.vpcs.indices().map(|vpc| compiled.forwarding.reached_from(network, vpc).filter(|_| certain(vpc)));
        Self { reached: reached.collect() }
    }

    /// Whether no route leads from one member's VPC to the other's private address.
    fn holds(&self, compiled: &Compiled<'_>, from: Member, to: Member) -> bool {
        let vpc = |member: Member| compiled.network.interfaces.get(member.interface).vpc.as_ref().and_then(Ref::known);
        let (Some(from), Some(other)) = (vpc(from), vpc(to)) else { return false };
        let reached = self.reached.get(from.position()).and_then(Option::as_ref);
        let elsewhere = reached.is_some_and(|reached| !reached.contains(&other));
        // An address that others have, too, may be delivered to one of those.
        elsewhere && is_private(to.address()) && !compiled.network.addresses.is_shared(to.address())
    }
}

/// Whether nothing about a route is left open: whom it is for, and whether it counts.
fn is_certain(network: &Network, route: &Route) -> bool {
    let read = match &route.destination {
        Destination::Cidr(_) => true,
        Destination::PrefixList(list) => {
            list.known().is_some_and(|list| network.prefix_lists.get(list).cidrs.is_some())
        }
    };
    read && route.origin == RouteOrigin::Static && route.state != RouteState::Filtered
}

/// The collections that tell where routes lead.
const STRUCTURE: [Call; 7] = [
    Call::DescribeVpcs,
    Call::DescribeSubnets,
    Call::DescribeRouteTables,
    Call::DescribeNetworkInterfaces,
    Call::DescribeInternetGateways,
    Call::DescribeNatGateways,
    Call::DescribeVpcPeeringConnections,
];

/// Folds the gates between two members.
fn fold(compiled: &Compiled<'_>, from: Member, to: Member, algebra: &mut Algebra<'_>) -> Result<Link, LinkId> {
    let (source, destination) = (from.address(), to.address());
    let aim = Aim { address: destination, interface: Some(to.interface), admission: None };
    let ways = compiled.ways(Source::Interface(from.interface, source), aim);
    let [way] = ways.as_slice() else { return Err(LinkId::SPECIAL) };
    let (mut egress, mut ingress) = (None, None);
    let mut rest: Vec<&Gate> = Vec::new();
    for gate in &way.gates {
        match &gate.test {
            Test::Groups { at, direction: Direction::Egress, references, hidden: false }
                if *at == from.interface && gate.seen == (source, destination) && egress.is_none() =>
            {
                egress = Some(worth(references, compiled.groups.profile_of(to.interface)).ok_or(LinkId::SPECIAL)?);
            }
            Test::Groups { at, direction: Direction::Ingress, references, hidden: false }
                if *at == to.interface && gate.seen == (source, destination) && ingress.is_none() =>
            {
                ingress = Some(worth(references, compiled.groups.profile_of(from.interface)).ok_or(LinkId::SPECIAL)?);
            }
            // What could be admitted depends on the destination's groups.
            Test::Groups { .. } | Test::Unseen { .. } => {
                let others =
                    compiled.weigh_all(way.gates.iter().filter(|gate| !gate.asks_groups()), HeaderId::ALL, algebra);
                return Err(if others.may.is_empty() { LinkId::DEAD } else { LinkId::SPECIAL });
            }
            _ => rest.push(gate),
        }
    }
    let mut forward = compiled.weigh_all(rest, HeaderId::ALL, algebra);
    let possible = algebra.intern(possible_in(from.family()));
    forward.must = algebra.intersect(forward.must, possible);
    forward.may = algebra.intersect(forward.may, possible);
    if forward.may.is_empty() {
        return Err(LinkId::DEAD);
    }
    let ported = algebra.intern(PortSet::tcp(IntervalSet::full()).union(&PortSet::udp(IntervalSet::full())));
    let back = match compiled.replies(way) {
        // Nobody knows who answers: no reply is certain, any is possible.
        None => Passes { must: HeaderId::EMPTY, may: HeaderId::ALL },
        Some(replies) => match replies.as_slice() {
            [reply] if plain_reply(reply) => compiled.weigh_all(&reply.gates, HeaderId::ALL, algebra),
            _ => return Err(LinkId::SPECIAL),
        },
    };
    only_answered(&mut forward, back, algebra);
    let back = Passes { must: algebra.intersect(back.must, ported), may: algebra.intersect(back.may, ported) };
    Ok(Link { forward, back, egress, ingress })
}

/// ICMP has no source port: its answers are a condition on the messages themselves. Of the requests in `forward`, leaves
/// those whose answers pass.
pub(super) fn only_answered(forward: &mut Passes, back: Passes, algebra: &mut Algebra<'_>) {
    for protocol in [Protocol::ICMP, Protocol::ICMPV6] {
        let asked = algebra.intern(questions(protocol, &PortSet::full()));
        for (headers, answers) in [(&mut forward.must, back.must), (&mut forward.may, back.may)] {
            let answered = algebra.intern(questions(protocol, &algebra.get(answers)));
            let unanswered = algebra.subtract(asked, answered);
            *headers = algebra.subtract(*headers, unanswered);
        }
    }
}

/// The headers that packets of a family can have (M-1): no ICMPv6 over IPv4, no ICMP over IPv6.
pub(crate) fn possible_in(family: Family) -> PortSet {
    let foreign = match family {
        Family::V4 => Protocol::ICMPV6,
        Family::V6 => Protocol::ICMP,
    };
    PortSet::full().subtract(&PortSet::of_protocol(foreign))
}

fn plain_reply(reply: &Carry<'_>) -> bool {
    reply.gates.iter().all(|gate| !gate.pool && !gate.asks_groups())
}

/// What references are worth where only those to the groups of `other` are spoken of; `None` where others are, too.
fn worth(references: &[Reference], other: ProfileId) -> Option<Worth> {
    let mut first = None;
    for reference in references {
        match reference {
            Reference::Carried(profile, standing) if *profile == other => {
                first.get_or_insert(*standing);
            }
            _ => return None,
        }
    }
    Some(match first {
        Some(Standing::Counts) => Worth::Counts,
        Some(Standing::Unknown(..)) => Worth::Unknown,
        Some(Standing::Lost | Standing::Unsupported) | None => Worth::Nothing,
    })
}
