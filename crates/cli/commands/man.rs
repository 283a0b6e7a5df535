//! `reach man`: the manual pages, made of the help texts.

use std::path::Path;

use clap::CommandFactory as _;

use crate::args::Cli;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::output::{Output, Stop};

pub(crate) fn run(directory: Option<&Path>) -> Result<ExitCode, Stop> {
    let command = Cli::command();
    if let Some(directory) = directory {
        clap_mangen::generate_to(command, directory)
            .map_err(|error| Failure::io(format!("`{}` cannot be written", directory.display()), &error))?;
        return Ok(ExitCode::Ok);
    }
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).map_err(|error| Stop::of_write(&error))?;
    Output::plain(false).finish(&page)?;
    Ok(ExitCode::Ok)
}
