//! The counter never goes back, whatever happens to its file, and no number is given out twice.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::identity::FileIdentity;
use super::sidecar::{CHECKED_BYTES, FILE_BYTES, RECORD_BYTES, Record, SLOT_BYTES};
use super::{Budget, BudgetError, Owner, Purpose};
use crate::keys::ROTATION_RESERVE;

const OWNER: Owner = Owner::new([7; 32], [70; 32]);
const OTHER: Owner = Owner::new([8; 32], [80; 32]);

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("folder")
}

fn key(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("lenet.pk")
}

fn proof(budget: &Budget) -> Result<u64, BudgetError> {
    budget.take(Purpose::Proof)
}

/// The number that the next opening of the key gets.
fn next(key: &Path) -> u64 {
    let budget = Budget::open_beside(key, &OWNER, 20).expect("open");
    proof(&budget).expect("take")
}

/// The counter after `steps` openings: its path and its bytes.
fn counter(key: &Path, limit: u64, steps: u64) -> (PathBuf, Vec<u8>) {
    let budget = Budget::create_beside(key, &OWNER, limit, 0).expect("create");
    (0..steps).for_each(|number| assert_eq!(proof(&budget).expect("take"), number));
    let path = budget.path().expect("file");
    let bytes = std::fs::read(&path).expect("read");
    (path, bytes)
}

/// A folder, and a key in it whose counter has given out one of 20 numbers: its path and its bytes.
fn counted() -> (tempfile::TempDir, PathBuf, PathBuf, Vec<u8>) {
    let folder = folder();
    let key = key(&folder);
    let (path, bytes) = counter(&key, 20, 1);
    (folder, key, path, bytes)
}

#[test]
fn numbers_follow_each_other_and_the_last_are_kept_for_rotation() {
    let folder = folder();
    let limit = 4 + ROTATION_RESERVE;
    for budget in [
        Budget::in_memory(limit, 1),
        Budget::create_beside(&key(&folder), &OWNER, limit, 1).expect("create"),
    ] {
        assert_eq!(budget.proofs_left().expect("left"), 3);
        let numbers: Vec<u64> = (1..4).map(|_| proof(&budget).expect("take")).collect();
        assert_eq!(numbers, [1, 2, 3]);
        assert_eq!(budget.proofs_left().expect("left"), 0);
        let error = proof(&budget).expect_err("exhausted");
        assert!(matches!(error, BudgetError::Exhausted { used: 4, .. }), "{error}");
        let key = budget.path().map_or("KEY".into(), |path| {
            let name = path.display().to_string();
            name.strip_suffix(".0707070707070707.budget")
                .expect("name")
                .to_owned()
        });
        let command = format!("`zkml rotate-key {key} --output");
        assert!(error.to_string().contains(&command), "{error}");
        // Rotations that are interrupted spend openings, too.
        for number in 4..limit {
            assert_eq!(budget.take(Purpose::Rotation).expect("a last one"), number);
            proof(&budget).expect_err("exhausted");
        }
        let error = budget.take(Purpose::Rotation).expect_err("nothing left");
        assert!(matches!(error, BudgetError::NothingLeft { .. }), "{error}");
        assert_eq!(budget.used().expect("used"), limit);
    }
}

#[test]
fn a_reopened_counter_goes_on() {
    let folder = folder();
    let key = key(&folder);
    let (path, _) = counter(&key, 20, 3);
    assert_eq!(
        path.file_name().expect("name"),
        "lenet.pk.0707070707070707.budget"
    );
    for number in 3..6 {
        let budget = Budget::open_beside(&key, &OWNER, 20).expect("open");
        assert_eq!(budget.used().expect("used"), number);
        assert_eq!(proof(&budget).expect("take"), number);
    }
    // Nothing is left behind but the counter.
    let names: Vec<_> = std::fs::read_dir(folder.path()).expect("folder").collect();
    assert_eq!(names.len(), 1, "{names:?}");
}

#[test]
fn a_key_in_memory_goes_on_counting_in_its_file() {
    let folder = folder();
    let key = key(&folder);
    let budget = Budget::in_memory(20, 0);
    assert_eq!((budget.path(), proof(&budget).expect("take")), (None, 0));
    budget.move_beside(&key, &OWNER).expect("move");
    let again = Budget::open_beside(&key, &OWNER, 20).expect("open");
    for number in 1..7 {
        let budget = if number % 2 == 0 { &budget } else { &again };
        assert_eq!(proof(budget).expect("take"), number);
    }
    budget
        .move_beside(&key, &OWNER)
        .expect("the same place once more");
    assert_eq!(proof(&budget).expect("take"), 7);
}

#[test]
fn one_key_never_gets_two_counters() {
    let folder = folder();
    let (key, elsewhere) = (key(&folder), folder.path().join("copy.pk"));
    let budget = Budget::create_beside(&key, &OWNER, 20, 2).expect("create");
    let error = budget
        .move_beside(&elsewhere, &OWNER)
        .expect_err("a second counter");
    assert!(matches!(error, BudgetError::AlreadyWritten { .. }), "{error}");
    assert!(!folder.path().join("copy.pk.0707070707070707.budget").exists());
    // A copy of the same key in memory must not reset the counter, nor adopt it.
    for used in [0, 2, 9] {
        let error = Budget::create_beside(&key, &OWNER, 20, used).expect_err("already there");
        assert!(matches!(error, BudgetError::AlreadyExists { .. }), "{error}");
    }
    assert_eq!(proof(&budget).expect("take"), 2);
}

#[test]
fn a_missing_counter_says_what_it_is_for() {
    let folder = folder();
    let (key, moved) = (key(&folder), folder.path().join("moved.pk"));
    let (path, _) = counter(&key, 20, 1);
    let error = Budget::open_beside(&moved, &OWNER, 20).expect_err("missing");
    let BudgetError::Missing { path: wanted } = &error else {
        panic!("{error}")
    };
    assert!(
        error.to_string().contains("moved.pk.0707070707070707.budget"),
        "{error}"
    );
    // As the message says: moving it helps.
    std::fs::rename(path, wanted).expect("rename");
    assert_eq!(next(&moved), 1);
}

#[test]
fn the_counter_of_another_key_is_refused() {
    let (_folder, key, path, _) = counted();
    // A key that replaces the first has its own counter.
    let second = Budget::create_beside(&key, &OTHER, 20, 0).expect("create");
    std::fs::copy(&path, second.path().expect("file")).expect("copy");
    let expected = "08".repeat(32);
    for error in [
        proof(&second).expect_err("of another key"),
        Budget::open_beside(&key, &OTHER, 20).expect_err("of another key"),
    ] {
        assert!(
            matches!(&error, BudgetError::OtherKey { expected: e, .. } if *e == expected),
            "{error}"
        );
    }
    let error = Budget::open_beside(&key, &OWNER, 21).expect_err("another limit");
    assert!(
        matches!(
            error,
            BudgetError::OtherLimit {
                expected: 21,
                found: 20,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_retired_counter_is_gone() {
    let (_folder, key, path, _) = counted();
    let copy = Budget::open_beside(&key, &OWNER, 20).expect("open");
    Budget::open_beside(&key, &OWNER, 20)
        .expect("open")
        .retire()
        .expect("retire");
    assert!(!path.exists());
    assert!(matches!(proof(&copy), Err(BudgetError::Missing { .. })));
    copy.retire().expect("twice");
}

/// What is said at the end stays true: whoever wants an opening afterwards waits until the process ends.
#[test]
fn nobody_takes_an_opening_of_a_closed_budget() {
    let folder = folder();
    let key = key(&folder);
    counter(&key, 20, 3);
    let budget = std::sync::Arc::new(Budget::open_beside(&key, &OWNER, 20).expect("open"));
    let left = budget.proofs_left().expect("left");
    assert_eq!(budget.close().expect("close"), left);
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || sender.send(proof(&budget).ok()));
    let wait = std::time::Duration::from_millis(100);
    assert_eq!(
        receiver.recv_timeout(wait),
        Err(std::sync::mpsc::RecvTimeoutError::Timeout)
    );
    assert_eq!(next(&key), 3);
}

#[test]
fn a_counter_that_is_put_back_is_noticed() {
    let (_folder, key, path, old) = counted();
    let budget = Budget::open_beside(&key, &OWNER, 20).expect("open");
    (1..4).for_each(|number| assert_eq!(proof(&budget).expect("take"), number));
    std::fs::write(path, old).expect("write");
    let error = proof(&budget).expect_err("back");
    assert!(
        matches!(
            error,
            BudgetError::WentBack {
                seen: 4,
                found: 1,
                ..
            }
        ),
        "{error}"
    );
}

/// Whoever can write to the counter but not read the key cannot set it: not with the checksum that anyone can compute,
/// and not with that of another key.
#[test]
fn a_counter_set_without_the_secret_of_the_key_is_refused() {
    let (_folder, key, path, bytes) = counted();
    for checksum in [
        |content: &[u8]| blake3::hash(content),
        |content: &[u8]| Owner::new([7; 32], [0; 32]).checksum(content),
    ] {
        let mut altered = bytes.clone();
        for slot in altered.chunks_exact_mut(SLOT_BYTES) {
            slot[48..56].fill(0);
            let forged = checksum(&slot[..CHECKED_BYTES]);
            slot[CHECKED_BYTES..RECORD_BYTES].copy_from_slice(forged.as_bytes());
        }
        std::fs::write(&path, &altered).expect("write");
        let error = Budget::open_beside(&key, &OWNER, 20).expect_err("forged");
        assert!(error.to_string().contains("wrong checksums"), "{error}");
    }
}

/// A copy and a restored backup are other files. What was moved can be taken over; it goes on where it stood.
#[test]
fn a_copied_or_restored_counter_is_refused_until_it_is_taken_over() {
    let (folder, key, path, _) = counted();
    // The clock of a file system may be as coarse as 10 ms.
    std::thread::sleep(std::time::Duration::from_millis(30));
    let elsewhere = folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).expect("folder");
    let copied = elsewhere.join(path.file_name().expect("name"));
    std::fs::copy(&path, &copied).expect("copy");
    let moved = elsewhere.join("lenet.pk");
    let running = Budget::open_beside(&key, &OWNER, 20).expect("the first is untouched");
    let refused = |result: Result<u64, BudgetError>| {
        let error = result.expect_err("a copy");
        assert!(matches!(&error, BudgetError::Moved { .. }), "{error}");
        let command = format!("`zkml adopt-key {}`", moved.display());
        assert!(
            error.to_string().contains(&command) || !error.to_string().contains("elsewhere"),
            "{error}"
        );
    };
    refused(Budget::open_beside(&moved, &OWNER, 20).map(|_| 0));
    // Restored: removed and written anew, with the same bytes.
    std::fs::remove_file(&path).expect("remove");
    std::fs::copy(&copied, &path).expect("restore");
    refused(proof(&running));
    refused(running.used());
    assert_eq!(
        std::fs::read(&path).expect("read"),
        std::fs::read(&copied).expect("read")
    );

    let adopted = Budget::adopt_beside(&moved, &OWNER, 20).expect("adopt");
    assert_eq!(adopted.used().expect("used"), 1);
    // Either slot may be torn from now on.
    for slot in 0..2 {
        let whole = std::fs::read(&copied).expect("read");
        let mut bytes = whole.clone();
        bytes[slot * SLOT_BYTES + 50] ^= 1;
        std::fs::write(&copied, bytes).expect("write");
        assert_eq!(
            Budget::open_beside(&moved, &OWNER, 20)
                .expect("open")
                .used()
                .expect("used"),
            2
        );
        std::fs::write(&copied, whole).expect("write");
    }
    assert_eq!(next(&moved), 1);
    assert!(Budget::adopt_beside(&moved, &OTHER, 20).is_err());
}

/// A pipe that was put in the place of the counter is not waited for, and a device is not written to.
#[cfg(unix)]
#[test]
fn a_counter_that_is_no_regular_file_is_refused_at_once() {
    let (folder, key, path, _) = counted();
    let running = Arc::new(Budget::open_beside(&key, &OWNER, 20).expect("open"));
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo").success());
    for (target, found) in [
        (pipe.as_path(), "a named pipe"),
        (Path::new("/dev/zero"), "a character device"),
        (folder.path(), "a folder"),
    ] {
        std::fs::remove_file(&path).expect("remove");
        std::os::unix::fs::symlink(target, &path).expect("link");
        let (sender, receiver) = std::sync::mpsc::channel();
        let (key, running) = (key.clone(), running.clone());
        std::thread::spawn(move || {
            let opened = Budget::open_beside(&key, &OWNER, 20).map(|_| 0);
            let adopted = Budget::adopt_beside(&key, &OWNER, 20).map(|_| 0);
            sender.send([opened, adopted, proof(&running)]).expect("send");
        });
        let results = receiver.recv_timeout(std::time::Duration::from_secs(30));
        for result in results.expect("no waiting") {
            let error = result.expect_err(found).to_string();
            assert!(
                error.ends_with(&format!("expected a regular file, found {found}")),
                "{error}"
            );
        }
    }
}

#[cfg(unix)]
#[test]
fn a_symbolic_link_to_the_key_leads_to_its_counter() {
    let folder = folder();
    let (key, link) = (key(&folder), folder.path().join("link.pk"));
    std::fs::write(&key, "key").expect("write");
    std::os::unix::fs::symlink(&key, &link).expect("link");
    counter(&key, 20, 1);
    assert_eq!(next(&link), 1);
}

#[test]
fn a_counter_locked_for_long_is_reported() {
    let (_folder, key, path, _) = counted();
    let other = std::fs::File::open(path).expect("open");
    other.lock().expect("lock");
    let error = Budget::open_beside(&key, &OWNER, 20).expect_err("locked");
    assert!(matches!(error, BudgetError::Busy { .. }), "{error}");
    drop(other);
    Budget::open_beside(&key, &OWNER, 20).expect("open");
}

#[test]
fn threads_and_handles_share_the_numbers() {
    const THREADS: u64 = 8;
    const EACH: u64 = 25;
    let folder = folder();
    let key = key(&folder);
    let count = THREADS * EACH;
    let limit = count + ROTATION_RESERVE;
    let budgets = [
        vec![Budget::in_memory(limit, 0)],
        vec![
            Budget::create_beside(&key, &OWNER, limit, 0).expect("create"),
            Budget::open_beside(&key, &OWNER, limit).expect("open"),
        ],
    ];
    for budgets in &budgets {
        let numbers: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS as usize)
                .map(|thread| {
                    let budget = &budgets[thread % budgets.len()];
                    scope.spawn(move || {
                        (0..EACH)
                            .map(|_| proof(budget).expect("take"))
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("thread"))
                .collect()
        });
        assert_eq!(numbers.len(), count as usize);
        assert!(
            numbers
                .into_iter()
                .collect::<BTreeSet<_>>()
                .into_iter()
                .eq(0..count)
        );
        assert!(matches!(proof(&budgets[0]), Err(BudgetError::Exhausted { .. })));
    }
}

#[test]
fn a_key_moves_to_its_file_while_threads_count() {
    let folder = folder();
    let budget = Budget::in_memory(1000, 0);
    let stop = AtomicBool::new(false);
    let (budget, stop) = (&budget, &stop);
    let numbers: Vec<u64> = std::thread::scope(|scope| {
        let work = move || {
            let mut numbers = vec![];
            while !stop.load(Ordering::Relaxed) && numbers.len() < 200 {
                numbers.push(proof(budget).expect("take"));
            }
            numbers
        };
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        budget.move_beside(&key(&folder), &OWNER).expect("move");
        while budget.used().expect("used") < 100 {}
        stop.store(true, Ordering::Relaxed);
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("thread"))
            .collect()
    });
    let count = numbers.len() as u64;
    assert!(
        numbers
            .into_iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .eq(0..count)
    );
    assert_eq!(
        Budget::open_beside(&key(&folder), &OWNER, 1000)
            .expect("open")
            .used()
            .expect("used"),
        count
    );
}

/// After damage of any kind the next number is new, or there is none; and it is not far from the count.
fn assert_never_back(key: &Path, path: &Path, bytes: &[u8], used: u64) -> Result<u64, BudgetError> {
    std::fs::write(path, bytes).expect("write");
    let budget = Budget::open_beside(key, &OWNER, 100)?;
    let number = proof(&budget)?;
    assert!(
        (used..=used + 1).contains(&number),
        "{number} after {used} openings"
    );
    assert_eq!(proof(&budget).expect("goes on"), number + 1);
    Ok(number)
}

#[test]
fn every_single_flipped_byte_costs_one_opening_at_most() {
    let folder = folder();
    let key = key(&folder);
    for steps in [0, 1, 4] {
        let (path, bytes) = counter(&key, 100, steps);
        for slot in 0..2 {
            for offset in 0..RECORD_BYTES {
                let mut altered = bytes.clone();
                altered[slot * SLOT_BYTES + offset] ^= 1 << (offset % 8);
                let number =
                    assert_never_back(&key, &path, &altered, steps).expect("the other slot is whole");
                // The lost slot may be the newer one, whose opening may have been used.
                let newest_lost = slot as u64 == (steps + 1) % 2;
                assert_eq!(
                    number,
                    steps + u64::from(!newest_lost || steps == 0),
                    "slot {slot}"
                );
            }
        }
        // Behind the records nothing counts.
        for offset in [
            RECORD_BYTES,
            SLOT_BYTES - 1,
            SLOT_BYTES + RECORD_BYTES,
            FILE_BYTES - 1,
        ] {
            let mut altered = bytes.clone();
            altered[offset] ^= 1;
            assert_eq!(
                assert_never_back(&key, &path, &altered, steps).expect("whole"),
                steps
            );
        }
        std::fs::remove_file(path).expect("remove");
    }
}

#[test]
fn a_step_torn_at_any_byte_is_survived() {
    let folder = folder();
    let key = key(&folder);
    for steps in 0..4 {
        let (path, before) = counter(&key, 100, steps);
        assert_eq!(
            proof(&Budget::open_beside(&key, &OWNER, 100).expect("open")).expect("take"),
            steps
        );
        let after = std::fs::read(&path).expect("read");
        let slot = SLOT_BYTES * ((before[..SLOT_BYTES] == after[..SLOT_BYTES]) as usize);
        for torn in 0..=RECORD_BYTES {
            let mut bytes = before.clone();
            bytes[slot..slot + torn].copy_from_slice(&after[slot..slot + torn]);
            // The opening was not given out, unless the whole slot was written.
            let used = steps + u64::from(torn == RECORD_BYTES);
            assert_never_back(&key, &path, &bytes, used).expect("one slot is whole");
        }
        std::fs::remove_file(path).expect("remove");
    }
}

#[test]
fn a_recovery_that_is_torn_again_does_not_go_back() {
    let folder = folder();
    let key = key(&folder);
    let (path, mut bytes) = counter(&key, 100, 4);
    // The slots take turns in being damaged, after each opening: what was given out is never given out again.
    let mut given = 3;
    for round in 0..40 {
        bytes[(round % 3 % 2) * SLOT_BYTES + 50] ^= 4;
        std::fs::write(&path, &bytes).expect("write");
        let number = proof(&Budget::open_beside(&key, &OWNER, 100).expect("open")).expect("take");
        assert!(number > given && number <= given + 2, "{number} after {given}");
        given = number;
        bytes = std::fs::read(&path).expect("read");
    }
}

#[test]
fn a_counter_cut_or_grown_at_any_byte_is_refused() {
    let folder = folder();
    let key = key(&folder);
    let (path, bytes) = counter(&key, 100, 3);
    for length in 0..FILE_BYTES {
        let error = assert_never_back(&key, &path, &bytes[..length], 3).expect_err("cut");
        assert!(matches!(&error, BudgetError::Damaged { .. }), "{length}: {error}");
    }
    let grown = [&bytes[..], &bytes[..]].concat();
    for length in [FILE_BYTES + 1, 2 * FILE_BYTES] {
        let error = assert_never_back(&key, &path, &grown[..length], 3).expect_err("grown");
        assert!(matches!(&error, BudgetError::Damaged { .. }), "{length}: {error}");
    }
}

#[test]
fn slots_that_do_not_belong_together_are_refused() {
    let folder = folder();
    let key = key(&folder);
    let (path, bytes) = counter(&key, 100, 3);
    let file = FileIdentity::of(&std::fs::File::open(&path).expect("open")).expect("identity");
    let record = |generation, used| Record {
        id: OWNER.id,
        generation,
        used,
        limit: 100,
        file,
    };
    let with = |first: Record, second: Record| {
        let mut bytes = bytes.clone();
        bytes[..RECORD_BYTES].copy_from_slice(&first.to_bytes(&OWNER));
        bytes[SLOT_BYTES..][..RECORD_BYTES].copy_from_slice(&second.to_bytes(&OWNER));
        bytes
    };
    for altered in [
        with(record(4, 3), record(4, 3)),
        with(record(4, 3), record(2, 1)),
        with(record(4, 3), record(3, 1)),
        with(record(4, 2), record(3, 3)),
        with(record(1, 101), record(0, 101)),
        with(record(u64::MAX, 3), record(0, 3)),
        vec![0; FILE_BYTES],
        vec![0xff; FILE_BYTES],
    ] {
        let error = assert_never_back(&key, &path, &altered, 3).expect_err("damaged");
        assert!(matches!(&error, BudgetError::Damaged { .. }), "{error}");
    }
    // Another version, with a right checksum.
    let mut altered = bytes.clone();
    altered[4] = 3;
    let checksum = OWNER.checksum(&altered[..CHECKED_BYTES]);
    altered[CHECKED_BYTES..RECORD_BYTES].copy_from_slice(checksum.as_bytes());
    let error = assert_never_back(&key, &path, &altered, 3).expect_err("version");
    assert!(error.to_string().contains("format version 2, found 3"), "{error}");
    // The last opening may be the one that was lost: it is not given out.
    std::fs::write(&path, {
        let mut bytes = with(record(9, 99), record(0, 0));
        bytes[SLOT_BYTES..].fill(0);
        bytes
    })
    .expect("write");
    let budget = Budget::open_beside(&key, &OWNER, 100).expect("open");
    assert!(matches!(
        budget.take(Purpose::Rotation),
        Err(BudgetError::NothingLeft { .. })
    ));
}
