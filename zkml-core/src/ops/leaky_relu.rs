//! `torch.nn.LeakyReLU`.

use super::elementwise::bent;

bent! {
    /// `x`, below 0 `negative_slope x`.
    LeakyReLU {
        /// Slope below 0; 0.01.
        negative_slope: 0.01
    } = CurveKind::LeakyRelu { slope }, |slope, x| slope * x;
}
