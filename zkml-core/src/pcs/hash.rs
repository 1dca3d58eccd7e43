//! The hash of the Merkle tree: BLAKE3 with one fixed key for leaves and one for inner nodes.
//!
//! ```text
//! leaf = BLAKE3(LEAF_KEY; salt | cell_0 | .. | cell_{R-1} | zeros to a multiple of 64 bytes)
//! node = BLAKE3(NODE_KEY; left | right)
//! root = BLAKE3(ROOT_KEY; log_row | tail | log_codeword | log_stride | digest_bytes | rows | topmost node)
//! ```
//!
//! Cells and the numbers in the root are 8 bytes, little endian. The numbers bind a root to one matrix: without them
//! the same columns could be read with other rows, or with part of the data as tail. If `digest_bytes` is less than 32,
//! the other bytes of a leaf or node are 0 ([`super::merkle`]). The fixed keys separate the uses, and a node costs one
//! compression.
//!
//! A commitment without secrets needs no salts. Its leaves and its root have keys of their own, so that a tree of one
//! kind cannot be read as one of the other. The rest is the same:
//!
//! ```text
//! bare leaf = BLAKE3(BARE_LEAF_KEY; cell_0 | .. | cell_{R-1} | zeros to a multiple of 64 bytes)
//! bare root = BLAKE3(BARE_ROOT_KEY; log_row | tail | log_codeword | log_stride | digest_bytes | rows | topmost node)
//! ```
//!
//! The prover hashes many leaves at once: all leaves of a tree have one length, so lane `i` of a SIMD register works on
//! leaf `i`.

use super::code::RowCode;

/// Bytes of a digest and of a salt.
pub type Digest = [u8; 32];

const LEAF_KEY: &Digest = b"zkml commitment: leaf           ";
const NODE_KEY: &Digest = b"zkml commitment: node           ";
const ROOT_KEY: &Digest = b"zkml commitment: root           ";
const BARE_LEAF_KEY: &Digest = b"zkml commitment: bare leaf      ";
const BARE_ROOT_KEY: &Digest = b"zkml commitment: bare root      ";

/// Bytes that are hashed for a column of `rows` cells.
pub fn leaf_length(rows: usize) -> usize {
    rows.saturating_mul(8)
        .saturating_add(32)
        .div_ceil(64)
        .saturating_mul(64)
}

/// Bytes that are hashed for a column of `rows` cells without a salt.
pub fn bare_leaf_length(rows: usize) -> usize {
    rows.saturating_mul(8).div_ceil(64).saturating_mul(64)
}

/// Hash of a column without a salt, `bytes` laid out as in the [module](self) documentation.
pub fn bare_leaf_digest(bytes: &[u8]) -> Digest {
    blake3::keyed_hash(BARE_LEAF_KEY, bytes).into()
}

/// Hash of a column, `bytes` laid out as in the [module](self) documentation.
pub fn leaf_digest(bytes: &[u8]) -> Digest {
    blake3::keyed_hash(LEAF_KEY, bytes).into()
}

/// Hash of an inner node.
pub fn node_digest(left: &Digest, right: &Digest) -> Digest {
    let mut bytes = [0; 64];
    let (first, second) = bytes.split_at_mut(32);
    first.copy_from_slice(left);
    second.copy_from_slice(right);
    blake3::keyed_hash(NODE_KEY, &bytes).into()
}

/// The commitment to a matrix of `rows` rows in `code`, from the topmost node of its tree.
pub fn root_digest(code: &RowCode, rows: usize, top: &Digest) -> Digest {
    keyed_root(ROOT_KEY, code, rows, top)
}

/// [`root_digest`] of a tree over leaves without salts.
pub fn bare_root_digest(code: &RowCode, rows: usize, top: &Digest) -> Digest {
    keyed_root(BARE_ROOT_KEY, code, rows, top)
}

fn keyed_root(key: &Digest, code: &RowCode, rows: usize, top: &Digest) -> Digest {
    let numbers = [
        u64::from(code.log_row),
        code.tail as u64,
        u64::from(code.log_codeword),
        u64::from(code.log_stride),
        u64::from(code.digest_bytes),
        rows as u64,
    ];
    let mut hasher = blake3::Hasher::new_keyed(key);
    for number in numbers {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(top);
    hasher.finalize().into()
}

#[cfg(feature = "prover")]
pub use many::{LANES, bare_leaf_digests, leaf_digests, node_digests};

/// Many hashes of inputs of one length.
///
/// This follows the BLAKE3 specification (chunks of 1024 bytes, left-balanced tree) on top of the SIMD
/// compression of the `blake3` crate, which that crate exposes without a stability promise; hence the exact
/// version in the lock file, and a test against its ordinary interface.
#[cfg(feature = "prover")]
mod many {
    use blake3::IncrementCounter;
    use blake3::platform::{Platform, words_from_le_bytes_32};

    use super::{BARE_LEAF_KEY, Digest, LEAF_KEY, NODE_KEY};

    /// Inputs that are hashed together.
    pub const LANES: usize = 16;

    const CHUNK: usize = 1024;
    const CHUNK_START: u8 = 1 << 0;
    const CHUNK_END: u8 = 1 << 1;
    const PARENT: u8 = 1 << 2;
    const ROOT: u8 = 1 << 3;
    const KEYED: u8 = 1 << 4;

    /// [`super::leaf_digest`] of up to [`LANES`] leaves that lie one after the other in `bytes`, each of `length`
    /// bytes, a positive multiple of 64.
    pub fn leaf_digests(bytes: &[u8], length: usize) -> [Digest; LANES] {
        Lanes::new(LEAF_KEY).hash(bytes, length)
    }

    /// [`super::bare_leaf_digest`] of leaves as for [`leaf_digests`].
    pub fn bare_leaf_digests(bytes: &[u8], length: usize) -> [Digest; LANES] {
        Lanes::new(BARE_LEAF_KEY).hash(bytes, length)
    }

    /// [`super::node_digest`] of up to [`LANES`] pairs of neighbouring digests.
    pub fn node_digests(digests: &[Digest]) -> [Digest; LANES] {
        Lanes::new(NODE_KEY).hash(digests.as_flattened(), 64)
    }

    /// The compression function on up to [`LANES`] inputs.
    struct Lanes {
        platform: Platform,
        key: [u32; 8],
    }

    impl Lanes {
        fn new(key: &Digest) -> Self {
            Self {
                platform: Platform::detect(),
                key: words_from_le_bytes_32(key),
            }
        }

        fn hash(&self, bytes: &[u8], length: usize) -> [Digest; LANES] {
            if length <= CHUNK {
                return self.chunk(bytes, length, 0, length, 0, ROOT);
            }
            let chunks: Vec<[Digest; LANES]> = (0..length.div_ceil(CHUNK))
                .map(|chunk| {
                    let start = chunk * CHUNK;
                    self.chunk(bytes, length, start, CHUNK.min(length - start), chunk as u64, 0)
                })
                .collect();
            self.merge(&chunks, ROOT)
        }

        /// The chaining value of the piece `start .. start + size` of each input.
        fn chunk(
            &self,
            bytes: &[u8],
            length: usize,
            start: usize,
            size: usize,
            counter: u64,
            root: u8,
        ) -> [Digest; LANES] {
            let pieces = bytes
                .chunks_exact(length)
                .filter_map(|input| input.get(start..start + size));
            let mut out = [[0; 32]; LANES];
            macro_rules! sizes {
                ($($blocks:literal)*) => { match size / 64 {
                    $( $blocks => self.compress::<{ 64 * $blocks }>(
                        pieces, counter, KEYED, CHUNK_START, CHUNK_END | root, &mut out,
                    ), )*
                    _ => {}
                } };
            }
            sizes!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16);
            out
        }

        /// The chaining value of the subtree over `chunks`: its left part is the largest full tree that
        /// leaves something.
        fn merge(&self, chunks: &[[Digest; LANES]], root: u8) -> [Digest; LANES] {
            if let [single] = chunks {
                return *single;
            }
            let (left, right) = chunks.split_at(chunks.len().next_power_of_two() / 2);
            let (left, right) = (self.merge(left, 0), self.merge(right, 0));
            let mut pairs = [[[0; 32]; 2]; LANES];
            for (pair, (left, right)) in pairs.iter_mut().zip(left.into_iter().zip(right)) {
                *pair = [left, right];
            }
            let mut out = [[0; 32]; LANES];
            let parents = pairs.iter().map(|pair| pair.as_flattened());
            self.compress::<64>(parents, 0, KEYED | PARENT | root, 0, 0, &mut out);
            out
        }

        fn compress<'a, const SIZE: usize>(
            &self,
            inputs: impl Iterator<Item = &'a [u8]>,
            counter: u64,
            flags: u8,
            start: u8,
            end: u8,
            out: &mut [Digest; LANES],
        ) {
            let mut references = [&[0; SIZE]; LANES];
            let mut count = 0;
            for (reference, input) in references
                .iter_mut()
                .zip(inputs.filter_map(|input| input.first_chunk()))
            {
                *reference = input;
                count += 1;
            }
            self.platform.hash_many(
                &references[..count],
                &self.key,
                counter,
                IncrementCounter::No,
                flags,
                start,
                end,
                out.as_flattened_mut(),
            );
        }
    }
}

#[cfg(test)]
#[cfg(feature = "prover")]
mod tests {
    use super::*;

    #[test]
    fn many_hashes_are_the_hashes_one_by_one() {
        for blocks in (1..=40).chain([47, 48, 49, 64, 65, 80, 96, 112, 129]) {
            let length = 64 * blocks;
            for lanes in [1, 2, 5, 15, 16] {
                let bytes: Vec<u8> = (0..lanes * length).map(|i| (i * 7 + i / 251) as u8).collect();
                let many = leaf_digests(&bytes, length);
                let bare = bare_leaf_digests(&bytes, length);
                for (lane, input) in bytes.chunks_exact(length).enumerate() {
                    assert_eq!(bare[lane], bare_leaf_digest(input));
                    assert_eq!(
                        many[lane],
                        leaf_digest(input),
                        "{blocks} blocks, lane {lane} of {lanes}"
                    );
                }
            }
        }
    }

    #[test]
    fn many_nodes_are_the_nodes_one_by_one() {
        let digests: Vec<Digest> = (0..70u8).map(|i| [i; 32]).collect();
        let out: Vec<Digest> = digests.chunks(2 * LANES).flat_map(node_digests).collect();
        for (i, digest) in out.iter().take(35).enumerate() {
            assert_eq!(*digest, node_digest(&digests[2 * i], &digests[2 * i + 1]));
        }
    }

    #[test]
    fn leaves_and_nodes_are_separated() {
        let node = node_digest(&[3; 32], &[3; 32]);
        assert_ne!(leaf_digest(&[3; 64]), node);
        // A column whose first four cells are the salt of another: not the same leaf.
        assert_ne!(bare_leaf_digest(&[3; 64]), leaf_digest(&[3; 64]));
        assert_ne!(bare_leaf_digest(&[3; 64]), node);
        let code = RowCode {
            log_row: 2,
            tail: 0,
            log_codeword: 5,
            log_stride: 0,
            digest_bytes: 32,
        };
        assert_ne!(bare_root_digest(&code, 4, &node), root_digest(&code, 4, &node));
        // Narrow rows are not read as wide ones, nor short nodes as long ones.
        let narrow = RowCode {
            log_stride: 1,
            ..code
        };
        let short = RowCode {
            digest_bytes: 26,
            ..code
        };
        for other in [narrow, short] {
            assert_ne!(root_digest(&other, 4, &node), root_digest(&code, 4, &node));
        }
        assert_ne!(
            bare_root_digest(&code, 4, &node),
            bare_root_digest(&code, 5, &node)
        );
        assert_eq!(
            [bare_leaf_length(1), bare_leaf_length(8), bare_leaf_length(9)],
            [64, 64, 128]
        );
        assert_eq!(
            [leaf_length(0), leaf_length(1), leaf_length(4), leaf_length(5)],
            [64, 64, 64, 128]
        );
    }
}
