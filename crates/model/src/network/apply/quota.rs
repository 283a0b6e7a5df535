//! What counts against the quotas that no account can raise.

use ipnet::IpNet;
use reach_packets::Family;

use super::Refusal;
use crate::network::{Idx, Network, NetworkInterface, Peer, PrefixList, Ref, SecurityGroup, SecurityGroupRule};

/// Rules of a group times groups of an interface: the one limit that cannot be raised.
const PRODUCT: usize = 1000;

/// Groups of an interface at most, after every raise of the quota.
const GROUPS: usize = 16;

/// How many rules of a security group count against its quotas.
///
/// AWS counts per direction and family. A CIDR counts in its own family, a prefix list in its family with its
/// `MaxEntries` or, if it is AWS's own, its weight (SG-17). A reference to a group matches addresses of both families,
/// and AWS holds both quotas against it: it counts once in each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RuleCounts {
    pub ingress_v4: usize,
    pub ingress_v6: usize,
    pub egress_v4: usize,
    pub egress_v6: usize,
}

impl RuleCounts {
    /// The largest of the four.
    pub fn largest(self) -> usize {
        self.ingress_v4.max(self.ingress_v6).max(self.egress_v4).max(self.egress_v6)
    }
}

impl Network {
    /// What the rules of `group` count for. O(|rules|).
    pub fn rule_counts(&self, group: Idx<SecurityGroup>) -> RuleCounts {
        let group = self.groups.get(group);
        let [ingress_v4, ingress_v6] = counts(self, group.ingress.iter());
        let [egress_v4, egress_v6] = counts(self, group.egress.iter());
        RuleCounts { ingress_v4, ingress_v6, egress_v4, egress_v6 }
    }
}

pub(super) fn counts<'r>(network: &Network, rules: impl Iterator<Item = &'r SecurityGroupRule>) -> [usize; 2] {
    let (mut v4, mut v6) = (0_usize, 0_usize);
    for rule in rules {
        match &rule.peer {
            // The size of a list that is not in the snapshot is not known, but one it is at least.
            Peer::Cidr(IpNet::V4(_)) | Peer::PrefixList(Ref::Missing(_)) => v4 += 1,
            Peer::Cidr(IpNet::V6(_)) => v6 += 1,
            Peer::Group(_) => (v4, v6) = (v4 + 1, v6 + 1),
            Peer::PrefixList(Ref::Known(list)) => {
                let list = network.prefix_lists.get(*list);
                match family(list) {
                    Family::V4 => v4 += weight(list),
                    Family::V6 => v6 += weight(list),
                }
            }
        }
    }
    [v4, v6]
}

/// The family of a list, by its entries where it was not told.
fn family(list: &PrefixList) -> Family {
    let of_entries = || match list.cidrs.as_ref().and_then(|cidrs| cidrs.first()) {
        Some(IpNet::V6(_)) => Family::V6,
        _ => Family::V4,
    };
    list.family.unwrap_or_else(of_entries)
}

/// Whether a prefix list is AWS's own.
pub(super) fn is_of_aws(list: &PrefixList) -> bool {
    list.name.as_deref().is_some_and(|name| name.starts_with("com.amazonaws.") || name.starts_with("cn.com.amazonaws."))
}

/// What a rule or a route that names a list counts for (SG-17).
pub(super) fn weight(list: &PrefixList) -> usize {
    if is_of_aws(list) {
        let name = list.name.as_deref().unwrap_or("");
        let label = name.rsplit_once("amazonaws.").map_or(name, |(_, rest)| rest);
        let label = label.split_once('.').map_or(label, |(_region, label)| label);
        match label.strip_prefix("ipv6.").unwrap_or(label) {
            "s3" | "dynamodb" => return 1,
            "cloudfront.origin-facing" => return 55,
            "vpc-lattice" => return 10,
            "groundstation" => return 5,
            _ => {}
        }
    }
    let entries = list.cidrs.as_ref().map_or(1, Vec::len);
    list.max_entries.map_or(entries, |max| usize::try_from(max).unwrap_or(usize::MAX))
}

/// The largest number of groups of an interface that carries `group`; one where none does.
fn groups_beside(network: &Network, group: Idx<SecurityGroup>) -> usize {
    let carries = |interface: &&NetworkInterface| interface.groups.contains(&Ref::Known(group));
    let interfaces = network.interfaces.iter().map(|(_, interface)| interface);
    interfaces.filter(carries).map(|interface| interface.groups.len()).max().unwrap_or(1)
}

/// Refuses what passes the hard product of rules and groups; AWS's default quotas can be raised and refuse nothing.
pub(super) fn check_product(network: &Network, group: Idx<SecurityGroup>, rules: usize) -> Result<(), Refusal> {
    // No interface has more than 16 groups, so most groups need no look at the interfaces.
    if rules * GROUPS > PRODUCT && rules * groups_beside(network, group) > PRODUCT {
        return Err(too_many(network, group, rules));
    }
    Ok(())
}

fn too_many(network: &Network, group: Idx<SecurityGroup>, rules: usize) -> Refusal {
    let id = &network.groups.get(group).id;
    Refusal::new(
        "RulesPerSecurityGroupLimitExceeded",
        format!("{rules} rules of {id} times the groups of an interface with it are more than {PRODUCT}"),
    )
}

/// Refuses more groups on one interface than can be.
pub(super) fn check_groups(network: &Network, groups: &[Ref<SecurityGroup>]) -> Result<(), Refusal> {
    if groups.len() > GROUPS {
        let message = format!("{} security groups are more than the {GROUPS} that an interface can have", groups.len());
        return Err(Refusal::new("SecurityGroupsPerInterfaceLimitExceeded", message));
    }
    for idx in groups.iter().filter_map(Ref::known) {
        let rules = network.rule_counts(idx).largest();
        if rules * groups.len() > PRODUCT {
            return Err(too_many(network, idx, rules));
        }
    }
    Ok(())
}
