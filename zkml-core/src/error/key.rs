//! What is wrong with a verifying key. The texts stand here; each part of the argument has an enum of its own.

use thiserror::Error;

use crate::untrusted::NameError;

use super::{
    CircuitError, CodeError, LookupError, OpeningError, PackingError, RecursionError, ReductionError,
    SumcheckError,
};

/// Why a verifying key is unusable.
#[derive(Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Its network makes no circuit, or its columns have impossible shapes.
    #[error("{0}")]
    Circuit(#[from] CircuitError),
    /// Its code is out of range.
    #[error("commitment code: {0}")]
    Code(#[from] CodeError),
    /// Its levels make no recursion.
    #[error("recursion: {0}")]
    Recursion(#[from] RecursionError),
    /// Its columns make no matrix.
    #[error("packing: {0}")]
    Packing(#[from] PackingError),
    /// Its matrices and claims make no opening.
    #[error("opening: {0}")]
    Opening(#[from] OpeningError),
    /// Its lookups and tables do not fit each other.
    #[error("{0}")]
    Lookup(#[from] LookupError),
    /// A sumcheck of its circuit is impossible.
    #[error("{0}")]
    Sumcheck(#[from] SumcheckError),
    /// The claims on its columns cannot be reduced.
    #[error("{0}")]
    Reduction(#[from] ReductionError),
    /// Its weights key is unusable, or not one of its network.
    #[error("{0}")]
    Weights(#[from] WeightsKeyError),
    /// Its proofs would be too large to write down or to verify.
    #[error("{0}")]
    Sizes(#[from] SizesError),
    /// Its proofs show too little.
    #[error("the argument has {bits:.1} bits of soundness, at least {least} are asked for")]
    Insecure {
        /// Bits that it has.
        bits: f64,
        /// Bits that it must have.
        least: f64,
    },
    /// It was not made by rotating the other key.
    #[error("it does not replace the other key: {0}")]
    Rotation(#[from] RotationError),
}

/// What is wrong with a weights key.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WeightsKeyError {
    /// More columns than any model has.
    #[error("weights: expected at most {most} columns, found {found}")]
    ColumnCount {
        /// The most.
        most: usize,
        /// Columns of the key.
        found: usize,
    },
    /// The name of a column cannot be shown to people.
    #[error("weights: name of column {column}: {error}")]
    Name {
        /// Number of the column.
        column: usize,
        /// What is wrong with it.
        error: NameError,
    },
    /// The commitments are to another number of rows than the columns fill.
    #[error("weight commitment: expected {expected} rows, found {found}")]
    Rows {
        /// Rows that the columns fill.
        expected: usize,
        /// Rows of the commitments.
        found: usize,
    },
    /// No commitment, or too many.
    #[error("weight commitments: expected 1 to {most}, found {found}")]
    Commitments {
        /// The most.
        most: usize,
        /// Commitments of the key.
        found: usize,
    },
    /// Public weights with several commitments, or with a budget of openings.
    #[error(
        "weight commitments: public weights have one commitment and any number of openings, found {commitments} \
         commitments of {openings} openings"
    )]
    PublicOpenings {
        /// Commitments of the key.
        commitments: usize,
        /// Openings of each; 0 is any number.
        openings: u32,
    },
    /// The openings of private weights do not suffice.
    #[error(
        "weight commitments: expected room for a proof and {reserve} rotations, found {commitments} commitments of \
         {openings} openings, one of them for the setup proof"
    )]
    Budget {
        /// Openings that are kept for rotations.
        reserve: u64,
        /// Commitments of the key.
        commitments: usize,
        /// Openings of each.
        openings: u32,
    },
    /// The code has no room for the randomness of all openings.
    #[error("commitment code: expected a tail of {expected} for {queries} columns an opening, found {found}")]
    Tail {
        /// Random coefficients that the openings use up.
        expected: usize,
        /// Columns that an opening shows.
        queries: usize,
        /// The tail of the code.
        found: usize,
    },
    /// The columns stand in rows of their own here, and share rows there.
    #[error(
        "weights: each column: the network has {}, the weights key {}",
        rows(*expected),
        rows(!*expected)
    )]
    Unpacked {
        /// Whether each column of the network has rows of its own; the key says the opposite.
        expected: bool,
    },
    /// The network has another number of parameter columns.
    #[error("weights: columns: the network has {expected}, the weights key {found}")]
    OtherColumnCount {
        /// Columns of the network.
        expected: usize,
        /// Columns of the key.
        found: usize,
    },
    /// The network has another parameter column at this place.
    #[error("weights: column {column}: the network has {expected}, the weights key {found}")]
    OtherColumn {
        /// Number of the column.
        column: usize,
        /// Name and shape in the network.
        expected: String,
        /// Name and shape in the key.
        found: String,
    },
    /// The stored rows of a proving key are not those of its circuit.
    #[error("weights: column `{column}`: the rows are not those of the circuit")]
    OtherRows {
        /// Name of the column.
        column: String,
    },
    /// Nothing shows that the commitments hold weights.
    #[error("no setup proof: nothing shows that its weights are what it says")]
    NoSetupProof,
}

/// How columns stand in rows.
fn rows(unpacked: bool) -> &'static str {
    match unpacked {
        true => "rows of its own",
        false => "shared rows",
    }
}

/// Which size of a key is out of bounds.
#[derive(Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum SizesError {
    /// The opened columns alone show too little.
    #[error("the opened columns give {bits:.1} bits of soundness, at least {least} are asked for")]
    QueryBits {
        /// Bits that they give.
        bits: f64,
        /// Bits that they must give.
        least: f64,
    },
    /// Verification would not end in reasonable time.
    #[error(
        "circuit and code: verifying them would take up to {found} multiplications, at most {most} are allowed"
    )]
    Work {
        /// Multiplications, at most.
        found: u64,
        /// How many are allowed.
        most: u64,
    },
    /// The verifier would compute too much with hidden values.
    #[error("the argument computes too much with hidden values: at most {most} operations are allowed")]
    Tape {
        /// Operations that are allowed.
        most: usize,
    },
    /// A proof would be too large.
    #[error(
        "matrices of {trace_rows} rows, and {weight_rows} of weights: a proof would have about {found} bytes, more \
         than {most}"
    )]
    ProofBytes {
        /// Rows that a proof commits to.
        trace_rows: usize,
        /// Rows of weights, in all copies.
        weight_rows: usize,
        /// Bytes of the proof, about.
        found: usize,
        /// How many are allowed.
        most: u64,
    },
    /// The lookups do not fit in the chunks that there may be.
    #[error("lookups: expected at most {most} chunks")]
    Chunks {
        /// How many there may be.
        most: usize,
    },
    /// The codeword is too long for the verifier's memory.
    #[error("codeword length: expected at most 2^{most}, found 2^{found}")]
    LogCodeword {
        /// The most, `log2`.
        most: u32,
        /// The length, `log2`.
        found: u32,
    },
    /// The row combination is too long to be sent.
    #[error("row combination: expected at most {most} elements without a recursion, found {found}")]
    Combination {
        /// The most.
        most: usize,
        /// Its elements.
        found: usize,
    },
    /// The rows of the trace are too long for the verifier's memory.
    #[error("rows of the trace: expected at most {most} elements, found {found}")]
    NarrowRow {
        /// The most.
        most: usize,
        /// Elements of a row.
        found: usize,
    },
    /// The setup proof would open too many claims.
    #[error(
        "circuit of {columns} columns: the setup proof would open {found} claims on {commitments} commitments, at \
         most {most} are allowed"
    )]
    CopiedClaims {
        /// Columns of the circuit.
        columns: usize,
        /// Commitments to the weights.
        commitments: usize,
        /// Claims on all of them.
        found: usize,
        /// How many are allowed.
        most: usize,
    },
}

/// Why a key does not replace another.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RotationError {
    /// No key stands before it.
    #[error("it was not made by rotation")]
    NotRotated,
    /// It opens a commitment that the other key does not have.
    #[error("it was made from a key with other commitments")]
    OtherCommitments,
    /// The networks differ.
    #[error("the network is another: {place}: {what}: {left} here, {right} there")]
    Network {
        /// Node, parameter or part of the first difference.
        place: String,
        /// What of it.
        what: &'static str,
        /// What this key has.
        left: String,
        /// What the other key has.
        right: String,
    },
    /// The keys hide different things.
    #[error("what is private is another")]
    Privacy,
    /// The tensors of weights differ.
    #[error("the columns of weights are others")]
    Columns,
    /// The codes differ.
    #[error("the code is another")]
    Code,
}

crate::debug_as_display!(KeyError, WeightsKeyError, SizesError, RotationError);
