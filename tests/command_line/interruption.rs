//! Ctrl-C: what is left, and what is said.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::lenet::{answer, compile, keys, write_digit};
use super::{text, zkml};

fn interrupt_after(child: &Child, delay: Duration) {
    std::thread::sleep(delay);
    kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
}

/// Names of the files in a folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn an_interruption_leaves_whole_files_or_none() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::copy(keys().join("lenet.model"), folder.join("lenet.model")).unwrap();
    let mut interrupted = 0;
    for delay in [5, 10, 15, 20, 30, 40, 60, 90, 120, 160] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_zkml"))
            .args(["setup", "lenet.model", "--force", "--quiet"])
            .current_dir(folder)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        interrupt_after(&child, Duration::from_millis(delay));
        let code = child.wait().unwrap().code();
        // Before its handler stands, the signal itself ends it.
        assert!(matches!(code, Some(0 | 130) | None), "{code:?}");
        interrupted += usize::from(code == Some(130));
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_str().unwrap();
            assert!(!name.ends_with(".partial"), "{name}");
            let inspected = zkml(&["inspect", name], folder);
            assert_eq!(inspected.status.code(), Some(0), "{}", text(&inspected.stderr));
        }
    }
    assert!(interrupted > 0, "no run was long enough to be interrupted");
    // What is missing is made.
    let made = answer(&zkml(&["setup", "lenet.model", "--json"], folder));
    assert_eq!(made["ok"], true);
    assert!(folder.join("lenet.pkey").is_file() && folder.join("lenet.vkey").is_file());
}

/// `prove` at every moment: a proof and its outputs are whole or not there, and what is said of the key's proofs is
/// true.
#[test]
fn an_interrupted_proof_says_whether_it_was_counted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_digit(&folder.join("seven.png"));
    answer(&compile(folder, &["--json"]));
    let made = answer(&zkml(
        &["setup", "lenet.model", "--proofs", "40", "--json"],
        folder,
    ));
    let prove = [
        "prove",
        "--key",
        "lenet.pkey",
        "--input",
        "seven.png",
        "-o",
        "out",
    ];
    let start = Instant::now();
    let proved = answer(&zkml(&[&prove[..], &["--json"]].concat(), folder));
    let whole = start.elapsed();
    let mut left = proved["proofs_left"].as_u64().unwrap();
    assert_eq!(left + 1, made["proofs"].as_u64().unwrap());

    let (mut interrupted, mut counted) = (0, 0);
    for part in 1..=16 {
        std::fs::remove_dir_all(folder.join("out")).unwrap();
        std::fs::create_dir(folder.join("out")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_zkml"))
            .args([&prove[..], &["--json"]].concat())
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        interrupt_after(&child, whole * part / 16);
        let output = child.wait_with_output().unwrap();
        let (said, errors) = (text(&output.stdout), text(&output.stderr));
        let files = names(&folder.join("out"));
        assert!(
            ["", "lenet.proof", "lenet.outputs.json,lenet.proof"].contains(&files.join(",").as_str()),
            "{files:?}"
        );
        match output.status.code() {
            Some(0) => left -= 1,
            // Before its handler stands, the signal itself ends it.
            None => assert!(files.is_empty(), "{files:?}"),
            Some(130) => {
                interrupted += 1;
                let error: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
                let error = error["error"].as_str().unwrap().to_owned();
                assert_eq!(errors, format!("{error}\n"));
                if error == format!("interrupted: 1 proof of the key stays counted, {} left", left - 1) {
                    (left, counted) = (left - 1, counted + 1);
                } else {
                    // Before the key is read there is nothing to say of it.
                    let none = format!("interrupted: no proof of the key was counted, {left} left");
                    assert!(error == none || error == "interrupted", "{error:?}, {left} left");
                    assert!(files.is_empty(), "{files:?}");
                }
            }
            other => panic!("{other:?}: {said} {errors}"),
        }
    }
    assert!(interrupted > 0, "no run was long enough to be interrupted");
    println!("interrupted {interrupted} times, {counted} of them after a proof was counted");
    let proved = answer(&zkml(&[&prove[..], &["--force", "--json"]].concat(), folder));
    assert_eq!(proved["proofs_left"], left - 1);
}
