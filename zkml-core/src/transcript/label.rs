//! Every label of the protocol: where it occurs, what it is, and the page of `docs/protocol` that defines it.
//!
//! The table of `docs/protocol/transcript.md` is written from here, and `zkml inspect PROOF --key KEY` shows it beside
//! what a proof says. Tests compare it with the transcripts of real proofs, both ways.

use super::Kind;

/// An item of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// Its type.
    pub kind: Kind,
    /// Its label. A message and the challenge after it may share one.
    pub label: &'static str,
    /// The proofs that have it.
    pub occurs: Occurs,
    /// What it is.
    pub what: &'static str,
    /// The page that defines it.
    pub page: &'static str,
}

/// The proofs that have an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occurs {
    /// Every proof.
    Always,
    /// Answers; the others are setup proofs.
    Answer,
    /// Answers with a public input.
    PublicInput,
    /// Answers without a public input.
    PrivateInput,
    /// Answers with a public output.
    PublicOutput,
    /// Answers without a public output.
    PrivateOutput,
    /// Answers that commit to a private input apart.
    CommittedInput,
    /// Answers that commit to private outputs.
    CommittedOutput,
    /// Proofs with anything private.
    Hidden,
    /// Proofs that send the combination of rows.
    Combination,
    /// Proofs that commit to the combination of rows.
    Recursion,
    /// Some, as the circuit asks for it.
    Circuit,
}

impl Occurs {
    /// The proofs in words.
    pub const fn words(self) -> &'static str {
        match self {
            Occurs::Always => "always",
            Occurs::Answer => "answers",
            Occurs::PublicInput => "public input",
            Occurs::PrivateInput => "private input",
            Occurs::PublicOutput => "public output",
            Occurs::PrivateOutput => "private outputs",
            Occurs::CommittedInput => "committed input",
            Occurs::CommittedOutput => "committed outputs",
            Occurs::Hidden => "anything private",
            Occurs::Combination => "no recursion",
            Occurs::Recursion => "recursion",
            Occurs::Circuit => "some circuits",
        }
    }
}

impl Label {
    /// The item with this type and label.
    pub fn find(kind: Kind, label: &str) -> Option<&'static Label> {
        LABELS
            .iter()
            .find(|item| (item.kind, item.label) == (kind, label))
    }
}

const RUN: &str = "README.md#run";
const LOOKUP: &str = "lookup.md";
const REDUCTION: &str = "reduction.md";
const OPENING: &str = "commitment.md#opening-messages-in-order";
const RECURSION: &str = "recursion.md#messages-in-order";
const MASKS: &str = "zero-knowledge.md";

const fn item(
    kind: Kind,
    label: &'static str,
    occurs: Occurs,
    what: &'static str,
    page: &'static str,
) -> Label {
    Label {
        kind,
        label,
        occurs,
        what,
        page,
    }
}

/// In the order in which they first occur.
#[rustfmt::skip]
pub const LABELS: &[Label] = &[
    item(Kind::Absorb, "bind.network", Occurs::Answer, "digest of the skeleton", RUN),
    item(Kind::Absorb, "bind.weights", Occurs::Always, "digest of the weights key", RUN),
    item(Kind::Absorb, "bind.circuit", Occurs::Answer, "digest of the circuit", RUN),
    item(Kind::Absorb, "bind.instance", Occurs::Answer, "digest of what is shown", RUN),
    item(Kind::Absorb, "bind.opening", Occurs::Answer, "number of the opening of the weights", RUN),
    item(Kind::Absorb, "bind.input", Occurs::PublicInput, "the public inputs", RUN),
    item(Kind::Absorb, "bind.input.private", Occurs::PrivateInput, "nothing", RUN),
    item(Kind::Absorb, "bind.output", Occurs::PublicOutput, "a public output", RUN),
    item(Kind::Absorb, "bind.output.private", Occurs::PrivateOutput, "nothing", RUN),
    item(Kind::Absorb, "bind.context", Occurs::Answer, "the caller's bytes", RUN),
    item(Kind::Digest, "trace.root", Occurs::Always, "root of the trace", RUN),
    item(Kind::Digest, "input.root", Occurs::CommittedInput, "root of the private input", RUN),
    item(Kind::Digest, "output.root", Occurs::CommittedOutput, "root of the private outputs", RUN),
    item(Kind::Harden, "trace.harden", Occurs::Always, "sequential hashes", RUN),
    item(Kind::Grind, "lookup.grind", Occurs::Circuit, "work before the fractions are fixed", LOOKUP),
    item(Kind::Nonce, "lookup.grind", Occurs::Circuit, "its nonce", LOOKUP),
    item(Kind::Challenge, "lookup.alpha", Occurs::Always, "where fractions are evaluated", LOOKUP),
    item(Kind::Challenge, "lookup.beta", Occurs::Always, "joins the columns of a row", LOOKUP),
    item(Kind::Challenge, "lookup.gamma", Occurs::Always, "tells tables apart", LOOKUP),
    item(Kind::Scalars, "lookup.root", Occurs::Always, "denominator of the sum of all fractions, and its inverse", LOOKUP),
    item(Kind::Challenge, "lookup.lambda", Occurs::Always, "joins numerator and denominator of a layer", LOOKUP),
    item(Kind::Scalars, "lookup.layer", Occurs::Always, "the four values that a layer ends in", LOOKUP),
    item(Kind::Challenge, "lookup.tau", Occurs::Always, "folds the two halves of a layer", LOOKUP),
    item(Kind::Scalars, "lookup.round", Occurs::Always, "polynomial of a round", LOOKUP),
    item(Kind::Challenge, "lookup.round", Occurs::Always, "where it is evaluated", LOOKUP),
    item(Kind::Scalars, "lookup.columns", Occurs::Always, "columns of a lookup at its point", LOOKUP),
    item(Kind::Scalars, "lookup.multiplicities", Occurs::Always, "multiplicities of each table at its point", LOOKUP),
    item(Kind::Challenge, "equality.point", Occurs::Always, "where equalities are checked", RUN),
    item(Kind::Scalars, "reduce.term", Occurs::Always, "a term of a linear combination", REDUCTION),
    item(Kind::Challenge, "reduce.stage", Occurs::Always, "joins the claims of a depth; where a round is evaluated", REDUCTION),
    item(Kind::Scalars, "reduce.stage", Occurs::Always, "polynomial of a round", REDUCTION),
    item(Kind::Scalars, "reduce.operand", Occurs::Always, "an operand at the last point", REDUCTION),
    item(Kind::Challenge, "opening.batch", Occurs::Always, "joins the claims", OPENING),
    item(Kind::Scalars, "opening.merge", Occurs::Always, "polynomial of a round", OPENING),
    item(Kind::Challenge, "opening.merge", Occurs::Always, "where it is evaluated", OPENING),
    item(Kind::Scalars, "opening.values", Occurs::Always, "each group's sum at the common point", OPENING),
    item(Kind::Grind, "opening.proximity.grind", Occurs::Always, "work before the random fold", OPENING),
    item(Kind::Nonce, "opening.proximity.grind", Occurs::Always, "its nonce", OPENING),
    item(Kind::Challenge, "opening.proximity", Occurs::Always, "coefficients of the random fold", OPENING),
    item(Kind::Scalars, "opening.proximity", Occurs::Always, "the random fold at the common point", OPENING),
    item(Kind::Scalars, "opening.mask", Occurs::Hidden, "the mask at the common point", MASKS),
    item(Kind::Grind, "opening.combine.grind", Occurs::Always, "work before the combination", OPENING),
    item(Kind::Nonce, "opening.combine.grind", Occurs::Always, "its nonce", OPENING),
    item(Kind::Challenge, "opening.combine", Occurs::Always, "coefficients of the combination", OPENING),
    item(Kind::Challenge, "opening.blind", Occurs::Hidden, "coefficient of the mask", MASKS),
    item(Kind::Extension, "opening.combination", Occurs::Combination, "combination of all rows", OPENING),
    item(Kind::Digest, "recursion.root", Occurs::Recursion, "root of a level", RECURSION),
    item(Kind::Extension, "opening.product", Occurs::Recursion, "the combination at the common point", OPENING),
    item(Kind::Challenge, "closing.batch", Occurs::Hidden, "joins all constraints on the pads", MASKS),
    item(Kind::Extension, "closing.masked", Occurs::Hidden, "masked closing polynomial", MASKS),
    item(Kind::Challenge, "closing.point", Occurs::Hidden, "where it is evaluated", MASKS),
    item(Kind::Extension, "closing.response", Occurs::Hidden, "rows of pads, combined", MASKS),
    item(Kind::Grind, "opening.grind", Occurs::Always, "work before the positions", OPENING),
    item(Kind::Nonce, "opening.grind", Occurs::Always, "its nonce", OPENING),
    item(Kind::Challenge, "opening.join", Occurs::Hidden, "joins the combination and the closing answers", OPENING),
    item(Kind::Positions, "opening.positions", Occurs::Always, "columns that are opened", OPENING),
    item(Kind::Digest, "opening.salt", Occurs::Always, "salt of an opened column", OPENING),
    item(Kind::Base, "opening.columns", Occurs::Always, "cells of the opened columns of a matrix", OPENING),
    item(Kind::Digest, "opening.path", Occurs::Always, "node of a tree", OPENING),
    item(Kind::Challenge, "recursion.batch", Occurs::Recursion, "joins the claims of a level", RECURSION),
    item(Kind::Extension, "recursion.rows", Occurs::Recursion, "polynomial of a round", RECURSION),
    item(Kind::Grind, "recursion.rows.grind", Occurs::Recursion, "work before it is evaluated, with long codewords", RECURSION),
    item(Kind::Nonce, "recursion.rows.grind", Occurs::Recursion, "its nonce", RECURSION),
    item(Kind::Challenge, "recursion.rows", Occurs::Recursion, "where it is evaluated", RECURSION),
    item(Kind::Extension, "recursion.message", Occurs::Recursion, "the last vector", RECURSION),
    item(Kind::Grind, "recursion.grind", Occurs::Recursion, "work before the positions of a level", RECURSION),
    item(Kind::Nonce, "recursion.grind", Occurs::Recursion, "its nonce", RECURSION),
    item(Kind::Positions, "recursion.positions", Occurs::Recursion, "columns of a level that are opened", RECURSION),
    item(Kind::Base, "recursion.columns", Occurs::Recursion, "cells of these columns", RECURSION),
    item(Kind::Digest, "recursion.path", Occurs::Recursion, "node of the tree of a level", RECURSION),
];
