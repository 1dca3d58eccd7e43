//! What compiler passes ask of an operation.

bitflags::bitflags! {
    /// Properties of an operation: a pass asks for them and never names an operation. What a room leaves out does not
    /// hold.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Properties: u32 {
        /// It is an input of the network.
        const INPUT = 1 << 0;
        /// An input or an output that is public, whatever the model's privacy.
        const REVEALS = 1 << 1;
        /// Its values are the same for every input.
        const FIXED = 1 << 2;
        /// Its result is a sum of products or of values, wider than its operands.
        const ACCUMULATES = 1 << 3;
        /// From an accumulator it makes an accumulator, of the same scale or of
        /// [another](super::FloatRoom::scale_factor).
        const KEEPS_ACCUMULATORS = 1 << 4;
        /// Every value of its result is a value of its operand, or 0.
        const SELECTS_VALUES = 1 << 5;
        /// Its result has the values of its operand in another order or shape, each exactly once.
        const MOVES_VALUES = 1 << 6 | Self::SELECTS_VALUES.bits() | Self::KEEPS_ACCUMULATORS.bits();
        /// It takes the largest of several values.
        const TAKES_MAXIMA = 1 << 7;
        /// It is a mean over windows without padding.
        const TAKES_MEANS = 1 << 8;
        /// It joins its operands along an axis, so that they need the same scale.
        const JOINS = 1 << 9;
        /// Its result is an index: the outcome of a comparison, not a number to compute with.
        const INDEX = 1 << 10;
        /// It is a function of each value by itself.
        const ACTIVATION = 1 << 11;
        /// Its result has a scale of its own, whatever the scale of its operand.
        const OWN_SCALE = 1 << 12;
        /// A larger operand never gives a smaller result, value by value.
        const MONOTONE = 1 << 13;
        /// The result of zeros is zeros, value by value.
        const ZERO_TO_ZERO = 1 << 14;
        /// No value of its result is negative.
        const NON_NEGATIVE = 1 << 15;
        /// An operand without negative values is returned as it is.
        const KEEPS_NON_NEGATIVE = 1 << 16;
        /// It returns its operand where that has the shape of its result.
        const SHAPES = 1 << 17;
        /// Each value of its result takes one product of two values, and it is no [layer](super::FloatRoom::layer).
        const MULTIPLIES = 1 << 18;
        /// Its result is the sum of its operands, value by value.
        const ADDS = 1 << 19;
        /// It takes the mean of the rows of its operand, or of their squares: channels may have steps of their own, and
        /// those of its result have one unit.
        const NORMALIZES = 1 << 20;
        /// It mixes channels of its operand, which therefore need a common unit.
        const MIXES_CHANNELS = 1 << 21;
        /// The integers of its operand are the numbers of rows of a weight.
        const CHOOSES_ROWS = 1 << 22;
        /// Its result is a product of two computed values, and spans more than either.
        const SPANS_MORE = 1 << 23;
        /// A channel times a positive number gives the same channel of the result times that number, perhaps up to a
        /// bound.
        const HOMOGENEOUS = 1 << 24;
        /// Its values lie in `[0, 1]` and are parts of a whole, such as probabilities: all of them have one unit.
        const PART_OF_ONE = 1 << 25;
        /// It subtracts the mean of the rows of its operand: all channels are summed in the least unit of one.
        const CENTERS = 1 << 26;
    }
}

impl Properties {
    /// These properties if the condition holds, otherwise none.
    pub const fn when(self, condition: bool) -> Self {
        if condition { self } else { Self::empty() }
    }
}
