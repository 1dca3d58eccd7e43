//! What a proof says, once it is checked.

use core::fmt;

use zkml_core::argument::Statement;
use zkml_core::keys::PublicTensor;
use zkml_core::proof::PublicValues;
use zkml_core::verify::{self, TrustedKey};
use zkml_core::{Privacy, Visibility};

use super::QuantizedTensor;
use super::tensor::{class_of, classes_of};

/// What a proof says. Only [`Verifier::verify`](super::Verifier::verify) makes one: whoever holds it, holds a checked
/// answer.
///
/// Its `Display` is a report for people, which says what was private.
///
/// ```no_run
/// # fn show(verified: zkml::Verified) {
/// match verified.outputs() {
///     Some(outputs) => println!("class {:?}: {:?}", verified.class(), outputs[0].values()),
///     None => println!("the outputs are private"),
/// }
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    model: String,
    privacy: Privacy,
    inputs: Vec<QuantizedTensor>,
    outputs: Option<Vec<QuantizedTensor>>,
    label: Option<String>,
    commitments: verify::Verified,
}

impl Verified {
    /// Takes public values whose proof was just checked.
    pub(super) fn new(key: &TrustedKey<'_>, public: &PublicValues, commitments: verify::Verified) -> Self {
        let (statement, names) = (key.statement(), &key.key().network.classes);
        let outputs = public_outputs(statement, public);
        let class = outputs.as_deref().and_then(class_of);
        Self {
            model: statement.name.clone().into_owned(),
            privacy: statement.privacy,
            inputs: public_inputs(statement, public),
            label: class.and_then(|class| names.get(class).cloned()),
            outputs,
            commitments,
        }
    }

    /// Name of the model, as in its key.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The public outputs, in order ([`QuantizedTensor::number`]); none where the key keeps all of them private.
    pub fn outputs(&self) -> Option<&[QuantizedTensor]> {
        self.outputs.as_deref()
    }

    /// The class of a batch of one: the index of the largest score in output 0, the first among equals. None where
    /// output 0 is private or not `[1, classes]`.
    pub fn class(&self) -> Option<usize> {
        class_of(self.outputs()?)
    }

    /// The classes of all rows of output 0; none where output 0 is private or not `[batch, classes]`.
    pub fn classes(&self) -> Vec<usize> {
        self.outputs().map(classes_of).unwrap_or_default()
    }

    /// The name of the class, if the key has names.
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// The input of the answer; none if the key keeps it private. If the model has several inputs, the first public
    /// one.
    pub fn input(&self) -> Option<&QuantizedTensor> {
        self.inputs.first()
    }

    /// The public inputs, in order.
    pub fn inputs(&self) -> &[QuantizedTensor] {
        &self.inputs
    }

    /// What the proof shows and what it hides.
    pub fn privacy(&self) -> Privacy {
        self.privacy
    }

    /// The commitments to private tensors that the proof carries. They [link](zkml_core::argument::link) it to other
    /// proofs.
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
        for output in self.outputs.iter().flatten() {
            write!(
                f,
                "\noutput {}, shape {:?}: {:?}",
                output.number(),
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
        let inputs = if self.inputs.is_empty() {
            "input"
        } else {
            "other inputs"
        };
        let outputs = if self.outputs.is_none() {
            "outputs"
        } else {
            "other outputs"
        };
        let all = [(inputs, input), (outputs, output), ("weights", weights)];
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

/// A public tensor with its values.
fn tensor(statement: &Statement<'_>, public: &PublicTensor, integers: &[i64]) -> QuantizedTensor {
    let shape = statement.circuit()[public.column].shape.sizes();
    QuantizedTensor::new(
        public.index as usize,
        shape,
        public.scales.clone(),
        integers.to_vec(),
    )
}

/// The public inputs of the values that were checked.
fn public_inputs(statement: &Statement<'_>, public: &PublicValues) -> Vec<QuantizedTensor> {
    // Values that have been checked can be split.
    let inputs = public.split_input(statement).unwrap_or_default();
    let inputs = inputs.into_iter();
    inputs
        .map(|(input, integers)| tensor(statement, input, integers))
        .collect()
}

/// The public outputs of the values that were checked.
fn public_outputs(statement: &Statement<'_>, public: &PublicValues) -> Option<Vec<QuantizedTensor>> {
    let integers = public.outputs.as_ref()?;
    let outputs = statement.outputs.iter().zip(integers);
    let outputs = outputs.map(|(output, integers)| tensor(statement, output, integers));
    Some(outputs.collect())
}
