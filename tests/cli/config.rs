//! `reach.toml`, the environment, and which comes first.

use super::{demo_without, files, finish, program, reach_in};

const QUESTION: &str = "query --from node --to controlplane --port 443";

#[test]
fn the_nearest_file_upwards_is_read_and_its_paths_are_relative_to_it() {
    let directory = demo_without(&[]);
    let below = directory.path().join("a/b");
    std::fs::create_dir_all(&below).unwrap();
    std::fs::write(directory.path().join("reach.toml"), "snapshot = \"demo-copy\"\noutput = \"jsonl\"\n").unwrap();
    let run = reach_in(&below, QUESTION);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.starts_with("{\"schema\":\"reach.query/1\""), "{run}");
    std::fs::write(directory.path().join("a/reach.toml"), "snapshot = [\"demo\"]\ncluster = \"other\"\n").unwrap();
    let run = reach_in(&below, QUESTION);
    assert_eq!(run.code, Some(2), "{run}");
    assert!(run.stderr.contains("`other`"), "{run}");
    let run = reach_in(&below, &format!("{QUESTION} --cluster demo"));
    assert_eq!(run.code, Some(1), "{run}");
}

#[test]
fn flags_come_before_the_environment_and_that_before_the_file() {
    let directory = files(&[("reach.toml", "snapshot = \"nowhere\"\noutput = \"jsonl\"\ncolor = \"always\"\n")]);
    let start = || program(directory.path());
    let words: Vec<&str> = QUESTION.split(' ').collect();
    let file = finish(start().args(&words));
    assert!(file.stderr.contains("nowhere: no such file or directory"), "{file}");
    let environment = finish(start().args(&words).env("REACH_SNAPSHOT", "demo").env("REACH_OUTPUT", "markdown"));
    assert!(environment.stdout.starts_with("### **partial**"), "{environment}");
    let flags = ["--snapshot", "demo", "--output", "text", "--color", "never"];
    let flags = finish(start().args(&words).args(flags).env("REACH_SNAPSHOT", "gone").env("REACH_OUTPUT", "markdown"));
    assert!(flags.stdout.starts_with("partial node -> controlplane"), "{flags}");
}

#[test]
fn a_file_that_is_wrong_is_told_and_stops_only_what_needs_it() {
    let directory = files(&[("reach.toml", "snapshot = \"demo\"\nclustr = \"demo\"\n")]);
    insta::assert_snapshot!(reach_in(directory.path(), QUESTION), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: reach.toml: line 2: unknown field `clustr`, expected one of `snapshot`, `cluster`, `color`, `output`
    ");
    assert_eq!(reach_in(directory.path(), "completions fish").code, Some(0));
    assert_eq!(reach_in(directory.path(), "snapshot script").code, Some(0));
}

#[test]
fn paths_behind_a_command_come_before_everything_else() {
    let directory = files(&[("reach.toml", "snapshot = \"nowhere\"\n")]);
    let run = finish(program(directory.path()).args(["snapshot", "validate", "demo"]).env("REACH_SNAPSHOT", "gone"));
    insta::assert_snapshot!(run, @r"
    exit code: 0
    ----- stdout -----
    ok: 49 files
    ----- stderr -----
    ");
}
