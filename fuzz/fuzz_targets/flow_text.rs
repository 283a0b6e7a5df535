//! Text forms: what parses must print to something that parses to the same value.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reach_packets::{Flow, FlowSet, IpSet, PortRanges, PortSet};

fuzz_target!(|text: &str| {
    if let Ok(flow) = text.parse::<Flow>() {
        assert_eq!(flow.to_string().parse::<Flow>(), Ok(flow));
    }
    if let Ok(ports) = text.parse::<PortRanges>() {
        assert_eq!(ports.to_string().parse::<PortRanges>(), Ok(ports));
    }
    if let Ok(ports) = text.parse::<PortSet>() {
        assert_eq!(ports.to_string().parse::<PortSet>(), Ok(ports));
    }
    if let Ok(addresses) = text.parse::<IpSet>() {
        assert_eq!(addresses.to_string().parse::<IpSet>(), Ok(addresses));
    }
    if let Ok(flows) = text.parse::<FlowSet>() {
        let again = flows.to_string().parse::<FlowSet>();
        assert!(again.is_ok_and(|again| again.equivalent(&flows)));
    }
});
