//! `reach whatif` and `reach diff`: what changes, and what becomes of what is open.

mod asked;
mod plan;
mod scenarios;

use std::path::Path;

use reach_engine::pair::Contradiction;
use reach_engine::whatif::{self, AtGates, Difference, State, difference, passed, resource_changes};
use reach_model::Network;
use serde_json::value::RawValue;

use self::asked::{Baseline, Questions};
use crate::args::{Diff, Format, Whatif, WhatifFormat};
use crate::config::Config;
use crate::exit::ExitCode;
use crate::failure::Failure;
use crate::load::{self, Voice};
use crate::output::{Output, Stop};
use crate::render::check::sarif::uri;
use crate::render::layout;
use crate::render::whatif::{Causes, FindingChange, Told, VerdictChange, json, markdown, sarif, text};

/// A scenario that has an answer.
struct Answer {
    found: Difference,
    verdicts: Vec<VerdictChange>,
    /// Where an audit was asked for.
    findings: Option<Vec<FindingChange>>,
    quota: Vec<whatif::Quota>,
}

pub(crate) fn run(arguments: &Whatif, config: &Config, voice: Voice) -> Result<ExitCode, Stop> {
    let format = form(arguments.output, config);
    let needed = || Failure::input("`--changes` or `--terraform-plan` is needed");
    let (file, flag) = match (&arguments.changes, &arguments.terraform_plan) {
        (Some(file), _) => (file.as_path(), "--changes"),
        (None, Some(file)) => (file.as_path(), "--terraform-plan"),
        (None, None) => return Err(needed().into()),
    };
    let paths = config.snapshot(&arguments.source.snapshot);
    let from_stdin = file == Path::new("-");
    if from_stdin && paths.as_ref().is_ok_and(|paths| paths.iter().any(|path| path == Path::new("-"))) {
        return Err(Failure::input(format!("`{flag}` and `--snapshot` cannot both read standard input")).into());
    }
    let is_plan = arguments.changes.is_none();
    if format == WhatifFormat::Sarif && !is_plan {
        let failure = Failure::input("`--output sarif` is one log, and `--changes` are many scenarios");
        return Err(failure.with_hint("a plan (`--terraform-plan`) and `reach diff` have that form").into());
    }
    let mut failures: Vec<Failure> = Vec::new();
    let questions = asked::questions(&arguments.narrowing, config).map_err(|failure| failures.push(failure));
    let (mut plan, mut lines) = (None, None);
    if is_plan {
        plan = plan::read(file).map_err(|failure| failures.push(failure)).ok();
    } else {
        lines = load::lines(file).map_err(|failure| failures.push(failure)).ok();
    }
    let network = paths.and_then(|paths| load::network(&paths, voice)).map_err(|failure| failures.push(failure));
    let (Ok(questions), Ok(network), true) = (questions, network, failures.is_empty()) else {
        return Err(together(failures).into());
    };
    asked::resolvable(&network, &questions)?;
    let audited = Baseline::new(&arguments.narrowing, config, &network)?;
    let state = State::new(&network);
    let quiet = voice == Voice::Quiet;
    if let Some(plan) = &plan {
        let given = plan::Given { network: &network, state: &state, questions: &questions, audited: audited.as_ref() };
        return plan::run(&given, plan, file, format, quiet);
    }
    let work = scenarios::Work {
        network: &network,
        state: &state,
        questions: &questions,
        audited: audited.as_ref(),
        format,
        width: layout::width(),
    };
    let Some(lines) = lines else { return Err(needed().into()) };
    scenarios::run(&work, (file, lines), arguments.rank, quiet)
}

pub(crate) fn diff(arguments: &Diff, config: &Config, voice: Voice) -> Result<ExitCode, Stop> {
    let format = form(arguments.output, config);
    let mut failures: Vec<Failure> = Vec::new();
    let questions = asked::questions(&arguments.narrowing, config).map_err(|failure| failures.push(failure));
    let mut load = |path: &Path| load::network(&[path.to_owned()], voice).map_err(|failure| failures.push(failure));
    let (old, new) = (load(&arguments.old), load(&arguments.new));
    let (Ok(questions), Ok(old), Ok(new)) = (questions, old, new) else {
        return Err(together(failures).into());
    };
    let audited = Baseline::new(&arguments.narrowing, config, &old)?;
    let (before, after) = (State::new(&old), State::new(&new));
    let answer = answer((&old, &before), (&new, &after), &questions, audited.as_ref()).map_err(Failure::from)?;
    let resources = resource_changes(&old, &new);
    let gates = AtGates::new(&answer.found, &old, &new, &resources);
    let causes = Causes::of(&answer.found, |set| {
        let own = gates.of(set).into_iter().filter_map(|position| resources.get(position));
        own.map(|change| change.id.clone()).collect()
    });
    let told = Told { causes: Some(&causes), resources: Some(&resources), ..told((&old, &new), None, &answer) };
    let bytes = match format {
        WhatifFormat::Sarif => sarif::render(&told, &uri(&arguments.new), exit(&told)),
        _ => printed(&told, format, layout::width()),
    };
    let quiet = voice == Voice::Quiet;
    let output = if format == WhatifFormat::Text { Output::styled(quiet) } else { Output::plain(quiet) };
    output.finish(&bytes)?;
    Ok(exit(&told))
}

fn form(given: Option<WhatifFormat>, config: &Config) -> WhatifFormat {
    match (given, config.output(None)) {
        (Some(format), _) => format,
        (None, Some(Format::Json)) => WhatifFormat::Json,
        (None, Some(Format::Jsonl)) => WhatifFormat::Jsonl,
        (None, Some(Format::Markdown)) => WhatifFormat::Markdown,
        (None, _) => WhatifFormat::Text,
    }
}

fn together(failures: Vec<Failure>) -> Failure {
    let mut failures = failures.into_iter();
    let mut first = failures.next().unwrap_or_else(|| Failure::input("nothing is to be done"));
    failures.for_each(|failure| first.merge(failure));
    first
}

/// Why a scenario has no answer.
enum Unanswered {
    Contradiction(Box<Contradiction>),
    Other(String),
}

fn answer(
    (old, before): (&Network, &State<'_>),
    (new, after): (&Network, &State<'_>),
    questions: &Questions,
    audited: Option<&Baseline>,
) -> Result<Answer, Unanswered> {
    let mut found = difference(before, after).map_err(Unanswered::Contradiction)?;
    let mut verdicts = Vec::new();
    for asking in questions.narrowing.iter().chain(&questions.expectations) {
        let was = asked::verdict(old, before, asking)?;
        let is = asked::verdict(new, after, asking)?;
        if was.verdict == is.verdict {
            continue;
        }
        verdicts.push(VerdictChange {
            from: asking.from.clone(),
            to: asking.to.clone(),
            asked: asking.asked.clone(),
            before: was.verdict,
            after: is.verdict,
            expected: asking.expected.clone(),
        });
    }
    if let Some(asking) = &questions.narrowing {
        let scope = asked::scope((old, new), asking, &found).map_err(|error| Unanswered::Other(error.message))?;
        found = found.narrowed(&scope);
    }
    let findings = audited.map(|audited| audited.changes(new)).transpose()?;
    Ok(Answer { found, verdicts, findings, quota: passed(old, new) })
}

fn exit(told: &Told<'_>) -> ExitCode {
    let found = told.found;
    let plan = told.plan.map(|plan| plan.scenario);
    if plan.is_some_and(|scenario| !scenario.refused.is_empty() || !scenario.problems.is_empty()) {
        ExitCode::Input
    } else if !found.lost.is_empty() || told.broken() > 0 {
        ExitCode::No
    } else if !found.undecided.is_empty()
        || plan.is_some_and(|scenario| !scenario.unsupported.is_empty())
        || told.findings().iter().any(FindingChange::is_lost_from_sight)
    {
        ExitCode::Unknown
    } else {
        ExitCode::Ok
    }
}

fn told<'a>((before, after): (&'a Network, &'a Network), id: Option<&'a RawValue>, answer: &'a Answer) -> Told<'a> {
    Told {
        before,
        after,
        id,
        found: &answer.found,
        verdicts: &answer.verdicts,
        findings: answer.findings.as_deref(),
        quota: &answer.quota,
        causes: None,
        plan: None,
        resources: None,
    }
}

fn printed(told: &Told<'_>, format: WhatifFormat, width: usize) -> Vec<u8> {
    match format {
        WhatifFormat::Text => text::render(told, width).into_bytes(),
        WhatifFormat::Markdown => markdown::render(told).into_bytes(),
        _ => json::render(told, format == WhatifFormat::Json),
    }
}

impl From<Unanswered> for Failure {
    fn from(error: Unanswered) -> Self {
        match error {
            Unanswered::Contradiction(error) => Failure::contradiction(&error),
            Unanswered::Other(message) => Failure::input(message),
        }
    }
}
