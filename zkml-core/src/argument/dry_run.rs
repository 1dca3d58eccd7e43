//! The argument without a proof: every message is 0, every check passes, challenges are only distinct.
//!
//! It finds the size of the tape, and so the pads that zero knowledge needs, and the claims of each sumcheck. Without
//! zero knowledge there is no tape, but the same limit.

use super::{Statement, claims_to_open};
use crate::field::encoding::{K_BYTES, packed_length};
use crate::field::{K, M61};
use crate::masking::{Form, Masking, Tape, TapeSize};
use crate::pcs::{Commitment, CommitmentScheme, Scheme};
use crate::transcript::{Check, Quadratic, VerifierChannel, VerifyError};

/// The size of every proof of a statement: all that is computed with hidden values.
pub(crate) struct Walk {
    /// Hidden scalars, what is computed with them, and checks.
    pub(crate) tape: TapeSize,
    /// The batched sumchecks of the reduction, in their order.
    pub(crate) stages: Vec<Stage>,
    /// Bytes of the messages.
    pub(crate) bytes: usize,
}

/// The batched sumcheck of one depth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stage {
    /// Claims that are batched.
    pub claims: usize,
    /// Rounds of the sumcheck.
    pub rounds: usize,
    /// The degrees of all rounds' polynomials, added up.
    pub degrees: usize,
}

/// Bytes of the nonce of a proof of work.
pub(super) const NONCE_BYTES: usize = 8;

/// Label of messages, challenges and check of a depth.
const STAGE: &str = "reduce.stage";

/// Walks through the argument up to the row combination.
///
/// # Errors
/// [`VerifyError::Key`] for a circuit whose claims cannot be reduced or multiply without end, or whose tape is too
/// long.
pub(crate) fn walk(statement: &Statement<'_>) -> Result<Walk, VerifyError> {
    let tape = Tape::default();
    let mut channel = DryRun {
        tape: &tape,
        drawn: 0,
        stages: Vec::new(),
        stage: Stage::default(),
        bytes: 0,
    };
    let claims = claims_to_open(&mut channel, statement, &|_, _| K::from(0u64))?;
    let root = [0; 32];
    let weights = Commitment {
        root,
        rows: statement.weights.rows,
        log_stride: 0,
    };
    let mut commitments = vec![statement.trace_commitment(root)];
    commitments.extend((0..statement.weight_copies()).map(|_| weights));
    commitments.extend(statement.separate.iter().map(|tensors| tensors.commitment(root)));
    let mask = statement.masking.as_ref().map(Masking::opening_mask);
    Scheme::verify_claims(&mut channel, statement.key.opening(), &commitments, &claims, mask)?;
    Ok(Walk {
        tape: tape.size()?,
        stages: channel.stages,
        bytes: channel.bytes,
    })
}

struct DryRun<'t> {
    tape: &'t Tape,
    drawn: u64,
    stages: Vec<Stage>,
    /// The depth that is reduced.
    stage: Stage,
    /// Bytes that a proof would have had up to here.
    bytes: usize,
}

impl DryRun<'_> {
    fn count(&mut self, elements: usize, size: usize) {
        self.bytes = self.bytes.saturating_add(elements.saturating_mul(size));
    }
}

impl<'t> VerifierChannel for DryRun<'t> {
    type Scalar = Form<'t>;

    fn read_scalars(&mut self, label: &'static str, count: usize) -> Result<Vec<Form<'t>>, VerifyError> {
        if label == STAGE {
            // A round's polynomial of degree `count`.
            self.stage.rounds = self.stage.rounds.saturating_add(1);
            self.stage.degrees = self.stage.degrees.saturating_add(count);
        }
        self.count(count, K_BYTES);
        self.tape.scalars(&vec![K::from(0u64); count])
    }

    fn read_extension(&mut self, _: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        self.count(count, K_BYTES);
        Ok(vec![K::from(0u64); count])
    }

    fn read_base(&mut self, _: &'static str, count: usize) -> Result<Vec<M61>, VerifyError> {
        self.count(packed_length(count), 1);
        Ok(vec![M61::from(0u64); count])
    }

    fn read_digest(&mut self, _: &'static str) -> Result<[u8; 32], VerifyError> {
        self.count(1, 32);
        Ok([0; 32])
    }

    fn read_node(&mut self, _: &'static str, bytes: usize) -> Result<[u8; 32], VerifyError> {
        self.count(1, bytes);
        Ok([0; 32])
    }

    fn challenge(&mut self, label: &'static str) -> K {
        if label == STAGE && self.stage.rounds == 0 {
            // A coefficient of the batch: one for each claim, none for a single claim.
            self.stage.claims = self.stage.claims.saturating_add(1);
        }
        self.drawn = self.drawn.wrapping_add(1);
        // Distinct, and no small integers, so that no weight the walk divides by is 0.
        let mixed = self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        K::new(M61::from(mixed), M61::from(self.drawn))
    }

    fn positions(&mut self, _: &'static str, count: usize, _: usize) -> Vec<usize> {
        (0..count).collect()
    }

    fn grind(&mut self, _: &'static str, bits: u32) -> Result<(), VerifyError> {
        self.count(usize::from(bits > 0), NONCE_BYTES);
        Ok(())
    }

    fn constrain_quadratic(
        &mut self,
        check: Check<'_>,
        sum: Quadratic<'_, Form<'t>>,
    ) -> Result<(), VerifyError> {
        if check.name == STAGE {
            let mut stage = core::mem::take(&mut self.stage);
            stage.claims = stage.claims.max(1);
            self.stages.push(stage);
        }
        self.tape.state(check, sum)
    }
}
