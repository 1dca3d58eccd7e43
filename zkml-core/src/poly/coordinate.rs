//! Coordinates of evaluation points: bits and challenges.

use crate::field::{K, M61};

/// One coordinate of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coordinate {
    /// A Boolean constant.
    Bit(bool),
    /// A challenge, used for no other coordinate of the point.
    Challenge(K),
}

impl Coordinate {
    /// Its value in `K`.
    pub fn value(self) -> K {
        match self {
            Self::Bit(bit) => K::new(M61::from_raw(u64::from(bit)), M61::from_raw(0)),
            Self::Challenge(value) => value,
        }
    }

    /// A point of challenges.
    pub fn challenges(point: &[K]) -> Vec<Self> {
        point.iter().copied().map(Self::Challenge).collect()
    }
}
