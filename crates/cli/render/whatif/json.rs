//! `reach.whatif/1` and `reach.diff/1`.

use std::collections::{BTreeMap, HashMap};

use reach_engine::Verdict;
use reach_engine::whatif::{End, ResourceChange};

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Error, FindingChange, List, Place, PlanTold, SENSITIVE, Told, ports, protocol, resources};

/// Ends of more addresses than this are named once, as a class.
const LISTED: usize = 8;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    id: Option<&'a RawValue>,
    verdict_changes: Vec<ChangeView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    findings: Option<Vec<FindingView<'a>>>,
    gained: Vec<SetView>,
    lost: Vec<SetView>,
    undecided: Vec<SetView>,
    connections: ConnectionsView,
    quota: Vec<QuotaView<'a>>,
    classes: BTreeMap<usize, Vec<EndView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resources: Option<Vec<ResourceView<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    terraform: Option<PlanView<'a>>,
    error: Option<String>,
}

#[derive(Serialize)]
struct FindingView<'a> {
    id: &'a str,
    level: &'static str,
    before: &'static str,
    after: &'static str,
}

#[derive(Serialize)]
struct ResourceView<'a> {
    resource: &'a str,
    kind: &'static str,
    change: &'static str,
    removed: Vec<&'a str>,
    added: Vec<&'a str>,
}

#[derive(Serialize)]
struct PlanView<'a> {
    format_version: &'a str,
    terraform_version: Option<&'a str>,
    steps: Vec<StepView<'a>>,
    unsupported: Vec<UnsupportedView<'a>>,
    refused: Vec<RefusedView<'a>>,
    remarks: Vec<RemarkView<'a>>,
    problems: Vec<ProblemView<'a>>,
    /// Whether the sets say which resources they are due to.
    attributed: bool,
}

#[derive(Serialize)]
struct StepView<'a> {
    address: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_address: Option<&'a str>,
    actions: Vec<&'static str>,
    calls: Vec<String>,
    sensitive: bool,
}

#[derive(Serialize)]
struct UnsupportedView<'a> {
    address: &'a str,
    kind: &'a str,
    actions: Vec<&'static str>,
    why: &'a str,
}

#[derive(Serialize)]
struct RefusedView<'a> {
    address: &'a str,
    call: String,
    error: String,
}

#[derive(Serialize)]
struct RemarkView<'a> {
    address: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct ProblemView<'a> {
    file: &'a str,
    path: &'a str,
    message: &'a str,
}

#[derive(Serialize)]
struct ChangeView<'a> {
    question: QuestionView<'a>,
    before: Verdict,
    after: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<Verdict>,
}

#[derive(Serialize)]
struct QuestionView<'a> {
    from: &'a str,
    to: &'a str,
    protocol: &'a str,
    port: Option<&'a str>,
    source_port: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icmp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family: Option<String>,
}

#[derive(Serialize)]
struct ConnectionsView {
    cut_now: Vec<SetView>,
    survive_until_idle: Vec<SetView>,
    unknown: Vec<SetView>,
}

#[derive(Serialize)]
struct SetView {
    from: Vec<EndView>,
    to: Vec<EndView>,
    protocol: String,
    ports: Option<String>,
    source_ports: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Null where AWS documents none.
    idle_timeout_s: Option<Value>,
    /// Addresses of the plan, or ids of the resources that differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    causes: Option<Vec<String>>,
}

#[derive(Clone, Serialize)]
#[serde(untagged)]
enum EndView {
    Class {
        class: usize,
    },
    Inside {
        eni: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        ip: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cidr: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        public_ip: Option<String>,
        name: Option<String>,
    },
    Outside {
        cidr: String,
    },
}

#[derive(Serialize)]
struct QuotaView<'a> {
    resource: &'a str,
    rules: u64,
    limit: u64,
}

/// The classes of one answer.
#[derive(Default)]
struct Classes {
    known: HashMap<End, usize>,
    members: BTreeMap<usize, Vec<EndView>>,
}

fn view(place: &Place) -> EndView {
    match &place.eni {
        Some(eni) => EndView::Inside {
            eni: eni.clone(),
            ip: place.ip().map(|ip| ip.to_string()),
            cidr: place.ip().is_none().then(|| place.net.to_string()),
            public_ip: place.public_ip.map(|ip| ip.to_string()),
            name: place.name.clone(),
        },
        None => EndView::Outside { cidr: place.net.to_string() },
    }
}

impl Classes {
    fn end(&mut self, told: &Told<'_>, end: &End) -> Vec<EndView> {
        if let Some(&class) = self.known.get(end) {
            return vec![EndView::Class { class }];
        }
        let members: Vec<EndView> = told.places(end).iter().map(view).collect();
        if members.len() <= LISTED {
            return members;
        }
        let class = self.known.len() + 1;
        self.known.insert(end.clone(), class);
        self.members.insert(class, members);
        vec![EndView::Class { class }]
    }

    fn sets(&mut self, told: &Told<'_>, list: List) -> Vec<SetView> {
        let timed = list == List::UntilIdle;
        let items = told.items(list).into_iter();
        items
            .map(|item| {
                let (set, hidden) = (item.set, item.is_sensitive());
                let mut side = |end: &End| match end {
                    End::Outside(_) if hidden => vec![EndView::Outside { cidr: SENSITIVE.to_owned() }],
                    end => self.end(told, end),
                };
                let text = |text: Option<String>| if hidden { Some(SENSITIVE.to_owned()) } else { text };
                SetView {
                    from: side(&set.from),
                    to: side(&set.to),
                    protocol: if hidden { SENSITIVE.to_owned() } else { protocol(&set.traffic) },
                    ports: text(ports(&set.traffic)),
                    source_ports: text(set.traffic.source_ports.as_ref().map(ToString::to_string)),
                    idle_timeout_s: timed.then(|| set.idle_timeout_s.into()),
                    causes: item.cause.map(|cause| cause.names.clone()),
                }
            })
            .collect()
    }
}

fn actions(list: &[reach_terraform::Action]) -> Vec<&'static str> {
    list.iter().map(|action| action.as_str()).collect()
}

impl<'a> PlanView<'a> {
    fn new(told: &'a PlanTold<'a>) -> Self {
        let scenario = told.scenario;
        let steps = scenario.steps.iter().map(|step| StepView {
            address: &step.address,
            previous_address: step.previous_address.as_deref(),
            actions: actions(&step.actions),
            calls: step.changes.iter().map(super::call).collect(),
            sensitive: step.sensitive,
        });
        let unsupported = scenario.unsupported.iter().map(|own| UnsupportedView {
            address: &own.address,
            kind: &own.kind,
            actions: actions(&own.actions),
            why: told.why(own),
        });
        let refused = told.refused().into_iter().map(|(address, call, error)| RefusedView { address, call, error });
        let problems = scenario.problems.iter();
        let problems =
            problems.map(|own| ProblemView { file: &own.file, path: &own.path, message: &own.message }).collect();
        Self {
            format_version: &told.plan.format_version,
            terraform_version: told.plan.terraform_version.as_deref(),
            steps: steps.collect(),
            unsupported: unsupported.collect(),
            refused: refused.collect(),
            remarks: told.remarks().into_iter().map(|(address, text)| RemarkView { address, text }).collect(),
            problems,
            attributed: told.attributed,
        }
    }
}

fn finding(change: &FindingChange) -> FindingView<'_> {
    let FindingChange { id, level, before, after, .. } = change;
    FindingView { id, level: level.as_str(), before: before.as_str(), after: after.as_str() }
}

fn resource(change: &ResourceChange) -> ResourceView<'_> {
    let parts = |added: bool| change.parts.iter().filter(move |part| part.added == added).map(|part| &*part.text);
    ResourceView {
        resource: &change.id,
        kind: change.kind,
        change: resources::word(change),
        removed: parts(false).collect(),
        added: parts(true).collect(),
    }
}

const fn schema(diff: bool) -> &'static str {
    if diff { "reach.diff/1" } else { "reach.whatif/1" }
}

/// The document, and a line's end.
pub(crate) fn render(told: &Told<'_>, pretty: bool) -> Vec<u8> {
    let mut classes = Classes::default();
    let [gained, lost, undecided] = [List::Gained, List::Lost, List::Undecided].map(|list| classes.sets(told, list));
    let connections = ConnectionsView {
        cut_now: classes.sets(told, List::CutNow),
        survive_until_idle: classes.sets(told, List::UntilIdle),
        unknown: classes.sets(told, List::Unknown),
    };
    let changes = told.verdicts.iter().map(|change| ChangeView {
        question: QuestionView {
            from: &change.from,
            to: &change.to,
            protocol: &change.asked.protocol,
            port: change.asked.port.as_deref(),
            source_port: change.asked.source_port.as_deref(),
            icmp: change.asked.icmp.as_deref(),
            family: change.asked.family.map(|family| family.to_string().to_ascii_lowercase()),
        },
        before: change.before,
        after: change.after,
        name: change.expected.as_ref().map(|(name, _)| name.as_str()),
        expected: change.expected.as_ref().map(|(_, expected)| *expected),
    });
    let quota =
        told.quota.iter().map(|quota| QuotaView { resource: &quota.resource, rules: quota.rules, limit: quota.limit });
    let document = Document {
        schema: schema(told.resources.is_some()),
        id: told.id,
        verdict_changes: changes.collect(),
        findings: told.findings.map(|list| list.iter().map(finding).collect()),
        gained,
        lost,
        undecided,
        connections,
        quota: quota.collect(),
        classes: classes.members,
        resources: told.resources.map(|changes| changes.iter().map(resource).collect()),
        terraform: told.plan.map(PlanView::new),
        error: None,
    };
    line(&document, pretty)
}

/// A line without an answer.
pub(crate) fn error(error: &Error<'_>, pretty: bool) -> Vec<u8> {
    #[derive(Serialize)]
    struct Unanswered<'a> {
        schema: &'static str,
        id: Option<&'a RawValue>,
        error: String,
        line: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<&'a str>,
    }
    let document = Unanswered {
        schema: schema(false),
        id: error.id,
        error: error.text(),
        line: error.line,
        path: error.path.as_deref(),
    };
    line(&document, pretty)
}

fn line(document: &impl Serialize, pretty: bool) -> Vec<u8> {
    let written = if pretty { serde_json::to_vec_pretty(document) } else { serde_json::to_vec(document) };
    // Writing to memory does not fail.
    let mut bytes = written.unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
