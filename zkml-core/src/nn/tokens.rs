//! An input of token ids, in a model's `forward`.

use super::Tensor;

/// Ids of tokens, `[N, T]`: an input of `forward` that only an [`Embedding`](super::Embedding) takes.
///
/// When the graph is run, they are integers written as floats. An id that is not below the size of the vocabulary is an
/// error then.
#[derive(Debug, Clone, Copy)]
pub struct Tokens(Tensor);

/// What an input of a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    /// Numbers.
    Tensor,
    /// Ids of tokens.
    Tokens,
}

impl Tokens {
    /// The ids that `ids` holds; for the code `#[zk_model]` generates.
    #[doc(hidden)]
    pub fn of(ids: Tensor) -> Tokens {
        Tokens(ids)
    }

    /// The ids as the tensor of their numbers.
    pub(super) fn tensor(self) -> Tensor {
        self.0
    }

    /// The sizes, batch first.
    pub fn shape(&self) -> &[usize] {
        self.0.shape()
    }

    /// Size along `axis`; 1 beyond the last.
    pub fn size(&self, axis: usize) -> usize {
        self.0.size(axis)
    }
}
