//! AWS on loopback: serves a snapshot in the wire formats of EC2, Elastic Load Balancing, EKS and STS, page by page, with
//! every kind of trouble that the real one makes.
//!
//! What the snapshot does not hold is refused as an action that does not exist here, so that a fetch from it knows what
//! the snapshot knows and no more.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use reach_model::api::{Argument, Call};
use reach_model::document;
use serde_json::{Map, Value};

/// What goes wrong, and when.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trouble {
    /// Elements a page, whatever is asked for.
    pub(crate) page: Option<usize>,
    /// Every so many requests meet one of `faults`, in turn.
    pub(crate) every: Option<usize>,
    pub(crate) faults: Vec<Fault>,
    /// IAM actions that are refused: `ec2:DescribeVpcs`.
    pub(crate) denied: BTreeSet<String>,
    /// Actions that are throttled for ever.
    pub(crate) throttled: BTreeSet<String>,
    /// Actions whose second page has the token of the first.
    pub(crate) circles: BTreeSet<String>,
    /// Actions that show an element of the first page again on the last, changed.
    pub(crate) changing: BTreeSet<String>,
    /// Actions that answer without what they are asked for.
    pub(crate) empty: BTreeSet<String>,
    /// How long every answer takes.
    pub(crate) slow: Duration,
    /// Answers that were made once are given again as they were: the server then costs nothing.
    pub(crate) recorded: bool,
}

/// One thing that goes wrong with a request; the next try gets its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 503 `RequestLimitExceeded`, 400 `ThrottlingException` from EKS.
    Throttle,
    /// 500 `InternalError`.
    Broken,
    /// The connection is closed before the answer.
    Drop,
    /// The connection is closed within the answer.
    Cut,
    /// The answer ends too soon, and its length says that it is whole.
    Truncate,
    /// No answer, until the client gives up.
    Silence,
}

impl Fault {
    pub(crate) const ALL: [Fault; 6] =
        [Fault::Throttle, Fault::Broken, Fault::Drop, Fault::Cut, Fault::Truncate, Fault::Silence];
}

/// A running server; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    ending: Arc<AtomicBool>,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Serves the snapshot at `path` on a free port.
    pub(crate) fn start(path: impl Into<PathBuf>, trouble: Trouble) -> Self {
        Self::serve(Store::read(path.into()), trouble)
    }

    pub(crate) fn serve(store: Store, trouble: Trouble) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let ending = Arc::new(AtomicBool::new(false));
        let log = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::new(Shared {
            store,
            trouble,
            log: Arc::clone(&log),
            requests: Mutex::new(0),
            record: Mutex::default(),
        });
        let end = Arc::clone(&ending);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::Relaxed) {
                    return;
                }
                let (shared, Ok(stream)) = (Arc::clone(&shared), stream) else { continue };
                thread::spawn(move || shared.connection(stream));
            }
        });
        Self { address, ending, log }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The actions that were asked, one a request.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ending.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect(self.address);
    }
}

/// What is served: answers by call.
#[derive(Debug, Default)]
pub(crate) struct Store {
    answers: BTreeMap<Call, Vec<Record>>,
}

#[derive(Debug)]
struct Record {
    arguments: BTreeMap<String, String>,
    answer: Map<String, Value>,
}

impl Store {
    pub(crate) fn read(path: PathBuf) -> Self {
        let mut store = Self::default();
        for record in document::pack(&[path]).unwrap().calls {
            let Some(call) = record.call.as_deref().and_then(Call::parse) else { continue };
            let Some(answer) = record.answer else { continue };
            let Value::Object(answer) = serde_json::from_str(answer.get()).unwrap() else { continue };
            store.add(call, record.arguments, answer);
        }
        store
    }

    pub(crate) fn add(&mut self, call: Call, arguments: BTreeMap<String, String>, answer: Map<String, Value>) {
        self.answers.entry(call).or_default().push(Record { arguments, answer });
    }

    /// The answers to `call`, as far as `told` by its arguments.
    fn find(&self, call: Call, told: &BTreeMap<String, String>) -> Option<Map<String, Value>> {
        let records = self.answers.get(&call);
        let named = |record: &&Record| {
            let own = |name: &str| {
                let inner = record.answer.get(call.key()).and_then(|inner| inner.get(name));
                let beside = record.answer.get(name).or(inner).and_then(Value::as_str);
                record.arguments.get(name).map(String::as_str).or(beside).map(str::to_owned)
            };
            told.iter().all(|(name, value)| {
                if name == "Attribute" {
                    let mut letters = value.chars();
                    let first = letters.next().into_iter().flat_map(char::to_uppercase);
                    let key: String = first.chain(letters).collect();
                    return record.answer.contains_key(&key);
                }
                own(name).is_none_or(|own| own == *value)
            })
        };
        // Names of what is described stand in for the list of names.
        let describing = match call {
            Call::ListClusters => Some((Call::DescribeCluster, "cluster", "name")),
            Call::ListNodegroups => Some((Call::DescribeNodegroup, "nodegroup", "nodegroupName")),
            Call::ListFargateProfiles => Some((Call::DescribeFargateProfile, "fargateProfile", "fargateProfileName")),
            Call::ListAddons => Some((Call::DescribeAddon, "addon", "addonName")),
            _ => None,
        };
        let mut whole = Map::new();
        for record in records.into_iter().flatten().filter(named) {
            for (key, value) in &record.answer {
                match (whole.get_mut(key), value) {
                    (Some(Value::Array(old)), Value::Array(more)) => old.extend(more.iter().cloned()),
                    _ => drop(whole.insert(key.clone(), value.clone())),
                }
            }
        }
        if let (true, Some((described, key, name))) = (whole.is_empty(), describing) {
            let described = self.answers.get(&described).into_iter().flatten();
            let of_cluster = |one: &&Value| {
                told.get("clusterName")
                    .is_none_or(|cluster| one.get("clusterName").and_then(Value::as_str) == Some(cluster))
            };
            let names = described.filter_map(|record| record.answer.get(key)).filter(of_cluster);
            let names: Vec<Value> = names.filter_map(|one| one.get(name).cloned()).collect();
            whole.insert(call.key().to_owned(), Value::Array(names));
        }
        (!whole.is_empty()).then_some(whole)
    }
}

#[derive(Debug)]
struct Shared {
    store: Store,
    trouble: Trouble,
    log: Arc<Mutex<Vec<String>>>,
    requests: Mutex<usize>,
    record: Mutex<HashMap<String, Arc<[u8]>>>,
}

/// What is asked, whatever the protocol.
struct Question {
    /// `ec2:DescribeVpcs`.
    action: String,
    call: Option<Call>,
    told: BTreeMap<String, String>,
    token: Option<String>,
    size: usize,
    filters: BTreeMap<String, Vec<String>>,
}

enum Reply {
    Answer(u16, String),
    /// Code and words.
    Error(u16, &'static str, String),
}

impl Shared {
    fn connection(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut stream = stream;
        while let Some((head, body)) = request(&mut reader) {
            let rest = head.starts_with("GET ");
            let key = format!("{}\n{body}", head.lines().next().unwrap_or_default());
            let known = self.record.lock().unwrap().get(&key).cloned();
            if let Some(bytes) = known {
                if stream.write_all(&bytes).is_err() {
                    return;
                }
                continue;
            }
            let question = if rest { eks_question(&head) } else { query_question(&body) };
            self.log.lock().unwrap().push(question.action.clone());
            thread::sleep(self.trouble.slow);
            let fault = self.fault(&question);
            let mut reply = match fault {
                Some(Fault::Drop) => return,
                Some(Fault::Silence) => {
                    thread::sleep(Duration::from_secs(3));
                    return;
                }
                Some(Fault::Throttle) => throttle(rest),
                Some(Fault::Broken) => Reply::Error(500, "InternalError", "try again".to_owned()),
                _ => self.reply(&question, rest),
            };
            if let (Some(Fault::Truncate), Reply::Answer(200, text)) = (fault, &mut reply) {
                text.truncate(text.len() * 2 / 3);
            }
            let (status, text, kind) = match reply {
                Reply::Answer(status, text) => (status, text, String::new()),
                Reply::Error(status, code, message) if rest => {
                    (status, format!("{{\"message\":\"{message}\"}}"), format!("x-amzn-errortype: {code}\r\n"))
                }
                Reply::Error(status, code, message) if question.action.starts_with("ec2") => (
                    status,
                    format!(
                        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors><RequestID>1</RequestID></Response>"
                    ),
                    String::new(),
                ),
                Reply::Error(status, code, message) => (
                    status,
                    format!(
                        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
                    ),
                    String::new(),
                ),
            };
            let form = if rest { "application/json" } else { "text/xml;charset=UTF-8" };
            let head =
                format!("HTTP/1.1 {status} X\r\nContent-Type: {form}\r\n{kind}Content-Length: {}\r\n\r\n", text.len());
            let bytes = [head.as_bytes(), text.as_bytes()].concat();
            if self.trouble.recorded {
                self.record.lock().unwrap().insert(key, bytes.clone().into());
            }
            if fault == Some(Fault::Cut) {
                let _ = stream.write_all(&bytes[..head.len() + text.len() / 2]);
                return;
            }
            if stream.write_all(&bytes).is_err() {
                return;
            }
        }
    }

    fn fault(&self, question: &Question) -> Option<Fault> {
        if self.trouble.throttled.contains(&question.action) {
            return Some(Fault::Throttle);
        }
        let mut requests = self.requests.lock().unwrap();
        *requests += 1;
        let every = self.trouble.every?;
        requests.is_multiple_of(every).then(|| self.trouble.faults[*requests / every % self.trouble.faults.len()])
    }

    fn reply(&self, question: &Question, rest: bool) -> Reply {
        if self.trouble.denied.contains(&question.action) {
            let code = if rest { "AccessDeniedException" } else { "UnauthorizedOperation" };
            return Reply::Error(403, code, format!("You are not authorized to perform: {}", question.action));
        }
        if question.action == "sts:GetCallerIdentity" {
            return Reply::Answer(
                200,
                "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                 <Arn>arn:aws:iam::111122223333:user/test</Arn><UserId>AIDA</UserId><Account>111122223333</Account>\
                 </GetCallerIdentityResult></GetCallerIdentityResponse>"
                    .to_owned(),
            );
        }
        let absent =
            || Reply::Error(400, "InvalidAction", format!("{} is not valid for this web service", question.action));
        let Some(call) = question.call else { return absent() };
        let Some(mut answer) = self.store.find(call, &question.told) else { return absent() };
        if self.trouble.empty.contains(&question.action) {
            answer.remove(call.key());
        }
        let mut next = None;
        let paged = rest || Shapes::of(call.service()).has_pages(question.action.split(':').nth(1).unwrap());
        if let Some(Value::Array(items)) = answer.get_mut(call.key()) {
            items.retain(|item| matches(item, &question.filters));
            if self.trouble.changing.contains(&question.action) && items.len() > 1 {
                let mut again = items[0].clone();
                again["Description"] = "changed meanwhile".into();
                items.push(again);
            }
            let size = self.trouble.page.map_or(question.size, |page| page.min(question.size));
            let size = if paged { size } else { usize::MAX / 2 };
            let from: usize = question.token.as_deref().and_then(|token| token.parse().ok()).unwrap_or(0);
            let to = (from + size).min(items.len());
            if to < items.len() {
                let circles = self.trouble.circles.contains(&question.action) && from > 0;
                next = Some(if circles { from } else { to }.to_string());
            }
            *items = items[from.min(to)..to].to_vec();
        }
        if rest {
            if let Some(next) = next {
                answer.insert("nextToken".to_owned(), next.into());
            }
            answer.retain(|key, _| key == call.key() || key == "nextToken");
            let mut answer = Value::Object(answer);
            as_on_the_wire(&mut answer);
            return Reply::Answer(200, answer.to_string());
        }
        let operation = question.action.split(':').nth(1).unwrap();
        let balancing = call.service() == "elbv2";
        if let Some(next) = next {
            answer.insert(if balancing { "NextMarker" } else { "NextToken" }.to_owned(), next.into());
        }
        let shapes = Shapes::of(call.service());
        let inner = shapes.members(shapes.operations[operation], &answer);
        Reply::Answer(
            200,
            if balancing {
                format!(
                    "<{operation}Response><{operation}Result>{inner}</{operation}Result><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{operation}Response>"
                )
            } else {
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{operation}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>1</requestId>{inner}</{operation}Response>"
                )
            },
        )
    }
}

/// EKS writes times as seconds; the AWS CLI prints them as text.
fn as_on_the_wire(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                if key.ends_with("At") && value.is_string() {
                    *value = 1_772_440_000.5.into();
                }
                as_on_the_wire(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(as_on_the_wire),
        _ => {}
    }
}

fn throttle(rest: bool) -> Reply {
    let message = "Request limit exceeded.".to_owned();
    if rest {
        Reply::Error(429, "ThrottlingException", message)
    } else {
        Reply::Error(503, "RequestLimitExceeded", message)
    }
}

/// The filters that a fetch uses.
fn matches(item: &Value, filters: &BTreeMap<String, Vec<String>>) -> bool {
    filters.iter().all(|(name, values)| {
        let wanted = |value: &Value| value.as_str().is_some_and(|value| values.iter().any(|wanted| wanted == value));
        match name.as_str() {
            "vpc-id" => {
                let own = item.get("VpcId").is_some_and(wanted);
                let inner = item.get("Instances").and_then(Value::as_array);
                own || inner.is_some_and(|list| list.iter().any(|one| one.get("VpcId").is_some_and(wanted)))
            }
            "attachment.vpc-id" => {
                item["Attachments"].as_array().is_some_and(|list| list.iter().any(|one| wanted(&one["VpcId"])))
            }
            "state" => true,
            other => panic!("a filter that nobody should use: {other}"),
        }
    })
}

/// Reads one request: its head and its body.
fn request(reader: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        head.push_str(&line);
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some((head, String::from_utf8(body).ok()?))
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, more)) = rest.split_first() {
        if first == b'%' && more.len() >= 2 {
            bytes.push(u8::from_str_radix(std::str::from_utf8(&more[..2]).unwrap(), 16).unwrap());
            rest = &more[2..];
        } else {
            bytes.push(if first == b'+' { b' ' } else { first });
            rest = more;
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// A form of EC2, Elastic Load Balancing or STS.
fn query_question(body: &str) -> Question {
    let form: BTreeMap<String, String> = body
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect();
    let field = |name: &str| form.get(name).cloned();
    let operation = field("Action").unwrap_or_default();
    let service = match field("Version").as_deref() {
        Some("2015-12-01") => "elasticloadbalancing",
        Some("2011-06-15") => "sts",
        _ => "ec2",
    };
    let action = format!("{service}:{operation}");
    let call = Call::ALL.iter().copied().find(|call| call.action().as_deref() == Some(&action));
    let mut told = BTreeMap::new();
    if let Some(Argument::Each(argument)) = call.map(Call::argument)
        && let Some(value) = field(argument)
    {
        told.insert(argument.to_owned(), value);
    }
    if let Some(attribute) = field("Attribute") {
        told.insert("Attribute".to_owned(), attribute);
    }
    let mut filters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for number in 1.. {
        let Some(name) = field(&format!("Filter.{number}.Name")) else { break };
        let values = (1..).map_while(|value| field(&format!("Filter.{number}.Value.{value}"))).collect();
        filters.insert(name, values);
    }
    let size = field("MaxResults").or_else(|| field("PageSize")).and_then(|size| size.parse().ok()).unwrap_or(1000);
    Question { action, call, told, token: field("NextToken").or_else(|| field("Marker")), size, filters }
}

/// `GET /clusters/shop/node-groups/general`.
fn eks_question(head: &str) -> Question {
    let target = head.split(' ').nth(1).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let parts: Vec<String> = path.trim_matches('/').split('/').map(decoded).collect();
    let mut told = BTreeMap::new();
    let mut tell = |name: &str, value: &String| drop(told.insert(name.to_owned(), value.clone()));
    let call = match parts.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["clusters"] => Call::ListClusters,
        ["clusters", _] => {
            tell("name", &parts[1]);
            Call::DescribeCluster
        }
        ["clusters", _, kind] => {
            tell("clusterName", &parts[1]);
            match kind {
                "node-groups" => Call::ListNodegroups,
                "fargate-profiles" => Call::ListFargateProfiles,
                _ => Call::ListAddons,
            }
        }
        ["clusters", _, kind, ..] => {
            tell("clusterName", &parts[1]);
            match kind {
                "node-groups" => {
                    tell("nodegroupName", &parts[3]);
                    Call::DescribeNodegroup
                }
                "fargate-profiles" => {
                    tell("fargateProfileName", &parts[3]);
                    Call::DescribeFargateProfile
                }
                _ => {
                    tell("addonName", &parts[3]);
                    Call::DescribeAddon
                }
            }
        }
        _ => panic!("not a path of EKS: {path}"),
    };
    let form: BTreeMap<String, String> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect();
    let size = form.get("maxResults").and_then(|size| size.parse().ok()).unwrap_or(100);
    let action = call.action().unwrap();
    Question { action, call: Some(call), told, token: form.get("nextToken").cloned(), size, filters: BTreeMap::new() }
}

/// The element names of a service's answers, read from the table that the fetcher reads, too.
pub(crate) struct Shapes {
    operations: BTreeMap<&'static str, &'static str>,
    shapes: BTreeMap<&'static str, Vec<[&'static str; 3]>>,
}

impl Shapes {
    pub(crate) fn of(service: &str) -> Self {
        let table = match service {
            "elbv2" => include_str!("../../crates/fetch/shapes/elbv2.txt"),
            _ => include_str!("../../crates/fetch/shapes/ec2.txt"),
        };
        let mut shapes = Self { operations: BTreeMap::new(), shapes: BTreeMap::new() };
        let mut current = "";
        for line in table.lines().filter(|line| !line.starts_with('#')) {
            if let Some((operation, shape)) = line.split_once(" -> ") {
                shapes.operations.insert(operation, shape);
            } else if let Some(member) = line.strip_prefix("  ") {
                let words: Vec<&str> = member.split(' ').collect();
                shapes.shapes.entry(current).or_default().push([words[0], words[1], words[2]]);
            } else {
                current = line;
                shapes.shapes.entry(current).or_default();
            }
        }
        shapes
    }

    fn has_pages(&self, operation: &str) -> bool {
        self.shapes[self.operations[operation]].iter().any(|[name, ..]| *name == "NextToken" || *name == "NextMarker")
    }

    fn members(&self, shape: &str, object: &Map<String, Value>) -> String {
        let mut xml = String::new();
        for [name, wire, kind] in &self.shapes[shape] {
            if let Some(value) = object.get(*name).filter(|value| !value.is_null()) {
                let _ = write!(xml, "<{wire}>{}</{wire}>", self.value(kind, value));
            }
        }
        xml
    }

    fn value(&self, kind: &str, value: &Value) -> String {
        match (kind.strip_prefix('['), value) {
            (Some(inner), Value::Array(items)) => {
                let inner = inner.strip_suffix(']').unwrap();
                items.iter().fold(String::new(), |xml, item| format!("{xml}<item>{}</item>", self.value(inner, item)))
            }
            (None, Value::Object(object)) if self.shapes.contains_key(kind) => self.members(kind, object),
            (_, Value::String(text)) => text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
            (_, other) => other.to_string(),
        }
    }
}
