//! `torch.nn.LSTM` and `GRU`, unrolled: each step of the sequence is a few operations of its own.
//!
//! The products of the whole sequence with `weight_ih` are one layer. A step multiplies the state with `weight_hh`,
//! adds its row of the former, and applies the gates. Without a state to begin with, the first step has no product:
//! what is left of the layer is its bias.

use crate::graph::{Shape, ShapeError, attempt, choice, infer, of_rank, positive, sized};
use crate::nn::elementwise::{sigmoid, tanh};
use crate::nn::moves::{joined, narrowed, permuted, refuse, reshaped};
use crate::nn::slicing::{chunk, stacked};
use crate::nn::trace::{Origin, record};
use crate::nn::{Called, Forward, Module, Parameter, ParameterPath, Tensor};
use crate::ops;

/// The cell of a recurrent layer: gates, and what a step makes of them.
trait Cell {
    const NAME: &'static str;
    /// Blocks of `hidden_size` rows in each weight.
    const GATES: usize;
    /// Has it a second state, beside the one that is its output?
    const HAS_CELL_STATE: bool;

    /// The states after a step: `input` is the product of the step's input, `hidden` that of the state, each
    /// `[N, GATES hidden_size]`, with their biases. `None` stands for a state of zeros.
    fn step(input: Tensor, hidden: Hidden, state: [Option<Tensor>; 2], size: usize) -> [Tensor; 2];
}

/// The product of the state with `weight_hh`, and its bias.
#[derive(Clone, Copy)]
enum Hidden {
    /// Of a state.
    Product(Tensor),
    /// Of zeros: the bias alone.
    Bias(Parameter),
    /// Of zeros, in a layer without biases.
    Nothing,
}

impl Hidden {
    /// Gates `first` to `first + count` (not included), added to `x`.
    fn added(self, x: Tensor, first: usize, count: usize, size: usize) -> Tensor {
        match self.gates(first, count, size) {
            Some(gates) => x + gates,
            None => x,
        }
    }

    fn gates(self, first: usize, count: usize, size: usize) -> Option<Tensor> {
        let tensor = match self {
            Self::Product(tensor) => tensor,
            Self::Bias(bias) => bias.tensor(),
            Self::Nothing => return None,
        };
        Some(gates(tensor, first, count, size))
    }
}

/// Gates `first` to `first + count` (not included) along the last axis.
fn gates(x: Tensor, first: usize, count: usize, size: usize) -> Tensor {
    let last = x.shape.rank().saturating_sub(1);
    narrowed(Origin::Function("gates"), x, last, first * size, count * size)
}

/// `i`, `f`, `g` and `o` of the gates; `c' = f c + i g`, `h' = o tanh(c')`.
#[derive(Debug, Clone, Copy)]
struct LstmCell;

impl Cell for LstmCell {
    const NAME: &'static str = "LSTM";
    const GATES: usize = 4;
    const HAS_CELL_STATE: bool = true;

    fn step(input: Tensor, hidden: Hidden, [_, cell]: [Option<Tensor>; 2], size: usize) -> [Tensor; 2] {
        let all = hidden.added(input, 0, Self::GATES, size);
        let [input, forget] = chunk(sigmoid(gates(all, 0, 2, size)), -1);
        let proposed = tanh(gates(all, 2, 1, size));
        let output = sigmoid(gates(all, 3, 1, size));
        let kept = cell.map(|cell| forget * cell);
        let added = input * proposed;
        let cell = match kept {
            Some(kept) => kept + added,
            None => added,
        };
        [output * tanh(cell), cell]
    }
}

/// `r`, `z` and `n` of the gates; `n = tanh(x_n + r h_n)`, `h' = n + z (h - n)`.
#[derive(Debug, Clone, Copy)]
struct GruCell;

impl Cell for GruCell {
    const NAME: &'static str = "GRU";
    const GATES: usize = 3;
    const HAS_CELL_STATE: bool = false;

    fn step(input: Tensor, hidden: Hidden, [state, _]: [Option<Tensor>; 2], size: usize) -> [Tensor; 2] {
        let both = sigmoid(hidden.added(gates(input, 0, 2, size), 0, 2, size));
        let [reset, update] = chunk(both, -1);
        let own = gates(input, 2, 1, size);
        let proposed = match hidden.gates(2, 1, size) {
            Some(hidden) => own + reset * hidden,
            None => own,
        };
        let proposed = tanh(proposed);
        let state = match state {
            Some(state) => proposed + update * (state - proposed),
            None => proposed - update * proposed,
        };
        [state, state]
    }
}

/// Declares a recurrent layer: its options, and its `forward` on a sequence, with or without a state to begin with.
macro_rules! recurrent {
    ($(#[$doc:meta])* $layer:ident, $options:ident, $name:literal, $cell:ident, $state:ty,
        |$states:ident| $wrap:expr, |$given:ident| $unwrap:expr) => {
        #[doc = concat!("Hyper-parameters of [`", $name, "`].")]
        #[derive(Debug, Clone, Copy, PartialEq)]
        pub struct $options {
            /// Features of the input.
            pub input_size: usize,
            /// Features of the state.
            pub hidden_size: usize,
            /// Layers, each on the output of the one before; 1.
            pub num_layers: usize,
            /// Whether there are biases; yes.
            pub bias: bool,
            /// Whether the batch is the first axis, before the sequence; no.
            pub batch_first: bool,
            /// Probability in training; 0. Without effect here.
            pub dropout: f64,
            /// Whether a second pass runs from the end of the sequence to its beginning; no.
            pub bidirectional: bool,
        }

        impl $options {
            /// With PyTorch's defaults.
            pub const fn new(input_size: usize, hidden_size: usize) -> $options {
                $options {
                    input_size,
                    hidden_size,
                    num_layers: 1,
                    bias: true,
                    batch_first: false,
                    dropout: 0.0,
                    bidirectional: false,
                }
            }

            const fn common(&self) -> Sizes {
                Sizes {
                    name: $name,
                    input: self.input_size,
                    hidden: self.hidden_size,
                    layers: self.num_layers,
                    bias: self.bias,
                    batch_first: self.batch_first,
                    directions: if self.bidirectional { 2 } else { 1 },
                }
            }

            /// # Errors
            /// A size of 0.
            pub const fn check(&self) -> Result<(), ShapeError> {
                self.common().check()
            }

            /// The shape of the output: `[T, N, D hidden_size]` of `[T, N, input_size]`, with `[N, T, ..]` if
            /// `batch_first`.
            ///
            /// # Errors
            /// Options or an operand that do not fit.
            pub const fn shape(&self, x: Shape) -> Result<Shape, ShapeError> {
                self.common().shape(x)
            }

            infer!(|self, x| self.shape(x));
        }

        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $layer {
            path: ParameterPath,
            options: $options,
        }

        impl Module for $layer {
            type Options = $options;

            fn build(path: ParameterPath, options: $options) -> $layer {
                $layer { path, options }
            }
        }

        impl $layer {
            /// The output for every step, and the state after the last one, from a state of zeros.
            pub fn forward(&self, x: Tensor) -> (Tensor, $state) {
                let (y, $states) = run::<$cell>(&self.path, &self.options.common(), x, None);
                (y, $wrap)
            }

            /// [`Self::forward`] from this state: `[D num_layers, N, hidden_size]`.
            pub fn forward_with(&self, x: Tensor, $given: $state) -> (Tensor, $state) {
                let (y, $states) = run::<$cell>(&self.path, &self.options.common(), x, Some($unwrap));
                (y, $wrap)
            }
        }

        impl Called for $layer {
            const USED_FIELDS: &'static [&'static str] = &["*"];
        }

        impl Forward for $layer {
            fn run(&self, inputs: &[Tensor]) -> Vec<Tensor> {
                inputs.iter().map(|&x| self.forward(x).0).collect()
            }
        }
    };
}

recurrent!(
    /// Long short-term memory. Its result is `(output, (h_n, c_n))`, as in PyTorch.
    ///
    /// Parameters of layer `k`, gates in the order `i, f, g, o`: `weight_ih_lk` `[4 hidden_size, features]`,
    /// `weight_hh_lk` `[4 hidden_size, hidden_size]`, `bias_ih_lk` and `bias_hh_lk` `[4 hidden_size]`; those of the
    /// second direction end in `_reverse`.
    LSTM, LSTMOptions, "LSTM", LstmCell, (Tensor, Tensor), |states| (states[0], states[1]), |state| [state.0, state.1]
);

recurrent!(
    /// Gated recurrent unit. Its result is `(output, h_n)`, as in PyTorch.
    ///
    /// Parameters of layer `k`, gates in the order `r, z, n`: `weight_ih_lk` `[3 hidden_size, features]`,
    /// `weight_hh_lk` `[3 hidden_size, hidden_size]`, `bias_ih_lk` and `bias_hh_lk` `[3 hidden_size]`; those of the
    /// second direction end in `_reverse`.
    GRU, GRUOptions, "GRU", GruCell, Tensor, |states| states[0], |state| [state, state]
);

/// The options of a recurrent layer.
struct Sizes {
    name: &'static str,
    input: usize,
    hidden: usize,
    layers: usize,
    bias: bool,
    batch_first: bool,
    directions: usize,
}

impl Sizes {
    const fn check(&self) -> Result<(), ShapeError> {
        attempt!(positive(self.name, "input_size", self.input));
        attempt!(positive(self.name, "hidden_size", self.hidden));
        attempt!(positive(self.name, "num_layers", self.layers));
        choice(self.name, "hidden_size", "below 2^32", self.hidden >> 32 == 0)
    }

    const fn shape(&self, x: Shape) -> Result<Shape, ShapeError> {
        attempt!(self.check());
        let expected = "3 dimensions: [N, T, features] if batch_first, else [T, N, features]";
        attempt!(of_rank(self.name, 3, expected, x));
        if x.size(2) != self.input {
            return Err(ShapeError::LastAxis {
                operation: self.name,
                expected: self.input,
                found: x,
            });
        }
        sized(
            self.name,
            x,
            &[x.size(0), x.size(1), self.directions * self.hidden],
        )
    }

    /// `[D num_layers, N, hidden_size]`.
    fn state(&self, batch: usize) -> [usize; 3] {
        [self.directions * self.layers, batch, self.hidden]
    }
}

/// The parameter of a layer in a direction: `weight_ih_l0`, `bias_hh_l1_reverse`.
fn named(kind: &str, layer: usize, direction: usize) -> String {
    let suffix = if direction == 0 { "" } else { "_reverse" };
    format!("{kind}_l{layer}{suffix}")
}

/// The output for every step, and the last states.
fn run<C: Cell>(
    path: &ParameterPath,
    sizes: &Sizes,
    x: Tensor,
    given: Option<[Tensor; 2]>,
) -> (Tensor, [Tensor; 2]) {
    let origin = Origin::Layer(path);
    if let Err(error) = sizes.shape(x.shape) {
        let x = refuse(origin, x, error);
        return (x, [x, x]);
    }
    let swap = || vec![1, 0, 2];
    let mut x = match sizes.batch_first {
        true => x,
        false => permuted(Origin::Part(&origin, "batch_first"), x, swap()),
    };
    let batch = x.size(0);
    let states = usize::from(C::HAS_CELL_STATE) + 1;
    for state in given.iter().flat_map(|given| given.iter().take(states)) {
        if state.shape() != sizes.state(batch) {
            let error = ShapeError::Unlike {
                operation: C::NAME,
                expected: "a state [D num_layers, N, hidden_size] for",
                of: x.shape,
                found: state.shape,
            };
            let x = refuse(origin, *state, error);
            return (x, [x, x]);
        }
    }
    // Names of the steps are under the layer.
    let _scope = path.enter();
    let mut last: [Vec<Tensor>; 2] = [Vec::new(), Vec::new()];
    for layer in 0..sizes.layers {
        let mut outputs = Vec::new();
        for direction in 0..sizes.directions {
            let number = layer * sizes.directions + direction;
            let first = given.map(|given| given.map(|state| row(state, number, sizes.hidden)));
            let (output, state) = pass::<C>(path, sizes, x, (layer, direction), first);
            outputs.push(output);
            last[0].push(state[0]);
            last[1].push(state[1]);
        }
        x = joined(Origin::Function("directions"), &outputs, 2);
    }
    let y = match sizes.batch_first {
        true => x,
        false => permuted(Origin::Function("sequence_first"), x, swap()),
    };
    let mut last = last.into_iter();
    let mut state = |name| stacked(Origin::Function(name), &last.next().unwrap_or_default(), 0);
    let hidden = state("h_n");
    let cell = if C::HAS_CELL_STATE { state("c_n") } else { hidden };
    (y, [hidden, cell])
}

/// The state `[N, hidden_size]` of one layer and direction.
fn row(state: Tensor, number: usize, hidden: usize) -> Tensor {
    let batch = state.size(1);
    let state = narrowed(Origin::Function("state"), state, 0, number, 1);
    reshaped(Origin::Function("state"), state, &[batch, hidden])
}

/// One layer in one direction on `x` `[N, T, features]`: `[N, T, hidden_size]` and the last states.
fn pass<C: Cell>(
    path: &ParameterPath,
    sizes: &Sizes,
    x: Tensor,
    (layer, direction): (usize, usize),
    first: Option<[Tensor; 2]>,
) -> (Tensor, [Tensor; 2]) {
    let (batch, steps, hidden) = (x.size(0), x.size(1), sizes.hidden);
    let rows = C::GATES * hidden;
    let name = |kind: &str| named(kind, layer, direction);
    let linear = |origin: Origin<'_>, x: Tensor, kind: &str| {
        let mut shape = x.shape().to_vec();
        let inputs = shape.pop().unwrap_or(1);
        shape.push(rows);
        let shape = Shape::new(&shape).ok_or(ShapeError::Size {
            operation: C::NAME,
            of: x.shape,
        });
        record(origin, &[x], shape, |recording| {
            let weight = recording.parameter(path, &name(&format!("weight_{kind}")), &[rows, inputs]);
            let bias = name(&format!("bias_{kind}"));
            let bias = sizes.bias.then(|| recording.parameter(path, &bias, &[rows]));
            ops::Linear { weight, bias }
        })
    };
    let all = linear(Origin::Function("input"), x, "ih");
    let mut state: [Option<Tensor>; 2] =
        first.map_or([None, None], |[hidden, cell]| [Some(hidden), Some(cell)]);
    let mut outputs = vec![None; steps];
    for step in 0..steps {
        let at = if direction == 0 { step } else { steps - 1 - step };
        let input = narrowed(Origin::Function("step"), all, 1, at, 1);
        let input = reshaped(Origin::Function("step"), input, &[batch, rows]);
        let product = match state[0] {
            Some(state) => Hidden::Product(linear(Origin::Function("hidden"), state, "hh")),
            None if sizes.bias => Hidden::Bias(Parameter::new(&path.join(name("bias_hh")), &[rows])),
            None => Hidden::Nothing,
        };
        let next = C::step(input, product, state, hidden);
        state = next.map(Some);
        if let Some(output) = outputs.get_mut(at) {
            *output = Some(reshaped(Origin::Function("output"), next[0], &[batch, 1, hidden]));
        }
    }
    let outputs: Vec<Tensor> = outputs.into_iter().flatten().collect();
    let output = joined(Origin::Function("outputs"), &outputs, 1);
    (output, state.map(|state| state.unwrap_or(output)))
}
