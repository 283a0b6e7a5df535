//! Kubernetes objects: only what is read of them stays.

use serde_json::{Map, Value, json};

use super::aws::{self, CNI_SETTINGS};
use super::words::Words;

/// What a value is, and so what becomes of it.
enum Shape {
    /// Numbers, booleans, and words of Kubernetes' vocabulary.
    Word,
    /// A name that somebody gave.
    Name,
    /// The name of a pod.
    Pod,
    /// The name of a node.
    Host,
    /// An address, or a host's name.
    Address,
    /// A port by number or by name.
    Port,
    /// Labels, or what selects by them.
    Labels,
    /// Whom a webhook calls.
    Url,
    /// `aws:///eu-west-1a/i-…`.
    Provider,
    /// Environment variables.
    Environment,
    List(&'static Shape),
    Object(&'static [(&'static str, Shape)]),
}

use Shape::{Address, Environment, Host, Labels, List, Name, Object, Pod, Port, Provider, Url, Word};

const METADATA: Shape =
    Object(&[("name", Name), ("namespace", Name), ("uid", Name), ("resourceVersion", Word), ("labels", Labels)]);

const POD_METADATA: Shape =
    Object(&[("name", Pod), ("namespace", Name), ("uid", Name), ("resourceVersion", Word), ("labels", Labels)]);

const NODE_METADATA: Shape = Object(&[("name", Host), ("uid", Name), ("resourceVersion", Word), ("labels", Labels)]);

const SERVICE: Shape = Object(&[("namespace", Name), ("name", Name), ("port", Word)]);

const PORTS: Shape = List(&Object(&[("name", Name), ("protocol", Word), ("port", Word), ("targetPort", Port)]));

const WEBHOOKS: Shape = List(&Object(&[
    ("name", Name),
    ("failurePolicy", Word),
    ("clientConfig", Object(&[("service", SERVICE), ("url", Url)])),
]));

const POD: Shape = Object(&[
    ("kind", Word),
    ("apiVersion", Word),
    ("metadata", POD_METADATA),
    (
        "spec",
        Object(&[
            ("nodeName", Host),
            ("hostNetwork", Word),
            (
                "containers",
                List(&Object(&[(
                    "ports",
                    List(&Object(&[("name", Name), ("containerPort", Word), ("protocol", Word)])),
                )])),
            ),
        ]),
    ),
    (
        "status",
        Object(&[
            ("phase", Word),
            ("conditions", List(&Object(&[("type", Word), ("status", Word)]))),
            ("podIP", Address),
            ("podIPs", List(&Object(&[("ip", Address)]))),
            ("hostIP", Address),
        ]),
    ),
]);

const NODE: Shape = Object(&[
    ("kind", Word),
    ("apiVersion", Word),
    ("metadata", NODE_METADATA),
    ("spec", Object(&[("providerID", Provider)])),
    ("status", Object(&[("addresses", List(&Object(&[("type", Word), ("address", Address)])))])),
]);

const SERVICE_OBJECT: Shape = Object(&[
    ("kind", Word),
    ("apiVersion", Word),
    ("metadata", METADATA),
    (
        "spec",
        Object(&[
            ("clusterIP", Address),
            ("clusterIPs", List(&Address)),
            ("type", Word),
            ("ports", PORTS),
            ("selector", Labels),
        ]),
    ),
]);

const ENDPOINT_SLICE: Shape = Object(&[
    ("kind", Word),
    ("apiVersion", Word),
    ("metadata", METADATA),
    ("addressType", Word),
    ("endpoints", List(&Object(&[("addresses", List(&Address)), ("conditions", Object(&[("ready", Word)]))]))),
    ("ports", PORTS),
]);

const DAEMON_SET: Shape = Object(&[
    ("kind", Word),
    ("apiVersion", Word),
    ("metadata", METADATA),
    (
        "spec",
        Object(&[("template", Object(&[("spec", Object(&[("containers", List(&Object(&[("env", Environment)])))]))]))]),
    ),
]);

const API_SERVICE: Shape =
    Object(&[("kind", Word), ("apiVersion", Word), ("metadata", METADATA), ("spec", Object(&[("service", SERVICE)]))]);

const WEBHOOK_CONFIGURATION: Shape =
    Object(&[("kind", Word), ("apiVersion", Word), ("metadata", METADATA), ("webhooks", WEBHOOKS)]);

/// The shape of a kind that is read.
fn shape(kind: &str) -> Option<&'static Shape> {
    Some(match kind {
        "Pod" => &POD,
        "Node" => &NODE,
        "Service" => &SERVICE_OBJECT,
        "EndpointSlice" => &ENDPOINT_SLICE,
        "DaemonSet" => &DAEMON_SET,
        "APIService" => &API_SERVICE,
        "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration" => &WEBHOOK_CONFIGURATION,
        _ => return None,
    })
}

/// The items of a list; those of kinds that are not read are left out. Items of a typed list do not say their kind.
pub(super) fn items(words: &mut Words<'_>, of_list: Option<&str>, items: &[Value]) -> Value {
    let of_list = of_list.and_then(|kind| kind.strip_suffix("List")).unwrap_or_default();
    let kind = |item: &Value| item.get("kind").and_then(Value::as_str).unwrap_or(of_list).to_owned();
    items.iter().map(|item| object(words, &kind(item), item)).filter(|item| !item.is_null()).collect()
}

/// An object of `kind`; `null` where that is not read.
pub(super) fn object(words: &mut Words<'_>, kind: &str, object: &Value) -> Value {
    shape(kind).map_or(Value::Null, |shape| pruned(words, shape, object))
}

/// What of a value fits its shape.
fn pruned(words: &mut Words<'_>, shape: &Shape, value: &Value) -> Value {
    let text = match (shape, value) {
        (_, Value::Null) => return Value::Null,
        (List(shape), Value::Array(list)) => {
            return list.iter().map(|element| pruned(words, shape, element)).collect();
        }
        (Object(members), Value::Object(map)) => {
            let mut kept = Map::new();
            for (key, shape) in *members {
                if let Some(member) = map.get(*key) {
                    kept.insert((*key).to_owned(), pruned(words, shape, member));
                }
            }
            return Value::Object(kept);
        }
        (Labels, Value::Object(map)) => return labels(words, map),
        (Environment, Value::Array(list)) => return environment(words, list),
        (Word | Port, Value::Bool(_) | Value::Number(_)) => return value.clone(),
        (_, Value::String(text)) => text,
        // Not of the kind that is read: as a text it is refused as before.
        _ => return Value::String(words.opaque(&value.to_string())),
    };
    Value::String(match shape {
        Word => words.word(text),
        // By number.
        Port if text.parse::<u16>().is_ok() => text.clone(),
        Name | Port => words.name(text),
        Pod => words.pod(text),
        Host => words.host(text),
        // A headless service says `None`.
        Address if text == "None" => text.clone(),
        Address => words.address(text).unwrap_or_else(|| words.host(text)),
        Url => url(words, text),
        Provider => provider(words, text),
        Labels | Environment | List(_) | Object(_) => words.opaque(text),
    })
}

/// Labels: the one that names a slice's service stays, with the service's pseudonym.
fn labels(words: &mut Words<'_>, map: &Map<String, Value>) -> Value {
    map.iter()
        .map(|(key, value)| {
            let known = key == "kubernetes.io/service-name";
            let value = value.as_str().map_or(Value::Null, |text| Value::String(words.name(text)));
            (if known { key.clone() } else { words.opaque(key) }, value)
        })
        .collect::<Map<_, _>>()
        .into()
}

/// The settings of the CNI that are read, and the cluster's name.
fn environment(words: &mut Words<'_>, list: &[Value]) -> Value {
    let mut kept = Vec::new();
    for variable in list {
        let Some(name) = variable.get("name").and_then(Value::as_str) else { continue };
        let Some(value) = variable.get("value").filter(|value| !value.is_null()) else { continue };
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let text = match name {
            "CLUSTER_NAME" => Some(words.name(&text)),
            name if CNI_SETTINGS.contains(&name) => aws::cni_setting(words, name, &text),
            _ => None,
        };
        kept.extend(text.map(|text| json!({"name": name, "value": text})));
    }
    Value::Array(kept)
}

/// A URL: its form and its port stay, and whether it calls the control plane itself.
fn url(words: &mut Words<'_>, text: &str) -> String {
    let Some(rest) = text.strip_prefix("https://") else { return words.opaque(text) };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let bracketed = authority.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host, port) = match bracketed {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
    };
    // What is not of this form is told as such, before and after.
    if host.is_empty() || port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return words.opaque(text);
    }
    let host = match words.address(host) {
        Some(address) if bracketed.is_some() => format!("[{address}]"),
        Some(address) => address,
        None if host.eq_ignore_ascii_case("localhost") => "localhost".to_owned(),
        None => words.opaque(host),
    };
    port.map_or_else(|| format!("https://{host}"), |port| format!("https://{host}:{port}"))
}

/// The instance of a node, and its zone.
fn provider(words: &mut Words<'_>, text: &str) -> String {
    let Some((before, instance)) = text.rsplit_once('/').filter(|(_, id)| id.starts_with("i-")) else {
        return words.opaque(text);
    };
    let zone = before.rsplit('/').next().unwrap_or_default();
    format!("aws:///{}/{}", words.word(zone), words.segment(instance))
}
