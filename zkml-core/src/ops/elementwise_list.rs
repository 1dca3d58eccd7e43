// The elementwise functions that are tables. This file is included wherever the list is needed: a line brings a room
// into `FloatOp`, the layers and functions of `nn`, the prelude and the hyper-parameters that `#[zk_model]` knows.
//
//   room, function(arguments), layer, options { hyper-parameter: kind }
elementwise! {
    sigmoid, sigmoid(), Sigmoid, SigmoidOptions {};
    tanh, tanh(), Tanh, TanhOptions {};
    gelu, gelu(), GELU, GELUOptions { approximate: Text };
    silu, silu(), SiLU, SiLUOptions {};
    leaky_relu, leaky_relu(negative_slope), LeakyReLU, LeakyReLUOptions { negative_slope: Number };
    elu, elu(alpha), ELU, ELUOptions { alpha: Number };
    hardswish, hardswish(), Hardswish, HardswishOptions {};
    hardsigmoid, hardsigmoid(), Hardsigmoid, HardsigmoidOptions {};
    softplus, softplus(), Softplus, SoftplusOptions { beta: Number, threshold: Number };
    abs, abs(), Abs, AbsOptions {};
}
