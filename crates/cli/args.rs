//! The command line, as data. Doc comments are the help texts.

use std::path::PathBuf;

use clap::builder::styling::AnsiColor;
use clap::builder::{PossibleValuesParser, Styles, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use reach_eks::audit::Level;
use reach_engine::Verdict;
use reach_engine::question::Engine;
use reach_generate::Profile;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// What `--version` prints: the version, then what it reads and writes.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nsnapshot format: reach.snapshot/1 (.json, .json.zst), AWS CLI output, Batfish aws_configs",
    "\nanswer formats:  reach.query/1, reach.check/1, reach.fix/1, reach.whatif/1, reach.diff/1",
    "\nfeatures:        none",
);

const EXIT_CODES: &str = "\
Exit codes:
   0  reachable for all pairs, or as --expect says; success of every other command
   1  blocked or partial
   2  the command line, the snapshot or a line of a batch is wrong
   3  unknown: what the snapshot does not hold decides
   4  reading or writing failed
  70  the engines contradict each other (a bug)
  Where several apply: 70, 4, 2, 1, 3, 0 in that order.";

const EXAMPLES: &str = "\
Examples:
  reach query --snapshot demo --from node --to controlplane --port 443
  reach snapshot script > collect.sh && sh collect.sh     # writes ./snapshot with the AWS CLI
  reach query --snapshot snapshot --from 10.0.1.7 --to aws/s3 --port https --explain";

const QUERY_EXAMPLES: &str = "\
Examples:
  reach query --snapshot demo --from node --to controlplane --port 443
  reach query --from 10.0.1.7 --to internet/198.51.100.9 --protocol udp --port 53
  reach query --from pod/shop/cart-7d9 --to pod/shop/db-0      # everything that gets through
  reach query --from i-0123 --to 10.0.0.0/16 --icmp 8
  reach query --from internet --to name/WEB --port https,8443 --expect blocked
  reach query --batch questions.jsonl                          # one answer a line, in order

Selectors:
  node, node/GROUP        nodes of the cluster, or of one node group
  pod, pod/NAMESPACE/NAME pods
  controlplane, apiserver the control plane's interfaces; what the cluster's name resolves to
  svc/NAMESPACE/NAME      the endpoints behind a Kubernetes service
  internet, internet/ADDR the outside, or one host of it
  aws/SERVICE             the endpoint that the source would really use: aws/s3, aws/ecr.api
  lb/NAME                 a load balancer's nodes
  10.0.1.7, 10.0.0.0/16   an address, or all endpoints in a CIDR
  i-…, eni-…, sg-…, vpc-… a resource by its id or the beginning of it; also subnet-, vpce-, nat-, pl-
  name/NAME, tag/KEY=VAL  by tag
  vpc-…/SELECTOR, cluster/NAME/SELECTOR   where the plain form is ambiguous

Verdicts:
  reachable  the first packet and its reply pass
  blocked    one of them does not
  partial    some ports, source ports, addresses or placements pass, and the answer says which
  unknown    what the snapshot does not hold decides, and the answer says which call would tell";

const BATCH_HELP: &str = "\
A question is a JSON object a line with the keys id, from, to, protocol, port, source_port, icmp_type, icmp_code and \
family; all but from and to may be left out. `port` is a number or a string like that of --port, `protocol` a name or \
a number. Every line gets its answer on a line of its own, in the same order: the object that --output json prints, \
with the id of the question. A line that cannot be answered gets {\"id\", \"error\"}, and the others go on.";

/// Tells whether a packet gets through an AWS VPC or EKS cluster, both ways, and why not
///
/// Reads what the AWS CLI prints (`aws ec2 describe-*`), needs no credentials and no network, and answers by security
/// groups, network ACLs, routes, gateways and endpoints, with the rules that decide.
#[derive(Debug, Parser)]
#[command(
    name = "reach",
    version,
    long_version = LONG_VERSION,
    styles = STYLES,
    max_term_width = 100,
    arg_required_else_help = true,
    subcommand_required = true,
    after_help = format!("{EXAMPLES}\n\n{EXIT_CODES}"),
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Colour the output: auto (on a terminal, unless `NO_COLOR` is set), always or never
    #[arg(long, global = true, value_enum, value_name = "WHEN", env = "REACH_COLOR", hide_env_values = true)]
    #[arg(hide_possible_values = true)]
    pub(crate) color: Option<Color>,
    /// Print no answer and no warning: the exit code tells
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say on standard error what was read, and every warning
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Ask whether traffic passes, both ways, and why not
    Query(Box<Query>),
    /// Tell whether an EKS cluster would work, or whether a policy holds
    ///
    /// `reach check eks` asks every question that AWS's requirements for a cluster's network come to, and mends on paper
    /// what fails. `reach check POLICY.toml` asks the questions of a file and compares the answers with what is expected
    /// there. Nothing is ever applied.
    #[command(after_help = format!("{CHECK_HELP}\n\n{CHECK_EXIT_CODES}"))]
    Check(Box<Check>),
    /// Find the smallest changes that let traffic pass, each verified
    ///
    /// Looks at every gate that says no, proposes rules of security groups, entries of network ACLs, routes, endpoints,
    /// entries of prefix lists or `publicAccessCidrs`, and asks the same question again on the changed snapshot. Only
    /// what then lets all pairs pass is told. Nothing is applied.
    #[command(after_help = format!("{FIX_EXAMPLES}\n\n{FIX_EXIT_CODES}"))]
    Fix(Box<Fix>),
    /// Tell what changes would do, before they are made: flows gained and lost, and what becomes of open connections
    ///
    /// Changes are AWS API calls in their own JSON. Each line of the file is a scenario: its changes are applied in order,
    /// on paper, and only what they come to counts. AWS's own refusals are told in its words. Nothing is applied.
    #[command(after_help = format!("{WHATIF_HELP}\n\n{WHATIF_EXIT_CODES}"))]
    Whatif(Box<Whatif>),
    /// Compare two snapshots: flows gained and lost between them
    #[command(after_help = format!("{DIFF_EXAMPLES}\n\n{WHATIF_EXIT_CODES}"))]
    Diff(Box<Diff>),
    /// List every flow that passes: the complete, exact set
    ///
    /// All flows between all addresses of the snapshot and the internet, all protocols and ports, both ways judged:
    /// by equivalence classes of addresses that nothing in the network tells apart, or by single addresses. The bytes
    /// are the same on every run and for any number of threads.
    #[command(after_help = MATRIX_HELP)]
    Matrix(Box<Matrix>),
    /// Look into, check and pack snapshots
    #[command(subcommand, arg_required_else_help = true)]
    Snapshot(Snapshot),
    /// Write a synthetic AWS estate of any size, for measurements that others can repeat
    ///
    /// The files are what the AWS CLI would print about it. They are the same to the byte for the same size, profile,
    /// seed and layout. The directory appears when it is complete, or not at all.
    Generate(Generate),
    /// Print a completion script for a shell
    ///
    /// For example: reach completions bash > ~/.local/share/bash-completion/completions/reach
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, or write one for every command into a directory
    #[command(hide = true)]
    Man {
        /// Write the pages of all commands there instead
        directory: Option<PathBuf>,
    },
}

/// Where the snapshot is.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// A directory of AWS CLI output, a snapshot file, `-` for standard input, or `demo`; several are merged
    #[arg(long, value_name = "PATH", env = "REACH_SNAPSHOT", hide_env_values = true)]
    pub(crate) snapshot: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(
    after_help = format!("{QUERY_EXAMPLES}\n\n{EXIT_CODES}"),
    override_usage = "reach query [OPTIONS] --from <SELECTOR> --to <SELECTOR>\n       reach query [OPTIONS] --batch <FILE>",
)]
pub(crate) struct Query {
    /// Who sends the first packet: a selector
    #[arg(long, value_name = "SELECTOR", required_unless_present = "batch")]
    pub(crate) from: Option<String>,
    /// Who is to receive it: a selector
    #[arg(long, value_name = "SELECTOR", required_unless_present = "batch")]
    pub(crate) to: Option<String>,
    /// tcp, udp, icmp, icmpv6, all or a number [default: tcp with --port, icmp with --icmp, else all]
    #[arg(long, value_name = "PROTOCOL")]
    pub(crate) protocol: Option<String>,
    /// Destination ports: numbers, ranges and service names, such as 443,8000-8999,dns [default: all]
    #[arg(long, value_name = "PORTS", allow_hyphen_values = true)]
    pub(crate) port: Option<String>,
    /// The client's ports [default: what that kind of client really uses]
    #[arg(long, value_name = "PORTS", allow_hyphen_values = true)]
    pub(crate) source_port: Option<String>,
    /// ICMP messages, such as 8 (any code), 8/0 or 3/4 [default: all]
    #[arg(long, value_name = "TYPE[/CODE]", allow_hyphen_values = true)]
    pub(crate) icmp: Option<String>,
    /// The address family [default: IPv4 where both ends have it, else IPv6]
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) family: Option<FamilyArg>,
    /// Answer the questions of a file, one JSON object a line; `-` is standard input
    #[arg(long, value_name = "FILE", long_help = format!(
        "Answer the questions of a file; `-` is standard input\n\n{BATCH_HELP}"
    ))]
    #[arg(conflicts_with_all = ["from", "to", "protocol", "port", "source_port", "icmp", "family", "expect"])]
    pub(crate) batch: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) source: Source,
    /// The EKS cluster that selectors speak of, where the snapshot holds several
    #[arg(long, value_name = "NAME", env = "REACH_CLUSTER", hide_env_values = true)]
    pub(crate) cluster: Option<String>,
    /// Succeed (exit 0) if and only if this is the verdict
    #[arg(long, value_enum, value_name = "VERDICT")]
    pub(crate) expect: Option<VerdictArg>,
    /// Show every step of both ways and every rule (text and markdown; JSON always has them)
    #[arg(long)]
    pub(crate) explain: bool,
    /// Who judges: `compiled` by sets of headers, its witness checked packet by packet; `reference` packet by packet
    /// alone; `both`, and every answer compared (exit 70 where they differ)
    #[arg(long, value_enum, value_name = "ENGINE", env = "REACH_ENGINE", hide_env_values = true)]
    #[arg(default_value_t = EngineArg::Compiled)]
    pub(crate) engine: EngineArg,
    /// The form of the answer [default: text; with --batch: jsonl]
    #[arg(long, short, value_enum, value_name = "FORMAT", env = "REACH_OUTPUT", hide_env_values = true)]
    pub(crate) output: Option<Format>,
}

const FIX_EXAMPLES: &str = "\
Examples:
  reach fix --snapshot demo --from controlplane --to node --port 10250
  reach fix --from node --to aws/ecr.api --port https --output markdown
  reach fix --from pod/shop/cart-7d9 --to name/DB --port 5432 --output json";

const FIX_EXIT_CODES: &str = "\
Exit codes:
   0  fixed, or reachable already
   1  no change that reach knows makes it reachable
   2  the command line or the snapshot is wrong
   3  unknown: what the snapshot does not hold decides
   4  reading or writing failed
  70  the engines contradict each other (a bug)";

/// `reach fix`: a question, as `reach query` takes it.
#[derive(Debug, Args)]
pub(crate) struct Fix {
    /// Who sends the first packet: a selector (`reach query --help` lists them)
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) from: String,
    /// Who is to receive it: a selector
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) to: String,
    /// tcp, udp, icmp, icmpv6, all or a number [default: tcp with --port, icmp with --icmp, else all]
    #[arg(long, value_name = "PROTOCOL")]
    pub(crate) protocol: Option<String>,
    /// Destination ports: numbers, ranges and service names, such as 443,8000-8999,dns [default: all]
    #[arg(long, value_name = "PORTS", allow_hyphen_values = true)]
    pub(crate) port: Option<String>,
    /// The client's ports [default: what that kind of client really uses]
    #[arg(long, value_name = "PORTS", allow_hyphen_values = true)]
    pub(crate) source_port: Option<String>,
    /// ICMP messages, such as 8 (any code), 8/0 or 3/4 [default: all]
    #[arg(long, value_name = "TYPE[/CODE]", allow_hyphen_values = true)]
    pub(crate) icmp: Option<String>,
    /// The address family [default: IPv4 where both ends have it, else IPv6]
    #[arg(long, value_enum, ignore_case = true)]
    pub(crate) family: Option<FamilyArg>,
    #[command(flatten)]
    pub(crate) source: Source,
    /// The EKS cluster that selectors speak of, where the snapshot holds several
    #[arg(long, value_name = "NAME", env = "REACH_CLUSTER", hide_env_values = true)]
    pub(crate) cluster: Option<String>,
    /// Who judges, now and on the changed snapshot: compiled, reference, or both and every answer compared
    #[arg(long, value_enum, value_name = "ENGINE", env = "REACH_ENGINE", hide_env_values = true)]
    #[arg(default_value_t = EngineArg::Compiled)]
    pub(crate) engine: EngineArg,
    /// The form of the fixes [default: text]
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    pub(crate) output: Option<FixFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FixFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// For pull requests and chats
    Markdown,
}

const WHATIF_HELP: &str = "\
Examples:
  reach whatif --snapshot demo --changes changes.jsonl
  reach whatif --changes changes.jsonl --policy policy.toml
  reach whatif --changes - --from node --to controlplane --port 443
  reach whatif --changes changes.jsonl --output markdown      # for a pull request

A scenario, one a line:
  {\"id\": \"no-more-ssh\", \"changes\": [{\"RevokeSecurityGroupIngress\": {\"GroupId\": \"sg-…\",
   \"IpPermissions\": [{\"IpProtocol\": \"tcp\", \"FromPort\": 22, \"ToPort\": 22,
   \"IpRanges\": [{\"CidrIp\": \"0.0.0.0/0\"}]}]}}]}
What a scenario makes is named `new:ANYTHING` later in it.

Open connections:
  cut now               untracked flows whose rule is gone; network ACLs, routes and gateways
  survive until idle    tracked flows whose rule is gone: they stay up, and cannot reconnect
  unknown               AWS does not document it, or the snapshot does not tell";

const WHATIF_EXIT_CODES: &str = "\
Exit codes:
   0  nothing is lost, and no expectation is broken
   1  something is lost, or an expectation is broken
   2  the command line, the snapshot or a scenario is wrong, or AWS would refuse a change
   3  unknown: what the snapshot does not hold decides
   4  reading or writing failed
  70  the engines contradict each other (a bug)
  Where several apply: 70, 4, 2, 1, 3, 0 in that order.";

const DIFF_EXAMPLES: &str = "\
Examples:
  reach diff snapshot-monday snapshot-tuesday
  reach diff old.json.zst new.json.zst --policy policy.toml
  reach diff old new --from internet --to node --output markdown";

/// A question, as `reach query` takes it, that a difference is narrowed to.
#[derive(Debug, Args)]
pub(crate) struct Narrowing {
    /// Only this question, as a line of `reach query --batch`: {\"from\": …, \"to\": …, \"port\": …}
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
    /// The EKS cluster that selectors speak of, where the snapshot holds several
    #[arg(long, value_name = "NAME", env = "REACH_CLUSTER", hide_env_values = true)]
    pub(crate) cluster: Option<String>,
}

/// `reach whatif`.
#[derive(Debug, Args)]
pub(crate) struct Whatif {
    /// Scenarios, one JSON object a line; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) changes: PathBuf,
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
pub(crate) enum WhatifFormat {
    /// For people
    Text,
    /// JSON documents
    Json,
    /// One JSON object a line
    Jsonl,
    /// For pull requests and chats
    Markdown,
}

const GENERATE_EXAMPLES: &str = "\
Examples:
  reach generate --enis 5000 --profile realistic --out estate
  reach generate --enis 64000 --profile eks --seed 7 --out estate
  reach generate --enis 5000 --profile dense --layout batfish --out snapshot
  reach snapshot info estate";

#[derive(Debug, Args)]
#[command(after_help = format!("{}\n\n{GENERATE_EXAMPLES}\n\n{EXIT_CODES}", profiles()))]
pub(crate) struct Generate {
    /// Network interfaces, from 50 to 512000
    #[arg(long, value_name = "N")]
    pub(crate) enis: usize,
    /// The shape of the estate: see below
    #[arg(long, value_name = "PROFILE", value_parser = profile())]
    #[arg(hide_possible_values = true)]
    pub(crate) profile: Profile,
    /// Another seed, another estate of the same shape
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// How the answers are put into files
    #[arg(long, value_enum, value_name = "LAYOUT", default_value = "aws")]
    pub(crate) layout: LayoutArg,
    /// The directory to write: a new or an empty one
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

/// Reads the words of profiles, and lists them where another is given.
fn profile() -> impl TypedValueParser<Value = Profile> {
    PossibleValuesParser::new(Profile::ALL.map(Profile::as_str)).try_map(|word| word.parse::<Profile>())
}

fn profiles() -> String {
    let lines = Profile::ALL.map(|profile| format!("\n  {profile:<10} {}", profile.summary()));
    format!("Profiles:{}", lines.concat())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayoutArg {
    /// One file per call of the AWS CLI
    Aws,
    /// `aws_configs`, as Batfish reads it
    Batfish,
}

impl From<LayoutArg> for reach_generate::Layout {
    fn from(layout: LayoutArg) -> Self {
        match layout {
            LayoutArg::Aws => Self::Aws,
            LayoutArg::Batfish => Self::Batfish,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FamilyArg {
    Ipv4,
    Ipv6,
}

impl From<FamilyArg> for reach_packets::Family {
    fn from(family: FamilyArg) -> Self {
        match family {
            FamilyArg::Ipv4 => Self::V4,
            FamilyArg::Ipv6 => Self::V6,
        }
    }
}

const CHECK_HELP: &str = "\
Examples:
  reach check eks --snapshot demo
  reach check eks --level minimum --client 10.0.0.0/8 --client internet/203.0.113.7
  reach check eks --output sarif > reach.sarif           # for code scanning
  reach check policy.toml --output junit > reach.xml     # for a test report
  reach check ./eks                                      # a policy whose file is called eks

A policy is a TOML file:
  [[expect]]
  from = \"internet\"          # selectors, as of reach query
  to = \"node\"
  port = \"22,3389\"           # also: protocol, source_port, icmp, family, cluster
  verdict = \"blocked\"        # reachable, blocked, partial or unknown
  why = \"nodes are administered by SSM only\"

Levels:
  minimum      without it the cluster does not work
  recommended  AWS recommends it
  conformance  CNCF conformance and proxying to privileged ports need it";

const CHECK_EXIT_CODES: &str = "\
Exit codes:
   0  everything passes at the asked level; every answer is as expected
   1  something fails at the asked level, at least in part; an answer is not as expected
   2  the command line, the snapshot or the policy is wrong
   3  unknown: what the snapshot does not hold decides, and nothing else fails
   4  reading or writing failed
  70  the engines contradict each other (a bug)
  Where several apply: 70, 4, 2, 1, 3, 0 in that order.";

/// `reach check`.
#[derive(Debug, Args)]
#[command(override_usage = "reach check eks [OPTIONS]\n       reach check <POLICY> [OPTIONS]")]
pub(crate) struct Check {
    /// `eks`, or the file of a policy; `-` is standard input
    #[arg(value_name = "eks|POLICY")]
    pub(crate) what: PathBuf,
    #[command(flatten)]
    pub(crate) source: Source,
    /// The EKS cluster, where the snapshot holds several
    #[arg(long, value_name = "NAME", env = "REACH_CLUSTER", hide_env_values = true)]
    pub(crate) cluster: Option<String>,
    /// Only findings up to this level decide the exit code; all are told [default: recommended]
    #[arg(long, value_enum, value_name = "LEVEL", ignore_case = true)]
    pub(crate) level: Option<LevelArg>,
    /// Who uses the cluster's API from outside of it: a selector; several are allowed
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) client: Vec<String>,
    /// Ask about the ports of this component, too (`all` for every one that is known); it decides nothing
    #[arg(long, value_name = "COMPONENT")]
    pub(crate) also: Vec<String>,
    /// Look for no fixes
    #[arg(long)]
    pub(crate) no_fixes: bool,
    /// Show everything that passes, and fixes as Terraform and as API calls, too (text and markdown; JSON always has them)
    #[arg(long)]
    pub(crate) explain: bool,
    /// Who judges: as of reach query
    #[arg(long, value_enum, value_name = "ENGINE", env = "REACH_ENGINE", hide_env_values = true)]
    #[arg(default_value_t = EngineArg::Compiled)]
    pub(crate) engine: EngineArg,
    /// The form of the report [default: text]
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    pub(crate) output: Option<CheckFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LevelArg {
    Minimum,
    Recommended,
    Conformance,
}

impl From<LevelArg> for Level {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::Minimum => Level::Minimum,
            LevelArg::Recommended => Level::Recommended,
            LevelArg::Conformance => Level::Conformance,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
    /// For tickets and pull requests
    Markdown,
    /// For code scanning: SARIF 2.1.0
    Sarif,
    /// For test reports: JUnit XML
    Junit,
}

const MATRIX_HELP: &str = "\
Examples:
  reach matrix --snapshot demo
  reach matrix --snapshot DIR --output jsonl --out flows.jsonl
  reach matrix --snapshot DIR --from node --to controlplane --group eni --output csv
  reach matrix --snapshot DIR --from internet --protocol tcp --port 22

Every line is a product: all of `from` with all of `to`, an address with itself left out, may use any of
`source_ports` to any of `ports`. Lines are disjoint. `state` is reachable, or unknown where the snapshot does not
decide. Hosts outside are one endpoint, told as CIDRs.";

/// `reach matrix`.
#[derive(Debug, Args)]
pub(crate) struct Matrix {
    /// Only flows from these: a selector [default: every address of the snapshot, and the internet]
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) from: Option<String>,
    /// Only flows to these: a selector [default: every address of the snapshot, and the internet]
    #[arg(long, value_name = "SELECTOR")]
    pub(crate) to: Option<String>,
    /// Only tcp, udp, icmp, icmpv6 or a number [default: all]
    #[arg(long, value_name = "PROTOCOL")]
    pub(crate) protocol: Option<String>,
    /// Only these destination ports: numbers, ranges and service names [default: all]
    #[arg(long, value_name = "PORTS", allow_hyphen_values = true)]
    pub(crate) port: Option<String>,
    #[command(flatten)]
    pub(crate) source: Source,
    /// The EKS cluster that selectors speak of, where the snapshot holds several
    #[arg(long, value_name = "NAME", env = "REACH_CLUSTER", hide_env_values = true)]
    pub(crate) cluster: Option<String>,
    /// List flows by classes of addresses, or by single addresses
    #[arg(long, value_enum, value_name = "UNIT", default_value_t = Unit::Class)]
    pub(crate) group: Unit,
    /// The form of the list; text is a summary [default: text, with --out: jsonl]
    #[arg(long, short, value_enum, value_name = "FORMAT")]
    pub(crate) output: Option<MatrixFormat>,
    /// Write to this file instead of standard output; it appears when it is complete, or not at all
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// With --output csv: write the members of the classes to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) classes: Option<PathBuf>,
    /// How many threads work [default: one for each processor]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Unit {
    Class,
    Eni,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum MatrixFormat {
    Text,
    Csv,
    Jsonl,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineArg {
    Compiled,
    Reference,
    Both,
}

impl From<EngineArg> for Engine {
    fn from(engine: EngineArg) -> Self {
        match engine {
            EngineArg::Compiled => Engine::Compiled,
            EngineArg::Reference => Engine::Reference,
            EngineArg::Both => Engine::Both,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VerdictArg {
    Reachable,
    Blocked,
    Partial,
    Unknown,
}

impl From<VerdictArg> for Verdict {
    fn from(verdict: VerdictArg) -> Self {
        match verdict {
            VerdictArg::Reachable => Verdict::Reachable,
            VerdictArg::Blocked => Verdict::Blocked,
            VerdictArg::Partial => Verdict::Partial,
            VerdictArg::Unknown => Verdict::Unknown,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// For people
    Text,
    /// One JSON document (with --batch: JSON lines)
    Json,
    /// One JSON object a line
    Jsonl,
    /// For pull requests and chats
    Markdown,
    /// The witnesses' paths as a Graphviz graph
    Dot,
    /// The witnesses' paths as a Mermaid flow chart
    Mermaid,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Snapshot {
    /// Count what a snapshot holds, and tell what it lacks for which question
    Info {
        #[command(flatten)]
        place: Place,
        /// The form of the summary
        #[arg(long, short, value_enum, value_name = "FORMAT", default_value = "text")]
        output: InfoFormat,
    },
    /// Read a snapshot and print every problem in it, or `ok`
    Validate {
        #[command(flatten)]
        place: Place,
    },
    /// Put directories and files into one snapshot file
    ///
    /// Answers are copied as AWS gave them. The file is written atomically.
    Pack {
        #[command(flatten)]
        place: Place,
        /// The file to write: `.json`, or `.json.zst` to compress it; `-` is standard output
        #[arg(long, short = 'o', visible_alias = "output", value_name = "FILE")]
        out: PathBuf,
    },
    /// Print a shell script that makes a complete snapshot with nothing but the AWS CLI
    ///
    /// Only describe, get, list and search calls are made; nothing is changed.
    Script,
}

/// Where the snapshot is, for the commands that are about nothing else.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Directories of AWS CLI output or snapshot files [default: those of --snapshot]
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InfoFormat {
    /// For people
    Text,
    /// One JSON document
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
