//! One encoding for each artifact.

use postcard::ser_flavors::Flavor;

use super::header::length;
use super::{Artifact, FormatError};

/// Checks that `payload` is what `artifact` encodes to. Postcard reads, for example, integers with needless
/// leading zeros; with them, one proof would have many encodings.
pub(super) fn check_canonical<T: Artifact>(artifact: &T, payload: &[u8]) -> Result<(), FormatError> {
    let comparison = postcard::serialize_with_flavor(
        artifact,
        Comparison {
            rest: payload,
            equal: true,
        },
    )
    .map_err(|error| FormatError::Encode {
        kind: T::KIND,
        reason: error.to_string(),
    })?;
    if comparison.equal && comparison.rest.is_empty() {
        return Ok(());
    }
    let offset = length(payload).saturating_sub(length(comparison.rest));
    Err(FormatError::NonCanonical {
        kind: T::KIND,
        offset,
    })
}

/// Compares an encoding with expected bytes while it is made, without storing it.
struct Comparison<'a> {
    /// Expected bytes that are not yet compared, up to the first difference.
    rest: &'a [u8],
    equal: bool,
}

impl Flavor for Comparison<'_> {
    type Output = Self;

    fn try_extend(&mut self, data: &[u8]) -> postcard::Result<()> {
        if !self.equal {
            return Ok(());
        }
        if let Some(rest) = self.rest.strip_prefix(data) {
            self.rest = rest;
        } else {
            let common = self
                .rest
                .iter()
                .zip(data)
                .take_while(|(expected, found)| expected == found)
                .count();
            self.rest = self.rest.get(common..).unwrap_or_default();
            self.equal = false;
        }
        Ok(())
    }

    fn try_push(&mut self, data: u8) -> postcard::Result<()> {
        self.try_extend(&[data])
    }

    fn finalize(self) -> postcard::Result<Self> {
        Ok(self)
    }
}
