//! Who stands at the ends of a group's flows.

use std::fmt::Write as _;
use std::net::IpAddr;

use reach_engine::endpoint::Endpoint;
use reach_engine::explain;
use reach_engine::question::Group;
use reach_model::Network;
use reach_packets::Family;

/// One end of a group, in the address family of its witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    /// The interface's id.
    pub(crate) eni: Option<String>,
    pub(crate) place: Where,
    /// What people call it.
    pub(crate) name: Option<String>,
}

/// The addresses of an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Where {
    Address(IpAddr),
    Blocks(Vec<String>),
    Nowhere,
}

/// The ends of a group: who asks, and who is asked.
pub(crate) fn ends<'a>(
    network: &'a Network,
    group: &'a Group,
) -> (impl Iterator<Item = End> + 'a, impl Iterator<Item = End> + 'a) {
    let witness = group.answer.witness.as_ref();
    let source = witness.map(|flow| Family::of(flow.source));
    let destination = witness.map(|flow| Family::of(flow.destination));
    let view = |family: Option<Family>| move |endpoint: &Endpoint| end(network, endpoint, family);
    (group.from.iter().map(view(source)), group.to.iter().map(view(destination)))
}

pub(crate) fn end(network: &Network, endpoint: &Endpoint, family: Option<Family>) -> End {
    let name = explain::endpoint_name(network, endpoint);
    let family =
        family.unwrap_or(if endpoint.has(Family::V6) && !endpoint.has(Family::V4) { Family::V6 } else { Family::V4 });
    let eni = endpoint.interface().map(|idx| network.interfaces.get(idx).id.to_string());
    let place = match endpoint {
        Endpoint::Interface { v4, v6, .. } => {
            let (wanted, other) = if family == Family::V4 { (v4, v6) } else { (v6, v4) };
            wanted.or(*other).map_or(Where::Nowhere, Where::Address)
        }
        Endpoint::Prefix { net, .. } => Where::Blocks(vec![net.to_string()]),
        Endpoint::Outside(outside) if outside.by_default_range => {
            let all = if family == Family::V4 { "0.0.0.0/0" } else { "::/0" };
            Where::Blocks(vec![all.to_owned()])
        }
        Endpoint::Outside(outside) if outside.addresses.count() == 1 => {
            outside.addresses.first().map_or(Where::Nowhere, Where::Address)
        }
        Endpoint::Outside(outside) => {
            let own = outside.addresses.of_family(family);
            let addresses = if own.is_empty() { &outside.addresses } else { &own };
            Where::Blocks(addresses.cidrs().iter().map(ToString::to_string).collect())
        }
        Endpoint::Unresolved(_) => Where::Nowhere,
    };
    End { eni, place, name }
}

/// A name and the addresses that go by it.
type Named = (Option<String>, Vec<String>);

/// Ends by name, with their addresses; how many of more than `limit` are left out.
pub(crate) fn named(ends: Vec<End>, limit: usize, with_ids: bool) -> (Vec<Named>, usize) {
    let hidden = ends.len().saturating_sub(limit);
    let mut names: Vec<Named> = Vec::new();
    for end in ends.into_iter().take(limit) {
        let address = match &end.place {
            Where::Address(address) => Some(address.to_string()),
            // The internet is all of it: its block says nothing more.
            Where::Blocks(_) if end.name.as_deref() == Some("internet") => None,
            Where::Blocks(blocks) => Some(shortened(blocks, limit)),
            Where::Nowhere => None,
        };
        let address = match (address, end.eni) {
            (Some(address), Some(eni)) if with_ids => Some(format!("{address} {eni}")),
            (address, eni) => address.or(eni),
        };
        match names.iter_mut().find(|(name, _)| *name == end.name) {
            Some((_, addresses)) => addresses.extend(address),
            None => names.push((end.name, address.into_iter().collect())),
        }
    }
    (names, hidden)
}

/// The first items of a list, and how many more there are.
pub(crate) fn shortened(list: &[String], limit: usize) -> String {
    let mut text = list.iter().take(limit).cloned().collect::<Vec<_>>().join(", ");
    if list.len() > limit {
        // Writing to a string does not fail.
        let _ = write!(text, ", … and {} more", list.len() - limit);
    }
    text
}
