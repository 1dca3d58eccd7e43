//! Embedding of public ids: each id takes a row of a weight, times the public multiplier of that row. Exact.
//!
//! ```text
//! y[t, c] = m[id_t] W[id_t, c] = (sum_v h[t, v] m_v) (sum_v h[t, v] W[v, c]),      h[t, v] = [v = id_t]
//! ```
//!
//! `h` is a public column that a rule gives ([`Selector::OneHot`]). The verifier evaluates it from the ids, whose range
//! it checks itself, and nothing is committed. Private ids would need a lookup.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Dimension, IxDyn};
use serde::{Deserialize, Serialize};

use crate::circuit::{Axis, CircuitError, ColumnId, Selector};
#[cfg(feature = "prover")]
use crate::graph::IntTensor;
use crate::graph::{OperandError, ParameterId, Shape, ShapeError, Site, entries};
#[cfg(feature = "prover")]
use crate::ops::IntegerSite;
use crate::ops::range::COMMITTED_WEIGHT_LIMIT;
use crate::ops::reciprocal::cellwise;
use crate::ops::{Hint, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use crate::secret::Wiped;

/// `[.., T]` ids to `[.., T, d]`: `multipliers[id] * weight[id, ..]`, or the only multiplier times the row. Weight
/// `[V, d]`; ids in `[0, V)`, a public input. Multipliers are positive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "fields are named in the lines above")]
pub struct IntegerEmbedding {
    pub weight: ParameterId,
    pub multipliers: Vec<i64>,
}

impl Room for IntegerEmbedding {
    fn parameters_mut(&mut self) -> Vec<&mut ParameterId> {
        vec![&mut self.weight]
    }

    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let ids = site.one()?;
        let [rows, channels] = site.sizes::<2>(self.weight)?;
        if self.multipliers.len() != 1 {
            entries(rows, self.multipliers.len())?;
        }
        if ids.rank() == 0 {
            return Err(ShapeError::Rank {
                operation: "Embedding",
                expected: "1 dimension or more [N, ..., ids]",
                found: ids,
            }
            .into());
        }
        let sizes = (0..ids.rank()).map(|axis| ids.size(axis)).chain([channels]);
        let sizes: Vec<usize> = sizes.collect();
        Shape::new(&sizes).ok_or(OperandError::Size { found: sizes })
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES | Properties::CHOOSES_ROWS
    }
}

impl IntegerRoom for IntegerEmbedding {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        let shape = (self.parameter(site)).ok_or_else(|| site.inconsistent())?;
        let (ids, rows) = (site.hull()?, shape.first().copied().unwrap_or(0) as i64);
        if ids.0 < 0 || ids.1 >= rows {
            return Err(RangeError::Ids {
                layer: site.name.to_owned(),
                found: ids,
                rows,
            });
        }
        let (least, most) = (self.multipliers.iter().min(), self.multipliers.iter().max());
        let (least, most) = (least.copied().unwrap_or(0), most.copied().unwrap_or(0));
        if least < 1 {
            return Err(RangeError::BadRescale {
                layer: site.name.to_owned(),
                found: least,
                shift: 1,
            });
        }
        let limit = i128::from(COMMITTED_WEIGHT_LIMIT);
        site.accumulator((-limit * i128::from(most), (limit - 1) * i128::from(most)))
    }

    fn forget_calibration(&mut self) {
        self.multipliers = vec![1];
    }

    fn options(&self, site: &RangeSite<'_>) -> String {
        match (site.parameter)(self.weight) {
            Some([rows, channels]) => format!("{rows}, {channels}"),
            _ => String::new(),
        }
    }

    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, shape, (ids, _)) = (lowering.name(), &lowering.fact().shape, lowering.operand(0));
        let node = lowering.id();
        expect_public(lowering, ids)?;
        let most = self.multipliers.iter().copied().max().unwrap_or(1);
        lowering.circuit().check_bound(
            name,
            "scaled row",
            i128::from(COMMITTED_WEIGHT_LIMIT) * i128::from(most),
        )?;
        let sizes = lowering.parameter_shape(self.weight);
        let (last, vocabulary) = (shape.len().saturating_sub(1), sizes.first().copied().unwrap_or(0));
        let weight = lowering.weight(self.weight, sizes, &[0, 1])?;
        let hot: Vec<usize> = shape[..last].iter().copied().chain([vocabulary]).collect();
        let plain = self.multipliers == [1];
        let rows_name = if plain {
            name.to_owned()
        } else {
            format!("{name}/rows")
        };
        let circuit = lowering.circuit();
        let one_hot = circuit.selector(&format!("{name}/one_hot"), &hot, Selector::OneHot { ids });
        let of_id = || (0..last).map(|axis| Axis::free_left(axis, axis));
        let axes = of_id().chain([Axis::summed(last, 0), Axis::free_right(1, last)]);
        let rows = circuit.contraction(&rows_name, shape, one_hot, weight, axes.collect());
        if plain {
            return Ok(rows);
        }
        if let [multiplier] = self.multipliers.as_slice() {
            let result = circuit.integer_sum(name, shape, &[(*multiplier, rows)]);
            lowering.hint(Hint::Embedding {
                node,
                rows,
                scales: None,
            });
            return Ok(result);
        }
        let multipliers = circuit.constant(&[vocabulary], self.multipliers.clone());
        let axes = of_id().chain([Axis::summed(last, 0)]).collect();
        let scales = circuit.contraction(
            &format!("{name}/scales"),
            &shape[..last],
            one_hot,
            multipliers,
            axes,
        );
        let result = cellwise(lowering, (name, shape), rows, (scales, last));
        lowering.hint(Hint::Embedding {
            node,
            rows,
            scales: Some(scales),
        });
        Ok(result)
    }

    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let ids = site.operand(0)?;
        let mut y = Vec::with_capacity(site.shape().iter().product());
        for (&id, row) in ids.iter().zip(self.rows(site)?) {
            let multiplier = self.multiplier(id)?;
            y.extend(row.into_iter().map(|weight| i64::from(weight) * multiplier));
        }
        ArrayD::from_shape_vec(site.shape(), y).ok()
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let (ids, weight) = (site.operand(0)?, site.parameter(self.weight)?);
        let rows = weight.shape()[0] as i64;
        if ids.iter().any(|id| !(0..rows).contains(id)) {
            return None;
        }
        Some(ArrayD::from_shape_fn(IxDyn(site.shape()), |at| {
            let last = at.ndim() - 1;
            let id = ids[&at.slice()[..last]];
            let multiplier = self.multipliers[if self.multipliers.len() == 1 {
                0
            } else {
                id as usize
            }];
            (i128::from(weight[[id as usize, at[last]]]) * i128::from(multiplier)) as i64
        }))
    }
}

/// Refuses ids that the verifier does not know.
fn expect_public(lowering: &mut dyn Lowering<'_>, ids: ColumnId) -> Result<(), CircuitError> {
    if lowering.circuit().circuit[ids].kind.public_range().is_some() {
        return Ok(());
    }
    Err(CircuitError::Unsupported {
        layer: lowering.name().to_owned(),
        what: "an embedding of ids that are no public input (reveal them)".to_owned(),
    })
}

impl IntegerEmbedding {
    fn parameter<'a>(&self, site: &RangeSite<'a>) -> Option<&'a [usize]> {
        (site.parameter)(self.weight)
    }

    /// The multiplier of a row; none for an id that has none.
    #[cfg(feature = "prover")]
    pub(crate) fn multiplier(&self, id: i64) -> Option<i64> {
        match self.multipliers.as_slice() {
            [one] => Some(*one),
            many => many.get(usize::try_from(id).ok()?).copied(),
        }
    }

    /// For each id its row of the weight; none where an id or the weight does not fit.
    #[cfg(feature = "prover")]
    pub(crate) fn rows(&self, site: &IntegerSite<'_>) -> Option<Vec<Vec<i32>>> {
        let weight = &site.graph.parameters.get(self.weight.0)?.values;
        let &[rows, channels] = weight.shape() else {
            return None;
        };
        let row = |id: &i64| {
            let id = usize::try_from(*id).ok().filter(|id| *id < rows)?;
            Some(match weight {
                IntTensor::Int8Blocks(weight) => {
                    let row = Wiped(weight.row(id)?);
                    row.iter().map(|&weight| i32::from(weight)).collect()
                }
                IntTensor::Int8(weight) => {
                    let padded = channels.next_power_of_two();
                    let row = weight.padded_piece(id * padded, padded);
                    let mut row: Vec<i32> = row.iter().map(|&weight| i32::from(weight)).collect();
                    row.resize(channels, 0);
                    row
                }
                IntTensor::Int32(weight) => (0..channels).map(|c| weight[[id, c]]).collect(),
            })
        };
        site.operand(0)?.iter().map(row).collect()
    }
}
