//! What a file may hold before anyone looks at it: lists of bounded length, and names that people can be shown.
//!
//! A name is chosen by whoever made the file, and stands between lines that people compare. So it holds nothing that
//! ends a line, moves the cursor, or turns the order of what follows.

use core::fmt;
use core::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use thiserror::Error;

/// Most bytes of a name: of a model, a node, a parameter or a class. Columns and messages repeat names.
pub const MAXIMUM_NAME: usize = 128;

/// Why a name cannot be shown to people.
#[derive(Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameError {
    /// It is too long.
    #[error("expected at most {most} bytes, found {found}")]
    Long {
        /// The most.
        most: usize,
        /// Bytes of the name.
        found: usize,
    },
    /// It would change more than its own place on a screen.
    #[error("expected no control characters, found U+{:04X} at byte {at}", u32::from(*found))]
    Control {
        /// The first such character.
        found: char,
        /// Where it is.
        at: usize,
    },
}

crate::debug_as_display!(NameError);

impl NameError {
    /// What was found instead of a name.
    pub fn found(&self) -> String {
        match self {
            Self::Long { found, .. } => format!("{found} bytes"),
            Self::Control { found, .. } => format!("U+{:04X}", u32::from(*found)),
        }
    }
}

/// Whether a character ends a line, is a command to a terminal, or turns the direction of a text.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}

/// Checks a name of at most [`MAXIMUM_NAME`] bytes.
///
/// # Errors
/// [`NameError`].
pub fn check_name(name: &str) -> Result<(), NameError> {
    check_text(name, MAXIMUM_NAME)
}

/// Checks a text of at most `most` bytes, of one line.
///
/// # Errors
/// [`NameError`].
pub fn check_text(text: &str, most: usize) -> Result<(), NameError> {
    if text.len() > most {
        return Err(NameError::Long {
            most,
            found: text.len(),
        });
    }
    match text.char_indices().find(|(_, character)| is_control(*character)) {
        Some((at, found)) => Err(NameError::Control { found, at }),
        None => Ok(()),
    }
}

/// A text with escapes in the place of control characters, as Rust writes them.
pub fn escaped(text: &str) -> String {
    escape(text, is_control)
}

/// As [`escaped`], of several lines: line ends stay.
pub fn escaped_lines(text: &str) -> String {
    escape(text, |character| character != '\n' && is_control(character))
}

fn escape(text: &str, escapes: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match escapes(character) {
            true => out.extend(character.escape_default()),
            false => out.push(character),
        }
    }
    out
}

/// The beginning of a name that was refused, escaped.
pub fn excerpt(name: &str) -> String {
    const SHOWN: usize = 40;
    let mut shown = escaped(&name.chars().take(SHOWN).collect::<String>());
    if name.chars().nth(SHOWN).is_some() {
        shown.push_str("...");
    }
    shown
}

/// Deserializes a list of at most `MOST` elements: an element may take many times its bytes in the file.
///
/// # Errors
/// Those of the format, for a longer list too.
pub fn at_most<'de, const MOST: usize, T, D>(from: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    from.deserialize_seq(AtMost::<MOST, T>(PhantomData))
}

struct AtMost<const MOST: usize, T>(PhantomData<T>);

impl<'de, const MOST: usize, T: Deserialize<'de>> Visitor<'de> for AtMost<MOST, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MOST} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while let Some(element) = from.next_element()? {
            if list.len() == MOST {
                return Err(A::Error::custom(format!("more than {MOST} elements")));
            }
            list.push(element);
        }
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_stays_in_its_place() {
        for name in [
            "",
            "lenet",
            "layers.3.mlp.relu",
            "déjà vu",
            "飞机",
            "👩‍🔬",
            &"a".repeat(128),
        ] {
            assert_eq!(check_name(name), Ok(()), "{name}");
            assert_eq!(escaped(name), name);
        }
        for (name, at) in [
            ("a\nkey  00", 1),
            ("\r", 0),
            ("ab\u{1b}[2K", 2),
            ("\u{0}", 0),
            ("\u{7f}", 0),
            ("\u{9b}2K", 0),
            ("é\u{2028}", 2),
            ("a\u{202e}b", 1),
            ("\u{2066}", 0),
            ("\u{200f}", 0),
        ] {
            let Err(NameError::Control { at: found, .. }) = check_name(name) else {
                panic!("{name:?}")
            };
            assert_eq!(found, at);
            assert!(check_name(&escaped(name)).is_ok(), "{name:?}");
            assert!(check_name(&excerpt(name)).is_ok(), "{name:?}");
        }
        let (most, found) = (128, 129);
        assert_eq!(check_name(&"é".repeat(64)), Ok(()));
        assert_eq!(check_name(&"a".repeat(129)), Err(NameError::Long { most, found }));
        assert_eq!(escaped_lines("a\n\tb\u{1b}"), "a\n\\tb\\u{1b}");
        assert_eq!(excerpt(&"ab".repeat(50)), format!("{}...", "ab".repeat(20)));
    }

    #[test]
    fn a_list_is_no_longer_than_announced_for_it() {
        #[derive(serde::Deserialize)]
        struct Short(#[serde(deserialize_with = "at_most::<3, _, _>")] Vec<u8>);

        for length in 0..6 {
            let bytes = postcard::to_stdvec(&vec![7u8; length]).expect("bytes");
            let read = postcard::from_bytes::<Short>(&bytes).map(|list| list.0);
            assert_eq!(read.ok(), (length <= 3).then(|| vec![7; length]));
        }
    }
}
