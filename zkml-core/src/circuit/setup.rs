//! The circuit of the setup proof: what the argument for a model takes for granted of its committed weights.
//!
//! ```text
//! w in [-128, 128)                                  every cell, padding included
//! w - crop(w) = 0,  crop(w)[i] = w[i] inside the logical shape, 0 on padding
//! ```
//!
//! for each parameter column `w` of the model. This circuit assumes nothing of the commitment: its columns are not
//! zero-padded. So `crop` does not just rename bits; a sumcheck with the selector of the logical shape reduces it, and
//! the equality forces 0 on padding. Without this proof a commitment could hold residues mod p that are no int8, or the
//! weights of a wider network.

use super::{Circuit, Column, ColumnId, ColumnKind, Linear, Lookup, Table, View};
use crate::poly::PaddedShape;

/// The circuit that weights of these names and shapes must satisfy: its parameter columns are those of every network
/// that binds them, in the same order, so that they are packed alike and opened against the same commitment.
///
/// A model without weights has an empty one.
pub fn setup_circuit<'a>(
    columns: impl IntoIterator<Item = (&'a str, &'a PaddedShape)>,
    unpacked: bool,
) -> Circuit {
    let mut circuit = Circuit {
        unpacked,
        ..Circuit::default()
    };
    for (name, shape) in columns {
        let weight = push(
            &mut circuit,
            name.to_owned(),
            shape,
            ColumnKind::Parameter { zero_padded: false },
        );
        circuit.lookups.push(Lookup {
            name: format!("{name}/range"),
            columns: vec![weight],
            table: 0,
        });
        if shape.is_exact() {
            continue;
        }
        let crop = ColumnKind::View(View::crop(weight, shape.rank()));
        let cropped = push(&mut circuit, format!("{name}/cropped"), shape, crop);
        let difference = ColumnKind::Linear(Linear::difference(weight, cropped));
        let padding = push(&mut circuit, format!("{name}/padding"), shape, difference);
        circuit.equalities.push(padding);
    }
    if !circuit.lookups.is_empty() {
        circuit.tables.push(Table::INT8);
    }
    circuit
}

fn push(circuit: &mut Circuit, name: String, shape: &PaddedShape, kind: ColumnKind) -> ColumnId {
    let id = ColumnId(u32::try_from(circuit.columns.len()).unwrap_or(u32::MAX));
    circuit.columns.push(Column {
        name,
        shape: shape.clone(),
        kind,
    });
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuit::{FactorRole, Schedule};

    fn circuit(shapes: &[&[usize]]) -> Circuit {
        let shapes: Vec<(String, PaddedShape)> = shapes
            .iter()
            .map(|sizes| (format!("{sizes:?}"), PaddedShape::new(sizes)))
            .collect();
        setup_circuit(shapes.iter().map(|(name, shape)| (name.as_str(), shape)), false)
    }

    #[test]
    fn every_parameter_is_range_checked_and_every_padded_one_cropped() {
        let shapes: [&[usize]; 5] = [&[4, 8], &[3, 5], &[1, 6, 2], &[], &[7]];
        let circuit = circuit(&shapes);
        circuit.validate().unwrap();
        let parameters: Vec<_> = circuit.parameters().collect();
        assert_eq!(parameters.len(), shapes.len());
        for (id, sizes) in parameters.iter().zip(shapes) {
            assert_eq!(circuit[*id].shape, PaddedShape::new(sizes));
            assert!(circuit.lookups.iter().any(|lookup| lookup.columns == [*id]));
            let mut left = circuit
                .equalities
                .iter()
                .map(|&equality| circuit.sides(equality)[0]);
            assert_eq!(left.any(|left| left == *id), !circuit[*id].shape.is_exact());
        }
        assert_eq!(setup_circuit([], false), Circuit::default());
    }

    #[test]
    fn a_crop_is_never_a_renaming() {
        let circuit = circuit(&[&[3, 4], &[4, 3]]);
        let schedule = Schedule::new(&circuit);
        for &equality in &circuit.equalities {
            let [_, cropped] = circuit.sides(equality);
            let ColumnKind::View(view) = &circuit[cropped].kind else {
                panic!("a view");
            };
            assert!(!schedule.zero_padded[view.source.index()]);
            let shape = &circuit[cropped].shape;
            for (axis, factor) in view.factors.iter().enumerate() {
                let expected = match shape.size(axis).is_power_of_two() {
                    true => FactorRole::Bitwise,
                    false => FactorRole::General,
                };
                assert_eq!(factor.role(shape, shape, false), expected);
            }
        }
    }
}
