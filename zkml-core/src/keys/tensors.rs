//! The public tensors of a key: which inputs and outputs a verifier knows, and how their integers read.

use super::VerifyingKey;
use crate::circuit::{ColumnId, ColumnKind, Home, Public};
use crate::privacy::Visibility;
use crate::transcript::VerifyError;

/// A public tensor of the circuit: its column, and how its values read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PublicTensor {
    /// The column.
    pub column: ColumnId,
    /// Which input or output of the model, from 0.
    pub index: u32,
    /// Smallest value.
    pub minimum: i64,
    /// Largest value.
    pub maximum: i64,
    /// `real = scale * integer`; 1 for an index.
    pub scale: f64,
}

impl VerifyingKey {
    /// The public inputs, in order; none if all are private.
    ///
    /// # Errors
    /// [`VerifyError::Key`] unless the circuit has exactly what privacy asks for. Public inputs are all there, numbered
    /// 0, 1, 2, ... Of private inputs the revealed ones are there, in ascending order. A committed input has one
    /// column.
    pub fn inputs(&self) -> Result<Vec<PublicTensor>, VerifyError> {
        let expected = usize::from(self.privacy.commit_input);
        let found = self.circuit.tensors(Home::Input).count();
        if expected != found || !self.privacy.is_consistent() {
            return Err(VerifyError::Key(format!(
                "expected {expected} committed inputs, all of them private, found {found}, {}",
                self.privacy.input
            )));
        }
        let (mut first, mut numbered) = (Vec::new(), Vec::new());
        for column in self.circuit.ids() {
            match self.circuit[column].kind {
                ColumnKind::Public(Public::Input { minimum, maximum }) => first.push(PublicTensor {
                    column,
                    index: 0,
                    minimum,
                    maximum,
                    scale: self.interface.input_scale,
                }),
                ColumnKind::Public(Public::InputAt {
                    index,
                    minimum,
                    maximum,
                    scale,
                }) => numbered.push(PublicTensor {
                    column,
                    index,
                    minimum,
                    maximum,
                    scale,
                }),
                _ => {}
            }
        }
        check_scales(numbered.iter().map(|input| &input.scale))?;
        match (first.as_slice(), self.privacy.input) {
            ([_], Visibility::Public) | ([], Visibility::Private) => {}
            (_, Visibility::Public) => {
                return Err(VerifyError::Key(
                    "the circuit must have exactly one first public input".into(),
                ));
            }
            (_, Visibility::Private) => {
                return Err(VerifyError::Key(
                    "the circuit has a public input, it should be private".into(),
                ));
            }
        }
        let all = self.privacy.input == Visibility::Public;
        first.append(&mut numbered);
        expect_ascending("inputs", &first, all)?;
        Ok(first)
    }

    /// The public outputs, by number; none if all are private.
    ///
    /// # Errors
    /// [`VerifyError::Key`] unless public outputs are numbered 0, 1, 2, ... with a positive scale each. Private outputs
    /// have a scale each, and a committed column each unless they are revealed; no two revealed ones have one number.
    pub fn outputs(&self) -> Result<Vec<PublicTensor>, VerifyError> {
        let scales = &self.interface.output_scales;
        check_scales(core::iter::once(&self.interface.input_scale).chain(scales))?;
        let (mut public, mut revealed) = self.shown_outputs(scales)?;
        revealed.sort_by_key(|output| output.index);
        let private = self.circuit.tensors(Home::Output).count();
        if self.privacy.output.is_private() {
            let count = private.saturating_add(revealed.len());
            if !public.is_empty() || private == 0 || count != scales.len() {
                return Err(VerifyError::Key(format!(
                    "expected private outputs with one scale each, found {private}, {} revealed and {} public ones, {} scales",
                    revealed.len(),
                    public.len(),
                    scales.len()
                )));
            }
            expect_ascending("outputs", &revealed, false)?;
            return Ok(revealed);
        }
        if private != 0 || !revealed.is_empty() {
            return Err(VerifyError::Key(format!(
                "the circuit has {private} private outputs and {} revealed ones, all should be public",
                revealed.len()
            )));
        }
        public.sort_by_key(|output: &PublicTensor| output.index);
        if public.is_empty() || public.len() != scales.len() {
            return Err(VerifyError::Key(format!(
                "expected outputs numbered from 0 with one scale each, found {} outputs and {} scales",
                public.len(),
                scales.len()
            )));
        }
        expect_ascending("outputs", &public, true)?;
        Ok(public)
    }

    /// The public columns of outputs: first those of a key with public outputs, then those revealed by a key with
    /// private ones.
    fn shown_outputs(&self, scales: &[f64]) -> Result<(Vec<PublicTensor>, Vec<PublicTensor>), VerifyError> {
        let (mut public, mut revealed) = (Vec::new(), Vec::new());
        for column in self.circuit.ids() {
            let (list, index, minimum, maximum) = match self.circuit[column].kind {
                ColumnKind::Public(Public::Output {
                    index,
                    minimum,
                    maximum,
                }) => (&mut public, index, minimum, maximum),
                ColumnKind::Public(Public::OutputAt {
                    index,
                    minimum,
                    maximum,
                }) => (&mut revealed, index, minimum, maximum),
                _ => continue,
            };
            let scale = usize::try_from(index).ok().and_then(|index| scales.get(index));
            let Some(&scale) = scale else {
                return Err(VerifyError::Key(format!(
                    "expected outputs numbered from 0 with one scale each, found output {index} and {} scales",
                    scales.len()
                )));
            };
            list.push(PublicTensor {
                column,
                index,
                minimum,
                maximum,
                scale,
            });
        }
        Ok((public, revealed))
    }
}

/// Checks that scales are positive and finite.
fn check_scales<'a>(mut scales: impl Iterator<Item = &'a f64>) -> Result<(), VerifyError> {
    match scales.find(|scale| !(scale.is_finite() && **scale > 0.0)) {
        None => Ok(()),
        Some(scale) => Err(VerifyError::Key(format!(
            "expected positive, finite scales, found {scale}"
        ))),
    }
}

/// Checks that numbers ascend, and if `all` that they are 0, 1, 2, ...
fn expect_ascending(what: &str, tensors: &[PublicTensor], all: bool) -> Result<(), VerifyError> {
    let ascending = tensors.windows(2).all(|pair| match pair {
        [left, right] => left.index < right.index,
        _ => true,
    });
    let mut numbered = (0u32..).zip(tensors);
    if ascending && (!all || numbered.all(|(position, tensor)| tensor.index == position)) {
        return Ok(());
    }
    Err(VerifyError::Key(format!(
        "expected {what} numbered {}, found {:?}",
        if all { "from 0" } else { "in ascending order" },
        tensors.iter().map(|tensor| tensor.index).collect::<Vec<_>>()
    )))
}
