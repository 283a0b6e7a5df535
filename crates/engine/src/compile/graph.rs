//! The forwarding graph: where a packet can be, and which routes lead from there to where.
//!
//! Nodes are attachment points, an edge from a subnet is a route with its prefix. Every route target is resolved here,
//! once; a walk only follows edges.

use ipnet::IpNet;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::Dfs;
use reach_model::Call;
use reach_model::ids::TransitGatewayId;
use reach_model::network::{
    AttachmentKind, Destination, EgressOnlyGateway, EndpointKind, Idx, InternetGateway, NatGateway, Network,
    NetworkInterface, Peering, Ref, RouteTarget, Subnet, Vpc, VpcEndpoint,
};
use rustc_hash::{FxHashMap, FxHashSet};

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

    /// The VPCs that routes and gateways lead to from a VPC, itself among them, without a way over the internet; `None`
    /// where something on the way is not wholly known or not modelled. O(edges).
    pub fn reached_from(&self, network: &Network, vpc: Idx<Vpc>) -> Option<FxHashSet<Idx<Vpc>>> {
        let start = *self.places.get(&Hop::Vpc(vpc))?;
        let mut search = Dfs::new(&self.graph, start);
        let mut reached = FxHashSet::default();
        // A private address is no host on the internet (RT-16), so nothing comes back from there.
        search.discovered.grow(self.graph.node_count());
        if let Some(internet) = self.places.get(&Hop::Internet) {
            search.discovered.insert(internet.index());
        }
        while let Some(place) = search.next(&self.graph) {
            match self.graph.node_weight(place)? {
                Hop::Vpc(vpc) => {
                    reached.insert(*vpc);
                }
                Hop::Endpoint(endpoint) if network.endpoints.get(*endpoint).kind != EndpointKind::Gateway => {
                    return None;
                }
                Hop::TransitGateway(_) | Hop::Forwarder(_) | Hop::Beyond(..) | Hop::Missing(..) => return None,
                _ => {}
            }
        }
        Some(reached)
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
