//! Protocol, ports and family as a person or a batch writes them, made into what the engine is asked.

use reach_engine::pair::{Ask, Lane};
use reach_packets::{Family, IcmpSet, PortRanges, PortSet, Protocol};

use crate::ports;

/// What was written, each part as text.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) protocol: Option<&'a str>,
    pub(crate) port: Option<&'a str>,
    pub(crate) source_port: Option<&'a str>,
    pub(crate) icmp: Icmp<'a>,
    pub(crate) family: Option<Family>,
}

/// The ICMP messages that were written.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) enum Icmp<'a> {
    #[default]
    All,
    /// `8`, `8/0`: the flag.
    Text(&'a str),
    /// Two keys of a batch line.
    Parts(Option<&'a str>, Option<&'a str>),
}

/// How messages name the parts: by flags or by the keys of a batch line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    Flags,
    Keys,
}

/// A part of the terms.
#[derive(Debug, Clone, Copy)]
enum Part {
    Protocol,
    Port,
    SourcePort,
    Icmp,
    IcmpCode,
    Family,
}

impl Names {
    const fn of(self, part: Part) -> &'static str {
        match (self, part) {
            (Names::Flags, Part::Protocol) => "--protocol",
            (Names::Flags, Part::Port) => "--port",
            (Names::Flags, Part::SourcePort) => "--source-port",
            (Names::Flags, Part::Icmp | Part::IcmpCode) => "--icmp",
            (Names::Flags, Part::Family) => "--family",
            (Names::Keys, Part::Protocol) => "protocol",
            (Names::Keys, Part::Port) => "port",
            (Names::Keys, Part::SourcePort) => "source_port",
            (Names::Keys, Part::Icmp) => "icmp_type",
            (Names::Keys, Part::IcmpCode) => "icmp_code",
            (Names::Keys, Part::Family) => "family",
        }
    }
}

/// The terms as answers repeat them, defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `tcp`, `udp`, `icmp`, `icmpv6`, `all` or a number.
    pub(crate) protocol: String,
    /// As written; `None` for all ports and for protocols without ports.
    pub(crate) port: Option<String>,
    /// The same as numbers.
    pub(crate) ports: Option<String>,
    /// As written; `None` where the default applies.
    pub(crate) source_port: Option<String>,
    /// ICMP messages; `None` for all.
    pub(crate) icmp: Option<String>,
    pub(crate) family: Option<Family>,
}

/// What is wrong with the terms.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Complaints {
    pub(crate) errors: Vec<String>,
    pub(crate) hints: Vec<String>,
}

/// The protocol of a question: one, or every.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    All,
    One(Protocol),
}

/// Reads the terms. All that is wrong is told at once.
pub(crate) fn parse(terms: &Terms<'_>, names: Names) -> Result<(Ask, Asked), Complaints> {
    let mut complaints = Complaints::default();
    let ports = terms.port.and_then(|text| complaints.take(names, Part::Port, port_list(text)));
    let source_ports = terms.source_port.and_then(|text| complaints.take(names, Part::SourcePort, port_list(text)));
    let messages = icmp(terms.icmp, names, &mut complaints);
    let wanted = match terms.protocol {
        Some(text) => complaints.take(names, Part::Protocol, protocol(text)),
        None if terms.port.is_some() => Some(Wanted::One(Protocol::TCP)),
        None if terms.icmp.is_given() && terms.family == Some(Family::V6) => Some(Wanted::One(Protocol::ICMPV6)),
        None if terms.icmp.is_given() => Some(Wanted::One(Protocol::ICMP)),
        None => Some(Wanted::All),
    };
    complaints.conflicts(terms, wanted, names);
    let Some(wanted) = wanted.filter(|_| complaints.errors.is_empty()) else { return Err(complaints) };
    let asked = Asked {
        protocol: match wanted {
            Wanted::All => "all".to_owned(),
            Wanted::One(protocol) => protocol.to_string(),
        },
        port: terms.port.map(|text| text.trim().to_owned()),
        ports: ports.as_ref().map(ToString::to_string),
        source_port: terms.source_port.map(|text| text.trim().to_owned()),
        icmp: messages.as_ref().map(ToString::to_string),
        family: terms.family,
    };
    let lanes = lanes(wanted, ports, messages);
    Ok((Ask { lanes, source_ports, family: terms.family }, asked))
}

fn lanes(wanted: Wanted, ports: Option<PortRanges>, messages: Option<IcmpSet>) -> Vec<Lane> {
    let ports = ports.unwrap_or_else(PortRanges::full);
    let messages = messages.unwrap_or_else(IcmpSet::full);
    match wanted {
        Wanted::One(protocol) if protocol.has_ports() => vec![Lane::Ports(protocol, ports)],
        Wanted::One(protocol) if protocol.is_icmp() => vec![Lane::Icmp(protocol, messages)],
        Wanted::One(protocol) => vec![Lane::Protocols(PortSet::of_protocol(protocol).other_protocols().clone())],
        Wanted::All => Lane::every(),
    }
}

impl Icmp<'_> {
    const fn is_given(&self) -> bool {
        !matches!(self, Icmp::All | Icmp::Parts(None, None))
    }
}

/// An error and what helps.
type Bad = (String, Option<String>);

impl Complaints {
    /// Keeps the value, or notes what is wrong with the part.
    fn take<T>(&mut self, names: Names, part: Part, value: Result<T, Bad>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err((message, hint)) => {
                self.errors.push(format!("{}: {message}", names.of(part)));
                self.hints.extend(hint);
                None
            }
        }
    }

    /// Notes parts that do not go together.
    fn conflicts(&mut self, terms: &Terms<'_>, wanted: Option<Wanted>, names: Names) {
        let Some(wanted) = wanted else { return };
        let mut conflict = |part: Part, message: String| self.errors.push(format!("{}: {message}", names.of(part)));
        let protocol = match wanted {
            Wanted::All => "all".to_owned(),
            Wanted::One(protocol) => protocol.to_string(),
        };
        let has_ports = matches!(wanted, Wanted::One(protocol) if protocol.has_ports());
        if terms.port.is_some() && !has_ports {
            let other = if wanted == Wanted::All { "means every protocol" } else { "has no ports" };
            conflict(Part::Port, format!("a port needs protocol tcp or udp, and `{protocol}` {other}"));
        }
        if terms.source_port.is_some() && !has_ports && wanted != Wanted::All {
            conflict(
                Part::SourcePort,
                format!("a source port needs protocol tcp or udp, and `{protocol}` has no ports"),
            );
        }
        let is_icmp = matches!(wanted, Wanted::One(protocol) if protocol.is_icmp());
        if terms.icmp.is_given() && !is_icmp {
            let message = format!("an ICMP type needs protocol icmp or icmpv6, and the protocol is `{protocol}`");
            conflict(Part::Icmp, message);
        }
        match (wanted, terms.family) {
            (Wanted::One(Protocol::ICMP), Some(Family::V6)) => {
                conflict(Part::Family, "`icmp` is a protocol of IPv4; that of IPv6 is `icmpv6`".to_owned());
            }
            (Wanted::One(Protocol::ICMPV6), Some(Family::V4)) => {
                conflict(Part::Family, "`icmpv6` is a protocol of IPv6; that of IPv4 is `icmp`".to_owned());
            }
            _ => {}
        }
    }
}

fn protocol(text: &str) -> Result<Wanted, Bad> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("all") {
        return Ok(Wanted::All);
    }
    if text == "-1" {
        return Err((format!("`{text}` is not a protocol here"), Some("every protocol is `all`".to_owned())));
    }
    text.parse().map(Wanted::One).map_err(|error| {
        let number = match text.to_ascii_lowercase().as_str() {
            "esp" => 50,
            "ah" => 51,
            "gre" => 47,
            "sctp" => 132,
            "igmp" => 2,
            "ipip" => 4,
            _ => return (error.to_string(), None),
        };
        (error.to_string(), Some(format!("`{text}` is protocol {number}")))
    })
}

/// `443`, `8000-8999`, `dns`, and lists of them.
fn port_list(text: &str) -> Result<PortRanges, Bad> {
    if text.trim().is_empty() {
        return Err(("no port is given".to_owned(), None));
    }
    let mut ports = PortRanges::empty();
    for item in text.split(',').map(str::trim) {
        if item.is_empty() {
            return Err((format!("`{text}` has an empty item"), None));
        }
        if let Some(port) = ports::number(item) {
            ports = ports.union(&PortRanges::single(port));
            continue;
        }
        let is_number = item.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        match item.parse::<PortRanges>() {
            Ok(range) if is_number => ports = ports.union(&range),
            Err(error) if is_number => return Err((error.to_string(), None)),
            _ => {
                let hint = ports::similar(item).map(|name| format!("did you mean `{name}`?"));
                return Err((format!("`{item}` is not a port, a range or the name of a service"), hint));
            }
        }
    }
    Ok(ports)
}

/// The messages asked for; `None` for all and for what is wrong.
fn icmp(written: Icmp<'_>, names: Names, complaints: &mut Complaints) -> Option<IcmpSet> {
    let (text, part) = match written {
        Icmp::All | Icmp::Parts(None, None) => return None,
        Icmp::Text(text) => (text.trim().to_owned(), Part::Icmp),
        Icmp::Parts(Some(kind), code) => {
            let whole = format!("{}/{}", kind.trim(), code.map_or("*", str::trim));
            let part = if number(kind).is_some() { Part::IcmpCode } else { Part::Icmp };
            (whole, part)
        }
        Icmp::Parts(None, Some(code)) => {
            let message = format!("the code `{code}` says nothing without an `icmp_type`");
            return complaints.take(names, Part::IcmpCode, Err((message, None)));
        }
    };
    // A type alone stands for all its codes.
    let spelled = if text.contains('/') { text.clone() } else { format!("{text}/*") };
    let parsed = spelled.parse::<IcmpSet>().map_err(|error| {
        let message = match error {
            reach_packets::ParseError::OutOfRange { .. } => error.to_string(),
            _ => format!("`{text}` is not an ICMP type such as `8`, or type and code such as `8/0`"),
        };
        (message, None)
    });
    complaints.take(names, part, parsed)
}

fn number(text: &str) -> Option<u8> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(terms: Terms<'_>) -> Result<(Ask, Asked), Vec<String>> {
        parse(&terms, Names::Flags).map_err(|complaints| complaints.errors)
    }

    fn lanes_of(terms: Terms<'_>) -> Vec<Lane> {
        read(terms).unwrap().0.lanes
    }

    #[test]
    fn a_port_implies_tcp_and_a_message_implies_icmp() {
        let terms = Terms { port: Some("443"), ..Terms::default() };
        assert_eq!(lanes_of(terms), [Lane::Ports(Protocol::TCP, PortRanges::single(443))]);
        let terms = Terms { icmp: Icmp::Text("8"), ..Terms::default() };
        assert_eq!(lanes_of(terms), [Lane::Icmp(Protocol::ICMP, IcmpSet::kind(8))]);
        let terms = Terms { icmp: Icmp::Text("128/0"), family: Some(Family::V6), ..Terms::default() };
        assert_eq!(lanes_of(terms), [Lane::Icmp(Protocol::ICMPV6, IcmpSet::single(128, 0))]);
    }

    #[test]
    fn nothing_asks_for_everything() {
        let lanes = lanes_of(Terms::default());
        let others = PortSet::full().other_protocols().clone();
        assert_eq!(others.count(), 252);
        assert_eq!(lanes.len(), 5);
        assert_eq!(lanes.last(), Some(&Lane::Protocols(others)));
        assert_eq!(read(Terms::default()).unwrap().1.protocol, "all");
    }

    #[test]
    fn protocols_by_number_are_those_by_name() {
        for (text, shown) in
            [("6", "tcp"), ("TCP", "tcp"), ("1", "icmp"), ("58", "icmpv6"), ("50", "50"), ("all", "all")]
        {
            let terms = Terms { protocol: Some(text), ..Terms::default() };
            assert_eq!(read(terms).unwrap().1.protocol, shown);
        }
        let tcp = Terms { protocol: Some("tcp"), ..Terms::default() };
        assert_eq!(lanes_of(tcp), [Lane::Ports(Protocol::TCP, PortRanges::full())]);
    }

    #[test]
    fn ports_are_numbers_ranges_and_names() {
        let terms = Terms { port: Some("dns, 8000-8999,https"), protocol: Some("udp"), ..Terms::default() };
        let ports = PortRanges::from_ranges([(53, 53), (443, 443), (8000, 8999)]);
        assert_eq!(lanes_of(terms), [Lane::Ports(Protocol::UDP, ports)]);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let terms = Terms {
            protocol: Some("sctp"),
            port: Some("70000"),
            source_port: Some("99-9"),
            icmp: Icmp::Text("x"),
            family: None,
        };
        let complaints = parse(&terms, Names::Flags).unwrap_err();
        assert_eq!(
            complaints.errors,
            [
                "--port: `70000` is out of range 0-65535",
                "--source-port: range `99-9` is reversed",
                "--icmp: `x` is not an ICMP type such as `8`, or type and code such as `8/0`",
                "--protocol: `sctp` is not a protocol: tcp, udp, icmp, icmpv6 or a number",
            ]
        );
        assert_eq!(complaints.hints, ["`sctp` is protocol 132"]);
    }

    #[test]
    fn parts_must_go_together() {
        let error = |terms| read(terms).unwrap_err().join("; ");
        let terms = Terms { protocol: Some("icmp"), port: Some("443"), ..Terms::default() };
        assert_eq!(error(terms), "--port: a port needs protocol tcp or udp, and `icmp` has no ports");
        let terms = Terms { protocol: Some("all"), port: Some("443"), ..Terms::default() };
        assert_eq!(error(terms), "--port: a port needs protocol tcp or udp, and `all` means every protocol");
        let terms = Terms { protocol: Some("50"), source_port: Some("443"), ..Terms::default() };
        assert_eq!(error(terms), "--source-port: a source port needs protocol tcp or udp, and `50` has no ports");
        let terms = Terms { protocol: Some("tcp"), icmp: Icmp::Text("8"), ..Terms::default() };
        assert_eq!(error(terms), "--icmp: an ICMP type needs protocol icmp or icmpv6, and the protocol is `tcp`");
        let terms = Terms { port: Some("1"), icmp: Icmp::Text("8"), ..Terms::default() };
        assert_eq!(error(terms), "--icmp: an ICMP type needs protocol icmp or icmpv6, and the protocol is `tcp`");
        let terms = Terms { protocol: Some("icmp"), family: Some(Family::V6), ..Terms::default() };
        assert_eq!(error(terms), "--family: `icmp` is a protocol of IPv4; that of IPv6 is `icmpv6`");
        let terms = Terms { source_port: Some("1024-65535"), ..Terms::default() };
        assert!(read(terms).is_ok());
    }

    #[test]
    fn a_bad_port_is_named() {
        let error = |text| {
            let complaints = parse(&Terms { port: Some(text), ..Terms::default() }, Names::Keys).unwrap_err();
            [complaints.errors, complaints.hints].concat().join("; ")
        };
        assert_eq!(
            error("htpts"),
            "port: `htpts` is not a port, a range or the name of a service; did you mean `https`?"
        );
        assert_eq!(error("443,,80"), "port: `443,,80` has an empty item");
        assert_eq!(error(""), "port: no port is given");
        assert_eq!(error("-1"), "port: `-1` is not a number or a range such as `5-9`");
        assert_eq!(error("1-2-3"), "port: `1-2-3` is not a number or a range such as `5-9`");
        assert_eq!(error("none"), "port: `none` is not a port, a range or the name of a service");
    }

    #[test]
    fn messages_of_a_batch_line_come_in_two_keys() {
        let read = |kind, code| {
            let terms = Terms { protocol: Some("icmp"), icmp: Icmp::Parts(kind, code), ..Terms::default() };
            parse(&terms, Names::Keys).map(|(_, asked)| asked.icmp.unwrap_or_default()).map_err(|c| c.errors.join("; "))
        };
        assert_eq!(read(Some("8"), Some("0")).unwrap(), "8/0");
        assert_eq!(read(Some("8"), None).unwrap(), "8/*");
        assert_eq!(read(None, None).unwrap(), "");
        assert_eq!(read(None, Some("0")).unwrap_err(), "icmp_code: the code `0` says nothing without an `icmp_type`");
        assert_eq!(read(Some("300"), Some("0")).unwrap_err(), "icmp_type: `300` is out of range 0-255");
        assert_eq!(read(Some("8"), Some("300")).unwrap_err(), "icmp_code: `300` is out of range 0-255");
    }
}
