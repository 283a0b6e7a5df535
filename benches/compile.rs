//! The compiled engine in small: 5,000 interfaces, one operation at a time.

mod synthetic;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use reach_engine::compile::Compiled;
use reach_engine::compile::headers::{Algebra, Headers};
use reach_engine::compile::link::Links;
use reach_engine::compile::lookup::Lookup;
use reach_engine::compile::matrix::Matrix;
use reach_engine::compile::population::Population;
use reach_engine::pair::{Ask, Lane};
use reach_engine::question::{self, Engine};
use reach_model::Network;
use reach_model::import::import_documents;
use reach_model::network::build;
use reach_packets::{PortRanges, PortSet, Protocol};

const INTERFACES: usize = 5_000;

fn network() -> Option<Network> {
    let files = synthetic::files(INTERFACES);
    let snapshot = import_documents(files.iter().map(|(name, text)| (name.as_str(), text.as_slice()))).ok()?;
    build(&snapshot).ok()
}

/// Pairs of positions below `bound`.
fn pairs(bound: usize) -> Vec<(usize, usize)> {
    let mut random = synthetic::Lcg(11);
    (0..10_000).map(|_| (random.below(bound), random.below(bound))).collect()
}

fn headers(c: &mut Criterion) {
    let headers = Headers::default();
    let mut algebra = Algebra::new(&headers);
    let ports =
        |n: u16| PortSet::tcp(PortRanges::range(n * 16, n * 16 + 100)).union(&PortSet::udp(PortRanges::single(n)));
    let sets: Vec<_> = (0..100).map(|n| algebra.intern(ports(n))).collect();
    let asked: Vec<_> = pairs(sets.len()).iter().filter_map(|&(a, b)| Some((*sets.get(a)?, *sets.get(b)?))).collect();
    let mut group = c.benchmark_group("headers");
    let mut next = asked.iter().cycle();
    group.bench_function("union, intersect, subtract: known", |b| {
        b.iter(|| {
            let Some(&(left, right)) = next.next() else { return };
            black_box((algebra.union(left, right), algebra.intersect(left, right), algebra.subtract(left, right)));
        });
    });
    let sets: Vec<PortSet> = (0..100).map(ports).collect();
    let mut next = pairs(sets.len()).into_iter().cycle();
    group.bench_function("union, intersect, subtract: sets themselves", |b| {
        b.iter(|| {
            let Some((left, right)) = next.next().and_then(|(a, b)| Some((sets.get(a)?, sets.get(b)?))) else { return };
            black_box((left.union(right), left.intersect(right), left.subtract(right)));
        });
    });
    group.finish();
}

fn compile(c: &mut Criterion) {
    let Some(network) = network() else { return };
    let mut group = c.benchmark_group("compile");
    group.sample_size(20);
    group.bench_function("groups, ACLs, routes", |b| b.iter(|| black_box(Compiled::new(&network))));
    let compiled = Compiled::new(&network);
    group.bench_function("classes", |b| b.iter(|| black_box(Population::of(&compiled))));
    let population = Population::of(&compiled);
    group.bench_function("links", |b| b.iter(|| black_box(Links::new(&compiled, &population))));
    let links = Links::new(&compiled, &population);
    group.bench_function("operands", |b| b.iter(|| black_box(Matrix::new(&compiled, &population, &links))));
    let matrix = Matrix::new(&compiled, &population, &links);
    group.bench_function("all pairs", |b| b.iter(|| black_box(matrix.sweep())));
    group.finish();

    let mut group = c.benchmark_group("compiled");
    let lookup = Lookup::new(&compiled, &population, &links);
    let mut algebra = compiled.algebra();
    let members = pairs(population.members().len());
    let position = |(from, to): &(usize, usize)| (u32::try_from(*from).ok(), u32::try_from(*to).ok());
    let mut next = members.iter().map(position).cycle();
    group.bench_function("concrete question", |b| {
        b.iter(|| {
            let Some((Some(from), Some(to))) = next.next() else { return };
            black_box(lookup.passes((from, to), (Protocol::TCP, 443, 40_000), &mut algebra));
        });
    });
    let mut next = members.iter().map(position).cycle();
    group.bench_function("pair", |b| {
        b.iter(|| {
            let Some((Some(from), Some(to))) = next.next() else { return };
            black_box(lookup.pair(from, to, &mut algebra));
        });
    });
    let rows = matrix.rows();
    let mut scratch = rows.scratch();
    let mut next = rows.runs().iter().cycle();
    group.bench_function("row", |b| {
        b.iter(|| {
            let Some(run) = next.next() else { return };
            rows.row(run, &mut scratch, |term| {
                black_box(term.from.len());
            });
        });
    });
    let mut next = rows.runs().iter().cycle();
    group.bench_function("plan of a row", |b| {
        b.iter(|| {
            let Some(run) = next.next() else { return };
            black_box(rows.port_groups(run, &mut scratch));
        });
    });
    group.finish();

    let mut group = c.benchmark_group("question");
    let ask =
        Ask { lanes: vec![Lane::Ports(Protocol::TCP, PortRanges::single(443))], source_ports: None, family: None };
    let texts: Vec<(String, String)> = pairs(INTERFACES)
        .into_iter()
        .take(1_000)
        .map(|(from, to)| (synthetic::address(from), synthetic::address(to)))
        .collect();
    for (name, engine) in [("compiled", Engine::Compiled), ("reference", Engine::Reference)] {
        let mut next = texts.iter().cycle();
        group.bench_function(name, |b| {
            b.iter(|| {
                let Some((from, to)) = next.next() else { return };
                let Ok(question) = reach_eks::question(&network, from, to, None, ask.clone()) else { return };
                black_box(question::ask(&compiled, &question, engine).is_ok());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, headers, compile);
criterion_main!(benches);
