//! From the bytes of an image to the input of a network.

use serde::{Deserialize, Serialize};

/// From the bytes of an image to the network's input, channel by channel:
///
/// ```text
/// padded with `pad` zero pixels on each side, then (byte / 255 - mean) / deviation
/// ```
///
/// That is `Compose([Pad(pad), ToTensor(), Normalize(mean, std)])` of torchvision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// Zero pixels around the image.
    pub pad: usize,
    /// A mean for each channel, or one for all.
    pub mean: Vec<f32>,
    /// A deviation for each channel, or one for all; positive.
    pub deviation: Vec<f32>,
}

impl Default for Preprocessing {
    /// Bytes divided by 255, nothing else.
    fn default() -> Self {
        Self {
            pad: 0,
            mean: vec![0.0],
            deviation: vec![1.0],
        }
    }
}

impl Preprocessing {
    /// Whether it can be applied to images of that many channels.
    pub fn fits(&self, channels: usize) -> bool {
        let count = |values: &[f32]| values.len() == 1 || values.len() == channels;
        count(&self.mean)
            && count(&self.deviation)
            && self.mean.iter().all(|mean| mean.is_finite())
            && self
                .deviation
                .iter()
                .all(|value| value.is_finite() && *value > 0.0)
    }

    /// The real number for a byte of that channel.
    pub fn apply(&self, channel: usize, byte: u8) -> f32 {
        let of = |values: &[f32], otherwise: f32| {
            values
                .get(channel)
                .or(values.first())
                .copied()
                .unwrap_or(otherwise)
        };
        (f32::from(byte) / 255.0 - of(&self.mean, 0.0)) / of(&self.deviation, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_normalized_by_channel() {
        let preprocessing = Preprocessing {
            pad: 2,
            mean: vec![0.5, 0.0],
            deviation: vec![0.5],
        };
        assert!(preprocessing.fits(2) && !preprocessing.fits(3));
        assert_eq!(preprocessing.apply(0, 255), 1.0);
        assert_eq!(preprocessing.apply(1, 255), 2.0);
        let negative = Preprocessing {
            deviation: vec![-1.0],
            ..Preprocessing::default()
        };
        assert!(!negative.fits(1));
    }
}
