//! Input of the calls that make and delete what others are associated with: tables, network ACLs, prefix lists.

use serde::{Deserialize, Serialize};

use super::{PrefixListEntry, Tag};

/// `TagSpecifications[]`. A scenario names what it makes `new:` and the value of the `Name` tag.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct TagSpecification {
    pub resource_type: String,
    pub tags: Vec<Tag>,
}

/// The `Name` tag that a call gives.
pub fn name_in(specifications: &[TagSpecification]) -> Option<&str> {
    let mut tags = specifications.iter().flat_map(|specification| &specification.tags);
    tags.find(|tag| tag.key == "Name").and_then(|tag| tag.value.as_deref()).filter(|name| !name.is_empty())
}

/// Input of `CreateRouteTable`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateRouteTable {
    pub vpc_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tag_specifications: Vec<TagSpecification>,
}

/// Input of `DeleteRouteTable`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteRouteTable {
    pub route_table_id: String,
}

/// Input of `DisassociateRouteTable`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct DisassociateRouteTable {
    pub association_id: String,
}

/// Input of `CreateNetworkAcl`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateNetworkAcl {
    pub vpc_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tag_specifications: Vec<TagSpecification>,
}

/// Input of `DeleteNetworkAcl`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteNetworkAcl {
    pub network_acl_id: String,
}

/// Input of `CreateManagedPrefixList`. A scenario names the list `new:` and its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateManagedPrefixList {
    pub prefix_list_name: String,
    /// `IPv4` or `IPv6`.
    pub address_family: String,
    pub max_entries: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<PrefixListEntry>,
}

/// Input of `DeleteManagedPrefixList`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase", deny_unknown_fields)]
pub struct DeleteManagedPrefixList {
    pub prefix_list_id: String,
}
