//! Networks that read texts of any length.

use core::fmt;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

/// How many tokens a network of a language model reads, and how many of a cache come before them.
///
/// Such a network is kept at one pair of lengths, which stand for all others: every axis with as many cells as there
/// are tokens is an axis of tokens, every axis with as many cells as the cache is one of the cache, and every axis with
/// as many as both together is one of both. [`Lengths::standing_apart_from`] chooses lengths that no other axis has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Lengths {
    /// Tokens that are read.
    pub tokens: u32,
    /// Tokens of the cache before them; 0 for a network without a cache.
    pub past: u32,
}

/// Most tokens of a text.
pub const MAXIMUM_TOKENS: u32 = 1 << 20;

/// The least length of a reference. Its network is lowered when a key is checked, so it is short.
const LEAST: u32 = 29;

impl Lengths {
    /// Of a text without a cache before it.
    pub const fn text(tokens: u32) -> Self {
        Self { tokens, past: 0 }
    }

    /// Tokens of the cache and those that are read, together.
    pub const fn total(&self) -> u32 {
        self.past.saturating_add(self.tokens)
    }

    /// Are there tokens, and no more than [`MAXIMUM_TOKENS`] with the cache?
    pub const fn is_valid(&self) -> bool {
        self.tokens > 0 && self.total() <= MAXIMUM_TOKENS
    }

    /// The least prime lengths, with or without a cache, that differ from each other and from all `sizes`; so does their
    /// sum.
    pub fn standing_apart_from(sizes: impl IntoIterator<Item = usize>, cached: bool) -> Self {
        let sizes: BTreeSet<usize> = sizes.into_iter().collect();
        let free = |length: u32| is_prime(length) && !sizes.contains(&(length as usize));
        let mut lengths = (LEAST..MAXIMUM_TOKENS).filter(|length| free(*length));
        let tokens = lengths.next().unwrap_or(LEAST);
        let apart = |past: &u32| !sizes.contains(&(past.saturating_add(tokens) as usize));
        let past = match cached {
            true => lengths.find(apart).unwrap_or(LEAST),
            false => 0,
        };
        Self { tokens, past }
    }
}

impl fmt::Display for Lengths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tokens, past } = *self;
        let plural = if tokens == 1 { "" } else { "s" };
        write!(f, "{tokens} token{plural}")?;
        match past {
            0 => Ok(()),
            past => write!(f, " after a cache of {past}"),
        }
    }
}

/// Primes are rare among the sizes of networks.
fn is_prime(number: u32) -> bool {
    let divides = |divisor: &u32| number.is_multiple_of(*divisor);
    number > 1 && !(2..number.isqrt().saturating_add(1)).any(|divisor| divides(&divisor))
}

/// Which inputs a network reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Sizing {
    /// Inputs of one size.
    #[default]
    Fixed,
    /// Texts of any length. It is written down at these lengths, which stand for all.
    AnyLength(Lengths),
    /// Texts of these lengths; it was resized to them, and cannot be resized again.
    Resized(Lengths),
}

impl Sizing {
    /// The lengths that it is written down at; `None` for inputs of one size.
    pub const fn lengths(&self) -> Option<Lengths> {
        match self {
            Self::Fixed => None,
            Self::AnyLength(lengths) | Self::Resized(lengths) => Some(*lengths),
        }
    }

    /// The lengths that stand for all; `None` for a network that cannot be resized.
    pub const fn any_length(&self) -> Option<Lengths> {
        match self {
            Self::AnyLength(lengths) => Some(*lengths),
            Self::Fixed | Self::Resized(_) => None,
        }
    }
}

/// The step from one pair of lengths to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resizing {
    /// The lengths of the network.
    pub from: Lengths,
    /// The lengths that it gets.
    pub to: Lengths,
}

impl Resizing {
    /// The new size of an axis.
    pub const fn size(&self, size: usize) -> usize {
        let Self { from, to } = self;
        if size == from.tokens as usize {
            return to.tokens as usize;
        }
        if from.past == 0 {
            return size;
        }
        if size == from.past as usize {
            return to.past as usize;
        }
        if size == from.total() as usize {
            return to.total() as usize;
        }
        size
    }

    /// The new first position, of positions that begin behind the cache.
    pub const fn position(&self, position: u32) -> u32 {
        match position == self.from.past {
            true => self.to.past,
            false => position,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_stand_apart_from_all_sizes() {
        assert_eq!(Lengths::standing_apart_from([], false), Lengths::text(29));
        assert_eq!(Lengths::standing_apart_from([29, 64], false), Lengths::text(31));
        let lengths = Lengths::standing_apart_from([64, 60, 29 + 37], true);
        // 29 + 31 = 60 and 29 + 37 = 66 are taken.
        assert_eq!(lengths, Lengths { tokens: 29, past: 41 });
    }

    #[test]
    fn only_axes_of_tokens_change() {
        let text = Resizing {
            from: Lengths::text(29),
            to: Lengths::text(5),
        };
        assert_eq!([29, 1, 58, 0].map(|size| text.size(size)), [5, 1, 58, 0]);
        assert_eq!(text.position(0), 0);
        let step = Resizing {
            from: Lengths { tokens: 29, past: 31 },
            to: Lengths { tokens: 1, past: 64 },
        };
        assert_eq!(
            [29, 31, 60, 64, 1].map(|size| step.size(size)),
            [1, 64, 65, 64, 1]
        );
        assert_eq!([31, 0].map(|position| step.position(position)), [64, 0]);
    }
}
