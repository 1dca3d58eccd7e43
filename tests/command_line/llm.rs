//! `zkml llm`: keys of a language model, texts, proofs of them, and what is refused.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use super::lenet::{answer, asset};
use super::{text, zkml};

const PROMPT: &str = "ROMEO: But soft";

/// A folder with `zkml-llm`, made once. Weights are public, so that tests make as many proofs as they like.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_path_buf();
        let calibration =
            "ROMEO:\nBut soft, what light through yonder window breaks? It is the east.".repeat(8);
        std::fs::write(path.join("calibration.txt"), calibration).unwrap();
        let model = asset("shakespeare-llama3");
        let arguments = [
            "--weights",
            "public",
            "--tokens",
            "16",
            "--calibration",
            "calibration.txt",
        ];
        let setup = [&["llm", "setup", "--model", &model][..], &arguments].concat();
        let output = zkml(&setup, &path);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains("next: zkml llm prove --prompt TEXT"));
        (folder, path)
    });
    path
}

/// The answer of `zkml llm` as JSON.
fn llm(arguments: &[&str]) -> Value {
    answer(&zkml(&[&["llm"], arguments, &["--json"]].concat(), folder()))
}

fn refused(arguments: &[&str], code: i32, words: &str) {
    let output = zkml(&[&["llm"], arguments].concat(), folder());
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(error.contains(words), "{error}");
}

#[test]
fn texts_of_several_lengths_are_proved_with_one_key() {
    let written = llm(&["generate", "--prompt", PROMPT, "--tokens", "3"]);
    let said = written["answer"].as_str().unwrap();
    assert_eq!(written["answer_tokens"].as_array().unwrap().len(), 3);
    let short = llm(&[
        "prove",
        "--prompt",
        PROMPT,
        "--answer",
        said,
        "--output",
        "short.proof",
    ]);
    let long = llm(&[
        "prove",
        "--prompt",
        PROMPT,
        "--tokens",
        "5",
        "--output",
        "long.proof",
    ]);
    assert_eq!(
        long["tokens"].as_u64().unwrap(),
        short["tokens"].as_u64().unwrap() + 2
    );
    for (proof, answer) in [
        ("short.proof", said),
        ("long.proof", long["answer"].as_str().unwrap()),
    ] {
        let verified = llm(&["verify", proof, "--prompt", PROMPT]);
        assert_eq!(
            (&verified["valid"], verified["answer"].as_str()),
            (&Value::Bool(true), Some(answer))
        );
        // The general command knows such a proof, too.
        let key = ["--key", "zkml-llm/llm.vkey", "--proof", proof];
        let output = zkml(&[&["verify"][..], &key].concat(), folder());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    refused(
        &["verify", "long.proof", "--prompt", "ROMEO: But hard"],
        1,
        "expected the prompt",
    );
    refused(
        &["verify", "long.proof", "--context", "nonce"],
        1,
        "transcript.grind",
    );
    refused(
        &["prove", "--prompt", PROMPT, "--output", "long.proof"],
        2,
        "exists already",
    );
}

/// The general command compares a text with the whole of the proof's, whatever its length.
#[test]
fn a_proof_is_compared_with_the_text_of_its_length() {
    llm(&[
        "prove",
        "--prompt",
        PROMPT,
        "--tokens",
        "2",
        "--output",
        "compared.proof",
    ]);
    let shown = llm(&["verify", "compared.proof"]);
    let ids = |key: &str| {
        shown[key]
            .as_array()
            .unwrap()
            .iter()
            .map(Value::to_string)
            .collect::<Vec<_>>()
    };
    let mut text_of_proof = [ids("prompt_tokens"), ids("answer_tokens")].concat();
    // The last token is the answer to all that the proof read.
    text_of_proof.pop();
    let code = |name: &str, ids: &[String]| {
        std::fs::write(folder().join(name), ids.join(",") + "\n").unwrap();
        let key = [
            "verify",
            "--key",
            "zkml-llm/llm.vkey",
            "--proof",
            "compared.proof",
            "--input",
            name,
        ];
        zkml(&key, folder()).status.code()
    };
    assert_eq!(code("same.csv", &text_of_proof), Some(0));
    let (_, shorter) = text_of_proof.split_last().unwrap();
    assert_eq!(code("shorter.csv", shorter), Some(1));
    let longer = [&text_of_proof[..], &["5".to_owned()]].concat();
    assert_eq!(code("longer.csv", &longer), Some(1));
    let mut other = text_of_proof.clone();
    other[0] = "6".to_owned();
    assert_eq!(code("other.csv", &other), Some(1));
}

/// The text goes to the standard output piece by piece.
#[test]
fn a_written_text_is_shown() {
    let arguments = ["llm", "generate", "--prompt", PROMPT, "--tokens", "4"];
    let output = zkml(&arguments, folder());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    let written = llm(&arguments[1..]);
    let whole = format!(
        "{}{}\n",
        written["prompt"].as_str().unwrap(),
        written["answer"].as_str().unwrap()
    );
    assert_eq!(shown, whole);
}

#[test]
fn what_is_no_text_of_the_model_is_refused() {
    let generate = |prompt: &str, tokens: &str| {
        let arguments = ["generate", "--prompt", prompt, "--tokens", tokens];
        arguments.map(str::to_owned)
    };
    let cases = [
        (
            generate(PROMPT, "600"),
            "a text of at most 512 tokens, which the model was made for",
        ),
        (generate("<|begin_of_text|><|begin_of_text|>ROMEO", "1"), "twice"),
    ];
    for (arguments, words) in cases {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        refused(&arguments, 1, words);
    }
    refused(&["generate", "--chat", "--prompt", PROMPT], 1, "no chat template");
    // An answer that the model does not give is refused before anything is proved.
    refused(
        &[
            "prove",
            "--prompt",
            PROMPT,
            "--answer",
            " zzz",
            "--output",
            "wrong.proof",
        ],
        1,
        "which the model gives",
    );
    assert!(!folder().join("wrong.proof").exists());
    refused(
        &["generate", "--prompt", PROMPT, "--folder", "nowhere"],
        1,
        "config.json",
    );
    refused(
        &[
            "setup",
            "--model",
            &asset("shakespeare-llama3"),
            "--weights",
            "public",
        ],
        2,
        "exists already",
    );
    let empty = folder().join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    std::fs::copy(asset("shakespeare-llama3/config.json"), empty.join("config.json")).unwrap();
    refused(
        &["setup", "--model", "empty", "--output", "other"],
        1,
        "tokenizer.json",
    );
    assert!(!folder().join("other").exists());
}

/// A model on its own text: close to the floats.
#[test]
fn a_model_is_compared_with_its_floats() {
    let model = asset("shakespeare-llama3");
    let heldout = asset("shakespeare-llama3/heldout.txt");
    let arguments = [
        "eval",
        "--model",
        &model,
        "--text",
        &heldout,
        "--windows",
        "1",
        "--calibration",
        "calibration.txt",
    ];
    let report = llm(&arguments);
    let [float, integer] =
        ["float_perplexity", "integer_perplexity"].map(|key| report[key].as_f64().unwrap());
    assert!((integer / float - 1.0).abs() < 0.02, "{float} {integer}");
    refused(
        &[
            "eval",
            "--model",
            &model,
            "--text",
            &heldout,
            "--calibration",
            &heldout,
        ],
        2,
        "two texts",
    );
}
