//! What can be wrong with a shape, in a form a `const fn` can put into words.

use super::{Shape, Text};

/// An operation on two operands, element by element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "variants are operators of Rust")]
#[non_exhaustive]
pub enum Operator {
    Add,
    Sub,
    Mul,
    /// Repeats one operand to the shape of the other.
    Expand,
}

impl Operator {
    /// How it is written.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Expand => "expand",
        }
    }
}

/// An operation met a shape it cannot work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields are named in the variant's own line")]
#[non_exhaustive]
pub enum ShapeError {
    /// The operand has another number of dimensions than the operation works on.
    Rank {
        operation: &'static str,
        expected: &'static str,
        found: Shape,
    },
    /// The operand has another number of channels than the layer.
    Channels {
        operation: &'static str,
        expected: usize,
        found: Shape,
    },
    /// The operand's last axis is not as long as the layer is wide.
    Features { expected: usize, found: Shape },
    /// The window is larger than the padded input.
    Window {
        operation: &'static str,
        window: [usize; 2],
        padded: [usize; 2],
    },
    /// A window of a max-pool lies wholly in the padding.
    EmptyWindow {
        operation: &'static str,
        window: [usize; 2],
        padded: [usize; 2],
    },
    /// The operand's last axis is not as long as the operation takes it.
    LastAxis {
        operation: &'static str,
        expected: usize,
        found: Shape,
    },
    /// The heads of the query cannot be shared out evenly among those of the key.
    Heads {
        operation: &'static str,
        query: Shape,
        key: Shape,
    },
    /// An operand does not go with another one.
    Unlike {
        operation: &'static str,
        expected: &'static str,
        of: Shape,
        found: Shape,
    },
    /// A range of indices that the axis does not have.
    Range {
        operation: &'static str,
        start: usize,
        length: usize,
        size: usize,
    },
    /// An option of a layer has a value that makes no sense.
    Option {
        operation: &'static str,
        name: &'static str,
        expected: &'static str,
        found: usize,
    },
    /// An option of a layer is none of the values it may have.
    Choice {
        operation: &'static str,
        name: &'static str,
        expected: &'static str,
    },
    /// The epsilon of a normalization is negative or no number.
    Epsilon { operation: &'static str },
    /// `groups` does not divide both channel counts.
    Groups {
        operation: &'static str,
        in_channels: usize,
        out_channels: usize,
        groups: usize,
    },
    /// Padding of a pooling layer exceeds half of its kernel.
    PoolPadding {
        operation: &'static str,
        kernel: [usize; 2],
        padding: [usize; 2],
    },
    /// Amounts of padding that are not pairs, or pairs for more axes than there are.
    Padding { amounts: usize, of: Shape },
    /// Padding takes more values of an axis than it has.
    Surrounding {
        operation: &'static str,
        most: usize,
        of: Shape,
        found: usize,
    },
    /// An axis is named twice.
    Twice { operation: &'static str, of: Shape },
    /// Parts that are not as long as the axis they are parts of.
    Parts {
        operation: &'static str,
        size: usize,
        parts: usize,
        found: usize,
    },
    /// Operands of a sum differ.
    Unequal { left: Shape, right: Shape },
    /// Joined tensors differ off the axis they are joined along.
    Concatenation { axis: u8, left: Shape, right: Shape },
    /// A tensor is joined from no operand.
    Nothing { operation: &'static str },
    /// The axis does not exist.
    Axis {
        operation: &'static str,
        axis: isize,
        of: Shape,
    },
    /// The order is not a permutation of the axes.
    Permutation { of: Shape },
    /// The sizes asked for hold another number of elements.
    Elements { elements: usize, of: Shape },
    /// More than one size is -1, or one is negative or 0.
    Sizes { of: Shape },
    /// The result would be empty or larger than 2^48 elements.
    Size { operation: &'static str, of: Shape },
    /// Operands of an elementwise operation whose sizes differ, and neither is 1.
    Broadcast {
        operator: Operator,
        left: Shape,
        right: Shape,
    },
    /// A number that is not finite.
    Number { operation: &'static str },
    /// Sizes that a tensor cannot have.
    Declared { operation: &'static str },
}

impl ShapeError {
    /// The operation that failed.
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::Rank { operation, .. }
            | Self::Channels { operation, .. }
            | Self::Window { operation, .. }
            | Self::EmptyWindow { operation, .. }
            | Self::Option { operation, .. }
            | Self::Choice { operation, .. }
            | Self::PoolPadding { operation, .. }
            | Self::Nothing { operation }
            | Self::Epsilon { operation }
            | Self::Axis { operation, .. }
            | Self::Number { operation }
            | Self::Declared { operation }
            | Self::LastAxis { operation, .. }
            | Self::Heads { operation, .. }
            | Self::Unlike { operation, .. }
            | Self::Range { operation, .. }
            | Self::Groups { operation, .. }
            | Self::Surrounding { operation, .. }
            | Self::Twice { operation, .. }
            | Self::Parts { operation, .. }
            | Self::Size { operation, .. } => operation,
            Self::Features { .. } => "Linear",
            Self::Padding { .. } => "pad",
            Self::Unequal { .. } => "+",
            Self::Broadcast { operator, .. } => operator.sign(),
            Self::Concatenation { .. } => "cat",
            Self::Permutation { .. } => "permute",
            Self::Elements { .. } | Self::Sizes { .. } => "reshape",
        }
    }

    /// What would have been right.
    pub const fn expected(&self) -> Text {
        let text = Text::new();
        match *self {
            Self::Rank { expected, .. } => text.str(expected),
            Self::Channels { expected, .. } => text.number(expected).str(" input channels"),
            Self::Features { expected, .. } => text.number(expected).str(" input features"),
            Self::Window { padded, .. } => text.str("a window within the padded input of ").pair(padded),
            Self::EmptyWindow { padded, .. } => text
                .str("a cell of the input in every window over the padded input of ")
                .pair(padded),
            Self::LastAxis { expected, .. } => text.number(expected).str(" values along the last axis"),
            Self::Heads { key, .. } => text
                .str("query heads that are a multiple of the ")
                .number(key.size(1))
                .str(" key heads of ")
                .shape(key),
            Self::Unlike { expected, of, .. } => text.str(expected).str(" ").shape(of),
            Self::Range { size, .. } => text
                .str("a range of 1 to ")
                .number(size)
                .str(" indices below ")
                .number(size),
            Self::Option { name, expected, .. } => text.str(name).str(" ").str(expected),
            Self::Choice { name, expected, .. } => text.str(name).str(" ").str(expected),
            Self::Groups {
                in_channels,
                out_channels,
                ..
            } => text
                .str("groups that divide in_channels = ")
                .number(in_channels)
                .str(" and out_channels = ")
                .number(out_channels),
            Self::PoolPadding { kernel, .. } => {
                text.str("padding of at most half the kernel of ").pair(kernel)
            }
            Self::Padding { of, .. } => text.str("two amounts for each of the last axes of ").shape(of),
            Self::Surrounding { most, of, .. } => text
                .str("padding of at most ")
                .number(most)
                .str(" along this axis of ")
                .shape(of),
            Self::Twice { of, .. } => text.str("each axis of ").shape(of).str(" at most once"),
            Self::Parts { size, parts, .. } => text.number(parts).str(" parts of an axis of ").number(size),
            Self::Unequal { left, .. } => text.str("two equal shapes, ").shape(left),
            Self::Concatenation { axis, left, .. } => text
                .str("shapes equal to ")
                .shape(left)
                .str(" except along axis ")
                .number(axis as usize),
            Self::Nothing { .. } => text.str("at least one tensor"),
            Self::Epsilon { .. } => text.str("eps of at least 0"),
            Self::Axis { of, .. } => text.str("an axis of ").shape(of),
            Self::Permutation { of } => text.str("every axis of ").shape(of).str(" once"),
            Self::Elements { of, .. } => text
                .str("sizes for the ")
                .number(of.elements())
                .str(" elements of ")
                .shape(of),
            Self::Sizes { .. } => text.str("positive sizes and at most one -1"),
            Self::Size { .. } => text.str("a result of 1 to 2^48 elements"),
            Self::Broadcast { left, .. } => text.str("sizes equal to those of ").shape(left).str(", or 1"),
            Self::Number { .. } => text.str("a finite number"),
            Self::Declared { .. } => text.str("at most 6 positive sizes with a product of at most 2^48"),
        }
    }

    /// What was there.
    pub const fn found(&self) -> Text {
        let text = Text::new();
        match *self {
            Self::Rank { found, .. } => text.number(found.rank()).str(" dimensions: ").shape(found),
            Self::Channels { found, .. } => text.number(found.size(1)).str(" in ").shape(found),
            Self::Features { found, .. } => text
                .number(found.size(found.rank().saturating_sub(1)))
                .str(" in ")
                .shape(found),
            Self::Window { window, .. } => text.str("a window of ").pair(window),
            Self::EmptyWindow { window, .. } => text.str("a window of ").pair(window).str(" in the padding"),
            Self::LastAxis { found, .. } => text
                .number(found.size(found.rank().saturating_sub(1)))
                .str(" in ")
                .shape(found),
            Self::Heads { query, .. } => text.number(query.size(1)).str(" in ").shape(query),
            Self::Unlike { found, .. } => text.shape(found),
            Self::Range { start, length, .. } => {
                text.number(length).str(" from index ").number(start).str(" on")
            }
            Self::Option { found, .. } => text.number(found),
            Self::Choice { .. } => text.str("something else"),
            Self::Groups { groups, .. } => text.str("groups = ").number(groups),
            Self::PoolPadding { padding, .. } => text.pair(padding),
            Self::Padding { amounts, .. } => text.number(amounts).str(" amounts"),
            Self::Surrounding { found, .. } => text.number(found),
            Self::Twice { .. } => text.str("one twice"),
            Self::Parts { found, .. } => text.str("parts for ").number(found),
            Self::Unequal { right, .. }
            | Self::Concatenation { right, .. }
            | Self::Broadcast { right, .. } => text.shape(right),
            Self::Nothing { .. } => text.str("none"),
            Self::Epsilon { .. } => text.str("a negative number or none"),
            Self::Axis { axis, .. } => text.signed(axis),
            Self::Permutation { .. } => text.str("another order"),
            Self::Elements { elements, .. } => text.str("sizes for ").number(elements),
            Self::Sizes { .. } => text.str("something else"),
            Self::Size { of, .. } => text.str("none such from ").shape(of),
            Self::Number { .. } => text.str("NaN, infinity or one that f32 cannot hold"),
            Self::Declared { .. } => text.str("others"),
        }
    }

    /// `operation: expected ..., found ...`.
    pub const fn message(&self) -> Text {
        Text::new()
            .str(self.operation())
            .str(": expected ")
            .text(self.expected())
            .str(", found ")
            .text(self.found())
    }
}

impl core::fmt::Display for ShapeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.message().as_str())
    }
}

impl core::error::Error for ShapeError {}
