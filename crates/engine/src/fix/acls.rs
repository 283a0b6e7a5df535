//! Entries of network ACLs, before the one that denies (NA-2), for the packet or for its reply (NA-9).

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use reach_model::change::{Change, IcmpTypeCode, NetworkAclEntry, PortRange};
use reach_model::network::{Direction, Idx, NetworkAcl};
use reach_packets::{Family, Flow, PortRanges, Protocol};

use super::peers::Remote;
use super::propose::{Proposal, Round, Trouble};
use super::traffic::{self, Form};
use crate::endpoint::default_source_ports;
use crate::pair::POOL;
use crate::reason::{Leg, RuleRef, Site};

/// The numbers that users give; what no entry matches is denied (NA-2).
const NUMBERS: std::ops::RangeInclusive<u32> = 1..=32766;

/// People number entries in steps of ten.
const STEP: u32 = 10;

/// Entries that one network ACL is to have in one direction.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Gate {
    acl: Idx<NetworkAcl>,
    direction: Direction,
    forms: Vec<Form>,
}

/// Entries for every gate; `None` where one of them cannot be opened by an entry.
pub(super) fn proposals(round: &Round<'_>, troubles: &[Trouble<'_>]) -> Option<Vec<Proposal>> {
    // The number of the first entry that denies, and whom.
    let mut gates: BTreeMap<Gate, (u32, Remote)> = BTreeMap::new();
    for trouble in troubles {
        let (Site::Acl(_), Some(RuleRef::AclEntry(acl, direction, number)), Some(packet)) =
            (&trouble.reason.site, &trouble.reason.rule, trouble.packet())
        else {
            return None;
        };
        let (senders, receivers) = trouble.ends();
        let remote = match direction {
            Direction::Ingress => Remote::of(round.network, senders, packet.source),
            Direction::Egress => Remote::of(round.network, receivers, packet.destination),
        };
        let gate = Gate { acl: *acl, direction: *direction, forms: forms(round, trouble, &packet) };
        // 0 stands for what no entry matches.
        let number = if *number == 0 { NUMBERS.end() + 1 } else { *number };
        let entry = gates.entry(gate).or_insert_with(|| (number, Remote::default()));
        entry.0 = entry.0.min(number);
        entry.1.merge(&remote);
    }
    let mut taken: BTreeMap<(Idx<NetworkAcl>, Direction), BTreeSet<u32>> = BTreeMap::new();
    let mut proposals = Vec::new();
    for (gate, (denied_by, mut remote)) in gates {
        // A network ACL knows no prefix lists: their entries, or everything.
        for list in std::mem::take(&mut remote.lists) {
            let cidrs = round.network.prefix_lists.get(list).cidrs.clone().unwrap_or_default();
            remote.outside.extend(cidrs);
        }
        let key = (gate.acl, gate.direction);
        let numbers = taken.entry(key).or_insert_with(|| {
            let entries = round.network.acls.get(gate.acl).entries.iter();
            entries.filter(|entry| entry.direction == gate.direction).map(|entry| entry.number).collect()
        });
        for form in &gate.forms {
            for net in remote.nets(round.network, true) {
                // Where no number is free before it, nothing is proposed: in the denying entry's place an admission would let
                // in all else that it stops.
                let number = free(numbers, denied_by)?;
                numbers.insert(number);
                let entry = entry(round, &gate, number, *form, net);
                proposals.push(Proposal { options: vec![vec![Change::CreateNetworkAclEntry(entry)]] });
            }
        }
    }
    Some(proposals)
}

/// A free number before `limit`: the next step after the last entry where nothing denies but the end, else the largest
/// step before the denying entry, else any number.
fn free(taken: &BTreeSet<u32>, limit: u32) -> Option<u32> {
    let last = NUMBERS.end();
    if limit > *last {
        let used = taken.iter().copied().filter(|number| number <= last).max().unwrap_or(0);
        let next = (used / STEP + 1) * STEP;
        if next <= *last {
            return Some(next);
        }
    }
    let below = || (*NUMBERS.start()..limit.min(last + 1)).rev().filter(|number| !taken.contains(number));
    below().find(|number| number % STEP == 0).or_else(|| below().next())
}

/// The ports that the gate has to admit: the asked ones, or for a reply those of the client, or of the translator that
/// stands in for it (RT-24).
fn forms(round: &Round<'_>, trouble: &Trouble<'_>, packet: &Flow) -> Vec<Form> {
    let family = packet.family();
    let asked = traffic::asked(&round.question.ask, family);
    if trouble.reason.leg == Leg::Forward {
        let missing = traffic::missing(round.question, trouble.group, family);
        return traffic::forms(&missing, &asked, family);
    }
    if traffic::is_icmp(packet) {
        let messages = if family == Family::V4 { asked.icmp_messages() } else { asked.icmpv6_messages() };
        return traffic::answers(family, messages);
    }
    let translated = round
        .network
        .nat_gateways
        .iter()
        .any(|(_, nat)| nat.exists() && nat.addresses.iter().any(|address| packet.destination == address.private));
    let ports = if translated {
        PortRanges::range(POOL.0, POOL.1)
    } else if let Some(ports) = &round.question.ask.source_ports {
        ports.clone()
    } else {
        let own = trouble.group.from.iter().map(|end| default_source_ports(round.network, end));
        own.fold(PortRanges::empty(), |all, ports| all.union(&ports))
    };
    traffic::port_forms(packet.protocol, &ports)
}

fn entry(round: &Round<'_>, gate: &Gate, number: u32, form: Form, net: IpNet) -> NetworkAclEntry {
    let icmp = form.protocol.is_some_and(Protocol::is_icmp);
    let (v4, v6) = match net {
        IpNet::V4(net) => (Some(net.to_string()), None),
        IpNet::V6(net) => (None, Some(net.to_string())),
    };
    let port = |port: i32| u16::try_from(port).unwrap_or(u16::MAX);
    NetworkAclEntry {
        network_acl_id: round.network.acls.get(gate.acl).id.to_string(),
        rule_number: number,
        protocol: form.protocol.map_or_else(|| "-1".to_owned(), |protocol| protocol.number().to_string()),
        rule_action: "allow".to_owned(),
        egress: gate.direction == Direction::Egress,
        cidr_block: v4,
        ipv6_cidr_block: v6,
        port_range: form.ports.filter(|_| !icmp).map(|(from, to)| PortRange { from: port(from), to: port(to) }),
        icmp_type_code: form
            .ports
            .filter(|_| icmp)
            .map(|(kind, code)| IcmpTypeCode { kind: i64::from(kind), code: i64::from(code) }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_before_the_one_that_denies() {
        let taken = |numbers: &[u32]| numbers.iter().copied().collect::<BTreeSet<u32>>();
        assert_eq!(free(&taken(&[100, 32767]), 100), Some(90));
        assert_eq!(free(&taken(&[90, 100]), 100), Some(80));
        assert_eq!(free(&taken(&[5]), 5), Some(4));
        assert_eq!(free(&taken(&[1, 2]), 2), None);
        assert_eq!(free(&taken(&[100, 115, 32767]), 32767), Some(120));
        assert_eq!(free(&taken(&[32766, 32767]), 32767), Some(32760));
        assert_eq!(free(&taken(&[]), 32767), Some(10));
    }
}
