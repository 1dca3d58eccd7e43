//! `torch.abs`.

use super::Properties;
use super::elementwise::curve;

curve! {
    /// `|x|`.
    Abs = CurveKind::Abs, |x| x.abs();
    steepest 1.0;
    properties Properties::ZERO_TO_ZERO | Properties::NON_NEGATIVE | Properties::HOMOGENEOUS;
}
