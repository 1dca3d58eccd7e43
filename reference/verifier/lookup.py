"""Lookups: stacked LogUp-GKR (docs/protocol/lookup.md)."""

from math import ceil, log2

from circuit import variables
from field import ONE, ZERO, bits, eq_bits
from skeleton import require

# Log2 of the cells in a group.
GROUP_VARIABLES = 13


# Log2 of the most looked-up rows in a chunk of a setup proof; an answer has one chunk. And the most chunks.
SETUP_CHUNK, ONE_CHUNK, MOST_CHUNKS = 26, 48, 2**9


def chunks(circuit, most):
    """Parts of lookups, (lookup, number, variables), in chunks of at most 2^most rows. There is always one."""
    result, rows = [[]], 0
    for number, lookup in enumerate(circuit["lookups"]):
        every = variables(circuit["columns"][lookup["columns"][0]]["shape"])
        size = min(every, most)
        for part in range(2**(every - size)):
            if rows and rows + 2**size > 2**most:
                require(len(result) < (MOST_CHUNKS if most < ONE_CHUNK else 1), "lookups", "too many chunks")
                result, rows = result + [[]], 0
            result[-1].append((number, part, size))
            rows += 2**size
    return result


def blocks(columns, chunk):
    """The stack: (variables, part of the chunk, table, offset) of each block, where part or table is None; and its
    variables."""
    sizes = [(size, number, None) for number, (_, _, size) in enumerate(chunk)]
    sizes += [(table.variables, None, number) for number, table in enumerate(columns.tables)]
    stack, offset = [], 0
    for size, lookup, table in sorted(sizes, key=lambda size: -size[0]):
        stack.append((size, lookup, table, offset))
        offset += 2**size
    return stack, (max(offset, 1) - 1).bit_length()


def layers(columns, parts):
    """The most variables of a stack."""
    return max(blocks(columns, chunk)[1] for chunk in parts)


def fraction_bits(columns, parts):
    """-log2 of R d / |K|, R of the largest chunk"""
    rows = max(sum(2**size for size, *_ in blocks(columns, chunk)[0]) for chunk in parts)
    arity = max((table.arity for table in columns.tables), default=0)
    return 122 - log2(max(rows, 1) * max(arity - 1, 1))


def grinding_bits(columns, parts):
    """Proof of work before alpha: what the fractions lack to 106 bits."""
    return min(max(ceil(106 - fraction_bits(columns, parts)), 0), 40)


def lookups(channel, columns, parts):
    """Returns claims (column, point, value), and (point, value) for the multiplicities of each table of each chunk."""
    t = channel.transcript
    t.grind("lookup.grind", grinding_bits(columns, parts))
    compression = [t.challenge(f"lookup.{name}") for name in ("alpha", "beta", "gamma")]
    claims, of_tables = [], []
    for chunk in parts:
        on_columns, on_tables = lookups_of(channel, columns, chunk, *compression)
        claims, of_tables = claims + on_columns, of_tables + on_tables
    return claims, of_tables


def lookups_of(channel, columns, chunk, alpha, beta, gamma):
    """One of the chunks, under the challenges of all."""
    stack, n = blocks(columns, chunk)
    q, q_inverse = channel.hidden("lookup.root", 2)
    channel.check("lookup.denominator_nonzero", -ONE, [(ONE, q, q_inverse)])
    p, zeta = ZERO, []
    for layer in range(n):
        p, q, zeta = next_level(channel, layer, p, q, zeta)

    # From the tree's order of coordinates, (inner, group), to the stack's.
    zeta = zeta[GROUP_VARIABLES:] + zeta[:GROUP_VARIABLES]

    looked_up = [columns.lookups[number] for number, _, _ in chunk]
    values = [channel.hidden("lookup.columns", len(lookup["columns"])) for lookup in looked_up]
    multiplicities = channel.hidden("lookup.multiplicities", len(columns.tables))

    def denominator(table, row):
        result, power = alpha - gamma * (table + 1), ONE
        for x in row:
            result, power = result - x * power, power * beta
        return result

    filler, claims, of_tables = ONE, {}, {}
    for size, number, table, offset in stack:
        weight = eq_bits(zeta[:n - size], offset >> size)
        suffix, filler = zeta[n - size:], filler - weight
        if table is None:
            lookup = looked_up[number]
            p, q = p - weight, q - denominator(lookup["table"], values[number]) * weight
            # The column's first bits are those of the part's number.
            _, part, _ = chunk[number]
            whole = [(column, columns.of[column].variables - size) for column in lookup["columns"]]
            claims[number] = [(column, bits(part, more) + suffix, y)
                              for (column, more), y in zip(whole, values[number])]
        else:
            row = columns.table_row(table, suffix)
            p, q = p + multiplicities[table] * weight, q - denominator(table, row) * weight
            of_tables[table] = (suffix, multiplicities[table])
    channel.check("lookup.numerator", p)
    channel.check("lookup.denominator", q - filler)
    in_order = [claim for number in range(len(claims)) for claim in claims[number]]
    return in_order, [of_tables[number] for number in range(len(of_tables))]


def next_level(channel, layer, p, q, z):
    """From claims on p and q at z to claims one level further."""
    t = channel.transcript
    lam = t.challenge("lookup.lambda")
    claim, point = p + q * lam, []
    for coordinate in z:
        b, c = channel.hidden("lookup.round", 2)
        r = t.challenge("lookup.round")
        claim = claim + b * (r - coordinate) + c * (r * r - coordinate)
        point.append(r)
    p0, p1, q0, q1 = channel.hidden("lookup.layer", 4)
    products = [(-ONE, p0, q1), (-ONE, p1, q0), (-lam, q0, q1)]
    channel.check("lookup.layer", claim, products, f"layer {layer}")
    tau = t.challenge("lookup.tau")
    return p0 + (p1 - p0) * tau, q0 + (q1 - q0) * tau, [tau, *point]
