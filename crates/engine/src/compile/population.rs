//! Who there is: every address of every interface, in equivalence classes.
//!
//! **Lemma.** Two addresses of one class are told apart by no gate and no route, in pairs on different hosts. An
//! address is looked at by security groups (its profile, and the atom of the rules' CIDRs that holds it), by network
//! ACLs (the atom of their CIDRs), by routes (the atom of theirs), and by what its interface is (subnet, kind, state, a
//! public address, a cluster's role). [`Place`] is all but the groups' part; a class is a place, a profile and an atom.
//! What the host's own kernel delivers is no matter of classes: those pairs are a sparse diagonal, keyed by [`Unit`].

use std::hash::Hash;
use std::net::IpAddr;
use std::ops::Range;

use ipnet::IpNet;
use reach_model::ids::InstanceId;
use reach_model::network::{
    BlockMode, Destination, EndpointKind, Idx, InterfaceKind, Network, NetworkAcl, NetworkInterface, Ref, RouteTable,
    RouteTarget, Subnet, Vpc,
};
use reach_packets::{Family, IpSet};
use rustc_hash::{FxHashMap, FxHashSet};

use super::groups::ProfileId;
use super::trie::{Node, Trie};
use super::{Compiled, space};
use crate::host::{self, Liveness};

/// The position of a member, a class or a place.
pub type Position = u32;

/// One address of an interface, or a delegated prefix that no CIDR cuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Member {
    pub interface: Idx<NetworkInterface>,
    /// A host's length for an address.
    pub net: IpNet,
}

impl Member {
    /// The address, or the first of the prefix.
    pub fn address(&self) -> IpAddr {
        self.net.addr()
    }

    /// The address family.
    pub fn family(&self) -> Family {
        Family::of(self.net.addr())
    }
}

/// What a member is asked as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Role {
    pub source: bool,
    pub destination: bool,
}

impl Role {
    /// Both ends.
    pub const BOTH: Self = Self { source: true, destination: true };
}

/// Members that no gate and no route tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    pub place: Position,
    pub profile: ProfileId,
    /// The atom of the rules' CIDRs.
    pub node: Node,
}

/// Where members stand, but for their groups: up to two of them, on different hosts.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    pub family: Family,
    pub role: Role,
    samples: [Option<Position>; 2],
}

/// Members that one kernel delivers between; a member that shares its kernel with nobody is a unit of its own.
pub type Unit = u32;

/// What an interface is, as far as anything on a path asks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Standing<'n> {
    vpc: Option<Result<Idx<Vpc>, &'n str>>,
    /// The subnet, where being in it makes a difference: its ACL is not open, or routes tell addresses of the VPC apart.
    subnet: Option<Idx<Subnet>>,
    has_subnet: bool,
    table: Option<Idx<RouteTable>>,
    acl: Option<Idx<NetworkAcl>>,
    zone: Option<&'n str>,
    zone_id: Option<&'n str>,
    block: Option<BlockModeKey>,
    kind: InterfaceKind,
    live: LivenessKey,
    denies_gateways: bool,
    no_groups: bool,
    control_plane: Option<Box<str>>,
    preserves_client: bool,
    endpoint: (bool, bool),
    has_host: bool,
    of_instance: bool,
    odd: Option<Idx<NetworkInterface>>,
}

type BlockModeKey = u8;
type LivenessKey = u8;

/// What an address is beside that.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Spot {
    role: Role,
    standing: u32,
    v6: bool,
    acl_node: Node,
    route_node: Node,
    /// The atoms of its public address: what a hairpin shows to rules, network ACLs and routes (RT-22).
    public: Option<(Node, Node, Node)>,
    /// A pod: its cluster's settings and, for translation (EK-37), its node's primary interface.
    pod: Option<PodKey>,
    /// The VPCs beside its own whose CIDRs hold the address.
    also_in: Vec<Idx<Vpc>>,
    /// The address is not the interface's alone, lies outside its own subnet, or routes name the interface: a class of its
    /// own.
    odd: Option<(Idx<NetworkInterface>, IpNet)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct PodKey {
    cluster: Option<Box<str>>,
    branch: bool,
    windows: bool,
    node: Option<NodeKey>,
}

/// What a pod's packets borrow from its node when they are translated (EK-37).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct NodeKey {
    profile: ProfileId,
    standing: u32,
    /// Atoms of the primary address, for rules, network ACLs and routes.
    nodes: (Node, Node, Node),
    public: Option<(Node, Node, Node)>,
    odd: Option<Idx<NetworkInterface>>,
}

/// Every member, in classes.
#[derive(Debug)]
pub struct Population {
    members: Vec<Member>,
    /// Class and unit of each member.
    sorted: Vec<(Position, Unit)>,
    classes: Vec<Class>,
    places: Vec<Place>,
    /// Members in the order of their classes.
    in_order: Vec<Position>,
    starts: Vec<u32>,
    /// Classes by node: the first class at or after each node.
    by_node: Vec<u32>,
    /// Members of units of more than one, grouped.
    shared: Vec<Vec<Position>>,
}

fn as_u32(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn interned<K: Hash + Eq>(map: &mut FxHashMap<K, u32>, key: K) -> u32 {
    let next = as_u32(map.len());
    *map.entry(key).or_insert(next)
}

impl Population {
    /// Every address and delegated prefix of the network that can be an end of a flow.
    pub fn of(compiled: &Compiled<'_>) -> Self {
        let interfaces = compiled.network.interfaces.iter();
        let nets = interfaces.flat_map(|(idx, interface)| {
            let own = interface.addresses.iter().map(|address| IpNet::from(address.ip));
            own.chain(interface.prefixes.iter().copied()).map(move |net| (idx, net, Role::BOTH))
        });
        Self::new(compiled, nets)
    }

    /// Sorts addresses and prefixes into classes. O(N log N).
    pub fn new(compiled: &Compiled<'_>, nets: impl IntoIterator<Item = (Idx<NetworkInterface>, IpNet, Role)>) -> Self {
        Self::sorted_by(Sorter::new(compiled), nets)
    }

    /// As [`Population::new`] for pairs among these members alone: CIDRs that no rule at either end names tell nothing
    /// apart. Only the classes are of use then, not their order.
    pub fn among(compiled: &Compiled<'_>, nets: &[(Idx<NetworkInterface>, IpNet, Role)]) -> Self {
        let mut sorter = Sorter::new(compiled);
        sorter.named = Some(nodes_named(compiled, nets.iter().map(|(interface, ..)| *interface)));
        Self::sorted_by(sorter, nets.iter().copied())
    }

    fn sorted_by(
        mut sorter: Sorter<'_, '_>,
        nets: impl IntoIterator<Item = (Idx<NetworkInterface>, IpNet, Role)>,
    ) -> Self {
        let compiled = sorter.compiled;
        let mut members: Vec<Member> = Vec::new();
        let mut roles: Vec<Role> = Vec::new();
        for (interface, net, role) in nets {
            if net.prefix_len() == net.max_prefix_len() {
                members.push(Member { interface, net });
            } else {
                sorter.split(net).for_each(|net| members.push(Member { interface, net }));
            }
            roles.resize(members.len(), role);
        }
        let mut keys: Vec<(Node, u32, ProfileId)> = Vec::with_capacity(members.len());
        let mut units: FxHashMap<UnitKey, Unit> = FxHashMap::default();
        let mut unit_of: Vec<Unit> = Vec::with_capacity(members.len());
        let mut places: Vec<Place> = Vec::new();
        for (position, member) in members.iter().enumerate() {
            let role = roles.get(position).copied().unwrap_or(Role::BOTH);
            let place = sorter.place(member, role);
            let profile = compiled.groups.profile_of(member.interface);
            keys.push((sorter.rules_node(member.address()), place, profile));
            let unit = interned(&mut units, sorter.unit(member, position));
            unit_of.push(unit);
            if places.len() <= place as usize {
                places.push(Place { family: member.family(), role, samples: [None, None] });
            }
            let of_unit = |sample: Position| unit_of.get(sample as usize).copied();
            if let Some(place) = places.get_mut(place as usize) {
                match place.samples {
                    [None, _] => place.samples = [Some(as_u32(position)), None],
                    [Some(first), None] if of_unit(first) != Some(unit) => {
                        place.samples = [Some(first), Some(as_u32(position))];
                    }
                    _ => {}
                }
            }
        }
        let mut in_order: Vec<Position> = (0..as_u32(members.len())).collect();
        in_order.sort_by_key(|&member| keys.get(member as usize).copied());
        let mut class_of = vec![0; members.len()];
        let mut classes: Vec<Class> = Vec::new();
        let mut starts: Vec<u32> = Vec::new();
        let mut last = None;
        for (rank, &member) in in_order.iter().enumerate() {
            let Some(&key) = keys.get(member as usize) else { continue };
            if last != Some(key) {
                classes.push(Class { place: key.1, profile: key.2, node: key.0 });
                starts.push(as_u32(rank));
                last = Some(key);
            }
            if let Some(class) = class_of.get_mut(member as usize) {
                *class = as_u32(classes.len() - 1);
            }
        }
        starts.push(as_u32(members.len()));
        let mut by_node = vec![0; compiled.trie.len() + 1];
        let mut class = 0;
        for (node, first) in by_node.iter_mut().enumerate() {
            while classes.get(class).is_some_and(|class| class.node.position() < node) {
                class += 1;
            }
            *first = as_u32(class);
        }
        let mut of_unit: Vec<Vec<Position>> = vec![Vec::new(); units.len()];
        for (member, &unit) in unit_of.iter().enumerate() {
            if let Some(list) = of_unit.get_mut(unit as usize) {
                list.push(as_u32(member));
            }
        }
        of_unit.retain(|list| list.len() > 1);
        let sorted = class_of.into_iter().zip(unit_of).collect();
        Self { members, sorted, classes, places, in_order, starts, by_node, shared: of_unit }
    }

    /// Every member, in the order of the snapshot.
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Every class, in depth-first order of their atoms.
    pub fn classes(&self) -> &[Class] {
        &self.classes
    }

    /// Every place.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// The class of a member.
    pub fn class_of(&self, member: Position) -> Position {
        self.sorted.get(member as usize).map_or(0, |(class, _)| *class)
    }

    /// The members of a class, in the order of the snapshot.
    pub fn members_of(&self, class: Position) -> &[Position] {
        let bound = |at: usize| self.starts.get(at).map_or(0, |&start| start as usize);
        self.in_order.get(bound(class as usize)..bound(class as usize + 1)).unwrap_or_default()
    }

    /// How many members a class has.
    pub fn size(&self, class: Position) -> u64 {
        self.members_of(class).len() as u64
    }

    /// The classes whose atoms lie inside a node's prefix: a contiguous range.
    pub fn classes_in(&self, nodes: Range<usize>) -> Range<usize> {
        let first = |node: usize| self.by_node.get(node).map_or(self.classes.len(), |&class| class as usize);
        first(nodes.start)..first(nodes.end)
    }

    /// Members that one kernel delivers between, for every such set of more than one.
    pub fn shared_units(&self) -> &[Vec<Position>] {
        &self.shared
    }

    /// The unit of a member.
    pub fn unit_of(&self, member: Position) -> Unit {
        self.sorted.get(member as usize).map_or(Unit::MAX, |(_, unit)| *unit)
    }

    /// Whether one kernel delivers between two members.
    pub fn on_one_host(&self, a: Position, b: Position) -> bool {
        self.unit_of(a) == self.unit_of(b)
    }

    /// Two members of the places that no kernel delivers between; `None` where there are none.
    pub fn apart(&self, from: Position, to: Position) -> Option<(Member, Member)> {
        let samples = |place: Position| {
            self.places.get(place as usize).into_iter().flat_map(|place| place.samples.into_iter().flatten())
        };
        samples(from)
            .find_map(|a| samples(to).map(move |b| (a, b)).find(|&(a, b)| !self.on_one_host(a, b)))
            .and_then(|(a, b)| Some((*self.members.get(a as usize)?, *self.members.get(b as usize)?)))
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum UnitKey {
    /// A host, inside one VPC.
    Host(u32, Option<u32>),
    /// A host that the snapshot only names.
    Named(Box<str>, Option<u32>),
    Alone(usize),
}

/// What all populations of a network have in common.
#[derive(Debug)]
pub(super) struct Ground {
    acl_trie: Trie,
    /// The prefixes that anything but a filter tells apart.
    route_trie: Trie,
    /// By subnet position: whether being in it makes a difference.
    matters: Vec<bool>,
    /// Whether VPCs share addresses.
    overlapping: bool,
    /// Interfaces that are a class of their own: routes name them (RT-47), or an address is not theirs alone.
    odd: FxHashSet<Idx<NetworkInterface>>,
}

/// Assigns places and units.
struct Sorter<'c, 'n> {
    compiled: &'c Compiled<'n>,
    network: &'n Network,
    ground: &'c Ground,
    standings: FxHashMap<Standing<'n>, u32>,
    of_interface: FxHashMap<Idx<NetworkInterface>, u32>,
    spots: FxHashMap<Spot, u32>,
    /// The nodes of the rules' trie that are told apart; `None` for all of them.
    named: Option<FxHashSet<Node>>,
}

/// The CIDRs that the rules of these interfaces name, and of their nodes, whose address pods may borrow (EK-37).
fn nodes_named(compiled: &Compiled<'_>, interfaces: impl Iterator<Item = Idx<NetworkInterface>>) -> FxHashSet<Node> {
    let network = compiled.network;
    let mut profiles: FxHashSet<ProfileId> = FxHashSet::default();
    let mut seen: FxHashSet<Idx<NetworkInterface>> = FxHashSet::default();
    for idx in interfaces.filter(|idx| seen.insert(*idx)) {
        profiles.insert(compiled.groups.profile_of(idx));
        let node = host::host(network, network.interfaces.get(idx)).and_then(|id| network.instances.find(&id));
        let primary = node.and_then(|node| host::primary_interface(network, node));
        profiles.extend(primary.map(|primary| compiled.groups.profile_of(primary)));
    }
    let mut nodes: FxHashSet<Node> = FxHashSet::default();
    for profile in profiles.into_iter().map(|id| compiled.groups.profile(id)) {
        for side in [&profile.ingress, &profile.egress] {
            nodes.extend(side.nodes.iter().map(|(node, _)| *node));
            for (list, _) in &side.lists {
                let nets = network.prefix_lists.get(*list).cidrs.iter().flatten();
                nodes.extend(nets.filter_map(|net| compiled.trie.node(net)));
            }
        }
    }
    nodes
}

impl Ground {
    fn new(compiled: &Compiled<'_>) -> Self {
        let network = compiled.network;
        let acl_trie = Trie::new(network.acls.iter().flat_map(|(_, acl)| acl.entries.iter().map(|entry| entry.cidr)));
        let vpc_nets = |vpc: &Vpc| -> Vec<IpNet> {
            let v6 = vpc.cidrs_v6.iter().copied().map(IpNet::V6);
            vpc.cidrs_v4.iter().copied().map(IpNet::V4).chain(v6).collect()
        };
        let mut whole = IpSet::empty();
        let mut overlapping = false;
        for (_, vpc) in network.vpcs.iter() {
            let own: IpSet = vpc_nets(vpc).into_iter().collect();
            overlapping |= whole.intersects(&own);
            whole = whole.union(&own);
        }
        let mut nets: Vec<IpNet> = space::prefixes().collect();
        nets.extend(network.vpcs.iter().flat_map(|(_, vpc)| vpc_nets(vpc)));
        nets.extend(network.vpcs.iter().flat_map(|(_, vpc)| vpc.private_v6.iter().copied().map(IpNet::V6)));
        nets.extend(compiled.lattice.iter().copied());
        for (idx, _) in network.route_tables.iter() {
            nets.extend(compiled.tables.nets(idx));
        }
        for (_, table) in network.transit_gateway_tables.iter() {
            for route in table.routes.iter().flatten() {
                match &route.destination {
                    Destination::Cidr(net) => nets.push(*net),
                    Destination::PrefixList(list) => {
                        let entries = list.known().and_then(|idx| network.prefix_lists.get(idx).cidrs.as_ref());
                        nets.extend(entries.into_iter().flatten().copied());
                    }
                }
            }
        }
        for (_, peering) in network.peerings.iter() {
            nets.extend(peering.requester.cidrs.iter().chain(&peering.accepter.cidrs).copied());
        }
        for (_, cluster) in network.clusters.iter() {
            nets.extend(cluster.cni.exclude_snat_cidrs.iter().flatten().copied());
        }
        if overlapping {
            nets.extend(network.subnets.iter().flat_map(|(_, subnet)| subnet.cidrs()));
        }
        // Transit gateways hold subnets in which nothing is evaluated (NA-13); and routes may tell addresses of a VPC
        // apart.
        let attached: Vec<Idx<Subnet>> = network
            .attachments
            .iter()
            .flat_map(|(_, attachment)| attachment.subnets.iter().flatten().filter_map(Ref::known))
            .chain(network.nat_gateways.iter().filter_map(|(_, nat)| nat.subnet.as_ref()?.known()))
            .collect();
        let matters = network
            .subnets
            .iter()
            .map(|(idx, subnet)| {
                let open = subnet.acl.is_some_and(|acl| compiled.acls.is_open(acl));
                let plain = subnet.route_table.is_some_and(|table| delivers_plainly(network, table, subnet));
                !open || !plain || attached.contains(&idx)
            })
            .collect();
        let odd = odd_interfaces(network);
        Self { acl_trie, route_trie: Trie::new(nets), matters, overlapping, odd }
    }
}

impl<'c, 'n> Sorter<'c, 'n> {
    fn new(compiled: &'c Compiled<'n>) -> Self {
        Self {
            compiled,
            network: compiled.network,
            ground: compiled.ground.get_or_init(|| Ground::new(compiled)),
            standings: FxHashMap::default(),
            of_interface: FxHashMap::default(),
            spots: FxHashMap::default(),
            named: None,
        }
    }

    /// The atom of the rules' CIDRs that holds an address, as far as those rules matter that are looked at.
    fn rules_node(&self, address: IpAddr) -> Node {
        let trie = &self.compiled.trie;
        let innermost = trie.node_of(address);
        let Some(named) = &self.named else { return innermost };
        let mut outermost = innermost;
        for node in trie.ancestors(innermost) {
            if named.contains(&node) {
                return node;
            }
            outermost = node;
        }
        outermost
    }

    /// A prefix in the pieces that no CIDR cuts.
    fn split(&self, net: IpNet) -> impl Iterator<Item = IpNet> {
        let whole = IpSet::from(net);
        let mut inside: Vec<IpSet> = Vec::new();
        for trie in [&self.compiled.trie, &self.ground.acl_trie, &self.ground.route_trie] {
            let of_rules = std::ptr::eq(trie, &raw const self.compiled.trie);
            let matters = |node: Node| !of_rules || self.named.as_ref().is_none_or(|named| named.contains(&node));
            inside.extend(
                trie.inside(net).filter(|node| matters(*node)).filter_map(|node| trie.net(node)).map(IpSet::from),
            );
        }
        let pieces = if inside.is_empty() { vec![whole] } else { whole.partition(&inside) };
        pieces.into_iter().flat_map(|piece| piece.cidrs())
    }

    fn standing(&mut self, idx: Idx<NetworkInterface>) -> u32 {
        if let Some(known) = self.of_interface.get(&idx) {
            return *known;
        }
        let network = self.network;
        let interface = network.interfaces.get(idx);
        let subnet = interface.subnet.as_ref().and_then(Ref::known);
        let place = subnet.map(|subnet| network.subnets.get(subnet));
        let vpc = interface.vpc.as_ref().map(|vpc| vpc.known().ok_or_else(|| vpc.id(&network.vpcs).as_str()));
        let endpoints = || self.compiled.endpoints_of(idx).iter().map(|&idx| network.endpoints.get(idx));
        let key = Standing {
            vpc,
            subnet: subnet.filter(|subnet| self.ground.matters.get(subnet.position()).copied().unwrap_or(true)),
            has_subnet: subnet.is_some(),
            table: place.and_then(|place| place.route_table),
            acl: place.and_then(|place| place.acl),
            zone: place.and_then(|place| place.zone.as_deref()),
            zone_id: place.and_then(|place| place.zone_id.as_deref()),
            block: place.and_then(|place| place.block_public_access).map(|mode| match mode {
                BlockMode::Off => 0,
                BlockMode::Ingress => 1,
                BlockMode::Bidirectional => 2,
                BlockMode::ExcludedBidirectional => 3,
                BlockMode::ExcludedEgress => 4,
            }),
            kind: interface.kind,
            live: match host::liveness(network, interface) {
                Liveness::Live => 0,
                Liveness::Dead => 1,
                Liveness::Unknown(_) => 2,
            },
            denies_gateways: interface.deny_all_igw_traffic,
            no_groups: interface.groups.is_empty(),
            control_plane: host::control_plane_of(network, interface),
            preserves_client: interface.kind == InterfaceKind::InstanceConnectEndpoint
                && network
                    .instance_connect_endpoints
                    .iter()
                    .any(|e| e.preserve_client_ip && e.interfaces.contains(&interface.id)),
            endpoint: (
                endpoints().any(|endpoint| endpoint.kind == EndpointKind::Lattice),
                endpoints().any(|endpoint| !endpoint.available),
            ),
            has_host: host::host(network, interface).is_some(),
            of_instance: interface.instance().is_some(),
            // Without its VPC or subnet nothing certain can be said of what an interface shares with another.
            odd: (place.is_none() || !matches!(vpc, Some(Ok(_)))).then_some(idx),
        };
        let id = interned(&mut self.standings, key);
        self.of_interface.insert(idx, id);
        id
    }

    /// The atoms of an address for rules, network ACLs and routes.
    fn atoms(&self, address: IpAddr) -> (Node, Node, Node) {
        (self.rules_node(address), self.ground.acl_trie.node_of(address), self.ground.route_trie.node_of(address))
    }

    /// The place of a member.
    fn place(&mut self, member: &Member, role: Role) -> u32 {
        let network = self.network;
        let standing = self.standing(member.interface);
        let interface = network.interfaces.get(member.interface);
        let address = member.address();
        let own_vpc = interface.vpc.as_ref().and_then(Ref::known);
        let also_in: Vec<Idx<Vpc>> = if self.ground.overlapping {
            network.vpcs_of(address).into_iter().filter(|vpc| Some(*vpc) != own_vpc).collect()
        } else {
            Vec::new()
        };
        let subnet = interface.subnet.as_ref().and_then(Ref::known);
        let astray = !subnet.is_some_and(|subnet| network.subnets.get(subnet).contains(address))
            || own_vpc.is_some_and(|vpc| network.addresses.owner(vpc, address) != Some(member.interface));
        let odd = astray || self.ground.odd.contains(&member.interface);
        let pod = host::pod_place(network, interface, address).map(|pod| {
            let node = pod.node.and_then(|node| host::primary_interface(network, node));
            let node = node.and_then(|node| {
                let own = network.interfaces.get(node).addresses.iter().find(|a| a.primary && a.ip.is_ipv4())?;
                Some(NodeKey {
                    profile: self.compiled.groups.profile_of(node),
                    standing: self.standing(node),
                    nodes: self.atoms(own.ip),
                    public: own.public.map(|public| self.atoms(IpAddr::V4(public))),
                    odd: self.ground.odd.contains(&node).then_some(node),
                })
            });
            let cluster = pod.cluster.map(|cluster| cluster.name.clone());
            PodKey { cluster, branch: pod.branch, windows: pod.windows, node }
        });
        let spot = Spot {
            role,
            standing,
            v6: address.is_ipv6(),
            acl_node: self.ground.acl_trie.node_of(address),
            route_node: self.ground.route_trie.node_of(address),
            public: interface.public_of(address).map(|public| self.atoms(IpAddr::V4(public))),
            pod,
            also_in,
            odd: odd.then_some((member.interface, member.net)),
        };
        interned(&mut self.spots, spot)
    }

    /// SG-30, EK-36, EK-47: the kernel that delivers to a member from its neighbours.
    fn unit(&self, member: &Member, position: usize) -> UnitKey {
        let interface = self.network.interfaces.get(member.interface);
        let vpc = interface.vpc.as_ref().and_then(Ref::known).map(|vpc| as_u32(vpc.position()));
        if interface.kind == InterfaceKind::Branch {
            let pod = host::pod_place(self.network, interface, member.address());
            let standard = pod.and_then(|pod| pod.cluster).and_then(|cluster| cluster.cni.standard_enforcing);
            // EK-47: strict mode sends even same-node traffic out through the branch interface.
            if standard != Some(true) {
                return UnitKey::Alone(position);
            }
        }
        if let Some(Ref::Known(instance)) = interface.instance() {
            return UnitKey::Host(as_u32(instance.position()), vpc);
        }
        match host::host(self.network, interface) {
            Some(id) => match self.network.instances.find(&id) {
                Some(instance) => UnitKey::Host(as_u32(instance.position()), vpc),
                None => UnitKey::Named(id.to_string().into(), vpc),
            },
            None => UnitKey::Alone(position),
        }
    }
}

/// Interfaces that share with nobody what is asked of them: targets of routes (RT-47: whether a packet is addressed to the
/// target decides), owners of addresses that others have, too (M-10: snapshots are not atomic), and of the resolver's
/// address (SG-23).
fn odd_interfaces(network: &Network) -> FxHashSet<Idx<NetworkInterface>> {
    let mut odd: FxHashSet<Idx<NetworkInterface>> = FxHashSet::default();
    for route in network.route_tables.iter().flat_map(|(_, table)| &table.routes) {
        match &route.target {
            RouteTarget::Interface(Ref::Known(interface)) => {
                odd.insert(*interface);
            }
            RouteTarget::Instance(Ref::Known(instance)) => odd.extend(&network.instances.get(*instance).interfaces),
            _ => {}
        }
    }
    let mut crowded: FxHashSet<InstanceId> = FxHashSet::default();
    for (idx, interface) in network.interfaces.iter() {
        let vpc = interface.vpc.as_ref().and_then(Ref::known);
        let resolver = vpc.and_then(|vpc| network.vpcs.get(vpc).resolver()).map(IpAddr::V4);
        for address in &interface.addresses {
            if network.addresses.is_shared(address.ip) {
                let owners = network.addresses.owners_anywhere(address.ip);
                // A host that has an address which is also somebody else's in the VPC delivers it by itself: to nobody else is
                // that address what it is to the host's own interfaces.
                let rival = |other: &Idx<NetworkInterface>| {
                    *other != idx && network.interfaces.get(*other).vpc == interface.vpc
                };
                if owners.iter().any(rival) {
                    crowded.extend(host::host(network, interface));
                }
                odd.extend(owners);
            }
            let elsewhere = address.public.and_then(|public| network.addresses.owner_of_public(public));
            if elsewhere.is_some_and(|owner| owner != (idx, address.ip)) || Some(address.ip) == resolver {
                odd.insert(idx);
            }
        }
        // Delegated prefixes that overlap another interface's.
        for prefix in &interface.prefixes {
            odd.extend(network.addresses.owners_anywhere(prefix.network()).into_iter().filter(|other| *other != idx));
        }
    }
    if !crowded.is_empty() {
        let on_crowded =
            |interface: &NetworkInterface| host::host(network, interface).is_some_and(|id| crowded.contains(&id));
        odd.extend(network.interfaces.iter().filter(|(_, interface)| on_crowded(interface)).map(|(idx, _)| idx));
    }
    odd
}

/// Whether a table sends all of its VPC's addresses to the VPC's own delivery, so that being in a subnet or beside it
/// makes no difference to routes.
fn delivers_plainly(network: &Network, table: Idx<RouteTable>, subnet: &Subnet) -> bool {
    let Some(vpc) = subnet.vpc.as_ref().and_then(Ref::known).map(|vpc| network.vpcs.get(vpc)) else { return false };
    let inside = |net: &IpNet| match net {
        IpNet::V4(net) => vpc.cidrs_v4.iter().any(|own| own.contains(net)),
        IpNet::V6(net) => vpc.cidrs_v6.iter().any(|own| own.contains(net)),
    };
    let routes = &network.route_tables.get(table).routes;
    let local = |wanted: IpNet| {
        routes.iter().any(|route| {
            route.target == RouteTarget::Local && matches!(&route.destination, Destination::Cidr(net) if *net == wanted)
        })
    };
    let all_local =
        vpc.cidrs_v4.iter().all(|net| local(IpNet::V4(*net))) && vpc.cidrs_v6.iter().all(|net| local(IpNet::V6(*net)));
    let steers = |route: &reach_model::network::Route| match &route.destination {
        _ if route.target == RouteTarget::Local => false,
        Destination::Cidr(net) => inside(net),
        Destination::PrefixList(list) => {
            let entries = list.known().and_then(|idx| network.prefix_lists.get(idx).cidrs.as_ref());
            entries.is_none_or(|entries| entries.iter().any(inside))
        }
    };
    all_local && !routes.iter().any(steers)
}
