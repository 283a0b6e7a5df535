//! What a rule has to admit: the headers that were asked and do not pass, in the forms that AWS's rules have.

use reach_packets::{Family, Flow, IcmpSet, PortRanges, PortSet, Protocol};

use crate::pair::{Allowed, AllowedPorts, Ask};
use crate::question::{Group, Question};
use crate::simulate::icmp_reply;

/// More protocols without ports than this are one rule for everything.
const LISTED: u128 = 8;

/// Protocol and ports of one rule; `None` in both for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Form {
    /// `None` for every protocol.
    pub(super) protocol: Option<Protocol>,
    /// Ports, or type and code of ICMP, where -1 stands for any.
    pub(super) ports: Option<(i32, i32)>,
}

/// Everything that exists in a family.
fn everything(family: Family) -> PortSet {
    let all = PortSet::full();
    match family {
        Family::V4 => all.subtract(&PortSet::icmpv6(IcmpSet::full())),
        Family::V6 => all.subtract(&PortSet::icmp(IcmpSet::full())),
    }
}

fn allowed(allowed: &Allowed) -> PortSet {
    match &allowed.what {
        AllowedPorts::Ports(Protocol::UDP, ports) => PortSet::udp(ports.clone()),
        AllowedPorts::Ports(_, ports) => PortSet::tcp(ports.clone()),
        AllowedPorts::Icmp(Protocol::ICMPV6, messages) => PortSet::icmpv6(messages.clone()),
        AllowedPorts::Icmp(_, messages) => PortSet::icmp(messages.clone()),
        AllowedPorts::Protocols(numbers) => PortSet::protocols(numbers),
    }
}

/// What was asked in the family of a packet.
pub(super) fn asked(ask: &Ask, family: Family) -> PortSet {
    ask.headers().intersect(&everything(family))
}

/// What was asked of a group's pairs and does not pass, as the destination sees it (behind a service's port mapping its
/// target ports, EK-42).
pub(super) fn missing(question: &Question, group: &Group, family: Family) -> PortSet {
    let asked = asked(&question.ask, family);
    let passing = group.answer.allowed.iter().fold(PortSet::empty(), |all, some| all.union(&allowed(some)));
    let missing = asked.subtract(&passing);
    // Where replies of some of the client's ports do not come back, all that was asked is in need of them.
    let missing = if missing.is_empty() { asked } else { missing };
    let mut mapped: Option<PortSet> = None;
    for to in question.to.iter().filter(|to| to.ports.is_some() && group.to.contains(&to.endpoint)) {
        for (protocol, port, target) in to.ports.iter().flatten() {
            let of = |port: u16| {
                let ports = PortRanges::single(port);
                if *protocol == Protocol::UDP { PortSet::udp(ports) } else { PortSet::tcp(ports) }
            };
            if of(*port).is_subset(&missing) {
                mapped = Some(mapped.unwrap_or_else(PortSet::empty).union(&of(*target)));
            }
        }
    }
    mapped.unwrap_or(missing)
}

/// The answers to requests (M-3).
pub(super) fn answers(family: Family, messages: &IcmpSet) -> Vec<Form> {
    let protocol = if family == Family::V4 { Protocol::ICMP } else { Protocol::ICMPV6 };
    let kinds = (0..=u8::MAX).filter(|kind| messages.intersects(&IcmpSet::kind(*kind)));
    let kinds: Vec<u8> = kinds.filter_map(|kind| icmp_reply(family, kind)).collect();
    match kinds.as_slice() {
        [kind] => vec![Form { protocol: Some(protocol), ports: Some((i32::from(*kind), -1)) }],
        _ => vec![Form { protocol: Some(protocol), ports: Some((-1, -1)) }],
    }
}

/// The ports of one protocol.
pub(super) fn port_forms(protocol: Protocol, ports: &PortRanges) -> Vec<Form> {
    let ranges = ports.iter_ranges();
    ranges
        .map(|(low, high)| Form { protocol: Some(protocol), ports: Some((i32::from(low), i32::from(high))) })
        .collect()
}

/// As few rules as can be that admit `missing` and nothing that was not asked.
pub(super) fn forms(missing: &PortSet, asked: &PortSet, family: Family) -> Vec<Form> {
    if everything(family).is_subset(asked) && !missing.other_protocols().is_empty() {
        return vec![Form { protocol: None, ports: None }];
    }
    let mut forms = Vec::new();
    let lanes = [
        (Protocol::TCP, missing.tcp_ports(), asked.tcp_ports()),
        (Protocol::UDP, missing.udp_ports(), asked.udp_ports()),
    ];
    for (protocol, missing, asked) in lanes {
        forms.extend(port_forms(protocol, &bridged(missing, asked)));
    }
    for (protocol, messages) in
        [(Protocol::ICMP, missing.icmp_messages()), (Protocol::ICMPV6, missing.icmpv6_messages())]
    {
        forms.extend(message_forms(protocol, messages));
    }
    let others = missing.other_protocols();
    if others.count() > LISTED {
        forms.push(Form { protocol: None, ports: None });
    } else {
        let numbers = others.iter_ranges().flat_map(|(low, high)| low..=high);
        forms.extend(numbers.map(|number| Form { protocol: Some(Protocol::new(number)), ports: None }));
    }
    forms
}

/// Ranges joined over ports that were asked, too, and pass already.
fn bridged(missing: &PortRanges, asked: &PortRanges) -> PortRanges {
    let mut joined: Vec<(u16, u16)> = Vec::new();
    for (low, high) in missing.iter_ranges() {
        match joined.last_mut() {
            Some((first, last)) if asked.contains_set(&PortRanges::range(*first, high)) => *last = high,
            _ => joined.push((low, high)),
        }
    }
    PortRanges::from_ranges(joined)
}

fn message_forms(protocol: Protocol, messages: &IcmpSet) -> Vec<Form> {
    let form = |kind: i32, code: i32| Form { protocol: Some(protocol), ports: Some((kind, code)) };
    if messages.is_full() {
        return vec![form(-1, -1)];
    }
    let mut forms = Vec::new();
    for kind in 0..=u8::MAX {
        let own = messages.intersect(&IcmpSet::kind(kind));
        if own == IcmpSet::kind(kind) {
            forms.push(form(i32::from(kind), -1));
        } else {
            let codes = own.points().iter_ranges().flat_map(|(low, high)| low..=high);
            forms.extend(codes.map(|point| form(i32::from(kind), i32::from(point & 0xff))));
        }
    }
    forms
}

/// Whether a packet is one of ICMP.
pub(super) fn is_icmp(packet: &Flow) -> bool {
    packet.protocol.is_icmp()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(text: &str) -> PortSet {
        PortSet::tcp(text.parse().unwrap())
    }

    fn shown(missing: &str, asked: &str) -> Vec<(i32, i32)> {
        forms(&tcp(missing), &tcp(asked), Family::V4).into_iter().filter_map(|form| form.ports).collect()
    }

    #[test]
    fn ranges_are_joined_over_what_was_asked_and_passes() {
        assert_eq!(shown("0-79,81-65535", "0-65535"), [(0, 65535)]);
        assert_eq!(shown("53,443", "53,443"), [(53, 53), (443, 443)]);
        assert_eq!(shown("8000,8002", "443,8000-8002"), [(8000, 8002)]);
    }

    #[test]
    fn everything_is_one_rule() {
        let all = everything(Family::V4);
        assert_eq!(forms(&all, &all, Family::V4), [Form { protocol: None, ports: None }]);
        let echo = PortSet::icmp(IcmpSet::kind(8).union(&IcmpSet::single(3, 4)));
        let ports: Vec<_> = forms(&echo, &echo, Family::V4).into_iter().filter_map(|form| form.ports).collect();
        assert_eq!(ports, [(3, 4), (8, -1)]);
    }

    #[test]
    fn the_answer_to_an_echo_is_an_echo_reply() {
        let form = Form { protocol: Some(Protocol::ICMP), ports: Some((0, -1)) };
        assert_eq!(answers(Family::V4, &IcmpSet::single(8, 0)), [form]);
    }
}
