"""Files and digests (docs/file-formats.md): the types of keys and proofs; containers."""

from blake3 import blake3

from postcard import BadEncoding, Enum, Option, decode, encode, need
from schema import LENGTHS, SKELETON
from skeleton import Refused, check_name

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
PUBLIC = {"input": Option(["i64"]), "outputs": Option([["i64"]])}
PROOF = {"key": "digest", "opening": "u64", "lengths": Option(LENGTHS), "public": PUBLIC, "messages": "bytes"}

# Tag, version, most bytes and type of each kind of file.
KINDS = {"key": (b"VKEY", 10, 2**24, KEY), "proof": (b"PROF", 5, 2**28, PROOF)}
HEADER, CHECKSUM = 20, 32


class BadFile(Exception):
    """Bytes that are no file of the kind; the text is the name of the error in docs/file-formats.md."""


def read_file(kind, data):
    """The value in a file: the steps of docs/file-formats.md, "Reading"."""
    tag, version, most, of = KINDS[kind]
    end = HEADER + int.from_bytes(data[12:HEADER], "little")
    for error, holds in (
        ("Truncated", len(data) >= HEADER),
        ("WrongMagic", data[:4] == b"ZKML"),
        ("WrongKind", data[4:8] == tag),
        ("WrongVersion", data[8:12] == version.to_bytes(4, "little")),
        ("TooLarge", max(end + CHECKSUM, len(data)) <= most),
        ("Truncated", len(data) >= end + CHECKSUM),
        ("TrailingBytes", len(data) <= end + CHECKSUM),
        ("Checksum", blake3(data[:end]).digest() == data[end:]),
    ):
        if not holds:
            raise BadFile(error)
    try:
        value = decode(of, data[HEADER:end])
        need(kind != "proof" or len(value["public"]["outputs"] or []) <= 2**10, "more than 2^10 outputs")
    except BadEncoding as error:
        raise BadFile(f"Decode: {error}") from error
    try:
        for name in names(value) if kind == "key" else ():
            check_name(name, "key")
    except Refused as error:
        raise BadFile(f"Name: {error}") from error
    return value


def names(key):
    """Of the model, its layers, parameters and classes, and of the columns of weights."""
    network, graph = key["network"], key["network"]["graph"]
    yield from (network["name"], *network["classes"])
    yield from (node["name"] for node in graph["nodes"])
    yield from (parameter["path"] for parameter in graph["parameters"])
    yield from (column["name"] for column in key["weights"]["columns"])


def digest(word, kind, value):
    """BLAKE3 in the domain `zkml v3 WORD`, over the encoding of a value."""
    return blake3(encode(kind, value), derive_key_context=f"zkml v3 {word}").digest()


def weights_digest(weights):
    return digest("weights key", COMMITMENTS, {name: weights[name] for name in COMMITMENTS})


def key_digest(key):
    parts = digest("skeleton", SKELETON, key["network"]), key["instance"], weights_digest(key["weights"])
    return digest("verifying key", ("digest", INSTANCE, "digest"), parts)
