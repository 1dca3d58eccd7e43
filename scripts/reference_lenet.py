#!/usr/bin/env python3
"""PyTorch reference activations of LeNet-5 on MNIST.

Writes tests/fixtures/lenet_reference.safetensors, against which the float execution of zkml is tested, and
prints the float top-1 on the 1,000 digits of examples/assets. Run from anywhere:

    python3 -m venv venv && venv/bin/pip install -r scripts/requirements.txt
    venv/bin/python scripts/reference_lenet.py

The fixture holds, for the first test digit of each class in CLASSES (all tensors have the digits first):

    index  [4]             int64    position of the digit in the test set
    label  [4]             int64    its label
    image  [4, 1, 32, 32]  uint8    padded digit, not yet divided by 255
    conv1  [2, 6, 28, 28]  float32  before ReLU; digits 0 and 1 only, to keep the file small
    pool1  [4, 6, 14, 14]  float32  after ReLU and max-pool
    conv2  [4, 16, 10, 10] float32  before ReLU
    pool2  [4, 16, 5, 5]   float32  after ReLU and max-pool
    fc1    [4, 120]        float32  after ReLU
    fc2    [4, 84]         float32  after ReLU
    logits [4, 10]         float32  output of fc3

The metadata has one key "source", a JSON object of the versions, the float top-1 over the 1,000 digits ("correct" of
"digits"), and the SHA-256 of the weights.
"""

import argparse
import gzip
import hashlib
import json
import platform
import struct
from pathlib import Path

import numpy
import safetensors
import torch
import torch.nn.functional as functional
from safetensors.torch import load_file, save_file

CLASSES = (7, 2, 0, 9)
CONV1_DIGITS = 2
ROOT = Path(__file__).resolve().parent.parent
ASSETS = ROOT / "examples" / "assets"


class LeNet5(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 6, 5)
        self.conv2 = torch.nn.Conv2d(6, 16, 5)
        self.fc1 = torch.nn.Linear(400, 120)
        self.fc2 = torch.nn.Linear(120, 84)
        self.fc3 = torch.nn.Linear(84, 10)

    def activations(self, x):
        """Every named activation of one forward pass, in order."""
        conv1 = self.conv1(x)
        pool1 = functional.max_pool2d(functional.relu(conv1), 2)
        conv2 = self.conv2(pool1)
        pool2 = functional.max_pool2d(functional.relu(conv2), 2)
        fc1 = functional.relu(self.fc1(pool2.flatten(1)))
        fc2 = functional.relu(self.fc2(fc1))
        logits = self.fc3(fc2)
        return {
            "conv1": conv1,
            "pool1": pool1,
            "conv2": conv2,
            "pool2": pool2,
            "fc1": fc1,
            "fc2": fc2,
            "logits": logits,
        }


def read_idx(path, rank):
    """The unsigned bytes of an IDX file (plain or gzip) as an array of `rank` dimensions."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    magic, *shape = struct.unpack_from(f">{rank + 1}I", data)
    expected = 0x0800 + rank
    if magic != expected:
        raise ValueError(f"{path}: expected IDX magic {expected:#010x}, found {magic:#010x}")
    return numpy.frombuffer(data, dtype=numpy.uint8, offset=4 * (rank + 1)).reshape(shape)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "tests" / "fixtures" / "lenet_reference.safetensors")
    output = parser.parse_args().output

    versions = {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "safetensors": safetensors.__version__,
    }
    for name, version in versions.items():
        print(f"{name:12} {version}")

    # One thread and deterministic kernels: the same sums in the same order on every run.
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)

    weights = ASSETS / "lenet5-mnist.safetensors"
    model = LeNet5().eval()
    model.load_state_dict(load_file(weights), strict=True)

    digits = read_idx(ASSETS / "mnist-t10k-first1000-images-idx3-ubyte.gz", 3)
    labels = torch.from_numpy(read_idx(ASSETS / "mnist-t10k-first1000-labels-idx1-ubyte", 1).astype(numpy.int64))
    padded = numpy.pad(digits, ((0, 0), (2, 2), (2, 2)))[:, None]
    images = torch.from_numpy(numpy.ascontiguousarray(padded))

    with torch.no_grad():
        logits = model.activations(images.float() / 255)["logits"]
        correct = int((logits.argmax(1) == labels).sum())
        print(f"float top-1  {correct} of {len(labels)}")

        index = torch.tensor([int((labels == label).nonzero()[0]) for label in CLASSES])
        chosen = images[index]
        tensors = model.activations(chosen.float() / 255)

    tensors["conv1"] = tensors["conv1"][:CONV1_DIGITS]
    tensors |= {"index": index, "label": labels[index], "image": chosen}
    source = versions | {
        "correct": correct,
        "digits": len(labels),
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
    }
    # One key, because several are written in random order, and the file should be the same on every run.
    metadata = {"source": json.dumps(source)}
    output.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, output, metadata=metadata)
    for name, tensor in sorted(tensors.items()):
        print(f"{name:12} {str(list(tensor.shape)):18} {tensor.dtype}")
    print(f"wrote {output} ({output.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
