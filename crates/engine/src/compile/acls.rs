//! Network ACLs folded: first match becomes, for every remote atom, the set of headers that pass.

use reach_model::network::{Direction, Idx, Network, NetworkAcl, NetworkAclEntry, RuleProtocol};
use reach_packets::{IcmpSet, PortRanges, PortSet, Protocol};
use std::net::IpAddr;

use super::headers::{Algebra, HeaderId};
use super::trie::Trie;

/// What an ACL says of a remote address: what passes for certain, and what passes if AWS's undocumented matches do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Passes {
    pub must: HeaderId,
    /// A superset of `must`.
    pub may: HeaderId,
}

impl Passes {
    /// Everything passes.
    pub const ALL: Self = Self { must: HeaderId::ALL, may: HeaderId::ALL };
}

/// One direction of an ACL: a set of headers for each atom of its own CIDRs.
#[derive(Debug)]
struct Folded {
    trie: Trie,
    passes: Vec<Passes>,
}

/// All network ACLs, by position.
#[derive(Debug)]
pub struct Acls {
    folded: Vec<[Folded; 2]>,
}

impl Acls {
    /// Folds every ACL. O(E² log) for E entries; AWS permits 40.
    pub fn new(network: &Network, algebra: &mut Algebra<'_>) -> Self {
        let folded = network
            .acls
            .iter()
            .map(|(_, acl)| [Direction::Ingress, Direction::Egress].map(|direction| fold(acl, direction, algebra)))
            .collect();
        Self { folded }
    }

    /// What the ACL lets pass to (egress) or from (ingress) a remote address. O(log E).
    pub fn passes(&self, acl: Idx<NetworkAcl>, direction: Direction, remote: IpAddr) -> Passes {
        let side = usize::from(direction == Direction::Egress);
        let none = Passes { must: HeaderId::EMPTY, may: HeaderId::EMPTY };
        let Some(folded) = self.folded.get(acl.position()).and_then(|sides| sides.get(side)) else { return none };
        folded.passes.get(folded.trie.node_of(remote).position()).copied().unwrap_or(none)
    }

    /// Whether the ACL lets everything pass both ways, so that crossing it makes no difference.
    pub fn is_open(&self, acl: Idx<NetworkAcl>) -> bool {
        let sides = self.folded.get(acl.position());
        sides.is_some_and(|sides| sides.iter().all(|side| side.passes.iter().all(|passes| *passes == Passes::ALL)))
    }
}

fn fold(acl: &NetworkAcl, direction: Direction, algebra: &mut Algebra<'_>) -> Folded {
    // NA-2: the lowest number decides, whatever the order of the listing; the first listed of equal numbers.
    let mut entries: Vec<&NetworkAclEntry> = acl.entries.iter().filter(|entry| entry.direction == direction).collect();
    entries.sort_by_key(|entry| entry.number);
    let trie = Trie::new(entries.iter().map(|entry| entry.cidr));
    let passes = trie
        .nodes()
        .map(|node| {
            let mut pass = |undocumented: bool| {
                let (mut open, mut allowed) = (HeaderId::ALL, HeaderId::EMPTY);
                for entry in &entries {
                    // NA-5: an entry speaks of the remote addresses inside its CIDR.
                    if !trie.node(&entry.cidr.trunc()).is_some_and(|own| trie.range(own).contains(&node.position())) {
                        continue;
                    }
                    let headers = algebra.intern(entry_headers(entry, undocumented));
                    if entry.allow {
                        let fresh = algebra.intersect(open, headers);
                        allowed = algebra.union(allowed, fresh);
                    }
                    open = algebra.subtract(open, headers);
                }
                // NA-2: what no entry matches is denied.
                allowed
            };
            let (without, with) = (pass(false), pass(true));
            Passes { must: algebra.intersect(without, with), may: algebra.union(without, with) }
        })
        .collect();
    Folded { trie, passes }
}

/// NA-6, NA-7: which headers an entry matches. AWS does not say whether protocol 58 with an IPv4 CIDR means ICMP;
/// `undocumented` takes it that it does.
pub(super) fn entry_headers(entry: &NetworkAclEntry, undocumented: bool) -> PortSet {
    let ports = || entry.ports.map_or_else(PortRanges::full, |(from, to)| PortRanges::range(from, to));
    let messages = || match entry.icmp {
        None | Some((None, _)) => IcmpSet::full(),
        Some((Some(kind), None)) => IcmpSet::kind(kind),
        Some((Some(kind), Some(code))) => IcmpSet::single(kind, code),
    };
    match entry.protocol {
        RuleProtocol::Any => PortSet::full(),
        RuleProtocol::Number(Protocol::TCP) => PortSet::tcp(ports()),
        RuleProtocol::Number(Protocol::UDP) => PortSet::udp(ports()),
        RuleProtocol::Number(Protocol::ICMP) => PortSet::icmp(messages()),
        RuleProtocol::Number(Protocol::ICMPV6) => {
            let own = PortSet::icmpv6(messages());
            if undocumented && entry.cidr.addr().is_ipv4() {
                // Which messages it would match is just as undocumented: all of them.
                own.union(&PortSet::of_protocol(Protocol::ICMP))
            } else {
                own
            }
        }
        // NA-6: a port range on any other protocol is ignored.
        RuleProtocol::Number(other) => PortSet::of_protocol(other),
    }
}
