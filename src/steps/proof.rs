//! A proof of an answer, with the public values it speaks of.

use std::path::{Path, PathBuf};

use zkml_core::proof::{Proof, PublicValues, read_file};

use super::Error;

/// What a prover hands to a verifier: the public values and the proof that they are right. Nothing in it is believed
/// before [`Verifier::verify`](super::Verifier::verify) has checked it.
///
/// On disk these are two files, `STEM.public` and `STEM.proof`, which `zkml verify` reads too:
///
/// ```no_run
/// # fn main() -> Result<(), zkml::Error> {
/// # let (answer, verifier): (zkml::Answer, zkml::Verifier) = unimplemented!();
/// answer.proof().save("seven")?; // seven.public, seven.proof
/// let proof = zkml::AnswerProof::open("seven")?;
/// let verified = verifier.verify(&proof, b"nonce")?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerProof {
    /// The integers the proof speaks of, as far as they are public.
    pub public: PublicValues,
    /// The proof.
    pub proof: Proof,
}

impl AnswerProof {
    /// Reads the files that [`save`](Self::save) or `zkml prove` wrote: `STEM.public` and `STEM.proof`. `stem` may also
    /// be the path of one of the two.
    ///
    /// # Errors
    /// [`Error::File`] with the path.
    pub fn open(stem: impl AsRef<Path>) -> Result<Self, Error> {
        let [public, proof] = paths(stem.as_ref());
        Ok(Self {
            public: read_file(public)?,
            proof: read_file(proof)?,
        })
    }

    /// Writes `STEM.public` and `STEM.proof`, each whole or not at all, over files of these names. `stem` may also be
    /// the path of one of the two.
    ///
    /// # Errors
    /// [`Error::File`] with the path.
    #[cfg(feature = "prover")]
    pub fn save(&self, stem: impl AsRef<Path>) -> Result<(), Error> {
        let [public, proof] = paths(stem.as_ref());
        zkml_core::proof::write_file(public, &self.public)?;
        zkml_core::proof::write_file(proof, &self.proof)?;
        Ok(())
    }
}

/// The paths of public values and proof. The stem may hold dots: nothing but these two endings is taken off.
fn paths(stem: &Path) -> [PathBuf; 2] {
    let ending = stem.extension().and_then(|ending| ending.to_str());
    let stem = match ending {
        Some("public" | "proof") => stem.with_extension(""),
        _ => stem.to_path_buf(),
    };
    ["public", "proof"].map(|ending| {
        let mut path = stem.clone().into_os_string();
        path.push(".");
        path.push(ending);
        path.into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_taken_off_and_dots_are_kept() {
        for stem in ["out/v1.2", "out/v1.2.proof", "out/v1.2.public"] {
            let expected = ["out/v1.2.public", "out/v1.2.proof"].map(PathBuf::from);
            assert_eq!(paths(Path::new(stem)), expected);
        }
    }
}
