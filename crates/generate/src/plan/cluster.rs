//! EKS clusters: their node groups and how the pods of each get addresses.

use crate::random::Random;

/// How pods get their addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// /28 prefixes on a second interface in the pods' own subnets (custom networking).
    Prefixes,
    /// Secondary addresses on both interfaces of the node.
    Secondary,
    /// Branch interfaces with groups of their own behind the node's trunk.
    Branches,
}

/// Secondary addresses of each interface of a node, as of an `m5.large`-sized one with room for more.
pub(crate) const SECONDARY: usize = 14;
/// Branch interfaces of each node that has a trunk.
pub(crate) const BRANCHES: usize = 8;

impl Mode {
    /// Interfaces per node: the primary, a second one or the trunk, and the branches.
    pub(crate) const fn interfaces(self) -> usize {
        match self {
            Self::Prefixes | Self::Secondary => 2,
            Self::Branches => 2 + BRANCHES,
        }
    }

    /// Addresses per node from the nodes' own subnets.
    pub(crate) const fn addresses(self) -> usize {
        match self {
            Self::Prefixes => 1,
            Self::Secondary => 2 * (1 + SECONDARY),
            Self::Branches => 2 + BRANCHES,
        }
    }

    pub(crate) const fn instance_type(self) -> &'static str {
        match self {
            Self::Prefixes => "m6i.4xlarge",
            Self::Secondary => "m5.xlarge",
            Self::Branches => "m6i.2xlarge",
        }
    }
}

/// A managed node group.
#[derive(Debug)]
pub(crate) struct NodeGroup {
    pub(crate) name: &'static str,
    pub(crate) mode: Mode,
    pub(crate) nodes: usize,
}

/// The groups of a cluster.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClusterGroups {
    /// The one that EKS makes.
    pub(crate) cluster: usize,
    /// Those of the control-plane interfaces.
    pub(crate) planes: Vec<usize>,
    /// Additional ones of the cluster's description.
    pub(crate) additional: Vec<usize>,
    /// Those of the nodes.
    pub(crate) nodes: Vec<usize>,
    /// Those of pods with branch interfaces.
    pub(crate) pods: Vec<usize>,
}

/// A cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) vpc: usize,
    /// The triple of application subnets that it is in.
    pub(crate) set: usize,
    /// Control-plane interfaces.
    pub(crate) planes: usize,
    /// Made in the days when nodes had a group of their own, wired by hand.
    pub(crate) old: bool,
    pub(crate) node_groups: Vec<NodeGroup>,
    pub(crate) groups: ClusterGroups,
}

impl Cluster {
    /// All interfaces that it has.
    pub(crate) fn interfaces(&self) -> usize {
        self.planes + self.node_groups.iter().map(|group| group.nodes * group.mode.interfaces()).sum::<usize>()
    }
}

/// Nodes of one cluster, at most.
const NODES: usize = 600;

pub(crate) fn clusters(enis: usize, mains: usize, seed: u64) -> Vec<Cluster> {
    const NAMES: [&str; 6] = ["shop", "data", "edge", "ml", "batch", "tools"];
    let mut random = Random::new(seed, "clusters");
    let nodes = (enis * 3 / 64).max(3);
    let count = nodes.div_ceil(NODES).max(mains);
    let sets = super::Tier::App.sets(enis);
    (0..count)
        .map(|number| {
            let of_cluster = (nodes / count).max(3);
            let fifth = (of_cluster / 5).max(1);
            let group = |name, mode, nodes| NodeGroup { name, mode, nodes };
            let word = NAMES.get(number % NAMES.len()).unwrap_or(&"cluster");
            Cluster {
                name: if number < NAMES.len() { (*word).to_owned() } else { format!("{word}-{number}") },
                vpc: number % mains,
                set: number / mains % sets,
                planes: if enis < 500 { 2 } else { random.between(2, 4) },
                old: number % 3 == 1,
                node_groups: vec![
                    group("general", Mode::Prefixes, of_cluster - 2 * fifth),
                    group("classic", Mode::Secondary, fifth),
                    group("secure", Mode::Branches, fifth),
                ],
                groups: ClusterGroups::default(),
            }
        })
        .collect()
}
