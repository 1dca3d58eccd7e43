//! `torch.argmax`.
//!
//! The index of the first maximum, proved by a one-hot row:
//!
//! ```text
//! h in {0, 1},  sum_i h_i = 1,   index = sum_i i h_i,   top = sum_i h_i x_i,   before_i = sum_{j > i} h_j
//! top - x_i - before_i >= 0      for every i
//! ```
//!
//! `before_i` is 1 exactly for `i < index`, so that ties go to the lowest index and the row is unique.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Axis as NdAxis, Dimension, IxDyn};
use serde::{Deserialize, Serialize};

use super::quotient::{bits_of, within};
use super::{FloatRoom, Hint, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, Greedy, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{Axis, CircuitError, ColumnId, ColumnKind, Factor, Table};
use crate::field::{M61, from_i64};
use crate::graph::{MAX_RANK, OperandError, Shape, ShapeError, Site, attempt, resolve, sized};

/// Index of the first maximum along `axis`, which is removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Argmax {
    /// The axis.
    pub axis: usize,
}

/// `axis` (negative: from the end) is removed.
///
/// # Errors
/// An axis that does not exist.
pub const fn without_axis(x: Shape, axis: isize) -> Result<Shape, ShapeError> {
    let along = attempt!(resolve("argmax", axis, x));
    let mut sizes = [1; MAX_RANK];
    let mut i = 0;
    while i < x.rank() {
        if i != along {
            sizes[if i < along { i } else { i - 1 }] = x.size(i);
        }
        i += 1;
    }
    sized("argmax", x, sizes.split_at(x.rank() - 1).0)
}

impl Room for Argmax {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let axis = isize::try_from(self.axis).unwrap_or(isize::MAX);
        Ok(without_axis(site.one()?, axis)?)
    }

    fn properties(&self) -> Properties {
        Properties::INDEX
    }
}

impl FloatRoom for Argmax {
    fn compares_along(&self) -> Option<usize> {
        Some(self.axis)
    }

    /// The index as a float.
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let first = |lane: ndarray::ArrayView1<'_, f32>| {
            let mut best = 0;
            for (index, value) in lane.iter().enumerate() {
                if *value > lane[best] {
                    best = index;
                }
            }
            best as f32
        };
        Some(site.operand(0)?.map_axis(NdAxis(self.axis), first))
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        let token = |multipliers| Greedy { multipliers }.into();
        let along_last = self.axis + 1 == quantizing.operand_shape(0).len();
        quantizing.index(self.clone().into(), along_last.then_some(&token))
    }
}

/// Largest size of the axis: `before` needs a public matrix with a cell for each pair of indices.
const MAXIMUM_SIZE: usize = 1 << 12;

/// Fewer bits in whole limbs, and no margin wraps.
const WHOLE_LIMBS: u32 = 60;

/// What the steps of the lowering share.
struct Row<'g> {
    name: &'g str,
    /// Shape of the operand, and of the result.
    shape: &'g [usize],
    reduced: &'g [usize],
    axis: usize,
    /// The operand, and the row of bits.
    x: ColumnId,
    one_hot: ColumnId,
    /// Axes of the result that stay: (dimension of the operand, dimension of the result).
    kept: Vec<(usize, usize)>,
}

impl IntegerRoom for Argmax {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        let shape = site.operands.first().map(|fact| &fact.shape);
        let size = shape.and_then(|shape| shape.get(self.axis)).copied();
        Ok((0, size.ok_or_else(|| site.inconsistent())? as i64 - 1))
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        format!("dim={}", self.axis)
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, (x, fact)) = (lowering.name(), lowering.operand(0));
        let size = fact.shape[self.axis];
        if size > MAXIMUM_SIZE {
            return Err(CircuitError::Unsupported {
                layer: name.to_owned(),
                what: format!("an argmax over {size} values (at most {MAXIMUM_SIZE})"),
            });
        }
        if !lowering.circuit().is_zero_padded(x) {
            return Err(CircuitError::UnsoundPadding {
                place: format!("argmax `{name}`"),
            });
        }
        let limb_bits = lowering.circuit().limb_bits;
        let spread = i128::from(fact.range.1) - i128::from(fact.range.0) + 1;
        let limb_count = (128 - spread.leading_zeros()).div_ceil(limb_bits).max(1);
        // Where whole limbs would reach too far, digits reach as far as the margin.
        let whole = limb_count * limb_bits < WHOLE_LIMBS;
        let margin_bits = bits_of(spread);
        let reached = if whole {
            limb_count * limb_bits
        } else {
            margin_bits + 1
        };
        let reached = 1i128 << reached.min(126);
        lowering
            .circuit()
            .check_bound(name, "difference of two values", reached)?;

        let kept = (0..fact.shape.len()).filter(|&a| a != self.axis).enumerate();
        let row = Row {
            name,
            shape: &fact.shape,
            reduced: &lowering.fact().shape,
            axis: self.axis,
            x,
            one_hot: one_hot(lowering, &fact.shape, self.axis),
            kept: kept.map(|(to, from)| (from, to)).collect(),
        };
        let index = row.index(lowering);
        let margin = row.margin(lowering)?;
        match whole {
            true => row.not_negative(lowering, margin, limb_count),
            false => within(
                lowering,
                (&format!("{name}/margin"), &fact.shape),
                margin,
                margin_bits,
            ),
        }
        Ok(index)
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let first = |lane: ndarray::ArrayView1<'_, i64>| {
            let mut best = (0, i64::MIN);
            for (index, &value) in lane.iter().enumerate() {
                if index == 0 || value > best.1 {
                    best = (index as i64, value);
                }
            }
            best.0
        };
        Some(site.operand(0)?.map_axis(NdAxis(self.axis), first))
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let x = site.operand(0)?;
        Some(ArrayD::from_shape_fn(IxDyn(site.shape()), |y| {
            let value = |i: usize| {
                let mut at = y.slice().to_vec();
                at.insert(self.axis, i);
                x[at.as_slice()]
            };
            let lane: Vec<i64> = (0..x.shape()[self.axis]).map(value).collect();
            let largest = lane.iter().max();
            lane.iter().position(|value| Some(value) == largest).unwrap_or(0) as i64
        }))
    }
}

/// The row of bits.
fn one_hot(lowering: &mut dyn Lowering<'_>, shape: &[usize], axis: usize) -> ColumnId {
    let (name, index) = (lowering.name(), lowering.id());
    let circuit = lowering.circuit();
    let one_hot = circuit.column(&format!("{name}/one_hot"), shape, ColumnKind::trace(false));
    let bit = circuit.table(Table::range(1));
    circuit.lookup(format!("{name}/one_hot"), vec![one_hot], bit);
    lowering.hint(Hint::OneHot {
        index,
        axis,
        output: one_hot,
    });
    one_hot
}

impl Row<'_> {
    /// `sum_i weights_i h_i`.
    fn against(&self, lowering: &mut dyn Lowering<'_>, weights: ColumnId, name: &str) -> ColumnId {
        let kept = self.kept.iter();
        let mut axes: Vec<Axis> = kept.map(|&(from, to)| Axis::free_right(from, to)).collect();
        axes.push(Axis::summed(0, self.axis));
        lowering
            .circuit()
            .contraction(name, self.reduced, weights, self.one_hot, axes)
    }

    /// The index. An equality forces exactly one bit of each row to be 1.
    fn index(&self, lowering: &mut dyn Lowering<'_>) -> ColumnId {
        let (name, size) = (self.name, self.shape[self.axis]);
        let ones = lowering.circuit().constant(&[size], vec![1; size]);
        let count = self.against(lowering, ones, &format!("{name}/count"));
        let circuit = lowering.circuit();
        let one = circuit.ones(&format!("{name}/one"), self.reduced);
        circuit.equality(&format!("{name}/count"), one, count);
        let indices = circuit.constant(&[size], (0..size as i64).collect());
        self.against(lowering, indices, name)
    }

    /// `top - x_i - before_i`.
    fn margin(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, axis) = (self.name, self.shape, self.axis);
        let (size, circuit) = (shape[axis], lowering.circuit());
        circuit.expect_cells(name, size.saturating_mul(size))?;
        let kept = self.kept.iter();
        let mut axes: Vec<Axis> = kept.map(|&(from, to)| Axis::shared(from, from, to)).collect();
        axes.push(Axis::summed(axis, axis));
        let top = circuit.contraction(&format!("{name}/top"), self.reduced, self.one_hot, self.x, axes);
        let factors = (0..shape.len())
            .map(|a| match self.kept.iter().find(|kept| kept.0 == a) {
                Some(&(from, to)) => Factor::identity(from, to),
                None => Factor::broadcast(a),
            })
            .collect();
        let top = circuit.view(&format!("{name}/top_everywhere"), shape, top, factors);
        // later[j, i] = 1 for i < j
        let later = (0..size * size)
            .map(|cell| i64::from(cell % size < cell / size))
            .collect();
        let later = circuit.constant(&[size, size], later);
        let kept = self.kept.iter();
        let mut axes: Vec<Axis> = kept.map(|&(from, _)| Axis::free_right(from, from)).collect();
        axes.push(Axis::free_left(1, axis));
        axes.push(Axis::summed(0, axis));
        let before = circuit.contraction(&format!("{name}/before"), shape, later, self.one_hot, axes);
        Ok(circuit.integer_sum(
            &format!("{name}/margin"),
            shape,
            &[(1, top), (-1, self.x), (-1, before)],
        ))
    }

    /// Writes the margin as limbs of a non-negative number.
    fn not_negative(&self, lowering: &mut dyn Lowering<'_>, margin: ColumnId, limb_count: u32) {
        let (name, circuit) = (self.name, lowering.circuit());
        let bits = circuit.limb_bits;
        let limbs = circuit.limbs(&format!("{name}/margin_limb"), self.shape, limb_count);
        let weight = |k: usize| from_i64(1i64 << (bits * k as u32));
        let terms: Vec<(M61, ColumnId)> = limbs
            .iter()
            .enumerate()
            .map(|(k, &limb)| (weight(k), limb))
            .collect();
        let composed = circuit.linear_column(
            &format!("{name}/margin_from_limbs"),
            self.shape,
            &terms,
            M61::from(0u64),
        );
        circuit.equality(&format!("{name}/margin"), composed, margin);
        lowering.hint(Hint::Limbs {
            input: margin,
            limbs,
            bits,
        });
    }
}
