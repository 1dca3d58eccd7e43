//! `torch.nn.Conv2d`.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Axis as NdAxis, IxDyn};
use serde::{Deserialize, Serialize};

use super::display::without_bias;
use super::padding_mode::PaddingMode;
use super::product::{add_bias, check_products, rank4, window_factor};
use super::room::weight_and_bias;
use super::{AffineLayer, FloatRoom, IntegerRoom, Lowering, Properties, RangeError, RangeSite, Room};
#[cfg(feature = "prover")]
use super::{FloatLayer, FloatSite, IntOp, IntegerLayer, IntegerSite, QuantizeError, Quantizing};
use crate::circuit::{Axis, CircuitError, ColumnId, Factor};
use crate::graph::{
    OperandError, ParameterId, Shape, ShapeError, Site, Window2d, attempt, choice, infer, of_rank, positive,
    positive_pair, same_name, sized,
};

const NAME: &str = "Conv2d";

/// Hyper-parameters of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv2dOptions {
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the output.
    pub out_channels: usize,
    /// Height and width of the kernel.
    pub kernel_size: [usize; 2],
    /// Step between windows; 1.
    pub stride: [usize; 2],
    /// Cells on both sides; 0.
    pub padding: [usize; 2],
    /// PyTorch's `padding = "same"`: so many cells around the input that the output has its size, with one more behind
    /// than before where that is odd. Then `padding` is 0 and the stride 1; no.
    pub same: bool,
    /// Step inside a window; 1.
    pub dilation: [usize; 2],
    /// Number of groups the channels fall into; 1.
    pub groups: usize,
    /// Whether there is a bias; yes.
    pub bias: bool,
    /// What the cells around the input are: `"zeros"`, `"reflect"`, `"replicate"` or `"circular"`; zeros.
    pub padding_mode: &'static str,
}

impl Conv2dOptions {
    /// With PyTorch's defaults.
    pub const fn new(in_channels: usize, out_channels: usize, kernel_size: [usize; 2]) -> Conv2dOptions {
        let (stride, padding, dilation) = ([1; 2], [0; 2], [1; 2]);
        Conv2dOptions {
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            same: false,
            dilation,
            groups: 1,
            bias: true,
            padding_mode: "zeros",
        }
    }

    /// The cells `(before, after)` around height and width.
    pub const fn surroundings(&self) -> [(usize, usize); 2] {
        let mut amounts = [(0, 0); 2];
        let mut axis = 0;
        while axis < 2 {
            amounts[axis] = if self.same {
                let all = self.dilation[axis].saturating_mul(self.kernel_size[axis].saturating_sub(1));
                (all / 2, all - all / 2)
            } else {
                (self.padding[axis], self.padding[axis])
            };
            axis += 1;
        }
        amounts
    }

    /// The sliding window, with the cells around the input where they are zeros and as many before as behind. `None`
    /// where they are something else, so that the input is padded before.
    pub const fn padded_window(&self) -> Option<Window2d> {
        let [(top, bottom), (left, right)] = self.surroundings();
        let none = top == 0 && left == 0 && bottom == 0 && right == 0;
        if none || (top == bottom && left == right && same_name(self.padding_mode, "zeros")) {
            return Some(Window2d::new(
                self.kernel_size,
                self.stride,
                [top, left],
                self.dilation,
            ));
        }
        None
    }

    /// The sliding window over an input that is padded already.
    pub const fn window(&self) -> Window2d {
        Window2d::new(self.kernel_size, self.stride, [0; 2], self.dilation)
    }

    /// # Errors
    /// A size, stride or dilation of 0; groups that do not divide both channel counts; a padding that there is not.
    pub const fn check(&self) -> Result<(), ShapeError> {
        attempt!(positive(NAME, "in_channels", self.in_channels));
        attempt!(positive(NAME, "out_channels", self.out_channels));
        attempt!(positive_pair(NAME, "kernel_size", self.kernel_size));
        attempt!(positive_pair(NAME, "stride", self.stride));
        attempt!(positive_pair(NAME, "dilation", self.dilation));
        attempt!(positive(NAME, "groups", self.groups));
        attempt!(divided(NAME, self.in_channels, self.out_channels, self.groups));
        attempt!(PaddingMode::check(NAME, self.padding_mode));
        let plain =
            self.stride[0] == 1 && self.stride[1] == 1 && self.padding[0] == 0 && self.padding[1] == 0;
        let expected = "an amount where the stride is not 1 (\"same\" is for a stride of 1)";
        choice(NAME, "padding", expected, plain || !self.same)
    }

    /// `[N, in_channels, H, W] -> [N, out_channels, H', W']`.
    ///
    /// # Errors
    /// Options or an operand that do not fit.
    pub const fn shape(&self, x: Shape) -> Result<Shape, ShapeError> {
        attempt!(self.check());
        attempt!(of_rank(NAME, 4, "4 dimensions [N, C, H, W]", x));
        if x.size(1) != self.in_channels {
            return Err(ShapeError::Channels {
                operation: NAME,
                expected: self.in_channels,
                found: x,
            });
        }
        let [(top, bottom), (left, right)] = self.surroundings();
        attempt!(PaddingMode::fits(NAME, self.padding_mode, x, 2, top, bottom));
        attempt!(PaddingMode::fits(NAME, self.padding_mode, x, 3, left, right));
        let height = x.size(2).saturating_add(top).saturating_add(bottom);
        let width = x.size(3).saturating_add(left).saturating_add(right);
        convolved(x, self.out_channels, &self.window(), [height, width])
    }

    infer!(|self, x| self.shape(x));
}

/// Groups divide both counts of channels.
pub(super) const fn divided(
    operation: &'static str,
    in_channels: usize,
    out_channels: usize,
    groups: usize,
) -> Result<(), ShapeError> {
    if in_channels.is_multiple_of(groups) && out_channels.is_multiple_of(groups) {
        return Ok(());
    }
    Err(ShapeError::Groups {
        operation,
        in_channels,
        out_channels,
        groups,
    })
}

/// `x` under a window that slides over an input of this height and width.
const fn convolved(
    x: Shape,
    out_channels: usize,
    window: &Window2d,
    size: [usize; 2],
) -> Result<Shape, ShapeError> {
    match window.slide(size) {
        Ok([height, width]) => sized(NAME, x, &[x.size(0), out_channels, height, width]),
        Err((window, padded)) => Err(ShapeError::Window {
            operation: NAME,
            window,
            padded,
        }),
    }
}

/// `[N, C, H, W] -> [N, O, H', W']`, weight `[O, C / groups, KH, KW]`, bias `[O]`. Exact in integers; the bias is added
/// to the accumulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "fields are shaped in the line above")]
pub struct Conv2d {
    pub weight: ParameterId,
    pub bias: Option<ParameterId>,
    pub window: Window2d,
    pub groups: usize,
}

impl Room for Conv2d {
    fn parameters_mut(&mut self) -> Vec<&mut ParameterId> {
        weight_and_bias(&mut self.weight, &mut self.bias)
    }

    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        let x = site.one()?;
        let [outputs, inputs, ..] = site.sizes::<4>(self.weight)?;
        let Window2d {
            kernel,
            stride,
            padding,
            dilation,
        } = self.window;
        let options = Conv2dOptions {
            in_channels: inputs.saturating_mul(self.groups),
            out_channels: outputs,
            kernel_size: kernel,
            stride,
            padding,
            dilation,
            groups: self.groups,
            bias: self.bias.is_some(),
            ..Conv2dOptions::new(1, 1, kernel)
        };
        options.shape(x)?;
        let shape = convolved(x, outputs, &self.window, [x.size(2), x.size(3)])?;
        site.expect(Some(self.weight), &[outputs, inputs, kernel[0], kernel[1]])?;
        site.expect(self.bias, &[outputs])?;
        Ok(shape)
    }

    fn properties(&self) -> Properties {
        Properties::ACCUMULATES
    }
}

impl FloatRoom for Conv2d {
    fn own_padding(&mut self) -> Option<&mut [usize; 2]> {
        Some(&mut self.window.padding)
    }

    fn layer(&self) -> Option<AffineLayer> {
        Some(AffineLayer {
            weight: self.weight,
            bias: self.bias,
            window: Some(self.window),
            connected: self.groups == 1,
        })
    }

    fn layer_mut(&mut self) -> Option<(&mut ParameterId, &mut Option<ParameterId>)> {
        Some((&mut self.weight, &mut self.bias))
    }

    #[cfg(feature = "prover")]
    fn float_layer(&self, site: &FloatSite<'_>) -> Option<Option<FloatLayer>> {
        let (weight, bias) = (site.parameter(self.weight)?, site.optional(self.bias)?);
        FloatLayer::new(weight, bias, Some((self.window, self.groups))).map(Some)
    }

    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        site.multiply(&self.float_layer(site)??)
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        let (window, groups) = (self.window, self.groups);
        let op = |(weight, bias)| {
            IntOp::Conv2d(Conv2d {
                weight,
                bias,
                window,
                groups,
            })
        };
        quantizing.products((self.weight, self.bias), 1, &op)
    }
}

impl IntegerRoom for Conv2d {
    fn range(&self, site: &RangeSite<'_>) -> Result<(i64, i64), RangeError> {
        site.products(self.weight, self.bias)
    }

    fn options(&self, site: &RangeSite<'_>) -> String {
        let Some(&[outputs, inputs, ..]) = (site.parameter)(self.weight) else {
            return String::new();
        };
        let mut text = format!(
            "{}, {outputs}, {}",
            inputs.saturating_mul(self.groups),
            self.window
        );
        if self.groups != 1 {
            text += &format!(", groups={}", self.groups);
        }
        text + without_bias(self.bias)
    }

    /// A contraction over a view of the windows:
    /// `y[n, o, p] = sum_{c, d} W[o, c, d] x[n, c, p * stride + d * dilation - padding] + b[o]`.
    fn lower(&self, lowering: &mut dyn Lowering<'_>) -> Result<ColumnId, CircuitError> {
        let (name, (x, fact)) = (lowering.name(), lowering.operand(0));
        let (n, channels) = (fact.shape[0], fact.shape[1]);
        let [_, out_channels, out_height, out_width] = rank4(&lowering.fact().shape);
        let (groups, [height, width]) = (self.groups, self.window.kernel);
        let (per_group, out_per_group) = (channels / groups, out_channels / groups);
        // The kernel comes first: its padding to a power of two is then whole rows, which are not stored.
        let tensor_shape = [groups, out_per_group, per_group, height, width];
        let w = lowering.weight(self.weight, &tensor_shape, &[3, 4, 0, 1, 2])?;
        check_products(lowering, (fact.range, None), per_group * height * width)?;

        let windows = lowering.circuit().view(
            &format!("{name}/windows"),
            &[n, groups, per_group, height, width, out_height, out_width],
            x,
            vec![
                Factor::identity(0, 0),
                Factor::affine(&[(1, per_group as i64), (2, 1)], 0, 1),
                window_factor(&self.window, 0, 3, 5, 2),
                window_factor(&self.window, 1, 4, 6, 3),
            ],
        );
        let windows = lowering.windows(windows);
        let grouped = lowering.circuit().contraction(
            &format!("{name}/product"),
            &[n, groups, out_per_group, out_height, out_width],
            w,
            windows,
            vec![
                Axis::free_right(0, 0),
                Axis::shared(2, 1, 1),
                Axis::free_left(3, 2),
                Axis::summed(4, 2),
                Axis::summed(0, 3),
                Axis::summed(1, 4),
                Axis::free_right(5, 3),
                Axis::free_right(6, 4),
            ],
        );
        let joined = Factor {
            view_axes: vec![1],
            strides: vec![1],
            offset: 0,
            source_axes: vec![1, 2],
        };
        let factors = vec![
            Factor::identity(0, 0),
            joined,
            Factor::identity(2, 3),
            Factor::identity(3, 4),
        ];
        let shape = &lowering.fact().shape;
        let product = lowering
            .circuit()
            .view(&format!("{name}/channels"), shape, grouped, factors);
        add_bias(lowering, product, self.bias, 1)
    }

    #[cfg(feature = "prover")]
    fn integer_layer<'a>(&self, site: &IntegerSite<'a>) -> Option<Option<IntegerLayer<'a>>> {
        let convolution = Some((self.window, self.groups));
        IntegerLayer::new(site, self.weight, self.bias, convolution).map(Some)
    }

    #[cfg(feature = "prover")]
    fn reference(&self, site: &IntegerSite<'_>) -> Option<ArrayD<i64>> {
        let (x, weight) = (site.operand(0)?, site.parameter(self.weight)?);
        let bias = site.optional(self.bias)?;
        let per_group = weight.shape()[0] / self.groups;
        let input = [x.shape()[2], x.shape()[3]];
        Some(ArrayD::from_shape_fn(IxDyn(site.shape()), |y| {
            let mut sum = bias.as_ref().map_or(0, |bias| i128::from(bias[[y[1]]]));
            for (at, w) in weight.index_axis(NdAxis(0), y[1]).indexed_iter() {
                let channel = y[1] / per_group * weight.shape()[1] + at[0];
                if let Some([h, v]) = self.window.source([y[2], y[3]], [at[1], at[2]], input) {
                    sum += i128::from(*w) * i128::from(x[[y[0], channel, h, v]]);
                }
            }
            sum as i64
        }))
    }
}
