//! Convolutions and linear layers in `f32`, their weights laid out for the tiles of [`float`](crate::float) once for all
//! samples.

use ndarray::{ArrayD, ArrayViewD};

use super::float_convolution::FloatConvolution;
use crate::field::kernels::Backend;
use crate::float::Matrix;
use crate::graph::Window2d;

/// A convolution or linear layer of the float graph.
#[derive(Debug, Clone)]
pub struct FloatLayer(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Linear { matrix: Matrix, bias: Option<Vec<f32>> },
    Convolution(FloatConvolution),
}

impl FloatLayer {
    /// Lays weights out: `[O, I]` of a linear layer; `[O, C / groups, KH, KW]` of a convolution, which has a window and
    /// a number of groups. `None` where the sizes do not fit.
    pub fn new(
        weight: ArrayViewD<'_, f32>,
        bias: Option<Vec<f32>>,
        convolution: Option<(Window2d, usize)>,
    ) -> Option<Self> {
        let values = weight.as_standard_layout();
        let values = values.as_slice()?;
        let outputs = *weight.shape().first()?;
        if bias.as_ref().is_some_and(|bias| bias.len() != outputs) {
            return None;
        }
        let layer = match convolution {
            None => {
                let inner = values.len().checked_div(outputs)?;
                let matrix = Matrix::new(inner, outputs, |k, o| values[o * inner + k]);
                Kind::Linear { matrix, bias }
            }
            Some((window, groups)) => {
                let &[_, inputs, height, width] = weight.shape() else {
                    return None;
                };
                if [height, width] != window.kernel {
                    return None;
                }
                let bias = bias.unwrap_or_else(|| vec![0.0; outputs]);
                Kind::Convolution(FloatConvolution::new(values, bias, inputs, window, groups)?)
            }
        };
        Some(Self(layer))
    }

    /// The layer on every sample; each result has the given shape. `None` where an operand does not fit.
    pub fn multiply(&self, samples: &[&ArrayD<f32>], shape: &[usize]) -> Option<Vec<ArrayD<f32>>> {
        self.multiply_with(Backend::best(), samples, shape)
    }

    /// As [`Self::multiply`], with the instructions of one's choice.
    pub fn multiply_with(
        &self,
        backend: Backend,
        samples: &[&ArrayD<f32>],
        shape: &[usize],
    ) -> Option<Vec<ArrayD<f32>>> {
        let operand = *samples.first()?;
        if samples.iter().any(|x| x.shape() != operand.shape()) {
            return None;
        }
        let x: Vec<&[f32]> = samples.iter().map(|x| x.as_slice()).collect::<Option<_>>()?;
        let mut results: Vec<Vec<f32>> = samples
            .iter()
            .map(|_| vec![0.0; shape.iter().product()])
            .collect();
        match &self.0 {
            Kind::Linear { matrix, bias } => {
                let (&inputs, &outputs) = (operand.shape().last()?, shape.last()?);
                let (rows, results_rows) = (
                    operand.len().checked_div(inputs)?,
                    shape.iter().product::<usize>(),
                );
                if inputs != matrix.inner() || outputs != matrix.outputs() || results_rows != rows * outputs {
                    return None;
                }
                let rows: Vec<&[f32]> = x.iter().flat_map(|x| x.chunks_exact(inputs)).collect();
                let results = results.iter_mut().flat_map(|y| y.chunks_exact_mut(outputs));
                matrix.multiply(backend, &rows, bias.as_deref(), results.collect());
            }
            Kind::Convolution(layer) => {
                layer.multiply(backend, &x, operand.shape(), shape, &mut results)?;
            }
        }
        let results = results.into_iter();
        results.map(|y| ArrayD::from_shape_vec(shape, y).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::field::kernels::available_backends;
    use crate::float::tests::values;

    fn tensor(seed: u64, shape: &[usize]) -> ArrayD<f32> {
        ArrayD::from_shape_vec(shape, values(seed, shape.iter().product())).unwrap()
    }

    /// The definition: one sum after the other, in the order of the weight's cells.
    fn convolved(
        x: &ArrayD<f32>,
        weight: &ArrayD<f32>,
        bias: Option<&[f32]>,
        window: &Window2d,
        groups: usize,
    ) -> ArrayD<f32> {
        let (xs, ws) = (x.shape(), weight.shape());
        let [out_height, out_width] = window.output([xs[2], xs[3]]).unwrap();
        ArrayD::from_shape_fn(vec![xs[0], ws[0], out_height, out_width], |y| {
            let mut sum = bias.map_or(0.0, |bias| bias[y[1]]);
            for i in 0..ws[1] {
                for kh in 0..ws[2] {
                    for kw in 0..ws[3] {
                        let h = (y[2] * window.stride[0] + kh * window.dilation[0])
                            .wrapping_sub(window.padding[0]);
                        let w = (y[3] * window.stride[1] + kw * window.dilation[1])
                            .wrapping_sub(window.padding[1]);
                        let c = y[1] / (ws[0] / groups) * ws[1] + i;
                        sum += weight[[y[1], i, kh, kw]] * x.get([y[0], c, h, w]).unwrap_or(&0.0);
                    }
                }
            }
            sum
        })
    }

    fn bits(values: &ArrayD<f32>) -> Vec<u32> {
        values.iter().map(|value| value.to_bits()).collect()
    }

    fn check(
        layer: &FloatLayer,
        samples: &[ArrayD<f32>],
        expected: &[ArrayD<f32>],
    ) -> Result<(), TestCaseError> {
        let operands: Vec<&ArrayD<f32>> = samples.iter().collect();
        for &backend in available_backends() {
            let found = layer
                .multiply_with(backend, &operands, expected[0].shape())
                .unwrap();
            for (found, expected) in found.iter().zip(expected) {
                prop_assert_eq!(found.shape(), expected.shape());
                prop_assert_eq!(bits(found), bits(expected), "{}", backend.name());
            }
        }
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn convolutions_are_the_obvious_sum(
            (groups, inputs, outputs) in (1usize..4, 1usize..4, 1usize..30),
            (samples, n) in (1usize..4, 1usize..3), with_bias: bool,
            kernel in [1usize..5, 1usize..5], stride in [1usize..5, 1usize..5],
            padding in [0usize..4, 0usize..4], dilation in [1usize..4, 1usize..4],
            (height, width) in (1usize..12, prop_oneof![1usize..12, 30usize..40]), seed in 0u64..1 << 20,
        ) {
            let window = Window2d { kernel, stride, padding, dilation };
            prop_assume!(window.output([height, width]).is_some());
            let samples: Vec<_> = (0..samples as u64)
                .map(|sample| tensor(seed + sample, &[n, inputs * groups, height, width]))
                .collect();
            let weight = tensor(seed + 9, &[outputs * groups, inputs, kernel[0], kernel[1]]);
            let bias = with_bias.then(|| values(seed + 10, outputs * groups));
            let layer = FloatLayer::new(weight.view(), bias.clone(), Some((window, groups))).unwrap();
            let of_sample = |x| convolved(x, &weight, bias.as_deref(), &window, groups);
            check(&layer, &samples, &samples.iter().map(of_sample).collect::<Vec<_>>())?;
        }

        #[test]
        fn linear_layers_are_the_obvious_sum(
            (samples, rows, inputs, outputs) in (1usize..4, 1usize..9, 1usize..40, 1usize..50), with_bias: bool,
            seed in 0u64..1 << 20,
        ) {
            let samples: Vec<_> =
                (0..samples as u64).map(|sample| tensor(seed + sample, &[1, rows, inputs])).collect();
            let weight = tensor(seed + 9, &[outputs, inputs]);
            let bias = with_bias.then(|| values(seed + 10, outputs));
            let layer = FloatLayer::new(weight.view(), bias.clone(), None).unwrap();
            let of_sample = |x: &ArrayD<f32>| {
                ArrayD::from_shape_fn(vec![1, rows, outputs], |y| {
                    let first = bias.as_ref().map_or(0.0, |bias| bias[y[2]]);
                    (0..inputs).fold(first, |sum, k| sum + weight[[y[2], k]] * x[[0, y[1], k]])
                })
            };
            check(&layer, &samples, &samples.iter().map(of_sample).collect::<Vec<_>>())?;
        }
    }

    /// Many tasks give what one gives.
    #[test]
    fn threads_change_no_bit() {
        let window = Window2d::new([3, 3], [1, 1], [1, 1], [1, 1]);
        for (groups, channels) in [(1, 70), (35, 70), (70, 70)] {
            let weight = tensor(3, &[channels, channels / groups, 3, 3]);
            let layer = FloatLayer::new(weight.view(), None, Some((window, groups))).unwrap();
            let samples: Vec<_> = (0..9)
                .map(|sample| tensor(sample, &[1, channels, 7, 5]))
                .collect();
            let operands: Vec<&ArrayD<f32>> = samples.iter().collect();
            let run = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new()
                    .num_threads(threads)
                    .build()
                    .unwrap();
                pool.install(|| layer.multiply(&operands, samples[0].shape()).unwrap())
            };
            let (one, five) = (run(1), run(5));
            assert!(one.iter().map(bits).eq(five.iter().map(bits)));
            assert_eq!(
                bits(&one[8]),
                bits(&convolved(&samples[8], &weight, None, &window, groups))
            );
        }
    }

    #[test]
    fn operands_that_do_not_fit_are_refused() {
        let window = Window2d::new([3, 3], [1, 1], [1, 1], [1, 1]);
        let weight = tensor(1, &[6, 2, 3, 3]);
        let layer = |groups| FloatLayer::new(weight.view(), None, Some((window, groups)));
        assert!(layer(0).is_none() && layer(4).is_none());
        assert!(FloatLayer::new(weight.view(), Some(vec![0.0; 5]), Some((window, 1))).is_none());
        let (layer, x) = (layer(2).unwrap(), tensor(2, &[1, 4, 5, 5]));
        assert!(layer.multiply(&[&x], &[1, 6, 5, 5]).is_some());
        assert!(layer.multiply(&[&x], &[1, 6, 5, 4]).is_none());
        assert!(
            layer
                .multiply(&[&x, &tensor(2, &[1, 4, 5, 6])], &[1, 6, 5, 5])
                .is_none()
        );
        assert!(
            layer
                .multiply(&[&tensor(2, &[1, 3, 5, 5])], &[1, 6, 5, 5])
                .is_none()
        );
    }
}
