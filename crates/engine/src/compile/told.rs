//! Why a gate does not pass something: reasons from the compiled form.

use std::borrow::Cow;

use reach_model::Call;
use reach_model::network::{Direction, Idx, NetworkAcl, NetworkAclEntry};
use reach_packets::{Flow, Lane, PortSet, Protocol, Transport};

use super::Compiled;
use super::acls::entry_headers;
use super::gate::{Gate, Test, Told};
use super::groups::{ProfileId, Reference, Standing};
use super::headers::{Algebra, HeaderId};
use crate::reason::{Code, Leg, Reason, RuleRef, SaidOf};

/// What a gate was asked about, and what became of it.
pub(super) struct Asked {
    pub(super) leg: Leg,
    /// What it refuses.
    pub(super) refused: HeaderId,
    /// What it may refuse.
    pub(super) doubted: HeaderId,
    /// The other port of the packet, for telling.
    pub(super) other_port: u16,
}

impl Compiled<'_> {
    /// Every reason that a gate has for what it refuses or leaves open.
    pub(super) fn tell(&self, gate: &Gate, asked: &Asked, algebra: &mut Algebra<'_>) -> Vec<Reason> {
        let whole = algebra.union(asked.refused, asked.doubted);
        match &gate.test {
            Test::Refuse(told) | Test::Doubt(told) | Test::Only(_, told) => {
                vec![Self::reason(gate, asked, told, whole, algebra)]
            }
            Test::Groups { at, direction, .. } => {
                let mut reasons = Vec::new();
                self.tell_groups(gate, asked, self.groups.profile_of(*at), *direction, algebra, &mut reasons);
                reasons
            }
            Test::Unseen { at } => {
                let side = &self.groups.profile(self.groups.profile_of(*at)).ingress;
                let code = if side.any_rule { Code::EniSgRulesMismatch } else { Code::SgHasNoRules };
                let told = Told::new(code, "SG-1").direction(Direction::Ingress);
                vec![Self::reason(gate, asked, &told, whole, algebra)]
            }
            Test::Acl { acl, direction, unconfirmed } => {
                let mut reasons = Vec::new();
                self.tell_acl(gate, asked, (*acl, *direction), *unconfirmed, algebra, &mut reasons);
                reasons
            }
        }
    }

    fn tell_groups(
        &self,
        gate: &Gate,
        asked: &Asked,
        profile: ProfileId,
        direction: Direction,
        algebra: &mut Algebra<'_>,
        reasons: &mut Vec<Reason>,
    ) {
        let whole = algebra.union(asked.refused, asked.doubted);
        let said = self.say(gate, whole, algebra);
        let profile = self.groups.profile(profile);
        let mut rest = asked.refused;
        let lost = algebra.intersect(rest, said.lost);
        rest = algebra.subtract(rest, lost);
        let unsupported = algebra.intersect(rest, said.unsupported);
        rest = algebra.subtract(rest, unsupported);
        let any_rule = profile.side(direction).any_rule || profile.missing.is_some();
        let (code, semantics) =
            if any_rule { (Code::EniSgRulesMismatch, "SG-1") } else { (Code::SgHasNoRules, "SG-3") };
        let denials = [
            (lost, Code::SgReferencesNotPreserved, "SG-19"),
            (unsupported, Code::SgReferencingSupport, "SG-19"),
            (rest, code, semantics),
        ];
        for (headers, code, semantics) in denials {
            if !headers.is_empty() {
                let told = Told::new(code, semantics).direction(direction);
                reasons.push(Self::reason(gate, asked, &told, headers, algebra));
            }
        }
        if !asked.doubted.is_empty() {
            let told = self.doubt_of_groups(gate, asked.doubted, algebra).direction(direction);
            reasons.push(Self::reason(gate, asked, &told, asked.doubted, algebra));
        }
    }

    /// What the snapshot lacks for the groups' decision about `headers`.
    fn doubt_of_groups(&self, gate: &Gate, headers: HeaderId, algebra: &mut Algebra<'_>) -> Told {
        let Test::Groups { at, direction, references, hidden } = &gate.test else {
            return Told::new(Code::NotCollected, "SG-2");
        };
        let profile = self.groups.profile(self.groups.profile_of(*at));
        if let Some(id) = &profile.missing {
            return Told::new(Code::NotCollected, "SG-2").call(Call::DescribeSecurityGroups).note(id.to_string());
        }
        let side = profile.side(*direction);
        if let Some(unread) = side.unread.iter().find(|unread| algebra.meets(unread.headers, headers)) {
            let told = Told::new(Code::NotCollected, "SG-17").call(Call::GetManagedPrefixListEntries);
            return told.note(unread.list.to_string());
        }
        let open = references.iter().find_map(|reference| match reference {
            Reference::Carried(_, Standing::Unknown(code, call))
            | Reference::Any(Standing::Unknown(code, call))
            | Reference::OnlyNamed(Standing::Unknown(code, call)) => Some((*code, *call)),
            _ => None,
        });
        if let Some((code, call)) = open {
            let semantics = match call {
                Some(Call::DescribeTransitGateways) => "SG-19",
                _ => "API-20",
            };
            let name = side.peers.iter().find(|(_, own)| algebra.meets(*own, headers)).and_then(|(key, _)| {
                let described = self.network.groups.iter().nth(key.position()).map(|(_, group)| group.id.to_string());
                described.or_else(|| self.groups.name_of(*key).map(ToString::to_string))
            });
            let told = Told::new(code, semantics).maybe_call(call);
            return match name {
                Some(name) => told.note(name),
                None => told,
            };
        }
        let told = Told::new(Code::UnsupportedComponent, "SG-34");
        let client = hidden.then(|| side.nodes.iter().find(|(_, own)| algebra.meets(*own, headers))).flatten();
        match client.and_then(|(node, _)| self.trie.net(*node)) {
            Some(net) => told.note(net.to_string()),
            None => told,
        }
    }

    /// NA-2: which entry denies, or that none matches; NA-6 and NA-12: what AWS does not say.
    fn tell_acl(
        &self,
        gate: &Gate,
        asked: &Asked,
        (acl, direction): (Idx<NetworkAcl>, Direction),
        unconfirmed: bool,
        algebra: &mut Algebra<'_>,
        reasons: &mut Vec<Reason>,
    ) {
        let remote = gate.remote(direction);
        let mut entries: Vec<&NetworkAclEntry> = self.network.acls.get(acl).entries.iter().collect();
        entries.retain(|entry| entry.direction == direction && entry.cidr.contains(&remote));
        entries.sort_by_key(|entry| entry.number);
        let parts = |of: HeaderId, undocumented: bool, algebra: &mut Algebra<'_>| {
            let mut open = of;
            let mut parts: Vec<(u32, HeaderId)> = Vec::new();
            for entry in &entries {
                let headers = algebra.intern(entry_headers(entry, undocumented));
                let own = algebra.intersect(open, headers);
                if !own.is_empty() {
                    parts.push((entry.number, own));
                }
                open = algebra.subtract(open, headers);
            }
            if !open.is_empty() {
                parts.push((0, open));
            }
            parts
        };
        for (number, headers) in parts(asked.refused, false, algebra) {
            let rule = RuleRef::AclEntry(acl, direction, number);
            let told = Told::new(Code::SubnetAclRestriction, "NA-2").direction(direction).rule(rule);
            reasons.push(Self::reason(gate, asked, &told, headers, algebra));
        }
        for (number, headers) in parts(asked.doubted, true, algebra) {
            let (semantics, note) = if unconfirmed {
                ("NA-12", "whether the network ACL counts between an instance and a NAT gateway of one subnet")
            } else {
                ("NA-6", "whether an entry of protocol 58 with an IPv4 CIDR matches ICMP")
            };
            let rule = RuleRef::AclEntry(acl, direction, number);
            let told = Told::new(Code::Undocumented, semantics).direction(direction).rule(rule).note(note);
            reasons.push(Self::reason(gate, asked, &told, headers, algebra));
        }
    }

    fn reason(gate: &Gate, asked: &Asked, told: &Told, of: HeaderId, algebra: &Algebra<'_>) -> Reason {
        let packet = sample(&algebra.get(of)).map(|(protocol, transport)| Flow {
            source: gate.seen.0,
            destination: gate.seen.1,
            protocol,
            transport: match transport {
                Transport::Ports { destination, .. } => Transport::Ports { source: asked.other_port, destination },
                other => other,
            },
        });
        Reason {
            leg: asked.leg,
            code: told.code,
            direction: told.direction,
            site: gate.site.clone(),
            rule: told.rule.clone(),
            semantics: told.semantics,
            note: told.note.clone().map(Cow::into_owned).map(Cow::Owned),
            call: told.call,
            packet: SaidOf(packet),
        }
    }
}

/// A header that stands for a set: a port that people know, else the first that anybody uses.
pub(crate) fn sample(set: &PortSet) -> Option<(Protocol, Transport)> {
    set.lanes().find_map(|lane| match lane {
        Lane::Ports(protocol, ports) => {
            let known = [443, 80, 22, 53, 10250].into_iter().find(|&port| ports.contains(port));
            let destination = known.or_else(|| ports.first_from(1)).or_else(|| ports.first())?;
            Some((protocol, Transport::Ports { source: 0, destination }))
        }
        Lane::Icmp(protocol, messages) => {
            let (kind, code) = messages.first()?;
            Some((protocol, Transport::Icmp { kind, code }))
        }
        Lane::Other(numbers) => Some((Protocol::new(numbers.first()?), Transport::Opaque)),
    })
}
