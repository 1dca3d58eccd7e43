"""Claims on virtual columns become claims on committed and parameter columns (docs/protocol/reduction.md)."""

from circuit import index_bits
from field import ONE, ZERO, bits, eq, eq_bits, eq_table, inverse
from sumcheck import sumcheck
from transcript import Reject


class Claims:
    """The claims on each column, (point, value), in the order in which they arise."""

    def __init__(self, channel, columns):
        self.channel, self.columns = channel, columns
        self.on = [[] for _ in columns.of]
        self.count = 0

    def known(self, number, point):
        """The value of a column that is public (not hidden), or that is claimed at this point already; else None."""
        if self.columns.of[number].kind == "Public":
            return self.columns.evaluate(number, point)
        return next((value for at, value in self.on[number] if at == point), None)

    def value(self, label, number, point):
        """The value of a column. If it is not known the prover sends it, and it becomes a claim."""
        value = self.known(number, point)
        if value is None:
            value, = self.channel.hidden(label, 1)
            self.push(number, point, value)
        return value

    def add(self, number, point, value):
        """A claim that is not sent. It must agree with what is known."""
        column, known = self.columns.of[number], self.known(number, point)
        if known is None:
            self.push(number, point, value)
        else:
            name = "reduce.public" if column.kind == "Public" else "reduce.duplicate"
            self.channel.check(name, value - known, place=column.name)

    def push(self, number, point, value):
        self.count += 1
        if self.count > 2**16:
            raise Reject("Key", "more than 2^16 claims")
        self.on[number].append((point, value))


def reduce(claims):
    """Depth by depth. A column is reduced after all that is made of it."""
    for depth, stage in enumerate(claims.columns.stages):
        instances = []
        for column in (claims.columns.of[number] for number in stage):
            for point, value in list(claims.on[column.number]):
                if column.kind == "Linear":
                    split_sum(claims, column, point, value)
                elif column.sums:
                    of = OfContraction if column.kind == "Contraction" else OfView
                    instances.append(of(claims.columns, column, point, value))
                else:
                    rename(claims, column, point, value)
        if instances:
            sum_stage(claims, depth, instances)


def split_sum(claims, column, point, value):
    """A claim on a sum becomes claims on its terms: those that are not known are sent, the last one follows."""
    rest, unknown = value - column.fields["constant"], []
    for term in column.fields["terms"]:
        known = claims.known(term["column"], point)
        if known is None:
            unknown.append(term)
        else:
            rest = rest - known * term["coefficient"]
    if not unknown:
        claims.channel.check("reduce.linear", rest, place=column.name)
        return
    virtual = [k for k, term in enumerate(unknown) if claims.columns.of[term["column"]].is_virtual]
    last = unknown.pop(virtual[-1] if virtual else -1)
    for term in unknown:
        rest = rest - claims.value("reduce.term", term["column"], point) * term["coefficient"]
    claims.add(last["column"], point, rest * inverse(last["coefficient"]))


def rename(claims, column, point, value):
    """A claim on a view without a sum."""
    route = OfView(claims.columns, column, point, value)
    if route.scalar == ZERO:
        claims.channel.check("reduce.outside", value, place=column.name)
        return
    claims.add(column.fields["source"], route.source_point([]), value * route.scalar.inverse())


class OfView:
    """view(z) = scalar * sum over j of source(j) prod of G_f(j_f), over the axes of the general factors f."""

    degree = 2

    def __init__(self, columns, column, point, value):
        self.column, self.value, self.source = column, value, columns.of[column.fields["source"]]
        self.parts, self.scalar = column.split(point), ONE
        # The coordinates of each axis of the source; None where the sumcheck gives them.
        self.axes, self.general = [None] * len(self.source.shape), []
        for factor in column.factors:
            z = [self.parts[axis] for axis in factor.view_axes]
            if factor.acts == "general":
                self.general.append(factor)
            elif factor.acts == "broadcast":
                for size, part in zip(factor.sizes, z):
                    self.scalar *= sum(eq_table(part)[:size], ZERO)
            else:
                through = factor.fixed_bits() if factor.acts == "fixed" else [x for part in z for x in part]
                if factor.acts == "block":
                    high = through[:len(through) - factor.variables]
                    self.scalar *= eq_bits(high, -factor.offset >> factor.variables)
                    through = through[len(high):]
                elif factor.acts == "part":
                    high = factor.variables - len(through)
                    through = bits(factor.offset >> len(through), high) + through
                for axis, size in zip(factor.source_axes, factor.source_sizes):
                    self.axes[axis], through = through[:index_bits(size)], through[index_bits(size):]
        self.general.sort(key=lambda factor: factor.source_axes[0])
        self.variables = sum(factor.variables for factor in self.general)

    def source_point(self, r):
        axes = list(self.axes)
        for factor in self.general:
            for axis, size in zip(factor.source_axes, factor.source_sizes):
                axes[axis], r = r[:index_bits(size)], r[index_bits(size):]
        return [x for part in axes for x in part]

    def end(self, r):
        """The weight, and the operands: column and point."""
        point, weight = self.source_point(r), self.scalar
        parts = self.source.split(point)
        for factor in self.general:
            z = [self.parts[axis] for axis in factor.view_axes]
            weight *= factor.weight(z, [parts[axis] for axis in factor.source_axes])
        return weight, [(self.source.number, point)]


class OfContraction:
    """y = sum over h, s of eq(z_h, h) left(z_l, h, s) right(z_r, h, s), over shared axes h and summed axes s."""

    def __init__(self, columns, column, point, value):
        self.column, self.value, self.parts = column, value, column.split(point)
        self.operands = columns.of[column.fields["left"]], columns.of[column.fields["right"]]
        self.axes = column.fields["axes"]
        self.bound = [axis for axis in self.axes if axis["left"] is not None and axis["right"] is not None]
        self.variables = sum(map(self.bits, self.bound))
        self.degree = 3 if any(axis["out"] is not None and self.bits(axis) for axis in self.bound) else 2

    def bits(self, axis):
        return index_bits(self.operands[0].shape[axis["left"]])

    def end(self, r):
        points, weight = [[None] * len(x.shape) for x in self.operands], ONE
        for axis in self.axes:
            if axis in self.bound:
                here, r = r[:self.bits(axis)], r[self.bits(axis):]
                if axis["out"] is not None:
                    weight *= eq(self.parts[axis["out"]], here)
            else:
                here = self.parts[axis["out"]]
            for point, side in zip(points, ("left", "right")):
                if axis[side] is not None:
                    point[axis[side]] = here
        flat = [[x for part in point for x in part] for point in points]
        return weight, [(x.number, point) for x, point in zip(self.operands, flat)]


def sum_stage(claims, depth, instances):
    """One batched sumcheck over all claims of a depth; it ends in claims on the operands."""
    channel, columns = claims.channel, claims.columns
    shapes = [(instance.variables, instance.degree, instance.value) for instance in instances]
    point, coefficients, value = sumcheck(channel, "reduce.stage", shapes)
    rest, products = -value, []
    for instance, coefficient in zip(instances, coefficients):
        weight, operands = instance.end(point[len(point) - instance.variables:])
        hidden, weight = [], weight * coefficient
        for number, at in operands:
            operand = claims.value("reduce.operand", number, at)
            if columns.of[number].kind == "Public":
                weight *= operand
            else:
                hidden.append(operand)
        if len(hidden) == 2:
            products.append((weight, *hidden))
        else:
            rest = rest + (hidden[0] * weight if hidden else weight)
    channel.check("reduce.stage", rest, products, f"depth {depth}")
