//! The prover of the lookup argument: what is drawn and sent.

#![cfg(feature = "prover")]

use ark_ff::{AdditiveGroup, Field};
use tracing::{debug_span, info_span};

use super::soundness::grinding_bits;
use super::tree::{FractionLayer, FractionTree};
use super::{Claims, Compression, Stack, Statement, of_stack};
use crate::field::K;
use crate::transcript::ProverChannel;

/// Claims on a level: its numerators and denominators at a point.
pub(super) struct LevelClaim {
    pub(super) point: Vec<K>,
    pub(super) numerator: K,
    pub(super) denominator: K,
}

/// Proves the statements, one after the other, and returns the claims that are left of each, for the caller to prove.
///
/// `tree` makes the tree of fractions of a statement from the challenges, when its turn comes: see [`Fractions`](super::Fractions) for the one in memory.
/// The columns and multiplicities of all are committed before this is called. Cells that do not satisfy the statement give a
/// proof that the verifier rejects. For the transcript see the [module](super).
///
/// # Errors
/// Where an operation of the tree fails.
pub fn prove<E, T: FractionTree<E>>(
    channel: &mut (impl ProverChannel + ?Sized),
    statements: &[Statement],
    mut tree: impl FnMut(usize, &Compression) -> Result<T, E>,
) -> Result<Vec<Claims<K>>, E> {
    let _span = info_span!("lookup").entered();
    channel.grind("lookup.grind", grinding_bits(statements));
    let compression = Compression::draw(|label| channel.challenge(label));
    let proved = statements.iter().enumerate().map(|(index, statement)| {
        let tree = info_span!("lookup tree").in_scope(|| tree(index, &compression))?;
        prove_statement(channel, statement, tree)
    });
    proved.collect()
}

/// One of the statements, from its tree.
fn prove_statement<E, T: FractionTree<E>>(
    channel: &mut (impl ProverChannel + ?Sized),
    statement: &Statement,
    mut tree: T,
) -> Result<Claims<K>, E> {
    let denominator = tree.denominator()?;
    // Without an inverse a denominator is 0: the soundness error bounds the probability, and the verifier rejects.
    let inverse = denominator.inverse().unwrap_or(K::ZERO);
    channel.send_scalars("lookup.root", &[denominator, inverse]);
    let mut claim = LevelClaim {
        point: Vec::new(),
        numerator: K::ZERO,
        denominator,
    };
    for above in (0..Stack::new(statement).variables).rev() {
        let _span = match above {
            0 => info_span!("lookup leaf layer").entered(),
            _ => debug_span!("lookup layer", variables = claim.point.len()).entered(),
        };
        let lambda = channel.challenge("lookup.lambda");
        let layer = tree.layer(&claim.point, lambda)?;
        claim = prove_layer(channel, claim, lambda, layer)?;
    }
    info_span!("lookup columns").in_scope(|| {
        let claims = tree.claims(of_stack(claim.point))?;
        for values in &claims.lookups {
            channel.send_scalars("lookup.columns", values);
        }
        channel.send_scalars("lookup.multiplicities", &claims.multiplicities);
        Ok(claims)
    })
}

/// From claims on a level to claims on the level below it.
pub(super) fn prove_layer<E>(
    channel: &mut (impl ProverChannel + ?Sized),
    claim: LevelClaim,
    lambda: K,
    mut layer: impl FractionLayer<E>,
) -> Result<LevelClaim, E> {
    let mut value = claim.numerator + lambda * claim.denominator;
    // The first coordinate is drawn last.
    let mut point = vec![K::ZERO; claim.point.len() + 1];
    for (z, challenge) in claim.point.iter().zip(&mut point[1..]) {
        let [linear, quadratic] = layer.round(value)?;
        channel.send_scalars("lookup.round", &[linear, quadratic]);
        let r = channel.challenge("lookup.round");
        let at_zero = value - *z * (linear + quadratic);
        value = at_zero + r * (linear + r * quadratic);
        layer.bind(r)?;
        *challenge = r;
    }
    let [p0, p1, q0, q1] = layer.ends()?;
    channel.send_scalars("lookup.layer", &[p0, p1, q0, q1]);
    let tau = channel.challenge("lookup.tau");
    point[0] = tau;
    Ok(LevelClaim {
        point,
        numerator: between(p0, p1, tau),
        denominator: between(q0, q1, tau),
    })
}

/// `low + t (high - low)`.
fn between(low: K, high: K, t: K) -> K {
    low + (high - low) * t
}
