//! The program as a process: what it prints and how it exits.
//!
//! The golden texts are whole runs: exit code, standard output and standard error.

mod batch;
mod check;
mod config;
mod demo;
mod errors;
mod fix;
mod generate;
mod help;
mod matrix;
mod plan;
mod query;
mod schema;
mod snapshot;
mod whatif;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        // The help texts have spaces at the ends of lines, which sources should not have.
        let trimmed = |text: &str| text.lines().flat_map(|line| [line.trim_end(), "\n"]).collect::<String>();
        let (stdout, stderr) = (trimmed(&self.stdout), trimmed(&self.stderr));
        write!(f, "exit code: {code}\n----- stdout -----\n{stdout}----- stderr -----\n{stderr}")
    }
}

/// The program in an environment that holds nothing of the machine's, started in `directory`.
pub(crate) fn program(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reach"));
    command.current_dir(directory);
    for name in [
        "REACH_SNAPSHOT",
        "REACH_CLUSTER",
        "REACH_ENGINE",
        "REACH_OUTPUT",
        "REACH_COLOR",
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "COLUMNS",
        "RUST_BACKTRACE",
    ] {
        command.env_remove(name);
    }
    command
}

pub(crate) fn finish(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs the program with these words, which are split at spaces, in an empty directory.
pub(crate) fn reach(words: &str) -> Run {
    let directory = tempfile::tempdir().unwrap();
    reach_in(directory.path(), words)
}

/// As [`reach`], in `directory`.
pub(crate) fn reach_in(directory: &Path, words: &str) -> Run {
    finish(program(directory).args(words.split_whitespace()))
}

/// As [`reach`], with standard input.
pub(crate) fn reach_with_input(words: &str, input: &str) -> Run {
    let directory = tempfile::tempdir().unwrap();
    finish(program(directory.path()).args(words.split_whitespace()).write_stdin(input))
}

/// The files of the demo.
pub(crate) fn demo_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/demo")
}

/// A directory with a copy of the demo as `demo-copy`, without the files whose names begin so.
pub(crate) fn demo_without(prefixes: &[&str]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("demo-copy");
    fs::create_dir(&copy).unwrap();
    for entry in fs::read_dir(demo_directory()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if !prefixes.iter().any(|prefix| name.starts_with(prefix)) {
            fs::copy(entry.path(), copy.join(name)).unwrap();
        }
    }
    directory
}

/// A directory with these files.
pub(crate) fn files(files: &[(&str, &str)]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    directory
}
