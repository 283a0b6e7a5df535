//! The pages of one call, put together to one answer.

use std::collections::BTreeMap;

use reach_model::api::Call;
use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::page::Page;

/// One call's answer so far, as JSON text: `{"Vpcs":[…` and what stands beside the list.
///
/// The text is held once: elements are appended to it as they come.
#[derive(Debug)]
pub(crate) struct Assembly {
    call: Call,
    text: String,
    /// Where each element of the list stands in the text, in order; `None` where a later one took its place.
    elements: Vec<Option<(usize, usize)>>,
    /// Elements by what names them.
    known: FxHashMap<Box<str>, usize>,
    listed: bool,
    rest: Vec<(String, String)>,
    /// The names of elements that differed from page to page.
    changed: Vec<String>,
}

/// Members that belong to the transport of pages.
const TOKENS: [&str; 3] = ["NextToken", "NextMarker", "nextToken"];

impl Assembly {
    pub(crate) fn new(call: Call) -> Self {
        Self {
            call,
            text: format!("{{\"{}\":[", call.key()),
            elements: Vec::new(),
            known: FxHashMap::default(),
            listed: false,
            rest: Vec::new(),
            changed: Vec::new(),
        }
    }

    /// How many elements there are.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Appends a page. AWS promises no more than that each element is on some page: while it is being read, one may move
    /// to a page that comes later and is met twice. Of two that differ the later one stays.
    pub(crate) fn page(&mut self, page: Page) {
        self.listed |= page.listed;
        for item in page.items {
            self.element(&item);
        }
        for (name, value) in page.rest {
            if TOKENS.contains(&&*name) {
                continue;
            }
            match self.rest.iter_mut().find(|(known, _)| *known == name) {
                Some((_, old)) => *old = value,
                None => self.rest.push((name, value)),
            }
        }
    }

    fn element(&mut self, item: &str) {
        let name = name(self.call, item);
        let position = self.elements.len();
        if let Some(&earlier) = self.known.get(&*name) {
            let slot = self.elements.get_mut(earlier);
            let same = slot.as_ref().and_then(|slot| slot.as_ref()).and_then(|&(from, to)| self.text.get(from..to))
                == Some(item);
            if same {
                return;
            }
            if let Some(slot) = slot {
                *slot = None;
            }
            self.changed.push(name.to_string());
        }
        self.known.insert(name, position);
        if position > 0 {
            self.text.push(',');
        }
        let from = self.text.len();
        self.text.push_str(item);
        self.elements.push(Some((from, self.text.len())));
    }

    /// Whether the answer holds what the call is made for. What is not there is not read as empty.
    pub(crate) fn is_answered(&self) -> bool {
        let key = self.call.key();
        let attribute = |name: &str| self.call == Call::DescribeVpcAttribute && name.starts_with("Enable");
        self.listed || self.rest.iter().any(|(name, _)| name == key || attribute(name))
    }

    /// The answer, and the names of elements that changed while they were read. `None` where nothing was read at all.
    pub(crate) fn finish(self) -> (Option<Box<RawValue>>, Vec<String>) {
        if !self.listed && self.rest.is_empty() {
            return (None, self.changed);
        }
        let mut text = self.text;
        if !self.listed {
            text = String::from("{");
        } else if self.changed.is_empty() {
            text.push(']');
        } else {
            let kept: Vec<&str> = self.elements.iter().flatten().filter_map(|&(from, to)| text.get(from..to)).collect();
            text = format!("{{\"{}\":[{}]", self.call.key(), kept.join(","));
        }
        for (name, value) in self.rest {
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(&serde_json::Value::from(name).to_string());
            text.push(':');
            text.push_str(&value);
        }
        text.push('}');
        text.shrink_to_fit();
        (RawValue::from_string(text).ok(), self.changed)
    }
}

/// What tells an element from the others of its list: its id, where it has one, else its whole text.
fn name(call: Call, item: &str) -> Box<str> {
    if call == Call::DescribeInstances {
        // The instances of one reservation may come on several pages.
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Reservation {
            #[serde(default)]
            instances: Vec<Instance>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Instance {
            instance_id: String,
        }
        let ids = serde_json::from_str::<Reservation>(item).map(|found| found.instances).unwrap_or_default();
        let ids: Vec<String> = ids.into_iter().map(|instance| instance.instance_id).collect();
        return if ids.is_empty() { item.into() } else { ids.join(" ").into() };
    }
    id_key(call).and_then(|key| text_of(item, key)).map_or_else(|| item.into(), String::into)
}

/// The text at `key` of a JSON object.
pub(crate) fn text_of(object: &str, key: &str) -> Option<String> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(object).ok()?;
    serde_json::from_str(members.get(key)?.get()).ok()
}

/// The member that names an element.
const fn id_key(call: Call) -> Option<&'static str> {
    Some(match call {
        Call::DescribeVpcs => "VpcId",
        Call::DescribeSubnets => "SubnetId",
        Call::DescribeRouteTables => "RouteTableId",
        Call::DescribeNetworkAcls => "NetworkAclId",
        Call::DescribeSecurityGroups => "GroupId",
        Call::DescribeSecurityGroupRules => "SecurityGroupRuleId",
        Call::DescribeNetworkInterfaces => "NetworkInterfaceId",
        Call::DescribeInternetGateways => "InternetGatewayId",
        Call::DescribeEgressOnlyInternetGateways => "EgressOnlyInternetGatewayId",
        Call::DescribeNatGateways => "NatGatewayId",
        Call::DescribeVpcPeeringConnections => "VpcPeeringConnectionId",
        Call::DescribeVpcEndpoints => "VpcEndpointId",
        Call::DescribeManagedPrefixLists | Call::DescribePrefixLists => "PrefixListId",
        Call::GetManagedPrefixListEntries => "Cidr",
        Call::DescribeTransitGateways => "TransitGatewayId",
        Call::DescribeTransitGatewayAttachments
        | Call::DescribeTransitGatewayVpcAttachments
        | Call::DescribeTransitGatewayPeeringAttachments => "TransitGatewayAttachmentId",
        Call::DescribeTransitGatewayRouteTables => "TransitGatewayRouteTableId",
        Call::DescribeVpnGateways => "VpnGatewayId",
        Call::DescribeDhcpOptions => "DhcpOptionsId",
        Call::DescribeLoadBalancers => "LoadBalancerArn",
        Call::DescribeListeners => "ListenerArn",
        Call::DescribeTargetGroups => "TargetGroupArn",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(items: &[&str], rest: &[(&str, &str)]) -> Page {
        Page {
            listed: true,
            items: items.iter().map(|&item| item.to_owned()).collect(),
            rest: rest.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }

    fn assembled(call: Call, pages: &[Page]) -> (String, Vec<String>) {
        let mut assembly = Assembly::new(call);
        for Page { listed, items, rest } in pages {
            assembly.page(Page { listed: *listed, items: items.clone(), rest: rest.clone() });
        }
        let (answer, changed) = assembly.finish();
        (answer.unwrap().get().to_owned(), changed)
    }

    #[test]
    fn pages_become_one_answer_without_tokens() {
        let pages = [page(&["{\"VpcId\":\"a\"}"], &[("NextToken", "\"t\"")]), page(&["{\"VpcId\":\"b\"}"], &[])];
        assert_eq!(assembled(Call::DescribeVpcs, &pages).0, r#"{"Vpcs":[{"VpcId":"a"},{"VpcId":"b"}]}"#);
        assert_eq!(assembled(Call::DescribeVpcs, &[page(&[], &[])]).0, r#"{"Vpcs":[]}"#);
    }

    #[test]
    fn an_element_met_twice_is_kept_once_and_the_later_one_counts() {
        let pages = [
            page(&[r#"{"VpcId":"a","State":"pending"}"#, r#"{"VpcId":"b"}"#], &[]),
            page(&[r#"{"VpcId":"b"}"#, r#"{"VpcId":"a","State":"available"}"#], &[]),
        ];
        let (text, changed) = assembled(Call::DescribeVpcs, &pages);
        assert_eq!(text, r#"{"Vpcs":[{"VpcId":"b"},{"VpcId":"a","State":"available"}]}"#);
        assert_eq!(changed, ["a"]);
    }

    #[test]
    fn a_reservation_may_be_spread_over_pages() {
        let one = r#"{"ReservationId":"r","Instances":[{"InstanceId":"i-1"}]}"#;
        let two = r#"{"ReservationId":"r","Instances":[{"InstanceId":"i-2"}]}"#;
        let (text, changed) = assembled(Call::DescribeInstances, &[page(&[one], &[]), page(&[two, one], &[])]);
        assert_eq!(text, format!("{{\"Reservations\":[{one},{two}]}}"));
        assert!(changed.is_empty());
    }

    #[test]
    fn what_aws_says_of_more_routes_stays() {
        let pages = [page(&[], &[("AdditionalRoutesAvailable", "true")])];
        let (text, _) = assembled(Call::SearchTransitGatewayRoutes, &pages);
        assert_eq!(text, r#"{"Routes":[],"AdditionalRoutesAvailable":true}"#);
    }

    #[test]
    fn an_answer_without_a_list() {
        let single = Page { listed: false, items: Vec::new(), rest: vec![("cluster".to_owned(), "{}".to_owned())] };
        assert_eq!(assembled(Call::DescribeCluster, &[single]).0, r#"{"cluster":{}}"#);
    }
}
