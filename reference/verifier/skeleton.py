"""The skeleton of a network: its operations, and the names, roles and shapes of its weights, without their values."""

from math import inf, prod
from unicodedata import category

# Operations whose result is an index.
INDICES = ("Argmax", "Greedy")


class Refused(Exception):
    """The skeleton, or the key, cannot be used. The text says where and why."""


def require(holds, place, why):
    """Refuses the skeleton unless `holds`."""
    if not holds:
        raise Refused(f"{place}: {why}")


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


class Node:
    """An operation, the numbers of its operands, and what the network says of its result."""

    def __init__(self, document):
        self.name, fact = document["name"], document["fact"]
        self.kind, fields = variant(document["op"])
        # An operation without fields is written as nothing.
        self.op = {} if fields is None else fields
        self.inputs, self.shape = document["inputs"], fact["shape"]
        self.range, self.scale = tuple(fact["range"]), fact["scale"]


class Network:
    """The nodes, each after its operands, and the parameters. The document has the types of `schema.SKELETON`."""

    def __init__(self, document):
        self.nodes = [Node(node) for node in document["nodes"]]
        self.parameters = [Parameter(parameter) for parameter in document["parameters"]]
        self.input, self.outputs = document["input"], document["outputs"]

    def operands(self, node):
        return [self.nodes[index] for index in node.inputs]

    def inputs(self):
        """The numbers of the input nodes, in order."""
        return [index for index, node in enumerate(self.nodes) if node.kind in ("Input", "RevealedInput")]


# ---------------------------------------------------------------------------------------------------------------------
# Limits (docs/protocol/circuit.md, "Limits")
# ---------------------------------------------------------------------------------------------------------------------

# Marks of direction, and ends of lines and paragraphs.
CONTROL = {0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)}


def check_name(name, place):
    """A name is shown to people, so it has no control character."""
    controls = any(category(c) == "Cc" or ord(c) in CONTROL for c in name)
    require(len(name.encode()) <= 128 and not controls, place, "a name of over 128 bytes, or with a control character")


def check_skeleton(document, network):
    """What is bounded before anything is computed, and what the lowering does not read."""
    nodes, outputs, classes = network.nodes, network.outputs, document["classes"]
    require(len(nodes) <= 2**14, "network", "more than 2^14 nodes")
    require(sum(len(node.inputs) for node in nodes) <= 2**17, "network", "more than 2^17 operands")
    require(len(outputs) <= 2**10, "network", "more than 2^10 outputs")
    names = [document["name"], *classes] + [x.name for x in nodes] + [x.path for x in network.parameters]
    for name in names:
        check_name(name, "network")
    count = class_count(network)
    require(not classes or (count or len(classes)) == len(classes) <= 2**16, "class names", f"expected {count}")
    require(all(0 < node.scale < inf for node in nodes), "network", "a scale that is not positive and finite")
    check_scales("inputs", document["input_scales"], network.inputs(), nodes)
    check_scales("outputs", document["output_scales"], outputs, nodes)
    if document["preprocessing"] is not None:
        mean, deviation = document["preprocessing"]["mean"], document["preprocessing"]["deviation"]
        channels = max(len(mean), len(deviation))
        fits = channels <= 2**10 and all(len(values) in (1, channels) for values in (mean, deviation))
        sound = all(-inf < x < inf for x in mean) and all(0 < x < inf for x in deviation)
        require(fits and sound, "preprocessing", "one mean and one positive deviation, or one for each channel")


def check_scales(what, scales, ids, nodes):
    """What the integers of inputs or outputs stand for: positive scales along axes, and offsets."""
    require(len(scales) == len(ids), f"scales of {what}", "expected one for each")
    for node, entry in zip(ids, scales):
        shape, axes = nodes[node].shape if node < len(nodes) else [], entry["axes"]
        ascend = all(a < b for a, b in zip(axes, [*axes[1:], len(shape)]))
        require(ascend, f"scales of {what}", "axes that do not ascend or do not exist")
        require(len(entry["scales"]) == prod(shape[axis] for axis in axes), f"scales of {what}", "not one for an index")
        require(all(0 < scale < inf for scale in entry["scales"]), f"scales of {what}", "not positive and finite")
        offsets = entry["offsets"]
        require(not offsets or len(offsets) == len(entry["scales"]), f"scales of {what}", "not as many offsets")
        require(all(-inf < offset < inf for offset in offsets), f"scales of {what}", "an offset that is not finite")


def class_count(network):
    """How many classes the first output that is an index tells apart; None without one."""
    for output in network.outputs:
        node = network.nodes[output] if output < len(network.nodes) else None
        if node and node.kind == "Reveal" and node.inputs and node.inputs[0] < len(network.nodes):
            node = network.nodes[node.inputs[0]]
        if node and node.kind in INDICES:
            return node.range[1] + 1
    return None
