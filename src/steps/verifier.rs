//! The last step: checking a proof.

use core::fmt;
use std::borrow::Cow;
use std::path::Path;

use zkml_core::Privacy;
use zkml_core::graph::Lengths;
use zkml_core::keys::VerifyingKey;
use zkml_core::proof::{Proof, outline_file, read_file, read_proof};
use zkml_core::verify::TrustedKey;

use super::{Error, Verified};

/// Checks proofs with one verifying key, whose own setup proof was checked when the verifier was made.
///
/// The key decides what is proved: take it, or its [digest](Self::digest), from someone you trust, not from the prover.
///
/// ```no_run
/// # fn main() -> Result<(), zkml::Error> {
/// let verifier = zkml::Verifier::open("digits.vkey")?;
/// let proof = verifier.open_proof("seven.proof")?;
/// let verified = verifier.verify(&proof, b"nonce")?;
/// println!("{verified}");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Verifier {
    key: TrustedKey<'static>,
}

impl Verifier {
    /// Checks the key: its commitments hold weights of the range it promises, and it reaches the required soundness.
    ///
    /// # Errors
    /// [`Error::VerifyingKey`] with the check that failed.
    pub fn new(key: &VerifyingKey) -> Result<Self, Error> {
        let key = TrustedKey::new(key).map_err(|error| Error::VerifyingKey { error })?;
        Ok(Self {
            key: key.into_owned(),
        })
    }

    /// Reads a key that [`save`](Self::save) or `zkml setup` wrote, and checks it.
    ///
    /// # Errors
    /// [`Error::File`] with the path; as [`Self::new`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::new(&read_file(path)?)
    }

    /// Writes the verifying key, whole or not at all, over a file of that name.
    ///
    /// # Errors
    /// [`Error::File`] with the path.
    #[cfg(feature = "prover")]
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        zkml_core::proof::write_file(path, self.key())?;
        Ok(())
    }

    /// Reads a proof for [`verify`](Self::verify). No file is read that is larger than a proof of this key can be, and
    /// no more public values than it has.
    ///
    /// # Errors
    /// [`Error::File`] with the path.
    pub fn open_proof(&self, path: impl AsRef<Path>) -> Result<Proof, Error> {
        let limits = match self.key().network.sizing.any_length() {
            None => self.key.statement().proof_limits(),
            Some(_) => {
                let key = self.key.for_outline(&outline_file(path.as_ref())?);
                let key = key.map_err(|error| Error::Verify { error })?;
                key.statement().proof_limits()
            }
        };
        Ok(read_proof(path, &limits)?)
    }

    /// The key for texts of these lengths.
    fn key_at(&self, lengths: Option<Lengths>) -> Result<Cow<'_, TrustedKey<'_>>, Error> {
        if lengths == self.key.statement().lengths {
            return Ok(Cow::Borrowed(&self.key));
        }
        let key = self.key.at(lengths).map_err(|error| Error::Verify { error })?;
        Ok(Cow::Owned(key))
    }

    /// Checks that the model of the key gives the outputs of the proof on its input, and that the prover was given
    /// `context`, such as a nonce that nobody else could know.
    ///
    /// # Errors
    /// [`Error::Verify`] with the check that failed.
    pub fn verify(&self, proof: &Proof, context: &[u8]) -> Result<Verified, Error> {
        let key = self.key_at(proof.lengths)?;
        let commitments = key
            .verify(proof, context)
            .map_err(|error| Error::Verify { error })?;
        Ok(Verified::new(&key, &proof.public, commitments))
    }

    /// The verifying key.
    pub fn key(&self) -> &VerifyingKey {
        self.key.key()
    }

    /// Digest of the key without its setup proof. Compare it with the digest that you were given.
    pub fn digest(&self) -> [u8; 32] {
        self.key.digest()
    }

    /// What its proofs show.
    pub fn privacy(&self) -> Privacy {
        self.key().privacy()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest: String = self.digest().iter().map(|byte| format!("{byte:02x}")).collect();
        f.debug_struct("Verifier")
            .field("model", &self.key().name())
            .field("digest", &digest)
            .finish_non_exhaustive()
    }
}
