//! Changes of tags.

use std::borrow::Borrow;

use super::{Refusal, lookup};
use crate::aws::Name;
use crate::change::{Tag, TagResources};
use crate::network::{
    Idx, Instance, Network, NetworkAcl, NetworkInterface, RouteTable, SecurityGroup, Subnet, Tags, Vpc, VpcEndpoint,
    tag,
};

/// Tags of a resource at most.
const TAGS: usize = 50;

/// A resource that has tags.
#[derive(Debug, Clone, Copy)]
enum Tagged {
    Vpc(Idx<Vpc>),
    Subnet(Idx<Subnet>),
    Group(Idx<SecurityGroup>),
    Acl(Idx<NetworkAcl>),
    Interface(Idx<NetworkInterface>),
    Instance(Idx<Instance>),
    Endpoint(Idx<VpcEndpoint>),
    Table(Idx<RouteTable>),
}

/// The resource with this id; `None` where it is of a kind whose tags decide nothing here.
fn find(network: &Network, text: &str) -> Result<Option<Tagged>, Refusal> {
    if text.is_empty() {
        return Err(Refusal::missing("Resources"));
    }
    if text.starts_with("new:") {
        let group = lookup::group(network, text).map(Tagged::Group);
        return group.or_else(|_| lookup::endpoint(network, text).map(Tagged::Endpoint)).map(Some);
    }
    let (prefix, _) =
        text.split_once('-').ok_or_else(|| Refusal::new("InvalidID", format!("invalid id: \"{text}\"")))?;
    let found = match prefix {
        "vpc" => Tagged::Vpc(lookup::vpc(network, text)?),
        "subnet" => Tagged::Subnet(lookup::subnet(network, text)?),
        "sg" => Tagged::Group(lookup::group(network, text)?),
        "acl" => Tagged::Acl(lookup::acl(network, text)?),
        "eni" => Tagged::Interface(lookup::interface(network, text)?),
        "rtb" => Tagged::Table(lookup::route_table(network, text)?),
        "vpce" => Tagged::Endpoint(lookup::endpoint(network, text)?),
        "i" => match network.instances.find_text(text) {
            Some(idx) => Tagged::Instance(idx),
            None => {
                let message = format!("the instance '{text}' does not exist");
                return Err(Refusal::new("InvalidInstanceID.NotFound", message));
            }
        },
        _ => return Ok(None),
    };
    Ok(Some(found))
}

fn tags_of(network: &Network, at: Tagged) -> &Tags {
    match at {
        Tagged::Vpc(idx) => &network.vpcs.get(idx).tags,
        Tagged::Subnet(idx) => &network.subnets.get(idx).tags,
        Tagged::Group(idx) => &network.groups.get(idx).tags,
        Tagged::Acl(idx) => &network.acls.get(idx).tags,
        Tagged::Interface(idx) => &network.interfaces.get(idx).tags,
        Tagged::Instance(idx) => &network.instances.get(idx).tags,
        Tagged::Endpoint(idx) => &network.endpoints.get(idx).tags,
        Tagged::Table(idx) => &network.route_tables.get(idx).tags,
    }
}

/// Gives a resource other tags, and the name that follows from them.
fn set(network: &mut Network, at: Tagged, tags: Tags) {
    let name = tag(&tags, "Name").filter(|name| !name.is_empty()).map(Name::from);
    match at {
        Tagged::Vpc(idx) => {
            let vpc = network.vpcs.get_mut(idx);
            (vpc.name, vpc.tags) = (name, tags);
        }
        Tagged::Subnet(idx) => {
            let subnet = network.subnets.get_mut(idx);
            (subnet.name, subnet.tags) = (name, tags);
        }
        Tagged::Group(idx) => network.groups.get_mut(idx).tags = tags,
        Tagged::Acl(idx) => network.acls.get_mut(idx).tags = tags,
        Tagged::Table(idx) => network.route_tables.get_mut(idx).tags = tags,
        Tagged::Endpoint(idx) => {
            let endpoint = network.endpoints.get_mut(idx);
            (endpoint.name, endpoint.tags) = (name, tags);
        }
        Tagged::Interface(idx) => {
            // An interface without a name of its own goes by its instance's.
            let instance = network.interfaces.get(idx).instance().and_then(crate::network::Ref::known);
            let name = name.or_else(|| network.instances.get(instance?).name.clone());
            let interface = network.interfaces.get_mut(idx);
            (interface.name, interface.tags) = (name, tags);
        }
        Tagged::Instance(idx) => {
            let renamed = network.instances.get(idx).name != name;
            let instance = network.instances.get_mut(idx);
            (instance.name, instance.tags) = (name.clone(), tags);
            if !renamed {
                return;
            }
            for interface in network.instances.get(idx).interfaces.clone() {
                let own = tag(&network.interfaces.get(interface).tags, "Name").is_some_and(|name| !name.is_empty());
                if !own {
                    network.interfaces.get_mut(interface).name.clone_from(&name);
                }
            }
        }
    }
}

fn resources(network: &Network, input: &TagResources) -> Result<Vec<Tagged>, Refusal> {
    if input.resources.is_empty() {
        return Err(Refusal::missing("Resources"));
    }
    if input.tags.iter().any(|tag| tag.key.starts_with("aws:")) {
        return Err(Refusal::value("tag keys starting with 'aws:' are reserved for internal use"));
    }
    if input.tags.iter().any(|tag| tag.key.is_empty()) {
        return Err(Refusal::value("tag keys must not be empty"));
    }
    let found: Result<Vec<_>, Refusal> = input.resources.iter().map(|text| find(network, text)).collect();
    Ok(found?.into_iter().flatten().collect())
}

fn merged(tags: &Tags, more: &[Tag]) -> Tags {
    let mut list: Vec<(Name, Name)> = tags.to_vec();
    for tag in more {
        let value = Name::from(tag.value.as_deref().unwrap_or(""));
        list.retain(|(key, _)| Borrow::<str>::borrow(key) != tag.key);
        list.push((Name::from(tag.key.as_str()), value));
    }
    list.sort();
    list.into_boxed_slice()
}

/// `CreateTags`: a tag that is there gets another value.
pub(super) fn create(network: &mut Network, input: &TagResources) -> Result<(), Refusal> {
    if input.tags.is_empty() {
        return Err(Refusal::missing("Tags"));
    }
    let found = resources(network, input)?;
    let mut changes = Vec::with_capacity(found.len());
    for at in found {
        let tags = merged(tags_of(network, at), &input.tags);
        // AWS's own tags do not count.
        if tags.iter().filter(|(key, _)| !key.starts_with("aws:")).count() > TAGS {
            return Err(Refusal::new("TagLimitExceeded", format!("a resource has at most {TAGS} tags")));
        }
        changes.push((at, tags));
    }
    for (at, tags) in changes {
        set(network, at, tags);
    }
    Ok(())
}

/// `DeleteTags`: all of the user's where none is named.
pub(super) fn delete(network: &mut Network, input: &TagResources) -> Result<(), Refusal> {
    let found = resources(network, input)?;
    let goes = |key: &str, value: &str| {
        let named = |tag: &Tag| tag.key == key && tag.value.as_deref().is_none_or(|own| own == value);
        !key.starts_with("aws:") && (input.tags.is_empty() || input.tags.iter().any(named))
    };
    for at in found {
        let tags = tags_of(network, at);
        if tags.iter().any(|(key, value)| goes(key, value)) {
            let left: Vec<_> = tags.iter().filter(|(key, value)| !goes(key, value)).cloned().collect();
            set(network, at, left.into_boxed_slice());
        }
    }
    Ok(())
}
