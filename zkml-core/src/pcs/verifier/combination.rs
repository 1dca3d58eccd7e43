//! Steps 1 and 2: the claims become one claim on a combination of rows.

use ark_ff::AdditiveGroup;

use super::super::claim::{ClaimPoint, Commitment, MaskRows, check_opening};
use super::super::code::CodeParameters;
use super::super::plan::{Plan, random_coefficients};
use super::super::recursive::{self, RecursionParameters};
use super::super::soundness::PROXIMITY_GRINDING_BITS;
use super::super::weights::combination_weights;
use super::{Combination, Message};
use crate::field::{K, mul_k};
use crate::poly;
use crate::sumcheck::{Shape, verify_batched};
use crate::transcript::{Check, Scalar, VerifierChannel, VerifyError};

/// Steps 1 and 2: everything up to the row combination. Nothing without claims and mask.
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
) -> Result<Option<Combination>, VerifyError> {
    let _span = tracing::info_span!("check the combination").entered();
    let points = claims.iter().map(|(point, _)| point);
    check_opening((code, recursion), commitments, points.clone(), mask)?;
    if claims.is_empty() && mask.is_none() {
        return Ok(None);
    }
    let rows: Vec<usize> = commitments.iter().map(|commitment| commitment.rows).collect();
    let plan = Plan::new(points);
    let (point, opened) = merge(channel, code, &plan, claims)?;

    channel.grind("opening.proximity.grind", PROXIMITY_GRINDING_BITS)?;
    let marked = plan.opened_matrices(rows.len(), mask);
    let random = random_coefficients(&rows, &marked, mask, || channel.challenge("opening.proximity"));
    let random_value = channel.read_scalar("opening.proximity")?;
    let masked = match mask {
        Some(_) => Some(channel.read_scalar("opening.mask")?),
        None => None,
    };
    let gammas = draw_coefficients(channel, opened.len(), mask)?;
    let last = gammas.last().copied().unwrap_or(K::ZERO);
    let (message, product) = read_message(channel, (code, recursion), point)?;
    let terms = opened.iter().zip(&gammas);
    let expected = terms.fold(C::Scalar::from(-product), |sum, ((_, value), gamma)| {
        sum + value.clone() * *gamma
    });
    let expected = expected + random_value * last;
    let weights = combination_weights(&rows, &plan, &opened, &gammas, &random);
    let expected = match masked {
        Some(value) => expected + value,
        None => expected,
    };
    let check = Check {
        name: "opening.inner_product",
        place: "row combination",
    };
    channel.constrain_zero(check, expected)?;
    Ok(Some(Combination {
        message,
        weights,
        mask,
    }))
}

/// The coefficients of `opened` terms in the row combination, and that of the random fold.
fn draw_coefficients<C: VerifierChannel + ?Sized>(
    channel: &mut C,
    opened: usize,
    mask: Option<MaskRows>,
) -> Result<Vec<K>, VerifyError> {
    channel.grind("opening.combine.grind", PROXIMITY_GRINDING_BITS)?;
    let mut gammas = channel.challenges("opening.combine", opened.saturating_add(1));
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
    if recursion.levels.is_empty() {
        let message = channel.read_extension("opening.combination", code.message_length())?;
        let product = message
            .iter()
            .zip(poly::eq_table(&point))
            .map(|(value, eq)| mul_k(*value, eq))
            .sum();
        return Ok((Message::Clear(message), product));
    }
    let commitment = recursive::read_commitment(channel, recursion, code.message_length())?;
    let product = channel.read_extension("opening.product", 1)?;
    let product = product.first().copied().unwrap_or(K::ZERO);
    let message = Message::Committed {
        commitment,
        point,
        product,
    };
    Ok((message, product))
}

/// The point in the row at which all is opened, and for each term of the combination its fold and its value
/// there.
type Merged<S> = (Vec<K>, Vec<(usize, S)>);

/// Merges the claims to one point in the row.
fn merge<C: VerifierChannel + ?Sized>(
    channel: &mut C,
    code: &CodeParameters,
    plan: &Plan,
    claims: &[(ClaimPoint, C::Scalar)],
) -> Result<Merged<C::Scalar>, VerifyError> {
    let folds = plan.claims.iter().map(|(fold, _)| *fold);
    if !plan.needs_merge() {
        let point = plan.point_of_claims(code.log_row);
        return Ok((
            point,
            folds.zip(claims.iter().map(|(_, value)| value.clone())).collect(),
        ));
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
    let values = channel.read_scalars("opening.values", plan.folds.len())?;

    // The weight of each fold is sum_i rho_i eq(low_i, z), over its claims.
    let factors: Vec<K> = plan
        .lows
        .iter()
        .map(|low| poly::eq_eval(low, &reduced.point))
        .collect();
    let mut difference = -reduced.value;
    for ((fold, low), rho) in plan.claims.iter().zip(&rhos) {
        if let (Some(value), Some(factor)) = (values.get(*fold), factors.get(*low)) {
            difference = difference + value.clone() * (*factor * rho);
        }
    }
    channel.constrain_zero(
        Check {
            name: "opening.merge",
            place: "last equation",
        },
        difference,
    )?;
    Ok((reduced.point, values.into_iter().enumerate().collect()))
}
