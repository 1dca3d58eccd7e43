"""The lowering of this folder against that of the Rust code, and alterations of a network that the circuit must show.

    ZKML_PAIRS=folder python3 -m unittest test_lowering

The folder has pairs of files: `NAME.skeleton.json`, and `NAME.circuit.json` with the circuit of the Rust code, or with
`{"refused": why}`. A third file `NAME.schedule.json`, if there is one, has the depths of the columns and packings.
"""

import copy
import json
import math
import os
import unittest
from pathlib import Path

from circuit import schedule, zero_padded
from curves import Curve
from layout import packing, trace_extents, weight_extents
from lowering import OPERATIONS, lower
from skeleton import Network, Refused

FOLDER = Path(os.environ.get("ZKML_PAIRS", Path(__file__).parent / "pairs"))


def pairs():
    """The files of all pairs: skeleton and circuit."""
    for skeleton in sorted(FOLDER.glob("*.skeleton.json")):
        yield skeleton, skeleton.with_name(skeleton.name.replace(".skeleton.", ".circuit."))


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def lowered(document):
    """The circuit, or why there is none, in the form of the files."""
    try:
        return lower(document)
    except Refused as error:
        return {"refused": str(error)}


def packed(extents, log_row):
    """A packing in the form of the files: of each column its first row, offset, variables and number of rows."""
    rows, slots = packing(extents, log_row)
    slots = [[first, offset, extent.variables, math.prod(limit for _, limit in groups)]
             for extent, (first, offset, groups) in zip(extents, slots)]
    return {"rows": rows, "slots": slots}


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


@unittest.skipUnless(FOLDER.is_dir(), f"no folder {FOLDER}")
class Pairs(unittest.TestCase):
    def test_circuits_are_those_of_the_rust_code(self):
        seen = 0
        for skeleton, circuit in pairs():
            found, expected = lowered(read(skeleton)), read(circuit)
            seen += 1
            with self.subTest(skeleton.name):
                if "refused" in found or "refused" in expected:
                    both = "refused" in found and "refused" in expected
                    reasons = [answer.get("refused", "no refusal") for answer in (found, expected)]
                    self.assertTrue(both, f"found: {reasons[0]}; expected: {reasons[1]}")
                else:
                    self.assertIsNone(first_difference(found, expected))
        self.assertGreater(seen, 0, f"no pairs in {FOLDER}")

    def test_depths_and_layouts_are_those_of_the_rust_code(self):
        for layout in sorted(FOLDER.glob("*.schedule.json")):
            circuit, expected = read(layout.with_name(layout.name.replace(".schedule.", ".circuit."))), read(layout)
            with self.subTest(layout.name):
                self.assertEqual(zero_padded(circuit), expected["zero_padded"])
                self.assertEqual(schedule(circuit), expected["stages"])
                for log_row, *matrices in expected["packings"]:
                    for extents, matrix in zip((trace_extents(circuit), weight_extents(circuit)), matrices):
                        self.assertEqual(packed(extents, log_row), matrix)


# ---------------------------------------------------------------------------------------------------------------------
# Alterations: a function changes a node in place, and says whether it did.
# ---------------------------------------------------------------------------------------------------------------------

def fields(node):
    (_, of), = node["op"].items()
    return of or {}


def other_multiplier(node):
    if not fields(node).get("multipliers"):
        return False
    fields(node)["multipliers"][-1] += 1
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
    "output": other_number("output_bits"),
}


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


@unittest.skipUnless(FOLDER.is_dir(), f"no folder {FOLDER}")
class Alterations(unittest.TestCase):
    """An altered network has another circuit, or none."""

    MOST_NODES = 60

    def documents(self):
        """One document of each network that has a circuit and is not too large."""
        networks = set()
        for skeleton, circuit in pairs():
            text = skeleton.read_text(encoding="utf-8")
            document = json.loads(text)
            key = json.dumps(document["network"])
            small = len(document["network"]["nodes"]) <= self.MOST_NODES and len(text) < 200_000
            if small and key not in networks and "refused" not in read(circuit):
                networks.add(key)
                yield skeleton.name, document

    def expect_another(self, name, document, altered, what):
        with self.subTest(f"{name}: {what}"):
            self.assertTrue(lowered(altered) != lower(document), "the circuit is the same")

    def test_altered_operations_have_other_circuits(self):
        altered_in_all = dict.fromkeys(ALTERATIONS, 0)
        for name, document in self.documents():
            for what, alter in ALTERATIONS.items():
                altered = copy.deepcopy(document)
                node = next((node for node in altered["network"]["nodes"] if alter(node)), None)
                if node:
                    altered_in_all[what] += 1
                    self.expect_another(name, document, altered, f"{what} of {node['name']}")
        print({what: count for what, count in altered_in_all.items()})

    def test_a_dropped_layer_is_seen(self):
        for name, document in self.documents():
            for index, node in enumerate(document["network"]["nodes"]):
                idle = "Reveal" in node["op"] and document["privacy"]["output"] == "Public"
                if len(node["inputs"]) == 1 and not idle:
                    altered = {**document, "network": without_node(document["network"], index)}
                    self.expect_another(name, document, altered, f"without {node['name']}")

    def test_ranges_that_hold_too_little_are_refused(self):
        for name, document in self.documents():
            for index, node in enumerate(document["network"]["nodes"]):
                if not node["inputs"]:
                    continue
                altered = copy.deepcopy(document)
                network = Network(document["network"])
                of = network.nodes[index]
                least, most = OPERATIONS[of.kind][1](network, of)
                altered["network"]["nodes"][index]["fact"]["range"] = [least, most - 1]
                with self.subTest(f"{name}: {node['name']}"):
                    self.assertTrue("refused" in lowered(altered))


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
