//! Layers of trees of fractions.

use core::mem::MaybeUninit;

use rayon::prelude::*;

use super::{collect, halves, kernels};
use crate::field::K;
use crate::field::kernels::backend::{Backend, Kind, dispatch};
use crate::field::kernels::lengths::common;
use crate::field::kernels::parallel::for_chunks_of_two;

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

impl Backend {
    /// The lower levels of a tree of fractions whose leaves are computed group by group and never stored, as numerators
    /// and denominators. A level adds the halves inside each group; it has `groups` groups, and the levels are those of
    /// groups of `cells / 2` fractions (only if `keep_first`), `cells / 4`, .. and `last`.
    ///
    /// `denominators(group, out)` fills `out` with the denominators of a group, and `numerators(group, out)` with the
    /// numerators, or it returns false if all of them are 1.
    pub fn fraction_groups_of(
        self,
        [groups, cells, last]: [usize; 3],
        keep_first: bool,
        numerators: impl Fn(usize, &mut [K]) -> bool + Sync,
        denominators: impl Fn(usize, &mut [K]) + Sync,
    ) -> Vec<(Vec<K>, Vec<K>)> {
        let lengths = core::iter::successors(Some(cells / 2), |length| Some(length / 2));
        let lengths = lengths.take_while(|length| *length >= last.max(1));
        let lengths: Vec<usize> = lengths.skip(usize::from(!keep_first)).collect();
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
        let first = if keep_first { 0 } else { cells };
        let buffers = || (vec![K::default(); 2 * cells], vec![MaybeUninit::uninit(); first]);
        of_groups
            .into_par_iter()
            .enumerate()
            .for_each_init(buffers, |(leaves, first), (group, outs)| {
                let (p, q) = leaves.split_at_mut(cells);
                denominators(group, q);
                let mut units = !numerators(group, p);
                let (mut p, mut q): (&[K], &[K]) = (p, q);
                let half = first.len() / 2;
                let (first_p, first_q) = first.split_at_mut(half);
                let scratch = (!first_p.is_empty()).then_some((first_p, first_q));
                for (p_out, q_out) in scratch.into_iter().chain(outs) {
                    let q_in = halves(q, q_out.len());
                    if units {
                        dispatch!(self, unit_fraction_layer(q_in, p_out, q_out));
                    } else {
                        dispatch!(self, fraction_layer(halves(p, q_out.len()), q_in, p_out, q_out));
                    }
                    units = false;
                    // SAFETY: both kernels write every element of their outputs.
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
