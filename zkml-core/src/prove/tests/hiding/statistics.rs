//! Everything a proof shows is uniform, whatever the input; and looks like what the simulator makes.
//!
//! Three samples of proofs with the same tiny network: of the input 0, of the largest numbers, and simulated. Every
//! proof has a commitment to the weights of its own, so that their opened columns are a sample too. Tests:
//!
//! ```text
//! by class      all values of a kind (scalars, u, z, e, cells by kind of row), and differences of neighbours
//! by place      each scalar, coordinate of u, z, e by itself, over all proofs: finds a single one without a pad
//! two samples   the same classes of two samples against each other
//! ```
//!
//! each a chi-square test on the lowest and on the highest bits. Seeds are fixed, so that the outcome is the same in
//! every run; were they not, one of the about 3,000 tests would fail by chance less than once in 10^5 runs (each has a
//! false alarm of less than 10^-9 in the Wilson-Hilferty approximation). That they find what they should is tested as
//! well: with all pads 0, and with rows without random tails.

use std::sync::Arc;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rayon::prelude::*;

use super::simulator::heard_of_nothing;
use super::{
    ALL_PRIVATE, CompiledModel, Heard, Proof, Seed, Statement, Tails, inputs, listen, sound_key, tiny_key,
    tiny_model, tiny_statement, weights,
};
use crate::argument::Trace;
use crate::argument::bindings;
use crate::argument::claims_to_prove;
use crate::field::K;
use crate::keys::ProvingKey;
use crate::keys::{Commitments, Secret};
use crate::masking::{MaskedProver, Masking, Pads};
use crate::pcs::{CommittedMatrix, Keep, Rows, prove_combination};
use crate::prove::commit_tensors;
use crate::prove::{argue, prove_trace};
use crate::reduce::Cpu;
use crate::transcript::{ProverChannel, ProverTranscript, VerifyError};

/// Proofs in a sample.
const PROOFS: usize = 240;

/// How a prover makes its proof.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Prover {
    Honest,
    /// All pads are 0.
    WithoutPads,
    /// No row has a random tail.
    WithoutTails,
}

fn seed(purpose: &str, index: usize) -> Seed {
    let mut hasher = blake3::Hasher::new();
    hasher.update(purpose.as_bytes());
    hasher.update(&(index as u64).to_le_bytes());
    Seed::from_bytes(hasher.finalize().into())
}

/// What is heard of proof `index` on input number `input`.
fn heard_of_proof(prover: Prover, input: usize, index: usize) -> Heard {
    let mut model = tiny_model(ALL_PRIVATE);
    let (sound, mut verifying) = (sound_key(&model), tiny_key(&model));
    let mut lowered = model.lower().expect("lower");
    let tails = match prover {
        Prover::WithoutTails => Tails::NONE,
        _ => Tails {
            length: verifying
                .weights
                .commitments
                .tail(verifying.weights.code.queries, verifying.weights.code.stride()),
            full: 0,
        },
    };
    let index = 2 * index + input;
    let packing = weights::packing(&lowered, &verifying.weights.code).expect("a packing");
    let cells = weights::fill(&mut model, &mut lowered, &packing).expect("rows");
    let secret = seed("weights", index);
    let rows = Rows::Int8(cells.clone());
    let weights =
        CommittedMatrix::commit_with(rows, verifying.weights.code.wide(), secret, tails, Keep::Codeword)
            .expect("commit");
    verifying.weights.commitments.roots[0] = weights.commitment().root;
    let values = inputs(&model)[input].clone();
    let key = ProvingKey {
        commitments: Arc::new(Commitments::new(
            Cpu,
            Secret::fresh(model.privacy.weights).expect("a secret"),
            cells,
        )),
        general: None,
        network: model.skeleton(),
        model,
        verifying,
        lowered,
        budget: None,
        layers: Default::default(),
    };
    let statement = tiny_statement(&sound, &key.verifying);
    let trace = Trace::generate(&key, &statement, &values).expect("trace");
    let secrets = seed("trace", index);
    let proof = match prover {
        Prover::Honest => {
            prove_trace(&Cpu, &statement, &trace, (0, &[&weights]), b"", secrets, None)
                .expect("a proof")
                .0
        }
        _ => careless(prover, &statement, &trace, &weights, secrets),
    };
    let (heard, result) = listen(&statement, &proof, b"");
    match (prover, result) {
        // Nothing but the random tails is missing: it is a proof, but not zero-knowledge.
        (Prover::Honest | Prover::WithoutTails, result) => result.expect("accepted"),
        // Its beginning is all there is.
        (Prover::WithoutPads, result) => assert!(matches!(result, Err(VerifyError::Truncated { .. }))),
    }
    heard
}

/// A proof by a prover that is careless with its secrets; as far as the row combination without pads.
fn careless(
    prover: Prover,
    statement: &Statement<'_>,
    trace: &Trace<'_>,
    weights: &CommittedMatrix,
    seed: Seed,
) -> Proof {
    let masking = statement.masking.expect("zero knowledge");
    let mut transcript = ProverTranscript::new(statement.protocol());
    for (label, bytes) in bindings(statement, &trace.public, 0, b"") {
        transcript.absorb(label, &bytes);
    }
    let code = statement.key.opening();
    let separate = commit_tensors(&Cpu, statement, trace, &seed, None).expect("commitments");
    let (mut committed, pads) = trace.commit(&Cpu, statement, seed.clone()).expect("a commitment");
    let pads = pads.expect("pads");
    if prover == Prover::WithoutTails {
        let Rows::Field(cells) = committed.rows() else {
            panic!("field elements");
        };
        let rows = Rows::Field(cells.clone());
        committed = CommittedMatrix::commit_with(rows, code.0.narrow(), seed, Tails::NONE, Keep::Codeword)
            .expect("commit");
    }
    transcript.send_digest("trace.root", &committed.commitment().root);
    for (tensors, matrix) in statement.separate.iter().zip(&separate) {
        transcript.send_digest(tensors.label(), &matrix.commitment().root);
    }
    transcript.harden("trace.harden", statement.hardening);
    let matrices: Vec<&CommittedMatrix> = [&committed, weights].into_iter().chain(&separate).collect();
    if prover == Prover::WithoutTails {
        argue(&Cpu, &mut transcript, statement, trace, &matrices, Some(pads)).expect("an argument");
    } else {
        let none = Pads::of(vec![K::from(0u64); masking.pads()], pads.mask().to_vec());
        let mut channel = MaskedProver::new(&mut transcript, &none);
        let claims = claims_to_prove(&Cpu, &mut channel, statement, trace).expect("claims");
        let mask = Some(masking.opening_mask());
        prove_combination(&mut channel, code, &matrices, &claims, mask).expect("an opening");
    }
    Proof {
        key: statement.digest,
        opening: 0,
        lengths: None,
        public: trace.public.clone(),
        messages: transcript.into_proof(),
    }
}

/// What proofs show.
struct Sample(Vec<Heard>);

impl Sample {
    fn of(prover: Prover, input: usize, proofs: usize) -> Self {
        let proof = |index| heard_of_proof(prover, input, index);
        Self((0..proofs).into_par_iter().map(proof).collect())
    }
}

/// Honest proofs on both inputs, and simulated ones.
fn samples() -> &'static [(&'static str, Sample); 3] {
    static SAMPLES: LazyLock<[(&'static str, Sample); 3]> = LazyLock::new(|| {
        let simulated = (0..PROOFS as u64).into_par_iter().map(heard_of_nothing);
        [
            ("input 0", Sample::of(Prover::Honest, 0, PROOFS)),
            ("large input", Sample::of(Prover::Honest, 1, PROOFS)),
            ("simulated", Sample(simulated.collect())),
        ]
    });
    &SAMPLES
}

fn masking(model: &CompiledModel) -> Masking {
    let (sound, tiny) = (sound_key(model), tiny_key(model));
    tiny_statement(&sound, &tiny).masking.expect("zero knowledge")
}

fn words(values: &[K]) -> impl Iterator<Item = u64> {
    values.iter().flat_map(|value| [value.c0.value, value.c1.value])
}

/// The messages in the clear, by name.
const MESSAGES: [&str; 3] = ["opening.combination", "closing.masked", "closing.response"];

/// All values of a kind; 61 bits each.
fn classes(sample: &Sample) -> BTreeMap<&'static str, Vec<u64>> {
    let masking = masking(&tiny_model(ALL_PRIVATE));
    let mut classes: BTreeMap<&'static str, Vec<u64>> = BTreeMap::new();
    let mut add = |name, more: &mut dyn Iterator<Item = u64>| classes.entry(name).or_default().extend(more);
    for heard in &sample.0 {
        let scalars: Vec<K> = heard.scalars.iter().map(|(_, value)| *value).collect();
        add("scalars", &mut words(&scalars));
        let differences = |values: &[K]| {
            values
                .windows(2)
                .map(|pair| pair[1] - pair[0])
                .collect::<Vec<K>>()
        };
        add("differences of scalars", &mut words(&differences(&scalars)));
        for (label, values) in &heard.extension {
            add(label, &mut words(values));
        }
        for (label, values) in heard.extension.iter().filter(|(_, values)| values.len() > 2) {
            let name = match *label {
                "opening.combination" => "differences in the combination",
                _ => "differences in the answer",
            };
            add(name, &mut words(&differences(values)));
        }
        let mut columns = heard.columns.iter();
        let rows = masking.first_row + masking.rows();
        for column in columns.next().into_iter().flat_map(|cells| cells.chunks(rows)) {
            let (pads, masks, last) = (
                masking.pad_rows(0).first_row,
                masking.mask_rows(0).first_row,
                masking.combination_rows().first_row,
            );
            for (name, rows) in [
                ("cells of the trace", 0..pads),
                ("cells of pads", pads..masks),
                ("cells of masks", masks..last),
                ("cells of the mask of the combination", last..rows),
            ] {
                add(name, &mut column[rows].iter().map(|cell| cell.value));
            }
            let differences = column.windows(2).map(|pair| (pair[1] - pair[0]).value);
            add("differences in a column", &mut differences.into_iter());
        }
        for (name, cells) in ["cells of weights", "cells of the input", "cells of the output"]
            .into_iter()
            .zip(columns)
        {
            add(name, &mut cells.iter().map(|cell| cell.value));
        }
    }
    classes
}

/// The values at each place, over all proofs.
fn places(sample: &Sample) -> BTreeMap<(&'static str, usize), Vec<u64>> {
    let mut places: BTreeMap<(&'static str, usize), Vec<u64>> = BTreeMap::new();
    for heard in &sample.0 {
        for (index, (label, value)) in heard.scalars.iter().enumerate() {
            places.entry((label, index)).or_default().extend(words(&[*value]));
        }
        for (label, values) in &heard.extension {
            for (index, value) in values.iter().enumerate() {
                places.entry((label, index)).or_default().extend(words(&[*value]));
            }
        }
    }
    places
}

/// Counts of the lowest, or highest, `bits` of 61.
fn counts(words: &[u64], bits: u32, lowest: bool) -> Vec<f64> {
    let mut counts = vec![0.0; 1 << bits];
    for word in words {
        let bin = if lowest {
            word & ((1 << bits) - 1)
        } else {
            word >> (61 - bits)
        };
        counts[bin as usize] += 1.0;
    }
    counts
}

/// What a chi-square statistic of so many degrees of freedom exceeds with probability below 10^-9: the normal
/// distribution's 6.5 standard deviations, by Wilson and Hilferty.
fn bound(degrees: f64) -> f64 {
    let spread = 2.0 / (9.0 * degrees);
    degrees * (1.0 - spread + 6.5 * spread.sqrt()).powi(3)
}

/// Is this no uniform sample?
fn biased(words: &[u64], bits: u32) -> bool {
    [true, false].into_iter().any(|lowest| {
        let counts = counts(words, bits, lowest);
        let expected = words.len() as f64 / counts.len() as f64;
        assert!(expected > 10.0, "too few values: {}", words.len());
        let statistic: f64 = counts
            .iter()
            .map(|count| (count - expected).powi(2) / expected)
            .sum();
        statistic > bound(counts.len() as f64 - 1.0)
    })
}

/// Are these two samples of different distributions?
fn unlike(first: &[u64], second: &[u64], bits: u32) -> bool {
    let ratio = (second.len() as f64 / first.len() as f64).sqrt();
    [true, false].into_iter().any(|lowest| {
        let (first, second) = (counts(first, bits, lowest), counts(second, bits, lowest));
        let statistic: f64 = first
            .iter()
            .zip(&second)
            .filter(|(a, b)| **a + **b > 0.0)
            .map(|(a, b)| (a * ratio - b / ratio).powi(2) / (a + b))
            .sum();
        statistic > bound(first.len() as f64 - 1.0)
    })
}

/// Bits by which so many words are counted: with eight of them ten words or more are expected in a count.
fn bits_for(words: usize) -> u32 {
    if words > 2560 { 8 } else { 5 }
}

/// Classes and places that are not uniform.
fn biased_parts(sample: &Sample) -> Vec<String> {
    let classes = classes(sample)
        .into_iter()
        .filter(|(_, words)| biased(words, bits_for(words.len())))
        .map(|(name, _)| name.to_owned());
    let places = places(sample)
        .into_iter()
        .filter(|(_, words)| biased(words, 4))
        .map(|((label, index), _)| format!("{label} {index}"));
    classes.chain(places).collect()
}

/// Classes in which two samples differ.
fn unlike_parts(first: &Sample, second: &Sample) -> Vec<&'static str> {
    let (first, second) = (classes(first), classes(second));
    assert!(first.keys().eq(second.keys()));
    first
        .iter()
        .filter(|(name, words)| unlike(words, &second[*name], bits_for(words.len())))
        .map(|(name, _)| *name)
        .collect()
}

#[test]
fn everything_a_proof_shows_is_uniform() {
    for (name, sample) in samples() {
        assert_eq!(biased_parts(sample), [""; 0], "{name}");
        // All of it was looked at.
        let (classes, places) = (classes(sample), places(sample));
        assert_eq!(classes.len(), 15);
        let masking = masking(&tiny_model(ALL_PRIVATE));
        let key = tiny_key(&tiny_model(ALL_PRIVATE));
        let shown = masking.scalars + key.weights.code.message_length() + 2 + masking.response_length();
        assert_eq!(places.len(), shown);
        assert!(
            MESSAGES
                .iter()
                .all(|label| places.keys().any(|(own, _)| own == label))
        );
        let cells: usize = sample
            .0
            .iter()
            .flat_map(|heard| &heard.columns)
            .map(Vec::len)
            .sum();
        let sound = sound_key(&tiny_model(ALL_PRIVATE));
        let statement = tiny_statement(&sound, &key);
        let separate: usize = statement
            .separate
            .iter()
            .map(|tensors| tensors.packing.rows)
            .sum();
        assert!(separate > 0);
        let narrow_rows = masking.first_row + masking.rows() + separate;
        let expected = sample.0.iter().map(|heard| {
            let symbols = key.weights.code.narrow().symbols(&heard.positions);
            symbols.len() * narrow_rows + heard.positions.len() * key.weights.commitments.rows
        });
        assert_eq!(cells, expected.sum::<usize>());
        assert_eq!(sample.0.len(), PROOFS);
    }
}

#[test]
fn proofs_of_two_very_different_inputs_and_simulated_ones_look_alike() {
    let [zero, large, simulated] = samples();
    for (first, second) in [(zero, large), (zero, simulated), (large, simulated)] {
        let different = unlike_parts(&first.1, &second.1);
        assert_eq!(different, [""; 0], "{} and {}", first.0, second.0);
    }
}

#[test]
fn without_pads_the_same_tests_see_the_difference() {
    let [zero, large] = [0, 1].map(|input| Sample::of(Prover::WithoutPads, input, PROOFS));
    for sample in [&zero, &large] {
        let found = biased_parts(sample);
        assert!(found.contains(&"scalars".to_owned()), "{found:?}");
        // Some values of the lookups are the same in all proofs.
        let places = ["lookup.layer ", "lookup.columns "];
        assert!(
            found
                .iter()
                .any(|part| places.iter().any(|place| part.starts_with(place))),
            "{found:?}"
        );
        // The row combination has a mask of its own.
        assert!(
            !found.iter().any(|part| part.starts_with("opening.combination")),
            "{found:?}"
        );
    }
    assert!(unlike_parts(&zero, &large).contains(&"scalars"));
}

#[test]
fn without_random_tails_the_same_tests_see_the_difference() {
    let [zero, large] = [0, 1].map(|input| Sample::of(Prover::WithoutTails, input, PROOFS));
    for sample in [&zero, &large] {
        let found = biased_parts(sample);
        for class in ["cells of the trace", "cells of weights"] {
            assert!(found.contains(&class.to_owned()), "{found:?}");
        }
        assert!(!found.contains(&"scalars".to_owned()), "{found:?}");
    }
    assert!(unlike_parts(&zero, &large).contains(&"cells of the trace"));
}
