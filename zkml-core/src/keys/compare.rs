//! The first difference between two networks, for people who compare keys.

use core::fmt;

use super::{Architecture, NetworkSkeleton};
use crate::error::RotationError;
use crate::graph::{Graph, Operation, Preprocessing};
use crate::ops::Skeleton;

/// Where two networks differ first, in the order of their nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The node, parameter or part.
    pub place: String,
    /// What of it.
    pub what: &'static str,
    /// What the first network has.
    pub left: String,
    /// What the second network has.
    pub right: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            place,
            what,
            left,
            right,
        } = self;
        write!(f, "{place}: {what}: {left} here, {right} there")
    }
}

impl From<Difference> for RotationError {
    fn from(difference: Difference) -> Self {
        let Difference {
            place,
            what,
            left,
            right,
        } = difference;
        Self::Network {
            place,
            what,
            left,
            right,
        }
    }
}

/// Characters that are shown of each side.
const SHOWN: usize = 80;

/// Characters that are shown before the first different one.
const BEFORE: usize = 24;

/// The difference between two values, if there is one.
fn differ<T: PartialEq + fmt::Debug>(
    place: &str,
    what: &'static str,
    left: &T,
    right: &T,
) -> Option<Difference> {
    if left == right {
        return None;
    }
    let (left, right) = (format!("{left:?}"), format!("{right:?}"));
    let same = left
        .chars()
        .zip(right.chars())
        .take_while(|(a, b)| a == b)
        .count();
    Some(Difference {
        place: place.to_owned(),
        what,
        left: excerpt(&left, same),
        right: excerpt(&right, same),
    })
}

/// The part of a long text around the character `at`.
fn excerpt(text: &str, at: usize) -> String {
    if text.chars().count() <= SHOWN {
        return text.to_owned();
    }
    let skipped = at.saturating_sub(BEFORE);
    let mut shown: String = text.chars().skip(skipped).take(SHOWN).collect();
    if skipped > 0 {
        shown.insert_str(0, "...");
    }
    if text.chars().count() > skipped.saturating_add(SHOWN) {
        shown.push_str("...");
    }
    shown
}

impl NetworkSkeleton {
    /// The first difference between two skeletons; `None` if their digests are equal.
    pub fn difference(&self, other: &Self) -> Option<Difference> {
        let named = |network: &Self| -> Vec<String> {
            network.graph.nodes.iter().map(|node| node.name.clone()).collect()
        };
        let (left, right) = (named(self), named(other));
        graphs((&self.graph, &left), (&other.graph, &right))
            .or_else(|| differ("network", "sizing", &self.sizing, &other.sizing))
            .or_else(|| {
                differ(
                    "network",
                    "scales of inputs",
                    &self.input_scales,
                    &other.input_scales,
                )
            })
            .or_else(|| {
                differ(
                    "network",
                    "scales of outputs",
                    &self.output_scales,
                    &other.output_scales,
                )
            })
            .or_else(|| differ("network", "names of nodes", &left, &right))
            .or_else(|| differ("network", "name", &self.name, &other.name))
            .or_else(|| differ("network", "bits of a limb", &self.limb_bits, &other.limb_bits))
            .or_else(|| {
                differ(
                    "network",
                    "passes of the lowering",
                    &self.lowering,
                    &other.lowering,
                )
            })
            .or_else(|| {
                data(
                    (&self.preprocessing, &self.classes),
                    (&other.preprocessing, &other.classes),
                )
            })
            // Numbers may be equal and encoded otherwise, as 0 and -0 are.
            .or_else(|| differ("network", "digest", &self.digest(), &other.digest()))
    }
}

impl Architecture {
    /// The first difference between two architectures; `None` if their digests are equal.
    pub fn difference(&self, other: &Self) -> Option<Difference> {
        graphs((&self.graph, &self.names), (&other.graph, &other.names))
            .or_else(|| differ("network", "sizing", &self.sizing, &other.sizing))
            .or_else(|| {
                data(
                    (&self.preprocessing, &self.classes),
                    (&other.preprocessing, &other.classes),
                )
            })
            .or_else(|| differ("network", "digest", &self.digest(), &other.digest()))
    }
}

type Data<'a> = (&'a Option<Preprocessing>, &'a Vec<String>);

/// How images are taken, and what answers are called.
fn data((left, classes): Data<'_>, (right, others): Data<'_>) -> Option<Difference> {
    differ("network", "preprocessing", left, right).or_else(|| differ("network", "classes", classes, others))
}

type Named<'a> = (&'a Graph<Skeleton>, &'a [String]);

fn graphs((left, names): Named<'_>, (right, others): Named<'_>) -> Option<Difference> {
    let pairs = left.nodes.iter().zip(&right.nodes);
    for (index, (a, b)) in pairs.enumerate() {
        let place = names.get(index).map_or("a node", String::as_str);
        let found = differ(place, "operation", &a.op.name(), &b.op.name())
            .or_else(|| differ(place, "operands", &a.inputs, &b.inputs))
            .or_else(|| differ(place, "shape", &a.fact.shape, &b.fact.shape))
            .or_else(|| differ(place, "options", &a.op, &b.op))
            .or_else(|| differ(place, "scale", &a.fact.scale, &b.fact.scale))
            .or_else(|| differ(place, "range", &a.fact.range, &b.fact.range));
        if found.is_some() {
            return found;
        }
    }
    // One of the lists may be longer.
    let further = |names: &[String], than: usize| names.get(than).cloned();
    let (ours, theirs) = (
        further(names, right.nodes.len()),
        further(others, left.nodes.len()),
    );
    differ("network", "further node", &ours, &theirs)
        .or_else(|| differ("network", "outputs", &left.outputs, &right.outputs))
        .or_else(|| differ("network", "parameters", &left.parameters, &right.parameters))
}
