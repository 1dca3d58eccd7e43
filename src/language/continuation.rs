//! What a verified proof says of a text.

use crate::{Error, QuantizedTensor, Verified};

/// A prompt and the model's answer to it: each token of the answer is the one of the largest logit after all tokens
/// before it.
///
/// That is said of the model in the verifying key. If the key is made after the text, its maker can choose weights that
/// give this text: have the key before the prompt is known. And the key must be that
/// of a causal model, as those of [`language`](crate::language) are: take it from someone you trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continuation {
    /// The first tokens of the text.
    pub prompt: Vec<u32>,
    /// What the model says next. The last token is the answer to all that the proof read.
    pub answer: Vec<u32>,
}

impl Continuation {
    /// The text of a proof that was verified, which begins with the tokens of `prompt` and whose other tokens the model
    /// chose.
    ///
    /// A proof shows tokens and, for each, the one that the model gives after it. It is here that these are compared: a
    /// proof also holds for a text that the model did not choose.
    ///
    /// # Errors
    /// [`Error::Continuation`] for a token that is not the model's, with its position; [`Error::Text`] for a proof that
    /// is not about one text, for one of another prompt, and for a prompt that is empty or longer than the text.
    pub fn of(verified: &Verified, prompt: &[u32]) -> Result<Self, Error> {
        let (ids, next) = texts(verified)?;
        let length = prompt.len();
        if prompt.is_empty() || length > ids.len() {
            let expected = format!("a prompt of 1 to {} tokens", ids.len());
            return Err(text(expected, length));
        }
        if let Some(position) = (0..length).find(|at| ids[*at] != prompt[*at]) {
            let expected = format!("the prompt: token {} at position {position}", prompt[position]);
            return Err(text(expected, format!("a proof about token {}", ids[position])));
        }
        for position in length..ids.len() {
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
            prompt: prompt.to_vec(),
            answer: next[length - 1..].to_vec(),
        })
    }
}

impl Continuation {
    /// As [`Self::of`], with the shortest prompt for which the rest of the text is the model's. Whoever did not ask reads
    /// a proof with it; whoever asked compares the prompt with their own.
    ///
    /// # Errors
    /// [`Error::Text`] for a proof that is not about one text.
    pub fn of_shortest_prompt(verified: &Verified) -> Result<Self, Error> {
        let (ids, next) = texts(verified)?;
        let own = (1..ids.len()).rev().take_while(|at| ids[*at] == next[at - 1]);
        let length = own.last().unwrap_or(ids.len());
        Self::of(verified, &ids[..length])
    }
}

fn text(expected: impl Into<String>, found: impl ToString) -> Error {
    Error::Text {
        expected: expected.into(),
        found: found.to_string(),
    }
}

/// The ids of the only input, and the tokens of the only output, as many.
fn texts(verified: &Verified) -> Result<(Vec<u32>, Vec<u32>), Error> {
    let (inputs, outputs) = (verified.inputs(), verified.outputs().unwrap_or_default());
    let ([ids], [next]) = (inputs, outputs) else {
        return Err(text(
            "a proof that shows the ids of a text and the tokens after them, and nothing else",
            format!("{} inputs and {} outputs", inputs.len(), outputs.len()),
        ));
    };
    let is_text = |tensor: &QuantizedTensor| {
        matches!(tensor.shape(), [1, _]) && tensor.scales().only() == Some(1.0) && tensor.number() == 0
    };
    if !is_text(ids) || ids.shape() != next.shape() || !is_text(next) {
        let found = format!("{:?} and {:?}", ids.shape(), next.shape());
        return Err(text("ids of one text, and as many tokens", found));
    }
    Ok((tokens(ids)?, tokens(next)?))
}

/// The values of a tensor of tokens.
fn tokens(tensor: &QuantizedTensor) -> Result<Vec<u32>, Error> {
    let token = |&value: &i64| u32::try_from(value).map_err(|_| text("token ids", value));
    tensor.integers().iter().map(token).collect()
}
