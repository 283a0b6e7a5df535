//! A snapshot without what names its owner, and with the same verdicts.
//!
//! What decides a packet stays: private addresses, rules, ports, routes, states, times, resource ids as AWS makes them.
//! What names somebody becomes a pseudonym, one for each text wherever it occurs; public addresses move so that every
//! range holds what it held (`address`). It works by permission: a text stays only where it is known to be harmless, by
//! the key it stands at and by its form (`aws`), and a Kubernetes object keeps only what is read of it (`kubernetes`).

mod address;
mod aws;
mod kubernetes;
mod words;

use std::collections::BTreeMap;
use std::io;

use ipnet::IpNet;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use crate::api::{Argument, Call};
use crate::aws::TargetGroup;
use crate::document::{Document, Record};
use crate::import::scan::{self, Object};
use crate::import::{Answer, Meaning, meaning};
use crate::time::is_time;
use address::Addresses;
use words::Words;

/// What a pseudonym depends on besides the text that it stands for. It is never printed.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// Tells this use of a key from any other (BLAKE3's key derivation).
const OF_SECRET: &str = "reach 2026-11 snapshot redact, key of a secret";
const OF_DOCUMENT: &str = "reach 2026-11 snapshot redact, key of a document";

impl Key {
    /// The key of a secret: the same secret gives the same pseudonyms in every snapshot.
    pub fn of_secret(secret: &[u8]) -> Self {
        Self(blake3::derive_key(OF_SECRET, secret))
    }

    /// The key of a document's own content: the same document gives the same pseudonyms, another one others. Who does
    /// not have all of the content cannot try texts one by one.
    ///
    /// # Errors
    ///
    /// What writing the document says.
    pub fn of_document(document: &Document) -> io::Result<Self> {
        let mut hasher = blake3::Hasher::new_derive_key(OF_DOCUMENT);
        document.write_to(&mut hasher)?;
        Ok(Self(*hasher.finalize().as_bytes()))
    }

    fn digest(&self, domain: &str, text: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(domain.as_bytes()).update(&[0]).update(text);
        hasher.finalize()
    }

    /// A number of 64 bits that stands for `text`.
    fn number(&self, domain: &str, text: &[u8]) -> u64 {
        let hash = self.digest(domain, text);
        hash.as_bytes().iter().take(8).fold(0, |number, &byte| (number << 8) | u64::from(byte))
    }

    /// Hexadecimal digits that stand for `text`.
    fn hex(&self, domain: &str, text: &str, digits: usize) -> String {
        self.digest(domain, text.as_bytes()).to_hex().chars().take(digits).collect()
    }
}

/// Names that are everybody's: software and what it makes. They stay, since they decide and tell nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'k> {
    /// Whole names.
    pub names: &'k [&'k str],
    /// Beginnings of the names of pods.
    pub pods: &'k [&'k str],
}

/// A document with pseudonyms.
#[derive(Debug)]
pub struct Redacted<'k> {
    /// The document.
    pub document: Document,
    /// How many records were left out because they answer no call that is read.
    pub dropped: usize,
    words: Words<'k>,
}

impl Redacted<'_> {
    /// What each pseudonym stands for: text → pseudonym. This is what the document does not tell.
    pub fn pseudonyms(&self) -> &BTreeMap<String, String> {
        self.words.pseudonyms()
    }

    /// The address or CIDR that stands for this one, whether it occurs in the document or not; `None` where it is none.
    pub fn address(&mut self, text: &str) -> Option<String> {
        self.words.address(text)
    }
}

/// Puts pseudonyms for everything in `document` that may name somebody. O(bytes).
pub fn redact<'k>(document: &Document, key: &Key, known: Known<'k>) -> Redacted<'k> {
    let answers: Vec<Option<Value>> =
        document.calls.iter().map(|record| serde_json::from_str(record.answer.as_ref()?.get()).ok()).collect();
    let mut own = Vec::new();
    let mut groups: Vec<TargetGroup> = Vec::new();
    for answer in answers.iter().flatten() {
        own_ranges(answer, &mut own);
        let list = answer.get("TargetGroups").and_then(Value::as_array).into_iter().flatten();
        groups.extend(list.filter_map(|group| serde_json::from_value(group.clone()).ok()));
    }
    let mut words = Words::new(key, Addresses::new(key, &own), known);
    let mut calls = Vec::new();
    let mut dropped = 0;
    for (record, value) in document.calls.iter().zip(answers) {
        match redact_record(&mut words, record, value, &groups) {
            Some(record) => calls.push(record),
            None => dropped += 1,
        }
    }
    let created = document.created.as_deref().filter(|time| is_time(time)).map(Into::into);
    Redacted { document: Document { created, calls }, dropped, words }
}

/// The ranges of the VPCs and subnets of an answer.
fn own_ranges(answer: &Value, own: &mut Vec<IpNet>) {
    let elements = ["Vpcs", "Subnets"].into_iter().filter_map(|key| answer.get(key)?.as_array()).flatten();
    for element in elements {
        let sets = ["CidrBlockAssociationSet", "Ipv6CidrBlockAssociationSet"];
        let sets = sets.into_iter().filter_map(|key| element.get(key)?.as_array()).flatten();
        for holder in sets.chain([element]) {
            for key in ["CidrBlock", "Ipv6CidrBlock"] {
                let net = holder.get(key).and_then(Value::as_str).and_then(|text| text.parse::<IpNet>().ok());
                own.extend(net.map(|net| net.trunc()).filter(|net| !own.contains(net)));
            }
        }
    }
}

/// One record; `None` where nothing of it is read.
fn redact_record(
    words: &mut Words<'_>,
    record: &Record,
    value: Option<Value>,
    groups: &[TargetGroup],
) -> Option<Record> {
    let call = record.call.as_deref().and_then(Call::parse);
    let mut arguments = record.arguments.clone();
    let mut answer: Option<Box<RawValue>> = None;
    if let (Some(raw), Some(value)) = (&record.answer, value) {
        let object = Object::scan(raw.get()).ok().flatten()?;
        let file = record.source.as_deref().unwrap_or_default().to_owned();
        let read = Answer { file, scope: record.scope(), object, record: Some(record.clone()) };
        let (clean, found) = redact_answer(words, &read, value, &mut arguments, groups);
        if call.is_none() && !found {
            return None;
        }
        answer = to_raw_value(&clean).ok();
    } else if call.is_none() {
        return None;
    }
    let arguments = arguments.into_iter().map(|(key, text)| (words.key(&key), aws::text(words, &key, &text)));
    let arguments: BTreeMap<String, String> = arguments.collect();
    Some(Record {
        account: record.account.as_deref().map(|account| words.owner(account).into()),
        region: record.region.as_deref().map(|region| words.word(region).into()),
        call: call.map(|call| call.name().into()),
        arguments,
        status: record.status,
        error_code: record.error_code.as_deref().map(|code| words.word(code).into()),
        time: record.time.clone().filter(|time| is_time(time)),
        until: record.until.clone().filter(|time| is_time(time)),
        vpcs: record.vpcs.iter().map(|vpc| aws::text(words, "VpcId", vpc).into()).collect(),
        source: None,
        answer,
    })
}

/// The members of an answer that are read; whether there are any. Ids that only the file's name tells become arguments.
fn redact_answer(
    words: &mut Words<'_>,
    answer: &Answer<'_>,
    value: Value,
    arguments: &mut BTreeMap<String, String>,
    groups: &[TargetGroup],
) -> (Value, bool) {
    if let Some(kind) = answer.kubernetes_object() {
        return (kubernetes::object(words, kind, &value), true);
    }
    let Value::Object(members) = value else { return (Value::Null, false) };
    let of_list = answer.object.text_of("kind");
    let mut found = false;
    let mut clean = serde_json::Map::new();
    for (key, value) in members {
        let Some(raw) = answer.object.members.iter().find(|(name, _)| *name == key).map(|&(_, raw)| raw) else {
            continue;
        };
        let call = match meaning(answer, &key, raw) {
            Meaning::Answer(call) => call,
            Meaning::Sibling => {
                clean.insert(key.clone(), aws::sibling(words, &key, &value));
                continue;
            }
            Meaning::WithoutId(_) | Meaning::Foreign(_) | Meaning::Kept | Meaning::Unknown => continue,
        };
        found = true;
        if let Argument::Each(argument) = call.argument()
            && let Some(id) = answer.id(call)
        {
            arguments.entry(argument.to_owned()).or_insert_with(|| id.into());
        }
        if call == Call::DescribeTargetHealth
            && key == "TargetHealthDescriptions"
            && answer.id(call).is_none()
            && let Some(arn) = scan::group_in_name(answer.stem(), groups.iter())
        {
            arguments.insert("TargetGroupArn".to_owned(), arn.into());
        }
        let value = match (call, &value) {
            (Call::KubectlGet, Value::Array(items)) => kubernetes::items(words, of_list.as_deref(), items),
            _ => aws::value(words, &key, value),
        };
        clean.insert(key, value);
    }
    (Value::Object(clean), found)
}

#[cfg(test)]
mod tests;
