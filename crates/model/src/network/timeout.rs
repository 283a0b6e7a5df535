//! How long interfaces keep state for connections that say nothing (CT-12).

use super::interface::Instance;
use crate::aws::ConnectionTracking;

/// Idle timeouts in seconds, where they are set: `ConnectionTrackingConfiguration` of an interface.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdleTimeouts {
    /// `TcpEstablishedTimeout`.
    pub tcp_established: Option<u32>,
    /// `UdpTimeout`: one request, at most one response.
    pub udp: Option<u32>,
    /// `UdpStreamTimeout`: more than that.
    pub udp_stream: Option<u32>,
}

/// Families of instance types on Nitro v6, whose interfaces forget established TCP connections after 350 s.
const NITRO_V6: [&str; 20] = [
    "c8a", "c8gb", "c8gn", "c8i", "c8i-flex", "g7e", "i8ge", "m8a", "m8azn", "m8gb", "m8gn", "m8i", "m8i-flex",
    "p6-b200", "p6-b300", "r8a", "r8gb", "r8gn", "r8i", "r8i-flex",
];

impl IdleTimeouts {
    pub(super) fn of(value: &ConnectionTracking) -> Self {
        let seconds = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok());
        Self {
            tcp_established: seconds(value.tcp_established_timeout),
            udp: seconds(value.udp_timeout),
            udp_stream: seconds(value.udp_stream_timeout),
        }
    }

    /// AWS's defaults for the interfaces of an instance, or of a service (CT-12).
    pub fn defaults(instance: Option<&Instance>) -> Self {
        let family = instance.and_then(|instance| instance.instance_type.as_deref()?.split('.').next());
        let tcp = if family.is_some_and(|family| NITRO_V6.contains(&family)) { 350 } else { 432_000 };
        Self { tcp_established: Some(tcp), udp: Some(30), udp_stream: Some(180) }
    }

    /// These, and `other` where nothing is set here.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            tcp_established: self.tcp_established.or(other.tcp_established),
            udp: self.udp.or(other.udp),
            udp_stream: self.udp_stream.or(other.udp_stream),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ct12_what_an_interface_says_goes_before_the_defaults() {
        let own = IdleTimeouts { tcp_established: Some(600), ..IdleTimeouts::default() };
        let all = own.or(IdleTimeouts::defaults(None));
        assert_eq!((all.tcp_established, all.udp, all.udp_stream), (Some(600), Some(30), Some(180)));
    }
}
