"""Postcard (docs/file-formats.md, "The payload"): values to bytes and back, after a type.

A type is

    "bool" "u8" "u32" "u64" "i16" "i64" "f32" "f64" "str"    as Rust calls it
    "bytes" "digest" "field" "unit"    any bytes, 32 bytes, an integer in [0, p), nothing
    [T]                    a list
    (T, U, ..)             a tuple; fixed arrays are tuples
    {"name": T, ..}        a struct, its fields in order
    Option(T)              nothing, or a T
    Enum(A=None, B=T, ..)  one of these, numbered in this order

and a value is what JSON has for it: a variant without fields is its name, another one is `{name: fields}`.
"""

import struct

P = 2**61 - 1
BITS = {"u32": 32, "u64": 64, "field": 61, "i16": 16, "i64": 64}
FLOATS = {"f32": "<f", "f64": "<d"}


class BadEncoding(Exception):
    """Bytes that are no value of the type, or a value that is none."""


class Option:
    def __init__(self, of):
        self.of = of


class Enum:
    def __init__(self, **variants):
        self.variants = list(variants.items())


def need(holds, what):
    if not holds:
        raise BadEncoding(what)


# ---------------------------------------------------------------------------------------------------------------------
# Values to bytes
# ---------------------------------------------------------------------------------------------------------------------

def varint(number):
    """Seven bits a byte, the lowest first; the highest bit of a byte says that another one follows."""
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def encode(kind, value):
    if isinstance(kind, list):
        need(isinstance(value, list), "expected a list")
        return varint(len(value)) + b"".join(encode(kind[0], entry) for entry in value)
    if isinstance(kind, tuple):
        need(isinstance(value, (list, tuple)) and len(value) == len(kind), f"expected {len(kind)} entries")
        return b"".join(encode(of, entry) for of, entry in zip(kind, value))
    if isinstance(kind, dict):
        need(isinstance(value, dict) and set(value) == set(kind), f"expected the fields {sorted(kind)}")
        return b"".join(encode(of, value[name]) for name, of in kind.items())
    if isinstance(kind, Option):
        return b"\0" if value is None else b"\1" + encode(kind.of, value)
    if isinstance(kind, Enum):
        plain = isinstance(value, str)
        need(plain or isinstance(value, dict) and len(value) == 1, "expected a variant")
        name, fields = (value, None) if plain else next(iter(value.items()))
        names = [name for name, _ in kind.variants]
        need(name in names, f"no variant is called {name}")
        of = kind.variants[names.index(name)][1]
        need(plain == (of is None), f"fields of {name}")
        return varint(names.index(name)) + (b"" if plain else encode(of, fields))
    return encode_plain(kind, value)


def encode_plain(kind, value):
    if kind in BITS:
        low, high = (-2 ** (BITS[kind] - 1), 2 ** (BITS[kind] - 1)) if kind[0] == "i" else (0, 2 ** BITS[kind])
        high = P if kind == "field" else high
        need(type(value) is int and low <= value < high, f"expected an integer in [{low}, {high})")
        return varint((abs(value) * 2 - (value < 0)) if kind[0] == "i" else value)  # the sign is the lowest bit
    if kind in FLOATS:
        need(isinstance(value, (int, float)) and not isinstance(value, bool), "expected a number")
        return struct.pack(FLOATS[kind], value)
    if kind == "unit":
        need(value is None, "expected nothing")
        return b""
    if kind == "bool":
        need(isinstance(value, bool), "expected true or false")
        return bytes([value])
    if kind == "u8":
        need(type(value) is int and 0 <= value < 256, "expected a byte")
        return bytes([value])
    if kind == "str":
        need(isinstance(value, str), "expected a text")
        return varint(len(value.encode())) + value.encode()
    need(isinstance(value, bytes) and (kind == "bytes" or len(value) == 32), "expected bytes")
    return varint(len(value)) + value if kind == "bytes" else value


# ---------------------------------------------------------------------------------------------------------------------
# Bytes to values
# ---------------------------------------------------------------------------------------------------------------------

class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        need(self.at + count <= len(self.data), "the encoding ends early")
        self.at += count
        return self.data[self.at - count:self.at]

    def varint(self, bits):
        value = shift = 0
        while True:
            byte, = self.take(1)
            value |= (byte & 127) << shift
            need(value < 2**bits, "a number is too large")
            if byte < 128:
                return value
            shift += 7

    def read(self, kind):
        if isinstance(kind, list):
            count = self.varint(64)
            need(count <= len(self.data) - self.at, "a list is longer than the encoding")
            return [self.read(kind[0]) for _ in range(count)]
        if isinstance(kind, tuple):
            return [self.read(of) for of in kind]
        if isinstance(kind, dict):
            return {name: self.read(of) for name, of in kind.items()}
        if isinstance(kind, Option):
            return self.read(kind.of) if self.read("bool") else None
        if isinstance(kind, Enum):
            number = self.varint(32)
            need(number < len(kind.variants), "an unknown variant")
            name, of = kind.variants[number]
            return name if of is None else {name: self.read(of)}
        return self.plain(kind)

    def plain(self, kind):
        if kind in BITS:
            value = self.varint(BITS[kind])
            need(kind != "field" or value < P, "a field element is not canonical")
            return (value >> 1) ^ -(value & 1) if kind[0] == "i" else value
        if kind in FLOATS:
            return struct.unpack(FLOATS[kind], self.take(struct.calcsize(FLOATS[kind])))[0]
        if kind in ("bool", "u8"):
            value, = self.take(1)
            need(kind == "u8" or value < 2, "expected 0 or 1")
            return value if kind == "u8" else bool(value)
        if kind in ("digest", "unit"):
            return self.take(32) if kind == "digest" else None
        data = self.take(self.varint(64))
        try:
            return data.decode() if kind == "str" else data
        except UnicodeDecodeError:
            raise BadEncoding("a text is not UTF-8") from None


def decode(kind, data):
    """The value, all of `data` and in its only encoding."""
    reader = Reader(data)
    value = reader.read(kind)
    need(reader.at == len(data), "bytes after the value")
    need(encode(kind, value) == data, "not the canonical encoding")
    return value
