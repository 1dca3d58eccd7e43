//! The trait of a pass, the levels of passes, and the macro that declares a pass.

use core::fmt;

use serde::{Deserialize, Serialize};

#[cfg(feature = "prover")]
use super::OptimizeError;
use crate::circuit::Circuit;
#[cfg(feature = "prover")]
use crate::graph::{Graph, NodeId};
#[cfg(feature = "prover")]
use crate::ops::{Float, Int};

/// A pass of the optimizer.
///
/// Passes never list operations: they ask [rooms](crate::ops::Room) for properties.
pub trait Pass: Sync {
    /// Its name, as in `--without`: that of its file.
    fn name(&self) -> &'static str;

    /// What it does, in one line.
    fn purpose(&self) -> &'static str;

    /// The file that calls it, below `src`.
    fn acts_in(&self) -> &'static str;

    /// How it runs, or how its report is read from the result.
    fn work(&self) -> Work;

    /// Does it change the choice of the code, and not the circuit? Its effect is then measured there.
    fn changes_code(&self) -> bool {
        false
    }

    /// The level it belongs to.
    fn level(&self) -> Level {
        match self.work() {
            #[cfg(feature = "prover")]
            Work::Nodes(_) | Work::Model(_) => Level::Model,
            #[cfg(feature = "prover")]
            Work::Operation(_) => Level::Operation,
            Work::Circuit(_) => Level::Circuit,
        }
    }
}

/// Declares a pass: its type and name, its work and the file that calls it, what it does.
macro_rules! pass {
    ($pass:ident, $name:literal, $work:ident($run:path) in $file:literal $(, $changes_code:ident)?, $purpose:literal) => {
        /// The pass.
        #[derive(Debug)]
        pub struct $pass;

        impl crate::optimize::Pass for $pass {
            fn name(&self) -> &'static str {
                $name
            }

            fn purpose(&self) -> &'static str {
                $purpose
            }

            fn acts_in(&self) -> &'static str {
                $file
            }

            fn work(&self) -> crate::optimize::Work {
                crate::optimize::Work::$work($run)
            }

            $(
                fn $changes_code(&self) -> bool {
                    true
                }
            )?
        }
    };
}

pub(crate) use pass;

/// How a pass of each level runs, and how it reports its changes: a line for each.
#[derive(Clone, Copy)]
pub enum Work {
    /// Rewrites the float graph around one node. It is called for each node in order.
    #[cfg(feature = "prover")]
    Nodes(fn(&mut Graph<Float>, NodeId) -> Result<Option<Change>, OptimizeError>),
    /// Rewrites the float graph and returns what it changed.
    #[cfg(feature = "prover")]
    Model(fn(&mut Graph<Float>) -> Result<Vec<String>, OptimizeError>),
    /// Acts while the network is quantized; reads its changes from the integer graph.
    #[cfg(feature = "prover")]
    Operation(fn(&Graph<Int>) -> Vec<String>),
    /// Acts while the network is lowered or set up; reads its changes from what came out.
    Circuit(fn(&Outcome<'_>) -> Vec<String>),
}

/// What a pass changed at a node.
#[cfg(feature = "prover")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// In one line.
    pub what: String,
    /// The node to visit next.
    pub next: NodeId,
}

/// What lowering and setup made of a network.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    /// The circuit.
    pub circuit: &'a Circuit,
    /// Bits of a limb of a remainder.
    pub limb_bits: u32,
    /// The code, if there is one that is sound enough.
    pub code: Option<ChosenCode>,
}

/// The code that setup chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChosenCode {
    /// Cells of a row of the weights.
    pub row_length: usize,
    /// Cells of a row of the trace.
    pub trace_row_length: usize,
    /// Cells of an encoded row.
    pub codeword_length: usize,
    /// Columns that are opened.
    pub queries: usize,
    /// Bits of proof of work.
    pub grinding_bits: u32,
}

/// The level of the optimizer a pass belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Level {
    /// On the floating-point graph.
    Model,
    /// On single operations, when they are quantized.
    Operation,
    /// On the circuit: columns, tables, lookups.
    Circuit,
}

impl Level {
    /// All levels, in the order they run.
    pub const ALL: [Self; 3] = [Self::Model, Self::Operation, Self::Circuit];
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Model => "model",
            Self::Operation => "operation",
            Self::Circuit => "circuit",
        })
    }
}
