//! Text that can be put together in a `const fn`, for messages of the compiler.

use super::Shape;

const CAPACITY: usize = 384;

/// A short text; what does not fit is cut off.
#[derive(Clone, Copy)]
pub struct Text {
    bytes: [u8; CAPACITY],
    length: usize,
}

impl Text {
    /// Nothing yet.
    pub const fn new() -> Text {
        Text {
            bytes: [0; CAPACITY],
            length: 0,
        }
    }

    /// The text.
    pub const fn as_str(&self) -> &str {
        match core::str::from_utf8(self.bytes.split_at(self.length).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }

    /// Appends `text`.
    pub const fn str(mut self, text: &str) -> Text {
        let bytes = text.as_bytes();
        // A text that does not fit as a whole is left out, so that no character is cut in two.
        if bytes.len() <= CAPACITY - self.length {
            let mut i = 0;
            while i < bytes.len() {
                self.bytes[self.length] = bytes[i];
                self.length += 1;
                i += 1;
            }
        }
        self
    }

    /// Appends another text.
    pub const fn text(self, other: Text) -> Text {
        self.str(other.as_str())
    }

    /// Appends a number in decimal.
    pub const fn number(mut self, number: usize) -> Text {
        if number >= 10 {
            self = self.number(number / 10);
        }
        if self.length < CAPACITY {
            self.bytes[self.length] = b'0' + (number % 10) as u8;
            self.length += 1;
        }
        self
    }

    /// Appends a signed number in decimal.
    pub const fn signed(self, number: isize) -> Text {
        if number < 0 {
            self.str("-").number(number.unsigned_abs())
        } else {
            self.number(number.unsigned_abs())
        }
    }

    /// Appends `3 x 5`.
    pub const fn pair(self, pair: [usize; 2]) -> Text {
        self.number(pair[0]).str(" x ").number(pair[1])
    }

    /// Appends `[1, 3, 32, 32]`.
    pub const fn shape(mut self, shape: Shape) -> Text {
        self = self.str("[");
        let mut axis = 0;
        while axis < shape.rank() {
            if axis > 0 {
                self = self.str(", ");
            }
            self = self.number(shape.size(axis));
            axis += 1;
        }
        self.str("]")
    }
}

impl Default for Text {
    fn default() -> Text {
        Text::new()
    }
}

impl core::fmt::Display for Text {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl core::fmt::Debug for Text {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(self.as_str(), f)
    }
}

/// `left == right` in a `const fn`.
pub const fn same_name(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    if left.len() != right.len() {
        return false;
    }
    let mut i = 0;
    while i < left.len() {
        if left[i] != right[i] {
            return false;
        }
        i += 1;
    }
    true
}
