//! Putting weights into a traced graph.

use std::collections::{BTreeSet, HashSet};

use ndarray::ArrayD;

use super::{LoadReport, MisshapenParameter, MissingParameter, WeightError, Weights};
use crate::graph::{Graph, Node, Parameter, ParameterSpec};
use crate::ops::{Float, Symbolic};

/// Least similarity of a suggested name; 1 is equality.
const SIMILAR: f64 = 0.8;

impl Graph<Symbolic> {
    /// The graph with weights, and what was used of the file.
    ///
    /// # Errors
    /// [`WeightError::Mismatch`] with the whole report when a parameter is missing or has another shape; a
    /// parameter that is not F64, F32, F16 or BF16, or holds NaN or infinity.
    pub fn load(self, weights: &Weights) -> Result<(Graph<Float>, LoadReport), WeightError> {
        let mut report = LoadReport::default();
        let wanted: HashSet<&str> = self
            .parameters
            .iter()
            .map(|parameter| parameter.path.as_str())
            .collect();
        let unused: Vec<&str> = weights
            .names()
            .filter(|name| !wanted.contains(name) && name.rsplit('.').next() != Some("num_batches_tracked"))
            .collect();
        for parameter in &self.parameters {
            let stored = parameter.stored_shape();
            match weights.shape(&parameter.path) {
                Some(shape) if shape == stored => report.applied.push(parameter.path.clone()),
                Some(shape) => report.wrong_shape.push(MisshapenParameter {
                    path: parameter.path.clone(),
                    expected: stored,
                    found: shape.to_vec(),
                }),
                None => report.missing.push(MissingParameter {
                    path: parameter.path.clone(),
                    suggestion: suggest(&parameter.path, &stored, &unused, weights),
                    shape: stored,
                }),
            }
        }
        report.prefix = extra_prefix(&report.missing, &unused, weights);
        report.unused = unused.into_iter().map(str::to_owned).collect();
        report.outside_index = weights.outside_index().to_vec();
        if !report.is_complete() {
            return Err(WeightError::Mismatch(Box::new(report)));
        }

        let mut parameters = Vec::with_capacity(self.parameters.len());
        for parameter in &self.parameters {
            parameters.push(read(weights, parameter)?);
        }
        Ok((self.with_parameters(parameters), report))
    }

    /// The same network with the values of its parameters.
    pub(super) fn with_parameters(self, parameters: Vec<Parameter>) -> Graph<Float> {
        let node = |node: Node<Symbolic>| Node {
            name: node.name,
            op: node.op,
            inputs: node.inputs,
            fact: node.fact,
        };
        Graph {
            nodes: self.nodes.into_iter().map(node).collect(),
            input: self.input,
            outputs: self.outputs,
            parameters,
        }
    }
}

/// The unused tensor most like `path`; one of the same shape is preferred.
fn suggest(path: &str, shape: &[usize], unused: &[&str], weights: &Weights) -> Option<String> {
    let score = |name: &str| {
        let same_shape = weights.shape(name) == Some(shape);
        (strsim::normalized_damerau_levenshtein(path, name), same_shape)
    };
    let ends_like = |name: &str| name.ends_with(path) || path.ends_with(name);
    unused
        .iter()
        .filter(|name| ends_like(name) || score(name).0 >= SIMILAR)
        .max_by(|a, b| {
            let ((left, left_shape), (right, right_shape)) = (score(a), score(b));
            left_shape.cmp(&right_shape).then(left.total_cmp(&right))
        })
        .map(|name| (*name).to_owned())
}

/// How many missing parameters are looked for to find a prefix.
const TRIED: usize = 8;

/// What stands before the names of most of the missing parameters in the file, and how many it would give their
/// weights. Example: `module.`.
fn extra_prefix(missing: &[MissingParameter], unused: &[&str], weights: &Weights) -> Option<(String, usize)> {
    let prefixes: BTreeSet<&str> = missing
        .iter()
        .take(TRIED)
        .flat_map(|parameter| {
            unused
                .iter()
                .filter_map(|name| name.strip_suffix(parameter.path.as_str()))
        })
        .filter(|prefix| prefix.ends_with('.'))
        .collect();
    let found = |prefix: &str| {
        let fits = |parameter: &&MissingParameter| {
            weights.shape(&format!("{prefix}{}", parameter.path)) == Some(&parameter.shape)
        };
        missing.iter().filter(fits).count()
    };
    prefixes
        .into_iter()
        .map(|prefix| (prefix.to_owned(), found(prefix)))
        .filter(|(_, found)| 2 * found > missing.len())
        .max_by_key(|(_, found)| *found)
}

fn read(weights: &Weights, parameter: &ParameterSpec) -> Result<Parameter, WeightError> {
    let (path, shape) = (parameter.path.clone(), parameter.stored_shape());
    let values = weights.values(&path)?.unwrap_or_default();
    if let Some(position) = values.iter().position(|value| !value.is_finite()) {
        let value = weights.double(&path, position);
        let value = value.unwrap_or_else(|| f64::from(values[position]));
        return Err(WeightError::NotFinite {
            path,
            index: unravel(position, &shape),
            value,
        });
    }
    match ArrayD::from_shape_vec(shape, values) {
        Ok(values) => Ok(Parameter {
            path,
            values: parameter.arrange(values),
        }),
        Err(error) => Err(WeightError::NotSafetensors {
            file: path.into(),
            found: error.to_string(),
        }),
    }
}

/// The index of the element at `position` in row-major order.
fn unravel(mut position: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (coordinate, &size) in index.iter_mut().zip(shape).rev() {
        *coordinate = position % size;
        position /= size;
    }
    index
}
