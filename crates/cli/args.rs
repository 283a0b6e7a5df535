//! The command line, as data. Doc comments are the help texts.

mod whatif;

use std::path::PathBuf;

use clap::builder::styling::AnsiColor;
use clap::builder::{PossibleValuesParser, Styles, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use reach_eks::audit::Level;
use reach_engine::Verdict;
use reach_engine::question::Engine;
use reach_generate::Profile;

use self::whatif::{DIFF_EXAMPLES, WHATIF_EXIT_CODES, WHATIF_HELP};
pub(crate) use self::whatif::{Diff, Narrowing, Whatif, WhatifFormat};

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

#[cfg(feature = "fetch")]
macro_rules! features {
    () => {
        "fetch"
    };
}

#[cfg(not(feature = "fetch"))]
macro_rules! features {
    () => {
        "none"
    };
}

/// What `--version` prints: the version, then what it reads and writes.
const LONG_VERSION: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\nsnapshot format: reach.snapshot/1 (.json, .json.zst), AWS CLI output, Batfish aws_configs",
    "\nanswer formats:  reach.query/1, reach.check/1, reach.fix/1, reach.whatif/1, reach.diff/1",
    "\nfeatures:        ",
    features!(),
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
    /// on paper, and only what they come to counts. AWS's own refusals are told in its words. A Terraform plan is one
    /// scenario. Nothing is applied.
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
    /// Ask AWS for a snapshot: read-only calls, all pages, several accounts and Regions
    ///
    /// Only describe, list, get and search calls are made. A call that AWS refuses ends nothing: the snapshot says so, and
    /// answers that depend on it are `unknown`. `reach snapshot iam-policy` prints the permissions that are needed.
    #[command(after_help = format!("{FETCH_EXAMPLES}\n\n{FETCH_EXIT_CODES}"))]
    Fetch(Box<Fetch>),
    /// Look into, check, pack and redact snapshots
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

const FETCH_EXAMPLES: &str = "\
Examples:
  reach fetch --out account.json.zst
  reach fetch --profile prod --region eu-west-1 --region us-east-1 --out prod.json.zst
  reach fetch --role-arn arn:aws:iam::111122223333:role/read --role-arn arn:aws:iam::444455556666:role/read --out both.json.zst
  reach fetch --cluster shop --out shop.json.zst
  reach query --snapshot shop.json.zst --from node --to controlplane --port 443";

const FETCH_EXIT_CODES: &str = "\
Exit codes:
   0  the snapshot is written; calls that were refused are warnings
   2  the command line is wrong, or names a cluster that is not there
   4  nothing could be fetched, or the file could not be written
 130  interrupted; nothing is written";

/// Ask AWS for a snapshot.
#[derive(Debug, Args)]
pub(crate) struct Fetch {
    /// A Region to ask; repeatable [default: that of the profile or environment]
    #[arg(long, value_name = "REGION", value_parser = region)]
    pub(crate) region: Vec<String>,
    /// A profile of AWS's shared configuration
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// A role to take on; repeatable, one snapshot of all their accounts
    #[arg(long, value_name = "ARN")]
    pub(crate) role_arn: Vec<String>,
    /// The external id that the roles ask for
    #[arg(long, value_name = "ID", requires = "role_arn")]
    pub(crate) external_id: Option<String>,
    /// Stay within a VPC; repeatable. What lies in others is then unknown, not absent
    #[arg(long, value_name = "VPC")]
    pub(crate) vpc: Vec<String>,
    /// Stay within an EKS cluster and its VPC; repeatable
    #[arg(long, value_name = "NAME")]
    pub(crate) cluster: Vec<String>,
    /// Send every call to another place [env: `AWS_ENDPOINT_URL`]
    #[arg(long, value_name = "URL", value_parser = url)]
    pub(crate) endpoint_url: Option<String>,
    /// Requests a second to each service of each account and Region; five seconds' worth may go at once
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) rate: u32,
    /// Elements a page, where fewer than AWS gives are wanted; of most EC2 calls no page is smaller than 5
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(1..=1000))]
    pub(crate) page_size: Option<i32>,
    /// How long to wait for an answer before the request is sent again
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub(crate) timeout: u32,
    /// Show no progress
    #[arg(long)]
    pub(crate) no_progress: bool,
    /// The file to write: `.json`, or `.json.zst` to compress it; `-` is standard output
    #[arg(long, short = 'o', value_name = "FILE")]
    pub(crate) out: PathBuf,
}

/// `eu-west-1`.
fn region(text: &str) -> Result<String, String> {
    let is_region = text.contains('-') && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    if is_region { Ok(text.to_owned()) } else { Err("not the name of a Region, like eu-west-1".to_owned()) }
}

/// `http://127.0.0.1:5000`.
fn url(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let is_url = host
        .is_some_and(|host| !host.is_empty() && !host.starts_with(['/', ':']) && !host.contains(char::is_whitespace));
    if is_url { Ok(text.to_owned()) } else { Err("not a URL, like https://host or http://127.0.0.1:5000".to_owned()) }
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
    #[command(after_help = INFO_EXAMPLES)]
    Info {
        #[command(flatten)]
        place: Place,
        /// The form of the summary
        #[arg(long, short, value_enum, value_name = "FORMAT", default_value = "text")]
        output: InfoFormat,
        /// A few lines to paste into a ticket: numbers and states, without names, ids, accounts and addresses
        #[arg(long, conflicts_with = "output")]
        summary: bool,
    },
    /// Read a snapshot and print every problem in it, or `ok`
    #[command(after_help = VALIDATE_EXAMPLES)]
    Validate {
        #[command(flatten)]
        place: Place,
    },
    /// Put directories and files into one snapshot file
    ///
    /// Answers are copied as AWS gave them. The file is written atomically.
    #[command(after_help = PACK_EXAMPLES)]
    Pack {
        #[command(flatten)]
        place: Place,
        /// The file to write: `.json`, or `.json.zst` to compress it; `-` is standard output
        #[arg(long, short = 'o', visible_alias = "output", value_name = "FILE")]
        out: PathBuf,
    },
    /// Write a snapshot that can be shared: pseudonyms for all names, the same verdicts
    ///
    /// Accounts, names, tags, descriptions, ARNs, host names, user data and public addresses become pseudonyms, one for
    /// each text wherever it occurs. Private addresses, rules, ports, routes, ids, times and every verdict stay.
    /// docs/SNAPSHOT.md tells what stays, and what cannot be hidden.
    #[command(after_help = REDACT_EXAMPLES)]
    Redact {
        #[command(flatten)]
        place: Place,
        /// The file to write: `.json`, or `.json.zst` to compress it; `-` is standard output
        #[arg(long, short = 'o', visible_alias = "output", value_name = "FILE")]
        out: PathBuf,
        /// Make the pseudonyms from the secret in this file, so that they are the same in every snapshot that is redacted
        /// with it [default: from all of the snapshot's content]
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
        /// Also write which pseudonym stands for what, as a JSON object; keep this file to yourself
        #[arg(long, value_name = "FILE")]
        map: Option<PathBuf>,
    },
    /// Print the smallest IAM policy that allows to make a snapshot
    ///
    /// It allows nothing but to list and describe. What it does not allow is recorded as denied, and answers that need it
    /// are unknown.
    #[command(after_help = POLICY_EXAMPLES)]
    IamPolicy,
    /// Print a shell script that makes a complete snapshot with nothing but the AWS CLI
    ///
    /// Only describe, get, list and search calls are made; nothing is changed.
    #[command(after_help = SCRIPT_EXAMPLES)]
    Script,
}

const INFO_EXAMPLES: &str = "\
Examples:
  reach snapshot info demo
  reach snapshot info snapshot.json.zst --summary         # for a ticket: no names, no ids
  reach snapshot info snapshot --output json | jq '.missing[] | {call, questions}'";

const VALIDATE_EXAMPLES: &str = "\
Examples:
  reach snapshot validate snapshot
  reach snapshot validate account-a.json.zst account-b.json.zst

Exit codes: 0 sound, 2 with every problem on a line of its own, 4 reading failed.";

const PACK_EXAMPLES: &str = "\
Examples:
  reach snapshot pack snapshot --out snapshot.json.zst
  reach snapshot pack account-a account-b --out both.json";

const REDACT_EXAMPLES: &str = "\
Examples:
  reach snapshot redact snapshot --out shared.json.zst
  reach snapshot redact monday.json tuesday.json --out - | less
  head -c 32 /dev/urandom > key && reach snapshot redact snapshot --key-file key --out shared.json
  reach snapshot redact snapshot --out shared.json --map names.json    # names.json stays with you";

const POLICY_EXAMPLES: &str = "\
Examples:
  reach snapshot iam-policy > policy.json
  aws iam create-policy --policy-name reach --policy-document \"$(reach snapshot iam-policy)\"";

const SCRIPT_EXAMPLES: &str = "\
Examples:
  reach snapshot script > collect.sh && sh collect.sh     # writes ./snapshot
  OUT=prod sh collect.sh --profile prod --region eu-west-1";

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
