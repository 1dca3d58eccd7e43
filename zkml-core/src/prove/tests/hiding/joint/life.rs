//! The life of a key as its verifiers see it: the setup proof, answers, a rotation, proofs that are linked.

use std::sync::Arc;

use rayon::prelude::*;

use super::super::{CompiledModel, Heard, Seed, Statement, VerifyingKey, weights};
use super::sizes::{Sizes, sound};
use super::tape::{Reader, Writer};
use crate::argument::{PublicCells, SeparateTensors, Trace};
use crate::circuit::Home;
use crate::field::{K, M61};
use crate::int8::Int8Cells;
use crate::keys::{Commitments, ProvingKey, Secret, WeightsKey};
use crate::masking::Pads;
use crate::pcs::{CommittedMatrix, Keep, Rows, Tails};
use crate::prove::{argue, commit_tensors};
use crate::reduce::Cpu;
use crate::verify;
use ndarray::ArrayD;

/// A proof of such a life. Numbers are those of commitments to the weights.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The setup proof, which opens all commitments of the key.
    Setup,
    /// An answer.
    Answer(usize),
    /// The setup proof of the next key, which opens a commitment of this one too.
    Rotation(usize),
}

/// What a careless prover does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    None,
    /// Rows of weights have no random tails.
    NoTailsOfWeights,
    /// Rows of the trace have no random tails.
    NoTailsOfTrace,
    /// Tails of weights are shorter by so many coefficients.
    ShortTails(usize),
    /// The second scalar has the pad of the first.
    OnePadTwice,
    /// All proofs have one seed.
    OneSeed,
}

/// The proofs that are looked at, and how they are made.
pub(super) struct Plan {
    pub(super) proofs: Vec<Kind>,
    /// All answers are about one commitment to the input.
    pub(super) linked: bool,
    /// The tape of the first proof; each later one has the next.
    pub(super) tape: u64,
    pub(super) flaw: Flaw,
}

/// What is hidden: the weights of a model, and an input.
pub(super) struct Witness {
    key: ProvingKey,
    /// The weights key of the life, and of its successor.
    small: [WeightsKey; 2],
    cells: Int8Cells,
    input: ArrayD<i64>,
}

impl Witness {
    pub(super) fn new(mut model: CompiledModel, sizes: &Sizes, input: ArrayD<i64>) -> Self {
        let mut lowered = model.lower().expect("lower");
        let small = sizes.key(&model);
        let packing = weights::packing(&lowered, &small.code).expect("a packing");
        let cells = weights::fill(&mut model, &mut lowered, &packing).expect("rows");
        let mut next = small.clone();
        next.previous = Some([0; 32]);
        let key = ProvingKey {
            commitments: Arc::new(Commitments::new(
                Cpu,
                Secret::fresh(model.privacy.weights).expect("a secret"),
                cells.clone(),
            )),
            general: None,
            network: model.skeleton(),
            verifying: sound(&model),
            model,
            lowered,
            budget: None,
            layers: Default::default(),
        };
        Self {
            key,
            small: [small, next],
            cells,
            input,
        }
    }

    /// What verifiers know of the network.
    pub(super) fn public(&self) -> &VerifyingKey {
        &self.key.verifying
    }

    fn statement(&self, kind: Kind) -> Statement<'_> {
        let sound = &self.key.verifying;
        let (statement, key) = match kind {
            Kind::Setup => (Statement::of_setup(&sound.weights), &self.small[0]),
            Kind::Answer(_) => (Statement::new(sound), &self.small[0]),
            Kind::Rotation(_) => (Statement::of_setup(&sound.weights), &self.small[1]),
        };
        statement
            .expect("statement")
            .with_small_key(key)
            .expect("a smaller statement")
    }

    fn trace<'a>(&'a self, kind: Kind, statement: &'a Statement<'_>) -> Trace<'a> {
        match kind {
            Kind::Answer(_) => Trace::generate(&self.key, statement, &self.input),
            _ => Trace::of_weights(statement, &self.key.lowered.parameters),
        }
        .expect("trace")
    }
}

/// The proofs of a plan, for one witness.
pub(super) struct Life<'a> {
    witness: &'a Witness,
    plan: &'a Plan,
    proofs: Vec<(&'a Statement<'a>, Trace<'a>)>,
}

/// A point in the space of randomness.
#[derive(Clone, Copy, Default)]
pub(super) struct Sample {
    /// Which sample of what proofs draw for themselves, and of what several of them share.
    pub(super) own: u64,
    pub(super) shared: u64,
    /// How far from there along a random line.
    pub(super) along: u64,
}

impl Sample {
    /// The seed of something that one proof draws for itself.
    fn own(&self, purpose: &str, number: usize) -> Seed {
        self.seed(self.own, purpose, number)
    }

    /// The seed of something shared.
    fn shared(&self, purpose: &str, number: usize) -> Seed {
        self.seed(self.shared, purpose, number)
    }

    fn seed(&self, sample: u64, purpose: &str, number: usize) -> Seed {
        let of = |place: &str| {
            let text = format!("{place} {purpose} {number} {sample}");
            Seed::from_bytes(*blake3::hash(text.as_bytes()).as_bytes())
        };
        match self.along {
            0 => of("origin"),
            along => of("origin").along(&of("direction"), M61::from(along)),
        }
    }
}

/// Looks at the life of `witness`.
pub(super) fn living<T>(witness: &Witness, plan: &Plan, look: impl FnOnce(&Life<'_>) -> T) -> T {
    let statements: Vec<_> = plan.proofs.iter().map(|&kind| witness.statement(kind)).collect();
    let proofs = plan.proofs.iter().zip(&statements);
    let proofs = proofs.map(|(&kind, statement)| (statement, witness.trace(kind, statement)));
    look(&Life {
        witness,
        plan,
        proofs: proofs.collect(),
    })
}

impl Life<'_> {
    pub(super) fn proofs(&self) -> usize {
        self.proofs.len()
    }

    pub(super) fn statement(&self, index: usize) -> &Statement<'_> {
        self.proofs[index].0
    }

    /// Commitments to the weights with shared randomness `sample`: those of the key, then those of the next one.
    pub(super) fn weights(&self, sample: Sample) -> Vec<CommittedMatrix> {
        let key = &self.witness.small[0];
        let needed = key.commitments.tail(key.code.queries, key.code.stride());
        let length = match self.plan.flaw {
            Flaw::NoTailsOfWeights => 0,
            Flaw::ShortTails(short) => needed - short,
            _ => needed,
        };
        let commit = |number| {
            let rows = Rows::Int8(self.witness.cells.clone());
            let secret = sample.shared("weights", number);
            let tails = Tails { length, full: 0 };
            CommittedMatrix::commit_with(rows, key.code.wide(), secret, tails, Keep::Codeword)
                .expect("commit")
        };
        (0..2 * key.commitments.roots.len()).map(commit).collect()
    }

    /// The opened ones.
    fn opened<'w>(&self, kind: Kind, weights: &'w [CommittedMatrix]) -> Vec<&'w CommittedMatrix> {
        let (own, next) = weights.split_at(weights.len() / 2);
        match kind {
            Kind::Setup => own.iter().collect(),
            Kind::Answer(number) => vec![&own[number]],
            Kind::Rotation(number) => next.iter().chain([&own[number]]).collect(),
        }
    }

    /// Proof `index`, and whether a verifier on the same tape accepts it.
    pub(super) fn prove(
        &self,
        index: usize,
        sample: Sample,
        weights: &[CommittedMatrix],
        check: bool,
    ) -> (Heard, bool) {
        let (statement, trace) = &self.proofs[index];
        let own = match self.plan.flaw {
            Flaw::OneSeed => sample.shared("proof", 0),
            _ => sample.own("proof", index),
        };
        let input = |tensors: &&SeparateTensors| tensors.home == Home::Input;
        let linked = match self.plan.linked {
            true => statement.separate.iter().find(input).map(|tensors| {
                let shared = sample.shared("tensor", 0);
                trace
                    .commit_separate(&Cpu, statement, tensors, &shared)
                    .expect("a commitment")
            }),
            false => None,
        };
        let separate = commit_tensors(&Cpu, statement, trace, &own, linked).expect("commitments");
        let (mut committed, pads) = trace.commit(&Cpu, statement, own.clone()).expect("a commitment");
        let mut pads = pads.expect("pads");
        match self.plan.flaw {
            Flaw::NoTailsOfTrace => committed = without_tails(&committed, own),
            Flaw::OnePadTwice => {
                let mut twice: Vec<K> = pads.pads().to_vec();
                twice[1] = twice[0];
                pads = Pads::of(twice, pads.mask().to_vec());
            }
            _ => {}
        }
        let tape = self.plan.tape + index as u64;
        let mut writer = Writer::new(tape);
        let opened = self.opened(self.plan.proofs[index], weights);
        let matrices: Vec<&CommittedMatrix> = core::iter::once(&committed)
            .chain(opened)
            .chain(&separate)
            .collect();
        argue(&Cpu, &mut writer, statement, trace, &matrices, Some(pads)).expect("an argument");
        let accepted = check && {
            let mut reader = Reader::new(tape, &writer.heard);
            let commitments: Vec<_> = matrices.iter().map(|matrix| matrix.commitment()).collect();
            let public = PublicCells::new(statement, &trace.public);
            verify::argue(&mut reader, statement, &public, &commitments).is_ok() && reader.is_at_the_end()
        };
        (writer.heard, accepted)
    }

    /// The views of all proofs.
    pub(super) fn views(&self, sample: Sample) -> Vec<Vec<M61>> {
        let weights = self.weights(sample);
        (0..self.proofs())
            .into_par_iter()
            .map(|index| view(&self.prove(index, sample, &weights, false).0))
            .collect()
    }
}

/// The same rows without random coefficients.
fn without_tails(matrix: &CommittedMatrix, seed: Seed) -> CommittedMatrix {
    let Rows::Field(cells) = matrix.rows() else {
        panic!("field elements");
    };
    let rows = Rows::Field(cells.clone());
    CommittedMatrix::commit_with(rows, matrix.code(), seed, Tails::NONE, Keep::Codeword).expect("commit")
}

/// What a verifier sees of a proof, as far as it is affine in the randomness: all but digests, which hide behind salts,
/// and `e_0`, of degree 2, which is what the closing check makes of all the rest.
pub(super) fn view(heard: &Heard) -> Vec<M61> {
    let messages = heard.extension.iter().flat_map(|(label, values)| match *label {
        "closing.masked" => &values[1..],
        _ => values,
    });
    let scalars = heard.scalars.iter().map(|(_, value)| value);
    let words = scalars.chain(messages).flat_map(|value| [value.c0, value.c1]);
    words.chain(heard.columns.iter().flatten().copied()).collect()
}
