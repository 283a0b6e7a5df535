//! `reach.whatif/1` and `reach.diff/1`.

use std::collections::{BTreeMap, HashMap};

use reach_engine::Verdict;
use reach_engine::whatif::{End, FlowSet};

use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Error, Place, Told, ports, protocol};

/// Ends of more addresses than this are named once, as a class.
const LISTED: usize = 8;

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    id: Option<&'a RawValue>,
    verdict_changes: Vec<ChangeView<'a>>,
    gained: Vec<SetView>,
    lost: Vec<SetView>,
    undecided: Vec<SetView>,
    connections: ConnectionsView,
    quota: Vec<QuotaView<'a>>,
    classes: BTreeMap<usize, Vec<EndView>>,
    error: Option<String>,
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

    fn sets(&mut self, told: &Told<'_>, list: &[FlowSet], timed: bool) -> Vec<SetView> {
        list.iter()
            .map(|set| SetView {
                from: self.end(told, &set.from),
                to: self.end(told, &set.to),
                protocol: protocol(&set.traffic),
                ports: ports(&set.traffic),
                source_ports: set.traffic.source_ports.as_ref().map(ToString::to_string),
                idle_timeout_s: timed.then(|| set.idle_timeout_s.into()),
            })
            .collect()
    }
}

const fn schema(diff: bool) -> &'static str {
    if diff { "reach.diff/1" } else { "reach.whatif/1" }
}

/// The document, and a line's end.
pub(crate) fn render(told: &Told<'_>, pretty: bool) -> Vec<u8> {
    let mut classes = Classes::default();
    let found = told.found;
    let [gained, lost, undecided] =
        [&found.gained, &found.lost, &found.undecided].map(|list| classes.sets(told, list, false));
    let connections = ConnectionsView {
        cut_now: classes.sets(told, &found.connections.cut_now, false),
        survive_until_idle: classes.sets(told, &found.connections.survive_until_idle, true),
        unknown: classes.sets(told, &found.connections.unknown, false),
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
        schema: schema(told.diff),
        id: told.id,
        verdict_changes: changes.collect(),
        gained,
        lost,
        undecided,
        connections,
        quota: quota.collect(),
        classes: classes.members,
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
