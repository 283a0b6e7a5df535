//! Typed AWS identifiers.
//!
//! Every id is a cheap-to-clone newtype whose [`FromStr`] checks the prefix that AWS gives that kind
//! of resource, so that a subnet id can never be looked up among security groups. Past the JSON boundary there is no
//! naked `String` id.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A string that is not an id of the kind that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the id of a {kind} (expected `{prefix}…`)")]
pub struct IdError {
    text: String,
    kind: &'static str,
    prefix: &'static str,
}

/// Defines one id type per line: name, prefix, the resource's name in prose.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal, $kind:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The prefix that every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// The id as AWS prints it.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            fn check(text: &str) -> Result<(), IdError> {
                let rest = text.strip_prefix($prefix).unwrap_or("");
                if rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
                    return Err(IdError { text: text.to_owned(), kind: $kind, prefix: $prefix });
                }
                Ok(())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::check(text)?;
                Ok(Self(text.into()))
            }
        }

        impl TryFrom<Arc<str>> for $name {
            type Error = IdError;

            /// Shares the text.
            fn try_from(text: Arc<str>) -> Result<Self, IdError> {
                Self::check(&text)?;
                Ok(Self(text))
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// `vpc-…`
    VpcId, "vpc-", "VPC";
    /// `subnet-…`
    SubnetId, "subnet-", "subnet";
    /// `eni-…`
    EniId, "eni-", "network interface";
    /// `i-…`
    InstanceId, "i-", "instance";
    /// `sg-…`
    SecurityGroupId, "sg-", "security group";
    /// `sgr-…`
    SecurityGroupRuleId, "sgr-", "security group rule";
    /// `acl-…`
    NetworkAclId, "acl-", "network ACL";
    /// `rtb-…`
    RouteTableId, "rtb-", "route table";
    /// `pl-…`
    PrefixListId, "pl-", "prefix list";
    /// `igw-…`
    InternetGatewayId, "igw-", "internet gateway";
    /// `eigw-…`
    EgressOnlyGatewayId, "eigw-", "egress-only internet gateway";
    /// `nat-…`
    NatGatewayId, "nat-", "NAT gateway";
    /// `pcx-…`
    PeeringId, "pcx-", "VPC peering connection";
    /// `tgw-…`
    TransitGatewayId, "tgw-", "transit gateway";
    /// `tgw-attach-…`
    TransitGatewayAttachmentId, "tgw-attach-", "transit gateway attachment";
    /// `tgw-rtb-…`
    TransitGatewayRouteTableId, "tgw-rtb-", "transit gateway route table";
    /// `vgw-…`
    VpnGatewayId, "vgw-", "virtual private gateway";
    /// `vpce-…`
    VpcEndpointId, "vpce-", "VPC endpoint";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_its_text_and_refuses_other_kinds() {
        let id: SubnetId = "subnet-0ab".parse().unwrap();
        assert_eq!(id.to_string(), "subnet-0ab");
        assert!("sg-0ab".parse::<SubnetId>().is_err());
        assert!("subnet-".parse::<SubnetId>().is_err());
        assert!("subnet-0 ab".parse::<SubnetId>().is_err());
    }

    #[test]
    fn the_error_names_kind_and_prefix() {
        let error = "eni-1".parse::<SecurityGroupId>().unwrap_err();
        assert_eq!(error.to_string(), "`eni-1` is not the id of a security group (expected `sg-…`)");
    }
}
