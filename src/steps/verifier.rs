//! The last step: checking a proof, and what it then says.

use core::fmt;
use std::path::Path;

use zkml_core::circuit::ColumnId;
use zkml_core::proof::{PublicValues, read_file};
use zkml_core::verify::{self, Statement, TrustedKey, VerifyingKey};
use zkml_core::{Privacy, Visibility};

use super::tensor::class_of;
use super::{AnswerProof, Error, QuantizedTensor};

/// Checks proofs with one verifying key, whose own setup proof was checked when the verifier was made.
///
/// The key decides what is proved: take it, or its [digest](Self::digest), from someone you trust, not from the prover.
///
/// ```no_run
/// # fn main() -> Result<(), zkml::Error> {
/// let verifier = zkml::Verifier::open("digits.vkey")?;
/// let proof = zkml::AnswerProof::open("seven")?;
/// let verified = verifier.verify(&proof, b"nonce")?;
/// println!("{verified}");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Verifier {
    key: TrustedKey<'static>,
    classes: Vec<String>,
}

impl Verifier {
    /// Checks the key: its commitments hold weights of the range it promises, and it reaches the required soundness.
    ///
    /// # Errors
    /// [`Error::VerifyingKey`] with the check that failed.
    pub fn new(key: &VerifyingKey) -> Result<Self, Error> {
        let key = TrustedKey::new(key).map_err(|error| Error::VerifyingKey { error })?;
        Ok(Self {
            key: key.into_owned(),
            classes: Vec::new(),
        })
    }

    /// Reads a key that [`save`](Self::save) or `zkml setup` wrote, and checks it.
    ///
    /// # Errors
    /// [`Error::File`] with the path; as [`Self::new`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::new(&read_file(path)?)
    }

    /// Writes the verifying key, whole or not at all, over a file of that name.
    ///
    /// # Errors
    /// [`Error::File`] with the path.
    #[cfg(feature = "prover")]
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        zkml_core::proof::write_file(path, self.key())?;
        Ok(())
    }

    /// Names of the classes, by index, for [`Verified::label`]. They are not part of a key, and nothing is proved of
    /// them.
    pub fn with_classes(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.classes = names.into_iter().map(Into::into).collect();
        self
    }

    /// Checks that the model of the key gives the outputs of the proof on its input, and that the prover was given
    /// `context`, such as a nonce that nobody else could know.
    ///
    /// # Errors
    /// [`Error::Verify`] with the check that failed.
    pub fn verify(&self, proof: &AnswerProof, context: &[u8]) -> Result<Verified, Error> {
        let AnswerProof { public, proof } = proof;
        let commitments = self
            .key
            .verify(public, proof, context)
            .map_err(|error| Error::Verify { error })?;
        let statement = self.key.statement();
        let class = |class: usize| self.classes.get(class).cloned();
        let outputs = public_outputs(statement, public);
        Ok(Verified {
            model: self.key().name.clone(),
            privacy: self.key().privacy,
            input: public_input(statement, public),
            label: outputs.as_deref().and_then(class_of).and_then(class),
            outputs,
            commitments,
        })
    }

    /// The verifying key.
    pub fn key(&self) -> &VerifyingKey {
        &self.key.statement().key
    }

    /// Digest of the key, all but its setup proof: what to compare with what one was promised.
    pub fn digest(&self) -> [u8; 32] {
        self.key.digest()
    }

    /// What its proofs show.
    pub fn privacy(&self) -> Privacy {
        self.key().privacy
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest: String = self.digest().iter().map(|byte| format!("{byte:02x}")).collect();
        f.debug_struct("Verifier")
            .field("model", &self.key().name)
            .field("digest", &digest)
            .finish_non_exhaustive()
    }
}

/// The tensor of a column.
fn tensor(statement: &Statement<'_>, column: ColumnId, scale: f64, integers: &[i64]) -> QuantizedTensor {
    let shape = statement.circuit()[column].shape.sizes();
    QuantizedTensor::new(shape, scale, integers.to_vec())
}

/// The public input of public values that were checked.
fn public_input(statement: &Statement<'_>, public: &PublicValues) -> Option<QuantizedTensor> {
    let (input, integers) = (statement.input?, public.input.as_ref()?);
    let scale = statement.key.interface.input_scale;
    Some(tensor(statement, input.column, scale, integers))
}

/// The public outputs of public values that were checked.
fn public_outputs(statement: &Statement<'_>, public: &PublicValues) -> Option<Vec<QuantizedTensor>> {
    let integers = public.outputs.as_ref()?;
    let scales = &statement.key.interface.output_scales;
    let outputs = statement.outputs.iter().zip(scales).zip(integers);
    let outputs =
        outputs.map(|((output, &scale), integers)| tensor(statement, output.column, scale, integers));
    Some(outputs.collect())
}

/// What a proof says. Only [`Verifier::verify`] makes one: whoever holds it, holds a checked answer.
///
/// Its `Display` is a report for people, which says what was private.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    model: String,
    privacy: Privacy,
    input: Option<QuantizedTensor>,
    outputs: Option<Vec<QuantizedTensor>>,
    label: Option<String>,
    commitments: verify::Verified,
}

impl Verified {
    /// Name of the model, as in its key.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The outputs, by number; none where the key keeps them private.
    pub fn outputs(&self) -> Option<&[QuantizedTensor]> {
        self.outputs.as_deref()
    }

    /// The class of a batch of one: the index of the largest score in output 0, the first among equals. None where
    /// outputs are private or output 0 is not `[1, classes]`.
    pub fn class(&self) -> Option<usize> {
        class_of(self.outputs()?)
    }

    /// The classes of all rows of output 0; none where outputs are private or output 0 is not `[batch, classes]`.
    pub fn classes(&self) -> Vec<usize> {
        let first = self.outputs().and_then(<[_]>::first);
        first.map(QuantizedTensor::classes).unwrap_or_default()
    }

    /// The name of the class, if the verifier was given names.
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// The input the answer is about; none where the key keeps it private.
    pub fn input(&self) -> Option<&QuantizedTensor> {
        self.input.as_ref()
    }

    /// What the proof shows and what it hides.
    pub fn privacy(&self) -> Privacy {
        self.privacy
    }

    /// The commitments to private tensors that the proof carries, by which it can be [linked](zkml_core::verify::link)
    /// to other proofs.
    pub fn commitments(&self) -> &verify::Verified {
        &self.commitments
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: verified", self.model)?;
        if let Some(class) = self.class() {
            write!(f, ", class {class}")?;
            if let Some(label) = &self.label {
                write!(f, " ({label})")?;
            }
        }
        for (number, output) in self.outputs.iter().flatten().enumerate() {
            write!(
                f,
                "\noutput {number}, shape {:?}: {:?}",
                output.shape(),
                output.values()
            )?;
        }
        let Privacy {
            input,
            output,
            weights,
            ..
        } = self.privacy;
        let all = [("input", input), ("outputs", output), ("weights", weights)];
        let hidden: Vec<&str> = all
            .into_iter()
            .filter(|(_, visibility)| *visibility == Visibility::Private)
            .map(|(name, _)| name)
            .collect();
        match hidden.is_empty() {
            true => write!(f, "\nprivate: nothing"),
            false => write!(f, "\nprivate: {}", hidden.join(", ")),
        }
    }
}
