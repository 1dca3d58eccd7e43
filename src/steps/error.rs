//! Why a step failed, where, and what to do about it.

use thiserror::Error;
use zkml_core::proof::FileError;
use zkml_core::transcript::VerifyError;

#[cfg(feature = "prover")]
use std::path::PathBuf;
#[cfg(feature = "prover")]
use zkml_core::{
    execute::ExecutionError,
    graph::GraphError,
    keys::ProveError,
    nn::{TraceError, WeightError},
    ops::QuantizeError,
    optimize::OptimizeError,
    quant::{AccuracyError, CalibrationError, Clipping},
};
#[cfg(feature = "prover")]
use zkml_models::hugging_face::PretrainedError;

/// Why one of the five steps failed. The messages are complete: they hold those of the inner errors.
///
/// `Debug` prints the same report as `Display`, so that `main() -> Result<(), Box<dyn Error>>` shows it.
#[derive(Error)]
#[non_exhaustive]
pub enum Error {
    /// `forward` cannot be run on the declared input.
    #[cfg(feature = "prover")]
    #[error("model `{model}`: {error}{}", missing_shape(error))]
    Trace {
        /// Name of the model.
        model: String,
        /// What is wrong.
        error: Box<TraceError>,
    },
    /// The weights cannot be read, or are not those of the model.
    #[cfg(feature = "prover")]
    #[error("weights of model `{model}` from {}: {error}", path.display())]
    Weights {
        /// Name of the model.
        model: String,
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        error: Box<WeightError>,
    },
    /// The file holds tensors that no parameter of the model takes: it may be that of another model.
    #[cfg(feature = "prover")]
    #[error(
        "weights of model `{model}` from {}: {} tensors belong to no parameter: {}. If they are meant to be left out, \
         load with `model.trace()?.load(&weights)?` and go on with `Model::from_graph`",
        path.display(), unused.len(), zkml_core::nn::first_few(unused)
    )]
    UnusedWeights {
        /// Name of the model.
        model: String,
        /// The file or folder.
        path: PathBuf,
        /// Names of the tensors.
        unused: Vec<String>,
    },
    /// The float network cannot be optimized.
    #[cfg(feature = "prover")]
    #[error("optimizing model `{model}`: {error}")]
    Optimize {
        /// Name of the model.
        model: String,
        /// What is wrong.
        error: Box<OptimizeError>,
    },
    /// No argmax can be appended: the first output has no axis of classes.
    #[cfg(feature = "prover")]
    #[error("model `{model}` as a classifier: {error}")]
    Classifier {
        /// Name of the model.
        model: String,
        /// What is wrong.
        error: Box<GraphError>,
    },
    /// The number of names is not the number of classes.
    #[cfg(feature = "prover")]
    #[error("names of classes: expected {expected}, one for each score of the network, found {found}")]
    ClassNames {
        /// How many classes the network has.
        expected: usize,
        /// How many names were given.
        found: usize,
    },
    /// The ranges of activations cannot be measured on the samples.
    #[cfg(feature = "prover")]
    #[error("quantizing model `{model}`: {error}")]
    Calibration {
        /// Name of the model.
        model: String,
        /// What is wrong.
        error: Box<CalibrationError>,
    },
    /// A key cannot be compared with a known model.
    #[cfg(feature = "prover")]
    #[error(
        "comparing with model `{model}`: expected {expected}, found {found}; compare with a file instead"
    )]
    Compare {
        /// Name of the model.
        model: String,
        /// What can be compared.
        expected: String,
        /// What the key has.
        found: String,
    },
    /// The network cannot be quantized.
    #[cfg(feature = "prover")]
    #[error("quantizing model `{model}`: {error}")]
    Quantize {
        /// Name of the model.
        model: String,
        /// What is wrong.
        error: Box<QuantizeError>,
    },
    /// The two networks cannot be compared.
    #[cfg(feature = "prover")]
    #[error("comparing model `{model}` with its integers: {error}")]
    Accuracy {
        /// Name of the model.
        model: String,
        /// What is wrong.
        error: Box<AccuracyError>,
    },
    /// The input is not one that the model takes. No proof of a key was used up.
    #[cfg(feature = "prover")]
    #[error("{error}{}", missing_batch(error))]
    Input {
        /// What is wrong.
        error: ExecutionError,
    },
    /// The input is unlike all that the model was quantized with, so that its integers stand for another input. No
    /// proof of a key was used up.
    #[cfg(feature = "prover")]
    #[error(
        "the input is unlike the samples that the model was quantized with: {clipping}. A proof would be about clipped \
         values. Prepare the input as the samples (scale, mean, sign), quantize with samples like it, or allow it with \
         `allow_clipping()`"
    )]
    Clipped {
        /// What was clipped.
        clipping: Clipping,
    },
    /// The keys cannot be made.
    #[cfg(feature = "prover")]
    #[error("setting up model `{model}`: {error}")]
    Setup {
        /// Name of the model.
        model: String,
        /// What is wrong.
        error: Box<ProveError>,
    },
    /// The answer cannot be proved.
    #[cfg(feature = "prover")]
    #[error("proving: {error}")]
    Prove {
        /// What is wrong.
        error: ProveError,
    },
    /// The proving key cannot be read, written or rotated.
    #[cfg(feature = "prover")]
    #[error("proving key: {error}")]
    ProvingKey {
        /// What is wrong.
        error: ProveError,
    },
    /// A file that says which tokens a language model has is missing, or is none.
    #[cfg(feature = "prover")]
    #[error("{}: expected {expected}, found {found}", file.display())]
    Vocabulary {
        /// The file.
        file: PathBuf,
        /// What it should hold.
        expected: String,
        /// What it holds.
        found: String,
    },
    /// A directory that holds no language model that can be run.
    #[cfg(feature = "prover")]
    #[error("language model `{model}`: {error}")]
    Pretrained {
        /// Name of the model.
        model: String,
        /// What is wrong.
        error: Box<PretrainedError>,
    },
    /// A model or a text that is too large to be proved.
    #[cfg(feature = "prover")]
    #[error("model `{model}`: expected at most {limit} {quantity}, found {found}")]
    TooLarge {
        /// Name of the model.
        model: String,
        /// What there is too much of.
        quantity: &'static str,
        /// The most there may be.
        limit: u64,
        /// How much there is.
        found: u64,
    },
    /// A value of the integer model leaves its range, so that no proof exists.
    #[cfg(feature = "prover")]
    #[error("writing stopped before token {position}, for which there would be no proof: {error}")]
    Stopped {
        /// Position in the text of the token that was not shown.
        position: usize,
        /// The value.
        error: ExecutionError,
    },
    /// A prompt or a proof that is about no text of the model.
    #[error("text: expected {expected}, found {found}")]
    Text {
        /// What is right.
        expected: String,
        /// What was given.
        found: String,
    },
    /// The proof holds, but the text goes on with another token than the model's.
    #[error("token {position} of the text: expected {expected}, which the model gives, found {found}")]
    Continuation {
        /// Position of the token.
        position: usize,
        /// The model's token.
        expected: u32,
        /// The token of the text.
        found: u32,
    },
    /// The verifying key does not commit to what it says, or is unusable.
    #[error("the verifying key is refused: {error}")]
    VerifyingKey {
        /// The check that failed.
        error: VerifyError,
    },
    /// The proof is not one of this key, these public values and this context.
    #[error(
        "the proof is refused: {error}. A proof holds for the key, the public values and the context that it was made \
         with, and for no others"
    )]
    Verify {
        /// The check that failed.
        error: VerifyError,
    },
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
}

zkml_core::debug_as_display!(Error);

/// How to give the shape of the input, for a model that declares none.
#[cfg(feature = "prover")]
fn missing_shape(error: &TraceError) -> &'static str {
    match error {
        TraceError::NoInputShape { .. } => {
            ". To load it on an input of any shape: `load_with_input(path, &[1, ...])`"
        }
        _ => "",
    }
}

/// The usual mistake with a single input, and how to mend it.
#[cfg(feature = "prover")]
fn missing_batch(error: &ExecutionError) -> &'static str {
    match error {
        ExecutionError::InputShape { expected, found }
            if expected.split_first() == Some((&1, found.as_slice())) =>
        {
            ". The batch comes first: `input.insert_axis(Axis(0))`"
        }
        _ => "",
    }
}

#[cfg(all(test, feature = "prover"))]
mod tests {
    use super::*;

    /// `main() -> Result<(), Box<dyn Error>>` prints `Debug`.
    #[test]
    fn debug_is_the_report() {
        let error = Error::ClassNames {
            expected: 10,
            found: 2,
        };
        let boxed: Box<dyn std::error::Error> = error.into();
        let report = "names of classes: expected 10, one for each score of the network, found 2";
        assert_eq!(format!("{boxed:?}"), report);
        assert_eq!(boxed.to_string(), report);
    }

    #[test]
    fn an_image_without_a_batch_is_told_what_it_lacks() {
        let of = |found: &[usize]| {
            let error = ExecutionError::InputShape {
                expected: vec![1, 3, 8],
                found: found.to_vec(),
            };
            Error::Input { error }.to_string()
        };
        assert!(of(&[3, 8]).ends_with("insert_axis(Axis(0))`"));
        assert_eq!(of(&[8, 3]), "input: expected shape [1, 3, 8], found [8, 3]");
    }
}
