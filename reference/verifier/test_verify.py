"""The verifier of this folder against docs/protocol/test-vectors.json, and against altered proofs.

    python3 -m unittest

With `ZKML=path of the command zkml` each altered file is given to `zkml verify` too, and both must name the same check.
"""

import copy
import json
import os
import random
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from blake3 import blake3

from channel import Channel
from commitment import basis, codeword_at, domain_point, factors, leaf, node, root
from field import K, P, dot, eq_table, inverse
from formats import BadFile, KINDS, key_digest, read_file
from opening import Claim, Matrix, open_claims
from postcard import encode
from recording import Recording
from skeleton import Refused, check_name
from resize import own_lengths
from statement import ANSWER, SETUP, answer_statement
from transcript import Reject, Transcript, le8, unpack, work
from verify import verify, verify_answer, verify_setup

DOCS = Path(__file__).parents[2] / "docs" / "protocol"
VECTORS = json.loads((DOCS / "test-vectors.json").read_text(encoding="utf-8"))
ZKML = os.environ.get("ZKML")
CONTEXT = b"test vector"


def integers(texts):
    return [int(text) for text in texts]


def element(text):
    return K(*integers(text.split()))


def small_code(numbers):
    return {"log_stride": 0, "digest_bytes": 32, **{name: int(number) for name, number in numbers.items()}}


class Parts(unittest.TestCase):
    def test_field(self):
        part = VECTORS["1 field"]
        for case in part["F"]:
            a, b = int(case["a"]), int(case["b"])
            found = (a + b) % P, (a - b) % P, a * b % P, inverse(a)
            self.assertEqual(list(found), integers(case[name] for name in ("a + b", "a - b", "a b", "1 / a")))
        for case in part["K"]:
            a, b = element(case["a"]), element(case["b"])
            self.assertEqual([a * b, a.inverse()], [element(case["a b"]), element(case["1 / a"])])
            self.assertEqual((le8(a.c0) + le8(a.c1)).hex(), case["bytes of a"])
            packed = bytes.fromhex(case["coordinates of a and b, packed"])
            self.assertEqual(unpack(packed, 4), [a.c0, a.c1, b.c0, b.c1])
        case = part["multilinear extension"]
        point = [element(text) for text in case["point"]]
        self.assertEqual(dot(eq_table(point), integers(case["table"])), element(case["value"]))

    def test_names(self):
        for name in ("lenet", "layers.3.mlp", "déjà vu", "飞机", "n" * 128):
            check_name(name, "network")
        for name in ("a\nkey 00", "\x1b[2A", "\x7f", "\x9b", "\u2028", "a\u202eb", "\u2066", "n" * 129, "é" * 65):
            with self.subTest(name), self.assertRaises(Refused):
                check_name(name, "network")

    def test_transcript(self):
        steps = (
            (r'start "(.*)"', lambda t, domain: None),
            (r'absorb kind (\d) "(.*)" "(.*)"', lambda t, kind, label, data: t.absorb_item(int(kind), label,
                                                                                           bytes.fromhex(data))),
            (r'challenge "(.*)"', lambda t, label: t.challenge(label)),
            (r'positions "(.*)" (\d+) below (\d+)', lambda t, label, count, bound: t.positions(label, int(count),
                                                                                               int(bound))),
            (r'grind "(.*)" (\d+) bits', lambda t, label, bits: t.absorb_item(9, label, le8(int(bits))[:4])),
            (r'the smallest nonce, absorbed as kind 6 "(.*)"', lambda t, label: self.nonce(t, label)),
            (r'harden "(.*)" (\d+) hashes', lambda t, label, count: t.harden(label, int(count))),
        )
        transcript = None
        for step in VECTORS["2 transcript"]:
            match, do = next((m, do) for pattern, do in steps if (m := re.match(pattern, step["do"])))
            if step["do"].startswith("start"):
                transcript = Transcript(match[1], b"")
            if step["do"].startswith("grind"):
                self.bits = int(match[2])
            drawn = do(transcript, *match.groups())
            if isinstance(drawn, K):
                self.assertEqual(drawn, element(step["drawn"]))
            elif drawn is not None:
                self.assertEqual(drawn, integers(step["drawn"]) if isinstance(drawn, list) else int(step["drawn"]))
            self.assertEqual(transcript.state.hex(), step["state"], step["do"])

    def nonce(self, transcript, label):
        nonce = next(n for n in range(2**20) if work(transcript.state, le8(n)) >= self.bits)
        transcript.absorb_item(6, label, le8(nonce))
        return nonce

    def test_code(self):
        part, narrow = VECTORS["3 code"], VECTORS["3 code"]["narrow"]
        n, s = int(part["log_codeword"]), int(narrow["log_stride"])
        self.assertEqual([list(domain_point(n, i)) for i in range(8)], [integers(p) for p in part["points 0 to 7"]])
        self.assertEqual(basis(factors(n, 5, 4), 11), integers(part["basis 0 to 10 at point 5"]))
        cases = (0, part["message"], part["codeword"]), (s, narrow["message"], narrow["symbols"])
        for stride, message, word in cases:
            message = [K(c) for c in integers(message)]
            points = [factors(n, i << stride, 6)[stride:] for i in range(2**n >> stride)]
            self.assertEqual([codeword_at(phis, message).c0 for phis in points], integers(word))

    def test_hashes(self):
        part = VECTORS["4 hash"]
        for case in part["leaves"]:
            self.assertEqual(leaf(integers(case["cells"]), bytes.fromhex(case["salt"])).hex(), case["digest"])
        case = part["node"]
        self.assertEqual(node(bytes.fromhex(case["left"]), bytes.fromhex(case["right"])).hex(), case["digest"])
        case = part["root"]
        names = ("log_row", "tail", "log_codeword", "log_stride", "digest_bytes", "rows")
        numbers = integers(case[name] for name in names)
        self.assertEqual(root(*numbers, bytes.fromhex(case["topmost node"])).hex(), case["digest"])

    def test_commitment(self):
        part = VECTORS["5 commitment and opening"]
        code, seed = small_code(part["code"]), bytes.fromhex(part["seed"])
        n, length, tail = code["log_codeword"], code["log_row"], code["tail"]
        counts = integers(part["random coefficients of each row"])
        tails = [expand(seed, row, count) + [0] * (tail - count) for row, count in enumerate(counts)]
        self.assertEqual(tails, [integers(row) for row in part["tails"]])
        salts = [blake3(b"salt...." + le8(j // 16), key=seed).digest(length=32, seek=j % 16 * 32) for j in range(2**n)]
        self.assertEqual([salt.hex() for salt in salts[:4]], part["salts"])
        rows = [[K(c) for c in integers(row) + tail] for row, tail in zip(part["rows"], tails)]
        points = [factors(n, j, length + 1) for j in range(2**n)]
        level = [leaf([codeword_at(phis, row).c0 for row in rows], salt) for phis, salt in zip(points, salts)]
        self.assertEqual([digest.hex() for digest in level], part["leaves"])
        while len(level) > 1:
            level = [node(*level[k:k + 2]) for k in range(0, len(level), 2)]
        self.assertEqual(level[0].hex(), part["topmost node"])
        self.assertEqual(root(length, tail, n, 0, 32, len(rows), level[0]).hex(), part["root"])

    def test_opening(self):
        part = VECTORS["5 commitment and opening"]
        code = small_code(part["code"])
        transcript = Recording(part["transcript"]["domain"], bytes.fromhex(part["proof"]))
        committed, point = transcript.digest("root"), transcript.challenges("point", 7)
        channel, length = Channel(transcript, masked=False), code["log_row"]
        y0, y1 = channel.hidden("values", 2)
        claims = [Claim(0, (0, 0, [(1, 2)]), length, 0, point[:4], y0), Claim(0, (1, 0, []), length, 0, point[4:], y1)]
        open_claims(channel, code, [], [Matrix(committed, 2, 0)], claims)
        transcript.end()
        self.assertEqual(transcript.lines(), part["transcript"]["items"])
        self.assertEqual(transcript.state.hex(), part["transcript"]["state at the end"])


def expand(seed, row, count):
    """Random coefficients of a row."""
    stream = blake3(b"tail...." + le8(row), key=seed).digest(length=8 * count + 64)
    words = (int.from_bytes(stream[k:k + 8], "little") & P for k in range(0, len(stream), 8))
    return [word for word in words if word != P][:count]


class Files:
    """Key and file of a whole proof."""

    def __init__(self, folder, name):
        paths = [folder / f"{name}.{ending}" for ending in ("vkey", "proof")]
        self.raw = dict(zip(KINDS, (path.read_bytes() for path in paths)))
        self.key, self.proof = (read_file(kind, data) for kind, data in self.raw.items())


class WholeProofs(unittest.TestCase):
    def expect_transcript(self, transcript, expected):
        self.assertEqual(transcript.lines(), expected["items"])
        self.assertEqual(transcript.state.hex(), expected["state at the end"])

    def test_accepted_message_by_message(self):
        for whole in VECTORS["6 whole proofs"]:
            files = Files(DOCS / "test-vectors", whole["name"])
            with self.subTest(whole["name"]):
                self.assertEqual(key_digest(files.key).hex(), whole["digest of the key"])
                transcript = Recording(ANSWER, files.proof["messages"])
                roots = verify(files.key, files.proof, whole["context"].encode(), transcript=transcript)
                self.expect_transcript(transcript, whole["transcript"])
                transcript = Recording(SETUP, files.key["weights"]["setup_proof"])
                verify_setup(files.key["weights"], transcript)
                self.expect_transcript(transcript, whole["transcript of the setup proof"])
                expected = {home: whole[f"{home.lower()}.root"] for home in ("Input", "Output")}
                self.assertEqual({home: roots[home].hex() if home in roots else None for home in expected}, expected)


# ---------------------------------------------------------------------------------------------------------------------
# Altered proofs
# ---------------------------------------------------------------------------------------------------------------------

def container(kind, value):
    tag, version, _, of = KINDS[kind]
    payload = encode(of, value)
    data = b"ZKML" + tag + version.to_bytes(4, "little") + le8(len(payload)) + payload
    return data + blake3(data).digest()


RUST = (("check `([a-z._]*)` failed", None), ("proof is truncated", "Truncated"),
        ("after its last message", "TrailingBytes"), ("is not canonical", "NonCanonical"),
        ("public values: |at most [0-9]+ (values|outputs)", "PublicValue"), ("another model", "OtherKey"),
        ("says that it is opening", "Opening"), ("verifying key: ", "Key"))


def verdict_of_rust(files, context):
    """The name of the check that the command `zkml verify` says, `BadFile`, or `valid`."""
    with tempfile.TemporaryDirectory() as folder:
        command = [ZKML, "verify", "--json", "--context", context.decode()]
        for kind, data in files.items():
            path = Path(folder, kind)
            path.write_bytes(data)
            command += [f"--{kind}", str(path)]
        run = subprocess.run(command, capture_output=True, env={**os.environ, "ZKML_TRUSTED_KEYS": folder}, check=False)
    answer = json.loads(run.stdout)
    if answer["valid"]:
        return "valid"
    found = ((re.search(pattern, answer["error"]), name) for pattern, name in RUST)
    return next((name or match[1] for match, name in found if match), "BadFile")


class Alterations(unittest.TestCase):
    """Whatever is altered is seen. `seen` counts the names of the checks."""

    def setUp(self):
        self.seen = {}

    def tearDown(self):
        print(f"{self._testMethodName}: {dict(sorted(self.seen.items()))}")

    def expect_refusal(self, what, run, files, context=CONTEXT):
        with self.assertRaises((Reject, BadFile), msg=what) as caught:
            run()
        name = caught.exception.name if isinstance(caught.exception, Reject) else "BadFile"
        self.seen[name] = self.seen.get(name, 0) + 1
        if ZKML:
            self.assertEqual(name, verdict_of_rust(files, context), what)

    def altered_proofs(self, name, count):
        files = Files(DOCS / "test-vectors", name)
        statement, chance = answer_statement(files.key, own_lengths(files.key["network"])), random.Random(name)
        messages = files.proof["messages"]
        for number in range(count):
            at = chance.randrange(len(messages)) if number >= 40 else number * 16
            changed = bytearray(messages)
            changed[at] ^= 1 << chance.randrange(8)
            proof = {**files.proof, "messages": bytes(changed)}
            self.expect_refusal(f"byte {at}", lambda: verify_answer(statement, proof, CONTEXT),
                                {**files.raw, "proof": container("proof", proof)})
        for size in (0, 16, len(messages) // 2, len(messages) - 1, len(messages) + 1):
            proof = {**files.proof, "messages": (messages + b"\0")[:size]}
            self.expect_refusal(f"{size} bytes", lambda: verify_answer(statement, proof, CONTEXT),
                                {**files.raw, "proof": container("proof", proof)})

    def test_bytes_of_a_plain_proof(self):
        self.altered_proofs("plain", 150)

    def test_bytes_of_a_proof_in_zero_knowledge(self):
        self.altered_proofs("zero-knowledge", 150)

    def test_bytes_of_setup_proofs(self):
        for name in ("plain", "zero-knowledge"):
            files, chance = Files(DOCS / "test-vectors", name), random.Random(name)
            for _ in range(40):
                key = copy.deepcopy(files.key)
                changed = bytearray(key["weights"]["setup_proof"])
                changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
                key["weights"]["setup_proof"] = bytes(changed)
                self.expect_refusal("setup proof", lambda: verify_setup(key["weights"]),
                                    {**files.raw, "key": container("key", key)})

    def test_the_statement(self):
        """Another context, public value, opening, key."""
        for name in ("plain", "zero-knowledge"):
            files = Files(DOCS / "test-vectors", name)
            statement = answer_statement(files.key, own_lengths(files.key["network"]))
            self.expect_refusal("context", lambda: verify_answer(statement, files.proof, b"other"),
                                files.raw, b"other")
            given = files.proof["public"]
            publics = [{**given, "input": [1, 2, 3, 4]}, {**given, "outputs": [[1, 2, 3]]},
                       {"input": None, "outputs": None}, {"input": [128, 0, 0, 0], "outputs": [[0, 0, 0]]},
                       {**given, "outputs": [[-5, 29]]}, {**given, "input": []}]
            changes = [("opening", 1), ("key", bytes(32))]
            changes += [("public", public) for public in publics if public != given]
            for field, value in changes:
                proof = {**files.proof, field: value}
                self.expect_refusal(f"{field} {value}", lambda: verify_answer(statement, proof, CONTEXT),
                                    {**files.raw, "proof": container("proof", proof)})

    def test_bytes_of_a_key(self):
        """Outside of the setup proof, with a right checksum."""
        files, chance = Files(DOCS / "test-vectors", "zero-knowledge"), random.Random("key")
        header = len(files.raw["key"]) - 32 - len(files.key["weights"]["setup_proof"])
        for at in sorted(chance.sample(range(20, header), min(150, header - 20))):
            data = bytearray(files.raw["key"][:-32])
            data[at] ^= 1 << chance.randrange(8)
            data += blake3(bytes(data)).digest()

            def run():
                key = read_file("key", bytes(data))
                verify(key, files.proof, CONTEXT)

            self.expect_refusal(f"byte {at} of the key", run, {**files.raw, "key": bytes(data)})

    def test_files(self):
        """Headers, lengths and checksums."""
        files = Files(DOCS / "test-vectors", "plain")
        for kind, data in files.raw.items():
            for at in (0, 4, 8, 12, 15, 20, len(data) - 1):
                changed = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
                self.expect_refusal(f"byte {at}", lambda: read_file(kind, changed), {**files.raw, kind: changed})
            for changed in (b"", data[:19], data[:-1], data + b"\0"):
                self.expect_refusal("size", lambda: read_file(kind, changed), {**files.raw, kind: changed})


if __name__ == "__main__":
    unittest.main()
