"""Lowering: from an integer network without the values of its weights (a skeleton) to the circuit, column by column.

A second implementation, after docs/protocol/circuit.md. It shares no code with the Rust one. Both must give the same
circuit for the same skeleton, down to the name of every column, for the circuit is part of the statement.

    python3 lowering.py KEY > circuit.json

The skeleton is as `zkml inspect KEY --skeleton` prints it, or as `schema.SKELETON` reads it from a key. The circuit is
as `zkml inspect KEY --circuit` prints it.

`skeleton` reads the network, `rules` has what shapes and ranges share, `circuit` builds and checks the circuit,
`gadgets` has the gadgets of many operations, `curves` computes entries of tables, `angles` those of rotary positions.
This file has the operations, each with its shape, its range and its columns.
"""

import json
import sys
from math import inf, isfinite, isqrt, prod

from circuit import (
    BIAS_DIGITS, BIAS_LIMIT, LIMIT, MAXIMUM_TABLE_VARIABLES, P, WEIGHT_LIMIT, Builder, affine, below_limit, bits_of,
    broadcast, ceil_sqrt, check_circuit, crop_factors, difference, factor, fixed, free_left, free_right, identity,
    index_bits, inverse_of_power, is_exact, is_power_of_two, magnitude, padded_cells, power, public_range,
    reshape_factor, shared, summed, trace,
)
from angles import Rotary
from curves import BadCurve, Curve
from formats import read_file
from gadgets import (
    advice, check_quotient, clamped_to_bits, limbs, multiplied, quotient, range_table, reciprocal, within,
)
from postcard import BadEncoding, encode
from rules import (
    accumulator, check_axis, check_bias, check_multipliers, check_positive, checked_shape, hull, largest_product,
    no_operand, only_operand, parameter_shape, range_of_products, same_shape, scaled_range, slide, two_alike,
)
from schema import SKELETON
from skeleton import Network, Refused, check_skeleton, require, variant

# The switches of the circuit level, in the order of the file.
PASSES = ("limb_width", "table_sharing", "virtual_values", "shifted_convolution", "layer_stacking", "weight_blocks",
          "trace_blocks", "trace_packing", "code_choice")


# ---------------------------------------------------------------------------------------------------------------------
# What layers share
# ---------------------------------------------------------------------------------------------------------------------

def with_multipliers(b, node, x, axes):
    """A coefficient and a column whose product is x m. A single multiplier is the coefficient."""
    multipliers = node.op["multipliers"]
    if len(multipliers) == 1:
        return multipliers[0], x
    return 1, multiplied(b, f"{node.name}/multiplied", node.shape, x, multipliers, axes)


def add_bias(b, node, product, axis):
    """The product plus the bias, if there is one: sum_k 256^k digit_k, along an axis."""
    if node.op["bias"] is None:
        return product
    digits = b.bias_digits(node.op["bias"])
    powers = b.constant([BIAS_DIGITS], [256**k for k in range(BIAS_DIGITS)])
    axes = [free_right(1, 0), summed(0, 0)]
    bias = b.contraction(f"{node.name}/bias", [node.shape[axis]], powers, digits, axes)
    factors = [identity(a, 0) if a == axis else broadcast(a) for a in range(len(node.shape))]
    everywhere = b.view(f"{node.name}/bias_everywhere", node.shape, bias, factors)
    return b.linear(node.name, node.shape, [(1, everywhere), (1, product)])


def check_products(node, operand, terms, norm=None):
    """The bound of an accumulator counts a bias in any case."""
    below_limit(node.name, "accumulator", largest_product(operand.range, norm, terms) + BIAS_LIMIT)


def window_factor(window, axis, offset_axis, position_axis, source_axis):
    """input index = stride * position + dilation * offset - padding"""
    strides = [(offset_axis, window["dilation"][axis]), (position_axis, window["stride"][axis])]
    return affine(strides, -window["padding"][axis], source_axis)


# ---------------------------------------------------------------------------------------------------------------------
# Inputs, constants, parameters
# ---------------------------------------------------------------------------------------------------------------------

def range_of_input(network, node):
    return accumulator(node, *node.range)


def lower_input(b, node):
    if b.privacy["input"] == "Private" and node.kind == "Input":
        return private_input(b, node)
    public = {"index": b.network.inputs().index(b.at), "minimum": node.range[0], "maximum": node.range[1]}
    return b.column(node.name, node.shape, {"Public": {"Input": public}})


def private_input(b, node):
    """Every cell of a committed column is in the input's range. What stands on its padding is cropped."""
    exact = is_exact(node.shape)
    home = "Input" if b.privacy["commit_input"] else "Trace"
    kind = {"Committed": {"zero_padded": False, "home": home}}
    raw = b.column(node.name if exact else f"{node.name}/raw", node.shape, kind)
    range_lookup(b, node, raw)
    return raw if exact else b.crop(node.name, node.shape, raw)


def range_lookup(b, node, column):
    """Every cell stands in a table of exactly the range of the node."""
    minimum, maximum = node.range
    count = maximum - minimum + 1
    if is_power_of_two(count):
        bits, columns = count.bit_length() - 1, [column]
        table = {"Integers": {"minimum": minimum, "bits": bits}}
    else:
        # The fixed points of a clamp, over the smallest domain [-2^d, 2^d) that holds the range.
        bits, columns = max(index_bits(max(-minimum, 0)), index_bits(max(maximum + 1, 0))), [column, column]
        table = {"Function": {"function": "Identity", "domain_bits": bits, "minimum": minimum, "maximum": maximum}}
        bits += 1
    require(bits <= MAXIMUM_TABLE_VARIABLES, node.name, f"a private input of integers in {node.range}")
    b.lookup(f"{node.name}/range", columns, b.table(table))


def shape_of_constant(network, node):
    shape = no_operand(network, node)
    require(prod(shape) == len(node.op["values"]), node.name, "expected one value for each cell")
    return shape


def range_of_constant(network, node):
    return accumulator(node, min(node.op["values"]), max(node.op["values"]))


def lower_constant(b, node):
    """The constant itself, or where padding doubles it a view of one that has a single dimension."""
    values = node.op["values"]
    if padded_cells(node.shape) < 2 * len(values):
        return b.constant(node.shape, values)
    flat = b.constant([len(values)], values)
    return b.view(node.name, node.shape, flat, [reshape_factor(range(len(node.shape)), node.shape, [0])])


def shape_of_parameter(network, node):
    require(not node.inputs, node.name, "expected no operand")
    return checked_shape(parameter_shape(network, node, node.op["parameter"]), node.name)


def range_of_parameter(network, node):
    return -WEIGHT_LIMIT, WEIGHT_LIMIT - 1


def lower_parameter(b, node):
    return b.weight(node.op["parameter"], node.shape, range(len(node.shape)))


# ---------------------------------------------------------------------------------------------------------------------
# Layers with weights
# ---------------------------------------------------------------------------------------------------------------------

def shape_of_conv2d(network, node):
    x, groups = only_operand(network, node).shape, node.op["groups"]
    outputs, inputs, *kernel = parameter_shape(network, node, node.op["weight"], rank=4)
    fits = (groups > 0 and min(inputs, outputs) > 0 and outputs % groups == 0 and len(x) == 4
            and x[1] == inputs * groups and kernel == node.op["window"]["kernel"])
    require(fits, node.name, f"a convolution does not fit {x}")
    check_bias(network, node, outputs)
    return checked_shape([x[0], outputs] + slide(node, x[2:]), node.name)


def lower_conv2d(b, node):
    """Per group a product of the weight and the windows, which are a view of the input."""
    (x, operand), window, groups = b.operand(node), node.op["window"], node.op["groups"]
    n, channels = operand.shape[:2]
    _, out_channels, out_height, out_width = node.shape
    height, width = window["kernel"]
    per_group, out_per_group = channels // groups, out_channels // groups
    # The kernel comes first: its padding to a power of two is then whole rows, which are not stored.
    w = b.weight(node.op["weight"], [groups, out_per_group, per_group, height, width], [3, 4, 0, 1, 2])
    check_products(node, operand, per_group * height * width)
    shape = [n, groups, per_group, height, width, out_height, out_width]
    factors = [identity(0, 0), affine([(1, per_group), (2, 1)], 0, 1), window_factor(window, 0, 3, 5, 2),
               window_factor(window, 1, 4, 6, 3)]
    windows = b.view(f"{node.name}/windows", shape, x, factors)
    windows = b.committed_unless("shifted_convolution", windows)
    axes = [free_right(0, 0), shared(2, 1, 1), free_left(3, 2), summed(4, 2), summed(0, 3), summed(1, 4),
            free_right(5, 3), free_right(6, 4)]
    shape = [n, groups, out_per_group, out_height, out_width]
    product = b.contraction(f"{node.name}/product", shape, w, windows, axes)
    factors = [identity(0, 0), factor([1], [1], 0, [1, 2]), identity(2, 3), identity(3, 4)]
    joined = b.view(f"{node.name}/channels", node.shape, product, factors)
    return add_bias(b, node, joined, 1)


def shape_of_linear(network, node):
    x = only_operand(network, node).shape
    outputs, inputs = parameter_shape(network, node, node.op["weight"], rank=2)
    require(min(inputs, outputs) > 0 and x and x[-1] == inputs, node.name, f"a linear layer does not fit {x}")
    check_bias(network, node, outputs)
    return checked_shape(x[:-1] + [outputs], node.name)


def range_of_linear(network, node):
    return range_of_products(network, node, norm_of_rows(network, node.inputs[0]))


def lower_linear(b, node):
    x, operand = b.operand(node)
    last = len(operand.shape) - 1
    shape = [node.shape[last], operand.shape[last]]
    w = b.weight(node.op["weight"], shape, [0, 1])
    check_products(node, operand, shape[1], norm_of_rows(b.network, node.inputs[0]))
    axes = [free_right(a, a) for a in range(last)] + [free_left(0, last), summed(1, last)]
    return add_bias(b, node, b.contraction(f"{node.name}/product", node.shape, w, x, axes), last)


def shape_of_channel_scale(network, node):
    weights, = parameter_shape(network, node, node.op["weight"], rank=1)
    check_bias(network, node, weights)
    x, axis = only_operand(network, node).shape, node.op["axis"]
    each = 1 < len(x) > axis and x[axis] == weights
    require(each or (weights == 1 and node.op["bias"] is None), node.name, f"{weights} weights for {x}")
    return x


def lower_channel_scale(b, node):
    (x, operand), axis = b.operand(node), node.op["axis"]
    check_products(node, operand, 1)
    weights, = b.network.parameters[node.op["weight"]].shape
    one = weights == 1
    w = b.weight(node.op["weight"], [] if one else [weights], [] if one else [0])
    axes = [shared(0, a, a) if a == axis and not one else free_right(a, a) for a in range(len(node.shape))]
    name = node.name if node.op["bias"] is None else f"{node.name}/product"
    return add_bias(b, node, b.contraction(name, node.shape, w, x, axes), axis)


def shape_of_embedding(network, node):
    ids = only_operand(network, node).shape
    rows, channels = parameter_shape(network, node, node.op["weight"], rank=2)
    require(len(node.op["multipliers"]) in (1, rows), node.name, "expected one multiplier for each row")
    require(ids, node.name, "expected ids of one dimension or more")
    return checked_shape(ids + [channels], node.name)


def range_of_embedding(network, node):
    low, high = hull(network, node)
    rows = parameter_shape(network, node, node.op["weight"])[0]
    require(0 <= low and high < rows, node.name, f"ids in [{low}, {high}] for {rows} rows")
    return range_of_rows(network, node)


def range_of_rows(network, node):
    """A weight times a positive multiplier."""
    check_positive(node, node.op["multipliers"])
    most = max(node.op["multipliers"])
    return accumulator(node, -WEIGHT_LIMIT * most, (WEIGHT_LIMIT - 1) * most)


def lower_embedding(b, node):
    """The rows that a one-hot selector picks, times their multipliers, which it picks as well."""
    (ids, _), multipliers, last = b.operand(node), node.op["multipliers"], len(node.shape) - 1
    require(public_range(b.columns[ids]["kind"]), node.name, "ids that are no public input")
    below_limit(node.name, "scaled row", WEIGHT_LIMIT * max(multipliers))
    sizes = b.network.parameters[node.op["weight"]].shape
    w = b.weight(node.op["weight"], sizes, [0, 1])
    plain = multipliers == [1]
    one_hot = b.selector(f"{node.name}/one_hot", node.shape[:last] + [sizes[0]], {"OneHot": {"ids": ids}})
    of_id = [free_left(a, a) for a in range(last)]
    axes = of_id + [summed(last, 0), free_right(1, last)]
    rows = b.contraction(node.name if plain else f"{node.name}/rows", node.shape, one_hot, w, axes)
    if plain:
        return rows
    if len(multipliers) == 1:
        return b.linear(node.name, node.shape, [(multipliers[0], rows)])
    constants = b.constant([sizes[0]], multipliers)
    scales = b.contraction(f"{node.name}/scales", node.shape[:last], one_hot, constants, of_id + [summed(last, 0)])
    return b.cellwise(node.name, node.shape, rows, scales, last)


def shape_of_fixed_rows(network, node):
    require(not node.inputs, node.name, "expected no operand")
    rows, channels = parameter_shape(network, node, node.op["weight"], rank=2)
    require(len(node.op["multipliers"]) in (1, rows), node.name, "expected one multiplier for each row")
    start, length = node.op["start"], node.op["length"]
    require(length >= 1 and start + length <= rows, node.name, f"rows {start} to {start + length} of {rows}")
    return checked_shape([length, channels], node.name)


def lower_fixed_rows(b, node):
    """A view of the weight, times a public multiplier for each row."""
    multipliers, start = node.op["multipliers"], node.op["start"]
    below_limit(node.name, "scaled row", WEIGHT_LIMIT * max(multipliers))
    w = b.weight(node.op["weight"], b.network.parameters[node.op["weight"]].shape, [0, 1])
    rows = b.view(f"{node.name}/rows", node.shape, w, [affine([(0, 1)], start, 0), identity(1, 1)])
    if len(multipliers) == 1:
        return b.linear(node.name, node.shape, [(multipliers[0], rows)])
    return multiplied(b, node.name, node.shape, rows, multipliers[start:start + node.op["length"]], [0])


# ---------------------------------------------------------------------------------------------------------------------
# Sums and products of activations
# ---------------------------------------------------------------------------------------------------------------------

def shape_of_weighted_sum(network, node):
    operands = network.operands(node)
    fits = operands and len(operands) == len(node.op["coefficients"])
    require(fits and all(x.shape == operands[0].shape for x in operands), node.name, "operands do not fit the sum")
    return operands[0].shape


def range_of_weighted_sum(network, node):
    ends = [sorted((c * x.range[0], c * x.range[1]))
            for c, x in zip(node.op["coefficients"], network.operands(node))]
    return accumulator(node, sum(low for low, _ in ends), sum(high for _, high in ends))


def lower_weighted_sum(b, node):
    coefficients, operands = node.op["coefficients"], b.network.operands(node)
    below_limit(node.name, "sum", sum(abs(c) * magnitude(x.range) for c, x in zip(coefficients, operands)))
    terms = [(c, b.operand(node, k)[0]) for k, c in enumerate(coefficients) if c != 0]
    return b.linear(node.name, node.shape, terms)


def range_of_product(network, node):
    (a, c), (e, f) = (operand.range for operand in network.operands(node))
    ends = [a * e, a * f, c * e, c * f]
    return accumulator(node, min(ends), max(ends))


def lower_product(b, node):
    (left, of_left), (right, of_right) = b.operand(node, 0), b.operand(node, 1)
    below_limit(node.name, "product", magnitude(of_left.range) * magnitude(of_right.range))
    if not b.zero_padded[right]:
        left = b.cropped(f"{node.name}/left", left)
    return b.cellwise(node.name, node.shape, left, right, len(node.shape))


def shape_of_matmul(network, node):
    operands = network.operands(node)
    require(len(operands) == 2, node.name, "expected two operands")
    left, right = operands[0].shape, operands[1].shape
    fits = min(len(left), len(right)) >= 2 and left[:-2] == right[:-2] and left[-1] == right[-2]
    require(fits, node.name, f"no product of {left} and {right}")
    return checked_shape(left[:-1] + right[-1:], node.name)


def largest_matmul(left, right):
    return magnitude(left.range) * magnitude(right.range) * left.shape[-1]


def range_of_matmul(network, node):
    largest = largest_matmul(*network.operands(node))
    return accumulator(node, -largest, largest)


def lower_matmul(b, node):
    (left, of_left), (right, of_right) = b.operand(node, 0), b.operand(node, 1)
    below_limit(node.name, "product of matrices", largest_matmul(of_left, of_right))
    left, right = b.cropped(f"{node.name}/left", left), b.cropped(f"{node.name}/right", right)
    rows, columns = len(node.shape) - 2, len(node.shape) - 1
    axes = [shared(a, a, a) for a in range(rows)]
    axes += [free_left(rows, rows), free_right(columns, columns), summed(columns, rows)]
    return b.contraction(node.name, node.shape, left, right, axes)


def shape_of_rope(network, node):
    x, op = only_operand(network, node).shape, node.op
    check_axis(node, op["axis"], len(x) - 1)
    kind, angles = variant(op["angles"])
    cells = x[op["axis"]] * x[-1]
    fits = cells <= 2**22 if kind == "Rotary" else len(angles["cos"]) == len(angles["sin"]) == cells
    require(x[-1] % 2 == 0 and fits, node.name, "cosines and sines do not fit")
    check_multipliers(node, op["multipliers"], op["axes"], x)
    return x


def largest_rope(node, operand_range):
    """The largest turned value. Every factor counts as 1 at least, so that products of constants alone fit, too."""
    kind, angles = variant(node.op["angles"])
    if kind == "Rotary":
        turned = Rotary(angles).largest()
    else:
        turned = max([1] + [abs(c) + abs(s) for c, s in zip(angles["cos"], angles["sin"])])
    return max(magnitude(operand_range), 1) * max(node.op["multipliers"]) * turned


def range_of_rope(network, node):
    check_positive(node, node.op["multipliers"])
    most = largest_rope(node, hull(network, node))
    return accumulator(node, -most, most)


def lower_rope(b, node):
    """With the channels split in [2, half]: one contraction with what channel (p, i) adds to channel (o, i)."""
    (x, operand), axis, shape, last = b.operand(node), node.op["axis"], node.shape, len(node.shape) - 1
    below_limit(node.name, "turned value", largest_rope(node, operand.range))
    positions, half = shape[axis], shape[last] // 2
    split = shape[:last] + [2, half]
    multiplier, x = with_multipliers(b, node, x, node.op["axes"])
    kept = crop_factors(last)
    pairs = b.view(f"{node.name}/pairs", split, x, kept + [reshape_factor([last, last + 1], split, [last])])
    b.expect_cells(node.name, positions * half * 4)
    kind, angles = variant(node.op["angles"])
    cos, sin = Rotary(angles).turns(positions, 2 * half) if kind == "Rotary" else (angles["cos"], angles["sin"])
    # A channel adds to itself by the cosine, and to its partner by the sine, both those of the target's cell.
    cells = [multiplier * (cos if o == p else sin)[(2 * t + o) * half + i]
             for t in range(positions) for o in range(2) for p in range(2) for i in range(half)]
    turn = b.constant([positions, 2, 2, half], cells)
    axes = [shared(0, a, a) if a == axis else free_right(a, a) for a in range(last)]
    axes += [free_left(1, last), summed(2, last), shared(3, last + 1, last + 1)]
    turned = b.contraction(f"{node.name}/turned", split, turn, pairs, axes)
    return b.view(node.name, shape, turned, kept + [reshape_factor([last], shape, [last, last + 1])])


# ---------------------------------------------------------------------------------------------------------------------
# Pooling, maxima
# ---------------------------------------------------------------------------------------------------------------------

def shape_of_pool(network, node):
    x = only_operand(network, node).shape
    require(len(x) == 4, node.name, "expected four dimensions")
    return checked_shape(x[:2] + slide(node, x[2:]), node.name)


def range_of_sum_pool(network, node):
    (low, high), count = hull(network, node), prod(node.op["window"]["kernel"])
    low, high = low * count, high * count
    if node.op["window"]["padding"] != [0, 0]:
        # A window that reaches into the padding has fewer terms.
        low, high = min(low, 0), max(high, 0)
    return accumulator(node, low, high)


def lower_sum_pool(b, node):
    (x, operand), window = b.operand(node), node.op["window"]
    n, channels, out_height, out_width = node.shape
    height, width = window["kernel"]
    b.expect_cells(node.name, height * width)
    below_limit(node.name, "sum", magnitude(operand.range) * height * width)
    factors = [identity(0, 0), identity(1, 1), window_factor(window, 0, 2, 4, 2), window_factor(window, 1, 3, 5, 3)]
    shape = [n, channels, height, width, out_height, out_width]
    windows = b.view(f"{node.name}/windows", shape, x, factors)
    ones = b.constant([height, width], [1] * (height * width))
    axes = [free_right(0, 0), free_right(1, 1), summed(0, 2), summed(1, 3), free_right(4, 2), free_right(5, 3)]
    return b.contraction(node.name, node.shape, ones, windows, axes)


def shape_of_max_pool(network, node):
    """As any pool; and every window must have a cell of the input, since padding is no value."""
    shape, x, window = shape_of_pool(network, node), only_operand(network, node).shape, node.op["window"]
    for axis in (0, 1):
        kernel, stride, padding, dilation = (window[part][axis] for part in ("kernel", "stride", "padding", "dilation"))
        # A window that starts after the leading padding has a cell if the last one has.
        starts = {step * stride for step in range(min(shape[2 + axis], -(-padding // stride)))}
        for start in starts | {(shape[2 + axis] - 1) * stride}:
            first = -(-max(padding - start, 0) // dilation)
            inside = first < kernel and start + first * dilation - padding < x[2 + axis]
            require(inside, node.name, "a window holds no cell of the input")
    return shape


def lower_max_pool(b, node):
    """A tournament of max(p, q) = q + relu(p - q).

    A cell of the padding is 0. If values may be negative, all are lifted by the smallest one, so that 0 is never above
    a cell of the input.
    """
    (x, operand), window, shape = b.operand(node), node.op["window"], node.shape
    require(prod(window["kernel"]) <= 2**12, node.name, "a window of a maximum has at most 2^12 cells")
    (low, high), padded = operand.range, window["padding"] != [0, 0]
    lift = low if padded and low < 0 else 0
    if lift:
        ones = b.ones(f"{node.name}/input_ones", operand.shape)
        x = b.linear(f"{node.name}/lifted", operand.shape, [(1, x), (-lift, ones)])
    if padded:
        low, high = min(0, low - lift), max(0, high - lift)
    table = b.table(difference_table(node, high - low))
    candidates = cells_of_windows(b, node, x)
    played = 0
    while len(candidates) > 1:
        winners = []
        for k, pair in enumerate(candidates[k:k + 2] for k in range(0, len(candidates), 2)):
            name = f"{node.name}/max.{played}.{k}"
            winners.append(maximum(b, name, shape, *pair, table) if len(pair) == 2 else pair[0])
        candidates, played = winners, played + 1
    if not lift:
        return candidates[0]
    ones = b.ones(f"{node.name}/output_ones", shape)
    return b.linear(node.name, shape, [(1, candidates[0]), (lift, ones)])


def difference_table(node, spread):
    """ReLU on every difference of two values."""
    bits = bits_of(spread)
    require(bits <= 17, node.name, f"max-pooling values that differ by up to {spread}")
    return {"Function": {"function": "Relu", "domain_bits": bits, "minimum": 0, "maximum": 2**bits - 1}}


def cells_of_windows(b, node, source):
    """For each cell of the kernel the view of the input that it meets."""
    window, views = node.op["window"], []
    for row in range(window["kernel"][0]):
        for column in range(window["kernel"][1]):
            factors = [identity(0, 0), identity(1, 1)]
            for axis, offset in ((0, row), (1, column)):
                start = offset * window["dilation"][axis] - window["padding"][axis]
                factors.append(affine([(2 + axis, window["stride"][axis])], start, 2 + axis))
            views.append(b.view(f"{node.name}/window.{row}.{column}", node.shape, source, factors))
    return views


def maximum(b, name, shape, p, q, table):
    difference = b.linear(f"{name}/difference", shape, [(1, p), (-1, q)])
    excess = b.column(f"{name}/excess", shape, trace(b.zero_padded[difference]))
    b.lookup(f"{name}/excess", [difference, excess], table)
    return b.linear(name, shape, [(1, q), (1, excess)])


def shape_of_argmax(network, node):
    x, axis = only_operand(network, node).shape, node.op["axis"]
    check_axis(node, axis, len(x))
    return x[:axis] + x[axis + 1:]


def range_of_argmax(network, node):
    return 0, network.operands(node)[0].shape[node.op["axis"]] - 1


def lower_argmax(b, node):
    """The index of the first maximum: a committed one-hot row, and margins that are not negative."""
    (x, operand), axis, name = b.operand(node), node.op["axis"], node.name
    shape, size = operand.shape, operand.shape[axis]
    require(size <= 2**12, name, f"an argmax over {size} values")
    require(b.zero_padded[x], name, "the operand may be other than 0 on padding")
    spread = operand.range[1] - operand.range[0] + 1
    limb_count = -(-spread.bit_length() // b.limb_bits)
    # Where whole limbs would reach too far, digits reach as far as the margin.
    whole = limb_count * b.limb_bits < 60
    reached = limb_count * b.limb_bits if whole else bits_of(spread) + 1
    below_limit(name, "difference of two values", 2 ** reached)
    # Axes of the operand that stay, and their places in the result.
    kept = {a: place for place, a in enumerate(a for a in range(len(shape)) if a != axis)}
    one_hot = b.column(f"{name}/one_hot", shape, trace(False))
    b.lookup(f"{name}/one_hot", [one_hot], b.table(range_table(1)))
    index = argmax_index(b, node, one_hot, size, kept)
    margin = argmax_margin(b, node, x, one_hot, shape, kept)
    if not whole:
        within(b, f"{name}/margin", shape, margin, bits_of(spread))
        return index
    parts = limbs(b, f"{name}/margin_limb", shape, limb_count)
    terms = [(2 ** (b.limb_bits * k), limb) for k, limb in enumerate(parts)]
    b.equality(f"{name}/margin", b.linear(f"{name}/margin_from_limbs", shape, terms), margin)
    return index


def argmax_index(b, node, one_hot, size, kept):
    """sum_i h_i = 1, and the index sum_i i h_i"""
    axes = [free_right(a, place) for a, place in kept.items()] + [summed(0, node.op["axis"])]
    ones = b.constant([size], [1] * size)
    count = b.contraction(f"{node.name}/count", node.shape, ones, one_hot, axes)
    b.equality(f"{node.name}/count", b.ones(f"{node.name}/one", node.shape), count)
    indices = b.constant([size], range(size))
    return b.contraction(node.name, node.shape, indices, one_hot, axes)


def argmax_margin(b, node, x, one_hot, shape, kept):
    """top - x_i - [i < index], where top = sum_i h_i x_i"""
    axis, size, name = node.op["axis"], shape[node.op["axis"]], node.name
    axes = [shared(a, a, place) for a, place in kept.items()] + [summed(axis, axis)]
    top = b.contraction(f"{name}/top", node.shape, one_hot, x, axes)
    factors = [identity(a, kept[a]) if a in kept else broadcast(a) for a in range(len(shape))]
    top = b.view(f"{name}/top_everywhere", shape, top, factors)
    b.expect_cells(name, size * size)
    later = b.constant([size, size], [int(i < j) for j in range(size) for i in range(size)])
    axes = [free_right(a, a) for a in kept] + [free_left(1, axis), summed(0, axis)]
    before = b.contraction(f"{name}/before", shape, later, one_hot, axes)
    return b.linear(f"{name}/margin", shape, [(1, top), (-1, x), (-1, before)])


def shape_of_greedy(network, node):
    x, multipliers = only_operand(network, node).shape, node.op["multipliers"]
    require(x, node.name, "expected a dimension")
    require(not multipliers or (len(multipliers) == x[-1] and min(multipliers) >= 1), node.name, "bad multipliers")
    return x[:-1]


def compared_range(node, operand_range):
    """The range of what is compared, m y."""
    (low, high), multipliers = operand_range, node.op["multipliers"] or [1]
    least, most = min(multipliers), max(multipliers)
    return low * (most if low < 0 else least), high * (least if high < 0 else most)


def range_of_greedy(network, node):
    operand, = network.operands(node)
    accumulator(node, *compared_range(node, operand.range))
    return 0, operand.shape[-1] - 1


def lower_greedy(b, node):
    """The public output itself, bound by margins: top - m_v y_v - [v < token] is in [0, 2^bits)."""
    (x, operand), name, shape = b.operand(node), node.name, b.operand(node)[1].shape
    last, multipliers = len(shape) - 1, node.op["multipliers"]
    below_limit(name, "scaled logit", magnitude(operand.range) * max(multipliers or [1]))
    low, high = compared_range(node, operand.range)
    bits = bits_of(high - low)
    below_limit(name, "margin of a logit and its range", high - low + 1 + 2**bits)
    token = public_output(b, node)
    require(token is not None, name, "a greedy token that is not a public output")
    x = b.cropped(f"{name}/logits", x)
    if multipliers:
        x = multiplied(b, f"{name}/scaled", shape, x, multipliers, [last])
    chosen = b.selector(f"{name}/chosen", shape, {"OneHot": {"ids": token}})
    before = b.selector(f"{name}/before", shape, {"LessThan": {"ids": token}})
    axes = [shared(a, a, a) for a in range(last)] + [summed(last, last)]
    top = b.contraction(f"{name}/top", shape[:last], chosen, x, axes)
    top = b.view(f"{name}/top_everywhere", shape, top, crop_factors(last) + [broadcast(last)])
    margins = b.linear(f"{name}/margins", shape, [(1, top), (-1, x), (-1, before)])
    within(b, f"{name}/margin", shape, margins, bits)
    return token


# ---------------------------------------------------------------------------------------------------------------------
# Views
# ---------------------------------------------------------------------------------------------------------------------

def shape_of_reshape(network, node):
    x, shape = only_operand(network, node).shape, checked_shape(node.shape, node.name)
    require(prod(x) == prod(shape), node.name, f"no reshape of {x} to {shape}")
    return shape


def lower_reshape(b, node):
    x, operand = b.operand(node)
    return b.view(node.name, node.shape, x, reshape_factors(node.shape, operand.shape))


def reshape_factors(view, source):
    """One factor for each group of axes: groups end where the products of the sizes on both sides agree."""
    factors, v, s = [], 0, 0
    while v < len(view) or s < len(source):
        first_v, first_s = v, s
        of_view = of_source = 1
        if v < len(view):
            of_view, v = view[v], v + 1
        if s < len(source):
            of_source, s = source[s], s + 1
        while of_view != of_source:
            if of_view < of_source and v < len(view):
                of_view, v = of_view * view[v], v + 1
            else:
                of_source, s = of_source * source[s], s + 1
        if first_s == s:
            # Last axes of size 1 that have no partner in the source.
            factors += [factor(list(range(first_v, v)), [0] * (v - first_v), 0, [])]
        else:
            factors += [reshape_factor(range(first_v, v), view, range(first_s, s))]
    return factors


def shape_of_permute(network, node):
    x, order = only_operand(network, node).shape, node.op["order"]
    require(sorted(order) == list(range(len(x))), node.name, f"{order} is no order of the axes of {x}")
    return [x[axis] for axis in order]


def lower_permute(b, node):
    factors = [identity(to, axis) for to, axis in enumerate(node.op["order"])]
    return b.view(node.name, node.shape, b.operand(node)[0], factors)


def shape_of_concat(network, node):
    shapes, axis = [operand.shape for operand in network.operands(node)], node.op["axis"]
    require(shapes, node.name, "expected an operand")
    check_axis(node, axis, len(shapes[0]))
    others = [shape[:axis] + shape[axis + 1:] for shape in shapes]
    fits = all(len(shape) == len(shapes[0]) for shape in shapes) and all(rest == others[0] for rest in others)
    require(fits, node.name, f"no concatenation of {shapes}")
    joined = sum(shape[axis] for shape in shapes)
    return checked_shape(shapes[0][:axis] + [joined] + shapes[0][axis + 1:], node.name)


def lower_concat(b, node):
    """The sum of the operands, each moved to its place."""
    start, terms = 0, []
    for k in range(len(node.inputs)):
        x, operand = b.operand(node, k)
        factors = [affine([(a, 1)], -start if a == node.op["axis"] else 0, a) for a in range(len(node.shape))]
        terms.append((1, b.view(f"{node.name}/part.{k}", node.shape, x, factors)))
        start += operand.shape[node.op["axis"]]
    return b.linear(node.name, node.shape, terms)


def shape_of_pad(network, node):
    x, amounts = only_operand(network, node).shape, node.op["amounts"]
    require(len(amounts) == len(x), node.name, "expected amounts for each axis")
    return checked_shape([size + before + after for size, (before, after) in zip(x, amounts)], node.name)


def range_of_pad(network, node):
    low, high = hull(network, node)
    return min(low, 0), max(high, 0)


def lower_pad(b, node):
    factors = [affine([(a, 1)], -before, a) for a, (before, _) in enumerate(node.op["amounts"])]
    return b.view(node.name, node.shape, b.operand(node)[0], factors)


def shape_of_expand(network, node):
    x, shape = only_operand(network, node).shape, checked_shape(node.shape, node.name)
    lacking = len(shape) - len(x)
    fits = lacking >= 0 and all(size in (1, to) for size, to in zip(x, shape[lacking:]))
    require(fits, node.name, f"no expansion of {x} to {shape}")
    return shape


def lower_expand(b, node):
    x, operand = b.operand(node)
    lacking = len(node.shape) - len(operand.shape)
    factors = [broadcast(a) for a in range(lacking)]
    for source, size in enumerate(operand.shape):
        axis = lacking + source
        same = node.shape[axis] == size
        factors += [identity(axis, source)] if same else [broadcast(axis), fixed(0, source)]
    return b.view(node.name, node.shape, x, factors)


def shape_of_narrow(network, node):
    x, op = only_operand(network, node).shape, node.op
    check_axis(node, op["axis"], len(x))
    size = x[op["axis"]]
    require(op["length"] >= 1 and op["start"] + op["length"] <= size, node.name, "the range of indices does not fit")
    return x[:op["axis"]] + [op["length"]] + x[op["axis"] + 1:]


def lower_narrow(b, node):
    factors = [affine([(a, 1)], node.op["start"] if a == node.op["axis"] else 0, a) for a in range(len(node.shape))]
    return b.view(node.name, node.shape, b.operand(node)[0], factors)


def lower_reveal(b, node):
    return b.operand(node)[0]


# ---------------------------------------------------------------------------------------------------------------------
# Rescale, requantization, norm
# ---------------------------------------------------------------------------------------------------------------------

class FunctionTable:
    """The table { (v, clamp(f(v), minimum, maximum)) : -2^d <= v < 2^d }."""

    def __init__(self, place, table):
        self.place, self.function, self.bits = place, table["function"], table["domain_bits"]
        self.minimum, self.maximum = table["minimum"], table["maximum"]
        sound = self.minimum <= self.maximum and max(abs(self.minimum), abs(self.maximum)) < LIMIT
        require(sound and self.bits < MAXIMUM_TABLE_VARIABLES, place, "a table that is too large")
        self.curve = self.entries = None
        kind, given = variant(self.function)
        require(kind in ("Identity", "Relu", "Curve", "Custom"), place, f"no function is called {kind}")
        if kind == "Curve":
            self.curve = Curve(given)
        elif kind == "Custom":
            inside = all(self.minimum <= entry <= self.maximum for entry in given)
            require(inside and len(given) == 2 ** (self.bits + 1), place, "entries that do not fit the table")
            self.entries = given

    def entry(self, v):
        return self.extremes(v, v)[0]

    def extremes(self, low, high):
        """The least and the largest entry over low..high, which is in the domain."""
        if self.curve:
            return self.curve.extremes(low, high, self.minimum, self.maximum)
        if self.entries:
            part = self.entries[low + 2**self.bits:high + 2**self.bits + 1]
            return min(part), max(part)
        if self.function == "Relu":
            low, high = max(low, 0), max(high, 0)
        return min(max(low, self.minimum), self.maximum), min(max(high, self.minimum), self.maximum)


def shape_of_rescale(network, node):
    x = only_operand(network, node).shape
    check_multipliers(node, node.op["multipliers"], [node.op["axis"]], x)
    return x


def range_of_rescale(network, node):
    """The entries of the table over all quotients. Outside of the domain there is no proof."""
    op, operand_range = node.op, hull(network, node)
    check_positive(node, op["multipliers"], op["shift"])
    require(op["table"]["domain_bits"] + op["shift"] <= 58, node.name, "the domain times 2^shift exceeds 2^58")
    reached = magnitude(operand_range) * max(op["multipliers"]) + 2 ** (op["shift"] - 1)
    require(reached < LIMIT, node.name, f"the scaled accumulator may reach {reached}")
    table = FunctionTable(node.name, op["table"])
    low, high = clamped_to_bits(*scaled_range(operand_range, op["multipliers"], op["shift"]), table.bits + 1)
    return table.extremes(low, high)


def lower_rescale(b, node):
    """x m + 2^(s-1) = v 2^s + sum_k limb_k 2^(b k), and (v, result) in the table. v is virtual."""
    (x, operand), op, name, shape = b.operand(node), node.op, node.name, node.shape
    shift = op["shift"]
    require(shift % b.limb_bits == 0, name, f"a rescale by 2^{shift} with limbs of {b.limb_bits} bits")
    reached = magnitude(operand.range) * max(op["multipliers"]) + 2 ** (shift - 1)
    below_limit(name, "rescaled accumulator", reached)
    below_limit(name, "table domain times 2^shift", 2 ** (op["table"]["domain_bits"] + shift + 1))
    require(b.zero_padded[x], name, "the operand may be other than 0 on padding")
    inverse = inverse_of_power(shift)
    multiplier, scaled = with_multipliers(b, node, x, [op["axis"]])
    parts = limbs(b, f"{name}/remainder", shape, shift // b.limb_bits)
    terms = [(-inverse * 2 ** (b.limb_bits * k), limb) for k, limb in enumerate(parts)]
    terms.append((multiplier * inverse, scaled))
    value = b.linear(f"{name}/value", shape, terms, 2 ** (shift - 1) * inverse)
    value = b.committed_unless("virtual_values", value)
    # On padding v = 0. If f(0) is not 0, the committed column is not 0 there, and a crop of it is the result.
    zero_padded = FunctionTable(name, op["table"]).entry(0) == 0
    cropped = not zero_padded and not is_exact(shape) and not b.trace_blocks(shape)
    result = b.committed(f"{name}/raw" if cropped else name, shape, zero_padded)
    b.lookup(name, [value, result], b.table({"Function": op["table"]}))
    return b.crop(name, shape, result) if cropped else result


def shape_of_requantize(network, node):
    operands = network.operands(node)
    fits = len(operands) in (1, 2) and operands[0].shape == operands[-1].shape
    require(fits, node.name, "expected one operand, or two alike")
    check_multipliers(node, node.op["multipliers"], node.op["axes"], operands[0].shape)
    by, shape = node.op["residual_shifts"], operands[0].shape
    fits = not by or len(operands) == 2 and shape and len(by) == shape[-1] and max(by) <= node.op["shift"]
    require(fits, node.name, f"a residual of {shape} divided by {len(by)} powers of two")
    return shape


def requantize_reached(network, node):
    """The largest numerator, max|x m| + max|residual| 2^shift, and the residual's range."""
    operands = network.operands(node)
    residual = operands[1].range if len(operands) == 2 else (0, 0)
    reached = magnitude(operands[0].range) * max(node.op["multipliers"]) + magnitude(residual) * power(node.op["shift"])
    return reached, residual


def range_of_requantize(network, node):
    op = node.op
    check_positive(node, op["multipliers"], op["shift"])
    reached, residual = requantize_reached(network, node)
    check_quotient(node.name, reached, op["shift"], op["bits"])
    low, high = scaled_range(network.operands(node)[0].range, op["multipliers"], op["shift"])
    if op["residual_shifts"]:  # What is divided comes nearer to 0.
        residual = min(residual[0], 0), max(residual[1], 0)
    return clamped_to_bits(low + residual[0], high + residual[1], op["bits"])


def residual_term(b, node, h):
    """A coefficient and a column whose product is h 2^(s-k)."""
    shift, by = node.op["shift"], node.op["residual_shifts"]
    if not by:
        return 2**shift, h
    return 1, multiplied(b, f"{node.name}/residual", node.shape, h, [2 ** (shift - k) for k in by], [len(node.shape) - 1])


def lower_requantize(b, node):
    numerator = [with_multipliers(b, node, b.operand(node)[0], node.op["axes"])]
    if len(node.inputs) == 2:
        numerator.append(residual_term(b, node, b.operand(node, 1)[0]))
    reached, _ = requantize_reached(b.network, node)
    return quotient(b, node.name, node.shape, numerator, reached, node.op["shift"], node.op["bits"])


def shape_of_rms_norm(network, node):
    x = only_operand(network, node).shape
    fits = len(x) >= 2 and len(node.op["exponents"]) in (1, x[-1])
    require(fits, node.name, f"a norm of {x} with {len(node.op['exponents'])} exponents")
    return x


def norm_most(node):
    """M = 2^(bits-1) - 1"""
    return 2 ** (node.op["bits"] - 1) - 1


def norm_constant(node):
    """E = max(epsilon, (2^(k-a) + 1)^2), which makes every root so large that its reciprocal has `a` bits."""
    bits = node.op["numerator_bits"] - node.op["reciprocal_bits"]
    least_root = 2 ** min(bits, 40) + 1 if bits >= 0 else 1
    return max(node.op["epsilon"], least_root**2)


def norm_shift(node):
    return node.op["numerator_bits"] - node.op["bits"] + 1 - node.op["precision"]


def check_norm(node):
    """The widths fit each other."""
    op = node.op
    roots, reciprocals = op["root_bits"], op["reciprocal_bits"]
    fits = (2 <= op["bits"] <= 24 and 1 <= roots <= 29 and 1 <= reciprocals <= 59 and roots + reciprocals <= 59
            and op["bits"] <= op["numerator_bits"] < 60 and op["precision"] <= 29 and norm_shift(node) > 0
            and op["exponents"] and max(op["exponents"]) <= 30 and norm_constant(node) < 2 ** (2 * roots))
    require(fits, node.name, "the widths of the norm do not fit each other")


def largest_sum_of_squares(node, operand):
    """4^j sum_c (2^(k_c) x_c)^2 + E"""
    exponents = node.op["exponents"]
    repeats = operand.shape[-1] if len(exponents) == 1 else 1
    squares = magnitude(operand.range) ** 2 * sum(4**exponent for exponent in exponents) * repeats
    return squares * 4 ** node.op["precision"] + norm_constant(node)


def check_epsilon(node, operand):
    """Epsilon, in squared steps, is the real one that the network states. In doubles, in this order.

    The operand's scale is that of channel 0, which is 2^(k_0) steps.
    """
    if node.op["eps"] is None:
        return
    mantissa, exponent, first = node.op["eps"]["mantissa"], node.op["eps"]["exponent"], node.op["exponents"][0]
    try:
        real = float(mantissa) * 2.0**exponent
        squares = real * float(operand.shape[-1]) / (operand.scale * operand.scale)
        expected = squares * 4.0 ** (node.op["precision"] + first)
    except (OverflowError, ZeroDivisionError):
        expected = inf
    fits = isfinite(expected) and abs(float(node.op["epsilon"]) - expected) <= 0.5 + abs(expected) * 1e-9
    require(fits, node.name, f"an epsilon of {node.op['epsilon']} squared steps instead of {expected}")


def range_of_rms_norm(network, node):
    operand = network.operands(node)[0]
    check_norm(node)
    check_epsilon(node, operand)
    reached = largest_sum_of_squares(node, operand)
    require(reached < P, node.name, f"the sum of squares may reach {reached}")
    check_quotient(node.name, norm_most(node) << norm_shift(node), norm_shift(node), node.op["bits"])
    return -norm_most(node), norm_most(node)


def norm_of_rows(network, index):
    """A bound of the Euclidean norm of each row of a node's value, if its operation gives one."""
    node = network.nodes[index]
    return norm_of_rms_norm(network, node) if node.kind == "IntegerRmsNorm" else None


def norm_of_rms_norm(network, node):
    """M (1 + 1/s) + sqrt(d) / 2 for the smallest root s and d channels, or M sqrt(d), each rounded up."""
    channels, most = network.operands(node)[0].shape[-1], norm_most(node)
    least_root, root_of_channels = isqrt(norm_constant(node)), ceil_sqrt(channels)
    by_root = most + -(-most // least_root) + (root_of_channels + 1) // 2
    return min(by_root, most * root_of_channels)


def lower_rms_norm(b, node):
    (x, _), op, name, shape = b.operand(node), node.op, node.name, node.shape
    last, rows, most = len(shape) - 1, shape[:-1], norm_most(node)
    y = scaled_by_powers(b, node, x)
    axes = [shared(a, a, a) for a in range(last)] + [summed(last, last)]
    squares = b.contraction(f"{name}/squares", rows, y, y, axes)
    total = b.linear(f"{name}/sum", rows, [(4 ** op["precision"], squares)], norm_constant(node))
    root = square_root(b, f"{name}/root", rows, total, op["root_bits"])
    numerator = most * 2 ** (op["numerator_bits"] - (op["bits"] - 1))
    inverse = reciprocal(b, f"{name}/reciprocal", rows, numerator, root, op["root_bits"], op["reciprocal_bits"])
    product = b.cellwise(f"{name}/numerator", shape, y, inverse, last)
    shift = norm_shift(node)
    return quotient(b, name, shape, [(1, product)], most << shift, shift, op["bits"])


def scaled_by_powers(b, node, x):
    """y_c = 2^(k_c) x_c"""
    exponents, name = node.op["exponents"], f"{node.name}/scaled"
    if exponents == [0]:
        return x
    if len(exponents) == 1:
        return b.linear(name, node.shape, [(2 ** exponents[0], x)])
    return multiplied(b, name, node.shape, x, [2**exponent for exponent in exponents], [len(node.shape) - 1])


def mean_weight(node):
    """W = floor(2^s / d + 1/2)"""
    return (2 ** node.op["shift"] + node.shape[-1] // 2) // node.shape[-1]


def largest_in_one_unit(node, operand):
    """The largest |2^(k_c) x_c|"""
    return magnitude(operand.range) * 2 ** max(node.op["exponents"])


def range_of_center(network, node):
    operand, exponents, bits = network.operands(node)[0], node.op["exponents"], node.op["bits"]
    require(exponents and max(exponents) <= 30, node.name, "the exponents are not in 0 to 30")
    require(1 <= node.op["shift"] <= 40, node.name, "the shift is not in 1 to 40")
    largest = largest_in_one_unit(node, operand)
    numerator = largest * operand.shape[-1] * mean_weight(node)
    check_quotient(node.name, numerator, node.op["shift"], bits)
    reached = largest + clamped_to_bits(0, (numerator >> node.op["shift"]) + 1, bits)[1] + 1
    return accumulator(node, -reached, reached)


def lower_center(b, node):
    """X_c minus the rounded mean of its row, X_c = 2^(k_c) x_c"""
    (x, operand), name, shape = b.operand(node), node.name, node.shape
    last, rows = len(shape) - 1, shape[:-1]
    common = scaled_by_powers(b, node, x)
    ones = b.ones(f"{name}/ones", shape[-1:])
    of_rows = [free_left(a, a) for a in range(last)]
    total = b.contraction(f"{name}/sum", rows, common, ones, of_rows + [summed(last, 0)])
    reached = largest_in_one_unit(node, operand) * shape[-1] * mean_weight(node)
    shift, bits = node.op["shift"], node.op["bits"]
    mean = quotient(b, f"{name}/mean", rows, [(mean_weight(node), total)], reached, shift, bits)
    means = b.contraction(f"{name}/means", shape, mean, ones, of_rows + [free_right(0, last)])
    return b.linear(name, shape, [(1, common), (-1, means)])


def square_root(b, name, shape, total, bits):
    """floor(sqrt total): total - s^2 and s^2 + 2 s - total are in [0, 2^(bits+1))."""
    root = advice(b, name, shape, bits, False, False)
    square = b.cellwise(f"{name}/square", shape, root, root, len(shape))
    excess = b.linear(f"{name}/excess", shape, [(1, total), (-1, square)])
    within(b, f"{name}/excess", shape, excess, bits + 1)
    gap = b.linear(f"{name}/gap", shape, [(1, square), (2, root), (-1, total)])
    within(b, f"{name}/gap", shape, gap, bits + 1)
    return root


# ---------------------------------------------------------------------------------------------------------------------
# Softmax, attention
# ---------------------------------------------------------------------------------------------------------------------

def decay_of_one(node):
    """The weight of the largest score. The weight of the largest difference must be 0."""
    decay = node.op["decay"]
    curve = Curve(decay["curve"])
    require(curve.kind == "Exp" and 1 <= decay["bits"] < MAXIMUM_TABLE_VARIABLES, node.name, "a bad table of weights")
    one, least = curve.entry(0, 0, 2**30), curve.entry(1 - 2 ** decay["bits"], 0, 2**30)
    require(one >= 1 and least == 0, node.name, f"a table of weights from {one} to {least}, instead of to 0")
    return one


def softmax_weights(b, node, name, cells, score, seen):
    """Of each row: the weights e_j = table(M - x_j), and the reciprocal r = floor(2^K / sum_j e_j)."""
    one, bits, rows = decay_of_one(node), node.op["reciprocal_bits"], cells[:-1]
    below_limit(name, "dividend of a reciprocal", power(bits))
    weight, mark = weigh(b, node, name, cells, score, seen)
    divisor = sum_of_weights(b, name, cells, weight, mark, one)
    divisor_bits = bits_of(one * cells[-1] - 1)
    result = reciprocal(b, f"{name}/reciprocal", rows, 2**bits, divisor, divisor_bits, bits_of(2**bits // one))
    return weight, result


def weigh(b, node, name, cells, score, seen):
    """d = seen (M - x) + (1 - seen) (2^D - 1), and (d, e, [d = 0]) in the table."""
    bits, last = node.op["decay"]["bits"], len(cells) - 1
    farthest = 2**bits - 1
    largest = b.column(f"{name}/maximum", cells[:-1], trace(False))
    b.lookup(f"{name}/maximum", [largest], b.table(range_table(bits, signed=True)))
    maxima = b.view(f"{name}/maxima", cells, largest, crop_factors(last) + [broadcast(last)])
    apart = b.linear(f"{name}/apart", cells, [(1, maxima), (-1, score)], -farthest)
    apart = b.cellwise(f"{name}/apart_seen", cells, seen, apart, len(cells))
    distance = b.linear(f"{name}/distance", cells, [(1, apart)], farthest)
    # On padding nothing is seen, and the row of the largest difference ends in 0, 0.
    weight = b.column(f"{name}/weight", cells, trace(True))
    mark = b.column(f"{name}/mark", cells, trace(True))
    b.lookup(f"{name}/weight", [distance, weight, mark], b.table({"Decay": node.op["decay"]}))
    return weight, mark


def sum_of_weights(b, name, cells, weight, mark, one):
    """The divisor: the sum of a row's weights, and on padded rows the weight of 1. Every row has a mark."""
    rows, last = cells[:-1], len(cells) - 1
    of_row = b.selector(f"{name}/keys_of_a_row", cells[-1:], "Ones")
    is_row = b.selector(f"{name}/rows", rows, "Ones")
    axes = [free_left(a, a) for a in range(last)] + [summed(last, 0)]
    marks = b.contraction(f"{name}/marks", rows, mark, of_row, axes)
    total = b.contraction(f"{name}/sum", rows, weight, of_row, axes)
    more = b.linear(f"{name}/more_marks", rows, [(1, marks), (-1, is_row)])
    divisor = b.linear(f"{name}/divisor", rows, [(1, total), (-one, is_row)], one)
    within(b, f"{name}/more_marks", rows, more, bits_of(cells[-1]))
    return divisor


def shape_of_softmax(network, node):
    x = only_operand(network, node).shape
    require(x, node.name, "expected a dimension")
    return x


def softmax_shift(node):
    return node.op["reciprocal_bits"] - node.op["output_bits"]


def check_distance(node, operand):
    """The bound of M - x."""
    below_limit(node.name, "distance of scores", magnitude(operand.range) + power(node.op["decay"]["bits"] + 1))


def range_of_softmax(network, node):
    operand, = network.operands(node)
    check_quotient(node.name, power(node.op["reciprocal_bits"]), softmax_shift(node), node.op["output_bits"] + 2)
    check_distance(node, operand)
    return 0, 2 ** node.op["output_bits"]


def lower_softmax(b, node):
    """Of one dimension: as a single row of two."""
    (x, operand), name, shape = b.operand(node), node.name, node.shape
    check_distance(node, operand)
    if len(shape) > 1:
        return softmax_of_rows(b, node, name, shape, x)
    x = b.view(f"{name}/scores", [1] + shape, x, [broadcast(0), identity(1, 0)])
    result = softmax_of_rows(b, node, f"{name}/row", [1] + shape, x)
    return b.view(name, shape, result, [fixed(0, 0), identity(0, 1)])


def softmax_of_rows(b, node, name, cells, score):
    seen = b.selector(f"{name}/seen", cells, "Ones")
    weight, inverse = softmax_weights(b, node, name, cells, score, seen)
    product = b.cellwise(f"{name}/product", cells, weight, inverse, len(cells) - 1)
    reached = 2 ** node.op["reciprocal_bits"]
    return quotient(b, name, cells, [(1, product)], reached, softmax_shift(node), node.op["output_bits"] + 2)


def shape_of_attention(network, node):
    shapes = [operand.shape for operand in network.operands(node)]
    fits = len(shapes) == 3 and all(len(shape) == 4 for shape in shapes)
    require(fits, node.name, "expected three operands of four dimensions")
    q, k, v = shapes
    fits = k[0] == q[0] and k[3] == q[3] and q[1] % k[1] == 0 and v[:3] == k[:3]
    require(fits, node.name, f"no attention of {q}, {k}, {v}")
    require(not node.op["causal"] or k[2] >= q[2], node.name, "fewer keys than queries")
    return q[:3] + v[3:]


def largest_score(node, q, k):
    products = magnitude(q.range) * magnitude(k.range) * q.shape[3]
    return products * node.op["multiplier"] + power(node.op["shift"] - 1)


def largest_mean(node, v):
    """r sum_j e_j v_j is at most r S max|v|, and r S is at most 2^K."""
    return magnitude(v.range) * power(node.op["reciprocal_bits"])


def range_of_attention(network, node):
    q, k, v = network.operands(node)
    check_positive(node, [node.op["multiplier"]], node.op["shift"])
    below_limit(node.name, "scaled score", largest_score(node, q, k))
    check_quotient(node.name, largest_mean(node, v), node.op["reciprocal_bits"], node.op["output_bits"])
    return clamped_to_bits(min(v.range[0], 0), max(v.range[1], 0), node.op["output_bits"])


def by_head(free, of_sum):
    """Axes of a product by batch and group: the repeats and queries of the left operand, one axis of the right one."""
    return [shared(0, 0, 0), shared(1, 1, 1), free_left(2, 2), free_left(3, 3), free_right(free, 4), summed(4, of_sum)]


def lower_attention(b, node):
    """Heads of queries are split in groups that share a head of keys: [batch, group, repeat, query, key]."""
    (q, of_q), (k, of_k), (v, of_v) = (b.operand(node, number) for number in range(3))
    name, op = node.name, node.op
    batch, heads, queries, _ = of_q.shape
    groups, keys = of_k.shape[1:3]
    cells = [batch, groups, heads // groups, queries, keys]
    results = cells[:4] + of_v.shape[3:]
    below_limit(name, "scaled score", largest_score(node, of_q, of_k))
    below_limit(name, "score times 2^shift", power(op["decay"]["bits"] + 1 + op["shift"]))
    k, v = b.cropped(f"{name}/keys", k), b.cropped(f"{name}/values", v)
    score = attention_scores(b, node, cells, q, of_q.shape[3], k)
    seen = attention_seen(b, node, cells)
    weight, inverse = softmax_weights(b, node, name, cells, score, seen)
    mix = b.contraction(f"{name}/mix", results, weight, v, by_head(3, 2))
    axes = [shared(a, a, a) for a in range(4)] + [free_right(4, 4)]
    mean = b.contraction(f"{name}/mean", results, inverse, mix, axes)
    output = quotient(b, f"{name}/output", results, [(1, mean)], largest_mean(node, of_v), op["reciprocal_bits"],
                      op["output_bits"])
    factors = [identity(0, 0), reshape_factor([1], node.shape, [1, 2]), identity(2, 3), identity(3, 4)]
    return b.view(name, node.shape, output, factors)


def attention_scores(b, node, cells, q, features, k):
    """x = (q . k m + 2^(s-1) - rem) 2^-s, with rem in [0, 2^s). x is virtual."""
    name, shift = node.name, node.op["shift"]
    factors = [identity(0, 0), affine([(1, cells[2]), (2, 1)], 0, 1), identity(3, 2), identity(4, 3)]
    q = b.view(f"{name}/queries", cells[:4] + [features], q, factors)
    products = b.contraction(f"{name}/scores", cells, q, k, by_head(2, 3))
    scaled = b.linear(f"{name}/scaled", cells, [(node.op["multiplier"], products)], 2 ** (shift - 1))
    remainder = advice(b, f"{name}/score_remainder", cells, shift, False, False)
    inverse = inverse_of_power(shift)
    return b.linear(f"{name}/score", cells, [(inverse, scaled), (-inverse, remainder)])


def attention_seen(b, node, cells):
    """1 on the cells that a query sees. With a causal mask the last query sees all keys."""
    if not node.op["causal"]:
        return b.selector(f"{node.name}/seen", cells, "Ones")
    queries, keys = cells[3:]
    causal = b.selector(f"{node.name}/causal", [queries, keys], {"Causal": {"offset": keys - queries}})
    factors = [broadcast(0), broadcast(1), broadcast(2), identity(3, 0), identity(4, 1)]
    return b.view(f"{node.name}/seen", cells, causal, factors)


# ---------------------------------------------------------------------------------------------------------------------
# All operations: shape, range, columns
# ---------------------------------------------------------------------------------------------------------------------

OPERATIONS = {
    "Input": (no_operand, range_of_input, lower_input),
    "RevealedInput": (no_operand, range_of_input, lower_input),
    "IntegerConstant": (shape_of_constant, range_of_constant, lower_constant),
    "Parameter": (shape_of_parameter, range_of_parameter, lower_parameter),
    "Conv2d": (shape_of_conv2d, range_of_products, lower_conv2d),
    "Linear": (shape_of_linear, range_of_linear, lower_linear),
    "ChannelScale": (shape_of_channel_scale, range_of_products, lower_channel_scale),
    "IntegerFixedRows": (shape_of_fixed_rows, range_of_rows, lower_fixed_rows),
    "IntegerEmbedding": (shape_of_embedding, range_of_embedding, lower_embedding),
    "WeightedSum": (shape_of_weighted_sum, range_of_weighted_sum, lower_weighted_sum),
    "Product": (two_alike, range_of_product, lower_product),
    "Matmul": (shape_of_matmul, range_of_matmul, lower_matmul),
    "IntegerRope": (shape_of_rope, range_of_rope, lower_rope),
    "SumPool2d": (shape_of_pool, range_of_sum_pool, lower_sum_pool),
    "MaxPool2d": (shape_of_max_pool, hull, lower_max_pool),
    "Argmax": (shape_of_argmax, range_of_argmax, lower_argmax),
    "Greedy": (shape_of_greedy, range_of_greedy, lower_greedy),
    "Reshape": (shape_of_reshape, hull, lower_reshape),
    "Permute": (shape_of_permute, hull, lower_permute),
    "Concat": (shape_of_concat, hull, lower_concat),
    "Pad": (shape_of_pad, range_of_pad, lower_pad),
    "Expand": (shape_of_expand, hull, lower_expand),
    "Narrow": (shape_of_narrow, hull, lower_narrow),
    "Reveal": (same_shape, hull, lower_reveal),
    "Rescale": (shape_of_rescale, range_of_rescale, lower_rescale),
    "Requantize": (shape_of_requantize, range_of_requantize, lower_requantize),
    "IntegerRmsNorm": (shape_of_rms_norm, range_of_rms_norm, lower_rms_norm),
    "IntegerCenter": (shape_of_rms_norm, range_of_center, lower_center),
    "IntegerSoftmax": (shape_of_softmax, range_of_softmax, lower_softmax),
    "IntegerAttention": (shape_of_attention, range_of_attention, lower_attention),
}

# Linear algebra: without the pass `virtual_values` the columns of these nodes are committed.
ACCUMULATORS = ("Conv2d", "Linear", "ChannelScale", "IntegerEmbedding", "WeightedSum", "Product", "Matmul",
                "IntegerRope", "SumPool2d")


def check_network(network):
    """Operands come before their users, names are unique, and each node has the shape that its operation gives."""
    names = set()
    for index, node in enumerate(network.nodes):
        require(node.name not in names, node.name, "two nodes have this name")
        names.add(node.name)
        require(all(operand < index for operand in node.inputs), node.name, "an operand is not an earlier node")
        shape = OPERATIONS[node.kind][0](network, node)
        require(shape == node.shape, node.name, f"its operation gives shape {shape}, not {node.shape}")
    for parameter in network.parameters:
        checked_shape(parameter.shape, parameter.path)
    inputs = network.inputs()
    require(inputs and inputs[0] == network.input, "network", "the input is not the first input node")
    require(network.outputs, "network", "no outputs")
    for output in network.outputs:
        require(output < len(network.nodes), "network", f"output {output} is no node")
    for node in network.nodes:
        require(all(size < 2**32 for size in node.shape), node.name, "a dimension has fewer than 2^32 indices")


def computed_rows(node):
    """Rows of the table of a real function that a node looks up. The range analysis may compute all of them."""
    if "decay" in node.op:
        return power(node.op["decay"]["bits"])
    table = node.op.get("table")
    return power(table["domain_bits"] + 1) if table and variant(table["function"])[0] == "Curve" else 0


def check_ranges(network):
    """Every declared range holds the range that follows from those of the operands."""
    require(sum(map(computed_rows, network.nodes)) <= 2**25, "network", "more than 2^25 rows of real functions")
    for node in network.nodes:
        low, high = node.range
        require(low <= high, node.name, "an empty range")
        least, most = OPERATIONS[node.kind][1](network, node)
        require(low <= least and most <= high, node.name, f"[{low}, {high}] does not hold [{least}, {most}]")
        below_limit(node.name, "value", magnitude(node.range))


# ---------------------------------------------------------------------------------------------------------------------
# Outputs
# ---------------------------------------------------------------------------------------------------------------------

def output_column(b, number, node):
    """A public column for an output."""
    of = {"index": number, "minimum": node.range[0], "maximum": node.range[1]}
    return b.column(f"output.{number}", node.shape, {"Public": {"Output": of}})


def public_output(b, node):
    """The column of this node as a public output: the first output that is the node, or that reveals it."""
    for number, index in enumerate(b.network.outputs):
        output = b.network.nodes[index]
        reveals = output.kind == "Reveal" and output.inputs == [b.at]
        shows = output.kind != "Reveal" and index == b.at and b.privacy["output"] == "Public"
        if reveals or shows:
            b.shown[number] = output_column(b, number, node)
            return b.shown[number]
    return None


def lower_output(b, number, index):
    """A public column, or one that is committed apart. An equality ties it to the column of its node."""
    node = b.network.nodes[index]
    if number in b.shown:
        return
    if b.privacy["output"] == "Private" and node.kind != "Reveal":
        kind = {"Committed": {"zero_padded": False, "home": "Output"}}
        column = b.column(f"output.{number}", node.shape, kind)
    else:
        column = output_column(b, number, node)
    b.equality(f"output.{number}", b.node_columns[index], column)


# ---------------------------------------------------------------------------------------------------------------------
# The whole
# ---------------------------------------------------------------------------------------------------------------------

def lower(document, privacy):
    """The circuit of a skeleton. `privacy` says of `input` and `output` whether they are "Public" or "Private", and
    with `commit_input` whether a private input has a commitment of its own: it is the instance of a key.

    Raises `Refused`.
    """
    try:
        encode(SKELETON, document)  # The document may be no value of the type.
        return lower_checked(document, privacy)
    except (BadCurve, BadEncoding) as error:
        raise Refused(str(error)) from error


def lower_checked(document, privacy):
    limb_bits, switches = document["limb_bits"], dict(zip(PASSES, document["lowering"], strict=True))
    network = Network(document["graph"])
    check_skeleton(document, network)
    require(1 <= limb_bits <= 16, "limbs", "expected 1 to 16 bits")
    check_network(network)
    check_ranges(network)
    check_privacy(network, privacy)
    b = Builder(network, limb_bits, privacy, switches)
    for b.at, node in enumerate(network.nodes):
        column = OPERATIONS[node.kind][2](b, node)
        if node.kind in ACCUMULATORS:
            column = b.committed_unless("virtual_values", column)
        b.node_columns.append(column)
        b.expect_room()
    for number, index in enumerate(network.outputs):
        lower_output(b, number, index)
    check_circuit(b)
    return b.circuit()


def check_privacy(network, privacy):
    """A commitment to the input is one to a single private input."""
    if privacy["commit_input"]:
        require(privacy["input"] == "Private", "privacy", "a public input has no commitment")
        private = [index for index in network.inputs() if network.nodes[index].kind == "Input"]
        require(len(private) == 1, "privacy", f"{len(private)} private inputs to commit to")


def setup_circuit(weights):
    """Every cell of a column of weights, padding included, is in [-128, 127]; and it equals its crop."""
    columns, looked_up, equalities = [], [], []
    for weight in weights["columns"]:
        name, shape, number = weight["name"], weight["shape"], len(columns)
        columns.append({"name": name, "shape": shape, "kind": {"Parameter": {"zero_padded": False}}})
        looked_up.append({"name": f"{name}/range", "columns": [number], "table": 0})
        if not is_exact(shape):
            view = {"View": {"source": number, "factors": crop_factors(len(shape))}}
            columns.append({"name": f"{name}/cropped", "shape": shape, "kind": view})
            equalities.append(len(columns))
            columns.append({"name": f"{name}/padding", "shape": shape, "kind": difference(number, number + 1)})
    tables = [{"Integers": {"minimum": -128, "bits": 8}}] if columns else []
    return {"columns": columns, "tables": tables, "lookups": looked_up, "equalities": equalities,
            "unpacked": weights["unpacked"], "unstacked": False}


def main():
    with open(sys.argv[1], "rb") as file:
        key = read_file("key", file.read())
    try:
        json.dump(lower(key["network"], key["instance"]), sys.stdout)
    except Refused as error:
        sys.exit(f"refused: {error}")


if __name__ == "__main__":
    main()
