//! Remembers the digests of verifying keys whose setup proof was checked, so that `zkml verify` need not check it
//! again.
//!
//! The user's state folder has an empty file for each such key, named by its digest. The digest leaves out the setup
//! proof: another valid setup proof of the same key changes nothing.

use std::fs;
use std::path::PathBuf;

use zkml_core::keys::VerifyingKey;
use zkml_core::transcript::VerifyError;
use zkml_core::verify::TrustedKey;

use super::hex;

/// Where the digests are kept instead of the user's state folder.
const FOLDER_VARIABLE: &str = "ZKML_TRUSTED_KEYS";

/// The folder of digests; none on a system without a home folder.
pub(super) fn folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty()) {
        return Some(folder.into());
    }
    let state = dirs::state_dir().or_else(dirs::data_local_dir)?;
    Some(state.join("zkml").join("trusted-keys"))
}

/// When the setup proof of a key was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    /// The setup proof was checked now.
    Now,
    /// It was checked by an earlier command.
    Before,
}

/// The key, ready to verify with. Checks its setup proof unless the digest is remembered, and then remembers it. If the
/// digest cannot be written, the next command checks again.
pub(super) fn trust(key: &VerifyingKey) -> Result<(TrustedKey<'_>, Checked), VerifyError> {
    let digest = key.digest()?;
    let marker = folder().map(|folder| folder.join(hex(&digest)));
    if marker.as_ref().is_some_and(|marker| marker.is_file()) {
        return Ok((TrustedKey::remembered(key, &digest)?, Checked::Before));
    }
    let trusted = TrustedKey::new(key)?;
    if let Some(marker) = marker {
        let written = marker
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&marker, b""));
        drop(written);
    }
    Ok((trusted, Checked::Now))
}
