//! What a rule, an entry or a route says, for people who do not know its id by heart.

use reach_engine::reason::RuleRef;
use reach_model::Network;
use reach_model::network::{Destination, Direction, Peer, RuleProtocol, SecurityGroupRule};
use reach_packets::PortRanges;

/// What a rule says: `tcp 443 from sg-…`, `allow tcp 0-65535 to 10.0.0.0/8`, `to nat-…`.
pub(crate) fn rule(network: &Network, rule: &RuleRef) -> Option<String> {
    match rule {
        RuleRef::GroupRule(group, direction, position) => {
            let group = network.groups.get(*group);
            let rules = if *direction == Direction::Ingress { &group.ingress } else { &group.egress };
            let rule = rules.get(*position as usize)?;
            // Without an id the rule is named by what it says.
            rule.id.as_ref()?;
            Some(group_rule(network, rule, *direction))
        }
        RuleRef::AclEntry(acl, direction, number) => {
            let entries = &network.acls.get(*acl).entries;
            let entry = entries.iter().find(|entry| entry.direction == *direction && entry.number == *number)?;
            let action = if entry.allow { "allow" } else { "deny" };
            let ports = match (entry.ports, entry.icmp) {
                (Some((low, high)), _) => format!(" {}", PortRanges::range(low, high)),
                (None, Some((kind, code))) => {
                    let part = |part: Option<u8>| part.map_or_else(|| "*".to_owned(), |part| part.to_string());
                    format!(" {}/{}", part(kind), part(code))
                }
                (None, None) => String::new(),
            };
            let peer = peer_word(*direction);
            Some(format!("{action} {}{ports} {peer} {}", protocol(entry.protocol), entry.cidr))
        }
        RuleRef::Route(table, net) => {
            let routes = &network.route_tables.get(*table).routes;
            let route = routes.iter().find(|route| match &route.destination {
                Destination::Cidr(cidr) => cidr == net,
                Destination::PrefixList(_) => false,
            })?;
            Some(format!("to {}", route.target.name(network)?))
        }
        RuleRef::TransitRoute(..) => None,
    }
}

const fn peer_word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ingress => "from",
        Direction::Egress => "to",
    }
}

fn protocol(protocol: RuleProtocol) -> String {
    match protocol {
        RuleProtocol::Any => "all".to_owned(),
        RuleProtocol::Number(protocol) if protocol.name().is_some() => protocol.to_string(),
        RuleProtocol::Number(protocol) => format!("protocol {protocol}"),
    }
}

fn group_rule(network: &Network, rule: &SecurityGroupRule, direction: Direction) -> String {
    let peer = match &rule.peer {
        Peer::Cidr(net) => net.to_string(),
        Peer::PrefixList(list) => list.id(&network.prefix_lists).to_string(),
        Peer::Group(peer) => peer.group.id(&network.groups).to_string(),
    };
    let ports = match (rule.protocol, rule.from_port, rule.to_port) {
        (RuleProtocol::Number(protocol), Some(from), Some(to)) if protocol.has_ports() => {
            format!(" {}", PortRanges::range(from, to))
        }
        (RuleProtocol::Number(protocol), Some(kind), code) if protocol.is_icmp() => {
            format!(" {kind}/{}", code.map_or_else(|| "*".to_owned(), |code| code.to_string()))
        }
        _ => String::new(),
    };
    format!("{}{ports} {} {peer}", protocol(rule.protocol), peer_word(direction))
}
