//! However a fetch ends, the snapshot that was there is whole.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use super::server::{Server, Trouble};
use super::{ENVIRONMENT, demo};
use crate::cli::{finish, program};

fn start(directory: &Path, url: &str) -> std::process::Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reach"));
    command.envs(ENVIRONMENT);
    command
        .current_dir(directory)
        .args(["fetch", "--region", "eu-west-1", "--rate", "1000", "--out", "x.json.zst", "--endpoint-url", url])
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn is_whole(directory: &Path) -> bool {
    finish(program(directory).args(["snapshot", "validate", "x.json.zst"])).code == Some(0)
}

#[test]
fn killed_at_twenty_moments_the_old_snapshot_stays() {
    let server = Server::start(demo(), Trouble { page: Some(2), slow: Duration::from_millis(2), ..Trouble::default() });
    let directory = tempfile::tempdir().unwrap();
    assert!(start(directory.path(), &server.url()).wait().unwrap().success());
    let file = directory.path().join("x.json.zst");
    let mut whole = 0;
    for moment in 0_u64..20 {
        let before = fs::read(&file).unwrap();
        let mut child = start(directory.path(), &server.url());
        // From before the first request to after the last, in no order.
        thread::sleep(Duration::from_millis(moment * 7919 % 20 * 25));
        child.kill().unwrap();
        child.wait().unwrap();
        let after = fs::read(&file).unwrap();
        assert!(is_whole(directory.path()), "moment {moment}");
        whole += usize::from(after == before);
    }
    // Most were killed before they were done.
    assert!(whole > 5, "{whole}");
}

#[cfg(unix)]
#[test]
fn asked_to_end_it_ends_and_writes_nothing() {
    for signal in ["INT", "TERM"] {
        let server = Server::start(demo(), Trouble { slow: Duration::from_secs(3), ..Trouble::default() });
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("x.json.zst"), "the old one").unwrap();
        let mut child = start(directory.path(), &server.url());
        thread::sleep(Duration::from_secs(2));
        let killed = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(killed.unwrap().success());
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}");
        assert_eq!(fs::read_to_string(directory.path().join("x.json.zst")).unwrap(), "the old one");
        let files = fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(files, 1, "{signal}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let server = Server::start(demo(), Trouble::default());
    let directory = tempfile::tempdir().unwrap();
    let run = finish(&mut super::fetch(directory.path(), &server.url(), "--out /dev/full"));
    assert_eq!(run.code, Some(4), "{run}");
    assert!(run.stderr.contains("`/dev/full` cannot be written"), "{run}");
}

#[cfg(unix)]
#[test]
fn a_link_stays_one_and_a_directory_is_no_file() {
    let server = Server::start(demo(), Trouble::default());
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("kept")).unwrap();
    fs::write(directory.path().join("kept/x.json.zst"), "the old one").unwrap();
    std::os::unix::fs::symlink("kept/x.json.zst", directory.path().join("x.json.zst")).unwrap();
    assert!(start(directory.path(), &server.url()).wait().unwrap().success());
    assert!(directory.path().join("x.json.zst").is_symlink());
    assert!(is_whole(directory.path()));
    let run = finish(&mut super::fetch(directory.path(), &server.url(), "--out kept"));
    assert_eq!(run.code, Some(2), "{run}");
    // Told before anything is asked.
    assert!(run.stderr.contains("`kept` is a directory"), "{run}");
}
