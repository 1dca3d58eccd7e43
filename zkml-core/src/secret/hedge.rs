//! Hedged seeds: randomness that is fresh for every use even where the operating system's is not.
//!
//! ```text
//! seed = BLAKE3_keyed(key; item_1 | item_2 | ...),     item = length as 8 bytes, little endian | bytes
//! ```
//!
//! The first item is 32 bytes of the operating system, and the others say what the seed is for. Copies of a virtual
//! machine that get the same bytes from it then have one seed only for one use. A reader of the items alone, who lacks
//! key and bytes, learns nothing of the seed.

use zeroize::Zeroizing;

use super::{RandomnessError, Seed};

/// The domain of seeds for which there is no key.
const WITHOUT_KEY: &str = "zkml hedged seed without a secret";

/// 32 bytes of the operating system.
///
/// # Errors
///
/// [`RandomnessError`] where it has none.
pub fn os_bytes() -> Result<Zeroizing<[u8; 32]>, RandomnessError> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| RandomnessError(error.to_string()))?;
    Ok(bytes)
}

/// A seed in the making.
pub struct Hedge(Zeroizing<blake3::Hasher>);

impl Hedge {
    /// From 32 bytes of the operating system, under the key that comes from `secret` where there is one.
    pub fn new(secret: Option<&[u8; 32]>, os: &[u8; 32]) -> Self {
        let hasher = match secret {
            Some(secret) => blake3::Hasher::new_keyed(Seed::from_bytes(*secret).derive("hedge").as_bytes()),
            None => blake3::Hasher::new_derive_key(WITHOUT_KEY),
        };
        let mut hedge = Self(Zeroizing::new(hasher));
        hedge.item(os);
        hedge
    }

    /// The next item.
    pub fn item(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    /// The seed.
    pub fn seed(self) -> Seed {
        Seed::from_bytes(*Zeroizing::new(self.0.finalize()).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn seed(secret: Option<&[u8; 32]>, items: &[&[u8]]) -> [u8; 32] {
        let mut hedge = Hedge::new(secret, &[7; 32]);
        items.iter().for_each(|item| hedge.item(item));
        *hedge.seed().as_bytes()
    }

    #[test]
    fn a_seed_is_the_keyed_hash_of_its_items() {
        let secret = [1; 32];
        let key = blake3::keyed_hash(&secret, b"derive..hedge");
        let mut input = vec![32, 0, 0, 0, 0, 0, 0, 0];
        input.extend([7; 32]);
        input.extend([2, 0, 0, 0, 0, 0, 0, 0, b'a', b'b']);
        let expected = blake3::keyed_hash(key.as_bytes(), &input);
        assert_eq!(seed(Some(&secret), &[b"ab"]), *expected.as_bytes());
        assert_eq!(seed(None, &[b"ab"]), blake3::derive_key(WITHOUT_KEY, &input));
    }

    #[test]
    fn no_two_lists_of_items_and_no_two_secrets_have_one_seed() {
        let lists: [&[&[u8]]; 6] = [&[], &[b""], &[b"", b""], &[b"ab"], &[b"a", b"b"], &[b"", b"ab"]];
        let secrets = [None, Some(&[0; 32]), Some(&[1; 32])];
        let all: Vec<_> = secrets
            .iter()
            .flat_map(|&secret| lists.map(|list| seed(secret, list)))
            .collect();
        let distinct: BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn the_operating_system_gives_other_bytes_each_time() {
        assert_ne!(*os_bytes().expect("bytes"), *os_bytes().expect("bytes"));
    }
}
