//! Groups and checks of network interfaces and instances.

use super::{GROUPS, Side};
use crate::fact::{Fact, Id};
use crate::value::Field;

const NEW: &str = "a new interface is not an endpoint of the snapshot, so its own flows are not told";
const GONE: &str = "its interfaces go away, and their flows with them: that is not part of the answer";
const PLACE: &str = "where an interface is and which addresses it has are not part of the changes";

/// Notes what of an interface's life is not told; whether it stays.
fn stays(side: Side<'_, '_>) -> bool {
    if side.stage.created && side.now {
        side.view.context.leave_out(NEW);
    }
    if side.stage.deleted && !side.now {
        side.view.context.leave_out(GONE);
    }
    !side.stage.created && !side.stage.deleted
}

/// `aws_network_interface`
pub(super) fn interface(side: Side<'_, '_>) -> Vec<Fact> {
    if !stays(side) {
        return Vec::new();
    }
    let Some(own) = side.own() else { return Vec::new() };
    let mut facts = Vec::new();
    if let Some(groups) = side.get("security_groups").ids(GROUPS) {
        facts.push(Fact::InterfaceGroups { interface: own.clone(), groups });
    }
    facts.extend(check(side, &own));
    let keys = ["subnet_id", "private_ips", "ipv6_addresses", "ipv4_prefixes", "ipv6_prefixes", "attachment"];
    side.leave_out_changes(&keys, PLACE);
    facts
}

fn check(side: Side<'_, '_>, own: &Id) -> Option<Fact> {
    match side.get("source_dest_check").flag() {
        Field::Known(on) => Some(Fact::SourceDestCheck { of: own.clone(), on }),
        Field::Unknown => {
            side.view.context.leave_out("source_dest_check is known after apply");
            None
        }
        Field::Absent => None,
    }
}

/// `aws_network_interface_sg_attachment`
pub(super) fn attachment(side: Side<'_, '_>) -> Vec<Fact> {
    let group = side.get("security_group_id").id(GROUPS);
    let interface = side.get("network_interface_id").id(&[]);
    match (interface, group) {
        (Some(interface), Some(group)) => vec![Fact::InterfaceGroup { interface, group }],
        _ => {
            side.view.problem("names no interface or no group");
            Vec::new()
        }
    }
}

/// `aws_instance`
pub(super) fn instance(side: Side<'_, '_>) -> Vec<Fact> {
    if !stays(side) {
        return Vec::new();
    }
    let Some(own) = side.own() else { return Vec::new() };
    let mut facts = Vec::new();
    if let Some(groups) = side.get("vpc_security_group_ids").ids(GROUPS) {
        facts.push(Fact::InstanceGroups { instance: own.clone(), groups });
    }
    facts.extend(check(side, &own));
    side.leave_out_changes(&["subnet_id", "private_ip", "secondary_private_ips", "ipv6_addresses"], PLACE);
    facts
}
