//! From a requirement to questions, and from their answers to a finding.

use std::collections::BTreeSet;

use reach_engine::endpoint::Endpoint;
use reach_engine::host;
use reach_engine::pair::{Ask, Lane};
use reach_engine::question::{self, AskError, PairCounts, Question};
use reach_engine::reason::{Code, Stage};
use reach_engine::verdict::Verdict;
use reach_model::network::{Destination, EndpointKind, Idx, Ref, RouteState, RouteTable, RouteTarget};
use reach_model::{Call, Network};
use reach_packets::{Family, PortRanges};

use super::finding::{Asked, Finding, Judged, Level, Mend, Remark, Source, Status};
use super::table::{self, End, Need, NeededService, Requirement, Traffic};
use super::{AuditError, Scene, may_lack, over, placement};
use crate::{SelectorError, roles};

/// The finding about the internet as a whole.
pub(super) const INTERNET: &str = "eks.node-egress.internet";

/// How a question is asked of any network: the same one before and after a change.
#[derive(Debug, Clone)]
pub struct Recipe {
    from: String,
    to: String,
    ask: Ask,
    /// Only the endpoints that have an address of the family: an end without one is not what is asked about.
    family: Option<Family>,
    /// Of a service's endpoints only those on this port of the pod.
    target_port: Option<u16>,
}

impl Recipe {
    pub(super) fn new(from: &str, to: &str, traffic: Traffic, family: Option<Family>) -> Self {
        let lanes = match traffic {
            Traffic::Ports(protocol, low, high) => vec![Lane::Ports(protocol, PortRanges::range(low, high))],
            Traffic::Everything => Lane::every(),
        };
        let ask = Ask { lanes, source_ports: None, family };
        Self { from: from.to_owned(), to: to.to_owned(), ask, family, target_port: None }
    }

    /// Of a service's endpoints only those that listen on `port`.
    pub(super) fn on_target(mut self, port: u16) -> Self {
        self.target_port = Some(port);
        self
    }

    /// The question on `network`.
    ///
    /// # Errors
    ///
    /// A selector that means nothing there.
    pub fn question(&self, network: &Network, cluster: &str) -> Result<Question, SelectorError> {
        let question = crate::question(network, &self.from, &self.to, Some(cluster), self.ask.clone())?;
        Ok(self.narrowed(question))
    }

    /// Leaves out the ends that are not asked about.
    fn narrowed(&self, mut question: Question) -> Question {
        let has = |endpoint: &Endpoint| {
            self.family.is_none_or(|family| endpoint.has(family) || matches!(endpoint, Endpoint::Unresolved(_)))
        };
        let on_target = |ports: Option<&Vec<(reach_packets::Protocol, u16, u16)>>| match (self.target_port, ports) {
            (Some(wanted), Some(ports)) => ports.iter().any(|(_, _, target)| *target == wanted),
            _ => true,
        };
        let froms: Vec<bool> = question.from.iter().map(has).collect();
        let tos: Vec<bool> = question.to.iter().map(|to| has(&to.endpoint) && on_target(to.ports.as_ref())).collect();
        for (from, to) in &mut question.products {
            from.retain(|&i| froms.get(i) == Some(&true));
            to.retain(|&i| tos.get(i) == Some(&true));
        }
        question
    }
}

/// What came of asking: an answer, or why there is none.
enum Outcome {
    Answered(Box<Judged>),
    /// Nobody is there to ask about.
    Nobody(SelectorError, Side),
    /// An end with itself.
    NoPair,
}

/// The side of a question that a selector stands on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    From,
    To,
}

/// Asks one question.
fn ask(scene: &Scene<'_>, asked: Asked, recipe: Recipe) -> Result<Outcome, AuditError> {
    let cluster = &*scene.cluster.name;
    let sources = match scene.endpoints(&recipe.from) {
        Ok(sources) => sources,
        Err(error) => return Ok(Outcome::Nobody(error, Side::From)),
    };
    // Roles mean the same to everybody; other names are resolved as each source would.
    let found = match recipe.to.as_str() {
        "node" | "pod" | "controlplane" => scene.endpoints(&recipe.to).map(|targets| {
            let targets = targets.iter().cloned().map(Into::into).collect();
            Question::product(sources.as_ref().clone(), targets, recipe.ask.clone())
        }),
        to => crate::question_from(scene.network, sources.as_ref().clone(), to, Some(cluster), recipe.ask.clone()),
    };
    let question = match found {
        Ok(question) => recipe.narrowed(question),
        Err(error) => return Ok(Outcome::Nobody(error, Side::To)),
    };
    // A node alone has no other node: what it would say to itself is not what is asked.
    if let ([from], [to]) = (question.from.as_slice(), question.to.as_slice())
        && *from == to.endpoint
        && !matches!(from, Endpoint::Unresolved(_))
    {
        return Ok(Outcome::NoPair);
    }
    match question::ask(scene.compiled, &question, scene.engine) {
        Ok(answer) => Ok(Outcome::Answered(Box::new(Judged { asked, question, answer, recipe }))),
        Err(AskError::NoPair) => Ok(Outcome::NoPair),
        Err(AskError::Contradiction(contradiction)) => Err(contradiction.into()),
        Err(error @ AskError::TooMany(_)) => Err(AuditError::TooMany(format!("{} to {}", asked.from, asked.to), error)),
    }
}

/// A finding before anything was asked.
pub(super) fn blank(id: String, level: Level, title: String, source: Source) -> Finding {
    Finding {
        id,
        level,
        status: Status::NotApplicable,
        title,
        question: None,
        pairs: PairCounts::default(),
        answers: Vec::new(),
        placement: Vec::new(),
        remarks: Vec::new(),
        fixes: Vec::new(),
        mend: Mend::NotSought,
        source,
        rows: &[],
    }
}

/// Asks `questions` and puts what came of them into `finding`. Who may be lacking is told by `optional`.
pub(super) fn judge(
    scene: &Scene<'_>,
    finding: &mut Finding,
    questions: Vec<(Asked, Recipe)>,
    optional: (bool, bool),
) -> Result<(), AuditError> {
    let mut missing = None;
    for (asked, recipe) in questions {
        match ask(scene, asked, recipe)? {
            Outcome::Answered(judged) => finding.answers.push(*judged),
            Outcome::NoPair => {}
            Outcome::Nobody(error, side) => {
                let lacks = if side == Side::From { optional.0 } else { optional.1 } && !scene.misses_nodes();
                // Control-plane interfaces exist in every cluster: not to see them is not to know.
                if !lacks {
                    missing = Some(Status::Unknown);
                }
                let remark = Remark { code: "EKS_NOBODY", resource: None, semantics: "EK-9", message: error.message };
                if !finding.remarks.contains(&remark) {
                    finding.remarks.push(remark);
                }
            }
        }
    }
    settle(scene, finding);
    if let Some(status) = missing
        && finding.status == Status::NotApplicable
    {
        finding.status = status;
    }
    Ok(())
}

/// Sums the answers up.
pub(super) fn settle(scene: &Scene<'_>, finding: &mut Finding) {
    let mut pairs = PairCounts::default();
    for judged in &finding.answers {
        let own = judged.answer.pairs;
        pairs.total += own.total;
        pairs.reachable += own.reachable;
        pairs.blocked += own.blocked;
        pairs.partial += own.partial;
        pairs.unknown += own.unknown;
    }
    finding.pairs = pairs;
    finding.status = over(pairs).into();
    finding.placement = placement::of(scene, &finding.answers);
}

/// Judges a requirement of the table, in every family that the cluster uses for it.
pub(super) fn requirement(scene: &Scene<'_>, requirement: &Requirement) -> Result<Finding, AuditError> {
    let Requirement { id, level, title, from, to, traffic, source, rows } = *requirement;
    let mut finding = blank(id.to_owned(), level, title.to_owned(), source);
    finding.rows = rows;
    let (from_text, to_text) = (from.selector(), to.selector());
    let (namespace, name) = table::CLUSTER_DNS;
    let services = &scene.network.kubernetes.services;
    if to == End::ClusterDns && !services.iter().any(|s| &*s.namespace == namespace && &*s.name == name) {
        finding.remarks.push(Remark {
            code: "EKS_NO_CLUSTER_DNS",
            resource: None,
            semantics: "EK-42",
            message: format!("the services that were listed have none named {namespace}/{name}"),
        });
        return Ok(finding);
    }
    if scene.described.is_some_and(|cluster| cluster.outpost) && [from, to].iter().any(|end| end.is_control_plane()) {
        finding.status = Status::Unknown;
        finding.remarks.push(Remark {
            code: "UNSUPPORTED_COMPONENT",
            resource: None,
            semantics: "EK-33",
            message: "the control plane of a local cluster on Outposts is not followed".to_owned(),
        });
        return Ok(finding);
    }
    let families = families(scene, from, to);
    let asked = |family| Asked {
        from: from_text.clone(),
        to: to_text.clone(),
        protocol: traffic.protocol(),
        port: traffic.port(),
        family,
    };
    let questions = families.iter().map(|&family| (asked(family), Recipe::new(&from_text, &to_text, traffic, family)));
    finding.question = Some(asked(families.first().copied().flatten()));
    judge(scene, &mut finding, questions.collect(), (may_lack(from), may_lack(to)))?;
    forgive_port_25(scene, &mut finding);
    Ok(finding)
}

/// EC2 holds back TCP 25 between public addresses, those of an IPv6 VPC among them, as long as nobody asks for more (SG-33).
/// No cluster needs it: what fails by that alone does not fail, and is told.
fn forgive_port_25(scene: &Scene<'_>, finding: &mut Finding) {
    if finding.status != Status::Partial {
        return;
    }
    let mut forgiven = 0;
    for judged in &mut finding.answers {
        let mut pairs = PairCounts::default();
        for group in &mut judged.answer.groups {
            let by_port_25 = |reason: &reach_engine::reason::Reason| reason.code == Code::Ec2Port25Restriction;
            if group.answer.verdict == Verdict::Partial && group.answer.reasons.iter().all(by_port_25) {
                group.answer.verdict = Verdict::Reachable;
                forgiven += group.pairs;
            }
            count_in(&mut pairs, group.answer.verdict, group.pairs);
        }
        if !judged.answer.truncated {
            judged.answer.pairs = pairs;
            judged.answer.verdict = over(pairs).unwrap_or(judged.answer.verdict);
        }
    }
    if forgiven > 0 {
        settle(scene, finding);
        finding.remarks.push(Remark {
            code: "EC2_PORT_25_RESTRICTION",
            resource: None,
            semantics: "SG-33",
            message: "all but TCP 25, which EC2 holds back to public addresses unless asked for it".to_owned(),
        });
    }
}

fn count_in(counts: &mut PairCounts, verdict: Verdict, pairs: u64) {
    counts.total += pairs;
    match verdict {
        Verdict::Reachable => counts.reachable += pairs,
        Verdict::Blocked => counts.blocked += pairs,
        Verdict::Partial => counts.partial += pairs,
        Verdict::Unknown => counts.unknown += pairs,
    }
}

/// The families to ask about: among a cluster's own, the one that its nodes and pods speak; to the internet, both where
/// nodes have both.
fn families(scene: &Scene<'_>, from: End, to: End) -> Vec<Option<Family>> {
    if !scene.is_ipv6() {
        return vec![None];
    }
    let all_have = |end: End, family: Family| {
        let endpoints = scene.endpoints(&end.selector());
        endpoints.is_ok_and(|endpoints| endpoints.iter().all(|endpoint| endpoint.has(family)))
    };
    let any_has = |end: End, family: Family| {
        let endpoints = scene.endpoints(&end.selector());
        // What only a name server would tell has every family.
        end == End::ApiServer || endpoints.is_ok_and(|endpoints| endpoints.iter().any(|endpoint| endpoint.has(family)))
    };
    match to {
        End::Internet => {
            let mut families: Vec<Option<Family>> = Vec::new();
            families.extend([Family::V4, Family::V6].into_iter().filter(|&family| all_have(from, family)).map(Some));
            if families.is_empty() { vec![None] } else { families }
        }
        End::Service(_) | End::ClusterDns => vec![None],
        End::Nodes | End::Pods | End::ControlPlane | End::ApiServer => {
            match (
                any_has(from, Family::V6) && any_has(to, Family::V6),
                all_have(from, Family::V6) && all_have(to, Family::V6),
            ) {
                (true, true) => vec![Some(Family::V6)],
                // Who has no IPv6 address speaks IPv4 with the others.
                (true, false) => vec![Some(Family::V6), Some(Family::V4)],
                (false, _) => vec![None],
            }
        }
    }
}

/// Judges the clients that were named, one question each, told as one finding.
pub(super) fn clients(scene: &Scene<'_>, clients: &[String]) -> Result<Finding, AuditError> {
    let Requirement { id, level, title, to, traffic, source, rows, .. } = table::CLIENT;
    let mut finding = blank(id.to_owned(), level, title.to_owned(), source);
    finding.rows = rows;
    if clients.is_empty() {
        finding.remarks.push(Remark {
            code: "EKS_NO_CLIENT",
            resource: None,
            semantics: "EK-14",
            message: "no client was named (`--client SELECTOR`)".to_owned(),
        });
        return Ok(finding);
    }
    let asked = |from: &str| Asked {
        from: from.to_owned(),
        to: to.selector(),
        protocol: traffic.protocol(),
        port: traffic.port(),
        family: None,
    };
    for client in clients {
        scene.endpoints(client)?;
    }
    let questions = clients.iter().map(|client| (asked(client), Recipe::new(client, &to.selector(), traffic, None)));
    finding.question = Some(asked(&clients.join(", ")));
    judge(scene, &mut finding, questions.collect(), (false, false))?;
    Ok(finding)
}

/// The id of a service's finding.
pub(super) fn service_id(service: &NeededService) -> String {
    format!("eks.node-egress.aws.{}", service.name)
}

/// Judges whether nodes reach a service of AWS's; not applicable where nothing uses it.
pub(super) fn service(scene: &Scene<'_>, service: &'static NeededService) -> Result<Finding, AuditError> {
    let requirement = Requirement {
        id: "",
        level: Level::Minimum,
        title: "",
        from: End::Nodes,
        to: End::Service(service.name),
        traffic: Traffic::Ports(reach_packets::Protocol::TCP, 443, 443),
        source: service.source(),
        rows: &[],
    };
    let title = format!("nodes reach {} ({})", service.name, service.purpose);
    if let Need::Used { pods, addons } = service.need
        && !is_used(scene, service.name, pods, addons)
    {
        let mut finding = blank(service_id(service), requirement.level, title, requirement.source);
        if !scene.collected(Call::DescribeVpcEndpoints) {
            finding.status = Status::Unknown;
            finding.remarks.push(Remark {
                code: "NOT_COLLECTED",
                resource: None,
                semantics: "EK-24",
                message:
                    "whether the VPC has an endpoint of it is not in the snapshot (`aws ec2 describe-vpc-endpoints`)"
                        .to_owned(),
            });
            return Ok(finding);
        }
        finding.remarks.push(Remark {
            code: "EKS_SERVICE_UNUSED",
            resource: None,
            semantics: "EK-24",
            message: "nothing in the snapshot uses it: no endpoint of it, no pod or add-on that calls it".to_owned(),
        });
        return Ok(finding);
    }
    let mut finding = self::requirement(scene, &requirement)?;
    finding.id = service_id(service);
    finding.title = title;
    Ok(finding)
}

/// Whether the snapshot shows a service's use in the cluster.
fn is_used(scene: &Scene<'_>, service: &str, pods: &[&str], addons: &[&str]) -> bool {
    let network = scene.network;
    let vpc = scene.cluster.vpc.map(|idx| &network.vpcs.get(idx).id);
    let endpoint = network.endpoints.iter().any(|(_, endpoint)| {
        endpoint.kind == EndpointKind::Interface
            && endpoint.service_label() == service
            && vpc.is_none_or(|vpc| endpoint.vpc.as_ref() == Some(vpc))
    });
    // A chart's release may stand before the component's own name.
    let named = |name: &str, component: &str| name.starts_with(component) || name.contains(&format!("-{component}"));
    let pod =
        network.kubernetes.pods.iter().any(|pod| {
            pods.iter().any(|component| named(&pod.name, component)) && pod.running && scene.listed.has(pod)
        });
    let addon = scene.described.is_some_and(|cluster| cluster.addons.iter().any(|name| addons.contains(&&**name)));
    endpoint || pod || addon
}

/// Whether no node's route table leads out of the VPC by a default route.
pub(super) fn is_private(scene: &Scene<'_>) -> bool {
    let network = scene.network;
    if !scene.collected(Call::DescribeRouteTables) {
        return false;
    }
    let mut tables: BTreeSet<Idx<RouteTable>> = BTreeSet::new();
    for node in roles::nodes(network, &scene.cluster.name, None) {
        let Some(idx) = host::primary_interface(network, node) else { return false };
        let Some(subnet) = network.interfaces.get(idx).subnet.as_ref().and_then(Ref::known) else { return false };
        let Some(table) = network.subnets.get(subnet).route_table else { return false };
        tables.insert(table);
    }
    let leads_out = |table: &Idx<RouteTable>| {
        network.route_tables.get(*table).routes.iter().any(|route| {
            matches!(&route.destination, Destination::Cidr(net) if net.prefix_len() == 0)
                && route.state == RouteState::Active
                && !matches!(route.target, RouteTarget::None | RouteTarget::Local)
        })
    };
    !tables.is_empty() && !tables.iter().any(leads_out)
}

/// Judges whether the public endpoint admits the addresses that nodes arrive with; whatever else stops them is told by
/// other findings.
pub(super) fn public_access(scene: &Scene<'_>) -> Result<Finding, AuditError> {
    let (id, title) = table::PUBLIC_ACCESS;
    let mut finding = blank(id.to_owned(), Level::Minimum, title.to_owned(), table::ENDPOINT_PAGE);
    let mut remark = |code, message: &str| {
        finding.remarks.push(Remark { code, resource: None, semantics: "EK-14", message: message.to_owned() });
    };
    match scene.described {
        None => {
            remark("NOT_COLLECTED", "the access mode is not in the snapshot; `aws eks describe-cluster` tells it");
            finding.status = Status::Unknown;
            return Ok(finding);
        }
        Some(cluster) if cluster.private_access => {
            remark("EKS_PRIVATE_ACCESS", "private access is on: nodes use the interfaces inside the VPC");
            return Ok(finding);
        }
        Some(_) => {}
    }
    let requirement = Requirement {
        id,
        level: Level::Minimum,
        title,
        from: End::Nodes,
        to: End::ApiServer,
        traffic: Traffic::Ports(reach_packets::Protocol::TCP, 443, 443),
        source: table::ENDPOINT_PAGE,
        rows: &[],
    };
    let mut finding = self::requirement(scene, &requirement)?;
    let mut pairs = PairCounts::default();
    for judged in &mut finding.answers {
        judged.answer.groups.retain_mut(|group| {
            let refused = group.answer.reasons.iter().any(|r| r.code == Code::EksPublicAccessCidrMismatch);
            let admitted = group.answer.forward_path.iter().any(|step| step.stage == Stage::Admission);
            let verdict = match (refused, admitted, group.answer.verdict) {
                (true, _, Verdict::Partial) => Verdict::Partial,
                (true, ..) => Verdict::Blocked,
                // What else stops a packet says nothing about the list.
                (false, true, _) | (false, _, Verdict::Reachable) => Verdict::Reachable,
                (false, false, Verdict::Unknown | Verdict::Partial) => Verdict::Unknown,
                (false, false, Verdict::Blocked) => return false,
            };
            group
                .answer
                .reasons
                .retain(|reason| reason.code == Code::EksPublicAccessCidrMismatch || verdict == Verdict::Unknown);
            group.answer.verdict = verdict;
            count_in(&mut pairs, verdict, group.pairs);
            true
        });
        judged.answer.pairs = pairs;
        judged.answer.verdict = over(pairs).unwrap_or(Verdict::Blocked);
    }
    if pairs.total == 0 && finding.status == Status::Fail {
        finding.remarks.push(Remark {
            code: "EKS_PUBLIC_ENDPOINT_NOT_REACHED",
            resource: None,
            semantics: "EK-14",
            message: "no node gets as far as the public endpoint: see the finding about the API server".to_owned(),
        });
        finding.answers.clear();
        finding.status = Status::NotApplicable;
        finding.pairs = pairs;
        finding.placement.clear();
        return Ok(finding);
    }
    if pairs.total > 0 {
        finding.pairs = pairs;
        finding.status = over(pairs).into();
        finding.placement = placement::of(scene, &finding.answers);
    }
    Ok(finding)
}
