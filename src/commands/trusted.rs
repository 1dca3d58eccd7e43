//! Remembers weights keys whose setup proof was checked, so that `zkml verify` need not check it again.
//!
//! The user's state folder has an empty file for each of them, named by the digest of the weights key. The digest covers
//! the version of the protocol, and leaves out the setup proof: once a proof of these commitments held, they hold what
//! it says, whatever stands in another file. `zkml verify-key` checks the proof of its file all the same.

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

/// The key, ready to verify with. Checks its setup proof unless that of the same weights key was checked before. If the
/// digest cannot be written, the next command checks again.
pub(super) fn trust(key: &VerifyingKey) -> Result<TrustedKey<'_>, VerifyError> {
    let digest = key.weights.digest()?;
    match marker(&digest).is_some_and(|marker| marker.is_file()) {
        true => TrustedKey::remembered(key, &digest),
        false => check(key),
    }
}

/// The same, with its setup proof checked in any case.
pub(super) fn check(key: &VerifyingKey) -> Result<TrustedKey<'_>, VerifyError> {
    let trusted = TrustedKey::new(key)?;
    if let Some(marker) = marker(&key.weights.digest()?) {
        let folder = marker.parent().map_or(Ok(()), fs::create_dir_all);
        // Without the file the next command checks again.
        drop(folder.and_then(|()| fs::write(&marker, b"")));
    }
    Ok(trusted)
}

/// The file that says that a weights key was checked.
fn marker(digest: &[u8; 32]) -> Option<PathBuf> {
    Some(folder()?.join(hex(digest)))
}
