//! Rescaling: the only place where a value is rounded, and where most of the trace comes from.
//!
//! ```text
//! x * m + 2^(s-1) = v * 2^s + sum_k limb_k * 2^(b k),      limb_k in [0, 2^b),  b * limbs = s
//! (v, q) in the function table
//! ```
//!
//! `v` is virtual: `v = 2^-s (x m + 2^(s-1) - sum_k limb_k 2^(b k))` in the field. It is the integer quotient because
//! both sides of the first line are integers of absolute value below p/2: the left one by range analysis, the right
//! one because `v` stands in the table's domain, `2^(domain_bits + s) <= 2^58`. On padding `x = 0`, hence
//! `v = 0` and `q = f(0)`.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Dimension};
#[cfg(feature = "prover")]
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::display::factors;
use super::multipliers::Multipliers;
use super::range::{LIMIT, magnitude};
#[cfg(feature = "prover")]
use super::{Computed, ExecutionError, IntegerSite, PARALLEL_CELLS};
use super::{Hint, IntegerRoom, Lowering, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use crate::circuit::Cells;
use crate::circuit::{CircuitError, ColumnId, ColumnKind, FunctionTable, Table, View};
#[cfg(feature = "prover")]
use crate::field::kernels;
use crate::field::{M61, from_i64};
use crate::graph::{OperandError, Shape, Site};

/// `table(floor((x * m + 2^(shift-1)) / 2^shift))`. `m` is `multipliers[c]` for index `c` along `axis`, or the only
/// multiplier. `shift >= 1`, multipliers are positive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "fields are named in the line above")]
pub struct Rescale {
    pub multipliers: Vec<i64>,
    pub axis: usize,
    pub shift: u32,
    pub table: FunctionTable,
}

impl Room for Rescale {
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        self.multipliers().check("rescale", site.one()?)
    }
}

impl IntegerRoom for Rescale {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        let (layer, shift, table) = (|| site.name.to_owned(), self.shift, &self.table);
        self.multipliers().check_positive(site, shift)?;
        let most = self.multipliers().extremes().1;
        if table.domain_bits.saturating_add(shift) > 58 {
            let domain_bits = table.domain_bits;
            return Err(RangeError::Domain {
                layer: layer(),
                domain_bits,
                shift,
            });
        }
        let operand = site.hull()?;
        let half = 1i128 << (shift - 1);
        let reached = magnitude(operand) * i128::from(most) + half;
        if reached >= LIMIT {
            return Err(RangeError::Rescale {
                layer: layer(),
                accumulator: magnitude(operand),
                multiplier: most,
                shift,
                reached,
            });
        }
        let domain = 1i128 << table.domain_bits;
        let inside = |value: i128| value.clamp(-domain, domain - 1) as i64;
        let (low, high) = self.multipliers().scaled_range(operand, shift);
        let entries = table.range_over(inside(low), inside(high));
        entries.map_err(|error| RangeError::Table {
            layer: layer(),
            error,
        })
    }

    fn forget_calibration(&mut self) {
        (self.multipliers, self.axis, self.shift) = (vec![1], 0, 1);
        self.table.forget_calibration();
    }

    fn table(&self) -> Option<Table> {
        Some(Table::Function(self.table.clone()))
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        let table = &self.table;
        let (shift, minimum, maximum) = (self.shift, table.minimum, table.maximum);
        format!(
            "{}, {}, clamp=[{minimum}, {maximum}]",
            table.function,
            factors(&self.multipliers, shift)
        )
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, (x, fact)) = (lowering.name(), &lowering.fact().shape, lowering.operand(0));
        self.check_bounds(lowering, fact.range)?;
        if !lowering.circuit().is_zero_padded(x) {
            return Err(CircuitError::UnsoundPadding {
                place: format!("rescale `{name}`"),
            });
        }
        let bits = lowering.circuit().limb_bits;
        let inverse = ark_ff::Field::inverse(&from_i64(1i64 << self.shift)).unwrap_or_default();
        let (multiplier, scaled) = self.multipliers().product(lowering, x);
        let circuit = lowering.circuit();
        let limbs = circuit.limbs(&format!("{name}/remainder"), shape, self.shift / bits);
        let weight = |k: usize| -(inverse * from_i64(1i64 << (bits * k as u32)));
        let mut terms: Vec<(M61, ColumnId)> = limbs
            .iter()
            .enumerate()
            .map(|(k, &limb)| (weight(k), limb))
            .collect();
        terms.push((from_i64(multiplier) * inverse, scaled));
        let half = from_i64(1i64 << (self.shift - 1)) * inverse;
        let value = circuit.linear_column(&format!("{name}/value"), shape, &terms, half);
        let looked_up = lowering.looked_up(value);
        let entry_at_zero = self.table.apply(0).map_err(|error| CircuitError::Table {
            place: name.to_owned(),
            error,
        })?;
        let circuit = lowering.circuit();
        let zero_padded = entry_at_zero == 0;
        // If f(0) is not 0, the committed column is not 0 on padding. The node's column is then a view that is.
        let padded = shape.iter().any(|size| !size.is_power_of_two()) && !circuit.is_split(shape);
        let cropped = !zero_padded && padded;
        let committed_name = if cropped {
            format!("{name}/raw")
        } else {
            name.to_owned()
        };
        let output = circuit.committed(&committed_name, shape, zero_padded);
        let table = circuit.table(Table::Function(self.table.clone()));
        circuit.lookup(name.to_owned(), vec![looked_up, output], table);
        let node = lowering.id();
        lowering.hint(Hint::Rescale {
            node,
            value,
            output,
            limbs,
            bits,
        });
        if looked_up != value {
            lowering.hint(Hint::Copy {
                input: value,
                output: looked_up,
            });
        }
        if cropped {
            let crop = ColumnKind::View(View::crop(output, shape.len()));
            return Ok(lowering.circuit().column(name, shape, crop));
        }
        Ok(output)
    }

    #[cfg(feature = "prover")]
    fn execute_table(&self, site: &IntegerSite<'_>) -> Result<Computed, ExecutionError> {
        let (x, inconsistent) = (site.needed(0)?, || site.inconsistent());
        let shape = x.shape();
        let run = self.multipliers().run(shape).ok_or_else(inconsistent)?;
        let multipliers = self.multipliers().of_runs(shape);
        let source = x.as_slice().ok_or_else(inconsistent)?;
        let domain = 1i64 << self.table.domain_bits;
        let cells = self.cells(site)?;
        let (mut before, mut after) = (vec![0i64; source.len()], vec![0i64; source.len()]);
        let blocks = source.par_chunks(run).zip(before.par_chunks_mut(run));
        let fits = blocks
            .zip(after.par_chunks_mut(run))
            .enumerate()
            .with_min_len(PARALLEL_CELLS.div_ceil(run))
            .map(|(index, ((x, before), after))| {
                let multiplier = multipliers[index % multipliers.len()];
                let (least, most) = kernels::rescale_integers(x, multiplier, self.shift, before);
                cells.look_up(before, after) && -domain <= least && most < domain
            })
            .reduce(|| true, |a, b| a && b);
        let tensor = |values| ArrayD::from_shape_vec(shape, values).map_err(|_| inconsistent());
        let before = tensor(before)?;
        if !fits {
            return Err(self.outside(site, &before).unwrap_or_else(inconsistent));
        }
        Ok(Computed {
            value: tensor(after)?,
            before_table: Some(before),
        })
    }

    #[cfg(feature = "prover")]
    fn reference_table(&self, site: &IntegerSite<'_>) -> Result<Computed, ExecutionError> {
        let x = site.needed(0)?;
        let before = ArrayD::from_shape_fn(x.shape(), |at| {
            let m = self.multipliers().of_cell(x.shape(), &at);
            ((i128::from(x[&at]) * i128::from(m) + (1 << (self.shift - 1))) >> self.shift) as i64
        });
        if let Some(error) = self.outside(site, &before) {
            return Err(error);
        }
        let cells = self.cells(site)?;
        let mut value = before.clone();
        for (value, &v) in value.iter_mut().zip(&before) {
            *value = cells.at(v).ok_or_else(|| site.inconsistent())?;
        }
        Ok(Computed {
            value,
            before_table: Some(before),
        })
    }
}

impl Rescale {
    /// The bounds that make the quotient unique.
    fn check_bounds(&self, lowering: &mut dyn Lowering<'_>, range: (i64, i64)) -> Result<(), CircuitError> {
        let (name, shift, bits) = (lowering.name(), self.shift, lowering.circuit().limb_bits);
        if shift == 0 || !shift.is_multiple_of(bits) {
            return Err(CircuitError::Unsupported {
                layer: name.to_owned(),
                what: format!("a rescale by 2^{shift} with remainder limbs of {bits} bits"),
            });
        }
        let largest = self.multipliers.iter().copied().max().unwrap_or(1);
        let half = 1i64 << (shift - 1);
        let reached = magnitude(range) * i128::from(largest) + i128::from(half);
        lowering
            .circuit()
            .check_bound(name, "rescaled accumulator", reached)?;
        let domain = 1i128 << (self.table.domain_bits + shift + 1).min(126);
        lowering
            .circuit()
            .check_bound(name, "table domain times 2^shift", domain)
    }

    fn multipliers(&self) -> Multipliers<'_> {
        Multipliers {
            values: &self.multipliers,
            axes: core::slice::from_ref(&self.axis),
        }
    }

    /// The entries of the table.
    #[cfg(feature = "prover")]
    fn cells(&self, site: &IntegerSite<'_>) -> Result<Cells, ExecutionError> {
        self.table.cells().map_err(|error| ExecutionError::Table {
            layer: site.node.name.clone(),
            error,
        })
    }

    /// The first value outside of the table's domain.
    #[cfg(feature = "prover")]
    fn outside(&self, site: &IntegerSite<'_>, before: &ArrayD<i64>) -> Option<ExecutionError> {
        let domain = 1i64 << self.table.domain_bits;
        let mut cells = before.indexed_iter();
        let (index, &value) = cells.find(|(_, v)| !(-domain..domain).contains(*v))?;
        Some(ExecutionError::Domain {
            layer: site.node.name.clone(),
            index: index.slice().to_vec(),
            value,
            domain_bits: self.table.domain_bits,
        })
    }
}
