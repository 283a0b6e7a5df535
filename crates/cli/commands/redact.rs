//! `reach snapshot redact`: a snapshot to share.

use std::fs;
use std::path::{Path, PathBuf};

use reach_eks::audit::table::clues;
use reach_model::document;
use reach_model::redact::{Key, Known, redact};

use super::snapshot::{packed, save};
use crate::exit::ExitCode;
use crate::failure::{Failure, tell};
use crate::load::{Count, Voice};
use crate::output::Stop;

/// A shorter secret could be tried out.
const SHORTEST_SECRET: usize = 16;

pub(super) fn run(
    paths: &[PathBuf],
    out: &Path,
    key_file: Option<&Path>,
    map: Option<&Path>,
    voice: Voice,
) -> Result<ExitCode, Stop> {
    let unreadable = |error| Failure::io("the snapshot cannot be read", &error);
    let document = packed(paths)?;
    let key = match key_file {
        Some(file) => secret(file)?,
        None => Key::of_document(&document).map_err(unreadable)?,
    };
    let (names, pods) = clues();
    let redacted = redact(&document, &key, Known { names: &names, pods: &pods });
    let pseudonyms = redacted.pseudonyms();
    if let Some(file) = map {
        document::write_whole(file, |writer| Ok(serde_json::to_writer_pretty(writer, pseudonyms)?))
            .map_err(|error| Failure::io(format!("`{}` cannot be written", file.display()), &error))?;
    }
    if voice == Voice::Verbose {
        tell(&Count(pseudonyms.len(), "pseudonym").to_string());
        if redacted.dropped > 0 {
            tell(&format!("{} left out, which no question reads", Count(redacted.dropped, "answer")));
        }
    }
    save(&redacted.document, out, voice)
}

/// The key in a file.
fn secret(file: &Path) -> Result<Key, Failure> {
    let bytes = fs::read(file).map_err(|error| Failure::io(format!("`{}` cannot be read", file.display()), &error))?;
    if bytes.len() < SHORTEST_SECRET {
        let error = format!("`{}` holds {} bytes: a key has {SHORTEST_SECRET} or more", file.display(), bytes.len());
        return Err(Failure::input(error).with_hint("`head -c 32 /dev/urandom > FILE` makes one"));
    }
    Ok(Key::of_secret(&bytes))
}
