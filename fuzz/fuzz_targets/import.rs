//! Any bytes as a file: an error or a network, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reach_model::import::import_documents;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(snapshot) = import_documents([("fuzz.json", bytes)]) {
        let _ = reach_model::network::build(&snapshot);
    }
});
