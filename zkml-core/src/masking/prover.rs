//! The prover's side: pads, the channel that adds them, and the closing messages.

use ark_ff::Field;
use zeroize::Zeroizing;

use super::{Constraint, Masking, Record};
use crate::field::{K, M61};
use crate::pcs::{ExtensionRow, MatrixOracle, PcsError};
use crate::secret::Seed;
use crate::transcript::ProverChannel;

/// The secrets of one proof: pads `d` and masks `m`. Not `Clone`, and consumed by [`close`].
pub struct Pads {
    pads: Zeroizing<Vec<K>>,
    mask: Zeroizing<Vec<K>>,
}

impl Pads {
    /// Draws pads and masks from `seed`. Returns them, and the cells of all rows of `masking` for the commitment.
    pub fn draw(masking: &Masking, seed: &Seed) -> (Self, Zeroizing<Vec<M61>>) {
        let length = masking.row_length;
        let mut cells = Zeroizing::new(vec![M61::from_raw(0); masking.rows().saturating_mul(length)]);
        let used = |row: usize| {
            // Pads that are not used stay 0; the mask of the row combination takes the whole row.
            let pair = row / 2;
            let pairs = masking.pairs();
            if pair < pairs.saturating_mul(2) {
                masking.pads_in(pair.checked_rem(pairs).unwrap_or(0))
            } else {
                length
            }
        };
        for (row, cells) in cells.chunks_mut(length.max(1)).enumerate() {
            if let Some(cells) = cells.get_mut(..used(row)) {
                seed.fill_row(masking.first_row.saturating_add(row), cells);
            }
        }
        let elements = |rows: fn(&Masking, usize) -> ExtensionRow| {
            let mut out = Zeroizing::new(Vec::with_capacity(masking.pads()));
            for pair in 0..masking.pairs() {
                let first = rows(masking, pair).first_row.saturating_sub(masking.first_row);
                let row = |row: usize| cells.iter().skip(row.saturating_mul(length));
                let parts = row(first).zip(row(first.saturating_add(1)));
                out.extend(parts.take(masking.pads_in(pair)).map(|(&c0, &c1)| K::new(c0, c1)));
            }
            out
        };
        let pads = Self {
            pads: elements(Masking::pad_rows),
            mask: elements(Masking::mask_rows),
        };
        (pads, cells)
    }

    /// The masks, at which the tape is taken.
    pub fn mask(&self) -> &[K] {
        &self.mask
    }
}

#[cfg(test)]
impl Pads {
    /// Chosen pads and masks, as a prover may use who does not follow the protocol.
    pub(crate) fn of(pads: Vec<K>, mask: Vec<K>) -> Self {
        Self {
            pads: Zeroizing::new(pads),
            mask: Zeroizing::new(mask),
        }
    }

    /// The pads.
    pub(crate) fn pads(&self) -> &[K] {
        &self.pads
    }
}

/// Sends scalars under their pads, and keeps a record of all messages and challenges.
pub struct MaskedProver<'t, 'p, C> {
    transcript: &'t mut C,
    pads: &'p [K],
    record: Record,
}

impl<'t, 'p, C> MaskedProver<'t, 'p, C> {
    /// Over `transcript`.
    pub fn new(transcript: &'t mut C, pads: &'p Pads) -> Self {
        Self {
            transcript,
            pads: &pads.pads,
            record: Record::default(),
        }
    }

    /// What was said.
    pub fn into_record(self) -> Record {
        self.record
    }
}

impl<C: ProverChannel> ProverChannel for MaskedProver<'_, '_, C> {
    fn send_scalars(&mut self, label: &'static str, values: &[K]) {
        let pads = self.pads.get(self.record.scalars.len()..).unwrap_or_default();
        // A value without a pad is not sent: the proof is then too short, and rejected. It does not happen: the circuit
        // fixes the number of scalars.
        let padded: Vec<K> = values.iter().zip(pads).map(|(value, pad)| *value + pad).collect();
        self.record.scalars.extend_from_slice(values);
        self.transcript.send_scalars(label, &padded);
    }

    fn send_extension(&mut self, label: &'static str, values: &[K]) {
        self.record.extension.push(values.to_vec());
        self.transcript.send_extension(label, values);
    }

    fn send_base(&mut self, label: &'static str, values: &[M61]) {
        self.transcript.send_base(label, values);
    }

    fn send_digest(&mut self, label: &'static str, value: &[u8; 32]) {
        self.record.digests.push(*value);
        self.transcript.send_digest(label, value);
    }

    fn send_node(&mut self, label: &'static str, value: &[u8; 32], bytes: usize) {
        self.record.digests.push(*value);
        self.transcript.send_node(label, value, bytes);
    }

    fn challenge(&mut self, label: &'static str) -> K {
        self.record.heard(self.transcript.challenge(label))
    }

    fn positions(&mut self, label: &'static str, count: usize, bound: usize) -> Vec<usize> {
        self.transcript.positions(label, count, bound)
    }

    fn grind(&mut self, label: &'static str, bits: u32) {
        self.transcript.grind(label, bits);
    }
}

/// Sends the closing messages for `constraints` and consumes the pads. `trace` is the matrix in which these are
/// committed.
///
/// # Errors
/// [`PcsError::Backend`] where the matrix cannot be read.
pub fn close<M: MatrixOracle>(
    channel: &mut (impl ProverChannel + ?Sized),
    masking: &Masking,
    pads: Pads,
    trace: &M,
    constraints: &[Constraint],
) -> Result<(), PcsError> {
    let eta = channel.challenge("closing.batch");
    let last = |values: &[K]| values.last().copied().unwrap_or_default();
    let mut masked = [last(&pads.mask), last(&pads.pads)];
    let mut power = K::ONE;
    for constraint in constraints {
        for (sum, coefficient) in masked.iter_mut().zip(constraint.coefficients) {
            *sum += power * coefficient;
        }
        power *= eta;
    }
    channel.send_extension("closing.masked", &masked);
    let xi = channel.challenge("closing.point");

    let mut response = Vec::with_capacity(masking.response_length());
    let mut both = pads.mask.iter().zip(pads.pads.iter());
    for pair in 0..masking.pairs() {
        let data = both.by_ref().take(masking.pads_in(pair));
        response.extend(data.map(|(m, d)| xi * d + m));
        let mask = tail(trace, masking, masking.mask_rows(pair))?;
        let pads = tail(trace, masking, masking.pad_rows(pair))?;
        response.extend(mask.iter().zip(pads.iter()).map(|(m, d)| xi * d + m));
    }
    channel.send_extension("closing.response", &response);
    Ok(())
}

/// The random coefficients after a row over K.
fn tail<M: MatrixOracle>(
    trace: &M,
    masking: &Masking,
    row: ExtensionRow,
) -> Result<Zeroizing<Vec<K>>, PcsError> {
    let c0 = trace.tail(row.first_row)?;
    let c1 = trace.tail(row.first_row.saturating_add(1))?;
    let parts = c0.iter().zip(c1.iter()).take(masking.tail);
    Ok(Zeroizing::new(parts.map(|(&c0, &c1)| K::new(c0, c1)).collect()))
}
