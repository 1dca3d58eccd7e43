//! `kill -9` at random moments: the counter of a key's openings never goes back, no opening is made twice, and the next
//! run works on what the last one left.
//!
//! The test starts itself again as a child, which does the work and tells what it did on its standard output, and kills
//! it.

#![cfg(feature = "prover")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests stop at the first surprise"
)]

mod fuzz_support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fuzz_support::small_model;
use ndarray::ArrayD;
use zkml::keys::VerifyingKey;
use zkml::keys::{Budget, BudgetError, Owner, ProveError, ProvingKey, Purpose};
use zkml::prelude::*;
use zkml::proof::{FileError, Proof, read_file, write_file};
use zkml::prove::prove;
use zkml::setup::rotate;
use zkml::setup::{SetupOptions, setup};
use zkml::verify::TrustedKey;

/// Tells the child which work to do, and where.
const WORK: &str = "ZKML_KILL_TEST_WORK";
const FOLDER: &str = "ZKML_KILL_TEST_FOLDER";

/// Openings of the keys of this test: never reached.
const LIMIT: u64 = 1 << 40;

/// Whose counter it is.
fn owner(id: [u8; 32]) -> Owner {
    Owner::new(id, [9; 32])
}

/// The same numbers on every run; the moments still differ, as the scheduler does what it likes.
struct Random(u64);

impl Random {
    /// Below `bound`, which is small (xorshift64*).
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % bound
    }
}

/// Starts the child, kills it `delay` after it began its work, and returns what it said.
fn run_and_kill(work: &str, folder: &Path, delay: Duration) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(WORK, work)
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // What the test harness says comes first.
    assert!(
        lines.any(|line| line.unwrap() == "> begin"),
        "{work}: the child did not begin"
    );
    std::thread::sleep(delay);
    assert!(
        child.try_wait().unwrap().is_none(),
        "{work}: the child ended by itself"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    lines
        .filter_map(|line| Some(line.unwrap().strip_prefix("> ")?.to_owned()))
        .collect()
}

/// Says it in one write, so that a line is in the pipe as a whole or not at all.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("> {line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

/// The child. As a test of its own it does nothing.
#[test]
fn child() {
    let Ok(work) = std::env::var(WORK) else { return };
    let folder = std::env::var_os(FOLDER).unwrap();
    let folder = Path::new(&folder);
    say("begin");
    match work.as_str() {
        "take" => take_without_end(&folder.join("key.pk")),
        "create" => create_without_end(folder),
        "prove" => prove_without_end(folder),
        _ => panic!("{work}"),
    }
}

/// Takes openings of one key; makes its counter if there is none.
fn take_without_end(key: &Path) {
    let budget = match Budget::open_beside(key, &owner([1; 32]), LIMIT) {
        Err(BudgetError::Missing { .. }) => Budget::create_beside(key, &owner([1; 32]), LIMIT, 0),
        other => other,
    };
    let budget = budget.unwrap();
    loop {
        let number = budget.take(Purpose::Proof).unwrap();
        say(&number.to_string());
    }
}

/// Replaces a key by new ones, each with a counter of its own, of which it takes two openings.
fn create_without_end(folder: &Path) {
    let known = std::fs::read_dir(folder).unwrap().count() as u64;
    for serial in 1000 * known.. {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&serial.to_le_bytes());
        let budget = Budget::create_beside(&folder.join("key.pk"), &owner(id), LIMIT, 5).unwrap();
        for _ in 0..2 {
            say(&format!("{serial} {}", budget.take(Purpose::Proof).unwrap()));
        }
    }
}

/// A key that makes few proofs.
fn new_key(proofs_per_key: u32) -> ProvingKey {
    let options = SetupOptions {
        proofs_per_key,
        // Kills come within milliseconds: little of them should be proof of work.
        grinding_bits: 4,
        maximum_grinding_bits: 4,
        ..SetupOptions::default()
    };
    setup(small_model().with_privacy(Privacy::default()), &options).unwrap()
}

/// What a key is called here.
fn name(key: &VerifyingKey) -> String {
    let digest = key.digest().unwrap();
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Writes a pair of keys; the verifying key first, so that there is one for every proof.
fn write_keys(key: &ProvingKey, folder: &Path) {
    let path = folder.join(format!("{}.vkey", name(key.verifying())));
    write_file(path, key.verifying()).unwrap();
    key.write_file(&folder.join("key.pk")).unwrap();
}

/// Makes proofs and writes them; when the key has made all of its own, puts a rotated one in its place.
fn prove_without_end(folder: &Path) {
    let mut key = match ProvingKey::read_file(&folder.join("key.pk")) {
        Err(ProveError::File(FileError::NotFound { .. })) => {
            let key = new_key(4);
            write_keys(&key, folder);
            key
        }
        other => other.unwrap(),
    };
    let input = ArrayD::from_elem(vec![1, 1, 6, 6], 5);
    loop {
        let id = name(key.verifying());
        match prove(&key, &input, b"kill") {
            Ok(proof) => {
                // This process alone takes openings.
                let number = key.budget().unwrap().used().unwrap() - 1;
                say(&format!("proved {id} {number}"));
                write_file(folder.join(format!("{id}-{number}.proof")), &proof).unwrap();
            }
            Err(ProveError::Budget(BudgetError::Exhausted { .. })) => {
                say(&format!("rotating {id}"));
                key = match rotate(&key) {
                    Ok(new) => {
                        write_keys(&new, folder);
                        key.budget().unwrap().retire().unwrap();
                        say(&format!("rotated {id} {}", name(new.verifying())));
                        new
                    }
                    // Every rotation of this key was killed: what the error says.
                    Err(ProveError::Budget(BudgetError::NothingLeft { .. })) => {
                        let new = new_key(4);
                        write_keys(&new, folder);
                        say("anew");
                        new
                    }
                    Err(error) => panic!("{error}"),
                };
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn proofs_and_rotations_may_be_killed_at_any_moment() {
    const KILLS: usize = 180;
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(3);
    let mut given: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let (mut rotated, mut killed_while_rotating, mut anew) = (0, 0, 0);
    for kill in 0..KILLS {
        // A key is made in about 65 ms here, and a rotation in 15: the delay must reach beyond both.
        let delay = Duration::from_micros(random.below(150_000));
        let said = run_and_kill("prove", folder.path(), delay);
        for line in &said {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["proved", id, number] => {
                    let numbers = given.entry(id.to_owned()).or_default();
                    let number = number.parse().unwrap();
                    assert!(
                        numbers.last().is_none_or(|&last| last < number),
                        "kill {kill}: {number} of {id} after {numbers:?}"
                    );
                    numbers.push(number);
                }
                ["rotated", ..] => rotated += 1,
                ["anew"] => anew += 1,
                ["rotating", _] => {}
                _ => panic!("{line}"),
            }
        }
        killed_while_rotating += usize::from(said.last().is_some_and(|line| line.starts_with("rotating")));
    }
    let proofs: usize = given.values().map(Vec::len).sum();
    println!(
        "{KILLS} kills: {proofs} proofs, {rotated} rotations, {killed_while_rotating} killed in a rotation, {anew} new keys"
    );
    assert!(
        proofs > KILLS / 4 && rotated > 5,
        "{proofs} proofs, {rotated} rotations"
    );

    // Every file is whole, and every proof is one.
    let paths = |extension: &'static str| {
        let entries = std::fs::read_dir(folder.path()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(move |path| path.extension().is_some_and(|found| found == extension))
    };
    let keys: BTreeMap<String, VerifyingKey> = paths("vkey")
        .map(|path| {
            (
                path.file_stem().unwrap().to_str().unwrap().to_owned(),
                read_file(&path).unwrap(),
            )
        })
        .collect();
    let mut commitments = BTreeSet::new();
    for path in paths("proof") {
        let proof: Proof = read_file(&path).unwrap();
        let (id, number) = path
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .split_once('-')
            .unwrap();
        let key = &keys[id];
        let number: u64 = number.parse().unwrap();
        assert_eq!(proof.opening, number);
        assert!(commitments.insert((id.to_owned(), number)));
        let trusted = TrustedKey::remembered(key, &key.weights.digest().unwrap()).unwrap();
        trusted.verify(&proof, b"kill").unwrap();
    }
    assert!(
        commitments.len() > KILLS / 8,
        "{} proofs were written",
        commitments.len()
    );
    // The key that is there now works, and goes on where the last run stopped.
    let key = ProvingKey::read_file(&folder.path().join("key.pk")).unwrap();
    TrustedKey::new(key.verifying()).unwrap();
    let last = given
        .get(&name(key.verifying()))
        .and_then(|numbers| numbers.last());
    // A key that was rotated to last may have made none yet.
    assert!(key.budget().unwrap().used().unwrap() >= last.map_or(0, |last| *last + 1));
}

#[test]
fn the_command_that_rotates_a_key_may_be_killed_and_run_again() {
    const KILLS: u64 = 20;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let old = new_key(2 * KILLS as u32);
    old.write_file(&path("old.pk")).unwrap();
    let rotation = |round: u64| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zkml"));
        command
            .args(["rotate-key", "old.pk", "--output", &format!("{round}.pk")])
            .args(["--verifying-key", &format!("{round}.vkey")])
            .current_dir(folder.path())
            .stdout(Stdio::null());
        command
    };
    let start = Instant::now();
    assert!(rotation(KILLS).status().unwrap().success());
    let whole = start.elapsed().as_micros() as u64;
    let mut random = Random(4);
    let mut used = old.budget().unwrap().used().unwrap();
    assert_eq!(used, 1);
    let mut interrupted = 0;
    for round in 0..KILLS {
        let mut child = rotation(round).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(random.below(whole)));
        interrupted += u64::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
        assert!(rotation(round).status().unwrap().success(), "round {round}");

        let key = ProvingKey::read_file(&path(&format!("{round}.pk"))).unwrap();
        let published: VerifyingKey = read_file(path(&format!("{round}.vkey"))).unwrap();
        assert_eq!(key.verifying(), &published);
        published.replaces(old.verifying()).unwrap();
        assert_eq!(key.budget().unwrap().used().unwrap(), 0);
        // One opening for each run that came so far.
        let now = old.budget().unwrap().used().unwrap();
        assert!(
            (used..=used + 2).contains(&now),
            "round {round}: {used}, then {now}"
        );
        used = now;
    }
    println!("{KILLS} runs, {interrupted} interrupted, {used} openings");
    assert!(interrupted > KILLS / 2);
    TrustedKey::new(&read_file(path("0.vkey")).unwrap()).unwrap();
}

#[test]
fn no_opening_is_counted_twice() {
    const KILLS: u64 = 60;
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(1);
    let mut given = Vec::new();
    for kill in 0..KILLS {
        let before = given.last().map_or(0, |last| last + 1);
        let said = run_and_kill("take", folder.path(), Duration::from_micros(random.below(15_000)));
        given.extend(said.iter().map(|number| number.parse::<u64>().unwrap()));
        assert!(
            given.is_sorted_by(|a, b| a < b),
            "after kill {kill}: {said:?}, before {before}"
        );
        // An opening that was counted and not given out is lost, as it should be; no more than that.
        let lost = given.last().map_or(0, |last| last + 1) - given.len() as u64;
        assert!(lost <= kill + 1, "{lost} openings were lost by {kill} kills");
    }
    assert!(
        given.len() as u64 > KILLS,
        "only {} openings in {KILLS} runs",
        given.len()
    );
    let last = given.last().unwrap();
    let budget = Budget::open_beside(&folder.path().join("key.pk"), &owner([1; 32]), LIMIT).unwrap();
    assert!((last + 1..=last + 2).contains(&budget.used().unwrap()));
    assert!(budget.take(Purpose::Proof).unwrap() > *last);
}

#[test]
fn a_counter_is_made_whole_or_not_at_all() {
    const KILLS: u64 = 40;
    let folder = tempfile::tempdir().unwrap();
    let mut random = Random(2);
    let mut given = BTreeMap::new();
    for _ in 0..KILLS {
        for line in run_and_kill(
            "create",
            folder.path(),
            Duration::from_micros(random.below(8_000)),
        ) {
            let (serial, number) = line.split_once(' ').unwrap();
            given.insert(serial.parse::<u64>().unwrap(), number.parse::<u64>().unwrap());
        }
    }
    assert!(given.len() > 10, "only {} counters were made", given.len());
    for (serial, number) in given {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&serial.to_le_bytes());
        let budget = Budget::open_beside(&folder.path().join("key.pk"), &owner(id), LIMIT).unwrap();
        assert!((number + 1..=7).contains(&budget.used().unwrap()));
    }
    // Counters that nobody heard of, and temporary files: every one of the former is whole.
    let mut whole = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        if entry
            .path()
            .extension()
            .is_some_and(|extension| extension == "budget")
        {
            whole += 1;
            assert_eq!(entry.metadata().unwrap().len(), 8192);
        }
    }
    assert!(whole > 10);
}
