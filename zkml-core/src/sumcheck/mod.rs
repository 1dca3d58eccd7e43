//! The sumcheck protocol, batched over instances of different size.
//!
//! Statement of instance `i`: a polynomial `f_i` in `n_i` variables, of degree at most `d_i` in each, has
//! `sum_{x in {0,1}^{n_i}} f_i(x) = c_i`. All instances run together, for `n = max n_i` rounds, and end at one
//! common point `r`; instance `i` ends at the last `n_i` coordinates of `r`, its *suffix* `r_i`.
//!
//! An instance with `n_i < n` is read as `2^(n_i - n) f_i`, constant in its first `n - n_i` variables: its sum over the
//! whole cube is still `c_i`. In round `k = 0, 1, ..` before it starts it adds the constant `c_i 2^-(k+1)` to the round
//! polynomial. The powers of two end up in the coefficients of [`Reduced`], so that a caller checks
//! `sum_i coefficients[i] f_i(r_i) = value` and nothing else.
//!
//! Transcript, with `L` the caller's label (the claims `c_i` are bound to the transcript by the caller):
//!
//! 1. if there are two or more instances, one independent challenge `rho_i` each (`L`); a single one has `rho = 1`;
//! 2. in each round: the evaluations of the batched round polynomial at `0, 2, 3, .., D` as one message of `D`
//!    scalars (`L`), where `D` is the largest degree among the instances that have started (at least 1);
//!    then the challenge (`L`).
//!
//! The evaluation at 1 is not sent: it is the running claim minus the one at 0. Hence no round has a check of
//! its own, and any false message shows in the caller's final equation.
//!
//! Reference: Lund, Fortnow, Karloff, Nisan 1992; batching as in Thaler, *Proofs, Arguments, and
//! Zero-Knowledge*, section 4; details in `docs/protocol/sumcheck.md`.

#[cfg(feature = "prover")]
mod evaluations;
#[cfg(feature = "prover")]
mod product;
#[cfg(feature = "prover")]
mod prover;
mod round;
mod verifier;

#[cfg(test)]
#[cfg(feature = "prover")]
pub(crate) mod testing;
#[cfg(test)]
#[cfg(feature = "prover")]
mod tests;

#[cfg(feature = "prover")]
pub use evaluations::{Evaluation, Evaluations, Table};
#[cfg(feature = "prover")]
pub use product::{EqProduct, Product};
#[cfg(feature = "prover")]
pub use prover::{Instance, RoundEvaluations, prove_batched};
pub use round::MAX_DEGREE;
pub use verifier::{Reduced, Shape, verify_batched};
