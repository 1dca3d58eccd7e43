//! Columns of the trace are committed and looked up in blocks, not padded.
//!
//! A gadget looks its committed columns up, padding included: of 576 channels 1024 rows for each token, of 9 heads 16.
//! This pass splits every axis of such columns as `weight_blocks` splits the inputs of weights: 576 = 512 + 64. Each
//! block is a committed column with a lookup of its own, and the column is the virtual sum of views that show the
//! blocks. Where a virtual column is looked up, too, a view shows each block of it. Views of aligned blocks and parts
//! rename bits. A column that is looked up in blocks is claimed once for each block; the layers behind it are reduced
//! for each block by itself. Without this pass the padded columns are committed and looked up.
//!
//! All segments must be powers of two, so that no block has padding.

use super::weight_blocks::segments;
use crate::circuit::{Block, CircuitBuilder};
use crate::optimize::{Outcome, Switches, pass};

pass!(TraceBlocks, "trace_blocks", Circuit(changes) in "lower/builder.rs",
    "commits to columns of the trace, and looks them up, in blocks whose sizes are powers of two");

/// Cells that a split must spare for each further block.
const LEAST_SPARED: usize = 1 << 12;

/// The part of the padded cells that a split must spare: images of 7, 14, 28 ... pixels stay whole, for each block of
/// theirs would read its windows by itself.
const LEAST_PART: usize = 4;

/// Tells the builder of the circuit whether columns are split.
pub(crate) fn apply(switches: &Switches, circuit: &mut CircuitBuilder) {
    circuit.split = switches.runs(&TraceBlocks).then_some(blocks);
}

/// The blocks of a column that is looked up; a single one where it is not split.
pub(crate) fn blocks(shape: &[usize]) -> Vec<Block> {
    let whole = || vec![shape.iter().map(|&size| 0..size).collect()];
    let mut sizes = shape.iter().map(|size| size.checked_next_power_of_two());
    let padded = sizes.try_fold(1usize, |cells, size| cells.checked_mul(size?));
    let Some(padded) = padded else {
        return whole();
    };
    let spared = padded - shape.iter().product::<usize>();
    let axes: Vec<Block> = shape.iter().map(|&size| segments(size)).collect();
    let further = axes.iter().map(Vec::len).fold(1, usize::saturating_mul) - 1;
    let exact = axes
        .iter()
        .flatten()
        .all(|segment| segment.len().is_power_of_two());
    if !exact || spared < padded / LEAST_PART || spared < further.saturating_mul(LEAST_SPARED) {
        return whole();
    }
    axes.iter().fold(vec![Block::new()], |blocks, segments| {
        let extended = blocks.iter().flat_map(|block| {
            let further = segments.iter().cloned();
            further.map(|segment| [block.as_slice(), &[segment]].concat())
        });
        extended.collect()
    })
}

/// How many columns are in blocks, and what their padding would have been.
fn changes(outcome: &Outcome<'_>) -> Vec<String> {
    use crate::circuit::ColumnKind::{Committed, Linear, View};
    let circuit = outcome.circuit;
    let (mut columns, mut cells, mut whole) = (0usize, 0usize, 0usize);
    for id in circuit.ids() {
        let Linear(linear) = &circuit[id].kind else {
            continue;
        };
        let shown = linear.terms.iter().map(|term| match &circuit[term.column].kind {
            View(view) => {
                Some(&circuit[view.source]).filter(|source| matches!(source.kind, Committed { .. }))
            }
            _ => None,
        });
        let shown: Option<Vec<_>> = shown.collect();
        let count = blocks(&circuit[id].shape.sizes()).len();
        if let Some(blocks) = shown.filter(|blocks| count > 1 && blocks.len() == count) {
            columns += 1;
            cells += blocks.iter().map(|block| block.shape.padded_len()).sum::<usize>();
            whole += circuit[id].shape.padded_len();
        }
    }
    match columns {
        0 => Vec::new(),
        _ => vec![format!(
            "{columns} columns in blocks of {cells} cells instead of {whole}"
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_split_where_no_block_has_padding() {
        assert_eq!(
            blocks(&[1, 64, 576]),
            [[0..1, 0..64, 0..512], [0..1, 0..64, 512..576]]
        );
        assert_eq!(
            blocks(&[3, 64, 48, 64]),
            [
                [0..2, 0..64, 0..32, 0..64],
                [0..2, 0..64, 32..48, 0..64],
                [2..3, 0..64, 0..32, 0..64],
                [2..3, 0..64, 32..48, 0..64],
            ]
        );
        assert_eq!(blocks(&[1, 64, 1536]).len(), 2);
        assert_eq!(blocks(&[1, 3, 3, 64, 64]).len(), 4);
        assert_eq!(blocks(&[1, 13, 1536]).len(), 1);
        assert_eq!(blocks(&[1, 26, 1536]).len(), 6);
        for whole in [
            &[1, 64, 1024][..],
            // The last segment would have padding; too little is spared.
            &[1, 64, 577],
            &[1, 2, 576],
            &[1, 64, 112, 112],
            &[usize::MAX, usize::MAX],
            &[],
        ] {
            assert_eq!(blocks(whole).len(), 1, "{whole:?}");
        }
    }

    /// Every cell is in one block.
    #[test]
    fn blocks_are_a_partition() {
        let shape = [1, 26, 1536];
        let mut found = vec![0u8; shape.iter().product()];
        for block in blocks(&shape) {
            for token in block[1].clone() {
                found[token * 1536..][block[2].clone()]
                    .iter_mut()
                    .for_each(|cell| *cell += 1);
            }
        }
        assert!(found.iter().all(|&count| count == 1));
    }
}
