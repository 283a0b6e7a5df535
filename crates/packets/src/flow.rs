//! One concrete packet header.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::error::{ParseError, snippet};
use crate::protocol::{Family, Protocol};
use crate::text;

/// What a header carries past its addresses and protocol number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// The ports of a TCP or UDP header.
    Ports {
        /// The port that the packet was sent from.
        source: u16,
        /// The port that the packet is sent to.
        destination: u16,
    },
    /// The type and code of an ICMP or ICMPv6 message.
    Icmp {
        /// The message's type.
        kind: u8,
        /// The message's code, which refines its type.
        code: u8,
    },
    /// Nothing that is looked at: every other protocol.
    Opaque,
}

/// One concrete header: a single point of the header space.
///
/// The text forms are `tcp 10.0.1.7:32768 -> 10.0.9.4:443`, with IPv6 addresses before a port in
/// brackets, `icmp 10.0.1.7 -> 10.0.9.4 8/0` with type and code, and `50 10.0.0.1 -> 10.0.0.2`.
/// Well-formed flows parse back from what they print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// The address that the packet was sent from.
    pub source: IpAddr,
    /// The address that the packet is sent to.
    pub destination: IpAddr,
    /// The protocol number.
    pub protocol: Protocol,
    /// Ports, or type and code.
    pub transport: Transport,
}

impl Flow {
    /// A TCP header between two sockets.
    pub fn tcp(source: SocketAddr, destination: SocketAddr) -> Self {
        Self::with_ports(Protocol::TCP, source, destination)
    }

    /// A UDP header between two sockets.
    pub fn udp(source: SocketAddr, destination: SocketAddr) -> Self {
        Self::with_ports(Protocol::UDP, source, destination)
    }

    fn with_ports(protocol: Protocol, source: SocketAddr, destination: SocketAddr) -> Self {
        let transport = Transport::Ports { source: source.port(), destination: destination.port() };
        Self { source: source.ip(), destination: destination.ip(), protocol, transport }
    }

    /// The family of the addresses; that of the source, should they differ.
    pub fn family(&self) -> Family {
        Family::of(self.source)
    }

    /// The destination port of a TCP or UDP header, and `None` for others.
    pub fn destination_port(&self) -> Option<u16> {
        match self.transport {
            Transport::Ports { destination, .. } => Some(destination),
            Transport::Icmp { .. } | Transport::Opaque => None,
        }
    }

    /// Whether a packet can carry this header: both addresses are of one family, and the
    /// transport is the one of the protocol. No flow set contains a flow that is not well formed.
    ///
    /// ICMP over IPv6 and ICMPv6 over IPv4 count as well formed: they are unusual but can be sent.
    pub fn is_well_formed(&self) -> bool {
        let transport_fits = match self.transport {
            Transport::Ports { .. } => self.protocol.has_ports(),
            Transport::Icmp { .. } => self.protocol.is_icmp(),
            Transport::Opaque => !self.protocol.has_ports() && !self.protocol.is_icmp(),
        };
        transport_fits && Family::of(self.source) == Family::of(self.destination)
    }

    /// The header of the answer to this packet: addresses and ports swapped, and an ICMP request
    /// turned into the reply of the same code.
    ///
    /// Echo, timestamp, information and address mask are the requests of ICMP, and echo is that
    /// of ICMPv6. All other ICMP messages have no answer, so the result is `None`.
    pub fn reversed(&self) -> Option<Self> {
        let transport = match self.transport {
            Transport::Ports { source, destination } => Transport::Ports { source: destination, destination: source },
            Transport::Icmp { kind, code } => Transport::Icmp { kind: reply_kind(self.protocol, kind)?, code },
            Transport::Opaque => Transport::Opaque,
        };
        Some(Self { source: self.destination, destination: self.source, protocol: self.protocol, transport })
    }
}

/// The ICMP type that answers the request type `kind`, if it is one.
fn reply_kind(protocol: Protocol, kind: u8) -> Option<u8> {
    match (protocol, kind) {
        (Protocol::ICMP, 8) => Some(0),
        (Protocol::ICMP, 13) => Some(14),
        (Protocol::ICMP, 15) => Some(16),
        (Protocol::ICMP, 17) => Some(18),
        (Protocol::ICMPV6, 128) => Some(129),
        _ => None,
    }
}

impl fmt::Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, destination, protocol, transport } = self;
        match *transport {
            Transport::Ports { source: from, destination: to } => {
                let (source, destination) = (SocketAddr::new(*source, from), SocketAddr::new(*destination, to));
                write!(f, "{protocol} {source} -> {destination}")
            }
            Transport::Icmp { kind, code } => write!(f, "{protocol} {source} -> {destination} {kind}/{code}"),
            Transport::Opaque => write!(f, "{protocol} {source} -> {destination}"),
        }
    }
}

/// Parses the text form. Fails unless the flow is well formed.
impl FromStr for Flow {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: &str = "a flow such as `tcp 10.0.1.7:32768 -> 10.0.9.4:443` or `icmp 10.0.1.7 -> 10.0.9.4 8/0`";
        let malformed = || ParseError::malformed(text.trim(), EXPECTED);
        let mut words = text.split_whitespace();
        let protocol: Protocol = words.next().ok_or(ParseError::empty("a flow"))?.parse()?;
        let source = words.next().ok_or_else(malformed)?;
        if words.next() != Some("->") {
            return Err(malformed());
        }
        let destination = words.next().ok_or_else(malformed)?;
        let message = words.next();
        // Only ICMP has a sixth part, and nothing has a seventh.
        if message.is_some() != protocol.is_icmp() || words.next().is_some() {
            return Err(malformed());
        }
        let flow = if protocol.has_ports() {
            Self::with_ports(protocol, socket(source)?, socket(destination)?)
        } else {
            let transport = match message {
                Some(message) => {
                    let (kind, code) = message.split_once('/').ok_or_else(malformed)?;
                    let number = |part| text::number(part, "an icmp type or code");
                    Transport::Icmp { kind: number(kind)?, code: number(code)? }
                }
                None => Transport::Opaque,
            };
            Self { source: address(source)?, destination: address(destination)?, protocol, transport }
        };
        if Family::of(flow.source) != Family::of(flow.destination) {
            return Err(ParseError::MixedFamilies { text: snippet(text.trim()) });
        }
        Ok(flow)
    }
}

fn socket(text: &str) -> Result<SocketAddr, ParseError> {
    const EXPECTED: &str = "an address and port such as `10.0.1.7:443` or `[2600::1]:443`";
    // A zone is local to one machine and is in no header, so it is refused rather than dropped.
    if text.contains('%') {
        return Err(ParseError::malformed(text, EXPECTED));
    }
    text.parse().map_err(|_| ParseError::malformed(text, EXPECTED))
}

fn address(text: &str) -> Result<IpAddr, ParseError> {
    text.parse().map_err(|_| ParseError::malformed(text, "an IP address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(text: &str) -> Flow {
        text.parse().unwrap()
    }

    #[test]
    fn text_round_trips() {
        for text in [
            "tcp 10.0.1.7:32768 -> 10.0.9.4:443",
            "udp [2600::1]:53 -> [2600::2]:53",
            "icmp 10.0.1.7 -> 10.0.9.4 8/0",
            "icmpv6 2600::1 -> 2600::2 128/0",
            "50 10.0.0.1 -> 10.0.0.2",
            "0 ::1 -> ::",
        ] {
            assert_eq!(flow(text).to_string(), text);
            assert!(flow(text).is_well_formed());
        }
        assert_eq!(flow(" 6  10.0.0.1:1 ->\t10.0.0.2:2 ").to_string(), "tcp 10.0.0.1:1 -> 10.0.0.2:2");
    }

    #[test]
    fn bad_text_is_refused() {
        let error = |text: &str| text.parse::<Flow>().unwrap_err().to_string();
        assert_eq!(error(" "), "empty text where a flow is expected");
        assert_eq!(error("tcp 10.0.0.1:1 -> [::1]:2"), "`tcp 10.0.0.1:1 -> [::1]:2` mixes IPv4 and IPv6 addresses");
        assert_eq!(
            error("tcp 10.0.0.1 -> 10.0.0.2:1"),
            "`10.0.0.1` is not an address and port such as `10.0.1.7:443` or `[2600::1]:443`"
        );
        assert_eq!(error("50 10.0.0.1:1 -> 10.0.0.2"), "`10.0.0.1:1` is not an IP address");
        assert_eq!(error("icmp 10.0.0.1 -> 10.0.0.2 8/300"), "`300` is out of range 0-255");
        for text in [
            "icmp 10.0.0.1 -> 10.0.0.2",
            "icmp 10.0.0.1 -> 10.0.0.2 8",
            "tcp 10.0.0.1:1 => 10.0.0.2:1",
            "tcp 10.0.0.1:1 -> 10.0.0.2:1 8/0",
            "tcp 10.0.0.1:1",
            "50 10.0.0.1 -> 10.0.0.2 x y",
        ] {
            assert!(error(text).contains("is not a flow such as"), "{text}");
        }
        assert!(text_is_refused("tcp [fe80::1%2]:1 -> [fe80::2]:1"));
    }

    fn text_is_refused(text: &str) -> bool {
        text.parse::<Flow>().is_err()
    }

    #[test]
    fn reversal() {
        let reversed = |text: &str| flow(text).reversed().map(|flow| flow.to_string());
        assert_eq!(reversed("tcp 10.0.0.1:9 -> 10.0.0.2:443").unwrap(), "tcp 10.0.0.2:443 -> 10.0.0.1:9");
        assert_eq!(reversed("50 10.0.0.1 -> 10.0.0.2").unwrap(), "50 10.0.0.2 -> 10.0.0.1");
        for (request, reply) in [(8, 0), (13, 14), (15, 16), (17, 18)] {
            let answer = reversed(&format!("icmp 10.0.0.1 -> 10.0.0.2 {request}/0")).unwrap();
            assert_eq!(answer, format!("icmp 10.0.0.2 -> 10.0.0.1 {reply}/0"));
        }
        assert_eq!(reversed("icmpv6 ::1 -> ::2 128/0").unwrap(), "icmpv6 ::2 -> ::1 129/0");
        assert_eq!(reversed("icmp 10.0.0.1 -> 10.0.0.2 0/0"), None);
        assert_eq!(reversed("icmp 10.0.0.1 -> 10.0.0.2 128/0"), None);
        assert_eq!(reversed("icmpv6 ::1 -> ::2 8/0"), None);
    }

    #[test]
    fn ill_formed_flows_are_told() {
        let mut odd = flow("tcp 10.0.0.1:9 -> 10.0.0.2:443");
        assert_eq!((odd.destination_port(), odd.family()), (Some(443), Family::V4));
        odd.transport = Transport::Opaque;
        assert_eq!(odd.destination_port(), None);
        assert!(!odd.is_well_formed());
        odd.protocol = Protocol::new(50);
        assert!(odd.is_well_formed());
        odd.destination = "::1".parse().unwrap();
        assert!(!odd.is_well_formed());
    }
}
