//! The prover's side: values are computed and sent.

use tracing::debug_span;

use super::fold::fold;
use super::{Instance, Operand, Point, Route, Side, Values, coordinates};
use crate::circuit::{AxisRole, Circuit, ColumnId, ColumnKind, Contraction, Factor, Schedule, View};
use crate::field::{K, kernels};
use crate::pcs::Coordinate;
use crate::sumcheck::{self, EqProduct, Product, Reduced};
use crate::transcript::{Check, ProverChannel, VerifyError};

/// Computes values from the columns' cells and sends them over a channel.
pub struct ProverSide<'a, 'v, C> {
    channel: &'a mut C,
    circuit: &'a Circuit,
    schedule: &'a Schedule,
    values: &'a Values<'v>,
    /// For each instance of the last sumcheck its operands' values at the end.
    operands: Vec<[K; 2]>,
}

impl<'a, 'v, C: ProverChannel> ProverSide<'a, 'v, C> {
    /// A side that knows all cells.
    pub fn new(
        channel: &'a mut C,
        circuit: &'a Circuit,
        schedule: &'a Schedule,
        values: &'a Values<'v>,
    ) -> Self {
        Self {
            channel,
            circuit,
            schedule,
            values,
            operands: Vec::new(),
        }
    }

    /// The value of a column at a point.
    pub fn evaluate(&self, column: ColumnId, point: &[K]) -> K {
        fold(self.circuit, self.schedule, self.values, column, point, &[])[0]
    }

    /// `source` folded to the axes of the general factors, and `prod_f G_f` over the same axes.
    fn view_tables(&self, column: ColumnId, view: &View, point: &[Coordinate]) -> Product {
        let _span = debug_span!("fold a view", column = %self.circuit[column].name).entered();
        let (shape, source) = (&self.circuit[column].shape, &self.circuit[view.source].shape);
        let route = Route::new(self.circuit, self.schedule, column, view, point);
        let kept: Vec<usize> = route
            .general
            .iter()
            .flat_map(|&factor| {
                view.factors[factor]
                    .source_axes
                    .iter()
                    .map(|&axis| usize::from(axis))
            })
            .collect();
        let z: Vec<K> = route
            .source
            .iter()
            .map(|coordinate| coordinate.map_or(K::from(0u64), Coordinate::value))
            .collect();
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

impl<C: ProverChannel> Side for ProverSide<'_, '_, C> {
    type Scalar = K;

    fn value(&mut self, column: ColumnId, point: &Point) -> Result<K, VerifyError> {
        let value = self.evaluate(column, &coordinates(point));
        self.channel.send_scalar("reduce.term", value);
        Ok(value)
    }

    fn sumcheck(&mut self, instances: &[Instance], claims: &[K]) -> Result<Reduced<K>, VerifyError> {
        enum Table {
            Product(Product),
            EqProduct(EqProduct),
        }
        let mut tables: Vec<Table> = instances
            .iter()
            .map(|instance| match &self.circuit[instance.column].kind {
                ColumnKind::View(view) => {
                    Table::Product(self.view_tables(instance.column, view, &instance.point))
                }
                ColumnKind::Contraction(contraction) => {
                    let [left, right] =
                        self.contraction_tables(instance.column, contraction, &instance.point);
                    if contraction.has_shared(&self.circuit[contraction.left].shape) {
                        let eq = self.shared_table(instance.column, contraction, &instance.point);
                        Table::EqProduct(EqProduct::new(eq, left, right))
                    } else {
                        Table::Product(Product::new(left, right))
                    }
                }
                _ => Table::Product(Product::new(vec![K::from(0u64)], vec![K::from(0u64)])),
            })
            .collect();
        let mut borrowed: Vec<Box<dyn sumcheck::Instance + '_>> = tables
            .iter_mut()
            .map(|table| match table {
                Table::Product(table) => Box::new(table) as Box<dyn sumcheck::Instance + '_>,
                Table::EqProduct(table) => Box::new(table),
            })
            .collect();
        let span = debug_span!("sumcheck", instances = borrowed.len()).entered();
        let point = sumcheck::prove_batched(self.channel, "reduce.stage", &mut borrowed, claims);
        drop(span);
        drop(borrowed);
        self.operands = tables
            .iter()
            .map(|table| match table {
                Table::Product(table) => table.finals().unwrap_or_default(),
                Table::EqProduct(table) => {
                    let [_, left, right] = table.finals().unwrap_or_default();
                    [left, right]
                }
            })
            .collect();
        // The prover does not check its own equations: coefficients are not needed.
        Ok(Reduced {
            point,
            coefficients: vec![K::from(0u64); instances.len()],
            value: K::from(0u64),
        })
    }

    fn operand(&mut self, instance: usize, operand: Operand) -> Result<K, VerifyError> {
        let value = self.operands[instance][if operand == Operand::Left { 0 } else { 1 }];
        self.channel.send_scalar("reduce.operand", value);
        Ok(value)
    }

    fn public(&self, column: ColumnId, point: &[Coordinate]) -> K {
        self.evaluate(column, &coordinates(point))
    }

    /// Not looked at: the prover of a false statement must get as far as a proof that is rejected.
    fn constrain_zero(&mut self, _: Check<'_>, _: K) -> Result<(), VerifyError> {
        Ok(())
    }

    fn constrain_quadratic(&mut self, _: Check<'_>, _: &[(K, &K, &K)], _: K) -> Result<(), VerifyError> {
        Ok(())
    }
}
