//! How the list of passes in `optimize/mod.rs` becomes modules and [`all`](super::all).

/// Declares the module of each pass, and collects the passes in the order of the list.
macro_rules! passes {
    ($($(#[$attribute:meta])* $level:ident: $doc:literal { $($module:ident :: $pass:ident),* $(,)? })*) => {
        $(
            #[doc = $doc]
            $(#[$attribute])*
            pub mod $level {
                $(pub mod $module;)*

                pub(super) const PASSES: &[&dyn super::Pass] = &[$(&$module::$pass),*];
            }
        )*

        const LEVELS: &[&[&dyn Pass]] = &[$($(#[$attribute])* $level::PASSES),*];

        /// How many passes there are.
        const COUNT: usize = {
            let (mut count, mut level) = (0, 0);
            while level < LEVELS.len() {
                count += LEVELS[level].len();
                level += 1;
            }
            count
        };

        /// All passes in the order of the list; without the feature `prover` those of the circuit level.
        pub fn all() -> impl Iterator<Item = &'static dyn Pass> {
            LEVELS.iter().flat_map(|level| level.iter().copied())
        }
    };
}

pub(super) use passes;
