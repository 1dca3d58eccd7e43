//! Verification of setup proofs, and the keys that passed it.

use super::{Recording, Verified, check_answer, check_key, refuse_insecure, run};
use std::borrow::Cow;

use crate::argument::{Statement, hex, soundness};
use crate::error::{RotationError, WeightsKeyError};
use crate::graph::Lengths;
use crate::keys::{VerifyingKey, WeightsKey};
use crate::proof::{Proof, ProofOutline, PublicValues};
use crate::transcript::{PROTOCOL_SETUP, VerifierTranscript, VerifyError};

/// A verifying key whose commitments are known to hold integers in `[-128, 127]` with zero padding, the same in each;
/// and everything that follows from it, ready for any number of proofs.
#[derive(Debug, Clone)]
pub struct TrustedKey<'k> {
    key: Cow<'k, VerifyingKey>,
    statement: Statement<'k>,
}

impl<'k> TrustedKey<'k> {
    /// Lowers the key's network, and checks the setup proof of its weights.
    ///
    /// # Errors
    /// As [`verify_setup`]; [`VerifyError::Key`] for a network that cannot be proved.
    pub fn new(key: &'k VerifyingKey) -> Result<Self, VerifyError> {
        verify_setup(&key.weights)?;
        Self::of(key)
    }

    /// Takes a key whose setup proof was checked before. `digest` is the digest that its weights key had then.
    ///
    /// # Errors
    /// [`VerifyError::OtherKey`] for other weights, [`VerifyError::Key`] for a key that is unusable.
    pub fn remembered(key: &'k VerifyingKey, digest: &[u8; 32]) -> Result<Self, VerifyError> {
        let found = key.weights.digest()?;
        if found != *digest {
            return Err(VerifyError::OtherKey {
                expected: hex(digest),
                found: hex(&found),
            });
        }
        Self::of(key)
    }

    fn of(key: &'k VerifyingKey) -> Result<Self, VerifyError> {
        Self::of_lengths(key, key.network.sizing.lengths())
    }

    fn of_lengths(key: &'k VerifyingKey, lengths: Option<Lengths>) -> Result<Self, VerifyError> {
        let statement = Statement::at(key, lengths)?;
        check_sum(&statement)?;
        Ok(Self {
            key: Cow::Borrowed(key),
            statement,
        })
    }

    /// The same key for the proof whose outline is given: the work is bounded before the proof is decoded.
    ///
    /// # Errors
    /// [`VerifyError::OtherKey`] for a proof of another key; as [`Self::at`].
    pub fn for_outline(&self, outline: &ProofOutline) -> Result<TrustedKey<'_>, VerifyError> {
        check_key(&self.statement, &outline.key)?;
        self.at(outline.lengths)
    }

    /// The same key for proofs of texts of these lengths, which a proof names. The network is resized and lowered; the
    /// setup proof, which knows no lengths, is not checked again.
    ///
    /// # Errors
    /// [`VerifyError::Lengths`] for a network of one size, or one that cannot be proved at these lengths;
    /// [`VerifyError::Key`].
    pub fn at(&self, lengths: Option<Lengths>) -> Result<TrustedKey<'_>, VerifyError> {
        TrustedKey::of_lengths(&self.key, lengths)
    }

    /// The same with an owned key, which may outlive the key that was checked.
    pub fn into_owned(self) -> TrustedKey<'static> {
        TrustedKey {
            key: Cow::Owned(self.key.into_owned()),
            statement: self.statement.into_owned(),
        }
    }

    /// The key.
    pub fn key(&self) -> &VerifyingKey {
        &self.key
    }

    /// What is proved with this key.
    pub fn statement(&self) -> &Statement<'k> {
        &self.statement
    }

    /// Digest of the key.
    pub fn digest(&self) -> [u8; 32] {
        self.statement.digest
    }

    /// Checks that the committed model gives the proof's outputs on its input, as far as they are public, in the context
    /// of `context` (any bytes the prover was given, such as a nonce of the verifier).
    ///
    /// Returns the commitments to private tensors that the proof carries: by these it can be
    /// [linked](crate::argument::link) to other proofs.
    ///
    /// # Errors
    /// [`VerifyError`], naming the check that failed.
    pub fn verify(&self, proof: &Proof, context: &[u8]) -> Result<Verified, VerifyError> {
        if proof.lengths != self.statement.lengths {
            // A proof of another key costs no work.
            check_key(&self.statement, &proof.key)?;
            return self.at(proof.lengths)?.verify(proof, context);
        }
        check_answer(&self.statement, proof, context)?;
        Ok(Verified::of(&self.statement, proof))
    }

    /// As [`Self::verify`], and keeps the list of everything the transcript absorbed and drew, also of a proof that is
    /// rejected. It is of the statement's own lengths; for those of a proof, resize the key with [`Self::at`].
    pub fn verify_recording(&self, proof: &Proof, context: &[u8]) -> Recording {
        let statement = &self.statement;
        let mut transcript = VerifierTranscript::recording(statement.protocol(), &proof.messages);
        let verdict = run(statement, proof, context, &mut transcript);
        Recording {
            events: transcript.events().to_vec(),
            state: transcript.state(),
            verdict: verdict.map(|()| Verified::of(statement, proof)),
        }
    }
}

/// Refuses a key if the errors of a proof and of the setup proof add up to too much.
fn check_sum(answer: &Statement<'_>) -> Result<(), VerifyError> {
    let setup = soundness(&Statement::of_setup(&answer.key)?);
    refuse_insecure(soundness(answer).sum(&setup))
}

/// Checks the setup proof of a key: every committed weight is in its range, every padded cell is 0, and all commitments
/// hold the same weights. If the key names a previous key, that key's commitment holds them too.
///
/// # Errors
/// [`VerifyError::Key`] for a key without a setup proof; [`VerifyError`], naming the check that failed.
pub fn verify_setup(key: &WeightsKey) -> Result<(), VerifyError> {
    verify_setup_recording(
        key,
        &mut VerifierTranscript::new(PROTOCOL_SETUP, &key.setup_proof),
    )
}

impl VerifyingKey {
    /// Checks that this key was made by rotating `old`: the same network and settings, and a setup proof that opens one
    /// of the old commitments too. The setup proof itself is checked by [`TrustedKey::new`].
    ///
    /// # Errors
    /// [`VerifyError::Key`] that names the difference.
    pub fn replaces(&self, old: &Self) -> Result<(), VerifyError> {
        let refuse = |error: RotationError| Err(VerifyError::from(error));
        let (new, replaced) = (&self.weights, &old.weights);
        match new.previous {
            None => return refuse(RotationError::NotRotated),
            Some(root) if !replaced.commitments.roots.contains(&root) => {
                return refuse(RotationError::OtherCommitments);
            }
            Some(_) => {}
        }
        if let Some(difference) = self.network.difference(&old.network) {
            return refuse(difference.into());
        }
        let same = [
            (
                RotationError::Privacy,
                self.instance == old.instance && new.visibility == replaced.visibility,
            ),
            (
                RotationError::Columns,
                new.columns == replaced.columns && new.unpacked == replaced.unpacked,
            ),
            // Soundness does not need it, since roots are bound to the code; but it would be no rotation.
            (RotationError::Code, new.code == replaced.code),
        ];
        match same.into_iter().find(|(_, same)| !same) {
            Some((error, _)) => refuse(error),
            None => Ok(()),
        }
    }
}

/// As [`verify_setup`], over a transcript that may record. It is one of the protocol [`PROTOCOL_SETUP`], over the key's
/// setup proof.
///
/// # Errors
/// As [`verify_setup`].
pub fn verify_setup_recording(
    key: &WeightsKey,
    transcript: &mut VerifierTranscript<'_>,
) -> Result<(), VerifyError> {
    if key.setup_proof.is_empty() {
        return Err(VerifyError::from(WeightsKeyError::NoSetupProof));
    }
    verify_statement(&Statement::of_setup(key)?, transcript)
}

/// Checks a setup proof of a statement.
pub(crate) fn verify_statement(
    statement: &Statement<'_>,
    transcript: &mut VerifierTranscript<'_>,
) -> Result<(), VerifyError> {
    let proof = Proof {
        key: statement.digest,
        opening: 0,
        lengths: None,
        public: PublicValues::default(),
        messages: Vec::new(),
    };
    run(statement, &proof, b"", transcript)
}
