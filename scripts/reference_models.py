#!/usr/bin/env python3
"""PyTorch references of the networks in zkml-models.

Writes what tests/models.rs compares with:

    tests/fixtures/state_dicts/NAME.txt   names and shapes of the state dict of torchvision's NAME, one a line
    tests/fixtures/vgg16_cifar10_logits.safetensors
        reference.output [16, 10]: what the trained VGG-16 of examples/assets says about the first 16 images there
    tests/fixtures/models/NAME.safetensors
        a narrow network of each family with random weights: its state dict in bfloat16, and in float32
        reference.input  [N, 3, H, W] and reference.output [N, classes]

Every narrow network is made by a class below. Where the family is torchvision's, the class is first checked against it
at full width: same state dict, same outputs. Run from anywhere:

    python3 -m venv venv && venv/bin/pip install -r scripts/requirements.txt
    venv/bin/python scripts/reference_models.py
"""

from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as functional
import torchvision
from safetensors.torch import load_file, save_file

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests" / "fixtures"
ASSETS = ROOT / "examples" / "assets"
INPUTS = 4


class VGG(nn.Module):
    """torchvision.models.vgg, or with head = "cifar" chengyangfu/pytorch-vgg-cifar10."""

    def __init__(self, widths, batch_norm, head, hidden, classes):
        super().__init__()
        layers, channels = [], 3
        for width in widths:
            if width == "M":
                layers.append(nn.MaxPool2d(2, 2))
                continue
            layers.append(nn.Conv2d(channels, width, 3, padding=1))
            if batch_norm:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.ReLU())
            channels = width
        self.features = nn.Sequential(*layers)
        if head == "imagenet":
            self.avgpool = nn.AdaptiveAvgPool2d((7, 7))
            self.classifier = nn.Sequential(
                nn.Linear(channels * 49, hidden),
                nn.ReLU(),
                nn.Dropout(),
                nn.Linear(hidden, hidden),
                nn.ReLU(),
                nn.Dropout(),
                nn.Linear(hidden, classes),
            )
        else:
            self.avgpool = nn.Identity()
            self.classifier = nn.Sequential(
                nn.Dropout(),
                nn.Linear(channels, hidden),
                nn.ReLU(),
                nn.Dropout(),
                nn.Linear(hidden, hidden),
                nn.ReLU(),
                nn.Linear(hidden, classes),
            )

    def forward(self, x):
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


class BasicBlock(nn.Module):
    """Of all residual networks; `names` says what the projection is called, "A" that there is none."""

    def __init__(self, in_planes, planes, stride, names):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.around = lambda x: x
        if stride != 1 or in_planes != planes:
            if names == "A":
                side = (planes - in_planes) // 2
                self.around = lambda x: functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, side, side))
            else:
                conv = nn.Conv2d(in_planes, planes, 1, stride=stride, bias=False)
                setattr(self, names, nn.Sequential(conv, nn.BatchNorm2d(planes)))
                self.around = lambda x: getattr(self, names)(x)

    def forward(self, x):
        out = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(out)) + self.around(x))


class ResNet(nn.Module):
    """torchvision.models.resnet ("downsample"), kuangliu/pytorch-cifar ("shortcut", four stages) and
    akamaster/pytorch_resnet_cifar10 (three stages, "A" or "shortcut")."""

    def __init__(self, blocks, width, names, classes):
        super().__init__()
        self.imagenet = names == "downsample"
        kernel, stride, padding = (7, 2, 3) if self.imagenet else (3, 1, 1)
        self.conv1 = nn.Conv2d(3, width, kernel, stride=stride, padding=padding, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        channels = width
        self.stages = len(blocks)
        for stage, count in enumerate(blocks):
            planes = width << stage
            layers = []
            for block in range(count):
                layers.append(BasicBlock(channels, planes, 2 if stage > 0 and block == 0 else 1, names))
                channels = planes
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        setattr(self, "fc" if self.imagenet else "linear", nn.Linear(channels, classes))

    def forward(self, x):
        x = functional.relu(self.bn1(self.conv1(x)))
        if self.imagenet:
            x = functional.max_pool2d(x, 3, stride=2, padding=1)
        for stage in range(self.stages):
            x = getattr(self, f"layer{stage + 1}")(x)
        x = x.mean((2, 3))
        return self.fc(x) if self.imagenet else self.linear(x)


class DepthwiseBlock(nn.Module):
    def __init__(self, in_planes, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, in_planes, 3, stride=stride, padding=1, groups=in_planes, bias=False)
        self.bn1 = nn.BatchNorm2d(in_planes)
        self.conv2 = nn.Conv2d(in_planes, planes, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)

    def forward(self, x):
        x = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(x)))


class MobileNetV1(nn.Module):
    """kuangliu/pytorch-cifar."""

    def __init__(self, width, blocks, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        layers = []
        for planes, stride in blocks:
            layers.append(DepthwiseBlock(width, planes, stride))
            width = planes
        self.layers = nn.Sequential(*layers)
        self.linear = nn.Linear(width, classes)

    def forward(self, x):
        x = self.layers(functional.relu(self.bn1(self.conv1(x))))
        return self.linear(x.mean((2, 3)))


def conv_norm_relu6(in_planes, planes, kernel, stride=1, groups=1):
    conv = nn.Conv2d(in_planes, planes, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(planes), nn.ReLU6())


class InvertedResidual(nn.Module):
    def __init__(self, in_planes, planes, stride, ratio):
        super().__init__()
        hidden = in_planes * ratio
        layers = [] if ratio == 1 else [conv_norm_relu6(in_planes, hidden, 1)]
        layers += [
            conv_norm_relu6(hidden, hidden, 3, stride, groups=hidden),
            nn.Conv2d(hidden, planes, 1, bias=False),
            nn.BatchNorm2d(planes),
        ]
        self.conv = nn.Sequential(*layers)
        self.residual = stride == 1 and in_planes == planes

    def forward(self, x):
        return x + self.conv(x) if self.residual else self.conv(x)


class MobileNetV2(nn.Module):
    """torchvision.models.mobilenetv2."""

    def __init__(self, channels, setting, last, classes):
        super().__init__()
        features = [conv_norm_relu6(3, channels, 3, stride=2)]
        for ratio, planes, repeat, stride in setting:
            for block in range(repeat):
                features.append(InvertedResidual(channels, planes, stride if block == 0 else 1, ratio))
                channels = planes
        features.append(conv_norm_relu6(channels, last, 1))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(last, classes))

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3)))


def randomize(model, seed):
    """Weights that keep activations of about the same size, statistics that are not those of a new network."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.dtype == torch.int64:
                continue
            noise = torch.randn(tensor.shape, generator=generator)
            if tensor.dim() > 1:
                tensor.copy_(noise * (2 / tensor[0].numel()) ** 0.5)
            elif name.endswith("running_var") or name.endswith("weight"):
                tensor.copy_(1 + 0.2 * noise.clamp(-2, 2))
            else:
                tensor.copy_(0.1 * noise)
            # As the file will have it.
            tensor.copy_(tensor.to(torch.bfloat16).float())
    return model.eval()


def check_against_torchvision():
    full_vgg = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]
    setting = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    pairs = {
        "vgg16": VGG(full_vgg, False, "imagenet", 4096, 1000),
        "vgg16_bn": VGG(full_vgg, True, "imagenet", 4096, 1000),
        "resnet18": ResNet([2, 2, 2, 2], 64, "downsample", 1000),
        "resnet34": ResNet([3, 4, 6, 3], 64, "downsample", 1000),
        "mobilenet_v2": MobileNetV2(32, setting, 1280, 1000),
    }
    folder = FIXTURES / "state_dicts"
    folder.mkdir(parents=True, exist_ok=True)
    for name, ours in pairs.items():
        theirs = randomize(getattr(torchvision.models, name)(), 1)
        lines = [f"{key} {list(tensor.shape)}" for key, tensor in theirs.state_dict().items()]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
        assert [f"{key} {list(tensor.shape)}" for key, tensor in ours.state_dict().items()] == lines, name
        ours.load_state_dict(theirs.state_dict(), strict=True)
        image = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(2))
        with torch.no_grad():
            expected, found = theirs(image), ours.eval()(image)
        assert torch.allclose(expected, found, rtol=1e-4, atol=1e-5), name
        print(f"{name:14} {len(lines)} tensors, as torchvision {torchvision.__version__} has them")


def trained_vgg():
    widths = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]
    model = VGG(widths, True, "cifar", 512, 10).eval()
    weights = {name: tensor.float() for name, tensor in load_file(ASSETS / "vgg16_bn-cifar10.safetensors").items()}
    print(model.load_state_dict(weights, strict=False))
    records = (ASSETS / "cifar10-test-first1000.bin").read_bytes()[: 16 * 3073]
    pixels = torch.frombuffer(bytearray(records), dtype=torch.uint8).view(16, 3073)[:, 1:].reshape(16, 3, 32, 32)
    mean = torch.tensor([0.4914, 0.4822, 0.4465]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.2470, 0.2435, 0.2616]).view(1, 3, 1, 1)
    with torch.no_grad():
        output = model((pixels.float() / 255 - mean) / deviation)
    save_file({"reference.output": output.contiguous()}, FIXTURES / "vgg16_cifar10_logits.safetensors")


def main():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    trained_vgg()
    check_against_torchvision()
    narrow = {
        "vgg_bn_cifar": (VGG([4, "M", 6, 6, "M", 8, "M", 8, "M"], True, "cifar", 12, 10), 16),
        "vgg_imagenet": (VGG([4, "M"], False, "imagenet", 8, 5), 14),
        "resnet": (ResNet([1, 1, 1, 1], 4, "downsample", 5), 32),
        "resnet_cifar": (ResNet([2, 1, 1, 1], 4, "shortcut", 5), 8),
        "resnet_a": (ResNet([1, 1, 1], 4, "A", 5), 8),
        "resnet_b": (ResNet([1, 1, 1], 4, "shortcut", 5), 8),
        "mobilenet_v1": (MobileNetV1(4, [(8, 1), (12, 2), (12, 1)], 5), 8),
        "mobilenet_v2": (MobileNetV2(4, [(1, 4, 1, 1), (3, 6, 2, 2)], 16, 5), 12),
    }
    folder = FIXTURES / "models"
    folder.mkdir(parents=True, exist_ok=True)
    for seed, (name, (model, size)) in enumerate(narrow.items()):
        randomize(model, seed)
        images = torch.randn(INPUTS, 3, size, size, generator=torch.Generator().manual_seed(100 + seed))
        with torch.no_grad():
            output = model(images)
        tensors = {
            key: tensor.to(torch.bfloat16).contiguous()
            for key, tensor in model.state_dict().items()
            if not key.endswith("num_batches_tracked")
        }
        tensors |= {"reference.input": images, "reference.output": output.contiguous()}
        path = folder / f"{name}.safetensors"
        save_file(tensors, path)
        print(f"{name:14} {path.stat().st_size:7,} bytes, largest output {output.abs().max():.2f}")


if __name__ == "__main__":
    main()
