#!/usr/bin/env python3
"""What PyTorch computes with every layer and function of zkml that is made of others.

    python3 -m venv venv && venv/bin/pip install -r scripts/requirements.txt
    venv/bin/python scripts/reference_layers.py

writes tests/fixtures/differential/layers.json and layers.safetensors, which tests/differential.rs compares with: floats
within 1e-5, integers near them, and the cases with `prove` are proved.
"""

from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

from differential_case import write

TARGET = Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "differential" / "layers"
SAMPLES = 4


class Case:
    """A network that is described and run at the same time. Values are lists, one tensor a sample."""

    def __init__(self, name, *shapes, prove=False, **settings):
        # Weights and samples follow from the name.
        self.random = torch.Generator().manual_seed(sum(name.encode()))
        samples = lambda shape: [self.normal(*shape) for _ in range(SAMPLES)]
        self.values = [samples(shape) for shape in shapes]
        self.inputs = list(self.values)
        self.nodes, self.weights = [], {}
        self.description = {"name": name, "inputs": [list(shape) for shape in shapes], **settings}
        if prove:
            self.description["prove"] = True

    def normal(self, *shape):
        return torch.randn(*shape, generator=self.random)

    def node(self, op, function, operands, options):
        """Appends a node; returns the number of its first result."""
        self.nodes.append({"op": op, "in": list(operands), "options": options})
        results = [function(*[self.values[at][s] for at in operands]) for s in range(SAMPLES)]
        if isinstance(results[0], torch.Tensor):
            results = [(result,) for result in results]
        first = len(self.values)
        self.values.extend([list(of_samples) for of_samples in zip(*results)])
        return first

    def layer(self, kind, *operands, **options):
        """Appends a layer of torch.nn with random weights."""
        module = getattr(nn, kind)(**options).eval()
        for key, tensor in module.state_dict().items():
            if key.endswith("num_batches_tracked"):
                continue
            value = self.normal(*tensor.shape)
            fan = tensor[0].numel() if tensor.dim() > 1 else 4
            value = value.abs() + 0.5 if key.endswith("running_var") else value / fan**0.5
            tensor.copy_(value)
            self.weights[f"n{len(self.nodes)}.{key}"] = value.numpy()

        def run(*inputs):
            if kind not in ("LSTM", "GRU"):
                return module(*inputs)
            x, state = inputs[0], inputs[1:]
            given = None if not state else (tuple(state) if kind == "LSTM" else state[0])
            output, last = module(x, given)
            return (output, *last) if kind == "LSTM" else (output, last)

        return self.node(kind, run, operands, options)

    def call(self, op, function, *operands, **options):
        return self.node(op, function, operands, options)

    def done(self, *outputs):
        self.description |= {"nodes": self.nodes, "outputs": list(outputs)}
        tensors = dict(self.weights)
        for number, samples in enumerate(self.inputs):
            tensors[f"input{number}"] = torch.stack(samples).numpy()
        for number, at in enumerate(outputs):
            tensors[f"output{number}"] = torch.stack(self.values[at]).detach().numpy()
        return self.description, tensors


def one_layer(name, shape, kind, prove=False, **options):
    case = Case(name, shape, prove=prove)
    return case.done(case.layer(kind, 0, **options))


def function(name, shape, op, run, prove=False, **options):
    case = Case(name, shape, prove=prove)
    return case.done(case.call(op, run, 0, **options))


def convolutions():
    yield one_layer(
        "conv1d", [2, 3, 7], "Conv1d", True, in_channels=3, out_channels=4, kernel_size=3, stride=2, padding=1
    )
    yield one_layer(
        "conv1d_grouped",
        [1, 4, 9],
        "Conv1d",
        in_channels=4,
        out_channels=6,
        kernel_size=2,
        dilation=3,
        groups=2,
        bias=False,
    )
    yield one_layer("conv1d_same", [1, 2, 5], "Conv1d", in_channels=2, out_channels=3, kernel_size=4, padding="same")
    yield one_layer(
        "conv1d_replicate",
        [1, 2, 5],
        "Conv1d",
        in_channels=2,
        out_channels=3,
        kernel_size=3,
        padding=2,
        padding_mode="replicate",
    )
    case = Case("conv1d_batch_norm", [2, 3, 8], prove=True)
    x = case.layer("Conv1d", 0, in_channels=3, out_channels=5, kernel_size=3, padding=1)
    x = case.layer("BatchNorm1d", x, num_features=5)
    x = case.call("ReLU", F.relu, x)
    x = case.layer("MaxPool1d", x, kernel_size=2)
    x = case.layer("Conv1d", x, in_channels=5, out_channels=2, kernel_size=3)
    yield case.done(x)
    yield one_layer(
        "conv2d_same", [1, 2, 5, 4], "Conv2d", True, in_channels=2, out_channels=3, kernel_size=(3, 2), padding="same"
    )
    yield one_layer(
        "conv2d_same_dilated",
        [1, 2, 5, 6],
        "Conv2d",
        in_channels=2,
        out_channels=2,
        kernel_size=2,
        dilation=(2, 3),
        padding="same",
    )
    for mode in ("reflect", "replicate", "circular"):
        yield one_layer(
            f"conv2d_{mode}",
            [1, 2, 4, 5],
            "Conv2d",
            mode == "reflect",
            in_channels=2,
            out_channels=3,
            kernel_size=3,
            padding=(1, 2),
            stride=(1, 2),
            padding_mode=mode,
        )
    yield one_layer(
        "conv2d_same_reflect",
        [1, 1, 4, 5],
        "Conv2d",
        in_channels=1,
        out_channels=2,
        kernel_size=(2, 4),
        padding="same",
        padding_mode="reflect",
    )


def transposed():
    layer = lambda name, shape, prove=False, **options: one_layer(name, shape, "ConvTranspose2d", prove, **options)
    yield layer("transposed_plain", [1, 2, 3, 4], in_channels=2, out_channels=3, kernel_size=3)
    yield layer("transposed_stride", [1, 3, 3, 4], True, in_channels=3, out_channels=2, kernel_size=2, stride=2)
    yield layer(
        "transposed_gan", [2, 2, 3, 3], in_channels=2, out_channels=3, kernel_size=4, stride=2, padding=1, bias=False
    )
    yield layer(
        "transposed_output_padding",
        [1, 2, 3, 2],
        True,
        in_channels=2,
        out_channels=2,
        kernel_size=3,
        stride=(2, 3),
        padding=1,
        output_padding=(1, 2),
    )
    yield layer(
        "transposed_grouped", [1, 4, 2, 3], in_channels=4, out_channels=6, kernel_size=(3, 2), stride=2, groups=2
    )
    yield layer(
        "transposed_dilated",
        [1, 1, 3, 3],
        in_channels=1,
        out_channels=2,
        kernel_size=2,
        stride=2,
        dilation=3,
        padding=2,
        output_padding=1,
    )
    yield layer("transposed_cut", [1, 2, 4, 4], in_channels=2, out_channels=1, kernel_size=1, stride=2, padding=1)
    yield layer(
        "transposed_wide_stride", [1, 1, 2, 3], in_channels=1, out_channels=2, kernel_size=2, stride=4, output_padding=3
    )
    yield one_layer(
        "transposed_1d",
        [1, 2, 4],
        "ConvTranspose1d",
        in_channels=2,
        out_channels=3,
        kernel_size=3,
        stride=2,
        padding=1,
        output_padding=1,
    )


def poolings():
    layer = one_layer
    yield layer("max_pool1d", [2, 3, 7], "MaxPool1d", kernel_size=3, stride=2, padding=1)
    yield layer("max_pool1d_ceil", [1, 2, 6], "MaxPool1d", kernel_size=2, stride=4, ceil_mode=True)
    yield layer("avg_pool1d", [1, 2, 7], "AvgPool1d", kernel_size=3, stride=2, padding=1)
    yield layer(
        "avg_pool1d_no_padding", [1, 2, 7], "AvgPool1d", kernel_size=3, stride=2, padding=1, count_include_pad=False
    )
    yield layer("max_pool_ceil", [1, 2, 6, 5], "MaxPool2d", True, kernel_size=3, stride=2, ceil_mode=True)
    yield layer(
        "max_pool_ceil_padded", [1, 1, 7, 4], "MaxPool2d", kernel_size=(3, 2), stride=(3, 3), padding=1, ceil_mode=True
    )
    yield layer(
        "max_pool_ceil_dilated", [1, 1, 7, 6], "MaxPool2d", kernel_size=2, stride=3, dilation=(2, 3), ceil_mode=True
    )
    yield layer("max_pool_ceil_larger_than_input", [1, 1, 1, 2], "MaxPool2d", kernel_size=2, stride=2, ceil_mode=True)
    yield layer("avg_pool_ceil", [1, 2, 6, 5], "AvgPool2d", True, kernel_size=3, stride=2, ceil_mode=True)
    yield layer(
        "avg_pool_ceil_padded", [1, 1, 6, 5], "AvgPool2d", kernel_size=(3, 2), stride=(3, 2), padding=1, ceil_mode=True
    )
    yield layer(
        "avg_pool_no_padding",
        [1, 2, 5, 5],
        "AvgPool2d",
        True,
        kernel_size=3,
        stride=1,
        padding=1,
        count_include_pad=False,
    )
    yield layer(
        "avg_pool_ceil_no_padding",
        [1, 1, 6, 8],
        "AvgPool2d",
        kernel_size=(4, 3),
        stride=(3, 2),
        padding=(2, 1),
        ceil_mode=True,
        count_include_pad=False,
    )
    yield layer("adaptive_overlapping", [1, 2, 5, 7], "AdaptiveAvgPool2d", True, output_size=(3, 4))
    yield layer("adaptive_of_rows", [2, 1, 7, 6], "AdaptiveAvgPool2d", output_size=(3, 2))
    yield layer("adaptive_larger", [1, 2, 2, 1], "AdaptiveAvgPool2d", output_size=(5, 7))
    yield layer("adaptive_repeated", [1, 2, 1, 2], "AdaptiveAvgPool2d", output_size=(3, 4))
    yield layer("adaptive_max", [1, 2, 5, 7], "AdaptiveMaxPool2d", True, output_size=(3, 4))
    yield layer("adaptive_1d", [1, 2, 7], "AdaptiveAvgPool1d", output_size=3)
    yield layer("adaptive_max_1d", [1, 2, 7], "AdaptiveMaxPool1d", output_size=5)


def resized():
    for factor in (2, 3, (1, 4), (5, 2)):
        name = str(factor).replace("(", "").replace(")", "").replace(", ", "_by_")
        yield one_layer(f"nearest_{name}", [1, 2, 3, 2], "Upsample", factor == 2, scale_factor=factor)
        yield one_layer(
            f"bilinear_{name}", [1, 2, 3, 2], "Upsample", factor in (2, (5, 2)), scale_factor=factor, mode="bilinear"
        )
    yield one_layer("bilinear_of_one_cell", [1, 1, 1, 1], "Upsample", scale_factor=2, mode="bilinear")
    yield one_layer("pixel_shuffle", [1, 8, 2, 3], "PixelShuffle", True, upscale_factor=2)
    yield one_layer("reflection", [1, 2, 4, 3], "ReflectionPad2d", True, padding=[2, 1, 3, 0])
    yield one_layer("replication", [1, 2, 4, 3], "ReplicationPad2d", True, padding=[2, 1, 3, 0])
    yield one_layer("reflection_1d", [1, 2, 4], "ReflectionPad1d", padding=[2, 3])
    yield one_layer("replication_1d", [1, 2, 4], "ReplicationPad1d", padding=[5, 0])
    yield one_layer("zeros_1d", [1, 2, 4], "ZeroPad1d", padding=[1, 2])
    for mode in ("reflect", "replicate", "circular"):
        run = lambda x, mode=mode: F.pad(x, [1, 2, 2, 0], mode=mode)
        yield function(f"pad_{mode}", [1, 2, 4, 3], "pad", run, pad=[1, 2, 2, 0], mode=mode)


def recurrent():
    for kind in ("LSTM", "GRU"):
        name = kind.lower()
        case = Case(f"{name}_last_step", [2, 4, 3], prove=True)
        y = case.layer(kind, 0, input_size=3, hidden_size=4, batch_first=True)
        y = case.call("select", lambda x: x[:, -1], y, dim=1, index=-1)
        yield case.done(case.layer("Linear", y, in_features=4, out_features=2))
        case = Case(f"{name}_of_two_layers_and_directions", [4, 2, 3], bound=0.08)
        y = case.layer(kind, 0, input_size=3, hidden_size=2, num_layers=2, bidirectional=True)
        yield case.done(*range(y, y + (3 if kind == "LSTM" else 2)))
        case = Case(f"{name}_without_bias", [1, 3, 2])
        y = case.layer(kind, 0, input_size=2, hidden_size=3, batch_first=True, bias=False)
        yield case.done(y)
        states = 2 if kind == "LSTM" else 1
        case = Case(f"{name}_from_a_state", [2, 3, 2], *[[1, 2, 3]] * states)
        y = case.layer(kind, *range(1 + states), input_size=2, hidden_size=3, batch_first=True)
        yield case.done(y, y + 1)


def functions():
    for name, dim in (("rows", [1]), ("images", [2, 3]), ("apart", [0, 2]), ("all", [0, 1, 2, 3]), ("first", [0, 1])):
        for keepdim in (False, True):
            suffix = "_keepdim" if keepdim else ""
            run = lambda x: x.mean(dim, keepdim)
            yield function(f"mean_{name}{suffix}", [2, 3, 4, 5], "mean", run, name == "apart", dim=dim, keepdim=keepdim)
    yield function("sum_rows", [2, 3, 4], "sum", lambda x: x.sum(-1), True, dim=[-1], keepdim=False)
    yield function("sum_apart", [2, 3, 4], "sum", lambda x: x.sum((0, 2), True), dim=[0, 2], keepdim=True)
    yield function("slice", [2, 7, 3], "slice", lambda x: x[:, 2:-1], dim=1, start=2, end=-1)
    yield function("slice_step", [2, 8, 3], "slice", lambda x: x[:, 1:-1:4], True, dim=1, start=1, end=-1, step=4)
    yield function("slice_step_last", [2, 7], "slice", lambda x: x[:, 0:7:3], dim=-1, start=0, end=7, step=3)
    yield function("select", [2, 3, 4], "select", lambda x: x[:, -2], dim=1, index=-2)
    yield function("clamp", [3, 7], "clamp", lambda x: x.clamp(-0.5, 0.75), True, min=-0.5, max=0.75)
    yield function("clamp_above_zero", [3, 7], "clamp", lambda x: x.clamp(0.25, 1.0), True, min=0.25, max=1.0)
    yield function("clamp_one_side", [3, 7], "clamp", lambda x: x.clamp(max=0.5), max=0.5)
    case = Case("clamp_of_a_layer", [1, 3, 4, 5], prove=True)
    x = case.layer("Conv2d", 0, in_channels=3, out_channels=2, kernel_size=3)
    x = case.call("clamp", lambda x: x.clamp(0.125, 0.75), x, min=0.125, max=0.75)
    x = case.call("flatten", lambda x: x.flatten(1), x, start_dim=1)
    yield case.done(case.layer("Linear", x, in_features=12, out_features=3))
    case = Case("hardtanh", [3, 7])
    x = case.layer("Linear", 0, in_features=7, out_features=5)
    yield case.done(case.layer("Hardtanh", x))
    case = Case("gated", [2, 6], prove=True)
    x = case.layer("Linear", 0, in_features=6, out_features=8)
    a = case.call("chunk", lambda x: x.chunk(2, -1), x, chunks=2, dim=-1)
    gate = case.call("Sigmoid", torch.sigmoid, a)
    yield case.done(case.call("mul", torch.mul, gate, a + 1))
    case = Case("chunks_of_unequal_size", [2, 7])
    a = case.call("chunk", lambda x: x.chunk(3, 1), 0, chunks=3, dim=1)
    yield case.done(a, a + 2)
    case = Case("split", [2, 7])
    a = case.call("split", lambda x: x.split([2, 5], 1), 0, split_sizes=[2, 5], dim=1)
    yield case.done(a + 1, a)
    case = Case("product_of_broadcast_tensors", [2, 3, 4], [3, 1])
    yield case.done(case.call("mul", torch.mul, 0, 1))
    case = Case("squeeze_and_excitation", [1, 4, 5, 3], prove=True)
    x = case.call("mean", lambda x: x.mean((2, 3), True), 0, dim=[2, 3], keepdim=True)
    x = case.layer("Conv2d", x, in_channels=4, out_channels=2, kernel_size=1)
    x = case.call("ReLU", F.relu, x)
    x = case.layer("Conv2d", x, in_channels=2, out_channels=4, kernel_size=1)
    x = case.call("Sigmoid", torch.sigmoid, x)
    yield case.done(case.call("mul", torch.mul, 0, x))
    case = Case("stack_of_two", [2, 3])
    x = case.call("neg", torch.neg, 0)
    yield case.done(case.call("stack", lambda *xs: torch.stack(xs, 1), 0, x, dim=1))
    case = Case("axes_of_size_1", [2, 3])
    x = case.call("unsqueeze", lambda x: x.unsqueeze(-1), 0, dim=-1)
    yield case.done(x, case.call("squeeze", lambda x: x.squeeze(2), x, dim=2))
    case = Case("log_softmax", [2, 5], integer=False)
    yield case.done(case.layer("LogSoftmax", 0, dim=-1))
    # An index, which rounding may move.
    case = Case("argmax_of_log_softmax", [3, 5], prove=True, bound=2.0)
    x = case.layer("Linear", 0, in_features=5, out_features=4)
    x = case.layer("LogSoftmax", x, dim=1)
    yield case.done(case.call("argmax", lambda x: x.argmax(1).float(), x, dim=1))
    # A table of numbers and one of categories, as banks have them.
    case = Case("several_inputs", [3, 4], [3, 2], prove=True)
    a = case.layer("Linear", 0, in_features=4, out_features=5)
    b = case.layer("Linear", 1, in_features=2, out_features=3)
    x = case.call("cat", lambda *xs: torch.cat(xs, 1), a, b, dim=1)
    x = case.call("ReLU", F.relu, x)
    yield case.done(case.layer("Linear", x, in_features=8, out_features=2))
    # A small U-Net.
    case = Case("unet", [1, 1, 6, 6], prove=True)
    a = case.layer("Conv2d", 0, in_channels=1, out_channels=3, kernel_size=3, padding=1)
    a = case.call("ReLU", F.relu, a)
    x = case.layer("MaxPool2d", a, kernel_size=2)
    x = case.layer("Conv2d", x, in_channels=3, out_channels=4, kernel_size=3, padding=1)
    x = case.call("ReLU", F.relu, x)
    x = case.layer("ConvTranspose2d", x, in_channels=4, out_channels=3, kernel_size=2, stride=2)
    x = case.call("cat", lambda *xs: torch.cat(xs, 1), a, x, dim=1)
    yield case.done(case.layer("Conv2d", x, in_channels=6, out_channels=2, kernel_size=1))


if __name__ == "__main__":
    with torch.no_grad():
        families = (convolutions, transposed, poolings, resized, recurrent, functions)
        write(TARGET, [case for family in families for case in family()])
