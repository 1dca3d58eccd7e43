//! `torch.nn.SiLU`.

use super::Properties;
use super::elementwise::curve;

curve! {
    /// `x / (1 + e^-x)`.
    SiLU = CurveKind::Silu, |x| x / (1.0 + libm::exp(-x));
    steepest 1.1;
    properties Properties::ZERO_TO_ZERO;
}
