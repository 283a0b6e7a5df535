//! References of the configuration to resources that the plan makes.
//!
//! `configuration` holds expressions without their values: the addresses that an expression names. Where a value is
//! known after apply and its expression names one made resource, and nothing else whose value could be unknown, the
//! value is that resource's.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// What an expression names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Addresses of resources that the plan makes, each once, sorted.
    pub(crate) made: Vec<String>,
    /// Whether it names something whose value cannot be found here.
    pub(crate) opaque: bool,
    /// Whether it names inputs, whose values the plan knew.
    pub(crate) inputs: bool,
}

/// Resources that the plan makes, as all resolvers of a plan share them.
#[derive(Debug, Default)]
pub(crate) struct Made {
    /// By address without the last index: the addresses of all instances, with their types.
    instances: BTreeMap<String, BTreeSet<String>>,
}

impl Made {
    pub(crate) fn add(&mut self, address: &str) {
        self.instances.entry(bare(address).to_owned()).or_default().insert(address.to_owned());
    }
}

/// Resolves what the expressions of one resource name.
#[derive(Debug)]
pub(crate) struct Resolver<'p> {
    made: &'p Made,
    root: &'p Value,
    /// Address of the module instance that the resource is in; empty for the root.
    module: String,
    /// The index of the resource itself: `["a"]`, `[0]`, or nothing.
    own: String,
    /// Whether the configuration shows the resource.
    configured: bool,
}

/// Where an expression stands.
#[derive(Debug, Clone, Copy)]
struct Scope<'s> {
    /// The module instance.
    module: &'s str,
    /// What `each.key` and `count.index` are there, as an index: `["a"]`, `[0]`, or nothing.
    own: &'s str,
    /// How many steps may still be followed.
    depth: usize,
}

/// How deep modules and outputs are followed.
const DEPTH: usize = 32;

/// Parts of an address: `module.a["x.y"].b` → `module`, `a["x.y"]`, `b`.
fn parts(address: &str) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut depth) = (Vec::new(), 0, false, 0_usize);
    let mut escaped = false;
    for (at, c) in address.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth = depth.saturating_sub(1),
            '.' if !quoted && depth == 0 => {
                parts.extend(address.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(address.get(start..));
    parts
}

/// A part without its index, and the index.
fn split(part: &str) -> (&str, &str) {
    part.find('[').map_or((part, ""), |at| (part.get(..at).unwrap_or(part), part.get(at..).unwrap_or("")))
}

/// An address without the index at its end.
fn bare(address: &str) -> &str {
    let last = parts(address).last().copied().unwrap_or(address);
    let (_, index) = split(last);
    address.strip_suffix(index).unwrap_or(address)
}

fn joined(module: &str, rest: &str) -> String {
    if module.is_empty() { rest.to_owned() } else { format!("{module}.{rest}") }
}

/// The module instance that holds `module`, and the last call's name.
fn parent(module: &str) -> Option<(String, String)> {
    let all = parts(module);
    let (call, rest) = all.split_last()?;
    let (_, above) = rest.split_last()?;
    Some((above.join("."), split(call).0.to_owned()))
}

/// The configuration of a module instance.
fn module_of<'p>(root: &'p Value, module: &str) -> Option<&'p Value> {
    let mut at = root;
    for call in parts(module).chunks(2) {
        if let [_, name] = call {
            at = at.get("module_calls")?.get(split(name).0)?.get("module")?;
        }
    }
    Some(at)
}

impl<'p> Resolver<'p> {
    /// For the resource at `address` in the module instance `module`; `configuration` is the plan's.
    pub(crate) fn new(made: &'p Made, configuration: &'p Value, module: &str, address: &str) -> Self {
        let root = configuration.get("root_module").unwrap_or(&Value::Null);
        let last = parts(address).last().copied().unwrap_or("");
        let own = split(last).1.to_owned();
        let mut resolver = Self { made, root, module: module.to_owned(), own, configured: false };
        resolver.configured = resolver.expressions(address).is_some();
        resolver
    }

    /// Whether the configuration shows the resource, so that what it does not set is not set.
    pub(crate) fn is_configured(&self) -> bool {
        self.configured
    }

    /// The expressions of the resource at `address`.
    pub(crate) fn expressions(&self, address: &str) -> Option<&'p Value> {
        let all = parts(address);
        let (name, above) = all.split_last()?;
        let kind = above.last()?;
        let own = format!("{kind}.{}", split(name).0);
        let resources = module_of(self.root, &self.module)?.get("resources")?.as_array()?;
        let resource = resources
            .iter()
            .find(|resource| resource.get("address").and_then(Value::as_str).is_some_and(|address| address == own));
        resource?.get("expressions")
    }

    /// The one made resource that an expression is the id of.
    pub(crate) fn one(&self, expression: &Value, kinds: &[&str]) -> Option<String> {
        let found = self.all(expression, kinds);
        match found.made.as_slice() {
            [one] if !found.opaque => Some(one.clone()),
            _ => None,
        }
    }

    /// All made resources that an expression names.
    pub(crate) fn all(&self, expression: &Value, kinds: &[&str]) -> Found {
        let mut found = Found::default();
        self.follow(expression, Scope { module: &self.module, own: &self.own, depth: DEPTH }, kinds, &mut found);
        found.made.sort();
        found.made.dedup();
        found
    }

    fn follow(&self, expression: &Value, scope: Scope<'_>, kinds: &[&str], found: &mut Found) {
        if scope.depth == 0 {
            found.opaque = true;
            return;
        }
        if expression.get("constant_value").is_some() {
            found.inputs = true;
            return;
        }
        // A list of blocks is no single value.
        let Some(list) = expression.get("references").and_then(Value::as_array) else {
            found.opaque = true;
            return;
        };
        let texts: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
        // `a.b.id` is followed by `a.b`: the longest form alone says what is meant.
        let longer = |text: &str, other: &str| {
            other.strip_prefix(text).is_some_and(|rest| rest.starts_with('.') || rest.starts_with('['))
        };
        let keyed = texts.iter().any(|text| matches!(*text, "each.key" | "count.index"));
        for text in texts.iter().filter(|text| !texts.iter().any(|other| longer(text, other))) {
            self.reference(text, Scope { depth: scope.depth - 1, ..scope }, kinds, keyed, found);
        }
    }

    fn reference(&self, text: &str, scope: Scope<'_>, kinds: &[&str], keyed: bool, found: &mut Found) {
        let Scope { module, own, depth } = scope;
        let all = parts(text);
        match all.as_slice() {
            ["each" | "count", "key" | "index"] => {}
            ["path" | "terraform", ..] => found.inputs = true,
            ["var", name, ..] => {
                let Some((above, call)) = parent(module) else {
                    found.inputs = true;
                    return;
                };
                let call = module_of(self.root, &above).and_then(|module| module.get("module_calls")?.get(&call));
                match call.and_then(|call| call.get("expressions")?.get(split(name).0)) {
                    Some(expression) => {
                        let own = parts(module).last().map_or("", |call| split(call).1);
                        self.follow(expression, Scope { module: &above, own, depth }, kinds, found);
                    }
                    // The variable's default.
                    None => found.inputs = true,
                }
            }
            ["module", name, output, ..] => {
                let (bare_name, index) = split(name);
                let index = if index.is_empty() && keyed { own } else { index };
                let child = joined(module, &format!("module.{bare_name}{index}"));
                let output = module_of(self.root, &child)
                    .and_then(|module| module.get("outputs")?.get(split(output).0)?.get("expression"));
                match output {
                    Some(expression) => self.follow(expression, Scope { module: &child, own: "", depth }, kinds, found),
                    None => found.opaque = true,
                }
            }
            ["local" | "data" | "module" | "each", ..] => found.opaque = true,
            [kind, name, attributes @ ..] => {
                // Other attributes of a resource are not its id.
                let id = matches!(attributes, [] | ["id"]);
                if !id || !kinds.contains(kind) {
                    found.opaque = true;
                    return;
                }
                match self.instance(&joined(module, &format!("{kind}.{}", split(name).0)), split(name).1, own, keyed) {
                    Some(address) => found.made.push(address),
                    None => found.opaque = true,
                }
            }
            _ => found.opaque = true,
        }
    }

    /// The made instance of a resource that a reference means.
    fn instance(&self, resource: &str, index: &str, own: &str, keyed: bool) -> Option<String> {
        let instances = self.made.instances.get(resource)?;
        let indexed = |index: &str| instances.get(&format!("{resource}{index}")).cloned();
        if !index.is_empty() {
            return indexed(index);
        }
        if keyed && !own.is_empty() {
            return indexed(own);
        }
        let mut all = instances.iter();
        match (all.next(), all.next()) {
            (Some(one), None) => Some(one.clone()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GROUP: &[&str] = &["aws_security_group"];

    fn made(addresses: &[&str]) -> Made {
        let mut made = Made::default();
        for address in addresses {
            made.add(address);
        }
        made
    }

    #[test]
    fn addresses_are_taken_apart_outside_of_quotes() {
        assert_eq!(parts(r#"module.a["x.y\"]"].b.c[0]"#), ["module", r#"a["x.y\"]"]"#, "b", "c[0]"]);
        assert_eq!(bare(r#"aws_security_group.a["x"]"#), "aws_security_group.a");
        assert_eq!(parent(r#"module.a["x"].module.b"#), Some((r#"module.a["x"]"#.to_owned(), "b".to_owned())));
        assert_eq!(parent(""), None);
    }

    #[test]
    fn one_reference_to_a_made_resource_is_that_resource() {
        let made = made(&["aws_security_group.a", "aws_security_group.n[0]", "aws_security_group.n[1]"]);
        let nothing = json!({});
        let resolver = Resolver::new(&made, &nothing, "", "aws_instance.x[1]");
        let one = |references: Value| resolver.one(&json!({"references": references}), GROUP);
        assert_eq!(
            one(json!(["aws_security_group.a.id", "aws_security_group.a"])).as_deref(),
            Some("aws_security_group.a")
        );
        assert_eq!(
            one(json!(["aws_security_group.n[1].id", "aws_security_group.n[1]", "aws_security_group.n"])).as_deref(),
            Some("aws_security_group.n[1]")
        );
        assert_eq!(one(json!(["aws_security_group.n", "count.index"])).as_deref(), Some("aws_security_group.n[1]"));
        // Which of two, or another attribute, or something else besides: nobody knows.
        assert_eq!(one(json!(["aws_security_group.n"])), None);
        assert_eq!(one(json!(["aws_security_group.a.vpc_id", "aws_security_group.a"])), None);
        assert_eq!(one(json!(["aws_security_group.a.id", "aws_security_group.a", "local.other"])), None);
        assert_eq!(one(json!(["data.aws_security_group.a.id", "data.aws_security_group.a"])), None);
    }

    #[test]
    fn variables_and_outputs_of_modules_are_followed() {
        let made = made(&["module.net.aws_security_group.a", "module.app[\"x\"].aws_security_group.b[0]"]);
        let configuration = json!({"root_module": {"module_calls": {
            "net": {"module": {"outputs": {"group": {"expression": {"references": ["aws_security_group.a.id", "aws_security_group.a"]}}}}},
            "app": {"expressions": {"peer": {"references": ["module.net.group", "module.net"]}},
                "module": {"resources": [{"address": "aws_security_group_rule.r", "expressions": {"source": {"references": ["var.peer"]}}}]}}}}});
        let resolver =
            Resolver::new(&made, &configuration, "module.app[\"x\"]", "module.app[\"x\"].aws_security_group_rule.r");
        assert!(resolver.is_configured());
        let expressions = resolver.expressions("module.app[\"x\"].aws_security_group_rule.r").unwrap();
        assert_eq!(resolver.one(&expressions["source"], GROUP).as_deref(), Some("module.net.aws_security_group.a"));
        assert_eq!(
            resolver.one(&json!({"references": ["aws_security_group.b[0].id", "aws_security_group.b[0]", "aws_security_group.b"]}), GROUP).as_deref(),
            Some("module.app[\"x\"].aws_security_group.b[0]")
        );
    }
}
