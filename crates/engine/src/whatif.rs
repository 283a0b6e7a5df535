//! What a change does: which flows are gained and lost, exactly, and what becomes of open connections.
//!
//! Both networks are compiled, everybody is sorted into classes that neither tells apart (`ends`), and two classes are
//! compared on two of their members wherever anything between them differs (`pairs`); addresses outside are cut by the
//! tables of both (`outside`). Sets of flows are rectangles (`region`); what is open is judged by its way before and after
//! (`fate`, CT-7 to CT-16). `merge` tells the result in few sets, by a rule that it states.
//!
//! [`difference`] is the definition: whatever is faster must say the same.

mod cause;
mod ends;
mod fate;
mod merge;
mod narrow;
mod outside;
mod pairs;
mod quota;
mod region;
mod resources;
mod witness;

use std::sync::OnceLock;

use reach_model::Network;
use reach_packets::{Family, IpSet};

pub use self::cause::Alike;
pub use self::ends::{Party, PartyId};
pub use self::merge::{End, FlowSet, IpSetKey, Traffic};
pub use self::narrow::{Scope, Side};
pub use self::quota::passed;
pub use self::resources::{AtGates, Part, ResourceChange, resource_changes};
use crate::compile::Compiled;
use crate::compile::headers::Headers;
use crate::compile::link::Links;
use crate::compile::population::Population;
pub use crate::fix::Quota;
use crate::pair::Contradiction;

/// A network, compiled, with everybody in it and what lies between them. Made once for all changes of it.
#[derive(Debug)]
pub struct State<'n> {
    pub compiled: Compiled<'n>,
    pub(crate) population: Population,
    /// Made when they are first needed: where only groups change, those of the network before serve both.
    links: OnceLock<Links>,
}

impl<'n> State<'n> {
    /// Compiles a network and sorts everybody in it into classes. O(N log N). What lies between places is found when it is
    /// first asked for, in O(P²) walks for P places.
    pub fn new(network: &'n Network) -> Self {
        let compiled = Compiled::new(network);
        let population = Population::of(&compiled);
        Self { compiled, population, links: OnceLock::new() }
    }

    fn links(&self) -> &Links {
        self.links.get_or_init(|| Links::new(&self.compiled, &self.population))
    }
}

/// What a change does. In every list the sets are disjoint.
#[derive(Debug, Clone, Default)]
pub struct Difference {
    /// Everybody in either network: what [`End::Inside`] speaks of.
    pub parties: Vec<Party>,
    /// The outside that was looked at: all addresses that belong to neither network.
    pub outside: IpSet,
    /// Blocked before, reachable after.
    pub gained: Vec<FlowSet>,
    /// Reachable before, blocked after.
    pub lost: Vec<FlowSet>,
    /// Unknown before or after, and something else on the other side.
    pub undecided: Vec<FlowSet>,
    pub connections: Connections,
}

/// What becomes of connections that are open when the change is made: all flows that were reachable before and that are not
/// listed go on as if nothing had happened.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    pub cut_now: Vec<FlowSet>,
    pub survive_until_idle: Vec<FlowSet>,
    pub unknown: Vec<FlowSet>,
}

impl Difference {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        let Connections { cut_now, survive_until_idle, unknown } = &self.connections;
        [&self.gained, &self.lost, &self.undecided, cut_now, survive_until_idle, unknown].into_iter().all(Vec::is_empty)
    }
}

/// Compares two networks: every flow between all their addresses, and with the outside.
///
/// # Errors
///
/// [`Contradiction`] where the reference engine judges a flow of the result otherwise: a bug in one of the two engines.
pub fn difference(before: &State<'_>, after: &State<'_>) -> Result<Difference, Box<Contradiction>> {
    let headers = Headers::default();
    let (old, new) = ends::aligned(before, after);
    let own: [OnceLock<Links>; 2] = Default::default();
    let [old_own, new_own] = &own;
    let same_ground = outside::same_ground(before, after);
    let old_links = match &old {
        Some(population) => old_own.get_or_init(|| Links::new(&before.compiled, population)),
        None => before.links(),
    };
    let new_links = match &new {
        _ if same_ground => None,
        Some(population) => Some(new_own.get_or_init(|| Links::new(&after.compiled, population))),
        None => Some(after.links()),
    };
    let (old, new) = (old.as_ref().unwrap_or(&before.population), new.as_ref().unwrap_or(&after.population));
    let ends = ends::Ends::new((before, old), (after, new));
    let pairs = pairs::compared((before, old, old_links), (after, new, new_links), &ends, &headers);
    let outside = outside_of(before.compiled.network()).intersect(&outside_of(after.compiled.network()));
    let outer = outside::compared((before, old), (after, new), &ends, (&outside, same_ground), &headers);
    let lists = merge::merged(&ends, &pairs, &outer, &headers);
    let mut found = Difference { parties: ends.parties, outside, ..Difference::default() };
    for (category, list) in lists {
        let connections = &mut found.connections;
        let own = match category {
            pairs::Category::Gained => &mut found.gained,
            pairs::Category::Lost => &mut found.lost,
            pairs::Category::Undecided => &mut found.undecided,
            pairs::Category::Cut => &mut connections.cut_now,
            pairs::Category::Survives(_) => &mut connections.survive_until_idle,
            pairs::Category::Uncertain => &mut connections.unknown,
        };
        own.extend(list);
    }
    found.connections.survive_until_idle.sort();
    witness::check(before.compiled.network(), after.compiled.network(), &found)?;
    Ok(found)
}

/// All addresses that may be a host's and are nobody's of the network: public and private ones.
fn outside_of(network: &Network) -> IpSet {
    let special = ["0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3"];
    let special: IpSet = special.iter().filter_map(|net| net.parse::<ipnet::IpNet>().ok()).collect();
    let hosts = ["2000::/3", "fc00::/7"];
    let hosts: IpSet = hosts.iter().filter_map(|net| net.parse::<ipnet::IpNet>().ok()).collect();
    let mut own: Vec<ipnet::IpNet> = Vec::new();
    for (_, vpc) in network.vpcs.iter() {
        own.extend(vpc.cidrs_v4.iter().copied().map(ipnet::IpNet::V4));
        own.extend(vpc.cidrs_v6.iter().copied().map(ipnet::IpNet::V6));
    }
    for (_, interface) in network.interfaces.iter() {
        own.extend(interface.addresses.iter().map(|address| ipnet::IpNet::from(address.ip)));
        own.extend(interface.prefixes.iter().copied());
        let public = interface.addresses.iter().filter_map(|address| address.public);
        own.extend(public.map(|address| ipnet::IpNet::from(std::net::IpAddr::V4(address))));
    }
    let nat = network.nat_gateways.iter().filter(|(_, nat)| nat.exists());
    let of_nat = nat.flat_map(|(_, nat)| nat.addresses.iter().filter_map(|address| address.public));
    own.extend(of_nat.map(|address| ipnet::IpNet::from(std::net::IpAddr::V4(address))));
    let own: IpSet = own.into_iter().collect();
    IpSet::family_full(Family::V4).subtract(&special).union(&hosts).subtract(&own)
}
