#!/usr/bin/env python3
"""Trains VGG-16 with batch normalization on CIFAR-10, as examples/assets/vgg16_bn-cifar10.safetensors was.

Needs the six files of "CIFAR-10 binary version" (data_batch_1.bin ... data_batch_5.bin, test_batch.bin) in one folder:

    python3 -m venv venv && venv/bin/pip install -r scripts/requirements.txt
    venv/bin/python scripts/train_vgg16.py --data cifar-10-batches-bin --output vgg16_bn-cifar10.safetensors

The first epochs see reduced images, which is a quarter of the work at 16 x 16 and costs little accuracy; --plan says
how many epochs at which size. The weights are written in bfloat16, under the names zkml_models::vgg has.
"""

import argparse
import time
from pathlib import Path

import numpy
import torch
import torch.nn as nn
import torch.nn.functional as functional
from safetensors.torch import save_file

WIDTHS = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]
MEAN = torch.tensor([0.4914, 0.4822, 0.4465]).view(1, 3, 1, 1)
STD = torch.tensor([0.2470, 0.2435, 0.2616]).view(1, 3, 1, 1)
BATCH = 128


def make_layers(widths):
    layers = []
    in_channels = 3
    for width in widths:
        if width == "M":
            layers.append(nn.MaxPool2d(kernel_size=2, stride=2))
        else:
            layers += [nn.Conv2d(in_channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            in_channels = width
    return nn.Sequential(*layers)


class VGG(nn.Module):
    def __init__(self, dropout):
        super().__init__()
        self.features = make_layers(WIDTHS)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(512, 512),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(512, 512),
            nn.ReLU(inplace=True),
            nn.Linear(512, 10),
        )

    def forward(self, x):
        for layer in self.features:
            # A reduced image is one pixel before the last pools.
            if isinstance(layer, nn.MaxPool2d) and x.shape[-1] == 1:
                continue
            x = layer(x)
        return self.classifier(torch.flatten(x, 1))


def read_batches(paths):
    """Images [N, 3, 32, 32] (bytes) and labels [N]."""
    records = numpy.concatenate([numpy.frombuffer(path.read_bytes(), numpy.uint8).reshape(-1, 3073) for path in paths])
    images = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).copy())
    return images, torch.from_numpy(records[:, 0].astype(numpy.int64))


def normalized(images):
    return (images.float() / 255 - MEAN) / STD


def augmented(images, size, generator):
    """Reduced to `size`, shifted by up to an eighth, half of them mirrored."""
    x = normalized(images)
    if size != 32:
        x = functional.interpolate(x, size=(size, size), mode="area")
    shift = size // 8
    padded = functional.pad(x, (shift,) * 4, mode="reflect")
    corners = torch.randint(0, 2 * shift + 1, (len(x), 2), generator=generator)
    mirror = torch.rand(len(x), generator=generator) < 0.5
    for i, (row, column) in enumerate(corners.tolist()):
        crop = padded[i, :, row : row + size, column : column + size]
        x[i] = crop.flip(-1) if mirror[i] else crop
    return x.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def accuracy(model, images, labels):
    model.eval()
    correct = 0
    for part, truth in zip(images.split(500), labels.split(500)):
        x = normalized(part).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            correct += int((model(x).argmax(1) == truth).sum())
    model.train()
    return correct / len(labels)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the binary batches")
    parser.add_argument("--output", type=Path, default=Path("vgg16_bn-cifar10.safetensors"))
    parser.add_argument("--plan", default="16x6,24x1,32x3", help="image size x epochs, in order")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    plan = [tuple(map(int, part.split("x"))) for part in arguments.plan.split(",")]

    torch.manual_seed(arguments.seed)
    torch.set_num_threads(arguments.threads)
    generator = torch.Generator().manual_seed(arguments.seed)
    images, labels = read_batches([arguments.data / f"data_batch_{i}.bin" for i in range(1, 6)])
    test_images, test_labels = read_batches([arguments.data / "test_batch.bin"])

    model = VGG(dropout=0.3).to(memory_format=torch.channels_last)
    print(f"{sum(parameter.numel() for parameter in model.parameters()):,} parameters, {len(labels):,} images")
    steps = len(labels) // BATCH
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=0.08,
        total_steps=steps * sum(epochs for _, epochs in plan),
        pct_start=0.25,
        div_factor=10,
        final_div_factor=100,
    )
    start = time.time()
    for size, epochs in plan:
        for epoch in range(epochs):
            total = 0.0
            for chosen in torch.randperm(len(labels), generator=generator)[: steps * BATCH].split(BATCH):
                x = augmented(images[chosen], size, generator)
                with torch.autocast("cpu", torch.bfloat16):
                    logits = model(x).float()
                loss = functional.cross_entropy(logits, labels[chosen], label_smoothing=0.05)
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 5.0)
                optimizer.step()
                schedule.step()
                total += loss.item()
            line = f"{size} x {size}, epoch {epoch + 1}: loss {total / steps:.3f}, {time.time() - start:.0f} s"
            if size == 32:
                line += f", {accuracy(model, test_images, test_labels):.2%} of the test images"
            print(line, flush=True)

    # Counters that evaluation does not use are left out; the rest as bfloat16.
    state = {
        name: tensor.to(torch.bfloat16).contiguous()
        for name, tensor in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    save_file(state, arguments.output, metadata={"format": "pt"})
    print(f"wrote {arguments.output} ({arguments.output.stat().st_size:,} bytes)")


if __name__ == "__main__":
    main()
