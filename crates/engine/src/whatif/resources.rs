//! What differs between the resources of two networks, by kind and id, and which of it stands at the gates of a flow.
//!
//! Compared are security groups, network ACLs, route tables, subnets, interfaces, prefix lists, endpoints, gateways,
//! peerings and clusters: what each of them says, not what it is called. Numbers of one network mean nothing in the other,
//! so that everything is compared as text, with ids.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use reach_model::Network;
use reach_model::network::{
    Destination, Idx, NetworkAclEntry, NetworkInterface, Peer, Ref, Resource, Route, RouteTarget, RuleProtocol, Table,
};

use super::{Difference, End, FlowSet};
use crate::explain::rule_text;

/// A resource that is not the same in both networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceChange {
    /// `security group`, `network ACL`, …
    pub kind: &'static str,
    pub id: String,
    /// Whether the first network has it.
    pub before: bool,
    /// Whether the second network has it.
    pub after: bool,
    /// What it says no more, and what it says now; empty where all of it is new or gone and says nothing.
    pub parts: Vec<Part>,
}

/// One thing that a resource says: a rule, an entry, a route, a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Whether it came; else it went.
    pub added: bool,
    pub text: String,
}

/// All resources that differ, by kind in a fixed order, then by id. O(size of both networks).
pub fn resource_changes(before: &Network, after: &Network) -> Vec<ResourceChange> {
    let mut changes = Changes { before, after, found: Vec::new() };
    changes.compare(
        "security group",
        |network| &network.groups,
        |network, group| {
            let sides = [("ingress", &group.ingress), ("egress", &group.egress)];
            let rules = sides.into_iter().flat_map(|(way, rules)| rules.iter().map(move |rule| (way, rule)));
            rules.map(|(way, rule)| format!("{way} {}", rule_text(network, rule))).collect()
        },
    );
    changes.compare("network ACL", |network| &network.acls, |_, acl| acl.entries.iter().map(entry_text).collect());
    changes.compare(
        "route table",
        |network| &network.route_tables,
        |network, table| {
            let routes = table.routes.iter().map(|route| route_text(network, route));
            routes.chain(table.gateways.iter().map(|gateway| format!("gateway {gateway}"))).collect()
        },
    );
    changes.compare(
        "subnet",
        |network| &network.subnets,
        |network, subnet| {
            let acl = subnet.acl.map(|acl| format!("network ACL {}", network.acls.get(acl).id));
            let table = subnet.route_table.map(|table| format!("route table {}", network.route_tables.get(table).id));
            let v4 = subnet.cidr_v4.iter().map(ToString::to_string);
            let v6 = subnet.cidrs_v6.iter().map(ToString::to_string);
            let block = subnet.block_public_access.map(|mode| format!("block public access {mode:?}"));
            acl.into_iter().chain(table).chain(v4).chain(v6).chain(block).collect()
        },
    );
    changes.compare("network interface", |network| &network.interfaces, interface_text);
    changes.compare(
        "prefix list",
        |network| &network.prefix_lists,
        |_, list| match &list.cidrs {
            Some(cidrs) => cidrs.iter().map(ToString::to_string).collect(),
            None => vec!["entries that were not collected".to_owned()],
        },
    );
    changes.compare(
        "VPC endpoint",
        |network| &network.endpoints,
        |network, endpoint| {
            let mut parts = vec![format!("{:?} for {}", endpoint.kind, endpoint.service)];
            parts.extend(endpoint.available.then(|| "available".to_owned()));
            parts.extend(endpoint.private_dns.then(|| "private DNS".to_owned()));
            let interfaces = endpoint.interfaces.iter().map(|own| format!("interface {}", own.id(&network.interfaces)));
            parts.extend(interfaces);
            parts
        },
    );
    changes.compare(
        "NAT gateway",
        |network| &network.nat_gateways,
        |_, gateway| {
            let addresses = gateway.addresses.iter();
            let addresses = addresses.map(|own| match own.public {
                Some(public) => format!("address {} as {public}", own.private),
                None => format!("address {}", own.private),
            });
            std::iter::once(format!("state {}", gateway.state)).chain(addresses).collect()
        },
    );
    changes.compare("internet gateway", |network| &network.internet_gateways, |_, gateway| attached(&gateway.vpcs));
    changes.compare(
        "egress-only internet gateway",
        |network| &network.egress_only_gateways,
        |_, gateway| attached(&gateway.vpcs),
    );
    changes.compare(
        "VPC peering connection",
        |network| &network.peerings,
        |_, peering| vec![format!("status {}", peering.status)],
    );
    changes.compare(
        "cluster",
        |network| &network.clusters,
        |_, cluster| {
            let mut parts = Vec::new();
            parts.extend(cluster.public_access.then(|| "public access".to_owned()));
            parts.extend(cluster.private_access.then(|| "private access".to_owned()));
            parts.extend(cluster.public_access_cidrs.iter().map(|cidr| format!("public access from {cidr}")));
            parts
        },
    );
    changes.found
}

struct Changes<'n> {
    before: &'n Network,
    after: &'n Network,
    found: Vec<ResourceChange>,
}

impl<'n> Changes<'n> {
    fn compare<T: Resource + 'n>(
        &mut self,
        kind: &'static str,
        table: impl Fn(&'n Network) -> &'n Table<T>,
        parts: impl Fn(&Network, &T) -> Vec<String>,
    ) where
        T::Id: ToString,
    {
        let read = |network: &'n Network| -> BTreeMap<String, BTreeSet<String>> {
            let own = table(network);
            let held = own.iter().filter(|(idx, _)| own.holds(*idx));
            held.map(|(_, item)| (item.id().to_string(), parts(network, item).into_iter().collect())).collect()
        };
        let (old, new) = (read(self.before), read(self.after));
        let nothing = BTreeSet::new();
        let ids: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        for id in ids {
            let (was, is) = (old.get(id), new.get(id));
            if was == is {
                continue;
            }
            let gone = was.unwrap_or(&nothing).difference(is.unwrap_or(&nothing));
            let come = is.unwrap_or(&nothing).difference(was.unwrap_or(&nothing));
            let part = |added: bool| move |text: &String| Part { added, text: text.clone() };
            let parts = gone.map(part(false)).chain(come.map(part(true))).collect();
            self.found.push(ResourceChange { kind, id: id.clone(), before: was.is_some(), after: is.is_some(), parts });
        }
    }
}

fn attached(vpcs: &[impl ToString]) -> Vec<String> {
    vpcs.iter().map(|vpc| format!("attached to {}", vpc.to_string())).collect()
}

fn entry_text(entry: &NetworkAclEntry) -> String {
    let protocol = match entry.protocol {
        RuleProtocol::Any => "all".to_owned(),
        RuleProtocol::Number(protocol) if protocol.name().is_some() => protocol.to_string(),
        RuleProtocol::Number(protocol) => format!("protocol {protocol}"),
    };
    let part = |part: Option<u8>| part.map_or_else(|| "*".to_owned(), |part| part.to_string());
    let ports = match (entry.ports, entry.icmp) {
        (Some((low, high)), _) if low == high => format!(" {low}"),
        (Some((low, high)), _) => format!(" {low}-{high}"),
        (None, Some((kind, code))) => format!(" {}/{}", part(kind), part(code)),
        (None, None) => String::new(),
    };
    let action = if entry.allow { "allow" } else { "deny" };
    format!("{} {} {action} {protocol}{ports} {}", entry.direction.as_str(), entry.number, entry.cidr)
}

fn route_text(network: &Network, route: &Route) -> String {
    let destination = match &route.destination {
        Destination::Cidr(net) => net.to_string(),
        Destination::PrefixList(list) => list.id(&network.prefix_lists).to_string(),
    };
    let target = route.target.name(network).unwrap_or_else(|| "nothing".to_owned());
    format!("{destination} to {target} ({})", state(&route.state))
}

fn state(state: &impl Debug) -> String {
    format!("{state:?}").to_ascii_lowercase()
}

fn interface_text(network: &Network, interface: &NetworkInterface) -> Vec<String> {
    let mut parts: Vec<String> =
        interface.groups.iter().map(|group| format!("group {}", group.id(&network.groups))).collect();
    parts.extend(interface.addresses.iter().map(|own| match own.public {
        Some(public) => format!("address {} as {public}", own.ip),
        None => format!("address {}", own.ip),
    }));
    parts.extend(interface.prefixes.iter().map(|net| format!("prefix {net}")));
    parts.extend(interface.subnet.iter().map(|subnet| format!("subnet {}", subnet.id(&network.subnets))));
    if !interface.source_dest_check {
        parts.push("no source/destination check".to_owned());
    }
    parts.extend(interface.status.iter().map(|status| format!("status {status}")));
    parts
}

/// The ids of everything that decides about the packets of one interface where they leave it or come to it: itself, its
/// groups, its subnet, the subnet's network ACL and route table, and the prefix lists and targets that those name.
fn gates(network: &Network, idx: Idx<NetworkInterface>, out: &mut BTreeSet<String>) {
    let interface = network.interfaces.get(idx);
    out.insert(interface.id.to_string());
    for group in &interface.groups {
        out.insert(group.id(&network.groups).to_string());
        let Some(group) = group.known() else { continue };
        let group = network.groups.get(group);
        for rule in group.ingress.iter().chain(&group.egress) {
            if let Peer::PrefixList(list) = &rule.peer {
                out.insert(list.id(&network.prefix_lists).to_string());
            }
        }
    }
    let Some(subnet) = interface.subnet.as_ref().and_then(Ref::known) else { return };
    let subnet = network.subnets.get(subnet);
    out.insert(subnet.id.to_string());
    out.extend(subnet.acl.map(|acl| network.acls.get(acl).id.to_string()));
    let Some(table) = subnet.route_table else { return };
    let table = network.route_tables.get(table);
    out.insert(table.id.to_string());
    for route in &table.routes {
        if let Destination::PrefixList(list) = &route.destination {
            out.insert(list.id(&network.prefix_lists).to_string());
        }
        match &route.target {
            RouteTarget::InternetGateway(gateway) => {
                out.insert(gateway.id(&network.internet_gateways).to_string());
            }
            RouteTarget::EgressOnlyGateway(gateway) => {
                out.insert(gateway.id(&network.egress_only_gateways).to_string());
            }
            RouteTarget::NatGateway(gateway) => {
                out.insert(gateway.id(&network.nat_gateways).to_string());
                // Its own subnet is on the way.
                let nat = gateway.known().map(|nat| network.nat_gateways.get(nat));
                let own = nat.and_then(|nat| nat.subnet.as_ref()).and_then(Ref::known);
                if let Some(subnet) = own {
                    let subnet = network.subnets.get(subnet);
                    out.insert(subnet.id.to_string());
                    out.extend(subnet.acl.map(|acl| network.acls.get(acl).id.to_string()));
                    out.extend(subnet.route_table.map(|table| network.route_tables.get(table).id.to_string()));
                }
            }
            RouteTarget::Peering(peering) => {
                out.insert(peering.id(&network.peerings).to_string());
            }
            RouteTarget::Endpoint(endpoint) => {
                out.insert(endpoint.id(&network.endpoints).to_string());
            }
            _ => {}
        }
    }
}

/// Which changes stand at the gates of which party of a difference.
#[derive(Debug)]
pub struct AtGates {
    by_party: Vec<Vec<usize>>,
}

impl AtGates {
    /// Looks at the gates of everybody, before and after. O(parties × gates).
    pub fn new(found: &Difference, before: &Network, after: &Network, changes: &[ResourceChange]) -> Self {
        let mut known: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (position, change) in changes.iter().enumerate() {
            known.entry(&change.id).or_default().push(position);
        }
        let mut ids = BTreeSet::new();
        let by_party = found.parties.iter().map(|party| {
            ids.clear();
            for (network, member) in [(before, party.before), (after, party.after)] {
                if let Some(member) = member {
                    gates(network, member.interface, &mut ids);
                }
            }
            ids.iter().filter_map(|id| known.get(id.as_str())).flatten().copied().collect()
        });
        Self { by_party: by_party.collect() }
    }

    /// The changes at a gate of any flow of `set`, by position. Where it is one, the flows are due to it, unless what lies
    /// between the gates (transit gateways) differs; where it is several, to some of them.
    pub fn of(&self, set: &FlowSet) -> Vec<usize> {
        let mut found = BTreeSet::new();
        for end in [&set.from, &set.to] {
            let End::Inside(list) = end else { continue };
            found.extend(list.iter().filter_map(|id| self.by_party.get(*id as usize)).flatten().copied());
        }
        found.into_iter().collect()
    }
}
