"""What the files hold (docs/file-formats.md): the types of keys, proofs, public values and circuits; containers, digests.

Every table here is a Rust type, field by field: `keys/`, `graph/`, `ops/` and `circuit/` of zkml-core.
"""

from blake3 import blake3

from postcard import BadEncoding, Enum, Option, decode, encode

# ---------------------------------------------------------------------------------------------------------------------
# Tables of functions
# ---------------------------------------------------------------------------------------------------------------------

DYADIC = {"mantissa": "i64", "exponent": "i16"}
CURVE = {
    "kind": Enum(Sigmoid=None, Tanh=None, Gelu=None, GeluTanh=None, Silu=None, LeakyRelu={"slope": DYADIC},
                 Elu={"alpha": DYADIC}, Hardswish=None, Hardsigmoid=None,
                 Softplus={"beta": DYADIC, "threshold": DYADIC}, Abs=None, Exp=None),
    "input": DYADIC, "output": DYADIC,
}
FUNCTION = {"function": Enum(Identity=None, Relu=None, Curve=CURVE, Custom=["i64"]), "domain_bits": "u32",
            "minimum": "i64", "maximum": "i64"}
DECAY = {"curve": CURVE, "bits": "u32"}

# ---------------------------------------------------------------------------------------------------------------------
# The network
# ---------------------------------------------------------------------------------------------------------------------

PAIR = ("u64", "u64")
WINDOW = {"kernel": PAIR, "stride": PAIR, "padding": PAIR, "dilation": PAIR}
ROTARY = {"theta": DYADIC,
          "scaling": Option({"factor": DYADIC, "low": DYADIC, "high": DYADIC, "original": "u32"}),
          "position": "u32", "bits": "u32"}
OPERATION = Enum(
    Input="unit",
    Conv2d={"weight": "u64", "bias": Option("u64"), "window": WINDOW, "groups": "u64"},
    Linear={"weight": "u64", "bias": Option("u64")},
    WeightedSum={"coefficients": ["i64"]},
    SumPool2d={"window": WINDOW},
    Rescale={"multipliers": ["i64"], "axis": "u64", "shift": "u32", "table": FUNCTION},
    MaxPool2d={"window": WINDOW},
    Reshape="unit",
    Permute={"order": ["u64"]},
    Concat={"axis": "u64"},
    Pad={"amounts": [PAIR]},
    Argmax={"axis": "u64"},
    ChannelScale={"weight": "u64"},
    Product="unit",
    Expand="unit",
    IntegerConstant={"values": ["i64"]},
    Parameter={"parameter": "u64"},
    RevealedInput="unit",
    Reveal="unit",
    Requantize={"multipliers": ["i64"], "axes": ["u64"], "shift": "u32", "bits": "u32"},
    IntegerRmsNorm={"exponents": ["u32"], "precision": "u32", "epsilon": "i64", "numerator_bits": "u32",
                    "root_bits": "u32", "reciprocal_bits": "u32", "bits": "u32"},
    IntegerRope={"axis": "u64", "angles": Enum(Rotary=ROTARY, Custom={"cos": ["i64"], "sin": ["i64"]}),
                 "multipliers": ["i64"], "axes": ["u64"]},
    IntegerEmbedding={"weight": "u64", "multipliers": ["i64"]},
    IntegerAttention={"causal": "bool", "multiplier": "i64", "shift": "u32", "decay": DECAY, "reciprocal_bits": "u32",
                      "output_bits": "u32"},
    Greedy={"multipliers": ["i64"]},
    Matmul="unit",
    Narrow={"axis": "u64", "start": "u64", "length": "u64"},
    IntegerSoftmax={"decay": DECAY, "reciprocal_bits": "u32", "output_bits": "u32"},
)
SKELETON = {
    "name": "str",
    "graph": {
        "nodes": [{"name": "str", "op": OPERATION, "inputs": ["u64"],
                   "fact": {"shape": ["u64"], "range": ("i64", "i64"), "scale": "f64"}}],
        "input": "u64",
        "outputs": ["u64"],
        "parameters": [{"path": "str", "role": Enum(Weight=None, Bias=None), "shape": ["u64"]}],
    },
    "output_scales": ["f64"],
    "limb_bits": "u32",
    "lowering": ("bool",) * 7,
    "preprocessing": Option({"pad": "u64", "mean": ["f32"], "deviation": ["f32"]}),
    "classes": ["str"],
}

# ---------------------------------------------------------------------------------------------------------------------
# Keys, proofs, public values
# ---------------------------------------------------------------------------------------------------------------------

VISIBILITY = Enum(Public=None, Private=None)
INSTANCE = {"input": VISIBILITY, "output": VISIBILITY, "commit_input": "bool"}
CODE = {"log_row": "u32", "tail": "u64", "log_codeword": "u32", "log_stride": "u32", "queries": "u64",
        "digest_bytes": "u32", "grinding_bits": "u32"}
# All of a weights key but its last field, the setup proof, which is no part of its digest.
COMMITMENTS = {
    "columns": [{"name": "str", "shape": ["u32"]}],
    "unpacked": "bool",
    "visibility": VISIBILITY,
    "code": CODE,
    "recursion": {"levels": [CODE]},
    "commitments": {"roots": ["digest"], "rows": "u64", "openings": "u32"},
    "previous": Option("digest"),
    "previous_opening": "u64",
}
KEY = {"network": SKELETON, "instance": INSTANCE, "weights": {**COMMITMENTS, "setup_proof": "bytes"}}
PROOF = {"key": "digest", "opening": "u64", "messages": "bytes"}
PUBLIC = {"input": Option(["i64"]), "outputs": Option([["i64"]])}

# ---------------------------------------------------------------------------------------------------------------------
# Circuits: no file holds one, but a proof is bound to the digest of one
# ---------------------------------------------------------------------------------------------------------------------

RANGE = {"index": "u32", "minimum": "i64", "maximum": "i64"}
IDS = {"ids": "u32"}
COLUMN = Enum(
    Committed={"zero_padded": "bool", "home": Enum(Trace=None, Input=None, Output=None)},
    Parameter={"zero_padded": "bool"},
    Public=Enum(Input=RANGE, Output=RANGE, Constant=["i64"],
                Selector=Enum(Ones=None, Index=None, Causal={"offset": "u32"}, LessThan=IDS, OneHot=IDS)),
    Linear={"terms": [{"coefficient": "field", "column": "u32"}], "constant": "field"},
    View={"source": "u32",
          "factors": [{"view_axes": ["u8"], "strides": ["i64"], "offset": "i64", "source_axes": ["u8"]}]},
    Contraction={"left": "u32", "right": "u32",
                 "axes": [{"left": Option("u8"), "right": Option("u8"), "out": Option("u8")}]},
)
CIRCUIT = {
    "columns": [{"name": "str", "shape": ["u32"], "kind": COLUMN}],
    "tables": [Enum(Range={"bits": "u32"}, Function=FUNCTION, Integers={"minimum": "i64", "bits": "u32"}, Decay=DECAY)],
    "lookups": [{"name": "str", "columns": ["u32"], "table": "u32"}],
    "equalities": [{"name": "str", "left": "u32", "right": "u32"}],
    "unpacked": "bool",
    "unstacked": "bool",
}

# ---------------------------------------------------------------------------------------------------------------------
# Containers and digests
# ---------------------------------------------------------------------------------------------------------------------

# Tag, version, most bytes and type of each kind of file.
KINDS = {"key": (b"VKEY", 5, 2**24, KEY), "proof": (b"PROF", 3, 2**28, PROOF), "public": (b"PUBV", 2, 2**30, PUBLIC)}
HEADER, CHECKSUM = 20, 32


class BadFile(Exception):
    """Bytes that are no file of the kind; the text is the name of the error in docs/file-formats.md."""


def read_file(kind, data):
    """The value in a file: the steps of docs/file-formats.md, "Reading"."""
    tag, version, most, of = KINDS[kind]
    steps = (
        ("Truncated", len(data) >= HEADER),
        ("WrongMagic", data[:4] == b"ZKML"),
        ("WrongKind", data[4:8] == tag),
        ("WrongVersion", data[8:12] == version.to_bytes(4, "little")),
    )
    for error, holds in steps:
        if not holds:
            raise BadFile(error)
    end = HEADER + int.from_bytes(data[12:20], "little")
    for error, holds in (("TooLarge", max(end + CHECKSUM, len(data)) <= most),
                         ("Truncated", len(data) >= end + CHECKSUM), ("TrailingBytes", len(data) <= end + CHECKSUM),
                         ("Checksum", blake3(data[:end]).digest() == data[end:])):
        if not holds:
            raise BadFile(error)
    try:
        return decode(of, data[HEADER:end])
    except BadEncoding as error:
        raise BadFile(f"Decode: {error}") from error


def digest(word, kind, value):
    """BLAKE3 in the domain `zkml v2 WORD`, over the encoding of a value."""
    return blake3(encode(kind, value), derive_key_context=f"zkml v2 {word}").digest()


def weights_digest(weights):
    return digest("weights key", COMMITMENTS, {name: weights[name] for name in COMMITMENTS})


def key_digest(key):
    parts = digest("skeleton", SKELETON, key["network"]), key["instance"], weights_digest(key["weights"])
    return digest("verifying key", ("digest", INSTANCE, "digest"), parts)
