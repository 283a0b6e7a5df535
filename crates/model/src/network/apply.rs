//! What the network would be after a change, and how AWS would refuse it.
//!
//! Every call is checked in full before anything is touched, so that a refused change leaves the network as it was, and
//! a change touches the tables that it must and no other: clones go on sharing the rest.
//!
//! What a change deletes leaves an empty shell at its position, so that positions stay what they are; what it makes
//! gets an id that says so (`sg-new-web`) and is found by `new:web`, too.

mod association;
mod cluster;
mod endpoint;
mod filter;
mod lists;
mod lookup;
mod made;
mod quota;
mod routing;
mod tags;

#[cfg(test)]
mod tests;

pub use quota::RuleCounts;

use super::Network;
use super::filter::Direction;
use crate::change::{Change, ModifyVpcAttribute};

/// A change that AWS would refuse, in its own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// AWS's error code: `InvalidPermission.Duplicate`.
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A parameter that must be there and is not.
    fn missing(parameter: &str) -> Self {
        Self::new("MissingParameter", format!("the request must contain the parameter {parameter}"))
    }

    /// A parameter whose value cannot be.
    fn value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    /// Parameters that do not go together.
    fn combination(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterCombination", message)
    }
}

impl Network {
    /// Makes the network what it would be after `change`. A refused change leaves it as it was.
    ///
    /// # Errors
    ///
    /// How AWS would refuse the call.
    pub fn apply(&mut self, change: &Change) -> Result<(), Refusal> {
        match change {
            Change::AuthorizeSecurityGroupIngress(input) => filter::authorize(self, input, Direction::Ingress),
            Change::AuthorizeSecurityGroupEgress(input) => filter::authorize(self, input, Direction::Egress),
            Change::RevokeSecurityGroupIngress(input) => filter::revoke(self, input, Direction::Ingress),
            Change::RevokeSecurityGroupEgress(input) => filter::revoke(self, input, Direction::Egress),
            Change::CreateSecurityGroup(input) => filter::create_group(self, input),
            Change::DeleteSecurityGroup(input) => filter::delete_group(self, input),
            Change::ModifyNetworkInterfaceAttribute(input) => filter::modify_interface(self, input),
            Change::CreateNetworkAclEntry(input) => lists::create_entry(self, input),
            Change::ReplaceNetworkAclEntry(input) => lists::replace_entry(self, input),
            Change::DeleteNetworkAclEntry(input) => lists::delete_entry(self, input),
            Change::ReplaceNetworkAclAssociation(input) => lists::replace_association(self, input),
            Change::ModifyManagedPrefixList(input) => lists::modify_prefix_list(self, input),
            Change::CreateRoute(input) => routing::create(self, input),
            Change::ReplaceRoute(input) => routing::replace(self, input),
            Change::DeleteRoute(input) => routing::delete(self, input),
            Change::AssociateRouteTable(input) => association::associate(self, input),
            Change::ReplaceRouteTableAssociation(input) => association::replace(self, input),
            Change::DisassociateRouteTable(input) => association::disassociate(self, input),
            Change::CreateRouteTable(input) => made::create_table(self, input),
            Change::DeleteRouteTable(input) => made::delete_table(self, input),
            Change::CreateNetworkAcl(input) => made::create_acl(self, input),
            Change::DeleteNetworkAcl(input) => made::delete_acl(self, input),
            Change::CreateManagedPrefixList(input) => made::create_list(self, input),
            Change::DeleteManagedPrefixList(input) => made::delete_list(self, input),
            Change::CreateVpcEndpoint(input) => endpoint::create(self, input),
            Change::ModifyVpcEndpoint(input) => endpoint::modify(self, input),
            Change::DeleteVpcEndpoints(input) => endpoint::delete(self, input),
            Change::ModifyVpcAttribute(input) => modify_vpc(self, input),
            Change::UpdateClusterConfig(input) => cluster::update(self, input),
            Change::CreateTags(input) => tags::create(self, input),
            Change::DeleteTags(input) => tags::delete(self, input),
        }
    }
}

fn modify_vpc(network: &mut Network, input: &ModifyVpcAttribute) -> Result<(), Refusal> {
    let idx = lookup::vpc(network, &input.vpc_id)?;
    match (input.enable_dns_support, input.enable_dns_hostnames) {
        (Some(_), Some(_)) => Err(Refusal::combination("only one attribute can be modified at a time")),
        (None, None) => Err(Refusal::missing("EnableDnsSupport or EnableDnsHostnames")),
        (Some(support), None) => {
            network.vpcs.get_mut(idx).dns_support = Some(support.value);
            Ok(())
        }
        (None, Some(hostnames)) => {
            if hostnames.value && network.vpcs.get(idx).dns_support == Some(false) {
                return Err(Refusal::value(format!("{} has DNS support disabled", input.vpc_id)));
            }
            network.vpcs.get_mut(idx).dns_hostnames = Some(hostnames.value);
            Ok(())
        }
    }
}
