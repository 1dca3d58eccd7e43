//! Matrices of weights are committed in blocks, not padded.
//!
//! An axis of a column is padded to a power of two: 576 to 1024. This pass splits the last axis of a matrix, its inputs,
//! into segments that are powers of two, the largest first: 576 = 512 + 64. The last segment is padded as long as that
//! wastes at most an eighth of the axis. Each block of the matrix is a parameter column of its own. The matrix is the
//! virtual sum of views that show one block each, so layers read it as before. A claim on the matrix becomes one claim
//! for each block, at coordinates of the same point, without a sumcheck. Without this pass the padded matrix is
//! committed.
//!
//! The split depends on the shape of the weight alone, so that one weights key serves any number of tokens. The first
//! axis is not split: its padding is rows of the commitment, which are not stored, and each block is a claim that the
//! opening merges. For the same reason tensors of other ranks stay whole: a convolution's kernel comes first.

use core::ops::Range;

use crate::circuit::{Block, CircuitBuilder, ColumnId, ColumnKind};
use crate::optimize::{Outcome, Switches, pass};

pass!(WeightBlocks, "weight_blocks", Circuit(changes) in "lower/builder.rs", changes_code,
    "commits to matrices of weights in blocks whose sizes are powers of two");

/// The part of an axis that its padding may be.
const WASTE: usize = 8;

/// Cells that a split must spare: each block is a claim of its own, and takes room in every proof.
const LEAST_SPARED: usize = 1 << 14;

/// The blocks of a parameter column, each with its indices along each axis. A single one is the column.
pub(crate) fn blocks(switches: &Switches, shape: &[usize]) -> Vec<Block> {
    let whole = vec![shape.iter().map(|&size| 0..size).collect()];
    let &[rows, columns] = shape else {
        return whole;
    };
    if !switches.runs(&WeightBlocks) {
        return whole;
    }
    let blocks = segments(columns)
        .into_iter()
        .map(|columns| vec![0..rows, columns]);
    let blocks: Vec<Block> = blocks.collect();
    let committed = |blocks: &[Block]| blocks.iter().map(|block| padded(block)).sum::<usize>();
    match committed(&whole).saturating_sub(committed(&blocks)) {
        LEAST_SPARED.. => blocks,
        _ => whole,
    }
}

/// The segments of an axis: of 576 those of 512 and 64, of 1000 one.
pub(super) fn segments(size: usize) -> Vec<Range<usize>> {
    let (mut start, mut segments) = (0, Vec::new());
    loop {
        let rest = size - start;
        let padded = rest.next_power_of_two();
        if rest == 0 || (padded - rest).saturating_mul(WASTE) <= size {
            segments.push(start..size);
            return segments;
        }
        segments.push(start..start + padded / 2);
        start += padded / 2;
    }
}

/// The cells that a block takes.
fn padded(block: &[Range<usize>]) -> usize {
    let sizes = block.iter().map(|range| range.len().next_power_of_two());
    sizes.fold(1, usize::saturating_mul)
}

/// A parameter column for each block, and the column that holds them all.
pub(crate) fn columns(
    circuit: &mut CircuitBuilder,
    path: &str,
    shape: &[usize],
    blocks: &[Block],
) -> (Vec<ColumnId>, ColumnId) {
    let kind = ColumnKind::Parameter { zero_padded: true };
    if let [_] = blocks {
        let whole = circuit.column(path, shape, kind);
        return (vec![whole], whole);
    }
    circuit.in_blocks(path, shape, blocks, &kind)
}

/// How many matrices are in blocks, and what their padding would have been.
fn changes(outcome: &Outcome<'_>) -> Vec<String> {
    let circuit = outcome.circuit;
    let (mut matrices, mut count, mut cells, mut whole) = (0usize, 0usize, 0usize, 0usize);
    for id in circuit.ids() {
        let ColumnKind::Linear(linear) = &circuit[id].kind else {
            continue;
        };
        let block = |column: ColumnId| match &circuit[column].kind {
            ColumnKind::View(view) => Some(&circuit[view.source])
                .filter(|source| matches!(source.kind, ColumnKind::Parameter { .. })),
            _ => None,
        };
        let blocks: Option<Vec<_>> = linear.terms.iter().map(|term| block(term.column)).collect();
        if let Some(blocks) = blocks.filter(|blocks| blocks.len() > 1) {
            matrices += 1;
            count += blocks.len();
            cells += blocks.iter().map(|block| block.shape.padded_len()).sum::<usize>();
            whole += circuit[id].shape.padded_len();
        }
    }
    match matrices {
        0 => Vec::new(),
        _ => vec![format!(
            "{matrices} matrices in {count} blocks of {cells} cells instead of {whole}"
        )],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(size: usize) -> Vec<usize> {
        segments(size).iter().map(Range::len).collect()
    }

    #[test]
    fn axes_are_split_where_padding_would_be_more_than_an_eighth() {
        assert_eq!(lengths(576), [512, 64]);
        assert_eq!(lengths(14336), [8192, 4096, 2048]);
        assert_eq!(lengths(13), [8, 4, 1]);
        assert_eq!(lengths(50257), [32768, 16384, 1105]);
        for whole in [1, 2, 8, 63, 1000, 4096, 128_000] {
            assert_eq!(lengths(whole), [whole]);
        }
        for size in 1..5000 {
            let segments = segments(size);
            let mut end = 0;
            let mut cells = 0;
            for segment in &segments {
                let padded = segment.len().next_power_of_two();
                assert!(
                    segment.start == end && segment.start % padded == 0,
                    "{segments:?}"
                );
                (end, cells) = (segment.end, cells + padded);
            }
            assert_eq!(end, size);
            assert!(
                (cells - size) * WASTE <= size && segments.len() <= 4,
                "{segments:?}"
            );
        }
    }

    #[test]
    fn matrices_are_split_and_other_tensors_are_not() {
        let switches = Switches::default();
        let blocks_of = |shape: &[usize]| blocks(&switches, shape);
        assert_eq!(blocks_of(&[192, 576]), [[0..192, 0..512], [0..192, 512..576]]);
        assert_eq!(blocks_of(&[100, 14336]).len(), 3);
        // What is spared is too little; padding of rows; powers of two; a convolution; a vector.
        for whole in [
            &[13, 100][..],
            &[576, 512],
            &[512, 512],
            &[3, 3, 1, 320, 192],
            &[200_000],
        ] {
            assert_eq!(blocks_of(whole).len(), 1, "{whole:?}");
        }
        let off = switches.with(&WeightBlocks, false);
        assert_eq!(blocks(&off, &[192, 576]), [[0..192, 0..576]]);
    }
}
