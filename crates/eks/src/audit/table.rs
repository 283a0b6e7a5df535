//! What a cluster needs, as data: the requirements that the audit loops over, the rows of AWS's tables behind them, the
//! services that nodes call, and the ports of well-known components.

use std::fmt;

use reach_model::network::Direction;
use reach_packets::{PortRanges, Protocol};

use super::finding::{Level, Source};

/// An end of a requirement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Every live node.
    Nodes,
    /// Every pod that has an address of its own.
    Pods,
    /// The control plane's interfaces.
    ControlPlane,
    /// What the cluster's name resolves to from there, by access mode.
    ApiServer,
    /// The default range of the internet.
    Internet,
    /// The cluster's name service: CoreDNS behind the service `kube-dns`.
    ClusterDns,
    /// An AWS service, by the endpoint that its name resolves to.
    Service(&'static str),
}

impl End {
    /// Whether the cluster's control plane stands there.
    pub fn is_control_plane(self) -> bool {
        matches!(self, End::ControlPlane | End::ApiServer)
    }

    /// The end as a selector.
    pub fn selector(self) -> String {
        match self {
            End::Nodes => "node".to_owned(),
            End::Pods => "pod".to_owned(),
            End::ControlPlane => "controlplane".to_owned(),
            End::ApiServer => "apiserver".to_owned(),
            End::Internet => "internet".to_owned(),
            End::ClusterDns => format!("svc/{}/{}", CLUSTER_DNS.0, CLUSTER_DNS.1),
            End::Service(name) => format!("aws/{name}"),
        }
    }
}

/// Namespace and name of the cluster's name service.
pub const CLUSTER_DNS: (&str, &str) = ("kube-system", "kube-dns");

/// The headers that a requirement is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// Ports `.1` to `.2` of TCP or UDP.
    Ports(Protocol, u16, u16),
    /// Every protocol and port.
    Everything,
}

impl Traffic {
    /// `tcp`, `udp` or `all`.
    pub const fn protocol(self) -> &'static str {
        match self {
            Traffic::Ports(Protocol::UDP, ..) => "udp",
            Traffic::Ports(..) => "tcp",
            Traffic::Everything => "all",
        }
    }

    /// `443`, `1025-65535`; `None` for everything.
    pub fn port(self) -> Option<String> {
        match self {
            Traffic::Ports(_, from, to) => Some(PortRanges::range(from, to).to_string()),
            Traffic::Everything => None,
        }
    }
}

/// One requirement: who must reach whom, why, and who says so.
#[derive(Debug, Clone, Copy)]
pub struct Requirement {
    pub id: &'static str,
    pub level: Level,
    pub title: &'static str,
    pub from: End,
    pub to: End,
    pub traffic: Traffic,
    pub source: Source,
    /// The rows of AWS's tables that open it.
    pub rows: &'static [Row],
}

/// A row of AWS's tables of security group rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    pub table: RowTable,
    pub level: Level,
    pub direction: Direction,
    pub traffic: Traffic,
    /// Whom the row names.
    pub peer: &'static str,
}

/// The table that a row stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowTable {
    /// Today's one group on control plane and managed nodes.
    ClusterGroup,
    /// The older world: the group of the control-plane interfaces.
    ControlPlaneGroup,
    /// The older world: the groups of the nodes.
    NodeGroup,
}

impl RowTable {
    /// What the table is about.
    pub const fn as_str(self) -> &'static str {
        match self {
            RowTable::ClusterGroup => "cluster security group",
            RowTable::ControlPlaneGroup => "control-plane security group",
            RowTable::NodeGroup => "node security group",
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { table, level, direction, traffic, peer } = self;
        let (way, preposition) = match direction {
            Direction::Ingress => ("inbound", "from"),
            Direction::Egress => ("outbound", "to"),
        };
        write!(f, "{}, {} {way}: {}", table.as_str(), level.as_str(), traffic.protocol())?;
        if let Some(port) = traffic.port() {
            write!(f, " {port}")?;
        }
        write!(f, " {preposition} {peer}")
    }
}

const fn tcp(port: u16) -> Traffic {
    Traffic::Ports(Protocol::TCP, port, port)
}

const fn tcp_range(from: u16, to: u16) -> Traffic {
    Traffic::Ports(Protocol::TCP, from, to)
}

const fn udp(port: u16) -> Traffic {
    Traffic::Ports(Protocol::UDP, port, port)
}

const fn row(table: RowTable, level: Level, direction: Direction, traffic: Traffic, peer: &'static str) -> Row {
    Row { table, level, direction, traffic, peer }
}

use Direction::{Egress, Ingress};
use Level::{Conformance, Minimum, Recommended};
use RowTable::{ClusterGroup, ControlPlaneGroup, NodeGroup};

const SELF: &str = "the cluster security group itself";
const ALL_NODE_GROUPS: &str = "all node security groups";
const CLIENTS: &str = "all node security groups and, with private access, every group whose members call the API";
const CONTROL_PLANE: &str = "the control-plane security group";
const ANYWHERE: &str = "0.0.0.0/0";

const fn groups_page(semantics: &'static str) -> Source {
    Source {
        semantics,
        title: "View Amazon EKS security group requirements for clusters",
        url: "https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html",
    }
}

const fn private_page(semantics: &'static str) -> Source {
    Source {
        semantics,
        title: "Deploy private clusters with limited internet access",
        url: "https://docs.aws.amazon.com/eks/latest/userguide/private-clusters.html",
    }
}

/// Where AWS describes the API endpoint's access modes.
pub const ENDPOINT_PAGE: Source = Source {
    semantics: "EK-14",
    title: "Cluster API server endpoint",
    url: "https://docs.aws.amazon.com/eks/latest/userguide/cluster-endpoint.html",
};

/// Where AWS says what pods with groups of their own need.
const POD_GROUPS_PAGE: Source = Source {
    semantics: "EK-48",
    title: "Assign security groups to individual Pods",
    url: "https://docs.aws.amazon.com/eks/latest/userguide/security-groups-for-pods.html",
};

/// The clients that `--client` names.
pub const CLIENT: Requirement = Requirement {
    id: "eks.api.client-to-controlplane.tcp-443",
    level: Minimum,
    title: "the named clients (kubectl, CI) reach the API server",
    // The clients' own selectors stand in its place.
    from: End::Nodes,
    to: End::ApiServer,
    traffic: tcp(443),
    source: ENDPOINT_PAGE,
    rows: &[
        row(ControlPlaneGroup, Minimum, Ingress, tcp(443), CLIENTS),
        row(ControlPlaneGroup, Recommended, Ingress, tcp(443), CLIENTS),
    ],
};

/// `eks.endpoint.public-access-cidrs`.
pub const PUBLIC_ACCESS: (&str, &str) =
    ("eks.endpoint.public-access-cidrs", "the public endpoint admits the addresses that nodes arrive with");

/// `eks.tag.exactly-one-owned`.
pub const OWNED_TAG: (&str, &str, Source) = (
    "eks.tag.exactly-one-owned",
    "every node has exactly one security group that the cluster owns by tag",
    groups_page("EK-21"),
);

/// `eks.sg.controlplane-shared`.
pub const SHARED_GROUP: (&str, &str, Source) =
    ("eks.sg.controlplane-shared", "the control plane's groups are this cluster's alone", groups_page("EK-22"));

/// Where the levels of webhooks and aggregated APIs come from: AWS's recommended rows open the ports that they use, its
/// minimum rows do not.
pub const CALLED_LEVEL: Level = Recommended;

/// Webhooks.
pub const WEBHOOK_PAGE: Source = Source {
    semantics: "EK-10",
    title: "Dynamic Admission Control",
    url: "https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/",
};

/// Aggregated APIs.
pub const API_SERVICE_PAGE: Source = Source {
    semantics: "EK-10",
    title: "Kubernetes API Aggregation Layer",
    url: "https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/",
};

/// What every cluster needs, in the order of the report.
pub const REQUIREMENTS: &[Requirement] = &[
    Requirement {
        id: "eks.api.node-to-controlplane.tcp-443",
        level: Minimum,
        title: "kubelet and node agents reach the API server",
        from: End::Nodes,
        to: End::ApiServer,
        traffic: tcp(443),
        source: groups_page("EK-16"),
        rows: &[
            row(ClusterGroup, Minimum, Ingress, tcp(443), SELF),
            row(ClusterGroup, Minimum, Egress, tcp(443), SELF),
            row(ControlPlaneGroup, Minimum, Ingress, tcp(443), CLIENTS),
            row(ControlPlaneGroup, Recommended, Ingress, tcp(443), CLIENTS),
            row(NodeGroup, Minimum, Egress, tcp(443), CONTROL_PLANE),
        ],
    },
    Requirement {
        id: "eks.api.pod-to-controlplane.tcp-443",
        level: Minimum,
        title: "pods reach the API server by the service `kubernetes`",
        from: End::Pods,
        to: End::ControlPlane,
        traffic: tcp(443),
        source: groups_page("EK-12"),
        rows: &[
            row(ClusterGroup, Minimum, Ingress, tcp(443), SELF),
            row(ClusterGroup, Minimum, Egress, tcp(443), SELF),
            row(ControlPlaneGroup, Minimum, Ingress, tcp(443), CLIENTS),
            row(NodeGroup, Minimum, Egress, tcp(443), CONTROL_PLANE),
        ],
    },
    Requirement {
        id: "eks.kubelet.controlplane-to-node.tcp-10250",
        level: Minimum,
        title: "the API server reaches kubelets: logs, exec, port-forward",
        from: End::ControlPlane,
        to: End::Nodes,
        traffic: tcp(10250),
        source: groups_page("EK-10"),
        rows: &[
            row(ClusterGroup, Minimum, Ingress, tcp(10250), SELF),
            row(ClusterGroup, Minimum, Egress, tcp(10250), SELF),
            row(ControlPlaneGroup, Minimum, Egress, tcp(10250), ALL_NODE_GROUPS),
            row(NodeGroup, Minimum, Ingress, tcp(10250), CONTROL_PLANE),
        ],
    },
    Requirement {
        id: "eks.dns.node-to-node.udp-53",
        level: Minimum,
        title: "names are answered by CoreDNS on another node (UDP)",
        from: End::Nodes,
        to: End::Nodes,
        traffic: udp(53),
        source: groups_page("EK-4"),
        rows: &[
            row(ClusterGroup, Minimum, Egress, udp(53), SELF),
            // What nodes use among themselves, as the older table says it: names first of all.
            row(NodeGroup, Minimum, Ingress, udp(53), ALL_NODE_GROUPS),
        ],
    },
    Requirement {
        id: "eks.dns.node-to-node.tcp-53",
        level: Minimum,
        title: "names are answered by CoreDNS on another node (TCP, long answers)",
        from: End::Nodes,
        to: End::Nodes,
        traffic: tcp(53),
        source: groups_page("EK-4"),
        rows: &[
            row(ClusterGroup, Minimum, Egress, tcp(53), SELF),
            row(NodeGroup, Minimum, Ingress, tcp(53), ALL_NODE_GROUPS),
        ],
    },
    Requirement {
        id: "eks.dns.pod-to-coredns.udp-53",
        level: Minimum,
        title: "every pod's names are answered, whatever groups it carries (UDP)",
        from: End::Pods,
        to: End::ClusterDns,
        traffic: udp(53),
        source: POD_GROUPS_PAGE,
        rows: &[],
    },
    Requirement {
        id: "eks.dns.pod-to-coredns.tcp-53",
        level: Minimum,
        title: "every pod's names are answered, whatever groups it carries (TCP, long answers)",
        from: End::Pods,
        to: End::ClusterDns,
        traffic: tcp(53),
        source: POD_GROUPS_PAGE,
        rows: &[],
    },
    Requirement {
        id: "eks.controlplane-to-node.tcp-443",
        level: Recommended,
        title: "the API server reaches webhooks that listen on 443",
        from: End::ControlPlane,
        to: End::Nodes,
        traffic: tcp(443),
        source: groups_page("EK-20"),
        rows: &[row(NodeGroup, Recommended, Ingress, tcp(443), CONTROL_PLANE)],
    },
    Requirement {
        id: "eks.controlplane-to-node.tcp-1025-65535",
        level: Recommended,
        title: "the API server reaches webhooks and aggregated APIs on any unprivileged port",
        from: End::ControlPlane,
        to: End::Nodes,
        traffic: tcp_range(1025, 65535),
        source: groups_page("EK-20"),
        rows: &[
            row(ControlPlaneGroup, Recommended, Egress, tcp_range(1025, 65535), ALL_NODE_GROUPS),
            row(NodeGroup, Recommended, Ingress, tcp_range(1025, 65535), CONTROL_PLANE),
        ],
    },
    Requirement {
        id: "eks.node-to-node.all",
        level: Recommended,
        title: "nodes and ordinary pods reach each other on every port",
        from: End::Nodes,
        to: End::Nodes,
        traffic: Traffic::Everything,
        source: groups_page("EK-4"),
        rows: &[
            row(ClusterGroup, Recommended, Ingress, Traffic::Everything, SELF),
            row(NodeGroup, Recommended, Ingress, Traffic::Everything, ALL_NODE_GROUPS),
        ],
    },
    Requirement {
        id: "eks.node-egress.internet",
        level: Recommended,
        title: "nodes reach the internet: other registries, the world",
        from: End::Nodes,
        to: End::Internet,
        traffic: tcp(443),
        source: groups_page("EK-23"),
        rows: &[
            row(ClusterGroup, Recommended, Egress, Traffic::Everything, ANYWHERE),
            row(NodeGroup, Recommended, Egress, Traffic::Everything, ANYWHERE),
        ],
    },
    Requirement {
        id: "eks.conformance.controlplane-to-node.tcp-0-65535",
        level: Conformance,
        title: "proxying to privileged ports, and CNCF conformance tests",
        from: End::ControlPlane,
        to: End::Nodes,
        traffic: tcp_range(0, 65535),
        source: groups_page("EK-19"),
        rows: &[
            row(ControlPlaneGroup, Conformance, Egress, tcp_range(0, 65535), ALL_NODE_GROUPS),
            row(NodeGroup, Conformance, Ingress, tcp_range(0, 65535), CONTROL_PLANE),
        ],
    },
];

/// A service of AWS's that nodes call (EK-23, EK-24).
#[derive(Debug, Clone, Copy)]
pub struct NeededService {
    pub name: &'static str,
    /// What for.
    pub purpose: &'static str,
    pub need: Need,
}

/// When a service is needed.
#[derive(Debug, Clone, Copy)]
pub enum Need {
    /// Every node calls it.
    Always,
    /// Where it has an endpoint in the cluster's VPC, or pods run whose names begin so, or that add-on is there.
    Used { pods: &'static [&'static str], addons: &'static [&'static str] },
}

const fn used(pods: &'static [&'static str], addons: &'static [&'static str]) -> Need {
    Need::Used { pods, addons }
}

/// The names of add-ons, and the beginnings of the names of pods, that tell which services are used.
pub fn clues() -> (Vec<&'static str>, Vec<&'static str>) {
    let (mut addons, mut pods) = (Vec::new(), Vec::new());
    for service in SERVICES {
        if let Need::Used { pods: of_pods, addons: of_addons } = service.need {
            pods.extend(of_pods);
            addons.extend(of_addons);
        }
    }
    (addons, pods)
}

/// The services that nodes call, in the order of the report.
pub const SERVICES: &[NeededService] = &[
    NeededService { name: "ecr.api", purpose: "image pulls: the registry's API", need: Need::Always },
    NeededService { name: "ecr.dkr", purpose: "image pulls: the registry itself", need: Need::Always },
    NeededService { name: "s3", purpose: "image pulls: the layers", need: Need::Always },
    NeededService { name: "sts", purpose: "credentials for service accounts", need: Need::Always },
    NeededService { name: "ec2", purpose: "the CNI's addresses, node names", need: Need::Always },
    NeededService { name: "eks", purpose: "bootstrap, Karpenter, controllers", need: Need::Always },
    NeededService {
        name: "eks-auth",
        purpose: "credentials by Pod Identity",
        need: used(&["eks-pod-identity-agent"], &["eks-pod-identity-agent"]),
    },
    NeededService {
        name: "elasticloadbalancing",
        purpose: "the AWS Load Balancer Controller",
        need: used(&["aws-load-balancer-controller"], &[]),
    },
    NeededService { name: "autoscaling", purpose: "the Cluster Autoscaler", need: used(&["cluster-autoscaler"], &[]) },
    NeededService {
        name: "logs",
        purpose: "logs of containers and agents",
        need: used(
            &["aws-for-fluent-bit", "fluent-bit", "cloudwatch-agent", "fluentd-cloudwatch"],
            &["amazon-cloudwatch-observability"],
        ),
    },
    NeededService { name: "xray", purpose: "traces", need: used(&["xray-daemon", "adot-collector"], &["adot"]) },
    NeededService { name: "ssm", purpose: "Session Manager, parameters", need: used(&["amazon-ssm-agent"], &[]) },
    NeededService { name: "ssmmessages", purpose: "Session Manager", need: used(&["amazon-ssm-agent"], &[]) },
    NeededService { name: "ec2messages", purpose: "Session Manager", need: used(&["amazon-ssm-agent"], &[]) },
    NeededService { name: "route53", purpose: "ExternalDNS", need: used(&["external-dns"], &["external-dns"]) },
];

impl NeededService {
    /// The requirement that nodes reach it.
    pub fn source(self) -> Source {
        private_page("EK-24")
    }
}

/// A component whose pods the control plane calls on a port that no AWS table names.
#[derive(Debug, Clone, Copy)]
pub struct Component {
    /// What `--also` takes.
    pub name: &'static str,
    pub title: &'static str,
    /// Its ports on the pod, with the versions or the use that have them.
    pub ports: &'static [(u16, &'static str)],
    pub url: &'static str,
}

/// Well-known components, by name.
pub const COMPONENTS: &[Component] = &[
    Component {
        name: "aws-load-balancer-controller",
        title: "AWS Load Balancer Controller",
        ports: &[(9443, "webhooks")],
        url: "https://kubernetes-sigs.github.io/aws-load-balancer-controller/",
    },
    Component {
        name: "cert-manager",
        title: "cert-manager",
        ports: &[(10250, "webhook")],
        url: "https://cert-manager.io/docs/installation/compatibility/",
    },
    Component {
        name: "cloudnative-pg",
        title: "CloudNativePG",
        ports: &[(9443, "webhooks")],
        url: "https://cloudnative-pg.io/documentation/current/",
    },
    Component {
        name: "external-secrets",
        title: "External Secrets Operator",
        ports: &[(10250, "webhook")],
        url: "https://external-secrets.io/latest/",
    },
    Component {
        name: "gatekeeper",
        title: "OPA Gatekeeper",
        ports: &[(8443, "webhook")],
        url: "https://open-policy-agent.github.io/gatekeeper/website/docs/install/",
    },
    Component {
        name: "ingress-nginx",
        title: "Ingress NGINX Controller",
        ports: &[(8443, "admission webhook")],
        url: "https://kubernetes.github.io/ingress-nginx/deploy/",
    },
    Component {
        name: "istio",
        title: "Istio",
        ports: &[(15017, "sidecar injector and validation")],
        url: "https://istio.io/latest/docs/ops/deployment/application-requirements/",
    },
    Component {
        name: "karpenter",
        title: "Karpenter",
        ports: &[(8443, "webhooks, before v1.1")],
        url: "https://karpenter.sh/docs/upgrading/upgrade-guide/",
    },
    Component {
        name: "keda",
        title: "KEDA",
        ports: &[(6443, "external metrics API"), (9443, "admission webhooks")],
        url: "https://keda.sh/docs/latest/troubleshooting/",
    },
    Component {
        name: "kyverno",
        title: "Kyverno",
        ports: &[(9443, "webhooks")],
        url: "https://kyverno.io/docs/installation/",
    },
    Component {
        name: "linkerd",
        title: "Linkerd",
        ports: &[(8443, "proxy injector and policy validator"), (8089, "tap API")],
        url: "https://linkerd.io/2/reference/cluster-configuration/",
    },
    Component {
        name: "metrics-server",
        title: "Metrics Server",
        ports: &[
            (4443, "before v0.6.1"),
            (10250, "since v0.6.2"),
            (10251, "EKS add-on and Fargate, where 10250 is the kubelet's"),
        ],
        url: "https://docs.aws.amazon.com/eks/latest/userguide/metrics-server.html",
    },
    Component {
        name: "prometheus-adapter",
        title: "Prometheus Adapter",
        ports: &[(6443, "custom metrics API")],
        url: "https://github.com/kubernetes-sigs/prometheus-adapter",
    },
    Component {
        name: "prometheus-operator",
        title: "Prometheus Operator",
        ports: &[(10250, "admission webhook"), (9090, "Prometheus by the API server's proxy")],
        url: "https://prometheus-operator.dev/docs/platform/webhook/",
    },
    Component {
        name: "vertical-pod-autoscaler",
        title: "Vertical Pod Autoscaler",
        ports: &[(8000, "admission controller")],
        url: "https://github.com/kubernetes/autoscaler/tree/master/vertical-pod-autoscaler",
    },
];
