//! The polynomial commitment: matrices over `F` committed by a Merkle tree over their encoded columns.
//!
//! Statement of an opening: given are matrices with roots `root_m`, encoded row by row with one [circle code](code).
//! Every [claim](mod@claim) holds for the committed rows:
//!
//! ```text
//! v_i = sum_a sum_j eq(high_i, a) eq(low_i, j) row_{m_i, first_i + a}[j]
//! ```
//!
//! A row of a [narrow](RowCode) matrix counts as a message with gaps. The roots were sent and the points drawn before.
//! Then, on the transcript:
//!
//! 1. merge: batching coefficients `rho_i` (`opening.batch`), then one sumcheck (`opening.merge`) of `sum_s <s, W_s>`
//!    over the [groups](plan) of claims. With `f = sum_a eq(high, a) row_a`, claims on one `f` have `s = f` and
//!    `W_s = sum_i rho_i eq(low_i)`, claims at one point `s = sum_i rho_i f_i` and `W_s = eq(low)`. It ends at `z`. Then
//!    the value `y_s = <s, eq(z)>` of each sum (`opening.values`). Without claims `z` is drawn (`opening.merge`);
//! 2. combination:
//!    - proof of work (`opening.proximity.grind`), then coefficients `delta_a` (`opening.proximity`): one for each row
//!      of each matrix with a claim or a mask, one for both parts of a row over `K`, none for the mask. The prover
//!      sends the value `y = <f, eq(z)>` of `f = sum_a delta_a row_a` over all these rows (`opening.proximity`);
//!    - proof of work (`opening.combine.grind`), then coefficients `gamma_s` (`opening.combine`), the last one for this
//!      `f`. The prover sends all `L + tail` coordinates of `u = sum_s gamma_s s` (`opening.combination`), or if
//!      [`recursive`] has levels the commitment to `u` and `<u, eq(z)>` (`opening.product`);
//! 3. positions: proof of work (`opening.grind`), with a closing check the coefficients of its answers
//!    (`opening.join`), and `t` positions (`opening.positions`);
//! 4. columns, for each of these matrices, of its symbols at these positions, each once: salts (`opening.salt`), cells
//!    (`opening.columns`), and the missing nodes of the tree (`opening.path`);
//! 5. the recursion shows the inner product of `u` if that was sent, and its codeword at the positions.
//!
//! Checks: `opening.merge` (the sumcheck's last equation), `opening.inner_product` (`<u, eq(z)> = sum_s gamma_s y_s`),
//! `opening.merkle` (each root), `opening.column` (`Enc(u)[j]` is the same combination of column `j`).
//!
//! - [`circle`], [`code`]: the code; [`merkle`] and [`hash`]: the tree; [`packing`]: columns of all sizes in
//!   one matrix;
//! - [`scheme`]: what the argument asks of all this; [`claim`], [`plan`], `weights`: what is claimed, and of which
//!   rows;
//! - `oracle`: what an opening asks of the prover's data; `rows`, `matrix`, `opened`, `columns`, `encode`: that data in
//!   memory;
//! - `prover`, `merge`, [`verifier`]; [`soundness`];
//! - [`recursive`]: an argument for the row combination, which may be too long to be sent.
//!
//! References: Ligero (ePrint 2022/1608), circle codes (2024/278), proximity gaps within unique decoding (BCIKS20,
//! 2020/654). See `docs/protocol/commitment.md`.

pub mod circle;
pub mod claim;
pub mod code;
mod columns;
mod encode;
pub mod error;
pub mod hash;
pub mod matrix;
mod merge;
pub mod merkle;
mod opened;
pub mod oracle;
pub mod packing;
pub mod plan;
pub mod prover;
pub mod recursive;
pub mod rows;
pub mod scheme;
pub mod soundness;
pub mod stored;
pub mod verifier;
mod weights;

#[cfg(test)]
#[cfg(feature = "prover")]
pub(crate) mod testing;
#[cfg(test)]
#[cfg(feature = "prover")]
mod tests;

pub use claim::{Claim, ClaimPoint, Commitment, ExtensionRow, MaskRows, Matrix};
pub use code::{CircleCode, CodeParameters, MIN_DIGEST_BYTES, RowCode, TARGET_BITS};
#[cfg(feature = "prover")]
pub use error::PcsError;
#[cfg(feature = "prover")]
pub use matrix::CommittedMatrix;
#[cfg(feature = "prover")]
pub use oracle::{MatrixOracle, PartialMerge};
pub use packing::{Packing, Slot};
#[cfg(feature = "prover")]
pub use prover::{Opened, prove_columns, prove_combination, prove_opening};
pub use recursive::RecursionParameters;
pub(crate) use recursive::most_path_nodes;
#[cfg(feature = "prover")]
pub use rows::{Keep, Rows, Tails, Uncommitted};
pub use scheme::{CircleLigero, CommitmentScheme, Scheme};
pub use stored::{Extent, StoredRows};
pub use verifier::{Combination, Message, verify_columns, verify_combination, verify_opening};
