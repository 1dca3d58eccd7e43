//! How often each row of each table is looked up.

use rayon::prelude::*;

use super::looked_up;
use crate::argument::Statement;
use crate::field::{M61, from_i64, from_u64, to_i64_centered};
use crate::keys::ProveError;
use crate::lookup::LookedUp;
use crate::reduce::Values;

/// Rows that are counted at a time.
const COUNTED: usize = 1 << 16;

/// Some rows of a part of a lookup, from `start` on.
struct Rows<'v> {
    chunk: usize,
    lookup: usize,
    cells: LookedUp<'v>,
    first: usize,
    start: usize,
}

/// For each chunk, and each table, how often each row of the table is looked up in the chunk.
pub(super) fn count(statement: &Statement<'_>, values: &Values<'_>) -> Result<Vec<Vec<M61>>, ProveError> {
    let (circuit, chunks) = (statement.circuit(), &statement.chunks.parts);
    let tables = circuit.tables.iter();
    let mut counts: Vec<Vec<u64>> = (0..chunks.len())
        .flat_map(|_| tables.clone())
        .map(|table| vec![0; 1 << table.variables()])
        .collect();
    let parts = chunks.iter().enumerate();
    let parts = parts.flat_map(|(chunk, parts)| parts.iter().map(move |part| (chunk, part)));
    let rows: Vec<Rows<'_>> = parts
        .flat_map(|(chunk, part)| {
            let cells = looked_up(values, circuit.lookups[part.lookup].columns[0], part);
            let starts = (0..cells.len()).step_by(COUNTED);
            starts.map(move |start| Rows {
                chunk,
                lookup: part.lookup,
                cells,
                first: part.start(),
                start,
            })
        })
        .collect();
    let histograms = rows.into_par_iter().map(|rows| {
        let lookup = &circuit.lookups[rows.lookup];
        let table = &circuit.tables[lookup.table as usize];
        let first = from_i64(table.first());
        let mut histogram = vec![0u32; 1 << table.variables()];
        let end = rows.cells.len().min(rows.start + COUNTED);
        for (row, &cell) in rows.cells.piece(rows.start..end).iter().enumerate() {
            let place = usize::try_from((cell - first).value).ok();
            match place.and_then(|place| histogram.get_mut(place)) {
                Some(count) => *count += 1,
                None => {
                    return Err(ProveError::NotInTable {
                        lookup: lookup.name.clone(),
                        value: to_i64_centered(cell),
                        row: rows.first + rows.start + row,
                    });
                }
            }
        }
        let table = rows.chunk * circuit.tables.len() + lookup.table as usize;
        Ok((table, histogram))
    });
    for (table, histogram) in histograms.collect::<Result<Vec<_>, _>>()? {
        let counts = counts[table].iter_mut().zip(histogram);
        counts.for_each(|(total, count)| *total += u64::from(count));
    }
    Ok(counts
        .into_iter()
        .map(|table| table.into_iter().map(from_u64).collect())
        .collect())
}
