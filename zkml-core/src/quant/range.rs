//! Static range analysis: a proof that no integer of the network can wrap in the field.
//!
//! From the input's range and the *roles* of the parameters (a weight lies in `[-127, 127]`, a bias in
//! `[-2^31, 2^31)`: what the setup proof of the weights enforces; never from the actual weights, which may be
//! private) an interval is derived for every edge. For every
//!
//!   - accumulator `acc`:                           `|acc| < 2^60`
//!   - rescale, for every multiplier m and shift s: `|acc * m + 2^(s-1)| < 2^60`
//!   - rescale, over the whole domain of its table: `2^domain_bits * 2^s <= 2^60`
//!
//! With the last two, `acc * m + 2^(s-1) = v * 2^s + rem` modulo `p = 2^61 - 1` implies the same over the integers:
//! the two sides differ by less than p.

use crate::graph::{Graph, Int, IntOp, IntParameter, NodeId, ParameterId, ParameterRole, Window2d};

/// `2^60`: integers of smaller magnitude are told apart modulo `p = 2^61 - 1`.
pub const LIMIT: i128 = 1 << 60;

/// Largest magnitude of a quantized weight.
pub const WEIGHT_LIMIT: i64 = 127;

/// Biases lie in `[-BIAS_LIMIT, BIAS_LIMIT)`.
pub const BIAS_LIMIT: i64 = 1 << 31;

/// Largest magnitude the commitment can hold as a weight: an int8.
pub const COMMITTED_WEIGHT_LIMIT: i64 = 128;

/// Largest magnitude the commitment can hold as a bias: four int8 digits in base 256.
pub const COMMITTED_BIAS_LIMIT: i64 = 128 * (1 + 256 + 65_536 + 16_777_216);

/// Where the integer network could wrap, or is malformed.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// An accumulator may reach the limit.
    #[error("`{layer}`: accumulator may reach {reached}, the limit is 2^60 = {LIMIT}")]
    Accumulator {
        /// Name of the node.
        layer: String,
        /// Largest magnitude that cannot be excluded.
        reached: i128,
    },
    /// The scaled accumulator of a rescale may reach the limit.
    #[error(
        "`{layer}`: accumulator up to {accumulator} times multiplier {multiplier} plus 2^({shift} - 1) may reach \
         {reached}, the limit is 2^60 = {LIMIT}"
    )]
    Rescale {
        /// Name of the node.
        layer: String,
        /// Largest magnitude of the operand.
        accumulator: i128,
        /// Largest multiplier.
        multiplier: i64,
        /// Shift of the rescale.
        shift: u32,
        /// Largest magnitude that cannot be excluded.
        reached: i128,
    },
    /// The table's domain times `2^shift` exceeds the limit.
    #[error("`{layer}`: a table on 2^{domain_bits} values times 2^{shift} exceeds the limit 2^60")]
    Domain {
        /// Name of the node.
        layer: String,
        /// Bits of the table's domain.
        domain_bits: u32,
        /// Shift of the rescale.
        shift: u32,
    },
    /// A rescale with a multiplier below 1, no multiplier, or a shift of 0.
    #[error(
        "`{layer}`: a rescale needs positive multipliers and a shift of at least 1, found {found}, {shift}"
    )]
    BadRescale {
        /// Name of the node.
        layer: String,
        /// Smallest multiplier, 0 where there is none.
        found: i64,
        /// Shift of the rescale.
        shift: u32,
    },
    /// A parameter value outside its role's range.
    #[error("parameter `{path}`: value {value} at index {index} is outside [{low}, {high}]")]
    Parameter {
        /// State-dict key.
        path: String,
        /// Row-major index.
        index: usize,
        /// The value.
        value: i64,
        /// Smallest value of the role.
        low: i64,
        /// Largest value of the role.
        high: i64,
    },
    /// The graph says another range than the analysis finds.
    #[error("`{layer}`: the analysis finds range {expected:?}, the graph says {found:?}")]
    WrongFact {
        /// Name of the node.
        layer: String,
        /// Range derived from the operands.
        expected: (i64, i64),
        /// Range written at the node.
        found: (i64, i64),
    },
    /// The graph would not pass [`Graph::validate`].
    #[error("`{layer}`: the graph is inconsistent here, validate it first")]
    Inconsistent {
        /// Name of the node.
        layer: String,
    },
}

crate::debug_as_display!(RangeError);

/// The range a role allows, both ends included.
pub fn role_range(role: ParameterRole) -> (i64, i64) {
    match role {
        ParameterRole::Weight => (-WEIGHT_LIMIT, WEIGHT_LIMIT),
        ParameterRole::Bias => (-BIAS_LIMIT, BIAS_LIMIT - 1),
    }
}

/// Checks a whole graph: every edge's range is what the analysis derives, nothing wraps, and every parameter value
/// lies in its role's range.
///
/// # Errors
/// The first [`RangeError`].
pub fn check(graph: &Graph<Int>) -> Result<(), RangeError> {
    for (index, node) in graph.nodes.iter().enumerate() {
        let expected = node_range(graph, NodeId(index))?;
        if expected != node.fact.range {
            return Err(RangeError::WrongFact {
                layer: node.name.clone(),
                expected,
                found: node.fact.range,
            });
        }
    }
    for parameter in &graph.parameters {
        let (low, high) = role_range(parameter.role);
        let values = parameter.values.to_vec().into_iter().map(i64::from);
        let mut outside = values
            .enumerate()
            .filter(|(_, value)| !(low..=high).contains(value));
        if let Some((index, value)) = outside.next() {
            let path = parameter.path.clone();
            return Err(RangeError::Parameter {
                path,
                index,
                value,
                low,
                high,
            });
        }
    }
    Ok(())
}

/// The range of one node from the ranges written at its operands; an input keeps its own.
///
/// # Errors
/// The node's values or the products in its constraints may reach `2^60`.
pub fn node_range(graph: &Graph<Int>, id: NodeId) -> Result<(i64, i64), RangeError> {
    let node = &graph[id];
    let layer = || node.name.clone();
    let inconsistent = || RangeError::Inconsistent { layer: layer() };
    let operands: Vec<(i64, i64)> = node
        .inputs
        .iter()
        .filter_map(|id| graph.nodes.get(id.0))
        .map(|node| node.fact.range)
        .collect();
    let hull = || {
        let (low, high) = (
            operands.iter().map(|r| r.0).min(),
            operands.iter().map(|r| r.1).max(),
        );
        low.zip(high).ok_or_else(inconsistent)
    };
    let accumulated = |weight: ParameterId, bias: Option<ParameterId>| {
        let shape = graph
            .parameters
            .get(weight.0)
            .map(|p: &IntParameter| p.values.shape());
        let terms: usize = shape
            .and_then(|shape| shape.get(1..))
            .ok_or_else(inconsistent)?
            .iter()
            .product();
        let bias = if bias.is_some() {
            i128::from(COMMITTED_BIAS_LIMIT)
        } else {
            0
        };
        let bound = (magnitude(hull()?) * i128::from(COMMITTED_WEIGHT_LIMIT))
            .saturating_mul(terms as i128)
            .saturating_add(bias);
        accumulator(layer(), (-bound, bound))
    };
    match &node.op {
        IntOp::Input => accumulator(layer(), wide(node.fact.range)),
        IntOp::Conv2d { weight, bias, .. } | IntOp::Linear { weight, bias } => accumulated(*weight, *bias),
        IntOp::WeightedSum { coefficients } => {
            let mut sum = (0i128, 0i128);
            for (&c, range) in coefficients.iter().zip(&operands) {
                let (low, high) = wide(*range);
                let ends = (i128::from(c) * low, i128::from(c) * high);
                sum = (
                    sum.0.saturating_add(ends.0.min(ends.1)),
                    sum.1.saturating_add(ends.0.max(ends.1)),
                );
            }
            accumulator(layer(), sum)
        }
        IntOp::SumPool2d { window } => {
            let Window2d { kernel, padding, .. } = window;
            let count = (kernel[0] as i128).saturating_mul(kernel[1] as i128);
            let (low, high) = wide(hull()?);
            let (low, high) = (low.saturating_mul(count), high.saturating_mul(count));
            // A window partly in the padding has fewer terms.
            let padded = padding != &[0, 0];
            accumulator(
                layer(),
                if padded {
                    (low.min(0), high.max(0))
                } else {
                    (low, high)
                },
            )
        }
        IntOp::Rescale {
            multipliers,
            shift,
            table,
            ..
        } => {
            let (least, most) = (multipliers.iter().min(), multipliers.iter().max());
            let (Some(&least), Some(&most)) = (least, most) else {
                return Err(RangeError::BadRescale {
                    layer: layer(),
                    found: 0,
                    shift: *shift,
                });
            };
            if least < 1 || *shift < 1 {
                return Err(RangeError::BadRescale {
                    layer: layer(),
                    found: least,
                    shift: *shift,
                });
            }
            if table.domain_bits.saturating_add(*shift) > 60 {
                let domain_bits = table.domain_bits;
                return Err(RangeError::Domain {
                    layer: layer(),
                    domain_bits,
                    shift: *shift,
                });
            }
            let operand = hull()?;
            let half = 1i128 << (shift - 1);
            let reached = magnitude(operand) * i128::from(most) + half;
            if reached >= LIMIT {
                let accumulator = magnitude(operand);
                return Err(RangeError::Rescale {
                    layer: layer(),
                    accumulator,
                    multiplier: most,
                    shift: *shift,
                    reached,
                });
            }
            let domain = 1i64 << table.domain_bits;
            // Below 2^60 by the check above.
            let scaled = |x: i64, m: i64| ((x * m + half as i64) >> shift).clamp(-domain, domain - 1);
            let low = scaled(operand.0, if operand.0 < 0 { most } else { least });
            let high = scaled(operand.1, if operand.1 < 0 { least } else { most });
            // Every table function is monotone.
            Ok((table.apply(low), table.apply(high)))
        }
        IntOp::MaxPool2d { .. } | IntOp::Reshape | IntOp::Permute { .. } | IntOp::Concat { .. } => hull(),
        IntOp::Pad { .. } => hull().map(|(low, high)| (low.min(0), high.max(0))),
        IntOp::Argmax { axis } => {
            let operand = node
                .inputs
                .first()
                .and_then(|id| graph.nodes.get(id.0))
                .ok_or_else(inconsistent)?;
            let size = *operand.fact.shape.get(*axis).ok_or_else(inconsistent)?;
            Ok((0, size as i64 - 1))
        }
    }
}

/// Largest magnitude in a range.
pub(crate) fn magnitude(range: (i64, i64)) -> i128 {
    let (low, high) = wide(range);
    low.abs().max(high.abs())
}

fn wide((low, high): (i64, i64)) -> (i128, i128) {
    (i128::from(low), i128::from(high))
}

fn accumulator(layer: String, (low, high): (i128, i128)) -> Result<(i64, i64), RangeError> {
    let reached = low.saturating_abs().max(high.saturating_abs());
    if reached >= LIMIT {
        return Err(RangeError::Accumulator { layer, reached });
    }
    // In range: smaller than 2^60 in magnitude.
    Ok((low as i64, high as i64))
}
