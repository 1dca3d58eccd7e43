//! The tables of the prover's sumchecks: operands folded to the axes that are summed.
//!
//! Both operands are folded by their free axes before the sumcheck, each cell once. The tables left are as long as the
//! summed axes; any other order would fold longer ones.

use tracing::debug_span;

use super::backend::StageTable;
use super::fold::fold;
use super::route::Route;
use super::{Instance, Values, coordinates};
use crate::circuit::{AxisRole, Circuit, ColumnId, ColumnKind, Contraction, Factor, Schedule, View};
use crate::field::{K, kernels};
use crate::pcs::PcsError;
use crate::poly::Coordinate;
use crate::sumcheck::{self, EqProduct, Product};

/// The columns of a circuit with their cells. Any number of threads may fold them at once.
#[derive(Clone, Copy)]
pub struct Columns<'a, 'v> {
    /// What the columns are.
    pub circuit: &'a Circuit,
    /// When each virtual column is reduced.
    pub schedule: &'a Schedule,
    /// The cells.
    pub values: &'a Values<'v>,
}

/// The tables of one instance, in the memory of this process.
#[derive(Debug)]
pub enum Table {
    /// The operands of a view, or of a contraction that only sums.
    Product(Product),
    /// The operands of a contraction, and `eq` over the axes they share.
    EqProduct(EqProduct),
}

impl StageTable for Table {
    fn instance(&mut self) -> Box<dyn sumcheck::Instance + '_> {
        match self {
            Self::Product(table) => Box::new(table),
            Self::EqProduct(table) => Box::new(table),
        }
    }

    fn operands(&self) -> Result<[K; 2], PcsError> {
        Ok(match self {
            Self::Product(table) => table.finals().unwrap_or_default(),
            Self::EqProduct(table) => {
                let [_, left, right] = table.finals().unwrap_or_default();
                [left, right]
            }
        })
    }
}

impl Columns<'_, '_> {
    /// The value of a column at a point.
    pub(super) fn evaluate(&self, column: ColumnId, point: &[K]) -> K {
        match self.values.recall(column, point) {
            Some(value) => value,
            None => fold(self.circuit, self.schedule, self.values, column, point, &[])[0],
        }
    }

    /// The tables of an instance.
    pub(super) fn table(&self, instance: &Instance) -> Table {
        match &self.circuit[instance.column].kind {
            ColumnKind::View(view) => {
                Table::Product(self.view_tables(instance.column, view, &instance.point))
            }
            ColumnKind::Contraction(contraction) => {
                let [left, right] = self.contraction_tables(instance.column, contraction, &instance.point);
                if contraction.has_shared(&self.circuit[contraction.left].shape) {
                    let eq = self.shared_table(instance.column, contraction, &instance.point);
                    Table::EqProduct(EqProduct::new(eq, left, right))
                } else {
                    Table::Product(Product::new(left, right))
                }
            }
            _ => Table::Product(Product::new(vec![K::from(0u64)], vec![K::from(0u64)])),
        }
    }

    /// `source` folded to the axes of the general factors, and `prod_f G_f` over the same axes.
    fn view_tables(&self, column: ColumnId, view: &View, point: &[Coordinate]) -> Product {
        let _span = debug_span!("fold a view", column = %self.circuit[column].name).entered();
        let (shape, source) = (&self.circuit[column].shape, &self.circuit[view.source].shape);
        let route = Route::new(self.circuit, self.schedule, column, view, point);
        let (kept, z) = (route.kept(view), route.known());
        let folded = fold(self.circuit, self.schedule, self.values, view.source, &z, &kept);
        let weights = route.general.iter().fold(vec![route.scalar], |table, &factor| {
            let factor = &view.factors[factor];
            let z = coordinates(&Factor::restrict(&factor.view_axes, shape, point));
            outer_product(&table, &factor.table(shape, source, &z))
        });
        Product::new(folded, weights)
    }

    /// Both operands folded to the bound axes, in the contraction's order.
    fn contraction_tables(
        &self,
        column: ColumnId,
        contraction: &Contraction,
        point: &[Coordinate],
    ) -> [Vec<K>; 2] {
        let _span = debug_span!("fold a contraction", column = %self.circuit[column].name).entered();
        let shape = &self.circuit[column].shape;
        let operand = |id: ColumnId, of: fn(&crate::circuit::Axis) -> Option<u8>| {
            let operand_shape = &self.circuit[id].shape;
            let mut z = vec![K::from(0u64); operand_shape.variables()];
            for axis in &contraction.axes {
                if let (Some(own), Some(out)) = (of(axis), axis.out) {
                    let values = coordinates(&point[shape.variable_range(out.into())]);
                    z[operand_shape.variable_range(own.into())].copy_from_slice(&values);
                }
            }
            let kept: Vec<usize> = contraction.bound().filter_map(of).map(usize::from).collect();
            fold(self.circuit, self.schedule, self.values, id, &z, &kept)
        };
        [
            operand(contraction.left, |axis| axis.left),
            operand(contraction.right, |axis| axis.right),
        ]
    }

    /// `eq(z_h, .)` over the shared axes, constant over the summed ones.
    fn shared_table(&self, column: ColumnId, contraction: &Contraction, point: &[Coordinate]) -> Vec<K> {
        let shape = &self.circuit[column].shape;
        let left = &self.circuit[contraction.left].shape;
        contraction.bound().fold(vec![K::from(1u64)], |table, axis| {
            match (axis.role(), axis.out, axis.left) {
                (AxisRole::Shared, Some(out), _) => {
                    let z = coordinates(&point[shape.variable_range(out.into())]);
                    outer_product(&table, &kernels::eq_table(&z))
                }
                (_, _, Some(own)) => outer_product(&table, &vec![K::from(1u64); 1 << left.bits(own.into())]),
                _ => table,
            }
        })
    }
}

/// `out[i, j] = a[i] b[j]`.
fn outer_product(a: &[K], b: &[K]) -> Vec<K> {
    a.iter().flat_map(|x| b.iter().map(move |y| *x * y)).collect()
}
