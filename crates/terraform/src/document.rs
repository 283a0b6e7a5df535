//! The document itself: what kind it is, and its resources taken apart.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::fact::{Destination, Fact, Id, Peer, Target};
use crate::resolve::{Made, Resolver};
use crate::value::{Context, View};
use crate::{Problem, Remark, Unsupported, kinds, read as readers};

/// What a plan does with a resource; a replacement is two of them, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    NoOp,
    Create,
    Read,
    Update,
    Delete,
    /// The resource stays and is no longer managed.
    Forget,
    /// A temporary resource of `OpenTofu` and Terraform, opened and closed again.
    Open,
}

impl Action {
    /// As the plan spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::NoOp => "no-op",
            Action::Create => "create",
            Action::Read => "read",
            Action::Update => "update",
            Action::Delete => "delete",
            Action::Forget => "forget",
            Action::Open => "open",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [Self::NoOp, Self::Create, Self::Read, Self::Update, Self::Delete, Self::Forget, Self::Open];
        all.into_iter().find(|action| action.as_str() == text)
    }
}

/// A resource that is understood, as facts.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    pub address: String,
    /// `aws_security_group_rule`
    pub kind: String,
    pub previous_address: Option<String>,
    pub actions: Vec<Action>,
    pub before: Vec<Fact>,
    pub after: Vec<Fact>,
    /// Whether the plan marks a value that was read as sensitive.
    pub sensitive: bool,
}

/// A plan, taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plan {
    pub file: String,
    pub format_version: String,
    /// The version of Terraform or `OpenTofu` that made it, where it says.
    pub terraform_version: Option<String>,
    /// Resources that change and are understood, in order of the plan.
    pub resources: Vec<Resource>,
    /// Resources, and parts of them, that change and are not understood.
    pub unsupported: Vec<Unsupported>,
    pub remarks: Vec<Remark>,
    /// What could not be read; the rest is there.
    pub problems: Vec<Problem>,
}

/// Reads the output of `terraform show -json PLAN` or `tofu show -json PLAN`; `file` is what problems name.
///
/// Values that cannot be read are problems of the plan ([`Plan::problems`]), and the rest of it is kept.
///
/// # Errors
///
/// What is wrong where the document is no plan at all: not JSON, of an unsupported format version, a state, or the
/// stream that `terraform plan -json` writes. The message names the command to run.
pub fn read(text: &str, file: &str) -> Result<Plan, Vec<Problem>> {
    let fatal =
        |path: &str, message: String| Err(vec![Problem { file: file.to_owned(), path: path.to_owned(), message }]);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let document: Value = match serde_json::from_str(text) {
        Ok(document) => document,
        Err(error) => return fatal("", not_json(text, &error)),
    };
    let Some(map) = document.as_object() else {
        return fatal("", format!("a plan is an object, with \"format_version\"; {RUN}"));
    };
    if is_stream_line(&document) {
        return fatal("", STREAM.to_owned());
    }
    if map.contains_key("lineage") && map.contains_key("serial") {
        return fatal("", format!("this is a state file, not a plan; {RUN}"));
    }
    let Some(version) = document.get("format_version").and_then(Value::as_str) else {
        return fatal("format_version", format!("is missing: this is no plan; {RUN}"));
    };
    if !matches!(version.split('.').next(), Some("0" | "1")) {
        let message = format!("\"{version}\" is not supported (0.x and 1.x are); {RUN} with an older Terraform");
        return fatal("format_version", message);
    }
    if !map.contains_key("resource_changes") {
        if map.contains_key("values") {
            return fatal("", format!("this is a state, not a plan; {RUN}"));
        }
        if !map.contains_key("planned_values") && !map.contains_key("configuration") {
            return fatal("resource_changes", format!("is missing: this is no plan; {RUN}"));
        }
    }
    Ok(take_apart(&document, file, version))
}

const RUN: &str = "run `terraform plan -out=PLAN` and `terraform show -json PLAN` (or `tofu`, likewise)";

const STREAM: &str = "this is the stream of messages that `terraform plan -json` writes, which does not hold the plan; \
                      run `terraform plan -out=PLAN` and `terraform show -json PLAN` (or `tofu`, likewise)";

fn is_stream_line(value: &Value) -> bool {
    value.get("@level").is_some() && value.get("@message").is_some()
}

fn not_json(text: &str, error: &serde_json::Error) -> String {
    let first = text.lines().next().and_then(|line| serde_json::from_str::<Value>(line).ok());
    if first.as_ref().is_some_and(is_stream_line) {
        return STREAM.to_owned();
    }
    if text.starts_with("PK") {
        return "this is a plan as Terraform saves it, not JSON; run `terraform show -json PLAN` (or `tofu`, likewise)"
            .to_owned();
    }
    format!("not JSON: {error}; {RUN}")
}

/// One element of `resource_changes`, as far as it has the form of one.
struct Raw<'p> {
    address: &'p str,
    kind: &'p str,
    module: &'p str,
    previous: Option<&'p str>,
    deposed: Option<&'p str>,
    actions: Vec<Action>,
    change: &'p Value,
    path: String,
}

fn raw<'p>(element: &'p Value, path: String, problems: &mut Vec<Problem>, file: &str) -> Option<Raw<'p>> {
    let text = |key: &str| element.get(key).and_then(Value::as_str);
    let mut problem = |rest: &str, message: String| {
        problems.push(Problem { file: file.to_owned(), path: format!("{path}{rest}"), message });
        None
    };
    let Some(address) = text("address") else { return problem(".address", "is missing".to_owned()) };
    let Some(kind) = text("type") else { return problem(".type", "is missing".to_owned()) };
    let Some(change) = element.get("change").filter(|change| change.is_object()) else {
        return problem(".change", "is missing".to_owned());
    };
    let Some(list) = change.get("actions").and_then(Value::as_array) else {
        return problem(".change.actions", "is missing".to_owned());
    };
    let mut actions = Vec::with_capacity(list.len());
    for (index, action) in list.iter().enumerate() {
        match action.as_str().and_then(Action::parse) {
            Some(action) => actions.push(action),
            None => return problem(&format!(".change.actions[{index}]"), format!("{action} is not an action")),
        }
    }
    Some(Raw {
        address,
        kind,
        module: text("module_address").unwrap_or(""),
        previous: text("previous_address").filter(|previous| *previous != address),
        deposed: text("deposed"),
        actions,
        change,
        path,
    })
}

fn take_apart(document: &Value, file: &str, version: &str) -> Plan {
    let mut plan = Plan {
        file: file.to_owned(),
        format_version: version.to_owned(),
        terraform_version: document.get("terraform_version").and_then(Value::as_str).map(str::to_owned),
        ..Plan::default()
    };
    let empty = Vec::new();
    let list = |key: &str, problems: &mut Vec<Problem>| match document.get(key) {
        None | Some(Value::Null) => &empty,
        Some(Value::Array(list)) => list,
        Some(_) => {
            problems.push(Problem { file: file.to_owned(), path: key.to_owned(), message: "is not a list".to_owned() });
            &empty
        }
    };
    let mut raws = Vec::new();
    for (index, element) in list("resource_changes", &mut plan.problems).iter().enumerate() {
        // Data sources change nothing.
        if element.get("mode").and_then(Value::as_str) == Some("data") {
            continue;
        }
        raws.extend(raw(element, format!("resource_changes[{index}]"), &mut plan.problems, file));
    }
    let mut made = Made::default();
    for raw in raws.iter().filter(|raw| raw.actions.contains(&Action::Create) && raw.deposed.is_none()) {
        made.add(raw.address);
    }
    let nothing = Value::Null;
    let configuration = document.get("configuration").unwrap_or(&nothing);
    let problems = RefCell::new(std::mem::take(&mut plan.problems));
    for raw in &raws {
        resource(&mut plan, raw, &made, configuration, &problems);
    }
    plan.problems = problems.into_inner();
    settle_inline(&mut plan);
    for drift in list("resource_drift", &mut plan.problems) {
        let text = |key: &str| drift.get(key).and_then(Value::as_str);
        let (Some(address), Some(kind)) = (text("address"), text("type")) else { continue };
        if readers::understands(kind) || kinds::why(kind).is_some() {
            let text = "changed outside of Terraform since its state was written: the snapshot may be older or newer \
                        than what the plan was made from";
            plan.remarks.push(Remark { address: address.to_owned(), text: text.to_owned() });
        }
    }
    if document.get("errored").and_then(Value::as_bool) == Some(true) {
        let text = "planning ended with an error: the plan is not whole".to_owned();
        plan.remarks.push(Remark { address: String::new(), text });
    }
    if document.get("complete").and_then(Value::as_bool) == Some(false) {
        let text = "the plan is not whole: some changes were deferred or left out (-target)".to_owned();
        plan.remarks.push(Remark { address: String::new(), text });
    }
    plan
}

/// What a fact of an owner's list belongs to: the group, the network ACL or the table.
fn owner(fact: &Fact) -> Option<&Id> {
    match fact {
        Fact::Rule { group: owner, .. } | Fact::Entry { acl: owner, .. } | Fact::Route { table: owner, .. } => {
            Some(owner)
        }
        _ => None,
    }
}

/// Whether a fact stands for a whole inline list that is known after apply.
fn is_whole_list(fact: &Fact) -> bool {
    match fact {
        Fact::Rule { peer, .. } => matches!(peer, Peer::Inline(_)),
        Fact::Entry { number, entry, .. } => number.is_none() && entry.is_none(),
        Fact::Route { destination, target, .. } => {
            matches!(destination, Destination::Unknown(_)) && matches!(target, Target::Unknown(_))
        }
        _ => false,
    }
}

/// Lists of a new group, network ACL or table that are known after apply: AWS fills in what is not set, and blocks with
/// unknown values look the same, for the configuration does not show blocks. Where the plan holds rules of the same
/// owner as resources of their own, there are no inline ones: Terraform allows one or the other. Else they are unknown.
fn settle_inline(plan: &mut Plan) {
    let mut separate: BTreeSet<String> = BTreeSet::new();
    for resource in &plan.resources {
        for fact in &resource.after {
            if let Some(Id::Made(owner)) = owner(fact)
                && *owner != resource.address
            {
                separate.insert(owner.clone());
            }
        }
    }
    for resource in &mut plan.resources {
        let own = |fact: &Fact| matches!(owner(fact), Some(Id::Made(owner)) if *owner == resource.address);
        if !resource.after.iter().any(|fact| own(fact) && is_whole_list(fact)) {
            continue;
        }
        let text = if separate.contains(&resource.address) {
            resource.after.retain(|fact| !is_whole_list(fact));
            "its rules are resources of their own, so that it is taken to have no inline ones"
        } else {
            "its inline rules are known after apply, or there are none: the plan does not tell, so that they are unknown"
        };
        plan.remarks.push(Remark { address: resource.address.clone(), text: text.to_owned() });
        for fact in &mut resource.after {
            if let Fact::Rule { peer, .. } = fact
                && let Peer::Inline(label) = peer
            {
                *peer = Peer::Unknown(label.clone());
            }
        }
    }
}

fn resource(plan: &mut Plan, raw: &Raw<'_>, made: &Made, configuration: &Value, problems: &RefCell<Vec<Problem>>) {
    let address = match raw.deposed {
        Some(key) => format!("{} (deposed {key})", raw.address),
        None => raw.address.to_owned(),
    };
    if raw.actions.contains(&Action::Forget) && (readers::understands(raw.kind) || kinds::why(raw.kind).is_some()) {
        let text = "is no longer managed and stays as it is".to_owned();
        plan.remarks.push(Remark { address: address.clone(), text });
    }
    let changes = raw.actions.iter().any(|action| matches!(action, Action::Create | Action::Update | Action::Delete));
    if !changes {
        return;
    }
    let unsupported = |why: String| Unsupported {
        address: address.clone(),
        kind: raw.kind.to_owned(),
        actions: raw.actions.clone(),
        why,
    };
    if !readers::understands(raw.kind) {
        plan.unsupported.extend(kinds::why(raw.kind).map(|why| unsupported(why.to_owned())));
        return;
    }
    let resolver = Resolver::new(made, configuration, raw.module, raw.address);
    let context = Context {
        file: &plan.file,
        address: raw.address,
        problems,
        resolver: &resolver,
        sensitive: Cell::new(false),
        left_out: RefCell::default(),
        remarks: RefCell::default(),
    };
    let nothing = Value::Null;
    let side = |key: &str, unknown: &str, sensitive: &str, now: bool| {
        let get = |key: &str| raw.change.get(key).unwrap_or(&nothing);
        let expressions = if now { resolver.expressions(raw.address) } else { None };
        let path = format!("{}.change.{key}", raw.path);
        let unknown = if now { get(unknown) } else { &nothing };
        View::new(&context, get(key), unknown, get(sensitive), expressions, path)
    };
    let before = side("before", "", "before_sensitive", false);
    let after = side("after", "after_unknown", "after_sensitive", true);
    let created = raw.actions.contains(&Action::Create);
    let replaced = created && raw.actions.contains(&Action::Delete);
    let forgotten = raw.actions.contains(&Action::Forget);
    let stage = readers::Stage { created, deleted: raw.actions.contains(&Action::Delete) };
    let mut resource = Resource {
        address: address.clone(),
        kind: raw.kind.to_owned(),
        previous_address: raw.previous.map(str::to_owned),
        actions: raw.actions.clone(),
        before: Vec::new(),
        after: Vec::new(),
        sensitive: false,
    };
    if !forgotten && !before.is_absent() && (!created || replaced) {
        resource.before = readers::facts(raw.kind, &before, None, false, stage);
    }
    if created || raw.actions.contains(&Action::Update) {
        let old = (!before.is_absent()).then_some(&before);
        resource.after = readers::facts(raw.kind, &after, old, true, stage);
    }
    resource.before.sort();
    resource.before.dedup();
    resource.after.sort();
    resource.after.dedup();
    resource.sensitive = context.sensitive.get();
    plan.unsupported.extend(context.left_out.take().into_iter().map(unsupported));
    let remarks = context.remarks.take().into_iter();
    plan.remarks.extend(remarks.map(|text| Remark { address: address.clone(), text }));
    plan.resources.push(resource);
}
