//! Layers of trees of fractions.

use core::mem::MaybeUninit;
use std::borrow::Cow;

use rayon::prelude::*;

use super::{collect, halves, kernels};
use crate::field::K;
use crate::field::kernels::backend::{Backend, Kind, dispatch};
use crate::field::kernels::lengths::common;
use crate::field::kernels::parallel::for_chunks_of_two;
use crate::field::kernels::small::SmallLeaves;

kernels! {
    /// One layer of a tree of fractions: the halves are added as fractions,
    /// `p[i]/q[i] + p[i + h]/q[i + h] = (p[i] q[i + h] + p[i + h] q[i]) / (q[i] q[i + h])`.
    /// Numerators and denominators of the sums, `h` of each.
    fn fraction_layer(self, p: &[K], q: &[K]) -> (Vec<K>, Vec<K>) {
        let half = common([p.len(), q.len()]) / 2;
        let (p, q) = (halves(p, half), halves(q, half));
        collect_two(half, |out_p, out_q| {
            for_chunks_of_two(out_p, out_q, |range, out_p, out_q| {
                let p = (&p.0[range.clone()], &p.1[range.clone()]);
                let q = (&q.0[range.clone()], &q.1[range]);
                dispatch!(self, fraction_layer(p, q, out_p, out_q))
            });
        })
    }
}

/// The fractions below the lowest level of a group that is wanted.
#[derive(Clone)]
pub enum Below<'a> {
    /// Leaves three levels below it.
    Small(&'a SmallLeaves),
    /// Numerators and denominators of the level just below it; without numerators all of them are 1.
    Fractions(Option<Cow<'a, [K]>>, Cow<'a, [K]>),
}

impl Backend {
    /// Levels of a tree of fractions, as numerators and denominators, computed group by group. A level adds the halves
    /// inside each group. There are `groups` groups, and the levels are those of groups of `length` fractions,
    /// `length / 2`, .. and `last`. `below` has what is below the first of them.
    ///
    /// # Panics
    /// If the group that `below` gives has another length.
    pub fn fraction_groups_of<'a>(
        self,
        [groups, length, last]: [usize; 3],
        below: impl Fn(usize) -> Below<'a> + Sync,
    ) -> Vec<(Vec<K>, Vec<K>)> {
        let lengths = core::iter::successors(Some(length), |length| Some(length / 2));
        let lengths: Vec<usize> = lengths.take_while(|length| *length >= last.max(1)).collect();
        let vector = |length: &usize| Vec::with_capacity(groups * length);
        let mut levels: Vec<(Vec<K>, Vec<K>)> = lengths.iter().map(|l| (vector(l), vector(l))).collect();

        let parts = levels.iter_mut().zip(&lengths).map(|((p, q), length)| {
            let p = p.spare_capacity_mut()[..groups * length].chunks_exact_mut(*length);
            p.zip(q.spare_capacity_mut()[..groups * length].chunks_exact_mut(*length))
        });
        let mut parts: Vec<_> = parts.collect();
        let of_groups: Vec<Vec<_>> = (0..groups)
            .map(|_| parts.iter_mut().filter_map(Iterator::next).collect())
            .collect();
        of_groups.into_par_iter().enumerate().for_each(|(group, outs)| {
            let mut outs = outs.into_iter();
            let Some((p, q)) = outs.next() else { return };
            match below(group) {
                Below::Small(leaves) => dispatch!(self, small_level(leaves, true, p, q)),
                Below::Fractions(numerators, denominators) => {
                    assert!(denominators.len() == 2 * length, "a group has one length");
                    let q_in = halves(&denominators, length);
                    match numerators {
                        Some(numerators) => {
                            dispatch!(self, fraction_layer(halves(&numerators, length), q_in, p, q));
                        }
                        None => dispatch!(self, unit_fraction_layer(q_in, p, q)),
                    }
                }
            }
            // SAFETY: the kernels write every element of their outputs.
            let (mut p, mut q) = unsafe { (written(p), written(q)) };
            for (p_out, q_out) in outs {
                let half = q_out.len();
                dispatch!(
                    self,
                    fraction_layer(halves(p, half), halves(q, half), p_out, q_out)
                );
                // SAFETY: as above.
                (p, q) = unsafe { (written(p_out), written(q_out)) };
            }
        });
        for ((p, q), length) in levels.iter_mut().zip(lengths) {
            // SAFETY: every group has been written, as above.
            unsafe {
                p.set_len(groups * length);
                q.set_len(groups * length);
            }
        }
        levels
    }
}

/// The elements of `slice`.
///
/// # Safety
/// All of them have been written.
unsafe fn written(slice: &[MaybeUninit<K>]) -> &[K] {
    // SAFETY: the caller says so, and the layout is the same.
    unsafe { core::slice::from_raw_parts(slice.as_ptr().cast(), slice.len()) }
}

/// Two vectors of `length` elements, all written by `fill`.
fn collect_two(
    length: usize,
    fill: impl FnOnce(&mut [MaybeUninit<K>], &mut [MaybeUninit<K>]),
) -> (Vec<K>, Vec<K>) {
    let mut second = Vec::new();
    let first = collect(length, |first| {
        second = collect(length, |second| fill(first, second));
    });
    (first, second)
}
