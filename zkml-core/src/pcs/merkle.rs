//! The Merkle tree over the columns of an encoded matrix, and proofs for several leaves that share their nodes.
//!
//! A proof for leaves at ascending positions holds the nodes that cannot be computed from those below, from the leaves
//! upwards, in each level from left to right. Nodes may be cut to fewer bytes than a hash has: the other bytes are not
//! sent, and are 0 in the input of the next hash. Reference: `docs/protocol/commitment.md`.

use super::code::RowCode;
use super::hash::{Digest, node_digest};
use crate::transcript::{VerifierChannel, VerifyError};

/// Walks the tree upwards from leaves at ascending, distinct `positions` below `2^log_leaves`, calling
/// `sibling(level, index)` for each node that cannot be computed. Nodes and leaves are cut to `digest_bytes`. Returns
/// the root, `None` if there is no leaf.
///
/// # Errors
///
/// Those of `sibling`.
pub fn root_of<E>(
    log_leaves: u32,
    positions: &[usize],
    leaves: &[Digest],
    digest_bytes: u32,
    mut sibling: impl FnMut(usize, usize) -> Result<Digest, E>,
) -> Result<Option<Digest>, E> {
    let leaves = leaves.iter().map(|leaf| cut(*leaf, digest_bytes));
    let mut nodes: Vec<(usize, Digest)> = positions.iter().copied().zip(leaves).collect();
    for level in 0..log_leaves as usize {
        let mut parents = Vec::with_capacity(nodes.len());
        let mut rest = nodes.into_iter().peekable();
        while let Some((index, digest)) = rest.next() {
            let parent = if index & 1 == 1 {
                node_digest(&sibling(level, index ^ 1)?, &digest)
            } else if let Some((_, right)) = rest.next_if(|(next, _)| *next == index ^ 1) {
                node_digest(&digest, &right)
            } else {
                node_digest(&digest, &sibling(level, index ^ 1)?)
            };
            parents.push((index >> 1, cut(parent, digest_bytes)));
        }
        nodes = parents;
    }
    Ok(nodes.first().map(|(_, root)| *root))
}

/// The root above opened columns of a matrix under `code`, as [`root_of`]; the proof has the missing nodes.
///
/// # Errors
///
/// [`VerifyError`] where the proof ends before them.
pub fn read_root(
    channel: &mut (impl VerifierChannel + ?Sized),
    label: &'static str,
    code: &RowCode,
    positions: &[usize],
    leaves: &[Digest],
) -> Result<Option<Digest>, VerifyError> {
    let bytes = code.digest_bytes;
    root_of(code.log_codeword, positions, leaves, bytes, |_, _| {
        channel.read_node(label, bytes as usize)
    })
}

/// The first bytes of a digest, followed by zeros.
fn cut(mut digest: Digest, digest_bytes: u32) -> Digest {
    for byte in digest.iter_mut().skip(digest_bytes as usize) {
        *byte = 0;
    }
    digest
}

#[cfg(feature = "prover")]
pub use tree::MerkleTree;

#[cfg(feature = "prover")]
mod tree {
    use rayon::prelude::*;

    use super::super::hash::{Digest, LANES, node_digests};
    use super::cut;

    /// All nodes of a tree.
    #[derive(Debug, Clone)]
    pub struct MerkleTree {
        /// From the leaves to the root.
        levels: Vec<Vec<Digest>>,
    }

    impl MerkleTree {
        /// The tree over `leaves`, whose number is a power of two, all nodes cut to `digest_bytes`.
        pub fn new(leaves: Vec<Digest>, digest_bytes: u32) -> Self {
            debug_assert!(leaves.len().is_power_of_two());
            let cut_all = |nodes: &mut [Digest]| {
                if (digest_bytes as usize) < size_of::<Digest>() {
                    nodes
                        .par_iter_mut()
                        .with_min_len(1024)
                        .for_each(|node| *node = cut(*node, digest_bytes));
                }
            };
            let mut levels = vec![leaves];
            levels.iter_mut().for_each(|leaves| cut_all(leaves));
            while let Some(below) = levels.last().filter(|level| level.len() > 1) {
                let groups = below.par_chunks(2 * LANES).with_min_len(64);
                let nodes: Vec<[Digest; LANES]> = groups.map(node_digests).collect();
                let mut level = nodes.into_flattened();
                level.truncate(below.len() / 2);
                cut_all(&mut level);
                levels.push(level);
            }
            Self { levels }
        }

        /// The root.
        pub fn root(&self) -> Digest {
            self.levels
                .last()
                .and_then(|level| level.first())
                .copied()
                .unwrap_or_default()
        }

        /// The leaves.
        pub fn leaves(&self) -> &[Digest] {
            self.levels.first().map_or(&[], Vec::as_slice)
        }

        /// The nodes that a verifier needs besides the leaves at these ascending, distinct positions.
        pub fn path(&self, positions: &[usize]) -> Vec<Digest> {
            let mut path = Vec::new();
            let mut indices = positions.to_vec();
            for level in self.levels.iter().take(self.levels.len() - 1) {
                let mut parents = Vec::with_capacity(indices.len());
                let mut rest = indices.iter().copied().peekable();
                while let Some(index) = rest.next() {
                    if index & 1 == 1 || rest.next_if_eq(&(index ^ 1)).is_none() {
                        path.push(level[index ^ 1]);
                    }
                    parents.push(index >> 1);
                }
                indices = parents;
            }
            path
        }
    }
}

#[cfg(test)]
#[cfg(feature = "prover")]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn leaves(count: usize) -> Vec<Digest> {
        (0..count)
            .map(|i| blake3::hash(&i.to_le_bytes()).into())
            .collect()
    }

    /// The root of a tree, from the definition.
    fn root_by_definition(leaves: &[Digest], digest_bytes: usize) -> Digest {
        let mut root = if let [leaf] = leaves {
            *leaf
        } else {
            let (left, right) = leaves.split_at(leaves.len() / 2);
            node_digest(
                &root_by_definition(left, digest_bytes),
                &root_by_definition(right, digest_bytes),
            )
        };
        root[digest_bytes..].fill(0);
        root
    }

    #[test]
    fn paths_lead_to_the_root_and_hold_no_node_twice() {
        for (log, digest_bytes) in [(0, 32), (1, 26), (2, 32), (3, 26), (4, 27), (5, 32), (6, 26)] {
            let leaves = leaves(1 << log);
            let tree = MerkleTree::new(leaves.clone(), digest_bytes);
            assert_eq!(tree.root(), root_by_definition(&leaves, digest_bytes as usize));
            for step in 1..=leaves.len() {
                for start in 0..step.min(leaves.len()) {
                    let positions: Vec<usize> = (start..leaves.len()).step_by(step).collect();
                    let opened: Vec<Digest> = positions.iter().map(|position| leaves[*position]).collect();
                    let path = tree.path(&positions);
                    let mut nodes = path.iter();
                    let root = root_of(log, &positions, &opened, digest_bytes, |_, _| {
                        Ok::<_, Infallible>(*nodes.next().unwrap())
                    });
                    assert_eq!(root, Ok(Some(tree.root())));
                    assert!(nodes.next().is_none());
                    if step == 1 {
                        assert!(path.is_empty());
                    }
                }
            }
        }
    }

    #[test]
    fn no_leaves_no_root() {
        assert_eq!(root_of(4, &[], &[], 32, |_, _| Err(())), Ok(None));
    }
}
