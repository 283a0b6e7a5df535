//! Would this cluster work? Every requirement of the table is asked of the network, and what fails is mended on paper.

mod finding;

pub use finding::{Asked, Audit, Finding, Judged, Level, Placement, Remark, Source, Status};

use reach_engine::compile::Compiled;
use reach_engine::pair::{Ask, Lane};
use reach_engine::question::{self, AskError, Engine};
use reach_engine::{Verdict, fix};
use reach_model::Network;
use reach_packets::{PortRanges, Protocol};

use crate::{Cluster, SelectorError};

/// What an audit is asked to do.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Who uses the cluster's API from outside of it: selectors.
    pub clients: Vec<String>,
    /// Components whose needs are checked, too.
    pub also: Vec<String>,
    /// Whether fixes are looked for.
    pub fixes: bool,
    pub engine: Engine,
}

/// Why a cluster cannot be audited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditError {
    #[error(transparent)]
    Selector(#[from] SelectorError),
    #[error(transparent)]
    Ask(#[from] AskError),
}

/// Audits a cluster.
///
/// # Errors
///
/// A client that means nothing, and engines that contradict each other.
pub fn audit(network: &Network, cluster: &Cluster, options: &Options) -> Result<Audit, AuditError> {
    let compiled = Compiled::new(network);
    let name = Some(&*cluster.name);
    let table = [
        ("eks.api.node-to-controlplane.tcp-443", Level::Minimum, "node", "apiserver", 443),
        ("eks.kubelet.controlplane-to-node.tcp-10250", Level::Minimum, "controlplane", "node", 10250),
        ("eks.controlplane-to-node.tcp-443", Level::Recommended, "controlplane", "node", 443),
    ];
    let mut findings = Vec::new();
    for (id, level, from, to, port) in table {
        let ask = || Ask {
            lanes: vec![Lane::Ports(Protocol::TCP, PortRanges::single(port))],
            source_ports: None,
            family: None,
        };
        let question = crate::question(network, from, to, name, ask())?;
        let answer = question::ask(&compiled, &question, options.engine)?;
        let asked = Asked {
            from: from.to_owned(),
            to: to.to_owned(),
            protocol: "tcp",
            port: Some(port.to_string()),
            family: None,
        };
        let status = match answer.verdict {
            Verdict::Reachable => Status::Pass,
            Verdict::Blocked => Status::Fail,
            Verdict::Partial => Status::Partial,
            Verdict::Unknown => Status::Unknown,
        };
        let repair = if options.fixes && status != Status::Pass {
            fix::fix(network, |network| crate::question(network, from, to, name, ask()), options.engine).ok()
        } else {
            None
        };
        findings.push(Finding {
            id: id.to_owned(),
            level,
            status,
            title: format!("{from} to {to} on tcp {port}"),
            question: Some(asked.clone()),
            pairs: answer.pairs,
            answers: vec![Judged { asked, question, answer }],
            placement: Vec::new(),
            remarks: Vec::new(),
            fixes: if let Some(fix::Repair::Fixed(fixes)) = repair { fixes } else { Vec::new() },
            source: Source {
                semantics: "EK-19",
                title: "Amazon EKS security group requirements",
                url: "https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html",
            },
        });
    }
    Ok(Audit { cluster: cluster.name.clone(), findings, remarks: Vec::new() })
}
