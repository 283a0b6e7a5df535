//! Prefixes as a forest in depth-first order.
//!
//! CIDRs are laminar: two of them are nested or disjoint. So K distinct prefixes cut the addresses into at most K + 1
//! atoms, one per prefix ("the prefix without its children"), the prefixes that hold an address are the ancestors of
//! its atom, and in depth-first order every prefix is one contiguous range of atoms.

use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;
use reach_packets::{Family, IpSet};

/// The position of a prefix, and of its atom, in a [`Trie`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node(u32);

impl Node {
    /// The position as a number, for dense side tables.
    pub fn position(self) -> usize {
        self.0 as usize
    }
}

/// A set of prefixes, the default prefix of each family always among them.
#[derive(Debug)]
pub struct Trie {
    /// Sorted by family, network address and length: depth-first order.
    nets: Vec<IpNet>,
    /// First address of each prefix; within a family they ascend.
    starts: Vec<u128>,
    /// Last address of each prefix.
    lasts: Vec<u128>,
    parents: Vec<u32>,
    /// One past the last descendant.
    ends: Vec<u32>,
    /// Where IPv6 begins.
    v6: usize,
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(u32::from(v4)),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

impl Trie {
    /// Sorts prefixes into a trie; repeated ones count once. O(K log K).
    pub fn new(nets: impl IntoIterator<Item = IpNet>) -> Self {
        let roots = [Family::V4, Family::V6].map(|family| match family {
            Family::V4 => IpNet::V4(ipnet::Ipv4Net::default()),
            Family::V6 => IpNet::V6(ipnet::Ipv6Net::default()),
        });
        let mut keys: Vec<(bool, u128, u8, IpNet)> = nets
            .into_iter()
            .chain(roots)
            .map(|net| net.trunc())
            .map(|net| (net.addr().is_ipv6(), number(net.network()), net.prefix_len(), net))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        let size = keys.len();
        let mut trie = Self {
            nets: Vec::with_capacity(size),
            starts: Vec::with_capacity(size),
            lasts: Vec::with_capacity(size),
            parents: Vec::with_capacity(size),
            ends: vec![0; size],
            v6: keys.partition_point(|(v6, ..)| !v6),
        };
        let mut open: Vec<u32> = Vec::new();
        for (position, (v6, start, _, net)) in keys.into_iter().enumerate() {
            let own = u32::try_from(position).unwrap_or(u32::MAX);
            let last = number(match net {
                IpNet::V4(net) => net.broadcast().into(),
                IpNet::V6(net) => net.broadcast().into(),
            });
            // Close what does not hold this prefix; the IPv6 root closes everything of IPv4.
            while let Some(&top) = open.last() {
                let holds =
                    !(v6 && (top as usize) < trie.v6) && trie.lasts.get(top as usize).is_some_and(|&end| start <= end);
                if holds {
                    break;
                }
                open.pop();
                if let Some(end) = trie.ends.get_mut(top as usize) {
                    *end = own;
                }
            }
            trie.parents.push(open.last().copied().unwrap_or(own));
            trie.nets.push(net);
            trie.starts.push(start);
            trie.lasts.push(last);
            open.push(own);
        }
        for top in open {
            if let Some(end) = trie.ends.get_mut(top as usize) {
                *end = u32::try_from(size).unwrap_or(u32::MAX);
            }
        }
        trie
    }

    /// How many prefixes there are.
    pub fn len(&self) -> usize {
        self.nets.len()
    }

    /// Never: the default prefixes are always there.
    pub fn is_empty(&self) -> bool {
        self.nets.is_empty()
    }

    /// All nodes in depth-first order.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + use<> {
        (0..u32::try_from(self.nets.len()).unwrap_or(u32::MAX)).map(Node)
    }

    /// The nodes whose prefixes lie inside `net`, itself among them: a contiguous range. O(log K).
    pub fn inside(&self, net: IpNet) -> impl Iterator<Item = Node> + use<> {
        let net = net.trunc();
        let key = |own: &IpNet| (own.addr().is_ipv6(), number(own.network()), own.prefix_len());
        let first = self.nets.partition_point(|own| key(own) < key(&net));
        let inside = self.nets.get(first..).unwrap_or_default().iter().take_while(|own| net.contains(*own)).count();
        let position = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        (position(first)..position(first + inside)).map(Node)
    }

    /// The atom of an address: its longest prefix. O(log K + depth).
    pub fn node_of(&self, address: IpAddr) -> Node {
        let (base, range) = if address.is_ipv4() { (0, 0..self.v6) } else { (self.v6, self.v6..self.nets.len()) };
        let key = number(address);
        let after = self.starts.get(range).map_or(1, |starts| starts.partition_point(|&start| start <= key));
        let mut node = Node(u32::try_from(base + after.saturating_sub(1)).unwrap_or(u32::MAX));
        while self.lasts.get(node.position()).is_some_and(|&last| last < key) {
            match self.parent(node) {
                Some(parent) => node = parent,
                None => break,
            }
        }
        node
    }

    /// The node of exactly this prefix. O(log K).
    pub fn node(&self, net: &IpNet) -> Option<Node> {
        let key = |net: &IpNet| (net.addr().is_ipv6(), number(net.network()), net.prefix_len());
        let wanted = key(net);
        let position = self.nets.binary_search_by(|known| key(known).cmp(&wanted)).ok()?;
        u32::try_from(position).ok().map(Node)
    }

    /// The prefix of a node.
    pub fn net(&self, node: Node) -> Option<IpNet> {
        self.nets.get(node.position()).copied()
    }

    /// The prefix around a node's.
    pub fn parent(&self, node: Node) -> Option<Node> {
        self.parents.get(node.position()).copied().map(Node).filter(|&parent| parent != node)
    }

    /// The node and every prefix around it, innermost first.
    pub fn ancestors(&self, node: Node) -> impl Iterator<Item = Node> {
        std::iter::successors(Some(node), |&node| self.parent(node))
    }

    /// The positions of the atoms inside a node's prefix.
    pub fn range(&self, node: Node) -> Range<usize> {
        node.position()..self.ends.get(node.position()).map_or(node.position() + 1, |&end| end as usize)
    }

    /// The addresses of a node's atom: its prefix without the prefixes inside it.
    pub fn atom(&self, node: Node) -> IpSet {
        let Some(net) = self.net(node) else { return IpSet::empty() };
        let mut children: Vec<IpNet> = Vec::new();
        let mut position = node.position() + 1;
        while position < self.range(node).end {
            let child = Node(u32::try_from(position).unwrap_or(u32::MAX));
            children.extend(self.net(child));
            position = self.range(child).end.max(position + 1);
        }
        IpSet::from(net).subtract(&children.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trie() -> Trie {
        let nets = ["10.0.0.0/8", "10.1.0.0/16", "10.1.2.0/24", "10.2.0.0/16", "2001:db8::/32"];
        Trie::new(nets.iter().map(|text| text.parse().expect("a CIDR")))
    }

    fn holds(trie: &Trie, address: &str) -> Vec<String> {
        let node = trie.node_of(address.parse().expect("an address"));
        trie.ancestors(node).filter_map(|node| trie.net(node)).map(|net| net.to_string()).collect()
    }

    #[test]
    fn the_ancestors_of_an_atom_are_the_prefixes_that_hold_it() {
        let trie = trie();
        assert_eq!(holds(&trie, "10.1.2.9"), ["10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8", "0.0.0.0/0"]);
        assert_eq!(holds(&trie, "10.3.0.1"), ["10.0.0.0/8", "0.0.0.0/0"]);
        assert_eq!(holds(&trie, "192.0.2.1"), ["0.0.0.0/0"]);
        assert_eq!(holds(&trie, "2001:db8::1"), ["2001:db8::/32", "::/0"]);
        assert_eq!(holds(&trie, "::1"), ["::/0"]);
    }

    #[test]
    fn a_prefix_is_a_contiguous_range_of_atoms() {
        let trie = trie();
        for node in trie.nodes() {
            let inside: Vec<usize> =
                trie.nodes().filter(|&n| trie.ancestors(n).any(|a| a == node)).map(Node::position).collect();
            assert_eq!(inside, trie.range(node).collect::<Vec<_>>());
        }
    }

    #[test]
    fn atoms_are_disjoint_and_cover_both_families() {
        let trie = trie();
        let whole = trie.nodes().fold(IpSet::empty(), |all, node| {
            assert!(!all.intersects(&trie.atom(node)));
            all.union(&trie.atom(node))
        });
        assert!(whole.is_full());
    }
}
