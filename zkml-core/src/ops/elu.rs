//! `torch.nn.ELU`.

use super::elementwise::bent;

bent! {
    /// `x`, below 0 `alpha (e^x - 1)`.
    ELU {
        /// Minus the limit at minus infinity; 1.
        alpha: 1.0
    } = CurveKind::Elu { alpha }, |alpha, x| alpha * libm::expm1(x);
}
