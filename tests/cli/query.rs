//! Answers in every form.

use std::io::Read as _;
use std::process::{Command, Stdio};

use super::{finish, program, reach, reach_in};

const NODES_TO_CONTROL_PLANE: &str = "query --snapshot demo --from node --to controlplane --port 443";

#[test]
fn the_demo_shows_its_fault() {
    insta::assert_snapshot!(reach(NODES_TO_CONTROL_PLANE), @"
    exit code: 1
    ----- stdout -----
    partial node -> controlplane, tcp 443
    18 of 27 pairs reachable, 9 blocked; forward partial, return reachable

    1. blocked 9 pairs, forward blocked
      why      no ingress rule of sg-0de000000000c1057 (eni-0de0000000a002215) admits tcp 443 from
               10.0.48.10 (sg-0de000000000ba7c0)
               ENI_SG_RULES_MISMATCH SG-1 · look at the ingress rules of sg-0de000000000c1057
      nearly   sgr-0de000000c1057a01 (all sg-0de000000000c1057 of sg-0de000000000c1057) would admit it,
               but 10.0.48.10 does not carry that group
      from     demo-batch-1 (10.0.48.10), demo-batch-2 (10.0.80.10), demo-batch-3 (10.0.112.10)
      to       Amazon EKS demo (10.0.34.21, 10.0.66.21, 10.0.98.21)
      path     tcp 10.0.48.10:32768 -> 10.0.34.21:443 (one of 9 pairs)
        sg egress   allowed  sgr-0de000000ba7c0e01 (all to 0.0.0.0/0)
        sg ingress  BLOCKED  sg-0de000000000c1057 of eni-0de0000000a002215

    2. reachable 18 pairs, forward reachable, return reachable
      from     demo-general-1 (10.0.40.10), demo-general-2 (10.0.41.10), demo-general-3 (10.0.72.10),
               demo-general-4 (10.0.73.10), demo-general-5 (10.0.104.10), demo-general-6 (10.0.105.10)
      to       Amazon EKS demo (10.0.34.21, 10.0.66.21, 10.0.98.21)
      path     tcp 10.0.40.10:32768 -> 10.0.34.21:443 (one of 18 pairs)
        sg egress   allowed  sgr-0de000000c1057e01 (all to 0.0.0.0/0)
        sg ingress  allowed  sgr-0de000000c1057a01 (all from sg-0de000000000c1057)
    ----- stderr -----
    ");
}

#[test]
fn the_demo_shows_its_fault_the_other_way_round() {
    insta::assert_snapshot!(reach("query --snapshot demo --from controlplane --to node --port kubelet"), @"
    exit code: 1
    ----- stdout -----
    partial controlplane -> node, tcp 10250 (kubelet)
    18 of 27 pairs reachable, 9 blocked; forward partial, return reachable

    1. blocked 9 pairs, forward blocked
      why      no ingress rule of sg-0de000000000ba7c0 (eni-0de0000000a00300a) admits tcp 10250 from
               10.0.34.21 (sg-0de000000000c1057)
               ENI_SG_RULES_MISMATCH SG-1 · look at the ingress rules of sg-0de000000000ba7c0
      nearly   sgr-0de000000ba7c0a01 (all sg-0de000000000ba7c0 of sg-0de000000000ba7c0) would admit it,
               but 10.0.34.21 does not carry that group
      from     Amazon EKS demo (10.0.34.21, 10.0.66.21, 10.0.98.21)
      to       demo-batch-1 (10.0.48.10), demo-batch-2 (10.0.80.10), demo-batch-3 (10.0.112.10)
      path     tcp 10.0.34.21:1024 -> 10.0.48.10:10250 (one of 9 pairs)
        sg egress   allowed  sgr-0de000000c1057e01 (all to 0.0.0.0/0)
        sg ingress  BLOCKED  sg-0de000000000ba7c0 of eni-0de0000000a00300a

    2. reachable 18 pairs, forward reachable, return reachable
      from     Amazon EKS demo (10.0.34.21, 10.0.66.21, 10.0.98.21)
      to       demo-general-1 (10.0.40.10), demo-general-2 (10.0.41.10), demo-general-3 (10.0.72.10),
               demo-general-4 (10.0.73.10), demo-general-5 (10.0.104.10), demo-general-6 (10.0.105.10)
      path     tcp 10.0.34.21:1024 -> 10.0.40.10:10250 (one of 18 pairs)
        sg egress   allowed  sgr-0de000000c1057e01 (all to 0.0.0.0/0)
        sg ingress  allowed  sgr-0de000000c1057a01 (all from sg-0de000000000c1057)
    ----- stderr -----
    ");
}

#[test]
fn explain_shows_every_step_of_both_ways() {
    let words = "query --snapshot demo --from 10.0.40.10 --to internet/198.51.100.9 --port https --explain";
    insta::assert_snapshot!(reach(words), @"
    exit code: 0
    ----- stdout -----
    reachable 10.0.40.10 -> internet/198.51.100.9, tcp 443 (https)
    forward reachable, return reachable

      from     demo-general-1 (10.0.40.10 eni-0de0000000a00280a)
      to       198.51.100.9
      path     tcp 10.0.40.10:32768 -> 198.51.100.9:443
         1  sg egress         allowed  eni-0de0000000a00280a, sgr-0de000000c1057e01 (all to 0.0.0.0/0)
         2  nacl egress       allowed  acl-0de00000000000001 egress 100 (allow all to 0.0.0.0/0)
         3  route             allowed  rtb-0de00000000000a00 0.0.0.0/0 (to nat-0de00000000000a00)
         4  nacl ingress      allowed  acl-0de00000000000001 ingress 100 (allow all from 0.0.0.0/0)
         5  nat gateway       allowed  nat-0de00000000000a00, now 10.0.0.50 -> 198.51.100.9
         6  nacl egress       allowed  acl-0de00000000000001 egress 100 (allow all to 0.0.0.0/0)
         7  route             allowed  rtb-0de00000000000002 0.0.0.0/0 (to igw-0de00000000000001)
         8  internet gateway  allowed  igw-0de00000000000001, now 198.51.100.11 -> 198.51.100.9
         9  deliver           allowed  internet
      reply    tcp 198.51.100.9:443 -> 10.0.40.10:32768
         1  internet gateway  allowed  igw-0de00000000000001, now 198.51.100.9 -> 10.0.0.50
         2  nacl ingress      allowed  acl-0de00000000000001 ingress 100 (allow all from 0.0.0.0/0)
         3  nat gateway       allowed  nat-0de00000000000a00, now 198.51.100.9 -> 10.0.40.10
         4  nacl egress       allowed  acl-0de00000000000001 egress 100 (allow all to 0.0.0.0/0)
         5  route             allowed  rtb-0de00000000000002 10.0.0.0/16 (to local)
         6  nacl ingress      allowed  acl-0de00000000000001 ingress 100 (allow all from 0.0.0.0/0)
         7  sg ingress        tracked  eni-0de0000000a00280a
         8  deliver           allowed  eni-0de0000000a00280a
      admitted sgr-0de000000c1057e01
      rules    sgr-0de000000c1057e01, acl-0de00000000000001 egress 100, rtb-0de00000000000a00 0.0.0.0/0,
               acl-0de00000000000001 ingress 100, rtb-0de00000000000002 0.0.0.0/0,
               rtb-0de00000000000002 10.0.0.0/16
      tracking source automatic
    ----- stderr -----
    ");
}

#[test]
fn everything_that_gets_through() {
    insta::assert_snapshot!(reach("query --snapshot demo --from internet --to name/demo-bastion"), @"
    exit code: 1
    ----- stdout -----
    partial internet -> name/demo-bastion, every protocol and port
    forward partial, return reachable

      passes   tcp 22 for some addresses
      why      for example, no ingress rule of sg-0de000000000ba571 (eni-0de0000000a000014) admits tcp
               443 from 198.51.100.9
               ENI_SG_RULES_MISMATCH SG-1 · look at the ingress rules of sg-0de000000000ba571
      from     internet
      to       demo-bastion (10.0.0.20)
      only     192.0.2.0/24: partial
      path     tcp 198.51.100.9:1024 -> 203.0.113.10:443
        internet gateway  allowed  igw-0de00000000000001, now 198.51.100.9 -> 10.0.0.20
        nacl ingress      allowed  acl-0de00000000000001 ingress 100 (allow all from 0.0.0.0/0)
        sg ingress        BLOCKED  sg-0de000000000ba571 of eni-0de0000000a000014
    ----- stderr -----
    ");
}

#[test]
fn a_flow_without_a_reply_to_judge() {
    insta::assert_snapshot!(reach("query --snapshot demo --from 10.0.40.10 --to 10.0.41.10 --protocol 50"), @r"
    exit code: 0
    ----- stdout -----
    reachable 10.0.40.10 -> 10.0.41.10, protocol 50
    forward reachable, no reply to judge

      from     demo-general-1 (10.0.40.10)
      to       demo-general-2 (10.0.41.10)
      path     50 10.0.40.10 -> 10.0.41.10
        sg egress   allowed  sgr-0de000000c1057e01 (all to 0.0.0.0/0)
        sg ingress  allowed  sgr-0de000000c1057a01 (all from sg-0de000000000c1057)
    ----- stderr -----
    ");
    insta::assert_snapshot!(reach("query --snapshot demo --from 10.0.40.10 --to 10.0.41.10 --icmp 3/4"), @r"
    exit code: 0
    ----- stdout -----
    reachable 10.0.40.10 -> 10.0.41.10, icmp 3/4
    forward reachable, no reply to judge

      from     demo-general-1 (10.0.40.10)
      to       demo-general-2 (10.0.41.10)
      path     icmp 10.0.40.10 -> 10.0.41.10 3/4
        sg egress   allowed  sgr-0de000000c1057e01 (all to 0.0.0.0/0)
        sg ingress  allowed  sgr-0de000000c1057a01 (all from sg-0de000000000c1057)
    ----- stderr -----
    ");
}

#[test]
fn markdown() {
    insta::assert_snapshot!(reach(&format!("{NODES_TO_CONTROL_PLANE} --output markdown")), @"
    exit code: 1
    ----- stdout -----
    ### **partial**: `node` → `controlplane`, tcp 443

    18 of 27 pairs reachable, 9 blocked; forward partial, return reachable.

    #### blocked: 9 pairs

    - **why**: no ingress rule of sg-0de000000000c1057 (eni-0de0000000a002215) admits tcp 443 from 10.0.48.10 (sg-0de000000000ba7c0) (`ENI_SG_RULES_MISMATCH`, SG-1; look at the ingress rules of sg-0de000000000c1057)
    - from: `demo-batch-1` (10.0.48.10), `demo-batch-2` (10.0.80.10), `demo-batch-3` (10.0.112.10)
    - to: `Amazon EKS demo` (10.0.34.21, 10.0.66.21, 10.0.98.21)

    <details><summary>Path of <code>tcp 10.0.48.10:32768 -&gt; 10.0.34.21:443</code></summary>

    | forward | step | outcome | resource | rule |
    | --- | --- | --- | --- | --- |
    | 1 | sg egress | allowed | `eni-0de0000000a00300a` | `sgr-0de000000ba7c0e01`: all to 0.0.0.0/0 |
    | 2 | sg ingress | **blocked** | `sg-0de000000000c1057 of eni-0de0000000a002215` |  |

    </details>

    #### reachable: 18 pairs

    - from: `demo-general-1` (10.0.40.10), `demo-general-2` (10.0.41.10), `demo-general-3` (10.0.72.10), `demo-general-4` (10.0.73.10), `demo-general-5` (10.0.104.10), `demo-general-6` (10.0.105.10)
    - to: `Amazon EKS demo` (10.0.34.21, 10.0.66.21, 10.0.98.21)

    <details><summary>Path of <code>tcp 10.0.40.10:32768 -&gt; 10.0.34.21:443</code></summary>

    | forward | step | outcome | resource | rule |
    | --- | --- | --- | --- | --- |
    | 1 | sg egress | allowed | `eni-0de0000000a00280a` | `sgr-0de000000c1057e01`: all to 0.0.0.0/0 |
    | 2 | sg ingress | allowed | `eni-0de0000000a002215` | `sgr-0de000000c1057a01`: all from sg-0de000000000c1057 |
    | 3 | deliver | allowed | `eni-0de0000000a002215` |  |

    | return | step | outcome | resource | rule |
    | --- | --- | --- | --- | --- |
    | 1 | sg egress | tracked | `eni-0de0000000a002215` |  |
    | 2 | sg ingress | tracked | `eni-0de0000000a00280a` |  |
    | 3 | deliver | allowed | `eni-0de0000000a00280a` |  |

    </details>
    ----- stderr -----
    ");
}

#[test]
fn graphs() {
    let words = "query --snapshot demo --from 10.0.48.10 --to 10.0.66.21 --port 443 --output";
    insta::assert_snapshot!(reach(&format!("{words} dot")), @r#"
    exit code: 1
    ----- stdout -----
    digraph reach {
      label="10.0.48.10 -> 10.0.66.21, tcp 443: blocked, 0 of 1 pair reachable, 1 blocked"; labelloc=t; rankdir=LR;
      node [shape=box, style=rounded];
      subgraph cluster_g1 {
        label="blocked: 1 pair, tcp 10.0.48.10:32768 -> 10.0.66.21:443";
        g1_eni_0de0000000a00300a [label="eni-0de0000000a00300a\nnetwork interface\nsg egress: allowed (sgr-0de000000ba7c0e01)"];
        g1_f1_acl_0de00000000000001 [label="acl-0de00000000000001\nnetwork acl\nnacl egress: allowed (acl-0de00000000000001 egress 100)"];
        g1_f1_rtb_0de00000000000a00 [label="rtb-0de00000000000a00\nroute table\nroute: allowed (rtb-0de00000000000a00 10.0.0.0/16)"];
        g1_f2_acl_0de00000000000001 [label="acl-0de00000000000001\nnetwork acl\nnacl ingress: allowed (acl-0de00000000000001 ingress 100)"];
        g1_eni_0de0000000a004215 [label="eni-0de0000000a004215\nnetwork interface\nsg ingress: blocked", color=red, penwidth=2];
        g1_eni_0de0000000a00300a -> g1_f1_acl_0de00000000000001;
        g1_f1_acl_0de00000000000001 -> g1_f1_rtb_0de00000000000a00;
        g1_f1_rtb_0de00000000000a00 -> g1_f2_acl_0de00000000000001;
        g1_f2_acl_0de00000000000001 -> g1_eni_0de0000000a004215;
      }
    }
    ----- stderr -----
    "#);
    insta::assert_snapshot!(reach(&format!("{words} mermaid")), @r#"
    exit code: 1
    ----- stdout -----
    ---
    title: '10.0.48.10 -> 10.0.66.21, tcp 443: blocked, 0 of 1 pair reachable, 1 blocked'
    ---
    flowchart LR
      subgraph g1["blocked: 1 pair, tcp 10.0.48.10:32768 → 10.0.66.21:443"]
        g1_eni_0de0000000a00300a["eni-0de0000000a00300a<br>network interface<br>sg egress: allowed (sgr-0de000000ba7c0e01)"]
        g1_f1_acl_0de00000000000001["acl-0de00000000000001<br>network acl<br>nacl egress: allowed (acl-0de00000000000001 egress 100)"]
        g1_f1_rtb_0de00000000000a00["rtb-0de00000000000a00<br>route table<br>route: allowed (rtb-0de00000000000a00 10.0.0.0/16)"]
        g1_f2_acl_0de00000000000001["acl-0de00000000000001<br>network acl<br>nacl ingress: allowed (acl-0de00000000000001 ingress 100)"]
        g1_eni_0de0000000a004215["eni-0de0000000a004215<br>network interface<br>sg ingress: blocked"]:::blocked
        g1_eni_0de0000000a00300a --> g1_f1_acl_0de00000000000001
        g1_f1_acl_0de00000000000001 --> g1_f1_rtb_0de00000000000a00
        g1_f1_rtb_0de00000000000a00 --> g1_f2_acl_0de00000000000001
        g1_f2_acl_0de00000000000001 --> g1_eni_0de0000000a004215
      end
      classDef blocked stroke:#c00,stroke-width:3px
      classDef unknown stroke:#808,stroke-dasharray:5
    ----- stderr -----
    "#);
}

#[test]
fn json_has_the_promised_shape() {
    let words = "query --snapshot demo --from 10.0.48.10 --to 10.0.34.21 --port 443 --output json";
    insta::assert_snapshot!(reach(words), @r#"
    exit code: 1
    ----- stdout -----
    {
      "schema": "reach.query/1",
      "id": null,
      "question": {
        "from": "10.0.48.10",
        "to": "10.0.34.21",
        "protocol": "tcp",
        "port": "443",
        "source_port": "32768-60999"
      },
      "verdict": "blocked",
      "forward": "blocked",
      "return": null,
      "pairs": {
        "total": 1,
        "reachable": 0,
        "blocked": 1,
        "partial": 0,
        "unknown": 0
      },
      "answers": [
        {
          "verdict": "blocked",
          "forward": "blocked",
          "return": null,
          "from": [
            {
              "eni": "eni-0de0000000a00300a",
              "ip": "10.0.48.10",
              "name": "demo-batch-1"
            }
          ],
          "to": [
            {
              "eni": "eni-0de0000000a002215",
              "ip": "10.0.34.21",
              "name": "Amazon EKS demo"
            }
          ],
          "pairs": 1,
          "allowed": [],
          "witness": {
            "protocol": "tcp",
            "source": "10.0.48.10",
            "source_port": 32768,
            "destination": "10.0.34.21",
            "port": 443
          },
          "reasons": [
            {
              "code": "ENI_SG_RULES_MISMATCH",
              "leg": "forward",
              "direction": "ingress",
              "resource": "sg-0de000000000c1057",
              "rule": null,
              "semantics": "SG-1",
              "message": "no ingress rule of sg-0de000000000c1057 (eni-0de0000000a002215) admits tcp 443 from 10.0.48.10 (sg-0de000000000ba7c0)"
            }
          ],
          "decided_by": [
            "sgr-0de000000ba7c0e01"
          ],
          "admitted_by": [
            "sgr-0de000000ba7c0e01"
          ],
          "near_misses": [
            {
              "miss": "not_in_group",
              "direction": "ingress",
              "resource": "eni-0de0000000a002215",
              "rule": "sgr-0de000000c1057a01",
              "message": "sgr-0de000000c1057a01 (all sg-0de000000000c1057 of sg-0de000000000c1057) would admit it, but 10.0.48.10 does not carry that group"
            }
          ],
          "path": {
            "forward": [
              {
                "resource": "eni-0de0000000a00300a",
                "kind": "network_interface",
                "step": "sg_egress",
                "outcome": "allowed",
                "rule": "sgr-0de000000ba7c0e01"
              },
              {
                "resource": "eni-0de0000000a002215",
                "kind": "network_interface",
                "step": "sg_ingress",
                "outcome": "blocked",
                "rule": null
              },
              {
                "resource": "eni-0de0000000a002215",
                "kind": "network_interface",
                "step": "deliver",
                "outcome": "allowed",
                "rule": null
              }
            ],
            "return": []
          },
          "tracking": {
            "source": "tracked",
            "destination": "tracked"
          }
        }
      ],
      "truncated": false,
      "assumptions": []
    }
    ----- stderr -----
    "#);
}

#[test]
fn json_lines_are_the_same_document() {
    let json = reach(&format!("{NODES_TO_CONTROL_PLANE} --output json"));
    let line = reach(&format!("{NODES_TO_CONTROL_PLANE} --output jsonl"));
    assert_eq!(line.stdout.lines().count(), 1);
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(parse(&json.stdout), parse(&line.stdout));
    let explained = reach(&format!("{NODES_TO_CONTROL_PLANE} --output json --explain"));
    assert_eq!(json, explained);
}

#[test]
fn the_same_question_gives_the_same_bytes() {
    for output in ["text", "json", "jsonl", "markdown", "dot", "mermaid"] {
        let words = format!("query --snapshot demo --from pod --to apiserver --output {output}");
        assert_eq!(reach(&words), reach(&words), "{output}");
    }
}

#[test]
fn exit_codes_tell_the_verdict() {
    let code = |words: &str| reach(&format!("query --snapshot demo --from 10.0.40.10 {words}")).code;
    assert_eq!(code("--to 10.0.41.10 --port 443"), Some(0));
    assert_eq!(code("--to 10.0.48.10 --port 443"), Some(1));
    assert_eq!(code("--to node/batch --port 443"), Some(1));
    assert_eq!(code("--to 10.0.41.10 --port 443 --expect reachable"), Some(0));
    assert_eq!(code("--to 10.0.41.10 --port 443 --expect blocked"), Some(1));
    assert_eq!(code("--to 10.0.48.10 --port 443 --expect blocked"), Some(0));
    assert_eq!(code("--to 10.0.48.10 --port 443 --expect partial"), Some(1));
    assert_eq!(code("--to 10.0.48.10 --port 443 --expect perhaps"), Some(2));
}

#[test]
fn quiet_leaves_the_exit_code() {
    for output in ["text", "json"] {
        let run = reach(&format!("{NODES_TO_CONTROL_PLANE} --output {output} -q"));
        assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(1), "", ""));
    }
}

#[test]
fn verbose_speaks_on_standard_error() {
    let plain = reach(NODES_TO_CONTROL_PLANE);
    let verbose = reach(&format!("{NODES_TO_CONTROL_PLANE} -v"));
    assert_eq!((&plain.stdout, plain.stderr.as_str()), (&verbose.stdout, ""));
    assert!(verbose.stderr.starts_with("note: 49 files with 34 network interfaces read in "), "{verbose}");
}

#[test]
fn colour_is_never_needed() {
    let plain = reach(NODES_TO_CONTROL_PLANE);
    assert!(!plain.stdout.contains('\u{1b}'));
    let coloured = reach(&format!("{NODES_TO_CONTROL_PLANE} --color always"));
    assert!(coloured.stdout.contains("\u{1b}[31mblocked"));
    assert_eq!(anstream::adapter::strip_str(&coloured.stdout).to_string(), plain.stdout);
    let json = reach(&format!("{NODES_TO_CONTROL_PLANE} --color always --output json"));
    assert!(!json.stdout.contains('\u{1b}'));
    let directory = tempfile::tempdir().unwrap();
    let forced = |name: &str| {
        let mut command = program(directory.path());
        finish(command.args(NODES_TO_CONTROL_PLANE.split(' ')).env("CLICOLOR_FORCE", "1").env(name, "1"))
    };
    assert!(forced("OTHER").stdout.contains('\u{1b}'));
    assert!(
        !finish(program(directory.path()).args(NODES_TO_CONTROL_PLANE.split(' ')).env("NO_COLOR", "1"))
            .stdout
            .contains('\u{1b}')
    );
}

#[test]
fn a_snapshot_may_come_from_standard_input() {
    let packed = reach("snapshot pack demo -o -");
    assert_eq!(packed.code, Some(0));
    let run = super::reach_with_input(&NODES_TO_CONTROL_PLANE.replace("demo", "-"), &packed.stdout);
    assert_eq!(run, reach(NODES_TO_CONTROL_PLANE));
}

#[test]
fn the_directory_gives_what_the_compiled_in_demo_gives() {
    let directory = super::demo_without(&[]);
    let run = reach_in(directory.path(), &NODES_TO_CONTROL_PLANE.replace("demo", "demo-copy"));
    assert_eq!(run, reach(NODES_TO_CONTROL_PLANE));
}

#[test]
fn nobody_who_reads_is_no_failure() {
    // More than a pipe holds: the second half of it cannot be written.
    let question = r#"{"from": "pod", "to": "node"}"#;
    let input = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(input.path(), format!("{question}\n").repeat(200)).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_reach"))
        .args(["query", "--snapshot", "demo", "--batch"])
        .arg(input.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdout.read_exact(&mut [0; 16]).unwrap();
    drop(stdout);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn all_engines_say_the_same() {
    for (from, to, words) in [
        ("node", "controlplane", "--port 443"),
        ("pod", "internet", ""),
        ("internet", "node", "--port 22"),
        ("controlplane", "node", "--port 10250,443"),
        ("vpc-", "subnet-0de0000000a003000", "--protocol icmp"),
    ] {
        let run = |engine: &str| {
            let run = reach(&format!(
                "query --snapshot demo --from {from} --to {to} {words} --output json --engine {engine}"
            ));
            if run.code == Some(2) {
                return (run.code, serde_json::Value::Null);
            }
            let answer: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
            let said = ["verdict", "forward", "return", "pairs"].map(|key| answer[key].clone());
            (run.code, serde_json::Value::from(said.to_vec()))
        };
        let compiled = run("compiled");
        assert_eq!(run("reference"), compiled, "{from} {to}");
        assert_eq!(run("both"), compiled, "{from} {to}");
    }
}
