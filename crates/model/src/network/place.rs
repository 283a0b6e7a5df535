//! VPCs, subnets and their addressing.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::build::Builder;
use super::filter::{cidr_v4, cidr_v6};
use super::table::{Idx, Ref, Resource};
use super::{InternetGateway, NetworkAcl, RouteTable, Tags, name_of, tags};
use crate::api::Call;
use crate::aws::{self, Name};
use crate::ids::{SubnetId, VpcId};
use crate::snapshot::{Place, ScopeIndex};

/// A VPC.
#[derive(Debug, Clone)]
pub struct Vpc {
    pub id: VpcId,
    pub name: Option<Name>,
    /// IPv4 CIDRs, the primary one first: the resolver is at its base + 2 (SG-23).
    pub cidrs_v4: Vec<Ipv4Net>,
    pub cidrs_v6: Vec<Ipv6Net>,
    /// Those of `cidrs_v6` that are global but registered as private (`Ipv6AddressAttribute`, RT-18).
    pub private_v6: Vec<Ipv6Net>,
    pub owner: Option<Box<str>>,
    pub scope: ScopeIndex,
    /// `enableDnsSupport`; `None` where the attribute was not collected.
    pub dns_support: Option<bool>,
    /// `enableDnsHostnames`; `None` where the attribute was not collected.
    pub dns_hostnames: Option<bool>,
    pub dns_servers: DnsServers,
    /// Block public access as the VPC or its account says; `None` where neither was collected.
    pub block_public_access: Option<BlockMode>,
    pub subnets: Vec<Idx<Subnet>>,
    /// The internet gateway attached to it.
    pub internet_gateway: Option<Idx<InternetGateway>>,
    pub main_route_table: Option<Idx<RouteTable>>,
    pub default_acl: Option<Idx<NetworkAcl>>,
    pub tags: Tags,
}

impl Resource for Vpc {
    type Id = VpcId;

    fn id(&self) -> &VpcId {
        &self.id
    }
}

impl Vpc {
    /// Whether `address` lies in one of the VPC's CIDRs.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(a) => self.cidrs_v4.iter().any(|net| net.contains(&a)),
            IpAddr::V6(a) => self.cidrs_v6.iter().any(|net| net.contains(&a)),
        }
    }

    /// The address of the Amazon resolver: base + 2 of the *primary* CIDR (SG-23).
    pub fn resolver(&self) -> Option<Ipv4Addr> {
        let base = u32::from(self.cidrs_v4.first()?.network());
        Some(Ipv4Addr::from(base.checked_add(2)?))
    }
}

/// Who answers names inside a VPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DnsServers {
    /// `AmazonProvidedDNS`.
    Amazon,
    /// Servers of the customer's own.
    Custom,
    /// The DHCP option set was not collected: AWS's default is Amazon's.
    NotCollected,
}

/// VPC block public access (RT-21).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockMode {
    /// Nothing is blocked.
    Off,
    /// Only flows started inside through a NAT or egress-only gateway pass.
    Ingress,
    /// Nothing passes.
    Bidirectional,
    /// Excluded from blocking altogether.
    ExcludedBidirectional,
    /// Excluded for flows started inside.
    ExcludedEgress,
}

impl BlockMode {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "off" => Some(BlockMode::Off),
            "block-ingress" => Some(BlockMode::Ingress),
            "block-bidirectional" => Some(BlockMode::Bidirectional),
            _ => None,
        }
    }
}

/// A subnet.
#[derive(Debug, Clone)]
pub struct Subnet {
    pub id: SubnetId,
    pub name: Option<Name>,
    pub vpc: Option<Ref<Vpc>>,
    pub cidr_v4: Option<Ipv4Net>,
    pub cidrs_v6: Vec<Ipv6Net>,
    pub zone: Option<Box<str>>,
    /// `use1-az3`: the same zone in every account.
    pub zone_id: Option<Box<str>>,
    pub owner: Option<Box<str>>,
    pub outpost: bool,
    /// `EnableDns64`.
    pub dns64: bool,
    /// Block public access as the subnet itself reports or an exclusion names it.
    pub block_public_access: Option<BlockMode>,
    /// Explicit association, else the VPC's main table; `None` where the snapshot holds neither.
    pub route_table: Option<Idx<RouteTable>>,
    /// The network ACL that names the subnet, else the VPC's default one; `None` where the snapshot holds neither.
    pub acl: Option<Idx<NetworkAcl>>,
    pub tags: Tags,
}

impl Resource for Subnet {
    type Id = SubnetId;

    fn id(&self) -> &SubnetId {
        &self.id
    }
}

impl Subnet {
    /// Whether `address` lies in one of the subnet's CIDRs.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(a) => self.cidr_v4.is_some_and(|net| net.contains(&a)),
            IpAddr::V6(a) => self.cidrs_v6.iter().any(|net| net.contains(&a)),
        }
    }

    /// Its CIDRs of both families.
    pub fn cidrs(&self) -> impl Iterator<Item = IpNet> {
        self.cidr_v4.map(IpNet::V4).into_iter().chain(self.cidrs_v6.iter().copied().map(IpNet::V6))
    }
}

/// The state of a CIDR association: only `associated` counts, and old answers have none (API-6).
fn associated(state: Option<&aws::StateHolder>) -> bool {
    state.and_then(|holder| holder.state.as_deref()).is_none_or(|state| state == "associated")
}

fn nets_v6(builder: &mut Builder<'_>, list: &[aws::CidrAssociation], at: Place) -> Vec<Ipv6Net> {
    let mut nets = Vec::new();
    for (i, association) in list.iter().enumerate() {
        let Some(text) = &association.ipv6_cidr_block else { continue };
        if !associated(association.ipv6_cidr_block_state.as_ref()) {
            continue;
        }
        match cidr_v6(text) {
            Some(IpNet::V6(net)) => nets.push(net),
            _ => builder.problem(
                at,
                &format!(".Ipv6CidrBlockAssociationSet[{i}].Ipv6CidrBlock"),
                format!("\"{text}\" is not a CIDR"),
            ),
        }
    }
    nets
}

fn net_v4(builder: &mut Builder<'_>, text: &str, at: Place, path: &str) -> Option<Ipv4Net> {
    match cidr_v4(text) {
        Some(IpNet::V4(net)) => Some(net),
        _ => {
            builder.problem(at, path, format!("\"{text}\" is not a CIDR"));
            None
        }
    }
}

/// Builds VPCs with what is said of them elsewhere: attributes, DHCP options, block public access.
pub(super) fn vpcs(builder: &mut Builder<'_>) {
    let resources = &builder.snapshot.resources;
    for vpc in &resources.vpcs {
        let Some(id) = builder.id::<VpcId>(&vpc.value.vpc_id, vpc.at, ".VpcId") else { continue };
        let mut cidrs_v4 = Vec::new();
        if let Some(text) = &vpc.value.cidr_block {
            cidrs_v4.extend(net_v4(builder, text, vpc.at, ".CidrBlock"));
        }
        for (i, association) in vpc.value.cidr_block_association_set.iter().enumerate() {
            let Some(text) = &association.cidr_block else { continue };
            if associated(association.cidr_block_state.as_ref())
                && let Some(net) = net_v4(builder, text, vpc.at, &format!(".CidrBlockAssociationSet[{i}].CidrBlock"))
                && !cidrs_v4.contains(&net)
            {
                cidrs_v4.push(net);
            }
        }
        let associations = &vpc.value.ipv6_cidr_block_association_set;
        let cidrs_v6 = nets_v6(builder, associations, vpc.at);
        let registered = associations.iter().filter(|a| a.ipv6_address_attribute.as_deref() == Some("private"));
        let registered = registered.filter_map(|a| cidr_v6(a.ipv6_cidr_block.as_deref()?));
        let private_v6 = registered.filter_map(|net| if let IpNet::V6(net) = net { Some(net) } else { None }).collect();
        let dns_servers = dns_servers(builder, vpc.value.dhcp_options_id.as_deref());
        let states = vpc.value.block_public_access_states.as_ref();
        let block_public_access =
            states.and_then(|s| s.internet_gateway_block_mode.as_deref()).and_then(BlockMode::parse);
        let account_mode = account_block_mode(builder, vpc.at.scope, vpc.value.owner_id.as_deref());
        builder.network.vpcs.push(Vpc {
            id,
            name: name_of(&vpc.value.tags),
            cidrs_v4,
            cidrs_v6,
            private_v6,
            owner: vpc.value.owner_id.clone(),
            scope: vpc.at.scope,
            dns_support: None,
            dns_hostnames: None,
            dns_servers,
            block_public_access: block_public_access.or(account_mode),
            subnets: Vec::new(),
            internet_gateway: None,
            main_route_table: None,
            default_acl: None,
            tags: tags(&vpc.value.tags),
        });
    }
    for attribute in &resources.vpc_attributes {
        let Some(id) = builder.id::<VpcId>(&attribute.value.vpc_id, attribute.at, ".VpcId") else { continue };
        let Some(idx) = builder.network.vpcs.find(&id) else { continue };
        let vpc = builder.network.vpcs.get_mut(idx);
        if let Some(value) = &attribute.value.enable_dns_support {
            vpc.dns_support = value.value;
        }
        if let Some(value) = &attribute.value.enable_dns_hostnames {
            vpc.dns_hostnames = value.value;
        }
    }
}

fn dns_servers(builder: &Builder<'_>, id: Option<&str>) -> DnsServers {
    let sets = &builder.snapshot.resources.dhcp_options;
    let Some(set) = sets.iter().find(|set| id.is_some() && set.value.dhcp_options_id.as_deref() == id) else {
        return DnsServers::NotCollected;
    };
    let option =
        set.value.dhcp_configurations.iter().find(|option| option.key.as_deref() == Some("domain-name-servers"));
    match option {
        Some(option) if option.values.iter().all(|v| v.value.as_deref() == Some("AmazonProvidedDNS")) => {
            DnsServers::Amazon
        }
        Some(_) => DnsServers::Custom,
        None => DnsServers::Amazon,
    }
}

/// The account's setting of block public access, where exactly one answer can be meant for this VPC.
fn account_block_mode(builder: &Builder<'_>, scope: ScopeIndex, owner: Option<&str>) -> Option<BlockMode> {
    let options = &builder.snapshot.resources.block_public_access_options;
    let of_owner = |account: Option<&str>| account.is_none() || owner.is_none() || account == owner;
    options
        .iter()
        .find(|o| (o.at.scope == scope || o.at.scope == 0) && of_owner(o.value.aws_account_id.as_deref()))
        .and_then(|o| o.value.internet_gateway_block_mode.as_deref())
        .and_then(BlockMode::parse)
}

/// Builds subnets.
pub(super) fn subnets(builder: &mut Builder<'_>) {
    let mut contradictions = 0;
    for subnet in &builder.snapshot.resources.subnets {
        let Some(id) = builder.id::<SubnetId>(&subnet.value.subnet_id, subnet.at, ".SubnetId") else { continue };
        let vpc = builder.optional_ref(&subnet.value.vpc_id, subnet.at, ".VpcId", |n| &n.vpcs);
        let cidr_v4 = match &subnet.value.cidr_block {
            // An IPv6-only subnet has no IPv4 CIDR.
            Some(text) if !text.is_empty() => net_v4(builder, text, subnet.at, ".CidrBlock"),
            _ => None,
        };
        let cidrs_v6 = nets_v6(builder, &subnet.value.ipv6_cidr_block_association_set, subnet.at);
        let states = subnet.value.block_public_access_states.as_ref();
        let block_public_access =
            states.and_then(|s| s.internet_gateway_block_mode.as_deref()).and_then(BlockMode::parse);
        let owner_vpc = vpc.as_ref().and_then(Ref::known);
        let idx = builder.network.subnets.push(Subnet {
            id,
            name: name_of(&subnet.value.tags),
            vpc,
            cidr_v4,
            cidrs_v6,
            zone: subnet.value.availability_zone.clone(),
            zone_id: subnet.value.availability_zone_id.clone(),
            owner: subnet.value.owner_id.clone(),
            outpost: subnet.value.outpost_arn.is_some(),
            dns64: subnet.value.enable_dns64 == Some(true),
            block_public_access,
            route_table: None,
            acl: None,
            tags: tags(&subnet.value.tags),
        });
        if let Some(vpc) = owner_vpc {
            builder.network.vpcs.get_mut(vpc).subnets.push(idx);
        }
        let account = account_block_mode(builder, subnet.at.scope, subnet.value.owner_id.as_deref());
        if block_public_access == Some(BlockMode::Off) && account.is_some_and(|mode| mode != BlockMode::Off) {
            contradictions += 1;
        }
    }
    // The subnets' own word is the nearer one; the two calls may be of different times (M-10).
    if contradictions > 0 {
        builder.warn(format!(
            "describe-vpc-block-public-access-options says that public access is blocked, describe-subnets says \"off\" \
             of {contradictions} subnet(s): the latter is taken"
        ));
    }
    exclusions(builder);
}

/// Applies exclusions from block public access to the VPCs and subnets they name, a subnet's own after its VPC's (RT-21).
fn exclusions(builder: &mut Builder<'_>) {
    let mut of_vpcs = Vec::new();
    let mut of_subnets = Vec::new();
    for exclusion in &builder.snapshot.resources.block_public_access_exclusions {
        let value = &exclusion.value;
        if !value.state.as_deref().is_none_or(|state| matches!(state, "create-complete" | "update-complete")) {
            continue;
        }
        let mode = match value.internet_gateway_exclusion_mode.as_deref() {
            Some("allow-bidirectional") => BlockMode::ExcludedBidirectional,
            Some("allow-egress") => BlockMode::ExcludedEgress,
            _ => continue,
        };
        let Some(name) = value.resource_arn.as_deref().and_then(|arn| arn.rsplit('/').next()) else { continue };
        if let Some(idx) = name.parse().ok().and_then(|id| builder.network.vpcs.find(&id)) {
            of_vpcs.push((idx, mode));
        } else if let Some(idx) = name.parse().ok().and_then(|id| builder.network.subnets.find(&id)) {
            of_subnets.push((idx, mode));
        }
    }
    let network = &mut builder.network;
    // A subnet's own exclusion starts from the VPC's mode, not from the VPC's exclusion.
    let modes: Vec<Option<BlockMode>> = of_subnets
        .iter()
        .map(|&(idx, _)| {
            let subnet = network.subnets.get(idx);
            let vpc = subnet.vpc.as_ref().and_then(Ref::known);
            subnet.block_public_access.or(vpc.and_then(|vpc| network.vpcs.get(vpc).block_public_access))
        })
        .collect();
    for (idx, mode) in of_vpcs {
        let of_vpc = network.vpcs.get(idx).block_public_access;
        for subnet in network.vpcs.get(idx).subnets.clone() {
            let subnet = network.subnets.get_mut(subnet);
            subnet.block_public_access = excluded(subnet.block_public_access.or(of_vpc), mode);
        }
        network.vpcs.get_mut(idx).block_public_access = excluded(of_vpc, mode);
    }
    for ((idx, mode), before) in of_subnets.into_iter().zip(modes) {
        network.subnets.get_mut(idx).block_public_access = excluded(before, mode);
    }
}

/// What an exclusion makes of a mode: nothing where nothing is blocked anyway.
fn excluded(mode: Option<BlockMode>, exclusion: BlockMode) -> Option<BlockMode> {
    match mode {
        Some(BlockMode::Off) => mode,
        None if exclusion == BlockMode::ExcludedEgress => None,
        _ => Some(exclusion),
    }
}

/// Gives every subnet its route table and network ACL (RT-1, NA-1).
pub(super) fn associations(builder: &mut Builder<'_>) {
    let network = &mut builder.network;
    let coverage = &builder.snapshot.coverage;
    // In a listing that stopped early a subnet's own association may stand on the next page: no fallback then.
    let mut partial_tables: Vec<Idx<Vpc>> = Vec::new();
    let mut partial_acls: Vec<Idx<Vpc>> = Vec::new();
    for (idx, table) in network.route_tables.iter() {
        for subnet in &table.subnets {
            if let Some(subnet) = network.subnets.find(subnet) {
                network.subnets.get_mut(subnet).route_table = Some(idx);
            }
        }
        if let (true, Some(vpc)) = (table.main, table.vpc.as_ref().and_then(Ref::known)) {
            network.vpcs.get_mut(vpc).main_route_table = Some(idx);
        }
    }
    for table in &builder.snapshot.resources.route_tables {
        let text = table.value.vpc_id.as_deref();
        let vpc = text.and_then(|text| text.parse().ok());
        if !coverage.is_complete_for(table.at.scope, text.unwrap_or_default(), Call::DescribeRouteTables) {
            partial_tables.extend(vpc.and_then(|id| network.vpcs.find(&id)));
        }
    }
    for acl in &builder.snapshot.resources.network_acls {
        let idx = acl.value.network_acl_id.as_deref().and_then(|text| text.parse().ok());
        let Some(idx) = idx.and_then(|id| network.acls.find(&id)) else { continue };
        let vpc = acl.value.vpc_id.as_deref().unwrap_or_default();
        let complete = coverage.is_complete_for(acl.at.scope, vpc, Call::DescribeNetworkAcls);
        for association in &acl.value.associations {
            let subnet = association.subnet_id.as_deref().and_then(|text| text.parse().ok());
            if let Some(subnet) = subnet.and_then(|id| network.subnets.find(&id)) {
                network.subnets.get_mut(subnet).acl = Some(idx);
            }
        }
        let acl = network.acls.get(idx);
        if let (true, Some(vpc)) = (acl.is_default, acl.vpc.as_ref().and_then(Ref::known)) {
            network.vpcs.get_mut(vpc).default_acl = Some(idx);
            if !complete {
                partial_acls.push(vpc);
            }
        }
    }
    for idx in network.subnets.indices() {
        let vpc = network.subnets.get(idx).vpc.as_ref().and_then(Ref::known);
        let main =
            vpc.filter(|vpc| !partial_tables.contains(vpc)).and_then(|vpc| network.vpcs.get(vpc).main_route_table);
        let default = vpc.filter(|vpc| !partial_acls.contains(vpc)).and_then(|vpc| network.vpcs.get(vpc).default_acl);
        let subnet = network.subnets.get_mut(idx);
        subnet.route_table = subnet.route_table.or(main);
        subnet.acl = subnet.acl.or(default);
    }
}
