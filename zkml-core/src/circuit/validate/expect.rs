//! Checks that report a violated expectation as [`CircuitError::Malformed`].

use crate::circuit::CircuitError;

/// Public values and constants are below this in absolute value, so that no two of them are one field element.
pub(crate) const MAXIMUM_MAGNITUDE: u64 = 1 << 60;

/// Is the integer small enough for the field?
pub(super) fn expect_magnitude(integer: i64, place: &str) -> Result<(), CircuitError> {
    expect(integer.unsigned_abs() < MAXIMUM_MAGNITUDE, place, || {
        (
            format!("an integer below {MAXIMUM_MAGNITUDE} in absolute value"),
            integer.to_string(),
        )
    })
}

/// Do `axes` name each of `0..rank` once?
pub(super) fn expect_permutation(axes: &[u8], rank: usize, place: &str) -> Result<(), CircuitError> {
    let mut sorted = axes.to_vec();
    sorted.sort_unstable();
    expect(
        sorted.iter().map(|&axis| axis as usize).eq(0..rank),
        place,
        || (format!("each of {rank} dimensions once"), format!("{axes:?}")),
    )
}

/// [`CircuitError::Malformed`] unless it holds, with what was expected and what was found.
pub(super) fn expect(
    holds: bool,
    place: &str,
    describe: impl FnOnce() -> (String, String),
) -> Result<(), CircuitError> {
    if holds {
        return Ok(());
    }
    let (expected, found) = describe();
    Err(CircuitError::Malformed {
        place: place.to_owned(),
        expected,
        found,
    })
}
