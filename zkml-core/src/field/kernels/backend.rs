//! The choice of the instruction set.

use std::sync::OnceLock;

/// An instruction set that this machine has. Values come from [`available_backends`] and [`Backend::best`]
/// only, so whoever holds one may run its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backend(pub(super) Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// The backends of this machine, slowest first. The first is always the portable one.
pub fn available_backends() -> &'static [Backend] {
    static BACKENDS: OnceLock<Vec<Backend>> = OnceLock::new();
    BACKENDS.get_or_init(detect)
}

fn detect() -> Vec<Backend> {
    #[allow(unused_mut)]
    let mut found = vec![Backend::PORTABLE];
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx2") {
            found.push(Backend(Kind::Avx2));
        }
        if is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512ifma")
            && is_x86_feature_detected!("avx512vnni")
        {
            found.push(Backend(Kind::Avx512));
        }
    }
    found
}

impl Backend {
    /// Plain integer code: the reference, on every machine.
    pub const PORTABLE: Backend = Backend(Kind::Portable);

    /// The fastest backend of this machine.
    #[inline]
    pub fn best() -> Backend {
        static BEST: OnceLock<Backend> = OnceLock::new();
        *BEST.get_or_init(|| available_backends().last().copied().unwrap_or(Backend::PORTABLE))
    }

    /// Which one it is, for kernels outside of this folder.
    pub(crate) const fn kind(self) -> Kind {
        self.0
    }

    /// `portable`, `avx2` or `avx512`.
    pub const fn name(self) -> &'static str {
        match self.0 {
            Kind::Portable => "portable",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
        }
    }
}

/// Calls the kernel of this name of a backend.
macro_rules! dispatch {
    ($backend:expr, $module:ident::$name:ident($($argument:expr),* $(,)?)) => {
        match $backend.0 {
            Kind::Portable => $crate::field::kernels::portable::$module::$name($($argument),*),
            // SAFETY: a `Backend` of this kind exists only where the instruction set was detected.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { $crate::field::kernels::avx2::$module::$name($($argument),*) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { $crate::field::kernels::avx512::$module::$name($($argument),*) },
        }
    };
    ($backend:expr, $name:ident($($argument:expr),* $(,)?)) => {
        match $backend.0 {
            Kind::Portable => $crate::field::kernels::portable::$name($($argument),*),
            // SAFETY: a `Backend` of this kind exists only where the instruction set was detected.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => unsafe { $crate::field::kernels::avx2::$name($($argument),*) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { $crate::field::kernels::avx512::$name($($argument),*) },
        }
    };
}

pub(super) use dispatch;
