"""Gadgets: ranges of any width, quotients and reciprocals; docs/protocol/circuit.md says why each value is unique."""

from circuit import below_limit, free_right, inverse_of_power, power, shared
from skeleton import require


def digit_bits(b):
    """Bits of a digit: as wide as two limbs of a rescale, at most 16."""
    return min(2 * b.limb_bits, 16)


def range_table(bits, signed=False):
    """[0, 2^bits), or with a sign [-2^(bits-1), 2^(bits-1))"""
    return {"Integers": {"minimum": -(2 ** (bits - 1)) if signed else 0, "bits": bits}}


def low_digits(b, name, shape, zero_padded, count):
    """The lowest digits, committed. They share one table in any case."""
    bits = digit_bits(b)
    table = b.table(range_table(bits))
    columns = []
    for k in range(count):
        columns.append(b.committed(f"{name}/digit.{k}", shape, zero_padded))
        b.lookup(f"{name}/digit.{k}", [columns[k]], table)
    return columns


def advice(b, name, shape, bits, signed, zero_padded):
    """A value that the prover chooses in a range: a committed column, or the sum of its committed digits."""
    digit = digit_bits(b)
    if bits <= digit:
        column = b.committed(name, shape, zero_padded)
        b.lookup(name, [column], b.table(range_table(bits, signed)))
        return column
    count = (bits - 1) // digit
    digits = low_digits(b, name, shape, zero_padded, count)
    top_name = f"{name}/digit.{count}"
    digits.append(b.committed(top_name, shape, zero_padded))
    b.lookup(top_name, [digits[-1]], b.table(range_table(bits - digit * count, signed)))
    return b.linear(name, shape, [(2 ** (digit * k), column) for k, column in enumerate(digits)])


def within(b, name, shape, value, bits):
    """Requires that a virtual column stands in [0, 2^bits), padding included. Its highest digit is virtual as well."""
    digit = digit_bits(b)
    if bits <= digit:
        looked_up = b.committed_unless("virtual_values", value)
        b.lookup(name, [looked_up], b.table(range_table(bits)))
        return
    count = (bits - 1) // digit
    low = low_digits(b, name, shape, False, count)
    inverse = inverse_of_power(digit * count)
    terms = [(-inverse * 2 ** (digit * k), column) for k, column in enumerate(low)]
    top_name = f"{name}/digit.{count}"
    top = b.linear(top_name, shape, terms + [(inverse, value)])
    b.lookup(top_name, [top], b.table(range_table(bits - digit * count)))


def limbs(b, name, shape, count):
    """Committed columns, each looked up in [0, 2^limb_bits)."""
    columns = []
    for k in range(count):
        table = b.table(range_table(b.limb_bits))
        columns.append(b.committed(f"{name}.{k}", shape, False))
        b.lookup(f"{name}.{k}", [columns[k]], table)
    return columns


def check_quotient(place, reached, shift, bits):
    """The bounds that make a quotient unique."""
    require(2 <= bits <= 24 and shift >= 1, place, f"a quotient of {bits} bits by 2^{shift}")
    below_limit(place, "numerator of a quotient", reached + power(shift - 1))
    below_limit(place, "quotient times 2^shift", power(bits - 1 + shift) + power(shift))


def clamped_to_bits(low, high, bits):
    end = 2 ** (bits - 1)
    return min(max(low, -end), end - 1), min(max(high, -end), end - 1)


def quotient(b, name, shape, numerator, reached, shift, bits):
    """floor(numerator / 2^shift + 1/2), for a numerator that is a sum of columns and 0 on padding."""
    check_quotient(name, reached, shift, bits)
    require(all(b.zero_padded[column] for _, column in numerator), name, "the numerator may be other than 0 on padding")
    value = advice(b, name, shape, bits, True, True)
    terms = [(-(2**shift), value)] + numerator
    remainder = b.linear(f"{name}/remainder", shape, terms, 2 ** (shift - 1))
    within(b, f"{name}/remainder", shape, remainder, shift)
    return value


def reciprocal(b, name, shape, numerator, divisor, divisor_bits, bits):
    """floor(numerator / divisor), padding included, for a divisor in [1, 2^divisor_bits]."""
    below_limit(name, "reciprocal times divisor", power(bits + divisor_bits) + power(divisor_bits))
    below_limit(name, "numerator of a reciprocal", abs(numerator))
    result = advice(b, name, shape, bits, False, False)
    product = b.cellwise(f"{name}/product", shape, result, divisor, len(shape))
    remainder = b.linear(f"{name}/remainder", shape, [(-1, product)], numerator)
    within(b, f"{name}/remainder", shape, remainder, divisor_bits)
    gap = b.linear(f"{name}/gap", shape, [(1, divisor), (-1, remainder)], -1)
    within(b, f"{name}/gap", shape, gap, divisor_bits)
    return result


def multiplied(b, name, shape, x, multipliers, axes):
    """x times a public multiplier for each index along some axes."""
    constants = b.constant([shape[axis] for axis in axes], multipliers)
    along = [shared(axes.index(a), a, a) if a in axes else free_right(a, a) for a in range(len(shape))]
    return b.contraction(name, shape, constants, x, along)
