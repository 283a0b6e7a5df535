//! Security groups compiled: rules of equal peers merged, groups of equal sets merged.
//!
//! Groups only ever admit (SG-1, SG-2), so what an interface's groups say of a peer is a union of header sets. A
//! [`Profile`] is one distinct set of groups; all interfaces that carry it share it. A rule's peer is a CIDR (a range of
//! the trie), a prefix list (a shared list of ranges) or a group (a key that the other end carries or not).

use std::ops::Range;

use ipnet::IpNet;
use reach_model::Call;
use reach_model::ids::SecurityGroupId;
use reach_model::network::{
    Direction, GroupPeer, Idx, Network, NetworkInterface, Peer, PrefixList, Ref, RuleProtocol, SecurityGroup,
    SecurityGroupRule,
};
use reach_packets::{Family, IcmpSet, PortRanges, PortSet, Protocol, Transport};
use rustc_hash::FxHashMap;

use super::headers::{Algebra, HeaderId};
use super::trie::{Node, Trie};
use crate::reason::Code;

/// A security group, whether the snapshot describes it or only names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey(u32);

impl GroupKey {
    /// The key as a number, for dense side tables.
    pub fn position(self) -> usize {
        self.0 as usize
    }
}

/// The position of a [`Profile`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileId(u32);

impl ProfileId {
    /// The position as a number, for dense side tables.
    pub fn position(self) -> usize {
        self.0 as usize
    }
}

/// The rules of one or several groups in one direction, merged by peer.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// Whether there is any rule at all (`SG_HAS_NO_RULES` says that there is none).
    pub any_rule: bool,
    /// Whether the snapshot tells everything that the rules say of addresses and carried groups.
    pub whole: bool,
    /// Rules whose peer is a group.
    pub peers: ByPeer<GroupKey>,
    /// Rules whose peer is a CIDR.
    pub nodes: ByPeer<Node>,
    /// Rules whose peer is a prefix list with entries.
    pub lists: ByPeer<Idx<PrefixList>>,
    /// Rules whose prefix list the snapshot does not hold: who they admit is unknown (SG-17).
    pub unread: Box<[Unread]>,
}

/// What rules admit, sorted by peer. The rules of one peer are one entry, as long as there are not too many different
/// unions of them.
#[derive(Debug, Clone)]
pub struct ByPeer<K> {
    entries: Box<[(K, HeaderId)]>,
    /// Where each peer's entries begin, by hash, plus one; empty for short lists, which are searched.
    slots: Box<[u32]>,
    /// A bit for each peer, by hash: most questions about a short list end here, before it is read.
    marks: [u64; 2],
}

impl<K> Default for ByPeer<K> {
    fn default() -> Self {
        Self { entries: Box::default(), slots: Box::default(), marks: [0; 2] }
    }
}

/// Longer lists are found by hash: one cache line, where a search reads several.
const SEARCHED: usize = 64;

impl<K: PeerKey> ByPeer<K> {
    fn new(mut list: Vec<(K, HeaderId)>) -> Self {
        list.sort_unstable();
        list.dedup();
        let entries: Box<[(K, HeaderId)]> = list.into();
        let mut marks = [0; 2];
        for (key, _) in &entries {
            let (word, bit) = mark(*key);
            if let Some(word) = marks.get_mut(word) {
                *word |= bit;
            }
        }
        if entries.len() <= SEARCHED {
            return Self { entries, slots: Box::default(), marks };
        }
        let size = (entries.len() * 2).next_power_of_two();
        let mut slots = vec![0_u32; size];
        let mut last = None;
        for (position, (key, _)) in entries.iter().enumerate() {
            if last == Some(*key) {
                continue;
            }
            last = Some(*key);
            let mut slot = key.hash() & (size - 1);
            while slots.get(slot).is_some_and(|taken| *taken != 0) {
                slot = (slot + 1) & (size - 1);
            }
            if let Some(free) = slots.get_mut(slot) {
                *free = u32::try_from(position + 1).unwrap_or(u32::MAX);
            }
        }
        Self { entries, slots: slots.into(), marks }
    }

    /// Every entry, by peer.
    pub fn iter(&self) -> std::slice::Iter<'_, (K, HeaderId)> {
        self.entries.iter()
    }

    /// The entries of a peer. O(1), or O(log n) of a short list.
    fn of(&self, key: K) -> impl Iterator<Item = HeaderId> + '_ {
        let (word, bit) = mark(key);
        let first = if self.marks.get(word).is_some_and(|word| word & bit == 0) {
            self.entries.len()
        } else if self.slots.is_empty() {
            self.entries.partition_point(|(own, _)| *own < key)
        } else {
            let mask = self.slots.len() - 1;
            let mut slot = key.hash() & mask;
            loop {
                let Some(at) = self.slots.get(slot).copied().filter(|at| *at != 0) else { break self.entries.len() };
                let at = at as usize - 1;
                if self.entries.get(at).is_some_and(|(own, _)| *own == key) {
                    break at;
                }
                slot = (slot + 1) & mask;
            }
        };
        let rest = self.entries.get(first..).unwrap_or_default().iter();
        rest.take_while(move |(own, _)| *own == key).map(|&(_, headers)| headers)
    }
}

impl<'a, K> IntoIterator for &'a ByPeer<K> {
    type Item = &'a (K, HeaderId);
    type IntoIter = std::slice::Iter<'a, (K, HeaderId)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

/// What rules can be sorted and found by.
pub trait PeerKey: Copy + Ord {
    /// A number that spreads well.
    fn hash(self) -> usize;
}

/// The word and the bit that stand for a peer.
fn mark<K: PeerKey>(key: K) -> (usize, u64) {
    let hash = key.hash();
    (hash >> 6 & 1, 1 << (hash & 63))
}

fn spread(position: usize) -> usize {
    position.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32
}

impl PeerKey for GroupKey {
    fn hash(self) -> usize {
        spread(self.position())
    }
}

impl PeerKey for Node {
    fn hash(self) -> usize {
        spread(self.position())
    }
}

impl PeerKey for Idx<PrefixList> {
    fn hash(self) -> usize {
        spread(self.position())
    }
}

/// A rule by a prefix list without entries.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unread {
    /// The list's id.
    pub list: Box<str>,
    /// Its family, where that much is known.
    pub family: Option<Family>,
    pub headers: HeaderId,
}

/// One distinct set of security groups.
#[derive(Debug)]
pub struct Profile {
    /// Sorted.
    pub groups: Box<[GroupKey]>,
    /// A group that the snapshot does not describe: it may admit anything (SG-2).
    pub missing: Option<SecurityGroupId>,
    pub ingress: Side,
    pub egress: Side,
}

impl Profile {
    /// The rules of a direction.
    pub fn side(&self, direction: Direction) -> &Side {
        match direction {
            Direction::Ingress => &self.ingress,
            Direction::Egress => &self.egress,
        }
    }
}

/// What a reference to a group is worth at a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It matches.
    Counts,
    /// The sender's identity was lost on the way.
    Lost,
    /// References do not work over this path.
    Unsupported,
    /// The snapshot does not tell.
    Unknown(Code, Option<Call>),
}

/// Which references match at a gate; of several, the first that speaks of a group decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reference {
    /// To a group of this profile.
    Carried(ProfileId, Standing),
    /// To any group.
    Any(Standing),
    /// To any group that the snapshot only names.
    OnlyNamed(Standing),
}

/// What groups say at a gate, as header sets; what is in none of them is refused for want of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Said {
    pub admitted: HeaderId,
    /// Admitted or not: the snapshot does not tell.
    pub unknown: HeaderId,
    /// A reference would admit, had the sender's identity survived.
    pub lost: HeaderId,
    /// A reference would admit, did references work over this path.
    pub unsupported: HeaderId,
}

/// What is asked of groups beside the address.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'r> {
    /// Which references to groups of the other end match.
    pub references: &'r [Reference],
    /// The peer's address is not the one that the packet shows but one that the snapshot does not hold (SG-34).
    pub hidden: bool,
    /// Only these headers are looked at: unions of what nobody asks would be sets without end.
    pub within: HeaderId,
}

/// All groups of a network.
#[derive(Debug)]
pub struct Groups {
    /// The profile of each interface, by position.
    of_interface: Vec<ProfileId>,
    profiles: Vec<Profile>,
    /// Groups that only references or interfaces name.
    named: FxHashMap<SecurityGroupId, GroupKey>,
    /// How many groups the snapshot describes: their keys come first.
    described: usize,
    /// The ranges of atoms of each prefix list with entries, by position: disjoint, ascending.
    lists: Vec<Box<[Range<usize>]>>,
    /// What each rule admits, by group, direction and position.
    rules: Vec<[Box<[HeaderId]>; 2]>,
}

impl Groups {
    /// Compiles every group, then every profile. O(R log R) for R rules, and the rules of every profile.
    pub fn new(network: &Network, trie: &Trie, algebra: &mut Algebra<'_>) -> Self {
        let lists = network.prefix_lists.iter().map(|(_, list)| list_ranges(list, trie)).collect();
        let described = network.groups.len();
        let rules = network
            .groups
            .iter()
            .map(|(_, group)| {
                [&group.ingress, &group.egress]
                    .map(|rules| rules.iter().map(|rule| algebra.intern(rule_headers(rule))).collect())
            })
            .collect();
        let mut groups = Self {
            of_interface: Vec::new(),
            profiles: Vec::new(),
            named: FxHashMap::default(),
            described,
            lists,
            rules,
        };
        let compiled: Vec<[Side; 2]> = network
            .groups
            .iter()
            .map(|(idx, group)| {
                let mut side = |rules: &[SecurityGroupRule], direction| {
                    let rules = (0..).zip(rules);
                    let rules: Vec<(HeaderId, &SecurityGroupRule)> =
                        rules.map(|(position, rule)| (groups.headers_of(idx, direction, position), rule)).collect();
                    groups.side(network, trie, &rules, algebra)
                };
                [side(&group.ingress, Direction::Ingress), side(&group.egress, Direction::Egress)]
            })
            .collect();
        let mut known: FxHashMap<Box<[GroupKey]>, ProfileId> = FxHashMap::default();
        for (_, interface) in network.interfaces.iter() {
            let mut keys: Vec<GroupKey> = interface.groups.iter().map(|group| groups.key(group)).collect();
            keys.sort_unstable();
            keys.dedup();
            let id = match known.get(keys.as_slice()) {
                Some(id) => *id,
                None => {
                    let id = ProfileId(u32::try_from(groups.profiles.len()).unwrap_or(u32::MAX));
                    let missing = interface.groups.iter().find_map(|group| match group {
                        Ref::Known(_) => None,
                        Ref::Missing(id) => Some(id.clone()),
                    });
                    let sides = |n: usize| {
                        keys.iter().filter_map(|key| compiled.get(key.position())?.get(n)).collect::<Vec<&Side>>()
                    };
                    let (mut ingress, mut egress) = (merge(&sides(0), algebra), merge(&sides(1), algebra));
                    // SG-2: a group that is not described can add.
                    ingress.whole &= missing.is_none();
                    egress.whole &= missing.is_none();
                    let keys: Box<[GroupKey]> = keys.into();
                    known.insert(keys.clone(), id);
                    groups.profiles.push(Profile { groups: keys, missing, ingress, egress });
                    id
                }
            };
            groups.of_interface.push(id);
        }
        groups
    }

    /// The profile of an interface.
    #[expect(clippy::indexing_slicing, reason = "one entry per interface of the network it was compiled from")]
    pub fn profile_of(&self, interface: Idx<NetworkInterface>) -> ProfileId {
        self.of_interface[interface.position()]
    }

    /// A profile by position.
    #[expect(clippy::indexing_slicing, reason = "positions are minted by this table and it never shrinks")]
    pub fn profile(&self, id: ProfileId) -> &Profile {
        &self.profiles[id.position()]
    }

    /// All profiles.
    pub fn profiles(&self) -> &[Profile] {
        &self.profiles
    }

    /// The id of the profile at a position.
    pub fn profile_at(&self, position: usize) -> ProfileId {
        ProfileId(u32::try_from(position.min(self.profiles.len())).unwrap_or(u32::MAX))
    }

    /// The key of the group at a position.
    pub fn key_at(&self, position: usize) -> GroupKey {
        GroupKey(u32::try_from(position).unwrap_or(u32::MAX))
    }

    /// How many groups there are, described or only named.
    pub fn keys(&self) -> usize {
        self.described + self.named.len()
    }

    /// What a rule of a group admits.
    pub fn headers_of(&self, group: Idx<SecurityGroup>, direction: Direction, position: usize) -> HeaderId {
        let side = usize::from(direction == Direction::Egress);
        let rules = self.rules.get(group.position()).and_then(|sides| sides.get(side));
        rules.and_then(|rules| rules.get(position)).copied().unwrap_or(HeaderId::EMPTY)
    }

    /// Whether references speak of a group at all and, if so, whether they count.
    pub fn references(&self, references: &[Reference], peer: &GroupPeer) -> Option<bool> {
        let key = match &peer.group {
            Ref::Known(idx) => self.key_at(idx.position()),
            Ref::Missing(id) => *self.named.get(id)?,
        };
        let standing = references.iter().find_map(|reference| match reference {
            Reference::Carried(profile, standing) => {
                self.profile(*profile).groups.binary_search(&key).is_ok().then_some(*standing)
            }
            Reference::Any(standing) => Some(*standing),
            Reference::OnlyNamed(standing) => (!self.is_described(key)).then_some(*standing),
        })?;
        Some(standing == Standing::Counts)
    }

    /// Whether a reference counts, or may.
    pub(super) fn may_refer(&self, references: &[Reference], peer: &GroupPeer) -> bool {
        let key = match &peer.group {
            Ref::Known(idx) => Some(self.key_at(idx.position())),
            Ref::Missing(id) => self.named.get(id).copied(),
        };
        let Some(key) = key else { return false };
        let standing = references.iter().find_map(|reference| match reference {
            Reference::Carried(profile, standing) => {
                self.profile(*profile).groups.binary_search(&key).is_ok().then_some(*standing)
            }
            Reference::Any(standing) => Some(*standing),
            Reference::OnlyNamed(standing) => (!self.is_described(key)).then_some(*standing),
        });
        matches!(standing, Some(Standing::Counts | Standing::Unknown(..)))
    }

    /// The ranges of atoms that a prefix list covers.
    pub fn list(&self, list: Idx<PrefixList>) -> &[Range<usize>] {
        self.lists.get(list.position()).map_or(&[], |ranges| ranges)
    }

    fn key(&mut self, group: &Ref<SecurityGroup>) -> GroupKey {
        match group {
            Ref::Known(idx) => GroupKey(u32::try_from(idx.position()).unwrap_or(u32::MAX)),
            Ref::Missing(id) => {
                let next = GroupKey(u32::try_from(self.described + self.named.len()).unwrap_or(u32::MAX));
                *self.named.entry(id.clone()).or_insert(next)
            }
        }
    }

    /// Merges rules by peer.
    fn side(
        &mut self,
        network: &Network,
        trie: &Trie,
        rules: &[(HeaderId, &SecurityGroupRule)],
        algebra: &mut Algebra<'_>,
    ) -> Side {
        let (mut peers, mut nodes, mut lists, mut unread) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for &(headers, rule) in rules {
            match &rule.peer {
                // SG-14, SG-16: one peer; M-1: an IPv4 CIDR is no ancestor of an IPv6 atom.
                Peer::Cidr(net) => nodes.extend(trie.node(&net.trunc()).map(|node| (node, headers))),
                Peer::Group(peer) => peers.push((self.key(&peer.group), headers)),
                Peer::PrefixList(list) => match list.known() {
                    Some(idx) if network.prefix_lists.get(idx).cidrs.is_some() => lists.push((idx, headers)),
                    known => unread.push(Unread {
                        list: list.id(&network.prefix_lists).as_str().into(),
                        family: known.and_then(|idx| network.prefix_lists.get(idx).family),
                        headers,
                    }),
                },
            }
        }
        unread.sort();
        unread.dedup();
        Side {
            any_rule: !rules.is_empty(),
            whole: unread.is_empty(),
            peers: joined(peers, algebra),
            nodes: joined(nodes, algebra),
            lists: joined(lists, algebra),
            unread: unread.into(),
        }
    }

    /// What the groups of `profile` say to or from `node`.
    pub fn say(
        &self,
        profile: ProfileId,
        direction: Direction,
        (trie, node): (&Trie, Node),
        Terms { references, hidden, within }: Terms<'_>,
        algebra: &mut Algebra<'_>,
    ) -> Said {
        let profile = self.profile(profile);
        let side = profile.side(direction);
        let mut said = Said {
            admitted: self.admitted_by_address(side, trie, node, hidden, within, algebra),
            unknown: HeaderId::EMPTY,
            lost: HeaderId::EMPTY,
            unsupported: HeaderId::EMPTY,
        };
        // SG-18, SG-19: references, by what they are worth here.
        for (key, headers) in references_of(&side.peers, references, self) {
            let sum = match key {
                Standing::Counts => &mut said.admitted,
                Standing::Lost => &mut said.lost,
                Standing::Unsupported => &mut said.unsupported,
                Standing::Unknown(..) => &mut said.unknown,
            };
            let headers = algebra.intersect(headers, within);
            *sum = algebra.union(*sum, headers);
        }
        // SG-17: a list without entries is unknown, not empty.
        let family = family_of(trie, node);
        for unread in side.unread.iter().filter(|unread| unread.family.is_none_or(|of_list| of_list == family)) {
            let headers = algebra.intersect(unread.headers, within);
            said.unknown = algebra.union(said.unknown, headers);
        }
        if hidden {
            // SG-34: any address of the family may be the client's.
            for &(other, headers) in &side.nodes {
                if family_of(trie, other) == family {
                    let headers = algebra.intersect(headers, within);
                    said.unknown = algebra.union(said.unknown, headers);
                }
            }
        }
        // SG-2: a group that is not described can only add.
        if profile.missing.is_some() {
            said.unknown = within;
        }
        said.unknown = algebra.subtract(said.unknown, said.admitted);
        said
    }

    /// What the rules by CIDR and prefix list admit (SG-16, SG-17).
    fn admitted_by_address(
        &self,
        side: &Side,
        trie: &Trie,
        node: Node,
        hidden: bool,
        within: HeaderId,
        algebra: &mut Algebra<'_>,
    ) -> HeaderId {
        let mut admitted = HeaderId::EMPTY;
        for ancestor in trie.ancestors(node) {
            if hidden && trie.net(ancestor).is_some_and(|net| net.prefix_len() > 0) {
                continue;
            }
            for headers in side.nodes.of(ancestor) {
                let headers = algebra.intersect(headers, within);
                admitted = algebra.union(admitted, headers);
            }
        }
        for &(list, headers) in &side.lists {
            if covers(self.list(list), node) {
                let headers = algebra.intersect(headers, within);
                admitted = algebra.union(admitted, headers);
            }
        }
        admitted
    }

    /// What the groups admit for certain to or from `node`, references to the groups of `carried` counting: the plain
    /// case of [`Self::say`]. O(depth × log |nodes| + |groups| × log |peers|) table probes.
    pub fn admitted(
        &self,
        profile: ProfileId,
        direction: Direction,
        (trie, node): (&Trie, Node),
        carried: Option<ProfileId>,
        algebra: &mut Algebra<'_>,
    ) -> HeaderId {
        let mut admitted = HeaderId::EMPTY;
        self.each_admission(profile, direction, (trie, node), carried, |headers| {
            admitted = algebra.union(admitted, headers);
            false
        });
        admitted
    }

    /// Whether the groups admit one packet for certain. As [`Self::admitted`], without sets, and no further than the first
    /// rule that does.
    pub fn admits(
        &self,
        profile: ProfileId,
        direction: Direction,
        (trie, node): (&Trie, Node),
        carried: Option<ProfileId>,
        algebra: &mut Algebra<'_>,
        (protocol, transport): (Protocol, &Transport),
    ) -> bool {
        self.each_admission(profile, direction, (trie, node), carried, |headers| {
            algebra.contains(headers, protocol, transport)
        })
    }

    /// Hands on what each rule of a matching peer admits, until it is enough; tells whether it was.
    fn each_admission(
        &self,
        profile: ProfileId,
        direction: Direction,
        (trie, node): (&Trie, Node),
        carried: Option<ProfileId>,
        mut enough: impl FnMut(HeaderId) -> bool,
    ) -> bool {
        let side = self.profile(profile).side(direction);
        for ancestor in trie.ancestors(node) {
            if side.nodes.of(ancestor).any(&mut enough) {
                return true;
            }
        }
        if let Some(carried) = carried {
            for key in &self.profile(carried).groups {
                if side.peers.of(*key).any(&mut enough) {
                    return true;
                }
            }
        }
        let mut lists = side.lists.iter().filter(|(list, _)| covers(self.list(*list), node));
        lists.any(|&(_, headers)| enough(headers))
    }

    /// The header sets that any completion of an unseen path from `family` could pass: with the source unknown only
    /// protocol and ports can rule a packet out.
    pub fn could_admit(&self, profile: ProfileId, trie: &Trie, family: Family, algebra: &mut Algebra<'_>) -> HeaderId {
        let side = &self.profile(profile).ingress;
        let of_family = |node: Node| family_of(trie, node) == family;
        let mut all = HeaderId::EMPTY;
        let nodes = side.nodes.iter().filter(|(node, _)| of_family(*node)).map(|(_, h)| *h);
        let lists = side.lists.iter().filter(|(list, _)| {
            self.list(*list).iter().any(|range| trie.nodes().nth(range.start).is_some_and(of_family))
        });
        let unread = side.unread.iter().filter(|unread| unread.family.is_none_or(|f| f == family)).map(|u| u.headers);
        let peers = side.peers.iter().map(|(_, h)| *h);
        for headers in nodes.chain(lists.map(|(_, h)| *h)).chain(unread).chain(peers) {
            all = algebra.union(all, headers);
        }
        all
    }

    /// The id of a group that the snapshot only names.
    pub fn name_of(&self, key: GroupKey) -> Option<&SecurityGroupId> {
        self.named.iter().find(|(_, own)| **own == key).map(|(id, _)| id)
    }

    /// Whether the snapshot describes the group.
    pub fn is_described(&self, key: GroupKey) -> bool {
        key.position() < self.described
    }
}

/// The references of a side that match, each with its standing.
fn references_of(peers: &ByPeer<GroupKey>, references: &[Reference], groups: &Groups) -> Vec<(Standing, HeaderId)> {
    // The common case: the other end's groups and nothing else. Walk the shorter list.
    if let [Reference::Carried(profile, standing)] = references {
        let carried = &groups.profile(*profile).groups;
        return carried.iter().flat_map(|key| peers.of(*key)).map(|headers| (*standing, headers)).collect();
    }
    let standing = |key: GroupKey| {
        references.iter().find_map(|reference| match reference {
            Reference::Carried(profile, standing) => {
                groups.profile(*profile).groups.binary_search(&key).is_ok().then_some(*standing)
            }
            Reference::Any(standing) => Some(*standing),
            Reference::OnlyNamed(standing) => (!groups.is_described(key)).then_some(*standing),
        })
    };
    peers.iter().filter_map(|&(key, headers)| Some((standing(key)?, headers))).collect()
}

fn family_of(trie: &Trie, node: Node) -> Family {
    match trie.net(node) {
        Some(IpNet::V6(_)) => Family::V6,
        _ => Family::V4,
    }
}

/// Whether one of the disjoint, ascending ranges holds the node.
pub(super) fn covers(ranges: &[Range<usize>], node: Node) -> bool {
    let after = ranges.partition_point(|range| range.start <= node.position());
    after.checked_sub(1).and_then(|i| ranges.get(i)).is_some_and(|range| range.contains(&node.position()))
}

/// The entries of a list as disjoint ranges of atoms (SG-17); a list has one family.
fn list_ranges(list: &PrefixList, trie: &Trie) -> Box<[Range<usize>]> {
    let of_family = |net: &&IpNet| list.family.is_none_or(|family| family == Family::of(net.addr()));
    let nodes = list.cidrs.iter().flatten().filter(of_family).filter_map(|net| trie.node(&net.trunc()));
    let mut ranges: Vec<Range<usize>> = nodes.map(|node| trie.range(node)).collect();
    ranges.sort_unstable_by_key(|range| (range.start, std::cmp::Reverse(range.end)));
    // Nested entries add nothing.
    let mut end = 0;
    ranges.retain(|range| {
        let fresh = range.end > end;
        end = end.max(range.end);
        fresh
    });
    ranges.into()
}

/// SG-9 to SG-15: which headers a rule admits.
fn rule_headers(rule: &SecurityGroupRule) -> PortSet {
    let ports = || PortRanges::range(rule.from_port.unwrap_or(0), rule.to_port.unwrap_or(u16::MAX));
    match rule.protocol {
        // SG-9: "-1" is everything, whatever the ports say.
        RuleProtocol::Any => PortSet::full(),
        RuleProtocol::Number(Protocol::TCP) => PortSet::tcp(ports()),
        RuleProtocol::Number(Protocol::UDP) => PortSet::udp(ports()),
        RuleProtocol::Number(Protocol::ICMP) => PortSet::icmp(messages(rule)),
        RuleProtocol::Number(Protocol::ICMPV6) => PortSet::icmpv6(messages(rule)),
        // SG-9: other protocols ignore ports.
        RuleProtocol::Number(other) => PortSet::of_protocol(other),
    }
}

/// SG-11: `FromPort` is the type, `ToPort` the code, never a range; absent is any.
fn messages(rule: &SecurityGroupRule) -> IcmpSet {
    let Some(kind) = rule.from_port else { return IcmpSet::full() };
    let Ok(kind) = u8::try_from(kind) else { return IcmpSet::empty() };
    match rule.to_port.map(u8::try_from) {
        None => IcmpSet::kind(kind),
        Some(Ok(code)) => IcmpSet::single(kind, code),
        Some(Err(_)) => IcmpSet::empty(),
    }
}

/// Joins the headers of equal peers.
fn joined<K: PeerKey>(mut list: Vec<(K, HeaderId)>, algebra: &mut Algebra<'_>) -> ByPeer<K> {
    list.sort_unstable();
    let mut merged: Vec<(K, HeaderId)> = Vec::with_capacity(list.len());
    for (key, headers) in list {
        match merged.last_mut() {
            Some((last, sum)) if *last == key => *sum = algebra.union(*sum, headers),
            _ => merged.push((key, headers)),
        }
    }
    ByPeer::new(merged)
}

/// Beyond this many header sets the rules of one peer stay apart: their unions would be as many sets as there are
/// profiles.
const UNIONS: usize = 4096;

/// The rules of several groups (SG-2).
fn merge(sides: &[&Side], algebra: &mut Algebra<'_>) -> Side {
    fn all<K: PeerKey>(sides: &[&Side], of: impl Fn(&Side) -> &ByPeer<K>, algebra: &mut Algebra<'_>) -> ByPeer<K> {
        let list = sides.iter().flat_map(|side| of(side).iter().copied()).collect();
        if algebra.headers().len() < UNIONS { joined(list, algebra) } else { ByPeer::new(list) }
    }
    if let [only] = sides {
        return (*only).clone();
    }
    let mut unread: Vec<Unread> = sides.iter().flat_map(|side| side.unread.iter().cloned()).collect();
    unread.sort();
    unread.dedup();
    Side {
        any_rule: sides.iter().any(|side| side.any_rule),
        whole: sides.iter().all(|side| side.whole),
        peers: all(sides, |side| &side.peers, algebra),
        nodes: all(sides, |side| &side.nodes, algebra),
        lists: all(sides, |side| &side.lists, algebra),
        unread: unread.into(),
    }
}
