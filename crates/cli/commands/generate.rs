//! `reach generate`: a synthetic estate for measurements.

use reach_generate::{Error, Request, generate};

use crate::args::Generate;
use crate::exit::ExitCode;
use crate::failure::{Failure, tell};
use crate::load::Voice;
use crate::output::Stop;

pub(crate) fn run(arguments: &Generate, voice: Voice) -> Result<ExitCode, Stop> {
    let request = Request {
        enis: arguments.enis,
        profile: arguments.profile,
        services: None,
        seed: arguments.seed,
        layout: arguments.layout.into(),
    };
    let out = arguments.out.display();
    let written = generate(&request, &arguments.out).map_err(|error| match error {
        Error::Io(error) => Failure::io(format!("`{out}` cannot be written"), &error),
        Error::NotEmpty(_) => {
            Failure::input(format!("`{out}` is not empty")).with_hint("`--out` names a new or an empty directory")
        }
        Error::NotADirectory(_) => Failure::input(format!("`{out}` is not a directory")),
        Error::Size(_) => Failure::input(error.to_string()),
    })?;
    if voice != Voice::Quiet {
        tell(&format!(
            "{} network interfaces, {} groups, {} rules in {} files, {} bytes: {out}",
            written.enis, written.groups, written.rules, written.files, written.bytes
        ));
    }
    Ok(ExitCode::Ok)
}
