//! The shapes that AWS's `describe-*`, `get-*`, `list-*` and `search-*` calls print, field names as the API spells
//! them (EC2 and Elastic Load Balancing: `PascalCase`; EKS: `camelCase`).
//!
//! A shape declares the fields that can decide a verdict, name a resource or select an endpoint. Everything is
//! optional here: AWS leaves keys out, older API versions did not have them, and some tools write `null` instead.
//! What a field *means* and whether its text is valid is decided later (`validate`, `network`); undeclared fields and
//! unknown resource kinds are kept by the snapshot document, which copies the JSON text through.

mod compute;
mod eks;
mod gateway;
mod kubernetes;
mod text;
mod vpc;

use std::ops::Deref;

use serde::{Deserialize, Deserializer};

pub use compute::*;
pub use eks::*;
pub use gateway::*;
pub use kubernetes::*;
pub use text::{AddressText, Name};
pub use vpc::*;

/// Text as AWS wrote it, not yet looked at.
pub type Text = Box<str>;

/// A JSON array that may be missing or `null`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(pub Box<[T]>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Box::default())
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default().into_boxed_slice()))
    }
}

/// A scalar that some tools write as a number or a boolean and others as a string (`"6"`, `6`, `true`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar(pub Text);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Scalar;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string, a number or a boolean")
            }

            fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar(text.into()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string().into()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string().into()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Scalar, E> {
                Ok(Scalar(number.to_string().into()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string().into()))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// `{"Key": …, "Value": …}`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Tag {
    pub key: Option<Name>,
    pub value: Option<Name>,
}

/// `{"State": …}`, the form that associations use.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct StateHolder {
    pub state: Option<Text>,
}

/// `{"Code": …, "Message": …}`, the form of peerings and load balancers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct StatusCode {
    pub code: Option<Text>,
}

/// `{"GroupId": …}`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct GroupIdentifier {
    pub group_id: Option<Name>,
    pub group_name: Option<Name>,
}
