//! Any two selectors on a small account: an error or an answer, never a panic.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use reach_engine::pair::{Ask, Lane};
use reach_model::Network;
use reach_model::import::import_documents;
use reach_packets::{PortRanges, Protocol};

const ACCOUNT: &str = r#"{"Vpcs": [{"VpcId": "vpc-1", "CidrBlock": "10.0.0.0/16"}],
 "Subnets": [{"SubnetId": "subnet-1", "VpcId": "vpc-1", "CidrBlock": "10.0.1.0/24"}],
 "NetworkInterfaces": [{"NetworkInterfaceId": "eni-1", "SubnetId": "subnet-1", "VpcId": "vpc-1",
   "Description": "Amazon EKS one", "PrivateIpAddress": "10.0.1.10", "Groups": [{"GroupId": "sg-1"}]}],
 "SecurityGroups": [{"GroupId": "sg-1", "VpcId": "vpc-1"}]}"#;

static NETWORK: OnceLock<Option<Network>> = OnceLock::new();

fuzz_target!(|text: &str| {
    let network = NETWORK.get_or_init(|| {
        let snapshot = import_documents([("account.json", ACCOUNT.as_bytes())]).ok()?;
        reach_model::network::build(&snapshot).ok()
    });
    let (Some(network), Some((from, to))) = (network, text.split_once('\n')) else { return };
    let lanes = vec![Lane::Ports(Protocol::TCP, PortRanges::single(443))];
    let ask = Ask { lanes, source_ports: None, family: None };
    if let Ok(question) = reach_eks::question(network, from, to, None, ask) {
        let _ = reach_engine::question::ask(network, &question);
    }
});
