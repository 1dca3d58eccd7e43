//! What the tests of the models share.

use zkml_core::graph::Graph;
use zkml_core::ops::Symbolic;

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
