//! What a proof may show: the input, the output and the weights are each public or private.
//!
//! A *public* tensor is known to the verifier, who evaluates it. A *private* one is committed, and the proof shows
//! nothing of it but what follows from the public ones. As soon as one of them is private the argument is
//! zero-knowledge: every value the prover would send is masked.

use serde::{Deserialize, Serialize};

/// Who may see a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Visibility {
    /// The verifier.
    Public,
    /// The prover alone.
    Private,
}

impl Visibility {
    /// Is it [`Visibility::Private`]?
    pub const fn is_private(self) -> bool {
        matches!(self, Self::Private)
    }
}

impl core::fmt::Display for Visibility {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Public => "public",
            Self::Private => "private",
        })
    }
}

/// Visibility of the parts of a model; chosen before setup, and part of the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Privacy {
    /// The inputs of the network, but for those that the model reveals.
    pub input: Visibility,
    /// Its outputs, but for those that the model reveals. Each proof carries a salted commitment to private outputs.
    pub output: Visibility,
    /// Its weights. Their commitment is in the verifying key either way.
    pub weights: Visibility,
    /// Does each proof carry a salted commitment to the private input, by which two proofs can be linked?
    pub commit_input: bool,
}

impl Privacy {
    /// Everything public: nothing is masked.
    pub const PUBLIC: Self = Self {
        input: Visibility::Public,
        output: Visibility::Public,
        weights: Visibility::Public,
        commit_input: false,
    };

    /// Is anything private, so that the argument must be zero-knowledge?
    pub const fn zero_knowledge(&self) -> bool {
        self.input.is_private() || self.output.is_private() || self.weights.is_private()
    }

    /// Do proofs carry commitments to tensors of their own, of the input or the outputs?
    pub const fn commits_tensors(&self) -> bool {
        self.output.is_private() || self.commit_input
    }

    /// Does it make sense? A public input needs no commitment.
    pub const fn is_consistent(&self) -> bool {
        self.input.is_private() || !self.commit_input
    }
}

/// Private input and weights, public output.
impl Default for Privacy {
    fn default() -> Self {
        Self {
            input: Visibility::Private,
            output: Visibility::Public,
            weights: Visibility::Private,
            commit_input: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_private_part_makes_the_argument_zero_knowledge() {
        assert!(!Privacy::PUBLIC.zero_knowledge());
        assert!(Privacy::default().zero_knowledge());
        for part in 0..3 {
            let mut privacy = Privacy::PUBLIC;
            *[&mut privacy.input, &mut privacy.output, &mut privacy.weights][part] = Visibility::Private;
            assert!(privacy.zero_knowledge() && privacy.is_consistent());
        }
        let committed = Privacy {
            commit_input: true,
            ..Privacy::PUBLIC
        };
        assert!(!committed.is_consistent());
    }
}
