//! Import of a directory: JSON text to snapshot to validated network.

mod synthetic;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use reach_model::import::import_documents;
use reach_model::network::build;

fn import(c: &mut Criterion) {
    let mut group = c.benchmark_group("import");
    group.sample_size(10);
    for interfaces in [500, 5_000, 50_000] {
        let files = synthetic::files(interfaces);
        let bytes: usize = files.iter().map(|(_, text)| text.len()).sum();
        group.throughput(Throughput::Bytes(bytes as u64));
        let borrowed = || files.iter().map(|(name, text)| (name.as_str(), text.as_slice()));
        group.bench_function(BenchmarkId::new("snapshot", interfaces), |b| {
            b.iter(|| black_box(import_documents(borrowed()).is_ok()));
        });
        let Ok(snapshot) = import_documents(borrowed()) else { continue };
        group.bench_function(BenchmarkId::new("network", interfaces), |b| {
            b.iter(|| black_box(build(&snapshot).is_ok()));
        });
    }
    group.finish();
}

criterion_group!(benches, import);
criterion_main!(benches);
