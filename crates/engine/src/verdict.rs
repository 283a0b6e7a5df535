//! The verdict lattice (M-4) and how verdicts combine.

use std::fmt;

use serde::Serialize;

/// What is said of a flow, a direction, a pair or a whole question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It passes.
    Reachable,
    /// It does not.
    Blocked,
    /// Some ports, source ports, addresses or placements pass.
    Partial,
    /// What the snapshot does not hold decides.
    Unknown,
}

impl Verdict {
    /// The verdict over many: all alike is that word; something that passes beside something that does not is
    /// partial; reachable or blocked beside unknown is unknown. `None` over nothing.
    pub fn over(verdicts: impl IntoIterator<Item = Verdict>) -> Option<Verdict> {
        let (mut passes, mut fails, mut unknown) = (false, false, false);
        for verdict in verdicts {
            match verdict {
                Verdict::Reachable => passes = true,
                Verdict::Blocked => fails = true,
                Verdict::Partial => (passes, fails) = (true, true),
                Verdict::Unknown => unknown = true,
            }
        }
        match (passes, fails, unknown) {
            (true, true, _) => Some(Verdict::Partial),
            (_, _, true) => Some(Verdict::Unknown),
            (true, false, false) => Some(Verdict::Reachable),
            (false, true, false) => Some(Verdict::Blocked),
            (false, false, false) => None,
        }
    }

    /// Both must pass: a denial outweighs an unknown, an unknown outweighs what passes (M-4).
    #[must_use]
    pub fn and(self, other: Verdict) -> Verdict {
        use Verdict::{Blocked, Partial, Reachable, Unknown};
        match (self, other) {
            (Blocked, _) | (_, Blocked) => Blocked,
            (Unknown, _) | (_, Unknown) => Unknown,
            (Partial, _) | (_, Partial) => Partial,
            (Reachable, Reachable) => Reachable,
        }
    }

    /// Whether something passes for certain.
    pub const fn passes(self) -> bool {
        matches!(self, Verdict::Reachable | Verdict::Partial)
    }

    /// The word, as everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Verdict::Reachable => "reachable",
            Verdict::Blocked => "blocked",
            Verdict::Partial => "partial",
            Verdict::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{self, Blocked, Partial, Reachable, Unknown};

    #[test]
    fn m4_a_denial_outweighs_an_unknown_and_unknown_never_becomes_reachable() {
        assert_eq!(Blocked.and(Unknown), Blocked);
        assert_eq!(Unknown.and(Blocked), Blocked);
        assert_eq!(Reachable.and(Unknown), Unknown);
        assert_eq!(Partial.and(Unknown), Unknown);
        assert_eq!(Reachable.and(Partial), Partial);
    }

    #[test]
    fn over_pairs_follows_the_three_cases() {
        assert_eq!(Verdict::over([Reachable, Reachable]), Some(Reachable));
        assert_eq!(Verdict::over([Blocked, Reachable, Unknown]), Some(Partial));
        assert_eq!(Verdict::over([Reachable, Unknown]), Some(Unknown));
        assert_eq!(Verdict::over([Blocked, Unknown]), Some(Unknown));
        assert_eq!(Verdict::over([Partial, Unknown]), Some(Partial));
        assert_eq!(Verdict::over([]), None);
    }
}
