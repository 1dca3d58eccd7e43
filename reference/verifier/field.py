"""F, the integers modulo p = 2^61 - 1, as plain integers; K = F[i] / (i^2 + 1); extensions of tables.

The first coordinate of a point belongs to the most significant bit of an index.
"""

from postcard import P


def inverse(a):
    return pow(a, -1, P) if a % P else 0


class K:
    """c0 + c1 i. Sums and products with integers are allowed."""

    __slots__ = ("c0", "c1")

    def __init__(self, c0, c1=0):
        self.c0, self.c1 = c0 % P, c1 % P

    def __add__(self, other):
        if isinstance(other, K):
            return K(self.c0 + other.c0, self.c1 + other.c1)
        return K(self.c0 + other, self.c1) if isinstance(other, int) else NotImplemented

    def __neg__(self):
        return K(-self.c0, -self.c1)

    def __sub__(self, other):
        if isinstance(other, K):
            return K(self.c0 - other.c0, self.c1 - other.c1)
        return K(self.c0 - other, self.c1) if isinstance(other, int) else NotImplemented

    def __rsub__(self, other):
        return K(other - self.c0, -self.c1)

    def __mul__(self, other):
        if isinstance(other, K):
            return K(self.c0 * other.c0 - self.c1 * other.c1, self.c0 * other.c1 + self.c1 * other.c0)
        return K(self.c0 * other, self.c1 * other) if isinstance(other, int) else NotImplemented

    __radd__, __rmul__ = __add__, __mul__

    def inverse(self):
        norm = inverse(self.c0 * self.c0 + self.c1 * self.c1)
        return K(self.c0 * norm, -self.c1 * norm)

    def __eq__(self, other):
        return isinstance(other, K) and (self.c0, self.c1) == (other.c0, other.c1)

    def __hash__(self):
        return hash((self.c0, self.c1))

    def __repr__(self):
        return f"{self.c0} {self.c1}"


ZERO, ONE, I = K(0), K(1), K(0, 1)


def eq_table(point):
    """eq(point, x) for every x."""
    table = [ONE]
    for z in point:
        high = [t * z for t in table]
        table = [entry for t, h in zip(table, high) for entry in (t - h, h)]
    return table


def eq(x, y):
    result = ONE
    for a, b in zip(x, y, strict=True):
        result *= ONE - a - b + a * b * 2
    return result


def bits(value, count):
    """The bits of a number as a point."""
    return [K(value >> k & 1) for k in reversed(range(count))]


def eq_bits(point, value):
    return eq(point, bits(value, len(point)))


def prefix(point, n):
    """sum of eq(point, i) over i < n: [0, n) is a union of aligned blocks, one for each bit of n that is set."""
    if n >> len(point):
        return ONE
    total, before = ZERO, ONE
    for k, z in enumerate(point):
        if n >> len(point) - 1 - k & 1:
            total, before = total + before * (ONE - z), before * z
        else:
            before *= ONE - z
    return total


def dot(elements, integers):
    """Elements of K times elements of F."""
    pairs = list(zip(elements, integers))
    return K(sum(e.c0 * n for e, n in pairs), sum(e.c1 * n for e, n in pairs))


def dot_k(xs, ys):
    return sum((x * y for x, y in zip(xs, ys)), ZERO)
