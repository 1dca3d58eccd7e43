//! The product with patches in plain integer code.

use super::super::int8::{self, BLOCK, QUAD, Task, for_tiles};

/// See `int8::multiply`.
pub(in super::super) fn multiply(task: &Task<'_>, out: &mut [i32]) {
    for_tiles(task, 1, out, |positions, out| {
        out.fill(0);
        let Some(position) = positions.first() else {
            return;
        };
        let quads = task.patches.segments.iter().flat_map(|segment| {
            let data = &task.patches.data[position + segment..][..task.quads * QUAD];
            data.chunks_exact(QUAD)
        });
        for (bytes, lines) in quads.zip(task.lines.chunks_exact(task.blocks)) {
            for (line, sums) in lines.iter().zip(out.chunks_exact_mut(BLOCK)) {
                for (weights, sum) in line.0.chunks_exact(QUAD).zip(sums) {
                    let products = weights
                        .iter()
                        .zip(bytes)
                        .map(|(w, x)| i32::from(*w) * i32::from(*x));
                    *sum += products.sum::<i32>();
                }
            }
        }
    });
}

/// See `int8::rescale`.
pub(in super::super) fn rescale(x: &[i64], multiplier: i64, shift: u32, out: &mut [i64]) -> (i64, i64) {
    int8::rescale(x, multiplier, shift, out)
}
