//! What the tests of the models share.

use zkml_core::graph::{Graph, ParameterShape, Stage};
use zkml_core::nn::{Forward, Weights};
use zkml_core::ops::Symbolic;

/// The graph of a model on an input of that shape.
pub(crate) fn traced(model: &impl Forward, shape: &[usize]) -> Graph<Symbolic> {
    model.trace_with_input(shape).unwrap()
}

/// Weights among the assets of the examples.
pub(crate) fn asset(name: &str) -> Weights {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/assets");
    Weights::open(format!("{folder}/{name}")).unwrap()
}

/// State-dict keys of the parameters.
pub(crate) fn paths<S: Stage>(graph: &Graph<S>) -> Vec<&str> {
    graph.parameters.iter().map(ParameterShape::path).collect()
}

/// Number of trained parameters: all but the statistics of normalizations.
pub(crate) fn trained_parameters(graph: &Graph<Symbolic>) -> usize {
    let trained = graph
        .parameters
        .iter()
        .filter(|parameter| !parameter.path.contains("running_"));
    trained
        .map(|parameter| parameter.shape.iter().product::<usize>())
        .sum()
}

/// Shape of the node of that name.
pub(crate) fn shape_of(graph: &Graph<Symbolic>, name: &str) -> Vec<usize> {
    graph[graph.find(name).unwrap_or_else(|| panic!("no node {name}"))]
        .fact
        .clone()
}
