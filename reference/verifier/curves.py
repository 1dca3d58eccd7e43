"""Entries of the tables of real functions, after docs/protocol/circuit.md, "Tables of functions".

    entry(v) = clamp(floor(g(v * input) / output + 1/2), minimum, maximum)

A rational value is rounded as it stands. Any other value is enclosed in an open interval. If all numbers in it round to
one integer, that integer is the entry; else the interval is computed again with more digits. Intervals are open, so a
value just below a tie goes down.
"""

from decimal import Context, Decimal
from fractions import Fraction
from math import ceil, floor

from skeleton import variant

# Decimal digits that are tried in turn. The last ones are more than the 1280 bits of the specification.
PRECISIONS = (40, 80, 160, 320, 640)
# Beyond these arguments the rest of a function is below 2^-368: of e^-x, of GELU by tanh, of the normal distribution.
FAR, FAR_GELU, FAR_NORMAL = 256, 15, 32
VANISHING = Fraction(1, 2**368)
# Where a function turns from falling to rising, or the reverse. Between two such points it is monotone.
TURNS = {"Silu": -1.2784645427610738, "Gelu": -0.7517915246935645, "GeluTanh": -0.7524614220710162, "Hardswish": -1.5}
PLAIN = ("Sigmoid", "Tanh", "Gelu", "GeluTanh", "Silu", "Hardswish", "Hardsigmoid", "Abs", "Exp")
PARAMETERS = {"LeakyRelu": ("slope",), "Elu": ("alpha",), "Softplus": ("beta", "threshold")}


class BadCurve(Exception):
    """A parameter that is out of bounds, or an entry that no precision decides."""


def dyadic(number, positive=False):
    """The rational number m 2^e, within the bounds of the specification."""
    mantissa, exponent = number["mantissa"], number["exponent"]
    canonical = mantissa % 2 == 1 or (mantissa, exponent) == (0, 0)
    if not canonical or abs(mantissa) >= 2**53 or not -160 <= exponent <= 64:
        raise BadCurve(f"{mantissa} * 2^{exponent} is out of bounds")
    if positive and mantissa <= 0:
        raise BadCurve(f"{mantissa} * 2^{exponent} is not positive")
    return Fraction(mantissa) * Fraction(2) ** exponent


class Curve:
    """A real function with the steps of its argument and of its value."""

    def __init__(self, document):
        self.kind, given = variant(document["kind"])
        if self.kind not in PLAIN and self.kind not in PARAMETERS:
            raise BadCurve(f"no function is called {self.kind}")
        self.input = dyadic(document["input"], positive=True)
        self.output = dyadic(document["output"], positive=True)
        names = PARAMETERS.get(self.kind, ())
        self.parameters = {name: dyadic(given[name], positive=name == "beta") for name in names}

    def entry(self, v, minimum, maximum):
        """The entry for the integer v."""
        def clamp(y):
            return min(max(y, minimum), maximum)

        x = v * self.input
        value = self.rational(x)
        if value is not None:
            return clamp(floor(value / self.output + Fraction(1, 2)))
        if self.kind == "Exp" and x > FAR:
            return maximum  # Above 2^368, whatever the step.
        for digits in PRECISIONS:
            low, high = self.enclose(x, digits)
            first = clamp(floor(low / self.output + Fraction(1, 2)))
            last = clamp(ceil(high / self.output + Fraction(1, 2)) - 1)
            if first == last:
                return first
        raise BadCurve(f"the entry of {self.kind} at {v} is not decided")

    def extremes(self, low, high, minimum, maximum):
        """The least and the largest entry over low..high. They stand at the ends, or where the function turns."""
        candidates = {low, high}
        for turn in self.turns():
            at = floor(turn / self.input)
            candidates.update(v for v in range(at - 1, at + 3) if low <= v <= high)
        entries = [self.entry(v, minimum, maximum) for v in candidates]
        return min(entries), max(entries)

    def turns(self):
        """Arguments between which the function is monotone. Softplus falls a little where it becomes x."""
        if self.kind == "Softplus":
            return [self.parameters["threshold"] / self.parameters["beta"]]
        return [Fraction(TURNS.get(self.kind, 0))]

    def rational(self, x):
        """The value at x, where it is a rational number; else None."""
        kind, three = self.kind, Fraction(3)
        if kind == "Abs":
            return abs(x)
        if kind == "LeakyRelu":
            return x * self.parameters["slope"] if x < 0 else x
        if kind in ("Hardsigmoid", "Hardswish"):
            share = min(max(x + three, Fraction(0)), 2 * three) / 6
            return share if kind == "Hardsigmoid" else x * share
        if kind == "Elu":
            return x if x >= 0 else (Fraction(0) if self.parameters["alpha"] == 0 else None)
        if kind == "Softplus":
            return x if x * self.parameters["beta"] > self.parameters["threshold"] else None
        if x == 0:
            return {"Sigmoid": Fraction(1, 2), "Exp": Fraction(1)}.get(kind, Fraction(0))
        return None

    def enclose(self, x, digits):
        """An open interval that holds the value at x, which is not rational."""
        context, kind, a = Context(prec=digits), self.kind, abs(x)
        if kind == "Exp":
            return (Fraction(0), VANISHING) if a > FAR else exponential(context, x)
        if kind == "Elu":
            low, high = (Fraction(0), VANISHING) if a > FAR else exponential(context, -a)
            return product(-self.parameters["alpha"], (1 - high, 1 - low))
        if kind == "Softplus":
            beta = self.parameters["beta"]
            low, high = softplus_tail(context, abs(x * beta))
            start = max(x * beta, Fraction(0))
            return (start + low) / beta, (start + high) / beta
        if kind == "Tanh":
            low, high = logistic(context, 2 * a)
            return product(Fraction(1 if x > 0 else -1), (2 * low - 1, 2 * high - 1))
        if kind == "Gelu":
            low, high = normal(context, a)
        elif kind == "GeluTanh":
            low, high = gelu_logistic(context, a)
        else:
            low, high = logistic(context, a)
        if x < 0:
            low, high = 1 - high, 1 - low
        return (low, high) if kind == "Sigmoid" else product(x, (low, high))


def product(factor, interval):
    """A factor times an open interval."""
    ends = factor * interval[0], factor * interval[1]
    return min(ends), max(ends)


def around(context, value, size=Fraction(1)):
    """An open interval around a result whose error is far below 10^(10 - digits) of the given size."""
    error = Fraction(1, 10 ** (context.prec - 10)) * size
    return Fraction(value) - error, Fraction(value) + error


def to_decimal(context, x):
    return context.divide(Decimal(x.numerator), Decimal(x.denominator))


def exponential(context, x):
    """e^x for |x| <= 266. The error is relative: that of x, times x, and that of the last digit."""
    value = context.exp(to_decimal(context, x))
    return around(context, value, Fraction(value))


def logistic(context, a):
    """1 / (1 + e^-a) for a > 0."""
    if a > FAR:
        return 1 - VANISHING, Fraction(1)
    below = context.exp(to_decimal(context, -a))
    return around(context, context.divide(Decimal(1), context.add(Decimal(1), below)))


def softplus_tail(context, a):
    """ln(1 + e^-a) for a >= 0."""
    if a > FAR:
        return Fraction(0), VANISHING
    below = context.exp(to_decimal(context, -a))
    return around(context, context.ln(context.add(Decimal(1), below)))


def gelu_logistic(context, a):
    """(1 + tanh(sqrt(2 / pi) (a + 0.044715 a^3))) / 2 for a > 0."""
    if a > FAR_GELU:
        return 1 - VANISHING, Fraction(1)
    inner = to_decimal(context, 2 * (a + Fraction(44715, 10**6) * a**3))
    root = context.sqrt(context.divide(Decimal(2), pi(context)))
    below = context.exp(context.minus(context.multiply(root, inner)))
    return around(context, context.divide(Decimal(1), context.add(Decimal(1), below)))


def normal(context, a):
    """The normal distribution at a > 0: 1/2 + phi(a) (a + a^3 / 3 + a^5 / (3 5) + ...). No term is negative."""
    if a > FAR_NORMAL:
        return 1 - VANISHING, Fraction(1)
    a = to_decimal(context, a)
    square = context.multiply(a, a)
    term = total = a
    odd = 1
    while odd < square or term > total * Decimal(10) ** -context.prec:
        odd += 2
        term = context.divide(context.multiply(term, square), Decimal(odd))
        total = context.add(total, term)
    density = context.exp(context.minus(context.divide(square, Decimal(2))))
    density = context.divide(density, context.sqrt(context.multiply(Decimal(2), pi(context))))
    return around(context, context.add(Decimal("0.5"), context.multiply(density, total)))


def pi(context):
    """pi by Machin's formula, 16 arctan(1/5) - 4 arctan(1/239), in integers."""
    unit = 10 ** (context.prec + 10)

    def arctan_of_inverse(n):
        power, total, odd = unit // n, unit // n, 1
        while power:
            power //= -n * n
            odd += 2
            total += power // odd
        return total

    return context.divide(Decimal(16 * arctan_of_inverse(5) - 4 * arctan_of_inverse(239)), Decimal(unit))
