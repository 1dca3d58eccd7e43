//! The traits that operations of a graph's nodes implement, and the site that their shape rules read.

use super::{ParameterId, Shape, ShapeError};

/// An operation of a node: which parameters it has, and its shape rule.
pub trait Operation: Clone + core::fmt::Debug {
    /// Its name, `Conv2d`.
    fn name(&self) -> &'static str;

    /// Whether it stands for an input of the network.
    fn is_input(&self) -> bool;

    /// Its parameters, in the order of its fields.
    fn parameters(&self) -> Vec<ParameterId>;

    /// The shape of its result.
    ///
    /// # Errors
    /// What does not fit: an operand, their number, or a parameter.
    fn shape(&self, site: &Site<'_>) -> Result<Shape, OperandError>;
}

/// A parameter of any stage, as shape inference sees it.
pub trait ParameterShape {
    /// State-dict key.
    fn path(&self) -> &str;
    /// Shape of the tensor.
    fn shape(&self) -> &[usize];
}

/// The parameters of a graph, by index.
pub trait Parameters {
    /// Path and shape of a parameter.
    fn find(&self, id: ParameterId) -> Option<(&str, &[usize])>;
}

impl<P: ParameterShape> Parameters for Vec<P> {
    fn find(&self, id: ParameterId) -> Option<(&str, &[usize])> {
        self.get(id.0)
            .map(|parameter| (parameter.path(), parameter.shape()))
    }
}

/// Where an operation stands: its operands, its parameters, and the shape its node declares.
pub struct Site<'a> {
    /// Shapes of the operands.
    pub operands: &'a [Shape],
    /// The node's own shape: the answer for an input, the target of a reshape.
    pub declared: &'a [usize],
    /// The parameters of the graph.
    pub parameters: &'a dyn Parameters,
}

/// Why an operation does not fit its operands or parameters.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OperandError {
    /// The shape rule of the operation refuses.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// Wrong number of operands.
    #[error("expected {expected} operand(s), found {found}")]
    Arity {
        /// How many the operation takes.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// A parameter has the wrong shape.
    #[error("parameter `{path}`: expected shape {expected:?}, found {found:?}")]
    Parameter {
        /// State-dict key.
        path: String,
        /// Shape that fits.
        expected: Vec<usize>,
        /// Shape it has.
        found: Vec<usize>,
    },
    /// A parameter has the wrong number of dimensions.
    #[error("parameter `{path}`: expected {expected} dimensions, found shape {found:?}")]
    ParameterRank {
        /// State-dict key.
        path: String,
        /// Number of dimensions that fits.
        expected: usize,
        /// Shape it has.
        found: Vec<usize>,
    },
    /// A parameter index beyond the graph's parameters.
    #[error("parameter number {index} does not exist")]
    UnknownParameter {
        /// The index.
        index: usize,
    },
    /// A list of the operation has another length than it must: one entry per operand, channel or axis.
    #[error("expected {expected} entries (one per axis, operand or channel), found {found}")]
    Entries {
        /// How many are needed.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// More than six dimensions, an empty one, or more than 2^48 elements.
    #[error("shape {found:?} has an empty dimension, more than 6 dimensions or more than 2^48 elements")]
    Size {
        /// The shape.
        found: Vec<usize>,
    },
}

crate::debug_as_display!(OperandError);

impl Site<'_> {
    /// The shape the node declares.
    ///
    /// # Errors
    /// [`OperandError::Size`].
    pub fn declared(&self) -> Result<Shape, OperandError> {
        checked(self.declared)
    }

    /// The only operand.
    ///
    /// # Errors
    /// [`OperandError::Arity`].
    pub fn one(&self) -> Result<Shape, OperandError> {
        match self.operands {
            [operand] => Ok(*operand),
            _ => Err(self.arity(1)),
        }
    }

    /// The shape the node declares, if it has no operand.
    ///
    /// # Errors
    /// [`OperandError::Arity`], [`OperandError::Size`].
    pub fn source(&self) -> Result<Shape, OperandError> {
        match self.operands {
            [] => self.declared(),
            _ => Err(self.arity(0)),
        }
    }

    /// The error that the operation takes `expected` operands, not those it has.
    pub fn arity(&self, expected: usize) -> OperandError {
        OperandError::Arity {
            expected,
            found: self.operands.len(),
        }
    }

    /// Path and shape of a parameter.
    ///
    /// # Errors
    /// [`OperandError::UnknownParameter`].
    pub fn parameter(&self, id: ParameterId) -> Result<(&str, &[usize]), OperandError> {
        self.parameters
            .find(id)
            .ok_or(OperandError::UnknownParameter { index: id.0 })
    }

    /// The sizes of a parameter of that many dimensions.
    ///
    /// # Errors
    /// [`OperandError::UnknownParameter`], [`OperandError::ParameterRank`].
    pub fn sizes<const RANK: usize>(&self, id: ParameterId) -> Result<[usize; RANK], OperandError> {
        let (path, found) = self.parameter(id)?;
        found.try_into().map_err(|_| OperandError::ParameterRank {
            path: path.to_owned(),
            expected: RANK,
            found: found.to_vec(),
        })
    }

    /// Requires that a parameter, if there is one, has this shape.
    ///
    /// # Errors
    /// [`OperandError::UnknownParameter`], [`OperandError::Parameter`].
    pub fn expect(&self, id: Option<ParameterId>, expected: &[usize]) -> Result<(), OperandError> {
        let Some(id) = id else { return Ok(()) };
        let (path, found) = self.parameter(id)?;
        if found == expected {
            return Ok(());
        }
        Err(OperandError::Parameter {
            path: path.to_owned(),
            expected: expected.to_vec(),
            found: found.to_vec(),
        })
    }
}

/// A shape within the limits of [`Shape`].
pub(crate) fn checked(sizes: &[usize]) -> Result<Shape, OperandError> {
    Shape::new(sizes).ok_or_else(|| OperandError::Size {
        found: sizes.to_vec(),
    })
}

/// Requires that a list has `expected` entries.
pub(crate) fn entries(expected: usize, found: usize) -> Result<(), OperandError> {
    if expected == found {
        Ok(())
    } else {
        Err(OperandError::Entries { expected, found })
    }
}
