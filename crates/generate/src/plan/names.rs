//! Ids of everything of which a VPC, a zone or a pair has one.

use super::Plan;
use super::place::ZONES;
use crate::id::Id;

/// The route tables of a main VPC, and of a small one, which has only the main table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RouteTable {
    Main,
    Public,
    /// Of the private subnets of one zone.
    App(usize),
    Data,
    Transit,
}

impl RouteTable {
    const fn number(self) -> usize {
        match self {
            Self::Main => 0,
            Self::Public => 1,
            Self::Data => 2,
            Self::Transit => 3,
            Self::App(zone) => 4 + zone,
        }
    }
}

impl Plan {
    pub(crate) fn vpc_id(&self, vpc: usize) -> Id {
        self.ids.of("vpc", vpc)
    }

    pub(crate) fn subnet_id(&self, subnet: usize) -> Id {
        self.ids.of("subnet", subnet)
    }

    pub(crate) fn group_id(&self, group: usize) -> Id {
        self.ids.of("sg", group)
    }

    pub(crate) fn list_id(&self, list: usize) -> Id {
        self.ids.of("pl", list)
    }

    pub(crate) fn table_id(&self, vpc: usize, table: RouteTable) -> Id {
        self.ids.of("rtb", vpc * 8 + table.number())
    }

    /// The default network ACL of a VPC.
    pub(crate) fn default_acl_id(&self, vpc: usize) -> Id {
        self.ids.of("acl", vpc)
    }

    /// The network ACL of one subnet.
    pub(crate) fn acl_id(&self, subnet: usize) -> Id {
        self.ids.of("acl", 1_000 + subnet)
    }

    pub(crate) fn nat_id(&self, vpc: usize, zone: usize) -> Id {
        self.ids.of("nat", vpc * ZONES.len() + zone)
    }

    /// The `number`th interface endpoint of a VPC.
    pub(crate) fn endpoint_id(&self, vpc: usize, number: usize) -> Id {
        self.ids.of("vpce", vpc * 8 + number)
    }

    /// The gateway endpoint for S3 of a VPC.
    pub(crate) fn s3_endpoint_id(&self, vpc: usize) -> Id {
        self.endpoint_id(vpc, 7)
    }

    pub(crate) fn internet_gateway_id(&self, vpc: usize) -> Id {
        self.ids.of("igw", vpc)
    }

    pub(crate) fn egress_only_id(&self, vpc: usize) -> Id {
        self.ids.of("eigw", vpc)
    }

    /// The peering between two VPCs, in either order.
    pub(crate) fn peering_id(&self, one: usize, other: usize) -> Id {
        self.ids.of("pcx", one.min(other) * 64 + one.max(other))
    }

    pub(crate) fn transit_id(&self) -> Id {
        self.ids.of("tgw", 0)
    }

    pub(crate) fn transit_table_id(&self) -> Id {
        self.ids.of("tgw-rtb", 0)
    }

    pub(crate) fn attachment_id(&self, vpc: usize) -> Id {
        self.ids.of("tgw-attach", vpc)
    }

    /// The VPC of shared services.
    pub(crate) fn shared(&self) -> usize {
        self.mains()
    }

    /// The VPC behind the transit gateway.
    pub(crate) fn premises(&self) -> usize {
        self.mains() + 1
    }
}
