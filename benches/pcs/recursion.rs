//! A recursion over a row combination of `2^17 + 9,000` elements: commitment, argument for one point and 130 positions,
//! verification. The proof of work is left out: it has nothing to do with the length.

use criterion::{BatchSize, Criterion};
use zkml_core::field::K;
use zkml_core::pcs::recursive::{self, Committed, Functional, RecursionGoal, RecursionParameters};
use zkml_core::pcs::{CircleCode, CodeParameters, TARGET_BITS};
use zkml_core::poly::evaluate;
use zkml_core::transcript::{ProverChannel, ProverTranscript, VerifierChannel, VerifierTranscript};

use super::support::Stream;

const LOG_ROW: u32 = 17;
const ROW: usize = 1 << LOG_ROW;
const TAIL: usize = 9_000;
const QUERIES: usize = 130;

/// A combination, the code it is a message of, and the levels of its recursion.
struct Case {
    base: CodeParameters,
    parameters: RecursionParameters,
    message: Vec<K>,
}

impl Case {
    /// Levels chosen for a price of a cell, in bytes of proof.
    fn new(bytes_per_cell: f64) -> Self {
        let goal = RecursionGoal {
            grinding_bits: 20,
            bytes_per_cell,
            ..RecursionGoal::default()
        };
        let mut parameters = RecursionParameters::choose(ROW + TAIL, &goal);
        let length = parameters.padded_length(ROW + TAIL);
        println!("{bytes_per_cell}: {:?} {parameters:?}", parameters.cost(length));
        for level in &mut parameters.levels {
            level.grinding_bits = 0;
        }
        let base = CodeParameters::for_target(LOG_ROW, length - ROW, 19, 0, TARGET_BITS);
        Self {
            base: CodeParameters {
                queries: QUERIES,
                ..base.expect("parameters in range")
            },
            parameters,
            message: Stream(3).elements(length),
        }
    }

    fn commit(&self) -> (ProverTranscript, Committed) {
        let mut channel = ProverTranscript::new("bench");
        let committed = recursive::commit(&mut channel, &self.parameters, &self.message);
        (channel, committed.expect("it fits"))
    }

    /// The proof, and what it is about.
    fn prove(&self, (mut channel, committed): (ProverTranscript, Committed)) -> (Vec<u8>, Vec<Functional>) {
        let positions = channel.positions("positions", QUERIES, self.base.codeword_length());
        let point = (0..LOG_ROW).map(|_| channel.challenge("point")).collect();
        let functionals: Vec<Functional> = core::iter::once(Functional::Eq(point))
            .chain(positions.into_iter().map(Functional::Position))
            .collect();
        recursive::prove(
            &mut channel,
            &self.parameters,
            &self.base,
            committed,
            &functionals,
        )
        .expect("they fit");
        (channel.into_proof(), functionals)
    }

    /// The functionals with their values on the message.
    fn claims(&self, functionals: Vec<Functional>) -> Vec<(Functional, K)> {
        let code = CircleCode::new(&self.base).expect("parameters in range");
        let codeword = code.encode_extension(&self.message);
        let value = |functional: &Functional| match functional {
            Functional::Eq(point) => evaluate(&self.message, point),
            Functional::Position(position) => codeword[*position],
        };
        functionals
            .into_iter()
            .map(|functional| {
                let value = value(&functional);
                (functional, value)
            })
            .collect()
    }

    fn verify(&self, proof: &[u8], claims: &[(Functional, K)]) {
        let mut channel = VerifierTranscript::new("bench", proof);
        let vector = recursive::read_vector(&mut channel, &self.parameters, self.message.len())
            .expect("an honest proof");
        channel.positions("positions", QUERIES, self.base.codeword_length());
        channel.challenges("point", LOG_ROW as usize);
        recursive::verify(
            &mut channel,
            &self.parameters,
            &self.base,
            vector,
            claims.to_vec(),
        )
        .expect("an honest proof");
        channel.finish().expect("nothing follows");
    }

    /// Rows and codewords of all levels.
    fn levels(&self) -> String {
        let levels = self.parameters.levels.iter();
        let levels = levels.map(|level| format!("2^{}->2^{}", level.log_row, level.log_codeword));
        levels.collect::<Vec<_>>().join(",")
    }
}

pub(crate) fn recursion(c: &mut Criterion) {
    let mut group = c.benchmark_group("recursion");
    group.sample_size(10);
    for bytes_per_cell in [0.003, 0.01, 0.03] {
        let case = Case::new(bytes_per_cell);
        let (proof, functionals) = case.prove(case.commit());
        let claims = case.claims(functionals);
        let shape = format!("{}/{}KB", case.levels(), proof.len() / 1000);
        group.bench_function(format!("commit/{shape}"), |bencher| {
            bencher.iter(|| case.commit())
        });
        group.bench_function(format!("prove/{shape}"), |bencher| {
            bencher.iter_batched(
                || case.commit(),
                |committed| case.prove(committed),
                BatchSize::LargeInput,
            )
        });
        group.bench_function(format!("verify/{shape}"), |bencher| {
            bencher.iter(|| case.verify(&proof, &claims))
        });
    }
    group.finish();
}
