//! Stage 3: JSON text to typed elements, fast; where that fails, a second, slow pass that finds every fault.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use serde_path_to_error::Segment;

use super::scan;

/// More faults than this in one element tell nothing new.
const FAULT_LIMIT: usize = 64;

/// Something in an element that has the wrong type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Position in the array.
    pub index: Option<usize>,
    /// Path below the element: `.IpPermissions[0].FromPort`.
    pub path: String,
    /// What is wrong, in human words.
    pub message: String,
}

/// Decodes an array: its good elements with their positions, and the faults of the others.
///
/// O(bytes); about three times as long for arrays with faults.
pub(crate) fn array<T: DeserializeOwned>(raw: &RawValue) -> (Vec<(usize, T)>, Vec<Fault>) {
    if let Ok(items) = serde_json::from_str::<Vec<T>>(raw.get()) {
        return (items.into_iter().enumerate().collect(), Vec::new());
    }
    let mut items = Vec::new();
    let mut faults = Vec::new();
    let Some(elements) = scan::elements(raw) else {
        let message = format!("invalid type: {}, expected an array", describe_text(raw.get()));
        return (items, vec![Fault { index: None, path: String::new(), message }]);
    };
    for (index, element) in elements.into_iter().enumerate() {
        match object(element) {
            Ok(item) => items.push((index, item)),
            Err(found) => faults.extend(found.into_iter().map(|fault| Fault { index: Some(index), ..fault })),
        }
    }
    (items, faults)
}

/// Decodes one value.
pub(crate) fn object<T: DeserializeOwned>(raw: &RawValue) -> Result<T, Vec<Fault>> {
    serde_json::from_str(raw.get()).map_err(|_| faults::<T>(raw.get()))
}

/// Every fault of a value that does not decode: each faulty part is replaced by something harmless, and the value is
/// decoded again until nothing is left to complain about.
fn faults<T: DeserializeOwned>(text: &str) -> Vec<Fault> {
    let mut found: Vec<Fault> = Vec::new();
    if let Ok(mut value) = serde_json::from_str::<Value>(text) {
        while let Err((path, message)) = attempt::<T>(&value) {
            let segments = path.iter().cloned().collect::<Vec<_>>();
            found.push(Fault { index: None, path: render(&segments), message });
            if found.len() == FAULT_LIMIT || !mend::<T>(&mut value, &segments) {
                break;
            }
        }
    }
    if found.is_empty() {
        // Not a matter of types: a key that is given twice, nesting too deep, a number out of range.
        let mut deserializer = serde_json::Deserializer::from_str(text);
        if let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut deserializer) {
            let segments: Vec<Segment> = error.path().iter().cloned().collect();
            found.push(Fault { index: None, path: render(&segments), message: humanise(&error.inner().to_string()) });
        }
    }
    found
}

fn attempt<T: DeserializeOwned>(value: &Value) -> Result<(), (serde_path_to_error::Path, String)> {
    match serde_path_to_error::deserialize::<_, T>(value) {
        Ok(_) => Ok(()),
        Err(error) => Err((error.path().clone(), humanise(&error.inner().to_string()))),
    }
}

/// Replaces the value at `path` by one that decodes; `false` where none does.
fn mend<T: DeserializeOwned>(value: &mut Value, path: &[Segment]) -> bool {
    let harmless = [
        Value::Null,
        Value::Object(serde_json::Map::new()),
        Value::Array(Vec::new()),
        Value::from(""),
        Value::from(0),
        Value::from(false),
    ];
    for candidate in harmless {
        let Some(place) = descend(value, path) else { return false };
        *place = candidate;
        match attempt::<T>(value) {
            Ok(()) => return true,
            Err((next, _)) if render(&next.iter().cloned().collect::<Vec<_>>()) != render(path) => return true,
            Err(_) => {}
        }
    }
    false
}

fn descend<'v>(value: &'v mut Value, path: &[Segment]) -> Option<&'v mut Value> {
    path.iter().try_fold(value, |value, segment| match segment {
        Segment::Seq { index } => value.get_mut(index),
        Segment::Map { key } => value.get_mut(key),
        Segment::Enum { .. } | Segment::Unknown => None,
    })
}

fn render(path: &[Segment]) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => push_index(&mut text, *index),
            Segment::Map { key } => push_key(&mut text, key),
            Segment::Enum { variant } => push_key(&mut text, variant),
            Segment::Unknown => {}
        }
    }
    text
}

/// Appends `.key`, or `["a key"]` where the key is no plain word.
pub(crate) fn push_key(text: &mut String, key: &str) {
    let plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if plain {
        text.push('.');
        text.push_str(key);
    } else {
        text.push('[');
        text.push_str(&Value::from(key).to_string());
        text.push(']');
    }
}

/// Appends `[3]`.
pub(crate) fn push_index(text: &mut String, index: usize) {
    text.push('[');
    text.push_str(&index.to_string());
    text.push(']');
}

/// Says in JSON's words what serde says in Rust's: `expected i64` becomes `expected a number`.
pub(crate) fn humanise(message: &str) -> String {
    let message = message.split_once(" at line ").map_or(message, |(message, _)| message);
    let Some((problem, expected)) = message.rsplit_once(", expected ") else { return message.to_owned() };
    // A word that is none of several has nothing that was found beside it.
    let Some((kind, found)) = problem.split_once(": ") else { return format!("{problem}, expected {expected}") };
    format!("{kind}: {}, expected {}", human_found(found), human_expected(expected))
}

fn human_found(found: &str) -> String {
    let quoted = |prefix: &str| found.strip_prefix(prefix)?.strip_prefix('`')?.strip_suffix('`');
    if let Some(number) = quoted("integer ").or_else(|| quoted("floating point ")) {
        return format!("number {number}");
    }
    if let Some(value) = quoted("boolean ") {
        return format!("boolean {value}");
    }
    match found {
        "map" => "an object".to_owned(),
        "sequence" => "an array".to_owned(),
        "unit value" | "null" => "null".to_owned(),
        other => other.to_owned(),
    }
}

fn human_expected(expected: &str) -> String {
    let word = expected.split(' ').next().unwrap_or_default();
    match word {
        "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "f32" | "f64" | "usize" | "isize" => "a number",
        "struct" | "map" => "an object",
        "sequence" | "tuple" => "an array",
        "str" | "string" => "a string",
        "bool" | "boolean" => "a boolean",
        _ => match expected {
            "a map" => "an object",
            "a sequence" => "an array",
            "a borrowed string" => "a string",
            "a borrowed boolean" => "a boolean",
            other => other,
        },
    }
    .to_owned()
}

/// What a JSON text is: `an object`, `string "x"`, `number 5`.
fn describe_text(text: &str) -> String {
    match text.trim_start().bytes().next() {
        Some(b'{') => "an object".to_owned(),
        Some(b'[') => "an array".to_owned(),
        Some(b'"') => format!("string {text}"),
        Some(b't' | b'f') => format!("boolean {text}"),
        Some(b'n') => "null".to_owned(),
        _ => format!("number {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws;

    fn all<T: DeserializeOwned>(text: &str) -> Vec<String> {
        let raw: Box<RawValue> = serde_json::from_str(text).unwrap();
        let (_, faults) = array::<T>(&raw);
        faults
            .into_iter()
            .map(|fault| {
                let index = fault.index.map_or_else(String::new, |index| format!("[{index}]"));
                format!("{index}{}: {}", fault.path, fault.message)
            })
            .collect()
    }

    #[test]
    fn every_fault_of_every_element_is_found() {
        let text = r#"[
            {"GroupId": "sg-1"},
            {"GroupId": 5, "IpPermissions": [
                {"FromPort": "x", "ToPort": true, "IpRanges": [7, {"CidrIp": []}]},
                {"IpRanges": {}, "UserIdGroupPairs": "none", "IpProtocol": [1]}
            ]},
            17
        ]"#;
        let mut found = all::<aws::SecurityGroup>(text);
        found.sort();
        let expected = [
            "[1].GroupId: invalid type: number 5, expected a string",
            "[1].IpPermissions[0].FromPort: invalid type: string \"x\", expected a number",
            "[1].IpPermissions[0].IpRanges[0]: invalid type: number 7, expected an object",
            "[1].IpPermissions[0].IpRanges[1].CidrIp: invalid type: an array, expected a string",
            "[1].IpPermissions[0].ToPort: invalid type: boolean true, expected a number",
            "[1].IpPermissions[1].IpProtocol: invalid type: an array, expected a string, a number or a boolean",
            "[1].IpPermissions[1].IpRanges: invalid type: an object, expected an array",
            "[1].IpPermissions[1].UserIdGroupPairs: invalid type: string \"none\", expected an array",
            "[2]: invalid type: number 17, expected an object",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn good_elements_survive_bad_neighbours() {
        let raw: Box<RawValue> =
            serde_json::from_str(r#"[{"VpcId": "vpc-1"}, {"VpcId": 1}, {"VpcId": "vpc-2"}]"#).unwrap();
        let (items, faults) = array::<aws::Vpc>(&raw);
        assert_eq!(items.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(faults.len(), 1);
    }

    #[test]
    fn null_stands_for_an_absent_value_and_an_array_is_required() {
        assert!(all::<aws::Vpc>(r#"[{"VpcId": null, "Tags": null, "IsDefault": null}]"#).is_empty());
        assert_eq!(all::<aws::Vpc>("{}"), [": invalid type: an object, expected an array"]);
        assert_eq!(all::<aws::Vpc>("\"x\""), [": invalid type: string \"x\", expected an array"]);
    }

    #[test]
    fn a_key_that_is_given_twice_is_named() {
        assert_eq!(all::<aws::Vpc>(r#"[{"VpcId": "vpc-1", "VpcId": "vpc-2"}]"#), ["[0]: duplicate field `VpcId`"]);
    }

    #[test]
    fn odd_keys_are_quoted_in_paths() {
        let faults = all::<aws::Pod>(r#"[{"metadata": {"labels": {"app.kubernetes.io/name": 5}}}]"#);
        assert_eq!(
            faults,
            ["[0].metadata.labels[\"app.kubernetes.io/name\"]: invalid type: number 5, expected a string"]
        );
    }
}
