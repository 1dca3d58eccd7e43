//! Reshape, permute, concatenate and pad: views.

use crate::circuit::{ColumnId, Factor};
use crate::graph::NodeId;

use super::builder::Builder;

impl Builder<'_> {
    /// Row-major reshape: axes are grouped where the products of sizes meet, one factor a group.
    pub(crate) fn reshape(&mut self, id: NodeId) -> ColumnId {
        let node = self.node(id);
        let (x, fact) = self.operand(id, 0);
        let factors = reshape_factors(&node.fact.shape, &fact.shape);
        self.view(&node.name, &node.fact.shape, x, factors)
    }

    /// Axis `i` of the result is axis `order[i]` of the operand.
    pub(crate) fn permute(&mut self, id: NodeId, order: &[usize]) -> ColumnId {
        let node = self.node(id);
        let (x, _) = self.operand(id, 0);
        let factors = order
            .iter()
            .enumerate()
            .map(|(to, &from)| Factor::identity(to, from))
            .collect();
        self.view(&node.name, &node.fact.shape, x, factors)
    }

    /// Each operand, zero outside its place, summed.
    pub(crate) fn concat(&mut self, id: NodeId, axis: usize) -> ColumnId {
        let node = self.node(id);
        let shape = &node.fact.shape;
        let mut start = 0;
        let mut terms = Vec::new();
        for index in 0..node.inputs.len() {
            let (x, fact) = self.operand(id, index);
            let factors = (0..shape.len())
                .map(|a| Factor::affine(&[(a, 1)], if a == axis { -start } else { 0 }, a))
                .collect();
            terms.push((
                1,
                self.view(&format!("{}/part.{index}", node.name), shape, x, factors),
            ));
            start += fact.shape[axis] as i64;
        }
        self.integer_sum(&node.name, shape, &terms)
    }

    /// Zeros around.
    pub(crate) fn pad(&mut self, id: NodeId, amounts: &[(usize, usize)]) -> ColumnId {
        let node = self.node(id);
        let (x, _) = self.operand(id, 0);
        let factors = amounts
            .iter()
            .enumerate()
            .map(|(a, amount)| Factor::affine(&[(a, 1)], -(amount.0 as i64), a))
            .collect();
        self.view(&node.name, &node.fact.shape, x, factors)
    }
}

/// The factors of a row-major reshape from `source` sizes to `view` sizes.
fn reshape_factors(view: &[usize], source: &[usize]) -> Vec<Factor> {
    let mut factors = Vec::new();
    let (mut v, mut s) = (0, 0);
    while v < view.len() || s < source.len() {
        let (view_start, source_start) = (v, s);
        let (mut view_product, mut source_product) = (1, 1);
        if v < view.len() {
            view_product = view[v];
            v += 1;
        }
        if s < source.len() {
            source_product = source[s];
            s += 1;
        }
        while view_product != source_product {
            if view_product < source_product && v < view.len() {
                view_product *= view[v];
                v += 1;
            } else if s < source.len() {
                source_product *= source[s];
                s += 1;
            } else {
                break;
            }
        }
        factors.push(Factor::reshape(view_start..v, view, source_start..s));
    }
    // Axes of size 1 at either end have joined no group on the other side: they are fixed or broadcast.
    for factor in &mut factors {
        if factor.source_axes.is_empty() {
            factor.strides.iter_mut().for_each(|stride| *stride = 0);
        }
    }
    factors
}

#[cfg(test)]
mod tests {
    use super::reshape_factors;

    #[test]
    fn reshape_groups_meet_at_equal_products() {
        let groups = |view: &[usize], source: &[usize]| -> Vec<(usize, usize)> {
            reshape_factors(view, source)
                .iter()
                .map(|f| (f.view_axes.len(), f.source_axes.len()))
                .collect()
        };
        assert_eq!(groups(&[2, 30], &[2, 5, 6]), [(1, 1), (1, 2)]);
        assert_eq!(groups(&[4, 3, 5], &[12, 5]), [(2, 1), (1, 1)]);
        assert_eq!(groups(&[2, 3, 1], &[2, 3]), [(1, 1), (1, 1), (1, 0)]);
        assert_eq!(groups(&[6], &[6, 1, 1]), [(1, 1), (0, 1), (0, 1)]);
    }
}
