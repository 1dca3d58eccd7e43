//! The argument without a proof: every message is 0, every check passes, challenges are only distinct.
//!
//! It tells which claims an honest proof leaves to be opened, hence what the opening's soundness rests on.

use super::{Statement, claims_to_open};
use crate::field::{K, M61};
use crate::pcs::ClaimPoint;
use crate::transcript::{Check, VerifierChannel, VerifyError};

/// The points that any proof of the statement opens, with placeholder challenges.
///
/// # Errors
/// [`VerifyError::Key`] for a circuit whose claims cannot be reduced or multiply without end.
pub(super) fn opening_points(statement: &Statement<'_>) -> Result<Vec<ClaimPoint>, VerifyError> {
    let mut channel = DryRun { drawn: 0 };
    let claims = claims_to_open(&mut channel, statement, &|_, _| K::from(0u64))?;
    Ok(claims.into_iter().map(|(point, _)| point).collect())
}

struct DryRun {
    drawn: u64,
}

impl VerifierChannel for DryRun {
    type Scalar = K;

    fn read_scalars(&mut self, _: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        Ok(vec![K::from(0u64); count])
    }

    fn read_extension(&mut self, _: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        Ok(vec![K::from(0u64); count])
    }

    fn read_base(&mut self, _: &'static str, count: usize) -> Result<Vec<M61>, VerifyError> {
        Ok(vec![M61::from(0u64); count])
    }

    fn read_digest(&mut self, _: &'static str) -> Result<[u8; 32], VerifyError> {
        Ok([0; 32])
    }

    fn challenge(&mut self, _: &'static str) -> K {
        self.drawn = self.drawn.wrapping_add(1);
        // Distinct, and no small integers, so that no weight the walk divides by is 0.
        let mixed = self.drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        K::new(M61::from(mixed), M61::from(self.drawn))
    }

    fn positions(&mut self, _: &'static str, count: usize, _: usize) -> Vec<usize> {
        (0..count).collect()
    }

    fn grind(&mut self, _: &'static str, _: u32) -> Result<(), VerifyError> {
        Ok(())
    }

    fn constrain_zero(&mut self, _: Check<'_>, _: K) -> Result<(), VerifyError> {
        Ok(())
    }

    fn constrain_quadratic(&mut self, _: Check<'_>, _: &[(K, &K, &K)], _: K) -> Result<(), VerifyError> {
        Ok(())
    }
}
