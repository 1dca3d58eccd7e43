//! A language model from a directory to a verified text, and the texts that are no continuation.

#![cfg(feature = "prover")]
// Helpers outside of test functions unwrap as well.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use zkml::language::{Continuation, LanguageModel, QuantizedLanguageModel, Sampling};
use zkml::{Error, Privacy};

fn shakespeare() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/assets/shakespeare-llama3")
}

fn model() -> QuantizedLanguageModel {
    let model = LanguageModel::from_pretrained(shakespeare()).unwrap();
    let sampling = Sampling {
        texts: 8,
        tokens: 24,
        seed: 0,
    };
    let texts = model.sample(sampling, || {}).unwrap();
    model.quantize(&texts).unwrap()
}

const PROMPT: &str = "ROMEO:\nBut soft";

/// Text in, text out, and a proof of it, with private and with public weights.
#[test]
fn a_text_is_written_proved_and_verified() {
    let model = model();
    let prompt = model.vocabulary().encode(PROMPT).unwrap();
    let mut shown = String::new();
    let written = model.write(&prompt, 4, |piece| shown += piece).unwrap();
    assert_eq!(written.ids().len(), prompt.len() + 4);
    assert_eq!(
        model.vocabulary().decode(&prompt).unwrap() + &shown,
        model.vocabulary().decode(written.ids()).unwrap()
    );
    for privacy in [Privacy::default(), Privacy::PUBLIC] {
        let (prover, verifier) = model.setup(privacy).unwrap();
        let answer = prover.prove(&written.input(), b"nonce").unwrap();
        let proof = answer.proof();
        let verified = verifier.verify(proof, b"nonce").unwrap();
        let continuation = Continuation::of(&verified, &prompt).unwrap();
        assert_eq!(
            (continuation.prompt.as_slice(), continuation.answer.as_slice()),
            (&prompt[..], written.answer())
        );

        // The text is part of what is proved, whoever altered it: what was read, what was said, or both.
        let alter = |read: bool, said: bool| {
            let mut altered = proof.clone();
            let ids = altered.public.input.as_mut().unwrap();
            ids[prompt.len()] ^= i64::from(read);
            let tokens = altered.public.outputs.as_mut().unwrap();
            tokens[0][prompt.len() - 1] ^= i64::from(said);
            verifier.verify(&altered, b"nonce").unwrap_err().to_string()
        };
        for (read, said) in [(true, false), (false, true), (true, true)] {
            let error = alter(read, said);
            // The work was done for this text; for another one it holds by chance, the more often the less work there is.
            let checks = ["transcript.grind", "lookup.layer"].map(|name| format!("check `{name}` failed"));
            assert!(checks.iter().any(|check| error.contains(check)), "{error}");
        }
    }
}

/// A proof of a text that the model would not have written holds, and says so.
#[test]
fn another_text_is_no_continuation() {
    let model = model();
    let prompt = model.vocabulary().encode(PROMPT).unwrap();
    let written = model.write(&prompt, 3, |_| {}).unwrap();
    let (prover, verifier) = model.setup(Privacy::default()).unwrap();
    let mut input = written.input();
    let place = [0, prompt.len()];
    let own = input[place];
    input[place] = if own == 7.0 { 8.0 } else { 7.0 };
    let answer = prover.prove(&input, b"").unwrap();
    let verified = verifier.verify(answer.proof(), b"").unwrap();
    match Continuation::of(&verified, &prompt) {
        Err(Error::Continuation {
            position,
            expected,
            found,
        }) => assert_eq!(
            (position, expected as f32, found as f32),
            (prompt.len(), own, input[place])
        ),
        other => panic!("{other:?}"),
    }
    // As a longer prompt it is right: the last token alone is the model's.
    let all: Vec<u32> = input.iter().map(|id| *id as u32).collect();
    let continuation = Continuation::of(&verified, &all).unwrap();
    assert_eq!(
        (continuation.prompt.len(), continuation.answer.len()),
        (prompt.len() + 2, 1)
    );
    let longer = [&all[..], &[1]].concat();
    for wrong in [&[][..], &longer] {
        let error = Continuation::of(&verified, wrong).unwrap_err();
        let expected = format!("a prompt of 1 to {} tokens, found {}", all.len(), wrong.len());
        assert!(error.to_string().contains(&expected), "{error}");
    }
    let mut other = prompt.clone();
    other[1] ^= 1;
    let error = Continuation::of(&verified, &other).unwrap_err().to_string();
    let expected = format!(
        "token {} at position 1, found a proof about token {}",
        other[1], prompt[1]
    );
    assert!(error.contains(&expected), "{error}");
}

#[test]
fn what_cannot_be_written_is_refused() {
    let model = model();
    let refused = |prompt: &[u32], tokens| model.write(prompt, tokens, |_| {}).unwrap_err().to_string();
    assert_eq!(
        refused(&[], 3),
        "text: expected a prompt of at least one token, found none"
    );
    assert_eq!(
        refused(&[3], 0),
        "text: expected at least one token to write, found 0"
    );
    assert_eq!(
        refused(&[3, 1024], 1),
        "text: expected token ids below 1024, found 1024"
    );
    let error = refused(&[3], 1 << 12);
    assert!(error.contains("a text of at most 512 tokens"), "{error}");
    let error = model.at(1 << 12).unwrap_err().to_string();
    let expected = "expected at most 16777216 scores of the attention in one proof, found 536870912";
    assert!(error.contains(expected), "{error}");
    let error = LanguageModel::from_pretrained(shakespeare().join("nowhere")).unwrap_err();
    assert!(error.to_string().contains("config.json"), "{error}");
    let model = LanguageModel::from_pretrained(shakespeare()).unwrap();
    let error = model.quantize(&[]).unwrap_err();
    assert!(error.to_string().contains("at least one sample"), "{error}");
}

/// A model whose range was measured on one token has no proof for others; the token that would need one is not shown.
#[test]
fn writing_stops_before_a_token_without_a_proof() {
    let model = LanguageModel::from_pretrained(shakespeare()).unwrap();
    let model = model.quantize(&[vec![0]]).unwrap();
    let mut shown = 0;
    let prompt = model
        .vocabulary()
        .encode("KING RICHARD III:\nNow is the winter of our discontent")
        .unwrap();
    let error = model.write(&prompt, 3, |_| shown += 1).unwrap_err();
    assert!(matches!(error, Error::Stopped { .. }), "{error}");
    assert_eq!(shown, 0);
    let text = error.to_string();
    assert!(text.contains(&format!("before token {}", prompt.len())), "{text}");
}
