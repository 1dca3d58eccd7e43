"""What a proof is about: everything that follows from a key before the proof is read (docs/protocol/README.md)."""

from math import log2

from circuit import sequential_steps, variables
from formats import INSTANCE, digest, key_digest, weights_digest
from layout import full, packing, trace_extents, weight_extents
from lookup import ONE_CHUNK, SETUP_CHUNK, chunks
from lowering import lower, setup_circuit
from postcard import encode
from resize import at
from schema import CIRCUIT, SKELETON
from skeleton import Refused, check_name, require
from transcript import Reject

# The domains of the transcripts.
ANSWER, SETUP = "zkml v3", "zkml v3 setup"
TARGET = 100  # bits


class Statement:
    """`bound` is what the transcript absorbs of the key, `privacy` what is hidden, `circuit` what is shown, its lookups
    in chunks of at most 2^chunk rows."""

    def __init__(self, weights, circuit, privacy, protocol, bound, chunk):
        self.weights, self.circuit, self.privacy, self.protocol, self.bound = weights, circuit, privacy, protocol, bound
        self.is_setup = protocol != ANSWER
        self.masked = any(privacy[part] == "Private" for part in ("input", "output", "weights"))
        self.code, self.levels = weights["code"], weights["recursion"]["levels"]
        self.chunks = chunks(circuit, chunk)
        self.hardening = 2**12 + sequential_steps(circuit)
        self.log_row, self.narrow = self.code["log_row"], self.code["log_row"] - self.code["log_stride"]
        check_weights(weights, privacy)
        # Where columns lie: trace, weights, private input, private outputs.
        self.trace = packing(trace_extents(circuit, len(self.chunks)), self.narrow)
        self.of_weights = packing(weight_extents(circuit), self.log_row)
        require(self.of_weights[0] == weights["commitments"]["rows"], "weights", "another number of rows")
        self.apart = {}
        for home in ("Input", "Output"):
            shapes = [x["shape"] for x in circuit["columns"] if x["kind"].get("Committed", {}).get("home") == home]
            if shapes:
                self.apart[home] = packing([full(variables(shape)) for shape in shapes], self.narrow)

    def weight_roots(self, number):
        """Roots that a proof opens: of the setup proof all, of an answer that of its opening."""
        commitments, previous = self.weights["commitments"], self.weights["previous"]
        if self.is_setup:
            return commitments["roots"] + ([previous] if previous else [])
        each = max(commitments["openings"] - 1, 1)
        most = budget(self.weights) if self.weights["visibility"] == "Private" else 1
        if number >= most or number // each >= len(commitments["roots"]):
            raise Reject("Opening", f"{number} of {most}")
        return [commitments["roots"][number // each]]


def answer_statement(key, lengths, circuit=None):
    """Of an answer, to a text of these lengths; None if the key is for inputs of one size. The circuit is what the
    network is lowered to; another one is refused by its digest."""
    network = resized(key["network"], lengths)
    lowered = lower(network, key["instance"])
    if circuit is not None:
        require(encode(CIRCUIT, circuit) == encode(CIRCUIT, lowered), "circuit", "the network has another one")
    weights = key["weights"]
    found = [{"name": x["name"], "shape": x["shape"]} for x in lowered["columns"] if "Parameter" in x["kind"]]
    check_columns(weights["columns"])
    require(found == weights["columns"], "weights", "the network has other parameters than the weights key")
    require(lowered["unpacked"] == weights["unpacked"], "weights", "the network packs them in another way")
    bound = [("bind.network", digest("skeleton", SKELETON, network)),
             ("bind.weights", weights_digest(weights)),
             ("bind.circuit", digest("circuit", CIRCUIT, lowered)),
             ("bind.instance", digest("instance", INSTANCE, key["instance"]))]
    privacy = {**key["instance"], "weights": weights["visibility"]}
    statement = Statement(weights, lowered, privacy, ANSWER, bound, ONE_CHUNK)
    statement.key, statement.lengths = key_digest(key), lengths
    return statement


def resized(network, lengths):
    """The skeleton at the lengths that a proof names."""
    try:
        return at(network, lengths)
    except Refused as error:
        raise Reject("Lengths", str(error)) from error


def setup_statement(weights, chunk=SETUP_CHUNK):
    """Of the setup proof of a weights key: its commitments hold int8 integers, 0 on padding, and the same ones. Only
    tests have smaller chunks."""
    privacy = {"input": "Public", "output": "Public", "commit_input": False, "weights": weights["visibility"]}
    check_columns(weights["columns"])
    return Statement(weights, setup_circuit(weights), privacy, SETUP,
                     [("bind.weights", weights_digest(weights))], chunk)


# A weights key that can be used

def budget(weights):
    """Openings that private weights allow after setup."""
    return len(weights["commitments"]["roots"]) * max(weights["commitments"]["openings"] - 1, 0)


def check_columns(columns):
    require(len(columns) <= 2**16, "weights", "more than 2^16 columns")
    for column in columns:
        check_name(column["name"], "weights")
        fits = len(column["shape"]) <= 8 and all(column["shape"]) and variables(column["shape"]) <= 36
        require(fits, column["name"], f"a column of shape {column['shape']}")


def check_weights(weights, privacy):
    code, levels = weights["code"], weights["recursion"]["levels"]
    check_code(code)
    require(query_bits(code) >= TARGET, "code", "too few columns are opened")
    require(code["log_codeword"] <= 28, "code", "the codeword is too long")
    size = 2 ** code["log_row"] + code["tail"]
    require(levels or size <= 2**22, "code", "the row combination is too long to be sent")
    require(size >> code["log_stride"] <= 2**24, "code", "rows of the trace are too long")
    for level in levels:
        check_code(level)
        row = 2 ** level["log_row"]
        fits = level["tail"] == level["log_stride"] == 0 and row < size and size % row == 0
        require(fits, "recursion", f"rows of {row} do not make up {size} elements")
        size = row
    roots, openings = weights["commitments"]["roots"], weights["commitments"]["openings"]
    require(1 <= len(roots) <= 2**10, "weights", "1 to 1024 commitments")
    if weights["visibility"] == "Public":
        require(openings == 0 and len(roots) == 1, "weights", "public weights have one commitment for all proofs")
    else:
        require(budget(weights) > 4, "weights", "no room for a proof and four rotations")
    check_tail(weights, privacy)


def check_code(code):
    row, tail, stride = 2 ** min(code["log_row"], 64), code["tail"], 2 ** min(code["log_stride"], 64)
    points = 2 ** min(code["log_codeword"], 64)
    fits = (1 <= code["log_row"] <= 26 and tail <= row and code["log_codeword"] <= 30 and row + tail + 1 < points
            and code["log_stride"] < code["log_row"] and code["log_stride"] <= 6 and tail % stride == 0
            and 1 <= code["queries"] <= min(2**12, points) and 26 <= code["digest_bytes"] <= 32
            and code["grinding_bits"] <= 40)
    require(fits, "code", f"no code has the parameters {code}")


def check_tail(weights, privacy):
    """The code has room for the random coefficients of every row (docs/protocol/zero-knowledge.md, "Randomness")."""
    code, openings = weights["code"], weights["commitments"]["openings"]
    queries, stride = code["queries"], 2 ** code["log_stride"]
    needed = 0
    if openings:
        many = weights["commitments"]["rows"] > 2 * openings
        needed = (openings + stride - 1 if many else openings * stride) * queries + 2
    if "Private" in (privacy["input"], privacy["output"], privacy["weights"]):
        apart = privacy["output"] == "Private" or privacy["commit_input"]
        needed = max(needed, ((2 if apart else 1) * queries + 2) * stride)
    require(code["tail"] >= -(-needed // stride) * stride, "code", "its tail has no room for all random coefficients")


def query_bits(code):
    rate = (2 ** code["log_row"] + code["tail"] + 1) / 2 ** code["log_codeword"]
    return code["queries"] * (1 - log2(1 + rate)) + code["grinding_bits"]
