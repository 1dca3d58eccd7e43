//! Rescaling: `v = floor((x m + 2^(s-1)) / 2^s)`, then the table.

use ndarray::{ArrayD, Dimension};
use rayon::prelude::*;

use super::{ExecutionError, PARALLEL_CELLS};
use crate::field::kernels;
use crate::graph::{Int, IntOp, Node};

/// The table's results, and the values they were looked up at.
pub(crate) fn rescale(
    node: &Node<Int>,
    x: &ArrayD<i64>,
) -> Result<(ArrayD<i64>, ArrayD<i64>), ExecutionError> {
    let inconsistent = || ExecutionError::Inconsistent {
        layer: node.name.clone(),
    };
    let IntOp::Rescale {
        multipliers,
        axis,
        shift,
        table,
    } = &node.op
    else {
        return Err(inconsistent());
    };
    let shape = x.shape();
    let inner: usize = shape.get(axis + 1..).ok_or_else(inconsistent)?.iter().product();
    let source = x.as_slice().ok_or_else(inconsistent)?;
    let domain = 1i64 << table.domain_bits;
    if inner == 0 || multipliers.is_empty() {
        return Err(inconsistent());
    }
    let cells = table.cells().map_err(|error| ExecutionError::Table {
        layer: node.name.clone(),
        error,
    })?;
    let (mut before, mut after) = (vec![0i64; source.len()], vec![0i64; source.len()]);
    let blocks = source.par_chunks(inner).zip(before.par_chunks_mut(inner));
    let fits = blocks
        .zip(after.par_chunks_mut(inner))
        .enumerate()
        .with_min_len(PARALLEL_CELLS.div_ceil(inner))
        .map(|(index, ((x, before), after))| {
            let multiplier = multipliers[index % multipliers.len()];
            let (least, most) = kernels::rescale_integers(x, multiplier, *shift, before);
            cells.look_up(before, after) && -domain <= least && most < domain
        })
        .reduce(|| true, |a, b| a && b);
    let tensor = |values| ArrayD::from_shape_vec(shape, values).map_err(|_| inconsistent());
    let before = tensor(before)?;
    if fits {
        return Ok((tensor(after)?, before));
    }
    let mut cells = before.indexed_iter();
    let outside = cells.find(|(_, v)| !(-domain..domain).contains(*v));
    let (index, &value) = outside.ok_or_else(inconsistent)?;
    Err(ExecutionError::Domain {
        layer: node.name.clone(),
        index: index.slice().to_vec(),
        value,
        domain_bits: table.domain_bits,
    })
}
