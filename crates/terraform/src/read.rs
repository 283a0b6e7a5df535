//! Readers of the kinds of resources that are understood: from the values of a plan to facts.

mod acls;
mod endpoints;
mod groups;
mod interfaces;
mod lists;
mod routes;

use crate::fact::{Fact, Id};
use crate::value::{Field, View};

pub(crate) const GROUPS: &[&str] = &["aws_security_group", "aws_default_security_group"];
pub(crate) const ACLS: &[&str] = &["aws_network_acl", "aws_default_network_acl"];
pub(crate) const TABLES: &[&str] = &["aws_route_table", "aws_default_route_table"];
pub(crate) const LISTS: &[&str] = &["aws_ec2_managed_prefix_list"];
pub(crate) const ENDPOINTS: &[&str] = &["aws_vpc_endpoint"];

/// What the plan does with the resource that is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stage {
    pub(crate) created: bool,
    pub(crate) deleted: bool,
}

/// One side of a change, to be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Side<'v, 'p> {
    pub(crate) view: &'v View<'p>,
    /// The values before, where `view` is those after.
    pub(crate) old: Option<&'v View<'p>>,
    /// Whether `view` is the values after.
    pub(crate) now: bool,
    pub(crate) stage: Stage,
}

impl<'p> Side<'_, 'p> {
    fn get(&self, key: &str) -> View<'p> {
        self.view.get(key)
    }

    /// The id of the resource itself.
    fn own(&self) -> Option<Id> {
        if self.now && self.stage.created {
            return Some(Id::Made(self.view.context.address.to_owned()));
        }
        let id = self.get("id").text().known().or_else(|| self.old?.get("id").text().known());
        if id.is_none() {
            self.get("id").problem("is missing");
        }
        id.map(Id::Known)
    }

    /// Whether the resource only goes: not when it is replaced.
    fn goes(&self) -> bool {
        self.stage.deleted && !self.stage.created
    }

    /// Notes values that change and that are not part of the facts.
    fn leave_out_changes(&self, keys: &[&str], why: &str) {
        let (true, Some(old)) = (self.now, self.old) else { return };
        for key in keys {
            let (old, new) = (old.get(key), self.get(key));
            if new.holds_unknown() || !new.same_value(&old) {
                self.view.context.leave_out(format!("{key} changes: {why}"));
            }
        }
    }
}

type Reader = fn(Side<'_, '_>) -> Vec<Fact>;

fn reader(kind: &str) -> Option<Reader> {
    Some(match kind {
        "aws_security_group" => groups::group,
        "aws_default_security_group" => groups::default_group,
        "aws_security_group_rule" => groups::rule,
        "aws_vpc_security_group_ingress_rule" => groups::ingress_rule,
        "aws_vpc_security_group_egress_rule" => groups::egress_rule,
        "aws_network_acl" => acls::acl,
        "aws_default_network_acl" => acls::default_acl,
        "aws_network_acl_rule" => acls::rule,
        "aws_network_acl_association" => acls::association,
        "aws_route_table" => routes::table,
        "aws_default_route_table" => routes::default_table,
        "aws_route" => routes::route,
        "aws_route_table_association" => routes::association,
        "aws_main_route_table_association" => routes::main_association,
        "aws_network_interface" => interfaces::interface,
        "aws_network_interface_sg_attachment" => interfaces::attachment,
        "aws_instance" => interfaces::instance,
        "aws_vpc_endpoint" => endpoints::endpoint,
        "aws_vpc_endpoint_route_table_association" => endpoints::table_association,
        "aws_vpc_endpoint_security_group_association" => endpoints::group_association,
        "aws_vpc_endpoint_subnet_association" => endpoints::subnet_association,
        "aws_ec2_managed_prefix_list" => lists::list,
        "aws_ec2_managed_prefix_list_entry" => lists::entry,
        "aws_eks_cluster" => endpoints::cluster,
        _ => return None,
    })
}

/// Whether resources of this kind are read.
pub(crate) fn understands(kind: &str) -> bool {
    reader(kind).is_some()
}

/// The facts of one side of a resource's change.
pub(crate) fn facts(kind: &str, view: &View<'_>, old: Option<&View<'_>>, now: bool, stage: Stage) -> Vec<Fact> {
    reader(kind).map_or_else(Vec::new, |read| read(Side { view, old, now, stage }))
}

/// The number of a protocol; `None` is all of them.
fn protocol(view: &View<'_>) -> Field<Option<u8>> {
    let text = match view.text() {
        Field::Known(text) => text.to_ascii_lowercase(),
        Field::Unknown => return Field::Unknown,
        Field::Absent => return Field::Absent,
    };
    let number = match &*text {
        "-1" | "all" => return Field::Known(None),
        "icmp" => Some(1),
        "igmp" => Some(2),
        "ipv4" => Some(4),
        "tcp" => Some(6),
        "udp" => Some(17),
        "gre" => Some(47),
        "esp" => Some(50),
        "ah" => Some(51),
        "icmpv6" | "ipv6-icmp" => Some(58),
        "ospf" => Some(89),
        "sctp" => Some(132),
        other => other.parse::<u8>().ok(),
    };
    match number {
        Some(number) => Field::Known(Some(number)),
        None => {
            view.problem("is not a protocol: -1, tcp, udp, icmp, icmpv6 or a number");
            Field::Unknown
        }
    }
}
