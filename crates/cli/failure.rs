//! What ends a run early: the lines for standard error and the exit code.

use std::fmt::Display;
use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use reach_engine::pair::Contradiction;

use crate::exit::ExitCode;
use crate::render::layout::printable;

/// One or more things that are wrong, and what helps.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: ExitCode,
    /// One line each: lower case, no final period, the user's text in backticks.
    pub(crate) errors: Vec<String>,
    /// Told once, after the errors.
    pub(crate) hints: Vec<String>,
}

impl Failure {
    /// Something that the user can correct.
    pub(crate) fn input(error: impl Into<String>) -> Self {
        Self { exit: ExitCode::Input, errors: vec![error.into()], hints: Vec::new() }
    }

    /// The engines differ: what to report.
    pub(crate) fn contradiction(error: &Contradiction) -> Self {
        let hint = "this is a bug in reach, and no answer can be trusted; please report the question and the snapshot \
                    (or what of it you can share), and ask again with `--engine reference`";
        Self { exit: ExitCode::Contradiction, errors: vec![error.to_string()], hints: vec![hint.to_owned()] }
    }

    /// Reading or writing `what` failed.
    pub(crate) fn io(what: impl Display, error: &io::Error) -> Self {
        Self { exit: ExitCode::Io, errors: vec![format!("{what}: {}", reason(error))], hints: Vec::new() }
    }

    /// Adds a hint.
    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds what else is wrong.
    pub(crate) fn merge(&mut self, other: Failure) {
        self.exit = self.exit.and(other.exit);
        self.errors.extend(other.errors);
        for hint in other.hints {
            if !self.hints.contains(&hint) {
                self.hints.push(hint);
            }
        }
    }

    /// Writes the lines to standard error.
    pub(crate) fn print(&self) {
        for error in &self.errors {
            note("error", ERROR, error);
        }
        for hint in &self.hints {
            note("hint", HINT, hint);
        }
    }
}

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();

/// Writes `label: text` to standard error, which nobody may read: a failure to write is not told.
fn note(label: &str, style: Style, text: &str) {
    let text = printable(text);
    let _ = writeln!(anstream::stderr().lock(), "{style}{label}:{style:#} {text}");
}

/// Writes a warning to standard error.
pub(crate) fn warn(text: &str) {
    note("warning", WARNING, text);
}

/// Writes what `-v` shows to standard error.
pub(crate) fn tell(text: &str) {
    note("note", HINT, text);
}

/// The operating system's words, in lower case and without `(os error 2)`.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split_once(" (os error").map_or(&*text, |(words, _)| words);
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
