//! Structs of hyper-parameters whose values all have a default.

/// A struct of hyper-parameters for the user and for the compiler of the user's crate: `new` with PyTorch's defaults,
/// `check`, and `infer`, which returns the operand's shape unless a rule is given.
macro_rules! hyper_parameters {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr),* $(,)? }
        $(, check |$self:ident| $check:expr)? $(, shape |$this:ident, $x:ident| $rule:expr)?) => {
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

            $crate::ops::hyper_parameters!(@check $($self, $check)?);
            $crate::ops::hyper_parameters!(@shape $($this, $x, $rule)?);
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
    (@shape) => {
        $crate::graph::infer!(|self, x| Ok(x));
    };
    (@shape $self:ident, $x:ident, $rule:expr) => {
        $crate::graph::infer!(|$self, $x| $rule);
    };
}

pub(crate) use hyper_parameters;
