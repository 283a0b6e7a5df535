//! What becomes of open connections (CT-7 to CT-16).

use indexmap::IndexMap;
use reach_model::network::IdleTimeouts;

use super::region::{Common, Rect};
use crate::compile::course::{Course, Filter};
use crate::compile::headers::HeaderId;
use crate::compile::pair::cut;

/// What a change does to an open connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Fate {
    /// It goes on, and would be made again.
    Unaffected,
    /// It goes on; once it was idle for so many seconds it is judged as new, and refused. `None`: AWS documents no timeout.
    Survives(Option<u32>),
    /// AWS does not document it, or the snapshot does not tell.
    Unknown,
    /// It is cut at once.
    Cut,
}

impl Fate {
    /// CT-16 and the order of CT 2.3: the worst of what the parts of a way do.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Fate::Survives(a), Fate::Survives(b)) => Fate::Survives(match (a, b) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            }),
            _ => self.max(other),
        }
    }
}

/// CT-12: a NAT gateway forgets what is idle, and then sends RST.
const NAT_IDLE: u32 = 350;

/// CT-4: every other protocol is tracked by addresses and number for this long.
const OTHER_IDLE: u32 = 600;

/// The lanes that timeouts tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tcp,
    Udp,
    Icmp,
    Other,
}

fn idle(timeouts: IdleTimeouts, kind: Kind) -> Option<u32> {
    match kind {
        Kind::Tcp => timeouts.tcp_established,
        // An open conversation is more than one request.
        Kind::Udp => timeouts.udp_stream,
        Kind::Icmp => None,
        Kind::Other => Some(OTHER_IDLE),
    }
}

/// One point of what is asked: headers and client ports that nothing tells apart.
struct Point {
    headers: HeaderId,
    /// Client ports; `None` for what has none.
    ports: Option<HeaderId>,
    kind: Kind,
}

impl Common<'_> {
    /// What becomes of the flows of `region`, all reachable before, when `before` are their ways and `after` what they
    /// would be. Disjoint, and everything of `region` is told.
    pub(super) fn fates(&mut self, before: &[Course], after: &[Course], region: &[Rect]) -> Vec<(Fate, Vec<Rect>)> {
        let [tcp, udp, icmp, icmpv6, _] = self.lanes();
        let mut fates: IndexMap<Fate, Vec<Rect>> = IndexMap::new();
        for &(headers, sources) in region {
            let mut atoms = vec![headers];
            let mut ports = vec![sources];
            for course in before.iter().chain(after) {
                let of_filters =
                    course.filters.iter().flat_map(|f| [f.passes.must, f.passes.may, f.untracked, f.unclear]);
                for by in [course.headers, course.forward.must, course.forward.may].into_iter().chain(of_filters) {
                    cut(&mut atoms, by, &mut self.algebra);
                }
                let [back, groups] = [course.back, course.reply_groups];
                for by in [back.must, back.may, groups.must, groups.may] {
                    cut(&mut ports, by, &mut self.algebra);
                }
            }
            for atom in atoms {
                let kind = [(tcp, Kind::Tcp), (udp, Kind::Udp), (icmp, Kind::Icmp), (icmpv6, Kind::Icmp)]
                    .into_iter()
                    .find(|(lane, _)| self.algebra.meets(atom, *lane))
                    .map_or(Kind::Other, |(_, kind)| kind);
                let has_ports = matches!(kind, Kind::Tcp | Kind::Udp);
                let parts = if has_ports { ports.clone() } else { vec![sources] };
                for part in parts {
                    let point = Point { headers: atom, ports: has_ports.then_some(part), kind };
                    let fate = self.of_ways(before, after, &point);
                    fates.entry(fate).or_default().push((atom, part));
                }
            }
        }
        let mut fates: Vec<(Fate, Vec<Rect>)> =
            fates.into_iter().map(|(fate, list)| (fate, self.joined(list))).collect();
        fates.sort_by_key(|(fate, _)| *fate);
        fates
    }

    /// Where AWS picks one of several ways nobody can tell which: a connection's fate is known where all agree.
    fn of_ways(&mut self, before: &[Course], after: &[Course], point: &Point) -> Fate {
        let takes = |common: &mut Self, course: &&Course| common.algebra.is_subset(point.headers, course.headers);
        let before: Vec<&Course> = before.iter().filter(|course| takes(self, course)).collect();
        let after: Vec<&Course> = after.iter().filter(|course| takes(self, course)).collect();
        let mut fates: Vec<Fate> = Vec::new();
        for was in &before {
            let same: Vec<&Course> = after.iter().copied().filter(|is| is.path == was.path).collect();
            let candidates = if same.is_empty() { after.clone() } else { same };
            fates.extend(candidates.into_iter().map(|is| self.of_way(was, is, point)));
        }
        match fates.split_first() {
            Some((first, rest)) if rest.iter().all(|fate| fate == first) => *first,
            _ => Fate::Unknown,
        }
    }

    /// CT 2.3, for one way before and one after.
    fn of_way(&mut self, was: &Course, is: &Course, point: &Point) -> Fate {
        let headers = point.headers;
        // CT-11, CT-16: network ACLs and routes act on every packet at once, in either direction.
        let mut fate = self.stateless(is.forward.must, is.forward.may, headers);
        if let Some(ports) = point.ports {
            fate = fate.and(self.stateless(is.back.must, is.back.may, ports));
            // CT-15: replies that another interface would have to know of.
            if !self.algebra.is_subset(ports, is.reply_groups.must) {
                fate = fate.and(Fate::Unknown);
            }
        }
        // Where the way itself is not known, nobody can compare it.
        if fate == Fate::Cut || fate == Fate::Unknown {
            return fate;
        }
        // CT-14: another translator, another address, another endpoint.
        if was.path != is.path {
            return Fate::Cut;
        }
        for filter in &is.filters {
            let old = was.filters.iter().find(|f| f.at == filter.at && f.direction == filter.direction);
            fate = fate.and(self.of_filter(old, filter, point));
        }
        match fate {
            // What a NAT gateway forgot is made again by a first packet, which is refused.
            Fate::Survives(after) if is.path.translated => {
                Fate::Survives(Some(after.map_or(NAT_IDLE, |after| after.min(NAT_IDLE))))
            }
            fate => fate,
        }
    }

    fn stateless(&mut self, must: HeaderId, may: HeaderId, set: HeaderId) -> Fate {
        if self.algebra.is_subset(set, must) {
            Fate::Unaffected
        } else if self.algebra.meets(set, may) {
            Fate::Unknown
        } else {
            Fate::Cut
        }
    }

    /// One interface's groups (CT-7, CT-8, CT-9).
    fn of_filter(&mut self, old: Option<&Filter>, new: &Filter, point: &Point) -> Fate {
        let headers = point.headers;
        let admitted = self.stateless(new.passes.must, new.passes.may, headers);
        let Some(old) = old else {
            // It did not see the connection begin.
            return if admitted == Fate::Cut { Fate::Cut } else { Fate::Unknown };
        };
        let is_untracked = self.algebra.meets(headers, new.untracked);
        let is_unclear = self.algebra.meets(headers, new.unclear);
        let was_unclear = self.algebra.meets(headers, old.unclear);
        if self.algebra.meets(headers, old.untracked) {
            return match admitted {
                Fate::Unaffected if is_untracked => Fate::Unaffected,
                // It would need state now: nobody documents whether a packet in its middle makes some.
                Fate::Unaffected => Fate::Unknown,
                // CT-7.
                other => other,
            };
        }
        if was_unclear {
            return match admitted {
                Fate::Unaffected if is_untracked || is_unclear => Fate::Unaffected,
                _ => Fate::Unknown,
            };
        }
        match admitted {
            // CT-8, CT-9: state carries it on, whatever the rules say by now.
            Fate::Cut => Fate::Survives(idle(old.idle, point.kind)),
            other => other,
        }
    }
}
