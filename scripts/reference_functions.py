"""Tables of real functions by mpmath: the reference for `zkml-core/src/circuit/table/curve`.

    python scripts/reference_functions.py zkml-core/src/circuit/table/curve/tests/reference.json

Each case has the digest (BLAKE3 of the entries as little-endian 64-bit integers) of
`clamp(floor(f(v * input) / output + 1/2))` over the whole domain, and some entries to look at. Rational values are
rounded as fractions; for others the precision rises until the distance to the next tie is far above the error.
"""

import json
import sys
from fractions import Fraction
from math import floor

import mpmath
from blake3 import blake3
from mpmath import mp, mpf


def dyadic(pair):
    return Fraction(pair[0]) * Fraction(2) ** pair[1]


def of_float(value):
    """The pair (odd mantissa, exponent) of a double."""
    numerator, denominator = float(value).as_integer_ratio()
    exponent = 1 - denominator.bit_length()
    while numerator and numerator % 2 == 0:
        numerator //= 2
        exponent += 1
    return [numerator, exponent if numerator else 0]


def of_single(value):
    import struct

    return of_float(struct.unpack("f", struct.pack("f", value))[0])


def rational(name, p, x):
    """The value, if it is rational."""
    if name == "Abs":
        return abs(x)
    if name == "LeakyRelu":
        return x if x >= 0 else x * p["slope"]
    if name == "Hardsigmoid":
        return min(max(x + 3, Fraction(0)), Fraction(6)) / 6
    if name == "Hardswish":
        return x * min(max(x + 3, Fraction(0)), Fraction(6)) / 6
    if name == "Elu" and (x >= 0 or p["alpha"] == 0):
        return max(x, Fraction(0))
    if name == "Softplus" and x * p["beta"] > p["threshold"]:
        return x
    if x == 0 and name != "Softplus":
        return {"Sigmoid": Fraction(1, 2), "Exp": Fraction(1)}.get(name, Fraction(0))
    return None


def real(name, p, x):
    """The value in the current precision, with a small relative error."""
    number = lambda q: mpf(q.numerator) / q.denominator
    t = number(x)
    if name == "Sigmoid":
        return 1 / (1 + mpmath.exp(-t))
    if name == "Tanh":
        return mpmath.tanh(t)
    if name == "Gelu":
        return t * mpmath.erfc(-t / mpmath.sqrt(2)) / 2
    if name == "GeluTanh":
        u = mpmath.sqrt(2 / mpmath.pi) * (t + number(Fraction(44715, 10**6)) * t**3)
        return t / (1 + mpmath.exp(-2 * u))
    if name == "Silu":
        return t / (1 + mpmath.exp(-t))
    if name == "Elu":
        return number(p["alpha"]) * mpmath.expm1(t)
    if name == "Softplus":
        b = number(p["beta"])
        return mpmath.log1p(mpmath.exp(b * t)) / b
    if name == "Exp":
        return mpmath.exp(t)
    raise ValueError(name)


def entry(name, p, x, output):
    value = rational(name, p, x)
    if value is not None:
        return floor(value / output + Fraction(1, 2))
    if name in ("Gelu", "GeluTanh") and abs(x) >= 20:
        # Below x for x > 0, below 0 for x < 0, by less than 2^-280: only a tie is not rounded as x or 0 is.
        y = max(x, Fraction(0)) / output + Fraction(1, 2)
        return floor(y) - (1 if x > 0 and y.denominator == 1 else 0)
    for precision in (160, 400, 1600):
        mp.prec = precision
        y = real(name, p, x) * output.denominator / output.numerator + mpf(1) / 2
        margin = abs(y - mpmath.nint(y))
        if margin > max(abs(y), 1) * mpf(2) ** (40 - precision):
            return int(mpmath.floor(y))
    raise ArithmeticError(f"{name} at {x} is not decided")


def table(case):
    p = {key: dyadic(value) for key, value in case["parameters"].items()}
    step, output = dyadic(case["input"]), dyadic(case["output"])
    end = 1 << case["domain_bits"]
    entries = [
        max(case["minimum"], min(case["maximum"], entry(case["kind"], p, v * step, output)))
        for v in range(-end, end)
    ]
    case["digest"] = blake3(b"".join(e.to_bytes(8, "little", signed=True) for e in entries)).hexdigest()
    case["samples"] = entries[:: max(len(entries) // 8, 1)]
    return case


KINDS = [
    ("Sigmoid", {}),
    ("Tanh", {}),
    ("Gelu", {}),
    ("GeluTanh", {}),
    ("Silu", {}),
    ("LeakyRelu", {"slope": of_float(0.01)}),
    ("Elu", {"alpha": [1, 0]}),
    ("Hardswish", {}),
    ("Hardsigmoid", {}),
    ("Softplus", {"beta": [1, 0], "threshold": [5, 2]}),
    ("Abs", {}),
    ("Exp", {}),
]

OTHER_PARAMETERS = [
    ("LeakyRelu", {"slope": of_float(-0.3)}),
    ("LeakyRelu", {"slope": [0, 0]}),
    ("Elu", {"alpha": of_float(1.6732632423543772)}),
    ("Elu", {"alpha": of_float(-0.7)}),
    ("Elu", {"alpha": [0, 0]}),
    ("Softplus", {"beta": of_float(2.7), "threshold": of_float(3.1)}),
    ("Softplus", {"beta": of_float(0.05), "threshold": [-1, 0]}),
]

# Steps of the argument and the value, bits of the domain, limits.
SHAPES = [
    # Ties of x / output, and arguments far out.
    ([1, -4], [1, -3], 8, -127, 127),
    ([1, 0], [1, 1], 7, -(2**30), 2**30),
    # As quantization makes them.
    (of_single(0.0117), of_single(0.0313), 10, -128, 127),
    (of_float(0.0217), of_float(0.0000231), 9, -32768, 32767),
    # Fine results.
    ([3, -8], [1, -30], 9, -(2**40), 2**40),
    ([1, -20], [5, -28], 7, -(2**59), 2**59),
]


def cases():
    for name, parameters in KINDS:
        for step, output, bits, minimum, maximum in SHAPES:
            yield case(name, parameters, step, output, bits, minimum, maximum)
    for name, parameters in OTHER_PARAMETERS:
        for step, output, bits, minimum, maximum in SHAPES[1:5]:
            yield case(name, parameters, step, output, bits, minimum, maximum)


def case(name, parameters, step, output, bits, minimum, maximum):
    return {
        "kind": name,
        "parameters": parameters,
        "input": step,
        "output": output,
        "domain_bits": bits,
        "minimum": minimum,
        "maximum": maximum,
    }


if __name__ == "__main__":
    lines = [json.dumps(table(c)) for c in cases()]
    with open(sys.argv[1], "w") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")
