//! Classes of both networks, row by row.

use ndarray::{ArrayD, Axis};

use super::AccuracyError;
use crate::graph::{Graph, NodeId};
use crate::ops::{Float, Properties, class_axis};
use crate::quant::Quantized;

/// How often both networks give the same class, and the right one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClassAccuracy {
    /// Classified rows: the samples, times the batch, times the places of a picture that each have a class.
    pub rows: usize,
    /// Rows where the float network's class is the label; `None` without labels.
    pub float_correct: Option<usize>,
    /// Rows where the integer network's class is the label; `None` without labels.
    pub integer_correct: Option<usize>,
    /// Rows where both networks give the same class. A row of a sample that the integer network refuses is none of
    /// them, and not correct.
    pub agreement: usize,
    /// The float network gives every row the same class. Then agreement says little.
    pub constant: bool,
}

impl ClassAccuracy {
    /// The share of rows where both networks give the same class; 1 without rows.
    pub fn agreement_rate(&self) -> f64 {
        self.agreement as f64 / self.rows.max(1) as f64
    }
}

/// Where the classes of a network are read.
#[derive(Debug, Clone, Copy)]
pub(super) enum Classes {
    /// This output is the index of the largest score.
    Index(usize),
    /// The index of the largest score of output 0 along this axis, the first one among equals.
    Largest(usize),
    /// The sign of the only score of output 0: class 1 above 0, else class 0.
    Sign,
}

impl Classes {
    /// Where a network's classes are read, if it is a classifier: it ends in an argmax, or its classes have names, or
    /// there are labels.
    pub(super) fn of(float: &Graph<Float>, quantized: &Quantized, labels: bool) -> Option<Self> {
        let is_index = |id: &NodeId| float[*id].op.room().has(Properties::INDEX);
        if let Some(output) = float.outputs.iter().position(is_index) {
            return Some(Self::Index(output));
        }
        if quantized.record.classes.is_empty() && !labels {
            return None;
        }
        let shape = &float[*float.outputs.first()?].fact;
        let axis = class_axis(shape.len())?;
        Some(match shape.get(axis) {
            Some(1) => Self::Sign,
            _ => Self::Largest(axis),
        })
    }

    /// The output that is read.
    pub(super) fn output(self) -> usize {
        match self {
            Self::Index(output) => output,
            Self::Largest(_) | Self::Sign => 0,
        }
    }

    /// How many classes a sample has, from the shape of the output.
    pub(super) fn rows(self, shape: &[usize]) -> usize {
        let values: usize = shape.iter().product();
        match self {
            Self::Index(_) | Self::Sign => values,
            Self::Largest(axis) => values / shape.get(axis).copied().unwrap_or(1).max(1),
        }
    }

    /// The classes of an output's real values, in row-major order of the places.
    pub(super) fn read(self, values: &ArrayD<f64>) -> Vec<usize> {
        match self {
            Self::Index(_) => values.iter().map(|index| *index as usize).collect(),
            Self::Sign => values.iter().map(|score| usize::from(*score > 0.0)).collect(),
            Self::Largest(axis) => {
                let first_largest = |lane: ndarray::ArrayView1<'_, f64>| {
                    let better = |best: (usize, f64), (index, &score): (usize, &f64)| match score > best.1 {
                        true => (index, score),
                        false => best,
                    };
                    lane.iter().enumerate().fold((0, f64::NEG_INFINITY), better).0
                };
                values
                    .map_axis(Axis(axis), first_largest)
                    .iter()
                    .copied()
                    .collect()
            }
        }
    }
}

/// Refuses labels of another number than the rows, and labels where no class can be read.
pub(super) fn check_labels(
    labels: Option<&[usize]>,
    classes: Option<Classes>,
    rows: usize,
) -> Result<(), AccuracyError> {
    match labels {
        Some(labels) if classes.is_none() || labels.len() != rows => Err(AccuracyError::Labels {
            expected: classes.map_or(0, |_| rows),
            found: labels.len(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_have_a_class_in_each_place() {
        // [1, 2, 1, 2]: class 1 on the left, and a tie on the right, which goes to class 0.
        let scores = ArrayD::from_shape_vec(vec![1, 2, 1, 2], vec![0.0, 5.0, 1.0, 5.0]).unwrap();
        let classes = Classes::Largest(1);
        assert_eq!(classes.read(&scores), [1, 0]);
        assert_eq!(classes.rows(scores.shape()), 2);
        let logits = ArrayD::from_shape_vec(vec![3, 1], vec![-1.0, 2.0, 0.0]).unwrap();
        assert_eq!(Classes::Sign.read(&logits), [0, 1, 0]);
    }
}
