//! `zkml inspect --explain`: what each pass of the optimizer did to a model, level by level.

use std::path::Path;

use serde_json::{Value, json};
use zkml_core::argument::Statement;
use zkml_core::circuit::{Bound, Circuit, ColumnKind, Home};
use zkml_core::keys::VerifyingKey;
use zkml_core::keys::{CompiledModel, ProvingKey};
use zkml_core::optimize::sizes;
use zkml_core::optimize::{Level, Measure, PassReport};
use zkml_core::proof::{Kind, read_file};

use super::CommandError;
use super::content::{Fact, fact};

/// Facts about how the model in a compiled model or a key was made.
pub(super) fn read(path: &Path, kind: Kind) -> Result<Vec<Fact>, CommandError> {
    match kind {
        Kind::CompiledModel => model(&read_file(path)?),
        Kind::ProvingKey => model(&ProvingKey::read_model(path)?),
        Kind::VerifyingKey => {
            let key: VerifyingKey = read_file(path)?;
            let statement = Statement::new(&key)?;
            let mut facts = circuit(statement.circuit());
            facts.extend(commitment(&statement));
            Ok(facts)
        }
        _ => Err(CommandError::Usage(format!(
            "--explain: expected a compiled model or a key, found {kind}"
        ))),
    }
}

fn model(model: &CompiledModel) -> Result<Vec<Fact>, CommandError> {
    let passes = &model.network.record.passes;
    let mut facts = Vec::new();
    for level in Level::ALL {
        let own: Vec<&PassReport> = passes.iter().filter(|pass| pass.level == level).collect();
        let text = match own.is_empty() {
            true => "not recorded".to_owned(),
            false => own
                .iter()
                .map(|pass| readable(pass))
                .collect::<Vec<_>>()
                .join("\n"),
        };
        let values: Vec<Value> = own.iter().map(|pass| value(pass)).collect();
        facts.push(fact(format!("{level} level"), text, values));
    }
    let lowered = model.lower()?;
    facts.push(bounds(&lowered.bounds));
    facts.extend(circuit(&lowered.circuit));
    Ok(facts)
}

/// The largest values in constraints, by quantity, in the order in which they first appear.
fn bounds(bounds: &[Bound]) -> Fact {
    let mut largest: Vec<&Bound> = Vec::new();
    for bound in bounds {
        match largest.iter_mut().find(|found| found.quantity == bound.quantity) {
            Some(found) if found.reached < bound.reached => *found = bound,
            Some(_) => {}
            None => largest.push(bound),
        }
    }
    let bits = |bound: &Bound| libm::log2(bound.reached.max(1) as f64);
    let line = |bound: &&Bound| format!("{}: 2^{:.1} at `{}`", bound.quantity, bits(bound), bound.layer);
    let lines: Vec<String> = largest.iter().map(line).collect();
    let value = |bound: &Bound| json!({ "layer": bound.layer, "quantity": bound.quantity, "largest": bound.reached.to_string() });
    let text = format!("none reaches p/2, nearly 2^60\n{}", lines.join("\n"));
    fact(
        "largest values",
        text,
        bounds.iter().map(value).collect::<Vec<Value>>(),
    )
}

/// How many changes of one pass are shown.
const SHOWN: usize = 8;

/// The report of a pass as text, with its large numbers in groups of three digits.
fn readable(report: &PassReport) -> String {
    if !report.enabled {
        return format!("{}: switched off", report.pass);
    }
    if report.changes.is_empty() && report.effect.is_empty() {
        return format!("{}: nothing to do", report.pass);
    }
    let mut text = format!("{}:", report.pass);
    for Measure { what, before, after } in &report.effect {
        let part = (*after as f64 / (*before).max(1) as f64 - 1.0) * 100.0;
        text += &format!(
            "\n  {what}: {} without, {} with it ({part:+.1} %)",
            grouped(*before),
            grouped(*after)
        );
    }
    for change in report.changes.iter().take(SHOWN) {
        text += &format!("\n  {change}");
    }
    if report.changes.len() > SHOWN {
        text += &format!("\n  and {} more", report.changes.len() - SHOWN);
    }
    text
}

fn value(report: &PassReport) -> Value {
    let effect: Vec<Value> = report
        .effect
        .iter()
        .map(|measure| json!({ "what": measure.what, "without": measure.before, "with": measure.after }))
        .collect();
    json!({ "pass": report.pass, "enabled": report.enabled, "changes": report.changes, "effect": effect })
}

/// `1234567` as `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The columns of one kind.
struct Columns {
    name: &'static str,
    count: u64,
    cells: u64,
}

/// Columns and cells, kind by kind.
fn kinds(circuit: &Circuit) -> [Columns; 4] {
    let mut kinds = ["committed", "weights", "public", "virtual"].map(|name| Columns {
        name,
        count: 0,
        cells: 0,
    });
    for column in &circuit.columns {
        let place = match column.kind {
            ColumnKind::Committed { .. } => 0,
            ColumnKind::Parameter { .. } => 1,
            ColumnKind::Public(_) => 2,
            ColumnKind::Linear(_) | ColumnKind::View(_) | ColumnKind::Contraction(_) => 3,
        };
        if let Some(kind) = kinds.get_mut(place) {
            kind.count += 1;
            kind.cells += column.shape.padded_len() as u64;
        }
    }
    kinds
}

/// Cells of the trace without padding and without the multiplicities of tables.
fn logical_cells(circuit: &Circuit) -> u64 {
    let in_trace = |kind: &ColumnKind| {
        matches!(
            kind,
            ColumnKind::Committed {
                home: Home::Trace,
                ..
            }
        )
    };
    let columns = circuit.columns.iter().filter(|column| in_trace(&column.kind));
    columns.map(|column| column.shape.logical_len() as u64).sum()
}

/// What is committed, what is virtual, and how the tables are used.
fn circuit(circuit: &Circuit) -> Vec<Fact> {
    let kinds = kinds(circuit);
    let text = kinds
        .each_ref()
        .map(|kind| format!("{} {}, {} cells", kind.count, kind.name, grouped(kind.cells)));
    let values = kinds
        .each_ref()
        .map(|kind| json!({ "kind": kind.name, "columns": kind.count, "cells": kind.cells }));
    let logical = logical_cells(circuit);
    let [(_, cells), (_, rows), (_, tables), ..] = sizes(circuit);
    let padding = cells.saturating_sub(tables).saturating_sub(logical);
    vec![
        fact("columns", text.join("\n"), values.to_vec()),
        fact(
            "trace",
            format!(
                "{} cells: {} values, {} of padding to powers of two, {} multiplicities of tables",
                grouped(cells),
                grouped(logical),
                grouped(padding),
                grouped(tables)
            ),
            json!({ "cells": cells, "values": logical, "padding": padding, "multiplicities": tables }),
        ),
        fact(
            "looked up",
            format!(
                "{} rows in {} tables of {} rows",
                grouped(rows),
                circuit.tables.len(),
                grouped(tables)
            ),
            json!({ "rows": rows, "tables": circuit.tables.len(), "table_rows": tables }),
        ),
    ]
}

/// How the trace is packed, and the code it is committed with.
fn commitment(statement: &Statement<'_>) -> Vec<Fact> {
    let code = &statement.key.code;
    let (rows, length) = (statement.trace_rows() as u64, code.narrow().row_length() as u64);
    let [(_, cells), ..] = sizes(statement.circuit());
    let filled = cells as f64 / (rows * length).max(1) as f64 * 100.0;
    vec![
        fact(
            "packing",
            format!(
                "{rows} rows of {length}: {} of {} cells in use ({filled:.1} %); the rest is masks and padding",
                grouped(cells),
                grouped(rows * length)
            ),
            json!({ "rows": rows, "row_length": length, "cells": cells }),
        ),
        fact(
            "code",
            format!(
                "rate {:.3}: codewords of {} (of the trace {}), {} columns opened, {} bits of grinding",
                code.rate(),
                grouped(code.codeword_length() as u64),
                grouped(code.narrow().codeword_length() as u64),
                code.queries,
                code.grinding_bits
            ),
            json!({ "rate": code.rate(), "codeword_length": code.codeword_length(), "queries": code.queries }),
        ),
    ]
}
