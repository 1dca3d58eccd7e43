//! Running `forward` to record a graph.
//!
//! A [`Tensor`] is a `Copy` handle to a node, so `forward` reads like PyTorch (`x + x` needs no clone). The recording
//! belongs to the thread: [`trace`] installs it, runs the model and takes it out again.

use core::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};

use super::{Forward, InputKind, ParameterPath, Tensor};
use crate::graph::{Arrangement, Graph, Node, NodeId, ParameterId, ParameterSpec};
use crate::graph::{Shape, ShapeError};
use crate::ops::{self, FloatOp, Ids, Input, Symbolic};

/// A model that cannot be traced.
#[derive(Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TraceError {
    /// An operation met a shape it cannot work on.
    #[error("{path}: expected {expected}, found {found}")]
    Shape {
        /// The node, `layers.3.conv1` or `layers.3.relu`.
        path: String,
        /// What would have been right.
        expected: String,
        /// What was there.
        found: String,
        /// The mistake itself.
        source: Box<ShapeError>,
    },
    /// The input has no element, too many, or too many dimensions.
    #[error("input: expected 1 to 6 positive sizes with a product of at most 2^48, found {found:?}")]
    Input {
        /// The shape asked for.
        found: Vec<usize>,
    },
    /// The model declares no input shape.
    #[error(
        "{model}: expected an input shape, `#[zk_model(input = [...])]` or `trace_with_input`, found none"
    )]
    NoInputShape {
        /// The model's type.
        model: &'static str,
    },
    /// Two layers use one state-dict key for tensors of different shapes.
    #[error("{path}: expected one shape for this parameter, found {first:?} and {second:?}")]
    ParameterConflict {
        /// The key.
        path: String,
        /// Its shape at first use.
        first: Vec<usize>,
        /// Its shape later.
        second: Vec<usize>,
    },
    /// A layer uses the parameter of another layer, which no layer has.
    #[error("{path}: tied to `{key}`, expected a parameter that another layer of the model uses, found none")]
    TiedToNothing {
        /// The layer.
        path: String,
        /// The key.
        key: String,
    },
    /// The model takes another number of inputs.
    #[error("expected {expected} input shape(s), found {found}")]
    Inputs {
        /// How many its `forward` takes.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// `forward` returned no tensor.
    #[error("output: expected at least one tensor, found none")]
    NoOutput,
    /// `forward` used a tensor of another trace.
    #[error("{path}: expected a tensor of this model's `forward`, found one of another")]
    ForeignTensor {
        /// The node.
        path: String,
    },
}

crate::debug_as_display!(TraceError);

/// The graph that [`trace`] records.
pub(super) struct Recording {
    session: u64,
    nodes: Vec<Node<Symbolic>>,
    parameters: Vec<ParameterSpec>,
    parameter_ids: HashMap<String, ParameterId>,
    /// Keys that a layer uses as its own.
    owned: HashSet<String>,
    /// Layers that use the parameter of another one, and its key.
    tied: Vec<(String, String)>,
    /// The node of each parameter that is used as a tensor.
    tensors: HashMap<ParameterId, Tensor>,
    names: HashSet<String>,
    /// Modules whose `forward` is running, innermost last.
    modules: Vec<ParameterPath>,
    /// The first thing that went wrong.
    error: Option<TraceError>,
}

thread_local! {
    static RECORDING: RefCell<Option<Recording>> = const { RefCell::new(None) };
    static SESSIONS: Cell<u64> = const { Cell::new(0) };
}

/// Puts the outer recording back when dropped, also when `forward` panics.
struct Restore(Option<Recording>);

impl Drop for Restore {
    fn drop(&mut self) {
        RECORDING.set(self.0.take());
    }
}

/// While it lives, functions are named under its module.
#[must_use = "the module is left when this is dropped"]
pub struct ModuleScope(());

impl Drop for ModuleScope {
    fn drop(&mut self) {
        RECORDING.with_borrow_mut(|recording| {
            if let Some(recording) = recording {
                recording.modules.pop();
            }
        });
    }
}

impl ParameterPath {
    /// Enters the module at this path; the code `#[zk_model]` generates calls it at the top of `forward`.
    pub fn enter(&self) -> ModuleScope {
        RECORDING.with_borrow_mut(|recording| {
            if let Some(recording) = recording {
                recording.modules.push(self.clone());
            }
        });
        ModuleScope(())
    }
}

/// The origin of a node, which gives the node its name.
#[derive(Clone, Copy)]
pub(super) enum Origin<'a> {
    Layer(&'a ParameterPath),
    Function(&'static str),
    /// A step of a layer or function that is made of several operations.
    Part(&'a Origin<'a>, &'static str),
}

impl Recording {
    /// A recording of a new session, without nodes.
    fn new() -> Recording {
        let session = SESSIONS.with(|sessions| {
            sessions.set(sessions.get() + 1);
            sessions.get()
        });
        Recording {
            session,
            nodes: Vec::new(),
            parameters: Vec::new(),
            parameter_ids: HashMap::new(),
            owned: HashSet::new(),
            tied: Vec::new(),
            tensors: HashMap::new(),
            names: HashSet::new(),
            modules: Vec::new(),
            error: None,
        }
    }

    fn path(&self, origin: &Origin<'_>) -> ParameterPath {
        match origin {
            Origin::Layer(path) => (*path).clone(),
            Origin::Function(name) => match self.modules.last() {
                Some(module) => module.join(name),
                None => ParameterPath::root().join(name),
            },
            Origin::Part(whole, name) => self.path(whole).join(name),
        }
    }

    fn name(&mut self, origin: &Origin<'_>) -> String {
        let path = self.path(origin);
        let mut name = path.as_str().to_owned();
        let mut count = 0;
        while self.names.contains(&name) {
            count += 1;
            name = format!("{path}_{count}");
        }
        name
    }

    /// The parameter `layer.name` of this shape; a second use gives the same parameter.
    pub(super) fn parameter(&mut self, layer: &ParameterPath, name: &str, shape: &[usize]) -> ParameterId {
        self.arranged(layer, name, shape, Arrangement::AsStored)
    }

    /// The parameter `layer.name` of this shape, which files store in another one.
    pub(super) fn arranged(
        &mut self,
        layer: &ParameterPath,
        name: &str,
        shape: &[usize],
        arrangement: Arrangement,
    ) -> ParameterId {
        let (key, is_tied) = layer.parameter(name);
        if is_tied {
            self.tied.push((layer.as_str().to_owned(), key.clone()));
        } else {
            self.owned.insert(key.clone());
        }
        self.parameter_at(key, shape, arrangement)
    }

    /// The first layer that is tied to a parameter which no layer has.
    fn tied_to_nothing(&self) -> Option<TraceError> {
        let nothing = self.tied.iter().find(|(_, key)| !self.owned.contains(key));
        nothing.map(|(path, key)| TraceError::TiedToNothing {
            path: path.clone(),
            key: key.clone(),
        })
    }

    /// The parameters `layer.weight` of this shape and, if there is one, `layer.bias` with an element for each output
    /// channel.
    pub(super) fn affine(
        &mut self,
        layer: &ParameterPath,
        weight: &[usize],
        has_bias: bool,
    ) -> (ParameterId, Option<ParameterId>) {
        let id = self.parameter(layer, "weight", weight);
        let bias = has_bias.then(|| self.parameter(layer, "bias", weight.get(..1).unwrap_or(&[])));
        (id, bias)
    }

    fn parameter_at(&mut self, path: String, shape: &[usize], arrangement: Arrangement) -> ParameterId {
        let asked = ParameterSpec {
            path: path.clone(),
            shape: shape.to_vec(),
            arrangement,
        };
        if let Some(&id) = self.parameter_ids.get(&path) {
            let known = &self.parameters[id.0];
            if *known != asked && self.error.is_none() {
                let (first, second) = (known.stored_shape(), asked.stored_shape());
                self.error = Some(TraceError::ParameterConflict { path, first, second });
            }
            return id;
        }
        let id = ParameterId(self.parameters.len());
        self.parameters.push(asked);
        self.parameter_ids.insert(path, id);
        id
    }

    fn push(&mut self, name: String, op: FloatOp, inputs: Vec<NodeId>, shape: Shape) -> Tensor {
        let id = NodeId(self.nodes.len());
        self.names.insert(name.clone());
        self.nodes.push(Node {
            name,
            op,
            inputs,
            fact: shape.sizes().to_vec(),
        });
        Tensor {
            session: self.session,
            node: Some(id),
            shape,
        }
    }
}

/// Records one operation on `operands`. After the first error of a trace nothing more is recorded: results are poisoned
/// and report nothing.
pub(super) fn record<O: Into<FloatOp>>(
    origin: Origin<'_>,
    operands: &[Tensor],
    shape: Result<Shape, ShapeError>,
    op: impl FnOnce(&mut Recording) -> O,
) -> Tensor {
    let any = operands.first().copied().unwrap_or(Tensor::POISONED);
    let poisoned = Tensor { node: None, ..any };
    RECORDING.with_borrow_mut(|recording| {
        let Some(recording) = recording else {
            return poisoned;
        };
        let inputs: Option<Vec<NodeId>> = operands.iter().map(|operand| operand.node).collect();
        let (Some(inputs), None) = (inputs, &recording.error) else {
            return poisoned;
        };
        let name = recording.name(&origin);
        if operands
            .iter()
            .any(|operand| operand.session != recording.session)
        {
            recording.error = Some(TraceError::ForeignTensor { path: name });
            return poisoned;
        }
        match shape {
            Ok(shape) => {
                let op = op(recording).into();
                recording.push(name, op, inputs, shape)
            }
            Err(source) => {
                let (expected, found) = (source.expected().to_string(), source.found().to_string());
                recording.error = Some(TraceError::Shape {
                    path: name,
                    expected,
                    found,
                    source: Box::new(source),
                });
                poisoned
            }
        }
    })
}

/// The node of a parameter that is used as a tensor; a second use gives the same node.
pub(super) fn record_parameter(path: &'static str, shape: Result<Shape, ShapeError>) -> Tensor {
    let known = RECORDING.with_borrow_mut(|recording| {
        let (recording, shape) = (recording.as_mut()?, shape.ok()?);
        if recording.error.is_some() {
            return None;
        }
        recording.owned.insert(path.to_owned());
        let id = recording.parameter_at(path.to_owned(), shape.sizes(), Arrangement::AsStored);
        Some((id, recording.tensors.get(&id).copied()))
    });
    if let Some((_, Some(tensor))) = known {
        return tensor;
    }
    let origin = ParameterPath::root().join(path);
    let tensor = record(Origin::Layer(&origin), &[], shape, |recording| {
        let sizes = shape.map_or_else(|_| Vec::new(), |shape| shape.sizes().to_vec());
        let parameter = recording.parameter_at(path.to_owned(), &sizes, Arrangement::AsStored);
        ops::Parameter { parameter }
    });
    if let Some((id, None)) = known {
        RECORDING.with_borrow_mut(|recording| {
            if let Some(recording) = recording {
                recording.tensors.insert(id, tensor);
            }
        });
    }
    tensor
}

/// An input of a graph that is traced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceInput {
    /// Name of its node.
    pub name: String,
    /// What it holds.
    pub kind: InputKind,
    /// Its sizes, batch first.
    pub shape: Vec<usize>,
}

/// The graph of `model` on inputs of these shapes, batch first. A single input is the node `input`. Several are
/// `input.a`, `input.b`, named after the arguments of `forward`.
///
/// # Errors
/// Another number of inputs; the first mistake, with the path of the layer.
pub fn trace<M: Forward>(model: &M, shapes: &[&[usize]]) -> Result<Graph<Symbolic>, TraceError> {
    if shapes.len() != M::INPUT_NAMES.len() {
        return Err(TraceError::Inputs {
            expected: M::INPUT_NAMES.len(),
            found: shapes.len(),
        });
    }
    let named = M::INPUT_NAMES.iter().zip(shapes).enumerate();
    let inputs: Vec<TraceInput> = named
        .map(|(index, (name, shape))| TraceInput {
            name: match M::INPUT_NAMES.len() {
                1 => "input".to_owned(),
                _ => format!("input.{name}"),
            },
            kind: M::INPUT_KINDS.get(index).copied().unwrap_or(InputKind::Tensor),
            shape: shape.to_vec(),
        })
        .collect();
    trace_inputs(&inputs, |tensors| model.run(tensors))
}

/// The graph that `forward` records on these inputs, whose number may depend on the model: the keys and values of a
/// cache, for each layer. [`trace`] is for models whose inputs are the arguments of their `forward`.
///
/// # Errors
/// The first mistake, with the path of the layer.
pub fn trace_inputs(
    inputs: &[TraceInput],
    forward: impl FnOnce(&[Tensor]) -> Vec<Tensor>,
) -> Result<Graph<Symbolic>, TraceError> {
    let checked = |input: &TraceInput| {
        let checked = Shape::new(&input.shape).filter(|shape| shape.rank() > 0);
        checked.ok_or_else(|| TraceError::Input {
            found: input.shape.clone(),
        })
    };
    let shapes = inputs.iter().map(checked).collect::<Result<Vec<_>, _>>()?;
    let mut recording = Recording::new();
    let session = recording.session;
    let push = |(input, shape): (&TraceInput, Shape)| {
        let op = match input.kind {
            InputKind::Tensor => FloatOp::from(Input),
            InputKind::Tokens => Ids.into(),
        };
        recording.push(input.name.clone(), op, Vec::new(), shape)
    };
    let tensors: Vec<Tensor> = inputs.iter().zip(shapes).map(push).collect();
    let restore = Restore(RECORDING.replace(Some(recording)));
    let outputs = forward(&tensors);
    let recording = RECORDING.take();
    drop(restore);
    finish(recording, session, &outputs)
}

/// The graph that was recorded in `session`.
fn finish(
    recording: Option<Recording>,
    session: u64,
    outputs: &[Tensor],
) -> Result<Graph<Symbolic>, TraceError> {
    let foreign = || TraceError::ForeignTensor {
        path: "output".to_owned(),
    };
    let recording = recording.ok_or_else(foreign)?;
    let tied_to_nothing = recording.tied_to_nothing();
    if let Some(error) = recording.error.or(tied_to_nothing) {
        return Err(error);
    }
    if outputs.is_empty() {
        return Err(TraceError::NoOutput);
    }
    let output = |tensor: &Tensor| tensor.node.filter(|_| tensor.session == session);
    let outputs: Option<Vec<NodeId>> = outputs.iter().map(output).collect();
    Ok(Graph {
        nodes: recording.nodes,
        input: NodeId(0),
        outputs: outputs.ok_or_else(foreign)?,
        parameters: recording.parameters,
    })
}
