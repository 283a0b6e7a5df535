//! Exit codes: part of the interface, listed in `--help`.

use std::process;

use reach_engine::Verdict;

/// How a run ended. Where several apply, the first in this order is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ExitCode {
    /// The user stopped it: what a shell says of SIGINT.
    #[cfg(feature = "fetch")]
    Interrupted,
    /// The engines contradict each other: a bug.
    Contradiction,
    /// Reading or writing failed.
    Io,
    /// The command line, the snapshot or a line of a batch is wrong.
    Input,
    /// Blocked or partial.
    No,
    /// The snapshot does not decide it.
    Unknown,
    /// Reachable, or as expected.
    Ok,
}

impl ExitCode {
    /// The number that the shell sees.
    pub(crate) const fn number(self) -> u8 {
        match self {
            #[cfg(feature = "fetch")]
            ExitCode::Interrupted => 130,
            ExitCode::Ok => 0,
            ExitCode::No => 1,
            ExitCode::Input => 2,
            ExitCode::Unknown => 3,
            ExitCode::Io => 4,
            ExitCode::Contradiction => 70,
        }
    }

    /// The code of an answer. What was expected is success; an answer that was not expected never is.
    pub(crate) fn of(verdict: Verdict, expected: Option<Verdict>) -> Self {
        let plain = match verdict {
            Verdict::Reachable => ExitCode::Ok,
            Verdict::Blocked | Verdict::Partial => ExitCode::No,
            Verdict::Unknown => ExitCode::Unknown,
        };
        match expected {
            Some(expected) if expected == verdict => ExitCode::Ok,
            Some(_) if plain == ExitCode::Ok => ExitCode::No,
            _ => plain,
        }
    }

    /// The graver of two codes.
    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        self.min(other)
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        process::ExitCode::from(code.number())
    }
}

#[cfg(test)]
mod tests {
    use super::ExitCode::{Contradiction, Input, Io, No, Ok, Unknown};
    use super::*;

    #[test]
    fn the_graver_code_is_told() {
        let order = [Contradiction, Io, Input, No, Unknown, Ok];
        assert_eq!(order.map(ExitCode::number), [70, 4, 2, 1, 3, 0]);
        for (position, code) in order.into_iter().enumerate() {
            for other in order.into_iter().skip(position) {
                assert_eq!(code.and(other), code);
                assert_eq!(other.and(code), code);
            }
        }
    }

    #[test]
    fn only_the_expected_verdict_is_success() {
        use Verdict::{Blocked, Partial, Reachable};
        assert_eq!(ExitCode::of(Blocked, Some(Blocked)), Ok);
        assert_eq!(ExitCode::of(Verdict::Unknown, Some(Verdict::Unknown)), Ok);
        assert_eq!(ExitCode::of(Reachable, Some(Blocked)), No);
        assert_eq!(ExitCode::of(Partial, Some(Blocked)), No);
        assert_eq!(ExitCode::of(Verdict::Unknown, Some(Reachable)), Unknown);
        assert_eq!(ExitCode::of(Reachable, None), Ok);
    }
}
