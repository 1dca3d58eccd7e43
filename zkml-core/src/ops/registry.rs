//! How the list of rooms at the end of `ops/mod.rs` becomes enums and dispatch.

/// Declares rooms, and re-exports what they have.
macro_rules! rooms {
    ($($(#[$attribute:meta])* $room:ident),* $(,)?) => {
        $($(#[$attribute])* mod $room; $(#[$attribute])* pub use $room::*;)*
    };
}

/// An enum with a variant for each operation, in this order, and its dispatch.
macro_rules! operations {
    ($(#[$doc:meta])* $name:ident, $room:ident, $($variant:ident),* $(,)?) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $(
                #[doc = concat!("See [`", stringify!($variant), "`](type@", stringify!($variant), ").")]
                $variant($variant),
            )*
        }

        impl $name {
            /// The room of the operation.
            pub fn room(&self) -> &dyn $room {
                match self { $(Self::$variant(operation) => operation,)* }
            }

            /// The room of the operation, to be altered.
            pub fn room_mut(&mut self) -> &mut dyn $room {
                match self { $(Self::$variant(operation) => operation,)* }
            }
        }

        impl Operation for $name {
            fn name(&self) -> &'static str {
                let own = match self { $(Self::$variant(_) => stringify!($variant),)* };
                self.room().label().unwrap_or(own)
            }

            fn is_input(&self) -> bool {
                self.room().has(Properties::INPUT)
            }

            fn parameters(&self) -> Vec<ParameterId> {
                let mut copy = self.clone();
                copy.room_mut().parameters_mut().into_iter().map(|id| *id).collect()
            }

            fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError> {
                self.room().shape(site)
            }
        }

        $(
            impl From<$variant> for $name {
                fn from(operation: $variant) -> Self {
                    Self::$variant(operation)
                }
            }
        )*
    };
}

pub(super) use {operations, rooms};
