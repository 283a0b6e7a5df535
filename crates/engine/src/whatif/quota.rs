//! The default quotas that a change makes resources pass (QU).

use reach_model::Network;
use reach_model::network::{Direction, NetworkAcl, RouteOrigin};

use crate::fix::Quota;

/// Rules of a security group in one direction and family.
const GROUP_RULES: u64 = 60;

/// Groups of an interface.
const GROUPS: u64 = 5;

/// Entries of a network ACL in one direction and family.
const ACL_ENTRIES: u64 = 20;

/// Static routes of a table.
const ROUTES: u64 = 500;

/// The default quotas that resources pass after a change and that count more there than before. They can be raised, so it
/// is a warning. By resource; a group with the largest of its four counts.
pub fn passed(before: &Network, after: &Network) -> Vec<Quota> {
    let mut passed: Vec<Quota> = Vec::new();
    let mut note = |resource: &str, counts: &[(u64, u64)], limit: u64| {
        let over = counts.iter().filter(|(was, is)| is > was && *is > limit).map(|(_, is)| *is).max();
        passed.extend(over.map(|rules| Quota { resource: resource.to_owned(), rules, limit }));
    };
    if !before.groups.is_shared_with(&after.groups) || !before.prefix_lists.is_shared_with(&after.prefix_lists) {
        for (idx, group) in after.groups.iter().filter(|(idx, _)| after.groups.holds(*idx)) {
            let counts = |network: &Network, idx| {
                let counts = network.rule_counts(idx);
                [counts.ingress_v4, counts.ingress_v6, counts.egress_v4, counts.egress_v6].map(|count| count as u64)
            };
            let was = before.groups.find(&group.id).map_or([0; 4], |idx| counts(before, idx));
            let both: Vec<(u64, u64)> = was.into_iter().zip(counts(after, idx)).collect();
            note(group.id.as_str(), &both, GROUP_RULES);
        }
    }
    if !before.interfaces.is_shared_with(&after.interfaces) {
        for (_, interface) in after.interfaces.iter() {
            let was = before.interfaces.find(&interface.id).map_or(0, |idx| before.interfaces.get(idx).groups.len());
            note(interface.id.as_str(), &[(was as u64, interface.groups.len() as u64)], GROUPS);
        }
    }
    if !before.acls.is_shared_with(&after.acls) {
        let counts = |acl: &NetworkAcl| {
            let mut counts = [0_u64; 4];
            for entry in acl.entries.iter().filter(|entry| entry.number < 32767) {
                let side =
                    usize::from(entry.direction == Direction::Egress) * 2 + usize::from(entry.cidr.addr().is_ipv6());
                if let Some(count) = counts.get_mut(side) {
                    *count += 1;
                }
            }
            counts
        };
        for (_, acl) in after.acls.iter() {
            let was = before.acls.find(&acl.id).map_or([0; 4], |idx| counts(before.acls.get(idx)));
            let both: Vec<(u64, u64)> = was.into_iter().zip(counts(acl)).collect();
            note(acl.id.as_str(), &both, ACL_ENTRIES);
        }
    }
    if !before.route_tables.is_shared_with(&after.route_tables) {
        let count = |routes: &[reach_model::network::Route]| {
            routes.iter().filter(|route| route.origin == RouteOrigin::Static).count() as u64
        };
        for (_, table) in after.route_tables.iter() {
            let was = before.route_tables.find(&table.id).map_or(0, |idx| count(&before.route_tables.get(idx).routes));
            note(table.id.as_str(), &[(was, count(&table.routes))], ROUTES);
        }
    }
    passed.sort();
    passed
}
