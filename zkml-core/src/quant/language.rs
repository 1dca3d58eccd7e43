//! The accuracy of an integer language model: perplexity, divergence and agreement of the next token, worst layer.
//!
//! ```text
//! perplexity   exp of the mean over tokens of -ln p(next token)
//! divergence   mean over rows of sum_v p_v ln(p_v / q_v)      p: float, q: integer
//! top-1        rows where both give the same token the largest probability
//! ```
//!
//! The float margin is the difference of the two largest float log-probabilities: where it is small, no rounding keeps
//! the order.

use core::fmt;

use ndarray::{ArrayD, ArrayView2, Axis};
use rayon::prelude::*;

use super::accuracy::{AccuracyError, Distance, LayerAccuracy};
use super::quantized::Quantized;
use crate::execute::{ExecutionError, Executor, float::FloatExecutor};
use crate::graph::{ChannelScales, Graph, Node, NodeId};
use crate::ops::{Float, IntOp, Properties};

/// Rows with a larger float margin, in nats, count as decided.
const DECIDED: f64 = 0.1;

/// Float against integer language model on texts.
#[derive(Debug, Clone, PartialEq)]
pub struct LanguageReport {
    /// Texts that were compared.
    pub texts: usize,
    /// Rows with a next token: one less than the tokens of a text.
    pub predicted: usize,
    /// Rows that were compared.
    pub rows: usize,
    /// Perplexity of the float model.
    pub float_perplexity: f64,
    /// Perplexity of the integer model.
    pub integer_perplexity: f64,
    /// Mean divergence of the integer model's distribution from the float model's, in nats.
    pub divergence: f64,
    /// Rows with the same most probable token.
    pub agreement: usize,
    /// Rows whose float margin exceeds 0.1 nat.
    pub decided: usize,
    /// Of these, rows with the same most probable token.
    pub decided_agreement: usize,
    /// Texts that the integer model refuses because a value leaves its range. They are in no other figure.
    pub refused: usize,
    /// Cosine of every layer whose values have one scale, in graph order.
    pub layers: Vec<LayerAccuracy>,
}

impl LanguageReport {
    /// By how much the integer model's perplexity is larger, in percent.
    pub fn perplexity_change(&self) -> f64 {
        100.0 * (self.integer_perplexity / self.float_perplexity - 1.0)
    }

    /// The layer with the largest error relative to its size.
    pub fn worst_layer(&self) -> Option<&LayerAccuracy> {
        let error = |layer: &LayerAccuracy| layer.distance.relative_rms();
        self.layers.iter().max_by(|a, b| error(a).total_cmp(&error(b)))
    }

    /// Runs both models on every text, each an input of token ids `[1, T]`. The last output of `float` is the index of
    /// the largest logit in each row ([`Graph::with_argmax`]), and `quantized` was made of it. Calls `progress` after
    /// each text, from any thread.
    ///
    /// # Errors
    /// No text; one that the float model refuses; models that do not belong together, or whose last output is no index.
    pub fn measure(
        float: &Graph<Float>,
        quantized: &Quantized,
        texts: &[ArrayD<f32>],
        progress: impl Fn() + Sync,
    ) -> Result<Self, AccuracyError> {
        if texts.is_empty() {
            return Err(AccuracyError::NoSamples);
        }
        let models = Models::new(float, quantized)?;
        let floats = FloatExecutor::new(float).map_err(AccuracyError::Execution)?;
        let mut tally = Tally::new(float.nodes.len());
        let block = floats.values_together();
        for (number, texts) in texts.chunks(block).enumerate() {
            let first = number * block;
            let inputs: Vec<&[ArrayD<f32>]> = texts.iter().map(core::slice::from_ref).collect();
            let values = floats.values(&inputs).map_err(|failed| AccuracyError::Sample {
                sample: first + failed.sample,
                reason: failed.reason,
            })?;
            let of_text = |(index, (text, exact)): (usize, (&ArrayD<f32>, &Vec<ArrayD<f32>>))| {
                let tally = models.tally(text, exact);
                progress();
                tally.map_err(|reason| AccuracyError::Sample {
                    sample: first + index,
                    reason,
                })
            };
            let tallies: Vec<_> = texts.par_iter().zip(&values).enumerate().map(of_text).collect();
            // In the order of the texts: sums of floats depend on it.
            for other in tallies {
                tally = tally.merge(other?);
            }
        }
        Ok(tally.report(texts.len(), models.named_layers()))
    }
}

/// What is compared.
struct Models<'a> {
    float: &'a Graph<Float>,
    quantized: &'a Quantized,
    executor: Executor<'a>,
    /// The logits in both graphs.
    logits: (NodeId, NodeId),
    /// What an integer logit stands for, by token.
    scales: Vec<f64>,
}

impl<'a> Models<'a> {
    fn new(float: &'a Graph<Float>, quantized: &'a Quantized) -> Result<Self, AccuracyError> {
        let other = AccuracyError::OtherGraph;
        let index = float.outputs.last().ok_or(other.clone())?;
        let index = &float[*index];
        let vocabulary = index.inputs.first().and_then(|id| float[*id].fact.last());
        let (true, Some(&vocabulary)) = (index.op.room().has(Properties::INDEX), vocabulary) else {
            return Err(other);
        };
        let graph = &quantized.graph;
        let mut output = &graph[*graph.outputs.last().ok_or(other.clone())?];
        while output.op.room().has(Properties::REVEALS) {
            output = &graph[*output.inputs.first().ok_or(other.clone())?];
        }
        let (&[logits], true) = (output.inputs.as_slice(), output.op.room().has(Properties::INDEX)) else {
            return Err(other);
        };
        let fact = &graph[logits].fact;
        let scales = match &output.op {
            IntOp::Greedy(greedy) if !greedy.multipliers.is_empty() => {
                // The scale of an accumulator is that of its first channel.
                let unit = fact.scale / greedy.multipliers[0] as f64;
                greedy.multipliers.iter().map(|m| *m as f64 * unit).collect()
            }
            _ => vec![fact.scale; vocabulary],
        };
        if quantized.correspondence.len() != float.nodes.len() || fact.shape.last() != Some(&scales.len()) {
            return Err(other);
        }
        Ok(Self {
            float,
            quantized,
            executor: Executor::new(graph).map_err(AccuracyError::Execution)?,
            logits: (index.inputs[0], logits),
            scales,
        })
    }

    /// A text on which the float model has these values.
    fn tally(&self, text: &ArrayD<f32>, exact: &[ArrayD<f32>]) -> Result<Tally, ExecutionError> {
        let mut tally = Tally::new(self.float.nodes.len());
        let integers = self
            .quantized
            .quantize_inputs(core::slice::from_ref(text))?
            .integers;
        let execution = match self.executor.run_on(&integers) {
            Ok(execution) => execution,
            Err(ExecutionError::Domain { .. } | ExecutionError::Outside { .. }) => {
                tally.refused = 1;
                return Ok(tally);
            }
            Err(error) => return Err(error),
        };
        let counterparts = self.quantized.correspondence.iter().zip(exact);
        for (distance, (counterpart, exact)) in tally.layers.iter_mut().zip(counterparts) {
            let Some((id, scales)) = counterpart else { continue };
            if let Some(integers) = execution.value(*id) {
                distance.add_all(exact, integers, scales);
            }
        }
        let inconsistent = || ExecutionError::Inconsistent {
            layer: self.float[self.logits.0].name.clone(),
        };
        let width = self.scales.len().max(1);
        let float = exact.get(self.logits.0.0).ok_or_else(inconsistent)?;
        let integer = execution.value(self.logits.1).ok_or_else(inconsistent)?;
        let of_float = ArrayView2::from_shape((float.len() / width, width), float.as_slice().unwrap_or(&[]));
        let of_integer =
            ArrayView2::from_shape((integer.len() / width, width), integer.as_slice().unwrap_or(&[]));
        let (Ok(of_float), Ok(of_integer)) = (of_float, of_integer) else {
            return Err(inconsistent());
        };
        let ids: Vec<usize> = text.iter().map(|id| *id as usize).collect();
        for (row, (a, b)) in of_float
            .axis_iter(Axis(0))
            .zip(of_integer.axis_iter(Axis(0)))
            .enumerate()
        {
            let p = log_probabilities(a.iter().map(|x| f64::from(*x)));
            let q = log_probabilities(b.iter().zip(&self.scales).map(|(x, scale)| *x as f64 * scale));
            tally.row(&p, &q, ids.get(row + 1).copied());
        }
        Ok(tally)
    }

    /// The layers that have values to compare, with their index.
    fn named_layers(&self) -> impl Iterator<Item = (usize, &str)> {
        let layers = self
            .float
            .nodes
            .iter()
            .zip(&self.quantized.correspondence)
            .enumerate();
        let is_compared = |(node, counterpart): &(&Node<Float>, &Option<(NodeId, ChannelScales)>)| {
            counterpart.is_some() && !node.op.room().has(Properties::INDEX)
        };
        layers
            .filter(move |(_, layer)| is_compared(layer))
            .map(|(index, (node, _))| (index, node.name.as_str()))
    }
}

fn log_probabilities(logits: impl Iterator<Item = f64>) -> Vec<f64> {
    let logits: Vec<f64> = logits.collect();
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|x| libm::exp(x - most)).sum();
    logits.iter().map(|x| x - most - libm::log(sum)).collect()
}

/// Index and value of the first maximum, and the largest other value.
fn largest_two(row: &[f64]) -> (usize, f64, f64) {
    let start = (0, f64::NEG_INFINITY, f64::NEG_INFINITY);
    row.iter()
        .enumerate()
        .fold(start, |(at, most, next), (index, &x)| {
            if x > most {
                (index, x, most)
            } else {
                (at, most, next.max(x))
            }
        })
}

/// Sums over rows.
struct Tally {
    layers: Vec<Distance>,
    rows: usize,
    predicted: usize,
    float_loss: f64,
    integer_loss: f64,
    divergence: f64,
    agreement: usize,
    decided: usize,
    decided_agreement: usize,
    refused: usize,
}

impl Tally {
    fn new(nodes: usize) -> Self {
        Self {
            layers: vec![Distance::default(); nodes],
            rows: 0,
            predicted: 0,
            float_loss: 0.0,
            integer_loss: 0.0,
            divergence: 0.0,
            agreement: 0,
            decided: 0,
            decided_agreement: 0,
            refused: 0,
        }
    }

    /// Adds a row of log-probabilities, float and integer, and the token that follows.
    fn row(&mut self, p: &[f64], q: &[f64], next: Option<usize>) {
        self.rows += 1;
        let divergence: f64 = p.iter().zip(q).map(|(p, q)| libm::exp(*p) * (p - q)).sum();
        self.divergence += divergence;
        let (token, most, other) = largest_two(p);
        let same = usize::from(token == largest_two(q).0);
        self.agreement += same;
        if most - other > DECIDED {
            self.decided += 1;
            self.decided_agreement += same;
        }
        if let Some((p, q)) = next.and_then(|next| Some((p.get(next)?, q.get(next)?))) {
            self.predicted += 1;
            self.float_loss -= p;
            self.integer_loss -= q;
        }
    }

    fn merge(mut self, other: Self) -> Self {
        let pairs = self.layers.iter_mut().zip(&other.layers);
        pairs.for_each(|(a, b)| a.merge(b));
        self.rows += other.rows;
        self.predicted += other.predicted;
        self.float_loss += other.float_loss;
        self.integer_loss += other.integer_loss;
        self.divergence += other.divergence;
        self.agreement += other.agreement;
        self.decided += other.decided;
        self.decided_agreement += other.decided_agreement;
        self.refused += other.refused;
        self
    }

    fn report<'a>(self, texts: usize, layers: impl Iterator<Item = (usize, &'a str)>) -> LanguageReport {
        let mean = |sum: f64, count: usize| sum / count as f64;
        let layers = layers.map(|(index, name)| LayerAccuracy {
            name: name.to_owned(),
            distance: self.layers[index],
        });
        LanguageReport {
            texts: texts - self.refused,
            predicted: self.predicted,
            rows: self.rows,
            float_perplexity: libm::exp(mean(self.float_loss, self.predicted)),
            integer_perplexity: libm::exp(mean(self.integer_loss, self.predicted)),
            divergence: mean(self.divergence, self.rows),
            agreement: self.agreement,
            decided: self.decided,
            decided_agreement: self.decided_agreement,
            refused: self.refused,
            layers: layers.collect(),
        }
    }
}

impl fmt::Display for LanguageReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |part: usize, of: usize| 100.0 * part as f64 / of.max(1) as f64;
        writeln!(
            f,
            "perplexity: float {:.3}, integer {:.3} ({:+.3} %), on {} tokens",
            self.float_perplexity,
            self.integer_perplexity,
            self.perplexity_change(),
            self.predicted
        )?;
        writeln!(f, "KL divergence: {:.6} nat a token", self.divergence)?;
        writeln!(
            f,
            "top-1 agreement: {:.2} % of {} rows; {:.2} % of the {} where the float margin exceeds {DECIDED} nat",
            percent(self.agreement, self.rows),
            self.rows,
            percent(self.decided_agreement, self.decided),
            self.decided
        )?;
        if let Some(worst) = self.worst_layer() {
            let error = 100.0 * worst.distance.relative_rms();
            writeln!(f, "worst layer: `{}`, error {error:.3} % of its size", worst.name)?;
        }
        if self.refused > 0 {
            writeln!(f, "refused, a value left its range: {} texts", self.refused)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_counted_by_their_margin() {
        let mut tally = Tally::new(0);
        let p = log_probabilities([2.0, 1.0, 0.0].into_iter());
        let near = log_probabilities([2.0, 1.95, 0.0].into_iter());
        let turned = log_probabilities([1.0, 2.0, 0.0].into_iter());
        tally.row(&p, &p, Some(0));
        tally.row(&p, &turned, Some(1));
        tally.row(&near, &turned, None);
        let report = tally.report(3, core::iter::empty());
        assert_eq!((report.rows, report.predicted), (3, 2));
        assert_eq!(
            (report.agreement, report.decided, report.decided_agreement),
            (1, 2, 1)
        );
        let expected = f64::exp(-(p[0] + p[1]) / 2.0);
        assert!((report.float_perplexity - expected).abs() < 1e-12);
        let expected = f64::exp(-(p[0] + turned[1]) / 2.0);
        assert!((report.integer_perplexity - expected).abs() < 1e-12);
        let divergence =
            |p: &[f64], q: &[f64]| -> f64 { p.iter().zip(q).map(|(p, q)| p.exp() * (p - q)).sum() };
        let expected = (divergence(&p, &turned) + divergence(&near, &turned)) / 3.0;
        assert!((report.divergence - expected).abs() < 1e-12 && report.divergence > 0.0);
    }
}
