"""What the rules of shapes and of ranges share."""

from math import prod

from circuit import BIAS_LIMIT, LIMIT, WEIGHT_LIMIT, ceil_sqrt, magnitude
from skeleton import require

# ---------------------------------------------------------------------------------------------------------------------
# What shape rules share
# ---------------------------------------------------------------------------------------------------------------------

def checked_shape(shape, place):
    """At most six dimensions, none empty, and at most 2^48 elements, whichever dimension comes first."""
    fits = len(shape) <= 6 and all(size > 0 for size in shape) and prod(shape) <= 2**48
    require(fits, place, f"no tensor has the shape {shape}")
    return list(shape)


def only_operand(network, node):
    operands = network.operands(node)
    require(len(operands) == 1, node.name, "expected one operand")
    return operands[0]


def no_operand(network, node):
    require(not node.inputs, node.name, "expected no operand")
    return checked_shape(node.shape, node.name)


def same_shape(network, node):
    """The shape of the only operand."""
    return only_operand(network, node).shape


def two_alike(network, node):
    """The shape of two operands of one shape."""
    operands = network.operands(node)
    require(len(operands) == 2 and operands[0].shape == operands[1].shape, node.name, "expected two operands alike")
    return operands[0].shape


def parameter_shape(network, node, index, rank=None):
    require(index < len(network.parameters), node.name, f"parameter number {index} does not exist")
    shape = network.parameters[index].shape
    require(rank is None or len(shape) == rank, node.name, f"expected a parameter of {rank} dimensions, found {shape}")
    return shape


def check_bias(network, node, outputs):
    if node.op["bias"] is not None:
        require(parameter_shape(network, node, node.op["bias"]) == [outputs], node.name, "the bias does not fit")


def check_axis(node, axis, rank):
    require(axis < rank, node.name, f"axis {axis} of {rank}")


def check_multipliers(node, values, axes, shape):
    """Axes ascend, and there is one multiplier for each index along them, or one for all."""
    end = len(shape)
    for axis in reversed(axes):
        check_axis(node, axis, end)
        end = axis
    fits = len(values) == 1 or len(values) == prod(shape[axis] for axis in axes)
    require(fits, node.name, f"{len(values)} multipliers do not fit {shape} along {axes}")


def slide(node, sizes):
    """Height and width after sliding the window over an input of these sizes."""
    window, result = node.op["window"], []
    for axis in (0, 1):
        kernel, stride, padding, dilation = (window[part][axis] for part in ("kernel", "stride", "padding", "dilation"))
        span, padded = dilation * (kernel - 1) + 1, sizes[axis] + 2 * padding
        fits = min(kernel, stride, dilation) > 0 and max(kernel, stride, padding, dilation) <= 2**16 and span <= padded
        require(fits, node.name, "the window does not fit")
        result.append((padded - span) // stride + 1)
    return result


# ---------------------------------------------------------------------------------------------------------------------
# What the range analysis shares. A range bounds a result for every input and all weights; it is no observation.
# ---------------------------------------------------------------------------------------------------------------------

def hull(network, node):
    """The smallest range that holds those of all operands."""
    operands = network.operands(node)
    require(operands, node.name, "expected an operand")
    return min(operand.range[0] for operand in operands), max(operand.range[1] for operand in operands)


def accumulator(node, low, high):
    """A range of exact integers, which must stay below 2^60."""
    reached = max(abs(low), abs(high))
    require(reached < LIMIT, node.name, f"accumulator may reach {reached}")
    return low, high


def largest_product(operand_range, norm, terms):
    """The largest sum of so many products with weights.

    Each product is at most the operand's magnitude times 128. If the operand's rows have a norm, Cauchy and Schwarz
    bound the sum by it, times that of the weights, which is at most 128 sqrt(terms).
    """
    each = magnitude(operand_range) * WEIGHT_LIMIT * terms
    if norm is None:
        return each
    return min(each, ceil_sqrt(norm**2 * WEIGHT_LIMIT**2 * terms))


def range_of_products(network, node, norm=None):
    """A bias, and the operand times the weights of one output."""
    terms = prod(parameter_shape(network, node, node.op["weight"])[1:])
    bias = BIAS_LIMIT if node.op.get("bias") is not None else 0
    bound = largest_product(hull(network, node), norm, terms) + bias
    return accumulator(node, -bound, bound)


def check_positive(node, multipliers, shift=1):
    fits = multipliers and min(multipliers) >= 1 and max(multipliers) < 2**31 and shift >= 1
    require(fits, node.name, "multipliers are 1 to 2^31 - 1, and the shift is at least 1")


def scaled_range(operand_range, multipliers, shift):
    """The range of floor((x m + 2^(shift-1)) / 2^shift) for positive multipliers."""
    (low, high), least, most = operand_range, min(multipliers), max(multipliers)
    half = 2 ** (shift - 1)
    low *= most if low < 0 else least
    high *= least if high < 0 else most
    return (low + half) >> shift, (high + half) >> shift
