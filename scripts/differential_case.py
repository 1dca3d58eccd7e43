"""A network as data, with what it computes: what `reference_layers.py` and `differential.py` write.

`NAME.json` has a list of cases; `tests/differential/program.rs` reads them. `NAME.safetensors` has the weights of each
case (`CASE.nK.weight`), its inputs (`CASE.inputI`) and outputs (`CASE.outputI`), a row for each sample.
"""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file


def write(path, cases):
    """Writes cases: pairs of a description and a dictionary of tensors."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(description) for description, _ in cases]
    path.with_suffix(".json").write_text("[\n" + ",\n".join(lines) + "\n]\n")
    tensors = {}
    for description, values in cases:
        for name, value in values.items():
            tensors[f"{description['name']}.{name}"] = np.ascontiguousarray(value, dtype=np.float32)
    save_file(tensors, str(path.with_suffix(".safetensors")))
    print(f"{path}: {len(cases)} cases")
