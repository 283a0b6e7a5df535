//! Policies: what is expected of a network, as TOML. `docs/POLICIES.md` is the reference.
//!
//! The document is read with the place of every key and value, and all that is wrong with it is told at once.

use std::collections::BTreeMap;
use std::ops::Range;

use reach_engine::Verdict;
use reach_engine::pair::Ask;
use reach_packets::Family;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::ask::{self, Asked, Icmp, Names, Terms};

/// The keys of a policy.
const KEYS: [&str; 2] = ["description", "expect"];

/// The keys of an expectation.
const EXPECT_KEYS: [&str; 11] =
    ["from", "to", "protocol", "port", "source_port", "icmp", "family", "cluster", "verdict", "why", "name"];

/// A place in the file, counted from one; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// What a policy says.
#[derive(Debug, Default)]
pub(crate) struct Policy {
    pub(crate) description: Option<String>,
    pub(crate) expectations: Vec<Expectation>,
}

/// One expectation.
#[derive(Debug)]
pub(crate) struct Expectation {
    /// Its name, else `expect.N`.
    pub(crate) id: String,
    pub(crate) ends: Ends,
    pub(crate) ask: Ask,
    pub(crate) asked: Asked,
    pub(crate) verdict: Verdict,
    pub(crate) why: Option<String>,
    pub(crate) at: Place,
}

/// Who is asked about, and where the file says so.
#[derive(Debug, Clone)]
pub(crate) struct Ends {
    pub(crate) from: (String, Place),
    pub(crate) to: (String, Place),
    pub(crate) cluster: Option<(String, Place)>,
}

/// What is wrong with a policy, in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    pub(crate) list: Vec<(Place, String)>,
    pub(crate) hints: Vec<String>,
    /// The ends of expectations, which may be wrong, too.
    pub(crate) ends: Vec<Ends>,
}

impl Problems {
    fn at(&mut self, place: Place, message: impl Into<String>) {
        self.list.push((place, message.into()));
    }

    /// One line each: `policy.toml:12:3: unknown key …`.
    pub(crate) fn lines(mut self, file: &str) -> Vec<String> {
        self.list.sort();
        self.list.dedup();
        self.list
            .into_iter()
            .map(|(Place { line, column }, message)| format!("{file}:{line}:{column}: {message}"))
            .collect()
    }
}

/// Reads a policy.
pub(crate) fn parse(text: &str) -> Result<Policy, Problems> {
    let reader = Reader { text };
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut problems = Problems::default();
    for error in errors {
        let message = error.message().lines().collect::<Vec<_>>().join(" ");
        problems.at(reader.place(&error.span().unwrap_or(0..0)), message);
    }
    // What is no TOML has parts missing that are there for the writer.
    if !problems.list.is_empty() {
        return Err(problems);
    }
    let policy = reader.policy(root.get_ref(), &mut problems);
    if problems.list.is_empty() { Ok(policy) } else { Err(problems) }
}

struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    fn place(&self, span: &Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        Place { line, column }
    }

    fn unknown_keys(&self, table: &DeTable<'_>, known: &[&str], problems: &mut Problems) {
        for key in table.keys().filter(|key| !known.contains(&&**key.get_ref())) {
            let expected: Vec<String> = known.iter().map(|key| format!("`{key}`")).collect();
            let message = format!("unknown key `{}`, expected one of {}", key.get_ref(), expected.join(", "));
            problems.at(self.place(&key.span()), message);
        }
    }

    fn policy(&self, root: &DeTable<'_>, problems: &mut Problems) -> Policy {
        self.unknown_keys(root, &KEYS, problems);
        let mut policy = Policy::default();
        let mut described = Fields { reader: self, table: root, at: Place { line: 1, column: 1 }, problems };
        policy.description = described.string("description").map(|(text, _)| text);
        let problems = described.problems;
        let empty = "a policy without an expectation says nothing: write at least one `[[expect]]`";
        let list = match root.get("expect") {
            None => {
                problems.at(Place { line: 1, column: 1 }, empty);
                return policy;
            }
            Some(value) => match value.get_ref() {
                DeValue::Array(list) if list.is_empty() => {
                    problems.at(self.place(&value.span()), empty);
                    return policy;
                }
                DeValue::Array(list) => list,
                other => {
                    let message = format!("`expect` must be tables, each under `[[expect]]`, not {}", a(other));
                    problems.at(self.place(&value.span()), message);
                    return policy;
                }
            },
        };
        for (position, item) in list.iter().enumerate() {
            let at = self.place(&item.span());
            match item.get_ref() {
                DeValue::Table(table) => {
                    policy.expectations.extend(self.expectation(position + 1, table, at, problems));
                }
                other => problems.at(at, format!("an expectation must be a table, not {}", a(other))),
            }
        }
        duplicates(&policy.expectations, problems);
        policy
    }

    fn expectation(
        &self,
        number: usize,
        table: &DeTable<'_>,
        at: Place,
        problems: &mut Problems,
    ) -> Option<Expectation> {
        self.unknown_keys(table, &EXPECT_KEYS, problems);
        let mut fields = Fields { reader: self, table, at, problems };
        let name = fields.string("name").filter(|(text, place)| fields.is_said("name", text, *place));
        let why = fields.string("why").map(|(text, _)| text);
        let cluster = fields.string("cluster").filter(|(text, place)| fields.is_said("cluster", text, *place));
        let from = fields.required("from");
        let to = fields.required("to");
        if let (Some(from), Some(to)) = (from.clone(), to.clone()) {
            fields.problems.ends.push(Ends { from, to, cluster: cluster.clone() });
        }
        let verdict = fields.required("verdict").and_then(|(word, place)| {
            let known = [Verdict::Reachable, Verdict::Blocked, Verdict::Partial, Verdict::Unknown];
            let found = known.into_iter().find(|verdict| verdict.as_str() == word);
            if found.is_none() {
                let message = format!("`{word}` is no verdict: `reachable`, `blocked`, `partial` or `unknown`");
                fields.problems.at(place, message);
            }
            found
        });
        let family = fields.string("family").and_then(|(word, place)| match &*word.to_ascii_lowercase() {
            "ipv4" => Some(Family::V4),
            "ipv6" => Some(Family::V6),
            _ => {
                fields.problems.at(place, format!("family: `{word}` is neither `ipv4` nor `ipv6`"));
                None
            }
        });
        let [protocol, port, source_port, icmp] =
            ["protocol", "port", "source_port", "icmp"].map(|key| fields.scalar(key));
        let text = |value: &'_ Option<(String, Place)>| value.as_ref().map(|(text, _)| text.clone());
        let (protocol, port, source_port, icmp) = (text(&protocol), text(&port), text(&source_port), text(&icmp));
        let terms = Terms {
            protocol: protocol.as_deref(),
            port: port.as_deref(),
            source_port: source_port.as_deref(),
            icmp: icmp.as_deref().map_or(Icmp::All, Icmp::Text),
            family,
        };
        let parsed = match ask::parse(&terms, Names::Policy) {
            Ok(parsed) => Some(parsed),
            Err(complaints) => {
                let hints = complaints.hints.into_iter().map(|hint| format!("line {}: {hint}", at.line));
                fields.problems.hints.extend(hints);
                for error in complaints.errors {
                    let key = error.split_once(": ").map_or("", |(key, _)| key);
                    let value = table.get(key).map(|value| self.place(&value.span()));
                    fields.problems.at(value.unwrap_or(at), error);
                }
                None
            }
        };
        let (ask, asked) = parsed?;
        let id = name.map_or_else(|| format!("expect.{number}"), |(name, _)| name);
        Some(Expectation { id, ends: Ends { from: from?, to: to?, cluster }, ask, asked, verdict: verdict?, why, at })
    }
}

/// Expectations with one id, and questions that are asked twice.
fn duplicates(expectations: &[Expectation], problems: &mut Problems) {
    let mut ids: BTreeMap<&str, Place> = BTreeMap::new();
    let mut questions: BTreeMap<String, &Expectation> = BTreeMap::new();
    for expectation in expectations {
        if let Some(first) = ids.insert(&expectation.id, expectation.at) {
            let message = format!("the name `{}` is taken by the expectation in line {}", expectation.id, first.line);
            problems.at(expectation.at, message);
        }
        let Ends { from, to, cluster } = &expectation.ends;
        // Sets of ports, not what they are written as.
        let Ask { lanes, source_ports, family } = &expectation.ask;
        let cluster = cluster.as_ref().map(|(name, _)| name);
        let question = format!("{:?}", (&from.0, &to.0, cluster, lanes, source_ports, family));
        if let Some(first) = questions.get(&question) {
            let same = if first.verdict == expectation.verdict { "the same" } else { "another verdict" };
            let line = first.at.line;
            problems.at(expectation.at, format!("the expectation in line {line} asks this, too, and expects {same}"));
        } else {
            questions.insert(question, expectation);
        }
    }
}

/// The fields of a table.
struct Fields<'r, 'd, 'p> {
    reader: &'r Reader<'r>,
    table: &'r DeTable<'d>,
    at: Place,
    problems: &'p mut Problems,
}

impl Fields<'_, '_, '_> {
    fn value(&self, key: &str) -> Option<(&DeValue<'_>, Place)> {
        let value: &Spanned<DeValue<'_>> = self.table.get(key)?;
        Some((value.get_ref(), self.reader.place(&value.span())))
    }

    /// A string.
    fn string(&mut self, key: &str) -> Option<(String, Place)> {
        let (value, place) = self.value(key)?;
        if let DeValue::String(text) = value {
            return Some((text.to_string(), place));
        }
        let message = format!("`{key}` must be a string, not {}", a(value));
        self.problems.at(place, message);
        None
    }

    /// A string that must be there and say something.
    fn required(&mut self, key: &str) -> Option<(String, Place)> {
        if self.value(key).is_none() {
            self.problems.at(self.at, format!("`{key}` is missing"));
        }
        self.string(key).filter(|(text, place)| self.is_said(key, text, *place))
    }

    fn is_said(&mut self, key: &str, text: &str, place: Place) -> bool {
        if text.trim().is_empty() {
            self.problems.at(place, format!("`{key}` is empty"));
        }
        !text.trim().is_empty()
    }

    /// A string, or a number as its text.
    fn scalar(&mut self, key: &str) -> Option<(String, Place)> {
        let (value, place) = self.value(key)?;
        match value {
            DeValue::String(text) => Some((text.to_string(), place)),
            DeValue::Integer(number) => {
                let read = i64::from_str_radix(number.as_str(), number.radix());
                Some((read.map_or_else(|_| number.as_str().to_owned(), |number| number.to_string()), place))
            }
            other => {
                let message = format!("`{key}` must be a number or a string, not {}", a(other));
                self.problems.at(place, message);
                None
            }
        }
    }
}

/// What a value is, with its article.
const fn a(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(text: &str) -> Vec<String> {
        parse(text).unwrap_err().lines("p.toml")
    }

    #[test]
    fn a_policy_is_read_with_its_places() {
        let text = "description = \"d\"\n\n[[expect]]\nfrom = \"node\"\nto = \"internet\"\nport = 443\nverdict = \
                    \"blocked\"\n\n[[expect]]\nname = \"dns\"\nfrom = \"pod\"\nto = \"node\"\nprotocol = \"udp\"\nport \
                    = \"dns,8000-8999\"\nverdict = \"partial\"\nwhy = \"because\"\n";
        let policy = parse(text).unwrap();
        assert_eq!(policy.description.as_deref(), Some("d"));
        let [first, second] = &policy.expectations[..] else { panic!("{policy:?}") };
        assert_eq!((first.id.as_str(), first.verdict, first.at.line), ("expect.1", Verdict::Blocked, 3));
        assert_eq!((first.asked.protocol.as_str(), first.asked.port.as_deref()), ("tcp", Some("443")));
        assert_eq!((second.id.as_str(), second.why.as_deref(), second.at.line), ("dns", Some("because"), 9));
        assert_eq!(second.asked.ports.as_deref(), Some("53,8000-8999"));
        assert_eq!((second.ends.to.0.as_str(), second.ends.to.1), ("node", Place { line: 12, column: 6 }));
    }

    #[test]
    fn all_that_is_wrong_is_told_with_its_place() {
        let text = "descripton = \"x\"\n[[expect]]\nfrom = \"node\"\nprotcol = \"tcp\"\nport = 70000\nverdict = \
                    \"open\"\n[[expect]]\nfrom = 5\nto = \"\"\nport = true\nfamily = \"ipv5\"\nverdict = \"blocked\"\n";
        assert_eq!(
            errors(text),
            [
                "p.toml:1:1: unknown key `descripton`, expected one of `description`, `expect`",
                "p.toml:2:1: `to` is missing",
                "p.toml:4:1: unknown key `protcol`, expected one of `from`, `to`, `protocol`, `port`, `source_port`, \
                 `icmp`, `family`, `cluster`, `verdict`, `why`, `name`",
                "p.toml:5:8: port: `70000` is out of range 0-65535",
                "p.toml:6:11: `open` is no verdict: `reachable`, `blocked`, `partial` or `unknown`",
                "p.toml:8:8: `from` must be a string, not an integer",
                "p.toml:9:6: `to` is empty",
                "p.toml:10:8: `port` must be a number or a string, not a boolean",
                "p.toml:11:10: family: `ipv5` is neither `ipv4` nor `ipv6`",
            ]
        );
    }

    #[test]
    fn nothing_and_no_toml_are_refused() {
        let empty = "a policy without an expectation says nothing: write at least one `[[expect]]`";
        assert_eq!(errors(""), [format!("p.toml:1:1: {empty}")]);
        assert_eq!(errors("expect = []"), [format!("p.toml:1:10: {empty}")]);
        assert_eq!(
            errors("expect = 1"),
            ["p.toml:1:10: `expect` must be tables, each under `[[expect]]`, not an integer"]
        );
        assert_eq!(errors("expect = [1]"), ["p.toml:1:11: an expectation must be a table, not an integer"]);
        let broken = errors("[[expect]]\nfrom = node\nto = \"x\"\nto = \"y\"\n");
        assert!(broken[0].starts_with("p.toml:2:8: "), "{broken:?}");
        assert!(broken.iter().any(|line| line.starts_with("p.toml:4:1: ")), "{broken:?}");
    }

    #[test]
    fn the_same_question_twice_is_refused_however_it_is_written() {
        let one = |port: &str, verdict: &str| {
            format!("[[expect]]\nfrom = \"node\"\nto = \"pod\"\nport = {port}\nverdict = \"{verdict}\"\n")
        };
        let text = one("443", "blocked") + &one("\"https\"", "blocked") + &one("\"443,443\"", "reachable");
        assert_eq!(
            errors(&text),
            [
                "p.toml:6:1: the expectation in line 1 asks this, too, and expects the same",
                "p.toml:11:1: the expectation in line 1 asks this, too, and expects another verdict",
            ]
        );
        let named = one("443", "blocked") + "name = \"expect.2\"\n" + &one("80", "blocked");
        assert_eq!(errors(&named), ["p.toml:7:1: the name `expect.2` is taken by the expectation in line 1"]);
    }

    #[test]
    fn messages_and_numbers_are_read_as_of_the_command_line() {
        let text = "[[expect]]\nfrom = \"node\"\nto = \"pod\"\nicmp = \"8/0\"\nverdict = \"blocked\"\n[[expect]]\nfrom \
                    = \"node\"\nto = \"pod\"\nprotocol = 50\nverdict = \"blocked\"\n[[expect]]\nfrom = \"node\"\nto = \
                    \"pod\"\nicmp = 0x8\nverdict = \"blocked\"\n";
        let policy = parse(text).unwrap();
        let asked: Vec<_> =
            policy.expectations.iter().map(|e| (e.asked.protocol.as_str(), e.asked.icmp.as_deref())).collect();
        assert_eq!(asked, [("icmp", Some("8/0")), ("50", None), ("icmp", Some("8/*"))]);
    }
}
