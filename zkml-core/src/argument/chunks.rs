//! The lookups of a circuit in chunks. Each chunk is a statement of its own about all tables, with multiplicities of its
//! own, so that the prover holds the fractions of one chunk at a time.

use crate::circuit::{Circuit, ColumnId};
use crate::error::SizesError;
use crate::lookup::{LookupShape, MAX_VARIABLES, Statement, TableShape};
use crate::poly::Coordinate;
use crate::transcript::VerifyError;

/// Log2 of the most looked-up rows in a chunk of a setup proof. The fractions of a chunk have an error below
/// `2^27/|K|` before the proof of work, and take the prover about 1.5 GB.
pub(crate) const SETUP_CHUNK: usize = 26;

/// An answer has one chunk: no circuit has more rows of lookups.
pub(crate) const ONE_CHUNK: usize = MAX_VARIABLES;

/// Most chunks of a setup proof. A full one takes about 1,700 entries of the tape, which has `2^20`.
const MOST_CHUNKS: usize = 1 << 9;

/// A part of a lookup: its rows `number * 2^variables` and after, `2^variables` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    /// The lookup in the circuit.
    pub(crate) lookup: usize,
    /// Which part.
    pub(crate) number: usize,
    /// Log2 of its rows.
    pub(crate) variables: usize,
}

impl Part {
    /// Its first row.
    #[cfg(feature = "prover")]
    pub(crate) fn start(&self) -> usize {
        self.number << self.variables
    }

    /// A point of a whole column of `variables` variables, from one of the part: the number's bits come first. Example:
    /// part 2 of 4 at `(z)` is the column at `(1, 0, z)`.
    pub(crate) fn point(&self, variables: usize, point: &[Coordinate]) -> Vec<Coordinate> {
        let bits = (0..variables.saturating_sub(self.variables)).rev();
        let bit = |place: usize| self.number.checked_shr(place as u32).unwrap_or(0) & 1 == 1;
        bits.map(bit)
            .map(Coordinate::Bit)
            .chain(point.iter().copied())
            .collect()
    }
}

/// The lookups of a circuit, in chunks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chunks {
    /// What each chunk states. There is always one.
    pub statements: Vec<Statement>,
    /// The parts of lookups in each: lookup `i` of a statement is the `i`-th of them.
    pub(crate) parts: Vec<Vec<Part>>,
}

impl Chunks {
    /// In chunks of `2^most` rows or less, those of tables apart. A longer lookup is cut into parts of `2^most` rows. The
    /// parts come in the order of the lookups; one that does not fit into the chunk begins the next one.
    ///
    /// # Errors
    /// [`VerifyError::Key`] for more than [`MOST_CHUNKS`], and for an answer with more than one.
    pub(crate) fn of(circuit: &Circuit, most: usize) -> Result<Self, VerifyError> {
        let most = most.min(MAX_VARIABLES);
        let most_chunks = if most < ONE_CHUNK { MOST_CHUNKS } else { 1 };
        let tables = circuit.tables.iter().map(|table| TableShape {
            variables: table.variables(),
            arity: table.arity(),
        });
        let empty = Statement {
            lookups: Vec::new(),
            tables: tables.collect(),
        };
        let mut chunks = Self {
            statements: vec![empty.clone()],
            parts: vec![Vec::new()],
        };
        let mut rows = 0u64;
        for (index, lookup) in circuit.lookups.iter().enumerate() {
            let all = lookup.columns.first().map_or(0, |&id| variables(circuit, id));
            let variables = all.min(most);
            let own = 1u64 << variables;
            let parts = 1usize.checked_shl(all.saturating_sub(variables) as u32);
            // Each part but the first ones of a lookup fills a chunk, so the limit is met before there are many.
            for number in 0..parts.unwrap_or(usize::MAX) {
                if rows.saturating_add(own) > 1 << most && rows > 0 {
                    if chunks.statements.len() == most_chunks {
                        return Err(VerifyError::from(SizesError::Chunks { most: most_chunks }));
                    }
                    chunks.statements.push(empty.clone());
                    chunks.parts.push(Vec::new());
                    rows = 0;
                }
                rows = rows.saturating_add(own);
                let part = Part {
                    lookup: index,
                    number,
                    variables,
                };
                if let (Some(statement), Some(parts)) =
                    (chunks.statements.last_mut(), chunks.parts.last_mut())
                {
                    statement.lookups.push(LookupShape {
                        variables,
                        arity: lookup.columns.len(),
                        table: lookup.table as usize,
                    });
                    parts.push(part);
                }
            }
        }
        Ok(chunks)
    }

    /// Number of parts in all chunks.
    pub(crate) fn part_count(&self) -> usize {
        self.parts.iter().map(Vec::len).sum()
    }
}

fn variables(circuit: &Circuit, id: ColumnId) -> usize {
    circuit[id].shape.variables()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::setup_circuit;
    use crate::field::K;
    use crate::poly::PaddedShape;

    fn circuit(shapes: &[&[usize]]) -> Circuit {
        let shapes: Vec<(String, PaddedShape)> = shapes
            .iter()
            .map(|sizes| (format!("{sizes:?}"), PaddedShape::new(sizes)))
            .collect();
        setup_circuit(shapes.iter().map(|(name, shape)| (name.as_str(), shape)), false)
    }

    /// Of each chunk its parts as (lookup, first row, rows).
    fn parts(chunks: &Chunks) -> Vec<Vec<(usize, usize, usize)>> {
        let part = |part: &Part| (part.lookup, part.number << part.variables, 1 << part.variables);
        let parts = chunks.parts.iter();
        parts.map(|parts| parts.iter().map(part).collect()).collect()
    }

    #[test]
    fn every_row_is_in_one_chunk() {
        let circuit = circuit(&[&[8], &[5, 7], &[4], &[4, 4], &[2]]);
        let chunks = Chunks::of(&circuit, 4).unwrap();
        let expected = vec![
            vec![(0, 0, 8)],
            vec![(1, 0, 16)],
            vec![(1, 16, 16)],
            vec![(1, 32, 16)],
            vec![(1, 48, 16)],
            vec![(2, 0, 4)],
            vec![(3, 0, 16)],
            vec![(4, 0, 2)],
        ];
        assert_eq!(parts(&chunks), expected);
        for (statement, parts) in chunks.statements.iter().zip(&chunks.parts) {
            statement.validate().unwrap();
            let sizes: Vec<usize> = statement.lookups.iter().map(|lookup| lookup.variables).collect();
            assert!(sizes.iter().eq(parts.iter().map(|part| &part.variables)));
        }
        assert_eq!(chunks.part_count(), 8);
        // A chunk may hold parts of several lookups.
        assert_eq!(parts(&Chunks::of(&circuit, 5).unwrap())[0], [(0, 0, 8)]);
        assert_eq!(parts(&Chunks::of(&circuit, 7).unwrap())[0].len(), 5);
        assert_eq!(Chunks::of(&Circuit::default(), 4).unwrap().statements.len(), 1);
    }

    #[test]
    fn an_answer_has_one_chunk() {
        let circuit = circuit(&[&[1 << 20], &[3], &[1 << 30]]);
        let whole = Chunks::of(&circuit, ONE_CHUNK).unwrap();
        assert_eq!(parts(&whole), [[(0, 0, 1 << 20), (1, 0, 4), (2, 0, 1 << 30)]]);
        let circuit = self::circuit(&[&[1 << 20, 1 << 27], &[1 << 20, 1 << 27], &[1]]);
        assert!(Chunks::of(&circuit, ONE_CHUNK).is_err());
    }

    #[test]
    fn chunks_without_end_are_refused() {
        // Columns of padding alone take no memory in a key.
        let circuit = circuit(&[&[1 << 20, 1 << 16], &[1 << 26]]);
        let error = Chunks::of(&circuit, SETUP_CHUNK)
            .map(|chunks| chunks.part_count())
            .unwrap_err()
            .to_string();
        assert!(error.contains("512"), "{error}");
    }

    #[test]
    fn a_part_is_the_column_with_its_first_bits_fixed() {
        let part = Part {
            lookup: 0,
            number: 2,
            variables: 1,
        };
        let z = Coordinate::Challenge(K::from(7u64));
        let [zero, one] = [false, true].map(Coordinate::Bit);
        assert_eq!(part.point(3, &[z]), [one, zero, z]);
        assert_eq!(part.start(), 4);
    }
}
