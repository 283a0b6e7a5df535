//! The arrays in which Batfish gathers the answers to calls about one id each.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::element::ListKind;
use crate::aws::{self, List, Text};

/// An element of one of Batfish's arrays: the answer to a call about one id, and the id.
pub(super) trait Gathered: DeserializeOwned {
    /// The elements of the inner list.
    type Item: ListKind;
    /// The name among all kinds.
    const KIND: &'static str;
    /// The key of the id.
    const ID: &'static str;

    /// Whether AWS had more.
    fn more(&self) -> bool {
        false
    }

    /// The id and the list.
    fn take(self) -> (Option<Text>, List<Self::Item>);
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct StaticRoutes {
    transit_gateway_route_table_id: Option<Text>,
    additional_routes_available: Option<bool>,
    routes: List<aws::TransitGatewayRoute>,
}

impl Gathered for StaticRoutes {
    type Item = aws::TransitGatewayRoute;
    const KIND: &'static str = "TransitGatewayStaticRoutes";
    const ID: &'static str = "TransitGatewayRouteTableId";

    fn more(&self) -> bool {
        self.additional_routes_available == Some(true)
    }

    fn take(self) -> (Option<Text>, List<aws::TransitGatewayRoute>) {
        (self.transit_gateway_route_table_id, self.routes)
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Propagations {
    transit_gateway_route_table_id: Option<Text>,
    transit_gateway_route_table_propagations: List<aws::TransitGatewayPropagation>,
}

impl Gathered for Propagations {
    type Item = aws::TransitGatewayPropagation;
    const KIND: &'static str = aws::TransitGatewayPropagation::LIST;
    const ID: &'static str = "TransitGatewayRouteTableId";

    fn take(self) -> (Option<Text>, List<aws::TransitGatewayPropagation>) {
        (self.transit_gateway_route_table_id, self.transit_gateway_route_table_propagations)
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct TargetHealthOfGroup {
    target_group_arn: Option<Text>,
    target_health_descriptions: List<aws::TargetHealth>,
}

impl Gathered for TargetHealthOfGroup {
    type Item = aws::TargetHealth;
    const KIND: &'static str = aws::TargetHealth::LIST;
    const ID: &'static str = "TargetGroupArn";

    fn take(self) -> (Option<Text>, List<aws::TargetHealth>) {
        (self.target_group_arn, self.target_health_descriptions)
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ListenersOfBalancer {
    pub load_balancer_arn: Option<Text>,
    pub listeners: List<aws::Listener>,
}
