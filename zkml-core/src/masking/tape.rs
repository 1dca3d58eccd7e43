//! The tape: what the verifier computes with hidden values, written down while it reads and draws.
//!
//! A hidden value is the affine form `s - d_i` in the pads. Sums, differences and multiples of forms are forms:
//!
//! ```text
//! form      constant + factor * entry
//! entry     -d_i, or factor * entry + factor * entry over earlier entries
//! ```
//!
//! Only the sum of two forms that both have a linear part takes an entry, so a form takes as much memory as three
//! numbers, however many pads it depends on. When all is said, one pass over the entries gives the linear part of every
//! form at a point, and with these each constraint.

use core::cell::RefCell;
use core::fmt;

use ark_ff::{AdditiveGroup, Field};

use super::form::{Affine, Form, Linear};
use crate::error::SizesError;
use crate::field::{K, mul_k};
use crate::transcript::{Check, Quadratic, VerifyError};

/// Most entries, constraints and products on one tape. They take up to 112 bytes each.
pub const MAXIMUM_TAPE: usize = 1 << 20;

enum Entry {
    /// The negative of the next pad.
    Pad,
    Sum {
        factors: [K; 2],
        of: [u32; 2],
    },
}

/// A check as it was stated.
struct Stated {
    name: &'static str,
    linear: Affine,
    products: Vec<(K, Affine, Affine)>,
}

impl Stated {
    fn at(&self, entries: &[K]) -> Option<Constraint> {
        let [linear, constant] = self.linear.at(entries)?;
        let mut coefficients = [K::ZERO, linear, constant];
        for (c, a, b) in &self.products {
            let ([a1, a0], [b1, b0]) = (a.at(entries)?, b.at(entries)?);
            let terms = [mul_k(a1, b1), mul_k(a1, b0) + mul_k(a0, b1), mul_k(a0, b0)];
            for (coefficient, term) in coefficients.iter_mut().zip(terms) {
                *coefficient += mul_k(*c, term);
            }
        }
        Some(Constraint {
            name: self.name,
            coefficients,
        })
    }
}

const _: () = assert!(
    size_of::<Entry>() <= 112 && size_of::<Stated>() <= 112 && size_of::<(K, Affine, Affine)>() <= 112
);

/// One of the verifier's checks: `Q^h = coefficients[0] + coefficients[1] xi + coefficients[2] xi^2`, for the prover at
/// `m + xi d`, for the verifier at `z`.
#[derive(Clone, PartialEq, Eq)]
pub struct Constraint {
    /// Its name.
    pub name: &'static str,
    /// See above. For the prover the last one is 0 if the check holds.
    pub coefficients: [K; 3],
}

impl fmt::Debug for Constraint {
    /// The prover's coefficients are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Constraint").field(&self.name).finish()
    }
}

impl Constraint {
    /// `Q^h` at a closing challenge.
    pub fn at(&self, xi: K) -> K {
        let [a0, a1, a2] = self.coefficients;
        a0 + mul_k(xi, a1 + mul_k(xi, a2))
    }
}

/// What is on a tape. It follows from the statement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TapeSize {
    /// Hidden scalars: entries of one pad.
    pub scalars: usize,
    /// Entries of two terms.
    pub sums: usize,
    /// Checks.
    pub constraints: usize,
    /// Products of two forms, in all checks.
    pub products: usize,
}

impl TapeSize {
    fn total(&self) -> usize {
        let parts = [self.scalars, self.sums, self.constraints, self.products];
        parts.into_iter().fold(0, usize::saturating_add)
    }
}

/// What the verifier computes with hidden values. It is moved when `eta` is drawn, while each [`Form`] borrows it: so
/// every coefficient stands before, and nothing is computed with a form after. The type says it:
///
/// ```
/// # use zkml_core::{field::K, masking::{Answers, MaskedVerifier, Masking, Tape, TapeSize}};
/// # use zkml_core::transcript::{VerifierChannel, VerifyError};
/// fn close(
///     transcript: &mut impl VerifierChannel<Scalar = K>,
///     (masking, tape, size): (Masking, Tape, &TapeSize),
/// ) -> Result<(), VerifyError> {
///     let hidden = MaskedVerifier::new(transcript, &tape).read_scalar("label")?;
///     let twice = hidden + hidden;
///     Answers::read(transcript, masking, tape, size)?;
///     Ok(())
/// }
/// ```
///
/// ```compile_fail,E0505
/// # use zkml_core::{field::K, masking::{Answers, MaskedVerifier, Masking, Tape, TapeSize}};
/// # use zkml_core::transcript::{VerifierChannel, VerifyError};
/// fn close(
///     transcript: &mut impl VerifierChannel<Scalar = K>,
///     (masking, tape, size): (Masking, Tape, &TapeSize),
/// ) -> Result<(), VerifyError> {
///     let hidden = MaskedVerifier::new(transcript, &tape).read_scalar("label")?;
///     Answers::read(transcript, masking, tape, size)?;
///     let twice = hidden + hidden;
///     Ok(())
/// }
/// ```
#[derive(Default)]
pub struct Tape {
    contents: RefCell<Contents>,
}

#[derive(Default)]
struct Contents {
    entries: Vec<Entry>,
    constraints: Vec<Stated>,
    size: TapeSize,
    /// Was there more than there is room for?
    is_full: bool,
}

impl Contents {
    /// Makes room for more, if there is.
    fn has_room(&mut self, more: usize) -> bool {
        self.is_full |= more > MAXIMUM_TAPE.saturating_sub(self.size.total());
        !self.is_full
    }

    fn push(&mut self, entry: Entry) -> u32 {
        let index = self.entries.len() as u32;
        self.entries.push(entry);
        index
    }

    /// The value of each entry, where that of a pad is the next one of `point`. The last of these is no scalar's.
    fn values(&self, point: &[K]) -> Option<Vec<K>> {
        let mut pads = point.iter();
        let mut values: Vec<K> = Vec::with_capacity(self.entries.len());
        for entry in &self.entries {
            values.push(match entry {
                Entry::Pad => -*pads.next()?,
                Entry::Sum { factors, of } => {
                    let [a, b] = [values.get(of[0] as usize)?, values.get(of[1] as usize)?];
                    mul_k(factors[0], *a) + mul_k(factors[1], *b)
                }
            });
        }
        (pads.len() == 1).then_some(values)
    }
}

impl fmt::Debug for Tape {
    /// The prover's constants are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").finish_non_exhaustive()
    }
}

impl Tape {
    /// Hidden scalars from their constants, each under the next pad.
    pub(crate) fn scalars(&self, constants: &[K]) -> Result<Vec<Form<'_>>, VerifyError> {
        let contents = &mut *self.contents.borrow_mut();
        if !contents.has_room(constants.len()) {
            return Err(too_long());
        }
        contents.size.scalars += constants.len();
        let forms = constants.iter().map(|&constant| Form {
            constant,
            linear: Some(Linear {
                factor: K::ONE,
                entry: contents.push(Entry::Pad),
                tape: self,
            }),
        });
        Ok(forms.collect())
    }

    /// The sum of two linear parts. On a tape that is full it is a wrong one, and the tape gives no constraints.
    pub(super) fn sum<'t>(&'t self, a: Linear<'t>, b: Linear<'t>) -> Linear<'t> {
        let contents = &mut *self.contents.borrow_mut();
        if !contents.has_room(1) {
            return a;
        }
        contents.size.sums += 1;
        let entry = contents.push(Entry::Sum {
            factors: [a.factor, b.factor],
            of: [a.entry, b.entry],
        });
        Linear {
            factor: K::ONE,
            entry,
            tape: self,
        }
    }

    /// States that a sum of products is 0.
    pub(crate) fn state(&self, check: Check<'_>, sum: Quadratic<'_, Form<'_>>) -> Result<(), VerifyError> {
        let contents = &mut *self.contents.borrow_mut();
        if !contents.has_room(sum.products.len().saturating_add(1)) {
            return Err(too_long());
        }
        contents.size.constraints += 1;
        contents.size.products += sum.products.len();
        let products = sum.products.iter();
        contents.constraints.push(Stated {
            name: check.name,
            linear: sum.linear.into(),
            products: products.map(|&(c, a, b)| (c, (*a).into(), (*b).into())).collect(),
        });
        Ok(())
    }

    /// What is on it.
    ///
    /// # Errors
    /// [`VerifyError::Key`] if there was no room for all.
    pub(crate) fn size(&self) -> Result<TapeSize, VerifyError> {
        let contents = self.contents.borrow();
        match contents.is_full {
            true => Err(too_long()),
            false => Ok(contents.size),
        }
    }

    /// The constraints in the order in which they were stated, where the linear part of each form is taken at `point`:
    /// the mask `m`, or the answer `z`.
    ///
    /// # Errors
    /// [`VerifyError::Invariant`] for a tape of another size than `expected`: the dry run that found it ran the same
    /// code, so it does not happen.
    pub fn into_constraints(self, expected: &TapeSize, point: &[K]) -> Result<Vec<Constraint>, VerifyError> {
        let broken = |what: String| VerifyError::Invariant { what };
        let found = self.size()?;
        if found != *expected {
            return Err(broken(format!(
                "tape: {expected:?} were counted, {found:?} are there"
            )));
        }
        let contents = self.contents.into_inner();
        let constraints = contents.values(point).and_then(|values| {
            let constraints = contents.constraints.iter();
            constraints.map(|stated| stated.at(&values)).collect()
        });
        constraints.ok_or_else(|| broken(format!("tape: {} values for {expected:?}", point.len())))
    }
}

fn too_long() -> VerifyError {
    VerifyError::from(SizesError::Tape { most: MAXIMUM_TAPE })
}
