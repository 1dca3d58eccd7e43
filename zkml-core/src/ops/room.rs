//! The traits of rooms: everything that passes, executors and the lowering ask of an operation.

#[cfg(feature = "prover")]
use ndarray::ArrayD;

use super::{ChannelAffine, Lowering, Properties, RangeError, RangeSite};
#[cfg(feature = "prover")]
use super::{
    Computed, ExecutionError, FloatLayer, FloatSite, IntegerLayer, IntegerSite, Layer, QuantizeError,
    Quantizing,
};
use crate::circuit::{CircuitError, ColumnId, Table};
use crate::graph::{OperandError, ParameterId, Resizing, Shape, Site, Window2d};

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

    /// The shape of its result: that of its only operand, unless the room says otherwise.
    ///
    /// # Errors
    /// What does not fit: an operand, their number, or a parameter.
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        site.one()
    }

    /// What passes may rely on.
    fn properties(&self) -> Properties {
        Properties::empty()
    }

    /// Has it all of these properties?
    fn has(&self, properties: Properties) -> bool {
        self.properties().contains(properties)
    }
}

/// The parameters of an affine layer, in the order of its fields.
pub(super) fn weight_and_bias<'a>(
    weight: &'a mut ParameterId,
    bias: &'a mut Option<ParameterId>,
) -> Vec<&'a mut ParameterId> {
    core::iter::once(weight).chain(bias.as_mut()).collect()
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
    /// Does it return its operand, of this shape? `inputs` is the number of its operands and `shape` its own shape.
    fn returns_operand(&self, operand: &[usize], shape: &[usize], _inputs: usize) -> bool {
        self.has(Properties::SHAPES) && operand == shape
    }

    /// The ratio of its result's scale to its operand's, if it keeps the integers.
    fn scale_factor(&self) -> f64 {
        1.0
    }

    /// The axis along which the values of its result have the order of those of its operand.
    fn ordered_along(&self) -> Option<usize> {
        None
    }

    /// The axis along which it compares values, if nothing but their order counts.
    fn compares_along(&self) -> Option<usize> {
        None
    }

    /// The zeros around height and width that it adds itself, if they count as values.
    fn own_padding(&mut self) -> Option<&mut [usize; 2]> {
        None
    }

    /// Weight and bias, of a layer that is affine in its operand.
    fn layer(&self) -> Option<AffineLayer> {
        None
    }

    /// Weight and bias of such a layer, to be replaced.
    fn layer_mut(&mut self) -> Option<(&mut ParameterId, &mut Option<ParameterId>)> {
        None
    }

    /// The weight whose rows the values of its operand choose.
    fn chosen_rows(&self) -> Option<ParameterId> {
        None
    }

    /// The weight that multiplies each channel of its result, along the last axis.
    fn gain(&self) -> Option<ParameterId> {
        None
    }

    /// Takes that weight away, once a layer behind it multiplies by it.
    fn drop_gain(&mut self) {}

    /// The map of each channel that it is.
    fn channel_affine(&self) -> Option<ChannelAffine> {
        None
    }

    /// Products of weights and activations for each value of the result. `shape_of` gives the shape of a parameter.
    fn products(&self, shape_of: &dyn Fn(ParameterId) -> Vec<usize>) -> usize {
        let row = |layer: AffineLayer| shape_of(layer.weight).iter().skip(1).product();
        let own = usize::from(self.has(Properties::MULTIPLIES));
        self.layer().map_or(own, row)
    }

    /// Refuses values of operands that the operation has no meaning for.
    ///
    /// # Errors
    /// The value, and where it stands.
    #[cfg(feature = "prover")]
    fn accepts(&self, _site: &FloatSite<'_>) -> Result<(), ExecutionError> {
        Ok(())
    }

    /// The layer that it is, its weights laid out; nothing for most operations. `None` where the graph does not fit
    /// together. An execution multiplies many samples with it at once.
    #[cfg(feature = "prover")]
    fn float_layer(&self, _site: &FloatSite<'_>) -> Option<Option<FloatLayer>> {
        Some(None)
    }

    /// Its values, as PyTorch computes them in evaluation mode, with the same bits on every machine; `None` for operands
    /// of the wrong number or shape.
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
    /// The range of its result from the ranges of its operands. This bounds the result for every input and every
    /// weight; it is never an observation. It keeps integers from wrapping in the field.
    ///
    /// # Errors
    /// A value, or a product in its constraints, may reach `2^60`.
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError>;

    /// A bound of the Euclidean norm of each row of its result, a row being the last axis; none if nothing better
    /// follows than from the range of each value. As the range, it holds for every input and every weight. It is
    /// derived where it is needed, and never written down.
    fn norm(&self, _site: &RangeSite<'_>) -> Option<i128> {
        None
    }

    /// Puts fixed values in the place of what calibration chose: multipliers, shifts, steps of tables. What is left is
    /// part of the network's architecture.
    fn forget_calibration(&mut self) {}

    /// Changes the sizes in its own fields with those of the axes, for a text of another length. Shapes and ranges of
    /// results follow by themselves.
    fn resize(&mut self, _resizing: &Resizing) {}

    /// Its options as PyTorch prints those of a module, `1, 6, kernel_size=(5, 5), stride=(1, 1)`; empty if it has none.
    fn options(&self, _site: &RangeSite<'_>) -> String {
        String::new()
    }

    /// The table of a function that it looks values up in, if it has one. Its rows are counted before any is computed.
    fn table(&self) -> Option<Table> {
        None
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

    /// Its values, computed fast; `None` where the operands do not fit. A layer is laid out for this one time. An
    /// operation whose execution may be refused has [`Self::execute_table`] instead.
    #[cfg(feature = "prover")]
    fn execute(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let layer = self.integer_layer(site)??;
        Layer::new(&layer)?.multiply(site.operand(0)?, site.shape())
    }

    /// Its values by definition, as directly as possible: the oracle for [`Self::execute`]. An operation whose
    /// execution may be refused has [`Self::reference_table`] instead.
    #[cfg(feature = "prover")]
    fn reference(&self, _site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        None
    }

    /// What its constraints need besides its result, for [`Hint::Advice`](super::Hint::Advice): the cells of columns,
    /// row-major, in the order of the hint.
    ///
    /// # Errors
    /// A value outside of a table's domain; operands that do not fit.
    #[cfg(feature = "prover")]
    fn advice(&self, site: &IntegerSite<'_>) -> Result<Vec<Vec<i64>>, ExecutionError> {
        Err(site.inconsistent())
    }

    /// As [`Self::execute`], with the values on which a table was looked up.
    ///
    /// # Errors
    /// A value outside of a table's domain; operands that do not fit.
    #[cfg(feature = "prover")]
    fn execute_table(&self, site: &IntegerSite<'_>) -> Result<Computed, ExecutionError> {
        site.computed(self.execute(site))
    }

    /// As [`Self::reference`], with the values on which a table was looked up.
    ///
    /// # Errors
    /// A value outside of a table's domain; operands that do not fit.
    #[cfg(feature = "prover")]
    fn reference_table(&self, site: &IntegerSite<'_>) -> Result<Computed, ExecutionError> {
        site.computed(self.reference(site))
    }
}
