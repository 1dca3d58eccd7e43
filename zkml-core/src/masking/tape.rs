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
use core::ops::{Add, Mul, Neg, Sub};

use ark_ff::AdditiveGroup;

use crate::field::{K, mul_k};
use crate::transcript::{Check, Quadratic, Scalar, VerifyError};

/// Most entries, constraints and products on one tape. They take up to 100 bytes each. VGG-16 has some 5,000.
pub(crate) const MAXIMUM_TAPE: usize = 1 << 20;

/// A hidden value, as an affine form in the pads. Its constant cannot be read: the argument cannot depend on it.
///
/// ```compile_fail
/// fn leaks(value: zkml_core::masking::Form<'_>) -> bool {
///     value == value
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Form<'t> {
    constant: K,
    linear: Option<Linear<'t>>,
}

/// `factor * entry`
#[derive(Clone, Copy)]
struct Linear<'t> {
    factor: K,
    entry: u32,
    tape: &'t Tape,
}

/// A form that outlives its tape.
struct Affine {
    constant: K,
    linear: Option<(K, u32)>,
}

impl From<Form<'_>> for Affine {
    fn from(form: Form<'_>) -> Self {
        Self {
            constant: form.constant,
            linear: form.linear.map(|linear| (linear.factor, linear.entry)),
        }
    }
}

impl Affine {
    /// Its linear part and its constant, from the values of the entries.
    fn at(&self, entries: &[K]) -> Option<[K; 2]> {
        let linear = match self.linear {
            Some((factor, entry)) => mul_k(factor, *entries.get(entry as usize)?),
            None => K::ZERO,
        };
        Some([linear, self.constant])
    }
}

impl fmt::Debug for Form<'_> {
    /// The prover's constants are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form").finish_non_exhaustive()
    }
}

impl From<K> for Form<'_> {
    fn from(constant: K) -> Self {
        Self {
            constant,
            linear: None,
        }
    }
}

impl Add for Form<'_> {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let linear = match (self.linear, other.linear) {
            (Some(a), Some(b)) => Some(a.tape.sum(a, b)),
            (a, b) => a.or(b),
        };
        Self {
            constant: self.constant + other.constant,
            linear,
        }
    }
}

impl Add<&Self> for Form<'_> {
    type Output = Self;
    fn add(self, other: &Self) -> Self {
        self + *other
    }
}

impl Sub for Form<'_> {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Sub<&Self> for Form<'_> {
    type Output = Self;
    fn sub(self, other: &Self) -> Self {
        self + -*other
    }
}

impl Neg for Form<'_> {
    type Output = Self;
    fn neg(self) -> Self {
        Self {
            constant: -self.constant,
            linear: self.linear.map(|linear| Linear {
                factor: -linear.factor,
                ..linear
            }),
        }
    }
}

impl Mul<K> for Form<'_> {
    type Output = Self;
    fn mul(self, factor: K) -> Self {
        Self {
            constant: mul_k(self.constant, factor),
            linear: self.linear.map(|linear| Linear {
                factor: mul_k(linear.factor, factor),
                ..linear
            }),
        }
    }
}

impl Scalar for Form<'_> {
    fn zero() -> Self {
        Self::from(K::ZERO)
    }
}

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
    /// All of it.
    pub fn total(&self) -> usize {
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
pub struct Tape {
    most: usize,
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
    fn has_room(&mut self, more: usize, most: usize) -> bool {
        self.is_full |= more > most.saturating_sub(self.size.total());
        !self.is_full
    }

    fn push(&mut self, entry: Entry) -> u32 {
        let index = self.entries.len() as u32;
        self.entries.push(entry);
        index
    }

    /// The value of each entry, where that of a pad is the next of `pads`.
    fn values(&self, pads: &[K]) -> Option<Vec<K>> {
        let mut pads = pads.iter();
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
        Some(values)
    }
}

impl fmt::Debug for Tape {
    /// The prover's constants are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tape").finish_non_exhaustive()
    }
}

impl Tape {
    /// An empty tape with room for `most` entries, constraints and products, and [`MAXIMUM_TAPE`] at most.
    pub fn new(most: usize) -> Self {
        Self {
            most: most.min(MAXIMUM_TAPE),
            contents: RefCell::default(),
        }
    }

    /// Hidden scalars from their constants, each under the next pad.
    pub(crate) fn scalars(&self, constants: &[K]) -> Result<Vec<Form<'_>>, VerifyError> {
        let contents = &mut *self.contents.borrow_mut();
        if !contents.has_room(constants.len(), self.most) {
            return Err(self.too_long());
        }
        contents.size.scalars += constants.len();
        let forms = constants.iter().map(|&constant| Form {
            constant,
            linear: Some(Linear {
                factor: <K as ark_ff::Field>::ONE,
                entry: contents.push(Entry::Pad),
                tape: self,
            }),
        });
        Ok(forms.collect())
    }

    /// The sum of two linear parts. On a tape that is full it is a wrong one, and the tape gives no constraints.
    fn sum<'t>(&'t self, a: Linear<'t>, b: Linear<'t>) -> Linear<'t> {
        let contents = &mut *self.contents.borrow_mut();
        if !contents.has_room(1, self.most) {
            return a;
        }
        contents.size.sums += 1;
        let entry = contents.push(Entry::Sum {
            factors: [a.factor, b.factor],
            of: [a.entry, b.entry],
        });
        let factor = <K as ark_ff::Field>::ONE;
        Linear {
            factor,
            entry,
            tape: self,
        }
    }

    /// States that a sum of products is 0.
    pub(crate) fn state(&self, check: Check<'_>, sum: Quadratic<'_, Form<'_>>) -> Result<(), VerifyError> {
        let contents = &mut *self.contents.borrow_mut();
        if !contents.has_room(sum.products.len().saturating_add(1), self.most) {
            return Err(self.too_long());
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
            true => Err(self.too_long()),
            false => Ok(contents.size),
        }
    }

    /// The constraints in the order in which they were stated, where the linear part of each form is taken at `point`:
    /// the mask `m`, or the answer `z`. Their last element is no scalar's.
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
        let pads = match point.split_last() {
            Some((_, pads)) if pads.len() == expected.scalars => pads,
            _ => {
                let (found, pads) = (point.len(), expected.scalars);
                return Err(broken(format!(
                    "tape: {found} values for {pads} scalars and one more"
                )));
            }
        };
        let contents = self.contents.into_inner();
        let constraints = contents.values(pads).and_then(|values| {
            let constraints = contents.constraints.iter();
            constraints.map(|stated| stated.at(&values)).collect()
        });
        constraints.ok_or_else(|| broken("tape: an entry before it was written".into()))
    }

    fn too_long(&self) -> VerifyError {
        VerifyError::Key(format!(
            "the argument computes too much with hidden values: at most {} operations are allowed",
            self.most
        ))
    }
}
