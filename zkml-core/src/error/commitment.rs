//! What is wrong with the code of a key, and with what is committed and opened with it.

use thiserror::Error;

/// Which parameter of a code is out of range.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodeError {
    /// Rows too long, or of one cell.
    #[error("log_row is {found}, expected 1 to {most}")]
    LogRow {
        /// The parameter.
        found: u32,
        /// The most.
        most: u32,
    },
    /// More randomness than data.
    #[error("tail is {found}, expected at most {most}")]
    Tail {
        /// The parameter.
        found: usize,
        /// Data coefficients of a row.
        most: usize,
    },
    /// The tail cannot be split among narrow rows.
    #[error("tail is {found}, expected a multiple of {stride}")]
    TailStride {
        /// The parameter.
        found: usize,
        /// The stride of narrow rows.
        stride: usize,
    },
    /// The tail has less room than the randomness needs.
    #[error("a tail of {found}, expected room for {expected} random coefficients")]
    ShortTail {
        /// The tail.
        found: usize,
        /// Random coefficients of a row.
        expected: usize,
    },
    /// A codeword too long, or no longer than the message.
    #[error("log_codeword is {found}, expected at most {most} and more than {points} points")]
    LogCodeword {
        /// The parameter.
        found: u32,
        /// The most.
        most: u32,
        /// Points that the message takes up.
        points: usize,
    },
    /// Narrow rows without a variable, or of too large a stride.
    #[error("log_stride is {found}, expected less than {log_row} and at most {most}")]
    LogStride {
        /// The parameter.
        found: u32,
        /// `log2` of the data coefficients in a row.
        log_row: u32,
        /// The most.
        most: u32,
    },
    /// No opened column, or more than there are.
    #[error("queries is {found}, expected 1 to {most}")]
    Queries {
        /// The parameter.
        found: usize,
        /// The most.
        most: usize,
    },
    /// Nodes of trees that are too short, or longer than a hash.
    #[error("digest_bytes is {found}, expected {least} to {most}")]
    DigestBytes {
        /// The parameter.
        found: u32,
        /// The least.
        least: u32,
        /// The most.
        most: u32,
    },
    /// More proof of work than a prover can do.
    #[error("grinding_bits is {found}, expected at most {most}")]
    GrindingBits {
        /// The parameter.
        found: u32,
        /// The most.
        most: u32,
    },
}

/// What is wrong with a recursion. Levels count from 0.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RecursionError {
    /// The code of a level is out of range.
    #[error("level {level}: {error}")]
    Code {
        /// The level.
        level: usize,
        /// Which parameter.
        error: CodeError,
    },
    /// A level has a tail.
    #[error("level {level}: tail is {found}, expected 0")]
    Tail {
        /// The level.
        level: usize,
        /// Its tail.
        found: usize,
    },
    /// A level has narrow rows.
    #[error("level {level}: log_stride is {found}, expected 0")]
    LogStride {
        /// The level.
        level: usize,
        /// Its stride, `log2`.
        found: u32,
    },
    /// The rows of a level do not make up its vector, or it has one row.
    #[error("level {level}: rows of {row}, expected two or more that make up {length} elements")]
    Rows {
        /// The level.
        level: usize,
        /// Elements of a row.
        row: usize,
        /// Elements of the vector.
        length: usize,
    },
    /// The committed vector is none of the code.
    #[error("{found} elements are committed, the code has {expected}")]
    Length {
        /// Elements that are committed.
        found: usize,
        /// Elements of a message of the code.
        expected: usize,
    },
    /// A claim is on vectors of another code.
    #[error("claim {claim} does not fit the code")]
    Claim {
        /// Number of the claim.
        claim: usize,
    },
}

/// Why columns make no matrix.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PackingError {
    /// More cells than addresses.
    #[error("the matrix is larger than the address space")]
    TooLarge,
    /// A point of another column.
    #[error("a claim has {found} coordinates, its column {expected} variables")]
    Coordinates {
        /// Coordinates of the point.
        found: usize,
        /// Variables of the column.
        expected: usize,
    },
}

/// Why matrices, claims and mask make no opening.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OpeningError {
    /// Rows of a stride that the code does not have.
    #[error("matrix {matrix} has rows of stride 2^{found}, expected 1 or 2^{expected}")]
    Stride {
        /// Number of the matrix.
        matrix: usize,
        /// Its stride, `log2`.
        found: u32,
        /// The stride of the code, `log2`.
        expected: u32,
    },
    /// The mask is in a matrix that is not there.
    #[error("the mask is in matrix {found}, expected one of {matrices}")]
    MaskMatrix {
        /// Number of the matrix.
        found: usize,
        /// How many there are.
        matrices: usize,
    },
    /// The mask has another number of rows than make up a message.
    #[error("a mask of {found} rows in a matrix of stride 2^{log_stride}")]
    MaskStride {
        /// Rows of the mask.
        found: usize,
        /// Stride of the matrix, `log2`.
        log_stride: u32,
    },
    /// The mask ends after its matrix.
    #[error("the mask from row {first} on reaches beyond its matrix of {rows} rows")]
    MaskBeyond {
        /// First row of the mask.
        first: usize,
        /// Rows of the matrix.
        rows: usize,
    },
    /// The rows before the mask are no pairs.
    #[error("rows {first} to {mask} before the mask are no pairs")]
    MaskPairs {
        /// First row of the pairs.
        first: usize,
        /// First row of the mask.
        mask: usize,
    },
    /// A claim does not fit.
    #[error("claim {claim}: {error}")]
    Claim {
        /// Number of the claim.
        claim: usize,
        /// Why.
        error: ClaimError,
    },
}

/// Why a claim does not fit the matrices.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// It is on a matrix that is not there.
    #[error("matrix {found}, expected one of {matrices}")]
    Matrix {
        /// Number of the matrix.
        found: usize,
        /// How many there are.
        matrices: usize,
    },
    /// The point in the row has the wrong number of coordinates.
    #[error("a point in the row of {found} coordinates, expected {expected}")]
    Low {
        /// Coordinates of the point.
        found: usize,
        /// Variables of a row.
        expected: usize,
    },
    /// The point in a narrow row leaves the row's places.
    #[error("the point in a narrow row does not end in zeros")]
    NarrowRow,
    /// The point over the rows has the wrong number of coordinates.
    #[error("a point over the rows of {found} coordinates, expected {expected}")]
    High {
        /// Coordinates of the point.
        found: usize,
        /// Variables of the column's rows.
        expected: usize,
    },
    /// Its rows end after the matrix.
    #[error("{count} rows from row {first} on reach beyond the matrix of {rows} rows")]
    Rows {
        /// First row.
        first: usize,
        /// How many there are.
        count: usize,
        /// Rows of the matrix.
        rows: usize,
    },
    /// One challenge stands for two row variables.
    #[error("a challenge is the coordinate of two row variables")]
    RepeatedChallenge,
}

crate::debug_as_display!(CodeError, RecursionError, PackingError, OpeningError, ClaimError);
