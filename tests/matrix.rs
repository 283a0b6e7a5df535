//! The matrix against the pairs it is made of.

use std::collections::BTreeMap;

use reach_engine::compile::headers::HeaderId;
use reach_engine::compile::link::Links;
use reach_engine::compile::matrix::{Flows, Matrix};
use reach_engine::compile::population::Population;
use reach_engine::compile::{Aim, Compiled, Source};
use reach_model::Network;

use reach_packets::{IntervalSet, PortRanges, PortSet};

use crate::estate::Estate;

/// Rectangles of one pair in a form that is the same however they were cut: by lane, the client ports of every
/// destination header, for what is certain and for what is not.
type Cell = BTreeMap<(bool, &'static str), Vec<(String, String)>>;

fn cell(compiled: &Compiled<'_>, rectangles: &[(HeaderId, HeaderId, bool)]) -> Cell {
    let mut cell = Cell::new();
    for certain in [true, false] {
        let of = |pick: fn(&PortSet) -> PortRanges| -> Vec<(PortRanges, PortRanges)> {
            rectangles
                .iter()
                .filter(|(.., own)| *own == certain)
                .map(|(d, s, _)| (pick(&compiled.headers.get(*d)), pick(&compiled.headers.get(*s))))
                .filter(|(d, s)| !d.is_empty() && !s.is_empty())
                .collect()
        };
        for (lane, rectangles) in
            [("tcp", of(|set| set.tcp_ports().clone())), ("udp", of(|set| set.udp_ports().clone()))]
        {
            let cuts: Vec<PortRanges> = rectangles.iter().map(|(d, _)| d.clone()).collect();
            let mut by_source: BTreeMap<String, PortRanges> = BTreeMap::new();
            for atom in IntervalSet::full().partition(&cuts) {
                let sources = rectangles
                    .iter()
                    .filter(|(d, _)| atom.is_subset(d))
                    .fold(PortRanges::empty(), |all, (_, s)| all.union(s));
                if !sources.is_empty() {
                    let known = by_source.entry(sources.to_string()).or_insert_with(PortRanges::empty);
                    *known = known.union(&atom);
                }
            }
            if !by_source.is_empty() {
                cell.insert((certain, lane), by_source.into_iter().map(|(s, d)| (d.to_string(), s)).collect());
            }
        }
        let rest = rectangles
            .iter()
            .filter(|(.., own)| *own == certain)
            .fold(PortSet::empty(), |all, (d, ..)| all.union(&compiled.headers.get(*d).without_ports()));
        if !rest.is_empty() {
            cell.insert((certain, "rest"), vec![(format!("{rest:?}"), String::new())]);
        }
    }
    cell
}

/// A small linear congruential generator: the same numbers on every machine.
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    pub(crate) fn member(&mut self, count: usize) -> u32 {
        u32::try_from(self.below(count)).unwrap()
    }
}

/// A number from the environment, for the long forms of tests.
pub(crate) fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

fn every_flow(matrix: &Matrix<'_, '_>) -> Vec<Flows> {
    let mut scratch = matrix.rows().scratch();
    let mut all: Vec<Flows> = Vec::new();
    for run in matrix.rows().runs() {
        all.extend(matrix.run(run, &mut scratch));
    }
    all.extend(matrix.others());
    all
}

/// Asserts it of `count` pairs, spread over the network.
fn assert_samples(compiled: &Compiled<'_>, count: usize) {
    let population = Population::of(compiled);
    let links = Links::new(compiled, &population);
    let matrix = Matrix::new(compiled, &population, &links);
    let all = every_flow(&matrix);
    let mut into: BTreeMap<u32, Vec<&Flows>> = BTreeMap::new();
    for flows in &all {
        for &class in &flows.to {
            into.entry(class).or_default().push(flows);
        }
    }
    let mut algebra = compiled.algebra();
    let members = population.members();
    let mut draw = Draw(1);
    for _ in 0..count {
        let (a, b) = (draw.member(members.len()), draw.member(members.len()));
        let (from, to) = (&members[a as usize], &members[b as usize]);
        if a == b || from.family() != to.family() {
            continue;
        }
        let local = population.on_one_host(a, b);
        let own = into.get(&population.class_of(b)).into_iter().flatten();
        let own = own.filter(|flows| flows.local == local && flows.has_source(population.class_of(a)));
        let own: Vec<_> = own.map(|f| (f.headers, f.back, f.certain)).collect();
        let aim = Aim { address: to.address(), interface: Some(to.interface), admission: None };
        let alone = compiled.flows(Source::Interface(from.interface, from.address()), aim, &mut algebra);
        assert_eq!(cell(compiled, &own), cell(compiled, &alone), "{} -> {}", from.net, to.net);
    }
}

/// Asserts that the matrix of a network says of every pair what the pair says of itself.
pub(crate) fn assert_sum_of_pairs(compiled: &Compiled<'_>) -> u64 {
    let population = Population::of(compiled);
    let links = Links::new(compiled, &population);
    let matrix = Matrix::new(compiled, &population, &links);
    let all = every_flow(&matrix);
    let mut algebra = compiled.algebra();
    let members = population.members();
    let mut pairs = 0;
    for (a, from) in (0..).zip(members) {
        for (b, to) in (0..).zip(members) {
            if a == b || from.family() != to.family() {
                continue;
            }
            let local = population.on_one_host(a, b);
            let (from_class, to_class) = (population.class_of(a), population.class_of(b));
            let holds =
                |flows: &&Flows| flows.local == local && flows.to.contains(&to_class) && flows.has_source(from_class);
            let own: Vec<_> = all.iter().filter(holds).map(|f| (f.headers, f.back, f.certain)).collect();
            let aim = Aim { address: to.address(), interface: Some(to.interface), admission: None };
            let alone = compiled.flows(Source::Interface(from.interface, from.address()), aim, &mut algebra);
            assert_eq!(cell(compiled, &own), cell(compiled, &alone), "{} -> {}", from.net, to.net);
            pairs += u64::from(!own.is_empty());
        }
    }
    // What the terms say of the number of their pairs is what they expand to.
    let said: u64 = all.iter().map(|flows| flows.pairs).sum();
    let expanded: u64 = all
        .iter()
        .map(|flows| {
            let mut count = 0;
            for (a, _) in (0..).zip(members) {
                for (b, _) in (0..).zip(members) {
                    let from = population.class_of(a);
                    let inside = flows.has_source(from);
                    count += u64::from(
                        a != b
                            && inside
                            && flows.to.contains(&population.class_of(b))
                            && population.on_one_host(a, b) == flows.local,
                    );
                }
            }
            count
        })
        .sum();
    assert_eq!(said, expanded);
    pairs
}

#[test]
fn the_matrix_of_the_demo_is_the_sum_of_its_pairs() {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/demo")).unwrap();
    let files: Vec<(String, Vec<u8>)> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    let snapshot = reach_model::import::import_documents(files).unwrap();
    let network = reach_model::network::build(&snapshot).unwrap();
    assert!(assert_sum_of_pairs(&Compiled::new(&network)) > 0);
}

/// An estate of a profile, imported and built.
pub(crate) fn generated(profile: reach_generate::Profile, enis: usize) -> Network {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("estate");
    let request =
        reach_generate::Request { enis, profile, services: None, seed: 7, layout: reach_generate::Layout::Aws };
    reach_generate::generate(&request, &target).map_err(|error| error.to_string()).unwrap();
    let snapshot = reach_model::import(&[target]).unwrap_or_else(|errors| panic!("{errors}"));
    reach_model::network::build(&snapshot).unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn the_matrix_of_larger_estates_is_the_sum_of_sampled_pairs() {
    // `REACH_TEST_ENIS=8000 REACH_TEST_PAIRS=1000000 cargo test --release matrix` is the long form.
    let (enis, pairs) = (number("REACH_TEST_ENIS", 1_000), number("REACH_TEST_PAIRS", 2_000));
    for profile in reach_generate::Profile::ALL {
        assert_samples(&Compiled::new(&generated(profile, enis)), pairs);
    }
}

#[test]
fn the_matrix_of_every_profile_is_the_sum_of_its_pairs() {
    for profile in reach_generate::Profile::ALL {
        let network = generated(profile, 60);
        assert!(assert_sum_of_pairs(&Compiled::new(&network)) > 0, "{profile:?}");
    }
}

/// What one run leaves in the buffers must not show in the next: here a doubtful rule, then a load balancer behind which
/// nobody is known to answer.
#[test]
fn doubts_of_one_row_do_not_reach_the_next() {
    let mut estate = Estate::two(
        &["egress -1 0.0.0.0/0", "ingress tcp 22 pl-nowhere"],
        &["ingress tcp 80 10.0.1.0/24", "egress -1 0.0.0.0/0"],
    );
    estate.group("sg-lb", &["ingress tcp 443 10.0.1.0/24", "egress -1 0.0.0.0/0"]);
    estate.interface("lb", "10.0.2.30", &["sg-lb"]);
    estate.eni("lb", |eni| eni["InterfaceType"] = serde_json::json!("network_load_balancer"));
    let network = estate.network();
    assert!(assert_sum_of_pairs(&Compiled::new(&network)) > 0);
}

/// Between VPCs that no route joins, no walk is needed; the list is the same.
#[test]
fn vpcs_that_nothing_joins_have_no_flows_between_them() {
    let mut estate = Estate::two(&["egress -1 0.0.0.0/0"], &["ingress -1 0.0.0.0/0"]);
    estate.vpc("vpc-2", "10.7.0.0/16").subnet("subnet-7", "vpc-2", "10.7.1.0/24", "us-east-1a");
    estate.group_in("sg-7", "vpc-2", &["ingress -1 0.0.0.0/0", "egress -1 0.0.0.0/0"]);
    estate.instance("seven", "10.7.1.7", &["sg-7"]).instance("eight", "10.7.1.8", &["sg-7"]);
    let network = estate.network();
    let compiled = Compiled::new(&network);
    assert_eq!(assert_sum_of_pairs(&compiled), 3, "a to b, and both ways in the other VPC");
    let vpc = network.vpcs.indices().next().unwrap();
    assert_eq!(compiled.forwarding.reached_from(&network, vpc).unwrap().len(), 1);
}
