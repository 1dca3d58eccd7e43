//! The version of the protocol, and the domains of its hashes. One string is in all of them: whatever was hashed under
//! another version is another value, and so are the names of remembered keys.

use serde::Serialize;

use super::VerifyError;

/// Name and version of the protocol.
macro_rules! protocol {
    ($($part:literal)?) => { concat!("zkml v3", $(" ", $part)?) };
}

/// Name and version of the protocol: the first thing the transcript of a proof absorbs.
pub const PROTOCOL: &str = protocol!();
/// The same for setup proofs.
pub const PROTOCOL_SETUP: &str = protocol!("setup");
/// The domain of digests of weights keys.
pub const WEIGHTS_KEY: &str = protocol!("weights key");
/// The domain of digests of verifying keys.
pub const VERIFYING_KEY: &str = protocol!("verifying key");
/// The domain of digests of network skeletons.
pub const SKELETON: &str = protocol!("skeleton");
/// The domain of digests of architectures.
pub const ARCHITECTURE: &str = protocol!("architecture");
/// The domain of digests of instances: what the proofs of a key show.
pub const INSTANCE: &str = protocol!("instance");
/// The domain of digests of circuits: what the lowering made.
pub const CIRCUIT: &str = protocol!("circuit");

/// BLAKE3 in a domain, over the canonical encoding of `fields`.
///
/// # Errors
/// [`VerifyError::Invariant`] when they cannot be encoded, which no type of a key is.
pub(crate) fn digest(domain: &str, fields: &impl Serialize) -> Result<[u8; 32], VerifyError> {
    let bytes = postcard::to_stdvec(fields).map_err(|error| VerifyError::Invariant {
        what: format!("`{domain}` cannot be encoded: {error}"),
    })?;
    let mut hasher = blake3::Hasher::new_derive_key(domain);
    hasher.update(&bytes);
    Ok(*hasher.finalize().as_bytes())
}
