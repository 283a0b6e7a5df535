//! Help, version, completions, manual pages.

use super::{reach, reach_in};

#[test]
fn help_begins_with_what_it_is_for() {
    insta::assert_snapshot!(reach("-h"), @"
    exit code: 0
    ----- stdout -----
    Tells whether a packet gets through an AWS VPC or EKS cluster, both ways, and why not

    Usage: reach [OPTIONS] <COMMAND>

    Commands:
      query        Ask whether traffic passes, both ways, and why not
      check        Tell whether an EKS cluster would work, or whether a policy holds
      fix          Find the smallest changes that let traffic pass, each verified
      whatif       Tell what changes would do, before they are made: flows gained and lost, and what
                   becomes of open connections
      diff         Compare two snapshots: flows gained and lost between them
      matrix       List every flow that passes: the complete, exact set
      fetch        Ask AWS for a snapshot: read-only calls, all pages, several accounts and Regions
      snapshot     Look into, check, pack and redact snapshots
      generate     Write a synthetic AWS estate of any size, for measurements that others can repeat
      completions  Print a completion script for a shell
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Global options:
          --color <WHEN>  Colour the output: auto (on a terminal, unless `NO_COLOR` is set), always or
                          never [env: REACH_COLOR]
      -q, --quiet         Print no answer and no warning: the exit code tells
      -v, --verbose       Say on standard error what was read, and every warning

    Examples:
      reach query --snapshot demo --from node --to controlplane --port 443
      reach snapshot script > collect.sh && sh collect.sh     # writes ./snapshot with the AWS CLI
      reach query --snapshot snapshot --from 10.0.1.7 --to aws/s3 --port https --explain

    Exit codes:
       0  reachable for all pairs, or as --expect says; success of every other command
       1  blocked or partial
       2  the command line, the snapshot or a line of a batch is wrong
       3  unknown: what the snapshot does not hold decides
       4  reading or writing failed
      70  the engines contradict each other (a bug)
      Where several apply: 70, 4, 2, 1, 3, 0 in that order.
    ----- stderr -----
    ");
}

#[test]
fn help_of_query_has_examples_selectors_and_exit_codes() {
    insta::assert_snapshot!(reach("query --help"), @r#"
    exit code: 0
    ----- stdout -----
    Ask whether traffic passes, both ways, and why not

    Usage: reach query [OPTIONS] --from <SELECTOR> --to <SELECTOR>
           reach query [OPTIONS] --batch <FILE>

    Options:
          --from <SELECTOR>
              Who sends the first packet: a selector

          --to <SELECTOR>
              Who is to receive it: a selector

          --protocol <PROTOCOL>
              tcp, udp, icmp, icmpv6, all or a number [default: tcp with --port, icmp with --icmp, else
              all]

          --port <PORTS>
              Destination ports: numbers, ranges and service names, such as 443,8000-8999,dns [default:
              all]

          --source-port <PORTS>
              The client's ports [default: what that kind of client really uses]

          --icmp <TYPE[/CODE]>
              ICMP messages, such as 8 (any code), 8/0 or 3/4 [default: all]

          --family <FAMILY>
              The address family [default: IPv4 where both ends have it, else IPv6]

              [possible values: ipv4, ipv6]

          --batch <FILE>
              Answer the questions of a file; `-` is standard input

              A question is a JSON object a line with the keys id, from, to, protocol, port,
              source_port, icmp_type, icmp_code and family; all but from and to may be left out. `port`
              is a number or a string like that of --port, `protocol` a name or a number. Every line
              gets its answer on a line of its own, in the same order: the object that --output json
              prints, with the id of the question. A line that cannot be answered gets {"id", "error"},
              and the others go on.

          --snapshot <PATH>
              A directory of AWS CLI output, a snapshot file, `-` for standard input, or `demo`; several
              are merged

              [env: REACH_SNAPSHOT]

          --cluster <NAME>
              The EKS cluster that selectors speak of, where the snapshot holds several

              [env: REACH_CLUSTER]

          --expect <VERDICT>
              Succeed (exit 0) if and only if this is the verdict

              [possible values: reachable, blocked, partial, unknown]

          --explain
              Show every step of both ways and every rule (text and markdown; JSON always has them)

          --engine <ENGINE>
              Who judges: `compiled` by sets of headers, its witness checked packet by packet;
              `reference` packet by packet alone; `both`, and every answer compared (exit 70 where they
              differ)

              [env: REACH_ENGINE]
              [default: compiled]
              [possible values: compiled, reference, both]

      -o, --output <FORMAT>
              The form of the answer [default: text; with --batch: jsonl]

              Possible values:
              - text:     For people
              - json:     One JSON document (with --batch: JSON lines)
              - jsonl:    One JSON object a line
              - markdown: For pull requests and chats
              - dot:      The witnesses' paths as a Graphviz graph
              - mermaid:  The witnesses' paths as a Mermaid flow chart

              [env: REACH_OUTPUT]

      -h, --help
              Print help (see a summary with '-h')

    Global options:
          --color <WHEN>
              Colour the output: auto (on a terminal, unless `NO_COLOR` is set), always or never

              [env: REACH_COLOR]

      -q, --quiet
              Print no answer and no warning: the exit code tells

      -v, --verbose
              Say on standard error what was read, and every warning

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
      i-…, eni-…, sg-…, vpc-… a resource by its id or the beginning of it; also subnet-, vpce-, nat-,
      pl-
      name/NAME, tag/KEY=VAL  by tag
      vpc-…/SELECTOR, cluster/NAME/SELECTOR   where the plain form is ambiguous

    Verdicts:
      reachable  the first packet and its reply pass
      blocked    one of them does not
      partial    some ports, source ports, addresses or placements pass, and the answer says which
      unknown    what the snapshot does not hold decides, and the answer says which call would tell

    Exit codes:
       0  reachable for all pairs, or as --expect says; success of every other command
       1  blocked or partial
       2  the command line, the snapshot or a line of a batch is wrong
       3  unknown: what the snapshot does not hold decides
       4  reading or writing failed
      70  the engines contradict each other (a bug)
      Where several apply: 70, 4, 2, 1, 3, 0 in that order.
    ----- stderr -----
    "#);
}

#[test]
fn help_of_snapshot() {
    insta::assert_snapshot!(reach("snapshot --help"), @r"
    exit code: 0
    ----- stdout -----
    Look into, check, pack and redact snapshots

    Usage: reach snapshot [OPTIONS] <COMMAND>

    Commands:
      info        Count what a snapshot holds, and tell what it lacks for which question
      validate    Read a snapshot and print every problem in it, or `ok`
      pack        Put directories and files into one snapshot file
      redact      Write a snapshot that can be shared: pseudonyms for all names, the same verdicts
      iam-policy  Print the smallest IAM policy that allows to make a snapshot
      script      Print a shell script that makes a complete snapshot with nothing but the AWS CLI
      help        Print this message or the help of the given subcommand(s)

    Options:
      -h, --help  Print help

    Global options:
          --color <WHEN>  Colour the output: auto (on a terminal, unless `NO_COLOR` is set), always or
                          never [env: REACH_COLOR]
      -q, --quiet         Print no answer and no warning: the exit code tells
      -v, --verbose       Say on standard error what was read, and every warning
    ----- stderr -----
    ");
}

#[test]
fn version_names_formats_and_features() {
    // The only line that features change.
    let mut version = reach("--version");
    version.stdout = version.stdout.replace("features:        fetch", "features:        none");
    insta::assert_snapshot!(version, @"
    exit code: 0
    ----- stdout -----
    reach 0.1.0
    snapshot format: reach.snapshot/1 (.json, .json.zst), AWS CLI output, Batfish aws_configs
    answer formats:  reach.query/1, reach.check/1, reach.fix/1, reach.whatif/1, reach.diff/1
    features:        none
    ----- stderr -----
    ");
    insta::assert_snapshot!(reach("-V"), @r"
    exit code: 0
    ----- stdout -----
    reach 0.1.0
    ----- stderr -----
    ");
}

#[test]
fn the_help_of_check_shows_both_uses() {
    insta::assert_snapshot!(reach("check --help"), @r#"
    exit code: 0
    ----- stdout -----
    Tell whether an EKS cluster would work, or whether a policy holds

    `reach check eks` asks every question that AWS's requirements for a cluster's network come to, and
    mends on paper what fails. `reach check POLICY.toml` asks the questions of a file and compares the
    answers with what is expected there. Nothing is ever applied.

    Usage: reach check eks [OPTIONS]
           reach check <POLICY> [OPTIONS]

    Arguments:
      <eks|POLICY>
              `eks`, or the file of a policy; `-` is standard input

    Options:
          --snapshot <PATH>
              A directory of AWS CLI output, a snapshot file, `-` for standard input, or `demo`; several
              are merged

              [env: REACH_SNAPSHOT]

          --cluster <NAME>
              The EKS cluster, where the snapshot holds several

              [env: REACH_CLUSTER]

          --level <LEVEL>
              Only findings up to this level decide the exit code; all are told [default: recommended]

              [possible values: minimum, recommended, conformance]

          --client <SELECTOR>
              Who uses the cluster's API from outside of it: a selector; several are allowed

          --also <COMPONENT>
              Ask about the ports of this component, too (`all` for every one that is known); it decides
              nothing

          --no-fixes
              Look for no fixes

          --explain
              Show everything that passes, and fixes as Terraform and as API calls, too (text and
              markdown; JSON always has them)

          --engine <ENGINE>
              Who judges: as of reach query

              [env: REACH_ENGINE]
              [default: compiled]
              [possible values: compiled, reference, both]

      -o, --output <FORMAT>
              The form of the report [default: text]

              Possible values:
              - text:     For people
              - json:     One JSON document
              - markdown: For tickets and pull requests
              - sarif:    For code scanning: SARIF 2.1.0
              - junit:    For test reports: JUnit XML

      -h, --help
              Print help (see a summary with '-h')

    Global options:
          --color <WHEN>
              Colour the output: auto (on a terminal, unless `NO_COLOR` is set), always or never

              [env: REACH_COLOR]

      -q, --quiet
              Print no answer and no warning: the exit code tells

      -v, --verbose
              Say on standard error what was read, and every warning

    Examples:
      reach check eks --snapshot demo
      reach check eks --level minimum --client 10.0.0.0/8 --client internet/203.0.113.7
      reach check eks --output sarif > reach.sarif           # for code scanning
      reach check policy.toml --output junit > reach.xml     # for a test report
      reach check ./eks                                      # a policy whose file is called eks

    A policy is a TOML file:
      [[expect]]
      from = "internet"          # selectors, as of reach query
      to = "node"
      port = "22,3389"           # also: protocol, source_port, icmp, family, cluster
      verdict = "blocked"        # reachable, blocked, partial or unknown
      why = "nodes are administered by SSM only"

    Levels:
      minimum      without it the cluster does not work
      recommended  AWS recommends it
      conformance  CNCF conformance and proxying to privileged ports need it

    Exit codes:
       0  everything passes at the asked level; every answer is as expected
       1  something fails at the asked level, at least in part; an answer is not as expected
       2  the command line, the snapshot or the policy is wrong
       3  unknown: what the snapshot does not hold decides, and nothing else fails
       4  reading or writing failed
      70  the engines contradict each other (a bug)
      Where several apply: 70, 4, 2, 1, 3, 0 in that order.
    ----- stderr -----
    "#);
}

#[test]
fn nothing_to_do_is_a_usage_error() {
    let run = reach("");
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert!(run.stderr.contains("Usage: reach"));
}

#[test]
fn completions_for_every_shell_know_the_flags() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let run = reach(&format!("completions {shell}"));
        assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""), "{shell}");
        for word in [
            "query",
            "check",
            "snapshot",
            "redact",
            "iam-policy",
            "key-file",
            "completions",
            "source-port",
            "explain",
            "no-fixes",
        ] {
            assert!(run.stdout.contains(word), "{shell} lacks {word}");
        }
    }
    assert_eq!(reach("completions tcsh").code, Some(2));
}

#[test]
fn manual_pages_are_made_of_the_help() {
    let page = reach("man");
    assert_eq!(page.code, Some(0));
    assert!(page.stdout.contains(".TH reach 1"));
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(reach_in(directory.path(), "man .").code, Some(0));
    let query = std::fs::read_to_string(directory.path().join("reach-query.1")).unwrap();
    assert!(query.contains("source\\-port"));
    let check = std::fs::read_to_string(directory.path().join("reach-check.1")).unwrap();
    assert!(check.contains("no\\-fixes") && check.contains("[[expect]]"));
    assert_eq!(reach("man /nonexistent/directory").code, Some(4));
}
