//! Security groups and network ACLs, rule by rule.

use std::net::IpAddr;

use reach_model::Call;
use reach_model::network::{
    Direction, GroupPeer, Idx, InterfaceKind, NetworkAcl, NetworkAclEntry, NetworkInterface, Peer, Ref, RuleProtocol,
    SecurityGroup, SecurityGroupRule, Subnet, Vpc,
};
use reach_packets::{Protocol, Transport};

use super::walk::{Crossing, Identity, Packet, Walk};
use crate::reason::{Code, Outcome, Reason, RuleRef, Site, Stage, Step};

/// What one rule says of one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Match {
    Yes,
    No,
    /// The peer would match, but the sender's identity was lost on the way (SG-19, SG-20).
    Lost,
    /// The peer would match, but references do not work over this path (SG-19).
    Unsupported,
    /// Who carries the group, or what the list holds, is not in the snapshot.
    Unknown(Code, Option<Call>),
}

/// Whether a rule's protocol and port fields cover the packet.
pub(super) fn covers(rule: &SecurityGroupRule, protocol: Protocol, transport: Transport) -> bool {
    let number = match rule.protocol {
        // SG-9: "-1" is everything, whatever the ports say.
        RuleProtocol::Any => return true,
        RuleProtocol::Number(number) => number,
    };
    // SG-12, SG-13: the number decides; icmp (1) is not icmpv6 (58).
    if number != protocol {
        return false;
    }
    match transport {
        // SG-10: inclusive, on the destination port of this packet; absent is all (SG-15).
        Transport::Ports { destination, .. } => {
            rule.from_port.is_none_or(|from| from <= destination) && rule.to_port.is_none_or(|to| destination <= to)
        }
        // SG-11: FromPort is the type, ToPort the code, never a range.
        Transport::Icmp { kind, code } => {
            rule.from_port.is_none_or(|from| from == u16::from(kind))
                && (rule.from_port.is_none() || rule.to_port.is_none_or(|to| to == u16::from(code)))
        }
        // SG-9: other protocols ignore ports.
        Transport::Opaque => true,
    }
}

impl Walk<'_> {
    /// The groups' decision at an interface, for the first packet (SG-1, SG-2).
    pub(super) fn security_groups(&mut self, idx: Idx<NetworkInterface>, direction: Direction) {
        let stage = if direction == Direction::Egress { Stage::SgEgress } else { Stage::SgIngress };
        let interface = self.network.interfaces.get(idx);
        let site = Site::Interface(idx);
        if interface.groups.is_empty() {
            if carries_no_groups(interface.kind) {
                // SG-26: absent is "pass", not "no rules".
                return;
            }
            let reason = self.reason(Code::UnknownResource, Some(direction), site.clone(), "SG-26");
            let reason = Reason { note: Some("lists no security group".into()), ..reason };
            self.steps.push(Step { site, stage, outcome: Outcome::Unknown(reason), rule: None, rewritten: None });
            return;
        }
        let mut unknown: Option<(Code, Option<Call>, Box<str>)> = None;
        let (mut lost, mut unsupported, mut any_rule) = (false, false, false);
        for group in &interface.groups {
            let Some(group_idx) = group.known() else {
                // SG-2: another group can only add, so what it holds matters only if nothing else admits.
                let id = group.id(&self.network.groups).as_str().into();
                unknown.get_or_insert((Code::NotCollected, Some(Call::DescribeSecurityGroups), id));
                any_rule = true;
                continue;
            };
            let rules = rules_of(self.network.groups.get(group_idx), direction);
            any_rule |= !rules.is_empty();
            for (position, rule) in rules.iter().enumerate() {
                if !covers(rule, self.packet.protocol, self.packet.transport) {
                    continue;
                }
                match self.peer(rule, idx, direction) {
                    Match::Yes => {
                        let position = u32::try_from(position).unwrap_or(u32::MAX);
                        let rule = Some(RuleRef::GroupRule(group_idx, direction, position));
                        self.steps.push(Step { site, stage, outcome: Outcome::Allowed, rule, rewritten: None });
                        return;
                    }
                    Match::No => {}
                    Match::Lost => lost = true,
                    Match::Unsupported => unsupported = true,
                    Match::Unknown(code, call) => {
                        let name = peer_name(self, &rule.peer);
                        unknown.get_or_insert((code, call, name));
                    }
                }
            }
        }
        let outcome = if let Some((code, call, name)) = unknown {
            let semantics = match call {
                Some(Call::DescribeSecurityGroups) => "SG-2",
                Some(Call::GetManagedPrefixListEntries) => "SG-17",
                Some(Call::DescribeTransitGateways) => "SG-19",
                None => "SG-34",
                Some(_) => "API-20",
            };
            let reason = self.reason(code, Some(direction), site.clone(), semantics);
            Outcome::Unknown(Reason { call, note: Some(String::from(name).into()), ..reason })
        } else {
            let (code, rule) = match (lost, unsupported, any_rule) {
                (true, _, _) => (Code::SgReferencesNotPreserved, "SG-19"),
                (_, true, _) => (Code::SgReferencingSupport, "SG-19"),
                (_, _, false) => (Code::SgHasNoRules, "SG-3"),
                _ => (Code::EniSgRulesMismatch, "SG-1"),
            };
            Outcome::Blocked(self.reason(code, Some(direction), site.clone(), rule))
        };
        self.steps.push(Step { site, stage, outcome, rule: None, rewritten: None });
    }

    /// Whether any completion of an unseen path could pass the groups of `idx`: with the source unknown, only the
    /// protocol and ports of its ingress rules can rule the flow out.
    pub(super) fn security_groups_of_unseen_sender(&mut self, idx: Idx<NetworkInterface>) {
        self.unseen = Some(idx);
        let interface = self.network.interfaces.get(idx);
        if interface.groups.is_empty() || interface.groups.iter().any(|group| group.known().is_none()) {
            return;
        }
        let groups = || interface.groups.iter().filter_map(Ref::known).map(|group| self.network.groups.get(group));
        let family = reach_packets::Family::of(self.packet.destination);
        let could_match = |rule: &SecurityGroupRule| {
            let peer = match &rule.peer {
                Peer::Cidr(net) => reach_packets::Family::of(net.addr()) == family,
                // SG-17: a list has one family.
                Peer::PrefixList(list) => {
                    let list = list.known().map(|list| self.network.prefix_lists.get(list));
                    list.is_none_or(|list| {
                        let entry = |net: &ipnet::IpNet| reach_packets::Family::of(net.addr()) == family;
                        list.family.is_none_or(|own| own == family)
                            && list.cidrs.as_ref().is_none_or(|entries| entries.iter().any(entry))
                    })
                }
                Peer::Group(_) => true,
            };
            peer && covers(rule, self.packet.protocol, self.packet.transport)
        };
        if groups().any(|group| group.ingress.iter().any(could_match)) {
            return;
        }
        let code =
            if groups().all(|group| group.ingress.is_empty()) { Code::SgHasNoRules } else { Code::EniSgRulesMismatch };
        let site = Site::Interface(idx);
        let outcome = Outcome::Blocked(self.reason(code, Some(Direction::Ingress), site.clone(), "SG-1"));
        self.steps.push(Step { site, stage: Stage::SgIngress, outcome, rule: None, rewritten: None });
    }

    /// Whether the peer of a rule of interface `at` covers the other end of the packet.
    pub(super) fn peer(&self, rule: &SecurityGroupRule, at: Idx<NetworkInterface>, direction: Direction) -> Match {
        // SG-16: the address on the packet at this interface.
        let address = match direction {
            Direction::Ingress => self.packet.source,
            Direction::Egress => self.packet.destination,
        };
        match &rule.peer {
            // M-1: an IPv4 CIDR never matches an IPv6 packet (`contains` is false across families).
            Peer::Cidr(net) if direction == Direction::Ingress && self.packet.source_hidden => {
                // SG-34: the client behind the endpoint is not in the snapshot.
                if net.prefix_len() == 0 && net.contains(&address) {
                    Match::Yes
                } else if reach_packets::Family::of(net.addr()) == reach_packets::Family::of(address) {
                    Match::Unknown(Code::UnsupportedComponent, None)
                } else {
                    Match::No
                }
            }
            Peer::Cidr(net) => yes(net.contains(&address)),
            Peer::PrefixList(list) => self.list(list, address),
            Peer::Group(peer) if direction == Direction::Ingress => self.sender(peer, at),
            Peer::Group(peer) => self.receiver(peer, at, address),
        }
    }

    /// SG-17: the union of the list's entries; a list without entries in the snapshot is unknown, not empty.
    fn list(&self, list: &Ref<reach_model::network::PrefixList>, address: IpAddr) -> Match {
        let cidrs = list.known().map(|idx| self.network.prefix_lists.get(idx));
        match cidrs {
            Some(list) if list.family.is_some_and(|family| family != reach_packets::Family::of(address)) => Match::No,
            Some(reach_model::network::PrefixList { cidrs: Some(cidrs), .. }) => {
                yes(cidrs.iter().any(|net| net.contains(&address)))
            }
            _ => Match::Unknown(Code::NotCollected, Some(Call::GetManagedPrefixListEntries)),
        }
    }

    /// Ingress: the sender's interface carries the group, and its identity is still attached (M-7, SG-18, SG-19).
    fn sender(&self, peer: &GroupPeer, at: Idx<NetworkInterface>) -> Match {
        let Some(sender) = self.packet.sender else {
            // API-20: a host of an account that is not in the snapshot may carry the group or not.
            return match self.packet.crossing {
                Crossing::Peering { same_region: true } | Crossing::Transit { referencing: Some(true) | None }
                    if self.packet.unseen_sender && peer.group.known().is_none() =>
                {
                    Match::Unknown(Code::UnknownPeeredSgs, Some(Call::DescribeNetworkInterfaces))
                }
                _ => Match::No,
            };
        };
        if !self.network.interfaces.get(sender).groups.contains(&peer.group) {
            return Match::No;
        }
        if self.packet.identity == Identity::Lost {
            return Match::Lost;
        }
        let to_endpoint = self.network.interfaces.get(at).kind == InterfaceKind::VpcEndpoint;
        match self.packet.crossing {
            // SG-19: not for interface endpoints, even where the gateway supports references.
            Crossing::Transit { .. } if to_endpoint => Match::Unsupported,
            Crossing::None
            | Crossing::Peering { same_region: true }
            | Crossing::Transit { referencing: Some(true) } => Match::Yes,
            Crossing::Transit { referencing: None } => {
                Match::Unknown(Code::NotCollected, Some(Call::DescribeTransitGateways))
            }
            Crossing::Peering { same_region: false } | Crossing::Transit { referencing: Some(false) } => {
                Match::Unsupported
            }
        }
    }

    /// Egress: the destination is a private address of an interface that carries the group, in the VPC itself or over
    /// an active peering of the same Region (SG-18, SG-19).
    fn receiver(&self, peer: &GroupPeer, at: Idx<NetworkInterface>, address: IpAddr) -> Match {
        let carries = |idx: Idx<NetworkInterface>| self.network.interfaces.get(idx).groups.contains(&peer.group);
        let Some(vpc) = self.network.interfaces.get(at).vpc.as_ref().and_then(Ref::known) else {
            let owners = self.network.addresses.owners_anywhere(address);
            return if owners.is_empty() || owners.into_iter().any(carries) {
                Match::Unknown(Code::NotCollected, Some(Call::DescribeVpcs))
            } else {
                Match::No
            };
        };
        // Whether some interface that the snapshot does not hold may have the address.
        let unseen = |vpc: Idx<Vpc>| !self.network.every_interface_known(vpc) || self.is_shared_in(vpc);
        if self.network.vpcs.get(vpc).contains(address) {
            return match self.network.addresses.owner(vpc, address) {
                Some(owner) => yes(carries(owner)),
                None if unseen(vpc) => Match::Unknown(Code::NotCollected, Some(Call::DescribeNetworkInterfaces)),
                None => Match::No,
            };
        }
        let own = &self.network.vpcs.get(vpc).id;
        for (_, peering) in self.network.peerings.iter().filter(|(_, peering)| peering.is_active()) {
            let Some(side) = peering.other_side(own) else { continue };
            match side.vpc.as_ref().and_then(|id| self.network.vpcs.find(id)) {
                Some(other) => {
                    let owner = self.network.addresses.owner(other, address);
                    if owner.is_some_and(carries) {
                        return if peering.same_region() { Match::Yes } else { Match::Unsupported };
                    }
                    let inside = self.network.vpcs.get(other).contains(address);
                    if owner.is_none() && inside && peering.same_region() && unseen(other) {
                        return Match::Unknown(Code::NotCollected, Some(Call::DescribeNetworkInterfaces));
                    }
                }
                None if peering.same_region()
                    && peer.group.known().is_none()
                    && side.cidrs.iter().any(|net| net.contains(&address)) =>
                {
                    return Match::Unknown(Code::UnknownPeeredSgs, Some(Call::DescribeNetworkInterfaces));
                }
                None => {}
            }
        }
        // SG-19: over a transit gateway references serve ingress only.
        let elsewhere = self.network.addresses.owners_anywhere(address);
        if elsewhere.into_iter().any(carries) { Match::Unsupported } else { Match::No }
    }

    /// The network ACL of `subnet`, once per crossing (NA-4, NA-11). `unconfirmed` marks a crossing of which AWS does
    /// not say whether it counts: a denial there leaves the verdict unknown (U-8).
    pub(super) fn network_acl(&mut self, subnet: Idx<Subnet>, direction: Direction, unconfirmed: bool) {
        let stage = if direction == Direction::Egress { Stage::AclEgress } else { Stage::AclIngress };
        let Some(acl_idx) = self.network.subnets.get(subnet).acl else {
            let site = Site::Subnet(subnet);
            let reason = self.reason(Code::NotCollected, Some(direction), site.clone(), "NA-1");
            // Which network ACL is the default one is only known of a VPC that is in the snapshot.
            let vpc_known = self.network.subnets.get(subnet).vpc.as_ref().and_then(Ref::known).is_some();
            let call = Some(if vpc_known { Call::DescribeNetworkAcls } else { Call::DescribeVpcs });
            let outcome = Outcome::Unknown(Reason { call, ..reason });
            self.steps.push(Step { site, stage, outcome, rule: None, rewritten: None });
            return;
        };
        let site = Site::Acl(acl_idx);
        let acl = self.network.acls.get(acl_idx);
        let decision = decide(acl, direction, &self.packet);
        let number = decision.number();
        let rule = Some(RuleRef::AclEntry(acl_idx, direction, number));
        let outcome = match decision {
            Decision::Allow(_) => Outcome::Allowed,
            Decision::Deny(_) if unconfirmed => {
                let reason = self.reason(Code::Undocumented, Some(direction), site.clone(), "NA-12");
                let note = "whether the network ACL counts between an instance and a NAT gateway of one subnet";
                Outcome::Unknown(Reason { rule: rule.clone(), note: Some(note.into()), ..reason })
            }
            Decision::Deny(_) => {
                let reason = self.reason(Code::SubnetAclRestriction, Some(direction), site.clone(), "NA-2");
                Outcome::Blocked(Reason { rule: rule.clone(), ..reason })
            }
            Decision::Undocumented(_) => {
                let reason = self.reason(Code::Undocumented, Some(direction), site.clone(), "NA-6");
                let note = "whether an entry of protocol 58 with an IPv4 CIDR matches ICMP";
                Outcome::Unknown(Reason { rule: rule.clone(), note: Some(note.into()), ..reason })
            }
        };
        if unconfirmed && outcome == Outcome::Allowed {
            return;
        }
        self.steps.push(Step { site, stage, outcome, rule, rewritten: None });
    }
}

/// What a network ACL says, by the number of the entry; 0 where none matched.
enum Decision {
    Allow(u32),
    Deny(u32),
    Undocumented(u32),
}

impl Decision {
    fn number(&self) -> u32 {
        match self {
            Decision::Allow(number) | Decision::Deny(number) | Decision::Undocumented(number) => *number,
        }
    }
}

/// NA-2: the matching entry with the lowest number decides, whatever the order of the listing; none is a denial.
///
/// Entries of which AWS does not say whether they match (NA-6) leave it open only where that makes a difference.
fn decide(acl: &NetworkAcl, direction: Direction, packet: &Packet) -> Decision {
    // NA-5: egress entries match the destination, ingress entries the source.
    let address = match direction {
        Direction::Egress => packet.destination,
        Direction::Ingress => packet.source,
    };
    let first = |undocumented: bool| {
        let entries = acl.entries.iter().filter(|entry| entry.direction == direction && entry.cidr.contains(&address));
        let matching =
            entries.filter(|entry| entry_covers(entry, packet.protocol, packet.transport).unwrap_or(undocumented));
        matching.min_by_key(|entry| entry.number).map_or((false, 0), |entry| (entry.allow, entry.number))
    };
    match (first(false), first(true)) {
        ((without, _), (with, number)) if without != with => Decision::Undocumented(number),
        ((true, number), _) => Decision::Allow(number),
        ((false, number), _) => Decision::Deny(number),
    }
}

/// NA-6, NA-7: protocol, then ports or ICMP type and code; `None` where AWS does not say.
fn entry_covers(entry: &NetworkAclEntry, protocol: Protocol, transport: Transport) -> Option<bool> {
    let number = match entry.protocol {
        RuleProtocol::Any => return Some(true),
        RuleProtocol::Number(number) => number,
    };
    if number == Protocol::ICMPV6 && entry.cidr.addr().is_ipv4() && protocol == Protocol::ICMP {
        return None;
    }
    if number != protocol {
        return Some(false);
    }
    Some(match transport {
        Transport::Ports { destination, .. } => {
            entry.ports.is_none_or(|(from, to)| from <= destination && destination <= to)
        }
        Transport::Icmp { kind, code } => entry.icmp.is_none_or(|(wanted_kind, wanted_code)| {
            wanted_kind.is_none_or(|wanted| wanted == kind)
                && (wanted_kind.is_none() || wanted_code.is_none_or(|wanted| wanted == code))
        }),
        // NA-6: a port range on any other protocol is ignored.
        Transport::Opaque => true,
    })
}

/// The rules of a group in one direction.
pub(super) fn rules_of(group: &SecurityGroup, direction: Direction) -> &[SecurityGroupRule] {
    match direction {
        Direction::Ingress => &group.ingress,
        Direction::Egress => &group.egress,
    }
}

/// SG-26: kinds of interfaces that have no security groups at all.
pub(super) const fn carries_no_groups(kind: InterfaceKind) -> bool {
    matches!(
        kind,
        InterfaceKind::NatGateway
            | InterfaceKind::TransitGateway
            | InterfaceKind::GatewayLoadBalancer
            | InterfaceKind::GatewayLoadBalancerEndpoint
            | InterfaceKind::NetworkLoadBalancer
    )
}

const fn yes(matches: bool) -> Match {
    if matches { Match::Yes } else { Match::No }
}

fn peer_name(walk: &Walk<'_>, peer: &Peer) -> Box<str> {
    match peer {
        Peer::Cidr(net) => net.to_string().into(),
        Peer::PrefixList(list) => list.id(&walk.network.prefix_lists).as_str().into(),
        Peer::Group(peer) => peer.group.id(&walk.network.groups).as_str().into(),
    }
}
