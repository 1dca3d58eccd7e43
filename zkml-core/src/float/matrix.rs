//! A matrix that rows are multiplied with.

use rayon::prelude::*;

use super::{LANES, ROWS, Strips, Tile, multiply_add};
use crate::field::kernels::Backend;

/// Rows that a task multiplies, so that their copy stays in the first-level cache.
const TASK_ROWS: usize = 8 * ROWS;

/// Multiply-adds of a task, about.
const TASK_WORK: usize = 1 << 20;

/// A matrix `[inner, outputs]`, laid out in panels of [`LANES`] outputs: `y[o] = start[o] + sum_k x[k] m[k][o]`.
#[derive(Debug, Clone)]
pub struct Matrix {
    outputs: usize,
    /// Panel by panel; in a panel [`LANES`] values for each `k`, zeros where there is no output.
    panels: Vec<f32>,
    strips: Strips,
}

/// The first output of a task, its rows, and its parts of their results.
type Part<'a> = (usize, &'a [&'a [f32]], Vec<&'a mut [f32]>);

impl Matrix {
    /// The matrix of the values `value(k, o)`.
    pub fn new(inner: usize, outputs: usize, value: impl Fn(usize, usize) -> f32 + Sync) -> Self {
        let mut panels = vec![0f32; outputs.div_ceil(LANES) * inner * LANES];
        if inner > 0 {
            let panels = panels.par_chunks_exact_mut(inner * LANES).enumerate();
            panels.for_each(|(panel, values)| {
                let first = panel * LANES;
                // Some cache lines at a time, which stay near while one output after the other is written to them.
                for (block, values) in values.chunks_mut(LANES * LANES).enumerate() {
                    for lane in 0..LANES.min(outputs - first) {
                        let lanes = values.iter_mut().skip(lane).step_by(LANES).enumerate();
                        lanes.for_each(|(k, to)| *to = value(block * LANES + k, first + lane));
                    }
                }
            });
        }
        Self {
            outputs,
            panels,
            strips: Strips::consecutive(inner),
        }
    }

    /// Rows of the matrix, the values of an operand.
    pub fn inner(&self) -> usize {
        self.strips.count()
    }

    /// Columns, the values of a result.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Multiplies each of `rows` with the matrix and writes the sums, which start at `start` (zeros if there is none),
    /// to `results`: as many slices of [`Self::outputs`] values.
    ///
    /// # Panics
    /// Rows, starts or results of another size.
    pub fn multiply(
        &self,
        backend: Backend,
        rows: &[&[f32]],
        start: Option<&[f32]>,
        results: Vec<&mut [f32]>,
    ) {
        assert_eq!(rows.len(), results.len(), "a result for each row");
        assert!(
            start.is_none_or(|start| start.len() == self.outputs),
            "a start for each output"
        );
        if self.outputs == 0 {
            return;
        }
        // A task has some rows and some panels: the parts of the results that are its own.
        let inner = self.strips.count();
        let width = TASK_WORK
            .div_ceil(TASK_ROWS.min(rows.len().max(1)) * inner.max(1))
            .next_multiple_of(LANES)
            .min(self.outputs);
        let mut tasks: Vec<Part<'_>> = Vec::new();
        let mut results = results.into_iter();
        for rows in rows.chunks(TASK_ROWS) {
            let first = tasks.len();
            let parts = (0..self.outputs).step_by(width);
            tasks.extend(parts.map(|output| (output, rows, Vec::with_capacity(rows.len()))));
            for result in results.by_ref().take(rows.len()) {
                assert_eq!(result.len(), self.outputs, "a value for each output");
                let parts = result.chunks_mut(width);
                tasks[first..]
                    .iter_mut()
                    .zip(parts)
                    .for_each(|(task, part)| task.2.push(part));
            }
        }
        let run = |(output, rows, results)| self.task(backend, (rows, start), output, results);
        if tasks.len() == 1 || rayon::current_num_threads() == 1 {
            tasks.into_iter().for_each(run);
        } else {
            tasks.into_par_iter().for_each(run);
        }
    }

    /// Some rows with the panels from output `output` on: all that the results have values for.
    fn task(
        &self,
        backend: Backend,
        (rows, start): (&[&[f32]], Option<&[f32]>),
        output: usize,
        mut results: Vec<&mut [f32]>,
    ) {
        let inner = self.strips.count();
        let columns = results.first().map_or(0, |result| result.len());
        // The values of up to `ROWS` rows side by side.
        let mut left = vec![0f32; ROWS * inner];
        let blocks = rows.chunks(ROWS).zip(results.chunks_mut(ROWS));
        for (rows, results) in blocks {
            let left = &mut left[..rows.len() * inner];
            for (row, values) in rows.iter().enumerate() {
                assert_eq!(values.len(), inner, "a value for each row of the matrix");
                let places = left.iter_mut().skip(row).step_by(rows.len());
                places.zip(*values).for_each(|(to, from)| *to = *from);
            }
            for first in (0..columns).step_by(LANES) {
                let lanes = LANES.min(columns - first);
                let mut sums: Tile = [[0f32; LANES]; ROWS];
                if let Some(start) = start {
                    let start = &start[output + first..][..lanes];
                    sums.iter_mut()
                        .for_each(|sums| sums[..lanes].copy_from_slice(start));
                }
                let panel = &self.panels[(output + first) * inner..][..LANES * inner];
                multiply_add(backend, rows.len(), left, (panel, &self.strips), &mut sums);
                for (result, sums) in results.iter_mut().zip(&sums) {
                    result[first..][..lanes].copy_from_slice(&sums[..lanes]);
                }
            }
        }
    }
}
