//! Laws that hold for every estate: more rules never admit less, order means nothing, halves make a whole, and a range
//! says what its single ports say.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use reach_engine::pair::AllowedPorts;
use reach_engine::verdict::Verdict;
use reach_model::Network;
use serde_json::{Value, json};

use crate::estate::{Estate, Said, ask};

/// What a random estate is made of.
#[derive(Debug, Clone)]
struct Plan {
    a: Vec<String>,
    b: Vec<String>,
    /// Entries without numbers, for `subnet-b` and for the NAT gateway's subnet.
    acl_b: Vec<String>,
    acl_pub: Vec<String>,
}

/// Where rules draw their lines, and the ports on either side.
const EDGES: [u16; 8] = [0, 25, 80, 443, 1024, 40000, 60999, 65535];

fn ports() -> impl Strategy<Value = String> {
    (select(EDGES.to_vec()), select(EDGES.to_vec())).prop_map(|(x, y)| format!("{}-{}", x.min(y), x.max(y)))
}

fn group_rule() -> impl Strategy<Value = String> {
    let peers =
        ["0.0.0.0/0", "10.0.0.0/16", "10.0.1.0/24", "10.0.1.10/32", "203.0.113.0/24", "sg-a", "sg-b", "pl-1", "pl-far"];
    let what = prop_oneof![
        3 => ports().prop_map(|ports| format!("tcp {ports}")),
        1 => ports().prop_map(|ports| format!("udp {ports}")),
        1 => select(vec!["icmp 8/-1", "icmp 3/4", "icmp -1/-1", "47", "-1"]).prop_map(str::to_owned),
    ];
    (select(vec!["ingress", "egress"]), what, select(peers.to_vec()))
        .prop_map(|(direction, what, peer)| format!("{direction} {what} {peer}"))
}

fn entry() -> impl Strategy<Value = String> {
    let what = prop_oneof![
        3 => ports().prop_map(|ports| ("tcp", format!(" {ports}"))),
        1 => ports().prop_map(|ports| ("udp", format!(" {ports}"))),
        1 => select(vec![("icmp", " 8/-1"), ("icmp", " 0/0"), ("58", ""), ("-1", "")]).prop_map(|(p, f)| (p, f.to_owned())),
    ];
    let cidrs = ["0.0.0.0/0", "10.0.0.0/16", "10.0.1.0/24", "10.0.2.0/25", "203.0.113.0/24"];
    (select(vec!["ingress", "egress"]), select(vec!["allow", "allow", "deny"]), what, select(cidrs.to_vec())).prop_map(
        |(direction, action, (protocol, fields), cidr)| format!("{direction} {action} {protocol} {cidr}{fields}"),
    )
}

fn plan() -> impl Strategy<Value = Plan> {
    let rules = || prop::collection::vec(group_rule(), 0..6);
    // An ACL that mostly lets things pass, so that what stands behind it matters.
    let entries = || {
        (prop::collection::vec(entry(), 0..5), any::<bool>()).prop_map(|(mut lines, open)| {
            if open {
                lines.extend(["ingress allow -1 0.0.0.0/0", "egress allow -1 0.0.0.0/0"].map(str::to_owned));
            }
            lines
        })
    };
    (rules(), rules(), entries(), entries()).prop_map(|(mut a, b, acl_b, acl_pub)| {
        a.push("egress tcp 0-65535 0.0.0.0/0".to_owned());
        Plan { a, b, acl_b, acl_pub }
    })
}

/// Gives every entry its number, ten apart, in the order of the list.
fn numbered(lines: &[String]) -> Vec<String> {
    lines.iter().enumerate().map(|(position, line)| format!("{} {line}", 10 * (position + 1))).collect()
}

fn texts(lines: &[String]) -> Vec<&str> {
    lines.iter().map(String::as_str).collect()
}

impl Plan {
    /// A behind a NAT gateway, B public: paths with four and with six network ACLs.
    fn estate(&self) -> Estate {
        self.with_acls(&numbered(&self.acl_b), &numbered(&self.acl_pub))
    }

    fn with_acls(&self, acl_b: &[String], acl_pub: &[String]) -> Estate {
        let mut estate = Estate::two(&texts(&self.a), &texts(&self.b));
        estate.internet().nat().public("b", "198.51.100.20").instance("a2", "10.0.1.11", &["sg-b"]);
        estate.table("rtb-a", "vpc-1", &["0.0.0.0/0 nat-1"]).associate("rtb-a", "subnet-a");
        estate.table("rtb-b", "vpc-1", &["0.0.0.0/0 igw-1"]).associate("rtb-b", "subnet-b");
        estate.acl("acl-b", "vpc-1", &texts(acl_b)).acl_for("acl-b", "subnet-b");
        estate.acl("acl-pub", "vpc-1", &texts(acl_pub)).acl_for("acl-pub", "subnet-pub");
        estate.document(
            json!({"PrefixListId": "pl-1", "Entries": [{"Cidr": "10.0.1.0/28"}, {"Cidr": "203.0.113.9/32"}]}),
        );
        estate
    }
}

/// The pairs that are asked about: across subnets both ways, inside one, through the gateways.
const PAIRS: [(&str, &str); 6] = [
    ("10.0.1.10", "10.0.2.20"),
    ("10.0.2.20", "10.0.1.10"),
    ("10.0.1.10", "10.0.1.11"),
    ("10.0.1.10", "internet/203.0.113.9"),
    ("internet/203.0.113.9", "10.0.2.20"),
    ("10.0.1.10", "198.51.100.20"),
];

/// Everything of an answer that no order may change.
fn digest(said: &Said) -> String {
    let mut reasons = said.reasons.clone();
    reasons.sort();
    let Said { verdict, forward, back, allowed, source_ports, translated, tracking, .. } = said;
    format!("{verdict} {forward} {back:?} {allowed:?} {source_ports:?} {translated:?} {tracking:?} {reasons:?}")
}

fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Blocked => 0,
        Verdict::Unknown => 1,
        Verdict::Partial => 2,
        Verdict::Reachable => 3,
    }
}

/// The edges and their neighbours: every piece that a rule can cut begins and ends at one of them.
fn probes(low: u16, high: u16) -> BTreeSet<u16> {
    let near = EDGES.iter().flat_map(|&edge| [edge.saturating_sub(1), edge, edge.saturating_add(1)]);
    near.chain([low, high]).filter(|port| (low..=high).contains(port)).collect()
}

fn allowed_ports(said: &Said) -> BTreeSet<u16> {
    let entries = said.answer.groups.iter().flat_map(|group| &group.answer.allowed);
    let ports = entries.filter_map(|entry| match &entry.what {
        AllowedPorts::Ports(_, ports) => Some(ports),
        _ => None,
    });
    (0..=u16::MAX).filter(|&port| ports.clone().any(|set| set.contains(port))).collect()
}

/// Shuffles by a list of positions.
fn shuffle<T>(list: &mut [T], picks: &[Index]) {
    for (position, pick) in picks.iter().enumerate().take(list.len()) {
        let other = pick.index(list.len());
        list.swap(position, other);
    }
}

fn network(files: Vec<(String, Vec<u8>)>) -> Network {
    reach_model::network::build(&reach_model::import::import_documents(files).unwrap()).unwrap()
}

/// Shuffles what has no order in AWS's answers, at every depth that holds such a list.
fn shuffle_lists(value: &mut Value, picks: &[Index]) {
    match value {
        Value::Array(list) => {
            shuffle(list, picks);
            for element in list {
                shuffle_lists(element, picks);
            }
        }
        Value::Object(map) => {
            for (key, element) in map {
                // The order of addresses says which one is the primary one's successor; nothing else has an order.
                if !key.contains("Addresses") {
                    shuffle_lists(element, picks);
                }
            }
        }
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sg1_another_rule_never_removes_a_flow(plan in plan(), rule in group_rule(), of_a in any::<bool>(), port in select(EDGES.to_vec())) {
        let before = plan.estate().network();
        let mut more = plan.clone();
        if of_a { more.a.push(rule) } else { more.b.push(rule) }
        let after = more.estate().network();
        for (from, to) in PAIRS {
            for what in [format!("tcp {port} from 50000"), format!("udp {port} from 50000"), "icmp 8/0".to_owned(), "47".to_owned()] {
                let (was, is) = (ask(&before, from, to, &what).verdict, ask(&after, from, to, &what).verdict);
                prop_assert!(rank(is) >= rank(was), "{from} -> {to} {what}: {was} became {is}");
            }
        }
    }

    #[test]
    fn sg1_na2_order_means_nothing(plan in plan(), picks in prop::collection::vec(any::<Index>(), 12)) {
        let estate = plan.estate();
        let plain = estate.network();
        let mut files = estate.files();
        for (_, bytes) in &mut files {
            let mut value: Value = serde_json::from_slice(bytes).unwrap();
            shuffle_lists(&mut value, &picks);
            *bytes = serde_json::to_vec(&value).unwrap();
        }
        shuffle(&mut files, &picks);
        let shuffled = network(files);
        for (from, to) in PAIRS {
            for what in ["tcp", "udp 53", "icmp", "47"] {
                let (one, other) = (ask(&plain, from, to, what), ask(&shuffled, from, to, what));
                prop_assert_eq!(digest(&one), digest(&other), "{} -> {} {}", from, to, what);
            }
        }
    }

    #[test]
    fn sg16_na5_two_halves_make_a_cidr(plan in plan()) {
        let halves = |line: &str| -> Vec<String> {
            let cidr = line.split(' ').find(|word| word.contains('/') && word.parse::<ipnet::Ipv4Net>().is_ok());
            let Some(net) = cidr.and_then(|cidr| cidr.parse::<ipnet::Ipv4Net>().ok()).filter(|net| net.prefix_len() < 32) else {
                return vec![line.to_owned()];
            };
            let parts = net.subnets(net.prefix_len() + 1).unwrap();
            parts.map(|half| line.replace(&net.to_string(), &half.to_string())).collect()
        };
        let split = |lines: &[String]| lines.iter().flat_map(|line| halves(line)).collect::<Vec<_>>();
        let whole = plan.estate().network();
        let cut = Plan { a: split(&plan.a), b: split(&plan.b), acl_b: split(&plan.acl_b), acl_pub: split(&plan.acl_pub) };
        let cut = cut.estate().network();
        for (from, to) in PAIRS {
            for what in ["tcp", "udp 53", "icmp"] {
                let (one, other) = (ask(&whole, from, to, what), ask(&cut, from, to, what));
                prop_assert_eq!(
                    (one.verdict, one.forward, one.back, &one.allowed, &one.source_ports, &one.translated),
                    (other.verdict, other.forward, other.back, &other.allowed, &other.source_ports, &other.translated),
                    "{} -> {} {}", from, to, what
                );
            }
        }
    }

    #[test]
    fn m2_a_range_says_what_its_ports_say(plan in plan(), low in select(EDGES.to_vec()), high in select(EDGES.to_vec()), udp in any::<bool>()) {
        let (low, high, protocol) = (low.min(high), low.max(high), if udp { "udp" } else { "tcp" });
        let network = plan.estate().network();
        for (from, to) in PAIRS {
            let range = ask(&network, from, to, &format!("{protocol} {low}-{high}"));
            let allowed = allowed_ports(&range);
            let singles: Vec<(u16, Said)> =
                probes(low, high).into_iter().map(|port| (port, ask(&network, from, to, &format!("{protocol} {port}")))).collect();
            for (port, single) in &singles {
                prop_assert_eq!(allowed.contains(port), single.verdict.passes(), "{} -> {} {} {}", from, to, protocol, port);
            }
            let over = |part: &dyn Fn(&Said) -> Option<Verdict>| Verdict::over(singles.iter().filter_map(|(_, said)| part(said)));
            prop_assert_eq!(Some(range.verdict), over(&|said| Some(said.verdict)), "{} -> {}", from, to);
            prop_assert_eq!(Some(range.forward), over(&|said| Some(said.forward)), "{} -> {}", from, to);
            prop_assert_eq!(range.back, over(&|said| said.back), "{} -> {}", from, to);
        }
    }

    #[test]
    fn m2_source_ports_say_what_each_of_them_says(plan in plan(), low in select(EDGES.to_vec()), high in select(EDGES.to_vec()), port in select(EDGES.to_vec())) {
        let (low, high) = (low.min(high), low.max(high));
        let network = plan.estate().network();
        for (from, to) in PAIRS {
            let range = ask(&network, from, to, &format!("tcp {port} from {low}-{high}"));
            let singles: Vec<(u16, Said)> =
                probes(low, high).into_iter().map(|source| (source, ask(&network, from, to, &format!("tcp {port} from {source}")))).collect();
            prop_assert_eq!(Some(range.verdict), Verdict::over(singles.iter().map(|(_, said)| said.verdict)), "{} -> {}", from, to);
            prop_assert_eq!(range.back, Verdict::over(singles.iter().filter_map(|(_, said)| said.back)), "{} -> {}", from, to);
            let entries = range.answer.groups.iter().flat_map(|group| &group.answer.allowed);
            let passing = entries.fold(BTreeSet::new(), |mut all: BTreeSet<u16>, entry| {
                all.extend((0..=u16::MAX).filter(|&source| entry.source_ports.contains(source)));
                all
            });
            for (source, single) in &singles {
                prop_assert_eq!(passing.contains(source), single.verdict.passes(), "{} -> {} from {}", from, to, source);
            }
        }
    }

    #[test]
    fn sg11_na7_all_messages_say_what_each_of_them_says(plan in plan()) {
        let network = plan.estate().network();
        for (from, to) in PAIRS {
            let all = ask(&network, from, to, "icmp");
            let entries = all.answer.groups.iter().flat_map(|group| &group.answer.allowed);
            let allowed: Vec<_> = entries
                .filter_map(|entry| match &entry.what {
                    AllowedPorts::Icmp(_, messages) => Some(messages),
                    _ => None,
                })
                .collect();
            let mut verdicts = Vec::new();
            for kind in [0, 3, 5, 8, 13, 255] {
                for code in [0, 1, 4, 5, 255] {
                    let single = ask(&network, from, to, &format!("icmp {kind}/{code}")).verdict;
                    verdicts.push(single);
                    let listed = allowed.iter().any(|messages| messages.contains(kind, code));
                    prop_assert_eq!(listed, single.passes(), "{} -> {} {}/{}", from, to, kind, code);
                }
            }
            prop_assert_eq!(Some(all.verdict), Verdict::over(verdicts), "{} -> {}", from, to);
        }
    }

    #[test]
    fn sg2_it_does_not_matter_which_of_an_interface_s_groups_holds_a_rule(plan in plan(), cut in any::<Index>()) {
        let whole = plan.estate().network();
        let (first, second) = plan.b.split_at(cut.index(plan.b.len() + 1));
        let halves = Plan { b: first.to_vec(), ..plan.clone() };
        let mut estate = halves.estate();
        estate.group("sg-b2", &texts(second));
        for name in ["b", "a2"] {
            estate.eni(name, |eni| eni["Groups"] = json!([{"GroupId": "sg-b2"}, {"GroupId": "sg-b"}]));
        }
        let split = estate.network();
        for (from, to) in PAIRS {
            for what in ["tcp", "icmp 8/0", "47"] {
                let (one, other) = (ask(&whole, from, to, what), ask(&split, from, to, what));
                prop_assert_eq!(
                    (one.verdict, one.forward, one.back, &one.allowed, one.tracking),
                    (other.verdict, other.forward, other.back, &other.allowed, other.tracking),
                    "{} -> {} {}", from, to, what
                );
            }
        }
    }
}
