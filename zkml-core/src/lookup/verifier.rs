//! The verifier of the lookup argument.

use ark_ff::Field;

use super::soundness::grinding_bits;
use super::{BlockKind, Claims, Compression, Stack, Statement, of_stack, suffix};
use crate::field::K;
use crate::transcript::{Check, Quadratic, Scalar, VerifierChannel, VerifyError};

/// Claims on a level of the tree of fractions: its numerators and denominators at a point.
pub(super) struct Level<S> {
    pub(super) point: Vec<K>,
    pub(super) numerator: S,
    pub(super) denominator: S,
}

/// Reduces each statement to [`Claims`] on its looked-up columns and multiplicities, one after the other. All of these
/// are committed before.
///
/// `table_evaluation(table, column, point)` is the multilinear extension of a column of a table, the same in
/// all statements, at a point of as many coordinates as the table has variables. For the transcript and the checks see the [module](super).
///
/// # Errors
///
/// A message that cannot be read, a check that fails, by name, or [`VerifyError::Key`] for a statement that no circuit
/// has.
pub fn verify<C: VerifierChannel + ?Sized>(
    channel: &mut C,
    statements: &[Statement],
    table_evaluation: &dyn Fn(usize, usize, &[K]) -> K,
) -> Result<Vec<Claims<C::Scalar>>, VerifyError> {
    statements.iter().try_for_each(Statement::validate)?;
    channel.grind("lookup.grind", grinding_bits(statements))?;
    let compression = Compression::draw(|label| channel.challenge(label));
    let reduced = statements
        .iter()
        .map(|statement| reduce(channel, statement, &compression, table_evaluation));
    reduced.collect()
}

/// One of the statements, under the challenges of all.
fn reduce<C: VerifierChannel + ?Sized>(
    channel: &mut C,
    statement: &Statement,
    compression: &Compression,
    table_evaluation: &dyn Fn(usize, usize, &[K]) -> K,
) -> Result<Claims<C::Scalar>, VerifyError> {
    let stack = Stack::new(statement);
    let mut level = root(channel)?;
    for layer in 0..stack.variables {
        level = next_level(channel, level, layer)?;
    }

    let lookups = statement
        .lookups
        .iter()
        .map(|lookup| channel.read_scalars("lookup.columns", lookup.arity))
        .collect::<Result<Vec<_>, _>>()?;
    let multiplicities = channel.read_scalars("lookup.multiplicities", statement.tables.len())?;
    let claims = Claims {
        point: of_stack(level.point),
        lookups,
        multiplicities,
    };

    let (numerator, denominator) = leaves(statement, &stack, compression, &claims, table_evaluation);
    channel.constrain_zero(
        Check {
            name: "lookup.numerator",
            place: "leaves",
        },
        level.numerator - numerator,
    )?;
    channel.constrain_zero(
        Check {
            name: "lookup.denominator",
            place: "leaves",
        },
        level.denominator - denominator,
    )?;
    Ok(claims)
}

/// Claims that the sum of all fractions is `0/Q`, and reads `Q`, which must have an inverse.
fn root<C: VerifierChannel + ?Sized>(channel: &mut C) -> Result<Level<C::Scalar>, VerifyError> {
    let [denominator, inverse] = read(channel, "lookup.root")?;
    let nonzero = Check {
        name: "lookup.denominator_nonzero",
        place: "root",
    };
    let sum = Quadratic {
        linear: C::Scalar::from(-K::ONE),
        products: &[(K::ONE, &denominator, &inverse)],
    };
    channel.constrain_quadratic(nonzero, sum)?;
    Ok(Level {
        point: Vec::new(),
        numerator: C::Scalar::zero(),
        denominator,
    })
}

/// From claims on level `layer` of the tree to claims on the next one, by a sumcheck of `layer` rounds.
pub(super) fn next_level<C: VerifierChannel + ?Sized>(
    channel: &mut C,
    level: Level<C::Scalar>,
    layer: usize,
) -> Result<Level<C::Scalar>, VerifyError> {
    let lambda = channel.challenge("lookup.lambda");
    let mut claim = level.numerator + level.denominator * lambda;
    let mut point = Vec::with_capacity(layer.saturating_add(1));
    // The first coordinate, tau, is drawn last.
    point.push(K::ONE);
    for z in &level.point {
        let [linear, quadratic] = read(channel, "lookup.round")?;
        let r = channel.challenge("lookup.round");
        // G(r) = claim + (r - z) b + (r^2 - z) c
        claim = claim + linear * (r - z) + quadratic * (r * r - z);
        point.push(r);
    }
    let [p0, p1, q0, q1] = read(channel, "lookup.layer")?;
    let products = [(-K::ONE, &p0, &q1), (-K::ONE, &p1, &q0), (-lambda, &q0, &q1)];
    let place = format!("layer {layer}");
    let check = Check {
        name: "lookup.layer",
        place: &place,
    };
    let sum = Quadratic {
        linear: claim,
        products: &products,
    };
    channel.constrain_quadratic(check, sum)?;

    let tau = channel.challenge("lookup.tau");
    if let Some(first) = point.first_mut() {
        *first = tau;
    }
    let numerator = p0 * (K::ONE - tau) + p1 * tau;
    let denominator = q0 * (K::ONE - tau) + q1 * tau;
    Ok(Level {
        point,
        numerator,
        denominator,
    })
}

/// The numerator and denominator of the leaves at the point of the claims, as the claimed values imply them.
fn leaves<S: Scalar>(
    statement: &Statement,
    stack: &Stack,
    compression: &Compression,
    claims: &Claims<S>,
    table_evaluation: &dyn Fn(usize, usize, &[K]) -> K,
) -> (S, S) {
    let (mut numerator, mut denominator) = (S::zero(), S::zero());
    let mut filler = K::ONE;
    for block in &stack.blocks {
        let weight = block.weight(&claims.point);
        filler -= weight;
        match block.kind {
            BlockKind::Lookup(index) => {
                let (Some(shape), Some(values)) = (statement.lookups.get(index), claims.lookups.get(index))
                else {
                    continue;
                };
                numerator = numerator + S::from(weight);
                denominator = denominator + S::from(weight * compression.constant(shape.table));
                for (value, coefficient) in values.iter().zip(compression.coefficients()) {
                    denominator = denominator + value.clone() * (weight * coefficient);
                }
            }
            BlockKind::Table(index) => {
                let (Some(shape), Some(value)) =
                    (statement.tables.get(index), claims.multiplicities.get(index))
                else {
                    continue;
                };
                numerator = numerator - value.clone() * weight;
                let point = suffix(&claims.point, block.variables);
                let row: K = (0..shape.arity)
                    .zip(compression.coefficients())
                    .map(|(column, coefficient)| coefficient * table_evaluation(index, column, point))
                    .sum();
                denominator = denominator + S::from(weight * (compression.constant(index) + row));
            }
        }
    }
    // All other cells are 0/1.
    (numerator, denominator + S::from(filler))
}

/// Reads a message of `N` scalars.
fn read<C: VerifierChannel + ?Sized, const N: usize>(
    channel: &mut C,
    label: &'static str,
) -> Result<[C::Scalar; N], VerifyError> {
    let scalars = channel.read_scalars(label, N)?;
    scalars.try_into().map_err(|_| VerifyError::Invariant {
        what: format!("{label}: the channel returned another number of scalars than {N}"),
    })
}
