//! The reference engine: one packet, one pair, one question with its selectors.

mod synthetic;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use reach_engine::pair::{Ask, Lane};
use reach_engine::simulate::{self, Start, Target};
use reach_model::import::import_documents;
use reach_model::network::build;
use reach_packets::{PortRanges, Protocol, Transport};

const INTERFACES: usize = 5_000;

/// Pairs of addresses to ask about, spread over the estate.
fn pairs(interfaces: usize, count: usize) -> Vec<(String, String)> {
    let mut random = synthetic::Lcg(11);
    (0..count)
        .map(|_| {
            let from = random.below(interfaces);
            let to = (from + 1 + random.below(interfaces - 1)) % interfaces;
            (synthetic::address(from), synthetic::address(to))
        })
        .collect()
}

fn simulate(c: &mut Criterion) {
    let files = synthetic::files(INTERFACES);
    let snapshot = import_documents(files.iter().map(|(name, text)| (name.as_str(), text.as_slice())));
    let Ok(network) = snapshot.map_err(drop).and_then(|snapshot| build(&snapshot).map_err(drop)) else { return };
    let pairs = pairs(INTERFACES, 1_000);
    let ask =
        Ask { lanes: vec![Lane::Ports(Protocol::TCP, PortRanges::single(443))], source_ports: None, family: None };
    let mut group = c.benchmark_group("simulate");
    let ends: Vec<_> = pairs
        .iter()
        .filter_map(|(from, to)| {
            let (from, to) = (from.parse().ok()?, to.parse().ok()?);
            let owner = |address| network.addresses.owners_anywhere(address).first().copied();
            Some((Start::Interface(owner(from)?, from), Target { address: to, interface: owner(to), admission: None }))
        })
        .collect();
    let mut next = ends.iter().cycle();
    group.bench_function("packet", |b| {
        b.iter(|| {
            let Some(&(start, target)) = next.next() else { return };
            let transport = Transport::Ports { source: 40_000, destination: 443 };
            black_box(simulate::forward(&network, start, target, Protocol::TCP, transport));
        });
    });
    let compiled = reach_engine::compile::Compiled::new(&network);
    let mut next = pairs.iter().cycle();
    group.bench_function("question", |b| {
        b.iter(|| {
            let Some((from, to)) = next.next() else { return };
            let Ok(question) = reach_eks::question(&network, from, to, None, ask.clone()) else { return };
            black_box(
                reach_engine::question::ask(&compiled, &question, reach_engine::question::Engine::Reference).is_ok(),
            );
        });
    });
    group.finish();
}

criterion_group!(benches, simulate);
criterion_main!(benches);
