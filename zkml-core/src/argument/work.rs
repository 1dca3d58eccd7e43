//! The work that a key asks of its verifier: the number of sequential hashes, and the most arithmetic.

use crate::circuit::{Circuit, ColumnId, ColumnKind};
use crate::keys::WeightsKey;
use crate::pcs::CodeParameters;

/// Fewest sequential hashes after the first message.
const MINIMUM_HARDENING: u64 = 1 << 12;

/// The number of sequential hashes after the first messages, `2^12 + D`: more than the longest chain of non-linear
/// steps, which is at most `D`, so that a network has no room to compute the transcript's own hash. See
/// `docs/decisions/0017-hardening-by-depth.md`.
pub(super) fn required_hardening(circuit: &Circuit) -> u64 {
    MINIMUM_HARDENING.saturating_add(circuit.sequential_steps())
}

/// An upper bound on the number of claims on each column: one for each use, times the claims on the user.
pub(crate) fn claim_counts(circuit: &Circuit) -> Vec<u64> {
    let mut counts = vec![0u64; circuit.columns.len()];
    let add = |counts: &mut Vec<u64>, id: ColumnId, more: u64| {
        if let Some(count) = counts.get_mut(id.index()) {
            *count = count.saturating_add(more);
        }
    };
    for lookup in &circuit.lookups {
        lookup.columns.iter().for_each(|&id| add(&mut counts, id, 1));
    }
    circuit.equalities.iter().for_each(|&id| add(&mut counts, id, 1));
    for id in circuit.ids().rev() {
        let own = counts.get(id.index()).copied().unwrap_or(0);
        match &circuit[id].kind {
            ColumnKind::Linear(linear) => {
                linear
                    .terms
                    .iter()
                    .for_each(|term| add(&mut counts, term.column, own));
            }
            ColumnKind::View(view) => add(&mut counts, view.source, own),
            ColumnKind::Contraction(contraction) => {
                add(&mut counts, contraction.left, own);
                add(&mut counts, contraction.right, own);
            }
            ColumnKind::Committed { .. } | ColumnKind::Parameter { .. } | ColumnKind::Public(_) => {}
        }
    }
    counts
}

/// An upper bound on the multiplications a verifier of the key's recursion does: each claim, of whatever level, is
/// evaluated on the last message, which is the row combination itself where there is no level. In zero knowledge the
/// answers of the closing check, a narrow row, are evaluated at each position.
pub(crate) fn recursion_work(key: &WeightsKey, hides: bool) -> u64 {
    let levels = key.recursion.levels.iter();
    let claims = levels.fold(key.code.queries, |sum, level| sum.saturating_add(level.queries));
    let message = key.recursion.last_length(key.code.message_length());
    let answers = match hides {
        true => key.code.narrow().message_length().saturating_mul(2),
        false => 0,
    };
    let claims = (claims.saturating_add(1) as u64).saturating_mul(message as u64);
    claims.saturating_add((key.code.queries as u64).saturating_mul(answers as u64))
}

/// An upper bound on the multiplications a verifier of this circuit does outside the opening of columns: the factors
/// of views and the public columns are walked through once for each claim, claims on one column are compared.
pub(crate) fn arithmetic(circuit: &Circuit, code: &CodeParameters) -> u64 {
    let cells = |id: ColumnId| circuit[id].shape.padded_len() as u64;
    circuit
        .ids()
        .zip(claim_counts(circuit))
        .map(|(id, claims)| {
            let each = match &circuit[id].kind {
                ColumnKind::Public(_) => cells(id),
                ColumnKind::Committed { .. } => cells(id) >> code.narrow().log_row.min(63),
                ColumnKind::Parameter { .. } => cells(id) >> code.log_row.min(63),
                ColumnKind::View(view) => view
                    .factors
                    .iter()
                    .map(|factor| {
                        let bits = |axes: &[u8], shape: &crate::poly::PaddedShape| -> usize {
                            axes.iter().map(|&axis| shape.bits(axis.into())).sum()
                        };
                        let view_bits = bits(&factor.view_axes, &circuit[id].shape);
                        let source_bits = bits(&factor.source_axes, &circuit[view.source].shape);
                        let power = |bits: usize| 1u64.checked_shl(bits as u32).unwrap_or(u64::MAX);
                        power(view_bits).saturating_add(power(source_bits))
                    })
                    .fold(0, u64::saturating_add),
                ColumnKind::Linear(_) | ColumnKind::Contraction(_) => 1,
            };
            claims.saturating_mul(each.saturating_add(claims))
        })
        .fold(0, u64::saturating_add)
}
