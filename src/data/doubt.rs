//! Arrays that do not look like what images become.

use zkml_core::quant::Preprocessing;

use super::{Content, Sample};

/// Values so many times as large as those of images are on another scale.
const BEYOND: f32 = 8.0;

/// What is doubtful about arrays of real numbers for a network that takes images: these are taken as they are, and an
/// image becomes other numbers. `None` where nothing is, and without arrays.
///
/// Example: pixels from 0 to 255 for a network whose images become numbers from 0 to 1.
pub fn doubt(samples: &[Sample], preprocessing: &Preprocessing) -> Option<String> {
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    for sample in samples {
        if let Content::Tensor(values) = &sample.content {
            low = values.iter().copied().fold(low, f32::min);
            high = values.iter().copied().fold(high, f32::max);
        }
    }
    if low > high {
        return None;
    }
    let channels = preprocessing.mean.len().max(preprocessing.deviation.len());
    let black = (0..channels).map(|channel| preprocessing.apply(channel, 0));
    let black = black.fold(f32::INFINITY, f32::min);
    let white = (0..channels).map(|channel| preprocessing.apply(channel, 255));
    let white = white.fold(f32::NEG_INFINITY, f32::max);
    let images = format!("images of this model become numbers from {black:.3} to {white:.3}");
    let remedy = "arrays of bytes (uint8) are prepared like images, others are taken as they are";
    if high.max(-low) > BEYOND * white.max(-black) {
        return Some(format!(
            "arrays reach from {low} to {high}, and {images}: {remedy}"
        ));
    }
    // Pixels that were divided by 255, for a network that subtracts a mean.
    let is_unit = low >= 0.0 && high <= 1.0 && high > 0.5;
    (is_unit && black < 0.0).then(|| {
        format!("arrays reach from {low} to {high}, as if nothing were subtracted, and {images}: {remedy}")
    })
}

#[cfg(test)]
mod tests {
    use ndarray::ArrayD;

    use super::*;

    fn of(values: &[f32], preprocessing: &Preprocessing) -> Option<String> {
        let array = ArrayD::from_shape_vec(vec![values.len()], values.to_vec()).unwrap();
        let sample = Sample {
            place: String::new(),
            label: None,
            content: Content::Tensor(array),
        };
        doubt(&[sample], preprocessing)
    }

    #[test]
    fn arrays_on_another_scale_are_doubted() {
        let plain = Preprocessing::default();
        let normalized = Preprocessing {
            mean: vec![0.5],
            deviation: vec![0.25],
            ..Preprocessing::default()
        };
        assert_eq!(of(&[0.0, 1.0], &plain), None);
        assert_eq!(of(&[-2.0, 1.9], &normalized), None);
        let bytes = of(&[0.0, 255.0], &plain).unwrap();
        assert!(
            bytes.contains("from 0 to 255") && bytes.contains("uint8"),
            "{bytes}"
        );
        assert!(of(&[0.0, 255.0], &normalized).is_some());
        let unit = of(&[0.0, 1.0], &normalized).unwrap();
        assert!(unit.contains("from -2.000 to 2.000"), "{unit}");
        assert_eq!(doubt(&[], &plain), None);
    }
}
