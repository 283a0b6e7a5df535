//! Laws of differences: more is never less, there and back is nothing, and the same change is told in the same words.

use serde_json::json;

use super::{changed, whatif};
use crate::estate::{Estate, OPEN};
use reach_engine::whatif::{State, difference};

/// A pair, a node of three and their cluster, on two subnets.
fn estate() -> Estate {
    let mut estate = Estate::two(&["egress -1 0.0.0.0/0"], &["ingress tcp 443 10.0.0.0/16", "ingress udp 53 sg-a"]);
    estate.instance("a2", "10.0.1.11", &["sg-a"]).instance("b2", "10.0.2.21", &["sg-b", "sg-a"]);
    estate.internet().nat().public("b", "198.51.100.20");
    estate.table("rtb-a", "vpc-1", &["0.0.0.0/0 nat-1"]).associate("rtb-a", "subnet-a");
    estate.table("rtb-b", "vpc-1", &["0.0.0.0/0 igw-1"]).associate("rtb-b", "subnet-b");
    estate
}

#[test]
fn a_rule_that_admits_more_loses_nothing() {
    for peer in ["0.0.0.0/0", "10.0.1.0/24", "10.0.1.11/32", "203.0.113.0/24"] {
        let told = whatif(
            &estate(),
            &[json!({"AuthorizeSecurityGroupIngress": {"GroupId": "sg-b", "IpPermissions":
                [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 9000, "IpRanges": [{"CidrIp": peer}]}]}})],
        );
        assert!(told.found.lost.is_empty() && !told.found.gained.is_empty(), "{peer}");
        assert!(told.found.connections.cut_now.is_empty() && told.found.connections.survive_until_idle.is_empty());
    }
}

#[test]
fn there_and_back_is_nothing() {
    let rule = json!({"GroupId": "sg-b", "IpPermissions":
        [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 9000, "IpRanges": [{"CidrIp": "10.0.1.0/24"}]}]});
    let told = whatif(
        &estate(),
        &[json!({"AuthorizeSecurityGroupIngress": rule}), json!({"RevokeSecurityGroupIngress": rule})],
    );
    assert!(told.found.is_empty());
}

#[test]
fn backwards_what_was_lost_is_gained() {
    let network = estate().network();
    let after = changed(
        &network,
        &[json!({"RevokeSecurityGroupIngress": {"GroupId": "sg-b", "IpPermissions":
            [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/16"}]}]}})],
    )
    .unwrap();
    let (before, after) = (State::new(&network), State::new(&after));
    let (there, back) = (difference(&before, &after).unwrap(), difference(&after, &before).unwrap());
    assert!(!there.lost.is_empty());
    assert_eq!(there.lost, back.gained);
    assert_eq!(there.gained, back.lost);
    assert!(difference(&before, &before).unwrap().is_empty());
}

#[test]
fn the_same_change_is_told_in_the_same_words() {
    let told = || {
        whatif(&estate(), &[json!({"DeleteRoute": {"RouteTableId": "rtb-a", "DestinationCidrBlock": "0.0.0.0/0"}})])
            .found
    };
    let (first, second) = (told(), told());
    assert_eq!(format!("{:?}", first.lost), format!("{:?}", second.lost));
    assert_eq!(format!("{:?}", first.connections), format!("{:?}", second.connections));
}

/// What hosts deliver themselves is no flow of theirs with others: sets are cut by host.
#[test]
fn pairs_on_one_host_are_not_lost_with_the_others() {
    for pods in [2, 40] {
        let mut estate = Estate::new();
        estate.group("sg-n", OPEN).cluster("c", json!({}));
        for n in 0..pods {
            let (name, address) = (format!("n{n}"), format!("10.0.1.{}", 10 + 4 * n));
            estate.node("c", &name, &address, &["sg-n"]);
            estate.secondary(&name, &format!("10.0.1.{}", 11 + 4 * n), None);
        }
        let told = whatif(
            &estate,
            &[json!({"RevokeSecurityGroupIngress": {"GroupId": "sg-n", "IpPermissions":
                [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]}})],
        );
        let lost = |from: &str, to: &str| {
            super::lists(&told.found, |set| {
                super::end_holds(&told.found, &set.from, from.parse().unwrap())
                    && super::end_holds(&told.found, &set.to, to.parse().unwrap())
            })[1]
                .1
        };
        for n in 1..pods {
            let other = format!("10.0.1.{}", 11 + 4 * n);
            assert_eq!((lost("10.0.1.11", &other), lost(&other, "10.0.1.10")), (1, 1));
            assert_eq!(lost(&format!("10.0.1.{}", 10 + 4 * n), &other), 0);
        }
        assert_eq!((lost("10.0.1.10", "10.0.1.11"), lost("10.0.1.11", "10.0.1.10")), (0, 0));
    }
}
