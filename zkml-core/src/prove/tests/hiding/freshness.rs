//! Two proofs of one statement, by one key, share nothing that is random: no pad, salt, mask, root or opened cell.
//!
//! All comparisons are of values of 61 bits or more. Were each of them uniform, some two of the at most 2^18 compared
//! here would agree by chance less than once in 2^24 runs.

use std::collections::BTreeSet;

use super::{ALL_PRIVATE, Heard, heard, small_key};
use crate::argument::Statement;
use crate::argument::Trace;
use crate::field::K;
use crate::prove::{Occasion, prove, trace_seed};
use crate::reduce::Cpu;
use crate::secret::Seed;

/// Everything that must not come twice, as bytes of some kind.
pub(super) fn random_parts(heard: &Heard) -> Vec<(&'static str, Vec<u64>)> {
    let words = |value: &K| vec![value.c0.value, value.c1.value];
    let bytes = |digest: &[u8; 32]| {
        let (words, _) = digest.as_chunks::<8>();
        words.iter().map(|word| u64::from_le_bytes(*word)).collect()
    };
    let mut parts: Vec<(&'static str, Vec<u64>)> = Vec::new();
    parts.extend(
        heard
            .scalars
            .iter()
            .map(|(_, value)| ("a padded scalar", words(value))),
    );
    for label in ["opening.combination", "closing.masked", "closing.response"] {
        parts.extend(heard.message(label).iter().map(|value| (label, words(value))));
    }
    parts.extend(
        heard
            .salts_of_the_trace()
            .iter()
            .map(|salt| ("a salt", bytes(salt))),
    );
    let roots = heard.digests.iter().filter(|(label, _)| label.ends_with(".root"));
    parts.extend(roots.map(|(label, root)| (*label, bytes(root))));
    // Weights are committed once, and may be opened at one position twice: all matrices but the second one.
    for (_, cells) in heard
        .columns
        .iter()
        .enumerate()
        .filter(|(matrix, _)| *matrix != 1)
    {
        parts.extend(cells.iter().map(|cell| ("a cell", vec![cell.value])));
    }
    parts
}

#[test]
fn two_proofs_of_one_statement_have_nothing_random_in_common() {
    let (key, input) = small_key(ALL_PRIVATE, 3);
    let statement = Statement::new(&key.verifying).expect("statement");
    let mut seen = BTreeSet::new();
    for _ in 0..3 {
        let proof = prove(&key, &input, b"the same").expect("a proof");
        let heard = heard(&statement, &proof, b"the same");
        let parts = random_parts(&heard);
        assert!(parts.len() > 1000);
        // Of the trace, of the input and of the output.
        assert_eq!(heard.columns.len(), 4);
        assert_eq!(
            parts.iter().filter(|(name, _)| name.ends_with(".root")).count(),
            3
        );
        for part in parts {
            assert!(seen.insert(part.clone()), "{part:?} came twice");
        }
    }
}

#[test]
fn pads_and_masks_of_two_proofs_are_others() {
    let (key, input) = small_key(ALL_PRIVATE, 1);
    let statement = Statement::new(&key.verifying).expect("statement");
    let trace = Trace::generate(&key, &statement, &input).expect("trace");
    let mut seen = BTreeSet::new();
    let mut seeds = BTreeSet::new();
    for _ in 0..4 {
        let occasion = Occasion {
            opening: 0,
            context: b"",
            linked: None,
        };
        let seed = trace_seed(&key.commitments.secret, &statement, &trace, &occasion).expect("randomness");
        assert!(seeds.insert(*seed.as_bytes()));
        let (_, pads) = trace.commit(&Cpu, &statement, seed).expect("a commitment");
        let pads = pads.expect("pads");
        assert_eq!(pads.pads().len(), statement.masking.expect("pads").pads());
        for value in pads.pads().iter().chain(pads.mask()) {
            assert!(seen.insert((value.c0.value, value.c1.value)));
        }
    }
}

#[test]
fn keys_have_salts_and_tails_of_their_own() {
    // The same model twice: its commitments have nothing in common, and neither have those of one key.
    let mut roots = BTreeSet::new();
    let mut cells = BTreeSet::new();
    for _ in 0..2 {
        let (key, _) = small_key(ALL_PRIVATE, 2);
        for (number, root) in key.verifying.weights.commitments.roots.iter().enumerate() {
            assert!(roots.insert(*root));
            let matrix = key.commitment(number).expect("a commitment");
            assert_ne!(matrix.seed().as_bytes(), Seed::PUBLIC.as_bytes());
            for row in 0..key.verifying.weights.commitments.rows {
                for cell in &matrix.tail(row)[..matrix.tails().length] {
                    assert!(cells.insert(cell.value));
                }
            }
        }
    }
}
