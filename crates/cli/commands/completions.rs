//! `reach completions SHELL`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;
use crate::exit::ExitCode;
use crate::output::{Output, Stop};

pub(crate) fn run(shell: Shell) -> Result<ExitCode, Stop> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "reach", &mut script);
    Output::plain(false).finish(&script)?;
    Ok(ExitCode::Ok)
}
