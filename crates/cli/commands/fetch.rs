//! `reach fetch`: asks AWS for a snapshot. The work is `reach-fetch`'s, which only a build with the feature `fetch` has.

#[cfg(feature = "fetch")]
mod progress;
#[cfg(feature = "fetch")]
mod report;

use crate::args::Fetch;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::load::Voice;
use crate::output::Stop;

#[cfg(not(feature = "fetch"))]
pub(crate) fn run(_: &Fetch, _: Voice) -> Result<ExitCode, Stop> {
    Err(Failure::input("this reach was built without `fetch`")
        .with_hint(
            "`cargo install --path . --features fetch` builds it; the AWS SDK takes minutes and up to 8 GB of memory",
        )
        .with_hint("`reach snapshot script > collect.sh && sh collect.sh` collects the same with the AWS CLI")
        .into())
}

#[cfg(feature = "fetch")]
pub(crate) fn run(arguments: &Fetch, voice: Voice) -> Result<ExitCode, Stop> {
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use reach_fetch::{Error, Limits, Options, fetch};

    use crate::output::Output;

    let options = Options {
        regions: arguments.region.clone(),
        profile: arguments.profile.clone(),
        roles: arguments.role_arn.clone(),
        external_id: arguments.external_id.clone(),
        limits: Limits { vpcs: arguments.vpc.clone(), clusters: arguments.cluster.clone() },
        endpoint_url: arguments.endpoint_url.clone(),
        rate: f64::from(arguments.rate),
        page_size: arguments.page_size,
        timeout: Duration::from_secs(arguments.timeout.into()),
    };
    let out = arguments.out.as_path();
    // A directory that is not there is told before minutes are spent.
    if let Some(parent) = out.parent().filter(|parent| !parent.as_os_str().is_empty() && !parent.is_dir()) {
        return Err(Failure::input(format!("`{}` is not a directory", parent.display())).into());
    }
    let progress = Arc::new(progress::Progress::new(voice, arguments.no_progress));
    let observer: Arc<dyn reach_fetch::Observer> = progress.clone();
    let fetched = fetch(&options, observer);
    progress.finish();
    let fetched = match fetched {
        Ok(fetched) => fetched,
        Err(Error::Interrupted) => {
            Failure {
                exit: ExitCode::Interrupted,
                errors: vec!["interrupted: nothing is written".to_owned()],
                hints: Vec::new(),
            }
            .print();
            return Ok(ExitCode::Interrupted);
        }
        Err(Error::Nothing(outcomes)) => {
            let mut failure =
                Failure::input(format!("nothing could be fetched: none of {} calls was answered", outcomes.len()));
            failure.exit = ExitCode::Io;
            failure.errors.extend(report::problems(&outcomes));
            return Err(failure.into());
        }
        Err(error) => {
            let exit = match error {
                Error::NoRegion | Error::NotFound(_) => ExitCode::Input,
                _ => ExitCode::Io,
            };
            return Err(Failure { exit, ..Failure::input(error.to_string()) }.into());
        }
    };
    if out == Path::new("-") {
        let bytes =
            fetched.document.to_bytes().map_err(|error| Failure::io("the snapshot cannot be written", &error))?;
        Output::plain(voice == Voice::Quiet).finish(&bytes)?;
    } else {
        fetched
            .document
            .save(out)
            .map_err(|error| Failure::io(format!("`{}` cannot be written", out.display()), &error))?;
    }
    if voice != Voice::Quiet {
        report::tell(&fetched, out);
    }
    Ok(ExitCode::Ok)
}
