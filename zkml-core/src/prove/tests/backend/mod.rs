//! Something else behind the seam: two machines share every matrix, every layer and every sum of fractions, compute by
//! the definitions, and may fail in any operation.

mod fractions;
mod products;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ndarray::ArrayD;
use zeroize::Zeroizing;

use super::fixture::{CONTEXT, judge, whole_network};
use super::network::Network;
use crate::argument::{Statement, Trace};
use crate::circuit::ColumnId;
use crate::field::{K, M61, from_i64};
use crate::keys::ProveError;
use crate::lookup::{self, Compression, Witness};
use crate::ops::IntegerLayer;
use crate::pcs::hash::{Digest, leaf_digest, leaf_length, root_digest};
use crate::pcs::merkle::MerkleTree;
use crate::pcs::plan::RowSum;
use crate::pcs::{CircleCode, Commitment, MatrixOracle, PartialMerge, PcsError, RowCode, Rows, Uncommitted};
use crate::poly;
use crate::privacy::{Privacy, Visibility};
use crate::prove::{Input, prove, prove_trace, prove_with_secrets};
use crate::reduce::{Backend, Columns, Cpu, Instance, StageTable};
use crate::secret::Seed;
use crate::setup::{SetupOptions, setup, setup_on};
use crate::sumcheck::{self, Evaluation, Evaluations, Table};
use crate::verify::verify;

/// Everything private, and committed apart where it can be.
const SECRET: Privacy = Privacy {
    input: Visibility::Private,
    output: Visibility::Private,
    weights: Visibility::Private,
    commit_input: true,
};

/// What two machines were asked for, and what fails next.
#[derive(Default)]
struct Calls {
    made: BTreeMap<&'static str, usize>,
    failing: Option<(&'static str, usize)>,
}

/// Two machines.
#[derive(Clone, Default)]
struct Machines(Arc<Mutex<Calls>>);

impl Machines {
    /// Takes down a call; fails if its turn has come.
    fn call(&self, operation: &'static str) -> Result<(), PcsError> {
        let mut calls = self.0.lock().expect("calls");
        let number = calls.made.entry(operation).or_default();
        let own = (operation, *number);
        *number += 1;
        if calls.failing == Some(own) {
            let cause = "the machine is gone".to_owned();
            return Err(PcsError::Backend { operation, cause });
        }
        Ok(())
    }

    /// Forgets what was asked, and fails in call `number` of `operation`.
    fn fail(&self, failing: Option<(&'static str, usize)>) {
        let made = BTreeMap::new();
        *self.0.lock().expect("calls") = Calls { made, failing };
    }

    fn made(&self) -> BTreeMap<&'static str, usize> {
        self.0.lock().expect("calls").made.clone()
    }
}

/// Neighbouring rows on one machine.
struct RowRange {
    first: usize,
    /// Data coefficients, without the tail, in a row.
    length: usize,
    messages: Vec<Vec<M61>>,
    codewords: Vec<Vec<M61>>,
}

impl RowRange {
    /// `sum_a weights[a] row_{first_row + a}` over its own rows.
    fn sum(&self, first_row: usize, weights: &[K]) -> Vec<K> {
        let mut sum = vec![K::from(0u64); self.messages[0].len()];
        for (row, message) in (self.first..).zip(&self.messages) {
            let weight = row.checked_sub(first_row).and_then(|place| weights.get(place));
            for (sum, cell) in sum.iter_mut().zip(message) {
                *sum += weight.copied().unwrap_or_default() * K::new(*cell, M61::from(0u64));
            }
        }
        sum
    }

    fn data(&self, first_row: usize, weights: &[K]) -> Vec<K> {
        let mut sum = self.sum(first_row, weights);
        sum.truncate(self.length);
        sum
    }
}

/// A matrix on two machines; the tree is on neither.
struct Split {
    machines: Machines,
    code: RowCode,
    seed: Seed,
    ranges: Vec<RowRange>,
    tree: MerkleTree,
}

impl Split {
    fn count(&self) -> usize {
        self.ranges.iter().map(|range| range.messages.len()).sum()
    }

    fn row(&self, row: usize) -> &[M61] {
        let mut rows = self.ranges.iter().flat_map(|range| &range.messages);
        rows.nth(row).expect("a row")
    }

    fn salt(seed: &Seed, symbol: usize) -> Digest {
        seed.salts::<16>(symbol / 16)[symbol % 16]
    }

    fn column(ranges: &[RowRange], symbol: usize) -> Vec<M61> {
        let codewords = ranges.iter().flat_map(|range| &range.codewords);
        codewords.map(|codeword| codeword[symbol]).collect()
    }
}

/// The parts of both machines in a merge.
struct Parts<'a> {
    machines: Machines,
    parts: Vec<Evaluations<'a>>,
}

impl PartialMerge for Parts<'_> {
    fn round(&mut self) -> Result<[K; 2], PcsError> {
        self.machines.call("merge round")?;
        let mut sums = [K::from(0u64); 2];
        for part in &mut self.parts {
            let own = PartialMerge::round(part)?;
            sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
        }
        Ok(sums)
    }

    fn bind(&mut self, challenge: K) -> Result<(), PcsError> {
        self.machines.call("merge bind")?;
        let mut parts = self.parts.iter_mut();
        parts.try_for_each(|part| PartialMerge::bind(part, challenge))
    }

    fn values(&self) -> Result<Vec<K>, PcsError> {
        self.machines.call("merge values")?;
        let mut sums = Vec::new();
        for part in &self.parts {
            let own = part.values()?;
            sums.resize(own.len(), K::from(0u64));
            sums.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
        }
        Ok(sums)
    }
}

impl MatrixOracle for Split {
    fn commitment(&self) -> Commitment {
        Commitment {
            root: root_digest(&self.code, self.count(), &self.tree.root()),
            rows: self.count(),
            log_stride: self.code.log_stride,
        }
    }

    fn code(&self) -> RowCode {
        self.code
    }

    fn merge<'a>(
        &'a self,
        variables: usize,
        sums: Vec<(&RowSum, Vec<Evaluation>)>,
    ) -> Result<Box<dyn PartialMerge + 'a>, PcsError> {
        self.machines.call("merge")?;
        let part = |range: &RowRange| {
            let own = |(sum, claims): &(&RowSum, Vec<Evaluation>)| {
                let mut table = vec![K::from(0u64); self.code.row_length()];
                for (first, weights) in sum.iter() {
                    let run = range.data(*first, weights);
                    table.iter_mut().zip(run).for_each(|(sum, run)| *sum += run);
                }
                // What a machine has of a claimed value is the value of its own part.
                let claim = |claim: &Evaluation| Evaluation {
                    value: poly::evaluate(&table, &claim.point[..self.code.log_row as usize]),
                    ..claim.clone()
                };
                let claims = claims.iter().map(claim).collect();
                (Table::Extension(table), claims)
            };
            Evaluations::new(variables, sums.iter().map(own).collect())
        };
        Ok(Box::new(Parts {
            machines: self.machines.clone(),
            parts: self.ranges.iter().map(part).collect(),
        }))
    }

    fn combine(&self, weights: &[K]) -> Result<Vec<K>, PcsError> {
        self.machines.call("combine")?;
        let mut sum = vec![K::from(0u64); self.code.message_length()];
        for range in &self.ranges {
            let own = range.sum(0, weights);
            sum.iter_mut().zip(own).for_each(|(sum, own)| *sum += own);
        }
        Ok(sum)
    }

    fn value_of_combination(&self, weights: &[K], eq: &[K]) -> Result<K, PcsError> {
        self.machines.call("value of a combination")?;
        let value = |range: &RowRange| -> K {
            let data = range.data(0, weights);
            assert_eq!(data.len(), eq.len());
            data.iter().zip(eq).map(|(cell, eq)| *cell * eq).sum()
        };
        Ok(self.ranges.iter().map(value).sum())
    }

    fn full_message(&self, first: usize) -> Result<Zeroizing<Vec<K>>, PcsError> {
        self.machines.call("mask")?;
        let stride = 1 << self.code.log_stride;
        let cell = |index: usize| {
            let (row, column) = (first + 2 * (index % stride), index / stride);
            K::new(self.row(row)[column], self.row(row + 1)[column])
        };
        let message = (0..stride * self.code.message_length()).map(cell);
        Ok(Zeroizing::new(message.collect()))
    }

    fn tail(&self, row: usize) -> Result<Zeroizing<Vec<M61>>, PcsError> {
        self.machines.call("tail")?;
        Ok(Zeroizing::new(self.row(row)[self.code.row_length()..].to_vec()))
    }

    fn salts(&self, symbols: &[usize]) -> Result<Vec<Digest>, PcsError> {
        self.machines.call("salts")?;
        let salts = symbols.iter().map(|symbol| Self::salt(&self.seed, *symbol));
        Ok(salts.collect())
    }

    fn columns(&self, symbols: &[usize]) -> Result<Vec<M61>, PcsError> {
        self.machines.call("columns")?;
        let columns = symbols.iter().map(|symbol| Self::column(&self.ranges, *symbol));
        Ok(columns.flatten().collect())
    }

    fn path(&self, symbols: &[usize]) -> Result<Vec<Digest>, PcsError> {
        self.machines.call("path")?;
        Ok(self.tree.path(symbols))
    }
}

/// A folded stage that is read over a connection.
struct Remote {
    machines: Machines,
    table: <Cpu as Backend>::Table,
}

impl StageTable for Remote {
    fn instance(&mut self) -> Box<dyn sumcheck::Instance + '_> {
        self.table.instance()
    }

    fn operands(&self) -> Result<[K; 2], PcsError> {
        self.machines.call("operands")?;
        self.table.operands()
    }
}

impl Backend for Machines {
    type Matrix = Split;
    type Layer = products::SplitLayer;
    type Fractions<'a> = fractions::SplitTree<'a>;
    type Table = Remote;

    fn lay_out(&self, layers: &[IntegerLayer<'_>]) -> Result<Vec<Option<Self::Layer>>, PcsError> {
        self.lay_layers_out(layers)
    }

    fn multiply(
        &self,
        layer: &Self::Layer,
        operand: &ArrayD<i64>,
        shape: &[usize],
    ) -> Result<Option<ArrayD<i64>>, PcsError> {
        self.multiply_layer(layer, operand, shape)
    }

    fn fractions<'a>(
        &self,
        statement: &lookup::Statement,
        compression: &Compression,
        cells: Witness<'a>,
    ) -> Result<Self::Fractions<'a>, PcsError> {
        self.add_fractions(statement, compression, cells)
    }

    /// Row by row, by the definitions of code and tree.
    fn commit(&self, data: Uncommitted) -> Result<Split, PcsError> {
        self.call("commit")?;
        let (code, length) = (data.code, data.code.row_length());
        let cells: Vec<M61> = match &data.rows {
            Rows::Field(cells) => cells.clone(),
            Rows::Int8(cells) => cells.iter().map(|&cell| from_i64(cell.into())).collect(),
        };
        let count = cells.len() / length;
        let message = |(row, cells): (usize, &[M61])| {
            let mut message = cells.to_vec();
            message.resize(code.message_length(), M61::from(0u64));
            let random = match row + data.tails.full >= count {
                true => code.tail,
                false => data.tails.length,
            };
            data.seed.fill_tail(row, &mut message[length..][..random]);
            message
        };
        let messages: Vec<Vec<M61>> = cells.chunks(length).enumerate().map(message).collect();
        let encoder = CircleCode::of(code);
        let range = |(first, messages): (usize, &[Vec<M61>])| RowRange {
            first,
            length,
            messages: messages.to_vec(),
            codewords: messages.iter().map(|message| encoder.encode(message)).collect(),
        };
        // The second machine has more rows; of a single row it has all.
        let (upper, lower) = messages.split_at(count / 3);
        let halves = [(0, upper), (count / 3, lower)];
        let ranges: Vec<RowRange> = halves
            .into_iter()
            .filter(|(_, messages)| !messages.is_empty())
            .map(range)
            .collect();
        let leaf = |symbol: usize| {
            let mut bytes = Split::salt(&data.seed, symbol).to_vec();
            for cell in Split::column(&ranges, symbol) {
                bytes.extend(cell.value.to_le_bytes());
            }
            bytes.resize(leaf_length(count), 0);
            leaf_digest(&bytes)
        };
        let leaves = (0..code.codeword_length()).map(leaf).collect();
        Ok(Split {
            machines: self.clone(),
            code,
            tree: MerkleTree::new(leaves, code.digest_bytes),
            seed: data.seed,
            ranges,
        })
    }

    fn fold_stage(&self, columns: &Columns<'_, '_>, instances: &[Instance]) -> Result<Vec<Remote>, PcsError> {
        self.call("fold a stage")?;
        let remote = |table| Remote {
            machines: self.clone(),
            table,
        };
        let tables = Cpu.fold_stage(columns, instances)?;
        Ok(tables.into_iter().map(remote).collect())
    }

    fn evaluate(&self, columns: &Columns<'_, '_>, column: ColumnId, point: &[K]) -> Result<K, PcsError> {
        self.call("evaluate")?;
        Cpu.evaluate(columns, column, point)
    }
}

#[test]
fn two_machines_give_the_same_bytes() {
    // Wide rows in the clear, and narrow ones under a mask.
    for (privacy, log_stride) in [(Privacy::PUBLIC, 0), (SECRET, 1)] {
        let options = SetupOptions {
            log_strides: log_stride..=log_stride,
            ..SetupOptions::default()
        };
        let model = whole_network(18).with_privacy(privacy);
        let input = Network::random_input(1, &model);
        let seed = || match privacy.zero_knowledge() {
            true => Seed::from_bytes([7; 32]),
            false => Seed::PUBLIC,
        };
        let key = setup(model, &options).expect("setup");
        let expected = {
            let statement = Statement::new(&key.verifying).expect("a statement");
            let trace = Trace::generate(&key, &statement, &input).expect("a trace");
            let weights = key.commitment(0).expect("a commitment");
            prove_trace(&Cpu, &statement, &trace, (0, &[&weights]), CONTEXT, seed(), None)
                .expect("a proof")
                .0
        };
        let machines = Machines::default();
        let key = key.on(machines.clone());
        let statement = Statement::new(&key.verifying).expect("a statement");
        let trace = Trace::generate(&key, &statement, &input).expect("a trace");
        // It has the root that is in the key, which was made on one machine.
        let weights = key.commitment(0).expect("a commitment");
        let weights = (0, &[&*weights][..]);
        let found = prove_trace(&machines, &statement, &trace, weights, CONTEXT, seed(), None)
            .expect("a proof")
            .0;
        assert_eq!(found.messages, expected.messages);
        assert_eq!(machines.made()["multiply"], 2, "one call for each layer");
        judge(&key.verifying, &found, CONTEXT).expect("valid");
        assert_eq!(privacy.zero_knowledge(), machines.made().contains_key("mask"));
    }
}

#[test]
fn keys_proofs_and_linked_proofs_are_made_on_two_machines() {
    let machines = Machines::default();
    let model = whole_network(18).with_privacy(SECRET);
    let input = Network::random_input(1, &model);
    let key = setup_on(machines, model, &SetupOptions::default()).expect("setup");
    let first = prove_with_secrets(&key, Input::Values(&input), CONTEXT).expect("prove");
    verify(&key.verifying, &first.proof, CONTEXT).expect("verify");
    let secret = first.input.expect("the secret of the input");
    let commitment = secret.commitment();
    secret.fits(&key).expect("its own model");
    let second = prove_with_secrets(&key, Input::Committed(secret), CONTEXT).expect("prove");
    assert_eq!(second.answer, first.answer);
    let trusted = crate::verify::TrustedKey::new(&key.verifying).expect("a key");
    let verified = trusted.verify(&second.proof, CONTEXT).expect("verify");
    assert_eq!(verified.input, Some(commitment));
}

/// Proves, and says what failed.
fn failure(result: Result<(), ProveError>) -> Option<&'static str> {
    match result {
        Ok(()) => None,
        Err(ProveError::Commitment(PcsError::Backend { operation, .. })) => Some(operation),
        Err(other) => panic!("another error: {other}"),
    }
}

#[test]
fn a_failing_machine_ends_the_proof_and_counts_its_opening_once() {
    let machines = Machines::default();
    let model = whole_network(18).with_privacy(Privacy::default());
    let input = Network::random_input(1, &model);
    let key = setup(model, &SetupOptions::default())
        .expect("setup")
        .on(machines.clone());
    let used = || key.budget().expect("a budget").used().expect("a count");
    let proof = || prove(&key, &input, CONTEXT);

    // The weights are laid out for the execution once, and the opening is counted after it.
    machines.fail(Some(("lay out", 0)));
    assert_eq!(failure(proof().map(|_| ())), Some("lay out"));
    assert_eq!(used(), 0);
    // The weights are committed when their turn comes, after the opening is counted.
    machines.fail(Some(("commit", 0)));
    assert_eq!(failure(proof().map(|_| ())), Some("commit"));
    assert_eq!(used(), 1);
    assert_eq!(machines.made()["lay out"], 1);
    machines.fail(None);
    proof().expect("the machine is back");
    machines.fail(None);
    proof().expect("a proof");
    assert_eq!(used(), 3);

    // The last call of each operation, when most of a proof is made. Only the execution comes before the count.
    let made = machines.made();
    let all = [
        "bind fractions",
        "columns",
        "combine",
        "commit",
        "ends of fractions",
        "evaluate",
        "fold a stage",
        "fractions",
        "layer of fractions",
        "looked-up columns",
        "mask",
        "merge",
        "merge bind",
        "merge round",
        "merge values",
        "multiply",
        "operands",
        "path",
        "root of fractions",
        "round of fractions",
        "salts",
        "tail",
        "value of a combination",
    ];
    assert_eq!(made.keys().copied().collect::<Vec<_>>(), all);
    let mut counted = used();
    for (operation, calls) in made {
        machines.fail(Some((operation, calls - 1)));
        assert_eq!(failure(proof().map(|_| ())), Some(operation));
        counted += u64::from(operation != "multiply");
        assert_eq!(used(), counted, "{operation}");
    }
    machines.fail(None);
    let proof = proof().expect("a proof");
    verify(&key.verifying, &proof, CONTEXT).expect("verify");
    assert_eq!(used(), counted + 1);
}

#[test]
fn a_setup_on_a_failing_machine_gives_no_key() {
    for operation in ["commit", "columns", "path"] {
        let machines = Machines::default();
        machines.fail(Some((operation, 0)));
        let model = whole_network(18).with_privacy(Privacy::default());
        let result = setup_on(machines, model, &SetupOptions::default());
        assert_eq!(failure(result.map(|_| ())), Some(operation));
    }
}
