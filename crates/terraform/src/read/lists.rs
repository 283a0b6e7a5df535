//! Managed prefix lists.

use super::{LISTS, Side};
use crate::fact::{Fact, Id};
use crate::value::{Field, View};

fn cidr(view: &View<'_>, list: &Id) -> Option<Fact> {
    match view.cidr() {
        Field::Known(net) => Some(Fact::ListEntry { list: list.clone(), cidr: Some(net) }),
        Field::Unknown => Some(Fact::ListEntry { list: list.clone(), cidr: None }),
        Field::Absent => None,
    }
}

/// `aws_ec2_managed_prefix_list`
pub(super) fn list(side: Side<'_, '_>) -> Vec<Fact> {
    let Some(own) = side.own() else { return Vec::new() };
    let family = side.get("address_family").text().known();
    let max = side.get("max_entries").number().known();
    let mut facts = vec![Fact::List { id: own.clone(), family, max }];
    if !side.now && side.stage.deleted {
        return facts;
    }
    let entries = side.get("entry");
    match entries.items() {
        // Entries may be resources of their own: AWS's answer is known after apply.
        None if entries.is_left_to_aws() => {}
        None => facts.push(Fact::ListEntry { list: own, cidr: None }),
        Some(items) => {
            for item in items {
                if item.is_unknown() {
                    facts.push(Fact::ListEntry { list: own.clone(), cidr: None });
                } else {
                    facts.extend(cidr(&item.get("cidr"), &own));
                }
            }
        }
    }
    facts
}

/// `aws_ec2_managed_prefix_list_entry`
pub(super) fn entry(side: Side<'_, '_>) -> Vec<Fact> {
    let Some(list) = side.get("prefix_list_id").id(LISTS) else {
        side.get("prefix_list_id").problem("is missing");
        return Vec::new();
    };
    cidr(&side.get("cidr"), &list).into_iter().collect()
}
