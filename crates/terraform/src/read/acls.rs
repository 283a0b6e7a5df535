//! Network ACLs.

use super::{ACLS, Side, protocol};
use crate::fact::{Entry, Fact, Id};
use crate::value::{Field, View};

/// The attributes that one kind of entry has other names for.
struct Names {
    number: &'static str,
    action: &'static str,
}

const INLINE: Names = Names { number: "rule_no", action: "action" };
const RULE: Names = Names { number: "rule_number", action: "rule_action" };

/// Contents of an entry; `None` where something is known after apply or cannot be read.
fn contents(view: &View<'_>, names: &Names) -> Option<Entry> {
    let number = protocol(&view.get("protocol"));
    let action = view.get(names.action);
    let allow = match action.text() {
        Field::Known(text) => match text.to_ascii_lowercase().as_str() {
            "allow" => Field::Known(true),
            "deny" => Field::Known(false),
            _ => {
                action.problem("is neither allow nor deny");
                return None;
            }
        },
        Field::Unknown => Field::Unknown,
        Field::Absent => {
            action.problem("is missing");
            return None;
        }
    };
    let port = |key: &str| {
        let part = view.get(key);
        match part.number() {
            Field::Known(number) => match u16::try_from(number) {
                Ok(port) => Field::Known(port),
                // Entries that have no ports say so by -1.
                Err(_) if number == -1 => Field::Absent,
                Err(_) => {
                    part.problem(format!("{number} is not a port (0 to 65535)"));
                    Field::Unknown
                }
            },
            Field::Unknown => Field::Unknown,
            Field::Absent => Field::Absent,
        }
    };
    let message = |key: &str| view.get(key).number();
    let (from, to) = (port("from_port"), port("to_port"));
    let (kind, code) = (message("icmp_type"), message("icmp_code"));
    let (v4, v6) = (view.get("cidr_block").cidr(), view.get("ipv6_cidr_block").cidr());
    let Field::Known(number) = number else { return None };
    let ports_unknown = matches!(number, Some(6 | 17)) && (from.is_unknown() || to.is_unknown());
    let icmp_unknown = matches!(number, Some(1 | 58)) && (kind.is_unknown() || code.is_unknown());
    if ports_unknown || icmp_unknown || allow.is_unknown() {
        return None;
    }
    let cidr = match (v4, v6) {
        (Field::Known(net), _) | (_, Field::Known(net)) => net,
        (Field::Unknown, _) | (_, Field::Unknown) => return None,
        _ => {
            view.problem("names no CIDR");
            return None;
        }
    };
    let icmp = matches!(number, Some(1 | 58));
    let ports = matches!(number, Some(6 | 17));
    Some(Entry {
        protocol: number.map_or_else(|| "-1".to_owned(), |number| number.to_string()),
        allow: allow.known() == Some(true),
        cidr,
        ports: if ports { (from.known().unwrap_or(0), to.known().unwrap_or(u16::MAX)) } else { (0, 0) },
        icmp: if icmp { (kind.known().unwrap_or(-1), code.known().unwrap_or(-1)) } else { (0, 0) },
    })
}

fn entry(view: &View<'_>, acl: &Id, egress: bool, names: &Names) -> Fact {
    let place = view.get(names.number);
    let number = match place.number() {
        Field::Known(number) => match u32::try_from(number) {
            Ok(number @ 1..=32766) => Some(number),
            _ => {
                place.problem(format!("{number} is not a rule number (1 to 32766)"));
                None
            }
        },
        Field::Unknown => None,
        Field::Absent => {
            place.problem("is missing");
            None
        }
    };
    let entry = contents(view, names).filter(|_| number.is_some());
    Fact::Entry { acl: acl.clone(), egress, number, entry }
}

fn inline(side: Side<'_, '_>, own: &Id, facts: &mut Vec<Fact>) {
    for (key, egress) in [("ingress", false), ("egress", true)] {
        let list = side.get(key);
        let Some(items) = list.items() else {
            // Block syntax is not in the configuration, so nobody knows whether the entries are known after apply.
            facts.push(Fact::Entry { acl: own.clone(), egress, number: None, entry: None });
            continue;
        };
        for item in items {
            if item.is_unknown() {
                facts.push(Fact::Entry { acl: own.clone(), egress, number: None, entry: None });
            } else {
                facts.push(entry(&item, own, egress, &INLINE));
            }
        }
    }
}

fn subnets(side: Side<'_, '_>, own: &Id, facts: &mut Vec<Fact>) {
    for subnet in side.get("subnet_ids").ids(&[]).into_iter().flatten() {
        facts.push(Fact::AclSubnet { acl: own.clone(), subnet });
    }
}

/// `aws_network_acl`
pub(super) fn acl(side: Side<'_, '_>) -> Vec<Fact> {
    let Some(own) = side.own() else { return Vec::new() };
    let mut facts = vec![Fact::Acl { id: own.clone(), vpc: side.get("vpc_id").id(&[]) }];
    if side.now || !side.stage.deleted {
        inline(side, &own, &mut facts);
    }
    subnets(side, &own, &mut facts);
    facts
}

/// `aws_default_network_acl`: taken over when created, left as it is when deleted.
pub(super) fn default_acl(side: Side<'_, '_>) -> Vec<Fact> {
    if side.goes() {
        side.view.context.remark("Terraform leaves a default network ACL as it is when it is removed");
        return Vec::new();
    }
    let Some(own) = side.get("default_network_acl_id").id(&[]) else { return Vec::new() };
    let mut facts = Vec::new();
    if side.now && side.stage.created {
        facts.push(Fact::Adopted { id: own.clone() });
    }
    inline(side, &own, &mut facts);
    // Subnets cannot be taken out of the default one; those that are named are put there.
    if side.now {
        subnets(side, &own, &mut facts);
    }
    facts
}

/// `aws_network_acl_rule`
pub(super) fn rule(side: Side<'_, '_>) -> Vec<Fact> {
    let Some(acl) = side.get("network_acl_id").id(ACLS) else {
        side.get("network_acl_id").problem("is missing");
        return Vec::new();
    };
    let egress = match side.get("egress").flag() {
        Field::Known(egress) => egress,
        Field::Absent => false,
        Field::Unknown => {
            let both = [false, true].map(|egress| Fact::Entry { acl: acl.clone(), egress, number: None, entry: None });
            return both.into();
        }
    };
    vec![entry(side.view, &acl, egress, &RULE)]
}

/// `aws_network_acl_association`
pub(super) fn association(side: Side<'_, '_>) -> Vec<Fact> {
    let (acl, subnet) = (side.get("network_acl_id").id(ACLS), side.get("subnet_id").id(&[]));
    match (acl, subnet) {
        (Some(acl), Some(subnet)) => vec![Fact::AclSubnet { acl, subnet }],
        _ => {
            side.view.problem("names no network ACL or no subnet");
            Vec::new()
        }
    }
}
