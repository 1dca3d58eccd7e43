//! The simulator: makes what a verifier sees of a key and of its proofs from public values alone.
//!
//! It knows the circuit, the code, the public values, and nothing of weights, input or trace. It chooses what the
//! random oracle will say (every challenge, the opened positions, and that any nonce is a proof of work), then the
//! messages:
//!
//! ```text
//! padded scalars s                     uniform in K: each has a pad of its own
//! row combination u                    uniform in K^(L + tail): the mask g is uniform on all of it
//! answer z, tails included             uniform: so is m
//! e_1                                  uniform: so is the last d
//! e_0                                  solved from Q^h(z, xi) + z_last = e_0 + e_1 xi: so is the last m
//! opened columns, all but m and g      uniform in F: rank of the random tails (see `rank`)
//! opened columns, m and g              solved from Enc(z)_j = m_j + xi d_j, Enc(u)_j = g_j + the other rows; at the
//!                                      other positions of a run with the column of weights that the tree has there
//! trees                                over the opened columns with random salts, and random leaves elsewhere: no one
//!                                      knows the salt of a leaf that is not opened
//! ```
//!
//! In a real proof all of these have the same joint distribution: s determines d, z determines m, u determines g, e_1
//! and e_0 the last pair. The value of the random fold is a scalar that depends on d and m itself: K-linearly, so that
//! this is a bijection but for one value in |K| of any coefficient (see `rank`, and `docs/protocol/zero-knowledge.md`).
//! What is left is that leaves look random, since BLAKE3 was never asked for them with their salt.
//!
//! `Q^h(z, xi)` comes from the prover's own replay of the verifier, run as if the pads were 0 and the masks z: then
//! `Q^h(m + xi d, xi)` is that value.
//!
//! Commitments to private weights are opened by several proofs. The simulator chooses the positions of all openings
//! that the key allows when it makes the root, and columns for each of them, uniform; a column that is opened twice is
//! the same twice. An opened leaf of the trace tells of the weights at its whole run: the tree has uniform columns at
//! all positions of these runs. With more openings than the key's budget it could not go on: real columns are then no
//! longer uniform.
//!
//! Test: the verifier's own code accepts the setup proof and all proofs of such a key, for outputs that are false.

use crate::argument::claims_to_open;
use std::collections::{BTreeMap, VecDeque};

use ark_ff::{AdditiveGroup, Field};
use rand::rngs::StdRng;
use rand::seq::index::sample;
use rand::{Rng, SeedableRng};

use super::super::listening::{Heard, Listening};
use super::{ALL_PRIVATE, LOG_STRIDE, small_key, sound_key, tiny_key, tiny_model, tiny_statement};
use crate::argument::{PublicCells, Statement, Subject};
use crate::field::encoding::m61_to_bytes;
use crate::field::{K, M61, P};
use crate::keys::{CompiledModel, VerifyingKey};
use crate::masking::{Constraint, MaskedVerifier, Record, Replay, Tape};
use crate::pcs::circle::{basis, domain_point};
use crate::pcs::hash::{Digest, leaf_digest, leaf_length, root_digest};
use crate::pcs::merkle::MerkleTree;
use crate::pcs::recursive::Vector;
use crate::pcs::{CircleCode, CodeParameters, Combination, Commitment, Message, RowCode, verify_combination};
use crate::privacy::Privacy;
use crate::proof::PublicValues;
use crate::transcript::{Check, Quadratic, VerifierChannel, VerifyError};
use crate::verify;

/// Columns of a matrix that does not exist, at the positions where it will be opened.
struct Tree {
    code: RowCode,
    rows: usize,
    columns: BTreeMap<usize, (Digest, Vec<M61>)>,
    tree: MerkleTree,
}

impl Tree {
    fn new(code: RowCode, rows: usize, columns: BTreeMap<usize, Vec<M61>>, random: &mut Simulator) -> Self {
        let mut leaves: Vec<Digest> = (0..code.codeword_length()).map(|_| random.digest()).collect();
        let mut salted = BTreeMap::new();
        for (position, cells) in columns {
            let salt = random.digest();
            let mut bytes = salt.to_vec();
            cells
                .iter()
                .for_each(|cell| bytes.extend_from_slice(&m61_to_bytes(*cell)));
            bytes.resize(leaf_length(rows), 0);
            leaves[position] = leaf_digest(&bytes);
            salted.insert(position, (salt, cells));
        }
        Self {
            code,
            rows,
            columns: salted,
            tree: MerkleTree::new(leaves, code.digest_bytes),
        }
    }

    fn commitment(&self) -> Commitment {
        Commitment {
            root: root_digest(&self.code, self.rows, &self.tree.root()),
            rows: self.rows,
            log_stride: self.code.log_stride,
        }
    }

    /// The column that stands for a position.
    fn at(&self, position: usize) -> &[M61] {
        &self.columns[&(position >> self.code.log_stride)].1
    }
}

/// The simulator's own randomness.
pub(super) struct Simulator(StdRng);

impl Simulator {
    pub(super) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    fn digest(&mut self) -> Digest {
        self.0.r#gen()
    }

    fn base(&mut self, count: usize) -> Vec<M61> {
        (0..count)
            .map(|_| M61::from_raw(self.0.gen_range(0..P)))
            .collect()
    }

    fn extension(&mut self, count: usize) -> Vec<K> {
        let cells = self.base(2 * count);
        cells
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[a, b]| K::new(*a, *b))
            .collect()
    }

    fn positions(&mut self, key: &VerifyingKey) -> Vec<usize> {
        let mut positions: Vec<usize> = sample(
            &mut self.0,
            key.weights.code.codeword_length(),
            key.weights.code.queries,
        )
        .into_iter()
        .collect();
        positions.sort_unstable();
        positions
    }

    /// A tree whose columns at `positions` are uniform.
    fn uniform_tree(&mut self, code: RowCode, rows: usize, positions: &[usize]) -> Tree {
        let symbols = code.symbols(positions);
        let columns = symbols.iter().map(|symbol| (*symbol, self.base(rows))).collect();
        Tree::new(code, rows, columns, self)
    }
}

/// What the oracle says and the proof holds; a channel for the verifier's code.
struct Programmed {
    scalars: VecDeque<K>,
    extension: VecDeque<Vec<K>>,
    base: VecDeque<Vec<M61>>,
    digests: VecDeque<Digest>,
    challenges: VecDeque<K>,
    closing: [K; 2],
    joins: VecDeque<K>,
    positions: Vec<usize>,
}

fn exhausted(label: &str) -> VerifyError {
    VerifyError::Invariant {
        what: format!("the simulator has no {label}"),
    }
}

impl VerifierChannel for Programmed {
    type Scalar = K;

    fn read_scalars(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        if self.scalars.len() < count {
            return Err(exhausted(label));
        }
        Ok(self.scalars.drain(..count).collect())
    }

    fn read_extension(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        self.extension
            .pop_front()
            .filter(|message| message.len() == count)
            .ok_or_else(|| exhausted(label))
    }

    fn read_base(&mut self, label: &'static str, count: usize) -> Result<Vec<M61>, VerifyError> {
        self.base
            .pop_front()
            .filter(|message| message.len() == count)
            .ok_or_else(|| exhausted(label))
    }

    fn read_digest(&mut self, label: &'static str) -> Result<Digest, VerifyError> {
        self.digests.pop_front().ok_or_else(|| exhausted(label))
    }

    fn read_node(&mut self, label: &'static str, _: usize) -> Result<[u8; 32], VerifyError> {
        self.read_digest(label)
    }

    fn challenge(&mut self, label: &'static str) -> K {
        match label {
            "closing.batch" => self.closing[0],
            "closing.point" => self.closing[1],
            "opening.join" => self.joins.pop_front().expect("a challenge"),
            _ => self.challenges.pop_front().expect("a challenge"),
        }
    }

    fn positions(&mut self, _: &'static str, _: usize, _: usize) -> Vec<usize> {
        self.positions.clone()
    }

    fn grind(&mut self, _: &'static str, _: u32) -> Result<(), VerifyError> {
        Ok(())
    }

    fn constrain_zero(&mut self, check: Check<'_>, _: K) -> Result<(), VerifyError> {
        Err(check.failed())
    }

    fn constrain_quadratic(&mut self, check: Check<'_>, _: Quadratic<'_, K>) -> Result<(), VerifyError> {
        Err(check.failed())
    }
}

/// More challenges than a proof here draws.
const CHALLENGES: usize = 1 << 12;

/// A proof of `statement` by the simulator, whose columns are opened at `positions`, and the commitments to it.
struct Simulated {
    channel: Programmed,
    /// The factor of each row of each matrix in the row combination.
    weights: Vec<Vec<K>>,
    commitments: Vec<Commitment>,
}

impl Simulator {
    /// `weights` are trees with columns at `positions`, among others.
    fn prove(
        &mut self,
        statement: &Statement<'_>,
        public: &PublicValues,
        weights: &[&Tree],
        positions: &[usize],
    ) -> Simulated {
        let (key, masking) = (&*statement.key, statement.masking.expect("zero knowledge"));
        let code = &key.code;
        let narrow = code.narrow();
        let separate: Vec<Tree> = statement
            .separate
            .iter()
            .map(|tensors| self.uniform_tree(code.narrow(), tensors.packing.rows, positions))
            .collect();
        let others: Vec<&Tree> = weights.iter().copied().chain(&separate).collect();
        let record = Record {
            scalars: self.extension(masking.scalars),
            challenges: self.extension(CHALLENGES),
            extension: vec![self.extension(code.message_length())],
            digests: Vec::new(),
        };
        let response = self.extension(masking.response_length());
        let closing = [self.extension(1)[0], self.extension(1)[0]];
        let [eta, xi] = closing;

        // The answers, row by row, as the verifier reads them.
        let (mut z, mut answers, mut rest) = (Vec::new(), Vec::new(), response.as_slice());
        for pair in 0..masking.pairs() {
            let (data, after) = rest.split_at(masking.pads_in(pair));
            let (tail, after) = after.split_at(masking.tail);
            rest = after;
            z.extend_from_slice(data);
            let mut message = vec![K::ZERO; narrow.message_length()];
            message[..data.len()].copy_from_slice(data);
            message[narrow.row_length()..narrow.row_length() + tail.len()].copy_from_slice(tail);
            answers.push(message);
        }

        // The row count of the trace is public; its root does not matter here.
        let mut commitments = vec![statement.trace_commitment([0; 32])];
        commitments.extend(others.iter().map(|tree| tree.commitment()));
        let (combination, constraints) = replay(statement, public, &commitments, &record, &z);
        let mut sum = z[z.len() - 1];
        let mut power = K::from(1u64);
        for constraint in constraints {
            let [a, b, c] = constraint.coefficients;
            sum += power * (a + xi * (b + xi * c));
            power *= eta;
        }
        let e_1 = self.extension(1)[0];
        let e_0 = sum - e_1 * xi;

        // Columns of the trace.
        let circle = CircleCode::new(code).expect("a code");
        let answers: Vec<Vec<K>> = answers
            .iter()
            .map(|message| CircleCode::of(narrow).encode_extension(message))
            .collect();
        let Message::Rows(Vector::Sent(message), _) = &combination.message else {
            panic!("a message in the clear");
        };
        let combined = circle.encode_extension(message);
        let mut columns = BTreeMap::new();
        for symbol in narrow.symbols(positions) {
            let mut cells = self.base(statement.trace_rows());
            let put = |cells: &mut [M61], first: usize, value: K| {
                (cells[first], cells[first + 1]) = (value.c0, value.c1);
            };
            for (pair, answer) in answers.iter().enumerate() {
                let first = masking.pad_rows(pair).first_row;
                let pad = K::new(cells[first], cells[first + 1]);
                put(
                    &mut cells,
                    masking.mask_rows(pair).first_row,
                    answer[symbol] - xi * pad,
                );
            }
            // The mask at all positions of the symbol: what u leaves.
            let mask = masking.opening_mask();
            cells[mask.rows()].fill(M61::ZERO);
            let first = symbol << narrow.log_stride;
            let mut masks = Vec::new();
            for (position, &combined) in combined.iter().enumerate().skip(first).take(masking.classes) {
                let mut left = combined;
                let all = core::iter::once(&cells[..]).chain(others.iter().map(|tree| tree.at(position)));
                for (cells, weights) in all.zip(&combination.weights) {
                    for (cell, weight) in cells.iter().zip(weights) {
                        left -= *weight * K::new(*cell, M61::ZERO);
                    }
                }
                masks.push(left);
            }
            for (class, value) in by_class(code, first, masks).into_iter().enumerate() {
                put(&mut cells, mask.rows().start + 2 * class, value);
            }
            columns.insert(symbol, cells);
        }
        let trace = Tree::new(narrow, statement.trace_rows(), columns, self);
        commitments[0] = trace.commitment();

        let mut digests = VecDeque::new();
        let mut base = VecDeque::new();
        for tree in core::iter::once(&trace).chain(others.iter().copied()) {
            let symbols = tree.code.symbols(positions);
            digests.extend(symbols.iter().map(|symbol| tree.columns[symbol].0));
            let cells = symbols.iter().flat_map(|symbol| tree.columns[symbol].1.clone());
            base.push_back(cells.collect());
            digests.extend(tree.tree.path(&symbols));
        }
        Simulated {
            channel: Programmed {
                scalars: record.scalars.into(),
                extension: [record.extension[0].clone(), vec![e_0, e_1], response].into(),
                base,
                digests,
                challenges: record.challenges.into(),
                closing,
                joins: self.extension(masking.pairs()).into(),
                positions: positions.to_vec(),
            },
            weights: combination.weights,
            commitments,
        }
    }
}

/// `g_c` from the values of `sum_c b_c g_c` at the positions of one symbol, from `first` on.
fn by_class(code: &CodeParameters, first: usize, mut values: Vec<K>) -> Vec<K> {
    let half = M61::from(2u64).inverse().expect("not 0");
    let mut step = 1;
    while step < values.len() {
        for low in (0..values.len()).filter(|index| index & step == 0) {
            let phi = basis(step, domain_point(code.log_codeword, first + low));
            let (a, b) = (values[low], values[low + step]);
            let inverse = half * phi.inverse().expect("not 0");
            values[low] = (a + b) * K::new(half, M61::ZERO);
            values[low + step] = (a - b) * K::new(inverse, M61::ZERO);
        }
        step *= 2;
    }
    values
}

/// The verifier's constraints as functions of the closing challenge, were the pads 0 and the masks `z`.
fn replay(
    statement: &Statement<'_>,
    public: &PublicValues,
    commitments: &[Commitment],
    record: &Record,
    z: &[K],
) -> (Combination, Vec<Constraint>) {
    let cells = PublicCells::new(statement, public);
    let tape = Tape::default();
    let mut replay = Replay::new(record);
    let mut channel = MaskedVerifier::new(&mut replay, &tape);
    let claims = claims_to_open(&mut channel, statement, &|column, point| {
        cells.evaluate(column, point)
    })
    .expect("claims");
    let mask = statement.masking.map(|masking| masking.opening_mask());
    let combination = verify_combination(&mut channel, statement.key.opening(), commitments, &claims, mask)
        .expect("a combination");
    let constraints = tape.into_constraints(&statement.tape, z).expect("a whole tape");
    (combination, constraints)
}

/// The verifier's verdict, and what it heard.
fn judge(
    statement: &Statement<'_>,
    public: &PublicValues,
    simulated: Simulated,
) -> (Heard, Result<(), VerifyError>) {
    let mut channel = Listening::new(simulated.channel);
    let public = PublicCells::new(statement, public);
    let mut result = verify::argue(&mut channel, statement, &public, &simulated.commitments);
    let rest = &channel.inner;
    let left = [
        rest.scalars.len(),
        rest.extension.len(),
        rest.base.len(),
        rest.digests.len(),
    ];
    if result.is_ok() && left != [0; 4] {
        result = Err(VerifyError::Invariant {
            what: format!("left unread: {left:?}"),
        });
    }
    (channel.heard, result)
}

/// A key that commits to nothing, and where each commitment will be opened: in the setup proof, then in each opening of
/// its budget.
struct SimulatedKey {
    key: VerifyingKey,
    trees: Vec<Tree>,
    setup: Vec<usize>,
    openings: Vec<Vec<usize>>,
}

impl SimulatedKey {
    /// From the public parts of `key`.
    fn new(key: &VerifyingKey, simulator: &mut Simulator) -> Self {
        let setup = simulator.positions(key);
        let openings = (0..key.weights.commitments.budget()).map(|_| simulator.positions(key));
        let openings = openings.collect();
        Self::opened_at(key, setup, openings, simulator)
    }

    /// Opened there.
    fn opened_at(
        key: &VerifyingKey,
        setup: Vec<usize>,
        openings: Vec<Vec<usize>>,
        simulator: &mut Simulator,
    ) -> Self {
        let mut key = key.clone();
        key.weights.setup_proof.clear();
        let mut trees = Vec::new();
        for number in 0..key.weights.commitments.roots.len() {
            let mut positions = setup.clone();
            let own = (0u64..).zip(&openings);
            for (_, set) in
                own.filter(|(opening, _)| key.weights.commitments.commitment_of(*opening) == number)
            {
                positions.extend(set);
            }
            // All positions of the runs that these openings show of the trace.
            let stride = 1 << key.weights.code.log_stride;
            let runs = positions
                .iter()
                .flat_map(|at| (0..stride).map(move |i| at / stride * stride + i));
            let mut positions: Vec<usize> = runs.collect();
            positions.sort_unstable();
            positions.dedup();
            trees.push(simulator.uniform_tree(
                key.weights.code.wide(),
                key.weights.commitments.rows,
                &positions,
            ));
        }
        for (root, tree) in key.weights.commitments.roots.iter_mut().zip(&trees) {
            *root = tree.commitment().root;
        }
        Self {
            key,
            trees,
            setup,
            openings,
        }
    }
}

/// Public values that no input of the network leads to, as far as anyone knows.
fn any_outputs(statement: &Statement<'_>, simulator: &mut Simulator) -> PublicValues {
    let circuit = statement.circuit();
    let outputs = statement.outputs.iter().map(|output| {
        (0..circuit[output.column].shape.logical_len())
            .map(|_| simulator.0.gen_range(output.minimum..=output.maximum))
            .collect()
    });
    let outputs: Vec<Vec<i64>> = outputs.collect();
    PublicValues {
        input: None,
        outputs: (!outputs.is_empty()).then_some(outputs),
    }
}

/// The sound key of a tiny model, and a simulated key in the place of its tiny one.
fn tiny_keys(model: &CompiledModel, simulator: &mut Simulator) -> (VerifyingKey, SimulatedKey) {
    (sound_key(model), SimulatedKey::new(&tiny_key(model), simulator))
}

/// What a verifier hears of one simulated proof with a tiny key.
pub(super) fn heard_of_nothing(seed: u64) -> Heard {
    let mut simulator = Simulator::new(seed);
    let model = tiny_model(ALL_PRIVATE);
    let (sound, simulated) = tiny_keys(&model, &mut simulator);
    let statement = tiny_statement(&sound, &simulated.key);
    let public = any_outputs(&statement, &mut simulator);
    let proof = simulator.prove(
        &statement,
        &public,
        &[&simulated.trees[0]],
        &simulated.openings[0],
    );
    let (heard, result) = judge(&statement, &public, proof);
    result.expect("accepted");
    heard
}

#[test]
fn a_simulator_that_knows_no_secret_makes_a_key_and_all_of_its_proofs() {
    for privacy in [Privacy::default(), ALL_PRIVATE] {
        let (real, _) = small_key(privacy, 3);
        simulate_all_of(&real.verifying);
    }
}

/// Simulates the setup proof and every proof of the budget of a key that looks like `real`.
fn simulate_all_of(real: &VerifyingKey) {
    let mut simulator = Simulator::new(1);
    let simulated = SimulatedKey::new(real, &mut simulator);
    let key = &simulated.key;

    let statement = Statement::of_setup(&key.weights).expect("statement");
    assert_eq!(statement.subject, Subject::Setup);
    let nothing = PublicValues::default();
    let trees: Vec<&Tree> = simulated.trees.iter().collect();
    let proof = simulator.prove(&statement, &nothing, &trees, &simulated.setup);
    assert_eq!(judge(&statement, &nothing, proof).1, Ok(()));

    let statement = Statement::new(key).expect("statement");
    assert!(simulated.openings.len() > 3);
    for (opening, positions) in (0u64..).zip(&simulated.openings) {
        let tree = &simulated.trees[key.weights.commitments.commitment_of(opening)];
        let public = any_outputs(&statement, &mut simulator);
        public.check(&statement).expect("values in range");
        let proof = simulator.prove(&statement, &public, &[tree], positions);
        assert_eq!(judge(&statement, &public, proof).1, Ok(()));
    }
}

/// An opened leaf of the trace shows `g` on its run, and with `u` what the weights add there. Where the setup proof shows
/// the weights' column, both say the same.
#[test]
fn neighbours_in_a_run_that_two_openings_show_agree() {
    let mut simulator = Simulator::new(4);
    let model = tiny_model(ALL_PRIVATE);
    let (key, sound) = (tiny_key(&model), sound_key(&model));
    // An answer shows the even positions of some runs, the setup proof the odd ones.
    let even: Vec<usize> = (0..key.weights.code.queries).map(|at| at << LOG_STRIDE).collect();
    let odd: Vec<usize> = even.iter().map(|at| at + 1).collect();
    let budget = key.weights.commitments.budget() as usize;
    let mut openings = vec![even.clone()];
    openings.resize_with(budget, || simulator.positions(&key));
    let simulated = SimulatedKey::opened_at(&key, odd.clone(), openings, &mut simulator);
    let statement = tiny_statement(&sound, &simulated.key);
    let public = any_outputs(&statement, &mut simulator);
    let tree = &simulated.trees[0];
    let first = simulator.prove(&statement, &public, &[tree], &even);

    let code = &simulated.key.weights.code;
    let combined = CircleCode::new(code)
        .expect("a code")
        .encode_extension(&first.channel.extension[0]);
    let mask = statement.masking.expect("zero knowledge").opening_mask();
    let sum = |cells: &[M61], factors: &[K]| -> K {
        let products = cells.iter().zip(factors);
        products
            .map(|(cell, factor)| *factor * K::new(*cell, M61::ZERO))
            .sum()
    };
    // The messages of the opened columns: trace, weights, input and outputs.
    let column = |proof: &Simulated, matrix: usize, index: usize| {
        let cells = &proof.channel.base[matrix];
        let rows = cells.len() / code.queries;
        cells[index * rows..][..rows].to_vec()
    };
    for (index, &at) in odd.iter().enumerate() {
        let trace = column(&first, 0, index);
        let mut left = combined[at] - sum(&trace, &first.weights[0]);
        for matrix in 2..first.weights.len() {
            left -= sum(&column(&first, matrix, index), &first.weights[matrix]);
        }
        for (class, g) in trace[mask.rows()].chunks(2).enumerate() {
            let factor = basis(class, domain_point(code.log_codeword, at));
            left -= K::new(g[0], g[1]) * K::new(factor, M61::ZERO);
        }
        assert_eq!(left, sum(tree.at(at), &first.weights[1]));
    }
}

/// The verdict on a simulated proof that is altered.
fn altered(alter: impl FnOnce(&mut Programmed)) -> Result<(), VerifyError> {
    let mut simulator = Simulator::new(2);
    let model = tiny_model(Privacy::default());
    let (sound, simulated) = tiny_keys(&model, &mut simulator);
    let statement = tiny_statement(&sound, &simulated.key);
    let public = any_outputs(&statement, &mut simulator);
    let positions = &simulated.openings[0];
    let mut proof = simulator.prove(&statement, &public, &[&simulated.trees[0]], positions);
    alter(&mut proof.channel);
    judge(&statement, &public, proof).1
}

#[test]
fn the_verifier_takes_rows_of_pads_and_masks_by_elements_of_the_extension() {
    let mut simulator = Simulator::new(3);
    let model = tiny_model(ALL_PRIVATE);
    let (sound, simulated) = tiny_keys(&model, &mut simulator);
    let statement = tiny_statement(&sound, &simulated.key);
    let public = any_outputs(&statement, &mut simulator);
    let (tree, positions) = (&simulated.trees[0], &simulated.openings[0]);
    let proof = simulator.prove(&statement, &public, &[tree], positions);
    let masking = statement.masking.expect("zero knowledge");
    let weights = &proof.weights[0];
    assert_eq!(weights.len(), masking.first_row + masking.rows());
    let imaginary = K::new(M61::from(0u64), M61::from(1u64));
    let pairs = weights[masking.first_row..].chunks(2);
    for pair in pairs.clone() {
        assert_eq!(pair[1], imaginary * pair[0]);
    }
    // Each has a coefficient of its own, and the mask none: its factor is 1.
    let of: std::collections::BTreeSet<(u64, u64)> =
        pairs.map(|pair| (pair[0].c0.value, pair[0].c1.value)).collect();
    assert_eq!(of.len(), 2 * masking.pairs() + 1);
    let mask = masking.opening_mask().rows();
    assert_eq!(mask.len(), 2 << LOG_STRIDE);
    assert!(weights[mask].iter().all(|weight| *weight == K::ZERO));
    // Rows over F are not tied to the next one.
    for pair in weights[..masking.first_row].windows(2) {
        assert!(pair[0] != K::ZERO && pair[1] != imaginary * pair[0]);
    }
}

#[test]
fn what_the_simulator_solves_for_is_checked() {
    let failed = |result: Result<(), VerifyError>| match result {
        Err(VerifyError::Check { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    let one = K::from(1u64);
    assert_eq!(altered(|_| {}), Ok(()));
    // A scalar, e_0, z; another challenge than the one it was solved for.
    for result in [
        altered(|channel| channel.scalars[5] += one),
        altered(|channel| channel.extension[1][0] += one),
        altered(|channel| channel.extension[2][0] += one),
        altered(|channel| channel.closing[0] += one),
        altered(|channel| channel.challenges[3] += one),
    ] {
        assert_eq!(failed(result), "closing.constraints");
    }
    // A coordinate of u, in the tail.
    let result = altered(|channel| *channel.extension[0].last_mut().expect("a tail") += one);
    assert_eq!(failed(result), "opening.column");
    let result = altered(|channel| channel.base[0][0] += M61::from(1u64));
    assert_eq!(failed(result), "opening.merkle");
}
