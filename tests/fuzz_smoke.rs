//! A short run of what the fuzz targets in `fuzz/` run for long: altered proofs are rejected, altered files decoded or
//! refused, and nothing panics. No fuzzer and no nightly compiler is needed.

#![cfg(feature = "prover")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests stop at the first surprise, and report"
)]

mod fuzz_support;

use std::collections::{BTreeMap, BTreeSet};

use fuzz_support::mutation::ACTIONS;
use fuzz_support::targets::{DECODERS, verify_mutated};
use fuzz_support::{Random, fixtures};

#[test]
fn altered_proofs_are_rejected() {
    const TRIED: usize = 4000;
    let mut random = Random(11);
    let mut unchanged = 0;
    let mut rejected: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for _ in 0..TRIED {
        // Panics if a proof that was changed is accepted, or an unchanged one is not.
        let (steps, verdict) = verify_mutated(&random.bytes(48));
        match verdict {
            Ok(()) => unchanged += 1,
            Err(_) => steps.iter().for_each(|step| {
                rejected.entry(step.place).or_default().insert(step.what.clone());
            }),
        }
    }
    // Copies of equal elements and swaps of them change nothing, but most mutations do.
    assert!(unchanged < TRIED / 10, "{unchanged} of {TRIED} were no change");
    for event in fixtures().iter().flat_map(|fixture| &fixture.messages) {
        let tried = rejected.get(event.label).map_or(0, BTreeSet::len);
        assert!(
            tried > ACTIONS.len() / 2,
            "{}: only {tried} ways to alter it",
            event.label
        );
    }
    println!("{TRIED} altered proofs, {unchanged} of them unchanged");
}

#[test]
fn altered_files_never_make_a_decoder_panic() {
    let mut random = Random(12);
    for target in &DECODERS {
        for fixture in fixtures() {
            let seed = (target.seed)(fixture);
            assert!((target.run)(&seed), "{}: the seed is refused", target.name);
            let decoded = (0..80)
                .filter(|_| (target.run)(&alter(&seed, &mut random)))
                .count();
            println!("{}: {} bytes, {decoded} of 80 decoded", target.name, seed.len());
        }
    }
}

/// What libFuzzer does: flip, set, insert, remove, copy, cut.
fn alter(seed: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        match random.below(8) {
            _ if bytes.is_empty() => return bytes,
            0 | 1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = [0, 1, 2, 0x7f, 0x80, 0xff][random.below(6)],
            3 => bytes.insert(at, random.word() as u8),
            4 => drop(bytes.remove(at)),
            5 => {
                let length = random.below(16).min(bytes.len() - at);
                let from = random.below(bytes.len() - length);
                bytes.copy_within(from..from + length, at);
            }
            6 => bytes[at..].iter_mut().take(8).for_each(|byte| *byte = 0xff),
            _ if random.below(8) == 0 => bytes.truncate(at),
            _ => bytes[at] = random.word() as u8,
        }
    }
    bytes
}
