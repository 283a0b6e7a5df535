//! Connection tracking, as far as a verdict and its explanation need it (CT-1 to CT-6).

use ipnet::IpNet;
use reach_model::network::{Direction, Idx, NetworkInterface, Peer, Ref, RuleProtocol, SecurityGroupRule};
use reach_packets::{Family, IpSet, Protocol};
use serde::Serialize;

use super::Session;
use super::filter::{Match, covers, rules_of};
use super::walk::Walk;

/// Whether an interface keeps state for a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tracking {
    /// Rules alone would not let the reply through: state does (CT-2).
    Tracked,
    /// Both directions are open to everywhere: no state is kept (CT-3).
    Untracked,
    /// Something on the path makes the flow tracked whatever the rules say (CT-5).
    Automatic,
    /// AWS does not document which (CT-6, U-3, U-6).
    Unknown,
}

impl Tracking {
    /// The word, as in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Tracking::Tracked => "tracked",
            Tracking::Untracked => "untracked",
            Tracking::Automatic => "automatic",
            Tracking::Unknown => "unknown",
        }
    }
}

impl Walk<'_> {
    /// CT-1: each interface judges by its own rules. `initiating` is the direction of the first packet there.
    pub(super) fn tracking(
        &self,
        idx: Idx<NetworkInterface>,
        initiating: Direction,
        session: &Session,
    ) -> Option<Tracking> {
        let interface = self.network.interfaces.get(idx);
        if interface.groups.is_empty() {
            return None;
        }
        // CT-4: everything but TCP and UDP is always tracked.
        if !self.packet.protocol.has_ports() {
            return Some(Tracking::Tracked);
        }
        // CT-5: whatever the rules say.
        if session.auto_tracked {
            return Some(Tracking::Automatic);
        }
        let known: Vec<_> = interface.groups.iter().filter_map(Ref::known).collect();
        if known.len() < interface.groups.len() {
            return Some(Tracking::Unknown);
        }
        let family = Family::of(self.packet.source);
        let opposite = match initiating {
            Direction::Ingress => Direction::Egress,
            Direction::Egress => Direction::Ingress,
        };
        let rules = |direction| known.iter().flat_map(move |&g| rules_of(self.network.groups.get(g), direction));
        let admits = |rule: &&SecurityGroupRule| covers(rule, self.packet.protocol, self.packet.transport);
        // CT-3 (a): a rule that admits the flow from or to everywhere.
        let open = rules(initiating).filter(admits).any(|rule| is_everywhere(&rule.peer, family));
        // CT-3 (b): a rule that admits every reply.
        let replies = rules(opposite)
            .filter(|rule| is_everywhere(&rule.peer, family))
            .any(|rule| reply_ports(rule, self.packet.protocol) == ReplyPorts::All);
        let almost = rules(opposite)
            .filter(|rule| is_everywhere(&rule.peer, family))
            .any(|rule| reply_ports(rule, self.packet.protocol) == ReplyPorts::AllButZero);
        Some(match (open, replies) {
            (true, true) if session.maybe_auto_tracked => Tracking::Unknown,
            // U-3: a narrower rule beside the open one.
            (true, true)
                if rules(initiating).filter(admits).any(|rule| self.is_narrow_match(rule, idx, initiating)) =>
            {
                Tracking::Unknown
            }
            (true, true) => Tracking::Untracked,
            // U-3: 1-65535 as "all ports".
            (true, false) if almost => Tracking::Unknown,
            // U-3: everywhere in pieces, or by a prefix list.
            (false, true) if self.is_everywhere_in_pieces(rules(initiating).filter(admits), family) => {
                Tracking::Unknown
            }
            _ => Tracking::Tracked,
        })
    }

    /// Whether a rule with a peer narrower than everywhere admits this very packet.
    fn is_narrow_match(&self, rule: &SecurityGroupRule, at: Idx<NetworkInterface>, direction: Direction) -> bool {
        let everywhere = matches!(&rule.peer, Peer::Cidr(net) if net.prefix_len() == 0);
        !everywhere && matches!(self.peer(rule, at, direction), Match::Yes | Match::Unknown(..))
    }

    fn is_everywhere_in_pieces<'r>(&self, rules: impl Iterator<Item = &'r SecurityGroupRule>, family: Family) -> bool {
        let mut nets: Vec<IpNet> = Vec::new();
        for rule in rules {
            match &rule.peer {
                Peer::Cidr(net) => nets.push(*net),
                Peer::PrefixList(list) => {
                    let list = list.known().map(|idx| self.network.prefix_lists.get(idx));
                    nets.extend(list.and_then(|list| list.cidrs.as_ref()).into_iter().flatten());
                }
                Peer::Group(_) => {}
            }
        }
        let set: IpSet = nets.into_iter().collect();
        IpSet::family_full(family).is_subset(&set)
    }
}

fn is_everywhere(peer: &Peer, family: Family) -> bool {
    matches!(peer, Peer::Cidr(net) if net.prefix_len() == 0 && Family::of(net.addr()) == family)
}

#[derive(PartialEq, Eq)]
enum ReplyPorts {
    All,
    AllButZero,
    Some,
}

/// Which ports of replies a rule admits: `-1`, or the flow's protocol with 0-65535 (CT-3).
fn reply_ports(rule: &SecurityGroupRule, protocol: Protocol) -> ReplyPorts {
    match rule.protocol {
        RuleProtocol::Any => ReplyPorts::All,
        RuleProtocol::Number(number) if number == protocol => {
            match (rule.from_port.unwrap_or(0), rule.to_port.unwrap_or(u16::MAX)) {
                (0, u16::MAX) => ReplyPorts::All,
                (1, u16::MAX) => ReplyPorts::AllButZero,
                _ => ReplyPorts::Some,
            }
        }
        RuleProtocol::Number(_) => ReplyPorts::Some,
    }
}
