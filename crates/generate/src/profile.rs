//! What a profile changes: the numbers that everything else is drawn from.

use std::fmt;
use std::str::FromStr;

/// The shape of an estate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Services in few subnets each, a group per service, most egress open.
    Realistic,
    /// Forty dependencies a service, 80 % of the services with restricted egress.
    Dense,
    /// Every service spread over all subnets, every subnet with a network ACL of its own.
    Scatter,
    /// Up to a hundred single addresses in a group, prefix lists of 900 entries.
    Frag,
    /// Five groups drawn for each interface: no two interfaces have the same five.
    Uniq,
    /// Five groups with about 200 rules each on every interface.
    Max,
    /// EKS clusters of several ages beside the services.
    Eks,
}

impl Profile {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 7] =
        [Self::Realistic, Self::Dense, Self::Scatter, Self::Frag, Self::Uniq, Self::Max, Self::Eks];

    /// The word of the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Realistic => "realistic",
            Self::Dense => "dense",
            Self::Scatter => "scatter",
            Self::Frag => "frag",
            Self::Uniq => "uniq",
            Self::Max => "max",
            Self::Eks => "eks",
        }
    }

    /// One line about it.
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Realistic => "services in few subnets each, a group per service, most egress open",
            Self::Dense => "forty dependencies a service, 80 % with restricted egress",
            Self::Scatter => "every service in all subnets, each with a network ACL of its own",
            Self::Frag => "up to a hundred single addresses in a group, prefix lists of 900 entries",
            Self::Uniq => "five groups drawn for each interface, no two alike",
            Self::Max => "five groups with about 200 rules each on every interface",
            Self::Eks => "EKS clusters of several ages beside the services",
        }
    }

    pub(crate) const fn settings(self) -> Settings {
        let realistic = Settings {
            dependencies: 4,
            references: 40,
            restricted: 25,
            addresses: 5,
            lists: 6,
            list_entries: 20,
            scattered: false,
            membership: Membership::Services,
            clusters: false,
        };
        match self {
            Self::Realistic => realistic,
            Self::Dense => Settings { dependencies: 40, references: 180, restricted: 80, ..realistic },
            Self::Scatter => Settings { scattered: true, ..realistic },
            Self::Frag => Settings { addresses: 100, lists: 20, list_entries: 900, ..realistic },
            Self::Uniq => Settings { membership: Membership::Drawn, ..realistic },
            Self::Max => Settings { membership: Membership::Pool, ..realistic },
            Self::Eks => Settings { clusters: true, ..realistic },
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(text: &str) -> Result<Self, UnknownProfile> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == text).ok_or(UnknownProfile)
    }
}

/// A word that names no profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of realistic, dense, scatter, frag, uniq, max, eks")]
pub struct UnknownProfile;

/// The numbers of a profile.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// How many services a service calls, on average.
    pub(crate) dependencies: usize,
    /// How many references from callers a group's ingress may hold.
    pub(crate) references: usize,
    /// The percentage of services whose egress is restricted.
    pub(crate) restricted: usize,
    /// The most single addresses in a group's ingress.
    pub(crate) addresses: usize,
    /// Customer prefix lists.
    pub(crate) lists: usize,
    /// The most entries of one.
    pub(crate) list_entries: usize,
    /// Whether services are spread over all subnets, and all subnets have a network ACL of their own.
    pub(crate) scattered: bool,
    /// Where the groups of a service's interface come from.
    pub(crate) membership: Membership,
    /// Whether there are EKS clusters.
    pub(crate) clusters: bool,
}

/// Where the groups of a service's interface come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Membership {
    /// An environment's, the team's, the service's, sometimes one more.
    Services,
    /// Five of all, another five for every interface.
    Drawn,
    /// Five of a pool of big groups, another five for every interface.
    Pool,
}

/// How many services an estate of so many interfaces has: between the corners a straight line.
pub(crate) fn services(enis: usize) -> usize {
    const CORNERS: [(usize, usize); 6] =
        [(0, 2), (50, 8), (5_000, 250), (64_000, 2_000), (256_000, 5_000), (512_000, 5_200)];
    for pair in CORNERS.windows(2) {
        if let &[(from, low), (to, high)] = pair
            && enis <= to
        {
            return low + (high - low) * (enis - from) / (to - from);
        }
    }
    5_200
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_profiles() {
        for profile in Profile::ALL {
            assert_eq!(profile.as_str().parse(), Ok(profile));
            assert!(UnknownProfile.to_string().contains(profile.as_str()));
        }
        assert_eq!("huge".parse::<Profile>(), Err(UnknownProfile));
    }

    #[test]
    fn services_follow_the_corners() {
        assert_eq!([50, 5_000, 64_000, 256_000, 512_000].map(services), [8, 250, 2_000, 5_000, 5_200]);
        assert!(services(20_000) > 250 && services(20_000) < 2_000);
    }
}
