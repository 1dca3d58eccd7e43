//! Hostile folders and files of others: no proof of a key is used up for nothing, and no line is forged.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use zkml::keys::ProvingKey;
use zkml::prelude::*;
use zkml::proof::{Artifact, Proof, to_bytes, write_file};

use super::verify::{input, key};
use super::{assert_refused, text, zkml};

/// A folder with a key with private weights, `small.pkey`, its verifying key, its model and an input.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let key = key("small", 1, folder.path(), Privacy::default());
    key.write_file(&path("small.pkey")).unwrap();
    write_file(path("small.vkey"), key.verifying()).unwrap();
    write_file(path("small.model"), key.model()).unwrap();
    ndarray_npy::write_npy(path("input.npy"), &input(3)).unwrap();
    folder
}

fn used(folder: &Path) -> u64 {
    let budget = ProvingKey::read_budget(&folder.join("small.pkey")).unwrap();
    budget.unwrap().used().unwrap()
}

/// The temporary files in a folder.
fn partial(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.to_string_lossy().ends_with(".partial"))
        .collect()
}

const PROVE: [&str; 5] = ["prove", "--key", "small.pkey", "--input", "input.npy"];
const ROTATE: [&str; 6] = [
    "rotate-key",
    "small.pkey",
    "-o",
    "new.pkey",
    "--verifying-key",
    "new.vkey",
];

/// Runs `zkml` where files cannot grow beyond some KiB, as on a disk that is full.
fn on_a_full_disk(arguments: &[&str], folder: &Path) -> Output {
    Command::new("sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 32; exec \"$0\" \"$@\"")
        .arg(env!("CARGO_BIN_EXE_zkml"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

#[test]
fn a_folder_that_takes_no_file_costs_no_proof() {
    let folder = folder();
    let folder = folder.path();
    // Nobody writes there, not even root.
    assert_refused(
        &zkml(&[&PROVE[..], &["-o", "/proc"]].concat(), folder),
        2,
        &["/proc"],
    );
    assert_refused(&on_a_full_disk(&PROVE, folder), 2, &["cannot write small.proof"]);
    let mut elsewhere = ROTATE;
    elsewhere[3] = "/proc/new.pkey";
    assert_refused(&zkml(&elsewhere, folder), 2, &["/proc"]);
    let mut elsewhere = ROTATE;
    elsewhere[5] = "/proc/new.vkey";
    assert_refused(&zkml(&elsewhere, folder), 2, &["/proc"]);
    assert_refused(&on_a_full_disk(&ROTATE, folder), 2, &["cannot write new.pkey"]);
    // Something else than a file stands there.
    std::fs::create_dir(folder.join("small.outputs.json")).unwrap();
    let forced = [&PROVE[..], &["--force"]].concat();
    assert_refused(
        &zkml(&forced, folder),
        2,
        &["small.outputs.json", "expected a file or nothing in its place"],
    );
    std::fs::remove_dir(folder.join("small.outputs.json")).unwrap();

    assert_eq!(used(folder), 0);
    assert!(!folder.join("small.proof").exists() && !folder.join("new.pkey").exists());
    assert_eq!(partial(folder), Vec::<PathBuf>::new());
    for (arguments, openings) in [(&PROVE[..], 1), (&ROTATE[..], 2)] {
        let output = zkml(arguments, folder);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(used(folder), openings);
    }
    assert_eq!(partial(folder), Vec::<PathBuf>::new());
    // The zeros that held the room are gone.
    let proof = std::fs::metadata(folder.join("small.proof")).unwrap().len();
    let verify = ["verify", "--key", "small.vkey", "--proof", "small.proof"];
    let output = zkml(&verify, folder);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{} ({proof} bytes)",
        text(&output.stderr)
    );
}

#[test]
fn a_copied_counter_is_refused_until_its_owner_takes_it_over() {
    let folder = folder();
    let folder = folder.path();
    assert_eq!(zkml(&PROVE, folder).status.code(), Some(0));
    let counter = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let counter = counter
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "budget"));
    let counter = counter.unwrap();
    // As a backup is put back. The clock of a file system may be as coarse as 10 ms.
    std::thread::sleep(std::time::Duration::from_millis(30));
    let bytes = std::fs::read(&counter).unwrap();
    std::fs::remove_file(&counter).unwrap();
    std::fs::write(&counter, bytes).unwrap();
    let again = [&PROVE[..], &["--force"]].concat();
    assert_refused(&zkml(&again, folder), 1, &["it was copied", "zkml adopt-key"]);
    let output = zkml(&["adopt-key", "small.pkey"], folder);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("1 of "), "{}", text(&output.stdout));
    let output = zkml(&again, folder);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(used(folder), 2);
    // Set back by someone who cannot read the key.
    let mut bytes = std::fs::read(&counter).unwrap();
    for slot in bytes.chunks_exact_mut(4096) {
        slot[48..56].fill(0);
        let checksum = *blake3::hash(&slot[..80]).as_bytes();
        slot[80..112].copy_from_slice(&checksum);
    }
    std::fs::write(&counter, bytes).unwrap();
    assert_refused(&zkml(&again, folder), 1, &["wrong checksums"]);
    assert_refused(
        &zkml(&["adopt-key", "small.pkey"], folder),
        1,
        &["wrong checksums"],
    );
}

#[test]
fn a_name_cannot_forge_the_line_that_people_compare() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let honest = "small-key  00000000";
    let forged = "small\nkey  00000000";
    let key = key(honest, 1, folder, Privacy::PUBLIC);
    let mut bytes = to_bytes(key.verifying()).unwrap();
    let at = bytes
        .windows(honest.len())
        .position(|window| window == honest.as_bytes())
        .unwrap();
    for (name, code) in [(honest, 0), (forged, 1), ("small\u{1b}[1A  00000000", 1)] {
        bytes[at..at + honest.len()].copy_from_slice(&name.as_bytes()[..honest.len()]);
        let end = bytes.len() - 32;
        let checksum = *blake3::hash(&bytes[..end]).as_bytes();
        bytes[end..].copy_from_slice(&checksum);
        std::fs::write(folder.join("forged.vkey"), &bytes).unwrap();
        for command in ["inspect", "verify-key"] {
            let output = zkml(&[command, "forged.vkey"], folder);
            assert_eq!(output.status.code(), Some(code), "{command} {name:?}");
            if code == 1 {
                assert_refused(&output, 1, &["name of the verifying key is refused"]);
            }
            // The digest comes before what the maker of the key chose.
            let shown = text(&output.stdout);
            let place = |what: &str| shown.find(what).unwrap_or(usize::MAX);
            let digest: String = key
                .verifying()
                .digest()
                .unwrap()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            assert!(code == 1 || place(&digest) < place(honest), "{shown}");
        }
    }
}

/// No file of a proof is decoded that is larger than the key allows, and none is held to be looked at.
#[test]
fn a_proof_of_public_values_is_refused_for_its_size() {
    let folder = folder();
    let folder = folder.path();
    let mut payload = vec![0xab; 32];
    // Opening, no lengths, an input.
    payload.extend([0, 0, 1]);
    let values = 30_000_000u32;
    // 30,000,000 as a variable-length integer.
    payload.extend([0x80, 0x87, 0xa7, 0x0e]);
    payload.resize(payload.len() + values as usize, 0);
    payload.extend([0, 0]);
    let mut bytes = b"ZKMLPROF".to_vec();
    bytes.extend(Proof::VERSION.to_le_bytes());
    bytes.extend((payload.len() as u64).to_le_bytes());
    bytes.extend(payload);
    let checksum = *blake3::hash(&bytes).as_bytes();
    bytes.extend(checksum);
    std::fs::write(folder.join("large.proof"), bytes).unwrap();
    // 16 MiB of memory, besides what the program itself needs.
    let limited = |arguments: &[&str]| {
        Command::new("sh")
            .arg("-c")
            .arg("ulimit -d 65536; exec \"$0\" \"$@\"")
            .arg(env!("CARGO_BIN_EXE_zkml"))
            .args(arguments)
            .current_dir(folder)
            .env("ZKML_TRUSTED_KEYS", folder.join("trusted"))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    let inspected = limited(&["inspect", "large.proof"]);
    assert_eq!(inspected.status.code(), Some(0), "{}", text(&inspected.stderr));
    assert!(text(&inspected.stdout).contains("input          30000000 integers: 0, 0, "));
    for arguments in [
        &["verify", "--key", "small.vkey", "--proof", "large.proof"][..],
        &["inspect", "large.proof", "--key", "small.vkey"],
    ] {
        assert_refused(&limited(arguments), 1, &["large.proof: ", "has at most"]);
    }
}

/// The memory of a command that holds keys is not dumped.
#[test]
fn no_core_is_dumped() {
    let folder = folder();
    let mut child = Command::new(env!("CARGO_BIN_EXE_zkml"))
        .args(["setup", "small.model", "--name", "again"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let limits = format!("/proc/{}/limits", child.id());
    let mut forbidden = false;
    while child.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&limits).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("Max core file size"));
        forbidden |= line.is_some_and(|line| line.split_whitespace().nth(5) == Some("0"));
    }
    assert!(child.wait().unwrap().success());
    assert!(forbidden);
}
