//! JSON without ambiguity.

use core::fmt;
use std::collections::HashSet;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Refuses JSON in which an object has a key twice: readers disagree which of the two counts.
///
/// # Errors
/// What is wrong with the text, with line and column.
pub(super) fn refuse_duplicate_keys(text: &[u8]) -> Result<(), serde_json::Error> {
    serde_json::from_slice::<Unambiguous>(text).map(|_| ())
}

/// Any JSON value whose objects have each key once.
struct Unambiguous;

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Unambiguous)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = Unambiguous;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if keys.contains(&key) {
                return Err(A::Error::custom(format_args!("the key {key:?} twice")));
            }
            keys.insert(key);
            map.next_value::<Unambiguous>()?;
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Unambiguous>()?.is_some() {}
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_once_in_an_object() {
        for good in [
            "{}",
            r#"{"a": {"a": [1, -2, 0.5, null, true, "a", {"a": 1e99}]}, "b": 18446744073709551616}"#,
        ] {
            assert!(refuse_duplicate_keys(good.as_bytes()).is_ok(), "{good}");
        }
        for bad in [r#"{"a": 1, "a": 1}"#, r#"[{"b": {"a": 1, "\u0061": 2}}]"#] {
            let error = refuse_duplicate_keys(bad.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("the key \"a\" twice at line 1"), "{error}");
        }
        assert!(refuse_duplicate_keys(b"{").is_err());
    }
}
