#!/usr/bin/env python3
"""A language model with the true shape of a published one and synthetic weights, as a Hugging Face directory.

    python3 -m venv venv && venv/bin/pip install -r scripts/requirements.txt
    venv/bin/python scripts/synthetic.py llama-3.2-1b target/synthetic/llama-3.2-1b
    venv/bin/python scripts/synthetic.py gpt2 target/synthetic/gpt2 --layers 2

It is for measurements: time and memory of a proof follow from shapes, not from values. The values are such that
quantization meets what it meets in trained models:

* matrices are Gaussian, as they are before training, and smaller where many of them write to the residual stream;
* a few channels of the residual stream are outliers: every matrix that writes to it has larger rows there, and gains of
  normalizations vary, all positive.

The same name, layers and seed give the same bytes: each tensor has a random stream of its own, named by its path. Files
are bfloat16, a shard for each layer, written tensor by tensor. The tokenizer knows single bytes alone.
"""

import argparse
import json
import zlib
from pathlib import Path

import numpy as np

LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 2048,
    "intermediate_size": 8192, "num_hidden_layers": 16, "num_attention_heads": 32, "num_key_value_heads": 8,
    "head_dim": 64, "vocab_size": 128256, "max_position_embeddings": 131072, "rms_norm_eps": 1e-5,
    "rope_theta": 500000.0, "tie_word_embeddings": True, "attention_bias": False, "mlp_bias": False,
    "rope_scaling": {"rope_type": "llama3", "factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                     "original_max_position_embeddings": 8192},
}
QWEN = {
    "architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "hidden_act": "silu", "hidden_size": 896,
    "intermediate_size": 4864, "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2,
    "vocab_size": 151936, "max_position_embeddings": 131072, "rms_norm_eps": 1e-6, "rope_theta": 1000000.0,
    "tie_word_embeddings": True, "use_sliding_window": False,
}
GPT2 = {
    "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "activation_function": "gelu_new", "n_embd": 768,
    "n_layer": 12, "n_head": 12, "n_positions": 1024, "n_ctx": 1024, "vocab_size": 50257, "layer_norm_epsilon": 1e-5,
}
MODELS = {"llama-3.2-1b": LLAMA, "qwen2-0.5b": QWEN, "gpt2": GPT2}

DEVIATION = 0.02    # of a matrix, as before training
OUTLIERS = 6        # channels of the residual stream
OUTLIER = 8.0       # how much larger the rows that write to them are


class Gaussian:
    """A matrix. `into` is the axis of the residual stream that it writes to."""

    def __init__(self, shape, into=None, scale=1.0):
        self.shape, self.into, self.scale = shape, into, scale

    def values(self, random, outliers):
        values = random.standard_normal(self.shape, dtype=np.float32)
        values *= np.float32(DEVIATION * self.scale)
        if self.into is not None:
            values[(slice(None),) * self.into + (outliers,)] *= np.float32(OUTLIER)
        return values


class Around:
    """A vector of gains around 1, or of biases around 0."""

    def __init__(self, size, middle):
        self.shape, self.middle = (size,), middle

    def values(self, random, outliers):
        return (self.middle + 0.1 * random.uniform(-1, 1, self.shape)).astype(np.float32)


def decoder(config):
    """The tensors of a Llama or a Qwen 2: for each shard their paths."""
    width, inner, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    head = config.get("head_dim", width // config["num_attention_heads"])
    queries, keys = config["num_attention_heads"] * head, config["num_key_value_heads"] * head
    deep = (2 * layers) ** -0.5
    yield {"model.embed_tokens.weight": Gaussian((config["vocab_size"], width), into=1),
           "model.norm.weight": Around(width, 1)}
    for layer in range(layers):
        tensors = {
            "input_layernorm.weight": Around(width, 1),
            "self_attn.q_proj.weight": Gaussian((queries, width)),
            "self_attn.k_proj.weight": Gaussian((keys, width)),
            "self_attn.v_proj.weight": Gaussian((keys, width)),
            "self_attn.o_proj.weight": Gaussian((width, queries), into=0, scale=deep),
            "post_attention_layernorm.weight": Around(width, 1),
            "mlp.gate_proj.weight": Gaussian((inner, width)),
            "mlp.up_proj.weight": Gaussian((inner, width)),
            "mlp.down_proj.weight": Gaussian((width, inner), into=0, scale=deep),
        }
        if config["model_type"] == "qwen2":
            sizes = {"q": queries, "k": keys, "v": keys}
            tensors |= {f"self_attn.{name}_proj.bias": Around(size, 0) for name, size in sizes.items()}
        yield {f"model.layers.{layer}.{name}": tensor for name, tensor in tensors.items()}


def gpt2(config):
    """The tensors of a GPT-2, whose matrices are stored as `[inputs, outputs]`."""
    width, layers, deep = config["n_embd"], config["n_layer"], (2 * config["n_layer"]) ** -0.5
    norm = lambda name: {f"{name}.weight": Around(width, 1), f"{name}.bias": Around(width, 0)}
    yield {"wte.weight": Gaussian((config["vocab_size"], width), into=1),
           "wpe.weight": Gaussian((config["n_positions"], width), scale=0.5), **norm("ln_f")}
    for layer in range(layers):
        tensors = norm("ln_1") | norm("ln_2")
        for name, inputs, outputs, into in (("attn.c_attn", 1, 3, None), ("attn.c_proj", 1, 1, 1),
                                            ("mlp.c_fc", 1, 4, None), ("mlp.c_proj", 4, 1, 1)):
            scale = 1.0 if into is None else deep
            tensors[f"{name}.weight"] = Gaussian((inputs * width, outputs * width), into, scale)
            tensors[f"{name}.bias"] = Around(outputs * width, 0)
        yield {f"h.{layer}.{name}": tensor for name, tensor in tensors.items()}


def bfloat16(values):
    """The bits of the nearest bfloat16, ties to even. All values are finite."""
    bits = values.view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2")


def write_shard(path, tensors, seed, outliers):
    """A safetensors file."""
    header, end = {}, 0
    for name, tensor in tensors.items():
        begin, end = end, end + 2 * int(np.prod(tensor.shape))
        header[name] = {"dtype": "BF16", "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name, tensor in tensors.items():
            random = np.random.default_rng([seed, zlib.crc32(name.encode())])
            bfloat16(tensor.values(random, outliers)).tofile(file)
    return end


def tokenizer():
    """A byte-level BPE without merges: GPT-2's characters for the 256 bytes."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in shown]
    letters = {chr(byte): byte for byte in shown} | {chr(256 + place): byte for place, byte in enumerate(others)}
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
            "pre_tokenizer": byte_level, "post_processor": None, "decoder": byte_level,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": False, "vocab": letters, "merges": []}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--layers", type=int, help="fewer than the model has, to shrink it")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    config = dict(MODELS[options.model])
    count = "n_layer" if options.model == "gpt2" else "num_hidden_layers"
    config[count] = options.layers or config[count]
    config["torch_dtype"] = "bfloat16"
    width = config["n_embd" if options.model == "gpt2" else "hidden_size"]
    outliers = np.random.default_rng([options.seed, 0]).choice(width, OUTLIERS, replace=False)

    options.directory.mkdir(parents=True, exist_ok=True)
    shards = list((gpt2 if options.model == "gpt2" else decoder)(config))
    names, size = {}, 0
    for number, tensors in enumerate(shards, 1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        size += write_shard(options.directory / file, tensors, options.seed, outliers)
        names |= {name: file for name in tensors}
    index = {"metadata": {"total_size": size}, "weight_map": names}
    files = {"config.json": config, "model.safetensors.index.json": index, "tokenizer.json": tokenizer(),
             "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast"}}
    for name, content in files.items():
        (options.directory / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(f"{size // 2 / 1e6:.1f} M parameters, {size / 1e9:.2f} GB in {options.directory}")


if __name__ == "__main__":
    main()
