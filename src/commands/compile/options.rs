//! Options of `zkml compile` that are parsed from text.

use std::ops::RangeInclusive;

use clap::builder::RangedI64ValueParser;
use clap::{Args, ValueEnum};
use zkml::quant::CalibrationMethod;
use zkml::{Privacy, Visibility};

/// What proofs show; inputs and weights are private and outputs public unless said otherwise.
#[derive(Debug, Args)]
pub(super) struct PrivacyFlags {
    /// Proofs show the input
    #[arg(long)]
    public_input: bool,
    /// Proofs hide the outputs
    #[arg(long)]
    private_output: bool,
    /// The weights are known to all: no limit on the number of proofs
    #[arg(long)]
    public_weights: bool,
    /// Everything is public: smaller proofs that hide nothing
    #[arg(long, conflicts_with_all = ["private_output", "commit_input"])]
    public: bool,
    /// Commit to the private input apart, so that other proofs can be linked to it
    #[arg(long, conflicts_with = "public_input")]
    commit_input: bool,
}

impl PrivacyFlags {
    pub(super) fn privacy(&self) -> Privacy {
        if self.public {
            return Privacy::PUBLIC;
        }
        let visibility = |private| {
            if private {
                Visibility::Private
            } else {
                Visibility::Public
            }
        };
        Privacy {
            input: visibility(!self.public_input),
            output: visibility(self.private_output),
            weights: visibility(!self.public_weights),
            commit_input: self.commit_input,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Scales {
    PerChannel,
    PerTensor,
}

/// Parses a number of bits, and refuses one outside of `range`.
pub(super) fn bits(range: RangeInclusive<u32>) -> RangedI64ValueParser<u32> {
    let (least, most) = range.into_inner();
    clap::value_parser!(u32).range(i64::from(least)..=i64::from(most))
}

/// Bits that both weights and activations can have.
const BOTH_BITS: RangeInclusive<u32> = 4..=8;

/// Bits of weights and activations.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bits {
    /// As many as the error budget asks for.
    Auto,
    Fixed(u32),
}

pub(super) fn bits_or_auto(text: &str) -> Result<Bits, String> {
    match text.parse::<u32>() {
        _ if text == "auto" => Ok(Bits::Auto),
        Ok(bits) if BOTH_BITS.contains(&bits) => Ok(Bits::Fixed(bits)),
        _ => Err("expected 4 to 8, or auto".into()),
    }
}

pub(super) fn percent(text: &str) -> Result<f64, String> {
    match text.trim_end_matches('%').trim_end().parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent),
        _ => Err("expected a percentage above 0 and up to 100".into()),
    }
}

pub(super) fn calibration_method(text: &str) -> Result<CalibrationMethod, String> {
    match text {
        "measured" => Ok(CalibrationMethod::Measured),
        "min-max" => Ok(CalibrationMethod::MinMax),
        "mse" => Ok(CalibrationMethod::Mse),
        _ => match text.parse::<f64>() {
            Ok(percent) if percent > 50.0 && percent <= 100.0 => Ok(CalibrationMethod::Percentile(percent)),
            _ => Err("expected measured, min-max, mse, or a percentile above 50 and up to 100".into()),
        },
    }
}
