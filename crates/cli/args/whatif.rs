//! `reach whatif` and `reach diff`, as data.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{FamilyArg, LevelArg, Source};

pub(super) const WHATIF_HELP: &str = "\
Examples:
  reach whatif --snapshot demo --changes changes.jsonl
  reach whatif --changes changes.jsonl --policy policy.toml
  reach whatif --changes - --from node --to controlplane --port 443
  reach whatif --changes changes.jsonl --check eks            # which requirements of the cluster change
  reach whatif --changes changes.jsonl --rank                 # harmless ones first
  terraform show -json PLAN | reach whatif --terraform-plan - --output markdown    # for a pull request
  reach whatif --terraform-plan plan.json --output sarif      # for code scanning

A scenario, one a line:
  {\"id\": \"no-more-ssh\", \"changes\": [{\"RevokeSecurityGroupIngress\": {\"GroupId\": \"sg-…\",
   \"IpPermissions\": [{\"IpProtocol\": \"tcp\", \"FromPort\": 22, \"ToPort\": 22,
   \"IpRanges\": [{\"CidrIp\": \"0.0.0.0/0\"}]}]}}]}
What a scenario makes is named `new:ANYTHING` later in it.

Open connections:
  cut now               untracked flows whose rule is gone; network ACLs, routes and gateways
  survive until idle    tracked flows whose rule is gone: they stay up, and cannot reconnect
  unknown               AWS does not document it, or the snapshot does not tell";

pub(super) const WHATIF_EXIT_CODES: &str = "\
Exit codes:
   0  nothing is lost, and no expectation or requirement is broken
   1  something is lost, or an expectation or a requirement is broken
   2  the command line, the snapshot, a scenario or a plan is wrong, or AWS would refuse a change
   3  unknown: what the snapshot does not hold, or what of the plan is not understood, decides
   4  reading or writing failed
  70  the engines contradict each other (a bug)
  Where several apply: 70, 4, 2, 1, 3, 0 in that order.";

pub(super) const DIFF_EXAMPLES: &str = "\
Examples:
  reach diff snapshot-monday snapshot-tuesday
  reach diff old.json.zst new.json.zst --policy policy.toml
  reach diff old new --from internet --to node --output markdown
  reach diff old new --check eks --level minimum";

/// A question, as `reach query` takes it, that a difference is narrowed to.
#[derive(Debug, Args)]
pub(crate) struct Narrowing {
    /// Only this question, as a line of `reach query --batch`: {"from": …, "to": …, "port": …}
    #[arg(long, value_name = "JSON", conflicts_with_all = ["from", "to", "protocol", "port", "source_port", "icmp", "family"])]
    pub(crate) query: Option<String>,
    /// Only flows from these: a selector (`reach query --help` lists them)
    #[arg(long, value_name = "SELECTOR", requires = "to")]
    pub(crate) from: Option<String>,
    /// Only flows to these: a selector
    #[arg(long, value_name = "SELECTOR", requires = "from")]
    pub(crate) to: Option<String>,
    /// tcp, udp, icmp, icmpv6, all or a number [default: tcp with --port, icmp with --icmp, else all]
    #[arg(long, value_name = "PROTOCOL", requires = "from")]
    pub(crate) protocol: Option<String>,
    /// Destination ports: numbers, ranges and service names [default: all]
    #[arg(long, value_name = "PORTS", allow_hyphen_values = true, requires = "from")]
    pub(crate) port: Option<String>,
    /// The client's ports
    #[arg(long, value_name = "PORTS", allow_hyphen_values = true, requires = "from")]
    pub(crate) source_port: Option<String>,
    /// ICMP messages, such as 8 (any code), 8/0 or 3/4 [default: all]
    #[arg(long, value_name = "TYPE[/CODE]", allow_hyphen_values = true, requires = "from")]
    pub(crate) icmp: Option<String>,
    /// The address family
    #[arg(long, value_enum, ignore_case = true, requires = "from")]
    pub(crate) family: Option<FamilyArg>,
    /// Tell which expectations of a policy change, too
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Tell which findings of `reach check eks` change, too
    #[arg(long, value_enum, ignore_case = true, value_name = "WHAT")]
    pub(crate) check: Option<Audited>,
    /// Which findings decide about the exit code: up to this level [default: recommended]
    #[arg(long, value_enum, ignore_case = true, requires = "check", value_name = "LEVEL")]
    pub(crate) level: Option<LevelArg>,
    /// The EKS cluster that is checked and that selectors speak of, where the snapshot holds several
    #[arg(long, value_name = "NAME", env = "REACH_CLUSTER", hide_env_values = true)]
    pub(crate) cluster: Option<String>,
}

/// `reach whatif`.
#[derive(Debug, Args)]
pub(crate) struct Whatif {
    /// Scenarios, one JSON object a line; `-` is standard input
    #[arg(long, value_name = "FILE", required_unless_present = "terraform_plan", conflicts_with = "terraform_plan")]
    pub(crate) changes: Option<PathBuf>,
    /// One scenario from a plan of Terraform's or tofu's, as `terraform show -json PLAN` prints it; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) terraform_plan: Option<PathBuf>,
    /// Print the scenarios not in their order, but those that break nothing first and refused ones last
    ///
    /// By the number of broken expectations and requirements, then by the pairs that are lost, cut now, undecided and gained.
    /// A range of outside addresses counts as one end.
    #[arg(long, conflicts_with = "terraform_plan")]
    pub(crate) rank: bool,
    #[command(flatten)]
    pub(crate) narrowing: Narrowing,
    #[command(flatten)]
    pub(crate) source: Source,
    /// The form of the answers [default: text]
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    pub(crate) output: Option<WhatifFormat>,
}

/// `reach diff`.
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The snapshot before
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,
    /// The snapshot after
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    #[command(flatten)]
    pub(crate) narrowing: Narrowing,
    /// The form of the answer [default: text]
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    pub(crate) output: Option<WhatifFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Audited {
    /// The requirements of an EKS cluster
    Eks,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum WhatifFormat {
    /// For people
    Text,
    /// JSON documents
    Json,
    /// One JSON object a line
    Jsonl,
    /// For pull requests and chats
    Markdown,
    /// For code scanning (SARIF 2.1.0): a plan, or two snapshots
    Sarif,
}
