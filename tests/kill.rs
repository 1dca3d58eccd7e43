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

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use zkml::prove::{Budget, BudgetError, Purpose};

/// Tells the child which work to do, and where.
const WORK: &str = "ZKML_KILL_TEST_WORK";
const FOLDER: &str = "ZKML_KILL_TEST_FOLDER";

/// Openings of the keys of this test: never reached.
const LIMIT: u64 = 1 << 40;

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
        _ => panic!("{work}"),
    }
}

/// Takes openings of one key; makes its counter if there is none.
fn take_without_end(key: &Path) {
    let budget = match Budget::open_beside(key, &[1; 32], LIMIT) {
        Err(BudgetError::Missing { .. }) => Budget::create_beside(key, &[1; 32], LIMIT, 0),
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
        let budget = Budget::create_beside(&folder.join("key.pk"), &id, LIMIT, 5).unwrap();
        for _ in 0..2 {
            say(&format!("{serial} {}", budget.take(Purpose::Proof).unwrap()));
        }
    }
}

#[test]
fn no_opening_is_counted_twice() {
    const KILLS: u64 = 120;
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
    let budget = Budget::open_beside(&folder.path().join("key.pk"), &[1; 32], LIMIT).unwrap();
    assert!((last + 1..=last + 2).contains(&budget.used().unwrap()));
    assert!(budget.take(Purpose::Proof).unwrap() > *last);
}

#[test]
fn a_counter_is_made_whole_or_not_at_all() {
    const KILLS: u64 = 80;
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
    assert!(given.len() > 20, "only {} counters were made", given.len());
    for (serial, number) in given {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&serial.to_le_bytes());
        let budget = Budget::open_beside(&folder.path().join("key.pk"), &id, LIMIT).unwrap();
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
    assert!(whole > 20);
}
