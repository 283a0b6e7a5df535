//! Routes and what stands at their end: internet and egress-only gateways, NAT gateways, peerings, endpoints.

use std::net::IpAddr;

use reach_model::Call;
use reach_model::network::{
    BlockMode, Direction, EgressOnlyGateway, EndpointKind, Idx, InterfaceKind, InternetGateway, NatGateway,
    NetworkInterface, Peering, Ref, RouteState, RouteTarget, Subnet, Vpc, VpcEndpoint,
};
use reach_packets::{Protocol, Transport};

use super::route::{RouteChoice, choose_route, is_link_local, is_never_unicast, is_private, is_rfc6598, is_unroutable};
use super::walk::{Crossing, Identity, Walk};
use super::{End, Responder, Session, Start, Translation};
use crate::reason::{Assumption, Code, Leg, Outcome, Reason, RuleRef, Site, Stage, Step};

impl Walk<'_> {
    /// Looks up the destination in the table of `subnet` and follows the route.
    pub(super) fn route(&mut self, subnet: Idx<Subnet>, session: &mut Session) -> End {
        let place = self.network.subnets.get(subnet);
        let site = Site::Subnet(subnet);
        // SG-24: Lattice's lists hold public addresses, too, which would look like traffic for a gateway.
        if self.is_lattice(self.packet.destination) {
            return self.opaque(
                site,
                Stage::Route,
                Code::UnsupportedComponent,
                "RT-50",
                Some("VPC Lattice".into()),
                None,
            );
        }
        // RT-11: never forwarded, not even under a larger route. Lattice addresses lie in that range (SG-24).
        if is_unroutable(self.packet.destination) {
            if matches!(self.packet.destination, IpAddr::V4(v4) if v4.octets()[2] == 171) {
                return self.opaque(
                    site,
                    Stage::Route,
                    Code::UnsupportedComponent,
                    "RT-50",
                    Some("VPC Lattice".into()),
                    None,
                );
            }
            return self.stop(site, Stage::Route, Code::CannotRoute, "RT-11");
        }
        // SG-36: neither broadcast nor multicast exists in a VPC, and reserved space is nobody's.
        if is_never_unicast(self.packet.destination) {
            return self.stop(site, Stage::Route, Code::CannotRoute, "SG-36");
        }
        // RT-11 speaks of one /22 of the link-local range; of the rest AWS says nothing.
        if is_link_local(self.packet.destination) {
            let note = Some("what becomes of other link-local destinations".to_owned());
            return self.opaque(site, Stage::Route, Code::Undocumented, "RT-11", note, None);
        }
        if !self.hop() {
            return self.stop(site, Stage::Route, Code::CannotRoute, "RT-7");
        }
        let Some(vpc) = place.vpc.as_ref().and_then(Ref::known) else {
            return self.opaque(site, Stage::Route, Code::NotCollected, "RT-1", None, Some(Call::DescribeVpcs));
        };
        // RT-1: the explicit association, else the VPC's main table.
        let Some(table) = place.route_table else {
            return self.opaque(site, Stage::Route, Code::NotCollected, "RT-1", None, Some(Call::DescribeRouteTables));
        };
        let site = Site::RouteTable(table);
        let (route, net) = match choose_route(self.network, table, self.packet.destination) {
            RouteChoice::NoRoute => return self.stop(site, Stage::Route, Code::NoRouteToDestination, "RT-7"),
            RouteChoice::Unknown(code, rule, call, note) => {
                return self.opaque(site, Stage::Route, code, rule, Some(note), call);
            }
            RouteChoice::Route(route, net) => (route, net),
        };
        let rule = Some(RuleRef::Route(table, net));
        // RT-2, RT-8: a blackhole takes part in the choice and, where it wins, drops.
        if route.state == RouteState::Blackhole {
            let reason = self.reason(Code::BadStateRoute, None, site.clone(), "RT-8");
            let outcome = Outcome::Blocked(Reason { rule: rule.clone(), ..reason });
            self.steps.push(Step { site, stage: Stage::Route, outcome, rule, rewritten: None });
            return End::Stopped;
        }
        self.steps.push(Step { site, stage: Stage::Route, outcome: Outcome::Allowed, rule, rewritten: None });
        let missing = |walk: &mut Self, name: String, call: Call| {
            let site = Site::Named(name.into());
            walk.opaque(site, Stage::Route, Code::NotCollected, "RT-8", None, Some(call))
        };
        let network = self.network;
        match &route.target {
            RouteTarget::Local => self.deliver_in_vpc(vpc, Some(subnet), session),
            RouteTarget::InternetGateway(Ref::Known(gateway)) => self.internet_gateway(*gateway, vpc, subnet, session),
            RouteTarget::InternetGateway(Ref::Missing(id)) => {
                missing(self, id.to_string(), Call::DescribeInternetGateways)
            }
            RouteTarget::EgressOnlyGateway(Ref::Known(gateway)) => {
                self.egress_only_gateway(*gateway, vpc, subnet, session)
            }
            RouteTarget::EgressOnlyGateway(Ref::Missing(id)) => {
                missing(self, id.to_string(), Call::DescribeEgressOnlyInternetGateways)
            }
            RouteTarget::NatGateway(Ref::Known(gateway)) => self.nat_gateway(*gateway, subnet, session),
            RouteTarget::NatGateway(Ref::Missing(id)) => missing(self, id.to_string(), Call::DescribeNatGateways),
            RouteTarget::Peering(Ref::Known(peering)) => self.peering(*peering, vpc, session),
            RouteTarget::Peering(Ref::Missing(id)) => {
                missing(self, id.to_string(), Call::DescribeVpcPeeringConnections)
            }
            RouteTarget::TransitGateway(gateway) => {
                let id = gateway.id(&network.transit_gateways).clone();
                self.transit_gateway(&id, vpc, subnet, session)
            }
            RouteTarget::Endpoint(Ref::Known(endpoint)) => self.endpoint(*endpoint, vpc, session),
            RouteTarget::Endpoint(Ref::Missing(id)) => missing(self, id.to_string(), Call::DescribeVpcEndpoints),
            // RT-45: only prefixes that the gateway knows work, and the other side is not AWS's.
            RouteTarget::VpnGateway(id) => {
                let site = Site::Named(id.as_str().into());
                self.opaque(site, Stage::Route, Code::UnsupportedComponent, "RT-45", None, None)
            }
            RouteTarget::Interface(Ref::Known(interface)) => self.forwarding_interface(*interface),
            RouteTarget::Interface(Ref::Missing(id)) => missing(self, id.to_string(), Call::DescribeNetworkInterfaces),
            RouteTarget::Instance(Ref::Known(instance)) => {
                match network.instances.get(*instance).interfaces.first().copied() {
                    Some(interface) => self.forwarding_interface(interface),
                    None => {
                        let name = network.instances.get(*instance).id.to_string();
                        missing(self, name, Call::DescribeNetworkInterfaces)
                    }
                }
            }
            RouteTarget::Instance(Ref::Missing(id)) => missing(self, id.to_string(), Call::DescribeInstances),
            // RT-20: carrier, local and core-network gateways, route-server next hops.
            RouteTarget::Other(name) => {
                let site = Site::Named(name.clone());
                self.opaque(site, Stage::Route, Code::UnsupportedComponent, "RT-20", None, None)
            }
            RouteTarget::None => self.stop(Site::RouteTable(table), Stage::Route, Code::BadStateRoute, "RT-8"),
        }
    }

    /// Whether an address is VPC Lattice's by the prefix lists `com.amazonaws.<region>.vpc-lattice` and its IPv6 kin.
    fn is_lattice(&self, address: IpAddr) -> bool {
        let lists = self.network.prefix_lists.iter().map(|(_, list)| list);
        lists
            .filter(|list| list.name.as_deref().is_some_and(|name| name.ends_with("vpc-lattice")))
            .any(|list| list.cidrs.iter().flatten().any(|net| net.contains(&address)))
    }

    /// RT-47: an instance that forwards. Its source/destination check decides already; what it does is not modelled.
    fn forwarding_interface(&mut self, interface: Idx<NetworkInterface>) -> End {
        let target = self.network.interfaces.get(interface);
        let site = Site::Interface(interface);
        if target.kind == InterfaceKind::GatewayLoadBalancerEndpoint {
            return self.opaque(site, Stage::Endpoint, Code::UnsupportedComponent, "RT-48", None, None);
        }
        if target.source_dest_check && !target.owns(self.packet.destination) {
            return self.stop(site, Stage::SourceDestCheck, Code::EniSourceDestCheckRestriction, "SG-27");
        }
        let note = Some("a forwarding instance".to_owned());
        self.opaque(site, Stage::Route, Code::UnsupportedComponent, "RT-47", note, None)
    }

    /// RT-21: what block public access lets pass at the subnet that touches the gateway. `by_translator` marks a first
    /// packet that leaves through a NAT gateway or an egress-only gateway.
    fn block_public_access(
        &mut self,
        subnet: Idx<Subnet>,
        vpc: Idx<Vpc>,
        gateway: &Site,
        by_translator: bool,
        session: &mut Session,
    ) {
        let place = self.network.subnets.get(subnet);
        let mode = place.block_public_access.or(self.network.vpcs.get(vpc).block_public_access);
        // Replies belong to flows that were judged on their way in or out.
        if self.leg == Leg::Return {
            return;
        }
        let passes = match mode {
            Some(BlockMode::Off | BlockMode::ExcludedBidirectional) => true,
            Some(BlockMode::Ingress | BlockMode::ExcludedEgress) => by_translator,
            Some(BlockMode::Bidirectional) => false,
            None => {
                session.assumptions.push(Assumption::BlockPublicAccessOff);
                true
            }
        };
        if !passes {
            let scope = self.network.vpcs.get(vpc).scope;
            if !self.network.collected(scope, Call::DescribeVpcBlockPublicAccessExclusions) {
                session.assumptions.push(Assumption::NoBlockPublicAccessExclusions);
            }
            self.blocked(gateway.clone(), Stage::InternetGateway, Code::VpcBlockPublicAccessEnabled, "RT-21");
        }
    }

    /// RT-14 to RT-18, RT-22: out by an internet gateway.
    fn internet_gateway(
        &mut self,
        gateway: Idx<InternetGateway>,
        vpc: Idx<Vpc>,
        subnet: Idx<Subnet>,
        session: &mut Session,
    ) -> End {
        let site = Site::InternetGateway(gateway);
        let stage = Stage::InternetGateway;
        if !self.network.internet_gateways.get(gateway).vpcs.contains(&self.network.vpcs.get(vpc).id) {
            self.blocked(site.clone(), stage, Code::BadStateAttachment, "RT-14");
        }
        // RT-12: what came in through an appliance may not go out past it.
        if self.leg == Leg::Return && session.edge_redirected {
            self.blocked(site.clone(), stage, Code::IngressRtbTrafficRedirection, "RT-12");
        }
        let by_translator = matches!(session.translations.last(), Some(Translation::Nat { .. }));
        self.block_public_access(subnet, vpc, &site, by_translator, session);
        let owner = self.network.addresses.owner(vpc, self.packet.source);
        match (self.packet.source, self.packet.destination) {
            (IpAddr::V4(_), IpAddr::V4(destination)) => {
                // RT-16: private remote addresses never cross.
                if is_rfc6598(destination.into()) {
                    self.blocked(site.clone(), stage, Code::IgwDestinationNotInRfc6598Egress, "RT-16");
                } else if destination.is_private() {
                    self.blocked(site.clone(), stage, Code::IgwDestinationNotInRfc1918Egress, "RT-16");
                }
                match self.public_address(vpc, session) {
                    // RT-15: a 1:1 translation; group identity ends here (SG-19).
                    Some(public) => {
                        self.packet.source = public;
                        self.packet.identity = Identity::Lost;
                        self.rewrite(site, stage);
                    }
                    None => self.blocked(site, stage, Code::IgwPublicIpAssociationForEgress, "RT-14"),
                }
            }
            _ => {
                // RT-18: global addresses need no translation; private ones cannot use the gateway.
                let denied = owner.is_some_and(|owner| self.network.interfaces.get(owner).deny_all_igw_traffic);
                if denied || self.is_private_v6(vpc, self.packet.source) {
                    self.blocked(site, stage, Code::IgwPublicIpAssociationForEgress, "RT-18");
                } else {
                    self.packet.identity = Identity::Lost;
                    self.passed(site, stage);
                }
            }
        }
        self.reach_internet(false, session)
    }

    /// The public address that the gateway gives the packet's source (RT-14: of *that* private address).
    fn public_address(&self, vpc: Idx<Vpc>, session: &Session) -> Option<IpAddr> {
        if let (Leg::Forward, Some(Translation::Nat { gateway, outside, .. })) = (self.leg, session.translations.last())
            && *outside == self.packet.source
        {
            let address = self.network.nat_gateways.get(*gateway).addresses.iter();
            let public = address.filter(|a| IpAddr::V4(a.private) == *outside).find_map(|a| a.public);
            return public.map(IpAddr::V4);
        }
        let owner = self.network.addresses.owner(vpc, self.packet.source)?;
        self.network.interfaces.get(owner).public_of(self.packet.source).map(IpAddr::V4)
    }

    /// RT-18, RT-19: out by an egress-only gateway.
    fn egress_only_gateway(
        &mut self,
        gateway: Idx<EgressOnlyGateway>,
        vpc: Idx<Vpc>,
        subnet: Idx<Subnet>,
        session: &mut Session,
    ) -> End {
        let site = Site::EgressOnlyGateway(gateway);
        let stage = Stage::EgressOnlyGateway;
        if !self.network.egress_only_gateways.get(gateway).vpcs.contains(&self.network.vpcs.get(vpc).id) {
            self.blocked(site.clone(), stage, Code::BadStateAttachment, "RT-18");
        }
        self.block_public_access(subnet, vpc, &site, true, session);
        if self.leg == Leg::Return {
            return self.stop(site, stage, Code::EgressOnlyGatewayInbound, "RT-18");
        }
        if self.packet.source.is_ipv4() || self.is_private_v6(vpc, self.packet.source) {
            return self.stop(site, stage, Code::ProtocolRestriction, "RT-19");
        }
        session.auto_tracked = true;
        self.packet.identity = Identity::Lost;
        self.passed(site, stage);
        self.reach_internet(true, session)
    }

    /// On the internet side of a gateway: a public address of the snapshot's own, or a host outside.
    fn reach_internet(&mut self, egress_only: bool, session: &mut Session) -> End {
        if self.is_own_public(self.packet.destination) {
            // RT-22: the packet comes back as internet traffic.
            return self.enter_from_internet(session);
        }
        let arrived = match (self.leg, session.start) {
            (Leg::Forward, _) => true,
            (Leg::Return, Start::Outside(client)) => client == self.packet.destination,
            (Leg::Return, Start::Interface(..)) => false,
        };
        if !arrived {
            return self.stop(Site::Internet, Stage::Deliver, Code::NoPossibleDestination, "M-6");
        }
        if self.leg == Leg::Return && self.packet.source != session.asked {
            return self.stop(Site::Internet, Stage::Deliver, Code::NgwSourceAddressReassign, "M-6");
        }
        // RT-16: on the internet side a VPC's private address, however public it looks, is somebody else's.
        if let (Leg::Forward, Some(expected)) = (self.leg, self.expected) {
            return self.stop(Site::Interface(expected), Stage::Deliver, Code::NoPossibleDestination, "RT-16");
        }
        if self.leg == Leg::Forward {
            session.responder = Responder::Internet { egress_only };
            self.admit();
        }
        self.passed(Site::Internet, Stage::Deliver);
        End::Delivered
    }

    /// EK-14: a public endpoint's list of admitted sources; security groups are not involved.
    pub(super) fn admit(&mut self) {
        let Some(admission) = self.admission else { return };
        if admission.iter().any(|net| net.contains(&self.packet.source)) {
            self.passed(Site::Internet, Stage::Admission);
        } else {
            let reason =
                self.reason(Code::EksPublicAccessCidrMismatch, Some(Direction::Ingress), Site::Internet, "EK-14");
            let note = Some(self.packet.source.to_string().into());
            let outcome = Outcome::Blocked(Reason { note, ..reason });
            let site = Site::Internet;
            self.steps.push(Step { site, stage: Stage::Admission, outcome, rule: None, rewritten: None });
        }
    }

    /// Whether an address that internet gateways route belongs to something in the snapshot.
    fn is_own_public(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => {
                self.network.addresses.owner_of_public(v4).is_some()
                    || self
                        .network
                        .nat_gateways
                        .iter()
                        .any(|(_, nat)| nat.exists() && nat.addresses.iter().any(|a| a.public == Some(v4)))
            }
            IpAddr::V6(_) => !is_private(address) && !self.network.vpcs_of(address).is_empty(),
        }
    }

    /// The first of these calls that is not answered in full in some scope of the snapshot.
    fn uncollected(&self, calls: &[Call]) -> Option<Call> {
        calls.iter().copied().find(|&call| !self.network.collected_for(None, call))
    }

    /// From the internet to a public address (RT-15 to RT-17).
    pub(super) fn enter_from_internet(&mut self, session: &mut Session) -> End {
        if !self.hop() {
            return self.stop(Site::Internet, Stage::Route, Code::CannotRoute, "RT-7");
        }
        let (vpc, owner, private) = match self.packet.destination {
            IpAddr::V4(public) => {
                if is_private(self.packet.destination) {
                    // An interface that was not collected may have a public address that the question means.
                    if let (None, call @ Some(_)) =
                        (self.expected, self.uncollected(&[Call::DescribeNetworkInterfaces]))
                    {
                        let note = Some(format!("which public address {public} has, if any,"));
                        return self.opaque(Site::Internet, Stage::Deliver, Code::NotCollected, "RT-16", note, call);
                    }
                    let site = self.expected.map_or(Site::Internet, Site::Interface);
                    // Also said where the groups would refuse: the missing association alone is enough.
                    return self.stop(site, Stage::InternetGateway, Code::IgwPrivateIpAssociationForIngress, "RT-16");
                }
                let owner = self.network.addresses.owner_of_public(public).or_else(|| self.nat_address(public));
                let Some((owner, private)) = owner else {
                    if self.admission.is_some() {
                        session.responder = Responder::Unfiltered;
                        self.admit();
                        return End::Delivered;
                    }
                    // RT-16: a VPC's own CIDR is private inside, also where it looks public.
                    if let Some(expected) = self.expected {
                        let (site, code) = (Site::Interface(expected), Code::IgwPrivateIpAssociationForIngress);
                        return self.stop(site, Stage::InternetGateway, code, "RT-16");
                    }
                    let call = self.uncollected(&[Call::DescribeNetworkInterfaces, Call::DescribeNatGateways]);
                    return self.opaque(Site::Internet, Stage::Deliver, Code::UnknownDestination, "RT-16", None, call);
                };
                let vpc = self.network.interfaces.get(owner).vpc.as_ref().and_then(Ref::known);
                (vpc, Some(owner), private)
            }
            address @ IpAddr::V6(_) => {
                let vpc = self.network.vpcs_of(address).first().copied();
                (vpc, vpc.and_then(|vpc| self.network.addresses.owner(vpc, address)), address)
            }
        };
        let Some(vpc) = vpc else {
            let call = self.uncollected(&[Call::DescribeVpcs]);
            return self.opaque(Site::Internet, Stage::Deliver, Code::UnknownDestination, "RT-16", None, call);
        };
        let Some(gateway) = self.network.vpcs.get(vpc).internet_gateway else {
            let site = Site::Vpc(vpc);
            if self.network.collected_for(Some(vpc), Call::DescribeInternetGateways) {
                return self.stop(site, Stage::InternetGateway, Code::IgwPrivateIpAssociationForIngress, "RT-16");
            }
            let call = Some(Call::DescribeInternetGateways);
            return self.opaque(site, Stage::InternetGateway, Code::NotCollected, "RT-16", None, call);
        };
        let site = Site::InternetGateway(gateway);
        // A sender inside without a public address was refused on its way out already.
        let from_outside = matches!(session.start, Start::Outside(_)) || self.leg == Leg::Return;
        if from_outside && self.packet.source.is_ipv4() && is_private(self.packet.source) {
            let code = if is_rfc6598(self.packet.source) {
                Code::IgwSourceNotInRfc6598Ingress
            } else {
                Code::IgwSourceNotInRfc1918Ingress
            };
            self.blocked(site.clone(), Stage::InternetGateway, code, "RT-16");
        }
        let denied = owner.is_some_and(|owner| self.network.interfaces.get(owner).deny_all_igw_traffic);
        if private.is_ipv6() && (denied || self.is_private_v6(vpc, private)) {
            self.blocked(site.clone(), Stage::InternetGateway, Code::IgwPrivateIpAssociationForIngress, "RT-18");
        }
        if let Some(subnet) = self.network.subnet_of(vpc, private) {
            // A hairpin (RT-22) comes in like anything else, whoever sent it.
            self.block_public_access(subnet, vpc, &site, false, session);
        }
        if private == self.packet.destination {
            self.passed(site, Stage::InternetGateway);
        } else {
            self.packet.destination = private;
            self.rewrite(site, Stage::InternetGateway);
        }
        match self.edge_table(gateway, owner, session) {
            Some(end) => end,
            None => self.deliver_in_vpc(vpc, None, session),
        }
    }

    /// RT-12: a table associated with the gateway itself steers what comes in.
    fn edge_table(
        &mut self,
        gateway: Idx<InternetGateway>,
        owner: Option<Idx<NetworkInterface>>,
        session: &mut Session,
    ) -> Option<End> {
        let table = self.network.internet_gateways.get(gateway).edge_table?;
        let site = Site::RouteTable(table);
        let (route, net) = match choose_route(self.network, table, self.packet.destination) {
            RouteChoice::NoRoute => return None,
            RouteChoice::Unknown(code, rule, call, note) => {
                return Some(self.opaque(site, Stage::EdgeRoute, code, rule, Some(note), call));
            }
            RouteChoice::Route(route, net) => (route, net),
        };
        if route.target == RouteTarget::Local {
            return None;
        }
        // RT-8: here, too, a blackhole drops.
        if route.state == RouteState::Blackhole {
            return Some(self.stop(site, Stage::EdgeRoute, Code::BadStateRoute, "RT-8"));
        }
        let rule = Some(RuleRef::Route(table, net));
        self.steps.push(Step { site, stage: Stage::EdgeRoute, outcome: Outcome::Allowed, rule, rewritten: None });
        // The reply's way can be judged: it must pass the appliance, too.
        if let (Leg::Forward, Some(owner)) = (self.leg, owner) {
            session.edge_redirected = true;
            session.responder = Responder::Interface(owner);
        }
        Some(match &route.target {
            RouteTarget::Interface(Ref::Known(interface)) => self.forwarding_interface(*interface),
            RouteTarget::Interface(Ref::Missing(id)) => {
                let site = Site::Named(id.as_str().into());
                let call = Some(Call::DescribeNetworkInterfaces);
                self.opaque(site, Stage::EdgeRoute, Code::NotCollected, "RT-12", None, call)
            }
            RouteTarget::Endpoint(Ref::Missing(id)) => {
                let site = Site::Named(id.as_str().into());
                let call = Some(Call::DescribeVpcEndpoints);
                self.opaque(site, Stage::EdgeRoute, Code::NotCollected, "RT-12", None, call)
            }
            RouteTarget::Endpoint(Ref::Known(endpoint)) => {
                let site = Site::Endpoint(*endpoint);
                self.opaque(site, Stage::EdgeRoute, Code::UnsupportedComponent, "RT-48", None, None)
            }
            _ => {
                let site = Site::RouteTable(table);
                self.opaque(site, Stage::EdgeRoute, Code::UnsupportedComponent, "RT-12", None, None)
            }
        })
    }

    /// RT-18: unique local addresses, and global ones that are registered as private.
    fn is_private_v6(&self, vpc: Idx<Vpc>, address: IpAddr) -> bool {
        let registered = |net: &ipnet::Ipv6Net| matches!(address, IpAddr::V6(v6) if net.contains(&v6));
        is_private(address) || self.network.vpcs.get(vpc).private_v6.iter().any(registered)
    }

    /// The interface and private address behind a NAT gateway's public one.
    fn nat_address(&self, public: std::net::Ipv4Addr) -> Option<(Idx<NetworkInterface>, IpAddr)> {
        self.network.nat_gateways.iter().filter(|(_, nat)| nat.exists()).find_map(|(_, nat)| {
            let address = nat.addresses.iter().find(|address| address.public == Some(public))?;
            let interface = address.interface.as_ref().and_then(Ref::known)?;
            Some((interface, IpAddr::V4(address.private)))
        })
    }

    /// A reply from a host outside.
    pub(super) fn reply_from_internet(&mut self, egress_only: bool, session: &mut Session) -> End {
        if !egress_only {
            return self.enter_from_internet(session);
        }
        // RT-19: the egress-only gateway brings its own replies back.
        match self.network.vpcs_of(self.packet.destination).first().copied() {
            Some(vpc) => self.deliver_in_vpc(vpc, None, session),
            None => End::Opaque,
        }
    }

    /// A private address outside all VPCs: it enters by the gateway that the destination's route table names for it.
    pub(super) fn enter_from_outside_network(&mut self, session: &mut Session) -> End {
        // M-6b: an address of a VPC that nobody has sends nothing.
        if let Some(&vpc) = self.network.vpcs_of(self.packet.source).first() {
            let site = Site::Vpc(vpc);
            if self.network.every_interface_known(vpc) && !self.is_shared_in(vpc) {
                return self.stop(site, Stage::Deliver, Code::EniAddressRestriction, "M-6b");
            }
            let call = Some(Call::DescribeNetworkInterfaces);
            return self.opaque(site, Stage::Deliver, Code::NotCollected, "M-6b", None, call);
        }
        self.packet.unseen_sender = true;
        let Some(expected) = self.expected else {
            return self.opaque(Site::Internet, Stage::Deliver, Code::UnknownDestination, "RT-20", None, None);
        };
        let interface = self.network.interfaces.get(expected);
        let subnet = interface.subnet.as_ref().and_then(Ref::known);
        let vpc = interface.vpc.as_ref().and_then(Ref::known);
        let (Some(subnet), Some(vpc)) = (subnet, vpc) else {
            let site = Site::Interface(expected);
            let call = if subnet.is_some() { Call::DescribeVpcs } else { Call::DescribeSubnets };
            return self.opaque(site, Stage::Route, Code::NotCollected, "RT-1", None, Some(call));
        };
        let Some(table) = self.network.subnets.get(subnet).route_table else {
            let site = Site::Subnet(subnet);
            return self.opaque(site, Stage::Route, Code::NotCollected, "RT-1", None, Some(Call::DescribeRouteTables));
        };
        let site = Site::RouteTable(table);
        let target = match choose_route(self.network, table, self.packet.source) {
            RouteChoice::NoRoute => return self.outside_network_refused(site, expected, Code::NoRouteToDestination),
            RouteChoice::Unknown(code, rule, call, note) => {
                return self.opaque(site, Stage::Route, code, rule, Some(note), call);
            }
            RouteChoice::Route(route, _) if route.state == RouteState::Blackhole => {
                return self.stop(site, Stage::Route, Code::BadStateRoute, "RT-8");
            }
            RouteChoice::Route(route, _) => route.target.clone(),
        };
        let name = match &target {
            RouteTarget::Peering(peering) => {
                let same_region = peering.known().is_none_or(|p| self.network.peerings.get(p).same_region());
                self.packet.crossing = Crossing::Peering { same_region };
                peering.id(&self.network.peerings).to_string()
            }
            RouteTarget::TransitGateway(gateway) => {
                let supports = gateway.known().map(|g| self.network.transit_gateways.get(g).security_group_referencing);
                self.packet.crossing = Crossing::Transit { referencing: supports };
                gateway.id(&self.network.transit_gateways).to_string()
            }
            RouteTarget::VpnGateway(id) => id.to_string(),
            RouteTarget::Other(name) => name.to_string(),
            RouteTarget::Interface(interface) => interface.id(&self.network.interfaces).to_string(),
            RouteTarget::Instance(instance) => instance.id(&self.network.instances).to_string(),
            // RT-16, RT-27: a private address enters by no gateway to the internet.
            _ => return self.outside_network_refused(site, expected, Code::IgwSourceNotInRfc1918Ingress),
        };
        let note = Some("the network on the other side".to_owned());
        self.unknown(Site::Named(name.into()), Stage::Route, Code::UnknownResource, "RT-20", note, None);
        if matches!(target, RouteTarget::Interface(_) | RouteTarget::Instance(_)) {
            // An appliance may translate; only what no source could pass is certain.
            self.security_groups_of_unseen_sender(expected);
            return End::Opaque;
        }
        self.deliver_in_vpc(vpc, None, session)
    }

    /// No gateway lets a private address from outside in. Where VPCs are left out of the snapshot it may be one of
    /// theirs, and come from there under another address (M-4).
    fn outside_network_refused(&mut self, site: Site, expected: Idx<NetworkInterface>, code: Code) -> End {
        if let call @ Some(_) = self.uncollected(&[Call::DescribeVpcs]) {
            let note = Some(format!("where {} comes from", self.packet.source));
            return self.opaque(site, Stage::Route, Code::NotCollected, "RT-20", note, call);
        }
        let rule = if code == Code::NoRouteToDestination { "RT-20" } else { "RT-16" };
        self.blocked(site, Stage::Route, code, rule);
        self.security_groups(expected, Direction::Ingress);
        End::Stopped
    }

    /// RT-23 to RT-32: through a NAT gateway.
    fn nat_gateway(&mut self, idx: Idx<NatGateway>, from: Idx<Subnet>, session: &mut Session) -> End {
        let nat = self.network.nat_gateways.get(idx);
        let site = Site::NatGateway(idx);
        let stage = Stage::NatGateway;
        if self.leg == Leg::Return {
            // The reply would leave with the gateway's address as its source, which the client never asked.
            return self.stop(site, stage, Code::NgwSourceAddressReassign, "M-6");
        }
        if &*nat.state != "available" {
            return self.stop(site, stage, Code::BadState, "RT-29");
        }
        // RT-24: TCP, UDP and ICMP only.
        if !matches!(self.packet.protocol, Protocol::TCP | Protocol::UDP | Protocol::ICMP) {
            self.blocked(site.clone(), stage, Code::ProtocolRestriction, "RT-24");
        }
        if nat.regional {
            let note = Some("a regional NAT gateway".to_owned());
            return self.opaque(site, stage, Code::UnsupportedComponent, "RT-30", note, None);
        }
        if self.packet.destination.is_ipv6() {
            return self.opaque(site, stage, Code::UnsupportedComponent, "RT-31", Some("NAT64".to_owned()), None);
        }
        let Some(subnet) = nat.subnet.as_ref().and_then(Ref::known) else {
            return self.opaque(site, stage, Code::NotCollected, "RT-23", None, Some(Call::DescribeSubnets));
        };
        // NA-12: the gateway's subnet sees the client's address and the service's port.
        if from == subnet {
            self.network_acl(subnet, Direction::Ingress, true);
        } else {
            self.network_acl(subnet, Direction::Ingress, false);
        }
        // Connections spread over the gateway's addresses; which one is nobody's to know.
        let count = nat.addresses.len();
        let choice = if count > 1 { self.choices.pick(count) } else { 0 };
        let Some(address) = nat.addresses.get(choice) else {
            return self.opaque(site, stage, Code::UnknownResource, "RT-23", Some("its addresses".to_owned()), None);
        };
        let inside = self.packet.source;
        let outside = IpAddr::V4(address.private);
        session.translations.push(Translation::Nat { gateway: idx, outside, inside });
        session.auto_tracked = true;
        self.packet.source = outside;
        self.packet.identity = Identity::Lost;
        self.packet.crossing = Crossing::None;
        self.rewrite(site, stage);
        self.emit(subnet, session)
    }

    /// Out of a gateway's interface in `subnet`: no groups, but the subnet's network ACL and table.
    pub(super) fn emit(&mut self, subnet: Idx<Subnet>, session: &mut Session) -> End {
        if self.network.subnets.get(subnet).contains(self.packet.destination) {
            if self.leg == Leg::Return {
                // NA-12: between an instance and a NAT gateway of one subnet.
                self.network_acl(subnet, Direction::Egress, true);
                self.network_acl(subnet, Direction::Ingress, true);
            }
            return self.arrive(subnet, session);
        }
        self.network_acl(subnet, Direction::Egress, false);
        self.route(subnet, session)
    }

    /// A reply at a NAT gateway's interface: the translation is undone and the packet goes on to the client.
    pub(super) fn translate_back(&mut self, owner: Idx<NetworkInterface>, session: &mut Session) -> End {
        let site = Site::Interface(owner);
        let Some(&Translation::Nat { gateway, outside, inside }) = session.translations.last() else {
            return self.stop(site, Stage::NatGateway, Code::NgwUnsolicited, "RT-25");
        };
        if outside != self.packet.destination {
            return self.stop(site, Stage::NatGateway, Code::NgwUnsolicited, "RT-25");
        }
        session.translations.pop();
        self.packet.destination = inside;
        if !session.rewrites_port() {
            self.packet.transport = match (self.packet.transport, self.client_transport) {
                (Transport::Ports { source, .. }, Transport::Ports { destination, .. }) => {
                    Transport::Ports { source, destination }
                }
                (transport, _) => transport,
            };
        }
        let site = Site::NatGateway(gateway);
        self.rewrite(site.clone(), Stage::NatGateway);
        match self.network.nat_gateways.get(gateway).subnet.as_ref().and_then(Ref::known) {
            Some(subnet) => self.emit(subnet, session),
            None => {
                self.opaque(site, Stage::NatGateway, Code::NotCollected, "RT-23", None, Some(Call::DescribeSubnets))
            }
        }
    }

    /// RT-28: a reply to a NAT gateway over a peering comes back to it without any route; only a network ACL stops it.
    pub(super) fn return_to_sender(&mut self, from: Idx<Subnet>, session: &mut Session) -> Option<End> {
        if self.leg != Leg::Return {
            return None;
        }
        let (nat, peering) = session.nat_over_peering?;
        let Some(&Translation::Nat { outside, .. }) = session.translations.last() else { return None };
        if outside != self.packet.destination {
            return None;
        }
        let nat = self.network.nat_gateways.get(nat);
        let subnet = nat.subnet.as_ref().and_then(Ref::known)?;
        // The responder must stand on the far side of that peering.
        let vpc = self.network.subnets.get(from).vpc.as_ref().and_then(Ref::known)?;
        self.network.peerings.get(peering).other_side(&self.network.vpcs.get(vpc).id)?;
        self.passed(Site::Peering(peering), Stage::Peering);
        self.network_acl(subnet, Direction::Ingress, false);
        Some(self.arrive(subnet, session))
    }

    /// RT-33 to RT-37: across a peering.
    fn peering(&mut self, idx: Idx<Peering>, vpc: Idx<Vpc>, session: &mut Session) -> End {
        let peering = self.network.peerings.get(idx);
        let site = Site::Peering(idx);
        let stage = Stage::Peering;
        if !peering.is_active() {
            return self.stop(site, stage, Code::BadState, "RT-33");
        }
        let own = &self.network.vpcs.get(vpc).id;
        let Some(side) = peering.other_side(own) else {
            return self.stop(site, stage, Code::DisconnectedVpcs, "RT-33");
        };
        let other = side.vpc.as_ref().and_then(|id| self.network.vpcs.find(id));
        let inside = match other {
            Some(other) => self.network.vpcs.get(other).contains(self.packet.destination),
            None => side.may_hold(self.packet.destination),
        };
        // RT-34: no edge-to-edge; only addresses of the destination VPC are reached.
        if !inside {
            return self.stop(site, stage, Code::PcxRequiresAddressInVpcCidr, "RT-34");
        }
        let Some(other) = other else {
            let note = side.vpc.as_ref().map(ToString::to_string);
            return self.opaque(site, stage, Code::UnknownResource, "API-20", note, Some(Call::DescribeVpcs));
        };
        if let (Leg::Forward, Some(Translation::Nat { gateway, .. })) = (self.leg, session.translations.last())
            && self.network.nat_gateways.get(*gateway).vpc.as_ref() == Some(own)
        {
            session.nat_over_peering = Some((*gateway, idx));
        }
        self.packet.crossing = match self.packet.crossing {
            Crossing::None => Crossing::Peering { same_region: peering.same_region() },
            // SG-19 knows one border at a time.
            _ => Crossing::Peering { same_region: false },
        };
        self.passed(site, stage);
        // RT-13: the far side delivers by its local routing.
        self.deliver_in_vpc(other, None, session)
    }

    /// PL-9 to PL-13: a gateway endpoint; or RT-48: a Gateway Load Balancer endpoint.
    fn endpoint(&mut self, idx: Idx<VpcEndpoint>, vpc: Idx<Vpc>, session: &mut Session) -> End {
        let endpoint = self.network.endpoints.get(idx);
        let site = Site::Endpoint(idx);
        let stage = Stage::Endpoint;
        if endpoint.kind != EndpointKind::Gateway {
            return self.opaque(site, stage, Code::UnsupportedComponent, "RT-48", None, None);
        }
        if !endpoint.available {
            return self.stop(site, stage, Code::BadState, "PL-7");
        }
        if self.leg == Leg::Return {
            return self.stop(site, stage, Code::VpceIntraVpcTraffic, "PL-11");
        }
        // PL-11: TCP and ICMP echo requests.
        let echo = match self.packet.transport {
            Transport::Icmp { kind, .. } => kind == if self.packet.protocol == Protocol::ICMP { 8 } else { 128 },
            _ => false,
        };
        if self.packet.protocol != Protocol::TCP && !echo {
            self.blocked(site.clone(), stage, Code::VpceGatewayProtocolRestriction, "PL-11");
        }
        // PL-12: only from the VPC's own addresses.
        if !self.network.vpcs.get(vpc).contains(self.packet.source) {
            let code = Code::VpceGatewayEgressSourceAddressRestriction;
            self.blocked(site.clone(), stage, code, "PL-12");
        }
        // CT-5: DynamoDB's gateway endpoints track every flow.
        session.auto_tracked |= endpoint.service_label() == "dynamodb";
        session.responder = Responder::GatewayEndpoint(vpc);
        self.packet.identity = Identity::Lost;
        self.passed(site, stage);
        End::Delivered
    }
}
