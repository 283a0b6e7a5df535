//! Transit gateways: attachments, their tables, and the way back into a VPC (RT-38 to RT-44, NA-13).

use ipnet::IpNet;
use reach_model::Call;
use reach_model::ids::TransitGatewayId;
use reach_model::network::{
    Association, Attachment, AttachmentKind, Destination, Direction, Idx, Ref, Subnet, TransitGatewayRoute, Vpc,
};

use super::walk::{Crossing, Walk};
use super::{End, Session};
use crate::reason::{Code, Outcome, Reason, RuleRef, Site, Stage, Step};

/// The rank of a transit gateway's route among those of equal prefix length (RT-39): lower wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Static,
    PrefixList,
    Vpc,
    DirectConnect,
    Connect,
    Vpn,
    Peering,
}

/// Why nobody can tell which route wins: code, the call that would settle it, a note.
type Undecided = (Code, Option<Call>, String);

impl Walk<'_> {
    /// From a subnet of `vpc` into the transit gateway.
    pub(super) fn transit_gateway(
        &mut self,
        gateway: &TransitGatewayId,
        vpc: Idx<Vpc>,
        from: Idx<Subnet>,
        session: &mut Session,
    ) -> End {
        let known = self.network.transit_gateways.find(gateway);
        let site = known.map_or_else(|| Site::Named(gateway.as_str().into()), Site::TransitGateway);
        let own = &self.network.vpcs.get(vpc).id;
        let entry = self.network.attachments.iter().find(|(_, attachment)| {
            attachment.kind == AttachmentKind::Vpc(own.clone())
                && attachment.gateway.as_ref() == Some(gateway)
                && attachment.is_available()
        });
        let Some((entry_idx, entry)) = entry else {
            let scope = self.network.vpcs.get(vpc).scope;
            if self.network.collected(scope, Call::DescribeTransitGatewayAttachments)
                || self.network.collected(scope, Call::DescribeTransitGatewayVpcAttachments)
            {
                return self.stop(site, Stage::TransitGateway, Code::BadStateAttachment, "RT-38");
            }
            let call = Some(Call::DescribeTransitGatewayAttachments);
            return self.opaque(site, Stage::TransitGateway, Code::NotCollected, "RT-38", None, call);
        };
        let attachment_site = Site::Attachment(entry_idx);
        let Some(subnets) = entry.subnets.as_ref() else {
            let call = Some(Call::DescribeTransitGatewayVpcAttachments);
            return self.opaque(attachment_site, Stage::TransitGateway, Code::NotCollected, "RT-40", None, call);
        };
        let zone = self.network.subnets.get(from).zone.clone();
        let known: Vec<Idx<Subnet>> = subnets.iter().filter_map(Ref::known).collect();
        let in_zone = known.iter().copied().find(|&subnet| self.network.subnets.get(subnet).zone == zone);
        // RT-40: a packet enters by the gateway's interface in its own zone, or not at all.
        let Some(entry_subnet) = in_zone else {
            if known.len() < subnets.len() {
                let call = Some(Call::DescribeSubnets);
                return self.opaque(attachment_site, Stage::TransitGateway, Code::NotCollected, "RT-40", None, call);
            }
            if zone.as_deref().is_some_and(is_local_zone) {
                let note = Some("which zone is the parent of a Local Zone".to_owned());
                let code = Code::Undocumented;
                return self.opaque(attachment_site, Stage::TransitGateway, code, "RT-40", note, None);
            }
            return self.stop(attachment_site, Stage::TransitGateway, Code::TgwRouteAzRestriction, "RT-40");
        };
        // NA-13: the attachment's subnet sees the packet come in, also when it is the instance's own subnet.
        self.network_acl(entry_subnet, Direction::Ingress, false);
        self.passed(attachment_site, Stage::TransitGateway);
        // U-6: the texts disagree whether transit gateway attachments still track every flow.
        session.maybe_auto_tracked = true;
        self.transit_table(entry_idx, zone.as_deref(), session)
    }

    /// The table that the entry attachment is associated with, and where it sends the packet.
    fn transit_table(&mut self, entry: Idx<Attachment>, zone: Option<&str>, session: &mut Session) -> End {
        let stage = Stage::TransitRoute;
        let attachment = self.network.attachments.get(entry);
        let site = Site::Attachment(entry);
        if !self.hop() {
            return self.stop(site, stage, Code::CannotRoute, "RT-38");
        }
        let table = match &attachment.association {
            Association::Table(id) => id,
            // RT-38: without an association what enters is dropped.
            Association::None => {
                return self.stop(site, stage, Code::TgwAttachMissingAssociation, "RT-38");
            }
            Association::NotCollected => {
                let call = Some(Call::GetTransitGatewayRouteTableAssociations);
                return self.opaque(site, stage, Code::NotCollected, "RT-38", None, call);
            }
        };
        let Some(table_idx) = self.network.transit_gateway_tables.find(table) else {
            let site = Site::Named(table.as_str().into());
            let call = Some(Call::SearchTransitGatewayRoutes);
            return self.opaque(site, stage, Code::TgwRtbRoutesAreUnknown, "RT-38", None, call);
        };
        let site = Site::TransitGatewayTable(table_idx);
        let Some(routes) = self.network.transit_gateway_tables.get(table_idx).routes.as_ref() else {
            let call = Some(Call::SearchTransitGatewayRoutes);
            return self.opaque(site, stage, Code::TgwRtbRoutesAreUnknown, "RT-38", None, call);
        };
        let (route, net) = match self.choose_transit_route(routes) {
            Ok(Some(chosen)) => chosen,
            Ok(None) => return self.stop(site, stage, Code::TgwRtbNoRoute, "RT-38"),
            Err((code, call, note)) => return self.opaque(site, stage, code, "RT-39", Some(note), call),
        };
        let rule = Some(RuleRef::TransitRoute(table_idx, net));
        if route.blackhole {
            let reason = self.reason(Code::TgwRtbBadStateRoute, None, site.clone(), "RT-39");
            let outcome = Outcome::Blocked(Reason { rule: rule.clone(), ..reason });
            self.steps.push(Step { site, stage, outcome, rule, rewritten: None });
            return End::Stopped;
        }
        self.steps.push(Step { site: site.clone(), stage, outcome: Outcome::Allowed, rule, rewritten: None });
        // Several attachments of one route share the load: which one is nobody's to know.
        let count = route.attachments.len();
        let choice = if count > 1 { self.choices.pick(count) } else { 0 };
        let Some(id) = route.attachments.get(choice) else {
            return self.opaque(site, stage, Code::UnknownResource, "RT-38", None, None);
        };
        let Some(exit) = self.network.attachments.find(id) else {
            let site = Site::Named(id.as_str().into());
            let call = Some(Call::DescribeTransitGatewayAttachments);
            return self.opaque(site, stage, Code::UnknownResource, "RT-38", None, call);
        };
        self.leave_transit(entry, exit, zone, session)
    }

    /// LPM over the table's routes (RT-39); `Err` where what decides is not known.
    fn choose_transit_route<'r>(
        &self,
        routes: &'r [TransitGatewayRoute],
    ) -> Result<Option<(&'r TransitGatewayRoute, IpNet)>, Undecided> {
        let destination = self.packet.destination;
        let mut best: Option<(&TransitGatewayRoute, IpNet, Rank)> = None;
        let mut tie = false;
        for route in routes {
            let (net, by_list) = match &route.destination {
                Destination::Cidr(net) if net.contains(&destination) => (*net, false),
                Destination::Cidr(_) => continue,
                Destination::PrefixList(list) => {
                    let known = list.known().map(|idx| self.network.prefix_lists.get(idx));
                    // RT-10: a list of the other family matches nothing, whatever it holds.
                    let family = known.and_then(|list| list.family);
                    if family.is_some_and(|family| family != reach_packets::Family::of(destination)) {
                        continue;
                    }
                    let Some(entries) = known.and_then(|list| list.cidrs.as_ref()) else {
                        let call = Some(Call::GetManagedPrefixListEntries);
                        return Err((Code::NotCollected, call, list.id(&self.network.prefix_lists).to_string()));
                    };
                    let longest =
                        entries.iter().filter(|net| net.contains(&destination)).max_by_key(|n| n.prefix_len());
                    let Some(net) = longest else { continue };
                    (*net, true)
                }
            };
            let key = (std::cmp::Reverse(net.prefix_len()), self.rank(route, by_list));
            let order = best.map(|(_, current, rank)| key.cmp(&(std::cmp::Reverse(current.prefix_len()), rank)));
            match order {
                None | Some(std::cmp::Ordering::Less) => {
                    best = Some((route, net, key.1));
                    tie = false;
                }
                Some(std::cmp::Ordering::Equal) => {
                    tie |= best.is_some_and(|(other, _, _)| {
                        other.attachments != route.attachments || other.blackhole != route.blackhole
                    });
                }
                Some(std::cmp::Ordering::Greater) => {}
            }
        }
        match best {
            // RT-39: of several VPCs with one CIDR only one propagates it, and nothing in the snapshot says which.
            Some((_, net, _)) if tie => {
                Err((Code::Undocumented, None, format!("which of several attachments has {net}")))
            }
            Some((route, net, _)) => Ok(Some((route, net))),
            None => Ok(None),
        }
    }

    fn rank(&self, route: &TransitGatewayRoute, by_list: bool) -> Rank {
        if by_list {
            return Rank::PrefixList;
        }
        if route.is_static || route.blackhole {
            return Rank::Static;
        }
        let attachment = route.attachments.first().and_then(|id| self.network.attachments.find(id));
        match attachment.map(|idx| &self.network.attachments.get(idx).kind) {
            Some(AttachmentKind::Vpc(_)) => Rank::Vpc,
            Some(AttachmentKind::Peering(_)) | None => Rank::Peering,
            Some(AttachmentKind::Other(kind)) => match &**kind {
                "direct-connect-gateway" => Rank::DirectConnect,
                "connect" => Rank::Connect,
                _ => Rank::Vpn,
            },
        }
    }

    /// Out of the transit gateway by the attachment that its route names.
    fn leave_transit(
        &mut self,
        entry: Idx<Attachment>,
        exit: Idx<Attachment>,
        zone: Option<&str>,
        session: &mut Session,
    ) -> End {
        let attachment = self.network.attachments.get(exit);
        let site = Site::Attachment(exit);
        let stage = Stage::TransitGateway;
        if !attachment.is_available() {
            return self.stop(site, stage, Code::BadStateAttachment, "RT-38");
        }
        match &attachment.kind {
            AttachmentKind::Vpc(id) => match self.network.vpcs.find(id) {
                Some(vpc) => self.enter_vpc(entry, exit, vpc, zone, session),
                None => {
                    let note = Some(id.to_string());
                    self.opaque(site, stage, Code::UnknownResource, "API-20", note, Some(Call::DescribeVpcs))
                }
            },
            AttachmentKind::Peering(_) => self.cross_gateways(entry, exit, zone, session),
            AttachmentKind::Other(kind) => {
                let note = Some(kind.to_string());
                self.opaque(site, stage, Code::UnsupportedComponent, "RT-20", note, None)
            }
        }
    }

    /// RT-43: across a peering of two transit gateways; no group reference survives it.
    fn cross_gateways(
        &mut self,
        entry: Idx<Attachment>,
        exit: Idx<Attachment>,
        zone: Option<&str>,
        session: &mut Session,
    ) -> End {
        let site = Site::Attachment(exit);
        let id = self.network.attachments.get(exit).id.clone();
        let here = self.network.attachments.get(entry).gateway.clone();
        // The same attachment, as the other gateway lists it.
        let far = self.network.attachments.iter().find(|(_, other)| other.id == id && other.gateway != here);
        let Some((far, _)) = far else {
            let note = Some("the other transit gateway's side of the peering".to_owned());
            let call = Some(Call::DescribeTransitGatewayAttachments);
            return self.opaque(site, Stage::TransitGateway, Code::UnknownResource, "RT-43", note, call);
        };
        self.packet.crossing = Crossing::Transit { referencing: Some(false) };
        self.passed(site, Stage::TransitGateway);
        self.transit_table(far, zone, session)
    }

    /// Into a VPC: the attachment's interface, its subnet's table and network ACL (RT-13, RT-41, NA-13).
    fn enter_vpc(
        &mut self,
        entry: Idx<Attachment>,
        exit: Idx<Attachment>,
        vpc: Idx<Vpc>,
        zone: Option<&str>,
        session: &mut Session,
    ) -> End {
        let site = Site::Attachment(exit);
        let stage = Stage::TransitGateway;
        let attachment = self.network.attachments.get(exit);
        let Some(subnets) = attachment.subnets.as_ref() else {
            let call = Some(Call::DescribeTransitGatewayVpcAttachments);
            return self.opaque(site, stage, Code::NotCollected, "RT-41", None, call);
        };
        let known: Vec<Idx<Subnet>> = subnets.iter().filter_map(Ref::known).collect();
        if known.is_empty() || known.len() < subnets.len() {
            return self.opaque(site, stage, Code::NotCollected, "RT-41", None, Some(Call::DescribeSubnets));
        }
        let zone_of = |subnet: Idx<Subnet>| self.network.subnets.get(subnet).zone.as_deref();
        let in_zone: Vec<Idx<Subnet>> = known.iter().copied().filter(|&s| zone_of(s) == zone).collect();
        // RT-41: the packet leaves in its own zone where the attachment has one; in appliance mode a flow between
        // zones is hashed, and without the zone any is picked.
        let candidates = if attachment.appliance_mode && self.crosses_zones(vpc, zone) || in_zone.is_empty() {
            known
        } else {
            in_zone
        };
        let choice = if candidates.len() > 1 { self.choices.pick(candidates.len()) } else { 0 };
        let Some(subnet) = candidates.get(choice).copied() else {
            return self.opaque(site, stage, Code::UnknownResource, "RT-41", None, None);
        };
        self.packet.crossing = match self.packet.crossing {
            Crossing::None => Crossing::Transit { referencing: self.references_survive(entry, exit, subnet) },
            _ => Crossing::Transit { referencing: Some(false) },
        };
        self.passed(site, stage);
        // NA-13: into an interface of the attachment's own subnet nothing is evaluated.
        if self.network.subnets.get(subnet).contains(self.packet.destination) {
            return self.arrive(subnet, session);
        }
        self.network_acl(subnet, Direction::Egress, false);
        // RT-13: the attachment subnet's table decides.
        self.route(subnet, session)
    }

    /// Whether the destination lies in another zone than the packet comes from; a destination without a zone (the
    /// internet) is served in the packet's own.
    fn crosses_zones(&self, vpc: Idx<Vpc>, zone: Option<&str>) -> bool {
        let destination = self.packet.destination;
        let elsewhere = || {
            let owner = self.network.addresses.owners_anywhere(destination).first().copied()?;
            self.network.interfaces.get(owner).subnet.as_ref().and_then(Ref::known)
        };
        let subnet = self.network.subnet_of(vpc, destination).or_else(elsewhere);
        subnet.is_some_and(|subnet| self.network.subnets.get(subnet).zone.as_deref() != zone)
    }

    /// SG-19: the gateway and both attachments must support references, and neither end may lie in `use1-az3`.
    fn references_survive(&self, entry: Idx<Attachment>, exit: Idx<Attachment>, subnet: Idx<Subnet>) -> Option<bool> {
        let entry = self.network.attachments.get(entry);
        let exit = self.network.attachments.get(exit);
        let gateway = entry.gateway.as_ref().and_then(|id| self.network.transit_gateways.find(id));
        let gateway = gateway.map(|idx| self.network.transit_gateways.get(idx).security_group_referencing);
        let excluded = |subnet: Idx<Subnet>| self.network.subnets.get(subnet).zone_id.as_deref() == Some("use1-az3");
        let sender = self.packet.sender.and_then(|idx| self.network.interfaces.get(idx).subnet.as_ref());
        let sender = sender.and_then(Ref::known);
        let rest = entry.security_group_referencing
            && exit.security_group_referencing
            && !excluded(subnet)
            && !sender.is_some_and(excluded);
        if rest { gateway } else { Some(false) }
    }
}

/// `us-west-2-lax-1a`, `us-east-1-wl1-bos-wlz-1`: a zone whose name goes on after its Region.
fn is_local_zone(zone: &str) -> bool {
    let region_ends = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    zone.rsplit_once('-').is_some_and(|(head, _)| head.split('-').any(region_ends))
}
