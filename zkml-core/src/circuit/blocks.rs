//! Columns that are committed, and looked up, in blocks.

use core::ops::Range;

use super::{CircuitBuilder, ColumnId, ColumnKind, Factor, Lookup};

/// A block of a column: its indices along each axis.
pub type Block = Vec<Range<usize>>;

/// The blocks of a shape, row-major; a single one for a shape that is not split.
pub type Split = fn(&[usize]) -> Vec<Block>;

impl CircuitBuilder {
    /// The blocks of a column of this shape that is looked up; none where it is not split.
    fn blocks_of(&self, shape: &[usize]) -> Vec<Block> {
        let mut blocks = self.split.map_or(Vec::new(), |split| split(shape));
        if blocks.len() < 2 {
            blocks.clear();
        }
        blocks
    }

    /// Whether a column of this shape is split where it is looked up.
    pub fn is_split(&self, shape: &[usize]) -> bool {
        !self.blocks_of(shape).is_empty()
    }

    /// A column for each block, and the column that holds them all: the sum of views that show one block each.
    pub(crate) fn in_blocks(
        &mut self,
        name: &str,
        shape: &[usize],
        blocks: &[Block],
        kind: &ColumnKind,
    ) -> (Vec<ColumnId>, ColumnId) {
        let (mut columns, mut terms) = (Vec::new(), Vec::new());
        for block in blocks {
            let name = named(name, block);
            let column = self.column(&name, &sizes(block), kind.clone());
            let placed = self.view(&format!("{name}/placed"), shape, column, moved(block, -1));
            columns.push(column);
            terms.push((1, placed));
        }
        let whole = self.integer_sum(name, shape, &terms);
        (columns, whole)
    }

    /// A column of the trace that is looked up. It is split where the circuit splits columns of its shape: then it is
    /// the sum of its blocks, and 0 on padding whatever `zero_padded` says.
    pub fn committed(&mut self, name: &str, shape: &[usize], zero_padded: bool) -> ColumnId {
        let kind = ColumnKind::trace(zero_padded);
        let blocks = self.blocks_of(shape);
        if blocks.is_empty() {
            return self.column(name, shape, kind);
        }
        let (columns, whole) = self.in_blocks(name, shape, &blocks, &kind);
        self.blocks
            .insert(whole, columns.into_iter().zip(blocks).collect());
        whole
    }

    /// Requires that the rows of `columns` stand in a table: block by block, where one of them is split, or where all
    /// are virtual and of a shape that is.
    pub fn lookup(&mut self, name: String, columns: Vec<ColumnId>, table: u32) {
        let shape = columns.first().map(|column| self.circuit[*column].shape.sizes());
        let blocks = self.blocks_of(&shape.unwrap_or_default());
        let is_split = |column: &ColumnId| self.blocks.contains_key(column);
        let is_virtual = |column: &ColumnId| self.circuit[*column].kind.is_virtual();
        if blocks.is_empty() || !(columns.iter().any(is_split) || columns.iter().all(is_virtual)) {
            self.circuit.lookups.push(Lookup { name, columns, table });
            return;
        }
        for (number, block) in blocks.into_iter().enumerate() {
            let shown = columns.iter().map(|&column| {
                let own = self.blocks.get(&column).and_then(|own| own.get(number));
                if let Some(&(own, _)) = own {
                    return own;
                }
                let part = named(&self.circuit[column].name, &block);
                self.view(&part, &sizes(&block), column, moved(&block, 1))
            });
            let columns = shown.collect();
            let name = named(&name, &block);
            self.circuit.lookups.push(Lookup { name, columns, table });
        }
    }
}

/// The name of what stands in a block: `fc.weight[0:64, 512:576]`.
fn named(name: &str, block: &[Range<usize>]) -> String {
    let ranges = block.iter().map(|range| format!("{}:{}", range.start, range.end));
    format!("{name}[{}]", ranges.collect::<Vec<_>>().join(", "))
}

fn sizes(block: &[Range<usize>]) -> Vec<usize> {
    block.iter().map(Range::len).collect()
}

/// Adds the start of the block to each index, or subtracts it.
fn moved(block: &[Range<usize>], sign: i64) -> Vec<Factor> {
    let starts = block.iter().map(|range| range.start as i64).enumerate();
    let factors = starts.map(|(axis, start)| Factor::affine(&[(axis, 1)], sign * start, axis));
    factors.collect()
}
