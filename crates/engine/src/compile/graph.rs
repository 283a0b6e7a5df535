//! The forwarding graph: where a packet can be, and which routes lead from there to where.
//!
//! Nodes are attachment points, an edge from a subnet is a route with its prefix. Every route target is resolved here,
//! once; a walk only follows edges.

use ipnet::IpNet;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::Dfs;
use petgraph::visit::EdgeRef;
use reach_model::Call;
use reach_model::ids::TransitGatewayId;
use reach_model::network::{
    AttachmentKind, Destination, EgressOnlyGateway, Idx, InternetGateway, NatGateway, Network, NetworkInterface,
    Peering, Ref, RouteTarget, Subnet, Vpc, VpcEndpoint,
};
use rustc_hash::FxHashMap;

/// A point that packets are forwarded to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Hop {
    Subnet(Idx<Subnet>),
    /// The VPC's own delivery.
    Vpc(Idx<Vpc>),
    InternetGateway(Idx<InternetGateway>),
    EgressOnlyGateway(Idx<EgressOnlyGateway>),
    NatGateway(Idx<NatGateway>),
    Peering(Idx<Peering>),
    TransitGateway(TransitGatewayId),
    Endpoint(Idx<VpcEndpoint>),
    /// An interface that forwards (RT-47).
    Forwarder(Idx<NetworkInterface>),
    /// Hosts outside.
    Internet,
    /// A gateway whose far side is not AWS's: by name, with the rule that says so.
    Beyond(Box<str>, &'static str),
    /// A target that the snapshot does not hold: the call would settle it.
    Missing(Box<str>, Call),
    /// A route without a target.
    Nowhere,
}

/// The graph, with the place of every point in it.
#[derive(Debug)]
pub struct Forwarding {
    graph: DiGraph<Hop, Option<IpNet>>,
    places: FxHashMap<Hop, NodeIndex>,
}

impl Forwarding {
    /// Builds the graph. O(routes of all subnets).
    pub fn new(network: &Network) -> Self {
        let mut this = Self { graph: DiGraph::new(), places: FxHashMap::default() };
        for (idx, subnet) in network.subnets.iter() {
            let from = this.place(Hop::Subnet(idx));
            if let Some(vpc) = subnet.vpc.as_ref().and_then(Ref::known) {
                let vpc = this.place(Hop::Vpc(vpc));
                this.graph.update_edge(vpc, from, None);
            }
            let Some(table) = subnet.route_table else { continue };
            for route in &network.route_tables.get(table).routes {
                let net = match &route.destination {
                    Destination::Cidr(net) => Some(*net),
                    Destination::PrefixList(_) => None,
                };
                let hop = match subnet.vpc.as_ref().and_then(Ref::known) {
                    Some(vpc) => hop(network, &route.target, vpc),
                    None => continue,
                };
                let to = this.place(hop);
                this.graph.add_edge(from, to, net);
            }
        }
        this.beyond(network);
        this
    }

    /// What lies behind gateways.
    fn beyond(&mut self, network: &Network) {
        let internet = self.place(Hop::Internet);
        for (idx, vpc) in network.vpcs.iter() {
            if let Some(gateway) = vpc.internet_gateway {
                let (gateway, vpc) = (self.place(Hop::InternetGateway(gateway)), self.place(Hop::Vpc(idx)));
                self.graph.update_edge(gateway, internet, None);
                self.graph.update_edge(internet, gateway, None);
                self.graph.update_edge(gateway, vpc, None);
            }
        }
        for (idx, gateway) in network.egress_only_gateways.iter() {
            let from = self.place(Hop::EgressOnlyGateway(idx));
            self.graph.update_edge(from, internet, None);
            for vpc in gateway.vpcs.iter().filter_map(|id| network.vpcs.find(id)) {
                let vpc = self.place(Hop::Vpc(vpc));
                self.graph.update_edge(from, vpc, None);
            }
        }
        for (idx, gateway) in network.nat_gateways.iter() {
            let from = self.place(Hop::NatGateway(idx));
            if let Some(subnet) = gateway.subnet.as_ref().and_then(Ref::known) {
                let to = self.place(Hop::Subnet(subnet));
                self.graph.update_edge(from, to, None);
            }
        }
        for (idx, peering) in network.peerings.iter() {
            let from = self.place(Hop::Peering(idx));
            for side in [&peering.requester, &peering.accepter] {
                if let Some(vpc) = side.vpc.as_ref().and_then(|id| network.vpcs.find(id)) {
                    let to = self.place(Hop::Vpc(vpc));
                    self.graph.update_edge(from, to, None);
                }
            }
        }
        // Transit gateways that are peered with each other carry on to one another's VPCs.
        for (_, attachment) in network.attachments.iter() {
            let Some(gateway) = &attachment.gateway else { continue };
            let from = self.place(Hop::TransitGateway(gateway.clone()));
            match &attachment.kind {
                AttachmentKind::Vpc(_) => {
                    for subnet in attachment.subnets.iter().flatten().filter_map(Ref::known) {
                        let to = self.place(Hop::Subnet(subnet));
                        self.graph.update_edge(from, to, None);
                    }
                }
                AttachmentKind::Peering(Some(other)) => {
                    let to = self.place(Hop::TransitGateway(other.clone()));
                    self.graph.update_edge(from, to, None);
                    self.graph.update_edge(to, from, None);
                }
                AttachmentKind::Peering(None) | AttachmentKind::Other(_) => {}
            }
        }
    }

    fn place(&mut self, hop: Hop) -> NodeIndex {
        if let Some(place) = self.places.get(&hop) {
            return *place;
        }
        let place = self.graph.add_node(hop.clone());
        self.places.insert(hop, place);
        place
    }

    /// Whether some chain of routes and gateways leads from one point to another: where none does, nothing arrives.
    pub fn is_connected(&self, from: &Hop, to: &Hop) -> bool {
        let (Some(&from), Some(&to)) = (self.places.get(from), self.places.get(to)) else { return false };
        let mut search = Dfs::new(&self.graph, from);
        std::iter::from_fn(|| search.next(&self.graph)).any(|place| place == to)
    }

    /// Every edge: from, to, and the route's prefix where it is one.
    pub fn edges(&self) -> impl Iterator<Item = (&Hop, &Hop, Option<IpNet>)> {
        self.graph.edge_references().filter_map(|edge| {
            let ends = (self.graph.node_weight(edge.source())?, self.graph.node_weight(edge.target())?);
            Some((ends.0, ends.1, *edge.weight()))
        })
    }
}

/// Where a route of `vpc` leads.
pub(super) fn hop(network: &Network, target: &RouteTarget, vpc: Idx<Vpc>) -> Hop {
    fn missing(id: &impl ToString, call: Call) -> Hop {
        Hop::Missing(id.to_string().into(), call)
    }
    match target {
        RouteTarget::Local => Hop::Vpc(vpc),
        RouteTarget::InternetGateway(Ref::Known(idx)) => Hop::InternetGateway(*idx),
        RouteTarget::InternetGateway(Ref::Missing(id)) => missing(id, Call::DescribeInternetGateways),
        RouteTarget::EgressOnlyGateway(Ref::Known(idx)) => Hop::EgressOnlyGateway(*idx),
        RouteTarget::EgressOnlyGateway(Ref::Missing(id)) => missing(id, Call::DescribeEgressOnlyInternetGateways),
        RouteTarget::NatGateway(Ref::Known(idx)) => Hop::NatGateway(*idx),
        RouteTarget::NatGateway(Ref::Missing(id)) => missing(id, Call::DescribeNatGateways),
        RouteTarget::Peering(Ref::Known(idx)) => Hop::Peering(*idx),
        RouteTarget::Peering(Ref::Missing(id)) => missing(id, Call::DescribeVpcPeeringConnections),
        RouteTarget::TransitGateway(gateway) => Hop::TransitGateway(gateway.id(&network.transit_gateways).clone()),
        RouteTarget::Endpoint(Ref::Known(idx)) => Hop::Endpoint(*idx),
        RouteTarget::Endpoint(Ref::Missing(id)) => missing(id, Call::DescribeVpcEndpoints),
        RouteTarget::Interface(Ref::Known(idx)) => Hop::Forwarder(*idx),
        RouteTarget::Interface(Ref::Missing(id)) => missing(id, Call::DescribeNetworkInterfaces),
        RouteTarget::Instance(Ref::Known(idx)) => {
            let instance = network.instances.get(*idx);
            match instance.interfaces.first() {
                Some(interface) => Hop::Forwarder(*interface),
                None => missing(&instance.id, Call::DescribeNetworkInterfaces),
            }
        }
        RouteTarget::Instance(Ref::Missing(id)) => missing(id, Call::DescribeInstances),
        // RT-45: the other side of a virtual private gateway is not AWS's.
        RouteTarget::VpnGateway(id) => Hop::Beyond(id.to_string().into(), "RT-45"),
        // RT-20: carrier, local and core-network gateways, route-server next hops.
        RouteTarget::Other(name) => Hop::Beyond(name.clone(), "RT-20"),
        RouteTarget::None => Hop::Nowhere,
    }
}
