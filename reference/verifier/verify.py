"""Verifies an answer, and the setup proof of its weights.

    python3 verify.py KEY PROOF [--context TEXT] [--circuit FILE] [--transcript]
    python3 verify.py KEY --setup [--transcript]

Exit code 0 and `valid`, or 1 and why not. `--circuit` takes what `zkml inspect KEY --circuit` prints, and compares it
with the circuit that the network of the key is lowered to here. `--transcript` prints what the transcript absorbs and
draws, as `zkml verify --transcript -`, before the verdict.
"""

import argparse
import json
import sys
from math import prod
from pathlib import Path

from argument import argue
from curves import BadCurve
from formats import KINDS, BadFile, read_file
from lookup import SETUP_CHUNK
from postcard import BadEncoding
from recording import Recording
from skeleton import Refused, variant
from soundness import account, bits
from statement import ANSWER, SETUP, TARGET, answer_statement, setup_statement
from transcript import Reject, Transcript, le8


def verify(key, proof, context, circuit=None, transcript=None):
    """Verifies the setup proof, then the answer. Returns the roots of tensors that are committed apart.

    Raises `Reject` with the name of the check.
    """
    try:
        statements = verify_setup(key["weights"]), answer_statement(key, proof["lengths"], circuit)
        require_bits([term for statement in statements for term in account(statement)])
    except (Refused, BadCurve, BadEncoding) as error:
        raise Reject("Key", str(error)) from error
    return verify_answer(statements[1], proof, context, transcript)


def require_bits(terms):
    if bits(terms) < TARGET:
        raise Reject("Key", f"{bits(terms):.1f} bits of soundness")


def verify_setup(weights, transcript=None, chunk=SETUP_CHUNK):
    """A setup proof is bound to the digest of the weights key alone."""
    if not weights["setup_proof"]:
        raise Reject("Key", "no setup proof")
    try:
        statement = setup_statement(weights, chunk)
        require_bits(account(statement))
    except (Refused, BadCurve, BadEncoding) as error:
        raise Reject("Key", str(error)) from error
    transcript = transcript or Transcript(statement.protocol, weights["setup_proof"])
    for label, data in statement.bound:
        transcript.absorb(label, data)
    argue(transcript, statement, statement.weight_roots(0), {})
    return statement


def verify_answer(statement, proof, context, transcript=None):
    if proof["key"] != statement.key:
        raise Reject("OtherKey")
    values = public_values(statement.circuit, proof["public"])
    roots = statement.weight_roots(proof["opening"])
    transcript = transcript or Transcript(statement.protocol, proof["messages"])
    for label, data in statement.bound + bindings(proof, context):
        transcript.absorb(label, data)
    return argue(transcript, statement, roots, values)


def bindings(proof, context):
    """What the transcript absorbs after the digests."""
    def integers(name, tensors):
        if tensors is None:
            return [(f"{name}.private", b"")]
        return [(name, b"".join(map(le8, values))) for values in tensors]

    public = proof["public"]
    given = None if public["input"] is None else [public["input"]]
    bound = integers("bind.input", given) + integers("bind.output", public["outputs"])
    return [("bind.opening", le8(proof["opening"])), *bound, ("bind.context", context)]


def public_values(circuit, public):
    """The integers of each public input and output, by column. Presence, number, sizes and ranges are those of the
    circuit. Inputs stand one after the other; of the outputs the public ones are there."""
    kinds = {"Input": [], "Output": []}
    for number, column in enumerate(circuit["columns"]):
        kind = variant(column["kind"].get("Public", ""))
        if kind[0] in kinds:
            kinds[kind[0]].append((kind[1]["index"], kind[1]["minimum"], kind[1]["maximum"], number))
    inputs, outputs = sorted(kinds["Input"]), sorted(kinds["Output"])
    parts, rest = [], public["input"] or []
    for *_, number in inputs:
        size = prod(circuit["columns"][number]["shape"])
        parts, rest = parts + [rest[:size]], rest[size:]
    given = parts + (public["outputs"] or [])
    fits = ((public["input"] is None) == (not inputs) and (public["outputs"] is None) == (not outputs) and not rest
            and len(given) == len(inputs + outputs))
    if not fits:
        raise Reject("PublicValue", "presence or number")
    values = {}
    for integers, (_, low, high, number) in zip(given, inputs + outputs):
        column = circuit["columns"][number]
        if len(integers) != prod(column["shape"]) or any(not low <= integer <= high for integer in integers):
            raise Reject("PublicValue", column["name"])
        values[number] = integers
    return values


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+")
    parser.add_argument("--context", default="")
    parser.add_argument("--circuit")
    parser.add_argument("--setup", action="store_true")
    parser.add_argument("--transcript", action="store_true")
    options = parser.parse_args()
    if len(options.files) != (1 if options.setup else 2):
        parser.error("expected a key and a proof, or --setup and a key")
    circuit = json.loads(Path(options.circuit).read_text(encoding="utf-8")) if options.circuit else None
    transcript = None
    try:
        key, *rest = (read_file(kind, Path(file).read_bytes()) for kind, file in zip(KINDS, options.files))
        messages = key["weights"]["setup_proof"] if options.setup else rest[0]["messages"]
        transcript = Recording(SETUP if options.setup else ANSWER, messages) if options.transcript else None
        if options.setup:
            verify_setup(key["weights"], transcript)
        else:
            verify(key, *rest, options.context.encode(), circuit, transcript)
        verdict = None
    except (BadFile, Reject) as error:
        verdict = error
    if transcript:
        print("\n".join(transcript.lines()))
    print("valid" if verdict is None else f"rejected: {verdict}")
    sys.exit(verdict is not None)


if __name__ == "__main__":
    main()
