//! A recursive argument for a public vector: it need not be sent if it is long.
//!
//! Statement: `u` in `K^N` satisfies `<u, w_i> = v_i` for a list of [functionals](Functional) `w_i`. Each
//! is a tensor over the bits of the index,
//!
//! ```text
//! w[x] = prod_k (bit k of x ? b_k : a_k),      x < N
//! ```
//!
//! Example: with bits 0 and 1, `w[2] = a_0 b_1`.
//!
//! A *level* holds `u_l` of length `N_l` as a matrix of `R_l = N_l / M_l` rows over `K`, `M_l = 2^m_l`. The rows are
//! encoded with the [circle code](super::code) (an element of `K` is two rows over `F`), and a tree over the columns
//! commits to them. With `k = ceil(log2 R_l)` the rows are those of the cube `{0,1}^k`; rows that do not exist are 0,
//! in the weights too. Transcript order:
//!
//! 1. [`commit`]: the root of level 1 (`recursion.root`), or without levels `u` itself (`opening.combination`). The
//!    caller then draws the challenges on which the functionals depend, and absorbs messages from which the values `v_i`
//!    follow.
//! 2. [`prove`], for each level `l`:
//!    1. coefficients `lambda_i` (`recursion.batch`), one for each *new* claim; the running claim of the level before
//!       has coefficient 1. The claims become one: `<u_l, W> = v`;
//!    2. `k` rounds of sumcheck over the row variables, the most significant first. In each round the prover sends the
//!       constant and the quadratic coefficient of the round polynomial; with long codewords proof of work follows
//!       (`recursion.rows.grind`), then comes the challenge of the round (`recursion.rows`). The rounds end at `r`. The
//!       next vector is `u_{l+1} = sum_a eq(r, a) row_a`, of length `M_l`, and
//!       `<u_{l+1}, sum_a eq(r, a) W_a> = v'` is the running claim;
//!    3. the root of level `l + 1` (`recursion.root`), or after the last level `u_{l+1}` itself (`recursion.message`);
//!    4. proof of work (`recursion.grind`), `t_l` positions (`recursion.positions`), the columns there
//!       (`recursion.columns`) and the missing nodes of the tree (`recursion.path`). Each column `j` is a new claim
//!       `<u_{l+1}, b_.(P_j)> = sum_a eq(r, a) column_j[a]`.
//!
//! Checks: `recursion.merkle` (each root), and at the end, on the message in the clear, `recursion.inner_product` (the
//! running claim) and `opening.column` (the claims that are new there, one by one; without levels all claims).
//!
//! Nothing here is hidden: `u` must be public or masked.
//!
//! - [`parameters`], [`choose`]: the shape of the levels; [`functional`]: claims; [`soundness`];
//! - `level`, `dual`, `prover`: the prover's; [`verifier`].
//!
//! References: Ligerito (ePrint 2025/1187), proximity gaps of tensors within unique decoding (Diamond-Gruen, ePrint
//! 2024/1351, on BCIKS20). See `docs/protocol/recursion.md`.

pub mod choose;
mod dual;
pub mod functional;
mod level;
pub mod parameters;
mod prover;
pub mod soundness;
pub mod verifier;

#[cfg(test)]
#[cfg(feature = "prover")]
mod tests;

#[cfg(feature = "prover")]
pub(crate) use choose::RecursionPlanner;
pub use choose::{RecursionCost, RecursionGoal};
pub(crate) use choose::{expected_path_nodes, most_path_nodes};
pub use functional::Functional;
pub use parameters::RecursionParameters;
#[cfg(feature = "prover")]
pub use prover::{Committed, commit, prove};
pub use verifier::{Vector, read_vector, verify};
