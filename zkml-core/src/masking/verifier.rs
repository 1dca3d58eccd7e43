//! The verifier's channel over affine forms: it keeps what must hold and judges it at the end.

use core::ops::Add;

use ark_ff::{AdditiveGroup, Field};

use super::{Affine, Masking};
use crate::field::{K, M61, mul_k};
use crate::pcs::{CodeParameters, Combination, Commitment, add_extension_row};
use crate::transcript::{Check, VerifierChannel, VerifyError};

/// Reads padded scalars from a transcript as affine forms and collects what is stated of them.
#[derive(Debug)]
pub struct MaskedVerifier<'t, C> {
    transcript: &'t mut C,
    masking: Masking,
    scalars: usize,
    constraints: Vec<Constraint>,
}

/// `linear + sum_k c_k a_k b_k = 0`.
#[derive(Debug)]
struct Constraint {
    products: Vec<(K, Affine, Affine)>,
    linear: Affine,
}

impl Constraint {
    /// Made homogeneous of degree 2 with `xi`, at `(z, xi)`.
    fn homogeneous(&self, z: &[K], xi: K) -> K {
        let linear = mul_k(xi, self.linear.homogeneous(z, xi));
        let products = self
            .products
            .iter()
            .map(|(c, a, b)| mul_k(*c, mul_k(a.homogeneous(z, xi), b.homogeneous(z, xi))));
        products.fold(linear, K::add)
    }
}

impl<'t, C: VerifierChannel<Scalar = K>> MaskedVerifier<'t, C> {
    /// Over `transcript`, of whose scalars there are as many as `masking` says.
    pub fn new(transcript: &'t mut C, masking: Masking) -> Self {
        Self {
            transcript,
            masking,
            scalars: 0,
            constraints: Vec::new(),
        }
    }

    /// The closing check. Returns what the opened columns must confirm: that the answers are `m + xi d`.
    ///
    /// # Errors
    ///
    /// Check `closing.constraints`; what reading the messages gives.
    pub fn close(
        self,
        code: &CodeParameters,
        commitments: &[Commitment],
    ) -> Result<Vec<Combination>, VerifyError> {
        let masking = self.masking;
        if self.scalars != masking.scalars {
            return Err(miscounted(self.scalars, masking.scalars));
        }
        let channel = self.transcript;
        let eta = channel.challenge("closing.batch");
        let masked = channel.read_extension("closing.masked", 2)?;
        let xi = channel.challenge("closing.point");
        let response = channel.read_extension("closing.response", masking.response_length())?;

        let rows: Vec<usize> = commitments.iter().map(|commitment| commitment.rows).collect();
        let mut z: Vec<K> = Vec::with_capacity(masking.pads());
        let mut rest = response.as_slice();
        let mut answers = Vec::with_capacity(masking.pairs());
        for pair in 0..masking.pairs() {
            let (data, after) = rest
                .split_at_checked(masking.pads_in(pair))
                .unwrap_or((rest, &[]));
            let (tail, after) = after.split_at_checked(masking.tail).unwrap_or((after, &[]));
            rest = after;
            z.extend_from_slice(data);
            // Pads that are not used are 0.
            let mut message = data.to_vec();
            message.resize(code.row_length(), K::ZERO);
            message.extend_from_slice(tail);
            message.resize(code.message_length(), K::ZERO);
            let mut weights = vec![Vec::new(); rows.len()];
            add_extension_row(&rows, &mut weights, masking.mask_rows(pair), K::ONE);
            add_extension_row(&rows, &mut weights, masking.pad_rows(pair), xi);
            answers.push(Combination { message, weights });
        }

        let mut power = K::ONE;
        let mut found = z.last().copied().unwrap_or(K::ZERO);
        for constraint in &self.constraints {
            found = found.add(mul_k(power, constraint.homogeneous(&z, xi)));
            power = mul_k(power, eta);
        }
        let expected = masked.iter().zip([K::ONE, xi]);
        if found == expected.map(|(value, factor)| mul_k(*value, factor)).sum() {
            return Ok(answers);
        }
        Err(Check {
            name: "closing.constraints",
            place: "all constraints",
        }
        .failed())
    }
}

fn miscounted(found: usize, expected: usize) -> VerifyError {
    VerifyError::Key(format!(
        "the argument hides {found} scalars, there are pads for {expected}"
    ))
}

impl<C: VerifierChannel<Scalar = K>> VerifierChannel for MaskedVerifier<'_, C> {
    type Scalar = Affine;

    fn read_scalars(&mut self, label: &'static str, count: usize) -> Result<Vec<Affine>, VerifyError> {
        let first = self.scalars;
        let after = first.saturating_add(count);
        if after > self.masking.scalars {
            return Err(miscounted(after, self.masking.scalars));
        }
        self.scalars = after;
        let sent = self.transcript.read_scalars(label, count)?;
        Ok(sent
            .into_iter()
            .zip(first..after)
            .map(|(sent, index)| Affine::padded(sent, index))
            .collect())
    }

    fn read_extension(&mut self, label: &'static str, count: usize) -> Result<Vec<K>, VerifyError> {
        self.transcript.read_extension(label, count)
    }

    fn read_base(&mut self, label: &'static str, count: usize) -> Result<Vec<M61>, VerifyError> {
        self.transcript.read_base(label, count)
    }

    fn read_digest(&mut self, label: &'static str) -> Result<[u8; 32], VerifyError> {
        self.transcript.read_digest(label)
    }

    fn challenge(&mut self, label: &'static str) -> K {
        self.transcript.challenge(label)
    }

    fn positions(&mut self, label: &'static str, count: usize, bound: usize) -> Vec<usize> {
        self.transcript.positions(label, count, bound)
    }

    fn grind(&mut self, label: &'static str, bits: u32) -> Result<(), VerifyError> {
        self.transcript.grind(label, bits)
    }

    fn constrain_zero(&mut self, _: Check<'_>, value: Affine) -> Result<(), VerifyError> {
        self.constraints.push(Constraint {
            products: Vec::new(),
            linear: value,
        });
        Ok(())
    }

    fn constrain_quadratic(
        &mut self,
        _: Check<'_>,
        products: &[(K, &Affine, &Affine)],
        linear: Affine,
    ) -> Result<(), VerifyError> {
        let products = products
            .iter()
            .map(|(c, a, b)| (*c, (*a).clone(), (*b).clone()))
            .collect();
        self.constraints.push(Constraint { products, linear });
        Ok(())
    }
}
