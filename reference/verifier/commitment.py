"""The circle code, and the hashes of a committed matrix (docs/protocol/commitment.md)."""

from functools import cache

from blake3 import blake3

from field import K, P
from transcript import le8

GENERATOR = (2, 1033321771269002680)  # of order 2^61


def double(point):
    x, y = point
    return (2 * x * x - 1) % P, 2 * x * y % P


def add(a, b):
    return (a[0] * b[0] - a[1] * b[1]) % P, (a[0] * b[1] + a[1] * b[0]) % P


@cache
def generator(log_order):
    return GENERATOR if log_order == 61 else double(generator(log_order + 1))


def domain_point(log_n, index):
    """P_index = g^e with e = 1 + 4 rev(index / 2), for g of order 2n; inverted if the index is odd."""
    exponent, g, point = 1, generator(log_n + 1), (1, 0)
    for k in range(log_n - 1):
        exponent += 4 << (log_n - 2 - k) if index >> 1 >> k & 1 else 0
    while exponent:
        point, g, exponent = add(point, g) if exponent & 1 else point, double(g), exponent >> 1
    return (point[0], -point[1] % P) if index & 1 else point


def factors(log_n, index, count):
    """phi_0 .. phi_(count-1) at a point: y, x, 2 x^2 - 1, .."""
    x, y = domain_point(log_n, index)
    values = [y]
    while len(values) < count:
        values.append(x)
        x = (2 * x * x - 1) % P
    return values[:count]


def basis(phis, count):
    """b_0 .. b_(count-1): the product of the phis at the bits of the number."""
    values = [1]
    for phi in phis:
        if len(values) < count:
            values += [value * phi % P for value in values]
    return values[:count]


def codeword_at(phis, message):
    """Enc(message) at a point, for a message over K. With later phis it is the symbol of a narrow row."""
    values = basis(phis, len(message))
    return K(sum(b * u.c0 for b, u in zip(values, message)), sum(b * u.c1 for b, u in zip(values, message)))


# Hashes

def keyed(name, data):
    return blake3(data, key=f"zkml commitment: {name}".ljust(32).encode()).digest()


def leaf(cells, salt=None):
    """Of a column. A tree without secrets has no salts, and keys of its own."""
    data = (salt or b"") + b"".join(map(le8, cells))
    return keyed("bare leaf" if salt is None else "leaf", data + bytes(-len(data) % 64))


def node(left, right):
    return keyed("node", left + right)


def root(log_row, tail, log_codeword, log_stride, digest_bytes, rows, top, bare=False):
    numbers = map(le8, (log_row, tail, log_codeword, log_stride, digest_bytes, rows))
    return keyed("bare root" if bare else "root", b"".join(numbers) + top)


def read_top(transcript, label, depth, digest_bytes, leaves):
    """The topmost node, from leaves by index. Nodes that cannot be computed are read: level by level, left to right."""
    def cut(digest):
        return digest[:digest_bytes] + bytes(32 - digest_bytes)

    level = {index: cut(leaf) for index, leaf in leaves.items()}
    for _ in range(depth):
        parents = {}
        for index in sorted(level):
            if index // 2 not in parents:
                other = level.get(index ^ 1)
                if other is None:
                    other = cut(transcript.digest(label, digest_bytes))
                pair = (other, level[index]) if index & 1 else (level[index], other)
                parents[index // 2] = cut(node(*pair))
        level = parents
    return level[0]
