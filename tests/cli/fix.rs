//! Fixes in every form.

use super::{files, reach, reach_in};

#[test]
fn the_demos_fault_is_mended() {
    insta::assert_snapshot!(reach("fix --snapshot demo --from node --to controlplane --port 443"), @r#"
    exit code: 0
    ----- stdout -----
    can be fixed node -> controlplane, tcp 443
    18 of 27 pairs reachable, 9 blocked now

      why      no ingress rule of sg-0de000000000c1057 (eni-0de0000000a002215) admits tcp 443 from
               10.0.48.10 (sg-0de000000000ba7c0)

      fix 1    sg-0de000000000c1057: let in tcp 443 from sg-0de000000000ba7c0
      verified asked again on the changed snapshot, 27 of 27 pairs reachable

    aws ec2 authorize-security-group-ingress --group-id sg-0de000000000c1057 --ip-permissions '[{"FromPort":443,"IpProtocol":"tcp","ToPort":443,"UserIdGroupPairs":[{"GroupId":"sg-0de000000000ba7c0"}]}]'

    resource "aws_vpc_security_group_ingress_rule" "sg_0de000000000c1057_tcp_443_sg_0de000000000ba7c0" {
      security_group_id            = "sg-0de000000000c1057"
      referenced_security_group_id = "sg-0de000000000ba7c0"
      ip_protocol                  = "tcp"
      from_port                    = 443
      to_port                      = 443
    }

      fix 2    sg-0de000000000c1057: let in tcp 443 from 10.0.32.0/19
               sg-0de000000000c1057: let in tcp 443 from 10.0.64.0/18
      verified asked again on the changed snapshot, 27 of 27 pairs reachable

    aws ec2 authorize-security-group-ingress --group-id sg-0de000000000c1057 --ip-permissions '[{"FromPort":443,"IpProtocol":"tcp","IpRanges":[{"CidrIp":"10.0.32.0/19"},{"CidrIp":"10.0.64.0/18"}],"ToPort":443}]'

    resource "aws_vpc_security_group_ingress_rule" "sg_0de000000000c1057_tcp_443_10_0_32_0_19" {
      security_group_id = "sg-0de000000000c1057"
      cidr_ipv4         = "10.0.32.0/19"
      ip_protocol       = "tcp"
      from_port         = 443
      to_port           = 443
    }

    resource "aws_vpc_security_group_ingress_rule" "sg_0de000000000c1057_tcp_443_10_0_64_0_18" {
      security_group_id = "sg-0de000000000c1057"
      cidr_ipv4         = "10.0.64.0/18"
      ip_protocol       = "tcp"
      from_port         = 443
      to_port           = 443
    }

    Nothing was applied.
    ----- stderr -----
    "#);
}

#[test]
fn a_fix_for_a_pull_request() {
    let words = "fix --snapshot demo --from controlplane --to node --port kubelet --output markdown";
    insta::assert_snapshot!(reach(words), @r#"
    exit code: 0
    ----- stdout -----
    ### **can be fixed**: `controlplane` → `node`, tcp 10250 (kubelet)

    18 of 27 pairs reachable, 9 blocked now.

    - no ingress rule of sg-0de000000000ba7c0 (eni-0de0000000a00300a) admits tcp 10250 from 10.0.34.21 (sg-0de000000000c1057) (`ENI_SG_RULES_MISMATCH`, SG-1)

    #### Fix 1

    - sg-0de000000000ba7c0: let in tcp 10250 from sg-0de000000000c1057
    - verified: asked again on the changed snapshot, 27 of 27 pairs reachable

    ```sh
    aws ec2 authorize-security-group-ingress --group-id sg-0de000000000ba7c0 --ip-permissions '[{"FromPort":10250,"IpProtocol":"tcp","ToPort":10250,"UserIdGroupPairs":[{"GroupId":"sg-0de000000000c1057"}]}]'
    ```

    ```hcl
    resource "aws_vpc_security_group_ingress_rule" "sg_0de000000000ba7c0_tcp_10250_sg_0de000000000c1057" {
      security_group_id            = "sg-0de000000000ba7c0"
      referenced_security_group_id = "sg-0de000000000c1057"
      ip_protocol                  = "tcp"
      from_port                    = 10250
      to_port                      = 10250
    }
    ```

    #### Fix 2

    - sg-0de000000000ba7c0: let in tcp 10250 from 10.0.32.0/19
    - sg-0de000000000ba7c0: let in tcp 10250 from 10.0.64.0/18
    - verified: asked again on the changed snapshot, 27 of 27 pairs reachable

    ```sh
    aws ec2 authorize-security-group-ingress --group-id sg-0de000000000ba7c0 --ip-permissions '[{"FromPort":10250,"IpProtocol":"tcp","IpRanges":[{"CidrIp":"10.0.32.0/19"},{"CidrIp":"10.0.64.0/18"}],"ToPort":10250}]'
    ```

    ```hcl
    resource "aws_vpc_security_group_ingress_rule" "sg_0de000000000ba7c0_tcp_10250_10_0_32_0_19" {
      security_group_id = "sg-0de000000000ba7c0"
      cidr_ipv4         = "10.0.32.0/19"
      ip_protocol       = "tcp"
      from_port         = 10250
      to_port           = 10250
    }

    resource "aws_vpc_security_group_ingress_rule" "sg_0de000000000ba7c0_tcp_10250_10_0_64_0_18" {
      security_group_id = "sg-0de000000000ba7c0"
      cidr_ipv4         = "10.0.64.0/18"
      ip_protocol       = "tcp"
      from_port         = 10250
      to_port           = 10250
    }
    ```

    Nothing was applied.
    ----- stderr -----
    "#);
}

#[test]
fn what_cannot_be_mended_says_why() {
    insta::assert_snapshot!(reach("fix --snapshot demo --from internet --to node --port 22"), @"
    exit code: 1
    ----- stdout -----
    cannot be fixed internet -> node, tcp 22
    0 of 9 pairs reachable, 9 blocked now

      why      10.0.40.10 has no public address, and from the internet there is no other way to it

    No change of rules, entries, routes, endpoints or lists that reach knows makes it so.
    ----- stderr -----
    ");
}

#[test]
fn help_of_fix_has_examples_and_exit_codes() {
    insta::assert_snapshot!(reach("fix -h"), @"
    exit code: 0
    ----- stdout -----
    Find the smallest changes that let traffic pass, each verified

    Usage: reach fix [OPTIONS] --from <SELECTOR> --to <SELECTOR>

    Options:
          --from <SELECTOR>      Who sends the first packet: a selector (`reach query --help` lists
                                 them)
          --to <SELECTOR>        Who is to receive it: a selector
          --protocol <PROTOCOL>  tcp, udp, icmp, icmpv6, all or a number [default: tcp with --port, icmp
                                 with --icmp, else all]
          --port <PORTS>         Destination ports: numbers, ranges and service names, such as
                                 443,8000-8999,dns [default: all]
          --source-port <PORTS>  The client's ports [default: what that kind of client really uses]
          --icmp <TYPE[/CODE]>   ICMP messages, such as 8 (any code), 8/0 or 3/4 [default: all]
          --family <FAMILY>      The address family [default: IPv4 where both ends have it, else IPv6]
                                 [possible values: ipv4, ipv6]
          --snapshot <PATH>      A directory of AWS CLI output, a snapshot file, `-` for standard input,
                                 or `demo`; several are merged [env: REACH_SNAPSHOT]
          --cluster <NAME>       The EKS cluster that selectors speak of, where the snapshot holds
                                 several [env: REACH_CLUSTER]
          --engine <ENGINE>      Who judges, now and on the changed snapshot: compiled, reference, or
                                 both and every answer compared [env: REACH_ENGINE] [default: compiled]
                                 [possible values: compiled, reference, both]
      -o, --output <FORMAT>      The form of the fixes [default: text] [possible values: text, json,
                                 markdown]
      -h, --help                 Print help (see more with '--help')

    Global options:
          --color <WHEN>  Colour the output: auto (on a terminal, unless `NO_COLOR` is set), always or
                          never [env: REACH_COLOR]
      -q, --quiet         Print no answer and no warning: the exit code tells
      -v, --verbose       Say on standard error what was read, and every warning

    Examples:
      reach fix --snapshot demo --from controlplane --to node --port 10250
      reach fix --from node --to aws/ecr.api --port https --output markdown
      reach fix --from pod/shop/cart-7d9 --to name/DB --port 5432 --output json

    Exit codes:
       0  fixed, or reachable already
       1  no change that reach knows makes it reachable
       2  the command line or the snapshot is wrong
       3  unknown: what the snapshot does not hold decides
       4  reading or writing failed
      70  the engines contradict each other (a bug)
    ----- stderr -----
    ");
}

#[test]
fn a_question_that_means_nothing_is_an_error() {
    let run = reach("fix --snapshot demo --from nobody --to node --port 99999");
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    assert!(run.stderr.contains("--port") && run.stderr.contains("nobody"), "{}", run.stderr);
    let run = reach("fix --snapshot demo --from 10.0.40.10 --to node --port 22 --quiet");
    assert_eq!(run.stdout, "");
}

#[test]
fn the_form_may_be_set_for_all_answers() {
    let directory = files(&[("reach.toml", "snapshot = \"demo\"\noutput = \"json\"\n")]);
    let run = reach_in(directory.path(), "fix --from node --to controlplane --port 443");
    assert!(run.stdout.starts_with('{'), "{}", run.stdout);
    assert!(run.stdout.contains("reach.fix/1"));
}
