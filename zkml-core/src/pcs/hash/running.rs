//! Leaves that are hashed chunk by chunk, from the tiles of an encoded matrix.
//!
//! A leaf is a hash of many chunks of 1024 bytes: the salt and 124 cells, then 128 cells each. A chunk has a value of
//! its own, and the values are joined in a tree whose left parts are full. So the rows of a matrix can be encoded 128 at
//! a time and forgotten: a leaf needs the values of its full subtrees, one for each bit of the number of chunks so far.
//!
//! Example: after 6 chunks these are the values over chunks 0 to 3 and over chunks 4 and 5.
//!
//! Reference: the BLAKE3 specification, sections 2.1 and 5.1.2.

#![cfg(feature = "prover")]

use super::many::{CHUNK, CHUNK_END, CHUNK_START, KEYED, Lanes, ROOT};
use super::{Digest, LANES, LEAF_KEY};
use crate::field::M61;
use crate::field::kernels::blake3::{HALF, Half, State};
use crate::field::kernels::compress_blocks;
use crate::secret::wipe;

/// Words of a salt.
const SALT: usize = 4;

/// Blocks that are asked for before they are compressed: a compression takes about as long as memory.
const AHEAD: usize = 2;

/// Cells of a column in a chunk of its leaf.
pub(in super::super) fn rows_in_chunk(chunk: usize) -> usize {
    match chunk {
        0 => CHUNK / 8 - SALT,
        _ => CHUNK / 8,
    }
}

/// The values of the subtrees of [`LANES`] leaves that are hashed side by side.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Running {
    stack: Vec<[Digest; LANES]>,
    chunks: u64,
}

impl Running {
    /// Takes the values of the next chunks, of which more follow.
    fn push(&mut self, lanes: &Lanes, mut values: [Digest; LANES]) {
        self.chunks += 1;
        let mut full = self.chunks;
        while let (0, Some(left)) = (full & 1, self.stack.last()) {
            values = lanes.parents(left, &values, 0);
            self.stack.pop();
            full >>= 1;
        }
        self.stack.push(values);
    }

    /// The leaves, from the values of the last chunks.
    fn finish(&mut self, lanes: &Lanes, mut values: [Digest; LANES]) -> [Digest; LANES] {
        while let Some(left) = self.stack.pop() {
            let root = if self.stack.is_empty() { ROOT } else { 0 };
            values = lanes.parents(&left, &values, root);
        }
        values
    }
}

/// Where four words of a leaf lie.
enum Part {
    Salt,
    /// In one tile, from this row of it on.
    Tile(usize, usize),
    /// In several tiles, or behind the last row: tile and row of each cell.
    Cells(Vec<(usize, usize)>),
}

/// Hashes one chunk of the leaves over columns that lie in tiles. In a tile of width `w`, row `r` of column `j` lies at
/// `j w + r`.
pub(in super::super) struct ChunkHasher<'a> {
    lanes: Lanes,
    tiles: &'a [(usize, Vec<M61>)],
    parts: Vec<Part>,
    chunk: usize,
    last: bool,
}

impl<'a> ChunkHasher<'a> {
    /// `tiles` hold the rows of chunk number `chunk`; `last` if it is the last one.
    pub(in super::super) fn new(tiles: &'a [(usize, Vec<M61>)], chunk: usize, last: bool) -> Self {
        let rows = tiles.iter().enumerate();
        let cells: Vec<(usize, usize)> = rows
            .flat_map(|(tile, (width, _))| (0..*width).map(move |row| (tile, row)))
            .collect();
        let part = |four: &[(usize, usize)]| match four {
            [(first, row), .., (last, _)] if four.len() == HALF && first == last => Part::Tile(*first, *row),
            _ => Part::Cells(four.to_vec()),
        };
        let salt = (chunk == 0).then_some(Part::Salt);
        let mut parts: Vec<Part> = salt.into_iter().chain(cells.chunks(HALF).map(part)).collect();
        if parts.len() % 2 == 1 {
            parts.push(Part::Cells(Vec::new()));
        }
        Self {
            lanes: Lanes::new(LEAF_KEY),
            tiles,
            parts,
            chunk,
            last,
        }
    }

    /// Hashes the chunks of `leaves.len()` neighbouring columns, at most [`LANES`], from number `column` of the tiles
    /// on. Writes the leaves if the chunk is the last one.
    pub(in super::super) fn hash(
        &self,
        column: usize,
        salts: &[Digest; LANES],
        running: &mut Running,
        leaves: &mut [Digest],
    ) {
        let values = self.values(column, leaves.len(), salts);
        if self.last {
            let hashed = running.finish(&self.lanes, values);
            leaves
                .iter_mut()
                .zip(hashed)
                .for_each(|(leaf, hashed)| *leaf = hashed);
        } else {
            running.push(&self.lanes, values);
        }
    }

    /// The value of the chunk of each of `count` columns.
    fn values(&self, column: usize, count: usize, salts: &[Digest; LANES]) -> [Digest; LANES] {
        let mut state: State = self.lanes.key.map(|word| [word; LANES]);
        let mut buffers = [[0; LANES * HALF]; 2];
        let blocks = self.parts.len() / 2;
        for (block, parts) in self.parts.chunks_exact(2).enumerate() {
            self.prefetch(2 * (block + AHEAD), column);
            let [low, high] = &mut buffers;
            let halves = [
                self.half(&parts[0], column, count, salts, low),
                self.half(&parts[1], column, count, salts, high),
            ];
            let mut flags = KEYED;
            if block == 0 {
                flags |= CHUNK_START;
            }
            if block + 1 == blocks {
                flags |= CHUNK_END;
                if self.last && self.chunk == 0 {
                    flags |= ROOT;
                }
            }
            compress_blocks(&mut state, halves, self.chunk as u64, u32::from(flags));
        }
        wipe(buffers.as_flattened_mut());
        let mut values = [[0; 32]; LANES];
        for (lane, value) in values.iter_mut().enumerate() {
            for (bytes, words) in value.chunks_exact_mut(4).zip(&state) {
                bytes.copy_from_slice(&words[lane].to_le_bytes());
            }
        }
        values
    }

    /// Asks for a block of these columns, or of the next ones if they have none: in memory the runs of a group lie too
    /// far apart for the processor to see that they will be read.
    fn prefetch(&self, part: usize, column: usize) {
        let next = part.checked_sub(self.parts.len());
        let (part, column) = next.map_or((part, column), |next| (next, column + LANES));
        for part in self.parts.iter().skip(part).take(2) {
            if let Part::Tile(tile, row) = part {
                let (width, cells) = &self.tiles[*tile];
                if let Some(cells) = cells.get(column * width + row..(column + LANES) * width) {
                    Half::of_cells(cells, *width).prefetch();
                }
            }
        }
    }

    /// Four words of each of `count` columns: where they lie, or gathered in `buffer`.
    fn half<'b>(
        &self,
        part: &Part,
        column: usize,
        count: usize,
        salts: &[Digest; LANES],
        buffer: &'b mut [u64; LANES * HALF],
    ) -> Half<'b>
    where
        'a: 'b,
    {
        let gathered = buffer.chunks_exact_mut(HALF).take(count).enumerate();
        match part {
            Part::Salt => {
                for ((_, words), salt) in gathered.zip(salts) {
                    for (word, bytes) in words.iter_mut().zip(salt.as_chunks().0) {
                        *word = u64::from_le_bytes(*bytes);
                    }
                }
            }
            Part::Tile(tile, row) if count == LANES => {
                let (width, cells) = &self.tiles[*tile];
                return Half::of_cells(&cells[column * width + row..], *width);
            }
            Part::Tile(tile, row) => {
                let (width, cells) = &self.tiles[*tile];
                for (lane, words) in gathered {
                    let cells = &cells[(column + lane) * width + row..];
                    words
                        .iter_mut()
                        .zip(cells)
                        .for_each(|(word, cell)| *word = cell.value);
                }
            }
            Part::Cells(places) => {
                for (lane, words) in gathered {
                    words.fill(0);
                    for (word, (tile, row)) in words.iter_mut().zip(places) {
                        let (width, cells) = &self.tiles[*tile];
                        *word = cells[(column + lane) * width + row].value;
                    }
                }
            }
        }
        Half::new(buffer, HALF)
    }
}

#[cfg(test)]
mod tests {
    use super::super::leaf_digest;
    use super::*;

    /// Tiles of these widths over the rows of one chunk, and its cells column by column.
    fn tiles(widths: &[usize], columns: usize, rows: &[Vec<M61>]) -> Vec<(usize, Vec<M61>)> {
        let mut first = 0;
        let tile = |width: &usize| {
            let own = &rows[first..first + width];
            first += width;
            let cells = (0..columns).flat_map(|column| own.iter().map(move |row| row[column]));
            (*width, cells.collect())
        };
        widths.iter().map(tile).collect()
    }

    #[test]
    fn running_hashes_are_the_hashes_of_whole_columns() {
        for count in [
            1usize, 2, 3, 4, 5, 12, 123, 124, 125, 126, 251, 252, 253, 380, 381, 508, 700, 1148,
        ] {
            for (columns, width) in [(1usize, 4usize), (8, 16), (16, 1), (32, 16), (48, 64)] {
                let row = |a: usize| {
                    (0..columns).map(move |j| M61::from((a * 977 + j * 31 + 5) as u64 * 0x9e37_79b9))
                };
                let rows: Vec<Vec<M61>> = (0..count).map(|a| row(a).collect()).collect();
                let salts: [Digest; LANES] = core::array::from_fn(|lane| [lane as u8 + 3; 32]);
                let mut running = vec![Running::default(); columns.div_ceil(LANES)];
                let mut leaves = vec![[0; 32]; columns];
                let (mut first, mut chunk) = (0, 0);
                while first < count {
                    let own = rows_in_chunk(chunk).min(count - first);
                    let mut widths = vec![width; own / width];
                    widths.extend((own % width > 0).then_some(own % width));
                    let tiles = tiles(&widths, columns, &rows[first..first + own]);
                    first += own;
                    let hasher = ChunkHasher::new(&tiles, chunk, first == count);
                    for (group, leaves) in leaves.chunks_mut(LANES).enumerate() {
                        hasher.hash(group * LANES, &salts, &mut running[group], leaves);
                    }
                    chunk += 1;
                }
                for (column, leaf) in leaves.iter().enumerate() {
                    let mut bytes = salts[column % LANES].to_vec();
                    for row in &rows {
                        bytes.extend(row[column].value.to_le_bytes());
                    }
                    bytes.resize(bytes.len().next_multiple_of(64), 0);
                    assert_eq!(
                        *leaf,
                        leaf_digest(&bytes),
                        "{count} rows, column {column} of {columns}"
                    );
                }
            }
        }
    }
}
