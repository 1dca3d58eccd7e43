"""The lowering of this folder against that of the Rust code, and alterations of a network that the circuit must show.

    ZKML_PAIRS=folder python3 -m unittest test_lowering

The folder has keys, `NAME.vkey`, and for each one `NAME.circuit.json`, what `zkml inspect NAME.vkey --circuit` prints.
Without a folder the keys are those of the test vectors, which have no circuits; only the alterations are tried then.
"""

import copy
import json
import math
import os
import unittest
from pathlib import Path

from curves import Curve
from formats import read_file
from lowering import OPERATIONS, lower
from skeleton import Network, Refused

VECTORS = Path(__file__).parents[2] / "docs" / "protocol" / "test-vectors"
FOLDER = Path(os.environ.get("ZKML_PAIRS", VECTORS))


def keys():
    """Name, skeleton and instance of each key, and the file of its circuit."""
    for path in sorted(FOLDER.glob("*.vkey")):
        key = read_file("key", path.read_bytes())
        yield path.stem, key["network"], key["instance"], path.with_suffix(".circuit.json")


def lowered(document, instance):
    """The circuit, or why there is none."""
    try:
        return lower(document, instance)
    except Refused as error:
        return {"refused": str(error)}


def first_difference(found, expected, place="circuit"):
    """Where two documents first differ, with both values; None if they are equal."""
    if isinstance(found, dict) and isinstance(expected, dict):
        place += f" `{expected['name']}`" if "name" in expected else ""
        if set(found) != set(expected):
            return f"{place}: found {sorted(found)}, expected {sorted(expected)}"
        parts = ((found[key], expected[key], f"{place}.{key}") for key in expected)
    elif isinstance(found, list) and isinstance(expected, list):
        parts = ((a, b, f"{place}[{k}]") for k, (a, b) in enumerate(zip(found, expected)))
    else:
        same = type(found) is type(expected) and found == expected
        return None if same else f"{place}: found {found!r}, expected {expected!r}"
    for part in parts:
        difference = first_difference(*part)
        if difference:
            return difference
    if len(found) != len(expected):
        return f"{place}: found {len(found)} entries, expected {len(expected)}"
    return None


class Pairs(unittest.TestCase):
    def test_circuits_are_those_of_the_rust_code(self):
        for name, document, instance, path in keys():
            if path.exists():
                with self.subTest(name):
                    expected = json.loads(path.read_text(encoding="utf-8"))
                    self.assertIsNone(first_difference(lowered(document, instance), expected))


# ---------------------------------------------------------------------------------------------------------------------
# Alterations: a function changes a node in place, and says whether it did.
# ---------------------------------------------------------------------------------------------------------------------

def fields(node):
    (_, of), = node["op"].items()
    return of or {}


def other_multiplier(node):
    if not fields(node).get("multipliers"):
        return False
    of = fields(node)
    # Of fixed rows, those in front of the first one and behind the last one are not in the circuit.
    fixed = "IntegerFixedRows" in node["op"] and len(of["multipliers"]) > 1
    of["multipliers"][of["start"] if fixed else -1] += 1
    return True


def other_shift(node):
    if "shift" not in fields(node):
        return False
    fields(node)["shift"] += 1
    return True


def other_clamp(node):
    if "table" not in fields(node):
        return False
    fields(node)["table"]["maximum"] -= 1
    return True


def other_domain(node):
    if "table" not in fields(node):
        return False
    fields(node)["table"]["domain_bits"] -= 1
    return True


def other_window(part):
    def alter(node):
        window = fields(node).get("window")
        if not window or (part == "dilation" and window["kernel"][0] == 1):
            return False  # A kernel of one cell has no dilation.
        window[part][0] += 1
        return True
    return alter


def other_groups(node):
    if "groups" not in fields(node):
        return False
    fields(node)["groups"] += 1
    return True


def no_bias(node):
    if fields(node).get("bias") is None:
        return False
    fields(node)["bias"] = None
    return True


def other_coefficient(node):
    if "coefficients" not in fields(node):
        return False
    fields(node)["coefficients"][0] += 1
    return True


def other_number(name, step=1):
    def alter(node):
        of = fields(node)
        if name not in of or (name == "axis" and len(of.get("multipliers", [])) == 1):
            return False  # A single multiplier has no axis.
        of[name] += step
        return True
    return alter


def other_residual(node):
    if not fields(node).get("residual_shifts"):
        return False
    fields(node)["residual_shifts"][0] ^= 1
    return True


def other_mask(node):
    if "causal" not in fields(node):
        return False
    fields(node)["causal"] = not fields(node)["causal"]
    return True


def other_order(node):
    if len(fields(node).get("order", [])) < 2:
        return False
    fields(node)["order"].reverse()
    return fields(node)["order"] != fields(node)["order"][::-1]


ALTERATIONS = {
    "multiplier": other_multiplier, "shift": other_shift, "clamp": other_clamp, "domain": other_domain,
    "padding": other_window("padding"), "stride": other_window("stride"), "dilation": other_window("dilation"),
    "groups": other_groups, "bias": no_bias, "coefficient": other_coefficient, "mask": other_mask, "order": other_order,
    "start": other_number("start"), "axis": other_number("axis"), "bits": other_number("bits"),
    "reciprocal": other_number("reciprocal_bits"), "precision": other_number("precision"),
    "epsilon": other_number("epsilon", 2**45), "attention": other_number("multiplier"),
    "output": other_number("output_bits"), "residual": other_residual,
}


def has(document, node, what):
    """Does the circuit depend on this? One weight that scales all channels has no axis."""
    weight = node["op"].get("ChannelScale", {}).get("weight")
    return what != "axis" or weight is None or document["graph"]["parameters"][weight]["shape"] != [1]


def without_node(network, index):
    """The network without a node that has one operand: its users read the operand instead."""
    network = copy.deepcopy(network)
    operand, = network["nodes"].pop(index)["inputs"]

    def moved(number):
        number = operand if number == index else number
        return number - (number > index)

    for node in network["nodes"]:
        node["inputs"] = [moved(number) for number in node["inputs"]]
    network["outputs"] = [moved(number) for number in network["outputs"]]
    return network


class Alterations(unittest.TestCase):
    """An altered network has another circuit, or none."""

    MOST_NODES, MOST_CONSTANTS = 60, 10**5

    def documents(self):
        """Each network that is not too large, once."""
        networks = set()
        for name, document, instance, _ in keys():
            text = json.dumps(document["graph"])
            small = len(document["graph"]["nodes"]) <= self.MOST_NODES and len(text) < self.MOST_CONSTANTS
            if small and text not in networks:
                networks.add(text)
                yield name, document, instance

    def expect_another(self, name, documents, instance, what):
        with self.subTest(f"{name}: {what}"):
            first, second = (lowered(document, instance) for document in documents)
            self.assertTrue(first != second, "the circuit is the same")

    def test_altered_operations_have_other_circuits(self):
        altered_in_all = dict.fromkeys(ALTERATIONS, 0)
        for name, document, instance in self.documents():
            for what, alter in ALTERATIONS.items():
                altered = copy.deepcopy(document)
                nodes = altered["graph"]["nodes"]
                node = next((node for node in nodes if has(altered, node, what) and alter(node)), None)
                if node:
                    altered_in_all[what] += 1
                    self.expect_another(name, (document, altered), instance, f"{what} of {node['name']}")
        print({what: count for what, count in altered_in_all.items() if count})

    def test_a_dropped_layer_is_seen(self):
        for name, document, instance in self.documents():
            for index, node in enumerate(document["graph"]["nodes"]):
                idle = "Reveal" in node["op"] and instance["output"] == "Public"
                if len(node["inputs"]) == 1 and not idle:
                    altered = {**document, "graph": without_node(document["graph"], index)}
                    self.expect_another(name, (document, altered), instance, f"without {node['name']}")

    def test_ranges_that_hold_too_little_are_refused(self):
        for name, document, instance in self.documents():
            for index, node in enumerate(document["graph"]["nodes"]):
                if not node["inputs"]:
                    continue
                altered = copy.deepcopy(document)
                network = Network(document["graph"])
                of = network.nodes[index]
                least, most = OPERATIONS[of.kind][1](network, of)
                altered["graph"]["nodes"][index]["fact"]["range"] = [least, most - 1]
                with self.subTest(f"{name}: {node['name']}"):
                    self.assertTrue("refused" in lowered(altered, instance))


class Curves(unittest.TestCase):
    """Entries of curves against doubles, and the extremes of a range against all its entries."""

    KINDS = {
        "Sigmoid": lambda x: 1 / (1 + math.exp(-x)),
        "Tanh": math.tanh,
        "Gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
        "GeluTanh": lambda x: x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
        "Silu": lambda x: x / (1 + math.exp(-x)),
        "Hardswish": lambda x: x * min(max(x + 3, 0), 6) / 6,
        "Hardsigmoid": lambda x: min(max(x + 3, 0), 6) / 6,
        "Abs": abs,
        "Exp": math.exp,
    }

    def test_entries_and_extremes(self):
        step, result = {"mantissa": 3, "exponent": -7}, {"mantissa": 5, "exponent": -11}
        for kind, function in self.KINDS.items():
            curve = Curve({"kind": kind, "input": step, "output": result})
            entries = {v: curve.entry(v, -(2**40), 2**40) for v in range(-256, 256)}
            for v, entry in entries.items():
                exact = function(v * 3 / 2**7) / (5 / 2**11)
                self.assertLess(abs(entry - exact), 0.5 + 1e-6 * max(1, abs(exact)), f"{kind} at {v}")
            for low, high in ((-256, 255), (-60, 60), (-31, -30), (-100, -25), (5, 5)):
                part = [entries[v] for v in range(low, high + 1)]
                self.assertEqual(curve.extremes(low, high, -(2**40), 2**40), (min(part), max(part)), kind)


if __name__ == "__main__":
    unittest.main()
