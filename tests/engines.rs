//! The two engines against each other, on synthetic estates.
//!
//! `REACH_TEST_ENIS=64000 REACH_TEST_PAIRS=1000000 cargo test --release --test main engines` is the long form.

use reach_engine::compile::link::Links;
use reach_engine::compile::lookup::Lookup;
use reach_engine::compile::population::Population;
use reach_engine::compile::{Compiled, groups::ProfileId};
use reach_engine::simulate::{self, Start, Target};
use reach_engine::verdict::Verdict;
use reach_generate::Profile;
use reach_model::Network;
use reach_packets::{Protocol, Transport};

use crate::matrix::{Draw, generated, number};

/// The verdict of one flow and its reply, packet by packet. Behind a translator the reply is judged at the first port of
/// its pool.
fn simulated(network: &Network, start: Start, target: Target<'_>, protocol: Protocol, ports: (u16, u16)) -> Verdict {
    let (port, source) = ports;
    let there = Transport::Ports { source, destination: port };
    let back = Transport::Ports { source: port, destination: source };
    let runs = simulate::forward(network, start, target, protocol, there);
    let verdicts = runs.iter().flat_map(|(trace, session)| {
        let forward = trace.verdict();
        if forward == Verdict::Blocked {
            return vec![forward];
        }
        if !session.has_responder() {
            return vec![forward.and(Verdict::Unknown)];
        }
        let pool = session.rewrites_port().then_some(1024);
        simulate::reply(network, session, back, pool).iter().map(|reply| forward.and(reply.verdict())).collect()
    });
    Verdict::over(verdicts).unwrap_or(Verdict::Unknown)
}

/// Ports that rules and network ACLs of the estates speak of, beside ones that they do not.
const PORTS: [u16; 12] = [22, 25, 53, 80, 123, 443, 1023, 1024, 8080, 10250, 32768, 65535];
const SOURCES: [u16; 5] = [53, 1023, 1024, 40_000, 65_535];

fn agree(
    network: &Network,
    lookup: &Lookup<'_, '_>,
    population: &Population,
    compiled: &Compiled<'_>,
    flows: &mut dyn Iterator<Item = (u32, u32, Protocol, u16, u16)>,
) -> [u64; 3] {
    let mut algebra = compiled.algebra();
    let mut seen = [0; 3];
    for (a, b, protocol, port, source) in flows {
        let (from, to) = (population.members()[a as usize], population.members()[b as usize]);
        if a == b || from.family() != to.family() {
            continue;
        }
        let start = Start::Interface(from.interface, from.address());
        let target = Target { address: to.address(), interface: Some(to.interface), admission: None };
        let reference = simulated(network, start, target, protocol, (port, source));
        let compiled = lookup.passes((a, b), (protocol, port, source), &mut algebra);
        // What some ways of AWS's pass and others do not is no more certain than what is unknown.
        let reference = if reference == Verdict::Partial { Verdict::Unknown } else { reference };
        assert_eq!(compiled, reference, "{} -> {} {protocol} {port} from {source}", from.net, to.net);
        seen[match reference {
            Verdict::Reachable => 0,
            Verdict::Blocked => 1,
            _ => 2,
        }] += 1;
    }
    seen
}

#[test]
fn engines_agree_exhaustively_on_small_estates() {
    for profile in Profile::ALL {
        let network = generated(profile, 50);
        let compiled = Compiled::new(&network);
        let population = Population::of(&compiled);
        let links = Links::new(&compiled, &population);
        let lookup = Lookup::new(&compiled, &population, &links);
        let count = u32::try_from(population.members().len()).unwrap();
        let ports = [(Protocol::TCP, 443, 40_000), (Protocol::TCP, 8080, 1023), (Protocol::UDP, 53, 40_000)];
        let mut flows = (0..count)
            .flat_map(|a| (0..count).map(move |b| (a, b)))
            .flat_map(|(a, b)| ports.map(|(protocol, port, source)| (a, b, protocol, port, source)));
        let seen = agree(&network, &lookup, &population, &compiled, &mut flows);
        assert!(seen[0] > 0 && seen[1] > 0, "{profile:?}: {seen:?}");
    }
}

#[test]
fn engines_agree_on_random_flows() {
    let (enis, pairs) = (number("REACH_TEST_ENIS", 1_000), number("REACH_TEST_PAIRS", 4_000));
    for profile in Profile::ALL {
        let network = generated(profile, enis);
        let compiled = Compiled::new(&network);
        let population = Population::of(&compiled);
        let links = Links::new(&compiled, &population);
        let lookup = Lookup::new(&compiled, &population, &links);
        let mut draw = Draw(3);
        let count = population.members().len();
        let mut flows = (0..pairs).map(|_| {
            let protocol = if draw.below(4) == 0 { Protocol::UDP } else { Protocol::TCP };
            let (port, source) = (PORTS[draw.below(PORTS.len())], SOURCES[draw.below(SOURCES.len())]);
            (draw.member(count), draw.member(count), protocol, port, source)
        });
        let seen = agree(&network, &lookup, &population, &compiled, &mut flows);
        assert!(seen[0] > 0 && seen[1] > 0, "{profile:?}: {seen:?}");
    }
}

/// The lemma that classes stand on: two members of a class are told apart by no packet, in pairs on different hosts.
#[test]
fn members_of_a_class_are_never_told_apart_by_simulate() {
    for profile in Profile::ALL {
        let network = generated(profile, number("REACH_TEST_ENIS", 400));
        let compiled = Compiled::new(&network);
        let population = Population::of(&compiled);
        let mut draw = Draw(5);
        let members = population.members();
        let shared: Vec<u32> = (0..u32::try_from(population.classes().len()).unwrap())
            .filter(|&class| population.members_of(class).len() > 1)
            .collect();
        let mut asked = 0;
        for _ in 0..number("REACH_TEST_PAIRS", 2_000) {
            // In `uniq` and `max` no two interfaces are alike: then nothing can be told apart.
            let Some(&class) = shared.get(draw.below(shared.len().max(1))) else { break };
            let own = population.members_of(class);
            let (a, b) = (own[draw.below(own.len())], own[draw.below(own.len())]);
            let other = draw.member(members.len());
            if a == b || population.on_one_host(a, other) || population.on_one_host(b, other) {
                continue;
            }
            let ports = (PORTS[draw.below(PORTS.len())], SOURCES[draw.below(SOURCES.len())]);
            let end = |position: u32| members[position as usize];
            let judge = |from: u32, to: u32| {
                let (from, to) = (end(from), end(to));
                let start = Start::Interface(from.interface, from.address());
                let target = Target { address: to.address(), interface: Some(to.interface), admission: None };
                simulated(&network, start, target, Protocol::TCP, ports)
            };
            if end(a).family() == end(other).family() {
                let told = format!("{} and {} with {}", end(a).net, end(b).net, end(other).net);
                assert_eq!(judge(a, other), judge(b, other), "{told}");
                assert_eq!(judge(other, a), judge(other, b), "{told}");
                asked += 1;
            }
        }
        assert!(shared.is_empty() || asked > 0);
    }
}

/// A profile is one distinct set of groups, whatever the order they are listed in.
#[test]
fn profiles_are_distinct_sets_of_groups() {
    let network = generated(Profile::Realistic, 400);
    let compiled = Compiled::new(&network);
    let mut sets: Vec<Vec<String>> = Vec::new();
    let mut of: std::collections::BTreeMap<Vec<String>, ProfileId> = std::collections::BTreeMap::new();
    for (idx, interface) in network.interfaces.iter() {
        let mut ids: Vec<String> = interface.groups.iter().map(|group| group.id(&network.groups).to_string()).collect();
        ids.sort();
        let profile = compiled.groups.profile_of(idx);
        assert_eq!(*of.entry(ids.clone()).or_insert(profile), profile);
        sets.push(ids);
    }
    sets.sort();
    sets.dedup();
    assert_eq!(sets.len(), compiled.groups.profiles().len());
}
