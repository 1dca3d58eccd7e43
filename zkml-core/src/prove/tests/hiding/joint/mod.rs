//! All that verifiers see in the life of a key, taken together, has one distribution for all secrets.
//!
//! For fixed challenges the view of all proofs (scalars, row combinations, answers, opened cells) is an affine function
//! of the prover's randomness `r`, which is uniform:
//!
//! ```text
//! view(r) = A_w r + b_w,      w = weights and input
//! ```
//!
//! So it is uniform on a coset of the image of `A_w`, and two witnesses look alike exactly if their cosets are equal:
//! the images are, and `b_1 - b_2` lies in them. This is decided by exact elimination over F, on views that the prover's
//! own code makes. An image is spanned by the differences of as many views with fresh randomness as its rank says: three
//! more that add nothing show that all was seen, but for a chance of 2^-183.
//!
//! Randomness that one proof draws for itself changes the view of this proof alone. It is divided out first, and then
//! little is left for what several proofs share: tails of weights, and of tensors that two proofs are about.
//!
//! That views are affine is tested along random lines. Challenges come from a [tape], since a transcript's would change
//! with the messages: a random oracle gives the same challenges whatever the secrets are. The keys are too small to be
//! sound, which hiding does not ask for.

mod life;
mod sizes;
mod span;
mod tape;
mod tests;

use ark_ff::AdditiveGroup;
use rayon::prelude::*;

use crate::field::M61;
use life::{Life, Sample};
use span::{Span, difference};

/// Views that add nothing before an image counts as complete.
const IDLE: usize = 3;

/// The joint view of one witness: a coset.
struct View {
    base: Vec<Vec<M61>>,
    /// What the own randomness of each proof does.
    own: Vec<Span>,
    /// What shared randomness adds to that.
    shared: Span,
}

impl View {
    fn look(life: &Life<'_>) -> Self {
        let base = Sample::default();
        let mut view = Self {
            base: life.views(base),
            own: (0..life.proofs()).map(|_| Span::default()).collect(),
            shared: Span::default(),
        };
        let weights = life.weights(base);
        let own = (0..life.proofs()).into_par_iter().map(|index| {
            grown(&view.base[index], |own| {
                let sample = Sample { own, ..base };
                life::view(&life.prove(index, sample, &weights, false).0)
            })
        });
        view.own = own.collect();
        let zero = view.left(&view.base);
        view.shared = grown(&zero, |shared| view.left(&life.views(Sample { shared, ..base })));
        view
    }

    /// What is left of the difference to the base after the own randomness of proofs.
    fn left(&self, views: &[Vec<M61>]) -> Vec<M61> {
        let parts = self.own.iter().zip(views.iter().zip(&self.base));
        parts
            .flat_map(|(own, (view, base))| own.reduce(difference(view, base)))
            .collect()
    }

    fn rank(&self) -> usize {
        self.own.iter().map(Span::rank).sum::<usize>() + self.shared.rank()
    }

    /// The length of a view.
    fn words(&self) -> usize {
        self.base.iter().map(Vec::len).sum()
    }

    /// Whether these views are in the coset. Another coset of which [`IDLE`] random elements are in this one lies in it,
    /// but for a chance of 2^-183.
    fn holds(&self, views: &[Vec<Vec<M61>>]) -> bool {
        views.iter().all(|views| {
            let left = self.shared.reduce(self.left(views));
            left.iter().all(|value| *value == M61::ZERO)
        })
    }
}

/// Random views of a witness.
fn random_views(life: &Life<'_>) -> Vec<Vec<Vec<M61>>> {
    let sample = |index: u64| Sample {
        own: u64::MAX - index,
        shared: u64::MAX - index,
        along: 0,
    };
    (0..IDLE as u64).map(|index| life.views(sample(index))).collect()
}

/// The span of all differences of samples to `base`; sample 0 is the base.
fn grown(base: &[M61], sample: impl Fn(u64) -> Vec<M61> + Sync) -> Span {
    let mut span = Span::default();
    let mut idle = 0;
    let mut next = 1;
    while idle < IDLE {
        let batch: Vec<_> = (next..next + 32).into_par_iter().map(&sample).collect();
        next += 32;
        for view in batch {
            match span.insert(difference(&view, base)) {
                true => idle = 0,
                false => idle += 1,
            }
        }
    }
    span
}
