//! The one copy of a key's weights: the rows under all its commitments, and the views that others have of them.

use core::ops::Range;
use std::collections::BTreeMap;

use super::weight_extents;
use super::{CompiledModel, ProveError};
use crate::circuit::ColumnId;
use crate::error::WeightsKeyError;
use crate::graph::IntTensor;
use crate::int8::{Axis, Int8Blocks, Int8Cells, Int8Tensor};
use crate::lower::{Filled, FilledColumn};
use crate::pcs::{CodeParameters, Packing, Slot};
use crate::poly::PaddedShape;
use crate::transcript::VerifyError;

/// A part of a weight: its indices along each axis, and its values.
type Block = (Vec<Range<usize>>, Int8Tensor);

/// Where the parameter columns of a circuit lie in its matrix of weights.
pub(crate) fn packing(lowered: &Filled, code: &CodeParameters) -> Result<Packing, ProveError> {
    Ok(Packing::new(&weight_extents(&lowered.circuit), code.wide())?)
}

/// The rows of weights: each parameter column in its place, 0 elsewhere. What a column was copied from is dropped, here
/// and in the network, column by column; in the end both have views of the rows.
///
/// # Errors
/// [`ProveError::InvariantViolation`] for a packing of other columns.
pub(crate) fn fill(
    model: &mut CompiledModel,
    lowered: &mut Filled,
    packing: &Packing,
) -> Result<Int8Cells, ProveError> {
    // Pages that nothing is written to take no memory.
    let mut cells = vec![0; packing.rows << packing.log_row];
    let mut blocks: BTreeMap<usize, usize> = BTreeMap::new();
    for parameter in &lowered.parameters {
        if let Some((id, _)) = &parameter.tensor {
            *blocks.entry(id.0).or_default() += 1;
        }
    }
    for (parameter, slot) in lowered.parameters.iter_mut().zip(&packing.slots) {
        let column = &lowered.circuit[parameter.column];
        let (offset, axes) = place(&column.shape, slot);
        parameter.cells.copy_to(&mut cells, offset, &axes);
        let emptied = |shape: &[usize]| {
            let zeros = Int8Tensor::zeros(shape);
            zeros.ok_or_else(|| outside(&column.name))
        };
        parameter.cells = emptied(parameter.cells.shape())?;
        let Some((id, _)) = &parameter.tensor else {
            continue;
        };
        let left = blocks.entry(id.0).or_default();
        *left = left.saturating_sub(1);
        if let (0, Some(weight)) = (*left, model.network.graph.parameters.get_mut(id.0)) {
            weight.values = IntTensor::Int8(emptied(weight.values.shape())?);
        }
    }
    let cells = cells.into();
    share(model, lowered, packing, &cells)?;
    Ok(cells)
}

/// A column that the rows have no place for.
fn outside(column: &str) -> ProveError {
    let column = column.to_owned();
    VerifyError::from(WeightsKeyError::OtherRows { column }).into()
}

/// Makes the parameter columns and the weights of the network views of the rows, and drops their own copies.
///
/// # Errors
/// [`ProveError::InvariantViolation`] for rows of another packing.
pub(crate) fn share(
    model: &mut CompiledModel,
    lowered: &mut Filled,
    packing: &Packing,
    cells: &Int8Cells,
) -> Result<(), ProveError> {
    let circuit = &lowered.circuit;
    let outside = |id: ColumnId| outside(&circuit[id].name);
    // Of each weight its blocks, and a column for messages.
    let mut weights: BTreeMap<usize, (ColumnId, Vec<Block>)> = BTreeMap::new();
    for (parameter, slot) in lowered.parameters.iter_mut().zip(&packing.slots) {
        let (offset, axes) = place(&circuit[parameter.column].shape, slot);
        let view = Int8Tensor::view(cells, offset, axes);
        parameter.cells = view.ok_or_else(|| outside(parameter.column))?;
        if let Some((id, order)) = &parameter.tensor {
            let tensor = parameter.cells.permuted(order);
            let place = order
                .iter()
                .filter_map(|&axis| parameter.block.get(axis).cloned());
            let block = (place.collect(), tensor.ok_or_else(|| outside(parameter.column))?);
            let of_weight = weights.entry(id.0).or_insert((parameter.column, Vec::new()));
            of_weight.1.push(block);
        }
    }
    for (id, (column, blocks)) in weights {
        if let Some(weight) = model.network.graph.parameters.get_mut(id) {
            let shape = weight.values.shape();
            let values = match blocks.as_slice() {
                [(_, whole)] => whole.joined(shape).map(IntTensor::Int8),
                _ => Int8Blocks::new(shape, blocks).map(IntTensor::Int8Blocks),
            };
            weight.values = values.ok_or_else(|| outside(column))?;
        }
    }
    Ok(())
}

/// Whether the rows hold the cells that parameter columns had before. Weight tensors are exempt: they come from the
/// rows.
pub(crate) fn agree(before: &[FilledColumn], lowered: &Filled) -> bool {
    let mut pairs = before.iter().zip(&lowered.parameters);
    pairs.all(|(before, now)| before.tensor.is_some() || before.cells == now.cells)
}

/// Offset and axes of a parameter column of this shape in the rows. Index bits that select rows reach as far as rows
/// are stored; bits inside a row include padding. Example: `[3, 5]`, padded to 4 x 8, in rows of 4 cells is stored as
/// 3 x 8, and cell (2, 1) lies at offset + 2·8 + 1.
fn place(shape: &PaddedShape, slot: &Slot) -> (usize, Vec<Axis>) {
    // Every row is stored: the column is alone in its rows, or no row lies in the padding alone.
    let whole = slot.stored.count() >> slot.stored.variables() == 1;
    let mut inside = slot.variables.min(slot.log_row as usize);
    let mut stride = 1usize;
    let mut axes: Vec<Axis> = (0..shape.rank())
        .rev()
        .map(|axis| {
            let (size, bits) = (shape.size(axis), shape.bits(axis));
            let low = bits.min(inside);
            inside -= low;
            let stored = match whole {
                true => 1 << (bits - low),
                false => size.div_ceil(1 << low).max(1),
            };
            let axis = Axis {
                size,
                stride,
                present: stored << low,
            };
            stride *= axis.present;
            axis
        })
        .collect();
    axes.reverse();
    ((slot.first_row << slot.log_row) + slot.offset, axes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pcs::{Extent, RowCode};

    #[test]
    fn columns_stand_where_the_packing_puts_them() {
        let sizes: [&[usize]; 8] = [
            &[3, 3, 1, 8, 4],
            &[5],
            &[4, 6],
            &[3, 5, 2],
            &[1],
            &[2, 3, 1, 9],
            &[7, 3],
            &[16, 4],
        ];
        let shapes: Vec<PaddedShape> = sizes.iter().map(|sizes| PaddedShape::new(sizes)).collect();
        for whole in [false, true] {
            let extents: Vec<Extent> = shapes
                .iter()
                .map(|shape| match whole {
                    true => Extent::alone(shape.variables()),
                    false => Extent::cropped(shape),
                })
                .collect();
            for log_row in 0..8 {
                let packing = Packing::new(&extents, RowCode::uncoded(log_row)).unwrap();
                let padded: Vec<Vec<i8>> = shapes
                    .iter()
                    .map(|shape| {
                        let values: Vec<i8> = (1..=shape.logical_len()).map(|value| value as i8).collect();
                        shape.pad(&values, 0)
                    })
                    .collect();
                let columns: Vec<&[i8]> = padded.iter().map(Vec::as_slice).collect();
                let expected = packing.fill(&columns);
                let mut found = vec![0; expected.len()];
                for (shape, slot) in shapes.iter().zip(&packing.slots) {
                    let (offset, axes) = place(shape, slot);
                    let values = (1..=shape.logical_len()).map(|value| value as i8).collect();
                    let tensor = Int8Tensor::new(&shape.sizes(), values).unwrap();
                    tensor.copy_to(&mut found, offset, &axes);
                    let cells = Int8Cells::from(expected.clone());
                    let view = Int8Tensor::view(&cells, offset, axes).unwrap();
                    assert_eq!(view, tensor, "{shape} in rows of 2^{log_row}");
                }
                assert_eq!(found, expected, "rows of 2^{log_row}");
            }
        }
    }
}
