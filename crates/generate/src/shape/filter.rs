//! Security groups and their rules, network ACLs, prefix lists.

use std::io;

use serde_json::{Value, json};

use crate::Layout;
use crate::files::Files;
use crate::id::Id;
use crate::plan::{ACCOUNT, Group, Peer, Plan, REGION, Rule, Subnet, Tier};

pub(super) fn write(plan: &Plan, files: &mut Files) -> io::Result<()> {
    files.list("ec2-describe-security-groups", "SecurityGroups", |list| {
        for (number, group) in plan.groups.iter().enumerate() {
            list.push(&security_group(plan, number, group))?;
        }
        Ok(())
    })?;
    files.list("ec2-describe-security-group-rules", "SecurityGroupRules", |list| {
        let mut number = 0;
        for (position, group) in plan.groups.iter().enumerate() {
            for rule in &group.rules {
                list.push(&rule_object(plan, plan.ids.of("sgr", number), position, group, rule))?;
                number += 1;
            }
        }
        Ok(())
    })?;
    files.list("ec2-describe-security-group-vpc-associations", "SecurityGroupVpcAssociations", |_| Ok(()))?;
    files.list("ec2-describe-network-acls", "NetworkAcls", |list| {
        for vpc in 0..plan.places.vpcs.len() {
            let of_vpc = plan.places.subnets.iter().enumerate().filter(|(_, s)| s.vpc == vpc && !s.custom_acl);
            let id = plan.default_acl_id(vpc);
            let entries = open_entries(plan.places.vpcs.at(vpc).v6.is_some());
            list.push(&acl(plan, id, vpc, true, of_vpc.map(|(number, _)| number), &entries))?;
        }
        for (number, subnet) in plan.places.subnets.iter().enumerate().filter(|(_, s)| s.custom_acl) {
            let entries = custom_entries(plan, subnet, number);
            list.push(&acl(plan, plan.acl_id(number), subnet.vpc, false, std::iter::once(number), &entries))?;
        }
        Ok(())
    })?;
    prefix_lists(plan, files)
}

fn security_group(plan: &Plan, number: usize, group: &Group) -> Value {
    let (mut ingress, mut egress) = (Vec::new(), Vec::new());
    // The rules stand in the order of the packed form: those of one permission are neighbours.
    let same = |a: &Rule, b: &Rule| (a.egress, a.protocol, a.ports) == (b.egress, b.protocol, b.ports);
    for run in group.rules.chunk_by(same) {
        let Some(first) = run.first() else { continue };
        let of = |make: fn(&Plan, usize, &Peer) -> Option<Value>| -> Vec<Value> {
            run.iter().filter_map(|rule| make(plan, group.vpc, &rule.peer)).collect()
        };
        let mut permission = json!({"IpProtocol": first.protocol, "UserIdGroupPairs": of(group_pair),
        "IpRanges": of(|_, _, peer| if let Peer::V4(net) = peer { Some(json!({"CidrIp": net})) } else { None }),
        "Ipv6Ranges": of(|_, _, peer| if let Peer::V6(net) = peer { Some(json!({"CidrIpv6": net})) } else { None }),
        "PrefixListIds": of(|plan, _, peer| {
            if let Peer::List(list) = peer { Some(json!({"PrefixListId": plan.list_id(*list)})) } else { None }
        })});
        if let (Some((from, to)), Some(object)) = (first.ports, permission.as_object_mut()) {
            object.insert("FromPort".to_owned(), from.into());
            object.insert("ToPort".to_owned(), to.into());
        }
        if first.egress { egress.push(permission) } else { ingress.push(permission) }
    }
    let id = plan.group_id(number);
    let mut tags = vec![json!({"Key": "Name", "Value": group.name})];
    if let Some(cluster) = &group.cluster {
        tags.push(json!({"Key": format!("kubernetes.io/cluster/{cluster}"), "Value": "owned"}));
        if group.name.starts_with("eks-cluster-sg-") {
            tags.push(json!({"Key": "aws:eks:cluster-name", "Value": cluster}));
        }
    }
    json!({"GroupId": id, "IpPermissionsEgress": egress, "Tags": tags, "VpcId": plan.vpc_id(group.vpc),
        "SecurityGroupArn": format!("arn:aws:ec2:{REGION}:{ACCOUNT}:security-group/{id}"), "OwnerId": ACCOUNT,
        "GroupName": group.name, "Description": group.description, "IpPermissions": ingress})
}

/// A reference as both forms write it, seen from a group of `vpc`.
fn group_pair(plan: &Plan, vpc: usize, peer: &Peer) -> Option<Value> {
    match *peer {
        Peer::Group(other) => {
            let of = plan.groups.at(other).vpc;
            let id = plan.group_id(other);
            Some(if of == vpc {
                json!({"UserId": ACCOUNT, "GroupId": id})
            } else {
                json!({"UserId": ACCOUNT, "GroupId": id, "VpcId": plan.vpc_id(of),
                    "VpcPeeringConnectionId": plan.peering_id(vpc, of), "PeeringStatus": "active"})
            })
        }
        Peer::Stale(number) => {
            // Its VPC, its peering and the group itself are gone.
            let id = plan.ids.of("sg", 1_000_000 + number);
            Some(json!({"UserId": ACCOUNT, "GroupId": id, "VpcId": plan.ids.of("vpc", 1_000),
                "VpcPeeringConnectionId": plan.ids.of("pcx", 1_000_000), "PeeringStatus": "deleted"}))
        }
        _ => None,
    }
}

fn rule_object(plan: &Plan, id: Id, group: usize, of: &Group, rule: &Rule) -> Value {
    let (from, to) = rule.ports.unwrap_or((-1, -1));
    let mut value = json!({"SecurityGroupRuleId": id, "GroupId": plan.group_id(group), "GroupOwnerId": ACCOUNT,
        "IsEgress": rule.egress, "IpProtocol": rule.protocol, "FromPort": from, "ToPort": to, "Tags": []});
    let (key, peer) = match &rule.peer {
        Peer::V4(net) => ("CidrIpv4", json!(net)),
        Peer::V6(net) => ("CidrIpv6", json!(net)),
        Peer::List(list) => ("PrefixListId", json!(plan.list_id(*list))),
        other => ("ReferencedGroupInfo", group_pair(plan, of.vpc, other).unwrap_or_default()),
    };
    if let Some(object) = value.as_object_mut() {
        object.insert(key.to_owned(), peer);
    }
    value
}

/// One entry of a network ACL, before it has its direction.
#[derive(Debug)]
struct Entry {
    number: u16,
    egress: bool,
    protocol: &'static str,
    allow: bool,
    cidr: String,
    ports: Option<(u16, u16)>,
}

impl Entry {
    fn new(
        number: u16,
        egress: bool,
        protocol: &'static str,
        allow: bool,
        cidr: &str,
        ports: Option<(u16, u16)>,
    ) -> Self {
        Self { number, egress, protocol, allow, cidr: cidr.to_owned(), ports }
    }

    fn shape(&self) -> Value {
        let key = if self.cidr.contains(':') { "Ipv6CidrBlock" } else { "CidrBlock" };
        let mut value = json!({key: self.cidr, "Egress": self.egress, "Protocol": self.protocol,
            "RuleAction": if self.allow { "allow" } else { "deny" }, "RuleNumber": self.number});
        if let (Some((from, to)), Some(object)) = (self.ports, value.as_object_mut()) {
            object.insert("PortRange".to_owned(), json!({"From": from, "To": to}));
        }
        value
    }
}

const V4: &str = "0.0.0.0/0";
const V6: &str = "::/0";

/// The last entry of each direction and family, which nobody can remove.
fn last_entries(entries: &mut Vec<Entry>, dual: bool) {
    for egress in [true, false] {
        entries.push(Entry::new(32_767, egress, "-1", false, V4, None));
        if dual {
            entries.push(Entry::new(32_768, egress, "-1", false, V6, None));
        }
    }
}

fn open_entries(dual: bool) -> Vec<Entry> {
    let mut entries = Vec::new();
    for egress in [true, false] {
        entries.push(Entry::new(100, egress, "-1", true, V4, None));
        if dual {
            entries.push(Entry::new(101, egress, "-1", true, V6, None));
        }
    }
    last_entries(&mut entries, dual);
    entries
}

/// A network ACL as people write them: a few denials, everything inside, answers from outside.
fn custom_entries(plan: &Plan, subnet: &Subnet, number: usize) -> Vec<Entry> {
    const TCP: &str = "6";
    const UDP: &str = "17";
    const REPLIES: Option<(u16, u16)> = Some((1_024, 65_535));
    let mut entries = vec![
        Entry::new(10, false, "-1", false, "185.220.0.0/16", None),
        Entry::new(20, false, "-1", false, &format!("45.{}.0.0/16", number % 200), None),
        Entry::new(30, false, TCP, false, "10.0.0.0/8", Some((23, 23))),
    ];
    if subnet.tier == Tier::Data {
        // Nobody logs in to the stores from the public subnets.
        for zone in 0..3 {
            let public = plan.places.subnets.at(plan.places.find(subnet.vpc, Tier::Public, 0, zone));
            let number = 40 + u16::try_from(zone).unwrap_or(0);
            entries.push(Entry::new(number, false, TCP, false, &public.net.to_string(), Some((22, 22))));
        }
    }
    for egress in [false, true] {
        entries.push(Entry::new(100, egress, "-1", true, "10.0.0.0/8", None));
        entries.push(Entry::new(110, egress, "-1", true, "172.16.0.0/12", None));
        entries.push(Entry::new(120, egress, "-1", true, "192.168.0.0/16", None));
        entries.push(Entry::new(200, egress, TCP, true, V4, REPLIES));
        entries.push(Entry::new(210, egress, UDP, true, V4, REPLIES));
        entries.push(Entry::new(220, egress, TCP, true, V6, REPLIES));
        if egress || subnet.tier == Tier::Public {
            entries.push(Entry::new(230, egress, TCP, true, V4, Some((443, 443))));
            entries.push(Entry::new(240, egress, TCP, true, V4, Some((80, 80))));
            entries.push(Entry::new(250, egress, TCP, true, V6, Some((443, 443))));
            entries.push(Entry::new(260, egress, UDP, true, V4, Some((123, 123))));
        }
    }
    last_entries(&mut entries, true);
    entries
}

fn acl(
    plan: &Plan,
    id: Id,
    vpc: usize,
    default: bool,
    subnets: impl Iterator<Item = usize>,
    entries: &[Entry],
) -> Value {
    let associations: Vec<Value> = subnets
        .map(|subnet| {
            json!({"NetworkAclAssociationId": plan.ids.of("aclassoc", subnet), "NetworkAclId": id,
                "SubnetId": plan.subnet_id(subnet)})
        })
        .collect();
    let entries: Vec<Value> = entries.iter().map(Entry::shape).collect();
    json!({"Associations": associations, "Entries": entries, "IsDefault": default, "NetworkAclId": id, "Tags": [],
        "VpcId": plan.vpc_id(vpc), "OwnerId": ACCOUNT})
}

fn prefix_lists(plan: &Plan, files: &mut Files) -> io::Result<()> {
    let managed = match files.layout() {
        Layout::Aws => "ec2-describe-managed-prefix-lists",
        Layout::Batfish => "ManagedPrefixLists",
    };
    files.named(managed, "PrefixLists", |list| {
        for (number, prefixes) in plan.lists.iter().enumerate() {
            let (id, owner) = (plan.list_id(number), if prefixes.of_aws { "AWS" } else { ACCOUNT });
            let arn_owner = if prefixes.of_aws { "aws" } else { ACCOUNT };
            let mut value = json!({"PrefixListId": id, "AddressFamily": "IPv4", "State": "create-complete",
                "PrefixListArn": format!("arn:aws:ec2:{REGION}:{arn_owner}:prefix-list/{id}"),
                "PrefixListName": prefixes.name, "Tags": [], "OwnerId": owner});
            if let (false, Some(object)) = (prefixes.of_aws, value.as_object_mut()) {
                object.insert("MaxEntries".to_owned(), json!(prefixes.entries.len().max(10)));
                object.insert("Version".to_owned(), json!(1));
            }
            list.push(&value)?;
        }
        Ok(())
    })?;
    // Batfish knows no other call that tells what is in a list.
    let all = files.layout() == Layout::Batfish;
    files.list("ec2-describe-prefix-lists", "PrefixLists", |list| {
        for (number, prefixes) in plan.lists.iter().enumerate().filter(|(_, prefixes)| all || prefixes.of_aws) {
            list.push(&json!({"Cidrs": prefixes.entries, "PrefixListId": plan.list_id(number), "PrefixListName": prefixes.name}))?;
        }
        Ok(())
    })?;
    for (number, prefixes) in plan.lists.iter().enumerate() {
        let id = plan.list_id(number);
        let entries: Vec<Value> = prefixes.entries.iter().map(|entry| json!({"Cidr": entry})).collect();
        let name = format!("ec2-get-managed-prefix-list-entries-{id}");
        files.object(&name, &json!({"Entries": entries, "PrefixListId": id}))?;
    }
    Ok(())
}
