//! Tables of comma-separated values: a row for each input.

use std::io::{BufReader, Read};
use std::path::Path;

use csv::{Reader, ReaderBuilder, StringRecord, Trim};
use ndarray::ArrayD;
use zkml_core::files;

use super::array::damaged;
use super::pick::Pick;
use super::{Content, DataError, Sample, sample};

/// Names of a column of classes, in small letters.
const LABELS: [&str; 3] = ["label", "class", "target"];

/// Most bytes that are read of a table.
const MAXIMUM_BYTES: u64 = 1 << 30;

/// What the cells of a table may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cells {
    Numbers,
    /// Or nothing, or a word for it.
    OrMissing,
}

/// Words for a missing value, as pandas reads and writes them.
const MISSING: [&str; 12] = [
    "", "#N/A", "<NA>", "N/A", "n/a", "NA", "NULL", "null", "NaN", "nan", "-nan", "None",
];

impl Cells {
    fn are_missing(self, cell: &str) -> bool {
        self == Self::OrMissing && MISSING.contains(&cell)
    }
}

/// The columns of a table.
struct Columns {
    /// Their names, if the first row has them.
    names: Option<StringRecord>,
    /// The column of classes, which is no number of the input.
    label: Option<usize>,
    cells: Cells,
}

/// The inputs in a table. A row has the numbers of one, row-major, as many as `shape` has cells. The first row may name
/// the columns; a further one named `label`, `class` or `target` has the class, a number.
pub(super) fn csv(
    path: &Path,
    (shape, cells): (&[usize], Cells),
    pick: Pick,
) -> Result<Vec<Sample>, DataError> {
    let (file, length) = files::open(path).map_err(|error| DataError::Io {
        path: path.to_path_buf(),
        error,
    })?;
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .trim(Trim::All)
        .from_reader(BufReader::new(file.take(MAXIMUM_BYTES)));
    let mut row = StringRecord::new();
    if !next(&mut reader, path, &mut row)? {
        return Ok(Vec::new());
    }
    let names = is_header(&row, cells);
    let columns = columns(path, names.then(|| row.clone()), row.len(), (shape, cells))?;
    if names && !next(&mut reader, path, &mut row)? {
        return Ok(Vec::new());
    }
    let (first, last) = match pick {
        Pick::First(limit) => (0, limit),
        Pick::Only(number) => (number, number.saturating_add(1)),
    };
    let (mut found, mut number) = (Vec::new(), 0);
    while number < last {
        if number >= first {
            found.push(columns.sample(path, &row, number, shape)?);
        }
        number += 1;
        if !next(&mut reader, path, &mut row)? {
            break;
        }
    }
    if number < last && length > MAXIMUM_BYTES {
        let expected = format!("the wanted rows in the first {MAXIMUM_BYTES} bytes");
        return Err(damaged(path, expected, format!("{number}")));
    }
    match pick {
        // It says that the table is shorter.
        Pick::Only(_) => pick.range(path, number).map(|_| found),
        Pick::First(_) => Ok(found),
    }
}

fn next(reader: &mut Reader<impl Read>, path: &Path, row: &mut StringRecord) -> Result<bool, DataError> {
    reader.read_record(row).map_err(|error| match error.into_kind() {
        csv::ErrorKind::Io(error) => DataError::Io {
            path: path.to_path_buf(),
            error,
        },
        csv::ErrorKind::UnequalLengths {
            pos,
            expected_len,
            len,
        } => DataError::Cell {
            path: path.to_path_buf(),
            line: pos.map_or(0, |pos| pos.line()),
            column: "the last".into(),
            expected: format!("{expected_len} columns, as in the first row"),
            found: len.to_string(),
        },
        other => damaged(
            path,
            "comma-separated values in UTF-8".into(),
            format!("{other:?}"),
        ),
    })
}

fn columns(
    path: &Path,
    names: Option<StringRecord>,
    count: usize,
    (shape, cells): (&[usize], Cells),
) -> Result<Columns, DataError> {
    let numbers = shape.iter().product::<usize>();
    if count == numbers {
        return Ok(Columns {
            names,
            label: None,
            cells,
        });
    }
    let is_label = |name: &str| LABELS.contains(&name.to_lowercase().as_str());
    let label = names.iter().flatten().position(is_label);
    if count == numbers + 1 && label.is_some() {
        return Ok(Columns { names, label, cells });
    }
    let expected = format!(
        "{numbers} columns, one for each number of an input of shape {shape:?}, and perhaps one named `label`"
    );
    let remark = match &names {
        Some(names) if names.iter().any(|name| name.contains(';')) => {
            ", for the values are not separated by commas"
        }
        Some(names) if names.get(0) == Some("") => {
            ", the first without a name: pandas writes the numbers of rows, unless `index=False`"
        }
        _ => "",
    };
    Err(damaged(path, expected, format!("{count}{remark}")))
}

impl Columns {
    fn sample(
        &self,
        path: &Path,
        row: &StringRecord,
        number: usize,
        shape: &[usize],
    ) -> Result<Sample, DataError> {
        let line = row.position().map_or(0, |position| position.line());
        let wrong = |column: usize, expected: &str, found: &str| {
            let name = self.names.as_ref().and_then(|names| names.get(column));
            DataError::Cell {
                path: path.to_path_buf(),
                line,
                column: name.map_or_else(|| (column + 1).to_string(), |name| format!("`{name}`")),
                expected: expected.to_owned(),
                found: if found.is_empty() {
                    "nothing".into()
                } else {
                    format!("`{}`", found.escape_debug())
                },
            }
        };
        let (mut values, mut label) = (Vec::with_capacity(row.len()), None);
        for (column, cell) in row.iter().enumerate() {
            let is_label = self.label == Some(column);
            let value: f64 = match self.cells.are_missing(cell) && !is_label {
                true => f64::NAN,
                false => cell.parse().map_err(|_| wrong(column, "a number", cell))?,
            };
            if !is_label {
                values.push(value as f32);
            } else if value >= 0.0 && value.fract() == 0.0 && value <= f64::from(u32::MAX) {
                label = Some(value as usize);
            } else {
                return Err(wrong(column, "the number of a class", cell));
            }
        }
        let tensor = ArrayD::from_shape_vec(shape, values)
            .map_err(|error| damaged(path, format!("numbers of shape {shape:?}"), error.to_string()))?;
        Ok(sample(path, Some(number), label, Content::Tensor(tensor)))
    }
}

/// Whether a first row names the columns. A row of data with a mistake in it is no header: names are texts, or numbers
/// as pandas counts columns.
fn is_header(row: &StringRecord, cells: Cells) -> bool {
    let is_text = |cell: &str| !cell.is_empty() && !cells.are_missing(cell) && cell.parse::<f64>().is_err();
    let is_name = |(column, cell): (usize, &str)| {
        is_text(cell) || cell.bytes().all(|byte| byte.is_ascii_digit()) && (column == 0 || !cell.is_empty())
    };
    let counts = |(column, cell): (usize, &str)| cell == column.to_string();
    let named = row.iter().any(is_text) && row.iter().enumerate().all(is_name);
    named || (row.len() > 2 && row.iter().enumerate().all(counts))
}
