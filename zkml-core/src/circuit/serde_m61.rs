//! Reads and writes a field constant as its canonical integer in `[0, p)`. Other integers are refused.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::field::{M61, P};

pub(super) fn serialize<S: Serializer>(value: &M61, serializer: S) -> Result<S::Ok, S::Error> {
    value.value.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<M61, D::Error> {
    let value = u64::deserialize(deserializer)?;
    if value < P {
        Ok(M61::from_raw(value))
    } else {
        Err(D::Error::custom("field element is not canonical"))
    }
}
