"""Every kind of proof that the tests of the first verifier make, and altered ones: both must say the same.

    ZKML_PROOFS=folder python3 -m unittest test_proofs

A folder of proofs is what `ZKML_WRITE_PROOFS=folder cargo test -p zkml-core --lib` leaves; `handed.rs` says what is in
it. All that is there is verified, by several processes.
"""

import json
import os
import time
import unittest
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from formats import read_file
from lookup import SETUP_CHUNK
from statement import answer_statement
from transcript import Reject
from verify import verify, verify_answer, verify_setup

PROOFS = os.environ.get("ZKML_PROOFS")


def refusal(run):
    """The name of the check that refuses, or None, and what was returned."""
    try:
        return None, run()
    except Reject as error:
        return error.name, None


def beside(path, ending):
    """The content of the file of this ending beside a key."""
    other = path.parent / f"{path.stem}.{ending}"
    return other.read_bytes() if other.exists() else None


def judge(path):
    """What is wrong, the roots of tensors that are committed apart, and how often each check refused."""
    key, context = read_file("key", path.read_bytes()), beside(path, "context") or b""
    answer, chunk = beside(path, "proof"), int(beside(path, "chunk") or SETUP_CHUNK)
    proof = answer and read_file("proof", answer)
    if proof:
        found, roots = refusal(lambda: verify(key, proof, context))
        statement, honest = answer_statement(key, proof["lengths"]), proof["messages"]
    else:
        found, roots = refusal(lambda: verify_setup(key["weights"], chunk=chunk))[0], {}
        statement, honest = None, key["weights"]["setup_proof"]
    wrong, seen = [f"{path.stem}: refused by {found}"] if found else [], Counter()
    for change in json.loads(beside(path, "altered.json") or "[]"):
        at = change["at"]
        messages = honest[:at] + bytes.fromhex(change["put"]) + honest[at + change["remove"]:]
        if proof:
            altered = {**proof, "messages": messages}
            found, _ = refusal(lambda: verify_answer(statement, altered, context))
        else:
            altered = {**key["weights"], "setup_proof": messages}
            found, _ = refusal(lambda: verify_setup(altered, chunk=chunk))
        seen[found] += 1
        if found != change["check"]:
            wrong.append(f"{path.stem}: byte {at} altered: {found} in place of {change['check']}")
    return wrong, roots, seen


@unittest.skipUnless(PROOFS, "no ZKML_PROOFS")
class Proofs(unittest.TestCase):
    def test_all(self):
        begin, paths = time.time(), sorted(Path(PROOFS).glob("*.vkey"))
        self.assertTrue(paths, f"no keys in {PROOFS}")
        wrong, roots, seen = [], {}, Counter()
        with ProcessPoolExecutor() as pool:
            for path, (found, of_tensors, checks) in zip(paths, pool.map(judge, paths)):
                wrong, roots[path.stem], seen = wrong + found, of_tensors, seen + checks
        self.assertEqual(wrong, [])
        links = [json.loads(path.read_text()) for path in sorted(Path(PROOFS).glob("*.linked.json"))]
        for link in links:
            output = roots[link["output of"]]["Output"]
            self.assertEqual(output, roots[link["input of"]]["Input"], link)
        print(f"{len(paths)} keys with their proofs, {len(links)} links, {sum(seen.values())} altered proofs in "
              f"{time.time() - begin:.0f} s: {dict(seen)}")
