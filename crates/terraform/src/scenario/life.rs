//! What is made first and deleted last.

use reach_model::change::{
    Change, CreateManagedPrefixList, CreateNetworkAcl, CreateRouteTable, CreateSecurityGroup, DeleteManagedPrefixList,
    DeleteNetworkAcl, DeleteRouteTable, DeleteSecurityGroup, GroupRules, Tag, TagSpecification,
};
use reach_model::network::{MadeKind, Peer, Ref};

use super::Builder;
use super::filter::permissions;
use crate::document::Action;
use crate::fact::{Fact, Id};

fn named(kind: &str, name: &str) -> Vec<TagSpecification> {
    let tags = vec![Tag { key: "Name".to_owned(), value: Some(name.to_owned()) }];
    vec![TagSpecification { resource_type: kind.to_owned(), tags }]
}

impl Builder<'_> {
    /// The VPC that something is made in, where the network has it.
    fn place(&mut self, position: usize, address: &str, vpc: Option<&Id>) -> Option<String> {
        let known = vpc.and_then(|vpc| self.text(vpc)).filter(|vpc| self.network.vpcs.find_text(vpc).is_some());
        if known.is_none() {
            self.not_made.insert(address.to_owned());
            self.leave_out(position, "it is made in a VPC that is not in the snapshot");
        }
        known
    }

    /// Groups, network ACLs, tables and prefix lists that are new, and those that are taken over.
    pub(super) fn make(&mut self) {
        for turn in self.come(|fact| matches!(fact, Fact::DefaultGroup { .. })) {
            let Fact::DefaultGroup { id: Id::Made(address), vpc } = &turn.fact else { continue };
            let vpc = vpc.as_ref().and_then(|vpc| self.text(vpc));
            let found = self.network.groups.iter().find(|(_, group)| {
                let own = group.vpc.as_ref().map(|vpc| vpc.id(&self.network.vpcs).as_str());
                group.name.as_deref() == Some("default") && own.is_some() && own == vpc.as_deref()
            });
            match found.map(|(_, group)| group.id.to_string()) {
                Some(id) => {
                    self.taken_over.insert(address.clone(), id);
                }
                None => {
                    self.not_made.insert(address.clone());
                    self.leave_out(turn.resource, "the VPC's default group is not in the snapshot");
                }
            }
        }
        for turn in self
            .come(|fact| matches!(fact, Fact::Group { .. } | Fact::Acl { .. } | Fact::Table { .. } | Fact::List { .. }))
        {
            let position = turn.resource;
            match &turn.fact {
                Fact::Group { id: Id::Made(address), vpc } => {
                    let Some(vpc_id) = self.place(position, address, vpc.as_ref()) else { continue };
                    self.make_group(position, address, vpc_id);
                }
                Fact::Acl { id: Id::Made(address), vpc } => {
                    let Some(vpc_id) = self.place(position, address, vpc.as_ref()) else { continue };
                    let tag_specifications = named("network-acl", address);
                    let input = CreateNetworkAcl { vpc_id, tag_specifications };
                    self.made(position, address, Change::CreateNetworkAcl(input));
                }
                Fact::Table { id: Id::Made(address), vpc } => {
                    let Some(vpc_id) = self.place(position, address, vpc.as_ref()) else { continue };
                    let tag_specifications = named("route-table", address);
                    let input = CreateRouteTable { vpc_id, tag_specifications };
                    self.made(position, address, Change::CreateRouteTable(input));
                }
                Fact::List { id: Id::Made(address), family, max } => {
                    let input = CreateManagedPrefixList {
                        prefix_list_name: address.clone(),
                        address_family: family.clone().unwrap_or_else(|| "IPv4".to_owned()),
                        max_entries: max.unwrap_or(1000),
                        entries: Vec::new(),
                    };
                    self.made(position, address, Change::CreateManagedPrefixList(input));
                }
                _ => {}
            }
        }
    }

    fn made(&mut self, position: usize, address: &str, change: Change) -> bool {
        let made = self.push(position, change);
        if !made {
            self.not_made.insert(address.to_owned());
        }
        made
    }

    /// A group has no rules but those of the plan: Terraform revokes the ones that AWS gives it.
    fn make_group(&mut self, position: usize, address: &str, vpc_id: String) {
        let input = CreateSecurityGroup {
            group_name: address.to_owned(),
            description: "Managed by Terraform".to_owned(),
            vpc_id,
        };
        if !self.made(position, address, Change::CreateSecurityGroup(input)) {
            return;
        }
        let name = format!("new:{address}");
        let real = self.real(MadeKind::SecurityGroup, &name);
        let Some(idx) = self.network.groups.find_text(real) else { return };
        let nets = self.network.groups.get(idx).egress.iter().filter_map(|rule| match &rule.peer {
            Peer::Cidr(net) => Some((crate::fact::Header::whole(None), crate::fact::Peer::Cidr(*net))),
            _ => None,
        });
        let rules: Vec<_> = nets.collect();
        let ip_permissions = permissions(self, &rules);
        let input = GroupRules { group_id: name, ip_permissions, ..GroupRules::default() };
        self.push(position, Change::RevokeSecurityGroupEgress(input));
    }

    /// Groups, network ACLs, tables and prefix lists that go.
    pub(super) fn delete(&mut self) {
        self.delete_groups();
        for turn in self.gone(|fact| matches!(fact, Fact::Acl { .. } | Fact::Table { .. } | Fact::List { .. })) {
            let change = match &turn.fact {
                Fact::Acl { id: Id::Known(id), .. } if self.ends(turn.resource) => {
                    if self.network.acls.find_text(id).is_none() {
                        self.gone_already(turn.resource, id);
                        continue;
                    }
                    Change::DeleteNetworkAcl(DeleteNetworkAcl { network_acl_id: id.clone() })
                }
                Fact::Table { id: Id::Known(id), .. } if self.ends(turn.resource) => {
                    if self.network.route_tables.find_text(id).is_none() {
                        self.gone_already(turn.resource, id);
                        continue;
                    }
                    Change::DeleteRouteTable(DeleteRouteTable { route_table_id: id.clone() })
                }
                Fact::List { id: Id::Known(id), .. } if self.ends(turn.resource) => {
                    if self.network.prefix_lists.find_text(id).is_none() {
                        self.gone_already(turn.resource, id);
                        continue;
                    }
                    Change::DeleteManagedPrefixList(DeleteManagedPrefixList { prefix_list_id: id.clone() })
                }
                _ => continue,
            };
            self.push(turn.resource, change);
        }
    }

    /// Whether the resource that stood before is deleted: not where only a setting of it changes.
    fn ends(&self, position: usize) -> bool {
        self.resource(position).is_some_and(|resource| resource.actions.contains(&Action::Delete))
    }

    pub(super) fn gone_already(&mut self, position: usize, id: &str) {
        let text =
            format!("the snapshot does not hold {id} any more, or not yet: it may be older or newer than the state");
        self.remark(position, text);
    }

    /// Groups that no other group to be deleted names go first; rules of a circle are revoked.
    fn delete_groups(&mut self) {
        let mut left: Vec<(usize, String)> = Vec::new();
        for turn in self.gone(|fact| matches!(fact, Fact::Group { .. })) {
            let Fact::Group { id: Id::Known(id), .. } = &turn.fact else { continue };
            if !self.ends(turn.resource) {
                continue;
            }
            if self.network.groups.find_text(id).is_none() {
                self.gone_already(turn.resource, id);
            } else {
                left.push((turn.resource, id.clone()));
            }
        }
        while !left.is_empty() {
            let named = |id: &str| {
                let idx = self.network.groups.find_text(id);
                left.iter().filter(|(_, other)| other != id).any(|(_, other)| {
                    let other = self.network.groups.find_text(other).map(|idx| self.network.groups.get(idx));
                    other.is_some_and(|other| {
                        other.ingress.iter().chain(&other.egress).any(|rule| {
                            matches!(&rule.peer, Peer::Group(peer) if idx.is_some_and(|idx| peer.group == Ref::Known(idx)))
                        })
                    })
                })
            };
            let next = left.iter().position(|(_, id)| !named(id)).unwrap_or(0);
            let (position, id) = left.remove(next);
            self.push(position, Change::DeleteSecurityGroup(DeleteSecurityGroup { group_id: id }));
        }
    }
}
