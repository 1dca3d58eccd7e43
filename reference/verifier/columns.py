"""A circuit as the argument walks through it: columns by depth, and extensions of public columns and tables."""

from math import prod

from circuit import index_bits, is_zero_padded, needs_sumcheck, role, schedule, table_variables, variables
from curves import Curve
from field import ONE, ZERO, K, bits, dot, dot_k, eq_bits, eq_table, prefix
from skeleton import variant


class Column:
    def __init__(self, column, number):
        self.name, self.shape, self.number = column["name"], column["shape"], number
        self.kind, self.fields = variant(column["kind"])
        self.variables = variables(self.shape)
        self.document = column
        self.is_virtual = self.kind in ("Linear", "View", "Contraction")

    def split(self, point):
        """The coordinates of each dimension."""
        parts, at = [], 0
        for size in self.shape:
            parts.append(point[at:at + index_bits(size)])
            at += index_bits(size)
        return parts


class Columns:
    """`public` gives the integers of public inputs and outputs, by the number of the column; None in a rehearsal."""

    def __init__(self, circuit, public):
        self.of = [Column(column, number) for number, column in enumerate(circuit["columns"])]
        self.tables, self.stages, self.public = list(map(Table, circuit["tables"])), schedule(circuit), public
        self.lookups, self.equalities = circuit["lookups"], circuit["equalities"]
        known = []
        for column in circuit["columns"]:
            known.append(is_zero_padded(column, known))
        for column, zero_padded in zip(self.of, known):
            column.zero_padded = zero_padded
        for column in self.of:
            column.sums = needs_sumcheck(circuit["columns"], column.number, known)
            if column.kind == "View":
                source = circuit["columns"][column.fields["source"]]
                zero_padded = known[column.fields["source"]]
                column.factors = [Factor(part, column, self.of[column.fields["source"]],
                                         role(column.document, source, part, zero_padded))
                                  for part in column.fields["factors"]]

    def numbers(self, kind, home=None):
        """The columns of a kind, and of a home."""
        return [x.number for x in self.of if x.kind == kind and (home is None or x.fields["home"] == home)]

    def evaluate(self, number, point):
        """The extension of a public column. Without values it does not matter."""
        if self.public is None:
            return ZERO
        column = self.of[number]
        public, fields = variant(column.fields)
        if public == "Selector":
            return self.select(column, *variant(fields), point)
        return extension(fields if public == "Constant" else self.public[number], column, point)

    def table_row(self, number, point):
        """The extensions of a table's columns."""
        table = self.tables[number]
        return table.evaluate(point) if self.public is not None else [ZERO] * table.arity

    def select(self, column, rule, fields, point):
        """The extension of a selector, in closed form (docs/protocol/circuit.md, "Selector")."""
        parts = column.split(point)
        if rule == "Ones":
            return prod((prefix(z, size) for z, size in zip(parts, column.shape)), start=ONE)
        if rule == "Index":
            return dot(eq_table(point), range(column.shape[0]))
        if rule == "Causal":
            rows, keys = column.shape
            seen = (prefix(parts[1], min(row + fields["offset"] + 1, keys)) for row in range(rows))
            return dot_k(eq_table(parts[0]), seen)
        last = len(parts) - 1
        of_id = prefix if rule == "LessThan" else eq_bits
        rows = [ONE]
        for z, size in zip(parts[:last], column.shape):
            part = eq_table(z)[:size]
            rows = [t * w for t in rows for w in part]
        return dot_k(rows, (of_id(parts[last], token) for token in self.public[fields["ids"]]))


def extension(integers, column, point):
    """The extension at a point of integers in row-major order, 0 on padding."""
    values = None
    for size, z in zip(reversed(column.shape), reversed(column.split(point))):
        weights, cells = eq_table(z)[:size], integers if values is None else values
        add = dot if values is None else dot_k
        values = [add(weights, cells[start:start + size]) for start in range(0, len(cells), size)]
    return values[0] if values else K(integers[0])


class Factor:
    """A factor of a view: what it does to coordinates, its axes, and their sizes."""

    def __init__(self, part, view, source, acts):
        self.acts, self.strides, self.offset = acts, part["strides"], part["offset"]
        self.view_axes, self.source_axes = part["view_axes"], part["source_axes"]
        self.sizes = [view.shape[axis] for axis in self.view_axes]
        self.source_sizes = [source.shape[axis] for axis in self.source_axes]
        self.variables = sum(map(index_bits, self.source_sizes))

    def fixed_bits(self):
        """The coordinates of the source for a factor without axes of the view."""
        coordinates, rest = [], self.offset
        for size in reversed(self.source_sizes):
            coordinates = bits(rest % size, index_bits(size)) + coordinates
            rest //= size
        return coordinates

    def weight(self, z, r):
        """G(r) = sum over o of eq(z, o) eq(r, map(o)); z and r are split by the axes of the view and of the source."""
        cells = [(ONE, self.offset)]
        for size, stride, part in zip(self.sizes, self.strides, z):
            weights = eq_table(part)
            cells = [(w * weights[i], flat + stride * i) for w, flat in cells for i in range(size)]
        tables, result, end = [eq_table(part) for part in r], ZERO, prod(self.source_sizes)
        for w, flat in cells:
            if 0 <= flat < end:
                for size, table in zip(reversed(self.source_sizes), reversed(tables)):
                    w, flat = w * table[flat % size], flat // size
                result += w
        return result


class Table:
    """A table of lookups: 2^variables rows, of `arity` columns."""

    def __init__(self, table):
        self.kind, self.fields = variant(table)
        self.variables = table_variables(table)
        self.arity = {"Function": 2, "Decay": 3}.get(self.kind, 1)
        self.first = self.fields.get("minimum", 0) if self.kind == "Integers" else 0
        if self.kind == "Function":
            self.first = -(2 ** self.fields["domain_bits"])
        self.results = None

    def entries(self):
        """The second column."""
        rows = range(self.first, self.first + 2**self.variables)
        if self.kind == "Decay":
            curve = Curve(self.fields["curve"])
            return [curve.entry(-v, 0, 2**30) for v in rows]
        function, given = variant(self.fields["function"])
        low, high = self.fields["minimum"], self.fields["maximum"]
        if function == "Custom":
            return given
        if function == "Curve":
            curve = Curve(given)
            return [curve.entry(v, low, high) for v in rows]
        return [min(max(v, 0 if function == "Relu" else v, low), high) for v in rows]

    def evaluate(self, point):
        """The extensions of the columns at a point."""
        values = [sum((x * 2**k for k, x in enumerate(reversed(point))), K(self.first))]
        if self.arity > 1:
            self.results = self.results or self.entries()
            values.append(dot(eq_table(point), self.results))
        if self.arity > 2:
            values.append(eq_bits(point, 0))
        return values
