//! What a change would do, told: `json` (`reach.whatif/1`, `reach.diff/1`, by `schemas/whatif.schema.json`), `text` for
//! operators, `markdown` for pull requests.

pub(crate) mod json;
pub(crate) mod markdown;
mod resources;
pub(crate) mod sarif;
pub(crate) mod text;

mod told;

use std::net::IpAddr;

use ipnet::IpNet;
use reach_engine::Verdict;
use reach_engine::endpoint::Endpoint;
use reach_engine::explain;
use reach_engine::whatif::{Difference, End, FlowSet, Quota, ResourceChange, Traffic};
use reach_model::Network;
use reach_model::change::Change;
use reach_packets::{IpSet, PortSet, Protocol};
use serde_json::value::RawValue;

pub(crate) use self::told::{Causes, FindingChange, Item, List, PlanTold, Weight};
use crate::ask::Asked;

/// A change's answer, and what is needed to tell it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    pub(crate) before: &'a Network,
    pub(crate) after: &'a Network,
    pub(crate) id: Option<&'a RawValue>,
    pub(crate) found: &'a Difference,
    pub(crate) verdicts: &'a [VerdictChange],
    /// Findings of the audit that have another status, where one was asked for.
    pub(crate) findings: Option<&'a [FindingChange]>,
    pub(crate) quota: &'a [Quota],
    /// What each set is due to, where that is said.
    pub(crate) causes: Option<&'a Causes>,
    /// The plan that the change is.
    pub(crate) plan: Option<&'a PlanTold<'a>>,
    /// Two snapshots, not a scenario: the resources that differ.
    pub(crate) resources: Option<&'a [ResourceChange]>,
}

/// A question that has another answer.
#[derive(Debug, Clone)]
pub(crate) struct VerdictChange {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) asked: Asked,
    pub(crate) before: Verdict,
    pub(crate) after: Verdict,
    /// What a policy expects, by its name.
    pub(crate) expected: Option<(String, Verdict)>,
}

impl VerdictChange {
    /// Whether an expectation does not hold any more, or still not.
    pub(crate) fn breaks(&self) -> bool {
        self.expected.as_ref().is_some_and(|(_, expected)| *expected != self.after)
    }
}

/// A line that has no answer.
#[derive(Debug)]
pub(crate) struct Error<'a> {
    pub(crate) id: Option<&'a RawValue>,
    pub(crate) line: usize,
    pub(crate) message: String,
    /// The place in the line.
    pub(crate) path: Option<String>,
}

impl Error<'_> {
    /// What is wrong, and where: `InvalidGroup.NotFound: … (line 3, changes[0].DeleteSecurityGroup)`.
    pub(crate) fn text(&self) -> String {
        let path = self.path.as_ref().map_or_else(String::new, |path| format!(", {path}"));
        format!("{} (line {}{path})", self.message, self.line)
    }
}

/// An address of the snapshot, or a range of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) eni: Option<String>,
    pub(crate) net: IpNet,
    pub(crate) public_ip: Option<IpAddr>,
    pub(crate) name: Option<String>,
}

impl Place {
    /// The address; `None` for a range.
    pub(crate) fn ip(&self) -> Option<IpAddr> {
        (self.eni.is_some() && self.net.prefix_len() == self.net.max_prefix_len()).then(|| self.net.addr())
    }

    /// The address or the range, as it is read.
    pub(crate) fn address(&self) -> String {
        if self.net.prefix_len() == self.net.max_prefix_len() {
            self.net.addr().to_string()
        } else {
            self.net.to_string()
        }
    }
}

impl Told<'_> {
    fn places(&self, end: &End) -> Vec<Place> {
        match end {
            End::Inside(list) => list.iter().filter_map(|party| self.party(*party)).collect(),
            End::Outside(set) => {
                let cidrs = set.0.cidrs().into_iter();
                cidrs.map(|net| Place { eni: None, net, public_ip: None, name: None }).collect()
            }
        }
    }

    fn party(&self, id: u32) -> Option<Place> {
        let party = self.found.parties.get(id as usize)?;
        let (network, member) = match (party.before, party.after) {
            (Some(member), _) => (self.before, member),
            (None, Some(member)) => (self.after, member),
            (None, None) => return None,
        };
        let interface = network.interfaces.get(member.interface);
        let address = member.net.addr();
        let single = member.net.prefix_len() == member.net.max_prefix_len();
        Some(Place {
            eni: Some(interface.id.to_string()),
            net: member.net,
            public_ip: if single { interface.public_of(address).map(IpAddr::V4) } else { None },
            name: explain::endpoint_name(network, &Endpoint::address(member.interface, address)),
        })
    }

    /// What people call a set of addresses outside, where they have a word for it.
    fn name_outside(&self, set: &IpSet) -> Option<&'static str> {
        let private = ["10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];
        let private: IpSet = private.iter().filter_map(|net| net.parse::<IpNet>().ok()).collect();
        let families = [reach_packets::Family::V4, reach_packets::Family::V6];
        let public = families.iter().filter(|family| set.has_family(**family)).all(|family| {
            self.found.outside.of_family(*family).subtract(&private) == set.of_family(*family).subtract(&private)
        });
        match (public, set.intersects(&private)) {
            _ if self.is_whole_outside(set) => Some("anywhere outside"),
            (true, false) => Some("the internet"),
            (true, true) => Some("the internet and private networks"),
            (false, _) => None,
        }
    }

    /// Whether a set of addresses is all of the outside, of its families.
    fn is_whole_outside(&self, set: &IpSet) -> bool {
        let families = [reach_packets::Family::V4, reach_packets::Family::V6];
        families
            .iter()
            .filter(|family| set.has_family(**family))
            .all(|family| self.found.outside.of_family(*family) == set.of_family(*family))
    }
}

/// The protocol of a set of flows: a name, a number, numbers, or `all`.
pub(crate) fn protocol(traffic: &Traffic) -> String {
    let headers = &traffic.headers;
    if traffic.is_all() {
        "all".to_owned()
    } else if !headers.tcp_ports().is_empty() {
        Protocol::TCP.to_string()
    } else if !headers.udp_ports().is_empty() {
        Protocol::UDP.to_string()
    } else if !headers.icmp_messages().is_empty() {
        Protocol::ICMP.to_string()
    } else if !headers.icmpv6_messages().is_empty() {
        Protocol::ICMPV6.to_string()
    } else {
        headers.other_protocols().to_string()
    }
}

/// The destination ports of a set of flows, or its messages.
pub(crate) fn ports(traffic: &Traffic) -> Option<String> {
    let headers = &traffic.headers;
    if traffic.is_all() {
        None
    } else if headers.has_ports() {
        let ports = if headers.udp_ports().is_empty() { headers.tcp_ports() } else { headers.udp_ports() };
        Some(ports.to_string())
    } else if !headers.icmp_messages().is_empty() {
        Some(headers.icmp_messages().to_string())
    } else if !headers.icmpv6_messages().is_empty() {
        Some(headers.icmpv6_messages().to_string())
    } else {
        None
    }
}

/// The API's name of a call.
pub(crate) fn call(change: &Change) -> String {
    let value = serde_json::to_value(change).unwrap_or_default();
    value.as_object().and_then(|calls| calls.keys().next().cloned()).unwrap_or_default()
}

/// What stands where a value is kept back.
pub(crate) const SENSITIVE: &str = "(sensitive)";

/// What a set of flows is, in words: `tcp 443`, `every protocol and port`, `icmp`.
pub(crate) fn in_words(item: Item<'_>) -> String {
    if item.is_sensitive() {
        return SENSITIVE.to_owned();
    }
    let traffic = &item.set.traffic;
    if traffic.is_all() {
        return "every protocol and port".to_owned();
    }
    if traffic.headers.other_protocols() == PortSet::full().other_protocols() {
        return "every other protocol".to_owned();
    }
    let name = protocol(traffic);
    let name = if name.starts_with(|letter: char| letter.is_ascii_digit()) { format!("protocol {name}") } else { name };
    let full = traffic.headers.tcp_ports().is_full()
        || traffic.headers.udp_ports().is_full()
        || traffic.headers.icmp_messages().is_full()
        || traffic.headers.icmpv6_messages().is_full();
    let ports = ports(traffic).filter(|_| !full).map_or_else(String::new, |ports| format!(" {ports}"));
    let clients = traffic.source_ports.as_ref().filter(|ports| !ports.is_full());
    let clients = clients.map_or_else(String::new, |ports| format!(" from ports {ports}"));
    format!("{name}{ports}{clients}")
}

/// Sets with the same ends that are due to the same, their traffic in one list: people read who before what. Where there
/// are several timeouts, each stands with its traffic.
pub(crate) fn by_ends<'a>(list: &[Item<'a>]) -> Vec<(Item<'a>, String)> {
    let first = list.first().and_then(|first| first.set.idle_timeout_s);
    let timed = list.iter().any(|item| item.set.idle_timeout_s != first);
    let words = |item: Item<'_>| {
        let words = in_words(item);
        if timed { format!("{words} ({})", duration(item.set.idle_timeout_s)) } else { words }
    };
    let mut found: Vec<(Item<'a>, Vec<String>)> = Vec::new();
    for item in list {
        let (from, to, cause) = (&item.set.from, &item.set.to, item.cause);
        match found.iter_mut().find(|(own, _)| own.set.from == *from && own.set.to == *to && own.cause == cause) {
            Some((_, traffic)) => {
                let words = words(*item);
                if !traffic.contains(&words) {
                    traffic.push(words);
                }
            }
            None => found.push((*item, vec![words(*item)])),
        }
    }
    found.into_iter().map(|(item, traffic)| (item, traffic.join("; "))).collect()
}

/// A number of seconds as an operator says it: `350 s`, `5 days`.
fn duration(seconds: Option<u32>) -> String {
    match seconds {
        None => "no documented timeout".to_owned(),
        Some(86_400) => "1 day".to_owned(),
        Some(seconds) if seconds >= 86_400 && seconds % 86_400 == 0 => format!("{} days", seconds / 86_400),
        Some(seconds) => format!("{seconds} s"),
    }
}

/// What is said of connections that survive: the first failures come with the shortest timeout.
pub(crate) fn survive(list: &[FlowSet]) -> String {
    let first = list.iter().filter_map(|set| set.idle_timeout_s).min();
    let when = match first {
        Some(_) => format!("first failures after {} idle", duration(first)),
        None => "AWS documents no timeout".to_owned(),
    };
    format!("open connections stay up; they cannot reconnect ({when})")
}

/// Both sides of a set, shortened: names with their addresses.
pub(crate) fn ends(told: &Told<'_>, item: Item<'_>, limit: usize) -> [String; 2] {
    [&item.set.from, &item.set.to].map(|end| match end {
        End::Outside(_) if item.is_sensitive() => format!("{SENSITIVE} addresses outside"),
        end => who(told, end, limit),
    })
}

fn who(told: &Told<'_>, end: &End, limit: usize) -> String {
    if let End::Outside(set) = end
        && let Some(name) = told.name_outside(&set.0)
    {
        return name.to_owned();
    }
    let mut named: Vec<(Option<String>, Vec<String>)> = Vec::new();
    for place in told.places(end) {
        let address = place.address();
        match named.iter_mut().find(|(name, _)| *name == place.name && name.is_some()) {
            Some((_, addresses)) => addresses.push(address),
            None => named.push((place.name, vec![address])),
        }
    }
    let hidden = named.len().saturating_sub(limit);
    let more = |addresses: &[String]| match addresses {
        [] => String::new(),
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    };
    let mut shown: Vec<String> = named
        .iter()
        .take(limit)
        .map(|(name, addresses)| match name {
            Some(name) => format!("{name} ({})", more(addresses)),
            None => more(addresses),
        })
        .collect();
    if hidden > 0 {
        shown.push(format!("and {hidden} more"));
    }
    shown.join(", ")
}
