//! One page of an answer, as JSON in the AWS CLI's shape.

use serde_json::value::RawValue;

use crate::xml::Broken;

/// One page: its list in pieces, so that pages can be put together.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// Whether the list was there, be it empty.
    pub listed: bool,
    /// The elements of the list that the call is made for.
    pub items: Vec<String>,
    /// What stands beside the list.
    pub rest: Vec<(String, String)>,
}

/// Reads one page of EKS, which answers in JSON: the elements of the list `key`, and what stands beside it.
///
/// # Errors
///
/// Text that is no JSON object.
pub(crate) fn json(key: &str, body: &[u8]) -> Result<Page, Broken> {
    let members: Members = serde_json::from_slice(body)?;
    let mut page = Page::default();
    for (name, value) in members.0 {
        if name == key && value.get().starts_with('[') {
            let items: Vec<Box<RawValue>> = serde_json::from_str(value.get())?;
            page.listed = true;
            page.items.extend(items.into_iter().map(|item| item.get().to_owned()));
        } else if value.get() != "null" {
            page.rest.push((name, value.get().to_owned()));
        }
    }
    Ok(page)
}

/// The members of an object in their order.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_and_an_object() {
        let page = json("clusters", br#"{"clusters": ["a", "b"], "nextToken": null}"#).unwrap();
        assert_eq!(page.items, ["\"a\"", "\"b\""]);
        assert!(page.rest.is_empty());
        let page = json("cluster", br#"{"cluster": {"name": "a", "new": [1]}}"#).unwrap();
        assert_eq!(page.rest, [("cluster".to_owned(), r#"{"name": "a", "new": [1]}"#.to_owned())]);
        assert!(json("cluster", b"[]").is_err());
    }
}
