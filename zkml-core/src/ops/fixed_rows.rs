//! Rows of a table that the network itself names: positions and types of tokens in `torch.nn.Embedding`.
//!
//! ```text
//! y[t, c] = m_t W[start + t, c]
//! ```
//!
//! In integers each row has a public multiplier, as for [`IntegerEmbedding`](super::IntegerEmbedding). A view of the
//! weight and a product with constants: nothing is committed.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Axis, IxDyn, Slice};
use serde::{Deserialize, Serialize};

use super::embedding::check_multipliers;
use super::quotient::multiplied;
use super::range::COMMITTED_WEIGHT_LIMIT;
use super::{FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{CircuitError, ColumnId, Factor};
use crate::graph::{OperandError, ParameterId, Resizing, Shape, ShapeError, Site, entries, sized};

const NAME: &str = "Embedding";

/// Rows `start` to `start + length` (not included) of a weight `[V, D]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields are named in the line above")]
pub struct FixedRows {
    pub weight: ParameterId,
    pub start: usize,
    pub length: usize,
}

/// `[length, D]`, for rows of a table `[V, D]`.
///
/// # Errors
/// No row, or one beyond the table.
pub const fn chosen(table: Shape, start: usize, length: usize) -> Result<Shape, ShapeError> {
    let size = table.size(0);
    if length == 0 || length > size || start > size - length {
        return Err(ShapeError::Range {
            operation: NAME,
            start,
            length,
            size,
        });
    }
    sized(NAME, table, &[length, table.size(1)])
}

/// The same for a parameter of a node without operands.
fn shape_of(
    site: &Site<'_>,
    weight: ParameterId,
    start: usize,
    length: usize,
) -> Result<Shape, OperandError> {
    if !site.operands.is_empty() {
        return Err(site.arity(0));
    }
    let sizes = site.sizes::<2>(weight)?;
    let table = Shape::new(&sizes).ok_or(OperandError::Size {
        found: sizes.to_vec(),
    })?;
    Ok(chosen(table, start, length)?)
}

impl Room for FixedRows {
    fn parameters_mut(&mut self) -> Vec<&mut ParameterId> {
        vec![&mut self.weight]
    }

    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        shape_of(site, self.weight, self.start, self.length)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES | Properties::FIXED
    }
}

impl FloatRoom for FixedRows {
    fn chosen_rows(&self) -> Option<ParameterId> {
        Some(self.weight)
    }

    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let weight = site.parameter(self.weight)?;
        let range = Slice::from(self.start..self.start + self.length);
        Some(
            weight
                .slice_axis(Axis(0), range)
                .as_standard_layout()
                .into_owned(),
        )
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        quantizing.wide("an embedding")?;
        let op = |weight, multipliers| {
            let rows = IntegerFixedRows {
                weight,
                start: self.start,
                length: self.length,
                multipliers,
            };
            rows.into()
        };
        quantizing.rows(self.weight, &op)
    }
}

/// Rows `start` to `start + length` (not included) of a weight `[V, D]`, each times its multiplier. There is a multiplier
/// for each row of the weight, or one for all; they are positive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "fields are named in the lines above")]
pub struct IntegerFixedRows {
    pub weight: ParameterId,
    pub start: usize,
    pub length: usize,
    pub multipliers: Vec<i64>,
}

impl Room for IntegerFixedRows {
    fn parameters_mut(&mut self) -> Vec<&mut ParameterId> {
        vec![&mut self.weight]
    }

    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let [rows, _] = site.sizes::<2>(self.weight)?;
        if self.multipliers.len() != 1 {
            entries(rows, self.multipliers.len())?;
        }
        shape_of(site, self.weight, self.start, self.length)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES | Properties::FIXED
    }
}

impl IntegerRoom for IntegerFixedRows {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        check_multipliers(site, &self.multipliers)
    }

    fn forget_calibration(&mut self) {
        self.multipliers = vec![1];
    }

    fn resize(&mut self, resizing: &Resizing) {
        self.length = resizing.size(self.length);
        if let Ok(start) = u32::try_from(self.start) {
            self.start = resizing.position(start) as usize;
        }
    }

    fn options(&self, _site: &RangeSite<'_>) -> String {
        format!("start={}, length={}", self.start, self.length)
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape) = (lowering.name(), &lowering.fact().shape);
        let most = self.multipliers.iter().copied().max().unwrap_or(1);
        let largest = i128::from(COMMITTED_WEIGHT_LIMIT) * i128::from(most);
        lowering.circuit().check_bound(name, "scaled row", largest)?;
        let weight = lowering.weight(self.weight, lowering.parameter_shape(self.weight), &[0, 1])?;
        let factors = vec![
            Factor::affine(&[(0, 1)], self.start as i64, 0),
            Factor::identity(1, 1),
        ];
        let rows = lowering
            .circuit()
            .view(&format!("{name}/rows"), shape, weight, factors);
        if let [all] = self.multipliers[..] {
            return Ok(lowering.circuit().integer_sum(name, shape, &[(all, rows)]));
        }
        let chosen = self.multipliers.get(self.start..).unwrap_or_default();
        let chosen = chosen.get(..self.length).unwrap_or_default();
        Ok(multiplied(lowering, (name, shape), rows, (chosen, &[0])))
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let weight = site.parameter(self.weight)?;
        let mut y = ArrayD::zeros(site.shape());
        let rows = weight.axis_iter(Axis(0)).skip(self.start);
        for ((mut y, row), multiplier) in y.axis_iter_mut(Axis(0)).zip(rows).zip(self.of_rows()) {
            y.zip_mut_with(&row, |y, weight| *y = i64::from(*weight) * multiplier);
        }
        Some(y)
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let weight = site.parameter(self.weight)?;
        Some(ArrayD::from_shape_fn(IxDyn(site.shape()), |at| {
            let row = self.start + at[0];
            let multiplier = self.multipliers[if self.multipliers.len() == 1 { 0 } else { row }];
            (i128::from(weight[[row, at[1]]]) * i128::from(multiplier)) as i64
        }))
    }
}

#[cfg(feature = "prover")]
impl IntegerFixedRows {
    /// The multipliers of the rows.
    fn of_rows(&self) -> impl Iterator<Item = i64> {
        let skipped = if self.multipliers.len() == 1 {
            0
        } else {
            self.start
        };
        self.multipliers.iter().copied().cycle().skip(skipped)
    }
}
