//! Layers of trees of fractions: the halves of a layer are added as fractions.

use core::mem::MaybeUninit;

use super::declare::map_kernel;
use super::operands::{Halves, Operand};
use super::walk::{Map, run};
use crate::field::K;
use crate::field::kernels::lengths::common;
use crate::field::kernels::vector::{Pair, Vector};

map_kernel! {
    /// `p = p_low q_high + p_high q_low`, `q = q_low q_high`; writes every element of both.
    fn fraction_layer<'a>(
        p_in: Halves<'a>,
        q_in: Halves<'a>,
        p: &'a mut [MaybeUninit<K>],
        q: &'a mut [MaybeUninit<K>],
    ) |V, i| {
        let (q_low, q_high) = (q_in.low.pair::<V>(i), q_in.high.pair::<V>(i));
        let cross = V::mac_pair(Pair { re: V::no_sum(), im: V::no_sum() }, p_in.low.pair(i), q_high);
        let cross = V::mac_pair(cross, p_in.high.pair(i), q_low);
        p.put(i, Pair { re: V::reduce(cross.re), im: V::reduce(cross.im) });
        q.put(i, V::mul_pair(q_low, q_high));
    }
}

map_kernel! {
    /// [`fraction_layer`] of numerators 1: `p = q_low + q_high`, `q = q_low q_high`; writes every element of both.
    fn unit_fraction_layer<'a>(
        q_in: Halves<'a>,
        p: &'a mut [MaybeUninit<K>],
        q: &'a mut [MaybeUninit<K>],
    ) |V, i| {
        let (q_low, q_high) = (q_in.low.pair::<V>(i), q_in.high.pair::<V>(i));
        p.put(i, q_low.add(q_high));
        q.put(i, V::mul_pair(q_low, q_high));
    }
}
