//! How files store a parameter whose shape in the graph is another one.
//!
//! PyTorch has layers that are other layers in disguise: a convolution in one dimension is one in two dimensions of
//! height 1, and a transposed convolution is a convolution with its kernel turned. The graph has the plain layer. Only
//! loading knows of the disguise.

#[cfg(feature = "prover")]
use ndarray::{ArrayD, Axis};

use super::ParameterSpec;

/// How a file stores a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrangement {
    /// As the graph has it.
    AsStored,
    /// The kernel `[O, I, K]` of a convolution in one dimension, which the graph has as `[O, I, 1, K]`.
    Squeezed,
    /// The kernel `[I groups, O / groups, KH, KW]` of a transposed convolution, which the graph has as `[O, I, KH,
    /// KW]`, turned by 180 degrees.
    Transposed {
        /// Groups of the channels.
        groups: usize,
    },
    /// The kernel of a transposed convolution in one dimension: both of the above.
    SqueezedTransposed {
        /// Groups of the channels.
        groups: usize,
    },
    /// The weight `[I, O]` of a layer that multiplies from the right, which the graph has as `[O, I]`.
    Turned,
}

impl Arrangement {
    /// The groups of a transposed convolution.
    const fn groups(self) -> Option<usize> {
        match self {
            Self::AsStored | Self::Squeezed | Self::Turned => None,
            Self::Transposed { groups } | Self::SqueezedTransposed { groups } => Some(groups),
        }
    }

    const fn is_squeezed(self) -> bool {
        matches!(self, Self::Squeezed | Self::SqueezedTransposed { .. })
    }
}

impl ParameterSpec {
    /// The shape that a file has it in.
    pub fn stored_shape(&self) -> Vec<usize> {
        let mut shape = self.shape.clone();
        if self.arrangement == Arrangement::Turned {
            shape.reverse();
        }
        if let (Some(groups), [outputs, inputs, ..]) = (self.arrangement.groups(), shape.as_mut_slice()) {
            (*outputs, *inputs) = (inputs.saturating_mul(groups), *outputs / groups.max(1));
        }
        if self.arrangement.is_squeezed() && shape.len() > 2 {
            shape.remove(2);
        }
        shape
    }

    /// The values of [that shape](Self::stored_shape), as the graph has them.
    #[cfg(feature = "prover")]
    pub fn arrange(&self, mut values: ArrayD<f32>) -> ArrayD<f32> {
        if self.arrangement == Arrangement::Turned {
            return values.reversed_axes().as_standard_layout().into_owned();
        }
        if self.arrangement.is_squeezed() {
            values = values.insert_axis(Axis(2));
        }
        let (Some(groups), &[outputs, _, height, width]) = (self.arrangement.groups(), self.shape.as_slice())
        else {
            return values;
        };
        let (inputs_each, outputs_each) = (
            values.shape()[0] / groups.max(1),
            (outputs / groups.max(1)).max(1),
        );
        ArrayD::from_shape_fn(self.shape.as_slice(), |at| {
            let group = at[0] / outputs_each;
            values[[
                group * inputs_each + at[1],
                at[0] % outputs_each,
                height - 1 - at[2],
                width - 1 - at[3],
            ]]
        })
    }
}

#[cfg(all(test, feature = "prover"))]
mod tests {
    use super::*;

    fn spec(shape: &[usize], arrangement: Arrangement) -> ParameterSpec {
        ParameterSpec {
            path: "weight".into(),
            shape: shape.to_vec(),
            arrangement,
        }
    }

    #[test]
    fn a_transposed_kernel_is_turned_within_its_group() {
        let spec = spec(&[6, 2, 3, 1], Arrangement::Transposed { groups: 2 });
        assert_eq!(spec.stored_shape(), [4, 3, 3, 1]);
        let stored = ArrayD::from_shape_fn(vec![4, 3, 3, 1], |at| (100 * at[0] + 10 * at[1] + at[2]) as f32);
        let values = spec.arrange(stored);
        assert_eq!(values.shape(), [6, 2, 3, 1]);
        // Output 4 is number 1 of group 1, whose inputs are 2 and 3.
        assert_eq!(values[[4, 1, 0, 0]], 312.0);
        assert_eq!(values[[0, 0, 2, 0]], 0.0);
    }

    #[test]
    fn kernels_in_one_dimension_have_height_1() {
        let turned = spec(&[3, 2], Arrangement::Turned);
        assert_eq!(turned.stored_shape(), [2, 3]);
        let values = ArrayD::from_shape_fn(vec![2, 3], |at| (10 * at[0] + at[1]) as f32);
        assert_eq!(turned.arrange(values)[[2, 1]], 12.0);
        let plain = spec(&[6, 2, 1, 5], Arrangement::Squeezed);
        assert_eq!(plain.stored_shape(), [6, 2, 5]);
        assert_eq!(plain.arrange(ArrayD::zeros(vec![6, 2, 5])).shape(), [6, 2, 1, 5]);
        let transposed = spec(&[6, 2, 1, 5], Arrangement::SqueezedTransposed { groups: 1 });
        assert_eq!(transposed.stored_shape(), [2, 6, 5]);
        let stored = ArrayD::from_shape_fn(vec![2, 6, 5], |at| at[2] as f32);
        assert_eq!(transposed.arrange(stored)[[3, 1, 0, 0]], 4.0);
    }
}
