//! What a verified proof says of a text.

use crate::{Error, QuantizedTensor, Verified};

/// A prompt and the model's answer to it: each token of the answer is the one of the largest logit after all tokens
/// before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation {
    /// The first tokens of the text.
    pub prompt: Vec<u32>,
    /// What the model says next. The last token is the answer to all that the proof read.
    pub answer: Vec<u32>,
}

impl Continuation {
    /// The text of a proof that was verified, whose first `prompt` tokens were given and whose other tokens the model
    /// chose.
    ///
    /// A proof shows tokens and, for each, the one that the model gives after it. It is here that these are compared: a
    /// proof also holds for a text that the model did not choose.
    ///
    /// # Errors
    /// [`Error::Continuation`] for a token that is not the model's, with its position; [`Error::Text`] for a proof that
    /// is not about one text, or a prompt that is empty or longer than the text.
    pub fn of(verified: &Verified, prompt: usize) -> Result<Self, Error> {
        let text = |expected: &str, found: String| Error::Text {
            expected: expected.to_owned(),
            found,
        };
        let outputs = verified.outputs().unwrap_or_default();
        let (Some(ids), Some(next)) = (verified.input(), outputs.last()) else {
            return Err(text(
                "a proof that shows the ids of a text and the tokens after them",
                "another".into(),
            ));
        };
        let is_text = |tensor: &QuantizedTensor| matches!(tensor.shape(), [1, _]) && tensor.scale() == 1.0;
        if !is_text(ids) || ids.shape() != next.shape() || !is_text(next) {
            let found = format!("{:?} and {:?}", ids.shape(), next.shape());
            return Err(text("ids of one text, and as many tokens", found));
        }
        let (ids, next) = (tokens(ids)?, tokens(next)?);
        if prompt == 0 || prompt > ids.len() {
            let expected = format!("a prompt of 1 to {} tokens", ids.len());
            return Err(text(&expected, prompt.to_string()));
        }
        for position in prompt..ids.len() {
            let (found, expected) = (ids[position], next[position - 1]);
            if found != expected {
                return Err(Error::Continuation {
                    position,
                    expected,
                    found,
                });
            }
        }
        Ok(Self {
            prompt: ids[..prompt].to_vec(),
            answer: next[prompt - 1..].to_vec(),
        })
    }
}

/// The values of a tensor of tokens.
fn tokens(tensor: &QuantizedTensor) -> Result<Vec<u32>, Error> {
    let token = |&value: &i64| {
        u32::try_from(value).map_err(|_| Error::Text {
            expected: "token ids".into(),
            found: value.to_string(),
        })
    };
    tensor.integers().iter().map(token).collect()
}
