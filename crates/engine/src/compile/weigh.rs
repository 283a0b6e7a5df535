//! Gates to header sets: what passes for certain, and what may.

use std::net::IpAddr;

use reach_model::network::{Direction, Ref};
use reach_packets::Family;

use super::Compiled;
use super::acls::Passes;
use super::gate::{Gate, Test};
use super::groups::{Said, Terms};
use super::headers::{Algebra, HeaderId};

impl Compiled<'_> {
    /// What a gate lets pass. In `must` it passes, outside `may` it does not, between them it is unknown (M-4).
    /// Of the groups' answer only what is `within` matters.
    pub(super) fn weigh(&self, gate: &Gate, within: HeaderId, algebra: &mut Algebra<'_>) -> Passes {
        match &gate.test {
            Test::Refuse(_) => Passes { must: HeaderId::EMPTY, may: HeaderId::EMPTY },
            Test::Doubt(_) => Passes { must: HeaderId::EMPTY, may: HeaderId::ALL },
            Test::Only(headers, _) => Passes { must: *headers, may: *headers },
            Test::Groups { .. } => {
                let said = self.say(gate, within, algebra);
                Passes { must: said.admitted, may: algebra.union(said.admitted, said.unknown) }
            }
            Test::Unseen { at } => {
                let groups = &self.network.interfaces.get(*at).groups;
                if groups.is_empty() || groups.iter().any(|group| matches!(group, Ref::Missing(_))) {
                    return Passes::ALL;
                }
                let family = Family::of(gate.seen.1);
                let could = self.groups.could_admit(self.groups.profile_of(*at), &self.trie, family, algebra);
                Passes { must: could, may: could }
            }
            Test::Acl { acl, direction, unconfirmed } => {
                let passes = self.acls.passes(*acl, *direction, gate.remote(*direction));
                // U-8: a denial that may not count leaves the verdict unknown.
                if *unconfirmed { Passes { may: HeaderId::ALL, ..passes } } else { passes }
            }
        }
    }

    /// What the groups of a [`Test::Groups`] gate say; nothing at other gates.
    pub(super) fn say(&self, gate: &Gate, within: HeaderId, algebra: &mut Algebra<'_>) -> Said {
        let Test::Groups { at, direction, references, hidden } = &gate.test else {
            return Said {
                admitted: HeaderId::EMPTY,
                unknown: HeaderId::EMPTY,
                lost: HeaderId::EMPTY,
                unsupported: HeaderId::EMPTY,
            };
        };
        let node = self.trie.node_of(gate.remote(*direction));
        let profile = self.groups.profile_of(*at);
        let terms = Terms { references, hidden: *hidden, within };
        self.groups.say(profile, *direction, (&self.trie, node), terms, algebra)
    }

    /// The conjunction of several gates.
    pub(super) fn weigh_all<'g>(
        &self,
        gates: impl IntoIterator<Item = &'g Gate>,
        within: HeaderId,
        algebra: &mut Algebra<'_>,
    ) -> Passes {
        let mut all = Passes::ALL;
        for gate in gates {
            let own = self.weigh(gate, within, algebra);
            all.must = algebra.intersect(all.must, own.must);
            all.may = algebra.intersect(all.may, own.may);
        }
        all
    }
}

impl Gate {
    /// The address at the other end, as a filter of this direction sees it (SG-16, NA-5).
    pub(super) fn remote(&self, direction: Direction) -> IpAddr {
        match direction {
            Direction::Ingress => self.seen.0,
            Direction::Egress => self.seen.1,
        }
    }
}
