//! How often each row of each table is looked up.

use rayon::prelude::*;

use crate::circuit::Circuit;
use crate::field::{M61, from_i64, from_u64, to_i64_centered};
use crate::keys::ProveError;
use crate::reduce::Values;

/// Rows that are counted at a time.
const COUNTED: usize = 1 << 16;

/// How often each row of each table is looked up.
pub(super) fn count(circuit: &Circuit, values: &Values<'_>) -> Result<Vec<Vec<M61>>, ProveError> {
    let mut counts: Vec<Vec<u64>> = circuit
        .tables
        .iter()
        .map(|table| vec![0; 1 << table.variables()])
        .collect();
    let parts: Vec<(usize, usize, &[M61])> = circuit
        .lookups
        .iter()
        .enumerate()
        .flat_map(|(index, lookup)| {
            let parts = values.base(lookup.columns[0]).chunks(COUNTED).enumerate();
            parts.map(move |(part, cells)| (index, part * COUNTED, cells))
        })
        .collect();
    let histograms = parts.into_par_iter().map(|(index, start, cells)| {
        let lookup = &circuit.lookups[index];
        let table = &circuit.tables[lookup.table as usize];
        let first = from_i64(table.first());
        let mut histogram = vec![0u32; 1 << table.variables()];
        for (row, &cell) in cells.iter().enumerate() {
            let place = usize::try_from((cell - first).value).ok();
            match place.and_then(|place| histogram.get_mut(place)) {
                Some(count) => *count += 1,
                None => {
                    return Err(ProveError::NotInTable {
                        lookup: lookup.name.clone(),
                        value: to_i64_centered(cell),
                        row: start + row,
                    });
                }
            }
        }
        Ok((lookup.table as usize, histogram))
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
