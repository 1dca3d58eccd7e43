//! `Debug` of errors that people read, and of values that they should not.

/// Implements `Debug` of errors by their `Display`.
///
/// `main() -> Result<(), Box<dyn Error>>` prints an error by `Debug`. With this it prints the report that was written
/// for people.
///
/// ```
/// #[derive(thiserror::Error)]
/// enum TooLarge {
///     #[error("expected at most {most}, found {found}")]
///     Number { most: u32, found: u32 },
/// }
///
/// zkml_core::debug_as_display!(TooLarge);
///
/// let error = TooLarge::Number { most: 3, found: 7 };
/// assert_eq!(format!("{error:?}"), "expected at most 3, found 7");
/// ```
#[macro_export]
macro_rules! debug_as_display {
    ($($error:ty),+ $(,)?) => {$(
        impl ::core::fmt::Debug for $error {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(self, f)
            }
        }
    )+};
}

/// Implements `Debug` of a type whose values may be secret: the text says what there is of it, and no value. Logs and
/// panics print by `Debug`.
///
/// ```
/// struct Weights(Vec<i8>);
///
/// zkml_core::debug_without_values!(Weights, self => "Weights({})", self.0.len());
///
/// assert_eq!(format!("{:?}", Weights(vec![7, 8, 9])), "Weights(3)");
/// ```
#[macro_export]
macro_rules! debug_without_values {
    ($type:ty, $self:ident => $($text:tt)+) => {
        impl ::core::fmt::Debug for $type {
            fn fmt(&$self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::write!(f, $($text)+)
            }
        }
    };
}
