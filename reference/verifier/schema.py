"""The types of a network and of a circuit: what the lowering reads, and what it makes.

Every table is a Rust type, field by field, in the form of `postcard`: `graph/`, `ops/` and `circuit/` of zkml-core.
"""

from postcard import Enum, Option

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
    ChannelScale={"weight": "u64", "bias": Option("u64"), "axis": "u64"},
    Product="unit",
    Expand="unit",
    IntegerConstant={"values": ["i64"]},
    Parameter={"parameter": "u64"},
    RevealedInput="unit",
    Reveal="unit",
    Requantize={"multipliers": ["i64"], "axes": ["u64"], "shift": "u32", "bits": "u32", "residual_shifts": ["u32"]},
    IntegerRmsNorm={"exponents": ["u32"], "precision": "u32", "epsilon": "i64", "eps": Option(DYADIC),
                    "numerator_bits": "u32", "root_bits": "u32", "reciprocal_bits": "u32", "bits": "u32"},
    IntegerRope={"axis": "u64", "angles": Enum(Rotary=ROTARY, Custom={"cos": ["i64"], "sin": ["i64"]}),
                 "multipliers": ["i64"], "axes": ["u64"]},
    IntegerEmbedding={"weight": "u64", "multipliers": ["i64"]},
    IntegerAttention={"causal": "bool", "multiplier": "i64", "shift": "u32", "decay": DECAY, "reciprocal_bits": "u32",
                      "output_bits": "u32"},
    Greedy={"multipliers": ["i64"]},
    Matmul="unit",
    Narrow={"axis": "u64", "start": "u64", "length": "u64"},
    IntegerSoftmax={"decay": DECAY, "reciprocal_bits": "u32", "output_bits": "u32"},
    IntegerCenter={"exponents": ["u32"], "shift": "u32", "bits": "u32"},
    IntegerFixedRows={"weight": "u64", "start": "u64", "length": "u64", "multipliers": ["i64"]},
)
LENGTHS = {"tokens": "u32", "past": "u32"}
SCALES = {"axes": ["u64"], "scales": ["f64"], "offsets": ["f64"]}
SKELETON = {
    "name": "str",
    "graph": {
        "nodes": [{"name": "str", "op": OPERATION, "inputs": ["u64"],
                   "fact": {"shape": ["u64"], "range": ("i64", "i64"), "scale": "f64"}}],
        "input": "u64",
        "outputs": ["u64"],
        "parameters": [{"path": "str", "role": Enum(Weight=None, Bias=None), "shape": ["u64"]}],
    },
    "input_scales": [SCALES],
    "output_scales": [SCALES],
    "limb_bits": "u32",
    "lowering": ("bool",) * 9,
    "sizing": Enum(Fixed=None, AnyLength=LENGTHS, Resized=LENGTHS),
    "preprocessing": Option({"pad": "u64", "mean": ["f32"], "deviation": ["f32"]}),
    "classes": ["str"],
}

# ---------------------------------------------------------------------------------------------------------------------
# The circuit: no file holds one, but a proof is bound to the digest of one
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
    "tables": [Enum(Integers={"minimum": "i64", "bits": "u32"}, Function=FUNCTION, Decay=DECAY)],
    "lookups": [{"name": "str", "columns": ["u32"], "table": "u32"}],
    "equalities": ["u32"],
    "unpacked": "bool",
    "unstacked": "bool",
}
