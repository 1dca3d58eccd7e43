//! The verifier's side. For the statement, the transcript order and the checks see the [module](super).
//!
//! Its work is about `M` products for each claim, where `M` is the length of the last message, and the columns. The
//! tensors are folded factor by factor, and nothing is encoded.

use ark_ff::AdditiveGroup;

use super::functional::{Functional, Message, Tensor, check_functionals};
use super::parameters::{LevelShape, RecursionParameters};
use super::soundness::rows_grinding_bits;
use crate::error::RecursionError;
use crate::field::encoding::m61_to_bytes;
use crate::field::{K, mul_k};
use crate::pcs::CodeParameters;
use crate::pcs::hash::{Digest, bare_leaf_digest, bare_leaf_length, bare_root_digest};
use crate::pcs::merkle::read_root;
use crate::poly;
use crate::transcript::{Check, VerifierChannel, VerifyError};

/// A committed vector as the verifier has it.
#[derive(Debug, Clone)]
pub struct RecursiveCommitment {
    message_length: usize,
    root: Digest,
}

/// Reads the commitment to a vector of `message_length` elements.
///
/// # Errors
///
/// [`VerifyError::Key`] where there are no levels, or they do not fit; what reading gives.
pub fn read_commitment(
    channel: &mut (impl VerifierChannel + ?Sized),
    parameters: &RecursionParameters,
    message_length: usize,
) -> Result<RecursiveCommitment, VerifyError> {
    parameters.checked_shapes(message_length)?;
    Ok(RecursiveCommitment {
        message_length,
        root: channel.read_digest("recursion.root")?,
    })
}

/// Verifies that the committed vector has the claimed values, each of a functional on vectors of `base_code`.
///
/// Everything on which the functionals and values depend was absorbed after the commitment.
///
/// # Errors
///
/// [`VerifyError::Check`] with one of the names of the [module](super); the errors of reading messages;
/// [`VerifyError::Key`] if parameters or functionals do not fit.
pub fn verify(
    channel: &mut (impl VerifierChannel + ?Sized),
    parameters: &RecursionParameters,
    base_code: &CodeParameters,
    commitment: RecursiveCommitment,
    claims: &[(Functional, K)],
) -> Result<(), VerifyError> {
    let _span = tracing::info_span!("check the recursion").entered();
    base_code.validate()?;
    let length = commitment.message_length;
    let shapes = parameters.checked_shapes(length)?;
    if length != base_code.message_length() {
        return Err(VerifyError::from(RecursionError::Length {
            found: length,
            expected: base_code.message_length(),
        }));
    }
    let functionals = || claims.iter().map(|(functional, _)| functional);
    check_functionals(base_code, functionals())?;
    let mut root = commitment.root;

    let mut running = Running {
        value: K::ZERO,
        tensors: Vec::new(),
    };
    let mut tensors = Tensor::of_functionals(base_code, functionals());
    let mut values: Vec<K> = claims.iter().map(|(_, value)| *value).collect();
    for (index, shape) in shapes.iter().enumerate() {
        let coefficients = channel.challenges("recursion.batch", tensors.len());
        running.add(tensors, &values, &coefficients);
        let point = running.verify_rows(channel, shape)?;
        let place = format!("level {}", index.saturating_add(1));
        let last = index.saturating_add(1) == shapes.len();
        let committed = root;
        let mut message = None;
        if last {
            let sent = channel.read_extension("recursion.message", shape.code.row_length())?;
            let sent = Message::new(sent);
            running.check(&sent)?;
            message = Some(sent);
        } else {
            root = channel.read_digest("recursion.root")?;
        }
        let positions = channel_positions(channel, shape)?;
        values = open_columns(channel, shape, &committed, &point, &positions, &place)?;
        let bits = shape.code.log_row as usize;
        tensors = Tensor::of_positions(shape.code.log_codeword, &positions, bits);
        if let Some(message) = message {
            for ((tensor, value), position) in tensors.iter().zip(&values).zip(&positions) {
                if tensor.inner_product(&message) != *value {
                    let place = format!("{place}, position {position}");
                    return Err(failed("recursion.column", &place));
                }
            }
            return Ok(());
        }
    }
    // There is a last level, and it returns.
    Err(VerifyError::from(RecursionError::NoLevels))
}

fn failed(name: &'static str, place: &str) -> VerifyError {
    Check { name, place }.failed()
}

/// Proof of work and the positions of a level.
fn channel_positions(
    channel: &mut (impl VerifierChannel + ?Sized),
    shape: &LevelShape<'_>,
) -> Result<Vec<usize>, VerifyError> {
    channel.grind("recursion.grind", shape.code.grinding_bits)?;
    Ok(channel.positions(
        "recursion.positions",
        shape.code.queries,
        shape.code.codeword_length(),
    ))
}

/// All claims so far as one: `<u, sum_i tensor_i> = value`, scales included.
struct Running {
    value: K,
    tensors: Vec<Tensor>,
}

impl Running {
    /// Adds new claims with their coefficients.
    fn add(&mut self, tensors: Vec<Tensor>, values: &[K], coefficients: &[K]) {
        for ((mut tensor, value), coefficient) in tensors.into_iter().zip(values).zip(coefficients) {
            self.value += mul_k(*value, *coefficient);
            tensor.scale = mul_k(tensor.scale, *coefficient);
            self.tensors.push(tensor);
        }
    }

    /// The sumcheck over the row variables of a level; returns its point.
    fn verify_rows(
        &mut self,
        channel: &mut (impl VerifierChannel + ?Sized),
        shape: &LevelShape<'_>,
    ) -> Result<Vec<K>, VerifyError> {
        let mut point = Vec::with_capacity(shape.variables);
        for _ in 0..shape.variables {
            let message = channel.read_extension("recursion.rows", 2)?;
            let [constant, square] = message.as_slice() else {
                return Err(VerifyError::Invariant {
                    what: "recursion.rows: the channel returned another number of elements".into(),
                });
            };
            channel.grind("recursion.rows.grind", rows_grinding_bits(shape))?;
            let challenge = channel.challenge("recursion.rows");
            // g(0) + g(1) = value gives the coefficient in the middle.
            let linear = self.value - constant.double() - square;
            self.value = mul_k(mul_k(*square, challenge) + linear, challenge) + constant;
            point.push(challenge);
        }
        for tensor in &mut self.tensors {
            tensor.fold(&point, shape.rows);
        }
        Ok(point)
    }

    /// Checks the claim on the last message.
    fn check(&self, message: &Message) -> Result<(), VerifyError> {
        let product: K = self
            .tensors
            .iter()
            .map(|tensor| mul_k(tensor.scale, tensor.inner_product(message)))
            .sum();
        if product == self.value {
            Ok(())
        } else {
            Err(failed("recursion.inner_product", "last message"))
        }
    }
}

/// Reads the columns of a level, checks its root and returns the combination `sum_a eq(point, a) column[a]` of each.
fn open_columns(
    channel: &mut (impl VerifierChannel + ?Sized),
    shape: &LevelShape<'_>,
    root: &Digest,
    point: &[K],
    positions: &[usize],
    place: &str,
) -> Result<Vec<K>, VerifyError> {
    let rows = shape.base_rows();
    let weights = poly::eq_table(point);
    let cells = channel.read_base("recursion.columns", positions.len().saturating_mul(rows))?;
    let mut values = Vec::with_capacity(positions.len());
    let mut leaves: Vec<Digest> = Vec::with_capacity(positions.len());
    let mut bytes = Vec::with_capacity(bare_leaf_length(rows));
    for column in cells.chunks(rows.max(1)) {
        bytes.clear();
        column
            .iter()
            .for_each(|cell| bytes.extend_from_slice(&m61_to_bytes(*cell)));
        bytes.resize(bare_leaf_length(rows), 0);
        leaves.push(bare_leaf_digest(&bytes));
        let (elements, _) = column.as_chunks::<2>();
        let terms = elements.iter().zip(&weights);
        values.push(
            terms
                .map(|([c0, c1], weight)| mul_k(K::new(*c0, *c1), *weight))
                .sum(),
        );
    }
    let code = shape.code.wide();
    let top = read_root(channel, "recursion.path", &code, positions, &leaves)?;
    if top.map(|top| bare_root_digest(&code, rows, &top)) != Some(*root) {
        return Err(failed("recursion.merkle", place));
    }
    Ok(values)
}
