//! The quadratic extension `K = F[i] / (i^2 + 1)`, about `2^122` elements: where challenges live.

use ark_ff::{Fp2, Fp2Config, SmallFp};

use super::{M61, P};

/// An element `c0 + c1 i` of `K`.
pub type K = Fp2<KConfig>;

/// `K` as ark-ff wants it: the non-residue is -1, because `p = 3 mod 4`.
pub struct KConfig;

impl Fp2Config for KConfig {
    type Fp = M61;
    const NONRESIDUE: M61 = SmallFp::from_raw(P - 1);
    const FROBENIUS_COEFF_FP2_C1: &[M61] = &[SmallFp::from_raw(1), SmallFp::from_raw(P - 1)];
}

// The kernels read slices of `K` as interleaved pairs of 64-bit words.
const _: () = assert!(size_of::<K>() == 16 && align_of::<K>() == 8);
const _: () = assert!(core::mem::offset_of!(K, c0) == 0 && core::mem::offset_of!(K, c1) == 8);
