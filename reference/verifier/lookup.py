"""Lookups: stacked LogUp-GKR (docs/protocol/lookup.md)."""

from math import ceil, log2

from field import ONE, ZERO, eq_bits

# Log2 of the cells in a group.
GROUP_VARIABLES = 13


def blocks(columns):
    """The stack: (variables, lookup, table, offset) of each block, where lookup or table is None; and its variables."""
    firsts = [columns.of[lookup["columns"][0]] for lookup in columns.lookups]
    sizes = [(column.variables, number, None) for number, column in enumerate(firsts)]
    sizes += [(table.variables, None, number) for number, table in enumerate(columns.tables)]
    stack, offset = [], 0
    for variables, lookup, table in sorted(sizes, key=lambda size: -size[0]):
        stack.append((variables, lookup, table, offset))
        offset += 2**variables
    return stack, (max(offset, 1) - 1).bit_length()


def fraction_bits(columns):
    """-log2 of R d / |K|"""
    rows = sum(2**variables for variables, *_ in blocks(columns)[0])
    arity = max((table.arity for table in columns.tables), default=0)
    return 122 - log2(max(rows, 1) * max(arity - 1, 1))


def grinding_bits(columns):
    """Proof of work before alpha: what the fractions lack to 106 bits."""
    return min(max(ceil(106 - fraction_bits(columns)), 0), 40)


def lookups(channel, columns):
    """Returns claims (column, point, value), and (point, value) for the multiplicities of each table."""
    t, (stack, n) = channel.transcript, blocks(columns)
    t.grind("lookup.grind", grinding_bits(columns))
    alpha, beta, gamma = (t.challenge(f"lookup.{name}") for name in ("alpha", "beta", "gamma"))
    q, q_inverse = channel.hidden("lookup.root", 2)
    channel.check("lookup.denominator_nonzero", -ONE, [(ONE, q, q_inverse)])
    p, zeta = ZERO, []
    for layer in range(n):
        p, q, zeta = next_level(channel, layer, p, q, zeta)

    # From the tree's order of coordinates, (inner, group), to the stack's.
    zeta = zeta[GROUP_VARIABLES:] + zeta[:GROUP_VARIABLES]

    values = [channel.hidden("lookup.columns", len(lookup["columns"])) for lookup in columns.lookups]
    multiplicities = channel.hidden("lookup.multiplicities", len(columns.tables))

    def denominator(table, row):
        result, power = alpha - gamma * (table + 1), ONE
        for x in row:
            result, power = result - x * power, power * beta
        return result

    filler, claims, of_tables = ONE, {}, {}
    for variables, number, table, offset in stack:
        weight = eq_bits(zeta[:n - variables], offset >> variables)
        suffix, filler = zeta[n - variables:], filler - weight
        if table is None:
            lookup = columns.lookups[number]
            p, q = p - weight, q - denominator(lookup["table"], values[number]) * weight
            claims[number] = [(column, suffix, y) for column, y in zip(lookup["columns"], values[number])]
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
