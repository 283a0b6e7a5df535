//! Large synthetic estates, end to end: import, build, compile, classes, rows, every flow; against a fair scan of pairs.
//!
//! `cargo bench --bench large -- realistic:64000 uniq:64000 …`; without arguments a table of small ones. With `--test`
//! one tiny estate, as a smoke test. Times are of this run on this machine; compare ratios.

use std::path::Path;
use std::time::{Duration, Instant};

use reach_engine::compile::Compiled;
use reach_engine::compile::link::Links;
use reach_engine::compile::lookup::Lookup;
use reach_engine::compile::matrix::Matrix;
use reach_engine::compile::population::Population;
use reach_generate::{Layout, Profile, Request};
use reach_model::Network;
use reach_packets::Protocol;

fn timed<T>(what: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = what();
    (result, start.elapsed())
}

fn show(name: &str, time: Duration) {
    println!("  {name:<28} {:>10.1} ms", time.as_secs_f64() * 1e3);
}

fn network(profile: Profile, enis: usize, directory: &Path) -> Network {
    let request = Request { enis, profile, seed: 1, layout: Layout::Aws };
    let (_, time) = timed(|| reach_generate::generate(&request, directory).map_err(|error| error.to_string()).unwrap());
    show("generate", time);
    let paths = [directory.to_path_buf()];
    let (snapshot, time) = timed(|| reach_model::import(&paths).unwrap_or_else(|error| panic!("{error}")));
    show("import", time);
    let (network, time) =
        timed(|| reach_model::network::build_owned(snapshot).unwrap_or_else(|error| panic!("{error}")));
    show("build", time);
    network
}

/// Concrete questions and symbolic pairs, one thread.
fn pairs(compiled: &Compiled<'_>, population: &Population, links: &Links) {
    let lookup = Lookup::new(compiled, population, links);
    let mut algebra = compiled.algebra();
    let count = u32::try_from(population.members().len()).unwrap();
    let mut random = 1_u64;
    let mut draw = || {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((random >> 33) % u64::from(count)).unwrap()
    };
    let asked: Vec<(u32, u32)> = (0..1_000_000).map(|_| (draw(), draw())).collect();
    for round in ["cold", "warm"] {
        let (passed, time) = timed(|| {
            let mut passed = 0;
            for &pair in &asked {
                let flow = (Protocol::TCP, 443, 40_000);
                passed += u32::from(lookup.passes(pair, flow, &mut algebra).passes());
            }
            passed
        });
        println!("  concrete, {round:<18} {:>10.1} ns ({passed} of a million pass)", time.as_secs_f64() * 1e3);
        let (some, time) = timed(|| {
            let mut some = 0;
            for &(from, to) in &asked {
                some += u32::from(lookup.pair(from, to, &mut algebra).is_some_and(|r| !r.headers.must.is_empty()));
            }
            some
        });
        println!("  pair, {round:<22} {:>10.1} ns ({some} of a million have flows)", time.as_secs_f64() * 1e3);
    }
}

fn estate(profile: Profile, enis: usize) {
    println!("{profile:?} {enis}");
    let directory = std::env::temp_dir().join(format!("reach-large-{}-{enis}", std::process::id()));
    let network = network(profile, enis, &directory);
    let _ = std::fs::remove_dir_all(&directory);
    let (compiled, time) = timed(|| Compiled::new(&network));
    show("compile", time);
    let (population, time) = timed(|| Population::of(&compiled));
    show("classes", time);
    println!(
        "  {} members, {} classes, {} places, {} profiles, {} nodes, {} header sets",
        population.members().len(),
        population.classes().len(),
        population.places().len(),
        compiled.groups.profiles().len(),
        compiled.trie.len(),
        compiled.headers.len()
    );
    let (links, time) = timed(|| Links::new(&compiled, &population));
    show("links", time);
    pairs(&compiled, &population, &links);
    let (matrix, time) = timed(|| Matrix::new(&compiled, &population, &links));
    show("matrix: operands, masks", time);
    println!(
        "  {} runs, {} links, {} MB of operands",
        matrix.rows().runs().len(),
        links.len(),
        matrix.rows().bytes() >> 20
    );
    let (terms, time) = timed(|| matrix.sweep());
    show("matrix: all pairs", time);
    println!("  {terms:?}");
    let (others, time) = timed(|| matrix.others().len());
    show("matrix: special and local", time);
    println!("  {others} others");
}

fn main() {
    let mut asked: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--bench")).collect();
    if asked.iter().any(|argument| argument == "--test") {
        asked = vec!["realistic:200".to_owned()];
    } else if asked.is_empty() {
        asked = ["realistic:64000", "realistic:256000", "uniq:64000"].map(ToOwned::to_owned).to_vec();
    }
    for text in asked {
        let (profile, enis) = text.split_once(':').unwrap_or((&text, "64000"));
        match (profile.parse(), enis.parse()) {
            (Ok(profile), Ok(enis)) => estate(profile, enis),
            _ => panic!("`{text}` is not PROFILE:ENIS"),
        }
    }
}
