//! Facts about a cluster that explain a finding, or that no finding says.

use reach_engine::host;
use reach_model::network::{Direction, GroupPeer, Idx, Peer, RuleProtocol, SecurityGroup};
use reach_packets::Protocol;

use super::Scene;
use super::finding::{Finding, Remark, Status};
use super::table::{End, Requirement};
use crate::roles;

/// Adds what explains why a requirement of the table fails.
pub(super) fn requirement(scene: &Scene<'_>, requirement: &Requirement, finding: &mut Finding) {
    if !matches!(finding.status, Status::Fail | Status::Partial) {
        return;
    }
    let mut add = |code, resource: Option<String>, semantics, message: String| {
        finding.remarks.push(Remark { code, resource, semantics, message });
    };
    match requirement.id {
        "eks.controlplane-to-node.tcp-443" => {
            for group in control_plane_groups(scene) {
                if opens(scene, group, Direction::Egress, 1025) && !opens(scene, group, Direction::Egress, 443) {
                    let id = scene.network.groups.get(group).id.to_string();
                    let message = format!(
                        "{id} lets the control plane out on 1025-65535 and not on 443: AWS's older recommended tables have \
                         443 in the nodes' row and not in the control plane's, so a webhook whose pod listens on 443 is \
                         never reached"
                    );
                    add("EKS_OLDER_TABLES_443", Some(id), "EK-20", message);
                }
            }
        }
        "eks.dns.node-to-node.udp-53" | "eks.dns.node-to-node.tcp-53" => {
            if let Some(group) = scene.cluster_group()
                && !is_open_to_itself(scene, group, Direction::Ingress)
            {
                let id = scene.network.groups.get(group).id.to_string();
                let message = format!(
                    "{id} was restricted: AWS's older minimum (443 and 10250) has no row for DNS, and without one CoreDNS \
                     answers only the pods of its own node"
                );
                add("EKS_OLDER_MINIMUM_DNS", Some(id), "EK-4", message);
            }
        }
        "eks.kubelet.controlplane-to-node.tcp-10250" | "eks.api.node-to-controlplane.tcp-443" => {
            for (group, nodes) in without_cluster_group(scene) {
                let message = format!(
                    "{nodes} nodes of node group {group} do not carry the cluster security group: with groups in a launch \
                     template EKS adds none of its own, and rules between them and the control plane are yours to make"
                );
                add("EKS_LAUNCH_TEMPLATE_GROUPS", None, "EK-27", message);
            }
        }
        _ => {}
    }
    let inside = requirement.to != End::Internet;
    if inside
        && let Some(group) = scene.cluster_group()
        && is_open_to_itself(scene, group, Direction::Ingress) != is_open_to_itself(scene, group, Direction::Egress)
        && !opens_anywhere(scene, group)
    {
        let id = scene.network.groups.get(group).id.to_string();
        let (there, gone) = if is_open_to_itself(scene, group, Direction::Ingress) {
            ("inbound", "outbound")
        } else {
            ("outbound", "inbound")
        };
        let message = format!("{id} has its {there} rule for itself and not the {gone} one: a flow needs both");
        add("EKS_ONE_SELF_RULE", Some(id), "EK-5", message);
    }
}

/// What no finding says about the cluster.
pub(super) fn cluster(scene: &Scene<'_>) -> Vec<Remark> {
    let network = scene.network;
    let mut remarks = Vec::new();
    let mut add = |code, resource: Option<String>, semantics, message: String| {
        remarks.push(Remark { code, resource, semantics, message });
    };
    match scene.described {
        None => {
            let message = "the cluster was not described (`aws eks describe-cluster`): its access mode and groups are not \
                           known";
            add("NOT_COLLECTED", None, "EK-14", message.to_owned());
        }
        Some(cluster) if cluster.security_group.is_none() => {
            let message = "the cluster has no cluster security group: it is of the older kind, with a control-plane group \
                           and node groups of its own";
            add("EKS_OLDER_CLUSTER", None, "EK-7", message.to_owned());
        }
        Some(_) => {}
    }
    if let Some(group) = scene.cluster_group() {
        let id = network.groups.get(group).id.to_string();
        let gone: Vec<&str> = [(Direction::Ingress, "inbound"), (Direction::Egress, "outbound")]
            .into_iter()
            .filter(|(direction, _)| !is_open_to_itself(scene, group, *direction))
            // Everything out to anywhere holds the group's members, too: clusters from before that rule never had it.
            .filter(|(direction, _)| *direction == Direction::Ingress || !opens_anywhere(scene, group))
            .map(|(_, word)| word)
            .collect();
        if !gone.is_empty() {
            let message = format!(
                "{id} lacks its {} rule for itself: EKS makes it again at the next cluster update, so this restriction is \
                 not durable",
                gone.join(" and ")
            );
            add("EKS_RESTRICTION_NOT_DURABLE", Some(id), "EK-5", message);
        }
    }
    let live: Vec<&str> = roles::nodes(network, &scene.cluster.name, None)
        .into_iter()
        .filter_map(|node| host::node_group(network.instances.get(node)))
        .collect();
    for group in scene.described.iter().flat_map(|cluster| &cluster.node_groups) {
        if !live.contains(&&**group) {
            let message = format!("node group {group} has no running instance: nothing of it was asked about");
            add("EKS_NODE_GROUP_EMPTY", None, "EK-27", message);
        }
    }
    if let Some(cluster) = scene.described.filter(|cluster| !cluster.remote_node_networks.is_empty()) {
        let nets: Vec<String> = cluster.remote_node_networks.iter().map(ToString::to_string).collect();
        let message = format!(
            "hybrid nodes ({}) are not among the nodes asked about: `reach query --from controlplane --to {}` asks about \
             them, up to the VPC's edge",
            nets.join(", "),
            nets.first().map_or("", String::as_str)
        );
        add("EKS_HYBRID_NODES", None, "EK-32", message);
    }
    let kubernetes = &network.kubernetes;
    let any_pod_here = kubernetes.pods.iter().any(|pod| scene.listed.has(pod));
    if kubernetes.has_pods && !any_pod_here {
        let message = "the Kubernetes lists are of another cluster: none of their pods runs on a node of this one";
        add("EKS_FOREIGN_OBJECTS", None, "EK-63", message.to_owned());
    }
    if !kubernetes.has_webhooks || !kubernetes.has_api_services {
        let message = "which webhooks and aggregated APIs the control plane calls is not in the snapshot (`kubectl get \
                       services,endpointslices,validatingwebhookconfigurations,mutatingwebhookconfigurations,apiservices \
                       -A -o json`); `--also` asks about well-known components";
        add("NOT_COLLECTED", None, "EK-63", message.to_owned());
    }
    remarks
}

/// The groups of the control-plane interfaces that are in the snapshot.
fn control_plane_groups(scene: &Scene<'_>) -> Vec<Idx<SecurityGroup>> {
    let mut groups: Vec<Idx<SecurityGroup>> = Vec::new();
    for idx in roles::control_plane(scene.network, &scene.cluster.name) {
        groups.extend(scene.network.interfaces.get(idx).groups.iter().filter_map(reach_model::network::Ref::known));
    }
    groups.sort();
    groups.dedup();
    groups
}

/// Whether some rule of the group opens a TCP port, whoever its peer is.
fn opens(scene: &Scene<'_>, group: Idx<SecurityGroup>, direction: Direction, port: u16) -> bool {
    let group = scene.network.groups.get(group);
    let rules = if direction == Direction::Ingress { &group.ingress } else { &group.egress };
    rules.iter().any(|rule| match rule.protocol {
        RuleProtocol::Any => true,
        RuleProtocol::Number(Protocol::TCP) => {
            rule.from_port.unwrap_or(0) <= port && port <= rule.to_port.unwrap_or(u16::MAX)
        }
        RuleProtocol::Number(_) => false,
    })
}

/// Whether the group admits everything from itself, or lets everything out to itself: EKS's own rule (EK-2).
fn is_open_to_itself(scene: &Scene<'_>, group: Idx<SecurityGroup>, direction: Direction) -> bool {
    let own = scene.network.groups.get(group);
    let rules = if direction == Direction::Ingress { &own.ingress } else { &own.egress };
    rules.iter().any(|rule| {
        rule.protocol == RuleProtocol::Any
            && matches!(&rule.peer, Peer::Group(GroupPeer { group: peer, .. }) if peer.known() == Some(group))
    })
}

/// Whether the group lets everything out to everywhere.
fn opens_anywhere(scene: &Scene<'_>, group: Idx<SecurityGroup>) -> bool {
    let rules = &scene.network.groups.get(group).egress;
    rules.iter().any(|rule| {
        rule.protocol == RuleProtocol::Any && matches!(&rule.peer, Peer::Cidr(net) if net.prefix_len() == 0)
    })
}

/// Node groups with nodes that do not carry the cluster security group, and how many.
fn without_cluster_group(scene: &Scene<'_>) -> std::collections::BTreeMap<String, u64> {
    let network = scene.network;
    let mut found = std::collections::BTreeMap::new();
    let Some(cluster_group) = scene.described.and_then(|cluster| cluster.security_group.as_ref()) else { return found };
    for node in roles::nodes(network, &scene.cluster.name, None) {
        let instance = network.instances.get(node);
        let managed = reach_model::network::tag(&instance.tags, "eks:nodegroup-name");
        let Some(interface) = host::primary_interface(network, node) else { continue };
        if let Some(group) = managed
            && !network.interfaces.get(interface).groups.contains(cluster_group)
        {
            *found.entry(group.to_owned()).or_insert(0) += 1;
        }
    }
    found
}
