//! `reach check`: would this cluster work, and does a policy hold?

use std::fs;
use std::path::{Path, PathBuf};

use reach_eks::audit::{self, AuditError, Level, Mend, Options};
use reach_eks::{Cluster, SelectorError};
use reach_engine::Verdict;
use reach_engine::compile::Compiled;
use reach_engine::fix::{self, Fix, FixError, Repair};
use reach_engine::pair::Ask;
use reach_engine::question::{self, Answer, AskError, Engine, Question};
use reach_model::Network;

use super::query;
use crate::args::{Check, CheckFormat, Format};
use crate::config::{self, Config};
use crate::exit::ExitCode;
use crate::failure::{Failure, reason};
use crate::load::{self, Voice};
use crate::output::{Output, Stop};
use crate::policy::{self, Ends, Expectation, Place, Policy, Problems};
use crate::render::check::{Entry, Report, Subject, json, junit, markdown, quoted, sarif, text};
use crate::render::layout;

pub(crate) fn run(arguments: &Check, config: &Config, voice: Voice) -> Result<ExitCode, Stop> {
    if arguments.what == Path::new("eks") {
        return cluster(arguments, config, voice);
    }
    let given = [
        (arguments.level.is_some(), "--level"),
        (!arguments.client.is_empty(), "--client"),
        (!arguments.also.is_empty(), "--also"),
    ];
    let given: Vec<String> = given.iter().filter(|(given, _)| *given).map(|(_, flag)| format!("`{flag}`")).collect();
    if !given.is_empty() {
        let shown = arguments.what.display();
        let belongs = if given.len() == 1 { "belongs" } else { "belong" };
        let message = format!("{} {belongs} to `reach check eks`, and `{shown}` is a policy", given.join(", "));
        return Err(Failure::input(message).into());
    }
    expectations(arguments, config, voice)
}

/// The audit of a cluster.
fn cluster(arguments: &Check, config: &Config, voice: Voice) -> Result<ExitCode, Stop> {
    let paths = config.snapshot(&arguments.source.snapshot)?;
    let network = load::network(&paths, voice)?;
    let cluster = one_cluster(&network, config.cluster(arguments.cluster.as_deref()))?;
    let options = Options {
        clients: arguments.client.clone(),
        also: arguments.also.clone(),
        fixes: !arguments.no_fixes,
        engine: arguments.engine.into(),
    };
    let audit = audit::audit(&network, &cluster, &options).map_err(|error| unaudited(&error))?;
    let level = arguments.level.map_or(Level::Recommended, Into::into);
    let artifact = match paths.first() {
        Some(path) if !config::is_word(path) => sarif::uri(path),
        _ => sarif::uri(Path::new(&*cluster.name)),
    };
    let several = reach_eks::clusters(&network).len() > 1;
    let again = again(&arguments.source.snapshot, several.then_some(&*cluster.name));
    let report = Report::of_audit(&network, &audit, level, &again, &artifact);
    print(&report, arguments, config, voice)?;
    Ok(report.exit())
}

/// The cluster that is meant: the named one, else the only one.
pub(super) fn one_cluster(network: &Network, wanted: Option<&str>) -> Result<Cluster, Failure> {
    let all = reach_eks::clusters(network);
    let names = || {
        let mut names: Vec<String> = all.iter().map(|cluster| cluster.name.to_string()).collect();
        names.sort();
        names
    };
    let candidates = |failure: Failure| match query::candidates(&names()) {
        Some(list) => failure.with_hint(format!("candidates: {list}")),
        None => failure,
    };
    let named: Vec<&Cluster> = all.iter().filter(|cluster| wanted.is_none_or(|name| *cluster.name == *name)).collect();
    match (named.as_slice(), wanted) {
        ([one], _) => Ok((*one).clone()),
        ([], Some(name)) => Err(candidates(Failure::input(format!("no cluster named `{name}` is in the snapshot")))),
        ([], None) => Err(Failure::input("the snapshot holds no EKS cluster")
            .with_hint("`aws eks describe-cluster` describes one; `reach snapshot script` collects everything")),
        (many, Some(name)) => {
            let message = format!("`{name}` is ambiguous: {} clusters of the snapshot have that name", many.len());
            Err(Failure::input(message).with_hint("check the snapshots of their accounts and Regions one by one"))
        }
        (many, None) => {
            let message = format!("the snapshot holds {} clusters: `--cluster` says which one to check", many.len());
            Err(candidates(Failure::input(message)))
        }
    }
}

pub(super) fn unaudited(error: &AuditError) -> Failure {
    match error {
        AuditError::Selector(error) => query::unresolved(error),
        AuditError::Contradiction(error) => Failure::contradiction(error),
        error @ AuditError::TooMany(..) => Failure::input(error.to_string()),
    }
}

/// The flags that a question of the report is asked again with.
fn again(snapshots: &[PathBuf], cluster: Option<&str>) -> String {
    let snapshots = snapshots.iter().map(|path| format!("--snapshot {}", quoted(&path.to_string_lossy())));
    let cluster = cluster.map(|name| format!("--cluster {}", quoted(name)));
    snapshots.chain(cluster).collect::<Vec<_>>().join(" ")
}

fn print(report: &Report<'_>, arguments: &Check, config: &Config, voice: Voice) -> Result<(), Stop> {
    let format = match (arguments.output, config.output(None)) {
        (Some(format), _) => format,
        // What reach.toml wants of answers in general, as far as reports have that form.
        (None, Some(Format::Json | Format::Jsonl)) => CheckFormat::Json,
        (None, Some(Format::Markdown)) => CheckFormat::Markdown,
        (None, _) => CheckFormat::Text,
    };
    let quiet = voice == Voice::Quiet;
    let explain = arguments.explain;
    let of_json = |error: serde_json::Error| Stop::of_write(&error.into());
    let bytes = match format {
        CheckFormat::Text => text::render(report, explain, layout::width()).into_bytes(),
        CheckFormat::Json => json::render(report).map_err(of_json)?,
        CheckFormat::Markdown => markdown::render(report, explain).into_bytes(),
        CheckFormat::Sarif => sarif::render(report).map_err(of_json)?,
        CheckFormat::Junit => junit::render(report).map_err(|error| Stop::of_write(&error))?,
    };
    let output = if format == CheckFormat::Text { Output::styled(quiet) } else { Output::plain(quiet) };
    output.finish(&bytes)
}

/// The answer to an expectation.
struct Checked {
    question: Question,
    answer: Answer,
    mend: Mend,
    fixes: Vec<Fix>,
}

/// A policy.
fn expectations(arguments: &Check, config: &Config, voice: Voice) -> Result<ExitCode, Stop> {
    let paths = config.snapshot(&arguments.source.snapshot);
    let from_stdin = arguments.what == Path::new("-");
    if from_stdin && paths.as_ref().is_ok_and(|paths| paths.iter().any(|path| path == Path::new("-"))) {
        return Err(Failure::input("the policy and `--snapshot` cannot both read standard input").into());
    }
    let file = if from_stdin { "<stdin>".to_owned() } else { arguments.what.display().to_string() };
    let cluster = config.cluster(arguments.cluster.as_deref());
    let parsed = read(&arguments.what, &file).map(|text| policy::parse(&text));
    let network = paths.and_then(|paths| load::network(&paths, voice));
    // What is wrong with the policy and with the snapshot is told in one go.
    let mut failures: Vec<Failure> = Vec::new();
    let (policy, problems) = match parsed {
        Ok(Ok(policy)) => (policy, Problems::default()),
        Ok(Err(problems)) => (Policy::default(), problems),
        Err(failure) => {
            failures.push(failure);
            (Policy::default(), Problems::default())
        }
    };
    let network = network.map_err(|failure| failures.push(failure));
    let Ok(network) = network else { return Err(all(problems, &file, failures).into()) };
    let mut problems = problems;
    for Ends { from, to, cluster: own } in std::mem::take(&mut problems.ends) {
        let cluster = own.as_ref().map(|(name, _)| name.as_str()).or(cluster);
        if let Err((place, error)) = resolve(&network, &from, &to, cluster, nothing()) {
            complain(&mut problems, place, &error);
        }
    }
    if !problems.list.is_empty() || !failures.is_empty() {
        return Err(all(problems, &file, failures).into());
    }
    let Asked { checked, contradictions } =
        ask(&network, &policy, cluster, arguments.engine.into(), !arguments.no_fixes, &mut problems);
    if !contradictions.is_empty() || !problems.list.is_empty() {
        return Err(all(problems, &file, contradictions).into());
    }
    let entries = policy.expectations.iter().zip(&checked).map(|(expectation, checked)| {
        Entry::of_expectation(expectation, &checked.question, &checked.answer, (checked.mend, &checked.fixes))
    });
    let report = Report {
        network: &network,
        subject: Subject::Policy(&file, policy.description.as_deref()),
        entries: entries.collect(),
        also: Vec::new(),
        remarks: &[],
        again: &again(&arguments.source.snapshot, arguments.cluster.as_deref()),
        artifact: &if from_stdin { "stdin".to_owned() } else { sarif::uri(&arguments.what) },
    };
    print(&report, arguments, config, voice)?;
    Ok(report.exit())
}

/// All failures as one.
fn all(problems: Problems, file: &str, failures: Vec<Failure>) -> Failure {
    let hints = problems.hints.clone();
    let mut whole = Failure { exit: ExitCode::Input, errors: problems.lines(file), hints: Vec::new() };
    for failure in failures {
        whole.merge(failure);
    }
    whole.merge(Failure { exit: ExitCode::Input, errors: Vec::new(), hints });
    whole
}

/// The policy's text.
fn read(path: &Path, file: &str) -> Result<String, Failure> {
    let bytes = if path == Path::new("-") {
        load::stdin()?
    } else {
        fs::read(path).map_err(|error| {
            let failure = Failure::input(format!("{file}: {}", reason(&error)));
            // What has no extension may be a slip of the one word.
            let bare = path.extension().is_none() && path.components().count() == 1;
            if bare {
                failure.with_hint("`reach check eks` audits a cluster, `reach check FILE` a policy")
            } else {
                failure
            }
        })?
    };
    String::from_utf8(bytes).map_err(|_| Failure::input(format!("{file}: is not UTF-8 text")))
}

/// What is asked where only the ends matter.
fn nothing() -> Ask {
    Ask { lanes: Vec::new(), source_ports: None, family: None }
}

/// The question, or which selector is wrong, and how.
fn resolve(
    network: &Network,
    from: &(String, Place),
    to: &(String, Place),
    cluster: Option<&str>,
    ask: Ask,
) -> Result<Question, (Place, SelectorError)> {
    reach_eks::question(network, &from.0, &to.0, cluster, ask).map_err(|error| {
        let of_source = reach_eks::endpoints(network, &from.0, cluster).is_err();
        (if of_source { from.1 } else { to.1 }, error)
    })
}

fn complain(problems: &mut Problems, place: Place, error: &SelectorError) {
    problems.list.push((place, error.message.clone()));
    let line = place.line;
    let list = query::candidates(&error.candidates);
    problems.hints.extend(list.map(|list| format!("candidates for line {line}: {list}")));
}

/// What came of asking.
struct Asked {
    checked: Vec<Checked>,
    contradictions: Vec<Failure>,
}

/// Asks all questions of a policy.
fn ask(
    network: &Network,
    policy: &Policy,
    cluster: Option<&str>,
    engine: Engine,
    fixes: bool,
    problems: &mut Problems,
) -> Asked {
    let compiled = Compiled::new(network);
    let mut asked = Asked { checked: Vec::new(), contradictions: Vec::new() };
    for expectation in &policy.expectations {
        let Ends { from, to, cluster: own } = &expectation.ends;
        let cluster = own.as_ref().map(|(name, _)| name.as_str()).or(cluster);
        let question = match resolve(network, from, to, cluster, expectation.ask.clone()) {
            Ok(question) => question,
            Err((place, error)) => {
                complain(problems, place, &error);
                continue;
            }
        };
        let answer = match question::ask(&compiled, &question, engine) {
            Ok(answer) => answer,
            Err(AskError::NoPair) => {
                problems.list.push((expectation.at, query::no_pair_message(&from.0, &to.0)));
                problems.hints.push("an endpoint with itself is no pair".to_owned());
                continue;
            }
            Err(AskError::Contradiction(error)) => {
                asked.contradictions.push(Failure::contradiction(&error));
                continue;
            }
            Err(error @ AskError::TooMany(_)) => {
                problems.list.push((expectation.at, error.to_string()));
                continue;
            }
        };
        let (mend, fixes) = if fixes && is_mendable(expectation, &answer) {
            match mend(network, expectation, cluster, engine) {
                Ok(mended) => mended,
                Err(failure) => {
                    asked.contradictions.push(failure);
                    continue;
                }
            }
        } else {
            (Mend::NotSought, Vec::new())
        };
        asked.checked.push(Checked { question, answer, mend, fixes });
    }
    asked
}

/// Fixes make everything pass, so they are for what is expected to pass and does not.
fn is_mendable(expectation: &Expectation, answer: &Answer) -> bool {
    expectation.verdict == Verdict::Reachable && matches!(answer.verdict, Verdict::Blocked | Verdict::Partial)
}

fn mend(
    network: &Network,
    expectation: &Expectation,
    cluster: Option<&str>,
    engine: Engine,
) -> Result<(Mend, Vec<Fix>), Failure> {
    let Ends { from, to, .. } = &expectation.ends;
    let question = |network: &Network| reach_eks::question(network, &from.0, &to.0, cluster, expectation.ask.clone());
    match fix::fix(network, question, engine) {
        Ok(Repair::Fixed(fixes)) => Ok((Mend::Found, fixes)),
        Ok(Repair::Unknown) => Ok((Mend::Unknown, Vec::new())),
        Err(FixError::Ask(AskError::Contradiction(error))) => Err(Failure::contradiction(&error)),
        // What cannot be mended, and what a change would make unanswerable, has no fix.
        Ok(_) | Err(_) => Ok((Mend::Impossible, Vec::new())),
    }
}
