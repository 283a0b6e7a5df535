//! What a resource of a plan stands for, in pieces that can be compared: an update is the facts that go and the facts
//! that come.

use ipnet::IpNet;
use reach_model::network::Direction;

/// What an id in a plan names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Id {
    /// AWS's own id.
    Known(String),
    /// What the plan makes under this address.
    Made(String),
    /// Known after apply; the text says where it stands, and makes it one of its own.
    Unknown(String),
}

/// Protocol and ports of a rule as AWS keeps them (SG-9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Header {
    /// `None` is every protocol.
    pub protocol: Option<u8>,
    /// A port or an ICMP type; `None` is any.
    pub from: Option<u16>,
    pub to: Option<u16>,
}

/// The peer of a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Peer {
    Cidr(IpNet),
    List(Id),
    /// A group, and the account that owns it where the plan says.
    Group(Id, Option<String>),
    /// Anything, as far as the plan knows.
    Unknown(String),
    /// What inline rules may be, where the plan shows neither them nor that there are none.
    Inline(String),
}

/// What a route leads to: the argument that names it, and the id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    Named(&'static str, Id),
    /// Known after apply.
    Unknown(String),
}

/// Contents of an entry of a network ACL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// A number, or `-1`.
    pub protocol: String,
    pub allow: bool,
    pub cidr: IpNet,
    pub ports: (u16, u16),
    /// ICMP type and code.
    pub icmp: (i64, i64),
}

/// Where a route leads from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    Cidr(IpNet),
    List(Id),
    Unknown(String),
}

/// One piece of what a resource stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// A security group, in a VPC.
    Group {
        id: Id,
        vpc: Option<Id>,
    },
    /// The VPC's default group, which the plan takes over.
    DefaultGroup {
        id: Id,
        vpc: Option<Id>,
    },
    /// One rule, one peer.
    Rule {
        group: Id,
        egress: bool,
        header: Header,
        peer: Peer,
    },
    /// A default network ACL or main table that the plan takes over, and empties first.
    Adopted {
        id: Id,
    },
    Acl {
        id: Id,
        vpc: Option<Id>,
    },
    /// An entry of a network ACL; `None` where something of it is known after apply.
    Entry {
        acl: Id,
        egress: bool,
        number: Option<u32>,
        entry: Option<Entry>,
    },
    AclSubnet {
        acl: Id,
        subnet: Id,
    },
    Table {
        id: Id,
        vpc: Option<Id>,
    },
    Route {
        table: Id,
        destination: Destination,
        target: Target,
    },
    TableSubnet {
        table: Id,
        subnet: Id,
    },
    TableGateway {
        table: Id,
        gateway: Id,
    },
    /// The main table of a VPC, and the one that it was before.
    TableMain {
        table: Id,
        vpc: Id,
        original: Option<String>,
    },
    List {
        id: Id,
        family: Option<String>,
        max: Option<i64>,
    },
    /// `None`: known after apply.
    ListEntry {
        list: Id,
        cidr: Option<IpNet>,
    },
    /// All groups of an interface.
    InterfaceGroups {
        interface: Id,
        groups: Vec<Id>,
    },
    /// One group among those of an interface.
    InterfaceGroup {
        interface: Id,
        group: Id,
    },
    /// All groups of an instance's primary interface.
    InstanceGroups {
        instance: Id,
        groups: Vec<Id>,
    },
    SourceDestCheck {
        of: Id,
        on: bool,
    },
    Endpoint {
        id: Id,
        kind: Option<String>,
        vpc: Option<Id>,
        service: Option<String>,
    },
    EndpointDns {
        endpoint: Id,
        on: bool,
    },
    EndpointTable {
        endpoint: Id,
        table: Id,
    },
    EndpointGroup {
        endpoint: Id,
        group: Id,
    },
    EndpointSubnet {
        endpoint: Id,
        subnet: Id,
    },
    Cluster {
        name: String,
        public: Option<bool>,
        private: Option<bool>,
        cidrs: Option<Vec<IpNet>>,
    },
}

pub(crate) fn direction(egress: bool) -> Direction {
    if egress { Direction::Egress } else { Direction::Ingress }
}

/// Protocols whose ports or types a rule keeps.
pub(crate) fn keeps_ports(protocol: Option<u8>) -> bool {
    matches!(protocol, Some(1 | 6 | 17 | 58))
}

impl Header {
    /// The `IpProtocol` of the API.
    pub(crate) fn protocol_text(self) -> String {
        match self.protocol {
            None => "-1".to_owned(),
            Some(6) => "tcp".to_owned(),
            Some(17) => "udp".to_owned(),
            Some(1) => "icmp".to_owned(),
            Some(58) => "icmpv6".to_owned(),
            Some(number) => number.to_string(),
        }
    }

    /// Everything of a protocol.
    pub(crate) fn whole(protocol: Option<u8>) -> Self {
        match protocol {
            Some(6 | 17) => Self { protocol, from: Some(0), to: Some(u16::MAX) },
            _ => Self { protocol, from: None, to: None },
        }
    }

    /// As AWS keeps it: no ports but those that count.
    pub(crate) fn kept(self) -> Self {
        if keeps_ports(self.protocol) { self } else { Self { protocol: self.protocol, from: None, to: None } }
    }
}
