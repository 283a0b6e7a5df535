//! `reach generate`: what it writes is a complete snapshot.

use std::fs;
use std::path::Path;

use reach_generate::Profile;
use serde_json::Value;

use super::{Run, finish, program, reach, reach_in};

fn generate(directory: &Path, words: &str) -> Run {
    let run = reach_in(directory, &format!("generate {words}"));
    assert_eq!(run.code, Some(0), "{words}: {run}");
    assert_eq!(run.stdout, "");
    run
}

/// `reach snapshot info --output json`.
fn info(directory: &Path, name: &str) -> Value {
    let run = reach_in(directory, &format!("snapshot info {name} --output json"));
    assert_eq!(run.code, Some(0), "{run}");
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn every_profile_is_a_sound_and_complete_snapshot() {
    for profile in Profile::ALL {
        for enis in [50, 200] {
            let directory = tempfile::tempdir().unwrap();
            generate(directory.path(), &format!("--enis {enis} --profile {profile} --out estate"));
            let run = reach_in(directory.path(), "snapshot validate estate");
            assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{profile} {enis}: {run}");
            assert!(run.stdout.starts_with("ok: ") && !run.stdout.contains("warning"), "{run}");
            let info = info(directory.path(), "estate");
            assert_eq!(info["warnings"], Value::Array(Vec::new()), "{profile} {enis}");
            for missing in info["missing"].as_array().unwrap() {
                assert_eq!(missing["role"], "referenced", "{profile} {enis}: {missing}");
                let ids = missing["ids"].as_array();
                assert!(ids.is_none_or(Vec::is_empty), "{profile} {enis}: {missing}");
            }
        }
    }
}

#[test]
fn both_layouts_hold_the_same_network() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let counts = |name: &str| -> Vec<(String, u64)> {
        let resources = info(directory, name)["resources"].as_array().unwrap().clone();
        // Batfish's array of routes has a name of its own.
        let kind = |r: &Value| r["kind"].as_str().unwrap().replace("static routes", "routes");
        let count = |r: &Value| (kind(r), r["count"].as_u64().unwrap());
        resources.iter().map(count).filter(|(kind, _)| kind != "prefix lists").collect()
    };
    for profile in ["realistic", "eks"] {
        let words = format!("--enis 200 --profile {profile}");
        generate(directory, &format!("{words} --out {profile}-aws"));
        generate(directory, &format!("{words} --layout batfish --out {profile}-batfish"));
        let folder = format!("{profile}-batfish/aws_configs/accounts/111122223333/eu-west-1");
        assert!(directory.join(folder).join("NetworkInterfaces.json").is_file());
        assert_eq!(counts(&format!("{profile}-aws")), counts(&format!("{profile}-batfish")));
        let run = reach_in(directory, &format!("snapshot validate {profile}-batfish"));
        assert_eq!((run.code, &*run.stderr), (Some(0), ""), "{run}");
        for question in [
            "--from name/cart-0-0 --to name/cart-0-1",
            "--from name/cart-0-0 --to aws/s3 --port 443",
            "--from name/cart-0-0 --to 192.168.0.5 --port 443",
            "--from name/cart-0-0 --to 172.28.0.5 --port 443",
        ] {
            let [aws, batfish] = ["aws", "batfish"]
                .map(|layout| reach_in(directory, &format!("query --snapshot {profile}-{layout} {question}")));
            assert_eq!(aws, batfish);
            assert_ne!(aws.code, Some(2), "{aws}");
        }
    }
}

#[test]
fn nodes_of_every_kind_reach_their_control_plane_and_the_outside() {
    let directory = tempfile::tempdir().unwrap();
    generate(directory.path(), "--enis 200 --profile eks --out estate");
    for question in [
        "--from node --to controlplane --port 443 --expect reachable",
        "--from controlplane --to node --port 10250 --expect reachable",
        "--from pod --to controlplane --port 443",
        "--from internet --to controlplane --port 443 --expect blocked",
        "--from node --to internet/203.0.113.7 --port 443 --expect reachable",
        "--from node --to aws/ecr.api --port 443 --expect reachable",
    ] {
        let run = reach_in(directory.path(), &format!("query --snapshot estate {question}"));
        assert_ne!(run.code, Some(2), "{question}: {run}");
        assert!(!run.stdout.starts_with("unknown"), "{question}: {run}");
        assert!(!question.contains("--expect") || run.code == Some(0), "{question}: {run}");
    }
}

#[test]
fn it_says_what_was_written_unless_quiet() {
    let directory = tempfile::tempdir().unwrap();
    let run = generate(directory.path(), "--enis 50 --profile realistic --out deep/er/estate");
    let line = run.stderr.trim_end();
    assert!(line.starts_with("note: 50 network interfaces, ") && line.ends_with(" bytes: deep/er/estate"), "{run}");
    assert_eq!(line.lines().count(), 1);
    assert_eq!(generate(directory.path(), "-q --enis 50 --profile realistic --out other").stderr, "");
}

#[test]
fn what_cannot_be_done_is_told_and_nothing_is_written() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("taken")).unwrap();
    fs::write(directory.path().join("taken/notes.txt"), "mine").unwrap();
    let run = reach_in(directory.path(), "generate --enis 50 --profile max --out taken");
    insta::assert_snapshot!(run, @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: `taken` is not empty
    hint: `--out` names a new or an empty directory
    ");
    insta::assert_snapshot!(reach("generate --enis 49 --profile max --out estate"), @r"
    exit code: 2
    ----- stdout -----
    ----- stderr -----
    error: an estate has 50 to 512000 network interfaces, not 49
    ");
    let run = finish(program(directory.path()).args(["generate", "--enis", "50", "--profile", "huge", "--out", "x"]));
    assert_eq!(run.code, Some(2));
    assert!(Profile::ALL.iter().all(|profile| run.stderr.contains(profile.as_str())), "{run}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}

#[test]
fn a_run_that_is_cut_short_leaves_nothing_under_the_name() {
    let directory = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_reach"))
        .args(["generate", "-q", "--enis", "512000", "--profile", "realistic", "--out", "estate"])
        .current_dir(directory.path())
        .spawn()
        .unwrap();
    // It writes when its directory is there.
    let begun = || fs::read_dir(directory.path()).unwrap().next().is_some();
    for _ in 0..1_000 {
        if begun() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(begun());
    assert!(!directory.path().join("estate").exists());
}

#[test]
fn help_shows_profiles_and_examples() {
    let run = reach("generate --help");
    assert_eq!(run.code, Some(0));
    for profile in Profile::ALL {
        assert!(run.stdout.contains(&format!("  {profile:<10} {}", profile.summary())), "{run}");
    }
    assert!(run.stdout.contains("reach generate --enis 64000 --profile eks --seed 7 --out estate"), "{run}");
}

#[test]
fn the_page_lists_the_profiles() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/GENERATE.md")).unwrap();
    let section = page.split("\n## ").find(|section| section.starts_with("Profiles")).unwrap();
    let listed: Vec<(&str, &str)> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | "))
        .map(|(profile, rest)| (profile, rest.split(" | ").next().unwrap()))
        .collect();
    let known = Profile::ALL.map(|profile| (profile.as_str(), profile.summary()));
    assert_eq!(listed, known);
}
