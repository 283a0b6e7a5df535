//! Changes of one call and one resource, told as one.

use reach_model::change::{Change, GroupRules, IpPermission};

/// Joins rules of one group and direction to one call, and their peers of one protocol and port range to one permission.
pub(super) fn merged(changes: &[Change]) -> Vec<Change> {
    let mut list: Vec<Change> = Vec::new();
    for change in changes {
        let joined = list.iter_mut().find_map(|known| match (known, change) {
            (Change::AuthorizeSecurityGroupIngress(known), Change::AuthorizeSecurityGroupIngress(more))
            | (Change::AuthorizeSecurityGroupEgress(known), Change::AuthorizeSecurityGroupEgress(more))
                if known.group_id == more.group_id =>
            {
                join(known, more);
                Some(())
            }
            (Change::ModifyManagedPrefixList(known), Change::ModifyManagedPrefixList(more))
                if known.prefix_list_id == more.prefix_list_id =>
            {
                let fresh = more.add_entries.iter().filter(|entry| !known.add_entries.contains(entry));
                let fresh: Vec<_> = fresh.cloned().collect();
                known.add_entries.extend(fresh);
                Some(())
            }
            _ => None,
        });
        if joined.is_none() {
            list.push(change.clone());
        }
    }
    list
}

fn join(known: &mut GroupRules, more: &GroupRules) {
    for permission in &more.ip_permissions {
        let alike = known.ip_permissions.iter_mut().find(|own| {
            let key = |p: &IpPermission| (p.ip_protocol.clone(), p.from_port, p.to_port);
            key(own) == key(permission)
        });
        match alike {
            Some(own) => {
                own.ip_ranges.extend(permission.ip_ranges.iter().cloned());
                own.ipv6_ranges.extend(permission.ipv6_ranges.iter().cloned());
                own.prefix_list_ids.extend(permission.prefix_list_ids.iter().cloned());
                own.user_id_group_pairs.extend(permission.user_id_group_pairs.iter().cloned());
            }
            None => known.ip_permissions.push(permission.clone()),
        }
    }
}

/// How many rules, entries or attributes changes make.
pub(super) fn size(changes: &[Change]) -> usize {
    let of = |change: &Change| match change {
        Change::AuthorizeSecurityGroupIngress(rules) | Change::AuthorizeSecurityGroupEgress(rules) => {
            rules.ip_permissions.iter().map(peers).sum()
        }
        Change::ModifyManagedPrefixList(list) => list.add_entries.len(),
        _ => 1,
    };
    changes.iter().map(of).sum()
}

fn peers(permission: &IpPermission) -> usize {
    permission.ip_ranges.len()
        + permission.ipv6_ranges.len()
        + permission.prefix_list_ids.len()
        + permission.user_id_group_pairs.len()
}

/// How many addresses rules name where they could name a group.
pub(super) fn cidrs(changes: &[Change]) -> usize {
    let of = |change: &Change| match change {
        Change::AuthorizeSecurityGroupIngress(rules) | Change::AuthorizeSecurityGroupEgress(rules) => {
            rules.ip_permissions.iter().map(|p| p.ip_ranges.len() + p.ipv6_ranges.len()).sum()
        }
        Change::ModifyManagedPrefixList(list) => list.add_entries.len(),
        _ => 0,
    };
    changes.iter().map(of).sum()
}
