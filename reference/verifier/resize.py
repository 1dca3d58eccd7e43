"""The skeleton of a network for a text of another length (docs/protocol/circuit.md, "Texts of any length")."""

from copy import deepcopy

from lowering import OPERATIONS, check_network, check_ranges
from skeleton import Network, check_skeleton, require, variant

MOST_TOKENS = 2**20


def at(document, lengths):
    """The skeleton at `lengths`, with every range derived anew. None stands for a network of one size."""
    kind, own = variant(document["sizing"])
    if kind != "AnyLength":
        require(lengths == (own or None), "lengths", "the network reads inputs of one size")
        return document
    require(lengths is not None, "lengths", "the network reads texts of any length")
    for pair in (own, lengths):
        require(0 < pair["tokens"] and sum(pair.values()) <= MOST_TOKENS, "lengths", f"no text has {pair}")
    require((own["past"] == 0) == (lengths["past"] == 0), "lengths", "a cache of one and none of the other")
    # Counts and tables are bounded before ranges are derived for other lengths.
    network = Network(document["graph"])
    check_skeleton(document, network)
    check_network(network)
    check_ranges(network)
    resized = deepcopy(document)
    resized["sizing"] = {"Resized": dict(lengths)}
    for node in resized["graph"]["nodes"]:
        node["fact"]["shape"] = [size(own, lengths, old) for old in node["fact"]["shape"]]
        if isinstance(node["op"], dict):
            (kind, fields), = node["op"].items()
            resize_fields(kind, fields, own, lengths)
    derive_ranges(resized)
    return resized


def own_lengths(document):
    """The lengths that a skeleton is written down at; None for inputs of one size."""
    return variant(document["sizing"])[1] or None


def size(own, lengths, old):
    """Axes of tokens, of the cache, and of both."""
    if old == own["tokens"]:
        return lengths["tokens"]
    if own["past"] and old == own["past"]:
        return lengths["past"]
    if own["past"] and old == sum(own.values()):
        return sum(lengths.values())
    return old


def first_position(own, lengths, old):
    return lengths["past"] if old == own["past"] else old


def resize_fields(kind, fields, own, lengths):
    """Sizes in the fields of operations."""
    if kind == "IntegerRope" and "Rotary" in fields["angles"]:
        rule = fields["angles"]["Rotary"]
        rule["position"] = first_position(own, lengths, rule["position"])
    if kind in ("Narrow", "IntegerFixedRows"):
        fields["length"] = size(own, lengths, fields["length"])
        if fields["start"] < 2**32:
            fields["start"] = first_position(own, lengths, fields["start"])


def derive_ranges(document):
    """The network must hold together before any range is derived. An input keeps its own."""
    network = Network(document["graph"])
    check_network(network)
    for node, entry in zip(network.nodes, document["graph"]["nodes"]):
        node.range = OPERATIONS[node.kind][1](network, node)
        entry["fact"]["range"] = list(node.range)

