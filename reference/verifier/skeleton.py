"""The skeleton of a network: its operations, and the names, roles and shapes of its weights, without their values."""


class Refused(Exception):
    """The skeleton has no circuit. The text says where and why."""


def require(holds, place, why):
    """Refuses the skeleton unless `holds`."""
    if not holds:
        raise Refused(f"{place}: {why}")


# The fields of each operation and their types. A number is unsigned with that many bits; i64 has a sign; [t] is a list.
WINDOW = {"kernel": ["pair"], "stride": ["pair"], "padding": ["pair"], "dilation": ["pair"]}
DYADIC = {"mantissa": "i64", "exponent": "i64"}
CURVE = {"kind": "any", "input": DYADIC, "output": DYADIC}
TABLE = {"function": "any", "domain_bits": 32, "minimum": "i64", "maximum": "i64"}
DECAY = {"curve": CURVE, "bits": 32}
FIELDS = {
    "Input": {}, "RevealedInput": {}, "Reshape": {}, "Product": {}, "Expand": {}, "Reveal": {}, "Matmul": {},
    "Conv2d": {"weight": 64, "bias": "optional", "window": WINDOW, "groups": 64},
    "Linear": {"weight": 64, "bias": "optional"},
    "WeightedSum": {"coefficients": ["i64"]},
    "SumPool2d": {"window": WINDOW},
    "MaxPool2d": {"window": WINDOW},
    "Rescale": {"multipliers": ["i64"], "axis": 64, "shift": 32, "table": TABLE},
    "Permute": {"order": [64]},
    "Concat": {"axis": 64},
    "Pad": {"amounts": [["pair"]]},
    "Argmax": {"axis": 64},
    "ChannelScale": {"weight": 64},
    "IntegerConstant": {"values": ["i64"]},
    "Parameter": {"parameter": 64},
    "Requantize": {"multipliers": ["i64"], "axes": [64], "shift": 32, "bits": 32},
    "IntegerRmsNorm": {"exponents": [32], "precision": 32, "epsilon": "i64", "numerator_bits": 32, "root_bits": 32,
                       "reciprocal_bits": 32, "bits": 32},
    "IntegerRope": {"axis": 64, "cos": ["i64"], "sin": ["i64"], "multipliers": ["i64"], "axes": [64]},
    "IntegerEmbedding": {"weight": 64, "multipliers": ["i64"]},
    "IntegerAttention": {"causal": "bool", "multiplier": "i64", "shift": 32, "decay": DECAY, "reciprocal_bits": 32,
                         "output_bits": 32},
    "Greedy": {"multipliers": ["i64"]},
    "Narrow": {"axis": 64, "start": 64, "length": 64},
    "IntegerSoftmax": {"decay": DECAY, "reciprocal_bits": 32, "output_bits": 32},
}


def check_type(value, kind, place):
    """Requires that a value of the document has the type that the Rust type has."""
    if kind == "any":
        return
    if isinstance(kind, dict):
        require(isinstance(value, dict) and set(value) == set(kind), place, f"expected the fields {sorted(kind)}")
        for name, of_field in kind.items():
            check_type(value[name], of_field, place)
    elif isinstance(kind, list):
        require(isinstance(value, list), place, "expected a list")
        require(kind != ["pair"] or len(value) == 2, place, "expected two numbers")
        for entry in value:
            check_type(entry, 64 if kind == ["pair"] else kind[0], place)
    elif kind == "optional":
        require(value is None or is_integer(value, 0, 2**64), place, "expected an index or nothing")
    elif kind == "bool":
        require(isinstance(value, bool), place, "expected true or false")
    elif kind == "i64":
        require(is_integer(value, -2**63, 2**63), place, "expected an integer of 64 bits with a sign")
    else:
        require(is_integer(value, 0, 2**kind), place, f"expected an unsigned integer of {kind} bits")


def is_integer(value, low, end):
    return isinstance(value, int) and not isinstance(value, bool) and low <= value < end


def variant(document):
    """Name and fields of a Rust enum in JSON: `{name: fields}`, or the name alone."""
    if isinstance(document, str):
        return document, {}
    name, = document
    return name, document[name]


class Parameter:
    """Name, role and shape of a weight. Its values are not known."""

    def __init__(self, document):
        self.path, self.role, self.shape = document["path"], document["role"], document["shape"]
        require(self.role in ("Weight", "Bias"), self.path, "expected a weight or a bias")
        check_type(self.shape, [64], self.path)


class Node:
    """An operation, the numbers of its operands, and what the network says of its result."""

    def __init__(self, document):
        self.name, fact = document["name"], document["fact"]
        self.kind, fields = variant(document["op"])
        require(self.kind in FIELDS, self.name, f"no operation is called {self.kind}")
        # An operation without fields is written as nothing.
        self.op = {} if fields is None else fields
        check_type(self.op, FIELDS[self.kind], self.name)
        self.inputs, self.shape = document["inputs"], fact["shape"]
        check_type(self.inputs, [64], self.name)
        check_type(self.shape, [64], self.name)
        check_type(fact["range"], ["i64"], self.name)
        self.range, self.scale = tuple(fact["range"]), fact["scale"]
        require(len(self.range) == 2, self.name, "expected a range")


class Network:
    """The nodes, each after its operands, and the parameters."""

    def __init__(self, document):
        self.nodes = [Node(node) for node in document["nodes"]]
        self.parameters = [Parameter(parameter) for parameter in document["parameters"]]
        self.input, self.outputs = document["input"], document["outputs"]

    def operands(self, node):
        return [self.nodes[index] for index in node.inputs]

    def inputs(self):
        """The numbers of the input nodes, in order."""
        return [index for index, node in enumerate(self.nodes) if node.kind in ("Input", "RevealedInput")]
