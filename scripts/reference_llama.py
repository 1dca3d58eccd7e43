#!/usr/bin/env python3
"""References of the Llama family: what PyTorch and Hugging Face's transformers compute.

Writes into tests/fixtures/llama:

    operations.safetensors   inputs and results of single operations, named CASE.NAME, with their traps: frequencies of
                             Llama 3.1 and 3.2, groups of query heads, where eps stands, masks of caches, odd sizes
    shakespeare.safetensors  ids [1, 16] and logits [1, 16, 1024] of examples/assets/shakespeare-llama3
    shakespeare.json         texts and their token ids; the perplexity of the first tokens of heldout.txt
    tied/                    a small random model as a Hugging Face directory: tied head, Llama-3 scaling in the older
                             form of config.json, bfloat16 shards, head_dim that is not hidden_size / heads
    tied.safetensors         ids [2, 7] and its logits

Run from anywhere:

    python3 -m venv venv && venv/bin/pip install -r scripts/requirements.txt
    venv/bin/python scripts/reference_llama.py
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as functional
from safetensors.torch import save_file
from tokenizers import Tokenizer, models
from torch.nn.attention.bias import causal_lower_right
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding, apply_rotary_pos_emb

ROOT = Path(__file__).resolve().parent.parent
FIXTURES = ROOT / "tests" / "fixtures" / "llama"
SHAKESPEARE = ROOT / "examples" / "assets" / "shakespeare-llama3"
WINDOW, WINDOWS = 256, 8

LLAMA3 = {"rope_type": "llama3", "low_freq_factor": 1.0, "high_freq_factor": 4.0}
LLAMA3["original_max_position_embeddings"] = 8192
ROPES = {
    "default": (6, {"rope_type": "default", "rope_theta": 10000.0}),
    "llama31": (128, LLAMA3 | {"rope_theta": 500000.0, "factor": 8.0}),
    "llama32": (64, LLAMA3 | {"rope_theta": 500000.0, "factor": 32.0}),
}


def ropes(tensors):
    for name, (head_dim, parameters) in ROPES.items():
        config = LlamaConfig(
            hidden_size=2 * head_dim,
            num_attention_heads=2,
            head_dim=head_dim,
            max_position_embeddings=131072,
            rope_parameters=parameters,
        )
        rotary = LlamaRotaryEmbedding(config)
        query, key = torch.randn(1, 2, 5, head_dim), torch.randn(1, 1, 5, head_dim)
        for first in (0, 300):
            cos, sin = rotary(query, torch.arange(first, first + 5)[None])
            turned = apply_rotary_pos_emb(query, key, cos, sin)
            tensors[f"rope.{name}.query.{first}"], tensors[f"rope.{name}.key.{first}"] = turned
        tensors[f"rope.{name}.frequencies"] = rotary.inv_freq.clone()
        tensors[f"rope.{name}.query"], tensors[f"rope.{name}.key"] = query, key


def norms(tensors):
    # The second row is so small that eps decides; the last is all zeros.
    x = torch.randn(3, 7) * torch.tensor([[10.0], [1e-3], [0.0]])
    weight = torch.randn(7)
    tensors["norm.x"], tensors["norm.weight"] = x, weight
    for name, eps in {"default": None, "1e-5": 1e-5, "1e-6": 1e-6}.items():
        tensors[f"norm.{name}"] = functional.rms_norm(x, (7,), weight, eps)


def attention(tensors):
    query, key, value = torch.randn(2, 6, 5, 4), torch.randn(2, 2, 7, 4), torch.randn(2, 2, 7, 3)
    attend = functional.scaled_dot_product_attention
    tensors["attention.query"], tensors["attention.key"], tensors["attention.value"] = query, key, value
    tensors["attention.plain"] = attend(query, key, value, enable_gqa=True)
    tensors["attention.scaled"] = attend(query, key, value, scale=0.3, enable_gqa=True)
    # The last query stands at the last key.
    mask = torch.ones(5, 7, dtype=torch.bool).tril(diagonal=2)
    tensors["attention.causal"] = attend(query, key, value, attn_mask=mask, enable_gqa=True)
    repeated = [x.repeat_interleave(3, dim=1) for x in (key, value)]
    torch.testing.assert_close(
        tensors["attention.causal"], attend(query, *repeated, attn_mask=causal_lower_right(5, 7))
    )
    square = attend(query, key[:, :, :5], value[:, :, :5], is_causal=True, enable_gqa=True)
    tensors["attention.square"] = square


def others(tensors):
    x = torch.randn(2, 3, 5)
    x[0, 0, 0], x[1, 2, 4] = 1000.0, -1000.0
    tensors["softmax.x"] = x
    for dim in (0, 1, 2):
        tensors[f"softmax.{dim}"] = torch.softmax(x, dim)
    left, right = torch.randn(2, 1, 3, 5), torch.randn(4, 5, 2)
    tensors["matmul.left"], tensors["matmul.right"] = left, right
    tensors["matmul.product"] = torch.matmul(left, right)
    tensors["transpose.1.2"] = x.transpose(1, 2).contiguous()
    tensors["narrow.2.1.3"] = x.narrow(2, 1, 3).contiguous()


def shakespeare():
    tokenizer = Tokenizer.from_file(str(SHAKESPEARE / "tokenizer.json"))
    model = LlamaForCausalLM.from_pretrained(SHAKESPEARE, dtype=torch.float32).eval()
    texts = [
        "ROMEO.\nWhat light through yonder window breaks?",
        "",
        "  two  spaces,\ttab\r\nand 1234567 don't they're",
        "naïve café – “quotes” … 你好 🎭",
        "<|begin_of_text|>MACBETH.<|end_of_text|>",
    ]
    ids = torch.tensor([tokenizer.encode(texts[0]).ids[:16]])
    with torch.no_grad():
        logits = model(ids).logits
        save_file({"ids": ids.float(), "logits": logits}, FIXTURES / "shakespeare.safetensors")
        held = tokenizer.encode((SHAKESPEARE / "heldout.txt").read_text()).ids
        windows = torch.tensor(held[: WINDOW * WINDOWS]).reshape(WINDOWS, WINDOW)
        scores = model(windows).logits[:, :-1].reshape(-1, 1024)
        loss = functional.cross_entropy(scores, windows[:, 1:].reshape(-1))
    entries = [{"text": text, "ids": tokenizer.encode(text).ids} for text in texts]
    entries = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    numbers = {"window": WINDOW, "windows": WINDOWS, "perplexity": math.exp(loss.item())}
    numbers = json.dumps(numbers)[1:-1]
    (FIXTURES / "shakespeare.json").write_text(f'{{{numbers}, "texts": [\n{entries}\n]}}\n')


def tied():
    config = LlamaConfig(
        vocab_size=37,
        hidden_size=24,
        intermediate_size=33,
        num_hidden_layers=3,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=8,
        rms_norm_eps=1e-6,
        max_position_embeddings=131072,
        tie_word_embeddings=True,
        initializer_range=0.4,
        rope_parameters=LLAMA3 | {"rope_theta": 500000.0, "factor": 32.0},
    )
    model = LlamaForCausalLM(config).to(torch.bfloat16).eval()
    for norm in [model.model.norm, *(layer.input_layernorm for layer in model.model.layers)]:
        norm.weight.data.normal_(1.0, 0.3)
    directory = FIXTURES / "tied"
    model.save_pretrained(directory, max_shard_size="8KB")
    (directory / "generation_config.json").unlink()
    words = {f"w{index}": index for index in range(37)}
    Tokenizer(models.WordLevel(words, unk_token="w0")).save(str(directory / "tokenizer.json"))
    # As Meta's own config.json has it.
    path = directory / "config.json"
    written = json.loads(path.read_text())
    written["rope_scaling"] = written.pop("rope_parameters")
    written["rope_theta"] = written["rope_scaling"].pop("rope_theta")
    path.write_text(json.dumps(written, indent=2) + "\n")
    model = LlamaForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    ids = torch.randint(0, 37, (2, 7))
    with torch.no_grad():
        logits = model(ids).logits
    save_file({"ids": ids.float(), "logits": logits}, FIXTURES / "tied.safetensors")


def main():
    torch.manual_seed(0)
    FIXTURES.mkdir(parents=True, exist_ok=True)
    tensors = {}
    ropes(tensors)
    norms(tensors)
    attention(tensors)
    others(tensors)
    tensors = {name: tensor.detach().contiguous().clone() for name, tensor in tensors.items()}
    save_file(tensors, FIXTURES / "operations.safetensors")
    shakespeare()
    tied()
    for file in FIXTURES.rglob("*.safetensors"):
        file.chmod(0o644)


if __name__ == "__main__":
    main()
