//! The kernels as the rest of the crate calls them.

mod codes;
mod fractions;
mod hashing;
mod integers;
mod rounds;
mod small;
mod tables;

use core::mem::MaybeUninit;

use crate::field::{K, M61};

pub use codes::*;
pub use fractions::*;
pub use hashing::*;
pub use integers::*;
pub use rounds::*;
pub use small::*;
pub use tables::*;

/// Declares the kernels as methods of [`Backend`] and as free functions on [`Backend::best`].
macro_rules! kernels {
    ($(
        $(#[$doc:meta])*
        fn $name:ident($self:ident $(, $argument:ident: $type:ty)* $(,)?) $(-> $out:ty)? $body:block
    )*) => {
        impl Backend {
            $( $(#[$doc])* pub fn $name($self $(, $argument: $type)*) $(-> $out)? $body )*
        }
        $( $(#[$doc])* #[inline] pub fn $name($($argument: $type),*) $(-> $out)? {
            Backend::best().$name($($argument),*)
        } )*
    };
}

use kernels;

/// The little-endian words of `values`, as in `field::encoding`; `out` takes 8 bytes for each.
#[inline]
pub fn write_words(values: &[M61], out: &mut [u8]) {
    assert_eq!(out.len(), 8 * values.len());
    if cfg!(target_endian = "little") {
        // SAFETY: an element is a word (asserted where it is defined), `out` has as many bytes, and both are borrowed.
        unsafe { core::ptr::copy_nonoverlapping(values.as_ptr().cast(), out.as_mut_ptr(), out.len()) };
    } else {
        for (bytes, value) in out.chunks_exact_mut(8).zip(values) {
            bytes.copy_from_slice(&value.value.to_le_bytes());
        }
    }
}

/// The first `2 half` elements as two halves.
fn halves(table: &[K], half: usize) -> (&[K], &[K]) {
    (&table[..half], &table[half..2 * half])
}

/// A vector of `length` elements, all written by `fill`.
fn collect<T>(length: usize, fill: impl FnOnce(&mut [MaybeUninit<T>])) -> Vec<T> {
    let mut out = Vec::with_capacity(length);
    fill(&mut out.spare_capacity_mut()[..length]);
    // SAFETY: the kernels that are used as `fill` write every element of their output.
    unsafe { out.set_len(length) };
    out
}
