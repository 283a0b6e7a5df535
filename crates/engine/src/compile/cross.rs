//! Carrying packets along routes and through what stands at their end: gateways, translators, peerings, endpoints.

use std::net::{IpAddr, Ipv4Addr};

use reach_model::Call;
use reach_model::network::{
    BlockMode, Direction, EgressOnlyGateway, EndpointKind, Idx, InterfaceKind, InternetGateway, NatGateway,
    NetworkInterface, Peering, Ref, RouteState, RouteTarget, Subnet, Vpc, VpcEndpoint,
};

use super::Compiled;
use super::carry::{At, Border, Carry, Next, Responder, Rewrite, Source, for_gateway_endpoint, translatable};
use super::gate::{Test, Told};
use super::graph::{Hop, hop};
use super::space::{is_lattice, is_link_local, is_no_host, is_private, is_shared, is_unroutable};
use super::tables::Way;
use crate::reason::{Assumption, Code, Leg, RuleRef, Site};

impl<'n> Compiled<'n> {
    /// Out of a subnet: the destination's way in the subnet's table.
    pub(super) fn route(&self, carry: &mut Carry<'n>, subnet: Idx<Subnet>) -> Next<'n> {
        let place = self.network.subnets.get(subnet);
        let site = Site::Subnet(subnet);
        let destination = carry.destination;
        // SG-24: Lattice's lists hold public addresses, too, which would look like traffic for a gateway.
        if is_lattice(destination) || self.lattice.iter().any(|net| net.contains(&destination)) {
            let told = Told::new(Code::UnsupportedComponent, "RT-50").note("VPC Lattice");
            return carry.opaque(site, told);
        }
        // RT-11: never forwarded, not even under a larger route.
        if is_unroutable(destination) {
            return carry.stop(site, Code::CannotRoute, "RT-11");
        }
        if is_no_host(destination) {
            return carry.stop(site, Code::CannotRoute, "SG-36");
        }
        // RT-11 speaks of one /22 of the link-local range; of the rest AWS says nothing.
        if is_link_local(destination) {
            let told = Told::new(Code::Undocumented, "RT-11").note("what becomes of other link-local destinations");
            return carry.opaque(site, told);
        }
        if !carry.hop() {
            return carry.stop(site, Code::CannotRoute, "RT-7");
        }
        let Some(vpc) = place.vpc.as_ref().and_then(Ref::known) else {
            return carry.opaque(site, Told::new(Code::NotCollected, "RT-1").call(Call::DescribeVpcs));
        };
        // RT-1: the explicit association, else the VPC's main table.
        let Some(table) = place.route_table else {
            let told = Told::new(Code::NotCollected, "RT-1").call(Call::DescribeRouteTables);
            return carry.opaque(site, told);
        };
        let site = Site::RouteTable(table);
        carry.tables.push(table);
        let (route, net) = match self.tables.way(table, destination) {
            Way::None => return carry.stop(site, Code::NoRouteToDestination, "RT-7"),
            Way::Undecided { code, semantics, call, note } => {
                return carry.opaque(site, Told::new(code, semantics).note(note).maybe_call(call));
            }
            Way::Route(route, net) => (route, net),
        };
        // RT-2, RT-8: a blackhole takes part in the choice and, where it wins, drops.
        if route.state == RouteState::Blackhole {
            let told = Told::new(Code::BadStateRoute, "RT-8").rule(RuleRef::Route(table, net));
            carry.gate(site, Test::Refuse(told));
            return Next::End;
        }
        match hop(self.network, &route.target, vpc) {
            Hop::Vpc(vpc) => Next::Go(At::Deliver(vpc, Some(subnet))),
            Hop::InternetGateway(gateway) => self.internet_gateway(carry, gateway, vpc, subnet),
            Hop::EgressOnlyGateway(gateway) => self.egress_only_gateway(carry, gateway, vpc, subnet),
            Hop::NatGateway(gateway) => self.nat_gateway(carry, gateway, subnet),
            Hop::Peering(peering) => self.peering(carry, peering, vpc),
            Hop::TransitGateway(gateway) => self.transit_gateway(carry, &gateway, vpc, subnet),
            Hop::Endpoint(endpoint) => self.endpoint(carry, endpoint, vpc),
            Hop::Forwarder(interface) => self.forwarder(carry, interface),
            Hop::Beyond(name, semantics) => {
                let told = Told::new(Code::UnsupportedComponent, semantics);
                carry.opaque(Site::Named(name), told)
            }
            Hop::Missing(name, call) => {
                carry.opaque(Site::Named(name), Told::new(Code::NotCollected, "RT-8").call(call))
            }
            Hop::Nowhere | Hop::Subnet(_) | Hop::Internet => carry.stop(site, Code::BadStateRoute, "RT-8"),
        }
    }

    /// RT-47: an instance that forwards. Its source/destination check decides already; what it does is not modelled.
    fn forwarder(&self, carry: &mut Carry<'n>, interface: Idx<NetworkInterface>) -> Next<'n> {
        let target = self.network.interfaces.get(interface);
        let site = Site::Interface(interface);
        if target.kind == InterfaceKind::GatewayLoadBalancerEndpoint {
            return carry.opaque(site, Told::new(Code::UnsupportedComponent, "RT-48"));
        }
        if target.source_dest_check && !target.owns(carry.destination) {
            return carry.stop(site, Code::EniSourceDestCheckRestriction, "SG-27");
        }
        let told = Told::new(Code::UnsupportedComponent, "RT-47").note("a forwarding instance");
        carry.opaque(site, told)
    }

    /// RT-21: what block public access lets pass at the subnet that touches the gateway. Replies belong to flows that
    /// were judged before.
    fn block_public_access(
        &self,
        carry: &mut Carry<'n>,
        subnet: Idx<Subnet>,
        vpc: Idx<Vpc>,
        gateway: &Site,
        from_translator: bool,
    ) {
        if carry.leg == Leg::Return {
            return;
        }
        let own = self.network.subnets.get(subnet).block_public_access;
        let Some(mode) = own.or(self.network.vpcs.get(vpc).block_public_access) else {
            carry.assume(Assumption::BlockPublicAccessOff);
            return;
        };
        let blocked = match mode {
            BlockMode::Off | BlockMode::ExcludedBidirectional => false,
            BlockMode::Ingress | BlockMode::ExcludedEgress => !from_translator,
            BlockMode::Bidirectional => true,
        };
        if blocked {
            let scope = self.network.vpcs.get(vpc).scope;
            if !self.network.collected(scope, Call::DescribeVpcBlockPublicAccessExclusions) {
                carry.assume(Assumption::NoBlockPublicAccessExclusions);
            }
            carry.refuse(gateway.clone(), Code::VpcBlockPublicAccessEnabled, "RT-21");
        }
    }

    /// RT-14 to RT-18, RT-22: out by an internet gateway.
    fn internet_gateway(
        &self,
        carry: &mut Carry<'n>,
        gateway: Idx<InternetGateway>,
        vpc: Idx<Vpc>,
        subnet: Idx<Subnet>,
    ) -> Next<'n> {
        let site = Site::InternetGateway(gateway);
        if !self.network.internet_gateways.get(gateway).vpcs.contains(&self.network.vpcs.get(vpc).id) {
            carry.refuse(site.clone(), Code::BadStateAttachment, "RT-14");
        }
        // RT-12: what came in through an appliance may not go out past it.
        if carry.leg == Leg::Return && carry.memory.edge_redirected {
            carry.refuse(site.clone(), Code::IngressRtbTrafficRedirection, "RT-12");
        }
        let from_translator = matches!(carry.memory.rewrites.last(), Some(Rewrite::Nat { .. }));
        self.block_public_access(carry, subnet, vpc, &site, from_translator);
        if let (IpAddr::V4(_), IpAddr::V4(destination)) = (carry.source, carry.destination) {
            // RT-16: private remote addresses never cross.
            if is_shared(carry.destination) {
                carry.refuse(site.clone(), Code::IgwDestinationNotInRfc6598Egress, "RT-16");
            } else if destination.is_private() {
                carry.refuse(site.clone(), Code::IgwDestinationNotInRfc1918Egress, "RT-16");
            }
            match self.public_of_source(carry, vpc) {
                // RT-15: a 1:1 translation; group identity ends here (SG-19).
                Some(public) => {
                    carry.source = IpAddr::V4(public);
                    carry.identity = false;
                }
                None => carry.refuse(site, Code::IgwPublicIpAssociationForEgress, "RT-14"),
            }
        } else if self.is_private_here(vpc, carry.source) || self.denies_gateways(vpc, carry.source) {
            // RT-18: global addresses need no translation; private ones cannot use the gateway.
            carry.refuse(site, Code::IgwPublicIpAssociationForEgress, "RT-18");
        } else {
            carry.identity = false;
        }
        Next::Go(At::Internet { egress_only: false })
    }

    /// RT-14: the public address of *that* private address; a NAT gateway's is its own.
    fn public_of_source(&self, carry: &Carry<'n>, vpc: Idx<Vpc>) -> Option<Ipv4Addr> {
        if carry.leg == Leg::Forward
            && let Some(Rewrite::Nat { gateway, outside, .. }) = carry.memory.rewrites.last()
            && *outside == carry.source
        {
            let addresses = &self.network.nat_gateways.get(*gateway).addresses;
            return addresses.iter().find(|own| own.private == *outside && own.public.is_some())?.public;
        }
        let owner = self.network.addresses.owner(vpc, carry.source)?;
        self.network.interfaces.get(owner).public_of(carry.source)
    }

    /// RT-18: unique local addresses, and global ones that are registered as private.
    fn is_private_here(&self, vpc: Idx<Vpc>, address: IpAddr) -> bool {
        let IpAddr::V6(v6) = address else { return is_private(address) };
        is_private(address) || self.network.vpcs.get(vpc).private_v6.iter().any(|net| net.contains(&v6))
    }

    fn denies_gateways(&self, vpc: Idx<Vpc>, address: IpAddr) -> bool {
        let owner = self.network.addresses.owner(vpc, address);
        owner.is_some_and(|owner| self.network.interfaces.get(owner).deny_all_igw_traffic)
    }

    /// RT-18, RT-19: out by an egress-only gateway.
    fn egress_only_gateway(
        &self,
        carry: &mut Carry<'n>,
        gateway: Idx<EgressOnlyGateway>,
        vpc: Idx<Vpc>,
        subnet: Idx<Subnet>,
    ) -> Next<'n> {
        let site = Site::EgressOnlyGateway(gateway);
        if !self.network.egress_only_gateways.get(gateway).vpcs.contains(&self.network.vpcs.get(vpc).id) {
            carry.refuse(site.clone(), Code::BadStateAttachment, "RT-18");
        }
        self.block_public_access(carry, subnet, vpc, &site, true);
        if carry.leg == Leg::Return {
            return carry.stop(site, Code::EgressOnlyGatewayInbound, "RT-18");
        }
        if carry.source.is_ipv4() || self.is_private_here(vpc, carry.source) {
            return carry.stop(site, Code::ProtocolRestriction, "RT-19");
        }
        carry.memory.auto_tracked = true;
        carry.identity = false;
        Next::Go(At::Internet { egress_only: true })
    }

    /// On the internet side of a gateway: one of the snapshot's own public addresses, or a host outside.
    pub(super) fn internet(&self, carry: &mut Carry<'n>, egress_only: bool) -> Next<'n> {
        if self.is_own_public(carry.destination) {
            // RT-22: the packet comes back as internet traffic.
            return Next::Go(At::FromInternet);
        }
        if carry.leg == Leg::Return {
            let home = matches!(carry.memory.source, Source::Outside(client) if client == carry.destination);
            if !home {
                return carry.stop(Site::Internet, Code::NoPossibleDestination, "M-6");
            }
            if carry.source != carry.memory.asked {
                return carry.stop(Site::Internet, Code::NgwSourceAddressReassign, "M-6");
            }
            return Next::End;
        }
        // RT-16: on the internet side a VPC's private address, however public it looks, is somebody else's.
        if let Some(expected) = carry.expected {
            return carry.stop(Site::Interface(expected), Code::NoPossibleDestination, "RT-16");
        }
        carry.memory.responder = Responder::Internet { egress_only };
        admission(carry);
        Next::End
    }

    fn is_own_public(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => {
                self.network.addresses.owner_of_public(v4).is_some() || self.nat_publics.contains_key(&v4)
            }
            IpAddr::V6(_) => !is_private(address) && !self.network.vpcs_of(address).is_empty(),
        }
    }

    /// The first of these calls that some scope of the snapshot lacks.
    fn lacking(&self, calls: &[Call]) -> Option<Call> {
        calls.iter().copied().find(|&call| !self.network.collected_for(None, call))
    }

    /// From the internet to a public address (RT-15 to RT-18).
    pub(super) fn enter_from_internet(&self, carry: &mut Carry<'n>) -> Next<'n> {
        if !carry.hop() {
            return carry.stop(Site::Internet, Code::CannotRoute, "RT-7");
        }
        let at_expected = carry.expected.map_or(Site::Internet, Site::Interface);
        let (vpc, owner, private) = match carry.destination {
            IpAddr::V4(_) if is_private(carry.destination) => {
                // An interface that was not collected may have a public address that the question means.
                if carry.expected.is_none()
                    && let Some(call) = self.lacking(&[Call::DescribeNetworkInterfaces])
                {
                    let note = format!("which public address {} has, if any,", carry.destination);
                    let told = Told::new(Code::NotCollected, "RT-16").note(note).call(call);
                    return carry.opaque(Site::Internet, told);
                }
                return carry.stop(at_expected, Code::IgwPrivateIpAssociationForIngress, "RT-16");
            }
            IpAddr::V4(public) => {
                let nat = || self.nat_publics.get(&public).copied().flatten();
                match self.network.addresses.owner_of_public(public).or_else(nat) {
                    Some((owner, private)) => {
                        let vpc = self.network.interfaces.get(owner).vpc.as_ref().and_then(Ref::known);
                        (vpc, Some(owner), private)
                    }
                    None if carry.admission.is_some() => {
                        carry.memory.responder = Responder::Unfiltered;
                        admission(carry);
                        return Next::End;
                    }
                    // RT-16: a VPC's own CIDR is private inside, also where it looks public.
                    None if carry.expected.is_some() => {
                        return carry.stop(at_expected, Code::IgwPrivateIpAssociationForIngress, "RT-16");
                    }
                    None => {
                        let call = self.lacking(&[Call::DescribeNetworkInterfaces, Call::DescribeNatGateways]);
                        let told = Told::new(Code::UnknownDestination, "RT-16").maybe_call(call);
                        return carry.opaque(Site::Internet, told);
                    }
                }
            }
            address @ IpAddr::V6(_) => {
                let vpc = self.network.vpcs_of(address).first().copied();
                (vpc, vpc.and_then(|vpc| self.network.addresses.owner(vpc, address)), address)
            }
        };
        let Some(vpc) = vpc else {
            let told = Told::new(Code::UnknownDestination, "RT-16").maybe_call(self.lacking(&[Call::DescribeVpcs]));
            return carry.opaque(Site::Internet, told);
        };
        let Some(gateway) = self.network.vpcs.get(vpc).internet_gateway else {
            let site = Site::Vpc(vpc);
            if self.network.collected_for(Some(vpc), Call::DescribeInternetGateways) {
                return carry.stop(site, Code::IgwPrivateIpAssociationForIngress, "RT-16");
            }
            let told = Told::new(Code::NotCollected, "RT-16").call(Call::DescribeInternetGateways);
            return carry.opaque(site, told);
        };
        let site = Site::InternetGateway(gateway);
        // A sender inside without a public address was refused on its way out already.
        let comes_from_outside = carry.leg == Leg::Return || matches!(carry.memory.source, Source::Outside(_));
        if comes_from_outside && carry.source.is_ipv4() && is_private(carry.source) {
            let shared = is_shared(carry.source);
            let code = if shared { Code::IgwSourceNotInRfc6598Ingress } else { Code::IgwSourceNotInRfc1918Ingress };
            carry.refuse(site.clone(), code, "RT-16");
        }
        let denied = owner.is_some_and(|owner| self.network.interfaces.get(owner).deny_all_igw_traffic);
        if private.is_ipv6() && (denied || self.is_private_here(vpc, private)) {
            carry.refuse(site.clone(), Code::IgwPrivateIpAssociationForIngress, "RT-18");
        }
        if let Some(subnet) = self.network.subnet_of(vpc, private) {
            self.block_public_access(carry, subnet, vpc, &site, false);
        }
        carry.destination = private;
        match self.edge_table(carry, gateway, owner) {
            Some(next) => next,
            None => Next::Go(At::Deliver(vpc, None)),
        }
    }

    /// RT-12: a table that is associated with the gateway itself steers what comes in.
    fn edge_table(
        &self,
        carry: &mut Carry<'n>,
        gateway: Idx<InternetGateway>,
        owner: Option<Idx<NetworkInterface>>,
    ) -> Option<Next<'n>> {
        let table = self.network.internet_gateways.get(gateway).edge_table?;
        let site = Site::RouteTable(table);
        carry.tables.push(table);
        let route = match self.tables.way(table, carry.destination) {
            Way::None => return None,
            Way::Undecided { code, semantics, call, note } => {
                return Some(carry.opaque(site, Told::new(code, semantics).note(note).maybe_call(call)));
            }
            Way::Route(route, _) => route,
        };
        if route.target == RouteTarget::Local {
            return None;
        }
        // RT-8: here, too, a blackhole drops.
        if route.state == RouteState::Blackhole {
            return Some(carry.stop(site, Code::BadStateRoute, "RT-8"));
        }
        // The reply's way can be judged: it must pass the appliance, too.
        if let (Leg::Forward, Some(owner)) = (carry.leg, owner) {
            carry.memory.edge_redirected = true;
            carry.memory.responder = Responder::Interface(owner);
        }
        let missing =
            |name: String, call| (Site::Named(name.into()), Told::new(Code::NotCollected, "RT-12").call(call));
        let (site, told) = match &route.target {
            RouteTarget::Interface(Ref::Known(interface)) => return Some(self.forwarder(carry, *interface)),
            RouteTarget::Interface(Ref::Missing(id)) => missing(id.to_string(), Call::DescribeNetworkInterfaces),
            RouteTarget::Endpoint(Ref::Missing(id)) => missing(id.to_string(), Call::DescribeVpcEndpoints),
            RouteTarget::Endpoint(Ref::Known(endpoint)) => {
                (Site::Endpoint(*endpoint), Told::new(Code::UnsupportedComponent, "RT-48"))
            }
            _ => (site, Told::new(Code::UnsupportedComponent, "RT-12")),
        };
        Some(carry.opaque(site, told))
    }

    /// A private address outside all VPCs: it enters by the gateway that the destination's table names for it.
    pub(super) fn enter_from_network(&self, carry: &mut Carry<'n>) -> Next<'n> {
        // M-6b: an address of a VPC that nobody has sends nothing.
        if let Some(&vpc) = self.network.vpcs_of(carry.source).first() {
            if !self.may_hold_others(vpc) {
                return carry.stop(Site::Vpc(vpc), Code::EniAddressRestriction, "M-6b");
            }
            let told = Told::new(Code::NotCollected, "M-6b").call(Call::DescribeNetworkInterfaces);
            return carry.opaque(Site::Vpc(vpc), told);
        }
        carry.unseen_sender = true;
        let Some(expected) = carry.expected else {
            return carry.opaque(Site::Internet, Told::new(Code::UnknownDestination, "RT-20"));
        };
        let interface = self.network.interfaces.get(expected);
        let subnet = interface.subnet.as_ref().and_then(Ref::known);
        let (Some(subnet), Some(vpc)) = (subnet, interface.vpc.as_ref().and_then(Ref::known)) else {
            let call = if subnet.is_some() { Call::DescribeVpcs } else { Call::DescribeSubnets };
            let told = Told::new(Code::NotCollected, "RT-1").call(call);
            return carry.opaque(Site::Interface(expected), told);
        };
        let Some(table) = self.network.subnets.get(subnet).route_table else {
            let told = Told::new(Code::NotCollected, "RT-1").call(Call::DescribeRouteTables);
            return carry.opaque(Site::Subnet(subnet), told);
        };
        let site = Site::RouteTable(table);
        carry.tables.push(table);
        let target = match self.tables.way(table, carry.source) {
            Way::None => return self.network_refused(carry, site, expected, Code::NoRouteToDestination, "RT-20"),
            Way::Undecided { code, semantics, call, note } => {
                return carry.opaque(site, Told::new(code, semantics).note(note).maybe_call(call));
            }
            Way::Route(route, _) if route.state == RouteState::Blackhole => {
                return carry.stop(site, Code::BadStateRoute, "RT-8");
            }
            Way::Route(route, _) => &route.target,
        };
        let name = match target {
            RouteTarget::Peering(peering) => {
                let same_region = peering.known().is_none_or(|idx| self.network.peerings.get(idx).same_region());
                carry.border = Border::Peering { same_region };
                peering.id(&self.network.peerings).to_string()
            }
            RouteTarget::TransitGateway(gateway) => {
                let known = gateway.known().map(|idx| self.network.transit_gateways.get(idx));
                carry.border = Border::Transit { referencing: known.map(|g| g.security_group_referencing) };
                gateway.id(&self.network.transit_gateways).to_string()
            }
            RouteTarget::VpnGateway(id) => id.to_string(),
            RouteTarget::Other(name) => name.to_string(),
            RouteTarget::Interface(interface) => interface.id(&self.network.interfaces).to_string(),
            RouteTarget::Instance(instance) => instance.id(&self.network.instances).to_string(),
            // RT-16, RT-27: a private address enters by no gateway to the internet.
            _ => return self.network_refused(carry, site, expected, Code::IgwSourceNotInRfc1918Ingress, "RT-16"),
        };
        let told = Told::new(Code::UnknownResource, "RT-20").note("the network on the other side");
        carry.doubt(Site::Named(name.into()), told);
        if matches!(target, RouteTarget::Interface(_) | RouteTarget::Instance(_)) {
            // An appliance may translate; only what no source could pass is certain.
            carry.gate(Site::Interface(expected), Test::Unseen { at: expected });
            return Next::End;
        }
        Next::Go(At::Deliver(vpc, None))
    }

    /// No gateway lets it in; but it may be an address of a VPC that the snapshot leaves out (M-4).
    fn network_refused(
        &self,
        carry: &mut Carry<'n>,
        site: Site,
        expected: Idx<NetworkInterface>,
        code: Code,
        semantics: &'static str,
    ) -> Next<'n> {
        if let call @ Some(_) = self.lacking(&[Call::DescribeVpcs]) {
            let note = format!("where {} comes from", carry.source);
            return carry.opaque(site, Told::new(Code::NotCollected, "RT-20").note(note).maybe_call(call));
        }
        carry.refuse(site, code, semantics);
        self.groups_at(carry, expected, Direction::Ingress);
        Next::End
    }

    /// RT-23 to RT-32: through a NAT gateway.
    fn nat_gateway(&self, carry: &mut Carry<'n>, idx: Idx<NatGateway>, from: Idx<Subnet>) -> Next<'n> {
        let nat = self.network.nat_gateways.get(idx);
        let site = Site::NatGateway(idx);
        if carry.leg == Leg::Return {
            // The reply would leave with the gateway's address as its source, which the client never asked.
            return carry.stop(site, Code::NgwSourceAddressReassign, "M-6");
        }
        if &*nat.state != "available" {
            return carry.stop(site, Code::BadState, "RT-29");
        }
        let headers = self.headers.intern(translatable());
        carry.gate(site.clone(), Test::Only(headers, Told::new(Code::ProtocolRestriction, "RT-24")));
        if nat.regional {
            let told = Told::new(Code::UnsupportedComponent, "RT-30").note("a regional NAT gateway");
            return carry.opaque(site, told);
        }
        if carry.destination.is_ipv6() {
            return carry.opaque(site, Told::new(Code::UnsupportedComponent, "RT-31").note("NAT64"));
        }
        let Some(subnet) = nat.subnet.as_ref().and_then(Ref::known) else {
            let told = Told::new(Code::NotCollected, "RT-23").call(Call::DescribeSubnets);
            return carry.opaque(site, told);
        };
        // NA-12: the gateway's subnet sees the client's address and the service's port.
        self.acl_at(carry, subnet, Direction::Ingress, from == subnet);
        match nat.addresses.len() {
            0 => carry.opaque(site, Told::new(Code::UnknownResource, "RT-23").note("its addresses")),
            1 => Next::Go(At::Translate(idx, subnet, 0)),
            // Connections spread over the gateway's addresses; which one is nobody's to know.
            count => Next::AnyOf((0..count).map(|position| At::Translate(idx, subnet, position)).collect()),
        }
    }

    /// Out of a NAT gateway by one of its addresses.
    pub(super) fn translate(
        &self,
        carry: &mut Carry<'n>,
        gateway: Idx<NatGateway>,
        subnet: Idx<Subnet>,
        position: usize,
    ) -> Next<'n> {
        let Some(address) = self.network.nat_gateways.get(gateway).addresses.get(position) else { return Next::End };
        let outside = IpAddr::V4(address.private);
        carry.memory.rewrites.push(Rewrite::Nat { gateway, outside, inside: carry.source });
        carry.memory.auto_tracked = true;
        carry.source = outside;
        carry.identity = false;
        carry.border = Border::None;
        Next::Go(At::Emit(subnet))
    }

    /// Out of a translator's interface: no groups, but the subnet's network ACL and table.
    pub(super) fn emit(&self, carry: &mut Carry<'n>, subnet: Idx<Subnet>) -> Next<'n> {
        if !self.network.subnets.get(subnet).contains(carry.destination) {
            self.acl_at(carry, subnet, Direction::Egress, false);
            return Next::Go(At::Route(subnet));
        }
        if carry.leg == Leg::Return {
            // NA-12: between an instance and a NAT gateway of one subnet.
            self.acl_at(carry, subnet, Direction::Egress, true);
            self.acl_at(carry, subnet, Direction::Ingress, true);
        }
        Next::Go(At::Arrive(subnet))
    }

    /// A reply at a NAT gateway's interface: the translation is undone and the packet goes on to the client.
    pub(super) fn translate_back(&self, carry: &mut Carry<'n>, owner: Idx<NetworkInterface>) -> Next<'n> {
        match carry.memory.rewrites.last().copied() {
            Some(Rewrite::Nat { gateway, outside, inside }) if outside == carry.destination => {
                carry.memory.rewrites.pop();
                carry.destination = inside;
                match self.network.nat_gateways.get(gateway).subnet.as_ref().and_then(Ref::known) {
                    Some(subnet) => Next::Go(At::Emit(subnet)),
                    None => {
                        let told = Told::new(Code::NotCollected, "RT-23").call(Call::DescribeSubnets);
                        carry.opaque(Site::NatGateway(gateway), told)
                    }
                }
            }
            _ => carry.stop(Site::Interface(owner), Code::NgwUnsolicited, "RT-25"),
        }
    }

    /// RT-33 to RT-37: across a peering.
    fn peering(&self, carry: &mut Carry<'n>, idx: Idx<Peering>, vpc: Idx<Vpc>) -> Next<'n> {
        let peering = self.network.peerings.get(idx);
        let site = Site::Peering(idx);
        if !peering.is_active() {
            return carry.stop(site, Code::BadState, "RT-33");
        }
        let own = &self.network.vpcs.get(vpc).id;
        let Some(side) = peering.other_side(own) else {
            return carry.stop(site, Code::DisconnectedVpcs, "RT-33");
        };
        let other = side.vpc.as_ref().and_then(|id| self.network.vpcs.find(id));
        let inside = match other {
            Some(other) => self.network.vpcs.get(other).contains(carry.destination),
            None => side.may_hold(carry.destination),
        };
        // RT-34: no edge-to-edge; only addresses of the destination VPC are reached.
        if !inside {
            return carry.stop(site, Code::PcxRequiresAddressInVpcCidr, "RT-34");
        }
        let Some(other) = other else {
            let mut told = Told::new(Code::UnknownResource, "API-20").call(Call::DescribeVpcs);
            if let Some(id) = &side.vpc {
                told = told.note(id.to_string());
            }
            return carry.opaque(site, told);
        };
        if let (Leg::Forward, Some(Rewrite::Nat { gateway, .. })) = (carry.leg, carry.memory.rewrites.last())
            && self.network.nat_gateways.get(*gateway).vpc.as_ref() == Some(own)
        {
            carry.memory.nat_over_peering = Some((*gateway, idx));
        }
        // SG-19 knows one border at a time.
        let same_region = carry.border == Border::None && peering.same_region();
        carry.border = Border::Peering { same_region };
        // RT-13: the far side delivers by its local routing.
        Next::Go(At::Deliver(other, None))
    }

    /// PL-9 to PL-13: a gateway endpoint; or RT-48: a Gateway Load Balancer endpoint.
    fn endpoint(&self, carry: &mut Carry<'n>, idx: Idx<VpcEndpoint>, vpc: Idx<Vpc>) -> Next<'n> {
        let endpoint = self.network.endpoints.get(idx);
        let site = Site::Endpoint(idx);
        if endpoint.kind != EndpointKind::Gateway {
            return carry.opaque(site, Told::new(Code::UnsupportedComponent, "RT-48"));
        }
        if !endpoint.available {
            return carry.stop(site, Code::BadState, "PL-7");
        }
        if carry.leg == Leg::Return {
            return carry.stop(site, Code::VpceIntraVpcTraffic, "PL-11");
        }
        let headers = self.headers.intern(for_gateway_endpoint());
        let told = Told::new(Code::VpceGatewayProtocolRestriction, "PL-11");
        carry.gate(site.clone(), Test::Only(headers, told));
        // PL-12: only from the VPC's own addresses.
        if !self.network.vpcs.get(vpc).contains(carry.source) {
            carry.refuse(site, Code::VpceGatewayEgressSourceAddressRestriction, "PL-12");
        }
        // CT-5: DynamoDB's gateway endpoints track every flow.
        carry.memory.auto_tracked |= endpoint.service_label() == "dynamodb";
        carry.memory.responder = Responder::GatewayEndpoint(vpc);
        carry.memory.endpoint = Some(idx);
        carry.identity = false;
        Next::End
    }
}

/// EK-14: a public endpoint's list of admitted sources; security groups are not involved.
fn admission(carry: &mut Carry<'_>) {
    let refused = carry.admission.is_some_and(|admitted| !admitted.iter().any(|net| net.contains(&carry.source)));
    if refused {
        let told = Told::new(Code::EksPublicAccessCidrMismatch, "EK-14")
            .note(carry.source.to_string())
            .direction(Direction::Ingress);
        carry.gate(Site::Internet, Test::Refuse(told));
    }
}
