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
use fuzz_support::targets::{DECODERS, Verdict, setup_mutated, verify_mutated};
use fuzz_support::{Fixture, Random, fixtures};
use zkml::transcript::Event;

/// Tries a target on random choices: panics if an altered proof is accepted, or an unchanged one is not.
fn assert_rejected(target: fn(&[u8]) -> Verdict, tried: usize, messages: fn(&Fixture) -> &[Event]) {
    let mut random = Random(11);
    let mut unchanged = 0;
    let mut rejected: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for _ in 0..tried {
        let (steps, verdict) = target(&random.bytes(48));
        match verdict {
            Ok(()) => unchanged += 1,
            Err(_) => steps.into_iter().for_each(|step| {
                rejected.entry(step.place).or_default().insert(step.what);
            }),
        }
    }
    // Copies of equal elements and swaps of them change nothing, but most mutations do.
    assert!(unchanged < tried / 10, "{unchanged} of {tried} were no change");
    for event in fixtures().iter().flat_map(messages) {
        let ways = rejected.get(event.label).map_or(0, BTreeSet::len);
        assert!(
            ways > ACTIONS.len() / 2,
            "{}: only {ways} ways to alter it",
            event.label
        );
    }
    println!("{tried} altered proofs, {unchanged} of them unchanged");
}

#[test]
fn altered_proofs_are_rejected() {
    assert_rejected(verify_mutated, 4000, |fixture| &fixture.messages);
}

#[test]
fn altered_setup_proofs_are_rejected() {
    assert_rejected(setup_mutated, 1000, |fixture| &fixture.setup_messages);
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
        // What stands in front decides more.
        let range = [bytes.len(), bytes.len().min(3000)][random.below(2)];
        let at = random.below(range);
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
