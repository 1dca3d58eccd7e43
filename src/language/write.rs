//! Text from the integer model, token by token, and what of it is proved.

use ndarray::ArrayD;
use tracing::info_span;
use zkml_core::execute::{ExecutionError, Executor};
use zkml_core::keys::CompiledModel;

use super::model::{QuantizedLanguageModel, input};
use crate::Error;

/// A prompt with the model's answer, and the network that says so.
///
/// The network reads the prompt and all of the answer but its last token, which is what it says at the end.
#[derive(Debug, Clone)]
pub struct Written {
    /// Prompt and answer.
    ids: Vec<u32>,
    /// Tokens of the prompt.
    prompt: usize,
    model: CompiledModel,
}

impl QuantizedLanguageModel {
    /// Continues a prompt by `tokens` tokens, or fewer if the model ends the text, each the one of the largest logit.
    /// `each` takes every token as soon as it is known, as the text that it adds.
    ///
    /// The integer network is run for it, the one that is proved. Where a value leaves the range that its constraints
    /// have, no proof exists; then the writing stops before the token that would have followed is shown.
    ///
    /// # Errors
    /// [`Error::Text`] for an empty prompt, a token that the model does not have, or no token to write;
    /// [`Error::Stopped`]; [`Error::TooLarge`].
    pub fn write(&self, prompt: &[u32], tokens: usize, mut each: impl FnMut(&str)) -> Result<Written, Error> {
        self.check_prompt(prompt, tokens)?;
        let _span = info_span!("write").entered();
        let rows = prompt.len() + tokens - 1;
        let mut model = self.at(rows)?;
        let mut ids = prompt.to_vec();
        let mut shown = self.vocabulary().decode(prompt)?;
        {
            let executor = Executor::new(&model.network.graph);
            let executor = executor.map_err(|error| Error::Input { error })?;
            while ids.len() <= rows {
                let token = self.next(&model, &executor, &ids, rows)?;
                ids.push(token);
                let text = self.vocabulary().decode(&ids)?;
                // A character of several tokens appears once it is complete.
                if let Some(added) = text.strip_prefix(shown.as_str())
                    && !added.ends_with('\u{fffd}')
                {
                    each(added);
                    shown = text;
                }
                if self.vocabulary().ends(token) {
                    break;
                }
            }
        }
        // What is left is no whole character, and there will be no more.
        if let Some(rest) = self.vocabulary().decode(&ids)?.strip_prefix(shown.as_str())
            && !rest.is_empty()
        {
            each(rest);
        }
        if ids.len() <= rows {
            model = self.at(ids.len() - 1)?;
        }
        let prompt = prompt.len();
        Ok(Written { ids, prompt, model })
    }

    /// The text of a prompt and a given answer, if the answer is the model's: each token the one of the largest logit.
    ///
    /// # Errors
    /// [`Error::Continuation`] for a token that is not the model's, with its position; [`Error::Text`] for an empty
    /// prompt or answer, or a token that the model does not have; [`Error::Stopped`]; [`Error::TooLarge`].
    pub fn follow(&self, prompt: &[u32], answer: &[u32]) -> Result<Written, Error> {
        self.check_prompt(prompt, answer.len())?;
        self.vocabulary().check(answer)?;
        let ids = [prompt, answer].concat();
        let rows = ids.len() - 1;
        let model = self.at(rows)?;
        let executor = Executor::new(&model.network.graph).map_err(|error| Error::Input { error })?;
        let tokens = tokens_of(&model, &executor, &ids[..rows]).map_err(|error| Error::Stopped {
            position: rows,
            error,
        })?;
        for position in prompt.len()..ids.len() {
            let (found, expected) = (ids[position], tokens[position - 1]);
            if found != expected {
                return Err(Error::Continuation {
                    position,
                    expected,
                    found,
                });
            }
        }
        Ok(Written {
            ids,
            prompt: prompt.len(),
            model,
        })
    }

    /// The token after these ids, by a network of `rows` rows. A row depends on none behind it, so what stands there
    /// does not matter.
    fn next(
        &self,
        model: &CompiledModel,
        executor: &Executor<'_>,
        ids: &[u32],
        rows: usize,
    ) -> Result<u32, Error> {
        let last = ids.last().copied().unwrap_or(0);
        let mut filled = ids.to_vec();
        filled.resize(rows, last);
        match token_at(model, executor, &filled, ids.len() - 1) {
            Ok(token) => Ok(token),
            Err(_) if ids.len() < rows => {
                // The value that left its range may stand in a row that is not written yet.
                let model = self.at(ids.len())?;
                let executor = Executor::new(&model.network.graph);
                let executor = executor.map_err(|error| Error::Input { error })?;
                self.next(&model, &executor, ids, ids.len())
            }
            Err(error) => Err(Error::Stopped {
                position: ids.len(),
                error,
            }),
        }
    }

    fn check_prompt(&self, prompt: &[u32], tokens: usize) -> Result<(), Error> {
        let refuse = |expected: String, found: String| Err(Error::Text { expected, found });
        if prompt.is_empty() {
            return refuse("a prompt of at least one token".into(), "none".into());
        }
        if tokens == 0 {
            return refuse("at least one token to write".into(), "0".into());
        }
        self.vocabulary().check(prompt)?;
        self.vocabulary()
            .check_length(prompt.len().saturating_add(tokens))
    }
}

/// What the network says after the id in row `row`.
fn token_at(
    model: &CompiledModel,
    executor: &Executor<'_>,
    ids: &[u32],
    row: usize,
) -> Result<u32, ExecutionError> {
    let tokens = tokens_of(model, executor, ids)?;
    tokens
        .get(row)
        .copied()
        .ok_or_else(|| ExecutionError::Inconsistent {
            layer: model.name.clone(),
        })
}

/// What the network says after each id.
fn tokens_of(
    model: &CompiledModel,
    executor: &Executor<'_>,
    ids: &[u32],
) -> Result<Vec<u32>, ExecutionError> {
    let network = &model.network;
    let integers = network.quantize_inputs(&[input(ids)])?.integers;
    let execution = executor.run_on(&integers)?;
    let mut outputs = execution.outputs(&network.graph);
    let tokens = outputs.next().and_then(|tokens| {
        let tokens = tokens.iter().map(|token| u32::try_from(*token).ok());
        tokens.collect::<Option<Vec<u32>>>()
    });
    tokens.ok_or_else(|| ExecutionError::Inconsistent {
        layer: model.name.clone(),
    })
}

impl Written {
    /// Prompt and answer.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The answer.
    pub fn answer(&self) -> &[u32] {
        &self.ids[self.prompt..]
    }

    /// What the network reads: all but the last token.
    pub fn input(&self) -> ArrayD<f32> {
        input(&self.ids[..self.ids.len() - 1])
    }

    /// The network of the proof.
    pub fn model(&self) -> &CompiledModel {
        &self.model
    }
}
