#!/usr/bin/env python3
"""Networks that others trained, and networks trained here on data of others, for the example `survey`.

    python3 -m venv venv && venv/bin/pip install -r scripts/requirements.txt
    venv/bin/python scripts/survey.py target/survey          # all networks
    venv/bin/python scripts/survey.py target/survey NAME ..  # some of them
    cargo run --release --example survey

Every network becomes a folder of files:

    weights.safetensors   its state dict, by the names of the struct in examples/survey
    samples.npy           inputs to calibrate on
    test.npy              other inputs, to measure on
    targets.npy           what is right for the test inputs, where that is known: classes, or values (float32)
    reference.npy         outputs of the first test inputs by PyTorch or ONNX Runtime, all outputs of one input in a row

Packages come from PyPI, npm and Debian; packages.py has their versions and digests. The pictures of chess pieces come
from the package `chess` of requirements.txt, and CairoSVG draws them (it needs Debian's libcairo2). The versions of
Debian's packages are those of Debian 12.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

import survey_checkpoints
import survey_faces
import survey_trained
from packages import Store

REFERENCES = 4


def write(folder, weights, samples, test, targets=None, reference=None):
    """Writes one network. `reference` computes the outputs of a batch of inputs."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = ((name, torch.as_tensor(np.asarray(value), dtype=torch.float32)) for name, value in weights.items())
    weights = {name: tensor.contiguous() for name, tensor in tensors}
    save_file(weights, folder / "weights.safetensors")
    samples, test = (np.ascontiguousarray(array, dtype=np.float32) for array in (samples, test))
    for name, array in (("samples", samples), ("test", test)):
        np.save(folder / f"{name}.npy", array)
    if targets is not None:
        targets = np.asarray(targets, dtype=np.float32).reshape(len(test), -1)
        np.save(folder / "targets.npy", targets)
    with torch.no_grad():
        outputs = reference(test[:REFERENCES])
    outputs = outputs if isinstance(outputs, (tuple, list)) else [outputs]
    rows = [np.asarray(output, dtype=np.float32).reshape(min(REFERENCES, len(test)), -1) for output in outputs]
    np.save(folder / "reference.npy", np.concatenate(rows, axis=1))
    count = sum(value.numel() for value in weights.values())
    shape = list(samples.shape[1:])
    print(f"{folder.name}: {count:,} parameters, {len(samples)} + {len(test)} inputs {shape}", flush=True)


def main():
    networks = {**survey_checkpoints.NETWORKS, **survey_faces.NETWORKS, **survey_trained.NETWORKS}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(networks))
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in networks]
    if unknown:
        parser.error(f"no network is called {', '.join(unknown)}; there are {', '.join(networks)}")
    torch.set_num_threads(1)
    store = Store(arguments.folder / "packages")
    for name in arguments.names or networks:
        torch.manual_seed(0)
        write(arguments.folder / name, **networks[name](store, np.random.default_rng(0)))


if __name__ == "__main__":
    main()
