//! Assigns each virtual column the depth at which its claims are reduced.
//!
//! The reduction starts at the claims of lookups and equalities and ends at given columns. A column is reduced after
//! all its users, when all claims on it are known. Columns of one depth that need a sumcheck share a batched sumcheck.
//! In an [unstacked](Circuit::unstacked) circuit each of them has a depth of its own.

use super::{Circuit, ColumnId, ColumnKind, FactorRole, View};

/// The virtual columns by depth, and which columns are zero-padded.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// For each column: is its padding forced to zero?
    pub zero_padded: Vec<bool>,
    /// `stages[d]`: the virtual columns of depth `d`, each after its users.
    pub stages: Vec<Vec<ColumnId>>,
}

impl Schedule {
    /// The schedule of a valid circuit.
    pub fn new(circuit: &Circuit) -> Self {
        let zero_padded = circuit.zero_padded();
        let mut depth = vec![0usize; circuit.columns.len()];
        let mut stages: Vec<Vec<ColumnId>> = Vec::new();
        // The first depth after all sumchecks so far, where each has a depth of its own.
        let mut free = 0usize;
        for id in circuit.ids().rev() {
            let mut own = depth[id.index()];
            if circuit.unstacked && has_sumcheck(circuit, id, &zero_padded) {
                own = own.max(free);
                free = own + 1;
            }
            let mut at_least = |column: ColumnId, bound: usize| {
                let slot = &mut depth[column.index()];
                *slot = (*slot).max(bound);
            };
            match &circuit[id].kind {
                ColumnKind::Committed { .. } | ColumnKind::Parameter { .. } | ColumnKind::Public(_) => {
                    continue;
                }
                ColumnKind::Linear(linear) => linear.terms.iter().for_each(|term| at_least(term.column, own)),
                ColumnKind::View(view) => {
                    let summed = has_sumcheck(circuit, id, &zero_padded);
                    at_least(view.source, own + usize::from(summed));
                }
                ColumnKind::Contraction(contraction) => {
                    at_least(contraction.left, own + 1);
                    at_least(contraction.right, own + 1);
                }
            }
            if stages.len() <= own {
                stages.resize(own + 1, Vec::new());
            }
            stages[own].push(id);
        }
        Self { zero_padded, stages }
    }
}

/// Whether the reduction of a column needs a sumcheck; `zero_padded` is that of its [`Schedule`].
pub(crate) fn has_sumcheck(circuit: &Circuit, id: ColumnId, zero_padded: &[bool]) -> bool {
    match &circuit[id].kind {
        ColumnKind::Contraction(_) => true,
        ColumnKind::View(view) => {
            !general_factors(circuit, id, view, zero_padded[view.source.index()]).is_empty()
        }
        _ => false,
    }
}

/// Indices of the factors of a view whose reduction needs a sumcheck.
pub(crate) fn general_factors(
    circuit: &Circuit,
    id: ColumnId,
    view: &View,
    source_zero_padded: bool,
) -> Vec<usize> {
    let (shape, source) = (&circuit[id].shape, &circuit[view.source].shape);
    (0..view.factors.len())
        .filter(|&f| view.factors[f].role(shape, source, source_zero_padded) == FactorRole::General)
        .collect()
}
