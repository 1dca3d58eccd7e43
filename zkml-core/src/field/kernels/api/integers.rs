//! Products of int8 matrices, and the rescaling of integers.

use super::kernels;
use crate::field::K;
use crate::field::kernels::backend::{Backend, Kind, dispatch};
use crate::field::kernels::int8::{self, PackedMatrix, Patches};
use crate::field::kernels::limb;
use crate::field::kernels::panels::{self, LimbPanels};

kernels! {
    /// The combination of int8 rows: `out[j] = sum_a coefficients[a] rows[a * row_length + j]`, `row_length`
    /// elements. Rows without a coefficient, and coefficients without a full row, do not count.
    fn fold_rows_i8(self, rows: &[i8], row_length: usize, coefficients: &[K]) -> Vec<K> {
        limb::fold_rows(self, rows, row_length, coefficients)
    }

    /// The inner product of each int8 row with `vector`: `out[a] = sum_j rows[a * row_length + j] vector[j]`,
    /// one element for each full row.
    fn rows_dot_i8(self, rows: &[i8], row_length: usize, vector: &[K]) -> Vec<K> {
        limb::rows_dot(self, rows, row_length, vector)
    }

    /// The inner product of each int8 row with each vector: `out[a * vectors + v] = sum_j rows[a * length + j]
    /// vector_v[j]`, where rows are as long as the vectors.
    ///
    /// # Panics
    /// If `out` has no element for each row and vector.
    fn rows_times_panels(self, rows: &[i8], panels: &LimbPanels, out: &mut [K]) {
        panels::multiply(self, rows, panels, out);
    }

    /// The product of an int8 matrix with every patch, `[output, position]`, exact if no sum of absolute values
    /// reaches `2^31`.
    ///
    /// # Panics
    /// If the patches have another number of segments than the matrix, or leave the data.
    fn multiply_patches(self, weights: &PackedMatrix, patches: Patches<'_>) -> Vec<i32> {
        int8::multiply(self, weights, patches)
    }

    /// `out[i] = floor((x[i] multiplier + 2^(shift - 1)) / 2^shift)` for `shift >= 1`, modulo `2^64`. Returns the
    /// smallest and the largest of 0 and the results.
    fn rescale_integers(self, x: &[i64], multiplier: i64, shift: u32, out: &mut [i64]) -> (i64, i64) {
        dispatch!(self, int8::rescale(x, multiplier, shift, out))
    }
}
