//! The choice of a network by measurement: integer networks run on calibration samples.
//!
//! 1. Every method of calibration that may be best makes a network ([`CalibrationMethod::Measured`]).
//! 2. Each runs on samples. If a value leaves the domain of its table, the network is made again with a domain for it.
//! 3. The one whose outputs are nearest to those of the float network is taken; without equalized channels, if that is
//!    nearer still.
//! 4. If even that is farther away than the error budget allows, activations get [more bits](super::budget) where they
//!    are needed.
//!
//! The error of an output is relative, for each sample and each channel, and never more than 1. So it shows when a
//! small channel is lost beside a large one, and one sample that is an outlier does not decide for all.

use ndarray::ArrayD;
use rayon::prelude::*;

use super::calibrate::{Calibration, CalibrationMethod, Kept};
use super::doubts::doubts;
use super::equalize::Equalized;
use super::options::QuantizeOptions;
use super::quantize::{Built, build};
use super::quantized::Quantized;
use super::ranges::Ranges;
use super::warning::Warning;
use super::widths::Widths;
use crate::execute::{ExecutionError, Executor};
use crate::graph::{Graph, NodeId};
use crate::ops::{Float, Properties, QuantizeError};
use crate::optimize::multiply_adds;
use crate::optimize::operation::equalization::Equalization;

/// The methods that are tried. The first one is preferred.
const METHODS: [CalibrationMethod; 4] = [
    CalibrationMethod::MinMax,
    CalibrationMethod::Percentile(99.99),
    CalibrationMethod::Percentile(99.9),
    CalibrationMethod::Mse,
];

/// Another method than the first has to have an error of this part of it, or the difference is chance.
const CLEARLY: f64 = 0.8;

/// Multiply-adds that all measurements of one network may take, and the least number of samples.
const BUDGET: (u64, usize) = (1 << 32, 2);

/// How often a network is made again with larger domains.
const ROUNDS: usize = 24;

/// An input is clipped before the float network is looked at again if its largest value is so many times the threshold.
const FAR: f64 = 4.0;

/// A network and its error on samples.
pub(super) struct Measured {
    pub(super) network: Quantized,
    pub(super) method: CalibrationMethod,
    /// `None` where it was not measured.
    pub(super) error: Option<f64>,
    /// Which nodes of the float network have an activation.
    pub(super) activated: Vec<bool>,
}

impl Measured {
    /// The error; that of an output that is lost where it was not measured.
    pub(super) fn loss(&self) -> f64 {
        self.error.unwrap_or(1.0)
    }

    /// Is it clearly nearer than another network, beyond chance?
    pub(super) fn is_clearly_nearer(&self, than: &Self) -> bool {
        self.loss() < than.loss() * CLEARLY
    }
}

/// What networks are made from, and measured on.
#[derive(Clone, Copy)]
pub(super) struct Bench<'a> {
    pub(super) graph: &'a Graph<Float>,
    pub(super) calibration: &'a Calibration,
    pub(super) options: &'a QuantizeOptions,
}

/// The network that follows the float network best.
pub(super) fn best(
    graph: &Graph<Float>,
    calibration: &Calibration,
    options: &QuantizeOptions,
) -> Result<Quantized, QuantizeError> {
    // No activations have more bits than wide ones.
    let error_budget = options.error_budget.filter(|_| !options.is_wide());
    let options = &QuantizeOptions {
        error_budget,
        ..*options
    };
    let bench = Bench {
        graph,
        calibration,
        options,
    };
    let best = match error_budget {
        Some(budget) => bench.within(budget),
        None => bench.uniform(),
    };
    best.map(|measured| measured.network)
}

impl Bench<'_> {
    /// The best network with the bits of the options.
    pub(super) fn uniform(&self) -> Result<Measured, QuantizeError> {
        match self.calibration.method {
            // Nothing is clamped, so nothing may be left out.
            CalibrationMethod::Measured if self.options.is_wide() => self.best_of(&METHODS[..1]),
            CalibrationMethod::Measured => self.best_of(&METHODS),
            method => self.best_of(&[method]),
        }
    }

    /// As [`Self::uniform`], by the preferred method or the one that is best with other bits.
    pub(super) fn like(&self, other: &Measured) -> Result<Measured, QuantizeError> {
        match self.calibration.method {
            CalibrationMethod::Measured if other.method != METHODS[0] => {
                self.best_of(&[METHODS[0], other.method])
            }
            _ => self.best_of(&[other.method]),
        }
    }

    fn best_of(&self, methods: &[CalibrationMethod]) -> Result<Measured, QuantizeError> {
        let is_free = self.calibration.method == CalibrationMethod::Measured;
        let samples = self.samples(methods.len() + usize::from(is_free));
        let widths = Widths::uniform(self.graph, self.options);
        let best = self.by_methods(samples, &widths, methods)?;
        if !is_free || best.network.record.equalized.is_empty() {
            return Ok(best);
        }
        // Raised channels leave less room for the rounding of weights. They are kept where that pays.
        let plain = without_equalization(self.options);
        let plain = Bench {
            options: &plain,
            ..*self
        };
        match plain.by_methods(samples, &widths, &[best.method]) {
            Ok(plain) if plain.loss() < best.loss() => Ok(plain),
            _ => Ok(best),
        }
    }

    /// The samples that so many networks may be measured on.
    pub(super) fn samples(&self, networks: usize) -> &[Kept] {
        let cost = multiply_adds(self.graph).max(1).saturating_mul(networks as u64);
        let samples = usize::try_from(BUDGET.0 / cost)
            .unwrap_or(usize::MAX)
            .max(BUDGET.1);
        let kept = &self.calibration.kept;
        kept.get(..samples).unwrap_or(kept)
    }

    /// The best of the networks that these methods give.
    pub(super) fn by_methods(
        &self,
        samples: &[Kept],
        widths: &Widths,
        methods: &[CalibrationMethod],
    ) -> Result<Measured, QuantizeError> {
        let equalized = Equalized::new(self.graph, self.calibration, self.options);
        let mut chosen: Option<Measured> = None;
        for &method in methods {
            let attempt = Attempt {
                bench: *self,
                widths,
                method,
                samples,
            };
            let measured = match attempt.measure(&equalized) {
                Ok(measured) => measured,
                // Raised channels may need multipliers that no shift has.
                Err(_) if chosen.is_none() && !equalized.changes.is_empty() => {
                    let options = &without_equalization(self.options);
                    return Bench { options, ..*self }.by_methods(samples, widths, methods);
                }
                // What cannot be built with the preferred method is refused; others may fail.
                Err(error) if chosen.is_none() => return Err(error),
                Err(_) => continue,
            };
            let nearer = |best: &Measured| match best.method == methods[0] {
                true => measured.is_clearly_nearer(best),
                false => measured.loss() < best.loss(),
            };
            if chosen.as_ref().is_none_or(nearer) {
                chosen = Some(measured);
            }
        }
        // There is a method.
        chosen.ok_or(QuantizeError::OtherGraph)
    }
}

/// These options without equalized channels.
pub(super) fn without_equalization(options: &QuantizeOptions) -> QuantizeOptions {
    QuantizeOptions {
        switches: options.switches.with(&Equalization, false),
        ..*options
    }
}

/// One method on a network.
struct Attempt<'a> {
    bench: Bench<'a>,
    widths: &'a Widths,
    method: CalibrationMethod,
    samples: &'a [Kept],
}

impl Attempt<'_> {
    /// Makes the network, with domains that hold the samples, and measures it.
    fn measure(&self, equalized: &Equalized<'_>) -> Result<Measured, QuantizeError> {
        let ranges = Ranges::new(&equalized.spreads, self.method, self.widths);
        let Some(calibration) = self.without_outliers(&ranges) else {
            return self.followed(equalized, ranges, self.bench.calibration);
        };
        let equalized = Equalized::new(self.bench.graph, &calibration, self.bench.options);
        let mut ranges = Ranges::new(&equalized.spreads, self.method, self.widths);
        for input in self.bench.graph.inputs() {
            ranges.fix(input, equalized.spreads[input.0].largest);
        }
        self.followed(&equalized, ranges, &calibration)
    }

    /// The float network on inputs that are clipped as the integer network clips them, where that makes a difference:
    /// what it makes of an outlier, the integer network never sees.
    fn without_outliers(&self, ranges: &Ranges<'_>) -> Option<Calibration> {
        let Bench {
            graph,
            calibration,
            options,
        } = self.bench;
        let far = |input: NodeId| {
            let spread = calibration.observers.get(input.0)?.spread(&[]);
            let threshold = spread.threshold(self.method, ranges.limit(input) as f64);
            (threshold * FAR < spread.largest && !self.chooses_rows(input)).then_some(threshold)
        };
        let limits: Vec<Option<f64>> = graph.inputs().map(far).collect();
        if options.is_wide() || limits.iter().all(Option::is_none) {
            return None;
        }
        let limits = limits
            .into_iter()
            .map(|limit| limit.unwrap_or(f64::from(f32::MAX)));
        let limits: Vec<f64> = limits.collect();
        calibration.clipped(graph, &limits, self.method).ok()
    }

    fn chooses_rows(&self, input: NodeId) -> bool {
        let mut users = self
            .bench
            .graph
            .nodes
            .iter()
            .filter(|node| node.inputs.contains(&input));
        users.any(|node| node.op.room().has(Properties::CHOOSES_ROWS))
    }

    /// Makes the network until no sample leaves the domain of a table.
    fn followed(
        &self,
        equalized: &Equalized<'_>,
        mut ranges: Ranges<'_>,
        calibration: &Calibration,
    ) -> Result<Measured, QuantizeError> {
        // A network of fixed method and wide activations is not measured: there is nothing to choose.
        let (graph, options) = (self.bench.graph, self.bench.options);
        let measured = !options.is_wide() || options.error_budget.is_some();
        let mut round = 0;
        loop {
            let Built {
                mut network,
                arguments,
                steps,
            } = build(equalized, &ranges, options)?;
            let (error, left) = match measured {
                true => self.run(&network)?,
                false => (None, Vec::new()),
            };
            let mut larger = false;
            for (layer, value) in &left {
                if let Some((source, step)) = arguments.get(layer) {
                    larger |= ranges.reach(*source, value.unsigned_abs() as f64 * step);
                }
            }
            round += 1;
            if larger && round < ROUNDS {
                continue;
            }
            let record = &mut network.record;
            record.calibration = Some(self.method);
            record.activation_bits = options.activation_bits;
            let activated: Vec<bool> = steps.iter().map(Option::is_some).collect();
            record.wider = match options.is_wide() {
                true => Vec::new(),
                false => self.widths.wider(graph, &activated, options.activation_bits),
            };
            record.error = error;
            record.equalized = equalized.changes.clone();
            record.warnings = doubts(equalized, &steps, calibration.samples(), &network.graph);
            network.record.warnings.extend(
                left.into_iter()
                    .next()
                    .map(|(layer, value)| Warning::LeavesTable { layer, value }),
            );
            return Ok(Measured {
                network,
                method: self.method,
                error,
                activated,
            });
        }
    }

    /// The error on the samples, and the layers and values that left a table's domain.
    #[allow(clippy::type_complexity, reason = "an error and a list")]
    fn run(&self, network: &Quantized) -> Result<(Option<f64>, Vec<(String, i64)>), QuantizeError> {
        let Ok(executor) = Executor::new(&network.graph) else {
            return Ok((None, Vec::new()));
        };
        let run = |sample: &Kept| -> Result<Vec<ArrayD<f32>>, ExecutionError> {
            let execution = executor.run_on(&network.quantize_inputs(&sample.inputs)?.integers)?;
            let outputs = execution.outputs(&network.graph).enumerate();
            Ok(outputs
                .filter_map(|(number, integers)| network.dequantize_output(number, integers))
                .collect())
        };
        let runs: Vec<Result<Vec<ArrayD<f32>>, ExecutionError>> = self.samples.par_iter().map(run).collect();
        let mut left = Vec::new();
        for run in &runs {
            if let Err(ExecutionError::Domain { layer, value, .. }) = run {
                left.push((layer.clone(), *value));
            }
        }
        let errors: Vec<f64> = (0..self.bench.graph.outputs.len())
            .map(|number| {
                let pairs: Vec<(&ArrayD<f32>, Option<&ArrayD<f32>>)> = self
                    .samples
                    .iter()
                    .zip(&runs)
                    .filter_map(|(sample, run)| {
                        let found = run.as_ref().ok().and_then(|outputs| outputs.get(number));
                        Some((sample.outputs.get(number)?, found))
                    })
                    .collect();
                let graph = self.bench.graph;
                let is_index = graph[graph.outputs[number]].op.room().has(Properties::INDEX);
                output_error(&pairs, is_index)
            })
            .collect();
        // That of the worst output: one that is right does not make up for another.
        let worst = errors.into_iter().fold(0.0, f64::max);
        Ok(((!self.samples.is_empty()).then_some(worst), left))
    }
}

/// The mean error of an output, of what was expected and what was found on each sample: of an index, how often it is
/// another one; otherwise the root of the mean square of each channel, relative to that of its values.
fn output_error(pairs: &[(&ArrayD<f32>, Option<&ArrayD<f32>>)], is_index: bool) -> f64 {
    let mean = |errors: &[f64]| errors.iter().sum::<f64>() / errors.len().max(1) as f64;
    if is_index {
        let errors: Vec<f64> = pairs.iter().map(|(a, b)| f64::from(Some(*a) != *b)).collect();
        return mean(&errors);
    }
    let Some((first, _)) = pairs.first() else {
        return 0.0;
    };
    let shape = first.shape();
    let axis = if shape.len() == 4 {
        1
    } else {
        shape.len().saturating_sub(1)
    };
    let channels = shape.get(axis).copied().unwrap_or(1).max(1);
    let inner: usize = shape.iter().skip(axis + 1).product::<usize>().max(1);
    let of_channels = |values: &mut dyn Iterator<Item = f64>| {
        let mut sums = vec![0f64; channels];
        for (cell, value) in values.enumerate() {
            sums[cell / inner % channels] += value * value;
        }
        let each = (first.len() / channels).max(1) as f64;
        sums.iter().map(|sum| (sum / each).sqrt()).collect::<Vec<f64>>()
    };
    let sizes: Vec<Vec<f64>> = pairs
        .iter()
        .map(|(a, _)| of_channels(&mut a.iter().map(|a| f64::from(*a))))
        .collect();
    let usual: Vec<f64> = (0..channels)
        .map(|channel| {
            let mut of_channel: Vec<f64> = sizes.iter().map(|sizes| sizes[channel]).collect();
            of_channel.sort_by(f64::total_cmp);
            of_channel.get(of_channel.len() / 2).copied().unwrap_or(0.0)
        })
        .collect();
    let mut errors = Vec::with_capacity(pairs.len() * channels);
    for ((a, b), sizes) in pairs.iter().zip(&sizes) {
        let Some(b) = b else {
            errors.extend(core::iter::repeat_n(1.0, channels));
            continue;
        };
        let differences =
            of_channels(&mut a.iter().zip(b.iter()).map(|(a, b)| f64::from(*a) - f64::from(*b)));
        for ((difference, size), usual) in differences.iter().zip(sizes).zip(&usual) {
            let relative = difference / size.max(*usual);
            errors.push(if *difference > 0.0 { relative.min(1.0) } else { 0.0 });
        }
    }
    mean(&errors)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(values: [f32; 2]) -> ArrayD<f32> {
        ArrayD::from_shape_vec(vec![1, 2], values.to_vec()).unwrap()
    }

    #[test]
    fn errors_are_relative_for_each_sample_and_channel() {
        let (large, usual) = (array([1e5, 0.1]), array([10.0, 0.1]));
        // Only the outlier is right.
        let nothing = array([0.0, 0.0]);
        let bad = [
            (&large, Some(&large)),
            (&usual, Some(&nothing)),
            (&usual, Some(&nothing)),
        ];
        assert!((output_error(&bad, false) - 2.0 / 3.0).abs() < 1e-6);
        // Only the outlier is wrong, in one channel.
        let good = [
            (&large, Some(&usual)),
            (&usual, Some(&usual)),
            (&usual, Some(&usual)),
        ];
        assert!((output_error(&good, false) - 1.0 / 6.0).abs() < 1e-3);
        assert_eq!(output_error(&[(&usual, None)], false), 1.0);
        assert_eq!(output_error(&[(&nothing, Some(&nothing))], false), 0.0);
        assert_eq!(
            output_error(&[(&usual, Some(&usual)), (&usual, Some(&large))], true),
            0.5
        );
    }
}
