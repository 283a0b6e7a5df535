//! What lies between two places: every gate but the two ends' groups, folded.

use reach_model::network::Direction;
use reach_packets::{Family, IntervalSet, PortSet, Protocol};
use rustc_hash::FxHashMap;

use super::Compiled;
use super::acls::Passes;
use super::carry::{Aim, Carry, Source};
use super::gate::{Gate, Test};
use super::groups::{ProfileId, Reference, Standing};
use super::headers::{Algebra, HeaderId};
use super::pair::questions;
use super::population::{Member, Population, Position};

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
        let rows: Vec<Vec<Result<Link, LinkId>>> = (0..places)
            .into_par_iter()
            .map_init(
                || compiled.algebra(),
                |algebra, to| (0..places).map(|from| between(compiled, population, from, to, algebra)).collect(),
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
    from: usize,
    to: usize,
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
    fold(compiled, a, b, algebra)
}

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
    // ICMP has no source port: its answers are a condition on the messages themselves.
    for protocol in [Protocol::ICMP, Protocol::ICMPV6] {
        let asked = algebra.intern(questions(protocol, &PortSet::full()));
        for (headers, answers) in [(&mut forward.must, back.must), (&mut forward.may, back.may)] {
            let answered = algebra.intern(questions(protocol, &algebra.get(answers)));
            let unanswered = algebra.subtract(asked, answered);
            *headers = algebra.subtract(*headers, unanswered);
        }
    }
    let back = Passes { must: algebra.intersect(back.must, ported), may: algebra.intersect(back.may, ported) };
    Ok(Link { forward, back, egress, ingress })
}

/// The headers that packets of a family can have (M-1): no ICMPv6 over IPv4, no ICMP over IPv6.
pub(super) fn possible_in(family: Family) -> PortSet {
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
