//! Text, made last: names of sites and rules, and one sentence for every reason.

use reach_model::network::{Direction, Network, Peer, Ref, RuleProtocol, SecurityGroupRule};
use reach_packets::{Flow, Transport};

use crate::compile::near::{Miss, NearMiss};
use crate::endpoint::Endpoint;
use crate::reason::{Assumption, Code, Reason, RuleRef, Site};

/// The id of a site, as AWS prints it.
pub fn site_id(network: &Network, site: &Site) -> String {
    match site {
        Site::Interface(idx) => network.interfaces.get(*idx).id.to_string(),
        Site::Instance(idx) => network.instances.get(*idx).id.to_string(),
        Site::Subnet(idx) => network.subnets.get(*idx).id.to_string(),
        Site::Vpc(idx) => network.vpcs.get(*idx).id.to_string(),
        Site::Acl(idx) => network.acls.get(*idx).id.to_string(),
        Site::RouteTable(idx) => network.route_tables.get(*idx).id.to_string(),
        Site::InternetGateway(idx) => network.internet_gateways.get(*idx).id.to_string(),
        Site::EgressOnlyGateway(idx) => network.egress_only_gateways.get(*idx).id.to_string(),
        Site::NatGateway(idx) => network.nat_gateways.get(*idx).id.to_string(),
        Site::Peering(idx) => network.peerings.get(*idx).id.to_string(),
        Site::TransitGateway(idx) => network.transit_gateways.get(*idx).id.to_string(),
        Site::Attachment(idx) => network.attachments.get(*idx).id.to_string(),
        Site::TransitGatewayTable(idx) => network.transit_gateway_tables.get(*idx).id.to_string(),
        Site::Endpoint(idx) => network.endpoints.get(*idx).id.to_string(),
        Site::Internet => "internet".to_owned(),
        Site::Named(name) => name.to_string(),
    }
}

/// What kind of thing a site is.
pub const fn site_kind(site: &Site) -> &'static str {
    match site {
        Site::Interface(_) => "network_interface",
        Site::Instance(_) => "instance",
        Site::Subnet(_) => "subnet",
        Site::Vpc(_) => "vpc",
        Site::Acl(_) => "network_acl",
        Site::RouteTable(_) => "route_table",
        Site::InternetGateway(_) => "internet_gateway",
        Site::EgressOnlyGateway(_) => "egress_only_internet_gateway",
        Site::NatGateway(_) => "nat_gateway",
        Site::Peering(_) => "vpc_peering_connection",
        Site::TransitGateway(_) => "transit_gateway",
        Site::Attachment(_) => "transit_gateway_attachment",
        Site::TransitGatewayTable(_) => "transit_gateway_route_table",
        Site::Endpoint(_) => "vpc_endpoint",
        Site::Internet => "internet",
        Site::Named(_) => "other",
    }
}

/// The groups of a reason's interface, where a group gate decided.
pub fn groups(network: &Network, reason: &Reason) -> Vec<String> {
    let (Some(_), Site::Interface(idx)) = (reason.direction, &reason.site) else { return Vec::new() };
    let groups = &network.interfaces.get(*idx).groups;
    groups.iter().map(|group| group.id(&network.groups).to_string()).collect()
}

/// The resource that a reason names: the group where the interface has exactly one, else the site itself.
pub fn resource(network: &Network, reason: &Reason) -> String {
    match groups(network, reason).as_slice() {
        [group] => group.clone(),
        _ => site_id(network, &reason.site),
    }
}

/// A rule as answers name it: `sgr-…`, `acl-… egress 100`, `rtb-… 10.0.0.0/16`.
pub fn rule(network: &Network, rule: &RuleRef) -> String {
    match rule {
        RuleRef::GroupRule(group, direction, position) => {
            let group = network.groups.get(*group);
            let rules = if *direction == Direction::Ingress { &group.ingress } else { &group.egress };
            match rules.get(*position as usize) {
                Some(SecurityGroupRule { id: Some(id), .. }) => id.to_string(),
                Some(rule) => format!("{} {} {}", group.id, direction.as_str(), rule_text(network, rule)),
                None => group.id.to_string(),
            }
        }
        RuleRef::AclEntry(acl, direction, 0) => {
            format!("{} {} *", network.acls.get(*acl).id, direction.as_str())
        }
        RuleRef::AclEntry(acl, direction, number) => {
            format!("{} {} {number}", network.acls.get(*acl).id, direction.as_str())
        }
        RuleRef::Route(table, net) => format!("{} {net}", network.route_tables.get(*table).id),
        RuleRef::TransitRoute(table, net) => format!("{} {net}", network.transit_gateway_tables.get(*table).id),
    }
}

/// A rule in full: its id where it has one, and what it says.
fn rule_in_full(network: &Network, rule: &RuleRef) -> String {
    let id = self::rule(network, rule);
    match rule {
        RuleRef::GroupRule(group, direction, position) => {
            let group = network.groups.get(*group);
            let rules = if *direction == Direction::Ingress { &group.ingress } else { &group.egress };
            match rules.get(*position as usize) {
                Some(own) if own.id.is_some() => format!("{id} ({} of {})", rule_text(network, own), group.id),
                _ => id,
            }
        }
        _ => id,
    }
}

/// One sentence about a rule that nearly admits what its gate refuses.
pub fn near_miss(network: &Network, near: &NearMiss) -> String {
    let rule = rule_in_full(network, &near.rule);
    let remote = near.remote;
    match near.miss {
        Miss::Headers => format!("{rule} has the right peer, but other ports"),
        Miss::Reference => format!("{rule} would admit it, but group references do not work on this path"),
        Miss::OneBit => format!("{rule} would hold {remote} if its prefix were one bit shorter"),
        Miss::NotCarried => format!("{rule} would admit it, but {remote} does not carry that group"),
        Miss::Family => format!("{rule} admits such traffic of the other address family only"),
    }
}

/// `tcp 443 from 10.0.0.0/16`, without the direction.
pub(crate) fn rule_text(network: &Network, rule: &SecurityGroupRule) -> String {
    let peer = match &rule.peer {
        Peer::Cidr(net) => net.to_string(),
        Peer::PrefixList(list) => list.id(&network.prefix_lists).to_string(),
        Peer::Group(peer) => peer.group.id(&network.groups).to_string(),
    };
    let protocol = match rule.protocol {
        RuleProtocol::Any => return format!("all {peer}"),
        RuleProtocol::Number(protocol) => protocol,
    };
    let ports = match (rule.from_port, rule.to_port) {
        _ if !protocol.has_ports() && !protocol.is_icmp() => String::new(),
        (None, None) => String::new(),
        (Some(from), Some(to)) if protocol.has_ports() && from == to => format!(" {from}"),
        (Some(from), Some(to)) if protocol.has_ports() => format!(" {from}-{to}"),
        (Some(kind), Some(code)) => format!(" {kind}/{code}"),
        (Some(from), None) if protocol.has_ports() => format!(" {from}-65535"),
        (Some(kind), None) => format!(" {kind}"),
        (None, Some(to)) => format!(" 0-{to}"),
    };
    format!("{protocol}{ports} {peer}")
}

/// What a packet is, in words: `tcp 443`, `icmp 8/0`, `protocol 50`.
fn traffic(packet: Option<&Flow>) -> String {
    let Some(packet) = packet else { return "the traffic".to_owned() };
    let name = match packet.protocol.name() {
        Some(name) => name.to_owned(),
        None => format!("protocol {}", packet.protocol),
    };
    match packet.transport {
        Transport::Ports { destination, .. } => format!("{name} {destination}"),
        Transport::Icmp { kind, code } => format!("{name} {kind}/{code}"),
        Transport::Opaque => name,
    }
}

/// An address with the groups that its interface carries, which is what a reference would match.
fn with_groups(network: &Network, address: std::net::IpAddr) -> String {
    let [owner] = network.addresses.owners_anywhere(address)[..] else { return address.to_string() };
    let groups = &network.interfaces.get(owner).groups;
    let names: Vec<&str> = groups.iter().map(|group| group.id(&network.groups).as_str()).collect();
    if names.is_empty() { address.to_string() } else { format!("{address} ({})", names.join(", ")) }
}

/// One sentence for a reason, of the packet as the gate saw it.
pub fn message(network: &Network, reason: &Reason) -> String {
    let packet = reason.packet.0;
    let what = traffic(packet.as_ref());
    let address = |of: fn(&Flow) -> std::net::IpAddr, else_say: &str| {
        packet.as_ref().map_or_else(|| else_say.to_owned(), |packet| of(packet).to_string())
    };
    let from = address(|packet| packet.source, "the source");
    let to = address(|packet| packet.destination, "the destination");
    let site = site_id(network, &reason.site);
    let note = reason.note.as_deref().unwrap_or("");
    let direction = reason.direction.map_or("", Direction::as_str);
    let groups = groups(network, reason);
    let named = |address: Option<std::net::IpAddr>, plain: &str| match address {
        Some(address) if !groups.is_empty() => with_groups(network, address),
        _ => plain.to_owned(),
    };
    let peer = match reason.direction {
        Some(Direction::Egress) => format!("to {}", named(packet.map(|packet| packet.destination), &to)),
        _ => format!("from {}", named(packet.map(|packet| packet.source), &from)),
    };
    let gate = match groups.as_slice() {
        [] => site.clone(),
        [group] => format!("{group} ({site})"),
        list => format!("{} (groups of {site})", list.join(", ")),
    };
    match reason.code {
        Code::EniSgRulesMismatch => format!("no {direction} rule of {gate} admits {what} {peer}"),
        Code::SgHasNoRules => format!("{gate} has no {direction} rule at all, so {what} {peer} is refused"),
        Code::SgReferencesNotPreserved => format!(
            "a rule of {gate} refers to the sender's security group, but the packet lost that identity on the way \
             ({what} {peer}); a CIDR rule is needed"
        ),
        Code::SgReferencingSupport => format!(
            "a rule of {gate} refers to the other end's security group, but references do not work over this path \
             ({what} {peer}); a CIDR rule is needed"
        ),
        Code::UnknownPeeredSgs => {
            format!("whether {from} carries {note} is not in the snapshot, and a rule of {gate} depends on it ({what})")
        }
        Code::SubnetAclRestriction => match &reason.rule {
            Some(RuleRef::AclEntry(_, _, 0)) => {
                format!("no {direction} entry of {site} matches {what} {peer}, and what none matches is denied")
            }
            Some(RuleRef::AclEntry(_, _, number)) => {
                format!("{direction} entry {number} of {site} denies {what} {peer}")
            }
            _ => format!("{site} denies {what} {peer}"),
        },
        Code::EniSourceDestCheckRestriction => format!(
            "the source/destination check of {site} is on and drops packets from {from} to {to}, which are not its own"
        ),
        Code::EniAddressRestriction => format!("no interface of {site} has the address {from}"),
        Code::NoRouteToDestination => {
            // For a source outside all VPCs it is the source that the destination's table does not know.
            let wanted = if reason.semantics == "RT-20" { from } else { to };
            format!("{site} has no route for {wanted}")
        }
        Code::CannotRoute => format!("{to} cannot be routed from {site}"),
        Code::BadStateRoute => format!("the route of {site} for {to} is a blackhole: its target is gone"),
        Code::BadState => format!("{site} is not in a working state ({what} from {from} to {to})"),
        Code::BadStateAttachment => format!("{site} has no working attachment for this path"),
        Code::NoPossibleDestination => match reason.semantics {
            "EK-42" => "the service has no endpoint on the asked port".to_owned(),
            "API-4" => format!("{site} does not run"),
            _ => format!("nobody who runs has the address {to} ({site})"),
        },
        Code::IgwPublicIpAssociationForEgress => {
            format!("{from} has no public address, and without one {site} drops what goes to the internet")
        }
        Code::IgwPrivateIpAssociationForIngress => {
            format!("{to} has no public address, and from the internet there is no other way to it")
        }
        Code::IgwDestinationNotInRfc1918Egress | Code::IgwDestinationNotInRfc6598Egress => {
            format!("{site} drops packets to the private address {to}")
        }
        Code::IgwSourceNotInRfc1918Ingress | Code::IgwSourceNotInRfc6598Ingress => {
            format!("a packet from the private address {from} cannot come in by {site}")
        }
        Code::IngressRtbTrafficRedirection => {
            format!("what comes in is steered through an appliance, but the answer leaves by {site} directly")
        }
        Code::VpcBlockPublicAccessEnabled => format!("VPC block public access stops this traffic at {site}"),
        Code::NgwSourceAddressReassign => {
            format!("the answer would reach the client with another source address than {from}: it leaves by {site}")
        }
        Code::NgwUnsolicited => format!("{site} belongs to a NAT gateway, which accepts answers only"),
        Code::RemapEphemeralPort => {
            format!("{site} uses ports 1024-65535 towards the server, and answers come back to {note} only")
        }
        Code::ProtocolRestriction => format!("{site} does not carry {what}"),
        Code::EgressOnlyGatewayInbound => format!("{site} carries only connections that were started inside"),
        Code::PcxRequiresAddressInVpcCidr => {
            format!("through {site} only addresses of the peer VPC are reached, and {to} is none")
        }
        Code::DisconnectedVpcs => format!("{site} does not connect this VPC"),
        Code::TgwRouteAzRestriction => format!("the subnet's zone has no interface of {site}"),
        Code::TgwAttachMissingAssociation => format!("{site} is associated with no transit gateway route table"),
        Code::TgwRtbNoRoute => format!("{site} has no route for {to}"),
        Code::TgwRtbBadStateRoute => format!("the route of {site} for {to} is a blackhole"),
        Code::TgwRtbRoutesAreUnknown => format!("the routes of {site} are not in the snapshot"),
        Code::VpceGatewayProtocolRestriction => format!("{site} carries TCP and ICMP echo only, not {what}"),
        Code::VpceGatewayEgressSourceAddressRestriction => {
            format!("{site} serves addresses of its own VPC only, not {from}")
        }
        Code::VpceIntraVpcTraffic => format!("{site} is a service's endpoint: it never starts a connection"),
        Code::Ec2Port25Restriction => {
            "AWS blocks outbound port 25 from EC2 by default (the account may have had it lifted)".to_owned()
        }
        Code::EksPublicAccessCidrMismatch => {
            format!("the request arrives from {note}, which is not in the cluster's publicAccessCidrs")
        }
        Code::EksNoPublicEndpoint => "the cluster has no public endpoint".to_owned(),
        Code::NoCommonFamily => "the two ends have no address family in common".to_owned(),
        Code::UnknownDestination => format!("neither {from} nor {to} is in the snapshot"),
        Code::UnknownResource if note.is_empty() => format!("{site} is not in the snapshot"),
        Code::UnknownResource => format!("{site}: {note} is not in the snapshot"),
        Code::NotCollected => {
            let subject = if note.is_empty() { site } else { format!("{note} ({site})") };
            match reason.call {
                Some(call) => format!("{subject} cannot be judged: `{call}` is not in the snapshot"),
                None => format!("{subject} cannot be judged from the snapshot"),
            }
        }
        Code::UnsupportedComponent if note.is_empty() => {
            format!("{site} decides what happens next, and it is not modelled")
        }
        Code::UnsupportedComponent => format!("{site} ({note}) decides what happens next, and it is not modelled"),
        Code::Undocumented => format!("AWS does not document {note} ({site})"),
    }
}

/// One line for a default that was used.
pub const fn assumption(assumption: Assumption) -> &'static str {
    match assumption {
        Assumption::DnsSupport => {
            "enableDnsSupport is on (AWS's default; `aws ec2 describe-vpc-attribute --attribute enableDnsSupport` tells)"
        }
        Assumption::DnsHostnames => {
            "enableDnsHostnames is as AWS sets it (`aws ec2 describe-vpc-attribute --attribute enableDnsHostnames` tells)"
        }
        Assumption::DhcpOptions => "names are resolved by Amazon's DNS (`aws ec2 describe-dhcp-options` tells)",
        Assumption::BlockPublicAccessOff => {
            "VPC block public access is off (`aws ec2 describe-vpc-block-public-access-options` tells)"
        }
        Assumption::NoBlockPublicAccessExclusions => {
            "nothing is excluded from VPC block public access \
             (`aws ec2 describe-vpc-block-public-access-exclusions` tells)"
        }
        Assumption::Port25Blocked => "outbound port 25 is blocked by AWS's default (AWS Support can lift it)",
        Assumption::CniSnat => {
            "the VPC CNI gives what leaves the VPC the node's address (AWS_VPC_K8S_CNI_EXTERNALSNAT=false; \
             `kubectl get daemonset aws-node -n kube-system -o json` tells)"
        }
        Assumption::CniStrict => {
            "security groups for pods are enforced strictly (POD_SECURITY_GROUP_ENFORCING_MODE; \
             `kubectl get daemonset aws-node -n kube-system -o json` tells)"
        }
        Assumption::ClusterAccess => {
            "the API endpoint has EKS's default access: public, from everywhere, not private (`aws eks describe-cluster` tells)"
        }
        Assumption::ControlPlaneEgress => {
            "the control plane reaches the outside on AWS's side (controlPlaneEgressMode=AWS_MANAGED; \
             `aws eks describe-cluster` tells)"
        }
    }
}

/// The name of an endpoint for people: its Name tag, its instance's, or what was asked for.
pub fn endpoint_name(network: &Network, endpoint: &Endpoint) -> Option<String> {
    match endpoint {
        Endpoint::Interface { interface, .. } | Endpoint::Prefix { interface, .. } => {
            let interface = network.interfaces.get(*interface);
            let of_instance =
                interface.instance().and_then(Ref::known).and_then(|i| network.instances.get(i).name.clone());
            let described = || {
                let text = &interface.description;
                (!text.is_empty() && interface.instance().is_none()).then(|| text.to_string())
            };
            of_instance.or_else(|| interface.name.clone()).map(String::from).or_else(described)
        }
        Endpoint::Outside(outside) => outside.name.as_ref().map(ToString::to_string),
        Endpoint::Unresolved(unresolved) => Some(unresolved.name.to_string()),
    }
}
