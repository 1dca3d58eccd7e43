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

use super::{FloatRoom, Properties, Room};
#[cfg(feature = "prover")]
use super::{FloatSite, QuantizeError, Quantizing};
use crate::circuit::{CurveKind, TableError};

/// An elementwise function.
pub trait Curved: core::fmt::Debug {
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

    /// What holds beside being an activation with a scale of its own.
    fn properties(&self) -> Properties {
        Properties::empty()
    }
}

/// The room of a function without hyper-parameters: its curve, its value in `f64`, and what [`Curved`] asks.
macro_rules! curve {
    ($(#[$doc:meta])* $name:ident = CurveKind::$kind:ident, |$x:ident| $value:expr; steepest $steepest:expr; properties $properties:expr;) => {
        $crate::ops::hyper_parameters! {
            $(#[$doc])*
            $name {}
        }

        impl $crate::ops::Curved for $name {
            fn curve(&self) -> Result<$crate::circuit::CurveKind, $crate::circuit::TableError> {
                Ok($crate::circuit::CurveKind::$kind)
            }

            #[cfg(feature = "prover")]
            fn value(&self, $x: f64) -> f64 {
                $value
            }

            fn steepest(&self) -> f64 {
                $steepest
            }

            fn properties(&self) -> Properties {
                $properties
            }
        }
    };
}

pub(super) use curve;

/// The room of `x` above 0 and another function below it, with one hyper-parameter that is the slope on the left of 0:
/// its curve, and its value below 0.
macro_rules! bent {
    ($(#[$doc:meta])* $name:ident { $(#[$field_doc:meta])* $field:ident: $default:literal }
        = CurveKind::$kind:ident { $of_curve:ident }, |$slope:ident, $x:ident| $below:expr;) => {
        $crate::ops::hyper_parameters! {
            $(#[$doc])*
            $name {
                $(#[$field_doc])*
                $field: f64 = $default,
            }, check |self| $crate::graph::choice(
                stringify!($name), stringify!($field), "a finite number", self.$field.is_finite(),
            )
        }

        impl $crate::ops::Curved for $name {
            fn curve(&self) -> Result<$crate::circuit::CurveKind, $crate::circuit::TableError> {
                let $of_curve = $crate::circuit::Dyadic::from_f64(self.$field)?;
                Ok($crate::circuit::CurveKind::$kind { $of_curve })
            }

            #[cfg(feature = "prover")]
            fn value(&self, $x: f64) -> f64 {
                let $slope = self.$field;
                if $x < 0.0 { $below } else { $x }
            }

            fn steepest(&self) -> f64 {
                self.$field.abs().max(1.0)
            }

            fn properties(&self) -> $crate::ops::Properties {
                use $crate::ops::Properties;
                Properties::ZERO_TO_ZERO | Properties::MONOTONE.when(self.$field >= 0.0)
            }
        }
    };
}

pub(super) use bent;

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

            /// Its name in PyTorch's `nn`.
            const fn layer(&self) -> &'static str {
                match self { $(Self::$layer(_) => stringify!($layer),)* }
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
        Some(self.layer())
    }

    fn properties(&self) -> Properties {
        Properties::ACTIVATION | Properties::OWN_SCALE | self.curved().properties()
    }
}

impl FloatRoom for Elementwise {
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
