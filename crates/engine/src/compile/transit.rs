//! Carrying packets through transit gateways (RT-38 to RT-44, NA-13).

use ipnet::IpNet;
use reach_model::Call;
use reach_model::ids::TransitGatewayId;
use reach_model::network::{
    Association, Attachment, AttachmentKind, Destination, Direction, Idx, Ref, Subnet, TransitGatewayRoute, Vpc,
};
use reach_packets::Family;

use super::Compiled;
use super::carry::{At, Border, Carry, Next};
use super::gate::{Test, Told};
use crate::reason::{Code, RuleRef, Site};

/// Why a transit gateway's route cannot be told.
struct Undecided {
    code: Code,
    call: Option<Call>,
    note: String,
}

impl<'n> Compiled<'n> {
    /// From a subnet of `vpc` into the gateway, by its attachment's interface in the subnet's zone.
    pub(super) fn transit_gateway(
        &self,
        carry: &mut Carry<'n>,
        gateway: &TransitGatewayId,
        vpc: Idx<Vpc>,
        from: Idx<Subnet>,
    ) -> Next<'n> {
        let own = AttachmentKind::Vpc(self.network.vpcs.get(vpc).id.clone());
        let entry = self.network.attachments.iter().find(|(_, attachment)| {
            attachment.is_available() && attachment.gateway.as_ref() == Some(gateway) && attachment.kind == own
        });
        let Some((entry, attachment)) = entry else {
            let known = self.network.transit_gateways.find(gateway);
            let site = known.map_or_else(|| Site::Named(gateway.as_str().into()), Site::TransitGateway);
            let scope = self.network.vpcs.get(vpc).scope;
            let listed = [Call::DescribeTransitGatewayAttachments, Call::DescribeTransitGatewayVpcAttachments]
                .into_iter()
                .any(|call| self.network.collected(scope, call));
            if listed {
                return carry.stop(site, Code::BadStateAttachment, "RT-38");
            }
            let told = Told::new(Code::NotCollected, "RT-38").call(Call::DescribeTransitGatewayAttachments);
            return carry.opaque(site, told);
        };
        let site = Site::Attachment(entry);
        let Some(subnets) = attachment.subnets.as_ref() else {
            let told = Told::new(Code::NotCollected, "RT-40").call(Call::DescribeTransitGatewayVpcAttachments);
            return carry.opaque(site, told);
        };
        let zone = self.zone_of(from);
        // RT-40: a packet enters by the gateway's interface in its own zone, or not at all.
        let Some(entry_subnet) = subnets.iter().filter_map(Ref::known).find(|&subnet| self.zone_of(subnet) == zone)
        else {
            if subnets.iter().any(|subnet| subnet.known().is_none()) {
                return carry.opaque(site, Told::new(Code::NotCollected, "RT-40").call(Call::DescribeSubnets));
            }
            if zone.is_some_and(is_local_zone) {
                let told = Told::new(Code::Undocumented, "RT-40").note("which zone is the parent of a Local Zone");
                return carry.opaque(site, told);
            }
            return carry.stop(site, Code::TgwRouteAzRestriction, "RT-40");
        };
        // NA-13: the attachment's subnet sees the packet come in, also when it is the instance's own subnet.
        self.acl_at(carry, entry_subnet, Direction::Ingress, false);
        carry.memory.maybe_auto_tracked = true;
        Next::Go(At::Transit(entry, zone))
    }

    fn zone_of(&self, subnet: Idx<Subnet>) -> Option<&'n str> {
        self.network.subnets.get(subnet).zone.as_deref()
    }

    /// The table that the entry attachment is associated with, and where it sends the packet.
    pub(super) fn transit(&self, carry: &mut Carry<'n>, entry: Idx<Attachment>, zone: Option<&'n str>) -> Next<'n> {
        let site = Site::Attachment(entry);
        if !carry.hop() {
            return carry.stop(site, Code::CannotRoute, "RT-38");
        }
        let table = match &self.network.attachments.get(entry).association {
            Association::Table(id) => id,
            // RT-38: without an association what enters is dropped.
            Association::None => return carry.stop(site, Code::TgwAttachMissingAssociation, "RT-38"),
            Association::NotCollected => {
                let told = Told::new(Code::NotCollected, "RT-38").call(Call::GetTransitGatewayRouteTableAssociations);
                return carry.opaque(site, told);
            }
        };
        let untold = Told::new(Code::TgwRtbRoutesAreUnknown, "RT-38").call(Call::SearchTransitGatewayRoutes);
        let Some(table_idx) = self.network.transit_gateway_tables.find(table) else {
            return carry.opaque(Site::Named(table.as_str().into()), untold);
        };
        let site = Site::TransitGatewayTable(table_idx);
        carry.transit_tables.push(table_idx);
        let Some(routes) = self.network.transit_gateway_tables.get(table_idx).routes.as_ref() else {
            return carry.opaque(site, untold);
        };
        let (route, net) = match self.transit_route(carry, routes) {
            Ok(Some(chosen)) => chosen,
            Ok(None) => return carry.stop(site, Code::TgwRtbNoRoute, "RT-38"),
            Err(Undecided { code, call, note }) => {
                return carry.opaque(site, Told::new(code, "RT-39").note(note).maybe_call(call));
            }
        };
        if route.blackhole {
            let rule = RuleRef::TransitRoute(table_idx, net);
            carry.gate(site, Test::Refuse(Told::new(Code::TgwRtbBadStateRoute, "RT-39").rule(rule)));
            return Next::End;
        }
        // Several attachments of one route share the load: which one is nobody's to know.
        let mut ways = Vec::with_capacity(1);
        for id in &route.attachments {
            match self.network.attachments.find(id) {
                Some(exit) => ways.push(At::TransitExit(entry, exit, zone)),
                None => {
                    let told = Told::new(Code::UnknownResource, "RT-38").call(Call::DescribeTransitGatewayAttachments);
                    return carry.opaque(Site::Named(id.as_str().into()), told);
                }
            }
        }
        if ways.is_empty() {
            return carry.opaque(site, Told::new(Code::UnknownResource, "RT-38"));
        }
        Next::AnyOf(ways)
    }

    /// Longest prefix, then RT-39's order: static, prefix list, then by what propagates.
    fn transit_route<'r>(
        &self,
        carry: &Carry<'n>,
        routes: &'r [TransitGatewayRoute],
    ) -> Result<Option<(&'r TransitGatewayRoute, IpNet)>, Undecided> {
        let destination = carry.destination;
        let mut matching: Vec<(u8, u8, &TransitGatewayRoute, IpNet)> = Vec::new();
        for route in routes {
            let net = match &route.destination {
                Destination::Cidr(net) => Some(*net).filter(|net| net.contains(&destination)),
                Destination::PrefixList(list) => {
                    let known = list.known().map(|idx| self.network.prefix_lists.get(idx));
                    // RT-10: a list of the other family matches nothing, whatever it holds.
                    if known.and_then(|list| list.family).is_some_and(|family| family != Family::of(destination)) {
                        continue;
                    }
                    let Some(cidrs) = known.and_then(|list| list.cidrs.as_ref()) else {
                        let note = list.id(&self.network.prefix_lists).to_string();
                        let call = Some(Call::GetManagedPrefixListEntries);
                        return Err(Undecided { code: Code::NotCollected, call, note });
                    };
                    let holding = cidrs.iter().filter(|net| net.contains(&destination));
                    holding.max_by_key(|net| net.prefix_len()).copied()
                }
            };
            let Some(net) = net else { continue };
            matching.push((u8::MAX - net.prefix_len(), self.transit_rank(route), route, net));
        }
        let Some(best) = matching.iter().map(|(length, rank, ..)| (*length, *rank)).min() else { return Ok(None) };
        matching.retain(|(length, rank, ..)| (*length, *rank) == best);
        let Some(&(_, _, route, net)) = matching.first() else { return Ok(None) };
        // RT-39: of several VPCs with one CIDR only one propagates it, and nothing in the snapshot says which.
        let same =
            |other: &TransitGatewayRoute| other.attachments == route.attachments && other.blackhole == route.blackhole;
        if matching.iter().any(|(_, _, other, _)| !same(other)) {
            let note = format!("which of several attachments has {net}");
            return Err(Undecided { code: Code::Undocumented, call: None, note });
        }
        Ok(Some((route, net)))
    }

    fn transit_rank(&self, route: &TransitGatewayRoute) -> u8 {
        if matches!(route.destination, Destination::PrefixList(_)) {
            return 1;
        }
        if route.is_static || route.blackhole {
            return 0;
        }
        let first = route.attachments.first().and_then(|id| self.network.attachments.find(id));
        match first.map(|idx| &self.network.attachments.get(idx).kind) {
            Some(AttachmentKind::Vpc(_)) => 2,
            Some(AttachmentKind::Other(kind)) => match &**kind {
                "direct-connect-gateway" => 3,
                "connect" => 4,
                _ => 5,
            },
            Some(AttachmentKind::Peering(_)) | None => 6,
        }
    }

    /// Out of the gateway by an attachment.
    pub(super) fn transit_exit(
        &self,
        carry: &mut Carry<'n>,
        entry: Idx<Attachment>,
        exit: Idx<Attachment>,
        zone: Option<&'n str>,
    ) -> Next<'n> {
        let attachment = self.network.attachments.get(exit);
        let site = Site::Attachment(exit);
        if !attachment.is_available() {
            return carry.stop(site, Code::BadStateAttachment, "RT-38");
        }
        let id = match &attachment.kind {
            AttachmentKind::Vpc(id) => id,
            AttachmentKind::Peering(_) => {
                // RT-43: across a peering of two transit gateways; the same attachment, as the other one lists it.
                let here = self.network.attachments.get(entry).gateway.as_ref();
                let mut all = self.network.attachments.iter();
                let far = all.find(|(_, other)| other.id == attachment.id && other.gateway.as_ref() != here);
                let Some((far, _)) = far else {
                    let told = Told::new(Code::UnknownResource, "RT-43")
                        .note("the other transit gateway's side of the peering")
                        .call(Call::DescribeTransitGatewayAttachments);
                    return carry.opaque(site, told);
                };
                // SG-19: no group reference survives it.
                carry.border = Border::Transit { referencing: Some(false) };
                return Next::Go(At::Transit(far, zone));
            }
            AttachmentKind::Other(kind) => {
                let told = Told::new(Code::UnsupportedComponent, "RT-20").note(kind.to_string());
                return carry.opaque(site, told);
            }
        };
        let Some(vpc) = self.network.vpcs.find(id) else {
            let told = Told::new(Code::UnknownResource, "API-20").note(id.to_string()).call(Call::DescribeVpcs);
            return carry.opaque(site, told);
        };
        let Some(subnets) = attachment.subnets.as_ref() else {
            let told = Told::new(Code::NotCollected, "RT-41").call(Call::DescribeTransitGatewayVpcAttachments);
            return carry.opaque(site, told);
        };
        let known: Vec<Idx<Subnet>> = subnets.iter().filter_map(Ref::known).collect();
        if known.is_empty() || known.len() < subnets.len() {
            return carry.opaque(site, Told::new(Code::NotCollected, "RT-41").call(Call::DescribeSubnets));
        }
        // RT-41: the packet leaves in its own zone where the attachment has one; in appliance mode a flow between zones
        // is hashed, and without the zone any is picked.
        let near: Vec<Idx<Subnet>> = known.iter().copied().filter(|&subnet| self.zone_of(subnet) == zone).collect();
        let hashed = attachment.appliance_mode && self.leaves_zone(carry, vpc, zone);
        let landings = if near.is_empty() || hashed { known } else { near };
        Next::AnyOf(landings.into_iter().map(|subnet| At::TransitLanding(entry, exit, subnet)).collect())
    }

    /// Whether the destination lies in another zone than the packet comes from; one without a zone (the internet) is
    /// served in the packet's own.
    fn leaves_zone(&self, carry: &Carry<'n>, vpc: Idx<Vpc>, zone: Option<&str>) -> bool {
        let subnet = self.network.subnet_of(vpc, carry.destination).or_else(|| {
            let owner = *self.network.addresses.owners_anywhere(carry.destination).first()?;
            self.network.interfaces.get(owner).subnet.as_ref().and_then(Ref::known)
        });
        subnet.is_some_and(|subnet| self.zone_of(subnet) != zone)
    }

    /// Into a VPC: the attachment's interface, its subnet's network ACL and table (RT-13, NA-13).
    pub(super) fn transit_landing(
        &self,
        carry: &mut Carry<'n>,
        entry: Idx<Attachment>,
        exit: Idx<Attachment>,
        subnet: Idx<Subnet>,
    ) -> Next<'n> {
        let referencing = match carry.border {
            Border::None => self.references_survive(carry, entry, exit, subnet),
            // SG-19 knows one border at a time.
            _ => Some(false),
        };
        carry.border = Border::Transit { referencing };
        // NA-13: into an interface of the attachment's own subnet nothing is evaluated.
        if self.network.subnets.get(subnet).contains(carry.destination) {
            return Next::Go(At::Arrive(subnet));
        }
        self.acl_at(carry, subnet, Direction::Egress, false);
        Next::Go(At::Route(subnet))
    }

    /// SG-19: the gateway and both attachments must support references, and neither end may lie in `use1-az3`.
    fn references_survive(
        &self,
        carry: &Carry<'n>,
        entry: Idx<Attachment>,
        exit: Idx<Attachment>,
        landing: Idx<Subnet>,
    ) -> Option<bool> {
        let excluded = |subnet: Idx<Subnet>| self.network.subnets.get(subnet).zone_id.as_deref() == Some("use1-az3");
        let of_sender = carry.sender.and_then(|idx| self.network.interfaces.get(idx).subnet.as_ref()?.known());
        let (entry, exit) = (self.network.attachments.get(entry), self.network.attachments.get(exit));
        if !entry.security_group_referencing
            || !exit.security_group_referencing
            || excluded(landing)
            || of_sender.is_some_and(excluded)
        {
            return Some(false);
        }
        let gateway = self.network.transit_gateways.find(entry.gateway.as_ref()?)?;
        Some(self.network.transit_gateways.get(gateway).security_group_referencing)
    }
}

/// `us-west-2-lax-1a`, `us-east-1-wl1-bos-wlz-1`: a zone whose name goes on after its Region.
fn is_local_zone(zone: &str) -> bool {
    let Some((head, _)) = zone.rsplit_once('-') else { return false };
    head.split('-').any(|part| part.chars().all(|c| c.is_ascii_digit()))
}
