//! `torch.nn.Tanh`.

use super::Properties;
use super::elementwise::curve;

curve! {
    /// `(e^x - e^-x) / (e^x + e^-x)`.
    Tanh = CurveKind::Tanh, |x| libm::tanh(x);
    steepest 1.0;
    properties Properties::MONOTONE | Properties::ZERO_TO_ZERO;
}
