//! The seam between the argument and the commitment.
//!
//! ```text
//! reduction ──▶  claims: column blocks of committed matrices have these values at these points
//!                mask:   the rows that hide what an opening says
//! commitment ─▶  commit, prove and verify the claims, the error terms of that, how many rows a mask takes
//! ```
//!
//! An opening has two halves. The first ends with a message that must agree with the committed data at places that are
//! not drawn yet; its values are scalars of the channel, which zero knowledge hides under pads. Between the halves zero
//! knowledge closes its own check, and adds messages of its own. The second half confirms all these messages at random
//! places.
//!
//! See `docs/decisions/0015-seam-under-the-argument.md`.

#[cfg(feature = "prover")]
use super::claim::Claim;
use super::claim::{ClaimPoint, Commitment, ExtensionRow, MaskRows};
use super::code::CodeParameters;
#[cfg(feature = "prover")]
use super::error::PcsError;
#[cfg(feature = "prover")]
use super::matrix::CommittedMatrix;
#[cfg(feature = "prover")]
use super::oracle::MatrixOracle;
#[cfg(feature = "prover")]
use super::prover::{Opened, prove_columns, prove_combination};
use super::recursive::RecursionParameters;
use super::recursive::soundness::recursion_terms;
#[cfg(feature = "prover")]
use super::rows::Uncommitted;
use super::soundness::opening_terms;
use super::verifier::{Combination, Message, verify_columns, verify_combination};
use crate::field::K;
use crate::transcript::ErrorTerm;
#[cfg(feature = "prover")]
use crate::transcript::ProverChannel;
use crate::transcript::{VerifierChannel, VerifyError};

/// A polynomial commitment, as the argument uses it.
pub trait CommitmentScheme {
    /// Public parameters, from the verifying key.
    type Parameters<'p>: Copy;

    /// What stands for a matrix in keys and transcripts.
    type Commitment;

    /// A message that must agree with committed data at places that are not drawn yet.
    type Message;

    /// What the prover keeps between the halves of an opening.
    #[cfg(feature = "prover")]
    type Opened;

    /// A committed matrix in the memory of this process.
    #[cfg(feature = "prover")]
    type Matrix;

    /// Every way in which a false claim passes, with `-log2` of its probability.
    ///
    /// `masked`: whether there is a mask, and messages besides the opening's own.
    fn soundness_terms(parameters: Self::Parameters<'_>, masked: bool) -> Vec<ErrorTerm>;

    /// Rows over `K` of the trace that hide what one opening says.
    fn mask_rows(parameters: Self::Parameters<'_>) -> usize;

    /// The message that consists of `values`, a row with its random coefficients. The prover claims that it is
    /// `sum factor row` over committed rows over `K`.
    fn rows_message(
        parameters: Self::Parameters<'_>,
        values: Vec<K>,
        rows: Vec<(ExtensionRow, K)>,
    ) -> Self::Message;

    /// The first half of the verifier.
    ///
    /// # Errors
    /// [`VerifyError`], naming the check that failed.
    fn verify_claims<C: VerifierChannel + ?Sized>(
        channel: &mut C,
        parameters: Self::Parameters<'_>,
        commitments: &[Self::Commitment],
        claims: &[(ClaimPoint, C::Scalar)],
        mask: Option<MaskRows>,
    ) -> Result<Self::Message, VerifyError>;

    /// The second half: each of `messages` agrees with the committed data at random places. The opening's own comes
    /// first.
    ///
    /// # Errors
    /// [`VerifyError`], naming the check that failed.
    fn verify_messages<C: VerifierChannel + ?Sized>(
        channel: &mut C,
        parameters: Self::Parameters<'_>,
        commitments: &[Self::Commitment],
        messages: Vec<Self::Message>,
    ) -> Result<(), VerifyError>;

    /// Commits in the memory of this process.
    ///
    /// # Errors
    /// [`PcsError::Shape`] where the cells do not make whole rows.
    #[cfg(feature = "prover")]
    fn commit(data: Uncommitted) -> Result<Self::Matrix, PcsError>;

    /// The first half of the prover, on matrices wherever they are.
    ///
    /// # Errors
    /// [`PcsError`]: claims that do not fit, a matrix that cannot be read.
    #[cfg(feature = "prover")]
    fn prove_claims<M: MatrixOracle>(
        channel: &mut (impl ProverChannel + ?Sized),
        parameters: Self::Parameters<'_>,
        matrices: &[&M],
        claims: &[Claim],
        mask: Option<MaskRows>,
    ) -> Result<Self::Opened, PcsError>;

    /// The second half, for `messages` messages.
    ///
    /// # Errors
    /// [`PcsError`]: a matrix that cannot be read.
    #[cfg(feature = "prover")]
    fn prove_messages<M: MatrixOracle>(
        channel: &mut (impl ProverChannel + ?Sized),
        parameters: Self::Parameters<'_>,
        matrices: &[&M],
        opened: Self::Opened,
        messages: usize,
    ) -> Result<(), PcsError>;
}

/// Rows under a circle code with a Merkle tree over columns; row combinations that are long are committed in turn.
#[derive(Debug, Clone, Copy)]
pub struct CircleLigero;

/// The commitment of this version of the protocol.
pub type Scheme = CircleLigero;

impl CommitmentScheme for CircleLigero {
    type Parameters<'p> = (&'p CodeParameters, &'p RecursionParameters);
    type Commitment = Commitment;
    type Message = Combination;
    #[cfg(feature = "prover")]
    type Opened = Opened;
    #[cfg(feature = "prover")]
    type Matrix = CommittedMatrix;

    fn soundness_terms((code, recursion): Self::Parameters<'_>, masked: bool) -> Vec<ErrorTerm> {
        let mut terms = opening_terms(code, masked);
        terms.extend(recursion_terms(recursion, code.message_length()));
        terms
    }

    fn mask_rows((code, _): Self::Parameters<'_>) -> usize {
        code.stride()
    }

    fn rows_message(_: Self::Parameters<'_>, values: Vec<K>, rows: Vec<(ExtensionRow, K)>) -> Combination {
        Combination {
            message: Message::Narrow(values, rows),
            weights: Vec::new(),
            mask: None,
        }
    }

    fn verify_claims<C: VerifierChannel + ?Sized>(
        channel: &mut C,
        parameters: Self::Parameters<'_>,
        commitments: &[Commitment],
        claims: &[(ClaimPoint, C::Scalar)],
        mask: Option<MaskRows>,
    ) -> Result<Combination, VerifyError> {
        verify_combination(channel, parameters, commitments, claims, mask)
    }

    fn verify_messages<C: VerifierChannel + ?Sized>(
        channel: &mut C,
        parameters: Self::Parameters<'_>,
        commitments: &[Commitment],
        messages: Vec<Combination>,
    ) -> Result<(), VerifyError> {
        verify_columns(channel, parameters, commitments, messages)
    }

    #[cfg(feature = "prover")]
    fn commit(data: Uncommitted) -> Result<CommittedMatrix, PcsError> {
        let Uncommitted {
            rows,
            code,
            seed,
            tails,
            keep,
        } = data;
        CommittedMatrix::commit_with(rows, code, seed, tails, keep)
    }

    #[cfg(feature = "prover")]
    fn prove_claims<M: MatrixOracle>(
        channel: &mut (impl ProverChannel + ?Sized),
        parameters: Self::Parameters<'_>,
        matrices: &[&M],
        claims: &[Claim],
        mask: Option<MaskRows>,
    ) -> Result<Opened, PcsError> {
        prove_combination(channel, parameters, matrices, claims, mask)
    }

    #[cfg(feature = "prover")]
    fn prove_messages<M: MatrixOracle>(
        channel: &mut (impl ProverChannel + ?Sized),
        parameters: Self::Parameters<'_>,
        matrices: &[&M],
        opened: Opened,
        messages: usize,
    ) -> Result<(), PcsError> {
        prove_columns(channel, parameters, matrices, opened, messages)
    }
}
