#!/usr/bin/env python3
"""References of the families that zkml::models reads: what Hugging Face's transformers computes.

Writes into zkml-models/tests/fixtures/families, for each family a small random model as a Hugging Face directory:

    NAME/               config.json in the form that the family's makers publish, with small sizes; bfloat16 weights;
                        a tokenizer
    NAME.safetensors    ids [2, 7] and the logits of `AutoModelForCausalLM` on that directory; of a BERT all outputs
                        and the embedding of the sentence; of a ViT pixels [2, 3, 12, 8] and the logits

transformers reads the very config.json that we read. Gains and biases, which begin as ones and zeros, are random too;
some gains of layer normalizations and of Qwen 3's heads are negative and one is zero. `gpt2` has the keys of the
published file, which are those of a GPT2Model.

Run from anywhere:

    python3 -m venv venv && venv/bin/pip install -r scripts/requirements.txt
    venv/bin/python scripts/reference_families.py            # all families
    venv/bin/python scripts/reference_families.py NAME ..    # some of them
"""

import json
import shutil
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from tokenizers import Tokenizer, models
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForImageClassification

FIXTURES = Path(__file__).resolve().parent.parent / "zkml-models" / "tests" / "fixtures" / "families"
VOCABULARY, TOKENS = 37, 7

COMMON = {
    "bos_token_id": 1,
    "eos_token_id": 2,
    "hidden_act": "silu",
    "initializer_range": 0.2,
    "num_hidden_layers": 2,
    "torch_dtype": "bfloat16",
    "use_cache": True,
    "vocab_size": VOCABULARY,
}
LLAMA = COMMON | {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "rms_norm_eps": 1e-05}
LLAMA3 = LLAMA | {"attention_bias": False, "attention_dropout": 0.0, "mlp_bias": False, "rope_theta": 500000.0}
SCALING = {"low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}
QWEN = COMMON | {"attention_dropout": 0.0, "rms_norm_eps": 1e-06, "rope_theta": 1000000.0}
QWEN |= {"use_sliding_window": False, "max_window_layers": 1}
QWEN2 = QWEN | {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}
QWEN3 = QWEN | {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3"}


def sizes(hidden, inner, heads, groups, context, tied):
    return {
        "hidden_size": hidden,
        "intermediate_size": inner,
        "num_attention_heads": heads,
        "num_key_value_heads": groups,
        "max_position_embeddings": context,
        "tie_word_embeddings": tied,
    }


GPT2 = {
    "architectures": ["GPT2LMHeadModel"],
    "bos_token_id": 0,
    "eos_token_id": 0,
    "initializer_range": 0.2,
    "layer_norm_epsilon": 1e-05,
    "model_type": "gpt2",
    "n_ctx": 16,
    "n_embd": 24,
    "n_head": 3,
    "n_layer": 2,
    "n_positions": 16,
    "vocab_size": VOCABULARY,
}
ENCODER = {
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 24,
    "initializer_range": 0.2,
    "intermediate_size": 40,
    "layer_norm_eps": 1e-12,
    "num_attention_heads": 3,
    "num_hidden_layers": 2,
}

FAMILIES = {
    "llama2": LLAMA | sizes(24, 40, 3, 3, 4096, False) | {"pretraining_tp": 1, "rope_scaling": None},
    "llama3": LLAMA3 | sizes(24, 40, 6, 2, 8192, False) | {"rope_scaling": None},
    "llama31": LLAMA3
    | sizes(24, 40, 6, 2, 131072, False)
    | {"rope_scaling": SCALING | {"factor": 8.0, "rope_type": "llama3"}},
    "llama32": LLAMA3
    | sizes(24, 40, 3, 1, 131072, True)
    | {"head_dim": 8, "rope_scaling": SCALING | {"factor": 32.0, "rope_type": "llama3"}},
    "smollm2": LLAMA
    | sizes(36, 48, 9, 3, 8192, True)
    | {"is_llama_config": True, "rope_interleaved": False, "rope_scaling": None, "rope_theta": 100000},
    "tinyllama": LLAMA | sizes(32, 48, 8, 1, 2048, False) | {"pretraining_tp": 1, "rope_scaling": None},
    # The window holds the whole context.
    "mistral": COMMON
    | sizes(32, 56, 4, 1, 16, False)
    | {"architectures": ["MistralForCausalLM"], "model_type": "mistral"}
    | {"rms_norm_eps": 1e-05, "rope_theta": 10000.0, "sliding_window": 16},
    "qwen2": QWEN2 | sizes(28, 40, 7, 1, 131072, True) | {"sliding_window": 131072},
    "qwen25": QWEN2 | sizes(24, 44, 4, 2, 32768, False) | {"sliding_window": 32768},
    "qwen3": QWEN3
    | sizes(20, 32, 4, 2, 40960, True)
    | {"attention_bias": False, "head_dim": 8, "rope_scaling": None, "sliding_window": None},
    "gpt2": GPT2 | {"activation_function": "gelu_new"},
    "gpt2_variant": GPT2
    | {"activation_function": "gelu", "n_inner": 40, "scale_attn_by_inverse_layer_idx": True}
    | {"tie_word_embeddings": False},
    "bert": ENCODER
    | {"architectures": ["BertModel"], "max_position_embeddings": 16, "model_type": "bert", "pad_token_id": 0}
    | {"position_embedding_type": "absolute", "type_vocab_size": 2, "vocab_size": VOCABULARY},
    "vit": ENCODER
    | {"architectures": ["ViTForImageClassification"], "image_size": [12, 8], "model_type": "vit", "num_channels": 3}
    | {"id2label": {str(label): f"class {label}" for label in range(5)}, "patch_size": 4, "qkv_bias": True}
    | {"label2id": {f"class {label}": label for label in range(5)}},
}


def randomize(model):
    for name, parameter in model.named_parameters():
        if name.endswith("norm.weight"):
            parameter.data.normal_(1.0, 0.3)
        if name.endswith(".bias"):
            parameter.data.normal_(0.0, 0.5)
        if name.endswith("q_norm.weight"):
            parameter.data[1] *= -1.0
            parameter.data[6] = 0.0
        if name.endswith("k_norm.weight"):
            parameter.data[2:4] *= -1.0
    for module in model.modules():
        if isinstance(module, torch.nn.LayerNorm):
            module.weight.data.normal_(1.0, 0.3)
            module.weight.data[3] *= -1.0
            module.weight.data[5] = 0.0


def write(name, config):
    directory = FIXTURES / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    text = json.dumps(config, indent=2, sort_keys=True) + "\n"
    (directory / "config.json").write_text(text)
    kind = {"bert": AutoModel, "vit": AutoModelForImageClassification}.get(config["model_type"], AutoModelForCausalLM)
    model = kind.from_config(AutoConfig.from_pretrained(directory))
    randomize(model)
    model.to(torch.bfloat16)
    (model.transformer if name == "gpt2" else model).save_pretrained(directory)
    for file in ("generation_config.json", "config.json"):
        (directory / file).unlink(missing_ok=True)
    (directory / "config.json").write_text(text)
    if kind is not AutoModelForImageClassification:
        words = {f"w{index}": index for index in range(VOCABULARY)}
        Tokenizer(models.WordLevel(words, unk_token="w0")).save(str(directory / "tokenizer.json"), pretty=False)

    model = kind.from_pretrained(directory, dtype=torch.float32).eval()
    with torch.no_grad():
        values = outputs(model, config)
    save_file({key: value.contiguous() for key, value in values.items()}, FIXTURES / f"{name}.safetensors")


def outputs(model, config):
    if config["model_type"] == "vit":
        pixels = torch.rand(2, 3, *config["image_size"]) * 2.0 - 1.0
        return {"pixels": pixels, "logits": model(pixels).logits}
    ids = torch.randint(0, VOCABULARY, (2, TOKENS))
    found = model(ids)
    if config["model_type"] == "bert":
        hidden, pooled = found.last_hidden_state, found.pooler_output
        # Modules 1_Pooling (means) and 2_Normalize of sentence-transformers.
        sentence = F.normalize(hidden.mean(1), dim=1)
        return {"ids": ids.float(), "hidden": hidden, "pooled": pooled, "sentence": sentence}
    return {"ids": ids.float(), "logits": found.logits}


def main():
    for seed, (name, config) in enumerate(FAMILIES.items()):
        if name in (sys.argv[1:] or FAMILIES):
            torch.manual_seed(seed)
            write(name, config)
    for file in FIXTURES.rglob("*.safetensors"):
        file.chmod(0o644)


if __name__ == "__main__":
    main()
