"""The circuit under construction, as the JSON of the Rust type, and the checks of the finished one."""

from itertools import product
from math import isqrt, prod

from skeleton import require, variant

P = 2**61 - 1
# Integers below LIMIT are told apart modulo p. A bound must stay below LIMIT - 1, which is below p / 2.
LIMIT = 2**60
# What the setup proof shows of parameters: a weight is in [-128, 127], a bias is four such digits in base 256.
WEIGHT_LIMIT = 128
BIAS_DIGITS = 4
BIAS_LIMIT = 128 * (1 + 256 + 256**2 + 256**3)
MAXIMUM_TABLE_VARIABLES = 20


def bits_of(largest):
    """Bits of the integers 0..largest, at least one."""
    return max(largest, 1).bit_length()


def index_bits(size):
    """ceil(log2 size)"""
    return (size - 1).bit_length()


def is_power_of_two(size):
    return size > 0 and size & (size - 1) == 0


def is_exact(shape):
    """Has the shape no padding?"""
    return all(is_power_of_two(size) for size in shape)


def variables(shape):
    return sum(index_bits(size) for size in shape)


def padded_cells(shape):
    return 2 ** variables(shape)


def magnitude(interval):
    return max(abs(interval[0]), abs(interval[1]))


def ceil_sqrt(square):
    root = isqrt(square)
    return root + (root * root < square)


def power(exponent):
    """2^exponent. An exponent of a file may be huge: every bound fails long before 2^200."""
    return 2 ** min(exponent, 200)


def inverse_of_power(exponent):
    """The inverse of 2^exponent modulo p."""
    return pow(2**exponent, -1, P)


def below_limit(place, what, reached):
    """Refuses a quantity that may reach p / 2: it could be another integer modulo p."""
    require(reached < LIMIT - 1, place, f"{what} may reach {reached}")


# ---------------------------------------------------------------------------------------------------------------------
# The circuit under construction
# ---------------------------------------------------------------------------------------------------------------------

def factor(view_axes, strides, offset, source_axes):
    """source index = offset + sum stride * view index. The source axes are flattened row-major."""
    return {"view_axes": view_axes, "strides": strides, "offset": offset, "source_axes": source_axes}


def affine(axes_and_strides, offset, source_axis):
    ordered = sorted(axes_and_strides)
    return factor([axis for axis, _ in ordered], [stride for _, stride in ordered], offset, [source_axis])


def identity(view_axis, source_axis):
    return affine([(view_axis, 1)], 0, source_axis)


def broadcast(view_axis):
    """The view does not depend on this axis."""
    return factor([view_axis], [0], 0, [])


def fixed(index, source_axis):
    """The view shows the source at one index, and has no axis for it."""
    return factor([], [], index, [source_axis])


def reshape_factor(view_axes, view_shape, source_axes):
    """Row-major reshape. A stride is the product of the sizes of the later axes of the view."""
    strides = [prod(view_shape[later] for later in view_axes if later > axis) for axis in view_axes]
    return factor(list(view_axes), strides, 0, list(source_axes))


def crop_factors(rank):
    return [identity(axis, axis) for axis in range(rank)]


def free_left(left, out):
    return {"left": left, "right": None, "out": out}


def free_right(right, out):
    return {"left": None, "right": right, "out": out}


def summed(left, right):
    return {"left": left, "right": right, "out": None}


def shared(left, right, out):
    return {"left": left, "right": right, "out": out}


def segments(size):
    """An axis in powers of two, the largest first; the last one is padded if that is at most an eighth of the axis."""
    start, parts = 0, []
    while start < size and (2**index_bits(size - start) - (size - start)) * 8 > size:
        parts.append((start, start + 2**index_bits(size - start) // 2))
        start = parts[-1][1]
    return parts + [(start, size)]


def named(name, block):
    """The name of what stands in a block."""
    return f"{name}[{', '.join(f'{start}:{end}' for start, end in block)}]"


def moved(block, sign):
    """The factors of a view that adds the start of a block to each index, or subtracts it."""
    return [affine([(axis, 1)], sign * start, axis) for axis, (start, _) in enumerate(block)]


def linear(terms, constant=0):
    """sum coefficient * column + constant, modulo p"""
    terms = [{"coefficient": coefficient % P, "column": column} for coefficient, column in terms]
    return {"Linear": {"terms": terms, "constant": constant % P}}


def difference(left, right):
    return linear([(1, left), (-1, right)])


def trace(zero_padded):
    """A committed column of the trace."""
    return {"Committed": {"zero_padded": zero_padded, "home": "Trace"}}


def is_zero_padded(column, known):
    """Are the cells of a column outside of its logical shape forced to be 0? `known` says it of the columns before."""
    kind, fields = variant(column["kind"])
    if is_exact(column["shape"]) or kind in ("Public", "View"):
        return True
    if kind in ("Committed", "Parameter"):
        return fields["zero_padded"]
    if kind == "Linear":
        return fields["constant"] == 0 and all(known[term["column"]] for term in fields["terms"])
    # Every axis of the result must come from a zero-padded operand.
    left, right = known[fields["left"]], known[fields["right"]]
    return all(axis["out"] is None or (axis["left"] is not None and left) or (axis["right"] is not None and right)
               for axis in fields["axes"])


def zero_padded(circuit):
    """For each column of a circuit: is it 0 on padding?"""
    known = []
    for column in circuit["columns"]:
        known.append(is_zero_padded(column, known))
    return known


class Builder:
    """Adds columns, tables, lookups and equalities."""

    def __init__(self, network, limb_bits, privacy, switches):
        self.network, self.limb_bits, self.privacy, self.switches = network, limb_bits, privacy, switches
        self.columns, self.tables, self.lookups, self.equalities = [], [], [], []
        self.zero_padded = []
        self.constants = {}
        # The column of each parameter that is used, and how it is read; public cells that follow from sizes.
        self.parameters, self.cells = {}, 0
        # The blocks of committed columns that are split.
        self.blocks = {}
        # For each node its column, and the number of the node that is lowered.
        self.node_columns, self.at = [], 0
        # Columns of public outputs that are the columns of their nodes, by the number of the output.
        self.shown = {}

    def circuit(self):
        return {"columns": self.columns, "tables": self.tables, "lookups": self.lookups,
                "equalities": self.equalities, "unpacked": not self.switches["trace_packing"],
                "unstacked": not self.switches["layer_stacking"]}

    def operand(self, node, number=0):
        """The column of an operand, and its node."""
        index = node.inputs[number]
        return self.node_columns[index], self.network.nodes[index]

    def shape(self, column):
        return self.columns[column]["shape"]

    def column(self, name, shape, kind):
        require(all(size < 2**32 for size in shape), name, "a dimension has fewer than 2^32 indices")
        self.columns.append({"name": name, "shape": list(shape), "kind": kind})
        self.zero_padded.append(is_zero_padded(self.columns[-1], self.zero_padded))
        return len(self.columns) - 1

    def linear(self, name, shape, terms, constant=0):
        return self.column(name, shape, linear(terms, constant))

    def view(self, name, shape, source, factors):
        return self.column(name, shape, {"View": {"source": source, "factors": factors}})

    def crop(self, name, shape, source):
        """The source inside its shape, and 0 on padding whatever the source holds there."""
        return self.view(name, shape, source, crop_factors(len(shape)))

    def cropped(self, name, column):
        """The column itself if it is 0 on padding, else a crop of it."""
        return column if self.zero_padded[column] else self.crop(name, self.shape(column), column)

    def contraction(self, name, shape, left, right, axes):
        return self.column(name, shape, {"Contraction": {"left": left, "right": right, "axes": axes}})

    def cellwise(self, name, shape, left, right, rank):
        """left times right, where right has the first `rank` axes of left."""
        axes = [shared(a, a, a) if a < rank else free_left(a, a) for a in range(len(shape))]
        return self.contraction(name, shape, left, right, axes)

    def selector(self, name, shape, rule):
        return self.column(name, shape, {"Public": {"Selector": rule}})

    def constant(self, shape, cells):
        """A public constant. Constants of equal shape and cells share a column."""
        key = (tuple(shape), tuple(cells))
        if key not in self.constants:
            kind = {"Public": {"Constant": list(cells)}}
            self.constants[key] = self.column(f"constant.{len(self.constants)}", shape, kind)
        return self.constants[key]

    def ones(self, name, shape):
        """1 in every cell of the shape, 0 on padding."""
        return self.view(name, shape, self.constant([], [1]), [broadcast(axis) for axis in range(len(shape))])

    def table(self, table):
        """The index of a table. Without the pass `table_sharing` each use has a table of its own."""
        if self.switches["table_sharing"] and table in self.tables:
            return self.tables.index(table)
        self.tables.append(table)
        return len(self.tables) - 1

    def trace_blocks(self, shape):
        """The blocks in which a column of this shape is looked up; none where it is not split."""
        axes = [segments(size) for size in shape]
        count, padded = prod(len(axis) for axis in axes), padded_cells(shape)
        exact = all(is_power_of_two(end - start) for axis in axes for start, end in axis)
        spared = padded - prod(shape)
        worth = spared >= padded // 4 and spared >= 2**12 * (count - 1)
        return list(product(*axes)) if self.switches["trace_blocks"] and count > 1 and exact and worth else []

    def in_blocks(self, name, shape, blocks, kind):
        """A column for each block, and their sum."""
        columns, terms = [], []
        for block in blocks:
            own = named(name, block)
            columns.append(self.column(own, [end - start for start, end in block], kind))
            terms.append((1, self.view(f"{own}/placed", shape, columns[-1], moved(block, -1))))
        return columns, self.linear(name, shape, terms)

    def committed(self, name, shape, zero_padded):
        """A column of the trace that is looked up, or the sum of its blocks."""
        blocks = self.trace_blocks(shape)
        if not blocks:
            return self.column(name, shape, trace(zero_padded))
        columns, whole = self.in_blocks(name, shape, blocks, trace(zero_padded))
        self.blocks[whole] = columns
        return whole

    def lookup(self, name, columns, table):
        """Rows of a table. Block by block, where a column is split, or where all are virtual and of a shape that is."""
        blocks = self.trace_blocks(self.shape(columns[0]))
        split = any(x in self.blocks for x in columns) or all(is_virtual(self.columns[x]) for x in columns)
        if not blocks or not split:
            self.lookups.append({"name": name, "columns": columns, "table": table})
            return
        for number, block in enumerate(blocks):
            sizes, own = [end - start for start, end in block], []
            for column in columns:
                if column in self.blocks:
                    own.append(self.blocks[column][number])
                else:
                    part = named(self.columns[column]["name"], block)
                    own.append(self.view(part, sizes, column, moved(block, 1)))
            self.lookups.append({"name": named(name, block), "columns": own, "table": table})

    def equality(self, name, left, right):
        """Requires that two columns agree in every cell, padding included: their difference is 0."""
        column = self.column(f"{name}/difference", self.shape(left), difference(left, right))
        self.equalities.append(column)

    def committed_unless(self, pass_name, column):
        """The column, or without the pass that leaves it virtual a committed column that equals it.

        The copy is declared zero-padded, since the equality covers padding. So a column that may be other than 0 there
        stays virtual.
        """
        if self.switches[pass_name] or not self.zero_padded[column]:
            return column
        name = self.columns[column]["name"] + "/committed"
        copy = self.column(name, self.shape(column), trace(True))
        self.equality(name, column, copy)
        return copy

    def weight(self, index, split, order):
        """A weight as a parameter column: the tensor with the sizes `split`, and its axes in this order."""
        parameter = self.network.parameters[index]
        require(parameter.role == "Weight", parameter.path, "expected a weight")
        fits = len(split) == len(order) and prod(split) == prod(parameter.shape)
        require(fits, parameter.path, f"expected a weight of shape {split}")
        reading = ("weight", list(split), list(order))
        return self.parameter(index, parameter, [split[axis] for axis in order], reading)

    def bias_digits(self, index):
        """The four digits of each value of a bias, least significant first."""
        parameter = self.network.parameters[index]
        require(parameter.role == "Bias", parameter.path, "expected a bias")
        return self.parameter(index, parameter, [BIAS_DIGITS, prod(parameter.shape)], ("digits",))

    def parameter(self, index, parameter, shape, reading):
        """The column of a parameter. One that several layers use is one column, which all read alike."""
        if index not in self.parameters:
            self.parameters[index] = self.whole_or_blocks(parameter.path, shape), reading
        column, first = self.parameters[index]
        require(first == reading, parameter.path, "another layer reads this parameter in another order")
        return column

    def whole_or_blocks(self, name, shape):
        """A parameter column; of a matrix with much padding one for each block, and the sum of views that show them."""
        kind, blocks = {"Parameter": {"zero_padded": True}}, []
        if len(shape) == 2 and self.switches["weight_blocks"]:
            blocks = [((0, shape[0]), columns) for columns in segments(shape[1])]
        spared = padded_cells(shape) - sum(padded_cells([b - a for a, b in block]) for block in blocks)
        if not blocks or spared < 2**14:
            return self.column(name, shape, kind)
        return self.in_blocks(name, shape, blocks, kind)[1]

    def expect_cells(self, name, cells):
        """Bounds the public cells whose number follows from sizes alone: a key need not list them."""
        self.cells += cells
        require(self.cells <= 2**24, name, f"{self.cells} public cells that follow from sizes, up to here")

    def expect_room(self):
        for what in (self.columns, self.tables, self.lookups, self.equalities):
            require(len(what) <= 2**20, "circuit", "too many columns, tables, lookups or equalities")


# ---------------------------------------------------------------------------------------------------------------------
# Depth
# ---------------------------------------------------------------------------------------------------------------------

def schedule(circuit):
    """The virtual columns by depth: a column is reduced after everything that is made from it.

    Columns of one depth that need a sumcheck share one. In an unstacked circuit each has a depth of its own.
    """
    columns, zeros = circuit["columns"], zero_padded(circuit)
    depth, stages, next_free = [0] * len(columns), [], 0
    for number in reversed(range(len(columns))):
        if not is_virtual(columns[number]):
            continue
        own, sums = depth[number], needs_sumcheck(columns, number, zeros)
        if circuit["unstacked"] and sums:
            own = max(own, next_free)
            next_free = own + 1
        for operand in operands_of(columns[number]):
            # A column that is reduced without a sumcheck has its claims at the same depth.
            depth[operand] = max(depth[operand], own + 1 if sums else own)
        while len(stages) <= own:
            stages.append([])
        stages[own].append(number)
    return stages


def is_virtual(column):
    return variant(column["kind"])[0] in ("Linear", "View", "Contraction")


def operands_of(column):
    """The columns that a virtual column is made from."""
    kind, fields = variant(column["kind"])
    if kind == "Linear":
        return [term["column"] for term in fields["terms"]]
    if kind == "View":
        return [fields["source"]]
    return [fields["left"], fields["right"]]


def needs_sumcheck(columns, number, zeros):
    kind, fields = variant(columns[number]["kind"])
    if kind != "View":
        return kind == "Contraction"
    source, zero = columns[fields["source"]], zeros[fields["source"]]
    return any(role(columns[number], source, part, zero) == "general" for part in fields["factors"])


# ---------------------------------------------------------------------------------------------------------------------
# Degree
# ---------------------------------------------------------------------------------------------------------------------

def degrees(columns):
    """The degree of each column in what a prover chooses: committed columns, and public inputs and outputs."""
    known = []
    for column in columns:
        kind, fields = variant(column["kind"])
        if kind == "Public":
            public, fields = variant(fields)
            selects = public == "Selector" and variant(fields)[0] in ("LessThan", "OneHot")
            known.append(int(selects or public in ("Input", "Output")))
        elif kind == "Contraction":
            known.append(known[fields["left"]] + known[fields["right"]])
        elif kind in ("Linear", "View"):
            known.append(max((known[operand] for operand in operands_of(column)), default=0))
        else:
            known.append(int(kind == "Committed"))
    return known


def sequential_steps(circuit):
    """D: lookups, and products of two columns that both have a degree. No chain of such steps is longer."""
    columns, of = circuit["columns"], degrees(circuit["columns"])
    products = sum(of[operands_of(x)[0]] > 0 < of[operands_of(x)[1]] for x in columns if "Contraction" in x["kind"])
    return products + len(circuit["lookups"])


# ---------------------------------------------------------------------------------------------------------------------
# Checks of the finished circuit
# ---------------------------------------------------------------------------------------------------------------------

def public_range(kind):
    """The range of a public input or output, which the verifier checks; None for any other column."""
    if "Public" not in kind:
        return None
    name, fields = variant(kind["Public"])
    return (fields["minimum"], fields["maximum"]) if name in ("Input", "Output") else None


def role(column, source, part, source_zero_padded):
    """How a factor of a view acts.

    `fixed`, `bitwise`, `block` and `part` only rename bits of a point, `broadcast` has no source, `general` needs a
    sumcheck.
    """
    if not part["view_axes"]:
        return "fixed"
    if not part["source_axes"]:
        return "broadcast"
    sizes = [column["shape"][axis] for axis in part["view_axes"]]
    source_sizes = [source["shape"][axis] for axis in part["source_axes"]]
    same_cells = part["offset"] == 0 and prod(sizes) == prod(source_sizes) and is_row_major(sizes, part["strides"])
    same_bits = has_exact_tail(sizes) and has_exact_tail(source_sizes)
    zero = is_power_of_two(prod(sizes)) or source_zero_padded
    if same_cells and same_bits and zero:
        return "bitwise"
    if len(sizes) != 1 or len(source_sizes) != 1 or part["strides"] != [1]:
        return "general"
    if is_block(*sizes, *source_sizes, -part["offset"], source_zero_padded):
        return "block"
    return "part" if is_part(*sizes, *source_sizes, part["offset"]) else "general"


def is_block(size, own, start, source_zero_padded):
    """Does a block of the view's axis, aligned to the padded size of the source, show all of the source?"""
    aligned = 0 <= start <= size - own and start % 2**index_bits(own) == 0
    return aligned and (is_power_of_two(own) or source_zero_padded)


def is_part(size, own, start):
    """Is the view an aligned part of the source's axis?"""
    return is_power_of_two(size) and 0 <= start <= own - size and start % size == 0


def is_row_major(sizes, strides):
    """Is each stride the product of the later sizes? That of an axis of size 1 does not matter."""
    expected = [prod(sizes[axis + 1:]) for axis in range(len(sizes))]
    return all(size == 1 or stride == wanted for size, stride, wanted in zip(sizes, strides, expected))


def has_exact_tail(sizes):
    """Are all sizes powers of two, except perhaps the first that is above 1?"""
    return is_exact([size for size in sizes if size > 1][1:])


def check_circuit(b):
    """The limits of the specification, and that sums over padding are sound."""
    b.expect_room()
    for column in b.columns:
        check_column(b, column)
    for column, degree in zip(b.columns, degrees(b.columns)):
        require(degree <= 4, column["name"], f"a column of degree {degree}")
    cells = sum(written_cells(column) for column in b.columns)
    require(cells <= 2**28, "public columns", f"{cells} cells")
    check_tables(b)


def check_column(b, column):
    name, shape = column["name"], column["shape"]
    kind, fields = variant(column["kind"])
    require(len(shape) <= 8 and variables(shape) <= 36, name, f"a column of shape {shape}")
    if kind == "Linear":
        require(all(term["coefficient"] != 0 for term in fields["terms"]), name, "a coefficient is 0 modulo p")
    elif kind == "Contraction":
        sums = any(axis["out"] is None for axis in fields["axes"])
        sound = not sums or b.zero_padded[fields["left"]] or b.zero_padded[fields["right"]]
        require(sound, name, "a sum runs over padding that no operand forces to zero")
    elif kind == "View":
        check_view(b, column, fields)
    elif kind == "Public":
        check_public(b, column, fields)


def check_view(b, column, view):
    """Factors that are more than a renaming of bits are small, since both sides write them out."""
    source = b.columns[view["source"]]
    for part in view["factors"]:
        acts = role(column, source, part, b.zero_padded[view["source"]])
        sizes = [column["shape"][axis] for axis in part["view_axes"]]
        read = [source["shape"][axis] for axis in part["source_axes"]]
        largest = max(variables(sizes), variables(read)) if acts in ("broadcast", "general") else 0
        require(largest <= 22, column["name"], f"a factor of 2^{largest} indices")
        reach = abs(part["offset"]) + sum(abs(stride) * size for stride, size in zip(part["strides"], sizes))
        require(reach < 2**62, column["name"], "indices of 2^62 or more")


def check_public(b, column, public):
    kind, fields = variant(public)
    name, shape = column["name"], column["shape"]
    if kind == "Constant":
        require(padded_cells(shape) <= 8 * len(fields), name, "more than 8 padded cells for each constant")
        require(all(abs(cell) < LIMIT for cell in fields), name, "a constant of 2^60 or more")
    elif kind == "Selector" and variant(fields)[0] in ("OneHot", "LessThan"):
        ids = b.columns[variant(fields)[1]["ids"]]
        limits = public_range(ids["kind"])
        require(limits is not None and ids["shape"] == shape[:-1], name, "ids that are not public, or of another shape")
        require(0 <= limits[0] and limits[1] < shape[-1], name, f"ids in {limits} for {shape[-1]} indices")


def written_cells(column):
    """Cells that the verifier writes out, or visits."""
    if "Public" not in column["kind"]:
        return 0
    kind, fields = variant(column["kind"]["Public"])
    if kind != "Selector":
        return padded_cells(column["shape"])
    return 1 if variant(fields)[0] in ("Ones", "Index") else padded_cells(column["shape"][:-1])


def table_variables(table):
    kind, fields = variant(table)
    return fields["domain_bits"] + 1 if kind == "Function" else fields["bits"]


def check_tables(b):
    for number, table in enumerate(b.tables):
        place = f"table {number}"
        require(table_variables(table) <= MAXIMUM_TABLE_VARIABLES, place, "more than 2^20 rows")
        if "Integers" in table:
            least, bits = table["Integers"]["minimum"], table["Integers"]["bits"]
            require(abs(least) < LIMIT and abs(least + 2**bits) < LIMIT, place, "integers of 2^60 or more")
    require(sum(2 ** table_variables(table) for table in b.tables) <= 2**24, "tables", "more than 2^24 rows in all")
