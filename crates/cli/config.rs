//! `reach.toml`, and the one place where flags, environment, file and defaults meet.
//!
//! Flags come before environment variables (both are clap's business), then the nearest `reach.toml` upwards from the
//! working directory, then defaults.

use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;

use crate::args::{Color, Format};
use crate::failure::{Failure, reason};

/// The file's name.
const FILE: &str = "reach.toml";

/// What `reach.toml` says.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// As `--snapshot`; relative to the file's directory.
    #[serde(default, deserialize_with = "one_or_many")]
    snapshot: Vec<PathBuf>,
    /// As `--cluster`.
    cluster: Option<String>,
    /// As `--color`.
    color: Option<Color>,
    /// As `--output` of `reach query`.
    output: Option<Format>,
}

impl Config {
    /// Reads the nearest file; without one nothing is configured.
    pub(crate) fn load() -> Result<Self, Failure> {
        let Ok(directory) = env::current_dir() else { return Ok(Self::default()) };
        let Some(path) = directory.ancestors().map(|directory| directory.join(FILE)).find(|path| path.is_file()) else {
            return Ok(Self::default());
        };
        let name = path.strip_prefix(&directory).unwrap_or(&path).to_owned();
        let text = fs::read_to_string(&path)
            .map_err(|error| Failure::input(format!("{}: {}", name.display(), reason(&error))))?;
        let mut config: Self = toml::from_str(&text).map_err(|error| {
            let line =
                error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
            let line = line.map_or_else(String::new, |line| format!("line {line}: "));
            let message = error.message().lines().collect::<Vec<_>>().join(" ");
            Failure::input(format!("{}: {line}{message}", name.display()))
        })?;
        let base = path.parent().unwrap_or(Path::new("."));
        for snapshot in &mut config.snapshot {
            if !is_word(snapshot) {
                *snapshot = base.join(&*snapshot);
            }
        }
        Ok(config)
    }

    /// The paths to read: the given ones, else the configured ones.
    pub(crate) fn snapshot(&self, given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
        let paths = if given.is_empty() { &self.snapshot } else { given };
        if paths.is_empty() {
            return Err(Failure::input("no snapshot is given").with_hint(
                "pass `--snapshot PATH`, set `REACH_SNAPSHOT`, or write `snapshot = \"PATH\"` into reach.toml; \
                 `--snapshot demo` is a cluster to try",
            ));
        }
        Ok(paths.to_vec())
    }

    /// The cluster that selectors speak of.
    pub(crate) fn cluster<'a>(&'a self, given: Option<&'a str>) -> Option<&'a str> {
        given.or(self.cluster.as_deref())
    }

    /// When to colour.
    pub(crate) fn color(&self, given: Option<Color>) -> Color {
        given.or(self.color).unwrap_or(Color::Auto)
    }

    /// The form of an answer, where anyone chose one.
    pub(crate) fn output(&self, given: Option<Format>) -> Option<Format> {
        given.or(self.output)
    }
}

/// `demo` and `-` are no files.
pub(crate) fn is_word(path: &Path) -> bool {
    path == Path::new("demo") || path == Path::new("-")
}

/// `snapshot = "a"` or `snapshot = ["a", "b"]`.
fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    struct Visitor;

    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = Vec<PathBuf>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a path or a list of paths")
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(vec![text.into()])
        }

        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut paths = Vec::new();
            while let Some(path) = seq.next_element()? {
                paths.push(path);
            }
            Ok(paths)
        }
    }

    deserializer.deserialize_any(Visitor)
}
