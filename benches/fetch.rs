//! `reach fetch` as a process, against a server that gives recorded answers: what the fetch itself costs.
//!
//! `REACH_BENCH_ENIS` sets how many network interfaces the estate has (2,000).

#[path = "../tests/fetch/server.rs"]
mod server;

use std::path::Path;
use std::process::Command;

use criterion::{Criterion, criterion_group, criterion_main};
use reach_generate::{Layout, Profile, Request, generate};

use server::{Server, Trouble};

fn enis() -> usize {
    std::env::var("REACH_BENCH_ENIS").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

fn run(directory: &Path, url: &str) {
    let status = Command::new(env!("CARGO_BIN_EXE_reach"))
        .current_dir(directory)
        .env("AWS_ACCESS_KEY_ID", "x")
        .env("AWS_SECRET_ACCESS_KEY", "x")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .args(["fetch", "-q", "--region", "us-east-1", "--rate", "1000", "--out", "x.json.zst", "--endpoint-url", url])
        .status()
        .unwrap();
    assert!(status.success());
}

fn fetch(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let estate = directory.path().join("estate");
    let request = Request { enis: enis(), profile: Profile::Realistic, services: None, seed: 1, layout: Layout::Aws };
    generate(&request, &estate).unwrap();
    let server = Server::start(&estate, Trouble { recorded: true, ..Trouble::default() });
    // The first run makes the record.
    run(directory.path(), &server.url());
    let mut group = criterion.benchmark_group("fetch");
    group.sample_size(10);
    group.bench_function(format!("realistic/{}", enis()), |bencher| {
        bencher.iter(|| run(directory.path(), &server.url()));
    });
    group.finish();
}

criterion_group!(benches, fetch);
criterion_main!(benches);
