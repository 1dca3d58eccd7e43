//! What a room says of its operation.

#[cfg(feature = "prover")]
use ndarray::ArrayD;

#[cfg(feature = "prover")]
use super::{Computed, ExecutionError, FloatSite, IntegerLayer, IntegerSite, QuantizeError, Quantizing};
use super::{Lowering, RangeError, RangeSite};
use crate::circuit::{CircuitError, ColumnId};
use crate::graph::{OperandError, ParameterId, Shape, Site, Window2d};

/// What holds for an operation in floats and in integers.
pub trait Room {
    /// Its parameters, in the order of its fields.
    fn parameters_mut(&mut self) -> Vec<&mut ParameterId> {
        Vec::new()
    }

    /// Its name, where that is not the one of its variant.
    fn label(&self) -> Option<&'static str> {
        None
    }

    /// The shape of its result.
    ///
    /// # Errors
    /// What does not fit: an operand, their number, or a parameter.
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError>;

    /// Is it an input of the network?
    fn is_input(&self) -> bool {
        false
    }

    /// Is its result a sum of products or of values, wider than its operands?
    fn accumulates(&self) -> bool {
        false
    }

    /// Is its result the values of its operand in another order or shape, each exactly once?
    fn moves_values(&self) -> bool {
        false
    }

    /// Is it an index, compared from values and not to be computed with?
    fn is_index(&self) -> bool {
        false
    }
}

/// A layer `W x + b` whose output channels are the first axis of its weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AffineLayer {
    /// The weight.
    pub weight: ParameterId,
    /// The bias.
    pub bias: Option<ParameterId>,
    /// What slides, in a convolution.
    pub window: Option<Window2d>,
    /// Is every output channel made of all input channels?
    pub connected: bool,
}

/// An operation of the floating-point graph.
pub trait FloatRoom: Room {
    /// Is every value of its result one of its operand, or 0?
    fn selects_values(&self) -> bool {
        self.moves_values()
    }

    /// Does it take the largest of several values?
    fn takes_maxima(&self) -> bool {
        false
    }

    /// Is it a function of each value by itself?
    fn is_activation(&self) -> bool {
        false
    }

    /// Does its result have a scale of its own, whatever the scale of its operand?
    fn has_own_scale(&self) -> bool {
        false
    }

    /// Does a larger operand never give a smaller result, value by value?
    fn monotone(&self) -> bool {
        false
    }

    /// Is the result of zeros zeros, value by value?
    fn maps_zero_to_zero(&self) -> bool {
        false
    }

    /// Is no value of its result negative?
    fn non_negative(&self) -> bool {
        false
    }

    /// Does it return operands that are not negative as they are?
    fn keeps_non_negative(&self) -> bool {
        false
    }

    /// Does it join its operands along an axis, so that they need one scale?
    fn joins(&self) -> bool {
        false
    }

    /// Does it return its operand, of this shape? `inputs` is the number of its operands and `shape` its own shape.
    fn returns_operand(&self, _operand: &[usize], _shape: &[usize], _inputs: usize) -> bool {
        false
    }

    /// Are its values the same for every input?
    fn is_fixed(&self) -> bool {
        false
    }

    /// Is its result, on an accumulator, one as well, of the same scale or [another](Self::scale_factor)?
    fn keeps_accumulators(&self) -> bool {
        self.moves_values()
    }

    /// What the scale of its operand is multiplied with, where it keeps the integers.
    fn scale_factor(&self) -> f64 {
        1.0
    }

    /// Zeros around height and width that it adds itself, if it counts them as values.
    fn own_padding(&mut self) -> Option<&mut [usize; 2]> {
        None
    }

    /// Is it a mean over windows without padding?
    fn takes_means(&self) -> bool {
        false
    }

    /// Weight and bias, of a layer that is affine in its operand.
    fn layer(&self) -> Option<AffineLayer> {
        None
    }

    /// Weight and bias of such a layer, to be replaced.
    fn layer_mut(&mut self) -> Option<(&mut ParameterId, &mut Option<ParameterId>)> {
        None
    }

    /// Products of weights and activations for each value of the result. `shape_of` gives the shape of a parameter.
    fn products(&self, _shape_of: &dyn Fn(ParameterId) -> Vec<usize>) -> usize {
        0
    }

    /// Its values, as PyTorch computes them in evaluation mode; `None` for operands of the wrong number or shape.
    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>>;

    /// Appends integer operations for it.
    ///
    /// # Errors
    /// See [`QuantizeError`].
    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError>;
}

/// An operation of the integer graph.
pub trait IntegerRoom: Room {
    /// The range of its result from the ranges of its operands: a bound for every input and every weight, never an observation. It keeps
    /// integers from wrapping in the field.
    ///
    /// # Errors
    /// A value, or a product in its constraints, may reach `2^60`.
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError>;

    /// Is it an input or an output that is public, whatever the model's privacy?
    fn reveals(&self) -> bool {
        false
    }

    /// Adds columns and constraints; returns the column of the result.
    ///
    /// # Errors
    /// [`CircuitError`], naming the layer.
    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError>;

    /// The layer that it is; nothing for most operations. `None` where the graph does not fit together. An execution
    /// has layers computed where their weights lie.
    #[cfg(feature = "prover")]
    fn integer_layer<'a>(&self, _site: &IntegerSite<'a>) -> Option<Option<IntegerLayer<'a>>> {
        Some(None)
    }

    /// Its values, computed fast; `None` where the operands do not fit. A layer is laid out for this one time.
    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>>;

    /// Its values by definition, as directly as possible: the oracle for [`Self::execute`].
    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>>;

    /// As [`Self::execute`], with the values on which a table was looked up.
    ///
    /// # Errors
    /// A value outside of a table's domain; operands that do not fit.
    #[cfg(feature = "prover")]
    fn execute_table(&self, site: &IntegerSite<'_>) -> Result<Computed, ExecutionError> {
        self.execute(site)
            .map(Computed::plain)
            .ok_or_else(|| site.inconsistent())
    }

    /// As [`Self::reference`], with the values on which a table was looked up.
    ///
    /// # Errors
    /// A value outside of a table's domain; operands that do not fit.
    #[cfg(feature = "prover")]
    fn reference_table(&self, site: &IntegerSite<'_>) -> Result<Computed, ExecutionError> {
        self.reference(site)
            .map(Computed::plain)
            .ok_or_else(|| site.inconsistent())
    }
}
