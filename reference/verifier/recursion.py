"""The recursive argument for a row combination, which is sent if there is no level (docs/protocol/recursion.md).

A functional is the list of its factors (a, b), one pair for each bit of the index, the lowest bit first.
"""

from commitment import codeword_at, factors, leaf, read_top, root
from field import ONE, ZERO, K, dot_k, eq_table
from transcript import Reject


def tensor(functional):
    values = [ONE]
    for a, b in functional:
        values = [value * a for value in values] + [value * b for value in values]
    return values


def rounds(rows):
    return (rows - 1).bit_length()


def shapes(levels, size):
    """(code, rows) of each level."""
    for code in levels:
        yield code, -(-size // 2 ** code["log_row"])
        size = 2 ** code["log_row"]


def rows_grinding_bits(code, rows):
    """As many bits as bring the proximity term to 110 bits; 20 at most."""
    log_variables = (rounds(rows) - 1).bit_length() if rows > 1 else 0
    return min(20, max(0, code["log_codeword"] + log_variables - 12))


def verify_recursion(t, levels, size, vector, product, columns):
    """Claims on a vector of `size` elements, or its root: [(functional, value)], [(phis, value of the codeword)]."""
    running, value = [], ZERO  # functionals with their coefficients, and what they sum to
    for number, (code, rows) in enumerate(shapes(levels, size), 1):
        log_row, log_codeword, place = code["log_row"], code["log_codeword"], f"level {number}"
        for functional, claimed in product + [(at_position(phis), claimed) for phis, claimed in columns]:
            coefficient = t.challenge("recursion.batch")
            running.append((coefficient, functional))
            value += claimed * coefficient
        r = []
        for _ in range(rounds(rows)):
            c0, c2 = t.elements(3, "recursion.rows", 2)
            t.grind("recursion.rows.grind", rows_grinding_bits(code, rows))
            x = t.challenge("recursion.rows")
            value = c0 + (value - c0 * 2 - c2 + c2 * x) * x  # c1 is the running value minus 2 c0 + c2
            r.append(x)
        weights = eq_table(r)[:rows]
        running = [(c * dot_k(weights, tensor(f[log_row:])), f[:log_row]) for c, f in running]
        held = vector
        if number == len(levels):
            vector = t.elements(3, "recursion.message", 2**log_row)
            if sum((c * dot_k(tensor(f), vector) for c, f in running), ZERO) != value:
                raise Reject("recursion.inner_product", place)
        else:
            vector = t.digest("recursion.root")
        t.grind("recursion.grind", code["grinding_bits"])
        positions = t.positions("recursion.positions", code["queries"], 2**log_codeword)
        opened = open_columns(t, code, rows, held, positions, place)
        product, columns = [], [(factors(log_codeword, j, log_row), dot_k(weights, opened[j])) for j in positions]
    for phis, claimed in columns:
        if codeword_at(phis, vector) != claimed:
            raise Reject("opening.column")


def at_position(phis):
    """The functional of a coordinate of the codeword."""
    return [(ONE, K(phi)) for phi in phis]


def open_columns(t, code, rows, expected, positions, place):
    """The columns at these positions: an element of K is two rows over F."""
    flat = t.cells("recursion.columns", 2 * rows * len(positions))
    cells = {j: flat[2 * rows * k:2 * rows * (k + 1)] for k, j in enumerate(positions)}
    log_codeword, digest_bytes = code["log_codeword"], code["digest_bytes"]
    leaves = {j: leaf(column) for j, column in cells.items()}
    top = read_top(t, "recursion.path", log_codeword, digest_bytes, leaves)
    if root(code["log_row"], 0, log_codeword, 0, digest_bytes, 2 * rows, top, bare=True) != expected:
        raise Reject("recursion.merkle", place)
    return {j: [K(*column[k:k + 2]) for k in range(0, 2 * rows, 2)] for j, column in cells.items()}
