//! Where the operating system gives the same bytes twice, as to two copies of a virtual machine, proofs that are asked
//! different things still have different randomness.

use std::collections::BTreeSet;

use ark_ff::Field;
use ndarray::ArrayD;

use super::freshness::random_parts;
use super::{ALL_PRIVATE, Heard, heard, inputs, small_key};
use crate::argument::{Statement, Trace};
use crate::field::K;
use crate::keys::{ProvingKey, Secret};
use crate::privacy::Visibility;
use crate::proof::Proof;
use crate::prove::seed::hedged;
use crate::prove::{Occasion, prove_trace};
use crate::reduce::Cpu;
use crate::secret::Seed;

/// What the operating system says to everyone.
const OS: [u8; 32] = [9; 32];

fn asked(context: &[u8]) -> Occasion<'_> {
    Occasion {
        opening: 0,
        context,
        linked: None,
    }
}

#[test]
fn whatever_differs_between_two_proofs_gives_unrelated_seeds() {
    let (key, _) = small_key(ALL_PRIVATE, 1);
    let (other_key, _) = small_key(ALL_PRIVATE, 1);
    let statement = Statement::new(&key.verifying).expect("statement");
    let other_statement = Statement::new(&other_key.verifying).expect("statement");
    let setup = Statement::of_setup(&key.verifying.weights).expect("statement");
    let [trace, other_trace] =
        inputs(&key.model).map(|input| Trace::generate(&key, &statement, &input).expect("trace"));
    let of_weights = Trace::of_weights(&setup, &key.lowered.parameters).expect("trace");
    let secret = &key.commitments.secret;
    let [none, fresh] =
        [Visibility::Public, Visibility::Private].map(|weights| Secret::fresh(weights).expect("a secret"));
    let first = asked(b"first");
    let linked = |byte: u8| Occasion {
        linked: Some([byte; 32]),
        ..asked(b"first")
    };

    let seeds = || {
        [
            hedged(&OS, secret, &statement, &trace, &first),
            hedged(&[8; 32], secret, &statement, &trace, &first),
            hedged(&OS, &fresh, &statement, &trace, &first),
            hedged(&OS, &none, &statement, &trace, &first),
            hedged(&[8; 32], &none, &statement, &trace, &first),
            hedged(&OS, &none, &statement, &trace, &asked(b"second")),
            hedged(&OS, secret, &other_statement, &trace, &first),
            hedged(&OS, secret, &statement, &other_trace, &first),
            hedged(&OS, secret, &statement, &trace, &asked(b"second")),
            hedged(&OS, secret, &statement, &trace, &asked(b"")),
            hedged(&OS, secret, &statement, &trace, &Occasion { opening: 1, ..first }),
            hedged(&OS, secret, &statement, &trace, &linked(0)),
            hedged(&OS, secret, &statement, &trace, &linked(1)),
            hedged(&OS, secret, &setup, &of_weights, &asked(b"")),
        ]
        .map(|seed| *seed.as_bytes())
    };
    let distinct: BTreeSet<[u8; 32]> = seeds().into_iter().collect();
    assert_eq!(distinct.len(), seeds().len());
    // And nothing else decides.
    assert_eq!(seeds(), seeds());
}

/// A proof with this seed, its pads, and what is heard of it.
fn proof(
    key: &ProvingKey,
    input: &ArrayD<i64>,
    context: &[u8],
    seed: Option<&Seed>,
) -> (Proof, Vec<K>, Heard) {
    let statement = Statement::new(&key.verifying).expect("statement");
    let trace = Trace::generate(key, &statement, input).expect("trace");
    let seed = match seed {
        Some(seed) => seed.clone(),
        None => hedged(&OS, &key.commitments.secret, &statement, &trace, &asked(context)),
    };
    let (_, pads) = trace
        .commit(&Cpu, &statement, seed.clone())
        .expect("a commitment");
    let weights = key.commitment(0).expect("a commitment");
    let (proof, _) =
        prove_trace(&Cpu, &statement, &trace, (0, &[&weights]), context, seed, None).expect("a proof");
    let heard = heard(&statement, &proof, context);
    (proof, pads.expect("pads").pads().to_vec(), heard)
}

#[test]
fn copies_of_a_machine_that_are_asked_in_two_contexts_share_no_pad() {
    let (key, input) = small_key(ALL_PRIVATE, 1);
    let [zero, _] = inputs(&key.model);
    let (first, pads, heard) = proof(&key, &input, b"first", None);
    let words =
        |pads: &[K]| -> BTreeSet<[u64; 2]> { pads.iter().map(|pad| [pad.c0.value, pad.c1.value]).collect() };
    for (input, context) in [(&input, b"second".as_slice()), (&zero, b"first")] {
        let (_, other_pads, other) = proof(&key, input, context, None);
        assert!(words(&pads).is_disjoint(&words(&other_pads)));
        let [parts, other_parts] =
            [&heard, &other].map(|heard| random_parts(heard).into_iter().collect::<BTreeSet<_>>());
        assert!(parts.is_disjoint(&other_parts));
    }
    // The same question is answered with the same bytes, which tell nothing new.
    assert_eq!(proof(&key, &input, b"first", None).0, first);
}

#[test]
fn one_pad_under_two_challenges_is_known() {
    // Why that matters: two proofs from one seed.
    let (key, input) = small_key(ALL_PRIVATE, 1);
    let seed = Seed::from_bytes(OS);
    let [first, second] =
        [b"first".as_slice(), b"second"].map(|context| proof(&key, &input, context, Some(&seed)));
    let (z, other_z) = (
        first.2.message("closing.response"),
        second.2.message("closing.response"),
    );
    let [xi, other_xi] = [&first.2, &second.2].map(|heard| heard.challenge("closing.point"));
    let inverse = (xi - other_xi).inverse().expect("not 0");
    assert_eq!((z[0] - other_z[0]) * inverse, first.1[0]);
}
