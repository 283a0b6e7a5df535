//! Security groups, network ACLs and prefix lists, parsed but not interpreted: what a protocol, a port range or an
//! order of entries *means* is the engines' business.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reach_packets::{Family, Protocol};

use super::build::Builder;
use super::table::{Idx, Ref, Resource};
use super::{Tags, Vpc, tags};
use crate::api::Call;
use crate::aws::{self, Scalar, Text};
use crate::ids::{NetworkAclId, PeeringId, PrefixListId, SecurityGroupId, SecurityGroupRuleId, SubnetId, VpcId};
use crate::snapshot::{Located, Place};

/// A security group.
#[derive(Debug, Clone)]
pub struct SecurityGroup {
    pub id: SecurityGroupId,
    pub name: Option<Box<str>>,
    pub vpc: Option<Ref<Vpc>>,
    /// VPCs that use the group by `AssociateSecurityGroupVpc`, state `associated`.
    pub associated_vpcs: Vec<VpcId>,
    pub owner: Option<Box<str>>,
    pub ingress: Vec<SecurityGroupRule>,
    pub egress: Vec<SecurityGroupRule>,
    pub tags: Tags,
}

impl Resource for SecurityGroup {
    type Id = SecurityGroupId;

    fn id(&self) -> &SecurityGroupId {
        &self.id
    }
}

/// Direction of a rule or an entry, seen from the interface or the subnet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// Towards it.
    Ingress,
    /// From it.
    Egress,
}

impl Direction {
    /// `ingress` or `egress`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Direction::Ingress => "ingress",
            Direction::Egress => "egress",
        }
    }
}

/// The protocol field of a rule or an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleProtocol {
    /// `-1`.
    Any,
    /// A protocol number; names are normalised.
    Number(Protocol),
}

/// One rule of a security group: exactly one peer (SG-14).
#[derive(Debug, Clone, PartialEq)]
pub struct SecurityGroupRule {
    /// `sgr-…`, where `describe-security-group-rules` was collected and agrees.
    pub id: Option<SecurityGroupRuleId>,
    pub protocol: RuleProtocol,
    /// `FromPort`: a port or an ICMP type; `None` where absent or `-1` (SG-15).
    pub from_port: Option<u16>,
    /// `ToPort`: a port or an ICMP code; `None` where absent or `-1`.
    pub to_port: Option<u16>,
    pub peer: Peer,
}

/// The peer of a rule.
#[derive(Debug, Clone, PartialEq)]
pub enum Peer {
    /// An IPv4 or IPv6 CIDR.
    Cidr(IpNet),
    /// A prefix list.
    PrefixList(Ref<PrefixList>),
    /// Another security group, or the same one.
    Group(GroupPeer),
}

/// A reference to a security group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupPeer {
    pub group: Ref<SecurityGroup>,
    /// The account that owns it; absent when the group was deleted (SG-21).
    pub owner: Option<Box<str>>,
    pub peering: Option<PeeringId>,
    pub peering_status: Option<Box<str>>,
}

/// A prefix list.
#[derive(Debug, Clone)]
pub struct PrefixList {
    pub id: PrefixListId,
    pub name: Option<Box<str>>,
    pub family: Option<Family>,
    /// `MaxEntries`: what a rule that names the list counts for (SG-17). AWS's own lists have none.
    pub max_entries: Option<u32>,
    /// `Version`, where `describe-managed-prefix-lists` tells.
    pub version: Option<i64>,
    /// The entries of the current version; `None` where they were not collected (never read as empty).
    pub cidrs: Option<Vec<IpNet>>,
}

impl Resource for PrefixList {
    type Id = PrefixListId;

    fn id(&self) -> &PrefixListId {
        &self.id
    }
}

/// A network ACL.
#[derive(Debug, Clone)]
pub struct NetworkAcl {
    pub id: NetworkAclId,
    pub vpc: Option<Ref<Vpc>>,
    pub is_default: bool,
    /// Entries of both directions in input order.
    pub entries: Vec<NetworkAclEntry>,
    /// Its associations with subnets, as far as they have ids.
    pub associations: Vec<NetworkAclAssociation>,
    pub tags: Tags,
}

impl Resource for NetworkAcl {
    type Id = NetworkAclId;

    fn id(&self) -> &NetworkAclId {
        &self.id
    }
}

/// That a subnet uses a network ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkAclAssociation {
    /// `aclassoc-…`
    pub id: Text,
    pub subnet: SubnetId,
}

/// One entry of a network ACL.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkAclEntry {
    pub direction: Direction,
    /// 1–32766 by users, 32767 and 32768 the final denials.
    pub number: u32,
    pub protocol: RuleProtocol,
    pub allow: bool,
    pub cidr: IpNet,
    /// `PortRange`, inclusive.
    pub ports: Option<(u16, u16)>,
    /// `IcmpTypeCode`; `None` in a position stands for `-1` (any).
    pub icmp: Option<(Option<u8>, Option<u8>)>,
}

/// Parses `tcp`, `6`, `-1`.
pub(super) fn protocol(text: &str) -> Option<RuleProtocol> {
    if matches!(text, "-1" | "all") {
        return Some(RuleProtocol::Any);
    }
    text.parse().ok().map(RuleProtocol::Number)
}

/// Parses a CIDR; host bits are cleared, as the API does (SG-16).
pub(super) fn cidr_v4(text: &str) -> Option<IpNet> {
    text.parse::<Ipv4Net>().ok().map(|net| IpNet::V4(net.trunc()))
}

/// Parses an IPv6 CIDR.
pub(super) fn cidr_v6(text: &str) -> Option<IpNet> {
    text.parse::<Ipv6Net>().ok().map(|net| IpNet::V6(net.trunc()))
}

/// Parses a CIDR of either family.
pub(super) fn cidr(text: &str) -> Option<IpNet> {
    cidr_v4(text).or_else(|| cidr_v6(text))
}

/// The fields of a rule that both calls print, in a form that can be compared.
type RuleKey = (SecurityGroupId, Direction, RuleProtocol, Option<u16>, Option<u16>, String);

fn peer_key(builder: &Builder<'_>, peer: &Peer) -> String {
    match peer {
        Peer::Cidr(net) => net.to_string(),
        Peer::PrefixList(list) => list.id(&builder.network.prefix_lists).to_string(),
        Peer::Group(peer) => peer.group.id(&builder.network.groups).to_string(),
    }
}

/// Builds prefix lists from both listing calls and the entries.
pub(super) fn prefix_lists(builder: &mut Builder<'_>) {
    let resources = &builder.snapshot.resources;
    for list in &resources.prefix_lists {
        let Some(id) = builder.id::<PrefixListId>(&list.value.prefix_list_id, list.at, ".PrefixListId") else {
            continue;
        };
        let idx = prefix_list(builder, id);
        let cidrs = list.value.cidrs.as_ref().map(|cidrs| {
            let texts = cidrs.iter().enumerate().map(|(i, text)| (format!(".Cidrs[{i}]"), &**text));
            parse_entries(builder, list.at, texts)
        });
        let entry = builder.network.prefix_lists.get_mut(idx);
        entry.name = entry.name.take().or_else(|| list.value.prefix_list_name.clone());
        entry.family = entry.family.or(match list.value.address_family.as_deref() {
            Some("IPv4") => Some(Family::V4),
            Some("IPv6") => Some(Family::V6),
            _ => None,
        });
        entry.max_entries = entry.max_entries.or(list.value.max_entries.and_then(|count| u32::try_from(count).ok()));
        entry.version = entry.version.or(list.value.version);
        if entry.cidrs.is_none() {
            entry.cidrs = cidrs;
        }
    }
    for entries in &resources.prefix_list_entries {
        let text = entries.value.id.clone();
        let Some(id) = builder.id::<PrefixListId>(&Some(text.clone()), entries.at, "") else { continue };
        let idx = prefix_list(builder, id);
        if entries.value.truncated {
            continue;
        }
        let texts = entries
            .value
            .items
            .iter()
            .enumerate()
            .filter_map(|(i, entry)| entry.cidr.as_deref().map(|text| (format!("[{i}].Cidr"), text)));
        let cidrs = parse_entries(builder, entries.at, texts);
        let list = builder.network.prefix_lists.get_mut(idx);
        let summary = list.cidrs.take().unwrap_or_default();
        let has_all = |these: &[IpNet], those: &[IpNet]| these.iter().all(|net| those.contains(net));
        // A list of AWS's is never empty: what `describe-prefix-lists` names was there (M-10).
        let keep = cidrs.is_empty() && !summary.is_empty();
        let same = has_all(&summary, &cidrs) && has_all(&cidrs, &summary);
        let differ = !summary.is_empty() && !same;
        // The entries call is the list's own, and newer than the summary in `describe-prefix-lists`.
        list.cidrs = Some(if keep { summary } else { cidrs });
        if differ {
            let counts = if keep { "those of `describe-prefix-lists` are" } else { "its own entries are" };
            let at = builder.snapshot.locate(entries.at, "");
            builder.warn(format!(
                "{at}: the entries of {text} differ from what `describe-prefix-lists` names; {counts} used"
            ));
        }
    }
}

fn prefix_list(builder: &mut Builder<'_>, id: PrefixListId) -> Idx<PrefixList> {
    if let Some(idx) = builder.network.prefix_lists.find(&id) {
        return idx;
    }
    let list = PrefixList { id, name: None, family: None, max_entries: None, version: None, cidrs: None };
    builder.network.prefix_lists.push(list)
}

fn parse_entries<'a>(
    builder: &mut Builder<'_>,
    at: Place,
    texts: impl Iterator<Item = (String, &'a str)>,
) -> Vec<IpNet> {
    let mut nets = Vec::new();
    for (path, text) in texts {
        match cidr(text) {
            Some(net) => nets.push(net),
            None => builder.problem(at, &path, format!("\"{text}\" is not a CIDR")),
        }
    }
    nets
}

/// Builds the groups: first the names, so that references between them resolve, then the rules.
pub(super) fn security_groups(builder: &mut Builder<'_>) {
    let resources = &builder.snapshot.resources;
    let mut permissions: Vec<(Idx<SecurityGroup>, &Located<aws::SecurityGroup>)> = Vec::new();
    for group in &resources.security_groups {
        let Some(id) = builder.id::<SecurityGroupId>(&group.value.group_id, group.at, ".GroupId") else { continue };
        let vpc = builder.optional_ref(&group.value.vpc_id, group.at, ".VpcId", |n| &n.vpcs);
        let idx = builder.network.groups.push(SecurityGroup {
            id,
            name: group.value.group_name.clone(),
            vpc,
            associated_vpcs: Vec::new(),
            owner: group.value.owner_id.clone(),
            ingress: Vec::new(),
            egress: Vec::new(),
            tags: tags(&group.value.tags),
        });
        permissions.push((idx, group));
    }
    // `describe-security-group-rules` alone: the groups that have rules are known by them (API-2).
    let mut from_rules: Vec<Idx<SecurityGroup>> = Vec::new();
    for rule in &resources.security_group_rules {
        let Some(id) = builder.id::<SecurityGroupId>(&rule.value.group_id, rule.at, ".GroupId") else { continue };
        // A group whose other rules may stand on a page that was not read is no group with few rules.
        let complete = builder.snapshot.coverage.is_complete(rule.at.scope, Call::DescribeSecurityGroupRules);
        if complete && builder.network.groups.find(&id).is_none() {
            let idx = builder.network.groups.push(SecurityGroup {
                id,
                name: None,
                vpc: None,
                associated_vpcs: Vec::new(),
                owner: None,
                ingress: Vec::new(),
                egress: Vec::new(),
                tags: Tags::default(),
            });
            from_rules.push(idx);
        }
    }
    for association in &resources.security_group_vpc_associations {
        if association.value.state.as_deref() != Some("associated") {
            continue;
        }
        let group = builder.id::<SecurityGroupId>(&association.value.group_id, association.at, ".GroupId");
        let vpc = builder.id::<VpcId>(&association.value.vpc_id, association.at, ".VpcId");
        if let (Some(group), Some(vpc)) = (group.and_then(|id| builder.network.groups.find(&id)), vpc) {
            builder.network.groups.get_mut(group).associated_vpcs.push(vpc);
        }
    }
    let mut rule_ids: rustc_hash::FxHashMap<RuleKey, Vec<SecurityGroupRuleId>> = rustc_hash::FxHashMap::default();
    for rule in &resources.security_group_rules {
        rule_object(builder, rule, &from_rules, &mut rule_ids);
    }
    for (idx, group) in permissions {
        for (direction, key, list) in [
            (Direction::Ingress, "IpPermissions", &group.value.ip_permissions),
            (Direction::Egress, "IpPermissionsEgress", &group.value.ip_permissions_egress),
        ] {
            let mut rules = Vec::new();
            for (i, permission) in list.iter().enumerate() {
                unpack(builder, permission, group.at, &format!(".{key}[{i}]"), &mut rules);
            }
            if !rule_ids.is_empty() {
                let id = builder.network.groups.get(idx).id.clone();
                for rule in &mut rules {
                    let key = (
                        id.clone(),
                        direction,
                        rule.protocol,
                        rule.from_port,
                        rule.to_port,
                        peer_key(builder, &rule.peer),
                    );
                    rule.id = rule_ids.get_mut(&key).and_then(Vec::pop);
                }
            }
            let group = builder.network.groups.get_mut(idx);
            match direction {
                Direction::Ingress => group.ingress = rules,
                Direction::Egress => group.egress = rules,
            }
        }
    }
    let mut strays: Vec<String> = rule_ids.into_values().flatten().map(|id| id.to_string()).collect();
    strays.sort();
    if !strays.is_empty() {
        builder.warn(format!(
            "describe-security-group-rules and describe-security-groups disagree about {} (the group's own permissions are used)",
            strays.join(", ")
        ));
    }
}

/// Takes one object of `describe-security-group-rules`: into its group where the group is known only by its rules,
/// else into the map that names the rules of the packed form.
fn rule_object(
    builder: &mut Builder<'_>,
    rule: &Located<aws::SecurityGroupRule>,
    from_rules: &[Idx<SecurityGroup>],
    rule_ids: &mut rustc_hash::FxHashMap<RuleKey, Vec<SecurityGroupRuleId>>,
) {
    let value = &rule.value;
    let Some(group) = value.group_id.as_deref().and_then(|id| id.parse::<SecurityGroupId>().ok()) else { return };
    let direction = if value.is_egress == Some(true) { Direction::Egress } else { Direction::Ingress };
    let Some((protocol, from_port, to_port)) =
        fields(builder, value.ip_protocol.as_ref(), value.from_port, value.to_port, rule.at, "")
    else {
        return;
    };
    let peer = if let Some(text) = &value.cidr_ipv4 {
        cidr_peer(builder, cidr_v4(text), text, rule.at, ".CidrIpv4")
    } else if let Some(text) = &value.cidr_ipv6 {
        cidr_peer(builder, cidr_v6(text), text, rule.at, ".CidrIpv6")
    } else if let Some(text) = &value.prefix_list_id {
        list_peer(builder, text, rule.at, ".PrefixListId")
    } else if let Some(reference) = &value.referenced_group_info {
        group_peer(builder, reference, rule.at, ".ReferencedGroupInfo")
    } else {
        None
    };
    let Some(peer) = peer else { return };
    let id = value.security_group_rule_id.as_deref().and_then(|text| text.parse::<SecurityGroupRuleId>().ok());
    match builder.network.groups.find(&group) {
        Some(idx) if from_rules.contains(&idx) => {
            let rule = SecurityGroupRule { id, protocol, from_port, to_port, peer };
            let group = builder.network.groups.get_mut(idx);
            match direction {
                Direction::Ingress => group.ingress.push(rule),
                Direction::Egress => group.egress.push(rule),
            }
        }
        None => {}
        Some(_) => {
            if let Some(id) = id {
                let key = (group, direction, protocol, from_port, to_port, peer_key(builder, &peer));
                rule_ids.entry(key).or_default().push(id);
            }
        }
    }
}

/// Unpacks one permission into rules of one peer each (SG-14); one with four empty lists gives none.
fn unpack(
    builder: &mut Builder<'_>,
    permission: &aws::IpPermission,
    at: Place,
    path: &str,
    rules: &mut Vec<SecurityGroupRule>,
) {
    let Some((protocol, from_port, to_port)) =
        fields(builder, permission.ip_protocol.as_ref(), permission.from_port, permission.to_port, at, path)
    else {
        return;
    };
    let mut push = |peer: Option<Peer>| {
        if let Some(peer) = peer {
            rules.push(SecurityGroupRule { id: None, protocol, from_port, to_port, peer });
        }
    };
    for (i, range) in permission.ip_ranges.iter().enumerate() {
        if let Some(text) = &range.cidr_ip {
            push(cidr_peer(builder, cidr_v4(text), text, at, &format!("{path}.IpRanges[{i}].CidrIp")));
        }
    }
    for (i, range) in permission.ipv6_ranges.iter().enumerate() {
        if let Some(text) = &range.cidr_ipv6 {
            push(cidr_peer(builder, cidr_v6(text), text, at, &format!("{path}.Ipv6Ranges[{i}].CidrIpv6")));
        }
    }
    for (i, list) in permission.prefix_list_ids.iter().enumerate() {
        if let Some(text) = &list.prefix_list_id {
            push(list_peer(builder, text, at, &format!("{path}.PrefixListIds[{i}].PrefixListId")));
        }
    }
    for (i, reference) in permission.user_id_group_pairs.iter().enumerate() {
        push(group_peer(builder, reference, at, &format!("{path}.UserIdGroupPairs[{i}]")));
    }
}

fn cidr_peer(builder: &mut Builder<'_>, net: Option<IpNet>, text: &str, at: Place, path: &str) -> Option<Peer> {
    if net.is_none() {
        builder.problem(at, path, format!("\"{text}\" is not a CIDR"));
    }
    net.map(Peer::Cidr)
}

fn list_peer(builder: &mut Builder<'_>, text: &str, at: Place, path: &str) -> Option<Peer> {
    let id = builder.id::<PrefixListId>(&Some(Box::<str>::from(text)), at, path)?;
    Some(Peer::PrefixList(builder.network.prefix_lists.reference(id)))
}

fn group_peer(builder: &mut Builder<'_>, reference: &aws::GroupReference, at: Place, path: &str) -> Option<Peer> {
    // EC2-Classic answers may name a group without an id; such a rule cannot match in a VPC.
    reference.group_id.as_ref()?;
    let id = builder.id::<SecurityGroupId>(&reference.group_id, at, &format!("{path}.GroupId"))?;
    Some(Peer::Group(GroupPeer {
        group: builder.network.groups.reference(id),
        owner: reference.user_id.clone(),
        peering: reference.vpc_peering_connection_id.as_deref().and_then(|text| text.parse().ok()),
        peering_status: reference.peering_status.clone(),
    }))
}

/// What is wrong with a field: its path below the element, and why.
pub(super) type FieldProblem = (String, String);

/// Notes what is wrong with an element's fields.
fn noted<T>(builder: &mut Builder<'_>, parsed: Result<T, Vec<FieldProblem>>, at: Place, path: &str) -> Option<T> {
    match parsed {
        Ok(value) => Some(value),
        Err(problems) => {
            for (field, message) in problems {
                builder.problem(at, &format!("{path}{field}"), message);
            }
            None
        }
    }
}

/// Protocol and port fields of a rule, checked.
fn fields(
    builder: &mut Builder<'_>,
    text: Option<&Scalar>,
    from: Option<i64>,
    to: Option<i64>,
    at: Place,
    path: &str,
) -> Option<(RuleProtocol, Option<u16>, Option<u16>)> {
    let text = text.map_or("-1", |scalar| &*scalar.0);
    noted(builder, rule_fields(text, from, to), at, path)
}

/// Protocol and port fields of a rule.
pub(super) fn rule_fields(
    text: &str,
    from: Option<i64>,
    to: Option<i64>,
) -> Result<(RuleProtocol, Option<u16>, Option<u16>), Vec<FieldProblem>> {
    let problem = |field: &str, message: String| Err(vec![(format!(".{field}"), message)]);
    let Some(protocol) = protocol(text) else {
        return problem("IpProtocol", format!("`{text}` is not a protocol"));
    };
    let (from_port, to_port) = both(bound(from, ".FromPort"), bound(to, ".ToPort"))?;
    let ordered = matches!(protocol, RuleProtocol::Number(p) if p.has_ports());
    if let (true, Some(from), Some(to)) = (ordered, from_port, to_port)
        && from > to
    {
        return problem("FromPort", format!("{from} is greater than ToPort {to}"));
    }
    let icmp = matches!(protocol, RuleProtocol::Number(p) if p.is_icmp());
    for (value, field) in [(from_port, "FromPort"), (to_port, "ToPort")] {
        if let (true, Some(value)) = (icmp, value)
            && value > 255
        {
            return problem(field, format!("{value} is not an ICMP type or code (0-255)"));
        }
    }
    Ok((protocol, from_port, to_port))
}

/// Both values, or the problems of both.
fn both<A, B>(a: Result<A, FieldProblem>, b: Result<B, FieldProblem>) -> Result<(A, B), Vec<FieldProblem>> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => Err(a.err().into_iter().chain(b.err()).collect()),
    }
}

/// A port field: absent and `-1` are alike (SG-15).
fn bound(value: Option<i64>, path: &str) -> Result<Option<u16>, FieldProblem> {
    match value {
        None | Some(-1) => Ok(None),
        Some(number) => match u16::try_from(number) {
            Ok(port) => Ok(Some(port)),
            Err(_) => Err((path.to_owned(), format!("{number} is not a port (0-65535)"))),
        },
    }
}

/// Builds the network ACLs.
pub(super) fn network_acls(builder: &mut Builder<'_>) {
    for acl in &builder.snapshot.resources.network_acls {
        let Some(id) = builder.id::<NetworkAclId>(&acl.value.network_acl_id, acl.at, ".NetworkAclId") else { continue };
        let vpc = builder.optional_ref(&acl.value.vpc_id, acl.at, ".VpcId", |n| &n.vpcs);
        let mut entries = Vec::with_capacity(acl.value.entries.len());
        for (i, entry) in acl.value.entries.iter().enumerate() {
            entries.extend(acl_entry(builder, entry, acl.at, &format!(".Entries[{i}]")));
        }
        let is_default = acl.value.is_default == Some(true);
        let associations = acl.value.associations.iter().filter_map(|association| {
            let id = association.network_acl_association_id.clone()?;
            Some(NetworkAclAssociation { id, subnet: association.subnet_id.as_deref()?.parse().ok()? })
        });
        let associations = associations.collect();
        let tags = tags(&acl.value.tags);
        builder.network.acls.push(NetworkAcl { id, vpc, is_default, entries, associations, tags });
    }
}

fn acl_entry(
    builder: &mut Builder<'_>,
    entry: &aws::NetworkAclEntry,
    at: Place,
    path: &str,
) -> Option<NetworkAclEntry> {
    noted(builder, parse_acl_entry(entry), at, path)
}

/// One entry of a network ACL, checked.
pub(super) fn parse_acl_entry(entry: &aws::NetworkAclEntry) -> Result<NetworkAclEntry, Vec<FieldProblem>> {
    let problem = |field: &str, message: String| vec![(field.to_owned(), message)];
    let text = entry.protocol.as_ref().map_or("-1", |scalar| &*scalar.0);
    let Some(protocol) = protocol(text) else {
        return Err(problem(".Protocol", format!("`{text}` is not a protocol number")));
    };
    let net = match (&entry.cidr_block, &entry.ipv6_cidr_block) {
        (Some(text), _) => cidr_v4(text).ok_or((text, "CidrBlock")),
        (None, Some(text)) => cidr_v6(text).ok_or((text, "Ipv6CidrBlock")),
        (None, None) => return Err(problem("", "neither CidrBlock nor Ipv6CidrBlock is there".to_owned())),
    };
    let cidr = net.map_err(|(text, field)| problem(&format!(".{field}"), format!("\"{text}\" is not a CIDR")))?;
    let allow = match entry.rule_action.as_deref() {
        Some("allow") => true,
        Some("deny") => false,
        other => {
            let found = other.unwrap_or("");
            return Err(problem(".RuleAction", format!("`{found}` is neither allow nor deny")));
        }
    };
    let Some(number) = entry.rule_number.and_then(|number| u32::try_from(number).ok()) else {
        return Err(problem(".RuleNumber", "is missing or negative".to_owned()));
    };
    let Some(egress) = entry.egress else {
        return Err(problem(".Egress", "is missing".to_owned()));
    };
    let mut ports = None;
    if let Some(range) = &entry.port_range {
        let (from, to) = both(bound(range.from, ".PortRange.From"), bound(range.to, ".PortRange.To"))?;
        let (from, to) = (from.unwrap_or(0), to.unwrap_or(u16::MAX));
        if from > to {
            return Err(problem(".PortRange", format!("From {from} is greater than To {to}")));
        }
        ports = Some((from, to));
    }
    let mut icmp = None;
    if let Some(range) = &entry.icmp_type_code {
        let part = |value: Option<i64>, field: &str| match value {
            None | Some(-1) => Ok(None),
            Some(number) => match u8::try_from(number) {
                Ok(byte) => Ok(Some(byte)),
                Err(_) => Err(problem(
                    &format!(".IcmpTypeCode.{field}"),
                    format!("{number} is not an ICMP type or code (0-255)"),
                )),
            },
        };
        icmp = Some((part(range.kind, "Type")?, part(range.code, "Code")?));
    }
    Ok(NetworkAclEntry {
        direction: if egress { Direction::Egress } else { Direction::Ingress },
        number,
        protocol,
        allow,
        cidr,
        ports,
        icmp,
    })
}
