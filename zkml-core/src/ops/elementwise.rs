//! Elementwise functions: what their rooms share.
//!
//! A room gives the function as a curve whose table is computed exactly (`circuit/table/curve`), its value in `f64`,
//! and the properties that passes ask for. In the integer network the function is the table of the rescale before it:
//!
//! ```text
//! v = floor((acc m + 2^(s-1)) / 2^s),     q = round(f(v s_v) / s_y)
//! ```
//!
//! The step `s_v` of the argument is fine enough for the slope of the function and wide enough for its calibrated
//! range.

#[cfg(feature = "prover")]
use ndarray::ArrayD;

use super::{FloatRoom, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, QuantizeError, Quantizing};
use crate::circuit::{CurveKind, TableError};
use crate::graph::{OperandError, Shape, Site};

/// An elementwise function.
pub trait Curved: core::fmt::Debug {
    /// Its name in PyTorch's `nn`.
    fn label(&self) -> &'static str;

    /// The function whose table the circuit has.
    ///
    /// # Errors
    /// A hyper-parameter that no table takes.
    fn curve(&self) -> Result<CurveKind, TableError>;

    /// The function in `f64`.
    #[cfg(feature = "prover")]
    fn value(&self, x: f64) -> f64;

    /// An upper bound of the absolute value of its slope.
    fn steepest(&self) -> f64;

    /// Does a larger operand never give a smaller result?
    fn monotone(&self) -> bool {
        false
    }

    /// Is `f(0) = 0`?
    fn maps_zero_to_zero(&self) -> bool {
        false
    }

    /// Is no result negative?
    fn non_negative(&self) -> bool {
        false
    }
}

/// A struct of hyper-parameters, for the compiler too: `new` with PyTorch's defaults, `check`, `infer`.
macro_rules! hyper_parameters {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr),* $(,)? }
        $(, check |$self:ident| $check:expr)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $name {
            /// With PyTorch's defaults.
            pub const fn new() -> $name {
                $name { $($field: $default),* }
            }

            hyper_parameters!(@check $($self, $check)?);

            $crate::graph::infer!(|self, x| Ok(x));
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new()
            }
        }
    };
    (@check) => {
        /// # Errors
        /// None.
        pub const fn check(&self) -> Result<(), $crate::graph::ShapeError> {
            Ok(())
        }
    };
    (@check $self:ident, $check:expr) => {
        /// # Errors
        /// A hyper-parameter that makes no sense.
        pub const fn check(&$self) -> Result<(), $crate::graph::ShapeError> {
            $check
        }
    };
}

pub(super) use hyper_parameters;

/// Rooms, and the enum of all of them.
macro_rules! elementwise {
    ($($room:ident, $function:ident($($argument:ident),*), $layer:ident, $options:ident { $($field:ident: $kind:ident),* };)*) => {
        /// A function of each value by itself, whose table is computed.
        #[derive(Debug, Clone, Copy, PartialEq)]
        #[non_exhaustive]
        pub enum Elementwise {
            $(
                #[doc = concat!("See [`", stringify!($layer), "`](struct@super::", stringify!($layer), ").")]
                $layer(super::$layer),
            )*
        }

        impl Elementwise {
            /// The room of the function.
            pub fn curved(&self) -> &dyn Curved {
                match self { $(Self::$layer(function) => function,)* }
            }
        }

        $(
            impl From<super::$layer> for super::FloatOp {
                fn from(function: super::$layer) -> Self {
                    Self::Elementwise(Elementwise::$layer(function))
                }
            }
        )*
    };
}

include!("elementwise_list.rs");

impl Room for Elementwise {
    fn label(&self) -> Option<&'static str> {
        Some(self.curved().label())
    }

    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
        site.one()
    }
}

impl FloatRoom for Elementwise {
    fn is_activation(&self) -> bool {
        true
    }

    fn has_own_scale(&self) -> bool {
        true
    }

    fn monotone(&self) -> bool {
        self.curved().monotone()
    }

    fn maps_zero_to_zero(&self) -> bool {
        self.curved().maps_zero_to_zero()
    }

    fn non_negative(&self) -> bool {
        self.curved().non_negative()
    }

    #[cfg(feature = "prover")]
    fn evaluate(&self, site: &FloatSite<'_>) -> Option<ArrayD<f32>> {
        let function = self.curved();
        Some(site.operand(0)?.mapv(|x| function.value(f64::from(x)) as f32))
    }

    #[cfg(feature = "prover")]
    fn quantize(&self, quantizing: &mut dyn Quantizing) -> Result<(), QuantizeError> {
        let function = self.curved();
        let curve = function.curve().map_err(|error| QuantizeError::Table {
            layer: quantizing.node().name.clone(),
            error,
        })?;
        quantizing.curve(curve, function.steepest())
    }
}
