//! The answer of a prover: outputs, and their proof.

use zkml_core::proof::Proof;
use zkml_core::quant::Clipping;

use super::QuantizedTensor;
use super::tensor::{class_of, classes_of};

/// The model's answer to one input, and the proof of it. The outputs are for the prover and include private ones; the
/// proof is for others.
///
/// ```no_run
/// # fn show(answer: zkml::Answer) -> Result<(), zkml::Error> {
/// println!("class {:?}: {:?}", answer.class(), answer.outputs()[0].values());
/// answer.proof().save("answer.proof")?;
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq)]
pub struct Answer {
    outputs: Vec<QuantizedTensor>,
    label: Option<String>,
    proof: Proof,
    clipping: Clipping,
}

// The outputs, and the name of the class, may be private.
zkml_core::debug_without_values!(Answer, self => "Answer({} outputs)", self.outputs.len());

impl Answer {
    pub(super) fn new(
        outputs: Vec<QuantizedTensor>,
        names: &[String],
        proof: Proof,
        clipping: Clipping,
    ) -> Self {
        let label = class_of(&outputs).and_then(|class| names.get(class).cloned());
        Self {
            outputs,
            label,
            proof,
            clipping,
        }
    }

    /// The outputs, by number.
    pub fn outputs(&self) -> &[QuantizedTensor] {
        &self.outputs
    }

    /// The class of a batch of one: the index of the largest score in output 0, the first among equals. None where
    /// output 0 is not `[1, classes]`.
    pub fn class(&self) -> Option<usize> {
        class_of(&self.outputs)
    }

    /// The classes of all rows of output 0; none where it is not `[batch, classes]`.
    pub fn classes(&self) -> Vec<usize> {
        classes_of(&self.outputs)
    }

    /// The name of the class, if the model has names.
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// The proof, with the public values it speaks of.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }

    /// What rounding the input to integers clipped: the answer is the model's to the clipped input.
    pub fn clipping(&self) -> &Clipping {
        &self.clipping
    }

    /// The proof alone.
    pub fn into_proof(self) -> Proof {
        self.proof
    }
}
