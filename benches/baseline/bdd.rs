//! Decision diagrams over the same rules, as verifiers of networks use them.
//!
//! A set of packets is a Boolean function of the bits of the peer's address, of the protocol and of the port. A reference
//! to a group stands for the addresses of its members (as in Batfish). Each profile, a distinct set of groups, has one
//! function a direction; a symbolic pair is both functions with the two addresses put in, and their conjunction, in
//! which only the bits of protocol and port are left.
//!
//! The crate is `OxiDD`: of the maintained ones (with releases of this year) it is the one with what makes the diagrams
//! of large verifiers fast: one shared table of nodes, complement edges and a cache of operations. `biodivine-lib-bdd`
//! is maintained too, but copies every function as an array of its own.

use ipnet::IpNet;
use oxidd::bcdd::{BCDDFunction, BCDDManagerRef};
use oxidd::{BooleanFunction, BooleanFunctionQuant, Manager, ManagerRef};
use reach_model::network::{Direction, Idx, Network, NetworkInterface, Peer, SecurityGroupRule};
use reach_packets::PortSet;
use rustc_hash::FxHashMap;

use super::{END, End, LANE, LANES, OTHER, groups_of, rules, stretch};

/// Variables from the top: the family, the address, the protocol, the port or message. Addresses stand first so that
/// putting one in is a walk from the root.
const ADDRESS: u32 = 1;
const PROTOCOL: u32 = ADDRESS + 128;
const PORT: u32 = PROTOCOL + 8;
const VARIABLES: u32 = PORT + 16;

/// Functions of the groups of a network, built as they are asked for.
pub(crate) struct Diagrams<'n> {
    network: &'n Network,
    variables: Vec<[BCDDFunction; 2]>,
    constants: [BCDDFunction; 2],
    /// The conjunction of the variables of family and address.
    addresses: BCDDFunction,
    /// Members' addresses by group, sorted by family and address.
    members: Vec<Vec<IpNet>>,
    member_sets: FxHashMap<u32, BCDDFunction>,
    lists: FxHashMap<usize, BCDDFunction>,
    spans: FxHashMap<(u32, u32), BCDDFunction>,
    groups: FxHashMap<(u32, bool), BCDDFunction>,
    profiles: FxHashMap<(Vec<u32>, bool), BCDDFunction>,
    manager: BCDDManagerRef,
}

impl std::fmt::Debug for Diagrams<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Diagrams").field("profiles", &self.profiles.len()).finish_non_exhaustive()
    }
}

/// What a question about one end needs: the functions of its groups, and its address as an assignment.
#[derive(Clone)]
pub(crate) struct Asked {
    ingress: BCDDFunction,
    egress: BCDDFunction,
    address: BCDDFunction,
}

fn bits(net: &IpNet) -> (bool, u128) {
    match net {
        IpNet::V4(net) => (false, u128::from(u32::from(net.network())) << 96),
        IpNet::V6(net) => (true, net.network().into()),
    }
}

impl<'n> Diagrams<'n> {
    pub(crate) fn new(network: &'n Network) -> Self {
        // Room for the largest estates measured; a gigabyte at most, touched as it is used.
        let manager = oxidd::bcdd::new_manager(1 << 25, 1 << 20, 1);
        let (variables, constants) = manager.with_manager_exclusive(|manager| {
            let own = manager.add_vars(VARIABLES);
            let literal = |n| [BCDDFunction::not_var(manager, n).unwrap(), BCDDFunction::var(manager, n).unwrap()];
            let variables: Vec<[BCDDFunction; 2]> = own.map(literal).collect();
            (variables, [BCDDFunction::f(manager), BCDDFunction::t(manager)])
        });
        let [_, whole] = &constants;
        let addresses = variables.iter().take(PROTOCOL as usize).rev();
        let addresses = addresses.fold(whole.clone(), |all, [_, own]| all.and(own).unwrap());
        let mut members: Vec<Vec<IpNet>> = vec![Vec::new(); network.groups.len()];
        for (idx, interface) in network.interfaces.iter() {
            let own =
                interface.addresses.iter().map(|address| IpNet::from(address.ip)).chain(interface.prefixes.clone());
            let own: Vec<IpNet> = own.collect();
            for group in groups_of(network, idx) {
                members.get_mut(group as usize).unwrap().extend(&own);
            }
        }
        Self {
            network,
            variables,
            constants,
            addresses,
            members,
            member_sets: FxHashMap::default(),
            lists: FxHashMap::default(),
            spans: FxHashMap::default(),
            groups: FxHashMap::default(),
            profiles: FxHashMap::default(),
            manager,
        }
    }

    /// How many nodes there are.
    pub(crate) fn nodes(&self) -> usize {
        self.manager.with_manager_shared(|manager| manager.num_inner_nodes())
    }

    /// Builds what a question about one end needs.
    pub(crate) fn end(&mut self, (interface, address): End) -> Asked {
        let [ingress, egress] = [true, false].map(|ingress| self.profile(interface, ingress));
        Asked { ingress, egress, address: self.nets(&[IpNet::from(address)]) }
    }

    /// Everything that the groups of both ends admit.
    pub(crate) fn pair(from: &Asked, to: &Asked) -> BCDDFunction {
        let into = to.ingress.restrict(&from.address).unwrap();
        let out = from.egress.restrict(&to.address).unwrap();
        into.and(&out).unwrap()
    }

    /// The same as a verifier finds it that keeps sets of packets: the packets from one address that the other end admits,
    /// those to the other that this end admits, each without the address, and their conjunction.
    pub(crate) fn packets(&self, from: &Asked, to: &Asked) -> BCDDFunction {
        let project =
            |admitted: &BCDDFunction, peer: &BCDDFunction| admitted.and(peer).unwrap().exists(&self.addresses).unwrap();
        project(&to.ingress, &from.address).and(&project(&from.egress, &to.address)).unwrap()
    }

    /// Whether the answer about a pair, cut down to what passes between its ends, is `expected`.
    pub(crate) fn is(&self, from: &Asked, to: &Asked, link: &BCDDFunction, expected: &BCDDFunction) -> bool {
        let own = Self::pair(from, to);
        own == self.packets(from, to) && own.and(link).unwrap() == *expected
    }

    fn constant(&self, value: bool) -> BCDDFunction {
        let [no, yes] = &self.constants;
        if value { yes.clone() } else { no.clone() }
    }

    #[expect(clippy::indexing_slicing, reason = "there are as many as constants name")]
    fn literal(&self, variable: u32, value: bool) -> &BCDDFunction {
        &self.variables[variable as usize][usize::from(value)]
    }

    /// `variable ? yes : no`
    fn choice(&self, variable: u32, yes: &BCDDFunction, no: &BCDDFunction) -> BCDDFunction {
        self.literal(variable, true).ite(yes, no).unwrap()
    }

    /// The addresses of prefixes, each with host bits cleared.
    fn nets(&self, nets: &[IpNet]) -> BCDDFunction {
        let mut sides: [Vec<(u128, u8)>; 2] = Default::default();
        for net in nets {
            let (v6, bits) = bits(net);
            let [first, second] = &mut sides;
            if v6 { second } else { first }.push((bits, net.prefix_len()));
        }
        let [v4, v6] = sides.map(|mut list| {
            list.sort_unstable();
            self.subtree(&list, 0)
        });
        self.choice(0, &v6, &v4)
    }

    fn subtree(&self, list: &[(u128, u8)], depth: u8) -> BCDDFunction {
        if list.is_empty() || list.iter().any(|(_, length)| *length <= depth) {
            return self.constant(!list.is_empty());
        }
        let (zeros, ones) = list.split_at(list.partition_point(|(bits, _)| bits >> (127 - depth) & 1 == 0));
        let (no, yes) = (self.subtree(zeros, depth + 1), self.subtree(ones, depth + 1));
        self.choice(ADDRESS + u32::from(depth), &yes, &no)
    }

    /// Numbers of `width` bits from `low` to `high`, the first bit at `variable`.
    fn range(&self, variable: u32, width: u32, low: u32, high: u32) -> BCDDFunction {
        if low > high {
            return self.constant(false);
        }
        if low == 0 && high == (1 << width) - 1 {
            return self.constant(true);
        }
        let half = 1 << (width - 1);
        let no = if low < half {
            self.range(variable + 1, width - 1, low, high.min(half - 1))
        } else {
            self.constant(false)
        };
        let yes = if high >= half {
            self.range(variable + 1, width - 1, low.max(half) - half, high - half)
        } else {
            self.constant(false)
        };
        self.choice(variable, &yes, &no)
    }

    /// The headers of a stretch of the line.
    fn span(&mut self, (low, high): (u32, u32)) -> BCDDFunction {
        if let Some(known) = self.spans.get(&(low, high)) {
            return known.clone();
        }
        let span = if (low, high) == (0, END - 1) {
            self.constant(true)
        } else if low >= OTHER {
            self.range(PROTOCOL, 8, low - OTHER, high - OTHER)
        } else {
            let (lane, base) = (low / LANE, low / LANE * LANE);
            let number = u32::from(LANES.get(lane as usize).unwrap().number());
            let ports = self.range(PORT, 16, low - base, high - base);
            self.range(PROTOCOL, 8, number, number).and(&ports).unwrap()
        };
        self.spans.insert((low, high), span.clone());
        span
    }

    fn peer(&mut self, rule: &SecurityGroupRule) -> BCDDFunction {
        match &rule.peer {
            Peer::Cidr(net) => self.nets(&[*net]),
            Peer::PrefixList(list) => {
                let Some(idx) = list.known() else { return self.constant(false) };
                if let Some(known) = self.lists.get(&idx.position()) {
                    return known.clone();
                }
                let set = self.nets(self.network.prefix_lists.get(idx).cidrs.as_deref().unwrap_or_default());
                self.lists.insert(idx.position(), set.clone());
                set
            }
            Peer::Group(peer) => {
                let Some(group) = peer.group.known() else { return self.constant(false) };
                let group = u32::try_from(group.position()).unwrap();
                if let Some(known) = self.member_sets.get(&group) {
                    return known.clone();
                }
                let set = self.nets(self.members.get(group as usize).unwrap());
                self.member_sets.insert(group, set.clone());
                set
            }
        }
    }

    fn group(&mut self, group: u32, ingress: bool) -> BCDDFunction {
        if let Some(known) = self.groups.get(&(group, ingress)) {
            return known.clone();
        }
        let direction = if ingress { Direction::Ingress } else { Direction::Egress };
        let rules = rules(self.network, direction).nth(group as usize).unwrap();
        let parts: Vec<BCDDFunction> = rules
            .iter()
            .filter_map(|rule| {
                let span = stretch(rule)?;
                let headers = self.span(span);
                Some(self.peer(rule).and(&headers).unwrap())
            })
            .collect();
        let union = self.union(parts);
        self.groups.insert((group, ingress), union.clone());
        union
    }

    fn profile(&mut self, interface: Idx<NetworkInterface>, ingress: bool) -> BCDDFunction {
        let groups = groups_of(self.network, interface);
        if let Some(known) = self.profiles.get(&(groups.clone(), ingress)) {
            return known.clone();
        }
        let parts = groups.iter().map(|group| self.group(*group, ingress)).collect();
        let union = self.union(parts);
        self.profiles.insert((groups, ingress), union.clone());
        union
    }

    /// In any of them; small with small first.
    fn union(&self, mut parts: Vec<BCDDFunction>) -> BCDDFunction {
        while parts.len() > 1 {
            parts = parts
                .chunks(2)
                .map(|pair| match pair {
                    [a, b] => a.or(b).unwrap(),
                    rest => rest.first().unwrap().clone(),
                })
                .collect();
        }
        parts.pop().unwrap_or_else(|| self.constant(false))
    }

    /// A header set as a function, for comparing: equal sets are one function.
    pub(crate) fn headers(&mut self, set: &PortSet) -> BCDDFunction {
        let lanes = [set.tcp_ports(), set.udp_ports(), set.icmp_messages().points(), set.icmpv6_messages().points()];
        let mut parts = Vec::new();
        for (lane, ranges) in (0..).zip(lanes) {
            for (low, high) in ranges.iter_ranges() {
                parts.push(self.span((lane * LANE + u32::from(low), lane * LANE + u32::from(high))));
            }
        }
        for (low, high) in set.other_protocols().iter_ranges() {
            parts.push(self.span((OTHER + u32::from(low), OTHER + u32::from(high))));
        }
        self.union(parts)
    }
}
