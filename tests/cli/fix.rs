//! Fixes in every form.

use super::{files, reach, reach_in};

#[test]
fn the_demos_fault_is_mended() {
    insta::assert_snapshot!(reach("fix --snapshot demo --from node --to controlplane --port 443"), @"");
}

#[test]
fn a_fix_for_a_pull_request() {
    let words = "fix --snapshot demo --from controlplane --to node --port kubelet --output markdown";
    insta::assert_snapshot!(reach(words), @"");
}

#[test]
fn what_cannot_be_mended_says_why() {
    insta::assert_snapshot!(reach("fix --snapshot demo --from internet --to node --port 22"), @"");
}

#[test]
fn help_of_fix_has_examples_and_exit_codes() {
    insta::assert_snapshot!(reach("fix -h"), @"");
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
    assert!(run.stdout.starts_with("{"), "{}", run.stdout);
    assert!(run.stdout.contains("reach.fix/1"));
}
