//! Gates: what stands on a way, as conditions on headers.

use std::borrow::Cow;
use std::net::IpAddr;

use reach_model::Call;
use reach_model::network::{Direction, Idx, NetworkAcl, NetworkInterface};

use super::groups::Reference;
use super::headers::HeaderId;
use crate::reason::{Code, RuleRef, Site};

/// A gate that a packet meets, and the addresses that it sees there.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    pub(super) site: Site,
    pub(super) test: Test,
    /// Source and destination at the gate, after every translation before it.
    pub(super) seen: (IpAddr, IpAddr),
    /// For replies: the packet still carries a translator's port, not the client's.
    pub(super) pool: bool,
}

/// What a gate asks.
#[derive(Debug, Clone)]
pub(super) enum Test {
    /// Nothing passes.
    Refuse(Told),
    /// Whether anything passes is unknown.
    Doubt(Told),
    /// Only these headers pass.
    Only(HeaderId, Told),
    /// The groups of an interface decide.
    Groups { at: Idx<NetworkInterface>, direction: Direction, references: Vec<Reference>, hidden: bool },
    /// Whoever sends it: the groups of an interface could admit it or not.
    Unseen { at: Idx<NetworkInterface> },
    /// A network ACL decides. `unconfirmed`: AWS does not say whether it counts here (U-8).
    Acl { acl: Idx<NetworkAcl>, direction: Direction, unconfirmed: bool },
}

/// What a gate says when it does not pass something.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) code: Code,
    pub(super) semantics: &'static str,
    pub(super) direction: Option<Direction>,
    pub(super) rule: Option<RuleRef>,
    pub(super) note: Option<Cow<'static, str>>,
    pub(super) call: Option<Call>,
}

impl Told {
    pub(super) fn new(code: Code, semantics: &'static str) -> Self {
        Self { code, semantics, direction: None, rule: None, note: None, call: None }
    }

    pub(super) fn note(mut self, note: impl Into<Cow<'static, str>>) -> Self {
        self.note = Some(note.into());
        self
    }

    pub(super) fn call(mut self, call: Call) -> Self {
        self.call = Some(call);
        self
    }

    pub(super) fn maybe_call(mut self, call: Option<Call>) -> Self {
        self.call = call;
        self
    }

    pub(super) fn rule(mut self, rule: RuleRef) -> Self {
        self.rule = Some(rule);
        self
    }

    pub(super) fn direction(mut self, direction: Direction) -> Self {
        self.direction = Some(direction);
        self
    }
}

impl Gate {
    /// Whether the gate asks security groups.
    pub(super) fn asks_groups(&self) -> bool {
        matches!(self.test, Test::Groups { .. } | Test::Unseen { .. })
    }
}
