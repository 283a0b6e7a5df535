//! Would this cluster work? Every requirement of the table is asked of the network, and what fails is mended on paper.
//!
//! [`table`] holds what a cluster needs, as data; `ask` turns a requirement into questions and their answers into a
//! finding, `called` does so for webhooks and aggregated APIs, `held` for groups and their tags, `placement` says who
//! fares how, `explain` adds what no packet's reason says.

mod ask;
mod called;
mod explain;
mod finding;
mod held;
mod placement;
pub mod table;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use reach_engine::compile::Compiled;
use reach_engine::endpoint::Endpoint;
use reach_engine::fix::{self, Fix, FixError, Repair};
use reach_engine::host;
use reach_engine::pair::Contradiction;
use reach_engine::question::{self, AskError, Engine, PairCounts};
use reach_engine::verdict::Verdict;
use reach_model::network::{self, Idx, Ref};
use reach_model::{Call, Network};

pub use ask::Recipe;
pub use finding::{Asked, Audit, Finding, Judged, Level, Mend, Placement, Remark, Source, Status};

use crate::SelectorError;
use crate::roles::{Cluster, Listed};
use table::{End, Need};

/// What an audit is asked for besides the table.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Selectors of clients that call the API: bastions, CI runners, VPN ranges.
    pub clients: Vec<String>,
    /// Names of [`table::COMPONENTS`] whose ports are to be asked about, or `all`.
    pub also: Vec<String>,
    /// Whether fixes are looked for.
    pub fixes: bool,
    pub engine: Engine,
}

/// Why there is no audit.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A client's selector, or a component's name.
    #[error(transparent)]
    Selector(#[from] SelectorError),
    /// The engines contradict each other.
    #[error(transparent)]
    Contradiction(#[from] Box<Contradiction>),
    /// A question that is too large to be answered.
    #[error("{0}: {1}")]
    TooMany(String, AskError),
}

/// Audits one cluster. Cost: one compiled network and one question for each requirement; with fixes, a few more networks
/// for each finding that fails.
///
/// # Errors
///
/// A client that matches nothing, an unknown component, a contradiction between the engines.
pub fn audit(network: &Network, cluster: &Cluster, options: &Options) -> Result<Audit, AuditError> {
    let components = components(&options.also)?;
    let compiled = Compiled::new(network);
    let scene = Scene::new(network, &compiled, cluster, options.engine);
    let mut findings = Vec::new();
    // Where no service was listed at all, nothing is known of the cluster's name service; nodes are asked about.
    let asked = |requirement: &&table::Requirement| {
        requirement.to != End::ClusterDns || !network.kubernetes.services.is_empty()
    };
    for requirement in table::REQUIREMENTS.iter().filter(asked) {
        let mut finding = ask::requirement(&scene, requirement)?;
        explain::requirement(&scene, requirement, &mut finding);
        findings.push(finding);
        match requirement.id {
            "eks.api.pod-to-controlplane.tcp-443" => findings.push(ask::clients(&scene, &options.clients)?),
            // The services come before the internet as a whole, which is judged by how they fare.
            "eks.node-to-node.all" => {
                for service in table::SERVICES {
                    findings.push(ask::service(&scene, service)?);
                }
            }
            _ => {}
        }
    }
    if let Some(position) = findings.iter().position(|finding| finding.id == ask::INTERNET)
        && ask::is_private(&scene)
    {
        let services = required_services(&findings);
        if let Some(internet) = findings.get_mut(position) {
            let message = match services {
                Status::Pass => {
                    internet.status = Status::NotApplicable;
                    "no node's route table leads to the internet, and every service that nodes need passes"
                }
                // Whether the cluster can do without is not known.
                Status::Unknown => {
                    internet.status = Status::Unknown;
                    "no node's route table leads to the internet, and of the services that nodes need some are unknown"
                }
                _ => "no node's route table leads to the internet, and services that nodes need do not pass",
            };
            internet.remarks.push(Remark {
                code: "EKS_PRIVATE_CLUSTER",
                resource: None,
                semantics: "EK-24",
                message: message.to_owned(),
            });
        }
    }
    findings.push(ask::public_access(&scene)?);
    findings.push(held::owned_tag(&scene));
    findings.push(held::shared_group(&scene));
    findings.extend(called::webhooks(&scene)?);
    findings.extend(called::api_services(&scene)?);
    let mut also = Vec::new();
    for component in components {
        also.extend(called::component(&scene, component)?);
    }
    if options.fixes {
        for finding in &mut findings {
            mend(&scene, finding)?;
        }
        held::prove(&scene, &mut findings)?;
    }
    let remarks = explain::cluster(&scene);
    Ok(Audit { cluster: cluster.name.clone(), findings, also, remarks })
}

/// What every part of an audit looks at.
struct Scene<'s> {
    network: &'s Network,
    compiled: &'s Compiled<'s>,
    cluster: &'s Cluster,
    /// The cluster as `eks describe-cluster` describes it.
    described: Option<&'s network::Cluster>,
    engine: Engine,
    /// Which of the kubectl lists' pods are the cluster's.
    listed: Listed<'s>,
    /// Selectors that were resolved before: the table asks about the same roles again and again.
    resolved: RefCell<BTreeMap<String, Resolved>>,
}

/// What a selector means by itself.
type Resolved = Result<Rc<Vec<Endpoint>>, SelectorError>;

impl<'s> Scene<'s> {
    fn new(network: &'s Network, compiled: &'s Compiled<'s>, cluster: &'s Cluster, engine: Engine) -> Self {
        Self {
            network,
            compiled,
            cluster,
            described: network.clusters.find(&cluster.name).map(|idx| network.clusters.get(idx)),
            engine,
            listed: Listed::new(network, cluster),
            resolved: RefCell::default(),
        }
    }

    /// The endpoints that a selector means by itself.
    fn endpoints(&self, selector: &str) -> Resolved {
        let known = self.resolved.borrow().get(selector).cloned();
        known.unwrap_or_else(|| {
            let found = crate::endpoints(self.network, selector, Some(&self.cluster.name)).map(Rc::new);
            self.resolved.borrow_mut().insert(selector.to_owned(), found.clone());
            found
        })
    }

    /// Whether the cluster's nodes and pods speak IPv6 among themselves.
    fn is_ipv6(&self) -> bool {
        self.described.is_some_and(|cluster| cluster.ipv6)
    }

    /// The cluster security group, where there is one in the snapshot.
    fn cluster_group(&self) -> Option<Idx<network::SecurityGroup>> {
        self.described?.security_group.as_ref().and_then(Ref::known)
    }

    /// Whether the cluster has no node that is known, and yet something says that it has: then no finding about nodes is
    /// without an object, they are unknown.
    fn misses_nodes(&self) -> bool {
        if !crate::roles::nodes(self.network, &self.cluster.name, None).is_empty() {
            return false;
        }
        let described = self.described.is_some_and(|cluster| !cluster.node_groups.is_empty());
        let untagged = |id: &str| {
            let instance = self.network.instances.find_text(id).map(|idx| self.network.instances.get(idx));
            instance.is_some_and(|instance| instance.is_live() && host::cluster_name(instance).is_none())
        };
        let listed = self.network.kubernetes.nodes.iter().any(|(_, id)| id.as_deref().is_some_and(untagged));
        described || listed
    }

    fn collected(&self, call: Call) -> bool {
        self.network.collected_for(self.cluster.vpc, call)
    }
}

fn components(names: &[String]) -> Result<Vec<&'static table::Component>, SelectorError> {
    let mut chosen: Vec<&'static table::Component> = Vec::new();
    for name in names {
        let matches = |component: &&table::Component| name == "all" || component.name == name;
        let before = chosen.len();
        chosen.extend(table::COMPONENTS.iter().filter(matches));
        if chosen.len() == before {
            let known = table::COMPONENTS.iter().map(|component| component.name.to_owned());
            return Err(SelectorError {
                message: format!("`{name}` is no component that is known here"),
                candidates: known.chain(["all".to_owned()]).collect(),
            });
        }
    }
    chosen.sort_by_key(|component| component.name);
    chosen.dedup_by_key(|component| component.name);
    Ok(chosen)
}

/// How the services fare that every cluster needs: the worst of them.
fn required_services(findings: &[Finding]) -> Status {
    let needed = table::SERVICES.iter().filter(|service| matches!(service.need, Need::Always));
    let ids: Vec<String> = needed.map(ask::service_id).collect();
    let statuses = findings.iter().filter(|finding| ids.contains(&finding.id)).map(|finding| finding.status);
    statuses.min().unwrap_or(Status::Unknown)
}

/// Looks for fixes of a finding.
fn mend(scene: &Scene<'_>, finding: &mut Finding) -> Result<(), AuditError> {
    if !matches!(finding.status, Status::Fail | Status::Partial) {
        return Ok(());
    }
    if !finding.fixes.is_empty() {
        finding.mend = Mend::Found;
        return Ok(());
    }
    let failing: Vec<&Judged> =
        finding.answers.iter().filter(|judged| judged.answer.verdict != Verdict::Reachable).collect();
    (finding.mend, finding.fixes) = match failing.as_slice() {
        [] => (Mend::Impossible, Vec::new()),
        [judged] => repaired(scene, scene.network, judged)?,
        several => in_turn(scene, several)?,
    };
    Ok(())
}

/// The fixes of one question on `network`.
fn repaired(scene: &Scene<'_>, network: &Network, judged: &Judged) -> Result<(Mend, Vec<Fix>), AuditError> {
    let again = |network: &Network| judged.recipe.question(network, &scene.cluster.name);
    match fix::fix(network, again, scene.engine) {
        Ok(Repair::Fixed(fixes)) => Ok((Mend::Found, fixes)),
        Ok(Repair::AlreadyReachable) => Ok((Mend::NotSought, Vec::new())),
        Ok(Repair::Unknown) => Ok((Mend::Unknown, Vec::new())),
        Err(FixError::Ask(AskError::Contradiction(contradiction))) => Err(contradiction.into()),
        // A question that could be asked once and not again: nothing is proposed.
        Ok(Repair::Impossible) | Err(_) => Ok((Mend::Impossible, Vec::new())),
    }
}

/// One fix for several questions: each is mended on the network that the ones before it left, and all are asked again at
/// the end.
fn in_turn(scene: &Scene<'_>, questions: &[&Judged]) -> Result<(Mend, Vec<Fix>), AuditError> {
    let mut changed = scene.network.clone();
    let mut whole = Fix { changes: Vec::new(), quota: Vec::new(), pairs: PairCounts::default() };
    for judged in questions {
        match repaired(scene, &changed, judged)? {
            (Mend::Found, fixes) => {
                let Some(first) = fixes.into_iter().next() else { return Ok((Mend::Impossible, Vec::new())) };
                if first.changes.iter().any(|change| changed.apply(change).is_err()) {
                    return Ok((Mend::Impossible, Vec::new()));
                }
                whole.changes.extend(first.changes);
                // The later count of a resource holds the earlier one.
                whole.quota.retain(|quota| first.quota.iter().all(|newer| newer.resource != quota.resource));
                whole.quota.extend(first.quota);
            }
            (Mend::NotSought, _) => {}
            (refused, _) => return Ok((refused, Vec::new())),
        }
    }
    let compiled = Compiled::new(&changed);
    for judged in questions {
        let Ok(question) = judged.recipe.question(&changed, &scene.cluster.name) else {
            return Ok((Mend::Impossible, Vec::new()));
        };
        match question::ask(&compiled, &question, scene.engine) {
            Ok(answer) if answer.verdict == Verdict::Reachable => {
                whole.pairs.total += answer.pairs.total;
                whole.pairs.reachable += answer.pairs.reachable;
            }
            Err(AskError::Contradiction(contradiction)) => return Err(contradiction.into()),
            _ => return Ok((Mend::Impossible, Vec::new())),
        }
    }
    Ok((Mend::Found, vec![whole]))
}

/// The verdict over all pairs of several questions; `None` where there is none.
fn over(pairs: PairCounts) -> Option<Verdict> {
    Verdict::over(
        [
            (pairs.reachable, Verdict::Reachable),
            (pairs.blocked, Verdict::Blocked),
            (pairs.partial, Verdict::Partial),
            (pairs.unknown, Verdict::Unknown),
        ]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(_, verdict)| verdict),
    )
}

impl From<Option<Verdict>> for Status {
    fn from(verdict: Option<Verdict>) -> Self {
        match verdict {
            Some(Verdict::Reachable) => Status::Pass,
            Some(Verdict::Blocked) => Status::Fail,
            Some(Verdict::Partial) => Status::Partial,
            Some(Verdict::Unknown) => Status::Unknown,
            None => Status::NotApplicable,
        }
    }
}

/// How often each status occurs, in the order of [`Status`].
pub fn tally(findings: &[Finding]) -> BTreeMap<Status, usize> {
    let mut tally = BTreeMap::new();
    for finding in findings {
        *tally.entry(finding.status).or_insert(0) += 1;
    }
    tally
}

/// The end of a requirement that a cluster may well lack.
const fn may_lack(end: End) -> bool {
    matches!(end, End::Nodes | End::Pods)
}
