//! Text that comes in thousands: shared where it repeats, unpacked where it is an address.

use std::borrow::Borrow;
use std::cell::RefCell;
use std::fmt;
use std::hash::{Hash as _, Hasher as _};
use std::net::Ipv4Addr;
use std::ops::Deref;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, Visitor};

use super::Text;

/// Text as AWS wrote it, cheap to copy; reading the same text again mostly gives the same memory again.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

/// How many texts a thread remembers.
const REMEMBERED: usize = 1 << 10;

/// Longer text than this hardly repeats.
const LONGEST: usize = 64;

thread_local! {
    /// Texts that were read lately, by their hash: a forgetful set, which never grows.
    static LATELY: RefCell<Vec<Option<Name>>> = const { RefCell::new(Vec::new()) };
}

impl Name {
    /// A name that shares its memory with one that was read lately, where there is one.
    fn shared(text: &str) -> Self {
        if text.len() > LONGEST {
            return text.into();
        }
        let mut hasher = rustc_hash::FxHasher::default();
        text.hash(&mut hasher);
        let place = usize::try_from(hasher.finish() >> 32).unwrap_or_default() % REMEMBERED;
        LATELY.with_borrow_mut(|lately| {
            if lately.is_empty() {
                lately.resize(REMEMBERED, None);
            }
            match lately.get_mut(place) {
                Some(Some(known)) if **known == *text => known.clone(),
                Some(slot) => slot.insert(text.into()).clone(),
                None => text.into(),
            }
        })
    }
}

/// Reads a name that no other element has.
pub(super) fn unique<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Name>, D::Error> {
    struct Unique(Name);
    impl<'de> Deserialize<'de> for Unique {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_str(Words(|text: &str| Unique(text.into())))
        }
    }
    Ok(Option::<Unique>::deserialize(deserializer)?.map(|unique| unique.0))
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Name {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Default for Name {
    fn default() -> Self {
        Self::from("")
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<Name> for Arc<str> {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        Self::from(&*name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Words(Name::shared))
    }
}

/// The text of an address: as AWS wrote it, which for an IPv4 address is as anyone would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressText {
    /// An IPv4 address; only one text stands for it.
    V4(Ipv4Addr),
    /// Any other text.
    Other(Text),
}

impl From<&str> for AddressText {
    fn from(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Other(text.into()), Self::V4)
    }
}

impl fmt::Display for AddressText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => address.fmt(f),
            Self::Other(text) => text.fmt(f),
        }
    }
}

impl<'de> Deserialize<'de> for AddressText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Words(|text: &str| AddressText::from(text)))
    }
}

/// Makes something of a string.
struct Words<F>(F);

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for Words<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E>(self, text: &str) -> Result<T, E> {
        Ok(self.0(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_of_an_address_stays_as_it_was() {
        for text in ["10.0.0.1", "0.0.0.0", "255.255.255.255", "010.0.0.1", "10.0.0", "10.0.0.1 ", "", "::1", "x"] {
            let read: AddressText = serde_json::from_value(text.into()).unwrap();
            assert_eq!(read.to_string(), text);
            assert_eq!(matches!(read, AddressText::V4(_)), text.parse::<Ipv4Addr>().is_ok());
        }
    }

    #[test]
    fn the_same_text_is_kept_once() {
        let read = |text: &str| serde_json::from_value::<Name>(text.into()).unwrap();
        let (first, second) = (read("vpc-0123"), read("vpc-0123"));
        assert_eq!(first, second);
        assert!(Arc::ptr_eq(&first.0, &second.0));
        for number in 0..5_000 {
            let text = format!("text {number}");
            assert_eq!(*read(&text), *text);
        }
        assert_eq!(&*read(&"x".repeat(1_000)), "x".repeat(1_000));
        assert_eq!(&*read("\u{1d11e}\n"), "\u{1d11e}\n");
    }
}
