//! Texts that a model writes itself, to measure how large its values get.

use ndarray::{ArrayD, Axis, Slice};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use zkml_core::execute::float::FloatExecutor;

use super::{CausalModel, Pretrained, PretrainedError};

/// Texts that are written together, as one batch.
const BATCH: usize = 8;

/// How many texts a model writes, and from which seed. The same choice gives the same texts, on any number of threads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sampling {
    /// Number of texts; 64.
    pub texts: usize,
    /// Tokens of each; 128.
    pub tokens: usize,
    /// Seed of the choices; 0.
    pub seed: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            texts: 64,
            tokens: 128,
            seed: 0,
        }
    }
}

/// Texts that are written together.
struct Batch {
    /// The ids of each text so far.
    texts: Vec<Vec<u32>>,
    /// Keys and values of all layers.
    cache: Vec<ArrayD<f32>>,
    random: ChaCha8Rng,
}

impl<M: CausalModel> Pretrained<M> {
    /// Texts of the float model's own: each token is drawn from the model's distribution, at temperature 1. A text
    /// begins with what the tokenizer puts before every text, or else with a token drawn from all. Calls `progress`
    /// after each token of all texts.
    ///
    /// # Errors
    /// As [`Self::graph`]; a model whose values overflow.
    pub fn sample(&self, sampling: Sampling, progress: impl Fn()) -> Result<Vec<Vec<u32>>, PretrainedError> {
        let start = self.tokenizer().encode("")?;
        let vocabulary = M::vocabulary(self.config()) as u64;
        let batch = |number: usize| {
            let mut random = ChaCha8Rng::seed_from_u64(sampling.seed);
            random.set_stream(number as u64);
            let text = |random: &mut ChaCha8Rng| match start.is_empty() {
                true => vec![(random.next_u64() % vocabulary) as u32],
                false => start.clone(),
            };
            Batch {
                texts: (0..BATCH).map(|_| text(&mut random)).collect(),
                cache: Vec::new(),
                random,
            }
        };
        let mut batches: Vec<Batch> = (0..sampling.texts.div_ceil(BATCH)).map(batch).collect();
        let mut past = 0;
        while let Some(length) = batches
            .first()
            .and_then(|batch| batch.texts.first())
            .map(Vec::len)
        {
            if length >= sampling.tokens {
                break;
            }
            let graph = self.step_graph_on(BATCH, length - past, past)?;
            let inputs: Vec<Vec<ArrayD<f32>>> = batches.iter_mut().map(|batch| batch.inputs(past)).collect();
            let executor = FloatExecutor::new(&graph).map_err(PretrainedError::Run)?;
            let outputs = executor.outputs(&inputs);
            let outputs = outputs.map_err(|failed| PretrainedError::Run(failed.reason))?;
            batches
                .iter_mut()
                .zip(outputs)
                .for_each(|(batch, outputs)| batch.step(outputs));
            past = length;
            progress();
        }
        let texts = batches.into_iter().flat_map(|batch| batch.texts);
        Ok(texts.take(sampling.texts).collect())
    }
}

impl Batch {
    /// The tokens from `past` on, and what the cache has of those before.
    fn inputs(&mut self, past: usize) -> Vec<ArrayD<f32>> {
        let ids = self.texts.iter().flat_map(|text| &text[past..]);
        let ids: Vec<f32> = ids.map(|id| *id as f32).collect();
        let shape = [self.texts.len(), ids.len() / self.texts.len().max(1)];
        let ids = ArrayD::from_shape_vec(shape.as_slice(), ids).unwrap_or_default();
        core::iter::once(ids).chain(self.cache.drain(..)).collect()
    }

    /// Adds a token to each text, given the outputs on [`Self::inputs`].
    fn step(&mut self, outputs: Vec<ArrayD<f32>>) {
        let mut outputs = outputs.into_iter();
        let logits = outputs.next().unwrap_or_default();
        self.cache = outputs.collect();
        let last = logits.slice_axis(Axis(1), Slice::from(-1..));
        for (text, row) in self.texts.iter_mut().zip(last.axis_iter(Axis(0))) {
            let logits: Vec<f64> = row.iter().map(|x| f64::from(*x)).collect();
            text.push(draw(&logits, &mut self.random));
        }
    }
}

/// A token of the distribution that the logits stand for.
fn draw(logits: &[f64], random: &mut ChaCha8Rng) -> u32 {
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = logits.iter().map(|x| libm::exp(x - most)).collect();
    let uniform = (random.next_u64() >> 11) as f64 * libm::ldexp(1.0, -53);
    let mut left = uniform * weights.iter().sum::<f64>();
    let token = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    // Rounding may leave a rest behind the last token.
    token.unwrap_or(logits.len().saturating_sub(1)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_drawn_by_their_probability() {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let logits = [0.0, libm::log(3.0), f64::NEG_INFINITY, libm::log(4.0)];
        let mut counts = [0usize; 4];
        for _ in 0..8000 {
            counts[draw(&logits, &mut random) as usize] += 1;
        }
        assert_eq!(counts[2], 0);
        for (count, expected) in [(counts[0], 1000.0), (counts[1], 3000.0), (counts[3], 4000.0)] {
            assert!((count as f64 - expected).abs() < 200.0, "{counts:?}");
        }
    }
}
