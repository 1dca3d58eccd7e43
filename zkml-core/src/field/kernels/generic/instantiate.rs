//! The list of kernels, as each instruction set compiles them.

/// Instantiates every kernel for one vector type, compiled with the given target features. `$custom` replaces
/// the generic loop where an instruction set has a better one.
macro_rules! instantiate {
    ($vector:ty $(, $feature:literal)*) => {
        $crate::field::kernels::generic::instantiate!(@functions $vector, [$($feature),*],
            fold_halves(low: &mut [K], high: &[K], r: K);
            fold_base_halves(out: &mut [MaybeUninit<K>], low: &[M61], high: &[M61], r: K);
            add_scaled(acc: &mut [K], c: K, x: &[K]);
            add_scaled_base(acc: &mut [K], c: K, x: &[M61]);
            scale(values: &mut [K], c: K);
            combine_base(out: &mut [MaybeUninit<K>], rows: &[M61], stride: usize, weights: &[K]);
            multiply(acc: &mut [K], x: &[K]);
            eq_double(low: &mut [K], high: &mut [MaybeUninit<K>], r: K);
            fraction_layer(p_in: (&[K], &[K]), q_in: (&[K], &[K]), p: &mut [MaybeUninit<K>], q: &mut [MaybeUninit<K>]);
            butterfly(low: &mut [M61], high: &mut [M61], t: M61);
            butterfly_pairs(values: &mut [M61], half: usize, twiddles: &[M61]);
            butterfly_quads(values: &mut [M61], quarter: usize, outer: &[M61], inner: &[M61], last: bool);
            butterfly_quad(from: [&[M61]; 4], to: [&mut [MaybeUninit<M61>]; 4], factors: [&M61; 3], last: bool);
            butterfly_transposed(low: &mut [K], high: &mut [K], t: M61);
            multiples(out: &mut [K], x: &[K], t: M61);
            add_to(acc: &mut [K], x: &[K]);
            product_ends(a: (&[K], &[K]), b: (&[K], &[K])) -> [K; 2];
            dot(a: &[K], b: &[K]) -> [K; 1];
            dot_base(a: &[M61], b: &[K]) -> [K; 1];
            dot_small(x: &[u32], b: &[K]) -> [K; 1];
            narrow(column: &[M61], minimum: M61, out: &mut [MaybeUninit<u32>]) -> bool;
            small_level(leaves: &SmallLeaves, third: bool, p: &mut [MaybeUninit<K>], q: &mut [MaybeUninit<K>]);
            small_leaf_grid(leaves: &SmallLeaves, lambda: K, eq: &[K]) -> [K; 9];
            small_leaf_fold(leaves: &SmallLeaves, lambda: K, eq: &[K; 4], u0: &mut [MaybeUninit<K>], u1: &mut [MaybeUninit<K>]);
            small_pair_grid(leaves: &SmallLeaves, lambda: K, eq: &[K]) -> [K; 9];
            small_pair_fold(leaves: &SmallLeaves, lambda: K, eq: &[K; 4], p: &mut [MaybeUninit<K>], q: &mut [MaybeUninit<K>]);
            product_round(a: (&[K], &[K]), b: (&[K], &[K])) -> [K; 2];
            eq_product_round(e: (&[K], &[K]), a: (&[K], &[K]), b: (&[K], &[K])) -> [K; 3];
            fraction_round(eq: &[K], tables: [(&[K], &[K]); 4]) -> [K; 2];
            weighted_product_round(eq: &[K], a: (&[K], &[K]), b: (&[K], &[K])) -> [K; 2];
            unit_fraction_layer(q_in: (&[K], &[K]), p: &mut [MaybeUninit<K>], q: &mut [MaybeUninit<K>]);
        );
    };
    (@functions $vector:ty, $features:tt, $($name:ident($($arg:ident: $type:ty),*) $(-> $out:ty)?;)*) => {
        $( $crate::field::kernels::generic::instantiate!(@one $vector, $features,
            $name($($arg: $type),*) $(-> $out)?); )*
    };
    (@one $vector:ty, [$($feature:literal),*], $name:ident($($arg:ident: $type:ty),*) $(-> $out:ty)?) => {
        $(#[target_feature(enable = $feature)])*
        pub(super) fn $name($($arg: $type),*) $(-> $out)? {
            use $crate::field::kernels::generic;
            // SAFETY: this function is compiled for, and can only be reached with, the instruction set.
            unsafe { generic::$name::<$vector>($($arg),*) }
        }
    };
}

pub(in crate::field::kernels) use instantiate;
