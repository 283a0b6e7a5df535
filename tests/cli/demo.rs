//! The compiled-in demo is the directory of fixtures.

#[path = "../../crates/cli/demo.rs"]
mod compiled_in;

use std::fs;

use super::demo_directory;

#[test]
fn the_list_of_files_is_the_directory() {
    let mut names: Vec<String> = fs::read_dir(demo_directory())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(compiled_in::FILES.iter().map(|(name, _)| *name).collect::<Vec<_>>(), names);
    for (name, bytes) in compiled_in::FILES {
        assert_eq!(*bytes, fs::read(demo_directory().join(name)).unwrap(), "{name}");
    }
}
