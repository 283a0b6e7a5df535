//! Address families and protocol numbers.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::error::ParseError;
use crate::text;

/// The version of the internet protocol that an address belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4, with addresses of 32 bits.
    V4,
    /// IPv6, with addresses of 128 bits.
    V6,
}

impl Family {
    /// Both families, IPv4 first.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The family of `address`. An IPv4 address mapped into IPv6 is of the family [`Family::V6`],
    /// since that is how it stands in a header.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }
}

/// Prints `IPv4` or `IPv6`.
impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// The protocol number of a header: what follows the internet protocol.
///
/// The text form is `tcp`, `udp`, `icmp` or `icmpv6`, and the decimal number for all others. When
/// parsed, names match in any case and those four may be written as numbers too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(u8);

impl Protocol {
    /// The internet control message protocol of IPv4, number 1.
    pub const ICMP: Self = Self(1);
    /// The transmission control protocol, number 6.
    pub const TCP: Self = Self(6);
    /// The user datagram protocol, number 17.
    pub const UDP: Self = Self(17);
    /// The internet control message protocol of IPv6, number 58.
    pub const ICMPV6: Self = Self(58);

    /// The protocols with a name, in the order in which sets print them.
    pub(crate) const NAMED: [(Self, &'static str); 4] =
        [(Self::TCP, "tcp"), (Self::UDP, "udp"), (Self::ICMP, "icmp"), (Self::ICMPV6, "icmpv6")];

    /// The protocol with this number.
    pub const fn new(number: u8) -> Self {
        Self(number)
    }

    /// The protocol's number.
    pub const fn number(self) -> u8 {
        self.0
    }

    /// Whether headers of this protocol carry a source and a destination port here: TCP and UDP.
    pub const fn has_ports(self) -> bool {
        matches!(self, Self::TCP | Self::UDP)
    }

    /// Whether headers of this protocol carry a type and a code: both versions of ICMP.
    pub const fn is_icmp(self) -> bool {
        matches!(self, Self::ICMP | Self::ICMPV6)
    }

    /// The protocol's name, for the four that have one.
    pub fn name(self) -> Option<&'static str> {
        Self::NAMED.into_iter().find_map(|(protocol, name)| (protocol == self).then_some(name))
    }
}

/// Prints the name, or the number of a protocol without one.
impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.0),
        }
    }
}

/// Parses a name in any case, or a number. Fails on unknown names and on numbers above 255.
impl FromStr for Protocol {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        const EXPECTED: &str = "a protocol: tcp, udp, icmp, icmpv6 or a number";
        if text.is_empty() {
            return Err(ParseError::empty(EXPECTED));
        }
        match Self::NAMED.into_iter().find(|(_, name)| name.eq_ignore_ascii_case(text)) {
            Some((protocol, _)) => Ok(protocol),
            None => text::number(text, EXPECTED).map(Self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for number in 0..=255 {
            let protocol = Protocol::new(number);
            assert_eq!(protocol.to_string().parse(), Ok(protocol));
            assert_eq!(number.to_string().parse(), Ok(protocol));
        }
        assert_eq!("TcP".parse(), Ok(Protocol::TCP));
        assert_eq!("ICMPv6".parse(), Ok(Protocol::ICMPV6));
        assert_eq!(Protocol::new(47).to_string(), "47");
    }

    #[test]
    fn bad_text_is_refused() {
        let error = |text: &str| text.parse::<Protocol>().unwrap_err().to_string();
        assert_eq!(error("sctp"), "`sctp` is not a protocol: tcp, udp, icmp, icmpv6 or a number");
        assert_eq!(error("-1"), "`-1` is not a protocol: tcp, udp, icmp, icmpv6 or a number");
        assert_eq!(error("+6"), "`+6` is not a protocol: tcp, udp, icmp, icmpv6 or a number");
        assert_eq!(error("256"), "`256` is out of range 0-255");
        assert_eq!(error(""), "empty text where a protocol: tcp, udp, icmp, icmpv6 or a number is expected");
    }

    #[test]
    fn kinds_of_protocols() {
        assert!(Protocol::TCP.has_ports() && Protocol::UDP.has_ports());
        assert!(!Protocol::ICMP.has_ports() && Protocol::ICMP.is_icmp() && Protocol::ICMPV6.is_icmp());
        assert!(!Protocol::new(132).has_ports() && !Protocol::new(132).is_icmp());
    }

    #[test]
    fn mapped_addresses_are_v6() {
        assert_eq!(Family::of("::ffff:10.0.0.1".parse().unwrap()), Family::V6);
        assert_eq!(Family::of("10.0.0.1".parse().unwrap()).to_string(), "IPv4");
    }
}
