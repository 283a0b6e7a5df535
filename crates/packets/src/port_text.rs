//! The text form of port sets.

use std::fmt;
use std::str::FromStr;

use crate::error::{ParseError, snippet};
use crate::interval_set::{IntervalSet, PortRanges};
use crate::port_set::{Lane, PortSet, all_other};
use crate::protocol::Protocol;
use crate::text;

/// The text of a whole lane.
const WHOLE: &str = "*";
/// The text of the full set.
const ALL: &str = "all";
/// The name of the lane of [`Lane::Other`].
const OTHER: &str = "other";

/// Prints the lane's name and its members, or `*` if they are all.
impl fmt::Display for Lane<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Ports(protocol, ports) if ports.is_full() => write!(f, "{protocol} {WHOLE}"),
            Self::Ports(protocol, ports) => write!(f, "{protocol} {ports}"),
            Self::Icmp(protocol, messages) => write!(f, "{protocol} {messages}"),
            Self::Other(numbers) if *numbers == all_other() => write!(f, "{OTHER} {WHOLE}"),
            Self::Other(numbers) => write!(f, "{OTHER} {numbers}"),
        }
    }
}

impl fmt::Display for PortSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            f.write_str(text::NONE)
        } else if self.is_full() {
            f.write_str(ALL)
        } else {
            text::write_list(f, self.lanes(), "; ")
        }
    }
}

/// Parses the text form. Fails on empty text, on lanes with an unknown name or without members,
/// on what does not parse as a lane's members, and when the `other` lane names a protocol that
/// has a lane of its own.
impl FromStr for PortSet {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.trim() {
            text::NONE => return Ok(Self::empty()),
            ALL => return Ok(Self::full()),
            _ => {}
        }
        let mut lanes = text::items(text, ';', "ports such as `tcp 443; icmp 8/0`")?.map(parse_lane);
        lanes.try_fold(Self::empty(), |set, lane| Ok(set.union(&lane?)))
    }
}

fn parse_lane(text: &str) -> Result<PortSet, ParseError> {
    const EXPECTED: &str = "all, none or ports such as `tcp 22,443`, `udp *`, `icmp 8/0` or `other 47`";
    let (name, members) = text.split_once(char::is_whitespace).ok_or_else(|| ParseError::malformed(text, EXPECTED))?;
    let members = members.trim();
    let ports = || if members == WHOLE { Ok(PortRanges::full()) } else { members.parse() };
    match name {
        "tcp" => ports().map(PortSet::tcp),
        "udp" => ports().map(PortSet::udp),
        "icmp" => members.parse().map(PortSet::icmp),
        "icmpv6" => members.parse().map(PortSet::icmpv6),
        OTHER if members == WHOLE => Ok(PortSet::protocols(&all_other())),
        OTHER => {
            let other: IntervalSet<u8> = members.parse()?;
            match Protocol::NAMED.into_iter().find(|(protocol, _)| other.contains(protocol.number())) {
                Some((protocol, lane)) => {
                    let (text, lane) = (snippet(members), format!("{lane} {WHOLE}"));
                    Err(ParseError::OwnLane { text, number: protocol.number(), lane })
                }
                None => Ok(PortSet::protocols(&other)),
            }
        }
        _ => Err(ParseError::malformed(text, EXPECTED)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str) -> PortSet {
        text.parse().unwrap()
    }

    #[test]
    fn text_round_trips() {
        for text in [
            "all",
            "none",
            "tcp 22,443; udp 53; icmp 8/0; icmpv6 *; other 47,50",
            "tcp *",
            "other *",
            "tcp *; udp *; icmp *; icmpv6 *",
            "udp 0-65534; other 0,2-5",
        ] {
            assert_eq!(ports(text).to_string(), text);
        }
        assert_eq!(ports("udp 53;tcp 443 ; tcp\t22, 80").to_string(), "tcp 22,80,443; udp 53");
        assert_eq!(ports("tcp 0-65535; udp *; icmp *; icmpv6 0-255/*; other *"), PortSet::full());
        assert_eq!(ports("tcp none"), PortSet::empty());
    }

    #[test]
    fn bad_text_is_refused() {
        let error = |text: &str| text.parse::<PortSet>().unwrap_err().to_string();
        assert_eq!(error("tcp 70000"), "`70000` is out of range 0-65535");
        assert_eq!(error("other 5-7"), "`5-7` covers protocol 6, which is written as `tcp *`");
        assert_eq!(error("tcp 22;"), "`tcp 22;` has an empty item");
        assert_eq!(error("icmp 8"), "`8` is not an icmp type and code such as `8/0`, `3/0-15`, `8/*` or `9-18/*`");
        for text in ["tcp", "sctp 22", "22", "all 22"] {
            assert!(error(text).contains("is not all, none or ports such as"), "{text}");
        }
        assert_eq!(error(""), "empty text where ports such as `tcp 443; icmp 8/0` is expected");
    }
}
