//! AWS's quotas, as far as a fix can meet them (QU).

use reach_model::change::Change;
use reach_model::network::{Direction, Idx, Network, PrefixList, RouteOrigin, SecurityGroup};
use reach_packets::Family;

/// A quota that a resource would pass. AWS's defaults can be raised, so it is a warning.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quota {
    /// The resource's id.
    pub resource: String,
    /// How many rules, entries, routes or CIDRs it would have.
    pub rules: u64,
    /// AWS's default.
    pub limit: u64,
}

/// Rules of a group in one direction and family.
pub(super) const GROUP_RULES: u64 = 60;

/// Rules of a group times groups of an interface: this one cannot be raised.
pub(super) const PRODUCT: u64 = 1000;

/// Entries of a network ACL in one direction; 40 at most.
const ACL_ENTRIES: u64 = 20;

/// Static routes of a table in one family.
const ROUTES: u64 = 500;

/// How many rules of a family a group has in a direction.
pub(super) fn rules(network: &Network, group: Idx<SecurityGroup>, direction: Direction, family: Family) -> u64 {
    let counts = network.rule_counts(group);
    let count = match (direction, family) {
        (Direction::Ingress, Family::V4) => counts.ingress_v4,
        (Direction::Ingress, Family::V6) => counts.ingress_v6,
        (Direction::Egress, Family::V4) => counts.egress_v4,
        (Direction::Egress, Family::V6) => counts.egress_v6,
    };
    count as u64
}

/// How many more entries a list takes; a list whose limit is not known may take any.
pub(super) fn list_room(list: &PrefixList) -> usize {
    let used = list.cidrs.as_ref().map_or(0, Vec::len);
    let limit = list.max_entries.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    limit.saturating_sub(used)
}

/// The version that a change of a list has to name.
pub(super) fn list_version(list: &PrefixList) -> Option<i64> {
    list.version
}

/// The default quotas that the changed resources of a network pass.
pub(super) fn passed(network: &Network, changes: &[Change]) -> Vec<Quota> {
    let mut passed: Vec<Quota> = Vec::new();
    let mut note = |resource: &str, rules: u64, limit: u64| {
        if rules > limit {
            passed.push(Quota { resource: resource.to_owned(), rules, limit });
        }
    };
    for change in changes {
        match change {
            Change::AuthorizeSecurityGroupIngress(rules) | Change::AuthorizeSecurityGroupEgress(rules) => {
                let ingress = matches!(change, Change::AuthorizeSecurityGroupIngress(_));
                let direction = if ingress { Direction::Ingress } else { Direction::Egress };
                let Some(group) = network.groups.find_text(&rules.group_id) else { continue };
                let most = [Family::V4, Family::V6].map(|family| self::rules(network, group, direction, family));
                note(&rules.group_id, most.into_iter().max().unwrap_or(0), GROUP_RULES);
            }
            Change::CreateNetworkAclEntry(entry) => {
                let Some(acl) = network.acls.find_text(&entry.network_acl_id) else { continue };
                let direction = if entry.egress { Direction::Egress } else { Direction::Ingress };
                let v4 = entry.cidr_block.is_some();
                let own = network.acls.get(acl).entries.iter();
                let own = own.filter(|e| e.direction == direction && e.cidr.addr().is_ipv4() == v4 && e.number < 32767);
                note(&entry.network_acl_id, own.count() as u64, ACL_ENTRIES);
            }
            Change::CreateRoute(route) => {
                let Some(table) = network.route_tables.find_text(&route.route_table_id) else { continue };
                let own = network.route_tables.get(table).routes.iter();
                let own = own.filter(|route| route.origin == RouteOrigin::Static);
                note(&route.route_table_id, own.count() as u64, ROUTES);
            }
            _ => {}
        }
    }
    passed.sort();
    passed.dedup();
    passed
}
