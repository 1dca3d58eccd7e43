//! What a proof speaks of altered: the digest of the key, the number of the commitment, the public values.

use super::fixture::{
    CONTEXT, Fixture, fixture, fixtures, hidden, input_of, judge, noticed, outputs_of, with_public,
};
use crate::field::P;
use crate::privacy::Visibility;
use crate::proof::{Proof, PublicValues};
use crate::transcript::VerifyError;
use crate::verify::{TrustedKey, verify};

/// A trusted key, for many verdicts.
fn trusted(f: &'static Fixture) -> TrustedKey<'static> {
    let key = &f.key.verifying;
    TrustedKey::remembered(key, &key.weights.digest().expect("a digest")).expect("a key")
}

#[test]
fn another_key_digest_in_the_proof_is_named() {
    for (name, f) in fixtures() {
        for byte in 0..32 {
            let mut proof = f.proof.clone();
            proof.key[byte] ^= 1;
            let error = judge(&f.key.verifying, &proof, CONTEXT);
            assert!(
                matches!(error, Err(VerifyError::OtherKey { .. })),
                "{name}: {error:?}"
            );
        }
    }
}

#[test]
fn a_proof_that_names_another_opening_of_the_weights_is_rejected() {
    for (name, f) in fixtures() {
        let trusted = trusted(f);
        let weights = &f.key.verifying.weights.commitments;
        let budget = match f.key.verifying.weights.visibility {
            Visibility::Private => weights.budget(),
            Visibility::Public => 1,
        };
        let verdict = |opening| {
            let proof = Proof {
                opening,
                ..f.proof.clone()
            };
            trusted.verify(&proof, CONTEXT).expect_err("another opening")
        };
        // Of the same commitment, and of others: the number is bound.
        for other in 1..budget {
            let error = verdict(other);
            assert!(noticed(&f.key.verifying, &error), "{name}, {other}: {error}");
        }
        for found in [budget, budget + 1, 1 << 16, u64::MAX] {
            assert_eq!(verdict(found), VerifyError::Opening { found, budget }, "{name}");
        }
    }
    assert!(hidden().key.verifying.weights.commitments.roots.len() > 1);
}

#[test]
fn a_proof_for_other_settings_of_privacy_is_rejected() {
    // The plain proof for the private key and the other way round: messages, sizes and bindings differ.
    for (a, b) in [(fixture(), hidden()), (hidden(), fixture())] {
        let key = &a.key.verifying;
        // The other proof speaks of what this key shows.
        let verdict = |proof: &Proof| judge(key, proof, CONTEXT).expect_err("another protocol");
        let mut proof = with_public(&b.proof, &a.proof.public);
        assert!(matches!(verdict(&proof), VerifyError::OtherKey { .. }));
        proof.key = key.digest().expect("a digest");
        let error = verdict(&proof);
        // Two padded scalars are not inverse to each other.
        let refused = match a.proof == fixture().proof {
            true => matches!(
                error,
                VerifyError::Check {
                    name: "lookup.denominator_nonzero",
                    ..
                }
            ),
            false => noticed(key, &error),
        };
        // Numbers and sizes of messages differ: scalars are read where digests stand.
        let unreadable = matches!(error, VerifyError::NonCanonical { .. });
        assert!(refused || unreadable, "{error}");
    }
}

#[test]
fn every_altered_public_value_is_rejected() {
    for (name, f) in fixtures() {
        let trusted = trusted(f);
        let judge = |public: &PublicValues| {
            trusted
                .verify(&with_public(&f.proof, public), CONTEXT)
                .expect_err("an altered public value")
        };
        // Every value of the outputs, some of the input where it is public.
        let input = f.proof.public.input.as_ref().map_or(0, Vec::len);
        let mut places: Vec<(Option<usize>, usize)> = (0..input).step_by(7).map(|i| (None, i)).collect();
        for (output, values) in f.proof.public.outputs.iter().flatten().enumerate() {
            places.extend((0..values.len()).map(|i| (Some(output), i)));
        }
        for (tensor, index) in places {
            let mut public = f.proof.public.clone();
            let value = match tensor {
                None => &mut input_of(&mut public)[index],
                Some(output) => &mut outputs_of(&mut public)[output][index],
            };
            let honest = *value;
            *value += if honest > 0 { -1 } else { 1 };
            let error = judge(&public);
            assert!(
                noticed(&f.key.verifying, &error),
                "{name}: {tensor:?} {index}: {error}"
            );
            // The same residue, p further on, and other integers that the circuit does not speak of.
            for beyond in [honest + P as i64, honest - P as i64, P as i64, i64::MAX, i64::MIN] {
                let value = match tensor {
                    None => &mut input_of(&mut public)[index],
                    Some(output) => &mut outputs_of(&mut public)[output][index],
                };
                *value = beyond;
                let error = judge(&public);
                assert!(
                    matches!(error, VerifyError::PublicValue { .. }),
                    "{name}: {tensor:?} {index}: {error}"
                );
            }
        }
    }
}

#[test]
fn public_values_that_are_absent_too_many_or_of_another_size_are_refused() {
    type Alter<'a> = &'a dyn Fn(&mut PublicValues);
    let of_public_outputs: [Alter<'_>; 5] = [
        &|public| public.outputs = None,
        &|public| drop(outputs_of(public).pop()),
        &|public| outputs_of(public).push(vec![]),
        &|public| outputs_of(public)[0].clear(),
        &|public| outputs_of(public).swap(0, 1),
    ];
    let of_public_input: [Alter<'_>; 3] = [
        &|public| public.input = None,
        &|public| input_of(public).truncate(7),
        &|public| input_of(public).push(0),
    ];
    // What is private must not be given, not even the right values.
    let of_private_outputs: [Alter<'_>; 2] = [
        &|public| public.outputs.clone_from(&fixture().proof.public.outputs),
        &|public| public.outputs = Some(vec![]),
    ];
    let of_private_input: [Alter<'_>; 2] = [
        &|public| public.input.clone_from(&fixture().proof.public.input),
        &|public| public.input = Some(vec![]),
    ];
    for (name, f) in fixtures() {
        let of_input: &[Alter<'_>] = match f.proof.public.input {
            Some(_) => &of_public_input,
            None => &of_private_input,
        };
        let of_outputs: &[Alter<'_>] = match f.proof.public.outputs {
            Some(_) => &of_public_outputs,
            None => &of_private_outputs,
        };
        for (number, alter) in of_outputs.iter().chain(of_input).enumerate() {
            let mut proof = f.proof.clone();
            alter(&mut proof.public);
            let error = verify(&f.key.verifying, &proof, CONTEXT).expect_err("refused");
            assert!(
                matches!(error, VerifyError::PublicValue { .. }),
                "{name}: alteration {number}: {error}"
            );
        }
    }
}
