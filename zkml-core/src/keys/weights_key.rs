//! The weights key: what weights are committed, how, and for how many openings.
//!
//! It knows no network. Several networks may bind one weights key, as a language model does for texts of several
//! lengths. Its setup proof speaks of it alone.

use serde::{Deserialize, Serialize};

use super::layout::crops;
use super::needed_tail;
use crate::circuit::{Circuit, check_shape};
use crate::error::WeightsKeyError;
use crate::pcs::{CodeParameters, Extent, Packing, RecursionParameters};
use crate::poly::PaddedShape;
use crate::privacy::{Privacy, Visibility};
use crate::transcript::{VerifyError, domain};
use crate::untrusted::{at_most, check_name};

/// The commitments to the weights of a model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WeightsKey {
    /// What is committed, in the order of its packing.
    #[serde(deserialize_with = "at_most::<MAXIMUM_COLUMNS, _, _>")]
    pub columns: Vec<WeightColumn>,
    /// Whether each column is stored in rows of its own, padding included.
    pub unpacked: bool,
    /// Are the weights hidden? Then they bear a limited number of openings.
    pub visibility: Visibility,
    /// The code of all commitments.
    pub code: CodeParameters,
    /// The recursion for a row combination that is too long to be sent; without levels it is sent.
    pub recursion: RecursionParameters,
    /// Roots, rows and openings.
    pub commitments: WeightCommitments,
    /// A root of the key that this one replaces. The setup proof shows that both keys hold the same weights.
    pub previous: Option<[u8; 32]>,
    /// Number of the opening of that key which the setup proof used; 0 without one.
    pub previous_opening: u64,
    /// Shows that the committed weights are integers in `[-128, 127]`, zero on padding, and the same in all
    /// commitments. It is bound to the key's digest, and so is no part of it.
    #[serde(with = "serde_bytes")]
    pub setup_proof: Vec<u8>,
}

/// A tensor of weights as it is committed: the parameter column of a circuit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightColumn {
    /// State-dict key of the parameter.
    pub name: String,
    /// Shape of the column; each dimension is padded to a power of two.
    pub shape: PaddedShape,
}

/// Commitments to the same weights, each with randomness of its own.
///
/// Every proof opens columns of one of them. A commitment to private weights allows a limited number of openings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightCommitments {
    /// Roots of the Merkle trees.
    pub roots: Vec<[u8; 32]>,
    /// Rows of each matrix.
    pub rows: usize,
    /// Openings that each commitment allows, the setup proof's included; 0 for public weights, which allow any number.
    pub openings: u32,
}

/// Most commitments to the weights of one key.
const MAXIMUM_COMMITMENTS: usize = 1 << 10;

/// Most columns of weights.
const MAXIMUM_COLUMNS: usize = 1 << 16;

/// Openings that are kept for a rotation. A rotation needs one; an interrupted rotation has spent its own.
pub const ROTATION_RESERVE: u64 = 4;

impl WeightCommitments {
    /// Commitments that the setup proof opens: all of this key, and one of the key before if it has one.
    pub(crate) fn opened_by_setup(&self, previous: Option<[u8; 32]>) -> usize {
        self.roots.len().saturating_add(usize::from(previous.is_some()))
    }

    /// Openings that private weights allow after setup, those kept for rotation included. Example: 2 commitments of 9
    /// openings allow 16.
    pub fn budget(&self) -> u64 {
        (self.roots.len() as u64).saturating_mul(u64::from(self.openings.saturating_sub(1)))
    }

    /// The commitment that opening `number` of the budget uses. Example: with 9 openings of each commitment, one of
    /// them for the setup proof, openings 0 to 7 use commitment 0, and opening 8 uses commitment 1. Public weights have
    /// opening 0 alone.
    pub fn commitment_of(&self, number: u64) -> usize {
        let each = u64::from(self.openings.saturating_sub(1)).max(1);
        usize::try_from(number.checked_div(each).unwrap_or(0)).unwrap_or(usize::MAX)
    }

    /// Random coefficients that a row of weights needs, with `queries` columns in each opening and narrow rows of
    /// `stride`.
    ///
    /// The mask's rows are narrow. One opened column of them fixes the row combination at `stride` positions, and with
    /// it the sum of the weights' rows there. With enough rows the combinations of all openings are independent, and
    /// only one opening needs room for the positions that it does not open. Otherwise every opening needs room for all
    /// `stride` positions. See `docs/protocol/zero-knowledge.md`, "Randomness".
    pub fn tail(&self, queries: usize, stride: usize) -> usize {
        let openings = self.openings as usize;
        if openings == 0 {
            return 0;
        }
        let columns = match self.rows > openings.saturating_mul(2) {
            true => openings.saturating_add(stride).saturating_sub(1),
            false => openings.saturating_mul(stride),
        };
        columns.saturating_mul(queries).saturating_add(2)
    }
}

impl WeightsKey {
    /// The parameter columns of a circuit.
    pub fn columns_of(circuit: &Circuit) -> Vec<WeightColumn> {
        let column = |id| WeightColumn {
            name: circuit[id].name.clone(),
            shape: circuit[id].shape.clone(),
        };
        circuit.parameters().map(column).collect()
    }

    /// The parameters of every opening of its commitments.
    pub fn opening(&self) -> (&CodeParameters, &RecursionParameters) {
        (&self.code, &self.recursion)
    }

    /// The privacy of its setup proof, which shows nothing of private weights.
    pub(crate) fn setup_privacy(&self) -> Privacy {
        Privacy {
            weights: self.visibility,
            ..Privacy::PUBLIC
        }
    }

    /// Checks everything but roots and proofs: shapes, code, packing, and the room for randomness.
    ///
    /// # Errors
    /// [`VerifyError::Key`] that names the field.
    pub(crate) fn validate(&self) -> Result<(), VerifyError> {
        let count = self.columns.len();
        if count > MAXIMUM_COLUMNS {
            return Err(VerifyError::from(WeightsKeyError::ColumnCount {
                most: MAXIMUM_COLUMNS,
                found: count,
            }));
        }
        for (index, column) in self.columns.iter().enumerate() {
            if let Err(error) = check_name(&column.name) {
                let column = index;
                return Err(VerifyError::from(WeightsKeyError::Name { column, error }));
            }
            check_shape(&column.name, &column.shape)?;
        }
        self.code.validate()?;
        self.recursion.validate(self.code.message_length())?;
        self.check_openings()?;
        let packing = self.packing()?;
        if packing.rows != self.commitments.rows {
            return Err(VerifyError::from(WeightsKeyError::Rows {
                expected: packing.rows,
                found: self.commitments.rows,
            }));
        }
        Ok(())
    }

    /// Where the columns stand.
    ///
    /// # Errors
    /// [`VerifyError::Key`] where they are larger than the address space.
    pub(crate) fn packing(&self) -> Result<Packing, VerifyError> {
        let shapes = self.columns.iter().map(|column| &column.shape);
        let extents: Vec<Extent> = crops(shapes, self.unpacked).collect();
        Packing::new(&extents, self.code.wide())
    }

    /// Checks that the commitments, and the room for randomness in the code, suffice for all openings of the weights.
    fn check_openings(&self) -> Result<(), VerifyError> {
        let refuse = |error: WeightsKeyError| Err(VerifyError::from(error));
        let (weights, count) = (&self.commitments, self.commitments.roots.len());
        if count == 0 || count > MAXIMUM_COMMITMENTS {
            return refuse(WeightsKeyError::Commitments {
                most: MAXIMUM_COMMITMENTS,
                found: count,
            });
        }
        match self.visibility {
            Visibility::Public if weights.openings != 0 || count != 1 => {
                return refuse(WeightsKeyError::PublicOpenings {
                    commitments: count,
                    openings: weights.openings,
                });
            }
            Visibility::Private if weights.budget() <= ROTATION_RESERVE => {
                return refuse(WeightsKeyError::Budget {
                    reserve: ROTATION_RESERVE,
                    commitments: count,
                    openings: weights.openings,
                });
            }
            _ => {}
        }
        self.check_tail(&self.setup_privacy())
    }

    /// Checks that the code has room for the randomness of proofs with this privacy. A longer tail than needed is
    /// allowed: keys whose proofs are linked share a code.
    ///
    /// # Errors
    /// [`VerifyError::Key`].
    pub(crate) fn check_tail(&self, privacy: &Privacy) -> Result<(), VerifyError> {
        let tail = needed_tail(privacy, &self.commitments, self.code.queries, self.code.stride());
        if self.code.tail >= tail {
            return Ok(());
        }
        Err(VerifyError::from(WeightsKeyError::Tail {
            expected: tail,
            queries: self.code.queries,
            found: self.code.tail,
        }))
    }

    /// BLAKE3 over the canonical encoding of all but the setup proof.
    ///
    /// # Errors
    /// [`VerifyError::Invariant`] when the key cannot be encoded.
    pub fn digest(&self) -> Result<[u8; 32], VerifyError> {
        // Field by field, in the order of the structure: all but the setup proof.
        let Self {
            columns,
            unpacked,
            visibility,
            code,
            recursion,
            commitments,
            previous,
            previous_opening,
            setup_proof: _,
        } = self;
        domain::digest(
            domain::WEIGHTS_KEY,
            &(
                columns,
                unpacked,
                visibility,
                code,
                recursion,
                commitments,
                previous,
                previous_opening,
            ),
        )
    }
}
