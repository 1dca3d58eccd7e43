"""Values of functions of each value by itself, as ONNX Runtime computes them.

    pip install onnx onnxruntime numpy
    python scripts/reference_elementwise.py

writes zkml-core/src/prove/tests/elementwise.json: arguments `x`, and for each function of
zkml-core/src/ops/elementwise_list.rs, by the name of its room, its values with PyTorch's default hyper-parameters.
"""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

# Room -> ONNX operator and attributes that make it PyTorch's function.
FUNCTIONS = {
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "gelu": ("Gelu", {"approximate": "none"}),
    "gelu_tanh": ("Gelu", {"approximate": "tanh"}),
    "silu": ("Swish", {"alpha": 1.0}),
    "leaky_relu": ("LeakyRelu", {"alpha": 0.01}),
    "elu": ("Elu", {"alpha": 1.0}),
    "hardswish": ("HardSwish", {}),
    "hardsigmoid": ("HardSigmoid", {"alpha": 1.0 / 6.0, "beta": 0.5}),
    "softplus": ("Softplus", {}),
    "abs": ("Abs", {}),
}

X = np.concatenate([np.linspace(-12.0, 12.0, 97), [-0.001, 0.001, 3.5, -3.5, 0.3]]).astype(np.float32)


def evaluate(operator, attributes):
    if operator == "Swish":
        # Not an operator of ONNX Runtime everywhere: x * sigmoid(x).
        nodes = [helper.make_node("Sigmoid", ["x"], ["s"]), helper.make_node("Mul", ["x", "s"], ["y"])]
    else:
        nodes = [helper.make_node(operator, ["x"], ["y"], **attributes)]
    tensor = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [len(X)])
    graph = helper.make_graph(nodes, "function", [tensor("x")], [tensor("y")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    onnx.checker.check_model(model)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": X})[0]


def main():
    values = {"onnxruntime": onnxruntime.__version__, "x": [float(x) for x in X]}
    for name, (operator, attributes) in FUNCTIONS.items():
        values[name] = [float(y) for y in evaluate(operator, attributes)]
    root = pathlib.Path(__file__).resolve().parent.parent
    target = root / "zkml-core/src/prove/tests/elementwise.json"
    lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in values.items()]
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
