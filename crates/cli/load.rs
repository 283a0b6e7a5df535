//! From the paths of `--snapshot` to a network.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{fmt, io};

use reach_model::{ImportErrors, Network, Snapshot, document, network};

use crate::demo;
use crate::exit::ExitCode;
use crate::failure::{Failure, reason, tell, warn};

/// How many warnings are printed without `-v`.
const WARNINGS: usize = 3;

/// How much is said on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Voice {
    Quiet,
    Normal,
    Verbose,
}

/// Reads the snapshot at `paths`: directories, files, `-` and `demo`, merged.
///
/// Every problem of every file is in the failure.
pub(crate) fn snapshot(paths: &[PathBuf]) -> Result<Snapshot, Failure> {
    let is_demo = |path: &Path| path == Path::new("demo");
    let is_stdin = |path: &Path| path == Path::new("-");
    if !paths.iter().any(|path| is_demo(path) || is_stdin(path)) {
        return reach_model::import(paths).map_err(broken);
    }
    // The importer takes paths or documents: beside documents, paths are read into one first.
    let mut documents: Vec<(String, Cow<'static, [u8]>)> = Vec::new();
    let mut files: Vec<PathBuf> = Vec::new();
    for path in paths {
        if is_demo(path) {
            let demo = demo::FILES.iter().map(|&(name, bytes)| (name.to_owned(), Cow::Borrowed(bytes)));
            documents.extend(demo);
        } else if is_stdin(path) {
            documents.push(("<stdin>".to_owned(), stdin()?.into()));
        } else {
            files.push(path.clone());
        }
    }
    if !files.is_empty() {
        let packed = document::pack(&files).map_err(broken)?;
        let bytes = packed.to_bytes().map_err(|error| Failure::io("the snapshot cannot be read", &error))?;
        documents.push(("<snapshot>".to_owned(), bytes.into()));
    }
    reach_model::import_documents(documents).map_err(broken)
}

/// All of standard input.
pub(crate) fn stdin() -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes).map_err(|error| Failure::io("standard input cannot be read", &error))?;
    Ok(bytes)
}

/// The file that holds lines to be read one by one; `-` is standard input.
pub(crate) fn lines(file: &Path) -> Result<Box<dyn Read>, Failure> {
    if file == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let opened = File::open(file).and_then(|opened| {
        let is_directory = opened.metadata()?.is_dir();
        if is_directory { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(opened) }
    });
    match opened {
        Ok(opened) => Ok(Box::new(opened)),
        Err(error) => Err(Failure::input(format!("{}: {}", file.display(), reason(&error)))),
    }
}

/// Reads the network at `paths` and says on standard error what is odd about it.
pub(crate) fn network(paths: &[PathBuf], voice: Voice) -> Result<Network, Failure> {
    let start = Instant::now();
    let snapshot = snapshot(paths)?;
    let files = snapshot.files.len();
    let network = build(snapshot)?;
    if voice == Voice::Verbose {
        let interfaces = network.interfaces.len();
        tell(&format!(
            "{} with {} read in {} ms",
            Count(files, "file"),
            Count(interfaces, "network interface"),
            start.elapsed().as_millis()
        ));
    }
    let shown = match voice {
        Voice::Quiet => 0,
        Voice::Normal => WARNINGS,
        Voice::Verbose => usize::MAX,
    };
    network.warnings.iter().take(shown).for_each(|warning| warn(warning));
    if voice == Voice::Normal && network.warnings.len() > WARNINGS {
        let more = network.warnings.len() - WARNINGS;
        warn(&format!("… and {more} more; `reach snapshot validate` prints all of them"));
    }
    Ok(network)
}

/// Checks a snapshot's content.
pub(crate) fn build(snapshot: Snapshot) -> Result<Network, Failure> {
    let unsound = |errors: network::BuildErrors| Failure { exit: ExitCode::Input, errors: errors.0, hints: Vec::new() };
    network::build_owned(snapshot).map_err(unsound)
}

/// The problems of an import, one line each.
pub(crate) fn broken(errors: ImportErrors) -> Failure {
    let hints = errors.hints().into_iter().map(str::to_owned).collect();
    let errors = errors.problems.into_iter().map(|problem| problem.to_string()).collect();
    Failure { exit: ExitCode::Input, errors, hints }
}

/// A number and what it counts: `1 file`, `2 files`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count(pub(crate) usize, pub(crate) &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Count(number, thing) = self;
        write!(f, "{number} {thing}{}", if *number == 1 { "" } else { "s" })
    }
}
