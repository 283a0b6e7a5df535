//! One pair, by table probes alone: what the places, profiles and atoms of both ends say.

use std::net::IpAddr;

use reach_model::network::{Direction, Idx, NetworkInterface};
use reach_packets::{Protocol, Transport};
use rustc_hash::FxHashMap;

use super::acls::Passes;
use super::groups::{ProfileId, Reference, Standing, Terms};
use super::headers::{Algebra, HeaderId};
use super::link::{LinkId, Links, Worth};
use super::population::{Population, Position};
use super::{Aim, Compiled, Source};
use crate::verdict::Verdict;

/// The exact answer for a pair of members: destination headers (D) × client ports (S).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rectangle {
    /// D, the answers of ICMP folded in.
    pub headers: Passes,
    /// S, as TCP and UDP headers.
    pub back: Passes,
    /// What lies between the two, but for their groups.
    pub link: LinkId,
}

/// A population with its links, for asking about pairs.
#[derive(Debug)]
pub struct Lookup<'c, 'n> {
    compiled: &'c Compiled<'n>,
    population: &'c Population,
    links: &'c Links,
    by_address: FxHashMap<(Idx<NetworkInterface>, IpAddr), Position>,
}

impl<'c, 'n> Lookup<'c, 'n> {
    /// Indexes the members by address. O(N).
    pub fn new(compiled: &'c Compiled<'n>, population: &'c Population, links: &'c Links) -> Self {
        let members = (0..).zip(population.members());
        let by_address = members.map(|(position, member)| ((member.interface, member.address()), position)).collect();
        Self { compiled, population, links, by_address }
    }

    /// The member that is an interface's address.
    pub fn member(&self, interface: Idx<NetworkInterface>, address: IpAddr) -> Option<Position> {
        self.by_address.get(&(interface, address)).copied()
    }

    /// All that passes between two members, or may; `None` where one kernel delivers between them, or a translator stands
    /// there: [`Compiled::flows`] tells.
    pub fn pair(&self, from: Position, to: Position, algebra: &mut Algebra<'_>) -> Option<Rectangle> {
        let population = self.population;
        if population.on_one_host(from, to) {
            return None;
        }
        let classes = population.classes();
        let source = classes.get(population.class_of(from) as usize)?;
        let destination = classes.get(population.class_of(to) as usize)?;
        let id = self.links.between(source.place, destination.place);
        if id == LinkId::SPECIAL {
            return None;
        }
        let link = self.links.get(id);
        let mut headers = link.forward;
        let ends = [
            (link.ingress, destination.profile, Direction::Ingress, source),
            (link.egress, source.profile, Direction::Egress, destination),
        ];
        for (worth, profile, direction, other) in ends {
            let Some(worth) = worth else { continue };
            // Ingress is the choosier end, as a rule: where it admits nothing, the other need not be asked.
            if headers.may.is_empty() {
                break;
            }
            let own = self.admitted(profile, direction, worth, (other.node, other.profile), algebra);
            headers.must = algebra.intersect(headers.must, own.must);
            headers.may = algebra.intersect(headers.may, own.may);
        }
        Some(Rectangle { headers, back: link.back, link: id })
    }

    fn admitted(
        &self,
        profile: ProfileId,
        direction: Direction,
        worth: Worth,
        (node, other): (super::trie::Node, ProfileId),
        algebra: &mut Algebra<'_>,
    ) -> Passes {
        let groups = &self.compiled.groups;
        let at = (&self.compiled.trie, node);
        if groups.profile(profile).side(direction).whole && worth != Worth::Unknown {
            let carried = (worth == Worth::Counts).then_some(other);
            let admitted = groups.admitted(profile, direction, at, carried, algebra);
            return Passes { must: admitted, may: admitted };
        }
        let standing = match worth {
            Worth::Counts => Standing::Counts,
            Worth::Unknown => Standing::Unknown(crate::reason::Code::NotCollected, None),
            Worth::Nothing => Standing::Unsupported,
        };
        let references = [Reference::Carried(other, standing)];
        let terms = Terms { references: &references, hidden: false, within: HeaderId::ALL };
        let said = groups.say(profile, direction, at, terms, algebra);
        Passes { must: said.admitted, may: algebra.union(said.admitted, said.unknown) }
    }

    /// Whether one flow passes both ways. Some hundred nanoseconds at most where the snapshot is whole.
    pub fn passes(
        &self,
        (from, to): (Position, Position),
        (protocol, port, source_port): (Protocol, u16, u16),
        algebra: &mut Algebra<'_>,
    ) -> Verdict {
        let there = Transport::Ports { source: source_port, destination: port };
        let back = Transport::Ports { source: port, destination: source_port };
        let population = self.population;
        let classes = population.classes();
        let ends = (classes.get(population.class_of(from) as usize), classes.get(population.class_of(to) as usize));
        if let (Some(source), Some(destination)) = ends
            && !population.on_one_host(from, to)
        {
            let id = self.links.between(source.place, destination.place);
            if id == LinkId::DEAD {
                return Verdict::Blocked;
            }
            let link = self.links.get(id);
            let worth = (link.egress, link.ingress);
            let groups = &self.compiled.groups;
            let whole = |profile: ProfileId, direction| groups.profile(profile).side(direction).whole;
            if id != LinkId::SPECIAL
                && !link.is_doubtful()
                && worth == (Some(Worth::Counts), Some(Worth::Counts))
                && whole(source.profile, Direction::Egress)
                && whole(destination.profile, Direction::Ingress)
            {
                let trie = &self.compiled.trie;
                let flow = (protocol, &there);
                let passes = algebra.contains(link.forward.must, protocol, &there)
                    && algebra.contains(link.back.must, protocol, &back)
                    && groups.admits(
                        destination.profile,
                        Direction::Ingress,
                        (trie, source.node),
                        Some(source.profile),
                        algebra,
                        flow,
                    )
                    && groups.admits(
                        source.profile,
                        Direction::Egress,
                        (trie, destination.node),
                        Some(destination.profile),
                        algebra,
                        flow,
                    );
                return if passes { Verdict::Reachable } else { Verdict::Blocked };
            }
        }
        // What a host delivers itself, translators, and what the snapshot does not tell.
        let inside = |rectangles: &[(HeaderId, HeaderId, bool)], algebra: &mut Algebra<'_>| {
            let found = rectangles.iter().find(|(headers, ports, _)| {
                algebra.contains(*headers, protocol, &there) && algebra.contains(*ports, protocol, &back)
            });
            match found {
                Some((.., true)) => Verdict::Reachable,
                Some((.., false)) => Verdict::Unknown,
                None => Verdict::Blocked,
            }
        };
        match self.pair(from, to, algebra) {
            Some(rectangle) => {
                let certain = [(rectangle.headers.must, rectangle.back.must, true)];
                let possible = [(rectangle.headers.may, rectangle.back.may, false)];
                match inside(&certain, algebra) {
                    Verdict::Reachable => Verdict::Reachable,
                    _ => inside(&possible, algebra),
                }
            }
            None => {
                let members = population.members();
                let (Some(a), Some(b)) = (members.get(from as usize), members.get(to as usize)) else {
                    return Verdict::Unknown;
                };
                let aim = Aim { address: b.address(), interface: Some(b.interface), admission: None };
                let flows = self.compiled.flows(Source::Interface(a.interface, a.address()), aim, algebra);
                inside(&flows, algebra)
            }
        }
    }
}
