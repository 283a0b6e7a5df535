//! Products of one set per header field.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::error::ParseError;
use crate::flow::{Flow, Transport};
use crate::icmp_set::IcmpSet;
use crate::interval_set::{IntervalSet, PortRanges};
use crate::ip_set::IpSet;
use crate::port_set::{Lane, PortSet};
use crate::protocol::{Family, Protocol};

/// A product of sets: all well-formed headers of which each field is in the set for that field.
///
/// Two rules say which headers those are where a plain product has combinations without meaning:
///
/// - both addresses of a header are of one family, so IPv4 sources pair only with IPv4
///   destinations, and IPv6 ones with IPv6 ones;
/// - `source_ports` constrains TCP and UDP headers only, as the others have no ports. A cube
///   without TCP and UDP lanes ignores it.
///
/// Several cubes can therefore stand for one set of headers, and `==` tells them apart;
/// [`Cube::normalized`] removes the parts that stand for no header.
///
/// The text form is `SOURCES -> DESTINATIONS : PORTS`, followed by ` from SOURCE_PORTS` unless
/// these are all ports: `10.0.0.0/8 -> 10.0.9.4 : tcp 443 from 1024-65535`. It parses back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cube {
    /// The source addresses.
    pub sources: IpSet,
    /// The destination addresses.
    pub destinations: IpSet,
    /// The protocols with their destination ports, or types and codes.
    pub ports: PortSet,
    /// The source ports, for TCP and UDP only.
    pub source_ports: PortRanges,
}

impl Cube {
    /// All well-formed headers.
    pub fn full() -> Self {
        Self::new(IpSet::full(), IpSet::full(), PortSet::full())
    }

    /// The product of these sets, from any source port.
    pub fn new(sources: IpSet, destinations: IpSet, ports: PortSet) -> Self {
        Self { sources, destinations, ports, source_ports: PortRanges::full() }
    }

    /// The cube that contains only `flow`; empty if the flow is not well formed.
    pub fn single(flow: &Flow) -> Self {
        let source_ports = match flow.transport {
            Transport::Ports { source, .. } => IntervalSet::single(source),
            Transport::Icmp { .. } | Transport::Opaque => PortRanges::full(),
        };
        let ports = PortSet::single(flow.protocol, &flow.transport);
        Self { source_ports, ..Self::new(flow.source.into(), flow.destination.into(), ports) }
    }

    /// Whether no header is in the cube.
    pub fn is_empty(&self) -> bool {
        !Family::ALL.into_iter().any(|family| self.has_family(family)) || !self.has_transport()
    }

    fn has_family(&self, family: Family) -> bool {
        self.sources.has_family(family) && self.destinations.has_family(family)
    }

    fn has_transport(&self) -> bool {
        self.ports.lanes().any(|lane| !matches!(lane, Lane::Ports(..)) || !self.source_ports.is_empty())
    }

    /// The same set of headers without the parts that stand for none, or `None` if that is all.
    ///
    /// Addresses of a family that only one side has are dropped, so are TCP and UDP lanes when
    /// there is no source port, and source ports become all ports when no lane has ports.
    pub fn normalized(mut self) -> Option<Self> {
        if self.is_empty() {
            return None;
        }
        if self.source_ports.is_empty() {
            self.ports = self.ports.without_ports();
        }
        if !self.ports.has_ports() {
            self.source_ports = PortRanges::full();
        }
        for (family, opposite) in [(Family::V4, Family::V6), (Family::V6, Family::V4)] {
            if !self.has_family(family) {
                self.sources = self.sources.of_family(opposite);
                self.destinations = self.destinations.of_family(opposite);
            }
        }
        Some(self)
    }

    /// The same set of headers as at most two disjoint cubes, normalized and of one family each,
    /// IPv4 first.
    pub fn by_family(self) -> impl Iterator<Item = Self> {
        Family::ALL.into_iter().filter_map(move |family| {
            let (sources, destinations) = (self.sources.of_family(family), self.destinations.of_family(family));
            let part =
                Self { sources, destinations, ports: self.ports.clone(), source_ports: self.source_ports.clone() };
            part.normalized()
        })
    }

    /// Whether `flow` is well formed and in the cube. `O(log w)` for `w` intervals.
    pub fn contains(&self, flow: &Flow) -> bool {
        let from_source_port = match flow.transport {
            Transport::Ports { source, .. } => self.source_ports.contains(source),
            Transport::Icmp { .. } | Transport::Opaque => true,
        };
        from_source_port
            && flow.is_well_formed()
            && self.sources.contains(flow.source)
            && self.destinations.contains(flow.destination)
            && self.ports.contains(flow)
    }

    /// Whether the two cubes have a header in common. Allocates nothing.
    pub fn intersects(&self, other: &Self) -> bool {
        let addresses = Family::ALL.into_iter().any(|family| {
            self.sources.intersects_in(&other.sources, family)
                && self.destinations.intersects_in(&other.destinations, family)
        });
        addresses
            && (self.ports.intersects_without_ports(&other.ports)
                || self.ports.intersects_with_ports(&other.ports) && self.source_ports.intersects(&other.source_ports))
    }

    /// The headers of both cubes, normalized, or `None` if there are none.
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        let both = Self {
            sources: self.sources.intersect(&other.sources),
            destinations: self.destinations.intersect(&other.destinations),
            ports: self.ports.intersect(&other.ports),
            source_ports: self.source_ports.intersect(&other.source_ports),
        };
        both.normalized()
    }

    /// The headers of `self` that are not in `other`, as at most four normalized and disjoint
    /// cubes: those of other sources, those left of other destinations, those left of other ports,
    /// and those left of other source ports.
    pub fn subtract(&self, other: &Self) -> Vec<Self> {
        if !self.intersects(other) {
            return self.clone().normalized().into_iter().collect();
        }
        let sources = self.sources.intersect(&other.sources);
        let destinations = self.destinations.intersect(&other.destinations);
        let outside_sources = Self { sources: self.sources.subtract(&other.sources), ..self.clone() };
        let outside_destinations = Self {
            sources: sources.clone(),
            destinations: self.destinations.subtract(&other.destinations),
            ..self.clone()
        };
        let outside_ports = Self {
            sources: sources.clone(),
            destinations: destinations.clone(),
            ports: self.ports.subtract(&other.ports),
            source_ports: self.source_ports.clone(),
        };
        let outside_source_ports = Self {
            sources,
            destinations,
            // Headers without ports are in `other` whatever its source ports.
            ports: self.ports.intersect(&other.ports).with_ports(),
            source_ports: self.source_ports.subtract(&other.source_ports),
        };
        [outside_sources, outside_destinations, outside_ports, outside_source_ports]
            .into_iter()
            .filter_map(Self::normalized)
            .collect()
    }

    /// Some header of the cube, the same for equal cubes; `None` if there is none.
    ///
    /// It is one that a person expects where there is a choice: IPv4 before IPv6, the smallest
    /// addresses, the smallest destination port that is not 0, TCP before UDP before ICMP before the rest, the ICMP of the
    /// address family, an echo request before other messages, and a source port that clients use.
    pub fn witness(&self) -> Option<Flow> {
        self.witness_among(false).or_else(|| self.witness_among(true))
    }

    /// As [`Cube::witness`], with or without the ICMP of the other address family.
    pub(crate) fn witness_among(&self, foreign_icmp: bool) -> Option<Flow> {
        Family::ALL.into_iter().find_map(|family| {
            let ends = (self.sources.first_in(family)?, self.destinations.first_in(family)?);
            let foreign = if family == Family::V4 { Protocol::ICMPV6 } else { Protocol::ICMP };
            self.ports
                .lanes()
                .filter(|lane| foreign_icmp || !matches!(lane, Lane::Icmp(protocol, _) if *protocol == foreign))
                .find_map(|lane| self.witness_in(lane, ends))
        })
    }

    fn witness_in(&self, lane: Lane<'_>, (source, destination): (IpAddr, IpAddr)) -> Option<Flow> {
        let (protocol, transport) = match lane {
            Lane::Ports(protocol, ports) => {
                let source = client_port(&self.source_ports)?;
                (protocol, Transport::Ports { source, destination: ports.first_from(1).or(ports.first())? })
            }
            Lane::Icmp(protocol, messages) => {
                let (kind, code) = message(protocol, messages)?;
                (protocol, Transport::Icmp { kind, code })
            }
            Lane::Other(numbers) => (Protocol::new(numbers.first()?), Transport::Opaque),
        };
        Some(Flow { source, destination, protocol, transport })
    }
}

/// The smallest port that common systems give to clients, or else the smallest that needs no
/// privilege, or else the smallest.
fn client_port(ports: &PortRanges) -> Option<u16> {
    [32768, 1024, 0].into_iter().find_map(|low| ports.first_from(low))
}

/// An echo request if there is one, or else the first message.
fn message(protocol: Protocol, messages: &IcmpSet) -> Option<(u8, u8)> {
    let echo = if protocol == Protocol::ICMP { 8 } else { 128 };
    if messages.contains(echo, 0) { Some((echo, 0)) } else { messages.first() }
}

impl fmt::Display for Cube {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sources, destinations, ports, source_ports } = self;
        write!(f, "{sources} -> {destinations} : {ports}")?;
        if source_ports.is_full() { Ok(()) } else { write!(f, " from {source_ports}") }
    }
}

/// Parses the text form. Fails when a separator is missing or one of the sets does not parse.
impl FromStr for Cube {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: &str = "a set of flows such as `10.0.0.0/8 -> 10.0.9.4 : tcp 443 from 1024-65535`";
        let text = text.trim();
        if text.is_empty() {
            return Err(ParseError::empty("a set of flows"));
        }
        let malformed = || ParseError::malformed(text, EXPECTED);
        let (sources, rest) = text.split_once("->").ok_or_else(malformed)?;
        // IPv6 addresses have colons too, but none that stands alone.
        let (destinations, rest) = rest.split_once(" : ").ok_or_else(malformed)?;
        let (ports, source_ports) = match rest.split_once(" from ") {
            Some((ports, source_ports)) => (ports, source_ports.parse()?),
            None => (rest, PortRanges::full()),
        };
        Ok(Self { source_ports, ..Self::new(sources.parse()?, destinations.parse()?, ports.parse()?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cube(text: &str) -> Cube {
        text.parse().unwrap()
    }

    #[test]
    fn text_round_trips() {
        for text in [
            "10.0.0.0/8 -> 10.0.9.4 : tcp 443 from 1024-65535",
            "0.0.0.0/0,::/0 -> 0.0.0.0/0,::/0 : all",
            "2600:: -> :: : icmpv6 *; other 50",
            "none -> none : none from none",
        ] {
            assert_eq!(cube(text).to_string(), text);
        }
    }

    #[test]
    fn bad_text_is_refused() {
        let error = |text: &str| text.parse::<Cube>().unwrap_err().to_string();
        for text in ["10.0.0.0/8 : tcp 443", "10.0.0.0/8 -> ::1:tcp 443", "x"] {
            assert!(error(text).contains("is not a set of flows such as"), "{text}");
        }
        assert_eq!(error("10.0.0.1 -> 10.0.0.2 : tcp 1 from 70000"), "`70000` is out of range 0-65535");
        assert_eq!(error("10.0.0.1 ->  : tcp 1"), "empty text where a list of addresses and blocks is expected");
    }

    #[test]
    fn families_do_not_mix() {
        assert!(cube("10.0.0.1 -> ::1 : all").is_empty());
        assert_eq!(cube("10.0.0.1 -> ::1 : all").normalized(), None);
        let normalized = cube("10.0.0.1,::1 -> ::2 : all").normalized();
        assert_eq!(normalized, Some(cube("::1 -> ::2 : all")));
        assert!(!cube("10.0.0.1 -> ::1 : all").intersects(&Cube::full()));
        let parts: Vec<Cube> = cube("10.0.0.1,::1 -> 10.0.0.2,::2 : tcp 1").by_family().collect();
        assert_eq!(parts, ["10.0.0.1 -> 10.0.0.2 : tcp 1", "::1 -> ::2 : tcp 1"].map(cube));
    }

    #[test]
    fn source_ports_constrain_headers_with_ports_only() {
        let set = cube("10.0.0.1 -> 10.0.0.2 : tcp 1; icmp 8/0 from none");
        assert_eq!(set.clone().normalized(), Some(cube("10.0.0.1 -> 10.0.0.2 : icmp 8/0")));
        assert!(set.contains(&"icmp 10.0.0.1 -> 10.0.0.2 8/0".parse().unwrap()));
        assert!(!set.contains(&"tcp 10.0.0.1:1 -> 10.0.0.2:1".parse().unwrap()));
        let low = cube("10.0.0.1 -> 10.0.0.2 : tcp 1; icmp 8/0 from 0-1023");
        let high = cube("10.0.0.1 -> 10.0.0.2 : tcp 1; icmp 8/0 from 1024-65535");
        assert_eq!(low.intersect(&high), Some(cube("10.0.0.1 -> 10.0.0.2 : icmp 8/0")));
        assert_eq!(low.subtract(&high), [cube("10.0.0.1 -> 10.0.0.2 : tcp 1 from 0-1023")]);
    }

    #[test]
    fn subtraction_leaves_four_pieces() {
        let whole = cube("10.0.0.0/31 -> 10.0.0.0/31 : tcp 1-2 from 1-2");
        let pieces = whole.subtract(&cube("10.0.0.0 -> 10.0.0.0 : tcp 1 from 1"));
        let expected = [
            "10.0.0.1 -> 10.0.0.0/31 : tcp 1-2 from 1-2",
            "10.0.0.0 -> 10.0.0.1 : tcp 1-2 from 1-2",
            "10.0.0.0 -> 10.0.0.0 : tcp 2 from 1-2",
            "10.0.0.0 -> 10.0.0.0 : tcp 1 from 2",
        ];
        assert_eq!(pieces, expected.map(cube));
        assert_eq!(whole.subtract(&cube("::/0 -> ::/0 : all")), std::slice::from_ref(&whole));
        assert!(whole.subtract(&Cube::full()).is_empty());
    }

    #[test]
    fn witnesses_are_what_a_person_expects() {
        let witness = |text: &str| cube(text).witness().map(|flow| flow.to_string());
        let expect = |text: &str, flow: &str| assert_eq!(witness(text).as_deref(), Some(flow), "{text}");
        expect("0.0.0.0/0,::/0 -> 10.0.0.2 : tcp 22,443", "tcp 0.0.0.0:32768 -> 10.0.0.2:22");
        expect("10.0.0.1 -> 10.0.0.2 : udp 53 from 0-2000", "udp 10.0.0.1:1024 -> 10.0.0.2:53");
        expect("10.0.0.1 -> 10.0.0.2 : udp 53 from 7-9", "udp 10.0.0.1:7 -> 10.0.0.2:53");
        expect("::1 -> ::2 : icmp *; icmpv6 *", "icmpv6 ::1 -> ::2 128/0");
        expect("10.0.0.1 -> 10.0.0.2 : icmp 3-9/*", "icmp 10.0.0.1 -> 10.0.0.2 8/0");
        expect("10.0.0.1,::1 -> 10.0.0.2,::2 : icmpv6 1/3", "icmpv6 ::1 -> ::2 1/3");
        expect("10.0.0.1 -> 10.0.0.2 : icmpv6 1/3", "icmpv6 10.0.0.1 -> 10.0.0.2 1/3");
        expect("10.0.0.1 -> 10.0.0.2 : tcp 1; other 50 from none", "50 10.0.0.1 -> 10.0.0.2");
        assert_eq!(witness("10.0.0.1 -> 10.0.0.2 : tcp 1 from none"), None);
    }

    #[test]
    fn single_flows() {
        for text in ["tcp 10.0.0.1:5 -> 10.0.0.2:443", "icmp 10.0.0.1 -> 10.0.0.2 3/4", "50 ::1 -> ::2"] {
            let flow: Flow = text.parse().unwrap();
            assert!(Cube::single(&flow).contains(&flow));
            assert_eq!(Cube::single(&flow).witness(), Some(flow));
        }
        let odd = Flow {
            transport: Transport::Opaque,
            ..Flow::tcp("10.0.0.1:1".parse().unwrap(), "10.0.0.2:2".parse().unwrap())
        };
        assert!(Cube::single(&odd).is_empty());
        assert!(!Cube::full().contains(&odd));
    }
}
