//! The declaration of a kernel: its signature, and its step on the vectors of type `V` at index `i`.
//!
//! ```ignore
//! map_kernel! {
//!     /// `acc *= x`.
//!     fn multiply<'a>(acc: &'a mut [K], x: &'a [K]) |V, i| {
//!         acc.put(i, V::mul_pair(acc.pair(i), x.pair(i)));
//!     }
//! }
//! ```
//!
//! declares `unsafe fn multiply<V: Vector>(acc: &mut [K], x: &[K])`. The arguments must have a common length; of longer
//! slices the first elements count. The caller vouches for the instruction set of `V`.

/// A kernel whose step writes the elements at its index.
macro_rules! map_kernel {
    (
        $(#[$doc:meta])*
        fn $name:ident<$life:lifetime>($($operand:ident: $type:ty),* $(,)?) |$v:ident, $index:ident| $step:block
    ) => {
        $(#[$doc])*
        #[inline(always)]
        pub(in crate::field::kernels) unsafe fn $name<$life, V: Vector>($($operand: $type),*) {
            struct Kernel<$life> { $($operand: <$type as Operand>::Seen),* }
            impl Map for Kernel<'_> {
                #[inline(always)]
                unsafe fn step<$v: Vector>(&self, $index: usize) {
                    let &Self { $($operand),* } = self;
                    // SAFETY: the caller vouches for the index and the instruction set.
                    unsafe { $step }
                }
            }
            let length = common([$($operand.length()),*]);
            let kernel = Kernel { $($operand: $operand.seen()),* };
            // SAFETY: the caller vouches for the instruction set; all operands have `length` elements.
            unsafe { run::<V>(length, kernel) }
        }
    };
}

/// A kernel whose step adds products to sums.
macro_rules! fold_kernel {
    (
        $(#[$doc:meta])*
        fn $name:ident<$life:lifetime>($($operand:ident: $type:ty),* $(,)?) -> [K; $count:literal]
        |$v:ident, $index:ident, $sums:ident| $step:block
    ) => {
        $(#[$doc])*
        #[inline(always)]
        pub(in crate::field::kernels) unsafe fn $name<$life, V: Vector>($($operand: $type),*) -> [K; $count] {
            struct Kernel<$life> { $($operand: <$type as Operand>::Seen),* }
            impl Fold<$count> for Kernel<'_> {
                #[inline(always)]
                unsafe fn step<$v: Vector>(&self, $index: usize, $sums: &mut [Pair<$v::Sum>; $count]) {
                    let &Self { $($operand),* } = self;
                    // SAFETY: the caller vouches for the index and the instruction set.
                    unsafe { $step }
                }
            }
            let length = common([$($operand.length()),*]);
            let kernel = Kernel { $($operand: $operand.seen()),* };
            // SAFETY: the caller vouches for the instruction set; all operands have `length` elements.
            unsafe { sum::<V, $count>(length, kernel) }
        }
    };
}

pub(super) use {fold_kernel, map_kernel};
