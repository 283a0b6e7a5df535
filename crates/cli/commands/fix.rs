//! `reach fix`: the smallest changes that make a question reachable.

use reach_engine::fix::{self, FixError, Repair};
use reach_engine::pair::Ask;

use super::query::{complain, failed, unresolved};
use crate::args::{Fix, FixFormat, Format};
use crate::ask::{self, Icmp, Names, Terms};
use crate::config::Config;
use crate::exit::ExitCode;
use crate::load::{self, Voice};
use crate::output::{Output, Stop};
use crate::render::{self, Told, layout};

pub(crate) fn run(args: &Fix, config: &Config, voice: Voice) -> Result<ExitCode, Stop> {
    let terms = Terms {
        protocol: args.protocol.as_deref(),
        port: args.port.as_deref(),
        source_port: args.source_port.as_deref(),
        icmp: args.icmp.as_deref().map_or(Icmp::All, Icmp::Text),
        family: args.family.map(Into::into),
    };
    let (from, to) = (args.from.as_str(), args.to.as_str());
    let cluster = config.cluster(args.cluster.as_deref());
    let parsed = ask::parse(&terms, Names::Flags).map_err(complain);
    let network = config.snapshot(&args.source.snapshot).and_then(|paths| load::network(&paths, voice));
    // What is wrong with ports, snapshot and selectors is told in one go.
    let ((ask, asked), network) = match (parsed, network) {
        (Ok(parsed), Ok(network)) => (parsed, network),
        (Err(mut failure), Err(other)) => {
            failure.merge(other);
            return Err(failure.into());
        }
        (Err(mut failure), Ok(network)) => {
            let nothing = Ask { lanes: Vec::new(), source_ports: None, family: terms.family };
            if let Err(error) = reach_eks::question(&network, from, to, cluster, nothing) {
                failure.merge(unresolved(&error));
            }
            return Err(failure.into());
        }
        (Ok(_), Err(failure)) => return Err(failure.into()),
    };
    let question = |network: &reach_model::Network| reach_eks::question(network, from, to, cluster, ask.clone());
    let mended = fix::mend(&network, question, args.engine.into()).map_err(|error| match error {
        FixError::Selector(error) => unresolved(&error),
        FixError::Ask(error) => failed(&error, from, to),
    })?;
    let told = Told {
        network: &network,
        question: &mended.question,
        answer: &mended.answer,
        from,
        to,
        asked: &asked,
        id: None,
    };
    let quiet = voice == Voice::Quiet;
    let format = match (args.output, config.output(None)) {
        (Some(format), _) => format,
        // What the file and the environment want of answers in general, as far as fixes have that form.
        (None, Some(Format::Json | Format::Jsonl)) => FixFormat::Json,
        (None, Some(Format::Markdown)) => FixFormat::Markdown,
        (None, _) => FixFormat::Text,
    };
    let mut output = if format == FixFormat::Text { Output::styled(quiet) } else { Output::plain(quiet) };
    match format {
        FixFormat::Text => output.write(render::fix::text(&told, &mended.repair, layout::width()).as_bytes())?,
        FixFormat::Markdown => output.write(render::fix::markdown(&told, &mended.repair).as_bytes())?,
        FixFormat::Json => {
            render::fix::write(&told, &mended.repair, true, output.writer()).map_err(|error| Stop::of_write(&error))?;
        }
    }
    output.flush()?;
    Ok(match mended.repair {
        Repair::AlreadyReachable | Repair::Fixed(_) => ExitCode::Ok,
        Repair::Impossible => ExitCode::No,
        Repair::Unknown => ExitCode::Unknown,
    })
}
