//! Names of hyper-parameters of the layers that are tables.

macro_rules! elementwise {
    ($($room:ident, $function:ident($($argument:ident),*), $layer:ident, $options:ident { $($field:ident: $kind:ident),* };)*) => {$(
        #[doc = concat!("Hyper-parameters of [`", stringify!($layer), "`](super::", stringify!($layer), ").")]
        pub type $options = crate::ops::$layer;
    )*};
}

include!("../ops/elementwise_list.rs");
