//! Static range analysis: a proof that no integer of the network can wrap in the field.
//!
//! It derives an interval for every edge from the range of the input and from what the setup proof shows of
//! parameters: a weight lies in `[-128, 127]`, and a bias is four int8 digits in base 256. It never looks at the
//! weights themselves, which may be private. For every
//!
//!   - accumulator `acc`:                           `|acc| < 2^60`
//!   - rescale, for every multiplier m and shift s: `|acc * m + 2^(s-1)| < 2^60`
//!   - rescale, over the whole domain of its table: `2^domain_bits * 2^s <= 2^58`
//!
//! With the last two, `acc * m + 2^(s-1) = v * 2^s + rem` modulo `p = 2^61 - 1` implies the same over the
//! integers: the two sides differ by less than p.

use crate::circuit::TableError;
use crate::graph::{IntFact, ParameterId, ParameterRole};

/// `2^60`: integers of smaller magnitude are told apart modulo `p = 2^61 - 1`.
pub const LIMIT: i128 = 1 << 60;

/// Largest magnitude of a quantized weight.
pub const WEIGHT_LIMIT: i64 = 127;

/// Biases lie in `[-BIAS_LIMIT, BIAS_LIMIT]`: what four int8 digits in `[-127, 127]` can hold.
pub const BIAS_LIMIT: i64 = 127 * (1 + 256 + 65_536 + 16_777_216);

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
    #[error("`{layer}`: a table on 2^{domain_bits} values times 2^{shift} exceeds the limit 2^58")]
    Domain {
        /// Name of the node.
        layer: String,
        /// Bits of the table's domain.
        domain_bits: u32,
        /// Shift of the rescale.
        shift: u32,
    },
    /// A table cannot be computed.
    #[error("`{layer}`: {error}")]
    Table {
        /// Name of the node.
        layer: String,
        /// Why.
        error: TableError,
    },
    /// A rescale with a multiplier out of bounds, no multiplier, or a shift of 0.
    #[error(
        "`{layer}`: a rescale needs multipliers of 1 to 2^31 - 1 and a shift of at least 1, found {found}, {shift}"
    )]
    BadRescale {
        /// Name of the node.
        layer: String,
        /// The multiplier out of bounds, 0 where there is none.
        found: i64,
        /// Shift of the rescale.
        shift: u32,
    },
    /// A quantity in the constraints of an operation may reach the limit.
    #[error("`{layer}`: {quantity} may reach {reached}, the limit is 2^60 = {LIMIT}")]
    Reached {
        /// Name of the node.
        layer: String,
        /// Which one.
        quantity: &'static str,
        /// Largest magnitude that cannot be excluded.
        reached: i128,
    },
    /// Ids of an embedding that may have no row.
    #[error("`{layer}`: ids in [{}, {}] for {rows} rows", found.0, found.1)]
    Ids {
        /// Name of the node.
        layer: String,
        /// The range of the ids.
        found: (i64, i64),
        /// Rows of the weight.
        rows: i64,
    },
    /// An epsilon in steps that is not the real one.
    #[error("`{layer}`: eps {eps} is {expected} in squared steps of the operand, found {found}")]
    Epsilon {
        /// Name of the node.
        layer: String,
        /// The real one.
        eps: String,
        /// What it is in steps.
        expected: String,
        /// What the network has.
        found: i64,
    },
    /// A norm whose widths do not fit each other.
    #[error("`{layer}`: the widths of the norm do not fit each other")]
    BadNorm {
        /// Name of the node.
        layer: String,
    },
    /// A quotient of a width that is not supported, or a shift of 0.
    #[error("`{layer}`: a quotient has 2 to 24 bits and a shift of at least 1, found {bits}, {shift}")]
    BadQuotient {
        /// Name of the node.
        layer: String,
        /// Bits of the result.
        bits: u32,
        /// The shift.
        shift: u32,
    },
    /// A residual that is divided by more than the numerator it stands in.
    #[error("`{layer}`: a residual is divided by at most 2^{shift} as the numerator is, found 2^{by}")]
    BadResidual {
        /// Name of the node.
        layer: String,
        /// The largest power of two.
        by: u32,
        /// The shift.
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
    /// The graph would not pass validation.
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
        ParameterRole::Bias => (-BIAS_LIMIT, BIAS_LIMIT),
    }
}

/// Where an integer operation stands, as the range analysis sees it.
pub struct RangeSite<'a> {
    /// Name of the node.
    pub name: &'a str,
    /// What is known of the operands.
    pub operands: Vec<&'a IntFact>,
    /// For each operand a bound of the norm of its rows, where there is one.
    pub norms: Vec<Option<i128>>,
    /// What is known of the node itself: an input keeps its range.
    pub fact: &'a IntFact,
    /// The shape of a parameter.
    pub parameter: &'a dyn Fn(ParameterId) -> Option<&'a [usize]>,
}

impl RangeSite<'_> {
    /// The graph would not pass validation.
    pub fn inconsistent(&self) -> RangeError {
        RangeError::Inconsistent {
            layer: self.name.to_owned(),
        }
    }

    /// The smallest range that holds those of all operands.
    ///
    /// # Errors
    /// There is no operand.
    pub fn hull(&self) -> Result<(i64, i64), RangeError> {
        let low = self.operands.iter().map(|fact| fact.range.0).min();
        let high = self.operands.iter().map(|fact| fact.range.1).max();
        low.zip(high).ok_or_else(|| self.inconsistent())
    }

    /// The range of a bias and a sum of products: an operand times the weights of one output, `weight[o, ..]`.
    ///
    /// # Errors
    /// [`RangeError::Accumulator`].
    pub fn products(&self, weight: ParameterId, bias: Option<ParameterId>) -> Result<(i64, i64), RangeError> {
        self.products_of((self.hull()?, None), weight, bias)
    }

    /// As [`Self::products`], of the first operand, each row of which meets the weights of one output.
    ///
    /// # Errors
    /// [`RangeError::Accumulator`].
    pub fn row_products(
        &self,
        weight: ParameterId,
        bias: Option<ParameterId>,
    ) -> Result<(i64, i64), RangeError> {
        let norm = self.norms.first().copied().flatten();
        self.products_of((self.hull()?, norm), weight, bias)
    }

    fn products_of(
        &self,
        (range, norm): ((i64, i64), Option<i128>),
        weight: ParameterId,
        bias: Option<ParameterId>,
    ) -> Result<(i64, i64), RangeError> {
        let shape = (self.parameter)(weight).and_then(|shape| shape.get(1..));
        let terms: usize = shape.ok_or_else(|| self.inconsistent())?.iter().product();
        let bias = bias.map_or(0, |_| i128::from(COMMITTED_BIAS_LIMIT));
        let bound = largest_product(range, norm, terms).saturating_add(bias);
        self.accumulator((-bound, bound))
    }

    /// A range of accumulators, which must stay below `2^60`.
    ///
    /// # Errors
    /// [`RangeError::Accumulator`].
    pub fn accumulator(&self, range: (i128, i128)) -> Result<(i64, i64), RangeError> {
        accumulator(self.name.to_owned(), range)
    }
}

/// The largest magnitude of a sum of `terms` products with committed weights: that of the operand times that of a
/// weight, `terms` times. If the operand's terms have at most this norm, Cauchy and Schwarz give another bound: the
/// norm times that of the weights, which is at most `128 sqrt(terms)`. Example: 576 terms of 16 bits and norm 32,781
/// reach 101 million, where without the norm they reach 2.4 billion.
pub(crate) fn largest_product(range: (i64, i64), norm: Option<i128>, terms: usize) -> i128 {
    let (terms, weight) = (terms as i128, i128::from(COMMITTED_WEIGHT_LIMIT));
    let each = (magnitude(range) * weight).saturating_mul(terms);
    let squared = |norm: i128| {
        norm.checked_mul(norm)?
            .checked_mul(weight * weight)?
            .checked_mul(terms)
    };
    match norm.and_then(squared) {
        Some(square) => each.min(ceil_sqrt(square)),
        None => each,
    }
}

/// The least integer that is not below the root of a number that is not negative.
pub(crate) fn ceil_sqrt(square: i128) -> i128 {
    let root = square.max(0).isqrt();
    root + i128::from(root * root < square)
}

/// Largest magnitude in a range.
pub(crate) fn magnitude(range: (i64, i64)) -> i128 {
    let (low, high) = wide(range);
    low.abs().max(high.abs())
}

pub(crate) fn wide((low, high): (i64, i64)) -> (i128, i128) {
    (i128::from(low), i128::from(high))
}

/// A range of accumulators, which must stay below `2^60`.
///
/// # Errors
/// [`RangeError::Accumulator`].
pub(crate) fn accumulator(layer: String, (low, high): (i128, i128)) -> Result<(i64, i64), RangeError> {
    let reached = low.saturating_abs().max(high.saturating_abs());
    if reached >= LIMIT {
        return Err(RangeError::Accumulator { layer, reached });
    }
    // In range: smaller than 2^60 in magnitude.
    Ok((low as i64, high as i64))
}
