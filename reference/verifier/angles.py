"""Cosines and sines of rotary positions as integers, after the rule of docs/protocol/circuit.md and zkml-core's
`ops/rope/angles.rs`.

Position `position + t` turns the pair `i` of `h` channels by `(position + t) theta^(-2 i / h)`, or by a scaled
frequency. All is computed in integers with 60 bits after the point, in exactly these steps: the last bit counts.
Divisions of a negative number round to 0, shifts down.
"""

from curves import BadCurve, dyadic

BITS, TAU_BITS, SHARE_BITS = 60, 100, 40
ONE = 2**BITS
TAU = 7_964_883_625_991_394_727_376_702_227_904  # 2 pi, with 100 bits
QUARTER = 1_811_004_864_519_280_711  # pi / 2
LN_2 = 799_144_290_325_165_979


def product(a, b):
    return a * b >> BITS


def quotient(a, b):
    """a / b, rounded to 0."""
    return a // b if a >= 0 else -(-a // b)


class Rotary:
    def __init__(self, rule):
        self.theta, self.scaling = rule["theta"], rule["scaling"]
        self.position, self.bits = rule["position"], rule["bits"]
        theta = float(dyadic(self.theta, positive=True))
        fits = 1 < theta <= 2**40 and self.bits <= 24 and self.position <= 2**26
        if fits and self.scaling:
            of = {name: float(dyadic(self.scaling[name], positive=True)) for name in ("factor", "low", "high")}
            fits = (1 - 2**-52 < of["factor"] <= 1024 and of["low"] <= 1024 and of["low"] < of["high"] <= 1024
                    and share(self.scaling["high"]) > share(self.scaling["low"]) and self.scaling["original"] <= 2**24)
        if not fits:
            raise BadCurve("rotary positions: a parameter is out of bounds")

    def largest(self):
        """The largest sum of magnitudes of a cosine and a sine, or a little more: sqrt 2 and two roundings."""
        return (1415 << self.bits) // 1000 + 2

    def turns(self, positions, channels):
        """Cosines and sines of [positions, channels]. The second half repeats the first, but for the sign of sines."""
        cos, sin = [], []
        frequencies = [self.frequency(pair, channels) for pair in range(channels // 2)]
        for t in range(positions):
            row = [self.turn((self.position + t) * frequency) for frequency in frequencies]
            cos += [c for c, _ in row] * 2
            sin += [-s for _, s in row] + [s for _, s in row]
        return cos, sin

    def frequency(self, pair, channels):
        plain = exponential_of_minus(logarithm(self.theta) * 2 * pair // channels)
        if self.scaling is None:
            return plain
        # Turns of the wave within the original context: few are a low frequency, many a high one.
        turns = (self.scaling["original"] * plain << SHARE_BITS) // (TAU >> TAU_BITS - BITS)
        slow = (plain << SHARE_BITS) // max(share(self.scaling["factor"]), 1)
        low, high = share(self.scaling["low"]), share(self.scaling["high"])
        if turns > high:
            return plain
        if turns < low:
            return slow
        part = (turns - low << SHARE_BITS) // (high - low)
        return ((2**SHARE_BITS - part) * slow + part * plain) >> SHARE_BITS

    def turn(self, angle):
        """Cosine and sine, rounded to `bits` bits after the point; ties go up."""
        angle = (angle << TAU_BITS - BITS) % TAU >> TAU_BITS - BITS
        cos, sin = cosine_and_sine(angle % QUARTER)
        # A full turn may exceed four rounded quarters by a little.
        cos, sin = [(cos, sin), (-sin, cos), (-cos, -sin), (sin, -cos), (cos, sin)][min(angle // QUARTER, 4)]
        half = 1 << BITS - 1 - self.bits
        return cos + half >> BITS - self.bits, sin + half >> BITS - self.bits


def share(number):
    """A number of a scaling, with 40 bits, rounded down."""
    shift = number["exponent"] + SHARE_BITS
    return number["mantissa"] << shift if shift >= 0 else number["mantissa"] >> -shift


def logarithm(number):
    """ln of a number above 1. With number = x 2^k and 1/2 <= x < 1: ln x = 2 (y + y^3/3 + ..), y = (x - 1) / (x + 1)"""
    length = number["mantissa"].bit_length()
    x = number["mantissa"] << BITS - length
    y = quotient(x - ONE << BITS, x + ONE)
    square, term, total = product(y, y), y, 0
    for odd in range(1, 64, 2):
        total += quotient(term, odd)
        term = product(term, square)
    return 2 * total + (length + number["exponent"]) * LN_2


def exponential_of_minus(x):
    """e^-x for x that is not negative."""
    halvings, rest = divmod(x, LN_2)
    term, total = ONE, 0
    for n in range(1, 32):
        total += term
        term = quotient(-product(term, rest), n)
    return total >> halvings


def cosine_and_sine(angle):
    """Of an angle below pi / 2: the terms are 1, x, -x^2/2, -x^3/6, x^4/24, .."""
    sums, term = [0, 0], ONE
    for n in range(32):
        sums[n % 2] += -term if n // 2 % 2 else term
        term = quotient(product(term, angle), n + 1)
    return sums
