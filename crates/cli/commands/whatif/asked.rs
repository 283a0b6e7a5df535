//! What is asked of both sides of a change: the question that it is narrowed to, a policy, the audit of a cluster.

use std::collections::HashMap;

use reach_eks::audit::{self, AuditError, Level, Options, Status};
use reach_engine::Verdict;
use reach_engine::endpoint::Endpoint;
use reach_engine::question::{self, AskError, Engine, Question};
use reach_engine::whatif::{Difference, Party, Scope, Side, State};
use reach_model::Network;
use reach_model::network::{Idx, NetworkInterface};
use reach_packets::{IpSet, PortSet, Transport};

use super::Unanswered;
use crate::args::Narrowing;
use crate::ask::{self, Asked, Icmp, Names, Terms};
use crate::commands::batch::{Line, Scalar};
use crate::commands::{check, query};
use crate::config::Config;
use crate::exit::ExitCode;
use crate::failure::{Failure, reason};
use crate::policy::{self, Policy};
use crate::render::whatif::FindingChange;

/// A question about both sides of a change.
pub(super) struct Asking {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) ask: reach_engine::pair::Ask,
    pub(super) asked: Asked,
    pub(super) cluster: Option<String>,
    /// What a policy expects, and under which name.
    pub(super) expected: Option<(String, Verdict)>,
}

/// What is asked of every scenario.
pub(super) struct Questions {
    /// The one that the difference is narrowed to.
    pub(super) narrowing: Option<Asking>,
    pub(super) expectations: Vec<Asking>,
}

/// Reads the question and the policy.
pub(super) fn questions(given: &Narrowing, config: &Config) -> Result<Questions, Failure> {
    let cluster = config.cluster(given.cluster.as_deref()).map(str::to_owned);
    let mut narrowing = None;
    if let Some(text) = &given.query {
        let wrong = |error: serde_json::Error| Failure::input(format!("--query: {error}"));
        let line: Line<'_> = serde_json::from_str(text).map_err(wrong)?;
        let family = line.family.as_ref().map(|family| family.as_str().to_ascii_lowercase());
        let family = match family.as_deref() {
            None => None,
            Some("ipv4") => Some(reach_packets::Family::V4),
            Some("ipv6") => Some(reach_packets::Family::V6),
            Some(other) => {
                return Err(Failure::input(format!("--query: family: `{other}` is neither `ipv4` nor `ipv6`")));
            }
        };
        let part = |part: &Option<Scalar<'_>>| part.as_ref().map(|text| text.as_str().to_owned());
        let [protocol, port, source_port, kind, code] =
            [&line.protocol, &line.port, &line.source_port, &line.icmp_type, &line.icmp_code].map(part);
        let terms = Terms {
            protocol: protocol.as_deref(),
            port: port.as_deref(),
            source_port: source_port.as_deref(),
            icmp: Icmp::Parts(kind.as_deref(), code.as_deref()),
            family,
        };
        let (ask, asked) = ask::parse(&terms, Names::Keys).map_err(query::complain)?;
        let (from, to) = (line.from.into_owned(), line.to.into_owned());
        narrowing = Some(Asking { from, to, ask, asked, cluster: cluster.clone(), expected: None });
    } else if let (Some(from), Some(to)) = (&given.from, &given.to) {
        let terms = Terms {
            protocol: given.protocol.as_deref(),
            port: given.port.as_deref(),
            source_port: given.source_port.as_deref(),
            icmp: given.icmp.as_deref().map_or(Icmp::All, Icmp::Text),
            family: given.family.map(Into::into),
        };
        let (ask, asked) = ask::parse(&terms, Names::Flags).map_err(query::complain)?;
        let (from, to) = (from.clone(), to.clone());
        narrowing = Some(Asking { from, to, ask, asked, cluster: cluster.clone(), expected: None });
    }
    let mut expectations = Vec::new();
    if let Some(path) = &given.policy {
        let file = path.display().to_string();
        let text =
            std::fs::read_to_string(path).map_err(|error| Failure::input(format!("{file}: {}", reason(&error))))?;
        let Policy { expectations: list, .. } = policy::parse(&text).map_err(|problems| {
            let hints = problems.hints.clone();
            Failure { exit: ExitCode::Input, errors: problems.lines(&file), hints }
        })?;
        expectations.extend(list.into_iter().map(|expectation| Asking {
            from: expectation.ends.from.0,
            to: expectation.ends.to.0,
            ask: expectation.ask,
            asked: expectation.asked,
            cluster: expectation.ends.cluster.map(|(name, _)| name).or_else(|| cluster.clone()),
            expected: Some((expectation.id, expectation.verdict)),
        }));
    }
    Ok(Questions { narrowing, expectations })
}

/// Selectors that mean nobody before any change are told once, not for every scenario.
pub(super) fn resolvable(network: &Network, questions: &Questions) -> Result<(), Failure> {
    for asking in questions.narrowing.iter().chain(&questions.expectations) {
        asking.question(network).map_err(|error| query::unresolved(&error))?;
    }
    Ok(())
}

impl Asking {
    fn question(&self, network: &Network) -> Result<Question, reach_eks::SelectorError> {
        reach_eks::question(network, &self.from, &self.to, self.cluster.as_deref(), self.ask.clone())
    }
}

/// A verdict; a question that means nobody has none, and counts as unknown.
pub(super) struct Judged {
    pub(super) verdict: Verdict,
}

pub(super) fn verdict(network: &Network, state: &State<'_>, asking: &Asking) -> Result<Judged, Unanswered> {
    let Ok(question) = asking.question(network) else { return Ok(Judged { verdict: Verdict::Unknown }) };
    match question::ask(&state.compiled, &question, Engine::Compiled) {
        Ok(answer) => Ok(Judged { verdict: answer.verdict }),
        Err(AskError::NoPair) => Ok(Judged { verdict: Verdict::Unknown }),
        Err(AskError::Contradiction(error)) => Err(Unanswered::Contradiction(error)),
        Err(error @ AskError::TooMany(_)) => Err(Unanswered::Other(error.to_string())),
    }
}

/// The addresses of each interface, after or before, with their numbers.
type Known = HashMap<(bool, Idx<NetworkInterface>), Vec<(ipnet::IpNet, u32)>>;

/// Who and what a question is about, before or after.
pub(super) fn scope(
    (old, new): (&Network, &Network),
    asking: &Asking,
    found: &Difference,
) -> Result<Scope, reach_eks::SelectorError> {
    let mut known: Known = HashMap::new();
    for (id, Party { before, after }) in (0..).zip(&found.parties) {
        for (is_after, member) in [(false, before), (true, after)] {
            if let Some(member) = member {
                known.entry((is_after, member.interface)).or_default().push((member.net, id));
            }
        }
    }
    let mut sides = [Side::default(), Side::default()];
    let mut mapped: Option<PortSet> = None;
    for (is_after, network) in [(false, old), (true, new)] {
        // Whoever is not there any more, or not yet, is in the other network.
        let question = match asking.question(network) {
            Ok(question) => question,
            Err(_) if is_after => continue,
            Err(error) => return Err(error),
        };
        // EK-42: behind a service other ports are meant than were asked.
        for (protocol, asked, own) in question.to.iter().filter_map(|to| to.ports.as_ref()).flatten() {
            let set = |port| PortSet::single(*protocol, &Transport::Ports { source: 0, destination: port });
            let headers = mapped.get_or_insert_with(PortSet::empty);
            if asking.ask.headers().intersects(&set(*asked)) {
                *headers = headers.union(&set(*own));
            }
        }
        let ends = [question.from, question.to.into_iter().map(|to| to.endpoint).collect()];
        for (side, endpoints) in sides.iter_mut().zip(ends) {
            for endpoint in endpoints {
                if let Endpoint::Outside(outside) = &endpoint {
                    side.outside = side.outside.union(&outside.addresses);
                }
                let Some(interface) = endpoint.interface() else { continue };
                let nets: IpSet = [reach_packets::Family::V4, reach_packets::Family::V6]
                    .into_iter()
                    .fold(IpSet::empty(), |all, family| all.union(&endpoint.addresses(family)));
                let own = known.get(&(is_after, interface)).into_iter().flatten();
                side.inside.extend(own.filter(|(net, _)| IpSet::from(*net).is_subset(&nets)).map(|(_, id)| *id));
            }
        }
    }
    let [from, to] = sides;
    let headers = mapped.unwrap_or_else(|| asking.ask.headers());
    Ok(Scope { from, to, family: asking.ask.family, headers, source_ports: asking.ask.source_ports.clone() })
}

/// The audit of a cluster as it is before any change.
pub(super) struct Baseline {
    cluster: String,
    level: Level,
    before: Statuses,
}

/// Each finding's id, with its level and status.
type Statuses = Vec<(String, Level, Status)>;

impl Baseline {
    /// Audits the cluster that is meant, where an audit is asked for.
    pub(super) fn new(given: &Narrowing, config: &Config, network: &Network) -> Result<Option<Self>, Failure> {
        if given.check.is_none() {
            return Ok(None);
        }
        let cluster = check::one_cluster(network, config.cluster(given.cluster.as_deref()))?.name.to_string();
        let level = given.level.map_or(Level::Recommended, Into::into);
        let before = audited(network, &cluster).map_err(|error| check::unaudited(&error))?.unwrap_or_default();
        Ok(Some(Self { cluster, level, before }))
    }

    /// The findings that another network has with another status, in the order of the table; what it alone has, or has no
    /// more, is `not_applicable` where it is not.
    pub(super) fn changes(&self, network: &Network) -> Result<Vec<FindingChange>, Unanswered> {
        let after = audited(network, &self.cluster).map_err(|error| match error {
            AuditError::Contradiction(error) => Unanswered::Contradiction(error),
            other => Unanswered::Other(other.to_string()),
        })?;
        // A cluster that another snapshot does not hold may be gone, or was not collected.
        let after = after.unwrap_or_else(|| {
            self.before.iter().map(|(id, level, _)| (id.clone(), *level, Status::Unknown)).collect()
        });
        let status = |list: &Statuses, id: &str| {
            list.iter().find(|(own, ..)| own == id).map_or(Status::NotApplicable, |(.., status)| *status)
        };
        let known = |id: &str| self.before.iter().any(|(own, ..)| own == id);
        let all = self.before.iter().chain(after.iter().filter(|(id, ..)| !known(id)));
        let changes = all.map(|(id, level, _)| FindingChange {
            id: id.clone(),
            level: *level,
            weighs: *level <= self.level,
            before: status(&self.before, id),
            after: status(&after, id),
        });
        Ok(changes.filter(|change| change.before != change.after).collect())
    }
}

/// What an audit says of each requirement; `None` where the cluster is not there.
fn audited(network: &Network, cluster: &str) -> Result<Option<Statuses>, AuditError> {
    let clusters = reach_eks::clusters(network);
    let Some(cluster) = clusters.iter().find(|own| *own.name == *cluster) else { return Ok(None) };
    let audit = audit::audit(network, cluster, &Options::default())?;
    Ok(Some(audit.findings.into_iter().map(|finding| (finding.id, finding.level, finding.status)).collect()))
}
