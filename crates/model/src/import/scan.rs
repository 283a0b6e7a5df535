//! Stage 2: the top level of a JSON text, values left as text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::aws::{TargetGroup, Text};

/// A JSON object whose values have not been looked at.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    /// The whole text.
    pub text: &'a str,
    /// Keys and values in the order of the text.
    pub members: Vec<(Cow<'a, str>, &'a RawValue)>,
}

impl<'a> Object<'a> {
    /// Scans `text`; `None` where it is JSON, but not an object.
    pub(crate) fn scan(text: &'a str) -> Result<Option<Self>, serde_json::Error> {
        let top: Top<'a> = serde_json::from_str(text)?;
        Ok(top.0.map(|members| Self { text, members }))
    }

    /// The value of `key`, unless it is `null`.
    pub(crate) fn get(&self, key: &str) -> Option<&'a RawValue> {
        let value = self.members.iter().find(|(name, _)| name == key).map(|&(_, value)| value)?;
        (value.get() != "null").then_some(value)
    }

    /// The value of `key` where it is text that is not empty.
    pub(crate) fn text_of(&self, key: &str) -> Option<Box<str>> {
        let text: String = serde_json::from_str(self.get(key)?.get()).ok()?;
        (!text.is_empty()).then(|| text.into())
    }
}

/// The elements of an array, as text; `None` where `raw` is not an array.
pub(crate) fn elements(raw: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(raw.get()).ok()
}

/// Whether `raw` is an array whose elements all are objects that have one of `keys`. An empty array is not.
pub(crate) fn each_has(raw: &RawValue, keys: &[&str]) -> bool {
    let Some(elements) = elements(raw).filter(|elements| !elements.is_empty()) else { return false };
    elements.into_iter().all(|element| has(element, keys))
}

/// Whether `raw` is an object that has one of `keys`.
pub(crate) fn has(raw: &RawValue, keys: &[&str]) -> bool {
    let Ok(Some(object)) = Object::scan(raw.get()) else { return false };
    keys.iter().any(|key| object.get(key).is_some())
}

/// Whether `raw` is an array of strings.
pub(crate) fn is_text_array(raw: &RawValue) -> bool {
    serde_json::from_str::<Vec<Cow<'_, str>>>(raw.get()).is_ok()
}

struct Top<'a>(Option<Vec<(Cow<'a, str>, &'a RawValue)>>);

impl<'de: 'a, 'a> Deserialize<'de> for Top<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TopVisitor;
        impl<'de> Visitor<'de> for TopVisitor {
            type Value = Top<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Top<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(Key(key)) = map.next_key()? {
                    members.push((key, map.next_value()?));
                }
                Ok(Top(Some(members)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Top<'de>, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Top(None))
            }

            fn visit_str<E>(self, _: &str) -> Result<Top<'de>, E> {
                Ok(Top(None))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Top<'de>, E> {
                Ok(Top(None))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Top<'de>, E> {
                Ok(Top(None))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Top<'de>, E> {
                Ok(Top(None))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Top<'de>, E> {
                Ok(Top(None))
            }

            fn visit_unit<E>(self) -> Result<Top<'de>, E> {
                Ok(Top(None))
            }
        }
        deserializer.deserialize_any(TopVisitor)
    }
}

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// The last id of the form `<prefix><letters and digits>` in a file's name, such as `pl-0abc` in
/// `get-managed-prefix-list-entries-pl-0abc`. An id has at least one digit: `vpc-attribute` is none.
pub(crate) fn id_in_name<'n>(stem: &'n str, prefix: &str) -> Option<&'n str> {
    stem.match_indices(prefix)
        .filter_map(|(start, _)| {
            let (before, from) = stem.split_at_checked(start)?;
            if before.ends_with(|letter: char| letter.is_ascii_alphanumeric()) {
                return None;
            }
            let rest = from.get(prefix.len()..)?;
            let length = rest.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(rest.len());
            let id = rest.get(..length)?;
            let plausible = id.bytes().any(|byte| byte.is_ascii_digit());
            if plausible { from.get(..prefix.len() + length) } else { None }
        })
        .last()
}

/// The ARN of the target group that a file's name tells: by the end of the ARN, else by the group's name; the longest
/// match counts.
pub(crate) fn group_in_name<'g>(stem: &str, groups: impl Iterator<Item = &'g TargetGroup>) -> Option<Text> {
    let bounded = |word: &str| {
        let is_end = |letter: Option<char>| letter.is_none_or(|letter| !letter.is_ascii_alphanumeric());
        !word.is_empty()
            && stem.match_indices(word).any(|(start, _)| {
                let before = stem.get(..start).and_then(|text| text.chars().next_back());
                let after = stem.get(start + word.len()..).and_then(|text| text.chars().next());
                is_end(before) && is_end(after)
            })
    };
    groups
        .filter_map(|group| {
            let arn = group.target_group_arn.as_ref()?;
            let end = arn.rsplit('/').next().filter(|end| bounded(end)).map(|end| (1, end.len()));
            let name = group.target_group_name.as_deref().filter(|name| bounded(name)).map(|name| (0, name.len()));
            Some((end.or(name)?, arn))
        })
        .max_by_key(|&(length, _)| length)
        .map(|(_, arn)| arn.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_taken_apart_without_looking_inside() {
        let text = r#" {"a": [1, {"x": null}], "b\u0041": "t", "n": null} "#;
        let object = Object::scan(text).unwrap().unwrap();
        let members: Vec<(&str, &str)> = object.members.iter().map(|(key, raw)| (&**key, raw.get())).collect();
        assert_eq!(members, [("a", r#"[1, {"x": null}]"#), ("bA", "\"t\""), ("n", "null")]);
        assert_eq!(object.text_of("bA").as_deref(), Some("t"));
        assert!(object.get("n").is_none());
    }

    #[test]
    fn other_json_is_not_an_object_and_broken_json_has_a_position() {
        for text in ["[1, [2]]", "\"x\"", "-1", "1", "1.5", "true", "null"] {
            assert!(Object::scan(text).unwrap().is_none(), "{text}");
        }
        let error = Object::scan("{\n \"a\": [1,}\n").unwrap_err();
        assert_eq!((error.line(), error.column()), (2, 10));
        assert!(Object::scan("{} {}").is_err());
    }

    #[test]
    fn ids_are_found_in_file_names() {
        let find = |stem, prefix| id_in_name(stem, prefix);
        assert_eq!(find("get-managed-prefix-list-entries-pl-0abc12", "pl-"), Some("pl-0abc12"));
        assert_eq!(find("pl-1_entries", "pl-"), Some("pl-1"));
        assert_eq!(find("describe-vpc-attribute-vpc-0acbf5-enableDnsSupport", "vpc-"), Some("vpc-0acbf5"));
        assert_eq!(find("describe-vpc-attribute-main-enableDnsSupport", "vpc-"), None);
        assert_eq!(find("xpl-0abc12", "pl-"), None);
        assert_eq!(find("routes.tgw-rtb-0342e", "tgw-rtb-"), Some("tgw-rtb-0342e"));
    }
}
