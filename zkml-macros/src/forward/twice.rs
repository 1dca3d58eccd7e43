//! Tells a second `impl` with a `forward`.
//!
//! The compiler would report every item that both make. An expansion sees one `impl` alone, so this module remembers
//! where the others stand. Two `impl`s of one name are of one model if the text between them is whole: no brace in it
//! closes the scope of the first.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use proc_macro2::{Span, TokenStream};
use syn::{ItemImpl, spanned::Spanned};

use crate::diagnostics::source;

/// Line and column, from 1.
type Position = (usize, usize);

/// Where an `impl` of a model stands.
#[derive(Clone, PartialEq)]
struct Place {
    file: PathBuf,
    model: String,
    start: Position,
    end: Position,
}

static PLACES: Mutex<Vec<Place>> = Mutex::new(Vec::new());

/// The line of another `impl` of the same model. None where the compiler does not tell the places.
pub(crate) fn earlier(item: &ItemImpl) -> Option<usize> {
    let place = Place::of(item)?;
    let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    let found = places
        .iter()
        .find(|other| other.is_beside(&place))
        .map(|other| other.start.0);
    if !places.contains(&place) {
        places.push(place);
    }
    found
}

impl Place {
    fn of(item: &ItemImpl) -> Option<Place> {
        // Outside of the compiler, as in a test, there are no files.
        if !proc_macro::is_available() {
            return None;
        }
        let start = item.impl_token.span().unwrap();
        Some(Place {
            file: start.local_file()?,
            model: source(&item.self_ty),
            start: position(item.impl_token.span()),
            end: position(item.brace_token.span.close()),
        })
    }

    /// Whether both speak of one model: same file, same name, same scope.
    fn is_beside(&self, other: &Place) -> bool {
        if self == other || self.file != other.file || self.model != other.model {
            return false;
        }
        let (first, second) = if self.start < other.start {
            (self, other)
        } else {
            (other, self)
        };
        let Ok(text) = std::fs::read_to_string(&self.file) else {
            return false;
        };
        let between = offset(&text, first.end).zip(offset(&text, second.start));
        // The closing brace of the first one is at `end`.
        let between = between.and_then(|(end, start)| text.get(end + 1..start));
        between.is_some_and(|between| between.parse::<TokenStream>().is_ok())
    }
}

fn position(span: Span) -> Position {
    let start = span.unwrap().start();
    (start.line(), start.column())
}

/// The place in the text, in bytes.
fn offset(text: &str, (line, column): Position) -> Option<usize> {
    let start = match line {
        1 => 0,
        _ => text.match_indices('\n').nth(line - 2)?.0 + 1,
    };
    let within = text.get(start..)?.char_indices().nth(column - 1)?.0;
    Some(start + within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_bytes() {
        let text = "é = 1\nab";
        assert_eq!(offset(text, (1, 1)), Some(0));
        assert_eq!(offset(text, (1, 2)), Some(2));
        assert_eq!(offset(text, (2, 2)), Some(8));
        assert_eq!((offset(text, (3, 1)), offset(text, (2, 9))), (None, None));
    }
}
