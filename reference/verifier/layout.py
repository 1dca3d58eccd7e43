"""Where the columns of a circuit lie in the matrices of its commitments, after docs/protocol/commitment.md.

Rows have 2^log_row cells. A column of at least a row takes whole rows, but for those that hold padding alone. A shorter
one takes an aligned piece of a row. The largest columns come first, equal ones in the order of the circuit.
"""

from math import prod

from circuit import index_bits, table_variables, variables


class Extent:
    """The size of a column: index bits and logical size of each dimension. A column that is `alone` shares no row."""

    def __init__(self, dimensions, alone=False):
        self.dimensions, self.alone = dimensions, alone
        self.variables = sum(bits for bits, _ in dimensions)

    def stored_rows(self, log_row):
        """For each dimension with index bits that select rows: those bits, and how many of their values are stored."""
        high, groups = max(self.variables - log_row, 0), []
        for bits, size in self.dimensions:
            own = min(bits, high)
            high -= own
            if own:
                # The other bits lie inside of a row. A row is stored if its first index is inside of the shape.
                groups.append((own, -(-size // 2 ** (bits - own))))
        return groups


def full(bits, alone=False):
    """A column whose padding is stored."""
    return Extent([(bits, 2**bits)], alone)


def cropped(shape):
    """A column that is 0 on padding."""
    return Extent([(index_bits(size), size) for size in shape])


def trace_extents(circuit, chunks):
    """The trace: its committed columns, then for each chunk of lookups the multiplicities of the tables."""
    extents = []
    for column in circuit["columns"]:
        of = column["kind"].get("Committed")
        if of and of["home"] == "Trace":
            crops = of["zero_padded"] and not circuit["unpacked"]
            shape = column["shape"]
            extents.append(cropped(shape) if crops else full(variables(shape), circuit["unpacked"]))
    return extents + chunks * [full(table_variables(table), circuit["unpacked"]) for table in circuit["tables"]]


def weight_extents(circuit):
    """The parameter columns, which are 0 on padding."""
    shapes = [column["shape"] for column in circuit["columns"] if "Parameter" in column["kind"]]
    if circuit["unpacked"]:
        return [full(variables(shape), alone=True) for shape in shapes]
    return [cropped(shape) for shape in shapes]


def packing(extents, log_row):
    """How many rows there are, and for each column its first row, its offset in it, and its stored rows."""
    row_length, free, slots = 2**log_row, 0, [None] * len(extents)
    for number in sorted(range(len(extents)), key=lambda number: -extents[number].variables):
        extent = extents[number]
        groups = extent.stored_rows(log_row)
        if extent.alone:
            free = round_up(free, row_length)
        slots[number] = (free // row_length, free % row_length, groups)
        whole = extent.variables >= log_row
        free += prod(limit for _, limit in groups) * row_length if whole else 2**extent.variables
        if extent.alone:
            free = round_up(free, row_length)
    return max(round_up(free, row_length) // row_length, 1), slots


def round_up(cell, row_length):
    return -(-cell // row_length) * row_length
