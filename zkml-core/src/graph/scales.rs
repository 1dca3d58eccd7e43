//! What the integers of a tensor stand for.

use core::fmt;

use serde::{Deserialize, Serialize};

/// `real = scale * integer + offset`, with one scale for the tensor or one for each index along some axes.
///
/// Example: the boxes and scores of a detector, `[1, 7, 20, 20]`, with a scale for each of its 7 channels: axes `[1]`
/// and 7 scales.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelScales {
    /// The axes along which scales differ, in ascending order; none where one scale holds for all.
    pub axes: Vec<usize>,
    /// Positive and finite: one for each row-major index along the axes.
    pub scales: Vec<f64>,
    /// Finite, as many as there are scales; none where all are 0.
    pub offsets: Vec<f64>,
}

impl ChannelScales {
    /// One scale for all values, and no offset. 1 for an index.
    pub fn one(scale: f64) -> Self {
        Self::new(vec![scale], Vec::new())
    }

    /// Scales along axes, without offsets. Equal scales are one scale.
    pub fn new(scales: Vec<f64>, axes: Vec<usize>) -> Self {
        let same = scales.iter().all(|scale| Some(scale) == scales.first());
        let (scales, axes) = match same {
            true => (scales.into_iter().take(1).collect(), Vec::new()),
            false => (scales, axes),
        };
        Self {
            axes,
            scales,
            offsets: Vec::new(),
        }
    }

    /// The scale, if one holds for all values and there is no offset.
    pub fn only(&self) -> Option<f64> {
        match (self.scales.as_slice(), self.offsets.is_empty()) {
            ([scale], true) => Some(*scale),
            _ => None,
        }
    }

    /// The scale of index 0, for text.
    pub fn first(&self) -> f64 {
        self.scales.first().copied().unwrap_or(f64::NAN)
    }

    /// Scale and offset of each value of a tensor of that shape, row-major.
    pub fn of_values<'a>(&'a self, shape: &'a [usize]) -> impl Iterator<Item = (f64, f64)> + 'a {
        let inner = |axis: usize| {
            shape
                .iter()
                .skip(axis.saturating_add(1))
                .product::<usize>()
                .max(1)
        };
        let strides: Vec<(usize, usize)> = self
            .axes
            .iter()
            .map(|axis| (inner(*axis), shape.get(*axis).copied().unwrap_or(1).max(1)))
            .collect();
        (0..shape.iter().product()).map(move |cell| {
            let digits = strides.iter();
            let channel = digits.fold(0, |index, (inner, size)| index * size + cell / inner % size);
            let scale = self.scales.get(channel).copied().unwrap_or(f64::NAN);
            (scale, self.offsets.get(channel).copied().unwrap_or(0.0))
        })
    }

    /// The real numbers that the integers of a tensor of that shape stand for, row-major.
    pub fn reals<'a>(&'a self, shape: &'a [usize], integers: &'a [i64]) -> impl Iterator<Item = f64> + 'a {
        let pairs = self.of_values(shape).zip(integers);
        pairs.map(|((scale, offset), &integer)| scale * integer as f64 + offset)
    }

    /// Do these fit a tensor of that shape? If not, what was expected, and what was found.
    ///
    /// # Errors
    /// Axes that do not ascend or do not exist, another number of scales than there are indices, scales that are not
    /// positive, numbers that are not finite.
    pub fn check(&self, shape: &[usize]) -> Result<(), (String, String)> {
        let ascend = self.axes.windows(2).all(|pair| pair[0] < pair[1]);
        if !ascend || self.axes.iter().any(|axis| *axis >= shape.len()) {
            let expected = format!("ascending axes of {} dimensions", shape.len());
            return Err((expected, format!("{:?}", self.axes)));
        }
        let sizes = self.axes.iter().filter_map(|axis| shape.get(*axis));
        let count = sizes.copied().try_fold(1usize, usize::checked_mul);
        if Some(self.scales.len()) != count {
            let expected = count.map_or("fewer values".to_owned(), |count| format!("{count} of them"));
            return Err((expected, self.scales.len().to_string()));
        }
        if let Some(scale) = self
            .scales
            .iter()
            .find(|scale| !(scale.is_finite() && **scale > 0.0))
        {
            return Err(("a positive, finite scale".into(), scale.to_string()));
        }
        let offsets = self.offsets.len();
        if offsets != 0 && offsets != self.scales.len() {
            let expected = format!("no offset, or {}", self.scales.len());
            return Err((expected, offsets.to_string()));
        }
        match self.offsets.iter().find(|offset| !offset.is_finite()) {
            Some(offset) => Err(("a finite offset".into(), offset.to_string())),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ChannelScales {
    /// `0.05`, or `7 from 0.001 to 0.8 along dim 1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scales.len() == 1 {
            write!(f, "{}", self.first())?;
        } else {
            let least = self.scales.iter().copied().fold(f64::INFINITY, f64::min);
            let most = self.scales.iter().copied().fold(0.0, f64::max);
            let axes: Vec<String> = self.axes.iter().map(usize::to_string).collect();
            write!(
                f,
                "{} from {least} to {most} along dim {}",
                self.scales.len(),
                axes.join(", ")
            )?;
        }
        if self.offsets.is_empty() {
            return Ok(());
        }
        let least = self.offsets.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.offsets.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        write!(f, ", offsets from {least} to {most}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_along_their_axes() {
        let by_head = ChannelScales {
            offsets: vec![0.0, 10.0, 20.0, 30.0],
            ..ChannelScales::new(vec![1.0, 2.0, 3.0, 4.0], vec![0, 2])
        };
        let shape = [2, 2, 2];
        by_head.check(&shape).unwrap();
        let reals: Vec<f64> = by_head.reals(&shape, &[1; 8]).collect();
        assert_eq!(reals, [1.0, 12.0, 1.0, 12.0, 23.0, 34.0, 23.0, 34.0]);
        let one = ChannelScales::new(vec![0.5; 3], vec![1]);
        assert_eq!((one.only(), one.to_string()), (Some(0.5), "0.5".to_owned()));
        assert_eq!(one.reals(&[2], &[3, -4]).collect::<Vec<_>>(), [1.5, -2.0]);
        assert_eq!(ChannelScales::one(1.0).of_values(&[]).count(), 1);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let good = ChannelScales::new(vec![1.0, 2.0, 3.0], vec![1]);
        good.check(&[5, 3]).unwrap();
        for (bad, expected) in [
            (good.clone(), "2 of them"),
            (
                ChannelScales {
                    axes: vec![2],
                    ..good.clone()
                },
                "ascending axes of 2 dimensions",
            ),
            (
                ChannelScales {
                    axes: vec![1, 0],
                    ..good.clone()
                },
                "ascending axes of 2 dimensions",
            ),
            (
                ChannelScales::new(vec![1.0, 0.0], vec![1]),
                "a positive, finite scale",
            ),
            (ChannelScales::one(f64::NAN), "a positive, finite scale"),
            (
                ChannelScales {
                    offsets: vec![1.0, 2.0],
                    ..ChannelScales::one(1.0)
                },
                "no offset, or 1",
            ),
            (
                ChannelScales {
                    offsets: vec![f64::INFINITY],
                    ..ChannelScales::one(1.0)
                },
                "a finite offset",
            ),
        ] {
            assert_eq!(bad.check(&[5, 2]).unwrap_err().0, expected, "{bad:?}");
        }
        let huge = ChannelScales {
            axes: vec![0, 1],
            ..good
        };
        assert!(huge.check(&[usize::MAX, 3]).is_err());
    }
}
