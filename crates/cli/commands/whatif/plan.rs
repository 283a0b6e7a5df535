//! One scenario from a Terraform plan, and which of its resources each part of the answer is due to.

use std::collections::BTreeSet;
use std::path::Path;

use rayon::prelude::*;
use reach_engine::whatif::{Alike, Difference, FlowSet, State, difference};
use reach_model::Network;
use reach_terraform::{Plan, Scenario};

use super::asked::{Baseline, Questions};
use super::{Unanswered, answer, exit, printed, told};
use crate::args::WhatifFormat;
use crate::exit::ExitCode;
use crate::failure::{Failure, reason};
use crate::load;
use crate::output::{Output, Stop};
use crate::render::check::sarif::uri;
use crate::render::layout;
use crate::render::whatif::{Causes, List, PlanTold, Told, sarif};

/// Where more resources than this change the network, it is not sought which of them each part is due to.
const ATTRIBUTED: usize = 64;

/// What a plan is held against.
pub(super) struct Given<'g> {
    pub(super) network: &'g Network,
    pub(super) state: &'g State<'g>,
    pub(super) questions: &'g Questions,
    pub(super) audited: Option<&'g Baseline>,
}

/// Reads a plan; every problem of a document that is none is in the failure.
pub(super) fn read(file: &Path) -> Result<Plan, Failure> {
    let from_stdin = file == Path::new("-");
    let name = if from_stdin { "<stdin>".to_owned() } else { file.display().to_string() };
    let bytes = if from_stdin {
        load::stdin()?
    } else {
        std::fs::read(file).map_err(|error| Failure::input(format!("{name}: {}", reason(&error))))?
    };
    let text = String::from_utf8(bytes).map_err(|_| Failure::input(format!("{name}: is not UTF-8 text")))?;
    reach_terraform::read(&text, &name).map_err(|problems| Failure {
        exit: ExitCode::Input,
        errors: problems.iter().map(ToString::to_string).collect(),
        hints: Vec::new(),
    })
}

pub(super) fn run(
    given: &Given<'_>,
    plan: &Plan,
    file: &Path,
    format: WhatifFormat,
    quiet: bool,
) -> Result<ExitCode, Stop> {
    let scenario = reach_terraform::scenario(plan, given.network);
    let changed = applied(given.network, &scenario, |_| true);
    let after = State::new(&changed);
    let answer = answer((given.network, given.state), (&changed, &after), given.questions, given.audited)
        .map_err(Failure::from)?;
    let sought = causes(given, &scenario, &answer.found, (&changed, &after)).map_err(Failure::from)?;
    let id = serde_json::value::to_raw_value(&plan.file).ok();
    let plan = PlanTold { plan, scenario: &scenario, attributed: sought.is_some() };
    let mut causes = sought.unwrap_or_else(|| Causes::of(&answer.found, |_| Vec::new()));
    if plan.holds_sensitive() {
        keep_back(given, &scenario, (&answer.found, &changed), &mut causes).map_err(Failure::from)?;
    }
    let told =
        Told { causes: Some(&causes), plan: Some(&plan), ..told((given.network, &changed), id.as_deref(), &answer) };
    let exit = exit(&told);
    let artifact = if file == Path::new("-") { "stdin".to_owned() } else { uri(file) };
    let bytes = match format {
        WhatifFormat::Sarif => sarif::render(&told, &artifact, exit),
        _ => printed(&told, format, layout::width()),
    };
    let output = if format == WhatifFormat::Text { Output::styled(quiet) } else { Output::plain(quiet) };
    output.finish(&bytes)?;
    Ok(exit)
}

/// The network after the steps whose address is wanted. What AWS refuses then (it names what another step would have
/// made) is left out: it goes with the step that is not there.
fn applied(network: &Network, scenario: &Scenario, wanted: impl Fn(&str) -> bool) -> Network {
    let mut changed = network.clone();
    for (_, change) in scenario.changes().filter(|(address, _)| wanted(address)) {
        let _ = changed.apply(change);
    }
    changed
}

/// What each set of each list is due to: the addresses without which some flow of it would not be in that list; where none
/// is, since several do the same, those that alone would put it there. Exact, by two more comparisons for each address.
/// `None` where there are too many.
fn causes(
    given: &Given<'_>,
    scenario: &Scenario,
    found: &Difference,
    (changed, after): (&Network, &State<'_>),
) -> Result<Option<Causes>, Unanswered> {
    let mut addresses: Vec<&str> = Vec::new();
    for step in &scenario.steps {
        if !addresses.contains(&step.address.as_str()) {
            addresses.push(&step.address);
        }
    }
    let named = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
    if let [only] = addresses.as_slice() {
        return Ok(Some(Causes::of(found, |_| named(vec![only]))));
    }
    if addresses.len() > ATTRIBUTED {
        return Ok(None);
    }
    if found.is_empty() {
        return Ok(Some(Causes::default()));
    }
    let own = (found, (given.network, changed));
    // For every address: the sets that its absence undoes, and those that it makes alone.
    let judged: Result<Vec<[Met; 2]>, Unanswered> = addresses
        .par_iter()
        .map(|address| {
            let without = applied(given.network, scenario, |other| other != *address);
            let missing = difference(&State::new(&without), after).map_err(Unanswered::Contradiction)?;
            let needed = meeting(own, (&missing, (&without, changed)));
            let alone = applied(given.network, scenario, |other| other == *address);
            let single = difference(given.state, &State::new(&alone)).map_err(Unanswered::Contradiction)?;
            Ok([needed, meeting(own, (&single, (given.network, &alone)))])
        })
        .collect();
    let judged = judged?;
    let those = |which: usize, key: (List, usize)| -> Vec<&str> {
        let both = addresses.iter().zip(&judged);
        let own = both.filter(|(_, lists)| lists.get(which).is_some_and(|list| list.contains(&key)));
        own.map(|(address, _)| *address).collect()
    };
    Ok(Some(Causes::by_position(found, |key| {
        let needed = those(0, key);
        named(if needed.is_empty() { those(1, key) } else { needed })
    })))
}

/// Keeps the values of every set back that the plan would not make just so without the resources that hold sensitive
/// values: what is left of a range tells as much as the range.
fn keep_back(
    given: &Given<'_>,
    scenario: &Scenario,
    (found, changed): (&Difference, &Network),
    causes: &mut Causes,
) -> Result<(), Unanswered> {
    let sensitive: BTreeSet<&str> =
        scenario.steps.iter().filter(|step| step.sensitive).map(|step| step.address.as_str()).collect();
    let plain = applied(given.network, scenario, |address| !sensitive.contains(address));
    let open = answer((given.network, given.state), (&plain, &State::new(&plain)), given.questions, None)?.found;
    let alike = Alike::new((found, (given.network, changed)), (&open, (given.network, &plain)));
    causes.hide(|(list, position)| {
        let set = list.of(found).get(position);
        set.is_none_or(|set| !alike.holds(set, list.of(&open)))
    });
    Ok(())
}

/// Sets of a difference, by list and position.
type Met = Vec<(List, usize)>;

/// A difference and the networks that it compares.
type Between<'d> = (&'d Difference, (&'d Network, &'d Network));

/// The sets of `own` that share a flow with what `other` does of the same kind.
fn meeting(own: Between<'_>, other: Between<'_>) -> Met {
    let alike = Alike::new(own, other);
    let mut met = Vec::new();
    for list in List::ALL {
        for (position, set) in list.of(own.0).iter().enumerate() {
            let kinds: Vec<&[FlowSet]> = list.kin().iter().map(|kin| kin.of(other.0)).collect();
            if kinds.into_iter().any(|kin| alike.shares(set, kin)) {
                met.push((list, position));
            }
        }
    }
    met
}
