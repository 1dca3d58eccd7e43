//! What goes into a proof and comes out of it: integers, and the real numbers they stand for.

use zkml_core::graph::ChannelScales;

/// A tensor of integers with scales: `real = scale * integer + offset`, with one scale for all or one for each channel.
/// What PyTorch calls a quantized tensor.
///
/// ```no_run
/// # use zkml::prelude::*;
/// # fn show(answer: &zkml::Answer) {
/// let scores = &answer.outputs()[0];
/// println!("{:?}: {:?}, exactly {:?}", scores.shape(), scores.values(), scores.integers());
/// # }
/// ```
#[derive(Clone, PartialEq)]
pub struct QuantizedTensor {
    number: usize,
    shape: Vec<usize>,
    scales: ChannelScales,
    integers: Vec<i64>,
    values: Vec<f32>,
}

// It may be a private one.
zkml_core::debug_without_values!(
    QuantizedTensor, self => "QuantizedTensor(number {}, shape {:?}, scale {})", self.number, self.shape, self.scales
);

impl QuantizedTensor {
    /// `integers` are row-major, as many as `shape` says.
    pub(super) fn new(number: usize, shape: Vec<usize>, scales: ChannelScales, integers: Vec<i64>) -> Self {
        let values = scales.reals(&shape, &integers).map(|real| real as f32).collect();
        Self {
            number,
            shape,
            scales,
            integers,
            values,
        }
    }

    /// Its number among all inputs or all outputs of the model, from 0. Private tensors count: the public outputs of a
    /// model may have the numbers 0 and 2.
    pub fn number(&self) -> usize {
        self.number
    }

    /// Its shape, batch first.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// What the integers stand for; 1 for an index.
    pub fn scales(&self) -> &ChannelScales {
        &self.scales
    }

    /// The integers of the argument, row-major.
    pub fn integers(&self) -> &[i64] {
        &self.integers
    }

    /// The real numbers they stand for, row-major.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The real numbers as an array.
    #[cfg(feature = "prover")]
    pub fn to_array(&self) -> ndarray::ArrayD<f32> {
        let mut values = self.values.iter().copied();
        // There are as many values as elements. If there were fewer, NaN would show it without a panic.
        ndarray::ArrayD::from_shape_simple_fn(self.shape.as_slice(), || values.next().unwrap_or(f32::NAN))
    }

    /// The class of each row of `[batch, scores]`: the index of its largest score, the first one among equals. None for
    /// a tensor of any other number of axes.
    pub(super) fn classes(&self) -> Vec<usize> {
        let [_, scores] = self.shape.as_slice() else {
            return Vec::new();
        };
        // Channels may have scales of their own, so real numbers are compared, in full precision.
        let reals: Vec<f64> = self.scales.reals(&self.shape, &self.integers).collect();
        let first_largest = |row: &[f64]| {
            let largest = row.iter().copied().max_by(f64::total_cmp)?;
            row.iter().position(|score| *score == largest)
        };
        reals.chunks((*scores).max(1)).filter_map(first_largest).collect()
    }
}

/// The classes of all rows of output 0; none where it is private, or no scores.
pub(super) fn classes_of(outputs: &[QuantizedTensor]) -> Vec<usize> {
    let scores = outputs.iter().find(|output| output.number == 0);
    scores.map(QuantizedTensor::classes).unwrap_or_default()
}

/// The class of a batch of one; none for outputs that are no scores, or of several rows.
pub(super) fn class_of(outputs: &[QuantizedTensor]) -> Option<usize> {
    match classes_of(outputs).as_slice() {
        [class] => Some(*class),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_first_largest_scores() {
        let scores = QuantizedTensor::new(0, vec![2, 3], ChannelScales::one(0.5), vec![-3, 4, 4, -1, -2, -3]);
        assert_eq!(scores.classes(), [1, 0]);
        assert_eq!(scores.values(), [-1.5, 2.0, 2.0, -0.5, -1.0, -1.5]);
        assert_eq!(class_of(&[scores]), None);
        let scales = ChannelScales::new(vec![0.001, 1.0], vec![1]);
        let detector = QuantizedTensor::new(0, vec![1, 2], scales, vec![500, 1]);
        assert_eq!(detector.values(), [0.5, 1.0]);
        assert_eq!(class_of(&[detector]), Some(1));
        assert_eq!(
            class_of(&[QuantizedTensor::new(
                0,
                vec![1, 2],
                ChannelScales::one(0.5),
                vec![1, 7]
            )]),
            Some(1)
        );
        // Where output 0 is private, the scores of output 1 are no class.
        assert_eq!(
            class_of(&[QuantizedTensor::new(
                1,
                vec![1, 2],
                ChannelScales::one(0.5),
                vec![1, 7]
            )]),
            None
        );
    }

    /// An argmax is a class already, and the scores of a picture lie along another axis.
    #[test]
    fn only_rows_of_scores_have_classes() {
        for shape in [vec![3], vec![1, 1, 3], vec![]] {
            assert_eq!(
                class_of(&[QuantizedTensor::new(
                    0,
                    shape,
                    ChannelScales::one(1.0),
                    vec![1, 2, 3]
                )]),
                None
            );
        }
        assert_eq!(class_of(&[]), None);
    }

    #[cfg(feature = "prover")]
    #[test]
    fn arrays_are_row_major() {
        let array = QuantizedTensor::new(0, vec![2, 2], ChannelScales::one(2.0), vec![1, 2, 3, 4]).to_array();
        assert_eq!(array, ndarray::arr2(&[[2.0, 4.0], [6.0, 8.0]]).into_dyn());
    }
}
