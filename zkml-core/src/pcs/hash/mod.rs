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

mod many;
mod running;

#[cfg(feature = "prover")]
pub use many::{bare_leaf_digests, node_digests};
#[cfg(feature = "prover")]
pub(super) use running::{ChunkHasher, Running, rows_in_chunk};

#[cfg(feature = "prover")]
pub use crate::field::kernels::blake3::LANES;

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
                let many = bare_leaf_digests(&bytes, length);
                for (lane, input) in bytes.chunks_exact(length).enumerate() {
                    assert_eq!(
                        many[lane],
                        bare_leaf_digest(input),
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
