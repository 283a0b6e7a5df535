//! The IAM policy that allows the calls of a snapshot and nothing else (API-21).

use serde_json::{Value, json};

use crate::api::Call;

/// The statements: their ids, and the service whose actions each one allows.
const STATEMENTS: [(&str, &str); 3] = [("Ec2Read", "ec2:"), ("ElbRead", "elasticloadbalancing:"), ("EksRead", "eks:")];

/// The smallest policy that allows every call of [`Call::ALL`] that AWS is asked, as JSON. It only lists and describes.
/// `Resource` is `*` since the actions that describe EC2 know no other.
pub fn iam_policy() -> String {
    let statements: Vec<Value> = STATEMENTS
        .into_iter()
        .map(|(id, service)| {
            let mut actions: Vec<String> = Vec::new();
            for action in Call::ALL.iter().filter_map(|call| call.action()).filter(|action| action.starts_with(service))
            {
                if !actions.contains(&action) {
                    actions.push(action);
                }
            }
            json!({ "Sid": id, "Effect": "Allow", "Action": actions, "Resource": "*" })
        })
        .collect();
    let policy = json!({ "Version": "2012-10-17", "Statement": statements });
    format!("{policy:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_every_call_and_nothing_but_reading() {
        let policy: Value = serde_json::from_str(&iam_policy()).unwrap();
        let statements = policy["Statement"].as_array().unwrap();
        let allowed: Vec<&str> =
            statements.iter().flat_map(|s| s["Action"].as_array().unwrap()).map(|a| a.as_str().unwrap()).collect();
        let wanted: Vec<String> = Call::ALL.iter().filter_map(|call| call.action()).collect();
        let mut sorted: (Vec<&str>, Vec<&str>) = (allowed.clone(), wanted.iter().map(String::as_str).collect());
        sorted.0.sort_unstable();
        sorted.1.sort_unstable();
        sorted.1.dedup();
        assert_eq!(sorted.0, sorted.1);
        for action in allowed {
            let (_, operation) = action.split_once(':').unwrap();
            assert!(["Describe", "Get", "List", "Search"].iter().any(|verb| operation.starts_with(verb)), "{action}");
        }
    }

    #[test]
    fn actions_are_spelt_as_iam_does() {
        assert_eq!(Call::DescribeVpcs.action().as_deref(), Some("ec2:DescribeVpcs"));
        assert_eq!(Call::SearchTransitGatewayRoutes.action().as_deref(), Some("ec2:SearchTransitGatewayRoutes"));
        assert_eq!(Call::DescribeListeners.action().as_deref(), Some("elasticloadbalancing:DescribeListeners"));
        assert_eq!(Call::ListClusters.action().as_deref(), Some("eks:ListClusters"));
        assert_eq!(Call::DescribeClassicLoadBalancers.action(), None);
        assert_eq!(Call::KubectlGet.action(), None);
    }

    #[test]
    fn every_action_has_a_statement() {
        for action in Call::ALL.iter().filter_map(|call| call.action()) {
            assert!(STATEMENTS.iter().any(|(_, service)| action.starts_with(service)), "{action}");
        }
    }
}
