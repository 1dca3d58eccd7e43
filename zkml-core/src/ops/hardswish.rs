//! `torch.nn.Hardswish`.

use super::Properties;
use super::elementwise::curve;

curve! {
    /// `x min(max(x + 3, 0), 6) / 6`.
    Hardswish = CurveKind::Hardswish, |x| x * (x + 3.0).clamp(0.0, 6.0) / 6.0;
    steepest 1.5;
    properties Properties::ZERO_TO_ZERO;
}
