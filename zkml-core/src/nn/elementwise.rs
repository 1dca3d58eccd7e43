//! Element-wise functions that are looked up in computed tables, as layers and as functions.
//!
//! The list in `ops/elementwise_list.rs` generates all of them.

use super::Tensor;
use super::trace::{Origin, record};
use crate::ops;

macro_rules! elementwise {
    ($($room:ident, $function:ident($($argument:ident),*), $layer:ident, $options:ident { $($field:ident: $kind:ident),* };)*) => {
        $(
            #[doc = concat!("`torch.nn.functional.", stringify!($function), "`; see [`ops::", stringify!($layer), "`].")]
            pub fn $function(x: Tensor $(, $argument: f64)*) -> Tensor {
                #[allow(clippy::needless_update, reason = "some functions take all hyper-parameters")]
                let options = ops::$layer { $($argument,)* ..ops::$layer::new() };
                record(Origin::Function(stringify!($function)), &[x], options.check().map(|()| x.shape), |_| options)
            }

            super::layers::declare!(
                #[doc = concat!("`torch.nn.", stringify!($layer), "`; see [`ops::", stringify!($layer), "`].")]
                $layer,
                ops::$layer,
                /// The result on `x`, of the same shape.
                |self, x| {
                    let shape = self.options.check().map(|()| x.shape);
                    record(Origin::Layer(&self.path), &[x], shape, |_| self.options)
                }
            );
        )*
    };
}

include!("../ops/elementwise_list.rs");
