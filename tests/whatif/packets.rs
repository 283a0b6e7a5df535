//! Random changes of every kind on random small estates: what the difference says of a flow is what the reference engine
//! says of its packets, before and after.
//!
//! `REACH_TEST_CHANGES=100000 cargo test --release --test main whatif` is the long form.

use std::collections::BTreeMap;
use std::net::IpAddr;

use reach_engine::reason::{Outcome, Site, Stage};
use reach_engine::simulate::{self, Session, Start, Target, Trace, Tracking, icmp_reply, is_private_address};
use reach_engine::verdict::Verdict;
use reach_engine::whatif::{Difference, End, State, difference};
use reach_model::Network;
use reach_packets::{Family, Protocol, Transport};
use serde_json::{Value, json};

use super::{changed, lists, traffic_holds};
use crate::estate::{Estate, permission};
use crate::matrix::{Draw, number};

const EDGES: [u16; 8] = [0, 25, 80, 443, 1024, 40000, 60999, 65535];
const PEERS: [&str; 13] = [
    "0.0.0.0/0",
    "0.0.0.0/0",
    "::/0",
    "::/0",
    "10.0.0.0/16",
    "10.0.1.0/24",
    "10.0.1.10/32",
    "203.0.113.0/24",
    "sg-a",
    "sg-b",
    "sg-c",
    "pl-1",
    "pl-far",
];
const OUTSIDE: [&str; 6] = ["203.0.113.9", "203.0.113.200", "8.8.8.8", "52.216.1.1", "10.99.0.1", "2001:db8::9"];

impl Draw {
    fn pick<'t, T: ?Sized>(&mut self, list: &[&'t T]) -> &'t T {
        list[self.below(list.len())]
    }

    fn ports(&mut self) -> String {
        let (x, y) = (EDGES[self.below(8)], EDGES[self.below(8)]);
        format!("{}-{}", x.min(y), x.max(y))
    }

    /// `tcp 80-443 10.0.0.0/16`.
    fn rule(&mut self) -> String {
        let peer = self.pick(&PEERS);
        let what = match self.below(8) {
            0..=2 => format!("tcp {}", self.ports()),
            3 => format!("udp {}", self.ports()),
            4 => if peer.contains(':') { "58" } else { "icmp -1/-1" }.to_owned(),
            5 => "tcp 0-65535".to_owned(),
            _ => "-1".to_owned(),
        };
        format!("{what} {peer}")
    }

    fn rules(&mut self) -> Vec<String> {
        let mut rules: Vec<String> =
            (0..self.below(5)).map(|_| format!("{} {}", self.pick(&["ingress", "egress"]), self.rule())).collect();
        if self.below(3) > 0 {
            rules.push("egress -1 0.0.0.0/0".to_owned());
        }
        if self.below(4) == 0 {
            rules.push(self.pick(&["ingress -1 0.0.0.0/0", "ingress tcp 0-65535 0.0.0.0/0"]).to_owned());
        }
        rules.sort();
        rules.dedup();
        rules
    }

    fn entry(&mut self, number: usize) -> String {
        let cidr = self.pick(&["0.0.0.0/0", "10.0.0.0/16", "10.0.1.0/24", "10.0.2.0/25", "203.0.113.0/24"]);
        let (protocol, ports) = match self.below(4) {
            0 => ("-1", String::new()),
            1 => ("udp", format!(" {}", self.ports())),
            _ => ("tcp", format!(" {}", self.ports())),
        };
        let (direction, action) = (self.pick(&["ingress", "egress"]), self.pick(&["allow", "allow", "deny"]));
        format!("{number} {direction} {action} {protocol} {cidr}{ports}")
    }

    fn acl(&mut self) -> Vec<String> {
        let mut lines: Vec<String> = (0..self.below(4)).map(|n| self.entry(10 * (n + 1))).collect();
        lines.extend(["100 ingress allow -1 0.0.0.0/0", "100 egress allow -1 0.0.0.0/0"].map(str::to_owned));
        lines
    }
}

fn texts(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}

/// A: subnet a, behind a NAT gateway; B, with a delegated prefix, and P, public; a peered VPC; endpoints.
fn estate(draw: &mut Draw) -> (Estate, BTreeMap<&'static str, Vec<String>>) {
    let groups: BTreeMap<&'static str, Vec<String>> =
        ["sg-a", "sg-b", "sg-c"].into_iter().map(|id| (id, draw.rules())).collect();
    let mut estate = Estate::two(&texts(&groups["sg-a"]), &texts(&groups["sg-b"]));
    estate.group("sg-c", &texts(&groups["sg-c"]));
    estate.dual_stack().internet().nat();
    estate.instance("a2", "10.0.1.11", &["sg-a", "sg-b"]);
    estate.instance("p", "10.0.9.30", &["sg-c"]).public("p", "198.51.100.20");
    estate.secondary("b", "10.0.2.21", None);
    estate.eni("b", |eni| eni["Ipv4Prefixes"] = json!([{"Ipv4Prefix": "10.0.2.64/28"}]));
    match draw.below(3) {
        0 => drop(estate.peer(&["ingress -1 0.0.0.0/0", "egress -1 0.0.0.0/0"])),
        1 => drop(estate.two_by_transit()),
        _ => {}
    }
    estate.table("rtb-a", "vpc-1", &["0.0.0.0/0 nat-1"]).associate("rtb-a", "subnet-a");
    if draw.below(2) == 0 {
        estate.table("rtb-b", "vpc-1", &["0.0.0.0/0 igw-1"]).associate("rtb-b", "subnet-b");
    } else {
        estate.table("rtb-b", "vpc-1", &[]);
    }
    estate.acl("acl-b", "vpc-1", &texts(&draw.acl())).acl_for("acl-b", "subnet-b");
    estate.acl("acl-c", "vpc-1", &texts(&draw.acl()));
    if draw.below(2) == 0 {
        estate.s3_gateway(&["rtb-a"]);
    }
    estate.interface_endpoint("ecr", "ecr.api", "10.0.2.50", &["sg-b"]);
    estate.prefix_list("pl-1", "corp", &["10.0.1.0/28", "203.0.113.9/32"]);
    if draw.below(2) == 0 {
        // Pods, whose packets leave by their node's address.
        estate.cluster("c", json!({})).node("c", "n", "10.0.1.40", &[draw.pick(&["sg-a", "sg-b", "sg-c"])]);
        estate.secondary("n", "10.0.1.41", None).secondary("n", "10.0.1.42", None);
        estate.node("c", "m", "10.0.2.40", &["sg-b"]).secondary("m", "10.0.2.41", None);
    }
    if draw.below(5) == 0 {
        estate.without(draw.pick(&["NatGateways", "InternetGateways", "VpcPeeringConnections", "NetworkAcls"]));
    }
    (estate, groups)
}

fn permitted(rule: &str) -> Value {
    let mut value = permission(rule);
    value.as_object_mut().unwrap().retain(|_, field| field.as_array().is_none_or(|list| !list.is_empty()));
    value
}

/// One call, drawn from all kinds.
fn change(draw: &mut Draw, groups: &BTreeMap<&'static str, Vec<String>>) -> Value {
    let group = draw.pick(&["sg-a", "sg-b", "sg-c"]);
    let (table, acl) = (draw.pick(&["rtb-a", "rtb-b", "rtb-main"]), draw.pick(&["acl-b", "acl-b", "acl-c"]));
    let target = draw.pick(&["nat-1", "igw-1", "eni-a2", "pcx-1"]);
    let key = match target.split_once('-') {
        Some(("nat", _)) => "NatGatewayId",
        Some(("igw", _)) => "GatewayId",
        Some(("eni", _)) => "NetworkInterfaceId",
        _ => "VpcPeeringConnectionId",
    };
    let cidr = draw.pick(&["0.0.0.0/0", "0.0.0.0/0", "10.1.0.0/16", "203.0.113.0/24", "10.0.2.0/24"]);
    match draw.below(22) {
        0..=2 => {
            json!({"AuthorizeSecurityGroupIngress": {"GroupId": group, "IpPermissions": [permitted(&draw.rule())]}})
        }
        3 => json!({"AuthorizeSecurityGroupEgress": {"GroupId": group, "IpPermissions": [permitted(&draw.rule())]}}),
        4..=7 => {
            let rules = &groups[group];
            let Some(rule) = (!rules.is_empty()).then(|| &rules[draw.below(rules.len())]) else {
                return json!({"DeleteSecurityGroup": {"GroupId": group}});
            };
            let (direction, rest) = rule.split_once(' ').unwrap();
            let call = if direction == "ingress" { "RevokeSecurityGroupIngress" } else { "RevokeSecurityGroupEgress" };
            json!({call: {"GroupId": group, "IpPermissions": [permitted(rest)]}})
        }
        8 | 9 => {
            let eni = draw.pick(&["eni-a", "eni-b", "eni-a2", "eni-p", "eni-ecr"]);
            let other = draw.pick(&["sg-a", "sg-b", "sg-c"]);
            let list = if group == other { vec![group] } else { vec![group, other] };
            json!({"ModifyNetworkInterfaceAttribute": {"NetworkInterfaceId": eni, "Groups": list}})
        }
        10 => {
            json!({"ModifyNetworkInterfaceAttribute": {"NetworkInterfaceId": "eni-a2", "SourceDestCheck": {"Value": false}}})
        }
        11 | 12 => {
            let call = draw.pick(&["CreateNetworkAclEntry", "ReplaceNetworkAclEntry"]);
            let number = draw.pick(&["5", "10", "100", "110"]).parse::<u32>().unwrap();
            let action = draw.pick(&["allow", "deny", "deny"]);
            let (low, high) =
                draw.ports().split_once('-').map(|(a, b)| (a.parse().unwrap(), b.parse().unwrap())).unwrap();
            let (low, high): (u16, u16) = (low, high);
            let cidr = draw.pick(&["0.0.0.0/0", "10.0.1.0/24", "203.0.113.0/24"]);
            let mut input = json!({"NetworkAclId": acl, "RuleNumber": number, "Protocol": draw.pick(&["6", "17"]),
                "RuleAction": action, "Egress": draw.below(2) == 0, "CidrBlock": cidr,
                "PortRange": {"From": low, "To": high}});
            if draw.below(3) == 0 {
                input["Protocol"] = json!("-1");
                input.as_object_mut().unwrap().remove("PortRange");
            }
            json!({call: input})
        }
        13 => {
            json!({"DeleteNetworkAclEntry": {"NetworkAclId": acl, "RuleNumber": draw.pick(&["10", "20", "100"]).parse::<u32>().unwrap(), "Egress": draw.below(2) == 0}})
        }
        14 => json!({"ReplaceNetworkAclAssociation": {"AssociationId": "aclassoc-1", "NetworkAclId": "acl-c"}}),
        15 => json!({"CreateRoute": {"RouteTableId": table, "DestinationCidrBlock": cidr, key: target}}),
        16 => json!({"ReplaceRoute": {"RouteTableId": table, "DestinationCidrBlock": cidr, key: target}}),
        17 => json!({"DeleteRoute": {"RouteTableId": table, "DestinationCidrBlock": cidr}}),
        18 => {
            json!({"AssociateRouteTable": {"RouteTableId": "rtb-b", "SubnetId": draw.pick(&["subnet-b", "subnet-pub"])}})
        }
        19 => json!({"ModifyManagedPrefixList": {"PrefixListId": "pl-1", "AddEntries": [{"Cidr": "203.0.113.128/25"}],
            "RemoveEntries": [{"Cidr": "10.0.1.0/28"}]}}),
        20 => match draw.below(3) {
            0 => {
                json!({"CreateVpcEndpoint": {"VpcId": "vpc-1", "VpcEndpointType": "Gateway", "ServiceName": "com.amazonaws.us-east-1.s3", "RouteTableIds": ["rtb-b"]}})
            }
            1 => {
                json!({"CreateVpcEndpoint": {"VpcId": "vpc-1", "VpcEndpointType": "Interface", "ServiceName": "com.amazonaws.us-east-1.sts", "SubnetIds": ["subnet-a"], "SecurityGroupIds": ["sg-b"]}})
            }
            _ => json!({"ModifyVpcEndpoint": {"VpcEndpointId": "vpce-s3", "AddRouteTableIds": ["rtb-b"]}}),
        },
        _ => json!({"DeleteVpcEndpoints": {"VpcEndpointIds": [draw.pick(&["vpce-s3", "vpce-ecr"])]}}),
    }
}

/// An end of a probe: a party by number, or an address outside.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Probe {
    Party(u32),
    Outside(IpAddr),
}

/// What the reference engine says of a packet.
struct Judged {
    runs: Vec<(Trace, Session)>,
    replies: Vec<Trace>,
    verdict: Verdict,
}

/// The client's ports behind a translator: every piece that entries can cut its pool into begins at one of them.
const POOL: [u16; 7] = [1024, 1025, 40_000, 40_001, 60_999, 61_000, 65_535];

fn judge(
    network: &Network,
    found: &Difference,
    after: bool,
    (from, to): (Probe, Probe),
    protocol: Protocol,
    transport: Transport,
) -> Option<Judged> {
    let member = |party: u32| {
        let party = &found.parties[party as usize];
        if after { party.after } else { party.before }
    };
    let (start, family) = match from {
        Probe::Party(party) => {
            let member = member(party)?;
            (Start::Interface(member.interface, member.address()), member.family())
        }
        Probe::Outside(address) => (Start::Outside(address), Family::of(address)),
    };
    let target = match to {
        Probe::Party(party) => {
            let member = member(party)?;
            let mut address = member.address();
            if let Probe::Outside(client) = from
                && !is_private_address(client)
            {
                let interface = network.interfaces.get(member.interface);
                address = interface.public_of(address).map_or(address, IpAddr::V4);
            }
            Target { address, interface: Some(member.interface), admission: None }
        }
        Probe::Outside(address) => Target { address, interface: None, admission: None },
    };
    let answer = match transport {
        Transport::Ports { source, destination } => Some(Transport::Ports { source: destination, destination: source }),
        Transport::Icmp { kind, code } => icmp_reply(family, kind).map(|kind| Transport::Icmp { kind, code }),
        Transport::Opaque => None,
    };
    let runs = simulate::forward(network, start, target, protocol, transport);
    let mut verdicts = Vec::new();
    let mut replies = Vec::new();
    for (trace, session) in &runs {
        let forward = trace.verdict();
        let Some(answer) = answer.filter(|_| session.has_responder()) else {
            let back = if answer.is_some() && !session.has_responder() { Verdict::Unknown } else { Verdict::Reachable };
            verdicts.push(if forward == Verdict::Blocked { forward } else { forward.and(back) });
            continue;
        };
        let pools: Vec<Option<u16>> = if session.rewrites_port() { POOL.map(Some).to_vec() } else { vec![None] };
        for pool in pools {
            for reply in simulate::reply(network, session, answer, pool) {
                verdicts.push(forward.and(reply.verdict()));
                replies.push(reply);
            }
        }
    }
    let verdict = Verdict::over(verdicts).unwrap_or(Verdict::Unknown);
    // What some ways of AWS's pass and others do not is no more certain than what is unknown.
    let verdict = if verdict == Verdict::Partial { Verdict::Unknown } else { verdict };
    Some(Judged { runs, replies, verdict })
}

/// What keeps state on a way, and the addresses that come out of it.
fn way(trace: &Trace) -> Vec<String> {
    let keeps = |stage: Stage| {
        matches!(stage, Stage::InternetGateway | Stage::EgressOnlyGateway | Stage::NatGateway | Stage::Endpoint)
    };
    trace
        .steps
        .iter()
        .filter(|step| keeps(step.stage))
        .map(|step| format!("{:?} {:?}", step.stage, step.site))
        .collect()
}

/// CT 2.3, packet by packet; `None` where this test cannot tell.
fn fate(before: &Judged, after: Option<&Judged>) -> Option<&'static str> {
    let Some(after) = after else { return Some("cut_now") };
    let ([(was, old)], [(is, new)]) = (before.runs.as_slice(), after.runs.as_slice()) else { return None };
    if old.rewrites_port() || new.rewrites_port() {
        // Its pool may pass in part.
        return None;
    }
    let groups = |stage: Stage| matches!(stage, Stage::SgIngress | Stage::SgEgress);
    let (mut cut, mut unknown) = (false, is.end == simulate::End::Opaque);
    for step in is.steps.iter().chain(after.replies.iter().flat_map(|reply| &reply.steps)) {
        match step.outcome {
            Outcome::Blocked(_) if !groups(step.stage) => cut = true,
            Outcome::Unknown(_) if !groups(step.stage) => unknown = true,
            _ => {}
        }
    }
    unknown |= after.replies.iter().any(|reply| reply.end == simulate::End::Opaque);
    if cut || (!new.has_responder() && is.end == simulate::End::Stopped) {
        return Some("cut_now");
    }
    if unknown || !new.has_responder() {
        return Some("unknown");
    }
    if way(was) != way(is) || old.seen_source() != new.seen_source() {
        return Some("cut_now");
    }
    let ends: Vec<(&Site, Stage)> = is.steps.iter().filter(|s| groups(s.stage)).map(|s| (&s.site, s.stage)).collect();
    if ends.len() > 2 || after.replies.iter().any(|reply| reply.steps.iter().any(|step| groups(step.stage))) {
        return None;
    }
    let rank = |word: &str| ["unaffected", "survive_until_idle", "unknown", "cut_now"].iter().position(|w| *w == word);
    let mut worst = "unaffected";
    for step in is.steps.iter().filter(|step| groups(step.stage)) {
        let pick = |(source, destination)| if step.stage == Stage::SgEgress { source } else { destination };
        let (old, new): (Option<Tracking>, Option<Tracking>) = (pick(old.tracking()), pick(new.tracking()));
        let kept = |new| matches!(new, Some(Tracking::Untracked));
        let word = match (old?, &step.outcome) {
            (Tracking::Tracked | Tracking::Automatic, Outcome::Blocked(_)) => "survive_until_idle",
            (Tracking::Untracked, Outcome::Blocked(_)) => "cut_now",
            (Tracking::Unknown, Outcome::Blocked(_)) | (_, Outcome::Unknown(_)) => "unknown",
            (Tracking::Untracked, _) if !kept(new) => "unknown",
            (Tracking::Unknown, _) if !kept(new) && new != Some(Tracking::Unknown) => "unknown",
            _ => "unaffected",
        };
        if rank(word) > rank(worst) {
            worst = word;
        }
    }
    Some(worst)
}

fn holds(end: &End, probe: Probe) -> bool {
    match (end, probe) {
        (End::Inside(list), Probe::Party(party)) => list.contains(&party),
        (End::Outside(set), Probe::Outside(address)) => set.0.contains(address),
        _ => false,
    }
}

fn transport(draw: &mut Draw, family: Family) -> (Protocol, Transport) {
    let near = |draw: &mut Draw| {
        let edge = EDGES[draw.below(8)];
        [edge.saturating_sub(1), edge, edge.saturating_add(1)][draw.below(3)]
    };
    match draw.below(8) {
        0 => (Protocol::UDP, Transport::Ports { source: near(draw), destination: near(draw) }),
        1 if family == Family::V4 => (Protocol::ICMP, Transport::Icmp { kind: [8, 3][draw.below(2)], code: 0 }),
        1 => (Protocol::ICMPV6, Transport::Icmp { kind: 128, code: 0 }),
        2 => ("47".parse().unwrap(), Transport::Opaque),
        _ => (Protocol::TCP, Transport::Ports { source: near(draw), destination: near(draw) }),
    }
}

#[test]
fn differences_are_those_of_packets() {
    let wanted = number("REACH_TEST_CHANGES", 250);
    let probes = number("REACH_TEST_PROBES", 3);
    let mut draw = Draw(u64::try_from(number("REACH_TEST_SEED", 11)).unwrap());
    let mut applied: BTreeMap<String, usize> = BTreeMap::new();
    let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut done = 0;
    while done < wanted {
        let (estate, groups) = estate(&mut draw);
        let network = estate.network();
        let before = State::new(&network);
        for _ in 0..10 {
            let changes: Vec<Value> = (0..=draw.below(3)).map(|_| change(&mut draw, &groups)).collect();
            // AWS refuses what makes no sense; what is left of a sequence is tried.
            let mut after = network.clone();
            let mut made = Vec::new();
            for change in changes {
                if let Ok(next) = changed(&after, std::slice::from_ref(&change)) {
                    after = next;
                    *applied.entry(change.as_object().unwrap().keys().next().unwrap().clone()).or_default() += 1;
                    made.push(change);
                }
            }
            if made.is_empty() {
                continue;
            }
            done += 1;
            let found = difference(&before, &State::new(&after)).unwrap_or_else(|error| panic!("{error}\n{made:#?}"));
            let parties = u32::try_from(found.parties.len()).unwrap();
            let ends: Vec<Probe> = (0..parties)
                .map(Probe::Party)
                .chain(OUTSIDE.iter().map(|address| Probe::Outside(address.parse().unwrap())))
                .collect();
            let family = |probe: Probe| match probe {
                Probe::Party(party) => Family::of(found.parties[party as usize].net().unwrap().addr()),
                Probe::Outside(address) => Family::of(address),
            };
            for &from in &ends {
                for &to in &ends {
                    let outside = matches!((from, to), (Probe::Outside(_), Probe::Outside(_)));
                    if from == to || outside || family(from) != family(to) {
                        continue;
                    }
                    for _ in 0..probes {
                        let (protocol, transport) = transport(&mut draw, family(from));
                        let was = judge(&network, &found, false, (from, to), protocol, transport);
                        let is = judge(&after, &found, true, (from, to), protocol, transport);
                        let verdict = |judged: &Option<Judged>| judged.as_ref().map_or(Verdict::Blocked, |j| j.verdict);
                        let expected = match (verdict(&was), verdict(&is)) {
                            (a, b) if a == b => None,
                            (Verdict::Blocked, Verdict::Reachable) => Some("gained"),
                            (Verdict::Reachable, Verdict::Blocked) => Some("lost"),
                            _ => Some("undecided"),
                        };
                        let told = lists(&found, |set| {
                            holds(&set.from, from) && holds(&set.to, to) && traffic_holds(set, protocol, transport)
                        });
                        let about = || {
                            let name = |probe| match probe {
                                Probe::Party(party) => found.parties[party as usize].net().unwrap().to_string(),
                                Probe::Outside(address) => address.to_string(),
                            };
                            let state = |judged: &Option<Judged>| format!("{:?}", verdict(judged));
                            format!(
                                "{} -> {} {protocol} {transport:?}: {} {}\n{told:?}\n{made:#?}\n{groups:#?}",
                                name(from),
                                name(to),
                                state(&was),
                                state(&is)
                            )
                        };
                        for (list, count) in told.iter().take(3) {
                            assert_eq!(*count, usize::from(expected == Some(*list)), "{}", about());
                        }
                        if let Some(word) = expected {
                            *seen.entry(word).or_default() += 1;
                        }
                        let open: usize = told.iter().skip(3).map(|(_, count)| count).sum();
                        assert!(open <= 1, "{}", about());
                        if verdict(&was) != Verdict::Reachable {
                            assert_eq!(open, 0, "{}", about());
                        } else if let Some(fate) = was.as_ref().and_then(|was| fate(was, is.as_ref())) {
                            let found = told.iter().skip(3).find(|(_, count)| *count > 0).map(|(list, _)| *list);
                            assert_eq!(found.unwrap_or("unaffected"), fate, "{}", about());
                            *seen.entry(fate).or_default() += 1;
                        }
                    }
                }
            }
        }
    }
    let words = ["gained", "lost", "undecided", "cut_now", "survive_until_idle", "unaffected", "unknown"];
    // What AWS does not document is rare.
    for word in &words[..if wanted >= 1000 { 7 } else { 6 }] {
        assert!(seen.get(*word).is_some_and(|count| *count > 0), "{word} was never seen: {seen:?}");
    }
    // Every kind of call was made, in a run that is long enough for it.
    if wanted >= 1000 {
        assert!(applied.len() >= 17, "{applied:?}");
    }
    if std::env::var_os("REACH_TEST_CHANGES").is_some() {
        assert!(done >= wanted);
        std::fs::write(std::env::temp_dir().join("reach-whatif-changes.txt"), format!("{done} {applied:?} {seen:?}\n"))
            .unwrap();
    }
}
