//! What subnets, gateways and interfaces are associated with, and the API endpoints of clusters.

use std::collections::BTreeMap;

use reach_model::change::{
    AssociateRouteTable, AttributeValue, Change, ClusterAccess, DisassociateRouteTable,
    ModifyNetworkInterfaceAttribute, ReplaceNetworkAclAssociation, ReplaceRouteTableAssociation, UpdateClusterConfig,
    unknown_id,
};
use reach_model::network::{AssociatedWith, MadeKind, Ref};

use super::Builder;
use crate::fact::{Fact, Id};

/// An association of a route table in the network: its id, and the table's.
type Live = Option<(String, String)>;

impl Builder<'_> {
    pub(super) fn associate(&mut self) {
        self.modify_endpoints();
        self.main_tables();
        self.tables();
        self.acls();
        self.interfaces();
        self.unknown_acls();
        self.clusters();
    }

    fn live_table(&self, is: impl Fn(&AssociatedWith) -> bool) -> Live {
        self.network.route_tables.iter().find_map(|(_, table)| {
            let own = table.associations.iter().find(|own| is(&own.with))?;
            Some((own.id.to_string(), table.id.to_string()))
        })
    }

    fn main_tables(&mut self) {
        let main_of = |builder: &Self, vpc: &str| -> Live {
            builder.network.route_tables.iter().find_map(|(_, table)| {
                let of = table.vpc.as_ref().is_some_and(|own| own.id(&builder.network.vpcs).as_str() == vpc);
                let own = table.associations.iter().find(|own| of && own.with == AssociatedWith::Main)?;
                Some((own.id.to_string(), table.id.to_string()))
            })
        };
        let mut wanted: Vec<(usize, Id, String)> = Vec::new();
        for turn in self.come(|fact| matches!(fact, Fact::TableMain { .. })) {
            let Fact::TableMain { table, vpc, .. } = turn.fact else { continue };
            let table = self.text(&table);
            match table {
                Some(table) => wanted.push((turn.resource, vpc, table)),
                None => self.leave_out(turn.resource, "which table becomes the main one is known after apply"),
            }
        }
        for turn in self.gone(|fact| matches!(fact, Fact::TableMain { .. })) {
            let Fact::TableMain { vpc, original, .. } = turn.fact else { continue };
            if wanted.iter().any(|(_, own, _)| *own == vpc) {
                continue;
            }
            match original {
                // Terraform gives the VPC back the table that it found.
                Some(original) => wanted.push((turn.resource, vpc, original)),
                None => self.leave_out(turn.resource, "which table becomes the main one again is not in the plan"),
            }
        }
        for (position, vpc, table) in wanted {
            let Some(vpc) = self.subject(position, &vpc, "VPC") else { continue };
            let Some((association_id, now)) = main_of(self, &vpc) else {
                self.leave_out(position, format!("the association of {vpc}'s main table is not in the snapshot"));
                continue;
            };
            if now == table {
                continue;
            }
            let input = ReplaceRouteTableAssociation { association_id, route_table_id: table };
            self.push(position, Change::ReplaceRouteTableAssociation(input));
        }
    }

    /// Tables of subnets and of gateways.
    fn tables(&mut self) {
        let is = |fact: &Fact| matches!(fact, Fact::TableSubnet { .. } | Fact::TableGateway { .. });
        let parts = |fact: Fact| match fact {
            Fact::TableSubnet { table, subnet } => Some((table, subnet, true)),
            Fact::TableGateway { table, gateway } => Some((table, gateway, false)),
            _ => None,
        };
        let with = |text: &str, subnet: bool| {
            let text = text.to_owned();
            move |with: &AssociatedWith| match with {
                AssociatedWith::Subnet(own) => subnet && own.as_str() == text,
                AssociatedWith::Gateway(own) => !subnet && **own == *text,
                AssociatedWith::Main => false,
            }
        };
        let come: Vec<(usize, Id, Id, bool)> = self
            .come(is)
            .into_iter()
            .filter_map(|turn| parts(turn.fact).map(|(table, of, subnet)| (turn.resource, table, of, subnet)))
            .collect();
        let mut freed: Vec<Id> = Vec::new();
        for turn in self.gone(is) {
            let Some((_, of, subnet)) = parts(turn.fact) else { continue };
            freed.push(of.clone());
            if come.iter().any(|(_, _, new, _)| *new == of) {
                continue;
            }
            let Some(text) = self.subject(turn.resource, &of, "subnet") else { continue };
            match self.live_table(with(&text, subnet)) {
                Some((association_id, _)) => {
                    let input = DisassociateRouteTable { association_id };
                    self.push(turn.resource, Change::DisassociateRouteTable(input));
                }
                None => self.gone_already(turn.resource, &format!("the association of {text}")),
            }
        }
        for (position, table, of, subnet) in come {
            let Some(text) = self.subject(position, &of, "subnet") else { continue };
            if subnet && self.network.subnets.find_text(&text).is_none() {
                self.gone_already(position, &text);
                continue;
            }
            let live = self.live_table(with(&text, subnet));
            let known = self.text(&table);
            let table = self.text_or_unknown(&table, "rtb-");
            let real = self.real(MadeKind::RouteTable, &table).to_owned();
            match live {
                Some((_, now)) if now == real => continue,
                Some((association_id, _)) if freed.contains(&of) && known.is_some() => {
                    let input = ReplaceRouteTableAssociation { association_id, route_table_id: table };
                    self.push(position, Change::ReplaceRouteTableAssociation(input));
                    continue;
                }
                Some((association_id, _)) if freed.contains(&of) => {
                    let input = DisassociateRouteTable { association_id };
                    self.push(position, Change::DisassociateRouteTable(input));
                }
                _ => {}
            }
            let (subnet_id, gateway_id) = if subnet { (Some(text), None) } else { (None, Some(text)) };
            let input = AssociateRouteTable { route_table_id: table, subnet_id, gateway_id };
            self.push(position, Change::AssociateRouteTable(input));
        }
    }

    /// The association of a subnet with a network ACL: its id, and the ACL's.
    fn live_acl(&self, subnet: &str) -> Live {
        self.network.acls.iter().find_map(|(_, acl)| {
            let own = acl.associations.iter().find(|own| own.subnet.as_str() == subnet)?;
            Some((own.id.to_string(), acl.id.to_string()))
        })
    }

    fn move_subnet(&mut self, position: usize, subnet: &str, acl: String) {
        let Some((association_id, now)) = self.live_acl(subnet) else {
            self.leave_out(
                position,
                format!("the association of {subnet} with its network ACL is not in the snapshot"),
            );
            return;
        };
        if now == self.real(MadeKind::NetworkAcl, &acl) {
            return;
        }
        let input = ReplaceNetworkAclAssociation { association_id, network_acl_id: acl };
        self.push(position, Change::ReplaceNetworkAclAssociation(input));
    }

    fn acls(&mut self) {
        let come = self.come(|fact| matches!(fact, Fact::AclSubnet { .. }));
        for turn in self.gone(|fact| matches!(fact, Fact::AclSubnet { .. })) {
            let Fact::AclSubnet { acl, subnet } = turn.fact else { continue };
            let taken =
                come.iter().any(|turn| matches!(&turn.fact, Fact::AclSubnet { subnet: own, .. } if *own == subnet));
            if taken {
                continue;
            }
            let Some(subnet) = self.subject(turn.resource, &subnet, "subnet") else { continue };
            let here = self.live_acl(&subnet).map(|(_, acl)| acl);
            if here != self.text(&acl) {
                self.gone_already(turn.resource, &format!("the association of {subnet}"));
                continue;
            }
            // A subnet always has one: it falls back to the VPC's default.
            let vpc = self.network.subnets.find_text(&subnet).and_then(|idx| {
                let vpc = self.network.subnets.get(idx).vpc.as_ref().and_then(Ref::known)?;
                let acl = self.network.vpcs.get(vpc).default_acl?;
                Some(self.network.acls.get(acl).id.to_string())
            });
            match vpc {
                Some(default) => self.move_subnet(turn.resource, &subnet, default),
                None => self.leave_out(turn.resource, "the VPC's default network ACL is not in the snapshot"),
            }
        }
        for turn in come {
            let Fact::AclSubnet { acl, subnet } = turn.fact else { continue };
            let Some(subnet) = self.subject(turn.resource, &subnet, "subnet") else { continue };
            let acl = self.text_or_unknown(&acl, "acl-");
            self.move_subnet(turn.resource, &subnet, acl);
        }
    }

    /// Network ACLs with an entry that is known after apply: what they let pass is not known, and so what passes into
    /// their subnets and out of them.
    fn unknown_acls(&mut self) {
        for turn in self.come(|fact| matches!(fact, Fact::Entry { entry: None, .. })) {
            let Fact::Entry { acl, .. } = turn.fact else { continue };
            let Some(text) = self.subject(turn.resource, &acl, "network ACL") else { continue };
            let Some(idx) = self.network.acls.find_text(self.real(MadeKind::NetworkAcl, &text)) else { continue };
            let acl = self.network.acls.get(idx);
            let listed: Vec<String> = acl.associations.iter().map(|own| own.subnet.to_string()).collect();
            let using = self.network.subnets.iter().filter(|(_, subnet)| subnet.acl == Some(idx)).count();
            if using > listed.len() {
                self.leave_out(
                    turn.resource,
                    "an entry is known after apply, and the snapshot does not say which associations the network ACL has",
                );
            }
            for subnet in listed {
                self.move_subnet(turn.resource, &subnet, unknown_id("acl-", &text));
            }
        }
    }

    /// Groups and checks of interfaces.
    fn interfaces(&mut self) {
        // By interface: who changes it, and the groups that it has afterwards.
        let mut wanted: BTreeMap<String, (usize, Vec<String>)> = BTreeMap::new();
        for turn in self.come(|fact| matches!(fact, Fact::InterfaceGroups { .. } | Fact::InstanceGroups { .. })) {
            let (id, groups) = match turn.fact {
                Fact::InterfaceGroups { interface: Id::Known(id), groups } => (Some(id), groups),
                Fact::InstanceGroups { instance: Id::Known(id), groups } => (self.primary(turn.resource, &id), groups),
                _ => continue,
            };
            let Some(id) = id else { continue };
            let texts = groups.iter().map(|group| self.text_or_unknown(group, "sg-")).collect();
            wanted.insert(id, (turn.resource, texts));
        }
        for (side, turns) in [
            self.gone(|fact| matches!(fact, Fact::InterfaceGroup { .. })),
            self.come(|fact| matches!(fact, Fact::InterfaceGroup { .. })),
        ]
        .into_iter()
        .enumerate()
        {
            for turn in turns {
                let Fact::InterfaceGroup { interface, group } = turn.fact else { continue };
                let Some(id) = self.subject(turn.resource, &interface, "interface") else { continue };
                let group = self.text_or_unknown(&group, "sg-");
                let live = self.groups_of(&id);
                let (_, groups) = wanted.entry(id).or_insert((turn.resource, live));
                if side == 0 {
                    groups.retain(|own| *own != group);
                } else if !groups.contains(&group) {
                    groups.push(group);
                }
            }
        }
        for (id, (position, groups)) in wanted {
            if self.network.interfaces.find_text(&id).is_none() {
                self.gone_already(position, &id);
                continue;
            }
            let sorted = |groups: &[String]| {
                let mut groups: Vec<String> =
                    groups.iter().map(|group| self.real(MadeKind::SecurityGroup, group).to_owned()).collect();
                groups.sort();
                groups.dedup();
                groups
            };
            if sorted(&groups) == sorted(&self.groups_of(&id)) {
                continue;
            }
            let input = ModifyNetworkInterfaceAttribute {
                network_interface_id: id,
                groups: Some(groups),
                ..ModifyNetworkInterfaceAttribute::default()
            };
            self.push(position, Change::ModifyNetworkInterfaceAttribute(input));
        }
        for turn in self.come(|fact| matches!(fact, Fact::SourceDestCheck { .. })) {
            let Fact::SourceDestCheck { of: Id::Known(id), on } = turn.fact else { continue };
            let id = if id.starts_with("i-") { self.primary(turn.resource, &id) } else { Some(id) };
            let Some(id) = id else { continue };
            let Some(idx) = self.network.interfaces.find_text(&id) else {
                self.gone_already(turn.resource, &id);
                continue;
            };
            if self.network.interfaces.get(idx).source_dest_check == on {
                continue;
            }
            let input = ModifyNetworkInterfaceAttribute {
                network_interface_id: id,
                source_dest_check: Some(AttributeValue { value: on }),
                ..ModifyNetworkInterfaceAttribute::default()
            };
            self.push(turn.resource, Change::ModifyNetworkInterfaceAttribute(input));
        }
    }

    fn groups_of(&self, interface: &str) -> Vec<String> {
        let idx = self.network.interfaces.find_text(interface);
        let groups = idx.map(|idx| self.network.interfaces.get(idx).groups.iter());
        groups.into_iter().flatten().map(|group| group.id(&self.network.groups).to_string()).collect()
    }

    /// The primary interface of an instance.
    fn primary(&mut self, position: usize, instance: &str) -> Option<String> {
        let found = self.network.instances.find_text(instance).and_then(|idx| {
            let first = self.network.instances.get(idx).interfaces.first()?;
            Some(self.network.interfaces.get(*first).id.to_string())
        });
        if found.is_none() {
            self.gone_already(position, instance);
        }
        found
    }

    fn clusters(&mut self) {
        for turn in self.come(|fact| matches!(fact, Fact::Cluster { .. })) {
            let Fact::Cluster { name, public, private, cidrs } = turn.fact else { continue };
            let Some(idx) = self.network.clusters.find_text(&name) else {
                self.gone_already(turn.resource, &name);
                continue;
            };
            let live = self.network.clusters.get(idx);
            let mut now = live.public_access_cidrs.clone();
            now.sort();
            let access = ClusterAccess {
                endpoint_public_access: public.filter(|on| *on != live.public_access),
                endpoint_private_access: private.filter(|on| *on != live.private_access),
                public_access_cidrs: cidrs
                    .filter(|cidrs| *cidrs != now)
                    .map(|cidrs| cidrs.iter().map(ToString::to_string).collect()),
            };
            if access == ClusterAccess::default() {
                continue;
            }
            let input = UpdateClusterConfig { name, resources_vpc_config: access };
            self.push(turn.resource, Change::UpdateClusterConfig(input));
        }
    }
}
