//! The seed of a proof: [hedged](crate::secret::Hedge) with all that its challenges follow from.
//!
//! Two answers `m + xi d` and `m + xi' d` with one pad give it away, and so do two values under one pad. A copy of a
//! virtual machine, or a snapshot taken up twice, may get the same bytes from the operating system twice. So the seed
//! also depends on everything that decides what is sent and what is asked. Where any of that differs, pads differ; where
//! nothing does, both proofs are the same bytes: the prover makes no other choice, and takes the smallest nonces.
//!
//! Items, after the bytes of the operating system:
//!
//! ```text
//! protocol | version of this program | label, bytes of each binding | opening | private and public input | linked root
//! ```
//!
//! The bindings name network, weights (by their roots), instance, opening, public values and context. A commitment that
//! is taken over from another proof has tails and padding that the input does not tell, but its root does.

use zeroize::Zeroizing;

use crate::argument::{Statement, Trace, bindings};
use crate::keys::{ProveError, Secret};
use crate::secret::{Seed, os_bytes};

/// The circumstances of a proof that neither its statement nor its trace knows.
pub(crate) struct Occasion<'a> {
    /// The number of the opening of the weights; 0 for a setup proof.
    pub(crate) opening: u64,
    /// What the verifier asked for.
    pub(crate) context: &'a [u8],
    /// The root of the input's commitment, if another proof has made it.
    pub(crate) linked: Option<[u8; 32]>,
}

/// The randomness of a trace: hedged if the statement hides anything, else the public seed.
pub(crate) fn trace_seed(
    secret: &Secret,
    statement: &Statement<'_>,
    trace: &Trace<'_>,
    occasion: &Occasion<'_>,
) -> Result<Seed, ProveError> {
    Ok(match statement.masking {
        Some(_) => hedged(&*os_bytes()?, secret, statement, trace, occasion),
        None => Seed::PUBLIC,
    })
}

/// The seed that follows from these bytes of the operating system.
pub(super) fn hedged(
    os: &[u8; 32],
    secret: &Secret,
    statement: &Statement<'_>,
    trace: &Trace<'_>,
    occasion: &Occasion<'_>,
) -> Seed {
    let mut hedge = secret.hedge(os);
    hedge.item(statement.protocol().as_bytes());
    hedge.item(env!("CARGO_PKG_VERSION").as_bytes());
    for (label, bytes) in bindings(statement, &trace.public, occasion.opening, occasion.context) {
        hedge.item(label.as_bytes());
        hedge.item(&bytes);
    }
    hedge.item(&occasion.opening.to_le_bytes());
    let integers = trace.answer.input.iter();
    let input: Zeroizing<Vec<u8>> = Zeroizing::new(integers.flat_map(|value| value.to_le_bytes()).collect());
    hedge.item(&input);
    hedge.item(occasion.linked.as_ref().map_or(&[], |root| root.as_slice()));
    hedge.seed()
}
