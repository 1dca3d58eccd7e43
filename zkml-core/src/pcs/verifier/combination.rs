//! Steps 1 and 2: the claims become one claim on a combination of rows.

use ark_ff::AdditiveGroup;

use super::super::claim::{ClaimPoint, Commitment, MaskRows, check_opening};
use super::super::code::CodeParameters;
use super::super::plan::{Plan, RowSum, random_coefficients};
use super::super::recursive::{self, Functional, RecursionParameters, Vector};
use super::super::soundness::PROXIMITY_GRINDING_BITS;
use super::super::weights::combination_weights;
use super::{Combination, Message};
use crate::field::{K, mul_k};
use crate::poly;
use crate::sumcheck::{Shape, verify_batched};
use crate::transcript::{Check, Scalar, VerifierChannel, VerifyError};

/// Steps 1 and 2: everything up to the row combination.
///
/// # Errors
///
/// As [`verify_opening`](super::verify_opening).
pub fn verify_combination<C: VerifierChannel + ?Sized>(
    channel: &mut C,
    (code, recursion): (&CodeParameters, &RecursionParameters),
    commitments: &[Commitment],
    claims: &[(ClaimPoint, C::Scalar)],
    mask: Option<MaskRows>,
) -> Result<Combination, VerifyError> {
    let _span = tracing::info_span!("check the combination").entered();
    let points = claims.iter().map(|(point, _)| point);
    check_opening((code, recursion), commitments, points.clone(), mask)?;
    let rows: Vec<usize> = commitments.iter().map(|commitment| commitment.rows).collect();
    let plan = Plan::new(points);
    let Merged { point, values, sums } = merge(channel, code, &plan, claims)?;

    channel.grind("opening.proximity.grind", PROXIMITY_GRINDING_BITS)?;
    let marked = plan.opened_matrices(rows.len(), mask);
    let random = random_coefficients(&rows, &marked, mask, || channel.challenge("opening.proximity"));
    let random_value = channel.read_scalar("opening.proximity")?;
    let masked = match mask {
        Some(_) => Some(channel.read_scalar("opening.mask")?),
        None => None,
    };
    let gammas = draw_coefficients(channel, values.len(), mask)?;
    let last = gammas.last().copied().unwrap_or(K::ZERO);
    let (message, product) = read_message(channel, (code, recursion), point)?;
    let terms = values.into_iter().zip(&gammas);
    let expected = terms.fold(C::Scalar::from(-product), |sum, (value, gamma)| {
        sum + value * *gamma
    });
    let expected = expected + random_value * last;
    let weights = combination_weights(&rows, (&plan.groups, &sums), &gammas, &random);
    let expected = match masked {
        Some(value) => expected + value,
        None => expected,
    };
    let check = Check {
        name: "opening.inner_product",
        place: "row combination",
    };
    channel.constrain_zero(check, expected)?;
    Ok(Combination {
        message,
        weights,
        mask,
    })
}

/// The coefficients of the groups in the row combination, and that of the random fold.
fn draw_coefficients<C: VerifierChannel + ?Sized>(
    channel: &mut C,
    groups: usize,
    mask: Option<MaskRows>,
) -> Result<Vec<K>, VerifyError> {
    channel.grind("opening.combine.grind", PROXIMITY_GRINDING_BITS)?;
    let mut gammas = channel.challenges("opening.combine", groups.saturating_add(1));
    if mask.is_some() {
        // Drawn after the claims: a false one could otherwise be made up for by the mask's.
        let blind = channel.challenge("opening.blind");
        gammas.iter_mut().for_each(|gamma| *gamma = mul_k(*gamma, blind));
    }
    Ok(gammas)
}

/// Reads the row combination, or the commitment to it, and its inner product with `eq(point)`.
fn read_message<C: VerifierChannel + ?Sized>(
    channel: &mut C,
    (code, recursion): (&CodeParameters, &RecursionParameters),
    point: Vec<K>,
) -> Result<(Message, K), VerifyError> {
    let vector = recursive::read_vector(channel, recursion, code.message_length())?;
    if let Vector::Sent(message) = &vector {
        let terms = message.iter().zip(poly::eq_table(&point));
        let product = terms.map(|(value, eq)| mul_k(*value, eq)).sum();
        return Ok((Message::Rows(vector, vec![]), product));
    }
    let product = channel.read_extension("opening.product", 1)?;
    let product = product.first().copied().unwrap_or(K::ZERO);
    let claims = vec![(Functional::Eq(point), product)];
    Ok((Message::Rows(vector, claims), product))
}

/// What the merge ends in.
struct Merged<S> {
    /// A point in the row.
    point: Vec<K>,
    /// The value of each group's sum there.
    values: Vec<S>,
    /// The sums.
    sums: Vec<RowSum>,
}

/// Merges the claims to one point in the row. Without claims the point is drawn.
fn merge<C: VerifierChannel + ?Sized>(
    channel: &mut C,
    code: &CodeParameters,
    plan: &Plan,
    claims: &[(ClaimPoint, C::Scalar)],
) -> Result<Merged<C::Scalar>, VerifyError> {
    if claims.is_empty() {
        return Ok(Merged {
            point: channel.challenges("opening.merge", code.log_row as usize),
            values: Vec::new(),
            sums: Vec::new(),
        });
    }
    let rhos = channel.challenges("opening.batch", claims.len());
    let terms = claims.iter().zip(&rhos);
    let sum = terms.fold(C::Scalar::zero(), |sum, ((_, value), rho)| {
        sum + value.clone() * *rho
    });
    let shape = Shape {
        variables: code.log_row as usize,
        degree: 2,
    };
    let reduced = verify_batched(channel, "opening.merge", &[shape], &[sum])?;
    let values = channel.read_scalars("opening.values", plan.groups.len())?;

    // The weight of each sum is that of its claims' points at z.
    let mut difference = -reduced.value;
    for (group, value) in plan.groups.iter().zip(&values) {
        let points = plan.evaluations(group, &rhos);
        let weight = points.fold(K::ZERO, |weight, (low, coefficient)| {
            weight + mul_k(poly::eq_eval(low, &reduced.point), coefficient)
        });
        difference = difference + value.clone() * weight;
    }
    channel.constrain_zero(
        Check {
            name: "opening.merge",
            place: "last equation",
        },
        difference,
    )?;
    Ok(Merged {
        point: reduced.point,
        values,
        sums: plan.sums(&rhos),
    })
}
