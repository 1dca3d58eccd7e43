//! The verifier's side. For the statement, the transcript order and the checks see the [module](super).
//!
//! Its work is about `M` products for each claim, where `M` is the length of the last message, and the columns. The
//! tensors are folded factor by factor, and nothing is encoded.

use ark_ff::AdditiveGroup;

use super::functional::{Functional, Message, Tensor, check_functionals};
use super::parameters::{LevelShape, RecursionParameters};
use super::soundness::rows_grinding_bits;
use crate::field::encoding::m61_to_bytes;
use crate::field::{K, mul_k};
use crate::pcs::CodeParameters;
use crate::pcs::hash::{Digest, bare_leaf_digest, bare_leaf_length, bare_root_digest};
use crate::pcs::merkle::read_root;
use crate::poly;
use crate::transcript::{Check, VerifierChannel, VerifyError};

/// A vector as the verifier has it.
#[derive(Debug, Clone)]
pub enum Vector {
    /// In the clear.
    Sent(Vec<K>),
    /// The root of the level that holds it.
    Committed(Digest),
}

impl Vector {
    fn read(
        channel: &mut (impl VerifierChannel + ?Sized),
        level: Option<&LevelShape<'_>>,
        (label, length): (&'static str, usize),
    ) -> Result<Self, VerifyError> {
        Ok(match level {
            Some(_) => Self::Committed(channel.read_digest("recursion.root")?),
            None => Self::Sent(channel.read_extension(label, length)?),
        })
    }
}

/// Reads a vector of `length` elements, or the commitment to it.
///
/// # Errors
///
/// [`VerifyError::Key`] where the levels do not fit; what reading gives.
pub fn read_vector(
    channel: &mut (impl VerifierChannel + ?Sized),
    parameters: &RecursionParameters,
    length: usize,
) -> Result<Vector, VerifyError> {
    let shapes = parameters.checked_shapes(length)?;
    Vector::read(channel, shapes.first(), ("opening.combination", length))
}

/// Verifies that the vector has the claimed values, each of a functional on vectors of `base_code`.
///
/// Everything on which the functionals and values depend was absorbed after the vector.
///
/// # Errors
///
/// [`VerifyError::Check`] with one of the names of the [module](super); the errors of reading messages;
/// [`VerifyError::Key`] if parameters or functionals do not fit.
pub fn verify(
    channel: &mut (impl VerifierChannel + ?Sized),
    parameters: &RecursionParameters,
    base_code: &CodeParameters,
    mut vector: Vector,
    mut claims: Vec<(Functional, K)>,
) -> Result<(), VerifyError> {
    let _span = tracing::info_span!("check the recursion").entered();
    base_code.validate()?;
    let shapes = parameters.checked_shapes(base_code.message_length())?;
    check_functionals(base_code, claims.iter().map(|(functional, _)| functional))?;

    let mut running = Running {
        value: K::ZERO,
        tensors: Vec::new(),
    };
    // The code whose positions the claims are at.
    let mut code = base_code;
    for (number, shape) in (1usize..).zip(&shapes) {
        let Vector::Committed(root) = vector else {
            return Err(invariant("recursion: the vector is not committed"));
        };
        running.add(channel, tensors(code, &claims)?, &claims);
        let point = running.verify_rows(channel, shape)?;
        let sent = ("recursion.message", shape.code.row_length());
        vector = Vector::read(channel, shapes.get(number), sent)?;
        if let Vector::Sent(message) = &vector {
            running.check(&Message::new(message.clone()))?;
        }
        let positions = channel_positions(channel, shape)?;
        let place = format!("level {number}");
        let values = open_columns(channel, shape, &root, &point, &positions, &place)?;
        claims = positions
            .into_iter()
            .map(Functional::Position)
            .zip(values)
            .collect();
        code = shape.code;
    }
    // What is left are claims on a vector in the clear, which are checked one by one.
    let Vector::Sent(message) = vector else {
        return Err(invariant("recursion: no level holds the vector"));
    };
    let message = Message::new(message);
    for (tensor, (functional, value)) in tensors(code, &claims)?.iter().zip(&claims) {
        if tensor.inner_product(&message) != *value {
            return Err(failed("opening.column", &functional.to_string()));
        }
    }
    Ok(())
}

/// A tensor for each claim.
fn tensors(code: &CodeParameters, claims: &[(Functional, K)]) -> Result<Vec<Tensor>, VerifyError> {
    let tensors = Tensor::of_claims(code, claims);
    match tensors.len() == claims.len() {
        true => Ok(tensors),
        false => Err(invariant("recursion: another number of functionals than claims")),
    }
}

fn invariant(what: &str) -> VerifyError {
    VerifyError::Invariant {
        what: what.to_owned(),
    }
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
    /// Adds new claims, with random coefficients.
    fn add(
        &mut self,
        channel: &mut (impl VerifierChannel + ?Sized),
        tensors: Vec<Tensor>,
        claims: &[(Functional, K)],
    ) {
        for (mut tensor, (_, value)) in tensors.into_iter().zip(claims) {
            let coefficient = channel.challenge("recursion.batch");
            self.value += mul_k(*value, coefficient);
            tensor.scale = mul_k(tensor.scale, coefficient);
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
