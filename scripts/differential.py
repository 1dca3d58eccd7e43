#!/usr/bin/env python3
"""Random graphs of zkml's language, and what ONNX Runtime computes with them.

    pip install numpy onnx onnxruntime safetensors
    python scripts/differential.py 500 DIRECTORY        # random.json and random.safetensors
    ZKML_DIFFERENTIAL=DIRECTORY cargo test --release --test differential -- --nocapture

Without arguments it writes the few cases that are committed, tests/fixtures/differential/random. Sizes of 1 to 3,
strides above kernels, and every padding that PyTorch allows come up often. Each fifth graph is marked to be proved.
"""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from differential_case import write

FIXTURE = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "differential" / "random"
SAMPLES = 4
OPTIONS = onnxruntime.SessionOptions()
OPTIONS.intra_op_num_threads = 1
OPTIONS.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
OPTIONS.log_severity_level = 4


class Refused(Exception):
    """ONNX Runtime or PyTorch does not allow this operation here."""


class Graph:
    """A network that is described for zkml and as an ONNX model. `x` and its like are numbers of values."""

    def __init__(self, name, random, shapes):
        self.name, self.random = name, random
        self.shapes = [list(shape) for shape in shapes]
        self.names = [f"x{i}" for i in range(len(shapes))]
        self.samples = [[self.normal(*shape) for shape in shapes] for _ in range(SAMPLES)]
        self.inputs = [list(shape) for shape in shapes]
        self.nodes, self.onnx, self.constants, self.weights = [], [], [], {}

    def normal(self, *shape):
        return self.random.normal(size=shape).astype(np.float32)

    def constant(self, value):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def weight(self, key, value):
        self.weights[f"n{len(self.nodes)}.{key}"] = value.astype(np.float32)
        return self.constant(value.astype(np.float32))

    def onnx_node(self, kind, inputs, outputs=1, **attributes):
        names = [f"t{len(self.onnx)}_{i}" for i in range(outputs)]
        self.onnx.append(helper.make_node(kind, inputs, names, **attributes))
        return names[0] if outputs == 1 else names

    def node(self, op, operands, results, **options):
        """Appends a node of zkml whose results are these of the ONNX model; returns the number of the first."""
        first = len(self.names)
        results = [results] if isinstance(results, str) else results
        values = self.run(results)[0]
        if any(value.size == 0 or value.ndim > 6 for value in values):
            raise Refused
        self.nodes.append({"op": op, "in": operands, "options": options})
        self.names += results
        self.shapes += [list(value.shape) for value in values]
        return first

    def run(self, names):
        """The values of these names, for each sample."""
        value = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        inputs = [value(f"x{i}", shape) for i, shape in enumerate(self.inputs)]
        # A value may be an input, and an output twice.
        ends = [helper.make_node("Identity", [name], [f"y{i}"]) for i, name in enumerate(names)]
        outputs = [value(f"y{i}", None) for i in range(len(names))]
        graph = helper.make_graph(self.onnx + ends, "graph", inputs, outputs, self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
        try:
            session = onnxruntime.InferenceSession(
                model.SerializeToString(), OPTIONS, providers=["CPUExecutionProvider"]
            )
            return [session.run(None, {f"x{i}": x for i, x in enumerate(sample)}) for sample in self.samples]
        except Exception as error:
            raise Refused from error

    def done(self, outputs, **settings):
        values = self.run([self.names[at] for at in outputs])
        tensors = dict(self.weights)
        for i in range(len(self.inputs)):
            tensors[f"input{i}"] = np.stack([sample[i] for sample in self.samples])
        for i in range(len(outputs)):
            tensors[f"output{i}"] = np.stack([value[i] for value in values])
        description = {"name": self.name, "inputs": self.inputs, "nodes": self.nodes, "outputs": outputs, **settings}
        return description, tensors


def between(graph, low, high):
    return int(graph.random.integers(low, high + 1))


def pick(graph, values):
    return values[between(graph, 0, len(values) - 1)]


def chance(graph, probability):
    return bool(graph.random.random() < probability)


def int64(*values):
    return np.array(values, dtype=np.int64)


def linear(graph, x):
    size, outputs = graph.shapes[x][-1], between(graph, 1, 6)
    weight = graph.normal(outputs, size) / np.float32(size**0.5)
    graph.weights[f"n{len(graph.nodes)}.weight"] = weight
    y = graph.onnx_node("MatMul", [graph.names[x], graph.constant(weight.T)])
    bias = chance(graph, 0.7)
    if bias:
        y = graph.onnx_node("Add", [y, graph.weight("bias", graph.normal(outputs) * 0.3)])
    return graph.node("Linear", [x], y, in_features=size, out_features=outputs, bias=bias)


MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def padded(graph, name, rank, amounts, mode):
    """ONNX padding; `amounts` are pairs for the last axes, the first of them first."""
    before = [0] * (rank - len(amounts)) + [a for a, _ in amounts]
    after = [0] * (rank - len(amounts)) + [b for _, b in amounts]
    return graph.onnx_node("Pad", [name, graph.constant(int64(*before, *after))], mode=mode)


def scalar(values, dims):
    """One number in one dimension, as the layers of one dimension take it."""
    return list(values) if dims == 2 else values[0]


def convolution(graph, x):
    shape = graph.shapes[x]
    dims, channels = len(shape) - 2, shape[1]
    draw = lambda low, high: [between(graph, low, high) for _ in range(dims)]
    kernel, stride, dilation, padding = draw(1, 4), draw(1, 5), draw(1, 3), draw(0, 3)
    groups = pick(graph, [g for g in range(1, channels + 1) if channels % g == 0])
    outputs = groups * between(graph, 1, 3)
    mode = pick(graph, ["zeros"] * 5 + list(MODES))
    same = chance(graph, 0.2)
    if same:
        stride = [1] * dims
    reach = [d * (k - 1) for d, k in zip(dilation, kernel)]
    amounts = [(r // 2, r - r // 2) if same else (p, p) for r, p in zip(reach, padding)]
    for size, (before, after), r in zip(shape[2:], amounts, reach):
        most = {"reflect": size - 1, "circular": size}.get(mode, 99)
        if max(before, after) > most or size + before + after < r + 1:
            raise Refused
    weight = graph.normal(outputs, channels // groups, *kernel)
    weight /= np.float32(weight[0].size ** 0.5)
    name = graph.names[x]
    pads = [a for a, _ in amounts] + [b for _, b in amounts]
    if mode != "zeros":
        name = padded(graph, name, len(shape), amounts, MODES[mode])
        pads = [0] * (2 * dims)
    inputs = [name, graph.weight("weight", weight)]
    bias = chance(graph, 0.7)
    if bias:
        inputs.append(graph.weight("bias", graph.normal(outputs) * 0.3))
    y = graph.onnx_node(
        "Conv", inputs, kernel_shape=kernel, strides=stride, pads=pads, dilations=dilation, group=groups
    )
    one = lambda values: scalar(values, dims)
    options = dict(in_channels=channels, out_channels=outputs, kernel_size=one(kernel), stride=one(stride))
    options |= dict(padding="same" if same else one(padding), dilation=one(dilation), groups=groups, bias=bias)
    return graph.node(f"Conv{dims}d", [x], y, padding_mode=mode, **options)


def transposed(graph, x):
    shape = graph.shapes[x]
    dims, channels = len(shape) - 2, shape[1]
    draw = lambda low, high: [between(graph, low, high) for _ in range(dims)]
    kernel, stride, dilation, padding = draw(1, 4), draw(1, 4), draw(1, 2), draw(0, 2)
    more = [between(graph, 0, max(s, d) - 1) for s, d in zip(stride, dilation)]
    groups = pick(graph, [g for g in range(1, channels + 1) if channels % g == 0])
    each = between(graph, 1, 3)
    sizes = zip(shape[2:], kernel, stride, dilation, padding, more)
    if any((n - 1) * s - 2 * p + d * (k - 1) + m + 1 < 1 for n, k, s, d, p, m in sizes):
        raise Refused
    weight = graph.normal(channels, each, *kernel) / np.float32((channels // groups * np.prod(kernel)) ** 0.5)
    inputs = [graph.names[x], graph.weight("weight", weight)]
    bias = chance(graph, 0.7)
    if bias:
        inputs.append(graph.weight("bias", graph.normal(each * groups) * 0.3))
    settings = dict(kernel_shape=kernel, strides=stride, pads=padding * 2, dilations=dilation, group=groups)
    y = graph.onnx_node("ConvTranspose", inputs, output_padding=more, **settings)
    one = lambda values: scalar(values, dims)
    options = dict(in_channels=channels, out_channels=each * groups, kernel_size=one(kernel), stride=one(stride))
    options |= dict(padding=one(padding), output_padding=one(more), dilation=one(dilation), groups=groups, bias=bias)
    return graph.node(f"ConvTranspose{dims}d", [x], y, **options)


def windows(size, kernel, stride, padding, dilation, ceil):
    """PyTorch's number of windows, and whether each has a cell of the input."""
    span = dilation * (kernel - 1) + 1
    count = (size + 2 * padding - span + (stride - 1 if ceil else 0)) // stride + 1
    if ceil and (count - 1) * stride >= size + padding:
        count -= 1
    cells = lambda i: [i * stride - padding + k * dilation for k in range(kernel)]
    return count, all(any(0 <= c < size for c in cells(i)) for i in range(count))


def pooling(graph, x):
    shape = graph.shapes[x]
    dims = len(shape) - 2
    draw = lambda low, high: [between(graph, low, high) for _ in range(dims)]
    kernel, stride = draw(1, 4), draw(1, 5)
    padding = [between(graph, 0, k // 2) for k in kernel]
    maximum = chance(graph, 0.5)
    dilation = draw(1, 2) if maximum else [1] * dims
    ceil, counts = chance(graph, 0.4), chance(graph, 0.5)
    for along in zip(shape[2:], kernel, stride, padding, dilation):
        count, touched = windows(*along, ceil)
        if count < 1 or not touched:
            raise Refused
    settings = dict(kernel_shape=kernel, strides=stride, pads=padding * 2, ceil_mode=int(ceil))
    one = lambda values: scalar(values, dims)
    options = dict(kernel_size=one(kernel), stride=one(stride), padding=one(padding), ceil_mode=ceil)
    if maximum:
        y = graph.onnx_node("MaxPool", [graph.names[x]], dilations=dilation, **settings)
        at = graph.node(f"MaxPool{dims}d", [x], y, dilation=one(dilation), **options)
    else:
        y = graph.onnx_node("AveragePool", [graph.names[x]], count_include_pad=int(counts), **settings)
        at = graph.node(f"AvgPool{dims}d", [x], y, count_include_pad=counts, **options)
    expected = [windows(*along, ceil)[0] for along in zip(shape[2:], kernel, stride, padding, dilation)]
    if graph.shapes[at][2:] != expected:
        # ONNX Runtime rounds another way.
        raise Refused
    return at


def adaptive(graph, x):
    shape = graph.shapes[x]
    dims = len(shape) - 2
    sizes = [between(graph, 1, 5) for _ in range(dims)]
    maximum = chance(graph, 0.4)
    y = graph.names[x]
    for axis, (size, count) in enumerate(zip(shape[2:], sizes), 2):
        parts = []
        for i in range(count):
            ends = [int64(i * size // count), int64(-(-(i + 1) * size // count)), int64(axis)]
            part = graph.onnx_node("Slice", [y, *map(graph.constant, ends)])
            reduce = "ReduceMax" if maximum else "ReduceMean"
            parts.append(graph.onnx_node(reduce, [part, graph.constant(int64(axis))], keepdims=1))
        y = graph.onnx_node("Concat", parts, axis=axis)
    kind = "AdaptiveMaxPool" if maximum else "AdaptiveAvgPool"
    return graph.node(f"{kind}{dims}d", [x], y, output_size=scalar(sizes, dims))


def normalization(graph, x):
    shape = graph.shapes[x]
    channels, eps = shape[1], pick(graph, [1e-5, 1e-3, 0.1])
    affine = chance(graph, 0.7)
    gain, shift = np.ones(channels, np.float32), np.zeros(channels, np.float32)
    if affine:
        gain, shift = graph.normal(channels), graph.normal(channels) * np.float32(0.3)
    mean = graph.normal(channels) * np.float32(0.5)
    variance = graph.random.uniform(0.3, 2, channels).astype(np.float32)
    named = [graph.weight(k, v) if affine else graph.constant(v) for k, v in (("weight", gain), ("bias", shift))]
    named += [graph.weight("running_mean", mean), graph.weight("running_var", variance)]
    y = graph.onnx_node("BatchNormalization", [graph.names[x], *named], epsilon=eps)
    kind = "BatchNorm2d" if len(shape) == 4 else "BatchNorm1d"
    return graph.node(kind, [x], y, num_features=channels, eps=eps, affine=affine)


def activation(graph, x):
    kind = pick(
        graph, ["ReLU", "ReLU", "ReLU6", "Sigmoid", "Tanh", "LeakyReLU", "GELU", "Hardswish", "clamp", "Hardtanh"]
    )
    name = graph.names[x]
    number = lambda value: graph.constant(np.float32(value))
    if kind == "ReLU6":
        return graph.node(kind, [x], graph.onnx_node("Clip", [name, number(0), number(6)]))
    if kind in ("clamp", "Hardtanh"):
        low = pick(graph, [-1.0, -0.25, 0.0, 0.5]) if kind == "clamp" else -1.0
        high = low + pick(graph, [0.5, 1.0, 3.0]) if kind == "clamp" else 1.0
        names = ("min", "max") if kind == "clamp" else ("min_val", "max_val")
        y = graph.onnx_node("Clip", [name, number(low), number(high)])
        return graph.node(kind, [x], y, **dict(zip(names, (low, high))))
    operators = {"ReLU": "Relu", "LeakyReLU": "LeakyRelu", "GELU": "Gelu", "Hardswish": "HardSwish"}
    attributes = {"alpha": 0.01} if kind == "LeakyReLU" else {}
    return graph.node(kind, [x], graph.onnx_node(operators.get(kind, kind), [name], **attributes))


def resized(graph, x):
    shape = graph.shapes[x]
    if len(shape) != 4:
        raise Refused
    name = graph.names[x]
    if shape[1] % 4 == 0 and chance(graph, 0.5):
        y = graph.onnx_node("DepthToSpace", [name], blocksize=2, mode="CRD")
        return graph.node("PixelShuffle", [x], y, upscale_factor=2)
    factor = [between(graph, 1, 4), between(graph, 1, 3)]
    bilinear = chance(graph, 0.6)
    settings = dict(mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    if bilinear:
        settings = dict(mode="linear", coordinate_transformation_mode="half_pixel")
    scales = graph.constant(np.array([1, 1, *factor], np.float32))
    y = graph.onnx_node("Resize", [name, "", scales], **settings)
    return graph.node("Upsample", [x], y, scale_factor=factor, mode="bilinear" if bilinear else "nearest")


def padding(graph, x):
    shape = graph.shapes[x]
    dims = len(shape) - 2
    mode = pick(graph, ["constant", "reflect", "replicate", "circular"])
    amounts = [(between(graph, 0, 3), between(graph, 0, 3)) for _ in range(dims)]
    for size, pair in zip(shape[2:], amounts):
        if max(pair) > {"reflect": size - 1, "circular": size}.get(mode, 99):
            raise Refused
    y = padded(graph, graph.names[x], len(shape), amounts, MODES.get(mode, "constant"))
    return graph.node("pad", [x], y, pad=[a for pair in reversed(amounts) for a in pair], mode=mode)


def part(graph, x):
    shape = graph.shapes[x]
    axis = between(graph, 1, len(shape) - 1)
    size, name = shape[axis], graph.names[x]
    if size % 2 == 0 and chance(graph, 0.4):
        halves = graph.onnx_node("Split", [name], 2, axis=axis, num_outputs=2)
        return graph.node("chunk", [x], halves, chunks=2, dim=axis) + between(graph, 0, 1)
    start = between(graph, 0, size - 1)
    end, step = between(graph, start + 1, size), between(graph, 1, 3)
    ends = [int64(start), int64(end), int64(axis), int64(step)]
    y = graph.onnx_node("Slice", [name, *map(graph.constant, ends)])
    back = chance(graph, 0.3) and end < size
    return graph.node("slice", [x], y, dim=axis, start=start, end=end - size if back else end, step=step)


def joined(graph, x):
    shape = graph.shapes[x]
    same = [i for i, other in enumerate(graph.shapes) if other == shape]
    other = pick(graph, same)
    kind = pick(graph, ["add", "sub", "mul", "cat", "gate"] + ["attend"] * (len(shape) > 2))
    name, second = graph.names[x], graph.names[other]
    if kind == "cat":
        axis = between(graph, 1, len(shape) - 1)
        return graph.node("cat", [x, other], graph.onnx_node("Concat", [name, second], axis=axis), dim=axis)
    if kind == "gate":
        other = graph.node("Sigmoid", [other], graph.onnx_node("Sigmoid", [second]))
        return graph.node("mul", [x, other], graph.onnx_node("Mul", [name, graph.names[other]]))
    if kind == "attend":
        # A gate for each channel, as in squeeze and excitation.
        other = reduced(graph, other, list(range(2, len(shape))), True, "mean")
        return graph.node("mul", [x, other], graph.onnx_node("Mul", [name, graph.names[other]]))
    return graph.node(kind, [x, other], graph.onnx_node(kind.capitalize(), [name, second]))


def reduced(graph, x, axes, keepdim, kind):
    operator = {"mean": "ReduceMean", "sum": "ReduceSum"}[kind]
    y = graph.onnx_node(operator, [graph.names[x], graph.constant(int64(*axes))], keepdims=int(keepdim))
    return graph.node(kind, [x], y, dim=axes, keepdim=keepdim)


def moved(graph, x):
    rank = len(graph.shapes[x])
    kind = between(graph, 0, 2)
    if kind == 0:
        axes = sorted(graph.random.choice(np.arange(1, rank), between(graph, 1, rank - 1), replace=False).tolist())
        return reduced(graph, x, axes, True, pick(graph, ["mean", "sum"]))
    if kind == 1:
        order = [0, 1] + [int(a) + 2 for a in graph.random.permutation(rank - 2)]
        if chance(graph, 0.3):
            order = [0] + [int(a) + 1 for a in graph.random.permutation(rank - 1)]
        return graph.node("permute", [x], graph.onnx_node("Transpose", [graph.names[x]], perm=order), dims=order)
    number = pick(graph, [0.5, -2.0, 3.0])
    y = graph.onnx_node("Mul", [graph.names[x], graph.constant(np.float32(number))])
    return graph.node("times", [x], y, number=number)


def recurrent(graph, x):
    """[T, N, features]: ONNX has gates in another order, and directions before the batch."""
    steps, batch, features = graph.shapes[x]
    if steps > 6:
        raise Refused
    kind = pick(graph, ["LSTM", "GRU"])
    hidden, both, bias = between(graph, 1, 4), chance(graph, 0.3), chance(graph, 0.7)
    # zkml's and PyTorch's gates, in the order of ONNX.
    order = [0, 3, 1, 2] if kind == "LSTM" else [1, 0, 2]
    turned = lambda w: np.concatenate([w[g * hidden : (g + 1) * hidden] for g in order])
    rows, directions = len(order) * hidden, 2 if both else 1
    stacked = [[], [], []]
    for suffix in ["", "_reverse"][:directions]:
        values = [
            graph.normal(rows, features) / np.float32(features**0.5),
            graph.normal(rows, hidden) / np.float32(hidden**0.5),
        ]
        biases = [graph.normal(rows) * np.float32(0.3) for _ in range(2)] if bias else []
        for key, value in zip(("weight_ih", "weight_hh", "bias_ih", "bias_hh"), values + biases):
            graph.weights[f"n{len(graph.nodes)}.{key}_l0{suffix}"] = value
        stacked[0].append(turned(values[0]))
        stacked[1].append(turned(values[1]))
        stacked[2].append(np.concatenate([turned(b) for b in biases] or [np.zeros(2 * rows, np.float32)]))
    inputs = [graph.names[x], *[graph.constant(np.stack(values)) for values in stacked]]
    settings = dict(hidden_size=hidden, direction="bidirectional" if both else "forward")
    if kind == "GRU":
        settings["linear_before_reset"] = 1
    count = 3 if kind == "LSTM" else 2
    outputs = graph.onnx_node(kind, inputs, count, **settings)
    y = graph.onnx_node("Transpose", [outputs[0]], perm=[0, 2, 1, 3])
    y = graph.onnx_node("Reshape", [y, graph.constant(int64(steps, batch, directions * hidden))])
    options = dict(input_size=features, hidden_size=hidden, bidirectional=both, bias=bias)
    return graph.node(kind, [x], [y, *outputs[1:]], **options)


IMAGES = [convolution] * 4 + [transposed] * 2 + [pooling] * 4 + [adaptive, normalization, normalization]
IMAGES += [activation] * 3 + [resized, padding, part, joined, joined, moved]
SEQUENCES = [*IMAGES, recurrent, recurrent, linear]
ROWS = [linear, linear, activation, activation, joined, joined, part]
LARGEST = 3000


def random_graph(seed):
    random = np.random.default_rng(seed)
    graph = Graph(f"r{seed}", random, [])
    small = lambda: between(graph, 1, 3) if chance(graph, 0.5) else between(graph, 1, 9)
    rank = pick(graph, [4, 4, 4, 3, 3, 2])
    batch = between(graph, 1, 3) if chance(graph, 0.4) else 1
    shapes = [[batch, between(graph, 1, 5), *[small() for _ in range(rank - 2)]]]
    if chance(graph, 0.2):
        shapes.append(shapes[0])
    graph = Graph(f"r{seed}", random, shapes)
    steps = {4: IMAGES, 3: SEQUENCES, 2: ROWS}
    x, depth = 0, between(graph, 2, 7)
    while len(graph.nodes) < depth:
        kind = pick(graph, steps[len(graph.shapes[x])])
        state = [list(v) for v in (graph.nodes, graph.onnx, graph.constants, graph.names, graph.shapes)]
        weights = dict(graph.weights)
        try:
            y = kind(graph, x)
            if np.prod(graph.shapes[y]) > LARGEST or len(graph.shapes[y]) not in steps:
                raise Refused
            x = y
        except Refused:
            graph.nodes, graph.onnx, graph.constants, graph.names, graph.shapes = state
            graph.weights = weights
    if chance(graph, 0.5):
        shape = graph.shapes[x]
        flat = [shape[0], int(np.prod(shape[1:]))]
        y = graph.onnx_node("Reshape", [graph.names[x], graph.constant(int64(*flat))])
        x = linear(graph, graph.node("flatten", [x], y, start_dim=1))
    settings = {"prove": True} if seed % 5 == 0 else {}
    return graph.done([x], **settings)


if __name__ == "__main__":
    if len(sys.argv) == 3:
        write(Path(sys.argv[2]) / "random", [random_graph(seed) for seed in range(int(sys.argv[1]))])
    else:
        write(FIXTURE, [random_graph(seed) for seed in range(40)])
